//! Letters in mailboxes: every kind comes back, none tells its kind by its size, and only whoever
//! has the mailbox opens it. Stamps: of one member, day and letter.

use proptest::prelude::*;
use yilian_crypto::stamp::{StampPublic, StampSecret};
use yilian_protocol::{
    ChainId, MemberId, TimeMs,
    call::Page,
    codec::{Decode as _, Encode as _, List, Text},
    grant::Purpose,
    ids::{MailId, Salt},
    letter::{Letter, LetterError, LetterRecord},
    limits::{CLOCK_SKEW_MS, DAY_MS, MAIL_MAX, MAIL_SIZES, STAMP_DAYS},
    mail::{
        About, Address, Answer, Content, Correction, Decision, Mail, Notice, ReadRequest,
        SealedMail, SignedRequest,
    },
    mailbox::{Delivery, DiscardRequest, FetchRequest, KeptMail},
    refusal::Refusal,
    registry::{Certificate, Role},
    stamp::{AskerKey, BlindSigned, Stamp, StampDay, StampsDrawn, StampsRequest},
};

use crate::values::{
    self, NOW, author, card, certificate, chain, hospital, kem_secret, key, letter, mailbox, rng,
    share, token,
};

fn now() -> TimeMs {
    TimeMs::new(NOW)
}

fn today() -> StampDay {
    StampDay::of(now())
}

fn member() -> StampSecret {
    StampSecret::of_node(&key(3))
}

fn drawn(count: usize) -> (StampsDrawn, StampsRequest) {
    let (member, rng) = (member(), &mut rng());
    let of = (hospital(), member.public());
    let (drawn, blinded) = StampsDrawn::draw(chain(), of, today(), count, rng);
    let blinded = List::new(blinded).unwrap();
    let person = AskerKey::Person(author(), &key(4));
    let request = StampsRequest::sign(chain(), hospital(), today(), blinded, person, rng);
    (drawn, request)
}

pub fn stamps_request() -> StampsRequest {
    drawn(2).1
}

pub fn blind_signed() -> BlindSigned {
    stamps_request().answer(chain(), &member()).unwrap()
}

pub fn stamp() -> Stamp {
    let (drawn, request) = drawn(1);
    let answer = request.answer(chain(), &member()).unwrap();
    let public: StampPublic = *member().public();
    let stamps = drawn.stamps(chain(), &public, &answer);
    stamps.unwrap().remove(0)
}

/// The patient's.
pub fn address() -> Address {
    token(0).address(chain()).unwrap()
}

fn doctor() -> Certificate {
    certificate(Role::Doctor)
}

fn request(text: &str) -> SignedRequest {
    let request = ReadRequest {
        reader: author(),
        levels: List::new(vec![values::checked().scope(LEVEL).confidentiality]).unwrap(),
        purpose: Purpose::Treatment,
        until: TimeMs::new(NOW + 1_000_000),
        about: Some(About::Record(share().record)),
        asked_at: now(),
        salt: Salt::from_bytes([text.len() as u8; 32]),
    };
    SignedRequest::sign(chain(), &card().mailbox, request, &key(4))
}

const LEVEL: yilian_protocol::Confidentiality = yilian_protocol::Confidentiality::Clinical;

fn correction(text: &str) -> Correction {
    let secret = values::visit_keys(0).nym_secret;
    let said = (Text::new(text).unwrap(), now());
    let to = doctor().signing;
    Correction::sign(chain(), &to, share().record, said, &secret, &mut rng())
}

fn notice(text: &str) -> Notice {
    let about = Some(About::Grant(letter().grant));
    let said = (Text::new(text).unwrap(), now());
    Notice::sign(chain(), &card().mailbox, (author(), &key(4)), about, said)
}

/// One of each kind, with what it may enclose.
pub fn mails(text: &str) -> Vec<Mail> {
    let answer = |decision| Answer {
        request: request(text).id(chain(), &card().mailbox),
        decision,
    };
    let contents = vec![
        Content::Share(share()),
        Content::StandingLetter(letter()),
        Content::Request(request(text)),
        Content::Answer(answer(Decision::Granted(letter()))),
        Content::Answer(answer(Decision::Denied(None))),
        Content::Answer(answer(Decision::Denied(Some(Text::new("no").unwrap())))),
        Content::Correction(correction(text)),
        Content::Notice(notice(text)),
    ];
    let mails = contents.into_iter().map(|content| Mail {
        content,
        reply: Some(address()),
        stamps: List::new(vec![stamp()]).unwrap(),
    });
    mails.collect()
}

