//! Codes that we make, and documents of others that we take: the field cases 31-own-codes and
//! 41-capture of `crates/record/tests/data/field-cases`, run as their RUN says.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::{
    trace_story::{alarms, show, steps, with_handlers},
    yilian::{Yilian, text},
};

const GTIN: &str = "09521141012345";

/// Makes codes of one product; the arguments come behind those that every case has.
fn gs1<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["trace", "codes", "gs1", "--gtin", GTIN, "--out", out];
    if !more.contains(&"--batch") {
        arguments.extend(["--batch", "L7"]);
    }
    if !more.contains(&"--expiry") {
        arguments.extend(["--expiry", "2028-02-29"]);
    }
    arguments.extend(more);
    arguments
}

fn lines(file: &str) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A code's part that everybody may read.
fn names(file: &str) -> Vec<String> {
    let names = lines(file).into_iter();
    names
        .map(|line| line.split('#').next().unwrap().to_owned())
        .collect()
}

#[test]
fn codes_are_made_once_and_read_again() {
    let yilian = with_handlers();
    // Parentheses in a batch are read as a batch.
    let paren = yilian.file("paren.txt");
    yilian.ok(&gs1(&paren, &["--batch", "A(21)B"]));
    yilian.ok(&["trace", "commission", "Mai", "--codes", &paren]);
    assert_eq!(alarms(&show(&yilian, &paren)), [""; 0]);
    assert_eq!(text(&show(&yilian, &paren)["identity"], "batch"), "A(21)B");

    // A prefix that leaves too few numbers is refused, before a file is made.
    let full = yilian.file("full.txt");
    let error = yilian.fails(&gs1(
        &full,
        &["--prefix", "12345678901234567890", "--count", "3"],
    ));
    assert!(error["error"].to_string().contains("1 numbers"), "{error}");
    yilian.fails(&gs1(
        &full,
        &["--prefix", "1234567890123456789", "--count", "200"],
    ));
    assert!(!Path::new(&full).exists());
    // As many as there are, each once, in two runs; then none is left.
    let mut seen = BTreeSet::new();
    for (name, count) in [("a.txt", "20"), ("b.txt", "12")] {
        let out = yilian.file(name);
        let prefix = "1234567890123456789";
        yilian.ok(&gs1(&out, &["--prefix", prefix, "--count", count]));
        seen.extend(names(&out));
    }
    assert_eq!(seen.len(), 32);
    yilian.fails(&gs1(&full, &["--prefix", "1234567890123456789"]));

    // Cartons with room for ten thousand numbers, in two runs.
    let mut cartons = BTreeSet::new();
    for name in ["c.txt", "d.txt"] {
        let out = yilian.file(name);
        let company = [
            "--company",
            "9952114101234",
            "--count",
            "500",
            "--out",
            &out,
        ];
        yilian.ok(&[&["trace", "codes", "carton"], &company[..]].concat());
        cartons.extend(names(&out));
    }
    assert_eq!(cartons.len(), 1_000);

    // Secrets are never overwritten, nor drawn over.
    let before = lines(&paren);
    let error = yilian.fails(&gs1(&paren, &[]));
    assert!(error["error"].to_string().contains("exists"), "{error}");
    assert_eq!(lines(&paren), before);
    let (drawn, symbols) = (yilian.file("drawn.txt"), yilian.file("symbols"));
    yilian.ok(&gs1(&drawn, &["--symbols", &symbols]));
    yilian.fails(&gs1(&full, &["--symbols", &symbols]));
    // A date that a scanner takes for one of another century is no date for a label.
    let error = yilian.fails(&gs1(&full, &["--expiry", "2099-12-31"]));
    assert!(error["error"].to_string().contains("century"), "{error}");
}

