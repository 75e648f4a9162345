//! BLS12-381 groups behind safe types; the only module that speaks to the C library.
//!
//! Letters as in the protocol page: `G1 = <g>`, `G2 = <h>`, `Z = e(g, h)`, prime order `q`. Every decoded point is on the curve, in the subgroup of order
//! `q`, and not the identity. Multiplications and exponentiations by secrets take the same time for every secret.
//!
//! # Exponentiation in GT
//! On the subgroup the Frobenius map raises to `p = x (mod q)`, `x` the curve's 64-bit parameter. A 255-bit exponent splits into four digits base `|x|`, and
//! `f^s = f^d0 * f^(d1 |x|) * ...` needs 64 squarings with one table look-up each; the look-up reads the whole table.
#![allow(unsafe_code)]

use std::{fmt, ptr, sync::OnceLock};

use blst::{
    BLST_ERROR, blst_bendian_from_fp, blst_bendian_from_fp12, blst_bendian_from_scalar,
    blst_final_exp, blst_fp, blst_fp_from_bendian, blst_fp6, blst_fp12, blst_fp12_conjugate,
    blst_fp12_cyclotomic_sqr, blst_fp12_frobenius_map, blst_fp12_in_group, blst_fp12_inverse,
    blst_fp12_is_one, blst_fp12_mul, blst_fp12_one, blst_hash_to_g1, blst_miller_loop,
    blst_miller_loop_lines, blst_p1, blst_p1_add_or_double_affine, blst_p1_affine,
    blst_p1_affine_compress, blst_p1_affine_generator, blst_p1_affine_in_g1, blst_p1_affine_is_inf,
    blst_p1_cneg, blst_p1_from_affine, blst_p1_mult, blst_p1_to_affine, blst_p1_uncompress,
    blst_p2, blst_p2_affine, blst_p2_affine_compress, blst_p2_affine_generator,
    blst_p2_affine_in_g2, blst_p2_affine_is_inf, blst_p2_from_affine, blst_p2_mult,
    blst_p2_to_affine, blst_p2_uncompress, blst_precompute_lines, blst_scalar,
    blst_scalar_fr_check, blst_scalar_from_be_bytes, blst_scalar_from_bendian, blst_sk_add_n_check,
    blst_sk_inverse, blst_sk_mul_n_check, blst_sk_sub_n_check, blst_sk_to_pk_in_g1,
    blst_sk_to_pk_in_g2,
};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::{Error, hash::hash_wide, label::Label};

/// `|x|` of BLS12-381.
const X_ABS: u64 = 0xd201_0000_0001_0000;
/// Bits of a scalar.
const SCALAR_BITS: usize = 255;

/// A scalar modulo `q`, never zero. 32 bytes, big-endian.
#[derive(Clone)]
pub struct Scalar(blst_scalar);

impl Scalar {
    /// Bytes of the encoding.
    pub const SIZE: usize = 32;

