//! A medicine from factory to bedside, as its handlers run the program.

use serde_json::{Value, json};

use crate::yilian::{Yilian, text};

/// A network with a maker, a courier, a pharmacist and a regulator, each with passes.
pub fn with_handlers() -> Yilian {
    let yilian = Yilian::new();
    yilian.ok(&["init", "--name", "Test"]);
    for (member, person, role) in [
        ("Pharma", "Mai", "maker"),
        ("Carriers", "Kuai", "courier"),
        ("Pharmacy", "Yao", "pharmacist"),
        ("Agency", "Guan", "regulator"),
    ] {
        yilian.ok(&["ca", "admit", member]);
        yilian.ok(&["ca", "certify", member, person, "--role", role]);
        let issued = yilian.ok(&["ca", "passes", person, "--count", "12"]);
        assert_eq!(issued["valid"], 12);
    }
    yilian
}

/// Makes packs of one batch; returns the file, and one file for each pack.
fn packs(yilian: &Yilian, count: usize) -> (String, Vec<String>) {
    let file = yilian.file("packs.txt");
    yilian.ok(&[
        "trace",
        "codes",
        "gs1",
        "--gtin",
        "09521141012345",
        "--batch",
        "L7",
        "--expiry",
        "2075-12-31",
        "--count",
        &count.to_string(),
        "--out",
        &file,
    ]);
    let codes = std::fs::read_to_string(&file).unwrap();
    let single = codes.lines().enumerate();
    let single = single
        .map(|(at, code)| yilian.write(&format!("pack{at}.txt"), code))
        .collect();
    (file, single)
}

fn carton(yilian: &Yilian, name: &str) -> String {
    let file = yilian.file(name);
    yilian.ok(&[
        "trace",
        "codes",
        "carton",
        "--company",
        "34012345",
        "--out",
        &file,
    ]);
    file
}

pub fn show(yilian: &Yilian, codes: &str) -> Value {
    yilian.ok(&["trace", "show", "--codes", codes])["trails"][0].clone()
}

pub fn steps(trail: &Value) -> Vec<String> {
    let steps = trail["steps"].as_array().unwrap().iter();
    steps
        .map(|step| step["event"]["bizStep"].as_str().unwrap_or("?").to_owned())
        .collect()
}

pub fn alarms(trail: &Value) -> Vec<String> {
    let alarms = trail["alarms"].as_array().unwrap().iter();
    alarms.map(|alarm| text(alarm, "alarm")).collect()
}

#[test]
fn a_pack_goes_from_factory_to_bedside_and_every_holder_can_check_it() {
    let yilian = with_handlers();
    let served = yilian.serve();
    let (all, single) = packs(&yilian, 3);
    let (case, pallet) = (carton(&yilian, "case.txt"), carton(&yilian, "pallet.txt"));
    yilian.ok(&[
        "trace",
        "commission",
        "Mai",
        "--codes",
        &all,
        "--storage",
        "2..8",
    ]);
    yilian.ok(&["trace", "pack", "Mai", "--codes", &all, "--into", &case]);
    yilian.ok(&["trace", "pack", "Mai", "--codes", &case, "--into", &pallet]);
    yilian.ok(&["trace", "ship", "Mai", "--codes", &pallet]);
    yilian.ok(&[
        "trace",
        "receive",
        "Kuai",
        "--codes",
        &pallet,
        "--temperature",
        "3..7.5",
    ]);
    yilian.ok(&[
        "trace", "unpack", "Kuai", "--codes", &case, "--from", &pallet,
    ]);
    yilian.ok(&["trace", "ship", "Kuai", "--codes", &case]);
    yilian.ok(&[
        "trace",
        "receive",
        "Yao",
        "--codes",
        &case,
        "--place",
        "urn:epc:id:sgln:0614141.07346.0",
    ]);
    // The pallet goes on without the case, which is none of the packs' history.
    yilian.ok(&[
        "trace",
        "ship",
        "Kuai",
        "--codes",
        &pallet,
        "--temperature",
        "20..30",
    ]);
    yilian.ok(&["trace", "dispense", "Yao", "--codes", &single[0]]);

    let trail = show(&yilian, &single[0]);
    assert_eq!(
        steps(&trail),
        [
            "commissioning",
            "packing",
            "packing",
            "shipping",
            "receiving",
            "unpacking",
            "shipping",
            "receiving",
            "dispensing"
        ]
    );
    assert_eq!(alarms(&trail), [""; 0]);
    assert_eq!(trail["state"], "dispensed");
    let author = &trail["steps"][7]["author"];
    assert_eq!(
        (
            text(author, "name"),
            text(author, "member"),
            text(author, "role")
        ),
        ("Yao".into(), "Pharmacy".into(), "pharmacist".into())
    );

    // The others of its carton stay open; one is split.
    yilian.ok(&["trace", "dispense", "Yao", "--codes", &single[2], "--part"]);
    yilian.ok(&["trace", "dispense", "Yao", "--codes", &single[2], "--part"]);
    let split = show(&yilian, &single[2]);
    assert_eq!(
        (split["state"].as_str(), alarms(&split)),
        (Some("open"), vec![])
    );
    yilian.ok(&["trace", "dispense", "Yao", "--codes", &single[2]]);
    assert_eq!(show(&yilian, &single[2])["state"], "dispensed");
    assert_eq!(show(&yilian, &single[1])["state"], "open");

    // A copy of the code is dispensed elsewhere: refused, and told to whoever looks.
    let again = yilian.refused(&["trace", "dispense", "Yao", "--codes", &single[0]]);
    assert_eq!(again, "trace-closed");
    assert_eq!(alarms(&show(&yilian, &single[0])), ["double-dispensing"]);

    // The rest of the batch is called back, the dispensed pack too.
    let recalled = yilian.ok(&["trace", "recall", "Guan", "--codes", &all]);
    assert_eq!(recalled["appended"][0]["packs"], 3);
    let trail = show(&yilian, &single[1]);
    assert_eq!(
        (trail["state"].as_str(), alarms(&trail)),
        (Some("recalled"), vec!["recalled".to_owned()])
    );
    let late = yilian.refused(&["trace", "dispense", "Yao", "--codes", &single[1]]);
    assert_eq!(late, "trace-closed");
    yilian.ok(&["trace", "destroy", "Yao", "--codes", &single[1]]);

    // Everything survives a power failure.
    served.kill();
    assert_eq!(show(&yilian, &single[1])["state"], "destroyed");
}

