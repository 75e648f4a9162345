//! Passes, windows and the signatures of events.

use yilian_protocol::{
    ChainId, Height, TimeMs,
    refusal::Refusal,
    registry::Role,
    trace::{AuthorPass, HeightWindow, TraceAction, TraceAppend, TraceShared, prescription_tag},
};

use crate::values::{self, NOW};

#[test]
fn a_pass_holds_for_its_chain_key_role_and_time_as_issued() {
    let ca = values::key(1).verifying_key();
    let pass = values::pass();
    assert_eq!(pass.verify(values::chain(), &ca), Ok(()));
    let other = ChainId::from_bytes([1; 32]);
    assert_eq!(pass.verify(other, &ca), Err(Refusal::PassInvalid));
    let strange = values::key(2).verifying_key();
    assert_eq!(
        pass.verify(values::chain(), &strange),
        Err(Refusal::PassInvalid)
    );
    let bent = [
        AuthorPass {
            key: values::key(8).verifying_key(),
            ..pass.clone()
        },
        AuthorPass {
            role: Role::Pharmacist,
            ..pass.clone()
        },
        AuthorPass {
            valid_from: TimeMs::new(NOW - 1),
            ..pass.clone()
        },
        AuthorPass {
            valid_until: TimeMs::new(NOW + 1_000_001),
            ..pass.clone()
        },
        AuthorPass {
            valid_until: TimeMs::new(NOW - 1),
            ..pass.clone()
        },
    ];
    for pass in bent {
        assert_eq!(pass.verify(values::chain(), &ca), Err(Refusal::PassInvalid));
    }
    assert_eq!(pass.check_time(TimeMs::new(NOW)), Ok(()));
    for moment in [NOW - 1, NOW + 1_000_000] {
        assert_eq!(
            pass.check_time(TimeMs::new(moment)),
            Err(Refusal::PassExpired)
        );
    }
}

#[test]
fn a_window_is_no_wider_than_allowed() {
    let window = HeightWindow::after(Height::new(5));
    assert!(window.holds(Height::new(5)) && window.holds(Height::new(1_005)));
    assert!(!window.holds(Height::new(4)) && !window.holds(Height::new(1_006)));
    let wide = HeightWindow {
        from: Height::new(0),
        until: Height::new(1_001),
    };
    assert!(!wide.holds(Height::new(1)));
    let backwards = HeightWindow {
        from: Height::new(2),
        until: Height::new(1),
    };
    assert!(!backwards.holds(Height::new(1)) && !backwards.holds(Height::new(2)));
}

#[test]
fn an_event_is_its_authors_for_one_append() {
    let event = values::authored_event();
    let entry = values::person(Role::Courier);
    let (chain, shared) = (values::chain(), values::shared(NOW));
    assert_eq!(event.verify(&entry, chain, &shared), Ok(()));

    let verdict = |shared: &TraceShared| event.verify(&entry, chain, shared);
    let mut other = shared.clone();
    other.pass.key = values::key(8).verifying_key();
    assert_eq!(verdict(&other), Err(Refusal::BadSignature));
    let mut other = shared.clone();
    other.action = TraceAction::Destroy;
    assert_eq!(verdict(&other), Err(Refusal::BadSignature));
    let mut other = shared.clone();
    other.pass.role = Role::Pharmacist;
    assert_eq!(verdict(&other), Err(Refusal::RoleNotAllowed));
    let elsewhere = event.verify(&entry, ChainId::from_bytes([1; 32]), &shared);
    assert_eq!(elsewhere, Err(Refusal::BadSignature));
    let stranger = event.verify(&values::person(Role::Maker), chain, &shared);
    assert_eq!(stranger, Err(Refusal::CertificateUnknown));

    // Signed ahead of its block, and in a block after the certificate's end.
    assert_eq!(
        verdict(&values::shared(NOW - 600_000)),
        Err(Refusal::StaleRequest)
    );
    assert_eq!(
        verdict(&values::shared(NOW + 2_000_000)),
        Err(Refusal::CertificateExpired)
    );
}

#[test]
fn a_proof_is_bound_to_every_part_of_the_terms() {
    let TraceAppend { terms, .. } = values::trace_append();
    let context = terms.context(values::chain());
    assert_ne!(terms.context(ChainId::from_bytes([1; 32])), context);
    let mut other = terms.clone();
    other.prescription = None;
    assert_ne!(other.context(values::chain()), context);
    let mut other = terms.clone();
    other.window.until = Height::new(8);
    assert_ne!(other.context(values::chain()), context);
    let mut other = terms;
    other.pass.valid_until = TimeMs::new(NOW);
    assert_ne!(other.context(values::chain()), context);
}

#[test]
fn prescriptions_have_tags_of_their_own() {
    let tag = prescription_tag(&[1; 32], "rx1");
    assert_ne!(tag, prescription_tag(&[1; 32], "rx2"));
    assert_ne!(tag, prescription_tag(&[2; 32], "rx1"));
}
