//! Registry and record contracts.

use yilian_ledger::Prepared;
use yilian_protocol::{
    GrantId, TimeMs,
    codec::{Decode as _, Text},
    grant::{GrantChange, GrantState},
    refusal::{Outcome, Refusal},
    registry::{Revocation, Role},
    state::tables::{CERTIFICATES, VISIT_RECORDS},
    tx::{Body, Transaction},
};

use crate::world::{
    CERTIFIED_MS, CONSORTIUM, NORTH, SOUTH, START, World, certificate, certificate_id, key, member,
    member_id, nym, record_id, seal,
};

fn revocation(hospital: u8, of: u8) -> Body {
    let certificate = certificate(of, NORTH, Role::Doctor).id();
    let reason = Text::new("left").unwrap();
    Body::Revoke(Revocation {
        member: member_id(hospital),
        certificate,
        reason,
    })
}

#[test]
fn only_the_consortium_admits_and_only_once() {
    let mut world = World::new();
    assert_eq!(
        world.refused(NORTH, Body::Admit(member(NORTH))),
        Refusal::WrongSigner
    );
    world.applied(CONSORTIUM, Body::Admit(member(NORTH)));
    assert_eq!(
        world.refused(CONSORTIUM, Body::Admit(member(NORTH))),
        Refusal::MemberExists
    );
}

#[test]
fn a_member_certifies_its_own_people_for_a_span_of_time() {
    let mut world = World::with_hospitals();
    let good = certificate(30, NORTH, Role::Doctor);
    for signer in [SOUTH, CONSORTIUM, 30] {
        assert_eq!(
            world.refused(signer, Body::Certify(good.clone())),
            Refusal::WrongSigner
        );
    }
    let mut strange = good.clone();
    strange.member = member(50).id();
    assert_eq!(
        world.refused(NORTH, Body::Certify(strange)),
        Refusal::MemberUnknown
    );
    let mut backwards = good.clone();
    backwards.valid_until = backwards.valid_from;
    assert_eq!(
        world.refused(NORTH, Body::Certify(backwards)),
        Refusal::CertificateValidity
    );
    let mut endless = good.clone();
    endless.valid_until = TimeMs::MAX;
    assert_eq!(
        world.refused(NORTH, Body::Certify(endless)),
        Refusal::CertificateValidity
    );
    world.applied(NORTH, Body::Certify(good.clone()));
    assert_eq!(
        world.refused(NORTH, Body::Certify(good)),
        Refusal::CertificateExists
    );

    let late = certificate(31, NORTH, Role::Doctor);
    world.now = TimeMs::new(START + CERTIFIED_MS);
    assert_eq!(
        world.refused(NORTH, Body::Certify(late.clone())),
        Refusal::CertificateExpired
    );
    world.now = TimeMs::new(START + CERTIFIED_MS - 1);
    world.applied(NORTH, Body::Certify(late));
    let name = member_id(NORTH);
    let listed = (0..2).map(|place| &world.state[&CERTIFICATES.item_key(name.as_bytes(), place)]);
    let listed = listed.map(|bytes| CERTIFICATES.items().read(bytes).unwrap());
    let expected = [30, 31].map(|person| certificate_id(person, NORTH));
    assert_eq!(listed.collect::<Vec<_>>(), expected);
}

#[test]
fn a_certificate_is_revoked_once_by_its_own_ca_or_the_consortium() {
    let mut world = World::with_hospitals();
    assert_eq!(
        world.refused(NORTH, revocation(NORTH, 30)),
        Refusal::CertificateUnknown
    );
    world.applied(NORTH, Body::Certify(certificate(30, NORTH, Role::Doctor)));
    world.applied(NORTH, Body::Certify(certificate(31, NORTH, Role::Doctor)));
    assert_eq!(
        world.refused(SOUTH, revocation(NORTH, 30)),
        Refusal::WrongSigner
    );
    assert_eq!(
        world.refused(SOUTH, revocation(SOUTH, 30)),
        Refusal::ForeignMember
    );
    world.applied(NORTH, revocation(NORTH, 30));
    assert_eq!(
        world.refused(NORTH, revocation(NORTH, 30)),
        Refusal::CertificateRevoked
    );
    world.applied(CONSORTIUM, revocation(NORTH, 31));
}

