//! Letters between patients and doctors, and whoever would flood, read or empty a mailbox.

use yilian_client::{
    CheckIn, ClientError, Doctor, Patient, ReadWish, Session, Unanswered, Wallet,
    mail::{
        About, Answer, Asked, Content, Decision, Fetched, KeptLetter, STAMPS_AT_ONCE, Shown,
        StampBook, send,
    },
};
use yilian_crypto::{seed::Seed, sign::SigningKey, stamp::EncodedPoint};
use yilian_node::service::InProcess;
use yilian_protocol::{
    Confidentiality, MemberId, RecordId, RequestId, TimeMs,
    call::{CallError, Deliver, DiscardMail, FetchMail, Form, Transport as _},
    codec::{List, Text},
    grant::{GrantState, Purpose},
    limits::{
        CLOCK_SKEW_MS, DAY_MS, MAILBOX_LETTERS_MAX, STAMPS_OF_PERSON_MAX, STAMPS_OF_VISIT_MAX,
    },
    mail::{Address, Mail},
    mailbox::{Delivery, DiscardRequest, FetchRequest},
    refusal::Refusal,
    registry::Motion,
    stamp::{Stamp, StampAsker, StampDay},
};

use crate::{
    crooked::{Bends, Crooked},
    world::{World, hospital, now},
};

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
        let inbox = self
            .patient
            .inbox(self.session(), now(), &mut rand::rng())
            .await;
        assert!(inbox.silent.is_empty());
        inbox.letters
    }

    /// Has the patient visit the second hospital, and leaves a letter in her mailbox at each.
    async fn letter_at_both(&mut self) {
        let second = self.world.doctor(1, "Dr Wang").await;
        let south = hospital(1).id();
        let world = &self.world;
        world.visit(&mut self.patient, south, &second, "cold").await;
        let rng = &mut rand::rng();
        for (stamp, keeper) in self.stamps(2).await.iter().zip([north(), south]) {
            let (_, mail) = self.notice("here and there");
            let to = self.patient.address(keeper);
            let sent = send(self.session(), &to, &mail, stamp, rng).await;
            sent.unwrap();
        }
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

/// The one letter in a doctor's mailbox, and opened; it is deleted there.
async fn only_letter(world: &World, doctor: &Doctor) -> (KeptLetter, Mail) {
    let (session, mailbox) = (&world.session, doctor.mailbox());
    let rng = &mut rand::rng();
    let Fetched { mut letters, fault } = mailbox.letters(session, now(), rng).await;
    assert_eq!((letters.len(), fault), (1, None));
    let letter = letters.remove(0);
    let discarded = mailbox.discard(session, vec![letter.id()], now(), rng);
    discarded.await.unwrap();
    let mail = mailbox.open(session.chain(), &letter).unwrap();
    (letter, mail)
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
    let (_, mail) = only_letter(&care.world, second).await;
    let Content::Share(share) = &mail.content else {
        panic!("{:?}", mail.content);
    };
    let file = second
        .reseal(care.session(), share, share.reader, rng)
        .await
        .unwrap();
    let (record, read) = second.open_share(&session, &file).await.unwrap();
    assert_eq!((record, read.content()), (care.record, &b"gout"[..]));
    mail.reply.unwrap()
}

/// Has `second` ask for clinical and sensitive records until `until`, with a stamp for the answer.
async fn asks(care: &Care, second: &Doctor, to: &Address, until: TimeMs) -> RequestId {
    asks_with(care, second, to, until, |_| {}).await
}

/// The same, and the stamp for the answer is changed.
async fn asks_with(
    care: &Care,
    second: &Doctor,
    to: &Address,
    until: TimeMs,
    change: impl FnOnce(&mut Stamp),
) -> RequestId {
    let (session, rng) = (care.session(), &mut rand::rng());
    let wish = ReadWish {
        levels: vec![Confidentiality::Clinical, Confidentiality::Sensitive],
        purpose: Purpose::Treatment,
        until,
        about: Some(About::Record(care.record)),
    };
    let mut stamps = second.stamps(session, 2, now(), rng).await.unwrap();
    let mut enclosed = vec![stamps.pop().unwrap()];
    change(&mut enclosed[0]);
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
    match Shown::check(care.session(), &letters[0], &mail.unwrap(), &[], now()).await {
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
    assert_eq!(asked.record(), Some(care.record));
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

    let (kept_letter, mail) = only_letter(&care.world, &second).await;
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
    let stranger = Shown::check(&session, &kept_letter, &mail, &[none], now()).await;
    assert_eq!(stranger.unwrap_err(), ClientError::NotAsked { request: id });
    let own = Shown::check(&session, &kept_letter, &mail, &[id], now()).await;
    assert!(matches!(own, Ok(Shown::Granted { .. })));

    // A second time the enclosed stamp is used up, and the patient takes one of her own.
    let before = care.patient.wallet().stamps.len();
    let denied = care
        .patient
        .answer_denied(&session, &asked, None, now(), rng, kept);
    denied.await.unwrap();
    assert_eq!(care.patient.wallet().stamps.len(), before - 1);
    let (letter, mail) = only_letter(&care.world, &second).await;
    let shown = Shown::check(&session, &letter, &mail, &[id], now()).await;
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
    let shown = Shown::check(care.session(), &letter, &mail, &[], now()).await;
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
    let (letter, mail) = only_letter(&care.world, &care.doctor).await;
    let shown = Shown::check(&session, &letter, &mail, &[], now()).await;
    assert!(matches!(shown, Ok(Shown::Correction { record, .. }) if record == care.record));

    let wish = yilian_client::grants::Wish::for_reader(care.doctor.certificate());
    let members = session.members().await.unwrap();
    let request = wish
        .request(care.patient.wallet(), &members, now())
        .unwrap();
    let granted = care.patient.grant(&session, request, rng).await.unwrap();
    let stamp = care.patient.stamp(&session, now(), rng).await.unwrap();
    let letter = &granted.letter;
    let sent = care.patient.mail_letter(&session, letter, &stamp, rng);
    sent.await.unwrap();
    let (_, mail) = only_letter(&care.world, &care.doctor).await;
    assert_eq!(mail.content, Content::StandingLetter(granted.letter));
    assert_eq!(mail.reply, Some(care.patient.address(north())));

    let (to, mail) = care.notice("your results are there");
    let stamp = care.stamps(1).await.remove(0);
    send(&session, &to, &mail, &stamp, rng).await.unwrap();
    let letter = care.letters().await.remove(0);
    let mail = care.patient.open_letter(&session, &letter).unwrap();
    let shown = Shown::check(&session, &letter, &mail, &[], now()).await;
    let sentence = shown.unwrap().to_string();
    assert_eq!(
        sentence,
        "Dr Li, doctor of Hospital 0 lets you know: your results are there"
    );
    let kept = std::slice::from_ref(&letter);
    assert!(
        care.patient
            .discard(&session, kept, now(), rng)
            .await
            .is_empty()
    );
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
    let rng = &mut rand::rng();
    let stamp = care.stamps(1).await.remove(0);
    let first = care.delivery("first", &stamp);
    for _ in 0..2 {
        care.deliver(first.clone()).await.unwrap();
    }
    let again = care.deliver(care.delivery("second", &stamp)).await;
    assert_eq!(refused(again), Refusal::StampSpent);
    assert_eq!(care.letters().await.len(), 1);
    let letters = care.letters().await;
    let discarded = care.patient.discard(care.session(), &letters, now(), rng);
    assert!(discarded.await.is_empty());
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
    let request = CheckIn::at(north(), now());
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
    let discarded = care.patient.discard(care.session(), some, now(), rng);
    assert!(discarded.await.is_empty());
    let stamp = stamps.next().unwrap();
    care.deliver(care.delivery("now", &stamp)).await.unwrap();
}

/// A node that refuses, or does not answer, is not told one pseudonym after the other.
#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_stamps_learns_few_visits_of_one_hospital_alone() {
    let world = World::with(2).await;
    let (crooked, session) = Crooked::session(&world).await;
    let rng = &mut rand::rng();
    let mut patient = world.patient();
    // Ten visits at each hospital of which nothing is sealed.
    for number in 0..20 {
        let request = CheckIn::at(hospital(number % 2).id(), now());
        patient.check_in(&session, request, rng);
    }
    let none = patient.stamp(&session, now(), rng).await;
    assert_eq!(rule(none), Refusal::ForeignVisit);
    let asked = std::mem::take(&mut crooked.bends().stamped);
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|member| *member == asked[0]));
    // One question, and once more the same.
    crooked.bends().lost = Some(("stamps", 100));
    let lost = patient.stamp(&session, now(), rng).await;
    assert!(lost.is_err());
    assert_eq!(crooked.bends().stamped.len(), 2);
}

