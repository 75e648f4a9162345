//! Which pages of the write-once log may hold a row: 4 bytes of each key's hash, with the number of
//! the page, in memory.
//!
//! The index only hints: whoever looks a key up reads the pages named and sees whether it is there.
//! So it may name pages of blocks that were sound and never became final, and different keys may
//! share a hash; what it must not do is leave a row out.

use std::{
    hash::BuildHasher as _,
    sync::{PoisonError, RwLock},
};

use hashbrown::HashTable;
use tokio::sync::OnceCell;
use yilian_protocol::StateKey;

use super::application::fault;

/// Tables that the rows are spread over.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 8;

/// Part of a key's hash, and the page that the row stands in. 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    tag: u32,
    page: u32,
}

type Shard = HashTable<Slot>;

/// The index. It is empty at a node's start, and filled from the log before anybody asks
/// ([`RowIndex::filled`]).
#[derive(Debug)]
pub(super) struct RowIndex {
    shards: RwLock<Vec<Shard>>,
    /// Seeded, so that nobody chooses what collides.
    hasher: foldhash::fast::RandomState,
    filled: OnceCell<()>,
}

impl Default for RowIndex {
    fn default() -> Self {
        Self {
            shards: RwLock::new(vec![Shard::new(); SHARDS]),
            hasher: foldhash::fast::RandomState::default(),
            filled: OnceCell::new(),
        }
    }
}

impl RowIndex {
    /// Returns once the index was filled: by `fill`, or by whoever came first. Nobody may wait for
    /// this with the log locked, since `fill` reads it.
    pub async fn filled(&self, fill: impl Future<Output = ()>) {
        self.filled.get_or_init(|| fill).await;
    }

    /// Notes that the rows of `keys` stand in `page`. It may have been noted before.
    pub fn note<'a>(&self, page: u32, keys: impl IntoIterator<Item = &'a StateKey>) {
        let mut shards = self.shards.write().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            let (shard, tag) = self.place(key);
            let slot = Slot { tag, page };
            let shard = shards.get_mut(shard);
            let shard = shard.unwrap_or_else(|| fault(&"a hash has no shard"));
            let entry = shard.entry(
                spread(tag),
                |other| *other == slot,
                |other| spread(other.tag),
            );
            entry.or_insert(slot);
        }
    }

    /// The pages that may hold a row of `keys`, each with the place of the key among them; by
    /// pages.
    pub fn pages<'a>(&self, keys: impl IntoIterator<Item = &'a StateKey>) -> Vec<(u32, usize)> {
        let shards = self.shards.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for (place, key) in keys.into_iter().enumerate() {
            let (shard, tag) = self.place(key);
            let slots = shards.get(shard).map(|shard| shard.iter_hash(spread(tag)));
            let slots = slots.into_iter().flatten().filter(|slot| slot.tag == tag);
            found.extend(slots.map(|slot| (slot.page, place)));
        }
        found.sort_unstable();
        found
    }

    /// The shard of a key, and what it is called there.
    fn place(&self, key: &StateKey) -> (usize, u32) {
        let hash = self.hasher.hash_one(key);
        let (high, low) = (hash >> 32, hash & u64::from(u32::MAX));
        (shard(high), u32::try_from(low).unwrap_or(u32::MAX))
    }
}

/// The shard of a 32-bit hash. The first is hit twice as often as the last: so they outgrow their
/// room one after the other, and memory grows evenly instead of doubling.
fn shard(hash: u64) -> usize {
    let hash = u128::from(hash);
    let place = hash * ((2 << 32) + hash) / 3;
    usize::try_from(place >> (64 - SHARD_BITS)).unwrap_or(0)
}

/// What a table takes for the hash of a tag.
fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> StateKey {
        StateKey::once("test", &number.to_be_bytes())
    }

    #[test]
    fn no_row_is_left_out_and_none_is_noted_twice() {
        const ROWS: u32 = 100_000;
        let index = RowIndex::default();
        for _ in 0..2 {
            for number in 0..ROWS {
                index.note(number / 50, &[key(number)]);
            }
        }
        let keys: Vec<StateKey> = (0..ROWS).map(key).collect();
        let found = index.pages(&keys);
        for (number, place) in (0..ROWS).zip(0..) {
            assert!(
                found.binary_search(&(number / 50, place)).is_ok(),
                "row {number}"
            );
        }
        let noted: usize = index.shards.read().unwrap().iter().map(Shard::len).sum();
        assert_eq!(noted, ROWS as usize);
        // Of so few, hardly any share a tag.
        assert!(found.len() < ROWS as usize + 10, "{}", found.len());
        let strangers: Vec<StateKey> = (ROWS..2 * ROWS).map(key).collect();
        assert!(index.pages(&strangers).len() < 10);
    }

    #[test]
    fn a_row_may_stand_in_pages_of_several_forks() {
        let index = RowIndex::default();
        index.note(7, &[key(1), key(2)]);
        index.note(9, &[key(2)]);
        index.note(8, &[key(1)]);
        assert_eq!(
            index.pages(&[key(2), key(1)]),
            [(7, 0), (7, 1), (8, 1), (9, 0)]
        );
    }

    #[test]
    fn every_shard_is_used_and_the_first_twice_as_much_as_the_last() {
        let mut hits = [0_u32; SHARDS];
        for step in 0..1_u64 << 20 {
            hits[shard(step << 12)] += 1;
        }
        assert_eq!(shard(u64::from(u32::MAX)), SHARDS - 1);
        let (first, last) = (f64::from(hits[0]), f64::from(hits[SHARDS - 1]));
        assert!((1.9..2.1).contains(&(first / last)), "{first} and {last}");
        assert!(hits.is_sorted_by(|before, after| *after <= before + 2));
    }
}
