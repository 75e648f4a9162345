//! Every check that must pass before a change lands.

use clap::Args;

use crate::{
    features,
    run::{self, answers},
    tidy, walls,
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
    features::run()?;
    tidy::run()?;
    tests(TOGETHER)?;
    tests(&["--package", ALONE])?;
    // People's pages run in browsers; they are not built yet, so a check is what keeps them
    // possible. Dictionary and symbols are for a page to choose.
    let browser = [
        &["check", "--lib", "--locked", "--target", BROWSER][..],
        &["--no-default-features", "--features", "yilian-client/http"],
        &["-p", "yilian-proof", "-p", "yilian-protocol"],
        &["-p", "yilian-record", "-p", "yilian-client"],
    ]
    .concat();
    run::run_with("cargo", &browser, &BROWSER_TOOLS)?;
    if !options.no_lint {
        let lint = [
            &["clippy", "--workspace", "--exclude", "yilian-bench"][..],
            &["--locked", "--all-targets", "--", "-D", "warnings"],
        ];
        run::run("cargo", &lint.concat())?;
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

/// What browsers run.
const BROWSER: &str = "wasm32-unknown-unknown";

/// What builds the pairing library for them.
const BROWSER_TOOLS: [(&str, &str); 2] = [
    ("CC_wasm32_unknown_unknown", "clang"),
    ("AR_wasm32_unknown_unknown", "llvm-ar"),
];

/// C compilers build the pairing library; the toolchain file names the rest.
fn install() -> anyhow::Result<()> {
    if answers("rustup", "--version") {
        run::run("rustup", &["target", "add", BROWSER])?;
    }
    let needed = [
        ("cc", "build-essential"),
        ("clang", "clang"),
        ("llvm-ar", "llvm"),
    ];
    let missing = needed
        .iter()
        .filter(|(program, _)| !answers(program, "--version"));
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    run::run("apt-get", &["update", "-qq"])?;
    run::run(
        "apt-get",
        &[&["install", "-y", "-qq"], &missing[..]].concat(),
    )
}
