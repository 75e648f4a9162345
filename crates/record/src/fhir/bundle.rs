//! A FHIR Bundle: an envelope and its resources.

use serde_json::Value;

use super::directory::Directory;
use super::envelope::Envelope;
use super::issue::{Issue, IssueKind, Issues, Report};
use super::json::Json;
use super::resource::{EntryText, Resource};
use super::written::minify;
use super::{BYTES_MAX, ENTRIES_MAX, validate};
use crate::Error;
use crate::media::without_mark;

/// A bundle whose JSON is sound and whose resources have types of R4; [`Bundle::validate`] tells
/// the rest.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The bundle without its entries' resources.
    envelope: Value,
    written: Envelope,
    entries: Vec<Entry>,
}

/// One entry. Requests (`DELETE`) and responses have none of a resource.
#[derive(Clone, Debug)]
pub struct Entry {
    index: usize,
    resource: Option<Resource>,
    /// It has a resource of no known type.
    unread: bool,
}

impl Bundle {
    /// Reads a bundle of at most [`BYTES_MAX`] bytes and [`ENTRIES_MAX`] entries.
    ///
    /// # Errors
    /// Everything but `Line` and `Io` of [`Error`]; `Invalid` where an entry's resource has no or
    /// an unknown type.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let (bundle, issues) = Self::read(bytes)?;
        issues.finish().map(|_| bundle)
    }

    /// Reads a bundle and checks it, as [`Bundle::validate`] does: all faults are told at once,
    /// those of entries without a known type too.
    ///
    /// # Errors
    /// As [`Bundle::parse`] and [`Bundle::validate`].
    pub fn check(bytes: &[u8], known: &Directory) -> Result<(Self, Report), Error> {
        let (bundle, mut issues) = Self::read(bytes)?;
        issues.join(validate::issues_of_bundle(&bundle, known)?);
        issues.finish().map(|report| (bundle, report))
    }

    /// The bundle, and what is wrong with the types of its resources. What has no type of R4 is
    /// left out of it.
    fn read(bytes: &[u8]) -> Result<(Self, Issues), Error> {
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Error::TooLarge { max: BYTES_MAX });
        }
        let mut json = Json::parse(bytes)?;
        let text = std::str::from_utf8(without_mark(bytes)).unwrap_or_default();
        let (written, texts) = Envelope::cut(&minify(text));
        let resources = take_resources(&mut json, texts)?;
        let envelope = Resource::from_json(json, None, None)?;
        if envelope.resource_type() != "Bundle" {
            return Err(Error::NotABundle {
                found: envelope.resource_type(),
            });
        }
        let (entries, issues) = entries(resources)?;
        let bundle = Self {
            envelope: envelope.into_value(),
            written,
            entries,
        };
        Ok((bundle, issues))
    }

    /// A `collection` of resources that came without a bundle.
    pub fn collection(resources: impl IntoIterator<Item = Resource>) -> Self {
        let entry = |(index, resource): (usize, Resource)| Entry {
            index,
            resource: Some(resource.at(index)),
            unread: false,
        };
        let entries: Vec<_> = resources.into_iter().enumerate().map(entry).collect();
        let urls: Vec<Value> = entries.iter().map(Entry::envelope).collect();
        let mut envelope = serde_json::json!({ "resourceType": "Bundle", "type": "collection" });
        if let (Some(members), false) = (envelope.as_object_mut(), urls.is_empty()) {
            members.insert("entry".to_owned(), Value::Array(urls));
        }
        Self {
            envelope,
            written: Envelope::collection(),
            entries,
        }
    }

    /// A `collection` of some of its resources, under its `meta`: labels of the whole are labels of
    /// the excerpt. Type, total, links, signature and entries without a resource are of the whole.
    #[must_use]
    pub(crate) fn excerpt(&self, resources: impl IntoIterator<Item = Resource>) -> Self {
        let mut excerpt = Self::collection(resources);
        if let (Some(meta), Some(members)) =
            (self.envelope.get("meta"), excerpt.envelope.as_object_mut())
        {
            members.insert("meta".to_owned(), meta.clone());
        }
        excerpt.written = self.written.excerpt();
        excerpt
    }

    /// `Bundle.type`, such as `transaction`.
    pub fn bundle_type(&self) -> Option<&str> {
        self.envelope.get("type").and_then(Value::as_str)
    }

    /// The bundle without its entries' resources.
    pub fn envelope(&self) -> &Value {
        &self.envelope
    }

    /// The entries, in the order of the bundle.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The resources, in the order of the bundle.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.entries.iter().filter_map(Entry::resource)
    }

    /// What it says beside its resources, as it was written, and the resources.
    pub fn into_parts(self) -> (Envelope, Vec<Resource>) {
        let resources = self.entries.into_iter().filter_map(|entry| entry.resource);
        (self.written, resources.collect())
    }

    /// The resources, to own.
    pub fn into_resources(self) -> impl Iterator<Item = Resource> {
        self.entries.into_iter().filter_map(|entry| entry.resource)
    }

    /// Checks envelope and resources against R4, and that references lead to a resource of this
    /// bundle or of `known`, and to a type allowed there. Gives the warnings, or [`Error::Invalid`]
    /// with every fault.
    pub fn validate(&self, known: &Directory) -> Result<Report, Error> {
        validate::check_bundle(self, known)
    }

    /// The same of a collection of resources that were handed over without a bundle: what a `urn:`
    /// of theirs leads to may have been in one, so that it is a warning when it leads nowhere.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub(crate) fn validate_loose(&self, known: &Directory) -> Result<Report, Error> {
        validate::check_loose(self, known)
    }
}

