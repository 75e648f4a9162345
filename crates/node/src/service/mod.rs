//! What a node does with a call: the one place where chain, ledger, ciphertext store and key holder
//! meet. A file for each contract of [`yilian_protocol::call`].
//!
//! ```text
//! seal ----> author certified? -> objects match records? -> store (fsync) -> sign as hospital
//!            -> private chain -> order -> receipt
//! ask -----> fetch state at the latest final height -> ledger::consent::check -> ConsentChecked
//!            -> key holder
//! others --> order, or a read of the state
//! ```
//! A node can read no record: nothing here, or in any crate it links, knows what a record's
//! plaintext looks like. It is generic over the chain and the way to its neighbours: a simulation
//! runs the same service.

mod chain;
mod consent;
mod mailbox;
mod private_chain;
mod record;
mod search;
mod start;
mod trace;

use std::sync::Arc;

use yilian_ledger::{
    Ledger, StateError,
    state::{Fetched, Table, View as _},
};
use yilian_protocol::{
    CertificateId, MemberId, StateKey,
    call::{Answered, Call, CallError, Local, Transport},
    codec::Decode,
    limits::HOPS_MAX,
    refusal::Refusal,
    standing::CertifiedPerson,
    state::tables::{CERTIFICATE, MEMBER},
};

use crate::{
    answered::AnsweredAsks,
    background::Background,
    consortium::ConsortiumChain,
    erasure::Eraser,
    keyholder::KeyHolder,
    mailbox::{MailStore, MailSweeper, Proofs, Unproven},
    neighbours::{HttpNeighbour, Neighbours},
    order::Chain,
    private_chain::{Anchoring, PrivateChain, PrivateChainKeeper, PrivateChainTask},
    store::{Store, StoreError},
};

pub use crate::hosted_members::HostedMembers;
pub use start::{NodeError, NodeOptions};

/// One node: over the consortium's chain `C`, with neighbours that are reached by `N`.
#[derive(Debug)]
pub struct Node<C: ConsortiumChain = Chain, N = HttpNeighbour> {
    chain: C,
    ledger: Arc<Ledger>,
    store: Arc<Store>,
    holder: Arc<KeyHolder>,
    answered: Arc<AnsweredAsks>,
    mail: Arc<MailStore>,
    proofs: Proofs,
    unproven: Unproven,
    identities: Arc<dyn HostedMembers>,
    neighbours: Neighbours<N>,
    private: PrivateChainKeeper,
    background: Vec<Background>,
}

/// What a node is made of.
#[derive(Debug)]
pub struct Parts<C, N> {
    /// The consortium's chain.
    pub chain: C,
    /// Its rules.
    pub ledger: Arc<Ledger>,
    /// Sealed objects.
    pub store: Arc<Store>,
    /// Shares of rekeys.
    pub holder: Arc<KeyHolder>,
    /// Mailboxes.
    pub mail: Arc<MailStore>,
    /// Private chains.
    pub log: Arc<PrivateChain>,
    /// Whether a block of a private chain is closed only when another workstation checked it.
    pub checked_log: bool,
    /// The members it acts for.
    pub identities: Arc<dyn HostedMembers>,
    /// Other nodes.
    pub neighbours: Neighbours<N>,
}

/// What a node has to do of its own accord, for whoever gives it a thread or a task.
#[derive(Debug)]
pub struct Upkeep<C> {
    /// Erases the shares of revoked grants.
    pub eraser: Eraser<C>,
    /// Writes, closes and anchors private chains.
    pub log: PrivateChainTask<C>,
    /// Deletes letters whose time is over.
    pub mail: MailSweeper<C>,
}

/// Another node, as this one reaches it.
pub trait Neighbour: Transport + std::fmt::Debug + Send + Sync + 'static {}
impl<N: Transport + std::fmt::Debug + Send + Sync + 'static> Neighbour for N {}

