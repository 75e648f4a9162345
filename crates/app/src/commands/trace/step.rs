//! Appending: what happened, to what, by whom.

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use yilian_client::{
    SealedLetter, Share,
    queue::{append, lots},
    trace::{Capture, EventMaker, Pack, Prescription, Storage, inspect},
};
use yilian_protocol::trace::TraceAction;
use yilian_record::epcis::Event;

use super::{
    CodeOptions, Context, TraceCommand,
    queue::{self, Synced},
    scan, scan_carton,
};
use crate::{
    arguments::Range,
    commands::now,
    intake::Paper,
    link::Opened,
    output::{note, trouble},
};

/// Who does it to what, where and when.
#[derive(Debug, Args)]
pub struct StepOptions {
    /// The person's name
    pub name: String,
    #[command(flatten)]
    pub codes: CodeOptions,
    /// Where: an identifier, such as urn:epc:id:sgln:0614141.07346.0
    #[arg(long)]
    pub place: Option<String>,
    /// When, RFC 3339; now if left out
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// What a thermometer showed: lowest and highest, in degrees Celsius, as 3.5..7
    #[arg(long, value_name = "MIN..MAX", allow_hyphen_values = true)]
    pub temperature: Option<Range>,
    /// Keep it here; `yilian trace sync` brings it onto the chain
    #[arg(long)]
    pub offline: bool,
}

pub async fn run(context: &Context, command: TraceCommand) -> anyhow::Result<()> {
    let (step, captures) = match command {
        TraceCommand::Commission { step, storage } => {
            let captures = each(&step, TraceAction::Commission, |maker, packs| {
                Ok(maker.commissioning(packs, storage.map(Storage::from), &mut rand::rng())?)
            })?;
            (step, captures)
        }
        TraceCommand::Pack { step, into } => {
            let captures = pack(context, &step, &into).await?;
            (step, captures)
        }
        TraceCommand::Unpack { step, from } => {
            let carton = scan_carton(&from)?;
            let captures = each(&step, TraceAction::Observe, |maker, packs| {
                Ok(maker.unpacking(&carton, packs, &mut rand::rng())?)
            })?;
            (step, captures)
        }
        TraceCommand::Ship(step) => simple(step, TraceAction::Observe, |maker, packs| {
            maker.shipping(packs, &mut rand::rng())
        })?,
        TraceCommand::Receive(step) => simple(step, TraceAction::Observe, |maker, packs| {
            maker.receiving(packs, &mut rand::rng())
        })?,
        TraceCommand::Inspect(step) => simple(step, TraceAction::Observe, |maker, packs| {
            maker.inspecting(packs, &mut rand::rng())
        })?,
        TraceCommand::Destroy(step) => simple(step, TraceAction::Destroy, |maker, packs| {
            maker.destroying(packs, &mut rand::rng())
        })?,
        TraceCommand::Recall(step) => simple(step, TraceAction::Recall, |maker, packs| {
            maker.recall(packs, &mut rand::rng())
        })?,
        TraceCommand::Dispense {
            step,
            share,
            item,
            part,
            expired,
        } => {
            let (share, item) = (share.as_deref(), item.as_deref());
            return dispense(context, step, share, item, part, expired.as_deref()).await;
        }
        TraceCommand::Correct {
            step,
            event,
            did_not_occur,
            right,
        } => {
            let captures = correct(context, &step, &event, did_not_occur, right.as_deref()).await?;
            (step, captures)
        }
        _ => anyhow::bail!("not a step"),
    };
    finish(context, &step, captures).await
}

