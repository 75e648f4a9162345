//! What a command answers, as text or as JSON, and how a failure is told: cause and remedy.

use std::{fmt::Display, path::PathBuf, process::ExitCode};

use anyhow::Context;
use serde::Serialize;
use yilian_client::ClientError;
use yilian_protocol::call::CallError;

/// Where answers go.
#[derive(Debug, Clone)]
pub struct Output {
    json: Option<Option<PathBuf>>,
}

impl Output {
    /// As the `--json` argument says.
    pub const fn new(json: Option<Option<PathBuf>>) -> Self {
        Self { json }
    }

    /// Tells the answer: its text, or itself as JSON.
    pub fn tell<A: Serialize + Display>(&self, answer: &A) -> anyhow::Result<()> {
        match &self.json {
            None => print!("{answer}"),
            Some(None) => println!("{}", serde_json::to_string(answer)?),
            Some(Some(file)) => {
                let text = serde_json::to_string_pretty(answer)? + "\n";
                std::fs::write(file, text)
                    .with_context(|| format!("cannot write {}", file.display()))?;
                print!("{answer}");
            }
        }
        Ok(())
    }
}

/// Tells why a command failed, and what to do about it.
pub fn fail(error: &anyhow::Error, json: bool) -> ExitCode {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let refusal = error
        .downcast_ref::<ClientError>()
        .and_then(ClientError::refusal);
    let remedy = refusal
        .map(yilian_protocol::refusal::Refusal::remedy)
        .or_else(|| remedy(error));
    if json {
        let rule = refusal.map(|rule| rule.name());
        let answer = serde_json::json!({ "error": causes, "rule": rule, "remedy": remedy });
        println!("{answer}");
    } else {
        eprintln!("error: {}", causes.join(": "));
        if let Some(remedy) = remedy {
            eprintln!("  try: {remedy}");
        }
    }
    ExitCode::FAILURE
}

/// A remedy that the failing code attached.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct WithRemedy {
    /// What went wrong.
    pub cause: String,
    /// What to do.
    pub remedy: &'static str,
}

/// An error with what to do about it.
pub fn trouble(cause: impl Into<String>, remedy: &'static str) -> anyhow::Error {
    WithRemedy {
        cause: cause.into(),
        remedy,
    }
    .into()
}

fn remedy(error: &anyhow::Error) -> Option<&'static str> {
    if let Some(known) = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<WithRemedy>())
    {
        return Some(known.remedy);
    }
    match error.downcast_ref::<ClientError>()? {
        ClientError::Call(CallError::Unreachable { .. }) => {
            Some("start the node with `yilian serve`, or check --node")
        }
        ClientError::Call(CallError::Busy { .. }) => Some("try again in a moment"),
        ClientError::NotMine { .. } => Some("choose the wallet that the record belongs to"),
        ClientError::OtherChain { .. } => Some("use the --home that belongs to that node's chain"),
        ClientError::NoMember { .. } => Some("see `yilian ca list` for the members' names"),
        ClientError::SeveralMembers { .. } => Some("see `yilian ca list`"),
        ClientError::NotOneVisit { .. } => Some("give a bundle with a single Encounter"),
        ClientError::NoPass => Some("have passes issued with `yilian ca passes`"),
        ClientError::Token(_) => Some("have the patient make a new token for this hospital"),
        _ => None,
    }
}
