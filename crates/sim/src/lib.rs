//! A consortium in one process, on simulated time, links and disks. Everything follows from a seed:
//! a failure prints it, and the same seed fails again.
//!
//! [`World`] is what the hospitals of a simulation do (admit themselves, elect, treat patients,
//! make grants and revoke them) and what must hold whatever else happens: [`Invariants`]. Scenarios
//! are this crate's tests.

#![forbid(unsafe_code)]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "for tests: values from fixed seeds"
)]

mod care;
mod hospitals;
mod liar;

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use commonware_glue::simulate::{
    exit::ExitCondition, property::Property, tracker::ProgressTracker,
};
use tokio::sync::mpsc::UnboundedReceiver;
use yilian_client::MemberCa;
use yilian_crypto::{pseudonym::RegulatorSecret, sign::SigningKey};
use yilian_ledger::Ledger;
use yilian_node::{
    machine::LedgerMachine,
    order::{
        FinalBlock, Place,
        simulation::{Consortium, Founding, Role, SimulatedChain, SimulatedKey},
    },
};
use yilian_protocol::{
    GrantId, Height, MemberId, TimeMs, TransactionId,
    codec::{Blob, Decode as _, List, Text},
    governance::{Ballot, BallotChoice, EpochBlocks},
    grant::{Grant, GrantChange, GrantEntry, GrantState},
    ids::TermsHash,
    limits::DAY_MS,
    refusal::Refusal,
    registry::{Genesis, NodeKeys},
    state::tables::{CAST, GRANT},
    tx::{Body, Transaction},
    voucher::{NewGrant, Voucher},
};

use care::Practice;
use hospitals::Hospitals;

/// A consortium of hospitals, each with a node, and what happened in it.
#[derive(Clone)]
pub struct World {
    genesis: Genesis,
    founding: Founding,
    /// Nodes that their hospitals stand for election and vote for.
    elects: bool,
    /// Whether patients are treated; and which hospitals lie as key holders.
    treats: Option<Vec<usize>>,
    happened: Arc<Mutex<Happened>>,
}

/// What was acknowledged to those who asked for it, and what should not have been seen.
#[derive(Debug, Clone, Default)]
struct Happened {
    acknowledged: Vec<(TransactionId, Place)>,
    revoked: Vec<(GrantId, Height)>,
    violations: Vec<String>,
    /// Records read with the parts of several key holders, and how often one of these was found to
    /// lie.
    readings: usize,
    liars_named: usize,
    /// Attempts to read after a revocation.
    read_in_vain: usize,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

/// What a node's machine tells of.
type Revocations = UnboundedReceiver<GrantId>;

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Between two acts of a hospital.
const PAUSE: Duration = Duration::from_millis(150);
/// Records that are read under grants in a simulation where patients are treated, and tried to be
/// read after the revocation; at least.
const READINGS: usize = 8;
/// The consortium's CA.
const CONSORTIUM: [u8; 32] = [200; 32];

fn seed(kind: u8, place: usize) -> [u8; 32] {
    let mut seed = [kind; 32];
    seed[..8].copy_from_slice(&(place as u64).to_be_bytes());
    seed
}

fn ca_key(place: usize) -> SigningKey {
    SigningKey::from_seed(&seed(1, place))
}

fn node_key(place: usize) -> SigningKey {
    SigningKey::from_seed(&seed(2, place))
}

fn member_ca(place: usize) -> MemberCa {
    let name = Text::new(format!("Hospital {place}")).unwrap();
    MemberCa::new(ca_key(place), name, NodeKeys::of(&node_key(place)))
}

impl World {
    /// A consortium of `nodes` hospitals, of which the nodes of the first `validators` begin, with
    /// epochs of `epoch_blocks`.
    ///
    /// # Panics
    /// When it is too large.
    #[must_use]
    pub fn new(validators: usize, nodes: usize, epoch_blocks: u32) -> Self {
        let epoch_blocks = EpochBlocks::new(epoch_blocks).unwrap();
        let founding = Founding::new(validators, nodes, epoch_blocks);
        let genesis = Genesis {
            name: Text::new("simulation").unwrap(),
            created: TimeMs::new(1),
            ca: SigningKey::from_seed(&CONSORTIUM).verifying_key(),
            regulators: RegulatorSecret::from_seed(&[2; 32]).public().into(),
            group_key: Blob::new(founding.group_key.clone()).unwrap(),
            governance: founding.governance.clone(),
        };
        Self {
            genesis,
            founding,
            elects: false,
            treats: None,
            happened: Arc::default(),
        }
    }

