//! Proofs of the state, as the database makes them, against the verification a light client does.

use std::collections::BTreeSet;

use yilian_node::order::{Chain, ValidatorKey};
use yilian_protocol::{
    Height, StateKey,
    codec::{Blob, Decode as _, Encode as _, List},
    receipt::ReceiptError,
    registry::Genesis,
    state::proof::{Operation, ProvenState, StateProof},
};

use crate::toy::{genesis, key, start, transaction};

/// What stands at `names`, proven and verified.
async fn proven(chain: &Chain, genesis: &Genesis, names: &[String]) -> (ProvenState, Vec<bool>) {
    let keys = keys(names);
    let proven = chain.prove(&keys).await.unwrap();
    let found = verify(&proven, genesis, &keys).unwrap();
    for (name, value) in names.iter().zip(&found) {
        if let Some(value) = value {
            assert_eq!(*value, format!("{name} value").as_bytes(), "{name}");
        }
    }
    let found = found.into_iter().map(|value| value.is_some()).collect();
    (proven, found)
}

fn verify<'a>(
    proven: &'a ProvenState,
    genesis: &Genesis,
    keys: &[StateKey],
) -> Result<Vec<Option<&'a [u8]>>, ReceiptError> {
    proven.verify(genesis.chain(), genesis.group_key.as_slice(), keys)
}

fn keys(names: &[String]) -> Vec<StateKey> {
    names.iter().map(|name| key(name.as_bytes())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_and_every_absence_is_proven_at_every_size() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let genesis = genesis(&validator);
    let chain = start(directory.path(), &validator);

    // Nothing written yet: absence in an empty state.
    let (empty, found) = proven(&chain, &genesis, &["a".to_owned()]).await;
    assert_eq!(found, [false]);
    assert_eq!(empty.proofs[0].operation, Operation::Commit);

    let mut written: BTreeSet<usize> = BTreeSet::new();
    let mut highest = Height::new(0);
    // One chunk of the bitmap is 256 operations: sizes below, at and above several of them.
    for batch in [1_usize, 1, 2, 30, 200, 300, 520] {
        let from = written.len();
        let submitted = (from..from + batch).map(|number| {
            let chain = chain.clone();
            async move { chain.submit(transaction(&format!("{number} value"))).await }
        });
        for place in futures::future::join_all(submitted).await {
            place.unwrap();
        }
        written.extend(from..from + batch);

        let step = 1 + written.len() / 60;
        let names: Vec<String> = (0..written.len() + 20)
            .step_by(step)
            .map(|number| number.to_string())
            .collect();
        for names in names.chunks(64) {
            let (proof, found) = proven(&chain, &genesis, names).await;
            assert!(proof.header.height >= highest);
            highest = proof.header.height;
            let expected: Vec<bool> = names
                .iter()
                .map(|name| written.contains(&name.parse().unwrap()))
                .collect();
            assert_eq!(found, expected);
        }
    }
    chain.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_bent_anywhere_shows_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let genesis = genesis(&validator);
    let chain = start(directory.path(), &validator);
    for number in 0..300 {
        let chain = chain.clone();
        let bytes = transaction(&format!("{number} value"));
        let submitted = tokio::spawn(async move { chain.submit(bytes).await });
        if number % 50 == 49 {
            submitted.await.unwrap().unwrap();
        }
    }
    let names = ["7".to_owned(), "absent".to_owned()];
    let (good, found) = proven(&chain, &genesis, &names).await;
    assert_eq!(found, [true, false]);
    let keys = keys(&names);

    // Every bit of both proofs: it does not decode, or does not verify, or is the same proof.
    for (key, proof) in keys.iter().zip(good.proofs.iter()) {
        let bytes = proof.to_vec();
        for bit in 0..bytes.len() * 8 {
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let Ok(proof) = StateProof::from_slice(&bent) else {
                continue;
            };
            let shown = proof.verify(key, &good.header.state);
            assert!(shown.is_err(), "bit {bit} may be changed");
        }
    }

    // A proof of one key says nothing of another, nor under another root.
    let (value, absence) = (&good.proofs[0], &good.proofs[1]);
    // (The span after a value may rightly show the other key absent, never present.)
    assert_ne!(
        value.verify(&keys[1], &good.header.state).ok().flatten(),
        Some(b"7 value".as_slice())
    );
    assert!(absence.verify(&keys[0], &good.header.state).is_err());
    assert!(value.verify(&keys[0], &good.header.transactions).is_err());

    // The neighbour that shows the absence of one key shows its own presence: a node cannot deny
    // it.
    if let Operation::Update(neighbour) = &absence.operation {
        let shown = absence.verify(&neighbour.key, &good.header.state).unwrap();
        assert_eq!(shown, Some(neighbour.value.as_slice()));
    } else {
        panic!("the state is not empty");
    }

    // Too few proofs, proofs in another order, another chain's key, no certificate.
    let mut short = good.clone();
    short.proofs = List::new(good.proofs[..1].to_vec()).unwrap();
    assert_eq!(verify(&short, &genesis, &keys), Err(ReceiptError::State));
    let mut uncertified = good.clone();
    uncertified.finality = Blob::default();
    assert_eq!(
        verify(&uncertified, &genesis, &keys),
        Err(ReceiptError::Finality)
    );
    let other = ValidatorKey::generate().group_key().unwrap();
    assert_eq!(
        good.verify(genesis.chain(), &other, &keys),
        Err(ReceiptError::Finality)
    );
    chain.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overwritten_value_is_no_longer_shown() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let genesis = genesis(&validator);
    let chain = start(directory.path(), &validator);
    chain.submit(transaction("a value")).await.unwrap();
    let (old, _) = proven(&chain, &genesis, &["b".to_owned()]).await;
    chain.submit(transaction("b value")).await.unwrap();
    let (new, found) = proven(&chain, &genesis, &["b".to_owned()]).await;
    assert_eq!(found, [true]);

    // The old proof of absence stays true of its block, and is false of the new one.
    let keys = keys(&["b".to_owned()]);
    assert_eq!(verify(&old, &genesis, &keys), Ok(vec![None]));
    assert!(old.proofs[0].verify(&keys[0], &new.header.state).is_err());
    // The key before `b` was rewritten when `b` came between: its old operation is in the log,
    // inactive.
    let mut spliced = old.proofs[0].clone();
    spliced.place = new.proofs[0].place.clone();
    assert!(spliced.verify(&keys[0], &new.header.state).is_err());
    chain.shutdown();
}
