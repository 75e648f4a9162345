//! A submitted document: taken apart by confidentiality, and put together again.
//!
//! Each part of a visit is a FHIR Bundle with the entries of one level, as they were written. What
//! the bundle says of itself (identifier, timestamp, signature, links, ..) stands in one part
//! alone, the most confidential: a reader of another part does not learn from it what else there
//! is.
//!
//! | submitted type | type of a part |
//! |---|---|
//! | collection, transaction, batch, history, searchset, responses | the same |
//! | document, message | the same, if it begins with Composition or MessageHeader; or collection |
//!
//! An entry without a resource (`DELETE Patient/1`) goes with identity if it is of a person, with
//! sensitive if its address is a query or anything in it is sensitive, else into the most
//! confidential part.
//!
//! # The order
//! An extension of `Bundle.type` in that part, [`SUBMITTED`], tells what was submitted: its type,
//! and the level of each entry in runs. `document s1 i1 c3`: one entry of the sensitive part, one
//! of the identity part, three of the clinical part. [`joined`] gives the text again, white space
//! between tokens aside. Of a history that was split into visits, each visit is told so for itself.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;
use yilian_protocol::Confidentiality;

use crate::{
    encounter::Visit,
    fhir::{Bare, Envelope, SUBMITTED, items, members, minify},
    label::is_sensitive as tells_sensitive,
};

/// The levels that hold resources, in the order in which their parts are sealed.
const LEVELS: [Confidentiality; 3] = [
    Confidentiality::Identity,
    Confidentiality::Sensitive,
    Confidentiality::Clinical,
];

/// An entry, where it stood and where it goes.
struct Placed<'a> {
    place: usize,
    level: Confidentiality,
    text: Cow<'a, str>,
    /// What begins a document or message.
    begins: bool,
}

/// The contents of a visit's parts, `levels` being those of its resources.
pub(crate) fn contents(
    visit: &Visit,
    levels: &[Confidentiality],
) -> Vec<(Confidentiality, Vec<u8>)> {
    let envelope = &visit.envelope;
    let top = top(envelope, levels);
    let placed = placed(visit, levels, top);
    let of = |level: Confidentiality| placed.iter().filter(move |entry| entry.level == level);
    let used = LEVELS
        .iter()
        .filter(|level| of(**level).next().is_some())
        .count();
    let mut contents = Vec::new();
    for level in LEVELS {
        let texts: Vec<Cow<'_, str>> = of(level).map(|entry| entry.text.clone()).collect();
        if texts.is_empty() && level != top {
            continue;
        }
        let begun = of(level).next().is_some_and(|entry| entry.begins);
        let kind = match envelope.kind() {
            "document" | "message" if !begun => "collection",
            kind => kind,
        };
        let text = if level == top {
            let whole = used == 1 && !texts.is_empty() && kind == envelope.kind();
            let submitted = (!whole).then(|| runs(envelope.kind(), &placed));
            envelope.write(kind, submitted.as_deref(), &texts)
        } else {
            Envelope::collection().write(kind, None, &texts)
        };
        contents.push((level, text.into_bytes()));
    }
    contents
}

/// Which part tells what the bundle says of itself.
fn top(envelope: &Envelope, levels: &[Confidentiality]) -> Confidentiality {
    let queried = envelope
        .member("link")
        .is_some_and(|links| links.contains('?'));
    let is_sensitive = |bare: &Bare| {
        level_of_bare(&bare.text, Confidentiality::Clinical) == Confidentiality::Sensitive
    };
    let bare = envelope.bare().iter().any(is_sensitive);
    if queried || bare || levels.contains(&Confidentiality::Sensitive) {
        Confidentiality::Sensitive
    } else if levels.contains(&Confidentiality::Clinical) {
        Confidentiality::Clinical
    } else {
        Confidentiality::Identity
    }
}