/// A second command that read the queue before the first wrote it back would write it back without
/// what the first kept, or take its passes.
#[test]
fn a_capture_is_not_lost_between_two_commands_that_have_the_queue() {
    let yilian = with_handlers();
    let all = yilian.file("both.txt");
    yilian.ok(&gs1(&all, &[]));
    yilian.ok(&["trace", "commission", "Mai", "--codes", &all, "--offline"]);
    let lock = fs::File::options()
        .create(true)
        .append(true)
        .open(yilian.path("home/people/Mai.sealing"))
        .unwrap();
    lock.lock().unwrap();
    let ship = ["trace", "ship", "Mai", "--codes", &all, "--offline"];
    for command in [
        &ship[..],
        &ship[..5],
        &["trace", "sync", "Mai"],
        &["ca", "passes", "Mai", "--count", "1"],
    ] {
        let error = yilian.fails(command);
        let told = error["error"].to_string();
        assert!(told.contains("another command"), "{command:?}: {told}");
    }
    // Others are not kept waiting, and nobody without a name leaves a file.
    yilian.ok(&["ca", "passes", "Kuai", "--count", "1"]);
    yilian.fails(&["trace", "sync", "Nobody"]);
    assert!(!yilian.path("home/people/Nobody.sealing").exists());
    drop(lock);
    assert_eq!(yilian.ok(&ship)["waiting"], 2);
    let synced = yilian.ok(&["trace", "sync", "Mai"]);
    assert_eq!(synced["appended"].as_array().unwrap().len(), 2);
}

/// Some packs of batch L7 that were commissioned: the file with all, one file each, and serials.
struct Packs {
    all: String,
    single: Vec<String>,
    serials: Vec<String>,
}

fn commissioned(yilian: &Yilian, count: usize, name: &str) -> Packs {
    let all = yilian.file(name);
    yilian.ok(&gs1(&all, &["--count", &count.to_string()]));
    // Before the documents' events.
    let at = ["--at", "2026-11-01T08:00:00Z"];
    yilian.ok(&[&["trace", "commission", "Mai", "--codes", &all], &at[..]].concat());
    let codes = lines(&all);
    let serial = |code: &String| {
        let (_, rest) = code.split_once("/21/").unwrap();
        rest.split('?').next().unwrap().to_owned()
    };
    let file = |(at, code): (usize, &String)| yilian.write(&format!("{at}-{name}"), code);
    Packs {
        single: codes.iter().enumerate().map(file).collect(),
        serials: codes.iter().map(serial).collect(),
        all,
    }
}

/// A document of the field cases, with the serial numbers of packs that exist here.
fn document(yilian: &Yilian, case: &str, serials: &[String]) -> String {
    let folder = "../record/tests/data/field-cases/41-capture";
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(case);
    let mut value = fs::read_to_string(path).unwrap();
    let parsed: Value = serde_json::from_str(&value).unwrap();
    let mut old: Vec<String> = Vec::new();
    collect_serials(&parsed, &mut old);
    for (old, new) in old.iter().zip(serials) {
        value = value.replace(old, new);
    }
    yilian.write(case, &value)
}

fn collect_serials(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_serials(item, found)),
        Value::Object(members) => members.values().for_each(|v| collect_serials(v, found)),
        Value::String(text) => {
            let link = text.split_once("/21/").map(|(_, serial)| serial);
            let urn = text.strip_prefix("urn:epc:id:sgtin:9521141.001234.");
            let serial = link.or(urn).map(str::to_owned);
            found.extend(serial.filter(|serial| !found.contains(serial)));
        }
        _ => {}
    }
}

fn capture<'a>(person: &'a str, codes: &'a str, event: &'a str) -> Vec<&'a str> {
    vec![
        "trace", "capture", person, "--codes", codes, "--event", event,
    ]
}

#[test]
fn a_pack_is_known_under_every_spelling_of_its_name() {
    let yilian = with_handlers();
    for case in ["a.json", "a2.json", "a3.json"] {
        let packs = commissioned(&yilian, 1, &format!("{case}.txt"));
        let event = document(&yilian, case, &packs.serials);
        yilian.ok(&capture("Kuai", &packs.all, &event));
        let trail = show(&yilian, &packs.all);
        assert_eq!(alarms(&trail), [""; 0], "{case}");
        assert_eq!(steps(&trail), ["commissioning", "shipping"], "{case}");
    }
}

