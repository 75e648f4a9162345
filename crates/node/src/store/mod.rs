//! Sealed objects on disk, by record id.
//!
//! ```text
//! packs/00000001.pack   entries: magic "YLP1" | length u32 | record id 32 | object       up to 1 MiB each, appended
//! large/ab/ab12...      an object over 1 MiB, a file of its own
//! index.redb            record id -> place; and up to where the packs are indexed
//! lock                  held by the one process that has the store open
//! ```
//! # Durability invariant
//! A put returns after the object's bytes are synced; the index may lag behind, never ahead. At start the packs are read on from where the index ends: whole entries are indexed, a torn
//! tail is cut off. A lost or damaged index is rebuilt from packs and files.
//!
//! # Group commit
//! One writer thread takes all puts that wait, writes them, and syncs once.
//!
//! # Integrity
//! The record id is a hash of the object, checked at every read: damage is reported, never handed out. After a failed write or sync nothing is known of
//! the file's state, so the store refuses further puts until it is opened again.

mod index;
mod pack;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use yilian_protocol::{Cid, RecordId, limits::OBJECT_MAX};

use self::{
    index::{Index, Place},
    pack::Packs,
};

/// Objects up to this size go into packs.
const PACKED_MAX: usize = 1024 * 1024;
/// Puts that may wait for the writer.
const QUEUE: usize = 256;
/// Puts that share one sync.
const BATCH_MAX: usize = 1024;

/// A store of sealed objects.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    index: Arc<Index>,
    requests: Option<mpsc::SyncSender<Request>>,
    writer: Option<JoinHandle<()>>,
    recovery: Recovery,
    _lock: File,
}

/// What opening the store had to mend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries that were on disk but not in the index.
    pub reindexed: u64,
    /// Bytes of a torn tail that were cut off; none of them was acknowledged.
    pub cut_bytes: u64,
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
}

struct Request {
    objects: Vec<Vec<u8>>,
    done: mpsc::SyncSender<Result<Vec<RecordId>, StoreError>>,
}

