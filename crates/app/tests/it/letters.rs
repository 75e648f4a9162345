//! Letters from wallet to doctor and back, over HTTP: nothing is handed over as a file but the
//! visit
//! token.

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
    yilian.fails(&["patient", "answer", "ann", "0000", "--grant"]);
    drop(served);
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
