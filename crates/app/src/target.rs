//! Files that a command will write. Each is looked at before anything happens, and written whole at
//! the end: nobody learns only after a grant that there is no place for its letter.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    home::{json_bytes, write_private},
    output::trouble,
};

/// A file to be written: nothing stands at its place, and its folder takes files. Readable by the
/// owner only.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    /// Stands beside it until it is written; a kill leaves at most this.
    draft: Mutex<Option<tempfile::NamedTempFile>>,
}

impl Target {
    /// Looks whether a file can be made at `path`.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {
                let cause = format!("{shown} is a folder, and a file is to be written");
                return Err(trouble(cause, "name a file in it"));
            }
            Ok(_) => return Err(taken(path)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot write {shown}")),
        }
        if path.file_name().is_none() || ends_in_slash(path) {
            let cause = format!("`{shown}` names no file");
            return Err(trouble(cause, "name a file that is to be written"));
        }
        let folder = folder(path);
        if !folder.is_dir() {
            let cause = format!(
                "cannot write {shown}: there is no folder {}",
                folder.display()
            );
            return Err(trouble(cause, "make the folder first, or name another"));
        }
        // Made with mode 0600.
        let draft = tempfile::NamedTempFile::new_in(folder);
        let draft = draft.with_context(|| format!("cannot write into {}", folder.display()))?;
        Ok(Self {
            path: path.to_owned(),
            draft: Mutex::new(Some(draft)),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks whether a name that it may get with [`Target::write_ending`] is taken.
    pub fn takes(&self, endings: impl IntoIterator<Item = &'static str>) -> anyhow::Result<()> {
        for ending in endings {
            let path = self.ending_in(ending);
            if path != self.path && standing(&path)?.is_some() {
                return Err(taken(&path));
            }
        }
        Ok(())
    }

    fn ending_in(&self, ending: &str) -> PathBuf {
        match self.path.extension() {
            Some(_) => self.path.clone(),
            None => self.path.with_extension(ending),
        }
    }

    /// Writes it, whole or not at all. Again, it replaces what itself wrote.
    pub fn write(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(draft) = self.draft(bytes)? else {
            return write_private(&self.path, bytes);
        };
        if let Err(error) = draft.persist_noclobber(&self.path) {
            // Somebody was faster. What is to be written may be had this once only.
            let (_, kept) = error.file.keep()?;
            let cause = format!(
                "{} exists by now; what was to be in it is in {}",
                self.path.display(),
                kept.display()
            );
            return Err(trouble(cause, "move it to where you want it"));
        }
        synced(&self.path)
    }

    /// Writes what can be had again, under a name that ends in `.ENDING`, if the one that was given
    /// has no ending. Returns the name. When that is taken, nothing is left.
    pub fn write_ending(&self, ending: &str, bytes: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.ending_in(ending);
        if standing(&path)?.is_some() {
            return Err(taken(&path));
        }
        match self.draft(bytes)? {
            None => write_private(&path, bytes)?,
            Some(draft) => {
                // The draft goes with the error.
                let persisted = draft.persist_noclobber(&path);
                persisted.map_err(|_| taken(&path))?;
                synced(&path)?;
            }
        }
        Ok(path)
    }

    /// The draft with this in it, unless the target was written before. It is removed when it is
    /// dropped.
    fn draft(&self, bytes: &[u8]) -> anyhow::Result<Option<tempfile::NamedTempFile>> {
        let draft = self.draft.lock().ok().and_then(|mut draft| draft.take());
        let Some(mut draft) = draft else {
            return Ok(None);
        };
        let write = draft.write_all(bytes);
        let write = write.and_then(|()| draft.as_file().sync_all());
        write.with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(Some(draft))
    }

    /// Writes a value as JSON.
    pub fn write_json<V: Serialize>(&self, value: &V) -> anyhow::Result<()> {
        self.write(&json_bytes(value)?)
    }
}

fn taken(path: &Path) -> anyhow::Error {
    let cause = format!("{} exists, and is not overwritten", path.display());
    trouble(cause, "name another file, or move it away")
}

/// Has the folder of a file that was written on disk.
fn synced(path: &Path) -> anyhow::Result<()> {
    let synced = fs::File::open(folder(path)).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("cannot write {}", path.display()))
}

/// The targets of a command line, none of which is another.
#[derive(Debug, Default)]
pub struct Targets(Mutex<Vec<PathBuf>>);

impl Targets {
    /// Looks whether a file can be made at `path`, where none of the others will be.
    pub fn add(&self, path: &Path) -> anyhow::Result<Target> {
        let target = Target::new(path)?;
        let place = folder(path).canonicalize().unwrap_or_default();
        let place = place.join(path.file_name().unwrap_or_default());
        if let Ok(mut known) = self.0.lock() {
            if known.contains(&place) {
                let cause = format!("{} is to be written twice", path.display());
                return Err(trouble(cause, "name two files"));
            }
            known.push(place);
        }
        Ok(target)
    }
}

/// What stands at `path` itself, if anything: a link is not followed, also with a slash behind it.
pub fn standing(path: &Path) -> anyhow::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path.components().as_path()) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
    }
}

/// The folder in which `path` is.
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn ends_in_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}
