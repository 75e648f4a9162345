//! Checks resources against the definitions, then their references against each other.
//!
//! The walk goes down each resource once; references are gathered on the way and looked up when all
//! resources are known.

use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::bundle::{Bundle, Entry};
use super::definitions::{Definitions, Kind, Member, Type, TypeId, ValueSet};
use super::directory::Directory;
use super::issue::{Issue, IssueKind, Issues, Report, cut};
use super::narrative;
use super::primitive::{Fault, Primitive, has_control};
use super::reference::{Form, Reference, Resolver};
use super::resource::{Resource, ResourceType};
use crate::Error;

/// Checks `resources`, which may refer to each other and to `known`. The number is the entry of a
/// bundle.
pub(super) fn check(
    resources: &[(Option<usize>, &Resource)],
    known: &Directory,
) -> Result<Report, Error> {
    run(None, resources, known)?.finish()
}

/// Checks a bundle: envelope, resources, references.
pub(super) fn check_bundle(bundle: &Bundle, known: &Directory) -> Result<Report, Error> {
    issues_of_bundle(bundle, known)?.finish()
}

/// The same of resources that came without a bundle of theirs.
pub(super) fn check_loose(bundle: &Bundle, known: &Directory) -> Result<Report, Error> {
    check(&placed(bundle), known)
}

/// The same, for more checks to be added.
pub(super) fn issues_of_bundle(bundle: &Bundle, known: &Directory) -> Result<Issues, Error> {
    run(Some(bundle), &placed(bundle), known)
}

fn placed(bundle: &Bundle) -> Vec<(Option<usize>, &Resource)> {
    let entries = bundle.entries().iter();
    entries
        .filter_map(|entry| Some((Some(entry.index()), entry.resource()?)))
        .collect()
}

fn run(
    bundle: Option<&Bundle>,
    resources: &[(Option<usize>, &Resource)],
    known: &Directory,
) -> Result<Issues, Error> {
    let definitions = Definitions::embedded()?;
    let mut issues = Issues::default();
    let mut references = Vec::new();
    if let Some(bundle) = bundle {
        let mut walk = Walk::new(definitions, None, "Bundle".into(), &mut issues);
        walk.detached = true;
        walk.resource(bundle.envelope(), Place::Root);
        references.append(&mut walk.references);
        envelope(bundle, &mut issues);
    }
    let resolver = Resolver::new(resources.iter().map(|(_, resource)| *resource));
    for (from, (entry, resource)) in resources.iter().enumerate() {
        let mut walk = Walk::new(definitions, *entry, label(resource).into(), &mut issues);
        walk.from = Some(from);
        walk.resource(resource.value(), Place::Root);
        references.append(&mut walk.references);
    }
    for reference in &references {
        if let Some(mut kind) = reference.fault(&resolver, known, definitions) {
            // What a `urn:` of theirs leads to may have been in the bundle that they came from.
            let is_local = reference.text.starts_with('#');
            if bundle.is_none() && kind == IssueKind::DanglingReference && !is_local {
                kind = IssueKind::UnresolvedReference;
            }
            issues.push(kind, |kind| Issue {
                kind,
                entry: reference.entry,
                resource: reference.resource.to_string(),
                path: reference.reference.path.clone(),
            });
        }
    }
    Ok(issues)
}

fn label(resource: &Resource) -> String {
    let kind = resource.resource_type();
    match (resource.id(), resource.full_url()) {
        (Some(id), _) => format!("{kind}/{}", cut(id)),
        (None, Some(url)) => cut(url).to_owned(),
        (None, None) => kind.to_string(),
    }
}

