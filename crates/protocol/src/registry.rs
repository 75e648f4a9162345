//! Who is who: the genesis, member organisations, and the certificates of the people who act for
//! them.

use schemars::JsonSchema;
use yilian_crypto::{
    kem::{KemPublic, KemSecret},
    pre::DelegateePublic,
    pseudonym::{RegulatorPublic, Regulators},
    search::WriterPublic,
    sign::{SigningKey, VerifyingKey},
    stamp::{EncodedStampKey, StampSecret},
};

use crate::{
    codec::{Blob, DecodeError, Encode, List, Text, canonical, named_codes},
    fixed,
    governance::Governance,
    grant::Commitment,
    ids::{CertificateId, ChainId, Height, MemberId, PersonId, TimeMs},
    limits::{CERTIFICATE_DAYS_MAX, DAY_MS, MEMBERS_MAX, NAME_MAX, REASON_MAX, SUSPENSIONS_MAX},
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
    pub regulators: RegulatorKeys,
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

/// The regulators' key, and how its secret is shared among them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct RegulatorKeys {
    /// Identities are hidden under this key.
    #[serde(with = "fixed::Hex::<RegulatorPublic>")]
    pub key: RegulatorPublic,
    /// What regulators' shares are checked against: one point less than regulators it takes to open
    /// an identity.
    pub shares: Commitment,
}
canonical!(RegulatorKeys { key, shares });

impl RegulatorKeys {
    /// How many regulators it takes to open an identity.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.shares.0.threshold()
    }

    /// What their shares and parts are checked against.
    #[must_use]
    pub fn regulators(&self) -> Regulators {
        Regulators {
            key: self.key,
            commitment: self.shares.0.clone(),
        }
    }
}

impl From<Regulators> for RegulatorKeys {
    fn from(regulators: Regulators) -> Self {
        Self {
            key: regulators.key,
            shares: Commitment(regulators.commitment),
        }
    }
}

impl From<RegulatorPublic> for RegulatorKeys {
    /// A regulator alone.
    fn from(key: RegulatorPublic) -> Self {
        Regulators::from(key).into()
    }
}

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
    /// Stamps that its node makes verify under this key; the same for all who look it up.
    #[serde(with = "fixed::Hex::<EncodedStampKey>")]
    pub stamp: EncodedStampKey,
}
canonical!(Member {
    name,
    ca,
    node,
    kem,
    stamp
});

/// The public keys of a member's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeKeys {
    /// Verifies what the node signs.
    pub signing: VerifyingKey,
    /// Messages are sealed to it.
    pub kem: KemPublic,
    /// Stamps that it makes verify under it.
    pub stamp: EncodedStampKey,
}

impl NodeKeys {
    /// Of the node that signs with `key`.
    #[must_use]
    pub fn of(key: &SigningKey) -> Self {
        Self {
            signing: key.verifying_key(),
            kem: KemSecret::of_node(key).public().clone(),
            stamp: StampSecret::of_node(key).public().into(),
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
    /// Who it is: the same in all certificates of one person, of whichever organisation.
    pub person: PersonId,
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
    person,
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
    const fn applies_to(self, standing: Standing) -> bool {
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

/// A member that may act, since the last decision about it. What it voted before that decision
/// counts no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Voter {
    /// The member.
    pub member: MemberId,
    /// [`MemberEntry::decisions`] of it.
    pub decisions: u32,
}
canonical!(Voter { member, decisions });

/// Who is in favour of a motion.
pub type Votes = List<Voter, MEMBERS_MAX>;

/// Which members may act, and how many may not for now: all that are not expelled.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Roll {
    /// Those that may act, in the order in which they could.
    pub voters: List<Voter, MEMBERS_MAX>,
    /// How many are suspended.
    pub suspended: u32,
}
canonical!(Roll { voters, suspended });

impl Roll {
    /// How many members may act.
    #[must_use]
    pub fn active(&self) -> usize {
        self.voters.len()
    }

    /// Whether the vote of `voter` counts.
    #[must_use]
    pub fn has(&self, voter: &Voter) -> bool {
        self.voters.contains(voter)
    }

    /// Whether there is room for one more member.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.voters.len() + (self.suspended as usize) < MEMBERS_MAX
    }

    /// The roll after a member's standing was decided, or it was admitted.
    ///
    /// # Errors
    /// [`Refusal::TooManyMembers`] over [`MEMBERS_MAX`].
    pub fn after(&self, before: Option<Standing>, entry: &MemberEntry) -> Result<Self, Refusal> {
        let voter = entry.voter();
        let mut voters = self.voters.clone().into_vec();
        voters.retain(|known| known.member != voter.member);
        let mut suspended = self.suspended;
        if before == Some(Standing::Suspended) {
            suspended = suspended.saturating_sub(1);
        }
        match entry.standing {
            Standing::Active => voters.push(voter),
            Standing::Suspended => suspended = suspended.saturating_add(1),
            Standing::Expelled => {}
        }
        let voters = List::new(voters).map_err(|_| Refusal::TooManyMembers)?;
        Ok(Self { voters, suspended })
    }
}

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
    /// When it might not act before: what it did at other times stays good.
    pub suspensions: List<Suspension, SUSPENSIONS_MAX>,
}
canonical!(MemberEntry {
    member,
    admitted,
    standing,
    since,
    decisions,
    suspensions
});

/// A time in which a member might not act, and that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Suspension {
    /// The block that suspended it.
    pub from: Admitted,
    /// The block that decided otherwise.
    pub until: Admitted,
}
canonical!(Suspension { from, until });

impl MemberEntry {
    /// A member just admitted.
    #[must_use]
    pub fn new(member: Member, admitted: Admitted) -> Self {
        Self {
            member,
            admitted,
            standing: Standing::Active,
            since: admitted,
            decisions: 0,
            suspensions: List::default(),
        }
    }

    /// The member as a voter.
    #[must_use]
    pub fn voter(&self) -> Voter {
        Voter {
            member: self.member.id(),
            decisions: self.decisions,
        }
    }

    /// Whether `motion` can be decided about it now.
    #[must_use]
    pub fn is_open_to(&self, motion: Motion) -> bool {
        let full = self.suspensions.len() >= SUSPENSIONS_MAX;
        motion.applies_to(self.standing) && !(motion == Motion::Suspend && full)
    }

    /// The member after `motion` was carried in the block `at`.
    ///
    /// # Errors
    /// [`Refusal::StaleMotion`] when it is not [open](Self::is_open_to) to it.
    pub fn after(&self, motion: Motion, at: Admitted) -> Result<Self, Refusal> {
        if !self.is_open_to(motion) {
            return Err(Refusal::StaleMotion);
        }
        let mut suspensions = self.suspensions.clone().into_vec();
        if self.standing == Standing::Suspended {
            suspensions.push(Suspension {
                from: self.since,
                until: at,
            });
        }
        Ok(Self {
            standing: motion.outcome(),
            since: at,
            decisions: self.decisions.saturating_add(1),
            suspensions: List::new(suspensions).map_err(|_| Refusal::StaleMotion)?,
            ..self.clone()
        })
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
