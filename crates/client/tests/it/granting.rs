//! Grants that are cut short, and grants against records, holders and letters that are false.

use yilian_client::{ClientError, GrantRequest, Letter, Patient, Wallet, grants::Wish, listing};
use yilian_crypto::{seed::Seed, sign::SigningKey};
use yilian_protocol::{
    GrantId,
    call::CallError,
    grant::{Grant, GrantState},
    refusal::Refusal,
    tx::Body,
    voucher::NewGrant,
};

use crate::{
    crooked::Crooked,
    grants::{cast, make},
    world::{World, hospital, now},
};

async fn request(world: &World, patient: &Patient, wish: &Wish) -> GrantRequest {
    let members = world.session.members().await.unwrap();
    wish.request(patient.wallet(), &members, now()).unwrap()
}

/// What a wallet has of its grants: the id, the number, and whether the terms are known.
fn noted(patient: &Patient) -> Vec<(GrantId, u32, bool)> {
    let notes = patient.wallet().grants.iter();
    notes
        .map(|note| (note.grant, note.counter, note.terms.is_some()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_granting_leaves_a_grant_that_can_be_revoked_and_the_next_one_is_made() {
    let world = World::with(3).await;
    let session = &world.session;
    let (doctor, reader) = (
        world.doctor(0, "Dr First").await,
        world.doctor(2, "Dr Second").await,
    );
    let seed = Seed::random(&mut rand::rng());
    let mut patient = Patient::new(&seed, Wallet::new(session.chain()));
    world
        .visit(&mut patient, hospital(0).id(), &doctor, "one")
        .await;
    let before = patient.wallet().clone();
    let wish = Wish::for_reader(reader.certificate());
    let wanted = request(&world, &patient, &wish).await;
    let rng = &mut rand::rng();

    // A wallet that cannot be kept: nothing is ordered.
    let failing = |_: &Wallet| Err(ClientError::NoPass);
    let made = patient.grant_kept(session, wanted.clone(), rng, failing);
    assert_eq!(made.await.unwrap_err(), ClientError::NoPass);
    let unsent = patient.wallet().grants[0].grant;
    assert!(session.find_grant(unsent).await.unwrap().is_none());

    // Killed at any time after: what was kept knows the grant.
    let mut patient = Patient::new(&seed, before.clone());
    let mut kept = None;
    let keep = |wallet: &Wallet| {
        kept = Some(wallet.clone());
        Ok::<_, ClientError>(())
    };
    let made = patient.grant_kept(session, wanted, rng, keep);
    let first = made.await.unwrap().letter.grant;
    let mut patient = Patient::new(&seed, kept.unwrap());
    assert_eq!(noted(&patient), [(first, 0, true)]);
    let second = make(&world, &mut patient, &wish).await.unwrap().grant;

    // A wallet from before both, as a program left it that kept it afterwards only.
    let mut patient = Patient::new(&seed, before);
    let third = make(&world, &mut patient, &wish).await.unwrap().grant;
    let all = [(first, 0, false), (second, 1, false), (third, 2, true)];
    assert_eq!(noted(&patient), all);
    for grant in [first, second, third] {
        let revoked = patient.set_grant(session, grant, GrantState::Revoked);
        revoked.await.unwrap();
    }
}

/// A node refuses by its word the order of a number that is free: the next number is taken, and a
/// word without end is not followed.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_whose_number_is_said_to_be_used_takes_the_next() {
    let (world, mut patient, reader) = cast(2).await;
    let (crooked, session) = Crooked::session(&world).await;
    let wish = Wish::for_reader(reader.certificate());
    let wanted = request(&world, &patient, &wish).await;
    let rng = &mut rand::rng();
    crooked.bends().refusals = vec![Refusal::GrantExists];
    let made = patient.grant(&session, wanted.clone(), rng).await.unwrap();
    let [(_, 0, false), (second, 1, true)] = noted(&patient)[..] else {
        panic!("{:?}", noted(&patient));
    };
    assert_eq!(second, made.letter.grant);
    crooked.bends().refusals = vec![Refusal::GrantExists; 10];
    let refused = patient.grant(&session, wanted, rng).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::GrantExists));
    assert_eq!(crooked.bends().refusals.len(), 6);
}

