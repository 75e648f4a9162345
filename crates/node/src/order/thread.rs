//! The chain's own thread: runs commonware's runtime, and answers queries out of the running parts.

use std::{
    any::Any,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use commonware_consensus::marshal::Identifier;
use commonware_cryptography::bls12381::primitives::group::Share;
use commonware_runtime::{
    Metrics as _, Runner as _, Spawner as _, Supervisor as _, tokio as runtime,
};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use yilian_protocol::{
    Height, StateKey,
    codec::{Blob, List},
    finality,
    limits::{DESCENDANTS_MAX, FINALITY_MAX},
    state::proof::ProvenState,
};

use super::{
    application::consensus_height,
    block::FinalBlock,
    chain::OrderError,
    directory::Claim,
    engine::{self, Engine, Parts},
    network::NodeNetwork,
    peering::Peering,
    runtime::Runtime,
    secrets::FileStore,
    state,
};

/// Queries answered at a time; fewer than the archive's mailbox holds, which would drop some.
const QUERIES_MAX: usize = 64;
/// Final blocks that wait for their execution at most: more than the marshal has on their way.
const APPLIED_BEHIND_MAX: usize = 32;
/// Threads for files. Each keeps memory of its own.
const BLOCKING_MAX: usize = 6;
/// What the process ends with when the chain fails.
const EXIT_CODE: i32 = 70;

/// What the handles ask for.
pub(super) enum Query {
    State(Vec<StateKey>, oneshot::Sender<Vec<Option<Vec<u8>>>>),
    Block(Height, oneshot::Sender<Option<FinalBlock>>),
    Proof(Vec<StateKey>, oneshot::Sender<Option<ProvenState>>),
    Metrics(oneshot::Sender<String>),
}

/// What the thread is given.
pub(super) struct Thread {
    pub directory: PathBuf,
    pub claim: Claim,
    pub peering: Option<Peering>,
    /// The share of the first epoch, if the node is of the first committee.
    pub share: Option<Share>,
    pub parts: Parts<FileStore>,
    pub queries: mpsc::Receiver<Query>,
    pub stop: Arc<Notify>,
    pub started: std::sync::mpsc::Sender<Result<(), OrderError>>,
}

impl Thread {
    /// Runs the chain until it is told to stop or all its handles are gone.
    pub fn run(self) {
        let Self {
            directory,
            claim,
            peering,
            share,
            parts,
            queries,
            stop,
            started,
        } = self;
        let options = runtime::Config::default()
            .with_storage_directory(directory)
            .with_worker_threads(2)
            .with_max_blocking_threads(BLOCKING_MAX)
            .with_catch_panics(false);
        let mempool = Arc::clone(&parts.mempool);
        let running = AtomicBool::new(false);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            runtime::Runner::new(options).start(async |context| {
                match Box::pin(begin(context.child("chain"), parts, share, peering)).await {
                    Ok(engine) => {
                        running.store(true, Ordering::SeqCst);
                        drop(started.send(Ok(())));
                        serve(&context, engine, queries, &stop).await;
                        // From here on parts end in any order, some of which take it for a fault:
                        // the library's ceremonies do when they have just begun.
                        running.store(false, Ordering::SeqCst);
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            });
        }));
        mempool.close();
        if let Err(panic) = ran {
            let cause = message(panic.as_ref());
            // While it starts there is somebody to tell, and nobody when it stops; between the two
            // the process must end, see the module's head.
            if running.load(Ordering::SeqCst) {
                // Past whatever captures what threads print: there is no other trace of it.
                drop(writeln!(io::stderr(), "fatal: the chain stopped: {cause}"));
                std::process::exit(EXIT_CODE);
            }
            drop(started.send(Err(OrderError::Start { cause })));
        }
        drop(claim);
    }
}

