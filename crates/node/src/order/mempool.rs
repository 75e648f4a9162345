//! Transactions waiting for a block, and the callers waiting for transactions.
//!
//! A proposal only looks at transactions; they leave when they are final, since a proposal may be
//! dropped at any moment. Bounded in number and bytes.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use yilian_protocol::TransactionId;

use super::{chain::SubmitError, encoded::EncodedTransaction, place::Place};

/// Transactions waiting at most.
const COUNT_MAX: usize = 100_000;
/// Bytes waiting at most.
const BYTES_MAX: usize = 128 * 1024 * 1024;
/// Callers waiting for one transaction at most.
const WAITERS_MAX: usize = 1024;
/// After this time a proposal that is not final counts as lost, and its transactions are offered
/// again.
const OFFER_LIFE: Duration = Duration::from_secs(2);

/// Tells how much time has passed since some moment. In a simulation that is not this machine's
/// time.
#[derive(Clone)]
pub(super) struct Stopwatch(pub Arc<dyn Fn() -> Duration + Send + Sync>);

impl Default for Stopwatch {
    /// This machine's time.
    fn default() -> Self {
        let begun = Instant::now();
        Self(Arc::new(move || begun.elapsed()))
    }
}

impl fmt::Debug for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stopwatch({:?})", (self.0)())
    }
}

/// The waiting transactions of one node.
#[derive(Debug)]
pub(super) struct Mempool {
    inner: Mutex<Inner>,
    arrived: Notify,
    departs: Notify,
    count_max: usize,
    bytes_max: usize,
    /// Whether there are peers to tell.
    tells: bool,
    stopwatch: Stopwatch,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the order of their arrival.
    queue: BTreeMap<u64, TransactionId>,
    entries: HashMap<TransactionId, Entry>,
    /// To be told to peers.
    departing: VecDeque<TransactionId>,
    next: u64,
    bytes: usize,
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    place: u64,
    transaction: EncodedTransaction,
    offered: Option<Duration>,
    /// When peers were last told of it; `None` when that is not this node's part.
    told: Option<Duration>,
    waiters: Vec<oneshot::Sender<Place>>,
}

/// Where a transaction came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A caller, or a follower of this node: other validators are told.
    Own,
    /// A peer that tells everybody itself.
    Peer,
}

impl Mempool {
    /// The mempool of a node that has peers to tell, or has none.
    pub fn with_peers(tells: bool, stopwatch: Stopwatch) -> Self {
        Self {
            tells,
            stopwatch,
            ..Self::new(COUNT_MAX, BYTES_MAX)
        }
    }

    /// Room for `count_max` transactions of `bytes_max` bytes in all.
    fn new(count_max: usize, bytes_max: usize) -> Self {
        Self {
            inner: Mutex::default(),
            arrived: Notify::new(),
            departs: Notify::new(),
            count_max,
            bytes_max,
            tells: false,
            stopwatch: Stopwatch::default(),
        }
    }

    fn now(&self) -> Duration {
        (self.stopwatch.0)()
    }

    /// Adds a transaction, or joins those who wait for it already.
    pub fn insert(
        &self,
        transaction: EncodedTransaction,
    ) -> Result<oneshot::Receiver<Place>, SubmitError> {
        let id = transaction.id();
        let (waiter, receiver) = oneshot::channel();
        let mut inner = self.lock();
        if inner.closed {
            return Err(SubmitError::Stopped);
        }
        if let Some(entry) = inner.entries.get_mut(&id) {
            if entry.waiters.len() >= WAITERS_MAX {
                entry.waiters.retain(|waiter| !waiter.is_closed());
            }
            if entry.waiters.len() >= WAITERS_MAX {
                return Err(SubmitError::Full);
            }
            entry.waiters.push(waiter);
            return Ok(receiver);
        }
        self.add(&mut inner, transaction, Source::Own)?;
        if let Some(entry) = inner.entries.get_mut(&id) {
            entry.waiters.push(waiter);
        }
        drop(inner);
        self.arrived.notify_one();
        self.departs.notify_one();
        Ok(receiver)
    }

    /// Adds a transaction that nobody here waits for, if there is room.
    pub fn offer(&self, transaction: EncodedTransaction, source: Source) {
        let mut inner = self.lock();
        if inner.closed || inner.entries.contains_key(&transaction.id()) {
            return;
        }
        let added = self.add(&mut inner, transaction, source);
        drop(inner);
        if added.is_ok() {
            self.arrived.notify_one();
            self.departs.notify_one();
        }
    }