#[test]
fn an_event_that_does_not_fit_the_packs_is_refused_before_the_append() {
    let yilian = with_handlers();
    let packs = commissioned(&yilian, 3, "three.txt");
    // Dispenses one, with the codes of three.
    let one = document(&yilian, "d.json", &packs.serials);
    let error = yilian.fails(&capture("Yao", &packs.all, &one));
    assert!(
        error["error"].to_string().contains("does not name"),
        "{error}"
    );
    // Is about another product.
    let foreign = document(&yilian, "c-foreign.json", &[]);
    let error = yilian.fails(&capture("Kuai", &packs.single[0], &foreign));
    assert!(
        error["error"].to_string().contains("does not name"),
        "{error}"
    );
    for pack in &packs.single {
        let trail = show(&yilian, pack);
        assert_eq!((steps(&trail).len(), alarms(&trail).len()), (1, 0));
        assert_eq!(trail["state"], "open");
    }
    // With the codes that it names it is taken.
    yilian.ok(&capture("Yao", &packs.single[0], &one));
    assert_eq!(show(&yilian, &packs.single[0])["state"], "dispensed");
}

#[test]
fn what_is_decommissioned_is_closed_and_late_steps_are_named() {
    let yilian = with_handlers();
    let packs = commissioned(&yilian, 1, "one.txt");
    let event = document(&yilian, "c.json", &packs.serials);
    yilian.ok(&capture("Kuai", &packs.all, &event));
    assert_eq!(show(&yilian, &packs.all)["state"], "destroyed");
    let late = yilian.refused(&["trace", "receive", "Yao", "--codes", &packs.all]);
    assert_eq!(late, "trace-closed");
    let trail = show(&yilian, &packs.all);
    let alarm = &trail["alarms"][0];
    assert_eq!(text(alarm, "alarm"), "append-after-closing");
    assert_eq!(text(alarm, "what"), "receiving");
    assert!(text(alarm, "by").contains("Yao"), "{alarm}");
}

#[test]
fn a_document_is_taken_whole_and_never_twice() {
    let yilian = with_handlers();
    let packs = commissioned(&yilian, 3, "three.txt");
    let two = document(&yilian, "c-two.json", &packs.serials);
    let queue = yilian.path("home").join("people/Kuai.queue");

    // Kept first, as a run that is killed before its first append leaves it.
    let kept = yilian.ok(&[&capture("Kuai", &packs.all, &two)[..], &["--offline"]].concat());
    assert_eq!(kept["waiting"], 2);
    let waiting = fs::read(&queue).unwrap();
    // Run again, it goes on: what waits is not kept a second time.
    let done = yilian.ok(&capture("Kuai", &packs.all, &two));
    assert_eq!(done["appended"].as_array().unwrap().len(), 2);
    let path = ["commissioning", "shipping", "receiving"];
    assert_eq!(steps(&show(&yilian, &packs.single[2])), path);

    // Killed between an append and its note, the queue still holds what is on the chain.
    fs::write(&queue, &waiting).unwrap();
    let again = yilian.ok(&["trace", "sync", "Kuai"]);
    assert_eq!(again["appended"].as_array().unwrap().len(), 2);
    yilian.ok(&capture("Kuai", &packs.all, &two));
    let trail = show(&yilian, &packs.single[0]);
    assert_eq!(
        (steps(&trail), alarms(&trail).len()),
        (path.map(str::to_owned).to_vec(), 0)
    );

    // An extension's declaration went along, and its event reads by itself.
    let own = document(&yilian, "c-dec.json", &packs.serials);
    yilian.ok(&capture("Kuai", &packs.all, &own));
    let trail = show(&yilian, &packs.single[0]);
    let event = &trail["steps"][3]["event"];
    assert_eq!(event["example:temp"], 4.1);
    assert!(
        event["@context"].to_string().contains("ns.example.com"),
        "{event}"
    );

    // Events of which one names nobody here: the others are appended, and that one is told.
    let lost = two.replace("c-two", "c-lost");
    let text = fs::read_to_string(&two).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    let foreign = "https://id.gs1.org/01/09506000134352/21/OTHER";
    value["epcisBody"]["eventList"][0]["epcList"] = serde_json::json!([foreign]);
    value["epcisBody"]["eventList"][1]["eventTime"] = "2026-11-28T04:00:00+08:00".into();
    fs::write(&lost, value.to_string()).unwrap();
    let error = yilian.fails(&capture("Kuai", &packs.all, &lost));
    assert!(error["error"].to_string().contains("1 event(s)"), "{error}");
    assert_eq!(steps(&show(&yilian, &packs.single[1])).len(), 5);
}