#[test]
fn a_prescription_is_dispensed_against_a_pack_once() {
    let yilian = with_handlers();
    yilian.ok(&["ca", "admit", "North"]);
    yilian.ok(&["ca", "certify", "North", "Dr First"]);
    yilian.ok(&["patient", "new", "ann"]);
    let (all, single) = packs(&yilian, 2);
    yilian.ok(&["trace", "commission", "Mai", "--codes", &all]);

    let token = yilian.token("ann", "North", &[]);
    let mut bundle: Value =
        serde_json::from_str(include_str!("../../../../examples/visit.json")).unwrap();
    let request = json!({ "fullUrl": "urn:uuid:3c3151bd-1cbf-4d64-b04d-cd9187a4c6e3", "resource": {
        "resourceType": "MedicationRequest", "id": "rx1", "status": "active", "intent": "order",
        "medicationCodeableConcept": { "text": "氨氯地平 5 mg" },
        "subject": { "reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0" },
        "encounter": { "reference": "urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e1" }
    }});
    bundle["entry"].as_array_mut().unwrap().push(request);
    let bundle = yilian.write("visit.json", &bundle.to_string());
    let sealed = yilian.ok(&[
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle,
    ]);
    let records = sealed["records"].as_array().unwrap();
    let clinical = records
        .iter()
        .find(|record| record["level"] == "clinical")
        .unwrap();
    let certified = yilian.ok(&["ca", "certify", "Pharmacy", "Pei", "--role", "pharmacist"]);
    let pharmacist = text(&certified, "certificate");
    yilian.ok(&["ca", "passes", "Pei"]);
    let share = yilian.fresh("share.json");
    let record = text(clinical, "record");
    yilian.ok(&[
        "patient",
        "share",
        "ann",
        &record,
        "--reader",
        &pharmacist,
        "--out",
        &share,
    ]);

    let dispense = |pack| {
        [
            "trace", "dispense", "Pei", "--codes", pack, "--share", &share,
        ]
    };
    yilian.ok(&dispense(&single[0]));
    assert_eq!(yilian.refused(&dispense(&single[1])), "prescription-used");
    assert_eq!(show(&yilian, &single[1])["state"], "open");
    let trail = show(&yilian, &single[0]);
    let transaction = &trail["steps"][1]["event"]["bizTransactionList"][0];
    assert!(text(transaction, "bizTransaction").ends_with(":MedicationRequest:rx1"));

    // A record without a prescription, and one that is shared with somebody else.
    let none = yilian.fails(&[
        "trace", "dispense", "Pei", "--codes", &single[1], "--share", &share, "--item", "rx2",
    ]);
    assert!(
        none["error"][0]
            .as_str()
            .unwrap()
            .contains("no prescription")
    );
    yilian.fails(&[
        "trace", "dispense", "Mai", "--codes", &single[1], "--share", &share,
    ]);
}

