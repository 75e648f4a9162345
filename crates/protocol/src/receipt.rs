//! Receipts: proof that a transaction is final, and what became of it.

use schemars::JsonSchema;

use crate::{
    block::{Header, transaction_leaf},
    codec::{Blob, DecodeError, canonical},
    ids::{ChainId, TransactionId},
    inclusion::InclusionProof,
    limits::FINALITY_MAX,
    refusal::Outcome,
};

/// A transaction's place in a final block. About 700 bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Receipt {
    /// The transaction.
    pub transaction: TransactionId,
    /// What became of it.
    pub outcome: Outcome,
    /// The header of its block.
    pub header: Header,
    /// The validators' certificate over the block.
    pub finality: Blob<FINALITY_MAX>,
    /// The way from the transaction to the header's Merkle root.
    pub inclusion: InclusionProof,
}
canonical!(Receipt {
    transaction,
    outcome,
    header,
    finality,
    inclusion
});

impl Receipt {
    /// Checks everything a light client can: the chain, the Merkle path, and the certificate under
    /// the genesis group key.
    ///
    /// # Errors
    /// [`ReceiptError`] names the first check that fails.
    pub fn verify(&self, chain: ChainId, group_key: &[u8]) -> Result<(), ReceiptError> {
        if self.header.chain != chain {
            return Err(ReceiptError::OtherChain);
        }
        if self.inclusion.size != self.header.count {
            return Err(ReceiptError::Inclusion);
        }
        let leaf = transaction_leaf(self.transaction, self.outcome);
        self.inclusion
            .verify(leaf, &self.header.transactions)
            .map_err(|_| ReceiptError::Inclusion)?;
        crate::finality::verify(self.finality.as_slice(), group_key, &self.header)
            .map_err(|_| ReceiptError::Finality)
    }
}

/// Why a receipt proves nothing; the fault of the node that gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Of another chain.
    #[error("the receipt is of another chain")]
    OtherChain,
    /// The path does not lead from the transaction and its outcome to the header.
    #[error("the receipt's inclusion proof does not verify")]
    Inclusion,
    /// The certificate does not verify for the header.
    #[error("the receipt's finality certificate does not verify")]
    Finality,
    /// A proof does not lead from the value, or its absence, to the header's state root.
    #[error("the proof of the state does not verify")]
    State,
    /// The proof is of an older block than the node proved before.
    #[error("the node's proof is older than what it proved before")]
    Outdated,
    /// The receipt is for another transaction than was sent.
    #[error("the receipt is for another transaction")]
    OtherTransaction,
    /// What it holds is not canonical.
    #[error("{0}")]
    Malformed(DecodeError),
}
