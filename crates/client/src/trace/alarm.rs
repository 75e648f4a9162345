//! What is wrong with a pack, as its trail shows. The ledger closes traces; what an event says is
//! known to readers only, so they check it.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;
use yilian_protocol::{TimeMs, refusal::Refusal, registry::Role, trace::TraceAction};
use yilian_record::{
    epcis::{Event, Reading},
    gs1::Identity,
};

use super::{
    events::{EXPIRY, LOT, MAX_TEMPERATURE, MIN_TEMPERATURE, PART, Storage, is_about},
    trail::Step,
};

/// Something that is wrong. Steps are counted from 1, as they are listed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "alarm")]
pub enum Alarm {
    /// The pack was dispensed a second time: one of the two is a copy.
    DoubleDispensing {
        /// The attempt.
        step: usize,
    },
    /// Something was appended after the trace was closed: whoever did has the code of a pack that
    /// is gone.
    AppendAfterClosing {
        /// The attempt.
        step: usize,
    },
    /// The author is not certified, or was not when he signed.
    UnknownAuthor {
        /// The entry.
        step: usize,
        /// The rule by which his word does not stand.
        rule: Refusal,
    },
    /// The entry holds no event that can be read.
    Unreadable {
        /// The entry.
        step: usize,
    },
    /// The event is about another pack.
    OtherPack {
        /// The entry.
        step: usize,
    },
    /// The event does not follow from those before it.
    OutOfOrder {
        /// The entry.
        step: usize,
        /// Why not.
        reason: String,
    },
    /// It was kept too warm or too cold.
    ColdChain {
        /// The entry.
        step: usize,
        /// Lowest and highest temperature, in degrees Celsius.
        measured: (f64, f64),
        /// Lowest and highest allowed.
        allowed: (f64, f64),
    },
    /// No maker brought it onto the chain.
    NotFromMaker {
        /// The first entry.
        step: usize,
    },
    /// The label says another batch or date than its maker did.
    OtherLabel {
        /// What differs.
        what: &'static str,
    },
    /// It was dispensed after its last day.
    DispensedExpired {
        /// The entry.
        step: usize,
    },
    /// It is past its last day.
    Expired,
    /// It was called back.
    Recalled {
        /// The entry.
        step: usize,
    },
    /// Somebody corrected an event that is another organisation's.
    ForeignCorrection {
        /// The entry.
        step: usize,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoubleDispensing { step } => {
                write!(
                    f,
                    "step {step}: dispensed a second time; one of the packs is a copy"
                )
            }
            Self::AppendAfterClosing { step } => {
                write!(
                    f,
                    "step {step}: appended after the trace was closed; the code was copied"
                )
            }
            Self::UnknownAuthor { step, rule } => write!(f, "step {step}: unknown author ({rule})"),
            Self::Unreadable { step } => write!(f, "step {step}: holds no event"),
            Self::OtherPack { step } => write!(f, "step {step}: is about another pack"),
            Self::OutOfOrder { step, reason } => write!(f, "step {step}: out of order, {reason}"),
            Self::ColdChain {
                step,
                measured: (low, high),
                allowed: (min, max),
            } => write!(
                f,
                "step {step}: cold chain broken, {low} to {high} °C where {min} to {max} °C are allowed"
            ),
            Self::NotFromMaker { step } => write!(f, "step {step}: not made by a certified maker"),
            Self::OtherLabel { what } => write!(f, "the label's {what} is not the maker's"),
            Self::DispensedExpired { step } => {
                write!(f, "step {step}: dispensed after its last day")
            }
            Self::Expired => write!(f, "past its last day"),
            Self::Recalled { step } => write!(f, "step {step}: recalled"),
            Self::ForeignCorrection { step } => {
                write!(f, "step {step}: corrects another organisation's event")
            }
        }
    }
}

/// Finds all that is wrong.
pub(super) fn find(identity: &Identity, steps: &[Step], now: TimeMs) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    for (step, number) in steps.iter().zip(1..) {
        alarms.extend(of_entry(identity, step, number));
    }
    // What an event says counts only when it came in time, its author is known, and nobody took it
    // back.
    let withdrawn = withdrawn(steps);
    let valid: Vec<(usize, &Step, &Event)> = steps
        .iter()
        .zip(1..)
        .filter(|(step, _)| !step.late && step.author.is_some() && step.correction().is_none())
        .filter_map(|(step, number)| Some((number, step, step.event.as_ref()?)))
        .filter(|(.., event)| !event.id().is_some_and(|id| withdrawn.contains(id)))
        .collect();
    alarms.extend(order(&valid));
    alarms.extend(cold_chain(&valid));
    alarms.extend(label(identity, &valid));
    alarms.extend(dates(identity, &valid, now));
    alarms.extend(foreign_corrections(steps));
    alarms
}