/// Issue 13, section 2, item 6: one record that its hospital lost or swapped made every later grant
/// fail, after it stood on the chain.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_missing_or_another_is_told_and_stops_no_grant() {
    let (world, mut patient, reader) = cast(2).await;
    let doctor = world.doctor(0, "Dr Third").await;
    let here = hospital(0).id();
    let one = patient.records(&world.session).await.unwrap()[0]
        .sealed
        .record;
    let two = world.visit(&mut patient, here, &doctor, "two").await;
    let three = world.visit(&mut patient, here, &doctor, "three").await;
    let four = world.visit(&mut patient, here, &doctor, "four").await;
    let (crooked, session) = Crooked::session(&world).await;
    crooked.bends().objects = [(two, None), (three, Some(one))].into();

    let wish = Wish::for_reader(reader.certificate());
    let wanted = request(&world, &patient, &wish).await;
    let rng = &mut rand::rng();
    let made = patient.grant(&session, wanted, rng).await.unwrap();
    let named: Vec<_> = made
        .letter
        .records
        .iter()
        .map(|named| named.record)
        .collect();
    assert_eq!(named, [one, four]);
    let missing = ClientError::Call(CallError::not_found("object"));
    let other = ClientError::FalseObject { record: three };
    let told: Vec<_> = made.passed_over.iter().collect();
    assert_eq!((told[0].record, &told[0].cause), (two, &missing));
    assert_eq!((told[1].record, &told[1].cause), (three, &other));
    assert_eq!(told.len(), 2);
    let reading = reader
        .read(&session, &made.letter, four, now(), &mut rand::rng())
        .await;
    assert_eq!(reading.unwrap().verified.content(), b"four");

    // So it is when the patient lists them.
    let listed = listing::records(&session, &patient).await.unwrap();
    let opened: Vec<_> = listed.opened.iter().map(|opened| opened.record).collect();
    assert_eq!(opened, [one, four]);
    assert_eq!(listed.passed_over, made.passed_over);
    // What lies outside of the grant is not looked at.
    let elsewhere = GrantRequest {
        confidentialities: vec![yilian_protocol::Confidentiality::Sensitive],
        ..request(&world, &patient, &wish).await
    };
    crooked.bends().objects.clear();
    let made = patient.grant(&session, elsewhere, rng).await.unwrap();
    assert!(made.letter.records.is_empty() && made.passed_over.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_that_is_false_or_used_up_costs_no_grant() {
    let (world, mut patient, reader) = cast(3).await;
    let (crooked, session) = Crooked::session(&world).await;
    let wish = Wish::for_reader(reader.certificate());
    let rng = &mut rand::rng();
    let wanted = request(&world, &patient, &wish).await;
    crooked.bends().vouchers = 2;
    patient.grant(&session, wanted.clone(), rng).await.unwrap();
    crooked.bends().refusals = vec![Refusal::VouchersUsed, Refusal::NotVouched];
    patient.grant(&session, wanted.clone(), rng).await.unwrap();
    let counters: Vec<_> = noted(&patient).iter().map(|note| note.1).collect();
    assert_eq!(counters, [0, 1]);
    // With nobody's word there is no grant, and nothing is noted.
    crooked.bends().vouchers = 3;
    let refused = patient.grant(&session, wanted, rng).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::NotVouched));
    assert_eq!(noted(&patient).len(), 2);
}

/// By other commitments than the grant's, every honest holder would be found to lie.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_with_other_commitments_is_refused_and_names_no_holder() {
    let (world, mut patient, reader) = cast(3).await;
    let session = &world.session;
    let wish = Wish::for_reader(reader.certificate());
    let first = make(&world, &mut patient, &wish).await.unwrap();
    let second = make(&world, &mut patient, &wish).await.unwrap();
    let record = first.records[0].record;
    let refused = async |letter: &Letter| {
        let read = reader
            .read(session, letter, record, now(), &mut rand::rng())
            .await;
        let grant = letter.grant;
        assert_eq!(read.unwrap_err(), ClientError::OtherTerms { grant });
    };
    let swapped = Letter {
        terms: second.terms,
        ..first.clone()
    };
    refused(&swapped).await;

    // A grant that commits to the terms, and to another threshold than they have.
    let controller = SigningKey::from_seed(&[77; 32]);
    let grant = Grant {
        controller: controller.verifying_key(),
        terms: first.terms.commitment(),
        threshold: 1,
        ..session.grant(first.grant).await.unwrap().grant
    };
    let voucher = session.vouch(&grant, hospital(0).id()).await.unwrap();
    let named = grant.id();
    let body = Body::CreateGrant(NewGrant { grant, voucher });
    session.order(body, &controller).await.unwrap();
    let fewer = Letter {
        grant: named,
        ..first
    };
    refused(&fewer).await;
}
