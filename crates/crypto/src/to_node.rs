//! Messages that only one node can read, whoever carries them.
//!
//! ```text
//! sealed = E (32) | seal(KDF(DH(e, N), E, N), associated, message)
//! ```
//! `N` is the node's signing key taken to X25519 by the birational map; using one key pair for
//! Ed25519 and for an X25519 KEM is sound (Thormarker 2021, eprint 2021/509). `e` is fresh. The
//! sender is not authenticated: what is inside has to be signed.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    Error,
    hash::kdf,
    label,
    pre::RecordKey,
    seal,
    sign::{SigningKey, VerifyingKey},
};

/// Bytes before the sealed message: the ephemeral key.
const EPHEMERAL: usize = 32;

/// Seals `message` for the holder of `node`'s signing key, bound to `associated`.
///
/// # Errors
/// [`Error::WrongKey`] for a key of small order, which no node has.
pub fn seal_to_node(
    node: &VerifyingKey,
    associated: &[u8],
    message: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, Error> {
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut_slice());
    let secret = x25519_dalek::StaticSecret::from(*seed);
    let ephemeral = x25519_dalek::PublicKey::from(&secret).to_bytes();
    let key = key(&secret, &node.to_x25519(), &ephemeral, node)?;
    let mut sealed = ephemeral.to_vec();
    sealed.extend_from_slice(&seal::seal(key, associated, message));
    Ok(sealed)
}

/// Opens what was sealed for `node`.
///
/// # Errors
/// [`Error::Truncated`], [`Error::WrongKey`] and [`Error::Corrupt`] as [`seal::open`].
pub fn open_at_node(
    node: &SigningKey,
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (ephemeral, sealed) = sealed
        .split_first_chunk::<EPHEMERAL>()
        .ok_or(Error::Truncated)?;
    let secret = node.to_x25519();
    let key = key(&secret, ephemeral, ephemeral, &node.verifying_key())?;
    seal::open(&key, associated, sealed)
}

fn key(
    secret: &x25519_dalek::StaticSecret,
    public: &[u8; 32],
    ephemeral: &[u8; 32],
    node: &VerifyingKey,
) -> Result<RecordKey, Error> {
    let shared = secret.diffie_hellman(&x25519_dalek::PublicKey::from(*public));
    if !shared.was_contributory() {
        return Err(Error::WrongKey);
    }
    let parts: [&[u8]; 2] = [ephemeral, &node.to_bytes()];
    Ok(RecordKey::from_bytes(kdf(
        label::NODE_SEAL,
        shared.as_bytes(),
        &parts,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_node_opens_and_only_what_was_bound() {
        let rng = &mut rand::rng();
        let (node, other) = (SigningKey::random(rng), SigningKey::random(rng));
        let sealed = seal_to_node(&node.verifying_key(), b"grant", b"shares", rng).unwrap();
        let opened = open_at_node(&node, b"grant", &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"shares");
        assert!(open_at_node(&other, b"grant", &sealed).is_err());
        assert!(open_at_node(&node, b"other", &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(open_at_node(&node, b"grant", &sealed[..length]).is_err());
        }
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            // Not the top bit of the key, which X25519 ignores; the derivation binds it all the
            // same.
            changed[place] ^= 0x80;
            assert!(open_at_node(&node, b"grant", &changed).is_err(), "{place}");
        }
        let mut weak = sealed;
        weak[..EPHEMERAL].fill(0);
        assert_eq!(open_at_node(&node, b"grant", &weak), Err(Error::WrongKey));
        assert_ne!(
            seal_to_node(&node.verifying_key(), b"", b"same", rng).unwrap(),
            seal_to_node(&node.verifying_key(), b"", b"same", rng).unwrap(),
        );
    }
}