    /// A uniform scalar.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        loop {
            let mut wide = [0; 64];
            rng.fill_bytes(&mut wide);
            let scalar = Self::reduce(&wide);
            wide.zeroize();
            if let Some(scalar) = scalar {
                return scalar;
            }
        }
    }

    /// The scalar that `parts` hash to under `label`: 64 bytes reduced, so uniform but for 2^-250.
    #[must_use]
    pub fn hash(label: Label, parts: &[&[u8]]) -> Self {
        let mut wide = hash_wide(label, parts);
        let scalar = Self::reduce(&wide);
        wide.zeroize();
        // Zero comes out with probability 2^-255; any fixed scalar will do for it.
        scalar.unwrap_or_else(Self::one)
    }

    /// Reads a canonical scalar.
    ///
    /// # Errors
    /// [`Error::Encoding`] when it is zero or not below `q`.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        let mut scalar = blst_scalar::default();
        // SAFETY: both pointers are to 32 bytes; the check only reads.
        let canonical = unsafe {
            blst_scalar_from_bendian(&raw mut scalar, bytes.as_ptr());
            blst_scalar_fr_check(&raw const scalar)
        };
        if !canonical || bytes.iter().all(|byte| *byte == 0) {
            return Err(Error::Encoding { what: "scalar" });
        }
        Ok(Self(scalar))
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        // SAFETY: `bytes` has the 32 bytes that are written.
        unsafe { blst_bendian_from_scalar(bytes.as_mut_ptr(), &raw const self.0) };
        bytes
    }

    /// `1 / self`.
    #[must_use]
    pub fn invert(&self) -> Self {
        let mut out = blst_scalar::default();
        // SAFETY: both are valid scalars; the inverse of a non-zero one is non-zero.
        unsafe { blst_sk_inverse(&raw mut out, &raw const self.0) };
        Self(out)
    }

    /// `self + other`; `None` when that is zero.
    #[must_use]
    pub fn add(&self, other: &Self) -> Option<Self> {
        let mut out = blst_scalar::default();
        // SAFETY: all three are valid scalars.
        let ok =
            unsafe { blst_sk_add_n_check(&raw mut out, &raw const self.0, &raw const other.0) };
        ok.then_some(Self(out))
    }

    /// `self - other`; `None` when that is zero.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Option<Self> {
        let mut out = blst_scalar::default();
        // SAFETY: all three are valid scalars.
        let ok =
            unsafe { blst_sk_sub_n_check(&raw mut out, &raw const self.0, &raw const other.0) };
        ok.then_some(Self(out))
    }

    /// `self * other`.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Self {
        let mut out = blst_scalar::default();
        // SAFETY: all three are valid scalars; a product of non-zero ones is non-zero modulo a prime.
        unsafe { blst_sk_mul_n_check(&raw mut out, &raw const self.0, &raw const other.0) };
        Self(out)
    }

    fn one() -> Self {
        let mut bytes = [0; 32];
        bytes[31] = 1;
        let mut scalar = blst_scalar::default();
        // SAFETY: both pointers are to 32 bytes.
        unsafe { blst_scalar_from_bendian(&raw mut scalar, bytes.as_ptr()) };
        Self(scalar)
    }

    fn reduce(wide: &[u8; 64]) -> Option<Self> {
        let mut scalar = blst_scalar::default();
        // SAFETY: the pointer is to the 64 bytes that the length says.
        let nonzero =
            unsafe { blst_scalar_from_be_bytes(&raw mut scalar, wide.as_ptr(), wide.len()) };
        nonzero.then_some(Self(scalar))
    }

    /// Four digits base `|x|`, lowest first.
    fn digits(&self) -> [u64; 4] {
        let mut limbs = [0_u64; 4];
        for (limb, bytes) in limbs.iter_mut().zip(self.0.b.chunks_exact(8)) {
            *limb = bytes
                .iter()
                .rev()
                .fold(0, |limb, byte| limb << 8 | u64::from(*byte));
        }
        let mut digits = [0; 4];
        for digit in &mut digits {
            let mut rest = 0_u128;
            for limb in limbs.iter_mut().rev() {
                let value = rest << 64 | u128::from(*limb);
                // Both results fit: the quotient since rest < x, the remainder by definition.
                *limb = (value / u128::from(X_ABS)) as u64;
                rest = value % u128::from(X_ABS);
            }
            *digit = rest as u64;
        }
        limbs.zeroize();
        digits
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.b.zeroize();
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.0.b.ct_eq(&other.0.b).into()
    }
}

impl Eq for Scalar {}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scalar(32 bytes)")
    }
}

