//! What a resource says: its codes and the texts beside them.
//!
//! A `Coding` is whatever stands in `coding`, or has a system and a code. A `CodeableConcept` is
//! what has codings or nothing but a text. A reference's display is taken where it names a thing
//! (a medicine, a diagnosis), never where it may name a person.

use serde_json::{Map, Value};

use crate::terminology::{Classification, CodeSystem};

/// A code or text of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// A code, with the system that it names if it names one.
    Code {
        /// `Coding.system`.
        system: Option<&'a str>,
        /// `Coding.code`.
        code: &'a str,
    },
    /// A display, or the text of a concept.
    Text(&'a str),
}

/// Not descended into: names, identifiers and contacts are of the same shapes anywhere, notes and
/// narrative are free text, references and labels are of no concept.
const CLOSED: [&str; 9] = [
    "identifier",
    "name",
    "telecom",
    "address",
    "contact",
    "text",
    "note",
    "progress",
    "meta",
];

/// Free text in an object of its own.
const INSTRUCTIONS: [&str; 2] = ["dosage", "dosageInstruction"];

/// References to things, by member.
const THINGS: [&str; 11] = [
    "medicationReference",
    "reasonReference",
    "itemReference",
    "condition",
    "diagnosis",
    "indication",
    "problem",
    "substanceReference",
    "addresses",
    "outcomeReference",
    "complicationDetail",
];

/// All that a resource says, in its order.
pub fn said(resource: &Value) -> Vec<Said<'_>> {
    let mut found = Vec::new();
    value("", resource, &mut found);
    found
}

fn value<'a>(name: &str, of: &'a Value, found: &mut Vec<Said<'a>>) {
    match of {
        Value::Array(items) => items.iter().for_each(|item| value(name, item, found)),
        Value::Object(members) => object(name, members, found),
        _ => {}
    }
}

fn object<'a>(name: &str, members: &'a Map<String, Value>, found: &mut Vec<Said<'a>>) {
    if gives_none(members) {
        return;
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let (system, code) = (text("system"), text("code"));
    let quantity = members.contains_key("value") || members.contains_key("unit");
    if name == "coding" || (system.is_some() && code.is_some() && !quantity) {
        if system.is_none_or(names_the_world) {
            found.extend(code.map(|code| Said::Code { system, code }));
            found.extend(text("display").map(Said::Text));
        }
    } else if members.get("coding").is_some_and(Value::is_array)
        || (is_concept(members) && !INSTRUCTIONS.contains(&name))
    {
        found.extend(text("text").map(Said::Text));
    } else if THINGS.contains(&name) {
        found.extend(text("display").map(Said::Text));
    }
    let open = members
        .iter()
        .filter(|(name, _)| !CLOSED.contains(&name.as_str()));
    open.for_each(|(name, member)| value(name, member, found));
}

/// A contained resource of a person or place.
fn gives_none(members: &Map<String, Value>) -> bool {
    let kind = members.get("resourceType").and_then(Value::as_str);
    kind.is_some_and(|kind| super::weight(kind).is_none())
}

/// Nothing but a text.
fn is_concept(members: &Map<String, Value>) -> bool {
    let known = ["text", "_text", "id", "extension"];
    members.contains_key("text") && members.keys().all(|name| known.contains(&name.as_str()))
}

/// A code that names nothing of the world (a status, a category, a unit) is none.
fn names_the_world(system: &str) -> bool {
    let inner = CodeSystem::of(system).map(CodeSystem::classification);
    !matches!(
        inner,
        Some(
            Classification::Hl7
                | Classification::Ucum
                | Classification::ActCode
                | Classification::Confidentiality
                | Classification::ConfidentialityV2
        )
    )
}
