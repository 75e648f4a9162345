//! A consortium in one process, on commonware's deterministic runtime: the same engine as a node's,
//! over simulated links and disks, with a clock that is not this machine's. What happens follows
//! from a seed alone.
//!
//! For tests (feature `simulation`): scenarios and invariants are the crate `yilian-sim`'s.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "for tests: keys from fixed seeds, nodes by number"
)]

use std::{
    collections::HashMap,
    fmt,
    future::ready,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use commonware_actor::Feedback;
use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_consensus::{
    marshal::Identifier,
    simplex::types::{Finalize, Notarize, Proposal, Vote},
    types::{Epoch, Height as ConsensusHeight},
};
use commonware_cryptography::{
    Hasher as _,
    blake3::{Blake3, Digest},
    bls12381::{dkg::feldman_desmedt::DealerPrivMsg, primitives::group::Share},
    ed25519::PublicKey,
    transcript::Summary,
};
use commonware_glue::{
    dkg::{
        SecretStore,
        network::{Addresses, Manager},
        types::SchemeInfo,
    },
    simulate::{
        engine::{ChannelPair, EngineDefinition, InitContext},
        processed::ProcessedHeight,
        tracker::FinalizationUpdate,
    },
};
use commonware_p2p::{
    BlockedSubscription, Blocker, PeerSetSubscription, Provider, Receiver as _, Recipients,
    Sender as _, TrackedPeers,
    simulated::{self, Control},
    utils::mux::Muxer,
};
use commonware_runtime::{
    Clock as _, Handle, Metrics as _, Quota, Spawner as _, Supervisor as _, deterministic::Context,
};
use commonware_utils::{channel::mpsc, ordered::Set};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::watch;
use yilian_protocol::{
    Height, StateKey, TimeMs, TransactionId,
    codec::Decode as _,
    governance::{EpochBlocks, Governance},
    receipt::Receipt,
    refusal::Refusal,
    registry::{Admitted, Genesis},
    state::proof::ProvenState,
};
use zeroize::Zeroizing;

use crate::consortium::ConsortiumChain;

use super::{
    EncodedTransaction, Peer, Place, StateMachine, SubmitError,
    application::time_of,
    block::{FinalBlock, ProvenBlock},
    engine::{self, Engine, Parts, section},
    epochs::first_epoch,
    mempool::{Mempool, Origin, Stopwatch},
    network::{Fixed, MESSAGE_MAX, Network, Peers, Topic},
    place::place_key,
    validator::{NodeIdentity, Scheme, ValidatorKey, founded_by, scheme},
};

pub use commonware_cryptography::ed25519::PublicKey as SimulatedKey;

/// How a node behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conduct {
    /// As it should.
    #[default]
    Honest,
    /// It is there, and says nothing.
    Silent,
    /// It votes for whatever is voted for, and at the same time for something else; in the first
    /// epoch.
    Equivocating,
}

/// What a node of a simulation is.
#[derive(Debug, Clone, Default)]
pub struct Role {
    /// How it behaves.
    pub conduct: Conduct,
    /// Whether it takes the state from others when it comes late.
    pub state_sync: bool,
    /// The nodes it dials, by number; all of them, if not said.
    pub hubs: Option<Vec<usize>>,
    /// Blocks that it keeps; all of them, if not said.
    pub keep_blocks: Option<u64>,
}

/// What a node does beside ordering: told of every start, with the node's number.
pub type Workload =
    Arc<dyn Fn(usize, SimulatedChain) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Makes the state machine of a node, by its number.
pub type Machines = Arc<dyn Fn(usize) -> Arc<dyn StateMachine> + Send + Sync>;

/// A consortium that is to be simulated.
#[derive(Clone)]
pub struct Consortium {
    genesis: Genesis,
    keys: Vec<ValidatorKey>,
    roles: Vec<Role>,
    secrets: Vec<MemoryStore>,
    machines: Machines,
    workload: Workload,
}

impl fmt::Debug for Consortium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Consortium({} nodes)", self.keys.len())
    }
}

/// How long a chain with nothing to order waits before it makes an empty block.
const IDLE: Duration = Duration::from_millis(500);

/// Keys and first validators of a simulated consortium.
#[derive(Debug, Clone)]
pub struct Founding {
    keys: Vec<ValidatorKey>,
    /// The rules of its chain.
    pub governance: Governance,
    /// The validators' group key.
    pub group_key: Vec<u8>,
}

