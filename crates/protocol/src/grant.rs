//! Standing grants: the patient's data contract, and what passes between patient, reader and key holder.
//!
//! From PETchain's data contract and protocols section 3. On the chain stands only who controls the grant (a key of its own, so that two grants of
//! a patient cannot be joined), a salted commitment to its terms, its end and its key holders. The terms are opened to the key holders who serve and to
//! the reader. The five methods of the contract: *set identifier* (the grant's id is the hash of its controller key), *set authorisation*
//! (`CreateGrant`), *get identifier* (reading the entry), *pause* and *destroy* (`SetGrant`).

use yilian_crypto::{
    hash::hash,
    label,
    pre::{Rekey, ScopeKey},
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{
    codec::{DecodeError, Encode, List, canonical, named_codes},
    fixed,
    ids::{CertificateId, ChainId, GrantId, MemberId, RecordId, Salt, TermsHash, TimeMs},
    limits::{HOLDERS_MAX, SCOPES_MAX},
    registry::Admitted,
};

named_codes! {
    /// Why a reader may read: HL7 v3 PurposeOfUse.
    pub enum Purpose {
        /// Treatment.
        Treatment = 1 "TREAT",
        /// Emergency treatment.
        EmergencyTreatment = 2 "ETREAT",
        /// Payment.
        Payment = 3 "HPAYMT",
        /// Research.
        Research = 4 "HRESCH",
        /// Public health.
        PublicHealth = 5 "PUBHLTH",
        /// At the patient's request.
        PatientRequest = 6 "PATRQT",
    }
}

named_codes! {
    /// Whether a grant is served.
    pub enum GrantState {
        /// It is served.
        Active = 1 "active",
        /// Not for now; the patient may resume it.
        Paused = 2 "paused",
        /// Never again.
        Revoked = 3 "revoked",
    }
}

/// A grant as it stands on the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// The key that may pause, resume and revoke it; made for this grant alone.
    #[serde(with = "fixed")]
    pub controller: VerifyingKey,
    /// [`Terms::commitment`].
    pub terms: TermsHash,
    /// First moment at which nothing is served any more.
    pub until: TimeMs,
    /// The members whose nodes hold the rekeys.
    pub holders: List<MemberId, HOLDERS_MAX>,
}
canonical!(Grant {
    controller,
    terms,
    until,
    holders
});

impl Grant {
    /// Its id: the hash of its controller key.
    #[must_use]
    pub fn id(&self) -> GrantId {
        grant_id(&self.controller)
    }
}

/// The id of the grant that `controller` controls.
#[must_use]
pub fn grant_id(controller: &VerifyingKey) -> GrantId {
    GrantId::hash_of(&[&controller.to_bytes()])
}

/// What a grant allows: shown to the key holders and the reader, committed to on the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Terms {
    /// Hides the terms behind their commitment.
    pub salt: Salt,
    /// The one who may read.
    pub reader: CertificateId,
    /// For what purpose.
    pub purpose: Purpose,
    /// First moment at which it is served.
    pub from: TimeMs,
    /// The scopes it covers.
    pub scopes: List<ScopeRef, SCOPES_MAX>,
}
canonical!(Terms {
    salt,
    reader,
    purpose,
    from,
    scopes
});

impl Terms {
    /// The hash that stands on the chain.
    #[must_use]
    pub fn commitment(&self) -> TermsHash {
        TermsHash::from_bytes(hash(label::GRANT_TERMS, &[&self.to_vec()]))
    }

    /// Whether the terms name `scope`.
    #[must_use]
    pub fn covers(&self, scope: &ScopeKey) -> bool {
        self.scopes.iter().any(|named| named.0 == *scope)
    }
}

/// A scope named by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ScopeRef(#[serde(with = "fixed")] pub ScopeKey);

impl Encode for ScopeRef {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl crate::codec::Decode for ScopeRef {
    fn decode(input: &mut crate::codec::Reader<'_>) -> Result<Self, DecodeError> {
        crate::codec::Decode::decode(input).map(Self)
    }
}

/// A change of a grant's state, by its controller.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GrantChange {
    /// The grant.
    pub grant: GrantId,
    /// What it shall be from now on.
    pub state: GrantState,
    /// Which change of the grant this is, from 1: an old change cannot be played again.
    pub sequence: u32,
}
canonical!(GrantChange {
    grant,
    state,
    sequence
});

/// What the chain knows of a grant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GrantEntry {
    /// The grant.
    pub grant: Grant,
    /// Whether it is served.
    pub state: GrantState,
    /// When it came onto the chain.
    pub admitted: Admitted,
    /// When its state was last set.
    pub changed: Admitted,
    /// How often it was set since.
    pub changes: u32,
}
canonical!(GrantEntry {
    grant,
    state,
    admitted,
    changed,
    changes
});

/// The rekeys of a grant, given by the patient to a key holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// The grant.
    pub grant: GrantId,
    /// Its terms, opened.
    pub terms: Terms,
    /// One rekey for each scope of the terms, in their order.
    pub rekeys: List<Rekey, SCOPES_MAX>,
    /// By the grant's controller.
    pub signature: Signature,
}
canonical!(Deposit {
    grant,
    terms,
    rekeys,
    signature
});

impl Deposit {
    /// Makes and signs a deposit for the holders of `grant` on `chain`.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        terms: Terms,
        rekeys: List<Rekey, SCOPES_MAX>,
        controller: &SigningKey,
    ) -> Self {
        let grant = grant_id(&controller.verifying_key());
        let message = Self::message(chain, &terms, &rekeys);
        let signature = controller.sign(label::CALL_SIGNATURE, &[b"deposit", &message]);
        Self {
            grant,
            terms,
            rekeys,
            signature,
        }
    }

    /// Whether the controller signed it for this chain.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        controller: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let message = Self::message(chain, &self.terms, &self.rekeys);
        controller.verify(
            label::CALL_SIGNATURE,
            &[b"deposit", &message],
            &self.signature,
        )
    }

    fn message(chain: ChainId, terms: &Terms, rekeys: &List<Rekey, SCOPES_MAX>) -> Vec<u8> {
        let mut message = chain.to_vec();
        terms.encode(&mut message);
        rekeys.encode(&mut message);
        message
    }
}

/// A reader's request to a key holder for one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The grant relied on.
    pub grant: GrantId,
    /// The record wanted.
    pub record: RecordId,
    /// The scope it is in, as the patient told the reader.
    pub scope: ScopeKey,
    /// The reader.
    pub reader: CertificateId,
    /// What for.
    pub purpose: Purpose,
    /// When, by the reader's clock.
    pub asked_at: TimeMs,
}
canonical!(Ask {
    grant,
    record,
    scope,
    reader,
    purpose,
    asked_at
});

/// A request signed by the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAsk {
    /// The request.
    pub ask: Ask,
    /// By the reader's certified key.
    pub signature: Signature,
}
canonical!(SignedAsk { ask, signature });

impl SignedAsk {
    /// Signs `ask` for `chain`.
    #[must_use]
    pub fn sign(chain: ChainId, ask: Ask, reader: &SigningKey) -> Self {
        let signature = reader.sign(
            label::CALL_SIGNATURE,
            &[b"ask", chain.as_bytes(), &ask.to_vec()],
        );
        Self { ask, signature }
    }

    /// Whether `reader` signed it for this chain.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        reader: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let parts: [&[u8]; 3] = [b"ask", chain.as_bytes(), &self.ask.to_vec()];
        reader.verify(label::CALL_SIGNATURE, &parts, &self.signature)
    }
}