/// Starts the engine with files for secrets, and the network of a node.
async fn begin(
    context: runtime::Context,
    mut parts: Parts<FileStore>,
    share: Option<Share>,
    peering: Option<Peering>,
) -> Result<Engine<runtime::Context>, OrderError> {
    parts.secrets.begin(share).await;
    let (chain, identity) = (parts.genesis.chain(), parts.identity.clone());
    let network = NodeNetwork::start(&context, chain, identity, peering.as_ref());
    engine::start(context, parts, network).await
}

async fn serve(
    context: &runtime::Context,
    engine: Engine<runtime::Context>,
    mut queries: mpsc::Receiver<Query>,
    stop: &Notify,
) {
    let permits = Arc::new(Semaphore::new(QUERIES_MAX));
    loop {
        let query = tokio::select! {
            biased;
            () = stop.notified() => return,
            query = queries.recv() => query,
        };
        let (Some(query), Ok(permit)) = (query, Arc::clone(&permits).acquire_owned().await) else {
            return;
        };
        let query = match query {
            Query::Metrics(answer) => {
                drop(answer.send(context.encode()));
                continue;
            }
            query => query,
        };
        let engine = engine.clone();
        // A task of the runtime, whose panic ends the process.
        context.child("query").spawn(async move |_| {
            engine.answer(query).await;
            drop(permit);
        });
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown cause")
        .to_owned()
}

impl<E: Runtime> Engine<E> {
    /// Whoever asked may have gone away.
    async fn answer(&self, query: Query) {
        match query {
            Query::State(keys, answer) => drop(answer.send(self.state(&keys).await)),
            Query::Block(height, answer) => drop(answer.send(self.block(height).await)),
            Query::Proof(keys, answer) => drop(answer.send(self.prove(&keys).await)),
            // Answered where the runtime is.
            Query::Metrics(_) => {}
        }
    }

    pub async fn state(&self, keys: &[StateKey]) -> Vec<Option<Vec<u8>>> {
        state::read_latest(&self.states, &self.rows, keys).await
    }

    /// Proofs under the latest block whose state is applied; `None` when that block has no
    /// certificate yet, or is the genesis.
    pub async fn prove(&self, keys: &[StateKey]) -> Option<ProvenState> {
        let (root, proofs) = state::prove(&self.states, keys).await;
        let (latest, _) = self.archive.get_info(Identifier::Latest).await?;
        let mut height = Height::new(latest.get());
        // The state is applied after the archive has the block, and a little later.
        for _ in 0..APPLIED_BEHIND_MAX {
            let at = Identifier::Height(consensus_height(height));
            let header = self.archive.get_block(at).await?.inner().header.clone();
            if header.state == root {
                return Some(ProvenState {
                    header,
                    finality: self.finality(height).await?,
                    proofs: List::new(proofs).ok()?,
                });
            }
            height = Height::new(height.get().checked_sub(1)?);
        }
        None
    }

    pub async fn block(&self, height: Height) -> Option<FinalBlock> {
        let at = Identifier::Height(consensus_height(height));
        let block = self.archive.get_block(at).await?;
        let block = block.inner();
        let pairs = block.body.transactions.iter().cloned();
        Some(FinalBlock {
            header: block.header.clone(),
            finality: self.finality(height).await.unwrap_or_default(),
            transactions: pairs.zip(block.body.outcomes.iter().copied()).collect(),
        })
    }

    /// The certificate of the block at `height`, or of the lowest above it that has one.
    async fn finality(&self, height: Height) -> Option<Blob<FINALITY_MAX>> {
        if height == Height::new(0) {
            return None;
        }
        let (mut at, mut descendants) = (height, Vec::new());
        while descendants.len() <= DESCENDANTS_MAX {
            let certificate = self.archive.get_finalization(consensus_height(at)).await;
            if let Some(certificate) = certificate {
                let certificate = commonware_codec::Encode::encode(&certificate);
                return Blob::new(finality::encode(&certificate, descendants.iter())).ok();
            }
            at = at.next();
            let above = Identifier::Height(consensus_height(at));
            let above = self.archive.get_block(above).await?;
            descendants.push(above.inner().header.clone());
        }
        None
    }
}
