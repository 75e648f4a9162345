//! A patient's device: its words, and the visits that it checks in for.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, value_parser};
use serde::Serialize;
use yilian_client::{CheckIn, Patient, Wallet, calendar::hours_after, people};
use yilian_crypto::seed::{Language, Seed};
use yilian_protocol::Quarter;
use zeroize::Zeroizing;

use super::{Context, Written};
use crate::{
    commands::now,
    intake,
    naming::Named,
    output::{trouble, warn},
};

/// A wallet to be made.
#[derive(Debug, Args)]
pub struct NewOptions {
    /// A name for the wallet on this machine; the chain never learns it
    name: String,
    /// Give the words in Chinese
    #[arg(long)]
    chinese: bool,
    /// Write the words to this file, which you alone can read, instead of to the terminal
    #[arg(long, value_name = "FILE")]
    words_out: Option<PathBuf>,
}

pub fn new(context: &Context, options: NewOptions) -> anyhow::Result<()> {
    let NewOptions {
        name,
        chinese,
        words_out,
    } = options;
    let out = words_out.map(|file| context.target(&file)).transpose()?;
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
    let words = seed.to_words(language);
    // Words first: a wallet whose words nobody saw would lose its records one day.
    let told = match &out {
        Some(out) => {
            out.write(Zeroizing::new(format!("{}\n", *words)).as_bytes())?;
            NewWallet {
                name,
                words: None,
                words_file: Some(out.path().to_owned()),
            }
        }
        None => NewWallet {
            name,
            words: Some(words.to_string()),
            words_file: None,
        },
    };
    context.output.tell(&told)?;
    if out.is_none() && context.output.is_unheard() {
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

/// Bytes of a text with words, at most.
const WORDS_MAX: u64 = 64 << 10;
/// How many there are.
const WORDS: usize = 24;

/// The seed of the words that stand in a text: all of it, or a line of it, as in what `patient new`
/// prints.
fn read_words(file: Option<&Path>) -> anyhow::Result<Seed> {
    let shown = file.map_or("standard input".to_owned(), |file| {
        file.display().to_string()
    });
    let read = match file {
        Some(file) => File::open(file).and_then(|file| intake::bounded(file, WORDS_MAX)),
        None => intake::bounded(std::io::stdin(), WORDS_MAX),
    };
    let read = read.with_context(|| format!("cannot read {shown}"))?;
    let bytes = Zeroizing::new(read.with_context(|| format!("{shown} is longer than words are"))?);
    let text = std::str::from_utf8(&bytes).with_context(|| format!("{shown} is no text"))?;
    let line = text
        .lines()
        .find(|line| line.split_whitespace().count() == WORDS);
    Seed::from_words(line.unwrap_or(text).trim())
        .map_err(|error| trouble(error.to_string(), "check the words against your paper"))
}

pub async fn recover(context: &Context, options: RecoverOptions) -> anyhow::Result<()> {
    let RecoverOptions { name, words } = options;
    context.home.free_name(Named::Wallet, &name)?;
    context.home.begin()?;
    let seed = read_words(words.as_deref())?;
    let opened = context.open().await?;
    let mut patient = Patient::new(&seed, Wallet::new(opened.session.chain()));
    let (visits, grants) = patient.recover(&opened.session).await?;
    let unknown = patient.complete(&opened.session).await?;
    if unknown > 0 {
        warn(format_args!(
            "of {unknown} visits no record can be read now: a new grant covers none of theirs"
        ));
    }
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
    let opened = context.open().await?;
    let hospital = people::member(&opened.session, &options.hospital).await?;
    let (lock, mut patient) = context.home.hold_patient(&options.name)?;
    let usual = CheckIn::at(hospital, now);
    let request = CheckIn {
        period: options.period.unwrap_or(usual.period),
        private: options.private,
        expires: hours_after(now, options.hours),
        ..usual
    };
    let token = patient.check_in(&opened.session, request, &mut rand::rng());
    context.home.keep_wallet(&lock, patient.wallet())?;
    out.write_json(&token)?;
    context.output.tell(&Written::new("visit token", &out))?;
    opened.close();
    Ok(())
}

#[derive(Serialize)]
struct NewWallet {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words_file: Option<PathBuf>,
}

impl fmt::Display for NewWallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            words,
            words_file,
        } = self;
        writeln!(f, "wallet {name}")?;
        if let Some(file) = words_file {
            writeln!(
                f,
                "Its words are in {}. They open every record: bring them onto paper, and remove \
                 the file.",
                file.display()
            )?;
        }
        if let Some(words) = words {
            writeln!(
                f,
                "Write these words on paper. They open every record; they are not shown again."
            )?;
            writeln!(f, "\n  {words}\n")?;
        }
        Ok(())
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
