//! Who is called what: members and certified people by their names, and a certified person with his
//! keys.
//!
//! Names are not unique on the chain; two of one name are told apart by their ids, never guessed
//! between.

use std::collections::BTreeMap;

use yilian_crypto::seed::{MemberKeys, Seed};
use yilian_protocol::{
    CertificateId, MemberId, TimeMs,
    call::Transport,
    refusal::Refusal,
    registry::{Certificate, CertificateEntry, MemberEntry},
    standing::CertifiedPerson,
};

use crate::{ClientError, Doctor, MemberCa, Session, names, regulator::Regulator, trace::Handler};

/// A certified person: a seed, and the certificate of the keys that come from it.
#[derive(Debug)]
pub struct Person {
    seed: Seed,
    certificate: Certificate,
}

/// The keys that come from `seed`, when they are those of `certificate`.
///
/// # Errors
/// [`ClientError::NotForMe`] when the certificate is for other keys.
pub(crate) fn own_keys(seed: &Seed, certificate: &Certificate) -> Result<MemberKeys, ClientError> {
    let keys = MemberKeys::from_seed(seed);
    if !are_keys_of(&keys, certificate) {
        return Err(ClientError::NotForMe {
            reader: certificate.id(),
        });
    }
    Ok(keys)
}

/// Whether `certificate` is for `keys`, all of them.
pub(crate) fn are_keys_of(keys: &MemberKeys, certificate: &Certificate) -> bool {
    keys.signing.verifying_key() == certificate.signing
        && keys.delegatee.public() == certificate.delegatee
        && keys.writer.public() == certificate.writer
        && *keys.kem.public() == certificate.kem
}

impl Person {
    /// The person of `seed`, who was certified as `certificate`.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when the certificate is for other keys.
    pub fn new(seed: Seed, certificate: Certificate) -> Result<Self, ClientError> {
        own_keys(&seed, &certificate)?;
        Ok(Self { seed, certificate })
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The person as one who writes or reads records.
    ///
    /// # Errors
    /// As [`Doctor::new`].
    pub fn doctor(&self) -> Result<Doctor, ClientError> {
        Doctor::new(&self.seed, &self.certificate)
    }

    /// The person as one who handles medicines.
    ///
    /// # Errors
    /// As [`Handler::new`].
    pub fn handler(&self) -> Result<Handler, ClientError> {
        Handler::new(&self.seed, &self.certificate)
    }

    /// The person as one who opens identities.
    ///
    /// # Errors
    /// As [`Regulator::new`].
    pub fn regulator(&self) -> Result<Regulator, ClientError> {
        Regulator::new(&self.seed, &self.certificate)
    }

    /// A certificate for the same keys, name and role at another time; `ca` has yet to register it.
    #[must_use]
    pub fn renewed(&self, ca: &MemberCa, from: TimeMs, until: TimeMs) -> Certificate {
        let Certificate {
            subject,
            person,
            role,
            ..
        } = &self.certificate;
        Certificate {
            person: *person,
            ..ca.certificate(subject.clone(), *role, &self.seed, from, until)
        }
    }
}

/// A member, and everybody whom it certified.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Organisation {
    /// The member's id.
    pub id: MemberId,
    /// Its entry in the registry.
    #[serde(flatten)]
    pub member: MemberEntry,
    /// The certificates that it issued, in their order.
    pub certificates: Vec<CertificateEntry>,
}

impl Organisation {
    /// Whether the person of one of its certificates is in good standing at `now`.
    ///
    /// # Errors
    /// The rule by which not.
    pub fn standing(&self, entry: &CertificateEntry, now: TimeMs) -> Result<(), Refusal> {
        CertifiedPerson::new(entry.clone(), self.member.clone())?.standing(now)
    }
}

/// All members with their people, in the order in which they were admitted.
///
/// # Errors
/// When the node does not answer, or its proofs do not verify.
pub async fn registry<T: Transport>(
    session: &Session<T>,
) -> Result<Vec<Organisation>, ClientError> {
    let mut registry = Vec::new();
    for member in session.members().await? {
        let id = member.member.id();
        let certificates = session.certificates(id).await?;
        registry.push(Organisation {
            id,
            member,
            certificates,
        });
    }
    Ok(registry)
}

