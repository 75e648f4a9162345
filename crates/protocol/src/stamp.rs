//! Stamps for letters: by which a node that keeps mailboxes knows that a member answers for a
//! letter, and not who sends it. docs/PROTOCOL.md 12.3.
//!
//! ```text
//! asker --- day, blinded serials, signature ---> node of a member       counts, signs blindly
//! asker <-- blind signatures ------------------- node
//! sender --- letter, serial, signatures -------> node of the recipient  verifies, notes the serial
//! ```
//! A serial is a verifying key of its own, whose secret signs for which letter the stamp is used.
//! So whoever sees a stamp on its way cannot use it for another letter, and who knows the secret
//! can: a doctor encloses a stamp of his own in a request for its answer.

use rand_core::CryptoRng;
use schemars::JsonSchema;
use yilian_crypto::{
    label,
    pseudonym::{Nym, NymSecret, NymSignature},
    sign::{Signature, SigningKey, VerifyingKey},
    stamp::{Blinding, EncodedPoint, StampPublic, StampSecret, StampSeed},
};

use crate::{
    codec::{Decode, DecodeError, Encode, List, Reader, canonical, canonical_choice},
    fixed,
    ids::{CertificateId, ChainId, MailId, MemberId, TimeMs},
    limits::{CLOCK_SKEW_MS, DAY_MS, HOPS_MAX, STAMP_DAYS, STAMPS_ASKED_MAX},
    refusal::Refusal,
};

/// A day, in UTC, counted from 1970-01-01.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct StampDay(u32);

impl StampDay {
    /// The day of a moment.
    #[must_use]
    pub fn of(moment: TimeMs) -> Self {
        Self(u32::try_from(moment.get() / DAY_MS).unwrap_or(u32::MAX))
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The day `days` before this one, or the first there is.
    #[must_use]
    pub const fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// Whether a stamp of this day is good at `now`.
    ///
    /// # Errors
    /// [`Refusal::StampExpired`] more than [`STAMP_DAYS`] later, and before the day itself.
    pub fn is_good(self, now: TimeMs) -> Result<(), Refusal> {
        let (today, soon) = (Self::of(now), Self::of(now.plus_ms(CLOCK_SKEW_MS)));
        match self <= soon && self >= today.minus(STAMP_DAYS) {
            true => Ok(()),
            false => Err(Refusal::StampExpired),
        }
    }

    /// Whether stamps of this day are made at `now`: on the day, as far as clocks may differ.
    ///
    /// # Errors
    /// [`Refusal::StaleRequest`] on another.
    pub fn is_today(self, now: TimeMs) -> Result<(), Refusal> {
        let early = TimeMs::new(now.get().saturating_sub(CLOCK_SKEW_MS));
        let soon = now.plus_ms(CLOCK_SKEW_MS);
        match (Self::of(early)..=Self::of(soon)).contains(&self) {
            true => Ok(()),
            false => Err(Refusal::StaleRequest),
        }
    }

    /// What a signature of this day is bound to.
    fn bound(self, chain: ChainId) -> ([u8; 32], [u8; 4]) {
        (chain.to_bytes(), self.0.to_be_bytes())
    }
}

impl Encode for StampDay {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for StampDay {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u32::decode(input).map(Self)
    }
}

/// A stamp that was not used yet: whoever has it can use it. 116 bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// The member that answers for it.
    pub issuer: MemberId,
    /// The day of which it is.
    pub day: StampDay,
    /// What it is used with.
    #[serde(with = "fixed")]
    pub seed: StampSeed,
    /// The member's signature of its serial.
    #[serde(with = "fixed")]
    pub signature: EncodedPoint,
}
canonical!(Stamp {
    issuer,
    day,
    seed,
    signature
});

impl Stamp {
    /// Uses it for the letter `mail` to a mailbox at `keeper`.
    #[must_use]
    pub fn used(&self, chain: ChainId, keeper: MemberId, mail: MailId) -> UsedStamp {
        let key = self.seed.key();
        let message = UsedStamp::message(chain, self.issuer, self.day, keeper, mail);
        UsedStamp {
            issuer: self.issuer,
            day: self.day,
            serial: key.verifying_key(),
            signature: self.signature,
            proof: key.sign(label::CALL_SIGNATURE, &[label::call::DELIVER, &message]),
        }
    }
}

