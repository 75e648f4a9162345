//! The registry contract: who is a member, and who may act for a member in which role, from when until when.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | admit | consortium CA | the member exists |
//! | certify | the member's CA | the member is unknown or may not act, the certificate exists, its validity is no span of time or is over |
//! | vote | another member's CA | voter or subject is unknown, the voter may not act or voted since, the motion cannot be decided now |
//! | revoke | the member's CA or the consortium CA | the certificate is unknown, of another member, or revoked already |

use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{
    StateKey,
    limits::MEMBERS_MAX,
    registry::{
        Admitted, Certificate, CertificateEntry, Genesis, Member, MemberEntry, Revocation, Revoked,
        Standing, Vote, Votes,
    },
};

use crate::{
    execute::{Verdict, present, require},
    governance,
    state::{
        Overlay, View,
        tables::{
            ACTIVE_MEMBERS, CAST, CERTIFICATE, CERTIFICATES, MEMBER, MEMBERS, VOTES, motion_name,
        },
    },
};

/// A motion has at least so many in favour.
const VOTES_MIN: usize = 2;

pub(crate) fn admit_reads(member: &Member) -> Vec<StateKey> {
    vec![
        MEMBER.key(member.id().as_bytes()),
        MEMBERS.counts().key(&[]),
        ACTIVE_MEMBERS.key(&[]),
    ]
}

pub(crate) fn admit<V: View>(
    state: &mut Overlay<'_, V>,
    genesis: &Genesis,
    admitted: Admitted,
    signer: &VerifyingKey,
    member: &Member,
) -> Verdict {
    let id = member.id();
    require!(*signer == genesis.ca, WrongSigner);
    require!(state.read(MEMBER, id.as_bytes())?.is_none(), MemberExists);
    let count = state.read(MEMBERS.counts(), &[])?.unwrap_or(0);
    require!((count as usize) < MEMBERS_MAX, TooManyMembers);
    let entry = MemberEntry::new(member.clone(), admitted);
    state.write(MEMBER, id.as_bytes(), &entry);
    let active = state.read(ACTIVE_MEMBERS, &[])?.unwrap_or(0);
    state.write(ACTIVE_MEMBERS, &[], &active.saturating_add(1));
    state.append(&MEMBERS, &[], &id)?;
    Ok(Ok(()))
}

pub(crate) fn certify_reads(certificate: &Certificate) -> Vec<StateKey> {
    vec![
        MEMBER.key(certificate.member.as_bytes()),
        CERTIFICATE.key(certificate.id().as_bytes()),
        CERTIFICATES.counts().key(certificate.member.as_bytes()),
    ]
}

pub(crate) fn certify<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    signer: &VerifyingKey,
    certificate: &Certificate,
) -> Verdict {
    let id = certificate.id();
    let member = present!(
        state.read(MEMBER, certificate.member.as_bytes())?,
        MemberUnknown
    );
    require!(*signer == member.member.ca, WrongSigner);
    require!(member.may_act().is_ok(), MemberSuspended);
    require!(
        state.read(CERTIFICATE, id.as_bytes())?.is_none(),
        CertificateExists
    );
    require!(certificate.check_validity().is_ok(), CertificateValidity);
    require!(certificate.valid_until > admitted.time, CertificateExpired);
    let entry = CertificateEntry {
        certificate: certificate.clone(),
        admitted,
        revoked: None,
    };
    state.write(CERTIFICATE, id.as_bytes(), &entry);
    state.append(&CERTIFICATES, certificate.member.as_bytes(), &id)?;
    Ok(Ok(()))
}

pub(crate) fn revoke_reads(revocation: &Revocation) -> Vec<StateKey> {
    vec![
        MEMBER.key(revocation.member.as_bytes()),
        CERTIFICATE.key(revocation.certificate.as_bytes()),
    ]
}

