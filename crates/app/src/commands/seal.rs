//! Sealing a patient's visits and documents: one at a time, each noted before it is sent, so that a
//! history goes on after a break and nothing is sealed twice by mistake.

use std::{fmt, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;
use yilian_client::{
    ClientError, Doctor, Draft, LeftOut, drafts, people,
    sealing::{SealNote, SealNotes},
};
use yilian_protocol::{
    Cid, Confidentiality, Height, Quarter, RecordId,
    media::MediaType,
    visit::{CheckedVisit, TokenError},
};
use yilian_record::{
    encounter::{GroupingError, Visit},
    submission::{Accepted, Concern, Submission},
    whole::Whole,
};

use super::{Context, now};
use crate::{
    intake,
    link::Opened,
    output::{trouble, warn},
};

/// Accepts that what was sealed under another token is sealed under this one too.
const AGAIN: &str = "again";
/// Accepts that what was sealed under another token is left out.
const REST: &str = "rest";

/// A visit to be sealed.
#[derive(Debug, Args)]
pub struct SealOptions {
    /// The doctor's name
    name: String,
    /// The patient's visit token
    #[arg(long, value_name = "FILE")]
    token: PathBuf,
    /// The visit's resources: a FHIR R4 bundle of any type, or resources and NDJSON in one or
    /// more files
    #[arg(long, value_name = "FILE", required_unless_present = "document")]
    bundle: Vec<PathBuf>,
    /// A document of another kind, sealed as a whole: HL7 CDA, PDF, DICOM metadata in JSON, a
    /// message of HL7 v2
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bundle", "patient", "known"])]
    document: Vec<PathBuf>,
    /// How sensitive the documents are; what says more of itself is raised
    #[arg(long, requires = "document", default_value = "sensitive")]
    level: Level,
    /// What the documents are meant to be, which their bytes have to say too
    #[arg(long, requires = "document")]
    media: Option<Kind>,
    /// Of an export of many patients: whose resources, such as Patient/1
    #[arg(long)]
    patient: Option<String>,
    /// What was told and is right so: another patient, another quarter, `history` for several
    /// visits under one token; `again` for visits that were sealed under another token before, or
    /// `rest` to leave those out
    #[arg(long, value_name = "NAME")]
    accept: Vec<String>,
    /// Bundles of hospitals and practitioners that it refers to
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
}

/// How sensitive a document is, as its author states it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    /// Names, contacts, identifiers: who the patient is
    Identity,
    /// Whatever may be about sensitive matters
    Sensitive,
    /// Looked through, and about nothing sensitive
    Clinical,
}

impl Level {
    const fn confidentiality(self) -> Confidentiality {
        match self {
            Self::Identity => Confidentiality::Identity,
            Self::Sensitive => Confidentiality::Sensitive,
            Self::Clinical => Confidentiality::Clinical,
        }
    }
}

/// Kinds of documents.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// HL7 CDA R2
    Cda,
    /// PDF
    Pdf,
    /// Metadata in the DICOM JSON model
    Dicom,
    /// A message of HL7 v2 in ER7
    Hl7v2,
}

impl Kind {
    const fn media(self) -> MediaType {
        match self {
            Self::Cda => MediaType::Cda,
            Self::Pdf => MediaType::Pdf,
            Self::Dicom => MediaType::DicomJson,
            Self::Hl7v2 => MediaType::Hl7V2,
        }
    }
}

/// What an author hands over, sound by its kind.
enum Handed {
    Resources(Submission),
    Documents(Vec<Unit>),
}

/// What is signed and sent at once: a visit, or a document.
enum Unit {
    Visit(Visit),
    Document(Whole, Confidentiality),
}

impl Handed {
    fn warn(&self) {
        if let Self::Resources(submission) = self {
            submission.report.warnings.iter().for_each(warn);
        }
    }

