//! A patient's resources, grouped into visits: one for each Encounter (FHIR R4, Encounter and the
//! `encounter` element of clinical resources).
//!
//! Rules, in order; every resource of the bundle lands in exactly one visit:
//! 1. An Encounter opens a visit. Visits are ordered by the moment of their start; those without
//!    one come last.
//! 2. A resource that refers to an Encounter, at any depth, belongs to the first one it names.
//! 3. A resource that an Encounter refers to (its location, practitioner, organisation) belongs to
//!    the earliest such visit.
//! 4. A resource that refers to a grouped clinical resource belongs where that one is (a Goal that
//!    addresses a Condition, a Claim for a prescription).
//! 5. What is left (the Patient, coverage, allergies on file) belongs to the earliest visit: it is
//!    what a hospital takes down at registration.
//!
//! # What is one visit whatever it holds
//! A document or a message is attested as a whole, and a history is told in its order: none of them
//! is split. Without any Encounter (a vaccination card, a list of medicines, an International
//! Patient Summary) all resources are one visit.
//!
//! # When it was
//! `Encounter.period.start`, else its end; of a document, `Composition.date`; else the earliest
//! date of what was found, done, given or written. Care may be without any date. The quarter is
//! that of the date as it is written, in the hospital's own time zone.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;
use yilian_protocol::Quarter;

use crate::{
    fhir::{Bundle, Envelope, Resolver, Resource},
    label,
};

/// One visit of a patient to a hospital.
#[derive(Debug, Clone)]
pub struct Visit {
    /// What the Encounter is called in the bundle; `None` for care without one.
    pub encounter: Option<String>,
    /// The hospital: the reference of `Encounter.serviceProvider` or `Composition.custodian`.
    pub hospital: Option<String>,
    /// Who treated or wrote: the references of `Encounter.participant.individual` or
    /// `Composition.author`.
    pub practitioners: Vec<String>,
    /// When it was, as it is written.
    pub start: Option<String>,
    /// The quarter of the start.
    pub quarter: Option<Quarter>,
    /// The visit's resources, in the order of the bundle.
    pub resources: Vec<Resource>,
    /// What the bundle says beside them.
    pub envelope: Envelope,
    /// Which of the resources are sensitive, by all that came together: see [`crate::label`].
    pub(crate) sensitive: Vec<bool>,
}

/// Why a bundle cannot be grouped into visits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupingError {
    /// There is nothing to seal.
    #[error("there is no resource in it")]
    NoResource,
    /// Something that was written would be lost.
    #[error("{what} would be lost: {why}")]
    Lost {
        /// Where it stands.
        what: &'static str,
        /// Why there is no room for it.
        why: &'static str,
    },
}

/// Groups the resources of one patient's bundle.
///
/// # Errors
/// [`GroupingError`] when there is no resource, or something that would be lost.
pub fn visits(bundle: Bundle) -> Result<Vec<Visit>, GroupingError> {
    let (envelope, resources) = bundle.into_parts();
    if resources.is_empty() {
        return Err(GroupingError::NoResource);
    }
    if envelope.has_extended_type() {
        return Err(GroupingError::Lost {
            what: "the extension of Bundle.type",
            why: "the order of the entries is noted there",
        });
    }
    let resolver = Resolver::new(&resources);
    let openings = match envelope.kind() {
        "document" | "message" | "history" => vec![whole(&resources, &resolver)],
        _ => openings(&resources),
    };
    let places = places(&resources, &openings, &resolver);
    // Before grouping: what is sensitive in one visit may be told in another.
    let sensitive = label::sensitive(&envelope, &resources);
    let mut visits: Vec<Visit> = openings
        .into_iter()
        .enumerate()
        .map(|(number, opening)| {
            let envelope = match number {
                0 => envelope.clone(),
                _ => envelope.without_bare(),
            };
            opening.visit(&resources, envelope)
        })
        .collect();
    for ((resource, sensitive), place) in resources.into_iter().zip(sensitive).zip(places) {
        if let Some(visit) = visits.get_mut(place) {
            visit.resources.push(resource);
            visit.sensitive.push(sensitive);
        }
    }
    visits.iter_mut().for_each(date);
    Ok(visits)
}

/// What opens a visit: an Encounter or a Composition by its position, or nothing.
struct Opening {
    encounter: Option<usize>,
    composition: Option<usize>,
}

