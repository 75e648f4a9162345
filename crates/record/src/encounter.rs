//! A patient's resources, grouped into visits: one for each Encounter (FHIR R4, Encounter and the `encounter` element of clinical resources).
//!
//! Rules, in order; every resource of the bundle lands in exactly one visit:
//! 1. An Encounter opens a visit. Visits are ordered by `period.start`.
//! 2. A resource that refers to an Encounter, at any depth, belongs to the first one it names.
//! 3. A resource that an Encounter refers to (its location, practitioner, organisation) belongs to the earliest such visit.
//! 4. A resource that refers to a grouped clinical resource belongs where that one is (a Goal that addresses a Condition, a Claim for a prescription).
//! 5. What is left (the Patient, coverage, allergies on file) belongs to the earliest visit: it is what a hospital takes down at registration.

use std::collections::BTreeMap;

use yilian_protocol::Quarter;

use crate::fhir::{Bundle, Resource};

/// One visit of a patient to a hospital.
#[derive(Debug, Clone)]
pub struct Visit {
    /// What the Encounter is called in the bundle.
    pub encounter: String,
    /// The hospital: the reference of `Encounter.serviceProvider`.
    pub hospital: Option<String>,
    /// Who treated: the references of `Encounter.participant.individual`.
    pub practitioners: Vec<String>,
    /// `Encounter.period.start`, as it is written.
    pub start: String,
    /// The quarter of the start.
    pub quarter: Quarter,
    /// The visit's resources, in the order of the bundle.
    pub resources: Vec<Resource>,
}

/// Why a bundle cannot be grouped into visits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupingError {
    /// There is no Encounter to which anything could belong.
    #[error("the bundle holds no Encounter")]
    NoEncounter,
    /// An Encounter does not say when it was.
    #[error("{encounter}: Encounter.period.start is missing or no date")]
    NoStart {
        /// What the Encounter is called in the bundle.
        encounter: String,
    },
}

/// Groups the resources of one patient's bundle.
///
/// # Errors
/// [`GroupingError`] when there is no Encounter, or one without a start.
pub fn visits(bundle: Bundle) -> Result<Vec<Visit>, GroupingError> {
    let resources: Vec<Resource> = bundle.into_resources().collect();
    let mut visits = open(&resources)?;
    let places = places(&resources, &visits);
    for (resource, place) in resources.into_iter().zip(places) {
        if let Some(visit) = visits.get_mut(place) {
            visit.resources.push(resource);
        }
    }
    Ok(visits)
}

/// Rule 1.
fn open(resources: &[Resource]) -> Result<Vec<Visit>, GroupingError> {
    let encounters = resources
        .iter()
        .filter(|r| r.resource_type().as_str() == "Encounter");
    let mut visits = encounters.map(visit).collect::<Result<Vec<_>, _>>()?;
    // Texts of one form and zone sort as times do; ties and zones are settled by the order of the bundle.
    visits.sort_by(|a, b| a.start.cmp(&b.start));
    if visits.is_empty() {
        Err(GroupingError::NoEncounter)
    } else {
        Ok(visits)
    }
}

fn visit(resource: &Resource) -> Result<Visit, GroupingError> {
    let encounter = name(resource);
    let value = resource.value();
    let start = value
        .pointer("/period/start")
        .and_then(|start| start.as_str());
    let quarter = start.and_then(quarter);
    let (Some(start), Some(quarter)) = (start, quarter) else {
        return Err(GroupingError::NoStart { encounter });
    };
    let text = |pointer: &str| value.pointer(pointer)?.as_str().map(str::to_owned);
    let participants = value.get("participant").and_then(|list| list.as_array());
    let practitioners = participants
        .into_iter()
        .flatten()
        .filter_map(|participant| {
            participant
                .pointer("/individual/reference")?
                .as_str()
                .map(str::to_owned)
        });
    Ok(Visit {
        hospital: text("/serviceProvider/reference"),
        practitioners: practitioners.collect(),
        start: start.to_owned(),
        quarter,
        encounter,
        resources: Vec::new(),
    })
}

/// For each resource, which visit it belongs to.
fn places(resources: &[Resource], visits: &[Visit]) -> Vec<usize> {
    let mut of: BTreeMap<String, usize> = BTreeMap::new();
    for (place, visit) in visits.iter().enumerate() {
        of.insert(visit.encounter.clone(), place);
    }
    let by_name: BTreeMap<String, &Resource> = resources.iter().map(|r| (name(r), r)).collect();
    let aliases = aliases(resources);
    let target = |reference: &str| aliases.get(reference).cloned();

    // Rule 2.
    for resource in resources {
        let named = resource.references().filter_map(|(_, to)| target(to));
        let place = named
            .filter_map(|to| visits.iter().position(|v| v.encounter == to))
            .next();
        if let Some(place) = place {
            of.entry(name(resource)).or_insert(place);
        }
    }
    // Rule 3.
    for (place, visit) in visits.iter().enumerate() {
        let encounter = by_name.get(&visit.encounter);
        for (_, to) in encounter
            .into_iter()
            .flat_map(|encounter| encounter.references())
        {
            if let Some(to) = target(to).filter(|to| !is_person(&by_name, to)) {
                of.entry(to).or_insert(place);
            }
        }
    }
    // Rule 4, until nothing moves: chains of references are short.
    loop {
        let before = of.len();
        for resource in resources {
            if of.contains_key(&name(resource)) || is_person(&by_name, &name(resource)) {
                continue;
            }
            let named = resource.references().filter_map(|(_, to)| target(to));
            let place = named.filter_map(|to| of.get(&to).copied()).next();
            if let Some(place) = place {
                of.insert(name(resource), place);
            }
        }
        if of.len() == before {
            break;
        }
    }
    // Rule 5.
    resources
        .iter()
        .map(|resource| of.get(&name(resource)).copied().unwrap_or(0))
        .collect()
}

