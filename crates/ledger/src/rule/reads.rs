//! What a rule may read, as handles: who declares a key gets its handle, and nothing else reads.

use yilian_protocol::{
    StateKey,
    codec::{Decode, Encode},
    refusal::Refusal,
    state::{Sequence, Table},
};

use super::Overlay;
use crate::{
    state::{StateError, decode},
    verdict::Stop,
};

/// Collects the keys that a rule may read. The only maker of handles.
#[derive(Debug)]
pub(crate) struct Declaration {
    keys: Vec<StateKey>,
    authorising: Option<usize>,
}

/// The keys that a rule declared.
#[derive(Debug)]
pub(crate) struct Declared {
    /// All of them.
    pub keys: Vec<StateKey>,
    /// How many of them, from the first, authorising may read.
    pub authorising: usize,
}

impl Declaration {
    /// What `reads` makes of a declaration, and every key that it declared.
    pub fn collect<R>(reads: impl FnOnce(&mut Self) -> R) -> (R, Vec<StateKey>) {
        let (reads, declared) = Self::collect_declared(reads);
        (reads, declared.keys)
    }

    /// The same, and which of the keys authorising may read.
    pub fn collect_declared<R>(reads: impl FnOnce(&mut Self) -> R) -> (R, Declared) {
        let mut declare = Self {
            keys: Vec::new(),
            authorising: None,
        };
        let reads = reads(&mut declare);
        let Self { keys, authorising } = declare;
        let authorising = authorising.unwrap_or(keys.len());
        (reads, Declared { keys, authorising })
    }

    /// Says that authorising reads nothing of what is declared from here on, so that nobody fetches
    /// that for a stranger. Where it is not said, it may read all.
    pub fn authorising_ends(&mut self) {
        self.authorising.get_or_insert(self.keys.len());
    }

    /// The value called `name` of `table`.
    pub fn slot<T>(&mut self, table: Table<T>, name: &[u8]) -> Slot<T> {
        let key = table.key(name);
        self.keys.push(key);
        Slot { table, key }
    }

    /// Values of `table`, in the order of `names`.
    pub fn slots<T, N: AsRef<[u8]>>(
        &mut self,
        table: Table<T>,
        names: impl IntoIterator<Item = N>,
    ) -> Slots<T> {
        let names = names.into_iter();
        let keys: Vec<StateKey> = names.map(|name| table.key(name.as_ref())).collect();
        self.keys.extend_from_slice(&keys);
        Slots { table, keys }
    }

    /// The end of the sequence called `name`.
    pub fn tail<T>(&mut self, sequence: &'static Sequence<T>, name: &[u8]) -> Tail<T> {
        Tail {
            sequence,
            name: name.into(),
            count: self.slot(sequence.counts(), name),
        }
    }
}

/// One value.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    table: Table<T>,
    key: StateKey,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slot<T> {}

impl<T> Slot<T> {
    /// Whether nothing stands there; what stands there is not decoded.
    pub fn is_free(&self, state: &Overlay<'_>) -> Result<bool, StateError> {
        Ok(state.get(&self.key)?.is_none())
    }
}

impl<T: Decode> Slot<T> {
    /// The value; `None` when nothing stands there.
    pub fn get(&self, state: &Overlay<'_>) -> Result<Option<T>, StateError> {
        decode(state.get(&self.key)?, self.table.name())
    }

    /// The value; the refusal when nothing stands there.
    pub fn need(&self, state: &Overlay<'_>, refusal: Refusal) -> Result<T, Stop> {
        Ok(self.get(state)?.ok_or(refusal)?)
    }
}

impl<T: Encode> Slot<T> {
    /// Puts a value there.
    pub fn set(&self, state: &mut Overlay<'_>, value: &T) {
        state.put(self.table, self.key, value);
    }
}

/// Values of one table.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    table: Table<T>,
    keys: Vec<StateKey>,
}

impl<T> Slots<T> {
    /// In the order in which they were declared.
    pub fn iter(&self) -> impl Iterator<Item = Slot<T>> {
        let table = self.table;
        self.keys.iter().map(move |key| Slot { table, key: *key })
    }

    /// Where they stand.
    pub fn keys(&self) -> &[StateKey] {
        &self.keys
    }
}

/// The end of a sequence: its length, and the place behind its last item.
#[derive(Debug)]
pub(crate) struct Tail<T: 'static> {
    sequence: &'static Sequence<T>,
    name: Box<[u8]>,
    count: Slot<u32>,
}

impl<T: Encode> Tail<T> {
    /// How many items there are.
    pub fn count(&self, state: &Overlay<'_>) -> Result<u32, StateError> {
        Ok(self.count.get(state)?.unwrap_or(0))
    }

    /// Adds an item.
    pub fn push(&self, state: &mut Overlay<'_>, item: &T) -> Result<(), StateError> {
        let count = self.count(state)?;
        let name = self.sequence.item_name(&self.name, count);
        state.write(self.sequence.items(), &name, item);
        self.count.set(state, &count.saturating_add(1));
        Ok(())
    }
}
