//! One bad record, or one lying author, disables nobody.

use yilian_client::{
    Blame, CheckIn, ClientError, FalseEntry, FalsePointer, Keyword, Patient, SearchRequest, listing,
};
use yilian_protocol::{RecordId, authored::AuthoredError, limits::CLOCK_SKEW_MS};

use crate::{
    author::Author,
    crooked::Crooked,
    world::{World, clinical, hospital, now},
};

pub fn sought(words: &[&str]) -> SearchRequest {
    SearchRequest {
        words: keywords(words),
        hospital: None,
        from: None,
        until: None,
    }
}

fn keywords(words: &[&str]) -> Vec<Keyword> {
    let words = words.iter().map(|word| Keyword::new(*word).unwrap());
    words.collect()
}

/// An honest record with some words.
pub async fn with_words(world: &World, patient: &mut Patient, words: &[&str]) -> RecordId {
    let doctor = world.doctor(0, "Dr Good").await;
    let draft = yilian_client::Draft {
        keywords: keywords(words),
        ..clinical("good")
    };
    let request = CheckIn::at(hospital(0).id(), now());
    world.seal(patient, request, &doctor, vec![draft]).await[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_6_one_lying_author_disables_a_search() {
    let world = World::with(2).await;
    let session = &world.session;
    let word = "word:gout";
    let mut patient = world.patient();
    let good = with_words(&world, &mut patient, &[word]).await;
    let elsewhere = {
        let there = world.doctor(1, "Dr South").await;
        let south = hospital(1).id();
        world.visit(&mut patient, south, &there, "south").await
    };
    let nowhere = RecordId::from_bytes([9; 32]);
    let mut expected = Vec::new();
    for (target, cause) in [
        (None, FalsePointer::Unreadable),
        (Some(nowhere), FalsePointer::NoRecord(nowhere)),
        (Some(elsewhere), FalsePointer::ForeignRecord(elsewhere)),
    ] {
        let crook = Author::certified(&world, 0).await;
        let visit = crook.check_in(&world, &mut patient);
        let entry = crook.entry(&visit, word, target);
        crook
            .seal(&world, &visit, &crook.keys.signing, vec![entry])
            .await;
        expected.push(FalseEntry {
            writer: crook.id(),
            hospital: hospital(0).id(),
            cause,
            blame: Blame::Author,
        });
    }
    expected.sort_unstable();
    let found = patient.search(session, &sought(&[word])).await.unwrap();
    let records: Vec<_> = found
        .hits
        .iter()
        .map(|hit| hit.entry.sealed.record)
        .collect();
    assert_eq!(records, [good]);
    assert_eq!(found.false_entries, expected);
    assert!(!found.may_lack());
    let request = sought(&[word]);
    let checked = patient.check_search(session, &request).await.unwrap();
    assert_eq!(checked.hits, found);
}

/// An entry that leads to what another author of the hospital wrote: the record is found, and who
/// led there is told.
#[tokio::test(flavor = "multi_thread")]
async fn fault_6_an_author_points_to_what_another_wrote() {
    let world = World::with(1).await;
    let session = &world.session;
    let mut patient = world.patient();
    let good = with_words(&world, &mut patient, &["word:flu"]).await;
    let crook = Author::certified(&world, 0).await;
    let visit = crook.check_in(&world, &mut patient);
    let entry = crook.entry(&visit, "word:gout", Some(good));
    crook
        .seal(&world, &visit, &crook.keys.signing, vec![entry])
        .await;
    let found = patient
        .search(session, &sought(&["word:gout"]))
        .await
        .unwrap();
    let shown = listing::found_by_patient(session, &patient, &found.hits);
    let shown = shown.await.unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].author, "Dr Good");
    let fault = shown[0].fault.as_ref().unwrap();
    assert!(fault.contains("Dr Evil"), "{fault}");
}

