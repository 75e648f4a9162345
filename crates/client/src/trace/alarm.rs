//! What is wrong with a pack, as its trail shows. The ledger closes traces; what an event says is
//! known to readers only, so they check it.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;
use yilian_protocol::{MemberId, TimeMs, refusal::Refusal, registry::Role, trace::TraceAction};
use yilian_record::{
    epcis::{Event, Reading},
    gs1::Identity,
};

use super::{
    business::{Business, action_of, is_expired, is_work_of},
    events::{
        MAX_TEMPERATURE, MIN_TEMPERATURE, Name, Storage, expired_override, is_same,
        label_difference,
    },
    trail::{Author, Step},
};

/// Something that is wrong. Steps are counted from 1, as they are listed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "alarm")]
pub enum Alarm {
    /// The pack was dispensed a second time: one of the two is a copy.
    DoubleDispensing {
        /// The attempt.
        step: usize,
        /// Who tried.
        by: String,
    },
    /// Something was appended after the trace was closed: whoever did has the code of a pack that
    /// is gone.
    AppendAfterClosing {
        /// The attempt.
        step: usize,
        /// The step of business that came too late.
        what: String,
        /// Who tried.
        by: String,
    },
    /// Somebody did a step that is not his role's work.
    OutOfRole {
        /// The entry.
        step: usize,
        /// The step of business.
        what: String,
        /// Who did it.
        by: String,
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
        /// Why all the same, in the pharmacist's words.
        reason: Option<String>,
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
    /// It was in more cartons, or in fuller ones, than are followed: what happened to them is not
    /// told.
    NotFollowed {
        /// How many times.
        cartons: usize,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoubleDispensing { step, by } => {
                write!(
                    f,
                    "step {step}: dispensed a second time by {by}; one of the packs is a copy"
                )
            }
            Self::AppendAfterClosing { step, what, by } => {
                write!(
                    f,
                    "step {step}: {what} by {by}, after the trace was closed; the code was copied"
                )
            }
            Self::OutOfRole { step, what, by } => {
                write!(
                    f,
                    "step {step}: {what} by {by}, whose role's work it is not"
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
            Self::DispensedExpired { step, reason } => {
                write!(f, "step {step}: dispensed after its last day, ")?;
                match reason {
                    Some(reason) => write!(f, "because: {reason}"),
                    None => write!(f, "and no reason is given"),
                }
            }
            Self::Expired => write!(f, "past its last day"),
            Self::Recalled { step } => write!(f, "step {step}: recalled"),
            Self::ForeignCorrection { step } => {
                write!(f, "step {step}: corrects another organisation's event")
            }
            Self::NotFollowed { cartons } => {
                write!(
                    f,
                    "{cartons} more stays in cartons are not followed: too many"
                )
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
    let is_withdrawn = |step: &Step, event: &Event| {
        let named = member(step).zip(event.id());
        named.is_some_and(|named| withdrawn.contains(&named))
    };
    let valid: Vec<(usize, &Step, &Event)> = steps
        .iter()
        .zip(1..)
        .filter(|(step, _)| !step.late && step.author.is_some() && step.correction().is_none())
        .filter_map(|(step, number)| Some((number, step, step.event.as_ref()?)))
        .filter(|(_, step, event)| !is_withdrawn(step, event))
        .collect();
    alarms.extend(roles(&valid));
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
            TraceAction::Dispense | TraceAction::DispensePart => Alarm::DoubleDispensing {
                step: number,
                by: by(step),
            },
            _ => Alarm::AppendAfterClosing {
                step: number,
                what: what(step),
                by: by(step),
            },
        });
    }
    if let Some(rule) = step.unknown_author {
        return Some(Alarm::UnknownAuthor { step: number, rule });
    }
    let Some(event) = &step.event else {
        return Some(Alarm::Unreadable { step: number });
    };
    let about = match &step.container {
        None => Name::of(identity).within(event).is_some(),
        Some(name) => event
            .epcs()
            .chain(event.parent())
            .any(|epc| is_same(epc, name)),
    };
    if !about {
        return Some(Alarm::OtherPack { step: number });
    }
    (step.action == TraceAction::Recall).then_some(Alarm::Recalled { step: number })
}

/// The step of business that an entry says, or else what it does to the trace.
fn what(step: &Step) -> String {
    let said = step.biz_step().map(str::to_owned);
    said.unwrap_or_else(|| step.action.to_string())
}

/// Who says so, as far as he is known.
fn by(step: &Step) -> String {
    match &step.author {
        Some(Author {
            name, member, role, ..
        }) => format!("{name}, {member} ({role})"),
        None => "somebody unknown".to_owned(),
    }
}

/// Steps of business by those whose work they are not.
fn roles(steps: &[(usize, &Step, &Event)]) -> Vec<Alarm> {
    let others = steps.iter().filter(|(_, step, event)| {
        let author = step.author.as_ref();
        author.is_some_and(|author| !is_work_of(event, author.role))
    });
    others
        .map(|(number, step, _)| Alarm::OutOfRole {
            step: *number,
            what: what(step),
            by: by(step),
        })
        .collect()
}

/// The events that their own organisation declared wrong. An id alone names none: whoever copies
/// another's id takes back his own event.
fn withdrawn(steps: &[Step]) -> BTreeSet<(MemberId, &str)> {
    let corrections = steps.iter().filter(|step| step.correction().is_some());
    corrections
        .filter(|step| has_original(steps, step))
        .filter_map(|step| member(step).zip(step.event.as_ref()?.id()))
        .collect()
}

fn foreign_corrections(steps: &[Step]) -> Vec<Alarm> {
    let corrections = steps
        .iter()
        .zip(1..)
        .filter(|(step, _)| step.correction().is_some());
    corrections
        .filter(|(step, _)| !has_original(steps, step))
        .map(|(_, step)| Alarm::ForeignCorrection { step })
        .collect()
}

/// Whether the correction's organisation itself said what it corrects.
fn has_original(steps: &[Step], correction: &Step) -> bool {
    let named = |step: &Step| {
        let id = step.event.as_ref()?.id()?.to_owned();
        Some((member(step)?, id))
    };
    let wanted = named(correction);
    let mut events = steps.iter().filter(|step| step.correction().is_none());
    wanted.is_some() && events.any(|step| named(step) == wanted)
}

/// The organisation whose word a step is. Names do not tell: two may have one.
fn member(step: &Step) -> Option<MemberId> {
    step.author.as_ref().map(|author| author.member_id)
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
        let business = Business::of(event);
        let next = match business {
            Business::Begin | Business::Receive | Business::VoidShipping => Place::Held,
            Business::Ship => Place::OnTheWay,
            Business::Dispense | Business::End => Place::Gone,
            Business::DispensePart | Business::Stay => place,
        };
        match (place, business) {
            (Place::Nowhere, Business::Begin) => {}
            (Place::Nowhere, _) => alarm("nothing brought it into being"),
            (_, Business::Begin) => alarm("it was commissioned before"),
            // What is called back or broken goes away too.
            (Place::Gone, Business::End) => {}
            (Place::Gone, Business::Stay) if event.biz_step() != Some("packing") => {}
            (Place::Gone, _) => alarm("it was dispensed, destroyed or decommissioned before"),
            (Place::OnTheWay, Business::Ship) => alarm("it was shipped and has not arrived"),
            (Place::Held, Business::Receive | Business::VoidShipping) => {
                alarm("it was not on the way");
            }
            (Place::OnTheWay, Business::Dispense | Business::DispensePart) => {
                alarm("it was dispensed before it arrived");
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
    match action {
        TraceAction::Commission | TraceAction::Recall | TraceAction::Correct => true,
        // What is called back is moved as well.
        TraceAction::Observe if event.disposition() == Some("recalled") => true,
        _ => action_of(event) == action,
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
        .find(|(.., event)| Business::of(event) == Business::Begin);
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
    let what = label_difference(event, identity);
    alarms.extend(what.map(|what| Alarm::OtherLabel { what }));
    alarms
}

fn dates(identity: &Identity, steps: &[(usize, &Step, &Event)], now: TimeMs) -> Vec<Alarm> {
    let gone = steps
        .iter()
        .any(|(.., event)| Business::of(event) == Business::Dispense);
    let ms = i64::try_from(now.get()).unwrap_or(i64::MAX);
    let now = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    let mut alarms: Vec<Alarm> = steps
        .iter()
        .filter(|(.., event)| {
            let business = Business::of(event);
            let given = matches!(business, Business::Dispense | Business::DispensePart);
            given && is_expired(identity, event.time())
        })
        .map(|(step, _, event)| Alarm::DispensedExpired {
            step: *step,
            reason: expired_override(event).map(str::to_owned),
        })
        .collect();
    if !gone && is_expired(identity, now) {
        alarms.push(Alarm::Expired);
    }
    alarms
}
