//! Seeds and their words, pseudonyms, escrows and signatures, with what must be refused.

use yilian_crypto::{
    Error, label,
    pseudonym::{Escrow, NymSignature, RegulatorSecret},
    seed::{Language, PatientKeys, Seed},
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::setting::{Draws, HOSPITAL};

const LANGUAGES: [Language; 2] = [Language::English, Language::SimplifiedChinese];

fn patient(byte: u8) -> PatientKeys {
    PatientKeys::from_seed(&Seed::from_bytes([byte; 32]), &[4; 32])
}

// - words

/// From the BIP-39 reference vectors of the Trezor implementation.
#[test]
fn words_are_those_of_bip39() {
    let vectors = [
        (
            [0x00; 32],
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
        ),
        (
            [0x7f; 32],
            "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title",
        ),
        (
            [0x80; 32],
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless",
        ),
        (
            [0xff; 32],
            "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
        ),
    ];
    for (bytes, words) in vectors {
        let seed = Seed::from_bytes(bytes);
        assert_eq!(seed.to_words(Language::English).as_str(), words);
        assert_eq!(Seed::from_words(words), Ok(seed));
    }
}

#[test]
fn words_are_read_however_spaced_and_cased() {
    let seed = Seed::from_bytes([0x2a; 32]);
    let english = seed.to_words(Language::English);
    let chinese = seed.to_words(Language::SimplifiedChinese);
    let texts = [
        english.to_uppercase(),
        format!("\n {} \t", english.replace(' ', "  \n")),
        chinese.to_string(),
        chinese.replace(' ', ""),
        chinese.replace(' ', "\u{3000}"),
        format!(
            "{}\n{}",
            &chinese.replace(' ', "")[..36],
            &chinese.replace(' ', "")[36..]
        ),
    ];
    for text in texts {
        assert_eq!(Seed::from_words(&text).as_ref(), Ok(&seed), "{text}");
    }
}

#[test]
fn wrong_words_are_refused_with_their_position() {
    for language in LANGUAGES {
        let words = Seed::from_bytes([0x2a; 32]).to_words(language);
        let list: Vec<&str> = words.split(' ').collect();
        for place in [0, 1, 11, 23] {
            let mut wrong = list.clone();
            wrong[place] = if language == Language::English {
                "qqqq"
            } else {
                "龘"
            };
            let expected = Error::UnknownWord {
                position: place + 1,
            };
            assert_eq!(Seed::from_words(&wrong.join(" ")), Err(expected));
        }
        for count in [0, 1, 12, 23] {
            let fewer = list[..count].join(" ");
            assert_eq!(Seed::from_words(&fewer), Err(Error::WordCount { count }));
        }
        let more = format!("{} {}", words.as_str(), list[0]);
        assert_eq!(Seed::from_words(&more), Err(Error::WordCount { count: 25 }));
        let mut swapped = list.clone();
        swapped.swap(3, 4);
        assert_eq!(
            Seed::from_words(&swapped.join(" ")),
            Err(Error::WordChecksum)
        );
    }
    let mixed = Seed::from_bytes([0x2a; 32])
        .to_words(Language::English)
        .replacen("a", "的", 1);
    assert!(Seed::from_words(&mixed).is_err());
}

// - derivation

#[test]
fn every_derived_key_is_another() {
    let mut seen = Vec::new();
    for patient in [patient(1), patient(2)] {
        for hospital in [[1; 32], [2; 32]] {
            let keys = patient.hospital(&hospital);
            seen.push(keys.delegator.public().to_bytes().to_vec());
            seen.push(keys.search.public().to_bytes().to_vec());
            for counter in [0, 1, 256, u32::MAX] {
                let visit = patient.visit(&hospital, counter);
                assert_eq!(visit.nym, visit.nym_secret.nym());
                seen.push(visit.nym.to_bytes().to_vec());
                seen.push(visit.signing.verifying_key().to_bytes().to_vec());
                seen.push(visit.tag.to_bytes().to_vec());
            }
        }
        for counter in [0, 1, 256, u32::MAX] {
            seen.push(patient.grant(counter).verifying_key().to_bytes().to_vec());
        }
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

// - pseudonyms

#[test]
fn a_signature_under_a_pseudonym_is_bound_to_all_of_it() {
    let mut rng = Draws::named("nym");
    let visit = patient(1).visit(&HOSPITAL, 0);
    let other = patient(1).visit(&HOSPITAL, 1);
    let signature = visit
        .nym_secret
        .sign(label::VISIT_TOKEN, &[b"ab", b"c"], &mut rng);
    assert_eq!(
        visit
            .nym
            .verify(label::VISIT_TOKEN, &[b"ab", b"c"], &signature),
        Ok(())
    );
    let refused = Err(Error::Signature);
    assert_eq!(
        visit
            .nym
            .verify(label::VISIT_TOKEN, &[b"a", b"bc"], &signature),
        refused
    );
    assert_eq!(
        visit
            .nym
            .verify(label::CALL_SIGNATURE, &[b"ab", b"c"], &signature),
        refused
    );
    assert_eq!(
        other
            .nym
            .verify(label::VISIT_TOKEN, &[b"ab", b"c"], &signature),
        refused
    );
    for place in 0..NymSignature::SIZE {
        let mut bytes = signature.to_bytes();
        bytes[place] ^= 1;
        if let Ok(changed) = NymSignature::from_bytes(&bytes) {
            let result = visit
                .nym
                .verify(label::VISIT_TOKEN, &[b"ab", b"c"], &changed);
            assert_eq!(result, refused, "byte {place}");
        }
    }
}

#[test]
fn an_escrow_opens_to_the_same_person_at_every_visit() {
    let mut rng = Draws::named("escrow");
    let regulator = RegulatorSecret::random(&mut rng);
    let mut opened = |patient: &PatientKeys, hospital: u8, counter| {
        let visit = patient.visit(&[hospital; 32], counter);
        let escrow = Escrow::make(
            patient,
            &visit.nym_secret,
            &regulator.public(),
            b"here",
            &mut rng,
        );
        escrow
            .verify(&visit.nym, &regulator.public(), b"here")
            .unwrap();
        crate::escrow::opened_alone(&regulator, &escrow, &visit.nym, b"here")
    };
    let person = opened(&patient(1), 1, 0);
    assert_eq!(opened(&patient(1), 1, 1), person);
    assert_eq!(opened(&patient(1), 2, 0), person);
    assert_ne!(opened(&patient(2), 1, 0), person);
}

#[test]
fn an_escrow_is_bound_to_pseudonym_regulators_and_context() {
    let mut rng = Draws::named("escrow binding");
    let (keys, regulator) = (patient(1), RegulatorSecret::random(&mut rng).public());
    let visit = keys.visit(&HOSPITAL, 0);
    let escrow = Escrow::make(&keys, &visit.nym_secret, &regulator, b"here", &mut rng);
    let refused = Err(Error::Escrow);
    let other_regulator = RegulatorSecret::random(&mut rng).public();
    assert_eq!(escrow.verify(&visit.nym, &regulator, b"here"), Ok(()));
    assert_eq!(escrow.verify(&visit.nym, &regulator, b"there"), refused);
    assert_eq!(
        escrow.verify(&visit.nym, &other_regulator, b"here"),
        refused
    );
    assert_eq!(
        escrow.verify(&keys.visit(&HOSPITAL, 1).nym, &regulator, b"here"),
        refused
    );
    assert_eq!(
        escrow.verify(&patient(2).visit(&HOSPITAL, 0).nym, &regulator, b"here"),
        refused
    );
}

/// A patient who hides somebody else's identity under his own pseudonym.
#[test]
fn an_escrow_of_another_patients_identity_does_not_verify() {
    let mut rng = Draws::named("escrow of another");
    let regulator = RegulatorSecret::random(&mut rng).public();
    let visit = patient(1).visit(&HOSPITAL, 0);
    let forged = Escrow::make(&patient(2), &visit.nym_secret, &regulator, b"", &mut rng);
    assert_eq!(
        forged.verify(&visit.nym, &regulator, b""),
        Err(Error::Escrow)
    );
}

#[test]
fn any_changed_bit_of_an_escrow_is_refused() {
    let mut rng = Draws::named("escrow bits");
    let (keys, regulator) = (patient(1), RegulatorSecret::random(&mut rng).public());
    let visit = keys.visit(&HOSPITAL, 0);
    let escrow = Escrow::make(&keys, &visit.nym_secret, &regulator, b"", &mut rng);
    for place in 0..Escrow::SIZE {
        let mut bytes = escrow.to_bytes();
        bytes[place] ^= 1;
        if let Ok(changed) = Escrow::from_bytes(&bytes) {
            let result = changed.verify(&visit.nym, &regulator, b"");
            assert_eq!(result, Err(Error::Escrow), "byte {place}");
        }
    }
}

// - signatures

#[test]
fn a_signature_is_bound_to_label_message_and_key() {
    let (key, other) = (
        SigningKey::from_seed(&[1; 32]),
        SigningKey::from_seed(&[2; 32]),
    );
    let signature = key.sign(label::RECORD_SIGNATURE, &[b"ab", b"c"]);
    let verify = |key: &SigningKey, label, parts: &[&[u8]]| {
        key.verifying_key().verify(label, parts, &signature)
    };
    assert_eq!(
        verify(&key, label::RECORD_SIGNATURE, &[b"ab", b"c"]),
        Ok(())
    );
    let refused = Err(Error::Signature);
    assert_eq!(
        verify(&key, label::RECORD_SIGNATURE, &[b"a", b"bc"]),
        refused
    );
    assert_eq!(verify(&key, label::CALL_SIGNATURE, &[b"ab", b"c"]), refused);
    assert_eq!(
        verify(&other, label::RECORD_SIGNATURE, &[b"ab", b"c"]),
        refused
    );
    for place in 0..Signature::SIZE {
        let mut bytes = signature.to_bytes();
        bytes[place] ^= 1;
        if let Ok(changed) = Signature::from_bytes(&bytes) {
            let result =
                key.verifying_key()
                    .verify(label::RECORD_SIGNATURE, &[b"ab", b"c"], &changed);
            assert_eq!(result, refused, "byte {place}");
        }
    }
}

/// RFC 8032, section 7.1: the keys of tests 1 to 3.
#[test]
fn keys_are_those_of_rfc_8032() {
    let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        ),
    ];
    for (seed, public) in vectors {
        let seed: [u8; 32] = hex::decode(seed).unwrap().try_into().unwrap();
        let key = SigningKey::from_seed(&seed).verifying_key();
        assert_eq!(hex::encode(key.to_bytes()), public);
        assert_eq!(VerifyingKey::from_bytes(&key.to_bytes()), Ok(key));
    }
}
