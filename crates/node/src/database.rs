//! A node's databases: files that are their owner's only, with little of them in memory.
//!
//! After a failed write, as on a full disk, the library answers nothing of a database any more
//! until it is opened anew. That is done by who looks after the storage ([`crate::health`]). What
//! was committed is there then; what was not is not.

use std::{
    fmt,
    path::Path,
    sync::{PoisonError, RwLock, RwLockWriteGuard},
};

use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase as _, StorageError,
    TransactionError, WriteTransaction,
};

use crate::private_file;

/// Bytes of a database that are kept in memory at most: 32 MiB. The library would take a gigabyte
/// for each of a node's four.
const CACHE: usize = 32 << 20;

/// Opens the database in the file `path`, which is made when it is missing.
///
/// # Errors
/// When the file cannot be read, is no database, or another process has it open.
pub fn open(path: &Path) -> Result<Database, DatabaseError> {
    let file = private_file::open(path).map_err(StorageError::Io)?;
    Database::builder().set_cache_size(CACHE).create_file(file)
}

/// Opens a database anew.
type Open = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// A database that is opened again after a failure.
pub struct Reopened {
    open: Open,
    /// None after a failure, until it opens again.
    database: RwLock<Option<Database>>,
}

impl fmt::Debug for Reopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reopened")
    }
}

impl Reopened {
    /// Opens the database in the file `path`, which is made when it is missing.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(path: &Path) -> Result<Self, redb::Error> {
        let path = path.to_owned();
        Self::with(Box::new(move || open(&path)))
    }

    fn with(open: Open) -> Result<Self, redb::Error> {
        let database = RwLock::new(Some(open()?));
        Ok(Self { open, database })
    }

    /// Begins to read what is committed.
    ///
    /// # Errors
    /// Those of the file.
    pub fn begin_read(&self) -> Result<ReadTransaction, redb::Error> {
        self.begin(Database::begin_read)
    }

    /// Begins to write, when nobody else does.
    ///
    /// # Errors
    /// Those of the file; and after a failure, until it is opened anew.
    pub fn begin_write(&self) -> Result<WriteTransaction, redb::Error> {
        self.begin(Database::begin_write)
    }

    /// Finds out whether something could be written, and opens the database anew where nothing
    /// could. That reads much of it, so it is for who does it now and then.
    ///
    /// # Errors
    /// Why nothing can be written.
    pub fn probe(&self) -> Result<(), redb::Error> {
        if let Ok(transaction) = self.begin_write() {
            return Ok(transaction.abort()?);
        }
        // Two of one file do not open. Who asks meanwhile is refused, and does not wait.
        let failed = self.lock().take();
        drop(failed);
        let opened = (self.open)()?;
        *self.lock() = Some(opened);
        Ok(self.begin_write()?.abort()?)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        let database = self.database.write();
        database.unwrap_or_else(PoisonError::into_inner)
    }

    fn begin<T>(
        &self,
        begin: impl Fn(&Database) -> Result<T, TransactionError>,
    ) -> Result<T, redb::Error> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        // The library writes nothing to a database of which a write failed.
        let database = database.as_ref().ok_or(redb::Error::PreviousIo)?;
        Ok(begin(database)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        io::{self, ErrorKind},
        sync::{
            Arc, OnceLock, Weak,
            atomic::{AtomicBool, Ordering},
        },
    };

    use redb::{ReadableTable as _, StorageBackend, TableDefinition, backends::FileBackend};

    use super::*;

    const TABLE: TableDefinition<'_, u32, u32> = TableDefinition::new("test");

    /// A file on a disk that may be full.
    #[derive(Debug)]
    struct FullDisk {
        file: FileBackend,
        is_full: Arc<AtomicBool>,
    }

    impl FullDisk {
        fn check(&self) -> io::Result<()> {
            match self.is_full.load(Ordering::SeqCst) {
                true => Err(ErrorKind::StorageFull.into()),
                false => Ok(()),
            }
        }
    }

    impl StorageBackend for FullDisk {
        fn len(&self) -> io::Result<u64> {
            self.file.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.file.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.check()?;
            self.file.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.check()?;
            self.file.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.check()?;
            self.file.write(offset, data)
        }

        fn close(&self) -> io::Result<()> {
            self.file.close()
        }
    }

    fn put(database: &Reopened, value: u32) -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        transaction.open_table(TABLE)?.insert(value, value)?;
        transaction.commit()?;
        Ok(())
    }

    fn values(database: &Reopened) -> Vec<u32> {
        let table = database.begin_read().unwrap().open_table(TABLE).unwrap();
        let values = table.iter().unwrap();
        values.map(|found| found.unwrap().1.value()).collect()
    }

    #[test]
    fn after_a_full_disk_it_goes_on_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (path, is_full) = (folder.path().join("test.redb"), Arc::default());
        let full = Arc::clone(&is_full);
        let database = Reopened::with(Box::new(move || {
            let file = private_file::open(&path).map_err(StorageError::Io)?;
            let file = FileBackend::new(file)?;
            let is_full = Arc::clone(&full);
            Database::builder().create_with_backend(FullDisk { file, is_full })
        }));
        let database = database.unwrap();
        put(&database, 1).unwrap();
        is_full.store(true, Ordering::SeqCst);
        put(&database, 2).unwrap_err();
        put(&database, 3).unwrap_err();
        database.probe().unwrap_err();
        is_full.store(false, Ordering::SeqCst);
        database.probe().unwrap();
        put(&database, 4).unwrap();
        assert_eq!(values(&database), [1, 4]);
    }

    #[test]
    fn nobody_waits_while_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, is_full) = (folder.path().join("test.redb"), Arc::default());
        let full: Arc<AtomicBool> = Arc::clone(&is_full);
        let opening: Arc<OnceLock<Weak<Reopened>>> = Arc::default();
        let (of, looked) = (Arc::clone(&opening), Arc::new(AtomicBool::new(false)));
        let looks = Arc::clone(&looked);
        let database = Reopened::with(Box::new(move || {
            if let Some(database) = of.get().and_then(Weak::upgrade) {
                assert!(database.database.try_read().unwrap().is_none());
                looks.store(true, Ordering::SeqCst);
            }
            let file = private_file::open(&path).map_err(StorageError::Io)?;
            let file = FileBackend::new(file)?;
            let is_full = Arc::clone(&full);
            Database::builder().create_with_backend(FullDisk { file, is_full })
        }));
        let database = Arc::new(database.unwrap());
        opening.set(Arc::downgrade(&database)).unwrap();
        is_full.store(true, Ordering::SeqCst);
        put(&database, 1).unwrap_err();
        is_full.store(false, Ordering::SeqCst);
        database.probe().unwrap();
        assert!(looked.load(Ordering::SeqCst));
        put(&database, 2).unwrap();
    }
}