/// The invariants `bdl-1` to `bdl-12`, which the table cannot say.
fn envelope(bundle: &Bundle, issues: &mut Issues) {
    let kind = bundle.bundle_type().unwrap_or_default();
    let value = bundle.envelope();
    let has = |name: &str| value.get(name).is_some();
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let first = bundle.entries().first().and_then(|entry| entry.resource());
    let begins = |name: &str| first.is_some_and(|first| first.resource_type() == *name);
    let identified = text("/identifier/system").and(text("/identifier/value"));
    let (is_document, is_message) = (kind == "document", kind == "message");
    for (broken, key, path) in [
        (
            has("total") && !matches!(kind, "searchset" | "history"),
            "bdl-1",
            "Bundle.total",
        ),
        (
            is_document && identified.is_none(),
            "bdl-9",
            "Bundle.identifier",
        ),
        (
            is_document && !has("timestamp"),
            "bdl-10",
            "Bundle.timestamp",
        ),
        (
            is_document && !begins("Composition"),
            "bdl-11",
            "Bundle.entry[0].resource",
        ),
        (
            is_message && !begins("MessageHeader"),
            "bdl-12",
            "Bundle.entry[0].resource",
        ),
    ] {
        if broken {
            issues.push(IssueKind::Invariant { key }, |kind| Issue {
                kind,
                entry: None,
                resource: "Bundle".to_owned(),
                path: path.to_owned(),
            });
        }
    }
    let envelopes = value.get("entry").and_then(Value::as_array);
    let mut urls = HashSet::new();
    for (entry, envelope) in bundle.entries().iter().zip(envelopes.into_iter().flatten()) {
        for key in entry_faults(kind, entry, envelope, &mut urls) {
            issues.push(IssueKind::Invariant { key }, |kind| Issue {
                kind,
                entry: Some(entry.index()),
                resource: entry.resource().map_or_else(|| "Bundle".to_owned(), label),
                path: format!("Bundle.entry[{}]", entry.index()),
            });
        }
    }
}

/// The invariants that one entry of a bundle of type `kind` breaks. `urls` are those of the entries
/// before, with their versions.
fn entry_faults<'a>(
    kind: &str,
    entry: &'a Entry,
    envelope: &Value,
    urls: &mut HashSet<(&'a str, &'a str)>,
) -> Vec<&'static str> {
    let has = |name: &str| envelope.get(name).is_some();
    let requests = matches!(kind, "batch" | "transaction" | "history");
    let responses = matches!(kind, "batch-response" | "transaction-response" | "history");
    let url = entry.full_url();
    let version = entry.resource().and_then(|resource| {
        let version = resource.value().pointer("/meta/versionId")?;
        version.as_str()
    });
    let twice = url.is_some_and(|url| !urls.insert((url, version.unwrap_or_default())));
    let nothing = entry.is_bare() && !has("request") && !has("response");
    let versioned = url.is_some_and(|url| url.contains("/_history/"));
    let rules = [
        (has("search") && kind != "searchset", "bdl-2"),
        (has("request") != requests, "bdl-3"),
        (has("response") != responses, "bdl-4"),
        (nothing, "bdl-5"),
        (twice && kind != "history", "bdl-7"),
        (versioned, "bdl-8"),
    ];
    let broken = rules.into_iter().filter(|(broken, _)| *broken);
    broken.map(|(_, key)| key).collect()
}

/// A reference met on the way.
struct Found<'a> {
    entry: Option<usize>,
    from: Option<usize>,
    resource: Rc<str>,
    reference: Reference<'a>,
    text: &'a str,
    allowed: &'static [TypeId],
}

impl Found<'_> {
    fn fault(
        &self,
        resolver: &Resolver<'_>,
        known: &Directory,
        definitions: &Definitions,
    ) -> Option<IssueKind> {
        let Some(form) = Form::of(self.text) else {
            return Some(IssueKind::BadReference);
        };
        let resolved = resolver.types(self.from, &self.reference, known);
        let named = match form {
            Form::Relative(kind, _) | Form::Conditional(kind) => Some(kind),
            Form::Absolute(kind) => kind,
            Form::Contained(_) | Form::Urn => None,
        };
        let kinds = if resolved.is_empty() {
            Vec::from_iter(named)
        } else {
            resolved.clone()
        };
        let fits = |kind: &ResourceType| {
            let id = definitions.resource(kind.as_str());
            id.is_none_or(|id| allows(self.allowed, id, definitions))
        };
        if !kinds.is_empty() && !kinds.iter().any(fits) {
            return Some(IssueKind::WrongTarget);
        }
        match form {
            _ if !resolved.is_empty() => None,
            Form::Urn => Some(IssueKind::DanglingReference),
            _ => Some(IssueKind::UnresolvedReference),
        }
    }
}

/// Whether a reference may lead to `id`. `Resource` as a target means any.
fn allows(allowed: &[TypeId], id: TypeId, definitions: &Definitions) -> bool {
    let any = |target: &TypeId| {
        definitions
            .get(*target)
            .is_some_and(|t| t.kind == Kind::Abstract)
    };
    allowed.is_empty() || allowed.contains(&id) || allowed.iter().any(any)
}

