//! Labels from outside: the field cases, the measured rows, what spreads, and what statistics may
//! not hold.

use std::{collections::BTreeSet, path::PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};
use yilian_protocol::Confidentiality;
use yilian_record::{
    encounter::visits,
    fhir::{Bundle, Resource},
    label::{Part, levels, parts, sensitivity},
};

use crate::label_rows::{Row, Side, rows};

/// The field cases of a folder by name.
fn cases(folder: &str) -> Vec<(String, Vec<u8>)> {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/field-cases");
    let entries = std::fs::read_dir(data.join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    };
    paths.map(read).collect()
}

fn split(bundle: &[u8]) -> Vec<Part> {
    let visits = visits(Bundle::parse(bundle).unwrap()).unwrap();
    assert_eq!(visits.len(), 1);
    parts(&visits[0])
}

fn text(parts: &[Part], level: Confidentiality) -> String {
    let part = parts.iter().find(|part| part.confidentiality == level);
    part.map(|part| String::from_utf8(part.content.clone()).unwrap())
        .unwrap_or_default()
}

/// The ids of a part's resources.
fn ids(parts: &[Part], level: Confidentiality) -> BTreeSet<String> {
    let part = parts.iter().find(|part| part.confidentiality == level);
    let bundle = part.map(|part| Bundle::parse(&part.content).unwrap());
    let resources = bundle.into_iter().flat_map(Bundle::into_resources);
    resources
        .filter_map(|r| r.id().map(str::to_owned))
        .collect()
}

/// A visit of one Encounter `e` of patient `p` with further resources, and labels of the bundle.
fn bundle(resources: &[Value], labels: &Value) -> Vec<u8> {
    let mut all = vec![
        json!({ "resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1980-03-04" }),
        json!({ "resourceType": "Encounter", "id": "e", "status": "finished", "class": { "code": "AMB" },
            "subject": { "reference": "Patient/p" }, "period": { "start": "2024-05-17" } }),
    ];
    all.extend_from_slice(resources);
    let entries: Vec<Value> = all
        .into_iter()
        .map(|resource| json!({ "resource": resource }))
        .collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "collection", "meta": { "security": labels }, "entry": entries });
    bundle.to_string().into_bytes()
}

fn condition(id: &str, code: &str) -> Value {
    json!({ "resourceType": "Condition", "id": id, "subject": { "reference": "Patient/p" },
        "encounter": { "reference": "Encounter/e" }, "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": code }] } })
}

