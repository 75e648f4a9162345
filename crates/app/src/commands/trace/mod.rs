//! The trail of medicines.

mod codes;
mod queue;
mod show;
mod step;

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use yilian_client::trace::Pack;
use yilian_record::epcis::Document;

use super::Context;
use crate::{
    arguments::trace::{CodeOptions, TraceCommand},
    output::trouble,
};

pub async fn run(context: &Context, command: TraceCommand) -> anyhow::Result<()> {
    match command {
        TraceCommand::Codes(command) => codes::make(context, command),
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

/// The packs whose codes were given.
fn scan(options: &CodeOptions) -> anyhow::Result<Vec<Pack>> {
    let mut packs = Vec::new();
    for file in &options.codes {
        packs.extend(scan_file(file)?);
    }
    for text in &options.texts {
        packs.push(Pack::scan(text)?);
    }
    if packs.is_empty() {
        return Err(trouble(
            "no pack is named",
            "give codes with --codes FILE or --code CODE",
        ));
    }
    Ok(packs)
}

fn scan_file(file: &PathBuf) -> anyhow::Result<Vec<Pack>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let lines = text.lines().zip(1..);
    lines
        .filter(|(line, _)| !line.trim().is_empty())
        .map(|(line, number)| {
            Pack::scan(line).with_context(|| format!("{}, line {number}", file.display()))
        })
        .collect()
}

/// The one carton of a file.
fn scan_carton(file: &PathBuf) -> anyhow::Result<Pack> {
    let mut packs = scan_file(file)?;
    match packs.pop() {
        Some(carton) if packs.is_empty() && carton.identity().is_container() => Ok(carton),
        _ => Err(trouble(
            format!("{} does not hold one carton's code", file.display()),
            "make one with `yilian trace codes carton`",
        )),
    }
}

fn validate(context: &Context, file: &PathBuf) -> anyhow::Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
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
