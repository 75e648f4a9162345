//! Secrets at rest: what lies in a home, who opens it, and what becomes of it when a command is
//! killed.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use yilian_crypto::{
    keystore::{Cost, Passphrase, is_sealed},
    seed::Seed,
};
use yilian_node::vault::{self, Keeping, PASSPHRASE_FILE, Said, Vault};

use crate::{
    net::Net,
    yilian::{Yilian, text},
};

const FIRST: &str = "the first passphrase";
const SECOND: &str = "the second passphrase";

fn said(text: &str) -> Said {
    Said::Passphrase(Passphrase::new(text).unwrap())
}

/// All files and folders of a folder, itself too.
fn walk(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            all.extend(walk(&entry.unwrap().path()));
        }
    }
    all
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn message(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "{told}");
    told + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn fault_13_no_secret_of_a_home_lies_open() {
    let yilian = Yilian::sealed(FIRST);
    yilian.ok(&["init"]);
    yilian.ok(&["ca", "admit", "North"]);
    yilian.ok(&["ca", "certify", "North", "Dr First"]);
    let ann = yilian.ok(&["patient", "new", "ann"]);
    yilian.seal("Dr First", "North", "I10");
    yilian.ok(&["ca", "admit", "Pharma"]);
    yilian.ok(&["ca", "certify", "Pharma", "Mai", "--role", "maker"]);
    yilian.ok(&["ca", "passes", "Mai", "--count", "2"]);
    let tls = yilian.file("tls");
    yilian.ok(&["ca", "tls", "North", "--host", "127.0.0.1", "--out", &tls]);
    assert_eq!(
        yilian.ok(&["patient", "list", "ann"])["records"]
            .as_array()
            .unwrap()
            .len(),
        3
    );

    let status = yilian.ok(&["keystore", "status"]);
    let folder = &status["folders"][0];
    assert_eq!(folder["keeping"], "sealed");
    assert_eq!(folder["unsealed"].as_array().unwrap().len(), 0);
    assert_eq!(folder["cost"]["memory_kib"], Cost::STANDARD.memory_kib());
    let home = yilian.path("home");
    for name in [
        "keys/consortium.key",
        "keys/validator.json",
        "members/North-node.key",
        "node/secrets/share-0",
        "patients/ann.json",
        "patients/ann.key",
        "people/Mai.passes",
        "tls/root.key",
    ] {
        assert!(is_sealed(&fs::read(home.join(name)).unwrap()), "{name}");
    }
    // No file at all has her seed, or a key in PEM.
    let seed = Seed::from_words(&text(&ann, "words")).unwrap();
    let digits = hex::encode(seed.expose());
    for file in walk(&home).iter().filter(|path| path.is_file()) {
        let bytes = fs::read(file).unwrap();
        let shown = file.display();
        assert!(
            !holds(&bytes, seed.expose()) && !holds(&bytes, digits.as_bytes()),
            "{shown}"
        );
        assert!(!holds(&bytes, b"PRIVATE KEY"), "{shown}");
    }
}

#[test]
fn what_does_not_open_is_told_with_its_cause_and_changes_nothing() {
    let mut yilian = Yilian::sealed(FIRST);
    yilian.ok(&["init"]);
    yilian.ok(&["patient", "new", "ann"]);
    yilian.ok(&["patient", "new", "bob"]);
    let home = yilian.path("home");
    let list = ["patient", "list", "ann"];

    let right = yilian.path("passphrase");
    let wrong = yilian.passphrase_file("wrong", SECOND);
    yilian.unlock_with(wrong);
    let error = yilian.fails(&list);
    assert!(
        error["error"]
            .to_string()
            .contains("the passphrase is wrong"),
        "{error}"
    );
    assert!(error["remedy"].is_string());
    // Nobody can be asked: nothing hangs.
    let mut none = yilian.command(&list);
    none.env_remove(PASSPHRASE_FILE).stdin(Stdio::null());
    let told = message(&none.output().unwrap());
    assert!(told.contains("no passphrase was given"), "{told}");
    let mut plain = yilian.command(&list);
    plain.env_remove(PASSPHRASE_FILE).arg("--insecure-plain");
    let told = message(&plain.stdin(Stdio::null()).output().unwrap());
    assert!(told.contains("are sealed"), "{told}");
    // What needs no secret is answered.
    yilian.ok(&["keystore", "status"]);

    yilian.unlock_with(right);
    let key = |name: &str| home.join(format!("patients/{name}.key"));
    let (ann, bob) = (fs::read(key("ann")).unwrap(), fs::read(key("bob")).unwrap());
    fs::write(key("ann"), &bob).unwrap();
    let error = yilian.fails(&list)["error"].to_string();
    assert!(error.contains("another name"), "{error}");
    let mut damaged = ann.clone();
    damaged[50] ^= 1;
    fs::write(key("ann"), damaged).unwrap();
    let error = yilian.fails(&list)["error"].to_string();
    assert!(
        error.contains("damaged") && error.contains("ann.key"),
        "{error}"
    );
    fs::write(key("ann"), "00".repeat(32)).unwrap();
    let error = yilian.fails(&list)["error"].to_string();
    assert!(error.contains("not sealed"), "{error}");
    fs::write(key("ann"), ann).unwrap();
    yilian.ok(&list);
    // A passphrase that others can read is none.
    let path = yilian.path("passphrase");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = yilian.fails(&list)["error"].to_string();
    assert!(error.contains("other users"), "{error}");
}

