//! A node's databases: files that are their owner's only, with little of them in memory.

use std::path::Path;

use redb::{Database, DatabaseError, StorageError};

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
