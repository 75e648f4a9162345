//! The target group GT and the pairing.

use std::sync::OnceLock;

use blst::{blst_fp6, blst_fp12};
use zeroize::{Zeroize, Zeroizing};

use super::{
    comb::{GtComb, fp12_to_words, select_fp12},
    ffi,
    point::{G1, G2, PreparedG2},
    scalar::Scalar,
};
use crate::{Error, encoding::debug_secret};

/// An element of GT, secret unless somebody publishes its bytes. Zeroised when dropped; compared in
/// constant time.
#[derive(Clone)]
pub struct Gt(blst_fp12);

impl Gt {
    /// Bytes of the compressed encoding.
    pub const SIZE: usize = 288;
    /// Bytes of the plain coordinates.
    pub const PLAIN_SIZE: usize = 576;

    /// Z^scalar for Z = e(g, h), in constant time; the first call makes a table of 774 KiB.
    #[must_use]
    pub fn power_of_generator(scalar: &Scalar) -> Self {
        static COMB: OnceLock<GtComb> = OnceLock::new();
        let comb =
            COMB.get_or_init(|| GtComb::new(&PreparedG2::generator().pairing(&G1::generator()).0));
        Self(comb.pow(scalar))
    }

    /// self^scalar, in constant time.
    ///
    /// The scalar's digits to base |x| are taken together, one bit of each a step, since the p-th
    /// power of an element of GT is its x-th power (Galbraith and Scott 2008): 64 squarings instead
    /// of 255.
    #[must_use]
    pub fn pow(&self, scalar: &Scalar) -> Self {
        let digits = scalar.digits();
        let table = self.products_of_frobenius_powers();
        let mut power = ffi::fp12_one();
        for bit in (0..64).rev() {
            let index = digits
                .iter()
                .rev()
                .fold(0, |index, digit| index << 1 | (digit >> bit) & 1);
            power = ffi::fp12_cyclotomic_square(&power);
            power = ffi::fp12_mul(&power, &select_fp12(&table, index));
        }
        Self(power)
    }

    /// For each set of powers |x|^0 .. |x|^3, numbered by its bits, the product of self to them.
    fn products_of_frobenius_powers(&self) -> [[u64; 72]; 16] {
        // x is negative, so the odd powers of |x| are conjugates.
        let powers = [
            self.0,
            ffi::fp12_conjugate(&ffi::fp12_frobenius(&self.0, 1)),
            ffi::fp12_frobenius(&self.0, 2),
            ffi::fp12_conjugate(&ffi::fp12_frobenius(&self.0, 3)),
        ];
        let mut products = vec![ffi::fp12_one()];
        for power in &powers {
            let with: Vec<_> = products
                .iter()
                .map(|product| ffi::fp12_mul(product, power))
                .collect();
            products.extend(with);
        }
        let mut table = [[0; 72]; 16];
        table
            .iter_mut()
            .zip(&products)
            .for_each(|(entry, product)| *entry = fp12_to_words(product));
        table
    }

