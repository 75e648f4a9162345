//! A FHIR Bundle: an envelope and its resources.

use serde_json::Value;

use super::directory::Directory;
use super::issue::{Issue, IssueKind, Issues, Report};
use super::json::Json;
use super::resource::Resource;
use super::{BYTES_MAX, ENTRIES_MAX, validate};
use crate::Error;

/// A bundle whose JSON is sound and whose resources have types of R4; [`Bundle::validate`] tells
/// the rest.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The bundle without its entries' resources.
    envelope: Value,
    entries: Vec<Entry>,
}

/// One entry. Requests (`DELETE`) and responses have none of a resource.
#[derive(Clone, Debug)]
pub struct Entry {
    index: usize,
    resource: Option<Resource>,
}

impl Bundle {
    /// Reads a bundle of at most [`BYTES_MAX`] bytes and [`ENTRIES_MAX`] entries.
    ///
    /// # Errors
    /// Everything but `Line` and `Io` of [`Error`]; `Invalid` where an entry's resource has no or
    /// an unknown type.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Error::TooLarge { max: BYTES_MAX });
        }
        let mut json = Json::parse(bytes)?;
        let resources = take_resources(&mut json)?;
        let envelope = Resource::from_json(json, None)?;
        if envelope.resource_type() != "Bundle" {
            return Err(Error::NotABundle {
                found: envelope.resource_type(),
            });
        }
        Ok(Self {
            envelope: envelope.into_value(),
            entries: entries(resources)?,
        })
    }

    /// A `collection` of resources that came without a bundle.
    pub fn collection(resources: impl IntoIterator<Item = Resource>) -> Self {
        let entry = |(index, resource): (usize, Resource)| Entry {
            index,
            resource: Some(resource),
        };
        let entries: Vec<_> = resources.into_iter().enumerate().map(entry).collect();
        let urls: Vec<Value> = entries.iter().map(Entry::envelope).collect();
        let mut envelope = serde_json::json!({ "resourceType": "Bundle", "type": "collection" });
        if let (Some(members), false) = (envelope.as_object_mut(), urls.is_empty()) {
            members.insert("entry".to_owned(), Value::Array(urls));
        }
        Self { envelope, entries }
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

/// A resource and its full URL.
type Taken = (Json, Option<String>);

/// Takes the resources out of a bundle, with their full URLs. Anything that has not the shape of a
/// bundle stays where it is for the validation to find.
fn take_resources(bundle: &mut Json) -> Result<Vec<Option<Taken>>, Error> {
    let Some(Json::Array(entries)) = bundle.member_mut("entry") else {
        return Ok(Vec::new());
    };
    if entries.len() > ENTRIES_MAX {
        return Err(Error::TooManyEntries { max: ENTRIES_MAX });
    }
    let taken = entries.iter_mut().map(|entry| {
        let url = match entry.member_mut("fullUrl") {
            Some(Json::String(url)) => Some(url.clone()),
            _ => None,
        };
        entry
            .take_member("resource")
            .map(|resource| (resource, url))
    });
    Ok(taken.collect())
}

fn entries(resources: Vec<Option<Taken>>) -> Result<Vec<Entry>, Error> {
    let mut issues = Issues::default();
    let mut entries = Vec::with_capacity(resources.len());
    for (index, found) in resources.into_iter().enumerate() {
        let Some((json, full_url)) = found else {
            entries.push(Entry {
                index,
                resource: None,
            });
            continue;
        };
        let kind = match Resource::from_json(json, full_url.clone()) {
            Ok(resource) => {
                entries.push(Entry {
                    index,
                    resource: Some(resource),
                });
                continue;
            }
            Err(Error::NotAResource) => IssueKind::NotAResource,
            Err(Error::UnknownResourceType) => IssueKind::UnknownResourceType,
            Err(other) => return Err(other),
        };
        issues.push(kind, |kind| Issue {
            kind,
            entry: Some(index),
            resource: full_url.unwrap_or_else(|| "Bundle".to_owned()),
            path: format!("Bundle.entry[{index}].resource"),
        });
    }
    issues.finish().map(|_| entries)
}
