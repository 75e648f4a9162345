//! Captures that wait for a connection: `people/<name>.queue`, codes included, so readable by its owner only.

use std::fmt;

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use yilian_client::{
    ClientError, Session,
    trace::{Capture, Handler, Pack},
};
use yilian_protocol::{
    Height, TreeHash, limits::TRACE_PUSHES_MAX, refusal::Refusal, trace::TraceAction,
    transport::Transport,
};
use yilian_record::epcis::Event;

use super::Context;
use crate::{commands::now, home::Home};

/// A capture as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Waiting {
    codes: Vec<String>,
    action: TraceAction,
    event: Value,
    prescription: Option<TreeHash>,
}

impl Waiting {
    fn of(capture: &Capture) -> Self {
        let codes = capture.packs.iter();
        Self {
            codes: codes
                .map(|pack| pack.code().to_text().as_str().to_owned())
                .collect(),
            action: capture.action,
            event: capture.event.as_value().clone(),
            prescription: capture.prescription,
        }
    }

    fn into_capture(self) -> anyhow::Result<Capture> {
        let packs = self.codes.iter().map(|code| Pack::scan(code));
        let mut event = self.event;
        if let Some(members) = event.as_object_mut() {
            let epcis = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld";
            members
                .entry("@context")
                .or_insert_with(|| serde_json::json!([epcis]));
        }
        Ok(Capture {
            packs: packs.collect::<Result<_, _>>()?,
            action: self.action,
            event: Event::parse(event.to_string().as_bytes())?,
            prescription: self.prescription,
        })
    }
}

/// Keeps captures until there is a connection.
pub fn keep(context: &Context, name: &str, captures: &[Capture]) -> anyhow::Result<()> {
    let mut queue: Vec<Waiting> = context.home.queue(name)?;
    queue.extend(captures.iter().map(Waiting::of));
    context.home.keep_queue(name, &queue)?;
    context.output.tell(&Kept {
        waiting: queue.len(),
    })
}

/// Brings captures onto the chain, in their order, and tells what became of each.
pub async fn sync(context: &Context, name: &str) -> anyhow::Result<()> {
    let mut queue: Vec<Waiting> = context.home.queue(name)?;
    let opened = context.open().await?;
    let handler = context.home.handler(name)?;
    let bar = progress(queue.len());
    let mut answer = Synced::default();
    while let Some(waiting) = queue.first().cloned() {
        let capture = waiting.into_capture()?;
        match append(&context.home, &opened.session, &handler, name, &capture).await {
            Ok(done) => answer.appended.push(done),
            // A rule that refuses it now refuses it always: it leaves the queue, and is told. Anything else may pass.
            Err(error) => match error
                .downcast_ref::<ClientError>()
                .and_then(ClientError::refusal)
            {
                Some(rule) if !passing(rule) => answer.refused.push(Refused {
                    step: capture.event.biz_step().unwrap_or_default().to_owned(),
                    rule,
                }),
                _ => return Err(error),
            },
        }
        queue.remove(0);
        context.home.keep_queue(name, &queue)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    context.output.tell(&answer)?;
    opened.close();
    if let Some(first) = answer.refused.first() {
        return Err(ClientError::Refused(first.rule).into());
    }
    Ok(())
}

/// Refusals that another attempt may not meet.
const fn passing(rule: Refusal) -> bool {
    matches!(
        rule,
        Refusal::StaleTrace | Refusal::OutsideWindow | Refusal::PassExpired
    )
}

/// Appends one capture; the book of passes is kept whatever becomes of it.
pub async fn append<T: Transport>(
    home: &Home,
    session: &Session<T>,
    handler: &Handler,
    name: &str,
    capture: &Capture,
) -> anyhow::Result<Appended> {
    let mut attempts = 0;
    loop {
        let mut book = home.passes(name)?;
        let result = handler
            .append(session, &mut book, capture, now(), &mut rand::rng())
            .await;
        home.keep_passes(name, &book)?;
        match result {
            // Somebody else appended between reading and writing.
            Err(error) if error.refusal() == Some(Refusal::StaleTrace) && attempts < 2 => {
                attempts += 1;
            }
            Err(error) => return Err(error.into()),
            Ok(receipt) => {
                return Ok(Appended {
                    step: capture.event.biz_step().unwrap_or_default().to_owned(),
                    event: capture.event.id().map(str::to_owned),
                    packs: capture.packs.len(),
                    height: receipt.header.height,
                });
            }
        }
    }
}

/// A bar on the terminal, for more than one.
pub fn progress(count: usize) -> ProgressBar {
    if count < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} appends, {eta} to go");
    ProgressBar::new(count as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Packs in the lots that one append takes.
pub fn lots(packs: Vec<Pack>) -> Vec<Vec<Pack>> {
    let mut lots = Vec::new();
    let mut rest = packs.into_iter().peekable();
    while rest.peek().is_some() {
        lots.push(rest.by_ref().take(TRACE_PUSHES_MAX).collect());
    }
    lots
}

#[derive(Serialize)]
struct Kept {
    waiting: usize,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kept; {} wait for `yilian trace sync`", self.waiting)
    }
}

/// What was appended.
#[derive(Debug, Serialize)]
pub struct Appended {
    /// The step of business.
    pub step: String,
    /// The event's id.
    pub event: Option<String>,
    /// How many packs.
    pub packs: usize,
    /// The block.
    pub height: Height,
}

impl fmt::Display for Appended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.event.as_deref().unwrap_or("-");
        writeln!(
            f,
            "{} of {} pack(s) in block {}, event {event}",
            self.step, self.packs, self.height
        )
    }
}

/// What became of a queue.
#[derive(Debug, Default, Serialize)]
pub struct Synced {
    /// What is on the chain.
    pub appended: Vec<Appended>,
    /// What was refused.
    pub refused: Vec<Refused>,
}

/// A capture that a rule refuses.
#[derive(Debug, Serialize)]
pub struct Refused {
    step: String,
    rule: Refusal,
}

impl fmt::Display for Synced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for appended in &self.appended {
            appended.fmt(f)?;
        }
        for refused in &self.refused {
            writeln!(f, "{} was refused: {}", refused.step, refused.rule)?;
        }
        Ok(())
    }
}
