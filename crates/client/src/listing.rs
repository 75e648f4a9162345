//! Records as people are shown them: with the author's name and hospital looked up.

use yilian_protocol::{
    CertificateId, RecordId, TimeMs,
    authored::{AuthoredError, Verified},
    call::{RecordEntry, Transport},
    media::MediaType,
};

use crate::{ClientError, Hit, JudgedRecord, PassedOver, Patient, Session, people};

/// A record that was opened, and whose author was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The record.
    pub record: RecordId,
    /// Its author's name.
    pub author: String,
    /// Its author's certificate.
    pub certificate: CertificateId,
    /// When he signed it, as he says.
    pub signed_at: TimeMs,
    /// Its scope, as text.
    pub scope: String,
    /// What the content is, as its author signed it: how it is to be shown.
    pub media: MediaType,
    /// The content.
    pub content: Vec<u8>,
    /// Why the author's word does not stand, when it does not: the patient is shown the record all
    /// the same, with this beside it.
    pub verdict: Option<AuthoredError>,
}

impl Opened {
    /// Looks up the author's name.
    ///
    /// # Errors
    /// When the node does not answer, or its proof does not verify.
    pub async fn of<T: Transport>(
        session: &Session<T>,
        record: RecordId,
        verified: &Verified,
    ) -> Result<Self, ClientError> {
        let author = session.certificate(verified.author()).await?;
        Ok(Self {
            record,
            author: author.certificate.subject.to_string(),
            certificate: verified.author(),
            signed_at: verified.signed_at(),
            scope: verified.scope().to_string(),
            media: verified.media(),
            content: verified.content().to_vec(),
            verdict: None,
        })
    }

    /// Opens a record of the patient's own, and judges its author.
    ///
    /// # Errors
    /// As [`Patient::look`].
    pub async fn by_patient<T: Transport>(
        session: &Session<T>,
        patient: &Patient,
        record: RecordId,
    ) -> Result<Self, ClientError> {
        Ok(Self::from(patient.look(session, record).await?))
    }
}

impl From<JudgedRecord> for Opened {
    fn from(own: JudgedRecord) -> Self {
        let authored = &own.authored;
        Self {
            record: own.entry.sealed.record,
            author: own.author.unwrap_or_default(),
            certificate: authored.author(),
            signed_at: authored.signed_at(),
            scope: authored.scope().to_string(),
            media: authored.media(),
            content: authored.unchecked_content().to_vec(),
            verdict: own.verdict.err(),
        }
    }
}

/// A patient's records: each of them stands in one of the two lists.
#[derive(Debug, Default)]
pub struct Records {
    /// Those that open, in the order of the visits.
    pub opened: Vec<Opened>,
    /// Those that do not, and why.
    pub passed_over: Vec<PassedOver>,
}

/// All records of a patient, each opened. One that does not open hides none of the others.
///
/// # Errors
/// When the node does not tell which there are.
pub async fn records<T: Transport>(
    session: &Session<T>,
    patient: &Patient,
) -> Result<Records, ClientError> {
    let mut records = Records::default();
    let entries = patient.records(session).await?;
    let registry = people::registry(session).await?;
    for RecordEntry { sealed, .. } in entries {
        let record = sealed.record;
        match patient.look_among(session, record, &registry).await {
            Ok(opened) => records.opened.push(opened.into()),
            Err(cause) => records.passed_over.push(PassedOver { record, cause }),
        }
    }
    Ok(records)
}

/// A record that a search found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// The record.
    pub record: RecordId,
    /// When it came onto the chain.
    pub admitted: TimeMs,
    /// The hospital's name.
    pub hospital: String,
    /// The author's name: as the index has it, or as the record does when its patient opened it.
    pub author: String,
    /// When the author signed it, if it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<TimeMs>,
    /// Its scope, if it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// What is wrong with it, if it was opened: with the record, its author, or with the entry that
    /// led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What a search found, as far as the index tells.
///
/// # Errors
/// When the node does not answer, or its proofs do not verify.
pub async fn found<T: Transport>(
    session: &Session<T>,
    hits: &[Hit],
) -> Result<Vec<Found>, ClientError> {
    let names = people::names(session).await?;
    let mut found = Vec::with_capacity(hits.len());
    for Hit { entry, writer } in hits {
        let writer = session.certificate(*writer).await?;
        found.push(Found {
            record: entry.sealed.record,
            admitted: entry.admitted.time,
            hospital: names.get(&entry.hospital).cloned().unwrap_or_default(),
            author: writer.certificate.subject.to_string(),
            signed_at: None,
            scope: None,
            fault: None,
        });
    }
    Ok(found)
}

/// What a patient's own search found. He can do better than believe the index: each record is
/// opened, and its author checked. One that does not open hides none of the others.
///
/// # Errors
/// As [`found`].
pub async fn found_by_patient<T: Transport>(
    session: &Session<T>,
    patient: &Patient,
    hits: &[Hit],
) -> Result<Vec<Found>, ClientError> {
    let mut found = found(session, hits).await?;
    let registry = people::registry(session).await?;
    for (line, hit) in found.iter_mut().zip(hits) {
        let opened = match patient.look_among(session, line.record, &registry).await {
            Ok(opened) => Opened::from(opened),
            Err(cause) => {
                line.fault = Some(cause.to_string());
                continue;
            }
        };
        if opened.certificate != hit.writer {
            let (writer, found_by) = (&line.author, "led here, and did not write it");
            line.fault = Some(format!("{writer}'s entry {found_by}"));
        }
        if let Some(verdict) = opened.verdict {
            line.fault = Some(verdict.to_string());
        }
        line.author = opened.author;
        line.signed_at = Some(opened.signed_at);
        line.scope = Some(opened.scope);
    }
    Ok(found)
}
