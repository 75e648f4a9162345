//! The labeller: splits a visit into parts by confidentiality, so that each is sealed under a scope of its own.
//!
//! Levels follow HL7 security labels (Healthcare Privacy and Security Classification System; docs/PROTOCOL.md 6):
//!
//! | level | what | rule |
//! |---|---|---|
//! | identity | who the patient is | Patient, RelatedPerson, Person, Coverage |
//! | sensitive | what may harm if known | any coding of the resource is in `rules.tsv`; or its own label says R, V or a sensitivity |
//! | clinical | all other care | the rest |
//! | statistics | coded extract for authorities | made here: age band, sex, quarter, codes; no id, name, text or day |
//!
//! Sensitivity spreads: whatever refers to a sensitive resource, or embeds one, is sensitive too, and so is what the two have in common to tell (an
//! Encounter whose reason is a sensitive Condition, a Claim for a sensitive prescription). A resource's own label can raise its level, never lower it.

mod statistics;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use serde_json::Value;
use yilian_protocol::Confidentiality;

use crate::{
    encounter::{Visit, aliases, name},
    fhir::Resource,
    keyword::{Keyword, keywords},
};

/// The resources of a visit that have one confidentiality, or the visit's statistics.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its level.
    pub confidentiality: Confidentiality,
    /// Its content: a FHIR collection Bundle in canonical bytes.
    pub content: Vec<u8>,
    /// What it can be found by: of its own resources alone, so that a sensitive word leads to the sensitive part. Identity and statistics have none.
    pub keywords: Vec<Keyword>,
}

/// Splits a visit. Every resource is in exactly one of the parts, and in addition there are the visit's statistics.
#[must_use]
pub fn parts(visit: &Visit) -> Vec<Part> {
    let levels = levels(&visit.resources);
    let mut parts = Vec::new();
    for level in [
        Confidentiality::Identity,
        Confidentiality::Sensitive,
        Confidentiality::Clinical,
    ] {
        let of_level: Vec<&Resource> = visit
            .resources
            .iter()
            .zip(&levels)
            .filter_map(|(resource, found)| (*found == level).then_some(resource))
            .collect();
        if !of_level.is_empty() {
            parts.push(Part {
                confidentiality: level,
                content: collection(&of_level),
                keywords: match level {
                    Confidentiality::Identity => Vec::new(),
                    _ => keywords(of_level.iter().copied()),
                },
            });
        }
    }
    let statistics = statistics::extract(visit);
    let content = statistics.to_string().into_bytes();
    parts.push(Part {
        confidentiality: Confidentiality::Statistics,
        content,
        keywords: Vec::new(),
    });
    parts
}

/// A collection Bundle of `resources`, each in its canonical bytes.
fn collection(resources: &[&Resource]) -> Vec<u8> {
    let mut bytes = br#"{"resourceType":"Bundle","type":"collection","entry":["#.to_vec();
    for (place, resource) in resources.iter().enumerate() {
        if place > 0 {
            bytes.push(b',');
        }
        bytes.push(b'{');
        if let Some(url) = resource.full_url() {
            bytes.extend_from_slice(b"\"fullUrl\":");
            bytes.extend_from_slice(Value::from(url).to_string().as_bytes());
            bytes.push(b',');
        }
        bytes.extend_from_slice(b"\"resource\":");
        bytes.extend_from_slice(resource.canonical_bytes());
        bytes.push(b'}');
    }
    bytes.extend_from_slice(b"]}");
    bytes
}

