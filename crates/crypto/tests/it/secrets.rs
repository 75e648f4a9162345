//! Secrets do not print.

use std::fmt::Debug;

use yilian_crypto::{
    bls::{Gt, Scalar},
    label,
    pre::DelegateeSecret,
    pseudonym::RegulatorSecret,
    seed::{MemberKeys, PatientKeys, Seed},
    sign::SigningKey,
};

use crate::{
    oracle,
    setting::{CHAIN, HOSPITAL, Setting, scope},
};

const SEED: [u8; 32] =
    *b"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";

/// Fails when `value`, however printed, holds four bytes in a row of any secret, in hex or decimal.
fn prints_nothing_of(value: &impl Debug, secrets: &[&[u8]]) {
    for text in [
        format!("{value:?}"),
        format!("{value:#?}"),
        format!("{value:x?}"),
    ] {
        let text: String = text.to_lowercase().split_whitespace().collect();
        for secret in secrets {
            assert!(secret.len() >= 16, "a test for nothing");
            for window in secret.windows(4) {
                let hex = hex::encode(window);
                let hex_list: Vec<_> = window.iter().map(|byte| format!("{byte:x}")).collect();
                let list: Vec<_> = window.iter().map(u8::to_string).collect();
                for shown in [hex, hex_list.join(","), list.join(","), list.concat()] {
                    assert!(!text.contains(&shown), "{text} holds {shown}");
                }
            }
            for limb in secret.as_chunks::<8>().0 {
                for number in [u64::from_le_bytes(*limb), u64::from_be_bytes(*limb)] {
                    assert!(!text.contains(&number.to_string()), "{text} holds {number}");
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "holds")]
fn the_search_finds_what_is_printed() {
    prints_nothing_of(&SEED, &[&SEED]);
}

#[test]
#[should_panic(expected = "holds")]
fn the_search_finds_hex() {
    prints_nothing_of(&hex::encode(SEED), &[&SEED]);
}

#[test]
fn no_secret_type_prints_its_bytes() {
    let seed = Seed::from_bytes(SEED);
    let of_chain = oracle::kdf("seed/of-chain", &SEED, &[&CHAIN], 32);
    let root = oracle::scalar_bytes(&oracle::kdf_scalar("seed/root", &of_chain, &[]));
    let patient = PatientKeys::from_seed(&seed, &CHAIN);
    let master = oracle::kdf("seed/signing-master", &of_chain, &[], 32);
    prints_nothing_of(&seed, &[&SEED]);
    prints_nothing_of(&patient, &[&SEED, &of_chain, &root, &master]);

    let k_h = oracle::kdf("seed/key-of-hospital", &of_chain, &[&HOSPITAL], 32);
    let offset = oracle::hash_scalar("seed/offset-of-hospital", &[&k_h]);
    let a_h = oracle::scalar_bytes(&(oracle::scalar(&root) + offset));
    let search = oracle::kdf("seed/search-of-hospital", &of_chain, &[&HOSPITAL], 32);
    let hospital = patient.hospital(&HOSPITAL);
    let periods = oracle::kdf("seed/periods-of-hospital", &of_chain, &[&HOSPITAL], 32);
    let searches = oracle::kdf("seed/searches-of-hospital", &of_chain, &[&HOSPITAL], 32);
    let all: [&[u8]; 7] = [&SEED, &root, &k_h, &a_h, &search, &periods, &searches];
    prints_nothing_of(&hospital, &all);
    prints_nothing_of(&hospital.delegator, &[&a_h]);
    prints_nothing_of(&hospital.search, &[&search]);

    let clinical = scope(yilian_crypto::scope::Confidentiality::Clinical);
    let public = hospital.delegator.public().to_bytes();
    let h1 = oracle::hash_scalar("pre/scope-offset", &[&public, &clinical.to_bytes()]);
    let a_w = oracle::scalar(&a_h) + h1;
    let inverse = oracle::scalar_bytes(&oracle::invert(&a_w));
    let scope_secret = hospital.delegator.scope(&clinical);
    let handed = hospital.delegator.period(clinical.period, None);
    let scope_psk = scope_secret.psk();
    let search_psk = hospital.searches.quarter(clinical.period);
    let all: [&[u8]; 5] = [
        &oracle::scalar_bytes(&a_w),
        &inverse,
        handed.expose(),
        scope_psk.expose(),
        search_psk.expose(),
    ];
    prints_nothing_of(&scope_secret, &all);
    prints_nothing_of(&(&handed, scope_psk, &search_psk), &all);

    let counter = 7u32.to_be_bytes();
    let k_v = oracle::kdf("seed/key-of-visit", &of_chain, &[&HOSPITAL, &counter], 32);
    let d = oracle::hash_scalar("seed/offset-of-visit", &[&k_v]);
    let x = oracle::scalar_bytes(&(oracle::scalar(&root) + d));
    let signing = oracle::kdf(
        "seed/signing-key-of-visit",
        &master,
        &[&HOSPITAL, &counter],
        32,
    );
    let visit = patient.visit(&HOSPITAL, 7);
    let all: [&[u8]; 5] = [&k_v, &oracle::scalar_bytes(&d), &x, &signing, &root];
    prints_nothing_of(&visit, &all);
    prints_nothing_of(&visit.nym_secret, &all);
    prints_nothing_of(&visit.signing, &all);

    let member_signing = oracle::kdf("seed/member-signing", &SEED, &[], 32);
    let member_b = oracle::kdf("seed/member-delegatee", &SEED, &[], 32);
    let member = MemberKeys::from_seed(&seed);
    let b = oracle::scalar_bytes(&oracle::kdf_scalar("pre/delegatee", &member_b, &[]));
    let kem = oracle::kdf("seed/member-kem", &SEED, &[], 32);
    prints_nothing_of(&member, &[&member_signing, &member_b, &b, &kem]);
    let share = yilian_crypto::psk::SecretShare::from_bytes(SEED);
    prints_nothing_of(&(share, &member.kem), &[&SEED, &kem]);
}

#[test]
fn no_secret_made_from_a_seed_of_its_own_prints_its_bytes() {
    let scalar = |label| oracle::scalar_bytes(&oracle::kdf_scalar(label, &SEED, &[]));
    let b = scalar("pre/delegatee");
    let b_inverse = oracle::scalar_bytes(&oracle::invert(&oracle::scalar(&b)));
    prints_nothing_of(&DelegateeSecret::from_seed(&SEED), &[&SEED, &b, &b_inverse]);
    let y = scalar("pseudonym/regulator");
    prints_nothing_of(&RegulatorSecret::from_seed(&SEED), &[&SEED, &y]);
    let mut draws = crate::setting::Draws::named("a share");
    let dealt = RegulatorSecret::from_seed(&SEED).deal(2, 2, &mut draws);
    let share = dealt.unwrap().1.remove(0);
    prints_nothing_of(&share, &[share.expose().as_slice()]);
    prints_nothing_of(&SigningKey::from_seed(&SEED), &[&SEED]);

    let plain = Scalar::derive(label::PRE_DELEGATEE, &SEED, &[]);
    assert_eq!(plain.to_bytes().as_slice(), b);
    prints_nothing_of(&plain, &[&b]);
    let element = Gt::power_of_generator(&plain);
    let coordinates = element.to_plain_bytes();
    prints_nothing_of(&element, &[coordinates.as_slice(), &element.to_bytes()]);
}

#[test]
fn a_rekey_does_not_print() {
    let setting = Setting::new();
    let rekey = setting.secret.rekey(&setting.bob.public());
    prints_nothing_of(&rekey, &[&rekey.to_bytes()]);
}

#[test]
fn a_record_key_does_not_print() {
    let mut setting = Setting::new();
    let record = setting.record();
    assert_eq!(format!("{:?}", record.key), "RecordKey(32 secret bytes)");
}

#[test]
fn errors_about_words_do_not_repeat_them() {
    let words = Seed::from_bytes(SEED).to_words(yilian_crypto::seed::Language::English);
    let mut list: Vec<&str> = words.split(' ').collect();
    list[4] = "qwertz";
    let error = Seed::from_words(&list.join(" ")).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        !text.contains("qwertz") && list.iter().all(|word| !text.contains(&format!(" {word} ")))
    );
}
