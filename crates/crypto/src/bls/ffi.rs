//! The only unsafe code: one safe function for each blst function in use, over blst's plain
//! structures.
//!
//! Every structure is a `repr(C)` array of integers without invalid bit patterns. The functions
//! read their inputs and write their outputs in full; none keeps a pointer. Meaning (on the curve,
//! in the subgroup, reduced) is the caller's affair.

#![allow(unsafe_code)]

use blst::{
    BLST_ERROR, blst_fp, blst_fp2, blst_fp6, blst_fp12, blst_p1, blst_p1_affine, blst_p2,
    blst_p2_affine, blst_scalar,
};

/// Bits of the group order q.
const ORDER_BITS: usize = 255;

/// Lines of a prepared point of G2.
pub(super) const LINES: usize = 68;

// - scalars modulo q

/// Reduces a big-endian number of any length modulo q.
pub(super) fn scalar_from_wide(bytes: &[u8]) -> blst_scalar {
    let mut out = blst_scalar::default();
    // SAFETY: blst reads `bytes.len()` bytes and writes 32.
    unsafe { blst::blst_scalar_from_be_bytes(&mut out, bytes.as_ptr(), bytes.len()) };
    out
}

/// Reads a big-endian number of 1..q.
pub(super) fn scalar_from_bytes(bytes: &[u8; 32]) -> Option<blst_scalar> {
    let mut out = blst_scalar::default();
    // SAFETY: blst reads and writes 32 bytes.
    unsafe { blst::blst_scalar_from_bendian(&mut out, bytes.as_ptr()) };
    // SAFETY: blst reads 32 bytes.
    unsafe { blst::blst_sk_check(&out) }.then_some(out)
}

/// Writes a scalar big-endian.
pub(super) fn scalar_to_bytes(scalar: &blst_scalar) -> [u8; 32] {
    let mut out = [0; 32];
    // SAFETY: blst reads and writes 32 bytes.
    unsafe { blst::blst_bendian_from_scalar(out.as_mut_ptr(), scalar) };
    out
}

