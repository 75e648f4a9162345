//! Blocks as consensus sees them: the protocol's header, and the body under its Merkle root.
//!
//! Encoding: header bytes, transactions, one outcome byte each. A block whose body is not the one
//! its header names does not decode. The header's `consensus` field is commonware's context (round,
//! leader, parent), and root and span of the logs of both parts of the state.

use bytes::Bytes;
use commonware_codec::{
    Buf, Encode as _, EncodeSize, Error as CodecError, RangeCfg, Read, ReadExt as _, Write,
};
use commonware_consensus::{
    Block as ConsensusBlock, BoundedBlock, CertifiableBlock, Heightable,
    simplex::types::Context,
    types::{Epoch, Height as ConsensusHeight, Round, View},
};
use commonware_cryptography::{Digestible, blake3::Digest, ed25519::PublicKey};
use commonware_runtime::BufMut;
use commonware_storage::{mmr, qmdb::sync::Target};
use yilian_protocol::{
    ChainId, Height, TimeMs, TransactionId, TreeHash,
    block::{Header, transaction_leaf},
    codec::{Blob, Decode as _, Encode as _},
    inclusion,
    limits::{BLOCK_TRANSACTIONS_MAX, FINALITY_MAX, TRANSACTION_MAX},
    refusal::Outcome,
    registry::Admitted,
};

/// Bytes of the largest header.
const HEADER_MAX: usize = 1024;
/// Bytes of all transactions of a block: ten batches of records, or two of the largest transactions. Larger blocks take longer than they
/// save, and fill the memory of whoever keeps the latest of every peer.
pub(super) const BODY_MAX: usize = 1024 * 1024;

/// Bytes of the largest encoded block: header and body, and a length before each piece.
pub(super) const SIZE_MAX: usize = HEADER_MAX + BODY_MAX + BLOCK_TRANSACTIONS_MAX * 6 + 32;

/// A final block.
#[derive(Debug, Clone)]
pub struct FinalBlock {
    /// Its header.
    pub header: Header,
    /// What makes it final, see [`yilian_protocol::finality`]; empty for the genesis, and when it
    /// is damaged.
    pub finality: Blob<FINALITY_MAX>,
    /// Its transactions, with what became of them.
    pub transactions: Vec<(Bytes, Outcome)>,
}

/// What a block commits the state to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StateTarget {
    /// The root under which values of the provable part are proven.
    pub root: Digest,
    /// The provable part's log.
    pub operations: Target<mmr::Family, Digest>,
    /// The write-once part's log.
    pub once: Target<mmr::Family, Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub header: Header,
    pub context: Context<Digest, PublicKey>,
    pub state: StateTarget,
    pub transactions: Vec<Bytes>,
    pub outcomes: Vec<Outcome>,
    digest: Digest,
}

impl Block {
    /// The block below all others.
    pub fn genesis(chain: ChainId, created: TimeMs, leader: PublicKey, state: StateTarget) -> Self {
        let nothing = Digest::from([0; 32]);
        let context = Context {
            round: Round::new(Epoch::zero(), View::zero()),
            leader,
            parent: (View::zero(), nothing),
        };
        let admitted = Admitted {
            height: Height::new(0),
            time: created,
        };
        Self::new(
            chain,
            admitted,
            nothing,
            context,
            state,
            Vec::new(),
            Vec::new(),
        )
    }

    /// A block of `transactions` with their `outcomes` on top of `parent`.
    pub fn new(
        chain: ChainId,
        admitted: Admitted,
        parent: Digest,
        context: Context<Digest, PublicKey>,
        state: StateTarget,
        transactions: Vec<Bytes>,
        outcomes: Vec<Outcome>,
    ) -> Self {
        let mut consensus = context.encode().to_vec();
        consensus.extend_from_slice(&state.operations.encode());
        consensus.extend_from_slice(&state.once.encode());
        let size: usize = transactions.iter().map(Bytes::len).sum();
        let header = Header {
            chain,
            height: admitted.height,
            parent: yilian_protocol::BlockId::from_bytes(parent.0),
            time: admitted.time,
            count: u32::try_from(transactions.len()).unwrap_or(u32::MAX),
            size: u32::try_from(size).unwrap_or(u32::MAX),
            transactions: inclusion::root(&leaves(&transactions, &outcomes)),
            state: TreeHash::from_bytes(state.root.0),
            consensus: Blob::new(consensus).unwrap_or_else(|_| Blob::default()),
        };
        let digest = Digest::from(header.id().to_bytes());
        Self {
            header,
            context,
            state,
            transactions,
            outcomes,
            digest,
        }
    }

    /// Height and time.
    pub const fn admitted(&self) -> Admitted {
        self.header.admitted()
    }

    fn parse(header: &[u8], transactions: Vec<Bytes>, outcomes: &[u8]) -> Option<Self> {
        let header = Header::from_slice(header).ok()?;
        let outcomes: Option<Vec<Outcome>> = outcomes
            .iter()
            .map(|code| Outcome::from_slice(&[*code]).ok())
            .collect();
        let outcomes = outcomes.filter(|outcomes| outcomes.len() == transactions.len())?;
        let mut consensus = Bytes::copy_from_slice(header.consensus.as_slice());
        let context = Context::read(&mut consensus).ok()?;
        let state = StateTarget {
            root: Digest::from(header.state.to_bytes()),
            operations: Target::read(&mut consensus).ok()?,
            once: Target::read(&mut consensus).ok()?,
        };
        let parent = Digest::from(header.parent.to_bytes());
        let admitted = Admitted {
            height: header.height,
            time: header.time,
        };
        let rebuilt = Self::new(
            header.chain,
            admitted,
            parent,
            context,
            state,
            transactions,
            outcomes,
        );
        // One spelling: what the header says of the body must be what the body says of itself.
        (rebuilt.header == header && (header.size as usize) <= BODY_MAX).then_some(rebuilt)
    }
}

