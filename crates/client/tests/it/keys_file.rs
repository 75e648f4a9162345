use std::collections::BTreeMap;

use serde_json::{Value, json};
use yilian_client::keys_file::{GENESIS, KeysFile, KeysFileError, PersonFile, Secrets};
use yilian_crypto::{
    keystore::{Cost, KeystoreError, Passphrase},
    seed::Seed,
};
use yilian_protocol::{TimeMs, codec::Text, registry::Role};
use zeroize::Zeroizing;

use crate::world::hospital;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

type Secret = (String, Zeroizing<Vec<u8>>);

/// The names of a person's secret and public file, and what is in them.
fn person(name: &str, seed: &Seed, key: &[u8]) -> (Secret, (String, Value)) {
    let until = TimeMs::new(1_000_000_000_000_000);
    let text = Text::new(name).unwrap();
    let certificate = hospital(0).certificate(text, Role::Doctor, seed, TimeMs::new(0), until);
    let secret = Zeroizing::new(format!("{}\n", hex::encode(key)).into_bytes());
    let public = serde_json::to_value(PersonFile { certificate }).unwrap();
    (
        (format!("people/{name}.key"), secret),
        (format!("people/{name}.json"), public),
    )
}

fn file(people: &[(&str, &Seed, &[u8])]) -> KeysFile {
    let (mut secrets, mut public) = (Secrets::new(), BTreeMap::new());
    for (name, seed, key) in people {
        let (secret, known) = person(name, seed, key);
        secrets.insert(secret.0, secret.1);
        public.insert(known.0, known.1);
    }
    public.insert(GENESIS.to_owned(), json!({}));
    let rng = &mut rand::rng();
    let sealed = KeysFile::seal(
        &secrets,
        public,
        &passphrase("of the file"),
        Cost::LEAST,
        rng,
    );
    let bytes = serde_json::to_vec(&sealed.unwrap()).unwrap();
    KeysFile::read(&bytes).unwrap()
}

fn refused(file: &KeysFile) -> KeysFileError {
    let opened = file.open(&passphrase("of the file")).unwrap();
    file.person(&opened).unwrap_err()
}

#[test]
fn a_file_gives_one_person_his_keys_under_its_passphrase_only() {
    let seed = Seed::random(&mut rand::rng());
    let file = file(&[("Li", &seed, seed.expose())]);
    let opened = file.open(&passphrase("of the file")).unwrap();
    let (stem, handed) = file.person(&opened).unwrap();
    assert_eq!(stem, "people/Li");
    assert_eq!(handed.certificate.subject.as_str(), "Li");
    handed.person().unwrap().doctor().unwrap();
    let wrong = file.open(&passphrase("of another")).unwrap_err();
    let other = KeysFileError::Keystore(KeystoreError::WrongPassphrase);
    assert_eq!(wrong, other);
    let text = serde_json::to_string(&file).unwrap();
    assert!(!text.contains(&hex::encode(&seed.expose()[..8])));
}

#[test]
fn keys_of_another_certificate_of_nobody_or_of_two_are_refused() {
    let (one, other) = (
        Seed::random(&mut rand::rng()),
        Seed::random(&mut rand::rng()),
    );
    let foreign = file(&[("Li", &one, other.expose())]);
    assert!(matches!(refused(&foreign), KeysFileError::Foreign { .. }));
    let nobody = file(&[]);
    assert_eq!(refused(&nobody), KeysFileError::NotOnePerson { found: 0 });
    let two = file(&[("Li", &one, one.expose()), ("Wu", &other, other.expose())]);
    assert_eq!(refused(&two), KeysFileError::NotOnePerson { found: 2 });
    let short = file(&[("Li", &one, b"short")]);
    assert!(matches!(refused(&short), KeysFileError::Malformed { .. }));
    let mut keyless = file(&[("Li", &one, one.expose())]);
    keyless.secrets.clear();
    assert!(matches!(refused(&keyless), KeysFileError::NoKey { .. }));
    assert!(matches!(
        keyless.genesis().unwrap_err(),
        KeysFileError::Malformed { .. }
    ));
}

#[test]
fn secrets_that_were_moved_or_damaged_do_not_open() {
    let seed = Seed::random(&mut rand::rng());
    let mut moved = file(&[("Li", &seed, seed.expose())]);
    let secret = moved.secrets.remove("people/Li.key").unwrap();
    moved.secrets.insert("people/Wu.key".to_owned(), secret);
    let opened = moved.open(&passphrase("of the file")).unwrap_err();
    assert!(matches!(opened, KeysFileError::Secret { .. }));
    for wrong in ["", "{}", r#"{"kind":"yilian-wallet"}"#] {
        let read = KeysFile::read(wrong.as_bytes()).unwrap_err();
        assert!(matches!(read, KeysFileError::Other(_)), "{wrong}");
    }
}
