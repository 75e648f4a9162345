//! Search keys: X25519 (RFC 7748), from which a writer and a patient derive the keys of the
//! patient's index at one hospital (protocols section 7).

use crate::{
    Error,
    encoding::{debug_public, debug_secret},
};

/// A patient's search secret at one hospital. Zeroised when dropped; not exported.
pub struct SearchSecret(x25519_dalek::StaticSecret);

impl SearchSecret {
    /// The secret of a seed of 32 uniform bytes, clamped as RFC 7748 has it.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(x25519_dalek::StaticSecret::from(*seed))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> SearchPublic {
        SearchPublic(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }
}

impl std::fmt::Debug for SearchSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "SearchSecret", 32)
    }
}

/// A patient's search key at one hospital: a coordinate of Curve25519 or its twist, canonical and
/// not of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SearchPublic([u8; 32]);

impl SearchPublic {
    /// Bytes of the encoding.
    pub const SIZE: usize = 32;

    /// The canonical encoding.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; Self::SIZE] {
        self.0
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Encoding`] from 2^255 - 19 on, and for the five points of small order: no secret
    /// would be shared with them.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let canonical = bytes.iter().rev().lt(FIELD.iter().rev());
        if !canonical || SMALL_ORDER.contains(bytes) {
            return Err(Error::Encoding {
                what: "search key (32 bytes)",
            });
        }
        Ok(Self(*bytes))
    }
}

impl std::fmt::Debug for SearchPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_public(f, "SearchPublic", &self.0)
    }
}

/// `ends | 0xff .. | 0x7f`: numbers near 2^255, little-endian.
const fn below_2_255(lowest: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    let [first, .., last] = &mut bytes;
    *first = lowest;
    *last = 0x7f;
    bytes
}

const fn small(lowest: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    let [first, ..] = &mut bytes;
    *first = lowest;
    bytes
}

/// 2^255 - 19.
const FIELD: [u8; 32] = below_2_255(0xed);

/// The canonical coordinates of small order, on the curve and on its twist: 0, 1, -1 and the two of
/// order 8.
const SMALL_ORDER: [[u8; 32]; 5] = [
    small(0),
    small(1),
    below_2_255(0xec),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_points_share_nothing_with_anybody() {
        let secret = x25519_dalek::StaticSecret::from([7; 32]);
        for bytes in SMALL_ORDER {
            let point = x25519_dalek::PublicKey::from(bytes);
            assert!(!secret.diffie_hellman(&point).was_contributory());
            assert!(SearchPublic::from_bytes(&bytes).is_err());
        }
    }

    #[test]
    fn a_second_spelling_is_refused() {
        let mut high = SearchSecret::from_seed(&[7; 32]).public().to_bytes();
        assert!(SearchPublic::from_bytes(&high).is_ok());
        high[31] |= 0x80;
        assert!(SearchPublic::from_bytes(&high).is_err());
        for lowest in 0xed..=0xff {
            assert!(SearchPublic::from_bytes(&below_2_255(lowest)).is_err());
        }
        assert!(SearchPublic::from_bytes(&below_2_255(0xeb)).is_ok());
    }
}
