//! The cryptography of Yilian: small modules, each one construction, over safe types for BLS12-381.
//!
//! | module | construction |
//! |---|---|
//! | [`pre`] | conditional AFGH proxy re-encryption as a KEM |
//! | [`seal`] | STREAM over XChaCha20-Poly1305 with key commitment |
//! | [`pseudonym`] | pseudonyms of visits, signatures under them, identity escrow |
//! | [`seed`] | seed words and labelled derivation of every key |
//! | [`sign`] | Ed25519 over labelled hashes |
//! | [`search`] | keys of the search index |
//! | [`scope`] | the unit of a grant |
//! | [`hash`], [`label`] | hashing, key derivation, domain separation |
//! | [`bls`] | groups and pairing; the only unsafe code |
//!
//! **Warning:** nobody outside this project has reviewed this code yet.

#![deny(unsafe_code)]

pub mod bls;
mod error;
pub mod hash;
pub mod label;
pub mod pre;
pub mod pseudonym;
pub mod scope;
pub mod seal;
pub mod search;
pub mod seed;
pub mod sign;

pub use error::Error;

/// `left` followed by `right`.
fn join<const L: usize, const R: usize, const N: usize>(
    left: &[u8; L],
    right: &[u8; R],
) -> [u8; N] {
    const { assert!(L + R == N, "the sizes add up") };
    let mut whole = [0; N];
    for (byte, value) in whole.iter_mut().zip(left.iter().chain(right)) {
        *byte = *value;
    }
    whole
}

/// The first `L` and the last `R` bytes of `whole`.
fn cut<const L: usize, const R: usize, const N: usize>(whole: &[u8; N]) -> ([u8; L], [u8; R]) {
    const { assert!(L + R == N, "the sizes add up") };
    let (mut left, mut right) = ([0; L], [0; R]);
    for (byte, value) in left.iter_mut().chain(&mut right).zip(whole) {
        *byte = *value;
    }
    (left, right)
}
