//! The governance contract: which nodes stand for election, who votes for whom, who is elected.
//!
//! - `stand`, signed by the member's CA: refused when the member is unknown or may not act, it
//!   voted or stood since, the node does not consent or is another member's, or there are too many.
//! - `elect`, signed by the voter's CA: refused when the voter is unknown or may not act, it voted
//!   or stood since, the candidate does not stand, or the vote counts already.
//!
//! Votes are counted in a block whose height says so
//! ([`EpochBlocks::elects`](yilian_protocol::governance::EpochBlocks::elects)). A candidate is
//! eligible with one vote; the validators of the epoch before are without any, so that a consortium
//! in which nobody votes keeps them. Most votes first, then those who are validators already, then
//! by node key.

use std::cmp::Reverse;

use yilian_protocol::{
    Height, MemberId, StateKey,
    codec::List,
    governance::{
        Ballot, BallotChoice, Candidacy, CandidateEntry, Candidates, Delegate, Seats, seat_count,
    },
    refusal::Refusal,
    registry::{Genesis, MemberEntry},
    state::tables::{BALLOT, CANDIDATES, CAST, MEMBER, SEATS},
};

use crate::{
    rule::{Context, Declaration, Overlay, Rule, Slot},
    state::StateError,
    verdict::{Stop, require},
};

#[derive(Debug)]
pub(crate) struct StandReads {
    member: Slot<MemberEntry>,
    cast: Cast,
    candidates: Known,
}

impl Rule for Candidacy {
    type Reads = StandReads;

    fn reads(&self, declare: &mut Declaration) -> StandReads {
        StandReads {
            member: declare.slot(MEMBER, self.member.as_bytes()),
            cast: Cast::of(&self.member, declare),
            candidates: Known::of(declare),
        }
    }

