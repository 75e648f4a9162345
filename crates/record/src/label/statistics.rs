//! The coded extract of a visit that authorities may read: what was treated, not in whom.
//!
//! It is made after labelling. What it may hold of each part:
//!
//! - Of the identity part: the age in bands of five years, 90 and over as one (HIPAA safe harbour,
//!   45 CFR 164.514(b)(2)(i)(C)), and the administrative gender.
//! - Of the clinical part: codes of conditions, procedures, medicines and immunisations, where the
//!   code system is known and the code is not sensitive.
//! - Of the sensitive part: nothing, but the class of the encounter where it is one of v3
//!   ActEncounterCode: how somebody came, not why.
//! - Of none: the calendar quarter.
//!
//! Holds no id, reference, name, place, free text, local code, or date finer than a quarter.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use yilian_protocol::Confidentiality;

use super::sensitivity;
use crate::{encounter::Visit, fhir::Resource, terminology::CodeSystem};

/// Resource types whose codes are counted, and where the code stands.
const COUNTED: &[(&str, &str)] = &[
    ("Condition", "/code/coding"),
    ("Procedure", "/code/coding"),
    ("MedicationRequest", "/medicationCodeableConcept/coding"),
    ("Immunization", "/vaccineCode/coding"),
];

/// HL7 v3 ActEncounterCode.
const CLASSES: &[&str] = &[
    "ACUTE", "AMB", "EMER", "FLD", "HH", "IMP", "NONAC", "OBSENC", "PRENC", "SS", "VR",
];

/// The extract, as a FHIR Basic resource would be too free in form: a small object of its own.
/// `levels` are of the visit's resources.
pub(super) fn extract(visit: &Visit, levels: &[Confidentiality]) -> Value {
    let patient = of_type(visit, "Patient").next().map(Resource::value);
    let gender = patient.and_then(|patient| patient.get("gender")).cloned();
    let birth = patient.and_then(|patient| patient.get("birthDate")?.as_str());
    let encounter = of_type(visit, "Encounter").next().map(Resource::value);
    let class = encounter.and_then(|encounter| encounter.pointer("/class/code")?.as_str());
    let class = class.filter(|class| CLASSES.contains(class));
    let codes: Vec<Value> = codes(visit, levels)
        .into_iter()
        .map(|(kind, system, code)| json!({ "type": kind, "system": system, "code": code }))
        .collect();
    json!({
        "quarter": visit.quarter.map(|quarter| quarter.to_string()),
        "ageBand": birth.zip(visit.start.as_deref()).and_then(|(birth, at)| age_band(birth, at)),
        "gender": gender,
        "class": class,
        "codes": codes,
    })
}

fn of_type<'a>(visit: &'a Visit, kind: &'static str) -> impl Iterator<Item = &'a Resource> {
    visit
        .resources
        .iter()
        .filter(move |resource| resource.resource_type().as_str() == kind)
}

fn codes(
    visit: &Visit,
    levels: &[Confidentiality],
) -> BTreeSet<(&'static str, &'static str, String)> {
    let mut codes = BTreeSet::new();
    let clinical = visit.resources.iter().zip(levels);
    let clinical = clinical.filter(|(_, level)| **level == Confidentiality::Clinical);
    for (resource, _) in clinical {
        let counted = COUNTED
            .iter()
            .filter(|(kind, _)| resource.resource_type() == *kind);
        for (kind, pointer) in counted {
            let codings = resource.value().pointer(pointer).and_then(Value::as_array);
            for coding in codings.into_iter().flatten() {
                let text = |name: &str| coding.get(name).and_then(Value::as_str);
                if let (Some(system), Some(code)) = (text("system"), text("code"))
                    && let Some(known) = CodeSystem::of(system)
                    && sensitivity(system, code).is_none()
                {
                    codes.insert((*kind, known.url(), code.to_owned()));
                }
            }
        }
    }
    codes
}
/// Whole years between two dates, in bands of five.
fn age_band(birth: &str, at: &str) -> Option<String> {
    let date = |text: &str| -> Option<(i32, u32)> {
        let year = text.get(..4)?.parse().ok()?;
        let month_day = text.get(5..10).map(|rest| rest.replace('-', ""));
        Some((
            year,
            month_day.and_then(|rest| rest.parse().ok()).unwrap_or(101),
        ))
    };
    let ((birth_year, birth_day), (year, day)) = (date(birth)?, date(at)?);
    let age = year - birth_year - i32::from(day < birth_day);
    match age {
        ..0 => None,
        0..90 => Some(format!("{}-{}", age / 5 * 5, age / 5 * 5 + 4)),
        _ => Some("90+".to_owned()),
    }
}
