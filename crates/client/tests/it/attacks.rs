//! What a hostile hospital or passer-by does to patients and readers, each of which must fail.

use yilian_client::{CheckIn, ClientError, Doctor, GrantRequest, Patient, calendar::days_after};
use yilian_crypto::{
    pre::{DelegateeSecret, DelegatorSecret, Rekey},
    psk::ScopePsk,
    scope::{Confidentiality, Quarter, Scope},
    search::padded,
    seed::{MemberKeys, Seed},
};
use yilian_protocol::{
    RecordId, TimeMs,
    authored::Authored,
    call::{Form, OneShot, SealRequest},
    codec::{List, Text},
    grant::{GrantState, Purpose},
    media::MediaType,
    refusal::Refusal,
    registry::Role,
    sealed::{Header, SealedObject},
    search::RecordIndex,
};

use crate::world::{World, hospital, now};

/// Section 2, item 3 of the review: a hospital puts the header of a good record before junk, and
/// has the patient share the junk. Turned, its capsule would open the good record.
#[tokio::test(flavor = "multi_thread")]
async fn a_copied_header_before_junk_is_not_shared() {
    let world = World::with(2).await;
    let session = &world.session;
    let here = hospital(0);
    let seed = Seed::random(&mut rand::rng());
    let (name, until) = (Text::new("Dr Evil").unwrap(), days_after(now(), 1));
    let certificate = here.certificate(name, Role::Doctor, &seed, now(), until);
    here.certify(session, certificate.clone()).await.unwrap();
    let doctor = Doctor::new(&seed, &certificate).unwrap();
    let reader = world.doctor(1, "Dr Accomplice").await;
    let mut patient = world.patient();
    let rng = &mut rand::rng();
    let token = patient.check_in(session, CheckIn::at(here.id(), now()), rng);
    let visit = doctor.check_in(session, &token, now()).unwrap();

    // The good object, of which only the header is used.
    let keys = MemberKeys::from_seed(&seed);
    let good = Authored::sign(
        certificate.id(),
        &keys.signing,
        session.chain(),
        visit.visit().nym,
        visit.scope(Confidentiality::Clinical),
        now(),
        (MediaType::FhirJson, b"secret".to_vec()),
        rng,
    );
    let good = SealedObject::seal(&good, &visit, rng).unwrap();
    let junk = [&good.as_bytes()[..Header::SIZE], &[7; 100]].concat();
    let junk = SealedObject::parse(junk).unwrap();
    let record = junk.cid().record();
    let index = RecordIndex::new(padded(Vec::new(), rng).unwrap()).unwrap();
    let author = (certificate.id(), &keys.signing);
    let request = SealRequest::sign(&visit, false, vec![junk], vec![index], author);
    session.seal(request.unwrap()).await.unwrap();

    // The patient's device opens first, and asks nobody.
    let to = reader.certificate();
    let shared = patient.share(session, record, to, Form::Gt, rng).await;
    let error = shared.unwrap_err();
    assert!(matches!(error, ClientError::Sealed { .. }), "{error}");
    // A node that is asked all the same does not turn it.
    let scope = visit.scope(Confidentiality::Clinical);
    let asked = session.reencapsulate(OneShot {
        record,
        scope: visit.visit().delegator.scope(&scope),
        rekey: any_rekey(),
        form: Form::Gt,
    });
    let refused = asked.await.unwrap_err().refusal();
    assert_eq!(refused, Some(Refusal::CapsuleNotProven));
}

/// Some rekey: what it leads to is not looked at before the capsule is.
fn any_rekey() -> Rekey {
    let patient = DelegatorSecret::random(&mut rand::rng());
    let reader = DelegateeSecret::random(&mut rand::rng());
    let scope = Scope {
        confidentiality: Confidentiality::Clinical,
        period: Quarter::FIRST,
        tag: None,
    };
    patient.scope(&scope).rekey(&reader.public())
}

