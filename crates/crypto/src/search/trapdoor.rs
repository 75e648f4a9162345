//! The GGM tree over a keyword's numbers, and trapdoors: its nodes over the numbers in use.

use zeroize::Zeroize as _;

use super::index::{Address, Counter, KeywordKey, MaskedPointer};
use crate::{
    Error,
    encoding::{debug_secret, field},
    hash::hash,
    label,
};

/// Height of the tree: 65,536 numbers.
const COUNTER_BITS: u32 = 16;

/// A node of the tree: whoever holds it computes every leaf below it, and no other.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Node {
    value: [u8; 32],
    height: u32,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl Node {
    pub(super) const fn root(value: [u8; 32]) -> Self {
        Self {
            value,
            height: COUNTER_BITS,
        }
    }

    fn child(&self, right: bool) -> Self {
        Self {
            value: hash(label::SEARCH_CHILD, &[&self.value, &[u8::from(right)]]),
            height: self.height - 1,
        }
    }

    /// The leaf with this number below the node, counted from the node's first.
    pub(super) fn leaf(&self, counter: Counter) -> Leaf {
        let node = (0..self.height).rev().fold(self.clone(), |node, bit| {
            node.child(counter.get() >> bit & 1 == 1)
        });
        Leaf(node)
    }
}

/// A leaf: one entry.
pub(super) struct Leaf(Node);

impl Leaf {
    pub(super) fn address(&self) -> Address {
        let bytes = hash(label::SEARCH_ADDRESS, &[&self.0.value]);
        Address::from_bytes(field::<0, { Address::SIZE }, 32>(&bytes))
    }

    pub(super) fn mask(&self, record: &[u8; 32]) -> MaskedPointer {
        let masked = self.masked(record);
        let tag = self.tag(record);
        MaskedPointer::from_bytes(crate::encoding::join(&masked, &tag))
    }

    fn open(&self, pointer: &MaskedPointer) -> Option<[u8; 32]> {
        let bytes = pointer.to_bytes();
        let record = self.masked(&field::<0, 32, { MaskedPointer::SIZE }>(&bytes));
        let tag = field::<32, 8, { MaskedPointer::SIZE }>(&bytes);
        // What is compared is public: the entry stands on the chain.
        (self.tag(&record) == tag).then_some(record)
    }

    fn masked(&self, bytes: &[u8; 32]) -> [u8; 32] {
        let mut mask = hash(label::SEARCH_MASK, &[&self.0.value]);
        mask.iter_mut()
            .zip(bytes)
            .for_each(|(mask, byte)| *mask ^= byte);
        mask
    }

    fn tag(&self, record: &[u8; 32]) -> [u8; 8] {
        field::<0, 8, 32>(&hash(label::SEARCH_TAG, &[&self.0.value, record]))
    }
}

/// Finds the first `count` entries of a keyword, and no later one. 36 bytes for each bit that is
/// set in `count`; about 9 nodes at most in practice, 17 bytes of overhead never.
#[derive(Clone, PartialEq, Eq)]
pub struct Trapdoor {
    count: u32,
    /// One node for each bit of `count`, the highest first.
    cover: Vec<Node>,
}

impl Trapdoor {
    /// Bytes of the largest encoding: count 4, a node for each of 16 bits. (65,536 entries are one
    /// node, the root.)
    pub const MAX: usize = 4 + 16 * 32;

    /// For the first `count` entries of a keyword.
    ///
    /// # Errors
    /// [`Error::Counter`] over 65,536.
    pub fn of(keyword: &KeywordKey, count: u32) -> Result<Self, Error> {
        let mut node = keyword.root();
        if count == 1 << COUNTER_BITS {
            return Ok(Self {
                count,
                cover: vec![node],
            });
        }
        if count > 1 << COUNTER_BITS {
            return Err(Error::Counter);
        }
        let mut cover = Vec::new();
        for bit in (0..COUNTER_BITS).rev() {
            let set = count >> bit & 1 == 1;
            if set {
                cover.push(node.child(false));
            }
            node = node.child(set);
        }
        Ok(Self { count, cover })
    }

