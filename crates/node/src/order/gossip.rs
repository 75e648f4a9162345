//! Brings transactions to those who propose blocks.
//!
//! A node tells the validators of the epoch what was submitted to it, and what others than
//! validators told it; a follower tells its hubs. Messages may be lost, so whatever waits for
//! longer than [`REMIND`] is told again. A message is a list of transactions in the protocol's
//! encoding. Who sends anything else, or a transaction that may not enter a block, is blocked: an
//! honest node checks before it tells. A transaction for which nobody answers by this node's state
//! is only left out, since that node may be ahead.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::IoBuf;
use tokio::sync::watch;
use tracing::warn;
use yilian_protocol::{
    codec::{Blob, Decode as _, Encode as _, List},
    limits::{BLOCK_TRANSACTIONS_MAX, TRANSACTION_MAX},
    refusal::Refusal,
    registry::Admitted,
};

use super::{
    StateMachine,
    application::time_of,
    encoded::EncodedTransaction,
    mempool::{Mempool, Origin, Source},
    network::Peers,
    place::{Place, place_key},
    row_index::RowIndex,
    runtime::Runtime,
    state::{self, States},
};

/// Bytes of transactions in one message, unless one alone is larger.
const BATCH: usize = 256 * 1024;
/// After this time without a block, a transaction is told again.
const REMIND: Duration = Duration::from_secs(2);
/// Transactions that are looked at again at one time: each takes a read of the state.
const LOOKED_MAX: usize = 1024;

type Message = List<Blob<TRANSACTION_MAX>, BLOCK_TRANSACTIONS_MAX>;

/// Brings transactions from and to peers.
pub(super) struct Gossip<P, F> {
    pub peers: P,
    pub me: PublicKey,
    pub door: Door<F>,
}

/// What lets transactions into the pool, and out again when nobody answers for them any more.
pub(super) struct Door<F> {
    pub mempool: Arc<Mempool>,
    pub machine: Arc<dyn StateMachine>,
    pub latest: watch::Sender<Admitted>,
    pub rows: Arc<RowIndex>,
    /// Gives the state once it is open.
    pub states: F,
}

/// How a transaction stands by the state of this node.
enum Standing {
    /// Somebody answers for it.
    Answered,
    Refused(Refusal),
    /// It is in a block.
    Final(Place),
}

impl<F> Door<F> {
    async fn standing<E: Runtime, Opened>(
        &self,
        context: &E,
        transaction: &EncodedTransaction,
    ) -> Standing
    where
        F: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = States<E>> + Send,
    {
        let states = (self.states)().await;
        let mut keys = vec![place_key(transaction.id())];
        keys.extend(self.machine.vet_reads(transaction));
        let mut values = state::read_latest(&states, &self.rows, &keys).await;
        let place = values.first_mut().and_then(Option::take);
        if let Some(place) = place.and_then(|bytes| Place::from_slice(&bytes).ok()) {
            return Standing::Final(place);
        }
        let latest = *self.latest.borrow();
        let next = Admitted {
            height: latest.height.next(),
            time: latest.time.max(time_of(context.current())),
        };
        let state = keys.into_iter().zip(values).skip(1).collect();
        match self.machine.vet(next, transaction, state) {
            Ok(()) => Standing::Answered,
            Err(refusal) => Standing::Refused(refusal),
        }
    }

    /// Lets in what a peer told, if somebody answers for it.
    async fn let_in<E: Runtime, Opened>(
        &self,
        context: &E,
        transactions: Vec<EncodedTransaction>,
        source: Source,
    ) where
        F: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = States<E>> + Send,
    {
        for transaction in transactions {
            if let Standing::Answered = self.standing(context, &transaction).await {
                let origin = Origin::of(&*self.machine, &transaction);
                self.mempool.offer(transaction, origin, source);
            }
        }
    }

    /// Looks again at what waits for long: peers are told of it once more, or nobody answers for it
    /// any more, so that no peer would take it. Else it would wait here for ever, and its caller.
    async fn look_again<E: Runtime, Opened>(&self, context: &E)
    where
        F: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = States<E>> + Send,
    {
        for transaction in self.mempool.overdue(REMIND, LOOKED_MAX) {
            match self.standing(context, &transaction).await {
                Standing::Answered => self.mempool.remind(transaction.id()),
                Standing::Refused(refusal) => self.mempool.refuse(transaction.id(), refusal),
                Standing::Final(place) => self.mempool.finish(transaction.id(), place),
            }
        }
    }
}

