//! Sealed objects and authored records that must not be believed.

use yilian_crypto::{
    pre::RecordKey,
    scope::{Confidentiality, Scope},
    seed::{PatientKeys, Seed},
};
use yilian_protocol::{
    ChainId, TimeMs,
    authored::{Authored, AuthoredError},
    codec::{Decode as _, DecodeError, Encode as _, Text},
    limits::{CLOCK_SKEW_MS, OBJECT_MAX},
    media::MediaType,
    refusal::Refusal,
    registry::{MemberEntry, Motion, Revoked, Role},
    sealed::{Header, SealedError, SealedObject},
    standing::CertifiedPerson,
};

use crate::values::{
    NOW, admitted, authored, chain, checked, delegator, entry, member, object, person, person_of,
    visit_keys,
};

fn scope() -> Scope {
    checked().scope(Confidentiality::Clinical)
}

fn open(object: &SealedObject) -> Result<RecordKey, SealedError> {
    let secret = delegator().scope(&scope());
    Ok(secret.decapsulate(&object.verify(chain(), &secret.key())?))
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
            &person(Role::Doctor),
            chain(),
            &visit_keys(0).nym,
            admitted(NOW),
        )
        .unwrap();
    assert_eq!(verified.media(), MediaType::FhirJson);
    assert_eq!(verified.content(), b"{\"resourceType\":\"Bundle\"}");
}

#[test]
fn another_scope_or_patient_learns_nothing() {
    let object = object();
    let other = Scope {
        confidentiality: Confidentiality::Sensitive,
        ..scope()
    };
    let error = object.verify(chain(), &delegator().scope(&other).key());
    let error = error.unwrap_err();
    assert_eq!(error, SealedError::OtherScope);
    let stranger = PatientKeys::from_seed(&Seed::from_bytes([66; 32]), chain().as_bytes());
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

/// Section 2, item 3 of the review: a good record's header before other bytes. Whoever turned its
/// capsule would open the good record.
#[test]
fn a_header_copied_before_other_bytes_proves_nothing() {
    let good = object();
    let key = delegator().scope(&scope()).key();
    good.verify(chain(), &key).unwrap();
    for junk in [
        vec![],
        vec![0; 48],
        vec![7; 1_000],
        good.as_bytes()[..1].to_vec(),
    ] {
        let bytes = [&good.as_bytes()[..Header::SIZE], &junk].concat();
        let junk = SealedObject::parse(bytes).unwrap();
        let refused = junk.verify(chain(), &key).unwrap_err();
        assert_eq!(refused, SealedError::OtherScope);
    }
    let elsewhere = ChainId::from_bytes([0; 32]);
    assert!(good.verify(elsewhere, &key).is_err(), "another chain");
}

/// The proof is of all bytes but its own: no other byte of the object can be changed under it.
#[test]
fn every_byte_of_an_object_is_bound_to_its_capsules_proof() {
    let good = object();
    let key = delegator().scope(&scope()).key();
    for place in 0..good.as_bytes().len() {
        let mut forged = good.as_bytes().to_vec();
        forged[place] ^= 1;
        let Ok(forged) = SealedObject::parse(forged) else {
            continue;
        };
        assert!(forged.verify(chain(), &key).is_err(), "byte {place}");
    }
}

#[test]
fn a_kind_of_content_that_is_not_known_is_named() {
    let mut bytes = authored().to_vec();
    // Behind author, salt, chain, pseudonym, scope and time.
    let at = 32 + 32 + 32 + 48 + 20 + 8;
    assert_eq!(bytes[at], MediaType::FhirJson as u8);
    bytes[at] = MediaType::Pdf as u8;
    let moved = Authored::from_slice(&bytes).unwrap();
    let verified = moved.verify(
        &person(Role::Doctor),
        chain(),
        &visit_keys(0).nym,
        admitted(NOW),
    );
    assert_eq!(verified.err(), Some(AuthoredError::Signature));
    bytes[at] = 7;
    let what = "MediaType";
    assert_eq!(
        Authored::from_slice(&bytes).err(),
        Some(DecodeError::UnknownTag { what, tag: 7 })
    );
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
    let verify = |entry, at| {
        let author = person_of(entry);
        authored()
            .verify(&author, chain(), &nym, admitted(at))
            .err()
    };
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

/// The key signs today what it is certified for tomorrow.
#[test]
fn fault_13_a_record_signed_before_its_certificate_was_registered_verifies() {
    let nym = visit_keys(0).nym;
    let mut late = entry(Role::Doctor);
    late.admitted = admitted(NOW + 1);
    let verdict = authored().verify(&person_of(late), chain(), &nym, admitted(NOW + 2));
    let early = Refusal::CertificateNotYetValid;
    assert_eq!(verdict.err(), Some(AuthoredError::Standing(early)));
}

/// What a doctor signed counts by the member's standing then, and not by what came of it since.
#[test]
fn fault_8_what_doctors_sign_counts_by_their_members_standing_then() {
    let nym = visit_keys(0).nym;
    let verdict = |member: MemberEntry, at| {
        let author = CertifiedPerson::new(entry(Role::Doctor), member).unwrap();
        authored()
            .verify(&author, chain(), &nym, admitted(at))
            .err()
    };
    let refused = Some(AuthoredError::Standing(Refusal::MemberSuspended));
    let good = MemberEntry::new(member(), admitted(NOW));
    let suspended = good.after(Motion::Suspend, admitted(NOW + 10)).unwrap();
    assert_eq!(verdict(suspended.clone(), NOW + 9), None);
    assert_eq!(verdict(suspended.clone(), NOW + 10), refused);
    // However it went on, it is remembered when the member might not act.
    for motion in [Motion::Reinstate, Motion::Expel] {
        let after = suspended.after(motion, admitted(NOW + 20)).unwrap();
        assert_eq!(verdict(after.clone(), NOW + 9), None);
        assert_eq!(verdict(after.clone(), NOW + 10), refused);
        assert_eq!(verdict(after.clone(), NOW + 19), refused);
        let reinstated = motion == Motion::Reinstate;
        assert_eq!(verdict(after, NOW + 20).is_none(), reinstated, "{motion}");
    }
    let unknown = MemberEntry::new(member(), admitted(NOW + 1));
    let unknown = verdict(unknown, NOW + 2);
    assert_eq!(
        unknown,
        Some(AuthoredError::Standing(Refusal::MemberUnknown))
    );
}

#[test]
fn a_record_cannot_be_moved_to_another_visit_or_chain() {
    let entry = person_of(entry(Role::Doctor));
    let moved = authored().verify(&entry, chain(), &visit_keys(1).nym, admitted(NOW));
    assert_eq!(moved.err(), Some(AuthoredError::OtherVisit));
    let other = ChainId::from_bytes([0; 32]);
    let moved = authored().verify(&entry, other, &visit_keys(0).nym, admitted(NOW));
    assert_eq!(moved.err(), Some(AuthoredError::OtherVisit));
    assert_eq!(TimeMs::new(NOW), authored().signed_at());
}
