//! The ledger as the chain's state machine.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use yilian_ledger::{BlockContext, Ledger, state::Fetched};
use yilian_protocol::{StateKey, refusal::Refusal, registry::Admitted};

use crate::order::{Execution, StateMachine};

/// Adapts the pure ledger to what the chain asks of a state machine.
#[derive(Debug)]
pub struct LedgerMachine {
    ledger: Arc<Ledger>,
}

impl LedgerMachine {
    /// Runs `ledger`.
    #[must_use]
    pub const fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger }
    }
}

impl StateMachine for LedgerMachine {
    fn check(&self, transaction: &[u8]) -> Result<(), Refusal> {
        self.ledger.admit(transaction).map(drop)
    }

    fn reads(&self, transaction: &[u8]) -> Vec<StateKey> {
        self.ledger.reads(transaction)
    }

    /// # Panics
    /// When the state itself is damaged: a node that cannot execute what the others agreed on must stop, and be repaired from a copy.
    #[allow(
        clippy::panic,
        reason = "a damaged state must end the process, not vote"
    )]
    fn execute(
        &self,
        admitted: Admitted,
        transactions: &[Bytes],
        state: BTreeMap<StateKey, Option<Vec<u8>>>,
    ) -> Execution {
        let context = BlockContext { admitted };
        match self
            .ledger
            .execute(context, transactions, &Fetched::new(state))
        {
            Ok(execution) => Execution {
                writes: execution.writes,
                outcomes: execution.outcomes,
            },
            Err(error) => panic!("{error}"),
        }
    }
}