/// Where a resource stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In an entry, or alone.
    Root,
    /// In `contained`.
    Contained,
    /// In a parameter, or in a bundle inside a bundle.
    Inside,
}

enum Segment<'a> {
    Name(&'a str),
    Index(usize),
}

/// The walk through one resource.
struct Walk<'a, 'i> {
    definitions: &'static Definitions,
    entry: Option<usize>,
    /// Position of the resource among those that came together.
    from: Option<usize>,
    label: Rc<str>,
    path: Vec<Segment<'a>>,
    issues: &'i mut Issues,
    references: Vec<Found<'a>>,
    /// Id and type of what `#id` can mean now; the empty id is the container.
    contained: Vec<(&'a str, TypeId)>,
    /// The resources of the entries were taken out and are walked on their own.
    detached: bool,
    /// In a bundle inside a bundle.
    nested: bool,
}

impl<'a, 'i> Walk<'a, 'i> {
    fn new(
        definitions: &'static Definitions,
        entry: Option<usize>,
        label: Rc<str>,
        issues: &'i mut Issues,
    ) -> Self {
        Self {
            definitions,
            entry,
            from: None,
            label,
            path: Vec::new(),
            issues,
            references: Vec::new(),
            contained: Vec::new(),
            detached: false,
            nested: false,
        }
    }

    fn resource(&mut self, value: &'a Value, place: Place) {
        let name = value.get("resourceType").and_then(Value::as_str);
        let (Some(members), Some(name)) = (value.as_object(), name) else {
            return self.issue(IssueKind::NotAResource);
        };
        let Some(id) = self.definitions.resource(name) else {
            return self.issue(IssueKind::UnknownResourceType);
        };
        if place == Place::Root {
            self.path.push(Segment::Name(self.definitions.name(id)));
        }
        let outer = (place != Place::Contained).then(|| {
            let listed = contained(value, id, self.definitions);
            std::mem::replace(&mut self.contained, listed)
        });
        if members.contains_key("implicitRules") {
            self.at("implicitRules", |walk| walk.issue(IssueKind::ImplicitRules));
        }
        if place == Place::Contained && members.contains_key("contained") {
            self.issue(IssueKind::Invariant { key: "dom-2" });
        }
        let was_nested = self.nested;
        if name == "Bundle" && !self.detached {
            self.issue(IssueKind::NestedBundle);
            self.nested = true;
        }
        self.object(id, members);
        self.nested = was_nested;
        if let Some(outer) = outer {
            self.contained = outer;
        }
    }

    /// Every member against the type, then what the type wants beyond them.
    fn object(&mut self, id: TypeId, members: &'a Map<String, Value>) {
        let Some(definition) = self.definitions.get(id) else {
            return;
        };
        let mut seen: Vec<Option<&str>> = vec![None; definition.elements.len()];
        for (name, value) in members {
            let base = name.strip_prefix('_').unwrap_or(name);
            let Some(member) = self.member(definition, name, base) else {
                continue;
            };
            let shadow = base.len() < name.len();
            match seen.get_mut(member.index) {
                Some(Some(other)) if *other != base => {
                    self.at(base, |walk| walk.issue(IssueKind::ChoiceTwice));
                }
                Some(place) => *place = Some(base),
                None => {}
            }
            if !shadow {
                let other = members.get(&format!("_{name}"));
                self.at(name, |walk| walk.element(member, Some(value), other));
            } else if !members.contains_key(base) {
                self.at(base, |walk| walk.element(member, None, Some(value)));
            }
        }
        for (element, seen) in definition.elements.iter().zip(&seen) {
            if element.min > 0 && seen.is_none() {
                self.at(element.name, |walk| walk.issue(IssueKind::Missing));
            }
        }
        self.special(id, members);
    }

