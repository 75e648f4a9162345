//! A hospital's private chain: what its node sealed, entry by entry in signed blocks, under one
//! growing Merkle tree that is anchored on the consortium chain. docs/PROTOCOL.md 5.2; tree and
//! proofs are RFC 9162 section 2.1.
//!
//! ```text
//! entry    author | nym | record | object | index digest | transaction | signature
//!          | evidence of the visit                                                    560 bytes
//! block    header {hospital, height, previous, first, count, root of its entries, tree over all
//!          entries, time}, signed
//! anchor   header | proof that the tree extends the one anchored before, by the hospital's node
//! ```
//! The ledger takes an anchor only with that proof, so a hospital cannot rewrite what it anchored;
//! and every entry names records that stand on the consortium chain, so a rewritten entry is placed
//! even when everything above it was rewritten to fit.

use schemars::JsonSchema;
use yilian_crypto::{
    hash::hash,
    label,
    pseudonym::Nym,
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{
    codec::{DecodeError, Encode, List, canonical},
    evidence::VisitEvidence,
    fixed,
    ids::{
        CertificateId, ChainId, Cid, Height, MemberId, RecordId, TimeMs, TransactionId, TreeHash,
    },
    inclusion::{climb, leaf, node},
    limits::{CONSISTENCY_MAX, PRIVATE_BLOCK_MAX, PRIVATE_PATH_MAX},
    registry::Admitted,
    sealed::SealedRecord,
    tx::SealVisit,
};

/// One sealed record, with the evidence that its author asked for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct PrivateEntry {
    /// The author's certificate.
    pub author: CertificateId,
    /// The visit's pseudonym.
    #[serde(with = "fixed::Hex::<Nym>")]
    pub nym: Nym,
    /// The record.
    pub record: RecordId,
    /// The hash of its ciphertext.
    pub object: Cid,
    /// The digest of its index entries.
    pub index: TreeHash,
    /// The transaction that puts it onto the consortium chain.
    pub transaction: TransactionId,
    /// By the author's certified key, over that transaction's visit, see
    /// [`crate::call::SealRequest`].
    #[serde(with = "fixed::Hex::<Signature>")]
    pub signature: Signature,
    /// What the patient signed, with the identity that regulators can open.
    pub evidence: VisitEvidence,
}
canonical!(PrivateEntry {
    author,
    nym,
    record,
    object,
    index,
    transaction,
    signature,
    evidence
});

impl PrivateEntry {
    /// Its hash as a leaf.
    #[must_use]
    pub fn leaf(&self) -> TreeHash {
        leaf(&[&self.to_vec()])
    }

    /// Whether this is what the entry says `sealed` of `visit` is.
    #[must_use]
    pub fn matches(&self, visit: &SealVisit) -> bool {
        let mut pairs = visit.records.iter().zip(visit.index.iter());
        self.object.record() == self.record
            && self.nym == visit.nym
            && pairs.any(|(sealed, index): (&SealedRecord, _)| {
                sealed.record == self.record && index.digest() == self.index
            })
    }
}

/// What a block of the private chain is hashed and signed as.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct PrivateHeader {
    /// The hospital.
    pub hospital: MemberId,
    /// Its height, from 1.
    pub height: Height,
    /// The hash of the block below; of nothing, for the first.
    pub previous: TreeHash,
    /// The number of its first entry.
    pub first: u64,
    /// How many entries it has.
    pub count: u32,
    /// The Merkle root over its entries.
    pub root: TreeHash,
    /// The Merkle root over all entries up to its last.
    pub tree: TreeHash,
    /// When it was closed, by the node's clock.
    pub time: TimeMs,
}
canonical!(PrivateHeader {
    hospital,
    height,
    previous,
    first,
    count,
    root,
    tree,
    time
});

impl PrivateHeader {
    /// Its hash.
    #[must_use]
    pub fn id(&self) -> TreeHash {
        TreeHash::from_bytes(hash(label::LOG_BLOCK, &[&self.to_vec()]))
    }

    /// How many entries there are up to its last.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.first.saturating_add(self.count as u64)
    }

    /// Signs it for the hospital of `chain`.
    #[must_use]
    pub fn sign(&self, chain: ChainId, node: &SigningKey) -> Signature {
        node.sign(label::LOG_BLOCK, &[chain.as_bytes(), &self.to_vec()])
    }
}

/// A workstation's word that it checked the entries of a block before the block was closed: author
/// certified and signed, record on the consortium chain. By a certified person of the hospital who
/// wrote none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct PrivateCheck {
    /// The hospital.
    pub hospital: MemberId,
    /// The block below; of nothing, for the first.
    pub previous: TreeHash,
    /// How many entries were checked, from the first behind that block on.
    pub count: u32,
    /// The Merkle root over them.
    pub root: TreeHash,
    /// Who checked.
    pub checker: CertificateId,
    /// By the checker's certified key.
    #[serde(with = "fixed::Hex::<Signature>")]
    pub signature: Signature,
}
canonical!(PrivateCheck {
    hospital,
    previous,
    count,
    root,
    checker,
    signature
});

