//! Random bodies, most of them nearly right, signed by somebody or other: what a fuzzer and a
//! property play on the rules.

use std::{collections::BTreeMap, sync::LazyLock};

use yilian_protocol::{
    ChainId, GrantId, StateKey, TimeMs,
    codec::{List, Text},
    disclosure::{Approval, Disclosure, DisclosureRequest},
    governance::{Ballot, BallotChoice, Candidacy},
    grant::{Erasure, Grant, GrantChange, GrantState, Opening, grant_id},
    ids::TermsHash,
    refusal::Outcome,
    registry::{Motion, Revocation, Role, Vote},
    trace::TraceAction,
    tx::Body,
};

use crate::{
    anchors::{Log, anchor},
    trace::{AUTHOR, append},
    world::{
        CONSORTIUM, FIVE, START, World, certificate, certificate_id, clinician, delegate, key,
        member, member_id, nym, seal, vouched,
    },
};

/// A day in milliseconds: what a sleep between two blocks is measured in.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Longer games reach no other rule, and the state is compared after each move.
const MOVES_MAX: usize = 96;

/// Choices that a fuzzer, or chance, wrote down. They end with `None`.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// One of `0..n`.
    fn of(&mut self, n: u8) -> Option<u8> {
        self.byte().map(|byte| byte % n)
    }

    fn hospital(&mut self) -> Option<u8> {
        self.of(5).map(|place| FIVE[usize::from(place)])
    }

    /// A person, and where certified.
    fn person(&mut self) -> Option<(u8, u8)> {
        let number = 61 + self.of(6)?;
        Some((number, FIVE[usize::from(number % 5)]))
    }

    fn controller(&mut self) -> Option<u8> {
        self.of(4).map(|number| 70 + number)
    }

    fn yes(&mut self) -> Option<bool> {
        self.of(2).map(|bit| bit == 1)
    }
}

/// Plays what `bytes` choose on an empty chain.
///
/// # Panics
/// Where a rule breaks a promise: it reads what it did not declare, a refusal changes the state,
/// the same bytes take effect twice, or one state and block have two outcomes.
pub fn play(bytes: &[u8]) {
    let mut world = World::new();
    let mut choices = Choices(bytes);
    for _ in 0..MOVES_MAX {
        let Some(signed) = turn(&mut world, &mut choices) else {
            return;
        };
        if let Some(transaction) = signed {
            judge(&mut world, &transaction);
        }
    }
}

/// One move: time passes, or a body is signed. `None` outside: the choices are at their end.
fn turn(world: &mut World, choices: &mut Choices<'_>) -> Option<Option<Vec<u8>>> {
    let kind = choices.of(16)?;
    if kind >= 14 {
        let days = u64::from(choices.of(8)?);
        world.now = TimeMs::new(world.now.get() + days * DAY_MS / 2 + 1);
        world.beacon = world.beacon.wrapping_add(1);
        if kind == 15 {
            world.height += u64::from(choices.byte()?) << 12;
        }
        return Some(None);
    }
    let (signer, body) = drawn(world, kind, choices)?;
    // One in eight is signed by another than it should.
    let signer = match choices.of(8)? {
        0 => choices.byte()?,
        _ => signer,
    };
    Some(Some(world.sign(signer, body)))
}

fn drawn(world: &World, kind: u8, choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    Some(match kind {
        0 => (CONSORTIUM, Body::Admit(member(choices.hospital()?))),
        1 => {
            let ((person, hospital), role) = (choices.person()?, role(choices)?);
            (hospital, Body::Certify(certificate(person, hospital, role)))
        }
        2 => revocation(choices)?,
        3 => {
            let (hospital, visit) = (choices.hospital()?, choices.of(4)?);
            let first = choices.of(16)?;
            let records: Vec<u8> = (first..=first + choices.of(3)?).collect();
            let mut body = seal(hospital, visit.into(), &records);
            if let (Body::Seal(seal), false) = (&mut body, choices.yes()?) {
                seal.binding = None;
            }
            (hospital + 1, body)
        }
        4 => {
            let (grant, controller) = grant(choices)?;
            (controller, vouched(world, grant, choices.hospital()?))
        }
        5 => change(choices)?,
        6 => erasure(choices)?,
        7 => anchored(choices)?,
        8 => vote(world, choices)?,
        9 => opening(world, choices)?,
        10 => candidacy(world.ledger.chain(), choices)?,
        11 => ballot(world, choices)?,
        12 => disclosure(world, choices)?,
        _ => (AUTHOR, appended(choices)?),
    })
}

fn role(choices: &mut Choices<'_>) -> Option<Role> {
    let roles = [Role::Doctor, Role::Pharmacist, Role::Maker, Role::Regulator];
    choices.of(4).map(|place| roles[usize::from(place)])
}

fn revocation(choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    let (person, hospital) = choices.person()?;
    let revocation = Revocation {
        member: member_id(hospital),
        certificate: certificate_id(person, hospital),
        reason: Text::new("left").unwrap(),
    };
    Some((hospital, Body::Revoke(revocation)))
}

/// The one grant of a controller, but for its terms.
fn grant(choices: &mut Choices<'_>) -> Option<(Grant, u8)> {
    let controller = choices.controller()?;
    let (threshold, days) = (choices.of(4)?, u64::from(choices.of(4)?));
    let grant = Grant {
        controller: key(controller).verifying_key(),
        terms: TermsHash::from_bytes([4; 32]),
        until: TimeMs::new(START + days * 250 * DAY_MS),
        holders: List::new(FIVE[..3].iter().copied().map(member_id).collect()).unwrap(),
        threshold,
        emergency: controller % 2 == 0,
    };
    Some((grant, controller))
}

fn grant_of(controller: u8) -> GrantId {
    grant_id(&key(controller).verifying_key())
}

