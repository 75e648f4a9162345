//! Whom resources are about. A visit token is of one patient: what is about another must not be
//! sealed to her unseen.
//!
//! The patient of a resource is what its `subject`, `patient` or the like leads to (R4, compartment
//! *Patient*, by its parameters `subject`, `patient`, `beneficiary`, `individual`, `actor`).
//! Patients that name each other in `Patient.link` ("the same actual person") are one, and so are
//! those that share a business identifier and do not contradict each other.

mod same;

use std::collections::{BTreeMap, HashMap};

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

/// The people that `resources` are about or name: first the one whom the document or most of the
/// resources are about.
#[must_use]
pub fn people(resources: &[Resource]) -> Vec<Person> {
    let resolver = Resolver::in_doubt(resources);
    let mut people: Vec<(Key, Vec<usize>, usize)> = Vec::new();
    let owners = owners(resources, &resolver);
    let mut named: BTreeMap<&Key, (Vec<usize>, usize)> = BTreeMap::new();
    for (at, owned) in owners.iter().enumerate() {
        for (key, is_subject) in owned {
            let (about, subjects) = named.entry(key).or_default();
            about.push(at);
            *subjects += usize::from(*is_subject);
        }
    }
    let of_composition = resources.iter().zip(&owners);
    let mut told = of_composition
        .filter(|(resource, _)| resource.resource_type() == "Composition")
        .filter_map(|(_, owned)| owned.iter().find(|(_, is_subject)| **is_subject));
    let told = told.next().map(|(key, _)| key);
    for (key, (about, subjects)) in named {
        people.push((key.clone(), about, subjects));
    }
    people.sort_by_key(|(key, about, subjects)| {
        (
            Some(key) != told,
            usize::MAX - subjects,
            usize::MAX - about.len(),
        )
    });
    let keys: Vec<Key> = people.iter().map(|(key, _, _)| key.clone()).collect();
    let people = people.into_iter().zip(names(&keys, resources));
    let person =
        |((_, resources, _), name): ((Key, Vec<usize>, usize), String)| Person { name, resources };
    people.map(person).collect()
}

/// What those are called who are `keys`: two of one id by their full URLs, else by their numbers.
fn names(keys: &[Key], resources: &[Resource]) -> Vec<String> {
    let plain: Vec<String> = keys.iter().map(|key| key.name(resources)).collect();
    let mut shared: HashMap<&str, usize> = HashMap::new();
    for name in &plain {
        *shared.entry(name).or_default() += 1;
    }
    let mut taken: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::with_capacity(keys.len());
    for (key, own) in keys.iter().zip(&plain) {
        let is_shared = shared.get(own.as_str()).is_some_and(|count| *count > 1);
        let url = match key {
            Key::Here(at) if is_shared => resources.get(*at).and_then(Resource::full_url),
            _ => None,
        };
        let own = url.unwrap_or(own);
        let count = taken.entry(own.to_owned()).or_default();
        *count += 1;
        found.push(match *count {
            1 => own.to_owned(),
            number => format!("{own} ({number})"),
        });
    }
    found
}

/// Which resources are not to be sealed to `patient` (a name of [`people`]'s): what refers to
/// another patient at all; what is about nobody and refers to such a resource, or is reached only
/// from such ones. `None` when nobody is called so.
#[must_use]
pub fn foreign_to(patient: &str, resources: &[Resource]) -> Option<Vec<bool>> {
    let people = people(resources);
    people.iter().find(|person| person.name == patient)?;
    let mut mine = vec![false; resources.len()];
    let mut foreign = vec![false; resources.len()];
    for person in &people {
        let marked = if person.name == patient {
            &mut mine
        } else {
            &mut foreign
        };
        person.resources.iter().for_each(|at| mark(marked, *at));
    }
    let owned: Vec<bool> = mine
        .iter()
        .zip(&foreign)
        .map(|(one, other)| *one || *other)
        .collect();
    let is_open = |at: usize, foreign: &[bool]| !is(&owned, at) && !is(foreign, at);
    let resolver = Resolver::in_doubt(resources);
    let ways = resources.iter().enumerate();
    let down: Vec<Vec<usize>> = ways.map(|(at, one)| resolver.reaches(at, one)).collect();
    let mut up: Vec<Vec<usize>> = vec![Vec::new(); resources.len()];
    for (at, targets) in down.iter().enumerate() {
        for target in targets {
            if let Some(referrers) = up.get_mut(*target) {
                referrers.push(at);
            }
        }
    }
    flow(&mut foreign, &[&up], |at, foreign| is_open(at, foreign));
    let mut kept: Vec<bool> = mine
        .iter()
        .zip(&foreign)
        .map(|(one, other)| *one && !other)
        .collect();
    flow(&mut kept, &[&down], |at, _| is_open(at, &foreign));
    flow(&mut foreign, &[&down, &up], |at, foreign| {
        is_open(at, foreign) && !is(&kept, at)
    });
    Some(foreign)
}

