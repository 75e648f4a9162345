//! The handle to a running chain.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use commonware_consensus::marshal::Identifier;
use commonware_runtime::{Runner as _, tokio as runtime};
use tokio::sync::{mpsc, oneshot, watch};
use yilian_protocol::{
    Height, StateKey, TransactionId,
    codec::{Blob, Decode, DecodeError, Encode, Reader},
    inclusion::InclusionProof,
    receipt::Receipt,
    refusal::{Outcome, Refusal},
    registry::{Admitted, Genesis},
    transport::CallError,
};

use super::{
    StateMachine,
    application::{consensus_height, digest, fault, place_key},
    block::{FinalBlock, leaves},
    engine::{self, Engine, Parts},
    mempool::Mempool,
    validator::{ValidatorKey, ValidatorKeyError},
};

/// What a chain needs to start.
#[derive(Debug)]
pub struct ChainOptions {
    directory: PathBuf,
    genesis: Genesis,
    validator: ValidatorKey,
    idle: Duration,
}

impl ChainOptions {
    /// A chain in `directory` that `genesis` begins, ordered by `validator`.
    #[must_use]
    pub const fn new(directory: PathBuf, genesis: Genesis, validator: ValidatorKey) -> Self {
        Self {
            directory,
            genesis,
            validator,
            idle: Duration::from_secs(10),
        }
    }

    /// How long a chain with nothing to order waits before it makes an empty block; 10 s if not said otherwise.
    #[must_use]
    pub const fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }
}

/// Bytes of the chain's thread's stack: the engine's start is one deep future.
const STACK: usize = 32 * 1024 * 1024;

/// A running chain. Clones are the same chain.
#[derive(Clone)]
pub struct Chain {
    machine: Arc<dyn StateMachine>,
    mempool: Arc<Mempool>,
    latest: watch::Receiver<Admitted>,
    queries: mpsc::Sender<Query>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// Where a final transaction stands, and what became of it. 13 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its block.
    pub height: Height,
    /// Its place in the block, from 0.
    pub index: u32,
    /// What became of it.
    pub outcome: Outcome,
}

enum Query {
    State(Vec<StateKey>, oneshot::Sender<Vec<Option<Vec<u8>>>>),
    Block(Height, oneshot::Sender<Option<FinalBlock>>),
    Stop,
}

impl Chain {
    /// Starts the chain, after it recovered what a crash left behind.
    ///
    /// # Errors
    /// [`OrderError`] when keys or storage are at fault.
    pub fn start(
        options: ChainOptions,
        machine: Arc<dyn StateMachine>,
    ) -> Result<Self, OrderError> {
        let ChainOptions {
            directory,
            genesis,
            validator,
            idle,
        } = options;
        std::fs::create_dir_all(&directory).map_err(|source| OrderError::Directory {
            directory: directory.clone(),
            source,
        })?;
        let mempool = Arc::new(Mempool::default());
        let created = Admitted {
            height: Height::new(0),
            time: genesis.created,
        };
        let (latest_sender, latest) = watch::channel(created);
        let (queries, incoming) = mpsc::channel(1024);
        let (started, ready) = std::sync::mpsc::channel();
        let parts = Parts {
            genesis,
            validator,
            machine: Arc::clone(&machine),
            mempool: Arc::clone(&mempool),
            latest: latest_sender,
            idle,
        };
        let thread = std::thread::Builder::new()
            .name("chain".to_owned())
            .stack_size(STACK)
            .spawn(move || run(directory, parts, incoming, &started))
            .map_err(|error| OrderError::Start {
                cause: error.to_string(),
            })?;
        ready.recv().unwrap_or_else(|_| {
            Err(OrderError::Start {
                cause: "the chain's thread ended".to_owned(),
            })
        })?;
        let thread = Arc::new(Mutex::new(Some(thread)));
        Ok(Self {
            machine,
            mempool,
            latest,
            queries,
            thread,
        })
    }

    /// Has a transaction ordered, and returns its place once it is final and on disk. One that is final already is answered with its place.
    ///
    /// # Errors
    /// [`SubmitError::Refused`] when it may not enter a block at all; what the rules make of it *in* the block is its [`Place::outcome`].
    pub async fn submit(&self, bytes: Bytes) -> Result<Place, SubmitError> {
        self.machine.check(&bytes).map_err(SubmitError::Refused)?;
        let id = TransactionId::of(&bytes);
        if let Some(place) = self.place(id).await? {
            return Ok(place);
        }
        self.mempool
            .insert(id, bytes)?
            .await
            .map_err(|_| SubmitError::Stopped)
    }

    /// The latest final block.
    #[must_use]
    pub fn latest(&self) -> Admitted {
        *self.latest.borrow()
    }

