//! The governance contract: which nodes stand for election, who votes for whom, who is elected.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | stand | the member's CA | the member is unknown or may not act, it voted or stood since, the node does not consent, it is another member's, there are too many |
//! | elect | the voter's CA | the voter is unknown or may not act, it voted or stood since, the candidate does not stand, the vote counts already |
//!
//! Votes are counted in a block whose height says so ([`EpochBlocks::elects`](yilian_protocol::governance::EpochBlocks::elects)). A candidate is eligible with
//! one vote; the validators of the epoch before are without any, so that a consortium in which nobody votes keeps them. Most votes first, then
//! those who are validators already, then by node key.

use std::cmp::Reverse;

use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{
    ChainId, Height, MemberId, StateKey,
    codec::List,
    governance::{
        Ballot, BallotChoice, Candidacy, CandidateEntry, Candidates, Delegate, Seats, seat_count,
    },
    refusal::Refusal,
    registry::Genesis,
};

use crate::{
    execute::{Verdict, present, require},
    state::{
        Overlay, StateError, View,
        tables::{BALLOT, CANDIDATES, CAST, MEMBER, SEATS},
    },
};

pub(crate) fn stand_reads(candidacy: &Candidacy) -> Vec<StateKey> {
    vec![
        MEMBER.key(candidacy.member.as_bytes()),
        CAST.key(candidacy.member.as_bytes()),
        CANDIDATES.key(&[]),
    ]
}

pub(crate) fn stand<V: View>(
    state: &mut Overlay<'_, V>,
    genesis: &Genesis,
    chain: ChainId,
    signer: &VerifyingKey,
    candidacy: &Candidacy,
) -> Verdict {
    let member = present!(
        state.read(MEMBER, candidacy.member.as_bytes())?,
        MemberUnknown
    );
    require!(*signer == member.member.ca, WrongSigner);
    require!(member.may_act().is_ok(), MemberSuspended);
    require!(
        is_next(state, &candidacy.member, candidacy.sequence)?,
        StaleChange
    );
    require!(candidacy.is_consented(chain), NoConsent);
    let mut candidates = candidates(state, genesis)?;
    let known = candidates
        .iter_mut()
        .find(|entry| entry.delegate.peer == candidacy.peer);
    match (known, candidacy.address) {
        (Some(entry), address) => {
            let own = entry.member.is_none_or(|owner| owner == candidacy.member);
            require!(own, ForeignNode);
            entry.member = Some(candidacy.member);
            entry.stands = address.is_some();
            entry.delegate.address = address.unwrap_or(entry.delegate.address);
        }
        (None, None) => return Ok(Err(Refusal::NotStanding)),
        (None, Some(address)) => candidates.push(CandidateEntry {
            delegate: Delegate {
                peer: candidacy.peer,
                address,
            },
            member: Some(candidacy.member),
            stands: true,
            votes: 0,
        }),
    }
    let done = put_candidates(state, candidates);
    if done.is_ok() {
        note_cast(state, &candidacy.member, candidacy.sequence);
    }
    Ok(done)
}

/// Whether a vote or candidacy of this number is the member's next.
pub(crate) fn is_next<V: View>(
    state: &Overlay<'_, V>,
    member: &MemberId,
    sequence: u32,
) -> Result<bool, StateError> {
    let cast = state.read(CAST, member.as_bytes())?;
    Ok(cast.unwrap_or(0) == sequence)
}

pub(crate) fn note_cast<V: View>(state: &mut Overlay<'_, V>, member: &MemberId, sequence: u32) {
    state.write(CAST, member.as_bytes(), &sequence.saturating_add(1));
}

pub(crate) fn elect_reads(ballot: &Ballot) -> Vec<StateKey> {
    vec![
        MEMBER.key(ballot.voter.as_bytes()),
        BALLOT.key(ballot.voter.as_bytes()),
        CAST.key(ballot.voter.as_bytes()),
        CANDIDATES.key(&[]),
    ]
}

pub(crate) fn elect<V: View>(
    state: &mut Overlay<'_, V>,
    genesis: &Genesis,
    signer: &VerifyingKey,
    ballot: &Ballot,
) -> Verdict {
    let name = ballot.voter.as_bytes();
    let voter = present!(state.read(MEMBER, name)?, MemberUnknown);
    require!(*signer == voter.member.ca, WrongSigner);
    require!(voter.may_act().is_ok(), MemberSuspended);
    require!(is_next(state, &ballot.voter, ballot.sequence)?, StaleChange);
    let before = state.read(BALLOT, name)?;
    let before = before.and_then(|before: Ballot| before.candidate);
    require!(before != ballot.candidate, AlreadyVoted);
    let mut candidates = candidates(state, genesis)?;
    if let Some(choice) = &ballot.candidate {
        let entry = present!(entry_of(&mut candidates, choice), NotStanding);
        require!(entry.stands, NotStanding);
        entry.votes = entry.votes.saturating_add(1);
    }
    if let Some(entry) = before.and_then(|choice| entry_of(&mut candidates, &choice)) {
        entry.votes = entry.votes.saturating_sub(1);
    }
    let done = put_candidates(state, candidates);
    if done.is_ok() {
        state.write(BALLOT, name, ballot);
        note_cast(state, &ballot.voter, ballot.sequence);
    }
    Ok(done)
}

