//! Erases the shares of grants that are over: of a revoked one at once, and says so on the chain;
//! of one whose time is over within the hour, and says nothing.
//!
//! The chain's final blocks tell of revocations while the node runs; what it missed it finds at its
//! start, and every hour, among the grants whose shares it keeps. What is to be erased is erased
//! before any receipt is sent: a receipt waits for the chain, an erasure for nothing. A receipt is
//! owed from the moment of the erasure, on disk, until the chain has it.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tracing::{info, warn};
use yilian_ledger::state::tables::GRANT;
use yilian_protocol::{
    ChainId, GrantId, MemberId, TimeMs,
    grant::{Erasure, GrantEntry, GrantState},
    refusal::Refusal,
    tx::{Body, Transaction},
};

use crate::{
    consortium::ConsortiumChain,
    hosted_members::HostedMembers,
    keyholder::{Cause, KeyHolder, KeyHolderError},
    order::{EncodedTransaction, SubmitError},
};

/// After this time, what is owed is sent again.
const RETRY: Duration = Duration::from_secs(60);
/// How often all that is kept is looked at, by the chain's time: an hour.
const SWEEP_MS: u64 = 60 * 60 * 1_000;

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
        let mut swept = self.sweep().await;
        let mut paid = false;
        loop {
            tokio::select! {
                biased;
                grant = revoked.recv() => {
                    let Some(grant) = grant else { return };
                    self.follow(grant).await;
                    while let Ok(grant) = revoked.try_recv() {
                        self.follow(grant).await;
                    }
                    paid = false;
                }
                stopped = self.pay(), if !paid => {
                    if stopped.is_break() {
                        return;
                    }
                    paid = true;
                }
                // Also when a receipt hangs: then it is sent anew.
                () = self.chain.sleep(RETRY) => paid = false,
            }
            if self.time() >= swept.plus_ms(SWEEP_MS) {
                swept = self.sweep().await;
                paid = false;
            }
        }
    }

    /// The latest block's time: what is erased is gone, so the consortium's clock decides, not this
    /// machine's.
    fn time(&self) -> TimeMs {
        self.chain.latest().time
    }

    /// Erases all that is kept of grants that are over; says when.
    async fn sweep(&self) -> TimeMs {
        let now = self.time();
        match self.keeper.kept() {
            Ok(kept) => {
                for (grant, holder) in kept {
                    tell(grant, self.erase(grant, &[holder]).await);
                }
            }
            Err(error) => warn!("what is kept cannot be listed: {error}"),
        }
        now
    }

    /// Erases what is kept of a grant that was revoked.
    async fn follow(&self, grant: GrantId) {
        tell(grant, self.erase(grant, &self.identities.members()).await);
    }

    async fn erase(&self, grant: GrantId, holders: &[MemberId]) -> Result<(), EraseError> {
        let key = GRANT.key(grant.as_bytes());
        let values = self.chain.state(vec![key]).await?;
        let entry = values.into_iter().next().flatten();
        let entry: Option<GrantEntry> = entry.and_then(|bytes| GRANT.read(&bytes).ok());
        let cause = match entry {
            Some(entry) if entry.state == GrantState::Revoked => Cause::Revoked,
            Some(entry) if entry.grant.until <= self.time() => Cause::Expired,
            _ => return Ok(()),
        };
        for holder in holders {
            if self.keeper.erase(grant, *holder, cause)? {
                info!(%grant, %holder, ?cause, "shares erased");
            }
        }
        Ok(())
    }

    /// Sends the receipts that are owed. Breaks when the chain has stopped.
    async fn pay(&self) -> ControlFlow<()> {
        let owed = match self.keeper.owed() {
            Ok(owed) => owed,
            Err(error) => {
                warn!("which receipts are owed cannot be read: {error}");
                return ControlFlow::Continue(());
            }
        };
        for (grant, holder) in owed {
            match self.receipt(grant, holder).await {
                Ok(()) => {}
                Err(EraseError::Chain(SubmitError::Stopped)) => return ControlFlow::Break(()),
                Err(error) => warn!("an erasure of grant {grant} is not receipted yet: {error}"),
            }
        }
        ControlFlow::Continue(())
    }

    async fn receipt(&self, grant: GrantId, holder: MemberId) -> Result<(), EraseError> {
        let Some(key) = self.identities.key(holder) else {
            return Ok(());
        };
        let body = Body::Erase(Erasure { grant, holder });
        let receipt = Transaction::sign(self.id, body, &key);
        match self.chain.submit(EncodedTransaction::from(&receipt)).await {
            // Said before, perhaps by a process that died before it noted it.
            Ok(_) | Err(SubmitError::Refused(Refusal::AlreadyErased)) => {}
            Err(error) => return Err(error.into()),
        }
        self.keeper.settle(grant, holder)?;
        info!(%grant, %holder, "erasure receipted");
        Ok(())
    }
}

fn tell(grant: GrantId, erased: Result<(), EraseError>) {
    if let Err(error) = erased {
        warn!("shares of grant {grant} are not erased: {error}");
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

#[cfg(test)]
mod tests;
