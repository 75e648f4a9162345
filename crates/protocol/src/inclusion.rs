//! Merkle tree hashing and inclusion proofs, RFC 9162 section 2.1, over BLAKE3.
//!
//! # Deviation
//! Leaves and nodes are told apart by the labels `merkle-leaf` and `merkle-node` of the one label
//! table instead of the bytes 0 and 1; the shape of the tree and of the paths is the standard's.

use schemars::JsonSchema;
use yilian_crypto::{hash::hash, label};

use crate::{
    codec::{DecodeError, List, canonical},
    ids::TreeHash,
    limits::PATH_MAX,
};

/// The hash of one leaf.
#[must_use]
pub fn leaf(content: &[&[u8]]) -> TreeHash {
    TreeHash::from_bytes(hash(label::MERKLE_LEAF, content))
}

/// The root over `leaves`; that of no leaves is the hash of nothing.
#[must_use]
pub fn root(leaves: &[TreeHash]) -> TreeHash {
    MerkleTree::new(leaves.to_vec()).root()
}

/// A tree with all its inner nodes: many proofs at the cost of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleTree {
    /// The leaves, and above them level by level up to the root. A node without a neighbour moves
    /// up as it is.
    levels: Vec<Vec<TreeHash>>,
}

impl MerkleTree {
    /// The tree over `leaves`.
    #[must_use]
    pub fn new(leaves: Vec<TreeHash>) -> Self {
        let mut levels = Vec::new();
        let mut level = leaves;
        while level.len() > 1 {
            let above = level.chunks(2).filter_map(|pair| match pair {
                [left, right] => Some(node(left, right)),
                [alone] => Some(*alone),
                _ => None,
            });
            let above = above.collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let top = self.levels.last().and_then(|level| level.first());
        top.copied()
            .unwrap_or_else(|| TreeHash::from_bytes(hash(label::MERKLE_NODE, &[])))
    }

    /// The proof for the leaf at `index`; `None` when there is no such leaf.
    #[must_use]
    pub fn proof(&self, index: usize) -> Option<InclusionProof> {
        let size = self.levels.first()?.len();
        if index >= size {
            return None;
        }
        let above = self.levels.iter().zip(0..usize::BITS);
        let neighbours = above.filter_map(|(level, height)| level.get((index >> height) ^ 1));
        Some(InclusionProof {
            index: u32::try_from(index).ok()?,
            size: u32::try_from(size).ok()?,
            path: List::new(neighbours.copied().collect()).ok()?,
        })
    }
}

/// Shows that a leaf stands at `index` among `size` leaves.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct InclusionProof {
    /// The leaf's place, from 0.
    pub index: u32,
    /// How many leaves the tree has.
    pub size: u32,
    /// The neighbours' hashes, from the leaf up.
    pub path: List<TreeHash, PATH_MAX>,
}
canonical!(InclusionProof { index, size, path });

impl InclusionProof {
    /// The proof for the leaf at `index` of `leaves`; `None` when there is no such leaf.
    #[must_use]
    pub fn new(leaves: &[TreeHash], index: usize) -> Option<Self> {
        MerkleTree::new(leaves.to_vec()).proof(index)
    }

    /// Checks that `leaf` stands at its place under `root`.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when the proof does not lead from the leaf to the root.
    pub fn verify(&self, leaf: TreeHash, root: &TreeHash) -> Result<(), DecodeError> {
        match climb(self.index.into(), self.size.into(), leaf, self.path.iter()) {
            Some(found) if found == *root => Ok(()),
            _ => Err(DecodeError::Invalid {
                what: "inclusion proof",
            }),
        }
    }
}

/// The root that `path` leads to from the leaf at `index` of `size`: RFC 9162 section 2.1.3.2.
pub(crate) fn climb<'a>(
    index: u64,
    size: u64,
    leaf: TreeHash,
    path: impl Iterator<Item = &'a TreeHash>,
) -> Option<TreeHash> {
    if index >= size {
        return None;
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = leaf;
    for neighbour in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            hash = node(neighbour, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, neighbour);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

pub(crate) fn node(left: &TreeHash, right: &TreeHash) -> TreeHash {
    TreeHash::from_bytes(hash(
        label::MERKLE_NODE,
        &[left.as_bytes(), right.as_bytes()],
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: usize) -> Vec<TreeHash> {
        (0..count).map(|i| leaf(&[&i.to_be_bytes()])).collect()
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proven_and_no_other() {
        for size in 1..40 {
            let leaves = leaves(size);
            let root = root(&leaves);
            for index in 0..size {
                let proof = InclusionProof::new(&leaves, index).unwrap();
                proof.verify(leaves[index], &root).unwrap();
                for other in (0..size).filter(|other| *other != index) {
                    assert!(proof.verify(leaves[other], &root).is_err());
                }
            }
            assert_eq!(InclusionProof::new(&leaves, size), None);
        }
    }

    /// RFC 9162 section 2.1.1, as it stands there.
    fn root_by_definition(leaves: &[TreeHash]) -> TreeHash {
        match leaves {
            [] => TreeHash::from_bytes(hash(label::MERKLE_NODE, &[])),
            [only] => *only,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(half);
                node(&root_by_definition(left), &root_by_definition(right))
            }
        }
    }

    #[test]
    fn the_tree_is_the_standards() {
        for size in 0..70 {
            let leaves = leaves(size);
            assert_eq!(root(&leaves), root_by_definition(&leaves), "{size} leaves");
        }
    }

    #[test]
    fn a_node_cannot_pose_as_a_leaf() {
        let leaves = leaves(4);
        let inner = node(&leaves[0], &leaves[1]);
        let forged = InclusionProof {
            index: 0,
            size: 2,
            path: List::new(vec![node(&leaves[2], &leaves[3])]).unwrap(),
        };
        // The arithmetic works for whoever may name hashes; that is why `leaf` hashes content under
        // its own label.
        forged.verify(inner, &root(&leaves)).unwrap();
        assert_ne!(leaf(&[leaves[0].as_bytes(), leaves[1].as_bytes()]), inner);
    }

    proptest! {
        #[test]
        fn a_changed_proof_is_refused(
            size in 1_usize..200, index in 0_usize..200, fault in 0_usize..5, bit in 0_usize..256,
        ) {
            let leaves = leaves(size);
            let index = index % size;
            let root = root(&leaves);
            let mut proof = InclusionProof::new(&leaves, index).unwrap();
            let mut path = proof.path.clone().into_vec();
            match fault {
                0 => path.push(TreeHash::from_bytes([7; 32])),
                1 if !path.is_empty() => { path.pop(); }
                2 if !path.is_empty() => {
                    let place = bit % path.len();
                    let mut bytes = path[place].to_bytes();
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    path[place] = TreeHash::from_bytes(bytes);
                }
                3 => proof.index = proof.size,
                4 if path.len() > 1 && path[0] != path[1] => path.swap(0, 1),
                _ => return Ok(()),
            }
            proof.path = List::new(path).unwrap();
            prop_assert!(proof.verify(leaves[index], &root).is_err());
        }
    }
}
