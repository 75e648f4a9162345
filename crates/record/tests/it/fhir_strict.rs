//! The door: what is not JSON, not a bundle, too large or ambiguous, and that nothing at all makes
//! it panic.

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write;
use yilian_record::Error;
use yilian_record::fhir::{
    BulkReader, Bundle, DEPTH_MAX, Directory, ENTRIES_MAX, Resource, ResourceType,
};

const BUNDLE: &str = r#"{
  "resourceType": "Bundle", "type": "collection",
  "entry": [ { "fullUrl": "urn:uuid:1", "resource": {
    "resourceType": "Observation", "status": "final", "code": { "text": "\u4e2d \"x\"" },
    "valueQuantity": { "value": 1.10 } } } ]
}"#;

fn refusal(text: &str) -> Error {
    Bundle::parse(text.as_bytes()).expect_err(text)
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    Bundle::parse(BUNDLE.as_bytes()).expect("the whole file");
    for end in 0..BUNDLE.len() {
        let error = Bundle::parse(&BUNDLE.as_bytes()[..end]).expect_err("a part");
        // A literal or a character may be broken in the middle.
        assert!(
            matches!(error, Error::Truncated { .. } | Error::Syntax { .. }),
            "cut at {end}: {error:?}"
        );
    }
    let cut = &BUNDLE[..BUNDLE.find("\"status\"").expect("there")];
    assert!(
        matches!(
            refusal(cut),
            Error::Truncated { at } if (at.line, at.column) == (4, 36)
        ),
        "{:?}",
        refusal(cut)
    );
}

#[test]
fn equal_members_are_refused_wherever_they_are() {
    let duplicate = |from: &str, to: &str| {
        let text = BUNDLE.replacen(from, to, 1);
        assert_ne!(text, BUNDLE);
        refusal(&text)
    };
    for (from, to) in [
        ("\"type\"", "\"type\": \"batch\", \"type\""),
        ("\"status\"", "\"status\": \"final\", \"status\""),
        ("\"value\"", "\"value\": 1, \"value\""),
        // The same name in another spelling.
        ("\"status\"", "\"st\\u0061tus\": \"final\", \"status\""),
    ] {
        assert!(
            matches!(duplicate(from, to), Error::DuplicateKey { .. }),
            "{to}"
        );
    }
    let Error::DuplicateKey { at } = duplicate("\"value\"", "\"value\": 1, \"value\"") else {
        panic!("no duplicate")
    };
    assert_eq!(at.line, 5);
    assert_eq!(at.path, "entry[0].resource.valueQuantity.value");
}

#[test]
fn only_json_is_json() {
    for text in [
        "",
        " ",
        "{",
        "{}x",
        "[1,]",
        "{\"a\":1,}",
        "{'a':1}",
        "// c\n{}",
        "NaN",
        "01",
        "+1",
        "1.",
        "\"\t\"",
        "\"\\ud800\"",
        "{\"a\" 1}",
        "tru",
    ] {
        let error = refusal(text);
        assert!(
            matches!(error, Error::Truncated { .. } | Error::Syntax { .. }),
            "{text:?} {error:?}"
        );
    }
    assert!(matches!(
        Bundle::parse(b"{\"a\":\"\xff\"}"),
        Err(Error::Syntax { .. })
    ));
    // A byte order mark is no content (RFC 8259, section 8.1), and decimals have no largest
    // exponent.
    for text in [
        "\u{feff}{}",
        "{\"a\":1e400}",
        &format!("{{\"a\":{}}}", "1".repeat(200)),
    ] {
        assert!(matches!(refusal(text), Error::NotAResource), "{text}");
    }
}

#[test]
fn only_a_bundle_is_a_bundle() {
    for text in ["{}", "[]", "null", "7", "{\"resourceType\":7}"] {
        assert!(matches!(refusal(text), Error::NotAResource), "{text}");
    }
    assert!(matches!(
        refusal("{\"resourceType\":\"Visit\"}"),
        Error::UnknownResourceType
    ));
    assert!(matches!(
        refusal("{\"resourceType\":\"DomainResource\"}"),
        Error::UnknownResourceType
    ));
    let Error::NotABundle { found } = refusal("{\"resourceType\":\"Patient\"}") else {
        panic!("a patient is no bundle")
    };
    assert_eq!(found, ResourceType::new("Patient").expect("a type"));
}

