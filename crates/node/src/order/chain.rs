//! The handle to a running chain.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::{Notify, OnceCell, mpsc, oneshot, watch};
use yilian_protocol::{
    Height, StateKey, TransactionId,
    call::CallError,
    codec::Decode as _,
    receipt::Receipt,
    refusal::Refusal,
    registry::{Admitted, Genesis},
    state::proof::ProvenState,
};

use super::{
    StateMachine,
    block::{FinalBlock, ProvenBlock},
    directory::Claim,
    encoded::EncodedTransaction,
    engine::{Parts, section},
    epochs::{first_epoch, votes_prefix},
    mempool::{Mempool, Origin, Stopwatch},
    peering::{History, Peering, try_listen},
    place::{Place, place_key},
    row_index::RowIndex,
    secrets::FileStore,
    thread::{Query, Thread},
    validator::{ValidatorKey, ValidatorKeyError},
};
use crate::vault::Vault;

/// What a chain needs to start.
#[derive(Debug)]
pub struct ChainOptions {
    directory: PathBuf,
    genesis: Genesis,
    validator: ValidatorKey,
    peering: Option<Peering>,
    idle: Duration,
    history: History,
    secrets: Option<Vault>,
}

impl ChainOptions {
    /// A chain in `directory` that `genesis` begins, ordered by `validator`.
    #[must_use]
    pub const fn new(directory: PathBuf, genesis: Genesis, validator: ValidatorKey) -> Self {
        Self {
            directory,
            genesis,
            validator,
            peering: None,
            idle: Duration::from_secs(10),
            history: History {
                state_sync: false,
                keep_blocks: None,
            },
            secrets: None,
        }
    }

    /// Whom the node speaks to; nobody, if not said otherwise.
    #[must_use]
    pub fn peering(mut self, peering: Option<Peering>) -> Self {
        self.peering = peering;
        self
    }

    /// Where the validator's shares and seeds are kept; plain, in a folder of the chain's
    /// directory, if not said otherwise. Elsewhere, the chain can be lost and had again from
    /// peers: a validator that lost its seeds would deal twice, and take its peers' answers for
    /// false.
    #[must_use]
    pub fn secrets(mut self, vault: Vault) -> Self {
        self.secrets = Some(vault);
        self
    }

    /// How much of the past to keep; all of it, if not said otherwise.
    #[must_use]
    pub const fn history(mut self, history: History) -> Self {
        self.history = history;
        self
    }

    /// How long a chain with nothing to order waits before it makes an empty block; 10 s if not
    /// said otherwise.
    #[must_use]
    pub const fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }
}

/// The secrets of the chain in `directory`, where it was said or else there. They are refused when
/// they are lost, and what was voted with them is there.
fn secrets_of(said: Option<Vault>, directory: &Path) -> Result<FileStore, OrderError> {
    let vault = said.unwrap_or_else(|| Vault::plain(directory.join("secrets")));
    let folder = vault.folder().to_owned();
    let secrets = FileStore::new(vault);
    match secrets.are_lost(directory, &votes_prefix(PREFIX)) {
        Ok(false) => Ok(secrets),
        Ok(true) => Err(OrderError::SecretsLost { folder }),
        Err(source) => Err(OrderError::Directory {
            directory: folder,
            source,
        }),
    }
}

/// Bytes of the chain's thread's stack: the engine's start is one deep future.
pub(super) const STACK: usize = 32 * 1024 * 1024;

/// Names every partition on disk.
pub(super) const PREFIX: &str = "chain";
/// The folder of the index of the state's rows. It may be removed: the next start fills it again.
const ROWS: &str = "row-index";

/// How long a proof waits for a block with a certificate: after all nodes were started again, some
/// views are given up first.
const PROOF_PATIENCE: Duration = Duration::from_secs(30);

/// Blocks whose receipts are at hand.
const PROVEN_MAX: usize = 8;

/// One for each height; empty while it is being made.
type ProvenBlocks = BTreeMap<Height, Arc<OnceCell<Arc<ProvenBlock>>>>;

/// Queries that wait at most; further ones wait for room.
const QUERIES_WAITING: usize = 1024;

