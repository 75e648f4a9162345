//! Every check that must pass before a change lands.

use std::time::Instant;

use clap::Args;

use crate::{
    features, pages,
    run::{self, answers},
    tidy, walls,
};

#[derive(Args)]
pub struct Options {
    /// Leave out the lints
    #[arg(long)]
    no_lint: bool,
    /// Leave out the pages, which are built and looked at with a browser
    #[arg(long)]
    no_pages: bool,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let driver = lints()?;
    let linting = [("RUSTC_WORKSPACE_WRAPPER", driver.as_str()), STRICT];
    let compiler = if options.no_lint { &[] } else { &linting[..] };
    let mut times = Times::default();
    times.take("tools", || {
        run::install(&[("cc", "build-essential"), ("curl", "curl")])?;
        run::install_openssl()?;
        run::install_browser_tools()
    })?;
    times.take("form", || {
        run::run("cargo", &["fmt", "--all", "--check"])?;
        walls::run()?;
        features::run()?;
        tidy::run()
    })?;
    // What browsers run is compiled here, so whatever does not compile for them is found.
    if !options.no_pages {
        times.take("pages' build", pages::build)?;
    }
    times.take("programs' build", || build(TOGETHER, compiler))?;
    times.take("programs' tests", || tests(TOGETHER, compiler))?;
    times.take("protocol", || tests(&["--package", ALONE], compiler))?;
    times.take("xtask", || {
        // Its tests are its program compiled for tests alone: what is run is linted by itself.
        let program = ["build", "--package", "xtask", "--locked"];
        run::run_with("cargo", &program, compiler)?;
        tests(&["--package", "xtask"], compiler)
    })?;
    if !options.no_pages {
        times.take("pages' tests", || pages::test(None))?;
    }
    Ok(())
}

/// How long each step took, in seconds, told when the last one ends, well or not.
#[derive(Default)]
struct Times(Vec<(&'static str, u64)>);

impl Times {
    fn take(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let begin = Instant::now();
        let done = step();
        self.0.push((name, begin.elapsed().as_secs()));
        done
    }
}

impl Drop for Times {
    fn drop(&mut self) {
        let steps = self
            .0
            .iter()
            .map(|(name, seconds)| format!("{name} {seconds} s"));
        eprintln!("{}", steps.collect::<Vec<_>>().join(", "));
    }
}

/// The compiler with its lints, of the toolchain that compiles: what is tested is linted as it is
/// compiled. `cargo clippy` would compile all of it, and what it depends on, a second time.
fn lints() -> anyhow::Result<String> {
    let sysroot = String::from_utf8(run::output("rustc", &["--print", "sysroot"])?)?;
    Ok(format!("{}/bin/clippy-driver", sysroot.trim()))
}

/// `-D warnings`, as `cargo clippy` hands it on.
const STRICT: (&str, &str) = (
    "CLIPPY_ARGS",
    "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__",
);

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

fn build(packages: &[&str], compiler: &[(&str, &str)]) -> anyhow::Result<()> {
    let arguments = [&["test", "--no-run"], packages, &["--locked"]].concat();
    run::run_with("cargo", &arguments, compiler)
}

fn tests(packages: &[&str], compiler: &[(&str, &str)]) -> anyhow::Result<()> {
    let cargo =
        |how: &[&str]| run::run_with("cargo", &[how, packages, &["--locked"]].concat(), compiler);
    if !answers("cargo-nextest", "--version") {
        return cargo(&["test"]);
    }
    cargo(&["nextest", "run"])?;
    cargo(&["test", "--doc"])
}
