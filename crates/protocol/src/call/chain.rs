//! What is asked about the consortium chain: how far it is, what is final, what stands in its
//! state; and what is put onto it.

use schemars::JsonSchema;
use yilian_crypto::sign::{Signature, VerifyingKey};

use super::{ANSWER_LARGE, ANSWER_SMALL, BODY_SMALL};
use crate::{
    block::Header,
    codec::{Blob, Decode, DecodeError, Encode, List, Reader},
    fixed,
    ids::{ChainId, Height, StateKey, TimeMs, TransactionId},
    limits::{BLOCK_TRANSACTIONS_MAX, FINALITY_MAX, PROOFS_MAX, TRANSACTION_MAX},
    receipt::Receipt,
    refusal::Outcome,
    registry::{Admitted, Genesis},
    state::proof::ProvenState,
    tx::{Body, Transaction},
};

crate::calls! {
    /// The consortium chain.
    contract ChainContract "chain" {
        /// The node's chain, genesis, and how far it is.
        status: GetStatus {} -> Status as Json, get "status"
            { body: 0, answer: ANSWER_SMALL, caller: Anybody, work: Light, at_once: 256 };

        /// Order a transaction; answers when it is final.
        submit: Submit(TransactionBytes) -> Receipt as Json, post "transactions"
            { body: TRANSACTION_MAX, answer: ANSWER_SMALL, caller: Anybody,
              // Whoever waits for a block holds little; the queue has a bound of its own.
              work: Light, at_once: 16_384 };

        /// The proof that a transaction is final.
        receipt: GetReceipt { id: TransactionId } -> Receipt as Json, get "receipts/{id}"
            { body: 0, answer: ANSWER_SMALL, caller: Anybody, work: Light, at_once: 256 };

        /// What stands at some keys of the state, with the proof of it.
        prove: Prove(List<StateKey, PROOFS_MAX>) -> ProvenState as Json, post "proofs"
            { body: BODY_SMALL, answer: ANSWER_LARGE, caller: Anybody, work: Light, at_once: 256 };

        /// A final block.
        block: GetBlock { height: Height } -> Block as Json, get "blocks/{height}"
            { body: 0, answer: ANSWER_LARGE, caller: Anybody, work: Light, at_once: 64 };
    }
}

/// A signed transaction, not taken apart yet: what is wrong with it is found where there is time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionBytes(pub Vec<u8>);

impl From<&Transaction> for TransactionBytes {
    fn from(transaction: &Transaction) -> Self {
        Self(transaction.as_bytes().to_vec())
    }
}

/// All of the body, see [`crate::tx`].
impl Encode for TransactionBytes {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Decode for TransactionBytes {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let found = input.remaining();
        if found > TRANSACTION_MAX {
            return Err(DecodeError::TooLong {
                what: "transaction",
                found,
                limit: TRANSACTION_MAX,
            });
        }
        Ok(Self(input.take(found, "transaction")?.to_vec()))
    }
}

/// A node's chain and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Status {
    /// The node's version.
    pub version: String,
    /// The chain.
    pub chain: ChainId,
    /// What the chain began with. Clients pin it, and do not take it from a node twice.
    pub genesis: Genesis,
    /// The latest final block.
    pub latest: Admitted,
    /// What the node's clock says.
    pub clock: TimeMs,
    /// Transactions waiting to be put into a block.
    pub waiting: u64,
    /// Sealed objects stored here.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
}

/// A block, with its transactions taken apart.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Block {
    /// Its id.
    pub id: crate::ids::BlockId,
    /// Its header.
    pub header: Header,
    /// The validators' certificate; none for the genesis.
    pub finality: Blob<FINALITY_MAX>,
    /// Its transactions, in order.
    #[schemars(length(max = BLOCK_TRANSACTIONS_MAX))]
    pub transactions: Vec<BlockTransaction>,
}

/// A transaction in a block.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct BlockTransaction {
    /// Its id.
    pub id: TransactionId,
    /// What it does.
    pub body: Body,
    /// Who signed it.
    #[serde(with = "fixed::Hex::<VerifyingKey>")]
    pub signer: VerifyingKey,
    /// By that key. With it, whoever reads the block can make the transaction's bytes again, whose
    /// hash is the id.
    #[serde(with = "fixed::Hex::<Signature>")]
    pub signature: Signature,
    /// What became of it.
    pub outcome: Outcome,
}
