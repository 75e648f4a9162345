//! Letters between patients and certified people, sealed and padded, as they lie in a mailbox:
//! docs/PROTOCOL.md 12.1 and 12.2.
//!
//! ```text
//! sealed = X-Wing to the recipient's key, bound to "mail" | chain | keeper | mailbox, of
//!          count (4) | letter | zeros                       4, 16 or 64 KiB in all
//! ```
//! What a letter is stands inside, and its size tells as little as it can: all kinds but a standing
//! letter of many records fill the smallest size. Who sent it stands inside, too, or nowhere.
//! Whatever a letter claims is signed inside, or is checked on the chain.

use rand_core::CryptoRng;
use yilian_crypto::{
    kem::{self, KemPublic, KemSecret},
    label::{self, Label},
    pseudonym::{Nym, NymSecret, NymSignature},
    scope::Confidentiality,
    sign::{Signature, SigningKey, VerifyingKey},
};
use zeroize::Zeroizing;

use crate::{
    codec::{Blob, Decode, DecodeError, Encode, List, Reader, Text, canonical, canonical_choice},
    fixed,
    grant::Purpose,
    ids::{
        CertificateId, ChainId, GrantId, MailId, MailboxId, MemberId, RecordId, RequestId, Salt,
        TimeMs,
    },
    letter::{Letter, LetterError, Share},
    limits::{MAIL_MAX, MAIL_SIZES, MAIL_TEXT_MAX, REASON_MAX, STAMPS_ENCLOSED_MAX},
    refusal::Refusal,
    registry::Certificate,
    stamp::Stamp,
    standing::CertifiedPerson,
};

/// The keys of a mailbox. 1248 bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxCard {
    /// Names the mailbox, and tells who may empty it.
    #[serde(with = "fixed")]
    pub mailbox: VerifyingKey,
    /// Letters are sealed to it.
    #[serde(with = "fixed")]
    pub kem: KemPublic,
}
canonical!(MailboxCard { mailbox, kem });

impl MailboxCard {
    /// The hash by which a visit token names it.
    #[must_use]
    pub fn id(&self) -> MailboxId {
        MailboxId::hash_of(&[&self.to_vec()])
    }
}

/// Where letters for somebody go. 1280 bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The member whose node keeps the mailbox.
    pub keeper: MemberId,
    /// The mailbox's keys.
    pub card: MailboxCard,
}
canonical!(Address { keeper, card });

impl Address {
    /// That of a certified person.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        Self {
            keeper: certificate.member,
            card: MailboxCard {
                mailbox: certificate.signing,
                kem: certificate.kem.clone(),
            },
        }
    }

    /// Seals `mail` to whoever has the mailbox.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] over [`MAIL_MAX`].
    pub fn seal(
        &self,
        chain: ChainId,
        mail: &Mail,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedMail, DecodeError> {
        let padded = Zeroizing::new(mail.padded()?);
        let bound = bound(chain, self.keeper, &self.card.mailbox);
        let sealed = self.card.kem.seal(&bound, &padded, rng);
        SealedMail::new(sealed.map_err(|_| DecodeError::Invalid {
            what: "recipient's key",
        })?)
    }
}

/// What the seal of a letter is bound to.
fn bound(chain: ChainId, keeper: MemberId, mailbox: &VerifyingKey) -> Vec<u8> {
    let mut bound = b"mail".to_vec();
    chain.encode(&mut bound);
    keeper.encode(&mut bound);
    mailbox.encode(&mut bound);
    bound
}

/// A letter as it lies in a mailbox: of one of the sizes that there are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct SealedMail(Blob<MAIL_MAX>);

