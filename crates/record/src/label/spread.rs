//! How sensitivity spreads among the resources that came together, of all visits.
//!
//! - Up: whatever refers to a sensitive resource is sensitive, since the two have in common what is
//!   to tell (an Encounter whose reason is a sensitive Condition, a prescription of a sensitive
//!   Medication).
//! - Down: the pieces of a sensitive whole are sensitive (the results of a report, the entries of a
//!   document, the medication of a prescription, the file of a document reference).
//!
//! Persons and places are what everything refers to: they inherit nothing. A place may be sensitive
//! by itself (a psychiatric ward), and then it spreads.
//!
//! Where references lead, [`Resolver`] tells.

use crate::fhir::{Reference, Resolver, Resource, urls};

/// Members, or their beginnings, whose references lead to pieces of the resource.
const PIECES: &[(&str, &[&str])] = &[
    ("CarePlan", &["activity"]),
    ("Composition", &["section"]),
    (
        "DiagnosticReport",
        &["result", "media", "imagingStudy", "presentedForm"],
    ),
    ("DocumentManifest", &["content"]),
    ("DocumentReference", &["content"]),
    ("List", &["entry"]),
    ("Media", &["content"]),
    ("Observation", &["hasMember"]),
    ("MedicationAdministration", &["medication"]),
    ("MedicationDispense", &["medication"]),
    ("MedicationRequest", &["medication"]),
    ("MedicationStatement", &["medication"]),
    ("Immunization", &["reaction"]),
];

/// Whether each resource is sensitive, when `own` tells which are by themselves.
pub(super) fn spread(resources: &[Resource], own: Vec<bool>) -> Vec<bool> {
    let (up, down) = edges(resources);
    let mut sensitive = own;
    let marked = sensitive.iter().enumerate().filter(|(_, marked)| **marked);
    let mut open: Vec<usize> = marked.map(|(place, _)| place).collect();
    while let Some(place) = open.pop() {
        let reached = [&up, &down]
            .into_iter()
            .filter_map(|edges| edges.get(place))
            .flatten();
        for &other in reached {
            if let Some(marked) = sensitive.get_mut(other).filter(|marked| !**marked) {
                *marked = true;
                open.push(other);
            }
        }
    }
    sensitive
}

/// Who refers to each resource, and the pieces of each; without those that inherit nothing.
fn edges(resources: &[Resource]) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let resolver = Resolver::in_doubt(resources);
    let inherits: Vec<bool> = resources.iter().map(inherits).collect();
    let inherits = |place: usize| inherits.get(place).copied().unwrap_or(false);
    let mut up = vec![Vec::new(); resources.len()];
    let mut down = vec![Vec::new(); resources.len()];
    for (place, resource) in resources.iter().enumerate() {
        for (target, piece) in leads(&resolver, place, resource) {
            if let (Some(referrers), true) = (up.get_mut(target), inherits(place)) {
                referrers.push(place);
            }
            if let (Some(pieces), true) = (down.get_mut(place), piece && inherits(target)) {
                pieces.push(target);
            }
        }
    }
    (up, down)
}

/// Whether sensitivity spreads to a resource.
fn inherits(resource: &Resource) -> bool {
    !matches!(
        resource.resource_type().as_str(),
        "Patient"
            | "RelatedPerson"
            | "Person"
            | "Coverage"
            | "Organization"
            | "Practitioner"
            | "PractitionerRole"
            | "Location"
            | "HealthcareService"
            | "Endpoint"
    )
}

/// What a resource refers to, and whether as to a piece of itself: references, and the addresses of
/// attachments.
fn leads(resolver: &Resolver<'_>, place: usize, resource: &Resource) -> Vec<(usize, bool)> {
    let kind = resource.resource_type().as_str();
    let pieces = PIECES.iter().find(|(whole, _)| *whole == kind);
    let pieces = pieces.map_or(&[][..], |(_, members)| *members);
    let is_piece = |name: &str| pieces.iter().any(|piece| name.starts_with(piece));
    let mut found = Vec::new();
    for reference in resource.all_references() {
        let member = reference.path.split('.').nth(1).unwrap_or_default();
        let piece = is_piece(member);
        let targets = resolver.targets(Some(place), &reference);
        found.extend(targets.into_iter().map(|target| (target, piece)));
    }
    for (name, member) in resource.value().as_object().into_iter().flatten() {
        let piece = is_piece(name);
        for url in urls(member) {
            let targets = resolver.targets(Some(place), &Reference::to(url));
            found.extend(targets.into_iter().map(|target| (target, piece)));
        }
    }
    found
}
