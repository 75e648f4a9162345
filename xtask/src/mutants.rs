//! Breaks the ledger's rules one at a time, and sees whether a test notices.
//!
//! `cargo-mutants` makes the mutants. One that no test kills stands in `crates/ledger/mutants.txt`
//! with its reason; any other that survives fails the task, and so does a listed one that is killed
//! by now. It takes an hour or two, so it runs by night and not at each change.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::run::{self, root};

/// The tool's version: another makes other mutants.
const VERSION: &str = "27.1.0";
const PACKAGE: &str = "yilian-ledger";
/// Survivors, each with its reason.
const LIST: &str = "crates/ledger/mutants.txt";

#[derive(Args)]
pub struct Options {
    /// Only mutants of these files, as `crates/ledger/src/consent.rs`
    #[arg(long)]
    file: Vec<String>,
    /// Only the K-th of N parts, counted from 0, as `0/4`
    #[arg(long)]
    shard: Option<String>,
}

impl Options {
    const fn is_part(&self) -> bool {
        !self.file.is_empty() || self.shard.is_some()
    }
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let listed = listed(&fs::read_to_string(root().join(LIST))?)?;
    let cache = root().join(".cache/mutants");
    fs::create_dir_all(&cache)?;
    let program = run::tool("cargo-mutants", "mutants", VERSION, "mutants")?;
    mutate(&program, &cache, options)?;
    let out = cache.join("mutants.out");
    let survivors = mutants(&out.join("missed.txt"))?;
    let killed = mutants(&out.join("caught.txt"))?.len() + mutants(&out.join("timeout.txt"))?.len();
    eprintln!("{killed} mutants killed, {} survive", survivors.len());

    let mut faults = without(&survivors, &listed)
        .map(|mutant| format!("survives, and is not listed: {mutant}"))
        .collect::<Vec<_>>();
    // What a part of the mutants leaves out may survive still.
    if !options.is_part() {
        let dead = without(&listed, &survivors);
        faults.extend(dead.map(|mutant| format!("listed, but does not survive: {mutant}")));
    }
    if !faults.is_empty() {
        bail!("{LIST} is not right:\n{}", faults.join("\n"));
    }
    Ok(())
}

/// Runs the tool. Survivors and endless mutants are what it is run for, so they are no failure
/// here.
fn mutate(program: &Path, cache: &Path, options: &Options) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args([
        "mutants",
        "--package",
        PACKAGE,
        "--jobs",
        "1",
        "--no-shuffle",
    ]);
    command.arg("--output").arg(cache);
    // What the ledger is built on is kept from night to night.
    command.env("CARGO_TARGET_DIR", cache.join("target"));
    for file in &options.file {
        command.args(["--file", file]);
    }
    if let Some(shard) = &options.shard {
        command.args(["--shard", shard]);
    }
    eprintln!("$ {command:?}");
    let status = command.current_dir(root()).status();
    let status = status.context("cannot start cargo-mutants")?;
    match status.code() {
        Some(0 | 2 | 3) => Ok(()),
        _ => bail!("cargo-mutants failed: {status}"),
    }
}

/// The mutants that a file of the tool lists, sorted; without their lines and columns, which move.
fn mutants(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut mutants: Vec<String> = text.lines().map(unplaced).collect();
    mutants.sort_unstable();
    Ok(mutants)
}

/// `file:line:column: what` as `file: what`.
fn unplaced(line: &str) -> String {
    let mut parts = line.splitn(4, ':');
    match (parts.next(), parts.nth(2)) {
        (Some(file), Some(what)) => format!("{file}:{what}"),
        _ => line.to_owned(),
    }
}

/// The mutants of the list, sorted. Each stands on a line of its own, its reason indented below.
fn listed(text: &str) -> anyhow::Result<Vec<String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut lines = lines.filter(|line| !line.trim().is_empty()).peekable();
    let mut listed = Vec::new();
    while let Some(mutant) = lines.next() {
        let mut reasons = 0;
        while lines.next_if(|line| line.starts_with(' ')).is_some() {
            reasons += 1;
        }
        ensure!(reasons > 0, "{LIST}: no reason stands under `{mutant}`");
        listed.push(mutant.to_owned());
    }
    listed.sort_unstable();
    Ok(listed)
}

/// Those of `all` that are not among `some`; what is there twice counts twice. Both are sorted.
fn without<'a>(all: &'a [String], some: &'a [String]) -> impl Iterator<Item = &'a String> {
    let mut some = some.iter().peekable();
    all.iter().filter(move |mutant| {
        while some.next_if(|other| other < mutant).is_some() {}
        some.next_if_eq(mutant).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_known_by_its_file_and_what_it_does() {
        let line =
            "crates/ledger/src/log.rs:61:29: replace > with >= in <impl Rule for Anchor>::apply";
        let known = "crates/ledger/src/log.rs: replace > with >= in <impl Rule for Anchor>::apply";
        assert_eq!(unplaced(line), known);
    }

    #[test]
    fn each_listed_mutant_has_a_reason() {
        let list = "# head\n\nb.rs: two\n  since\n  it is so\n\na.rs: one\n  because\n";
        assert_eq!(listed(list).unwrap(), ["a.rs: one", "b.rs: two"]);
        assert!(listed("a.rs: one\nb.rs: two\n  because\n").is_err());
        assert!(listed("a.rs: one\n").is_err());
        let list = fs::read_to_string(root().join(LIST)).unwrap();
        assert!(listed(&list).is_ok());
    }

    #[test]
    fn what_survives_twice_is_listed_twice() {
        let of = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let (survivors, list) = (of(&["a", "b", "b", "d"]), of(&["b", "c", "d"]));
        let unlisted: Vec<_> = without(&survivors, &list).collect();
        assert_eq!(unlisted, ["a", "b"]);
        let dead: Vec<_> = without(&list, &survivors).collect();
        assert_eq!(dead, ["c"]);
    }
}
