//! What the index keeps of a row, and how rows are named in it.

use yilian_protocol::StateKey;

/// Bytes of a slot in a file: 6 of the tag, 6 of the page.
pub(super) const SLOT: usize = 12;
/// Tags and pages are below 2^48.
pub(super) const BITS: u32 = 48;
const HALF: usize = 6;

/// Part of a key's hash, and the page that the row stands in. In order of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub tag: u64,
    pub page: u64,
}

impl Slot {
    /// Before all slots of a tag.
    pub const fn first(tag: u64) -> Self {
        Self { tag, page: 0 }
    }

    /// Both halves, big-endian: bytes stand in the order of slots.
    pub fn to_bytes(self) -> [u8; SLOT] {
        let both = u128::from(self.tag) << BITS | u128::from(self.page);
        let mut bytes = [0; SLOT];
        bytes.copy_from_slice(both.to_be_bytes().split_at(16 - SLOT).1);
        bytes
    }

    pub fn from_bytes(bytes: [u8; SLOT]) -> Self {
        let (tag, page) = bytes.split_at(HALF);
        let number = |half: &[u8]| {
            let digits = half.iter();
            digits.fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        Self {
            tag: number(tag),
            page: number(page),
        }
    }
}

/// Gives each key its tag. Keyed by a secret of the node's, so that nobody chooses what collides,
/// and tags are spread evenly: a file is searched by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tagger([u8; Tagger::SIZE]);

impl Tagger {
    pub const SIZE: usize = 32;

    pub const fn new(secret: [u8; Self::SIZE]) -> Self {
        Self(secret)
    }

    pub fn random() -> Self {
        Self(rand::random())
    }

    pub const fn secret(&self) -> &[u8; Self::SIZE] {
        &self.0
    }

    pub fn tag(&self, key: &StateKey) -> u64 {
        let hash = blake3::keyed_hash(&self.0, &key.to_bytes());
        let start = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(start) >> (u64::BITS - BITS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_stand_in_the_order_of_slots(
            slots in prop::collection::vec((0..1_u64 << BITS, 0..1_u64 << BITS), 2)
        ) {
            let slots: Vec<Slot> = slots.iter().map(|&(tag, page)| Slot { tag, page }).collect();
            let bytes: Vec<_> = slots.iter().map(|slot| slot.to_bytes()).collect();
            prop_assert_eq!(slots[0].cmp(&slots[1]), bytes[0].cmp(&bytes[1]));
            prop_assert_eq!(Slot::from_bytes(bytes[0]), slots[0]);
        }
    }

    #[test]
    fn a_slot_has_its_bytes() {
        let slot = Slot {
            tag: 0x0102_0304_0506,
            page: 0x0a0b_0c0d_0e0f,
        };
        assert_eq!(slot.to_bytes(), [1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15]);
    }

    #[test]
    fn a_tag_is_of_its_secret() {
        let key = StateKey::once("test", b"one");
        let (one, other) = (Tagger::new([1; 32]), Tagger::new([2; 32]));
        assert_eq!(one.tag(&key), one.tag(&key));
        assert_ne!(one.tag(&key), other.tag(&key));
        assert_ne!(Tagger::random(), Tagger::random());
    }
}
