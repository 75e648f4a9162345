//! What a doctor does.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;
use yilian_client::{Letter, SealedLetter, Share, listing::Opened};
use yilian_protocol::{
    CertificateId, GrantId, RecordId, TimeMs, codec::Text, grant::Opening, media::MediaType,
};
use yilian_record::{
    fhir::{operation_outcome, pretty},
    media::extension,
};

use super::{
    Context,
    letters::doctor::{self as letters, InboxOptions, NotifyOptions, RequestOptions},
    now,
    seal::{self, SealOptions},
    search,
};
use crate::{
    intake::{self, Paper},
    output::{trouble, warn},
    target::Target,
};

/// What a doctor does.
#[derive(Debug, Subcommand)]
pub enum DoctorCommand {
    /// Seal the visits of a FHIR bundle to the patient of a visit token
    Seal(SealOptions),
    /// Open a record that a patient shared once
    Open(OpenOptions),
    /// List the records that a patient's search letter finds
    Search {
        /// The doctor's name
        name: String,
        /// The letter
        #[arg(value_name = "FILE")]
        letter: PathBuf,
    },
    /// Sign that a patient's emergency grant has to be opened, for a second clinician to
    /// countersign
    Emergency(EmergencyOptions),
    /// Countersign, and open the grant for a day; it stays on the chain for the patient to see
    Countersign {
        /// The second clinician's name
        name: String,
        /// What the first one signed
        #[arg(value_name = "FILE")]
        opening: PathBuf,
    },
    /// Read a record under a standing grant
    Read(ReadOptions),
    /// Ask a patient by letter to be let read
    Request(RequestOptions),
    /// Let a patient know something by letter
    Notify(NotifyOptions),
    /// Fetch letters, and list all that are kept
    Inbox(InboxOptions),
}

pub async fn run(context: &Context, command: DoctorCommand) -> anyhow::Result<()> {
    match command {
        DoctorCommand::Seal(options) => seal::seal(context, &options).await,
        DoctorCommand::Open(options) => open(context, options).await,
        DoctorCommand::Search { name, letter } => search::by_doctor(context, &name, &letter).await,
        DoctorCommand::Emergency(options) => emergency(context, &options).await,
        DoctorCommand::Countersign { name, opening } => countersign(context, &name, &opening).await,
        DoctorCommand::Read(options) => read(context, options).await,
        DoctorCommand::Request(options) => letters::request(context, options).await,
        DoctorCommand::Notify(options) => letters::notify(context, options).await,
        DoctorCommand::Inbox(options) => letters::inbox(context, options).await,
    }
}

/// A bundle to be checked.
#[derive(Debug, Args)]
pub struct ValidateOptions {
    /// The bundle's file, or those of its resources
    #[arg(required = true)]
    file: Vec<PathBuf>,
    /// Bundles of hospitals and practitioners that it may refer to
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
}

/// Checks a bundle without importing it.
pub fn validate(context: &Context, options: ValidateOptions) -> anyhow::Result<()> {
    let known = intake::read_directory(&options.known)?;
    let submission = intake::read_submission(&options.file, &known)?;
    let warnings = &submission.report.warnings;
    context.output.tell(&Valid {
        file: intake::names(&options.file),
        resources: submission.bundle.resources().count(),
        outcome: operation_outcome(warnings),
        warnings: warnings.iter().map(ToString::to_string).collect(),
    })
}

