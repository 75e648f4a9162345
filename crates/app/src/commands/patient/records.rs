//! A patient's own records.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;
use yilian_client::{
    PassedOver, Sharing,
    listing::{self, Opened},
};
use yilian_protocol::{CertificateId, RecordId, TimeMs, call::Form};

use super::{Context, Written};
use crate::{
    arguments::one_of,
    commands::{
        doctor::Shown,
        letters::{Sent, patient::with_stamp},
    },
};

pub async fn list(context: &Context, name: &str) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(name)?;
    let records = listing::records(&opened.session, &patient).await?;
    context.output.tell(&Listing {
        records: records.opened.into_iter().map(ListedRecord::from).collect(),
        not_opened: records
            .passed_over
            .into_iter()
            .map(NotOpened::from)
            .collect(),
    })?;
    opened.close();
    Ok(())
}

/// A record to be opened.
#[derive(Debug, Args)]
pub struct OpenOptions {
    /// The wallet
    name: String,
    /// The record
    record: RecordId,
    /// Write the record there instead of to the terminal
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub async fn open(context: &Context, options: OpenOptions) -> anyhow::Result<()> {
    let out = options.out.as_deref();
    let out = out.map(|file| context.record_target(file)).transpose()?;
    let patient = context.home.patient(&options.name)?;
    let opened = context.open().await?;
    let own = Opened::by_patient(&opened.session, &patient, options.record).await?;
    let mut shown = Shown::from(own);
    shown.tell(context, out.as_ref())?;
    opened.close();
    Ok(())
}

/// A record to be shared, and with whom.
#[derive(Debug, Args)]
pub struct ShareOptions {
    /// The wallet
    name: String,
    /// The record
    record: RecordId,
    /// The reader's certificate
    #[arg(long)]
    reader: CertificateId,
    /// The form of the re-encapsulation
    #[arg(
        long,
        default_value = "gt",
        value_parser = one_of(Form::ALL, Form::name)
    )]
    form: Form,
    /// Have the node turn the record, with a blinded rekey, instead of this device
    #[arg(long)]
    by_node: bool,
    /// Write the share there
    #[arg(long, value_name = "FILE", required_unless_present = "mail")]
    out: Option<PathBuf>,
    /// Send it as a letter
    #[arg(long, conflicts_with = "out")]
    mail: bool,
}

pub async fn share(context: &Context, options: ShareOptions) -> anyhow::Result<()> {
    let ShareOptions {
        name,
        record,
        reader,
        form,
        by_node,
        out,
        mail: _,
    } = options;
    let out = out.map(|file| context.target(&file)).transpose()?;
    let opened = context.open().await?;
    let (session, rng) = (&opened.session, &mut rand::rng());
    let how = Sharing { form, by_node };
    if let Some(out) = out {
        let patient = context.home.patient(&name)?;
        let share = patient.share(session, record, reader, how, rng);
        out.write_json(&share.await?)?;
        context.output.tell(&Written::new("share", &out))?;
    } else {
        let (patient, stamp) = with_stamp(context, &name, session).await?;
        let sent = patient.mail_share(session, (record, reader), how, &stamp, rng);
        context.output.tell(&Sent::new("share", sent.await?))?;
    }
    opened.close();
    Ok(())
}

#[derive(Serialize)]
struct Listing {
    records: Vec<ListedRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_opened: Vec<NotOpened>,
}

/// A record that does not open, and why.
#[derive(Serialize)]
struct NotOpened {
    record: RecordId,
    cause: String,
}

impl From<PassedOver> for NotOpened {
    fn from(PassedOver { record, cause }: PassedOver) -> Self {
        Self {
            record,
            cause: cause.to_string(),
        }
    }
}

#[derive(Serialize)]
struct ListedRecord {
    record: RecordId,
    scope: String,
    author: String,
    signed_at: TimeMs,
    bytes: usize,
    /// Why the author's word does not stand, when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
}

impl From<Opened> for ListedRecord {
    fn from(opened: Opened) -> Self {
        Self {
            record: opened.record,
            scope: opened.scope,
            author: opened.author,
            signed_at: opened.signed_at,
            bytes: opened.content.len(),
            verdict: opened.verdict.map(|verdict| verdict.to_string()),
        }
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ListedRecord {
            record,
            scope,
            author,
            signed_at,
            bytes,
            verdict,
        } in &self.records
        {
            writeln!(
                f,
                "{record}  {scope}  {}  {author}  {bytes} B",
                signed_at.to_text()
            )?;
            if let Some(verdict) = verdict {
                writeln!(f, "  not to be relied on: {verdict}")?;
            }
        }
        for NotOpened { record, cause } in &self.not_opened {
            writeln!(f, "{record}  does not open: {cause}")?;
        }
        writeln!(f, "{} records", self.records.len())
    }
}
