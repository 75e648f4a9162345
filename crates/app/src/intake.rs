//! Files that people hand over: FHIR bundles, and what patients and doctors give each other.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use yilian_client::{Letter, Share, drafts};
use yilian_protocol::{letter::ToReader as _, visit::VisitToken};
use yilian_record::{
    fhir::{Bundle, Directory},
    media::MediaType,
    submission::Submission,
    whole::Whole,
};

use crate::output::trouble;

/// What somebody hands over has at most so many bytes in a file: a history of years is a tenth of
/// it. A device may have no end.
const FILE_MAX: u64 = 256 << 20;

/// Reads a file that somebody hands over.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    bounded(file, FILE_MAX)
        .with_context(|| format!("cannot read {shown}"))?
        .ok_or_else(|| {
            let cause = format!("{shown} has more than {} MiB", FILE_MAX >> 20);
            trouble(cause, "hand it over in several files")
        })
}

/// The same as text.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(read(path)?);
    text.with_context(|| format!("{} is no text", path.display()))
}

/// What comes, if it has at most so many bytes.
pub fn bounded(from: impl Read, max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= max).then_some(bytes))
}

/// A file that one command writes and another reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// A patient's, for a visit.
    Token,
    /// A patient's, of one record.
    Share,
    /// A patient's, of a standing grant.
    Letter,
    /// A patient's, of a search.
    SearchLetter,
    /// A clinician's, to be countersigned.
    Opening,
    /// A transaction's.
    Receipt,
    /// A chain's.
    Genesis,
}

impl Paper {
    const ALL: [Self; 7] = [
        Self::Token,
        Self::Share,
        Self::Letter,
        Self::SearchLetter,
        Self::Opening,
        Self::Receipt,
        Self::Genesis,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Token => "a visit token",
            Self::Share => "a share of a record",
            Self::Letter => "the letter of a grant",
            Self::SearchLetter => "a search letter",
            Self::Opening => "the opening of an emergency grant",
            Self::Receipt => "a receipt",
            Self::Genesis => "the genesis of a chain",
        }
    }

    /// Whether `value` looks like one: has a member that no other has.
    fn is(self, value: &Value) -> bool {
        let mark = match self {
            Self::Token => "visit",
            Self::Share => return value.get("kind").is_some_and(|kind| kind == Share::KIND),
            Self::Letter => return value.get("kind").is_some_and(|kind| kind == Letter::KIND),
            Self::SearchLetter => "parts",
            Self::Opening => "second",
            Self::Receipt => "outcome",
            Self::Genesis => "group_key",
        };
        value.get(mark).is_some()
    }

    const fn written_by(self) -> &'static str {
        match self {
            Self::Token => "the patient makes one with `yilian patient check-in`",
            Self::Share => "the patient makes one with `yilian patient share`",
            Self::Letter => "the patient makes one with `yilian patient grant`",
            Self::SearchLetter => "the patient makes one with `yilian patient search --letter`",
            Self::Opening => "the first clinician makes one with `yilian doctor emergency`",
            Self::Receipt => "fetch one with `yilian receipt`, and --json FILE",
            Self::Genesis => "it stands in `genesis.json` of a network's home",
        }
    }

    /// Reads one; of another file it is told what it is.
    pub fn read<V: DeserializeOwned>(self, path: &Path) -> anyhow::Result<V> {
        let shown = path.display();
        let bytes = read(path)?;
        let name = self.name();
        match serde_json::from_slice(&bytes) {
            Ok(read) => Ok(read),
            Err(error) => {
                let found = what(&bytes).filter(|found| *found != name);
                let cause = match found {
                    Some(found) => format!("{shown} is {found}, not {name}"),
                    None => format!("{shown} is not {name}: {error}"),
                };
                Err(trouble(cause, self.written_by()))
            }
        }
    }
}

/// Reads a visit token: the file of it, or the code that was scanned from a patient's phone.
pub fn read_token(path: &Path) -> anyhow::Result<VisitToken> {
    let code = std::fs::read_to_string(path).ok();
    match code.and_then(|code| code.parse().ok()) {
        Some(token) => Ok(token),
        None => Paper::Token.read(path),
    }
}

/// What a file is, as far as it can be told.
fn what(bytes: &[u8]) -> Option<&'static str> {
    if bytes.trim_ascii().is_empty() {
        return Some("empty");
    }
    let value: Value = serde_json::from_slice(bytes).ok()?;
    if value.get("resourceType").is_some() {
        return Some("a FHIR resource");
    }
    if value.get("epcisBody").is_some() {
        return Some("an EPCIS document");
    }
    let mut papers = Paper::ALL.into_iter();
    papers.find(|paper| paper.is(&value)).map(Paper::name)
}

/// Reads and checks a bundle; what is wrong is named by resource and path.
pub fn read_bundle(path: &Path, known: &Directory) -> anyhow::Result<Bundle> {
    let bytes = read(path)?;
    drafts::checked(&bytes, known).with_context(|| path.display().to_string())
}

/// Reads and checks what an author hands over: a bundle, or resources in one or more files.
pub fn read_submission(files: &[PathBuf], known: &Directory) -> anyhow::Result<Submission> {
    let contents = files.iter().map(|path| read(path));
    let contents = contents.collect::<Result<Vec<_>, _>>()?;
    Submission::read(&contents, known).with_context(|| names(files))
}

/// Reads and checks a document of another kind than FHIR, which has to be of the kind that was
/// named, if one was.
pub fn read_document(path: &Path, meant: Option<MediaType>) -> anyhow::Result<Whole> {
    let shown = path.display();
    let bytes = read(path)?;
    let document = Whole::read(&bytes).with_context(|| shown.to_string())?;
    let found = document.media();
    match meant.filter(|meant| *meant != found) {
        Some(meant) => {
            let cause = format!("{shown} is {found}, not {meant}");
            Err(trouble(cause, "leave --media out, or name the right file"))
        }
        None => Ok(document),
    }
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
