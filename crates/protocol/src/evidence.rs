//! That a visit took place: what its pseudonym signed, on the chain and in the hospital's private
//! chain. docs/PROTOCOL.md 4.1.
//!
//! ```text
//! digest    H("visit/digest", H("visit/terms", visit), escrow)                        32 bytes
//! binding   digest | signature under the pseudonym, over chain | hospital | digest    96 bytes
//! evidence  H("visit/terms", visit) | escrow | signature                             288 bytes
//! ```
//! The binding stands on the chain, once for each visit: so a pseudonym is taken for the hospital
//! that its patient named, and by nobody else. The evidence stands in the private chain: whoever
//! audits it sees that the pseudonym signed for *this* escrow. The visit's terms hold two secrets
//! (11), so neither digest tells anything to who has not the token.

use rand_core::CryptoRng;
use schemars::JsonSchema;
use yilian_crypto::{
    hash::hash,
    label,
    pseudonym::{Escrow, Nym, NymSecret, NymSignature, ProvenEscrow, RegulatorPublic},
};

use crate::{
    codec::{Encode as _, canonical},
    fixed,
    ids::{ChainId, MemberId, VisitDigest, VisitTerms},
    visit::{TokenError, Visit},
};

/// That a pseudonym signed for one hospital, as it stands on the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Binding {
    /// Of the visit that was signed.
    pub visit: VisitDigest,
    /// Under the pseudonym.
    #[serde(with = "fixed::Hex::<NymSignature>")]
    pub signature: NymSignature,
}
canonical!(Binding { visit, signature });

impl Binding {
    /// Signs for `hospital` with the secret of the visit's pseudonym.
    pub fn sign(
        chain: ChainId,
        hospital: MemberId,
        visit: VisitDigest,
        secret: &NymSecret,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let parts: [&[u8]; 3] = [chain.as_bytes(), hospital.as_bytes(), visit.as_bytes()];
        let signature = secret.sign(label::VISIT_TOKEN, &parts, rng);
        Self { visit, signature }
    }

    /// Whether whoever owns the pseudonym signed it, for this chain and hospital.
    ///
    /// # Errors
    /// [`TokenError::Signature`] when he did not.
    pub fn verify(&self, chain: ChainId, hospital: MemberId, nym: &Nym) -> Result<(), TokenError> {
        let parts: [&[u8]; 3] = [chain.as_bytes(), hospital.as_bytes(), self.visit.as_bytes()];
        nym.verify(label::VISIT_TOKEN, &parts, &self.signature)
            .map_err(|_| TokenError::Signature)
    }
}

/// What the hospital keeps of a visit token as evidence: who was there, for the regulators only,
/// and that he said so.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct VisitEvidence {
    /// The digest of all that the token states.
    pub terms: VisitTerms,
    /// The patient's identity, readable by the regulators.
    #[serde(with = "fixed::Hex::<Escrow>")]
    pub escrow: Escrow,
    /// Under the pseudonym.
    #[serde(with = "fixed::Hex::<NymSignature>")]
    pub signature: NymSignature,
}
canonical!(VisitEvidence {
    terms,
    escrow,
    signature
});

impl VisitEvidence {
    /// Signs `visit` with the secret of its pseudonym.
    pub(crate) fn sign(
        visit: &Visit,
        secret: &NymSecret,
        rng: &mut impl CryptoRng,
    ) -> NymSignature {
        let digest = digest(&terms(visit), &visit.escrow);
        Binding::sign(visit.chain, visit.hospital, digest, secret, rng).signature
    }

    /// What is kept of a token.
    pub(crate) fn of(visit: &Visit, signature: &NymSignature) -> Self {
        Self {
            terms: terms(visit),
            escrow: visit.escrow.clone(),
            signature: signature.clone(),
        }
    }

    /// What stands on the chain.
    #[must_use]
    pub fn binding(&self) -> Binding {
        Binding {
            visit: digest(&self.terms, &self.escrow),
            signature: self.signature.clone(),
        }
    }

    /// The escrow, once all is checked: that the pseudonym signed for it, and that it holds the key
    /// under the pseudonym.
    ///
    /// # Errors
    /// [`TokenError::Signature`] or [`TokenError::Escrow`].
    pub fn verify(
        &self,
        chain: ChainId,
        hospital: MemberId,
        nym: &Nym,
        regulators: &RegulatorPublic,
    ) -> Result<ProvenEscrow, TokenError> {
        self.binding().verify(chain, hospital, nym)?;
        let escrow = self.escrow.clone();
        escrow
            .prove(nym, regulators, hospital.as_bytes())
            .map_err(|_| TokenError::Escrow)
    }
}

fn terms(visit: &Visit) -> VisitTerms {
    VisitTerms::from_bytes(hash(label::VISIT_TERMS, &[&visit.to_vec()]))
}

fn digest(terms: &VisitTerms, escrow: &Escrow) -> VisitDigest {
    let parts: [&[u8]; 2] = [terms.as_bytes(), &escrow.to_bytes()];
    VisitDigest::from_bytes(hash(label::VISIT_DIGEST, &parts))
}

/// What the chain knows of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct VisitEntry {
    /// The hospital, which sealed its first record.
    pub hospital: MemberId,
    /// What its pseudonym signed.
    pub visit: VisitDigest,
}
canonical!(VisitEntry { hospital, visit });
