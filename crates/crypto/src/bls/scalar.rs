//! Scalars modulo the group order q.

use blst::blst_scalar;
use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::ffi;
use crate::{
    Error,
    encoding::debug_secret,
    hash::{hash_wide, kdf},
    label::{self, Label},
};

/// A number modulo q, secret unless somebody publishes its bytes. Zeroised when dropped (by blst's
/// own type).
#[derive(Clone)]
pub struct Scalar(pub(super) blst_scalar);

impl Scalar {
    /// Bytes of the encoding.
    pub const SIZE: usize = 32;

    /// A uniform scalar of 1..q, from 64 random bytes.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        loop {
            let mut bytes = Zeroizing::new([0; 64]);
            rng.fill_bytes(bytes.as_mut_slice());
            if let Some(scalar) = Self::from_wide(&bytes) {
                return scalar;
            }
        }
    }

    /// A scalar of 1..q by [`kdf`], from 64 bytes of it.
    #[must_use]
    pub fn derive(label: Label, secret: &[u8], parts: &[&[u8]]) -> Self {
        nonzero(|suffix| {
            let parts: Vec<&[u8]> = parts.iter().copied().chain(suffix).collect();
            kdf::<64>(label, secret, &parts)
        })
    }

    /// A nonce for `purpose` that stays secret, and differs from message to message, as long as the
    /// randomness is good *or* `secret` is secret: derived from both and from all that it is used
    /// for. So a generator that repeats itself gives no key away.
    #[must_use]
    pub(crate) fn hedged(
        purpose: Label,
        secret: &[u8],
        parts: &[&[u8]],
        rng: &mut impl CryptoRng,
    ) -> Self {
        let mut input = Zeroizing::new(vec![0; 32 + secret.len()]);
        let (drawn, kept) = input.split_at_mut(32);
        rng.fill_bytes(drawn);
        kept.copy_from_slice(secret);
        let purpose = purpose.as_str().as_bytes();
        let parts: Vec<&[u8]> = std::iter::once(purpose)
            .chain(parts.iter().copied())
            .collect();
        Self::derive(label::NONCE, &input, &parts)
    }

    /// 64 bytes as a big-endian number modulo q; `None` when that is zero.
    fn from_wide(bytes: &[u8; 64]) -> Option<Self> {
        let scalar = Self(ffi::scalar_from_wide(bytes));
        (!scalar.is_zero()).then_some(scalar)
    }

    /// A small number.
    #[must_use]
    pub fn small(number: core::num::NonZeroU8) -> Self {
        let mut wide = [0; 64];
        wide[63] = number.get();
        Self(ffi::scalar_from_wide(&wide))
    }

    /// -self.
    #[must_use]
    pub fn negate(&self) -> Self {
        self.sub(self).sub(self)
    }

    /// The big-endian encoding. Of a secret, handle with care.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        ffi::scalar_to_bytes(&self.0)
    }

    /// Reads a big-endian number of 1..q.
    ///
    /// # Errors
    /// [`Error::Encoding`] for zero, and from q on.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let scalar = ffi::scalar_from_bytes(bytes);
        scalar.map(Self).ok_or(Error::Encoding {
            what: "scalar (32 bytes)",
        })
    }

    /// self + other.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        Self(ffi::scalar_add(&self.0, &other.0))
    }

    /// self - other.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        Self(ffi::scalar_sub(&self.0, &other.0))
    }

    /// self * other.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Self {
        Self(ffi::scalar_mul(&self.0, &other.0))
    }

    /// 1 / self; `None` for zero.
    #[must_use]
    pub fn invert(&self) -> Option<Self> {
        (!self.is_zero()).then(|| self.invert_or_zero())
    }

    /// 1 / self, and 0 for 0.
    pub(crate) fn invert_or_zero(&self) -> Self {
        Self(ffi::scalar_inverse(&self.0))
    }

    /// Whether this is zero, which no decoded, drawn or derived scalar is.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.b.ct_eq(&[0; Self::SIZE]).into()
    }

    /// The four digits d of self = d0 + d1 |x| + d2 |x|^2 + d3 |x|^3, x the curve's parameter, in
    /// constant time.
    pub(super) fn digits(&self) -> Zeroizing<[u64; 4]> {
        let mut rest = Zeroizing::new([0u64; 4]);
        for (limb, bytes) in rest.iter_mut().zip(self.0.b.as_chunks::<8>().0) {
            *limb = u64::from_le_bytes(*bytes);
        }
        let mut digits = Zeroizing::new([0; 4]);
        for digit in digits.iter_mut() {
            *digit = divide(&mut rest, PARAMETER);
        }
        digits
    }

    /// The bits from `at` on, `count` of at most 8, little-endian.
    pub(super) fn window(&self, at: usize, count: usize) -> u64 {
        let byte = |place| u64::from(self.0.b.get(place).copied().unwrap_or(0));
        let pair = byte(at / 8) | byte(at / 8 + 1) << 8;
        (pair >> (at % 8)) & ((1 << count) - 1)
    }
}

impl ConstantTimeEq for Scalar {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.b.ct_eq(&other.0.b)
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Scalar {}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "Scalar", Self::SIZE)
    }
}

