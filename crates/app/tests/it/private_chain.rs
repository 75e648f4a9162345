//! A hospital's private chain: anchored by itself, audited by anybody, and found out when it is
//! rewritten.

use std::time::{Duration, Instant};

use redb::{Database, ReadableTable as _, TableDefinition};
use serde_json::Value;
use yilian_protocol::{
    codec::{Decode as _, Encode as _},
    private_chain::PrivateEntry,
};

use crate::yilian::Yilian;

const PATIENCE: Duration = Duration::from_secs(60);
/// As the node has it.
const ENTRIES: TableDefinition<'_, ([u8; 32], u64), &[u8]> = TableDefinition::new("log-entries-v1");
const BLOCKS: TableDefinition<'_, ([u8; 32], u64), &[u8]> = TableDefinition::new("log-blocks-v1");
const NODES: TableDefinition<'_, ([u8; 32], u32, u64), [u8; 32]> =
    TableDefinition::new("log-nodes-v1");

/// Seals visits, each in a block of its own, and waits until all is anchored.
fn sealed() -> (Yilian, usize) {
    let (yilian, _) = Yilian::with_people();
    let served = yilian.serve();
    let mut count = 0;
    for code in ["I10", "E11.9", "J45"] {
        count += yilian.seal("Dr First", "North", code).len();
        let since = Instant::now();
        while yilian.ok(&["log", "show", "North"])["anchor"]["header"]["first"]
            .as_u64()
            .unwrap_or(0)
            + yilian.ok(&["log", "show", "North"])["anchor"]["header"]["count"]
                .as_u64()
                .unwrap_or(0)
            < count as u64
        {
            assert!(since.elapsed() < PATIENCE, "nothing is anchored");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    drop(served);
    (yilian, count)
}

fn rewrite(yilian: &Yilian, change: impl FnOnce(&Database)) {
    let database = Database::open(yilian.path("home/node/private-chain.redb")).unwrap();
    change(&database);
}

/// Changes entry `number` in place.
fn rewrite_entry(database: &Database, number: u64, change: impl FnOnce(&mut PrivateEntry)) {
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(ENTRIES).unwrap();
        let first = table.first().unwrap().unwrap().0.value().0;
        let bytes = table
            .get((first, number))
            .unwrap()
            .unwrap()
            .value()
            .to_vec();
        let mut entry = PrivateEntry::from_slice(&bytes).unwrap();
        change(&mut entry);
        table
            .insert((first, number), entry.to_vec().as_slice())
            .unwrap();
    }
    transaction.commit().unwrap();
}

fn faults(yilian: &Yilian) -> Vec<Value> {
    let output = yilian
        .command(&["log", "verify", "North"])
        .output()
        .unwrap();
    assert!(!output.status.success(), "nothing was found");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let audited: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    audited["faults"].as_array().unwrap().clone()
}

fn at_entry(faults: &[Value], entry: u64) -> bool {
    faults
        .iter()
        .any(|fault| fault["fault"] == "entry" && fault["entry"].as_u64() == Some(entry))
}

#[test]
fn what_a_hospital_sealed_is_logged_anchored_and_proven() {
    let (yilian, count) = sealed();
    let audited = yilian.ok(&["log", "verify", "North"]);
    assert_eq!(audited["entries"].as_u64(), Some(count as u64));
    assert_eq!(audited["anchored"].as_u64(), Some(count as u64));
    assert_eq!(audited["unconfirmed"].as_u64(), Some(0));
    assert!(audited["blocks"].as_u64().unwrap() >= 3);
    for entry in 0..count {
        let proven = yilian.ok(&["log", "prove", "North", &entry.to_string()]);
        assert_eq!(proven["inclusion"]["index"].as_u64(), Some(entry as u64));
    }
    yilian.fails(&["log", "prove", "North", &count.to_string()]);
    // The other hospital sealed nothing.
    let empty = yilian.ok(&["log", "verify", "South"]);
    assert_eq!(empty["entries"].as_u64(), Some(0));
    yilian.fails(&["log", "verify", "Nowhere"]);
}

#[test]
fn a_rewritten_entry_is_placed() {
    let (yilian, count) = sealed();
    let place = count as u64 / 2;
    let mut kept = None;
    rewrite(&yilian, |database| {
        rewrite_entry(database, place, |entry| {
            kept = Some(entry.clone());
            entry.author = yilian_protocol::CertificateId::from_bytes([7; 32]);
        });
    });
    let found = faults(&yilian);
    assert!(at_entry(&found, place), "{found:?}");
    assert!((0..count as u64).all(|other| other == place || !at_entry(&found, other)));
    // Put back, all is well; another record's index digest is found, too.
    rewrite(&yilian, |database| {
        rewrite_entry(database, place, |entry| *entry = kept.clone().unwrap());
    });
    yilian.ok(&["log", "verify", "North"]);
    rewrite(&yilian, |database| {
        rewrite_entry(database, 0, |entry| {
            entry.index = yilian_protocol::TreeHash::from_bytes([7; 32]);
        });
    });
    assert!(at_entry(&faults(&yilian), 0));
    // A node that does not know a transaction is not believed where the record is on the chain.
    rewrite(&yilian, |database| {
        rewrite_entry(database, 1, |entry| {
            entry.transaction = yilian_protocol::TransactionId::from_bytes([7; 32]);
        });
    });
    assert!(at_entry(&faults(&yilian), 1));
}

#[test]
fn fault_10_evidence_of_another_visit_or_another_escrow_is_placed() {
    let (yilian, count) = sealed();
    let last = count as u64 - 1;
    let cause = |yilian: &Yilian| {
        let found = faults(yilian);
        let entry = found.iter().find(|fault| fault["fault"] == "entry");
        entry.unwrap()["cause"].as_str().unwrap().to_owned()
    };
    let mut kept = None;
    rewrite(&yilian, |database| {
        rewrite_entry(database, 0, |entry| kept = Some(entry.clone()));
        rewrite_entry(database, last, |entry| {
            let own = std::mem::replace(&mut entry.evidence, kept.clone().unwrap().evidence);
            kept = Some(PrivateEntry {
                evidence: own,
                ..entry.clone()
            });
        });
    });
    assert_eq!(cause(&yilian), "the patient signed another visit");
    // With its own terms, and the identity of somebody else.
    rewrite(&yilian, |database| {
        rewrite_entry(database, last, |entry| {
            let own = kept.clone().unwrap().evidence;
            entry.evidence.terms = own.terms;
            entry.evidence.signature = own.signature;
        });
    });
    assert_eq!(cause(&yilian), "the patient signed another visit");
    // With another's signature.
    rewrite(&yilian, |database| {
        rewrite_entry(database, last, |entry| {
            let signature = entry.evidence.signature.clone();
            let mut other = signature.to_bytes();
            other[40] ^= 1;
            entry.evidence = kept.clone().unwrap().evidence;
            entry.evidence.signature =
                yilian_crypto::pseudonym::NymSignature::from_bytes(&other).unwrap();
        });
    });
    assert_eq!(cause(&yilian), "the patient did not sign it");
    rewrite(&yilian, |database| {
        rewrite_entry(database, last, |entry| *entry = kept.clone().unwrap());
    });
    yilian.ok(&["log", "verify", "North"]);
}

#[test]
fn a_chain_that_was_made_anew_to_fit_contradicts_its_anchors() {
    let (yilian, _) = sealed();
    let before = std::fs::read(yilian.path("home/node/private-chain.redb")).unwrap();
    // The hospital itself drops its last entry and forgets blocks and tree; its node then closes
    // blocks over what is left.
    rewrite(&yilian, |database| {
        let transaction = database.begin_write().unwrap();
        transaction.delete_table(BLOCKS).unwrap();
        transaction.delete_table(NODES).unwrap();
        {
            let mut table = transaction.open_table(ENTRIES).unwrap();
            let last = table.last().unwrap().unwrap().0.value();
            table.remove(last).unwrap();
        }
        transaction.commit().unwrap();
    });
    let found = faults(&yilian);
    let cut = found.iter().any(|fault| fault["fault"] == "truncated");
    assert!(cut, "{found:?}");
    std::fs::write(yilian.path("home/node/private-chain.redb"), before).unwrap();
    yilian.ok(&["log", "verify", "North"]);
}
