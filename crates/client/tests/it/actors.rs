use yilian_client::{CheckIn, ClientError, calendar::days_after, grants::Wish, listing};
use yilian_protocol::{
    call::Form,
    codec::Text,
    media::MediaType,
    refusal::Refusal,
    registry::{Motion, Role},
    visit::TokenError,
};

use crate::world::{World, clinical, hospital, now};

#[tokio::test(flavor = "multi_thread")]
async fn records_are_their_patients_and_shares_their_readers() {
    let world = World::with(2).await;
    let session = &world.session;
    let [first, second, third] = [
        world.doctor(0, "Dr First").await,
        world.doctor(1, "Dr Second").await,
        world.doctor(1, "Dr Third").await,
    ];
    let (mut ann, mut ben) = (world.patient(), world.patient());
    let here = hospital(0).id();
    let record = world.visit(&mut ann, here, &first, "ann's").await;
    world.visit(&mut ben, here, &first, "ben's").await;

    let opened = listing::Opened::by_patient(session, &ann, record).await;
    let opened = opened.unwrap();
    assert_eq!(opened.content, b"ann's");
    assert_eq!(opened.author, "Dr First");
    assert_eq!(opened.certificate, first.certificate());
    let rng = &mut rand::rng();
    let not_mine = ClientError::NotMine { record };
    let stranger = ben.open(session, record).await;
    assert_eq!(stranger.unwrap_err(), not_mine);
    let stranger = ben.share(session, record, second.certificate(), Form::Gt, rng);
    assert_eq!(stranger.await.unwrap_err(), not_mine);

    for form in [Form::Gt, Form::Lv] {
        let share = ann.share(session, record, second.certificate(), form, rng);
        let share = share.await.unwrap();
        let (shared, verified) = second.open_share(session, &share).await.unwrap();
        assert_eq!(verified.content(), b"ann's");
        assert_eq!((shared, verified.media()), (record, MediaType::FhirJson));
        let reader = second.certificate();
        let other = third.open_share(session, &share).await;
        assert_eq!(other.unwrap_err(), ClientError::NotForMe { reader });
        // He who writes himself onto it opens nothing.
        let mut forged = share;
        forged.reader = third.certificate();
        let other = third.open_share(session, &forged).await;
        assert!(matches!(other.unwrap_err(), ClientError::Letter(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_its_hospital_and_its_time() {
    let world = World::with(2).await;
    let session = &world.session;
    let here = world.doctor(0, "Dr First").await;
    let elsewhere = world.doctor(1, "Dr Second").await;
    let mut patient = world.patient();
    let request = CheckIn::at(hospital(0).id(), now());
    let token = patient.check_in(session, request, &mut rand::rng());
    let foreign = elsewhere.check_in(session, &token, now()).unwrap_err();
    assert!(matches!(foreign, ClientError::Token(_)), "{foreign}");
    let late = days_after(now(), 2);
    let late = here.check_in(session, &token, late).unwrap_err();
    let expired = request.expires;
    assert_eq!(late, ClientError::Token(TokenError::Expired { expired }));
    assert!(here.check_in(session, &token, now()).is_ok());
    // Two visits are two pseudonyms.
    let next = patient.check_in(session, request, &mut rand::rng());
    let nym = |token| here.check_in(session, token, now()).unwrap().visit().nym;
    assert_ne!(nym(&token), nym(&next));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_ca_speaks_for_its_own_people_while_it_is_in_good_standing() {
    let world = World::with(3).await;
    let session = &world.session;
    let (north, south) = (hospital(0), hospital(1));
    let person = world.certify(&north, "Dr Li", Role::Doctor, 10).await;
    let (doctor, id) = (person.doctor().unwrap(), person.certificate().id());
    let left = || Text::new("left").unwrap();
    let foreign = south.revoke(session, id, left()).await.unwrap_err();
    assert!(foreign.refusal().is_some(), "{foreign}");
    assert!(session.certificate(id).await.unwrap().revoked.is_none());

    let mut patient = world.patient();
    let kept = world.visit(&mut patient, north.id(), &doctor, "one").await;
    north.revoke(session, id, left()).await.unwrap();
    let request = CheckIn::at(north.id(), now());
    let token = patient.check_in(session, request, &mut rand::rng());
    let visit = doctor.check_in(session, &token, now()).unwrap();
    let drafts = vec![clinical("two")];
    let rng = &mut rand::rng();
    let sealed = doctor.seal(session, &visit, drafts, now(), rng);
    let rule = sealed.await.unwrap_err().refusal();
    assert_eq!(rule, Some(Refusal::CertificateRevoked));
    // What he signed before stays signed.
    let own = patient.open(session, kept).await.unwrap();
    assert_eq!(own.verified.content(), b"one");
    // Nor may he be given what is sealed by others.
    let wish = Wish::for_reader(id);
    let members = session.members().await.unwrap();
    let request = wish.request(patient.wallet(), &members, now()).unwrap();
    let made = patient.grant(session, request, &mut rand::rng()).await;
    if let Ok(made) = made {
        let read = doctor
            .read(session, &made.letter, kept, now(), &mut rand::rng())
            .await;
        let rule = read.unwrap_err().refusal();
        assert_eq!(rule, Some(Refusal::CertificateRevoked));
    }

    // Both others suspend it: its CA certifies nobody then.
    for voter in [&south, &hospital(2)] {
        let voted = voter.vote(session, Motion::Suspend, north.id(), true);
        voted.await.unwrap();
    }
    let renewed = person.renewed(&north, now(), days_after(now(), 20));
    let certified = north.certify(session, renewed).await;
    let rule = certified.unwrap_err().refusal();
    assert_eq!(rule, Some(Refusal::MemberSuspended));
}
