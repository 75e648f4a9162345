//! Blocks as consensus sees them: the protocol's header, and the body under its Merkle root.
//!
//! Encoding: header bytes, transactions, one outcome byte each, and in some blocks what the
//! validators need to hand the group key on. A block whose body is not the one its header names
//! does not decode. The header's `consensus` field is commonware's context (round, leader, parent),
//! root and span of the logs of both parts of the state, and the hash of that last piece.

use std::{fmt, num::NonZeroU32};

use bytes::Bytes;
use commonware_codec::{
    Buf, Encode as _, EncodeSize, Error as CodecError, RangeCfg, Read, ReadExt as _, Write,
};
use commonware_consensus::{
    Block as ConsensusBlock, BoundedBlock, CertifiableBlock, Heightable,
    simplex::types::Context,
    types::{Epoch, Height as ConsensusHeight, Round, View},
};
use commonware_cryptography::{
    Digestible, Hasher as _,
    blake3::{Blake3, Digest},
    bls12381::primitives::{sharing::ModeVersion, variant::MinSig},
    ed25519::PublicKey,
};
use commonware_glue::dkg::{ReshareBlock, network::Addresses, types};
use commonware_runtime::BufMut;
use commonware_storage::{mmr, qmdb::sync::Target};
use commonware_utils::NZU32;
use yilian_protocol::{
    ChainId, Height, TimeMs, TransactionId, TreeHash,
    block::{Header, transaction_leaf},
    codec::{Blob, Decode as _, Encode as _},
    inclusion::{self, MerkleTree},
    limits::{BLOCK_TRANSACTIONS_MAX, DELEGATES_MAX, FINALITY_MAX},
    receipt::Receipt,
    refusal::Outcome,
    registry::Admitted,
};

use super::{encoded::EncodedTransaction, place::Place};

/// Bytes of the largest header.
const HEADER_MAX: usize = 1024;
/// Bytes of all transactions of a block: ten batches of records, or two of the largest
/// transactions. Larger blocks take longer than they save, and fill the memory of whoever keeps the
/// latest of every peer.
pub(super) const BODY_MAX: usize = 1024 * 1024;

/// Bytes of the largest [`Handover`].
const HANDOVER_MAX: usize = 64 * 1024;

/// Bytes of the largest encoded block: header and body, and a length before each piece.
pub(super) const SIZE_MAX: usize =
    HEADER_MAX + BODY_MAX + HANDOVER_MAX + BLOCK_TRANSACTIONS_MAX * 6 + 32;

/// Validators of an epoch, at most.
pub(super) const VALIDATORS_MAX: NonZeroU32 = NZU32!(DELEGATES_MAX as u32);

/// How the group key goes from the validators of one epoch to those of the next: what a dealer
/// dealt, or the outcome.
pub(super) type Handover = types::Payload<MinSig, PublicKey, Addresses<PublicKey>>;
/// Who votes in an epoch and the next two, and the public polynomial of the group key.
pub(super) type EpochInfo = types::EpochInfo<MinSig, PublicKey, Addresses<PublicKey>>;

/// A final block.
#[derive(Debug, Clone)]
pub struct FinalBlock {
    /// Its header.
    pub header: Header,
    /// What makes it final, see [`yilian_protocol::finality`]; empty for the genesis, and when it
    /// is damaged.
    pub finality: Blob<FINALITY_MAX>,
    /// Its transactions, with what became of them.
    pub transactions: Vec<(EncodedTransaction, Outcome)>,
}

/// What the receipts of a final block have in common.
#[derive(Debug)]
pub(super) struct ProvenBlock {
    header: Header,
    finality: Blob<FINALITY_MAX>,
    tree: MerkleTree,
}

impl ProvenBlock {
    /// Hashes the block's transactions together; `None` when nothing shows that it is final.
    pub fn of(block: FinalBlock) -> Option<Self> {
        let (transactions, outcomes): (Vec<EncodedTransaction>, Vec<Outcome>) =
            block.transactions.into_iter().unzip();
        (!block.finality.as_slice().is_empty()).then(|| Self {
            header: block.header,
            finality: block.finality,
            tree: MerkleTree::new(leaves(&transactions, &outcomes)),
        })
    }