#[test]
fn nobody_keeps_secrets_plain_by_accident() {
    let yilian = Yilian::new();
    for arguments in [
        &["init"][..],
        &["patient", "recover", "ann", "--words", "words.txt"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yilian"));
        command
            .args(arguments)
            .env("YILIAN_HOME", yilian.path("home"));
        command.env_remove(PASSPHRASE_FILE).stdin(Stdio::null());
        let told = message(&command.output().unwrap());
        assert!(
            told.contains("no keystore") && told.contains("try:"),
            "{told}"
        );
        assert!(!yilian.path("home").exists());
    }
    let short = yilian.passphrase_file("short", "short");
    let mut command = Command::new(env!("CARGO_BIN_EXE_yilian"));
    command.args(["init", "--passphrase-file"]).arg(short);
    command.env("YILIAN_HOME", yilian.path("home"));
    let told = message(&command.stdin(Stdio::null()).output().unwrap());
    assert!(told.contains("8 characters"), "{told}");
}

/// Killed at any moment, a home opens with the old passphrase or with the new one, and the same
/// command brings it to its end.
#[test]
fn a_change_that_is_killed_loses_nothing() {
    let mut yilian = Yilian::sealed(FIRST);
    let home = yilian.path("home");
    vault::make(&home, &Passphrase::new(FIRST).unwrap(), Cost::LEAST).unwrap();
    let vault = Vault::open(&home, &said(FIRST)).unwrap();
    vault.write("keys/a.key", b"secret").unwrap();
    let files = [
        yilian.path("passphrase"),
        yilian.passphrase_file("second", SECOND),
    ];
    let whole = Instant::now();
    let change = |yilian: &Yilian, to: &Path| {
        let to = to.to_str().unwrap();
        let mut command = yilian.command(&["keystore", "change", "--new-passphrase-file", to]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    };
    let done = change(&yilian, &files[1]).status().unwrap();
    assert!(done.success());
    let whole = whole.elapsed();
    let (mut now, mut kept, mut changed) = (1, 0, 0);
    let mut round = 0_u32;
    // All moments from the start to just behind the end, and later ones on a machine that is busy.
    while round < 12 || (changed == 0 && round < 120) {
        yilian.unlock_with(files[now].clone());
        let mut child = change(&yilian, &files[1 - now]).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(f64::from(round) / 6.0));
        round += 1;
        child.kill().unwrap();
        child.wait().unwrap();
        let opens = [FIRST, SECOND].map(|text| Vault::open(&home, &said(text)));
        let open: Vec<&Vault> = opens.iter().flatten().collect();
        let [vault] = open[..] else {
            panic!("round {round}: opens with {} passphrases", open.len());
        };
        assert_eq!(vault.read("keys/a.key").unwrap().as_slice(), b"secret");
        if opens[1 - now].is_ok() {
            now = 1 - now;
            changed += 1;
        } else {
            kept += 1;
        }
    }
    assert!(kept > 0 && changed > 0, "{kept} kept, {changed} changed");
    // A keystore that was being written then is not there for ever.
    yilian.unlock_with(files[now].clone());
    assert!(change(&yilian, &files[1 - now]).status().unwrap().success());
    let left = walk(&home);
    let is_draft = |path: &&PathBuf| path.to_string_lossy().ends_with(".new");
    assert_eq!(left.iter().find(is_draft), None);
}

#[test]
fn a_plain_home_is_sealed_and_goes_on() {
    let (mut yilian, _) = Yilian::with_people();
    yilian.seal("Dr First", "North", "I10");
    assert_eq!(Keeping::of(&yilian.path("home")), Keeping::Plain);
    let status = yilian.ok(&["keystore", "status"]);
    assert!(status["folders"][0]["unsealed"].as_array().unwrap().len() > 10);
    let file = yilian.passphrase_file("passphrase", FIRST);
    yilian.unlock_with(file);
    let error = yilian.fails(&["patient", "list", "ann"])["error"].to_string();
    assert!(error.contains("not sealed"), "{error}");
    // Not while a node runs.
    let home = yilian.path("home");
    fs::write(home.join("node.url"), "http://127.0.0.1:1").unwrap();
    let error = yilian.fails(&["keystore", "seal"])["error"].to_string();
    assert!(error.contains("a node runs"), "{error}");
    fs::remove_file(home.join("node.url")).unwrap();
    let status = yilian.ok(&["keystore", "seal"]);
    assert_eq!(status["folders"][0]["keeping"], "sealed");
    assert_eq!(
        status["folders"][0]["unsealed"].as_array().unwrap().len(),
        0
    );
    let records = yilian.ok(&["patient", "list", "ann"]);
    assert_eq!(records["records"].as_array().unwrap().len(), 3);
    yilian.seal("Dr First", "North", "E11.9");
    let again = yilian.fails(&["keystore", "seal"])["error"].to_string();
    assert!(again.contains("are sealed"), "{again}");
    // One that was put there later, by its name alone.
    let key = home.join("tls/key.pem");
    fs::create_dir_all(key.parent().unwrap()).unwrap();
    fs::write(&key, "key").unwrap();
    for name in ["./tls/key.pem", key.to_str().unwrap(), "genesis.json"] {
        let error = yilian.fails(&["keystore", "seal", name])["error"].to_string();
        assert!(error.contains("not the name of a secret"), "{error}");
    }
    assert_eq!(fs::read(&key).unwrap(), b"key");
    yilian.ok(&["keystore", "seal", "tls/key.pem"]);
    assert!(is_sealed(&fs::read(&key).unwrap()));
}

#[test]
fn a_folder_that_is_no_home_is_not_sealed() {
    let yilian = Yilian::sealed(FIRST);
    let nowhere = yilian.file("hmoe");
    let seal = ["--home", &nowhere, "keystore", "seal"];
    let error = yilian.fails(&seal);
    assert!(error["error"].to_string().contains("no home"), "{error}");
    assert!(error["remedy"].to_string().contains("--home"), "{error}");
    assert!(!yilian.path("hmoe").exists());
    fs::create_dir(yilian.path("hmoe")).unwrap();
    fs::write(yilian.path("hmoe/letter.txt"), "dear").unwrap();
    yilian.fails(&seal);
    let left: Vec<PathBuf> = walk(&yilian.path("hmoe"));
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_passphrase_is_asked_for_without_an_echo() {
    let yilian = Yilian::new();
    let home = yilian.file("home");
    let ask = |command: &str, typed: &str| {
        let program = env!("CARGO_BIN_EXE_yilian");
        let mut asked = Command::new("script");
        asked.args([
            "-q",
            "-e",
            "-c",
            &format!("{program} --home {home} {command}"),
            "/dev/null",
        ]);
        asked.env_remove(PASSPHRASE_FILE).stdin(Stdio::piped());
        let mut child = asked.stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut told = Vec::new();
        let mut lines = typed.lines();
        let mut byte = [0];
        while output.read(&mut byte).unwrap() == 1 {
            told.extend(byte);
            // Behind each prompt, when the echo is off.
            if let Some(line) = told.ends_with(b": ").then(|| lines.next()).flatten() {
                std::thread::sleep(Duration::from_millis(300));
                input.write_all(format!("{line}\n").as_bytes()).unwrap();
            }
        }
        let status = child.wait().unwrap();
        let told = String::from_utf8_lossy(&told).into_owned();
        (status.success(), told)
    };
    let (made, told) = ask("init", &format!("{FIRST}\n{SECOND}\n"));
    assert!(!made && told.contains("differ"), "{told}");
    let (made, told) = ask("init", &format!("{FIRST}\n{FIRST}\n"));
    assert!(made && told.contains("new passphrase:"), "{told}");
    assert!(!told.contains(FIRST), "{told}");
    assert_eq!(Keeping::of(Path::new(&home)), Keeping::Sealed);
    let (made, told) = ask("patient new ann", &format!("{FIRST}\n"));
    assert!(
        made && told.contains("passphrase:") && !told.contains(FIRST),
        "{told}"
    );
}

/// Ctrl-C at a prompt ends the command, and leaves the terminal with its echo.
#[test]
fn a_prompt_that_is_broken_off_gives_the_terminal_back() {
    let yilian = Yilian::new();
    let (program, home) = (env!("CARGO_BIN_EXE_yilian"), yilian.file("home"));
    let line = format!("{program} --home {home} init; echo ended $?; stty -a");
    let mut asked = Command::new("script");
    asked.args(["-q", "-e", "-c", &line, "/dev/null"]);
    asked.env_remove(PASSPHRASE_FILE).stdin(Stdio::piped());
    let mut child = asked.stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let (mut told, mut byte) = (Vec::new(), [0]);
    while output.read(&mut byte).unwrap() == 1 {
        told.extend(byte);
        if told.ends_with(b"passphrase: ") {
            std::thread::sleep(Duration::from_millis(300));
            input.write_all(b"half\x03").unwrap();
        }
    }
    child.wait().unwrap();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("ended 1"), "{told}");
    let flags: Vec<&str> = told.split_whitespace().collect();
    for flag in ["echo", "icanon", "isig"] {
        assert!(flags.contains(&flag), "{flag}: {told}");
    }
    assert!(!yilian.path("home").exists());
}

/// By its operator: under the node's own keystore, not under the home's. The node reads it.
fn its_key_is_put_there_plain_and_sealed(net: &Net, node: &Path) {
    let key = node.join("tls/key.pem");
    let read = || Vault::open(node, &said(FIRST)).unwrap().read("tls/key.pem");
    let plain = read().unwrap();
    fs::write(&key, &plain).unwrap();
    let file = "nodes/validator-1/tls/key.pem";
    net.yilian.ok(&["keystore", "seal", file]);
    assert!(is_sealed(&fs::read(&key).unwrap()));
    assert_eq!(read().unwrap(), plain);
}

fn who_looks_after_it_needs_no_passphrase(net: &Net) {
    let home = net.yilian.file("home");
    let mut doctor = net.yilian.command(&["net", "doctor", &home]);
    doctor.env_remove(PASSPHRASE_FILE).stdin(Stdio::null());
    let output = doctor.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
}

/// Nothing is changed, and the folder is named.
fn one_under_a_third_passphrase_holds_all_back(net: &Net, node: &Path, change: &[&str]) {
    let (home, kept) = (net.yilian.path("home"), net.yilian.path("node-keystore"));
    let keystore = node.join("keystore");
    fs::copy(&keystore, &kept).unwrap();
    fs::remove_file(&keystore).unwrap();
    let third = Passphrase::new("the third passphrase").unwrap();
    vault::make(node, &third, Cost::LEAST).unwrap();
    let before = fs::read(home.join("keystore")).unwrap();
    let error = net.yilian.fails(change);
    let told = error.to_string();
    assert!(
        told.contains("validator-1") && told.contains("neither"),
        "{told}"
    );
    assert_eq!(fs::read(home.join("keystore")).unwrap(), before);
    fs::copy(&kept, &keystore).unwrap();
}

#[test]
fn a_network_under_a_passphrase_starts_unattended_and_again() {
    let mut net = Net::sealed(FIRST);
    let home = net.yilian.path("home");
    let node = home.join("nodes/validator-1");
    for folder in [&home, &node] {
        assert_eq!(Keeping::of(folder), Keeping::Sealed);
    }
    assert!(is_sealed(&fs::read(node.join("validator.json")).unwrap()));
    assert!(is_sealed(&fs::read(node.join("tls/key.pem")).unwrap()));
    for _ in 0..2 {
        net.up();
        net.well();
        who_looks_after_it_needs_no_passphrase(&net);
        net.kill();
    }
    assert!(is_sealed(
        &fs::read(node.join("data/secrets/share-0")).unwrap()
    ));
    its_key_is_put_there_plain_and_sealed(&net, &node);
    // The node's own program, with and without a passphrase.
    let program = PathBuf::from(env!("CARGO_BIN_EXE_yilian")).with_file_name("yilian-node");
    let check = |name: &str, value: Option<&Path>| {
        let mut command = Command::new(&program);
        command
            .arg("--check")
            .arg("--config")
            .arg(node.join("node.json"));
        command.env_remove(PASSPHRASE_FILE);
        if let Some(value) = value {
            command.env(name, value);
        }
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), told)
    };
    let (sound, told) = check("", None);
    assert!(!sound && told.contains("no passphrase was given"), "{told}");
    let file = net.yilian.path("passphrase");
    assert_eq!(check(PASSPHRASE_FILE, Some(&file)), (true, String::new()));
    let credentials = net.yilian.path("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::copy(&file, credentials.join("yilian-passphrase")).unwrap();
    let by_systemd = check("CREDENTIALS_DIRECTORY", Some(&credentials));
    assert_eq!(by_systemd, (true, String::new()));
    // The home and its nodes change together.
    let second = net.yilian.passphrase_file("second", SECOND);
    let second_name = second.to_str().unwrap();
    let change = ["keystore", "change", "--new-passphrase-file", second_name];
    // None of them, where one would be passed over.
    let marker = node.join("insecure-plain");
    fs::write(&marker, "").unwrap();
    let error = net.yilian.fails(&change)["error"].to_string();
    assert!(error.contains("interrupted"), "{error}");
    fs::remove_file(marker).unwrap();
    assert!(check(PASSPHRASE_FILE, Some(&file)).0);
    assert!(Vault::open(&home, &said(FIRST)).is_ok());
    one_under_a_third_passphrase_holds_all_back(&net, &node, &change);
    net.yilian.ok(&change);
    // As if it had been killed between the two: the same again, or back.
    fs::copy(net.yilian.path("node-keystore"), node.join("keystore")).unwrap();
    net.yilian.ok(&change);
    assert!(!check(PASSPHRASE_FILE, Some(&file)).0);
    assert!(check(PASSPHRASE_FILE, Some(&second)).0);
    net.yilian.unlock_with(second);
    net.up();
    net.well();
}