#[test]
fn what_is_captured_offline_comes_onto_the_chain_later_in_its_order() {
    let yilian = with_handlers();
    let (all, single) = packs(&yilian, 2);
    let at = "2026-11-20T08:00:00Z";
    let offline = |arguments: &[&str]| yilian.ok(&[arguments, &["--offline", "--at", at]].concat());
    offline(&["trace", "commission", "Mai", "--codes", &all]);
    let kept = offline(&["trace", "ship", "Mai", "--codes", &all]);
    assert_eq!(kept["waiting"], 2);
    yilian.fails(&["trace", "show", "--codes", &single[0]]);
    // Nothing was sent: a second maker, offline too, has the same codes by mistake. Hers come later
    // and are refused.
    yilian.ok(&["ca", "certify", "Pharma", "Mao", "--role", "maker"]);
    yilian.ok(&["ca", "passes", "Mao", "--count", "3"]);
    offline(&["trace", "commission", "Mao", "--codes", &single[0]]);

    let synced = yilian.ok(&["trace", "sync", "Mai"]);
    assert_eq!(synced["appended"].as_array().unwrap().len(), 2);
    let trail = show(&yilian, &single[0]);
    assert_eq!(steps(&trail), ["commissioning", "shipping"]);
    assert_eq!(
        trail["steps"][0]["event"]["eventTime"],
        "2026-11-20T08:00:00.000Z"
    );
    assert_eq!(yilian.refused(&["trace", "sync", "Mao"]), "trace-exists");
    // What was refused for good leaves the queue.
    let again = yilian.ok(&["trace", "sync", "Mao"]);
    assert_eq!(again["refused"].as_array().unwrap().len(), 0);
}