/// Stamps are asked for whenever letters are fetched, and when one is written. A node that refuses
/// each time, or holds the answer until the program is killed, is told no other visits that day.
#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_stamps_again_and_again_learns_no_more_visits_that_day() {
    let world = World::with(1).await;
    let (crooked, session) = Crooked::session(&world).await;
    let (base, rng) = (now(), &mut rand::rng());
    let seed = Seed::random(rng);
    let mut patient = Patient::new(&seed, Wallet::new(session.chain()));
    for _ in 0..40 {
        patient.check_in(&session, CheckIn::at(north(), base), rng);
    }
    let learnt = || {
        let mut learnt: Vec<StampAsker> = Vec::new();
        for asker in std::mem::take(&mut crooked.bends().askers) {
            if !learnt.contains(&asker) {
                learnt.push(asker);
            }
        }
        learnt
    };
    // Killed as soon as the first question is out: what was kept before knows of it.
    let mut first = Vec::new();
    for _ in 0..6 {
        let mut kept = None;
        let keep = |wallet: &Wallet| {
            kept = Some(wallet.clone());
            Ok::<_, ClientError>(())
        };
        crooked.bends().lost = Some(("stamps", 2));
        let lost = patient.stamp_kept(&session, base, rng, keep).await;
        assert!(lost.unwrap_err().refusal().is_none());
        // Nothing is to be kept when all is noted.
        let wallet = kept.unwrap_or_else(|| patient.wallet().clone());
        patient = Patient::new(&seed, wallet);
        first.extend(learnt());
    }
    assert!(first.iter().all(|asker| *asker == first[0]), "{first:?}");
    crooked.bends().lost = None;
    // A wallet that cannot be kept asks with none that is new.
    let failing = |_: &Wallet| Err(ClientError::NoPass);
    let unkept = patient.stamp_kept(&session, base, rng, failing).await;
    assert_eq!(unkept.unwrap_err(), ClientError::NoPass);
    assert_eq!(learnt(), first[..1]);

    let refused = patient.refill(&session, base, rng).await;
    assert_eq!(rule(refused), Refusal::ForeignVisit);
    let four = learnt();
    assert_eq!((four.len(), &four[0]), (4, &first[0]));
    for _ in 0..5 {
        patient.refill(&session, base, rng).await.unwrap();
        assert!(learnt().is_empty(), "it has refused today");
        let refused = patient.stamp(&session, base, rng).await;
        assert_eq!(rule(refused), Refusal::ForeignVisit);
        assert_eq!(learnt(), four, "the same, in the same order");
    }
    // On another day it is asked again, with others.
    let mut wallet = patient.wallet().clone();
    wallet.asked[0].day = wallet.asked[0].day.minus(1);
    let mut patient = Patient::new(&seed, wallet);
    let refused = patient.refill(&session, base, rng).await;
    assert_eq!(rule(refused), Refusal::ForeignVisit);
    let next = learnt();
    assert!(next.len() == 4 && next != four);
    assert_eq!(patient.wallet().asked.len(), 1);
}

