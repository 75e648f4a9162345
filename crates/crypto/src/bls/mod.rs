//! BLS12-381 behind safe types: scalars, the groups G1, G2 and GT, and the pairing.
//!
//! Over blst. `G1 = <g>`, `G2 = <h>` with the standard generators, `Z = e(g, h)`, all of prime
//! order q; encodings are the compressed ones of draft-irtf-cfrg-pairing-friendly-curves (appendix
//! C), for GT see [`Gt::to_bytes`].
//!
//! # Constant time
//! Multiplication of points and exponentiation in GT take time and touch memory independently of
//! the scalar: blst's own for points, tables read as a whole for the fixed bases `g` and `Z` and
//! for GT. Decoding and verification are of public values and may vary.

mod comb;
mod ffi;
mod gt;
mod point;
mod scalar;

pub(crate) use gt::multi_pairing;
pub use gt::{Gt, pairing, pairings_equal};
pub use point::{G1, G2, PreparedG2};
pub use scalar::{Scalar, hash_to_scalar};

/// Whether `signature` is a BLS signature of `message` under `public_key`, in the variant with
/// short signatures (draft-irtf-cfrg-bls-signature, signatures in G1): `e(signature, h) =
/// e(H(message), public_key)`.
#[must_use]
pub fn verify_min_sig(public_key: &G2, dst: &[u8], message: &[u8], signature: &G1) -> bool {
    let hashed = G1::hash_to_curve(message, dst);
    pairings_equal((signature, &G2::generator()), (&hashed, public_key))
}
