//! The one thread that writes: takes all puts that wait, writes them, and syncs once.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, mpsc},
};

use yilian_protocol::RecordId;

use super::{
    Files, INDEX, Options, Reader, StoreError,
    disk::Guarded,
    index::{Index, Opened, Place},
    pack::PACKED_MAX,
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
    /// Whether the store is to be opened again first, where a write has failed.
    pub reopens: bool,
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
    pub files: Files,
    pub disk: Guarded,
    pub checkpoint: Checkpoint,
    pub directory: PathBuf,
    pub options: Options,
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
            drop(self.reader.with_index(Index::sync));
        }
    }

    /// All of a batch is acknowledged or none of it.
    fn commit(&mut self, batch: Vec<Request>) {
        // It reads on from the last checkpoint, so not for each put that comes.
        let reopens = batch.iter().any(|request| request.reopens);
        let reopened = match self.disk.is_broken() {
            // Reading the index may have failed, too, which nobody writes down.
            false if reopens && !self.index_is_well() => self.reopen(),
            false => Ok(()),
            true if reopens => self.reopen(),
            true => Err(StoreError::Broken),
        };
        let written = reopened.and_then(|()| self.write(&batch));
        for request in batch {
            // The caller may have gone away; the objects are stored all the same.
            drop(request.done.send(written.clone()));
        }
    }

    /// Opens everything again, as a start does. An index in which nothing has failed stays: what is
    /// stored is read meanwhile.
    fn reopen(&mut self) -> Result<(), StoreError> {
        let (disk, reader) = (self.disk.renewed(), &self.reader);
        let open = |index: &Index, is_new| {
            Files::open(&self.directory, &self.options, &disk, (index, is_new))
        };
        let (files, recovery) = if self.index_is_well() {
            reader.with_index(|index| open(index, false))?
        } else {
            // Two of one file do not open; and one that lacks something is read by nobody.
            reader.replace_index(None);
            let Opened { index, is_new } = Index::open(&self.directory.join(INDEX))?;
            let opened = open(&index, is_new)?;
            reader.replace_index(Some(index));
            opened
        };
        (self.files, self.disk) = (files, disk);
        self.checkpoint = Checkpoint::new(self.options.checkpoint_every);
        tracing::info!(?recovery, "the store of objects is open again");
        Ok(())
    }

    fn index_is_well(&self) -> bool {
        let is_well = self.reader.with_index(|index| Ok(index.is_well()));
        is_well.unwrap_or(false)
    }

    fn write(&mut self, batch: &[Request]) -> Result<(), StoreError> {
        let before = self.files.packs.end();
        let written = self.place(batch).and_then(|places| {
            self.files.packs.sync()?;
            Ok(places)
        });
        let places = match written {
            Ok(places) => places,
            Err(error) => {
                self.files.packs.roll_back(before);
                if matches!(error, StoreError::Index { .. }) {
                    self.disk.give_up();
                }
                return Err(error);
            }
        };
        if places.is_empty() {
            return Ok(());
        }
        let places: Vec<_> = places.into_iter().collect();
        let (checkpoint, end) = (&mut self.checkpoint, self.files.packs.end());
        let indexed = self.reader.with_index(|index| {
            index.insert(&places, end)?;
            checkpoint.note(&places, index)
        });
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
                self.files.large.write(*record, object)?
            } else {
                self.files.packs.append(*record, object)?
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
