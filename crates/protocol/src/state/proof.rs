//! Proofs that a value stands in the state of a final block, and that none does.
//!
//! The provable part of the state is an append-only log of operations (commonware's
//! `qmdb::current`, ordered, over a Merkle mountain range and BLAKE3). Its verification is written
//! out here, so that a light client needs no database. An operation
//!
//! ```text
//! update = d2 | key 32 | varint(len) value | next key 32     (the next in use, around the ring)
//! commit = d3 | 00 | varint(floor)
//! ```
//! is a leaf of the mountain range; a bitmap says which operations are the latest of their key. 256
//! leaves (one chunk, 32 bytes of the bitmap) share one *grafted* node, which binds their bits:
//!
//! ```text
//! leaf    = H(position | operation)             node = H(position | left | right)
//! grafted = H(chunk | node) at height 8; the node itself when the chunk is all zero
//! peaks   = the first `inactive` folded forwards, the rest backwards: H(a | b)
//! range   = H(00 01 | leaves [| inactive] | peaks)
//! root    = H(operations root | range [| bits in the last chunk | H(last chunk)])
//! ```
//! Positions and counts are 8 bytes, big-endian. An update whose bit is set proves its value; that
//! no key lies between its key and its next key proves all between absent. A proof is about 32
//! bytes x log2(operations) + 150, so 1 kB at a million.

use schemars::JsonSchema;

use crate::{
    block::Header,
    codec::{Blob, Decode, DecodeError, Encode, List, Reader, canonical},
    finality,
    ids::{ChainId, Chunk, StateKey, TreeHash},
    limits::{FINALITY_MAX, PROOFS_MAX, STATE_PATH_MAX, STATE_VALUE_MAX},
    receipt::ReceiptError,
};

/// What stands at some keys in the state after a final block.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct ProvenState {
    /// The block's header, with the root.
    pub header: Header,
    /// What makes the block final.
    pub finality: Blob<FINALITY_MAX>,
    /// One proof for each key asked for, in order.
    pub proofs: List<StateProof, PROOFS_MAX>,
}

impl ProvenState {
    /// What stands at each of `keys`, after every check a light client can make: the chain, the
    /// certificate under the genesis group key, each proof.
    ///
    /// # Errors
    /// [`ReceiptError`] names the first check that fails.
    pub fn verify(
        &self,
        chain: ChainId,
        group_key: &[u8],
        keys: &[StateKey],
    ) -> Result<Vec<Option<&[u8]>>, ReceiptError> {
        if self.header.chain != chain {
            return Err(ReceiptError::OtherChain);
        }
        finality::verify(self.finality.as_slice(), group_key, &self.header)
            .map_err(|_| ReceiptError::Finality)?;
        self.verify_final(keys)
    }

    /// As [`ProvenState::verify`], when the caller knows that the header's block is final: a
    /// certificate costs two pairings.
    ///
    /// # Errors
    /// [`ReceiptError::State`] when a proof does not verify.
    pub fn verify_final(&self, keys: &[StateKey]) -> Result<Vec<Option<&[u8]>>, ReceiptError> {
        if self.proofs.len() != keys.len() {
            return Err(ReceiptError::State);
        }
        let proofs = keys.iter().zip(self.proofs.iter());
        proofs
            .map(|(key, proof)| proof.verify(key, &self.header.state))
            .collect::<Result<_, _>>()
            .map_err(|_| ReceiptError::State)
    }
}

/// What stands at a key, with the proof of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct StateProof {
    /// The operation that shows it.
    pub operation: Operation,
    /// That the operation stands in the log and is the latest of its key.
    pub place: PrivatePlace,
}
canonical!(StateProof { operation, place });

/// An operation of the state's log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Operation {
    /// A key's value, and the next key in use.
    Update(Update),
    /// The end of a batch; shows that nothing is in use when the floor is the commit itself.
    Commit,
}

/// A key's value, and the next key in use.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Update {
    /// The key.
    pub key: StateKey,
    /// Its value.
    pub value: Blob<STATE_VALUE_MAX>,
    /// The next key in use, the first after the last.
    pub next: StateKey,
}
canonical!(Update { key, value, next });

