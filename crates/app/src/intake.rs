//! FHIR bundles from files.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use yilian_client::drafts;
use yilian_record::fhir::{Bundle, Directory};

/// Reads and checks a bundle; what is wrong is named by resource and path.
pub fn read_bundle(path: &Path, known: &Directory) -> anyhow::Result<Bundle> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    drafts::checked(&bytes, known).with_context(|| path.display().to_string())
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
