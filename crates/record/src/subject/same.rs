//! Which Patients are one person: those that `Patient.link.other` joins ("the same actual person"),
//! those that are one resource (versions of it), and those that share a business identifier and do
//! not contradict each other.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::fhir::{Resolver, Resource, identifiers};

/// So many people of one identifier, all different, are a sign that it is a placeholder.
const SHARED_MAX: usize = 16;

/// What tells people of one identifier apart.
#[derive(Clone, Default)]
struct Profile {
    birth: Option<String>,
    gender: Option<String>,
    /// Family names and whole names, in lower case.
    names: BTreeSet<String>,
}

impl Profile {
    fn of(patient: &Value) -> Self {
        let text = |name: &str| patient.get(name).and_then(Value::as_str).map(str::to_owned);
        let names = patient.get("name").and_then(Value::as_array);
        let texts = names.into_iter().flatten().flat_map(|name| {
            let part = |member: &str| name.get(member).and_then(Value::as_str);
            part("family").into_iter().chain(part("text"))
        });
        Self {
            birth: text("birthDate"),
            gender: text("gender").filter(|gender| gender != "unknown"),
            names: texts.map(|text| text.trim().to_lowercase()).collect(),
        }
    }

    /// Whether the two may be one person. A name may change, so it counts where no birth date
    /// confirms.
    fn agrees(&self, other: &Self) -> bool {
        let both = |one: &Option<String>, other: &Option<String>| one.clone().zip(other.clone());
        let births = both(&self.birth, &other.birth);
        let born = births
            .as_ref()
            .is_none_or(|(one, other)| one.starts_with(other) || other.starts_with(one));
        let gender = both(&self.gender, &other.gender).is_none_or(|(one, other)| one == other);
        let named = self.names.is_empty()
            || other.names.is_empty()
            || !self.names.is_disjoint(&other.names);
        born && gender && (named || births.is_some())
    }

    fn join(&mut self, other: Self) {
        let longer = |one: &Option<String>| one.as_ref().map_or(0, String::len);
        if longer(&other.birth) > longer(&self.birth) {
            self.birth = other.birth;
        }
        self.gender = self.gender.take().or(other.gender);
        self.names.extend(other.names);
    }
}

/// Whether a Patient that another resource contains is `patient`.
pub(super) fn is_same(contained: &Value, patient: &Value) -> bool {
    let known = telling(contained);
    let shared = telling(patient).iter().any(|pair| known.contains(pair));
    shared && Profile::of(contained).agrees(&Profile::of(patient))
}

/// The identifiers that tell a person: with a system and a value that is no placeholder.
pub(super) fn telling(patient: &Value) -> Vec<(&str, &str)> {
    let mut found = identifiers(patient);
    found.retain(|(system, value)| !system.trim().is_empty() && !is_placeholder(value));
    found
}

/// What stands where there is no number: `0000`, `unknown`, 不详.
fn is_placeholder(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "1234",
        "12345",
        "123456",
        "1234567",
        "12345678",
        "123456789",
        "1234567890",
        "anonymous",
        "missing",
        "na",
        "nil",
        "none",
        "notavailable",
        "null",
        "pending",
        "tbd",
        "temp",
        "test",
        "unk",
        "unknown",
        "不明",
        "不详",
        "未知",
        "无",
        "暂无",
    ];
    let plain: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
    let plain = plain.to_lowercase();
    let mut signs = plain.chars();
    let first = signs.next();
    let uniform = signs.all(|c| Some(c) == first);
    (uniform && plain.len() != 1) || plain == "0" || WORDS.contains(&plain.as_str())
}

/// For each Patient, the first that is the same person; each other position is its own.
pub(super) fn same_person(resources: &[Resource], resolver: &Resolver<'_>) -> Vec<usize> {
    let mut people = People::new(resources);
    for (at, patient) in &people.patients.clone() {
        for other in linked(*at, patient, resolver) {
            if people.profiles.contains_key(&other) {
                people.join(*at, other);
            }
        }
    }
    people.join_versions();
    people.join_identified();
    (0..resources.len()).map(|at| people.root(at)).collect()
}

/// What `Patient.link.other` of a Patient leads to.
fn linked(at: usize, patient: &Resource, resolver: &Resolver<'_>) -> Vec<usize> {
    let references = patient.all_references().into_iter();
    let links = references.filter(|reference| {
        let inner = reference.path.strip_prefix("Patient.link[");
        inner
            .and_then(|inner| inner.split_once(']'))
            .is_some_and(|(_, rest)| rest == ".other")
    });
    links
        .flat_map(|reference| resolver.targets(Some(at), &reference))
        .collect()
}

/// The Patients, joined step by step.
struct People<'a> {
    patients: Vec<(usize, &'a Resource)>,
    same: Vec<usize>,
    /// Of all that were joined, by their root.
    profiles: HashMap<usize, Profile>,
}

impl<'a> People<'a> {
    fn new(resources: &'a [Resource]) -> Self {
        let all = resources.iter().enumerate();
        let patients: Vec<_> = all
            .filter(|(_, one)| one.resource_type() == "Patient")
            .collect();
        let profile = |(at, patient): &(usize, &Resource)| (*at, Profile::of(patient.value()));
        Self {
            same: (0..resources.len()).collect(),
            profiles: patients.iter().map(profile).collect(),
            patients,
        }
    }

    fn root(&self, mut at: usize) -> usize {
        while let Some(next) = self.same.get(at).filter(|next| **next != at) {
            at = *next;
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (first, later) = (one.min(other), one.max(other));
        if first == later {
            return;
        }
        if let Some(place) = self.same.get_mut(later) {
            *place = first;
        }
        let of_later = self.profiles.get(&later).cloned().unwrap_or_default();
        self.profiles.entry(first).or_default().join(of_later);
    }

    fn agree(&self, one: usize, other: usize) -> bool {
        let profile = |at: usize| self.profiles.get(&self.root(at));
        let both = profile(one).zip(profile(other));
        both.is_some_and(|(one, other)| one.agrees(other))
    }

    /// Versions of one resource: of one full URL, or of one id where neither has a URL.
    fn join_versions(&mut self) {
        let mut seen: HashMap<(&str, bool), usize> = HashMap::new();
        for (at, patient) in self.patients.clone() {
            let url = patient.full_url();
            let Some(name) = url.or_else(|| patient.id()) else {
                continue;
            };
            let name = name.split("/_history/").next().unwrap_or(name);
            let first = *seen.entry((name, url.is_some())).or_insert(at);
            if url.is_some() || self.agree(first, at) {
                self.join(first, at);
            }
        }
    }

    /// Of one identifier. Where several people have it, each joins the first with whom it agrees;
    /// what [`SHARED_MAX`] people have tells nobody.
    fn join_identified(&mut self) {
        let mut seen: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        for (at, patient) in self.patients.clone() {
            for pair in telling(patient.value()) {
                let known = seen.entry(pair).or_default();
                if known.len() >= SHARED_MAX {
                    continue;
                }
                match known.iter().find(|known| self.agree(**known, at)) {
                    Some(first) => self.join(*first, at),
                    None => known.push(at),
                }
            }
        }
    }
}