/// A stamp on a letter. 180 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedStamp {
    /// The member that answers for it.
    pub issuer: MemberId,
    /// The day of which it is.
    pub day: StampDay,
    /// What tells it from all others.
    pub serial: VerifyingKey,
    /// The member's signature of the serial.
    pub signature: EncodedPoint,
    /// The serial's signature of the letter.
    pub proof: Signature,
}
canonical!(UsedStamp {
    issuer,
    day,
    serial,
    signature,
    proof
});

impl UsedStamp {
    /// Whether it is used for the letter `mail` to a mailbox at `keeper`. Says nothing of whether
    /// it is a stamp: takes 50 µs.
    ///
    /// # Errors
    /// [`Refusal::StampInvalid`].
    pub fn is_for(&self, chain: ChainId, keeper: MemberId, mail: MailId) -> Result<(), Refusal> {
        let message = Self::message(chain, self.issuer, self.day, keeper, mail);
        let words: [&[u8]; 2] = [label::call::DELIVER, &message];
        let signed = self
            .serial
            .verify(label::CALL_SIGNATURE, &words, &self.proof);
        signed.map_err(|_| Refusal::StampInvalid)
    }

    /// Whether the member of the key `issuer` made it: two pairings, a millisecond.
    ///
    /// # Errors
    /// [`Refusal::StampInvalid`].
    pub fn is_of(&self, chain: ChainId, issuer: &StampPublic) -> Result<(), Refusal> {
        let (chain, day) = self.day.bound(chain);
        let signed = issuer.verify(&[&chain, &day], &self.serial, &self.signature);
        signed.map_err(|_| Refusal::StampInvalid)
    }

    fn message(
        chain: ChainId,
        issuer: MemberId,
        day: StampDay,
        keeper: MemberId,
        mail: MailId,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        issuer.encode(&mut message);
        day.encode(&mut message);
        keeper.encode(&mut message);
        mail.encode(&mut message);
        message
    }
}

/// Who asks for stamps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StampAsker {
    /// One of the member's people.
    Person(CertificateId),
    /// The patient of a visit whose records the member sealed.
    Visit(Nym),
}
canonical_choice!(StampAsker { 1 => Person, 2 => Visit });

/// The signature of who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskerSignature {
    /// By the person's certified key.
    Person(Signature),
    /// Under the visit's pseudonym.
    Visit(NymSignature),
}
canonical_choice!(AskerSignature { 1 => Person, 2 => Visit });

/// A question for stamps, to the node of the member that shall make them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StampsRequest {
    /// The member.
    pub issuer: MemberId,
    /// How many nodes may pass it on.
    pub hops: u8,
    /// The day of which they shall be.
    pub day: StampDay,
    /// Blinded serials.
    pub blinded: List<EncodedPoint, STAMPS_ASKED_MAX>,
    /// Who asks.
    pub asker: StampAsker,
    /// The asker's signature.
    pub signature: AskerSignature,
}
canonical!(StampsRequest {
    issuer,
    hops,
    day,
    blinded,
    asker,
    signature
});

