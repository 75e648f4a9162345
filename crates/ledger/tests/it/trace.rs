//! The trace contract: who may append, what closes a trace, and what an attempt afterwards leaves.

use rand::{SeedableRng as _, rngs::StdRng};
use yilian_crypto::trace::MaskedKey;
use yilian_ledger::{
    BlockContext, Prepared,
    state::{View as _, tables},
};
use yilian_proof::{Context, ParameterSet, TraceKey, prove};
use yilian_protocol::{
    Height, TimeMs, TraceId, TreeHash,
    codec::{Blob, List},
    refusal::Refusal,
    registry::{Admitted, Role},
    trace::{
        AuthorPass, HeightWindow, TraceAction, TraceAppend, TraceHead, TraceItem, TracePush,
        TraceShared, TraceState, TraceTerms,
    },
    tx::Body,
};

use crate::world::{CONSORTIUM, START, World, key};

/// The key that signs an append.
pub const AUTHOR: u8 = 90;

fn pack(number: u8) -> TraceKey {
    TraceKey::from_uniform_bytes(&[number; 64])
}

fn id(number: u8) -> TraceId {
    TraceId::from_bytes(pack(number).id().to_bytes())
}

fn pass(world: &World, role: Role) -> AuthorPass {
    let until = TimeMs::new(START + 1_000_000);
    let holder = key(AUTHOR).verifying_key();
    AuthorPass::issue(
        world.ledger.chain(),
        holder,
        role,
        TimeMs::new(START),
        until,
        &key(CONSORTIUM),
    )
}

/// Terms for packs by number, each at its length.
fn terms(world: &World, role: Role, action: TraceAction, packs: &[(u8, u32)]) -> TraceTerms {
    let pushes = packs.iter().map(|(number, length)| TracePush {
        trace: id(*number),
        length: *length,
        key: MaskedKey::from_bytes([*number; 32]),
    });
    TraceTerms {
        pass: pass(world, role),
        action,
        window: HeightWindow {
            from: Height::new(0),
            until: Height::new(1_000),
        },
        pushes: List::new(pushes.collect()).unwrap(),
        event: Blob::new(vec![7; 40]).unwrap(),
        prescription: None,
    }
}

/// Proves the terms with the keys of these packs.
fn proven(world: &World, terms: TraceTerms, packs: &[u8]) -> Body {
    let keys: Vec<TraceKey> = packs.iter().map(|number| pack(*number)).collect();
    let keys: Vec<&TraceKey> = keys.iter().collect();
    let context = Context::new(terms.context(world.ledger.chain()));
    let proof = prove(
        ParameterSet::ON_CHAIN,
        &keys,
        &context,
        &mut StdRng::seed_from_u64(4),
    )
    .unwrap();
    Body::AppendTrace(TraceAppend {
        terms,
        proof: Blob::new(proof).unwrap(),
    })
}

pub fn append(world: &World, role: Role, action: TraceAction, packs: &[(u8, u32)]) -> Body {
    let numbers: Vec<u8> = packs.iter().map(|(number, _)| *number).collect();
    proven(world, terms(world, role, action, packs), &numbers)
}

fn head(world: &World, number: u8) -> Option<TraceHead> {
    let name = id(number);
    let state = world.fetched([tables::TRACE.key(name.as_bytes())]);
    state.read(tables::TRACE, name.as_bytes()).unwrap()
}

fn item(world: &World, number: u8, place: u32) -> TraceItem {
    let name = tables::trace_item_name(&id(number), place);
    let state = world.fetched([tables::TRACE_ITEM.key(&name)]);
    state.read(tables::TRACE_ITEM, &name).unwrap().unwrap()
}

fn shared(world: &World, item: &TraceItem) -> TraceShared {
    let state = world.fetched([tables::TRACE_SHARED.key(item.shared.as_bytes())]);
    state
        .read(tables::TRACE_SHARED, item.shared.as_bytes())
        .unwrap()
        .unwrap()
}

/// Appends that must be done.
fn done(world: &mut World, role: Role, action: TraceAction, packs: &[(u8, u32)]) {
    let body = append(world, role, action, packs);
    world.applied(AUTHOR, body);
}

