//! The few operations of a file system whose failure a store must survive, behind a trait so that
//! tests can make them fail.
//!
//! After a failed sync the system may have dropped what was written and call the next sync a
//! success (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). A
//! failed sync is therefore never tried again: it is noted here, and nothing more is written until
//! the store is opened anew.

use std::{
    fmt,
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{StoreError, io_error};

/// What a store asks of its file system when it writes.
pub(super) trait Disk: fmt::Debug + Send + Sync {
    /// Writes the beginning of `bytes`, at least one byte, and returns how many.
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }

    /// Returns when a file, or the entries of a directory, are on disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Moves a file, over one that is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
}

/// The machine's own file system.
#[derive(Debug)]
pub(super) struct Machine;

impl Disk for Machine {}

/// A disk, and whether it can still be relied upon.
#[derive(Debug, Clone)]
pub(super) struct Guarded {
    disk: Arc<dyn Disk>,
    broken: Arc<AtomicBool>,
}

impl Guarded {
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            broken: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The same disk, to be relied upon again by whoever opens everything on it anew.
    pub fn renewed(&self) -> Self {
        Self::new(Arc::clone(&self.disk))
    }

    /// Writes all of `bytes`, in as many pieces as the system takes them.
    pub fn write_all(
        &self,
        (file, path): (&File, &Path),
        mut bytes: &[u8],
        mut offset: u64,
    ) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            match self.disk.write_at(file, bytes, offset) {
                Ok(0) => return Err(io_error(path)(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error(path)(error)),
            }
        }
        Ok(())
    }

    /// Syncs a file or an opened directory; a failure breaks the store.
    pub fn sync(&self, (file, path): (&File, &Path)) -> Result<(), StoreError> {
        self.disk.sync(file).map_err(|error| {
            self.give_up();
            io_error(path)(error)
        })
    }

    /// Syncs the entries of a directory.
    pub fn sync_directory(&self, path: &Path) -> Result<(), StoreError> {
        let directory = File::open(path).map_err(io_error(path))?;
        self.sync((&directory, path))
    }

    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.disk.rename(from, to).map_err(io_error(to))
    }

    /// From now on nothing may be written.
    pub fn give_up(&self) {
        self.broken.store(true, Ordering::Release);
    }

    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
}
