//! Whom a submission is about: hostile mixtures of two people.

use serde_json::{Value, json};
use yilian_protocol::Confidentiality;
use yilian_record::{
    fhir::{Bundle, Report, Resource},
    label::{levels, parts},
    subject::people,
    submission::{Concern, Submission},
};

fn names(resources: &[Value]) -> Vec<String> {
    let parsed = resources.iter().cloned().map(Resource::from_value);
    let parsed: Vec<Resource> = parsed.map(Result::unwrap).collect();
    let people = people(&parsed).into_iter();
    people.map(|person| person.name).collect()
}

fn patient(id: &str, number: &str) -> Value {
    json!({ "resourceType": "Patient", "id": id, "birthDate": "1980-03-04", "gender": "female",
        "identifier": [{ "system": "urn:x", "value": number }] })
}

#[test]
fn only_a_link_says_that_two_patients_are_one() {
    let mut one = patient("a", "1");
    one["link"] = json!([{ "type": "seealso", "other": { "reference": "Patient/b" } }]);
    assert_eq!(names(&[one, patient("b", "2")]), ["Patient/a"]);

    let mut mother = patient("a", "1");
    let child = json!({ "reference": "Patient/b" });
    mother["extension"] = json!([{ "url": "http://x.example/child", "valueReference": child }]);
    assert_eq!(names(&[mother, patient("b", "2")]).len(), 2);

    let mut linked = patient("a", "1");
    let why = json!([{ "url": "http://x.example/by", "valueReference": child }]);
    linked["link"] = json!([{ "type": "seealso", "extension": why,
        "other": { "reference": "Patient/c" } }]);
    assert_eq!(names(&[linked, patient("b", "2")]).len(), 2);
}

#[test]
fn one_identifier_joins_only_those_who_do_not_contradict() {
    let joined = |one: &Value, other: &Value| names(&[one.clone(), other.clone()]).len() == 1;
    let one = patient("a", "4711");
    assert!(joined(&one, &patient("b", "4711")));
    let with = |member: &str, value: Value| {
        let mut other = patient("b", "4711");
        other[member] = value;
        other
    };
    assert!(!joined(&one, &with("birthDate", json!("1981-03-04"))));
    assert!(!joined(&one, &with("gender", json!("male"))));
    assert!(joined(&one, &with("birthDate", json!("1980"))));
    assert!(joined(&one, &with("gender", json!("unknown"))));
    for number in ["0000", "9", "unknown", "N/A", "-", "", "不详", "123456789"] {
        let same = joined(&patient("a", number), &patient("b", number));
        assert_eq!(same, number == "9", "{number}");
    }
    let bare = |id: &str, family: &str| {
        json!({ "resourceType": "Patient", "id": id, "name": [{ "family": family }],
            "identifier": [{ "system": "urn:x", "value": "4711" }] })
    };
    assert!(joined(&bare("a", "Quirke"), &bare("b", "QUIRKE")));
    assert!(!joined(&bare("a", "Quirke"), &bare("b", "Zhang")));
    let mut without_system = patient("b", "4711");
    without_system["identifier"][0]["system"] = "".into();
    let mut other = without_system.clone();
    other["id"] = "c".into();
    assert!(!joined(&without_system, &other));
}

#[test]
fn one_without_a_birth_date_does_not_join_two_of_different_ones() {
    let mut open = patient("b", "4711");
    open.as_object_mut().unwrap().remove("birthDate");
    let mut other = patient("c", "4711");
    other["birthDate"] = "1990-01-01".into();
    assert_eq!(names(&[patient("a", "4711"), open, other]).len(), 2);
}

fn submission(resources: &[Value], meta: &Value) -> Submission {
    let entries = resources
        .iter()
        .map(|resource| json!({ "resource": resource }));
    let entries: Vec<Value> = entries.collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "searchset", "meta": meta,
        "total": 9, "entry": entries });
    Submission {
        bundle: Bundle::parse(bundle.to_string().as_bytes()).unwrap(),
        report: Report::default(),
    }
}

