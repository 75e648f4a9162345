//! A block's transactions, one after another.

use std::borrow::Borrow;

use yilian_protocol::{
    ChainId, Height, StateKey,
    refusal::{Outcome, Refusal},
    registry::{Admitted, Genesis},
    tx::{Body, Transaction, TransactionError},
};

use crate::{
    consent, governance, log,
    record::{self, PreparedSeal},
    registry,
    state::{Overlay, StateError, StateMap, View},
    trace,
};

/// The rules of one chain.
#[derive(Debug, Clone)]
pub struct Ledger {
    genesis: Genesis,
    chain: ChainId,
}

/// What the rules may know of the block they run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockContext {
    /// The block's height and time.
    pub admitted: Admitted,
}

/// What a block does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Values to set.
    pub writes: StateMap<Vec<u8>>,
    /// One for each transaction, in order.
    pub outcomes: Vec<Outcome>,
}

/// A transaction that may enter a block, with what executing it needs again and again.
#[derive(Debug)]
pub struct Prepared {
    transaction: Transaction,
    reads: Vec<StateKey>,
    seal: Option<PreparedSeal>,
}

impl Prepared {
    /// The transaction.
    #[must_use]
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Every key that executing it may read.
    #[must_use]
    pub fn reads(&self) -> &[StateKey] {
        &self.reads
    }

    /// Bytes that it takes in memory, about.
    #[must_use]
    pub fn size(&self) -> usize {
        // Its encoding, what was read out of it, and the keys.
        2 * self.transaction.as_bytes().len() + 2 * size_of::<StateKey>() * self.reads.len()
    }
}

impl From<Transaction> for Prepared {
    fn from(transaction: Transaction) -> Self {
        let (seal, reads) = match transaction.body() {
            Body::Seal(visit) => {
                let seal = PreparedSeal::of(visit);
                let reads = record::seal_reads(visit, &seal);
                (Some(seal), reads)
            }
            body => (None, reads_of(body)),
        };
        Self {
            transaction,
            reads,
            seal,
        }
    }
}

/// Every key that executing a transaction may read, but for a seal, see [`PreparedSeal`].
fn reads_of(body: &Body) -> Vec<StateKey> {
    match body {
        Body::Admit(member) => registry::admit_reads(member),
        Body::Certify(certificate) => registry::certify_reads(certificate),
        Body::Revoke(revocation) => registry::revoke_reads(revocation),
        Body::CreateGrant(grant) => consent::create_reads(grant),
        Body::SetGrant(change) => consent::set_reads(change),
        Body::AppendTrace(append) => trace::append_reads(append),
        Body::Erase(erasure) => consent::erase_reads(erasure),
        Body::Anchor(anchor) => log::anchor_reads(anchor),
        Body::Vote(vote) => registry::vote_reads(vote),
        Body::Open(opening) => consent::open_reads(opening),
        Body::Stand(candidacy) => governance::stand_reads(candidacy),
        Body::Elect(ballot) => governance::elect_reads(ballot),
        _ => Vec::new(),
    }
}

impl Ledger {
    /// The rules of the chain that `genesis` begins.
    #[must_use]
    pub fn new(genesis: Genesis) -> Self {
        let chain = genesis.chain();
        Self { genesis, chain }
    }