#[test]
fn a_pack_goes_its_way_and_every_item_is_linked() {
    let mut world = World::new();
    done(
        &mut world,
        Role::Maker,
        TraceAction::Commission,
        &[(1, 0), (2, 0), (3, 0)],
    );
    done(
        &mut world,
        Role::Courier,
        TraceAction::Observe,
        &[(1, 1), (3, 1)],
    );
    done(
        &mut world,
        Role::Pharmacist,
        TraceAction::Dispense,
        &[(1, 2)],
    );
    let first = head(&world, 1).unwrap();
    assert_eq!(
        (first.length, first.late, first.state),
        (3, 0, TraceState::Dispensed)
    );
    assert_eq!(head(&world, 2).unwrap().length, 1);
    assert_eq!(head(&world, 4), None);

    let mut link = TraceHead::EMPTY;
    for place in 0..3 {
        let item = item(&world, 1, place);
        link = TraceHead::link(link, &item);
        let shared = shared(&world, &item);
        assert_eq!(shared.id(), item.shared);
        assert_eq!(shared.admitted.height, Height::new(u64::from(place) + 1));
    }
    assert_eq!(link, first.link);
    // Packs of one append share what they share, and nothing else.
    assert_eq!(item(&world, 1, 1).shared, item(&world, 3, 1).shared);
    assert_ne!(item(&world, 1, 1).key, item(&world, 3, 1).key);
}

#[test]
fn without_the_key_of_every_pack_nothing_is_appended() {
    let mut world = World::new();
    let commission = TraceAction::Commission;
    let stolen = terms(&world, Role::Maker, commission, &[(1, 0), (2, 0)]);
    for packs in [&[1, 3][..], &[2, 1], &[1]] {
        let body = proven(&world, stolen.clone(), packs);
        assert_eq!(world.refused(AUTHOR, body), Refusal::ProofInvalid);
    }
    let empty = Body::AppendTrace(TraceAppend {
        terms: stolen,
        proof: Blob::default(),
    });
    assert_eq!(world.refused(AUTHOR, empty), Refusal::ProofInvalid);
}

/// The proof is of these terms: whoever sees an append in flight cannot make another of it.
#[test]
fn a_proof_does_not_serve_other_terms() {
    let mut world = World::new();
    let good = terms(&world, Role::Maker, TraceAction::Commission, &[(1, 0)]);
    let Body::AppendTrace(TraceAppend { proof, .. }) = proven(&world, good.clone(), &[1]) else {
        unreachable!()
    };
    let changes: [fn(&mut TraceTerms); 6] = [
        |terms| terms.event = Blob::new(vec![8; 40]).unwrap(),
        |terms| terms.window.until = Height::new(999),
        |terms| terms.action = TraceAction::Observe,
        |terms| {
            let mut push = terms.pushes[0].clone();
            push.length = 1;
            terms.pushes = List::new(vec![push]).unwrap();
        },
        |terms| {
            let mut push = terms.pushes[0].clone();
            push.key = MaskedKey::from_bytes([9; 32]);
            terms.pushes = List::new(vec![push]).unwrap();
        },
        |terms| {
            let mut push = terms.pushes[0].clone();
            push.trace = id(2);
            terms.pushes = List::new(vec![push]).unwrap();
        },
    ];
    for change in changes {
        let mut terms = good.clone();
        change(&mut terms);
        let body = Body::AppendTrace(TraceAppend {
            terms,
            proof: proof.clone(),
        });
        assert_eq!(world.refused(AUTHOR, body), Refusal::ProofInvalid);
    }
    // By another author, with a pass of his own.
    let mut terms = good.clone();
    let until = TimeMs::new(START + 1_000_000);
    let other = key(91).verifying_key();
    terms.pass = AuthorPass::issue(
        world.ledger.chain(),
        other,
        Role::Maker,
        TimeMs::new(START),
        until,
        &key(CONSORTIUM),
    );
    let body = Body::AppendTrace(TraceAppend {
        terms,
        proof: proof.clone(),
    });
    assert_eq!(world.refused(91, body), Refusal::ProofInvalid);
    // And as it is, it holds.
    world.applied(
        AUTHOR,
        Body::AppendTrace(TraceAppend { terms: good, proof }),
    );
}

