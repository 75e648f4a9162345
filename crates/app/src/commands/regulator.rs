//! What regulators do: opening the identity behind a pseudonym, together.

use std::{fmt, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;
use yilian_client::regulator::{Case, Identity};
use yilian_protocol::{
    DisclosureId, Height, RecordId,
    codec::Text,
    disclosure::{Approval, DisclosurePart, DisclosureRequest},
    letter::SealedLetter,
};

use super::{Context, now};
use crate::home::read_json;

/// What a regulator does.
#[derive(Debug, Subcommand)]
pub enum RegulatorCommand {
    /// Ask whose record it is: fetches the visit's evidence from the hospital, and checks it
    Ask(AskOptions),
    /// Approve of what another regulator asks
    Approve(ApproveOptions),
    /// Put what was asked onto the chain, with the others' approvals
    Announce(AnnounceOptions),
    /// Give one's part, once the request stands on the chain
    Part(PartOptions),
    /// Open the identity with the parts of as many regulators as it takes
    Open(OpenOptions),
}

/// A request about to be made.
#[derive(Debug, Args)]
pub struct AskOptions {
    /// The regulator's name
    name: String,
    /// A record of the visit
    record: RecordId,
    /// The number of the case
    #[arg(long)]
    case: String,
    /// Why; everybody can read it
    #[arg(long)]
    reason: String,
    /// Where to write the case, for the other regulators
    #[arg(long)]
    out: PathBuf,
}

/// An approval about to be given.
#[derive(Debug, Args)]
pub struct ApproveOptions {
    /// The regulator's name
    name: String,
    /// The case
    case: PathBuf,
    /// Where to write the approval, for the regulator who asks
    #[arg(long)]
    out: PathBuf,
}

/// A request about to come onto the chain.
#[derive(Debug, Args)]
pub struct AnnounceOptions {
    /// The name of the regulator who asks
    name: String,
    /// The case
    case: PathBuf,
    /// An approval of another regulator; of each that there is
    #[arg(long = "approval", value_name = "FILE")]
    approvals: Vec<PathBuf>,
}

/// A part about to be given.
#[derive(Debug, Args)]
pub struct PartOptions {
    /// The regulator's name
    name: String,
    /// The case
    case: PathBuf,
    /// The number of the regulator's share of the key
    #[arg(long)]
    share: u8,
    /// Where to write the part; only the regulator who asks can open it
    #[arg(long)]
    out: PathBuf,
}

/// An identity about to be opened.
#[derive(Debug, Args)]
pub struct OpenOptions {
    /// The name of the regulator who asks
    name: String,
    /// The case
    case: PathBuf,
    /// A part; of as many regulators as it takes
    #[arg(long = "part", value_name = "FILE")]
    parts: Vec<PathBuf>,
}

pub async fn run(context: &Context, command: RegulatorCommand) -> anyhow::Result<()> {
    match command {
        RegulatorCommand::Ask(options) => ask(context, options).await,
        RegulatorCommand::Approve(options) => approve(context, options).await,
        RegulatorCommand::Announce(options) => announce(context, options).await,
        RegulatorCommand::Part(options) => part(context, options).await,
        RegulatorCommand::Open(options) => open(context, options).await,
    }
}

async fn ask(context: &Context, options: AskOptions) -> anyhow::Result<()> {
    let target = context.target(&options.out)?;
    let regulator = context.home.person(&options.name)?.regulator()?;
    let number = Text::new(options.case).context("the case's number")?;
    let reason = Text::new(options.reason).context("the reason")?;
    let opened = context.open().await?;
    let nym = opened.session.record(options.record).await?.nym;
    let asked = regulator.ask(&opened.session, nym, (number, reason), now());
    let case = asked.await?;
    target.write_json(&case)?;
    context
        .output
        .tell(&Written::new("case", &case, options.out))?;
    opened.close();
    Ok(())
}

async fn approve(context: &Context, options: ApproveOptions) -> anyhow::Result<()> {
    let target = context.target(&options.out)?;
    let regulator = context.home.person(&options.name)?.regulator()?;
    let case: Case = read_json(&options.case)?;
    let opened = context.open().await?;
    let approval = regulator.approve(&opened.session, &case, now()).await?;
    target.write_json(&approval)?;
    let told = Written::new("approval", &case, options.out);
    context.output.tell(&told)?;
    opened.close();
    Ok(())
}

async fn announce(context: &Context, options: AnnounceOptions) -> anyhow::Result<()> {
    let regulator = context.home.person(&options.name)?.regulator()?;
    let case: Case = read_json(&options.case)?;
    let approvals = options.approvals.iter().map(|file| read_json(file));
    let approvals = approvals.collect::<anyhow::Result<Vec<Approval>>>()?;
    let opened = context.open().await?;
    let announced = regulator.announce(&opened.session, &case, approvals);
    let receipt = announced.await?;
    context.output.tell(&Announced {
        disclosure: case.id(),
        height: receipt.header.height,
    })?;
    opened.close();
    Ok(())
}

async fn part(context: &Context, options: PartOptions) -> anyhow::Result<()> {
    let target = context.target(&options.out)?;
    let regulator = context.home.person(&options.name)?.regulator()?;
    let share = context.home.regulator_share(options.share)?;
    let case: Case = read_json(&options.case)?;
    let opened = context.open().await?;
    let rng = &mut rand::rng();
    let given = regulator.part(&opened.session, &case, &share, now(), rng);
    let given = given.await?;
    target.write_json(&given)?;
    context
        .output
        .tell(&Written::new("part", &case, options.out))?;
    opened.close();
    Ok(())
}

async fn open(context: &Context, options: OpenOptions) -> anyhow::Result<()> {
    let regulator = context.home.person(&options.name)?.regulator()?;
    let case: Case = read_json(&options.case)?;
    let parts = options.parts.iter().map(|file| read_json(file));
    let parts = parts.collect::<anyhow::Result<Vec<SealedLetter<DisclosurePart>>>>()?;
    let opened = context.open().await?;
    let identity = regulator.open(&opened.session, &case, &parts).await?;
    context.output.tell(&Told { identity })?;
    opened.close();
    Ok(())
}

#[derive(Serialize)]
struct Written {
    what: &'static str,
    disclosure: DisclosureId,
    /// What the file stands for: whoever signs sees what he signed.
    request: DisclosureRequest,
    file: PathBuf,
}

impl Written {
    fn new(what: &'static str, case: &Case, file: PathBuf) -> Self {
        Self {
            what,
            disclosure: case.id(),
            request: case.request.clone(),
            file,
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, file) = (self.what, self.file.display());
        let DisclosureRequest {
            nym,
            case,
            reason,
            by,
            ..
        } = &self.request;
        writeln!(f, "case       {case}")?;
        writeln!(f, "reason     {reason}")?;
        writeln!(f, "pseudonym  {}", hex::encode(nym.to_bytes()))?;
        writeln!(f, "asked by   {by}")?;
        writeln!(f, "{what} of request {} written to {file}", self.disclosure)
    }
}

#[derive(Serialize)]
struct Announced {
    disclosure: DisclosureId,
    height: Height,
}

impl fmt::Display for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { disclosure, height } = self;
        writeln!(
            f,
            "request {disclosure} stands in block {height}; the regulators can give their parts"
        )
    }
}

#[derive(Serialize)]
struct Told {
    identity: Identity,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "identity {}", self.identity)?;
        writeln!(
            f,
            "it is the same at every visit of this patient; who registered him knows whose it is"
        )
    }
}
