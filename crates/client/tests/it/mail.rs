//! Letters between patients and doctors, and whoever would flood, read or empty a mailbox.

use yilian_client::{
    ClientError, Doctor, Patient, ReadWish, Session, Wallet,
    mail::{
        About, Answer, Asked, Content, Decision, KeptLetter, STAMPS_AT_ONCE, Shown, StampBook, send,
    },
};
use yilian_crypto::{seed::Seed, sign::SigningKey, stamp::EncodedPoint};
use yilian_node::service::InProcess;
use yilian_protocol::{
    Confidentiality, MemberId, RecordId, RequestId, TimeMs,
    call::{CallError, Deliver, DiscardMail, FetchMail, Form, Transport as _},
    codec::{List, Text},
    grant::Purpose,
    limits::{
        CLOCK_SKEW_MS, DAY_MS, MAILBOX_LETTERS_MAX, STAMPS_OF_PERSON_MAX, STAMPS_OF_VISIT_MAX,
    },
    mail::{Address, Mail},
    mailbox::{Delivery, DiscardRequest, FetchRequest},
    refusal::Refusal,
    registry::Motion,
    stamp::{Stamp, StampDay},
};

use crate::world::{World, hospital, now};

/// A patient with a record, and the doctor who wrote it.
struct Care {
    world: World,
    patient: Patient,
    doctor: Doctor,
    record: RecordId,
}

fn north() -> MemberId {
    hospital(0).id()
}

impl Care {
    async fn new(members: u8) -> Self {
        let world = World::with(members).await;
        let doctor = world.doctor(0, "Dr Li").await;
        let mut patient = world.patient();
        let record = world.visit(&mut patient, north(), &doctor, "gout").await;
        Self {
            world,
            patient,
            doctor,
            record,
        }
    }

    fn session(&self) -> &Session<InProcess> {
        &self.world.session
    }

    async fn stamps(&self, count: usize) -> Vec<Stamp> {
        let rng = &mut rand::rng();
        let stamps = self.doctor.stamps(self.session(), count, now(), rng);
        stamps.await.unwrap()
    }

    /// A notice of the doctor to the patient.
    fn notice(&self, text: &str) -> (Address, Mail) {
        let to = self.patient.address(north());
        let said = (Text::new(text).unwrap(), now());
        let mail = self.doctor.notice(self.session(), &to, None, said);
        (to, mail)
    }

    /// A delivery of it, with this stamp.
    fn delivery(&self, text: &str, stamp: &Stamp) -> Delivery {
        let (to, mail) = self.notice(text);
        let chain = self.session().chain();
        let sealed = to.seal(chain, &mail, &mut rand::rng()).unwrap();
        Delivery::stamped(chain, &to, sealed, stamp)
    }

    async fn deliver(&self, delivery: Delivery) -> Result<(), CallError> {
        self.world.transport.call(Deliver(delivery)).await
    }

    async fn letters(&self) -> Vec<KeptLetter> {
        let inbox = self.patient.inbox(self.session(), now()).await;
        assert!(inbox.silent.is_empty());
        inbox.letters
    }

