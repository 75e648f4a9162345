//! References: their forms, and where they lead. One resolver for grouping, labels and validation.
//!
//! R4, *Resource References* and, for what a bundle means, *Resolving references in Bundles*
//! (bundle.html#references), in this order:
//! 1. What is written like a `fullUrl` leads there. A version (`/_history/2`) is taken off first
//!    and then compared with `meta.versionId`. The hex digits of `urn:uuid:` have no case (RFC
//!    4122, section 3).
//! 2. `Type/id` in an entry whose `fullUrl` is of a server is completed by that server's address.
//! 3. Beyond the standard, since senders do it: `Type/id` leads to the entries of that type and id
//!    whose own `fullUrl` is of no server, or to all of them where the referring entry names none.
//!    [`Resolver::in_doubt`], by which labels and subjects are told, goes on to all of that type
//!    and id, whatever their `fullUrl`; a URL leads to what has it with another scheme (http,
//!    https).
//! 4. `Type?identifier=system|value`, and a reference by identifier alone, lead to what has that
//!    identifier.
//!
//! Where several remain, all are given: a label is in doubt the stricter one.

use std::collections::HashMap;

use serde_json::{Map, Value};

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

/// A reference as it stands in a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Where: `Observation.subject`.
    pub path: String,
    /// `Reference.reference`.
    pub text: Option<&'a str>,
    /// `Reference.identifier`, as (system, value).
    pub identifier: Option<(&'a str, &'a str)>,
    /// `Reference.type`.
    pub kind: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// A literal one that stands in no Reference.
    pub(crate) fn to(text: &'a str) -> Self {
        Self {
            path: String::new(),
            text: Some(text),
            identifier: None,
            kind: None,
        }
    }

    /// From the members of a Reference; `None` when it names nothing.
    pub(super) fn of(path: String, members: &'a Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let part = |name: &str| members.get("identifier")?.get(name)?.as_str();
        let identifier = part("system").zip(part("value"));
        let reference = Self {
            path,
            text: text("reference"),
            identifier,
            kind: text("type"),
        };
        (reference.text.is_some() || identifier.is_some()).then_some(reference)
    }
}

/// Finds what references lead to, among resources that came together.
#[derive(Debug, Default)]
pub struct Resolver<'a> {
    resources: Vec<&'a Resource>,
    by_url: HashMap<String, Vec<usize>>,
    by_id: HashMap<(ResourceType, &'a str), Vec<usize>>,
    by_identifier: HashMap<(&'a str, &'a str), Vec<usize>>,
    in_doubt: bool,
}

impl<'a> Resolver<'a> {
    /// Among `resources`, which are told by their positions.
    pub fn new(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let mut found = Self::default();
        for (at, resource) in resources.into_iter().enumerate() {
            found.resources.push(resource);
            if let Some(url) = resource.full_url() {
                found.by_url.entry(plain(url)).or_default().push(at);
            }
            if let Some(id) = resource.id() {
                let key = (resource.resource_type(), id);
                found.by_id.entry(key).or_default().push(at);
            }
            for pair in identifiers(resource.value()) {
                found.by_identifier.entry(pair).or_default().push(at);
            }
        }
        found
    }

    /// The same, but what leads nowhere by the standard leads to all that it may mean: the entries
    /// of a bundle may be of one server under several addresses.
    pub fn in_doubt(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        Self {
            in_doubt: true,
            ..Self::new(resources)
        }
    }

    /// All that the resource at `from` refers to, itself left out.
    #[must_use]
    pub fn leads(&self, from: usize) -> Vec<usize> {
        let resource = self.resources.get(from);
        let references = resource.map(|resource| resource.all_references());
        let mut found: Vec<usize> = Vec::new();
        for reference in references.into_iter().flatten() {
            for target in self.targets(Some(from), &reference) {
                if target != from && !found.contains(&target) {
                    found.push(target);
                }
            }
        }
        found
    }

    /// All that `resource` at `from` refers to or has the address of: that of an attachment may
    /// name a resource beside it.
    #[must_use]
    pub fn reaches(&self, from: usize, resource: &Resource) -> Vec<usize> {
        let mut found = self.leads(from);
        for url in urls(resource.value()) {
            let reference = Reference::to(url);
            found.extend(self.targets(Some(from), &reference));
        }
        found.retain(|target| *target != from);
        found
    }

    /// What `reference` may mean in the resource at `from`: none when it leads out of these
    /// resources or into `from` itself (`#id`), several when it is ambiguous.
    #[must_use]
    pub fn targets(&self, from: Option<usize>, reference: &Reference<'_>) -> Vec<usize> {
        let literal = reference.text.map(|text| self.literal(from, text));
        match literal {
            Some(found) if !found.is_empty() => found,
            _ => self.logical(reference.identifier, reference.kind),
        }
    }

    fn literal(&self, from: Option<usize>, text: &str) -> Vec<usize> {
        let (unversioned, version) = match text.split_once("/_history/") {
            Some((before, version)) => (before, Some(version)),
            None => (text, None),
        };
        let mut found = self.by_full_url(unversioned);
        if found.is_empty() {
            found = match Form::of(unversioned) {
                Some(Form::Relative(kind, id)) => self.relative(from, unversioned, (kind, id)),
                Some(Form::Absolute(Some(kind))) => self.without_url(kind, unversioned),
                Some(Form::Conditional(kind)) => {
                    self.logical(queried(unversioned), Some(kind.as_str()))
                }
                _ => Vec::new(),
            };
        }
        let of_version = |at: &usize| version.is_some() && self.version(*at) == version;
        let exact: Vec<usize> = found.iter().copied().filter(of_version).collect();
        if exact.is_empty() { found } else { exact }
    }