#[test]
fn an_expired_pack_is_dispensed_only_for_a_reason_that_its_trail_keeps() {
    let yilian = with_handlers();
    let file = yilian.file("old.txt");
    yilian.ok(&gs1(&file, &["--expiry", "2026-01-31"]));
    let at = ["--at", "2026-01-05T08:00:00Z"];
    yilian.ok(&[&["trace", "commission", "Mai", "--codes", &file], &at[..]].concat());
    let dispense = ["trace", "dispense", "Yao", "--codes", &file];
    let error = yilian.fails(&dispense);
    assert!(error["error"].to_string().contains("last day"), "{error}");
    yilian.fails(&[&dispense[..], &["--expired", " "]].concat());
    assert_eq!(show(&yilian, &file)["state"], "open");

    let reason = ["--expired", "no other antidote within reach"];
    yilian.ok(&[&dispense[..], &reason].concat());
    let trail = show(&yilian, &file);
    assert_eq!(trail["state"], "dispensed");
    assert_eq!(
        trail["steps"][1]["event"]["yilian:expiredOverride"],
        reason[1]
    );
    let alarm = &trail["alarms"][0];
    assert_eq!(text(alarm, "alarm"), "dispensed-expired");
    assert_eq!(text(alarm, "reason"), reason[1]);
}

/// What the document tells is not asked for: which of a stock of packs it is about, and who takes
/// it where only one person could.
#[test]
fn packs_and_person_are_found_where_they_can_be() {
    let yilian = with_handlers();
    let packs = commissioned(&yilian, 3, "stock.txt");
    let event = document(&yilian, "d.json", &packs.serials);
    let told = |arguments: &[&str]| yilian.fails(arguments)["error"].to_string();

    // Without codes nothing can be appended; which are missing is told.
    let alone = ["trace", "capture", "Yao", "--event", &event];
    assert!(told(&alone).contains(&packs.serials[0]));
    let other = yilian.file("other.txt");
    yilian.ok(&gs1(&other, &[]));
    let from_other = [&alone[..], &["--stock", &other]].concat();
    assert!(told(&from_other).contains("has none of what it names"));
    // Several people here could take it.
    let nobody = ["trace", "capture", "--event", &event, "--stock", &packs.all];
    let error = told(&nobody);
    assert!(
        error.contains("Kuai (courier)") && error.contains("Yao (pharmacist)"),
        "{error}"
    );
    // What the document says is not said beside it.
    let place = [
        &alone[..],
        &["--stock", &packs.all, "--at", "2026-11-01T08:00:00Z"],
    ]
    .concat();
    assert_eq!(yilian.run(&place).status.code(), Some(2));
    assert_eq!(steps(&show(&yilian, &packs.single[0])).len(), 1);

    yilian.ok(&[&alone[..], &["--stock", &packs.all, "--stock", &other]].concat());
    let states = packs
        .single
        .iter()
        .map(|pack| text(&show(&yilian, pack), "state"));
    assert_eq!(states.collect::<Vec<_>>(), ["dispensed", "open", "open"]);

    // Where Mai alone is here, it is she.
    let people = fs::read_dir(yilian.path("home/people")).unwrap();
    for file in people.map(|file| file.unwrap().path()) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if name != "Mai" && file.is_file() {
            fs::remove_file(file).unwrap();
        }
    }
    let rest = commissioned(&yilian, 1, "rest.txt");
    let event = document(&yilian, "a.json", &rest.serials);
    yilian.ok(&["trace", "capture", "--event", &event, "--stock", &rest.all]);
    assert_eq!(
        steps(&show(&yilian, &rest.all)),
        ["commissioning", "shipping"]
    );
}
