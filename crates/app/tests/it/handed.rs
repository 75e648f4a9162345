//! What is handed from one machine to another: keys to whom they belong, words to the paper; and
//! files that have no end.

use std::{fs, os::unix::fs::PermissionsExt as _};

use yilian_crypto::keystore::Passphrase;
use yilian_node::vault::{Said, Vault};

use crate::yilian::{Yilian, visit};

const HOME: &str = "the passphrase of the consortium";
const HERS: &str = "the passphrase of her own home";
const FILE: &str = "the passphrase of the file";

fn secret(yilian: &Yilian, passphrase: &str, name: &str) -> Vec<u8> {
    let said = Said::Passphrase(Passphrase::new(passphrase).unwrap());
    let vault = Vault::open(&yilian.path("home"), &said).unwrap();
    vault.read(name).unwrap().to_vec()
}

#[test]
fn keys_are_handed_out_without_the_homes_passphrase_and_used_elsewhere() {
    let yilian = Yilian::sealed(HOME);
    yilian.ok(&["init"]);
    yilian.ok(&["ca", "admit", "North"]);
    yilian.ok(&["ca", "certify", "North", "Dr First"]);
    let own = yilian.passphrase_file("own", FILE);
    let own = ["--export-passphrase-file", own.to_str().unwrap()];
    let export = ["keystore", "export", "--person", "Dr First", "--share", "1"];
    yilian.ok(&[&export[..], &["--out", "li.keys"], &own].concat());
    // Nothing in it is to be read, and nobody but its owner reads the file.
    let file = yilian.path("li.keys");
    let written = fs::read_to_string(&file).unwrap();
    for name in ["people/Dr_First-", "keys/regulator-1.key"] {
        assert!(written.contains(name), "{name}");
    }
    let share = secret(&yilian, HOME, "keys/regulator-1.key");
    let digits = std::str::from_utf8(&share).unwrap().trim();
    assert!(!written.contains(digits) && !written.contains(&hex::encode(digits)));
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );

    // On her own machine, which has no home yet.
    let file = file.to_str().unwrap().to_owned();
    let her = Yilian::sealed(HERS);
    let wrong = her.passphrase_file("wrong", HOME);
    let wrong = ["--export-passphrase-file", wrong.to_str().unwrap()];
    let import = ["keystore", "import", &file];
    let error = her.fails(&[&import[..], &wrong].concat()).to_string();
    assert!(error.contains("passphrase is wrong"), "{error}");
    assert!(!her.path("home").exists());
    let import = [&import[..], &own].concat();
    her.ok(&import);
    assert_eq!(secret(&her, HERS, "keys/regulator-1.key"), share);
    let served = yilian.serve();
    let inbox = ["doctor", "inbox", "Dr First", "--node", &served.url];
    her.ok(&inbox);
    // A second time nothing is missing any more; but what differs by now is not written over.
    assert_eq!(her.ok(&import)["secrets"], serde_json::json!([]));
    drop(served);
    let other = Yilian::sealed(HERS);
    other.ok(&["init"]);
    let error = other.fails(&import).to_string();
    assert!(error.contains("another chain"), "{error}");
    a_removal_that_is_killed_is_repeated(
        &yilian,
        &[&export[..], &["--out", "li.keys"], &own].concat(),
    );
}

/// The keys are in the file; the command that moves them is killed in the middle.
fn a_removal_that_is_killed_is_repeated(yilian: &Yilian, export: &[&str]) {
    let moved = [export, &["--remove"]].concat();
    let people = yilian.path("home/people");
    let left = || {
        let files = fs::read_dir(&people).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let names = paths.filter(|path| path.extension().is_none_or(|end| end != "sealing"));
        names.collect::<Vec<_>>()
    };
    // Fewer keys than are in the file, and it is not overwritten.
    let words = moved.iter().copied();
    let fewer: Vec<&str> = words
        .filter(|word| !["--share", "1"].contains(word))
        .collect();
    let error = yilian.fails(&fewer).to_string();
    assert!(error.contains("is not overwritten"), "{error}");
    for path in left() {
        if path.extension().is_some_and(|end| end == "json") {
            fs::remove_file(path).unwrap();
        }
    }
    assert!(!left().is_empty());
    yilian.ok(&moved);
    assert!(left().is_empty(), "{:?}", left());
    assert!(!yilian.path("home/keys/regulator-1.key").exists());
    // Once more there is nothing left to do.
    yilian.ok(&moved);
}

