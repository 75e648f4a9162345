//! A block's transactions, one after another.

use std::borrow::Borrow;

use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{
    BlockId, ChainId, Height, MemberId, StateKey,
    grant::GrantChange,
    refusal::{Outcome, Refusal},
    registry::{Admitted, Genesis},
    state::StateMap,
    tx::{Body, Transaction, TransactionError},
};

use crate::{
    governance::Election,
    record,
    rule::{AnyRule, Context, Overlay},
    state::{StateError, View},
    trace,
    verdict::verdict,
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
    /// The block before it. Whoever proposes that block can turn its id by trying several, and
    /// nobody else can; see the elections.
    pub parent: BlockId,
}

/// What a block does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Values to set.
    pub writes: StateMap<Vec<u8>>,
    /// One for each transaction, in order.
    pub outcomes: Vec<Outcome>,
    /// Places of transactions for which nobody answers. They are refused; a block that holds one is
    /// not to be voted for.
    pub strangers: Vec<usize>,
}

/// A transaction that may enter a block, with what executing it needs again and again.
#[derive(Debug)]
pub struct Prepared {
    rule: AnyRule,
    signer: VerifyingKey,
    reads: Vec<StateKey>,
    /// How many of the reads, from the first, vetting takes.
    vetting: usize,
    bytes: usize,
}

impl Prepared {
    /// The change of a grant that the transaction makes, if that is what it does.
    #[must_use]
    pub const fn grant_change(&self) -> Option<&GrantChange> {
        self.rule.grant_change()
    }

    /// Who answers for it, so that one sender among many has no more than a share: the member that
    /// vouches for it, or else whoever signed it.
    #[must_use]
    pub fn sender(&self) -> [u8; 32] {
        let voucher = self.rule.voucher();
        voucher.map_or_else(|| self.signer.to_bytes(), MemberId::to_bytes)
    }

    /// Names what it can bring about, and who would: of those with the same name one takes effect
    /// in a block, however often its signer signs it anew, or puts it into other words.
    #[must_use]
    pub fn effect(&self) -> Vec<u8> {
        [&self.signer.to_bytes()[..], self.rule.effect().as_slice()].concat()
    }

    /// Every key that executing it may read.
    #[must_use]
    pub fn reads(&self) -> &[StateKey] {
        &self.reads
    }

    /// Every key that vetting it may read.
    #[must_use]
    pub fn vet_reads(&self) -> &[StateKey] {
        self.reads.get(..self.vetting).unwrap_or_default()
    }

    /// Bytes that it takes in memory, about.
    #[must_use]
    pub fn size(&self) -> usize {
        // What was read out of its encoding, and the keys, which its handles hold once more.
        self.bytes + 2 * size_of::<StateKey>() * self.reads.len()
    }
}

impl From<Transaction> for Prepared {
    fn from(transaction: Transaction) -> Self {
        let bytes = transaction.as_bytes().len();
        let (body, signer) = transaction.into_parts();
        let (rule, declared) = AnyRule::of(body);
        Self {
            rule,
            signer,
            reads: declared.keys,
            vetting: declared.authorising,
            bytes,
        }
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

    /// Whether `bytes` may enter a block at all: canonical, of this chain, signature good, for an
    /// append to traces its pass and proof, and for a seal its pseudonym's signature. Reads no
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
        match transaction.body() {
            Body::AppendTrace(append) => {
                trace::check(&self.genesis, self.chain, transaction.signer(), append)?;
            }
            Body::Seal(seal) => record::check(self.chain, seal)?,
            _ => {}
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
        Election::at(&self.genesis, height).map_or_else(Vec::new, |(_, reads)| reads)
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
        if let Some((election, _)) = Election::at(&self.genesis, context.admitted.height) {
            election.hold(&mut overlay, &self.genesis, context.parent)?;
        }
        let (mut outcomes, mut strangers) = (Vec::new(), Vec::new());
        for admitted in transactions {
            let authorised = match &admitted {
                Ok(prepared) => self.authorise(context.admitted, prepared.borrow(), &overlay)?,
                Err(refusal) => Err(*refusal),
            };
            if authorised.is_err() {
                strangers.push(outcomes.len());
            }
            outcomes.push(match (authorised, admitted) {
                (Ok(()), Ok(known)) => {
                    self.apply(context.admitted, known.borrow(), &mut overlay)?
                }
                (Err(refusal), _) | (_, Err(refusal)) => Outcome::Refused(refusal),
            });
        }
        Ok(Execution {
            writes: overlay.into_writes(),
            outcomes,
            strangers,
        })
    }

    /// Whether somebody answers for a transaction, so that it may be ordered: a look at a few
    /// values of the state, which [`Prepared::vet_reads`] names, in the block `next` or about then.
    ///
    /// # Errors
    /// Outer: the state is at fault. Inner: the rule it breaks.
    pub fn vet<V: View>(
        &self,
        next: Admitted,
        prepared: &Prepared,
        state: &V,
    ) -> Result<Result<(), Refusal>, StateError> {
        self.authorise(next, prepared, &Overlay::new(state))
    }

    fn authorise(
        &self,
        admitted: Admitted,
        prepared: &Prepared,
        state: &Overlay<'_>,
    ) -> Result<Result<(), Refusal>, StateError> {
        let context = self.context(admitted, prepared);
        verdict(prepared.rule.authorise(&context, state))
    }

    fn apply(
        &self,
        admitted: Admitted,
        prepared: &Prepared,
        state: &mut Overlay<'_>,
    ) -> Result<Outcome, StateError> {
        let context = self.context(admitted, prepared);
        let done = verdict(prepared.rule.apply(&context, state))?;
        Ok(done.map_or_else(Outcome::Refused, |()| Outcome::Applied))
    }

    const fn context<'a>(&'a self, admitted: Admitted, prepared: &'a Prepared) -> Context<'a> {
        Context {
            chain: self.chain,
            genesis: &self.genesis,
            admitted,
            signer: &prepared.signer,
        }
    }
}
