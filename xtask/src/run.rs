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

/// Whether `program` answers to being started with `argument`.
pub fn answers(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