impl PrivateCheck {
    /// Signs that `entries`, which follow the block `previous`, were checked.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        (hospital, previous): (MemberId, TreeHash),
        entries: &[PrivateEntry],
        checker: CertificateId,
        key: &SigningKey,
    ) -> Self {
        let leaves: Vec<TreeHash> = entries.iter().map(PrivateEntry::leaf).collect();
        let root = crate::inclusion::root(&leaves);
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let message = Self::message(chain, hospital, &previous, count, &root);
        Self {
            hospital,
            previous,
            count,
            root,
            checker,
            signature: key.sign(label::CALL_SIGNATURE, &[label::call::LOG_CHECK, &message]),
        }
    }

    /// Whether the checker signed it for this chain.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        checker: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let message = Self::message(chain, self.hospital, &self.previous, self.count, &self.root);
        checker.verify(
            label::CALL_SIGNATURE,
            &[label::call::LOG_CHECK, &message],
            &self.signature,
        )
    }

    /// Whether it is about the entries of the block with this header.
    #[must_use]
    pub fn is_of(&self, header: &PrivateHeader) -> bool {
        (self.hospital, self.previous, self.count, self.root)
            == (header.hospital, header.previous, header.count, header.root)
    }

    fn message(
        chain: ChainId,
        hospital: MemberId,
        previous: &TreeHash,
        count: u32,
        root: &TreeHash,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        hospital.encode(&mut message);
        previous.encode(&mut message);
        count.encode(&mut message);
        root.encode(&mut message);
        message
    }
}

/// The entries of no block yet.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct OpenEntries {
    /// The block below; of nothing, when there is none.
    pub previous: TreeHash,
    /// The number of the first.
    pub first: u64,
    /// The entries, as many as one block takes.
    pub entries: List<PrivateEntry, PRIVATE_BLOCK_MAX>,
}

/// A block of a private chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct PrivateBlock {
    /// Its header.
    pub header: PrivateHeader,
    /// By the hospital's node.
    #[serde(with = "fixed::Hex::<Signature>")]
    pub signature: Signature,
    /// Who checked the entries, where the hospital asks for it.
    pub check: Option<PrivateCheck>,
    /// Its entries.
    pub entries: List<PrivateEntry, PRIVATE_BLOCK_MAX>,
}
canonical!(PrivateBlock {
    header,
    signature,
    check,
    entries
});

impl PrivateBlock {
    /// Whether the hospital's node signed the header.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(&self, chain: ChainId, node: &VerifyingKey) -> Result<(), yilian_crypto::Error> {
        let parts: [&[u8]; 2] = [chain.as_bytes(), &self.header.to_vec()];
        node.verify(label::LOG_BLOCK, &parts, &self.signature)
    }
}

/// Puts the head of a private chain onto the consortium chain; by the hospital's node.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Anchor {
    /// The header of the latest block.
    pub header: PrivateHeader,
    /// That its tree extends the one anchored before; empty for the first anchor.
    pub consistency: ConsistencyProof,
}
canonical!(Anchor {
    header,
    consistency
});

/// An anchor as it stands on the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AnchorEntry {
    /// The header anchored.
    pub header: PrivateHeader,
    /// When it was.
    pub admitted: Admitted,
}
canonical!(AnchorEntry { header, admitted });

/// The hashes of perfect subtrees: of the leaves from `index * 2^level` on, `2^level` of them.
pub trait Subtrees {
    /// Why one cannot be told.
    type Error;

    /// The hash of one.
    ///
    /// # Errors
    /// When it is not there.
    fn perfect(&self, level: u32, index: u64) -> Result<TreeHash, Self::Error>;
}

/// The root over the leaves `from..to`, at least one.
fn range_root<S: Subtrees>(tree: &S, from: u64, to: u64) -> Result<TreeHash, S::Error> {
    let count = to - from;
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return tree.perfect(level, from >> level);
    }
    let half = split(count);
    let left = range_root(tree, from, from + half)?;
    Ok(node(&left, &range_root(tree, from + half, to)?))
}

/// The root over the first `size` leaves; of none, the hash of nothing.
///
/// # Errors
/// When a subtree is not there.
pub fn tree_root<S: Subtrees>(tree: &S, size: u64) -> Result<TreeHash, S::Error> {
    if size == 0 {
        return Ok(crate::inclusion::root(&[]));
    }
    range_root(tree, 0, size)
}

/// The largest power of two below `count`, which is at least 2.
const fn split(count: u64) -> u64 {
    count.next_power_of_two() / 2
}

