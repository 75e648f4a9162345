//! The second implementation: group arithmetic by ark-bls12-381, HKDF written out over SHA-256,
//! STREAM written out.
//!
//! Nothing here calls the crate under test.

use ark_bls12_381::{Bls12_381, Fq, Fq12, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr as _, CurveGroup as _, pairing::Pairing as _};
use ark_ff::{BigInteger as _, Field as _, PrimeField as _};
use ark_serialize::CanonicalSerialize as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce, aead::Aead as _};
use sha2::{Digest as _, Sha256};

/// The parts, each after its length.
pub fn parts(parts: &[&[u8]]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| [&(part.len() as u64).to_le_bytes(), *part].concat())
        .collect()
}

pub fn hash(label: &str, list: &[&[u8]]) -> [u8; 32] {
    blake3::derive_key(&format!("yilian/v1/{label}"), &parts(list))
}

pub fn hash_scalar(label: &str, list: &[&[u8]]) -> Fr {
    let mut wide = [0; 64];
    let mut hasher = blake3::Hasher::new_derive_key(&format!("yilian/v1/{label}"));
    hasher.update(&parts(list)).finalize_xof().fill(&mut wide);
    scalar(&wide)
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::digest([block.map(|byte| byte ^ 0x36).as_slice(), message].concat());
    Sha256::digest([block.map(|byte| byte ^ 0x5c).as_slice(), &inner].concat()).into()
}

/// HKDF-SHA-256 (RFC 5869).
pub fn kdf(label: &str, secret: &[u8], list: &[&[u8]], size: usize) -> Vec<u8> {
    let pseudorandom = hmac(format!("yilian/v1/{label}").as_bytes(), secret);
    let (mut out, mut block) = (Vec::new(), Vec::new());
    for counter in 1..=size.div_ceil(32) as u8 {
        block = hmac(
            &pseudorandom,
            &[&block, parts(list).as_slice(), &[counter]].concat(),
        )
        .to_vec();
        out.extend_from_slice(&block);
    }
    out.truncate(size);
    out
}

pub fn kdf_scalar(label: &str, secret: &[u8], list: &[&[u8]]) -> Fr {
    scalar(&kdf(label, secret, list, 64))
}

/// A nonce from drawn bytes, secret and message.
pub fn hedged(label: &str, drawn: &[u8], secret: &[u8], list: &[&[u8]]) -> Fr {
    assert_eq!(drawn.len(), 32);
    let label = format!("yilian/v1/{label}");
    let parts = [&[label.as_bytes()], list].concat();
    kdf_scalar("nonce/hedged", &[drawn, secret].concat(), &parts)
}

/// A big-endian number modulo q.
pub fn scalar(bytes: &[u8]) -> Fr {
    Fr::from_be_bytes_mod_order(bytes)
}

pub fn scalar_bytes(scalar: &Fr) -> Vec<u8> {
    scalar.into_bigint().to_bytes_be()
}

pub fn invert(scalar: &Fr) -> Fr {
    scalar.inverse().unwrap()
}

pub fn g(scalar: &Fr) -> G1Affine {
    mul1(&G1Affine::generator(), scalar)
}

pub fn h() -> G2Affine {
    G2Affine::generator()
}

pub fn mul1(point: &G1Affine, scalar: &Fr) -> G1Affine {
    (G1Projective::from(*point) * scalar).into_affine()
}

pub fn mul2(point: &G2Affine, scalar: &Fr) -> G2Affine {
    (G2Projective::from(*point) * scalar).into_affine()
}

pub fn add1(a: &G1Affine, b: &G1Affine) -> G1Affine {
    (G1Projective::from(*a) + b).into_affine()
}

pub fn sub1(a: &G1Affine, b: &G1Affine) -> G1Affine {
    (G1Projective::from(*a) - b).into_affine()
}

pub fn g1_bytes(point: &G1Affine) -> Vec<u8> {
    let mut bytes = Vec::new();
    point.serialize_compressed(&mut bytes).unwrap();
    bytes
}

pub fn g2_bytes(point: &G2Affine) -> Vec<u8> {
    let mut bytes = Vec::new();
    point.serialize_compressed(&mut bytes).unwrap();
    bytes
}

pub fn pairing(p: &G1Affine, q: &G2Affine) -> Fq12 {
    Bls12_381::pairing(p, q).0
}

pub fn gt_pow(element: &Fq12, scalar: &Fr) -> Fq12 {
    element.pow(scalar.into_bigint())
}

fn fq_bytes(number: &Fq) -> Vec<u8> {
    number.into_bigint().to_bytes_be()
}

fn fq6_bytes(a: &ark_bls12_381::Fq6) -> Vec<u8> {
    [&a.c0, &a.c1, &a.c2]
        .iter()
        .flat_map(|c| [fq_bytes(&c.c0), fq_bytes(&c.c1)].concat())
        .collect()
}

/// c0 then c1.
pub fn gt_plain(element: &Fq12) -> Vec<u8> {
    [fq6_bytes(&element.c0), fq6_bytes(&element.c1)].concat()
}

/// (1 + c0) / c1.
pub fn gt_torus(element: &Fq12) -> Vec<u8> {
    let one = ark_bls12_381::Fq6::ONE;
    fq6_bytes(&((one + element.c0) * element.c1.inverse().unwrap()))
}

pub struct Sealed {
    pub commitment: Vec<u8>,
    pub payload: Vec<u8>,
    pub sealed: Vec<u8>,
}

pub fn seal(key: &[u8], associated: &[u8], plaintext: &[u8]) -> Sealed {
    let commitment = kdf("seal/key-commitment", key, &[&[2], associated], 32);
    let payload = kdf("seal/payload-key", key, &[&[2], associated], 32);
    let cipher = XChaCha20Poly1305::new_from_slice(&payload).unwrap();
    let mut chunks: Vec<&[u8]> = plaintext.chunks(65_536).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    let mut sealed = commitment.clone();
    for (index, chunk) in chunks.iter().enumerate() {
        let mut nonce = [0; 24];
        nonce[15..23].copy_from_slice(&(index as u64).to_be_bytes());
        nonce[23] = u8::from(index + 1 == chunks.len());
        sealed.extend(cipher.encrypt(&XNonce::from(nonce), *chunk).unwrap());
    }
    Sealed {
        commitment,
        payload,
        sealed,
    }
}

/// BIP-39's words of 32 bytes: 256 bits and 8 of SHA-256, cut into numbers of 11.
pub fn words(entropy: &[u8], list: &[&str; 2048]) -> String {
    let bytes = [entropy, &Sha256::digest(entropy)[..1]].concat();
    let bit = |place: usize| usize::from(bytes[place / 8] >> (7 - place % 8) & 1);
    let number = |word: usize| (0..11).fold(0, |number, at| number << 1 | bit(word * 11 + at));
    (0..24)
        .map(|word| list[number(word)])
        .collect::<Vec<_>>()
        .join(" ")
}
