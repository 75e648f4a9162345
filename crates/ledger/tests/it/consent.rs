//! The consent contract: who may change a grant, and the one check before a key holder serves.

use yilian_crypto::{
    pre::{DelegateeSecret, Rekey},
    sign::SigningKey,
};
use yilian_ledger::consent::{check, check_deposit, check_reads, deposit_reads};
use yilian_protocol::{
    GrantId, TimeMs,
    codec::List,
    grant::{Ask, Deposit, Grant, GrantChange, GrantState, Purpose, ScopeRef, SignedAsk, Terms},
    ids::Salt,
    limits::CLOCK_SKEW_MS,
    refusal::Refusal,
    registry::{Revocation, Role},
    tx::Body,
};

use crate::world::{
    NORTH, SOUTH, START, World, certificate, certificate_id, delegator, key, member_id, record_id,
    scope, seal,
};

const CONTROLLER: u8 = 60;
const READER: u8 = 30;

fn terms() -> Terms {
    Terms {
        salt: Salt::from_bytes([3; 32]),
        reader: certificate_id(READER, SOUTH),
        purpose: Purpose::Treatment,
        from: TimeMs::new(START),
        scopes: List::new(vec![ScopeRef(delegator().public().scope(&scope(4)))]).unwrap(),
    }
}

fn grant() -> Grant {
    Grant {
        controller: key(CONTROLLER).verifying_key(),
        terms: terms().commitment(),
        until: TimeMs::new(START + 500_000),
        holders: List::new(vec![member_id(NORTH)]).unwrap(),
    }
}

fn change(state: GrantState, sequence: u32) -> Body {
    Body::SetGrant(GrantChange {
        grant: grant().id(),
        state,
        sequence,
    })
}

/// A record of the granted scope, a certified reader, and the grant.
fn granted() -> World {
    let mut world = World::with_hospitals();
    world.applied(NORTH + 1, seal(NORTH, 0, &[1]));
    world.applied(
        SOUTH,
        Body::Certify(certificate(READER, SOUTH, Role::Doctor)),
    );
    world.applied(CONTROLLER, Body::CreateGrant(grant()));
    world
}

fn ask() -> Ask {
    Ask {
        grant: grant().id(),
        record: record_id(1),
        scope: delegator().public().scope(&scope(4)),
        reader: certificate_id(READER, SOUTH),
        purpose: Purpose::Treatment,
        asked_at: TimeMs::new(START),
    }
}

fn verdict(world: &World, ask: Ask, signer: &SigningKey, terms: Option<&Terms>) -> Option<Refusal> {
    let chain = world.ledger.chain();
    let signed = SignedAsk::sign(chain, ask, signer);
    let state = world.fetched(check_reads(&signed));
    let holders = [member_id(NORTH)];
    check(&state, chain, &holders, world.now, terms, &signed)
        .unwrap()
        .err()
}

fn refusal(world: &World, ask: Ask) -> Option<Refusal> {
    verdict(world, ask, &key(READER), Some(&terms()))
}

#[test]
fn only_the_controller_makes_and_changes_a_grant() {
    let mut world = World::with_hospitals();
    assert_eq!(
        world.refused(READER, Body::CreateGrant(grant())),
        Refusal::WrongSigner
    );
    assert_eq!(
        world.refused(CONTROLLER, change(GrantState::Paused, 1)),
        Refusal::GrantUnknown
    );
    let mut strange = grant();
    strange.holders = List::new(vec![member_id(50)]).unwrap();
    assert_eq!(
        world.refused(CONTROLLER, Body::CreateGrant(strange)),
        Refusal::MemberUnknown
    );
    world.applied(CONTROLLER, Body::CreateGrant(grant()));
    assert_eq!(
        world.refused(CONTROLLER, Body::CreateGrant(grant())),
        Refusal::GrantExists
    );
    assert_eq!(
        world.refused(READER, change(GrantState::Paused, 1)),
        Refusal::WrongSigner
    );
}

#[test]
fn an_old_resume_cannot_be_played_over_a_pause() {
    let mut world = granted();
    world.applied(CONTROLLER, change(GrantState::Paused, 1));
    let resume = world.sign(CONTROLLER, change(GrantState::Active, 2));
    world.block(std::slice::from_ref(&resume));
    world.applied(CONTROLLER, change(GrantState::Paused, 3));
    assert_eq!(world.refused_bytes(resume), Refusal::StaleChange);
    assert_eq!(
        world.refused(CONTROLLER, change(GrantState::Active, 5)),
        Refusal::StaleChange
    );
    assert_eq!(refusal(&world, ask()), Some(Refusal::GrantPaused));
}

#[test]
fn a_revoked_grant_stays_revoked() {
    let mut world = granted();
    world.applied(CONTROLLER, change(GrantState::Revoked, 1));
    assert_eq!(
        world.refused(CONTROLLER, change(GrantState::Active, 2)),
        Refusal::GrantRevoked
    );
    assert_eq!(refusal(&world, ask()), Some(Refusal::GrantRevoked));
}

