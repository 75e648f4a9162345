//! Brings transactions to those who propose blocks.
//!
//! A node tells the validators of the epoch what was submitted to it, and what others than
//! validators told it; a follower tells its hubs. Messages may be lost, so whatever waits for
//! longer than [`REMIND`] is told again. A message is a list of transactions in the protocol's
//! encoding. Who sends anything else, or a transaction that may not enter a block, is blocked: an
//! honest node checks before it tells.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::IoBuf;
use tracing::warn;
use yilian_protocol::{
    codec::{Blob, Decode as _, Encode as _, List},
    limits::{BLOCK_TRANSACTIONS_MAX, TRANSACTION_MAX},
};

use super::{
    StateMachine,
    encoded::EncodedTransaction,
    mempool::{Mempool, Source},
    network::Peers,
    runtime::Runtime,
};

/// Bytes of transactions in one message, unless one alone is larger.
const BATCH: usize = 256 * 1024;
/// After this time without a block, a transaction is told again.
const REMIND: Duration = Duration::from_secs(2);

type Message = List<Blob<TRANSACTION_MAX>, BLOCK_TRANSACTIONS_MAX>;

/// Brings transactions from and to peers.
pub(super) struct Gossip<P> {
    pub mempool: Arc<Mempool>,
    pub machine: Arc<dyn StateMachine>,
    pub peers: P,
    pub me: PublicKey,
}

impl<P: Peers> Gossip<P> {
    /// Runs for as long as the network does.
    pub fn start<E: Runtime>(
        self,
        context: &E,
        (sender, receiver): (
            impl Sender<PublicKey = PublicKey>,
            impl Receiver<PublicKey = PublicKey>,
        ),
    ) {
        let (mempool, peers) = (Arc::clone(&self.mempool), self.peers.clone());
        context
            .child("tell")
            .spawn(async move |context| tell(&context, mempool, peers, sender).await);
        context
            .child("listen")
            .spawn(async move |context| self.listen(&context, receiver).await);
    }

    async fn listen<E: Runtime>(
        mut self,
        context: &E,
        mut receiver: impl Receiver<PublicKey = PublicKey>,
    ) {
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
            let (machine, mempool) = (Arc::clone(&self.machine), Arc::clone(&self.mempool));
            // Signatures and proofs: not on the threads that vote. One message at a time, so that
            // what waits is bounded by the channel's quota.
            let sound = context.child("check").shared(true).spawn(async move |_| {
                transactions.into_vec().into_iter().all(|transaction| {
                    let transaction = EncodedTransaction::from(Bytes::from(transaction.into_vec()));
                    let sound = machine.check(&transaction).is_ok();
                    if sound {
                        mempool.offer(transaction, source);
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

async fn tell<E: Runtime>(
    context: &E,
    mempool: Arc<Mempool>,
    peers: impl Peers,
    mut sender: impl Sender<PublicKey = PublicKey>,
) {
    loop {
        let departure = {
            let mempool = Arc::clone(&mempool);
            async move { mempool.departure().await }
        };
        if context.timeout(REMIND, departure).await.is_err() {
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
            let recipients = Recipients::Some(peers.told());
            sender.send(recipients, IoBuf::from(message.to_vec()), false);
        }
    }
}