/// A scalar of 1..q from a random oracle: the extended output of [`crate::hash::hash`], 64 bytes
/// modulo q.
#[must_use]
pub fn hash_to_scalar(label: Label, parts: &[&[u8]]) -> Scalar {
    nonzero(|suffix| {
        let parts: Vec<&[u8]> = parts.iter().copied().chain(suffix).collect();
        Zeroizing::new(hash_wide(label, &parts))
    })
}

/// The scalar of `wide(None)`, or should that be zero (once in 2^255) of `wide("again")`, one
/// `again` longer each time.
fn nonzero(wide: impl Fn(Option<&'static [u8]>) -> Zeroizing<[u8; 64]>) -> Scalar {
    Scalar::from_wide(&wide(None)).unwrap_or_else(|| {
        // Zero twice happens once in 2^510; then one is as good as any.
        Scalar::from_wide(&wide(Some(b"again"))).unwrap_or_else(one)
    })
}

fn one() -> Scalar {
    Scalar(ffi::scalar_from_wide(&[1]))
}

/// Divides `number` (little-endian limbs) by `divisor` in place and returns the remainder; 256
/// equal steps whatever the number.
fn divide(number: &mut [u64; 4], divisor: u64) -> u64 {
    let mut remainder = 0u64;
    for limb in number.iter_mut().rev() {
        for bit in (0..64).rev() {
            let carry = remainder >> 63;
            remainder = remainder << 1 | (*limb >> bit) & 1;
            let (difference, borrow) = remainder.overflowing_sub(divisor);
            let fits = std::hint::black_box(carry | u64::from(!borrow));
            remainder ^= (remainder ^ difference) & fits.wrapping_neg();
            *limb = *limb & !(1 << bit) | fits << bit;
        }
    }
    remainder
}

/// |x| of BLS12-381; x itself is negative.
const PARAMETER: u64 = 0xd201_0000_0001_0000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalars() -> impl Strategy<Value = Scalar> {
        proptest::collection::vec(any::<u8>(), 64).prop_filter_map("zero", |bytes| {
            Scalar::from_wide(bytes.as_slice().try_into().ok()?)
        })
    }

    proptest! {
        #[test]
        fn digits_add_up(scalar in scalars()) {
            let base = Scalar(ffi::scalar_from_wide(&PARAMETER.to_be_bytes()));
            let zero = Scalar(blst_scalar::default());
            let sum = scalar.digits().iter().rev().fold(zero, |sum, digit| {
                assert!(*digit < PARAMETER);
                sum.mul(&base).add(&Scalar(ffi::scalar_from_wide(&digit.to_be_bytes())))
            });
            prop_assert_eq!(sum, scalar);
        }

        #[test]
        fn windows_are_the_bits(scalar in scalars(), at in 0usize..256, count in 1usize..=8) {
            let bytes = scalar.to_bytes();
            let set = |place: usize| bytes[31 - place / 8] >> (place % 8) & 1 == 1;
            let bit = |place: usize| u64::from(place < 256 && set(place));
            let bits = (0..count).map(|place| bit(at + place) << place).sum::<u64>();
            prop_assert_eq!(scalar.window(at, count), bits);
        }

        #[test]
        fn an_inverse_inverts(a in scalars(), b in scalars()) {
            prop_assert_eq!(a.mul(&a.invert().unwrap()).mul(&b), b.clone());
            prop_assert_eq!(a.add(&b).sub(&b), a);
        }

        #[test]
        fn division_is_division(number in any::<u128>(), divisor in 1u64..) {
            let mut limbs = [number as u64, (number >> 64) as u64, 0, 0];
            let remainder = divide(&mut limbs, divisor);
            let quotient = number / u128::from(divisor);
            prop_assert_eq!(limbs, [quotient as u64, (quotient >> 64) as u64, 0, 0]);
            prop_assert_eq!(u128::from(remainder), number % u128::from(divisor));
        }
    }

    #[test]
    fn zero_and_the_order_are_no_scalars() {
        let order = hex::decode("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001")
            .unwrap();
        let order: [u8; 32] = order.try_into().unwrap();
        let mut below = order;
        below[31] = 0;
        assert!(Scalar::from_bytes(&[0; 32]).is_err());
        assert!(Scalar::from_bytes(&order).is_err());
        assert!(Scalar::from_bytes(&[0xff; 32]).is_err());
        assert_eq!(
            Scalar::from_bytes(&below).unwrap().add(&one()).invert(),
            None
        );
        assert!(Scalar::from_wide(&[0; 64]).is_none());
        let mut wide = [0; 64];
        wide[32..].copy_from_slice(&order);
        assert!(Scalar::from_wide(&wide).is_none());
    }

    #[test]
    fn a_zero_is_derived_again() {
        let zero_once =
            |suffix: Option<&'static [u8]>| Zeroizing::new([u8::from(suffix.is_some()); 64]);
        assert_eq!(
            nonzero(zero_once).to_bytes(),
            Scalar::from_wide(&[1; 64]).unwrap().to_bytes()
        );
        assert_eq!(nonzero(|_| Zeroizing::new([0; 64])), one());
    }
}
