//! Sealed objects on disk, by record id.
//!
//! ```text
//! packs/00000001.pack   objects of up to 1 MiB, appended
//! large/ab/ab12...      an object over 1 MiB, a file of its own
//! incoming/             large objects being written
//! index.redb            record id -> place; and up to where the packs are indexed
//! lock                  held by the one process that has the store open
//! ```
//! # Durability invariant
//! A put returns after the object's bytes are synced; the index may lag behind, never ahead. At
//! start the packs are read on from where the index ends: whole entries are indexed, a torn tail is
//! cut off. A lost or damaged index is rebuilt from packs and files.
//!
//! # Group commit
//! One writer thread takes all puts that wait, writes them, and syncs once.
//!
//! # Failures
//! A write that fails, as on a full disk, is taken back: its puts get the error, later ones are
//! served. After a failed sync, or a failure of the index, the store refuses further puts until
//! [`Store::probe`] has opened it again, as a start would: what was not synced is written anew.
//!
//! # Integrity
//! The record id is a hash of the object, checked at every read: damage is reported, never handed
//! out. Storing a damaged object again mends it.
//!
//! # Not promised
//! An object whose put failed may all the same be there after a crash. Objects are never removed.
//! Every call blocks: an async caller uses its runtime's threads for that.

mod disk;
mod index;
mod large;
mod pack;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, mpsc},
    thread::JoinHandle,
};

use yilian_protocol::{Cid, RecordId, limits::OBJECT_MAX};

use self::{
    disk::{Disk, Guarded, Machine},
    index::{Index, Opened, Place},
    large::Large,
    pack::Packs,
    writer::{Checkpoint, QUEUE, Request, Writer},
};

/// The file of the index.
const INDEX: &str = "index.redb";
/// Ids read from the index at a time.
const PAGE: usize = 1024;
/// What is written to find out whether something can be. One that a killed process left is written
/// over.
const PROBE: &str = "probe";
const PROBE_BYTES: usize = 4096;

/// A store of sealed objects.
#[derive(Debug)]
pub struct Store {
    reader: Arc<Reader>,
    requests: Option<mpsc::SyncSender<Request>>,
    writer: Option<JoinHandle<()>>,
    recovery: Recovery,
    directory: PathBuf,
    _lock: File,
}

/// Sizes of a store; [`Options::default`] suits a hospital's node.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes after which a pack is closed and the next begun; 256 MiB. A pack is longer by at most
    /// one entry.
    pub pack_max: u64,
    /// Bytes stored between two syncs of the index, which are read again after a crash; 32 MiB.
    pub checkpoint_every: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pack_max: 256 * 1024 * 1024,
            checkpoint_every: 32 * 1024 * 1024,
        }
    }
}

/// What opening the store had to mend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries that were on disk but not in the index.
    pub reindexed: u64,
    /// Bytes of a torn tail that were cut off: of puts that were not acknowledged, unless the disk
    /// damaged them later.
    pub cut_bytes: u64,
    /// Bytes amid the packs that are no whole entry, or are gone: damage, for the operator to look
    /// at. Only what was read is counted; [`Store::verify`] reads all.
    pub damaged_bytes: u64,
    /// Whether the whole index was rebuilt.
    pub rebuilt: bool,
}

/// How much is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packs.
    pub packs: u64,
}

