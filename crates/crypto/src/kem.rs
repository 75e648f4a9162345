//! Messages that only the holder of a certified key can read, whoever carries them, today or when
//! curves do not hold any more.
//!
//! ```text
//! sealed = suite (1) | ct (1120) | seal(KDF("seal/message", ss, ct, key), associated, message)
//! ```
//! `(ct, ss)` is of X-Wing (draft-connolly-cfrg-xwing-kem): X25519 and ML-KEM-768 (FIPS 203)
//! together, which is as good as the better of the two. The randomness of `ct` is hedged: derived
//! from fresh bytes and the message, so that a generator that repeats itself makes no key twice for
//! two messages. The sender is not authenticated: what is inside has to be signed, or is checked
//! otherwise.
//!
//! A node's key comes from the seed of its signing key. Whoever solves discrete logarithms gets the
//! scalar of that key, which is a hash of the seed, and not the seed.
//!
//! # Not promised
//! Whoever gets the recipient's secret later opens what was sealed before: keys are certified for
//! years.

use rand_core::CryptoRng;
use x_wing::{
    DecapsulationKeyRejectNonContrib, Decapsulator as _, EncapsulationKey, KeyExport as _,
    TryDecapsulate as _,
};
use zeroize::Zeroizing;

use crate::{
    Error,
    encoding::{debug_public, debug_secret, field},
    hash::{hash, kdf},
    label,
    pre::RecordKey,
    seal,
    search::SearchPublic,
    sign::SigningKey,
    suite::{self, SUITE},
};

/// Bytes of the encapsulated key.
const CIPHERTEXT: usize = x_wing::CIPHERTEXT_SIZE;

/// Bytes that a message of `message` bytes takes when it is sealed.
#[must_use]
pub const fn sealed_len(message: usize) -> usize {
    1 + CIPHERTEXT + seal::sealed_len(message)
}

/// A secret that opens messages. Zeroised when dropped; kept as the seed it is made from.
pub struct KemSecret {
    secret: DecapsulationKeyRejectNonContrib,
    public: KemPublic,
}

impl KemSecret {
    /// The secret of a seed of 32 uniform bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let secret = DecapsulationKeyRejectNonContrib::from(*seed);
        let mut public = Box::new([0; KemPublic::SIZE]);
        public.copy_from_slice(&secret.encapsulation_key().to_bytes());
        Self {
            secret,
            public: KemPublic(public),
        }
    }

    /// The secret of the node that signs with `node`.
    #[must_use]
    pub fn of_node(node: &SigningKey) -> Self {
        Self::from_seed(&kdf(label::NODE_KEM, node.seed(), &[]))
    }

    /// The key that messages are sealed to.
    #[must_use]
    pub const fn public(&self) -> &KemPublic {
        &self.public
    }

    /// Opens what was sealed to this key and bound to `associated`.
    ///
    /// # Errors
    /// [`Error::Suite`], and [`Error::Truncated`], [`Error::WrongKey`] and [`Error::Corrupt`] as
    /// [`seal::open`].
    pub fn open(&self, associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (ct, sealed) = suite::strip(sealed)?
            .split_first_chunk::<CIPHERTEXT>()
            .ok_or(Error::Truncated)?;
        let shared = self.secret.try_decapsulate(&(*ct).into());
        let shared = Zeroizing::new(<[u8; 32]>::from(shared.map_err(|_| Error::WrongKey)?));
        seal::open(&key(&shared, ct, &self.public), associated, sealed)
    }
}

impl std::fmt::Debug for KemSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "KemSecret", 32)
    }
}

/// A key that messages are sealed to: of ML-KEM-768, 1184 bytes, every number below its modulus,
/// then of X25519, 32 bytes, canonical and not of small order.
#[derive(Clone, PartialEq, Eq)]
pub struct KemPublic(Box<[u8; Self::SIZE]>);

