//! Who there is, and the code for a visit.

use rand::rng;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    CheckIn, ClientError,
    people::{self, Organisation},
};
use yilian_protocol::{TimeMs, registry::CertificateEntry};

use super::{PatientClient, id, moment};
use crate::{
    shared::{json, told},
    trouble::Trouble,
};

/// All members with their people; proven.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct PeopleView {
    /// The members, in the order in which they were admitted.
    pub members: Vec<MemberPeople>,
}

/// A member and its people.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct MemberPeople {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it may act now.
    pub acts: bool,
    /// Everybody whom it ever certified.
    pub people: Vec<PersonView>,
}

/// A certificate of a person.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct PersonView {
    /// Its id.
    pub certificate: String,
    /// The person's name.
    pub name: String,
    /// What he may do.
    pub role: String,
    /// Whether it holds now.
    pub valid: bool,
    /// Whether he may read what patients open.
    pub reads: bool,
}

/// The code for a visit.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct TokenView {
    /// The hospital.
    pub hospital: String,
    /// What is scanned: letters and digits, without the keys of the mailbox.
    pub code: String,
    /// The file that `yilian patient check-in` writes.
    pub file: String,
    /// When it is no longer good.
    pub expires: u64,
    /// Whether the visit stays outside every grant.
    pub private: bool,
}

#[wasm_bindgen]
impl PatientClient {
    /// Who there is.
    ///
    /// # Errors
    /// When the node does not answer, or its proofs do not verify.
    pub async fn people(&self, now: f64) -> Result<Ts<PeopleView>, Trouble> {
        let now = moment(now)?;
        let registry = people::registry(&self.session).await?;
        let members = registry.iter().map(|one| member(one, now));
        told(&PeopleView {
            members: members.collect(),
        })
    }

    /// Makes the code for a visit to `hospital`. The visit is noted and kept before it is told.
    ///
    /// # Errors
    /// [`crate::trouble::Fault::NotKept`] when it cannot be kept.
    #[wasm_bindgen(js_name = checkIn)]
    pub async fn check_in(
        &self,
        hospital: String,
        private: bool,
        now: f64,
    ) -> Result<Ts<TokenView>, Trouble> {
        let hospital = id(&hospital)?;
        // A code for nobody would be a dead end at the counter.
        let entry = self.session.member(hospital).await?;
        entry.may_act().map_err(ClientError::from)?;
        let request = CheckIn {
            private,
            ..CheckIn::at(hospital, moment(now)?)
        };
        let change = self.change()?;
        let mut patient = self.patient()?;
        let token = patient.check_in(&self.session, request, &mut rng());
        let made = json(&token).map(|file| TokenView {
            hospital: hospital.to_string(),
            code: token.code(),
            file,
            expires: request.expires.get(),
            private,
        });
        told(&change.end(&patient, made).await?)
    }
}

fn member(organisation: &Organisation, now: TimeMs) -> MemberPeople {
    let entry = &organisation.member;
    let certificates = organisation.certificates.iter();
    MemberPeople {
        id: organisation.id.to_string(),
        name: entry.member.name.to_string(),
        acts: entry.may_act().is_ok(),
        people: certificates
            .map(|certificate| person(organisation, certificate, now))
            .collect(),
    }
}

fn person(organisation: &Organisation, entry: &CertificateEntry, now: TimeMs) -> PersonView {
    let certificate = &entry.certificate;
    PersonView {
        certificate: certificate.id().to_string(),
        name: certificate.subject.to_string(),
        role: certificate.role.name().to_owned(),
        valid: organisation.standing(entry, now).is_ok(),
        reads: certificate.role.reads_records(),
    }
}