macro_rules! group {
    ($(#[$doc:meta])* $name:ident, $size:literal, $affine:ident, $jacobian:ident, $uncompress:ident, $in_group:ident, $is_inf:ident,
     $compress:ident, $from_affine:ident, $mult:ident, $to_affine:ident, $generator:ident, $times_generator:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name($affine);

        impl $name {
            /// Bytes of the compressed encoding.
            pub const SIZE: usize = $size;

            /// The generator.
            #[must_use]
            pub fn generator() -> Self {
                // SAFETY: the pointer is to a constant of the library.
                Self(unsafe { *$generator() })
            }

            /// The generator times `scalar`.
            #[must_use]
            pub fn times_generator(scalar: &Scalar) -> Self {
                let (mut out, mut affine) = ($jacobian::default(), $affine::default());
                // SAFETY: all pointers are to valid values of their types.
                unsafe {
                    $times_generator(&raw mut out, &raw const scalar.0);
                    $to_affine(&raw mut affine, &raw const out);
                }
                Self(affine)
            }

            /// Reads a compressed point.
            ///
            /// # Errors
            /// [`Error::Encoding`] when it is not canonical, off the curve, outside the subgroup, or the identity.
            pub fn from_bytes(bytes: &[u8; $size]) -> Result<Self, Error> {
                let mut affine = $affine::default();
                // SAFETY: `bytes` has the size that is read; the checks only read.
                let good = unsafe {
                    $uncompress(&raw mut affine, bytes.as_ptr()) == BLST_ERROR::BLST_SUCCESS
                        && !$is_inf(&raw const affine)
                        && $in_group(&raw const affine)
                };
                if good { Ok(Self(affine)) } else { Err(Error::Encoding { what: $what }) }
            }

            /// Its compressed bytes.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; $size] {
                let mut bytes = [0; $size];
                // SAFETY: `bytes` has the size that is written.
                unsafe { $compress(bytes.as_mut_ptr(), &raw const self.0) };
                bytes
            }

            /// This point times `scalar`.
            #[must_use]
            pub fn mul(&self, scalar: &Scalar) -> Self {
                let (mut point, mut out) = ($jacobian::default(), $jacobian::default());
                let mut affine = $affine::default();
                // SAFETY: all pointers are to valid values; the scalar has the 255 bits that are read.
                unsafe {
                    $from_affine(&raw mut point, &raw const self.0);
                    $mult(&raw mut out, &raw const point, scalar.0.b.as_ptr(), SCALAR_BITS);
                    $to_affine(&raw mut affine, &raw const out);
                }
                Self(affine)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [a, b, c, d, ..] = self.to_bytes();
                write!(f, "{}({a:02x}{b:02x}{c:02x}{d:02x}…)", stringify!($name))
            }
        }
    };
}

group! {
    /// A point of G1 of order `q`. 48 bytes compressed.
    G1, 48, blst_p1_affine, blst_p1, blst_p1_uncompress, blst_p1_affine_in_g1, blst_p1_affine_is_inf,
    blst_p1_affine_compress, blst_p1_from_affine, blst_p1_mult, blst_p1_to_affine,
    blst_p1_affine_generator, blst_sk_to_pk_in_g1, "point of G1"
}

group! {
    /// A point of G2 of order `q`. 96 bytes compressed.
    G2, 96, blst_p2_affine, blst_p2, blst_p2_uncompress, blst_p2_affine_in_g2, blst_p2_affine_is_inf,
    blst_p2_affine_compress, blst_p2_from_affine, blst_p2_mult, blst_p2_to_affine,
    blst_p2_affine_generator, blst_sk_to_pk_in_g2, "point of G2"
}

impl G1 {
    /// `self + other`; `None` when that is the identity.
    #[must_use]
    pub fn add(&self, other: &Self) -> Option<Self> {
        let (mut point, mut out) = (blst_p1::default(), blst_p1::default());
        let mut affine = blst_p1_affine::default();
        // SAFETY: all pointers are to valid values of their types.
        let identity = unsafe {
            blst_p1_from_affine(&raw mut point, &raw const self.0);
            blst_p1_add_or_double_affine(&raw mut out, &raw const point, &raw const other.0);
            blst_p1_to_affine(&raw mut affine, &raw const out);
            blst_p1_affine_is_inf(&raw const affine)
        };
        (!identity).then_some(Self(affine))
    }

    /// `-self`.
    #[must_use]
    pub fn neg(&self) -> Self {
        let mut point = blst_p1::default();
        let mut affine = blst_p1_affine::default();
        // SAFETY: all pointers are to valid values of their types.
        unsafe {
            blst_p1_from_affine(&raw mut point, &raw const self.0);
            blst_p1_cneg(&raw mut point, true);
            blst_p1_to_affine(&raw mut affine, &raw const point);
        }
        Self(affine)
    }