    /// The meaning of the JSON member `name` (with its `_`, if it has one; `base` is without), or
    /// an issue.
    fn member(
        &mut self,
        definition: &'static Type,
        name: &'a str,
        base: &'a str,
    ) -> Option<Member> {
        let is_resource = definition.kind == Kind::Resource;
        if name == "resourceType" && is_resource {
            return None;
        }
        let found = definition.member(base);
        let primitive = found.and_then(|member| self.primitive(member.kind));
        if let Some(member) = found
            && (base.len() == name.len() || primitive.is_some_and(|kind| kind != Primitive::Xhtml))
        {
            return Some(member);
        }
        let kind = match found.is_none() && definition.resembles_choice(base) {
            true => IssueKind::TypeNotAllowed,
            false => IssueKind::UnknownField,
        };
        self.at(name, |walk| walk.issue(kind));
        None
    }

    /// One element, list or not. `shadow` is what stands under `_name`.
    fn element(&mut self, member: Member, value: Option<&'a Value>, shadow: Option<&'a Value>) {
        if !member.element.is_list() {
            return self.single(member, value, shadow);
        }
        let (Some(values), Some(shadows)) = (self.list(value), self.list(shadow)) else {
            return;
        };
        if value.is_some() && shadow.is_some() && values.len() != shadows.len() {
            self.issue(IssueKind::Misaligned);
        }
        let count = values.len().max(shadows.len());
        if let Some(max) = member.element.max
            && count > max as usize
        {
            self.issue(IssueKind::TooMany { max });
        }
        for index in 0..count {
            // `null` holds a place in one list for what stands in the other.
            let present = |list: &'a [Value], other: &'a [Value]| {
                let stood_for = other.get(index).is_some_and(|other| !other.is_null());
                list.get(index)
                    .filter(|found| !(found.is_null() && stood_for))
            };
            self.path.push(Segment::Index(index));
            self.single(member, present(values, shadows), present(shadows, values));
            self.path.pop();
        }
    }