/// Shows that an entry stands at its place in a tree: RFC 9162 section 2.1.3.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct PrivateInclusion {
    /// The entry's number.
    pub index: u64,
    /// Entries of the tree.
    pub size: u64,
    /// The neighbours' hashes, from the leaf up.
    pub path: List<TreeHash, PRIVATE_PATH_MAX>,
}
canonical!(PrivateInclusion { index, size, path });

impl PrivateInclusion {
    /// The proof for the entry `index` of the first `size`; `None` when it is not among them.
    ///
    /// # Errors
    /// When a subtree is not there.
    pub fn new<S: Subtrees>(tree: &S, index: u64, size: u64) -> Result<Option<Self>, S::Error> {
        if index >= size {
            return Ok(None);
        }
        let (mut from, mut to, mut path) = (0, size, Vec::new());
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(range_root(tree, middle, to)?);
                to = middle;
            } else {
                path.push(range_root(tree, from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Ok(List::new(path).ok().map(|path| Self { index, size, path }))
    }

    /// Checks that `leaf` stands at its place under `root`.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it does not.
    pub fn verify(&self, leaf: TreeHash, root: &TreeHash) -> Result<(), DecodeError> {
        match climb(self.index, self.size, leaf, self.path.iter()) {
            Some(found) if found == *root => Ok(()),
            _ => Err(DecodeError::Invalid {
                what: "inclusion proof of a log entry",
            }),
        }
    }
}

/// Shows that a tree extends a smaller one: RFC 9162 section 2.1.4.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct ConsistencyProof {
    path: List<TreeHash, CONSISTENCY_MAX>,
}
canonical!(ConsistencyProof { path });

impl ConsistencyProof {
    /// The proof that the first `new` leaves begin with the first `old`; empty when `old` is none,
    /// or all.
    ///
    /// # Errors
    /// When a subtree is not there.
    pub fn new<S: Subtrees>(tree: &S, old: u64, new: u64) -> Result<Self, S::Error> {
        let mut path = Vec::new();
        if 0 < old && old < new {
            subproof(tree, old, (0, new), true, &mut path)?;
        }
        Ok(Self {
            path: List::new(path).unwrap_or_default(),
        })
    }

    /// Checks that the tree of `new` leaves and root `new_root` extends that of `old` leaves and
    /// root `old_root`.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it does not.
    pub fn verify(
        &self,
        (old, old_root): (u64, &TreeHash),
        (new, new_root): (u64, &TreeHash),
    ) -> Result<(), DecodeError> {
        let good = if old == 0 {
            self.path.is_empty()
        } else if old == new {
            self.path.is_empty() && old_root == new_root
        } else {
            old < new && self.both_roots(old, new, old_root) == Some((*old_root, *new_root))
        };
        good.then_some(()).ok_or(DecodeError::Invalid {
            what: "consistency proof of a log",
        })
    }

