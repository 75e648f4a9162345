//! The chain: what it promises while it runs, and over orderly restarts.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use yilian_node::order::{OrderError, Place, SubmitError, ValidatorKey};
use yilian_protocol::{
    Height, TimeMs, TransactionId,
    codec::Text,
    finality,
    refusal::{Outcome, Refusal},
};

use crate::toy::{genesis, key, start, transaction, try_start};

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_becomes_final_and_its_receipt_convinces_a_light_client() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let genesis = genesis(&validator);
    let chain = start(directory.path(), &validator);

    let first = transaction("a 1");
    let place = chain.submit(first.clone()).await.unwrap();
    assert_eq!(place.outcome, Outcome::Applied);
    let second = chain.submit(transaction("a 2")).await.unwrap();
    assert_eq!(second.outcome, Outcome::Refused(Refusal::RecordExists));
    assert_eq!(
        chain.submit(Bytes::new()).await,
        Err(SubmitError::Refused(Refusal::Malformed))
    );

    let values = chain.state(&[key(b"a 9"), key(b"b 9")]).await.unwrap();
    assert_eq!(values, [Some(b"a 1".to_vec()), None]);

    let id = TransactionId::of(&first);
    let receipt = chain.receipt(id).await.unwrap().unwrap();
    receipt
        .verify(genesis.chain(), genesis.group_key.as_slice())
        .unwrap();
    assert_eq!(receipt.outcome, Outcome::Applied);

    // Another outcome, transaction, header or certificate does not verify.
    let mut forged = receipt.clone();
    forged.outcome = Outcome::Refused(Refusal::RecordExists);
    assert!(
        forged
            .verify(genesis.chain(), genesis.group_key.as_slice())
            .is_err()
    );
    let mut forged = receipt.clone();
    forged.transaction = TransactionId::of(b"a 2");
    assert!(
        forged
            .verify(genesis.chain(), genesis.group_key.as_slice())
            .is_err()
    );
    let mut forged = receipt.clone();
    forged.header.time = TimeMs::new(2);
    assert!(
        forged
            .verify(genesis.chain(), genesis.group_key.as_slice())
            .is_err()
    );
    for place in 0..receipt.finality.as_slice().len() {
        let mut bytes = receipt.finality.as_slice().to_vec();
        bytes[place] ^= 1;
        let verified = finality::verify(&bytes, genesis.group_key.as_slice(), &receipt.header);
        assert!(verified.is_err(), "byte {place} may be changed");
    }
    let other = ValidatorKey::generate().group_key().unwrap();
    assert!(receipt.verify(genesis.chain(), &other).is_err());
    chain.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything_and_a_resubmission_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let chain = start(directory.path(), &validator);
    let mut places = Vec::new();
    for number in 0..20 {
        let bytes = transaction(&format!("{number} x"));
        places.push((bytes.clone(), chain.submit(bytes).await.unwrap()));
    }
    let latest = chain.latest().height;
    let header = chain.block(latest).await.unwrap().unwrap().header;
    chain.shutdown();

    let chain = start(directory.path(), &validator);
    assert!(chain.latest().height >= latest);
    assert_eq!(chain.block(latest).await.unwrap().unwrap().header, header);
    for (bytes, place) in &places {
        assert_eq!(chain.submit(bytes.clone()).await.unwrap(), *place);
        let value = chain.state(&[key(bytes)]).await.unwrap();
        assert_eq!(value, [Some(bytes.to_vec())]);
    }
    let next = chain.submit(transaction("next x")).await.unwrap();
    assert!(next.height > latest);
    chain.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_blocks_and_the_same_transaction_is_executed_once() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let chain = start(directory.path(), &validator);
    let callers: Vec<_> = (0..400)
        .map(|number| {
            let (chain, bytes) = (chain.clone(), transaction(&format!("{} x", number % 200)));
            tokio::spawn(async move { (bytes.clone(), chain.submit(bytes).await.unwrap()) })
        })
        .collect();
    let mut places: BTreeMap<Bytes, Place> = BTreeMap::new();
    for caller in callers {
        let (bytes, place) = caller.await.unwrap();
        assert_eq!(place.outcome, Outcome::Applied);
        assert_eq!(
            *places.entry(bytes).or_insert(place),
            place,
            "one transaction, one place"
        );
    }
    assert_eq!(places.len(), 200);

    // Blocks link up, times do not run back, and every transaction stands in exactly one.
    let mut seen = 0;
    let mut below = chain.block(Height::new(0)).await.unwrap().unwrap().header;
    for height in 1..=chain.latest().height.get() {
        let block = chain.block(Height::new(height)).await.unwrap().unwrap();
        assert_eq!(block.header.parent, below.id());
        assert!(block.header.time >= below.time);
        seen += block.transactions.len();
        below = block.header;
    }
    assert_eq!(seen, 200);
    chain.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_chain_rests() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let chain = start(directory.path(), &validator);
    chain.submit(transaction("a 1")).await.unwrap();
    let before = chain.latest().height;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(
        chain.latest().height.get() <= before.get() + 1,
        "empty blocks were made"
    );
    chain.shutdown();
}

