//! The store's index: record id -> place, and up to where the packs are indexed. Rebuildable, so it need not be synced with every put.

use std::{fs, path::Path, sync::Arc};

use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
};
use yilian_protocol::RecordId;

use super::{Stats, StoreError};

/// Record id -> (pack, offset, length); pack 0 stands for a file of its own.
const PLACES: TableDefinition<'_, [u8; 32], (u32, u64, u64)> = TableDefinition::new("places-v1");
/// 0 -> (pack, end): all entries below are indexed. 1 -> (bytes stored, 0).
const MARKS: TableDefinition<'_, u8, (u64, u64)> = TableDefinition::new("marks-v1");
const END: u8 = 0;
const BYTES: u8 = 1;

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a pack: which, where its bytes begin, and how many.
    Packed { pack: u32, offset: u64, length: u32 },
    /// In a file of its own.
    Large { length: u64 },
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

impl Index {
    /// Opens the index, or makes it anew when it is missing or damaged; whether it was made.
    pub fn open(path: &Path) -> Result<(Self, bool), StoreError> {
        let missing = !path.exists();
        if !missing {
            if let Ok(index) = Self::create(path) {
                return Ok((index, false));
            }
            fs::remove_file(path).map_err(super::io_error(path))?;
        }
        Ok((Self::create(path)?, true))
    }

    fn create(path: &Path) -> Result<Self, StoreError> {
        let database = Database::create(path).map_err(failed)?;
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

    /// Notes new places, and that the packs are indexed up to `end`. Not synced: what is lost is read from the packs again.
    pub fn insert(&self, places: &[(RecordId, Place)], end: End) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        // Files of their own are found by a full rebuild only, so those are synced.
        let large = places
            .iter()
            .any(|(_, place)| matches!(place, Place::Large { .. }));
        let durability = if large {
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
        transaction.commit().map_err(failed)
    }

    /// Up to where the packs are indexed.
    pub fn end(&self) -> Result<End, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let marks = transaction.open_table(MARKS).map_err(failed)?;
        let mark = marks.get(END).map_err(failed)?.map(|mark| mark.value());
        Ok(mark.map_or_else(End::default, |(pack, offset)| End {
            pack: u32::try_from(pack).unwrap_or(u32::MAX),
            offset,
        }))
    }

    pub fn stats(&self) -> Result<Stats, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let places = transaction.open_table(PLACES).map_err(failed)?;
        let marks = transaction.open_table(MARKS).map_err(failed)?;
        let bytes = marks
            .get(BYTES)
            .map_err(failed)?
            .map_or(0, |mark| mark.value().0);
        Ok(Stats {
            objects: places.len().map_err(failed)?,
            bytes,
        })
    }

    pub fn records(&self) -> Result<Vec<RecordId>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let places = transaction.open_table(PLACES).map_err(failed)?;
        let keys = places.iter().map_err(failed)?.map(|entry| {
            entry
                .map(|(key, _)| RecordId::from_bytes(key.value()))
                .map_err(failed)
        });
        keys.collect()
    }
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Index {
        source: Arc::new(error.into()),
    }
}
