//! Taking a document that another system wrote. Places, times, steps and packs stand in it; the
//! secrets on the packs and the author's keys do not.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use yilian_client::trace::{Plan, named_among, names_of};
use yilian_protocol::registry::Role;
use yilian_record::epcis::{Document, Error, Event};

use super::{CodeOptions, Context, queue, scan_any, scan_file};
use crate::{intake, naming::Named, output::trouble};

/// What is taken, in whose name, and where the packs' codes are.
#[derive(Debug, Args)]
pub struct CaptureOptions {
    /// The person's name; needed where several people here handle medicines
    name: Option<String>,
    /// The document, or one event; run it again after a break, and nothing is appended twice
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    #[command(flatten)]
    codes: CodeOptions,
    /// Codes of many packs, one a line: those that the document names are taken, and no others
    #[arg(long, value_name = "FILE")]
    stock: Vec<PathBuf>,
    /// Keep it here; `yilian trace sync` brings it onto the chain
    #[arg(long)]
    offline: bool,
}

pub async fn run(context: &Context, options: &CaptureOptions) -> anyhow::Result<()> {
    let events = read(&options.event)?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => only_handler(context)?,
    };
    let mut packs = scan_any(&options.codes)?;
    let mut stock = Vec::new();
    for file in &options.stock {
        stock.extend(scan_file(file)?);
    }
    stock.retain(|pack| packs.iter().all(|given| given.trace() != pack.trace()));
    packs.extend(named_among(&events, stock));
    if packs.is_empty() {
        return Err(without_codes(&events, &options.stock));
    }
    let plan = Plan::new(events, &packs)?;
    queue::capture(context, &name, plan, options.offline).await
}

/// The document's events; of one that is not as it should be, every fault is told.
fn read(file: &Path) -> anyhow::Result<Vec<Event>> {
    let shown = file.display();
    let bytes = intake::read(file)?;
    match Document::parse(&bytes) {
        Ok(document) => Ok(document.into_events()),
        Err(Error::Faults(faults)) => {
            let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            anyhow::bail!("{shown} is not as EPCIS 2.0 asks:{}", lines.concat())
        }
        Err(error) => Err(error).with_context(|| shown.to_string()),
    }
}

/// The one person here who handles medicines.
fn only_handler(context: &Context) -> anyhow::Result<String> {
    let handles = |role| {
        matches!(
            role,
            Role::Maker | Role::Courier | Role::Pharmacist | Role::Regulator
        )
    };
    let mut handlers = Vec::new();
    for name in context.home.names(Named::Person) {
        let role = context.home.person(&name)?.certificate().role;
        if handles(role) {
            handlers.push((name, role));
        }
    }
    match &handlers[..] {
        [(only, _)] => Ok(only.clone()),
        [] => Err(trouble(
            "nobody here handles medicines, in whose name it could be taken",
            "certify a maker, courier, pharmacist or regulator with `yilian ca certify`",
        )),
        several => {
            let names = several
                .iter()
                .map(|(name, role)| format!("{name} ({role})"));
            let names: Vec<String> = names.collect();
            let cause = format!("several people here handle medicines: {}", names.join(", "));
            Err(trouble(cause, "name the one who takes it before --event"))
        }
    }
}

/// Says which packs' codes are missing.
fn without_codes(events: &[Event], stock: &[PathBuf]) -> anyhow::Error {
    let names = names_of(events);
    let some: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
    let cause = match (&some[..], stock) {
        ([], _) => "the document names no pack".to_owned(),
        (some, []) => format!(
            "the codes on the packs are missing; it names {}",
            some.join(", ")
        ),
        (some, _) => format!("the stock has none of what it names: {}", some.join(", ")),
    };
    trouble(
        cause,
        "give the codes with --codes FILE, or those of many packs with --stock FILE",
    )
}
