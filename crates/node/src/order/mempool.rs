//! Transactions waiting for a block, and the callers waiting for transactions.
//!
//! A proposal only looks at transactions; they leave when they are final, since a proposal may be
//! dropped at any moment. Bounded in number and bytes.
//!
//! Senders take turns (start-time fair queueing, Goyal, Vin and Cheng 1996): one that sends a
//! thousand waits for its own, and another's first goes before them. And a sender holds no more
//! than what it leaves free (dynamic thresholds, Choudhury and Hahne 1998), so that there is room
//! for others always.
//!
//! Of the transactions with one [`Effect`] one waits: signed anew, a transaction has another id and
//! the same effect, so a single grant or voucher would fill the pool.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use yilian_protocol::{TransactionId, refusal::Refusal};

use super::{
    Effect, Sender, StateMachine, chain::SubmitError, encoded::EncodedTransaction, place::Place,
};

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
    /// In the order of their turns, and of their arrival.
    queue: BTreeMap<(u64, u64), TransactionId>,
    senders: HashMap<Sender, Share>,
    /// The turn of the first that waits: a newcomer's.
    turn: u64,
    entries: HashMap<TransactionId, Entry>,
    /// What waits for each effect.
    effects: HashMap<Vec<u8>, TransactionId>,
    /// To be told to peers.
    departing: VecDeque<TransactionId>,
    next: u64,
    bytes: usize,
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    place: (u64, u64),
    origin: Origin,
    transaction: EncodedTransaction,
    offered: Option<Duration>,
    /// When peers were last told of it; `None` when that is not this node's part.
    told: Option<Duration>,
    waiters: Vec<oneshot::Sender<Ordered>>,
}

/// What became of a transaction: its place, or why it is not ordered.
pub(super) type Ordered = Result<Place, Refusal>;

/// What a sender has in the pool.
#[derive(Debug)]
struct Share {
    /// The first turn after those of its transactions.
    next: u64,
    count: usize,
    bytes: usize,
}

/// Whose a transaction is, and what for.
#[derive(Debug)]
pub(super) struct Origin {
    sender: Sender,
    effect: Option<Effect>,
}

impl Origin {
    /// As the machine says.
    pub fn of(machine: &dyn StateMachine, transaction: &EncodedTransaction) -> Self {
        Self {
            sender: machine.sender(transaction),
            effect: machine.effect(transaction),
        }
    }

    fn outranks(&self) -> bool {
        self.effect.as_ref().is_some_and(|effect| effect.outranks)
    }
}

/// Bytes of a transaction for which its sender waits one turn more.
const TURN: usize = 4096;

fn turns(size: usize) -> u64 {
    1 + (size / TURN) as u64
}

/// Where a transaction came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A caller, or a follower of this node: other validators are told.
    Own,
    /// A peer that tells everybody itself.
    Peer,
}

impl Inner {
    /// Takes out a transaction, and gives those who wait for it.
    fn remove(&mut self, id: TransactionId) -> Vec<oneshot::Sender<Ordered>> {
        let Some(entry) = self.entries.remove(&id) else {
            return Vec::new();
        };
        let size = entry.transaction.size();
        self.queue.remove(&entry.place);
        self.bytes -= size;
        if let Some(effect) = &entry.origin.effect {
            self.effects.remove(&effect.name);
        }
        // Not the turn of what leaves, which may have come up long before its time elsewhere:
        // whoever comes now would wait behind all that is before it here.
        let first = self.queue.first_key_value().map(|(place, _)| place.0);
        self.turn = self.turn.max(first.unwrap_or(entry.place.0));
        let sender = entry.origin.sender;
        if let Some(share) = self.senders.get_mut(&sender) {
            share.count -= 1;
            share.bytes -= size;
            if share.count == 0 {
                self.senders.remove(&sender);
            }
        }
        entry.waiters
    }

    /// What makes way for `origin`, which is for the same; an error when that stays.
    fn outranked(&self, origin: &Origin) -> Result<Option<&Entry>, SubmitError> {
        let effect = origin.effect.as_ref();
        let id = effect.and_then(|effect| self.effects.get(&effect.name));
        let waits = id.and_then(|id| self.entries.get(id));
        match waits {
            Some(waits) if waits.origin.outranks() || !origin.outranks() => Err(SubmitError::Full),
            waits => Ok(waits),
        }
    }
}

