//! Whom a submission is about: hostile mixtures of two people.

use serde_json::{Value, json};
use yilian_record::{fhir::Resource, subject::people};

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
