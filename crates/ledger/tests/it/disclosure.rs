//! Opening identities: the line on the chain, and who may put it there.

use rand::SeedableRng as _;
use yilian_crypto::pseudonym::RegulatorSecret;
use yilian_ledger::Ledger;
use yilian_protocol::{
    TimeMs,
    codec::{Decode as _, List, Text},
    disclosure::{Approval, Disclosure, DisclosureEntry, DisclosureRequest},
    evidence::VisitEntry,
    limits::DISCLOSURE_MS,
    refusal::Refusal,
    registry::{Certificate, Genesis, Motion, Role, Vote},
    state::tables::{DISCLOSURE, DISCLOSURES, VISIT},
    tx::Body,
};

use crate::world::{NORTH, SOUTH, START, World, binding, certificate, key, member_id, nym, seal};

const EAST: u8 = 30;
/// Regulators by their keys; the last is of another member.
const THREE: [(u8, u8); 3] = [(61, NORTH), (62, NORTH), (63, SOUTH)];

fn regulator(number: u8, hospital: u8) -> Certificate {
    certificate(number, hospital, Role::Regulator)
}

/// Three hospitals with three regulators, two of whom it takes, and a visit.
fn world() -> World {
    let mut world = World::with(&[NORTH, SOUTH, EAST]);
    for (number, hospital) in THREE {
        world.applied(hospital, Body::Certify(regulator(number, hospital)));
    }
    world.applied(NORTH + 1, seal(NORTH, 0, &[1]));
    // From here on it takes two: the genesis says so, and nothing of it is read before.
    let mut rng = rand::rngs::StdRng::seed_from_u64(7);
    let (dealt, _) = RegulatorSecret::random(&mut rng)
        .deal(2, 3, &mut rng)
        .unwrap();
    let genesis = Genesis {
        regulators: dealt.into(),
        ..world.ledger.genesis().clone()
    };
    world.ledger = Ledger::new(genesis);
    world
}

fn request(world: &World, visit: u32) -> DisclosureRequest {
    let (number, hospital) = THREE[0];
    DisclosureRequest {
        nym: nym(visit),
        case: Text::new("2026-1").unwrap(),
        reason: Text::new("abuse").unwrap(),
        by: regulator(number, hospital).id(),
        member: member_id(hospital),
        at: world.now,
    }
}

fn approval(world: &World, request: &DisclosureRequest, number: u8, hospital: u8) -> Approval {
    let of = (regulator(number, hospital).id(), member_id(hospital));
    Approval::sign(world.ledger.chain(), request, of, &key(number))
}

fn disclosure(world: &World, visit: u32, others: &[(u8, u8)]) -> Body {
    let request = request(world, visit);
    let approvals = others
        .iter()
        .map(|(number, hospital)| approval(world, &request, *number, *hospital));
    let approvals = List::new(approvals.collect()).unwrap();
    Body::Disclose(Disclosure { request, approvals })
}

#[test]
fn two_of_three_regulators_put_the_line_onto_the_chain_once() {
    let mut world = world();
    let body = disclosure(&world, 0, &THREE[2..]);
    world.applied(61, body.clone());
    let id = request(&world, 0).id();
    let entry = &world.state[&DISCLOSURE.key(id.as_bytes())];
    let entry = DisclosureEntry::from_slice(entry).unwrap();
    assert_eq!(entry.disclosure.request, request(&world, 0));
    assert_eq!(entry.admitted.time, world.now);
    // The patient finds it by his pseudonym.
    let listed = &world.state[&DISCLOSURES.item_key(&nym(0).to_bytes(), 0)];
    assert_eq!(DISCLOSURES.items().read(listed), Ok(id));
    assert_eq!(world.refused(61, body), Refusal::DisclosureExists);
}

#[test]
fn fault_10_an_identity_is_opened_by_too_few_or_by_whom_it_is_not_for() {
    let mut world = world();
    let alone = disclosure(&world, 0, &[]);
    assert_eq!(world.refused(61, alone), Refusal::TooFewRegulators);
    let twice = disclosure(&world, 0, &[THREE[0]]);
    assert_eq!(world.refused(61, twice), Refusal::TooFewRegulators);
    // Whoever asks signs.
    let good = disclosure(&world, 0, &THREE[1..2]);
    for stranger in [62, NORTH, NORTH + 1, 99] {
        assert_eq!(world.refused(stranger, good.clone()), Refusal::WrongSigner);
    }
    // A pseudonym under which nothing was sealed.
    let unknown = disclosure(&world, 5, &THREE[1..2]);
    assert_eq!(world.refused(61, unknown), Refusal::VisitUnknown);
    // A doctor approves.
    let doctor = certificate(64, NORTH, Role::Doctor);
    world.applied(NORTH, Body::Certify(doctor.clone()));
    let request = request(&world, 0);
    let of = (doctor.id(), member_id(NORTH));
    let chain = world.ledger.chain();
    let approved = |approval| {
        Body::Disclose(Disclosure {
            request: request.clone(),
            approvals: List::new(vec![approval]).unwrap(),
        })
    };
    let approval = Approval::sign(chain, &request, of, &key(64));
    let refused = world.refused(61, approved(approval));
    assert_eq!(refused, Refusal::RoleNotAllowed);
    // An approval of something else, and one that another signed.
    let mut other = request.clone();
    other.reason = Text::new("curiosity").unwrap();
    let of = (regulator(62, NORTH).id(), member_id(NORTH));
    for forged in [
        Approval::sign(chain, &other, of, &key(62)),
        Approval::sign(chain, &request, of, &key(61)),
    ] {
        assert_eq!(world.refused(61, approved(forged)), Refusal::BadSignature);
    }
}