impl Founding {
    /// `nodes` nodes, of which the first `validators` begin. The same every time.
    ///
    /// # Panics
    /// When there are more validators than nodes, or than may be.
    #[must_use]
    pub fn new(validators: usize, nodes: usize, epoch_blocks: EpochBlocks) -> Self {
        let identity = |number: usize| {
            let seed = [u8::try_from(number).unwrap() + 1; 32];
            NodeIdentity(Zeroizing::new(hex::encode(seed)))
        };
        let mut keys =
            ValidatorKey::deal_to(StdRng::seed_from_u64(7), (0..validators).map(identity));
        let committee = keys[0].public_part();
        let followers = (validators..nodes).map(identity);
        keys.extend(followers.map(|identity| committee.followed_by(identity)));
        let peers: Vec<Peer> = (0..nodes).map(|place| peer(&keys, place)).collect();
        Self {
            governance: founded_by(epoch_blocks, &peers[..validators]).unwrap(),
            group_key: keys[0].group_key().unwrap().to_vec(),
            keys,
        }
    }

    /// The node of this number, as others dial it.
    #[must_use]
    pub fn peer(&self, place: usize) -> Peer {
        peer(&self.keys, place)
    }

    /// The node's keys.
    #[must_use]
    pub fn key(&self, place: usize) -> &ValidatorKey {
        &self.keys[place]
    }

    /// The node's key, as a simulation knows it.
    #[must_use]
    pub fn simulated_key(&self, place: usize) -> SimulatedKey {
        self.peer(place).id.0
    }
}

fn peer(keys: &[ValidatorKey], place: usize) -> Peer {
    let port = 10_000 + u16::try_from(place).unwrap();
    Peer {
        id: keys[place].peer().unwrap(),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
    }
}

impl Consortium {
    /// A consortium of nodes with these roles, as many as were founded.
    ///
    /// # Panics
    /// When a role is missing.
    #[must_use]
    pub fn new(
        founding: Founding,
        genesis: Genesis,
        roles: Vec<Role>,
        machines: Machines,
        workload: Workload,
    ) -> Self {
        assert_eq!(roles.len(), founding.keys.len(), "a role for each node");
        let secrets = founding.keys.iter().map(|key| {
            let store = MemoryStore::default();
            if let Some(share) = key.share().unwrap() {
                store.inner().shares.insert(Epoch::zero(), share);
            }
            store
        });
        Self {
            secrets: secrets.collect(),
            keys: founding.keys,
            genesis,
            roles,
            machines,
            workload,
        }
    }

    fn peers(&self) -> Vec<PublicKey> {
        let keys = self.keys.iter();
        keys.map(|key| key.peer().unwrap().0).collect()
    }
}

/// A node that is to be started.
pub struct Starting {
    context: Context,
    begin: Begin,
}

impl fmt::Debug for Starting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Starting")
    }
}

enum Begin {
    Honest(Box<Honest>),
    Silent(Vec<ChannelPair<PublicKey>>),
    Equivocating(Box<(Scheme, Vec<ChannelPair<PublicKey>>)>),
}

struct Honest {
    place: usize,
    parts: Parts<MemoryStore>,
    network: Network<
        SimulatedPeers,
        simulated::Sender<PublicKey, Context>,
        simulated::Receiver<PublicKey>,
    >,
    chain: SimulatedChain,
    workload: Workload,
    monitor: mpsc::UnboundedSender<FinalizationUpdate<PublicKey>>,
    me: PublicKey,
}

impl EngineDefinition for Consortium {
    type PublicKey = PublicKey;
    type Engine = Starting;
    type State = SimulatedChain;

    fn participants(&self) -> Vec<PublicKey> {
        self.peers()
    }

    fn channels(&self) -> Vec<(u64, Quota)> {
        let channel = |topic: Topic| (topic as u64, Quota::per_second(topic.quota()));
        Topic::ALL.map(channel).to_vec()
    }

    fn max_message_size(&self) -> u32 {
        MESSAGE_MAX
    }