/// Who fetches letters has stamps by then for those that he writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_stock_that_is_low_is_filled_when_letters_are_fetched_and_not_when_one_is_written() {
    let mut care = Care::new(1).await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let rng = &mut rand::rng();
    let mut stock = StampBook::default();
    let asked = || crooked.bends().stamped.len();
    for _ in 0..2 {
        care.patient.refill(&session, now(), rng).await.unwrap();
        let refilled = care.doctor.refill(&session, &mut stock, now(), rng);
        refilled.await.unwrap();
        assert_eq!(asked(), 2, "once each");
    }
    for left in (1..STAMPS_AT_ONCE).rev() {
        care.patient.stamp(&session, now(), rng).await.unwrap();
        let taken = care.doctor.take_stamps(&session, &mut stock, 1, now(), rng);
        taken.await.unwrap();
        assert_eq!(
            (care.patient.wallet().stamps.len(), stock.len()),
            (left, left)
        );
    }
    assert_eq!(asked(), 2, "none is got for a letter");
    care.patient.refill(&session, now(), rng).await.unwrap();
    let refilled = care.doctor.refill(&session, &mut stock, now(), rng);
    refilled.await.unwrap();
    assert_eq!(asked(), 4);
}

/// Whoever has a stamp sends a doctor what looks like a patient's letter, with his own address.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_is_made_up_is_neither_taken_nor_answered() {
    let mut care = Care::new(1).await;
    let (session, rng) = (care.world.session.clone(), &mut rand::rng());
    let doctor = care.world.doctor(0, "Dr Wang").await;
    let world = &care.world;
    let other = world
        .visit(&mut care.patient, north(), &care.doctor, "flu")
        .await;
    let stamp = care.patient.stamp(&session, now(), rng).await.unwrap();
    let shared = (care.record, doctor.certificate());
    let sent = care
        .patient
        .mail_share(&session, shared, Form::Gt, &stamp, rng);
    sent.await.unwrap();
    let (letter, mut mail) = only_letter(&care.world, &doctor).await;
    let checked = doctor
        .check_mail(&session, &letter, &mail, &[], now())
        .await;
    assert_eq!(
        checked.unwrap(),
        Shown::Share {
            record: care.record
        }
    );
    let Content::Share(share) = &mut mail.content else {
        panic!("{:?}", mail.content);
    };
    share.record = other;
    let checked = doctor
        .check_mail(&session, &letter, &mail, &[], now())
        .await;
    assert!(
        matches!(checked, Err(ClientError::Sealed { .. })),
        "{checked:?}"
    );
}

