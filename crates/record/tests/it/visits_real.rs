//! Grouping and labelling of real bundles: nothing lost, nothing leaked.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;
use yilian_protocol::Confidentiality;
use yilian_record::{
    encounter::visits,
    fhir::{Bundle, Resource},
    label::{Part, parts, sensitivity},
};

fn bundles() -> Vec<(PathBuf, Bundle)> {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folders = ["fhir-synthea-r4", "fhir-synthea-r4-heavy"].map(|folder| data.join(folder));
    let mut found = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            eprintln!("skipped: {} is missing", folder.display());
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".json") && !name.contains("Information") {
                found.push((
                    path.clone(),
                    Bundle::parse(&std::fs::read(path).unwrap()).unwrap(),
                ));
            }
        }
    }
    found
}

fn multiset<'a>(resources: impl Iterator<Item = &'a Resource>) -> BTreeMap<Vec<u8>, usize> {
    let mut counts = BTreeMap::new();
    for resource in resources {
        *counts
            .entry(resource.canonical_bytes().to_vec())
            .or_default() += 1;
    }
    counts
}

fn resources(part: &Part) -> Vec<Resource> {
    Bundle::parse(&part.content)
        .unwrap()
        .into_resources()
        .collect()
}

fn codings(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| codings(item, found)),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
            found.extend(text("system").zip(text("code")));
            members.values().for_each(|member| codings(member, found));
        }
        _ => {}
    }
}

#[test]
fn every_resource_is_in_exactly_one_part_of_one_visit_byte_for_byte() {
    for (path, bundle) in bundles() {
        let before = multiset(bundle.resources());
        let visits = visits(bundle).unwrap();
        let sealed: Vec<Resource> = visits
            .iter()
            .flat_map(parts)
            .filter(|part| part.confidentiality != Confidentiality::Statistics)
            .flat_map(|part| resources(&part))
            .collect();
        assert_eq!(multiset(sealed.iter()), before, "{}", path.display());
    }
}

#[test]
fn no_sensitive_code_and_no_reference_to_one_is_outside_the_sensitive_parts() {
    for (path, bundle) in bundles() {
        for visit in visits(bundle).unwrap() {
            let parts = parts(&visit);
            let of = |level| {
                parts
                    .iter()
                    .filter(move |part| part.confidentiality == level)
            };
            let sensitive: Vec<Resource> =
                of(Confidentiality::Sensitive).flat_map(resources).collect();
            for part in parts
                .iter()
                .filter(|part| part.confidentiality != Confidentiality::Sensitive)
            {
                let mut found = Vec::new();
                codings(&serde_json::from_slice(&part.content).unwrap(), &mut found);
                let leak = found
                    .iter()
                    .find(|(system, code)| sensitivity(system, code).is_some());
                assert_eq!(
                    leak,
                    None,
                    "{} in {:?}",
                    path.display(),
                    part.confidentiality
                );
            }
            for resource in of(Confidentiality::Clinical).flat_map(resources) {
                let kind = resource.resource_type().as_str().to_owned();
                if matches!(kind.as_str(), "Organization" | "Practitioner" | "Location") {
                    continue;
                }
                let leads = |to: &str| sensitive.iter().any(|other| other.full_url() == Some(to));
                let leak = resource.references().find(|(_, to)| leads(to));
                assert!(leak.is_none(), "{}: {kind} {leak:?}", path.display());
            }
        }
    }
}

#[test]
fn statistics_hold_no_name_id_or_day() {
    for (path, bundle) in bundles() {
        let patient = bundle
            .resources()
            .find(|r| r.resource_type().as_str() == "Patient")
            .unwrap();
        let family = patient.value()["name"][0]["family"]
            .as_str()
            .unwrap()
            .to_owned();
        let birth = patient.value()["birthDate"].as_str().unwrap().to_owned();
        for visit in visits(bundle).unwrap() {
            let parts = parts(&visit);
            let part = parts
                .iter()
                .find(|p| p.confidentiality == Confidentiality::Statistics);
            let text = String::from_utf8(part.unwrap().content.clone()).unwrap();
            for secret in [
                family.as_str(),
                birth.as_str(),
                "urn:uuid",
                &visit.start[..10],
            ] {
                assert!(!text.contains(secret), "{}: {secret}", path.display());
            }
        }
    }
}