    fn by_full_url(&self, url: &str) -> Vec<usize> {
        self.by_url.get(&plain(url)).cloned().unwrap_or_default()
    }

    fn relative(&self, from: Option<usize>, text: &str, key: (ResourceType, &str)) -> Vec<usize> {
        let root = from.and_then(|from| server(self.url(from)?));
        if let Some(root) = root {
            let complete = self.by_full_url(&format!("{root}{text}"));
            if !complete.is_empty() {
                return complete;
            }
        }
        let named = self.by_id.get(&key).into_iter().flatten().copied();
        let of_no_server = |at: &usize| self.url(*at).and_then(server).is_none();
        let likely: Vec<usize> = named
            .clone()
            .filter(|at| root.is_none() || of_no_server(at))
            .collect();
        if likely.is_empty() && self.in_doubt {
            return named.collect();
        }
        likely
    }

    /// Entries without a `fullUrl` can be told by type and id alone; in doubt, those of another
    /// scheme by the rest of their address.
    fn without_url(&self, kind: ResourceType, text: &str) -> Vec<usize> {
        let id = text.rsplit('/').next().unwrap_or_default();
        let named = self.by_id.get(&(kind, id)).into_iter().flatten().copied();
        let address = |url: &'a str| url.split_once("://").map(|(_, rest)| rest);
        let rest = text.split_once("://").map(|(_, rest)| rest);
        let is_it = |url: &'a str| {
            let unversioned = url.split("/_history/").next().unwrap_or(url);
            self.in_doubt && rest.is_some() && address(unversioned) == rest
        };
        named.filter(|at| self.url(*at).is_none_or(is_it)).collect()
    }

    fn logical(&self, identifier: Option<(&str, &str)>, kind: Option<&str>) -> Vec<usize> {
        let found = identifier.and_then(|pair| self.by_identifier.get(&pair));
        let of_kind = |at: &usize| {
            let found = self.resources.get(*at).map(|found| found.resource_type());
            kind.is_none_or(|kind| found.is_some_and(|found| found == *kind))
        };
        let found = found.into_iter().flatten().copied();
        found.filter(of_kind).collect()
    }

    /// The types of what `reference` may lead to, here or among `known`.
    pub(super) fn types(
        &self,
        from: Option<usize>,
        reference: &Reference<'_>,
        known: &Directory,
    ) -> Vec<ResourceType> {
        let here = self.targets(from, reference);
        if !here.is_empty() {
            let found = here.iter().filter_map(|at| self.resources.get(*at));
            return found.map(|resource| resource.resource_type()).collect();
        }
        let root = from.and_then(|from| server(self.url(from)?));
        let text = reference.text.unwrap_or_default();
        let complete = root.map(|root| format!("{root}{text}"));
        let listed = complete.and_then(|text| known.get(&text));
        let listed = listed.or_else(|| known.get(text));
        listed
            .map(|listed| listed.resource_type())
            .into_iter()
            .collect()
    }

    fn url(&self, at: usize) -> Option<&'a str> {
        self.resources
            .get(at)
            .and_then(|resource| resource.full_url())
    }

    fn version(&self, at: usize) -> Option<&str> {
        let value = self.resources.get(at)?.value();
        value.pointer("/meta/versionId").and_then(Value::as_str)
    }
}

/// A full URL without its version; UUIDs in lower case.
fn plain(url: &str) -> String {
    let unversioned = url.split("/_history/").next().unwrap_or(url);
    match unversioned.get(..9) {
        Some(scheme) if scheme.eq_ignore_ascii_case("urn:uuid:") => unversioned.to_lowercase(),
        _ => unversioned.to_owned(),
    }
}

/// The address of the server in `https://host/base/Type/id`, up to the slash before the type.
fn server(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https:")
        .or_else(|| url.strip_prefix("http:"))?;
    ending(rest)?;
    let unversioned = url.split("/_history/").next()?;
    let (before_id, _) = unversioned.rsplit_once('/')?;
    let (base, _) = before_id.rsplit_once('/')?;
    url.get(..=base.len())
}

/// The identifier in `Type?identifier=system|value`.
fn queried(text: &str) -> Option<(&str, &str)> {
    let (_, query) = text.split_once('?')?;
    let mut parameters = query.split('&');
    let identifier = parameters.find_map(|one| one.strip_prefix("identifier="))?;
    identifier.split_once('|')
}

/// The business identifiers of a resource that have system and value.
pub(crate) fn identifiers(value: &Value) -> Vec<(&str, &str)> {
    let listed = match value.get("identifier") {
        Some(Value::Array(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let pair = listed.iter().filter_map(|identifier| {
        let system = identifier.get("system")?.as_str()?;
        Some((system, identifier.get("value")?.as_str()?))
    });
    pair.collect()
}

/// Every `url` at any depth: of an attachment it may name a resource beside it.
pub(crate) fn urls(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().flat_map(urls).collect(),
        Value::Object(members) => {
            let own = members.get("url").and_then(Value::as_str);
            own.into_iter()
                .chain(members.values().flat_map(urls))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Every reference in a resource, with its path.
pub(super) fn gather(resource: &Value) -> Vec<Reference<'_>> {
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
    found: &mut Vec<Reference<'a>>,
) {
    let (Some(definition), Some(members)) = (definitions.get(id), value.as_object()) else {
        return;
    };
    if definitions.name(id) == "Reference" {
        found.extend(Reference::of(path.clone(), members));
    }
    let length = path.len();
    for (name, member) in members {
        let base = name.strip_prefix('_').unwrap_or(name);
        let Some(meaning) = definition.member(base) else {
            continue;
        };
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
