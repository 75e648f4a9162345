//! Follows revocations: erases the shares of a revoked grant, and says so on the chain.
//!
//! The chain's final blocks tell of revocations while the node runs; what it missed it finds at its start, among the grants
//! whose shares it keeps.

use std::{sync::Arc, thread::JoinHandle};

use tokio::sync::{Notify, mpsc};
use tracing::{info, warn};
use yilian_ledger::state::tables::GRANT;
use yilian_protocol::{
    ChainId, GrantId, MemberId,
    grant::{Erasure, GrantEntry, GrantState},
    tx::{Body, Transaction},
};

use crate::{
    keyholder::{KeyHolder, KeyHolderError},
    order::{Chain, SubmitError},
    service::Identities,
};

/// What erasing takes.
pub struct Eraser {
    pub chain: Chain,
    pub id: ChainId,
    pub keeper: Arc<KeyHolder>,
    pub identities: Arc<dyn Identities>,
    /// Told when the node stops, behind the chain.
    pub stop: Arc<Notify>,
}

impl Eraser {
    /// Starts a thread that follows `revoked` until the node stops.
    pub fn start(
        self,
        revoked: mpsc::UnboundedReceiver<GrantId>,
    ) -> std::io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        std::thread::Builder::new()
            .name("erasure".to_owned())
            .spawn(move || runtime.block_on(self.run(revoked)))
    }

    async fn run(self, mut revoked: mpsc::UnboundedReceiver<GrantId>) {
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
        loop {
            let grant = tokio::select! {
                () = self.stop.notified() => return,
                grant = revoked.recv() => grant,
            };
            let Some(grant) = grant else {
                return;
            };
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
        let values = self.chain.state(&[key]).await?;
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
        let place = self.chain.submit(&receipt).await?;
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