impl<C: ConsortiumChain, N> Node<C, N> {
    /// A node of these parts. It answers; what it does of its own accord is the caller's to run.
    #[must_use]
    pub fn of(parts: Parts<C, N>) -> (Self, Upkeep<C>) {
        let Parts {
            chain,
            ledger,
            store,
            holder,
            mail,
            log,
            checked_log,
            identities,
            neighbours,
        } = parts;
        let sweeper = MailSweeper {
            chain: chain.clone(),
            store: Arc::clone(&mail),
        };
        let eraser = Eraser {
            chain: chain.clone(),
            id: ledger.chain(),
            keeper: Arc::clone(&holder),
            identities: Arc::clone(&identities),
        };
        let anchoring = Anchoring {
            chain: chain.clone(),
            id: ledger.chain(),
            identities: Arc::clone(&identities),
            checked: checked_log,
        };
        let (private, log) = PrivateChainKeeper::new(log, anchoring);
        let node = Self {
            chain,
            ledger,
            store,
            holder,
            answered: Arc::default(),
            mail,
            proofs: Proofs::default(),
            unproven: Unproven::default(),
            identities,
            neighbours,
            private,
            background: Vec::new(),
        };
        let upkeep = Upkeep {
            eraser,
            log,
            mail: sweeper,
        };
        (node, upkeep)
    }

    /// Stops in good order; what was acknowledged is on disk in any case. The same happens when it
    /// is dropped.
    pub fn shutdown(self) {
        drop(self);
    }

    /// Whether a member may act now.
    ///
    /// # Errors
    /// [`Refusal::MemberUnknown`] or [`Refusal::MemberSuspended`].
    pub async fn may_act(&self, member: MemberId) -> Result<(), CallError> {
        let entry = self.read(MEMBER, member.as_bytes()).await?;
        let entry = entry.ok_or(Refusal::MemberUnknown)?;
        Ok(entry.may_act()?)
    }

    /// A certified person, with the member that certified him.
    async fn person(&self, id: CertificateId) -> Result<CertifiedPerson, CallError> {
        let entry = self.read(CERTIFICATE, id.as_bytes()).await?;
        let entry = entry.ok_or(Refusal::CertificateUnknown)?;
        let member = entry.certificate.member;
        let member = self.read(MEMBER, member.as_bytes()).await?;
        Ok(CertifiedPerson::new(
            entry,
            member.ok_or(Refusal::MemberUnknown)?,
        )?)
    }

    async fn fetch(&self, keys: Vec<StateKey>) -> Result<Fetched, CallError> {
        let values = self.chain.state(keys.clone()).await?;
        Ok(Fetched::new(keys.into_iter().zip(values).collect()))
    }

    async fn read<T: Decode>(&self, table: Table<T>, name: &[u8]) -> Result<Option<T>, CallError> {
        let state = self.fetch(vec![table.key(name)]).await?;
        state.read(table, name).map_err(state_error)
    }

    async fn entry<T: Decode>(
        &self,
        table: Table<T>,
        name: &[u8],
        what: &str,
    ) -> Result<T, CallError> {
        self.read(table, name)
            .await?
            .ok_or_else(|| CallError::not_found(what))
    }

    async fn read_all<T: Decode>(
        &self,
        table: Table<T>,
        names: Vec<Vec<u8>>,
    ) -> Result<Vec<T>, CallError> {
        let values = self.read_each(table, names).await?;
        Ok(values.into_iter().flatten().collect())
    }

    /// The values called `names` of `table`, in their order.
    async fn read_each<T: Decode>(
        &self,
        table: Table<T>,
        names: Vec<Vec<u8>>,
    ) -> Result<Vec<Option<T>>, CallError> {
        let state = self
            .fetch(names.iter().map(|name| table.key(name)).collect())
            .await?;
        let values = names
            .iter()
            .map(|name| state.read(table, name).map_err(state_error));
        values.collect()
    }
}

impl<C: ConsortiumChain, N> Drop for Node<C, N> {
    fn drop(&mut self) {
        self.chain.shutdown();
        for work in &mut self.background {
            work.stop();
        }
    }
}

/// A transport inside the process.
#[derive(Debug, Clone)]
pub struct InProcess(Local<Node>);

impl InProcess {
    /// Speaks to `node`.
    #[must_use]
    pub fn new(node: Arc<Node>) -> Self {
        Self(Local::new(node))
    }
}

impl Transport for InProcess {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        self.0.call(call).await
    }
}

/// How many more nodes may pass a call on; `nobody` when none may.
fn hops(left: u8, nobody: Refusal) -> Result<u8, CallError> {
    let left = left.checked_sub(1).ok_or(nobody)?;
    Ok(left.min(HOPS_MAX - 1))
}

#[allow(clippy::needless_pass_by_value, reason = "the form `map_err` takes")]
fn state_error(error: StateError) -> CallError {
    CallError::Unavailable {
        message: error.to_string(),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the form `map_err` takes")]
fn store_error(error: StoreError) -> CallError {
    CallError::Unavailable {
        message: error.to_string(),
    }
}