macro_rules! scalar_operation {
    ($(#[$doc:meta])* $name:ident, $blst:ident) => {
        $(#[$doc])*
        pub(super) fn $name(a: &blst_scalar, b: &blst_scalar) -> blst_scalar {
            let mut out = blst_scalar::default();
            // SAFETY: blst reads two scalars and writes one.
            unsafe { blst::$blst(&mut out, a, b) };
            out
        }
    };
}
scalar_operation!(
    /// a + b.
    scalar_add,
    blst_sk_add_n_check
);
scalar_operation!(
    /// a - b.
    scalar_sub,
    blst_sk_sub_n_check
);
scalar_operation!(
    /// a * b.
    scalar_mul,
    blst_sk_mul_n_check
);

/// 1 / a, and 0 for 0.
pub(super) fn scalar_inverse(a: &blst_scalar) -> blst_scalar {
    let mut out = blst_scalar::default();
    // SAFETY: blst reads one scalar and writes one.
    unsafe { blst::blst_sk_inverse(&mut out, a) };
    out
}

// - the groups G1 and G2

macro_rules! group {
    ($affine:ty, $point:ty, $size:literal,
     $generator:ident, $blst_generator:ident, $mult:ident, $blst_mult:ident,
     $add:ident, $blst_add:ident, $negate:ident, $blst_cneg:ident,
     $from_affine:ident, $to_affine:ident,
     $uncompress:ident, $blst_uncompress:ident, $blst_in_group:ident, $blst_is_inf:ident,
     $compress:ident, $blst_compress:ident) => {
        /// The standard generator.
        pub(super) fn $generator() -> $affine {
            // SAFETY: blst returns the address of a constant.
            unsafe { *blst::$blst_generator() }
        }

        /// `point` times `scalar`, in constant time.
        pub(super) fn $mult(point: &$affine, scalar: &blst_scalar) -> $affine {
            let (mut base, mut product) = (<$point>::default(), <$point>::default());
            let mut out = <$affine>::default();
            // SAFETY: the scalar's 32 bytes hold the 255 bits that are read; inputs and outputs are
            // whole structures.
            unsafe {
                blst::$from_affine(&mut base, point);
                blst::$blst_mult(&mut product, &base, scalar.b.as_ptr(), ORDER_BITS);
                blst::$to_affine(&mut out, &product);
            }
            out
        }

        /// a + b, also when equal or the identity.
        pub(super) fn $add(a: &$affine, b: &$affine) -> $affine {
            let (mut left, mut sum) = (<$point>::default(), <$point>::default());
            let mut out = <$affine>::default();
            // SAFETY: inputs and outputs are whole structures.
            unsafe {
                blst::$from_affine(&mut left, a);
                blst::$blst_add(&mut sum, &left, b);
                blst::$to_affine(&mut out, &sum);
            }
            out
        }

        /// -a.
        pub(super) fn $negate(a: &$affine) -> $affine {
            let (mut point, mut out) = (<$point>::default(), <$affine>::default());
            // SAFETY: inputs and outputs are whole structures.
            unsafe {
                blst::$from_affine(&mut point, a);
                blst::$blst_cneg(&mut point, true);
                blst::$to_affine(&mut out, &point);
            }
            out
        }

        /// Reads a compressed point of the subgroup that is not the identity.
        pub(super) fn $uncompress(bytes: &[u8; $size]) -> Option<$affine> {
            let mut out = <$affine>::default();
            // SAFETY: blst reads as many bytes as a compressed point has and writes one structure.
            let read = unsafe { blst::$blst_uncompress(&mut out, bytes.as_ptr()) };
            if read != BLST_ERROR::BLST_SUCCESS {
                return None;
            }
            // SAFETY: blst reads one structure, a point on the curve.
            let good = unsafe { !blst::$blst_is_inf(&out) && blst::$blst_in_group(&out) };
            good.then_some(out)
        }

        /// Writes a point compressed.
        pub(super) fn $compress(point: &$affine) -> [u8; $size] {
            let mut out = [0; $size];
            // SAFETY: blst writes as many bytes as a compressed point has.
            unsafe { blst::$blst_compress(out.as_mut_ptr(), point) };
            out
        }
    };
}
group!(
    blst_p1_affine,
    blst_p1,
    48,
    p1_generator,
    blst_p1_affine_generator,
    p1_mult,
    blst_p1_mult,
    p1_add,
    blst_p1_add_or_double_affine,
    p1_negate,
    blst_p1_cneg,
    blst_p1_from_affine,
    blst_p1_to_affine,
    p1_uncompress,
    blst_p1_uncompress,
    blst_p1_affine_in_g1,
    blst_p1_affine_is_inf,
    p1_compress,
    blst_p1_affine_compress
);
group!(
    blst_p2_affine,
    blst_p2,
    96,
    p2_generator,
    blst_p2_affine_generator,
    p2_mult,
    blst_p2_mult,
    p2_add,
    blst_p2_add_or_double_affine,
    p2_negate,
    blst_p2_cneg,
    blst_p2_from_affine,
    blst_p2_to_affine,
    p2_uncompress,
    blst_p2_uncompress,
    blst_p2_affine_in_g2,
    blst_p2_affine_is_inf,
    p2_compress,
    blst_p2_affine_compress
);

/// RFC 9380's `hash_to_curve` to G1 (SHA-256, SSWU, random oracle).
pub(super) fn p1_hash(message: &[u8], dst: &[u8]) -> blst_p1_affine {
    let (mut point, mut out) = (blst_p1::default(), blst_p1_affine::default());
    // SAFETY: message and tag are read for the lengths given; the augmentation is empty, so its
    // address is not followed.
    unsafe {
        blst::blst_hash_to_g1(
            &mut point,
            message.as_ptr(),
            message.len(),
            dst.as_ptr(),
            dst.len(),
            std::ptr::null(),
            0,
        );
        blst::blst_p1_to_affine(&mut out, &point);
    }
    out
}

/// sum + addend in Jacobian coordinates, in constant time, also when equal or the identity (an
/// affine identity is all zeros).
pub(super) fn p1_accumulate(sum: &blst_p1, addend: &blst_p1_affine) -> blst_p1 {
    let mut out = blst_p1::default();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_p1_add_or_double_affine(&mut out, sum, addend) };
    out
}

/// The affine form of a Jacobian point.
pub(super) fn p1_to_affine(point: &blst_p1) -> blst_p1_affine {
    let mut out = blst_p1_affine::default();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_p1_to_affine(&mut out, point) };
    out
}

/// -a when `flag`, in constant time.
pub(super) fn fp_negate_if(a: &blst_fp, flag: bool) -> blst_fp {
    let mut out = blst_fp::default();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_fp_cneg(&mut out, a, flag) };
    out
}

/// -a when `flag`, in constant time.
pub(super) fn fp2_negate_if(a: &blst_fp2, flag: bool) -> blst_fp2 {
    let mut out = blst_fp2::default();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_fp2_cneg(&mut out, a, flag) };
    out
}