    fn units(self, token: Quarter) -> Result<(Vec<Unit>, Vec<Concern>), GroupingError> {
        match self {
            Self::Resources(submission) => {
                let (visits, concerns) = submission.visits(token)?;
                Ok((visits.into_iter().map(Unit::Visit).collect(), concerns))
            }
            Self::Documents(units) => {
                let concerns = units.iter().flat_map(|unit| unit.concerns(token));
                let concerns = concerns.collect();
                Ok((units, concerns))
            }
        }
    }
}

impl Unit {
    fn concerns(&self, token: Quarter) -> Vec<Concern> {
        match self {
            Self::Visit(_) => Vec::new(),
            Self::Document(document, _) => document.concerns(token),
        }
    }

    fn id(&self) -> Cid {
        match self {
            Self::Visit(visit) => drafts::visit_id(visit),
            Self::Document(document, _) => drafts::document_id(document),
        }
    }

    /// What several of them are called.
    const fn name(&self) -> &'static str {
        match self {
            Self::Visit(_) => "visits",
            Self::Document(..) => "documents",
        }
    }

    /// The level of each of its parts.
    fn levels(&self) -> Vec<String> {
        let drafts = self.drafts();
        let levels = drafts.iter().map(|draft| draft.confidentiality.to_string());
        levels.collect()
    }

    fn drafts(&self) -> Vec<Draft> {
        match self {
            Self::Visit(visit) => drafts::of_visit(visit),
            Self::Document(document, level) => vec![drafts::of_document(document, *level)],
        }
    }
}

/// Seals what is not sealed yet. Everything that can be told is told before the first visit is.
pub async fn seal(context: &Context, options: &SealOptions) -> anyhow::Result<()> {
    let token = intake::read_token(&options.token)?;
    let handed = handed(options)?;
    let doctor = context.home.doctor(&options.name)?;
    let _alone = context.home.lock_person(&options.name)?;
    let opened = context.open().await?;
    let checked = match doctor.check_in(&opened.session, &token, now()) {
        Err(ClientError::Token(TokenError::OtherHospital { hospital })) => {
            let names = people::names(&opened.session).await?;
            let name = names.get(&hospital).cloned();
            let name = name.unwrap_or_else(|| hospital.to_string());
            let cause = format!("the visit token is for another hospital, {name}");
            return Err(trouble(
                cause,
                "have the patient make a new token for this hospital",
            ));
        }
        checked => checked?,
    };
    handed.warn();
    let (units, concerns) = handed.units(checked.visit().period)?;
    for concern in Accepted::from_iter(options.accept.clone()).pass(concerns)? {
        warn(concern);
    }
    let mut sealing = Sealing {
        context,
        options,
        doctor,
        checked,
        opened,
        told: Sealed::default(),
    };
    let plan = sealing.plan(&units).await?;
    for (number, (unit, notes)) in units.iter().zip(plan).enumerate() {
        let sealed = sealing.seal(unit, notes).await;
        sealed.with_context(|| {
            let (all, what) = (units.len(), unit.name());
            format!("{number} of {all} {what} are sealed; the same command goes on with the next")
        })?;
    }
    context.output.tell(&sealing.told)?;
    sealing.opened.close();
    Ok(())
}

/// What the author hands over: all of it, or what is about one patient.
fn handed(options: &SealOptions) -> anyhow::Result<Handed> {
    if options.document.is_empty() {
        return Ok(Handed::Resources(submitted(options)?));
    }
    let level = options.level.confidentiality();
    let meant = options.media.map(Kind::media);
    let read = |path: &PathBuf| {
        let document = intake::read_document(path, meant)?;
        let shown = path.display();
        if document.level(Some(level)) > level {
            warn(format_args!(
                "{shown} says of itself that it is sensitive, and is sealed so"
            ));
        }
        Ok(Unit::Document(document, level))
    };
    let units: anyhow::Result<Vec<Unit>> = options.document.iter().map(read).collect();
    Ok(Handed::Documents(units?))
}

