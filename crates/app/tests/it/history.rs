//! A history under one token: killed at any moment it goes on, and no visit is sealed twice.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::yilian::{Yilian, text};

const VISITS: usize = 5;

/// A bundle of [`VISITS`] visits of one patient.
fn history() -> String {
    let mut entries = vec![
        json!({ "fullUrl": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
        "resource": { "resourceType": "Patient", "id": "p", "gender": "female" } }),
    ];
    for number in 1..=VISITS {
        let subject = json!({ "reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0" });
        let encounter = format!("urn:uuid:1c3151bd-1cbf-4d64-b04d-00000000000{number}");
        let day = format!("2026-10-0{number}T08:00:00Z");
        let class = json!({
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"
        });
        entries.push(json!({ "fullUrl": encounter, "resource": {
            "resourceType": "Encounter", "id": format!("e{number}"), "status": "finished",
            "class": class, "subject": subject, "period": { "start": day }
        }}));
        let coding = json!({ "system": "http://hl7.org/fhir/sid/icd-10", "code": "I10" });
        let condition = format!("urn:uuid:2c3151bd-1cbf-4d64-b04d-00000000000{number}");
        entries.push(json!({ "fullUrl": condition, "resource": {
            "resourceType": "Condition", "id": format!("c{number}"), "subject": subject,
            "encounter": { "reference": encounter }, "code": { "coding": [coding] }
        }}));
    }
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entries }).to_string()
}

/// What the doctor noted of each visit: whether it is final.
fn noted(yilian: &Yilian) -> Vec<bool> {
    let people = std::fs::read_dir(yilian.path("home/people")).unwrap();
    let folder = people.map(|entry| entry.unwrap().path()).find(|path| {
        path.extension()
            .is_some_and(|extension| extension == "sealed")
    });
    let Some(folder) = folder else {
        return Vec::new();
    };
    let notes = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let notes = notes.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    notes
        .map(|path| {
            let note: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            !note[0]["height"].is_null()
        })
        .collect()
}

fn records(yilian: &Yilian) -> Vec<String> {
    let listed = yilian.ok(&["patient", "list", "ann"]);
    let listed = listed["records"].as_array().unwrap();
    listed.iter().map(|record| text(record, "record")).collect()
}

/// Killed again and again: once a request is noted and before it is final, and once a visit is
/// final. What is sealed in the end is each visit once.
#[test]
fn a_history_that_is_killed_goes_on_and_seals_no_visit_twice() {
    let (yilian, _) = Yilian::with_people();
    let (token, bundle) = (
        yilian.token("ann", "North", &[]),
        yilian.write("history.json", &history()),
    );
    let seal = [
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle,
    ];
    // Several visits under one token are told first.
    let error = yilian.fails(&seal)["error"].to_string();
    assert!(error.contains("history"), "{error}");
    let seal = [&seal[..], &["--accept", "history"]].concat();

    let (mut kills, mut killed_open) = (0, 0);
    for wanted in 1..VISITS {
        let mut child = yilian
            .command(&seal)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let since = Instant::now();
        // Odd ones are killed as soon as their request is noted, others when a visit is final.
        loop {
            let notes = noted(&yilian);
            let reached = match wanted % 2 {
                1 => notes.len() >= wanted,
                _ => notes.iter().filter(|is_final| **is_final).count() >= wanted,
            };
            if reached || child.try_wait().unwrap().is_some() {
                break;
            }
            assert!(
                since.elapsed() < Duration::from_secs(120),
                "nothing is sealed"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        killed_open += usize::from(noted(&yilian).contains(&false));
    }
    assert!(
        kills >= 2 && killed_open >= 1,
        "{kills} kills, {killed_open} under way"
    );

    let sealed = yilian.ok(&seal);
    let told = sealed["records"].as_array().unwrap();
    let mut told: Vec<String> = told.iter().map(|record| text(record, "record")).collect();
    assert!(sealed["before"].as_u64().unwrap() > 0, "{sealed}");
    let mut there = records(&yilian);
    told.sort();
    there.sort();
    assert_eq!(told, there, "what is told is what there is");
    // One part of identity, and of each visit a clinical and a statistical one.
    assert_eq!(there.len(), 1 + 2 * VISITS);
    let found = yilian.ok(&["patient", "search", "ann", "I10", "--check"]);
    assert_eq!(found["records"].as_array().unwrap().len(), VISITS);
    yilian.ok(&["log", "verify", "North"]);

    // Repeated, it changes nothing.
    let again = yilian.ok(&seal);
    assert_eq!(again["before"].as_u64().unwrap() as usize, there.len());
    assert_eq!(records(&yilian).len(), there.len());
}

/// The token of a history may end in the middle: under a new one, the rest is sealed.
#[test]
fn the_rest_of_a_history_is_sealed_under_another_token() {
    let (yilian, _) = Yilian::with_people();
    let mut whole: Value = serde_json::from_str(&history()).unwrap();
    let bundle = yilian.write("history.json", &whole.to_string());
    whole["entry"].as_array_mut().unwrap().truncate(1 + 2 * 2);
    let part = yilian.write("part.json", &whole.to_string());
    let seal = |bundle: &str, more: &[&str]| {
        let token = yilian.file("token.json");
        let seal = [
            "doctor", "seal", "Dr First", "--token", &token, "--bundle", bundle, "--accept",
            "history",
        ];
        let seal = [&seal[..], more].concat();
        let output = yilian.run(&seal);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    yilian.token("ann", "North", &[]);
    let sealed = seal(&part, &[]);
    assert_eq!(sealed["records"].as_array().unwrap().len(), 5);
    yilian.token("ann", "North", &[]);
    let told = seal(&bundle, &[])["error"].to_string();
    assert!(told.contains("2 of 5 visits were sealed before"), "{told}");
    assert_eq!(records(&yilian).len(), 5, "nothing happened yet");
    let rest = seal(&bundle, &["--accept", "rest"]);
    assert_eq!(rest["records"].as_array().unwrap().len(), 6, "{rest}");
    assert_eq!(rest["left_out"].as_array().unwrap().len(), 5);
    assert_eq!(records(&yilian).len(), 11);
}

/// One doctor seals in one process at a time: else two would not see each other's notes.
#[test]
fn two_commands_do_not_seal_in_one_name_at_once() {
    let (yilian, _) = Yilian::with_people();
    let (token, bundle) = (
        yilian.token("ann", "North", &[]),
        yilian.write("history.json", &history()),
    );
    let folder = yilian.path("home/people");
    let file = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let json = file
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .find(|path| std::fs::read_to_string(path).unwrap().contains("Dr First"));
    let lock = std::fs::File::create(json.unwrap().with_extension("sealing")).unwrap();
    lock.lock().unwrap();
    let seal = [
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle,
    ];
    let seal = [&seal[..], &["--accept", "history"]].concat();
    let error = yilian.fails(&seal)["error"].to_string();
    assert!(error.contains("another command seals"), "{error}");
    drop(lock);
    yilian.ok(&seal);
}
