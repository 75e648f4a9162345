//! The one thread that writes: takes all puts that wait, writes them, and syncs once.

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
};

use yilian_protocol::RecordId;

use super::{
    Reader, StoreError,
    disk::Guarded,
    index::{Index, Place},
    large::Large,
    pack::{PACKED_MAX, Packs},
};

/// Puts that may wait for the writer.
pub(super) const QUEUE: usize = 256;
/// Bytes that share one sync, above which a batch takes no further put: what a put may wait for.
const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Puts that share one sync.
const BATCH_MAX: usize = 1024;

/// Some objects to be stored, and who waits for it.
#[derive(Debug)]
pub(super) struct Request {
    pub objects: Vec<(RecordId, Vec<u8>)>,
    pub done: mpsc::SyncSender<Result<(), StoreError>>,
}

impl Request {
    fn size(&self) -> usize {
        self.objects.iter().map(|(_, object)| object.len()).sum()
    }
}

#[derive(Debug)]
pub(super) struct Writer {
    pub reader: Arc<Reader>,
    pub large: Large,
    pub packs: Packs,
    pub disk: Guarded,
    pub checkpoint: Checkpoint,
}

impl Writer {
    /// Serves until nobody can ask any more.
    pub fn run(mut self, incoming: &mpsc::Receiver<Request>) {
        while let Ok(first) = incoming.recv() {
            let mut size = first.size();
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX && size < BATCH_BYTES_MAX {
                let Ok(next) = incoming.try_recv() else { break };
                size += next.size();
                batch.push(next);
            }
            self.commit(batch);
        }
        if !self.disk.is_broken() {
            // An index that lags is mended at the next start.
            drop(self.reader.index.sync());
        }
    }

    /// All of a batch is acknowledged or none of it.
    fn commit(&mut self, batch: Vec<Request>) {
        let written = if self.disk.is_broken() {
            Err(StoreError::Broken)
        } else {
            self.write(&batch)
        };
        for request in batch {
            // The caller may have gone away; the objects are stored all the same.
            drop(request.done.send(written.clone()));
        }
    }

    fn write(&mut self, batch: &[Request]) -> Result<(), StoreError> {
        let before = self.packs.end();
        let written = self.place(batch).and_then(|places| {
            self.packs.sync()?;
            Ok(places)
        });
        let places = match written {
            Ok(places) => places,
            Err(error) => {
                self.packs.roll_back(before);
                return Err(error);
            }
        };
        if places.is_empty() {
            return Ok(());
        }
        let places: Vec<_> = places.into_iter().collect();
        let indexed = self
            .reader
            .index
            .insert(&places, self.packs.end())
            .and_then(|()| self.checkpoint.note(&places, &self.reader.index));
        // What the database does after a failure is its own matter; it is opened anew with the
        // store.
        indexed.inspect_err(|_| self.disk.give_up())
    }

    /// Writes what is not stored yet. An object that is indexed but damaged is stored again.
    fn place(&mut self, batch: &[Request]) -> Result<BTreeMap<RecordId, Place>, StoreError> {
        let mut places = BTreeMap::new();
        for (record, object) in batch.iter().flat_map(|request| &request.objects) {
            if places.contains_key(record) || self.reader.is_whole(*record)? {
                continue;
            }
            let place = if object.len() > PACKED_MAX {
                self.large.write(*record, object)?
            } else {
                self.packs.append(*record, object)?
            };
            places.insert(*record, place);
        }
        Ok(places)
    }
}

/// Syncs the index now and then, which bounds what the next start reads after a crash.
#[derive(Debug)]
pub(super) struct Checkpoint {
    every: u64,
    since: u64,
}

impl Checkpoint {
    pub const fn new(every: u64) -> Self {
        Self { every, since: 0 }
    }

    fn note(&mut self, places: &[(RecordId, Place)], index: &Index) -> Result<(), StoreError> {
        self.since += places.iter().map(|(_, place)| place.cost()).sum::<u64>();
        if self.since < self.every {
            return Ok(());
        }
        index.sync()?;
        self.since = 0;
        Ok(())
    }
}