/// Two clinicians open an emergency grant. The letter has no secret: the holders bring it.
#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_is_read_with_secrets_that_the_holders_bring() {
    let (world, mut patient, reader, record) = cast().await;
    let session = &world.session;
    let [first, second] = [
        world.doctor(0, "Dr Third").await,
        world.doctor(1, "Dr Fourth").await,
    ];
    let granted = emergency(&world, &mut patient, &reader).await;
    let letter = reader.unseal(session, &granted.sealed).await.unwrap();
    assert_eq!(letter, granted.letter);
    assert!(letter.secrets.is_empty() && !letter.records.is_empty());
    let closed = reader
        .read(session, &letter, record, now(), &mut rand::rng())
        .await;
    let refused = closed.unwrap_err().refusal();
    assert_eq!(refused, Some(Refusal::GrantNotOpened));

    let reason = Text::new("unconscious").unwrap();
    let to = second.certificate();
    let opening = first.sign_opening(session, letter.grant, to, reason, now());
    second
        .open_grant(session, opening.await.unwrap())
        .await
        .unwrap();
    let reading = reader
        .read(session, &letter, record, now(), &mut rand::rng())
        .await
        .unwrap();
    assert_eq!(reading.verified.content(), b"one");
    assert_eq!(reading.wrong, []);

    let revoked = patient.set_grant(session, letter.grant, GrantState::Revoked);
    revoked.await.unwrap();
    let after = reader
        .read(session, &letter, record, now(), &mut rand::rng())
        .await;
    let refused = after.unwrap_err().refusal();
    assert_eq!(refused, Some(Refusal::GrantRevoked));
}

/// A letter without its secrets, as somebody who only solved discrete logarithms would have it,
/// opens nothing though every key holder serves.
#[tokio::test(flavor = "multi_thread")]
async fn a_standing_grant_opens_nothing_without_its_letters_secrets() {
    let (world, mut patient, reader, record) = cast().await;
    let session = &world.session;
    let request = request(&reader, false);
    let rng = &mut rand::rng();
    let granted = patient.grant(session, request, rng).await.unwrap();
    let mut letter = reader.unseal(session, &granted.sealed).await.unwrap();
    let reading = reader
        .read(session, &letter, record, now(), &mut rand::rng())
        .await
        .unwrap();
    assert_eq!(reading.verified.content(), b"one");
    let other = ScopePsk::from_bytes([7; 32]);
    letter.secrets = letter.secrets.map(|_| other.clone());
    reader
        .read(session, &letter, record, now(), &mut rand::rng())
        .await
        .unwrap_err();
    letter.secrets = List::new(Vec::new()).unwrap();
    reader
        .read(session, &letter, record, now(), &mut rand::rng())
        .await
        .unwrap_err();
}

async fn cast() -> (World, Patient, Doctor, RecordId) {
    let world = World::with(3).await;
    let doctor = world.doctor(0, "Dr First").await;
    let reader = world.doctor(2, "Dr Second").await;
    let mut patient = world.patient();
    let here = hospital(0).id();
    let record = world.visit(&mut patient, here, &doctor, "one").await;
    (world, patient, reader, record)
}

fn request(reader: &Doctor, emergency: bool) -> GrantRequest {
    GrantRequest {
        reader: reader.certificate(),
        purpose: Purpose::EmergencyTreatment,
        confidentialities: vec![Confidentiality::Clinical],
        from: TimeMs::new(0),
        until: now().plus_ms(1_000_000),
        future: Vec::new(),
        holders: (0..3).map(|number| hospital(number).id()).collect(),
        threshold: 2,
        emergency,
    }
}

async fn emergency(
    world: &World,
    patient: &mut Patient,
    reader: &Doctor,
) -> yilian_client::Granted {
    let rng = &mut rand::rng();
    let made = patient.grant(&world.session, request(reader, true), rng);
    made.await.unwrap()
}
