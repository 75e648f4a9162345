//! Who is who: the genesis, member organisations, and the certificates of the people who act for
//! them.

use schemars::JsonSchema;
use yilian_crypto::{
    kem::{KemPublic, KemSecret},
    pre::DelegateePublic,
    pseudonym::RegulatorPublic,
    search::WriterPublic,
    sign::{SigningKey, VerifyingKey},
};

use crate::{
    codec::{Blob, DecodeError, Encode, List, Text, canonical, named_codes},
    fixed,
    governance::Governance,
    ids::{CertificateId, ChainId, Height, MemberId, TimeMs},
    limits::{CERTIFICATE_DAYS_MAX, MEMBERS_MAX, NAME_MAX, REASON_MAX},
    refusal::Refusal,
};

/// Bytes of the group key that finality certificates verify under: a compressed point of G2.
pub const GROUP_KEY_SIZE: usize = 96;

/// What all parties of one chain agree on before its first block. Its hash is the [`ChainId`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Genesis {
    /// The consortium's name, for people.
    pub name: Text<NAME_MAX>,
    /// When the chain was made.
    pub created: TimeMs,
    /// The consortium's CA: admits members.
    #[serde(with = "fixed::Hex::<VerifyingKey>")]
    pub ca: VerifyingKey,
    /// The regulators' key, to which every visit's identity is escrowed.
    #[serde(with = "fixed::Hex::<RegulatorPublic>")]
    pub regulators: RegulatorPublic,
    /// The validators' group key ([`GROUP_KEY_SIZE`] bytes): a header certified under it is final.
    pub group_key: Blob<GROUP_KEY_SIZE>,
    /// How validators follow each other, and who begins.
    pub governance: Governance,
}
canonical!(Genesis {
    name,
    created,
    ca,
    regulators,
    group_key,
    governance
});

impl Genesis {
    /// The chain this genesis begins.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        ChainId::hash_of(&[&self.to_vec()])
    }
}

named_codes! {
    /// What a certified person may do. Patients hold no certificate: they act under pseudonyms.
    pub enum Role {
        /// Runs a member's services.
        Admin = 1 "admin",
        /// Treats patients: signs records and reads what patients open.
        Doctor = 2 "doctor",
        /// Dispenses medicines.
        Pharmacist = 3 "pharmacist",
        /// Makes medicines.
        Maker = 4 "maker",
        /// Carries medicines.
        Courier = 5 "courier",
        /// Asks for studies.
        Researcher = 6 "researcher",
        /// Oversees the consortium.
        Regulator = 7 "regulator",
    }
}

impl Role {
    /// Whether the role may sign records of care.
    #[must_use]
    pub const fn signs_records(self) -> bool {
        matches!(self, Self::Doctor | Self::Pharmacist)
    }

    /// Whether the role may read a patient's records when the patient opens them.
    #[must_use]
    pub const fn reads_records(self) -> bool {
        matches!(self, Self::Doctor | Self::Pharmacist)
    }
}

/// A member organisation of the consortium.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Member {
    /// Its name, for people.
    pub name: Text<NAME_MAX>,
    /// Its CA: certifies its people.
    #[serde(with = "fixed::Hex::<VerifyingKey>")]
    pub ca: VerifyingKey,
    /// Its node: seals visits in its name.
    #[serde(with = "fixed::Hex::<VerifyingKey>")]
    pub node: VerifyingKey,
    /// Deposits are sealed to this key of its node.
    #[serde(with = "fixed::Hex::<KemPublic>")]
    pub kem: KemPublic,
}
canonical!(Member {
    name,
    ca,
    node,
    kem
});

/// The public keys of a member's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeKeys {
    /// Verifies what the node signs.
    pub signing: VerifyingKey,
    /// Messages are sealed to it.
    pub kem: KemPublic,
}

impl NodeKeys {
    /// Of the node that signs with `key`.
    #[must_use]
    pub fn of(key: &SigningKey) -> Self {
        Self {
            signing: key.verifying_key(),
            kem: KemSecret::of_node(key).public().clone(),
        }
    }
}

impl Member {
    /// Its id: the hash of its CA key, which it keeps for life.
    #[must_use]
    pub fn id(&self) -> MemberId {
        MemberId::hash_of(&[&self.ca.to_bytes()])
    }
}

/// Binds a person of a member organisation to a role and four keys for a time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Certificate {
    /// The person's name, as it stands under a record.
    pub subject: Text<NAME_MAX>,
    /// The organisation the person acts for.
    pub member: MemberId,
    /// What the person may do.
    pub role: Role,
    /// Verifies the person's signatures.
    #[serde(with = "fixed::Hex::<VerifyingKey>")]
    pub signing: VerifyingKey,
    /// Patients' records are re-encapsulated to this key.
    #[serde(with = "fixed::Hex::<DelegateePublic>")]
    pub delegatee: DelegateePublic,
    /// The person's index entries are found with this key.
    #[serde(with = "fixed::Hex::<WriterPublic>")]
    pub writer: WriterPublic,
    /// Shares and letters for the person are sealed to this key.
    #[serde(with = "fixed::Hex::<KemPublic>")]
    pub kem: KemPublic,
    /// First moment of validity.
    pub valid_from: TimeMs,
    /// First moment after validity.
    pub valid_until: TimeMs,
}
canonical!(Certificate {
    subject,
    member,
    role,
    signing,
    delegatee,
    writer,
    kem,
    valid_from,
    valid_until
});

