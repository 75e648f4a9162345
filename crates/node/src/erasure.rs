//! Follows revocations: erases the shares of a revoked grant, and says so on the chain.
//!
//! The chain's final blocks tell of revocations while the node runs; what it missed it finds at its
//! start, among the grants whose shares it keeps.

use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::{info, warn};
use yilian_ledger::state::tables::GRANT;
use yilian_protocol::{
    ChainId, GrantId, MemberId,
    grant::{Erasure, GrantEntry, GrantState},
    tx::{Body, Transaction},
};

use crate::{
    consortium::ConsortiumChain,
    hosted_members::HostedMembers,
    keyholder::{KeyHolder, KeyHolderError},
    order::{EncodedTransaction, SubmitError},
};

/// What erasing takes.
#[derive(Debug)]
pub struct Eraser<C> {
    pub(crate) chain: C,
    pub(crate) id: ChainId,
    pub(crate) keeper: Arc<KeyHolder>,
    pub(crate) identities: Arc<dyn HostedMembers>,
}

impl<C: ConsortiumChain> Eraser<C> {
    /// Follows what a [`LedgerMachine`](crate::machine::LedgerMachine) tells of, until the chain
    /// stops.
    pub async fn run(self, mut revoked: mpsc::UnboundedReceiver<GrantId>) {
        match self.keeper.kept() {
            Ok(kept) => {
                for (grant, _) in kept {
                    if self.follow(grant).await.is_break() {
                        return;
                    }
                }
            }
            Err(error) => warn!("what is kept cannot be listed: {error}"),
        }
        while let Some(grant) = revoked.recv().await {
            if self.follow(grant).await.is_break() {
                return;
            }
        }
    }

    /// Breaks when the chain has stopped.
    async fn follow(&self, grant: GrantId) -> std::ops::ControlFlow<()> {
        match self.erase(grant).await {
            Ok(()) => std::ops::ControlFlow::Continue(()),
            Err(EraseError::Chain(SubmitError::Stopped)) => std::ops::ControlFlow::Break(()),
            Err(error) => {
                warn!("shares of grant {grant} are not erased or not receipted: {error}");
                std::ops::ControlFlow::Continue(())
            }
        }
    }

    async fn erase(&self, grant: GrantId) -> Result<(), EraseError> {
        let key = GRANT.key(grant.as_bytes());
        let values = self.chain.state(vec![key]).await?;
        let entry = values.into_iter().next().flatten();
        let entry: Option<GrantEntry> = entry.and_then(|bytes| GRANT.read(&bytes).ok());
        let Some(entry) = entry.filter(|entry| entry.state == GrantState::Revoked) else {
            return Ok(());
        };
        let ours = self.identities.members().into_iter();
        for holder in ours.filter(|member| entry.grant.holder_index(*member).is_some()) {
            self.erase_one(grant, holder).await?;
        }
        Ok(())
    }

    async fn erase_one(&self, grant: GrantId, holder: MemberId) -> Result<(), EraseError> {
        self.keeper.erase(grant, holder)?;
        let Some(key) = self.identities.key(holder) else {
            return Ok(());
        };
        let body = Body::Erase(Erasure { grant, holder });
        let receipt = Transaction::sign(self.id, body, &key);
        // Said before, perhaps: the ledger refuses a second receipt, which changes nothing.
        let place = self
            .chain
            .submit(EncodedTransaction::from(&receipt))
            .await?;
        info!(%grant, %holder, outcome = ?place.outcome, "shares erased");
        Ok(())
    }
}

/// Why shares are not erased, or not receipted.
#[derive(Debug, thiserror::Error)]
enum EraseError {
    #[error(transparent)]
    Chain(#[from] SubmitError),
    #[error(transparent)]
    Keeper(#[from] KeyHolderError),
}