/// The same with the letter of a grant, or an answer that has one.
#[tokio::test(flavor = "multi_thread")]
async fn a_grants_letter_that_is_made_up_is_neither_taken_nor_answered() {
    let mut care = Care::new(1).await;
    let (session, rng) = (care.world.session.clone(), &mut rand::rng());
    let doctor = care.world.doctor(0, "Dr Wang").await;
    let (to, mail) = (doctor.mailbox().address(), care.notice("any letter").1);
    let stamp = care.stamps(1).await.remove(0);
    send(&session, &to, &mail, &stamp, rng).await.unwrap();
    let (letter, _) = only_letter(&care.world, &doctor).await;
    let wish = yilian_client::grants::Wish::for_reader(doctor.certificate());
    let members = session.members().await.unwrap();
    let request = wish
        .request(care.patient.wallet(), &members, now())
        .unwrap();
    let mut granted = care
        .patient
        .grant(&session, request, rng)
        .await
        .unwrap()
        .letter;
    let check = async |content: Content, requests: &[RequestId]| {
        let mail = Mail::from(content);
        doctor
            .check_mail(&session, &letter, &mail, requests, now())
            .await
    };
    check(Content::StandingLetter(granted.clone()), &[])
        .await
        .unwrap();
    let request = RequestId::from_bytes([9; 32]);
    let answer = |letter| {
        let decision = Decision::Granted(letter);
        Content::Answer(Answer { request, decision })
    };
    check(answer(granted.clone()), &[request]).await.unwrap();
    let unasked = check(answer(granted.clone()), &[]).await;
    assert_eq!(unasked.unwrap_err(), ClientError::NotAsked { request });
    let grant = granted.grant;
    granted.terms.purpose = Purpose::Research;
    let wrong = ClientError::OtherTerms { grant };
    let changed = check(Content::StandingLetter(granted.clone()), &[]).await;
    assert_eq!(changed.unwrap_err(), wrong);
    let changed = check(answer(granted.clone()), &[request]).await;
    assert_eq!(changed.unwrap_err(), wrong);
    granted.terms.reader = care.doctor.certificate();
    let others = check(Content::StandingLetter(granted), &[]).await;
    assert!(
        matches!(others, Err(ClientError::NotForMe { .. })),
        "{others:?}"
    );
}

/// What became of the patient's grants, in the order in which they were made.
async fn states(care: &Care) -> Vec<GrantState> {
    let listed = yilian_client::grants::list(care.session(), care.patient.wallet(), now()).await;
    listed.unwrap().iter().map(|grant| grant.state).collect()
}

/// Whatever breaks between grant and letter, no grant stands beside the one that is answered.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_leaves_one_grant_and_tells_the_cause() {
    let mut care = Care::new(2).await;
    let second = care.world.doctor(1, "Dr Wang").await;
    let to = care.patient.address(north());
    let id = asks(&care, &second, &to, now().plus_ms(DAY_MS)).await;
    let asked = request_in(&care).await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let rng = &mut rand::rng();
    let request = care
        .patient
        .grant_asked(&session, &asked, now())
        .await
        .unwrap();
    let mut grant = async |patient: &mut Patient| {
        let request = request.clone();
        let answered = patient.answer_granted(&session, &asked, request, now(), rng, kept);
        answered.await
    };
    // Nothing comes through when the letter is sent: nor can the grant be revoked.
    crooked.bends().cut = Some("deliver");
    let error = grant(&mut care.patient).await.unwrap_err();
    let lost = CallError::Unreachable {
        message: "the answer is lost".into(),
    };
    let stands = Unanswered {
        cause: ClientError::Call(lost),
        standing: vec![care.patient.wallet().grants[0].grant],
        kept: Vec::new(),
        revoked: Vec::new(),
    };
    assert_eq!(error, stands);
    assert_eq!(states(&care).await, [GrantState::Active]);
    let noted = care.patient.wallet().grants.iter().map(|note| note.answers);
    assert_eq!(noted.collect::<Vec<_>>(), [Some(id)]);
    // As if the program had been killed there: the wallet that was kept is all there is.
    *crooked.bends() = Bends::default();
    grant(&mut care.patient).await.unwrap();
    let (revoked, active) = (GrantState::Revoked, GrantState::Active);
    assert_eq!(states(&care).await, [revoked, active]);
    // No holder takes its shares, and nothing else comes through.
    crooked.bends().cut = Some("deposit");
    let error = grant(&mut care.patient).await.unwrap_err();
    assert!(
        matches!(error.cause, ClientError::TooFewHolders { stands: None, .. }),
        "{error:?}"
    );
    // The one that it made: those before were seen to be revoked.
    let made = care.patient.wallet().grants[2].grant;
    assert_eq!(error.standing, [made]);
    assert_eq!(states(&care).await, [revoked, revoked, active]);
    // Nothing is answered as long as it stands, and what stands is told.
    let rng = &mut rand::rng();
    let denied = care
        .patient
        .answer_denied(&session, &asked, None, now(), rng, kept);
    let mut standing = denied.await.unwrap_err().standing;
    assert_eq!(standing.pop(), Some(made));
    *crooked.bends() = Bends::default();
    let denied = care
        .patient
        .answer_denied(&session, &asked, None, now(), rng, kept);
    denied.await.unwrap();
    assert_eq!(states(&care).await, [revoked, revoked, revoked]);
}

