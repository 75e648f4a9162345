//! One FHIR resource: a value to look at, the text as it was written, and one spelling to compare.
//!
//! # As written
//! [`Resource::written`] is what is signed and sealed: the submitted text without the white space
//! between tokens. Digits, escapes and the order of members are those of the author; the entry
//! around the resource (`fullUrl`, `request`, `search`, ..) is kept with it.
//!
//! # Canonical bytes
//! [`Resource::canonical_bytes`] tells whether two texts hold the same record. It follows the
//! canonical JSON of FHIR R4 (section *JSON*, "Canonical JSON"): UTF-8 without white space, members
//! sorted by name. Beyond the section: narrative and `meta` stay (nothing may be lost), strings
//! carry the fewest escapes, and numbers keep their text, because FHIR decimals are precise (`1.10`
//! is not `1.1`). Parsing the canonical bytes and writing them again gives the same bytes.
//!
//! # Not promised
//! A `Resource` has a type of R4; that its other content follows R4 is what [`Resource::validate`]
//! tells.

use std::fmt;

use serde_json::Value;

use super::definitions::{Definitions, TypeId};
use super::directory::Directory;
use super::issue::Report;
use super::json::Json;
use super::reference::{self, Reference};
use super::written::{members, minify};
use super::{BYTES_MAX, RESOURCE_DEPTH_MAX, validate};
use crate::error::{Error, Place};
use crate::media::without_mark;

/// A name of the value set of R4 resource types, such as `Patient`. Abstract types are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceType(&'static str);

impl ResourceType {
    /// The type called `name`.
    pub fn new(name: &str) -> Result<Self, Error> {
        let definitions = Definitions::embedded()?;
        let found = definitions
            .resource(name)
            .ok_or(Error::UnknownResourceType)?;
        Ok(Self::of(definitions, found))
    }

