//! What goes from the module with keys to the one that makes FHIR, and comes back: text, no key.

use serde::{Deserialize, Serialize};
use tsify::Tsify;
use yilian_client::note::Note;
use yilian_protocol::{Cid, TimeMs};

/// A note, and who wrote it where and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToSplit {
    pub(crate) note: Note,
    pub(crate) number: Cid,
    pub(crate) author: String,
    pub(crate) hospital: String,
    pub(crate) patient: String,
    pub(crate) at: TimeMs,
    pub(crate) ahead: i32,
    /// The quarter of the visit's code, as 2026-Q4.
    pub(crate) quarter: String,
}

/// A note as it will be signed.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct SplitView {
    /// Its parts, the extract for statistics last.
    pub parts: Vec<PartView>,
    /// The quarter in which it was written, when the code is for another.
    pub other_quarter: Option<String>,
}

/// A part of a note.
#[derive(Debug, Clone, Serialize, Deserialize, Tsify)]
#[serde(deny_unknown_fields)]
pub struct PartView {
    /// How sensitive it is.
    pub level: String,
    /// What it is.
    pub media: String,
    /// Its content, as it will be signed.
    pub text: String,
    /// What its patient finds it by.
    pub words: Vec<String>,
}
