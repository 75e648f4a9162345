//! Sealed objects: what leaves a doctor's device.
//!
//! ```text
//! offset  bytes
//!      0      4  magic "YLSR"
//!      4      1  suite, see crypto::suite
//!      5     48  pseudonym of the visit
//!     53     32  author commitment: hash(certificate id, salt)
//!     85     48  capsule c
//!    133     20  scope, masked under a hash of (PK_h, c)
//!    153     64  proof of knowledge of r, bound to chain, scope key and every other byte
//!    217         crypto::seal of the authored record, the first 153 bytes as associated data
//! ```
//! The proof is of the object as a whole: a header copied before other bytes proves nothing, and
//! nobody turns its capsule.
//!
//! The mask lets the patient, from the seed alone, and the hospital tell a record's scope without
//! trying any; whoever knows `PK_h` can derive every scope key of that patient there, so the mask
//! gives away nothing more.

use rand_core::CryptoRng;
use schemars::JsonSchema;
use yilian_crypto::{
    hash::hash,
    label,
    pre::{
        Capsule, Context, DelegatorPublic, EncodedCapsule, KnowledgeProof, ProvenCapsule,
        RecordKey, ScopeKey,
    },
    pseudonym::Nym,
    scope::Scope,
    seal,
    suite::{self, SUITE},
};
use zeroize::Zeroizing;

use crate::{
    authored::{Authored, AuthoredError},
    codec::{Decode, DecodeError, Encode, Reader, canonical},
    ids::{ChainId, Cid},
    limits::OBJECT_MAX,
    visit::CheckedVisit,
};

const MAGIC: [u8; 4] = *b"YLSR";

/// Bytes of a header before its proof.
const OPEN: usize = Header::SIZE - KnowledgeProof::SIZE;

/// The open part of a sealed object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    nym: Nym,
    author: [u8; 32],
    capsule: Capsule,
    masked_scope: [u8; Scope::SIZE],
    proof: KnowledgeProof,
}

impl Header {
    /// Bytes of the encoding.
    pub const SIZE: usize = 5 + Nym::SIZE + 32 + Capsule::SIZE + KnowledgeProof::SIZE + Scope::SIZE;

    /// The visit's pseudonym.
    #[must_use]
    pub const fn nym(&self) -> &Nym {
        &self.nym
    }

    /// The capsule, as it stands on the chain.
    #[must_use]
    pub const fn capsule(&self) -> &Capsule {
        &self.capsule
    }

    /// The context that key and proof are bound to.
    #[must_use]
    pub fn context(&self, chain: ChainId, scope: &ScopeKey) -> Context {
        Context::new(chain.as_bytes(), scope, &self.nym, &self.author)
    }

    /// The record's scope, for one who knows the patient's key at that hospital.
    ///
    /// # Errors
    /// [`SealedError::OtherPatient`] when the key is not the one the record was sealed for.
    pub fn scope(&self, delegator: &DelegatorPublic) -> Result<Scope, SealedError> {
        let bytes = mask(&self.masked_scope, delegator, &self.capsule);
        Scope::from_bytes(&bytes).map_err(|_| SealedError::OtherPatient)
    }
}

impl Encode for Header {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_open(
            &self.nym,
            &self.author,
            &self.capsule,
            &self.masked_scope,
            out,
        );
        self.proof.encode(out);
    }
}

/// What stands before the proof.
fn encode_open(
    nym: &Nym,
    author: &[u8; 32],
    capsule: &Capsule,
    masked_scope: &[u8; Scope::SIZE],
    out: &mut Vec<u8>,
) {
    MAGIC.encode(out);
    SUITE.encode(out);
    nym.encode(out);
    author.encode(out);
    capsule.encode(out);
    masked_scope.encode(out);
}

impl Decode for Header {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if input.array::<4>("magic")? != MAGIC {
            return Err(DecodeError::Invalid {
                what: "sealed object (magic YLSR)",
            });
        }
        let tag = u8::decode(input)?;
        suite::check(tag).map_err(|_| DecodeError::UnknownTag { what: "suite", tag })?;
        Ok(Self {
            nym: Decode::decode(input)?,
            author: Decode::decode(input)?,
            capsule: Decode::decode(input)?,
            masked_scope: Decode::decode(input)?,
            proof: Decode::decode(input)?,
        })
    }
}

/// A sealed record: header and ciphertext.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedObject {
    header: Header,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for SealedObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedObject({} bytes)", self.bytes.len())
    }
}