fn of_entry(identity: &Identity, step: &Step, number: usize) -> Option<Alarm> {
    if step.late {
        return Some(match step.action {
            TraceAction::Dispense | TraceAction::DispensePart => {
                Alarm::DoubleDispensing { step: number }
            }
            _ => Alarm::AppendAfterClosing { step: number },
        });
    }
    if let Some(rule) = step.unknown_author {
        return Some(Alarm::UnknownAuthor { step: number, rule });
    }
    let Some(event) = &step.event else {
        return Some(Alarm::Unreadable { step: number });
    };
    let about = match &step.container {
        None => is_about(event, identity),
        Some(name) => event.epcs().any(|epc| epc == name) || event.parent() == Some(name),
    };
    if !about {
        return Some(Alarm::OtherPack { step: number });
    }
    (step.action == TraceAction::Recall).then_some(Alarm::Recalled { step: number })
}

/// Ids of events that their own organisation declared wrong.
fn withdrawn(steps: &[Step]) -> BTreeSet<&str> {
    steps
        .iter()
        .filter(|step| step.correction().is_some() && step.author.is_some())
        .filter_map(|step| Some((step, step.event.as_ref()?.id()?)))
        .filter(|(step, id)| {
            original(steps, id).is_some_and(|original| same_member(step, original))
        })
        .map(|(_, id)| id)
        .collect()
}

fn foreign_corrections(steps: &[Step]) -> Vec<Alarm> {
    let corrections = steps
        .iter()
        .zip(1..)
        .filter(|(step, _)| step.correction().is_some());
    corrections
        .filter(|(step, _)| {
            let id = step.event.as_ref().and_then(Event::id);
            let original = id.and_then(|id| original(steps, id));
            !original.is_some_and(|original| same_member(step, original))
        })
        .map(|(_, step)| Alarm::ForeignCorrection { step })
        .collect()
}

/// The event called `id` itself, not its corrections.
fn original<'a>(steps: &'a [Step], id: &str) -> Option<&'a Step> {
    steps.iter().find(|step| {
        let event = step.event.as_ref();
        event.is_some_and(|event| event.id() == Some(id)) && step.correction().is_none()
    })
}

fn same_member(one: &Step, other: &Step) -> bool {
    let member = |step: &Step| step.author.as_ref().map(|author| author.member.clone());
    member(one).is_some() && member(one) == member(other)
}

/// Where a pack is while its trail is read.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Nowhere,
    Held,
    OnTheWay,
    Gone,
}

/// How far clocks of different organisations may differ.
const SKEW_S: i64 = 5 * 60;

fn order(steps: &[(usize, &Step, &Event)]) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    let mut place = Place::Nowhere;
    let mut latest = None;
    for (number, step, event) in steps {
        let mut alarm = |reason: &str| {
            alarms.push(Alarm::OutOfOrder {
                step: *number,
                reason: reason.to_owned(),
            });
        };
        let time = event.time().as_second();
        if latest.is_some_and(|latest| time + SKEW_S < latest) {
            alarm("it happened before the step before it");
        }
        latest = latest.max(Some(time));
        let next = match event.biz_step() {
            Some("commissioning") => Place::Held,
            Some("shipping") => Place::OnTheWay,
            Some("receiving") => Place::Held,
            Some("dispensing") if event.disposition() == Some(PART) => place,
            Some("dispensing" | "destroying") => Place::Gone,
            _ => place,
        };
        match (place, event.biz_step()) {
            (Place::Nowhere, Some("commissioning")) => {}
            (Place::Nowhere, _) => alarm("nothing brought it into being"),
            (_, Some("commissioning")) => alarm("it was commissioned before"),
            (Place::OnTheWay, Some("shipping")) => alarm("it was shipped and has not arrived"),
            (Place::Held, Some("receiving")) => alarm("it was not on the way"),
            (Place::OnTheWay, Some("dispensing")) => alarm("it was dispensed before it arrived"),
            (Place::Gone, Some("shipping" | "receiving" | "dispensing" | "packing")) => {
                alarm("it was dispensed or destroyed before");
            }
            _ => {}
        }
        if !agrees(step.action, event) {
            alarm("it did to the trace what its event does not say");
        }
        place = next;
    }
    alarms
}

