//! What a doctor does.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;
use yilian_client::{Letter, Session, Share};
use yilian_protocol::{
    CertificateId, GrantId, Height, RecordId, TimeMs, authored::Verified, codec::Text,
    grant::Opening, visit::VisitToken,
};

use yilian_record::{
    fhir::{operation_outcome, pretty},
    submission::{Accepted, Submission},
};

use super::{Context, now, search};
use crate::{
    arguments::DoctorCommand,
    home::{read_json, write_json, write_private},
    intake,
    link::Link,
    output::trouble,
};

pub async fn run(context: &Context, command: DoctorCommand) -> anyhow::Result<()> {
    match command {
        DoctorCommand::Seal {
            name,
            token,
            bundle,
            patient,
            accept,
            known,
        } => {
            let submission = intake::read_submission(&bundle, &intake::read_directory(&known)?)?;
            let submission = match &patient {
                None => submission,
                Some(patient) => submission.of_patient(patient).ok_or_else(|| {
                    trouble(
                        format!("nothing is about {patient}"),
                        "name a patient of the files",
                    )
                })?,
            };
            seal(context, &name, &token, submission, accept).await
        }
        DoctorCommand::Open { name, share, out } => {
            let share: Share = read_json(&share)?;
            let opened = context.open().await?;
            let doctor = context.home.doctor(&name)?;
            let verified = doctor.open_share(&opened.session, &share).await?;
            Shown::new(&opened.session, share.record, &verified)
                .await?
                .tell(context, out)?;
            opened.close();
            Ok(())
        }
        DoctorCommand::Search { name, letter } => search::by_doctor(context, &name, &letter).await,
        DoctorCommand::Emergency {
            name,
            grant,
            second,
            reason,
            out,
        } => emergency(context, &name, (grant, second), &reason, &out).await,
        DoctorCommand::Countersign { name, opening } => countersign(context, &name, &opening).await,
        DoctorCommand::Read {
            name,
            letter,
            record,
            out,
        } => read(context, &name, &letter, record, out).await,
    }
}

/// Checks a bundle without importing it.
pub fn validate(context: &Context, files: &[PathBuf], known: &[PathBuf]) -> anyhow::Result<()> {
    let known = intake::read_directory(known)?;
    let submission = intake::read_submission(files, &known)?;
    let names: Vec<_> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    context.output.tell(&Valid {
        file: names.join(", "),
        resources: submission.bundle.resources().count(),
        outcome: operation_outcome(&submission.report.warnings),
        warnings: submission
            .report
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect(),
    })
}

async fn seal(
    context: &Context,
    name: &str,
    token: &Path,
    submission: Submission,
    accept: Vec<String>,
) -> anyhow::Result<()> {
    let token: VisitToken = read_json(token)?;
    let opened = context.open().await?;
    let doctor = context.home.doctor(name)?;
    let checked = doctor.check_in(&opened.session, &token, now())?;
    for warning in &submission.report.warnings {
        eprintln!("warning: {warning}");
    }
    let (visits, concerns) = submission.visits(checked.visit().period)?;
    for concern in Accepted::from_iter(accept).pass(concerns)? {
        eprintln!("warning: {concern}");
    }
    let mut told: Option<Sealed> = None;
    for (number, visit) in visits.iter().enumerate() {
        let drafts = intake::drafts_of(visit);
        let levels: Vec<_> = drafts
            .iter()
            .map(|draft| draft.confidentiality.to_string())
            .collect();
        let sealed = doctor
            .seal(&opened.session, &checked, drafts, now(), &mut rand::rng())
            .await
            .with_context(|| format!("{number} of {} visits are sealed, the next", visits.len()))?;
        context.home.keep_notes(name, &doctor.notes())?;
        let records = sealed.records.into_iter().zip(levels);
        let records = records.map(|(record, level)| SealedPart { record, level });
        let all = told.get_or_insert_default();
        all.height = Some(sealed.receipt.header.height);
        all.bytes += sealed.bytes;
        all.records.extend(records);
    }
    context.output.tell(&told.unwrap_or_default())?;
    opened.close();
    Ok(())
}

async fn emergency(
    context: &Context,
    name: &str,
    (grant, second): (GrantId, CertificateId),
    reason: &str,
    out: &Path,
) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let doctor = context.home.doctor(name)?;
    let reason = Text::new(reason).context("the reason")?;
    let opening = doctor.sign_opening(&opened.session, grant, second, reason, now());
    write_json(out, &opening)?;
    context.output.tell(&Signed {
        grant,
        countersign: out.to_owned(),
    })?;
    opened.close();
    Ok(())
}

