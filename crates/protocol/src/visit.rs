//! The visit token: what a patient hands over at check-in, as a QR code or a file.
//!
//! From the 医链 note (就诊号) and docs/PROTOCOL.md 4.1. The token gives the hospital what it needs
//! to seal the visit's records to the patient, and nothing that another hospital could match: a key
//! of this hospital's own, a pseudonym of this visit's own, and the identity under the regulators'
//! key only.
//!
//! # Deviation
//! The token is signed under the pseudonym itself (a Schnorr signature by the discrete logarithm of
//! the nym) instead of under a separate visit key: so nobody can present a nym that he read on the
//! chain. The same signature goes onto the chain and into the private chain, see
//! [`crate::evidence`].

use std::str::FromStr;

use rand_core::CryptoRng;
use yilian_crypto::{
    pre::DelegatorPublic,
    pseudonym::{Escrow, Nym, NymSecret, NymSignature, RegulatorPublic},
    psk::{PeriodPsk, SearchPsk},
    scope::{Confidentiality, Quarter, Scope, VisitTag},
    search::SearchPublic,
};

use crate::{
    codec::{Decode as _, DecodeError, Encode, canonical},
    evidence::VisitEvidence,
    fixed,
    ids::{ChainId, MailboxId, MemberId, TimeMs},
    mail::{Address, MailboxCard},
};

/// What a visit token's code begins with.
const CODE: &str = "YLV1:";

/// What the patient states about one visit, and hands over for it. Whoever has it can open the
/// records of that quarter at that hospital when the curves do not hold any more: it goes to the
/// hospital by hand, and stays there. Encoded: 491 bytes, or 507 for a private visit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Visit {
    /// The chain on which the visit will be recorded.
    pub chain: ChainId,
    /// The hospital visited.
    pub hospital: MemberId,
    /// The patient's key at this hospital, `PK_h`.
    #[serde(with = "fixed")]
    pub delegator: DelegatorPublic,
    /// The pseudonym of this visit.
    #[serde(with = "fixed")]
    pub nym: Nym,
    /// The quarter of whose scopes the records are.
    #[serde(with = "fixed")]
    pub period: Quarter,
    /// Set for a private visit: its scopes are of this visit alone.
    pub tag: Option<Tag>,
    /// The patient's search key at this hospital.
    #[serde(with = "fixed")]
    pub search: SearchPublic,
    /// From which the secrets of the visit's scopes come, one for each level.
    #[serde(with = "fixed")]
    pub secret: PeriodPsk,
    /// What keywords of this quarter are closed with.
    #[serde(with = "fixed")]
    pub search_secret: SearchPsk,
    /// The patient's mailbox at this hospital.
    pub mailbox: MailboxId,
    /// The patient's identity, readable by the regulators.
    #[serde(with = "fixed")]
    pub escrow: Escrow,
    /// First moment at which the token is no longer good for check-in.
    pub expires: TimeMs,
}
canonical!(Visit {
    chain,
    hospital,
    delegator,
    nym,
    period,
    tag,
    search,
    secret,
    search_secret,
    mailbox,
    escrow,
    expires,
});

/// The tag of a private visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Tag(#[serde(with = "fixed")] pub VisitTag);

impl Encode for Tag {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl crate::codec::Decode for Tag {
    fn decode(input: &mut crate::codec::Reader<'_>) -> Result<Self, DecodeError> {
        crate::codec::Decode::decode(input).map(Self)
    }
}

/// A visit signed under its pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VisitToken {
    visit: Visit,
    #[serde(with = "fixed")]
    signature: NymSignature,
    /// The keys of the mailbox that the visit names. Whoever only seals does without.
    card: Option<MailboxCard>,
}
canonical!(VisitToken {
    visit,
    signature,
    card
});

impl VisitToken {
    /// Signs `visit` with the secret of its pseudonym.
    pub fn sign(visit: Visit, secret: &NymSecret, rng: &mut impl CryptoRng) -> Self {
        let signature = VisitEvidence::sign(&visit, secret, rng);
        Self {
            visit,
            signature,
            card: None,
        }
    }

    /// The token with the keys of the patient's mailbox, which make a file of a token for a code
    /// that is scanned.
    #[must_use]
    pub fn with_card(self, card: MailboxCard) -> Self {
        Self {
            card: Some(card),
            ..self
        }
    }

