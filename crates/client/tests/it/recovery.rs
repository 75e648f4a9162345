//! A wallet that is found again from its words, while tokens of the lost one are on their way.

use yilian_client::{CheckIn, Doctor, Patient, Wallet};
use yilian_crypto::seed::Seed;
use yilian_protocol::visit::VisitToken;

use crate::world::{World, clinical, hospital, now};

/// A token for hospital `number`, and nothing sealed with it yet.
fn token(world: &World, patient: &mut Patient, number: u8) -> VisitToken {
    let request = CheckIn::at(hospital(number).id(), now());
    patient.check_in(&world.session, request, &mut rand::rng())
}

async fn seal(world: &World, doctor: &Doctor, token: &VisitToken) {
    let (session, rng) = (&world.session, &mut rand::rng());
    let visit = doctor.check_in(session, token, now()).unwrap();
    let drafts = vec![clinical("visit")];
    let sealed = doctor.seal(session, &visit, drafts, now(), rng).await;
    sealed.unwrap();
}

/// Nothing of the outstanding tokens stands on the chain. The visits after a recovery have other
/// pseudonyms, so both kinds are sealed, in whatever order; and the next recovery finds all.
#[tokio::test(flavor = "multi_thread")]
async fn fault_10_a_recovered_wallet_takes_the_pseudonym_of_a_token_on_its_way() {
    let world = World::with(2).await;
    let session = &world.session;
    let doctors = [
        world.doctor(0, "Dr First").await,
        world.doctor(1, "Dr Second").await,
    ];
    let seed = Seed::random(&mut rand::rng());
    let lost = || Patient::new(&seed, Wallet::new(session.chain()));
    let mut patient = lost();
    let sealed = token(&world, &mut patient, 0);
    seal(&world, &doctors[0], &sealed).await;
    // The device is lost with tokens on their way: at the second hospital there is nothing else.
    let old = [0, 0, 0, 1].map(|number| (number, token(&world, &mut patient, number)));
    let mut patient = lost();
    assert_eq!(patient.recover(session).await.unwrap(), (1, 0));
    let new = [0, 0, 0, 1].map(|number| (number, token(&world, &mut patient, number)));
    let nyms = old.iter().chain(&new).map(|(number, token)| {
        let checked = doctors[usize::from(*number)].check_in(session, token, now());
        checked.unwrap().visit().nym.to_bytes()
    });
    let mut nyms: Vec<_> = nyms.collect();
    nyms.sort_unstable();
    nyms.dedup();
    assert_eq!(nyms.len(), 8, "no pseudonym twice");
    for (number, token) in new.iter().rev().chain(&old) {
        seal(&world, &doctors[usize::from(*number)], token).await;
    }
    // What lies behind the gap is found, and the wallet that made it learns of the others.
    assert_eq!(patient.recover(session).await.unwrap(), (4, 0));
    let mut again = lost();
    assert_eq!(again.recover(session).await.unwrap(), (9, 0));
    assert_eq!(again.records(session).await.unwrap().len(), 9);
    // A recovery that finds nothing new moves nothing.
    let wallet = again.wallet().clone();
    assert_eq!(again.recover(session).await.unwrap(), (0, 0));
    assert_eq!(*again.wallet(), wallet);
}
