//! One fault at a time, put into a record that is accepted without it: each is refused, at its
//! place, as what it is.

use proptest::prelude::*;
use serde_json::{Value, json};
use yilian_record::Error;
use yilian_record::fhir::{Bundle, Directory, Issue, IssueKind, Report, Resource};

use super::fhir_real;

fn check(bundle: &Value) -> Result<Report, Error> {
    Bundle::parse(bundle.to_string().as_bytes())?.validate(&Directory::default())
}

fn issues(bundle: &Value) -> Vec<Issue> {
    match check(bundle) {
        Ok(report) => panic!("accepted, with {:?}", report.warnings),
        Err(Error::Invalid { issues, total }) => {
            assert_eq!(issues.len(), total);
            issues
        }
        Err(other) => panic!("{other}"),
    }
}

/// A patient, a visit, a finding, a report with a contained specimen: small, but with every shape
/// that matters.
fn record() -> Value {
    json!({
        "resourceType": "Bundle", "type": "transaction", "entry": [
            { "fullUrl": "urn:uuid:11111111-1111-4111-8111-111111111111",
              "request": { "method": "POST", "url": "Patient" },
              "resource": {
                "resourceType": "Patient", "id": "p1", "active": true,
                "meta": { "lastUpdated": "2024-02-29T10:00:00.000+08:00" },
                "extension": [{ "url": "http://example.org/blood", "valueCode": "A" }],
                "name": [{ "family": "王", "given": ["秀英", null, "Amy"],
                           "_given": [null, { "extension": [{ "url": "http://example.org/absent", "valueCode": "masked" }] }, null] }],
                "gender": "female", "_birthDate": { "extension": [{ "url": "http://example.org/absent", "valueCode": "unknown" }] },
                "multipleBirthInteger": 2,
                "contact": [{ "relationship": [{ "text": "mother" }] }],
                "communication": [{ "language": { "coding": [{ "system": "urn:ietf:bcp:47", "code": "zh" }] } }]
              } },
            { "fullUrl": "urn:uuid:22222222-2222-4222-8222-222222222222",
              "request": { "method": "POST", "url": "Encounter" },
              "resource": {
                "resourceType": "Encounter", "id": "e1", "status": "finished",
                "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
                "subject": { "reference": "urn:uuid:11111111-1111-4111-8111-111111111111" },
                "period": { "start": "2024-03-01T09:00:00+08:00" } } },
            { "fullUrl": "urn:uuid:33333333-3333-4333-8333-333333333333",
              "request": { "method": "POST", "url": "Observation" },
              "resource": {
                "resourceType": "Observation", "id": "o1", "status": "final",
                "contained": [{ "resourceType": "Specimen", "id": "s1", "type": { "text": "blood" } }],
                "code": { "coding": [{ "system": "http://loinc.org", "code": "2345-7" }] },
                "subject": { "reference": "Patient/p1" },
                "encounter": { "reference": "urn:uuid:22222222-2222-4222-8222-222222222222" },
                "specimen": { "reference": "#s1" },
                "valueQuantity": { "value": 5.10, "unit": "mmol/L" },
                "component": [{ "code": { "text": "a" }, "valueInteger": 1 }] } },
            { "fullUrl": "urn:uuid:44444444-4444-4444-8444-444444444444",
              "request": { "method": "POST", "url": "Condition" },
              "resource": {
                "resourceType": "Condition", "id": "c1",
                "clinicalStatus": { "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] },
                "subject": { "reference": "urn:uuid:11111111-1111-4111-8111-111111111111" },
                "onsetDateTime": "2024-03" } }
        ]
    })
}

/// Puts `value` at the JSON pointer; `null` removes what is there.
fn put(bundle: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = bundle
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("nothing at {pointer}"));
    match parent {
        Value::Object(members) if value == json!("REMOVE") => {
            members.remove(name).expect("something to remove");
        }
        Value::Object(members) => {
            members.insert(name.to_owned(), value);
        }
        Value::Array(items) => items[name.parse::<usize>().expect("an index")] = value,
        _ => panic!("nothing can be put at {pointer}"),
    }
}

#[test]
fn the_record_without_a_fault_is_accepted() {
    assert_eq!(check(&record()).expect("a sound record"), Report::default());
}