    /// RFC 9162 section 2.1.4.2.
    fn both_roots(&self, old: u64, new: u64, old_root: &TreeHash) -> Option<(TreeHash, TreeHash)> {
        let (mut first, mut last) = (old - 1, new - 1);
        let shift = first.trailing_ones();
        first >>= shift;
        last >>= shift;
        let mut path = self.path.iter();
        let start = if old.is_power_of_two() {
            *old_root
        } else {
            *path.next()?
        };
        let (mut below, mut above) = (start, start);
        for neighbour in path {
            if last == 0 {
                return None;
            }
            if first & 1 == 1 || first == last {
                below = node(neighbour, &below);
                above = node(neighbour, &above);
                while first & 1 == 0 && first != 0 {
                    first >>= 1;
                    last >>= 1;
                }
            } else {
                above = node(&above, neighbour);
            }
            first >>= 1;
            last >>= 1;
        }
        (last == 0).then_some((below, above))
    }
}

/// SUBPROOF(m, D[n], b) of RFC 9162 section 2.1.4.1, for the leaves `from..to`, of which the first
/// `old` are old.
fn subproof<S: Subtrees>(
    tree: &S,
    old: u64,
    (from, to): (u64, u64),
    known: bool,
    path: &mut Vec<TreeHash>,
) -> Result<(), S::Error> {
    if old == to - from {
        if !known {
            path.push(range_root(tree, from, to)?);
        }
        return Ok(());
    }
    let half = split(to - from);
    let middle = from + half;
    if old <= half {
        subproof(tree, old, (from, middle), known, path)?;
        path.push(range_root(tree, middle, to)?);
    } else {
        subproof(tree, old - half, (middle, to), false, path)?;
        path.push(range_root(tree, from, middle)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;
    use crate::inclusion::{MerkleTree, root};

    struct Leaves(Vec<TreeHash>);

    impl Leaves {
        fn new(count: u64) -> Self {
            Self((0..count).map(|i| leaf(&[&i.to_be_bytes()])).collect())
        }

        fn root(&self, size: u64) -> TreeHash {
            root(&self.0[..size as usize])
        }
    }

    impl Subtrees for Leaves {
        type Error = Infallible;

        fn perfect(&self, level: u32, index: u64) -> Result<TreeHash, Infallible> {
            let size = 1_usize << level;
            let from = (index as usize) << level;
            Ok(root(&self.0[from..from + size]))
        }
    }

    #[test]
    fn trees_and_inclusion_proofs_are_those_of_blocks() {
        let leaves = Leaves::new(70);
        for size in 0..70 {
            let small = MerkleTree::new(leaves.0[..size as usize].to_vec());
            assert_eq!(tree_root(&leaves, size).unwrap(), small.root());
            for index in 0..size {
                let proof = PrivateInclusion::new(&leaves, index, size)
                    .unwrap()
                    .unwrap();
                let other = small.proof(index as usize).unwrap();
                assert_eq!(
                    proof.path.clone().into_vec(),
                    other.path.into_vec(),
                    "{index} of {size}"
                );
                proof
                    .verify(leaves.0[index as usize], &small.root())
                    .unwrap();
            }
            assert_eq!(PrivateInclusion::new(&leaves, size, size).unwrap(), None);
        }
    }

    #[test]
    fn every_tree_extends_every_smaller_one_and_no_other() {
        let leaves = Leaves::new(40);
        let mut forged = Leaves::new(40);
        for new in 0..40 {
            for old in 0..=new {
                let proof = ConsistencyProof::new(&leaves, old, new).unwrap();
                let (below, above) = (leaves.root(old), leaves.root(new));
                proof
                    .verify((old, &below), (new, &above))
                    .unwrap_or_else(|_| panic!("{old} {new}"));
                assert!(proof.verify((new + 1, &below), (new, &above)).is_err());
                if old == 0 {
                    continue;
                }
                // An entry below was rewritten, and everything above made to fit.
                for place in [0, old / 2, old - 1] {
                    let before =
                        std::mem::replace(&mut forged.0[place as usize], leaf(&[b"forged"]));
                    let above = forged.root(new);
                    let proof = ConsistencyProof::new(&forged, old, new).unwrap();
                    let verified = proof.verify((old, &below), (new, &above));
                    assert!(verified.is_err(), "{place} of {old} rewritten under {new}");
                    forged.0[place as usize] = before;
                }
            }
        }
    }

    /// The example of RFC 9162 section 2.1.5: the proofs between trees of 3, 4, 6 and 7 leaves.
    #[test]
    fn the_standards_example_has_the_standards_proofs() {
        let leaves = Leaves::new(7);
        let range = |from: usize, to: usize| root(&leaves.0[from..to]);
        let (a, b) = (range(0, 1), range(1, 2));
        let (c, d) = (range(2, 3), range(3, 4));
        let (g, h, i, j) = (node(&a, &b), node(&c, &d), range(4, 6), range(6, 7));
        let (k, l) = (node(&g, &h), node(&i, &j));
        let proof = |old, new| {
            ConsistencyProof::new(&leaves, old, new)
                .unwrap()
                .path
                .into_vec()
        };
        assert_eq!(proof(3, 7), [c, d, g, l]);
        assert_eq!(proof(4, 7), [l]);
        assert_eq!(proof(6, 7), [i, j, k]);
        let inclusion = |index| {
            PrivateInclusion::new(&leaves, index, 7)
                .unwrap()
                .unwrap()
                .path
                .into_vec()
        };
        assert_eq!(inclusion(0), [b, h, l]);
        assert_eq!(inclusion(3), [c, g, l]);
        assert_eq!(inclusion(4), [range(5, 6), j, k]);
        assert_eq!(inclusion(6), [i, k]);
    }

    proptest! {
        #[test]
        fn a_changed_consistency_proof_is_refused(
            old in 1_u64..60, more in 1_u64..60, fault in 0_usize..4, bit in 0_usize..256,
        ) {
            let new = old + more;
            let leaves = Leaves::new(new);
            let proof = ConsistencyProof::new(&leaves, old, new).unwrap();
            let mut path = proof.path.into_vec();
            match fault {
                0 => path.push(TreeHash::from_bytes([7; 32])),
                1 if !path.is_empty() => { path.pop(); }
                2 if !path.is_empty() => {
                    let place = bit % path.len();
                    let mut bytes = path[place].to_bytes();
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    path[place] = TreeHash::from_bytes(bytes);
                }
                3 if path.len() > 1 && path[0] != path[1] => path.swap(0, 1),
                _ => return Ok(()),
            }
            let proof = ConsistencyProof { path: List::new(path).unwrap() };
            let (below, above) = (leaves.root(old), leaves.root(new));
            prop_assert!(proof.verify((old, &below), (new, &above)).is_err());
        }
    }
}