impl Opening {
    fn visit(self, resources: &[Resource], envelope: Envelope) -> Visit {
        let encounter = self.encounter.and_then(|at| resources.get(at));
        let composition = self.composition.and_then(|at| resources.get(at));
        let text = |of: Option<&Resource>, pointer: &str| {
            let text = of?.value().pointer(pointer)?.as_str()?;
            Some(text.to_owned())
        };
        let hospital = text(encounter, "/serviceProvider/reference");
        let mut practitioners = referred(encounter, "participant", "/individual/reference");
        if practitioners.is_empty() {
            practitioners = referred(composition, "author", "/reference");
        }
        let start = encounter.and_then(start_of);
        Visit {
            encounter: encounter.map(name),
            hospital: hospital.or_else(|| text(composition, "/custodian/reference")),
            practitioners,
            start: start.or_else(|| text(composition, "/date")),
            quarter: None,
            resources: Vec::new(),
            envelope,
            sensitive: Vec::new(),
        }
    }
}

/// The texts at `pointer` in the items of a list.
fn referred(of: Option<&Resource>, list: &str, pointer: &str) -> Vec<String> {
    let items = of.and_then(|resource| resource.value().get(list)?.as_array());
    let texts = items
        .into_iter()
        .flatten()
        .filter_map(|item| item.pointer(pointer)?.as_str().map(str::to_owned));
    texts.collect()
}

/// `Encounter.period.start`, else its end, if it is a date.
fn start_of(encounter: &Resource) -> Option<String> {
    let at = |pointer: &str| encounter.value().pointer(pointer)?.as_str();
    let dates = [at("/period/start"), at("/period/end")];
    let found = dates
        .into_iter()
        .flatten()
        .find(|date| quarter(date).is_some());
    found.map(str::to_owned)
}

/// Rule 1.
fn openings(resources: &[Resource]) -> Vec<Opening> {
    let of_type = |kind: &'static str| {
        let all = resources.iter().enumerate();
        all.filter(move |(_, resource)| resource.resource_type() == kind)
    };
    let mut encounters: Vec<(usize, &Resource)> = of_type("Encounter").collect();
    let moment = |resource: &Resource| start_of(resource).and_then(|start| instant(&start));
    encounters.sort_by_key(|(_, resource)| moment(resource).unwrap_or(Timestamp::MAX));
    let composition = of_type("Composition").map(|(at, _)| at).next();
    if encounters.is_empty() {
        let encounter = None;
        return vec![Opening {
            encounter,
            composition,
        }];
    }
    let opening = |(at, _): (usize, &Resource)| Opening {
        encounter: Some(at),
        composition: None,
    };
    encounters.into_iter().map(opening).collect()
}

/// Of what is not split: the Encounter that the Composition names, or the only one.
fn whole(resources: &[Resource], resolver: &Resolver<'_>) -> Opening {
    let of_type = |kind: &'static str| {
        let all = resources.iter().enumerate();
        all.filter(move |(_, resource)| resource.resource_type() == kind)
            .map(|(at, _)| at)
    };
    let composition = of_type("Composition").next();
    let references = composition.and_then(|at| Some((at, resources.get(at)?.all_references())));
    let named = references.and_then(|(at, references)| {
        let of_encounter = |path: &str| path == "Composition.encounter";
        let found = references
            .iter()
            .find(|reference| of_encounter(&reference.path))?;
        resolver.targets(Some(at), found).first().copied()
    });
    let mut encounters = of_type("Encounter");
    let only = encounters.next().filter(|_| encounters.next().is_none());
    Opening {
        encounter: named.or(only),
        composition,
    }
}

