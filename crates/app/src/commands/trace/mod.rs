//! The trail of medicines.

mod capture;
mod codes;
mod queue;
mod show;
mod step;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use yilian_client::trace::Pack;
use yilian_record::epcis::Document;

use self::{capture::CaptureOptions, codes::CodesCommand, step::StepOptions};
use super::Context;
use crate::{arguments::Range, commands::now, intake, output::trouble};

/// What happens to medicines.
#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    /// Make codes for packs and cartons, and the symbols to print
    #[command(subcommand)]
    Codes(CodesCommand),
    /// Bring packs into being, as their maker
    Commission {
        #[command(flatten)]
        step: StepOptions,
        /// Lowest and highest temperature at which they are kept, in degrees Celsius, as 2..8
        #[arg(long, value_name = "MIN..MAX", allow_hyphen_values = true)]
        storage: Option<Range>,
    },
    /// Put packs into a carton, or cartons onto a pallet
    Pack {
        #[command(flatten)]
        step: StepOptions,
        /// The carton's code
        #[arg(long, value_name = "FILE")]
        into: PathBuf,
    },
    /// Take packs out of a carton
    Unpack {
        #[command(flatten)]
        step: StepOptions,
        /// The carton's code
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Send packs or cartons on their way
    Ship(StepOptions),
    /// Receive packs or cartons
    Receive(StepOptions),
    /// Look packs over, as a regulator, or report a thermometer's record
    Inspect(StepOptions),
    /// Give a pack to a patient, which closes its trace
    Dispense {
        #[command(flatten)]
        step: StepOptions,
        /// The record with the prescription, shared by the patient with this pharmacist
        #[arg(long, value_name = "FILE")]
        share: Option<PathBuf>,
        /// The MedicationRequest's id, when the record holds several
        #[arg(long, requires = "share")]
        item: Option<String>,
        /// A part of a split pack: the trace stays open for the rest
        #[arg(long)]
        part: bool,
        /// Dispense although a pack is past its last day, for this reason, which its trail keeps
        #[arg(long, value_name = "REASON")]
        expired: Option<String>,
    },
    /// Destroy packs, which closes their traces
    Destroy(StepOptions),
    /// Call packs back, which closes their traces
    Recall(StepOptions),
    /// Declare an event of one's own organisation wrong
    Correct {
        #[command(flatten)]
        step: StepOptions,
        /// The event's id, as `show` tells it
        #[arg(long)]
        event: String,
        /// It did not happen at all; else its data are wrong
        #[arg(long)]
        did_not_occur: bool,
        /// The id of the event that holds instead
        #[arg(long)]
        right: Option<String>,
    },
    /// Append the events of somebody else's EPCIS 2.0 document (JSON-LD) to the packs they name
    Capture(CaptureOptions),
    /// Bring onto the chain what was captured with --offline
    Sync {
        /// The person's name
        name: String,
    },
    /// Show a pack's trail: every signature checked, every alarm told
    Show {
        #[command(flatten)]
        codes: CodeOptions,
        /// Tell only the events that this EPCIS query selects (SimpleEventQuery, JSON)
        #[arg(long, value_name = "FILE")]
        query: Option<PathBuf>,
        /// Write the events as an EPCIS 2.0 document
        #[arg(long, value_name = "FILE")]
        epcis: Option<PathBuf>,
    },
    /// Check an EPCIS 2.0 document (JSON-LD) without appending it
    Validate {
        /// The document
        file: PathBuf,
    },
}

pub async fn run(context: &Context, command: TraceCommand) -> anyhow::Result<()> {
    match command {
        TraceCommand::Codes(command) => codes::make(context, command),
        TraceCommand::Capture(options) => capture::run(context, &options).await,
        TraceCommand::Sync { name } => queue::sync(context, &name).await,
        TraceCommand::Show {
            codes,
            query,
            epcis,
        } => show::run(context, &codes, query.as_deref(), epcis.as_deref()).await,
        TraceCommand::Validate { file } => validate(context, &file),
        command => step::run(context, command).await,
    }
}

/// Codes that were scanned.
#[derive(Debug, Args)]
pub struct CodeOptions {
    /// Codes, one a line, as a scanner sends them or as links
    #[arg(long, value_name = "FILE")]
    pub codes: Vec<PathBuf>,
    /// A code, as a scanner sends it or as a link
    #[arg(long = "code", value_name = "CODE")]
    pub texts: Vec<String>,
}

/// The packs whose codes were given, if any were.
fn scan_any(options: &CodeOptions) -> anyhow::Result<Vec<Pack>> {
    let mut packs = Vec::new();
    for file in &options.codes {
        packs.extend(scan_file(file)?);
    }
    for text in &options.texts {
        packs.push(Pack::scan(text, now())?);
    }
    Ok(packs)
}

/// The packs whose codes were given, of which there must be one.
fn scan(options: &CodeOptions) -> anyhow::Result<Vec<Pack>> {
    let packs = scan_any(options)?;
    if packs.is_empty() {
        return Err(trouble(
            "no pack is named",
            "give codes with --codes FILE or --code CODE",
        ));
    }
    Ok(packs)
}

fn scan_file(file: &Path) -> anyhow::Result<Vec<Pack>> {
    let text = intake::read_text(file)?;
    let lines = text.lines().zip(1..);
    lines
        .filter(|(line, _)| !line.trim().is_empty())
        .map(|(line, number)| {
            Pack::scan(line, now()).with_context(|| format!("{}, line {number}", file.display()))
        })
        .collect()
}

/// The one carton of a file.
fn scan_carton(file: &Path) -> anyhow::Result<Pack> {
    let mut packs = scan_file(file)?;
    match packs.pop() {
        Some(carton) if packs.is_empty() && carton.identity().is_container() => Ok(carton),
        _ => Err(trouble(
            format!("{} does not hold one carton's code", file.display()),
            "make one with `yilian trace codes carton`",
        )),
    }
}

fn validate(context: &Context, file: &Path) -> anyhow::Result<()> {
    let bytes = intake::read(file)?;
    match Document::parse(&bytes) {
        Ok(document) => context.output.tell(&Valid {
            events: document.events().len(),
        }),
        Err(yilian_record::epcis::Error::Faults(faults)) => {
            let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            anyhow::bail!(
                "{} is not as EPCIS 2.0 asks:{}",
                file.display(),
                lines.concat()
            )
        }
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

#[derive(serde::Serialize)]
struct Valid {
    events: usize,
}

impl std::fmt::Display for Valid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "valid, {} event(s)", self.events)
    }
}
