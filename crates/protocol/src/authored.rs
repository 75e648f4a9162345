//! Records signed by their author: what is inside a sealed object.
//!
//! The doctor signs (chain, pseudonym, scope, time, media type, content) with the key of a
//! registered certificate. The signature is inside the ciphertext, so the chain names no doctor;
//! whoever opens the record checks it against the registry, at the time of signing *and* at the
//! time the record came onto the chain: a signature dated back into the validity of a stolen, since
//! revoked key does not pass.

use rand_core::CryptoRng;
use yilian_crypto::{
    hash::hash,
    label,
    pseudonym::Nym,
    scope::Scope,
    sign::{Signature, SigningKey},
};
use zeroize::Zeroizing;

use crate::{
    codec::{Blob, Decode, DecodeError, Encode, Reader, canonical},
    ids::{CertificateId, ChainId, TimeMs, TreeHash},
    limits::{CLOCK_SKEW_MS, OBJECT_MAX},
    media::MediaType,
    refusal::Refusal,
    registry::Admitted,
    standing::CertifiedPerson,
    trace::prescription_tag,
};

/// A part of a visit's record under its author's signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Authored {
    statement: Statement,
    signature: Signature,
    content: Zeroizing<Vec<u8>>,
}

/// What is signed, beside the content.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    author: CertificateId,
    salt: [u8; 32],
    chain: ChainId,
    nym: Nym,
    scope: Scope,
    signed_at: TimeMs,
    media: MediaType,
}
canonical!(Statement {
    author,
    salt,
    chain,
    nym,
    scope,
    signed_at,
    media
});

impl Authored {
    /// Signs `content`, which is of the kind `media`, as `author`, for the visit `nym`.
    #[allow(
        clippy::too_many_arguments,
        reason = "every one is signed; a builder would hide one"
    )]
    pub fn sign(
        author: CertificateId,
        key: &SigningKey,
        chain: ChainId,
        nym: Nym,
        scope: Scope,
        signed_at: TimeMs,
        (media, content): (MediaType, Vec<u8>),
        rng: &mut impl CryptoRng,
    ) -> Self {
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let statement = Statement {
            author,
            salt,
            chain,
            nym,
            scope,
            signed_at,
            media,
        };
        let signature = key.sign(label::RECORD_SIGNATURE, &[&statement.to_vec(), &content]);
        Self {
            statement,
            signature,
            content: Zeroizing::new(content),
        }
    }

    /// The certificate of the one who signed.
    #[must_use]
    pub const fn author(&self) -> CertificateId {
        self.statement.author
    }

    /// When, by the author's clock.
    #[must_use]
    pub const fn signed_at(&self) -> TimeMs {
        self.statement.signed_at
    }

    /// The scope it was signed for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.statement.scope
    }

    /// The content, whatever its author's word is worth: for its owner, beside the verdict of
    /// [`Authored::check`].
    #[must_use]
    pub fn unchecked_content(&self) -> &[u8] {
        &self.content
    }

    /// What the content is said to be.
    #[must_use]
    pub const fn media(&self) -> MediaType {
        self.statement.media
    }

    /// The commitment that stands in the sealed object's header.
    #[must_use]
    pub fn author_commitment(&self) -> [u8; 32] {
        let Statement { author, salt, .. } = &self.statement;
        hash(label::AUTHOR_COMMITMENT, &[author.as_bytes(), salt])
    }

    /// The content, once its author's signature and standing are checked.
    ///
    /// `author` is what the registry says of [`Authored::author`], `anchored` the block that holds
    /// the record, `nym` the pseudonym on the chain.
    ///
    /// # Errors
    /// [`AuthoredError`] names the first check that fails.
    pub fn verify(
        self,
        author: &CertifiedPerson,
        chain: ChainId,
        nym: &Nym,
        anchored: Admitted,
    ) -> Result<Verified, AuthoredError> {
        self.check(author, chain, nym, anchored)?;
        Ok(Verified {
            authored: self,
            anchored,
        })
    }

    /// Whether the author's signature and standing hold, as [`Authored::verify`] says.
    ///
    /// # Errors
    /// [`AuthoredError`] names the first check that fails.
    pub fn check(
        &self,
        author: &CertifiedPerson,
        chain: ChainId,
        nym: &Nym,
        anchored: Admitted,
    ) -> Result<(), AuthoredError> {
        let certificate = author.certificate();
        if certificate.id() != self.statement.author {
            return Err(AuthoredError::OtherCertificate);
        }
        if self.statement.chain != chain || self.statement.nym != *nym {
            return Err(AuthoredError::OtherVisit);
        }
        certificate
            .signing
            .verify(
                label::RECORD_SIGNATURE,
                &[&self.statement.to_vec(), &self.content],
                &self.signature,
            )
            .map_err(|_| AuthoredError::Signature)?;
        if !certificate.role.signs_records() {
            return Err(AuthoredError::Standing(Refusal::RoleNotAllowed));
        }
        // A date ahead of the block that holds it is a lie about the time, within what clocks may
        // differ.
        if self.statement.signed_at > anchored.time.plus_ms(CLOCK_SKEW_MS) {
            return Err(AuthoredError::PostDated);
        }
        for moment in [self.statement.signed_at, anchored.time] {
            author.standing(moment).map_err(AuthoredError::Standing)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Authored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authored({} bytes)", self.content.len())
    }
}

impl Encode for Authored {
    fn encode(&self, out: &mut Vec<u8>) {
        self.statement.encode(out);
        self.signature.encode(out);
        out.extend_from_slice(
            &u32::try_from(self.content.len())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
        out.extend_from_slice(&self.content);
    }
}

impl Decode for Authored {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            statement: Decode::decode(input)?,
            signature: Decode::decode(input)?,
            content: Zeroizing::new(Blob::<OBJECT_MAX>::decode(input)?.into_vec()),
        })
    }
}

/// A record whose author was in good standing. Made by [`Authored::verify`] only.
#[derive(Debug)]
pub struct Verified {
    authored: Authored,
    anchored: Admitted,
}

impl Verified {
    /// The content as it was signed.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.authored.content
    }

    /// What the content is: how it is to be shown.
    #[must_use]
    pub const fn media(&self) -> MediaType {
        self.authored.statement.media
    }

    /// The certificate of the author.
    #[must_use]
    pub const fn author(&self) -> CertificateId {
        self.authored.author()
    }

    /// When it was signed.
    #[must_use]
    pub const fn signed_at(&self) -> TimeMs {
        self.authored.signed_at()
    }

    /// The block that holds it.
    #[must_use]
    pub const fn anchored(&self) -> Admitted {
        self.anchored
    }

    /// The scope it was signed for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.authored.scope()
    }

    /// The tag under which the prescription called `item` in this record is used up.
    #[must_use]
    pub fn prescription_tag(&self, item: &str) -> TreeHash {
        prescription_tag(&self.authored.statement.salt, item)
    }
}

/// Why an opened record is not to be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthoredError {
    /// What was sealed has not the form of an authored record.
    #[error("{0}")]
    Malformed(DecodeError),
    /// The registry's entry is of another certificate.
    #[error("the registry answered with another certificate")]
    OtherCertificate,
    /// It was signed for another visit or chain and moved here.
    #[error("the record was signed for another visit")]
    OtherVisit,
    /// The author's signature does not verify.
    #[error("the author's signature does not verify")]
    Signature,
    /// It claims a time after the block that holds it.
    #[error("the record claims to be signed after the block that holds it")]
    PostDated,
    /// The author was not in good standing.
    #[error("the author was not in good standing: {0}")]
    Standing(Refusal),
}