    /// The items of a list, none for a list that is not there; `None` with an issue for anything
    /// else.
    fn list(&mut self, value: Option<&'a Value>) -> Option<&'a [Value]> {
        match value {
            None => Some(&[]),
            Some(Value::Array(items)) if items.is_empty() => {
                self.issue(IssueKind::Empty);
                None
            }
            Some(Value::Array(items)) => Some(items),
            Some(_) => {
                self.issue(IssueKind::WrongType { expected: "array" });
                None
            }
        }
    }

    fn single(&mut self, member: Member, value: Option<&'a Value>, shadow: Option<&'a Value>) {
        if let Some(Value::Array(items)) = value
            && items.len() > 1
        {
            return self.issue(IssueKind::TooMany { max: 1 });
        }
        if let Some(shadow) = shadow {
            // `ele-1`: an id is enough beside a value, and no more than an id without one.
            let valued = value.is_some_and(|value| !value.is_null());
            self.complex(self.definitions.element, shadow, valued);
        }
        let Some(value) = value else { return };
        let definition = self.definitions.get(member.kind);
        match definition.map(|definition| definition.kind) {
            Some(Kind::Primitive(primitive)) => self.value(primitive, member, value),
            Some(Kind::Abstract) => {
                let place = match member.element.name {
                    "contained" => Place::Contained,
                    _ => Place::Inside,
                };
                self.resource(value, place);
            }
            Some(Kind::Resource) => self.resource(value, Place::Inside),
            Some(Kind::Complex) => {
                self.complex(member.kind, value, false);
                self.bound(member, value);
                self.reference(member, value);
            }
            None => {}
        }
    }

    /// `valued`: what it belongs to has a value, so that it may have nothing but an id.
    fn complex(&mut self, id: TypeId, value: &'a Value, valued: bool) {
        let Some(members) = value.as_object() else {
            let kind = match value {
                Value::Null => IssueKind::Empty,
                _ => IssueKind::WrongType { expected: "object" },
            };
            return self.issue(kind);
        };
        let taken_out = self.detached && self.definitions.name(id) == "Bundle.entry";
        let id_alone = members.keys().all(|name| name == "id");
        if id_alone && !taken_out && (!valued || members.is_empty()) {
            self.issue(IssueKind::Empty);
        }
        self.object(id, members);
    }

    fn value(&mut self, primitive: Primitive, member: Member, value: &'a Value) {
        let text = value.as_str().unwrap_or_default();
        let kind = match primitive.check(value) {
            Ok(()) => {
                if has_control(text) {
                    self.issue(IssueKind::ControlCharacter);
                }
                return self.bound(member, value);
            }
            Err(_) if value.is_null() => IssueKind::Empty,
            Err(Fault::Empty) => IssueKind::Empty,
            Err(Fault::Type(expected)) => IssueKind::WrongType { expected },
            Err(Fault::Format) => match narrative::fault(text) {
                Some(reason) if primitive == Primitive::Xhtml => IssueKind::BadNarrative { reason },
                _ => IssueKind::BadFormat {
                    format: primitive.name(),
                },
            },
        };
        self.issue(kind);
    }

    /// A required binding. Of a CodeableConcept one coding must be in the set (R4, *Binding
    /// Strengths*).
    fn bound(&mut self, member: Member, value: &'a Value) {
        let Some(set) = member
            .element
            .binding
            .and_then(|id| self.definitions.value_set(id))
        else {
            return;
        };
        let inside = match (value, value.get("coding")) {
            (Value::String(code), _) => set.has_code(code),
            (_, Some(Value::Array(codings))) => codings.iter().any(|coding| has(set, coding)),
            (coding, _) => has(set, coding),
        };
        if !inside {
            self.issue(IssueKind::NotInValueSet { value_set: set.url });
        }
    }

    fn reference(&mut self, member: Member, value: &'a Value) {
        if self.definitions.name(member.kind) != "Reference" || self.nested {
            return;
        }
        let reference = value
            .as_object()
            .and_then(|members| Reference::of(path_text(&self.path), members));
        let Some((reference, text)) = reference.and_then(|found| {
            let text = found.text?;
            Some((found, text))
        }) else {
            return;
        };
        let allowed = member.targets;
        let Some(Form::Contained(id)) = Form::of(text) else {
            return self.references.push(Found {
                entry: self.entry,
                from: self.from,
                resource: self.label.clone(),
                reference,
                text,
                allowed,
            });
        };
        match self.contained.iter().find(|(listed, _)| *listed == id) {
            None => self.issue(IssueKind::DanglingReference),
            Some((_, kind)) if !allows(allowed, *kind, self.definitions) => {
                self.issue(IssueKind::WrongTarget);
            }
            Some(_) => {}
        }
    }

    /// Rules of single types that the table cannot say.
    fn special(&mut self, id: TypeId, members: &'a Map<String, Value>) {
        if self.definitions.name(id) == "Extension" {
            let inner = members.contains_key("extension");
            let value = members
                .keys()
                .any(|name| name.strip_prefix('_').unwrap_or(name).starts_with("value"));
            if inner == value {
                self.issue(IssueKind::Invariant { key: "ext-1" });
            }
        }
        if members.contains_key("modifierExtension") {
            self.at("modifierExtension", |walk| {
                walk.issue(IssueKind::ModifierExtension)
            });
        }
    }

    fn primitive(&self, id: TypeId) -> Option<Primitive> {
        match self.definitions.get(id)?.kind {
            Kind::Primitive(primitive) => Some(primitive),
            _ => None,
        }
    }

    fn at(&mut self, name: &'a str, then: impl FnOnce(&mut Self)) {
        self.path.push(Segment::Name(name));
        then(self);
        self.path.pop();
    }

    fn issue(&mut self, kind: IssueKind) {
        let path = &self.path;
        self.issues.push(kind, |kind| Issue {
            kind,
            entry: self.entry,
            resource: self.label.to_string(),
            path: path_text(path),
        });
    }
}

fn path_text(path: &[Segment<'_>]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Name(name) if text.is_empty() => text.push_str(cut(name)),
            Segment::Name(name) => {
                text.push('.');
                text.push_str(cut(name));
            }
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn has(set: &ValueSet, coding: &Value) -> bool {
    let text = |name| coding.get(name).and_then(Value::as_str);
    match (text("system"), text("code")) {
        (Some(system), Some(code)) => set.has_coding(system, code),
        _ => false,
    }
}

/// What `#id` can mean in `value`, which is of type `id`.
fn contained<'a>(
    value: &'a Value,
    id: TypeId,
    definitions: &Definitions,
) -> Vec<(&'a str, TypeId)> {
    let listed = value
        .get("contained")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let pair = |inner: &'a Value| {
        let kind = inner.get("resourceType").and_then(Value::as_str)?;
        Some((inner.get("id")?.as_str()?, definitions.resource(kind)?))
    };
    std::iter::once(("", id))
        .chain(listed.filter_map(pair))
        .collect()
}
