//! The network under consensus: authenticated, encrypted connections to peers, or, for a validator
//! that is alone, none.
//!
//! One type serves both, chosen when the node starts: a second instantiation of the whole engine
//! would double its build. A simulation brings a network of its own.

use std::{
    convert::Infallible,
    future,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use commonware_actor::{Feedback, Unreliable};
use commonware_consensus::types::Epoch;
use commonware_cryptography::{
    ChaCha20Poly1305, Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_glue::dkg::network::{Addresses, Manager};
use commonware_p2p::{
    Address, AddressableManager as _, AddressableTrackedPeers, BlockedSubscription, Blocker,
    Channel, CheckedSender, LimitedSender, Message, PeerSetSubscription, PeerSetUpdate, Provider,
    Receiver, Recipients, TrackedPeers,
    authenticated::lookup::{self, Error as ChannelError},
};
use commonware_runtime::{IoBufs, Quota, Supervisor as _, tokio::Context as Runtime};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{
    NZU32, NZUsize,
    channel::{mpsc, ring},
    ordered::{Map, Set},
};
use yilian_crypto::label;
use yilian_protocol::{ChainId, limits::DELEGATES_MAX};

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
    Dealings = 6,
    Probe = 7,
    State = 8,
    Once = 9,
}

impl Topic {
    /// Every topic, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Votes,
        Self::Certificates,
        Self::Resolver,
        Self::Backfill,
        Self::Blocks,
        Self::Transactions,
        Self::Dealings,
        Self::Probe,
        Self::State,
        Self::Once,
    ];

    /// Messages a second from each peer. Bounds the memory, too: messages that wait are at most
    /// these, of each peer.
    pub const fn quota(self) -> NonZeroU32 {
        match self {
            Self::Votes | Self::Certificates => NZU32!(128),
            Self::Backfill | Self::Transactions => NZU32!(64),
            Self::Blocks | Self::Resolver | Self::Dealings | Self::State | Self::Once => {
                NZU32!(32)
            }
            Self::Probe => NZU32!(8),
        }
    }
}

/// A network as the engine sees it.
pub(super) struct Network<P, S, R> {
    /// Who the peers are, and who of them is blocked.
    pub peers: P,
    /// Both ends of every topic, in the order of [`Topic::ALL`].
    pub channels: [(S, R); Topic::ALL.len()],
}

/// Who the peers are.
pub(super) trait Peers:
    Manager<PublicKey = PublicKey, Directory = Addresses<PublicKey>>
    + Blocker<PublicKey = PublicKey>
    + Sync
{
    /// Whether the peer is a validator of this epoch.
    fn votes(&self, peer: &PublicKey) -> bool;

    /// Who is told of transactions.
    fn told(&self) -> Vec<PublicKey>;
}

/// The network of a node.
pub(super) type NodeNetwork = Network<NodePeers, PeerSender, PeerReceiver>;

pub(super) type Handshake = Cups<Sake<PrivateKey>, ChaCha20Poly1305>;

impl NodeNetwork {
    /// The network that `peering` describes, dialling and listening; without it, the network of a
    /// node that is alone.
    pub fn start(
        context: &Runtime,
        chain: ChainId,
        me: PrivateKey,
        peering: Option<&Peering>,
    ) -> Self {
        let own = me.public_key();
        let Some(peering) = peering else {
            return Self {
                peers: NodePeers::Nobody(Fixed::new(Set::from_iter_dedup([own]))),
                channels: Topic::ALL.map(|_| (PeerSender::Nobody, PeerReceiver::Nobody)),
            };
        };
        let configured = Configured::of(peering);
        let count = PEERS_MAX.saturating_add(configured.dial.len() + configured.accept.len());
        let namespace = [label::PEERS.as_bytes(), chain.as_bytes()].concat();
        let (mut network, mut oracle) =
            lookup_network(context, &namespace, me, peering.listen, count);
        oracle.track(0, configured.with(Map::default(), Map::default(), &own));
        let channels = Topic::ALL.map(|topic| {
            let quota = Quota::per_second(topic.quota());
            let (sender, receiver) = network.register(topic as Channel, quota);
            (PeerSender::Some(sender), PeerReceiver::Some(receiver))
        });
        network.start();
        let peers = Known {
            oracle,
            me: own,
            configured: Arc::new(configured),
            epoch: Arc::default(),
        };
        Self {
            peers: NodePeers::Some(Box::new(peers)),
            channels,
        }
    }
}