/// Cut short after it was ordered, refused, or with no holder in reach: it is the same grant, and
/// what is ordered again is what was ordered.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_was_cut_short_is_finished_with_the_same_bytes() {
    let mut care = Care::new(2).await;
    let second = care.world.doctor(1, "Dr Wang").await;
    let to = care.patient.address(north());
    asks(&care, &second, &to, now().plus_ms(DAY_MS)).await;
    let asked = request_in(&care).await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let (patient, rng) = (&mut care.patient, &mut rand::rng());
    let request = patient.grant_asked(&session, &asked, now()).await.unwrap();
    let mut saved = None;
    let keep = |wallet: &Wallet| {
        saved = Some(wallet.clone());
        Ok::<(), ClientError>(())
    };
    crooked.bends().cut = Some("submit");
    let answered = patient.answer_granted(&session, &asked, request, now(), rng, keep);
    answered.await.unwrap_err();
    // The wallet that was kept before knows all that it takes, also when it was read from a disk.
    let saved = serde_json::to_string(&saved.unwrap()).unwrap();
    let saved: Wallet = serde_json::from_str(&saved).unwrap();
    assert_eq!(&saved, patient.wallet());
    let grant = saved.grants[0].grant;
    let ordered = saved.pending(grant).unwrap();
    assert_eq!(
        (ordered.refused, ordered.ordered().unwrap().id()),
        (None, grant)
    );

    let before = std::mem::take(&mut *crooked.bends());
    let mut submitted = before.submitted;
    let mut finish = async |patient: &mut Patient| {
        let finished = patient.finish_grant(&session, (grant, Some(&asked)), now(), rng, kept);
        let finished = finished.await;
        submitted.append(&mut crooked.bends().submitted);
        finished
    };
    crooked.bends().refusals = vec![Refusal::VouchersUsed];
    let error = finish(patient).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::VouchersUsed));
    let refused = patient.wallet().pending(grant).unwrap().refused;
    assert_eq!(refused, Some(Refusal::VouchersUsed));
    crooked.bends().cut = Some("deposit");
    let error = finish(patient).await.unwrap_err();
    let stands =
        matches!(error, ClientError::TooFewHolders { stands: Some(it), .. } if it == grant);
    assert!(stands, "{error:?}");
    assert_eq!(patient.wallet().pending(grant).unwrap().refused, None);
    *crooked.bends() = Bends::default();
    let (letter, _) = finish(patient).await.unwrap();
    assert!(patient.wallet().pending.is_empty());
    assert_eq!(
        finish(patient).await.unwrap_err(),
        ClientError::NotMyGrant { grant }
    );
    assert_eq!(submitted.len(), 4);
    assert!(submitted.iter().all(|bytes| *bytes == submitted[0]));
    assert_eq!(states(&care).await, [GrantState::Active]);
    let (_, mail) = only_letter(&care.world, &second).await;
    let Content::Answer(Answer {
        decision: Decision::Granted(sent),
        ..
    }) = &mail.content
    else {
        panic!("{:?}", mail.content);
    };
    assert_eq!(sent, &letter);
    let rng = &mut rand::rng();
    let read = second.read(&session, sent, care.record, now(), rng).await;
    assert_eq!(read.unwrap().verified.content(), b"gout");
}

/// One that was revoked meanwhile is not given again, and answers nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_was_revoked_on_its_way_is_not_finished() {
    let mut care = Care::new(1).await;
    let to = care.patient.address(north());
    asks(&care, &care.doctor, &to, now().plus_ms(DAY_MS)).await;
    let asked = request_in(&care).await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let (patient, rng) = (&mut care.patient, &mut rand::rng());
    let request = patient.grant_asked(&session, &asked, now()).await.unwrap();
    crooked.bends().cut = Some("deposit");
    let answered = patient.answer_granted(&session, &asked, request, now(), rng, kept);
    answered.await.unwrap_err();
    *crooked.bends() = Bends::default();
    let grant = patient.wallet().grants[0].grant;
    let revoked = patient.set_grant(&session, grant, GrantState::Revoked);
    revoked.await.unwrap();
    let finished = patient.finish_grant(&session, (grant, Some(&asked)), now(), rng, kept);
    let error = finished.await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::GrantRevoked));
    let wallet = patient.wallet();
    assert_eq!((wallet.pending.len(), wallet.grants[0].answers), (0, None));
}

