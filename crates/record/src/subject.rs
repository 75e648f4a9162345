//! Whom resources are about. A visit token is of one patient: what is about another must not be
//! sealed to her unseen.
//!
//! The patient of a resource is what its `subject`, `patient` or the like leads to (R4, compartment
//! *Patient*, by its parameters `subject`, `patient`, `beneficiary`, `individual`, `actor`).
//! Patients that name each other in `Patient.link` ("the same actual person") are one, and so are
//! those that share a business identifier and do not contradict each other.

mod same;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::encounter::name;
use crate::fhir::{Reference, Resolver, Resource};
use same::{is_same, same_person, telling};

/// A person that resources are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What it is called: `Patient/1`, a full URL, or `identifier system|value`.
    pub name: String,
    /// Positions of the resources about this person, the Patient itself included.
    pub resources: Vec<usize>,
}

/// The people that `resources` are about: first the one whom the document or most of the resources
/// are about.
#[must_use]
pub fn people(resources: &[Resource]) -> Vec<Person> {
    let resolver = Resolver::new(resources);
    let same = same_person(resources, &resolver);
    let mut found: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    let mut told: Option<Key> = None;
    for (at, resource) in resources.iter().enumerate() {
        for key in subjects(at, resource, resources, &resolver, &same) {
            if resource.resource_type() == "Composition" {
                told.get_or_insert(key.clone());
            }
            let about = found.entry(key).or_default();
            if about.last() != Some(&at) {
                about.push(at);
            }
        }
    }
    let mut people: Vec<(Key, Vec<usize>)> = found.into_iter().collect();
    people.sort_by_key(|(key, about)| (Some(key) != told.as_ref(), usize::MAX - about.len()));
    let person = |(key, about): (Key, Vec<usize>)| Person {
        name: key.name(resources),
        resources: about,
    };
    people.into_iter().map(person).collect()
}

/// A person: the position of a Patient, or what it is called elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Here(usize),
    Elsewhere(String),
}

impl Key {
    fn name(&self, resources: &[Resource]) -> String {
        match self {
            Self::Elsewhere(name) => name.clone(),
            Self::Here(at) => match resources.get(*at) {
                Some(patient) => patient
                    .id()
                    .map_or_else(|| name(patient), |id| format!("Patient/{id}")),
                None => String::new(),
            },
        }
    }
}

/// Whom the resource at `at` is about.
fn subjects(
    at: usize,
    resource: &Resource,
    resources: &[Resource],
    resolver: &Resolver<'_>,
    same: &[usize],
) -> Vec<Key> {
    if resource.resource_type() == "Patient" {
        return same
            .get(at)
            .map(|root| Key::Here(*root))
            .into_iter()
            .collect();
    }
    let kind = resource.resource_type().as_str();
    let references = resource.all_references().into_iter();
    let about = references.filter(|reference| is_subject(kind, &reference.path));
    let keys = about.flat_map(|reference| {
        let here = resolver.targets(Some(at), &reference);
        let patients = here.iter().filter(|found| {
            resources
                .get(**found)
                .is_some_and(|found| found.resource_type() == "Patient")
        });
        let found: Vec<Key> = patients
            .map(|found| Key::Here(same.get(*found).copied().unwrap_or(*found)))
            .collect();
        match (here.is_empty(), found.is_empty()) {
            (_, false) => found,
            (false, true) => Vec::new(),
            (true, true) => elsewhere(resource, resources, &reference, same)
                .into_iter()
                .collect(),
        }
    });
    let mut keys: Vec<Key> = keys.collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Whether a reference at `path` names whom a resource of type `kind` is about.
fn is_subject(kind: &str, path: &str) -> bool {
    let member = path
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix('.'));
    let plain: String = member
        .unwrap_or_default()
        .split('[')
        .map(|piece| piece.split_once(']').map_or(piece, |(_, rest)| rest))
        .collect();
    match plain.as_str() {
        "subject" | "patient" => true,
        "beneficiary" => kind == "Coverage",
        "individual" => kind == "ResearchSubject",
        "for" => kind == "Task",
        "participant.actor" => kind == "Appointment",
        _ => false,
    }
}

/// A patient that is not among the resources, or is contained in one; `None` for a reference to
/// something else, such as a Group.
fn elsewhere(
    resource: &Resource,
    resources: &[Resource],
    reference: &Reference<'_>,
    same: &[usize],
) -> Option<Key> {
    let Some(text) = reference.text else {
        let (system, value) = reference.identifier?;
        let patient = reference.kind.is_none_or(|kind| kind == "Patient");
        return patient.then(|| Key::Elsewhere(format!("identifier {system}|{value}")));
    };
    if let Some(id) = text.strip_prefix('#') {
        let contained = contained(resource, id)?;
        let known = telling(contained);
        let here = resources.iter().position(|other| {
            other.resource_type() == "Patient" && is_same(contained, other.value())
        });
        return Some(match (here, known.first()) {
            (Some(at), _) => Key::Here(same.get(at).copied().unwrap_or(at)),
            (None, Some((system, value))) => Key::Elsewhere(format!("identifier {system}|{value}")),
            (None, None) => Key::Elsewhere(format!("{}#{id}", name(resource))),
        });
    }
    let unversioned = text.split("/_history/").next().unwrap_or(text);
    let address = unversioned.split('?').next().unwrap_or(unversioned);
    let behind = usize::from(address.len() == unversioned.len());
    let named = address.rsplit('/').nth(behind);
    let named = named.filter(|kind| crate::fhir::ResourceType::new(kind).is_ok());
    let is_patient = reference
        .kind
        .or(named)
        .is_none_or(|kind| kind == "Patient");
    is_patient.then(|| Key::Elsewhere(unversioned.to_owned()))
}

/// The contained Patient called `id`.
fn contained<'a>(resource: &'a Resource, id: &str) -> Option<&'a Value> {
    let contained = resource.value().get("contained")?.as_array()?;
    contained.iter().find(|inner| {
        inner.get("id").and_then(Value::as_str) == Some(id)
            && inner.get("resourceType").and_then(Value::as_str) == Some("Patient")
    })
}
