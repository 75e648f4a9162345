//! From files to drafts: bundles read and checked, grouped into visits, labelled.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use yilian_client::{Draft, Keyword};
use yilian_record::{
    encounter::{Visit, visits},
    fhir::{Bundle, Directory},
    label::parts,
    submission::Submission,
};

/// Reads and checks a bundle; what is wrong is named by resource and path.
pub fn read_bundle(path: &Path, known: &Directory) -> anyhow::Result<Bundle> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    check_bundle(&bytes, known).with_context(|| path.display().to_string())
}

/// Checks a bundle that was read.
pub fn check_bundle(bytes: &[u8], known: &Directory) -> anyhow::Result<Bundle> {
    let (bundle, _) = Bundle::check(bytes, known)?;
    Ok(bundle)
}

/// Reads and checks what an author hands over: a bundle, or resources in one or more files.
pub fn read_submission(files: &[PathBuf], known: &Directory) -> anyhow::Result<Submission> {
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let contents = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Submission::read(&contents, known).with_context(|| names.join(", "))
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

/// The visits of a patient's bundle.
pub fn visits_of(bundle: Bundle) -> anyhow::Result<Vec<Visit>> {
    Ok(visits(bundle)?)
}

/// The drafts of a visit: one for each part.
pub fn drafts_of(visit: &Visit) -> Vec<Draft> {
    let draft = |part: yilian_record::label::Part| Draft {
        confidentiality: part.confidentiality,
        content: part.content,
        keywords: part
            .keywords
            .iter()
            .filter_map(|keyword| Keyword::new(keyword.to_text()).ok())
            .collect(),
    };
    parts(visit).into_iter().map(draft).collect()
}
