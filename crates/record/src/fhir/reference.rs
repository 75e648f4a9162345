//! Literal references (`Reference.reference`): their forms, and where they lead.
//!
//! R4, *Resource References* and, for what a bundle means, *Resolving references in Bundles*.

use std::collections::HashMap;

use serde_json::Value;

use super::definitions::{Definitions, TypeId};
use super::directory::Directory;
use super::primitive::is_id;
use super::resource::{Resource, ResourceType};

/// The forms of a literal reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// `#id`; `#` alone is the containing resource.
    Contained(&'a str),
    /// `urn:uuid:..`, `urn:oid:..`: has a meaning only where it is resolved.
    Urn,
    /// `Patient/1`, `Patient/1/_history/2`
    Relative(ResourceType, &'a str),
    /// `Patient?identifier=..`, allowed in transactions.
    Conditional(ResourceType),
    /// Any other URL; the type if it ends like a relative reference.
    Absolute(Option<ResourceType>),
}

impl<'a> Form<'a> {
    /// `None` for a text that is no reference.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        if text.is_empty() || text.contains(char::is_whitespace) {
            return None;
        }
        if let Some(id) = text.strip_prefix('#') {
            return (id.is_empty() || is_id(id)).then_some(Self::Contained(id));
        }
        if let Some(urn) = text.strip_prefix("urn:") {
            let (namespace, name) = urn.split_once(':')?;
            return (matches!(namespace, "uuid" | "oid") && !name.is_empty()).then_some(Self::Urn);
        }
        if let Some((scheme, rest)) = text.split_once(':')
            && is_scheme(scheme)
        {
            return (!rest.is_empty()).then(|| Self::Absolute(ending(rest)));
        }
        if let Some((kind, query)) = text.split_once('?') {
            let kind = ResourceType::new(kind).ok()?;
            return (!query.is_empty()).then_some(Self::Conditional(kind));
        }
        relative(text).map(|(kind, id)| Self::Relative(kind, id))
    }
}

/// What can be referred to.
#[derive(Debug, Default)]
pub(super) struct Targets<'a> {
    by_url: HashMap<&'a str, ResourceType>,
    by_id: HashMap<(ResourceType, &'a str), ()>,
}

impl<'a> Targets<'a> {
    pub(super) fn insert(&mut self, resource: &'a Resource) {
        let kind = resource.resource_type();
        if let Some(url) = resource.full_url() {
            self.by_url.insert(url, kind);
        }
        if let Some(id) = resource.id() {
            self.by_id.insert((kind, id), ());
        }
    }

    /// The type of what `text` leads to, here or among `known`. Not for contained resources.
    pub(super) fn resolve(
        &self,
        text: &str,
        form: Form<'_>,
        known: &Directory,
    ) -> Option<ResourceType> {
        if let Some(kind) = self.by_url.get(text) {
            return Some(*kind);
        }
        match form {
            Form::Relative(kind, id) if self.by_id.contains_key(&(kind, id)) => Some(kind),
            _ => known.get(text).map(|listed| listed.resource_type()),
        }
    }
}

/// Every literal reference in a resource, with its path.
pub(super) fn gather(resource: &Value) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    if let Ok(definitions) = Definitions::embedded()
        && let Some(name) = resource.get("resourceType").and_then(Value::as_str)
        && let Some(id) = definitions.resource(name)
    {
        gather_in(definitions, id, resource, &mut name.to_owned(), &mut found);
    }
    found
}

/// In a value of type `id`, which says what is a reference: other types have texts called
/// `reference` too.
fn gather_in<'a>(
    definitions: &'static Definitions,
    id: TypeId,
    value: &'a Value,
    path: &mut String,
    found: &mut Vec<(String, &'a str)>,
) {
    let (Some(definition), Some(members)) = (definitions.get(id), value.as_object()) else {
        return;
    };
    let length = path.len();
    for (name, member) in members {
        let base = name.strip_prefix('_').unwrap_or(name);
        let Some(meaning) = definition.member(base) else {
            continue;
        };
        if definitions.name(id) == "Reference" && name == "reference" {
            found.extend(member.as_str().map(|text| (path.clone(), text)));
            continue;
        }
        let kind = if base.len() < name.len() {
            definitions.element
        } else {
            meaning.kind
        };
        path.push('.');
        path.push_str(base);
        let inner = path.len();
        let (items, listed) = match member {
            Value::Array(items) => (items.as_slice(), true),
            one => (std::slice::from_ref(one), false),
        };
        for (index, item) in items.iter().enumerate() {
            if listed {
                path.push_str(&format!("[{index}]"));
            }
            // Of `contained` and the like only the value tells the type.
            let own = item.get("resourceType").and_then(Value::as_str);
            let kind = own
                .and_then(|name| definitions.resource(name))
                .unwrap_or(kind);
            gather_in(definitions, kind, item, path, found);
            path.truncate(inner);
        }
        path.truncate(length);
    }
}

/// `Type/id` with an optional version.
fn relative(text: &str) -> Option<(ResourceType, &str)> {
    let mut parts = text.split('/');
    let (kind, id) = (parts.next()?, parts.next()?);
    let version = match (parts.next(), parts.next()) {
        (None, _) => true,
        (Some("_history"), Some(version)) => is_id(version),
        _ => false,
    };
    if !version || !is_id(id) || parts.next().is_some() {
        return None;
    }
    Some((ResourceType::new(kind).ok()?, id))
}

/// The type in `//host/base/Type/id`, with or without a version.
fn ending(rest: &str) -> Option<ResourceType> {
    let path = rest.strip_prefix("//")?;
    let unversioned = path.split("/_history/").next()?;
    let mut parts = unversioned.rsplit('/');
    let (id, kind) = (parts.next()?, parts.next()?);
    if is_id(id) {
        ResourceType::new(kind).ok()
    } else {
        None
    }
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}
