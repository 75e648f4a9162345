//! Opening a patient's identity: asked for by one regulator, approved by as many as the genesis
//! says, and said on the chain before any of them gives a part. docs/PROTOCOL.md 4.2.
//!
//! ```text
//! request     nym 48 | case | reason | by 32 | member 32 | at 8        id H("escrow/request", it)
//! approval    regulator 32 | member 32 | signature 64, of "disclose", chain | request
//! disclosure  request | approvals: 4 + 128 n         signed by the one who asks
//! part        chain 32 | disclosure 32 | regulator 32 | share's number 1 | part 112
//!             | signature 64, of "disclosure-part" and all before it; sealed to who asks
//! ```
//! Who opened which pseudonym, why and when stays there, for the patient to see.

use rand_core::CryptoRng;
use schemars::JsonSchema;
use yilian_crypto::{
    label,
    pre::HolderIndex,
    pseudonym::{EscrowPart, Nym, ProvenEscrow, RegulatorShare, Regulators},
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{
    codec::{Encode as _, List, Text, canonical},
    fixed,
    ids::{CertificateId, ChainId, DisclosureId, MemberId, TimeMs},
    letter::ToReader,
    limits::{CLOCK_SKEW_MS, DISCLOSURE_MS, HOLDERS_MAX, NAME_MAX, REASON_MAX},
    refusal::Refusal,
    registry::Admitted,
};

/// That a regulator wants to know who is behind a pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct DisclosureRequest {
    /// The pseudonym.
    #[serde(with = "fixed::Hex::<Nym>")]
    pub nym: Nym,
    /// The number of the case, at whichever court or office.
    pub case: Text<NAME_MAX>,
    /// Why.
    pub reason: Text<REASON_MAX>,
    /// The certificate of the regulator who asks, and is told.
    pub by: CertificateId,
    /// The member that certified him.
    pub member: MemberId,
    /// When, by his clock.
    pub at: TimeMs,
}
canonical!(DisclosureRequest {
    nym,
    case,
    reason,
    by,
    member,
    at
});

impl DisclosureRequest {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> DisclosureId {
        DisclosureId::hash_of(&[&self.to_vec()])
    }

    /// Whether it may come onto the chain in a block of the time `now`.
    ///
    /// # Errors
    /// [`Refusal::StaleRequest`] when it was made too long ago, or ahead of the block by more than
    /// clocks may differ.
    pub fn is_fresh(&self, now: TimeMs) -> Result<(), Refusal> {
        let ahead = self.at > now.plus_ms(CLOCK_SKEW_MS);
        if ahead || now >= self.at.plus_ms(DISCLOSURE_MS) {
            return Err(Refusal::StaleRequest);
        }
        Ok(())
    }
}

/// Another regulator's word that the identity shall be opened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Approval {
    /// His certificate.
    pub regulator: CertificateId,
    /// The member that certified him.
    pub member: MemberId,
    /// By his certified key, over the request.
    #[serde(with = "fixed::Hex::<Signature>")]
    pub signature: Signature,
}
canonical!(Approval {
    regulator,
    member,
    signature
});

impl Approval {
    /// Signs `request` as the regulator certified as `regulator` by `member`.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        request: &DisclosureRequest,
        (regulator, member): (CertificateId, MemberId),
        key: &SigningKey,
    ) -> Self {
        let signature = key.sign(
            label::CALL_SIGNATURE,
            &[label::call::DISCLOSE, chain.as_bytes(), &request.to_vec()],
        );
        Self {
            regulator,
            member,
            signature,
        }
    }

    /// Whether he signed the request for this chain.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        request: &DisclosureRequest,
        key: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let parts: [&[u8]; 3] = [label::call::DISCLOSE, chain.as_bytes(), &request.to_vec()];
        key.verify(label::CALL_SIGNATURE, &parts, &self.signature)
    }
}

/// A request with its approvals; by the regulator who asks.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Disclosure {
    /// What is asked.
    pub request: DisclosureRequest,
    /// By as many other regulators as it takes with the one who asks.
    pub approvals: List<Approval, HOLDERS_MAX>,
}
canonical!(Disclosure { request, approvals });

/// A disclosure as it stands on the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct DisclosureEntry {
    /// What was asked and approved.
    pub disclosure: Disclosure,
    /// When it came onto the chain.
    pub admitted: Admitted,
}
canonical!(DisclosureEntry {
    disclosure,
    admitted
});

/// A regulator's part of an opening, on its way to the one who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosurePart {
    /// The chain.
    pub chain: ChainId,
    /// Whose identity is opened, and why.
    pub disclosure: DisclosureId,
    /// The certificate of the regulator who gives it.
    pub regulator: CertificateId,
    /// The number of his share, from 1.
    number: u8,
    /// The part.
    part: EscrowPart,
    /// By his certified key: nobody is blamed for a part that he did not give.
    signature: Signature,
}
canonical!(DisclosurePart {
    chain,
    disclosure,
    regulator,
    number,
    part,
    signature
});

impl ToReader for DisclosurePart {
    const KIND: &'static str = "part";

    fn chain(&self) -> ChainId {
        self.chain
    }
}

impl DisclosurePart {
    /// The part of the regulator who holds `share` and signs with `key`.
    #[must_use]
    pub fn make(
        (chain, disclosure): (ChainId, DisclosureId),
        escrow: &ProvenEscrow,
        share: &RegulatorShare,
        (regulator, key): (CertificateId, &SigningKey),
        rng: &mut impl CryptoRng,
    ) -> Self {
        let number = share.index().get();
        let part = EscrowPart::make(escrow, share, &context(chain, disclosure), rng);
        let message = Self::message((chain, disclosure), regulator, number, &part);
        let words: [&[u8]; 2] = [label::call::DISCLOSURE_PART, &message];
        Self {
            chain,
            disclosure,
            regulator,
            number,
            part,
            signature: key.sign(label::CALL_SIGNATURE, &words),
        }
    }

    /// Whether the regulator whom it names, who verifies by `key`, gave it.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify_signature(&self, key: &VerifyingKey) -> Result<(), yilian_crypto::Error> {
        let of = (self.chain, self.disclosure);
        let message = Self::message(of, self.regulator, self.number, &self.part);
        let words: [&[u8]; 2] = [label::call::DISCLOSURE_PART, &message];
        key.verify(label::CALL_SIGNATURE, &words, &self.signature)
    }

    fn message(
        (chain, disclosure): (ChainId, DisclosureId),
        regulator: CertificateId,
        number: u8,
        part: &EscrowPart,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        disclosure.encode(&mut message);
        regulator.encode(&mut message);
        number.encode(&mut message);
        part.encode(&mut message);
        message
    }

    /// The part and the number of its share, once it is shown to be of the share that was dealt.
    ///
    /// # Errors
    /// [`yilian_crypto::Error::EscrowPart`] when it is not: the regulator who signed is at fault.
    pub fn verify(
        &self,
        escrow: &ProvenEscrow,
        regulators: &Regulators,
    ) -> Result<(HolderIndex, &EscrowPart), yilian_crypto::Error> {
        let place = usize::from(self.number).checked_sub(1);
        let index = place.and_then(HolderIndex::at);
        let index = index.ok_or(yilian_crypto::Error::EscrowPart)?;
        let context = context(self.chain, self.disclosure);
        self.part.verify(escrow, (regulators, index), &context)?;
        Ok((index, &self.part))
    }
}

/// What parts are bound to.
fn context(chain: ChainId, disclosure: DisclosureId) -> Vec<u8> {
    [chain.to_bytes(), disclosure.to_bytes()].concat()
}