    /// The receipt of the block's transaction `id`, which stands at `place`; `None` when the block
    /// is not so large.
    pub fn receipt(&self, id: TransactionId, place: Place) -> Option<Receipt> {
        Some(Receipt {
            transaction: id,
            outcome: place.outcome,
            header: self.header.clone(),
            finality: self.finality.clone(),
            inclusion: self.tree.proof(place.index as usize)?,
        })
    }
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

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub header: Header,
    pub context: Context<Digest, PublicKey>,
    pub state: StateTarget,
    pub body: Body,
    digest: Digest,
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Block").field(&self.header).finish()
    }
}

/// What a block holds beside its header.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Body {
    pub transactions: Vec<EncodedTransaction>,
    /// One for each transaction.
    pub outcomes: Vec<Outcome>,
    pub handover: Option<Handover>,
}

impl Block {
    /// The block below all others.
    pub fn genesis(
        chain: ChainId,
        created: TimeMs,
        leader: PublicKey,
        state: StateTarget,
        info: EpochInfo,
    ) -> Self {
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
        let body = Body {
            handover: Some(Handover::EpochInfo(info)),
            ..Body::default()
        };
        Self::new(chain, admitted, nothing, context, state, body)
    }

    /// A block of `body` on top of `parent`.
    pub fn new(
        chain: ChainId,
        admitted: Admitted,
        parent: Digest,
        context: Context<Digest, PublicKey>,
        state: StateTarget,
        body: Body,
    ) -> Self {
        let mut consensus = context.encode().to_vec();
        consensus.extend_from_slice(&state.operations.encode());
        consensus.extend_from_slice(&state.once.encode());
        consensus.extend_from_slice(&Blake3::hash(&[&body.handover.encode()]));
        let size: usize = body.transactions.iter().map(EncodedTransaction::size).sum();
        let header = Header {
            chain,
            height: admitted.height,
            parent: yilian_protocol::BlockId::from_bytes(parent.0),
            time: admitted.time,
            count: u32::try_from(body.transactions.len()).unwrap_or(u32::MAX),
            size: u32::try_from(size).unwrap_or(u32::MAX),
            transactions: inclusion::root(&leaves(&body.transactions, &body.outcomes)),
            state: TreeHash::from_bytes(state.root.0),
            consensus: Blob::new(consensus).unwrap_or_else(|_| Blob::default()),
        };
        let digest = Digest::from(header.id().to_bytes());
        Self {
            header,
            context,
            state,
            body,
            digest,
        }
    }

    /// Height and time.
    pub const fn admitted(&self) -> Admitted {
        self.header.admitted()
    }

    fn parse(
        header: &[u8],
        transactions: Vec<EncodedTransaction>,
        outcomes: &[u8],
        handover: Option<Handover>,
    ) -> Option<Self> {
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
        let body = Body {
            transactions,
            outcomes,
            handover,
        };
        let rebuilt = Self::new(
            header.chain,
            header.admitted(),
            parent,
            context,
            state,
            body,
        );
        // One spelling: what the header says of the body must be what the body says of itself.
        (rebuilt.header == header && (header.size as usize) <= BODY_MAX).then_some(rebuilt)
    }
}

/// The leaves of a block's Merkle tree.
fn leaves(transactions: &[EncodedTransaction], outcomes: &[Outcome]) -> Vec<TreeHash> {
    let pairs = transactions.iter().zip(outcomes);
    pairs
        .map(|(transaction, outcome)| transaction_leaf(transaction.id(), *outcome))
        .collect()
}

impl Write for Block {
    fn write(&self, buffer: &mut impl BufMut) {
        self.header.to_vec().write(buffer);
        self.body.transactions.write(buffer);
        self.body
            .outcomes
            .iter()
            .map(|outcome| outcome.code())
            .collect::<Vec<u8>>()
            .write(buffer);
        self.body.handover.write(buffer);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        let outcomes = vec![0_u8; self.body.outcomes.len()];
        self.header.to_vec().encode_size()
            + self.body.transactions.encode_size()
            + outcomes.encode_size()
            + self.body.handover.encode_size()
    }
}