/// The Patient is of all visits, so references to and from it say nothing.
fn is_person(by_name: &BTreeMap<String, &Resource>, name: &str) -> bool {
    by_name
        .get(name)
        .is_some_and(|resource| resource.resource_type().as_str() == "Patient")
}

/// What a resource is called within its bundle: its full URL, else type and id, else its content.
pub(crate) fn name(resource: &Resource) -> String {
    let typed = || {
        Some(format!(
            "{}/{}",
            resource.resource_type().as_str(),
            resource.id()?
        ))
    };
    let url = resource.full_url().map(str::to_owned);
    url.or_else(typed)
        .unwrap_or_else(|| String::from_utf8_lossy(resource.canonical_bytes()).into_owned())
}

/// Every text by which resources may be referred to -> what they are called.
pub(crate) fn aliases(resources: &[Resource]) -> BTreeMap<String, String> {
    let mut aliases = BTreeMap::new();
    for resource in resources {
        let name = name(resource);
        if let Some(id) = resource.id() {
            aliases.insert(
                format!("{}/{id}", resource.resource_type().as_str()),
                name.clone(),
            );
        }
        aliases.insert(name.clone(), name);
    }
    aliases
}

/// The quarter of a FHIR date or dateTime, which begins with the year and, if it is known, the month.
fn quarter(date: &str) -> Option<Quarter> {
    let mut parts = date.splitn(3, '-');
    let year = parts.next()?.parse().ok()?;
    let month = parts.next().map_or(Some(1), |month| month.parse().ok())?;
    Quarter::from_date(year, month).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(text: &str) -> Bundle {
        Bundle::parse(text.as_bytes()).unwrap()
    }

    const TWO_VISITS: &str = r#"{"resourceType":"Bundle","type":"collection","entry":[
        {"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient","id":"p"}},
        {"fullUrl":"urn:uuid:late","resource":{"resourceType":"Encounter","id":"late","status":"finished","class":{"code":"AMB"},
          "subject":{"reference":"urn:uuid:p"},"period":{"start":"2024-05-01"}}},
        {"fullUrl":"urn:uuid:early","resource":{"resourceType":"Encounter","id":"early","status":"finished","class":{"code":"AMB"},
          "subject":{"reference":"urn:uuid:p"},"period":{"start":"2019-02-01T08:00:00Z"}}},
        {"fullUrl":"urn:uuid:c","resource":{"resourceType":"Condition","id":"c","subject":{"reference":"urn:uuid:p"},
          "encounter":{"reference":"Encounter/late"}}},
        {"fullUrl":"urn:uuid:g","resource":{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"x"},
          "subject":{"reference":"urn:uuid:p"},"addresses":[{"reference":"urn:uuid:c"}]}},
        {"fullUrl":"urn:uuid:a","resource":{"resourceType":"AllergyIntolerance","id":"a","patient":{"reference":"urn:uuid:p"}}}]}"#;

    #[test]
    fn resources_follow_their_encounters() {
        let visits = visits(bundle(TWO_VISITS)).unwrap();
        let ids: Vec<Vec<&str>> = visits
            .iter()
            .map(|v| v.resources.iter().filter_map(Resource::id).collect())
            .collect();
        assert_eq!(ids, [vec!["p", "early", "a"], vec!["late", "c", "g"]]);
        assert_eq!(visits[0].quarter.to_string(), "2019-Q1");
        assert_eq!(visits[1].quarter.to_string(), "2024-Q2");
    }

    #[test]
    fn without_an_encounter_or_its_start_nothing_is_guessed() {
        let none = r#"{"resourceType":"Bundle","type":"collection","entry":[]}"#;
        assert_eq!(
            visits(bundle(none)).unwrap_err(),
            GroupingError::NoEncounter
        );
        let no_start = TWO_VISITS.replace("\"start\":\"2024-05-01\"", "\"end\":\"2024-05-01\"");
        let error = visits(bundle(&no_start)).unwrap_err();
        assert_eq!(
            error,
            GroupingError::NoStart {
                encounter: "urn:uuid:late".to_owned()
            }
        );
    }
}
