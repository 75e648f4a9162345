//! A patient's standing grants.

use std::{fmt, path::PathBuf};

use clap::{Args, ValueEnum, value_parser};
use serde::Serialize;
use yilian_client::{
    ClientError, PassedOver, Patient, Session, Wallet,
    grants::{self, DAYS, DAYS_MAX, LEVELS, Listed, PURPOSE, ToldUse, Wish},
};
use yilian_protocol::{
    CertificateId, Confidentiality, GrantId, MailId,
    grant::{GrantState, OpeningEntry, Purpose, Use},
    stamp::Stamp,
};

use super::Context;
use crate::{
    arguments::one_of,
    commands::{
        letters::{patient::stamp, warn_standing},
        now,
    },
    link::Link,
    output::{trouble, warn},
};

/// What somebody may read, what for, and how long: as it is asked for, and as it is granted.
#[derive(Debug, Args)]
pub struct Leave {
    /// Which levels
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = LEVELS.map(Level::from))]
    pub levels: Vec<Level>,
    /// What for
    #[arg(
        long,
        default_value_t = PURPOSE,
        value_parser = one_of(Purpose::ALL, Purpose::name)
    )]
    pub purpose: Purpose,
    /// Days until it ends, two years of them at most
    #[arg(
        long,
        default_value_t = DAYS,
        value_parser = value_parser!(u64).range(1..=DAYS_MAX)
    )]
    pub days: u64,
}

impl Leave {
    pub fn levels(&self) -> Vec<Confidentiality> {
        self.levels.iter().map(|level| (*level).into()).collect()
    }
}

/// A standing grant to be made.
#[derive(Debug, Args)]
pub struct GrantOptions {
    /// The wallet
    name: String,
    /// The reader's certificate
    #[arg(long)]
    reader: CertificateId,
    #[command(flatten)]
    leave: Leave,
    /// Quarters to come that it covers too, at the hospitals visited so far
    #[arg(long, default_value_t = 0)]
    quarters: u8,
    /// Served in emergencies only, for a day after two clinicians opened it; you see every opening
    #[arg(long)]
    emergency: bool,
    /// Members whose nodes hold the keys, by name; the hospitals visited and others up to five, if
    /// left out
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    holders: Vec<String>,
    /// How many of them it takes to read; more than half, if left out
    #[arg(long, value_name = "COUNT")]
    threshold: Option<usize>,
    /// Write the letter there
    #[arg(long, value_name = "FILE", required_unless_present = "mail")]
    out: Option<PathBuf>,
    /// Send the letter to the reader
    #[arg(long)]
    mail: bool,
}

/// A level of sensitivity on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// De-identified, coded
    Statistics,
    /// Diagnoses, medication, results
    Clinical,
    /// Psychiatric, sexual health, genetic, substance use ...
    Sensitive,
    /// Name, contact, identifiers
    Identity,
}

impl From<Level> for Confidentiality {
    fn from(level: Level) -> Self {
        match level {
            Level::Statistics => Self::Statistics,
            Level::Clinical => Self::Clinical,
            Level::Sensitive => Self::Sensitive,
            Level::Identity => Self::Identity,
        }
    }
}

impl From<Confidentiality> for Level {
    fn from(level: Confidentiality) -> Self {
        match level {
            Confidentiality::Statistics => Self::Statistics,
            Confidentiality::Clinical => Self::Clinical,
            Confidentiality::Sensitive => Self::Sensitive,
            Confidentiality::Identity => Self::Identity,
        }
    }
}

impl GrantOptions {
    fn wish(&self) -> Wish {
        Wish {
            reader: self.reader,
            purpose: self.leave.purpose,
            levels: self.leave.levels(),
            days: self.leave.days,
            quarters: self.quarters,
            emergency: self.emergency,
            holders: self.holders.clone(),
            threshold: self.threshold,
        }
    }
}

pub async fn grant(context: &Context, options: &GrantOptions) -> anyhow::Result<()> {
    let out = options.out.as_deref();
    let out = out.map(|file| context.target(file)).transpose()?;
    let opened = context.open().await?;
    let members = opened.session.members().await?;
    let (lock, mut patient) = context.home.hold_patient(&options.name)?;
    let request = options.wish().request(patient.wallet(), &members, now())?;
    let (threshold, count) = (request.threshold, request.holders.len());
    if !(1..=count).contains(&threshold) {
        let cause = format!("{threshold} of {count} key holders cannot be needed");
        return Err(trouble(
            cause,
            "give a --threshold from 1 to the count of the holders",
        ));
    }
    let keep = |wallet: &Wallet| context.home.keep_wallet(&lock, wallet);
    // Got before anything stands on the chain: without a stamp there is no letter.
    let stamp = if options.mail {
        Some(stamp(context, &lock, &mut patient, &opened.session).await?)
    } else {
        None
    };
    let made = patient
        .grant_kept(&opened.session, request, &mut rand::rng(), keep)
        .await;
    if let Err(error) = &made
        && let Some(ClientError::TooFewHolders { stands, .. }) = error.downcast_ref()
    {
        warn_standing(&options.name, stands.as_slice());
    }
    if let Ok(made) = &made {
        // Its letter is written at once, or the grant is revoked.
        patient.settle(made.letter.grant);
    }
    // And as it is afterwards, though the grant failed half-way.
    keep(patient.wallet())?;
    let made = made?;
    for PassedOver { record, cause } in &made.passed_over {
        warn(format_args!(
            "the letter does not name record {record}, which does not open: {cause}"
        ));
    }
    for holder in &made.without {
        warn(format_args!(
            "member {holder} did not take its share; enough others did"
        ));
    }
    if let Some(out) = &out {
        out.write_json(&made.sealed)?;
    }
    let sent = match &stamp {
        Some(stamp) => {
            let by = (options.name.as_str(), &patient);
            Some(mailed(by, &opened.session, &made, stamp, out.is_some()).await?)
        }
        None => None,
    };
    let (grant, records) = (made.letter.grant, made.letter.records.len());
    context.output.tell(&Granted {
        grant,
        records,
        threshold,
        holders: count,
        letter: options.out.clone(),
        sent,
    })?;
    opened.close();
    Ok(())
}

