//! Sealing of a record's bytes under its key.
//!
//! STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over XChaCha20-Poly1305, as age does it:
//!
//! ```text
//! commitment 32 | chunk 0 | chunk 1 | ... | last chunk        chunk: up to 65,536 bytes of plaintext, and a tag of 16
//! nonce 24:  0 (19) | chunk number (4, big-endian) | 1 if last, else 0
//! ```
//! Chunk key and commitment are derived from the record key and the associated data, so a ciphertext opens under one key and one associated data only. The record
//! key is used once ([`seal`] takes it), hence no random nonce.

use chacha20poly1305::{AeadInOut, Key, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Error, hash::kdf, label, pre::RecordKey};

/// Bytes of plaintext in a full chunk.
pub const CHUNK: usize = 64 * 1024;
/// Bytes of the largest plaintext.
pub const PLAINTEXT_MAX: usize = 256 * 1024 * 1024;
const TAG: usize = 16;
const COMMITMENT: usize = 32;

/// Bytes of the sealed form of `plaintext` bytes.
#[must_use]
pub const fn sealed_len(plaintext: usize) -> usize {
    COMMITMENT + plaintext + chunks(plaintext) * TAG
}

/// Seals `plaintext` under `key`, bound to `associated`. The key is used up.
#[must_use]
#[allow(
    clippy::needless_pass_by_value,
    reason = "taking the key makes it single-use"
)]
pub fn seal(key: RecordKey, associated: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let keys = Keys::derive(&key, associated);
    let mut sealed = Vec::with_capacity(sealed_len(plaintext.len()));
    sealed.extend_from_slice(&keys.commitment);
    let last = chunks(plaintext.len()) - 1;
    for number in 0..=last {
        let rest = plaintext.get(number * CHUNK..).unwrap_or_default();
        let start = sealed.len();
        sealed.extend_from_slice(rest.get(..CHUNK).unwrap_or(rest));
        let chunk = sealed.get_mut(start..).unwrap_or_default();
        let nonce = nonce(number, number == last);
        // It fails for plaintexts over 256 GiB only; a tag that does not verify is the safe answer to that.
        let tag = keys
            .aead
            .encrypt_inout_detached(&nonce, &[], chunk.into())
            .unwrap_or_default();
        sealed.extend_from_slice(&tag);
    }
    sealed
}

/// Opens what [`seal`] made under the same key and associated data.
///
/// # Errors
/// [`Error::WrongKey`] under another key or associated data, [`Error::Truncated`] when it is too short or too long to be one, [`Error::Corrupt`] names a chunk
/// that was changed, moved, or is the last and should not be.
pub fn open(
    key: &RecordKey,
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (commitment, body) = sealed
        .split_at_checked(COMMITMENT)
        .ok_or(Error::Truncated)?;
    let keys = Keys::derive(key, associated);
    if !bool::from(keys.commitment.as_slice().ct_eq(commitment)) {
        return Err(Error::WrongKey);
    }
    if body.len() > PLAINTEXT_MAX + chunks(PLAINTEXT_MAX) * TAG {
        return Err(Error::Truncated);
    }
    let mut plaintext = Zeroizing::new(Vec::with_capacity(body.len()));
    let pieces = body.chunks(CHUNK + TAG);
    let count = pieces.len();
    if count == 0 {
        return Err(Error::Truncated);
    }
    for (number, piece) in pieces.enumerate() {
        let size = piece.len().checked_sub(TAG).ok_or(Error::Truncated)?;
        // Only an empty plaintext ends in an empty chunk.
        if size == 0 && number > 0 {
            return Err(Error::Corrupt {
                chunk: number as u64,
            });
        }
        open_chunk(&keys, number, number + 1 == count, piece, &mut plaintext)?;
    }
    Ok(plaintext)
}

fn open_chunk(
    keys: &Keys,
    number: usize,
    last: bool,
    piece: &[u8],
    plaintext: &mut Vec<u8>,
) -> Result<(), Error> {
    let (data, tag) = piece.split_last_chunk::<TAG>().ok_or(Error::Truncated)?;
    let start = plaintext.len();
    plaintext.extend_from_slice(data);
    let chunk = plaintext.get_mut(start..).unwrap_or_default();
    keys.aead
        .decrypt_inout_detached(&nonce(number, last), &[], chunk.into(), &Tag::from(*tag))
        .map_err(|_| Error::Corrupt {
            chunk: number as u64,
        })
}

struct Keys {
    aead: XChaCha20Poly1305,
    commitment: [u8; COMMITMENT],
}

impl Keys {
    fn derive(key: &RecordKey, associated: &[u8]) -> Self {
        let output = kdf::<64>(label::SEAL_KEYS, key.expose(), &[associated]);
        let (key, commitment) = crate::cut::<32, 32, 64>(&output);
        let key = Zeroizing::new(key);
        Self {
            aead: XChaCha20Poly1305::new(&Key::from(*key)),
            commitment,
        }
    }
}

const fn chunks(plaintext: usize) -> usize {
    if plaintext == 0 {
        1
    } else {
        plaintext.div_ceil(CHUNK)
    }
}

fn nonce(number: usize, last: bool) -> XNonce {
    let mut nonce = [0; 24];
    // PLAINTEXT_MAX keeps the number far below 2^32.
    let number = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let [_zero @ .., n0, n1, n2, n3, flag] = &mut nonce;
    [*n0, *n1, *n2, *n3] = number;
    *flag = u8::from(last);
    XNonce::from(nonce)
}