    /// The token as a code that is scanned: its encoding without the keys of the mailbox, in
    /// capital hex digits behind `YLV1:`. 1,117 characters, 1,149 for a private visit, each of QR's
    /// alphanumeric mode (ISO/IEC 18004): version 19 at level L.
    #[must_use]
    pub fn code(&self) -> String {
        let bare = Self {
            card: None,
            ..self.clone()
        };
        format!("{CODE}{}", hex::encode_upper(bare.to_vec()))
    }

    /// Where letters for the patient go; also when the token is no longer good for check-in.
    ///
    /// # Errors
    /// [`TokenError`] names the first check that fails.
    pub fn address(&self, chain: ChainId) -> Result<Address, TokenError> {
        let visit = &self.visit;
        if visit.chain != chain {
            return Err(TokenError::OtherChain);
        }
        let card = self.card.as_ref().ok_or(TokenError::NoMailbox)?;
        let binding = VisitEvidence::of(visit, &self.signature).binding();
        binding.verify(chain, visit.hospital, &visit.nym)?;
        if card.id() != visit.mailbox {
            return Err(TokenError::OtherMailbox);
        }
        Ok(Address {
            keeper: visit.hospital,
            card: card.clone(),
        })
    }

    /// What the token states, once all of it is checked: signature, escrow, chain, hospital and
    /// time.
    ///
    /// # Errors
    /// [`TokenError`] names the first check that fails.
    pub fn check(
        &self,
        chain: ChainId,
        hospital: MemberId,
        regulators: &RegulatorPublic,
        now: TimeMs,
    ) -> Result<CheckedVisit, TokenError> {
        let visit = &self.visit;
        if visit.chain != chain {
            return Err(TokenError::OtherChain);
        }
        if visit.hospital != hospital {
            return Err(TokenError::OtherHospital {
                hospital: visit.hospital,
            });
        }
        if now >= visit.expires {
            return Err(TokenError::Expired {
                expired: visit.expires,
            });
        }
        let evidence = VisitEvidence::of(visit, &self.signature);
        evidence.verify(chain, hospital, &visit.nym, regulators)?;
        let card = self.card.as_ref();
        if card.is_some_and(|card| card.id() != visit.mailbox) {
            return Err(TokenError::OtherMailbox);
        }
        Ok(CheckedVisit {
            visit: visit.clone(),
            evidence,
        })
    }
}

impl FromStr for VisitToken {
    type Err = DecodeError;

    /// The token of a code that was scanned.
    fn from_str(code: &str) -> Result<Self, DecodeError> {
        const NO_CODE: DecodeError = DecodeError::Invalid {
            what: "code of a visit token",
        };
        let digits = code.trim().strip_prefix(CODE).ok_or(NO_CODE)?;
        let bytes = hex::decode(digits).map_err(|_| NO_CODE)?;
        Self::from_slice(&bytes)
    }
}

/// A visit whose token was checked. Made by [`VisitToken::check`] only.
#[derive(Debug, Clone)]
pub struct CheckedVisit {
    visit: Visit,
    evidence: VisitEvidence,
}

impl CheckedVisit {
    /// What the patient stated.
    #[must_use]
    pub const fn visit(&self) -> &Visit {
        &self.visit
    }

    /// What is kept of the token as evidence.
    #[must_use]
    pub const fn evidence(&self) -> &VisitEvidence {
        &self.evidence
    }

    /// The scope into which a part of this confidentiality is sealed.
    #[must_use]
    pub fn scope(&self, confidentiality: Confidentiality) -> Scope {
        Scope {
            confidentiality,
            period: self.visit.period,
            tag: self.visit.tag.map(|tag| tag.0),
        }
    }
}

/// Why a visit token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Made for another chain.
    #[error("the visit token is for another chain")]
    OtherChain,
    /// Made for another hospital.
    #[error("the visit token is for hospital {hospital}")]
    OtherHospital {
        /// The hospital it names.
        hospital: MemberId,
    },
    /// No longer good: the patient makes a new one.
    #[error("the visit token expired at {}", expired.to_text())]
    Expired {
        /// When it ended.
        expired: TimeMs,
    },
    /// Not signed by whoever owns the pseudonym.
    #[error("the visit token's signature does not verify under its pseudonym")]
    Signature,
    /// It came without the keys of the mailbox, as a code that is scanned.
    #[error("the visit token does not hold the keys of the patient's mailbox")]
    NoMailbox,
    /// The keys are not those of the mailbox that the patient signed.
    #[error("the visit token holds the keys of another mailbox than it names")]
    OtherMailbox,
    /// The regulators could not read the identity.
    #[error("the visit token's identity escrow does not verify")]
    Escrow,
}
