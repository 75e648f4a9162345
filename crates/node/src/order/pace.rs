//! When to propose, and how much.
//!
//! [`Paced`] stands above `Stateful` and delays a proposal until there is something to order: a
//! wait
//! *inside* a proposal would hold up finalisation. A view in which nothing arrived is given up (a
//! vote, no block), and the wait goes on in the next; so views stay short, and with them the time a
//! validator needs that lost its votes of the current view in a crash.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use commonware_consensus::{
    Application as ConsensusApplication, Handoff, marshal::ancestry::Ancestry,
};
use commonware_cryptography::Digested;
use yilian_protocol::limits::BLOCK_TRANSACTIONS_MAX;

use super::{mempool::Mempool, runtime::Runtime};

/// How long a view waits for transactions before it is given up.
const PATIENCE: Duration = Duration::from_millis(500);
/// A view whose leader has not proposed by then is given up by the others: [`PATIENCE`], and three
/// times the time that executing a block should take.
pub(super) const LEADER_TIMEOUT: Duration = Duration::from_secs(2);
/// A view that is not certified by then is given up. The longest standstill after a crash, and when
/// a node comes back to lead a view that some have given up and some have not: less than 3 s in any
/// case.
pub(super) const CERTIFICATION_TIMEOUT: Duration = Duration::from_millis(2_500);
/// What executing a block should take.
const EXECUTION: Duration = Duration::from_millis(500);

/// Delays proposals until there is something to order, or the chain was idle for long enough.
#[derive(Clone)]
pub(super) struct Paced<A> {
    inner: A,
    mempool: Arc<Mempool>,
    idle: Duration,
    /// The last proposal; the first one is made at once, for what a crash left undecided.
    proposed: Arc<Mutex<Option<SystemTime>>>,
}

impl<A> Paced<A> {
    pub fn new(inner: A, mempool: Arc<Mempool>, idle: Duration) -> Self {
        Self {
            inner,
            mempool,
            idle,
            proposed: Arc::default(),
        }
    }

    /// Waits; says whether a block is due.
    async fn due(&self, context: &impl Runtime) -> bool {
        let rest = self.proposed().map_or(Duration::ZERO, |last| {
            let since = context.current().duration_since(last);
            self.idle.saturating_sub(since.unwrap_or_default())
        });
        let mempool = Arc::clone(&self.mempool);
        let arrival = async move {
            while !mempool.has_fresh() {
                mempool.arrival().await;
            }
        };
        let arrived = context.timeout(rest.min(PATIENCE), arrival).await;
        arrived.is_ok() || rest <= PATIENCE
    }

    fn proposed(&self) -> Option<SystemTime> {
        *self.proposed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_proposal(&self, now: SystemTime) {
        let mut proposed = self.proposed.lock().unwrap_or_else(PoisonError::into_inner);
        *proposed = Some(now);
    }
}

impl<E: Runtime, A: ConsensusApplication<E>> ConsensusApplication<E> for Paced<A>
where
    A: Sync,
    A::Context: Send,
{
    type SigningScheme = A::SigningScheme;
    type Context = A::Context;
    type Block = A::Block;
    type Input = A::Input;

    async fn prepare(
        &mut self,
        context: (E, Self::Context),
        ancestry: impl Ancestry<Self::Block>,
        input: Self::Input,
    ) -> Handoff<Digested<Self::Block>> {
        self.inner.prepare(context, ancestry, input).await
    }

    async fn propose(
        &mut self,
        context: (E, Self::Context),
        ancestry: impl Ancestry<Self::Block>,
        input: Self::Input,
    ) -> Option<Digested<Self::Block>> {
        if !self.due(&context.0).await {
            return None;
        }
        let now = context.0.current();
        let block = self.inner.propose(context, ancestry, input).await?;
        self.note_proposal(now);
        Some(block)
    }

    async fn verify(
        &mut self,
        context: (E, Self::Context),
        ancestry: impl Ancestry<Self::Block>,
    ) -> bool {
        self.inner.verify(context, ancestry).await
    }
}

/// What executing a transaction takes, learned from the blocks proposed; bounds the next block,
/// which would else miss its view's timeout, and miss it again in the next view. Only a proposer's
/// choice: no rule depends on it.
#[derive(Debug, Clone)]
pub(super) struct Load {
    /// Nanoseconds a transaction.
    each: Arc<AtomicU64>,
}

impl Default for Load {
    /// A millisecond, until it is known better.
    fn default() -> Self {
        Self {
            each: Arc::new(AtomicU64::new(1_000_000)),
        }
    }
}

impl Load {
    /// How many transactions the next block may hold.
    pub fn limit(&self) -> usize {
        let each = u128::from(self.each.load(Ordering::Relaxed)).max(1);
        let count = usize::try_from(EXECUTION.as_nanos() / each).unwrap_or(usize::MAX);
        count.clamp(1, BLOCK_TRANSACTIONS_MAX)
    }

    /// Learns that a proposal took `time`: at once when that was slow, slowly when fast. `runs`
    /// says how many transactions were executed each time: what was dropped took its time, too,
    /// and is no sign that the rest is slow.
    pub fn learn(&self, runs: &[usize], time: Duration) {
        let count: usize = runs.iter().sum();
        let Some(now) = time.as_nanos().checked_div(count as u128) else {
            return;
        };
        let now = u64::try_from(now).unwrap_or(u64::MAX / 4);
        let before = self.each.load(Ordering::Relaxed);
        let smoothed = before - before / 4 + now / 4;
        self.each.store(smoothed.max(now), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_shrinks_at_once_and_grows_again() {
        let load = Load::default();
        load.learn(&[0], Duration::from_secs(1));
        assert_eq!(load.limit(), 500);
        load.learn(&[500], Duration::from_secs(5));
        assert_eq!(load.limit(), 50);
        for _ in 0..100 {
            load.learn(&[load.limit()], Duration::from_micros(1));
        }
        assert_eq!(load.limit(), BLOCK_TRANSACTIONS_MAX);
        load.learn(&[1], Duration::MAX);
        assert_eq!(load.limit(), 1, "one is always tried");
    }

    #[test]
    fn strangers_dropped_from_a_proposal_do_not_shrink_the_next() {
        let load = Load::default();
        // 499 of 500 are dropped in three runs, each a millisecond a transaction.
        load.learn(&[500, 250, 1], Duration::from_millis(751));
        assert_eq!(load.limit(), 500);
        load.learn(&[500, 0], Duration::from_millis(500));
        assert_eq!(load.limit(), 500, "none is left");
    }
}
