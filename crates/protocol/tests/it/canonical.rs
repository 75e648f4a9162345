//! Every type: what decodes encodes to the same bytes; nothing cut or longer decodes; nothing panics.

use proptest::prelude::*;
use yilian_protocol::{
    codec::{Decode, Encode},
    grant::{Deposit, SignedAsk, Terms},
    registry::{CertificateEntry, Genesis, Member, Role},
    trace::TraceItem,
    transport::SealRequest,
    tx::{Body, Transaction},
    visit::VisitToken,
};

use crate::values;

/// Checks a value's encoding: round trip, every truncation, a trailing byte, and changed bytes.
fn canonical<T: Encode + Decode + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = value.to_vec();
    assert_eq!(&T::from_slice(&bytes).unwrap(), value);
    for size in 0..bytes.len() {
        assert!(
            T::from_slice(&bytes[..size]).is_err(),
            "cut at {size} of {}",
            bytes.len()
        );
    }
    assert!(T::from_slice(&[bytes.as_slice(), &[0]].concat()).is_err());
    for place in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[place] ^= 0x81;
        if let Ok(other) = T::from_slice(&changed) {
            assert_eq!(other.to_vec(), changed, "a second spelling, byte {place}");
        }
    }
}

#[test]
fn every_type_has_one_spelling() {
    canonical(&values::genesis());
    canonical(&values::member());
    canonical(&values::entry(Role::Doctor));
    canonical(&values::token(0));
    canonical(&values::terms());
    canonical(&values::deposit());
    canonical(&values::ask());
    canonical(&values::seal_request());
    canonical(&values::authored_event());
    canonical(&values::shared(values::NOW));
    for late in [false, true] {
        canonical(&TraceItem {
            shared: values::shared(1).id(),
            key: values::trace_append().terms.pushes[0].key,
            late,
        });
    }
    for body in values::bodies() {
        canonical(&body);
    }
}

#[test]
fn json_gives_back_what_it_was_given() {
    let token = values::token(0);
    let text = serde_json::to_string(&token).unwrap();
    assert_eq!(serde_json::from_str::<VisitToken>(&text).unwrap(), token);
    for body in values::bodies() {
        let text = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<Body>(&text).unwrap(), body);
    }
    let wrong = text.replace("\"expires\":", "\"expires\":-");
    assert!(serde_json::from_str::<VisitToken>(&wrong).is_err());
}

#[test]
fn a_transaction_is_refused_when_any_byte_of_it_changes() {
    for transaction in values::transactions() {
        let bytes = transaction.as_bytes();
        assert_eq!(Transaction::parse(bytes).unwrap(), transaction);
        for place in 0..bytes.len() {
            let mut forged = bytes.to_vec();
            forged[place] ^= 1;
            assert!(Transaction::parse(&forged).is_err(), "byte {place}");
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, tag in 0_u8..8) {
        let tagged = [&[tag], bytes.as_slice()].concat();
        let _ = (Body::from_slice(&tagged), Transaction::parse(&bytes), Genesis::from_slice(&bytes));
        let _ = (Member::from_slice(&bytes), CertificateEntry::from_slice(&bytes));
        let _ = (VisitToken::from_slice(&bytes), Terms::from_slice(&bytes), Deposit::from_slice(&bytes));
        let _ = (SignedAsk::from_slice(&bytes), SealRequest::from_slice(&bytes));
    }
}