/// What was ordered and lost on its way is not finished when the request is refused after all.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_on_its_way_ends_with_a_refusal() {
    let mut care = Care::new(1).await;
    let to = care.patient.address(north());
    asks(&care, &care.doctor, &to, now().plus_ms(DAY_MS)).await;
    let asked = request_in(&care).await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let (patient, rng) = (&mut care.patient, &mut rand::rng());
    let request = patient.grant_asked(&session, &asked, now()).await.unwrap();
    crooked.bends().refusals = vec![Refusal::StaleRequest];
    let answered = patient.answer_granted(&session, &asked, request.clone(), now(), rng, kept);
    answered.await.unwrap_err();
    let pending = |patient: &Patient| {
        let pending = patient.wallet().pending.iter();
        pending.map(|pending| pending.grant).collect::<Vec<_>>()
    };
    let first = pending(patient);
    assert_eq!(first.len(), 1);
    // It is given up when another is ordered in its place, and no earlier.
    let mut faulty = request.clone();
    faulty.holders.push(faulty.holders[0]);
    let answered = patient.answer_granted(&session, &asked, faulty, now(), rng, kept);
    answered.await.unwrap_err();
    assert_eq!(pending(patient), first);
    crooked.bends().refusals = vec![Refusal::StaleRequest];
    let answered = patient.answer_granted(&session, &asked, request, now(), rng, kept);
    answered.await.unwrap_err();
    let second = pending(patient);
    assert_eq!(second.len(), 1);
    assert_ne!(second, first);
    let given_up = |patient: &Patient| {
        let notes = patient.wallet().grants.iter();
        notes.map(|note| note.given_up).collect::<Vec<_>>()
    };
    assert_eq!(given_up(patient), [true, false]);
    // Nor before the reader is told.
    crooked.bends().cut = Some("deliver");
    let denied = patient.answer_denied(&session, &asked, None, now(), rng, kept);
    denied.await.unwrap_err();
    assert_eq!(pending(patient), second);
    *crooked.bends() = Bends::default();
    let denied = patient.answer_denied(&session, &asked, None, now(), rng, kept);
    denied.await.unwrap();
    assert_eq!(pending(patient), []);
    assert_eq!(given_up(patient), [true, true]);
    assert_eq!(states(&care).await, []);
}

/// What a node is asked while a letter is checked is the same, whoever wrote it.
#[tokio::test(flavor = "multi_thread")]
async fn no_node_learns_from_whom_a_patient_gets_letters() {
    let care = Care::new(2).await;
    let second = care.world.doctor(1, "Dr Wang").await;
    let (to, notice) = care.notice("your results are there");
    let stamp = care.stamps(1).await.remove(0);
    let rng = &mut rand::rng();
    send(care.session(), &to, &notice, &stamp, rng)
        .await
        .unwrap();
    asks(&care, &second, &to, now().plus_ms(DAY_MS)).await;
    let letters = care.letters().await;
    assert_eq!(letters.len(), 2);
    let mut asked = Vec::new();
    for letter in &letters {
        let (crooked, session) = Crooked::session(&care.world).await;
        let mail = care.patient.open_letter(&session, letter).unwrap();
        Shown::check(&session, letter, &mail, &[], now())
            .await
            .unwrap();
        asked.push(std::mem::take(&mut crooked.bends().proven));
    }
    assert!(!asked[0].is_empty());
    assert_eq!(asked[0], asked[1]);
}

/// It is not there, and may be in a moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_whose_order_hangs_somewhere_may_stand() {
    let mut care = Care::new(1).await;
    let to = care.patient.address(north());
    asks(&care, &care.doctor, &to, now().plus_ms(DAY_MS)).await;
    let asked = request_in(&care).await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let request = care.patient.grant_asked(&session, &asked, now()).await;
    let (request, rng) = (request.unwrap(), &mut rand::rng());
    crooked.bends().hangs = Some("submit");
    let patient = &mut care.patient;
    let answered = patient.answer_granted(&session, &asked, request, now(), rng, kept);
    let error = answered.await.unwrap_err();
    let hanging = care.patient.wallet().grants[0].grant;
    assert_eq!(error.standing, [hanging], "{error:?}");
}

/// The stamp that was enclosed is used up with the first answer, and her own are too.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_not_revoked_for_an_answer_that_cannot_be_sent() {
    let mut care = Care::new(1).await;
    let (session, rng) = (care.world.session.clone(), &mut rand::rng());
    let to = care.patient.address(north());
    asks(&care, &care.doctor, &to, now().plus_ms(DAY_MS)).await;
    let asked = request_in(&care).await;
    let request = care.patient.grant_asked(&session, &asked, now()).await;
    let request = request.unwrap();
    let patient = &mut care.patient;
    let answered = patient.answer_granted(&session, &asked, request.clone(), now(), rng, kept);
    let (granted, _) = answered.await.unwrap();
    for _ in 0..STAMPS_OF_VISIT_MAX {
        patient.stamp(&session, now(), rng).await.unwrap();
    }
    let answered = patient.answer_granted(&session, &asked, request, now(), rng, kept);
    let error = answered.await.unwrap_err();
    assert_eq!(error.cause.refusal(), Some(Refusal::StampsUsed));
    let (none, grant) = (Vec::new(), granted.letter.grant);
    assert_eq!((error.kept, error.standing), (vec![grant], none.clone()));
    assert_eq!(error.revoked, none);
    assert_eq!(states(&care).await, [GrantState::Active]);
    // What she takes back is taken back, though nobody is told.
    let patient = &mut care.patient;
    let denied = patient.answer_denied(&session, &asked, None, now(), rng, kept);
    let error = denied.await.unwrap_err();
    assert_eq!(error.cause.refusal(), Some(Refusal::StampsUsed));
    assert_eq!((error.kept, error.revoked), (none, vec![grant]));
    assert_eq!(states(&care).await, [GrantState::Revoked]);
}