pub(crate) fn revoke<V: View>(
    state: &mut Overlay<'_, V>,
    genesis: &Genesis,
    admitted: Admitted,
    signer: &VerifyingKey,
    revocation: &Revocation,
) -> Verdict {
    let name = revocation.certificate.as_bytes();
    let member = present!(
        state.read(MEMBER, revocation.member.as_bytes())?,
        MemberUnknown
    );
    require!(
        *signer == member.member.ca || *signer == genesis.ca,
        WrongSigner
    );
    let mut entry = present!(state.read(CERTIFICATE, name)?, CertificateUnknown);
    require!(entry.certificate.member == revocation.member, ForeignMember);
    require!(entry.revoked.is_none(), CertificateRevoked);
    entry.revoked = Some(Revoked {
        admitted,
        reason: revocation.reason.clone(),
    });
    state.write(CERTIFICATE, name, &entry);
    Ok(Ok(()))
}

pub(crate) fn vote_reads(vote: &Vote) -> Vec<StateKey> {
    vec![
        MEMBER.key(vote.subject.as_bytes()),
        MEMBER.key(vote.voter.as_bytes()),
        VOTES.key(&motion_name(&vote.subject, vote.motion, vote.round)),
        ACTIVE_MEMBERS.key(&[]),
        CAST.key(vote.voter.as_bytes()),
    ]
    .into_iter()
    .chain(governance::retire_reads(&vote.subject))
    .collect()
}

/// Carried by more than half of the members that may act, the subject left aside, and by two at least: of two members, neither decides about the other.
pub(crate) fn vote<V: View>(
    state: &mut Overlay<'_, V>,
    genesis: &Genesis,
    admitted: Admitted,
    signer: &VerifyingKey,
    vote: &Vote,
) -> Verdict {
    let voter = present!(state.read(MEMBER, vote.voter.as_bytes())?, MemberUnknown);
    require!(*signer == voter.member.ca, WrongSigner);
    require!(voter.may_act().is_ok(), MemberSuspended);
    require!(
        governance::is_next(state, &vote.voter, vote.sequence)?,
        StaleChange
    );
    require!(vote.voter != vote.subject, OwnMotion);
    let mut subject = present!(state.read(MEMBER, vote.subject.as_bytes())?, MemberUnknown);
    let decidable = vote.motion.applies_to(subject.standing) && vote.round == subject.decisions;
    require!(decidable, StaleMotion);

    let name = motion_name(&vote.subject, vote.motion, vote.round);
    let mut voters = state.read(VOTES, &name)?.unwrap_or_default().into_vec();
    let before = voters.iter().position(|voter| *voter == vote.voter);
    require!(before.is_some() != vote.favour, AlreadyVoted);
    match before {
        Some(place) => drop(voters.swap_remove(place)),
        None => voters.push(vote.voter),
    }
    let active = state.read(ACTIVE_MEMBERS, &[])?.unwrap_or(0);
    let was_active = subject.standing == Standing::Active;
    let electorate = active.saturating_sub(u32::from(was_active)) as usize;
    let carried = voters.len() >= VOTES_MIN && voters.len() * 2 > electorate;
    let Ok(voters) = Votes::new(voters) else {
        return Ok(Err(yilian_protocol::refusal::Refusal::TooManyMembers));
    };
    state.write(VOTES, &name, &voters);
    governance::note_cast(state, &vote.voter, vote.sequence);
    if carried {
        subject.standing = vote.motion.outcome();
        subject.since = admitted;
        subject.decisions = subject.decisions.saturating_add(1);
        state.write(MEMBER, vote.subject.as_bytes(), &subject);
        let is_active = subject.standing == Standing::Active;
        let active = active.saturating_sub(u32::from(was_active)) + u32::from(is_active);
        state.write(ACTIVE_MEMBERS, &[], &active);
        if !is_active {
            governance::retire(state, genesis, &vote.subject)?;
        }
    }
    Ok(Ok(()))
}
