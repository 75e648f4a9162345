//! Finding records by keyword, by their patient or by whoever the patient lets.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;
use yilian_client::{Hit, Keyword, SearchLetter, SearchRequest, Session};
use yilian_protocol::{MemberId, RecordId, TimeMs};
use yilian_record::keyword;

use super::{Context, patient::member_called};
use crate::{
    arguments::SearchOptions,
    home::{read_json, write_json},
    link::Link,
    output::trouble,
};

/// A patient's search: tells what was found, or writes a letter for somebody else.
pub async fn by_patient(context: &Context, options: SearchOptions) -> anyhow::Result<()> {
    let words = words(&options.words.join(" "))?;
    let opened = context.open().await?;
    let session = &opened.session;
    let hospital = match &options.hospital {
        Some(name) => Some(member_called(&opened, name).await?),
        None => None,
    };
    let request = SearchRequest {
        words,
        hospital,
        from: options.from,
        until: options.until,
    };
    let patient = context.home.patient(&options.name)?;
    let checked = if options.check {
        Some(patient.check_search(session, &request).await?)
    } else {
        None
    };
    if let Some(file) = options.letter {
        let letter = patient.search_letter(session, &request).await?;
        write_json(&file, &letter)?;
        let parts = letter.parts.len();
        context.output.tell(&LetterWritten { parts, file })?;
    } else {
        let hits = patient.search(session, &request).await?;
        let mut timeline = Timeline::of(session, &hits).await?;
        // The owner can do better than believe the index: open each, and check its author.
        for (line, hit) in timeline.records.iter_mut().zip(&hits) {
            let own = patient.open(session, hit.entry.sealed.record).await?;
            let author = session.certificate(own.verified.author()).await?;
            line.author = author.certificate.subject.to_string();
            line.signed_at = Some(own.verified.signed_at());
            line.scope = Some(own.verified.scope().to_string());
        }
        timeline.checked = checked;
        context.output.tell(&timeline)?;
    }
    opened.close();
    Ok(())
}

/// A doctor's search with a patient's letter.
pub async fn by_doctor(context: &Context, name: &str, letter: &Path) -> anyhow::Result<()> {
    let letter: SearchLetter = read_json(letter)?;
    let opened = context.open().await?;
    let doctor = context.home.doctor(name)?;
    let hits = doctor.search(&opened.session, &letter).await?;
    context
        .output
        .tell(&Timeline::of(&opened.session, &hits).await?)?;
    opened.close();
    Ok(())
}

/// The keywords of a query.
fn words(text: &str) -> anyhow::Result<Vec<Keyword>> {
    let words: Vec<Keyword> = keyword::query(text)
        .iter()
        .filter_map(|word| Keyword::new(word.to_text()).ok())
        .collect();
    if words.is_empty() {
        let cause = format!("`{text}` holds no word that records are found by");
        return Err(trouble(
            cause,
            "give a code as I10 or 38341003, or words as 高血压 or bronchitis",
        ));
    }
    Ok(words)
}

/// What was found, oldest first.
#[derive(Serialize)]
struct Timeline {
    records: Vec<Line>,
    /// Index entries looked at to make sure that none was kept back.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<usize>,
}

#[derive(Serialize)]
struct Line {
    record: RecordId,
    admitted: TimeMs,
    hospital: String,
    author: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_at: Option<TimeMs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl Timeline {
    async fn of(session: &Session<Link>, hits: &[Hit]) -> anyhow::Result<Self> {
        let members = session.members().await?;
        let names: BTreeMap<MemberId, String> = members
            .iter()
            .map(|entry| (entry.member.id(), entry.member.name.to_string()))
            .collect();
        let mut records = Vec::with_capacity(hits.len());
        for hit in hits {
            let writer = session.certificate(hit.writer).await?;
            records.push(Line {
                record: hit.entry.sealed.record,
                admitted: hit.entry.admitted.time,
                hospital: names.get(&hit.entry.hospital).cloned().unwrap_or_default(),
                author: writer.certificate.subject.to_string(),
                signed_at: None,
                scope: None,
            });
        }
        Ok(Self {
            records,
            checked: None,
        })
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.records {
            let time = line.signed_at.unwrap_or(line.admitted).to_text();
            let scope = line.scope.as_deref().unwrap_or("");
            let (hospital, author, record) = (&line.hospital, &line.author, line.record);
            writeln!(f, "{time}  {hospital}  {author}  {scope}  {record}")?;
        }
        writeln!(f, "{} records", self.records.len())?;
        match self.checked {
            Some(entries) => writeln!(f, "checked: none of {entries} index entries was kept back"),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct LetterWritten {
    parts: usize,
    file: PathBuf,
}

impl fmt::Display for LetterWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "letter with {} trapdoors written to {}; it finds what exists now, and names no word",
            self.parts,
            self.file.display()
        )
    }
}
