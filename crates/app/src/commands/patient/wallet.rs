//! A patient's device: its words, and the visits that it checks in for.

use std::{fmt, io::Read as _, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, value_parser};
use serde::Serialize;
use yilian_client::{CheckIn, Patient, Wallet, calendar::hours_after, people};
use yilian_crypto::seed::{Language, Seed};
use yilian_protocol::Quarter;

use super::{Context, Written};
use crate::{commands::now, naming::Named, output::trouble};

pub fn new(context: &Context, name: String, chinese: bool) -> anyhow::Result<()> {
    let chain = context.home.genesis()?.chain();
    context.home.free_name(Named::Wallet, &name)?;
    // Nobody shall write words down whose wallet cannot be kept.
    context.home.begin()?;
    let seed = Seed::random(&mut rand::rng());
    let language = if chinese {
        Language::SimplifiedChinese
    } else {
        Language::English
    };
    let words = seed.to_words(language).to_string();
    // Words first: a wallet whose words nobody saw would lose its records one day.
    let told = NewWallet { name, words };
    context.output.tell(&told)?;
    if context.output.is_unheard() {
        let cause = "nobody read the words, so no wallet was made";
        return Err(trouble(cause, "let them be written to the end"));
    }
    let wallet = Wallet::new(chain);
    context
        .home
        .make_patient(&told.name, seed.expose(), &wallet)
}

/// A wallet to be made again.
#[derive(Debug, Args)]
pub struct RecoverOptions {
    /// A name for the wallet on this machine
    name: String,
    /// Read the words from this file; from standard input if left out
    #[arg(long, value_name = "FILE")]
    words: Option<PathBuf>,
}

pub async fn recover(context: &Context, options: RecoverOptions) -> anyhow::Result<()> {
    let RecoverOptions { name, words } = options;
    context.home.free_name(Named::Wallet, &name)?;
    context.home.begin()?;
    let text = match words {
        Some(file) => std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?,
        None => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the words")?;
            text
        }
    };
    let seed = Seed::from_words(text.trim())
        .map_err(|error| trouble(error.to_string(), "check the words against your paper"))?;
    let opened = context.open().await?;
    let mut patient = Patient::new(&seed, Wallet::new(opened.session.chain()));
    let (visits, grants) = patient.recover(&opened.session).await?;
    context
        .home
        .make_patient(&name, seed.expose(), patient.wallet())?;
    context.output.tell(&Recovered {
        name,
        visits,
        grants,
    })?;
    opened.close();
    Ok(())
}

/// A visit to be made.
#[derive(Debug, Args)]
pub struct CheckInOptions {
    /// The wallet
    name: String,
    /// The hospital's name
    #[arg(long)]
    hospital: String,
    /// The quarter of the care, as 2026-Q4; the current one if left out
    #[arg(long)]
    period: Option<Quarter>,
    /// Keep the visit out of every grant for the quarter
    #[arg(long)]
    private: bool,
    /// Hours until the token ends, a year of them at most
    #[arg(
        long,
        default_value_t = CheckIn::HOURS,
        value_parser = value_parser!(u64).range(1..=CheckIn::HOURS_MAX)
    )]
    hours: u64,
    /// Write the token there
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub async fn check_in(context: &Context, options: CheckInOptions) -> anyhow::Result<()> {
    let now = now();
    let out = context.target(&options.out)?;
    let mut patient = context.home.patient(&options.name)?;
    let opened = context.open().await?;
    let hospital = people::member(&opened.session, &options.hospital).await?;
    let usual = CheckIn::at(hospital, now);
    let request = CheckIn {
        period: options.period.unwrap_or(usual.period),
        private: options.private,
        expires: hours_after(now, options.hours),
        ..usual
    };
    let token = patient.check_in(&opened.session, request, &mut rand::rng());
    context.home.keep_wallet(&options.name, patient.wallet())?;
    out.write_json(&token)?;
    context.output.tell(&Written::new("visit token", &out))?;
    opened.close();
    Ok(())
}

#[derive(Serialize)]
struct NewWallet {
    name: String,
    words: String,
}

impl fmt::Display for NewWallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "wallet {}", self.name)?;
        writeln!(
            f,
            "Write these words on paper. They open every record; they are not shown again."
        )?;
        writeln!(f, "\n  {}\n", self.words)
    }
}

#[derive(Serialize)]
struct Recovered {
    name: String,
    visits: usize,
    grants: usize,
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            visits,
            grants,
        } = self;
        writeln!(
            f,
            "wallet {name}: found {visits} visits and {grants} grants"
        )
    }
}