    /// How many entries it finds.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Every entry's place and mask, in order. Costs two PRFs an entry, not one for each level.
    pub fn lookups(&self) -> impl Iterator<Item = Lookup> + '_ {
        self.cover
            .iter()
            .flat_map(|node| Leaves {
                stack: vec![node.clone()],
            })
            .map(Lookup)
    }

    /// The encoding: count as 4 bytes, big-endian, then the nodes, 32 bytes each.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.count.to_be_bytes().to_vec();
        for node in &self.cover {
            bytes.extend_from_slice(&node.value);
        }
        bytes
    }

    /// Reads the encoding.
    ///
    /// # Errors
    /// [`Error::Encoding`] when the count is over 65,536, or the nodes are not as many as it needs.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let wrong = Error::Encoding {
            what: "trapdoor (4 bytes and 32 for each node)",
        };
        let (count, nodes) = bytes.split_first_chunk::<4>().ok_or(wrong)?;
        let count = u32::from_be_bytes(*count);
        let (nodes, rest) = nodes.as_chunks::<32>();
        let fits = count <= 1 << COUNTER_BITS && nodes.len() == count.count_ones() as usize;
        if !fits || !rest.is_empty() {
            return Err(wrong);
        }
        let heights = (0..=COUNTER_BITS).rev().filter(|bit| count >> bit & 1 == 1);
        let cover = nodes.iter().zip(heights).map(|(value, height)| Node {
            value: *value,
            height,
        });
        Ok(Self {
            count,
            cover: cover.collect(),
        })
    }
}

impl std::fmt::Debug for Trapdoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trapdoor({} entries, ", self.count)?;
        debug_secret(f, "cover", self.cover.len() * 32)?;
        f.write_str(")")
    }
}

/// The leaves below some nodes, left to right.
struct Leaves {
    stack: Vec<Node>,
}

impl Iterator for Leaves {
    type Item = Leaf;

    fn next(&mut self) -> Option<Leaf> {
        let mut node = self.stack.pop()?;
        while node.height > 0 {
            self.stack.push(node.child(true));
            node = node.child(false);
        }
        Some(Leaf(node))
    }
}

/// One entry that a trapdoor finds.
pub struct Lookup(Leaf);

impl Lookup {
    /// Where it stands.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// The record that the entry found there points to; `None` when it is no entry of this keyword.
    #[must_use]
    pub fn open(&self, pointer: &MaskedPointer) -> Option<[u8; 32]> {
        self.0.open(pointer)
    }
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "Lookup", 32)
    }
}

/// Counts the entries in use by asking for few of them: doubling, then halving. For a writer who
/// lost his notes, and for the patient, who has none. About 2 log2(n) + 2 questions.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    /// Entries known to be in use.
    used: u32,
    /// An entry known to be free, once one was met.
    free: Option<u32>,
}

impl Probe {
    /// The number to ask for next; `None` when the count is known.
    #[must_use]
    pub fn question(&self) -> Option<Counter> {
        let next = match self.free {
            Some(free) if free == self.used => return None,
            Some(free) => self.used + (free - self.used) / 2,
            None => (self.used * 2).saturating_sub(1).max(self.used),
        };
        Counter::after(next.min((1 << COUNTER_BITS) - 1)).ok()
    }

    /// Learns whether the entry that was asked for is in use.
    pub fn answer(&mut self, in_use: bool) {
        let Some(asked) = self.question() else {
            return;
        };
        let asked = u32::from(asked.get());
        if !in_use {
            self.free = Some(asked);
        } else {
            self.used = asked + 1;
            if self.used == 1 << COUNTER_BITS {
                self.free = Some(self.used);
            }
        }
    }

    /// Entries in use, as far as known.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.used
    }
}
