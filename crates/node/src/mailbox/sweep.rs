//! Deletes letters whose thirty days are over, every ten minutes, by the consortium's clock: what
//! is deleted is gone.

use std::{sync::Arc, time::Duration};

use tracing::{info, warn};

use super::MailStore;
use crate::consortium::ConsortiumChain;

/// How often.
const PERIOD: Duration = Duration::from_secs(10 * 60);

/// What sweeping takes.
#[derive(Debug)]
pub struct MailSweeper<C> {
    pub(crate) chain: C,
    pub(crate) store: Arc<MailStore>,
}

impl<C: ConsortiumChain> MailSweeper<C> {
    /// Sweeps until it is dropped; for the first time at once.
    pub async fn run(self) {
        loop {
            let (store, now) = (Arc::clone(&self.store), self.chain.latest().time);
            match self.chain.apart(move || store.sweep(now)).await {
                Ok(Ok(0)) => {}
                Ok(Ok(letters)) => info!(letters, "letters whose time was over are deleted"),
                Ok(Err(error)) => warn!("letters whose time is over are not deleted: {error}"),
                Err(_) => return,
            }
            self.chain.sleep(PERIOD).await;
        }
    }
}
