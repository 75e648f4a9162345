//! Shares and letters on their way: only their reader opens them, as what they are.

use yilian_protocol::{
    CertificateId, ChainId,
    letter::{Letter, LetterError, SealedLetter, Share},
};

use crate::values::{author, chain, kem, kem_secret, letter, object, rng, share};

fn sealed() -> SealedLetter<Share> {
    SealedLetter::seal(&share(), (author(), &kem(4)), &mut rng()).unwrap()
}

#[test]
fn the_reader_opens_what_was_sealed() {
    assert_eq!(sealed().open(&kem_secret(4)).unwrap(), share());
    let to = (author(), &kem(4));
    let letter_ = SealedLetter::seal(&letter(), to, &mut rng()).unwrap();
    assert_eq!(letter_.open(&kem_secret(4)).unwrap(), letter());
    let named = letter().terms.scopes[0].key;
    let letter = letter();
    let scope = letter.secret(&named).unwrap();
    assert_eq!(scope.record(object().header().capsule()), share().secret);
}

#[test]
fn nobody_else_opens_it_and_it_opens_as_nothing_else() {
    let wrong = LetterError::Sealed(yilian_crypto::Error::WrongKey);
    assert_eq!(sealed().open(&kem_secret(5)).unwrap_err(), wrong);
    let (mut readdressed, mut elsewhere) = (sealed(), sealed());
    readdressed.reader = CertificateId::from_bytes([9; 32]);
    elsewhere.chain = ChainId::from_bytes([9; 32]);
    for moved in [readdressed, elsewhere] {
        assert_eq!(moved.open(&kem_secret(4)).unwrap_err(), wrong);
    }
    // Nor as a letter of a grant, whatever the file's own words say.
    let text = serde_json::to_string(&sealed()).unwrap();
    assert!(serde_json::from_str::<SealedLetter<Letter>>(&text).is_err());
    let forged = text.replace("\"share\"", "\"letter\"");
    let other: SealedLetter<Letter> = serde_json::from_str(&forged).unwrap();
    assert_eq!(other.open(&kem_secret(4)).unwrap_err(), wrong);
    let same: SealedLetter<Share> = serde_json::from_str(&text).unwrap();
    assert_eq!(same.open(&kem_secret(4)).unwrap(), share());
}

/// What is passed on shows the reader's certificate and the chain. The scope's secret, the scope's
/// key and the record are inside.
#[test]
fn a_file_holds_nothing_of_what_it_seals() {
    let text = serde_json::to_string(&sealed()).unwrap();
    let share = share();
    for secret in [
        hex::encode(share.secret.expose()),
        hex::encode(share.scope.to_bytes()),
        share.record.to_string(),
    ] {
        assert!(!text.contains(&secret[..16]));
    }
    assert!(text.contains(&author().to_string()) && text.contains(&chain().to_string()));
    // Nor does a log.
    let printed = format!("{share:?} {:?} {:?}", letter(), sealed());
    assert!(!printed.contains(&hex::encode(&share.secret.expose()[..4])));
}
