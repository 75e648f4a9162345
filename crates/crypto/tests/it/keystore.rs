//! Keystores: what opens, what does not, and what a hostile file can make a machine do.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use yilian_crypto::keystore::{
    self, CONTENT_MAX, Cost, HomeKey, KEYSTORE_SIZE, KeystoreError, Passphrase, secret_len,
};

use crate::setting::Draws;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::chosen(text).unwrap()
}

fn home(name: &str) -> HomeKey {
    HomeKey::random(&mut Draws::named(name))
}

/// A keystore of the least cost.
fn keystore(home: &HomeKey, text: &str) -> Vec<u8> {
    let made = home.keystore(&passphrase(text), Cost::LEAST, &mut rand::rng());
    made.unwrap()
}

/// The same with the check of somebody who changes bytes on purpose.
fn with_check(mut bytes: Vec<u8>) -> Vec<u8> {
    let at = bytes.len() - 16;
    let label = yilian_crypto::label::KEYSTORE_CHECK;
    let check = yilian_crypto::hash::hash(label, &[&bytes[..at]]);
    bytes[at..].copy_from_slice(&check[..16]);
    bytes
}

#[test]
fn fault_13_secrets_of_a_home_lie_open() {
    let (one, word) = (home("one"), b"abandon ability able about above absent");
    let keystore = keystore(&one, "over the hills");
    let sealed = one.seal("patients/ann.key", word, &mut rand::rng());
    let sealed = sealed.unwrap();
    assert_eq!(keystore.len(), KEYSTORE_SIZE);
    assert_eq!(sealed.len(), secret_len(word.len()));
    assert!(keystore::is_sealed(&sealed) && !keystore::is_sealed(word));
    for shown in [&keystore, &sealed] {
        assert!(!shown.windows(7).any(|part| part == b"abandon"));
    }
    // Who has both files and no passphrase opens neither.
    let guess = HomeKey::open(&keystore, &passphrase("over the hill"));
    assert_eq!(guess.err(), Some(KeystoreError::WrongPassphrase));
    let opened = HomeKey::open(&keystore, &passphrase("over the hills")).unwrap();
    let content = opened.open_secret("patients/ann.key", &sealed).unwrap();
    assert_eq!(content.as_slice(), word);
}

#[test]
fn another_passphrase_is_another_keystore_and_the_same_home() {
    let one = home("one");
    let sealed = one.seal("a", b"secret", &mut rand::rng()).unwrap();
    let before = keystore(&one, "the first one");
    let opened = HomeKey::open(&before, &passphrase("the first one")).unwrap();
    let after = keystore(&opened, "the second one");
    let refused = HomeKey::open(&after, &passphrase("the first one"));
    assert_eq!(refused.err(), Some(KeystoreError::WrongPassphrase));
    let opened = HomeKey::open(&after, &passphrase("the second one")).unwrap();
    assert_eq!(
        opened.open_secret("a", &sealed).unwrap().as_slice(),
        b"secret"
    );
}

#[test]
fn damage_is_told_from_a_wrong_passphrase() {
    let good = keystore(&home("one"), "over the hills");
    let right = passphrase("over the hills");
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 1;
        let expected = if place < 4 {
            KeystoreError::Other { what: "keystore" }
        } else {
            KeystoreError::Damaged
        };
        assert_eq!(HomeKey::open(&bad, &right).err(), Some(expected), "{place}");
    }
    for length in 4..good.len() {
        let cut = HomeKey::open(&good[..length], &right);
        assert_eq!(cut.err(), Some(KeystoreError::Damaged), "{length}");
    }
    let longer = with_check([good, vec![0]].concat());
    let refused = HomeKey::open(&longer, &right).err();
    assert_eq!(refused, Some(KeystoreError::Damaged));
}

#[test]
fn damage_of_a_secret_is_told_from_another_name() {
    let one = home("one");
    let good = one.seal("a", b"some content", &mut rand::rng()).unwrap();
    for place in 4..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x40;
        let refused = one.open_secret("a", &bad).err();
        assert_eq!(refused, Some(KeystoreError::Damaged), "{place}");
    }
    for length in 4..good.len() {
        let refused = one.open_secret("a", &good[..length]).err();
        assert_eq!(refused, Some(KeystoreError::Damaged), "{length}");
    }
    for name in ["b", "", "a/", "aa"] {
        let refused = one.open_secret(name, &good).err();
        assert_eq!(refused, Some(KeystoreError::OtherName), "{name}");
    }
    let refused = home("other").open_secret("a", &good).err();
    assert_eq!(refused, Some(KeystoreError::OtherName));
    let other = KeystoreError::Other {
        what: "secret of a keystore",
    };
    assert_eq!(one.open_secret("a", b"{}").err(), Some(other));
}

/// Who makes the check good again gains nothing, wherever he changes a byte.
#[test]
fn bytes_changed_on_purpose_open_nothing() {
    let one = home("one");
    let good = one.seal("a", b"some content", &mut rand::rng()).unwrap();
    for place in 0..good.len() - 16 {
        let mut bad = good.clone();
        bad[place] ^= 1;
        assert!(one.open_secret("a", &with_check(bad)).is_err(), "{place}");
    }
    let good = keystore(&one, "over the hills");
    let right = passphrase("over the hills");
    // In salt, commitment, sealed key and tag, each once: all of it costs a stretching.
    for place in [20, 50, 90, 120] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        assert!(HomeKey::open(&with_check(bad), &right).is_err(), "{place}");
    }
}