#[test]
fn a_plain_node_says_so_loudly() {
    let net = Net::dealt("1", "0");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_yilian")).with_file_name("yilian-node");
    let settings = net.yilian.path("home/nodes/validator-1/node.json");
    let mut command = Command::new(program);
    let output = command
        .arg("--check")
        .arg("--config")
        .arg(settings)
        .output();
    let output = output.unwrap();
    assert!(output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("NOT SEALED"), "{told}");
}

/// Runs a command under a umask that gives everybody everything.
fn openly(yilian: &Yilian, arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "umask 0; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_yilian"),
    ]);
    command
        .args(arguments)
        .arg("--insecure-plain")
        .env_remove(PASSPHRASE_FILE);
    command
        .env("YILIAN_HOME", yilian.path("home"))
        .env_remove("YILIAN_NODE");
    let output = command.current_dir(yilian.path(".")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    output
}

#[test]
fn fault_13_private_files_take_the_umask() {
    let yilian = Yilian::new();
    openly(&yilian, &["demo", "--patients", "1", "--keep"]);
    for line in [
        "ca admit North",
        "ca certify North Li --json=li.json",
        "patient new ann",
        "patient check-in ann --hospital North --out token.json",
        "ca admit Pharma",
        "ca certify Pharma Mai --role maker",
        "ca passes Mai --count 2",
        "trace codes national --product 8123456 --out codes.txt --symbols symbols",
        "trace commission Mai --codes codes.txt --offline",
        "ca tls North --host 127.0.0.1 --out tls",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        openly(&yilian, &words);
    }
    let written = [
        "home",
        "li.json",
        "token.json",
        "codes.txt",
        "symbols",
        "tls",
    ];
    let all: Vec<PathBuf> = written
        .iter()
        .flat_map(|name| walk(&yilian.path(name)))
        .collect();
    let open: Vec<String> = all
        .iter()
        .filter_map(|path| {
            let metadata = fs::symlink_metadata(path).unwrap();
            let mode = metadata.permissions().mode() & 0o777;
            let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
            (mode != wanted).then(|| format!("{mode:o} {}", path.display()))
        })
        .collect();
    assert!(open.is_empty(), "{}", open.join("\n"));
    let files = |end: &str| all.iter().any(|path| path.to_string_lossy().ends_with(end));
    for end in [
        "deposits.redb",
        "private-chain.redb",
        "people/Mai.queue",
        "issued",
    ] {
        assert!(files(end), "{end}");
    }
}
