//! Signatures: Ed25519 (RFC 8032) over the labelled hash of a message.
//!
//! Signed is [`hash`] of label and parts, so a signature for one purpose is none for another.
//! Verification is strict: the equation without the cofactor, no key and no commitment of small
//! order, nothing but canonical encodings (Chalkias, Garillot and Nikolaenko 2020). So all
//! verifiers agree on every signature.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    Error,
    encoding::{debug_public, debug_secret, field},
    hash::hash,
    label::Label,
};

/// A signing key. Zeroised when dropped; kept as the seed it is made from.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of a seed of 32 uniform bytes, as RFC 8032 has it.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// A fresh key.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self::from_seed(&seed)
    }

    /// The key that signatures verify under.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// The seed it is made from.
    pub(crate) fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Signs `message`, in parts, for the purpose of `label`.
    #[must_use]
    pub fn sign(&self, label: Label, message: &[&[u8]]) -> Signature {
        use ed25519_dalek::Signer as _;
        Signature(self.0.sign(&hash(label, message)))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "SigningKey", 32)
    }
}

/// A verifying key: a canonical point of Ed25519 that is not of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// Bytes of the encoding.
    pub const SIZE: usize = 32;

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        self.0.to_bytes()
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else, and for a point of small order.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let refused = Error::Encoding {
            what: "verifying key (32 bytes)",
        };
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| refused)?;
        let canonical = key.to_edwards().compress().to_bytes() == *bytes;
        (canonical && !key.is_weak())
            .then_some(Self(key))
            .ok_or(refused)
    }

    /// Checks that `signature` was made over `message` for the purpose of `label`.
    ///
    /// # Errors
    /// [`Error::Signature`] when it was not.
    pub fn verify(
        &self,
        label: Label,
        message: &[&[u8]],
        signature: &Signature,
    ) -> Result<(), Error> {
        self.verify_raw(&hash(label, message), signature)
    }

    fn verify_raw(&self, message: &[u8], signature: &Signature) -> Result<(), Error> {
        self.0
            .verify_strict(message, &signature.0)
            .map_err(|_| Error::Signature)
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_public(f, "VerifyingKey", &self.to_bytes())
    }
}

/// A signature: `R`, 32 bytes, then `S`, 32 bytes little-endian and below the group order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(ed25519_dalek::Signature);

impl Signature {
    /// Bytes of the encoding.
    pub const SIZE: usize = 64;

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        self.0.to_bytes()
    }

    /// Reads the canonical encoding. Whether `R` is a point shows when it is verified.
    ///
    /// # Errors
    /// [`Error::Encoding`] when `S` is not below the group order.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let s = field::<32, 32, { Self::SIZE }>(bytes);
        if s.iter().rev().ge(ORDER.iter().rev()) {
            return Err(Error::Encoding {
                what: "signature (64 bytes)",
            });
        }
        Ok(Self(ed25519_dalek::Signature::from_bytes(bytes)))
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_public(f, "Signature", &self.to_bytes())
    }
}

/// The group order, 2^252 + 27742317777372353535851937790883648493, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Wycheproof's Ed25519 vectors. Strict verification and Wycheproof agree on every one of them:
    /// no tcId is excepted.
    #[test]
    fn wycheproof_agrees() {
        let path = "/../../../shared/data/vectors/wycheproof/ed25519_test.json";
        let Ok(text) = std::fs::read_to_string(env!("CARGO_MANIFEST_DIR").to_owned() + path) else {
            eprintln!("skipped: no Wycheproof data");
            return;
        };
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        let bytes = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
        for group in file["testGroups"].as_array().unwrap() {
            let key = bytes(&group["publicKey"]["pk"]).try_into().unwrap();
            let key = VerifyingKey::from_bytes(&key).unwrap();
            for test in group["tests"].as_array().unwrap() {
                let signature = bytes(&test["sig"]);
                let signature = signature.as_slice().try_into().ok();
                let signature = signature.and_then(|bytes| Signature::from_bytes(bytes).ok());
                let good = signature.is_some_and(|signature| {
                    key.verify_raw(&bytes(&test["msg"]), &signature).is_ok()
                });
                assert_eq!(good, test["result"] == "valid", "tcId {}", test["tcId"]);
            }
        }
    }

    /// The signer himself can make a signature with R = 0 that the plain equation accepts: S = H(R,
    /// A, M) a. Verifiers would differ over it.
    #[test]
    fn a_commitment_of_small_order_is_refused() {
        use ed25519_dalek::Verifier as _;
        use sha2::Digest as _;

        let key = SigningKey::from_seed(&[1; 32]);
        let public = key.verifying_key();
        let identity: [u8; 32] = std::array::from_fn(|place| u8::from(place == 0));
        let hashed =
            sha2::Sha512::digest([&identity, &public.to_bytes(), b"anything".as_slice()].concat());

        let a = key.0.to_scalar();
        let one = a * a.invert();
        let times = |count: u8, base| (0..count).fold(one - one, |sum, _| sum + base);
        let challenge = hashed.iter().rev().fold(one - one, |sum, byte| {
            times(255, sum) + sum + times(*byte, one)
        });
        let bytes = crate::encoding::join(&identity, &(challenge * a).to_bytes());
        let signature = Signature::from_bytes(&bytes).unwrap();
        assert!(public.0.verify(b"anything", &signature.0).is_ok());
        assert_eq!(
            public.verify_raw(b"anything", &signature),
            Err(Error::Signature)
        );
    }
}