    /// The point that `message` hashes to (RFC 9380, `BLS12381G1_XMD:SHA-256_SSWU_RO_`) under the domain `tag`.
    #[must_use]
    pub fn hash_to_curve(message: &[u8], tag: &[u8]) -> Self {
        let mut out = blst_p1::default();
        let mut affine = blst_p1_affine::default();
        // SAFETY: each pointer comes with its length; no augmentation is passed as a null pointer of length 0.
        unsafe {
            blst_hash_to_g1(
                &raw mut out,
                message.as_ptr(),
                message.len(),
                tag.as_ptr(),
                tag.len(),
                ptr::null(),
                0,
            );
            blst_p1_to_affine(&raw mut affine, &raw const out);
        }
        Self(affine)
    }
}

/// A point of G2 with its Miller lines worked out, for repeated pairings.
pub struct PreparedG2(Box<[blst_fp6; 68]>);

impl PreparedG2 {
    /// Prepares `point`.
    #[must_use]
    pub fn new(point: &G2) -> Self {
        let mut lines = Box::new([blst_fp6::default(); 68]);
        // SAFETY: the library writes exactly 68 lines.
        unsafe { blst_precompute_lines(lines.as_mut_ptr(), &raw const point.0) };
        Self(lines)
    }

    /// The prepared generator `h`.
    pub fn generator() -> &'static Self {
        static GENERATOR: OnceLock<PreparedG2> = OnceLock::new();
        GENERATOR.get_or_init(|| Self::new(&G2::generator()))
    }
}

impl fmt::Debug for PreparedG2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedG2(68 lines)")
    }
}

/// An element of the target group: of order `q`, never one when decoded. 288 bytes, compressed on the torus.
#[derive(Clone, Copy)]
pub struct Gt(blst_fp12);

/// `e(p, q)`.
#[must_use]
pub fn pairing(p: &G1, q: &G2) -> Gt {
    miller(p, q).final_exp()
}

/// `e(p, q)` for a prepared `q`.
#[must_use]
pub fn pairing_prepared(p: &G1, q: &PreparedG2) -> Gt {
    let mut out = blst_fp12::default();
    // SAFETY: the lines are the 68 that the library wrote.
    unsafe { blst_miller_loop_lines(&raw mut out, q.0.as_ptr(), &raw const p.0) };
    Gt(out).final_exp()
}

/// Whether `e(p1, q1) = e(p2, q2)`, with one final exponentiation.
#[must_use]
pub fn pairings_equal(p1: &G1, q1: &G2, p2: &G1, q2: &G2) -> bool {
    miller(p1, q1)
        .mul(&miller(&p2.neg(), q2))
        .final_exp()
        .is_one()
}

/// Verifies a BLS signature in G1 under a key in G2 (draft-irtf-cfrg-bls-signature, minimal-signature-size).
#[must_use]
pub fn verify_min_sig(key: &G2, tag: &[u8], message: &[u8], signature: &G1) -> bool {
    let hashed = G1::hash_to_curve(message, tag);
    pairings_equal(signature, &G2::generator(), &hashed, key)
}

fn miller(p: &G1, q: &G2) -> Gt {
    let mut out = blst_fp12::default();
    // SAFETY: all pointers are to valid values of their types.
    unsafe { blst_miller_loop(&raw mut out, &raw const q.0, &raw const p.0) };
    Gt(out)
}

impl Gt {
    /// Bytes of the compressed encoding.
    pub const SIZE: usize = 288;

