//! Blocks as a light client sees them: a header, and the transactions under its Merkle root.
//!
//! A block's id is the hash of its header alone. The validators' certificate signs the id; the
//! transactions root covers every transaction *and its outcome*. So header, certificate and one
//! Merkle path convince whoever knows the group key of the genesis.

use schemars::JsonSchema;

use crate::{
    codec::{Blob, Encode, canonical},
    ids::{BlockId, ChainId, Height, TimeMs, TransactionId, TreeHash},
    inclusion,
    limits::CONSENSUS_MAX,
    refusal::Outcome,
    registry::Admitted,
};

/// The header of a block: {chain, height, previous hash, time, count, size, Merkle root, state
/// root, consensus}.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Header {
    /// The chain it is of.
    pub chain: ChainId,
    /// Blocks below it.
    pub height: Height,
    /// The block below it.
    pub parent: BlockId,
    /// When it was proposed, by the proposer's clock; never before its parent's time.
    pub time: TimeMs,
    /// How many transactions it holds.
    pub count: u32,
    /// Their bytes in all.
    pub size: u32,
    /// Merkle root over [`transaction_leaf`]s.
    pub transactions: TreeHash,
    /// Root of the ledger's state after this block.
    pub state: TreeHash,
    /// The consensus engine's own part, opaque here.
    pub consensus: Blob<CONSENSUS_MAX>,
}
canonical!(Header {
    chain,
    height,
    parent,
    time,
    count,
    size,
    transactions,
    state,
    consensus
});

impl Header {
    /// The block's id.
    #[must_use]
    pub fn id(&self) -> BlockId {
        BlockId::hash_of(&[&self.to_vec()])
    }

    /// The block's height and time.
    #[must_use]
    pub const fn admitted(&self) -> Admitted {
        Admitted {
            height: self.height,
            time: self.time,
        }
    }
}

/// The leaf of one transaction: its id and what became of it.
#[must_use]
pub fn transaction_leaf(id: TransactionId, outcome: Outcome) -> TreeHash {
    inclusion::leaf(&[id.as_bytes(), &[outcome.code()]])
}