pub(crate) fn retire_reads(member: &MemberId) -> Vec<StateKey> {
    vec![BALLOT.key(member.as_bytes()), CANDIDATES.key(&[])]
}

/// Takes a member that may no longer act out of the next elections: its nodes and its vote.
pub(crate) fn retire<V: View>(
    state: &mut Overlay<'_, V>,
    genesis: &Genesis,
    member: &MemberId,
) -> Result<(), StateError> {
    let mut candidates = candidates(state, genesis)?;
    let own = |entry: &&mut CandidateEntry| entry.member == Some(*member);
    candidates
        .iter_mut()
        .filter(own)
        .for_each(|entry| entry.stands = false);
    if let Some(mut ballot) = state.read(BALLOT, member.as_bytes())? {
        let choice = ballot.candidate.take();
        if let Some(entry) = choice.and_then(|choice| entry_of(&mut candidates, &choice)) {
            entry.votes = entry.votes.saturating_sub(1);
        }
        state.write(BALLOT, member.as_bytes(), &ballot);
    }
    // No candidate was added, so there are not too many.
    let written = put_candidates(state, candidates);
    debug_assert!(written.is_ok());
    Ok(())
}

pub(crate) fn count_reads(genesis: &Genesis, height: Height) -> Vec<StateKey> {
    let elected = genesis.governance.epoch_blocks.elects(height);
    let reads = |epoch: u64| {
        vec![
            CANDIDATES.key(&[]),
            SEATS.key(&(epoch - 1).to_be_bytes()),
            SEATS.key(&epoch.to_be_bytes()),
        ]
    };
    elected.map(reads).unwrap_or_default()
}

/// Elects the validators of an epoch, if the block at `height` is to.
pub(crate) fn count<V: View>(
    state: &mut Overlay<'_, V>,
    genesis: &Genesis,
    height: Height,
) -> Result<(), StateError> {
    let Some(epoch) = genesis.governance.epoch_blocks.elects(height) else {
        return Ok(());
    };
    let before = state.read(SEATS, &(epoch - 1).to_be_bytes())?;
    let before = before.unwrap_or_else(|| genesis.governance.seats());
    let candidates = candidates(state, genesis)?;
    let seats = elected(&candidates, &before);
    state.write(SEATS, &epoch.to_be_bytes(), &seats);
    Ok(())
}

/// The elected of `candidates`, after the validators of `before`, who stay when nobody is eligible.
fn elected(candidates: &[CandidateEntry], before: &Seats) -> Seats {
    let seated = |entry: &CandidateEntry| {
        let mut seated = before.delegates.iter();
        seated.any(|delegate| delegate.peer == entry.delegate.peer)
    };
    let eligible = |entry: &&CandidateEntry| entry.stands && (entry.votes > 0 || seated(entry));
    let mut ranked: Vec<&CandidateEntry> = candidates.iter().filter(eligible).collect();
    ranked.sort_by_key(|entry| {
        let key = entry.delegate.peer.to_bytes();
        (Reverse(entry.votes), Reverse(seated(entry)), key)
    });
    ranked.truncate(seat_count(ranked.len()));
    let delegates = ranked.iter().map(|entry| entry.delegate.clone()).collect();
    let delegates = match List::new(delegates) {
        Ok(delegates) if !delegates.is_empty() => delegates,
        _ => before.delegates.clone(),
    };
    let addresses = candidates.iter().map(|entry| entry.delegate.clone());
    Seats {
        delegates,
        addresses: List::new(addresses.collect()).unwrap_or_default(),
    }
}

fn candidates<V: View>(
    state: &Overlay<'_, V>,
    genesis: &Genesis,
) -> Result<Vec<CandidateEntry>, StateError> {
    let known = state.read(CANDIDATES, &[])?.map(Candidates::into_vec);
    Ok(known.unwrap_or_else(|| genesis.governance.candidates()))
}

fn put_candidates<V: View>(
    state: &mut Overlay<'_, V>,
    candidates: Vec<CandidateEntry>,
) -> Result<(), Refusal> {
    let candidates: Candidates = List::new(candidates).map_err(|_| Refusal::TooManyCandidates)?;
    state.write(CANDIDATES, &[], &candidates);
    Ok(())
}

fn entry_of<'a>(
    candidates: &'a mut [CandidateEntry],
    BallotChoice(peer): &BallotChoice,
) -> Option<&'a mut CandidateEntry> {
    candidates
        .iter_mut()
        .find(|entry| entry.delegate.peer == *peer)
}
