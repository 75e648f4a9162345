//! Seals: a message of any length encrypted under a record's key, in chunks that can neither be
//! moved nor left out.
//!
//! STREAM (Hoang, Reyhanitabar, Rogaway and Vizár 2015) over XChaCha20-Poly1305 in the manner of
//! age, with a key commitment in front (Albertini and others 2022).
//! ```text
//! commitment = HKDF(key, "seal/key-commitment", suite, associated)        32 bytes, first
//! payload    = HKDF(key, "seal/payload-key", suite, associated)
//! chunk i    = XChaCha20-Poly1305(payload, nonce)
//! nonce      = 15 zeros | i (8 bytes, big-endian) | 1 for the last chunk, else 0
//! ```
//! Chunks hold 64 KiB of plaintext, the last one what remains; an empty message is one empty last
//! chunk, and no other last chunk is empty. So a message has one sealed form. The nonce needs no
//! randomness: sealing consumes the key, so a key seals one message.
//!
//! The commitment is compared before anything is decrypted: nobody can make bytes that open under
//! two keys, or with two kinds of associated data.
//!
//! Whatever holds a seal begins with the number of its suite, see [`crate::suite`].
//!
//! # Not promised
//! The length of the plaintext shows.

use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Error, hash::kdf, label, pre::RecordKey, suite::SUITE};

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
/// [`Error::WrongKey`] when key or associated data are others, [`Error::Truncated`],
/// [`Error::Corrupt`], or [`Error::TooLarge`].
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
        let bound: [&[u8]; 2] = [&[SUITE], associated];
        let payload = kdf::<32>(label::SEAL_PAYLOAD, key.as_bytes(), &bound);
        Self {
            commitment: kdf(label::SEAL_COMMITMENT, key.as_bytes(), &bound),
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

    /// Appends the plaintext of a chunk; whether its tag was good. A bad chunk is appended as it
    /// came.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHUNK_SEALED: usize = CHUNK + TAG;

    fn key() -> RecordKey {
        RecordKey::for_tests([7; 32])
    }

    fn sealed(plaintext: &[u8]) -> Vec<u8> {
        seal(key(), b"header", plaintext)
    }

    fn opened(sealed: &[u8]) -> Result<Vec<u8>, Error> {
        open(&key(), b"header", sealed).map(|plaintext| plaintext.to_vec())
    }

    /// The ranges of the sealed chunks of a message.
    fn chunk(index: usize) -> std::ops::Range<usize> {
        COMMITMENT + index * CHUNK_SEALED..COMMITMENT + (index + 1) * CHUNK_SEALED
    }

    fn message(size: usize) -> Vec<u8> {
        (0..size).map(|place| (place * 31 % 251) as u8).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_sealed_opens_and_has_the_foretold_size(
            size in prop_oneof![0usize..200, 65_500usize..65_600, 131_000usize..131_100],
        ) {
            let plaintext = message(size);
            let sealed = sealed(&plaintext);
            prop_assert_eq!(sealed.len(), sealed_len(size));
            prop_assert_eq!(opened(&sealed), Ok(plaintext));
        }

        #[test]
        fn any_changed_bit_is_refused(
            size in 0usize..300, place in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let mut sealed = sealed(&message(size));
            let place = place.index(sealed.len());
            sealed[place] ^= 1 << bit;
            let expected =
                if place < COMMITMENT { Error::WrongKey } else { Error::Corrupt { chunk: 0 } };
            prop_assert_eq!(opened(&sealed), Err(expected));
        }

        #[test]
        fn any_prefix_is_refused(size in 0usize..300, cut in any::<prop::sample::Index>()) {
            let sealed = sealed(&message(size));
            let cut = cut.index(sealed.len());
            prop_assert!(opened(&sealed[..cut]).is_err());
        }
    }

    #[test]
    fn sizes_around_chunks_open() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
            let plaintext = message(size);
            assert_eq!(opened(&sealed(&plaintext)), Ok(plaintext));
        }
        assert_eq!(sealed_len(0), 48);
        assert_eq!(sealed_len(CHUNK), 32 + CHUNK + 16);
        assert_eq!(sealed_len(CHUNK + 1), 32 + CHUNK + 1 + 32);
    }

    #[test]
    fn swapped_chunks_are_refused() {
        let good = sealed(&message(3 * CHUNK));
        let mut bad = good.clone();
        bad[chunk(0)].copy_from_slice(&good[chunk(1)]);
        bad[chunk(1)].copy_from_slice(&good[chunk(0)]);
        assert_eq!(opened(&bad), Err(Error::Corrupt { chunk: 0 }));
    }

    #[test]
    fn a_dropped_chunk_is_refused() {
        let mut bad = sealed(&message(3 * CHUNK));
        bad.drain(chunk(1));
        assert_eq!(opened(&bad), Err(Error::Corrupt { chunk: 1 }));
    }

    #[test]
    fn a_dropped_first_chunk_is_refused() {
        let mut bad = sealed(&message(3 * CHUNK));
        bad.drain(chunk(0));
        assert_eq!(opened(&bad), Err(Error::Corrupt { chunk: 0 }));
    }

    #[test]
    fn a_stream_cut_between_chunks_is_truncated() {
        let good = sealed(&message(3 * CHUNK));
        assert_eq!(opened(&good[..chunk(2).start]), Err(Error::Truncated));
        assert_eq!(opened(&good[..chunk(0).end]), Err(Error::Truncated));
    }

    #[test]
    fn a_stream_cut_within_commitment_or_tag_is_truncated() {
        let good = sealed(&message(CHUNK + 100));
        for end in [
            0,
            1,
            COMMITMENT - 1,
            COMMITMENT,
            COMMITMENT + TAG - 1,
            chunk(1).start + TAG - 1,
        ] {
            assert_eq!(opened(&good[..end]), Err(Error::Truncated), "{end}");
        }
    }

    #[test]
    fn a_duplicated_last_chunk_is_refused() {
        let mut bad = sealed(&message(2 * CHUNK));
        bad.extend_from_within(chunk(1));
        assert_eq!(opened(&bad), Err(Error::Corrupt { chunk: 1 }));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        for extra in [1, TAG, TAG + 1] {
            let mut bad = sealed(&message(CHUNK));
            bad.extend(vec![0; extra]);
            assert!(opened(&bad).is_err(), "{extra}");
        }
    }

    #[test]
    fn an_empty_last_chunk_after_a_full_one_is_refused_though_its_tag_is_good() {
        let stream = Stream::new(&key(), b"header");
        let mut bad = stream.commitment.to_vec();
        let mut full = message(CHUNK);
        let tag = stream.encrypt(0, Position::Inner, &mut full);
        bad.extend_from_slice(&full);
        bad.extend_from_slice(&tag);
        bad.extend_from_slice(&stream.encrypt(1, Position::Last, &mut []));
        assert_eq!(opened(&bad), Err(Error::Corrupt { chunk: 1 }));
    }

    #[test]
    fn a_short_chunk_before_the_last_is_refused() {
        let stream = Stream::new(&key(), b"header");
        let mut bad = stream.commitment.to_vec();
        for (index, position) in [(0, Position::Inner), (1, Position::Last)] {
            let mut part = message(100);
            let tag = stream.encrypt(index, position, &mut part);
            bad.extend_from_slice(&part);
            bad.extend_from_slice(&tag);
        }
        assert_eq!(opened(&bad), Err(Error::Corrupt { chunk: 0 }));
    }

    #[test]
    fn other_associated_data_is_refused() {
        let sealed = sealed(b"text");
        for associated in [b"".as_slice(), b"headeR", b"header\0"] {
            assert_eq!(
                open(&key(), associated, &sealed).err(),
                Some(Error::WrongKey)
            );
        }
    }

    #[test]
    fn another_key_with_the_commitment_forged_still_fails() {
        let other = RecordKey::for_tests([8; 32]);
        let mut bad = sealed(b"text");
        assert_eq!(open(&other, b"header", &bad).err(), Some(Error::WrongKey));
        let forged = Stream::new(&other, b"header").commitment;
        bad[..COMMITMENT].copy_from_slice(forged.as_slice());
        assert_eq!(
            open(&other, b"header", &bad).err(),
            Some(Error::Corrupt { chunk: 0 })
        );
        assert_eq!(opened(&bad), Err(Error::WrongKey));
    }

    #[test]
    fn over_the_limit_is_refused_before_any_work() {
        let bad = vec![0; sealed_len(PLAINTEXT_MAX) + 1];
        assert_eq!(opened(&bad), Err(Error::TooLarge));
    }

    #[test]
    #[should_panic(expected = "PLAINTEXT_MAX")]
    fn nothing_over_the_limit_is_sealed() {
        let _ = sealed(&vec![0; PLAINTEXT_MAX + 1]);
    }
}
