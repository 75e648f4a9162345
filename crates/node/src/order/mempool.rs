//! Transactions waiting for a block, and the callers waiting for transactions.
//!
//! A proposal only looks at transactions; they leave when they are final, since a proposal may be dropped at any moment. Bounded in number and bytes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use yilian_protocol::TransactionId;

use super::chain::{Place, SubmitError};

/// Transactions waiting at most.
const COUNT_MAX: usize = 100_000;
/// Bytes waiting at most.
const BYTES_MAX: usize = 128 * 1024 * 1024;
/// After this time a proposal that is not final counts as lost, and its transactions are offered again.
const OFFER_LIFE: Duration = Duration::from_secs(5);

/// The waiting transactions of one node.
#[derive(Debug, Default)]
pub(super) struct Mempool {
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the order of their arrival.
    queue: BTreeMap<u64, TransactionId>,
    entries: HashMap<TransactionId, Entry>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    place: u64,
    bytes: Bytes,
    offered: Option<Instant>,
    waiters: Vec<oneshot::Sender<Place>>,
}

impl Mempool {
    /// Adds a transaction, or joins those who wait for it already.
    pub fn insert(
        &self,
        id: TransactionId,
        bytes: Bytes,
    ) -> Result<oneshot::Receiver<Place>, SubmitError> {
        let (waiter, receiver) = oneshot::channel();
        let mut inner = self.lock();
        if let Some(entry) = inner.entries.get_mut(&id) {
            entry.waiters.push(waiter);
            return Ok(receiver);
        }
        if inner.entries.len() >= COUNT_MAX || inner.bytes + bytes.len() > BYTES_MAX {
            return Err(SubmitError::Full);
        }
        let place = inner.next;
        inner.next += 1;
        inner.bytes += bytes.len();
        inner.queue.insert(place, id);
        inner.entries.insert(
            id,
            Entry {
                place,
                bytes,
                offered: None,
                waiters: vec![waiter],
            },
        );
        drop(inner);
        self.arrived.notify_one();
        Ok(receiver)
    }

    /// The next transactions for a block, oldest first, without those in `taken`.
    pub fn peek(
        &self,
        count: usize,
        bytes: usize,
        taken: &HashSet<TransactionId>,
    ) -> Vec<(TransactionId, Bytes)> {
        let mut inner = self.lock();
        let Inner { queue, entries, .. } = &mut *inner;
        let (mut chosen, mut size) = (Vec::new(), 0);
        for id in queue.values().filter(|id| !taken.contains(id)) {
            let Some(entry) = entries.get_mut(id) else {
                continue;
            };
            if chosen.len() == count || size + entry.bytes.len() > bytes {
                break;
            }
            size += entry.bytes.len();
            entry.offered = Some(Instant::now());
            chosen.push((*id, entry.bytes.clone()));
        }
        chosen
    }

    /// Takes out a final transaction and tells its waiters.
    pub fn finish(&self, id: TransactionId, place: Place) {
        let mut inner = self.lock();
        let Some(entry) = inner.entries.remove(&id) else {
            return;
        };
        inner.queue.remove(&entry.place);
        inner.bytes -= entry.bytes.len();
        drop(inner);
        for waiter in entry.waiters {
            // A waiter may have gone away; the transaction is final all the same.
            let _gone = waiter.send(place);
        }
    }

    /// Whether a proposal would find something that is not on its way already.
    pub fn has_fresh(&self) -> bool {
        let lost = |offered: Instant| offered.elapsed() > OFFER_LIFE;
        self.lock()
            .entries
            .values()
            .any(|entry| entry.offered.is_none_or(lost))
    }

    /// Returns at the next arrival, or at once if there was one since the last call.
    pub async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// A panic elsewhere leaves no half-made change behind: every change is one statement or made of infallible ones.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
