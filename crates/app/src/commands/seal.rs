//! Sealing a patient's visits: a visit at a time, each noted before it is sent, so that a history
//! goes on after a break and nothing is sealed twice by mistake.

use std::{fmt, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use yilian_client::{
    ClientError, Doctor, LeftOut, drafts, people,
    sealing::{SealNote, SealNotes},
};
use yilian_protocol::{
    Cid, Height, RecordId,
    visit::{CheckedVisit, TokenError},
};
use yilian_record::{
    encounter::Visit,
    submission::{Accepted, Submission},
};

use super::{Context, now};
use crate::{
    intake::{self, Paper},
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
    #[arg(long, value_name = "FILE", required = true)]
    bundle: Vec<PathBuf>,
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

/// Seals what is not sealed yet. Everything that can be told is told before the first visit is.
pub async fn seal(context: &Context, options: &SealOptions) -> anyhow::Result<()> {
    let token = Paper::Token.read(&options.token)?;
    let submission = submitted(options)?;
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
    for warning in &submission.report.warnings {
        warn(warning);
    }
    let (visits, concerns) = submission.visits(checked.visit().period)?;
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
    let plan = sealing.plan(&visits).await?;
    for (number, (visit, notes)) in visits.iter().zip(plan).enumerate() {
        let sealed = sealing.seal(visit, notes).await;
        sealed.with_context(|| {
            let all = visits.len();
            format!("{number} of {all} visits are sealed; the same command goes on with the next")
        })?;
    }
    context.output.tell(&sealing.told)?;
    sealing.opened.close();
    Ok(())
}

/// What the author hands over: all of it, or what is about one patient.
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
    async fn plan(&mut self, visits: &[Visit]) -> anyhow::Result<Vec<Planned>> {
        let (home, name) = (&self.context.home, &self.options.name);
        let nym = self.checked.visit().nym;
        let accepts = |name: &str| self.options.accept.iter().any(|accepted| accepted == name);
        let (again, rest) = (accepts(AGAIN), accepts(REST));
        let mut plan = Vec::with_capacity(visits.len());
        let mut before = Vec::new();
        for visit in visits {
            let id = drafts::visit_id(visit);
            let mut notes = home.seal_notes(name, id)?;
            if notes.is_open() {
                let finished = notes.finish(&self.opened.session).await;
                home.keep_seal_notes(name, id, &notes)?;
                finished?;
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
            Some(first) if !rest => Err(sealed_before(first, before.len(), visits.len())),
            _ => {
                let left_out = before.iter();
                self.told.left_out.extend(left_out.flat_map(SealedPart::of));
                Ok(plan)
            }
        }
    }

    /// Seals a visit, unless it is sealed under this token.
    async fn seal(&mut self, visit: &Visit, planned: Planned) -> anyhow::Result<()> {
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
        let drafts = drafts::of_visit(visit);
        let unindexed: Vec<LeftOut> = drafts.iter().map(drafts::left_out).collect();
        if let Some(note) = notes.under(&nym) {
            self.told.add(note, &unindexed);
            self.told.before += note.parts.len();
            return Ok(());
        }
        let levels = drafts.iter().map(|draft| draft.confidentiality.to_string());
        let levels: Vec<_> = levels.collect();
        let at = now();
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
            self.told.add(note, &unindexed);
        }
        Ok(())
    }
}

/// Says that visits stand on the chain under another token.
fn sealed_before(first: &SealNote, count: usize, all: usize) -> anyhow::Error {
    let records = first.parts.iter().map(|(record, _)| record.to_string());
    let records: Vec<String> = records.collect();
    let cause = format!(
        "{count} of {all} visits were sealed before under another token, the first at {} as {}",
        first.at.to_text(),
        records.join(", ")
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
}

impl SealedPart {
    fn of(note: &SealNote) -> impl Iterator<Item = Self> {
        note.parts.iter().map(|(record, level)| Self {
            record: *record,
            level: level.clone(),
            left_out: None,
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Sealed {
    fn add(&mut self, note: &SealNote, unindexed: &[LeftOut]) {
        self.height = self.height.max(note.height);
        self.bytes += note.bytes;
        let parts = SealedPart::of(note).zip(unindexed);
        self.records
            .extend(parts.map(|(part, left_out)| SealedPart {
                left_out: (left_out.total() > 0).then_some(*left_out),
                ..part
            }));
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.records {
            writeln!(f, "{}  {}", part.record, part.level)?;
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