impl Store {
    /// Opens the store in `directory`, which is made when it is missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when it is open already, in this process or another one;
    /// [`StoreError::Io`] when it cannot be read or written.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with(directory, &Options::default())
    }

    /// Opens a store of other sizes. They may differ from those it was opened with before.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(directory: &Path, options: &Options) -> Result<Self, StoreError> {
        Self::open_on(directory, options, Arc::new(Machine))
    }

    fn open_on(
        directory: &Path,
        options: &Options,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, StoreError> {
        let disk = Guarded::new(disk);
        fs::create_dir_all(directory).map_err(io_error(directory))?;
        let lock = lock(directory)?;
        let opened = Index::open(&directory.join(INDEX))?;
        let Opened { index, is_new } = opened;
        let (files, recovery) = Files::open(directory, options, &disk, (&index, is_new))?;
        let reader = Arc::new(Reader {
            packs: pack::directory(directory),
            large: large::directory(directory),
            index: RwLock::new(Some(index)),
        });
        let writer = Writer {
            reader: Arc::clone(&reader),
            files,
            disk,
            checkpoint: Checkpoint::new(options.checkpoint_every),
            directory: directory.to_owned(),
            options: options.clone(),
        };
        let (requests, incoming) = mpsc::sync_channel(QUEUE);
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&incoming))
            .map_err(io_error(directory))?;
        Ok(Self {
            reader,
            requests: Some(requests),
            writer: Some(writer),
            recovery,
            directory: directory.to_owned(),
            _lock: lock,
        })
    }

    /// Bytes that are free where the store is; none where no file can be made any more.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn free(&self) -> io::Result<u64> {
        let system = rustix::fs::statvfs(&self.directory)?;
        // Some file systems count no files at all.
        if system.f_files > 0 && system.f_favail == 0 {
            return Ok(0);
        }
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }

    /// Where the store is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Finds out whether something could be stored: a few bytes are, beside the objects, and go
    /// again. After a failure, the store is opened again.
    ///
    /// # Errors
    /// Why nothing can be stored.
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        self.ask(Vec::new(), true)?;
        let path = self.directory.join(PROBE);
        let probed = || {
            let mut file = File::create(&path)?;
            file.write_all(&[0; PROBE_BYTES])?;
            file.sync_all()?;
            fs::remove_file(&path)
        };
        probed().map_err(io_error(&path))
    }

    /// As after a failure of the index, until the store is tried again.
    #[cfg(test)]
    pub(crate) fn lose_index(&self) {
        self.reader.replace_index(None);
    }

    /// What opening had to mend.
    #[must_use]
    pub const fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// Stores `objects`, all under one sync; on disk when it returns. An object that is there
    /// already is not stored again, one that is damaged is.
    ///
    /// # Errors
    /// None of the objects is acknowledged then: [`StoreError::TooLarge`] before anything is
    /// written; [`StoreError::Io`] when the disk is full or fails; [`StoreError::Broken`] after an
    /// earlier failure.
    pub fn put_many(&self, objects: Vec<Vec<u8>>) -> Result<Vec<RecordId>, StoreError> {
        if let Some(object) = objects.iter().find(|object| object.len() > OBJECT_MAX) {
            return Err(StoreError::TooLarge { size: object.len() });
        }
        let objects: Vec<_> = objects
            .into_iter()
            .map(|object| (id_of(&object), object))
            .collect();
        let ids = objects.iter().map(|(id, _)| *id).collect();
        self.ask(objects, false)?;
        Ok(ids)
    }

    fn ask(&self, objects: Vec<(RecordId, Vec<u8>)>, reopens: bool) -> Result<(), StoreError> {
        let (done, answer) = mpsc::sync_channel(1);
        let requests = self.requests.as_ref().ok_or(StoreError::Broken)?;
        let request = Request {
            objects,
            reopens,
            done,
        };
        requests.send(request).map_err(|_| StoreError::Broken)?;
        answer.recv().map_err(|_| StoreError::Broken)?
    }

    /// Stores one object; on disk when it returns. Puts of several threads share a sync.
    ///
    /// # Errors
    /// As [`Store::put_many`].
    pub fn put(&self, object: Vec<u8>) -> Result<RecordId, StoreError> {
        let ids = self.put_many(vec![object])?;
        ids.into_iter().next().ok_or(StoreError::Broken)
    }

    /// The object of a record; `None` when it is not here.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when its bytes are not the ones that were stored.
    pub fn get(&self, record: RecordId) -> Result<Option<Vec<u8>>, StoreError> {
        self.reader.get(record)
    }

    /// Whether the object of a record is here. Its bytes are not looked at.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub fn contains(&self, record: RecordId) -> Result<bool, StoreError> {
        Ok(self.length(record)?.is_some())
    }

    /// The bytes of the object of a record, if it is here; they are not looked at.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub(crate) fn length(&self, record: RecordId) -> Result<Option<u64>, StoreError> {
        let place = self.reader.with_index(|index| index.get(record))?;
        Ok(place.map(Place::length))
    }

    /// The next ids after `after`, ascending, at most `count`; none when there are no more.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub(crate) fn next(
        &self,
        after: Option<RecordId>,
        count: usize,
    ) -> Result<Vec<RecordId>, StoreError> {
        self.reader.with_index(|index| index.records(after, count))
    }

    /// Whether an object is here and can be read unharmed.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub(crate) fn is_whole(&self, record: RecordId) -> Result<bool, StoreError> {
        self.reader.is_whole(record)
    }

    /// The ids of all records, ascending. One that is stored meanwhile may be among them or not.
    ///
    /// # Errors
    /// An item is [`StoreError::Index`] when the index cannot be read; it is the last one.
    pub fn iter(&self) -> impl Iterator<Item = Result<RecordId, StoreError>> + '_ {
        let mut after = None;
        let mut more = true;
        std::iter::from_fn(move || {
            let page = more.then(|| self.next(after, PAGE));
            match page {
                Some(Ok(page)) => {
                    after = page.last().copied();
                    more = page.len() == PAGE;
                    Some(page.into_iter().map(Ok).collect())
                }
                Some(Err(error)) => {
                    more = false;
                    Some(vec![Err(error)])
                }
                None => None,
            }
        })
        .flatten()
    }

    /// How much is stored.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let (objects, bytes) = self.reader.with_index(Index::totals)?;
        let packs = pack::numbers(&self.reader.packs)?.len() as u64;
        Ok(Stats {
            objects,
            bytes,
            packs,
        })
    }

    /// Reads every object and returns those that are damaged or cannot be read; `progress` is told
    /// of each one read.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub fn verify(&self, mut progress: impl FnMut()) -> Result<Vec<RecordId>, StoreError> {
        let mut damaged = Vec::new();
        for record in self.iter() {
            let record = record?;
            if !self.reader.is_whole(record)? {
                damaged.push(record);
            }
            progress();
        }
        Ok(damaged)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The writer ends when nobody can ask it any more; then the lock may go.
        drop(self.requests.take());
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