    /// Every hospital stands its node for election and votes for it, and moves its vote now and
    /// then.
    #[must_use]
    pub const fn electing(mut self) -> Self {
        self.elects = true;
        self
    }

    /// Every hospital treats patients: their records are granted, read and revoked. Some of the
    /// hospitals lie as key holders.
    #[must_use]
    pub fn treating(mut self, liars: &[usize]) -> Self {
        self.treats = Some(liars.to_vec());
        self
    }

    /// The consortium, with nodes of these roles. A fresh start: nothing has happened.
    #[must_use]
    pub fn consortium(&self, roles: Vec<Role>) -> Consortium {
        let (ledger, world) = (Arc::new(Ledger::new(self.genesis.clone())), self.clone());
        let hospitals = self
            .treats
            .clone()
            .map(|liars| Arc::new(Hospitals::new(self, roles.len(), liars)));
        // What a node's machine tells of is for the node's key holder.
        let revocations: Arc<Mutex<HashMap<usize, Revocations>>> = Arc::default();
        let told = Arc::clone(&revocations);
        Consortium::new(
            self.founding.clone(),
            self.genesis.clone(),
            roles,
            Arc::new(move |place| {
                let (machine, revoked) = LedgerMachine::new(Arc::clone(&ledger));
                lock(&told).insert(place, revoked);
                Arc::new(machine)
            }),
            Arc::new(move |place, chain| {
                let revoked = lock(&revocations).remove(&place);
                let hospitals = hospitals.clone().zip(revoked);
                Box::pin(world.clone().run(place, chain, hospitals))
            }),
        )
    }

    /// A node as the simulation knows it.
    #[must_use]
    pub fn node(&self, place: usize) -> SimulatedKey {
        self.founding.simulated_key(place)
    }

    fn happened(&self) -> MutexGuard<'_, Happened> {
        lock(&self.happened)
    }

    /// What a hospital and its node do, from every start of it on.
    async fn run(
        self,
        place: usize,
        chain: SimulatedChain,
        hospitals: Option<(Arc<Hospitals>, Revocations)>,
    ) {
        let Some((hospitals, revoked)) = hospitals else {
            return Box::pin(self.act(place, chain, None)).await;
        };
        let node = Arc::clone(&hospitals).run(place, chain.clone(), revoked);
        let acts = self.act(place, chain, Some(hospitals));
        futures::future::join(Box::pin(node), Box::pin(acts)).await;
    }

    /// What a hospital does through its node.
    async fn act(self, place: usize, chain: SimulatedChain, hospitals: Option<Arc<Hospitals>>) {
        let (ca, member) = (ca_key(place), member_ca(place).member().clone());
        let id = member.id();
        let consortium = SigningKey::from_seed(&CONSORTIUM);
        self.submit(&chain, Body::Admit(member), &consortium).await;
        if self.elects {
            self.stand(place, &chain, id, &ca).await;
        }
        let mut practice = None;
        for number in 0_usize.. {
            if let Some(hospitals) = &hospitals {
                if practice.is_none() {
                    let opened = Practice::open(self.clone(), Arc::clone(hospitals), place);
                    practice = opened.await.ok();
                }
                if let Some(practice) = &practice {
                    drop(practice.treat().await);
                }
            }
            if self.elects && number.is_multiple_of(5) {
                self.vote(place, number, &chain, id, &ca).await;
            }
            self.grant(place, number, &chain, id).await;
            self.look_at_revoked(place, &chain).await;
            chain.sleep(PAUSE).await;
        }
    }

    /// Has a transaction ordered, and notes that it was acknowledged.
    async fn submit(&self, chain: &SimulatedChain, body: Body, key: &SigningKey) -> Option<Place> {
        let transaction = Transaction::sign(self.genesis.chain(), body, key);
        let ordered = self.order(chain, &transaction).await;
        ordered.unwrap_or_else(|refusal| {
            // A node that stops while it admits its hospital goes on without it.
            if refusal != Refusal::MemberUnknown {
                self.violated(format!("a sound transaction was refused: {refusal}"));
            }
            None
        })
    }

    /// The same of a signed one, which may be refused.
    async fn order(
        &self,
        chain: &SimulatedChain,
        transaction: &Transaction,
    ) -> Result<Option<Place>, Refusal> {
        let place = chain.submit(transaction).await?;
        if let Some(place) = place {
            self.note_acknowledged(transaction.id(), place);
        }
        Ok(place)
    }

    /// Notes that somebody was told that a transaction is final.
    pub fn note_acknowledged(&self, id: TransactionId, place: Place) {
        self.happened().acknowledged.push((id, place));
    }