/// Resources: all of them, or those that are about one patient.
fn submitted(options: &SealOptions) -> anyhow::Result<Submission> {
    let known = intake::read_directory(&options.known)?;
    let submission = intake::read_submission(&options.bundle, &known)?;
    let Some(patient) = &options.patient else {
        return Ok(submission);
    };
    submission.of_patient(patient).ok_or_else(|| {
        let cause = format!("nothing is about {patient}");
        trouble(cause, "name a patient of the files")
    })
}

/// Visits on their way under one token.
struct Sealing<'a> {
    context: &'a Context,
    options: &'a SealOptions,
    doctor: Doctor,
    checked: CheckedVisit,
    opened: Opened,
    told: Sealed,
}

/// What is noted of a visit, and whether it is left out.
struct Planned {
    id: Cid,
    notes: SealNotes,
    left_out: bool,
}

impl Sealing<'_> {
    /// Brings what was sent before a break to its end, and tells what was sealed before.
    async fn plan(&mut self, units: &[Unit]) -> anyhow::Result<Vec<Planned>> {
        let (home, name) = (&self.context.home, &self.options.name);
        let nym = self.checked.visit().nym;
        let accepts = |name: &str| self.options.accept.iter().any(|accepted| accepted == name);
        let (again, rest) = (accepts(AGAIN), accepts(REST));
        let mut plan = Vec::with_capacity(units.len());
        let mut before = Vec::new();
        for unit in units {
            let id = unit.id();
            let mut notes = home.seal_notes(name, id)?;
            if notes.is_open() {
                let finished = notes.finish(&self.opened.session).await;
                home.keep_seal_notes(name, id, &notes)?;
                finished?;
            }
            if let (Unit::Document(..), Some(note)) = (unit, notes.under(&nym)) {
                same_levels(note, &unit.levels())?;
            }
            let other = notes
                .under(&nym)
                .is_none()
                .then(|| notes.under_another(&nym));
            let other = other.flatten().filter(|_| !again).cloned();
            let left_out = other.is_some();
            before.extend(other);
            plan.push(Planned {
                id,
                notes,
                left_out,
            });
        }
        match before.first() {
            Some(first) if !rest => {
                let what = units.first().map_or("visits", Unit::name);
                Err(sealed_before(first, before.len(), units.len(), what))
            }
            _ => {
                let left_out = before.iter();
                self.told.left_out.extend(left_out.flat_map(SealedPart::of));
                Ok(plan)
            }
        }
    }

    /// Seals a visit or document, unless it is sealed under this token.
    async fn seal(&mut self, unit: &Unit, planned: Planned) -> anyhow::Result<()> {
        let Planned {
            id,
            mut notes,
            left_out,
        } = planned;
        if left_out {
            return Ok(());
        }
        let (home, name, nym) = (
            &self.context.home,
            &self.options.name,
            self.checked.visit().nym,
        );
        let drafts = unit.drafts();
        let indexed: Vec<Indexed> = drafts
            .iter()
            .map(|draft| Indexed::of(unit, draft))
            .collect();
        if let Some(note) = notes.under(&nym) {
            self.told.add(note, &indexed);
            self.told.before += note.parts.len();
            return Ok(());
        }
        let (levels, at) = (unit.levels(), now());
        let keep = |request: &_| {
            notes.begin(request, &levels, at);
            home.keep_seal_notes(name, id, &notes)
        };
        let (session, rng) = (&self.opened.session, &mut rand::rng());
        let sealed = self
            .doctor
            .seal_kept(session, &self.checked, drafts, at, rng, keep);
        let sealed = sealed.await?;
        notes.settle(&nym, sealed.receipt.header.height);
        home.keep_seal_notes(name, id, &notes)?;
        home.keep_notes(name, &self.doctor.notes())?;
        if let Some(note) = notes.under(&nym) {
            self.told.add(note, &indexed);
        }
        Ok(())
    }
}

