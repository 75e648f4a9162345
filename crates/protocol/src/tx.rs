//! Transactions: everything that can happen on the chain, each signed by one key.
//!
//! # Format
//! `chain (32) | body (tag and fields) | signer (32) | signature (64)`, at most [`TRANSACTION_MAX`]
//! bytes. The id is the hash of all of it. The signer's key travels along so that the signature can
//! be checked before any state is read; whether that key *may* sign is the ledger's rule.

use schemars::JsonSchema;
use yilian_crypto::{
    label,
    pseudonym::Nym,
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{
    codec::{Decode, DecodeError, Encode, List, Reader, canonical, canonical_choice},
    disclosure::Disclosure,
    evidence::Binding,
    fixed,
    governance::{Ballot, Candidacy},
    grant::{Erasure, GrantChange, Opening},
    ids::{ChainId, MemberId, TransactionId},
    limits::{RECORDS_MAX, TRANSACTION_MAX},
    private_chain::Anchor,
    registry::{Certificate, Member, Revocation, Vote},
    sealed::SealedRecord,
    search::RecordIndex,
    trace::TraceAppend,
    voucher::NewGrant,
};

/// What a transaction does. The enum is closed: whoever takes part in consensus knows every kind.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// Admits a member; by the consortium CA.
    Admit(Member),
    /// Registers a person's certificate; by the member's CA.
    Certify(Certificate),
    /// Revokes a certificate; by the member's CA or the consortium CA.
    Revoke(Revocation),
    /// Puts the records of a visit onto the chain; by the hospital's node.
    Seal(SealVisit),
    /// Puts a standing grant onto the chain; by the grant's controller, with a key holder's word.
    CreateGrant(NewGrant),
    /// Pauses, resumes or revokes a grant; by its controller.
    SetGrant(GrantChange),
    /// Appends an event to the traces of packs; by whoever knows their keys and holds a pass.
    AppendTrace(TraceAppend),
    /// Says that a key holder erased its shares of a revoked grant; by the holder's node.
    Erase(Erasure),
    /// Anchors a hospital's private chain; by the hospital's node.
    Anchor(Anchor),
    /// Votes to suspend, reinstate or expel a member; by another member's CA.
    Vote(Vote),
    /// Opens an emergency grant for a while; by the second of two clinicians.
    Open(Opening),
    /// Stands a node for election, or withdraws it; by its member's CA.
    Stand(Candidacy),
    /// Votes for a candidate; by a member's CA.
    Elect(Ballot),
    /// Says that an identity is opened; by the regulator who asked, with others' approvals.
    Disclose(Disclosure),
}
canonical_choice!(Body {
    1 => Admit,
    2 => Certify,
    3 => Revoke,
    4 => Seal,
    5 => CreateGrant,
    6 => SetGrant,
    7 => AppendTrace,
    8 => Erase,
    9 => Anchor,
    10 => Vote,
    11 => Open,
    12 => Stand,
    13 => Elect,
    14 => Disclose,
});

impl Body {
    /// Its name in JSON and listings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Admit(_) => "admit",
            Self::Certify(_) => "certify",
            Self::Revoke(_) => "revoke",
            Self::Seal(_) => "seal",
            Self::CreateGrant(_) => "create-grant",
            Self::SetGrant(_) => "set-grant",
            Self::AppendTrace(_) => "append-trace",
            Self::Erase(_) => "erase",
            Self::Anchor(_) => "anchor",
            Self::Vote(_) => "vote",
            Self::Open(_) => "open",
            Self::Stand(_) => "stand",
            Self::Elect(_) => "elect",
            Self::Disclose(_) => "disclose",
        }
    }
}

/// The tag of [`Body::SetGrant`].
const SET_GRANT: u8 = 6;

/// Records of one visit, sealed by one hospital.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct SealVisit {
    /// The hospital.
    pub hospital: MemberId,
    /// The visit's pseudonym.
    #[serde(with = "fixed::Hex::<Nym>")]
    pub nym: Nym,
    /// That the pseudonym signed for the hospital. The first seal of a visit has it; later ones
    /// need not.
    pub binding: Option<Binding>,
    /// The records, each created here and never changed.
    pub records: List<SealedRecord, RECORDS_MAX>,
    /// What each of them can be found by, in the same order.
    pub index: List<RecordIndex, RECORDS_MAX>,
}
canonical!(SealVisit {
    hospital,
    nym,
    binding,
    records,
    index
});

