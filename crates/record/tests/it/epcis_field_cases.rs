//! EPCIS documents, each with its right outcome: `tests/data/field-cases`, folders 40-epcis and
//! 41-capture.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use yilian_record::epcis::{Document, Epc, Error};

fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/data/field-cases").join(name)
}

fn read(path: PathBuf) -> Vec<u8> {
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn verdict(bytes: &[u8]) -> Result<Document, String> {
    Document::parse(bytes).map_err(|error| match error {
        Error::Faults(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            faults.join("; ")
        }
        other => other.to_string(),
    })
}

/// The member that each refusal must name.
const REFUSED: &[(&str, &str)] = &[
    ("r-agg-add-no-child", "childEPCs"),
    ("r-agg-add-no-parent", "parentID"),
    ("r-bad-action", "action"),
    ("r-bad-bizstep", "bizStep"),
    ("r-bizstep-in-disp", "disposition"),
    ("r-class-in-epclist", "epcList[0]"),
    ("r-context-missing", "@context"),
    ("r-dl-checkdigit", "epcList[0]"),
    ("r-dup-epc", "epcList"),
    ("r-empty-epclist", "epcList"),
    ("r-ilmd-on-observe", "ilmd"),
    ("r-isA", "type"),
    ("r-no-offset", "eventTimeZoneOffset"),
    ("r-no-what", "epcList"),
    ("r-offset-24", "eventTimeZoneOffset"),
    ("r-offset-z", "eventTimeZoneOffset"),
    ("r-persistent-in-aggregation", "persistentDisposition"),
    ("r-quantity-negative", "quantityList[0].quantity"),
    ("r-schema-1.2", "schemaVersion"),
    ("r-sensor-no-uom", "uom"),
    ("r-sensor-time-order", "startTime"),
    ("r-sgtin-13digits-wrong", "epcList[0]"),
    ("r-sscc-short", "epcList[0]"),
    ("r-time-no-zone", "eventTime"),
    ("r-transform-no-output", "outputEPCList"),
    ("r-undeclared", "foo:bar"),
    ("r-unprefixed", "myField"),
    ("r-uom-without-quantity", "uom"),
    ("r-xml", "XML"),
];

/// EPCIS 2.0, section 7.4.1 (and `epcis:recordTime` in its ontology): `recordTime` "SHALL be
/// ignored when an event is presented to the EPCIS Capture Interface". So a capture is not refused
/// for it; an answer, where the repository vouches for it, is.
const IGNORED: &str = "r-record-before-event";

#[test]
fn every_case_has_its_outcome() {
    let mut seen = 0;
    for entry in fs::read_dir(folder("40-epcis")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let found = match path.extension().is_some() {
            true => verdict(&read(path)),
            false => continue,
        };
        if name.starts_with("a-") || name == IGNORED {
            assert!(found.is_ok(), "{name}: {}", found.unwrap_err());
        } else {
            let (_, member) = REFUSED
                .iter()
                .find(|(refused, _)| *refused == name)
                .unwrap_or_else(|| panic!("{name} is new"));
            let message = found.err().unwrap_or_else(|| panic!("{name} was accepted"));
            assert!(message.contains(member), "{name}: {message}");
            seen += 1;
        }
    }
    assert_eq!(seen, REFUSED.len());
}

/// As an answer, the same event is refused.
#[test]
fn an_answer_records_nothing_before_it_happened() {
    let capture: Value =
        serde_json::from_slice(&read(folder("40-epcis/r-record-before-event.json"))).unwrap();
    let answer = |recorded: &str| {
        let mut event = capture["epcisBody"]["eventList"][0].clone();
        event["recordTime"] = json!(recorded);
        let answer = json!({
            "@context": capture["@context"],
            "type": "EPCISQueryDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-07-11T11:30:47Z",
            "epcisBody": {"queryResults": {
                "queryName": "q",
                "resultsBody": {"eventList": [event]},
            }},
        });
        verdict(answer.to_string().as_bytes())
    };
    let message = answer("2020-01-01T00:00:00Z").unwrap_err();
    assert!(message.contains("recordTime"), "{message}");
    assert!(answer("2026-05-01T08:00:00Z").is_ok());
}

/// What a document says of its events goes with each of them.
#[test]
fn events_of_the_capture_cases_are_read_whole() {
    let own = verdict(&read(folder("41-capture/c-own.json"))).unwrap();
    let [event] = own.events() else {
        panic!("one event")
    };
    let text = String::from_utf8(event.to_json()).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    // The declaration of the prefix goes with the event, and by itself it reads back.
    assert_eq!(value["example:line"], json!(1.5));
    assert_eq!(
        value["@context"][1]["example"],
        "https://ns.example.com/epcis/"
    );
    let again = verdict(text.as_bytes()).unwrap();
    assert_eq!(again.events(), own.events());
    assert_eq!(
        String::from_utf8(again.events()[0].to_json()).unwrap(),
        text
    );

    let two = verdict(&read(folder("41-capture/c-two.json"))).unwrap();
    let steps: Vec<_> = two.events().iter().map(|event| event.biz_step()).collect();
    assert_eq!(steps, [Some("shipping"), Some("receiving")]);
}

/// A number is kept as it was written, down to its zeros.
#[test]
fn numbers_of_an_event_are_kept_as_written() {
    let text = String::from_utf8(read(folder("41-capture/c-own.json"))).unwrap();
    for number in ["1.50", "12345678901234567890123", "1e2", "-0.0"] {
        let text = text.replace(
            "\"example:line\": 1.5",
            &format!("\"example:line\": {number}"),
        );
        let document = verdict(text.as_bytes()).unwrap();
        let written = String::from_utf8(document.events()[0].to_json()).unwrap();
        assert!(
            written.contains(&format!("\"example:line\":{number}")),
            "{written}"
        );
    }
}

/// A context goes with each of up to ten thousand events, so it has an end.
#[test]
fn a_long_context_is_refused() {
    let context = |length: usize| {
        let text = String::from_utf8(read(folder("41-capture/c-own.json"))).unwrap();
        let long = format!("https://ns.example.com/{}/", "e".repeat(length));
        verdict(
            text.replace("https://ns.example.com/epcis/", &long)
                .as_bytes(),
        )
    };
    assert!(context(15_000).is_ok());
    let message = context(17_000).unwrap_err();
    assert!(message.contains("@context"), "{message}");
}

/// One object in every spelling, and its neighbours, which are others.
#[test]
fn identifiers_are_compared_as_what_they_name() {
    let epc = |text: &str| Epc::parse(text).unwrap_or_else(|| panic!("{text}"));
    let same: &[&[&str]] = &[
        &[
            "urn:epc:id:sgtin:9521141.001234.A%2FB",
            "https://id.gs1.org/01/09521141012345/21/A%2FB",
            "https://id.gs1.org/01/09521141012345/21/A%2fB",
            "https://example.com/gs1/01/09521141012345/21/A%2FB",
            "HTTPS://EXAMPLE.COM/01/9521141012345/21/A%2FB?17=280229",
            "https://id.gs1.org/01/09521141012345/10/L7/21/A%2FB",
        ],
        &[
            "urn:epc:id:sscc:9521141.0000000001",
            "https://id.gs1.org/00/095211410000000014",
        ],
        &[
            "urn:epc:id:sgln:9521141.00001.0",
            "https://id.gs1.org/414/9521141000014",
        ],
        &[
            "urn:epc:id:sgln:9521141.00001.7",
            "https://id.gs1.org/414/9521141000014/254/7",
        ],
        &[
            "urn:epc:id:grai:9521141.12345.400",
            "https://id.gs1.org/8003/09521141123454400",
        ],
        &[
            "urn:epc:id:giai:9521141.111",
            "https://id.gs1.org/8004/9521141111",
        ],
        &[
            "urn:epc:id:gdti:9521141.00001.16",
            "https://id.gs1.org/253/952114100001416",
        ],
        &[
            "urn:epc:id:pgln:9521141.00000",
            "https://id.gs1.org/417/9521141000007",
        ],
        &[
            "urn:epc:id:gsrn:9521141.0000000001",
            "https://id.gs1.org/8018/952114100000000018",
        ],
        &[
            "urn:epc:class:lgtin:9521141.001234.L7",
            "https://x.example/01/09521141012345/10/L7",
        ],
        &[
            "urn:epc:idpat:sgtin:9521141.001234.*",
            "https://x.example/01/09521141012345",
        ],
        &["https://id.example/patients/1"],
    ];
    for (place, spellings) in same.iter().enumerate() {
        for one in *spellings {
            assert_eq!(epc(one), epc(spellings[0]), "{one}");
            for others in same.iter().skip(place + 1) {
                assert_ne!(epc(one), epc(others[0]), "{one}");
            }
        }
    }
    let pack = epc("urn:epc:id:sgtin:9521141.001234.S1");
    let class = |text: &str, batch: Option<&str>| pack.is_of(&epc(text), batch);
    assert!(class(
        "https://x.example/01/09521141012345/10/L7",
        Some("L7")
    ));
    assert!(!class(
        "https://x.example/01/09521141012345/10/L7",
        Some("L8")
    ));
    assert!(!class("https://x.example/01/09521141012345/10/L7", None));
    assert!(class("urn:epc:idpat:sgtin:9521141.001234.*", None));
    assert!(!class("urn:epc:idpat:sgtin:9521141.001235.*", None));
    assert!(
        !class("urn:epc:id:sgtin:9521141.001234.S1", None),
        "an object is no class"
    );
    for wrong in [
        "urn:epc:id:sgtin:9521141.0123456.S1",
        "urn:epc:id:sgtin:9521141.001234",
        "urn:epc:id:sgtin:9521141.001234.123456789012345678901",
        "urn:epc:id:sgtin:9521141.001234.A/B",
        "urn:epc:id:sgtin:9521141.001234.A%2",
        "urn:epc:id:sscc:9521141.00001",
        "urn:epc:id:sgln:9521141.0001.0",
        "urn:epc:id:gsrn:9521141.1",
        "urn:epc:id:cpi:9521141.ab.1",
        "urn:epc:tag:sgtin-96:1.9521141.001234.1",
        "https://id.gs1.org/01/09521141012346/21/S1",
        "https://id.gs1.org/01/09521141012345/21/S1/",
        "nothing",
    ] {
        assert_eq!(Epc::parse(wrong), None, "{wrong}");
    }
}