    async fn init(&self, given: InitContext<'_, PublicKey>) -> (Starting, SimulatedChain) {
        let InitContext {
            context,
            index,
            public_key,
            oracle,
            channels,
            monitor,
            ..
        } = given;
        let (role, key) = (&self.roles[index], &self.keys[index]);
        let begun = context.current();
        let clock = context.child("stopwatch");
        let stopwatch = Stopwatch(Arc::new(move || {
            clock.current().duration_since(begun).unwrap_or_default()
        }));
        let machine = (self.machines)(index);
        let mempool = Arc::new(Mempool::with_peers(true, stopwatch));
        let created = Admitted {
            height: Height::new(0),
            time: self.genesis.created,
        };
        let (latest, watched) = watch::channel(created);
        let rng = StdRng::from_rng(&mut context.child("randomness"));
        let chain = SimulatedChain {
            machine: Arc::clone(&machine),
            mempool: Arc::clone(&mempool),
            latest: watched,
            engine: Arc::default(),
            clock: Arc::new(context.child("clock")),
            rng: Arc::new(Mutex::new(rng)),
        };
        let begin = match role.conduct {
            Conduct::Silent => Begin::Silent(channels),
            Conduct::Equivocating => {
                let output = key.output().unwrap();
                let players = output.players().clone();
                let sharing = output.public().clone();
                let info = SchemeInfo::new(public_key, players, sharing, key.share().unwrap());
                let scheme = scheme(self.genesis.chain(), info).unwrap();
                Begin::Equivocating(Box::new((scheme, channels)))
            }
            Conduct::Honest => {
                let everybody = self.peers();
                let reach = match &role.hubs {
                    Some(hubs) => hubs.iter().map(|hub| everybody[*hub].clone()).collect(),
                    None => everybody,
                };
                let peers = SimulatedPeers {
                    me: public_key.clone(),
                    reach: Fixed::new(Set::from_iter_dedup(reach)),
                    is_follower: role.hubs.is_some(),
                    control: oracle.control(public_key.clone()),
                    voters: Arc::default(),
                };
                Begin::Honest(Box::new(Honest {
                    place: index,
                    parts: Parts {
                        genesis: self.genesis.clone(),
                        identity: key.identity().unwrap(),
                        first_epoch: first_epoch(&self.genesis, key).unwrap(),
                        secrets: self.secrets[index].clone(),
                        machine,
                        mempool,
                        latest,
                        idle: IDLE,
                        has_peers: true,
                        joins: role.state_sync,
                        keep_blocks: role.keep_blocks,
                        section: section(role.keep_blocks),
                        rows: Arc::default(),
                        prefix: format!("node-{index}"),
                    },
                    network: Network {
                        peers,
                        channels: channels
                            .try_into()
                            .unwrap_or_else(|_| unreachable!("a channel for each topic")),
                    },
                    chain: chain.clone(),
                    workload: Arc::clone(&self.workload),
                    monitor,
                    me: public_key.clone(),
                }))
            }
        };
        (Starting { context, begin }, chain)
    }

    fn start(Starting { context, begin }: Starting) -> Handle<()> {
        context.spawn(async move |context| match begin {
            Begin::Honest(honest) => honest.run(context).await,
            // Its ends of the channels stay open: nobody notices.
            Begin::Silent(_channels) => std::future::pending().await,
            Begin::Equivocating(with) => equivocate(context, *with).await,
        })
    }
}

/// Votes twice for everything, in the first epoch.
async fn equivocate(
    mut context: Context,
    (scheme, channels): (Scheme, Vec<ChannelPair<PublicKey>>),
) {
    let mut channels = channels.into_iter();
    let Some((sender, receiver)) = channels.next() else {
        return;
    };
    let (mux, mut votes) = Muxer::new(context.child("votes"), sender, receiver);
    mux.start();
    let Ok((mut sender, mut receiver)) = votes.register(0).await else {
        return;
    };
    // It ends with the simulation.
    while let Ok((_, message)) = receiver.recv().await {
        let vote = Vote::<Scheme, Digest>::decode(message).ok();
        for vote in vote
            .into_iter()
            .flat_map(|vote| both(&mut context, &scheme, vote))
        {
            sender.send(Recipients::All, vote.encode(), true);
        }
    }
    drop(channels);
}

