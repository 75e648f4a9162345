//! EPCIS against the published test resources: the valid accepted, the invalid refused where they
//! are wrong.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use yilian_record::epcis::{
    Action, Document, Error, Event, EventBuilder, EventType, FaultKind, Query,
};

const DATA: &str = "../shared/data/epcis-openepcis/core/src/main/resources/2.0/EPCIS/JSON";

/// The folder, or `None` with a message when the machine has no test data.
fn data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join(DATA);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: {DATA} is not here");
    None
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{}", folder.display());
    found
}

/// Published as valid, and not as the standard has it. A persistent disposition is for events of
/// objects and transformations only (7.3.6.2.2; gs1/EPCIS#440); a component needs `value` and `uom`
/// (`epcis:component`).
const PUBLISHED_WRONG: &[(&str, &str)] = &[
    (
        "AggregationEvent_with_persistentDisposition.json",
        "persistentDisposition",
    ),
    ("JumbledFieldsOrder.json", "uom"),
];

#[test]
fn valid_captures_answers_and_events_are_accepted() {
    let Some(data) = data() else { return };
    let (mut events, mut refused) = (0, Vec::new());
    for folder in ["Capture/Documents", "Capture/Events", "Query"] {
        for (name, bytes) in files(&data.join(folder)) {
            let found = Document::parse(&bytes);
            if let Some((_, member)) = PUBLISHED_WRONG.iter().find(|(file, _)| *file == name) {
                let message = found.unwrap_err().to_string();
                assert!(message.contains(member), "{folder}/{name}: {message}");
                continue;
            }
            match found {
                Ok(document) => events += document.events().len(),
                Err(error) => refused.push(format!("{folder}/{name}: {error}")),
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    // Two files are told apart above; their events are not counted.
    assert_eq!(events, 97);
}

/// Where each invalid document is wrong.
#[test]
fn invalid_captures_and_answers_are_refused_where_they_are_wrong() {
    let Some(data) = data() else { return };
    let expected: &[(&str, &[&str])] = &[
        (
            "Combination_of_events_with_missing_mandatory_fields.json",
            &["eventList[0]", "eventList[1]"],
        ),
        (
            "Combination_of_multiple_invalid_fields.json",
            &[
                "[0].bizStep",
                "[1].disposition",
                "[2].sourceList[0].type",
                "[3].ilmd.materialType",
                "[4].action",
                "[4].eventTime",
            ],
        ),
        (
            "Combination_of_non_standard_bizStep_and_disposition.json",
            &["[0].bizStep", "[1].disposition"],
        ),
        ("EPCISDocument_without_context.json", &[""]),
        (
            "ObjectEvent_with_ilmd_field_without_namespace.json",
            &["ilmd.materialType"],
        ),
        ("ObjectEvent_with_invalid_action.json", &["action"]),
        (
            "ObjectEvent_with_invalid_certificationInfo.json",
            &["certificationInfo[1]"],
        ),
        (
            "ObjectEvent_with_invalid_eventTime_format.json",
            &["eventTime"],
        ),
        ("ObjectEvent_with_non_standard_bizStep.json", &["bizStep"]),
        (
            "ObjectEvent_with_non_standard_bizStep_in_second_event.json",
            &["[1].bizStep"],
        ),
        (
            "ObjectEvent_with_non_standard_disposition.json",
            &["disposition"],
        ),
        (
            "ObjectEvent_with_quantity_as_text.json",
            &["quantityList[0].quantity"],
        ),
        (
            "ObjectEvent_with_unknown_field_in_quantityList.json",
            &["quantityList[0].weight"],
        ),
        (
            "ObjectEvent_without_action_and_eventTime.json",
            &["eventList[0]"],
        ),
        (
            "ObjectEvent_without_identifier_list.json",
            &["eventList[0]"],
        ),
        ("QueryDocument_with_invalid_action.json", &["action"]),
        (
            "QueryDocument_with_invalid_eventType.json",
            &["eventList[0]"],
        ),
    ];
    let mut seen = 0;
    for folder in ["Capture/Invalid", "Query/Invalid"] {
        for (name, bytes) in files(&data.join(folder)) {
            let (_, places) = expected
                .iter()
                .find(|(file, _)| *file == name)
                .unwrap_or_else(|| panic!("{name} is new"));
            let Err(Error::Faults(faults)) = Document::parse(&bytes) else {
                panic!("{name} was accepted");
            };
            for place in *places {
                let there = faults.iter().any(|fault| fault.path.contains(place));
                assert!(there, "{name}: nothing at {place}: {faults:#?}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, expected.len());
}

#[test]
fn queries_are_read_or_refused() {
    let Some(data) = data() else { return };
    for (name, bytes) in files(&data.join("Query/Queries")) {
        Query::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let mut faults = Vec::new();
    for (name, bytes) in files(&data.join("Query/Queries/Invalid")) {
        let Err(Error::Faults(found)) = Query::parse(&bytes) else {
            panic!("{name} was accepted");
        };
        faults.extend(found.into_iter().map(|fault| fault.path));
    }
    faults.sort();
    assert_eq!(
        faults,
        [
            "EQ_action",
            "GE_eventDate",
            "GE_eventTime",
            "orderDirection"
        ]
    );
}

#[test]
fn a_query_selects_by_every_parameter() {
    let make = |at: &str, step: &str, epc: &str| {
        EventBuilder::new(EventType::Object, at.parse().unwrap(), "urn:uuid:1")
            .action(Action::Observe)
            .step(step, "in_transit")
            .with("epcList", json!([epc]))
            .build()
            .unwrap()
    };
    let first = "https://id.gs1.org/01/09521141012345/21/1";
    let second = "https://id.gs1.org/01/09521141012345/21/2";
    let events = [
        make("2026-01-01T00:00:00Z", "shipping", first),
        make("2026-01-02T00:00:00Z", "receiving", first),
        make("2026-01-03T00:00:00Z", "shipping", second),
    ];
    let count = |query: Value| {
        let query = Query::parse(query.to_string().as_bytes()).unwrap();
        let times: Vec<String> = query
            .select(&events)
            .iter()
            .map(|event| event.time().to_string())
            .collect();
        times
            .iter()
            .map(|time| time[8..10].to_owned())
            .collect::<Vec<_>>()
            .join(",")
    };
    assert_eq!(count(json!({})), "01,02,03");
    assert_eq!(
        count(json!({"EQ_bizStep": ["https://ref.gs1.org/cbv/BizStep-shipping"]})),
        "01,03"
    );
    assert_eq!(count(json!({"MATCH_epc": [first]})), "01,02");
    assert_eq!(
        count(json!({"GE_eventTime": "2026-01-02T00:00:00Z"})),
        "02,03"
    );
    assert_eq!(count(json!({"LT_eventTime": "2026-01-02T00:00:00Z"})), "01");
    assert_eq!(
        count(json!({"orderBy": "eventTime", "orderDirection": "DESC", "eventCountLimit": 2})),
        "03,02"
    );
    assert_eq!(count(json!({"eventType": ["AggregationEvent"]})), "");
}

/// A minimal event, for changing one thing.
fn minimal() -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"x": "https://x.example/"}],
        "type": "ObjectEvent",
        "eventTime": "2026-07-22T06:45:00+02:00",
        "eventTimeZoneOffset": "+02:00",
        "action": "ADD",
        "epcList": ["https://id.gs1.org/01/09521141012345/21/2017"],
    })
}

fn verdict(change: impl FnOnce(&mut Value)) -> Result<Event, Vec<String>> {
    let mut event = minimal();
    change(&mut event);
    match Event::parse(event.to_string().as_bytes()) {
        Ok(event) => Ok(event),
        Err(Error::Faults(faults)) => Err(faults.iter().map(ToString::to_string).collect()),
        Err(error) => Err(vec![error.to_string()]),
    }
}

#[test]
fn what_the_schema_does_not_say_is_checked() {
    assert!(verdict(|_| {}).is_ok());
    let refused: &[(&str, Value)] = &[
        (
            "epcList",
            json!(["https://id.gs1.org/01/09521141012346/21/2017"]),
        ),
        (
            "epcList",
            json!(["https://id.gs1.org/01/09521141012345/10/B"]),
        ),
        ("epcList", json!(["urn:epc:id:sgtin:0614141.107346"])),
        ("epcList", json!(["urn:epc:id:nothing:0614141.107346.1"])),
        (
            "epcList",
            json!(["urn:epc:class:lgtin:4012345.012345.998877"]),
        ),
        ("epcList", json!(["not an address"])),
        ("eventTime", json!("2026-02-29T00:00:00Z")),
        ("eventTime", json!("2026-07-22 06:45:00+02:00")),
        ("eventTime", json!("2026-07-22T06:45:00")),
        ("eventTimeZoneOffset", json!("+15:00")),
        ("eventTimeZoneOffset", json!("02:00")),
        ("bizStep", json!("cbv:BizStep-transforming")),
        (
            "bizStep",
            json!("https://ref.gs1.org/cbv/BizStep-transforming"),
        ),
        ("bizStep", json!("urn:epcglobal:cbv:bizstep:transforming")),
        ("y:own", json!(1)),
        ("x:own", json!({"y:inner": 1})),
        ("own", json!(1)),
        ("readPoint", json!({"id": "nowhere"})),
        ("errorDeclaration", json!({"reason": "incorrect_data"})),
        (
            "errorDeclaration",
            json!({"declarationTime": "2026-01-01T00:00:00Z", "reason": "changed my mind"}),
        ),
        (
            "sensorElementList",
            json!([{"sensorReport": [{"type": "how warm", "value": 1}]}]),
        ),
        (
            "sensorElementList",
            json!([{"sensorReport": [{"type": "Temperature", "value": "warm"}]}]),
        ),
        (
            "sensorElementList",
            json!([{"sensorMetadata": {"startTime": "2026-01-02T00:00:00Z", "endTime": "2026-01-01T00:00:00Z"}, "sensorReport": []}]),
        ),
    ];
    for (name, value) in refused {
        let found = verdict(|event| event[*name] = value.clone());
        assert!(found.is_err(), "{name}: {value} was accepted");
    }
    let accepted: &[(&str, Value)] = &[
        ("bizStep", json!("cbv:BizStep-shipping")),
        ("bizStep", json!("urn:epcglobal:cbv:bizstep:shipping")),
        ("bizStep", json!("x:own_step")),
        ("bizStep", json!("https://steps.example/own")),
        (
            "x:own",
            json!({"x:inner": [1, {"x:deep": true}], "plain": 1}),
        ),
    ];
    for (name, value) in accepted {
        let found = verdict(|event| event[*name] = value.clone());
        assert!(found.is_ok(), "{name}: {value}: {found:?}");
    }
}

#[test]
fn spellings_of_a_step_are_one_step() {
    for spelling in [
        "shipping",
        "cbv:BizStep-shipping",
        "https://ref.gs1.org/cbv/BizStep-shipping",
        "urn:epcglobal:cbv:bizstep:shipping",
    ] {
        let event = verdict(|event| event["bizStep"] = json!(spelling)).unwrap();
        assert_eq!(event.biz_step(), Some("shipping"));
    }
}

#[test]
fn a_member_twice_and_other_json_faults_are_refused() {
    let twice = br#"{"type":"ObjectEvent","type":"ObjectEvent"}"#;
    assert!(matches!(Document::parse(twice), Err(Error::Json(_))));
    assert!(matches!(Document::parse(b"{"), Err(Error::Json(_))));
    assert!(matches!(Document::parse(b"[]"), Err(Error::Faults(_))));
    let large = vec![b' '; yilian_record::epcis::BYTES_MAX + 1];
    assert!(matches!(Document::parse(&large), Err(Error::Json(_))));
    let events = vec![minimal(); yilian_record::epcis::EVENTS_MAX + 1];
    let many = json!({
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-01-01T00:00:00Z",
        "epcisBody": {"eventList": events},
    });
    match Document::parse(many.to_string().as_bytes()) {
        Err(Error::Faults(faults)) => {
            assert!(
                faults
                    .iter()
                    .any(|fault| matches!(fault.kind, FaultKind::TooMany(_)))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_that_is_built_reads_back() {
    let event = EventBuilder::new(
        EventType::Aggregation,
        "2026-11-21T08:00:00Z".parse().unwrap(),
        "urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8",
    )
    .action(Action::Add)
    .step("packing", "in_progress")
    .read_point(Some("urn:epc:id:sgln:0012345.11111.400"))
    .with(
        "parentID",
        json!("https://id.gs1.org/00/040123450000003338"),
    )
    .with(
        "childEPCs",
        json!(["https://id.gs1.org/01/09521141012345/21/2017"]),
    )
    .build()
    .unwrap();
    let again = Event::parse(&event.to_json()).unwrap();
    assert_eq!(
        again.parent(),
        Some("https://id.gs1.org/00/040123450000003338")
    );
    assert_eq!(again.epcs().count(), 1);
    assert_eq!(again.time(), event.time());
    let lonely = EventBuilder::new(EventType::Aggregation, event.time(), "urn:uuid:1")
        .action(Action::Add)
        .with(
            "childEPCs",
            json!(["https://id.gs1.org/01/09521141012345/21/2017"]),
        );
    assert!(lonely.build().is_err());
}

/// No change of a valid document makes the reader panic, whatever it says of it.
#[test]
fn mutated_documents_do_not_make_the_reader_panic() {
    let Some(data) = data() else { return };
    for (_, bytes) in files(&data.join("Capture/Documents")).into_iter().take(12) {
        for at in (0..bytes.len()).step_by(37) {
            for byte in [b'"', b'{', b'0', 0xff] {
                let mut mutated = bytes.clone();
                mutated[at] = byte;
                let _ = Document::parse(&mutated);
            }
        }
    }
}
