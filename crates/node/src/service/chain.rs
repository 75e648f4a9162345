//! The chain's contract: how far it is, what is final, what stands in its state.

use bytes::Bytes;
use yilian_protocol::{
    Height, TransactionId,
    call::{
        Answered, Block, BlockTransaction, CallError, ChainContract, GetBlock, GetReceipt,
        GetStatus, Prove, Status, Submit,
    },
    receipt::Receipt,
    refusal::Refusal,
    tx::Transaction,
};

use super::{Neighbour, Node};
use crate::{consortium::ConsortiumChain, order::EncodedTransaction, store::Stats};

impl<C: ConsortiumChain, N: Neighbour> ChainContract for Node<C, N> {
    async fn status(&self, _: GetStatus) -> Answered<GetStatus> {
        // How far the chain is does not hang on the objects: 0 where they cannot be counted.
        Ok(self.how_far(self.counted().unwrap_or_default()))
    }

    async fn submit(&self, Submit(transaction): Submit) -> Answered<Submit> {
        self.order(transaction.0.into()).await
    }

    async fn receipt(&self, GetReceipt { id }: GetReceipt) -> Answered<GetReceipt> {
        self.receipt_of(id).await
    }

    async fn prove(&self, Prove(keys): Prove) -> Answered<Prove> {
        Ok(self.chain.prove(keys.into_vec()).await?)
    }

    async fn block(&self, GetBlock { height }: GetBlock) -> Answered<GetBlock> {
        self.block_at(height).await
    }
}

impl<C: ConsortiumChain, N> Node<C, N> {
    /// How much is stored; `None` while the store's index cannot be read.
    fn counted(&self) -> Option<Stats> {
        let counted = self.store.stats();
        let unknown = |error: &_| tracing::warn!(%error, "stored objects are not counted");
        counted.inspect_err(unknown).ok()
    }

    fn how_far(&self, stats: Stats) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            chain: self.ledger.chain(),
            genesis: self.ledger.genesis().clone(),
            latest: self.chain.latest(),
            clock: self.chain.now(),
            waiting: self.chain.waiting(),
            objects: stats.objects,
            object_bytes: stats.bytes,
        }
    }

    /// What this node counts, in the text form of OpenMetrics 1.0. Nothing of it tells of a
    /// patient, a reader or a record; a one-shot sharing is not counted at all.
    pub(crate) async fn metrics(&self) -> Result<String, CallError> {
        let counted = self.counted();
        let status = self.how_far(counted.unwrap_or_default());
        let chain = self.chain.metrics().await?;
        let mut gauges = vec![
            (
                "yilian_height",
                "Height of the latest final block",
                status.latest.height.get(),
            ),
            (
                "yilian_block_time_ms",
                "Time of the latest final block",
                status.latest.time.get(),
            ),
            (
                "yilian_waiting_transactions",
                "Transactions waiting for a block",
                status.waiting,
            ),
        ];
        if let Some(Stats { objects, bytes, .. }) = counted {
            gauges.push(("yilian_objects", "Sealed objects kept", objects));
            gauges.push(("yilian_object_bytes", "Bytes of them", bytes));
        }
        let mut text = String::new();
        for (name, help, value) in gauges {
            text += &format!("# HELP {name} {help}.\n# TYPE {name} gauge\n{name} {value}\n");
        }
        let name = "yilian_neighbour_wrong_answers";
        text += &format!("# HELP {name} Objects from a neighbour that were others.\n");
        text += &format!("# TYPE {name} counter\n");
        for (member, wrong) in self.neighbours.wrong_answers() {
            text += &format!("{name}_total{{member=\"{member}\"}} {wrong}\n");
        }
        Ok(text + &self.health.metrics() + &chain)
    }

    /// Orders the transaction of these bytes.
    pub(super) async fn order(&self, bytes: Bytes) -> Result<Receipt, CallError> {
        let transaction = self.admissible(bytes).await?;
        self.order_admissible(transaction).await
    }

    /// The transaction of these bytes, if it may enter a block at all.
    pub(super) async fn admissible(&self, bytes: Bytes) -> Result<EncodedTransaction, CallError> {
        // The proof of an append to traces takes a millisecond to check, and more than a look-up is
        // asked for.
        let chain = self.chain.clone();
        let checked = self.chain.apart(move || {
            let transaction = EncodedTransaction::from(bytes);
            chain.check(&transaction).map(|()| transaction)
        });
        checked.await?.map_err(|rule| match rule {
            Refusal::Malformed | Refusal::BadSignature => CallError::Invalid {
                message: format!("no transaction: {rule}"),
            },
            rule => rule.into(),
        })
    }

    /// Orders a transaction that may enter a block.
    pub(super) async fn order_admissible(
        &self,
        transaction: EncodedTransaction,
    ) -> Result<Receipt, CallError> {
        let id = transaction.id();
        self.chain.submit(transaction).await?;
        self.receipt_of(id).await
    }

    async fn receipt_of(&self, id: TransactionId) -> Result<Receipt, CallError> {
        let receipt = self.chain.receipt(id).await?;
        receipt.ok_or_else(|| CallError::not_found("transaction"))
    }

    pub(super) async fn block_at(&self, height: Height) -> Result<Block, CallError> {
        let block = self.chain.block(height).await?;
        let block = block.ok_or_else(|| CallError::not_found("block"))?;
        let transactions = block.transactions.iter().map(|(known, outcome)| {
            let transaction = Transaction::decode_unverified(known.bytes()).ok()?;
            Some(BlockTransaction {
                id: known.id(),
                body: transaction.body().clone(),
                signer: *transaction.signer(),
                signature: *transaction.signature(),
                outcome: *outcome,
            })
        });
        Ok(Block {
            id: block.header.id(),
            header: block.header.clone(),
            finality: block.finality.clone(),
            transactions: transactions.flatten().collect(),
        })
    }
}
