//! What a pack's code opens, and what it does not.

use yilian_crypto::{
    Error,
    trace::{EventDigest, EventKey, PackKeys},
};

const EVENT: &[u8] = b"shipped";

fn keys(secret: u8, identity: &[u8]) -> PackKeys {
    PackKeys::derive(&[secret; 16], identity)
}

#[test]
fn one_sealed_event_opens_for_each_of_its_packs_and_for_no_other() {
    let (first, second, other) = (keys(1, b"a"), keys(2, b"b"), keys(3, b"c"));
    let (key, sealed) = EventKey::seal(b"append", EVENT, &mut rand::rng());
    let digest = EventDigest::of(&sealed);
    for pack in [&first, &second] {
        let masked = pack.reading.mask(&key, &digest);
        let opened = pack.reading.open(&masked, b"append", &sealed);
        assert_eq!(opened.unwrap().as_slice(), EVENT);
        let wrong = Err(Error::WrongKey);
        let opened = |result: Result<zeroize::Zeroizing<Vec<u8>>, Error>| result.map(drop);
        assert_eq!(
            opened(other.reading.open(&masked, b"append", &sealed)),
            wrong
        );
        // Moved to another append, or with another event under it.
        assert_eq!(opened(pack.reading.open(&masked, b"other", &sealed)), wrong);
        let (_, replaced) = EventKey::seal(b"append", EVENT, &mut rand::rng());
        assert_eq!(
            opened(pack.reading.open(&masked, b"append", &replaced)),
            wrong
        );
    }
}

#[test]
fn keys_belong_to_secret_and_identity() {
    let pack = keys(1, b"a");
    for other in [keys(2, b"a"), keys(1, b"b")] {
        assert_ne!(*pack.seed, *other.seed);
        assert_ne!(*pack.reading.to_bytes(), *other.reading.to_bytes());
    }
    assert_eq!(*pack.seed, *keys(1, b"a").seed);
    assert_ne!(pack.seed[..32], pack.reading.to_bytes()[..]);
}

#[test]
fn masks_of_two_packs_have_nothing_in_common() {
    let (first, second) = (keys(1, b"a"), keys(2, b"b"));
    let (key, sealed) = EventKey::seal(b"append", EVENT, &mut rand::rng());
    let digest = EventDigest::of(&sealed);
    let (one, two) = (
        first.reading.mask(&key, &digest),
        second.reading.mask(&key, &digest),
    );
    assert_ne!(one, two);
    let shared = one
        .to_bytes()
        .iter()
        .zip(two.to_bytes())
        .filter(|(a, b)| **a == *b)
        .count();
    assert!(shared < 8, "{shared} bytes alike");
}

/// Printed packs outlive software: derivation and mask are fixed.
#[test]
fn the_derivation_is_fixed() {
    let pack = PackKeys::derive(&[7; 16], b"https://id.gs1.org/01/09521141012345/21/1");
    let expected = hkdf_by_definition(
        &[7; 16],
        "yilian/v1/trace/reading-key",
        b"https://id.gs1.org/01/09521141012345/21/1",
    );
    assert_eq!(pack.reading.to_bytes()[..], expected[..]);
}

/// RFC 5869 written out: extract with the label as salt, expand with length and part as info.
fn hkdf_by_definition(secret: &[u8], label: &str, part: &[u8]) -> [u8; 32] {
    let mut info = (part.len() as u64).to_le_bytes().to_vec();
    info.extend_from_slice(part);
    info.push(1);
    let pseudorandom = hmac(label.as_bytes(), secret);
    hmac(&pseudorandom, &info)
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |byte: u8| block.map(|b| b ^ byte);
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}
