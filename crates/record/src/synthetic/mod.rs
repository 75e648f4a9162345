//! Synthetic patients, Chinese and English, as FHIR R4 bundles: the same seed gives the same
//! people, so a demonstration needs no other input.
//!
//! Bundles have the shape of imported ones: hospitals, practitioners, then one bundle for each
//! patient. Diagnoses are plausible, names are invented, and some visits are psychiatric, for HIV
//! or for substance use, so that every level of confidentiality occurs.

mod random;
mod tables;

use serde_json::{Value, json};

use self::{
    random::Random,
    tables::{
        CASES, Case, FAMILY_CHINESE, FAMILY_ENGLISH, GIVEN_CHINESE, GIVEN_ENGLISH, HOSPITALS,
    },
};

/// Patients one population gives at most.
pub const PATIENTS_MAX: usize = 10_000;
/// The first year of care.
const FIRST_YEAR: u64 = 2015;
/// Years of care, up to the end of 2025.
const YEARS: u64 = 11;

/// All people of one seed.
#[derive(Debug, Clone, Copy)]
pub struct Population {
    seed: u64,
}

impl Population {
    /// The people of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The hospitals, as a transaction bundle.
    #[must_use]
    pub fn hospitals(&self) -> Vec<u8> {
        let entries = HOSPITALS.iter().enumerate().map(|(place, (name, _))| {
            let id = self.id("hospital", place as u64, 0);
            let resource = json!({
                "resourceType": "Organization",
                "id": id,
                "active": true,
                "name": name,
            });
            entry(&id, resource)
        });
        bundle(entries.collect())
    }

    /// The practitioners, one for each hospital, as a transaction bundle.
    #[must_use]
    pub fn practitioners(&self) -> Vec<u8> {
        let entries = HOSPITALS.iter().enumerate().map(|(place, (_, chinese))| {
            let id = self.id("practitioner", place as u64, 0);
            let mut random = Random::new(self.seed, "practitioner", place as u64);
            let (family, given) = person_name(&mut random, *chinese);
            let resource = json!({
                "resourceType": "Practitioner",
                "id": id,
                "active": true,
                "name": [{ "family": family, "given": [given] }],
            });
            entry(&id, resource)
        });
        bundle(entries.collect())
    }

    /// The bundles of the first `count` patients, at most [`PATIENTS_MAX`], made as they are asked
    /// for.
    pub fn patients(self, count: usize) -> impl Iterator<Item = Vec<u8>> {
        (0..count.min(PATIENTS_MAX) as u64).map(move |number| self.patient(number))
    }

    fn patient(&self, number: u64) -> Vec<u8> {
        let mut random = Random::new(self.seed, "patient", number);
        let chinese = random.below(2) == 0;
        let (family, given) = person_name(&mut random, chinese);
        let birth_year = 1935 + random.below(80);
        let birth = format!(
            "{birth_year}-{:02}-{:02}",
            1 + random.below(12),
            1 + random.below(28)
        );
        let id = self.id("patient", number, 0);
        let text = if chinese {
            format!("{family}{given}")
        } else {
            format!("{given} {family}")
        };
        let patient = json!({
            "resourceType": "Patient",
            "id": id,
            "identifier": [{ "system": "urn:yilian:synthetic", "value": format!("{number:06}") }],
            "name": [{ "text": text, "family": family, "given": [given] }],
            "gender": if random.below(2) == 0 { "female" } else { "male" },
            "birthDate": birth,
        });
        let mut entries = vec![entry(&id, patient)];
        for visit in 0..2 + random.below(4) {
            entries.extend(self.visit(&mut random, number, visit, birth_year, chinese));
        }
        bundle(entries)
    }

    fn visit(
        &self,
        random: &mut Random,
        patient: u64,
        number: u64,
        birth_year: u64,
        chinese: bool,
    ) -> Vec<Value> {
        let hospitals: Vec<usize> = HOSPITALS
            .iter()
            .enumerate()
            .filter_map(|(place, (_, of_chinese))| (*of_chinese == chinese).then_some(place))
            .collect();
        let hospital = *random.choose(&hospitals).unwrap_or(&0) as u64;
        let case = random.choose(CASES).copied().unwrap_or(Case::CHECK_UP);
        // Born before they are seen: the first year of care, or the year after birth.
        let year = FIRST_YEAR.max(birth_year + 1) + random.below(YEARS);
        let day = format!(
            "{}-{:02}-{:02}",
            year.min(2025),
            1 + random.below(12),
            1 + random.below(28)
        );
        let at = format!("{day}T{:02}:30:00Z", 8 + random.below(9));
        let visit = Visit {
            patient: reference(&self.id("patient", patient, 0)),
            encounter: self.id("encounter", patient, number),
            at,
            chinese,
            case,
        };
        let seen_by = json!({ "reference": reference(&self.id("practitioner", hospital, 0)) });
        let provider = json!({ "reference": reference(&self.id("hospital", hospital, 0)) });
        let mut entries = vec![visit.encounter(seen_by, provider)];
        entries.push(visit.condition(&self.id("condition", patient, number)));
        if case.value_loinc.is_some() {
            let value = case.low + random.below(case.high - case.low + 1);
            entries.push(visit.observation(&self.id("observation", patient, number), value));
        }
        if case.atc.is_some() {
            entries.push(visit.medication(&self.id("medication", patient, number)));
        }
        entries
    }

