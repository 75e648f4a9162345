//! Hospitals as patients and doctors meet them: the product's own nodes over simulated chains.
//! Chains, their links and their disks are the simulation's; what is asked of a hospital, and by
//! one of another, is a call.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;
use yilian_client::MemberCa;
use yilian_crypto::{seed::Seed, sign::SigningKey};
use yilian_ledger::Ledger;
use yilian_node::{
    consortium::ConsortiumChain,
    keyholder::KeyHolder,
    mailbox::MailStore,
    neighbours::Neighbours,
    order::simulation::SimulatedChain,
    private_chain::PrivateChain,
    service::{HostedMembers, Node, Parts, Upkeep},
    store::Store,
};
use yilian_protocol::{
    CertificateId, ChainId, GrantId, Height, MemberId,
    call::{Answered, Call, CallError, Local, Transport},
};

use crate::{
    World,
    liar::{Liar, Remembering},
    member_ca, node_key,
};

/// All hospitals of a simulation.
pub(crate) struct Hospitals {
    ledger: Arc<Ledger>,
    hospitals: Vec<Hospital>,
    /// Who answers falsely, keeps what it says it erased, and remembers the consent of before.
    liars: Vec<usize>,
    /// The seeds of those who read: a liar needs one to open what another hospital answered.
    readers: Mutex<BTreeMap<CertificateId, Seed>>,
    rng: Mutex<StdRng>,
    _folder: TempDir,
}

struct Hospital {
    ca: MemberCa,
    disk: Disk,
    /// Of the node that runs; gone with it.
    running: Mutex<Weak<Running>>,
    /// The grants that it lied about.
    lied: Mutex<Vec<GrantId>>,
}

/// What a crash leaves alone.
struct Disk {
    store: Arc<Store>,
    holder: Arc<KeyHolder>,
    mail: Arc<MailStore>,
    log: Arc<PrivateChain>,
    /// Of a liar: the shares that it says it erased.
    hidden: Arc<KeyHolder>,
}

/// A node that runs.
pub(crate) struct Running {
    chain: SimulatedChain,
    front: Local<Node<SimulatedChain, Way>>,
    hidden: Option<Local<Node<Remembering, Way>>>,
}

/// The one member of a node of the simulation.
#[derive(Debug)]
struct Only(usize);

impl HostedMembers for Only {
    fn members(&self) -> Vec<MemberId> {
        vec![member_ca(self.0).id()]
    }