fn is(marks: &[bool], at: usize) -> bool {
    marks.get(at).copied().unwrap_or(false)
}

fn mark(marks: &mut [bool], at: usize) {
    if let Some(marked) = marks.get_mut(at) {
        *marked = true;
    }
}

/// Spreads marks along `ways` to all that `may` have them.
fn flow(marks: &mut [bool], ways: &[&Vec<Vec<usize>>], may: impl Fn(usize, &[bool]) -> bool) {
    let mut open: Vec<usize> = (0..marks.len()).filter(|at| is(marks, *at)).collect();
    while let Some(at) = open.pop() {
        let next = ways.iter().filter_map(|way| way.get(at)).flatten();
        for &to in next {
            if !is(marks, to) && may(to, marks) {
                mark(marks, to);
                open.push(to);
            }
        }
    }
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

/// The people whom each resource names, and whether as those whom it is about.
fn owners(resources: &[Resource], resolver: &Resolver<'_>) -> Vec<BTreeMap<Key, bool>> {
    let same = same_person(resources, resolver);
    let all = resources.iter().enumerate();
    all.map(|(at, resource)| named(at, resource, resources, resolver, &same))
        .collect()
}

fn named(
    at: usize,
    resource: &Resource,
    resources: &[Resource],
    resolver: &Resolver<'_>,
    same: &[usize],
) -> BTreeMap<Key, bool> {
    let person = |found: usize| Key::Here(same.get(found).copied().unwrap_or(found));
    if resource.resource_type() == "Patient" {
        return BTreeMap::from([(person(at), true)]);
    }
    let kind = resource.resource_type().as_str();
    let mut keys = BTreeMap::new();
    for reference in resource.all_references() {
        let about = is_subject(kind, &reference.path);
        let here = resolver.targets(Some(at), &reference);
        let is_patient = |found: &&usize| {
            let found = resources.get(**found);
            found.is_some_and(|found| found.resource_type() == "Patient")
        };
        let mut found: Vec<Key> = here
            .iter()
            .filter(is_patient)
            .map(|at| person(*at))
            .collect();
        if here.is_empty() {
            found.extend(elsewhere(resource, resources, &reference, about, same));
        }
        for key in found {
            *keys.entry(key).or_default() |= about;
        }
    }
    keys
}

/// Whether a reference at `path` names whom a resource of type `kind`, or one in it, is about.
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
        "subject" | "patient" | "contained.subject" | "contained.patient" => true,
        "beneficiary" => kind == "Coverage",
        "individual" => kind == "ResearchSubject",
        "for" => kind == "Task",
        "participant.actor" => kind == "Appointment",
        _ => false,
    }
}

/// A patient that is not among the resources, or is contained in one; `None` for a reference to
/// something else, such as a Group. What does not tell its type is a patient where a resource says
/// whom it is `about`.
fn elsewhere(
    resource: &Resource,
    resources: &[Resource],
    reference: &Reference<'_>,
    about: bool,
    same: &[usize],
) -> Option<Key> {
    let is_patient = |kind: Option<&str>| kind.map_or(about, |kind| kind == "Patient");
    let Some(text) = reference.text else {
        let (system, value) = reference.identifier?;
        return is_patient(reference.kind)
            .then(|| Key::Elsewhere(format!("identifier {system}|{value}")));
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
    is_patient(reference.kind.or(named)).then(|| Key::Elsewhere(unversioned.to_owned()))
}

/// The contained Patient called `id`.
fn contained<'a>(resource: &'a Resource, id: &str) -> Option<&'a Value> {
    let contained = resource.value().get("contained")?.as_array()?;
    contained.iter().find(|inner| {
        inner.get("id").and_then(Value::as_str) == Some(id)
            && inner.get("resourceType").and_then(Value::as_str) == Some("Patient")
    })
}