    fn add(
        &self,
        inner: &mut Inner,
        transaction: EncodedTransaction,
        source: Source,
    ) -> Result<(), SubmitError> {
        let (id, size) = (transaction.id(), transaction.size());
        if inner.entries.len() >= self.count_max || inner.bytes + size > self.bytes_max {
            return Err(SubmitError::Full);
        }
        let place = inner.next;
        inner.next += 1;
        inner.bytes += size;
        inner.queue.insert(place, id);
        let told = self.tells && source == Source::Own;
        if told {
            inner.departing.push_back(id);
        }
        let entry = Entry {
            place,
            transaction,
            offered: None,
            told: told.then(|| self.now()),
            waiters: Vec::new(),
        };
        inner.entries.insert(id, entry);
        Ok(())
    }

    /// Returns when there is something to tell peers, or at once if there was since the last call.
    pub async fn departure(&self) {
        self.departs.notified().await;
    }

    /// Up to `bytes` of transactions to tell peers of, or one that is larger; each is given out
    /// once.
    pub fn departing(&self, bytes: usize) -> Vec<Bytes> {
        let mut inner = self.lock();
        let Inner {
            entries, departing, ..
        } = &mut *inner;
        let (mut batch, mut size) = (Vec::new(), 0);
        while let Some(id) = departing.front() {
            let Some(entry) = entries.get(id) else {
                departing.pop_front();
                continue;
            };
            if !batch.is_empty() && size + entry.transaction.size() > bytes {
                break;
            }
            size += entry.transaction.size();
            batch.push(entry.transaction.bytes().clone());
            departing.pop_front();
        }
        batch
    }

    /// Has peers told again of what they were told `life` ago, and is not final.
    pub fn remind(&self, life: Duration) {
        let now = self.now();
        let mut inner = self.lock();
        let Inner {
            queue,
            entries,
            departing,
            ..
        } = &mut *inner;
        for id in queue.values() {
            let Some(entry) = entries.get_mut(id) else {
                continue;
            };
            if entry
                .told
                .is_some_and(|told| now.saturating_sub(told) >= life)
            {
                entry.told = Some(now);
                departing.push_back(*id);
            }
        }
    }

    /// The next transactions for a block, oldest first, without those in `taken`.
    pub fn peek(
        &self,
        count: usize,
        bytes: usize,
        taken: &HashSet<TransactionId>,
    ) -> Vec<EncodedTransaction> {
        let now = self.now();
        let mut inner = self.lock();
        let Inner { queue, entries, .. } = &mut *inner;
        let (mut chosen, mut size) = (Vec::new(), 0);
        for id in queue.values().filter(|id| !taken.contains(id)) {
            let Some(entry) = entries.get_mut(id) else {
                continue;
            };
            if chosen.len() == count || size + entry.transaction.size() > bytes {
                break;
            }
            size += entry.transaction.size();
            entry.offered = Some(now);
            chosen.push(entry.transaction.clone());
        }
        chosen
    }

    /// Notes that another's proposal holds these transactions: they are on their way.
    pub fn offered(&self, ids: impl IntoIterator<Item = TransactionId>) {
        let now = self.now();
        let mut inner = self.lock();
        for id in ids {
            if let Some(entry) = inner.entries.get_mut(&id) {
                entry.offered = Some(now);
            }
        }
    }

    /// Takes out a final transaction and tells its waiters.
    pub fn finish(&self, id: TransactionId, place: Place) {
        let mut inner = self.lock();
        let Some(entry) = inner.entries.remove(&id) else {
            return;
        };
        inner.queue.remove(&entry.place);
        inner.bytes -= entry.transaction.size();
        drop(inner);
        for waiter in entry.waiters {
            // A waiter may have gone away; the transaction is final all the same.
            let _gone = waiter.send(place);
        }
    }

    /// Lets go of everything: whoever waits is told that the chain has stopped.
    pub fn close(&self) {
        let mut inner = self.lock();
        *inner = Inner {
            closed: true,
            ..Inner::default()
        };
    }

