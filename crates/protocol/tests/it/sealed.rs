//! Sealed objects and authored records that must not be believed.

use yilian_crypto::{
    pre::RecordKey,
    scope::{Confidentiality, Scope},
    seed::{PatientKeys, Seed},
};
use yilian_protocol::{
    ChainId, TimeMs,
    authored::AuthoredError,
    codec::Text,
    limits::{CLOCK_SKEW_MS, OBJECT_MAX},
    refusal::Refusal,
    registry::{Revoked, Role},
    sealed::{Header, SealedError, SealedObject},
};

use crate::values::{
    NOW, admitted, authored, chain, checked, delegator, entry, object, visit_keys,
};

fn scope() -> Scope {
    checked().scope(Confidentiality::Clinical)
}

fn open(object: &SealedObject) -> Result<RecordKey, SealedError> {
    let secret = delegator().scope(&scope());
    Ok(secret.decapsulate(&object.header().verify(&secret.key())?))
}

#[test]
fn the_owner_finds_the_scope_and_opens() {
    let object = object();
    assert_eq!(
        object.header().scope(&delegator().public()).unwrap(),
        scope()
    );
    let opened = object.open(&open(&object).unwrap()).unwrap();
    assert!(opened == authored());
    let verified = opened
        .verify(
            &entry(Role::Doctor),
            chain(),
            &visit_keys(0).nym,
            admitted(NOW),
        )
        .unwrap();
    assert_eq!(verified.content(), b"{\"resourceType\":\"Bundle\"}");
}

#[test]
fn another_scope_or_patient_learns_nothing() {
    let object = object();
    let other = Scope {
        confidentiality: Confidentiality::Sensitive,
        ..scope()
    };
    let error = object
        .header()
        .verify(&delegator().scope(&other).key())
        .unwrap_err();
    assert_eq!(error, SealedError::OtherScope);
    let stranger = PatientKeys::from_seed(&Seed::from_bytes([66; 32]));
    let stranger = stranger.hospital(&[1; 32]).delegator.public();
    // A wrong mask gives no scope, or by chance a wrong one, never the right one.
    assert_ne!(object.header().scope(&stranger).ok(), Some(scope()));
}

#[test]
fn no_byte_of_the_header_or_body_can_be_changed() {
    let bytes = object().into_bytes();
    for place in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[place] ^= 1;
        let Ok(forged) = SealedObject::parse(forged) else {
            continue;
        };
        let opened = open(&forged).and_then(|key| forged.open(&key));
        assert!(opened.is_err(), "byte {place} of {}", Header::SIZE);
    }
    for size in 0..bytes.len() {
        let Ok(cut) = SealedObject::parse(bytes[..size].to_vec()) else {
            continue;
        };
        assert!(
            open(&cut).and_then(|key| cut.open(&key)).is_err(),
            "cut at {size}"
        );
    }
}

#[test]
fn an_oversized_object_is_refused_before_it_is_read() {
    let error = SealedObject::parse(vec![0; OBJECT_MAX + 1]).unwrap_err();
    assert_eq!(
        error,
        SealedError::TooLarge {
            size: OBJECT_MAX + 1
        }
    );
}

#[test]
fn an_author_must_have_been_in_good_standing_then() {
    let nym = visit_keys(0).nym;
    let verify = |entry, at| authored().verify(&entry, chain(), &nym, admitted(at)).err();
    let standing = |rule| Some(AuthoredError::Standing(rule));
    assert_eq!(verify(entry(Role::Doctor), NOW), None);
    assert_eq!(
        verify(entry(Role::Courier), NOW),
        Some(AuthoredError::OtherCertificate)
    );
    // Anchored after the certificate's end, or after its revocation, however early it claims to be
    // signed.
    let after = NOW + 1_000_000;
    assert_eq!(
        verify(entry(Role::Doctor), after),
        standing(Refusal::CertificateExpired)
    );
    let mut revoked = entry(Role::Doctor);
    let reason = Text::new("stolen").unwrap();
    revoked.revoked = Some(Revoked {
        admitted: admitted(NOW + 5),
        reason,
    });
    assert_eq!(verify(revoked.clone(), NOW + 4), None);
    assert_eq!(
        verify(revoked, NOW + 5),
        standing(Refusal::CertificateRevoked)
    );
    // Dated ahead of its block.
    let early = NOW - CLOCK_SKEW_MS - 1;
    assert_eq!(
        verify(entry(Role::Doctor), early),
        Some(AuthoredError::PostDated)
    );
}

#[test]
fn a_record_cannot_be_moved_to_another_visit_or_chain() {
    let entry = entry(Role::Doctor);
    let moved = authored().verify(&entry, chain(), &visit_keys(1).nym, admitted(NOW));
    assert_eq!(moved.err(), Some(AuthoredError::OtherVisit));
    let other = ChainId::from_bytes([0; 32]);
    let moved = authored().verify(&entry, other, &visit_keys(0).nym, admitted(NOW));
    assert_eq!(moved.err(), Some(AuthoredError::OtherVisit));
    assert_eq!(TimeMs::new(NOW), authored().signed_at());
}
