//! The network under consensus: authenticated, encrypted connections to peers, or, for a validator that is alone, none.
//!
//! One type serves both, chosen when the node starts: a second instantiation of the whole engine would double its build.

use std::{
    future,
    marker::PhantomData,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::{
    ChaCha20Poly1305, Signer as _,
    blake3::Digest,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_glue::stateful::db::{AttachableResolver, Shared};
use commonware_p2p::{
    Address, AddressableManager as _, AddressableTrackedPeers, BlockedSubscription, Blocker,
    Channel, CheckedSender, LimitedSender, Message, PeerSetSubscription, PeerSetUpdate, Provider,
    Receiver, Recipients, TrackedPeers,
    authenticated::lookup::{self, Error as ChannelError},
};
use commonware_runtime::{IoBufs, Quota, Supervisor as _, tokio::Context as Runtime};
use commonware_storage::{
    mmr,
    qmdb::sync::{Database, Request, Source, source},
};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{
    NZU32,
    channel::{mpsc, ring},
    ordered::{Map, Set},
};
use yilian_protocol::ChainId;

use super::{block, peering::Peering};

/// Bytes of the largest message: a block, with what frames it.
pub(super) const MESSAGE_MAX: u32 = (block::SIZE_MAX + 64 * 1024) as u32;
/// Messages that the network's own parts hold at most.
const MAILBOX: usize = 1024;
/// A connection attempt must be made within this time, by both clocks.
const SYNCHRONY_BOUND: Duration = Duration::from_secs(5);
/// A greeting is not older than this.
const HANDSHAKE_AGE_MAX: Duration = Duration::from_secs(10);
/// Who sends what no honest peer does is not spoken to for this time.
const BLOCK_DURATION: Duration = Duration::from_mins(10);

/// What the parts of a node speak about, each on its own channel.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(super) enum Topic {
    Votes = 0,
    Certificates = 1,
    Resolver = 2,
    Backfill = 3,
    Blocks = 4,
    Transactions = 5,
}

impl Topic {
    /// Messages a second from each peer. Bounds the memory, too: messages that wait are at most these, of each peer.
    const fn quota(self) -> NonZeroU32 {
        match self {
            Self::Votes | Self::Certificates => NZU32!(256),
            Self::Resolver | Self::Backfill | Self::Transactions => NZU32!(128),
            Self::Blocks => NZU32!(32),
        }
    }
}

/// The network of one node.
pub(super) struct Network {
    /// Who the peers are, and who of them is blocked.
    pub peers: Peers,
    lookup: Option<lookup::Network<Runtime, Handshake>>,
}

pub(super) type Handshake = Cups<Sake<PrivateKey>, ChaCha20Poly1305>;

impl Network {
    /// The network that `peering` describes; without it, the network of a node that is alone.
    pub fn new(
        context: &Runtime,
        chain: ChainId,
        me: PrivateKey,
        peering: Option<&Peering>,
    ) -> Self {
        let own = me.public_key();
        let Some(peering) = peering else {
            return Self {
                peers: Peers::Nobody(Nobody::new(own)),
                lookup: None,
            };
        };
        let dial = peering.dial.iter().filter(|peer| peer.id.0 != own);
        let dial =
            Map::from_iter_dedup(dial.map(|peer| (peer.id.0.clone(), Address::from(peer.address))));
        // Where a follower is does not matter: it is never dialled, and its key lets it in from anywhere.
        let accept = peering.accept.iter();
        let accept = Map::from_iter_dedup(
            accept.map(|peer| (peer.0.clone(), Address::from(peering.listen))),
        );
        let count = NonZeroUsize::MIN.saturating_add(dial.len() + accept.len());
        let namespace = [b"yilian/v1/peers/".as_slice(), chain.as_bytes()].concat();
        let (network, mut oracle) = lookup_network(context, &namespace, me, peering.listen, count);
        oracle.track(0, AddressableTrackedPeers::new(dial, accept));
        Self {
            peers: Peers::Some(oracle),
            lookup: Some(network),
        }
    }

    /// Both ends of a topic.
    pub fn channel(&mut self, topic: Topic) -> (Mouth, Ear) {
        match &mut self.lookup {
            Some(network) => {
                let quota = Quota::per_second(topic.quota());
                let (sender, receiver) = network.register(topic as Channel, quota);
                (Mouth::Some(sender), Ear::Some(receiver))
            }
            None => (Mouth::Nobody, Ear::Nobody),
        }
    }

    /// Begins to dial and to listen.
    pub fn start(self) {
        if let Some(network) = self.lookup {
            network.start();
        }
    }
}

/// Encrypted connections to up to `count` peers, who have to be tracked yet.
pub(super) fn lookup_network(
    context: &Runtime,
    namespace: &[u8],
    me: PrivateKey,
    listen: SocketAddr,
    count: NonZeroUsize,
) -> (
    lookup::Network<Runtime, Handshake>,
    lookup::Oracle<PublicKey>,
) {
    let handshake = Cups::new(
        Sake {
            signer: me,
            synchrony_bound: SYNCHRONY_BOUND,
            max_handshake_age: HANDSHAKE_AGE_MAX,
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let mailbox = NonZeroUsize::MIN.saturating_add(MAILBOX);
    let mut options =
        lookup::Config::local(handshake, namespace, listen, count, MESSAGE_MAX, mailbox);
    options.tracked_peer_sets = NonZeroUsize::MIN;
    options.bypass_ip_check = true;
    options.block_duration = BLOCK_DURATION;
    lookup::Network::new(context.child("network"), options)
}

/// Who the peers are.
#[derive(Debug, Clone)]
pub(super) enum Peers {
    Nobody(Nobody),
    Some(lookup::Oracle<PublicKey>),
}

impl Provider for Peers {
    type PublicKey = PublicKey;

    async fn peer_set(&mut self, id: u64) -> Option<TrackedPeers<PublicKey>> {
        match self {
            Self::Nobody(nobody) => Some(nobody.peers()),
            Self::Some(oracle) => oracle.peer_set(id).await,
        }
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<PublicKey> {
        match self {
            Self::Nobody(nobody) => nobody.subscribe(),
            Self::Some(oracle) => oracle.subscribe().await,
        }
    }
}

impl Blocker for Peers {
    type PublicKey = PublicKey;

    fn block(&mut self, peer: PublicKey) -> Feedback {
        match self {
            Self::Nobody(_) => Feedback::Ok,
            Self::Some(oracle) => oracle.block(peer),
        }
    }

    fn blocked(&mut self) -> BlockedSubscription<PublicKey> {
        match self {
            Self::Nobody(nobody) => nobody.blocked(),
            Self::Some(oracle) => oracle.blocked(),
        }
    }
}

type LookupSender = lookup::Sender<PublicKey, Runtime>;

/// Sends on a topic.
#[derive(Clone)]
pub(super) enum Mouth {
    Nobody,
    Some(LookupSender),
}

/// What may be sent at the moment.
pub(super) enum Checked<'a> {
    Nobody,
    Some(Box<<LookupSender as LimitedSender>::Checked<'a>>),
}

impl LimitedSender for Mouth {
    type PublicKey = PublicKey;
    type Checked<'a> = Checked<'a>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<Checked<'_>, SystemTime> {
        match self {
            Self::Nobody => Ok(Checked::Nobody),
            Self::Some(sender) => {
                let checked = sender.check(recipients)?;
                Ok(Checked::Some(Box::new(checked)))
            }
        }
    }
}

impl CheckedSender for Checked<'_> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        match self {
            Self::Nobody => Vec::new(),
            Self::Some(checked) => checked.recipients(),
        }
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        match self {
            Self::Nobody => Unreliable::new(Feedback::Ok),
            Self::Some(checked) => checked.send(message, priority),
        }
    }
}