    fn apply(
        &self,
        reads: &StandReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let member = reads.member.need(state, Refusal::MemberUnknown)?;
        context.signed_by(&member.member.ca)?;
        member.may_act()?;
        reads.cast.next(state, self.sequence)?;
        require(self.is_consented(context.chain), Refusal::NoConsent)?;
        let mut candidates = reads.candidates.get(state, context.genesis)?;
        let known = candidates
            .iter_mut()
            .find(|entry| entry.delegate.peer == self.peer);
        match (known, self.address) {
            (Some(entry), address) => {
                let own = entry.member.is_none_or(|owner| owner == self.member);
                require(own, Refusal::ForeignNode)?;
                entry.member = Some(self.member);
                entry.stands = address.is_some();
                entry.delegate.address = address.unwrap_or(entry.delegate.address);
            }
            (None, None) => return Err(Refusal::NotStanding.into()),
            (None, Some(address)) => candidates.push(CandidateEntry {
                delegate: Delegate {
                    peer: self.peer,
                    address,
                },
                member: Some(self.member),
                stands: true,
                votes: 0,
            }),
        }
        reads.candidates.set(state, candidates)?;
        reads.cast.note(state, self.sequence);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ElectReads {
    voter: Slot<MemberEntry>,
    ballot: Slot<Ballot>,
    cast: Cast,
    candidates: Known,
}

impl Rule for Ballot {
    type Reads = ElectReads;

    fn reads(&self, declare: &mut Declaration) -> ElectReads {
        ElectReads {
            voter: declare.slot(MEMBER, self.voter.as_bytes()),
            ballot: declare.slot(BALLOT, self.voter.as_bytes()),
            cast: Cast::of(&self.voter, declare),
            candidates: Known::of(declare),
        }
    }

    fn apply(
        &self,
        reads: &ElectReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let voter = reads.voter.need(state, Refusal::MemberUnknown)?;
        context.signed_by(&voter.member.ca)?;
        voter.may_act()?;
        reads.cast.next(state, self.sequence)?;
        let before = reads.ballot.get(state)?;
        let before = before.and_then(|before| before.candidate);
        require(before != self.candidate, Refusal::AlreadyVoted)?;
        let mut candidates = reads.candidates.get(state, context.genesis)?;
        if let Some(choice) = &self.candidate {
            let entry = entry_of(&mut candidates, choice).ok_or(Refusal::NotStanding)?;
            require(entry.stands, Refusal::NotStanding)?;
            entry.votes = entry.votes.saturating_add(1);
        }
        if let Some(entry) = before.and_then(|choice| entry_of(&mut candidates, &choice)) {
            entry.votes = entry.votes.saturating_sub(1);
        }
        reads.candidates.set(state, candidates)?;
        reads.ballot.set(state, self);
        reads.cast.note(state, self.sequence);
        Ok(())
    }
}

/// How often a member voted or stood a node.
#[derive(Debug)]
pub(crate) struct Cast(Slot<u32>);

impl Cast {
    pub fn of(member: &MemberId, declare: &mut Declaration) -> Self {
        Self(declare.slot(CAST, member.as_bytes()))
    }

    /// Refuses a vote or candidacy whose number is not the member's next.
    pub fn next(&self, state: &Overlay<'_>, sequence: u32) -> Result<(), Stop> {
        let next = self.0.get(state)?.unwrap_or(0);
        Ok(require(sequence == next, Refusal::StaleChange)?)
    }

    /// Notes that the member voted or stood.
    pub fn note(&self, state: &mut Overlay<'_>, sequence: u32) {
        self.0.set(state, &sequence.saturating_add(1));
    }
}

/// All candidates.
#[derive(Debug)]
struct Known(Slot<Candidates>);

impl Known {
    fn of(declare: &mut Declaration) -> Self {
        Self(declare.slot(CANDIDATES, &[]))
    }

    fn get(
        &self,
        state: &Overlay<'_>,
        genesis: &Genesis,
    ) -> Result<Vec<CandidateEntry>, StateError> {
        let known = self.0.get(state)?.map(Candidates::into_vec);
        Ok(known.unwrap_or_else(|| genesis.governance.candidates()))
    }

    fn set(&self, state: &mut Overlay<'_>, candidates: Vec<CandidateEntry>) -> Result<(), Refusal> {
        let candidates = List::new(candidates).map_err(|_| Refusal::TooManyCandidates)?;
        self.0.set(state, &candidates);
        Ok(())
    }
}

/// Takes a member that may no longer act out of the next elections: its nodes and its vote.
#[derive(Debug)]
pub(crate) struct Retirement {
    member: MemberId,
    ballot: Slot<Ballot>,
    candidates: Known,
}

impl Retirement {
    pub fn of(member: MemberId, declare: &mut Declaration) -> Self {
        Self {
            member,
            ballot: declare.slot(BALLOT, member.as_bytes()),
            candidates: Known::of(declare),
        }
    }

    pub fn retire(&self, state: &mut Overlay<'_>, genesis: &Genesis) -> Result<(), StateError> {
        let mut candidates = self.candidates.get(state, genesis)?;
        let own = |entry: &&mut CandidateEntry| entry.member == Some(self.member);
        candidates
            .iter_mut()
            .filter(own)
            .for_each(|entry| entry.stands = false);
        if let Some(mut ballot) = self.ballot.get(state)? {
            let choice = ballot.candidate.take();
            if let Some(entry) = choice.and_then(|choice| entry_of(&mut candidates, &choice)) {
                entry.votes = entry.votes.saturating_sub(1);
            }
            self.ballot.set(state, &ballot);
        }
        // No candidate was added, so there are not too many.
        let written = self.candidates.set(state, candidates);
        debug_assert!(written.is_ok());
        Ok(())
    }
}

/// The election of an epoch's validators, which a block holds before its transactions.
#[derive(Debug)]
pub(crate) struct Election {
    seats_before: Slot<Seats>,
    seats: Slot<Seats>,
    candidates: Known,
}

impl Election {
    /// The election that the block at `height` holds, if it is to, and every key that it may read.
    pub fn at(genesis: &Genesis, height: Height) -> Option<(Self, Vec<StateKey>)> {
        let epoch = genesis.governance.epoch_blocks.elects(height)?;
        Some(Declaration::collect(|declare| Self {
            candidates: Known::of(declare),
            seats_before: declare.slot(SEATS, &(epoch - 1).to_be_bytes()),
            seats: declare.slot(SEATS, &epoch.to_be_bytes()),
        }))
    }

    /// Counts the votes.
    pub fn hold(&self, state: &mut Overlay<'_>, genesis: &Genesis) -> Result<(), StateError> {
        let before = self.seats_before.get(state)?;
        let before = before.unwrap_or_else(|| genesis.governance.seats());
        let candidates = self.candidates.get(state, genesis)?;
        self.seats.set(state, &elected(&candidates, &before));
        Ok(())
    }
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

fn entry_of<'a>(
    candidates: &'a mut [CandidateEntry],
    BallotChoice(peer): &BallotChoice,
) -> Option<&'a mut CandidateEntry> {
    candidates
        .iter_mut()
        .find(|entry| entry.delegate.peer == *peer)
}