impl<P: Peers, F> Gossip<P, F> {
    /// Runs for as long as the network does.
    pub fn start<E: Runtime, Opened>(
        self,
        context: &E,
        (sender, receiver): (
            impl Sender<PublicKey = PublicKey>,
            impl Receiver<PublicKey = PublicKey>,
        ),
    ) where
        F: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = States<E>> + Send,
    {
        let Self { peers, me, door } = self;
        let door = Arc::new(door);
        let (told, told_of) = (Arc::clone(&door), peers.clone());
        context
            .child("tell")
            .spawn(async move |context| tell(&context, &told, told_of, sender).await);
        let listening = Listening { peers, me, door };
        context
            .child("listen")
            .spawn(async move |context| listening.listen(&context, receiver).await);
    }
}

/// The side that hears of others' transactions.
struct Listening<P, F> {
    peers: P,
    me: PublicKey,
    door: Arc<Door<F>>,
}

impl<P: Peers, F> Listening<P, F> {
    async fn listen<E: Runtime, Opened>(
        mut self,
        context: &E,
        mut receiver: impl Receiver<PublicKey = PublicKey>,
    ) where
        F: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = States<E>> + Send,
    {
        while let Ok((peer, message)) = receiver.recv().await {
            let Ok(transactions) = Message::from_slice(message.as_ref()) else {
                self.block(peer, "its transactions cannot be read");
                continue;
            };
            // A validator told the others itself.
            let source = match (self.peers.votes(&self.me), self.peers.votes(&peer)) {
                (true, true) => Source::Peer,
                (false, true) => continue,
                (_, false) => Source::Own,
            };
            let machine = Arc::clone(&self.door.machine);
            // Signatures and proofs: not on the threads that vote. One message at a time, so that
            // what waits is bounded by the channel's quota.
            let checked = context.child("check").shared(true).spawn(async move |_| {
                let bytes = transactions.into_vec().into_iter();
                let mut known = bytes.map(|bytes| Bytes::from(bytes.into_vec()).into());
                known.try_fold(Vec::new(), |mut sound, one: EncodedTransaction| {
                    machine.check(&one).map(|()| {
                        sound.push(one);
                        sound
                    })
                })
            });
            match checked.await {
                Ok(Ok(sound)) => self.door.let_in(context, sound, source).await,
                Ok(Err(_)) => self.block(peer, "its transaction may not enter a block"),
                Err(_) => {}
            }
        }
    }

    fn block(&mut self, peer: PublicKey, cause: &str) {
        warn!(%peer, "peer blocked: {cause}");
        self.peers.block(peer);
    }
}

/// When to look again at what waits: every [`REMIND`], whatever departs in between.
struct Looks {
    last: SystemTime,
}

impl Looks {
    const fn new(now: SystemTime) -> Self {
        Self { last: now }
    }

    /// The time until the next look.
    fn rest(&self, now: SystemTime) -> Duration {
        REMIND.saturating_sub(now.duration_since(self.last).unwrap_or_default())
    }

    /// Whether it is time. Then the next comes [`REMIND`] from now.
    fn due(&mut self, now: SystemTime) -> bool {
        // A clock that was set back begins anew.
        let due = now
            .duration_since(self.last)
            .is_ok_and(|since| since >= REMIND);
        if due || now < self.last {
            self.last = now;
        }
        due
    }
}

async fn tell<E: Runtime, F, Opened>(
    context: &E,
    door: &Door<F>,
    peers: impl Peers,
    mut sender: impl Sender<PublicKey = PublicKey>,
) where
    F: Fn() -> Opened + Send + Sync + 'static,
    Opened: Future<Output = States<E>> + Send,
{
    let mempool = Arc::clone(&door.mempool);
    let mut looks = Looks::new(context.current());
    loop {
        let departure = {
            let mempool = Arc::clone(&mempool);
            async move { mempool.departure().await }
        };
        let rest = looks.rest(context.current());
        let _departed = context.timeout(rest, departure).await;
        if looks.due(context.current()) {
            door.look_again(context).await;
        }
        loop {
            let batch = mempool.departing(BATCH);
            if batch.is_empty() {
                break;
            }
            let blobs = batch.iter().map(|bytes| Blob::new(bytes.to_vec()));
            let Ok(message) = blobs.collect::<Result<Vec<_>, _>>().and_then(List::new) else {
                continue;
            };
            let message: Message = message;
            let recipients = Recipients::Some(peers.told());
            sender.send(recipients, IoBuf::from(message.to_vec()), false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_departures_does_not_put_off_the_look_at_what_waits() {
        let begun = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let mut looks = Looks::new(begun);
        // Something departs every tenth of a second, for ten seconds.
        let departures = (1..=100).map(|tenth| begun + Duration::from_millis(100) * tenth);
        let looked = departures.filter(|now| {
            assert!(looks.rest(*now) <= REMIND);
            looks.due(*now)
        });
        assert_eq!(looked.count(), 5);
        assert!(!looks.due(begun), "the clock was set back");
        assert_eq!(looks.rest(begun), REMIND);
        assert!(looks.due(begun + REMIND));
    }
}
