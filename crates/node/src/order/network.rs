//! The network of a validator without peers: nothing is sent, nothing arrives.

use std::{
    convert::Infallible,
    future,
    marker::PhantomData,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use commonware_glue::stateful::db::{AttachableResolver, Shared};
use commonware_storage::{
    mmr,
    qmdb::sync::{Database, Request, Source, source},
};

use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::{blake3::Digest, ed25519::PublicKey};
use commonware_p2p::{
    BlockedSubscription, Blocker, CheckedSender, LimitedSender, Message, PeerSetSubscription,
    PeerSetUpdate, Provider, Receiver, Recipients, TrackedPeers,
};
use commonware_runtime::IoBufs;
use commonware_utils::{
    channel::{mpsc, ring},
    ordered::Set,
};

/// Every role of a network, played by nobody.
#[derive(Debug, Clone)]
pub(super) struct Nobody {
    me: PublicKey,
    open: Arc<Mutex<Open>>,
}

/// The far ends of subscriptions: an engine stops when one of its subscriptions ends.
#[derive(Debug, Default)]
struct Open {
    peers: Vec<mpsc::UnboundedSender<PeerSetUpdate<PublicKey>>>,
    blocked: Vec<ring::Sender<Set<PublicKey>>>,
}

impl Nobody {
    pub(super) fn new(me: PublicKey) -> Self {
        Self {
            me,
            open: Arc::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peers(&self) -> TrackedPeers<PublicKey> {
        TrackedPeers::primary(Set::from_iter_dedup([self.me.clone()]))
    }
}

impl LimitedSender for Nobody {
    type PublicKey = PublicKey;
    type Checked<'a> = Self;

    fn check(&mut self, _recipients: Recipients<PublicKey>) -> Result<Self, SystemTime> {
        Ok(self.clone())
    }
}

impl CheckedSender for Nobody {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        Vec::new()
    }

    fn send(self, _message: impl Into<IoBufs> + Send, _priority: bool) -> Unreliable<Feedback> {
        Unreliable::new(Feedback::Ok)
    }
}

impl Receiver for Nobody {
    type Error = Infallible;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, Infallible> {
        future::pending().await
    }

    fn capacity(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }
}

impl Provider for Nobody {
    type PublicKey = PublicKey;

    async fn peer_set(&mut self, _id: u64) -> Option<TrackedPeers<PublicKey>> {
        Some(self.peers())
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<PublicKey> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let update = PeerSetUpdate {
            index: 0,
            latest: self.peers(),
            all: self.peers(),
        };
        // The receiver is at hand, so the channel is open.
        drop(sender.send(update));
        self.open().peers.push(sender);
        receiver
    }
}

impl Blocker for Nobody {
    type PublicKey = PublicKey;

    fn block(&mut self, _peer: PublicKey) -> Feedback {
        Feedback::Ok
    }

    fn blocked(&mut self) -> BlockedSubscription<PublicKey> {
        let (sender, receiver) = ring::channel(NonZeroUsize::MIN);
        self.open().blocked.push(sender);
        receiver
    }
}

/// State sync from nobody: a validator without peers starts from the genesis and never asks.
pub(super) struct NoSync<D>(PhantomData<fn() -> D>);

impl<D> Default for NoSync<D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<D> Clone for NoSync<D> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<D: Database<Family = mmr::Family, Digest = Digest> + 'static> Source for NoSync<D> {
    type Family = mmr::Family;
    type Digest = Digest;
    type Op = D::Op;
    type Error = Infallible;

    async fn serve(&self, _request: Request<mmr::Family>) -> source::Result<Self> {
        future::pending().await
    }
}

impl<D: Database<Family = mmr::Family, Digest = Digest> + Send + Sync + 'static>
    AttachableResolver<D> for NoSync<D>
{
    async fn attach_database(&self, _database: Shared<D>) {}
}
