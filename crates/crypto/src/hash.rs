//! Hashing and key derivation with labels. Every part is preceded by its length, so no two lists of parts run together.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::label::Label;

/// BLAKE3 in derive-key mode, the label as context, over `length (u64, little-endian) | part` for each part. 32 bytes.
#[must_use]
pub fn hash(label: Label, parts: &[&[u8]]) -> [u8; 32] {
    *absorb(label, parts).finalize().as_bytes()
}

/// As [`hash`], 64 bytes: for scalars by reduction.
pub(crate) fn hash_wide(label: Label, parts: &[&[u8]]) -> [u8; 64] {
    let mut wide = [0; 64];
    absorb(label, parts).finalize_xof().fill(&mut wide);
    wide
}

/// HKDF-SHA-256 (RFC 5869): the label as salt, `secret` as input, `length (u64, little-endian) | part` for each part as info.
///
/// `N` is at most 8,160, by the type of every caller.
#[must_use]
pub fn kdf<const N: usize>(label: Label, secret: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "HKDF-SHA-256 gives no more") };
    let mut output = Zeroizing::new([0; N]);
    let lengths: Vec<[u8; 8]> = parts.iter().map(|part| length(part)).collect();
    let info: Vec<&[u8]> = lengths
        .iter()
        .zip(parts)
        .flat_map(|(length, part)| [length, *part])
        .collect();
    let expanded = Hkdf::<Sha256>::new(Some(label.as_str().as_bytes()), secret)
        .expand_multi_info(&info, output.as_mut());
    debug_assert!(
        expanded.is_ok(),
        "the length was checked when this was compiled"
    );
    output
}

fn absorb(label: Label, parts: &[&[u8]]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key(label.as_str());
    for part in parts {
        hasher.update(&length(part));
        hasher.update(part);
    }
    hasher
}

const fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(
            hash(label::CID, &[b"ab", b"c"]),
            hash(label::CID, &[b"a", b"bc"])
        );
        assert_ne!(hash(label::CID, &[b"ab"]), hash(label::CID, &[b"ab", b""]));
        assert_ne!(
            kdf::<32>(label::SEAL_KEYS, b"k", &[b"ab", b"c"]),
            kdf::<32>(label::SEAL_KEYS, b"k", &[b"a", b"bc"])
        );
    }

    #[test]
    fn labels_separate() {
        assert_ne!(hash(label::CID, &[b"x"]), hash(label::RECORD_ID, &[b"x"]));
    }
}
