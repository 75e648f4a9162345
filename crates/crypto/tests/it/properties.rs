//! What holds for all inputs: whoever may open does, encodings lead back, and bytes that are
//! accepted are canonical.

use proptest::prelude::*;
use yilian_crypto::{
    bls::{self, G1, G2, Gt, Scalar},
    pre::{
        self, Capsule, Context, DelegateeSecret, DelegatorSecret, KnowledgeProof,
        LvReencapsulation, Reencapsulation, Rekey, ScopeKey,
    },
    pseudonym::{Escrow, Nym, NymSignature, RegulatorSecret},
    scope::{Confidentiality, Quarter, Scope, VisitTag},
    seed::{Language, PatientKeys, Seed},
    sign::{Signature, SigningKey},
};

use crate::{oracle, setting::Draws};

fn scopes() -> impl Strategy<Value = Scope> {
    (1u8..=4, 1u16..=9999, 1u8..=4, any::<Option<[u8; 16]>>()).prop_map(
        |(grade, year, quarter, tag)| Scope {
            confidentiality: Confidentiality::from_u8(grade).unwrap(),
            period: Quarter::new(year, quarter).unwrap(),
            tag: tag.map(|tag| VisitTag::from_bytes(&tag).unwrap()),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn patient_and_delegatee_find_the_key_of_the_sealer(
        name in ".*", scope in scopes(), author in any::<[u8; 32]>(), seed in any::<[u8; 32]>(),
    ) {
        let mut rng = Draws::named(&name);
        let nym = PatientKeys::from_seed(&Seed::from_bytes(seed), &author).visit(&author, 0).nym;
        let delegator = DelegatorSecret::random(&mut rng);
        let secret = delegator.scope(&scope);
        let key = delegator.public().scope(&scope);
        prop_assert_eq!(key, secret.key());
        let bob = DelegateeSecret::from_seed(&seed);

        let context = Context::new(&seed, &key, &nym, &author);
        let made = key.encapsulate(&context, secret.psk(), name.as_bytes(), &mut rng);
        let (capsule, prover, record_key) = made;
        let proof = prover.prove(&author, &mut rng);
        let capsule = Capsule::from_bytes(&capsule.to_bytes()).unwrap();
        let proof = KnowledgeProof::from_bytes(&proof.to_bytes()).unwrap();
        let proven = capsule.verify(&key, &context, &author, &proof).unwrap();
        prop_assert!(secret.decapsulate(&proven) == record_key);

        let rekey = secret.rekey(&bob.public());
        prop_assert_eq!(rekey.verify(&key, &bob.public()), Ok(()));
        let rekey = Rekey::from_bytes(&rekey.to_bytes()).unwrap();
        for form in [
            Reencapsulation::from(pre::reencapsulate(&proven, &rekey)),
            Reencapsulation::from(pre::reencapsulate_lv(&proven, &rekey, &mut rng)),
        ] {
            let read = Reencapsulation::from_bytes(&form.to_bytes()).unwrap();
            prop_assert_eq!(&read, &form);
            let one = secret.psk().record(&capsule);
            prop_assert!(bob.decapsulate(&read, &one, &context) == record_key);
        }
    }

    #[test]
    fn groups_and_pairing_agree_with_the_second_implementation(
        a in any::<[u8; 32]>(), b in any::<[u8; 32]>(),
    ) {
        let (mut a, mut b) = (a, b);
        (a[0], b[0]) = (a[0] & 0x3f, b[0] & 0x3f);
        let (x, y) = (Scalar::from_bytes(&a), Scalar::from_bytes(&b));
        let (Ok(x), Ok(y)) = (x, y) else { return Ok(()) };
        let (ark_x, ark_y) = (oracle::scalar(&a), oracle::scalar(&b));
        prop_assert_eq!(x.mul(&y).to_bytes().to_vec(), oracle::scalar_bytes(&(ark_x * ark_y)));
        let inverse = oracle::scalar_bytes(&oracle::invert(&ark_x));
        prop_assert_eq!(x.invert().unwrap().to_bytes().to_vec(), inverse);

        let (p, q) = (G1::power_of_generator(&x), G2::power_of_generator(&y));
        let ark_p = oracle::g(&ark_x);
        let ark_q = oracle::mul2(&oracle::h(), &ark_y);
        prop_assert_eq!(p.to_bytes().to_vec(), oracle::g1_bytes(&ark_p));
        prop_assert_eq!(q.to_bytes().to_vec(), oracle::g2_bytes(&ark_q));
        prop_assert_eq!(p.mul(&y).negate().add(&p).to_bytes().to_vec(),
            oracle::g1_bytes(&oracle::sub1(&ark_p, &oracle::mul1(&ark_p, &ark_y))));

        let (z, ark_z) = (bls::pairing(&p, &q), oracle::pairing(&ark_p, &ark_q));
        prop_assert_eq!(z.to_plain_bytes().to_vec(), oracle::gt_plain(&ark_z));
        prop_assert_eq!(z.to_bytes().to_vec(), oracle::gt_torus(&ark_z));
        prop_assert_eq!(Gt::from_bytes(&z.to_bytes()), Ok(z.clone()));
        let power = oracle::gt_pow(&ark_z, &ark_y);
        prop_assert_eq!(z.pow(&y).to_plain_bytes().to_vec(), oracle::gt_plain(&power));
        prop_assert_eq!(Gt::power_of_generator(&x.mul(&y)), z);
    }

    #[test]
    fn what_is_accepted_is_canonical(
        bytes in proptest::collection::vec(any::<u8>(), 96), flags in 4u8..8,
    ) {
        let mut bytes = bytes;
        // Mostly plausible: the flag of compression, and a coordinate that may be below p.
        bytes[0] = bytes[0] & 0x1f | flags << 5;
        let (point, _) = bytes.split_first_chunk::<48>().unwrap();
        if let Ok(point) = G1::from_bytes(point) {
            prop_assert_eq!(&point.to_bytes()[..], &bytes[..48]);
        }
        if let Ok(point) = G2::from_bytes(bytes.as_slice().try_into().unwrap()) {
            prop_assert_eq!(&point.to_bytes()[..], &bytes[..]);
        }
        let (proof, _) = bytes.split_first_chunk::<64>().unwrap();
        if let Ok(proof) = KnowledgeProof::from_bytes(proof) {
            prop_assert_eq!(&proof.to_bytes()[..], &bytes[..64]);
        }
        if let Ok(signature) = Signature::from_bytes(proof) {
            prop_assert_eq!(&signature.to_bytes()[..], &bytes[..64]);
        }
    }

    #[test]
    fn public_values_read_what_they_write(name in ".*") {
        let mut rng = Draws::named(&name);
        let seed = Seed::random(&mut rng);
        let patient = PatientKeys::from_seed(&seed, &[4; 32]);
        let visit = patient.visit(&[1; 32], 0);
        let regulator = RegulatorSecret::random(&mut rng).public();
        let escrow = Escrow::make(&patient, &visit.nym_secret, &regulator, b"", &mut rng);
        prop_assert_eq!(Escrow::from_bytes(&escrow.to_bytes()), Ok(escrow));
        prop_assert_eq!(Nym::from_bytes(&visit.nym.to_bytes()), Ok(visit.nym));
        let label = yilian_crypto::label::CID;
        let signature = visit.nym_secret.sign(label, &[], &mut rng);
        prop_assert_eq!(NymSignature::from_bytes(&signature.to_bytes()), Ok(signature));
        let signature = SigningKey::random(&mut rng).sign(label, &[]);
        prop_assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
        let key = ScopeKey::from_bytes(&regulator.to_bytes()).unwrap();
        prop_assert_eq!(key.to_bytes(), regulator.to_bytes());
        for language in [Language::English, Language::SimplifiedChinese] {
            prop_assert!(Seed::from_words(&seed.to_words(language)) == Ok(seed.clone()));
        }
    }

    #[test]
    fn no_bytes_panic_a_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Reencapsulation::from_bytes(&bytes);
        if let Some((form, _)) = bytes.split_first_chunk::<{ LvReencapsulation::SIZE }>() {
            let _ = LvReencapsulation::from_bytes(form);
        }
        if let Some((element, _)) = bytes.split_first_chunk::<{ Gt::SIZE }>() {
            let _ = Gt::from_bytes(element);
        }
    }
}

/// A short signature verifies for its key and message and no other.
#[test]
fn short_signatures_verify_strictly() {
    let mut rng = Draws::named("short signatures");
    let (secret, other) = (Scalar::random(&mut rng), Scalar::random(&mut rng));
    let public = G2::power_of_generator(&secret);
    let signature = G1::hash_to_curve(b"block", b"TAG").mul(&secret);
    assert!(bls::verify_min_sig(&public, b"TAG", b"block", &signature));
    assert!(!bls::verify_min_sig(&public, b"TAG", b"black", &signature));
    assert!(!bls::verify_min_sig(&public, b"GAT", b"block", &signature));
    assert!(!bls::verify_min_sig(
        &G2::power_of_generator(&other),
        b"TAG",
        b"block",
        &signature
    ));
    assert!(!bls::verify_min_sig(
        &public,
        b"TAG",
        b"block",
        &signature.negate()
    ));
}

/// RFC 9380, appendix J.9.1.
#[test]
fn hashing_to_g1_is_that_of_rfc_9380() {
    const DST: &[u8] = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
    let vectors: [(&[u8], &str); 3] = [
        (
            b"",
            "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1",
        ),
        (
            b"abc",
            "03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903",
        ),
        (
            b"abcdef0123456789",
            "11e0b079dea29a68f0383ee94fed1b940995272407e3bb916bbf268c263ddd57a6a27200a784cbc248e84f357ce82d98",
        ),
    ];
    for (message, x) in vectors {
        let mut bytes = G1::hash_to_curve(message, DST).to_bytes();
        bytes[0] &= 0x1f;
        assert_eq!(hex::encode(bytes), x);
    }
}