/// Too few holders take their shares, and the grant can be revoked, or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_nobody_lets_be_revoked_is_named_beside_the_cause() {
    let mut care = Care::new(2).await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let rng = &mut rand::rng();
    let wish = yilian_client::grants::Wish::for_reader(care.doctor.certificate());
    let members = session.members().await.unwrap();
    let request = wish.request(care.patient.wallet(), &members, now());
    let request = request.unwrap();
    crooked.bends().lost = Some(("deposit", 100));
    let error = care.patient.grant(&session, request.clone(), rng).await;
    let error = error.unwrap_err();
    assert!(
        matches!(error, ClientError::TooFewHolders { stands: None, .. }),
        "{error}"
    );
    crooked.bends().cut = Some("deposit");
    let error = care.patient.grant(&session, request, rng).await;
    let error = error.unwrap_err();
    let grant = care.patient.wallet().grants[1].grant;
    let ClientError::TooFewHolders { stands, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*stands, Some(grant));
    assert!(error.to_string().contains(&grant.to_string()), "{error}");
    let (revoked, active) = (GrantState::Revoked, GrantState::Active);
    assert_eq!(states(&care).await, [revoked, active]);
}

/// Whoever asks may enclose what is worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_enclosed_stamp_that_is_refused_keeps_no_answer_back() {
    let mut care = Care::new(1).await;
    let to = care.patient.address(north());
    let until = now().plus_ms(DAY_MS);
    let nobody = MemberId::from_bytes([9; 32]);
    let made_up = |stamp: &mut Stamp| stamp.issuer = nobody;
    asks_with(&care, &care.doctor, &to, until, made_up).await;
    let asked = request_in(&care).await;
    let (session, rng) = (care.world.session.clone(), &mut rand::rng());
    let denied = care
        .patient
        .answer_denied(&session, &asked, None, now(), rng, kept);
    denied.await.unwrap();
    let (_, mail) = only_letter(&care.world, &care.doctor).await;
    assert_eq!(mail.content.kind(), "answer");
}

/// Two hospitals that compare when they were asked find no time in both.
#[tokio::test(flavor = "multi_thread")]
async fn no_two_mailboxes_of_a_patient_are_asked_for_at_one_time() {
    let mut care = Care::new(2).await;
    care.letter_at_both().await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let (base, rng) = (now(), &mut rand::rng());
    let inbox = care.patient.inbox(&session, base, rng).await;
    let silent = care.patient.discard(&session, &inbox.letters, base, rng);
    assert!(silent.await.is_empty());
    let asked = crooked.bends().asked.clone();
    assert_eq!(asked.len(), 4);
    let apart: std::collections::BTreeSet<_> = asked.iter().collect();
    assert_eq!(apart.len(), 4, "{asked:?}");
    let least = TimeMs::new(base.get() - CLOCK_SKEW_MS);
    assert!(asked.iter().all(|at| (least..=now()).contains(at)));
}

/// A device that is four minutes behind would be refused half of the time, and known by the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_clock_is_behind_is_neither_refused_nor_recognised() {
    let mut care = Care::new(2).await;
    care.letter_at_both().await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let rng = &mut rand::rng();
    let before = now().get();
    let behind = TimeMs::new(before - (CLOCK_SKEW_MS - 60_000));
    for _ in 0..8 {
        let inbox = care.patient.inbox(&session, behind, rng).await;
        assert_eq!((inbox.letters.len(), inbox.silent), (2, Vec::new()));
    }
    let inbox = care.patient.inbox(&session, behind, rng).await;
    let silent = care.patient.discard(&session, &inbox.letters, behind, rng);
    assert!(silent.await.is_empty());
    // As those of a device whose clock is right.
    let least = TimeMs::new(before - CLOCK_SKEW_MS / 2);
    let asked = crooked.bends().asked.clone();
    assert_eq!(asked.len(), 20);
    assert!(asked.iter().all(|at| (least..=now()).contains(at)));
    // A node's clock that is far off is no time to ask at.
    crooked.bends().time = Some(TimeMs::new(before).plus_ms(2 * CLOCK_SKEW_MS));
    crooked.bends().asked.clear();
    care.patient.inbox(&session, now(), rng).await;
    let asked = crooked.bends().asked.clone();
    assert!(asked.iter().all(|at| *at <= now()), "{asked:?}");
}