impl SealedMail {
    /// Takes sealed bytes.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when they are not as many as one of [`MAIL_SIZES`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, DecodeError> {
        if !MAIL_SIZES.contains(&bytes.len()) {
            return Err(DecodeError::Invalid {
                what: "sealed letter (4, 16 or 64 KiB)",
            });
        }
        Ok(Self(Blob::new(bytes)?))
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Its id in the mailbox `mailbox` at `keeper`.
    #[must_use]
    pub fn id(&self, keeper: MemberId, mailbox: &VerifyingKey) -> MailId {
        MailId::hash_of(&[keeper.as_bytes(), &mailbox.to_bytes(), self.as_slice()])
    }

    /// Opens it, for who has the mailbox at `keeper`.
    ///
    /// # Errors
    /// [`LetterError`] tells whether it is for another, or no letter at all.
    pub fn open(
        &self,
        chain: ChainId,
        keeper: MemberId,
        mailbox: &VerifyingKey,
        secret: &KemSecret,
    ) -> Result<Mail, LetterError> {
        let opened = secret.open(&bound(chain, keeper, mailbox), self.as_slice());
        let opened = opened.map_err(LetterError::Sealed)?;
        Mail::from_padded(&opened).map_err(LetterError::Malformed)
    }
}

impl<'de> serde::Deserialize<'de> for SealedMail {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Blob::<MAIL_MAX>::deserialize(deserializer)?;
        Self::new(bytes.into_vec()).map_err(serde::de::Error::custom)
    }
}

impl Encode for SealedMail {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for SealedMail {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(Blob::<MAIL_MAX>::decode(input)?.into_vec())
    }
}

/// A letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// What it says.
    pub content: Content,
    /// Where an answer goes, when no certificate tells.
    pub reply: Option<Address>,
    /// Stamps for the answer.
    pub stamps: List<Stamp, STAMPS_ENCLOSED_MAX>,
}
canonical!(Mail {
    content,
    reply,
    stamps
});

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "short-lived, and sent as bytes")]
pub enum Content {
    /// A patient's share of one record, once.
    Share(Share),
    /// What a standing grant allows its reader.
    StandingLetter(Letter),
    /// A doctor asks a patient to be let read.
    Request(SignedRequest),
    /// The patient's answer.
    Answer(Answer),
    /// A patient says that a record is wrong.
    Correction(Correction),
    /// A certified person tells a patient something.
    Notice(Notice),
}
canonical_choice!(Content {
    1 => Share,
    2 => StandingLetter,
    3 => Request,
    4 => Answer,
    5 => Correction,
    6 => Notice,
});

impl Content {
    /// The name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Share(_) => "share",
            Self::StandingLetter(_) => "standing-letter",
            Self::Request(_) => "request",
            Self::Answer(_) => "answer",
            Self::Correction(_) => "correction",
            Self::Notice(_) => "notice",
        }
    }
}

impl From<Content> for Mail {
    /// Without a way to answer.
    fn from(content: Content) -> Self {
        Self {
            content,
            reply: None,
            stamps: List::default(),
        }
    }
}

impl Mail {
    /// The letter behind its length, and zeros up to the next size.
    fn padded(&self) -> Result<Vec<u8>, DecodeError> {
        let letter = Zeroizing::new(self.to_vec());
        let length = 4 + letter.len();
        let mut rooms = MAIL_SIZES.iter().map(|size| size - kem::sealed_len(0));
        let room = rooms.find(|room| *room >= length);
        let room = room.ok_or(DecodeError::TooLong {
            what: "letter",
            found: length + kem::sealed_len(0),
            limit: MAIL_MAX,
        })?;
        let mut padded = Vec::with_capacity(room);
        padded.extend_from_slice(
            &u32::try_from(letter.len())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
        padded.extend_from_slice(&letter);
        padded.resize(room, 0);
        Ok(padded)
    }

    fn from_padded(padded: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(padded);
        let count = input.count(MAIL_MAX, "letter")?;
        let mail = Self::from_slice(input.take(count, "letter")?)?;
        let rest = input.take(input.remaining(), "padding")?;
        match rest.iter().all(|byte| *byte == 0) {
            true => Ok(mail),
            false => Err(DecodeError::Invalid { what: "padding" }),
        }
    }
}

/// What a letter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A record.
    Record(RecordId),
    /// A visit.
    Visit(Nym),
    /// A standing grant.
    Grant(GrantId),
}
canonical_choice!(About { 1 => Record, 2 => Visit, 3 => Grant });

