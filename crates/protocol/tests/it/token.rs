//! Visit tokens that must not check a patient in.

use yilian_protocol::{
    ChainId, MemberId, TimeMs,
    codec::{Decode as _, Encode as _},
    mail::MailboxCard,
    visit::{TokenError, VisitToken},
};

use crate::values::{
    NOW, card, chain, hospital, key, mailbox, patient, regulators, rng, token, visit, visit_keys,
};

fn check(token: &VisitToken) -> Result<(), TokenError> {
    let public = regulators().public();
    token
        .check(chain(), hospital(), &public, TimeMs::new(NOW))
        .map(drop)
}

#[test]
fn a_good_token_checks_in_until_it_expires() {
    let token = token(0);
    check(&token).unwrap();
    let public = regulators().public();
    let late = token.check(chain(), hospital(), &public, TimeMs::new(NOW + 1_000));
    assert!(matches!(late, Err(TokenError::Expired { .. })));
}

#[test]
fn it_is_for_one_chain_and_one_hospital() {
    let public = regulators().public();
    let now = TimeMs::new(NOW);
    let other = token(0).check(ChainId::from_bytes([0; 32]), hospital(), &public, now);
    assert!(matches!(other, Err(TokenError::OtherChain)));
    let other = token(0).check(chain(), MemberId::from_bytes([0; 32]), &public, now);
    assert!(matches!(other, Err(TokenError::OtherHospital { .. })));
}

#[test]
fn a_pseudonym_read_on_the_chain_cannot_be_presented() {
    // The thief has a visit of his own, and puts the victim's pseudonym into it.
    let mut stolen = visit(1);
    stolen.nym = visit_keys(0).nym;
    let token = VisitToken::sign(stolen, &visit_keys(1).nym_secret, &mut rng());
    assert_eq!(check(&token), Err(TokenError::Signature));
}

#[test]
fn the_identity_in_escrow_must_be_the_pseudonyms() {
    let mut false_name = visit(0);
    false_name.escrow = visit(1).escrow;
    let token = VisitToken::sign(false_name, &visit_keys(0).nym_secret, &mut rng());
    assert_eq!(check(&token), Err(TokenError::Escrow));
}

#[test]
fn no_byte_of_it_can_be_changed() {
    let bytes = token(0).to_vec();
    for place in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[place] ^= 1;
        if let Ok(forged) = VisitToken::from_slice(&forged) {
            assert!(check(&forged).is_err(), "byte {place}");
        }
    }
}

#[test]
fn letters_go_to_the_mailbox_that_the_patient_signed() {
    let chain = chain();
    let address = token(0).address(chain).unwrap();
    assert_eq!((address.keeper, &address.card), (hospital(), &card()));
    // Somebody on the way puts his own keys in.
    let kem = mailbox().kem.public().clone();
    let stranger = MailboxCard {
        mailbox: key(77).verifying_key(),
        kem,
    };
    let swapped = token(0).with_card(stranger);
    assert_eq!(swapped.address(chain), Err(TokenError::OtherMailbox));
    assert_eq!(check(&swapped), Err(TokenError::OtherMailbox));
    // As it is scanned it is good for check-in, and tells no address.
    let scanned = VisitToken::sign(visit(0), &visit_keys(0).nym_secret, &mut rng());
    check(&scanned).unwrap();
    assert_eq!(scanned.address(chain), Err(TokenError::NoMailbox));
    let elsewhere = token(0).address(ChainId::from_bytes([9; 32]));
    assert_eq!(elsewhere, Err(TokenError::OtherChain));
    // Two hospitals are told two mailboxes, and two visits to one the same.
    let other = patient().mailbox(&[7; 32]);
    assert_ne!(other.signing.verifying_key(), card().mailbox);
    assert_ne!(*other.kem.public(), card().kem);
    assert_eq!(token(1).address(chain).unwrap().card, card());
}

/// 491 bytes of the visit, 64 of the signature, 1 that says that no keys follow.
#[test]
fn a_code_holds_the_token_without_the_mailbox_and_fits_a_symbol_that_a_phone_shows() {
    let whole = token(0);
    let code = whole.code();
    assert_eq!(code.len(), 5 + 2 * (491 + 64 + 1));
    // ISO/IEC 18004, table 7: version 19, level L holds so many characters of this alphabet.
    assert!(code.len() <= 1_153);
    let alphabet =
        |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || " $%*+-./:".contains(c);
    assert!(code.chars().all(alphabet));
    let scanned: VisitToken = format!(" {code}\r\n").parse().unwrap();
    check(&scanned).unwrap();
    assert_eq!(scanned.address(chain()), Err(TokenError::NoMailbox));
    assert_eq!(scanned.clone().with_card(card()), whole);
    assert_eq!(scanned.code(), code);
}

#[test]
fn what_is_no_code_is_no_token() {
    let code = token(0).code();
    let changed = code.replace("YLV1:", "YLV2:");
    let last = format!("{}7", &code[..code.len() - 1]);
    for wrong in [
        "",
        "YLV1:",
        "YLV1:zz",
        &code[5..],
        &changed,
        &code[..code.len() - 2],
        &last,
    ] {
        let read: Result<VisitToken, _> = wrong.parse();
        assert!(read.is_err() || check(&read.unwrap()).is_err(), "{wrong}");
    }
    let longer: Result<VisitToken, _> = format!("{code}00").parse();
    assert!(longer.is_err());
}
