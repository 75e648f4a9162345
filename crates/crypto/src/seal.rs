//! Seals: a message of any length encrypted under a record's key, in chunks that can neither be moved nor left out.
//!
//! STREAM (Hoang, Reyhanitabar, Rogaway and Vizár 2015) over XChaCha20-Poly1305 in the manner of age, with a key commitment in front (Albertini and others 2022).
//! ```text
//! commitment = HKDF(key, "seal/key-commitment", associated)                              32 bytes, first
//! payload    = HKDF(key, "seal/payload-key", associated)
//! chunk i    = XChaCha20-Poly1305(payload, nonce = 15 zeros | i (8, big-endian) | 1 for the last, else 0)
//! ```
//! Chunks hold 64 KiB of plaintext, the last one what remains; an empty message is one empty last chunk, and no other last chunk is empty. So a message
//! has one sealed form. The nonce needs no randomness: sealing consumes the key, so a key seals one message.
//!
//! The commitment is compared before anything is decrypted: nobody can make bytes that open under two keys, or with two kinds of associated data.
//!
//! # Not promised
//! The length of the plaintext shows.

use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Error, hash::kdf, label, pre::RecordKey};

/// Bytes of plaintext that can be sealed: 256 MiB, as all of it is held in memory.
pub const PLAINTEXT_MAX: usize = 256 << 20;

/// Bytes of plaintext in a chunk that is not the last.
pub const CHUNK: usize = 64 << 10;

const COMMITMENT: usize = 32;
const TAG: usize = 16;

/// Bytes of the seal of `plaintext` bytes.
#[must_use]
pub const fn sealed_len(plaintext: usize) -> usize {
    let chunks = if plaintext == 0 {
        1
    } else {
        plaintext.div_ceil(CHUNK)
    };
    COMMITMENT + plaintext + chunks * TAG
}

/// Seals `plaintext` under `key`, bound to `associated`.
///
/// # Panics
/// Over [`PLAINTEXT_MAX`] bytes of plaintext, which is for the caller to refuse.
#[must_use]
pub fn seal(key: RecordKey, associated: &[u8], plaintext: &[u8]) -> Vec<u8> {
    assert!(
        plaintext.len() <= PLAINTEXT_MAX,
        "the caller refuses plaintexts over PLAINTEXT_MAX"
    );
    let stream = Stream::new(&key, associated);
    let mut sealed = Vec::with_capacity(sealed_len(plaintext.len()));
    sealed.extend_from_slice(stream.commitment.as_slice());
    let mut rest = plaintext;
    for index in 0.. {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
        let position = if after.is_empty() {
            Position::Last
        } else {
            Position::Inner
        };
        let start = sealed.len();
        sealed.extend_from_slice(chunk);
        let (_, chunk) = sealed.split_at_mut(start);
        let tag = stream.encrypt(index, position, chunk);
        sealed.extend_from_slice(&tag);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    sealed
}

/// Opens what was sealed under `key` and bound to `associated`; all of `sealed` must be used.
///
/// # Errors
/// [`Error::WrongKey`] when key or associated data are others, [`Error::Truncated`], [`Error::Corrupt`], or [`Error::TooLarge`].
pub fn open(
    key: &RecordKey,
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    if sealed.len() > sealed_len(PLAINTEXT_MAX) {
        return Err(Error::TooLarge);
    }
    let (commitment, body) = sealed
        .split_first_chunk::<COMMITMENT>()
        .ok_or(Error::Truncated)?;
    let stream = Stream::new(key, associated);
    if !bool::from(stream.commitment.ct_eq(commitment.as_slice())) {
        return Err(Error::WrongKey);
    }
    if body.is_empty() {
        return Err(Error::Truncated);
    }
    let mut plaintext = Zeroizing::new(Vec::with_capacity(body.len()));
    let mut chunks = (0..).zip(body.chunks(CHUNK + TAG)).peekable();
    while let Some((index, chunk)) = chunks.next() {
        let position = if chunks.peek().is_none() {
            Position::Last
        } else {
            Position::Inner
        };
        stream.open_chunk(index, position, chunk, &mut plaintext)?;
    }
    Ok(plaintext)
}

#[derive(Clone, Copy)]
enum Position {
    Inner,
    Last,
}

/// The keys of one message.
struct Stream {
    commitment: Zeroizing<[u8; COMMITMENT]>,
    cipher: XChaCha20Poly1305,
}

impl Stream {
    fn new(key: &RecordKey, associated: &[u8]) -> Self {
        let payload = kdf::<32>(label::SEAL_PAYLOAD, key.as_bytes(), &[associated]);
        Self {
            commitment: kdf(label::SEAL_COMMITMENT, key.as_bytes(), &[associated]),
            cipher: XChaCha20Poly1305::new((&*payload).into()),
        }
    }

    fn encrypt(&self, index: u64, position: Position, chunk: &mut [u8]) -> Tag {
        self.cipher
            .encrypt_inout_detached(&nonce(index, position), b"", chunk.into())
            .expect("the cipher takes up to 256 GiB, and a chunk has 64 KiB")
    }

    fn open_chunk(
        &self,
        index: u64,
        position: Position,
        sealed: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let (chunk, tag) = sealed.split_last_chunk::<TAG>().ok_or(Error::Truncated)?;
        if chunk.is_empty() && index > 0 {
            return Err(Error::Corrupt { chunk: index });
        }
        let start = plaintext.len();
        if self.decrypt(index, position, chunk, tag, plaintext) {
            return Ok(());
        }
        plaintext.truncate(start);
        let ends_early = matches!(position, Position::Last)
            && self.decrypt(index, Position::Inner, chunk, tag, plaintext);
        Err(if ends_early {
            Error::Truncated
        } else {
            Error::Corrupt { chunk: index }
        })
    }

    /// Appends the plaintext of a chunk; whether its tag was good. A bad chunk is appended as it came.
    fn decrypt(
        &self,
        index: u64,
        position: Position,
        chunk: &[u8],
        tag: &[u8; TAG],
        plaintext: &mut Vec<u8>,
    ) -> bool {
        let start = plaintext.len();
        plaintext.extend_from_slice(chunk);
        let (_, chunk) = plaintext.split_at_mut(start);
        let nonce = nonce(index, position);
        self.cipher
            .decrypt_inout_detached(&nonce, b"", chunk.into(), tag.into())
            .is_ok()
    }
}

fn nonce(index: u64, position: Position) -> XNonce {
    let last = match position {
        Position::Inner => 0,
        Position::Last => 1,
    };
    let head = crate::encoding::join::<15, 8, 23>(&[0; 15], &index.to_be_bytes());
    crate::encoding::join::<23, 1, 24>(&head, &[last]).into()
}
