//! Where final transactions stand: the chain's own part of the state, beside the machine's.

use yilian_protocol::{
    Height, StateKey, TransactionId,
    codec::{Decode, DecodeError, Encode, Reader},
    refusal::Outcome,
};

/// Where a final transaction stands, and what became of it. 13 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its block.
    pub height: Height,
    /// Its place in the block, from 0.
    pub index: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// Where the chain notes the place of each final transaction, so that none is executed twice.
pub(super) fn place_key(id: TransactionId) -> StateKey {
    StateKey::once("transaction", id.as_bytes())
}

impl Encode for Place {
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        self.index.encode(out);
        self.outcome.encode(out);
    }
}

impl Decode for Place {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            height: Decode::decode(input)?,
            index: Decode::decode(input)?,
            outcome: Decode::decode(input)?,
        })
    }
}