/// Where an operation stands in the log, and that it is the latest of its key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct PrivatePlace {
    /// The operation's number, from 0.
    pub location: u64,
    /// Operations in the log.
    pub leaves: u64,
    /// Peaks folded forwards.
    pub inactive: u32,
    /// Hashes: the peaks before and after the operation's, then the siblings on the way down to
    /// it.
    pub path: List<TreeHash, STATE_PATH_MAX>,
    /// The bits of the 256 operations around it.
    pub chunk: Chunk,
    /// The hash of the last chunk, when it is not full.
    pub last_chunk: Option<TreeHash>,
    /// The root of the log without bits.
    pub operations: TreeHash,
}
canonical!(PrivatePlace {
    location,
    leaves,
    inactive,
    path,
    chunk,
    last_chunk,
    operations
});

/// Operations whose bits share a node.
const CHUNK_BITS: u64 = 256;
/// Height of the nodes over one chunk.
const GRAFTING_HEIGHT: u32 = 8;
/// More operations than any log will hold; positions stay below 2^63.
const LEAVES_MAX: u64 = 1 << 62;
/// Mountain range, peaks bagged backwards.
const RANGE_DOMAIN: [u8; 2] = [0, 1];
const UPDATE: u8 = 0xd2;
const COMMIT: u8 = 0xd3;

impl StateProof {
    /// What stands at `key` in the state with this `root`: its value, or nothing.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when the proof does not show it.
    pub fn verify(&self, key: &StateKey, root: &TreeHash) -> Result<Option<&[u8]>, DecodeError> {
        let shown = match &self.operation {
            Operation::Update(update) if update.key == *key => Some(Some(update.value.as_slice())),
            Operation::Update(update) => update.spans(key).then_some(None),
            Operation::Commit => Some(None),
        };
        let operation = self.operation.in_log(self.place.location);
        match shown {
            Some(value) if self.place.root(&operation).as_ref() == Some(root) => Ok(value),
            _ => Err(DecodeError::Invalid {
                what: "proof of the state",
            }),
        }
    }
}

impl Update {
    /// Whether `key` lies strictly between the update's key and the next, around the ring.
    fn spans(&self, key: &StateKey) -> bool {
        if self.key < self.next {
            self.key < *key && *key < self.next
        } else {
            // The last key in use: its next is the first. One key alone is its own next.
            *key > self.key || *key < self.next
        }
    }
}

impl Operation {
    /// The bytes in the log. A commit shows emptiness only when its floor is its own location.
    fn in_log(&self, location: u64) -> Vec<u8> {
        match self {
            Self::Update(Update { key, value, next }) => {
                let mut bytes = vec![UPDATE];
                bytes.extend_from_slice(key.as_bytes());
                varint(value.as_slice().len() as u64, &mut bytes);
                bytes.extend_from_slice(value.as_slice());
                bytes.extend_from_slice(next.as_bytes());
                bytes
            }
            Self::Commit => {
                let mut bytes = vec![COMMIT, 0];
                varint(location, &mut bytes);
                bytes
            }
        }
    }
}

impl PrivatePlace {
    /// The root under which `operation` stands here as the latest of its key.
    fn root(&self, operation: &[u8]) -> Option<TreeHash> {
        let bit = self.location % CHUNK_BITS;
        let byte = self.chunk.as_bytes().get(usize::try_from(bit / 8).ok()?)?;
        if self.location >= self.leaves || self.leaves > LEAVES_MAX || byte & (1 << (bit % 8)) == 0
        {
            return None;
        }
        let range = self.range(operation)?;
        let bits = self.leaves % CHUNK_BITS;
        match &self.last_chunk {
            None if bits == 0 => Some(hash(&[self.operations.as_bytes(), range.as_bytes()])),
            Some(last) if bits != 0 => {
                let here = self.location / CHUNK_BITS == self.leaves / CHUNK_BITS;
                if here && *last != hash(&[self.chunk.as_bytes()]) {
                    return None;
                }
                let bits = bits.to_be_bytes();
                let parts = [
                    self.operations.as_bytes().as_slice(),
                    range.as_bytes(),
                    &bits,
                    last.as_bytes(),
                ];
                Some(hash(&parts))
            }
            _ => None,
        }
    }