/// The files of objects, to be written.
#[derive(Debug)]
struct Files {
    large: Large,
    packs: Packs,
}

impl Files {
    /// Opens them, and indexes what the index does not know yet.
    fn open(
        directory: &Path,
        options: &Options,
        disk: &Guarded,
        (index, is_new): (&Index, bool),
    ) -> Result<(Self, Recovery), StoreError> {
        let mut recovery = Recovery::default();
        let large = Large::open(directory, disk.clone())?;
        let packs = Packs::open(directory, options, disk, index, &mut recovery)?;
        if is_new {
            recovery.reindexed += large.reindex(index)?;
            recovery.rebuilt = recovery.reindexed > 0;
        }
        if is_new || recovery.reindexed > 0 {
            index.sync()?;
        }
        disk.sync_directory(directory)?;
        Ok((Self { large, packs }, recovery))
    }
}

/// Finds and checks objects, for callers and for the writer.
#[derive(Debug)]
struct Reader {
    packs: PathBuf,
    large: PathBuf,
    /// None while it is opened again, or does not open.
    index: RwLock<Option<Index>>,
}

impl Reader {
    /// Looks into the index.
    fn with_index<R>(
        &self,
        look: impl FnOnce(&Index) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        look(index.as_ref().ok_or(StoreError::Broken)?)
    }

    /// Puts this in the index's place.
    fn replace_index(&self, index: Option<Index>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    fn get(&self, record: RecordId) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = match self.with_index(|index| index.get(record))? {
            None => return Ok(None),
            Some(Place::Packed {
                pack,
                offset,
                length,
            }) => pack::read(&self.packs, record, (pack, offset, length))?,
            Some(Place::Large { length }) => large::read(&self.large, record, length)?,
        };
        bytes.map(Some).ok_or(StoreError::Damaged { record })
    }

    /// Whether an object is here and can be read unharmed.
    fn is_whole(&self, record: RecordId) -> Result<bool, StoreError> {
        match self.get(record) {
            Ok(bytes) => Ok(bytes.is_some()),
            Err(StoreError::Damaged { .. } | StoreError::Io { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The record id of an object's bytes.
fn id_of(object: &[u8]) -> RecordId {
    Cid::of(object).record()
}

fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("lock");
    let file = File::create(&path).map_err(io_error(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::Locked {
            directory: directory.to_owned(),
        }),
        Err(fs::TryLockError::Error(error)) => Err(io_error(&path)(error)),
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Io {
        path,
        source: Arc::new(source),
    }
}

/// Why the store does not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it open.
    #[error("another process uses the store in {}", directory.display())]
    Locked {
        /// Where it is.
        directory: PathBuf,
    },
    /// The file system failed; its operator must look.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: Arc<io::Error>,
    },
    /// The index failed; it is rebuilt when its file is removed.
    #[error("the store's index failed: {source}")]
    Index {
        /// What happened.
        source: Arc<redb::Error>,
    },
    /// The stored bytes were damaged; fetch the object from another node.
    #[error("the stored object of record {record} is damaged")]
    Damaged {
        /// The record.
        record: RecordId,
    },
    /// The object is over the limit.
    #[error("an object of {size} bytes is over the limit of {OBJECT_MAX}")]
    TooLarge {
        /// Its bytes.
        size: usize,
    },
    /// An earlier write failed; the store must be opened again, which a node does by itself.
    #[error("an earlier write failed, and the store does not open again yet")]
    Broken,
}
