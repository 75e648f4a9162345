//! Captures that wait for a connection: `people/<name>.queue`, codes included, so readable by its
//! owner only.

use std::fmt;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use yilian_client::{
    ClientError,
    queue::{Appended, Queue, Refused, Step},
    trace::{Capture, LeftOut, Plan},
};

use super::Context;
use crate::{commands::now, output::trouble};

/// Keeps captures until there is a connection, each once. Says how many wait.
pub fn keep(context: &Context, name: &str, captures: &[Capture]) -> anyhow::Result<Kept> {
    context.home.person(name)?;
    let _alone = context.home.lock_person(name)?;
    let mut queue = context.home.queue(name)?;
    queue.add(captures)?;
    context.home.keep_queue(name, &queue)?;
    Ok(Kept {
        waiting: queue.len(),
    })
}

/// Takes a document whole: keeps what fits, appends it unless `offline`, and tells what is left out
/// and why. Run again after a break it goes on, and appends nothing twice.
pub async fn capture(
    context: &Context,
    name: &str,
    plan: Plan,
    offline: bool,
) -> anyhow::Result<()> {
    let kept = keep(context, name, &plan.captures)?;
    let answer = Synced {
        left_out: plan.left_out,
        without_code: plan.without_code,
        waiting: if offline { kept.waiting } else { 0 },
        ..Synced::default()
    };
    if offline {
        return tell(context, &answer);
    }
    drain(context, name, answer).await
}

/// Brings captures onto the chain, in their order, and tells what became of each.
pub async fn sync(context: &Context, name: &str) -> anyhow::Result<()> {
    drain(context, name, Synced::default()).await
}

/// Tells the answer; it is an error when something is not on the chain that should be.
fn tell(context: &Context, answer: &Synced) -> anyhow::Result<()> {
    context.output.tell(answer)?;
    if let Some(first) = answer.refused.first() {
        return Err(ClientError::Refused(first.rule).into());
    }
    match answer.left_out.len() {
        0 => Ok(()),
        count => Err(trouble(
            format!("{count} event(s) were not appended"),
            "the answer names each and why; give their codes, or have them corrected",
        )),
    }
}

async fn drain(context: &Context, name: &str, mut answer: Synced) -> anyhow::Result<()> {
    let home = &context.home;
    home.person(name)?;
    // To the end: what another command kept in between would be written over.
    let _alone = home.lock_person(name)?;
    let mut queue: Queue = home.queue(name)?;
    let opened = context.open().await?;
    let handler = home.handler(name)?;
    let bar = progress(queue.len());
    while !queue.is_empty() {
        let mut book = home.passes(name)?;
        let (session, rng) = (&opened.session, &mut rand::rng());
        let step = queue
            .advance(session, &handler, &mut book, now(), rng)
            .await;
        // The book first: an append that is kept must not leave its pass to another one.
        home.keep_passes(name, &book)?;
        home.keep_queue(name, &queue)?;
        match step? {
            Some(Step::Appended(appended)) => answer.appended.push(appended),
            Some(Step::Refused(refused)) => answer.refused.push(refused),
            Some(Step::Signed | Step::Stale) | None => continue,
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    opened.close();
    tell(context, &answer)
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

/// How many captures wait.
#[derive(Debug, Serialize)]
pub struct Kept {
    waiting: usize,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kept; {} wait for `yilian trace sync`", self.waiting)
    }
}

/// What became of captures.
#[derive(Debug, Default, Serialize)]
pub struct Synced {
    /// What is on the chain.
    pub appended: Vec<Appended>,
    /// What was refused.
    pub refused: Vec<Refused>,
    /// Events of a document that were not appended, and why.
    pub left_out: Vec<LeftOut>,
    /// Objects that appended events name and whose codes were not given.
    pub without_code: usize,
    /// Captures that wait for a connection.
    pub waiting: usize,
}

impl Synced {
    const fn is_empty(&self) -> bool {
        self.appended.is_empty()
            && self.refused.is_empty()
            && self.left_out.is_empty()
            && self.waiting == 0
    }
}

impl fmt::Display for Synced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Appended {
            step,
            event,
            packs,
            height,
        } in &self.appended
        {
            let event = event.as_deref().unwrap_or("-");
            writeln!(
                f,
                "{step} of {packs} pack(s) in block {height}, event {event}"
            )?;
        }
        for Refused { step, event, rule } in &self.refused {
            let event = event.as_deref().unwrap_or("-");
            writeln!(f, "{step}, event {event}, was refused: {rule}")?;
        }
        for LeftOut { event, id, cause } in &self.left_out {
            let id = id.as_deref().unwrap_or("without an id");
            writeln!(
                f,
                "event {event} of the document, {id}, was not appended: {cause}"
            )?;
        }
        if self.without_code > 0 {
            let count = self.without_code;
            writeln!(
                f,
                "{count} object(s) without a code here keep their traces as they were"
            )?;
        }
        if self.is_empty() {
            writeln!(f, "nothing waits")?;
        }
        if self.waiting > 0 {
            writeln!(f, "kept; {} wait for `yilian trace sync`", self.waiting)?;
        }
        Ok(())
    }
}