impl KemPublic {
    /// Bytes of the encoding.
    pub const SIZE: usize = x_wing::ENCAPSULATION_KEY_SIZE;

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        *self.0
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let refused = Error::Encoding {
            what: "key for messages (1216 bytes)",
        };
        let curve = field::<1184, 32, { Self::SIZE }>(bytes);
        SearchPublic::from_bytes(&curve).map_err(|_| refused)?;
        let key = EncapsulationKey::try_from(bytes.as_slice()).map_err(|_| refused)?;
        // The decoder's own spelling is the only one.
        if key.to_bytes().as_slice() != bytes.as_slice() {
            return Err(refused);
        }
        Ok(Self(Box::new(*bytes)))
    }

    /// Seals `message` for whoever holds this key's secret, bound to `associated`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than [`seal::PLAINTEXT_MAX`] bytes.
    pub fn seal(
        &self,
        associated: &[u8],
        message: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, Error> {
        if message.len() > seal::PLAINTEXT_MAX {
            return Err(Error::TooLarge);
        }
        let mut drawn = Zeroizing::new([0; 64]);
        rng.fill_bytes(drawn.as_mut_slice());
        let digest = Zeroizing::new(hash(label::MESSAGE_SEAL, &[associated, message]));
        let parts: [&[u8]; 2] = [label::MESSAGE_SEAL.as_str().as_bytes(), digest.as_slice()];
        let drawn: Zeroizing<[u8; 64]> = kdf(label::NONCE, drawn.as_slice(), &parts);

        let to = EncapsulationKey::try_from(self.0.as_slice()).map_err(|_| Error::WrongKey)?;
        let (ct, shared) = to.encapsulate_deterministic(&(*drawn).into());
        let (ct, shared) = (
            <[u8; CIPHERTEXT]>::from(ct),
            Zeroizing::new(<[u8; 32]>::from(shared)),
        );
        let seal = seal::seal(key(&shared, &ct, self), associated, message);
        let mut sealed = Vec::with_capacity(sealed_len(message.len()));
        sealed.push(SUITE);
        sealed.extend_from_slice(&ct);
        sealed.extend_from_slice(&seal);
        Ok(sealed)
    }
}

impl std::fmt::Debug for KemPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_public(f, "KemPublic", self.0.as_slice())
    }
}

fn key(shared: &[u8; 32], ct: &[u8; CIPHERTEXT], public: &KemPublic) -> RecordKey {
    let parts: [&[u8]; 2] = [ct, public.0.as_slice()];
    RecordKey::from_bytes(kdf(label::MESSAGE_SEAL, shared, &parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> KemSecret {
        KemSecret::from_seed(&[byte; 32])
    }

    #[test]
    fn only_the_recipient_opens_and_only_what_was_bound() {
        let rng = &mut rand::rng();
        let (node, other) = (secret(1), secret(2));
        let sealed = node.public().seal(b"grant", b"shares", rng).unwrap();
        assert_eq!(sealed.len(), sealed_len(6));
        assert_eq!(node.open(b"grant", &sealed).unwrap().as_slice(), b"shares");
        assert!(other.open(b"grant", &sealed).is_err());
        assert!(node.open(b"other", &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(node.open(b"grant", &sealed[..length]).is_err());
        }
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 0x80;
            let error = node.open(b"grant", &changed).unwrap_err();
            if place == 0 {
                assert_eq!(error, Error::Suite { found: 0x82 });
            } else if place <= CIPHERTEXT {
                assert_eq!(error, Error::WrongKey, "{place}");
            }
        }
        // The curve's half of no order, with an honest other half.
        let mut weak = sealed;
        weak[1 + CIPHERTEXT - 32..=CIPHERTEXT].fill(0);
        assert_eq!(node.open(b"grant", &weak).err(), Some(Error::WrongKey));
    }

    #[test]
    fn a_key_has_one_spelling() {
        let good = secret(1).public().to_bytes();
        assert_eq!(
            KemPublic::from_bytes(&good).as_ref(),
            Ok(secret(1).public())
        );
        // Two numbers of 12 bits that are not below 3329.
        for at in [0, 3, 1149] {
            let mut bad = good;
            bad[at..at + 3].fill(0xff);
            assert!(KemPublic::from_bytes(&bad).is_err(), "{at}");
        }
        for curve in [[0; 32], [0xff; 32]] {
            let mut bad = good;
            bad[1184..].copy_from_slice(&curve);
            assert!(KemPublic::from_bytes(&bad).is_err());
        }
    }

    /// The scalar of the node's signing key, which is a solved discrete logarithm, is not what its
    /// key for messages comes from.
    #[test]
    fn a_nodes_key_comes_from_its_seed() {
        let node = SigningKey::from_seed(&[7; 32]);
        let seed = kdf(label::NODE_KEM, &[7; 32], &[]);
        assert_eq!(
            KemSecret::of_node(&node).public(),
            KemSecret::from_seed(&seed).public()
        );
    }

    #[test]
    fn a_generator_that_repeats_itself_makes_no_key_twice_for_two_messages() {
        use rand::{SeedableRng as _, rngs::StdRng};
        let stuck = || StdRng::seed_from_u64(1);
        let to = secret(1);
        let seal = |message: &[u8]| to.public().seal(b"", message, &mut stuck()).unwrap();
        assert_eq!(seal(b"one"), seal(b"one"));
        assert_ne!(seal(b"one")[..CIPHERTEXT], seal(b"two")[..CIPHERTEXT]);
    }
}
