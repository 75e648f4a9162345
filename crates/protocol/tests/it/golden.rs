//! Golden hashes of encodings. A changed hash is a changed format: regenerating the file is
//! approving that, and never a way to turn a test green. `cargo test -p yilian-protocol --
//! --ignored regenerate_golden`

use std::{fmt::Write as _, path::PathBuf};

use yilian_protocol::{Cid, codec::Encode as _, registry::Role};

use crate::{mail, types, values};

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance.txt")
}

fn hashes() -> String {
    let mut values: Vec<(String, Vec<u8>)> = vec![
        ("genesis".into(), values::genesis().to_vec()),
        ("member".into(), values::member().to_vec()),
        (
            "certificate-entry".into(),
            values::entry(Role::Doctor).to_vec(),
        ),
        ("visit-token".into(), values::token(0).to_vec()),
        ("authored".into(), values::authored().to_vec()),
        ("sealed-object".into(), values::object().as_bytes().to_vec()),
        ("terms".into(), values::terms().to_vec()),
        ("deposit".into(), values::deposit().to_vec()),
        ("share".into(), values::share().to_vec()),
        ("letter".into(), values::letter().to_vec()),
        ("stamp".into(), mail::stamp().to_vec()),
        ("stamps-request".into(), mail::stamps_request().to_vec()),
        ("delivery".into(), mail::delivery().to_vec()),
        ("fetch-request".into(), mail::fetch().to_vec()),
        ("discard-request".into(), mail::discard().to_vec()),
        ("signed-ask".into(), values::ask().to_vec()),
        ("seal-request".into(), values::seal_request().to_vec()),
        ("authored-event".into(), values::authored_event().to_vec()),
        ("trace-shared".into(), values::shared(values::NOW).to_vec()),
    ];
    for (number, mail) in mail::mails("text").into_iter().enumerate() {
        let name = format!("mail-{number}-{}", mail.content.kind());
        values.push((name, mail.to_vec()));
    }
    for transaction in values::transactions() {
        let name = format!("transaction-{}", transaction.body().name());
        values.push((name, transaction.as_bytes().to_vec()));
    }
    let mut text = String::new();
    for (name, bytes) in values {
        writeln!(text, "{name} {} {}", bytes.len(), Cid::of(&bytes)).unwrap();
    }
    text
}

#[test]
fn formats_are_what_they_were() {
    let golden = std::fs::read_to_string(file()).unwrap();
    for (was, is) in golden.lines().zip(hashes().lines()) {
        assert_eq!(was, is, "a format changed");
    }
    assert_eq!(golden.lines().count(), hashes().lines().count());
}

#[test]
#[ignore = "approves changed formats"]
fn regenerate_golden() {
    std::fs::write(file(), hashes()).unwrap();
}

/// Each value, as the fuzz target `decode` begins with it.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let values: Vec<(&str, Vec<u8>)> = vec![
        ("Genesis", values::genesis().to_vec()),
        ("Member", values::member().to_vec()),
        ("CertificateEntry", values::entry(Role::Doctor).to_vec()),
        ("VisitToken", values::token(0).to_vec()),
        ("Authored", values::authored().to_vec()),
        ("Terms", values::terms().to_vec()),
        ("Deposit", values::deposit().to_vec()),
        ("SealedDeposit", values::sealed_deposit().to_vec()),
        ("HolderAsk", values::holder_ask().to_vec()),
        ("SignedPartial", values::signed_partial().to_vec()),
        ("SealedPartial", values::sealed_partial().to_vec()),
        ("UsesRequest", values::uses_request().to_vec()),
        ("Share", values::share().to_vec()),
        ("Letter", values::letter().to_vec()),
        ("SealRequest", values::seal_request().to_vec()),
        ("PrivateBlock", values::log_block().to_vec()),
        ("AuthoredEvent", values::authored_event().to_vec()),
        ("TraceShared", values::shared(values::NOW).to_vec()),
    ];
    let named = values.into_iter().map(|(name, bytes)| {
        let seed = [&[types::place(name)], bytes.as_slice()].concat();
        (name.to_owned(), seed)
    });
    let transactions = values::transactions();
    let signed = transactions.iter().map(|transaction| {
        let name = format!("transaction-{}", transaction.body().name());
        (name, [&[TRANSACTION], transaction.as_bytes()].concat())
    });
    let object = [&[u8::MAX], values::object().as_bytes()].concat();
    let object = ("sealed-object".to_owned(), object);
    named.chain(signed).chain([object]).collect()
}

/// A place of no type in the list: a transaction.
const TRANSACTION: u8 = 254;

#[test]
fn every_seed_is_read_as_its_type() {
    for (_, seed) in seeds() {
        types::read(&seed);
    }
}

#[test]
#[ignore = "writes the seeds of a fuzz target"]
fn regenerate_seeds() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/decode");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, seed) in seeds() {
        std::fs::write(folder.join(name), seed).unwrap();
    }
}