/// Whether an event says what was done to the trace.
fn agrees(action: TraceAction, event: &Event) -> bool {
    let part = event.disposition() == Some(PART);
    match (action, event.biz_step()) {
        (TraceAction::Dispense, step) => step == Some("dispensing") && !part,
        (TraceAction::DispensePart, step) => step == Some("dispensing") && part,
        (TraceAction::Destroy, step) => step == Some("destroying"),
        (TraceAction::Observe, step) => !matches!(step, Some("dispensing" | "destroying")),
        _ => true,
    }
}

fn cold_chain(steps: &[(usize, &Step, &Event)]) -> Vec<Alarm> {
    let number = |event: &Event, name: &str| event.master_data(name)?.parse::<f64>().ok();
    let storage = steps.iter().find_map(|(.., event)| {
        let min = number(event, MIN_TEMPERATURE)?;
        let max = number(event, MAX_TEMPERATURE)?;
        Some(Storage { min, max })
    });
    let Some(Storage { min, max }) = storage else {
        return Vec::new();
    };
    let mut alarms = Vec::new();
    for (step, _, event) in steps {
        let readings = event.readings().filter_map(|reading| celsius(&reading));
        for measured in readings.filter(|(low, high)| *low < min || *high > max) {
            alarms.push(Alarm::ColdChain {
                step: *step,
                measured,
                allowed: (min, max),
            });
        }
    }
    alarms
}

/// A temperature report in degrees Celsius; `None` for other reports.
fn celsius(reading: &Reading) -> Option<(f64, f64)> {
    let convert: fn(f64) -> f64 = match (reading.measurement.as_str(), reading.unit.as_str()) {
        ("Temperature", "CEL") => |value| value,
        ("Temperature", "KEL") => |value| value - 273.15,
        ("Temperature", "FAH") => |value| (value - 32.0) / 1.8,
        _ => return None,
    };
    Some((convert(reading.min), convert(reading.max)))
}

fn label(identity: &Identity, steps: &[(usize, &Step, &Event)]) -> Vec<Alarm> {
    let first = steps
        .iter()
        .find(|(.., event)| event.biz_step() == Some("commissioning"));
    let mut alarms = Vec::new();
    let Some((number, step, event)) = first else {
        return alarms;
    };
    let from_maker = step
        .author
        .as_ref()
        .is_some_and(|author| author.role == Role::Maker);
    if !identity.is_container() && !from_maker {
        alarms.push(Alarm::NotFromMaker { step: *number });
    }
    if let Identity::Gs1 { batch, expiry, .. } = identity {
        let differs =
            |name: &str, printed: &str| event.master_data(name).is_some_and(|said| said != printed);
        if differs(LOT, batch.as_str()) {
            alarms.push(Alarm::OtherLabel { what: "batch" });
        }
        if differs(EXPIRY, &expiry.to_string()) {
            alarms.push(Alarm::OtherLabel {
                what: "expiry date",
            });
        }
    }
    alarms
}

fn dates(identity: &Identity, steps: &[(usize, &Step, &Event)], now: TimeMs) -> Vec<Alarm> {
    let Identity::Gs1 { expiry, .. } = identity else {
        return Vec::new();
    };
    // The last day ends everywhere on earth half a day after it ends in UTC.
    let Ok(end) = expiry
        .date()
        .tomorrow()
        .and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC))
    else {
        return Vec::new();
    };
    let end = end.timestamp().as_second() + 12 * 60 * 60;
    let dispensed = steps
        .iter()
        .find(|(.., event)| event.biz_step() == Some("dispensing"));
    match dispensed {
        Some((step, _, event)) if event.time().as_second() >= end => {
            vec![Alarm::DispensedExpired { step: *step }]
        }
        Some(_) => Vec::new(),
        None if i64::try_from(now.get() / 1_000).is_ok_and(|now| now >= end) => {
            vec![Alarm::Expired]
        }
        None => Vec::new(),
    }
}