    /// The root of the mountain range, bits grafted in.
    fn range(&self, operation: &[u8]) -> Option<TreeHash> {
        let peaks = peaks(self.leaves);
        let at = peaks.iter().position(|peak| peak.holds(self.location))?;
        let (inactive, after) = (self.inactive as usize, peaks.len() - at - 1);
        if inactive > peaks.len() {
            return None;
        }
        let mut path = self.path.iter().copied();

        // Peaks folded forwards before ours come as one hash, the active ones one by one.
        let folded = inactive.min(at);
        let mut list: Vec<TreeHash> = path
            .by_ref()
            .take(usize::from(folded > 0) + at - folded)
            .collect();
        // Likewise after ours, where the active ones are one hash, folded backwards.
        let single = inactive.saturating_sub(at + 1).min(after);
        let behind: Vec<TreeHash> = path
            .by_ref()
            .take(single + usize::from(after > single))
            .collect();
        list.push(self.climb(peaks.get(at)?, operation, &mut path)?);
        list.extend(behind);
        let expected =
            usize::from(folded > 0) + (at - folded) + 1 + single + usize::from(after > single);
        if path.next().is_some() || list.len() != expected {
            return None;
        }

        let forwards = if folded > 0 {
            inactive - folded + 1
        } else {
            inactive
        };
        let bagged = bag(&list, forwards)?;
        let leaves = self.leaves.to_be_bytes();
        let count = u64::from(self.inactive).to_be_bytes();
        let mut parts: Vec<&[u8]> = vec![&RANGE_DOMAIN, &leaves];
        if inactive > 0 {
            parts.push(&count);
        }
        parts.push(bagged.as_bytes());
        Some(hash(&parts))
    }

    /// The hash of `tree`, in which the operation stands; siblings come from `path`, left ones on
    /// the way down, right ones on the way up.
    fn climb(
        &self,
        tree: &Tree,
        operation: &[u8],
        path: &mut impl Iterator<Item = TreeHash>,
    ) -> Option<TreeHash> {
        let position = tree.position().to_be_bytes();
        let Some((left, right)) = tree.children() else {
            return Some(hash(&[&position, operation]));
        };
        let (left, right) = if left.holds(self.location) {
            (self.climb(&left, operation, path)?, path.next()?)
        } else {
            (path.next()?, self.climb(&right, operation, path)?)
        };
        let node = hash(&[&position, left.as_bytes(), right.as_bytes()]);
        let grafts = tree.height == GRAFTING_HEIGHT && *self.chunk.as_bytes() != [0; Chunk::SIZE];
        Some(if grafts {
            hash(&[self.chunk.as_bytes(), node.as_bytes()])
        } else {
            node
        })
    }
}

/// A perfect tree of the mountain range.
struct Tree {
    first: u64,
    height: u32,
}

impl Tree {
    const fn holds(&self, location: u64) -> bool {
        self.first <= location && location - self.first < 1 << self.height
    }

    /// The number of the tree's root among all nodes, in the order in which they are made.
    fn position(&self) -> u64 {
        let leaf = 2 * self.first - u64::from(self.first.count_ones());
        leaf + (1 << (self.height + 1)) - 2
    }

    fn children(&self) -> Option<(Self, Self)> {
        let height = self.height.checked_sub(1)?;
        let left = Self {
            first: self.first,
            height,
        };
        let right = Self {
            first: self.first + (1 << height),
            height,
        };
        Some((left, right))
    }
}

/// The trees of a range of `leaves` leaves: one for each bit of the count, the largest first.
fn peaks(leaves: u64) -> Vec<Tree> {
    let mut first = 0;
    let mut peaks = Vec::new();
    for height in (0..u64::BITS).rev().filter(|bit| leaves >> bit & 1 == 1) {
        peaks.push(Tree { first, height });
        first += 1 << height;
    }
    peaks
}

/// Folds the first `forwards` hashes forwards, the rest backwards, and both together.
fn bag(peaks: &[TreeHash], forwards: usize) -> Option<TreeHash> {
    let (front, back) = peaks.split_at_checked(forwards.max(1))?;
    let fold = |a: TreeHash, b: &TreeHash| hash(&[a.as_bytes(), b.as_bytes()]);
    let front = front.iter().skip(1).fold(*front.first()?, fold);
    let back = back
        .iter()
        .rev()
        .copied()
        .reduce(|bag, peak| hash(&[peak.as_bytes(), bag.as_bytes()]));
    Some(back.map_or(front, |back| fold(front, &back)))
}

/// Plain BLAKE3: the database's hash knows no labels, positions tell its nodes apart.
fn hash(parts: &[&[u8]]) -> TreeHash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    TreeHash::from_bytes(*hasher.finalize().as_bytes())
}

/// LEB128: seven bits a byte, the lowest first.
fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

impl Encode for Operation {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Commit => out.push(0),
            Self::Update(update) => {
                out.push(1);
                update.encode(out);
            }
        }
    }
}

impl Decode for Operation {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(Self::Commit),
            1 => Ok(Self::Update(Update::decode(input)?)),
            tag => Err(DecodeError::UnknownTag {
                what: "operation of the state",
                tag,
            }),
        }
    }
}
