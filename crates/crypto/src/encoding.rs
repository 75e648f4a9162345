//! What every fixed-size public value shares: hex in `Debug`, and the split of an encoding into
//! fields.

use std::fmt;

/// Writes `Name(0123456789abcdef…)`: the first 8 bytes of a public value.
pub(crate) fn debug_public(f: &mut fmt::Formatter<'_>, name: &str, bytes: &[u8]) -> fmt::Result {
    write!(f, "{name}(")?;
    for byte in bytes.iter().take(8) {
        write!(f, "{byte:02x}")?;
    }
    write!(f, "{})", if bytes.len() > 8 { "…" } else { "" })
}

/// Writes `Name(32 secret bytes)`.
pub(crate) fn debug_secret(f: &mut fmt::Formatter<'_>, name: &str, size: usize) -> fmt::Result {
    write!(f, "{name}({size} secret bytes)")
}

/// `N` bytes of `bytes` from `AT` on; that they exist is checked when compiled.
pub(crate) fn field<const AT: usize, const N: usize, const SIZE: usize>(
    bytes: &[u8; SIZE],
) -> [u8; N] {
    const { assert!(AT + N <= SIZE, "a field lies within its encoding") };
    let mut out = [0; N];
    out.iter_mut()
        .zip(bytes.iter().skip(AT))
        .for_each(|(out, byte)| *out = *byte);
    out
}

/// The concatenation of two encodings, whose sizes are checked when compiled.
pub(crate) fn join<const A: usize, const B: usize, const SIZE: usize>(
    a: &[u8; A],
    b: &[u8; B],
) -> [u8; SIZE] {
    const { assert!(A + B == SIZE, "two fields fill their encoding") };
    let mut out = [0; SIZE];
    out.iter_mut()
        .zip(a.iter().chain(b))
        .for_each(|(out, byte)| *out = *byte);
    out
}

/// Gives a newtype over [`crate::bls::G1`] or [`crate::bls::G2`] its encoding.
macro_rules! point_encoding {
    ($name:ident, $point:ident, $what:literal) => {
        impl $name {
            /// Bytes of the encoding: one compressed point.
            pub const SIZE: usize = $point::SIZE;

            /// The canonical encoding.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; Self::SIZE] {
                self.0.to_bytes()
            }

            /// Reads the canonical encoding.
            ///
            /// # Errors
            /// [`Error::Encoding`] for anything else, and for the identity or a point outside the
            /// subgroup.
            pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
                $point::from_bytes(bytes)
                    .map(Self)
                    .map_err(|_| Error::Encoding { what: $what })
            }
        }
    };
}
pub(crate) use point_encoding;

/// Gives public values a `Debug` with their first bytes.
macro_rules! debug_public_values {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::encoding::debug_public(f, stringify!($name), &self.to_bytes())
            }
        }
    )*};
}
pub(crate) use debug_public_values;

/// Gives a value of a challenge and a response, two scalars, its encoding.
macro_rules! schnorr_encoding {
    ($name:ident, $what:literal) => {
        impl $name {
            /// Bytes of the encoding: challenge 32, response 32, both big-endian and in 1..q.
            pub const SIZE: usize = 2 * Scalar::SIZE;

            /// The canonical encoding.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; Self::SIZE] {
                crate::encoding::join(&self.challenge.to_bytes(), &self.response.to_bytes())
            }

            /// Reads the canonical encoding.
            ///
            /// # Errors
            /// [`Error::Encoding`] for anything else.
            pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
                let what = |_| Error::Encoding { what: $what };
                let challenge =
                    crate::encoding::field::<0, { Scalar::SIZE }, { Self::SIZE }>(bytes);
                let response =
                    crate::encoding::field::<{ Scalar::SIZE }, { Scalar::SIZE }, { Self::SIZE }>(
                        bytes,
                    );
                Ok(Self {
                    challenge: Scalar::from_bytes(&challenge).map_err(what)?,
                    response: Scalar::from_bytes(&response).map_err(what)?,
                })
            }
        }
    };
}
pub(crate) use schnorr_encoding;

/// Gives a name to public bytes that are not looked at: any are one, and nothing is computed with
/// them before they are.
macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident, $size:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $size]);

        impl $name {
            /// Bytes of the encoding.
            pub const SIZE: usize = $size;

            /// Takes any bytes: each are one.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; $size] {
                self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::encoding::debug_public(f, stringify!($name), &self.0)
            }
        }
    };
}
pub(crate) use opaque;

/// Gives a name to 32 secret bytes that are handed over, or kept.
macro_rules! secret_bytes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// Zeroised when dropped, compared in constant time, not printed.
        #[derive(Clone)]
        pub struct $name(zeroize::Zeroizing<[u8; 32]>);

        impl $name {
            /// Bytes of the secret.
            pub const SIZE: usize = 32;

            /// Takes the bytes that somebody handed over.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(zeroize::Zeroizing::new(bytes))
            }

            /// The bytes, to be kept or handed over where nobody else reads.
            #[must_use]
            pub fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl subtle::ConstantTimeEq for $name {
            fn ct_eq(&self, other: &Self) -> subtle::Choice {
                self.0.ct_eq(other.0.as_slice())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                subtle::ConstantTimeEq::ct_eq(self, other).into()
            }
        }

        impl Eq for $name {}

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::encoding::debug_secret(f, stringify!($name), 32)
            }
        }
    )*};
}
pub(crate) use secret_bytes;
