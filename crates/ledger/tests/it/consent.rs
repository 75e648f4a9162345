//! The consent contract: who may change a grant, and the one check before a key holder serves.

use std::sync::OnceLock;

use rand::SeedableRng as _;

use yilian_crypto::{
    pre::{DelegateeSecret, HolderIndex, Rekey, ShareCommitment},
    psk::SecretShare,
    sign::SigningKey,
};
use yilian_ledger::consent::{
    check, check_deposit, check_reads, check_uses, deposit_reads, uses_reads,
};
use yilian_protocol::{
    CertificateId, ChainId, GrantId, MemberId, TimeMs,
    codec::{Decode as _, List, Text},
    grant::{
        Ask, Clinician, Commitment, Dealt, Deposit, Erasure, Grant, GrantChange, GrantState,
        GrantedScope, Opening, OpeningEntry, Purpose, SecretOf, SignedAsk, SignedSecret, Terms,
        UsesRequest,
    },
    ids::Salt,
    limits::{CLOCK_SKEW_MS, OPENING_MS},
    refusal::Refusal,
    registry::{Motion, Revocation, Role, Vote},
    state::tables::{GRANT, OPENINGS},
    tx::Body,
};

use crate::world::{
    CERTIFIED_MS, CONSORTIUM, NORTH, SOUTH, START, World, certificate, certificate_id, clinician,
    delegator, key, member, member_id, record_id, scope, seal, vouched,
};

pub const CONTROLLER: u8 = 60;
pub const READER: u8 = 30;

/// Both hospitals together turn records of the fourth quarter to the reader.
fn dealt() -> &'static (ShareCommitment, Vec<Rekey>) {
    static DEALT: OnceLock<(ShareCommitment, Vec<Rekey>)> = OnceLock::new();
    DEALT.get_or_init(|| deal(4, READER, 0))
}

/// The patient's deal number `number`.
fn deal(quarter: u8, reader: u8, number: u64) -> (ShareCommitment, Vec<Rekey>) {
    let reader = DelegateeSecret::from_seed(&[reader; 32]).public();
    let secret = delegator().scope(&scope(quarter));
    let mut rng = rand::rngs::StdRng::seed_from_u64(number);
    secret.deal(&reader, 2, 2, &mut rng).unwrap()
}

pub fn terms() -> Terms {
    Terms {
        salt: Salt::from_bytes([3; 32]),
        reader: certificate_id(READER, SOUTH),
        purpose: Purpose::Treatment,
        from: TimeMs::new(START),
        scopes: List::new(vec![GrantedScope {
            key: delegator().public().scope(&scope(4)),
            commitment: Commitment(dealt().0.clone()),
        }])
        .unwrap(),
    }
}

pub fn grant() -> Grant {
    Grant {
        controller: key(CONTROLLER).verifying_key(),
        terms: terms().commitment(),
        until: TimeMs::new(START + 500_000),
        holders: List::new(vec![member_id(NORTH), member_id(SOUTH)]).unwrap(),
        threshold: 2,
        emergency: false,
    }
}

pub fn change(state: GrantState, sequence: u32) -> Body {
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
    world.applied(CONTROLLER, vouched(&world, grant(), NORTH));
    world
}

pub fn ask() -> Ask {
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
    let state = world.fetched(check_reads(&signed, member_id(SOUTH)));
    check(&state, chain, member_id(NORTH), world.now, terms, &signed)
        .unwrap()
        .err()
}

pub fn refusal(world: &World, ask: Ask) -> Option<Refusal> {
    verdict(world, ask, &key(READER), Some(&terms()))
}