/// Whether a document is to be as sensitive as it was sealed under the same token: what stands on
/// the chain is not sealed over, and a repetition would tell its author that it was.
fn same_levels(note: &SealNote, levels: &[String]) -> anyhow::Result<()> {
    let before = note.parts.iter().map(|(_, level)| level);
    if before.eq(levels) {
        return Ok(());
    }
    let cause = format!(
        "a document was sealed before under this token as {}, and is to be {} now: a record is \
         never changed",
        named(note),
        levels.join(", ")
    );
    Err(trouble(
        cause,
        "name the level of before, or seal it under a new token too, with --accept again; the \
         patient keeps both",
    ))
}

/// The records of a note, each with its level.
fn named(note: &SealNote) -> String {
    let records = note.parts.iter();
    let records = records.map(|(record, level)| format!("{record} ({level})"));
    records.collect::<Vec<_>>().join(", ")
}

/// Says that visits stand on the chain under another token.
fn sealed_before(first: &SealNote, count: usize, all: usize, what: &str) -> anyhow::Error {
    let cause = format!(
        "{count} of {all} {what} were sealed before under another token, the first at {} as {}",
        first.at.to_text(),
        named(first)
    );
    trouble(
        cause,
        "--accept rest seals the others only, --accept again these under this token too",
    )
}

#[derive(Default, Serialize)]
struct Sealed {
    /// Of the last visit.
    height: Option<Height>,
    bytes: usize,
    records: Vec<SealedPart>,
    /// How many of the records were sealed by an earlier run of the command.
    #[serde(skip_serializing_if = "is_zero")]
    before: usize,
    /// Records of visits that stand under another token, and were left out as was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<SealedPart>,
}

#[derive(Serialize)]
struct SealedPart {
    record: RecordId,
    level: String,
    /// What its index could not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOut>,
    /// Of a document: what it is, and by how many words and codes it is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Document>,
}

/// A sealed document, as its author is told of it.
#[derive(Clone, Copy, Serialize)]
struct Document {
    media: MediaType,
    found_by: usize,
}

/// What of a draft the author is told.
struct Indexed {
    left_out: LeftOut,
    document: Option<Document>,
}

impl Indexed {
    fn of(unit: &Unit, draft: &Draft) -> Self {
        Self {
            left_out: drafts::left_out(draft),
            document: match unit {
                Unit::Visit(_) => None,
                Unit::Document(..) => Some(Document {
                    media: draft.media,
                    found_by: draft.keywords.len(),
                }),
            },
        }
    }
}

impl SealedPart {
    fn of(note: &SealNote) -> impl Iterator<Item = Self> {
        note.parts.iter().map(|(record, level)| Self {
            record: *record,
            level: level.clone(),
            left_out: None,
            document: None,
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Sealed {
    fn add(&mut self, note: &SealNote, indexed: &[Indexed]) {
        self.height = self.height.max(note.height);
        self.bytes += note.bytes;
        let parts = SealedPart::of(note).zip(indexed);
        self.records.extend(parts.map(|(part, indexed)| SealedPart {
            left_out: (indexed.left_out.total() > 0).then_some(indexed.left_out),
            document: indexed.document,
            ..part
        }));
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.records {
            writeln!(f, "{}  {}", part.record, part.level)?;
            match part.document {
                Some(Document { media, found_by: 0 }) => {
                    writeln!(f, "  {media}, found by no search")?;
                }
                Some(Document { media, found_by }) => {
                    writeln!(f, "  {media}, found by {found_by} words and codes")?;
                }
                None => {}
            }
            if let Some(left_out) = part.left_out {
                writeln!(f, "  not findable by all its words: {left_out}")?;
            }
        }
        let (count, bytes) = (self.records.len(), self.bytes);
        match self.height {
            Some(height) => writeln!(f, "{count} records, {bytes} bytes, final in block {height}")?,
            None => writeln!(f, "nothing was sealed")?,
        }
        if self.before > 0 {
            let before = self.before;
            writeln!(
                f,
                "{before} of them were sealed before, and not a second time"
            )?;
        }
        if !self.left_out.is_empty() {
            let left_out = self.left_out.len();
            writeln!(
                f,
                "{left_out} records under another token were left as they are"
            )?;
        }
        Ok(())
    }
}