/// Validators of three epochs whom a node dials at a time: room for 13 of which some change. For
/// each there is memory on every channel.
const PEERS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(DELEGATES_MAX + 6);

/// Whom a node speaks to in every epoch.
#[derive(Debug)]
struct Configured {
    dial: Map<PublicKey, Address>,
    accept: Map<PublicKey, Address>,
}

impl Configured {
    fn of(peering: &Peering) -> Self {
        let dial = peering.dial.iter();
        // Where a follower is does not matter: it is never dialled, and its key lets it in from
        // anywhere.
        let accept = peering.accept.iter();
        Self {
            dial: Map::from_iter_dedup(
                dial.map(|peer| (peer.id.0.clone(), Address::from(peer.address))),
            ),
            accept: Map::from_iter_dedup(
                accept.map(|peer| (peer.0.clone(), Address::from(peering.listen))),
            ),
        }
    }

    /// These, and as many of an epoch's as there is room for, its validators first, whose addresses
    /// are the newer ones; without the node itself.
    fn with(
        &self,
        primary: Map<PublicKey, Address>,
        secondary: Map<PublicKey, Address>,
        me: &PublicKey,
    ) -> AddressableTrackedPeers<PublicKey> {
        let room = PEERS_MAX.get() - 1 - primary.len().min(DELEGATES_MAX);
        let others = secondary.into_iter();
        let others = others.filter(|(peer, _)| primary.get_value(peer).is_none());
        let others: Vec<_> = others.take(room).collect();
        // Of one peer the first address counts.
        let joined = |epoch: Vec<(PublicKey, Address)>, settings: &Map<PublicKey, Address>| {
            let settings = settings.iter_pairs();
            let settings = settings.map(|(peer, address)| (peer.clone(), address.clone()));
            let all = epoch.into_iter().chain(settings);
            Map::from_iter_dedup(all.filter(|(peer, _)| peer != me))
        };
        let primary = primary.into_iter().collect();
        AddressableTrackedPeers::new(joined(primary, &self.dial), joined(others, &self.accept))
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
    // The epoch before this one, too: who was left behind in it catches up from those who went on.
    options.tracked_peer_sets = NZUsize!(2);
    options.bypass_ip_check = true;
    options.block_duration = BLOCK_DURATION;
    lookup::Network::new(context.child("network"), options)
}

/// Who the peers of a node are.
#[derive(Debug, Clone)]
pub(super) enum NodePeers {
    /// Nobody but the node itself: nothing is sent, nothing arrives.
    Nobody(Fixed),
    Some(Box<Known>),
}

/// Peers of whom a node knows by its settings and from the chain.
#[derive(Debug, Clone)]
pub(super) struct Known {
    oracle: lookup::Oracle<PublicKey>,
    me: PublicKey,
    configured: Arc<Configured>,
    epoch: Arc<Mutex<Roster>>,
}

/// The validators of an epoch, and whether this node takes part in it and so knows how to reach
/// them.
#[derive(Debug, Default)]
struct Roster {
    voters: Set<PublicKey>,
    takes_part: bool,
}

impl Known {
    fn epoch(&self) -> MutexGuard<'_, Roster> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A follower goes on to dial its hubs only.
    fn track(
        &mut self,
        epoch: Epoch,
        peers: TrackedPeers<PublicKey>,
        known: &Addresses<PublicKey>,
    ) {
        let mut everybody = peers.primary.iter().chain(peers.secondary.iter());
        let takes_part = everybody.any(|peer| *peer == self.me);
        let resolve = |peers: &Set<PublicKey>| {
            let reached = peers.iter().filter(|_| takes_part);
            Map::from_iter_dedup(
                reached.filter_map(|peer| Some((peer.clone(), known.get(peer)?.clone()))),
            )
        };
        let (primary, secondary) = (resolve(&peers.primary), resolve(&peers.secondary));
        let tracked = self.configured.with(primary, secondary, &self.me);
        // The settings alone were the first set.
        self.oracle.track(epoch.get().saturating_add(1), tracked);
        *self.epoch() = Roster {
            voters: peers.primary,
            takes_part,
        };
    }
}

impl Peers for NodePeers {
    fn votes(&self, peer: &PublicKey) -> bool {
        match self {
            Self::Nobody(alone) => alone.keys().position(peer).is_some(),
            Self::Some(known) => known.epoch().voters.position(peer).is_some(),
        }
    }

