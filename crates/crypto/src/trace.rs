//! What a pack's code opens: the seed of its trace key, and the key that reads its trace.
//!
//! ```text
//! seed    = HKDF(secret, "trace/key-seed", identity)        64 bytes, for the proof of knowledge
//! reading = HKDF(secret, "trace/reading-key", identity)     32 bytes
//! event   = suite (1) | seal(k, associated, plaintext)      k fresh for every append
//! masked  = k XOR HKDF(reading, "trace/event-key-mask", digest of the sealed event)
//! ```
//! One event is sealed once for all the packs that share it; each pack's trace holds the event's
//! key under its own mask. The seal commits to its key, so a mask that is not the pack's is found
//! out. Reading key and seed are apart: who was given the one (a pack's buyer, of the carton it
//! came in) can read on, and not append.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    Error,
    encoding::debug_secret,
    hash::{hash, kdf},
    label,
    pre::RecordKey,
    seal,
    suite::{self, SUITE},
};

/// Bytes that make a trace key.
pub const KEY_SEED_SIZE: usize = 64;
/// Bytes of a [`MaskedKey`].
pub const MASKED_KEY_SIZE: usize = 32;

/// The keys of one pack, carton or pallet.
pub struct PackKeys {
    /// Seed of the trace key: whoever knows it can append.
    pub seed: Zeroizing<[u8; KEY_SEED_SIZE]>,
    /// Reads the trace.
    pub reading: ReadingKey,
}

impl PackKeys {
    /// The keys of the code with this `secret`, printed on what `identity` names. With the identity
    /// in it, a secret moved to another label opens nothing.
    #[must_use]
    pub fn derive(secret: &[u8], identity: &[u8]) -> Self {
        Self {
            seed: kdf(label::TRACE_KEY, secret, &[identity]),
            reading: ReadingKey(kdf(label::TRACE_READING, secret, &[identity])),
        }
    }
}

impl std::fmt::Debug for PackKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PackKeys(..)")
    }
}

/// Reads one trace.
#[derive(Clone)]
pub struct ReadingKey(Zeroizing<[u8; 32]>);

impl ReadingKey {
    /// Takes a key that was given away with [`ReadingKey::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key, to be given to somebody.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }

    /// The event's key under this trace's mask.
    #[must_use]
    pub fn mask(&self, key: &EventKey, digest: &EventDigest) -> MaskedKey {
        MaskedKey(xor(&key.0, &self.pad(digest)))
    }

    /// Opens a sealed event that stands in this trace.
    ///
    /// # Errors
    /// [`Error::WrongKey`] when the masked key is not of this trace and event, and the errors of
    /// [`seal::open`].
    pub fn open(
        &self,
        masked: &MaskedKey,
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let key = Zeroizing::new(xor(&masked.0, &self.pad(&EventDigest::of(sealed))));
        seal::open(
            &RecordKey::from_bytes(key),
            associated,
            suite::strip(sealed)?,
        )
    }

    fn pad(&self, digest: &EventDigest) -> Zeroizing<[u8; 32]> {
        kdf(label::TRACE_MASK, self.0.as_slice(), &[&digest.0])
    }
}

impl std::fmt::Debug for ReadingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "ReadingKey", 32)
    }
}

/// The key of one sealed event.
pub struct EventKey(Zeroizing<[u8; 32]>);

impl EventKey {
    /// Seals `plaintext` under a fresh key, bound to `associated`.
    pub fn seal(associated: &[u8], plaintext: &[u8], rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(key.as_mut_slice());
        let mut sealed = vec![SUITE];
        let seal = seal::seal(RecordKey::from_bytes(key.clone()), associated, plaintext);
        sealed.extend_from_slice(&seal);
        (Self(key), sealed)
    }
}

impl std::fmt::Debug for EventKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "EventKey", 32)
    }
}

/// The hash of a sealed event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventDigest([u8; 32]);

impl EventDigest {
    /// Of a sealed event.
    #[must_use]
    pub fn of(sealed: &[u8]) -> Self {
        Self(hash(label::TRACE_EVENT, &[sealed]))
    }
}

/// An event's key under the mask of one trace: random to everybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskedKey([u8; MASKED_KEY_SIZE]);

impl MaskedKey {
    /// Bytes of the encoding.
    pub const SIZE: usize = MASKED_KEY_SIZE;

    /// Takes its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; MASKED_KEY_SIZE]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; MASKED_KEY_SIZE] {
        self.0
    }
}

fn xor(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut pairs = left.iter().zip(right);
    std::array::from_fn(|_| pairs.next().map_or(0, |(left, right)| left ^ right))
}