fn placed<'a>(
    visit: &'a Visit,
    levels: &[Confidentiality],
    top: Confidentiality,
) -> Vec<Placed<'a>> {
    let resources = visit.resources.iter().zip(levels);
    let mut placed: Vec<Placed<'a>> = resources
        .map(|(resource, level)| Placed {
            place: resource.place(),
            level: *level,
            text: Cow::Owned(resource.entry_text()),
            begins: matches!(
                resource.resource_type().as_str(),
                "Composition" | "MessageHeader"
            ),
        })
        .collect();
    placed.extend(visit.envelope.bare().iter().map(|bare| Placed {
        place: bare.place,
        level: level_of_bare(&bare.text, top),
        text: Cow::Borrowed(&bare.text),
        begins: false,
    }));
    placed.sort_by_key(|entry| entry.place);
    placed
}

/// The level of an entry without a resource, by the address that it acts on.
fn level_of_bare(text: &str, top: Confidentiality) -> Confidentiality {
    let entry: Value = serde_json::from_str(text).unwrap_or_default();
    let address = entry
        .pointer("/request/url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let is_of = |kind: &&str| address.split(['/', '?']).any(|piece| piece == *kind);
    if ["Patient", "RelatedPerson", "Person", "Coverage"]
        .iter()
        .any(is_of)
    {
        Confidentiality::Identity
    } else if address.contains('?') || tells_sensitive(&entry) {
        Confidentiality::Sensitive
    } else {
        top
    }
}

const fn letter(level: Confidentiality) -> char {
    match level {
        Confidentiality::Identity => 'i',
        Confidentiality::Sensitive => 's',
        Confidentiality::Clinical | Confidentiality::Statistics => 'c',
    }
}

/// The submitted type, and the levels of the entries in runs.
fn runs(kind: &str, placed: &[Placed<'_>]) -> String {
    let mut text = kind.to_owned();
    for run in placed.chunk_by(|one, next| one.level == next.level) {
        let letter = run.first().map_or('c', |entry| letter(entry.level));
        text.push_str(&format!(" {letter}{}", run.len()));
    }
    text
}

/// The document again, of the parts of one visit: the submitted text without the white space
/// between tokens, or that of the visit where a history was split. `None` when parts are missing or
/// are of several visits.
#[must_use]
pub fn joined(parts: &[(Confidentiality, &[u8])]) -> Option<String> {
    let with_resources = parts.iter().filter(|(level, _)| LEVELS.contains(level));
    let texts: Option<Vec<(Confidentiality, String)>> = with_resources
        .map(|(level, bytes)| Some((*level, minify(std::str::from_utf8(bytes).ok()?))))
        .collect();
    let texts = texts?;
    let head = texts
        .iter()
        .find_map(|(_, text)| Some((text, submitted(text)?)));
    let Some((head, submitted)) = head else {
        let [(_, only)] = texts.as_slice() else {
            return None;
        };
        return Some(only.clone());
    };
    let mut words = submitted.split(' ');
    let kind = words.next()?;
    let mut queues: BTreeMap<char, Vec<&str>> = BTreeMap::new();
    for (level, text) in &texts {
        let entry = members(text).into_iter().find(|(name, _)| name == "entry");
        let entries = entry.map(|(_, entries)| items(entries)).unwrap_or_default();
        if queues.insert(letter(*level), entries).is_some() {
            return None;
        }
    }
    let mut entries: Vec<Cow<'_, str>> = Vec::new();
    for word in words {
        let queue = queues.get_mut(&word.chars().next()?)?;
        let count: usize = word.get(1..)?.parse().ok()?;
        if count > queue.len() {
            return None;
        }
        entries.extend(queue.drain(..count).map(Cow::Borrowed));
    }
    let used_up = queues.values().all(Vec::is_empty);
    used_up.then(|| Envelope::of_part(head).write(kind, None, &entries))
}

/// What the extension of the type tells.
fn submitted(text: &str) -> Option<String> {
    let members = members(text);
    let (_, extended) = members.iter().find(|(name, _)| name == "_type")?;
    let extended: Value = serde_json::from_str(extended).ok()?;
    let extension = extended.pointer("/extension/0")?;
    let ours = extension.get("url").and_then(Value::as_str) == Some(SUBMITTED);
    let value = extension.get("valueString")?.as_str()?;
    ours.then(|| value.to_owned())
}