/// The level of each resource.
fn levels(resources: &[Resource]) -> Vec<Confidentiality> {
    let aliases = aliases(resources);
    let mut sensitive: BTreeSet<String> = resources
        .iter()
        .filter(|r| is_sensitive(r))
        .map(name)
        .collect();
    // Until nothing spreads any more. Neither the patient nor organisations carry it on: everything refers to them.
    loop {
        let before = sensitive.len();
        for resource in resources {
            let mut targets = resource.references().filter_map(|(_, to)| aliases.get(to));
            if !carries_no_taint(resource) && targets.any(|to| sensitive.contains(to)) {
                sensitive.insert(name(resource));
            }
        }
        if sensitive.len() == before {
            break;
        }
    }
    let level = |resource: &Resource| match resource.resource_type().as_str() {
        "Patient" | "RelatedPerson" | "Person" | "Coverage" => Confidentiality::Identity,
        _ if sensitive.contains(&name(resource)) => Confidentiality::Sensitive,
        _ => Confidentiality::Clinical,
    };
    resources.iter().map(level).collect()
}

fn carries_no_taint(resource: &Resource) -> bool {
    matches!(
        resource.resource_type().as_str(),
        "Patient"
            | "RelatedPerson"
            | "Person"
            | "Coverage"
            | "Organization"
            | "Practitioner"
            | "PractitionerRole"
            | "Location"
    )
}

fn is_sensitive(resource: &Resource) -> bool {
    !carries_no_taint(resource)
        && (labelled(resource.value()) || has_sensitive_code(resource.value()))
}

/// The resource's own security label: restricted, very restricted, or any sensitivity of the table.
fn labelled(value: &Value) -> bool {
    let labels = value.pointer("/meta/security").and_then(Value::as_array);
    let codes = labels
        .into_iter()
        .flatten()
        .filter_map(|label| label.get("code")?.as_str());
    let mut codes = codes;
    codes.any(|code| matches!(code, "R" | "V") || rules().sensitivities.contains(code))
}

/// Whether any coding, at any depth, contained resources included, is in the table.
fn has_sensitive_code(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_sensitive_code),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            let coded = match (text("system"), text("code")) {
                (Some(system), Some(code)) => rules().sensitivity(system, code).is_some(),
                _ => false,
            };
            coded || members.values().any(has_sensitive_code)
        }
        _ => false,
    }
}

/// The sensitivity that the table gives to a code; `None` when it is not sensitive.
#[must_use]
pub fn sensitivity(system: &str, code: &str) -> Option<&'static str> {
    rules().sensitivity(system, code)
}

#[derive(Default)]
struct Rules {
    exact: BTreeMap<(&'static str, &'static str), &'static str>,
    prefixes: BTreeMap<&'static str, Vec<(&'static str, &'static str)>>,
    sensitivities: BTreeSet<&'static str>,
}

impl Rules {
    fn sensitivity(&self, system: &str, code: &str) -> Option<&'static str> {
        let system = canonical_system(system);
        let prefixes = || {
            let of_system = self.prefixes.get(system)?;
            of_system
                .iter()
                .find(|(prefix, _)| code.starts_with(prefix))
                .map(|(_, found)| *found)
        };
        self.exact.get(&(system, code)).copied().or_else(prefixes)
    }
}

/// National editions of ICD-10 share its categories.
fn canonical_system(system: &str) -> &str {
    const ICD_10: &str = "http://hl7.org/fhir/sid/icd-10";
    if system.starts_with(ICD_10) || system == "urn:oid:2.16.840.1.113883.6.3" {
        ICD_10
    } else {
        system
    }
}

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| {
        let mut rules = Rules::default();
        for line in include_str!("rules.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'))
        {
            let mut columns = line.split('\t');
            let (Some(system), Some(code), Some(sensitivity)) =
                (columns.next(), columns.next(), columns.next())
            else {
                continue;
            };
            rules.sensitivities.insert(sensitivity);
            match code.strip_suffix('*') {
                Some(prefix) => {
                    rules
                        .prefixes
                        .entry(system)
                        .or_default()
                        .push((prefix, sensitivity));
                }
                None => {
                    rules.exact.insert((system, code), sensitivity);
                }
            }
        }
        rules
    })
}

#[cfg(test)]
mod tests {
    use crate::{encounter::visits, fhir::Bundle};

    use super::*;

