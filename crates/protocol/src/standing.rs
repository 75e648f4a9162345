//! Whether a person may act, or might at some moment: the one place that says so.
//!
//! A certificate alone says nothing: the member that issued it may be suspended, expelled, or never
//! have been admitted. So whoever asks brings both entries of the registry, as a
//! [`CertifiedPerson`].

use crate::{
    ids::TimeMs,
    refusal::Refusal,
    registry::{Certificate, CertificateEntry, MemberEntry, Standing},
};

/// A certified person: what the registry says of the certificate, and of the member that issued it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedPerson {
    certificate: CertificateEntry,
    member: MemberEntry,
}

impl CertifiedPerson {
    /// The person of these two entries.
    ///
    /// # Errors
    /// [`Refusal::ForeignMember`] when another member issued the certificate.
    pub fn new(certificate: CertificateEntry, member: MemberEntry) -> Result<Self, Refusal> {
        if certificate.certificate.member != member.member.id() {
            return Err(Refusal::ForeignMember);
        }
        Ok(Self {
            certificate,
            member,
        })
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate.certificate
    }

    /// What the registry says of the certificate.
    #[must_use]
    pub const fn entry(&self) -> &CertificateEntry {
        &self.certificate
    }

    /// What the registry says of the member.
    #[must_use]
    pub const fn member(&self) -> &MemberEntry {
        &self.member
    }

    /// Whether the person was in good standing at `moment`: certified and registered, not revoked,
    /// and of a member that might act. What was done in good standing stays good afterwards.
    ///
    /// # Errors
    /// The first rule by which not.
    pub fn standing(&self, moment: TimeMs) -> Result<(), Refusal> {
        let CertificateEntry {
            certificate,
            admitted,
            revoked,
        } = &self.certificate;
        if moment < certificate.valid_from || moment < admitted.time {
            return Err(Refusal::CertificateNotYetValid);
        }
        if moment >= certificate.valid_until {
            return Err(Refusal::CertificateExpired);
        }
        if revoked
            .as_ref()
            .is_some_and(|revoked| moment >= revoked.admitted.time)
        {
            return Err(Refusal::CertificateRevoked);
        }
        might_act(&self.member, moment)
    }

    /// Whether both are one human being, as far as members tell: the same person, or a key in
    /// common.
    #[must_use]
    pub fn is_one_with(&self, other: &Self) -> bool {
        let (one, other) = (self.certificate(), other.certificate());
        one.person == other.person
            || one.signing == other.signing
            || one.delegatee == other.delegatee
            || one.writer == other.writer
            || one.kem == other.kem
    }
}

/// Whether a member might act at `moment`.
fn might_act(entry: &MemberEntry, moment: TimeMs) -> Result<(), Refusal> {
    if moment < entry.admitted.time {
        return Err(Refusal::MemberUnknown);
    }
    let idle = entry.standing != Standing::Active && moment >= entry.since.time;
    let was_idle = entry
        .suspensions
        .iter()
        .any(|past| (past.from.time..past.until.time).contains(&moment));
    if idle || was_idle {
        return Err(Refusal::MemberSuspended);
    }
    Ok(())
}