/// a + b.
pub(super) fn fp_add(a: &blst_fp, b: &blst_fp) -> blst_fp {
    let mut out = blst_fp::default();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_fp_add(&mut out, a, b) };
    out
}

/// Reads a big-endian number of 48 bytes, which blst reduces.
pub(super) fn fp_from_bytes(bytes: &[u8; 48]) -> blst_fp {
    let mut out = blst_fp::default();
    // SAFETY: blst reads 48 bytes.
    unsafe { blst::blst_fp_from_bendian(&mut out, bytes.as_ptr()) };
    out
}

/// Writes a number below p big-endian.
pub(super) fn fp_to_bytes(a: &blst_fp) -> [u8; 48] {
    let mut out = [0; 48];
    // SAFETY: blst writes 48 bytes.
    unsafe { blst::blst_bendian_from_fp(out.as_mut_ptr(), a) };
    out
}

// - the field of GT, and the pairing

/// Zero, which blst's `Default` is not: that is one.
pub(super) fn fp12_zero() -> blst_fp12 {
    blst_fp12 {
        fp6: [blst_fp6::default(); 2],
    }
}

/// One.
pub(super) fn fp12_one() -> blst_fp12 {
    // SAFETY: blst returns the address of a constant.
    unsafe { *blst::blst_fp12_one() }
}

/// a * b.
pub(super) fn fp12_mul(a: &blst_fp12, b: &blst_fp12) -> blst_fp12 {
    let mut out = fp12_zero();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_fp12_mul(&mut out, a, b) };
    out
}

/// a * a, for elements of the cyclotomic subgroup only.
pub(super) fn fp12_cyclotomic_square(a: &blst_fp12) -> blst_fp12 {
    let mut out = fp12_zero();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_fp12_cyclotomic_sqr(&mut out, a) };
    out
}

/// 1 / a.
pub(super) fn fp12_inverse(a: &blst_fp12) -> blst_fp12 {
    let mut out = fp12_zero();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_fp12_inverse(&mut out, a) };
    out
}

/// The conjugate over Fp6, which in the cyclotomic subgroup is 1 / a.
pub(super) fn fp12_conjugate(a: &blst_fp12) -> blst_fp12 {
    let mut out = *a;
    // SAFETY: blst changes one structure in place.
    unsafe { blst::blst_fp12_conjugate(&mut out) };
    out
}

/// a to the power p^`power`, for a power of 1, 2 or 3.
pub(super) fn fp12_frobenius(a: &blst_fp12, power: usize) -> blst_fp12 {
    let mut out = fp12_zero();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_fp12_frobenius_map(&mut out, a, power) };
    out
}

/// Equality in constant time.
pub(super) fn fp12_is_equal(a: &blst_fp12, b: &blst_fp12) -> bool {
    // SAFETY: blst reads two structures.
    unsafe { blst::blst_fp12_is_equal(a, b) }
}

/// Whether a is in GT; one is.
pub(super) fn fp12_in_group(a: &blst_fp12) -> bool {
    // SAFETY: blst reads one structure.
    unsafe { blst::blst_fp12_in_group(a) }
}

/// The Miller loop, of points that are not the identity.
pub(super) fn miller_loop(p: &blst_p1_affine, q: &blst_p2_affine) -> blst_fp12 {
    let mut out = fp12_zero();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_miller_loop(&mut out, q, p) };
    out
}

/// The lines of q, for Miller loops with the same q.
pub(super) fn prepare_lines(q: &blst_p2_affine) -> Box<[blst_fp6; LINES]> {
    let mut lines = Box::new([blst_fp6::default(); LINES]);
    // SAFETY: blst writes 68 lines.
    unsafe { blst::blst_precompute_lines(lines.as_mut_ptr(), q) };
    lines
}

/// The Miller loop with prepared lines.
pub(super) fn miller_loop_prepared(p: &blst_p1_affine, lines: &[blst_fp6; LINES]) -> blst_fp12 {
    let mut out = fp12_zero();
    // SAFETY: blst reads 68 lines.
    unsafe { blst::blst_miller_loop_lines(&mut out, lines.as_ptr(), p) };
    out
}

/// The final exponentiation.
pub(super) fn final_exponentiation(a: &blst_fp12) -> blst_fp12 {
    let mut out = fp12_zero();
    // SAFETY: inputs and outputs are whole structures.
    unsafe { blst::blst_final_exp(&mut out, a) };
    out
}

/// Whether two results of Miller loops are equal once exponentiated.
pub(super) fn final_verify(a: &blst_fp12, b: &blst_fp12) -> bool {
    // SAFETY: blst reads two structures.
    unsafe { blst::blst_fp12_finalverify(a, b) }
}