/// Which of `resources` land in the sensitive part.
fn sensitive(resources: &[Value]) -> BTreeSet<String> {
    ids(
        &split(&bundle(resources, &json!([]))),
        Confidentiality::Sensitive,
    )
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn field_cases_labels_count_wherever_fhir_puts_them() {
    let mut count = 0;
    for (name, bytes) in cases("13-labels-elsewhere") {
        if !name.ends_with(".json") {
            continue;
        }
        count += 1;
        let parts = split(&bytes);
        let bundle = Bundle::parse(&bytes).unwrap();
        let labelled = bundle.resources().last().unwrap();
        let found = ids(&parts, Confidentiality::Sensitive);
        assert!(found.contains(labelled.id().unwrap()), "{name}: {found:?}");
        assert!(
            !text(&parts, Confidentiality::Statistics).contains("I10"),
            "{name}"
        );
    }
    assert_eq!(count, 12);
}

#[test]
fn field_cases_codes_under_every_name_of_their_system() {
    let cases = cases("14-sensitive-codes");
    let case = |name: &str| &cases.iter().find(|(found, _)| found == name).unwrap().1;
    let table: Vec<(String, String, String, String)> =
        serde_json::from_slice(case("table.json")).unwrap();
    assert_eq!(table.len(), 67);
    let mut expected = BTreeSet::new();
    for (at, (what, system, code, class)) in table.iter().enumerate() {
        // What the case leaves open is sensitive in doubt.
        let is_sensitive = class != "N";
        let found = sensitivity(system, code).is_some();
        assert_eq!(found, is_sensitive, "{what}: {system}|{code}");
        expected.extend(is_sensitive.then(|| format!("s{at}")));
    }
    // The same rows as resources of a visit.
    let found = ids(&split(case("bundle.json")), Confidentiality::Sensitive);
    let lacking: Vec<_> = expected.difference(&found).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}

#[test]
fn field_cases_texts_contained_medicines_and_logical_references() {
    let mut count = 0;
    for (name, bytes) in cases("14-sensitive-codes") {
        let expected: &[&str] = match name.as_str() {
            "text.json" => &["t1", "t2", "t3", "t4", "t5"],
            "logical.json" => &["c", "cp"],
            "medication-contained.json" => &["m"],
            _ => continue,
        };
        count += 1;
        assert_eq!(
            ids(&split(&bytes), Confidentiality::Sensitive),
            set(expected),
            "{name}"
        );
    }
    assert_eq!(count, 3);
}

#[test]
fn the_measured_rows_keep_their_figures() {
    let rows = rows();
    let of = |sensitive: bool| rows.iter().filter(move |row| row.sensitive == sensitive);
    assert!(of(true).count() >= 200 && of(false).count() >= 200);
    let topics: BTreeSet<&str> = of(true).map(|row| row.topic).collect();
    assert!(topics.is_superset(&BTreeSet::from([
        "HIV", "STD", "MH", "SUD", "SEX", "GDIS", "SCA", "SDV"
    ])));
    for tuned in [Side::Tuned, Side::HeldOut] {
        let side = |sensitive: bool| of(sensitive).filter(move |row| row.side == tuned);
        let missed: Vec<&str> = side(true)
            .filter(|row| !row.found())
            .map(|row| row.text)
            .collect();
        let taken: Vec<&str> = side(false)
            .filter(|row| row.found())
            .map(|row| row.text)
            .collect();
        assert!(missed.len() * 50 <= side(true).count(), "missed {missed:?}");
        assert!(taken.len() * 20 <= side(false).count(), "taken {taken:?}");
    }
}

/// Rows that were written without a look at the rules.
#[test]
fn the_later_rows_keep_their_figures() {
    let rows = rows();
    let later = |sensitive: bool| {
        let rows = rows.iter().filter(|row| row.side == Side::Later);
        rows.filter(|row| row.sensitive == sensitive)
            .collect::<Vec<&Row>>()
    };
    let (sensitive, harmless) = (later(true), later(false));
    assert!(sensitive.len() + harmless.len() >= 100);
    let missed: Vec<&str> = sensitive
        .iter()
        .filter(|row| !row.found())
        .map(|row| row.text)
        .collect();
    let taken: Vec<&str> = harmless
        .iter()
        .filter(|row| row.found())
        .map(|row| row.text)
        .collect();
    eprintln!(
        "missed {} of {}: {missed:#?}",
        missed.len(),
        sensitive.len()
    );
    eprintln!("taken {} of {}: {taken:#?}", taken.len(), harmless.len());
}

#[test]
fn sensitivity_goes_up_to_what_refers_to_it_and_down_to_its_pieces() {
    let report = json!({ "resourceType": "DiagnosticReport", "id": "r", "code": { "text": "HIV panel" }, "result": [{ "reference": "Observation/o/_history/2" }] });
    let observation =
        json!({ "resourceType": "Observation", "id": "o", "code": { "text": "S/CO" } });
    let other =
        json!({ "resourceType": "Observation", "id": "x", "code": { "text": "potassium" } });
    assert_eq!(sensitive(&[report, observation, other]), set(&["r", "o"]));

    let reference = json!({ "resourceType": "DocumentReference", "id": "d", "content": [{ "attachment": { "url": "https://h.example/fhir/Binary/b" } }] });
    let binary =
        json!({ "resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "SElW" });
    assert_eq!(sensitive(&[reference, binary]), set(&["d", "b"]));

    let reference = json!({ "resourceType": "DocumentReference", "id": "d", "description": "HIV clinic letter", "content": [{ "attachment": { "url": "Binary/b" } }] });
    let binary = json!({ "resourceType": "Binary", "id": "b", "contentType": "application/pdf", "data": "AAAA" });
    assert_eq!(sensitive(&[reference, binary]), set(&["d", "b"]));

    let composition = json!({ "resourceType": "Composition", "id": "k", "confidentiality": "R", "author": [{ "reference": "Practitioner/q" }],
        "section": [{ "section": [{ "entry": [{ "reference": "Condition/c" }] }] }] });
    let practitioner = json!({ "resourceType": "Practitioner", "id": "q" });
    assert_eq!(
        sensitive(&[composition, condition("c", "I10"), practitioner]),
        set(&["k", "c"])
    );

    let request = json!({ "resourceType": "MedicationRequest", "id": "m", "medicationReference": { "reference": "Medication/d" }, "reasonReference": [{ "identifier": { "system": "urn:x", "value": "7" } }] });
    let medication =
        json!({ "resourceType": "Medication", "id": "d", "code": { "text": "tablets" } });
    let mut reason = condition("c", "B20");
    reason["identifier"] = json!([{ "system": "urn:x", "value": "7" }]);
    assert_eq!(
        sensitive(&[request, medication, reason]),
        set(&["m", "d", "c"])
    );
}

#[test]
fn a_place_is_sensitive_by_itself_and_inherits_nothing() {
    let ward = json!({ "resourceType": "Location", "id": "w", "name": "精神科病房" });
    let mut treated = condition("c", "I10");
    treated["extension"] = json!([{ "url": "http://example.org/at", "valueReference": { "reference": "Location/w" } }]);
    assert_eq!(sensitive(&[ward, treated.clone()]), set(&["w", "c"]));
    let ordinary = json!({ "resourceType": "Location", "id": "w", "name": "心内科病房" });
    assert_eq!(sensitive(&[ordinary.clone(), treated]), set(&[]));
    let hiv = condition("c", "B20");
    let mut of_place = ordinary;
    of_place["extension"] = json!([{ "url": "http://example.org/why", "valueReference": { "reference": "Condition/c" } }]);
    assert_eq!(sensitive(&[of_place, hiv]), set(&["c"]));
}

#[test]
fn sensitivity_does_not_stop_between_visits() {
    let to = |text: &str| json!({ "reference": text });
    let ward = json!({ "resourceType": "Location", "id": "w", "name": "精神科病房" });
    let drug = json!({ "resourceType": "Medication", "id": "d", "code": { "text": "HIV drug" } });
    let other = json!({ "resourceType": "Encounter", "id": "later", "status": "finished",
        "class": { "code": "AMB" }, "subject": to("Patient/p"),
        "period": { "start": "2025-05-17" } });
    let of_later = |id: &str, kind: &str, member: &str, value: Value| {
        let mut found =
            json!({ "resourceType": kind, "id": id, "encounter": to("Encounter/later") });
        found[member] = value;
        found
    };
    let resources = [
        ward,
        drug,
        condition("c", "B20"),
        other,
        json!({ "resourceType": "Procedure", "id": "first", "encounter": to("Encounter/e"),
            "location": to("Location/w"), "usedReference": [to("Medication/d")] }),
        of_later("l1", "Procedure", "location", to("Location/w")),
        of_later(
            "l2",
            "MedicationRequest",
            "medicationReference",
            to("Medication/d"),
        ),
        of_later("l3", "CarePlan", "addresses", json!([to("Condition/c")])),
        of_later("l4", "CarePlan", "title", json!("diet")),
    ];
    let bundle = Bundle::parse(&bundle(&resources, &json!([]))).unwrap();
    let visits = visits(bundle).unwrap();
    assert_eq!(visits.len(), 2);
    let later = ids(&parts(&visits[1]), Confidentiality::Sensitive);
    assert_eq!(later, set(&["l1", "l2", "l3"]));
    let levels = levels(&visits[1]);
    assert_eq!(levels.len(), visits[1].resources.len());
}

#[test]
fn what_an_entry_says_beside_its_resource_counts() {
    let url =
        "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label";
    let outcome = json!({ "resourceType": "OperationOutcome",
        "issue": [{ "severity": "error", "code": "invalid", "diagnostics": "HIV viral load" }] });
    let inline = json!([{ "url": url, "valueCoding": { "code": "R" } }]);
    let split = |member: &str, value: &Value, resource: bool| {
        let mut whole: Value = serde_json::from_slice(&bundle(
            &[condition("c", "I10"), condition("o", "I10")],
            &json!([]),
        ))
        .unwrap();
        let mut entry = json!({});
        if resource {
            entry = whole["entry"][2].take();
        }
        entry[member] = value.clone();
        if !resource {
            whole["entry"].as_array_mut().unwrap().push(entry);
        } else {
            whole["entry"][2] = entry;
        }
        split(whole.to_string().as_bytes())
    };
    let response = json!({ "status": "400", "outcome": outcome });
    for (member, value) in [("response", &response), ("extension", &inline)] {
        let found = ids(&split(member, value, true), Confidentiality::Sensitive);
        assert_eq!(found, set(&["c"]), "{member}");
        let bare = split(member, value, false);
        let sensitive = text(&bare, Confidentiality::Sensitive);
        assert!(sensitive.contains(member), "{member}: {sensitive}");
        let clinical = text(&bare, Confidentiality::Clinical);
        assert!(
            clinical.contains("I10") && !clinical.contains(member),
            "{clinical}"
        );
    }
    let ordinary = json!({ "status": "201", "location": "Condition/c" });
    let found = ids(
        &split("response", &ordinary, true),
        Confidentiality::Sensitive,
    );
    assert_eq!(found, set(&[]));
}

#[test]
fn one_server_has_several_addresses() {
    for (url, reference) in [
        ("https://h.example/fhir/Condition/c", "Condition/c"),
        (
            "http://h.example/fhir/Condition/c",
            "https://h.example/fhir/Condition/c",
        ),
        (
            "http://h.example/Condition/c/_history/2",
            "https://h.example/Condition/c/_history/2",
        ),
    ] {
        let plan = json!({ "resourceType": "CarePlan", "id": "k",
            "addresses": [{ "reference": reference }] });
        let whole = bundle(&[condition("c", "B20"), plan], &json!([]));
        let mut whole: Value = serde_json::from_slice(&whole).unwrap();
        whole["entry"][2]["fullUrl"] = url.into();
        whole["entry"][3]["fullUrl"] = "http://h.example/fhir/CarePlan/k".into();
        let parts = split(whole.to_string().as_bytes());
        let found = ids(&parts, Confidentiality::Sensitive);
        assert_eq!(found, set(&["c", "k"]), "{url} {reference}");
    }
}

#[test]
fn a_label_of_the_bundle_is_one_of_all_in_it() {
    let labels = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" }]);
    let parts = split(&bundle(&[condition("c", "I10")], &labels));
    assert_eq!(ids(&parts, Confidentiality::Sensitive), set(&["c", "e"]));
    assert_eq!(ids(&parts, Confidentiality::Identity), set(&["p"]));
    assert_eq!(text(&parts, Confidentiality::Clinical), "");
}

#[test]
fn statistics_hold_nothing_of_a_sensitive_part() {
    // An ordinary code in a resource that is sensitive for another reason: its text, or what it
    // refers to.
    let mut told = condition("t", "J18.9");
    told["note"] = json!([{ "text": "HIV positive" }]);
    let mut related = condition("r", "K35.8");
    related["evidence"] = json!([{ "detail": [{ "reference": "Condition/t" }] }]);
    let mut local = condition("l", "I10");
    local["code"]["coding"] =
        json!([{ "system": "http://example.org/ours", "code": "Quirke 1980" }]);
    let mut encounter = json!({ "resourceType": "Encounter", "id": "e", "status": "finished", "class": { "code": "PSY-WARD" },
        "subject": { "reference": "Patient/p" }, "period": { "start": "2024-05-17" } });
    let resources = [told, related, local, condition("o", "E11.9")];
    let statistics = |resources: &[Value]| {
        text(
            &split(&bundle(resources, &json!([]))),
            Confidentiality::Statistics,
        )
    };
    let found = statistics(&resources);
    for secret in ["J18.9", "K35.8", "Quirke", "example.org"] {
        assert!(!found.contains(secret), "{secret} is in {found}");
    }
    assert!(
        found.contains("E11.9") && found.contains("\"class\":\"AMB\""),
        "{found}"
    );

    let mut with_class = serde_json::from_slice::<Value>(&bundle(&[], &json!([]))).unwrap();
    with_class["entry"][1]["resource"] = encounter.take();
    let parts = split(with_class.to_string().as_bytes());
    let found = text(&parts, Confidentiality::Statistics);
    assert!(!found.contains("PSY"), "{found}");
}

/// A resource that may be sensitive for any reason, or refer to any other.
fn some_resources(count: usize) -> impl Strategy<Value = Vec<Value>> {
    (0..count).map(any_resource).collect::<Vec<_>>()
}

fn any_resource(id: usize) -> impl Strategy<Value = Value> {
    let codes = prop::sample::select(vec!["I10", "E11.9", "B20", "F32.9", "Z30.0"]);
    let words = prop::sample::select(vec![
        "hypertension",
        "no history of HIV",
        "感冒",
        "抑郁症",
        "ST depression",
    ]);
    let label = prop::sample::select(vec!["N", "R", "V", "L", "ETH", "SCA"]);
    let kind = prop::sample::select(vec!["Condition", "Observation", "CarePlan"]);
    (codes, words, prop::option::of(label), kind, prop::collection::vec(0usize..8, 0..3)).prop_map(
        move |(code, words, label, kind, to)| {
            let references: Vec<Value> = to.iter().map(|to| match to % 2 {
                0 => json!({ "reference": format!("urn:uuid:{to}") }),
                _ => json!({ "reference": format!("Condition/r{to}") }),
            }).collect();
            let mut resource = json!({ "resourceType": kind, "id": format!("r{id}"), "note": [{ "text": words }],
                "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code }] }, "basedOn": references });
            if let Some(label) = label {
                resource["meta"] = json!({ "security": [{ "code": label }] });
            }
            resource
        },
    )
}

fn leveled(resources: &[Value], labels: &Value) -> Vec<Confidentiality> {
    let mut value = serde_json::from_slice::<Value>(&bundle(resources, labels)).unwrap();
    for (place, entry) in value["entry"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .enumerate()
        .skip(2)
    {
        entry["fullUrl"] = format!("urn:uuid:{}", place - 2).into();
    }
    let visits = visits(Bundle::parse(value.to_string().as_bytes()).unwrap()).unwrap();
    levels(&visits[0])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn more_never_lowers(
        resources in (1usize..7).prop_flat_map(some_resources),
        // Also under the name of another.
        added in (0usize..8).prop_flat_map(any_resource),
        label in prop::sample::select(vec!["N", "U", "R", "HIV", "nonsense"]),
        at in 0usize..7,
    ) {
        let none = json!([]);
        let before = leveled(&resources, &none);
        let sensitive = |levels: &[Confidentiality]| -> Vec<bool> {
            levels.iter().map(|level| *level == Confidentiality::Sensitive).collect()
        };
        let not_lower = |after: &[Confidentiality]| {
            sensitive(&before).iter().zip(sensitive(after)).all(|(before, after)| !before || after)
        };
        let mut more = resources.clone();
        more.push(added);
        prop_assert!(not_lower(&leveled(&more, &none)), "a resource");
        prop_assert!(not_lower(&leveled(&resources, &json!([{ "code": label }]))), "a label of the bundle");
        let mut labelled = resources.clone();
        let at = at % labelled.len();
        let kept = labelled[at]["meta"]["security"].as_array().cloned().unwrap_or_default();
        let security: Vec<Value> = kept.into_iter().chain([json!({ "code": label })]).collect();
        labelled[at]["meta"] = json!({ "security": security });
        prop_assert!(not_lower(&leveled(&labelled, &none)), "a label of a resource");
    }

    #[test]
    fn an_unknown_system_does_not_hide_a_sensitive_display(system in "[a-z]{1,8}(://[a-z.]{1,12}/[a-z0-9]{0,6})?", code in "[A-Za-z0-9.-]{1,10}") {
        let resource = json!({ "resourceType": "Condition", "id": "c", "code": { "coding": [{ "system": system, "code": code, "display": "Schizophrenia" }] } });
        let resource = Resource::from_value(resource).unwrap();
        prop_assert!(!yilian_record::label::reasons(&resource).is_empty());
    }
}
