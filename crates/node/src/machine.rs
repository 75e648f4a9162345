//! The ledger as the chain's state machine.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;
use yilian_ledger::{BlockContext, Ledger, Prepared, state::Fetched};
use yilian_protocol::{
    BlockId, GrantId, Height, StateKey, TransactionId,
    grant::GrantState,
    refusal::{Outcome, Refusal},
    registry::Admitted,
    state::{StateMap, tables::SEATS},
    tx::Transaction,
};

use crate::order::{Effect, EncodedTransaction, Execution, Sender, StateMachine};

/// Bytes of the transactions that are remembered: those on their way.
const REMEMBERED_MAX: usize = 24 * 1024 * 1024;

/// Adapts the pure ledger to what the chain asks of a state machine.
///
/// A transaction is met several times: when it arrives, when it is proposed, when the block is
/// voted for. Its points, signature and proof are checked at the first.
#[derive(Debug)]
pub struct LedgerMachine {
    ledger: Arc<Ledger>,
    remembered: Mutex<Remembered>,
    revoked: mpsc::UnboundedSender<GrantId>,
}

/// Transactions that may enter a block, by their id, which binds every byte.
#[derive(Debug, Default)]
struct Remembered {
    transactions: HashMap<TransactionId, Arc<Prepared>>,
    order: VecDeque<TransactionId>,
    bytes: usize,
}

impl Remembered {
    fn insert(&mut self, id: TransactionId, transaction: &Arc<Prepared>) {
        let size = transaction.size();
        if self
            .transactions
            .insert(id, Arc::clone(transaction))
            .is_some()
        {
            return;
        }
        self.order.push_back(id);
        self.bytes += size;
        while self.bytes > REMEMBERED_MAX {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if let Some(forgotten) = self.transactions.remove(&oldest) {
                self.bytes -= forgotten.size();
            }
        }
    }

    /// Forgets a transaction that nobody meets again.
    fn remove(&mut self, id: TransactionId) {
        if let Some(forgotten) = self.transactions.remove(&id) {
            self.bytes -= forgotten.size();
        }
        // They become final about in the order in which they came.
        while let Some(oldest) = self.order.front()
            && !self.transactions.contains_key(oldest)
        {
            self.order.pop_front();
        }
    }
}

impl LedgerMachine {
    /// Runs `ledger`, and tells of every grant that a final block revokes.
    #[must_use]
    pub fn new(ledger: Arc<Ledger>) -> (Self, mpsc::UnboundedReceiver<GrantId>) {
        let (revoked, receiver) = mpsc::unbounded_channel();
        let machine = Self {
            ledger,
            remembered: Mutex::default(),
            revoked,
        };
        (machine, receiver)
    }

    /// The transaction, if it may enter a block.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn admit(&self, transaction: &EncodedTransaction) -> Result<Arc<Prepared>, Refusal> {
        let id = transaction.id();
        if let Some(known) = self.remembered().transactions.get(&id) {
            return Ok(Arc::clone(known));
        }
        let admitted = self.ledger.admit(transaction.bytes())?;
        let prepared = Arc::new(Prepared::from(admitted));
        self.remembered().insert(id, &prepared);
        Ok(prepared)
    }

    /// No panic can leave the map half-changed.
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateMachine for LedgerMachine {
    fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal> {
        self.admit(transaction).map(drop)
    }

    fn sender(&self, transaction: &EncodedTransaction) -> Sender {
        let known = self.admit(transaction);
        Sender(known.map_or([0; 32], |known| known.sender()))
    }

    fn effect(&self, transaction: &EncodedTransaction) -> Option<Effect> {
        self.admit(transaction).ok().map(|known| effect(&known))
    }

    fn vet_reads(&self, transaction: &EncodedTransaction) -> Vec<StateKey> {
        let known = self.admit(transaction);
        known.map_or_else(|_| Vec::new(), |known| known.vet_reads().to_vec())
    }

    fn vet(
        &self,
        next: Admitted,
        transaction: &EncodedTransaction,
        state: StateMap<Option<Vec<u8>>>,
    ) -> Result<(), Refusal> {
        let known = self.admit(transaction)?;
        let vetted = self.ledger.vet(next, &known, &Fetched::new(state));
        // A damaged state ends the process when the next block is executed.
        vetted.unwrap_or(Ok(()))
    }

    fn reads(&self, transaction: &EncodedTransaction, keys: &mut Vec<StateKey>) {
        // What may not enter a block is executed to a refusal, and reads nothing.
        if let Ok(known) = self.admit(transaction) {
            keys.extend_from_slice(known.reads());
        }
    }

    fn standing_reads(&self, height: Height) -> Vec<StateKey> {
        self.ledger.standing_reads(height)
    }

    fn seats_key(&self, epoch: u64) -> Option<StateKey> {
        Some(SEATS.key(&epoch.to_be_bytes()))
    }

    fn finalized(&self, transactions: &[EncodedTransaction], outcomes: &[Outcome]) {
        let pairs = transactions.iter().zip(outcomes);
        let applied = pairs.filter(|(transaction, outcome)| {
            **outcome == Outcome::Applied && Transaction::may_set_grant(transaction.bytes())
        });
        for (transaction, _) in applied {
            if let Ok(known) = self.admit(transaction)
                && let Some(change) = known.grant_change()
                && change.state == GrantState::Revoked
            {
                let told = self.revoked.send(change.grant);
                // Nobody listens when the node is stopping; at its next start it looks for itself.
                debug_assert!(told.is_ok() || self.revoked.is_closed());
            }
        }
        let mut remembered = self.remembered();
        for transaction in transactions {
            remembered.remove(transaction.id());
        }
    }

    /// # Panics
    /// When the state itself is damaged: a node that cannot execute what the others agreed on must
    /// stop, and be repaired from a copy.
    #[allow(
        clippy::panic,
        reason = "a damaged state must end the process, not vote"
    )]
    fn execute(
        &self,
        admitted: Admitted,
        parent: BlockId,
        transactions: &[EncodedTransaction],
        state: StateMap<Option<Vec<u8>>>,
    ) -> Execution {
        let context = BlockContext { admitted, parent };
        let transactions = transactions.iter().map(|known| self.admit(known));
        let executed = self
            .ledger
            .execute_prepared(context, transactions, &Fetched::new(state));
        match executed {
            Ok(execution) => Execution {
                writes: execution.writes,
                outcomes: execution.outcomes,
                strangers: execution.strangers,
            },
            Err(error) => panic!("{error}"),
        }
    }
}

