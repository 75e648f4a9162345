//! Powers of fixed bases from tables, in constant time.
//!
//! The scalar is written in signed digits of [`WINDOW`] bits: for each window the table holds the
//! base's multiples 1 to 2^(WINDOW-1), so a power costs one addition a window and no doubling.
//! Every look-up reads the window's whole row and keeps one entry by masking; the sign is applied
//! by masking too.

use blst::{blst_fp, blst_fp12, blst_p1, blst_p1_affine};
use subtle::ConstantTimeEq;

use super::{ffi, scalar::Scalar};

/// Bits of a digit. At 6 the top window has 3 bits of the scalar, so the last carry is always taken
/// up.
const WINDOW: usize = 6;
/// Windows of a scalar of 255 bits.
const WINDOWS: usize = 255_usize.div_ceil(WINDOW);
/// Entries of a row: absolute values of digits but zero.
const ENTRIES: usize = 1 << (WINDOW - 1);

const P1_WORDS: usize = 12;
const FP12_WORDS: usize = 72;

/// Multiples of a point of G1, 132 KiB.
pub(super) struct G1Comb(Vec<[[u64; P1_WORDS]; ENTRIES]>);

impl G1Comb {
    pub(super) fn new(base: &blst_p1_affine) -> Self {
        let mut base = *base;
        let rows = (0..WINDOWS).map(|_| {
            let mut multiple = blst_p1_affine::default();
            let row = std::array::from_fn(|_| {
                multiple = ffi::p1_add(&multiple, &base);
                p1_to_words(&multiple)
            });
            base = ffi::p1_add(&multiple, &multiple);
            row
        });
        Self(rows.collect())
    }

    pub(super) fn mul(&self, scalar: &Scalar) -> blst_p1_affine {
        let mut sum = blst_p1::default();
        for (row, digit) in self.0.iter().zip(digits(scalar)) {
            let mut entry = p1_from_words(&select(row, digit.size));
            entry.y = ffi::fp_negate_if(&entry.y, digit.negative);
            sum = ffi::p1_accumulate(&sum, &entry);
        }
        ffi::p1_to_affine(&sum)
    }
}

/// Powers of an element of GT, 774 KiB.
pub(super) struct GtComb(Vec<[[u64; FP12_WORDS]; ENTRIES]>);

impl GtComb {
    pub(super) fn new(base: &blst_fp12) -> Self {
        let mut base = *base;
        let rows = (0..WINDOWS).map(|_| {
            let mut power = ffi::fp12_one();
            let row = std::array::from_fn(|_| {
                power = ffi::fp12_mul(&power, &base);
                fp12_to_words(&power)
            });
            base = ffi::fp12_mul(&power, &power);
            row
        });
        Self(rows.collect())
    }

    pub(super) fn pow(&self, scalar: &Scalar) -> blst_fp12 {
        let one = fp12_to_words(&ffi::fp12_one());
        let mut product = ffi::fp12_one();
        for (row, digit) in self.0.iter().zip(digits(scalar)) {
            let mut words = select(row, digit.size);
            let zero = mask(digit.size, 0);
            words
                .iter_mut()
                .zip(one)
                .for_each(|(word, one)| *word |= one & zero);
            let mut entry = fp12_from_words(&words);
            let [_, imaginary] = &mut entry.fp6;
            for part in &mut imaginary.fp2 {
                *part = ffi::fp2_negate_if(part, digit.negative);
            }
            product = ffi::fp12_mul(&product, &entry);
        }
        product
    }
}

/// The entry of `row` at `size`, counted from 1; zeros for 0. Reads all of the row.
fn select<const WORDS: usize>(row: &[[u64; WORDS]], size: u64) -> [u64; WORDS] {
    let mut out = [0; WORDS];
    for (place, entry) in (1u64..).zip(row) {
        let mask = mask(size, place);
        out.iter_mut()
            .zip(entry)
            .for_each(|(out, word)| *out |= word & mask);
    }
    out
}

/// All ones when equal, else zero.
fn mask(a: u64, b: u64) -> u64 {
    u64::from(a.ct_eq(&b).unwrap_u8()).wrapping_neg()
}

