//! What a newcomer does in the first hour, and what is told before anything happens.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use yilian_node::vault::PASSPHRASE_FILE;

use crate::yilian::{Yilian, text, visit};

/// The program as a person runs it, without `--json` behind the command.
fn plain(yilian: &Yilian, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yilian"));
    command
        .args(arguments)
        .arg("--insecure-plain")
        .env("YILIAN_HOME", yilian.path("home"))
        .env_remove(PASSPHRASE_FILE)
        .env_remove("YILIAN_NODE")
        .env_remove("RUST_LOG")
        .current_dir(yilian.path("."))
        .stdin(Stdio::null());
    command
}

fn ran(yilian: &Yilian, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = plain(yilian, arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// What is told of a command that must fail before it does anything.
fn refused(yilian: &Yilian, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = ran(yilian, arguments);
    assert!(
        matches!(code, Some(1 | 2)),
        "{arguments:?}: {stdout}{stderr}"
    );
    assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_eq!(stdout, "", "{arguments:?}");
    stderr
}

/// What people did so far: members and certificates, records, grants.
fn state(yilian: &Yilian) -> Value {
    let objects = yilian.ok(&["status"])["objects"].clone();
    let grants = yilian.ok(&["patient", "grants", "ann"])["grants"].clone();
    let registry = yilian.ok(&["ca", "list"])["members"].clone();
    serde_json::json!([objects, grants, registry])
}

/// Answers go to the standard output alone, and nothing else does. Nobody has to read them to the
/// end.
#[test]
fn a_reader_may_stop_and_success_says_nothing_beside_the_answer() {
    let (yilian, _) = Yilian::with_people();
    yilian.seal("Dr First", "North", "I10");
    for arguments in [
        &["patient", "list", "ann"][..],
        &["status"],
        &["block", "list"],
        &["ca", "list"],
        &["completions", "bash"],
        &["patient", "search", "ann", "I10"],
    ] {
        let (code, stdout, stderr) = ran(&yilian, arguments);
        assert_eq!((code, &stderr[..]), (Some(0), ""), "{arguments:?}");
        assert!(stdout.ends_with('\n'), "{arguments:?}");
        for json in [false, true] {
            let mut command = plain(&yilian, arguments);
            if json && arguments[0] != "completions" {
                command.arg("--json");
            }
            let mut child = command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // `head` that is gone before anything is said.
            drop(child.stdout.take());
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            let told = (output.status.code(), &stderr[..]);
            assert_eq!(told, (Some(0), ""), "{arguments:?}");
        }
    }
    // An error that nobody reads is one all the same, and no panic.
    let mut child = plain(&yilian, &["patient", "list", "nobody"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // A full disk is a failure.
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = plain(&yilian, &["patient", "list", "ann"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be written"));
}

/// What a command does is done, though its answer is not read; a wallet whose words nobody saw is
/// none.
#[test]
fn what_is_not_read_is_done_but_for_a_wallet() {
    let (yilian, _) = Yilian::with_people();
    let unheard = |arguments: &[&str]| {
        let mut child = plain(&yilian, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child.wait().unwrap().code()
    };
    assert_eq!(unheard(&["ca", "admit", "East"]), Some(0));
    assert!(yilian.ok(&["ca", "list"]).to_string().contains("East"));
    assert_eq!(unheard(&["patient", "new", "carl"]), Some(1));
    yilian.fails(&["patient", "list", "carl"]);
    yilian.ok(&["patient", "new", "carl"]);
}

#[test]
fn json_stands_before_or_behind_the_command() {
    let (yilian, _) = Yilian::with_people();
    let file = yilian.file("status.json");
    for arguments in [
        &["--json", "status"][..],
        &["status", "--json"],
        &["block", "--json", "show", "1"],
        &["block", "show", "--json", "1"],
        &["--json", "ca", "list"],
    ] {
        let (code, stdout, _) = ran(&yilian, arguments);
        assert_eq!(code, Some(0), "{arguments:?}");
        let answer: Value = serde_json::from_str(&stdout).unwrap();
        assert!(answer.is_object(), "{arguments:?}");
    }
    assert!(!yilian.path("1").exists());
    let (code, stdout, _) = ran(&yilian, &["--json", &file, "status"]);
    assert!(code == Some(0) && stdout.contains("height"));
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert!(kept["chain"].is_string());
    // Nothing that is there is written over: not an answer, not the file that was to be checked.
    assert!(refused(&yilian, &["status", "--json", &file]).contains("not overwritten"));
    let bundle = yilian.write("a.json", &visit("I10"));
    refused(&yilian, &["validate", "--json", &bundle, &bundle]);
    assert_eq!(std::fs::read_to_string(&bundle).unwrap(), visit("I10"));
}

#[test]
fn names_that_look_the_same_are_told_and_the_right_one_is_suggested() {
    let (yilian, _) = Yilian::with_people();
    let before = state(&yilian);
    for (arguments, told) in [
        (&["patient", "new", "Ann"][..], "`ann`"),
        (&["patient", "new", "ＡＮＮ"], "`ann`"),
        (&["patient", "new", "ann"], "already"),
        (&["ca", "admit", "NORTH"], "`North`"),
        (&["ca", "admit", "North"], "already"),
        (&["ca", "certify", "North", "dr first"], "`Dr First`"),
        (&["ca", "certify", "North", "Dr First"], "already"),
        (&["ca", "certify", "north", "Dr New"], "is it `North`?"),
        (&["patient", "list", "ANN"], "is it `ann`?"),
        (&["patient", "list", "bob"], "ann"),
        (&["ca", "renew", "dr second"], "is it `Dr Second`?"),
        (
            &["ca", "vote", "suspend", "south", "--by", "North"],
            "is it `South`?",
        ),
        (&["log", "show", "nort"], "is it `North`?"),
        (&["patient", "new", ""], "empty"),
        (&["patient", "new", " \t"], "empty"),
        (&["patient", "new", "\u{200b}"], "empty"),
        (&["patient", "new", "bob "], "blank"),
        (&["patient", "new", "bo\u{200b}b"], "U+200B"),
        (&["ca", "admit", "Ea\nst"], "U+000A"),
        (&["ca", "admit", "East\u{202e}"], "U+202E"),
        (&["ca", "certify", "North", "Dr\u{a0}New"], "U+00A0"),
    ] {
        let said = refused(&yilian, arguments);
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    assert_eq!(state(&yilian), before, "nothing came onto the chain");
    // A wallet's name is kept whole where its file's is another.
    yilian.ok(&["patient", "new", "Ann Lee (mother)"]);
    let said = refused(&yilian, &["patient", "list", "ann lee (Mother)"]);
    assert!(said.contains("is it `Ann Lee (mother)`?"), "{said}");
    yilian.ok(&["patient", "list", "Ann Lee (mother)"]);
}

/// A command that was cut short between its key and the chain is repeated.
#[test]
fn who_was_made_half_is_made_whole() {
    let (yilian, _) = Yilian::with_people();
    let past = ["--from", "2020-01-01T00:00:00Z", "--days", "10"];
    let certify = ["ca", "certify", "North", "Dr Half"];
    yilian.refused(&[&certify[..], &past].concat());
    yilian.ok(&certify);
    // Killed behind the key.
    let key = |name: &str| yilian.path(&format!("home/members/{name}.key"));
    std::fs::write(key("Half"), "07".repeat(32)).unwrap();
    yilian.ok(&["ca", "admit", "Half"]);
    assert_eq!(
        std::fs::read_to_string(key("Half")).unwrap(),
        "07".repeat(32)
    );
    // Killed behind the member's file.
    let other = Yilian::new();
    other.ok(&["init"]);
    other.ok(&["ca", "admit", "East"]);
    for name in ["East.json", "East.key", "East-node.key"] {
        let from = other.path(&format!("home/members/{name}"));
        std::fs::copy(from, yilian.path(&format!("home/members/{name}"))).unwrap();
    }
    yilian.ok(&["ca", "admit", "East"]);
    yilian.ok(&["ca", "certify", "East", "Dr East"]);
}

#[test]
fn numbers_that_cannot_be_meant_are_refused() {
    let (yilian, [_, second]) = Yilian::with_people();
    let before = state(&yilian);
    let (token, letter) = (yilian.file("token.json"), yilian.file("letter.json"));
    let check_in = [
        "patient",
        "check-in",
        "ann",
        "--hospital",
        "North",
        "--out",
        &token,
        "--hours",
    ];
    let grant = [
        "patient", "grant", "ann", "--reader", &second, "--out", &letter,
    ];
    let with = |command: &[&'static str], more: &[&'static str]| [command, more].concat();
    for hours in ["0", "-1", "1.5", "100000", "99999999999999999999"] {
        refused(&yilian, &[&check_in[..], &[hours]].concat());
    }
    for more in [
        ["--days", "0"],
        ["--days", "9999999"],
        ["--threshold", "0"],
        ["--threshold", "9"],
        ["--levels", "secret"],
        ["--purpose", "fun"],
        ["--quarters", "1000"],
    ] {
        refused(&yilian, &[&grant[..], &more].concat());
    }
    for days in ["0", "10000"] {
        refused(&yilian, &["ca", "renew", "Dr First", "--days", days]);
        let certify = ["ca", "certify", "North", "Dr New", "--days", days];
        refused(&yilian, &certify);
        refused(&yilian, &["ca", "passes", "Dr First", "--days", days]);
        refused(&yilian, &["ca", "passes", "Dr First", "--count", days]);
    }
    let tls = ["ca", "tls", "North", "--out", "tls", "--host"];
    for more in [
        &["a b"][..],
        &[""],
        &["*.example"],
        &["a.example", "--days", "0"],
    ] {
        refused(&yilian, &with(&tls, more));
    }
    refused(&yilian, &["block", "list", "--count", "0"]);
    refused(&yilian, &["demo", "--patients", "0"]);
    // What could be meant is listed.
    let role = refused(&yilian, &["ca", "certify", "North", "X", "--role", "nurse"]);
    assert!(role.contains("pharmacist"), "{role}");
    assert_eq!(state(&yilian), before, "nothing came onto the chain");
    assert!(!yilian.path("token.json").exists() && !yilian.path("letter.json").exists());
    assert!(!yilian.path("tls").exists());
}

/// Where nothing can be written, and what is told.
const PLACES: [(&str, &str); 8] = [
    ("taken.json", "not overwritten"),
    ("pipe.json", "not overwritten"),
    ("link.json", "not overwritten"),
    ("folder", "is a folder"),
    ("missing/new.json", "no folder missing"),
    ("taken.json/new.json", "cannot write"),
    ("folder/", "is a folder"),
    ("new.json/", "names no file"),
];

/// Whoever opens a pipe that nobody else has open waits for ever.
fn make_pipe(yilian: &Yilian, name: &str) {
    let made = Command::new("mkfifo").arg(yilian.path(name)).status();
    assert!(made.unwrap().success());
}

fn tls(folder: &str) -> [&str; 7] {
    ["ca", "tls", "North", "--host", "127.0.0.1", "--out", folder]
}

/// What others put there is written neither over nor through, and their folders stay open to them.
#[test]
fn what_is_not_the_commands_own_stays_as_it_is() {
    let yilian = Yilian::new();
    yilian.ok(&["init"]);
    yilian.ok(&["ca", "admit", "North"]);
    for name in ["etc", "piped", "elsewhere"] {
        std::fs::create_dir(yilian.path(name)).unwrap();
    }
    yilian.write("etc/key.pem", "the system's");
    make_pipe(&yilian, "pipe");
    make_pipe(&yilian, "piped/root.pem");
    std::os::unix::fs::symlink("elsewhere", yilian.path("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", yilian.path("dangling")).unwrap();
    for folder in ["etc", "piped"] {
        let said = refused(&yilian, &tls(folder));
        assert!(said.contains("not overwritten"), "{folder}: {said}");
    }
    for folder in ["pipe", "link", "link/", "dangling", "etc/key.pem"] {
        let said = refused(&yilian, &tls(folder));
        assert!(said.contains("is no folder"), "{folder}: {said}");
    }
    for folder in ["link", "link/", "dangling", "etc", "pipe"] {
        let codes = "trace codes national --product 8123456 --out codes.txt --symbols";
        let codes: Vec<&str> = codes.split(' ').chain([folder]).collect();
        let said = refused(&yilian, &codes);
        assert!(said.contains("no place"), "{folder}: {said}");
    }
    assert!(!yilian.path("codes.txt").exists() && !yilian.path("nowhere").exists());
    let names = |folder: &str| std::fs::read_dir(yilian.path(folder)).unwrap().count();
    assert_eq!(
        (names("elsewhere"), names("piped"), names("etc")),
        (0, 1, 1)
    );
    let system = std::fs::read_to_string(yilian.path("etc/key.pem")).unwrap();
    assert_eq!(system, "the system's");
    // Its own are made anew; not through a link that was put in the place of one.
    for _ in 0..2 {
        yilian.ok(&tls("tls"));
    }
    std::fs::remove_file(yilian.path("tls/key.pem")).unwrap();
    std::os::unix::fs::symlink("../etc/key.pem", yilian.path("tls/key.pem")).unwrap();
    assert!(refused(&yilian, &tls("tls")).contains("not overwritten"));
    // A home is not made of a folder that others use.
    let etc = yilian.path("etc");
    std::fs::set_permissions(&etc, Permissions::from_mode(0o755)).unwrap();
    for command in [
        &["init", "--home", "etc"][..],
        &[
            "patient", "recover", "ann", "--words", "w.txt", "--home", "etc",
        ],
        &["net", "create", "etc", "--validators", "1"],
    ] {
        let said = refused(&yilian, command);
        assert!(said.contains("open to others"), "{command:?}: {said}");
    }
    let mode = etc.metadata().unwrap().permissions().mode();
    assert_eq!((mode & 0o777, names("etc")), (0o755, 1));
}

/// Where there is no place for an answer, nothing is done: no grant, no share, no passes.
#[test]
fn a_place_to_write_to_is_looked_at_before_anything_happens() {
    let (yilian, [first, second]) = Yilian::with_people();
    let records = yilian.seal("Dr First", "North", "I10");
    let record = &records[0];
    let share = yilian.file("share.json");
    yilian.ok(&[
        "patient", "share", "ann", record, "--reader", &second, "--out", &share,
    ]);
    let before = state(&yilian);
    let taken = yilian.write("taken.json", "{}");
    std::fs::create_dir(yilian.path("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", yilian.path("link.json")).unwrap();
    make_pipe(&yilian, "pipe.json");
    let grant = "00".repeat(32);
    for (place, told) in PLACES {
        for command in [
            &["patient", "check-in", "ann", "--hospital", "North", "--out"][..],
            &["patient", "grant", "ann", "--reader", &second, "--out"],
            &[
                "patient", "share", "ann", record, "--reader", &second, "--out",
            ],
            &["patient", "open", "ann", record, "--out"],
            &["patient", "search", "ann", "I10", "--letter"],
            &["doctor", "open", "Dr Second", &share, "--out"],
            &[
                "doctor",
                "emergency",
                "Dr First",
                &grant,
                "--second",
                &first,
                "--reason",
                "x",
                "--out",
            ],
            &["trace", "codes", "carton", "--company", "34012345", "--out"],
            &["ca", "renew", "Dr First", "--json"],
            &["ca", "admit", "East", "--json"],
        ] {
            // `--json` takes names that end otherwise behind `=`.
            let (last, rest) = command.split_last().unwrap();
            let option = format!("{last}={place}");
            let said = refused(&yilian, &[rest, &[option.as_str()]].concat());
            assert!(said.contains(told), "{command:?} {place}: {said}");
        }
    }
    let twice = [
        "patient", "grant", "ann", "--reader", &second, "--out", "g.json", "--json", "./g.json",
    ];
    assert!(refused(&yilian, &twice).contains("written twice"));
    assert_eq!(state(&yilian), before, "nothing came onto the chain");
    assert_eq!(std::fs::read_to_string(taken).unwrap(), "{}");
    let listed = yilian.ok(&["patient", "grants", "ann"]);
    assert_eq!(listed["grants"].as_array().unwrap().len(), 0);
    // No draft is left behind.
    let here = std::fs::read_dir(yilian.path(".")).unwrap();
    let names: Vec<_> = here.map(|file| file.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().starts_with(".tmp")),
        "{names:?}"
    );
}

/// What ann hands over: a token, a share, a letter and a search letter, for the second doctor.
struct Papers {
    token: String,
    share: String,
    letter: String,
    search: String,
}

impl Papers {
    fn new(yilian: &Yilian, second: &str) -> Self {
        let records = yilian.seal("Dr First", "North", "I10");
        let papers = Self {
            token: yilian.file("token.json"),
            share: yilian.file("share.json"),
            letter: yilian.file("letter.json"),
            search: yilian.file("search.json"),
        };
        let reader = ["--reader", second, "--out"];
        let share = ["patient", "share", "ann", &records[1]];
        yilian.ok(&[&share[..], &reader, &[&papers.share]].concat());
        yilian.ok(&[&["patient", "grant", "ann"][..], &reader, &[&papers.letter]].concat());
        yilian.ok(&[
            "patient",
            "search",
            "ann",
            "I10",
            "--letter",
            &papers.search,
        ]);
        papers
    }
}

#[test]
fn what_is_handed_over_is_named_for_what_it_is() {
    let (yilian, [_, second]) = Yilian::with_people();
    let Papers {
        token,
        share,
        letter,
        search,
    } = Papers::new(&yilian, &second);
    let bundle = yilian.write("visit.json", &visit("I10"));
    let empty = yilian.write("empty.json", "\n");
    let seal = ["doctor", "seal", "Dr First", "--token"];
    let seal = [&seal[..], &[&share, "--bundle", &bundle]].concat();
    let of_other_kind: [(&[&str], &str); 8] = [
        (
            &["doctor", "open", "Dr Second", &letter],
            "the letter of a grant",
        ),
        (&["doctor", "open", "Dr Second", &bundle], "a FHIR resource"),
        (&["doctor", "open", "Dr Second", &empty], "empty"),
        (
            &["doctor", "read", "Dr Second", &share],
            "a share of a record",
        ),
        (
            &["doctor", "search", "Dr Second", &letter],
            "the letter of a grant",
        ),
        (
            &["doctor", "countersign", "Dr Second", &search],
            "a search letter",
        ),
        (&["verify", &token], "a visit token"),
        (&seal, "a share of a record"),
    ];
    for (arguments, told) in of_other_kind {
        let said = refused(&yilian, arguments);
        assert!(said.contains(told) && said.contains("not "), "{said}");
    }
}

#[test]
fn what_is_for_others_is_named_as_such() {
    let (yilian, [_, second]) = Yilian::with_people();
    let Papers {
        token,
        share,
        letter,
        search,
    } = Papers::new(&yilian, &second);
    let bundle = yilian.write("visit.json", &visit("I10"));
    // For another reader.
    for arguments in [
        ["doctor", "open", "Dr First", &share],
        ["doctor", "read", "Dr First", &letter],
    ] {
        let said = refused(&yilian, &arguments);
        assert!(said.contains(&second) && said.contains("is for"), "{said}");
    }
    // Of another hospital, and over.
    let seal = |doctor: &'static str| {
        let seal = ["doctor", "seal", doctor, "--token", &token, "--bundle"];
        [&seal[..], &[bundle.as_str()]].concat()
    };
    let said = refused(&yilian, &seal("Dr Second"));
    assert!(said.contains("another hospital, North"), "{said}");

    // Of another chain: the same people, and other keys.
    let (other, [_, reader]) = Yilian::with_people();
    let cases = [
        (["doctor", "open", "Dr Second", &share], "share"),
        (["doctor", "read", "Dr Second", &letter], "letter"),
        (["doctor", "search", "Dr Second", &search], "search letter"),
    ];
    for (arguments, what) in cases {
        let said = refused(&other, &arguments);
        assert!(said.contains(&format!("the {what} is for chain")), "{said}");
    }
    let said = refused(&other, &seal("Dr First"));
    assert!(
        said.contains("the visit token is for another chain"),
        "{said}"
    );
    assert_ne!(reader, second);
}

/// A token that is over is told so, with when.
#[test]
fn an_expired_token_is_named() {
    let (yilian, _) = Yilian::with_people();
    let token = yilian.token("ann", "North", &[]);
    let written = std::fs::read_to_string(&token).unwrap();
    let mut value: Value = serde_json::from_str(&written).unwrap();
    let expires = value.pointer_mut("/visit/expires").unwrap();
    *expires = if expires.is_string() {
        "2020-01-01T00:00:00Z".into()
    } else {
        1.into()
    };
    std::fs::write(&token, value.to_string()).unwrap();
    let bundle = yilian.write("visit.json", &visit("I10"));
    let seal = [
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle,
    ];
    let said = refused(&yilian, &seal);
    assert!(
        said.contains("expired at") && said.contains("new token"),
        "{said}"
    );
}

#[test]
fn a_node_is_reached_however_its_address_is_written() {
    let (yilian, _) = Yilian::with_people();
    let served = yilian.serve();
    let port = served.url.rsplit(':').next().unwrap();
    for address in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("LOCALHOST:{port}/"),
        format!("HTTP://127.0.0.1:{port}//"),
        format!(" http://127.0.0.1:{port} "),
    ] {
        yilian.ok(&["status", "--node", &address]);
    }
    for address in ["", "ftp://127.0.0.1", "two words", "127.0.0.1:port"] {
        let address = format!("--node={address}");
        let said = refused(&yilian, &["status", &address]);
        assert!(
            said.contains("no address") || said.contains("value is required"),
            "{said}"
        );
    }
    drop(served);
}

#[test]
fn a_node_is_reached_by_ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let (yilian, _) = Yilian::with_people();
    let served = yilian.serve_at("[::1]:0");
    assert!(served.url.starts_with("http://[::1]:"), "{}", served.url);
    let port = served.url.rsplit(':').next().unwrap();
    for address in [served.url.clone(), format!("[::1]:{port}")] {
        yilian.ok(&["status", "--node", &address]);
    }
    drop(served);
}

#[test]
fn the_same_visit_is_sealed_twice_only_when_somebody_insists() {
    let (yilian, _) = Yilian::with_people();
    let bundle = yilian.write("visit.json", &visit("I10"));
    let check_in = || yilian.token("ann", "North", &[]);
    let count = || {
        let listed = yilian.ok(&["patient", "list", "ann"]);
        listed["records"].as_array().unwrap().len()
    };
    let token = check_in();
    let seal = [
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle,
    ];
    let first = yilian.ok(&seal);
    let before = state(&yilian);

    // Under the same token nothing happens, and the answer is the same.
    let again = yilian.ok(&seal);
    assert_eq!(again["records"], first["records"]);
    assert_eq!(again["before"], 3);
    // Nor does the order of the bundle's entries make another visit of it.
    let mut turned: Value = serde_json::from_str(&visit("I10")).unwrap();
    turned["entry"].as_array_mut().unwrap().reverse();
    yilian.write("visit.json", &turned.to_string());
    assert_eq!(yilian.ok(&seal)["records"], first["records"]);

    // Under another it is told, with the records that there are.
    let token = check_in();
    let said = refused(&yilian, &seal);
    assert!(said.contains("1 of 1 visits were sealed before"), "{said}");
    assert!(
        said.contains(&text(&first["records"][0], "record")),
        "{said}"
    );
    let left = yilian.ok(&[&seal[..], &["--accept", "rest"]].concat());
    assert_eq!(left["left_out"].as_array().unwrap().len(), 3);
    assert_eq!((state(&yilian), count()), (before, 3));

    let insisted = yilian.ok(&[&seal[..], &["--accept", "again"]].concat());
    assert_ne!(insisted["records"], first["records"]);
    assert_eq!(count(), 6);
    // Which is once, too.
    yilian.ok(&[&seal[..], &["--accept", "again"]].concat());
    assert_eq!(count(), 6);
    // Another visit is another.
    yilian.write("visit.json", &visit("E11.9"));
    yilian.ok(&seal);
    assert_eq!(count(), 9);
    assert!(std::path::Path::new(&token).exists());
}
