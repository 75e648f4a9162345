//! What a patient does.

mod disclosures;
mod grants;
mod records;
mod wallet;

use std::{fmt, path::PathBuf};

use clap::Subcommand;
use serde::Serialize;
use yilian_protocol::grant::GrantState;

use self::{
    grants::{GrantName, GrantOptions},
    records::{OpenOptions, ShareOptions},
    wallet::{CheckInOptions, NewOptions, RecoverOptions},
};
use super::{
    Context,
    letters::patient::{self as letters, AnswerOptions, CorrectOptions},
    search::{self, SearchOptions},
};
use crate::target::Target;

pub use self::grants::Leave;

/// What a patient does.
#[derive(Debug, Subcommand)]
pub enum PatientCommand {
    /// Make a wallet and give its 24 words, once
    New(NewOptions),
    /// Make a wallet again from its 24 words, and find visits and grants on the chain
    Recover(RecoverOptions),
    /// Make the token for a visit to a hospital
    CheckIn(CheckInOptions),
    /// Find records by code or word, or write a letter that lets a doctor find them
    Search(SearchOptions),
    /// List all records
    List {
        /// The wallet
        name: String,
    },
    /// Open a record and check its author
    Open(OpenOptions),
    /// Share one record with one reader, once and without a trace
    Share(ShareOptions),
    /// List who had the identity behind one of the visits opened, why and when
    Disclosures {
        /// The wallet
        name: String,
    },
    /// Make a standing grant
    Grant(GrantOptions),
    /// Pause a grant
    Pause(GrantName),
    /// Resume a paused grant
    Resume(GrantName),
    /// Revoke a grant for good; its key holders erase their shares and say so on the chain
    Revoke(GrantName),
    /// List every use of a grant, as its key holders noted them
    Uses(GrantName),
    /// List all grants and whether they are served
    Grants {
        /// The wallet
        name: String,
    },
    /// Fetch letters, and list all that are kept
    Inbox {
        /// The wallet
        name: String,
    },
    /// Answer a doctor's request: grant what he asks for, or nothing
    Answer(AnswerOptions),
    /// Write to a record's author what is wrong with it
    Correct(CorrectOptions),
}

pub async fn run(context: &Context, command: PatientCommand) -> anyhow::Result<()> {
    match command {
        PatientCommand::New(options) => wallet::new(context, options),
        PatientCommand::Recover(options) => wallet::recover(context, options).await,
        PatientCommand::CheckIn(options) => wallet::check_in(context, options).await,
        PatientCommand::Search(options) => search::by_patient(context, options).await,
        PatientCommand::List { name } => records::list(context, &name).await,
        PatientCommand::Open(options) => records::open(context, options).await,
        PatientCommand::Share(options) => records::share(context, options).await,
        PatientCommand::Disclosures { name } => disclosures::list(context, &name).await,
        PatientCommand::Grant(options) => grants::grant(context, &options).await,
        PatientCommand::Pause(name) => grants::set(context, &name, GrantState::Paused).await,
        PatientCommand::Resume(name) => grants::set(context, &name, GrantState::Active).await,
        PatientCommand::Revoke(name) => grants::set(context, &name, GrantState::Revoked).await,
        PatientCommand::Uses(name) => grants::uses(context, &name).await,
        PatientCommand::Grants { name } => grants::list(context, &name).await,
        PatientCommand::Inbox { name } => letters::inbox(context, &name).await,
        PatientCommand::Answer(options) => letters::answer(context, &options).await,
        PatientCommand::Correct(options) => letters::correct(context, &options).await,
    }
}

/// A file that a command wrote.
#[derive(Serialize)]
struct Written {
    what: &'static str,
    file: PathBuf,
}

impl Written {
    fn new(what: &'static str, target: &Target) -> Self {
        let file = target.path().to_owned();
        Self { what, file }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} written to {}", self.what, self.file.display())
    }
}