#[test]
fn only_the_controller_makes_and_changes_a_grant() {
    let mut world = World::with_hospitals();
    assert_eq!(
        world.refused(READER, vouched(&world, grant(), NORTH)),
        Refusal::WrongSigner
    );
    assert_eq!(
        world.refused(CONTROLLER, change(GrantState::Paused, 1)),
        Refusal::GrantUnknown
    );
    let mut strange = grant();
    strange.holders = List::new(vec![member_id(50), member_id(NORTH)]).unwrap();
    assert_eq!(
        world.refused(CONTROLLER, vouched(&world, strange, NORTH)),
        Refusal::MemberUnknown
    );
    world.applied(CONTROLLER, vouched(&world, grant(), NORTH));
    assert_eq!(
        world.refused(CONTROLLER, vouched(&world, grant(), NORTH)),
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
fn a_grant_notes_its_last_change() {
    let mut world = granted();
    let key = GRANT.key(grant().id().as_bytes());
    let before = GRANT.read(&world.state[&key]).unwrap();
    assert_eq!((before.changes, before.changed), (0, before.admitted));
    world.applied(CONTROLLER, change(GrantState::Paused, 1));
    let after = GRANT.read(&world.state[&key]).unwrap();
    assert_eq!((after.changes, after.state), (1, GrantState::Paused));
    assert_eq!(after.changed.height.get(), world.height);
    assert_eq!(after.admitted, before.admitted);
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
fn a_grant_is_not_served_before_it_begins() {
    let terms = Terms {
        from: TimeMs::new(START + 5),
        ..terms()
    };
    let grant = Grant {
        terms: terms.commitment(),
        ..grant()
    };
    let mut world = World::with_hospitals();
    world.applied(NORTH + 1, seal(NORTH, 0, &[1]));
    let reader = certificate(READER, SOUTH, Role::Doctor);
    world.applied(SOUTH, Body::Certify(reader));
    let body = vouched(&world, grant, NORTH);
    world.applied(CONTROLLER, body);
    let mut served = |now: u64| {
        world.now = TimeMs::new(now);
        verdict(&world, ask(), &key(READER), Some(&terms))
    };
    assert_eq!(served(START + 4), Some(Refusal::GrantNotYetValid));
    assert_eq!(served(START + 5), None);
}

#[test]
fn every_reason_to_refuse_has_its_name() {
    let mut world = granted();
    world.applied(SOUTH, Body::Certify(certificate(31, SOUTH, Role::Doctor)));
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
    // Whether the terms name somebody is told to him alone.
    let named = verdict(&world, stranger.clone(), &key(31), Some(&terms()));
    assert_eq!(named, Some(Refusal::ReaderNotNamed));
    assert_eq!(refusal(&world, stranger), Some(Refusal::BadSignature));
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
    let just = Ask {
        asked_at: TimeMs::new(START + CLOCK_SKEW_MS),
        ..ask()
    };
    assert_eq!(refusal(&world, just), None);
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
        Some(Refusal::CertificateNotYetValid)
    );
    world.now = TimeMs::new(START + 500_000);
    assert_eq!(
        refusal(&world, at(START + 500_000)),
        Some(Refusal::GrantExpired)
    );
    world.now = TimeMs::new(START + 10);
    world.applied(SOUTH, revoked(READER, SOUTH));
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
    let state = world.fetched(check_reads(&signed, member_id(SOUTH)));
    let served = |holder: MemberId| {
        let terms = terms();
        check(&state, chain, holder, world.now, Some(&terms), &signed).unwrap()
    };
    let stranger = member_id(50);
    assert_eq!(served(stranger).err(), Some(Refusal::NotKeyHolder));
    let (north, south) = (member_id(NORTH), member_id(SOUTH));
    assert_eq!(served(north).unwrap().holder(), HolderIndex::at(0).unwrap());
    assert_eq!(served(south).unwrap().holder(), HolderIndex::at(1).unwrap());
    // And what may be served is what was asked for, to whom the certificate names.
    let consent = served(north).unwrap();
    assert_eq!(consent.grant(), grant().id());
    assert_eq!(consent.record().sealed.record, record_id(1));
    assert_eq!(*consent.scope(), ask().scope);
    assert_eq!(
        *consent.reader(),
        certificate(READER, SOUTH, Role::Doctor).delegatee
    );
}

#[test]
fn people_of_a_suspended_member_are_not_served() {
    let mut world = granted();
    for hospital in [70, 80, 90] {
        world.applied(CONSORTIUM, Body::Admit(member(hospital)));
    }
    assert_eq!(refusal(&world, ask()), None);
    for voter in [70, 80, 90] {
        let vote = Vote {
            subject: member_id(SOUTH),
            motion: Motion::Suspend,
            round: 0,
            voter: member_id(voter),
            favour: true,
            sequence: world.cast(voter),
        };
        world.applied(voter, Body::Vote(vote));
    }
    assert_eq!(refusal(&world, ask()), Some(Refusal::MemberSuspended));
}

/// Two doctors, of both hospitals, and a grant for emergencies.
pub fn emergency() -> World {
    emergency_until(START + 2 * CERTIFIED_MS)
}

fn emergency_until(until: u64) -> World {
    let mut world = World::with_hospitals();
    world.applied(NORTH + 1, seal(NORTH, 0, &[1]));
    for (person, hospital) in [(READER, SOUTH), (31, SOUTH), (32, NORTH)] {
        world.applied(
            hospital,
            Body::Certify(certificate(person, hospital, Role::Doctor)),
        );
    }
    world.applied(
        NORTH,
        Body::Certify(certificate(33, NORTH, Role::Researcher)),
    );
    let grant = Grant {
        emergency: true,
        until: TimeMs::new(until),
        ..grant()
    };
    world.applied(CONTROLLER, vouched(&world, grant, NORTH));
    world
}

/// An opening signed by `first`, for `second`, now.
pub fn opening(world: &World, first: (u8, u8), second: (u8, u8)) -> Body {
    opening_at(world, world.now, first, second)
}

pub fn opening_at(
    world: &World,
    at: TimeMs,
    (first, north): (u8, u8),
    (second, south): (u8, u8),
) -> Body {
    let both = (clinician(first, north), clinician(second, south));
    let reason = Text::new("unconscious").unwrap();
    let chain = world.ledger.chain();
    Body::Open(Opening::sign(
        chain,
        grant().id(),
        both,
        reason,
        at,
        &key(first),
    ))
}

fn revoked(person: u8, hospital: u8) -> Body {
    Body::Revoke(Revocation {
        member: member_id(hospital),
        certificate: certificate_id(person, hospital),
        reason: Text::new("left").unwrap(),
    })
}

#[test]
fn an_emergency_grant_opens_with_two_clinicians_for_a_day() {
    let mut world = emergency();
    assert_eq!(refusal(&world, ask()), Some(Refusal::GrantNotOpened));
    let open = opening(&world, (31, SOUTH), (32, NORTH));
    world.applied(32, open);
    assert_eq!(refusal(&world, ask()), None);
    // It stays on the chain, and the grant closes again.
    let count = OPENINGS.counts().key(grant().id().as_bytes());
    assert_eq!(u32::from_slice(&world.state[&count]).unwrap(), 1);
    let entry = OPENINGS.item_key(grant().id().as_bytes(), 0);
    let entry = OpeningEntry::from_slice(&world.state[&entry]).unwrap();
    assert_eq!(entry.opening.reason.as_str(), "unconscious");
    // To the last millisecond of the day; an old opening does not count, a second one does.
    let opened = world.now;
    let mut after = |ms: u64| {
        world.now = opened.plus_ms(ms);
        let asked_at = world.now;
        refusal(&world, Ask { asked_at, ..ask() })
    };
    assert_eq!(after(OPENING_MS - 1), None);
    assert_eq!(after(OPENING_MS), Some(Refusal::GrantNotOpened));
    let again = opening(&world, (32, NORTH), (31, SOUTH));
    world.applied(31, again);
    let asked_at = world.now;
    assert_eq!(refusal(&world, Ask { asked_at, ..ask() }), None);
    assert_eq!(u32::from_slice(&world.state[&count]).unwrap(), 2);
}

/// What the first signed is countersigned within a day, or never.
#[test]
fn an_opening_that_is_a_day_off_opens_nothing() {
    let mut world = emergency();
    world.now = TimeMs::new(START + OPENING_MS + 1);
    let (past, ahead) = (START + 1, world.now.get() + CLOCK_SKEW_MS + 1);
    let (past, ahead) = (TimeMs::new(past), TimeMs::new(ahead));
    for at in [past, ahead] {
        let stale = opening_at(&world, at, (31, SOUTH), (32, NORTH));
        assert_eq!(world.refused(32, stale), Refusal::StaleRequest, "{at:?}");
    }
    let (past, ahead) = (past.plus_ms(1), world.now.plus_ms(CLOCK_SKEW_MS));
    for at in [past, ahead] {
        let within = opening_at(&world, at, (31, SOUTH), (32, NORTH));
        world.applied(32, within);
    }
}

#[test]
fn both_clinicians_are_in_good_standing_when_they_open() {
    for (person, hospital) in [(31, SOUTH), (32, NORTH)] {
        let mut world = emergency();
        world.applied(hospital, revoked(person, hospital));
        let open = opening(&world, (31, SOUTH), (32, NORTH));
        assert_eq!(world.refused(32, open), Refusal::CertificateRevoked);
    }
    let mut world = emergency();
    for (now, refusal) in [
        (START - 1, Refusal::CertificateNotYetValid),
        (START + CERTIFIED_MS, Refusal::CertificateExpired),
    ] {
        world.now = TimeMs::new(now);
        let open = opening(&world, (31, SOUTH), (32, NORTH));
        assert_eq!(world.refused(32, open), refusal);
    }
    world.now = TimeMs::new(START + CERTIFIED_MS - 1);
    let open = opening(&world, (31, SOUTH), (32, NORTH));
    world.applied(32, open);
    // And the grant's own time is not over, nor is it paused.
    let mut short = emergency_until(START + CERTIFIED_MS - 1);
    short.now = TimeMs::new(START + CERTIFIED_MS - 1);
    let open = opening(&short, (31, SOUTH), (32, NORTH));
    assert_eq!(short.refused(32, open), Refusal::GrantExpired);
    world.now = TimeMs::new(START);
    world.applied(CONTROLLER, change(GrantState::Paused, 1));
    let open = opening(&world, (31, SOUTH), (32, NORTH));
    assert_eq!(world.refused(32, open), Refusal::GrantPaused);
}

#[test]
fn a_grant_whose_time_is_over_is_not_created() {
    let mut world = World::with_hospitals();
    world.now = grant().until;
    assert_eq!(
        world.refused(CONTROLLER, vouched(&world, grant(), NORTH)),
        Refusal::GrantExpired
    );
    world.now = TimeMs::new(grant().until.get() - 1);
    world.applied(CONTROLLER, vouched(&world, grant(), NORTH));
}

/// The one whom the terms name is not served when his role reads no records.
#[test]
fn a_reader_has_a_role_that_reads_records() {
    for (role, expected) in [
        (Role::Doctor, None),
        (Role::Pharmacist, None),
        (Role::Researcher, Some(Refusal::RoleNotAllowed)),
        (Role::Admin, Some(Refusal::RoleNotAllowed)),
    ] {
        let mut world = World::with_hospitals();
        world.applied(NORTH + 1, seal(NORTH, 0, &[1]));
        let reader = certificate(READER, SOUTH, role);
        let terms = Terms {
            reader: reader.id(),
            ..terms()
        };
        let grant = Grant {
            terms: terms.commitment(),
            ..grant()
        };
        let ask = Ask {
            reader: reader.id(),
            ..ask()
        };
        world.applied(SOUTH, Body::Certify(reader));
        world.applied(CONTROLLER, vouched(&world, grant, NORTH));
        let refused = verdict(&world, ask, &key(READER), Some(&terms));
        assert_eq!(refused, expected, "{role}");
    }
}

#[test]
fn one_clinician_or_a_stranger_opens_nothing() {
    let mut world = emergency();
    let alone = opening(&world, (31, SOUTH), (31, SOUTH));
    assert_eq!(world.refused(31, alone), Refusal::TwoClinicians);
    let open = opening(&world, (31, SOUTH), (32, NORTH));
    // The first cannot bring it alone, nor can anybody else.
    for signer in [31, READER, CONTROLLER] {
        assert_eq!(world.refused(signer, open.clone()), Refusal::WrongSigner);
    }
    let Body::Open(mut forged) = open else {
        panic!("an opening")
    };
    forged.reason = Text::new("curious").unwrap();
    assert_eq!(world.refused(32, Body::Open(forged)), Refusal::BadSignature);
    let both = (
        clinician(31, SOUTH),
        Clinician {
            certificate: certificate(33, NORTH, Role::Researcher).id(),
            member: member_id(NORTH),
        },
    );
    let (chain, reason) = (world.ledger.chain(), Text::new("curious").unwrap());
    let researcher = Opening::sign(chain, grant().id(), both, reason, world.now, &key(31));
    assert_eq!(
        world.refused(33, Body::Open(researcher)),
        Refusal::RoleNotAllowed
    );
    let unknown = opening(&world, (31, SOUTH), (34, NORTH));
    assert_eq!(world.refused(34, unknown), Refusal::CertificateUnknown);
    let open = opening(&world, (31, SOUTH), (32, NORTH));
    world.applied(CONTROLLER, change(GrantState::Revoked, 1));
    assert_eq!(world.refused(32, open), Refusal::GrantRevoked);
    let mut plain = granted();
    plain.applied(NORTH, Body::Certify(certificate(32, NORTH, Role::Doctor)));
    let open = opening(&plain, (READER, SOUTH), (32, NORTH));
    assert_eq!(plain.refused(32, open), Refusal::NotForEmergencies);
}

#[test]
fn a_grant_has_a_threshold_and_each_holder_once() {
    let mut world = World::with_hospitals();
    let (north, south) = (member_id(NORTH), member_id(SOUTH));
    for (holders, threshold) in [
        (vec![north, south], 0),
        (vec![north, south], 3),
        (vec![north, north], 2),
        (vec![], 0),
        (vec![], 1),
    ] {
        let bad = Grant {
            holders: List::new(holders).unwrap(),
            threshold,
            ..grant()
        };
        let refused = world.refused(CONTROLLER, vouched(&world, bad, NORTH));
        assert_eq!(refused, Refusal::BadHolders);
    }
}

/// What becomes of a deposit for the hospital `holder`.
fn deposited(world: &World, holder: u8, shares: Vec<Rekey>, controller: u8) -> Option<Refusal> {
    deposited_under(world, terms(), holder, shares, controller)
}

fn deposited_under(
    world: &World,
    terms: Terms,
    holder: u8,
    shares: Vec<Rekey>,
    controller: u8,
) -> Option<Refusal> {
    let dealt = Dealt {
        shares,
        secrets: Vec::new(),
    };
    let chain = world.ledger.chain();
    let deposit = Deposit::sign(chain, member_id(holder), terms, dealt, &key(controller));
    let mut deposit = deposit.unwrap();
    deposit.grant = grant().id();
    let state = world.fetched(deposit_reads(&deposit));
    check_deposit(&state, chain, world.now, &deposit)
        .unwrap()
        .err()
}

#[test]
fn a_deposit_holds_the_right_shares_of_the_right_patient() {
    let mut world = granted();
    let shares = &dealt().1;
    let (north, south) = (shares[0], shares[1]);
    assert_eq!(deposited(&world, NORTH, vec![north], CONTROLLER), None);
    assert_eq!(deposited(&world, SOUTH, vec![south], CONTROLLER), None);
    let whole = delegator()
        .scope(&scope(4))
        .rekey(&DelegateeSecret::from_seed(&[READER; 32]).public());
    for wrong in [
        // Another holder's, another deal's, another reader's, another scope's, all of it, none,
        // too many.
        vec![south],
        vec![deal(4, READER, 1).1[0]],
        vec![deal(4, 31, 0).1[0]],
        vec![deal(3, READER, 0).1[0]],
        vec![whole],
        vec![],
        vec![north; 2],
    ] {
        let refused = deposited(&world, NORTH, wrong, CONTROLLER);
        assert_eq!(refused, Some(Refusal::WrongRekey));
    }
    let stranger = deposited(&world, 50, vec![north], CONTROLLER);
    assert_eq!(stranger, Some(Refusal::NotKeyHolder));
    let forged = deposited(&world, NORTH, vec![north], READER);
    assert_eq!(forged, Some(Refusal::BadSignature));
    world.applied(CONTROLLER, change(GrantState::Paused, 1));
    assert_eq!(deposited(&world, NORTH, vec![north], CONTROLLER), None);
    world.applied(CONTROLLER, change(GrantState::Revoked, 2));
    let late = deposited(&world, NORTH, vec![north], CONTROLLER);
    assert_eq!(late, Some(Refusal::GrantRevoked));
}

/// Shares of scope secrets are for emergencies, one for each scope, each under the patient's own
/// signature for this holder and scope.
#[test]
fn a_deposit_holds_shares_of_secrets_for_emergencies_only() {
    let checked = |world: &World, deposit: &Deposit| {
        let state = world.fetched(deposit_reads(deposit));
        let verdict = check_deposit(&state, world.ledger.chain(), world.now, deposit);
        verdict.unwrap().err()
    };
    let deposit = |world: &World, secrets: Vec<SecretShare>| {
        let dealt = Dealt {
            shares: vec![dealt().1[0]],
            secrets,
        };
        let (chain, north) = (world.ledger.chain(), member_id(NORTH));
        Deposit::sign(chain, north, terms(), dealt, &key(CONTROLLER)).unwrap()
    };
    let (standing, emergency) = (granted(), emergency());
    let (without, with) = (vec![], vec![SecretShare::from_bytes([7; 32])]);
    let wrong = Some(Refusal::WrongSecrets);
    assert_eq!(
        checked(&standing, &deposit(&standing, without.clone())),
        None
    );
    assert_eq!(checked(&standing, &deposit(&standing, with.clone())), wrong);
    assert_eq!(checked(&emergency, &deposit(&emergency, without)), wrong);
    let good = deposit(&emergency, with);
    assert_eq!(checked(&emergency, &good), None);
}

/// For another holder, scope, grant or chain, or by another than the patient, the signature on a
/// share is worth nothing, whatever deposit it comes in.
#[test]
fn a_share_of_a_secret_is_signed_by_the_patient_for_one_holder_and_scope() {
    let terms = terms();
    let other_scope = delegator().public().scope(&scope(3));
    let of = SecretOf {
        chain: emergency().ledger.chain(),
        grant: grant().id(),
        holder: member_id(NORTH),
        scope: &terms.scopes[0].key,
    };
    let verified = |signed_of: &SecretOf<'_>, by: u8| {
        let share = SecretShare::from_bytes([7; 32]);
        let signed = SignedSecret::sign(share, signed_of, &key(by));
        signed.verify(&of, &key(CONTROLLER).verifying_key())
    };
    verified(&of, CONTROLLER).unwrap();
    assert!(verified(&of, READER).is_err());
    for foreign in [
        SecretOf {
            holder: member_id(SOUTH),
            ..of
        },
        SecretOf {
            scope: &other_scope,
            ..of
        },
        SecretOf {
            grant: GrantId::from_bytes([1; 32]),
            ..of
        },
        SecretOf {
            chain: ChainId::from_bytes([1; 32]),
            ..of
        },
    ] {
        assert!(verified(&foreign, CONTROLLER).is_err(), "{foreign:?}");
    }
}

/// What a holder may have of a grant's terms: none, the true ones, and ones that differ in a part.
fn hidden_terms() -> [Option<Terms>; 8] {
    let named = |reader| Terms { reader, ..terms() };
    [
        None,
        Some(terms()),
        Some(named(certificate_id(31, SOUTH))),
        Some(named(CertificateId::from_bytes([9; 32]))),
        Some(Terms {
            purpose: Purpose::Research,
            ..terms()
        }),
        Some(Terms {
            from: TimeMs::new(START + 400_000),
            ..terms()
        }),
        Some(Terms {
            scopes: List::new(vec![]).unwrap(),
            ..terms()
        }),
        Some(Terms {
            salt: Salt::from_bytes([9; 32]),
            ..terms()
        }),
    ]
}

/// A grant for emergencies that was opened.
fn opened() -> World {
    let mut world = emergency();
    let opening = opening(&world, (31, SOUTH), (32, NORTH));
    world.applied(32, opening);
    world
}

/// The grant and its reader in every state that stands on the chain.
fn worlds_of_every_state() -> Vec<World> {
    let mut worlds = vec![granted(), emergency()];
    for state in [GrantState::Paused, GrantState::Revoked] {
        let mut world = granted();
        world.applied(CONTROLLER, change(state, 1));
        worlds.push(world);
    }
    let mut expired = granted();
    expired.now = grant().until;
    worlds.push(expired);
    let mut left = granted();
    left.applied(SOUTH, revoked(READER, SOUTH));
    worlds.push(left);
    worlds.push(opened());
    worlds
}

/// Asks, and who signs them: in his own name with another's key, in the reader's name, with an old
/// request of his that was recorded, for whatever purpose, scope and record.
fn asks_without_proof(now: TimeMs) -> Vec<(Ask, u8)> {
    let base = Ask {
        asked_at: now,
        ..ask()
    };
    let named = |reader| Ask {
        reader,
        ..base.clone()
    };
    let research = Ask {
        purpose: Purpose::Research,
        ..base.clone()
    };
    let other_scope = Ask {
        scope: delegator().public().scope(&scope(3)),
        ..base.clone()
    };
    let other_record = Ask {
        record: record_id(9),
        ..base.clone()
    };
    let stale = Ask {
        asked_at: now.plus_ms(CLOCK_SKEW_MS + 1),
        ..base.clone()
    };
    vec![
        (base.clone(), 31),
        (base.clone(), 99),
        (named(certificate_id(31, SOUTH)), READER),
        (named(CertificateId::from_bytes([9; 32])), READER),
        (research, 31),
        (other_scope, 31),
        (other_record, 31),
        (stale, READER),
    ]
}

/// Section 2, item 2 of the review: who asks without proof learns what stands on the chain, and
/// nothing of the terms. Every grant state, holder and request is tried against every set of terms
/// that could be hidden there, and none at all: all get the same answer.
#[test]
fn no_refusal_depends_on_hidden_terms_for_who_proves_nothing() {
    let hidden = hidden_terms();
    for (number, world) in worlds_of_every_state().iter().enumerate() {
        let asks = asks_without_proof(world.now);
        for (place, (ask, signer)) in asks.into_iter().enumerate() {
            let answers = hidden
                .each_ref()
                .map(|terms| verdict(world, ask.clone(), &key(signer), terms.as_ref()));
            assert!(answers[0].is_some(), "world {number}, ask {place}");
            let same = answers.iter().all(|answer| *answer == answers[0]);
            assert!(same, "world {number}, ask {place}: {answers:?}");
        }
    }
}

#[test]
fn who_proves_to_be_another_doctor_learns_that_he_is_not_the_reader_and_no_more() {
    let world = opened();
    let other = Ask {
        reader: certificate_id(31, SOUTH),
        ..ask()
    };
    for terms in hidden_terms().iter().flatten() {
        let answer = verdict(&world, other.clone(), &key(31), Some(terms));
        let expected = if terms.reader == other.reader {
            Refusal::TermsMismatch
        } else {
            Refusal::ReaderNotNamed
        };
        assert_eq!(answer, Some(expected));
    }
}

#[test]
fn a_deposit_is_of_the_terms_on_the_chain_and_in_their_time() {
    let mut world = granted();
    let share = dealt().1[0];
    let other = Terms {
        purpose: Purpose::Research,
        ..terms()
    };
    // Signed by the patient, and each share right: but not what the grant commits to.
    let refused = deposited_under(&world, other, NORTH, vec![share], CONTROLLER);
    assert_eq!(refused, Some(Refusal::TermsMismatch));
    world.now = TimeMs::new(grant().until.get() - 1);
    assert_eq!(deposited(&world, NORTH, vec![share], CONTROLLER), None);
    world.now = grant().until;
    let late = deposited(&world, NORTH, vec![share], CONTROLLER);
    assert_eq!(late, Some(Refusal::GrantExpired));

    let mut empty = World::with_hospitals();
    let unknown = deposited(&empty, NORTH, vec![share], CONTROLLER);
    assert_eq!(unknown, Some(Refusal::GrantUnknown));
    empty.applied(CONTROLLER, vouched(&empty, grant(), NORTH));
    let nobody = deposited(&empty, NORTH, vec![share], CONTROLLER);
    assert_eq!(nobody, Some(Refusal::CertificateUnknown));
}

#[test]
fn shares_under_another_threshold_than_the_chain_says_are_refused() {
    let mut world = World::with_hospitals();
    world.applied(
        SOUTH,
        Body::Certify(certificate(READER, SOUTH, Role::Doctor)),
    );
    let mut one = grant();
    one.threshold = 1;
    world.applied(CONTROLLER, vouched(&world, one, NORTH));
    let refused = deposited(&world, NORTH, vec![dealt().1[0]], CONTROLLER);
    assert_eq!(refused, Some(Refusal::WrongRekey));
}

#[test]
fn a_holder_says_once_that_it_erased_what_was_revoked() {
    let mut world = granted();
    let erase = |holder: u8| {
        Body::Erase(Erasure {
            grant: grant().id(),
            holder: member_id(holder),
        })
    };
    // A hospital's node signs with the key after its CA's.
    let (north, south) = (NORTH + 1, SOUTH + 1);
    assert_eq!(world.refused(north, erase(NORTH)), Refusal::GrantNotRevoked);
    world.applied(CONTROLLER, change(GrantState::Paused, 1));
    assert_eq!(world.refused(north, erase(NORTH)), Refusal::GrantNotRevoked);
    world.applied(CONTROLLER, change(GrantState::Revoked, 2));
    assert_eq!(world.refused(south, erase(NORTH)), Refusal::WrongSigner);
    assert_eq!(
        world.refused(CONTROLLER, erase(NORTH)),
        Refusal::WrongSigner
    );
    assert_eq!(world.refused(north, erase(50)), Refusal::NotKeyHolder);
    world.applied(north, erase(NORTH));
    assert_eq!(world.refused(north, erase(NORTH)), Refusal::AlreadyErased);
    world.applied(south, erase(SOUTH));
    let unknown = Body::Erase(Erasure {
        grant: GrantId::from_bytes([9; 32]),
        holder: member_id(NORTH),
    });
    assert_eq!(world.refused(north, unknown), Refusal::GrantUnknown);
}

#[test]
fn only_the_patient_is_told_how_a_grant_was_used() {
    let world = granted();
    let chain = world.ledger.chain();
    let told = |signer: u8, at: TimeMs| {
        let mut request = UsesRequest::sign(chain, member_id(NORTH), 0, at, &key(signer));
        request.grant = grant().id();
        let state = world.fetched(uses_reads(&request));
        check_uses(&state, chain, world.now, &request)
            .unwrap()
            .err()
    };
    assert_eq!(told(CONTROLLER, world.now), None);
    assert_eq!(told(READER, world.now), Some(Refusal::BadSignature));
    let old = TimeMs::new(world.now.get() + CLOCK_SKEW_MS + 1);
    assert_eq!(told(CONTROLLER, old), Some(Refusal::StaleRequest));
    let just = TimeMs::new(world.now.get() + CLOCK_SKEW_MS);
    assert_eq!(told(CONTROLLER, just), None);
}
