//! Searching records by keyword, without telling the one who searches what is sought
//! (docs/PROTOCOL.md 7).
//!
//! A writer (a certified author) and a patient agree on an [`IndexKey`] for a hospital and a
//! quarter without a round trip: X25519 (RFC 7748) between the writer's key and the patient's key
//! at that hospital, and the quarter's search secret `x_q` ([`crate::psk`]), so that whoever solves
//! discrete logarithms guesses no keyword. Each keyword has a key under it, each entry of a keyword
//! a number, and each number a leaf of a GGM tree, from which the entry's address and masks come:
//!
//! ```text
//! k     = KDF(X25519(writer, X_h) | x_q, writer, X_h, chain, hospital, quarter)
//! k_w   = PRF(k, w)                     root = PRF(k_w, "tree")      node.b = PRF(node, b)
//! entry = address PRF(leaf, "address") 16
//!       | pointer: record id XOR PRF(leaf, "mask") 32 | tag PRF(leaf, "tag" | record id) 8
//!       | cross PRF(PRF(k_w, "cross"), record id) 16
//! ```
//! The entries of one keyword are numbered 0, 1, 2 .. without gaps. A [`Trapdoor`] for the first n
//! is the least set of inner nodes that covers them: it opens these and no later one (forward
//! private), and gives no keyword away, since every value is a PRF under a key that only writer and
//! patient can compute.
//!
//! # Deviation
//! PRFs are BLAKE3 in derive-key mode, each under its label, instead of one keyed hash with
//! prefixes.
//!
//! # Not promised
//! What a node sees is listed in docs/search-leakage.md: how many entries a record has (padded),
//! which are found by one trapdoor, and that two trapdoors are of one keyword when one covers the
//! other.

mod index;
mod trapdoor;

pub use index::{
    Address, Counter, CrossKey, CrossTag, IndexContext, IndexEntry, IndexKey, Keyword, KeywordKey,
    MaskedPointer, PADDINGS, padded,
};
pub use trapdoor::{Lookup, Probe, Trapdoor};

use crate::{
    Error,
    encoding::{debug_public, debug_secret},
};

/// A secret and its public key on Curve25519.
macro_rules! x25519_pair {
    (
        $(#[$secret_doc:meta])* $secret:ident,
        $(#[$public_doc:meta])* $public:ident,
        $what:literal
    ) => {
        $(#[$secret_doc])*
        pub struct $secret(x25519_dalek::StaticSecret);

        impl $secret {
            /// The secret of a seed of 32 uniform bytes, clamped as RFC 7748 has it.
            #[must_use]
            pub fn from_seed(seed: &[u8; 32]) -> Self {
                Self(x25519_dalek::StaticSecret::from(*seed))
            }

            /// The public key.
            #[must_use]
            pub fn public(&self) -> $public {
                $public(x25519_dalek::PublicKey::from(&self.0).to_bytes())
            }
        }

        impl std::fmt::Debug for $secret {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                debug_secret(f, stringify!($secret), 32)
            }
        }

        $(#[$public_doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $public([u8; 32]);

        impl $public {
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
            /// [`Error::Encoding`] from 2^255 - 19 on, and for the five points of small order: no
            /// secret would be shared with them.
            pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
                let canonical = bytes.iter().rev().lt(FIELD.iter().rev());
                if !canonical || SMALL_ORDER.contains(bytes) {
                    return Err(Error::Encoding { what: $what });
                }
                Ok(Self(*bytes))
            }
        }

        impl std::fmt::Debug for $public {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                debug_public(f, stringify!($public), &self.0)
            }
        }
    };
}

x25519_pair! {
    /// A patient's search secret at one hospital. Zeroised when dropped; not exported.
    SearchSecret,
    /// A patient's search key at one hospital: a coordinate of Curve25519 or its twist, canonical
    /// and not of small order.
    SearchPublic,
    "search key (32 bytes)"
}

x25519_pair! {
    /// The secret by which an author writes index entries. Zeroised when dropped; not exported.
    WriterSecret,
    /// An author's key for index entries, certified with his other keys: as [`SearchPublic`].
    WriterPublic,
    "writer key (32 bytes)"
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