#[test]
fn a_file_makes_no_machine_spend_what_is_beyond_the_ceiling() {
    let good = keystore(&home("one"), "over the hills");
    let right = passphrase("over the hills");
    let since = Instant::now();
    let costs: [(u32, u32, u8); 9] = [
        (100 << 20, 3, 4),
        (u32::MAX, u32::MAX, u8::MAX),
        (64 << 10, 17, 4),
        (64 << 10, 3, 17),
        (512 << 10, 16, 1),
        ((19 << 10) - 1, 2, 1),
        (19 << 10, 1, 1),
        (64 << 10, 3, 0),
        (0, 0, 0),
    ];
    for (memory, passes, lanes) in costs {
        let mut bad = good.clone();
        bad[5..9].copy_from_slice(&memory.to_be_bytes());
        bad[9..13].copy_from_slice(&passes.to_be_bytes());
        bad[13] = lanes;
        let bad = with_check(bad);
        let refused = HomeKey::open(&bad, &right).err();
        assert_eq!(refused, Some(KeystoreError::Cost));
        assert_eq!(keystore::cost(&bad), Err(KeystoreError::Cost));
        assert!(Cost::new(memory, passes, lanes).is_err());
    }
    assert!(
        since.elapsed() < Duration::from_secs(1),
        "nothing is computed"
    );
    assert_eq!(keystore::cost(&good), Ok(Cost::LEAST));
    assert!(Cost::new(512 << 10, 4, 16).is_ok());
}

#[test]
fn a_keystore_made_cheaper_does_not_open() {
    let right = passphrase("over the hills");
    let dear = Cost::new(20 << 10, 2, 1).unwrap();
    let good = home("one").keystore(&right, dear, &mut rand::rng());
    let mut bad = good.unwrap();
    bad[5..9].copy_from_slice(&Cost::LEAST.memory_kib().to_be_bytes());
    let refused = HomeKey::open(&with_check(bad), &right).err();
    assert_eq!(refused, Some(KeystoreError::WrongPassphrase));
}

#[test]
fn another_suite_is_named() {
    let one = home("one");
    let mut sealed = one.seal("a", b"x", &mut rand::rng()).unwrap();
    sealed[4] = 3;
    let refused = one.open_secret("a", &with_check(sealed)).err();
    assert_eq!(refused, Some(KeystoreError::Suite { found: 3 }));
}

#[test]
fn a_machine_that_repeats_its_randomness_seals_no_two_contents_under_one_key() {
    let one = home("one");
    let salt = |name: &str, content: &[u8]| {
        let sealed = one.seal(name, content, &mut Draws::named("stuck"));
        sealed.unwrap()[5..37].to_vec()
    };
    assert_eq!(salt("a", b"one"), salt("a", b"one"));
    assert_ne!(salt("a", b"one"), salt("a", b"two"));
    assert_ne!(salt("a", b"one"), salt("b", b"one"));
    let keystore = |home: &HomeKey, text: &str| {
        let draws = &mut Draws::named("stuck");
        let made = home.keystore(&passphrase(text), Cost::LEAST, draws);
        made.unwrap()[14..46].to_vec()
    };
    assert_ne!(
        keystore(&one, "over the hills"),
        keystore(&home("other"), "over the hills")
    );
    assert_ne!(
        keystore(&one, "over the hills"),
        keystore(&one, "far away, far")
    );
}

#[test]
fn a_passphrase_is_the_same_however_it_is_composed() {
    // e with an acute accent, as one character and as two; a wide blank and a narrow one.
    let (one, two) = ("caf\u{e9}\u{3000}au lait", "cafe\u{301} au lait");
    assert!(passphrase(one).is(&passphrase(two)));
    assert!(!passphrase(one).is(&passphrase("cafe au lait")));
    let home = home("one");
    let keystore = keystore(&home, one);
    assert!(HomeKey::open(&keystore, &passphrase(two)).is_ok());
    for bad in ["", "a\nb", "\u{7f}", &"x".repeat(1025)] {
        let refused = Passphrase::new(bad).err();
        assert_eq!(refused, Some(KeystoreError::Passphrase), "{bad:?}");
    }
    assert_eq!(Passphrase::chosen("seven ch").err(), None);
    assert_eq!(
        Passphrase::chosen("seven c").err(),
        Some(KeystoreError::Short)
    );
    assert!(Passphrase::new("short").is_ok(), "to open what is there");
    assert_eq!(format!("{:?}", passphrase(one)), "Passphrase(secret)");
}

#[test]
fn over_the_limit_nothing_is_sealed_or_opened() {
    let (one, large) = (home("one"), vec![0; CONTENT_MAX + 1]);
    let refused = one.seal("a", &large, &mut rand::rng()).err();
    assert_eq!(refused, Some(KeystoreError::TooLarge));
    let mut large = vec![0; secret_len(CONTENT_MAX) + 1];
    large[..4].copy_from_slice(b"YLKF");
    let refused = one.open_secret("a", &large).err();
    assert_eq!(refused, Some(KeystoreError::TooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_sealed_opens_under_its_name_and_no_other(
        content in proptest::collection::vec(any::<u8>(), 0..2000),
        name in ".{0,40}", other in ".{0,40}",
    ) {
        let one = home("one");
        let sealed = one.seal(&name, &content, &mut rand::rng()).unwrap();
        prop_assert_eq!(sealed.len(), secret_len(content.len()));
        let opened = one.open_secret(&name, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), content.as_slice());
        prop_assert_eq!(one.open_secret(&other, &sealed).is_ok(), name == other);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for magic in [b"YLKS", b"YLKF"] {
            let bytes = [magic.as_slice(), &bytes].concat();
            prop_assert!(keystore::cost(&bytes).is_err());
            prop_assert!(home("one").open_secret("a", &bytes).is_err());
            if bytes.len() > 20 {
                prop_assert!(home("one").open_secret("a", &with_check(bytes)).is_err());
            }
        }
    }
}