#[test]
fn keys_that_were_moved_are_kept_here_no_more_and_come_back() {
    let yilian = Yilian::new();
    yilian.ok(&["init"]);
    let own = yilian.passphrase_file("own", FILE);
    let own = ["--export-passphrase-file", own.to_str().unwrap()];
    let moved = ["keystore", "export", "--share", "2", "--out", "two.keys"];
    yilian.ok(&[&moved[..], &own, &["--remove"]].concat());
    let share = yilian.path("home/keys/regulator-2.key");
    assert!(!share.exists());
    let nothing = ["keystore", "export", "--out", "none.keys"];
    let error = yilian.fails(&[&nothing[..], &own].concat()).to_string();
    assert!(error.contains("nothing to export") && !yilian.path("none.keys").exists());
    let import = |file: &'static str| [&["keystore", "import", file], &own[..]].concat();
    // A file that would put something else into a home.
    let written = fs::read_to_string(yilian.path("two.keys")).unwrap();
    for name in ["keys/validator.json", "../regulator-2.key", "people/../x"] {
        let forged = written.replace("keys/regulator-2.key", name);
        yilian.write("forged.keys", &forged);
        let error = yilian.fails(&import("forged.keys")).to_string();
        assert!(error.contains("which no export has"), "{error}");
    }
    // Under another share's name it does not open.
    let other = written.replace("regulator-2.key", "regulator-4.key");
    yilian.write("other.keys", &other);
    let error = yilian.fails(&import("other.keys")).to_string();
    assert!(error.contains("another name"), "{error}");
    yilian.ok(&import("two.keys"));
    assert!(share.exists());
    let first = fs::read(yilian.path("home/keys/regulator-1.key")).unwrap();
    fs::write(&share, &first).unwrap();
    let error = yilian.fails(&import("two.keys")).to_string();
    assert!(error.contains("is another"), "{error}");
    assert_eq!(fs::read(&share).unwrap(), first);
}

#[test]
fn words_go_into_a_file_of_ones_own_and_come_back_from_it() {
    let yilian = Yilian::new();
    yilian.ok(&["init"]);
    let told = yilian.ok(&["patient", "new", "eve", "--words-out", "words.txt"]);
    assert!(told["words"].is_null(), "{told}");
    let file = yilian.path("words.txt");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let words = fs::read_to_string(&file).unwrap();
    assert_eq!(words.split_whitespace().count(), 24);
    // They are written over nothing, and then there is no wallet either.
    let error = yilian.fails(&["patient", "new", "bob", "--words-out", "words.txt"]);
    assert!(error["error"].to_string().contains("exists"), "{error}");
    yilian.fails(&["patient", "list", "bob"]);
    yilian.ok(&["patient", "recover", "eve-2", "--words", "words.txt"]);
    // As `patient new` prints them.
    let printed = format!(
        "wallet ann\nWrite these words on paper.\n\n  {}\n\n",
        words.trim()
    );
    yilian.write("printed.txt", &printed);
    yilian.ok(&["patient", "recover", "eve-3", "--words", "printed.txt"]);
    let key = |name: &str| fs::read(yilian.path(&format!("home/patients/{name}.key"))).unwrap();
    assert!(key("eve") == key("eve-2") && key("eve") == key("eve-3"));
}

#[test]
fn a_grant_after_a_recovery_covers_the_visits_of_before() {
    let (yilian, [_, second]) = Yilian::with_people();
    yilian.ok(&["patient", "new", "eve", "--words-out", "words.txt"]);
    let token = yilian.token("eve", "North", &[]);
    let bundle = yilian.write("visit.json", &visit("I10"));
    yilian.ok(&[
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle,
    ]);
    let covers = |name: &str, letter: &str| {
        let grant = [
            "patient", "grant", name, "--reader", &second, "--out", letter,
        ];
        yilian.ok(&grant)["records"].as_u64().unwrap()
    };
    let before = covers("eve", "before.json");
    assert!(before > 0);
    yilian.ok(&["patient", "recover", "again", "--words", "words.txt"]);
    assert_eq!(covers("again", "after.json"), before);
}

#[test]
fn a_file_without_an_end_is_told_so() {
    let (yilian, _) = Yilian::with_people();
    let token = yilian.token("ann", "North", &[]);
    let seal = ["doctor", "seal", "Dr First", "--token", &token];
    for command in [
        &[&seal[..], &["--document", "/dev/zero"]].concat()[..],
        &["validate", "/dev/zero"],
        &["doctor", "open", "Dr First", "/dev/zero"],
        &["trace", "validate", "/dev/zero"],
    ] {
        let error = yilian.fails(command);
        let told = error["error"].to_string();
        assert!(told.contains("more than 256 MiB"), "{command:?}: {error}");
    }
    let error = yilian.fails(&["patient", "recover", "eve", "--words", "/dev/zero"]);
    assert!(
        error["error"].to_string().contains("longer than"),
        "{error}"
    );
}
