//! The patient's search key at one hospital: X25519 (RFC 7748), from which writer and patient agree on the keys of the search index.

use std::fmt;

use crate::Error;

/// The secret key.
#[derive(Clone)]
pub struct SearchSecret(x25519_dalek::StaticSecret);

impl SearchSecret {
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        Self(x25519_dalek::StaticSecret::from(seed))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> SearchPublic {
        SearchPublic(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }
}

impl fmt::Debug for SearchSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchSecret(32 bytes)")
    }
}

/// The public key. 32 bytes; never of small order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchPublic([u8; 32]);

impl SearchPublic {
    /// Bytes of the encoding.
    pub const SIZE: usize = 32;

    /// Its bytes.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] when they are of small order or not reduced.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        const REFUSED: Error = Error::Encoding { what: "search key" };
        // Whatever the scalar, a point of small order leads to zero.
        let probe = x25519_dalek::x25519([1; 32], *bytes);
        if probe == [0; 32] || !reduced(bytes) {
            Err(REFUSED)
        } else {
            Ok(Self(*bytes))
        }
    }
}

/// Whether a little-endian number is below 2^255 - 19.
fn reduced(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    let all_ones = *high == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    *high <= 0x7f && !(all_ones && *low >= 0xed)
}