/// The leaves of a block's Merkle tree.
pub(super) fn leaves(transactions: &[Bytes], outcomes: &[Outcome]) -> Vec<TreeHash> {
    let pairs = transactions.iter().zip(outcomes);
    pairs
        .map(|(bytes, outcome)| transaction_leaf(TransactionId::of(bytes), *outcome))
        .collect()
}

impl Write for Block {
    fn write(&self, buffer: &mut impl BufMut) {
        self.header.to_vec().write(buffer);
        self.transactions.write(buffer);
        self.outcomes
            .iter()
            .map(|outcome| outcome.code())
            .collect::<Vec<u8>>()
            .write(buffer);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        let outcomes = vec![0_u8; self.outcomes.len()];
        self.header.to_vec().encode_size()
            + self.transactions.encode_size()
            + outcomes.encode_size()
    }
}

impl Read for Block {
    type Cfg = ();

    fn read_cfg(buffer: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let header = Vec::<u8>::read_cfg(buffer, &(RangeCfg::new(0..=HEADER_MAX), ()))?;
        let transactions = Vec::<Bytes>::read_cfg(
            buffer,
            &(
                RangeCfg::new(0..=BLOCK_TRANSACTIONS_MAX),
                RangeCfg::new(0..=TRANSACTION_MAX),
            ),
        )?;
        let outcomes =
            Vec::<u8>::read_cfg(buffer, &(RangeCfg::new(0..=BLOCK_TRANSACTIONS_MAX), ()))?;
        Self::parse(&header, transactions, &outcomes).ok_or(CodecError::Invalid(
            "Block",
            "the body is not the one the header names",
        ))
    }
}

impl Digestible for Block {
    type Digest = Digest;

    fn digest(&self) -> Digest {
        self.digest
    }
}

impl Heightable for Block {
    fn height(&self) -> ConsensusHeight {
        ConsensusHeight::new(self.header.height.get())
    }
}

impl ConsensusBlock for Block {
    fn parent(&self) -> Digest {
        Digest::from(self.header.parent.to_bytes())
    }
}

impl CertifiableBlock for Block {
    type Context = Context<Digest, PublicKey>;

    fn context(&self) -> Self::Context {
        self.context.clone()
    }
}

impl BoundedBlock for Block {
    fn max_encode_size((): &()) -> usize {
        SIZE_MAX
    }
}

#[cfg(test)]
mod tests {
    use commonware_codec::DecodeExt as _;
    use commonware_cryptography::Signer as _;
    use commonware_utils::non_empty_range;
    use yilian_protocol::refusal::Refusal;

    use super::*;

    fn log(root: u8, size: u64) -> Target<mmr::Family, Digest> {
        let range = non_empty_range!(mmr::Location::new(2), mmr::Location::new(size));
        Target::new(Digest::from([root; 32]), range)
    }

    fn block(transactions: &[&'static [u8]]) -> Block {
        let leader = commonware_cryptography::ed25519::PrivateKey::from_seed(1).public_key();
        let state = StateTarget {
            root: Digest::from([3; 32]),
            operations: log(4, 700),
            once: log(5, 1 << 40),
        };
        let below = Block::genesis(
            ChainId::from_bytes([7; 32]),
            TimeMs::new(5),
            leader,
            state.clone(),
        );
        let transactions: Vec<_> = transactions
            .iter()
            .map(|bytes| Bytes::from_static(bytes))
            .collect();
        let outcomes = vec![Outcome::Refused(Refusal::RecordExists); transactions.len()];
        let admitted = Admitted {
            height: Height::new(1),
            time: TimeMs::new(9),
        };
        let chain = below.header.chain;
        Block::new(
            chain,
            admitted,
            below.digest,
            below.context,
            state,
            transactions,
            outcomes,
        )
    }

    #[test]
    fn a_block_is_read_as_it_was_written() {
        for block in [block(&[]), block(&[b"one", b"another"])] {
            let bytes = commonware_codec::Encode::encode(&block);
            assert_eq!(bytes.len(), block.encode_size());
            assert_eq!(Block::decode(bytes).unwrap(), block);
        }
    }

    #[test]
    fn a_body_that_its_header_does_not_name_is_refused() {
        let mut changed = block(&[b"one", b"another"]);
        changed.transactions.swap(0, 1);
        assert!(Block::decode(commonware_codec::Encode::encode(&changed)).is_err());
        let mut changed = block(&[b"one"]);
        changed.outcomes[0] = Outcome::Applied;
        assert!(Block::decode(commonware_codec::Encode::encode(&changed)).is_err());
        let mut changed = block(&[b"one"]);
        changed.transactions.clear();
        assert!(Block::decode(commonware_codec::Encode::encode(&changed)).is_err());
    }
}