    /// `Z = e(g, h)`.
    pub fn generator() -> &'static Self {
        static GENERATOR: OnceLock<Gt> = OnceLock::new();
        GENERATOR.get_or_init(|| pairing(&G1::generator(), &G2::generator()))
    }

    /// `Z^scalar`, from a table.
    #[must_use]
    pub fn times_generator(scalar: &Scalar) -> Self {
        static TABLE: OnceLock<FixedBase> = OnceLock::new();
        TABLE
            .get_or_init(|| FixedBase::new(Self::generator()))
            .pow(scalar)
    }

    /// `self^scalar`.
    #[must_use]
    pub fn pow(&self, scalar: &Scalar) -> Self {
        let table = self.digit_products();
        let mut digits = scalar.digits();
        let mut power = Self::one();
        for bit in (0..64).rev() {
            power = power.square();
            power = power.mul(&select(&table, digit_index(&digits, bit)));
        }
        digits.zeroize();
        power
    }

    /// All 576 bytes, for hashing: the twelve coordinates, big-endian.
    #[must_use]
    pub fn to_uncompressed(&self) -> [u8; 576] {
        let mut bytes = [0; 576];
        // SAFETY: `bytes` has the 576 bytes that are written.
        unsafe { blst_bendian_from_fp12(bytes.as_mut_ptr(), &raw const self.0) };
        bytes
    }

    /// `(1 + c0) / c1` for `self = c0 + c1 w`: six coordinates of 48 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut numerator = zero();
        numerator.fp6[0] = self.0.fp6[0];
        // 1 + c0, by adding the whole elements: c0 has no w part.
        let numerator = Self(add_one(numerator));
        let mut denominator = zero();
        denominator.fp6[0] = self.0.fp6[1];
        let quotient = numerator.mul(&Self(invert(&denominator)));

        let mut bytes = [0; Self::SIZE];
        let coordinates = quotient.0.fp6[0].fp2.iter().flat_map(|fp2| &fp2.fp);
        for (chunk, coordinate) in bytes.chunks_exact_mut(48).zip(coordinates) {
            // SAFETY: the chunk has the 48 bytes that are written.
            unsafe { blst_bendian_from_fp(chunk.as_mut_ptr(), coordinate) };
        }
        bytes
    }

    /// Reads a compressed element: `(v + w) / (v - w)`.
    ///
    /// # Errors
    /// [`Error::Encoding`] when a coordinate is not canonical, or the element is not of order `q`.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        const REFUSED: Error = Error::Encoding {
            what: "element of GT",
        };
        let mut sum = zero();
        let coordinates = sum.fp6[0].fp2.iter_mut().flat_map(|fp2| &mut fp2.fp);
        for (chunk, coordinate) in bytes.chunks_exact(48).zip(coordinates) {
            *coordinate = read_fp(chunk).ok_or(REFUSED)?;
        }
        sum.fp6[1] = Self::one().0.fp6[0];
        let mut difference = sum;
        // SAFETY: the pointer is to a valid value.
        unsafe { blst_fp12_conjugate(&raw mut difference) };
        let element = Self(sum).mul(&Self(invert(&difference)));
        // SAFETY: the check only reads.
        let in_group = unsafe { blst_fp12_in_group(&raw const element.0) };
        // Canonical: the encoding of what was read must be what was read.
        if in_group && !element.is_one() && element.to_bytes() == *bytes {
            Ok(element)
        } else {
            Err(REFUSED)
        }
    }

    fn one() -> Self {
        // SAFETY: the pointer is to a constant of the library.
        Self(unsafe { *blst_fp12_one() })
    }

    fn is_one(&self) -> bool {
        // SAFETY: the check only reads.
        unsafe { blst_fp12_is_one(&raw const self.0) }
    }

    fn mul(&self, other: &Self) -> Self {
        let mut out = blst_fp12::default();
        // SAFETY: all pointers are to valid values.
        unsafe { blst_fp12_mul(&raw mut out, &raw const self.0, &raw const other.0) };
        Self(out)
    }

    fn square(&self) -> Self {
        let mut out = blst_fp12::default();
        // SAFETY: all pointers are to valid values, of the cyclotomic subgroup.
        unsafe { blst_fp12_cyclotomic_sqr(&raw mut out, &raw const self.0) };
        Self(out)
    }

    fn final_exp(&self) -> Self {
        let mut out = blst_fp12::default();
        // SAFETY: all pointers are to valid values.
        unsafe { blst_final_exp(&raw mut out, &raw const self.0) };
        Self(out)
    }

    /// `self^(|x|^i)` for `i` in 0..4: Frobenius, conjugated for odd `i` since `x` is negative.
    fn digit_bases(&self) -> [Self; 4] {
        let frobenius = |count| {
            let mut out = blst_fp12::default();
            // SAFETY: all pointers are to valid values; `count` is 1 to 3.
            unsafe { blst_fp12_frobenius_map(&raw mut out, &raw const self.0, count) };
            Self(out)
        };
        [
            *self,
            frobenius(1).conjugate(),
            frobenius(2),
            frobenius(3).conjugate(),
        ]
    }

    /// The products of every subset of the digit bases.
    fn digit_products(&self) -> [Self; 16] {
        let mut products = [Self::one(); 16];
        let mut count = 1;
        for base in self.digit_bases() {
            let (known, new) = products.split_at_mut(count);
            for (product, known) in new.iter_mut().zip(known) {
                *product = known.mul(&base);
            }
            count *= 2;
        }
        products
    }

    fn conjugate(mut self) -> Self {
        // SAFETY: the pointer is to a valid value.
        unsafe { blst_fp12_conjugate(&raw mut self.0) };
        self
    }
}

