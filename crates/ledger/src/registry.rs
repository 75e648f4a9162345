//! The registry contract: who is a member, and who may act for a member in which role, from when
//! until when.
//!
//! - `admit`, signed by the consortium CA: refused when the member exists, or there are too many
//!   that are not expelled.
//! - `certify`, signed by the member's CA: refused when the member is unknown or may not act, the
//!   certificate exists, or its validity is no span of time or is over.
//! - `vote`, signed by another member's CA: refused when voter or subject is unknown, the voter may
//!   not act or voted since, or the motion cannot be decided now. Votes of members that may not act
//!   when a vote comes are struck out.
//! - `revoke`, signed by the member's CA or the consortium CA: refused when the certificate is
//!   unknown, of another member, or revoked already.

use yilian_protocol::{
    CertificateId, MemberId,
    grant::Clinician,
    refusal::Refusal,
    registry::{
        Certificate, CertificateEntry, Member, MemberEntry, Revocation, Revoked, Roll, Vote, Votes,
    },
    standing::CertifiedPerson,
    state::tables::{CERTIFICATE, CERTIFICATES, MEMBER, MEMBERS, ROLL, VOTES, motion_name},
};

use crate::{
    governance::{Cast, Retirement},
    rule::{Context, Declaration, Overlay, Rule, Slot, Tail},
    verdict::{Stop, require},
};

/// A motion has at least so many in favour.
const VOTES_MIN: usize = 2;

#[derive(Debug)]
pub(crate) struct AdmitReads {
    member: Slot<MemberEntry>,
    members: Tail<MemberId>,
    roll: Slot<Roll>,
}

impl Rule for Member {
    type Reads = AdmitReads;

    fn reads(&self, declare: &mut Declaration) -> AdmitReads {
        AdmitReads {
            member: declare.slot(MEMBER, self.id().as_bytes()),
            members: declare.tail(&MEMBERS, &[]),
            roll: declare.slot(ROLL, &[]),
        }
    }

    fn authorise(
        &self,
        _reads: &AdmitReads,
        context: &Context<'_>,
        _state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        Ok(context.signed_by(&context.genesis.ca)?)
    }

