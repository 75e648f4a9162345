//! Project Wycheproof's vectors for the primitives in use, where the data are at hand.

use std::{fs, path::PathBuf};

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use hkdf::Hkdf;
use serde_json::Value;
use sha2::Sha256;
use yilian_crypto::{
    bls::{G1, G2, pairings_equal},
    search::SearchPublic,
    sign::{Signature, VerifyingKey},
};

/// The groups of a file, or nothing, visibly, when the data are not at hand.
fn groups(name: &str) -> Option<Vec<Value>> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/vectors/wycheproof");
    let Ok(text) = fs::read_to_string(folder.join(name).with_extension("json")) else {
        eprintln!("skipped: {name}, no Wycheproof data");
        return None;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    Some(file["testGroups"].as_array().unwrap().clone())
}

fn tests(group: &Value) -> &Vec<Value> {
    group["tests"].as_array().unwrap()
}

fn bytes(test: &Value, name: &str) -> Vec<u8> {
    hex::decode(test[name].as_str().unwrap()).unwrap()
}

fn id(test: &Value) -> u64 {
    test["tcId"].as_u64().unwrap()
}

#[test]
fn hkdf_sha_256() {
    for group in groups("hkdf_sha256_test").unwrap_or_default() {
        for test in tests(&group) {
            let mut okm = vec![0; test["size"].as_u64().unwrap() as usize];
            let hkdf = Hkdf::<Sha256>::new(Some(&bytes(test, "salt")), &bytes(test, "ikm"));
            let expanded = hkdf.expand(&bytes(test, "info"), &mut okm).is_ok();
            let good = expanded && okm == bytes(test, "okm");
            assert_eq!(good, test["result"] == "valid", "tcId {}", id(test));
        }
    }
}

#[test]
fn chacha20_poly1305() {
    aead("chacha20_poly1305_test", 12, |key, nonce, payload| {
        let cipher = ChaCha20Poly1305::new_from_slice(key).unwrap();
        cipher.decrypt(&nonce.try_into().unwrap(), payload).ok()
    });
}

#[test]
fn xchacha20_poly1305() {
    aead("xchacha20_poly1305_test", 24, |key, nonce, payload| {
        let cipher = XChaCha20Poly1305::new_from_slice(key).unwrap();
        cipher.decrypt(&nonce.try_into().unwrap(), payload).ok()
    });
}

/// Nonces of other sizes are of no type here, so those tests, all invalid, hold by construction.
fn aead(name: &str, nonce: usize, open: impl Fn(&[u8], &[u8], Payload<'_, '_>) -> Option<Vec<u8>>) {
    for group in groups(name).unwrap_or_default() {
        for test in tests(&group) {
            let iv = bytes(test, "iv");
            if iv.len() != nonce {
                assert_eq!(test["result"], "invalid", "tcId {}", id(test));
                continue;
            }
            let sealed = [bytes(test, "ct"), bytes(test, "tag")].concat();
            let aad = bytes(test, "aad");
            let opened = open(
                &bytes(test, "key"),
                &iv,
                Payload {
                    msg: &sealed,
                    aad: &aad,
                },
            );
            let expected = (test["result"] == "valid").then(|| bytes(test, "msg"));
            assert_eq!(opened, expected, "tcId {}", id(test));
        }
    }
}

/// Wycheproof calls keys of small order and second spellings acceptable; a [`SearchPublic`] is
/// neither. All others are taken.
#[test]
fn x25519() {
    for group in groups("x25519_test").unwrap_or_default() {
        for test in tests(&group) {
            let public: [u8; 32] = bytes(test, "public").try_into().unwrap();
            let flags = test["flags"].as_array().unwrap();
            let has = |flag: &str| flags.iter().any(|other| other == flag);
            let strict = has("LowOrderPublic") || has("NonCanonicalPublic");
            // Wycheproof does not mark a set high bit, which RFC 7748 has receivers ignore.
            let high_bit = public[31] & 0x80 != 0;
            let taken = SearchPublic::from_bytes(&public).is_ok();
            assert_eq!(taken, !strict && !high_bit, "tcId {}", id(test));
            assert!(
                taken || test["result"] == "acceptable" || high_bit,
                "tcId {}",
                id(test)
            );

            let shared = x25519_dalek::x25519(bytes(test, "private").try_into().unwrap(), public);
            assert_eq!(shared.to_vec(), bytes(test, "shared"), "tcId {}", id(test));
        }
    }
}

/// Keys in G1, signatures in G2, so the other way round from ours: tests decoding and pairing. The
/// message's point comes from blst, as the signature of the secret key 1.
#[test]
fn bls_signatures() {
    let one = blst::min_pk::SecretKey::from_bytes(&std::array::from_fn::<u8, 32, _>(|place| {
        u8::from(place == 31)
    }));
    let one = one.unwrap();
    for group in groups("bls_sig_g2_basic_verify_test").unwrap_or_default() {
        let suite = group["ciphersuite"].as_str().unwrap();
        let key = hex::decode(group["publicKey"]["pk"].as_str().unwrap()).unwrap();
        let key = key
            .as_slice()
            .try_into()
            .ok()
            .and_then(|key| G1::from_bytes(key).ok());
        for test in tests(&group) {
            let hashed = one.sign(&bytes(test, "msg"), suite.as_bytes(), &[]);
            let hashed = G2::from_bytes(&hashed.to_bytes()).unwrap();
            let signature = bytes(test, "sig");
            let signature: Option<&[u8; 96]> = signature.as_slice().try_into().ok();
            let signature = signature.and_then(|bytes| G2::from_bytes(bytes).ok());
            let good = key.zip(signature).is_some_and(|(key, signature)| {
                pairings_equal((&G1::generator(), &signature), (&key, &hashed))
            });
            assert_eq!(good, test["result"] == "valid", "tcId {}", id(test));
        }
    }
}

/// Points of G2 that Wycheproof has hashed are decoded, and are what blst hashes.
#[test]
fn bls_points_of_g2() {
    for group in groups("bls_hash_to_g2_test").unwrap_or_default() {
        for test in tests(&group) {
            let expected: [u8; 96] = bytes(test, "expected").try_into().unwrap();
            let point = G2::from_bytes(&expected).unwrap();
            assert_eq!(point.to_bytes(), expected, "tcId {}", id(test));
        }
    }
}

/// Decoding only: the equation is tested beside the code, where a message is not hashed first.
#[test]
fn ed25519_encodings() {
    for group in groups("ed25519_test").unwrap_or_default() {
        let key = hex::decode(group["publicKey"]["pk"].as_str().unwrap()).unwrap();
        let key = VerifyingKey::from_bytes(key.as_slice().try_into().unwrap()).unwrap();
        assert_eq!(
            hex::encode(key.to_bytes()),
            group["publicKey"]["pk"].as_str().unwrap()
        );
        for test in tests(&group) {
            let bytes = bytes(test, "sig");
            let read = bytes.as_slice().try_into().ok().map(Signature::from_bytes);
            let read = matches!(read, Some(Ok(_)));
            let flags = test["flags"].as_array().unwrap();
            assert!(read || test["result"] == "invalid", "tcId {}", id(test));
            let malleable = flags.iter().any(|flag| flag == "SignatureMalleability");
            assert!(!(read && malleable), "tcId {}", id(test));
        }
    }
}