#[test]
fn the_named_reader_is_served_for_the_named_scope_and_purpose() {
    assert_eq!(refusal(&granted(), ask()), None);
}

#[test]
fn every_reason_to_refuse_has_its_name() {
    let world = granted();
    let unknown = Ask {
        grant: GrantId::from_bytes([0; 32]),
        ..ask()
    };
    assert_eq!(refusal(&world, unknown), Some(Refusal::GrantUnknown));
    let no_terms = verdict(&world, ask(), &key(READER), None);
    assert_eq!(no_terms, Some(Refusal::NotKeyHolder));
    let mut other = terms();
    other.salt = Salt::from_bytes([4; 32]);
    let mismatch = verdict(&world, ask(), &key(READER), Some(&other));
    assert_eq!(mismatch, Some(Refusal::TermsMismatch));
    let stranger = Ask {
        reader: certificate_id(31, SOUTH),
        ..ask()
    };
    assert_eq!(refusal(&world, stranger), Some(Refusal::ReaderNotNamed));
    let impostor = verdict(&world, ask(), &key(31), Some(&terms()));
    assert_eq!(impostor, Some(Refusal::BadSignature));
    let purpose = Ask {
        purpose: Purpose::Research,
        ..ask()
    };
    assert_eq!(refusal(&world, purpose), Some(Refusal::PurposeNotGranted));
    let scope = Ask {
        scope: delegator().public().scope(&scope(3)),
        ..ask()
    };
    assert_eq!(refusal(&world, scope), Some(Refusal::ScopeNotGranted));
    let record = Ask {
        record: record_id(9),
        ..ask()
    };
    assert_eq!(refusal(&world, record), Some(Refusal::RecordUnknown));
    let stale = Ask {
        asked_at: TimeMs::new(START + CLOCK_SKEW_MS + 1),
        ..ask()
    };
    assert_eq!(refusal(&world, stale), Some(Refusal::StaleRequest));
}

#[test]
fn time_and_standing_are_checked_at_the_moment_of_asking() {
    let mut world = granted();
    let at = |time: u64| Ask {
        asked_at: TimeMs::new(time),
        ..ask()
    };
    world.now = TimeMs::new(START - 1);
    assert_eq!(
        refusal(&world, at(START - 1)),
        Some(Refusal::GrantNotYetValid)
    );
    world.now = TimeMs::new(START + 500_000);
    assert_eq!(
        refusal(&world, at(START + 500_000)),
        Some(Refusal::GrantExpired)
    );
    world.now = TimeMs::new(START + 10);
    let reason = yilian_protocol::codec::Text::new("left").unwrap();
    let certificate = certificate_id(READER, SOUTH);
    world.applied(
        SOUTH,
        Body::Revoke(Revocation {
            member: member_id(SOUTH),
            certificate,
            reason,
        }),
    );
    assert_eq!(
        refusal(&world, at(START + 10)),
        Some(Refusal::CertificateRevoked)
    );
}

#[test]
fn a_holder_that_the_grant_does_not_name_serves_nobody() {
    let world = granted();
    let chain = world.ledger.chain();
    let signed = SignedAsk::sign(chain, ask(), &key(READER));
    let state = world.fetched(check_reads(&signed));
    let holders = [member_id(SOUTH)];
    let served = check(&state, chain, &holders, world.now, Some(&terms()), &signed).unwrap();
    assert_eq!(served.err(), Some(Refusal::NotKeyHolder));
}

fn deposited(world: &World, rekeys: Vec<Rekey>, controller: u8) -> Option<Refusal> {
    let chain = world.ledger.chain();
    let mut deposit = Deposit::sign(chain, terms(), List::new(rekeys).unwrap(), &key(controller));
    deposit.grant = grant().id();
    let state = world.fetched(deposit_reads(&deposit));
    check_deposit(&state, chain, &[member_id(NORTH)], world.now, &deposit)
        .unwrap()
        .err()
}

#[test]
fn a_deposit_holds_the_right_rekeys_of_the_right_patient() {
    let mut world = granted();
    let rekey = |quarter: u8, reader: u8| {
        let reader = DelegateeSecret::from_seed(&[reader; 32]).public();
        delegator().scope(&scope(quarter)).rekey(&reader)
    };
    assert_eq!(deposited(&world, vec![rekey(4, READER)], CONTROLLER), None);
    for wrong in [
        vec![rekey(4, 31)],
        vec![rekey(3, READER)],
        vec![],
        vec![rekey(4, READER); 2],
    ] {
        assert_eq!(
            deposited(&world, wrong, CONTROLLER),
            Some(Refusal::WrongRekey)
        );
    }
    let forged = deposited(&world, vec![rekey(4, READER)], READER);
    assert_eq!(forged, Some(Refusal::BadSignature));
    world.applied(CONTROLLER, change(GrantState::Paused, 1));
    assert_eq!(deposited(&world, vec![rekey(4, READER)], CONTROLLER), None);
    world.applied(CONTROLLER, change(GrantState::Revoked, 2));
    let late = deposited(&world, vec![rekey(4, READER)], CONTROLLER);
    assert_eq!(late, Some(Refusal::GrantRevoked));
}