    /// self * other.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Self {
        Self(ffi::fp12_mul(&self.0, &other.0))
    }

    /// 1 / self.
    #[must_use]
    pub fn invert(&self) -> Self {
        Self(ffi::fp12_conjugate(&self.0))
    }

    /// Compresses by the torus map (Rubin and Silverberg 2003): c0 + c1 w becomes q = (1 + c0) / c1
    /// of Fp6, written as six big-endian numbers below p, of 48 bytes each: q00 q01 q10 q11 q20
    /// q21, where q = sum (qi0 + qi1 u) v^i. The identity, which has no such q, becomes zeros,
    /// which no decoder accepts.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let [real, imaginary] = self.0.fp6;
        let zero = blst_fp6::default();
        let mut numerator = blst_fp12 { fp6: [real, zero] };
        add_one(&mut numerator);
        let denominator = ffi::fp12_inverse(&blst_fp12 {
            fp6: [imaginary, zero],
        });
        let [quotient, _] = ffi::fp12_mul(&numerator, &denominator).fp6;
        let mut out = [0; Self::SIZE];
        write(&quotient, &mut out);
        out
    }

    /// Reads the compressed encoding of an element of GT that is not the identity.
    ///
    /// # Errors
    /// [`Error::Encoding`] for a coordinate from p on, and for what is not of order q.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let refused = Error::Encoding {
            what: "element of GT (288 bytes)",
        };
        let mut quotient = blst_fp6::default();
        let coordinates = quotient.fp2.iter_mut().flat_map(|fp2| &mut fp2.fp);
        for (coordinate, bytes) in coordinates.zip(bytes.as_chunks::<48>().0) {
            *coordinate = ffi::fp_from_bytes(bytes);
            if ffi::fp_to_bytes(coordinate) != *bytes {
                return Err(refused);
            }
        }
        // (q + w) / (q - w); q is not +-w, as w is not in Fp6.
        let [one, _] = ffi::fp12_one().fp6;
        let numerator = blst_fp12 {
            fp6: [quotient, one],
        };
        let inverse = ffi::fp12_inverse(&ffi::fp12_conjugate(&numerator));
        let element = ffi::fp12_mul(&numerator, &inverse);
        ffi::fp12_in_group(&element)
            .then_some(Self(element))
            .ok_or(refused)
    }

    /// The twelve coordinates, big-endian, 48 bytes each, for key derivation: c0 then c1, each in
    /// the order of [`Gt::to_bytes`].
    #[must_use]
    pub fn to_plain_bytes(&self) -> Zeroizing<[u8; Self::PLAIN_SIZE]> {
        let mut out = Zeroizing::new([0; Self::PLAIN_SIZE]);
        let (halves, _) = out.as_chunks_mut::<{ Self::SIZE }>();
        self.0
            .fp6
            .iter()
            .zip(halves)
            .for_each(|(half, out)| write(half, out));
        out
    }
}

impl Drop for Gt {
    fn drop(&mut self) {
        let coordinates = self
            .0
            .fp6
            .iter_mut()
            .flat_map(|fp6| &mut fp6.fp2)
            .flat_map(|fp2| &mut fp2.fp);
        coordinates.for_each(|coordinate| coordinate.l.zeroize());
    }
}

impl PartialEq for Gt {
    fn eq(&self, other: &Self) -> bool {
        ffi::fp12_is_equal(&self.0, &other.0)
    }
}

impl Eq for Gt {}

impl std::fmt::Debug for Gt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "Gt", Self::PLAIN_SIZE)
    }
}

/// e(p, q).
#[must_use]
pub fn pairing(p: &G1, q: &G2) -> Gt {
    Gt(ffi::final_exponentiation(&ffi::miller_loop(&p.0, &q.0)))
}

/// The product of e(p, q) over all pairs, with one final exponentiation.
#[must_use]
pub(crate) fn multi_pairing(pairs: &[(&G1, &G2)]) -> Gt {
    let product = pairs.iter().fold(ffi::fp12_one(), |product, (p, q)| {
        ffi::fp12_mul(&product, &ffi::miller_loop(&p.0, &q.0))
    });
    Gt(ffi::final_exponentiation(&product))
}

/// Whether e(a) = e(b), with one final exponentiation.
#[must_use]
pub fn pairings_equal(a: (&G1, &G2), b: (&G1, &G2)) -> bool {
    let [a, b] = [a, b].map(|(p, q)| ffi::miller_loop(&p.0, &q.0));
    ffi::final_verify(&a, &b)
}

impl PreparedG2 {
    /// e(p, self).
    #[must_use]
    pub fn pairing(&self, p: &G1) -> Gt {
        Gt(ffi::final_exponentiation(&ffi::miller_loop_prepared(
            &p.0, &self.0,
        )))
    }
}

fn add_one(a: &mut blst_fp12) {
    let ([a, _], [one, _]) = (&mut a.fp6, ffi::fp12_one().fp6);
    let ([a, ..], [one, ..]) = (&mut a.fp2, one.fp2);
    let ([a, _], [one, _]) = (&mut a.fp, one.fp);
    *a = ffi::fp_add(a, &one);
}

fn write(a: &blst_fp6, out: &mut [u8; Gt::SIZE]) {
    let coordinates = a.fp2.iter().flat_map(|fp2| &fp2.fp);
    for (coordinate, out) in coordinates.zip(out.as_chunks_mut::<48>().0) {
        *out = ffi::fp_to_bytes(coordinate);
    }
}
