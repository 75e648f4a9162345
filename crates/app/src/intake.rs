//! FHIR bundles from files.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use yilian_client::drafts;
use yilian_record::{
    fhir::{Bundle, Directory},
    submission::Submission,
};

/// Reads and checks a bundle; what is wrong is named by resource and path.
pub fn read_bundle(path: &Path, known: &Directory) -> anyhow::Result<Bundle> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    drafts::checked(&bytes, known).with_context(|| path.display().to_string())
}

/// Reads and checks what an author hands over: a bundle, or resources in one or more files.
pub fn read_submission(files: &[PathBuf], known: &Directory) -> anyhow::Result<Submission> {
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let contents = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Submission::read(&contents, known).with_context(|| names(files))
}

/// Files, as a person names them.
pub fn names(files: &[PathBuf]) -> String {
    let names = files.iter().map(|path| path.display().to_string());
    names.collect::<Vec<_>>().join(", ")
}

/// Hospitals and practitioners from bundles that others refer to.
pub fn read_directory(files: &[PathBuf]) -> anyhow::Result<Directory> {
    let mut known = Directory::default();
    for file in files {
        let bundle = read_bundle(file, &known)?;
        known.extend(bundle.resources());
    }
    Ok(known)
}
