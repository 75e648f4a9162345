//! The state machine under consensus: proposes blocks, verifies those of others, applies final
//! ones.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use commonware_consensus::{marshal::ancestry::Ancestry, simplex::types::Context};
use commonware_cryptography::{
    Digestible as _,
    blake3::Digest,
    bls12381::primitives::variant::MinSig,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_glue::{
    dkg::{network::Addresses, reshare},
    stateful::{Application as StatefulApplication, Finality, Input, Proposed, db::DatabaseSet},
};
use futures::StreamExt as _;
use tokio::sync::watch;
use yilian_protocol::{
    BlockId, ChainId, Height, StateKey, TimeMs, TransactionId,
    codec::{Decode as _, Encode as _},
    limits::STATE_VALUE_MAX,
    refusal::Outcome,
    registry::Admitted,
};

use super::{
    Execution, StateMachine,
    block::{BODY_MAX, Block, Body},
    encoded::EncodedTransaction,
    mempool::Mempool,
    once::{self, Written},
    pace::Load,
    place::{Place, place_key},
    row_index::RowIndex,
    runtime::Runtime,
    state::{self, Batch, Sealed, States},
    validator::Scheme,
};

/// A block may be at most this far ahead of its parent in time. A genesis may be of any time.
const TIME_STEP_MAX_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1_000;
/// A block may be at most this far ahead of a voter's clock: 5 s. What is further ahead waits for
/// other voters, or for a later view.
const CLOCK_AHEAD_MAX_MS: u64 = 5_000;

#[derive(Clone)]
pub(super) struct Application {
    pub chain: ChainId,
    pub genesis: Block,
    pub machine: Arc<dyn StateMachine>,
    pub mempool: Arc<Mempool>,
    pub latest: watch::Sender<Admitted>,
    pub load: Load,
    pub rows: Arc<RowIndex>,
}

impl Application {
    /// Executes `transactions` on the state of `batch`, and seals what that makes of it; `None`
    /// when one of them was executed before.
    async fn execute<E: Runtime>(
        &self,
        at: Position,
        transactions: &[EncodedTransaction],
        batch: Batch<E>,
    ) -> Option<Executed<E>> {
        let run = self.run(at, transactions, &batch).await?;
        Some(Self::seal(at, run, batch).await)
    }

    /// What executing `transactions` on the state of `batch` would do; `None` when one of them was
    /// executed before.
    async fn run<E: Runtime>(
        &self,
        Position { admitted, parent }: Position,
        transactions: &[EncodedTransaction],
        batch: &Batch<E>,
    ) -> Option<Run> {
        let places: Vec<StateKey> = transactions
            .iter()
            .map(|transaction| place_key(transaction.id()))
            .collect();
        let mut seen = HashSet::new();
        if !places.iter().all(|key| seen.insert(*key)) {
            return None;
        }
        let mut keys = Vec::new();
        for transaction in transactions {
            self.machine.reads(transaction, &mut keys);
        }
        keys.extend(self.machine.standing_reads(admitted.height));
        keys.extend(&places);
        let mut state = state::read(batch, &self.rows, &keys).await;
        if places
            .iter()
            .any(|key| state.get(key).is_some_and(Option::is_some))
        {
            return None;
        }
        state.retain(|key, _| !seen.contains(key));
        let written: HashSet<StateKey> = state
            .iter()
            .filter(|(key, value)| key.is_once() && value.is_some())
            .map(|(key, _)| *key)
            .collect();

        let execution = self.machine.execute(admitted, parent, transactions, state);
        let sound = execution.outcomes.len() == transactions.len()
            && execution.writes.iter().all(|(key, value)| {
                value.len() <= STATE_VALUE_MAX && !seen.contains(key) && !written.contains(key)
            });
        if !sound {
            fault(&"the state machine's answer does not fit its block");
        }
        Some(Run { places, execution })
    }

    async fn seal<E: Runtime>(
        Position { admitted, .. }: Position,
        Run { places, execution }: Run,
        batch: Batch<E>,
    ) -> Executed<E> {
        let indexed = places.into_iter().zip(0_u32..).zip(&execution.outcomes);
        let noted = indexed.map(|((key, index), outcome)| {
            let place = Place {
                height: admitted.height,
                index,
                outcome: *outcome,
            };
            (key, place.to_vec())
        });
        let writes = execution.writes.into_iter().chain(noted);
        let (sealed, written) = state::write(batch, writes).await;
        Executed {
            sealed,
            outcomes: execution.outcomes,
            strangers: execution.strangers,
            written,
        }
    }

    /// Executes those of `transactions` for which somebody answers. The others leave the pool: they
    /// were let in by a state that is no more. Says how many each run executed.
    async fn execute_answered<E: Runtime>(
        &self,
        at: Position,
        transactions: &mut Vec<EncodedTransaction>,
        batch: Batch<E>,
    ) -> Option<(Executed<E>, Vec<usize>)> {
        let mut runs = Vec::new();
        loop {
            let run = self.run(at, transactions, &batch).await?;
            runs.push(transactions.len());
            if run.execution.strangers.is_empty() {
                return Some((Self::seal(at, run, batch).await, runs));
            }
            let strangers: HashSet<usize> = run.execution.strangers.iter().copied().collect();
            let mut outcomes = run.execution.outcomes.iter().enumerate();
            transactions.retain(|transaction| match outcomes.next() {
                Some((place, Outcome::Refused(refusal))) if strangers.contains(&place) => {
                    self.mempool.refuse(transaction.id(), *refusal);
                    false
                }
                _ => true,
            });
        }
    }
}

/// Where a block stands.
#[derive(Debug, Clone, Copy)]
struct Position {
    admitted: Admitted,
    parent: BlockId,
}

/// What executing a block would do.
struct Run {
    /// Where the transactions' places are noted.
    places: Vec<StateKey>,
    execution: Execution,
}

impl<E: Runtime> StatefulApplication<E> for Application {
    type SigningScheme = Scheme;
    type Context = Context<Digest, PublicKey>;
    type Block = Block;
    type Databases = States<E>;
    type Captured = ();
    type Provider = ();
    type Input = reshare::Input<(), MinSig, PrivateKey, Addresses<PublicKey>>;

    fn sync_targets(block: &Block) -> <States<E> as DatabaseSet<E>>::SyncTargets {
        (block.state.operations.clone(), block.state.once.clone())
    }

    async fn genesis(&mut self) -> Block {
        self.genesis.clone()
    }

    async fn propose(
        &mut self,
        (runtime, context): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
        batch: Batch<E>,
        input: Input<<Self as StatefulApplication<E>>::Input, ()>,
    ) -> Option<Proposed<Self, E>> {
        let parent = ancestry.next().await?;
        let below = parent.inner();
        let taken = self.taken(below, ancestry).await;
        let chosen = self.mempool.peek(self.load.limit(), BODY_MAX, &taken);
        // A transaction may have become final between its arrival and now.
        let places: Vec<StateKey> = chosen.iter().map(|one| place_key(one.id())).collect();
        let noted = state::read(&batch, &self.rows, &places).await;
        let mut transactions = Vec::with_capacity(chosen.len());
        for (transaction, place) in chosen.into_iter().zip(&places) {
            match noted.get(place).and_then(Option::as_deref) {
                None => transactions.push(transaction),
                Some(place) => {
                    if let Ok(place) = Place::from_slice(place) {
                        self.mempool.finish(transaction.id(), place);
                    }
                }
            }
        }
        let admitted = Admitted {
            height: below.header.height.next(),
            time: time_of(runtime.current()).max(below.header.time),
        };
        let at = Position {
            admitted,
            parent: below.header.id(),
        };
        let begun = runtime.current();
        let executed = self.execute_answered(at, &mut transactions, batch);
        let (executed, runs) = executed.await?;
        let took = runtime.current().duration_since(begun);
        self.load.learn(&runs, took.unwrap_or_default());
        let Executed {
            sealed,
            outcomes,
            written,
            ..
        } = executed;
        once::note_written(&self.rows, &written);
        let state = state::target(&sealed);
        let parent = parent.digest();
        let body = Body {
            transactions,
            outcomes,
            handover: input.upstream.payload,
        };
        let block = Block::new(self.chain, admitted, parent, context, state, body);
        Some(Proposed {
            block,
            merkleized: sealed,
        })
    }

    async fn process(
        &mut self,
        (runtime, _): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
        batch: Batch<E>,
        finality: Finality,
    ) -> Option<Sealed<E>> {
        let block = ancestry.next().await?;
        if finality == Finality::Candidate {
            let parent = ancestry.next().await?;
            let now = time_of(runtime.current());
            self.follows(parent.inner(), block.inner(), now)
                .then_some(())?;
            let transactions = block.inner().body.transactions.iter();
            self.mempool
                .offered(transactions.map(EncodedTransaction::id));
        }
        let block = block.inner();
        let at = Position {
            admitted: block.admitted(),
            parent: block.header.parent,
        };
        let Executed {
            sealed,
            outcomes,
            strangers,
            written,
        } = self.execute(at, &block.body.transactions, batch).await?;
        if finality == Finality::Candidate && !strangers.is_empty() {
            return None;
        }
        if outcomes != block.body.outcomes || state::target(&sealed) != block.state {
            return None;
        }
        once::note_written(&self.rows, &written);
        Some(sealed)
    }

    async fn capture(
        &mut self,
        _context: (E, Self::Context),
        _block: &Block,
        _sealed: &Sealed<E>,
        _readers: <States<E> as DatabaseSet<E>>::Readers,
    ) {
    }

    async fn finalized(
        &mut self,
        _context: (E, Self::Context),
        block: &Block,
        (): (),
        _readers: <States<E> as DatabaseSet<E>>::Readers,
    ) {
        self.rows.settle(*block.state.once.range.end());
        self.latest.send_if_modified(|latest| {
            let higher = block.header.height > latest.height;
            if higher {
                *latest = block.admitted();
            }
            higher
        });
        let Body {
            transactions,
            outcomes,
            ..
        } = &block.body;
        let pairs = transactions.iter().zip(outcomes).zip(0_u32..);
        for ((transaction, outcome), index) in pairs {
            let place = Place {
                height: block.header.height,
                index,
                outcome: *outcome,
            };
            self.mempool.finish(transaction.id(), place);
        }
        self.machine.finalized(transactions, outcomes);
    }
}

/// What executing a block gives. Once the block is known to be sound, what it wrote is noted.
struct Executed<E: Runtime> {
    sealed: Sealed<E>,
    outcomes: Vec<Outcome>,
    strangers: Vec<usize>,
    written: Written,
}

impl Application {
    /// The transactions of `parent` and the blocks below it that are not final yet.
    async fn taken(
        &self,
        parent: &Block,
        mut below: impl Ancestry<Block>,
    ) -> HashSet<TransactionId> {
        let ids = |block: &Block| -> Vec<TransactionId> {
            let transactions = block.body.transactions.iter();
            transactions.map(EncodedTransaction::id).collect()
        };
        let mut taken: HashSet<TransactionId> = ids(parent).into_iter().collect();
        let mut height = parent.header.height;
        while height > self.latest.borrow().height {
            let Some(block) = below.next().await else {
                break;
            };
            taken.extend(ids(block.inner()));
            height = block.inner().header.height;
        }
        taken
    }

    /// The rules of a block that execution does not check.
    fn follows(&self, parent: &Block, block: &Block, now: TimeMs) -> bool {
        let (before, after) = (&parent.header, &block.header);
        after.chain == self.chain
            && after.height == before.height.next()
            && after.parent == before.id()
            && after.time >= before.time
            && after.time.get() <= now.max(before.time).get() + CLOCK_AHEAD_MAX_MS
            && (before.height == Height::new(0)
                || after.time.distance_ms(before.time) <= TIME_STEP_MAX_MS)
    }
}

/// This machine's clock.
pub(crate) fn clock() -> TimeMs {
    time_of(SystemTime::now())
}

pub(super) fn time_of(moment: SystemTime) -> TimeMs {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Storage or state machine failed: nothing may be voted for on a state that is not known.
#[allow(clippy::panic, reason = "ends the process; see the module `order`")]
pub(super) fn fault(error: &dyn std::fmt::Display) -> ! {
    panic!("fault of storage or state machine: {error}")
}

/// Heights of the protocol and of consensus are the same numbers.
pub(super) const fn consensus_height(height: Height) -> commonware_consensus::types::Height {
    commonware_consensus::types::Height::new(height.get())
}
