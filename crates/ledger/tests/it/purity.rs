//! The ledger as a function: total, deterministic, reading only what it declares.

use std::{cell::RefCell, collections::BTreeSet, sync::OnceLock};

use proptest::prelude::*;
use yilian_ledger::{BlockContext, Execution, StateError, state::View};
use yilian_protocol::{
    ChainId, StateKey, TimeMs,
    codec::{Decode as _, DecodeError, List, Text},
    disclosure::{Approval, Disclosure, DisclosureRequest},
    governance::{Ballot, BallotChoice, Candidacy},
    grant::{Erasure, Grant, GrantChange, GrantState, Opening},
    ids::TermsHash,
    refusal::Outcome,
    registry::{Motion, Revocation, Role, Vote},
    trace::TraceAction,
    tx::Body,
};

use crate::{
    anchors::{Log, anchor},
    random,
    trace::{AUTHOR, append},
    world::{
        CERTIFIED_MS, CONSORTIUM, NORTH, SOUTH, START, World, certificate, certificate_id,
        clinician, delegate, key, member, member_id, nym, seal, vouched,
    },
};

const CONTROLLER: u8 = 70;
/// A third member, so that two can suspend it.
const EAST: u8 = 30;

/// Every kind of body, in an order in which each takes effect; each is signed by a key.
fn story(world: &World) -> Vec<(u8, Body)> {
    let chain = world.ledger.chain();
    let grant = grant();
    let both = (clinician(61, NORTH), clinician(62, SOUTH));
    let why = Text::new("unconscious").unwrap();
    let opening = Opening::sign(chain, grant.id(), both, why, world.now, &key(61));
    let stand = |sequence, port: Option<u16>| {
        let address = port.map(|port| delegate(11, port).address);
        let candidacy = Candidacy::sign(chain, member_id(NORTH), address, sequence, &key(11));
        (NORTH, Body::Stand(candidacy))
    };
    let log = Log::new(9);
    [NORTH, SOUTH, EAST]
        .map(|hospital| (CONSORTIUM, Body::Admit(member(hospital))))
        .into_iter()
        .chain([
            certify(61, NORTH),
            certify(62, SOUTH),
            certify(63, NORTH),
            (NORTH, revocation(63, NORTH)),
            (NORTH + 1, seal(NORTH, 0, &[1])),
            (SOUTH + 1, seal(SOUTH, 1, &[2, 3])),
            (NORTH + 1, seal(NORTH, 0, &[4])),
            regulator(64),
            regulator(65),
            (64, disclosure(world)),
            (NORTH + 1, anchor(NORTH, 1, &log, 0, 0, 4)),
            (NORTH + 1, anchor(NORTH, 2, &log, 4, 4, 9)),
            (CONTROLLER, vouched(world, grant, NORTH)),
            (62, Body::Open(opening)),
            (CONTROLLER, change(GrantState::Paused, 1)),
            (CONTROLLER, change(GrantState::Revoked, 2)),
            (NORTH + 1, erasure(NORTH)),
            stand(0, Some(9_000)),
            elect(SOUTH, 0, Some(11)),
            elect(EAST, 0, Some(11)),
            vote(NORTH, 1),
            vote(SOUTH, 1),
            elect(SOUTH, 2, None),
            stand(2, None),
        ])
        .chain(appends(world).into_iter().map(|body| (AUTHOR, body)))
        .collect()
}

fn certify(person: u8, hospital: u8) -> (u8, Body) {
    let certificate = certificate(person, hospital, Role::Doctor);
    (hospital, Body::Certify(certificate))
}

fn regulator(number: u8) -> (u8, Body) {
    let regulator = certificate(number, SOUTH, Role::Regulator);
    (SOUTH, Body::Certify(regulator))
}

/// Of one regulator, whom another approves.
fn disclosure(world: &World) -> Body {
    let id = |number| certificate(number, SOUTH, Role::Regulator).id();
    let request = DisclosureRequest {
        nym: nym(0),
        case: Text::new("2026-1").unwrap(),
        reason: Text::new("abuse").unwrap(),
        by: id(64),
        member: member_id(SOUTH),
        at: world.now,
    };
    let approves = (id(65), member_id(SOUTH));
    let approval = Approval::sign(world.ledger.chain(), &request, approves, &key(65));
    Body::Disclose(Disclosure {
        request,
        approvals: List::new(vec![approval]).unwrap(),
    })
}

fn revocation(person: u8, hospital: u8) -> Body {
    Body::Revoke(Revocation {
        member: member_id(hospital),
        certificate: certificate_id(person, hospital),
        reason: Text::new("left").unwrap(),
    })
}

fn grant() -> Grant {
    Grant {
        controller: key(CONTROLLER).verifying_key(),
        terms: TermsHash::from_bytes([4; 32]),
        until: TimeMs::new(START + CERTIFIED_MS),
        holders: List::new(vec![member_id(NORTH), member_id(SOUTH)]).unwrap(),
        threshold: 2,
        emergency: true,
    }
}

fn change(state: GrantState, sequence: u32) -> Body {
    Body::SetGrant(GrantChange {
        grant: grant().id(),
        state,
        sequence,
    })
}

fn erasure(hospital: u8) -> Body {
    Body::Erase(Erasure {
        grant: grant().id(),
        holder: member_id(hospital),
    })
}

fn elect(voter: u8, sequence: u32, node: Option<u8>) -> (u8, Body) {
    let candidate = node.map(|node| BallotChoice(key(node).verifying_key()));
    let ballot = Ballot {
        voter: member_id(voter),
        candidate,
        sequence,
    };
    (voter, Body::Elect(ballot))
}