impl Read for Block {
    type Cfg = ();

    fn read_cfg(buffer: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let header = Vec::<u8>::read_cfg(buffer, &(RangeCfg::new(0..=HEADER_MAX), ()))?;
        let transactions = Vec::<EncodedTransaction>::read_cfg(
            buffer,
            &(RangeCfg::new(0..=BLOCK_TRANSACTIONS_MAX), ()),
        )?;
        let outcomes =
            Vec::<u8>::read_cfg(buffer, &(RangeCfg::new(0..=BLOCK_TRANSACTIONS_MAX), ()))?;
        let handover = Option::<Handover>::read_cfg(buffer, &(VALIDATORS_MAX, ModeVersion::v0()))?;
        Self::parse(&header, transactions, &outcomes, handover).ok_or(CodecError::Invalid(
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

impl ReshareBlock for Block {
    type Variant = MinSig;
    type PublicKey = PublicKey;
    type Directory = Addresses<PublicKey>;

    fn payload(&self) -> Option<Handover> {
        self.body.handover.clone()
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
    use commonware_cryptography::{
        Signer as _,
        bls12381::{dkg::feldman_desmedt::deal, primitives::sharing::Mode},
        ed25519::PrivateKey,
    };
    use commonware_p2p::Address;
    use commonware_utils::{N3f1, TestRng, non_empty_range, ordered::Set};
    use yilian_protocol::refusal::Refusal;

    use super::*;

    fn log(root: u8, size: u64) -> Target<mmr::Family, Digest> {
        let range = non_empty_range!(mmr::Location::new(2), mmr::Location::new(size));
        Target::new(Digest::from([root; 32]), range)
    }

    fn info(count: u64) -> EpochInfo {
        let players = (0..count).map(|seed| PrivateKey::from_seed(seed).public_key());
        let players = Set::from_iter_dedup(players);
        let (output, _) =
            deal::<MinSig, _, N3f1>(TestRng::new(1), Mode::NonZeroCounter, players.clone())
                .unwrap();
        let address = Address::from(std::net::SocketAddr::from(([10, 0, 0, 1], 9)));
        let directory = players.iter().map(|key| (key.clone(), address.clone()));
        EpochInfo {
            outcome: types::EpochOutcome::Success,
            epoch: Epoch::zero(),
            output,
            next_players: players.clone(),
            directory: directory.collect(),
            players,
        }
    }

    #[test]
    fn what_hands_the_key_on_fits_a_block() {
        assert!(Handover::max_encode_size(VALIDATORS_MAX) <= HANDOVER_MAX);
        let largest = Handover::EpochInfo(info(VALIDATORS_MAX.get().into()));
        assert!(commonware_codec::Encode::encode(&largest).len() <= HANDOVER_MAX);
    }

    fn block(transactions: &[&'static [u8]]) -> Block {
        let leader = PrivateKey::from_seed(1).public_key();
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
            info(4),
        );
        let transactions: Vec<_> = transactions
            .iter()
            .map(|bytes| Bytes::from_static(bytes).into())
            .collect();
        let outcomes = vec![Outcome::Refused(Refusal::RecordExists); transactions.len()];
        let body = Body {
            transactions,
            outcomes,
            handover: below.body.handover,
        };
        let admitted = Admitted {
            height: Height::new(1),
            time: TimeMs::new(9),
        };
        let chain = below.header.chain;
        Block::new(chain, admitted, below.digest, below.context, state, body)
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
        changed.body.transactions.swap(0, 1);
        assert!(Block::decode(commonware_codec::Encode::encode(&changed)).is_err());
        let mut changed = block(&[b"one"]);
        changed.body.outcomes[0] = Outcome::Applied;
        assert!(Block::decode(commonware_codec::Encode::encode(&changed)).is_err());
        let mut changed = block(&[b"one"]);
        changed.body.transactions.clear();
        assert!(Block::decode(commonware_codec::Encode::encode(&changed)).is_err());
        let mut changed = block(&[b"one"]);
        changed.body.handover = None;
        assert!(Block::decode(commonware_codec::Encode::encode(&changed)).is_err());
    }
}
