//! Finding records by keyword, by their patient or by whoever the patient lets.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;
use yilian_client::{
    Blame, Checked, Hits, Keyword, LeftOut, SearchLetter, SearchRequest, drafts,
    listing::{self, Found},
    people,
};
use yilian_protocol::{Quarter, RecordId};

use super::Context;
use crate::{
    intake::Paper,
    output::{trouble, warn},
};

/// What is sought, and where.
#[derive(Debug, Args)]
pub struct SearchOptions {
    /// The wallet
    name: String,
    /// Codes (I10, 38341003, 4548-4) or words (高血压, bronchitis); a record must have all of them
    #[arg(required = true)]
    words: Vec<String>,
    /// At this hospital only
    #[arg(long)]
    hospital: Option<String>,
    /// Not before this quarter, as 2026-Q1
    #[arg(long)]
    from: Option<Quarter>,
    /// Not after this quarter
    #[arg(long)]
    until: Option<Quarter>,
    /// Make sure that the node kept nothing back: reads the index of every record
    #[arg(long)]
    check: bool,
    /// Write a letter by which a doctor finds the same records, instead of listing them
    #[arg(long, value_name = "FILE")]
    letter: Option<PathBuf>,
}

/// A patient's search: tells what was found, or writes a letter for somebody else.
pub async fn by_patient(context: &Context, options: SearchOptions) -> anyhow::Result<()> {
    let letter = options.letter.as_deref();
    let letter = letter.map(|file| context.target(file)).transpose()?;
    let words = words(&options.words.join(" "))?;
    let opened = context.open().await?;
    let session = &opened.session;
    let hospital = match &options.hospital {
        Some(name) => Some(people::member(session, name).await?),
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
    if let Some(target) = letter {
        let letter = match checked {
            Some(checked) => checked.letter,
            None => patient.search_letter(session, &request).await?,
        };
        target.write_json(&letter)?;
        let parts = letter.parts.len();
        let file = target.path().to_owned();
        context.output.tell(&LetterWritten { parts, file })?;
    } else {
        let found = match &checked {
            Some(checked) => checked.hits.clone(),
            None => patient.search(session, &request).await?,
        };
        tell_false_entries(&found);
        let records = listing::found_by_patient(session, &patient, &found.hits).await?;
        context.output.tell(&Timeline::new(records, checked))?;
    }
    opened.close();
    Ok(())
}

/// A doctor's search with a patient's letter.
pub async fn by_doctor(context: &Context, name: &str, letter: &Path) -> anyhow::Result<()> {
    let letter: SearchLetter = Paper::SearchLetter.read(letter)?;
    let opened = context.open().await?;
    let doctor = context.home.doctor(name)?;
    let found = doctor.search(&opened.session, &letter).await?;
    tell_false_entries(&found);
    let records = listing::found(&opened.session, &found.hits).await?;
    context.output.tell(&Timeline::new(records, None))?;
    opened.close();
    Ok(())
}

/// Tells whose entries lead nowhere, and whether a record may be missing for it.
fn tell_false_entries(found: &Hits) {
    for entry in &found.false_entries {
        let whose = match entry.blame {
            Blame::Author => "",
            Blame::AuthorOrNode => ", by his doing or this node's",
        };
        warn(format_args!(
            "an index entry of author {} at hospital {} leads to no record of it{whose}",
            entry.writer, entry.hospital
        ));
    }
    if found.may_lack() {
        warn("records may be missing: ask another node, or have the patient search with --check");
    }
}

/// The keywords of a query.
fn words(text: &str) -> anyhow::Result<Vec<Keyword>> {
    let words = drafts::sought(text);
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
    records: Vec<Found>,
    /// Index entries looked at to make sure that none was kept back.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<usize>,
    /// Records that some of their words do not find.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<Wordless>,
}

/// A record, and how many words its index could not hold.
#[derive(Serialize)]
struct Wordless {
    record: RecordId,
    #[serde(flatten)]
    left_out: LeftOut,
}

impl Timeline {
    fn new(records: Vec<Found>, checked: Option<Checked>) -> Self {
        let entries = checked.as_ref().map(|checked| checked.entries);
        let left_out = checked.into_iter().flat_map(|checked| checked.left_out);
        let left_out = left_out.map(|(record, left_out)| Wordless { record, left_out });
        Self {
            records,
            checked: entries,
            left_out: left_out.collect(),
        }
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.records {
            let time = line.signed_at.unwrap_or(line.admitted).to_text();
            let scope = line.scope.as_deref().unwrap_or("");
            let (hospital, author, record) = (&line.hospital, &line.author, line.record);
            writeln!(f, "{time}  {hospital}  {author}  {scope}  {record}")?;
            if let Some(fault) = &line.fault {
                writeln!(f, "  not to be relied on: {fault}")?;
            }
        }
        writeln!(f, "{} records", self.records.len())?;
        if let Some(entries) = self.checked {
            writeln!(f, "checked: none of {entries} index entries was kept back")?;
        }
        let mut wordless = self.left_out.iter();
        wordless.try_for_each(|Wordless { record, left_out }| {
            writeln!(f, "some words do not find {record}: {left_out}")
        })
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