/// A revocation of a grant waits for no pause of it.
fn effect(known: &Prepared) -> Effect {
    let change = known.grant_change();
    Effect {
        name: known.effect(),
        outranks: change.is_some_and(|change| change.state == GrantState::Revoked),
    }
}

#[cfg(test)]
mod tests {
    use yilian_crypto::sign::SigningKey;
    use yilian_protocol::{
        CertificateId, ChainId, MemberId, codec::Text, grant::GrantChange, registry::Revocation,
        tx::Body,
    };

    use super::*;

    fn effect_of(seed: u8, body: Body) -> Effect {
        let key = SigningKey::from_seed(&[seed; 32]);
        let signed = Transaction::sign(ChainId::from_bytes([0; 32]), body, &key);
        effect(&Prepared::from(signed))
    }

    #[test]
    fn one_effect_under_many_ids_has_one_name() {
        let revoke = |reason: &str| {
            Body::Revoke(Revocation {
                member: MemberId::from_bytes([1; 32]),
                certificate: CertificateId::from_bytes([2; 32]),
                reason: Text::new(reason).unwrap(),
            })
        };
        let effect = effect_of(1, revoke("one"));
        assert_eq!(effect, effect_of(1, revoke("another")));
        assert_ne!(effect, effect_of(2, revoke("one")), "another's place");

        let set = |sequence, state| {
            let grant = GrantId::from_bytes([3; 32]);
            let change = GrantChange {
                grant,
                state,
                sequence,
            };
            effect_of(1, Body::SetGrant(change))
        };
        let paused = set(1, GrantState::Paused);
        assert_eq!(paused, set(1, GrantState::Active));
        assert_ne!(paused.name, set(2, GrantState::Paused).name);
        let revoked = set(1, GrantState::Revoked);
        assert_eq!(paused.name, revoked.name);
        assert!(revoked.outranks && !paused.outranks && !effect.outranks);
    }

    #[test]
    fn what_is_remembered_has_a_bound_and_the_oldest_goes_first() {
        let key = SigningKey::from_seed(&[1; 32]);
        let transaction = |number: u8| {
            let body = Body::Revoke(Revocation {
                member: MemberId::from_bytes([number; 32]),
                certificate: CertificateId::from_bytes([0; 32]),
                reason: Text::new("for the test").unwrap(),
            });
            let signed = Transaction::sign(ChainId::from_bytes([0; 32]), body, &key);
            (signed.id(), Arc::new(Prepared::from(signed)))
        };
        let (first, second, third) = (transaction(1), transaction(2), transaction(3));
        let mut remembered = Remembered::default();
        remembered.insert(first.0, &first.1);
        remembered.insert(first.0, &first.1);
        assert_eq!(remembered.bytes, first.1.size(), "counted once");
        remembered.bytes = REMEMBERED_MAX;
        remembered.insert(second.0, &second.1);
        assert!(!remembered.transactions.contains_key(&first.0));
        assert!(remembered.transactions.contains_key(&second.0));

        // Final in another order than they came, one of them twice: nothing is left of them.
        let mut remembered = Remembered::default();
        for (id, known) in [&first, &second, &third] {
            remembered.insert(*id, known);
        }
        for (id, _) in [&second, &first, &second, &third] {
            remembered.remove(*id);
        }
        assert!(remembered.transactions.is_empty() && remembered.order.is_empty());
        assert_eq!(remembered.bytes, 0);
    }
}
