//! One FHIR resource: a value to look at, and the exact bytes to keep.
//!
//! # Canonical bytes
//! [`Resource::canonical_bytes`] is what is signed and sealed, "the plaintext byte for byte". It
//! follows the canonical JSON of FHIR R4 (section *JSON*, "Canonical JSON"): UTF-8 without white
//! space, members sorted by name. Beyond the section: narrative and `meta` stay (nothing may be
//! lost), strings carry the fewest escapes, and numbers keep their text, because FHIR decimals are
//! precise (`1.10` is not `1.1`). Parsing the canonical bytes and writing them again gives the same
//! bytes; two JSON texts with equal bytes here hold the same record.
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
use super::{BYTES_MAX, reference, validate};
use crate::Error;

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
}

impl Resource {
    /// Reads one resource from JSON text of at most [`BYTES_MAX`] bytes, strictly: see the errors
    /// of [`Error`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Error::TooLarge { max: BYTES_MAX });
        }
        Self::from_json(Json::parse(bytes)?, None)
    }

    /// Takes a value made by a program. Its decimals are spelt as serde_json spells them.
    pub fn from_value(value: Value) -> Result<Self, Error> {
        Self::from_json(Json::from_value(&value)?, None)
    }

    /// The same resource, known as `full_url` in a bundle.
    #[must_use]
    pub fn with_full_url(mut self, full_url: impl Into<String>) -> Self {
        self.full_url = Some(full_url.into());
        self
    }

    pub(super) fn from_json(json: Json, full_url: Option<String>) -> Result<Self, Error> {
        let mut canonical = String::new();
        json.canonical(&mut canonical);
        let value = json.into_value();
        let name = value
            .get("resourceType")
            .and_then(Value::as_str)
            .ok_or(Error::NotAResource)?;
        Ok(Self {
            kind: ResourceType::new(name)?,
            full_url,
            value,
            canonical,
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

    /// The content, to look at. Decimals are the nearest `f64`; the exact text is in the canonical
    /// bytes.
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
        reference::gather(&self.value).into_iter()
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
