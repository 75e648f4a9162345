//! What a bundle says beside its resources, as it was written: type, identifier, timestamp,
//! signature, links, and entries that hold no resource (`DELETE`).

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::resource::EntryText;
use super::written::{items, members};

/// The extension of `Bundle.type` that tells what the submitted bundle was.
pub(crate) const SUBMITTED: &str = "urn:x-yilian:submitted";

/// The members of a bundle in their order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    members: Vec<(String, String)>,
    bare: Vec<Bare>,
}

/// An entry without a resource.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bare {
    /// Position in `Bundle.entry`, from 0.
    pub(crate) place: usize,
    /// The entry as it was written.
    pub(crate) text: String,
}

/// The text of a resource and its entry; `None` for an entry without one.
pub(super) type ResourceText = Option<(String, EntryText)>;

impl Envelope {
    /// Cuts the minified text of a bundle: what is beside the resources, and these, one for each
    /// entry.
    pub(super) fn cut(text: &str) -> (Self, Vec<ResourceText>) {
        let mut envelope = Self::default();
        let mut resources = Vec::new();
        for (name, value) in members(text) {
            if name != "entry" {
                envelope.members.push((name.into_owned(), value.to_owned()));
                continue;
            }
            envelope.members.push(("entry".to_owned(), String::new()));
            for (place, entry) in items(value).into_iter().enumerate() {
                let cut = EntryText::cut(place, entry);
                if cut.is_none() {
                    let text = entry.to_owned();
                    envelope.bare.push(Bare { place, text });
                }
                resources.push(cut.map(|(around, text)| (text.to_owned(), around)));
            }
        }
        (envelope, resources)
    }

    /// Of a part, to be put together again: what the extension of the type tells is known already.
    pub(crate) fn of_part(text: &str) -> Self {
        let (mut envelope, _) = Self::cut(text);
        envelope.members.retain(|(name, _)| name != "_type");
        if envelope.member("entry").is_none() {
            envelope.members.push(("entry".to_owned(), String::new()));
        }
        envelope
    }

    /// Of resources that came without a bundle.
    pub(crate) fn collection() -> Self {
        let member = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        Self {
            members: vec![
                member("resourceType", "\"Bundle\""),
                member("type", "\"collection\""),
                member("entry", ""),
            ],
            bare: Vec::new(),
        }
    }

    /// Of a collection of some of the resources, with what `meta` says of all.
    pub(super) fn excerpt(&self) -> Self {
        let mut excerpt = Self::collection();
        if let Some(meta) = self.member("meta") {
            excerpt
                .members
                .insert(1, ("meta".to_owned(), meta.to_owned()));
        }
        excerpt
    }

    /// `Bundle.type`; `collection` where there is none.
    #[must_use]
    pub fn kind(&self) -> &str {
        let text = self.member("type");
        let plain = text.and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
        plain.unwrap_or("collection")
    }

    /// `Bundle.meta.security`: labels of each resource in it.
    #[must_use]
    pub fn labels(&self) -> Vec<Value> {
        let meta = self.member("meta");
        let meta: Option<Value> = meta.and_then(|text| serde_json::from_str(text).ok());
        let labels = meta.and_then(|meta| meta.get("security")?.as_array().cloned());
        labels.unwrap_or_default()
    }

    /// Whether an extension of the type itself was written, for which no room is left.
    pub(crate) fn has_extended_type(&self) -> bool {
        self.member("_type").is_some()
    }

    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        let found = self.members.iter().find(|(found, _)| found == name);
        found.map(|(_, text)| text.as_str())
    }

    pub(crate) fn bare(&self) -> &[Bare] {
        &self.bare
    }

    /// The same without the entries that hold no resource: they are told once, not with each visit.
    pub(crate) fn without_bare(&self) -> Self {
        Self {
            members: self.members.clone(),
            bare: Vec::new(),
        }
    }

    /// A bundle with these members, another type and other entries. `submitted` becomes an
    /// extension of the type.
    pub(crate) fn write(
        &self,
        kind: &str,
        submitted: Option<&str>,
        entries: &[Cow<'_, str>],
    ) -> String {
        let extension = submitted.map(|text| {
            let extension = serde_json::json!({ "url": SUBMITTED, "valueString": text });
            let extended = serde_json::json!({ "extension": [extension] });
            format!(",\"_type\":{extended}")
        });
        let written = self.members.iter();
        let written = written.filter(|(name, _)| name != "entry" || !entries.is_empty());
        let members = written.map(|(name, text)| match name.as_str() {
            "type" => format!(
                "\"type\":\"{kind}\"{}",
                extension.as_deref().unwrap_or_default()
            ),
            "entry" => format!("\"entry\":[{}]", entries.join(",")),
            name => format!("{}:{text}", Value::from(name)),
        });
        let members: Vec<String> = members.collect();
        format!("{{{}}}", members.join(","))
    }
}

/// Prints no content.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (members, bare) = (self.members.len(), self.bare.len());
        write!(
            f,
            "Envelope({members} members, {bare} entries without a resource)"
        )
    }
}
