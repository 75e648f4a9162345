//! Every check that must pass before a change lands.

use clap::Args;

use crate::{
    run::{self, answers},
    walls,
};

#[derive(Args)]
pub struct Options {
    /// Leave out the lints, which need a second compilation
    #[arg(long)]
    no_lint: bool,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    install()?;
    run::run("cargo", &["fmt", "--all", "--check"])?;
    walls::run()?;
    let workspace = ["--workspace", "--exclude", "yilian-bench", "--locked"];
    if answers("cargo-nextest", "--version") {
        run::run("cargo", &[&["nextest", "run"], &workspace[..]].concat())?;
        run::run("cargo", &[&["test", "--doc"], &workspace[..]].concat())?;
    } else {
        run::run("cargo", &[&["test"], &workspace[..]].concat())?;
    }
    // Provers run in browsers; their pages are not built yet, so a check is what keeps them possible.
    let browser = [
        "check",
        "-p",
        "yilian-proof",
        "--lib",
        "--locked",
        "--target",
        BROWSER,
    ];
    run::run("cargo", &browser)?;
    if !options.no_lint {
        let lint = [
            &["clippy"],
            &workspace[..],
            &["--all-targets", "--", "-D", "warnings"],
        ];
        run::run("cargo", &lint.concat())?;
    }
    Ok(())
}

/// What browsers run.
const BROWSER: &str = "wasm32-unknown-unknown";

/// A C compiler builds the pairing library; the toolchain file names the rest.
fn install() -> anyhow::Result<()> {
    if answers("rustup", "--version") {
        run::run("rustup", &["target", "add", BROWSER])?;
    }
    if answers("cc", "--version") {
        return Ok(());
    }
    run::run("apt-get", &["update", "-qq"])?;
    run::run("apt-get", &["install", "-y", "-qq", "build-essential"])
}
