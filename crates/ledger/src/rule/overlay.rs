//! The state as a block changes it.

use yilian_protocol::{
    StateKey,
    codec::Encode,
    state::{StateMap, Table},
};

use crate::state::{StateError, View};

/// What stood before, under what was written since: reads see the writes before them.
pub(crate) struct Overlay<'a> {
    base: &'a dyn View,
    writes: StateMap<Vec<u8>>,
}

impl<'a> Overlay<'a> {
    pub fn new(base: &'a dyn View) -> Self {
        Self {
            base,
            writes: StateMap::with_capacity_and_hasher(base.size_hint(), Default::default()),
        }
    }

    /// For handles only, see [`Slot`](super::Slot): rules have no other way to read.
    pub(super) fn get(&self, key: &StateKey) -> Result<Option<&[u8]>, StateError> {
        match self.writes.get(key) {
            Some(bytes) => Ok(Some(bytes)),
            None => self.base.get(key),
        }
    }

    /// Puts the value called `name` of `table`.
    pub fn write<T: Encode>(&mut self, table: Table<T>, name: &[u8], value: &T) {
        self.put(table, table.key(name), value);
    }

    /// As [`Overlay::write`], where the value's place is known.
    pub fn put<T: Encode>(&mut self, _table: Table<T>, place: StateKey, value: &T) {
        self.writes.insert(place, value.to_vec());
    }

    pub fn into_writes(self) -> StateMap<Vec<u8>> {
        self.writes
    }
}
