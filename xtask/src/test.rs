//! Every check that must pass before a change lands.

use clap::Args;

use crate::{
    features, pages,
    run::{self, answers},
    tidy, walls,
};

#[derive(Args)]
pub struct Options {
    /// Leave out the lints, which need a second compilation
    #[arg(long)]
    no_lint: bool,
    /// Leave out the pages, which are built and looked at with a browser
    #[arg(long)]
    no_pages: bool,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    run::install(&[("cc", "build-essential"), ("curl", "curl")])?;
    run::install_openssl()?;
    run::install_browser_tools()?;
    run::run("cargo", &["fmt", "--all", "--check"])?;
    walls::run()?;
    features::run()?;
    tidy::run()?;
    tests(TOGETHER)?;
    tests(&["--package", ALONE])?;
    tests(&["--package", "xtask"])?;
    if !options.no_lint {
        let lint = [
            &["clippy", "--workspace", "--exclude", "yilian-bench"][..],
            &["--locked", "--all-targets", "--", "-D", "warnings"],
        ];
        run::run("cargo", &lint.concat())?;
    }
    if !options.no_pages {
        // What browsers run is compiled here, so whatever does not compile for them is found.
        pages::build()?;
        pages::test(None)?;
    }
    Ok(())
}

/// What is tested in one build, on the features that programs have.
pub const TOGETHER: &[&str] = &[
    "--workspace",
    "--exclude",
    "yilian-bench",
    "--exclude",
    ALONE,
    // What writes bindings for browsers would change the features of what it shares with programs.
    "--exclude",
    "xtask",
];

/// What is tested by itself. The oracle of its schemas would change the features of all others:
/// `serde_json` would read numbers in another way than it does in a program.
const ALONE: &str = "yilian-protocol";

fn tests(packages: &[&str]) -> anyhow::Result<()> {
    let cargo = |how: &[&str]| run::run("cargo", &[how, packages, &["--locked"]].concat());
    if !answers("cargo-nextest", "--version") {
        return cargo(&["test"]);
    }
    cargo(&["nextest", "run"])?;
    cargo(&["test", "--doc"])
}