async fn countersign(context: &Context, name: &str, file: &Path) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let doctor = context.home.doctor(name)?;
    let opening: Opening = read_json(file)?;
    let grant = opening.grant;
    let receipt = doctor.open_grant(&opened.session, opening).await?;
    context.output.tell(&OpenedGrant {
        grant,
        since: receipt.header.time,
    })?;
    opened.close();
    Ok(())
}

#[derive(Serialize)]
struct Signed {
    grant: GrantId,
    countersign: PathBuf,
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "to be countersigned: {}", self.countersign.display())
    }
}

#[derive(Serialize)]
struct OpenedGrant {
    grant: GrantId,
    since: TimeMs,
}

impl fmt::Display for OpenedGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "grant {} is open for a day from {}",
            self.grant,
            self.since.to_text()
        )
    }
}

async fn read(
    context: &Context,
    name: &str,
    letter: &Path,
    record: Option<RecordId>,
    out: Option<PathBuf>,
) -> anyhow::Result<()> {
    let letter: Letter = read_json(letter)?;
    if record.is_none() && out.is_some() && letter.records.len() != 1 {
        let cause = format!("the letter names {} records", letter.records.len());
        return Err(trouble(
            cause,
            "name one with --record to write it to a file",
        ));
    }
    let opened = context.open().await?;
    let doctor = context.home.doctor(name)?;
    let named = letter.records.iter().map(|named| named.record);
    let wanted: Vec<RecordId> = record.map_or_else(|| named.collect(), |record| vec![record]);
    for record in wanted {
        let reading = doctor.read(&opened.session, &letter, record, now()).await?;
        for holder in &reading.wrong {
            eprintln!("warning: key holder {holder} answered falsely; others sufficed");
        }
        let verified = reading.verified;
        Shown::new(&opened.session, record, &verified)
            .await?
            .tell(context, out.clone())?;
    }
    opened.close();
    Ok(())
}

/// An opened record as it is shown.
#[derive(Serialize)]
pub struct Shown {
    record: RecordId,
    author: String,
    certificate: CertificateId,
    signed_at: TimeMs,
    scope: String,
    /// To look at; its decimals are the nearest float.
    content: serde_json::Value,
    /// As it was signed, digit by digit.
    text: String,
    #[serde(skip)]
    bytes: Vec<u8>,
}

impl Shown {
    /// Looks up the author's name.
    pub async fn new(
        session: &Session<Link>,
        record: RecordId,
        verified: &Verified,
    ) -> anyhow::Result<Self> {
        let author = session.certificate(verified.author()).await?;
        Ok(Self {
            record,
            author: author.certificate.subject.to_string(),
            certificate: verified.author(),
            signed_at: verified.signed_at(),
            scope: verified.scope().to_string(),
            content: serde_json::from_slice(verified.content()).unwrap_or_default(),
            text: String::from_utf8_lossy(verified.content()).into_owned(),
            bytes: verified.content().to_vec(),
        })
    }

    /// Shows the record, or writes its content to a file.
    pub fn tell(&self, context: &Context, out: Option<PathBuf>) -> anyhow::Result<()> {
        if let Some(path) = out {
            write_private(&path, &self.bytes)?;
        }
        context.output.tell(self)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "record  {}", self.record)?;
        writeln!(f, "scope   {}", self.scope)?;
        writeln!(
            f,
            "signed  by {} at {}",
            self.author,
            self.signed_at.to_text()
        )?;
        // As it was signed: a number that goes through a float may come out as another.
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => writeln!(f, "{}", pretty(text)),
            Err(_) => writeln!(f, "{} bytes that are no text", self.bytes.len()),
        }
    }
}

#[derive(Default, Serialize)]
struct Sealed {
    /// Of the last visit.
    height: Option<Height>,
    bytes: usize,
    records: Vec<SealedPart>,
}

#[derive(Serialize)]
struct SealedPart {
    record: RecordId,
    level: String,
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for SealedPart { record, level } in &self.records {
            writeln!(f, "{record}  {level}")?;
        }
        let (count, bytes) = (self.records.len(), self.bytes);
        match self.height {
            Some(height) => writeln!(f, "{count} records, {bytes} bytes, final in block {height}"),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct Valid {
    file: String,
    resources: usize,
    outcome: serde_json::Value,
    #[serde(skip)]
    warnings: Vec<String>,
}

impl fmt::Display for Valid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} resources, valid FHIR R4",
            self.file, self.resources
        )?;
        let mut warnings = self.warnings.iter();
        warnings.try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