#[test]
fn only_holders_of_a_pass_of_the_consortium_append() {
    let mut world = World::new();
    let good = terms(&world, Role::Maker, TraceAction::Commission, &[(1, 0)]);
    let day = 24 * 60 * 60 * 1_000;
    let until = TimeMs::new(START + 1_000_000);
    let issue = |ca: u8, until: TimeMs, chain| {
        AuthorPass::issue(
            chain,
            key(AUTHOR).verifying_key(),
            Role::Maker,
            TimeMs::new(START),
            until,
            &key(ca),
        )
    };
    let chain = world.ledger.chain();
    let other_chain = yilian_protocol::ChainId::from_bytes([3; 32]);
    let bad = [
        issue(50, until, chain),
        issue(CONSORTIUM, until, other_chain),
        issue(CONSORTIUM, TimeMs::new(START + 32 * day), chain),
        issue(CONSORTIUM, TimeMs::new(START - 1), chain),
        AuthorPass {
            role: Role::Pharmacist,
            ..issue(CONSORTIUM, until, chain)
        },
    ];
    for pass in bad {
        let terms = TraceTerms {
            pass,
            ..good.clone()
        };
        let body = proven(&world, terms, &[1]);
        assert!(
            matches!(world.refused(AUTHOR, body), Refusal::PassInvalid),
            "pass"
        );
    }
    let body = proven(&world, good.clone(), &[1]);
    assert_eq!(world.refused(91, body.clone()), Refusal::WrongSigner);
    world.now = until;
    assert_eq!(world.refused(AUTHOR, body.clone()), Refusal::PassExpired);
    world.now = TimeMs::new(START - 1);
    assert_eq!(world.refused(AUTHOR, body.clone()), Refusal::PassExpired);
    world.now = TimeMs::new(START);
    world.applied(AUTHOR, body);
}

/// Passes are kept for years, and each is good for as many appends as its holder signs.
#[test]
fn old_passes_and_closed_windows_fill_no_blocks() {
    let world = World::new();
    let good = terms(&world, Role::Maker, TraceAction::Commission, &[(1, 0)]);
    let bytes = world.sign(AUTHOR, proven(&world, good.clone(), &[1]));
    let prepared = Prepared::from(world.ledger.admit(&bytes).unwrap());
    let at = |height: u64, time: TimeMs| {
        let context = BlockContext {
            admitted: Admitted {
                height: Height::new(height),
                time,
            },
            ..world.context(height)
        };
        let standing = world.ledger.standing_reads(Height::new(height));
        let keys = world.ledger.reads(&bytes).into_iter().chain(standing);
        let state = world.fetched(keys);
        let vetted = world.ledger.vet(context.admitted, &prepared, &state);
        let whole = world
            .ledger
            .execute(context, std::slice::from_ref(&bytes), &state)
            .unwrap();
        // Who is asked before it is ordered says the same as who votes.
        assert_eq!(vetted.as_ref().unwrap().is_err(), whole.strangers == [0]);
        vetted.unwrap()
    };
    let (last, until) = (good.window.until.get(), good.pass.valid_until);
    let just = TimeMs::new(until.get() - 1);
    assert_eq!(at(last, just), Ok(()));
    assert_eq!(at(last, until), Err(Refusal::PassExpired));
    assert_eq!(at(last + 1, just), Err(Refusal::OutsideWindow));
}

#[test]
fn rights_are_those_of_the_table() {
    let mut world = World::new();
    use TraceAction::{Commission, Correct, Destroy, Dispense, DispensePart, Observe, Recall};
    for (role, allowed) in [
        (
            Role::Maker,
            &[Commission, Observe, Destroy, Recall, Correct][..],
        ),
        (Role::Courier, &[Commission, Observe, Destroy, Correct]),
        (
            Role::Pharmacist,
            &[
                Commission,
                Observe,
                Dispense,
                DispensePart,
                Destroy,
                Correct,
            ],
        ),
        (Role::Regulator, &[Observe, Recall]),
        (Role::Doctor, &[]),
        (Role::Admin, &[]),
        (Role::Researcher, &[]),
    ] {
        for action in TraceAction::ALL {
            assert_eq!(
                action.is_open_to(role),
                allowed.contains(action),
                "{role} {action}"
            );
        }
    }
    let body = append(&world, Role::Courier, Dispense, &[(1, 0)]);
    assert_eq!(world.refused(AUTHOR, body), Refusal::RoleNotAllowed);
}

#[test]
fn traces_begin_once_and_grow_by_one() {
    let mut world = World::new();
    let observe = append(&world, Role::Maker, TraceAction::Observe, &[(1, 0)]);
    assert_eq!(
        world.refused(AUTHOR, observe.clone()),
        Refusal::TraceUnknown
    );
    let wrong = append(&world, Role::Maker, TraceAction::Commission, &[(1, 1)]);
    assert_eq!(world.refused(AUTHOR, wrong), Refusal::StaleTrace);
    done(&mut world, Role::Maker, TraceAction::Commission, &[(1, 0)]);
    let twice = append(
        &world,
        Role::Maker,
        TraceAction::Commission,
        &[(2, 0), (1, 0)],
    );
    assert_eq!(world.refused(AUTHOR, twice), Refusal::TraceExists);
    assert_eq!(head(&world, 2), None);
    assert_eq!(world.refused(AUTHOR, observe), Refusal::StaleTrace);
    done(&mut world, Role::Maker, TraceAction::Observe, &[(1, 1)]);
    // The same transaction again: the trace has grown since.
    let replay = append(&world, Role::Maker, TraceAction::Observe, &[(1, 1)]);
    assert_eq!(world.refused(AUTHOR, replay), Refusal::StaleTrace);
}

