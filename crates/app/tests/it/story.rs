//! The straight path, step by step, on one machine and over HTTP.

use crate::yilian::{Yilian, text};

#[test]
fn one_record_goes_from_a_doctor_to_its_patient_to_a_second_doctor() {
    let (yilian, [first, second]) = Yilian::with_people();
    let served = yilian.serve();
    let records = yilian.seal("Dr First", "North", "I10");

    // The patient lists and opens; the author is checked.
    let listed = yilian.ok(&["patient", "list", "ann"]);
    assert_eq!(listed["records"].as_array().unwrap().len(), records.len());
    let scopes: Vec<_> = listed["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| text(record, "scope"))
        .collect();
    let clinical = scopes
        .iter()
        .position(|scope| scope.starts_with("clinical/"))
        .unwrap();
    let record = records[clinical].as_str();
    let opened = yilian.ok(&["patient", "open", "ann", record]);
    assert_eq!(
        (text(&opened, "author"), text(&opened, "certificate")),
        ("Dr First".into(), first)
    );
    assert!(opened["content"].to_string().contains("I10"));

    // A one-shot share opens for its reader, in either form, and for nobody else.
    for form in ["gt", "lv"] {
        let share = yilian.fresh("share.json");
        let arguments = ["--reader", &second, "--form", form, "--out", &share];
        yilian.ok(&[&["patient", "share", "ann", record], &arguments[..]].concat());
        let shared = yilian.ok(&["doctor", "open", "Dr Second", &share]);
        assert_eq!(shared["content"], opened["content"]);
        yilian.fails(&["doctor", "open", "Dr First", &share]);
    }

    // A standing grant of clinical records is served, paused, resumed and revoked.
    let letter = yilian.file("letter.json");
    let made = yilian.ok(&[
        "patient", "grant", "ann", "--reader", &second, "--out", &letter,
    ]);
    let grant = text(&made, "grant");
    let read = ["doctor", "read", "Dr Second", &letter, "--record", record];
    assert_eq!(yilian.ok(&read)["content"], opened["content"]);
    yilian.ok(&["patient", "pause", "ann", &grant]);
    assert_eq!(yilian.refused(&read), "grant-paused");
    yilian.ok(&["patient", "resume", "ann", &grant]);
    yilian.ok(&read);
    yilian.ok(&["patient", "revoke", "ann", &grant]);
    assert_eq!(yilian.refused(&read), "grant-revoked");
    assert_eq!(
        yilian.refused(&["patient", "resume", "ann", &grant]),
        "grant-revoked"
    );

    // The chain knows the record, and neither who it is about nor what is in it.
    let on_chain = yilian.ok(&["record", "show", record]).to_string();
    assert!(!on_chain.contains("I10") && !on_chain.contains("First"));
    drop(served);
}

#[test]
fn a_killed_node_comes_back_with_everything_it_acknowledged() {
    let (yilian, _) = Yilian::with_people();
    let served = yilian.serve();
    let before = yilian.seal("Dr First", "North", "I10");
    served.kill();
    assert!(
        yilian.path("home/node.url").exists(),
        "a killed node cannot take its note away"
    );

    for record in &before {
        yilian.ok(&["patient", "open", "ann", record]);
    }
    let after = yilian.seal("Dr First", "North", "E11.9");
    let listed = yilian.ok(&["patient", "list", "ann"]);
    assert_eq!(
        listed["records"].as_array().unwrap().len(),
        before.len() + after.len()
    );
}

#[test]
fn a_renewed_certificate_is_for_the_same_keys_and_the_old_one_still_checks() {
    let (yilian, [first, second]) = Yilian::with_people();
    let served = yilian.serve();
    let before = yilian.seal("Dr First", "North", "I10");
    let renewed = text(
        &yilian.ok(&["ca", "renew", "Dr First", "--days", "700"]),
        "certificate",
    );
    assert_ne!(renewed, first);
    let after = yilian.seal("Dr First", "North", "E11.9");
    let author = |record: &str| {
        text(
            &yilian.ok(&["patient", "open", "ann", record]),
            "certificate",
        )
    };
    assert_eq!(
        (author(&before[0]), author(&after[0])),
        (first.clone(), renewed)
    );
    // What was signed while the old one was good stays good when it is revoked.
    yilian.ok(&["ca", "revoke", &first, "--reason", "renewed"]);
    assert_eq!(author(&before[0]), first);
    // What is shared with a reader before his renewal is opened after it.
    let share = yilian.file("share.json");
    let arguments = [
        "patient", "share", "ann", &after[0], "--reader", &second, "--out", &share,
    ];
    yilian.ok(&arguments);
    yilian.fails(&["ca", "renew", "Nobody"]);
    yilian.ok(&["doctor", "open", "Dr Second", &share]);
    drop(served);
}

#[test]
fn an_emergency_grant_is_opened_by_two_clinicians_and_the_patient_sees_it() {
    let (yilian, [first, second]) = Yilian::with_people();
    let served = yilian.serve();
    let reader = text(
        &yilian.ok(&["ca", "certify", "South", "Emergency desk"]),
        "certificate",
    );
    let records = yilian.seal("Dr First", "North", "I10");
    let (letter, file) = (yilian.file("letter.json"), yilian.file("opening.json"));
    let grant = [
        "patient",
        "grant",
        "ann",
        "--reader",
        &reader,
        "--emergency",
        "--out",
        &letter,
    ];
    let grant = text(&yilian.ok(&grant), "grant");
    let read = ["doctor", "read", "Emergency desk", &letter];
    assert_eq!(yilian.refused(&read), "grant-not-opened");

    let reason = ["--reason", "found unconscious", "--out", &file];
    let alone = [
        "doctor",
        "emergency",
        "Dr First",
        &grant,
        "--second",
        &first,
    ];
    yilian.ok(&[&alone[..], &reason].concat());
    assert_eq!(
        yilian.refused(&["doctor", "countersign", "Dr First", &file]),
        "two-clinicians"
    );
    yilian.fresh("opening.json");
    let both = [
        "doctor",
        "emergency",
        "Dr First",
        &grant,
        "--second",
        &second,
    ];
    yilian.ok(&[&both[..], &reason].concat());
    yilian.fails(&["doctor", "countersign", "Emergency desk", &file]);
    yilian.ok(&["doctor", "countersign", "Dr Second", &file]);
    assert!(yilian.ok(&read)["content"].to_string().contains("I10"));
    assert!(!records.is_empty());

    let listed = yilian.ok(&["patient", "grants", "ann"]);
    let opening = &listed["grants"][0]["openings"][0]["opening"];
    assert_eq!(text(opening, "reason"), "found unconscious");
    let clinician = |place: &str| text(&opening[place], "certificate");
    assert_eq!((clinician("first"), clinician("second")), (first, second));
    drop(served);
}

#[test]
fn members_suspend_one_of_them_by_vote() {
    let (yilian, _) = Yilian::with_people();
    for name in ["East", "West"] {
        yilian.ok(&["ca", "admit", name]);
    }
    let served = yilian.serve();
    let vote = |motion: &str, by: &str| {
        let voted = yilian.ok(&["ca", "vote", motion, "North", "--by", by]);
        text(&voted, "standing")
    };
    assert_eq!(vote("suspend", "South"), "active");
    assert_eq!(vote("suspend", "East"), "suspended");
    let token = yilian.token("ann", "North", &[]);
    let bundle = yilian.write("visit.json", &crate::yilian::visit("I10"));
    let seal = [
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle,
    ];
    assert_eq!(yilian.refused(&seal), "member-suspended");
    assert_eq!(
        yilian.refused(&["ca", "certify", "North", "Dr Third"]),
        "member-suspended"
    );
    assert_eq!(
        yilian.refused(&["ca", "vote", "reinstate", "North", "--by", "North"]),
        "member-suspended"
    );
    vote("reinstate", "South");
    assert_eq!(vote("reinstate", "West"), "active");
    yilian.ok(&seal);
    drop(served);
}

#[test]
fn a_receipt_is_verified_without_any_node_and_a_changed_one_is_not() {
    let (yilian, _) = Yilian::with_people();
    let listed = yilian.ok(&["block", "list"]);
    let blocks = listed["blocks"].as_array().unwrap();
    let full = blocks.iter().find_map(|block| block["transactions"].get(0));
    let transaction = text(full.unwrap(), "id");
    let receipt = yilian.ok(&["receipt", &transaction]);
    let file = yilian.write("receipt.json", &receipt.to_string());
    let genesis = std::fs::read_to_string(yilian.path("home/genesis.json")).unwrap();
    let genesis = yilian.write("genesis.json", &genesis);
    // Nothing but these two files is there.
    std::fs::remove_dir_all(yilian.path("home")).unwrap();
    let verify = ["verify", &file, "--genesis", &genesis];
    assert_eq!(yilian.ok(&verify), receipt);

    let changes = [
        ("/transaction", "0".repeat(64)),
        ("/header/state", "1".repeat(64)),
        ("/header/parent", "2".repeat(64)),
        ("/finality", "00".repeat(87)),
    ];
    for (place, value) in changes {
        let mut changed = receipt.clone();
        *changed.pointer_mut(place).unwrap() = value.into();
        yilian.write("receipt.json", &changed.to_string());
        let error = yilian.fails(&verify);
        assert!(
            error["error"].to_string().contains("does not verify"),
            "{place}: {error}"
        );
    }
    yilian.write("receipt.json", "{}");
    yilian.fails(&verify);
    let other = Yilian::new();
    other.ok(&["init"]);
    let other = other.file("home/genesis.json");
    yilian.write("receipt.json", &receipt.to_string());
    let error = yilian.fails(&["verify", &file, "--genesis", &other]);
    assert!(
        error["error"].to_string().contains("another chain"),
        "{error}"
    );
}

#[test]
fn the_words_alone_bring_everything_back() {
    let (yilian, [_, second]) = Yilian::with_people();
    let words = text(&yilian.ok(&["patient", "new", "bob", "--chinese"]), "words");
    let token = yilian.token("bob", "North", &["--private"]);
    let bundle = yilian.write("visit.json", &crate::yilian::visit("F32.1"));
    yilian.ok(&[
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle,
    ]);
    let letter = yilian.file("letter.json");
    let made = yilian.ok(&[
        "patient", "grant", "bob", "--reader", &second, "--out", &letter,
    ]);

    let file = yilian.write("words.txt", &words);
    let found = yilian.ok(&["patient", "recover", "robert", "--words", &file]);
    assert_eq!(
        (found["visits"].as_u64(), found["grants"].as_u64()),
        (Some(1), Some(1))
    );
    let listed = |name: &str| yilian.ok(&["patient", "list", name])["records"].clone();
    assert_eq!(listed("robert"), listed("bob"));
    yilian.ok(&["patient", "revoke", "robert", &text(&made, "grant")]);
}

#[test]
fn a_private_visit_stays_out_of_a_grant_and_so_do_other_levels() {
    let (yilian, [_, second]) = Yilian::with_people();
    let open = yilian.seal("Dr First", "North", "I10");
    let token = yilian.token("ann", "North", &["--private"]);
    let bundle = yilian.write("visit.json", &crate::yilian::visit("I10"));
    let private = yilian.ok(&[
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle, "--accept", "again",
    ]);
    let letter = yilian.file("letter.json");
    yilian.ok(&[
        "patient", "grant", "ann", "--reader", &second, "--levels", "clinical", "--out", &letter,
    ]);

    // Its reader alone can see what the letter names.
    let served = yilian.serve();
    let read = yilian
        .ok(&["doctor", "read", "Dr Second", &letter])
        .to_string();
    let named = open.iter().filter(|record| read.contains(record.as_str()));
    let named = named.count();
    assert_eq!(named, 1, "only the clinical part of the open visit");
    for record in private["records"].as_array().unwrap() {
        assert!(!read.contains(&text(record, "record")));
    }
    let letter = std::fs::read_to_string(&letter).unwrap();
    assert!(open.iter().all(|record| !letter.contains(record.as_str())));
    drop(served);
}

#[test]
fn records_are_found_by_code_and_word_by_their_patient_and_by_whom_he_lets() {
    let (yilian, _) = Yilian::with_people();
    let served = yilian.serve();
    let pressure = yilian.seal("Dr First", "North", "I10");
    let diabetes = yilian.seal("Dr First", "North", "E11.9");
    let again = yilian.seal("Dr First", "North", "I10");
    let found = |arguments: &[&str]| -> Vec<String> {
        let told = yilian.ok(arguments);
        let records = told["records"].as_array().unwrap().clone();
        assert!(records.iter().all(|line| {
            text(line, "hospital") == "North" && text(line, "author") == "Dr First"
        }));
        records.iter().map(|line| text(line, "record")).collect()
    };
    let search =
        |words: &[&str]| found(&[&["patient", "search", "ann", "--check"], words].concat());

    // By code, by everyday word in either language, by several words; what is not there is not
    // found.
    let both = search(&["I10"]);
    assert_eq!(both.len(), 2);
    assert!(pressure.contains(&both[0]) && again.contains(&both[1]));
    assert_eq!(search(&["高血压"]), both);
    assert_eq!(search(&["hypertension"]), both);
    assert_eq!(search(&["i10", "高血压"]), both);
    assert!(diabetes.contains(&search(&["糖尿病"])[0]));
    assert_eq!(search(&["I10", "糖尿病"]), Vec::<String>::new());
    assert_eq!(search(&["Z99.9"]), Vec::<String>::new());
    assert_eq!(search(&["I10", "--until", "2020-Q1"]), Vec::<String>::new());

    // A letter lets a doctor of another hospital find what exists now, and nothing later. It names
    // no word.
    let letter = yilian.file("search.json");
    let arguments = [
        "patient",
        "search",
        "ann",
        "I10",
        "高血压",
        "--letter",
        &letter,
    ];
    yilian.ok(&arguments);
    let written = std::fs::read_to_string(&letter).unwrap();
    assert!(!written.contains("I10") && !written.contains("高血压"));
    assert_eq!(found(&["doctor", "search", "Dr Second", &letter]), both);
    yilian.seal("Dr First", "North", "I10");
    assert_eq!(found(&["doctor", "search", "Dr Second", &letter]), both);
    assert_eq!(search(&["I10"]).len(), 3);

    // A writer who lost his notes counts the entries on the chain and goes on after them.
    let people = std::fs::read_dir(yilian.path("home/people")).unwrap();
    let notes: Vec<_> = people
        .map(|file| file.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "notes")
        })
        .collect();
    assert_eq!(notes.len(), 1);
    std::fs::remove_file(&notes[0]).unwrap();
    yilian.seal("Dr First", "North", "I10");
    assert_eq!(search(&["I10"]).len(), 4);
    let refused = yilian.fails(&["patient", "search", "ann", "of", "the"]);
    assert!(refused.to_string().contains("no word"), "{refused}");
    drop(served);
}
