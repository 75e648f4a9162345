//! The labeller: splits a visit into parts by confidentiality, so that each is sealed under a scope
//! of its own.
//!
//! Levels follow HL7 security labels (Healthcare Privacy and Security Classification System;
//! docs/PROTOCOL.md 6):
//!
//! | level | what | rule |
//! |---|---|---|
//! | identity | who the patient is | Patient, RelatedPerson, Person, Coverage |
//! | sensitive | what may harm if known | a label, a code, a word, or what it refers to says so |
//! | clinical | all other care | the rest |
//! | statistics | coded extract for authorities | made after the others: see `statistics` |
//!
//! What is sensitive by itself: `policy` (labels), `rules` (codes), `words`; where they are looked
//! for: `scan`; how it spreads: `spread`. A label can raise a resource's level, never lower it, and
//! in doubt a resource is sensitive. A label of the bundle is one of each resource in it. See
//! docs/labels.md, also for what this does not see.

mod policy;
mod rules;
mod scan;
mod spread;
mod statistics;
mod words;

use std::{collections::BTreeSet, ops::ControlFlow};

use serde_json::Value;
use yilian_protocol::Confidentiality;

pub use rules::sensitivity;

use crate::{
    document,
    encounter::Visit,
    fhir::{Envelope, Resource},
    keyword::{Keywords, keywords},
};

/// What information is sensitive about, by the codes of HL7 v3 ActCode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Sensitivity {
    /// HIV: infection, tests, antiretrovirals, contacts.
    Hiv,
    /// STD: other sexually transmitted disease.
    Std,
    /// PSY: mental and behavioural disorders, self-harm, dementia, and their care.
    Psychiatry,
    /// SUD: use of alcohol and drugs, what it did to the body, treatment.
    Substance,
    /// SEX: sexuality and reproduction: contraception, abortion, pregnancy, infertility, gender.
    Sexuality,
    /// GDIS: genetic disease, tests and counselling.
    Genetic,
    /// SCA: sickle-cell disease and trait.
    SickleCell,
    /// SDV: assault, abuse, domestic violence.
    Violence,
}

impl Sensitivity {
    /// The code of v3 ActCode.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Hiv => "HIV",
            Self::Std => "STD",
            Self::Psychiatry => "PSY",
            Self::Substance => "SUD",
            Self::Sexuality => "SEX",
            Self::Genetic => "GDIS",
            Self::SickleCell => "SCA",
            Self::Violence => "SDV",
        }
    }

    fn named(code: &str) -> Option<Self> {
        Some(match code {
            "HIV" => Self::Hiv,
            "STD" => Self::Std,
            "PSY" => Self::Psychiatry,
            "SUD" => Self::Substance,
            "SEX" => Self::Sexuality,
            "GDIS" => Self::Genetic,
            "SCA" => Self::SickleCell,
            "SDV" => Self::Violence,
            _ => return None,
        })
    }
}

/// Why a resource is sensitive by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A security label says so.
    Label,
    /// A code does.
    Code(Sensitivity),
    /// A word does.
    Word(Sensitivity),
}

/// The resources of a visit that have one confidentiality, or the visit's statistics.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its level.
    pub confidentiality: Confidentiality,
    /// Its content: a FHIR Bundle of the entries as they were written, see [`crate::document`].
    pub content: Vec<u8>,
    /// What it can be found by: of its own resources alone, so that a sensitive word leads to the
    /// sensitive part. Identity and statistics have none.
    pub keywords: Keywords,
}

/// Splits a visit. Every resource is in exactly one of the parts, and in addition there are the
/// visit's statistics.
#[must_use]
pub fn parts(visit: &Visit) -> Vec<Part> {
    let levels = levels(visit);
    let contents = document::contents(visit, &levels);
    let part = |(level, content): (Confidentiality, Vec<u8>)| {
        let leveled = visit.resources.iter().zip(&levels);
        let found = leveled.filter_map(|(resource, found)| (*found == level).then_some(resource));
        Part {
            confidentiality: level,
            content,
            keywords: match level {
                Confidentiality::Identity => Keywords::default(),
                _ => keywords(found),
            },
        }
    };
    let mut parts: Vec<Part> = contents.into_iter().map(part).collect();
    let statistics = statistics::extract(visit, &levels);
    parts.push(Part {
        confidentiality: Confidentiality::Statistics,
        content: statistics.to_string().into_bytes(),
        keywords: Keywords::default(),
    });
    parts
}

/// Why a resource is sensitive by itself; empty when it is not. What it refers to is not looked at.
#[must_use]
pub fn reasons(resource: &Resource) -> BTreeSet<Reason> {
    let mut reasons = BTreeSet::new();
    scan::scan(resource.value(), &mut |reason| {
        reasons.insert(reason);
        ControlFlow::Continue(())
    });
    reasons
}

/// The level of each resource of a visit, by all that came with it: a resource of another visit of
/// the same bundle may make it sensitive.
#[must_use]
pub fn levels(visit: &Visit) -> Vec<Confidentiality> {
    let resources = visit.resources.iter().enumerate();
    let level = |(at, resource): (usize, &Resource)| match visit.sensitive.get(at) {
        _ if is_identity(resource) => Confidentiality::Identity,
        Some(false) => Confidentiality::Clinical,
        // What nobody judged is sensitive.
        Some(true) | None => Confidentiality::Sensitive,
    };
    resources.map(level).collect()
}

/// Which resources of a bundle are sensitive, by themselves or by what they refer to.
pub(crate) fn sensitive(envelope: &Envelope, resources: &[Resource]) -> Vec<bool> {
    let whole = envelope.labels().iter().any(policy::raises);
    let told = |resource: &Resource| {
        is_sensitive(resource.value()) || is_sensitive(&resource.entry_value())
    };
    let own = |resource: &Resource| !is_identity(resource) && (whole || told(resource));
    spread::spread(resources, resources.iter().map(own).collect())
}

/// Who the patient is. No label moves it: it is sealed apart in any case.
fn is_identity(resource: &Resource) -> bool {
    matches!(
        resource.resource_type().as_str(),
        "Patient" | "RelatedPerson" | "Person" | "Coverage"
    )
}

/// Whether a resource, or an entry, is sensitive by itself.
pub(crate) fn is_sensitive(value: &Value) -> bool {
    let mut sensitive = false;
    scan::scan(value, &mut |_| {
        sensitive = true;
        ControlFlow::Break(())
    });
    sensitive
}

/// Whether words of a text are sensitive.
pub(crate) fn text_is_sensitive(text: &str) -> bool {
    words::sensitivity(text).is_some()
}

/// Whether a code of confidentiality, of any system, restricts.
pub(crate) fn restricts(code: &str) -> bool {
    policy::restricts(code)
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