fn simple(
    step: StepOptions,
    action: TraceAction,
    make: impl Fn(&EventMaker<'_>, &[Pack]) -> Result<Event, yilian_record::epcis::Error>,
) -> anyhow::Result<(StepOptions, Vec<Capture>)> {
    let captures = each(&step, action, |maker, packs| Ok(make(maker, packs)?))?;
    Ok((step, captures))
}

/// One capture for each lot of packs.
fn each(
    step: &StepOptions,
    action: TraceAction,
    make: impl Fn(&EventMaker<'_>, &[Pack]) -> anyhow::Result<Event>,
) -> anyhow::Result<Vec<Capture>> {
    let maker = maker(step)?;
    let lots = lots(scan(&step.codes)?).into_iter();
    lots.map(|packs| {
        Ok(Capture {
            event: make(&maker, &packs)?,
            packs,
            action,
            prescription: None,
        })
    })
    .collect()
}

fn maker(step: &StepOptions) -> anyhow::Result<EventMaker<'_>> {
    let at = step.at.as_deref().map(str::parse::<Timestamp>);
    let time = at.transpose().context("--at, as 2026-01-31T08:00:00Z")?;
    Ok(EventMaker {
        time: time.unwrap_or_else(Timestamp::now),
        place: step.place.as_deref(),
        temperature: step.temperature.map(Storage::from),
        expired: None,
    })
}

impl From<Range> for Storage {
    fn from(Range { min, max }: Range) -> Self {
        Self { min, max }
    }
}

/// A carton that the chain does not know is begun first.
async fn pack(
    context: &Context,
    step: &StepOptions,
    into: &std::path::Path,
) -> anyhow::Result<Vec<Capture>> {
    let carton = scan_carton(into)?;
    let mut captures = each(step, TraceAction::Observe, |maker, packs| {
        Ok(maker.packing(&carton, packs, &mut rand::rng())?)
    })?;
    let known = !step.offline && {
        let opened = context.open().await?;
        let head = opened.session.trace_head(carton.trace()).await?;
        opened.close();
        head.is_some()
    };
    if !known {
        let packs = vec![carton];
        let event = maker(step)?.commissioning(&packs, None, &mut rand::rng())?;
        let begun = Capture {
            packs,
            action: TraceAction::Commission,
            event,
            prescription: None,
        };
        captures.insert(0, begun);
    }
    Ok(captures)
}

async fn dispense(
    context: &Context,
    step: StepOptions,
    share: Option<&std::path::Path>,
    item: Option<&str>,
    part: bool,
    expired: Option<&str>,
) -> anyhow::Result<()> {
    if expired.is_some_and(|reason| reason.trim().is_empty()) {
        return Err(trouble(
            "--expired gives no reason",
            "say why in some words",
        ));
    }
    let prescription = match share {
        None => None,
        Some(file) => {
            let share: SealedLetter<Share> = Paper::Share.read(file)?;
            let opened = context.open().await?;
            let pharmacist = context.home.doctor(&step.name)?;
            let (record, verified) = pharmacist.open_share(&opened.session, &share).await?;
            let found = Prescription::find(&opened.session, record, &verified, item).await?;
            opened.close();
            note(format_args!(
                "prescribed by {}: {}",
                found.doctor, found.medication
            ));
            Some(found)
        }
    };
    let name = prescription.as_ref().map(|found| found.name.as_str());
    let mut captures = if part {
        each(&step, TraceAction::DispensePart, |maker, packs| {
            let maker = maker.clone();
            Ok(EventMaker { expired, ..maker }.dispensing_part(packs, name, &mut rand::rng())?)
        })?
    } else {
        each(&step, TraceAction::Dispense, |maker, packs| {
            let maker = maker.clone();
            Ok(EventMaker { expired, ..maker }.dispensing(packs, name, &mut rand::rng())?)
        })?
    };
    if let (Some(found), Some(first)) = (&prescription, captures.first_mut()) {
        first.prescription = Some(found.tag);
    }
    finish(context, &step, captures).await
}

async fn correct(
    context: &Context,
    step: &StepOptions,
    event: &str,
    did_not_occur: bool,
    right: Option<&str>,
) -> anyhow::Result<Vec<Capture>> {
    let packs = scan(&step.codes)?;
    let opened = context.open().await?;
    let mut wrong = None;
    for pack in &packs {
        let trail = inspect(&opened.session, pack, now()).await?;
        let steps = trail.into_iter().flat_map(|trail| trail.steps);
        let events = steps.filter_map(|step| step.event);
        wrong = wrong.or_else(|| events.into_iter().find(|found| found.id() == Some(event)));
    }
    opened.close();
    let Some(wrong) = wrong else {
        return Err(trouble(
            format!("the packs' traces have no event {event}"),
            "look the event's id up with `yilian trace show`",
        ));
    };
    each(step, TraceAction::Correct, |maker, _| {
        Ok(maker.correction(&wrong, did_not_occur, right)?)
    })
}

/// Appends at once, or keeps for later.
async fn finish(
    context: &Context,
    step: &StepOptions,
    captures: Vec<Capture>,
) -> anyhow::Result<()> {
    if step.offline {
        let kept = queue::keep(context, &step.name, &captures)?;
        return context.output.tell(&kept);
    }
    for capture in &captures {
        capture.check()?;
    }
    let opened: Opened = context.open().await?;
    let handler = context.home.handler(&step.name)?;
    // No other command may take the same passes.
    let _alone = context.home.lock_person(&step.name)?;
    let bar = queue::progress(captures.len());
    let mut answer = Synced::default();
    for capture in &captures {
        let mut book = context.home.passes(&step.name)?;
        let (session, rng) = (&opened.session, &mut rand::rng());
        let appended = append(session, &handler, &mut book, capture, now(), rng).await;
        context.home.keep_passes(&step.name, &book)?;
        answer.appended.push(appended?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    context.output.tell(&answer)?;
    opened.close();
    Ok(())
}
