//! The suite: one number in every sealed thing, for all the algorithms that lead to its plaintext.
//!
//! Suite 2: capsules of [`crate::pre`] on BLS12-381 with a scope secret, messages to certified keys
//! under X-Wing, HKDF-SHA-256, BLAKE3, STREAM over XChaCha20-Poly1305 with a key commitment,
//! and Argon2id for passphrases.
//! Suite 1 was without scope secrets; nothing of it is opened any more.

use crate::Error;

/// The number of the suite that is written, and the only one that is read.
pub const SUITE: u8 = 2;

/// Refuses every other number.
///
/// # Errors
/// [`Error::Suite`] names the one found.
pub const fn check(found: u8) -> Result<(), Error> {
    if found == SUITE {
        Ok(())
    } else {
        Err(Error::Suite { found })
    }
}

/// The bytes behind the number that a sealed thing begins with.
///
/// # Errors
/// [`Error::Truncated`] for no bytes, [`Error::Suite`] for another number.
pub fn strip(sealed: &[u8]) -> Result<&[u8], Error> {
    let (found, rest) = sealed.split_first().ok_or(Error::Truncated)?;
    check(*found).map(|()| rest)
}