    /// Tells of every new final block.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Admitted> {
        self.latest.clone()
    }

    /// Transactions waiting for a block.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.mempool.len() as u64
    }

    /// The values at `keys`, in their order, all of one state: that after the latest final block.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] when the chain has stopped.
    pub async fn state(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, SubmitError> {
        self.query(|answer| Query::State(keys.to_vec(), answer))
            .await
    }

    /// The final block at `height`; `None` when the chain is not that high.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] when the chain has stopped.
    pub async fn block(&self, height: Height) -> Result<Option<FinalBlock>, SubmitError> {
        self.query(|answer| Query::Block(height, answer)).await
    }

    /// The receipt of a final transaction; `None` when it is not final.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] when the chain has stopped.
    pub async fn receipt(&self, id: TransactionId) -> Result<Option<Receipt>, SubmitError> {
        let Some(place) = self.place(id).await? else {
            return Ok(None);
        };
        let Some(block) = self.block(place.height).await? else {
            return Ok(None);
        };
        let (transactions, outcomes): (Vec<Bytes>, Vec<Outcome>) =
            block.transactions.into_iter().unzip();
        let leaves = leaves(&transactions, &outcomes);
        let inclusion = InclusionProof::new(&leaves, place.index as usize);
        Ok(inclusion.map(|inclusion| Receipt {
            transaction: id,
            outcome: place.outcome,
            header: block.header,
            finality: block.finality,
            inclusion,
        }))
    }

    /// Stops in good order. What was acknowledged is on disk in any case.
    pub fn shutdown(&self) {
        // Full or closed, the thread is on its way out or will see the closed channel.
        drop(self.queries.try_send(Query::Stop));
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            drop(thread.join());
        }
    }

    async fn place(&self, id: TransactionId) -> Result<Option<Place>, SubmitError> {
        let values = self.state(&[place_key(id)]).await?;
        let place = values.into_iter().next().flatten();
        Ok(place.and_then(|bytes| Place::from_slice(&bytes).ok()))
    }

    async fn query<A>(
        &self,
        query: impl FnOnce(oneshot::Sender<A>) -> Query,
    ) -> Result<A, SubmitError> {
        let (sender, receiver) = oneshot::channel();
        self.queries
            .send(query(sender))
            .await
            .map_err(|_| SubmitError::Stopped)?;
        receiver.await.map_err(|_| SubmitError::Stopped)
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain({})", self.latest().height)
    }
}

type Started = std::sync::mpsc::Sender<Result<(), OrderError>>;

/// The chain's own thread: runs commonware's runtime until it is told to stop.
fn run(directory: PathBuf, parts: Parts, mut queries: mpsc::Receiver<Query>, started: &Started) {
    let options = runtime::Config::default()
        .with_storage_directory(directory)
        .with_worker_threads(2)
        .with_catch_panics(false);
    let latest = parts.latest.clone();
    let ran = catch_unwind(AssertUnwindSafe(|| {
        runtime::Runner::new(options).start(async |context| {
            let engine = match Box::pin(engine::start(context, parts)).await {
                Ok(engine) => engine,
                Err(error) => return drop(started.send(Err(error.into()))),
            };
            if let Some(block) = engine.latest().await {
                latest.send_replace(block);
            }
            drop(started.send(Ok(())));
            while let Some(query) = queries.recv().await {
                match query {
                    Query::State(keys, answer) => drop(answer.send(engine.state(&keys).await)),
                    Query::Block(height, answer) => drop(answer.send(engine.block(height).await)),
                    Query::Stop => break,
                }
            }
        });
    }));
    if let Err(panic) = ran {
        let cause = message(panic.as_ref());
        // While it starts there is somebody to tell; later the process must end, see the module's head.
        if started
            .send(Err(OrderError::Start {
                cause: cause.clone(),
            }))
            .is_err()
        {
            eprintln!("fatal: the chain stopped: {cause}");
            std::process::exit(70);
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown cause")
        .to_owned()
}

impl Engine {
    async fn state(&self, keys: &[StateKey]) -> Vec<Option<Vec<u8>>> {
        let places: Vec<_> = keys.iter().map(digest).collect();
        let places: Vec<_> = places.iter().collect();
        let state = self.states.read().await;
        state
            .get_many(&places)
            .await
            .unwrap_or_else(|error| fault(&error))
    }

    async fn block(&self, height: Height) -> Option<FinalBlock> {
        let height = consensus_height(height);
        let block = self.archive.get_block(Identifier::Height(height)).await?;
        let block = block.inner();
        let finality = self.archive.get_finalization(height).await;
        let finality = finality
            .map(|finality| commonware_codec::Encode::encode(&finality).to_vec())
            .unwrap_or_default();
        Some(FinalBlock {
            header: block.header.clone(),
            finality: Blob::new(finality).ok()?,
            transactions: block
                .transactions
                .iter()
                .cloned()
                .zip(block.outcomes.clone())
                .collect(),
        })
    }

    async fn latest(&self) -> Option<Admitted> {
        let (height, _) = self.archive.get_info(Identifier::Latest).await?;
        let block = self.archive.get_block(Identifier::Height(height)).await?;
        Some(block.inner().admitted())
    }
}

impl Encode for Place {
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        self.index.encode(out);
        self.outcome.encode(out);
    }
}

impl Decode for Place {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            height: Decode::decode(input)?,
            index: Decode::decode(input)?,
            outcome: Decode::decode(input)?,
        })
    }
}

/// Why a chain does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// Its directory cannot be made.
    #[error("cannot make the chain's directory {}: {source}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The validator's keys are damaged.
    #[error(transparent)]
    Validator(#[from] ValidatorKeyError),
    /// Its storage is damaged, or its thread could not be started.
    #[error("the chain does not start: {cause}")]
    Start {
        /// What the part that failed said.
        cause: String,
    },
}

/// Why a transaction was not ordered, or a query not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Too many wait already; try again.
    #[error("too many transactions are waiting")]
    Full,
    /// It may not enter a block.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The chain has stopped.
    #[error("the chain has stopped")]
    Stopped,
}

impl From<SubmitError> for CallError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Full => Self::Busy { retry_ms: 100 },
            SubmitError::Refused(rule) => rule.into(),
            SubmitError::Stopped => Self::Unavailable {
                message: error.to_string(),
            },
        }
    }
}