#[test]
fn fault_10_a_suspended_members_regulator_opens_nothing() {
    let mut world = world();
    for voter in [NORTH, EAST] {
        let vote = Vote {
            subject: member_id(SOUTH),
            motion: Motion::Suspend,
            round: 0,
            voter: member_id(voter),
            favour: true,
            sequence: 0,
        };
        world.applied(voter, Body::Vote(vote));
    }
    let with_suspended = disclosure(&world, 0, &THREE[2..]);
    let refused = world.refused(61, with_suspended);
    assert_eq!(refused, Refusal::MemberSuspended);
    let others = disclosure(&world, 0, &THREE[1..2]);
    world.applied(61, others);
}

#[test]
fn a_request_is_good_for_a_month_and_not_from_the_future() {
    let mut world = world();
    let body = disclosure(&world, 0, &THREE[1..2]);
    let begun = world.now;
    let request = request(&world, 0);
    let last = begun.plus_ms(DISCLOSURE_MS - 1);
    assert_eq!(request.is_fresh(last), Ok(()));
    let stale = Err(Refusal::StaleRequest);
    assert_eq!(request.is_fresh(begun.plus_ms(DISCLOSURE_MS)), stale);
    world.now = TimeMs::new(START - 600_000);
    assert_eq!(request.is_fresh(world.now), stale);
    world.now = begun;
    world.applied(61, body);
}

#[test]
fn fault_10_a_member_takes_a_pending_pseudonym() {
    let mut world = World::with_hospitals();
    // The thief saw the token, or the first seal on its way: it has all that was signed.
    let Body::Seal(mut stolen) = seal(NORTH, 0, &[1]) else {
        unreachable!()
    };
    stolen.hospital = member_id(SOUTH);
    let refused = world.refused(SOUTH + 1, Body::Seal(stolen.clone()));
    assert_eq!(refused, Refusal::VisitUnbound);
    // With a signature under a pseudonym of its own, and with none.
    stolen.binding = Some(binding(SOUTH, 1));
    let refused = world.refused(SOUTH + 1, Body::Seal(stolen.clone()));
    assert_eq!(refused, Refusal::VisitUnbound);
    stolen.binding = None;
    let refused = world.refused(SOUTH + 1, Body::Seal(stolen));
    assert_eq!(refused, Refusal::VisitUnbound);
    // The patient's own hospital comes after that, as if nothing had been.
    world.applied(NORTH + 1, seal(NORTH, 0, &[1]));
}

#[test]
fn fault_10_a_hospital_invents_a_visit_of_a_patient() {
    let mut world = World::with_hospitals();
    let Body::Seal(mut invented) = seal(NORTH, 0, &[1]) else {
        unreachable!()
    };
    invented.binding = None;
    let refused = world.refused(NORTH + 1, Body::Seal(invented.clone()));
    assert_eq!(refused, Refusal::VisitUnbound);
    // What the patient signed for another visit of his at the same hospital.
    invented.binding = Some(binding(NORTH, 1));
    let refused = world.refused(NORTH + 1, Body::Seal(invented));
    assert_eq!(refused, Refusal::VisitUnbound);
}

#[test]
fn a_visit_is_bound_once_and_later_seals_refer_to_it() {
    let mut world = World::with_hospitals();
    world.applied(NORTH + 1, seal(NORTH, 0, &[1]));
    let entry = &world.state[&VISIT.key(&nym(0).to_bytes())];
    let expected = VisitEntry {
        hospital: member_id(NORTH),
        visit: binding(NORTH, 0).visit,
    };
    assert_eq!(VISIT.read(entry), Ok(expected));
    let Body::Seal(mut later) = seal(NORTH, 0, &[2]) else {
        unreachable!()
    };
    later.binding = None;
    world.applied(NORTH + 1, Body::Seal(later.clone()));
    // Two devices that seal at the same time both bring it.
    world.applied(NORTH + 1, seal(NORTH, 0, &[3]));
    // Another token of the same pseudonym, which no wallet makes, changes nothing.
    let chain = world.ledger.chain();
    let Body::Seal(mut other) = seal(NORTH, 0, &[4]) else {
        unreachable!()
    };
    other.binding = Some(crate::world::other_binding(chain, NORTH, 0));
    let refused = world.refused(NORTH + 1, Body::Seal(other));
    assert_eq!(refused, Refusal::VisitUnbound);
}