/// For each resource, which visit it belongs to.
fn places(resources: &[Resource], openings: &[Opening], resolver: &Resolver<'_>) -> Vec<usize> {
    if openings.len() == 1 {
        return vec![0; resources.len()];
    }
    let leads: Vec<Vec<usize>> = (0..resources.len()).map(|at| resolver.leads(at)).collect();
    let mut opened: Vec<Option<usize>> = vec![None; resources.len()];
    for (place, opening) in openings.iter().enumerate() {
        put(&mut opened, opening.encounter, place);
    }
    // Rule 2.
    let mut of = opened.clone();
    for (at, targets) in leads.iter().enumerate() {
        if let Some(place) = targets.iter().find_map(|to| at_place(&opened, *to)) {
            put(&mut of, Some(at), place);
        }
    }
    // Rule 3. The Patient is of all visits, so references to and from it say nothing.
    for (place, opening) in openings.iter().enumerate() {
        let targets = opening.encounter.and_then(|at| leads.get(at));
        for to in targets.into_iter().flatten() {
            if !is_person(resources, *to) {
                put(&mut of, Some(*to), place);
            }
        }
    }
    // Rule 4, until nothing moves: chains of references are short.
    loop {
        let mut moved = false;
        for (at, targets) in leads.iter().enumerate() {
            if at_place(&of, at).is_some() || is_person(resources, at) {
                continue;
            }
            if let Some(place) = targets.iter().find_map(|to| at_place(&of, *to)) {
                put(&mut of, Some(at), place);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    // Rule 5.
    of.into_iter().map(|place| place.unwrap_or(0)).collect()
}

fn at_place(places: &[Option<usize>], at: usize) -> Option<usize> {
    places.get(at).copied().flatten()
}

/// Puts a resource into a visit, unless it is in one.
fn put(places: &mut [Option<usize>], at: Option<usize>, place: usize) {
    if let Some(found) = at.and_then(|at| places.get_mut(at)) {
        found.get_or_insert(place);
    }
}

fn is_person(resources: &[Resource], at: usize) -> bool {
    resources
        .get(at)
        .is_some_and(|resource| resource.resource_type() == "Patient")
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

/// Dates a visit by what is in it, where its Encounter or Composition does not.
fn date(visit: &mut Visit) {
    let dated = visit.start.take().filter(|start| quarter(start).is_some());
    let found = visit.resources.iter().filter_map(date_of);
    let earliest = || {
        let dates = found.filter_map(|date| Some((instant(date)?, date)));
        dates
            .min_by_key(|(instant, _)| *instant)
            .map(|(_, date)| date.to_owned())
    };
    visit.start = dated.or_else(earliest);
    visit.quarter = visit.start.as_deref().and_then(quarter);
}

/// When what a resource tells was found, done, given or written. When an illness began is no date
/// of care.
fn date_of(resource: &Resource) -> Option<&str> {
    const DATES: [&str; 18] = [
        "/effectiveDateTime",
        "/effectiveInstant",
        "/effectivePeriod/start",
        "/performedDateTime",
        "/performedPeriod/start",
        "/occurrenceDateTime",
        "/occurrencePeriod/start",
        "/started",
        "/whenHandedOver",
        "/whenPrepared",
        "/authoredOn",
        "/authored",
        "/recordedDate",
        "/assertedDate",
        "/issued",
        "/date",
        "/dateTime",
        "/created",
    ];
    let value = resource.value();
    let mut found = DATES
        .iter()
        .filter_map(|pointer| value.pointer(pointer).and_then(Value::as_str));
    found.find(|date| quarter(date).is_some())
}

/// The quarter of a FHIR date or dateTime, which begins with the year and, if it is known, the
/// month.
fn quarter(date: &str) -> Option<Quarter> {
    let mut parts = date.splitn(3, '-');
    let year = parts.next()?.parse().ok()?;
    let month = parts.next().map_or(Some(1), |month| month.parse().ok())?;
    Quarter::from_date(year, month).ok()
}

/// The moment of a dateTime, or of the beginning of a date in UTC.
fn instant(date: &str) -> Option<Timestamp> {
    if date.contains('T') {
        return date.parse().ok();
    }
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i16>().ok());
    let year = parts.next()??;
    let mut part = || {
        parts.next().map_or(Some(1), |part| {
            part.and_then(|part| i8::try_from(part).ok())
        })
    };
    let date = Date::new(year, part()?, part()?).ok()?;
    let midnight = date.to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp())
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
        assert_eq!(visits[0].quarter.unwrap().to_string(), "2019-Q1");
        assert_eq!(visits[1].quarter.unwrap().to_string(), "2024-Q2");
    }

    #[test]
    fn care_without_an_encounter_or_a_date_is_care() {
        let none = r#"{"resourceType":"Bundle","type":"collection","entry":[]}"#;
        assert_eq!(visits(bundle(none)).unwrap_err(), GroupingError::NoResource);
        let no_start = TWO_VISITS.replace("\"start\":\"2024-05-01\"", "\"end\":\"2024-05-01\"");
        let by_end = visits(bundle(&no_start)).unwrap();
        assert_eq!(by_end[1].quarter.unwrap().to_string(), "2024-Q2");
        let undated = TWO_VISITS.replace("\"start\":\"2019-02-01T08:00:00Z\"", "\"id\":\"x\"");
        let visits = visits(bundle(&undated)).unwrap();
        assert_eq!(
            visits[1].encounter.as_deref(),
            Some("urn:uuid:early"),
            "undated ones are last"
        );
        assert_eq!(
            (visits[1].quarter, visits[1].start.as_deref()),
            (None, None)
        );
    }

    #[test]
    fn visits_are_ordered_by_moments_and_their_quarter_is_the_hospitals_own() {
        let zones = TWO_VISITS
            .replace("2024-05-01", "2026-06-30T23:30:00-10:00")
            .replace("2019-02-01T08:00:00Z", "2026-07-01T01:00:00+14:00");
        let visits = visits(bundle(&zones)).unwrap();
        let quarters: Vec<_> = visits
            .iter()
            .map(|visit| visit.quarter.unwrap().to_string())
            .collect();
        assert_eq!(quarters, ["2026-Q3", "2026-Q2"]);
        assert_eq!(visits[0].encounter.as_deref(), Some("urn:uuid:early"));
    }
}
