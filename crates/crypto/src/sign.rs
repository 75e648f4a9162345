//! Signatures: Ed25519 (RFC 8032) over a labelled hash, verified strictly.

use std::fmt;

use ed25519_dalek::Signer as _;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{Error, hash::hash, label::Label};

/// A signing key. 32 secret bytes.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of `seed`, which should be uniform.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// A random key.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// Its public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// Signs `hash(label, parts)`.
    #[must_use]
    pub fn sign(&self, label: Label, parts: &[&[u8]]) -> Signature {
        Signature(self.0.sign(&hash(label, parts)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(32 bytes)")
    }
}

/// A verifying key. 32 bytes; never of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// Bytes of the encoding.
    pub const SIZE: usize = 32;

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] when they are no point, a second spelling of one, or of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        const REFUSED: Error = Error::Encoding {
            what: "verifying key",
        };
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| REFUSED)?;
        let canonical = key.to_edwards().compress().to_bytes() == *bytes;
        if key.is_weak() || !canonical {
            Err(REFUSED)
        } else {
            Ok(Self(key))
        }
    }

    /// Verifies a signature of `hash(label, parts)`.
    ///
    /// # Errors
    /// [`Error::Signature`] when it does not verify.
    pub fn verify(
        &self,
        label: Label,
        parts: &[&[u8]],
        signature: &Signature,
    ) -> Result<(), Error> {
        self.0
            .verify_strict(&hash(label, parts), &signature.0)
            .map_err(|_| Error::Signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.to_bytes();
        write!(f, "VerifyingKey({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// A signature. 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(ed25519_dalek::Signature);

impl Signature {
    /// Bytes of the encoding.
    pub const SIZE: usize = 64;

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        self.0.to_bytes()
    }

    /// Reads its bytes. Whether they are a signature shows when it is verified.
    ///
    /// # Errors
    /// None; the form is that of every other type.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, Error> {
        Ok(Self(ed25519_dalek::Signature::from_bytes(bytes)))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(64 bytes)")
    }
}
