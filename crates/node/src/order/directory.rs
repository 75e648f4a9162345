//! The chain's directory: one owner at a time, and one chain for ever.

use std::{
    fs::{File, TryLockError},
    io::{self, ErrorKind, Write as _},
    path::Path,
    time::Duration,
};

use yilian_protocol::ChainId;

use super::chain::OrderError;

/// Held while the chain runs. The system lets go of it when the process ends, however it ends.
const LOCK: &str = "chain.lock";
/// The id of the chain that lies here, in hex digits.
const IDENTITY: &str = "chain.id";
/// A chain that was dropped a moment ago may still be on its way out.
const ATTEMPTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// The right to use a directory, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    _lock: File,
}

impl Claim {
    /// Takes `directory` for `chain`, and makes it if there is none.
    pub fn take(directory: &Path, chain: ChainId) -> Result<Self, OrderError> {
        let fault = |source| OrderError::Directory {
            directory: directory.to_owned(),
            source,
        };
        std::fs::create_dir_all(directory).map_err(fault)?;
        let lock = lock(directory)
            .map_err(fault)?
            .ok_or_else(|| OrderError::InUse {
                directory: directory.to_owned(),
            })?;
        let found = identity(directory, chain).map_err(fault)?;
        if found != chain.to_string() {
            return Err(OrderError::OtherChain {
                directory: directory.to_owned(),
                found,
            });
        }
        Ok(Self { _lock: lock })
    }
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

/// Whose directory it is; from now on that of `chain`, if it was nobody's.
fn identity(directory: &Path, chain: ChainId) -> io::Result<String> {
    let path = directory.join(IDENTITY);
    match std::fs::read(&path) {
        Ok(bytes) => return Ok(String::from_utf8_lossy(&bytes).trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Err(_) => (),
    }
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    writeln!(file, "{chain}")?;
    file.sync_all()?;
    std::fs::rename(&new, &path)?;
    File::open(directory)?.sync_all()?;
    Ok(chain.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner_and_one_chain() {
        let directory = tempfile::tempdir().unwrap();
        let (ours, theirs) = (ChainId::from_bytes([1; 32]), ChainId::from_bytes([2; 32]));
        let claim = Claim::take(directory.path(), ours).unwrap();
        let error = Claim::take(directory.path(), ours).unwrap_err();
        assert!(matches!(error, OrderError::InUse { .. }), "{error}");
        drop(claim);
        let error = Claim::take(directory.path(), theirs).unwrap_err();
        assert!(
            matches!(&error, OrderError::OtherChain { found, .. } if *found == ours.to_string())
        );
        drop(Claim::take(directory.path(), ours).unwrap());
        std::fs::write(directory.path().join(IDENTITY), [0xff, 0]).unwrap();
        let error = Claim::take(directory.path(), ours).unwrap_err();
        assert!(matches!(error, OrderError::OtherChain { .. }), "{error}");
    }

    #[test]
    fn a_file_in_its_place_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("chain");
        std::fs::write(&file, "").unwrap();
        let error = Claim::take(&file, ChainId::from_bytes([1; 32])).unwrap_err();
        assert!(matches!(error, OrderError::Directory { .. }), "{error}");
    }
}
