//! Letters from wallet to doctor and back, over HTTP: nothing is handed over as a file but the
//! visit
//! token.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::Stdio,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::yilian::{Yilian, text};

fn letters(inbox: &Value) -> Vec<Value> {
    inbox["letters"].as_array().unwrap().clone()
}

/// The id of the one letter of a kind.
fn only(inbox: &Value, kind: &str) -> String {
    let letters = letters(inbox);
    let of_kind: Vec<_> = letters
        .iter()
        .filter(|letter| letter["kind"] == kind)
        .collect();
    assert_eq!(of_kind.len(), 1, "{inbox}");
    text(of_kind[0], "letter")
}

/// The record of `records` that a grant of clinical records covers.
fn clinical(yilian: &Yilian) -> String {
    let listed = yilian.ok(&["patient", "list", "ann"]);
    let records = listed["records"].as_array().unwrap();
    let record = records
        .iter()
        .find(|record| text(record, "scope").starts_with("clinical/"));
    text(record.unwrap(), "record")
}

#[test]
fn a_request_is_answered_with_a_grant_by_letter_and_kept_sealed() {
    let (yilian, [_, second]) = Yilian::with_people();
    let served = yilian.serve();
    yilian.seal("Dr First", "North", "I10");
    let record = clinical(&yilian);
    let token = yilian.file("token.json");

    // A share by letter, which the reader takes as a file.
    let share = ["patient", "share", "ann", &record, "--reader", &second];
    yilian.ok(&[&share[..], &["--mail"]].concat());
    let inbox = yilian.ok(&["doctor", "inbox", "Dr Second"]);
    let shared = only(&inbox, "share");
    let file = yilian.fresh("shared.json");
    let take = ["doctor", "inbox", "Dr Second", "--take", &shared[..8]];
    yilian.ok(&[&take[..], &["--out", &file]].concat());
    let opened = yilian.ok(&["doctor", "open", "Dr Second", &file]);
    assert!(opened["content"].to_string().contains("I10"));

    // He writes back, and asks for more.
    let ask = ["doctor", "request", "Dr Second", "--reply-to", &shared];
    let asked = yilian.ok(&[&ask[..], &["--record", &record, "--days", "9"]].concat());
    let inbox = yilian.ok(&["patient", "inbox", "ann"]);
    let request = only(&inbox, "request");
    let seen = letters(&inbox)[0].clone();
    assert_eq!(text(&seen["reader"], "name"), "Dr Second");
    assert_eq!(text(&seen, "id"), text(&asked, "request"));
    let answered = yilian.ok(&["patient", "answer", "ann", &request, "--grant"]);
    let grant = text(&answered, "grant");
    let inbox = yilian.ok(&["doctor", "inbox", "Dr Second"]);
    let granted = only(&inbox, "granted");
    let file = yilian.fresh("granted.json");
    let take = ["doctor", "inbox", "Dr Second", "--take", &granted];
    yilian.ok(&[&take[..], &["--out", &file]].concat());
    let read = ["doctor", "read", "Dr Second", &file, "--record", &record];
    assert_eq!(yilian.ok(&read)["content"], opened["content"]);
    yilian.ok(&["patient", "revoke", "ann", &grant]);
    assert_eq!(yilian.refused(&read), "grant-revoked");

    // What is fetched is listed from disk, once, and nothing of it is to be read there.
    let again = yilian.ok(&["doctor", "inbox", "Dr Second"]);
    assert_eq!(letters(&again).len(), 2);
    let folder = yilian.path("home/people");
    let folders = std::fs::read_dir(folder).unwrap();
    let kept = folders
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "letters"));
    for letter in std::fs::read_dir(kept.unwrap()).unwrap() {
        let letter = std::fs::read_to_string(letter.unwrap().path()).unwrap();
        assert!(!letter.contains(&record[..16]) && !letter.contains(&grant[..16]));
    }

    // A notice by the token, and a refusal; and what is no request is not answered.
    let notice = ["doctor", "notify", "Dr First", "--token", &token];
    yilian.ok(&[&notice[..], &["--text", "your results are there"]].concat());
    let inbox = yilian.ok(&["patient", "inbox", "ann"]);
    let notice = only(&inbox, "notice");
    yilian.fails(&["patient", "answer", "ann", &notice, "--deny"]);
    yilian.ok(&[
        "patient", "answer", "ann", &request, "--deny", "--reason", "no",
    ]);
    let inbox = yilian.ok(&["doctor", "inbox", "Dr Second"]);
    only(&inbox, "denied");
    yilian.fails(&["patient", "answer", "ann", "00000000", "--grant"]);
    a_short_number_is_no_letters(&yilian, &request);
    drop(served);
}

/// Though there be one that begins so.
fn a_short_number_is_no_letters(yilian: &Yilian, request: &str) {
    for short in ["", &request[..7], "…"] {
        let error = yilian.fails(&["patient", "answer", "ann", short, "--grant"]);
        assert!(error["error"].to_string().contains("too short"), "{error}");
        let take = ["doctor", "inbox", "Dr Second", "--take", short, "--out"];
        let file = yilian.fresh("taken.json");
        let error = yilian.fails(&[&take[..], &[&file]].concat());
        assert!(error["error"].to_string().contains("too short"), "{error}");
    }
}