    fn parts_of(entries: &str) -> Vec<Part> {
        let text = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[
            {{"fullUrl":"urn:uuid:p","resource":{{"resourceType":"Patient","id":"p","name":[{{"family":"Quirke"}}],"birthDate":"1980-03-04","gender":"female"}}}},
            {entries}]}}"#
        );
        let visits = visits(Bundle::parse(text.as_bytes()).unwrap()).unwrap();
        parts(&visits[0])
    }

    fn text(parts: &[Part], level: Confidentiality) -> String {
        let part = parts.iter().find(|part| part.confidentiality == level);
        part.map(|part| String::from_utf8(part.content.clone()).unwrap())
            .unwrap_or_default()
    }

    const ENCOUNTER: &str = r#"{"fullUrl":"urn:uuid:e","resource":{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},
        "subject":{"reference":"urn:uuid:p"},"period":{"start":"2024-05-17"},"reasonReference":[{"reference":"urn:uuid:c"}]}}"#;

    fn condition(system: &str, code: &str) -> String {
        format!(
            r#"{{"fullUrl":"urn:uuid:c","resource":{{"resourceType":"Condition","id":"c","subject":{{"reference":"urn:uuid:p"}},
            "encounter":{{"reference":"urn:uuid:e"}},"code":{{"coding":[{{"system":"{system}","code":"{code}"}}]}}}}}}"#
        )
    }

    #[test]
    fn what_refers_to_something_sensitive_is_sensitive() {
        let claim = r#"{"fullUrl":"urn:uuid:k","resource":{"resourceType":"Claim","id":"k","patient":{"reference":"urn:uuid:p"},
            "diagnosis":[{"sequence":1,"diagnosisReference":{"reference":"urn:uuid:c"}}]}}"#;
        let entries = [
            ENCOUNTER,
            &condition("http://hl7.org/fhir/sid/icd-10-cn", "F32.900"),
            claim,
        ]
        .join(",");
        let parts = parts_of(&entries);
        let sensitive = text(&parts, Confidentiality::Sensitive);
        for id in ["\"e\"", "\"c\"", "\"k\""] {
            assert!(
                sensitive.contains(&format!("\"id\":{id}")),
                "{id} is missing: {sensitive}"
            );
        }
        assert_eq!(text(&parts, Confidentiality::Clinical), "");
    }

    #[test]
    fn an_ordinary_visit_stays_clinical() {
        let entries = [
            ENCOUNTER,
            &condition("http://hl7.org/fhir/sid/icd-10", "I10"),
        ]
        .join(",");
        let parts = parts_of(&entries);
        assert!(text(&parts, Confidentiality::Clinical).contains("I10"));
        assert_eq!(text(&parts, Confidentiality::Sensitive), "");
    }

    #[test]
    fn a_label_raises_and_never_lowers() {
        let raised = condition("http://hl7.org/fhir/sid/icd-10", "I10").replace(
            "\"id\":\"c\",",
            r#""id":"c","meta":{"security":[{"code":"R"}]},"#,
        );
        let parts = parts_of(&[ENCOUNTER, &raised].join(","));
        assert!(text(&parts, Confidentiality::Sensitive).contains("I10"));
        let lowered = condition("http://snomed.info/sct", "86406008").replace(
            "\"id\":\"c\",",
            r#""id":"c","meta":{"security":[{"code":"N"}]},"#,
        );
        let parts = parts_of(&[ENCOUNTER, &lowered].join(","));
        assert!(text(&parts, Confidentiality::Sensitive).contains("86406008"));
    }

    #[test]
    fn statistics_name_nobody_and_no_day() {
        let entries = [ENCOUNTER, &condition("http://snomed.info/sct", "86406008")].join(",");
        let statistics = text(&parts_of(&entries), Confidentiality::Statistics);
        for secret in ["Quirke", "1980", "-17", "urn:uuid", "86406008"] {
            assert!(!statistics.contains(secret), "{secret} is in {statistics}");
        }
        assert!(statistics.contains("40-44"), "{statistics}");
        assert!(statistics.contains("2024-Q2"), "{statistics}");
    }
}