/// Two patients `a` and `b`, a diagnosis of each, and `more`; the ids of what is kept for `a`.
fn kept(more: &[Value]) -> Vec<String> {
    let mut all = two();
    all.extend_from_slice(more);
    let of_a = submission(&all, &json!({}))
        .of_patient("Patient/a")
        .unwrap();
    let resources = of_a.bundle.resources();
    let ids = resources.filter_map(|resource| resource.id().map(str::to_owned));
    ids.filter(|id| !["a", "oa", "oa2"].contains(&id.as_str()))
        .collect()
}

fn two() -> Vec<Value> {
    let about = |id: &str, of: &str| {
        json!({ "resourceType": "Observation", "id": id,
        "status": "final", "code": { "text": "x" }, "subject": { "reference": of } })
    };
    vec![
        patient("a", "1"),
        patient("b", "2"),
        about("oa", "Patient/a"),
        about("oa2", "Patient/a"),
        about("ob", "Patient/b"),
    ]
}

#[test]
fn what_belongs_to_another_patient_is_left_out_whatever_the_way_to_him() {
    let to = |text: &str| json!({ "reference": text });
    let foreign = [
        json!({ "resourceType": "Person", "id": "x", "link": [{ "target": to("Patient/b") }] }),
        json!({ "resourceType": "Group", "id": "x", "member": [{ "entity": to("Patient/a") },
            { "entity": to("Patient/b") }] }),
        json!({ "resourceType": "AppointmentResponse", "id": "x", "actor": to("Patient/b") }),
        json!({ "resourceType": "Provenance", "id": "x", "target": [to("Patient/b")] }),
        json!({ "resourceType": "Provenance", "id": "x", "target": [to("Observation/ob")] }),
        json!({ "resourceType": "Provenance", "id": "x", "target": [to("Observation/oa"),
            to("Observation/ob")] }),
        json!({ "resourceType": "AuditEvent", "id": "x",
            "entity": [{ "what": to("Patient/elsewhere") }] }),
        json!({ "resourceType": "List", "id": "x", "entry": [{ "item": to("Observation/ob") }] }),
        json!({ "resourceType": "Bundle", "id": "x", "entry": [{ "resource": {
            "resourceType": "Observation", "subject": to("Patient/b") } }] }),
        json!({ "resourceType": "Medication", "id": "x", "contained": [{ "id": "i",
            "resourceType": "Observation", "subject": to("Patient/b") }] }),
        json!({ "resourceType": "Medication", "id": "x", "contained": [{ "id": "i",
            "resourceType": "Patient", "identifier": [{ "system": "urn:x", "value": "2" }] },
            { "resourceType": "Observation", "id": "j", "subject": to("#i") }] }),
        json!({ "resourceType": "Observation", "id": "x", "subject": to("Patient/a"),
            "focus": [to("Patient/b")] }),
    ];
    for one in foreign {
        assert_eq!(kept(std::slice::from_ref(&one)), [""; 0], "{one}");
    }
}

#[test]
fn a_file_is_of_those_who_lead_to_it() {
    let document = |id: &str, of: &str, file: &str| {
        json!({ "resourceType": "DocumentReference",
        "id": id, "subject": { "reference": of }, "content": [{ "attachment": { "url": file } }] })
    };
    let file = |id: &str| json!({ "resourceType": "Binary", "id": id, "contentType": "x/y" });
    let place = json!({ "resourceType": "Organization", "id": "shared" });
    let mut of_b = document("db", "Patient/b", "Binary/fb");
    of_b["custodian"] = json!({ "reference": "Organization/shared" });
    let mut of_a = document("da", "Patient/a", "Binary/fa");
    of_a["custodian"] = json!({ "reference": "Organization/shared" });
    let audit = json!({ "resourceType": "AuditEvent", "id": "v",
        "entity": [{ "what": { "reference": "Binary/fb" } }] });
    let all = [
        of_b,
        file("fb"),
        of_a,
        file("fa"),
        file("loose"),
        place,
        audit,
    ];
    assert_eq!(kept(&all), ["da", "fa", "loose", "shared"]);
}

