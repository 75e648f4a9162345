//! Every type: what decodes encodes to the same bytes; nothing cut or longer decodes; nothing
//! panics.

use proptest::prelude::*;
use yilian_protocol::{
    ChainId, MemberId, TimeMs,
    call::SealRequest,
    codec::{Decode, Encode},
    grant::{
        Deposit, HolderAsk, SealedDeposit, SealedPartial, SignedAsk, SignedPartial, Terms,
        UsesRequest,
    },
    mail::Mail,
    mailbox::{Delivery, DiscardRequest, FetchRequest},
    registry::{CertificateEntry, Genesis, Member, Role},
    stamp::StampsRequest,
    trace::TraceItem,
    tx::{Body, Transaction},
    visit::VisitToken,
};

use crate::{mail, values};

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
    canonical(&values::sealed_deposit());
    canonical(&values::share());
    canonical(&values::letter());
    canonical(&mail::stamp());
    canonical(&mail::stamps_request());
    canonical(&mail::delivery());
    canonical(&mail::fetch());
    canonical(&mail::discard());
    for mail in mail::mails("text") {
        canonical(&mail);
    }
    canonical(&values::holder_ask());
    canonical(&values::signed_partial());
    canonical(&values::sealed_partial());
    canonical(&values::uses_request());
    canonical(&values::usage());
    canonical(&values::log_block());
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
fn a_deposit_opens_at_its_node_only_and_an_answer_is_of_one_request() {
    let (sealed, chain) = (values::sealed_deposit(), values::chain());
    let patient = values::key(9).verifying_key();
    assert_eq!(
        sealed.open(chain, &values::key(3), &patient).unwrap(),
        values::deposit()
    );
    assert!(sealed.open(chain, &values::key(4), &patient).is_err());
    assert!(
        sealed
            .open(ChainId::from_bytes([9; 32]), &values::key(3), &patient)
            .is_err()
    );
    let stranger = values::key(8).verifying_key();
    assert!(sealed.open(chain, &values::key(3), &stranger).is_err());
    let mut moved = sealed.clone();
    moved.holder = MemberId::from_bytes([9; 32]);
    assert!(moved.open(chain, &values::key(3), &patient).is_err());
    // Nodes that pass it on count down; that is not bound.
    let passed_on = SealedDeposit { hops: 0, ..sealed };
    passed_on.open(chain, &values::key(3), &patient).unwrap();

    let (answer, ask) = (values::signed_partial(), values::ask());
    let node = values::key(3).verifying_key();
    answer.verify(chain, &ask, &node).unwrap();
    assert!(
        answer
            .verify(chain, &ask, &values::key(4).verifying_key())
            .is_err()
    );
    let mut later = ask;
    later.ask.asked_at = TimeMs::new(values::NOW + 1);
    assert!(answer.verify(chain, &later, &node).is_err());
}

#[test]
fn a_private_block_is_its_hospitals_on_its_chain() {
    let (block, chain) = (values::log_block(), values::chain());
    block
        .verify(chain, &values::key(3).verifying_key())
        .unwrap();
    assert!(
        block
            .verify(chain, &values::key(4).verifying_key())
            .is_err()
    );
    assert!(
        block
            .verify(
                ChainId::from_bytes([9; 32]),
                &values::key(3).verifying_key()
            )
            .is_err()
    );
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
    let terms = values::terms();
    let told = serde_json::to_string(&terms).unwrap();
    assert_eq!(serde_json::from_str::<Terms>(&told).unwrap(), terms);
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

#[test]
fn fault_11_an_ask_opens_at_its_holder_and_nowhere_else() {
    let sealed = values::holder_ask();
    let (chain, ask) = (values::chain(), values::ask());
    let opened = sealed.open(chain, &values::key(3)).unwrap();
    assert_eq!(opened, ask);
    // Whoever passes it on, another chain, and another holder in its place.
    assert!(sealed.open(chain, &values::key(2)).is_err());
    let other = ChainId::from_bytes([0; 32]);
    assert!(sealed.open(other, &values::key(3)).is_err());
    let mut redirected = sealed.clone();
    redirected.holder = MemberId::from_bytes([8; 32]);
    assert!(redirected.open(chain, &values::key(3)).is_err());
    // Nothing of it can be read.
    let bytes = sealed.to_vec();
    let named = [ask.ask.reader.to_bytes(), ask.ask.record.to_bytes()];
    for name in named {
        assert!(!bytes.windows(32).any(|part| part == name));
    }
}

#[test]
fn fault_11_an_answer_opens_for_its_reader_and_nobody_else() {
    let (sealed, answer) = (values::sealed_partial(), values::signed_partial());
    let (chain, ask, reader) = (values::chain(), values::ask(), values::kem_secret(4));
    let opened = sealed.open(chain, &ask, &reader).unwrap();
    assert_eq!(opened, answer);
    // With it the reader convinces anybody that this holder gave it, and no other.
    let node = |number| values::key(number).verifying_key();
    opened.verify(chain, &ask, &node(3)).unwrap();
    assert!(opened.verify(chain, &ask, &node(2)).is_err());
    // Another reader, another chain, another request, and another holder in its place.
    let other = values::kem_secret(3);
    assert!(sealed.open(chain, &ask, &other).is_err());
    let elsewhere = ChainId::from_bytes([0; 32]);
    assert!(sealed.open(elsewhere, &ask, &reader).is_err());
    let mut later = ask.clone();
    later.ask.asked_at = later.ask.asked_at.plus_ms(1);
    assert!(sealed.open(chain, &later, &reader).is_err());
    let mut redirected = sealed.clone();
    redirected.holder = MemberId::from_bytes([8; 32]);
    assert!(redirected.open(chain, &ask, &reader).is_err());
    // Nothing of the part is left by which readers could be tested.
    let bytes = sealed.to_vec();
    for part in answer.partial.to_bytes().chunks(32) {
        assert!(!bytes.windows(part.len()).any(|sent| sent == part));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, tag in 0_u8..12) {
        let tagged = [&[tag], bytes.as_slice()].concat();
        let _ = (Body::from_slice(&tagged), Transaction::parse(&bytes));
        let _ = Genesis::from_slice(&bytes);
        let _ = (Member::from_slice(&bytes), CertificateEntry::from_slice(&bytes));
        let _ = (VisitToken::from_slice(&bytes), Terms::from_slice(&bytes));
        let _ = (Deposit::from_slice(&bytes), Mail::from_slice(&tagged));
        let _ = (Delivery::from_slice(&bytes), StampsRequest::from_slice(&bytes));
        let _ = (FetchRequest::from_slice(&bytes), DiscardRequest::from_slice(&bytes));
        let _ = (SignedAsk::from_slice(&bytes), SealRequest::from_slice(&bytes));
        let _ = (SealedDeposit::from_slice(&bytes), HolderAsk::from_slice(&bytes));
        let _ = SealedPartial::from_slice(&bytes);
        let _ = (SignedPartial::from_slice(&bytes), UsesRequest::from_slice(&bytes));
    }
}
