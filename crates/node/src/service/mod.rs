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
pub(crate) mod record;
mod search;
mod start;
mod trace;

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::{Either, select};
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
    fetching::Fetching,
    health::{Health, StorageWatch},
    keyholder::KeyHolder,
    mailbox::{MailStore, MailSweeper, Proofs},
    neighbours::{HttpNeighbour, Neighbours},
    order::Chain,
    private_chain::{Anchoring, PrivateChain, PrivateChainKeeper, PrivateChainTask},
    scrub::Scrubber,
    serving,
    store::{Store, StoreError},
    unproven::Unproven,
};

pub use crate::hosted_members::HostedMembers;
pub use start::{NodeError, NodeOptions};

/// How long a call that is passed on may take for each node that it may still come to. The first
/// of two waits twice as long as the second, so that he hears of it when that gives up.
const PASSING_ON: Duration = Duration::from_secs(15);

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
    neighbours: Arc<Neighbours<N>>,
    fetching: Fetching,
    health: Arc<Health>,
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
pub struct Upkeep<C, N> {
    /// Erases the shares of revoked grants.
    pub eraser: Eraser<C>,
    /// Writes, closes and anchors private chains.
    pub log: PrivateChainTask<C>,
    /// Deletes letters whose time is over.
    pub mail: MailSweeper<C>,
    /// Looks after the storage, and opens again what has failed.
    pub storage: StorageWatch<C>,
    /// Looks for damaged objects, and mends them.
    pub scrub: Scrubber<C, N>,
}

/// Another node, as this one reaches it.
pub trait Neighbour: Transport + std::fmt::Debug + Send + Sync + 'static {}
impl<N: Transport + std::fmt::Debug + Send + Sync + 'static> Neighbour for N {}

impl<C: ConsortiumChain, N> Node<C, N> {
    /// A node of these parts. It answers; what it does of its own accord is the caller's to run.
    #[must_use]
    pub fn of(parts: Parts<C, N>) -> (Self, Upkeep<C, N>) {
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
        let (neighbours, health) = (Arc::new(neighbours), Arc::new(Health::default()));
        let storage = StorageWatch {
            chain: chain.clone(),
            health: Arc::clone(&health),
            store: Arc::clone(&store),
            holder: Arc::clone(&holder),
            mail: Arc::clone(&mail),
            log: Arc::clone(&log),
        };
        let scrub = Scrubber {
            chain: chain.clone(),
            store: Arc::clone(&store),
            neighbours: Arc::clone(&neighbours),
            health: Arc::clone(&health),
        };
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
            fetching: Fetching::default(),
            health,
            private,
            background: Vec::new(),
        };
        let upkeep = Upkeep {
            eraser,
            log,
            mail: sweeper,
            storage,
            scrub,
        };
        (node, upkeep)
    }

    /// Stops in good order; what was acknowledged is on disk in any case. The same happens when it
    /// is dropped.
    pub fn shutdown(self) {
        drop(self);
    }

    /// How the node's storage is.
    #[must_use]
    pub const fn health(&self) -> &Arc<Health> {
        &self.health
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

impl<C: ConsortiumChain, N: Neighbour> Node<C, N> {
    /// Passes a call on to the node of `member`, which it is for, and from there to `left` more. It
    /// holds a place of that neighbour's meanwhile, and none of the call's: who waits for a
    /// neighbour keeps nobody from this node. One deadline holds for all of it.
    async fn pass_on<K: Call>(
        &self,
        call: K,
        (member, left): (MemberId, u8),
        nobody: Refusal,
    ) -> Answered<K> {
        serving::leave_place();
        let time = PASSING_ON * (u32::from(left) + 1);
        let passed_on = pin!(self.neighbours.pass_on(call, member, nobody));
        let deadline = pin!(self.chain.sleep(time));
        match select(passed_on, deadline).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(CallError::Unavailable {
                message: format!("no answer from the node of member {member}"),
            }),
        }
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

#[cfg(test)]
mod tests;

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
