//! What a command answers, as text or as JSON, and how a failure is told: cause and remedy.

use std::{
    fmt::Display,
    io::{ErrorKind, Write as _},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::Context as _;
use serde::Serialize;
use yilian_client::ClientError;
use yilian_node::vault::Fault;
use yilian_protocol::call::CallError;
use yilian_record::fhir::operation_outcome;

use crate::target::Target;

/// How answers are told.
#[derive(Debug)]
pub enum Form {
    /// As text.
    Text,
    /// As JSON, an object a line.
    Json,
    /// As text, and as JSON in a file.
    File(Target),
}

/// Where answers go.
#[derive(Debug)]
pub struct Output {
    form: Form,
    unheard: AtomicBool,
}

impl Output {
    /// In this form.
    pub const fn new(form: Form) -> Self {
        Self {
            form,
            unheard: AtomicBool::new(false),
        }
    }

    /// Tells the answer: its text, or itself as JSON.
    pub fn tell<A: Serialize + Display>(&self, answer: &A) -> anyhow::Result<()> {
        self.keep(answer)?;
        self.say(answer)
    }

    /// Tells one of several answers: a file gets them all, by [`Output::keep`].
    pub fn say<A: Serialize + Display>(&self, answer: &A) -> anyhow::Result<()> {
        match &self.form {
            Form::Text | Form::File(_) => self.print(&answer.to_string()),
            Form::Json => self.print(&(serde_json::to_string(answer)? + "\n")),
        }
    }

    /// Writes an answer to the file, if there is to be one.
    pub fn keep<A: Serialize>(&self, answer: &A) -> anyhow::Result<()> {
        match &self.form {
            Form::File(file) => file.write_json(answer),
            Form::Text | Form::Json => Ok(()),
        }
    }

    /// Writes to standard output. Whoever reads may stop at any time, as `head` does: that is no
    /// failure, and what the command does goes on to its end.
    pub fn print(&self, text: &str) -> anyhow::Result<()> {
        if self.is_unheard() {
            return Ok(());
        }
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.unheard.store(true, Ordering::Relaxed);
                Ok(())
            }
            written => written.context("the answer cannot be written"),
        }
    }

    /// Whether nobody reads any more.
    pub fn is_unheard(&self) -> bool {
        self.unheard.load(Ordering::Relaxed)
    }
}

/// Tells something beside the answer. That nobody reads it is no failure.
pub fn note(text: impl Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Tells what is odd, and does not stop the command.
pub fn warn(text: impl Display) {
    note(format_args!("warning: {text}"));
}

/// Tells why a command failed, and what to do about it.
pub fn fail(error: &anyhow::Error, json: bool) -> ExitCode {
    let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    // Some errors tell their source themselves.
    causes.dedup_by(|cause, before| before.ends_with(cause.as_str()));
    let refusal = error
        .downcast_ref::<ClientError>()
        .and_then(ClientError::refusal);
    let earlier = error.downcast_ref::<ClientError>();
    let earlier = matches!(earlier, Some(ClientError::EarlierCertificate { .. }));
    let remedy = refusal
        .filter(|_| !earlier)
        .map(yilian_protocol::refusal::Refusal::remedy)
        .or_else(|| remedy(error));
    if json {
        let rule = refusal.map(|rule| rule.name());
        let outcome = error.chain().find_map(|cause| match cause.downcast_ref()? {
            yilian_record::Error::Invalid { issues, .. } => Some(operation_outcome(issues)),
            _ => None,
        });
        let answer = serde_json::json!({
            "error": causes, "rule": rule, "remedy": remedy, "outcome": outcome,
        });
        drop(writeln!(std::io::stdout().lock(), "{answer}"));
    } else {
        note(format_args!("error: {}", causes.join(": ")));
        if let Some(remedy) = remedy {
            note(format_args!("  try: {remedy}"));
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
    let fault = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Fault>());
    if let Some(remedy) = fault.and_then(Fault::remedy) {
        return Some(remedy);
    }
    match error.downcast_ref::<ClientError>()? {
        ClientError::Call(CallError::Unreachable { .. }) => {
            Some("start the node with `yilian serve`, or check --node")
        }
        ClientError::Call(CallError::Busy { .. }) => Some("try again in a moment"),
        ClientError::NotMine { .. } => Some("choose the wallet that the record belongs to"),
        ClientError::OtherChain { .. } => Some("use the --home that belongs to that node's chain"),
        ClientError::ForeignChain { .. } => {
            Some("use the --home or --node of that chain, or ask for one of this chain")
        }
        ClientError::NotForMe { .. } => {
            Some("have it made for your own certificate; `yilian ca list` tells it")
        }
        ClientError::EarlierCertificate { .. } => {
            Some("have the patient make a grant to your certificate of now")
        }
        ClientError::Call(CallError::NotFound { what }) => match what.as_str() {
            "record" => Some("`yilian patient list` tells a patient's records"),
            "grant" => Some("`yilian patient grants` tells a patient's grants"),
            "block" => Some("`yilian status` tells how far the chain is"),
            "transaction" => Some("`yilian block list --json` tells transactions"),
            _ => None,
        },
        ClientError::NoMember { .. } => Some("see `yilian ca list` for the members' names"),
        ClientError::SeveralMembers { .. } => Some("see `yilian ca list`"),
        ClientError::NoPass => Some("have passes issued with `yilian ca passes`"),
        ClientError::Token(_) => Some("have the patient make a new token for this hospital"),
        _ => None,
    }
}