/// Entries of both words that lead to what another author wrote, and whose cross tags do not fit
/// it: they hide nothing.
#[tokio::test(flavor = "multi_thread")]
async fn fault_6_an_author_hides_another_record_from_a_search_for_two_words() {
    let world = World::with(1).await;
    let session = &world.session;
    let mut patient = world.patient();
    let words = ["word:gout", "word:pain"];
    let good = with_words(&world, &mut patient, &words).await;
    let crook = Author::certified(&world, 0).await;
    let visit = crook.check_in(&world, &mut patient);
    let entries = words.map(|word| crook.entry(&visit, word, Some(good)));
    crook
        .seal(&world, &visit, &crook.keys.signing, entries.to_vec())
        .await;
    let found = patient.search(session, &sought(&words)).await.unwrap();
    assert_eq!(found.hits.len(), 1);
    assert_eq!(found.hits[0].entry.sealed.record, good);
    let checked = patient
        .check_search(session, &sought(&words))
        .await
        .unwrap();
    assert_eq!(checked.hits, found);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_6_one_bad_record_hides_the_others_or_itself() {
    let world = World::with(1).await;
    let session = &world.session;
    let word = "word:gout";
    let mut patient = world.patient();
    let good = with_words(&world, &mut patient, &[word]).await;
    let crook = Author::certified(&world, 0).await;
    let visit = crook.check_in(&world, &mut patient);
    // Signed with a key that is not the certificate's.
    let other = yilian_crypto::sign::SigningKey::from_seed(&[5; 32]);
    let entry = crook.entry(&visit, "word:other", None);
    let bad = crook.seal(&world, &visit, &other, vec![entry]).await;

    let listed = listing::records(session, &patient).await.unwrap();
    assert!(listed.passed_over.is_empty());
    let shown: Vec<_> = listed
        .opened
        .iter()
        .map(|opened| (opened.record, opened.verdict.clone()))
        .collect();
    assert_eq!(shown, [(good, None), (bad, Some(AuthoredError::Signature))]);
    // Its owner sees it, with the verdict; nobody is given it.
    assert_eq!(listed.opened[1].content, b"{}");
    let strict = patient.open(session, bad).await.unwrap_err();
    assert!(matches!(strict, ClientError::Author { .. }), "{strict}");
    let reader = world.doctor(0, "Dr Reader").await;
    let form = yilian_protocol::call::Form::Gt;
    let rng = &mut rand::rng();
    let shared = patient.share(session, bad, reader.certificate(), form, rng);
    assert!(shared.await.is_err());
    // What is found is not hidden by it either.
    let found = patient.search(session, &sought(&[word])).await.unwrap();
    assert_eq!(found.hits.len(), 1);
}

/// A clock that is ahead by more than readers allow: nothing is sealed that nobody could open.
#[tokio::test(flavor = "multi_thread")]
async fn fault_6_a_clock_ahead_seals_what_nobody_can_open() {
    let world = World::with(1).await;
    let session = &world.session;
    let doctor = world.doctor(0, "Dr Ahead").await;
    let mut patient = world.patient();
    let rng = &mut rand::rng();
    let token = patient.check_in(session, CheckIn::at(hospital(0).id(), now()), rng);
    let visit = doctor.check_in(session, &token, now()).unwrap();
    let ahead = now().plus_ms(2 * CLOCK_SKEW_MS);
    let sealed = doctor
        .seal(session, &visit, vec![clinical("late")], ahead, rng)
        .await;
    let error = sealed.unwrap_err();
    let ClientError::ClockAhead { ms } = error else {
        panic!("{error}");
    };
    assert!(ms > CLOCK_SKEW_MS, "{ms}");
    assert!(patient.records(session).await.unwrap().is_empty());
    // Within what readers allow it is sealed, and opens.
    let ahead = now().plus_ms(CLOCK_SKEW_MS / 2);
    let sealed = doctor
        .seal(session, &visit, vec![clinical("soon")], ahead, rng)
        .await;
    let record = sealed.unwrap().records[0];
    patient.open(session, record).await.unwrap();
}

/// A node that lies about the time has no record signed for a day that nobody lives to see.
#[tokio::test(flavor = "multi_thread")]
async fn fault_6_a_node_tells_a_doctor_the_time_to_sign_at() {
    let world = World::with(1).await;
    let (crooked, session) = Crooked::session(&world).await;
    let doctor = world.doctor(0, "Dr Punctual").await;
    let mut patient = world.patient();
    let rng = &mut rand::rng();
    let token = patient.check_in(&session, CheckIn::at(hospital(0).id(), now()), rng);
    let visit = doctor.check_in(&session, &token, now()).unwrap();
    crooked.bends().time = Some(now().plus_ms(1_000 * CLOCK_SKEW_MS));
    let sealed = doctor
        .seal(&session, &visit, vec![clinical("now")], now(), rng)
        .await;
    let record = sealed.unwrap().records[0];
    crooked.bends().time = None;
    let opened = patient.open(&session, record).await.unwrap();
    let signed = opened.verified.signed_at();
    assert!(signed <= now(), "{signed:?}");
}

/// That an author is not certified is proven, or not believed.
#[tokio::test(flavor = "multi_thread")]
async fn fault_6_a_nodes_word_spoils_a_good_record() {
    let world = World::with(1).await;
    let (crooked, session) = Crooked::session(&world).await;
    let doctor = world.doctor(0, "Dr Good").await;
    let mut patient = world.patient();
    let record = world
        .visit(&mut patient, hospital(0).id(), &doctor, "good")
        .await;
    assert!(
        patient
            .look(&session, record)
            .await
            .unwrap()
            .verdict
            .is_ok()
    );
    crooked.bends().unproven = true;
    let looked = patient.look(&session, record).await;
    let Err(error) = looked else {
        panic!("a verdict by a node's word");
    };
    assert!(matches!(error, ClientError::Call(_)), "{error}");
}