#[test]
fn limits() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let deep = DEPTH_MAX as usize;
    assert!(matches!(refusal(&nested(deep)), Error::NotAResource));
    assert!(matches!(
        refusal(&nested(deep + 1)),
        Error::TooDeep { max: DEPTH_MAX, .. }
    ));
    assert!(matches!(
        refusal(&"[".repeat(1_000_000)),
        Error::TooDeep { .. }
    ));
    // A resource alone is sealed in a bundle, and read again there.
    let alone = |levels: usize| {
        let (open, close) = ("{\"x\":".repeat(levels - 1), "}".repeat(levels - 1));
        format!("{{\"resourceType\":\"Patient\",\"x\":{open}1{close}}}")
    };
    assert!(Resource::parse(alone(deep - 3).as_bytes()).is_ok());
    let error = Resource::parse(alone(deep - 2).as_bytes()).expect_err("too deep to be sealed");
    assert!(matches!(error, Error::TooDeep { max: 61, .. }), "{error}");
    let inside = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{{\"resource\":{}}}]}}",
        alone(deep - 3)
    );
    assert!(Bundle::parse(inside.as_bytes()).is_ok());
    let mut value = json!({ "resourceType": "Patient" });
    for _ in 0..DEPTH_MAX {
        value = json!({ "resourceType": "Patient", "x": value });
    }
    assert!(matches!(
        Resource::from_value(value),
        Err(Error::TooDeep { .. })
    ));
    let entries = |count: usize| {
        let list = vec!["{}"; count].join(",");
        format!("{{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{list}]}}")
    };
    assert!(Bundle::parse(entries(ENTRIES_MAX).as_bytes()).is_ok());
    assert!(matches!(
        refusal(&entries(ENTRIES_MAX + 1)),
        Error::TooManyEntries { .. }
    ));
    let large = vec![b' '; (64 << 20) + 1];
    assert!(matches!(Bundle::parse(&large), Err(Error::TooLarge { .. })));
    let many = format!("[{}0]", "0,".repeat(4_000_000));
    assert!(matches!(refusal(&many), Error::TooManyValues { .. }));
}

#[test]
fn canonical_form_by_example() {
    let text = "{ \"status\":\"final\",\"resourceType\" : \"Observation\", \"valueQuantity\":{\"value\":1.10},\n \
                \"code\":{\"text\":\"\\u4e2d\\/\\u0007\\n\"},\"component\":[{\"valueInteger\":-0,\"x\":1E+2}] }";
    let resource = Resource::parse(text.as_bytes()).expect("a resource");
    let expected = "{\"code\":{\"text\":\"中/\\u0007\\n\"},\"component\":[{\"valueInteger\":-0,\"x\":1E+2}],\
                    \"resourceType\":\"Observation\",\"status\":\"final\",\"valueQuantity\":{\"value\":1.10}}";
    assert_eq!(
        String::from_utf8_lossy(resource.canonical_bytes()),
        expected
    );
    assert_eq!(
        format!("{resource:?}"),
        format!("Resource(Observation, {} bytes)", expected.len())
    );
}

#[test]
fn references_are_listed_with_their_paths() {
    let resource = Resource::from_value(json!({
        "resourceType": "Observation",
        "subject": { "reference": "Patient/1", "display": "x" },
        "performer": [{ "display": "nobody" }, { "reference": "urn:uuid:2" }],
        "contained": [{ "resourceType": "Specimen", "subject": { "reference": "#" } }],
        "extension": [{ "url": "x", "valueExpression": { "language": "text/cql", "reference": "http://library" } }],
    }))
    .expect("a resource");
    let issue = json!({ "resourceType": "DetectedIssue", "reference": "http://guideline", "_status": {
        "extension": [{ "url": "x", "valueReference": { "reference": "Device/1" } }] } });
    let issue = Resource::from_value(issue).expect("a resource");
    let found: Vec<_> = issue.references().collect();
    assert_eq!(
        found,
        [(
            "DetectedIssue.status.extension[0].valueReference".to_owned(),
            "Device/1"
        )]
    );
    let found: Vec<_> = resource.references().collect();
    let expected = [
        ("Observation.contained[0].subject", "#"),
        ("Observation.performer[1]", "urn:uuid:2"),
        ("Observation.subject", "Patient/1"),
    ];
    assert_eq!(
        found,
        expected.map(|(path, reference)| (path.to_owned(), reference))
    );
}

