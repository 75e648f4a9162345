//! What everybody may ask of the chain: blocks, ids, members, packs.

use tsify::Ts;
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{HttpTransport, Session, explorer, people, trace};
use yilian_protocol::{Height, TimeMs, TransactionId};

use crate::{
    find::{self, FoundView},
    shared::{ChainView, json, session, told, whole},
    trail::PackView,
    trouble::Trouble,
    view::{BlockView, ConsortiumView, StatusView},
};

/// A conversation with one node about one chain, of which every answer is verified from the
/// genesis.
#[wasm_bindgen]
#[derive(Debug)]
pub struct LightClient {
    session: Session<HttpTransport>,
}

#[wasm_bindgen]
impl LightClient {
    /// Speaks to the node at the URL `node`. `genesis` is what [`LightClient::genesis`] gave
    /// before; without it the node's own word is taken, once.
    ///
    /// # Errors
    /// [`Trouble`] when the node does not answer, or is of another chain.
    pub async fn open(node: String, genesis: Option<String>) -> Result<LightClient, Trouble> {
        let session = session(&node, genesis.as_deref()).await?;
        Ok(Self { session })
    }

    /// The genesis as JSON: to be kept, and pinned from then on.
    ///
    /// # Errors
    /// Never, but for a bug.
    pub fn genesis(&self) -> Result<String, Trouble> {
        json(self.session.genesis())
    }

    /// The chain.
    ///
    /// # Errors
    /// Never, but for a bug.
    pub fn chain(&self) -> Result<Ts<ChainView>, Trouble> {
        told(&ChainView::from(self.session.genesis()))
    }

    /// How far the node says that it is.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self) -> Result<Ts<StatusView>, Trouble> {
        told(&StatusView::from(self.session.status().await?))
    }

    /// The block at `height`, verified down to each transaction.
    ///
    /// # Errors
    /// When the node's block is not the chain's, or there is none.
    pub async fn block(&self, height: f64) -> Result<Ts<BlockView>, Trouble> {
        let height = Height::new(whole(height)?);
        let block = explorer::block(&self.session, height).await?;
        told(&BlockView::from(block))
    }

    /// What stands on the chain under 64 hex digits; nothing when there is no such thing.
    ///
    /// # Errors
    /// When they are none, or the node's proof does not verify.
    pub async fn find(&self, digits: String) -> Result<Option<Ts<FoundView>>, Trouble> {
        let hash = find::hash(&digits)?;
        let found = explorer::find(&self.session, hash).await?;
        found.map(|found| told(&FoundView::from(found))).transpose()
    }

    /// The verified receipt of a transaction as JSON, which `yilian verify` reads.
    ///
    /// # Errors
    /// As [`LightClient::find`], and when there is none.
    pub async fn receipt(&self, digits: String) -> Result<String, Trouble> {
        let id = TransactionId::from_bytes(find::hash(&digits)?);
        json(&self.session.receipt(id).await?)
    }

    /// The members, those who order blocks, and how votes stand; proven.
    ///
    /// # Errors
    /// When the node's proofs do not verify.
    pub async fn consortium(&self, now: f64) -> Result<Ts<ConsortiumView>, Trouble> {
        let registry = people::registry(&self.session).await?;
        let status = self.session.status().await?;
        let blocks = self.session.genesis().governance.epoch_blocks;
        let epoch = blocks.epoch_of(status.latest.height);
        let seats = self.session.seats(epoch).await?;
        let candidates = self.session.candidates().await?;
        let now = TimeMs::new(whole(now)?);
        let view = ConsortiumView::new(&registry, epoch, seats, candidates, now);
        told(&view)
    }

    /// What happened to the pack with this code, which was scanned or typed at `now`. The code
    /// leaves this module in no form.
    ///
    /// # Errors
    /// When it is no code, or the node keeps something back.
    #[wasm_bindgen(js_name = checkPack)]
    pub async fn check_pack(&self, code: String, now: f64) -> Result<Ts<PackView>, Trouble> {
        let now = TimeMs::new(whole(now)?);
        let pack = trace::Pack::scan(&code, now).map_err(yilian_client::ClientError::from)?;
        let trail = trace::inspect(&self.session, &pack, now).await?;
        told(&PackView::new(pack.identity(), trail))
    }
}