impl Store {
    /// Opens the store in `directory`, which is made when it is missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it open, [`StoreError::Io`] when it cannot be read or written.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(directory.join("large")).map_err(io_error(directory))?;
        let lock = lock(directory)?;
        let (index, rebuilt) = Index::open(&directory.join("index.redb"))?;
        let (packs, mut recovery) = Packs::open(&directory.join("packs"), &index)?;
        recovery.rebuilt = rebuilt;
        if rebuilt {
            recovery.reindexed += reindex_large(&directory.join("large"), &index)?;
        }
        let index = Arc::new(index);
        let (requests, incoming) = mpsc::sync_channel(QUEUE);
        let writer = Writer {
            large: directory.join("large"),
            packs,
            index: Arc::clone(&index),
            broken: false,
        };
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&incoming))
            .map_err(io_error(directory))?;
        Ok(Self {
            directory: directory.to_owned(),
            index,
            requests: Some(requests),
            writer: Some(writer),
            recovery,
            _lock: lock,
        })
    }

    /// What opening had to mend.
    #[must_use]
    pub const fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// Stores `objects`, all under one sync; on disk when it returns. An object that is there already is not stored again.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written; [`StoreError::Broken`] after an earlier failure.
    pub fn put_many(&self, objects: Vec<Vec<u8>>) -> Result<Vec<RecordId>, StoreError> {
        if let Some(object) = objects.iter().find(|object| object.len() > OBJECT_MAX) {
            return Err(StoreError::TooLarge { size: object.len() });
        }
        let (done, answer) = mpsc::sync_channel(1);
        let requests = self.requests.as_ref().ok_or(StoreError::Broken)?;
        requests
            .send(Request { objects, done })
            .map_err(|_| StoreError::Broken)?;
        answer.recv().map_err(|_| StoreError::Broken)?
    }

    /// Stores one object; on disk when it returns.
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
        let Some(place) = self.index.get(record)? else {
            return Ok(None);
        };
        let bytes = match place {
            Place::Packed {
                pack,
                offset,
                length,
            } => pack::read(&self.directory.join("packs"), pack, offset, length)?,
            Place::Large { .. } => {
                let path = large_path(&self.directory.join("large"), record);
                fs::read(&path).map_err(io_error(&path))?
            }
        };
        if id_of(&bytes) != record {
            return Err(StoreError::Damaged { record });
        }
        Ok(Some(bytes))
    }

    /// How much is stored.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        self.index.stats()
    }

    /// Reads every object and returns those that are damaged; `progress` is told of each one read.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub fn verify(&self, mut progress: impl FnMut()) -> Result<Vec<RecordId>, StoreError> {
        let mut damaged = Vec::new();
        for record in self.index.records()? {
            if !matches!(self.get(record), Ok(Some(_))) {
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

struct Writer {
    large: PathBuf,
    packs: Packs,
    index: Arc<Index>,
    broken: bool,
}

impl Writer {
    fn run(mut self, incoming: &mpsc::Receiver<Request>) {
        while let Ok(first) = incoming.recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX {
                let Ok(next) = incoming.try_recv() else { break };
                batch.push(next);
            }
            self.commit(batch);
        }
        if !self.broken {
            // An index that lags is mended at the next start.
            drop(self.index.sync());
        }
    }

    /// All of a batch is acknowledged or none of it.
    fn commit(&mut self, batch: Vec<Request>) {
        let written = if self.broken {
            Err(StoreError::Broken)
        } else {
            self.write(&batch)
        };
        self.broken |= written.is_err();
        let mut ids = match written {
            Ok(ids) => ids.into_iter(),
            Err(error) => {
                for request in batch {
                    drop(request.done.send(Err(error.clone())));
                }
                return;
            }
        };
        for request in batch {
            let own = ids.by_ref().take(request.objects.len()).collect();
            // The caller may have gone away; the objects are stored all the same.
            drop(request.done.send(Ok(own)));
        }
    }

    fn write(&mut self, batch: &[Request]) -> Result<Vec<RecordId>, StoreError> {
        let mut ids = Vec::new();
        let mut places = Vec::new();
        for object in batch.iter().flat_map(|request| &request.objects) {
            let id = id_of(object);
            ids.push(id);
            let known = places.iter().any(|(other, _)| *other == id);
            if known || self.index.get(id)?.is_some() {
                continue;
            }
            let place = if object.len() > PACKED_MAX {
                self.write_large(id, object)?
            } else {
                self.packs.append(id, object)?
            };
            places.push((id, place));
        }
        self.packs.sync()?;
        self.index.insert(&places, self.packs.end())?;
        Ok(ids)
    }

    fn write_large(&self, id: RecordId, object: &[u8]) -> Result<Place, StoreError> {
        let path = large_path(&self.large, id);
        let folder = path.parent().unwrap_or(&self.large);
        let temporary = path.with_extension("new");
        let write = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            fs::write(&temporary, object)?;
            File::open(&temporary)?.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(folder)?.sync_all()?;
            File::open(&self.large)?.sync_all()
        };
        write().map_err(io_error(&path))?;
        Ok(Place::Large {
            length: object.len() as u64,
        })
    }
}

/// The record id of an object's bytes.
fn id_of(object: &[u8]) -> RecordId {
    Cid::of(object).record()
}

fn large_path(large: &Path, record: RecordId) -> PathBuf {
    let name = record.to_string();
    let folder: String = name.chars().take(2).collect();
    large.join(folder).join(name)
}

/// Indexes the files of `large` again, after their bytes are checked.
fn reindex_large(large: &Path, index: &Index) -> Result<u64, StoreError> {
    let mut places = Vec::new();
    for folder in fs::read_dir(large).map_err(io_error(large))?.flatten() {
        for file in fs::read_dir(folder.path())
            .map_err(io_error(large))?
            .flatten()
        {
            let Ok(record) = file.file_name().to_string_lossy().parse::<RecordId>() else {
                continue;
            };
            let bytes = fs::read(file.path()).map_err(io_error(&file.path()))?;
            if id_of(&bytes) == record {
                places.push((
                    record,
                    Place::Large {
                        length: bytes.len() as u64,
                    },
                ));
            }
        }
    }
    index.insert(&places, index.end()?)?;
    Ok(places.len() as u64)
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
    /// An earlier write failed; the store must be opened again.
    #[error("an earlier write failed; restart the node")]
    Broken,
}