impl Entry {
    /// Position in `Bundle.entry`, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The resource, if the entry has one.
    pub fn resource(&self) -> Option<&Resource> {
        self.resource.as_ref()
    }

    /// Whether there is neither a resource nor anything in its place.
    pub(super) fn is_bare(&self) -> bool {
        self.resource.is_none() && !self.unread
    }

    /// `Bundle.entry.fullUrl` of the resource.
    pub fn full_url(&self) -> Option<&str> {
        self.resource.as_ref().and_then(Resource::full_url)
    }

    fn envelope(&self) -> Value {
        self.full_url().map_or_else(
            || serde_json::json!({}),
            |url| serde_json::json!({ "fullUrl": url }),
        )
    }
}

/// A resource, its full URL, its text and that of its entry.
type Taken = (Json, Option<String>, Option<(String, EntryText)>);

/// Takes the resources out of a bundle, with their full URLs and `texts`. Anything that has not the
/// shape of a bundle stays where it is for the validation to find.
fn take_resources(
    bundle: &mut Json,
    texts: Vec<Option<(String, EntryText)>>,
) -> Result<Vec<Option<Taken>>, Error> {
    let Some(Json::Array(entries)) = bundle.member_mut("entry") else {
        return Ok(Vec::new());
    };
    if entries.len() > ENTRIES_MAX {
        return Err(Error::TooManyEntries { max: ENTRIES_MAX });
    }
    let taken = entries.iter_mut().zip(texts).map(|(entry, text)| {
        let url = match entry.member_mut("fullUrl") {
            Some(Json::String(url)) => Some(url.clone()),
            _ => None,
        };
        let resource = entry.take_member("resource");
        resource.map(|resource| (resource, url, text))
    });
    Ok(taken.collect())
}

fn entries(resources: Vec<Option<Taken>>) -> Result<(Vec<Entry>, Issues), Error> {
    let mut issues = Issues::default();
    let mut entries = Vec::with_capacity(resources.len());
    for (index, found) in resources.into_iter().enumerate() {
        let mut resource = None;
        let mut unread = false;
        if let Some((json, full_url, text)) = found {
            let kind = match Resource::from_json(json, full_url.clone(), text) {
                Ok(read) => {
                    resource = Some(read);
                    None
                }
                Err(Error::NotAResource) => Some(IssueKind::NotAResource),
                Err(Error::UnknownResourceType) => Some(IssueKind::UnknownResourceType),
                Err(other) => return Err(other),
            };
            if let Some(kind) = kind {
                unread = true;
                issues.push(kind, |kind| Issue {
                    kind,
                    entry: Some(index),
                    resource: full_url.unwrap_or_else(|| "Bundle".to_owned()),
                    path: format!("Bundle.entry[{index}].resource"),
                });
            }
        }
        entries.push(Entry {
            index,
            resource,
            unread,
        });
    }
    Ok((entries, issues))
}
