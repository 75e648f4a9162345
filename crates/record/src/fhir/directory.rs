//! The hospitals, departments and clinicians that other records refer to.
//!
//! Their bundles come first; a patient's bundle names them by full URL, by `Type/id`, or by an
//! identifier.

use std::collections::HashMap;

use serde_json::Value;

use super::resource::{Resource, ResourceType};

/// Types that a directory lists: those which many patients' records share.
const SHARED: [&str; 6] = [
    "Endpoint",
    "HealthcareService",
    "Location",
    "Organization",
    "Practitioner",
    "PractitionerRole",
];

/// What is known of hospitals and clinicians. The default knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    listed: Vec<Listed>,
    /// Every spelling of a reference to one of them. `None`: two share it, so it names neither.
    by_reference: HashMap<String, Option<usize>>,
}

/// One organisation, clinician or place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    kind: ResourceType,
    id: Option<String>,
    full_url: Option<String>,
    display: Option<String>,
    identifiers: Vec<(String, String)>,
}

impl Directory {
    /// Adds those of `resources` which are organisations, clinicians or places. One that is listed
    /// already is replaced.
    pub fn extend<'a>(&mut self, resources: impl IntoIterator<Item = &'a Resource>) {
        for resource in resources {
            if SHARED
                .iter()
                .any(|shared| resource.resource_type() == *shared)
            {
                self.insert(Listed::of(resource));
            }
        }
    }

    /// The one meant by the text of a `Reference.reference`.
    pub fn get(&self, reference: &str) -> Option<&Listed> {
        let unversioned = reference.split("/_history/").next().unwrap_or(reference);
        self.listed.get((*self.by_reference.get(unversioned)?)?)
    }

    /// All of them, in the order of their coming.
    pub fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.listed.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.listed.len()
    }

    /// Whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    fn insert(&mut self, listed: Listed) {
        let own = listed.full_url.iter().cloned().chain(listed.relative());
        let known = own
            .filter_map(|reference| self.by_reference.get(&reference).copied())
            .next();
        let index = known.flatten().unwrap_or(self.listed.len());
        for reference in listed.references() {
            let known = self.by_reference.entry(reference).or_insert(Some(index));
            if *known != Some(index) {
                *known = None;
            }
        }
        match self.listed.get_mut(index) {
            Some(place) => *place = listed,
            None => self.listed.push(listed),
        }
    }
}

impl Listed {
    fn of(resource: &Resource) -> Self {
        let value = resource.value();
        Self {
            kind: resource.resource_type(),
            id: resource.id().map(str::to_owned),
            full_url: resource.full_url().map(str::to_owned),
            display: value.get("name").and_then(display),
            identifiers: identifiers(value),
        }
    }

    /// The type.
    pub fn resource_type(&self) -> ResourceType {
        self.kind
    }

    /// The logical id.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The full URL under which it came.
    pub fn full_url(&self) -> Option<&str> {
        self.full_url.as_deref()
    }

    /// A name to show, if it has one.
    pub fn display(&self) -> Option<&str> {
        self.display.as_deref()
    }

    /// Its business identifiers, as (system, value).
    pub fn identifiers(&self) -> &[(String, String)] {
        &self.identifiers
    }

    fn relative(&self) -> Option<String> {
        self.id.as_ref().map(|id| format!("{}/{id}", self.kind))
    }

    fn references(&self) -> impl Iterator<Item = String> {
        let kind = self.kind;
        let by_identifier = self
            .identifiers
            .iter()
            .map(move |(system, value)| format!("{kind}?identifier={system}|{value}"));
        self.full_url
            .iter()
            .cloned()
            .chain(self.relative())
            .chain(by_identifier)
    }
}

/// The display of a plain name, or of the first HumanName.
fn display(name: &Value) -> Option<String> {
    let name = match name {
        Value::String(text) => return Some(text.clone()),
        Value::Array(names) => names.first()?,
        other => other,
    };
    if let Some(text) = name.get("text").and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    let words = |field: &str| {
        let values = name
            .get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        values
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let family = name
        .get("family")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let parts: Vec<String> = words("prefix")
        .into_iter()
        .chain(words("given"))
        .chain(family)
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn identifiers(value: &Value) -> Vec<(String, String)> {
    let listed = value
        .get("identifier")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let pair = |identifier: &Value| {
        let system = identifier
            .get("system")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let value = identifier.get("value").and_then(Value::as_str)?;
        Some((system.to_owned(), value.to_owned()))
    };
    listed.filter_map(pair).collect()
}