/// A share to be opened.
#[derive(Debug, Args)]
pub struct OpenOptions {
    /// The doctor's name
    name: String,
    /// The share
    #[arg(value_name = "FILE")]
    share: PathBuf,
    /// Write the record there instead of to the terminal
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

async fn open(context: &Context, options: OpenOptions) -> anyhow::Result<()> {
    let out = options.out.as_deref();
    let out = out.map(|file| context.record_target(file)).transpose()?;
    let share: SealedLetter<Share> = Paper::Share.read(&options.share)?;
    let doctor = context.home.doctor(&options.name)?;
    let opened = context.open().await?;
    let session = &opened.session;
    let (record, verified) = doctor.open_share(session, &share).await?;
    let mut shown = Shown::from(Opened::of(session, record, &verified).await?);
    shown.tell(context, out.as_ref())?;
    opened.close();
    Ok(())
}

/// An opening to be signed.
#[derive(Debug, Args)]
pub struct EmergencyOptions {
    /// The first clinician's name
    name: String,
    /// The grant
    grant: GrantId,
    /// The second clinician's certificate
    #[arg(long)]
    second: CertificateId,
    /// Why; the patient will read it
    #[arg(long)]
    reason: String,
    /// Write what is to be countersigned there
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

async fn emergency(context: &Context, options: &EmergencyOptions) -> anyhow::Result<()> {
    let out = context.target(&options.out)?;
    let reason = Text::new(options.reason.as_str()).context("the reason")?;
    let doctor = context.home.doctor(&options.name)?;
    let opened = context.open().await?;
    let (grant, second) = (options.grant, options.second);
    let opening = doctor.sign_opening(&opened.session, grant, second, reason, now());
    out.write_json(&opening.await?)?;
    context.output.tell(&Signed {
        grant,
        countersign: options.out.clone(),
    })?;
    opened.close();
    Ok(())
}

async fn countersign(context: &Context, name: &str, file: &Path) -> anyhow::Result<()> {
    let opening: Opening = Paper::Opening.read(file)?;
    let doctor = context.home.doctor(name)?;
    let opened = context.open().await?;
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

/// What to read, and under which grant.
#[derive(Debug, Args)]
pub struct ReadOptions {
    /// The doctor's name
    name: String,
    /// The grant's letter
    #[arg(value_name = "FILE")]
    letter: PathBuf,
    /// The record; all of the letter's if left out
    #[arg(long)]
    record: Option<RecordId>,
    /// Write a record there instead of to the terminal
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

async fn read(context: &Context, options: ReadOptions) -> anyhow::Result<()> {
    let ReadOptions {
        name,
        letter,
        record,
        out,
    } = options;
    let out = out.map(|file| context.record_target(&file)).transpose()?;
    let letter: SealedLetter<Letter> = Paper::Letter.read(&letter)?;
    let doctor = context.home.doctor(&name)?;
    let opened = context.open().await?;
    let letter = doctor.unseal(&opened.session, &letter).await?;
    if record.is_none() && out.is_some() && letter.records.len() != 1 {
        let cause = format!("the letter names {} records", letter.records.len());
        return Err(trouble(
            cause,
            "name one with --record to write it to a file",
        ));
    }
    let named = letter.records.iter().map(|named| named.record);
    let wanted: Vec<RecordId> = record.map_or_else(|| named.collect(), |record| vec![record]);
    let mut shown = Vec::with_capacity(wanted.len());
    for record in wanted {
        let reading = doctor
            .read(&opened.session, &letter, record, now(), &mut rand::rng())
            .await?;
        for holder in &reading.wrong {
            warn(format_args!(
                "key holder {holder} answered falsely; others sufficed"
            ));
        }
        let read = Opened::of(&opened.session, record, &reading.verified).await?;
        let mut read = Shown::from(read);
        read.write(out.as_ref())?;
        context.output.say(&read)?;
        shown.push(read);
    }
    match &shown[..] {
        [only] => context.output.keep(only)?,
        several => context.output.keep(&several)?,
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
    /// Why the author's word does not stand, when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
    /// What the content is, as its author signed it.
    media: MediaType,
    /// Of JSON, to look at; its decimals are the nearest float. Null of anything else.
    content: serde_json::Value,
    /// As it was signed, digit by digit; empty when it is no text.
    text: String,
    /// Of what is no text: its bytes in hex digits, unless they were written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    /// Where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip)]
    bytes: Vec<u8>,
}

impl From<Opened> for Shown {
    fn from(opened: Opened) -> Self {
        let text = text_of(opened.media, &opened.content);
        let hex = text.is_none().then(|| hex::encode(&opened.content));
        Self {
            record: opened.record,
            author: opened.author,
            certificate: opened.certificate,
            signed_at: opened.signed_at,
            scope: opened.scope,
            verdict: opened.verdict.map(|verdict| verdict.to_string()),
            content: json_of(opened.media, &opened.content),
            text: text.unwrap_or_default().to_owned(),
            hex,
            media: opened.media,
            file: None,
            bytes: opened.content,
        }
    }
}

/// The content as JSON, when its author says that it is.
fn json_of(media: MediaType, content: &[u8]) -> serde_json::Value {
    let read = media
        .is_json()
        .then(|| serde_json::from_slice(content).ok());
    read.flatten().unwrap_or_default()
}

/// The content as text, when its author says that it is, and it is.
fn text_of(media: MediaType, content: &[u8]) -> Option<&str> {
    let text = media.is_text().then(|| std::str::from_utf8(content).ok());
    text.flatten()
}

/// The text without what a terminal would obey.
fn harmless(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    text.replace('\r', "\n").chars().map(shown).collect()
}

impl Shown {
    /// Shows the record, or writes its content to a file.
    pub fn tell(&mut self, context: &Context, out: Option<&Target>) -> anyhow::Result<()> {
        self.write(out)?;
        context.output.tell(self)
    }

    /// Writes the content to a file, as it was signed. A name without an ending gets that of the
    /// kind; nothing is made of the content but bytes.
    fn write(&mut self, out: Option<&Target>) -> anyhow::Result<()> {
        let Some(target) = out else {
            return Ok(());
        };
        let ending = extension(self.media);
        let file = target.write_ending(ending, &self.bytes)?;
        let shown = file.display().to_string();
        if !shown.ends_with(&format!(".{ending}")) {
            warn(format_args!(
                "{shown} holds {}, which is opened as .{ending}",
                self.media
            ));
        }
        self.file = Some(file);
        self.hex = None;
        Ok(())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "record  {}", self.record)?;
        writeln!(f, "scope   {}", self.scope)?;
        writeln!(f, "kind    {}", self.media)?;
        writeln!(
            f,
            "signed  by {} at {}",
            self.author,
            self.signed_at.to_text()
        )?;
        if let Some(verdict) = &self.verdict {
            writeln!(f, "NOT TO BE RELIED ON: {verdict}")?;
        }
        if let Some(file) = &self.file {
            return writeln!(f, "written to {}", file.display());
        }
        // As it was signed: a number that goes through a float may come out as another.
        match text_of(self.media, &self.bytes) {
            Some(text) if self.media.is_json() => writeln!(f, "{}", pretty(text)),
            Some(text) => writeln!(f, "{}", harmless(text)),
            None => {
                let bytes = self.bytes.len();
                writeln!(
                    f,
                    "{bytes} bytes to be seen with another program: write them with --out"
                )
            }
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