    /// The name, as in `resourceType`.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    pub(super) fn of(definitions: &'static Definitions, id: TypeId) -> Self {
        Self(definitions.name(id))
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl PartialEq<str> for ResourceType {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for ResourceType {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// A resource of a known R4 type. Equal when type and canonical bytes are equal, wherever it was
/// found.
#[derive(Clone)]
pub struct Resource {
    kind: ResourceType,
    full_url: Option<String>,
    value: Value,
    canonical: String,
    written: String,
    entry: EntryText,
}

/// The entry around a resource, as it was written.
#[derive(Clone, Default)]
pub(crate) struct EntryText {
    /// Position in `Bundle.entry`, from 0.
    pub(crate) place: usize,
    /// What stands before the resource, its name and colon included.
    before: String,
    /// What stands behind it, up to the entry's end.
    after: String,
}

impl EntryText {
    /// From the minified text of an entry; with the text of its resource, if it has one.
    pub(super) fn cut(place: usize, entry: &str) -> Option<(Self, &str)> {
        let members = members(entry);
        let (_, resource) = members.into_iter().find(|(name, _)| name == "resource")?;
        let start = resource.as_ptr() as usize - entry.as_ptr() as usize;
        let before = entry.get(1..start)?.to_owned();
        let after = entry.get(start + resource.len()..entry.len() - 1)?;
        let text = Self {
            place,
            before,
            after: after.to_owned(),
        };
        Some((text, resource))
    }

    /// Of a resource that came without a bundle.
    fn plain(place: usize, full_url: Option<&str>) -> Self {
        let url = full_url.map(|url| format!("\"fullUrl\":{},", Value::from(url)));
        Self {
            place,
            before: url.unwrap_or_default() + "\"resource\":",
            after: String::new(),
        }
    }
}

impl Resource {
    /// Reads one resource from JSON text of at most [`BYTES_MAX`] bytes, strictly: see the errors
    /// of [`Error`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Error::TooLarge { max: BYTES_MAX });
        }
        let json = Json::parse(bytes)?;
        // In a bundle, as which it will be sealed and read again, it stands deeper.
        if json.is_deeper_than(RESOURCE_DEPTH_MAX) {
            return Err(Error::TooDeep {
                max: RESOURCE_DEPTH_MAX,
                at: Place::default(),
            });
        }
        let text = std::str::from_utf8(without_mark(bytes)).unwrap_or_default();
        let written = minify(text.trim_ascii());
        Self::from_json(json, None, Some((written, EntryText::plain(0, None))))
    }

    /// Takes a value made by a program. Its decimals are spelt as serde_json spells them.
    pub fn from_value(value: Value) -> Result<Self, Error> {
        Self::from_json(Json::from_value(&value)?, None, None)
    }

    /// The same resource, known as `full_url` in a bundle.
    #[must_use]
    pub fn with_full_url(mut self, full_url: impl Into<String>) -> Self {
        let full_url = full_url.into();
        self.entry = EntryText::plain(self.entry.place, Some(&full_url));
        self.full_url = Some(full_url);
        self
    }

    /// The same resource at another place of a bundle.
    pub(super) fn at(mut self, place: usize) -> Self {
        self.entry.place = place;
        self
    }

    /// `text` is the resource as it was written, and its entry; without it, it is spelt here.
    pub(super) fn from_json(
        json: Json,
        full_url: Option<String>,
        text: Option<(String, EntryText)>,
    ) -> Result<Self, Error> {
        let mut canonical = String::new();
        json.canonical(&mut canonical);
        let value = json.into_value();
        let name = value
            .get("resourceType")
            .and_then(Value::as_str)
            .ok_or(Error::NotAResource)?;
        let (written, entry) = text.unwrap_or_else(|| {
            let entry = EntryText::plain(0, full_url.as_deref());
            (canonical.clone(), entry)
        });
        Ok(Self {
            kind: ResourceType::new(name)?,
            full_url,
            value,
            canonical,
            written,
            entry,
        })
    }

    /// The type.
    pub fn resource_type(&self) -> ResourceType {
        self.kind
    }

    /// The logical id, if the resource has one.
    pub fn id(&self) -> Option<&str> {
        self.value.get("id").and_then(Value::as_str)
    }

    /// `Bundle.entry.fullUrl` under which it came; not part of the canonical bytes.
    pub fn full_url(&self) -> Option<&str> {
        self.full_url.as_deref()
    }

    /// The text as it was submitted, without the white space between tokens.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The whole entry as it was submitted, the resource in it.
    pub(crate) fn entry_text(&self) -> String {
        let EntryText { before, after, .. } = &self.entry;
        format!("{{{before}{}{after}}}", self.written)
    }

    /// The entry without its resource, to look at.
    pub(crate) fn entry_value(&self) -> Value {
        let EntryText { before, after, .. } = &self.entry;
        serde_json::from_str(&format!("{{{before}null{after}}}")).unwrap_or_default()
    }

    /// Position in the `Bundle.entry` from which it came, from 0.
    pub(crate) fn place(&self) -> usize {
        self.entry.place
    }

    /// The content, to look at. Decimals are the nearest `f64`; the exact text is what
    /// [`Resource::written`] gives.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The content, to change. What is written back by [`Resource::from_value`] has lost the
    /// spelling of its decimals.
    pub fn into_value(self) -> Value {
        self.value
    }

    /// The one spelling of this resource; see the head of this module.
    pub fn canonical_bytes(&self) -> &[u8] {
        self.canonical.as_bytes()
    }

    /// Every literal reference with its path (`Observation.subject`), in the order of the canonical
    /// form. References of contained resources, of extensions and to contained resources (`#id`)
    /// are among them; canonical URLs, identifiers and fields that R4 does not have are not.
    pub fn references(&self) -> impl Iterator<Item = (String, &str)> {
        let found = self.all_references().into_iter();
        found.filter_map(|reference| Some((reference.path, reference.text?)))
    }

    /// Every reference, literal or logical, in the same order.
    pub fn all_references(&self) -> Vec<Reference<'_>> {
        reference::gather(&self.value)
    }

    /// Checks the resource against R4 and its references against itself and `known`. Gives the
    /// warnings, or [`Error::Invalid`] with every fault.
    pub fn validate(&self, known: &Directory) -> Result<Report, Error> {
        validate::check(&[(None, self)], known)
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for Resource {}

/// Prints no content: a record must not reach a log by accident.
impl fmt::Debug for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Resource({}, {} bytes)",
            self.kind,
            self.canonical.len()
        )
    }
}
