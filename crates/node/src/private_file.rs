//! Files and folders that are their owner's only, whatever the process's umask says.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// A file that is read and written by its owner only.
const MODE: u32 = 0o600;
/// A folder that is entered by its owner only.
const FOLDER_MODE: u32 = 0o700;
/// Ends the names of files that are being written.
pub const UNFINISHED: &str = ".new";

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

/// Makes a folder, and those above it that are missing. What is made is its owner's only; what was
/// there stays as it is.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(FOLDER_MODE).create(path)
}

/// Makes a folder its owner's only, and makes it when it is missing.
pub fn own_folder(path: &Path) -> io::Result<()> {
    make_folder(path)?;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    if mode != FOLDER_MODE {
        fs::set_permissions(path, fs::Permissions::from_mode(FOLDER_MODE))?;
    }
    Ok(())
}

/// Writes a file, whole or not at all and on disk when it returns, readable by its owner only.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = Draft::write(path, bytes)?;
    fs::rename(&draft.path, path)?;
    draft.sync(path)
}

/// The same where nothing stands yet.
///
/// # Errors
/// Of the kind `AlreadyExists` when something does.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = Draft::write(path, bytes)?;
    fs::hard_link(&draft.path, path)?;
    draft.sync(path)
}

/// Removes a file, and the removal is on disk when it returns.
pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    fs::File::open(folder_of(path))?.sync_all()
}

/// Removes a folder with all that is in it, and the removal is on disk when it returns.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    fs::remove_dir_all(path)?;
    fs::File::open(folder_of(path))?.sync_all()
}

/// Whether a file of this name is one that was being written, and its writer was killed.
pub fn is_draft(name: &str) -> bool {
    let inner = name
        .strip_prefix('.')
        .and_then(|name| name.strip_suffix(UNFINISHED));
    let number = inner.and_then(|inner| inner.rsplit_once('.'));
    let number = number.and_then(|(_, number)| number.split_once('-'));
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    number.is_some_and(|(process, count)| is_number(process) && is_number(count))
}

/// Whether a file was last written longer ago than `age`.
pub fn is_older(path: &Path, age: Duration) -> bool {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified());
    let since = written.map(|written| written.elapsed().unwrap_or_default());
    since.is_ok_and(|since| since > age)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What stands beside a file until it is written. A kill leaves at most this.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn write(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        make_folder(folder_of(path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let draft = Self {
            path: path.with_file_name(format!(".{name}.{process}-{count}{UNFINISHED}")),
        };
        // Left there by a process of the same number that was killed.
        drop(fs::remove_file(&draft.path));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(&draft.path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(draft)
    }

    /// Has the folder on disk, and takes the draft away where it still stands.
    fn sync(self, path: &Path) -> io::Result<()> {
        let folder = folder_of(path).to_owned();
        drop(self);
        fs::File::open(folder)?.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
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

    #[test]
    fn what_is_left_of_writing_is_known_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft::write(&folder.path().join("tls/a.key"), b"a").unwrap();
        let name = draft.path.file_name().unwrap().to_str().unwrap();
        assert!(is_draft(name), "{name}");
        for other in [
            "a.key",
            "a.new",
            ".a.key.new",
            ".a.key.7.new",
            ".a.key.x-0.new",
            "a.key.7-0.new",
            ".a.key.7-0",
            ".new",
        ] {
            assert!(!is_draft(other), "{other}");
        }
    }

    #[test]
    fn what_is_new_takes_the_place_of_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, inner) = (folder.path().join("a"), folder.path().join("b/c"));
        write_new(&path, b"one").unwrap();
        let error = write_new(&path, b"two").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        write_new(&inner, b"four").unwrap();
        assert_eq!((mode(&path), mode(&inner)), (0o600, 0o600));
        assert_eq!(mode(&folder.path().join("b")), 0o700);
        // Drafts are gone.
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 2, "{left:?}");
        fs::set_permissions(folder.path().join("b"), fs::Permissions::from_mode(0o755)).unwrap();
        own_folder(&folder.path().join("b")).unwrap();
        assert_eq!(mode(&folder.path().join("b")), 0o700);
    }
}
