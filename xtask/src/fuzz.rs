//! Fuzz targets (`fuzz/`): what strangers hand over is thrown at the code that reads it, changed at
//! random and led by what code it reaches.
//!
//! `cargo-fuzz` builds them with a nightly compiler, as stable has no sanitizers. Both are pinned,
//! and installed when they are missing. What was tried is kept in `.cache/fuzz/corpus`; the seeds
//! in `fuzz/seeds` are few, and of our own making.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};

use crate::run::{self, root};

/// The tool's version.
const VERSION: &str = "0.13.2";
/// The compiler with sanitizers.
const TOOLCHAIN: &str = "nightly-2026-10-30";
/// Seconds that one input may take: more is a hang.
const SLOW: u64 = 20;
/// Memory of one target, in MiB.
const MEMORY: u64 = 2_048;

#[derive(Args)]
pub struct Options {
    /// Which one
    target: Target,
    /// How long
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Processes at a time
    #[arg(long, default_value_t = 1)]
    jobs: u32,
}

/// What is read.
#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// FHIR bundles and resources, up to the parts that are sealed
    Bundle,
    /// Codes as scanners send them or people type them
    ElementString,
    /// GS1 Digital Links
    DigitalLink,
    /// EPCIS documents and queries
    Epcis,
    /// FHIR bulk exports
    Ndjson,
    /// CDA, PDF, DICOM metadata, HL7 v2
    Document,
    /// Whatever is read from the wire or the chain
    Decode,
    /// Random bodies on the ledger's rules
    Apply,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::ElementString => "element-string",
            Self::DigitalLink => "digital-link",
            Self::Epcis => "epcis",
            Self::Ndjson => "ndjson",
            Self::Document => "document",
            Self::Decode => "decode",
            Self::Apply => "apply",
        }
    }

    /// Bytes of an input at most: what is longer reaches no other code, and is slow.
    const fn longest(self) -> u32 {
        match self {
            Self::Bundle | Self::Epcis | Self::Ndjson | Self::Document | Self::Decode => 8_192,
            Self::Apply | Self::ElementString | Self::DigitalLink => 512,
        }
    }
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(
        options.minutes > 0 && options.jobs > 0,
        "no time, or no process"
    );
    let (cache, name) = (root().join(".cache/fuzz"), options.target.name());
    let corpus = cache.join("corpus").join(name);
    let findings = cache.join("findings").join(name);
    for folder in [&corpus, &findings] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let program = installed()?;
    let mut command = Command::new(program);
    command
        .args(["fuzz", "run", name])
        .arg(&corpus)
        .arg(root().join("fuzz/seeds").join(name))
        .arg("--")
        .arg(format!(
            "-max_total_time={}",
            options.minutes.saturating_mul(60)
        ))
        .arg(format!("-max_len={}", options.target.longest()))
        .arg(format!("-timeout={SLOW}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(["-print_final_stats=1", "-verbosity=1"]);
    if options.jobs > 1 {
        command.arg(format!("-fork={}", options.jobs));
    }
    command
        .env("RUSTUP_TOOLCHAIN", TOOLCHAIN)
        .env("CARGO_TARGET_DIR", cache.join("target"))
        .current_dir(root());
    eprintln!("$ {command:?}");
    let status = command.status().context("cannot start cargo-fuzz")?;
    if !status.success() {
        bail!(
            "{name}: something fell, see {}; make a test of it in its crate",
            findings.display()
        );
    }
    Ok(())
}

/// The compiler by rustup, and the tool in the project's own cache, built there when it is missing.
fn installed() -> anyhow::Result<PathBuf> {
    let known = Command::new("rustc")
        .arg(format!("+{TOOLCHAIN}"))
        .arg("--version")
        .output();
    if !known.is_ok_and(|known| known.status.success()) {
        let arguments = ["toolchain", "install", TOOLCHAIN, "--profile", "minimal"];
        run::run("rustup", &arguments)?;
    }
    run::tool("cargo-fuzz", "fuzz", VERSION, "fuzz")
}