/// What a doctor asks a patient for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// Who wants to read.
    pub reader: CertificateId,
    /// Which levels, each once, the least sensitive first.
    pub levels: List<Confidentiality, { Confidentiality::ALL.len() }>,
    /// What for.
    pub purpose: Purpose,
    /// Until when.
    pub until: TimeMs,
    /// The record or visit on account of which he asks.
    pub about: Option<About>,
    /// When he asks, by his clock.
    pub asked_at: TimeMs,
    /// Random: so that nobody but whom he asks knows what an answer has to name.
    pub salt: Salt,
}
canonical!(ReadRequest {
    reader,
    levels,
    purpose,
    until,
    about,
    asked_at,
    salt
});

/// A doctor's request, signed for one patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// The request.
    pub request: ReadRequest,
    /// By the reader's certified key.
    pub signature: Signature,
}
canonical!(SignedRequest { request, signature });

impl SignedRequest {
    /// Signs `request` to the patient of `mailbox`. Sent on to another it is nothing.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        mailbox: &VerifyingKey,
        request: ReadRequest,
        reader: &SigningKey,
    ) -> Self {
        let message = signed_message(chain, mailbox, &request);
        let signature = reader.sign(label::REQUEST_SIGNATURE, &[&message]);
        Self { request, signature }
    }

    /// Whether the reader signed it to the patient of `mailbox`, in good standing, and may read at
    /// all.
    ///
    /// # Errors
    /// The rule by which not; [`Refusal::Malformed`] when it names no level, or one twice.
    pub fn verify(
        &self,
        chain: ChainId,
        mailbox: &VerifyingKey,
        reader: &CertifiedPerson,
    ) -> Result<(), Refusal> {
        let request = &self.request;
        let message = signed_message(chain, mailbox, request);
        let by = (request.reader, request.asked_at);
        let purpose = (label::REQUEST_SIGNATURE, message.as_slice());
        signed_by(reader, by, purpose, &self.signature)?;
        let levels = &request.levels;
        if levels.is_empty() || !levels.is_sorted_by(|one, next| one < next) {
            return Err(Refusal::Malformed);
        }
        match reader.certificate().role.reads_records() {
            true => Ok(()),
            false => Err(Refusal::RoleNotAllowed),
        }
    }

    /// What an answer names: nobody knows it but who asked, and who was asked.
    #[must_use]
    pub fn id(&self, chain: ChainId, mailbox: &VerifyingKey) -> RequestId {
        RequestId::hash_of(&[
            chain.as_bytes(),
            &mailbox.to_bytes(),
            &self.request.to_vec(),
        ])
    }
}

/// A patient's answer to a request. Whoever names the request was asked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The request.
    pub request: RequestId,
    /// What was decided.
    pub decision: Decision,
}
canonical!(Answer { request, decision });

/// What a patient decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "short-lived, and sent as bytes")]
pub enum Decision {
    /// A grant was made; its letter.
    Granted(Letter),
    /// None was, perhaps with a word why.
    Denied(Option<Text<REASON_MAX>>),
}
canonical_choice!(Decision { 1 => Granted, 2 => Denied });

/// What a patient finds wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The record.
    pub record: RecordId,
    /// What is wrong, in the patient's words.
    pub text: Text<MAIL_TEXT_MAX>,
    /// When it was written, by the patient's clock.
    pub at: TimeMs,
    /// Under the pseudonym of the record's visit: so it is the patient's word.
    pub signature: NymSignature,
}
canonical!(Correction {
    record,
    text,
    at,
    signature
});