fn bulk(lines: &[u8]) -> Result<yilian_record::fhir::Bulk, Error> {
    let mut reader = BulkReader::default();
    reader.read(lines)?;
    Ok(reader.finish())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn bulk_lines_are_sorted_by_patient() {
    let lines = [
        json!({ "resourceType": "Condition", "subject": { "reference": "Patient/b" } }),
        json!({ "resourceType": "Patient", "id": "a" }),
        json!({ "resourceType": "Patient", "id": "b", "link": [{ "other": { "reference": "Patient/a" } }] }),
        json!({ "resourceType": "Device", "patient": { "reference": "Patient/a/_history/3" } }),
        json!({ "resourceType": "Provenance", "target": [{ "reference": "Patient/a" }] }),
        json!({ "resourceType": "Provenance", "target": [{ "reference": "Patient/a" }, { "reference": "Patient/b" }] }),
        json!({ "resourceType": "Condition", "subject": { "reference": "https://x.org/Patient/a" } }),
        json!({ "resourceType": "Organization", "id": "h" }),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\r\n\n")).collect();
    for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
        let bulk = bulk(&bytes).expect("sound lines");
        let counts: Vec<_> = bulk
            .patients
            .iter()
            .map(|(id, b)| (id.as_str(), b.entries().len()))
            .collect();
        assert_eq!(counts, [("a", 3), ("b", 2)]);
        assert_eq!((bulk.shared.len(), bulk.unassigned.len()), (1, 2));
    }
}

#[test]
fn bulk_faults_name_the_line() {
    let error =
        bulk(b"{\"resourceType\":\"Patient\"}\n\n{\"resourceType\":\n").expect_err("cut off");
    let Error::Line { line: 3, source } = error else {
        panic!("{error}")
    };
    assert!(matches!(*source, Error::Truncated { .. }));
    let whole = gzip(b"{\"resourceType\":\"Patient\"}\n");
    assert!(matches!(bulk(&whole[..whole.len() - 9]), Err(Error::Io(_))));
}

/// 20 MB of blanks in 20 kB: one line too long, whatever it unpacks to.
#[test]
fn a_gzip_bomb_stops() {
    let bomb = gzip(&vec![b' '; 20 << 20]);
    assert!(bomb.len() < 40_000);
    assert!(matches!(bulk(&bomb), Err(Error::TooLarge { .. })));
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        "[a-z]{1,4}",
        Just("resourceType".to_owned()),
        Just("reference".to_owned()),
        Just("extension".to_owned()),
        Just("_id".to_owned()),
        Just("entry".to_owned()),
        Just("resource".to_owned()),
        Just("contained".to_owned()),
        Just("valueString".to_owned()),
        Just("name".to_owned()),
        Just("subject".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e60..1e60).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("Patient")),
        Just(json!("Bundle")),
        Just(json!("#")),
        Just(json!("Patient/1")),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..6).prop_map(
                |members| Value::from(members.into_iter().collect::<serde_json::Map<_, _>>())
            ),
        ]
    })
}

/// A JSON text of `value` with members in another order, white space, and other escapes.
fn respell(value: &Value, seed: u64, out: &mut String) {
    let blank = if seed & 1 == 0 { "" } else { " \n" };
    match value {
        Value::Object(members) => {
            out.push('{');
            let mut members: Vec<_> = members.iter().collect();
            let turn = (seed as usize).checked_rem(members.len()).unwrap_or(0);
            members.rotate_left(turn);
            for (index, (name, member)) in members.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                respell(&json!(name), seed, out);
                out.push(':');
                out.push_str(blank);
                respell(member, seed / 2, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                respell(item, seed / 3, out);
                out.push_str(blank);
            }
            out.push(']');
        }
        Value::String(text) if seed & 2 == 0 => {
            let escaped: String = text
                .encode_utf16()
                .map(|unit| format!("\\u{unit:04X}"))
                .collect();
            out.push_str(&format!("\"{escaped}\""));
        }
        other => out.push_str(&other.to_string()),
    }
}

fn as_resource(value: Value) -> Value {
    let mut value = if value.is_object() {
        value
    } else {
        json!({ "extension": value })
    };
    value["resourceType"] = json!("Patient");
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = Bundle::parse(&bytes);
        let _ = Resource::parse(&bytes);
        let _ = bulk(&bytes);
        let _ = bulk(&[&[0x1f, 0x8b][..], &bytes].concat());
    }

    #[test]
    fn arbitrary_changes_of_a_bundle_never_panic(at in 0..BUNDLE.len(), byte in any::<u8>()) {
        let mut bytes = BUNDLE.as_bytes().to_vec();
        bytes[at] = byte;
        if let Ok(bundle) = Bundle::parse(&bytes) {
            let _ = bundle.validate(&Directory::default());
        }
    }

    #[test]
    fn arbitrary_json_never_panics(value in any_json()) {
        if let Ok(resource) = Resource::from_value(as_resource(value.clone())) {
            let _ = resource.validate(&Directory::default());
            let _ = resource.references().count();
            let mut directory = Directory::default();
            directory.extend([&resource]);
        }
        let bundle = json!({ "resourceType": "Bundle", "type": "batch", "entry": [
            { "resource": as_resource(value.clone()) }, value.clone() ], "link": value });
        if let Ok(bundle) = Bundle::parse(bundle.to_string().as_bytes()) {
            let _ = bundle.validate(&Directory::default());
        }
    }

    #[test]
    fn one_record_has_one_spelling(value in any_json(), seed in any::<u64>()) {
        let value = as_resource(value);
        let resource = Resource::from_value(value.clone()).expect("a resource");
        let mut text = String::new();
        respell(&value, seed, &mut text);
        let other = Resource::parse(text.as_bytes()).expect("the same resource");
        prop_assert_eq!(resource.canonical_bytes(), other.canonical_bytes());
        let again = Resource::parse(resource.canonical_bytes()).expect("canonical bytes");
        prop_assert_eq!(again.canonical_bytes(), resource.canonical_bytes());
        prop_assert_eq!(again.value(), &value);
    }

    #[test]
    fn decimals_keep_their_digits(number in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?") {
        let text = format!("{{\"resourceType\":\"Observation\",\"valueQuantity\":{{\"value\":{number}}}}}");
        let resource = Resource::parse(text.as_bytes()).expect("a resource");
        prop_assert_eq!(resource.canonical_bytes(), text.as_bytes());
        prop_assert_eq!(resource.written(), text);
    }
}