    fn key(&self, member: MemberId) -> Option<SigningKey> {
        (member == member_ca(self.0).id()).then(|| node_key(self.0))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hospital {
    fn new(place: usize, folder: &TempDir) -> Self {
        let path = |what: &str| folder.path().join(format!("{place}-{what}"));
        Self {
            ca: member_ca(place),
            disk: Disk {
                store: Arc::new(Store::open(&path("objects")).unwrap()),
                holder: Arc::new(KeyHolder::open(&path("deposits")).unwrap()),
                log: Arc::new(PrivateChain::open(&path("log")).unwrap()),
                mail: Arc::new(MailStore::open(&path("mail")).unwrap()),
                hidden: Arc::new(KeyHolder::open(&path("hidden")).unwrap()),
            },
            running: Mutex::default(),
            lied: Mutex::default(),
        }
    }

    fn running(&self) -> Result<Arc<Running>, CallError> {
        let running = lock(&self.running).upgrade();
        running.ok_or_else(|| CallError::Unreachable {
            message: "the node is down".to_owned(),
        })
    }
}

impl Hospitals {
    /// So many hospitals, of which some lie.
    pub fn new(world: &World, count: usize, liars: Vec<usize>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            ledger: Arc::new(Ledger::new(world.genesis.clone())),
            hospitals: (0..count)
                .map(|place| Hospital::new(place, &folder))
                .collect(),
            liars,
            readers: Mutex::default(),
            rng: Mutex::new(StdRng::seed_from_u64(1)),
            _folder: folder,
        }
    }

    /// Starts a hospital's node, and does what a node does of its own accord for as long as it
    /// runs.
    pub async fn run(
        self: Arc<Self>,
        place: usize,
        chain: SimulatedChain,
        revoked: UnboundedReceiver<GrantId>,
    ) {
        let holder = Arc::clone(&self.hospitals[place].disk.holder);
        let parts = self.parts(place, chain.clone(), holder);
        let (
            front,
            Upkeep {
                eraser, log, mail, ..
            },
        ) = Node::of(parts);
        let hidden = self.liars.contains(&place).then(|| {
            let remembering = Remembering::new(chain.clone());
            let shares = Arc::clone(&self.hospitals[place].disk.hidden);
            Local::new(Arc::new(Node::of(self.parts(place, remembering, shares)).0))
        });
        let running = Arc::new(Running {
            chain,
            front: Local::new(Arc::new(front)),
            hidden,
        });
        *lock(&self.hospitals[place].running) = Arc::downgrade(&running);
        let until_it_stops = futures::future::join(eraser.run(revoked), log.run());
        futures::future::select(pin!(until_it_stops), pin!(mail.run())).await;
        drop(running);
    }

    fn parts<C: ConsortiumChain>(
        self: &Arc<Self>,
        place: usize,
        chain: C,
        holder: Arc<KeyHolder>,
    ) -> Parts<C, Way> {
        let disk = &self.hospitals[place].disk;
        let others = (0..self.hospitals.len()).filter(|other| *other != place);
        let others = others.map(|other| self.way(other)).collect();
        Parts {
            chain,
            ledger: Arc::clone(&self.ledger),
            store: Arc::clone(&disk.store),
            holder,
            mail: Arc::clone(&disk.mail),
            log: Arc::clone(&disk.log),
            checked_log: false,
            identities: Arc::new(Only(place)),
            neighbours: Neighbours::new(others, Vec::new()),
        }
    }

    /// The chain of all of them.
    pub fn chain(&self) -> ChainId {
        self.ledger.chain()
    }

    /// The way to a hospital's node.
    pub fn way(self: &Arc<Self>, place: usize) -> Way {
        Way {
            hospitals: Arc::clone(self),
            place,
        }
    }

    /// Randomness for one act: calls of several hospitals take it in the order of the simulation.
    pub fn rng(&self) -> StdRng {
        StdRng::from_seed(lock(&self.rng).random())
    }

    /// The CA of a hospital.
    pub fn ca(&self, place: usize) -> &MemberCa {
        &self.hospitals[place].ca
    }

    /// All members, liars first: they are asked in every reading.
    pub fn holders(&self) -> Vec<MemberId> {
        let all = self.liars.iter().copied().chain(self.honest());
        all.map(|place| self.ca(place).id()).collect()
    }

    /// The hospitals that do not lie.
    pub fn honest(&self) -> impl Iterator<Item = usize> {
        (0..self.hospitals.len()).filter(|place| !self.liars.contains(place))
    }

    /// The node of a hospital that others see.
    pub fn front(&self, place: usize) -> Result<Local<Node<SimulatedChain, Way>>, CallError> {
        Ok(self.hospitals[place].running()?.front.clone())
    }

    /// Who lied about a grant.
    pub fn lied(&self, grant: GrantId) -> Vec<MemberId> {
        let liars = self.liars.iter().map(|place| &self.hospitals[*place]);
        liars
            .filter(|liar| lock(&liar.lied).contains(&grant))
            .map(|liar| liar.ca.id())
            .collect()
    }

    /// A reader is certified.
    pub fn note_reader(&self, reader: CertificateId, seed: Seed) {
        lock(&self.readers).insert(reader, seed);
    }

    /// The seed of a reader.
    pub fn reader(&self, reader: CertificateId) -> Result<Seed, CallError> {
        let seed = lock(&self.readers).get(&reader).cloned();
        seed.ok_or_else(|| CallError::not_found("reader"))
    }

    /// A hospital lied about a grant.
    pub fn note_lie(&self, place: usize, grant: GrantId) {
        lock(&self.hospitals[place].lied).push(grant);
    }

    /// Waits until every hospital has executed the block at `height`.
    pub async fn all_reach(&self, height: Height) -> Result<(), CallError> {
        for hospital in &self.hospitals {
            let chain = hospital.running()?.chain.clone();
            chain.reaches(height).await?;
        }
        Ok(())
    }
}

/// The way to one hospital's node.
#[derive(Clone)]
pub(crate) struct Way {
    pub hospitals: Arc<Hospitals>,
    pub place: usize,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Way({})", self.place)
    }
}

impl Transport for Way {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let running = self.hospitals.hospitals[self.place].running()?;
        match &running.hidden {
            None => running.front.call(call).await,
            Some(hidden) => {
                let (hospitals, place) = (&self.hospitals, self.place);
                let (front, hidden) = (&running.front, hidden);
                let liar = Liar {
                    hospitals,
                    place,
                    front,
                    hidden,
                };
                liar.call(call).await
            }
        }
    }
}