impl Correction {
    /// Signs it to the author whose mailbox is `mailbox`.
    pub fn sign(
        chain: ChainId,
        mailbox: &VerifyingKey,
        record: RecordId,
        (text, at): (Text<MAIL_TEXT_MAX>, TimeMs),
        visit: &NymSecret,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let message = Self::message(chain, mailbox, record, &text, at);
        let signature = visit.sign(label::CORRECTION_SIGNATURE, &[&message], rng);
        Self {
            record,
            text,
            at,
            signature,
        }
    }

    /// Whether the patient of the visit `nym`, of which the record is, wrote it.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`].
    pub fn verify(&self, chain: ChainId, mailbox: &VerifyingKey, nym: &Nym) -> Result<(), Refusal> {
        let message = Self::message(chain, mailbox, self.record, &self.text, self.at);
        let signed = nym.verify(label::CORRECTION_SIGNATURE, &[&message], &self.signature);
        signed.map_err(|_| Refusal::BadSignature)
    }

    fn message(
        chain: ChainId,
        mailbox: &VerifyingKey,
        record: RecordId,
        text: &Text<MAIL_TEXT_MAX>,
        at: TimeMs,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        mailbox.encode(&mut message);
        record.encode(&mut message);
        text.encode(&mut message);
        at.encode(&mut message);
        message
    }
}

/// What a certified person lets a patient know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Who.
    pub by: CertificateId,
    /// What it is about: as a grant that was opened in an emergency.
    pub about: Option<About>,
    /// What is to be known.
    pub text: Text<MAIL_TEXT_MAX>,
    /// When it was written, by his clock.
    pub at: TimeMs,
    /// By his certified key.
    pub signature: Signature,
}
canonical!(Notice {
    by,
    about,
    text,
    at,
    signature
});

impl Notice {
    /// Signs it to the patient of `mailbox`.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        mailbox: &VerifyingKey,
        (by, key): (CertificateId, &SigningKey),
        about: Option<About>,
        (text, at): (Text<MAIL_TEXT_MAX>, TimeMs),
    ) -> Self {
        let message = Self::message(chain, mailbox, by, about, (&text, at));
        let signature = key.sign(label::NOTICE_SIGNATURE, &[&message]);
        Self {
            by,
            about,
            text,
            at,
            signature,
        }
    }

    /// Whether he wrote it to the patient of `mailbox`, in good standing.
    ///
    /// # Errors
    /// The rule by which not.
    pub fn verify(
        &self,
        chain: ChainId,
        mailbox: &VerifyingKey,
        by: &CertifiedPerson,
    ) -> Result<(), Refusal> {
        let said = (&self.text, self.at);
        let message = Self::message(chain, mailbox, self.by, self.about, said);
        let purpose = (label::NOTICE_SIGNATURE, message.as_slice());
        signed_by(by, (self.by, self.at), purpose, &self.signature)
    }

    fn message(
        chain: ChainId,
        mailbox: &VerifyingKey,
        by: CertificateId,
        about: Option<About>,
        (text, at): (&Text<MAIL_TEXT_MAX>, TimeMs),
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        mailbox.encode(&mut message);
        by.encode(&mut message);
        about.encode(&mut message);
        text.encode(&mut message);
        at.encode(&mut message);
        message
    }
}

fn signed_message(chain: ChainId, mailbox: &VerifyingKey, said: &impl Encode) -> Vec<u8> {
    let mut message = chain.to_vec();
    mailbox.encode(&mut message);
    said.encode(&mut message);
    message
}

/// Whether `person` is the one of the certificate named, was in good standing at that time, and
/// signed.
fn signed_by(
    person: &CertifiedPerson,
    (named, at): (CertificateId, TimeMs),
    (purpose, message): (Label, &[u8]),
    signature: &Signature,
) -> Result<(), Refusal> {
    if person.certificate().id() != named {
        return Err(Refusal::WrongSigner);
    }
    person.standing(at)?;
    let signing = &person.certificate().signing;
    let signed = signing.verify(purpose, &[message], signature);
    signed.map_err(|_| Refusal::BadSignature)
}
