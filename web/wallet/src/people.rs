//! Who there is, as pages show it.

use serde::Serialize;
use tsify::Tsify;
use yilian_client::{
    HttpTransport, Session,
    people::{self, Organisation},
};
use yilian_protocol::{TimeMs, registry::CertificateEntry};

use crate::trouble::Trouble;

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

impl PeopleView {
    /// All people, as they are at `now`.
    pub(crate) async fn of(session: &Session<HttpTransport>, now: TimeMs) -> Result<Self, Trouble> {
        let registry = people::registry(session).await?;
        let members = registry.iter().map(|one| member(one, now));
        Ok(Self {
            members: members.collect(),
        })
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