    /// Notes that something happened that must not.
    fn violated(&self, violation: String) {
        self.happened().violations.push(violation);
    }

    async fn cast(&self, chain: &SimulatedChain, member: MemberId) -> u32 {
        let values = chain.state(&[CAST.key(member.as_bytes())]).await;
        let value = values.into_iter().flatten().next().flatten();
        value.map_or(0, |bytes| u32::from_slice(&bytes).unwrap_or(0))
    }

    async fn stand(&self, place: usize, chain: &SimulatedChain, id: MemberId, ca: &SigningKey) {
        let (key, address) = (self.founding.key(place), self.founding.peer(place).address);
        let sequence = self.cast(chain, id).await;
        if let Ok(candidacy) = key.candidacy(self.genesis.chain(), id, Some(address), sequence) {
            self.submit(chain, Body::Stand(candidacy), ca).await;
        }
    }

    /// For its own node, or for the next hospital's.
    async fn vote(
        &self,
        place: usize,
        number: usize,
        chain: &SimulatedChain,
        id: MemberId,
        ca: &SigningKey,
    ) {
        let nodes = self.founding.governance.delegates.len().max(2);
        let chosen = if number.is_multiple_of(2) {
            place
        } else {
            (place + 1) % nodes
        };
        let Some(delegate) = self.founding.peer(chosen).delegate() else {
            return;
        };
        let ballot = Ballot {
            voter: id,
            candidate: Some(BallotChoice(delegate.peer)),
            sequence: self.cast(chain, id).await,
        };
        self.submit(chain, Body::Elect(ballot), ca).await;
    }

    /// Makes a grant and revokes it.
    async fn grant(&self, place: usize, number: usize, chain: &SimulatedChain, holder: MemberId) {
        let controller = SigningKey::from_seed(&seed(3, place * 1_000_000 + number));
        let grant = Grant {
            controller: controller.verifying_key(),
            terms: TermsHash::from_bytes([7; 32]),
            until: chain.latest().time.plus_ms(30 * DAY_MS),
            holders: List::new(vec![holder]).unwrap(),
            threshold: 1,
            emergency: false,
        };
        let id = grant.id();
        let epochs = self.genesis.governance.epoch_blocks;
        let epoch = epochs.epoch_of(chain.latest().height.next());
        let node = node_key(place);
        let voucher = Voucher::sign(self.genesis.chain(), (holder, &node), epoch, &grant);
        let body = Body::CreateGrant(NewGrant { grant, voucher });
        let made = Transaction::sign(self.genesis.chain(), body, &controller);
        match self.order(chain, &made).await {
            // The node was cut off for longer than the voucher counts, or the hospital is not
            // admitted yet.
            Err(Refusal::NotVouched | Refusal::MemberUnknown) => return,
            // Made before this node crashed: the same controller, in other bytes.
            Err(Refusal::GrantExists) => {}
            Err(refusal) => self.violated(format!("a sound grant was refused: {refusal}")),
            Ok(_) => {}
        }
        let change = GrantChange {
            grant: id,
            state: GrantState::Revoked,
            sequence: 1,
        };
        let revoked = self
            .submit(chain, Body::SetGrant(change), &controller)
            .await;
        if let Some(place) = revoked {
            self.happened().revoked.push((id, place.height));
        }
    }

    /// What a key holder looks at before it serves: at a node that has executed the revocation, the
    /// grant must not be served.
    async fn look_at_revoked(&self, place: usize, chain: &SimulatedChain) {
        let reached = chain.latest().height;
        let known = {
            let happened = self.happened();
            let known = happened.revoked.iter().rev();
            let known = known.filter(|(_, height)| *height <= reached);
            known.take(8).copied().collect::<Vec<_>>()
        };
        for (grant, height) in known {
            let values = chain.state(&[GRANT.key(grant.as_bytes())]).await;
            let entry = values.into_iter().flatten().next().flatten();
            let entry = entry.and_then(|bytes| GrantEntry::from_slice(&bytes).ok());
            if entry.is_none_or(|entry| entry.state != GrantState::Revoked) {
                self.violated(format!(
                    "node {place} at {reached} serves a grant revoked at {height}"
                ));
            }
        }
    }

    /// What must hold at the end.
    #[must_use]
    pub fn invariants(&self, acknowledged: usize, compared: u64) -> Invariants {
        Invariants {
            world: self.clone(),
            acknowledged,
            compared,
        }
    }

    /// Forgets what happened, for the next seed.
    pub fn forget(&self) {
        *self.happened() = Happened::default();
    }
}