/// Who has left dates his notice back, and sends it with a stamp that he got before.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_is_dated_back_or_ahead_is_nobodys_word() {
    let care = Care::new(1).await;
    let role = yilian_protocol::registry::Role::Doctor;
    let (session, ca) = (care.session(), hospital(0));
    let person = care.world.certify(&ca, "Dr Far", role, 10).await;
    let doctor = person.doctor().unwrap();
    let rng = &mut rand::rng();
    let stamps = doctor.stamps(session, 3, now(), rng).await.unwrap();
    let to = care.patient.address(north());
    let before = now();
    let notice = |at| {
        let said = (Text::new("come at once").unwrap(), at);
        doctor.notice(session, &to, None, said)
    };
    let seen = async |mail: Mail, stamp: &Stamp| {
        send(session, &to, &mail, stamp, &mut rand::rng())
            .await
            .unwrap();
        let letter = care.letters().await.pop().unwrap();
        let opened = care.patient.open_letter(session, &letter).unwrap();
        Shown::check(session, &letter, &opened, &[], now()).await
    };
    seen(notice(before), &stamps[0]).await.unwrap();
    let ahead = seen(notice(before.plus_ms(2 * DAY_MS)), &stamps[1]).await;
    assert_eq!(rule(ahead), Refusal::StaleRequest);
    let reason = Text::new("left").unwrap();
    let revoked = ca.revoke(session, doctor.certificate(), reason);
    revoked.await.unwrap();
    let back = seen(notice(before), &stamps[2]).await;
    assert_eq!(rule(back), Refusal::CertificateRevoked);
}

/// A node that does not delete, or hands out no page and counts more, holds up no other's letters.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_keeps_letters_back_is_told_so_and_hides_none_of_the_others() {
    let mut care = Care::new(2).await;
    care.letter_at_both().await;
    let rng = &mut rand::rng();
    let (crooked, session) = Crooked::session(&care.world).await;
    // A device that is four minutes ahead, as clocks may be.
    let ahead = now().plus_ms(CLOCK_SKEW_MS - 60_000);
    let inbox = care.patient.inbox(&session, ahead, rng).await;
    assert_eq!((inbox.letters.len(), inbox.silent.len()), (2, 0));

    crooked.bends().held_back = 1;
    let asked = care.patient.inbox(&session, now(), rng);
    let asked = tokio::time::timeout(std::time::Duration::from_secs(60), asked);
    let asked = asked.await.expect("it does not ask for ever");
    let wrong = ClientError::WrongAnswer { request: "fetch" };
    let causes = asked.silent.into_iter().map(|(_, cause)| cause);
    assert_eq!(causes.collect::<Vec<_>>(), [wrong.clone(), wrong.clone()]);
    // What was handed out is there: a count that is too high hides no letter.
    assert_eq!(asked.letters, inbox.letters);
    let stamp = care.stamps(1).await.remove(0);
    let (doctor, mail) = (care.doctor.mailbox(), care.notice("to a colleague").1);
    let sent = send(&session, &doctor.address(), &mail, &stamp, rng).await;
    let fetched = doctor.letters(&session, now(), rng).await;
    let ids = fetched.letters.iter().map(KeptLetter::id);
    assert_eq!(ids.collect::<Vec<_>>(), [sent.unwrap()]);
    assert_eq!(fetched.fault, Some(wrong));
    crooked.bends().held_back = 0;

    crooked.bends().lost = Some(("discard", 1));
    let silent = care
        .patient
        .discard(&session, &inbox.letters, ahead, rng)
        .await;
    assert_eq!(silent.len(), 1);
    assert!(matches!(
        &silent[0].1,
        ClientError::Call(CallError::Unreachable { .. })
    ));
    assert!(care.letters().await.is_empty(), "both were asked");
}

/// A stamp of long ago, that nobody signed.
fn old_stamp() -> Stamp {
    Stamp {
        issuer: north(),
        day: StampDay::of(TimeMs::new(now().get() - 40 * DAY_MS)),
        seed: yilian_crypto::stamp::StampSeed::random(&mut rand::rng()),
        signature: EncodedPoint::from_bytes([0; 48]),
    }
}

/// Stamps that are over must not keep new ones away for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_stock_of_stamps_that_are_over_is_filled_anew_and_a_lost_answer_costs_none() {
    let care = Care::new(1).await;
    let (crooked, session) = Crooked::session(&care.world).await;
    let rng = &mut rand::rng();
    let mut stock = StampBook::default();
    stock.put([old_stamp()]);
    crooked.bends().lost = Some(("stamps", 1));
    let taken = care.doctor.take_stamps(&session, &mut stock, 2, now(), rng);
    let taken = taken.await.unwrap();
    assert_eq!((taken.len(), stock.len()), (2, STAMPS_AT_ONCE - 2));
    let (to, mail) = care.notice("a stamp that is good");
    let sent = send(&session, &to, &mail, &taken[0], rng).await;
    sent.unwrap();
    // What was lost was asked again, and counted once: all others of the day are left.
    care.stamps(STAMPS_OF_PERSON_MAX as usize - STAMPS_AT_ONCE)
        .await;
    // Over the day's bound it is told so, and the stock is as it was but for what is over.
    let good = stock.len();
    stock.put([old_stamp()]);
    let taken = care
        .doctor
        .take_stamps(&session, &mut stock, good + 1, now(), rng);
    assert_eq!(rule(taken.await), Refusal::StampsUsed);
    assert_eq!(stock.len(), good);
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
