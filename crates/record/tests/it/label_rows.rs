//! The rows by which labels are measured (tests/data/labels), for the tests and for `cargo
//! xtask bench labels`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use yilian_record::{fhir::Resource, label::reasons};

/// One row: a resource in short, and whether it is sensitive.
pub struct Row {
    /// What the right answer is.
    pub sensitive: bool,
    /// Which kind of thing it is: a sensitivity, or a code system or language.
    pub topic: &'static str,
    /// On which side it is.
    pub side: Side,
    /// The row as it is written.
    pub text: &'static str,
    resource: Value,
}

impl Row {
    /// Whether the labeller takes it for sensitive.
    pub fn found(&self) -> bool {
        let resource = Resource::from_value(self.resource.clone());
        resource.is_ok_and(|resource| !reasons(&resource).is_empty())
    }
}

/// Who looked at a row, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Looked at while the tables are tuned.
    Tuned,
    /// Of the third of the same rows that is not, told by the hash of the row.
    HeldOut,
    /// Written later, without a look at the tables.
    Later,
}

/// All rows.
pub fn rows() -> Vec<Row> {
    let of = |table: &'static str, later: bool| {
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(move |line| row(line, later))
    };
    let tuned = of(include_str!("../data/labels/set.tsv"), false);
    tuned
        .chain(of(include_str!("../data/labels/held.tsv"), true))
        .collect()
}

fn row(text: &'static str, later: bool) -> Option<Row> {
    let mut columns = text.split('\t');
    let (class, topic) = (columns.next()?, columns.next()?);
    let (place, system) = (columns.next()?, columns.next()?);
    let (code, words) = (columns.next()?, columns.next()?);
    Some(Row {
        sensitive: class == "S",
        topic,
        side: match (later, hash(text).is_multiple_of(3)) {
            (true, _) => Side::Later,
            (false, true) => Side::HeldOut,
            (false, false) => Side::Tuned,
        },
        text,
        resource: resource(place, system, code, words)?,
    })
}

fn resource(place: &str, system: &str, code: &str, words: &str) -> Option<Value> {
    let mut coding = json!({ "code": code });
    if !system.is_empty() {
        coding["system"] = system.into();
    }
    let condition = |member: &str, value: Value| {
        let mut condition =
            json!({ "resourceType": "Condition", "subject": { "reference": "Patient/p" } });
        condition[member] = value;
        condition
    };
    Some(match place {
        "code" => condition("code", json!({ "coding": [coding] })),
        "coding" => {
            coding["display"] = words.into();
            condition("code", json!({ "coding": [coding] }))
        }
        "text" => condition("code", json!({ "text": words })),
        "note" => condition("note", json!([{ "text": words }])),
        "display" => condition(
            "code",
            json!({ "coding": [{ "system": "http://example.org/ours", "code": "q", "display": words }] }),
        ),
        "div" => condition(
            "text",
            json!({ "status": "additional", "div": format!("<div><p>{words}</p></div>") }),
        ),
        "attachment" => json!({ "resourceType": "DocumentReference", "content": [{ "attachment":
            { "contentType": "text/plain", "data": STANDARD.encode(words) } }] }),
        _ => return None,
    })
}

/// FNV-1a, so that a row stays on its side whatever is added.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
