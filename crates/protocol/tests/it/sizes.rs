//! The sizes that docs/PROTOCOL.md states, on values whose names, reasons and lists have known
//! lengths.

use yilian_crypto::search::IndexEntry;
use yilian_protocol::{codec::Encode as _, sealed::Header, visit::Tag};

use crate::{mail, values};

/// Bytes of what is signed into every transaction beside its body: chain, tag, signer, signature.
const ENVELOPE: usize = 32 + 1 + 32 + 64;

#[test]
fn bodies_of_transactions_have_the_sizes_of_section_5_3() {
    let (name, reason) = (5, 4);
    let expected = [
        68 + 1_216 + 96 + name,
        245 + 1_216 + name,
        68 + reason,
        89 + 96 + 84 + 72 * 16,
        78 + 32 + 104,
        37,
        append(),
        64,
        160 + 32,
        74,
        236 + "unconscious".len(),
        140,
        69,
        132 + "2026-1abuse".len() + 128,
    ];
    let sizes: Vec<usize> = values::transactions()
        .iter()
        .map(|transaction| transaction.as_bytes().len() - ENVELOPE)
        .collect();
    assert_eq!(sizes, expected);
}

/// Section 8.3: terms and proof.
fn append() -> usize {
    let append = values::trace_append();
    let terms = &append.terms;
    let prescription = if terms.prescription.is_some() { 33 } else { 1 };
    let pushes = 4 + 68 * terms.pushes.len();
    let event = 4 + terms.event.as_slice().len();
    113 + 1 + 16 + pushes + event + prescription + 4 + append.proof.as_slice().len()
}

#[test]
fn what_is_sealed_and_handed_over_has_the_sizes_of_sections_2_to_4() {
    assert_eq!(Header::SIZE, 217);
    let mut visit = values::visit(0);
    visit.tag = None;
    assert_eq!(visit.to_vec().len(), 491);
    visit.tag = Some(Tag(values::visit_keys(0).tag));
    assert_eq!(visit.to_vec().len(), 507);
    let content = values::authored();
    let plain = content.to_vec().len();
    assert_eq!(values::object().as_bytes().len(), 217 + 32 + plain + 16);
    assert_eq!(plain, 241 + 25);
    let token = values::token(0).to_vec().len();
    assert_eq!(token, 491 + 64 + 1 + 1_248);
    assert_eq!(mail::address().to_vec().len(), 1_280);
    assert_eq!(mail::stamp().to_vec().len(), 116);
    assert_eq!(mail::delivery().stamp.to_vec().len(), 180);
    assert_eq!(values::ask().ask.to_vec().len(), 153);
    assert_eq!(values::signed_partial().partial.to_bytes().len(), 416);
    let shares = 4 + 96 + 4 + 96;
    let terms = values::terms().to_vec().len();
    assert_eq!(values::deposit().to_vec().len(), 64 + terms + shares + 64);
    let sealed = values::sealed_deposit().sealed;
    let plain = values::deposit().to_vec().len();
    assert_eq!(sealed.as_slice().len(), 1 + 1_120 + 32 + plain + 16);
    assert_eq!(values::sealed_partial().sealed.as_slice().len(), 1_778);
    let mut without = values::signed_partial();
    without.secret = None;
    assert_eq!(without.to_vec().len() + 1 + 1_120 + 32 + 16, 1_682);
    assert_eq!(values::share().to_vec().len(), 3 * 32 + 48 + 32 + 289 + 1);
    assert_eq!(
        values::letter().to_vec().len(),
        32 + 32 + terms + 4 + 32 + 4 + 80
    );
    // One scope, two holders needed.
    assert_eq!(terms, 32 + 32 + 1 + 8 + 4 + 48 + 4 + 48);
}

#[test]
fn chains_and_traces_have_the_sizes_of_sections_5_7_and_8() {
    let block = values::log_block();
    assert_eq!(block.header.to_vec().len(), 156);
    assert!(!block.entries.is_empty());
    for entry in block.entries.iter() {
        assert_eq!(entry.to_vec().len(), 560);
    }
    assert_eq!(IndexEntry::SIZE, 72);
    assert_eq!(values::pass().to_vec().len(), 113);
    let push = &values::trace_append().terms.pushes[0];
    assert_eq!(push.to_vec().len(), 68);
    let event = values::authored_event();
    assert_eq!(event.to_vec().len(), 108 + event.event().len());
    let shared = values::shared(values::NOW);
    let sealed = 4 + shared.event.as_slice().len();
    assert_eq!(shared.to_vec().len(), 113 + 1 + sealed + 16);
}