/// One fault a line: entry, pointer into its resource, what is put there, the path and the kind
/// that must be told.
#[rustfmt::skip]
fn faults() -> Vec<(usize, &'static str, Value, &'static str, IssueKind)> {
    use IssueKind::*;
    let set = |name: &'static str| NotInValueSet { value_set: name };
    let type_of = |expected| WrongType { expected };
    let format = |format| BadFormat { format };
    let remove = || json!("REMOVE");
    let cured = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "cured" }] });
    let foreign = json!({ "coding": [{ "system": "http://example.org", "code": "active" }] });
    let clinical = || set("http://hl7.org/fhir/ValueSet/condition-clinical");
    let reference = |text: &str| json!({ "reference": text });
    vec![
        // Unknown fields, at every kind of place.
        (0, "/surprise", json!(1), "Patient.surprise", UnknownField),
        (0, "/name/0/nick", json!("x"), "Patient.name[0].nick", UnknownField),
        (0, "/contact/0/surprise", json!({}), "Patient.contact[0].surprise", UnknownField),
        (0, "/_name", json!([{}]), "Patient._name", UnknownField),
        (0, "/meta/project", json!("x"), "Patient.meta.project", UnknownField),
        (2, "/contained/0/surprise", json!(1), "Observation.contained[0].surprise", UnknownField),
        (2, "/component/0/resourceType", json!("x"), "Observation.component[0].resourceType", UnknownField),
        // Missing.
        (1, "/status", remove(), "Encounter.status", Missing),
        (1, "/class", remove(), "Encounter.class", Missing),
        (2, "/code", remove(), "Observation.code", Missing),
        (2, "/component/0/code", remove(), "Observation.component[0].code", Missing),
        (0, "/extension/0/url", remove(), "Patient.extension[0].url", Missing),
        (0, "/communication/0", json!({ "preferred": true }), "Patient.communication[0].language", Missing),
        (3, "/subject", remove(), "Condition.subject", Missing),
        // Cardinality.
        (0, "/gender", json!(["male", "female"]), "Patient.gender", TooMany { max: 1 }),
        (1, "/period", json!([{ "start": "2024" }, { "start": "2025" }]), "Encounter.period", TooMany { max: 1 }),
        (0, "/name", json!({ "family": "x" }), "Patient.name", type_of("array")),
        (0, "/gender", json!(["male"]), "Patient.gender", type_of("string")),
        // Wrong JSON types.
        (0, "/active", json!("true"), "Patient.active", type_of("boolean")),
        (0, "/name/0/family", json!(7), "Patient.name[0].family", type_of("string")),
        (2, "/valueQuantity/value", json!("5.1"), "Observation.valueQuantity.value", type_of("number")),
        (2, "/code", json!("2345-7"), "Observation.code", type_of("object")),
        (0, "/name/0/given/0", json!({}), "Patient.name[0].given[0]", type_of("string")),
        (0, "/_birthDate", json!("x"), "Patient.birthDate", type_of("object")),
        // Formats.
        (0, "/multipleBirthInteger", json!(2.5), "Patient.multipleBirthInteger", format("integer")),
        (0, "/birthDate", json!("2023-02-29"), "Patient.birthDate", format("date")),
        (0, "/birthDate", json!("29.02.2024"), "Patient.birthDate", format("date")),
        (1, "/period/start", json!("2024-03-01T09:00:00"), "Encounter.period.start", format("dateTime")),
        (0, "/meta/lastUpdated", json!("2024-02-29"), "Patient.meta.lastUpdated", format("instant")),
        (3, "/onsetDateTime", json!("2024-13"), "Condition.onsetDateTime", format("dateTime")),
        (0, "/id", json!("p 1"), "Patient.id", format("id")),
        (0, "/extension/0/url", json!("a b"), "Patient.extension[0].url", format("uri")),
        (2, "/status", json!("final "), "Observation.status", format("code")),
        (0, "/text", json!({ "status": "generated", "div": "<p>x</p>" }), "Patient.text.div", BadNarrative { reason: "no div around it" }),
        // Codes.
        (0, "/gender", json!("Female"), "Patient.gender", set("http://hl7.org/fhir/ValueSet/administrative-gender")),
        (1, "/status", json!("done"), "Encounter.status", set("http://hl7.org/fhir/ValueSet/encounter-status")),
        (3, "/clinicalStatus", cured, "Condition.clinicalStatus", clinical()),
        (3, "/clinicalStatus", foreign, "Condition.clinicalStatus", clinical()),
        (3, "/clinicalStatus", json!({ "text": "active" }), "Condition.clinicalStatus", clinical()),
        // Choices.
        (2, "/valueReference", reference("Patient/p1"), "Observation.valueReference", TypeNotAllowed),
        (2, "/component/0/valueDecimal", json!(1), "Observation.component[0].valueDecimal", TypeNotAllowed),
        (2, "/valueString", json!("5.1"), "Observation.valueString", ChoiceTwice),
        (3, "/onsetString", json!("spring"), "Condition.onsetString", ChoiceTwice),
        (0, "/_multipleBirthBoolean", json!({ "id": "a", "extension": [{ "url": "x", "valueCode": "y" }] }), "Patient.multipleBirthInteger", ChoiceTwice),
        // Empty values.
        (0, "/name/0/given/0", json!(""), "Patient.name[0].given[0]", Empty),
        (0, "/name/0/given/0", json!(null), "Patient.name[0].given[0]", Empty),
        (0, "/contact", json!([]), "Patient.contact", Empty),
        (0, "/contact/0", json!({}), "Patient.contact[0]", Empty),
        (0, "/contact/0", json!({ "id": "a" }), "Patient.contact[0]", Empty),
        (0, "/gender", json!(null), "Patient.gender", Empty),
        (0, "/name/0/_given", json!([null]), "Patient.name[0].given", Misaligned),
        // References.
        (2, "/encounter", reference("urn:uuid:99999999-9999-4999-8999-999999999999"), "Observation.encounter", DanglingReference),
        (2, "/encounter", reference("urn:uuid:11111111-1111-4111-8111-111111111111"), "Observation.encounter", WrongTarget),
        (2, "/encounter", reference("Patient/p1"), "Observation.encounter", WrongTarget),
        (2, "/encounter", reference("Patient/elsewhere"), "Observation.encounter", WrongTarget),
        (2, "/encounter", reference("https://example.org/fhir/Patient/7"), "Observation.encounter", WrongTarget),
        (2, "/encounter", reference("Visit/1"), "Observation.encounter", BadReference),
        (2, "/encounter", reference("Encounter/a/b"), "Observation.encounter", BadReference),
        (2, "/encounter", reference("Encounter"), "Observation.encounter", BadReference),
        (2, "/specimen", reference("#s2"), "Observation.specimen", DanglingReference),
        (2, "/encounter", reference("#s1"), "Observation.encounter", WrongTarget),
        // Invariants.
        (0, "/extension/0/extension", json!([{ "url": "x", "valueCode": "y" }]), "Patient.extension[0]", Invariant { key: "ext-1" }),
        (0, "/extension/0/valueCode", remove(), "Patient.extension[0]", Invariant { key: "ext-1" }),
        (2, "/contained/0/contained", json!([{ "resourceType": "Patient" }]), "Observation.contained[0]", Invariant { key: "dom-2" }),
        (2, "/contained/0/resourceType", json!("Blood"), "Observation.contained[0]", UnknownResourceType),
        (2, "/contained/0", json!("x"), "Observation.contained[0]", NotAResource),
    ]
}

