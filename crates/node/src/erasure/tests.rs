//! What becomes of shares and receipts when grants end, and processes die.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use rand::{SeedableRng as _, rngs::StdRng};
use yilian_crypto::sign::SigningKey;
use yilian_protocol::{
    Height, StateKey, TransactionId,
    codec::{Decode, Encode as _, List},
    grant::Grant,
    receipt::Receipt,
    refusal::Outcome,
    registry::Admitted,
    state::proof::ProvenState,
};

use super::*;
use crate::order::{FinalBlock, Place};

const UNTIL: TimeMs = TimeMs::new(1_000);

/// A chain with one grant, which takes receipts while it is well.
#[derive(Debug, Clone)]
struct OneGrant {
    state: GrantState,
    now: TimeMs,
    well: Arc<AtomicBool>,
    receipts: Arc<Mutex<Vec<TransactionId>>>,
}

fn grant() -> Grant {
    Grant {
        controller: SigningKey::from_seed(&[1; 32]).verifying_key(),
        terms: Decode::from_slice(&[2; 32]).unwrap(),
        until: UNTIL,
        holders: List::new(vec![HOLDER]).unwrap(),
        threshold: 1,
        emergency: false,
    }
}

const HOLDER: MemberId = MemberId::from_bytes([3; 32]);

impl OneGrant {
    fn new(state: GrantState, now: TimeMs) -> Self {
        Self {
            state,
            now,
            well: Arc::new(AtomicBool::new(true)),
            receipts: Arc::default(),
        }
    }

    fn receipts(&self) -> usize {
        self.receipts.lock().unwrap().len()
    }
}

impl ConsortiumChain for OneGrant {
    fn latest(&self) -> Admitted {
        Admitted {
            height: Height::new(1),
            time: self.now,
        }
    }

    fn now(&self) -> TimeMs {
        TimeMs::new(u64::MAX)
    }

    fn waiting(&self) -> u64 {
        0
    }

    fn check(&self, _: &EncodedTransaction) -> Result<(), Refusal> {
        Ok(())
    }

    async fn submit(&self, transaction: EncodedTransaction) -> Result<Place, SubmitError> {
        if !self.well.load(Ordering::SeqCst) {
            return Err(SubmitError::Full);
        }
        self.receipts.lock().unwrap().push(transaction.id());
        Ok(Place {
            height: Height::new(2),
            index: 0,
            outcome: Outcome::Applied,
        })
    }

    async fn receipt(&self, _: TransactionId) -> Result<Option<Receipt>, SubmitError> {
        Ok(None)
    }

    async fn state(&self, keys: Vec<StateKey>) -> Result<Vec<Option<Vec<u8>>>, SubmitError> {
        let entry = GrantEntry {
            grant: grant(),
            state: self.state,
            admitted: self.latest(),
            changed: self.latest(),
            changes: 1,
        };
        let known = GRANT.key(grant().id().as_bytes());
        let value = |key| (key == known).then(|| entry.to_vec());
        Ok(keys.into_iter().map(value).collect())
    }

    async fn prove(&self, _: Vec<StateKey>) -> Result<ProvenState, SubmitError> {
        Err(SubmitError::Full)
    }

    async fn block(&self, _: Height) -> Result<Option<FinalBlock>, SubmitError> {
        Ok(None)
    }

    async fn metrics(&self) -> Result<String, SubmitError> {
        Ok(String::new())
    }

    async fn apart<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        Ok(work())
    }

    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }

    fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(1)
    }

    fn shutdown(&self) {}
}

#[derive(Debug)]
struct OneMember;

impl HostedMembers for OneMember {
    fn members(&self) -> Vec<MemberId> {
        vec![HOLDER]
    }

    fn key(&self, member: MemberId) -> Option<SigningKey> {
        (member == HOLDER).then(|| SigningKey::from_seed(&[4; 32]))
    }
}

/// As a process that starts: with what is on disk.
fn eraser(folder: &tempfile::TempDir, chain: &OneGrant) -> Eraser<OneGrant> {
    Eraser {
        chain: chain.clone(),
        id: ChainId::from_bytes([5; 32]),
        keeper: Arc::new(KeyHolder::open(&folder.path().join("deposits.redb")).unwrap()),
        identities: Arc::new(OneMember),
    }
}

fn keep(eraser: &Eraser<OneGrant>) {
    eraser.keeper.put_bytes(grant().id(), HOLDER, b"shares");
    assert_eq!(eraser.keeper.kept().unwrap(), [(grant().id(), HOLDER)]);
}

#[tokio::test]
async fn a_receipt_that_a_crash_or_a_full_pool_swallowed_is_still_sent() {
    let folder = tempfile::tempdir().unwrap();
    let chain = OneGrant::new(GrantState::Revoked, TimeMs::new(1));
    let dies = eraser(&folder, &chain);
    keep(&dies);
    // It dies between erasing and saying so.
    dies.sweep().await;
    drop(dies);
    let next = eraser(&folder, &chain);
    assert!(next.keeper.kept().unwrap().is_empty());
    chain.well.store(false, Ordering::SeqCst);
    assert!(next.pay().await.is_continue());
    assert_eq!(chain.receipts(), 0);
    assert_eq!(next.keeper.owed().unwrap(), [(grant().id(), HOLDER)]);
    drop(next);

    // Run as a node runs it, while the chain gets well.
    let last = eraser(&folder, &chain);
    let keeper = Arc::clone(&last.keeper);
    let (revoked, told) = mpsc::unbounded_channel();
    let running = tokio::spawn(last.run(told));
    tokio::task::yield_now().await;
    chain.well.store(true, Ordering::SeqCst);
    while chain.receipts() == 0 {
        tokio::task::yield_now().await;
    }
    // Told of once more: nothing is there to erase, and nothing is owed.
    revoked.send(grant().id()).unwrap();
    drop(revoked);
    running.await.unwrap();
    assert_eq!(chain.receipts(), 1);
    assert!(keeper.owed().unwrap().is_empty());
}

#[tokio::test]
async fn shares_of_a_grant_whose_time_is_over_do_not_stay_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let just = OneGrant::new(GrantState::Active, TimeMs::new(UNTIL.get() - 1));
    let early = eraser(&folder, &just);
    keep(&early);
    early.sweep().await;
    assert_eq!(
        early.keeper.kept().unwrap().len(),
        1,
        "the chain's time decides"
    );
    drop(early);
    let over = OneGrant::new(GrantState::Paused, UNTIL);
    let late = eraser(&folder, &over);
    late.sweep().await;
    assert!(late.keeper.kept().unwrap().is_empty());
    assert!(late.keeper.owed().unwrap().is_empty(), "silently");
}
