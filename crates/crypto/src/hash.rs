//! Hashing and key derivation, always under a [`Label`].
//!
//! Hash: BLAKE3 in derive-key mode, the label as its context. Derivation: HKDF-SHA-256 (RFC 5869),
//! the label as salt. Both take the message in parts, each preceded by its length as 8 bytes,
//! little-endian, so that two different lists of parts never hash alike.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::label::Label;

/// BLAKE3 of `parts` under `label`, 32 bytes.
#[must_use]
pub fn hash(label: Label, parts: &[&[u8]]) -> [u8; 32] {
    *hasher(label, parts).finalize().as_bytes()
}

/// HKDF-SHA-256 with salt `label`, input `secret`, and `parts`, each with its length, as info. `N`
/// is at most 8160.
#[must_use]
pub fn kdf<const N: usize>(label: Label, secret: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "HKDF-SHA-256 gives at most 255 blocks") };
    let lengths: Vec<[u8; 8]> = parts.iter().map(|part| length(part)).collect();
    let info: Vec<&[u8]> = lengths
        .iter()
        .zip(parts)
        .flat_map(|(length, part)| [length.as_slice(), part])
        .collect();
    let mut out = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(Some(label.as_str().as_bytes()), secret)
        .expand_multi_info(&info, out.as_mut_slice())
        .expect("N is at most 255 blocks");
    out
}

/// BLAKE3's extended output of `parts` under `label`, 64 bytes: enough for a scalar without bias.
pub(crate) fn hash_wide(label: Label, parts: &[&[u8]]) -> [u8; 64] {
    let mut out = [0; 64];
    hasher(label, parts).finalize_xof().fill(&mut out);
    out
}

fn hasher(label: Label, parts: &[&[u8]]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key(label.as_str());
    for part in parts {
        hasher.update(&length(part)).update(part);
    }
    hasher
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::label;

    proptest! {
        #[test]
        fn moving_a_border_changes_hash_and_derivation(
            bytes in proptest::collection::vec(any::<u8>(), 1..64),
            a in any::<prop::sample::Index>(),
            b in any::<prop::sample::Index>(),
        ) {
            let (a, b) = (a.index(bytes.len()), b.index(bytes.len()));
            prop_assume!(a != b);
            let (left, right) = (bytes.split_at(a), bytes.split_at(b));
            let one: [&[u8]; 2] = [left.0, left.1];
            let other: [&[u8]; 2] = [right.0, right.1];
            prop_assert_ne!(hash(label::CID, &one), hash(label::CID, &other));
            prop_assert_ne!(
                kdf::<32>(label::CID, b"k", &one),
                kdf::<32>(label::CID, b"k", &other)
            );
        }
    }

    #[test]
    fn no_part_one_empty_part_and_two_differ() {
        let all = [
            hash(label::CID, &[]),
            hash(label::CID, &[b""]),
            hash(label::CID, &[b"", b""]),
        ];
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }

    #[test]
    fn the_label_separates() {
        assert_ne!(hash(label::CID, &[b"x"]), hash(label::BLOCK, &[b"x"]));
        assert_ne!(
            kdf::<32>(label::CID, b"k", &[]),
            kdf::<32>(label::BLOCK, b"k", &[])
        );
        assert_ne!(
            kdf::<32>(label::CID, b"k", &[]),
            kdf::<32>(label::CID, b"j", &[])
        );
    }

    #[test]
    fn hash_is_blake3_in_derive_key_mode() {
        let mut message = 3u64.to_le_bytes().to_vec();
        message.extend_from_slice(b"abc");
        assert_eq!(
            hash(label::CID, &[b"abc"]),
            blake3::derive_key("yilian/v1/record/cid", &message)
        );
        assert_eq!(
            hash_wide(label::CID, &[b"abc"])[..32],
            hash(label::CID, &[b"abc"])
        );
    }
}
