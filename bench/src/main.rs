//! Benchmarks: every area has one form, rows of a table or of JSON objects. Run through `cargo
//! xtask bench AREA [--json]`.

#![forbid(unsafe_code)]

mod chain;
mod crypto;
mod keywords;
mod labels;
mod path;
mod peks;
mod row;
mod search;
mod siege;
mod trace;
mod winter;

use clap::{Parser, ValueEnum};

/// Measures an area and prints its rows.
#[derive(Parser)]
struct Arguments {
    /// What to measure
    area: Area,
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Area {
    /// A chain of four validators, each a process of its own: records a second, finality, memory,
    /// and what a killed node costs
    Chain,
    /// Cryptographic operations, beside mcl in the same process
    Crypto,
    /// Keywords: recall and precision of the kept queries, what an index costs, and other ways to
    /// cut Chinese
    Keywords,
    /// Labels: precision and recall on the rows of the repository, and the time of a large bundle
    Labels,
    /// A record's way from a doctor to a second doctor, on an embedded network
    Path,
    /// Searching by keyword: the index on disk up to 10^6 records (about 5 GB), and the pairing
    /// scheme beside ours
    Search,
    /// Four validators, whose hospitals seal, among strangers with 10,000 sockets, half bodies and
    /// junk
    Siege,
    /// The trail of medicines: proofs of knowledge beside winterfell's and a plain signature, what
    /// a node admits, and appends on an embedded network
    Trace,
}

fn main() -> anyhow::Result<()> {
    let Arguments { area, json } = Arguments::parse();
    let rows = match area {
        Area::Chain => tokio::runtime::Runtime::new()?.block_on(chain::measure())?,
        Area::Crypto => crypto::measure()?,
        Area::Keywords => keywords::measure()?,
        Area::Labels => labels::measure()?,
        Area::Search => tokio::runtime::Runtime::new()?.block_on(search::measure())?,
        Area::Siege => tokio::runtime::Runtime::new()?.block_on(siege::measure())?,
        Area::Trace => tokio::runtime::Runtime::new()?.block_on(trace::measure())?,
        Area::Path => tokio::runtime::Runtime::new()?.block_on(path::measure())?,
    };
    row::print(&rows, json)
}