    /// What the chain began with.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The chain.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// Whether `bytes` may enter a block at all: canonical, of this chain, signature good, and for an append to traces its pass and proof. Reads no
    /// state.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn admit(&self, bytes: &[u8]) -> Result<Transaction, Refusal> {
        let transaction = Transaction::parse(bytes).map_err(|error| match error {
            TransactionError::Signature => Refusal::BadSignature,
            _ => Refusal::Malformed,
        })?;
        if transaction.chain() != self.chain {
            return Err(Refusal::WrongChain);
        }
        if let Body::AppendTrace(append) = transaction.body() {
            trace::check(&self.genesis, self.chain, transaction.signer(), append)?;
        }
        Ok(transaction)
    }

    /// Every key that executing the transaction may read.
    #[must_use]
    pub fn reads(&self, bytes: &[u8]) -> Vec<StateKey> {
        Transaction::decode_unverified(bytes).map_or_else(
            |_| Vec::new(),
            |transaction| Prepared::from(transaction).reads,
        )
    }

    /// Every key that a block at this height may read beside those of its transactions.
    #[must_use]
    pub fn standing_reads(&self, height: Height) -> Vec<StateKey> {
        governance::count_reads(&self.genesis, height)
    }

    /// Executes a block's transactions in order. Each takes effect whole or not at all.
    ///
    /// # Errors
    /// [`StateError`] when the state itself is at fault; the block is then not to be voted for.
    pub fn execute<V: View>(
        &self,
        context: BlockContext,
        transactions: &[impl AsRef<[u8]>],
        state: &V,
    ) -> Result<Execution, StateError> {
        let prepared = transactions
            .iter()
            .map(|bytes| self.admit(bytes.as_ref()).map(Prepared::from));
        self.execute_prepared(context, prepared, state)
    }

    /// The same, of transactions as [`Ledger::admit`] answered for them, now or before, made ready.
    ///
    /// # Errors
    /// As [`Ledger::execute`].
    pub fn execute_prepared<V: View, T: Borrow<Prepared>>(
        &self,
        context: BlockContext,
        transactions: impl IntoIterator<Item = Result<T, Refusal>>,
        state: &V,
    ) -> Result<Execution, StateError> {
        let mut overlay = Overlay::new(state);
        // Before the transactions: the election is of the state that stood before the block.
        governance::count(&mut overlay, &self.genesis, context.admitted.height)?;
        let mut outcomes = Vec::new();
        for admitted in transactions {
            outcomes.push(match admitted {
                Ok(prepared) => self.execute_one(context, prepared.borrow(), &mut overlay)?,
                Err(refusal) => Outcome::Refused(refusal),
            });
        }
        Ok(Execution {
            writes: overlay.into_writes(),
            outcomes,
        })
    }

    /// Every rule checks all before it writes anything, so a refusal leaves nothing behind; but for one, [`Refusal::TraceClosed`], which leaves an alarm.
    fn execute_one<V: View>(
        &self,
        BlockContext { admitted }: BlockContext,
        prepared: &Prepared,
        state: &mut Overlay<'_, V>,
    ) -> Result<Outcome, StateError> {
        let transaction = &prepared.transaction;
        let signer = transaction.signer();
        let done = match transaction.body() {
            Body::Admit(member) => registry::admit(state, &self.genesis, admitted, signer, member)?,
            Body::Certify(certificate) => registry::certify(state, admitted, signer, certificate)?,
            Body::Revoke(revocation) => {
                registry::revoke(state, &self.genesis, admitted, signer, revocation)?
            }
            Body::Seal(visit) => match &prepared.seal {
                Some(seal) => record::seal(state, admitted, signer, visit, seal)?,
                None => Err(Refusal::Malformed),
            },
            Body::CreateGrant(grant) => consent::create(state, admitted, signer, grant)?,
            Body::SetGrant(change) => consent::set(state, admitted, signer, change)?,
            Body::AppendTrace(append) => trace::append(state, admitted, append)?,
            Body::Erase(erasure) => consent::erase(state, admitted, signer, erasure)?,
            Body::Anchor(anchor) => log::anchor(state, admitted, signer, anchor)?,
            Body::Vote(vote) => registry::vote(state, &self.genesis, admitted, signer, vote)?,
            Body::Open(opening) => consent::open(state, self.chain, admitted, signer, opening)?,
            Body::Stand(candidacy) => {
                governance::stand(state, &self.genesis, self.chain, signer, candidacy)?
            }
            Body::Elect(ballot) => governance::elect(state, &self.genesis, signer, ballot)?,
            _ => Err(Refusal::Malformed),
        };
        Ok(done.map_or_else(Outcome::Refused, |()| Outcome::Applied))
    }
}

/// A rule's verdict: done, refused, or the state is at fault.
pub(crate) type Verdict = Result<Result<(), Refusal>, StateError>;

/// Leaves a rule with a refusal unless the condition holds.
macro_rules! require {
    ($condition:expr, $refusal:ident) => {
        if !$condition {
            return Ok(Err(yilian_protocol::refusal::Refusal::$refusal));
        }
    };
}
pub(crate) use require;

/// Leaves a rule with a refusal unless the option holds a value.
macro_rules! present {
    ($option:expr, $refusal:ident) => {
        match $option {
            Some(value) => value,
            None => return Ok(Err(yilian_protocol::refusal::Refusal::$refusal)),
        }
    };
}
pub(crate) use present;
