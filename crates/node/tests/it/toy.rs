//! A toy state machine, and chains over it.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use yilian_crypto::{pseudonym::RegulatorSecret, sign::SigningKey};
use yilian_node::order::{
    Chain, ChainOptions, EncodedTransaction, Execution, OrderError, StateMachine, ValidatorKey,
};
use yilian_protocol::{
    BlockId, Height, StateKey, TimeMs,
    codec::{Blob, Encode as _, Text},
    governance::{EpochBlocks, Seats},
    refusal::{Outcome, Refusal},
    registry::{Admitted, Genesis},
    state::{StateMap, tables::SEATS},
};

/// A transaction `key value` sets a value once.
pub struct Toy;

impl StateMachine for Toy {
    fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal> {
        if transaction.size() == 0 {
            Err(Refusal::Malformed)
        } else {
            Ok(())
        }
    }

    fn reads(&self, transaction: &EncodedTransaction, keys: &mut Vec<StateKey>) {
        keys.push(key(transaction.bytes()));
    }

    fn execute(
        &self,
        _admitted: Admitted,
        _parent: BlockId,
        transactions: &[EncodedTransaction],
        mut state: StateMap<Option<Vec<u8>>>,
    ) -> Execution {
        let mut execution = Execution {
            writes: StateMap::default(),
            outcomes: Vec::new(),
            strangers: Vec::new(),
        };
        for transaction in transactions.iter().map(EncodedTransaction::bytes) {
            let slot = state
                .get_mut(&key(transaction))
                .expect("only declared keys are read");
            if slot.is_some() {
                execution
                    .outcomes
                    .push(Outcome::Refused(Refusal::RecordExists));
                continue;
            }
            *slot = Some(transaction.to_vec());
            execution
                .writes
                .insert(key(transaction), transaction.to_vec());
            execution.outcomes.push(Outcome::Applied);
        }
        execution
    }
}

/// The toy, with validators that were chosen before: those of the epoch, or the last.
pub struct Chosen {
    pub epoch_blocks: EpochBlocks,
    pub seats: Vec<Seats>,
}

impl Chosen {
    fn elected(&self, height: Height) -> Option<(StateKey, Vec<u8>)> {
        let epoch = self.epoch_blocks.elects(height)?;
        let last = self.seats.len() - 1;
        let place = usize::try_from(epoch - 2).unwrap().min(last);
        Some((SEATS.key(&epoch.to_be_bytes()), self.seats[place].to_vec()))
    }
}

impl StateMachine for Chosen {
    fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal> {
        Toy.check(transaction)
    }

    fn reads(&self, transaction: &EncodedTransaction, keys: &mut Vec<StateKey>) {
        Toy.reads(transaction, keys);
    }

    fn standing_reads(&self, height: Height) -> Vec<StateKey> {
        self.elected(height)
            .map(|(key, _)| key)
            .into_iter()
            .collect()
    }

    fn seats_key(&self, epoch: u64) -> Option<StateKey> {
        Some(SEATS.key(&epoch.to_be_bytes()))
    }

    fn execute(
        &self,
        admitted: Admitted,
        parent: BlockId,
        transactions: &[EncodedTransaction],
        state: StateMap<Option<Vec<u8>>>,
    ) -> Execution {
        let mut execution = Toy.execute(admitted, parent, transactions, state);
        execution.writes.extend(self.elected(admitted.height));
        execution
    }
}

/// The first word names the value.
pub fn key(transaction: &[u8]) -> StateKey {
    StateKey::of(
        "toy",
        transaction
            .split(|byte| *byte == b' ')
            .next()
            .unwrap_or_default(),
    )
}

pub fn genesis(validator: &ValidatorKey) -> Genesis {
    Genesis {
        name: Text::new("toy").unwrap(),
        created: TimeMs::new(1),
        ca: SigningKey::from_seed(&[1; 32]).verifying_key(),
        regulators: RegulatorSecret::from_seed(&[2; 32]).public().into(),
        group_key: Blob::new(validator.group_key().unwrap().to_vec()).unwrap(),
        governance: validator.alone(EpochBlocks::DEFAULT).unwrap(),
    }
}

pub fn start(directory: &Path, validator: &ValidatorKey) -> Chain {
    try_start(directory, validator, genesis(validator)).unwrap()
}

/// Answers for fewer transactions than it is asked about.
pub struct Broken;

impl StateMachine for Broken {
    fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal> {
        Toy.check(transaction)
    }

    fn reads(&self, transaction: &EncodedTransaction, keys: &mut Vec<StateKey>) {
        Toy.reads(transaction, keys);
    }

    fn execute(
        &self,
        admitted: Admitted,
        parent: BlockId,
        transactions: &[EncodedTransaction],
        state: StateMap<Option<Vec<u8>>>,
    ) -> Execution {
        let mut execution = Toy.execute(admitted, parent, transactions, state);
        execution.outcomes.pop();
        execution
    }
}

pub fn try_start(
    directory: &Path,
    validator: &ValidatorKey,
    genesis: Genesis,
) -> Result<Chain, OrderError> {
    let options = ChainOptions::new(directory.to_owned(), genesis, validator.clone());
    Chain::start(options, Arc::new(Toy))
}

pub fn transaction(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
