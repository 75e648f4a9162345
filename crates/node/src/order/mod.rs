//! Ordering: a chain of final blocks over a pure state machine.
//!
//! commonware's simplex consensus, its block archive (marshal) and its authenticated state (qmdb under `Stateful`) do the work; this module owns the one
//! concrete instantiation of them and hands out [`Chain`], which is small and not generic. Embedded, the chain has one validator and no network: the
//! same stack as for many, with a [`network`] that reaches nobody.
//!
//! ```text
//! submit -> mempool -> propose: peek, execute on the parent's state -> vote -> final: archive, state, index -> receipt
//! ```
//! # Durability
//! [`Chain::submit`] returns once the block is final, which is after the archive has it on disk. After a crash, blocks above the state's last checkpoint are executed again.
//!
//! # Faults of the storage
//! A node that cannot read or write its chain must not go on voting: the process ends with a message on standard error and exit code 70, for a supervisor
//! to restart it.

mod application;
mod block;
mod chain;
mod directory;
mod engine;
mod mempool;
mod network;
mod pace;
mod place;
mod thread;
mod validator;

use std::collections::BTreeMap;

use bytes::Bytes;
use yilian_protocol::{
    StateKey,
    refusal::{Outcome, Refusal},
    registry::Admitted,
};

pub use block::FinalBlock;
pub use chain::{Chain, ChainOptions, OrderError, SubmitError};
pub use place::Place;
pub use validator::{ValidatorKey, ValidatorKeyError};

/// What a chain orders transactions for. Pure: the same inputs give the same results on every node.
pub trait StateMachine: Send + Sync {
    /// Whether a transaction may enter a block at all; reads no state.
    ///
    /// # Errors
    /// The rule it breaks.
    fn check(&self, transaction: &[u8]) -> Result<(), Refusal>;

    /// Every key that executing the transaction may read.
    fn reads(&self, transaction: &[u8]) -> Vec<StateKey>;

    /// Executes a block's transactions in order, on `state`, which holds every key that they may read.
    fn execute(
        &self,
        admitted: Admitted,
        transactions: &[Bytes],
        state: BTreeMap<StateKey, Option<Vec<u8>>>,
    ) -> Execution;
}

/// What a block does to the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Values to set.
    pub writes: BTreeMap<StateKey, Vec<u8>>,
    /// What became of each transaction, in order.
    pub outcomes: Vec<Outcome>,
}