/// A transaction with a verified signature. Made by [`Transaction::sign`] and by decoding, which
/// both guarantee it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Transaction {
    chain: ChainId,
    body: Body,
    #[serde(with = "fixed")]
    signer: VerifyingKey,
    #[serde(with = "fixed")]
    signature: Signature,
    #[serde(skip)]
    encoded: Vec<u8>,
}

impl Transaction {
    /// Signs `body` for `chain`.
    #[must_use]
    pub fn sign(chain: ChainId, body: Body, key: &SigningKey) -> Self {
        let signer = key.verifying_key();
        let mut encoded = signed_part(chain, &body, &signer);
        let signature = key.sign(label::TRANSACTION_SIGNATURE, &[&encoded]);
        signature.encode(&mut encoded);
        Self {
            chain,
            body,
            signer,
            signature,
            encoded,
        }
    }

    /// Reads a transaction and verifies its signature.
    ///
    /// # Errors
    /// [`TransactionError`]: the sender's fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, TransactionError> {
        let transaction = Self::decode_unverified(bytes)?;
        let message_size = bytes.len().saturating_sub(Signature::SIZE);
        let message = bytes.get(..message_size).unwrap_or_default();
        transaction
            .signer
            .verify(
                label::TRANSACTION_SIGNATURE,
                &[message],
                &transaction.signature,
            )
            .map_err(|_| TransactionError::Signature)?;
        Ok(transaction)
    }

    /// Reads a transaction whose signature was verified before, as one that comes out of a final
    /// block.
    ///
    /// # Errors
    /// [`TransactionError::Malformed`] when the bytes are no transaction.
    pub fn decode_unverified(bytes: &[u8]) -> Result<Self, TransactionError> {
        if bytes.len() > TRANSACTION_MAX {
            return Err(TransactionError::Malformed(DecodeError::TooLong {
                what: "transaction",
                found: bytes.len(),
                limit: TRANSACTION_MAX,
            }));
        }
        let mut input = Reader::new(bytes);
        let read = |input: &mut Reader<'_>| {
            Ok(Self {
                chain: Decode::decode(input)?,
                body: Decode::decode(input)?,
                signer: Decode::decode(input)?,
                signature: Decode::decode(input)?,
                encoded: bytes.to_vec(),
            })
        };
        let transaction = read(&mut input).map_err(TransactionError::Malformed)?;
        match input.remaining() {
            0 => Ok(transaction),
            count => Err(TransactionError::Malformed(DecodeError::Trailing { count })),
        }
    }

    /// The bytes of a transaction out of its parts, as a block tells them; nothing is verified.
    #[must_use]
    pub fn bytes_of(
        chain: ChainId,
        body: &Body,
        signer: &VerifyingKey,
        signature: &Signature,
    ) -> Vec<u8> {
        let mut encoded = signed_part(chain, body, signer);
        signature.encode(&mut encoded);
        encoded
    }

    /// Whether the bytes of a transaction may be a change of a grant: told without reading the rest
    /// of them.
    #[must_use]
    pub fn may_set_grant(bytes: &[u8]) -> bool {
        bytes.get(ChainId::SIZE) == Some(&SET_GRANT)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        TransactionId::of(&self.encoded)
    }

    /// The chain it is for.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// What it does.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// The key that signed it.
    #[must_use]
    pub const fn signer(&self) -> &VerifyingKey {
        &self.signer
    }

    /// Its canonical bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    /// The signature of its signer.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What it does, and the key that signed it.
    #[must_use]
    pub fn into_parts(self) -> (Body, VerifyingKey) {
        (self.body, self.signer)
    }
}

/// All that a transaction's signature is over.
fn signed_part(chain: ChainId, body: &Body, signer: &VerifyingKey) -> Vec<u8> {
    let mut encoded = chain.to_vec();
    body.encode(&mut encoded);
    signer.encode(&mut encoded);
    encoded
}

/// Why bytes are no transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// Not the canonical encoding of one.
    #[error("not a transaction: {0}")]
    Malformed(DecodeError),
    /// The signature does not verify under the signer's key.
    #[error("the transaction's signature does not verify")]
    Signature,
}