/// One of the 16 entries of `table`, reading all of it.
pub(super) fn select_fp12(table: &[[u64; FP12_WORDS]], index: u64) -> blst_fp12 {
    fp12_from_words(&select(table, index + 1))
}

struct Digit {
    /// 0 to 2^(WINDOW-1).
    size: u64,
    negative: bool,
}

/// The signed digits of `scalar`, from the lowest.
fn digits(scalar: &Scalar) -> impl Iterator<Item = Digit> {
    let mut carry = 0;
    (0..WINDOWS).map(move |window| {
        let value = scalar.window(window * WINDOW, WINDOW) + carry;
        // 1 when the value is over half: then it is written as value - 2^WINDOW and one is carried.
        carry = std::hint::black_box((ENTRIES as u64).wrapping_sub(value) >> 63);
        let sign = carry.wrapping_neg();
        let size = (value.wrapping_sub(carry << WINDOW) ^ sign).wrapping_sub(sign);
        Digit {
            size,
            negative: carry == 1,
        }
    })
}

fn p1_to_words(point: &blst_p1_affine) -> [u64; P1_WORDS] {
    words([&point.x, &point.y].into_iter())
}

fn p1_from_words(words: &[u64; P1_WORDS]) -> blst_p1_affine {
    let mut out = blst_p1_affine::default();
    fill([&mut out.x, &mut out.y].into_iter(), words);
    out
}

/// An element of the field of GT as the words of its twelve coordinates.
pub(super) fn fp12_to_words(a: &blst_fp12) -> [u64; FP12_WORDS] {
    words(
        a.fp6
            .iter()
            .flat_map(|fp6| &fp6.fp2)
            .flat_map(|fp2| &fp2.fp),
    )
}

fn fp12_from_words(words: &[u64; FP12_WORDS]) -> blst_fp12 {
    let mut out = ffi::fp12_zero();
    let coordinates = out
        .fp6
        .iter_mut()
        .flat_map(|fp6| &mut fp6.fp2)
        .flat_map(|fp2| &mut fp2.fp);
    fill(coordinates, words);
    out
}

fn words<'a, const WORDS: usize>(numbers: impl Iterator<Item = &'a blst_fp>) -> [u64; WORDS] {
    let mut out = [0; WORDS];
    out.as_chunks_mut::<6>()
        .0
        .iter_mut()
        .zip(numbers)
        .for_each(|(out, number)| *out = number.l);
    out
}

fn fill<'a, const WORDS: usize>(
    numbers: impl Iterator<Item = &'a mut blst_fp>,
    words: &[u64; WORDS],
) {
    numbers
        .zip(words.as_chunks::<6>().0)
        .for_each(|(number, words)| number.l = *words);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bls::{G1, G2, Gt, pairing};

    fn check(scalar: &Scalar) {
        assert_eq!(G1::power_of_generator(scalar), G1::generator().mul(scalar));
        let z = pairing(&G1::generator(), &G2::generator());
        assert_eq!(Gt::power_of_generator(scalar), z.pow(scalar));
        assert_eq!(
            z.pow(scalar),
            pairing(&G1::generator().mul(scalar), &G2::generator())
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn tables_agree_with_multiplication(bytes in any::<[u8; 32]>(), clear in 0usize..32) {
            let mut bytes = bytes;
            bytes[0] &= 0x3f;
            bytes[..clear].fill(0);
            prop_assume!(bytes != [0; 32]);
            check(&Scalar::from_bytes(&bytes).unwrap());
        }
    }

    #[test]
    fn tables_agree_at_the_edges_of_windows() {
        let one = Scalar::from_bytes(&std::array::from_fn(|place| u8::from(place == 31))).unwrap();
        let minus_one = one.sub(&one).sub(&one);
        let mut power = one.clone();
        for _ in 0..255 {
            check(&power);
            power = power.add(&power);
        }
        check(&minus_one);
        check(&minus_one.sub(&one));
        check(&Scalar::from_bytes(&[0x55; 32]).unwrap());
    }
}
