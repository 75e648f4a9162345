//! Hospitals as patients and doctors meet them: the product's own key holders over simulated chains. Chains, their links and their
//! disks are the simulation's; what is asked of a hospital, and by one of another, is a call.

use std::{
    collections::HashMap,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;
use yilian_client::MemberCa;
use yilian_crypto::{pre::Partial, sign::SigningKey};
use yilian_ledger::{
    consent,
    state::{Fetched, View as _},
};
use yilian_node::{
    keyholder::KeyHolder,
    order::{Place, simulation::SimulatedChain},
};
use yilian_protocol::{
    GrantId, Height, MemberId, RecordId, StateKey,
    codec::Blob,
    grant::{Erasure, GrantState, HolderAsk, SealedDeposit, SignedAsk, SignedPartial, Use},
    receipt::Receipt,
    refusal::Refusal,
    sealed::SealedObject,
    state::{
        proof::ProvenState,
        tables::{CERTIFICATE, GRANT},
    },
    transport::{CallError, Request, Response, SealReceipt, SealRequest, Status, Transport},
    tx::{Body, Transaction},
};

use crate::{World, member_ca, node_key};

/// Between two looks at a chain on which something is to be seen.
const LOOK: Duration = Duration::from_millis(50);
/// Looks until it is given up: half a minute.
const LOOKS: usize = 600;

/// All hospitals of a simulation.
pub(crate) struct Hospitals {
    world: World,
    hospitals: Vec<Hospital>,
    /// Who answers falsely, keeps what it says it erased, and remembers the consent of before.
    liars: Vec<usize>,
    rng: Mutex<StdRng>,
    _folder: TempDir,
}

struct Hospital {
    ca: MemberCa,
    node: SigningKey,
    /// Of the node that runs; gone with it.
    chain: Mutex<Weak<SimulatedChain>>,
    objects: Mutex<HashMap<RecordId, Vec<u8>>>,
    keeper: KeyHolder,
    /// Of a liar: the state when it lied about a grant.
    remembered: Mutex<HashMap<GrantId, Fetched>>,
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unavailable(error: impl std::fmt::Display) -> CallError {
    CallError::Unavailable {
        message: error.to_string(),
    }
}

impl Hospital {
    fn new(place: usize, folder: &TempDir) -> Self {
        Self {
            ca: member_ca(place),
            node: node_key(place),
            chain: Mutex::default(),
            objects: Mutex::default(),
            keeper: KeyHolder::open(&folder.path().join(place.to_string())).unwrap(),
            remembered: Mutex::default(),
        }
    }

    fn chain(&self) -> Result<Arc<SimulatedChain>, CallError> {
        let running = lock(&self.chain).upgrade();
        running.ok_or_else(|| CallError::Unreachable {
            message: "the node is down".to_owned(),
        })
    }

    async fn fetch(&self, keys: Vec<StateKey>) -> Result<Fetched, CallError> {
        let values = self.chain()?.state(&keys).await;
        let values = values.ok_or_else(|| unavailable("not started"))?;
        Ok(Fetched::new(keys.into_iter().zip(values).collect()))
    }
}

impl Hospitals {
    /// So many hospitals, of which some lie.
    pub fn new(world: World, count: usize, liars: Vec<usize>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            world,
            hospitals: (0..count)
                .map(|place| Hospital::new(place, &folder))
                .collect(),
            liars,
            rng: Mutex::new(StdRng::seed_from_u64(1)),
            _folder: folder,
        }
    }

    /// A hospital's node has started, or started again.
    pub fn started(&self, place: usize, chain: &Arc<SimulatedChain>) {
        *lock(&self.hospitals[place].chain) = Arc::downgrade(chain);
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

    fn honest(&self) -> impl Iterator<Item = usize> {
        (0..self.hospitals.len()).filter(|place| !self.liars.contains(place))
    }

    /// Who lied about a grant.
    pub fn lied(&self, grant: GrantId) -> Vec<MemberId> {
        let liars = self.liars.iter().map(|place| &self.hospitals[*place]);
        liars
            .filter(|liar| lock(&liar.remembered).contains_key(&grant))
            .map(|liar| liar.ca.id())
            .collect()
    }

    /// Waits until every hospital has executed the block at `height`.
    pub async fn all_reach(&self, height: Height) -> Result<(), CallError> {
        for hospital in &self.hospitals {
            let chain = hospital.chain()?;
            let reached = || ready((chain.latest().height >= height).then_some(()));
            look(&chain, reached).await?;
        }
        Ok(())
    }

    fn place_of(&self, member: MemberId) -> Result<usize, CallError> {
        let mut all = self.hospitals.iter();
        let place = all.position(|hospital| hospital.ca.id() == member);
        place.ok_or_else(|| Refusal::NotKeyHolder.into())
    }

    async fn keep(&self, sealed: SealedDeposit) -> Result<(), CallError> {
        let hospital = &self.hospitals[self.place_of(sealed.holder)?];
        let chain = self.world.genesis.chain();
        let deposit = sealed.open(chain, &hospital.node)?;
        let state = hospital.fetch(consent::deposit_reads(&deposit)).await?;
        let now = hospital.chain()?.latest().time;
        consent::check_deposit(&state, chain, now, &deposit).map_err(unavailable)??;
        Ok(hospital.keeper.keep(&deposit)?)
    }

    async fn ask(&self, asked: HolderAsk) -> Result<SignedPartial, CallError> {
        let (place, ask) = (self.place_of(asked.holder)?, &asked.ask);
        let state = self.state(place, ask).await?;
        let partial = if self.liars.contains(&place) {
            self.lie(place, ask, state).await?
        } else {
            self.serve(place, ask, &state)?
        };
        let (chain, node) = (self.world.genesis.chain(), &self.hospitals[place].node);
        Ok(SignedPartial::sign(chain, ask, asked.holder, partial, node))
    }

    /// While the grant is in force, a part of another's share; afterwards its own, as if it still were.
    async fn lie(
        &self,
        place: usize,
        ask: &SignedAsk,
        state: Fetched,
    ) -> Result<Partial, CallError> {
        let (grant, liar) = (ask.ask.grant, &self.hospitals[place]);
        let entry = state.read(GRANT, grant.as_bytes()).map_err(unavailable)?;
        if entry.is_some_and(|entry| entry.state == GrantState::Active) {
            let other = self.honest().next().ok_or(Refusal::NotKeyHolder)?;
            let partial = self.serve(other, ask, &self.state(other, ask).await?)?;
            lock(&liar.remembered).insert(grant, state);
            return Ok(partial);
        }
        let remembered = lock(&liar.remembered).get(&grant).cloned();
        self.serve(place, ask, &remembered.ok_or(Refusal::GrantRevoked)?)
    }

    /// What a hospital's chain says of a grant and of who asks.
    async fn state(&self, place: usize, ask: &SignedAsk) -> Result<Fetched, CallError> {
        let hospital = &self.hospitals[place];
        let certificate = vec![CERTIFICATE.key(ask.ask.reader.as_bytes())];
        let reader = hospital.fetch(certificate).await?;
        let reader = reader
            .read(CERTIFICATE, ask.ask.reader.as_bytes())
            .map_err(unavailable)?
            .ok_or(Refusal::CertificateUnknown)?;
        let reads = consent::check_reads(ask, reader.certificate.member);
        hospital.fetch(reads).await
    }

    /// A key holder's part, if the ledger's check on `state` allows it.
    fn serve(&self, place: usize, ask: &SignedAsk, state: &Fetched) -> Result<Partial, CallError> {
        let hospital = &self.hospitals[place];
        let (grant, holder) = (ask.ask.grant, hospital.ca.id());
        let deposit = hospital.keeper.deposit(grant, holder)?;
        let now = hospital.chain()?.latest().time;
        let terms = deposit.as_deref().map(|deposit| &deposit.terms);
        let chain = self.world.genesis.chain();
        let consent = consent::check(state, chain, holder, now, terms, ask);
        let (consent, deposit) = (
            consent.map_err(unavailable)??,
            deposit.ok_or(Refusal::NotKeyHolder)?,
        );
        let object = SealedObject::parse(self.object(ask.ask.record)?).map_err(unavailable)?;
        let usage = Use {
            record: ask.ask.record,
            reader: ask.ask.reader,
            purpose: ask.ask.purpose,
            at: now,
        };
        let keeper = &hospital.keeper;
        Ok(keeper.serve(consent, &deposit, &object, &usage, &mut self.rng())??)
    }

    fn object(&self, record: RecordId) -> Result<Vec<u8>, CallError> {
        let mut all = self.hospitals.iter();
        let found = all.find_map(|hospital| lock(&hospital.objects).get(&record).cloned());
        found.ok_or_else(|| CallError::not_found("object"))
    }

    /// Erases a hospital's shares of grants that its chain says are revoked, and says so on the chain. Liars only say so.
    pub async fn erase(&self, place: usize) -> Result<(), CallError> {
        let hospital = &self.hospitals[place];
        for (grant, holder) in hospital.keeper.kept()? {
            let state = hospital.fetch(vec![GRANT.key(grant.as_bytes())]).await?;
            let entry = state.read(GRANT, grant.as_bytes()).map_err(unavailable)?;
            if entry.is_none_or(|entry| entry.state != GrantState::Revoked) {
                continue;
            }
            if !self.liars.contains(&place) {
                hospital.keeper.erase(grant, holder)?;
            }
            let body = Body::Erase(Erasure { grant, holder });
            let erased = Transaction::sign(self.world.genesis.chain(), body, &hospital.node);
            self.order(place, &erased).await?;
        }
        Ok(())
    }

    async fn order(&self, place: usize, transaction: &Transaction) -> Result<Place, CallError> {
        let chain = self.hospitals[place].chain()?;
        let at = self.world.order(&chain, transaction).await?;
        at.ok_or_else(|| unavailable("stopped"))
    }

    async fn submit(&self, place: usize, transaction: &Transaction) -> Result<Receipt, CallError> {
        let at = self.order(place, transaction).await?;
        let chain = self.hospitals[place].chain()?;
        look(&chain, || chain.receipt(transaction.id(), at)).await
    }

    async fn seal(&self, place: usize, request: SealRequest) -> Result<SealReceipt, CallError> {
        let hospital = &self.hospitals[place];
        for object in request.objects.iter() {
            let object = SealedObject::parse(object.as_slice().to_vec()).map_err(unavailable)?;
            let record = object.cid().record();
            lock(&hospital.objects).insert(record, object.as_bytes().to_vec());
        }
        let body = Body::Seal(request.visit);
        let transaction = Transaction::sign(self.world.genesis.chain(), body, &hospital.node);
        Ok(SealReceipt {
            transaction: Blob::new(transaction.as_bytes().to_vec())?,
            receipt: self.submit(place, &transaction).await?,
        })
    }

    async fn prove(&self, place: usize, keys: &[StateKey]) -> Result<ProvenState, CallError> {
        let chain = self.hospitals[place].chain()?;
        look(&chain, || chain.prove(keys)).await
    }

    fn status(&self, place: usize) -> Result<Status, CallError> {
        Ok(Status {
            version: String::new(),
            chain: self.world.genesis.chain(),
            genesis: self.world.genesis.clone(),
            latest: self.hospitals[place].chain()?.latest(),
            waiting: 0,
            objects: 0,
            object_bytes: 0,
        })
    }
}

/// Looks again until there is something: a block may be final before its certificate is at hand.
async fn look<T, F: Future<Output = Option<T>>>(
    chain: &SimulatedChain,
    see: impl Fn() -> F,
) -> Result<T, CallError> {
    for _ in 0..LOOKS {
        if let Some(seen) = see().await {
            return Ok(seen);
        }
        chain.sleep(LOOK).await;
    }
    Err(unavailable("nothing to be seen"))
}

/// The way to one hospital's node.
#[derive(Clone)]
pub(crate) struct Way {
    pub hospitals: Arc<Hospitals>,
    pub place: usize,
}

impl Transport for Way {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        let (hospitals, place) = (&self.hospitals, self.place);
        Ok(match request {
            Request::Status => Response::Status(hospitals.status(place)?),
            Request::Submit(transaction) => {
                Response::Receipt(hospitals.submit(place, &transaction).await?)
            }
            Request::Seal(request) => Response::Sealed(hospitals.seal(place, request).await?),
            Request::Prove(keys) => Response::Proven(hospitals.prove(place, &keys).await?),
            Request::Object(record) => Response::Object(hospitals.object(record)?),
            Request::Deposit(sealed) => {
                hospitals.keep(sealed).await?;
                Response::Deposited
            }
            Request::Ask(asked) => Response::Partial(hospitals.ask(asked).await?),
            _ => return Err(unavailable("not simulated")),
        })
    }
}
