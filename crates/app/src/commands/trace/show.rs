//! Telling a pack's trail.

use std::{collections::BTreeSet, fmt, path::Path};

use anyhow::Context as _;
use serde::Serialize;
use yilian_client::trace::{Step, Trail, inspect};
use yilian_record::epcis::{Document, Event, Query};

use super::{CodeOptions, Context, scan};
use crate::{commands::now, intake, output::trouble};

pub async fn run(
    context: &Context,
    codes: &CodeOptions,
    query: Option<&Path>,
    epcis: Option<&Path>,
) -> anyhow::Result<()> {
    let epcis = epcis.map(|file| context.target(file)).transpose()?;
    let packs = scan(codes)?;
    let query = query.map(read_query).transpose()?;
    let opened = context.open().await?;
    let mut trails = Vec::with_capacity(packs.len());
    for pack in &packs {
        let trail = inspect(&opened.session, pack, now()).await?;
        let Some(mut trail) = trail else {
            return Err(trouble(
                format!("nobody brought {} onto the chain", pack.identity()),
                "do not use it: as far as the chain knows there is no such pack",
            ));
        };
        if let Some(query) = &query {
            select(&mut trail, query);
        }
        trails.push(trail);
    }
    opened.close();
    if let Some(file) = epcis {
        file.write(&document(&trails)?)?;
    }
    context.output.tell(&Shown { trails })
}

fn read_query(file: &Path) -> anyhow::Result<Query> {
    let bytes = intake::read(file)?;
    Query::parse(&bytes).with_context(|| file.display().to_string())
}

/// Keeps the steps that the query selects, in its order.
fn select(trail: &mut Trail, query: &Query) {
    let events: Vec<Event> = trail
        .steps
        .iter()
        .filter_map(|step| step.event.clone())
        .collect();
    let selected = query.select(&events);
    let mut steps = Vec::with_capacity(selected.len());
    for event in selected {
        let of_event = |step: &&Step| step.event.as_ref() == Some(event);
        steps.extend(trail.steps.iter().find(of_event).cloned());
    }
    trail.steps = steps;
}

/// The events of all trails, each once, as an answer of EPCIS.
fn document(trails: &[Trail]) -> anyhow::Result<Vec<u8>> {
    let mut seen = BTreeSet::new();
    let steps = trails.iter().flat_map(|trail| &trail.steps);
    let events = steps.filter_map(|step| step.event.clone());
    let events: Vec<Event> = events
        .filter(|event| seen.insert(event.as_value().to_string()))
        .collect();
    let answer = Document::of(events).to_answer(&now().to_text());
    Ok(serde_json::to_vec_pretty(&answer)?)
}

#[derive(Serialize)]
struct Shown {
    trails: Vec<Trail>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for trail in &self.trails {
            tell(trail, f)?;
        }
        Ok(())
    }
}

fn tell(trail: &Trail, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", trail.identity)?;
    writeln!(f, "trace {}, {}", trail.trace, trail.state)?;
    for (step, number) in trail.steps.iter().zip(1..) {
        let time = step
            .event
            .as_ref()
            .map(|event| format!("{:.0}", event.time()));
        let time = time.unwrap_or_else(|| step.admitted.time.to_text());
        write!(
            f,
            "{number:>3}  {time}  {:<14}",
            step.biz_step().unwrap_or("?")
        )?;
        match &step.author {
            Some(author) => write!(f, "  {}, {} ({})", author.name, author.member, author.role)?,
            None => write!(f, "  unknown")?,
        }
        if let Some(place) = step.event.as_ref().and_then(Event::read_point) {
            write!(f, "  at {place}")?;
        }
        if let Some(container) = &step.container {
            write!(f, "  with {container}")?;
        }
        if step.correction().is_some() {
            write!(f, "  CORRECTION")?;
        }
        if step.late {
            write!(f, "  LATE")?;
        }
        writeln!(f, "  block {}", step.admitted.height)?;
        if let Some(id) = step.event.as_ref().and_then(Event::id) {
            writeln!(f, "       event {id}")?;
        }
    }
    if trail.alarms.is_empty() {
        writeln!(f, "no alarms")?;
    }
    for alarm in &trail.alarms {
        writeln!(f, "ALARM  {alarm}")?;
    }
    Ok(())
}