    fn told(&self) -> Vec<PublicKey> {
        let Self::Some(known) = self else {
            return Vec::new();
        };
        let roster = known.epoch();
        if roster.takes_part {
            let others = roster.voters.iter().filter(|peer| **peer != known.me);
            return others.cloned().collect();
        }
        known.configured.dial.keys().iter().cloned().collect()
    }
}

impl Manager for NodePeers {
    type Directory = Addresses<PublicKey>;
    type Error = Infallible;

    fn track(
        &mut self,
        epoch: Epoch,
        peers: TrackedPeers<PublicKey>,
        directory: &Addresses<PublicKey>,
    ) -> Result<(), Infallible> {
        if let Self::Some(known) = self {
            known.track(epoch, peers, directory);
        }
        Ok(())
    }
}

impl Provider for NodePeers {
    type PublicKey = PublicKey;

    async fn peer_set(&mut self, id: u64) -> Option<TrackedPeers<PublicKey>> {
        match self {
            Self::Nobody(alone) => Some(alone.peers()),
            Self::Some(known) => known.oracle.peer_set(id).await,
        }
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<PublicKey> {
        match self {
            Self::Nobody(alone) => alone.subscribe(),
            Self::Some(known) => known.oracle.subscribe().await,
        }
    }
}

impl Blocker for NodePeers {
    type PublicKey = PublicKey;

    fn block(&mut self, peer: PublicKey) -> Feedback {
        match self {
            Self::Nobody(_) => Feedback::Ok,
            Self::Some(known) => known.oracle.block(peer),
        }
    }

    fn blocked(&mut self) -> BlockedSubscription<PublicKey> {
        match self {
            Self::Nobody(alone) => alone.blocked(),
            Self::Some(known) => known.oracle.blocked(),
        }
    }
}

type LookupSender = lookup::Sender<PublicKey, Runtime>;

/// Sends on a topic.
#[derive(Clone)]
pub(super) enum PeerSender {
    Nobody,
    Some(LookupSender),
}

/// What may be sent at the moment.
pub(super) enum Checked<'a> {
    Nobody,
    Some(Box<<LookupSender as LimitedSender>::Checked<'a>>),
}

impl LimitedSender for PeerSender {
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
pub(super) enum PeerReceiver {
    Nobody,
    Some(lookup::Receiver<PublicKey>),
}

impl Receiver for PeerReceiver {
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

/// Peers that never change; of a node that is alone, itself.
#[derive(Debug, Clone)]
pub(super) struct Fixed {
    peers: Set<PublicKey>,
    open: Arc<Mutex<Open>>,
}

/// The far ends of subscriptions: an engine stops when one of its subscriptions ends.
#[derive(Debug, Default)]
struct Open {
    peers: Vec<mpsc::UnboundedSender<PeerSetUpdate<PublicKey>>>,
    blocked: Vec<ring::Sender<Set<PublicKey>>>,
}

impl Fixed {
    pub fn new(peers: Set<PublicKey>) -> Self {
        Self {
            peers,
            open: Arc::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub const fn keys(&self) -> &Set<PublicKey> {
        &self.peers
    }

    pub fn peers(&self) -> TrackedPeers<PublicKey> {
        TrackedPeers::primary(self.peers.clone())
    }

    pub fn subscribe(&self) -> PeerSetSubscription<PublicKey> {
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

    /// Nobody is ever blocked.
    fn blocked(&self) -> BlockedSubscription<PublicKey> {
        let (sender, receiver) = ring::channel(NonZeroUsize::MIN);
        self.open().blocked.push(sender);
        receiver
    }
}