/// One history: every node has the same block at every height. Nothing lost: what was acknowledged
/// stands in the block that was named, at every node that has it. Nothing revoked is served. And
/// something happened at all.
#[derive(Debug, Clone)]
pub struct Invariants {
    world: World,
    /// So many transactions at least.
    acknowledged: usize,
    /// So many blocks at least, of all nodes together.
    compared: u64,
}

impl Invariants {
    async fn hold(&self, chains: &[&SimulatedChain]) -> Result<(), String> {
        let Happened {
            acknowledged,
            revoked: _,
            violations,
            readings,
            liars_named,
            read_in_vain,
        } = self.world.happened().clone();
        if !violations.is_empty() {
            return Err(violations.join("; "));
        }
        if let Some(liars) = &self.world.treats {
            let enough = readings.min(read_in_vain) >= READINGS;
            if !enough || (!liars.is_empty() && liars_named < READINGS) {
                return Err(format!(
                    "only {readings} readings, {liars_named} with a liar, {read_in_vain} after a revocation"
                ));
            }
        }
        if acknowledged.len() < self.acknowledged {
            let count = acknowledged.len();
            return Err(format!("only {count} transactions were acknowledged"));
        }
        let mut named: BTreeMap<Height, Vec<(TransactionId, u32)>> = BTreeMap::new();
        for (id, place) in &acknowledged {
            named
                .entry(place.height)
                .or_default()
                .push((*id, place.index));
        }
        let places: HashMap<TransactionId, Place> = acknowledged.into_iter().collect();
        let reached = chains.iter().map(|chain| chain.latest().height.get());
        let mut compared = 0_u64;
        for height in 1..=reached.max().unwrap_or(0) {
            let height = Height::new(height);
            let named = named.remove(&height).unwrap_or_default();
            let (mut agreed, mut seen) = (None, false);
            for chain in chains {
                let Some(block) = chain.block(height).await else {
                    continue;
                };
                compared += 1;
                seen = true;
                let id = block.header.id();
                if *agreed.get_or_insert(id) != id {
                    return Err(format!("a fork at height {height}"));
                }
                holds(&block, &named, &places)?;
            }
            if !seen && !named.is_empty() {
                return Err(format!(
                    "what was acknowledged at {height} is lost: nobody has the block"
                ));
            }
        }
        if compared < self.compared {
            return Err(format!("only {compared} blocks could be compared"));
        }
        Ok(())
    }
}

/// Whether a block holds what was acknowledged to stand in it, and nothing that was to stand
/// elsewhere.
fn holds(
    block: &FinalBlock,
    named: &[(TransactionId, u32)],
    places: &HashMap<TransactionId, Place>,
) -> Result<(), String> {
    let height = block.header.height;
    let ids: Vec<TransactionId> = block
        .transactions
        .iter()
        .map(|(transaction, _)| transaction.id())
        .collect();
    for (id, index) in named {
        if ids.get(*index as usize) != Some(id) {
            return Err(format!("{id}, acknowledged at {height}, is lost"));
        }
    }
    for (id, index) in ids.iter().zip(0_u32..) {
        let place = places.get(id);
        if place.is_some_and(|place| (place.height, place.index) != (height, index)) {
            return Err(format!("{id} stands at another place than was said"));
        }
    }
    Ok(())
}

type Checking<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

impl Property<SimulatedKey, SimulatedChain> for Invariants {
    fn name(&self) -> &'static str {
        "one history, nothing lost, nothing revoked served"
    }

    fn check<'a>(
        &'a self,
        _: &'a ProgressTracker<SimulatedKey>,
        chains: &'a [&'a SimulatedChain],
    ) -> Checking<'a, ()> {
        Box::pin(self.hold(chains))
    }
}

/// So many nodes have so many final blocks.
#[derive(Debug, Clone, Copy)]
pub struct Reached {
    /// Nodes.
    pub nodes: usize,
    /// Height.
    pub height: u64,
}

impl ExitCondition<SimulatedKey, SimulatedChain> for Reached {
    fn name(&self) -> &'static str {
        "height reached"
    }

    fn requires_polling(&self) -> bool {
        true
    }

    fn reached<'a>(
        &'a self,
        _: &'a ProgressTracker<SimulatedKey>,
        chains: &'a [&'a SimulatedChain],
        _: usize,
    ) -> Checking<'a, bool> {
        let there = chains
            .iter()
            .filter(|chain| chain.latest().height.get() >= self.height);
        let count = there.count();
        Box::pin(async move { Ok(count >= self.nodes) })
    }
}