/// To suspend the third member.
fn vote(voter: u8, sequence: u32) -> (u8, Body) {
    let vote = Vote {
        subject: member_id(EAST),
        motion: Motion::Suspend,
        round: 0,
        voter: member_id(voter),
        favour: true,
        sequence,
    };
    (voter, Body::Vote(vote))
}

/// A pack is made and dispensed; proofs take time, so they are made once.
fn appends(world: &World) -> Vec<Body> {
    static APPENDS: OnceLock<Vec<Body>> = OnceLock::new();
    let made = || {
        vec![
            append(world, Role::Maker, TraceAction::Commission, &[(1, 0)]),
            append(world, Role::Pharmacist, TraceAction::Dispense, &[(1, 1)]),
        ]
    };
    APPENDS.get_or_init(made).clone()
}

/// The story's transactions, and the state before each of them.
pub fn told() -> &'static Vec<(Vec<u8>, World)> {
    static TOLD: OnceLock<Vec<(Vec<u8>, World)>> = OnceLock::new();
    TOLD.get_or_init(|| {
        let mut world = World::new();
        let mut told = Vec::new();
        for (signer, body) in story(&world) {
            let bytes = world.sign(signer, body);
            told.push((bytes.clone(), world.clone()));
            let outcomes = world.block(std::slice::from_ref(&bytes));
            assert_eq!(outcomes, [Outcome::Applied], "{}", told.len());
        }
        told
    })
}

/// All of a state, and what is read of it.
struct Watched<'a> {
    world: &'a World,
    read: RefCell<BTreeSet<StateKey>>,
}

impl View for Watched<'_> {
    fn get(&self, key: &StateKey) -> Result<Option<&[u8]>, StateError> {
        self.read.borrow_mut().insert(*key);
        Ok(self.world.state.get(key).map(Vec::as_slice))
    }
}

/// Executes a transaction on all of the state, and tells what it read.
fn watched(world: &World, bytes: &[u8]) -> (Execution, BTreeSet<StateKey>) {
    let watched = Watched {
        world,
        read: RefCell::default(),
    };
    let execution = world.ledger.execute(context(world), &[bytes], &watched);
    (execution.unwrap(), watched.read.into_inner())
}

fn context(world: &World) -> BlockContext {
    world.context(world.height + 1)
}

/// The tags that a body may begin with.
fn known_tags() -> BTreeSet<u8> {
    let unknown = |tag: u8| {
        let error = Body::from_slice(&[tag]).unwrap_err();
        matches!(error, DecodeError::UnknownTag { what: "Body", .. })
    };
    (0..=u8::MAX).filter(|tag| !unknown(*tag)).collect()
}

#[test]
fn the_story_has_every_kind_of_body_and_each_takes_effect() {
    let tags = told().iter().map(|(bytes, _)| bytes[ChainId::SIZE]);
    assert_eq!(tags.collect::<BTreeSet<u8>>(), known_tags());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_block_or_many_lead_to_the_same_state(
        from: prop::sample::Index,
        choices in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        cut: prop::sample::Index,
    ) {
        let (_, before) = from.get(told());
        let transactions = choices.iter().map(|choice| choice.get(told()).0.clone());
        let transactions: Vec<Vec<u8>> = transactions.collect();
        let mut whole = before.clone();
        let outcomes = whole.block(&transactions);

        let mut parts = before.clone();
        let (first, second) = transactions.split_at(cut.index(transactions.len() + 1));
        let mut in_parts = parts.block(first);
        in_parts.extend(parts.block(second));
        prop_assert_eq!(&outcomes, &in_parts);
        prop_assert_eq!(shape(&whole), shape(&parts));

        let mut again = before.clone();
        prop_assert_eq!(again.block(&transactions), outcomes);
        prop_assert_eq!(again.state, whole.state);
    }

    /// Whatever stands in the state, and whatever else: a rule reads what it declared.
    #[test]
    fn no_rule_reads_what_it_did_not_declare(
        from: prop::sample::Index,
        choice: prop::sample::Index,
    ) {
        let (_, before) = from.get(told());
        let (bytes, _) = choice.get(told());
        let declared = before.ledger.reads(bytes);
        let fetched = before.fetched(declared.clone());
        let (whole, read) = watched(before, bytes);
        prop_assert!(read.is_subset(&declared.into_iter().collect()));
        let part = before.ledger.execute(context(before), &[bytes], &fetched);
        prop_assert_eq!(part, Ok(whole));
    }

    /// The fuzz target `apply` plays longer games; this one is played at each change.
    #[test]
    fn no_game_of_random_bodies_breaks_a_promise(
        choices in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        random::play(&choices);
    }

    #[test]
    fn arbitrary_bytes_are_refused_and_change_nothing(bytes: Vec<u8>) {
        let mut world = World::with_hospitals();
        world.refused_bytes(bytes);
    }
}

/// Places and sizes: entries note their block. Where an event stands follows from its block, too.
fn shape(world: &World) -> Vec<(Option<StateKey>, usize)> {
    let place = |key: &StateKey| (!key.is_once()).then_some(*key);
    let shape = world.state.iter();
    let mut shape: Vec<_> = shape
        .map(|(key, value)| (place(key), value.len()))
        .collect();
    shape.sort_unstable();
    shape
}

#[test]
fn an_undeclared_read_ends_the_execution() {
    for (bytes, before) in told() {
        let declared = before.ledger.reads(bytes);
        let (_, read) = watched(before, bytes);
        for missing in read {
            let others = declared.iter().filter(|key| **key != missing);
            let fetched = before.fetched(others.copied());
            let result = before.ledger.execute(context(before), &[bytes], &fetched);
            assert_eq!(result, Err(StateError::Undeclared { key: missing }));
        }
    }
}
