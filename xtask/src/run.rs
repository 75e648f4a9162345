//! Runs other programs, echoing them so that a failed task can be repeated by hand.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

/// The workspace's root.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Runs `program` at the root; a failure is an error that names the command.
pub fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    run_with(program, arguments, &[])
}

/// The same, with `variables` in its environment.
pub fn run_with(
    program: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> anyhow::Result<()> {
    let set = variables
        .iter()
        .map(|(name, value)| format!("{name}={value} "));
    let line = format!(
        "{}{program} {}",
        set.collect::<String>(),
        arguments.join(" ")
    );
    eprintln!("$ {line}");
    let status = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root())
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs `program` at the root and returns what it prints.
pub fn output(program: &str, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let line = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed: {}", output.status);
    }
    Ok(output.stdout)
}

/// A subcommand of cargo in the project's own cache (`.cache/FOLDER/tools`), built there when this
/// version of it is missing.
pub fn tool(name: &str, subcommand: &str, version: &str, folder: &str) -> anyhow::Result<PathBuf> {
    let tools = root().join(".cache").join(folder).join("tools");
    let program = tools.join("bin").join(name);
    let known = Command::new(&program)
        .args([subcommand, "--version"])
        .output();
    let known = known.is_ok_and(|known| {
        let line = String::from_utf8_lossy(&known.stdout).into_owned();
        line.split_whitespace().any(|word| word == version)
    });
    if !known {
        let folder = tools.to_str().context("a path in UTF-8")?;
        let source = ["install", name, "--version", version, "--locked"];
        run("cargo", &[&source[..], &["--root", folder]].concat())?;
    }
    Ok(program)
}

/// What browsers run.
pub const BROWSER: &str = "wasm32-unknown-unknown";

/// What builds the pairing library for them.
pub const BROWSER_TOOLS: [(&str, &str); 2] = [
    ("CC_wasm32_unknown_unknown", "clang"),
    ("AR_wasm32_unknown_unknown", "llvm-ar"),
];

/// What compiles for browsers: Rust's part of it, and a C compiler for the pairing library.
pub fn install_browser_tools() -> anyhow::Result<()> {
    if answers("rustup", "--version") {
        run("rustup", &["target", "add", BROWSER])?;
    }
    install(&[("clang", "clang"), ("llvm-ar", "llvm")])
}

/// Installs the packages of those programs that do not answer; the toolchain file names the rest.
pub fn install(needed: &[(&str, &str)]) -> anyhow::Result<()> {
    let missing = needed
        .iter()
        .filter(|(program, _)| !answers(program, "--version"));
    install_packages(&missing.map(|(_, package)| *package).collect::<Vec<_>>())
}

/// Installs what certificates are verified with by other eyes than ours. Old versions know no
/// `--version`.
pub fn install_openssl() -> anyhow::Result<()> {
    match answers("openssl", "version") {
        true => Ok(()),
        false => install_packages(&["openssl"]),
    }
}

fn install_packages(missing: &[&str]) -> anyhow::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    run("apt-get", &["update", "-qq"])?;
    run("apt-get", &[&["install", "-y", "-qq"], missing].concat())
}

/// Where cargo builds.
pub fn target_directory() -> anyhow::Result<PathBuf> {
    let metadata = output("cargo", &["metadata", "--format-version", "1", "--no-deps"])?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata)?;
    let target = metadata["target_directory"].as_str();
    Ok(PathBuf::from(target.context("cargo names no target")?))
}

/// Whether `program` answers to being started with `argument`.
pub fn answers(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