#[test]
fn each_fault_is_told_at_its_place() {
    let labels = [
        "Patient/p1",
        "Encounter/e1",
        "Observation/o1",
        "Condition/c1",
    ];
    for (entry, pointer, value, path, kind) in faults() {
        let mut bundle = record();
        put(
            &mut bundle,
            &format!("/entry/{entry}/resource{pointer}"),
            value,
        );
        let issues = issues(&bundle);
        let told = issues
            .iter()
            .find(|issue| issue.path == path && issue.kind == kind);
        let told = told.unwrap_or_else(|| panic!("{pointer}: no {kind:?} at {path} in {issues:?}"));
        assert_eq!(told.entry, Some(entry));
        // A broken id cannot be hidden behind: it is told as it is.
        assert!(told.resource == labels[entry] || pointer == "/id");
    }
}

#[test]
fn faults_of_the_envelope() {
    let faults = [
        ("/type", json!("parcel"), "Bundle.type"),
        ("/type", json!("REMOVE"), "Bundle.type"),
        ("/total", json!(-1), "Bundle.total"),
        ("/surprise", json!(1), "Bundle.surprise"),
        (
            "/entry/1/request/method",
            json!("post"),
            "Bundle.entry[1].request.method",
        ),
        ("/entry/1/request", json!("REMOVE"), "Bundle.entry[1]"),
        (
            "/entry/1/fullUrl",
            json!("urn:uuid:11111111-1111-4111-8111-111111111111"),
            "Bundle.entry[1]",
        ),
        ("/entry/1", json!({}), "Bundle.entry[1]"),
        ("/entry/1", json!(7), "Bundle.entry[1]"),
        ("/entry", json!({}), "Bundle.entry"),
        (
            "/entry/1/resource",
            json!("REMOVE"),
            "Observation.encounter",
        ),
        (
            "/entry/1/resource/resourceType",
            json!("Visit"),
            "Bundle.entry[1].resource",
        ),
        ("/entry/1/resource", json!([]), "Bundle.entry[1].resource"),
    ];
    for (pointer, value, path) in faults {
        let mut bundle = record();
        put(&mut bundle, pointer, value.clone());
        let issues = issues(&bundle);
        assert!(
            issues.iter().any(|issue| issue.path == path),
            "{pointer} {value}: {issues:?}"
        );
    }
}