/// The keys of who asks for stamps.
#[derive(Debug, Clone, Copy)]
pub enum AskerKey<'a> {
    /// One of the member's people.
    Person(CertificateId, &'a SigningKey),
    /// The patient of a visit.
    Visit(&'a NymSecret),
}

impl StampsRequest {
    /// Signs the question.
    pub fn sign(
        chain: ChainId,
        issuer: MemberId,
        day: StampDay,
        blinded: List<EncodedPoint, STAMPS_ASKED_MAX>,
        key: AskerKey<'_>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let asker = match key {
            AskerKey::Person(certificate, _) => StampAsker::Person(certificate),
            AskerKey::Visit(secret) => StampAsker::Visit(secret.nym()),
        };
        let message = Self::message(chain, issuer, day, &blinded, &asker);
        let words: [&[u8]; 2] = [label::call::STAMPS, &message];
        let signature = match key {
            AskerKey::Person(_, key) => {
                AskerSignature::Person(key.sign(label::CALL_SIGNATURE, &words))
            }
            AskerKey::Visit(secret) => {
                AskerSignature::Visit(secret.sign(label::CALL_SIGNATURE, &words, rng))
            }
        };
        Self {
            issuer,
            hops: HOPS_MAX,
            day,
            blinded,
            asker,
            signature,
        }
    }

    /// Whether the asker signed it; `person` is the key of the certificate that it names, if it
    /// names one.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`].
    pub fn verify(&self, chain: ChainId, person: Option<&VerifyingKey>) -> Result<(), Refusal> {
        let message = self.signed(chain);
        let words: [&[u8]; 2] = [label::call::STAMPS, &message];
        let signed = match (&self.asker, &self.signature, person) {
            (StampAsker::Person(_), AskerSignature::Person(signature), Some(key)) => {
                key.verify(label::CALL_SIGNATURE, &words, signature).is_ok()
            }
            (StampAsker::Visit(nym), AskerSignature::Visit(signature), None) => {
                nym.verify(label::CALL_SIGNATURE, &words, signature).is_ok()
            }
            _ => false,
        };
        signed.then_some(()).ok_or(Refusal::BadSignature)
    }

    /// What is signed: the same for a question that is repeated.
    #[must_use]
    pub fn signed(&self, chain: ChainId) -> Vec<u8> {
        Self::message(chain, self.issuer, self.day, &self.blinded, &self.asker)
    }

    fn message(
        chain: ChainId,
        issuer: MemberId,
        day: StampDay,
        blinded: &List<EncodedPoint, STAMPS_ASKED_MAX>,
        asker: &StampAsker,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        issuer.encode(&mut message);
        day.encode(&mut message);
        asker.encode(&mut message);
        blinded.encode(&mut message);
        message
    }

    /// Signs the serials that are asked for. What asks must have been verified.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when one of them is no point.
    pub fn answer(&self, chain: ChainId, member: &StampSecret) -> Result<BlindSigned, Refusal> {
        let (chain, day) = self.day.bound(chain);
        let signed = self
            .blinded
            .iter()
            .map(|blinded| member.sign(&[&chain, &day], blinded).map(Signed));
        let signed: Result<Vec<_>, _> = signed.collect();
        let signed = signed.map_err(|_| Refusal::Malformed)?;
        let signed = List::new(signed).map_err(|_| Refusal::Malformed)?;
        Ok(BlindSigned { signed })
    }
}

/// What a member signed of blinded serials, in their order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct BlindSigned {
    /// The signatures.
    pub signed: List<Signed, STAMPS_ASKED_MAX>,
}

/// The signature of a blinded serial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Signed(#[serde(with = "fixed::Hex::<EncodedPoint>")] pub EncodedPoint);

/// Stamps that were asked for, until the answer is there.
#[derive(Debug)]
pub struct StampsDrawn {
    issuer: MemberId,
    day: StampDay,
    drawn: Vec<Blinding>,
}

impl StampsDrawn {
    /// Draws `count` stamps of a member with the key `public`, and what is asked of its node.
    #[must_use]
    pub fn draw(
        chain: ChainId,
        (issuer, public): (MemberId, &StampPublic),
        day: StampDay,
        count: usize,
        rng: &mut impl CryptoRng,
    ) -> (Self, Vec<EncodedPoint>) {
        let (chain, number) = day.bound(chain);
        let parts: [&[u8]; 2] = [&chain, &number];
        let drawn = (0..count).map(|_| Blinding::draw(public, &parts, rng));
        let (drawn, blinded) = drawn.unzip();
        (Self { issuer, day, drawn }, blinded)
    }

    /// The stamps, when the member signed each.
    ///
    /// # Errors
    /// [`Refusal::StampInvalid`] when it did not: it may have wanted to mark them.
    pub fn stamps(
        self,
        chain: ChainId,
        public: &StampPublic,
        answer: &BlindSigned,
    ) -> Result<Vec<Stamp>, Refusal> {
        let Self { issuer, day, drawn } = self;
        if answer.signed.len() != drawn.len() {
            return Err(Refusal::StampInvalid);
        }
        let (chain, number) = day.bound(chain);
        let parts: [&[u8]; 2] = [&chain, &number];
        let pairs = drawn.into_iter().zip(answer.signed.iter());
        let stamps = pairs.map(|(drawn, Signed(signed))| {
            let stamp = drawn.unblind(public, &parts, signed);
            let (seed, signature) = stamp.map_err(|_| Refusal::StampInvalid)?;
            Ok(Stamp {
                issuer,
                day,
                seed,
                signature,
            })
        });
        stamps.collect()
    }
}
