//! A patient's records: which there are, and one of them opened.

use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::JudgedRecord;
use yilian_protocol::{authored::AuthoredError, call::RecordEntry};

use super::{PatientClient, id};
use crate::{
    shared::{Place, told, whole},
    trouble::Trouble,
};

/// All visits of which something was sealed.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct TimelineView {
    /// The visits, in the order in which they were made.
    pub visits: Vec<VisitView>,
}

/// A visit.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct VisitView {
    /// The hospital.
    pub hospital: String,
    /// When its first record came onto the chain.
    pub admitted: Place,
    /// Its records, in the order in which they came onto the chain.
    pub records: Vec<RecordLine>,
}

/// A record that is not opened.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct RecordLine {
    /// Its id.
    pub record: String,
    /// The block that holds it.
    pub admitted: Place,
}

/// A record, opened.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct OpenedView {
    /// Its id.
    pub record: String,
    /// The hospital.
    pub hospital: String,
    /// The block that holds it.
    pub admitted: Place,
    /// How sensitive it is: `statistics`, `clinical`, `sensitive` or `identity`.
    pub level: String,
    /// The quarter of its scope, as 2026-Q4.
    pub quarter: String,
    /// Whether it lies outside every grant.
    pub private: bool,
    /// The author's certificate.
    pub author: String,
    /// The author's name, when he is registered.
    pub name: Option<String>,
    /// When he signed it, as he says.
    pub signed: u64,
    /// What the content is, as he signed it.
    pub media: String,
    /// Bytes of the content.
    pub size: usize,
    /// Why the author's word does not stand, when it does not: a rule or a word of this list.
    pub fault: Option<String>,
}

/// A record and its content.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct ContentView {
    /// The record.
    pub opened: OpenedView,
    /// The content, when it is text, and not over what was asked for.
    pub text: Option<String>,
}

#[wasm_bindgen]
impl PatientClient {
    /// Which records there are, by visits. Nothing is opened.
    ///
    /// # Errors
    /// When the node does not answer, or its proofs do not verify.
    pub async fn timeline(&self) -> Result<Ts<TimelineView>, Trouble> {
        let records = self.patient()?.records(&self.session).await?;
        told(&TimelineView {
            visits: by_visit(&records),
        })
    }

    /// Opens a record, and judges its author. Its content comes with it when it is text of at most
    /// `most` bytes. Nothing of it is parsed here: whoever wrote it may be hostile, and the keys
    /// are in this memory.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn content(&self, record: String, most: f64) -> Result<Ts<ContentView>, Trouble> {
        let most = whole(most)?;
        let judged = self.look(&record).await?;
        let bytes = judged.authored.unchecked_content();
        let bytes = Some(bytes).filter(|bytes| bytes.len() as u64 <= most);
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        told(&ContentView {
            opened: view(&judged),
            text: text.map(str::to_owned),
        })
    }

    /// The bytes of a record's content: to be saved as a file.
    ///
    /// # Errors
    /// As [`PatientClient::content`].
    pub async fn bytes(&self, record: String) -> Result<Vec<u8>, Trouble> {
        let judged = self.look(&record).await?;
        Ok(judged.authored.unchecked_content().to_vec())
    }
}

impl PatientClient {
    async fn look(&self, record: &str) -> Result<JudgedRecord, Trouble> {
        let (patient, record) = (self.patient()?, id(record)?);
        let registry = self.registry().await?;
        let looked = patient.look_among(&self.session, record, &registry);
        Ok(looked.await?)
    }
}

/// Records of one visit stand together.
fn by_visit(records: &[RecordEntry]) -> Vec<VisitView> {
    let same = |one: &RecordEntry, other: &RecordEntry| one.nym == other.nym;
    let visits = records.chunk_by(same).filter_map(|visit| {
        let first = visit.first()?;
        Some(VisitView {
            hospital: first.hospital.to_string(),
            admitted: first.admitted.into(),
            records: visit.iter().map(line).collect(),
        })
    });
    visits.collect()
}

fn line(entry: &RecordEntry) -> RecordLine {
    RecordLine {
        record: entry.sealed.record.to_string(),
        admitted: entry.admitted.into(),
    }
}

fn view(judged: &JudgedRecord) -> OpenedView {
    let JudgedRecord {
        entry,
        authored,
        author,
        verdict,
    } = judged;
    let (scope, content) = (authored.scope(), authored.unchecked_content());
    OpenedView {
        record: entry.sealed.record.to_string(),
        hospital: entry.hospital.to_string(),
        admitted: entry.admitted.into(),
        level: scope.confidentiality.code().to_owned(),
        quarter: scope.period.to_string(),
        private: scope.tag.is_some(),
        author: authored.author().to_string(),
        name: author.clone(),
        signed: authored.signed_at().get(),
        media: authored.media().name().to_owned(),
        size: content.len(),
        fault: verdict.as_ref().err().map(verdict_name),
    }
}

/// The stable name of what is wrong with an author's word.
fn verdict_name(error: &AuthoredError) -> String {
    match error {
        AuthoredError::Standing(rule) => rule.name(),
        AuthoredError::Malformed(_) => "malformed",
        AuthoredError::OtherCertificate => "other-certificate",
        AuthoredError::OtherVisit => "other-visit",
        AuthoredError::Signature => "signature",
        AuthoredError::PostDated => "post-dated",
        _ => "other",
    }
    .to_owned()
}
