//! The ledger's state as it is read; its layout is [`yilian_protocol::state`].

use yilian_protocol::{StateKey, codec::Decode};

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