/// The person certified as `id` among all people: nobody is asked about one of them alone.
///
/// # Errors
/// [`Refusal::CertificateUnknown`] when there is none.
pub fn certified(registry: &[Organisation], id: CertificateId) -> Result<CertifiedPerson, Refusal> {
    let all = registry.iter().flat_map(|member| {
        let certificates = member.certificates.iter();
        certificates.map(move |entry| (member, entry))
    });
    let mut found = all.filter(|(_, entry)| entry.certificate.id() == id);
    let (member, entry) = found.next().ok_or(Refusal::CertificateUnknown)?;
    CertifiedPerson::new(entry.clone(), member.member.clone())
}

/// The one member that is called `name`.
///
/// # Errors
/// [`ClientError::NoMember`] or [`ClientError::SeveralMembers`]; else when the node does not
/// answer.
pub async fn member<T: Transport>(
    session: &Session<T>,
    name: &str,
) -> Result<MemberId, ClientError> {
    member_among(&session.members().await?, name)
}

/// The one of `members` that is called `name`.
///
/// # Errors
/// [`ClientError::NoMember`] or [`ClientError::SeveralMembers`].
pub fn member_among(members: &[MemberEntry], name: &str) -> Result<MemberId, ClientError> {
    let named = members.iter().map(|entry| &entry.member);
    let mut named = named.filter(|member| member.name.as_str() == name);
    let name = name.to_owned();
    match (named.next(), named.next()) {
        (None, _) => {
            let known = members.iter().map(|entry| entry.member.name.as_str());
            let meant = names::meant(&name, known);
            Err(ClientError::NoMember { name, meant })
        }
        (Some(one), None) => Ok(one.id()),
        (Some(one), Some(other)) => {
            let both = [one.id(), other.id()];
            Err(ClientError::SeveralMembers { name, both })
        }
    }
}

/// The certificate that holds at `now` of the one person who is called `name`, whatever the member.
/// Of a person with several, the one that ends last.
///
/// # Errors
/// [`ClientError::NoPerson`] when nobody was ever certified under this name, the rule by which the
/// last certificate does not hold when none does, [`ClientError::SeveralPeople`] when certificates
/// of different keys do.
pub fn person<'a>(
    registry: &'a [Organisation],
    name: &str,
    now: TimeMs,
) -> Result<&'a CertificateEntry, ClientError> {
    let all = registry.iter().flat_map(|member| {
        let certificates = member.certificates.iter();
        certificates.map(move |entry| (member, entry))
    });
    let mut named: Vec<_> = all
        .filter(|(_, entry)| entry.certificate.subject.as_str() == name)
        .collect();
    named.sort_by_key(|(_, entry)| entry.certificate.valid_until);
    let name = name.to_owned();
    let standing =
        |(member, entry): &(&Organisation, &CertificateEntry)| member.standing(entry, now);
    let mut valid = named.iter().rev().filter(|named| standing(named).is_ok());
    let Some((_, one)) = valid.next() else {
        let last = named.last().map(standing);
        last.unwrap_or(Ok(()))?;
        let all = registry.iter().flat_map(|member| &member.certificates);
        let meant = names::meant(&name, all.map(|entry| entry.certificate.subject.as_str()));
        return Err(ClientError::NoPerson { name, meant });
    };
    match valid.find(|(_, entry)| !is_renewal(&entry.certificate, &one.certificate)) {
        None => Ok(*one),
        Some((_, other)) => {
            let both = [one.certificate.id(), other.certificate.id()];
            Err(ClientError::SeveralPeople { name, both })
        }
    }
}

/// A renewed certificate is for the same keys.
fn is_renewal(one: &Certificate, other: &Certificate) -> bool {
    one.member == other.member && one.signing == other.signing
}

/// What every member is called.
///
/// # Errors
/// When the node does not answer, or its proofs do not verify.
pub async fn names<T: Transport>(
    session: &Session<T>,
) -> Result<BTreeMap<MemberId, String>, ClientError> {
    let members = session.members().await?;
    let named = members.iter().map(|entry| &entry.member);
    Ok(named
        .map(|member| (member.id(), member.name.to_string()))
        .collect())
}