/// Hears on a topic.
#[derive(Debug)]
pub(super) enum Ear {
    Nobody,
    Some(lookup::Receiver<PublicKey>),
}

impl Receiver for Ear {
    type Error = ChannelError;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, ChannelError> {
        match self {
            Self::Nobody => future::pending().await,
            Self::Some(receiver) => receiver.recv().await,
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        match self {
            Self::Nobody => NonZeroUsize::MIN,
            Self::Some(receiver) => receiver.capacity(),
        }
    }
}

/// The peers of a node that is alone: nothing is sent, nothing arrives.
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
    fn new(me: PublicKey) -> Self {
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

    fn subscribe(&self) -> PeerSetSubscription<PublicKey> {
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

    fn blocked(&self) -> BlockedSubscription<PublicKey> {
        let (sender, receiver) = ring::channel(NonZeroUsize::MIN);
        self.open().blocked.push(sender);
        receiver
    }
}

/// State sync from nobody: every node executes the chain from its genesis.
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
    type Error = std::convert::Infallible;

    async fn serve(&self, _request: Request<mmr::Family>) -> source::Result<Self> {
        future::pending().await
    }
}

impl<D: Database<Family = mmr::Family, Digest = Digest> + Send + Sync + 'static>
    AttachableResolver<D> for NoSync<D>
{
    async fn attach_database(&self, _database: Shared<D>) {}
}