    /// A name-based UUID (RFC 9562, version 8).
    fn id(&self, kind: &str, number: u64, part: u64) -> String {
        let mut random = Random::new(
            self.seed,
            kind,
            number.wrapping_mul(1 << 20).wrapping_add(part),
        );
        let (high, low) = (random.next(), random.next());
        let variant = 0x8000 | (low >> 48 & 0x3fff);
        format!(
            "{:08x}-{:04x}-8{:03x}-{variant:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low & 0xffff_ffff_ffff,
        )
    }
}

struct Visit {
    patient: String,
    encounter: String,
    at: String,
    chinese: bool,
    case: Case,
}

impl Visit {
    fn encounter(&self, practitioner: Value, hospital: Value) -> Value {
        let resource = json!({
            "resourceType": "Encounter",
            "id": self.encounter,
            "status": "finished",
            "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
            "subject": { "reference": self.patient },
            "participant": [{ "individual": practitioner }],
            "period": { "start": self.at, "end": self.at },
            "reasonCode": [self.diagnosis()],
            "serviceProvider": hospital,
        });
        entry(&self.encounter, resource)
    }

    fn condition(&self, id: &str) -> Value {
        let resource = json!({
            "resourceType": "Condition",
            "id": id,
            "subject": { "reference": self.patient },
            "encounter": { "reference": reference(&self.encounter) },
            "code": self.diagnosis(),
            "recordedDate": self.at,
        });
        entry(id, resource)
    }

    fn observation(&self, id: &str, value: u64) -> Value {
        let (code, display) = self.case.value_loinc.unwrap_or(("8867-4", "Heart rate"));
        let resource = json!({
            "resourceType": "Observation",
            "id": id,
            "status": "final",
            "code": { "coding": [{ "system": "http://loinc.org", "code": code, "display": display }] },
            "subject": { "reference": self.patient },
            "encounter": { "reference": reference(&self.encounter) },
            "effectiveDateTime": self.at,
            "valueQuantity": { "value": value, "unit": self.case.unit },
        });
        entry(id, resource)
    }

    fn medication(&self, id: &str) -> Value {
        let (code, display) = self.case.atc.unwrap_or(("N02BE01", "paracetamol"));
        let resource = json!({
            "resourceType": "MedicationRequest",
            "id": id,
            "status": "completed",
            "intent": "order",
            "medicationCodeableConcept":
                { "coding": [{ "system": "http://www.whocc.no/atc", "code": code, "display": display }] },
            "subject": { "reference": self.patient },
            "encounter": { "reference": reference(&self.encounter) },
            "authoredOn": self.at,
        });
        entry(id, resource)
    }

    fn diagnosis(&self) -> Value {
        let Case {
            icd,
            english,
            chinese,
            ..
        } = self.case;
        let display = if self.chinese { chinese } else { english };
        json!({
            "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": icd, "display": display }],
            "text": display,
        })
    }
}

fn person_name(random: &mut Random, chinese: bool) -> (&'static str, &'static str) {
    let (families, given) = if chinese {
        (FAMILY_CHINESE, GIVEN_CHINESE)
    } else {
        (FAMILY_ENGLISH, GIVEN_ENGLISH)
    };
    let pick = |random: &mut Random, list: &[&'static str]| random.choose(list).copied();
    (
        pick(random, families).unwrap_or("Li"),
        pick(random, given).unwrap_or("An"),
    )
}

fn reference(id: &str) -> String {
    format!("urn:uuid:{id}")
}

fn entry(id: &str, resource: Value) -> Value {
    let kind = resource.get("resourceType").cloned().unwrap_or_default();
    json!({
        "fullUrl": reference(id),
        "resource": resource,
        "request": { "method": "POST", "url": kind },
    })
}

fn bundle(entries: Vec<Value>) -> Vec<u8> {
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    bundle.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        encounter::visits,
        fhir::{Bundle, Directory},
        label::parts,
    };

    #[test]
    fn the_same_seed_gives_the_same_people() {
        let people = |seed| Population::new(seed).patients(5).collect::<Vec<_>>();
        assert_eq!(people(7), people(7));
        assert_ne!(people(7), people(8));
    }

    #[test]
    fn everybody_is_valid_and_every_level_of_confidentiality_occurs() {
        let population = Population::new(2026);
        let mut known = Directory::default();
        for bytes in [population.hospitals(), population.practitioners()] {
            let bundle = Bundle::parse(&bytes).unwrap();
            bundle.validate(&known).unwrap();
            known.extend(bundle.resources());
        }
        let mut levels = BTreeSet::new();
        for bytes in population.patients(100) {
            let bundle = Bundle::parse(&bytes).unwrap();
            bundle.validate(&known).unwrap();
            let count = bundle.resources().count();
            let visits = visits(bundle).unwrap();
            assert_eq!(
                visits
                    .iter()
                    .map(|visit| visit.resources.len())
                    .sum::<usize>(),
                count
            );
            for visit in &visits {
                assert!(visit.hospital.is_some());
                levels.extend(parts(visit).iter().map(|part| part.confidentiality));
            }
        }
        assert_eq!(levels.len(), 4);
    }
}