#[test]
fn epcis_events_go_in_and_come_out() {
    let yilian = with_handlers();
    let (_, single) = packs(&yilian, 1);
    yilian.ok(&["trace", "commission", "Mai", "--codes", &single[0]]);
    let serial = text(&show(&yilian, &single[0])["identity"], "serial");
    let event = |step: &str| {
        json!({
            "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
            "type": "ObjectEvent", "eventTime": "2026-11-21T09:00:00+08:00", "eventTimeZoneOffset": "+08:00",
            "action": "OBSERVE", "bizStep": step,
            "epcList": [format!("https://id.gs1.org/01/09521141012345/21/{serial}")],
            "sensorElementList": [{ "sensorReport": [{ "type": "Temperature", "value": 4.5, "uom": "CEL" }] }]
        })
        .to_string()
    };
    let good = yilian.write("event.json", &event("shipping"));
    yilian.ok(&[
        "trace", "capture", "Kuai", "--codes", &single[0], "--event", &good,
    ]);
    let bad = yilian.write("bad.json", &event("teleporting"));
    let error = yilian.fails(&[
        "trace", "capture", "Kuai", "--codes", &single[0], "--event", &bad,
    ]);
    assert!(error["error"].to_string().contains("bizStep"), "{error}");
    let error = yilian.fails(&["trace", "validate", &bad]);
    assert!(error["error"].to_string().contains("bizStep"), "{error}");

    let query = yilian.write(
        "query.json",
        r#"{"EQ_bizStep":["https://ref.gs1.org/cbv/BizStep-shipping"]}"#,
    );
    let out = yilian.file("out.json");
    let shown = yilian.ok(&[
        "trace", "show", "--codes", &single[0], "--query", &query, "--epcis", &out,
    ]);
    assert_eq!(steps(&shown["trails"][0]), ["shipping"]);
    assert_eq!(yilian.ok(&["trace", "validate", &out])["events"], 1);
    let wrong = yilian.write("query.json", r#"{"EQ_bizStepp":["shipping"]}"#);
    yilian.fails(&["trace", "show", "--codes", &single[0], "--query", &wrong]);
}

#[test]
fn an_event_is_corrected_by_its_own_organisation_and_stays() {
    let yilian = with_handlers();
    let (_, single) = packs(&yilian, 1);
    let pack = single[0].as_str();
    yilian.ok(&[
        "trace",
        "commission",
        "Mai",
        "--codes",
        pack,
        "--storage",
        "2..8",
    ]);
    let shipped = yilian.ok(&[
        "trace",
        "ship",
        "Kuai",
        "--codes",
        pack,
        "--temperature",
        "3..80",
    ]);
    assert_eq!(alarms(&show(&yilian, pack)), ["cold-chain"]);
    let event = text(&shipped["appended"][0], "event");

    // Another organisation cannot take it back.
    yilian.ok(&[
        "trace", "correct", "Mai", "--codes", pack, "--event", &event,
    ]);
    let mut found = alarms(&show(&yilian, pack));
    found.sort();
    assert_eq!(found, ["cold-chain", "foreign-correction"]);

    yilian.ok(&[
        "trace",
        "ship",
        "Kuai",
        "--codes",
        pack,
        "--temperature",
        "3..8",
    ]);
    yilian.ok(&[
        "trace", "correct", "Kuai", "--codes", pack, "--event", &event,
    ]);
    let trail = show(&yilian, pack);
    assert_eq!(alarms(&trail), ["foreign-correction"]);
    assert_eq!(
        steps(&trail),
        [
            "commissioning",
            "shipping",
            "shipping",
            "shipping",
            "shipping"
        ]
    );
    yilian.fails(&[
        "trace",
        "correct",
        "Kuai",
        "--codes",
        pack,
        "--event",
        "urn:uuid:none",
    ]);
}

#[test]
fn bad_codes_and_missing_rights_are_refused_with_a_remedy() {
    let yilian = with_handlers();
    let (all, single) = packs(&yilian, 2);
    let pack = single[0].as_str();
    let unknown = yilian.fails(&["trace", "show", "--codes", pack]);
    assert!(unknown["remedy"].is_string());
    assert_eq!(
        yilian.refused(&["trace", "ship", "Kuai", "--codes", pack]),
        "trace-unknown"
    );
    assert_eq!(
        yilian.refused(&["trace", "dispense", "Mai", "--codes", pack]),
        "role-not-allowed"
    );
    assert_eq!(
        yilian.refused(&["trace", "commission", "Guan", "--codes", pack]),
        "role-not-allowed"
    );
    let twice = yilian.fails(&[
        "trace",
        "commission",
        "Mai",
        "--codes",
        pack,
        "--codes",
        pack,
    ]);
    assert!(twice["error"].to_string().contains("twice"), "{twice}");
    let code = std::fs::read_to_string(&all).unwrap();
    let broken = yilian.write(
        "broken.txt",
        &code.replace("09521141012345", "09521141012346"),
    );
    let error = yilian.fails(&["trace", "show", "--codes", &broken]);
    assert!(error["error"].to_string().contains("line 1"), "{error}");
    let secretless = code
        .lines()
        .next()
        .unwrap()
        .split('#')
        .next()
        .unwrap()
        .to_owned();
    let error = yilian.fails(&["trace", "show", "--code", &secretless]);
    assert!(error["error"].to_string().contains("secret"), "{error}");
    yilian.fails(&["trace", "show"]);
    yilian.fails(&["trace", "ship", "Nobody", "--codes", pack]);
    yilian.fails(&[
        "trace",
        "ship",
        "Kuai",
        "--codes",
        pack,
        "--place",
        "somewhere",
    ]);
    yilian.fails(&["trace", "pack", "Mai", "--codes", pack, "--into", pack]);
    // Without passes nothing is appended.
    yilian.ok(&["ca", "certify", "Pharma", "Neu", "--role", "maker"]);
    let error = yilian.fails(&["trace", "commission", "Neu", "--codes", pack]);
    assert!(
        error["remedy"].as_str().unwrap().contains("passes"),
        "{error}"
    );
    // A doctor gets none.
    yilian.ok(&["ca", "certify", "Pharma", "Doc"]);
    assert_eq!(yilian.refused(&["ca", "passes", "Doc"]), "role-not-allowed");
}

#[test]
fn national_codes_and_symbols_are_made_and_read() {
    let yilian = with_handlers();
    let (file, symbols) = (yilian.file("national.txt"), yilian.file("symbols"));
    yilian.ok(&[
        "trace",
        "codes",
        "national",
        "--product",
        "8123456",
        "--count",
        "2",
        "--out",
        &file,
        "--symbols",
        &symbols,
    ]);
    let mut drawn: Vec<_> = std::fs::read_dir(&symbols)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    drawn.sort();
    assert_eq!(drawn.len(), 8);
    assert_eq!(drawn[0], "000001-code128.png");
    yilian.ok(&["trace", "commission", "Mai", "--codes", &file]);
    yilian.ok(&["trace", "ship", "Mai", "--codes", &file]);
    let trail = show(&yilian, &file);
    assert_eq!(
        (steps(&trail), alarms(&trail)),
        (
            vec!["commissioning".to_owned(), "shipping".to_owned()],
            vec![]
        )
    );
    let other = yilian.file("other");
    for (option, value) in [("--product", "812345"), ("--count", "0")] {
        let mut arguments = vec![
            "trace",
            "codes",
            "national",
            "--product",
            "8123456",
            "--out",
            &other,
        ];
        arguments.extend([option, value]);
        if option == "--product" {
            arguments.drain(3..5);
        }
        yilian.fails(&arguments);
    }
}
