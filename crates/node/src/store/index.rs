//! The store's index: record id -> place, and up to where the packs are indexed. It can be rebuilt,
//! so it need not be synced with every put.

use std::{fs, io, ops::Bound, panic, path::Path, sync::Arc};

use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
};
use yilian_protocol::RecordId;

use super::StoreError;
use crate::database;

/// Record id -> (pack, offset, length); pack 0 stands for a file of its own.
const PLACES: TableDefinition<'_, [u8; 32], (u32, u64, u64)> = TableDefinition::new("places-v1");
/// [`END`] -> (pack, offset): all entries below are indexed. [`BYTES`] -> (bytes stored, 0).
/// [`COMPLETE`] is there once packs and files were read to the end.
const MARKS: TableDefinition<'_, u8, (u64, u64)> = TableDefinition::new("marks-v1");
const END: u8 = 0;
const BYTES: u8 = 1;
const COMPLETE: u8 = 2;

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a pack: which, where its bytes begin, and how many.
    Packed { pack: u32, offset: u64, length: u32 },
    /// In a file of its own.
    Large { length: u64 },
}

impl Place {
    /// Bytes of the object.
    pub fn length(self) -> u64 {
        match self {
            Self::Packed { length, .. } => length.into(),
            Self::Large { length } => length,
        }
    }

    /// Bytes that reading it back after a crash takes, roughly.
    pub const fn cost(self) -> u64 {
        match self {
            Self::Packed { length, .. } => length as u64 + 512,
            // Synced at once.
            Self::Large { .. } => 0,
        }
    }
}

/// The end of what is written: pack number and offset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    pub pack: u32,
    pub offset: u64,
}

#[derive(Debug)]
pub(super) struct Index {
    database: Database,
}

/// An index that was opened, and whether it is still to be filled from packs and files.
#[derive(Debug)]
pub(super) struct Opened {
    pub index: Index,
    pub is_new: bool,
}

impl Index {
    /// Opens the index, or makes it anew when it is missing or damaged.
    pub fn open(path: &Path) -> Result<Opened, StoreError> {
        // The database checks what it reads by assertions too.
        let open = || match panic::catch_unwind(|| Self::create(path)) {
            Ok(opened) => opened,
            Err(_) => Err(failed(redb::Error::Corrupted("panicked".to_owned()))),
        };
        let index = match open() {
            Err(error) if is_damage(&error) => {
                fs::remove_file(path).map_err(super::io_error(path))?;
                open()?
            }
            opened => opened?,
        };
        let is_new = index.mark(COMPLETE)?.is_none();
        Ok(Opened { index, is_new })
    }

    /// Whether something can be written to it: after a failure nothing can.
    pub fn is_well(&self) -> bool {
        self.database.begin_write().is_ok()
    }

    fn create(path: &Path) -> Result<Self, StoreError> {
        let mut database = database::open(path).map_err(failed)?;
        if !database.check_integrity().map_err(failed)? {
            return Err(failed(redb::Error::Corrupted("checksum".to_owned())));
        }
        let transaction = database.begin_write().map_err(failed)?;
        transaction.open_table(PLACES).map_err(failed)?;
        transaction.open_table(MARKS).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Self { database })
    }

    pub fn get(&self, record: RecordId) -> Result<Option<Place>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = transaction.open_table(PLACES).map_err(failed)?;
        let found = table.get(record.to_bytes()).map_err(failed)?;
        Ok(found.map(|value| match value.value() {
            (0, _, length) => Place::Large { length },
            // Packed objects are at most a mebibyte long.
            (pack, offset, length) => Place::Packed {
                pack,
                offset,
                length: u32::try_from(length).unwrap_or(u32::MAX),
            },
        }))
    }

    /// Notes new places, and that the packs are indexed up to `end`. Not synced, unless a place is
    /// a file of its own: those are looked for by a full rebuild only, the packs' ends at every
    /// start.
    pub fn insert(&self, places: &[(RecordId, Place)], end: End) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        let is_large = |(_, place): &(_, Place)| matches!(place, Place::Large { .. });
        let durability = if places.iter().any(is_large) {
            Durability::Immediate
        } else {
            Durability::None
        };
        transaction.set_durability(durability).map_err(failed)?;
        {
            let mut table = transaction.open_table(PLACES).map_err(failed)?;
            let mut added = 0;
            for (record, place) in places {
                let value = match *place {
                    Place::Packed {
                        pack,
                        offset,
                        length,
                    } => (pack, offset, u64::from(length)),
                    Place::Large { length } => (0, 0, length),
                };
                if table
                    .insert(record.to_bytes(), value)
                    .map_err(failed)?
                    .is_none()
                {
                    added += value.2;
                }
            }
            let mut marks = transaction.open_table(MARKS).map_err(failed)?;
            let bytes = marks
                .get(BYTES)
                .map_err(failed)?
                .map_or(0, |mark| mark.value().0);
            marks.insert(BYTES, (bytes + added, 0)).map_err(failed)?;
            marks
                .insert(END, (u64::from(end.pack), end.offset))
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Syncs all that was noted.
    pub fn sync(&self) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        {
            let mut marks = transaction.open_table(MARKS).map_err(failed)?;
            marks.insert(COMPLETE, (1, 0)).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Up to where the packs are indexed; pack 0 when none is.
    pub fn end(&self) -> Result<End, StoreError> {
        let mark = self.mark(END)?;
        Ok(mark.map_or_else(End::default, |(pack, offset)| End {
            pack: u32::try_from(pack).unwrap_or(u32::MAX),
            offset,
        }))
    }

    fn mark(&self, name: u8) -> Result<Option<(u64, u64)>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let marks = transaction.open_table(MARKS).map_err(failed)?;
        let mark = marks.get(name).map_err(failed)?;
        Ok(mark.map(|mark| mark.value()))
    }

    /// Objects, and their bytes.
    pub fn totals(&self) -> Result<(u64, u64), StoreError> {
        let bytes = self.mark(BYTES)?.map_or(0, |(bytes, _)| bytes);
        let transaction = self.database.begin_read().map_err(failed)?;
        let places = transaction.open_table(PLACES).map_err(failed)?;
        Ok((places.len().map_err(failed)?, bytes))
    }

    /// The next ids after `after`, ascending, at most `count`; none when there are no more.
    pub fn records(
        &self,
        after: Option<RecordId>,
        count: usize,
    ) -> Result<Vec<RecordId>, StoreError> {
        let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.to_bytes()));
        let transaction = self.database.begin_read().map_err(failed)?;
        let places = transaction.open_table(PLACES).map_err(failed)?;
        let range = places
            .range::<[u8; 32]>((from, Bound::Unbounded))
            .map_err(failed)?;
        range
            .take(count)
            .map(|entry| {
                let (key, _) = entry.map_err(failed)?;
                Ok(RecordId::from_bytes(key.value()))
            })
            .collect()
    }
}

/// Whether the file is not an index, or no longer one; all else may pass, and the index stays.
fn is_damage(error: &StoreError) -> bool {
    let StoreError::Index { source } = error else {
        return false;
    };
    match &**source {
        redb::Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
        ),
        error => matches!(
            error,
            redb::Error::Corrupted(_)
                | redb::Error::UpgradeRequired(_)
                | redb::Error::TableTypeMismatch { .. }
                | redb::Error::TableIsMultimap(_)
        ),
    }
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Index {
        source: Arc::new(error.into()),
    }
}