#[test]
fn records_are_created_once_by_the_hospital_of_the_visit() {
    let mut world = World::with_hospitals();
    assert_eq!(
        world.refused(NORTH, seal(NORTH, 0, &[1])),
        Refusal::WrongSigner
    );
    assert_eq!(
        world.refused(SOUTH + 1, seal(NORTH, 0, &[1])),
        Refusal::WrongSigner
    );
    assert_eq!(world.refused(51, seal(50, 0, &[1])), Refusal::MemberUnknown);
    world.applied(NORTH + 1, seal(NORTH, 0, &[1, 2]));
    assert_eq!(
        world.refused(NORTH + 1, seal(NORTH, 0, &[3, 2])),
        Refusal::RecordExists
    );
    assert_eq!(
        world.refused(NORTH + 1, seal(NORTH, 1, &[1])),
        Refusal::RecordExists
    );
    assert_eq!(
        world.refused(NORTH + 1, seal(NORTH, 0, &[4, 4])),
        Refusal::RecordExists
    );
    assert_eq!(
        world.refused(SOUTH + 1, seal(SOUTH, 0, &[5])),
        Refusal::ForeignVisit
    );
    world.applied(NORTH + 1, seal(NORTH, 0, &[6]));
    world.applied(SOUTH + 1, seal(SOUTH, 1, &[7]));
}

#[test]
fn within_one_block_the_first_wins() {
    let mut world = World::with_hospitals();
    let first = world.sign(NORTH + 1, seal(NORTH, 0, &[1]));
    let second = world.sign(SOUTH + 1, seal(SOUTH, 0, &[2]));
    let third = world.sign(NORTH + 1, seal(NORTH, 0, &[1]));
    let outcomes = world.block(&[first, second, third]);
    assert_eq!(
        outcomes,
        [
            Outcome::Applied,
            Outcome::Refused(Refusal::ForeignVisit),
            Outcome::Refused(Refusal::RecordExists)
        ]
    );
}

#[test]
fn forged_and_foreign_transactions_change_nothing() {
    let mut world = World::with_hospitals();
    let good = world.sign(CONSORTIUM, Body::Admit(member(40)));
    for place in 0..good.len() {
        let mut forged = good.clone();
        forged[place] ^= 1;
        world.refused_bytes(forged);
    }
    let mut unsigned = good.clone();
    *unsigned.last_mut().unwrap() ^= 1;
    assert_eq!(world.refused_bytes(unsigned), Refusal::BadSignature);
    let longer = [good.clone(), vec![0]].concat();
    assert_eq!(world.refused_bytes(longer), Refusal::Malformed);
    assert_eq!(
        world.refused_bytes(good[..good.len() - 1].to_vec()),
        Refusal::Malformed
    );
    let chain = yilian_protocol::ChainId::from_bytes([5; 32]);
    let foreign = Transaction::sign(chain, Body::Admit(member(40)), &key(CONSORTIUM));
    assert_eq!(
        world.refused_bytes(foreign.as_bytes().to_vec()),
        Refusal::WrongChain
    );
}

#[test]
fn a_visit_lists_the_records_of_each_seal_that_has_some() {
    let mut world = World::with_hospitals();
    world.applied(NORTH + 1, seal(NORTH, 0, &[1, 2]));
    world.applied(NORTH + 1, seal(NORTH, 0, &[]));
    world.applied(NORTH + 1, seal(NORTH, 0, &[3]));
    let name = nym(0).to_bytes();
    let count = &world.state[&VISIT_RECORDS.counts().key(&name)];
    assert_eq!(u32::from_slice(count).unwrap(), 2);
    let lists = (0..2).map(|place| &world.state[&VISIT_RECORDS.item_key(&name, place)]);
    let lists = lists.map(|bytes| VISIT_RECORDS.items().read(bytes).unwrap().into_vec());
    let expected = [vec![record_id(1), record_id(2)], vec![record_id(3)]];
    assert_eq!(lists.collect::<Vec<_>>(), expected);
}

/// What a node keeps of a transaction on its way: its keys, its size, and whether it changes a
/// grant.
#[test]
fn a_prepared_transaction_tells_keys_size_and_change() {
    let world = World::with_hospitals();
    let prepared = |signer, body| {
        let bytes = world.sign(signer, body);
        let prepared = Prepared::from(Transaction::parse(&bytes).unwrap());
        assert_eq!(prepared.reads(), world.ledger.reads(&bytes));
        assert!(!prepared.reads().is_empty());
        assert_eq!(prepared.size(), bytes.len() + 64 * prepared.reads().len());
        prepared
    };
    assert!(
        prepared(NORTH + 1, seal(NORTH, 0, &[1]))
            .grant_change()
            .is_none()
    );
    let change = GrantChange {
        grant: GrantId::from_bytes([1; 32]),
        state: GrantState::Revoked,
        sequence: 1,
    };
    let known = prepared(60, Body::SetGrant(change.clone()));
    assert_eq!(known.grant_change(), Some(&change));
}