    fn apply(
        &self,
        reads: &AdmitReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        require(reads.member.get(state)?.is_none(), Refusal::MemberExists)?;
        let roll = reads.roll.get(state)?.unwrap_or_default();
        require(roll.has_room(), Refusal::TooManyMembers)?;
        let entry = MemberEntry::new(self.clone(), context.admitted);
        let roll = roll.after(None, &entry)?;
        reads.member.set(state, &entry);
        reads.roll.set(state, &roll);
        reads.members.push(state, &self.id())?;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct CertifyReads {
    member: Slot<MemberEntry>,
    certificate: Slot<CertificateEntry>,
    certificates: Tail<CertificateId>,
}

impl Rule for Certificate {
    type Reads = CertifyReads;

    fn reads(&self, declare: &mut Declaration) -> CertifyReads {
        CertifyReads {
            member: declare.slot(MEMBER, self.member.as_bytes()),
            certificate: declare.slot(CERTIFICATE, self.id().as_bytes()),
            certificates: declare.tail(&CERTIFICATES, self.member.as_bytes()),
        }
    }

    fn authorise(
        &self,
        reads: &CertifyReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let member = reads.member.need(state, Refusal::MemberUnknown)?;
        Ok(context.signed_by_ca(&member)?)
    }

    fn apply(
        &self,
        reads: &CertifyReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let known = reads.certificate.get(state)?;
        require(known.is_none(), Refusal::CertificateExists)?;
        require(self.check_validity().is_ok(), Refusal::CertificateValidity)?;
        let time = context.admitted.time;
        require(self.valid_until > time, Refusal::CertificateExpired)?;
        let entry = CertificateEntry {
            certificate: self.clone(),
            admitted: context.admitted,
            revoked: None,
        };
        reads.certificate.set(state, &entry);
        reads.certificates.push(state, &self.id())?;
        Ok(())
    }
}

/// A person's certificate, and the member that it is said to be of.
#[derive(Debug)]
pub(crate) struct Certified {
    certificate: Slot<CertificateEntry>,
    member: Slot<MemberEntry>,
}

impl Certified {
    pub fn of(person: Clinician, declare: &mut Declaration) -> Self {
        Self {
            certificate: declare.slot(CERTIFICATE, person.certificate.as_bytes()),
            member: declare.slot(MEMBER, person.member.as_bytes()),
        }
    }

    pub fn person(&self, state: &Overlay<'_>) -> Result<CertifiedPerson, Stop> {
        let certificate = self.certificate.need(state, Refusal::CertificateUnknown)?;
        let member = self.member.need(state, Refusal::MemberUnknown)?;
        Ok(CertifiedPerson::new(certificate, member)?)
    }
}

#[derive(Debug)]
pub(crate) struct RevokeReads {
    member: Slot<MemberEntry>,
    certificate: Slot<CertificateEntry>,
}

impl Rule for Revocation {
    type Reads = RevokeReads;

    fn reads(&self, declare: &mut Declaration) -> RevokeReads {
        RevokeReads {
            member: declare.slot(MEMBER, self.member.as_bytes()),
            certificate: declare.slot(CERTIFICATE, self.certificate.as_bytes()),
        }
    }

    fn authorise(
        &self,
        reads: &RevokeReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let member = reads.member.need(state, Refusal::MemberUnknown)?;
        let by = context.signer;
        let own = *by == member.member.ca || *by == context.genesis.ca;
        require(own, Refusal::WrongSigner)?;
        // Whole, since a member that may not act any more takes its certificates back, too.
        let entry = reads.certificate.need(state, Refusal::CertificateUnknown)?;
        let foreign = entry.certificate.member != self.member;
        require(!foreign, Refusal::ForeignMember)?;
        Ok(require(
            entry.revoked.is_none(),
            Refusal::CertificateRevoked,
        )?)
    }

    fn apply(
        &self,
        reads: &RevokeReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let mut entry = reads.certificate.need(state, Refusal::CertificateUnknown)?;
        entry.revoked = Some(Revoked {
            admitted: context.admitted,
            reason: self.reason.clone(),
        });
        reads.certificate.set(state, &entry);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct VoteReads {
    subject: Slot<MemberEntry>,
    voter: Slot<MemberEntry>,
    votes: Slot<Votes>,
    roll: Slot<Roll>,
    cast: Cast,
    retirement: Retirement,
}

/// Carried by more than half of the members that may act, the subject left aside, and by two at
/// least: of two members, neither decides about the other.
impl Rule for Vote {
    type Reads = VoteReads;

    fn reads(&self, declare: &mut Declaration) -> VoteReads {
        let motion = motion_name(&self.subject, self.motion, self.round);
        VoteReads {
            subject: declare.slot(MEMBER, self.subject.as_bytes()),
            voter: declare.slot(MEMBER, self.voter.as_bytes()),
            votes: declare.slot(VOTES, &motion),
            roll: declare.slot(ROLL, &[]),
            cast: Cast::of(&self.voter, declare),
            retirement: Retirement::of(self.subject, declare),
        }
    }

    fn authorise(
        &self,
        reads: &VoteReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let voter = reads.voter.need(state, Refusal::MemberUnknown)?;
        Ok(context.signed_by_ca(&voter)?)
    }

    fn apply(
        &self,
        reads: &VoteReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let voter = reads.voter.need(state, Refusal::MemberUnknown)?;
        reads.cast.next(state, self.sequence)?;
        require(self.voter != self.subject, Refusal::OwnMotion)?;
        let subject = reads.subject.need(state, Refusal::MemberUnknown)?;
        let decidable = subject.is_open_to(self.motion) && self.round == subject.decisions;
        require(decidable, Refusal::StaleMotion)?;

        let roll = reads.roll.get(state)?.unwrap_or_default();
        let voter = voter.voter();
        let mut voters = reads.votes.get(state)?.unwrap_or_default().into_vec();
        // Votes of members that may not act, or were decided about since, count no more.
        voters.retain(|known| roll.has(known));
        let before = voters.iter().position(|known| *known == voter);
        require(before.is_some() != self.favour, Refusal::AlreadyVoted)?;
        match before {
            Some(place) => drop(voters.swap_remove(place)),
            None => voters.push(voter),
        }
        let others = roll.active() - usize::from(roll.has(&subject.voter()));
        let carried = voters.len() >= VOTES_MIN && voters.len() * 2 > others;
        let Ok(voters) = Votes::new(voters) else {
            return Err(Refusal::TooManyMembers.into());
        };
        let decided = carried.then(|| subject.after(self.motion, context.admitted));
        let decided = decided.transpose()?;
        let decided = decided.map(|decided| {
            let roll = roll.after(Some(subject.standing), &decided);
            roll.map(|roll| (decided, roll))
        });
        let decided = decided.transpose()?;
        reads.votes.set(state, &voters);
        reads.cast.note(state, self.sequence);
        if let Some((decided, roll)) = decided {
            reads.subject.set(state, &decided);
            reads.roll.set(state, &roll);
            if decided.may_act().is_err() {
                reads.retirement.retire(state, context.genesis)?;
            }
        }
        Ok(())
    }
}
