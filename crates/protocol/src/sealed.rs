//! Sealed objects: what leaves a doctor's device.
//!
//! ```text
//! offset  bytes
//!      0      4  magic "YLS1"
//!      4      1  suite, 1: conditional AFGH-KEM on BLS12-381, XChaCha20-Poly1305 STREAM
//!      5     48  pseudonym of the visit
//!     53     32  author commitment: hash(certificate id, salt)
//!     85     48  capsule c
//!    133     64  proof of knowledge of r, bound to scope key, pseudonym and author commitment
//!    197     20  scope, masked under a hash of (PK_h, c)
//!    217         crypto::seal of the authored record, the 217 bytes above as associated data
//! ```
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
};

use crate::{
    authored::{Authored, AuthoredError},
    codec::{Decode, DecodeError, Encode, Reader, canonical},
    ids::Cid,
    limits::OBJECT_MAX,
    visit::CheckedVisit,
};

const MAGIC: [u8; 4] = *b"YLS1";
const SUITE: u8 = 1;

/// The open part of a sealed object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    nym: Nym,
    author: [u8; 32],
    capsule: Capsule,
    proof: KnowledgeProof,
    masked_scope: [u8; Scope::SIZE],
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
    pub fn context(&self, scope: &ScopeKey) -> Context {
        Context::new(scope, &self.nym, &self.author)
    }

    /// Checks that the capsule was made for `scope` by one who knew its secret, in this header.
    ///
    /// # Errors
    /// [`SealedError::OtherScope`] when it was not.
    pub fn verify(&self, scope: &ScopeKey) -> Result<ProvenCapsule, SealedError> {
        self.capsule
            .verify(scope, &self.context(scope), &self.proof)
            .map_err(|_| SealedError::OtherScope)
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
        MAGIC.encode(out);
        SUITE.encode(out);
        self.nym.encode(out);
        self.author.encode(out);
        self.capsule.encode(out);
        self.proof.encode(out);
        self.masked_scope.encode(out);
    }
}

impl Decode for Header {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if input.array::<4>("magic")? != MAGIC {
            return Err(DecodeError::Invalid {
                what: "sealed object (magic YLS1)",
            });
        }
        let suite = u8::decode(input)?;
        if suite != SUITE {
            return Err(DecodeError::UnknownTag {
                what: "suite",
                tag: suite,
            });
        }
        Ok(Self {
            nym: Decode::decode(input)?,
            author: Decode::decode(input)?,
            capsule: Decode::decode(input)?,
            proof: Decode::decode(input)?,
            masked_scope: Decode::decode(input)?,
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
        let scope = authored.scope();
        let key = visit.visit().delegator.scope(scope);
        let nym = visit.visit().nym;
        let author = authored.author_commitment();
        let (capsule, proof, record_key) = key.encapsulate(&Context::new(&key, &nym, &author), rng);
        let masked_scope = mask(&scope.to_bytes(), &visit.visit().delegator, &capsule);
        let header = Header {
            nym,
            author,
            capsule,
            proof,
            masked_scope,
        };

        let plaintext = authored.to_vec();
        let size = Header::SIZE + seal::sealed_len(plaintext.len());
        if size > OBJECT_MAX {
            return Err(SealedError::TooLarge { size });
        }
        let mut bytes = header.to_vec();
        let body = seal::seal(record_key, &bytes, &plaintext);
        bytes.extend_from_slice(&body);
        Ok(Self { header, bytes })
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
        let (header, body) = self
            .bytes
            .split_at_checked(Header::SIZE)
            .ok_or(SealedError::Unsealed(yilian_crypto::Error::Truncated))?;
        let plaintext = seal::open(key, header, body).map_err(SealedError::Unsealed)?;
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
    /// The capsule was made for another scope or header.
    #[error("the record does not belong to this scope")]
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
