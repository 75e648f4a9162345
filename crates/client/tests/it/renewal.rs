//! What a reader was given as the holder of one certificate, after it was renewed.

use yilian_client::{
    ClientError, Doctor,
    calendar::days_after,
    grants::{self, Wish},
    people::Person,
};
use yilian_crypto::seed::Seed;
use yilian_protocol::{
    call::Form,
    codec::Text,
    grant::GrantState,
    refusal::Refusal,
    registry::{Certificate, Role},
};

use crate::{
    grants::make,
    world::{World, hospital, now},
};

/// Registers a certificate of the second hospital, and acts as its holder.
async fn certified(world: &World, seed: [u8; 32], certificate: Certificate) -> Doctor {
    let ca = hospital(1);
    let registered = ca.certify(&world.session, certificate.clone());
    registered.await.unwrap();
    let person = Person::new(Seed::from_bytes(seed), certificate).unwrap();
    person.doctor().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_to_a_certificate_opens_after_it_was_renewed_as_long_as_it_is_good() {
    let world = World::with(2).await;
    let (session, ca, rng) = (&world.session, hospital(1), &mut rand::rng());
    let author = world.doctor(0, "Dr First").await;
    let mut patient = world.patient();
    let visited = hospital(0).id();
    let record = world.visit(&mut patient, visited, &author, "gout").await;

    let seed = [31; 32];
    let keys = Seed::from_bytes(seed);
    let of = |name, days| {
        let until = days_after(now(), days);
        ca.certificate(Text::new(name).unwrap(), Role::Doctor, &keys, now(), until)
    };
    let first = of("Dr Second", 30);
    let before = certified(&world, seed, first.clone()).await;
    let share = patient.share(session, record, before.certificate(), Form::Gt, rng);
    let share = share.await.unwrap();
    let wish = Wish::for_reader(before.certificate());
    let letter = make(&world, &mut patient, &wish).await.unwrap();
    before
        .read(session, &letter, record, now(), rng)
        .await
        .unwrap();

    let renewed = certified(&world, seed, of("Dr Second", 300)).await;
    assert_ne!(renewed.certificate(), before.certificate());
    let (opened, read) = renewed.open_share(session, &share).await.unwrap();
    assert_eq!((opened, read.content()), (record, &b"gout"[..]));
    let read = renewed.read(session, &letter, record, now(), rng).await;
    assert_eq!(read.unwrap().verified.content(), b"gout");
    // Who holds other keys reads nothing, though his certificate says the same.
    let other = [32; 32];
    let until = days_after(now(), 300);
    let name = Text::new("Dr Second").unwrap();
    let keys = Seed::from_bytes(other);
    let certificate = ca.certificate(name, Role::Doctor, &keys, now(), until);
    let other = certified(&world, other, certificate).await;
    let reader = before.certificate();
    let refused = other.open_share(session, &share).await.unwrap_err();
    assert_eq!(refused, ClientError::NotForMe { reader });
    let refused = other.read(session, &letter, record, now(), rng).await;
    assert_eq!(refused.unwrap_err(), ClientError::NotForMe { reader });

    // A revocation of the one before ends the grant to it: both sides are told.
    let listed = grants::list(session, patient.wallet(), now())
        .await
        .unwrap();
    assert_eq!(listed[0].reader_fault, None);
    let revoked = ca.revoke(session, reader, Text::new("lost").unwrap());
    revoked.await.unwrap();
    let refused = renewed.read(session, &letter, record, now(), rng).await;
    let own = renewed.certificate();
    let rule = Refusal::CertificateRevoked;
    assert_eq!(
        refused.unwrap_err(),
        ClientError::EarlierCertificate { reader, own, rule }
    );
    let listed = grants::list(session, patient.wallet(), now())
        .await
        .unwrap();
    assert_eq!(listed[0].state, GrantState::Active);
    assert_eq!(listed[0].reader_fault, Some(rule));
    // A grant to the one of now takes its place.
    let made = make(&world, &mut patient, &Wish::for_reader(own)).await;
    let letter = made.unwrap();
    let read = renewed.read(session, &letter, record, now(), rng);
    assert_eq!(read.await.unwrap().verified.content(), b"gout");
}