/// This node's vote for something that nobody proposed, and its vote for what `vote` is for.
///
/// Commonware has the same among its mocks; their feature would build each of its crates a second
/// time.
fn both(
    context: &mut Context,
    scheme: &Scheme,
    vote: Vote<Scheme, Digest>,
) -> Vec<Vote<Scheme, Digest>> {
    let mut pair = |proposal: Proposal<Digest>| {
        let mut random = [0; 32];
        context.fill_bytes(&mut random);
        let other = Blake3::hash(&[&random]);
        [
            Proposal::new(proposal.round, proposal.parent, other),
            proposal,
        ]
        .into_iter()
    };
    match vote {
        Vote::Notarize(vote) => pair(vote.proposal)
            .filter_map(|proposal| Notarize::sign(scheme, proposal))
            .map(Vote::Notarize)
            .collect(),
        Vote::Finalize(vote) => pair(vote.proposal)
            .filter_map(|proposal| Finalize::sign(scheme, proposal))
            .map(Vote::Finalize)
            .collect(),
        Vote::Nullify(_) => Vec::new(),
    }
}

impl Honest {
    async fn run(self: Box<Self>, context: Context) {
        let Self {
            place,
            parts,
            network,
            chain,
            workload,
            monitor,
            me,
        } = *self;
        let started = Box::pin(engine::start(context.child("node"), parts, network)).await;
        let engine = started.unwrap_or_else(|error| super::application::fault(&error));
        *chain.engine() = Some(engine.clone());
        let work = workload(place, chain.clone());
        context.child("workload").spawn(async move |_| work.await);
        tell(&engine, chain.latest.clone(), &monitor, &me).await;
    }
}

/// Tells the simulation of every block that became final at a node.
async fn tell(
    engine: &Engine<Context>,
    mut latest: watch::Receiver<Admitted>,
    monitor: &mpsc::UnboundedSender<FinalizationUpdate<PublicKey>>,
    me: &PublicKey,
) {
    let mut told = latest.borrow_and_update().height;
    loop {
        let reached = latest.borrow_and_update().height;
        while told < reached {
            told = told.next();
            let height = ConsensusHeight::new(told.get());
            let block = engine.archive.get_block(Identifier::Height(height)).await;
            // A node that took the state from others has no block of before.
            let Some(block) = block else { continue };
            let update = FinalizationUpdate {
                pk: me.clone(),
                round: block.inner().context.round,
                height,
                block_digest: block.inner().header.id().as_bytes().to_vec(),
            };
            if monitor.send(update).is_err() {
                // The simulation has its end, and looks at the node as it stands: were this task to
                // end, so would the node.
                return std::future::pending().await;
            }
        }
        if latest.changed().await.is_err() {
            return;
        }
    }
}

/// A simulated node's chain. Clones are the same.
#[derive(Clone)]
pub struct SimulatedChain {
    machine: Arc<dyn StateMachine>,
    mempool: Arc<Mempool>,
    latest: watch::Receiver<Admitted>,
    engine: Arc<Mutex<Option<Engine<Context>>>>,
    clock: Arc<Context>,
    rng: Arc<Mutex<StdRng>>,
}

impl fmt::Debug for SimulatedChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedChain({})", self.latest().height)
    }
}

impl SimulatedChain {
    fn engine(&self) -> MutexGuard<'_, Option<Engine<Context>>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a transaction ordered. `None` when the node has stopped.
    ///
    /// # Errors
    /// The rule by which it may not enter a block.
    pub async fn submit(
        &self,
        transaction: impl Into<EncodedTransaction>,
    ) -> Result<Option<Place>, Refusal> {
        let transaction = transaction.into();
        self.machine.check(&transaction)?;
        let mut keys = vec![place_key(transaction.id())];
        keys.extend(self.machine.vet_reads(&transaction));
        // Before the node has begun there is no state to look at.
        let Ok(mut values) = self.look(|| self.state(&keys)).await else {
            return Ok(None);
        };
        let place = values.first_mut().and_then(Option::take);
        if let Some(place) = place.and_then(|bytes| Place::from_slice(&bytes).ok()) {
            return Ok(Some(place));
        }
        let latest = self.latest();
        let next = Admitted {
            height: latest.height.next(),
            time: latest.time.max(time_of(self.clock.current())),
        };
        let state = keys.into_iter().zip(values).skip(1).collect();
        self.machine.vet(next, &transaction, state)?;
        let origin = Origin::of(&*self.machine, &transaction);
        let Ok(waiting) = self.mempool.insert(transaction, origin) else {
            return Ok(None);
        };
        waiting.await.ok().transpose()
    }

