//! Ordering: a chain of final blocks over a pure state machine.
//!
//! commonware's simplex consensus, its block archive (marshal) and its authenticated state (qmdb
//! under `Stateful`) do the work; this module owns the one concrete instantiation of them and hands
//! out [`Chain`], which is small and not generic. Embedded, the chain has one validator and no
//! network: the same stack as for many, with a network that reaches nobody.
//!
//! ```text
//! submit -> mempool -> propose: peek, execute on the parent's state -> vote
//!        -> final: archive, state, place of each transaction -> receipt
//! ```
//! # Durability
//! [`Chain::submit`] returns once the block is final, which is after the archive has it on disk,
//! synced. After a crash, blocks above the state's last checkpoint are executed again before
//! anybody is answered, and voting goes on above the archive's latest block. Votes that were lost
//! are not cast again: their view is given up after 2.5 s, and a block whose certificate was lost
//! is final by that of the next block, see [`yilian_protocol::finality`].
//!
//! # Faults of the storage
//! A node that cannot read or write its chain must not go on voting: it does not start
//! ([`OrderError::Start`]), or the process ends with a message on standard error and exit code 70,
//! for a supervisor to restart it. A final block that is damaged is an error to whoever asks for it
//! ([`SubmitError::Lost`]) and stops nothing else.
//!
//! # Time
//! A voter checks that a block's time does not run back, and is not more than 5 s ahead of its own
//! clock. With one validator the chain's time is that validator's word.
//!
//! # Epochs
//! Validators change between epochs: the state machine elects, the elected get shares of the group
//! key from those who hold them (commonware's `dkg::reshare`), and a consensus engine for each
//! epoch follows the one before (`dkg::orchestrator`). The group key stays, so a light client needs
//! to know nothing of epochs.
//!
//! # Many nodes
//! [`Peering`] says whom a node dials and whom it lets in. Validators vote; followers verify every
//! block and tell their hubs what is submitted to them. Messages are bounded in size and number for
//! each peer, and who sends what no honest node does is blocked.

mod application;
mod block;
mod ceremony;
mod chain;
mod directory;
mod encoded;
mod engine;
mod epochs;
mod forget;
mod gossip;
mod mempool;
mod network;
mod once;
mod pace;
mod peering;
mod place;
mod row_index;
mod row_page;
mod runtime;
mod secrets;
#[cfg(feature = "simulation")]
pub mod simulation;
mod state;
mod sync;
mod thread;
mod validator;

use yilian_protocol::{
    BlockId, Height, StateKey,
    refusal::{Outcome, Refusal},
    registry::Admitted,
    state::StateMap,
};

pub(crate) use application::clock;
pub use block::FinalBlock;
pub use ceremony::{CeremonyError, CeremonyOptions, hold};
pub use chain::{Chain, ChainOptions, OrderError, SubmitError};
pub use encoded::EncodedTransaction;
pub(crate) use forget::IdleChain;
pub use forget::{ForgetError, Forgotten};
pub use peering::{History, Peer, PeerId, PeerIdError, Peering};
pub use place::Place;
pub use validator::{Committee, NodeIdentity, ValidatorKey, ValidatorKeyError, founded_by};

/// What a chain orders transactions for. Pure: the same inputs give the same results on every node.
pub trait StateMachine: Send + Sync {
    /// Whether a transaction may enter a block at all; reads no state.
    ///
    /// # Errors
    /// The rule it breaks.
    fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal>;

    /// Who answers for a transaction: the pool gives each sender its turn, see [`Sender`]. One
    /// sender for all, unless the machine knows better.
    fn sender(&self, _transaction: &EncodedTransaction) -> Sender {
        Sender([0; 32])
    }

    /// What a transaction can bring about, see [`Effect`]. Nothing is known of it, unless the
    /// machine knows better.
    fn effect(&self, _transaction: &EncodedTransaction) -> Option<Effect> {
        None
    }

    /// Every key that [`StateMachine::vet`] may read.
    fn vet_reads(&self, _transaction: &EncodedTransaction) -> Vec<StateKey> {
        Vec::new()
    }

    /// Whether somebody answers for a transaction, by the state after the latest block: what fails
    /// is not ordered. `next` is about where it would stand.
    ///
    /// # Errors
    /// The rule it breaks.
    fn vet(
        &self,
        _next: Admitted,
        _transaction: &EncodedTransaction,
        _state: StateMap<Option<Vec<u8>>>,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    /// Adds every key that executing the transaction may read to `keys`.
    fn reads(&self, transaction: &EncodedTransaction, keys: &mut Vec<StateKey>);

    /// Every key that a block at this height may read beside those of its transactions.
    fn standing_reads(&self, _height: Height) -> Vec<StateKey> {
        Vec::new()
    }

    /// Where the state says who makes shares in an epoch and votes in the next
    /// ([`Seats`](yilian_protocol::governance::Seats)), a quarter into the epoch before the epoch
    /// before; `None` when the validators of the genesis stay for ever.
    fn seats_key(&self, _epoch: u64) -> Option<StateKey> {
        None
    }

    /// Told of every block that became final, in order; of some again after a restart.
    fn finalized(&self, _transactions: &[EncodedTransaction], _outcomes: &[Outcome]) {}

    /// Executes a block's transactions in order, on `state`, which holds every key that they may
    /// read. The block follows `parent`.
    fn execute(
        &self,
        admitted: Admitted,
        parent: BlockId,
        transactions: &[EncodedTransaction],
        state: StateMap<Option<Vec<u8>>>,
    ) -> Execution;
}

/// What a block does to the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Values to set.
    pub writes: StateMap<Vec<u8>>,
    /// What became of each transaction, in order.
    pub outcomes: Vec<Outcome>,
    /// Places of transactions for which nobody answers. A block that holds one is not voted for.
    pub strangers: Vec<usize>,
}

/// Whom the pool takes for one sender: no sender has more than a share of it, whatever it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sender(pub [u8; 32]);

/// What a transaction can bring about once only: of those with one effect the pool keeps one, so
/// that nobody fills it, and blocks, with copies of the same that differ in their signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Names it, and whoever would bring it about: nobody takes another's place.
    pub name: Vec<u8>,
    /// Whether it takes the place of one that does not, and waits.
    pub outranks: bool,
}