/// A running chain. Clones are the same chain; it stops when all of them are gone.
#[derive(Clone)]
pub struct Chain {
    machine: Arc<dyn StateMachine>,
    mempool: Arc<Mempool>,
    latest: watch::Receiver<Admitted>,
    queries: mpsc::Sender<Query>,
    proven: Arc<Mutex<ProvenBlocks>>,
    stop: Arc<Notify>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Chain {
    /// Starts the chain, after it recovered what a crash left behind. Blocks until then.
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
            peering,
            idle,
            history,
            secrets,
        } = options;
        // Before anything is written.
        let first_epoch = first_epoch(&genesis, &validator)?;
        let (identity, share) = (validator.identity()?, validator.share()?);
        let claim = Claim::take(&directory, genesis.chain(), section(history.keep_blocks))?;
        may_listen(peering.as_ref())?;
        let secrets = secrets_of(secrets, &directory)?;
        let rows =
            RowIndex::open(&directory.join(ROWS)).map_err(|source| OrderError::Directory {
                directory: directory.join(ROWS),
                source,
            })?;
        let mempool = Arc::new(Mempool::with_peers(peering.is_some(), Stopwatch::default()));
        let created = Admitted {
            height: Height::new(0),
            time: genesis.created,
        };
        let (latest_sender, latest) = watch::channel(created);
        let (queries, incoming) = mpsc::channel(QUERIES_WAITING);
        let (started, ready) = std::sync::mpsc::channel();
        let stop = Arc::new(Notify::new());
        let section = claim.section;
        let thread = Thread {
            directory,
            claim,
            parts: Parts {
                genesis,
                identity,
                first_epoch,
                secrets,
                has_peers: peering.is_some(),
                joins: history.state_sync,
                keep_blocks: history.keep_blocks,
                section,
                rows: Arc::new(rows),
                prefix: PREFIX.to_owned(),
                machine: Arc::clone(&machine),
                mempool: Arc::clone(&mempool),
                latest: latest_sender,
                idle,
            },
            peering,
            share,
            queries: incoming,
            stop: Arc::clone(&stop),
            started,
        };
        let thread = Arc::new(Mutex::new(Some(run(thread, &ready)?)));
        Ok(Self {
            machine,
            mempool,
            latest,
            queries,
            proven: Arc::default(),
            stop,
            thread,
        })
    }

    /// Whether a transaction may enter a block at all.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal> {
        self.machine.check(transaction)
    }

    /// Has a transaction ordered, and returns its place once it is final and on disk. One that is
    /// final already is answered with its place.
    ///
    /// # Errors
    /// [`SubmitError::Refused`] when it may not enter a block, or nobody answers for it; what the
    /// rules make of it *in* the block is its [`Place::outcome`].
    pub async fn submit(
        &self,
        transaction: impl Into<EncodedTransaction>,
    ) -> Result<Place, SubmitError> {
        let transaction = transaction.into();
        self.check(&transaction).map_err(SubmitError::Refused)?;
        let mut keys = vec![place_key(transaction.id())];
        keys.extend(self.machine.vet_reads(&transaction));
        let mut values = self.state(&keys).await?;
        let place = values.first_mut().and_then(Option::take);
        if let Some(place) = place.and_then(|bytes| Place::from_slice(&bytes).ok()) {
            return Ok(place);
        }
        let state = keys.into_iter().zip(values).skip(1).collect();
        let vetted = self.machine.vet(self.next(), &transaction, state);
        vetted.map_err(SubmitError::Refused)?;
        let origin = Origin::of(&*self.machine, &transaction);
        let ordered = self.mempool.insert(transaction, origin)?.await;
        ordered
            .map_err(|_| SubmitError::Stopped)?
            .map_err(SubmitError::Refused)
    }

    /// About where the next block stands.
    fn next(&self) -> Admitted {
        let latest = self.latest();
        Admitted {
            height: latest.height.next(),
            time: latest.time.max(super::clock()),
        }
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

    /// The values at `keys`, in their order, after the latest final block. Those of the provable
    /// part are of one state, those that are written once of one too, which may be a block apart.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] when the chain has stopped.
    pub async fn state(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, SubmitError> {
        self.query(|answer| Query::State(keys.to_vec(), answer))
            .await
    }

    /// What stands at each of `keys`, provable to a light client, under a block that is final: the
    /// latest one, or one a moment before. Waits for the first block of a new chain.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] when the chain has stopped, [`SubmitError::Full`] when the latest
    /// block has no certificate yet.
    pub async fn prove(&self, keys: &[StateKey]) -> Result<ProvenState, SubmitError> {
        let mut latest = self.latest.clone();
        let patience = tokio::time::Instant::now() + PROOF_PATIENCE;
        loop {
            latest.mark_unchanged();
            let proven = self.query(|answer| Query::Proof(keys.to_vec(), answer));
            if let Some(proven) = proven.await? {
                return Ok(proven);
            }
            match tokio::time::timeout_at(patience, latest.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(SubmitError::Stopped),
                Err(_) => return Err(SubmitError::Full),
            }
        }
    }

    /// The final block at `height`; `None` when the chain is not that high.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] when the chain has stopped, [`SubmitError::Lost`] when the block is
    /// damaged.
    pub async fn block(&self, height: Height) -> Result<Option<FinalBlock>, SubmitError> {
        let block = self.query(|answer| Query::Block(height, answer)).await?;
        if block.is_none() && height <= self.latest().height {
            let stopped = self.queries.is_closed();
            return Err(if stopped {
                SubmitError::Stopped
            } else {
                SubmitError::Lost { height }
            });
        }
        Ok(block)
    }

    /// What consensus, peers and storage count, in the text form of OpenMetrics, its end mark
    /// included.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] when the chain has stopped.
    pub async fn metrics(&self) -> Result<String, SubmitError> {
        self.query(Query::Metrics).await
    }

    /// The receipt of a final transaction; `None` when it is not final.
    ///
    /// # Errors
    /// As [`Chain::block`].
    pub async fn receipt(&self, id: TransactionId) -> Result<Option<Receipt>, SubmitError> {
        let Some(place) = self.place(id).await? else {
            return Ok(None);
        };
        let block = self.proven(place.height).await?;
        Ok(block.receipt(id, place))
    }

    /// What the receipts of a block have in common. Those of the latest blocks are at hand:
    /// everybody who waits for a block asks for his receipt at the same moment.
    async fn proven(&self, height: Height) -> Result<Arc<ProvenBlock>, SubmitError> {
        let cell = {
            let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
            let cell = Arc::clone(proven.entry(height).or_default());
            // One that is still being made is kept by those who wait for it.
            while proven.len() > PROVEN_MAX {
                proven.pop_first();
            }
            cell
        };
        let made = cell.get_or_try_init(|| async {
            let block = self.block(height).await?;
            let proven = block.and_then(ProvenBlock::of);
            proven.map(Arc::new).ok_or(SubmitError::Lost { height })
        });
        made.await.cloned()
    }

    /// Stops in good order, and returns when the directory is free again. What was acknowledged is
    /// on disk in any case; whoever still waits is told [`SubmitError::Stopped`].
    pub fn shutdown(&self) {
        self.stop.notify_one();
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

fn may_listen(peering: Option<&Peering>) -> Result<(), OrderError> {
    let Some(listen) = peering.map(|peering| peering.listen) else {
        return Ok(());
    };
    try_listen(listen).map_err(|source| OrderError::Listen { listen, source })
}

/// Runs the chain's thread, and waits until it has begun.
fn run(
    thread: Thread,
    begun: &std::sync::mpsc::Receiver<Result<(), OrderError>>,
) -> Result<JoinHandle<()>, OrderError> {
    let start = |cause| OrderError::Start { cause };
    let builder = std::thread::Builder::new().name("chain".to_owned());
    let running = builder.stack_size(STACK).spawn(move || thread.run());
    let running = running.map_err(|error| start(error.to_string()))?;
    begun
        .recv()
        .unwrap_or_else(|_| Err(start("the chain's thread ended".to_owned())))?;
    Ok(running)
}

/// Why a chain does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// Its directory cannot be made or used.
    #[error("cannot use the chain's directory {}: {source}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process, or another handle of this one, runs the chain of this directory.
    #[error("the chain in {} is in use", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory holds another chain than the genesis begins.
    #[error("{} holds another chain: {found}", directory.display())]
    OtherChain {
        /// The directory.
        directory: PathBuf,
        /// The id of the chain in it.
        found: String,
    },
    /// It has voted, and what it remembered of voting and dealing is gone: with what is left it
    /// would contradict itself.
    #[error("the secrets in {} are lost, and the node has voted with them", folder.display())]
    SecretsLost {
        /// Where they were.
        folder: PathBuf,
    },
    /// Peers would not reach it: something else listens there, or it is not this machine's.
    #[error("cannot listen for other nodes at {listen}: {source}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The validator's keys are damaged, or not those of the genesis.
    #[error(transparent)]
    Validator(#[from] ValidatorKeyError),
    /// Its storage is damaged, or its thread could not be started.
    #[error("the chain does not start; its storage may be damaged: {cause}")]
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
    /// The work that was asked for came to a sudden end; the chain goes on.
    #[error("this node failed at it")]
    Failed,
    /// A final block, or its certificate, is not kept by this node any more, or was never, or is
    /// damaged on its disk; others have it.
    #[error("this node has no whole copy of block {height}; ask another")]
    Lost {
        /// The block.
        height: Height,
    },
}

impl From<SubmitError> for CallError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Full => Self::Busy { retry_ms: 100 },
            SubmitError::Refused(rule) => rule.into(),
            SubmitError::Stopped | SubmitError::Failed | SubmitError::Lost { .. } => {
                Self::Unavailable {
                    message: error.to_string(),
                }
            }
        }
    }
}
