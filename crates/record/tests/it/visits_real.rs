//! Grouping and labelling of real bundles: nothing lost, nothing leaked.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde_json::Value;
use yilian_protocol::Confidentiality;
use yilian_record::{
    encounter::visits,
    fhir::{Bundle, Resource},
    keyword::{KEYWORDS_MAX, Keyword, words},
    label::{Part, parts, sensitivity},
    synthetic::Population,
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
            .entry(resource.written().as_bytes().to_vec())
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
                &visit.start.as_deref().unwrap()[..10],
            ] {
                assert!(!text.contains(secret), "{}: {secret}", path.display());
            }
        }
    }
}

/// Names, identifiers, contacts, addresses and birth dates of all people in a bundle, whole and as
/// the words that keywords would be made of. Hospitals are left out: their names are of words like
/// any other.
fn personal(bundle: &Bundle) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for resource in bundle.resources() {
        let people = ["Patient", "RelatedPerson", "Practitioner"];
        if !people.contains(&resource.resource_type().as_str()) {
            continue;
        }
        for member in ["name", "identifier", "telecom", "address", "birthDate"] {
            texts(&resource.value()[member], &mut found);
        }
    }
    found
}

fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            // House numbers are codes of something, too; numbers of a person are longer.
            found.extend(words(text).into_iter().filter_map(|word| match word {
                Keyword::Word(text) => Some(text),
                Keyword::Code(text) => (text.len() > 4).then_some(text),
            }));
            if text.len() > 4 {
                found.insert(text.to_lowercase());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => {
            // What kind of identifier it is, and what a name is used for, are words of no person.
            let open = members.iter().filter(|(name, _)| {
                ![
                    "system",
                    "use",
                    "type",
                    "prefix",
                    "country",
                    "state",
                    "extension",
                ]
                .contains(&name.as_str())
            });
            open.for_each(|(_, member)| texts(member, found));
        }
        _ => {}
    }
}

#[test]
fn no_name_or_number_of_a_person_is_a_keyword() {
    let mut bundles: Vec<Bundle> = bundles().into_iter().map(|(_, bundle)| bundle).collect();
    let synthetic = Population::new(5).patients(40);
    bundles.extend(synthetic.map(|bytes| Bundle::parse(&bytes).unwrap()));
    let mut counts = Vec::new();
    for bundle in bundles {
        let personal = personal(&bundle);
        for visit in visits(bundle).unwrap() {
            for part in parts(&visit) {
                if matches!(
                    part.confidentiality,
                    Confidentiality::Identity | Confidentiality::Statistics
                ) {
                    assert!(part.keywords.kept.is_empty());
                    continue;
                }
                counts.push(part.keywords.kept.len());
                for keyword in &part.keywords.kept {
                    let (Keyword::Code(text) | Keyword::Word(text)) = keyword;
                    assert!(
                        !personal.contains(text),
                        "{text} is personal, and a keyword"
                    );
                }
            }
        }
    }
    counts.sort_unstable();
    let at = |percent: usize| counts[(counts.len() * percent / 100).min(counts.len() - 1)];
    eprintln!(
        "{} parts; keywords p50 {}, p90 {}, p99 {}, max {}",
        counts.len(),
        at(50),
        at(90),
        at(99),
        at(100)
    );
    assert!(at(100) <= KEYWORDS_MAX);
}
