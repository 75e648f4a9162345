//! Brings transactions to those who propose blocks.
//!
//! A validator tells every other validator what was submitted to it, and what its followers told it; a follower tells its hubs.
//! Messages may be lost, so whatever waits for longer than [`REMIND`] is told again. A message is a list of transactions in the
//! protocol's encoding. Who sends anything else, or a transaction that may not enter a block, is blocked: an honest node
//! checks before it tells.

use std::{collections::HashSet, sync::Arc, time::Duration};

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Blocker as _, Receiver as _, Recipients, Sender as _};
use commonware_runtime::{IoBuf, Spawner as _, Supervisor as _, tokio::Context as Runtime};
use tracing::warn;
use yilian_protocol::{
    TransactionId,
    codec::{Blob, Decode as _, Encode as _, List},
    limits::{BLOCK_TRANSACTIONS_MAX, TRANSACTION_MAX},
};

use super::{
    StateMachine,
    mempool::{Mempool, Source},
    network::{Ear, Mouth, Peers},
    peering::Peering,
};

/// Bytes of transactions in one message, unless one alone is larger.
const BATCH: usize = 256 * 1024;
/// After this time without a block, a transaction is told again.
const REMIND: Duration = Duration::from_secs(2);

type Message = List<Blob<TRANSACTION_MAX>, BLOCK_TRANSACTIONS_MAX>;

/// Brings transactions from and to peers.
pub(super) struct Gossip {
    mempool: Arc<Mempool>,
    machine: Arc<dyn StateMachine>,
    peers: Peers,
    /// Who is told.
    told: Vec<PublicKey>,
    /// Whose transactions are told on.
    followers: HashSet<PublicKey>,
    /// Whether this node has a use for what others tell.
    proposes: bool,
}

impl Gossip {
    pub fn new(
        mempool: Arc<Mempool>,
        machine: Arc<dyn StateMachine>,
        peers: Peers,
        peering: &Peering,
        proposes: bool,
    ) -> Self {
        let told = peering.dial.iter().map(|peer| peer.id.0.clone());
        let followers = peering.accept.iter().map(|peer| peer.0.clone());
        Self {
            mempool,
            machine,
            peers,
            told: told.collect(),
            followers: followers.collect(),
            proposes,
        }
    }

    /// Runs for as long as the network does.
    pub fn start(self, context: &Runtime, (mouth, ear): (Mouth, Ear)) {
        let (mempool, told) = (Arc::clone(&self.mempool), self.told.clone());
        context
            .child("tell")
            .spawn(async move |_| tell(mempool, told, mouth).await);
        context
            .child("listen")
            .spawn(async move |_| self.listen(ear).await);
    }

    async fn listen(mut self, mut ear: Ear) {
        while let Ok((peer, message)) = ear.recv().await {
            if !self.proposes {
                continue;
            }
            let Ok(transactions) = Message::from_slice(message.as_ref()) else {
                self.block(peer, "its transactions cannot be read");
                continue;
            };
            let source = if self.followers.contains(&peer) {
                Source::Own
            } else {
                Source::Peer
            };
            let (machine, mempool) = (Arc::clone(&self.machine), Arc::clone(&self.mempool));
            // Signatures and proofs: not on the threads that vote. One message at a time, so that what waits is bounded by the
            // channel's quota.
            let sound = tokio::task::spawn_blocking(move || {
                transactions.into_vec().into_iter().all(|transaction| {
                    let bytes = transaction.into_vec();
                    let sound = machine.check(&bytes).is_ok();
                    if sound {
                        mempool.offer(TransactionId::of(&bytes), bytes.into(), source);
                    }
                    sound
                })
            });
            if !sound.await.unwrap_or(true) {
                self.block(peer, "its transaction may not enter a block");
            }
        }
    }

    fn block(&mut self, peer: PublicKey, cause: &str) {
        warn!(%peer, "peer blocked: {cause}");
        self.peers.block(peer);
    }
}

async fn tell(mempool: Arc<Mempool>, told: Vec<PublicKey>, mut mouth: Mouth) {
    loop {
        let departing = tokio::time::timeout(REMIND, mempool.departure()).await;
        if departing.is_err() {
            mempool.remind(REMIND);
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
            let recipients = Recipients::Some(told.clone());
            mouth.send(recipients, IoBuf::from(message.to_vec()), false);
        }
    }
}
