//! The consortium's rules, as a pure function: `execute(state, block) -> (writes, outcomes)`.
//!
//! There is no clock, randomness, float, I/O or hash-map iteration here, so every node computes the
//! same. A transaction that breaks a rule stands in the block with the
//! [`Refusal`](yilian_protocol::refusal::Refusal) as its outcome and changes nothing.
//!
//! State is a map from [`StateKey`](yilian_protocol::StateKey) to canonical bytes.
//! [`Ledger::reads`] names every key that a transaction may read, so that the node can fetch them
//! before [`Ledger::execute`]. Each kind of body has a rule (`rule.rs`) that declares its reads
//! first and can read nothing else; a read outside the fetched keys ends the execution with
//! [`StateError::Undeclared`].

#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]

pub mod consent;
mod disclosure;
mod execute;
mod governance;
mod private_chain;
pub mod record;
pub mod registry;
mod rule;
mod search;
pub mod state;
mod trace;
mod verdict;

pub use execute::{BlockContext, Execution, Ledger, Prepared};
pub use state::StateError;
