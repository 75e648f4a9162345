//! Captures that wait for a connection: `people/<name>.queue`, codes included, so readable by its
//! owner only.

use std::fmt;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use yilian_client::{
    ClientError,
    queue::{Appended, Queue, Refused, Step},
    trace::Capture,
};

use super::Context;
use crate::commands::now;

/// Keeps captures until there is a connection.
pub fn keep(context: &Context, name: &str, captures: &[Capture]) -> anyhow::Result<()> {
    let mut queue = context.home.queue(name)?;
    queue.add(captures);
    context.home.keep_queue(name, &queue)?;
    context.output.tell(&Kept {
        waiting: queue.len(),
    })
}

/// Brings captures onto the chain, in their order, and tells what became of each.
pub async fn sync(context: &Context, name: &str) -> anyhow::Result<()> {
    let home = &context.home;
    let mut queue: Queue = home.queue(name)?;
    let opened = context.open().await?;
    let handler = home.handler(name)?;
    let bar = progress(queue.len());
    let mut answer = Synced::default();
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
    context.output.tell(&answer)?;
    opened.close();
    if let Some(first) = answer.refused.first() {
        return Err(ClientError::Refused(first.rule).into());
    }
    Ok(())
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

#[derive(Serialize)]
struct Kept {
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
        for Refused { step, rule } in &self.refused {
            writeln!(f, "{step} was refused: {rule}")?;
        }
        Ok(())
    }
}