impl Certificate {
    /// Its id: the hash of its encoding.
    #[must_use]
    pub fn id(&self) -> CertificateId {
        CertificateId::hash_of(&[&self.to_vec()])
    }

    /// Checks that the validity is a span of time, and no longer than allowed.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it ends before it begins, [`DecodeError::TooLong`] over
    /// [`CERTIFICATE_DAYS_MAX`].
    pub fn check_validity(&self) -> Result<(), DecodeError> {
        const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
        let (from, until) = (self.valid_from.get(), self.valid_until.get());
        if until <= from {
            return Err(DecodeError::Invalid {
                what: "validity (it ends before it begins)",
            });
        }
        let days = (until - from) / DAY_MS;
        if days > CERTIFICATE_DAYS_MAX {
            return Err(DecodeError::TooLong {
                what: "validity in days",
                found: usize::try_from(days).unwrap_or(usize::MAX),
                limit: CERTIFICATE_DAYS_MAX as usize,
            });
        }
        Ok(())
    }
}

/// Takes a certificate back before its time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Revocation {
    /// The organisation whose certificate it is.
    pub member: MemberId,
    /// The certificate.
    pub certificate: CertificateId,
    /// Why, in the CA's words.
    pub reason: Text<REASON_MAX>,
}
canonical!(Revocation {
    member,
    certificate,
    reason
});

named_codes! {
    /// Whether a member may act.
    pub enum Standing {
        /// It may.
        Active = 1 "active",
        /// Not for now: its node seals nothing, its CA certifies nobody, no key holder serves it.
        Suspended = 2 "suspended",
        /// Never again.
        Expelled = 3 "expelled",
    }
}

named_codes! {
    /// What the members decide about one of them.
    pub enum Motion {
        /// It shall not act for now.
        Suspend = 1 "suspend",
        /// It shall act again.
        Reinstate = 2 "reinstate",
        /// It shall never act again.
        Expel = 3 "expel",
    }
}

impl Motion {
    /// Whether it can be decided about a member of this standing.
    #[must_use]
    pub const fn applies_to(self, standing: Standing) -> bool {
        match self {
            Self::Suspend => matches!(standing, Standing::Active),
            Self::Reinstate => matches!(standing, Standing::Suspended),
            Self::Expel => matches!(standing, Standing::Active | Standing::Suspended),
        }
    }

    /// What the member's standing is once it is carried.
    #[must_use]
    pub const fn outcome(self) -> Standing {
        match self {
            Self::Suspend => Standing::Suspended,
            Self::Reinstate => Standing::Active,
            Self::Expel => Standing::Expelled,
        }
    }
}

/// A member's vote on a motion about another. One member, one vote; it may be taken back until the
/// motion is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Vote {
    /// About whom.
    pub subject: MemberId,
    /// What.
    pub motion: Motion,
    /// [`MemberEntry::decisions`] of the subject: votes of before a decision do not count for the
    /// next.
    pub round: u32,
    /// Whose vote.
    pub voter: MemberId,
    /// In favour, or taken back.
    pub favour: bool,
    /// How often the voter voted before, about whatever: a vote that was held back does not count
    /// any more when the voter has voted since.
    pub sequence: u32,
}
canonical!(Vote {
    subject,
    motion,
    round,
    voter,
    favour,
    sequence
});

/// Who is in favour of a motion.
pub type Votes = List<MemberId, MEMBERS_MAX>;

/// What the chain knows of a member.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct MemberEntry {
    /// The member.
    pub member: Member,
    /// When it was admitted.
    pub admitted: Admitted,
    /// Whether it may act.
    pub standing: Standing,
    /// When that was decided last.
    pub since: Admitted,
    /// How often it was decided.
    pub decisions: u32,
}
canonical!(MemberEntry {
    member,
    admitted,
    standing,
    since,
    decisions
});

impl MemberEntry {
    /// A member just admitted.
    #[must_use]
    pub const fn new(member: Member, admitted: Admitted) -> Self {
        Self {
            member,
            admitted,
            standing: Standing::Active,
            since: admitted,
            decisions: 0,
        }
    }

    /// Whether the member may act.
    ///
    /// # Errors
    /// [`Refusal::MemberSuspended`] when it may not.
    pub const fn may_act(&self) -> Result<(), Refusal> {
        match self.standing {
            Standing::Active => Ok(()),
            Standing::Suspended | Standing::Expelled => Err(Refusal::MemberSuspended),
        }
    }
}

/// What the chain knows of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct CertificateEntry {
    /// The certificate.
    pub certificate: Certificate,
    /// When it was registered.
    pub admitted: Admitted,
    /// When and why it was revoked, if it was.
    pub revoked: Option<Revoked>,
}
canonical!(CertificateEntry {
    certificate,
    admitted,
    revoked
});

/// The block in which something came onto the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Admitted {
    /// The block's height.
    pub height: Height,
    /// The block's time.
    pub time: TimeMs,
}
canonical!(Admitted { height, time });

/// A certificate's end before its time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Revoked {
    /// The block that revoked it.
    pub admitted: Admitted,
    /// Why, in the CA's words.
    pub reason: Text<REASON_MAX>,
}
canonical!(Revoked { admitted, reason });