impl SealedObject {
    /// Seals `authored` to the patient of `visit`, under the scope of its confidentiality.
    ///
    /// # Errors
    /// [`SealedError::TooLarge`] when the object would be over [`OBJECT_MAX`].
    pub fn seal(
        authored: &Authored,
        visit: &CheckedVisit,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SealedError> {
        let plaintext = Zeroizing::new(authored.to_vec());
        let size = Header::SIZE + seal::sealed_len(plaintext.len());
        if size > OBJECT_MAX {
            return Err(SealedError::TooLarge { size });
        }
        let (scope, visit) = (authored.scope(), visit.visit());
        let (key, nym) = (visit.delegator.scope(scope), visit.nym);
        let psk = visit.secret.scope(scope.confidentiality);
        let author = authored.author_commitment();
        let context = Context::new(visit.chain.as_bytes(), &key, &nym, &author);
        let (capsule, prover, record_key) = key.encapsulate(&context, &psk, &plaintext, rng);
        let masked_scope = mask(&scope.to_bytes(), &visit.delegator, &capsule);
        let mut bytes = Vec::with_capacity(size);
        encode_open(&nym, &author, &capsule, &masked_scope, &mut bytes);
        let body = seal::seal(record_key, &bytes, &plaintext);
        let proof = prover.prove(&body_digest(&bytes, &body), rng);
        proof.encode(&mut bytes);
        bytes.extend_from_slice(&body);
        let header = Header {
            nym,
            author,
            capsule,
            masked_scope,
            proof,
        };
        Ok(Self { header, bytes })
    }

    /// Checks that whoever made the capsule made it for `scope`, on `chain`, and sealed these very
    /// bytes.
    ///
    /// # Errors
    /// [`SealedError::OtherScope`] when he did not.
    pub fn verify(&self, chain: ChainId, scope: &ScopeKey) -> Result<ProvenCapsule, SealedError> {
        let header = &self.header;
        let context = header.context(chain, scope);
        let (open, body) = self.parts().ok_or(SealedError::OtherScope)?;
        let body = body_digest(open, body);
        let proven = header.capsule.verify(scope, &context, &body, &header.proof);
        proven.map_err(|_| SealedError::OtherScope)
    }

    /// The header before its proof, and the body.
    fn parts(&self) -> Option<(&[u8], &[u8])> {
        let (header, body) = self.bytes.split_at_checked(Header::SIZE)?;
        Some((header.split_at_checked(OPEN)?.0, body))
    }

    /// Reads a sealed object, whose header must be canonical.
    ///
    /// # Errors
    /// [`SealedError::TooLarge`] over [`OBJECT_MAX`], [`SealedError::Malformed`] when the header is
    /// not one.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, SealedError> {
        if bytes.len() > OBJECT_MAX {
            return Err(SealedError::TooLarge { size: bytes.len() });
        }
        let header = Header::decode(&mut Reader::new(&bytes)).map_err(SealedError::Malformed)?;
        Ok(Self { header, bytes })
    }

    /// Opens the object with its record's key and checks that the author is the one committed to.
    /// The author's signature is checked by [`Authored::verify`], against the registry.
    ///
    /// # Errors
    /// [`SealedError::Unsealed`] when key or ciphertext are wrong, [`SealedError::Record`] when
    /// what was sealed is no authored record, [`SealedError::AuthorMismatch`] when its author is
    /// not the committed one.
    pub fn open(&self, key: &RecordKey) -> Result<Authored, SealedError> {
        let truncated = SealedError::Unsealed(yilian_crypto::Error::Truncated);
        let (open, body) = self.parts().ok_or(truncated)?;
        let plaintext = seal::open(key, open, body).map_err(SealedError::Unsealed)?;
        let authored = Authored::from_slice(&plaintext)
            .map_err(|error| SealedError::Record(AuthoredError::Malformed(error)))?;
        if authored.author_commitment() != self.header.author {
            return Err(SealedError::AuthorMismatch);
        }
        Ok(authored)
    }

    /// The open part.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// All bytes, as stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All bytes, owned.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The content identifier.
    #[must_use]
    pub fn cid(&self) -> Cid {
        Cid::of(&self.bytes)
    }
}

/// Why a sealed object could not be made, read or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedError {
    /// Over the limit: split the part.
    #[error("a sealed object of {size} bytes is over the limit of {OBJECT_MAX}")]
    TooLarge {
        /// Bytes it would have.
        size: usize,
    },
    /// The header is not one; the sender's or the store's fault.
    #[error("not a sealed object: {0}")]
    Malformed(DecodeError),
    /// The capsule was made for another scope, chain, header or body: nobody turns it.
    #[error("the record does not belong to this scope, or its header to other bytes")]
    OtherScope,
    /// The record was sealed for another patient or hospital key.
    #[error("the record was not sealed for this patient's key at this hospital")]
    OtherPatient,
    /// The key or the ciphertext is wrong.
    #[error("the record does not open: {0}")]
    Unsealed(yilian_crypto::Error),
    /// What was sealed is no authored record; the author's fault.
    #[error("the sealed content is not a record: {0}")]
    Record(AuthoredError),
    /// The record names another author than its header commits to; the author's fault.
    #[error("the record's author is not the one its header commits to")]
    AuthorMismatch,
}

/// What a capsule's proof is bound to beside its context.
fn body_digest(open: &[u8], body: &[u8]) -> [u8; 32] {
    hash(label::RECORD_BODY, &[open, body])
}

fn mask(
    scope: &[u8; Scope::SIZE],
    delegator: &DelegatorPublic,
    capsule: &Capsule,
) -> [u8; Scope::SIZE] {
    let pad = hash(
        label::SCOPE_MASK,
        &[&delegator.to_bytes(), &capsule.to_bytes()],
    );
    let mut masked = *scope;
    for (byte, pad) in masked.iter_mut().zip(pad) {
        *byte ^= pad;
    }
    masked
}

/// What the chain says of one record: its id and the capsule of its object.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct SealedRecord {
    /// The record's id, which binds the whole object.
    pub record: crate::ids::RecordId,
    /// The capsule, which must be that of the object.
    #[serde(with = "crate::fixed::Hex::<EncodedCapsule>")]
    pub capsule: EncodedCapsule,
}
canonical!(SealedRecord { record, capsule });

impl From<&SealedObject> for SealedRecord {
    fn from(object: &SealedObject) -> Self {
        Self {
            record: object.cid().record(),
            capsule: object.header().capsule().into(),
        }
    }
}
