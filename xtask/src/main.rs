//! Development tasks: `cargo xtask <task>`. Each is one command a newcomer can run; `--help` says
//! what it needs.

#![allow(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value is null, not a panic"
)]

mod bench;
mod features;
mod fhir;
mod fuzz;
mod mutants;
mod pages;
mod plot;
mod run;
mod test;
mod tidy;
mod up;
mod walls;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of Yilian 医链")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what the tests need, then runs every check: format, walls, features, lints, tests
    Test(test::Options),
    /// Checks who imports whom against the table of the architecture
    Walls,
    /// Checks that programs and tests agree on the features of what they share
    Features,
    /// Checks the form of code and documents: wide lines, broken tables and links, dead items
    Tidy,
    /// Breaks the ledger's rules one at a time and fails where no test notices; by night, it takes
    /// an hour or two
    Mutants(mutants::Options),
    /// Builds what people open in a browser; installs Node.js packages, and Node.js when it is old
    Pages(pages::Options),
    /// Builds programs and pages, starts a network with people in it, and tells where to look
    Up(up::Options),
    /// Throws random inputs at what reads those of strangers; installs a nightly compiler and
    /// cargo-fuzz
    Fuzz(fuzz::Options),
    /// Runs a benchmark area and prints a table, or with --json one object a line
    Bench(bench::Options),
    /// Draws the rows of a search benchmark
    Plot(plot::Options),
    /// Rebuilds the embedded table of FHIR R4 definitions from the public definitions package
    Fhir(fhir::Options),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Walls => walls::run(),
        Task::Features => features::run(),
        Task::Tidy => tidy::run(),
        Task::Mutants(options) => mutants::run(&options),
        Task::Pages(options) => pages::run(&options),
        Task::Up(options) => up::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Plot(options) => plot::run(&options),
        Task::Fhir(options) => fhir::run(&options),
    }
}