    fn mailbox(&self) -> SigningKey {
        self.patient.mailbox_keys(north()).signing
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, CallError>) -> Refusal {
    match answer.unwrap_err() {
        CallError::Refused { rule } => rule,
        other => panic!("not refused: {other}"),
    }
}

fn rule<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> Refusal {
    let error = answer.unwrap_err();
    error.refusal().unwrap_or_else(|| panic!("{error}"))
}

/// The one letter in a doctor's mailbox, opened, and deleted.
async fn only_letter(world: &World, doctor: &Doctor) -> Mail {
    let (session, mailbox) = (&world.session, doctor.mailbox());
    let mut letters = mailbox.letters(session, now()).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = letters.remove(0);
    let discarded = mailbox.discard(session, vec![letter.id()], now());
    discarded.await.unwrap();
    mailbox.open(session.chain(), &letter).unwrap()
}

/// Shares the record by letter with `second`, who opens it. The address that he is told.
async fn shared_by_letter(care: &mut Care, second: &Doctor) -> Address {
    let (session, rng) = (care.world.session.clone(), &mut rand::rng());
    let stamp = care.patient.stamp(&session, now(), rng).await.unwrap();
    assert_eq!(care.patient.wallet().stamps.len(), STAMPS_AT_ONCE - 1);
    let shared = (care.record, second.certificate());
    let sent = care
        .patient
        .mail_share(&session, shared, Form::Gt, &stamp, rng);
    sent.await.unwrap();
    let mail = only_letter(&care.world, second).await;
    let Content::Share(share) = &mail.content else {
        panic!("{:?}", mail.content);
    };
    let file = second.reseal(share, share.reader, rng).unwrap();
    let (record, read) = second.open_share(&session, &file).await.unwrap();
    assert_eq!((record, read.content()), (care.record, &b"gout"[..]));
    mail.reply.unwrap()
}

/// Has `second` ask for clinical and sensitive records until `until`, with a stamp for the answer.
async fn asks(care: &Care, second: &Doctor, to: &Address, until: TimeMs) -> RequestId {
    let (session, rng) = (care.session(), &mut rand::rng());
    let wish = ReadWish {
        levels: vec![Confidentiality::Clinical, Confidentiality::Sensitive],
        purpose: Purpose::Treatment,
        until,
        about: Some(About::Record(care.record)),
    };
    let mut stamps = second.stamps(session, 2, now(), rng).await.unwrap();
    let enclosed = vec![stamps.pop().unwrap()];
    let asked = second.request(session, to, wish, enclosed, now(), rng);
    let (id, mail) = asked.unwrap();
    send(session, to, &mail, &stamps[0], rng).await.unwrap();
    id
}

/// The one request in the patient's mailboxes, checked.
async fn request_in(care: &Care) -> Asked {
    let letters = care.letters().await;
    assert_eq!(letters.len(), 1);
    let mail = care.patient.open_letter(care.session(), &letters[0]);
    let (mail, mailbox) = (mail.unwrap(), &letters[0].mailbox);
    match Shown::check(care.session(), mailbox, &mail, &[], now()).await {
        Ok(Shown::Request(asked)) => *asked,
        other => panic!("no request: {other:?}"),
    }
}

fn kept(_: &Wallet) -> Result<(), ClientError> {
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_asks_the_patient_grants_by_letter_and_he_reads() {
    let mut care = Care::new(2).await;
    let (session, rng) = (care.world.session.clone(), &mut rand::rng());
    let second = care.world.doctor(1, "Dr Wang").await;
    let address = shared_by_letter(&mut care, &second).await;
    assert_eq!(address, care.patient.address(north()));
    let until = now().plus_ms(10 * DAY_MS);
    let id = asks(&care, &second, &address, until).await;

    let asked = request_in(&care).await;
    let sentence = format!(
        "Dr Wang, doctor of Hospital 1 asks to read your clinical and sensitive records for \
         treatment until {}, on account of record {}",
        until.to_text(),
        care.record
    );
    assert_eq!((asked.id, asked.to_string()), (id, sentence));
    let request = care.patient.grant_asked(&session, &asked, now()).await;
    let request = request.unwrap();
    assert_eq!(
        (request.until, request.reader),
        (until, second.certificate())
    );
    let granted = care
        .patient
        .answer_granted(&session, &asked, request, now(), rng, kept);
    let (granted, _) = granted.await.unwrap();

    let mail = only_letter(&care.world, &second).await;
    let Content::Answer(Answer {
        request,
        decision: Decision::Granted(letter),
    }) = &mail.content
    else {
        panic!("{:?}", mail.content);
    };
    assert_eq!((*request, letter), (id, &granted.letter));
    let read = second
        .read(&session, letter, care.record, now(), &mut rand::rng())
        .await;
    assert_eq!(read.unwrap().verified.content(), b"gout");
    // To another who did not ask, it is no answer.
    let none = RequestId::from_bytes([9; 32]);
    let to = second.mailbox().address().card.mailbox;
    let stranger = Shown::check(&session, &to, &mail, &[none], now()).await;
    assert_eq!(stranger.unwrap_err(), ClientError::NotAsked { request: id });
    let own = Shown::check(&session, &to, &mail, &[id], now()).await;
    assert!(matches!(own, Ok(Shown::Granted { .. })));

    // A second time the enclosed stamp is used up, and the patient takes one of her own.
    let before = care.patient.wallet().stamps.len();
    let denied = care
        .patient
        .answer_denied(&session, &asked, None, now(), rng, kept);
    denied.await.unwrap();
    assert_eq!(care.patient.wallet().stamps.len(), before - 1);
    let mail = only_letter(&care.world, &second).await;
    let shown = Shown::check(&session, &to, &mail, &[id], now()).await;
    assert!(matches!(shown, Ok(Shown::Denied { reason: None, .. })));
}

/// What a patient answers to a doctor whose certificate is revoked meanwhile: nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_who_may_not_read_any_more_is_told_so() {
    let care = Care::new(1).await;
    let to = care.patient.address(north());
    asks(&care, &care.doctor, &to, now().plus_ms(DAY_MS)).await;
    request_in(&care).await;
    let reason = Text::new("left").unwrap();
    let certificate = care.doctor.certificate();
    let ca = hospital(0);
    let revoked = ca.revoke(care.session(), certificate, reason);
    revoked.await.unwrap();
    let letter = care.letters().await.remove(0);
    let mail = care.patient.open_letter(care.session(), &letter).unwrap();
    let shown = Shown::check(care.session(), &letter.mailbox, &mail, &[], now()).await;
    assert_eq!(rule(shown), Refusal::CertificateRevoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grants_letter_a_correction_and_a_notice_come_by_letter() {
    let mut care = Care::new(1).await;
    let (session, rng) = (care.world.session.clone(), &mut rand::rng());
    let text = Text::new("it was the other foot").unwrap();
    let stamp = care.patient.stamp(&session, now(), rng).await.unwrap();
    let corrected = care
        .patient
        .correct(&session, care.record, (text, now()), &stamp, rng);
    corrected.await.unwrap();
    let mail = only_letter(&care.world, &care.doctor).await;
    let to = care.doctor.mailbox().address().card.mailbox;
    let shown = Shown::check(&session, &to, &mail, &[], now()).await;
    assert!(matches!(shown, Ok(Shown::Correction { record, .. }) if record == care.record));

    let wish = yilian_client::grants::Wish::for_reader(care.doctor.certificate());
    let members = session.members().await.unwrap();
    let request = wish
        .request(care.patient.wallet(), &members, now())
        .unwrap();
    let granted = care.patient.grant(&session, request, rng).await.unwrap();
    let stamp = care.patient.stamp(&session, now(), rng).await.unwrap();
    let sent = care.patient.mail_letter(&session, &granted, &stamp, rng);
    sent.await.unwrap();
    let mail = only_letter(&care.world, &care.doctor).await;
    assert_eq!(mail.content, Content::StandingLetter(granted.letter));
    assert_eq!(mail.reply, Some(care.patient.address(north())));

    let (to, mail) = care.notice("your results are there");
    let stamp = care.stamps(1).await.remove(0);
    send(&session, &to, &mail, &stamp, rng).await.unwrap();
    let letter = care.letters().await.remove(0);
    let mail = care.patient.open_letter(&session, &letter).unwrap();
    let shown = Shown::check(&session, &letter.mailbox, &mail, &[], now()).await;
    let sentence = shown.unwrap().to_string();
    assert_eq!(
        sentence,
        "Dr Li, doctor of Hospital 0 lets you know: your results are there"
    );
    let kept = std::slice::from_ref(&letter);
    care.patient.discard(&session, kept, now()).await.unwrap();
    assert!(care.letters().await.is_empty());
    // On the device it opens as before, for her alone.
    let text = serde_json::to_string(&letter).unwrap();
    let again: KeptLetter = serde_json::from_str(&text).unwrap();
    care.patient.open_letter(&session, &again).unwrap();
    assert!(care.world.patient().open_letter(&session, &again).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_without_stamps_leaves_nothing_and_is_told_the_same_of_every_mailbox() {
    let care = Care::new(1).await;
    let stamps = care.stamps(2).await;
    let mut strange: Vec<Delivery> = Vec::new();
    // A stamp that nobody signed, one with another's signature, one for another letter.
    let mut made_up = stamps[0].clone();
    made_up.signature = EncodedPoint::from_bytes([0; 48]);
    strange.push(care.delivery("one", &made_up));
    made_up.signature = stamps[1].signature;
    strange.push(care.delivery("two", &made_up));
    let mut moved = care.delivery("three", &stamps[0]);
    moved.sealed = care.delivery("four", &stamps[0]).sealed;
    strange.push(moved);
    for delivery in strange {
        // Likewise to one that holds nothing, and to one that nobody has.
        let nobody = SigningKey::from_seed(&[77; 32]).verifying_key();
        assert_eq!(
            refused(care.deliver(delivery.clone()).await),
            Refusal::StampInvalid
        );
        let elsewhere = Delivery {
            mailbox: nobody,
            ..delivery
        };
        assert_eq!(
            refused(care.deliver(elsewhere).await),
            Refusal::StampInvalid
        );
    }
    let mut late = stamps[0].clone();
    late.day = StampDay::of(TimeMs::new(now().get() + 2 * DAY_MS));
    let late = care.deliver(care.delivery("five", &late)).await;
    assert_eq!(refused(late), Refusal::StampExpired);
    let mut unknown = stamps[0].clone();
    unknown.issuer = MemberId::from_bytes([9; 32]);
    let unknown = care.deliver(care.delivery("six", &unknown)).await;
    assert_eq!(refused(unknown), Refusal::MemberUnknown);
    assert!(care.letters().await.is_empty());

    // A member's own stamp passes, and to a mailbox that is full a stranger's is told as before.
    care.deliver(care.delivery("good", &stamps[0]))
        .await
        .unwrap();
    assert_eq!(care.letters().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_pays_for_one_letter_and_the_same_letter_again_is_no_second_one() {
    let care = Care::new(1).await;
    let stamp = care.stamps(1).await.remove(0);
    let first = care.delivery("first", &stamp);
    for _ in 0..2 {
        care.deliver(first.clone()).await.unwrap();
    }
    let again = care.deliver(care.delivery("second", &stamp)).await;
    assert_eq!(refused(again), Refusal::StampSpent);
    assert_eq!(care.letters().await.len(), 1);
    let letters = care.letters().await;
    care.patient
        .discard(care.session(), &letters, now())
        .await
        .unwrap();
    care.deliver(first).await.unwrap();
    assert!(care.letters().await.is_empty(), "it does not come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn stamps_of_a_suspended_member_are_worth_nothing_and_it_makes_none() {
    let mut care = Care::new(3).await;
    let stamps = care.stamps(1).await;
    let session = care.world.session.clone();
    for number in [1, 2] {
        let (ca, subject) = (hospital(number), north());
        ca.vote(&session, Motion::Suspend, subject, true)
            .await
            .unwrap();
    }
    let delivered = care.deliver(care.delivery("late", &stamps[0])).await;
    assert_eq!(refused(delivered), Refusal::MemberSuspended);
    let rng = &mut rand::rng();
    let person = care.doctor.stamps(&session, 1, now(), rng).await;
    assert_eq!(rule(person), Refusal::MemberSuspended);
    let visit = care.patient.stamp(&session, now(), rng).await;
    assert_eq!(rule(visit), Refusal::MemberSuspended);
    // What lies there is still the patient's to fetch.
    assert!(care.letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_fetches_or_deletes_anothers_letters_and_a_proof_is_good_once() {
    let care = Care::new(1).await;
    let stamp = care.stamps(1).await.remove(0);
    let delivery = care.delivery("private", &stamp);
    let id = delivery.id();
    care.deliver(delivery).await.unwrap();
    let (chain, transport) = (care.session().chain(), &care.world.transport);
    let thief = SigningKey::from_seed(&[66; 32]);
    let mailbox = care.mailbox().verifying_key();

    let mut fetch = FetchRequest::sign(chain, north(), 0, now(), &thief);
    let own = transport.call(FetchMail(fetch.clone())).await.unwrap();
    assert_eq!((own.total, own.entries.len()), (0, 0));
    fetch.mailbox = mailbox;
    let fetched = transport.call(FetchMail(fetch)).await;
    assert_eq!(refused(fetched), Refusal::BadSignature);
    let letters = List::new(vec![id]).unwrap();
    let mut discard = DiscardRequest::sign(chain, north(), letters.clone(), now(), &thief);
    transport.call(DiscardMail(discard.clone())).await.unwrap();
    discard.mailbox = mailbox;
    let deleted = transport.call(DiscardMail(discard)).await;
    assert_eq!(refused(deleted), Refusal::BadSignature);
    assert_eq!(care.letters().await.len(), 1);

    // A proof that was caught, sent again; and an old one.
    let caught = FetchRequest::sign(chain, north(), 0, now(), &care.mailbox());
    let page = transport.call(FetchMail(caught.clone())).await.unwrap();
    assert_eq!(page.total, 1);
    let replayed = transport.call(FetchMail(caught)).await;
    assert_eq!(refused(replayed), Refusal::StaleRequest);
    let old = TimeMs::new(now().get() - CLOCK_SKEW_MS - 60_000);
    let old_fetch = FetchRequest::sign(chain, north(), 0, old, &care.mailbox());
    let answered = transport.call(FetchMail(old_fetch)).await;
    assert_eq!(refused(answered), Refusal::StaleRequest);
    let old_discard = DiscardRequest::sign(chain, north(), letters, old, &care.mailbox());
    let answered = transport.call(DiscardMail(old_discard)).await;
    assert_eq!(refused(answered), Refusal::StaleRequest);

    // No node that this one reaches keeps it.
    let nowhere = MemberId::from_bytes([9; 32]);
    let fetch = FetchRequest::sign(chain, nowhere, 0, now(), &thief);
    let answered = transport.call(FetchMail(fetch)).await;
    assert_eq!(refused(answered), Refusal::NotKeeper);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_and_a_patient_get_so_many_stamps_a_day() {
    let mut care = Care::new(2).await;
    let (session, rng) = (care.world.session.clone(), &mut rand::rng());
    let most = STAMPS_OF_PERSON_MAX as usize;
    care.stamps(most).await;
    let more = care.doctor.stamps(&session, 1, now(), rng).await;
    assert_eq!(rule(more), Refusal::StampsUsed);

    for _ in 0..STAMPS_OF_VISIT_MAX {
        care.patient.stamp(&session, now(), rng).await.unwrap();
    }
    let more = care.patient.stamp(&session, now(), rng).await;
    assert_eq!(rule(more), Refusal::StampsUsed);

    // Who was checked in and has no record yet gets none; nor who is no patient.
    let mut nobody = care.world.patient();
    let none = nobody.stamp(&session, now(), rng).await;
    assert_eq!(rule(none), Refusal::ForeignVisit);
    let request = yilian_client::CheckIn::at(north(), now());
    nobody.check_in(&session, request, rng);
    let none = nobody.stamp(&session, now(), rng).await;
    assert_eq!(rule(none), Refusal::ForeignVisit);
}

/// Over the quota the node says no, and not of which mailbox: to who has a stamp alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_takes_no_more_and_tells_so_to_who_pays_alone() {
    let care = Care::new(1).await;
    // As many as a mailbox takes, of eight doctors of the hospital.
    let mut stamps = Vec::new();
    let rng = &mut rand::rng();
    for number in 0..=MAILBOX_LETTERS_MAX / STAMPS_OF_PERSON_MAX {
        let doctor = care.world.doctor(0, &format!("Dr {number}")).await;
        let most = STAMPS_OF_PERSON_MAX as usize;
        let got = doctor.stamps(care.session(), most, now(), rng).await;
        stamps.extend(got.unwrap());
    }
    let mut stamps = stamps.into_iter();
    for stamp in stamps.by_ref().take(MAILBOX_LETTERS_MAX as usize) {
        care.deliver(care.delivery("many", &stamp)).await.unwrap();
    }
    assert_eq!(care.letters().await.len(), MAILBOX_LETTERS_MAX as usize);
    let stamp = stamps.next().unwrap();
    let over = care.deliver(care.delivery("one more", &stamp)).await;
    assert_eq!(refused(over), Refusal::NoRoomForMail);
    let mut false_stamp = stamp.clone();
    false_stamp.signature = EncodedPoint::from_bytes([1; 48]);
    let stranger = care.deliver(care.delivery("probe", &false_stamp)).await;
    assert_eq!(refused(stranger), Refusal::StampInvalid);
    // The stamp was not used up: it pays for another mailbox.
    let doctor = care.doctor.mailbox().address();
    let mail = care.notice("elsewhere").1;
    let sent = send(care.session(), &doctor, &mail, &stamp, rng).await;
    sent.unwrap();
    let letters = care.letters().await;
    let some = &letters[..1];
    care.patient
        .discard(care.session(), some, now())
        .await
        .unwrap();
    let stamp = stamps.next().unwrap();
    care.deliver(care.delivery("now", &stamp)).await.unwrap();
}

#[test]
fn a_book_gives_out_the_stamp_that_is_over_first_and_none_that_is() {
    let moment = TimeMs::new(40 * DAY_MS);
    let stamp = |day: u64| Stamp {
        issuer: MemberId::from_bytes([1; 32]),
        day: StampDay::of(TimeMs::new(day * DAY_MS)),
        seed: yilian_crypto::stamp::StampSeed::random(&mut rand::rng()),
        signature: EncodedPoint::from_bytes([0; 48]),
    };
    let mut book = StampBook::default();
    book.put([40, 9, 10, 38].map(stamp));
    let text = serde_json::to_string(&book).unwrap();
    assert_eq!(serde_json::from_str::<StampBook>(&text).unwrap(), book);
    let days = std::iter::from_fn(|| Some(book.take(moment)?.day.get()));
    assert_eq!(days.collect::<Vec<_>>(), [10, 38, 40]);
    assert!(book.is_empty());
    // Two hospitals' mailboxes of one patient have nothing in common.
    let patient = Patient::new(
        &Seed::from_bytes([1; 32]),
        Wallet::new(yilian_protocol::ChainId::from_bytes([2; 32])),
    );
    let [one, other] = [3, 4].map(|number| {
        let hospital = MemberId::from_bytes([number; 32]);
        patient.address(hospital).card
    });
    assert!(one.mailbox != other.mailbox && one.kem != other.kem);
}
