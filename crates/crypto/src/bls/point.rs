//! The groups G1 and G2.

use std::sync::OnceLock;

use blst::{blst_fp6, blst_p1_affine, blst_p2_affine};

use super::{comb::G1Comb, ffi, scalar::Scalar};
use crate::{Error, encoding::debug_public};

macro_rules! group {
    ($(#[$doc:meta])* $name:ident, $affine:ty, $size:literal, $what:literal,
     $generator:ident, $mult:ident, $add:ident, $negate:ident,
     $uncompress:ident, $compress:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub(super) $affine);

        impl $name {
            /// Bytes of the compressed encoding.
            pub const SIZE: usize = $size;

            /// The standard generator.
            #[must_use]
            pub fn generator() -> Self {
                Self(ffi::$generator())
            }

            /// self^scalar, in constant time.
            #[must_use]
            pub fn mul(&self, scalar: &Scalar) -> Self {
                Self(ffi::$mult(&self.0, &scalar.0))
            }

            /// self * other, the group written multiplicatively as in the papers.
            #[must_use]
            pub fn add(&self, other: &Self) -> Self {
                Self(ffi::$add(&self.0, &other.0))
            }

            /// 1 / self.
            #[must_use]
            pub fn negate(&self) -> Self {
                Self(ffi::$negate(&self.0))
            }

            /// The compressed encoding.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; Self::SIZE] {
                ffi::$compress(&self.0)
            }

            /// Reads the compressed encoding of a point on the curve, in the subgroup, not the
            /// identity.
            ///
            /// # Errors
            /// [`Error::Encoding`] for anything else.
            pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
                ffi::$uncompress(bytes).map(Self).ok_or(Error::Encoding { what: $what })
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                debug_public(f, stringify!($name), &self.to_bytes())
            }
        }
    };
}
group!(
    /// A point of G1; the identity only as the outcome of arithmetic.
    G1,
    blst_p1_affine,
    48,
    "point of G1 (48 bytes)",
    p1_generator,
    p1_mult,
    p1_add,
    p1_negate,
    p1_uncompress,
    p1_compress
);
group!(
    /// A point of G2; the identity only as the outcome of arithmetic.
    G2,
    blst_p2_affine,
    96,
    "point of G2 (96 bytes)",
    p2_generator,
    p2_mult,
    p2_add,
    p2_negate,
    p2_uncompress,
    p2_compress
);

impl G1 {
    /// g^scalar, in constant time and about twice as fast as [`G1::mul`]; the first call makes a
    /// table of 132 KiB.
    #[must_use]
    pub fn power_of_generator(scalar: &Scalar) -> Self {
        static COMB: OnceLock<G1Comb> = OnceLock::new();
        Self(
            COMB.get_or_init(|| G1Comb::new(&ffi::p1_generator()))
                .mul(scalar),
        )
    }

    /// RFC 9380's `BLS12381G1_XMD:SHA-256_SSWU_RO_` under the domain separation tag `dst`.
    #[must_use]
    pub fn hash_to_curve(message: &[u8], dst: &[u8]) -> Self {
        Self(ffi::p1_hash(message, dst))
    }
}

impl G2 {
    /// h^scalar, in constant time.
    #[must_use]
    pub fn power_of_generator(scalar: &Scalar) -> Self {
        Self::generator().mul(scalar)
    }
}

/// A point of G2 prepared for many pairings: 68 lines, 19 KiB.
#[derive(Clone)]
pub struct PreparedG2(pub(super) Box<[blst_fp6; ffi::LINES]>);

impl PreparedG2 {
    /// Prepares `point`.
    #[must_use]
    pub fn new(point: &G2) -> Self {
        Self(ffi::prepare_lines(&point.0))
    }

    /// The generator h, prepared once.
    #[must_use]
    pub fn generator() -> &'static Self {
        static PREPARED: OnceLock<PreparedG2> = OnceLock::new();
        PREPARED.get_or_init(|| Self::new(&G2::generator()))
    }
}

impl std::fmt::Debug for PreparedG2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PreparedG2")
    }
}