#[test]
fn packs_are_named_once_and_in_their_one_spelling() {
    let mut world = World::new();
    let commission = TraceAction::Commission;
    let none = Body::AppendTrace(TraceAppend {
        terms: terms(&world, Role::Maker, commission, &[]),
        proof: Blob::default(),
    });
    assert_eq!(world.refused(AUTHOR, none), Refusal::TracePacks);
    let twice = append(&world, Role::Maker, commission, &[(1, 0), (1, 0)]);
    assert_eq!(world.refused(AUTHOR, twice), Refusal::TracePacks);
    let mut respelled = terms(&world, Role::Maker, commission, &[(1, 0)]);
    let mut push = respelled.pushes[0].clone();
    push.trace = TraceId::from_bytes([0xff; 32]);
    respelled.pushes = List::new(vec![push]).unwrap();
    let body = proven(&world, respelled, &[1]);
    assert_eq!(world.refused(AUTHOR, body), Refusal::Malformed);
}

#[test]
fn a_window_bounds_when_an_append_is_executed() {
    let mut world = World::new();
    let window = |from, until| HeightWindow {
        from: Height::new(from),
        until: Height::new(until),
    };
    for bad in [window(5, 10), window(0, 0), window(3, 2), window(0, 1_001)] {
        let mut terms = terms(&world, Role::Maker, TraceAction::Commission, &[(1, 0)]);
        terms.window = bad;
        let body = proven(&world, terms, &[1]);
        assert_eq!(
            world.refused(AUTHOR, body),
            Refusal::OutsideWindow,
            "{bad:?}"
        );
        world.height = 0;
    }
}

/// Who appends to a closed trace holds a copied code: refused, and kept as an alarm.
#[test]
fn an_append_to_a_closed_trace_is_refused_and_leaves_an_alarm() {
    let mut world = World::new();
    done(
        &mut world,
        Role::Maker,
        TraceAction::Commission,
        &[(1, 0), (2, 0)],
    );
    done(
        &mut world,
        Role::Pharmacist,
        TraceAction::Dispense,
        &[(1, 1)],
    );
    let closed = head(&world, 1).unwrap();

    // Double dispensing, by a pharmacist who read the trace; the good pack beside it stays as it
    // is.
    let again = append(
        &world,
        Role::Pharmacist,
        TraceAction::Dispense,
        &[(1, 2), (2, 1)],
    );
    let bytes = world.sign(AUTHOR, again);
    let outcome = world.block(&[bytes]);
    assert_eq!(outcome[0].ok(), Err(Refusal::TraceClosed));
    let alarmed = head(&world, 1).unwrap();
    assert_eq!(
        (alarmed.length, alarmed.late, alarmed.state),
        (3, 1, TraceState::Dispensed)
    );
    assert_eq!(
        alarmed.link,
        TraceHead::link(closed.link, &item(&world, 1, 2))
    );
    assert!(item(&world, 1, 2).late);
    assert_eq!(head(&world, 2).unwrap().length, 1);
    let again = append(&world, Role::Courier, TraceAction::Observe, &[(1, 3)]);
    let bytes = world.sign(AUTHOR, again);
    assert_eq!(world.block(&[bytes])[0].ok(), Err(Refusal::TraceClosed));
    assert_eq!(head(&world, 1).unwrap().late, 2);

    // A stranger without the code makes no alarm.
    let forged = terms(&world, Role::Courier, TraceAction::Observe, &[(1, 4)]);
    let forged = proven(&world, forged, &[3]);
    assert_eq!(world.refused(AUTHOR, forged), Refusal::ProofInvalid);

    // And alarms do not fill the disk.
    for _ in 0..20 {
        let length = head(&world, 1).unwrap().length;
        let late = append(&world, Role::Courier, TraceAction::Observe, &[(1, length)]);
        let bytes = world.sign(AUTHOR, late);
        assert_eq!(world.block(&[bytes])[0].ok(), Err(Refusal::TraceClosed));
    }
    assert_eq!(head(&world, 1).unwrap().late, 16);
}

