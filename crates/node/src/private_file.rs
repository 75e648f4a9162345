//! Secrets on disk.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Read and written by the owner only.
const MODE: u32 = 0o600;

/// Opens a file to read and write, which is made empty when it is missing. From then on it is its
/// owner's only, also when it was made open to others.
pub fn open(path: &Path) -> io::Result<fs::File> {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != MODE {
        file.set_permissions(fs::Permissions::from_mode(MODE))?;
    }
    Ok(file)
}

/// Writes a file, whole or not at all and on disk when it returns, readable by its owner only.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let new = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(MODE)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keyholder::KeyHolder, private_chain::PrivateChain};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn no_other_user_reads_shares_or_private_chains() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        let (shares, log, secret) = (path("deposits.redb"), path("log.redb"), path("secret"));
        for _ in 0..2 {
            drop(KeyHolder::open(&shares).unwrap());
            drop(PrivateChain::open(&log).unwrap());
            write(&secret, b"secret").unwrap();
            for file in [&shares, &log, &secret] {
                assert_eq!(mode(file), 0o600, "{}", file.display());
                // As an older version left it, or somebody who copied it.
                fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
            }
        }
    }
}
