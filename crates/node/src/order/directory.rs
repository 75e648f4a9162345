//! The chain's directory: one owner at a time, and one chain for ever.

use std::{
    fs::{File, TryLockError},
    io::{self, ErrorKind, Write as _},
    num::NonZeroU64,
    path::Path,
    time::Duration,
};

use yilian_protocol::ChainId;

use super::chain::OrderError;

/// Held while the chain runs. The system lets go of it when the process ends, however it ends.
const LOCK: &str = "chain.lock";
/// The id of the chain that lies here, in hex digits.
const IDENTITY: &str = "chain.id";
/// Blocks in one file of the archive, as a decimal number. It cannot be changed later.
const SECTION: &str = "chain.section";
/// A chain that was dropped a moment ago may still be on its way out.
const ATTEMPTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// The right to use a directory, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    _lock: File,
    /// Blocks in one file of the archive.
    pub section: NonZeroU64,
}

impl Claim {
    /// Takes `directory` for `chain`, and makes it if there is none, with `section` blocks in one
    /// file of the archive.
    pub fn take(directory: &Path, chain: ChainId, section: NonZeroU64) -> Result<Self, OrderError> {
        let fault = |source| OrderError::Directory {
            directory: directory.to_owned(),
            source,
        };
        std::fs::create_dir_all(directory).map_err(fault)?;
        let lock = hold(directory)?;
        let found = noted(directory, IDENTITY, &chain.to_string()).map_err(fault)?;
        if found != chain.to_string() {
            return Err(OrderError::OtherChain {
                directory: directory.to_owned(),
                found,
            });
        }
        let section = noted(directory, SECTION, &section.to_string()).map_err(fault)?;
        let section = section
            .parse()
            .map_err(|error| fault(io::Error::new(ErrorKind::InvalidData, error)))?;
        Ok(Self {
            _lock: lock,
            section,
        })
    }
}

/// Holds `directory`, so that no chain runs in it until this is dropped.
pub(super) fn hold(directory: &Path) -> Result<File, OrderError> {
    let held = lock(directory).map_err(|source| OrderError::Directory {
        directory: directory.to_owned(),
        source,
    });
    held?.ok_or_else(|| OrderError::InUse {
        directory: directory.to_owned(),
    })
}

fn lock(directory: &Path) -> io::Result<Option<File>> {
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(directory.join(LOCK))?;
    for _ in 0..ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// What stands in a file of the directory; from now on `new`, if there was none.
fn noted(directory: &Path, name: &str, new: &str) -> io::Result<String> {
    let path = directory.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => return Ok(String::from_utf8_lossy(&bytes).trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Err(_) => (),
    }
    let unfinished = directory.join(format!("{name}.new"));
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{new}")?;
    file.sync_all()?;
    std::fs::rename(&unfinished, &path)?;
    File::open(directory)?.sync_all()?;
    Ok(new.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: NonZeroU64 = NonZeroU64::MIN;

    #[test]
    fn a_directory_has_one_owner_and_one_chain() {
        let directory = tempfile::tempdir().unwrap();
        let (ours, theirs) = (ChainId::from_bytes([1; 32]), ChainId::from_bytes([2; 32]));
        let claim = Claim::take(directory.path(), ours, SECTION).unwrap();
        let error = Claim::take(directory.path(), ours, SECTION).unwrap_err();
        assert!(matches!(error, OrderError::InUse { .. }), "{error}");
        drop(claim);
        let error = Claim::take(directory.path(), theirs, SECTION).unwrap_err();
        assert!(
            matches!(&error, OrderError::OtherChain { found, .. } if *found == ours.to_string())
        );
        let other = NonZeroU64::new(7).unwrap();
        let again = Claim::take(directory.path(), ours, other).unwrap();
        assert_eq!(again.section, SECTION, "as it was begun");
        drop(again);
        std::fs::write(directory.path().join(IDENTITY), [0xff, 0]).unwrap();
        let error = Claim::take(directory.path(), ours, SECTION).unwrap_err();
        assert!(matches!(error, OrderError::OtherChain { .. }), "{error}");
    }

    #[test]
    fn a_file_in_its_place_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("chain");
        std::fs::write(&file, "").unwrap();
        let error = Claim::take(&file, ChainId::from_bytes([1; 32]), SECTION).unwrap_err();
        assert!(matches!(error, OrderError::Directory { .. }), "{error}");
    }
}
