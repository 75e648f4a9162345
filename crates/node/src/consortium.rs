//! What a node's service needs of the chain: so little that a simulation can be one too.

use std::time::Duration;

use rand::{SeedableRng as _, rngs::StdRng};
use yilian_protocol::{
    Height, StateKey, TimeMs, TransactionId, receipt::Receipt, refusal::Refusal,
    registry::Admitted, state::proof::ProvenState,
};

use crate::order::{Chain, EncodedTransaction, FinalBlock, Place, SubmitError};

/// The consortium's chain, as one node sees it, and the machine that the node runs on: its clock,
/// its randomness, its spare threads. Clones are the same.
pub trait ConsortiumChain: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The latest final block.
    fn latest(&self) -> Admitted;

    /// The later of the machine's clock and the latest block's time: a clock that was set back
    /// reopens nothing.
    fn now(&self) -> TimeMs;

    /// Transactions waiting for a block.
    fn waiting(&self) -> u64;

    /// Whether a transaction may enter a block at all. Takes milliseconds of work for a proof.
    ///
    /// # Errors
    /// The rule it breaks.
    fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal>;

    /// Has a transaction ordered; returns once it is final and on disk.
    ///
    /// # Errors
    /// As [`Chain::submit`].
    fn submit(
        &self,
        transaction: EncodedTransaction,
    ) -> impl Future<Output = Result<Place, SubmitError>> + Send;

    /// The receipt of a final transaction; `None` when it is not final.
    ///
    /// # Errors
    /// As [`Chain::receipt`].
    fn receipt(
        &self,
        id: TransactionId,
    ) -> impl Future<Output = Result<Option<Receipt>, SubmitError>> + Send;

    /// The values at `keys`, in their order.
    ///
    /// # Errors
    /// As [`Chain::state`].
    fn state(
        &self,
        keys: Vec<StateKey>,
    ) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, SubmitError>> + Send;

    /// What stands at each of `keys`, provable to a light client.
    ///
    /// # Errors
    /// As [`Chain::prove`].
    fn prove(
        &self,
        keys: Vec<StateKey>,
    ) -> impl Future<Output = Result<ProvenState, SubmitError>> + Send;

    /// The final block at `height`; `None` when the chain is not that high.
    ///
    /// # Errors
    /// As [`Chain::block`].
    fn block(
        &self,
        height: Height,
    ) -> impl Future<Output = Result<Option<FinalBlock>, SubmitError>> + Send;

    /// What consensus, peers and storage count, in the text form of OpenMetrics.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] when the chain has stopped.
    fn metrics(&self) -> impl Future<Output = Result<String, SubmitError>> + Send;

    /// Does `work` apart from the threads that serve the network: files, points of a curve.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] when the node stops meanwhile, [`SubmitError::Failed`] when the
    /// work panics: that is the work's own matter, and ends nobody who asks again.
    fn apart<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, SubmitError>> + Send;

    /// Lets time pass.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Randomness for one act.
    fn rng(&self) -> StdRng;

    /// Stops in good order.
    fn shutdown(&self);
}

impl ConsortiumChain for Chain {
    fn latest(&self) -> Admitted {
        Self::latest(self)
    }

    fn now(&self) -> TimeMs {
        crate::order::clock().max(self.latest().time)
    }

    fn waiting(&self) -> u64 {
        Self::waiting(self)
    }

    fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal> {
        Self::check(self, transaction)
    }

    async fn submit(&self, transaction: EncodedTransaction) -> Result<Place, SubmitError> {
        Self::submit(self, transaction).await
    }

    async fn receipt(&self, id: TransactionId) -> Result<Option<Receipt>, SubmitError> {
        Self::receipt(self, id).await
    }

    async fn state(&self, keys: Vec<StateKey>) -> Result<Vec<Option<Vec<u8>>>, SubmitError> {
        Self::state(self, &keys).await
    }

    async fn prove(&self, keys: Vec<StateKey>) -> Result<ProvenState, SubmitError> {
        Self::prove(self, &keys).await
    }

    async fn block(&self, height: Height) -> Result<Option<FinalBlock>, SubmitError> {
        Self::block(self, height).await
    }

    async fn metrics(&self) -> Result<String, SubmitError> {
        Self::metrics(self).await
    }

    async fn apart<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| match error.is_panic() {
            true => SubmitError::Failed,
            false => SubmitError::Stopped,
        })
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn rng(&self) -> StdRng {
        StdRng::from_rng(&mut rand::rng())
    }

    fn shutdown(&self) {
        Self::shutdown(self);
    }
}