/// Sends the letter of a grant. When it cannot be sent and is in no file either, the grant is
/// revoked again, if that comes through: its letter was for nobody.
async fn mailed(
    (name, patient): (&str, &Patient),
    session: &Session<Link>,
    made: &yilian_client::Granted,
    stamp: &Stamp,
    is_written: bool,
) -> anyhow::Result<MailId> {
    let rng = &mut rand::rng();
    match patient.mail_letter(session, &made.letter, stamp, rng).await {
        Ok(letter) => Ok(letter),
        Err(error) => {
            if !is_written {
                let (grant, revoked) = (made.letter.grant, GrantState::Revoked);
                if patient.set_grant(session, grant, revoked).await.is_err() {
                    warn_standing(name, &[grant]);
                }
            }
            Err(error.into())
        }
    }
}

/// A grant of a wallet.
#[derive(Debug, Args)]
pub struct GrantName {
    /// The wallet
    name: String,
    /// The grant
    grant: GrantId,
}

pub async fn uses(context: &Context, name: &GrantName) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(&name.name)?;
    let uses = grants::uses(&opened.session, &patient, name.grant, now()).await?;
    for (holder, error) in &uses.silent {
        warn(format_args!("key holder {holder} does not tell: {error}"));
    }
    context.output.tell(&UseListing { uses: uses.told })?;
    opened.close();
    Ok(())
}

pub async fn set(context: &Context, name: &GrantName, state: GrantState) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(&name.name)?;
    patient
        .set_grant(&opened.session, name.grant, state)
        .await?;
    context.output.tell(&Set {
        grant: name.grant,
        state,
    })?;
    opened.close();
    Ok(())
}

pub async fn list(context: &Context, name: &str) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(name)?;
    let grants = grants::list(&opened.session, patient.wallet(), now()).await?;
    context.output.tell(&GrantListing { grants })?;
    opened.close();
    Ok(())
}

#[derive(Serialize)]
struct Granted {
    grant: GrantId,
    records: usize,
    threshold: usize,
    holders: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    letter: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<MailId>,
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "grant {} covers {} records so far; {} of {} key holders serve",
            self.grant, self.records, self.threshold, self.holders
        )?;
        if let Some(letter) = &self.letter {
            let letter = letter.display();
            writeln!(f, "letter for the reader written to {letter}")?;
        }
        match &self.sent {
            Some(letter) => writeln!(f, "sent to the reader as letter {}", letter.short()),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct Set {
    grant: GrantId,
    state: GrantState,
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "grant {} is {}", self.grant, self.state)
    }
}

#[derive(Serialize)]
struct UseListing {
    uses: Vec<ToldUse>,
}

impl fmt::Display for UseListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ToldUse { holder, usage } in &self.uses {
            let Use {
                record,
                reader,
                purpose,
                at,
            } = usage;
            let (holder, at) = (holder.short(), at.to_text());
            writeln!(
                f,
                "{at}  {purpose}  record {record}  reader {reader}  told by {holder}"
            )?;
        }
        writeln!(
            f,
            "{} uses, each told by every key holder that served",
            self.uses.len()
        )
    }
}

#[derive(Serialize)]
struct GrantListing {
    grants: Vec<Listed>,
}

impl fmt::Display for GrantListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Listed {
            grant,
            state,
            until,
            reader,
            reader_fault,
            holders,
            erased,
            openings,
        } in &self.grants
        {
            let unknown = || "(terms not on this device)".to_owned();
            let reader = reader.map_or_else(unknown, |reader| reader.to_string());
            writeln!(
                f,
                "{grant}  {state}  until {}  reader {reader}",
                until.to_text()
            )?;
            if let Some(fault) = reader_fault.filter(|_| *state != GrantState::Revoked) {
                writeln!(
                    f,
                    "  the reader is not served: {fault}; make a grant to his certificate of now"
                )?;
            }
            for OpeningEntry { opening, admitted } in openings {
                let (at, reason) = (admitted.time.to_text(), &opening.reason);
                let (first, second) = (opening.first.certificate, opening.second.certificate);
                writeln!(f, "  opened in an emergency at {at}: {reason}")?;
                writeln!(f, "    by {first}\n    and {second}")?;
            }
            if *state == GrantState::Revoked {
                writeln!(f, "  erased by {erased} of {holders} key holders")?;
            }
        }
        writeln!(f, "{} grants", self.grants.len())
    }
}