#[test]
fn what_may_exist_elsewhere_is_a_warning() {
    for reference in [
        "Encounter/elsewhere",
        "Encounter/e1x/_history/2",
        "Encounter?identifier=http://example.org|7",
        "https://example.org/fhir/Encounter/7",
        "https://example.org/something",
    ] {
        let mut bundle = record();
        put(
            &mut bundle,
            "/entry/2/resource/encounter/reference",
            json!(reference),
        );
        let report = check(&bundle).unwrap_or_else(|error| panic!("{reference}: {error}"));
        let [issue] = report.warnings.as_slice() else {
            panic!("{reference}: {report:?}")
        };
        assert_eq!(issue.kind, IssueKind::UnresolvedReference);
        assert_eq!(issue.path, "Observation.encounter");
    }
    let mut bundle = record();
    let extension = json!([{ "url": "http://example.org/not", "valueBoolean": true }]);
    put(
        &mut bundle,
        "/entry/2/resource/modifierExtension",
        extension,
    );
    let report = check(&bundle).expect("a warning only");
    assert_eq!(report.warnings[0].kind, IssueKind::ModifierExtension);
}

#[test]
fn issues_are_counted_beyond_their_limit_and_tell_no_values() {
    let mut bundle = record();
    let names: Vec<Value> = (0..5_000)
        .map(|_| json!({ "given": ["Zhang San"], "x": "Zhang San" }))
        .collect();
    put(&mut bundle, "/entry/0/resource/name", json!(names));
    put(&mut bundle, "/entry/0/resource/gender", json!("Zhang San"));
    let Err(error) = check(&bundle) else {
        panic!("accepted")
    };
    let Error::Invalid { issues, total } = &error else {
        panic!("{error}")
    };
    assert_eq!((issues.len(), *total), (5_001, 5_001));
    assert!(!format!("{error} {error:?}").contains("Zhang"));
    let long = "x".repeat(10_000);
    let mut bundle = record();
    put(&mut bundle, &format!("/entry/0/resource/{long}"), json!(1));
    let Err(error) = check(&bundle) else {
        panic!("accepted")
    };
    assert!(format!("{error}").len() < 300);
}

/// Every object below `value`, as a pointer, and the path an issue must tell for it.
fn objects(value: &Value, pointer: String, path: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name_in_path = name.trim_start_matches('_');
                objects(
                    member,
                    format!("{pointer}/{name}"),
                    format!("{path}.{name_in_path}"),
                    found,
                );
            }
            found.push((pointer, path));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(
                    item,
                    format!("{pointer}/{index}"),
                    format!("{path}[{index}]"),
                    found,
                );
            }
        }
        _ => {}
    }
}