fn change(choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    let controller = choices.controller()?;
    let states = [GrantState::Active, GrantState::Paused, GrantState::Revoked];
    let change = GrantChange {
        grant: grant_of(controller),
        state: states[usize::from(choices.of(3)?)],
        sequence: choices.of(4)?.into(),
    };
    Some((controller, Body::SetGrant(change)))
}

fn erasure(choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    let (controller, hospital) = (choices.controller()?, choices.hospital()?);
    let erasure = Erasure {
        grant: grant_of(controller),
        holder: member_id(hospital),
    };
    Some((hospital + 1, Body::Erase(erasure)))
}

fn anchored(choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    let (hospital, height) = (choices.hospital()?, choices.of(4)?);
    let (anchored, count) = (u64::from(choices.of(4)?), u64::from(choices.of(3)?) + 1);
    let size = anchored + count;
    let log = Log::new(size);
    let body = anchor(hospital, height.into(), &log, anchored, anchored, size);
    Some((hospital + 1, body))
}

fn vote(world: &World, choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    let voter = choices.hospital()?;
    let motions = [Motion::Suspend, Motion::Reinstate, Motion::Expel];
    let vote = Vote {
        subject: member_id(choices.hospital()?),
        motion: motions[usize::from(choices.of(3)?)],
        round: choices.of(3)?.into(),
        voter: member_id(voter),
        favour: choices.yes()?,
        sequence: world.cast(voter),
    };
    Some((voter, Body::Vote(vote)))
}

fn opening(world: &World, choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    let grant = grant_of(choices.controller()?);
    let ((first, at), (second, there)) = (choices.person()?, choices.person()?);
    let both = (clinician(first, at), clinician(second, there));
    let why = Text::new("unconscious").unwrap();
    let opening = Opening::sign(
        world.ledger.chain(),
        grant,
        both,
        why,
        world.now,
        &key(first),
    );
    Some((second, Body::Open(opening)))
}

fn candidacy(chain: ChainId, choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    let (hospital, node) = (choices.hospital()?, choices.of(6)? + 100);
    let address = choices.yes()?.then(|| delegate(node, 9_000).address);
    let sequence = choices.of(3)?.into();
    let candidacy = Candidacy::sign(chain, member_id(hospital), address, sequence, &key(node));
    Some((hospital, Body::Stand(candidacy)))
}

fn ballot(world: &World, choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    let (voter, node) = (choices.hospital()?, choices.of(6)? + 100);
    let candidate = choices.yes()?;
    let ballot = Ballot {
        voter: member_id(voter),
        candidate: candidate.then(|| BallotChoice(key(node).verifying_key())),
        sequence: world.cast(voter),
    };
    Some((voter, Body::Elect(ballot)))
}

/// The genesis of these games lets one regulator open, so that the rest of the rule is reached.
fn disclosure(world: &World, choices: &mut Choices<'_>) -> Option<(u8, Body)> {
    let ((asks, at), (approves, there)) = (choices.person()?, choices.person()?);
    let id = |number, hospital| certificate(number, hospital, Role::Regulator).id();
    let request = DisclosureRequest {
        nym: nym(choices.of(4)?.into()),
        case: Text::new("2026-1").unwrap(),
        reason: Text::new("abuse").unwrap(),
        by: id(asks, at),
        member: member_id(at),
        at: world.now,
    };
    let of = (id(approves, there), member_id(there));
    let approval = Approval::sign(world.ledger.chain(), &request, of, &key(approves));
    let approvals = List::new(vec![approval]).unwrap();
    Some((asks, Body::Disclose(Disclosure { request, approvals })))
}

/// Proofs take a second, so the appends are few and made once: in their order they take effect, in
/// another they are late or stale.
fn appended(choices: &mut Choices<'_>) -> Option<Body> {
    static MADE: LazyLock<Vec<Body>> = LazyLock::new(|| {
        let world = World::new();
        vec![
            append(
                &world,
                Role::Maker,
                TraceAction::Commission,
                &[(1, 0), (2, 0)],
            ),
            append(&world, Role::Courier, TraceAction::Observe, &[(1, 1)]),
            append(&world, Role::Pharmacist, TraceAction::Dispense, &[(1, 2)]),
            append(&world, Role::Pharmacist, TraceAction::Dispense, &[(2, 1)]),
            append(&world, Role::Maker, TraceAction::Recall, &[(2, 1)]),
        ]
    });
    choices.of(5).map(|place| MADE[usize::from(place)].clone())
}

/// Executes one transaction and looks whether the rules kept their promises.
fn judge(world: &mut World, transaction: &Vec<u8>) {
    let block = std::slice::from_ref(transaction);
    let before = world.clone();
    let outcomes = world.block(block);
    let mut again = before.clone();
    assert_eq!(again.block(block), outcomes, "two outcomes of one block");
    assert_eq!(again.state, world.state, "two states after one block");
    match outcomes.as_slice() {
        [Outcome::Applied] => {
            let after = world.state.clone();
            let repeated = world.block(block);
            assert_ne!(
                repeated,
                [Outcome::Applied],
                "the same bytes took effect twice"
            );
            kept(&after, world, transaction);
        }
        [Outcome::Refused(_)] => kept(&before.state, world, transaction),
        other => panic!("one transaction has not one outcome: {other:?}"),
    }
}

/// A refusal leaves the state as it was. A late append alone is kept beside its trace.
fn kept(before: &BTreeMap<StateKey, Vec<u8>>, world: &World, transaction: &[u8]) {
    /// The tag of [`Body::AppendTrace`].
    const APPEND: u8 = 7;
    if transaction[ChainId::SIZE] != APPEND {
        assert_eq!(*before, world.state, "a refusal changed the state");
    }
}
