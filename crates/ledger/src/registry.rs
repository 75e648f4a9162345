//! The registry contract: who is a member, and who may act for a member in which role, from when
//! until when.
//!
//! - `admit`, signed by the consortium CA: refused when the member exists.
//! - `certify`, signed by the member's CA: refused when the member is unknown or may not act, the
//!   certificate exists, or its validity is no span of time or is over.
//! - `vote`, signed by another member's CA: refused when voter or subject is unknown, the voter may
//!   not act or voted since, or the motion cannot be decided now.
//! - `revoke`, signed by the member's CA or the consortium CA: refused when the certificate is
//!   unknown, of another member, or revoked already.

use yilian_protocol::{
    CertificateId, MemberId,
    limits::MEMBERS_MAX,
    refusal::Refusal,
    registry::{
        Certificate, CertificateEntry, Member, MemberEntry, Revocation, Revoked, Standing, Vote,
        Votes,
    },
    state::tables::{
        ACTIVE_MEMBERS, CERTIFICATE, CERTIFICATES, MEMBER, MEMBERS, VOTES, motion_name,
    },
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
    active: Slot<u32>,
}

impl Rule for Member {
    type Reads = AdmitReads;

    fn reads(&self, declare: &mut Declaration) -> AdmitReads {
        AdmitReads {
            member: declare.slot(MEMBER, self.id().as_bytes()),
            members: declare.tail(&MEMBERS, &[]),
            active: declare.slot(ACTIVE_MEMBERS, &[]),
        }
    }

    fn apply(
        &self,
        reads: &AdmitReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        context.signed_by(&context.genesis.ca)?;
        require(reads.member.get(state)?.is_none(), Refusal::MemberExists)?;
        let count = reads.members.count(state)?;
        require((count as usize) < MEMBERS_MAX, Refusal::TooManyMembers)?;
        let entry = MemberEntry::new(self.clone(), context.admitted);
        reads.member.set(state, &entry);
        let active = reads.active.get(state)?.unwrap_or(0);
        reads.active.set(state, &active.saturating_add(1));
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

    fn apply(
        &self,
        reads: &CertifyReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let member = reads.member.need(state, Refusal::MemberUnknown)?;
        context.signed_by(&member.member.ca)?;
        member.may_act()?;
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

    fn apply(
        &self,
        reads: &RevokeReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let member = reads.member.need(state, Refusal::MemberUnknown)?;
        let by = context.signer;
        let own = *by == member.member.ca || *by == context.genesis.ca;
        require(own, Refusal::WrongSigner)?;
        let mut entry = reads.certificate.need(state, Refusal::CertificateUnknown)?;
        require(
            entry.certificate.member == self.member,
            Refusal::ForeignMember,
        )?;
        require(entry.revoked.is_none(), Refusal::CertificateRevoked)?;
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
    active: Slot<u32>,
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
            active: declare.slot(ACTIVE_MEMBERS, &[]),
            cast: Cast::of(&self.voter, declare),
            retirement: Retirement::of(self.subject, declare),
        }
    }

    fn apply(
        &self,
        reads: &VoteReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let voter = reads.voter.need(state, Refusal::MemberUnknown)?;
        context.signed_by(&voter.member.ca)?;
        voter.may_act()?;
        reads.cast.next(state, self.sequence)?;
        require(self.voter != self.subject, Refusal::OwnMotion)?;
        let mut subject = reads.subject.need(state, Refusal::MemberUnknown)?;
        let decidable = self.motion.applies_to(subject.standing) && self.round == subject.decisions;
        require(decidable, Refusal::StaleMotion)?;

        let mut voters = reads.votes.get(state)?.unwrap_or_default().into_vec();
        let before = voters.iter().position(|voter| *voter == self.voter);
        require(before.is_some() != self.favour, Refusal::AlreadyVoted)?;
        match before {
            Some(place) => drop(voters.swap_remove(place)),
            None => voters.push(self.voter),
        }
        let active = reads.active.get(state)?.unwrap_or(0);
        let others = active.saturating_sub(u32::from(is_active(&subject)));
        let carried = voters.len() >= VOTES_MIN && voters.len() * 2 > others as usize;
        let Ok(voters) = Votes::new(voters) else {
            return Err(Refusal::TooManyMembers.into());
        };
        reads.votes.set(state, &voters);
        reads.cast.note(state, self.sequence);
        if carried {
            subject.standing = self.motion.outcome();
            subject.since = context.admitted;
            subject.decisions = subject.decisions.saturating_add(1);
            reads.subject.set(state, &subject);
            let active = others + u32::from(is_active(&subject));
            reads.active.set(state, &active);
            if !is_active(&subject) {
                reads.retirement.retire(state, context.genesis)?;
            }
        }
        Ok(())
    }
}

const fn is_active(member: &MemberEntry) -> bool {
    matches!(member.standing, Standing::Active)
}
