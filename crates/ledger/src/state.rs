//! The ledger's state as a block reads and changes it; its layout is [`yilian_protocol::state`].

use yilian_protocol::{
    StateKey,
    codec::{Decode, Encode},
};

pub use yilian_protocol::state::{Sequence, StateMap, Table, tables};

/// State that can be read.
pub trait View {
    /// The bytes at `key`; `None` when nothing stands there.
    ///
    /// # Errors
    /// [`StateError::Undeclared`] when the key was not fetched.
    fn get(&self, key: &StateKey) -> Result<Option<&[u8]>, StateError>;

    /// How many keys can be read, about: so many may be written.
    fn size_hint(&self) -> usize {
        0
    }

    /// The value called `name` of `table`.
    ///
    /// # Errors
    /// As [`View::get`], and [`StateError::Corrupt`] when the bytes are no such value.
    fn read<T: Decode>(&self, table: Table<T>, name: &[u8]) -> Result<Option<T>, StateError>
    where
        Self: Sized,
    {
        decode(self.get(&table.key(name))?, table.name())
    }
}

/// Reads the bytes of a value of the table called `table`.
///
/// # Errors
/// [`StateError::Corrupt`] when they are no such value.
pub fn decode<T: Decode>(
    bytes: Option<&[u8]>,
    table: &'static str,
) -> Result<Option<T>, StateError> {
    bytes
        .map(T::from_slice)
        .transpose()
        .map_err(|_| StateError::Corrupt { table })
}

/// Keys that were fetched; a key that is not in the map was not declared.
#[derive(Debug, Clone, Default)]
pub struct Fetched(StateMap<Option<Vec<u8>>>);

impl Fetched {
    /// Wraps what was fetched.
    #[must_use]
    pub const fn new(values: StateMap<Option<Vec<u8>>>) -> Self {
        Self(values)
    }
}

impl View for Fetched {
    fn get(&self, key: &StateKey) -> Result<Option<&[u8]>, StateError> {
        self.0
            .get(key)
            .map(Option::as_deref)
            .ok_or(StateError::Undeclared { key: *key })
    }

    fn size_hint(&self) -> usize {
        self.0.len()
    }
}

/// The state as a block changes it: reads see the writes before them.
#[derive(Debug)]
pub struct Overlay<'a, V> {
    base: &'a V,
    writes: StateMap<Vec<u8>>,
}

impl<'a, V: View> Overlay<'a, V> {
    pub(crate) fn new(base: &'a V) -> Self {
        Self {
            base,
            writes: StateMap::with_capacity_and_hasher(base.size_hint(), Default::default()),
        }
    }

    pub(crate) fn write<T: Encode>(&mut self, table: Table<T>, name: &[u8], value: &T) {
        self.writes.insert(table.key(name), value.to_vec());
    }

    /// As [`Overlay::write`], where the value's place is known.
    pub(crate) fn put<T: Encode>(&mut self, _table: Table<T>, place: StateKey, value: &T) {
        self.writes.insert(place, value.to_vec());
    }

    pub(crate) fn append<T: Encode>(
        &mut self,
        sequence: &Sequence<T>,
        name: &[u8],
        item: &T,
    ) -> Result<(), StateError> {
        let count = self.read(sequence.counts(), name)?.unwrap_or(0);
        self.write(sequence.items(), &sequence.item_name(name, count), item);
        self.write(sequence.counts(), name, &count.saturating_add(1));
        Ok(())
    }

    pub(crate) fn into_writes(self) -> StateMap<Vec<u8>> {
        self.writes
    }
}

impl<V: View> View for Overlay<'_, V> {
    fn get(&self, key: &StateKey) -> Result<Option<&[u8]>, StateError> {
        match self.writes.get(key) {
            Some(bytes) => Ok(Some(bytes)),
            None => self.base.get(key),
        }
    }
}

/// Where values are to be put that stand nowhere yet.
#[derive(Debug)]
pub(crate) struct Places {
    keys: Vec<StateKey>,
    distinct: bool,
}

impl Places {
    pub(crate) fn of(keys: impl IntoIterator<Item = StateKey>) -> Self {
        let keys: Vec<StateKey> = keys.into_iter().collect();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        Self {
            distinct: sorted.is_sorted_by(|before, after| before < after),
            keys,
        }
    }

    /// In the order of the values.
    pub(crate) fn keys(&self) -> &[StateKey] {
        &self.keys
    }

    /// Whether each is another, and nothing stands at any.
    pub(crate) fn are_free(&self, state: &impl View) -> Result<bool, StateError> {
        for key in &self.keys {
            if state.get(key)?.is_some() {
                return Ok(false);
            }
        }
        Ok(self.distinct)
    }
}

/// A fault of the state itself; the node that meets one must stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A value does not decode; the storage is damaged.
    #[error("the ledger's table `{table}` holds a damaged value")]
    Corrupt {
        /// The table.
        table: &'static str,
    },
    /// A rule read a key that [`crate::Ledger::reads`] does not name; a bug of the ledger.
    #[error("the ledger read the undeclared key {key}")]
    Undeclared {
        /// The key.
        key: StateKey,
    },
}