/// The answer to a dispensing got lost, and the pharmacist's device signs it again as it was read
/// then; or two were made at once. Neither knew that the trace was closed.
#[test]
fn fault_12_a_retry_raises_a_false_alarm_for_ever() {
    let mut world = World::new();
    let made = TraceAction::Commission;
    done(&mut world, Role::Maker, made, &[(1, 0), (2, 0)]);
    let dispense = TraceAction::Dispense;
    done(&mut world, Role::Pharmacist, dispense, &[(1, 1)]);
    let before = head(&world, 1);
    for (role, packs) in [
        (Role::Pharmacist, &[(1, 1)][..]),
        (Role::Pharmacist, &[(1, 1), (2, 1)]),
    ] {
        let again = append(&world, role, dispense, packs);
        assert_eq!(world.refused(AUTHOR, again), Refusal::StaleTrace);
    }
    assert_eq!(head(&world, 1), before, "no alarm");
}

#[test]
fn closed_traces_take_what_still_makes_sense() {
    use TraceAction::{Commission, Correct, Destroy, Dispense, DispensePart, Observe, Recall};
    use TraceState::{Destroyed, Dispensed, Open, Recalled};
    for (state, action, after) in [
        (Open, Observe, Some(Open)),
        (Open, Commission, Some(Open)),
        (Open, Dispense, Some(Dispensed)),
        (Open, Destroy, Some(Destroyed)),
        (Open, Recall, Some(Recalled)),
        (Open, DispensePart, Some(Open)),
        (Dispensed, DispensePart, None),
        (Dispensed, Dispense, None),
        (Dispensed, Observe, None),
        (Dispensed, Recall, Some(Recalled)),
        (Dispensed, Destroy, Some(Destroyed)),
        (Dispensed, Correct, Some(Dispensed)),
        (Recalled, Destroy, Some(Destroyed)),
        (Recalled, Dispense, None),
        (Recalled, Recall, None),
        (Destroyed, Destroy, None),
        (Destroyed, Recall, None),
        (Destroyed, Observe, None),
        (Destroyed, Correct, Some(Destroyed)),
    ] {
        assert_eq!(state.after(action), after, "{state} {action}");
    }
    let mut world = World::new();
    done(&mut world, Role::Maker, Commission, &[(1, 0)]);
    done(&mut world, Role::Pharmacist, DispensePart, &[(1, 1)]);
    done(&mut world, Role::Pharmacist, Dispense, &[(1, 2)]);
    done(&mut world, Role::Pharmacist, Correct, &[(1, 3)]);
    done(&mut world, Role::Regulator, Recall, &[(1, 4)]);
    done(&mut world, Role::Pharmacist, Destroy, &[(1, 5)]);
    let head = head(&world, 1).unwrap();
    assert_eq!((head.length, head.late, head.state), (6, 0, Destroyed));
}

#[test]
fn a_prescription_is_dispensed_once() {
    let mut world = World::new();
    done(
        &mut world,
        Role::Maker,
        TraceAction::Commission,
        &[(1, 0), (2, 0)],
    );
    let dispense = |world: &World, number: u8| {
        let mut terms = terms(
            world,
            Role::Pharmacist,
            TraceAction::Dispense,
            &[(number, 1)],
        );
        terms.prescription = Some(TreeHash::from_bytes([5; 32]));
        proven(world, terms, &[number])
    };
    let body = dispense(&world, 1);
    world.applied(AUTHOR, body);
    let body = dispense(&world, 2);
    assert_eq!(world.refused(AUTHOR, body), Refusal::PrescriptionUsed);
    let mut shipped = terms(&world, Role::Courier, TraceAction::Observe, &[(2, 1)]);
    shipped.prescription = Some(TreeHash::from_bytes([6; 32]));
    let body = proven(&world, shipped, &[2]);
    assert_eq!(world.refused(AUTHOR, body), Refusal::Malformed);
}

/// Two appends of one block: the second meets the state that the first leaves.
#[test]
fn appends_of_one_block_see_each_other() {
    let mut world = World::new();
    let commission = append(&world, Role::Maker, TraceAction::Commission, &[(1, 0)]);
    let dispense = append(&world, Role::Pharmacist, TraceAction::Dispense, &[(1, 1)]);
    let transactions = [
        world.sign(AUTHOR, commission.clone()),
        world.sign(AUTHOR, commission),
        world.sign(AUTHOR, dispense.clone()),
        world.sign(AUTHOR, dispense),
    ];
    let outcomes: Vec<_> = world
        .block(&transactions)
        .iter()
        .map(|outcome| outcome.ok())
        .collect();
    assert_eq!(
        outcomes,
        [
            Ok(()),
            Err(Refusal::TraceExists),
            Ok(()),
            Err(Refusal::StaleTrace)
        ]
    );
}