#[test]
fn the_concern_tells_of_a_patient_who_is_only_mentioned() {
    let mut all = two();
    all.truncate(3);
    all.remove(1);
    all.push(
        json!({ "resourceType": "Provenance", "id": "v", "recorded": "2024-05-17T00:00:00Z",
        "target": [{ "reference": "Patient/elsewhere" }] }),
    );
    let quarter = "2024-Q2".parse().unwrap();
    let (_, concerns) = submission(&all, &json!({})).visits(quarter).unwrap();
    let other = concerns.iter().find_map(|concern| match concern {
        Concern::OtherPatient { other, patient, .. } => Some((other.as_str(), patient.as_str())),
        _ => None,
    });
    assert_eq!(other, Some(("Patient/elsewhere", "Patient/a")));
}

#[test]
fn two_people_of_one_id_have_names_of_their_own() {
    let mut other = patient("a", "2");
    other["birthDate"] = "1990-01-01".into();
    let found = names(&[patient("a", "1"), other]);
    assert_eq!(found, ["Patient/a", "Patient/a (2)"]);
}

#[test]
fn a_label_of_the_whole_is_one_of_what_is_chosen_from_it() {
    let label = |code: &str| json!({ "security": [{ "code": code }] });
    let quarter = "2024-Q2".parse().unwrap();
    for (code, level) in [
        ("R", Confidentiality::Sensitive),
        ("N", Confidentiality::Clinical),
    ] {
        let of_a = submission(&two(), &label(code))
            .of_patient("Patient/a")
            .unwrap();
        let (visits, _) = of_a.visits(quarter).unwrap();
        let found = levels(&visits[0]);
        assert_eq!(found, [Confidentiality::Identity, level, level], "{code}");
        let part = parts(&visits[0])
            .into_iter()
            .find(|part| part.confidentiality == level);
        let part: Value = serde_json::from_slice(&part.unwrap().content).unwrap();
        assert_eq!(part["meta"], label(code));
        assert_eq!(
            (&part["type"], &part["total"]),
            (&json!("collection"), &Value::Null)
        );
    }
}

#[test]
fn a_subject_is_found_under_another_address_of_its_server() {
    let found = |url: &str, reference: &str| {
        let one = Resource::from_value(patient("a", "1"))
            .unwrap()
            .with_full_url(url);
        let of = json!({ "resourceType": "Observation", "id": "o", "status": "final",
            "code": { "text": "x" }, "subject": { "reference": reference } });
        let of = Resource::from_value(of).unwrap();
        let of = of.with_full_url("http://h.example/fhir/Observation/o");
        let people = people(&[one, of]).into_iter();
        people.map(|person| person.name).collect::<Vec<_>>()
    };
    let https = "https://h.example/fhir/Patient/a";
    let http = "http://h.example/fhir/Patient/a";
    assert_eq!(found(https, "Patient/a"), ["Patient/a"]);
    assert_eq!(found(https, http), ["Patient/a"]);
    assert_eq!(found(https, "http://other.example/fhir/Patient/a").len(), 2);
}

#[test]
fn a_number_of_many_different_people_joins_nobody_after_them() {
    let mut all: Vec<Value> = (10..40)
        .map(|year| {
            let mut one = patient(&format!("p{year}"), "4711");
            one["birthDate"] = format!("19{year}-01-01").into();
            one
        })
        .collect();
    let mut last = all[29].clone();
    last["id"] = "last".into();
    all.push(last);
    assert_eq!(names(&all).len(), 31);
}