fn tell(waiters: Vec<oneshot::Sender<Ordered>>, ordered: Ordered) {
    for waiter in waiters {
        // A waiter may have gone away; the transaction is final all the same.
        let _gone = waiter.send(ordered);
    }
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

    /// Adds a transaction, or joins those who wait for it already. It is
    /// [`Full`](SubmitError::Full) for one whose effect another has that waits, too: once that one
    /// is final, the state says what becomes of the next.
    pub fn insert(
        &self,
        transaction: EncodedTransaction,
        origin: impl Into<Origin>,
    ) -> Result<oneshot::Receiver<Ordered>, SubmitError> {
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
        self.add(&mut inner, transaction, origin.into(), Source::Own)?;
        if let Some(entry) = inner.entries.get_mut(&id) {
            entry.waiters.push(waiter);
        }
        drop(inner);
        self.arrived.notify_one();
        self.departs.notify_one();
        Ok(receiver)
    }

    /// Adds a transaction that nobody here waits for, if there is room.
    pub fn offer(
        &self,
        transaction: EncodedTransaction,
        origin: impl Into<Origin>,
        source: Source,
    ) {
        let mut inner = self.lock();
        if inner.closed || inner.entries.contains_key(&transaction.id()) {
            return;
        }
        let added = self.add(&mut inner, transaction, origin.into(), source);
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
        origin: Origin,
        source: Source,
    ) -> Result<(), SubmitError> {
        let (id, size) = (transaction.id(), transaction.size());
        let sender = origin.sender;
        let replaced = inner.outranked(&origin)?;
        let room =
            |entry: Option<&Entry>| entry.map_or((0, 0), |entry| (1, entry.transaction.size()));
        let gone = room(replaced);
        let own = room(replaced.filter(|entry| entry.origin.sender == sender));
        let free = (
            (self.count_max + gone.0).saturating_sub(inner.entries.len()),
            (self.bytes_max + gone.1).saturating_sub(inner.bytes),
        );
        let (count, bytes) = inner
            .senders
            .get(&sender)
            .map_or((0, 0), |share| (share.count - own.0, share.bytes - own.1));
        if count >= free.0 || bytes + size > free.1 {
            return Err(SubmitError::Full);
        }
        // Not before there is room: else a pause would be lost to a revocation that is refused.
        if let Some(replaced) = replaced.map(|entry| entry.transaction.id()) {
            tell(inner.remove(replaced), Err(Refusal::StaleChange));
        }
        let turn = inner.turn;
        let share = inner.senders.entry(sender).or_insert(Share {
            next: turn,
            count: 0,
            bytes: 0,
        });
        let turn = turn.max(share.next);
        share.next = turn + turns(size);
        share.count += 1;
        share.bytes += size;
        let place = (turn, inner.next);
        inner.next += 1;
        inner.bytes += size;
        inner.queue.insert(place, id);
        let told = self.tells && source == Source::Own;
        if told {
            inner.departing.push_back(id);
        }
        if let Some(effect) = &origin.effect {
            inner.effects.insert(effect.name.clone(), id);
        }
        let entry = Entry {
            place,
            origin,
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

    /// Up to `count` of what peers were told of `life` ago, and is not final, in the order of its
    /// turns.
    pub fn overdue(&self, life: Duration, count: usize) -> Vec<EncodedTransaction> {
        let now = self.now();
        let inner = self.lock();
        let waiting = inner.queue.values().filter_map(|id| inner.entries.get(id));
        let overdue = waiting.filter(|entry| {
            let told = entry.told;
            told.is_some_and(|told| now.saturating_sub(told) >= life)
        });
        let overdue = overdue.take(count);
        overdue.map(|entry| entry.transaction.clone()).collect()
    }

    /// Has peers told again of a transaction.
    pub fn remind(&self, id: TransactionId) {
        let now = self.now();
        let mut inner = self.lock();
        let Inner {
            entries, departing, ..
        } = &mut *inner;
        if let Some(entry) = entries.get_mut(&id) {
            entry.told = Some(now);
            departing.push_back(id);
        }
    }

    /// The next transactions for a block, in the order of their turns, without those in `taken`.
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
        self.leave(id, Ok(place));
    }

    /// Takes out a transaction for which nobody answers any more, and tells its waiters.
    pub fn refuse(&self, id: TransactionId, refusal: Refusal) {
        self.leave(id, Err(refusal));
    }

    fn leave(&self, id: TransactionId, ordered: Ordered) {
        let waiters = self.lock().remove(id);
        tell(waiters, ordered);
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

    impl From<Sender> for Origin {
        fn from(sender: Sender) -> Self {
            Self {
                sender,
                effect: None,
            }
        }
    }

    fn effect(name: u8, outranks: bool) -> Origin {
        let name = vec![name];
        Origin {
            effect: Some(Effect { name, outranks }),
            ..by(1).into()
        }
    }

    #[test]
    fn ten_thousand_copies_signed_anew_hold_one_place() {
        let pool = Mempool::with_peers(true, Stopwatch::default());
        let copy =
            |number: u32| EncodedTransaction::from(Bytes::from(number.to_be_bytes().to_vec()));
        let mut first = pool.insert(copy(0), effect(1, false)).unwrap();
        for number in 1..10_000 {
            let refused = pool.insert(copy(number), effect(1, false)).unwrap_err();
            assert_eq!(refused, SubmitError::Full);
            pool.offer(copy(number), effect(1, false), Source::Peer);
        }
        assert_eq!((pool.len(), pool.lock().bytes), (1, 4));
        let _joined = pool.insert(copy(0), effect(1, false)).unwrap();
        let mut other = pool.insert(copy(10_000), effect(2, false)).unwrap();

        // A revocation waits for nobody, and is replaced by nothing.
        let _revoked = pool.insert(copy(10_001), effect(1, true)).unwrap();
        assert_eq!(first.try_recv().unwrap(), Err(Refusal::StaleChange));
        for outranks in [false, true] {
            let refused = pool.insert(copy(10_002), effect(1, outranks)).unwrap_err();
            assert_eq!(refused, SubmitError::Full);
        }
        assert!(other.try_recv().is_err(), "still waits");
        assert_eq!(pool.len(), 2);

        // Once it is final there is room again.
        pool.finish(copy(10_001).id(), place(0));
        let _next = pool.insert(copy(10_003), effect(1, false)).unwrap();
        assert_eq!((pool.len(), pool.lock().effects.len()), (2, 2));
    }

    #[test]
    fn what_is_refused_for_want_of_room_replaces_nothing() {
        let pool = Mempool::new(2, 1_000);
        let mut pause = pool.insert(transaction(1, 10), effect(1, false)).unwrap();
        drop(pool.insert(transaction(2, 10), by(2)).unwrap());
        let refused = pool.insert(transaction(3, 1_000), effect(1, true));
        assert_eq!(refused.unwrap_err(), SubmitError::Full);
        assert!(pause.try_recv().is_err(), "still waits");
        assert_eq!(pool.len(), 2);
        // In the room of what it replaces, a revocation has room in a full pool.
        let _revoked = pool.insert(transaction(3, 10), effect(1, true)).unwrap();
        assert_eq!(pause.try_recv().unwrap(), Err(Refusal::StaleChange));
        assert_eq!((pool.len(), pool.lock().bytes), (2, 20));
    }

    /// Each transaction is another sender's.
    fn by(number: u8) -> Sender {
        Sender([number; 32])
    }

    fn numbers(chosen: &[EncodedTransaction]) -> Vec<u8> {
        let bytes = chosen.iter().map(EncodedTransaction::bytes);
        bytes.map(|bytes| bytes[0]).collect()
    }

    #[test]
    fn peers_are_told_once_and_reminded_of_what_does_not_become_final() {
        let pool = Mempool::with_peers(true, Stopwatch::default());
        for number in 1..=3 {
            drop(pool.insert(transaction(number, 10), by(number)).unwrap());
        }
        pool.offer(transaction(4, 10), by(4), Source::Peer);
        pool.offer(transaction(5, 90), by(5), Source::Own);
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
        let remind = |life| {
            let overdue = pool.overdue(life, 9);
            overdue.iter().for_each(|known| pool.remind(known.id()));
        };
        assert_eq!(numbers(&pool.overdue(Duration::ZERO, 2)), [1, 2], "capped");
        remind(Duration::from_secs(60));
        assert!(told(25).is_empty(), "it is too early to remind");
        remind(Duration::ZERO);
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
        let offer = |number, size| pool.insert(transaction(number, size), by(number));
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
            .map(|_| pool.insert(transaction(1, 1), by(1)).unwrap())
            .collect();
        let refused = pool.insert(transaction(1, 1), by(1)).unwrap_err();
        assert_eq!(refused, SubmitError::Full);
        drop(waiting);
        let mut waiting = pool.insert(transaction(1, 1), by(1)).unwrap();
        pool.finish(transaction(1, 1).id(), place(7));
        assert_eq!(waiting.try_recv().unwrap(), Ok(place(7)));
    }

    #[test]
    fn a_look_takes_the_oldest_that_fit_and_removes_none() {
        let pool = Mempool::with_peers(false, Stopwatch::default());
        let mut waiting = Vec::new();
        for number in 1..=5 {
            waiting.push(pool.insert(transaction(number, 10), by(number)).unwrap());
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
    fn fault_5_one_sender_holds_up_nobody() {
        let pool = Mempool::new(1_000, 1_000_000);
        let (flood, other) = (by(1), by(2));
        let one = |sender, number: u32| {
            let bytes = Bytes::from(number.to_be_bytes().to_vec());
            pool.insert(bytes.into(), sender)
        };
        let mut waiting = Vec::new();
        let taken = (0..1_000).take_while(|number| {
            let inserted = one(flood, *number);
            let taken = inserted.is_ok();
            waiting.extend(inserted);
            taken
        });
        assert_eq!(taken.count(), 500, "it leaves as much as it takes");
        // Ten of another come after five hundred, and go between the first of them.
        for number in 0..10 {
            waiting.push(one(other, 10_000 + number).unwrap());
        }
        let chosen = pool.peek(20, 1_000_000, &HashSet::new());
        let number = |known: &EncodedTransaction| {
            let bytes: [u8; 4] = known.bytes()[..].try_into().unwrap();
            u32::from_be_bytes(bytes)
        };
        let others = chosen.iter().filter(|known| number(known) >= 10_000);
        assert_eq!(others.count(), 10);
        // A new one does not go before what waited while it was away, for as long as it likes.
        for known in &chosen {
            pool.finish(known.id(), place(0));
        }
        waiting.push(one(by(3), 20_000).unwrap());
        let next = pool.peek(2, 1_000_000, &HashSet::new());
        assert!(next.iter().any(|known| number(known) == 20_000));
        assert_eq!(
            pool.lock().senders.len(),
            2,
            "who has nothing here is forgotten"
        );
    }

    #[test]
    fn what_is_final_before_its_turn_puts_no_newcomer_behind_the_others() {
        let pool = Mempool::new(1_000, 1_000_000);
        let mut waiting = Vec::new();
        for number in 1..=100 {
            waiting.push(pool.insert(transaction(number, 10), by(1)).unwrap());
        }
        // Another node proposed the last one first.
        pool.finish(transaction(100, 10).id(), place(0));
        waiting.push(pool.insert(transaction(200, 10), by(2)).unwrap());
        let next = numbers(&pool.peek(2, 1_000, &HashSet::new()));
        assert_eq!(next, [1, 200]);
        for number in [200].into_iter().chain(1..100) {
            pool.finish(transaction(number, 10).id(), place(0));
        }
        assert_eq!(pool.lock().turn, 98, "the last that left");
    }

    #[test]
    fn who_waits_for_what_nobody_answers_for_is_told() {
        let pool = Mempool::new(10, 1_000);
        let mut waiting = pool.insert(transaction(1, 1), by(1)).unwrap();
        pool.refuse(transaction(1, 1).id(), Refusal::MemberSuspended);
        let told = waiting.try_recv().unwrap();
        assert_eq!(told, Err(Refusal::MemberSuspended));
        assert_eq!((pool.len(), pool.lock().bytes), (0, 0));
    }

    #[test]
    fn only_what_was_not_offered_is_fresh() {
        let pool = Mempool::with_peers(false, Stopwatch::default());
        assert!(!pool.has_fresh());
        let _waiting = pool.insert(transaction(1, 1), by(1)).unwrap();
        assert!(pool.has_fresh());
        pool.peek(1, 10, &HashSet::new());
        assert!(!pool.has_fresh());
        let _another = pool.insert(transaction(2, 1), by(2)).unwrap();
        assert!(pool.has_fresh());
    }

    #[test]
    fn closing_tells_everybody() {
        let pool = Mempool::with_peers(false, Stopwatch::default());
        let mut waiting = pool.insert(transaction(1, 1), by(1)).unwrap();
        pool.close();
        assert!(waiting.try_recv().is_err());
        let refused = pool.insert(transaction(1, 1), by(1)).unwrap_err();
        assert_eq!(refused, SubmitError::Stopped);
        assert_eq!(pool.len(), 0);
    }
}