    /// Whether a proposal would find something that is not on its way already.
    pub fn has_fresh(&self) -> bool {
        let now = self.now();
        let lost = |offered: Duration| now.saturating_sub(offered) > OFFER_LIFE;
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

    /// A panic elsewhere leaves no half-made change behind: every change is one statement or made
    /// of infallible ones.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use yilian_protocol::{Height, refusal::Outcome};

    use super::*;

    fn transaction(number: u8, size: usize) -> EncodedTransaction {
        Bytes::from(vec![number; size]).into()
    }

    fn place(index: u32) -> Place {
        Place {
            height: Height::new(1),
            index,
            outcome: Outcome::Applied,
        }
    }

    fn numbers(chosen: &[EncodedTransaction]) -> Vec<u8> {
        let bytes = chosen.iter().map(EncodedTransaction::bytes);
        bytes.map(|bytes| bytes[0]).collect()
    }

    #[test]
    fn peers_are_told_once_and_reminded_of_what_does_not_become_final() {
        let pool = Mempool::with_peers(true, Stopwatch::default());
        for number in 1..=3 {
            drop(pool.insert(transaction(number, 10)).unwrap());
        }
        pool.offer(transaction(4, 10), Source::Peer);
        pool.offer(transaction(5, 90), Source::Own);
        let told = |bytes| {
            let batch = pool.departing(bytes);
            batch.iter().map(|bytes| bytes[0]).collect::<Vec<_>>()
        };
        assert_eq!(told(25), [1, 2], "a batch has a size");
        pool.finish(transaction(3, 10).id(), place(0));
        assert_eq!(
            told(25),
            [5],
            "one that is larger goes alone, a final one not at all"
        );
        assert!(told(25).is_empty(), "each is told once");
        pool.remind(Duration::from_secs(60));
        assert!(told(25).is_empty(), "it is too early to remind");
        pool.remind(Duration::ZERO);
        assert_eq!(
            told(1000),
            [1, 2, 5],
            "a peer's transaction is told by the peer"
        );
        assert_eq!(
            Mempool::with_peers(false, Stopwatch::default())
                .departing(10)
                .len(),
            0
        );
    }

    #[test]
    fn it_is_full_at_its_bounds_and_has_room_again_after_a_block() {
        let pool = Mempool::new(3, 100);
        let offer = |number, size| pool.insert(transaction(number, size));
        let _first = offer(1, 40).unwrap();
        let _second = offer(2, 60).unwrap();
        assert_eq!(offer(3, 1).unwrap_err(), SubmitError::Full, "bytes");
        pool.finish(transaction(2, 60).id(), place(0));
        let _third = offer(3, 1).unwrap();
        let _fourth = offer(4, 1).unwrap();
        assert_eq!(offer(5, 1).unwrap_err(), SubmitError::Full, "count");
        assert_eq!(pool.len(), 3);
        // Joining one that waits takes no room; finishing what is not there frees none.
        let _again = offer(4, 1).unwrap();
        pool.finish(transaction(9, 9).id(), place(0));
        assert_eq!(offer(5, 1).unwrap_err(), SubmitError::Full);
    }

    #[test]
    fn callers_of_one_transaction_are_bounded_too_and_make_room_when_they_leave() {
        let pool = Mempool::with_peers(false, Stopwatch::default());
        let waiting: Vec<_> = (0..WAITERS_MAX)
            .map(|_| pool.insert(transaction(1, 1)).unwrap())
            .collect();
        let refused = pool.insert(transaction(1, 1)).unwrap_err();
        assert_eq!(refused, SubmitError::Full);
        drop(waiting);
        let mut waiting = pool.insert(transaction(1, 1)).unwrap();
        pool.finish(transaction(1, 1).id(), place(7));
        assert_eq!(waiting.try_recv().unwrap(), place(7));
    }

    #[test]
    fn a_look_takes_the_oldest_that_fit_and_removes_none() {
        let pool = Mempool::with_peers(false, Stopwatch::default());
        let mut waiting = Vec::new();
        for number in 1..=5 {
            waiting.push(pool.insert(transaction(number, 10)).unwrap());
        }
        let nothing = HashSet::new();
        assert_eq!(numbers(&pool.peek(3, 1000, &nothing)), [1, 2, 3]);
        assert_eq!(numbers(&pool.peek(9, 45, &nothing)), [1, 2, 3, 4]);
        let taken = HashSet::from([transaction(1, 10).id(), transaction(3, 10).id()]);
        assert_eq!(numbers(&pool.peek(9, 1000, &taken)), [2, 4, 5]);
        pool.finish(transaction(2, 10).id(), place(0));
        assert_eq!(numbers(&pool.peek(9, 1000, &nothing)), [1, 3, 4, 5]);
    }

    #[test]
    fn only_what_was_not_offered_is_fresh() {
        let pool = Mempool::with_peers(false, Stopwatch::default());
        assert!(!pool.has_fresh());
        let _waiting = pool.insert(transaction(1, 1)).unwrap();
        assert!(pool.has_fresh());
        pool.peek(1, 10, &HashSet::new());
        assert!(!pool.has_fresh());
        let _another = pool.insert(transaction(2, 1)).unwrap();
        assert!(pool.has_fresh());
    }

    #[test]
    fn closing_tells_everybody() {
        let pool = Mempool::with_peers(false, Stopwatch::default());
        let mut waiting = pool.insert(transaction(1, 1)).unwrap();
        pool.close();
        assert!(waiting.try_recv().is_err());
        let refused = pool.insert(transaction(1, 1)).unwrap_err();
        assert_eq!(refused, SubmitError::Stopped);
        assert_eq!(pool.len(), 0);
    }
}
