//! Visit tokens that must not check a patient in.

use yilian_protocol::{
    ChainId, MemberId, TimeMs,
    codec::{Decode as _, Encode as _},
    visit::{TokenError, VisitToken},
};

use crate::values::{NOW, chain, hospital, regulators, rng, token, visit, visit_keys};

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