/// Real resources of every type in the data, or those of the record above.
fn resources() -> Vec<Value> {
    let paths = fhir_real::files("fhir-synthea-r4", ".json");
    let mut found: std::collections::BTreeMap<String, Vec<Value>> = Default::default();
    for path in paths.iter().take(8).chain(paths.iter().rev().take(2)) {
        for resource in fhir_real::bundle(path).into_resources() {
            let of_type = found
                .entry(resource.resource_type().to_string())
                .or_default();
            if of_type.len() < 6 {
                of_type.push(resource.into_value());
            }
        }
    }
    if found.is_empty() {
        let record = record();
        let entries = record["entry"].as_array().expect("entries").clone();
        return entries
            .into_iter()
            .map(|entry| entry["resource"].clone())
            .collect();
    }
    found.into_values().flatten().collect()
}

fn faults_of(value: Value) -> Vec<Issue> {
    let resource = Resource::from_value(value).expect("still a resource");
    match resource.validate(&Directory::default()) {
        Err(Error::Invalid { issues, .. }) => issues,
        other => panic!("accepted: {other:?}"),
    }
}

/// Faults that can be put anywhere: an unknown field, and a value of another JSON type, at every
/// single place of real resources.
#[test]
fn no_place_of_a_real_resource_is_unchecked() {
    for resource in resources() {
        let name = resource["resourceType"]
            .as_str()
            .expect("a type")
            .to_owned();
        let mut places = Vec::new();
        objects(&resource, String::new(), name.clone(), &mut places);
        for (pointer, path) in places {
            let mut changed = resource.clone();
            put(&mut changed, &format!("{pointer}/zzz"), json!("x"));
            let told = faults_of(changed);
            let path = format!("{path}.zzz");
            let found = told
                .iter()
                .any(|i| i.path == path && i.kind == IssueKind::UnknownField);
            assert!(found, "{path}: {told:?}");
        }
        // In place of the `null` of a list, a text may be right.
        let leaves = leaves(&resource, &name).into_iter();
        for (pointer, path, value) in leaves.filter(|(_, _, value)| !value.is_null()) {
            let mut changed = resource.clone();
            let other = if value.is_string() {
                json!(true)
            } else {
                json!("x y")
            };
            put(&mut changed, &pointer, other);
            let told = faults_of(changed);
            let found = told.iter().any(|issue| {
                issue.path == path && matches!(issue.kind, IssueKind::WrongType { .. })
            });
            assert!(found, "{path}: {told:?}");
        }
    }
}

fn leaves(resource: &Value, name: &str) -> Vec<(String, String, Value)> {
    fn go(value: &Value, pointer: String, path: String, found: &mut Vec<(String, String, Value)>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                go(
                    member,
                    format!("{pointer}/{name}"),
                    format!("{path}.{}", name.trim_start_matches('_')),
                    found,
                );
            }),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
                go(
                    item,
                    format!("{pointer}/{index}"),
                    format!("{path}[{index}]"),
                    found,
                );
            }),
            _ => found.push((pointer, path, value.clone())),
        }
    }
    let mut found = Vec::new();
    go(resource, String::new(), name.to_owned(), &mut found);
    found.retain(|(pointer, _, _)| !pointer.ends_with("/resourceType"));
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Two faults at once are both told.
    #[test]
    fn faults_do_not_hide_each_other(first in 0..64_usize, second in 0..64_usize) {
        let faults = faults();
        let (first, second) = (&faults[first % faults.len()], &faults[second % faults.len()]);
        // Only where neither touches the other's place.
        prop_assume!(first.0 != second.0 && first.1 != "/id" && second.1 != "/id");
        let mut bundle = record();
        for (entry, pointer, value, _, _) in [first, second] {
            put(&mut bundle, &format!("/entry/{entry}/resource{pointer}"), value.clone());
        }
        let issues = issues(&bundle);
        for (entry, _, _, path, kind) in [first, second] {
            let told = |issue: &Issue| {
                issue.entry == Some(*entry) && issue.path == *path && issue.kind == *kind
            };
            prop_assert!(issues.iter().any(told), "{} not in {:?}", path, issues);
        }
    }
}