#[test]
fn damaged_or_foreign_keys_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let text = serde_json::to_string(&validator).unwrap();
    for (field, word) in [
        ("share", "share"),
        ("identity", "identity"),
        ("output", "group key"),
    ] {
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value[field] = "00".into();
        let damaged: ValidatorKey = serde_json::from_value(value).unwrap();
        let error = try_start(directory.path(), &damaged, genesis(&validator)).unwrap_err();
        assert!(matches!(error, OrderError::Validator(_)), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(!format!("{validator:?}").contains("share\""));

    // Whole, but of another group: nobody could verify what it certifies.
    let other = ValidatorKey::generate();
    let error = try_start(directory.path(), &other, genesis(&validator)).unwrap_err();
    assert!(
        error.to_string().contains("not that of the genesis"),
        "{error}"
    );
    start(directory.path(), &validator).shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_of_one_chain_and_one_process() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let chain = start(directory.path(), &validator);
    let error = try_start(directory.path(), &validator, genesis(&validator)).unwrap_err();
    assert!(matches!(error, OrderError::InUse { .. }), "{error}");
    chain.submit(transaction("still x")).await.unwrap();
    chain.shutdown();

    let mut other = genesis(&validator);
    other.name = Text::new("another").unwrap();
    let error = try_start(directory.path(), &validator, other).unwrap_err();
    assert!(matches!(error, OrderError::OtherChain { .. }), "{error}");

    // Gone without a word, and started again: the directory is free after a moment.
    drop(start(directory.path(), &validator));
    start(directory.path(), &validator).shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_told_when_the_chain_stops() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let chain = start(directory.path(), &validator);
    let callers: Vec<_> = (0..500)
        .map(|number| {
            let (chain, bytes) = (chain.clone(), transaction(&format!("{number} x")));
            tokio::spawn(async move { (bytes.clone(), chain.submit(bytes).await) })
        })
        .collect();
    let stopping = chain.clone();
    tokio::task::spawn_blocking(move || stopping.shutdown())
        .await
        .unwrap();
    let mut final_ones = Vec::new();
    for caller in callers {
        match tokio::time::timeout(Duration::from_secs(60), caller).await {
            Ok(Ok((bytes, Ok(place)))) => final_ones.push((bytes, place)),
            Ok(Ok((_, Err(SubmitError::Stopped)))) => (),
            other => panic!("{other:?}"),
        }
    }
    let late = chain.submit(transaction("late x")).await;
    assert_eq!(late, Err(SubmitError::Stopped));
    assert_eq!(chain.state(&[]).await, Err(SubmitError::Stopped));
    chain.shutdown();

    let chain = start(directory.path(), &validator);
    for (bytes, place) in final_ones {
        assert_eq!(chain.submit(bytes).await, Ok(place));
    }
    chain.shutdown();
}
