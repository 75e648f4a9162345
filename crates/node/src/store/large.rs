//! Objects too large for a pack: a file each, whole or not there.
//!
//! ```text
//! incoming/ab12...      being written; what is left of a crash is removed at the next start
//! large/ab/ab12...      moved here when its bytes are on disk
//! ```

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use yilian_protocol::{RecordId, limits::OBJECT_MAX};

use super::{
    StoreError,
    disk::Guarded,
    id_of,
    index::{Index, Place},
    io_error,
};

/// The files of a store.
#[derive(Debug)]
pub(super) struct Large {
    directory: PathBuf,
    incoming: PathBuf,
    disk: Guarded,
}

impl Large {
    pub fn open(store: &Path, disk: Guarded) -> Result<Self, StoreError> {
        let large = Self {
            directory: directory(store),
            incoming: store.join("incoming"),
            disk,
        };
        for path in [&large.directory, &large.incoming] {
            fs::create_dir_all(path).map_err(io_error(path))?;
        }
        for path in list(&large.incoming)? {
            fs::remove_file(&path).map_err(io_error(&path))?;
        }
        Ok(large)
    }

    /// Writes an object; on disk when it returns.
    pub fn write(&self, record: RecordId, object: &[u8]) -> Result<Place, StoreError> {
        let path = path(&self.directory, record);
        let folder = path.parent().unwrap_or(&self.directory);
        let incoming = self.incoming.join(record.to_string());
        let written = self.write_incoming(&incoming, object);
        if written.is_err() {
            // A full disk gets its space back; a failure here leaves the file to the next start.
            drop(fs::remove_file(&incoming));
        }
        written?;
        if !folder.exists() {
            fs::create_dir(folder).map_err(io_error(folder))?;
        }
        self.disk.rename(&incoming, &path)?;
        self.disk.sync_directory(folder)?;
        self.disk.sync_directory(&self.directory)?;
        Ok(Place::Large {
            length: object.len() as u64,
        })
    }

    fn write_incoming(&self, path: &Path, object: &[u8]) -> Result<(), StoreError> {
        let file = File::create(path).map_err(io_error(path))?;
        self.disk.write_all((&file, path), object, 0)?;
        self.disk.sync((&file, path))
    }

    /// Indexes every file whose bytes are the ones its name says, and returns how many those are.
    pub fn reindex(&self, index: &Index) -> Result<u64, StoreError> {
        let mut found = 0;
        for folder in list(&self.directory)? {
            if !folder.is_dir() {
                continue;
            }
            let mut places = Vec::new();
            for file in list(&folder)? {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let Ok(record) = name.parse::<RecordId>() else {
                    continue;
                };
                let size = file.metadata().map_err(io_error(&file))?.len();
                if read(&self.directory, record, size)?.is_some() {
                    places.push((record, Place::Large { length: size }));
                }
            }
            // What a crash left moved but not synced must not be lost after it is indexed.
            self.disk.sync_directory(&folder)?;
            index.insert(&places, index.end()?)?;
            found += places.len() as u64;
        }
        self.disk.sync_directory(&self.directory)?;
        Ok(found)
    }
}

/// Where the files of a store stand.
pub(super) fn directory(store: &Path) -> PathBuf {
    store.join("large")
}

/// Reads an object; `None` when its file is missing or not what was stored.
pub(super) fn read(
    directory: &Path,
    record: RecordId,
    length: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let path = path(directory, record);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(&path)(error)),
    };
    let size = file.metadata().map_err(io_error(&path))?.len();
    if size != length || size > OBJECT_MAX as u64 {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.read_to_end(&mut bytes).map_err(io_error(&path))?;
    Ok((id_of(&bytes) == record).then_some(bytes))
}

fn path(directory: &Path, record: RecordId) -> PathBuf {
    let name = record.to_string();
    let folder: String = name.chars().take(2).collect();
    directory.join(folder).join(name)
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(io_error(directory))
}
