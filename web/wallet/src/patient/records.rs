//! A patient's records: which there are, and one of them opened.

use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::JudgedRecord;
use yilian_protocol::call::RecordEntry;

use super::PatientClient;
use crate::{
    device::id,
    opened::{ContentView, OpenedView, Signed},
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
    let signed = Signed {
        author: authored.author(),
        at: authored.signed_at(),
        scope: authored.scope(),
        media: authored.media(),
        content: authored.unchecked_content(),
    };
    OpenedView::new(entry, &signed, author.clone(), verdict.as_ref().err())
}
