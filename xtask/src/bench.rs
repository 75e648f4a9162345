//! Benchmarks: one form for every area. The measuring itself is the crate `yilian-bench`, outside
//! the default members, since it also builds the peers that we measure ourselves against.

use clap::Args;

use crate::run;

#[derive(Args)]
pub struct Options {
    /// What to measure
    #[arg(value_parser = [
        "chain", "crypto", "keywords", "labels", "path", "search", "siege", "trace",
    ])]
    area: String,
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    if matches!(options.area.as_str(), "chain" | "siege") {
        // They run nodes as processes of their own.
        let node = ["build", "--quiet", "--release", "--package", "yilian-node"];
        run::run("cargo", &node)?;
    }
    let mut arguments = vec![
        "run",
        "--quiet",
        "--release",
        "--package",
        "yilian-bench",
        "--",
        &options.area,
    ];
    if options.json {
        arguments.push("--json");
    }
    run::run("cargo", &arguments)
}