#[test]
fn a_wallet_from_its_words_has_the_letters_that_wait_and_the_author_his_corrections() {
    let (yilian, _) = Yilian::with_people();
    let words = text(&yilian.ok(&["patient", "new", "eve"]), "words");
    let served = yilian.serve();
    let token = yilian.token("eve", "North", &[]);
    let bundle = yilian.write("visit.json", &crate::yilian::visit("I10"));
    let seal = ["doctor", "seal", "Dr First", "--token", &token];
    let sealed = yilian.ok(&[&seal[..], &["--bundle", &bundle]].concat());
    let record = text(&sealed["records"][0], "record");
    let notice = ["doctor", "notify", "Dr First", "--token", &token];
    yilian.ok(&[&notice[..], &["--text", "come again"]].concat());

    let file = yilian.write("words.txt", &words);
    yilian.ok(&["patient", "recover", "eve2", "--words", &file]);
    let inbox = yilian.ok(&["patient", "inbox", "eve2"]);
    only(&inbox, "notice");
    let correct = ["patient", "correct", "eve2", &record];
    yilian.ok(&[&correct[..], &["--text", "not me"]].concat());
    let inbox = yilian.ok(&["doctor", "inbox", "Dr First"]);
    only(&inbox, "correction");
    // It is fetched: the first device has none any more.
    assert!(letters(&yilian.ok(&["patient", "inbox", "eve"])).is_empty());
    // Who was never treated has no stamps, and is told so.
    let correct = ["patient", "correct", "ann", &record, "--text", "not me"];
    assert_eq!(yilian.refused(&correct), "foreign-visit");
    drop(served);
}

/// A way to a node that holds back who fetches letters.
struct Stalled {
    url: String,
    /// Tells when somebody waits.
    asked: Receiver<()>,
    /// Dropped, it lets everybody go on.
    hold: Sender<()>,
}

impl Stalled {
    fn before(node: &str) -> Self {
        let node = node.trim_start_matches("http://").trim_end_matches('/');
        let node = node.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = mpsc::channel();
        let (hold, held) = mpsc::channel();
        thread::spawn(move || {
            // One connection after the other: the command that is held has one only.
            while let Ok((client, _)) = listener.accept() {
                pass(client, &node, &tell, &held);
            }
        });
        Self { url, asked, hold }
    }
}

/// Passes on what a client sends, and what the node answers.
fn pass(mut client: TcpStream, node: &str, tell: &Sender<()>, held: &Receiver<()>) {
    let mut node = TcpStream::connect(node).unwrap();
    let (mut answers, mut back) = (node.try_clone().unwrap(), client.try_clone().unwrap());
    let answering = thread::spawn(move || {
        drop(std::io::copy(&mut answers, &mut back));
        drop(back.shutdown(Shutdown::Both));
    });
    let mut bytes = [0; 65_536];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        let sent = &bytes[..count];
        let path = b"/v1/letters/fetch";
        if sent.windows(path.len()).any(|window| window == path) {
            tell.send(()).ok();
            held.recv().ok();
        }
        if node.write_all(sent).is_err() {
            break;
        }
    }
    drop(node.shutdown(Shutdown::Both));
    answering.join().unwrap();
}

fn wallet(yilian: &Yilian) -> Value {
    let file = fs::read(yilian.path("home/patients/ann.json")).unwrap();
    serde_json::from_slice(&file).unwrap()
}

/// Two tokens under one pseudonym would come of it, or grants of which the wallet knows nothing.
#[test]
fn an_inbox_that_a_node_stalls_writes_over_no_visit_of_meanwhile() {
    let (yilian, _) = Yilian::with_people();
    let served = yilian.serve();
    yilian.seal("Dr First", "North", "I10");
    let stalled = Stalled::before(&served.url);
    let inbox = ["patient", "inbox", "ann", "--node", &stalled.url];
    let mut inbox = yilian.command(&inbox);
    let inbox = inbox.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let inbox = inbox.unwrap();
    let asked = stalled.asked.recv_timeout(Duration::from_secs(60));
    asked.unwrap();
    yilian.token("ann", "North", &[]);
    drop(stalled.hold);
    let output = inbox.wait_with_output().unwrap();
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{failed}");
    let wallet = wallet(&yilian);
    let counters = wallet["visits"].as_array().unwrap().iter();
    let counters: Vec<_> = counters.map(|visit| &visit["counter"]).collect();
    assert_eq!(counters, [0, 1], "{failed}");
    // It did write the wallet, with what it got.
    assert!(!wallet["stamps"].as_array().unwrap().is_empty(), "{failed}");
    drop(served);
}

#[test]
fn a_wallet_that_another_command_has_in_hand_is_written_by_none() {
    let (yilian, [_, second]) = Yilian::with_people();
    let served = yilian.serve();
    yilian.seal("Dr First", "North", "I10");
    let record = clinical(&yilian);
    let lock = fs::File::options()
        .append(true)
        .open(yilian.path("home/patients/ann.sealing"));
    let lock = lock.unwrap();
    lock.lock().unwrap();
    let before = wallet(&yilian);
    let out = yilian.fresh("out.json");
    let commands: [&[&str]; 5] = [
        &["check-in", "ann", "--hospital", "North", "--out", &out],
        &["grant", "ann", "--reader", &second, "--out", &out],
        &["share", "ann", &record, "--reader", &second, "--mail"],
        &["answer", "ann", "0000", "--deny"],
        &["correct", "ann", &record, "--text", "not me"],
    ];
    for command in commands {
        let error = yilian.fails(&[&["patient"][..], command].concat());
        assert!(error.to_string().contains("in hand"), "{error}");
    }
    yilian.ok(&["patient", "inbox", "ann"]);
    yilian.ok(&["patient", "list", "ann"]);
    assert_eq!(wallet(&yilian), before);
    drop(lock);
    yilian.ok(&["patient", "inbox", "ann"]);
    assert_ne!(wallet(&yilian), before);
    drop(served);
}