    /// The latest final block.
    #[must_use]
    pub fn latest(&self) -> Admitted {
        *self.latest.borrow()
    }

    /// A final block, if the node has it.
    pub async fn block(&self, height: Height) -> Option<FinalBlock> {
        let engine = self.engine().clone()?;
        engine.block(height).await
    }

    /// The values at `keys` after the latest block applied; `None` before the node has begun.
    pub async fn state(&self, keys: &[StateKey]) -> Option<Vec<Option<Vec<u8>>>> {
        let engine = self.engine().clone()?;
        Some(engine.state(keys).await)
    }

    /// Proofs of what stands at `keys`; `None` while the latest block has no certificate.
    pub async fn prove(&self, keys: &[StateKey]) -> Option<ProvenState> {
        let engine = self.engine().clone()?;
        engine.prove(keys).await
    }

    /// The receipt of the transaction `id` at `place`; `None` while its block has no certificate.
    pub async fn receipt(&self, id: TransactionId, place: Place) -> Option<Receipt> {
        let block = self.block(place.height).await?;
        ProvenBlock::of(block)?.receipt(id, place)
    }

    /// Lets simulated time pass.
    pub async fn sleep(&self, time: Duration) {
        self.clock.sleep(time).await;
    }
}

/// Between two looks at what is to be seen on a chain.
const LOOK: Duration = Duration::from_millis(50);
/// Looks until it is given up: half a minute.
const LOOKS: usize = 600;

impl SimulatedChain {
    /// Waits until the chain has executed the block at `height`.
    ///
    /// # Errors
    /// [`SubmitError::Full`] when it does not.
    pub async fn reaches(&self, height: Height) -> Result<(), SubmitError> {
        let reached = || ready((self.latest().height >= height).then_some(()));
        self.look(reached).await
    }

    /// Looks again until there is something: a block may be final before its certificate is at
    /// hand.
    async fn look<T, F: Future<Output = Option<T>>>(
        &self,
        see: impl Fn() -> F,
    ) -> Result<T, SubmitError> {
        for _ in 0..LOOKS {
            if let Some(seen) = see().await {
                return Ok(seen);
            }
            self.sleep(LOOK).await;
        }
        Err(SubmitError::Full)
    }
}

/// The product's own service runs over it: files and pairings are done in place, in no time.
impl ConsortiumChain for SimulatedChain {
    fn latest(&self) -> Admitted {
        Self::latest(self)
    }

    fn now(&self) -> TimeMs {
        self.latest().time
    }

    fn waiting(&self) -> u64 {
        self.mempool.len() as u64
    }

    fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal> {
        self.machine.check(transaction)
    }

    async fn submit(&self, transaction: EncodedTransaction) -> Result<Place, SubmitError> {
        let place = Self::submit(self, transaction).await;
        place
            .map_err(SubmitError::Refused)?
            .ok_or(SubmitError::Stopped)
    }

    async fn receipt(&self, id: TransactionId) -> Result<Option<Receipt>, SubmitError> {
        let state = ConsortiumChain::state(self, vec![place_key(id)]).await?;
        let place = state.into_iter().next().flatten();
        let place = place.and_then(|bytes| Place::from_slice(&bytes).ok());
        match place {
            Some(place) => self.look(|| Self::receipt(self, id, place)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn state(&self, keys: Vec<StateKey>) -> Result<Vec<Option<Vec<u8>>>, SubmitError> {
        let state = Self::state(self, &keys).await;
        state.ok_or(SubmitError::Stopped)
    }

    async fn prove(&self, keys: Vec<StateKey>) -> Result<ProvenState, SubmitError> {
        self.look(|| Self::prove(self, &keys)).await
    }

    async fn block(&self, height: Height) -> Result<Option<FinalBlock>, SubmitError> {
        Ok(Self::block(self, height).await)
    }

    async fn metrics(&self) -> Result<String, SubmitError> {
        Ok(self.clock.encode())
    }

    async fn apart<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        Ok(work())
    }

    async fn sleep(&self, time: Duration) {
        Self::sleep(self, time).await;
    }

    fn rng(&self) -> StdRng {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        StdRng::from_seed(rng.random())
    }

    /// It ends with the simulation.
    fn shutdown(&self) {}
}

impl ProcessedHeight for SimulatedChain {
    async fn processed_height(&self) -> u64 {
        self.latest().height.get()
    }
}

/// Who the peers of a simulated node are. Links are the simulation's.
#[derive(Clone)]
struct SimulatedPeers {
    me: PublicKey,
    reach: Fixed,
    is_follower: bool,
    control: Control<PublicKey, Context>,
    voters: Arc<Mutex<Set<PublicKey>>>,
}

impl fmt::Debug for SimulatedPeers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedPeers({})", self.me)
    }
}