impl PartialEq for Gt {
    fn eq(&self, other: &Self) -> bool {
        self.to_uncompressed()
            .ct_eq(&other.to_uncompressed())
            .into()
    }
}

impl Eq for Gt {}

impl fmt::Debug for Gt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gt(288 bytes)")
    }
}

/// Powers of one base for a comb: the four digits' bases share nothing, so one table per column of [`COMB_COLUMNS`] bit columns holds the products of all
/// four at that column; 64 columns need 64 look-ups and no squaring. 64 tables of 16 elements: 590 kB.
struct FixedBase(Vec<[Gt; 16]>);

impl FixedBase {
    fn new(base: &Gt) -> Self {
        let mut column = *base;
        let tables = (0..64).map(|_| {
            let products = column.digit_products();
            column = column.square();
            products
        });
        Self(tables.collect())
    }

    fn pow(&self, scalar: &Scalar) -> Gt {
        let mut digits = scalar.digits();
        let mut power = Gt::one();
        for (bit, table) in self.0.iter().enumerate() {
            power = power.mul(&select(table, digit_index(&digits, bit)));
        }
        digits.zeroize();
        power
    }
}

/// The digits' bits at `bit`, as a number below 16.
fn digit_index(digits: &[u64; 4], bit: usize) -> u64 {
    digits
        .iter()
        .rev()
        .fold(0, |index, digit| index << 1 | (digit >> bit & 1))
}

/// `table[index]`, reading all of the table.
fn select(table: &[Gt; 16], index: u64) -> Gt {
    let mut chosen = zero();
    for (place, entry) in (0_u64..).zip(table) {
        // All ones where place = index; the black box keeps it from becoming a branch.
        let equal = std::hint::black_box((place ^ index).wrapping_sub(1) >> 63).wrapping_neg();
        let to = chosen
            .fp6
            .iter_mut()
            .flat_map(|fp6| &mut fp6.fp2)
            .flat_map(|fp2| &mut fp2.fp);
        let from = entry
            .0
            .fp6
            .iter()
            .flat_map(|fp6| &fp6.fp2)
            .flat_map(|fp2| &fp2.fp);
        for (to, from) in to.zip(from) {
            for (to, from) in to.l.iter_mut().zip(from.l) {
                *to |= from & equal;
            }
        }
    }
    Gt(chosen)
}

/// `blst_fp12::default()` is one, not zero.
fn zero() -> blst_fp12 {
    blst_fp12 {
        fp6: [blst_fp6::default(); 2],
    }
}

fn add_one(mut element: blst_fp12) -> blst_fp12 {
    let one = Gt::one();
    let sum = &mut element.fp6[0].fp2[0].fp[0];
    // SAFETY: all pointers are to valid field elements; the library allows the output to be an input.
    unsafe {
        let (a, out): (*const blst_fp, *mut blst_fp) = (sum, sum);
        blst::blst_fp_add(out, a, &raw const one.0.fp6[0].fp2[0].fp[0]);
    }
    element
}

/// The inverse; of zero, zero.
fn invert(element: &blst_fp12) -> blst_fp12 {
    let mut out = blst_fp12::default();
    // SAFETY: all pointers are to valid values.
    unsafe { blst_fp12_inverse(&raw mut out, element) };
    out
}

/// A field element below the modulus.
fn read_fp(bytes: &[u8]) -> Option<blst_fp> {
    let bytes: &[u8; 48] = bytes.try_into().ok()?;
    let (mut value, mut back) = (blst_fp::default(), [0; 48]);
    // SAFETY: both arrays have the 48 bytes that are read and written.
    unsafe {
        blst_fp_from_bendian(&raw mut value, bytes.as_ptr());
        blst_bendian_from_fp(back.as_mut_ptr(), &raw const value);
    }
    (back == *bytes).then_some(value)
}
