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
            known,
        } => seal(context, &name, &token, &bundle, &known).await,
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
pub fn validate(context: &Context, file: &Path, known: &[PathBuf]) -> anyhow::Result<()> {
    let known = intake::read_directory(known)?;
    let bundle = intake::read_bundle(file, &known)?;
    let resources = bundle.resources().count();
    context.output.tell(&Valid {
        file: file.to_owned(),
        resources,
    })
}

async fn seal(
    context: &Context,
    name: &str,
    token: &Path,
    bundle: &Path,
    known: &[PathBuf],
) -> anyhow::Result<()> {
    let token: VisitToken = read_json(token)?;
    let known = intake::read_directory(known)?;
    let visits = intake::visits_of(intake::read_bundle(bundle, &known)?)?;
    let [visit] = visits.as_slice() else {
        let cause = format!(
            "the bundle holds {} visits, the token is for one",
            visits.len()
        );
        return Err(trouble(cause, "give a bundle with a single Encounter"));
    };
    let opened = context.open().await?;
    let doctor = context.home.doctor(name)?;
    let checked = doctor.check_in(&opened.session, &token, now())?;
    let drafts = intake::drafts_of(visit);
    let levels: Vec<_> = drafts
        .iter()
        .map(|draft| draft.confidentiality.to_string())
        .collect();
    let sealed = doctor
        .seal(&opened.session, &checked, drafts, now(), &mut rand::rng())
        .await?;
    context.home.keep_notes(name, &doctor.notes())?;
    let records = sealed.records.into_iter().zip(levels);
    context.output.tell(&Sealed {
        height: sealed.receipt.header.height,
        bytes: sealed.bytes,
        records: records
            .map(|(record, level)| SealedPart { record, level })
            .collect(),
    })?;
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
    content: serde_json::Value,
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
        let pretty = serde_json::to_string_pretty(&self.content).unwrap_or_default();
        writeln!(f, "{pretty}")
    }
}

#[derive(Serialize)]
struct Sealed {
    height: Height,
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
        let count = self.records.len();
        writeln!(
            f,
            "{count} records, {} bytes, final in block {}",
            self.bytes, self.height
        )
    }
}

#[derive(Serialize)]
struct Valid {
    file: PathBuf,
    resources: usize,
}

impl fmt::Display for Valid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} resources, valid FHIR R4",
            self.file.display(),
            self.resources
        )
    }
}
