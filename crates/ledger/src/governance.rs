//! The governance contract: which nodes stand for election, who votes for whom, who is elected.
//!
//! - `stand`, signed by the member's CA: refused when the member is unknown or may not act, it
//!   voted or stood since, the node does not consent or is another member's, or the member or the
//!   chain has too many. Who withdrew frees the place at the next count, if the node holds no share
//!   then.
//! - `elect`, signed by the voter's CA: refused when the voter is unknown or may not act, it voted
//!   or stood since, the candidate does not stand, or the vote counts already.
//!
//! Votes are counted in a block whose height says so
//! ([`EpochBlocks::elects`](yilian_protocol::governance::EpochBlocks::elects)):
//! - A member gets one seat, however many nodes it stands. A node of the genesis that no member
//!   stood yet counts for itself.
//! - Eligible is who has a vote, and who has a seat already.
//! - With votes of more than half of the members that may act, the most voted get the seats, then
//!   those who have one already.
//! - With fewer, nobody who still stands loses the seat, and no seat is added. The most voted get
//!   those that are free.
//! - Who is equal is put in an order by the block before the count, whose id nobody knew when the
//!   candidates came.

use std::{cmp::Reverse, collections::BTreeSet};

use yilian_crypto::{hash::hash, label};
use yilian_protocol::{
    BlockId, Height, MemberId, StateKey,
    codec::List,
    governance::{
        Ballot, BallotChoice, BallotEntry, Candidacy, CandidateEntry, Candidates, Delegate, Seats,
        seat_count,
    },
    limits::{CANDIDATES_OF_MEMBER_MAX, DELEGATES_MAX},
    refusal::Refusal,
    registry::{Genesis, MemberEntry, Roll},
    state::tables::{BALLOT, CANDIDATES, CAST, MEMBER, ROLL, SEATS},
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

    fn authorise(
        &self,
        reads: &StandReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let member = reads.member.need(state, Refusal::MemberUnknown)?;
        Ok(context.signed_by_ca(&member)?)
    }

    fn apply(
        &self,
        reads: &StandReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
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
                since: context.admitted.height,
                elected: None,
            }),
        }
        let own = |entry: &&CandidateEntry| entry.member == Some(self.member);
        let count = candidates.iter().filter(own).count();
        require(
            count <= CANDIDATES_OF_MEMBER_MAX,
            Refusal::TooManyCandidates,
        )?;
        reads.candidates.set(state, candidates)?;
        reads.cast.note(state, self.sequence);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ElectReads {
    voter: Slot<MemberEntry>,
    ballot: Slot<BallotEntry>,
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

    fn authorise(
        &self,
        reads: &ElectReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let voter = reads.voter.need(state, Refusal::MemberUnknown)?;
        Ok(context.signed_by_ca(&voter)?)
    }

    fn apply(
        &self,
        reads: &ElectReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        reads.cast.next(state, self.sequence)?;
        let before = reads.ballot.get(state)?;
        let mut candidates = reads.candidates.get(state, context.genesis)?;
        let counted = before.and_then(|before| entry_of(&mut candidates, &before));
        let counted = counted.map(|entry| {
            entry.votes = entry.votes.saturating_sub(1);
            BallotChoice(entry.delegate.peer)
        });
        require(counted != self.candidate, Refusal::AlreadyVoted)?;
        let mut since = Height::new(0);
        if let Some(BallotChoice(peer)) = &self.candidate {
            let mut standing = candidates.iter_mut().filter(|entry| entry.stands);
            let entry = standing.find(|entry| entry.delegate.peer == *peer);
            let entry = entry.ok_or(Refusal::NotStanding)?;
            entry.votes = entry.votes.saturating_add(1);
            since = entry.since;
        }
        reads.candidates.set(state, candidates)?;
        let ballot = self.clone();
        reads.ballot.set(state, &BallotEntry { ballot, since });
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
    ballot: Slot<BallotEntry>,
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
        if let Some(mut cast) = self.ballot.get(state)? {
            if let Some(entry) = entry_of(&mut candidates, &cast) {
                entry.votes = entry.votes.saturating_sub(1);
            }
            cast.ballot.candidate = None;
            self.ballot.set(state, &cast);
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
    epoch: u64,
    seats_before: Slot<Seats>,
    seats: Slot<Seats>,
    candidates: Known,
    roll: Slot<Roll>,
}

impl Election {
    /// The election that the block at `height` holds, if it is to, and every key that it may read.
    pub fn at(genesis: &Genesis, height: Height) -> Option<(Self, Vec<StateKey>)> {
        let epoch = genesis.governance.epoch_blocks.elects(height)?;
        Some(Declaration::collect(|declare| Self {
            epoch,
            candidates: Known::of(declare),
            seats_before: declare.slot(SEATS, &(epoch - 1).to_be_bytes()),
            seats: declare.slot(SEATS, &epoch.to_be_bytes()),
            roll: declare.slot(ROLL, &[]),
        }))
    }

    /// Counts the votes in the block after `parent`.
    pub fn hold(
        &self,
        state: &mut Overlay<'_>,
        genesis: &Genesis,
        parent: BlockId,
    ) -> Result<(), StateError> {
        let before = self.seats_before.get(state)?;
        let before = before.unwrap_or_else(|| genesis.governance.seats());
        let mut candidates = self.candidates.get(state, genesis)?;
        let roll = self.roll.get(state)?.unwrap_or_default();
        let count = Count {
            candidates: &candidates,
            before: &before,
            active: roll.active(),
            beacon: parent,
        };
        let delegates = count.elected();
        for entry in &mut candidates {
            if delegates
                .iter()
                .any(|seat| seat.peer == entry.delegate.peer)
            {
                entry.elected = Some(self.epoch);
            }
        }
        // Who withdrew and holds no share is forgotten. Only here, so that two candidacies of one
        // node have different heights.
        let now = self.epoch.saturating_sub(2);
        candidates.retain(|entry| entry.stands || entry.may_hold_share(now));
        let addresses = candidates.iter().map(|entry| entry.delegate.clone());
        let seats = Seats {
            delegates,
            addresses: List::new(addresses.collect()).unwrap_or_default(),
        };
        self.seats.set(state, &seats);
        // No candidate was added, so there are not too many.
        let written = self.candidates.set(state, candidates);
        debug_assert!(written.is_ok());
        Ok(())
    }
}

/// What the votes are counted from.
struct Count<'a> {
    candidates: &'a [CandidateEntry],
    /// The seats of the epoch before.
    before: &'a Seats,
    /// How many members may act.
    active: usize,
    /// The block before the count.
    beacon: BlockId,
}

impl Count<'_> {
    /// The elected; those of before, when nobody is eligible.
    fn elected(&self) -> List<Delegate, DELEGATES_MAX> {
        let quorum = self.is_quorate();
        let eligible =
            |entry: &&CandidateEntry| entry.stands && (entry.votes > 0 || self.has_seat(entry));
        let mut ranked: Vec<_> = self.candidates.iter().filter(eligible).collect();
        ranked.sort_by_cached_key(|entry| {
            let (votes, seat) = (Reverse(entry.votes), Reverse(self.has_seat(entry)));
            // A seat comes before votes when there is no quorum.
            let first = Reverse(!quorum && self.has_seat(entry));
            (first, votes, seat, self.tie(entry))
        });
        let mut seated = BTreeSet::new();
        ranked.retain(|entry| entry.member.is_none_or(|member| seated.insert(member)));
        let seats = match quorum {
            true => seat_count(ranked.len()),
            false => self.before.delegates.len(),
        };
        ranked.truncate(seats);
        let delegates = ranked.iter().map(|entry| entry.delegate.clone()).collect();
        match List::new(delegates) {
            Ok(delegates) if !delegates.is_empty() => delegates,
            _ => self.before.delegates.clone(),
        }
    }

    /// Whether more than half of the members that may act voted for somebody who stands.
    fn is_quorate(&self) -> bool {
        let standing = self.candidates.iter().filter(|entry| entry.stands);
        let votes: u64 = standing.map(|entry| u64::from(entry.votes)).sum();
        votes * 2 > self.active as u64
    }

    fn has_seat(&self, entry: &CandidateEntry) -> bool {
        let mut delegates = self.before.delegates.iter();
        delegates.any(|delegate| delegate.peer == entry.delegate.peer)
    }

    fn tie(&self, entry: &CandidateEntry) -> [u8; 32] {
        let peer = entry.delegate.peer.to_bytes();
        hash(label::ELECTION_TIE, &[self.beacon.as_bytes(), &peer])
    }
}

/// The candidacy that a ballot was given to, unless it is over.
fn entry_of<'a>(
    candidates: &'a mut [CandidateEntry],
    cast: &BallotEntry,
) -> Option<&'a mut CandidateEntry> {
    let BallotChoice(peer) = cast.ballot.candidate?;
    candidates
        .iter_mut()
        .find(|entry| entry.delegate.peer == peer && entry.since == cast.since)
}
