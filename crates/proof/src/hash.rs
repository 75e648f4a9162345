//! BLAKE3 as the proof system asks for a hash.
//!
//! Plonky3 has one of its own (`p3-blake3`), which hashes many leaves at once. It is most of a
//! minute of each build; what it saves when a pack is proven stands in docs/DESIGN.md.

use p3_symmetric::CryptographicHasher;

/// Bytes that are gathered before they are hashed: a block of BLAKE3 has 64, and more of them at
/// once are quicker.
const GATHERED: usize = 512;

/// The hash function BLAKE3, with digests of 32 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blake3;

impl CryptographicHasher<u8, [u8; 32]> for Blake3 {
    fn hash_iter<I: IntoIterator<Item = u8>>(&self, input: I) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let mut gathered = [0; GATHERED];
        let mut input = input.into_iter();
        loop {
            let mut filled = 0;
            for (slot, byte) in gathered.iter_mut().zip(&mut input) {
                *slot = byte;
                filled += 1;
            }
            hasher.update(gathered.get(..filled).unwrap_or_default());
            if filled < GATHERED {
                return hasher.finalize().into();
            }
        }
    }

    fn hash_iter_slices<'a, I: IntoIterator<Item = &'a [u8]>>(&self, input: I) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for slice in input {
            hasher.update(slice);
        }
        hasher.finalize().into()
    }

    fn hash_slice(&self, input: &[u8]) -> [u8; 32] {
        blake3::hash(input).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the bytes come, at and around the sizes at which they are gathered.
    #[test]
    fn bytes_slices_and_items_have_one_digest() {
        let bytes: Vec<u8> = (0..4 * GATHERED).map(|i| (i % 251) as u8).collect();
        for length in [0, 1, 63, 64, 511, 512, 513, 1_023, 1_024, 1_025, 2_048] {
            let input = &bytes[..length];
            let expected: [u8; 32] = blake3::hash(input).into();
            assert_eq!(
                Blake3.hash_iter(input.iter().copied()),
                expected,
                "{length}"
            );
            assert_eq!(Blake3.hash_slice(input), expected, "{length}");
            let halves = input.split_at(length / 3);
            assert_eq!(
                Blake3.hash_iter_slices([halves.0, halves.1]),
                expected,
                "{length}"
            );
        }
        // The official vectors' inputs are these bytes; this is the one of 1,025.
        let official = "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444";
        let digest = Blake3.hash_slice(&bytes[..1_025]);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, official);
    }
}