impl SimulatedPeers {
    fn voters(&self) -> MutexGuard<'_, Set<PublicKey>> {
        self.voters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peers for SimulatedPeers {
    fn votes(&self, peer: &PublicKey) -> bool {
        self.voters().position(peer).is_some()
    }

    fn told(&self) -> Vec<PublicKey> {
        let voters = self.voters();
        let told = if self.is_follower || voters.is_empty() {
            self.reach.keys()
        } else {
            &*voters
        };
        told.iter()
            .filter(|peer| **peer != self.me)
            .cloned()
            .collect()
    }
}

impl Manager for SimulatedPeers {
    type Directory = Addresses<PublicKey>;
    type Error = std::convert::Infallible;

    fn track(
        &mut self,
        _: Epoch,
        peers: TrackedPeers<PublicKey>,
        _: &Addresses<PublicKey>,
    ) -> Result<(), Self::Error> {
        *self.voters() = peers.primary;
        Ok(())
    }
}

impl Provider for SimulatedPeers {
    type PublicKey = PublicKey;

    async fn peer_set(&mut self, _: u64) -> Option<TrackedPeers<PublicKey>> {
        Some(self.reach.peers())
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<PublicKey> {
        self.reach.subscribe()
    }
}

impl Blocker for SimulatedPeers {
    type PublicKey = PublicKey;

    fn block(&mut self, peer: PublicKey) -> Feedback {
        self.control.block(peer)
    }

    fn blocked(&mut self) -> BlockedSubscription<PublicKey> {
        self.control.blocked()
    }
}

/// A node's disk for secrets, which a crash leaves alone.
#[derive(Debug, Clone, Default)]
struct MemoryStore(Arc<Mutex<Secrets>>);

#[derive(Debug, Default)]
struct Secrets {
    shares: HashMap<Epoch, Share>,
    seeds: HashMap<Epoch, Summary>,
    dealings: HashMap<(Epoch, Vec<u8>), DealerPrivMsg>,
}

impl MemoryStore {
    fn inner(&self) -> MutexGuard<'_, Secrets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes_of<P: commonware_cryptography::PublicKey>(dealer: &P) -> Vec<u8> {
    commonware_codec::Encode::encode(dealer).to_vec()
}

impl SecretStore for MemoryStore {
    async fn put_share(&mut self, epoch: Epoch, share: Share) {
        self.inner().shares.insert(epoch, share);
    }

    async fn get_share(&mut self, epoch: Epoch) -> Option<Share> {
        self.inner().shares.get(&epoch).cloned()
    }

    async fn put_seed(&mut self, epoch: Epoch, seed: Summary) {
        self.inner().seeds.insert(epoch, seed);
    }

    async fn get_seed(&mut self, epoch: Epoch) -> Option<Summary> {
        self.inner().seeds.get(&epoch).cloned()
    }

    async fn put_dealing<P: commonware_cryptography::PublicKey>(
        &mut self,
        epoch: Epoch,
        dealer: P,
        private: DealerPrivMsg,
    ) {
        let key = (epoch, bytes_of(&dealer));
        self.inner().dealings.insert(key, private);
    }

    async fn get_dealing<P: commonware_cryptography::PublicKey>(
        &mut self,
        epoch: Epoch,
        dealer: &P,
    ) -> Option<DealerPrivMsg> {
        let key = (epoch, bytes_of(dealer));
        self.inner().dealings.get(&key).cloned()
    }

    async fn prune(&mut self, min: Epoch) {
        let mut inner = self.inner();
        inner.shares.retain(|epoch, _| *epoch >= min);
        inner.seeds.retain(|epoch, _| *epoch >= min);
        inner.dealings.retain(|(epoch, _), _| *epoch >= min);
    }
}