pub fn sealed() -> SealedMail {
    let mail = Mail::from(Content::Share(share()));
    let to = Address::of(&doctor());
    to.seal(chain(), &mail, &mut rng()).unwrap()
}

pub fn delivery() -> Delivery {
    Delivery::stamped(chain(), &Address::of(&doctor()), sealed(), &stamp())
}

pub fn fetch() -> FetchRequest {
    FetchRequest::sign(chain(), hospital(), 7, now(), &key(4))
}

pub fn discard() -> DiscardRequest {
    let letters = List::new(vec![delivery().id()]).unwrap();
    DiscardRequest::sign(chain(), hospital(), letters, now(), &key(4))
}

pub fn page() -> Page<KeptMail> {
    Page {
        entries: vec![KeptMail {
            number: 7,
            arrived: now(),
            sealed: sealed(),
        }],
        total: 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Also: of every kind, whatever a person writes, the sealed bytes are as many.
    #[test]
    fn every_kind_comes_back_and_all_are_of_one_size(text in "[a-zé医🙂 ]{1,200}") {
        let (to, secret) = (address(), mailbox().kem);
        for mail in mails(&text) {
            let sealed = to.seal(chain(), &mail, &mut rng()).unwrap();
            let (keeper, mailbox) = (to.keeper, to.card.mailbox);
            let opened = sealed.open(chain(), keeper, &mailbox, &secret).unwrap();
            prop_assert_eq!(&opened, &mail);
            prop_assert_eq!(sealed.as_slice().len(), MAIL_SIZES[0], "{}", mail.content.kind());
            prop_assert_eq!(Mail::from_slice(&mail.to_vec()).unwrap(), mail);
        }
    }
}

#[test]
fn a_letter_of_many_records_takes_the_next_size_and_one_too_large_is_refused() {
    let with = |count: usize| {
        let record = LetterRecord {
            record: share().record,
            scope: share().scope,
        };
        let records = List::new(vec![record; count]).unwrap();
        let letter = Letter {
            records,
            ..letter()
        };
        let mail = Mail::from(Content::StandingLetter(letter));
        address().seal(chain(), &mail, &mut rng())
    };
    let size = |count| with(count).unwrap().as_slice().len();
    assert_eq!(
        [1, 30, 100, 500].map(size),
        [4, 4, 16, 64].map(|kib| kib * 1024)
    );
    assert!(with(900).is_err());
    for wrong in [0, 1, MAIL_SIZES[0] - 1, MAIL_SIZES[0] + 1, MAIL_MAX + 1] {
        assert!(SealedMail::new(vec![0; wrong]).is_err(), "{wrong}");
        let json = format!("\"{}\"", "00".repeat(wrong));
        assert!(serde_json::from_str::<SealedMail>(&json).is_err());
    }
}

#[test]
fn only_who_has_the_mailbox_opens_a_letter_and_nothing_of_it_shows() {
    let (sealed, doctor) = (sealed(), doctor());
    let open = |chain, keeper, mailbox, secret: u8| {
        sealed.open(chain, keeper, mailbox, &kem_secret(secret))
    };
    let (chain, keeper) = (chain(), hospital());
    let opened = open(chain, keeper, &doctor.signing, 4).unwrap();
    assert_eq!(opened.content, Content::Share(share()));
    let wrong = LetterError::Sealed(yilian_crypto::Error::WrongKey);
    for failed in [
        open(chain, keeper, &doctor.signing, 5),
        open(ChainId::from_bytes([9; 32]), keeper, &doctor.signing, 4),
        open(chain, MemberId::from_bytes([9; 32]), &doctor.signing, 4),
        open(chain, keeper, &card().mailbox, 4),
    ] {
        assert_eq!(failed.unwrap_err(), wrong);
    }
    let shown = sealed.as_slice();
    for secret in [
        share().record.to_bytes(),
        author().to_bytes(),
        hospital().to_bytes(),
    ] {
        assert!(!shown.windows(8).any(|part| part == &secret[..8]));
    }
}

#[test]
fn a_request_is_its_readers_to_one_patient() {
    let (signed, reader) = (request("why"), values::person(Role::Doctor));
    let mailbox = card().mailbox;
    signed.verify(chain(), &mailbox, &reader).unwrap();
    // Sent on to another patient, or taken to another chain.
    let sent_on = signed.verify(chain(), &key(77).verifying_key(), &reader);
    assert_eq!(sent_on, Err(Refusal::BadSignature));
    let elsewhere = signed.verify(ChainId::from_bytes([9; 32]), &mailbox, &reader);
    assert_eq!(elsewhere, Err(Refusal::BadSignature));
    let mut more = signed.clone();
    more.request.until = TimeMs::MAX;
    assert_eq!(
        more.verify(chain(), &mailbox, &reader),
        Err(Refusal::BadSignature)
    );
    let mut late = signed.clone();
    late.request.asked_at = TimeMs::new(NOW + 2_000_000);
    let late = late.verify(chain(), &mailbox, &reader);
    assert_eq!(late, Err(Refusal::CertificateExpired));
    let courier = values::person(Role::Courier);
    let other = signed.verify(chain(), &mailbox, &courier);
    assert_eq!(other, Err(Refusal::WrongSigner));
    for levels in [vec![], vec![LEVEL, LEVEL]] {
        let mut odd = signed.request.clone();
        odd.levels = List::new(levels).unwrap();
        let odd = SignedRequest::sign(chain(), &mailbox, odd, &key(4));
        let checked = odd.verify(chain(), &mailbox, &reader);
        assert_eq!(checked, Err(Refusal::Malformed));
    }
    // What an answer names differs with each of them.
    assert_ne!(
        signed.id(chain(), &mailbox),
        request("").id(chain(), &mailbox)
    );
    assert_ne!(
        signed.id(chain(), &mailbox),
        signed.id(chain(), &key(77).verifying_key())
    );
}

#[test]
fn a_correction_is_the_patients_of_that_visit_and_a_notice_its_senders() {
    let (wrong, to) = (correction("my other knee"), doctor().signing);
    let nym = values::visit_keys(0).nym;
    wrong.verify(chain(), &to, &nym).unwrap();
    let refused = Err(Refusal::BadSignature);
    let other = values::visit_keys(1).nym;
    assert_eq!(wrong.verify(chain(), &to, &other), refused);
    assert_eq!(wrong.verify(chain(), &card().mailbox, &nym), refused);
    let changed = Correction {
        text: Text::new("my knee").unwrap(),
        ..wrong
    };
    assert_eq!(changed.verify(chain(), &to, &nym), refused);

    let (notice, by) = (notice("opened"), values::person(Role::Doctor));
    notice.verify(chain(), &card().mailbox, &by).unwrap();
    let sent_on = notice.verify(chain(), &key(77).verifying_key(), &by);
    assert_eq!(sent_on, refused);
    let about = Notice {
        about: None,
        ..notice
    };
    assert_eq!(about.verify(chain(), &card().mailbox, &by), refused);
}

#[test]
fn a_stamp_is_of_one_member_and_day_and_used_for_one_letter() {
    let (delivery, public) = (delivery(), *member().public());
    let stamp = &delivery.stamp;
    let (keeper, id) = (delivery.keeper, delivery.id());
    stamp.is_of(chain(), &public).unwrap();
    stamp.is_for(chain(), keeper, id).unwrap();
    let invalid = Err(Refusal::StampInvalid);
    // Another's letter, another keeper, another chain.
    let other = MailId::from_bytes([9; 32]);
    assert_eq!(stamp.is_for(chain(), keeper, other), invalid);
    let elsewhere = MemberId::from_bytes([9; 32]);
    assert_eq!(stamp.is_for(chain(), elsewhere, id), invalid);
    let fork = ChainId::from_bytes([9; 32]);
    assert_eq!(stamp.is_for(fork, keeper, id), invalid);
    assert_eq!(stamp.is_of(fork, &public), invalid);
    let stranger = StampSecret::of_node(&key(9));
    assert_eq!(stamp.is_of(chain(), stranger.public()), invalid);
    let mut made_up = stamp.clone();
    made_up.serial = key(9).verifying_key();
    assert_eq!(made_up.is_of(chain(), &public), invalid);
    let mut tomorrow = stamp.clone();
    tomorrow.day = StampDay::of(TimeMs::new(NOW + DAY_MS));
    assert_eq!(tomorrow.is_of(chain(), &public), invalid);
}

#[test]
fn a_stamp_is_good_for_thirty_days_and_made_on_its_day() {
    let first = TimeMs::new(today().get() as u64 * DAY_MS);
    let at = |ms: i64| TimeMs::new(first.get().checked_add_signed(ms).unwrap());
    let (day, skew) = (DAY_MS as i64, CLOCK_SKEW_MS as i64);
    let last = (i64::from(STAMP_DAYS) + 1) * day - 1;
    for (ms, good) in [
        (-skew - 1, false),
        (-skew, true),
        (0, true),
        (last, true),
        (last + 1, false),
    ] {
        assert_eq!(today().is_good(at(ms)).is_ok(), good, "{ms}");
    }
    for (ms, made) in [
        (-skew - 1, false),
        (-skew, true),
        (day + skew - 1, true),
        (day + skew, false),
    ] {
        assert_eq!(today().is_today(at(ms)).is_ok(), made, "{ms}");
    }
}

#[test]
fn stamps_are_made_for_who_signs_and_a_marked_one_is_not_taken() {
    let (drawn, request) = drawn(2);
    let person = doctor().signing;
    request.verify(chain(), Some(&person)).unwrap();
    let bad = Err(Refusal::BadSignature);
    assert_eq!(request.verify(chain(), Some(&key(9).verifying_key())), bad);
    assert_eq!(request.verify(chain(), None), bad);
    let mut more = request.clone();
    more.blinded = List::new([&request.blinded[..], &request.blinded[..1]].concat()).unwrap();
    assert_eq!(more.verify(chain(), Some(&person)), bad);

    let secret = values::visit_keys(0).nym_secret;
    let (of, blinded) = (AskerKey::Visit(&secret), request.blinded.clone());
    let patient = StampsRequest::sign(chain(), hospital(), today(), blinded, of, &mut rng());
    patient.verify(chain(), None).unwrap();
    assert_eq!(patient.verify(chain(), Some(&person)), bad);

    let marking = StampSecret::of_node(&key(9));
    let marked = request.answer(chain(), &marking).unwrap();
    let taken = drawn.stamps(chain(), member().public(), &marked);
    assert_eq!(taken.unwrap_err(), Refusal::StampInvalid);
    let (short, request) = self::drawn(2);
    let mut answer = request.answer(chain(), &member()).unwrap();
    answer.signed = List::new(vec![answer.signed[0]]).unwrap();
    let taken = short.stamps(chain(), member().public(), &answer);
    assert_eq!(taken.unwrap_err(), Refusal::StampInvalid);
}

#[test]
fn a_mailbox_is_asked_for_by_its_key_only() {
    let (fetch, discard) = (fetch(), discard());
    fetch.verify(chain()).unwrap();
    discard.verify(chain()).unwrap();
    let (bad, other) = (Err(Refusal::BadSignature), card().mailbox);
    let of_another = FetchRequest {
        mailbox: other,
        ..fetch.clone()
    };
    assert_eq!(of_another.verify(chain()), bad);
    let later = FetchRequest {
        asked_at: TimeMs::new(NOW + 1),
        ..fetch.clone()
    };
    assert_eq!(later.verify(chain()), bad);
    assert_eq!(fetch.verify(ChainId::from_bytes([9; 32])), bad);
    let of_another = DiscardRequest {
        mailbox: other,
        ..discard.clone()
    };
    assert_eq!(of_another.verify(chain()), bad);
    let more = DiscardRequest {
        letters: List::new(vec![MailId::from_bytes([9; 32])]).unwrap(),
        ..discard.clone()
    };
    assert_eq!(more.verify(chain()), bad);
    // What proves the one question is nothing for the other.
    let crossed = FetchRequest {
        signature: discard.signature,
        ..fetch
    };
    assert_eq!(crossed.verify(chain()), bad);
}
