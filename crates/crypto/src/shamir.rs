//! A scope's secret shared among n key holders, of whom k together have it: for emergencies, when
//! nobody has a letter with it (docs/PROTOCOL.md 3.5).
//!
//! Shamir's scheme (1979), byte by byte over GF(2^8) with the polynomial of AES (FIPS 197, 4.2):
//! ```text
//! share i = s + c_1 i + .. + c_{k-1} i^{k-1}        32 bytes; c_j random, i the holder's number
//! s       = sum of share i * prod j / (j - i)       over the k holders i, and the others j
//! ```
//! Fewer than k shares tell nothing of the secret, however long one computes: the coefficients are
//! drawn, not derived from anything. Multiplication has no branch and no table, so that time and
//! addresses tell nothing either. Nothing here checks a share: who dealt signs each.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    Error,
    pre::{HOLDERS_MAX, HolderIndex},
    psk::{ScopePsk, SecretShare},
};

/// Shares `secret` among `count` holders, any `threshold` of whom suffice; the shares in the order
/// of their holders.
///
/// # Errors
/// [`Error::Threshold`] unless 1 <= threshold <= count <= [`HOLDERS_MAX`].
pub fn split(
    secret: &ScopePsk,
    threshold: usize,
    count: usize,
    rng: &mut impl CryptoRng,
) -> Result<Vec<SecretShare>, Error> {
    if threshold == 0 || threshold > count || count > HOLDERS_MAX {
        return Err(Error::Threshold);
    }
    let drawn = (1..threshold).map(|_| {
        let mut coefficient = Zeroizing::new([0; 32]);
        rng.fill_bytes(coefficient.as_mut_slice());
        coefficient
    });
    let coefficients: Vec<Zeroizing<[u8; 32]>> = drawn.collect();
    let share = |place| {
        let index = HolderIndex::at(place)?.get();
        let mut share = Zeroizing::new([0; 32]);
        // Horner's rule, the highest coefficient first and the secret last.
        for coefficient in coefficients
            .iter()
            .rev()
            .map(|c| &**c)
            .chain([secret.expose()])
        {
            for (byte, coefficient) in share.iter_mut().zip(coefficient) {
                *byte = multiply(*byte, index) ^ coefficient;
            }
        }
        Some(SecretShare::from_bytes(*share))
    };
    Ok((0..count).filter_map(share).collect())
}

/// Puts the shares of different holders together; as many as the threshold are needed, and more do
/// no harm. With fewer, or a wrong one, the result is a secret that opens nothing.
///
/// # Errors
/// [`Error::Threshold`] when there is none, or two are of one holder.
pub fn join(shares: &[(HolderIndex, &SecretShare)]) -> Result<ScopePsk, Error> {
    let mut secret = Zeroizing::new([0; 32]);
    for (index, share) in shares {
        let mut coefficient = 1;
        for (other, _) in shares {
            if other == index {
                continue;
            }
            let difference = other.get() ^ index.get();
            coefficient = multiply(coefficient, multiply(other.get(), inverse(difference)));
        }
        if shares.iter().filter(|(other, _)| other == index).count() != 1 {
            return Err(Error::Threshold);
        }
        for (byte, share) in secret.iter_mut().zip(share.expose()) {
            *byte ^= multiply(*share, coefficient);
        }
    }
    if shares.is_empty() {
        return Err(Error::Threshold);
    }
    Ok(ScopePsk::from_bytes(*secret))
}

/// a b modulo x^8 + x^4 + x^3 + x + 1: eight equal steps whatever the numbers.
fn multiply(a: u8, b: u8) -> u8 {
    let (mut shifted, mut product) = (a, 0);
    for bit in 0..8 {
        product ^= shifted & (b >> bit & 1).wrapping_neg();
        shifted = shifted << 1 ^ 0x1b & (shifted >> 7).wrapping_neg();
    }
    product
}

/// a^254, which is 1 / a, and 0 for 0.
fn inverse(a: u8) -> u8 {
    // a^2 a^4 .. a^128: the bits of 254.
    let (mut square, mut product) = (a, 1);
    for _ in 1..8 {
        square = multiply(square, square);
        product = multiply(product, square);
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked examples of FIPS 197: 57 * 83 = c1, 57 * 13 = fe, and 53 and ca as inverses.
    #[test]
    fn multiplication_is_that_of_aes() {
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        assert_eq!(inverse(0x53), 0xca);
        for a in 0..=255 {
            assert_eq!(multiply(a, inverse(a)), u8::from(a != 0));
            assert_eq!((multiply(a, 1), multiply(1, a)), (a, a));
        }
    }

    fn index(place: usize) -> HolderIndex {
        HolderIndex::at(place).unwrap()
    }

    #[test]
    fn any_k_of_n_have_the_secret_and_fewer_have_not() {
        let rng = &mut rand::rng();
        let secret = ScopePsk::from_bytes([0xa5; 32]);
        for (threshold, count) in [(1, 1), (1, 3), (2, 3), (3, 5), (32, 32)] {
            let shares = split(&secret, threshold, count, rng).unwrap();
            assert_eq!(shares.len(), count);
            for first in 0..=count - threshold {
                let some: Vec<_> = (first..first + threshold)
                    .rev()
                    .map(|place| (index(place), &shares[place]))
                    .collect();
                assert_eq!(join(&some).unwrap(), secret);
                if threshold > 1 {
                    assert_ne!(join(&some[1..]).unwrap(), secret);
                }
            }
            let all = shares.iter().enumerate();
            let all: Vec<_> = all.map(|(place, share)| (index(place), share)).collect();
            assert_eq!(join(&all).unwrap(), secret);
        }
    }

    /// For every secret there is a polynomial through the shares of one holder too few: they fit
    /// each secret equally well.
    #[test]
    fn one_holder_too_few_has_shares_that_fit_every_secret() {
        let rng = &mut rand::rng();
        let shares = split(&ScopePsk::from_bytes([1; 32]), 3, 5, rng).unwrap();
        for guess in [[0; 32], [1; 32], [0xff; 32]] {
            // The share of a third holder with which the two give the guess.
            let known = [(index(0), &shares[0]), (index(3), &shares[3])];
            let fitting = (0..=255_u8).map(|byte| {
                let third = SecretShare::from_bytes([byte; 32]);
                let three = [known[0], known[1], (index(4), &third)];
                *join(&three).unwrap().expose()
            });
            let fitting: Vec<[u8; 32]> = fitting.collect();
            for place in 0..32 {
                let fits = fitting
                    .iter()
                    .filter(|secret| secret[place] == guess[place]);
                assert_eq!(fits.count(), 1);
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let rng = &mut rand::rng();
        let secret = ScopePsk::from_bytes([1; 32]);
        for (threshold, count) in [(0, 3), (4, 3), (1, HOLDERS_MAX + 1), (0, 0)] {
            assert_eq!(
                split(&secret, threshold, count, rng).err(),
                Some(Error::Threshold)
            );
        }
        let shares = split(&secret, 2, 3, rng).unwrap();
        assert_eq!(join(&[]).err(), Some(Error::Threshold));
        let twice = [(index(0), &shares[0]), (index(0), &shares[1])];
        assert_eq!(join(&twice).err(), Some(Error::Threshold));
    }
}
