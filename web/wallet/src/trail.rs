//! A pack's trail, as a person at a counter reads it.

use serde::Serialize;
use tsify::Tsify;
use yilian_client::trace::{Alarm, Step, Trail};
use yilian_protocol::trace::TraceState;
use yilian_record::{
    epcis::{Event, Reading},
    gs1::Identity,
};

use crate::shared::Place;

/// What is to be said of a pack first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is what it says it is, as far as the chain knows, and on its way.
    Good,
    /// It was given to a patient, once, and nothing is wrong.
    GivenOut,
    /// Do not use it: something is wrong, or it was called back or destroyed.
    Stop,
    /// Nobody brought such a pack onto the chain: do not use it.
    Unknown,
}

/// A pack whose code was read.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct PackView {
    /// What is printed on it, without its secret.
    pub identity: IdentityView,
    /// What is to be said first.
    pub verdict: Verdict,
    /// Where its trace stands; nothing for a pack that is not known.
    pub state: Option<String>,
    /// Its trace.
    pub trace: Option<String>,
    /// What happened, in order.
    pub steps: Vec<StepView>,
    /// What is wrong.
    pub alarms: Vec<AlarmView>,
}

/// What is printed on a pack, carton or pallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum IdentityView {
    /// A pack under GS1 numbers.
    Gs1 {
        /// The product.
        gtin: String,
        /// The pack.
        serial: String,
        /// The batch.
        batch: String,
        /// The last day of use, as `2028-02-29`.
        expiry: String,
    },
    /// A pack under a national code.
    National {
        /// The code.
        code: String,
    },
    /// A carton or pallet.
    Container {
        /// Its number.
        sscc: String,
    },
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// When it happened, as its author says; milliseconds since 1970.
    pub time: Option<f64>,
    /// The block that holds it.
    pub block: Place,
    /// What it did to the trace.
    pub action: String,
    /// The step of business, a word of the Core Business Vocabulary.
    pub biz_step: Option<String>,
    /// Who says so; none when his word does not stand.
    pub author: Option<AuthorView>,
    /// The rule by which it does not.
    pub unknown_author: Option<String>,
    /// Where, as the event names it.
    pub place: Option<String>,
    /// The carton or pallet to which it happened.
    pub container: Option<String>,
    /// Lowest and highest temperature, in degrees Celsius.
    pub temperature: Option<(f64, f64)>,
    /// Whether it takes an earlier step back.
    pub corrects: bool,
    /// Whether it came after the trace was closed.
    pub late: bool,
}

/// Who says what happened.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct AuthorView {
    /// The person's name.
    pub name: String,
    /// The organisation's.
    pub member: String,
    /// What the person may do.
    pub role: String,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct AlarmView {
    /// What it is.
    pub kind: AlarmKind,
    /// How many stays in cartons are not told.
    pub count: Option<usize>,
    /// The step, from 1.
    pub step: Option<usize>,
    /// Who did it.
    pub by: Option<String>,
    /// What was done, or what differs.
    pub what: Option<String>,
    /// The rule, or the reason.
    pub reason: Option<String>,
    /// Lowest and highest temperature, in degrees Celsius.
    pub measured: Option<(f64, f64)>,
    /// Lowest and highest allowed.
    pub allowed: Option<(f64, f64)>,
}

/// What is wrong with a pack, called as in the client's JSON; pages have a sentence for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// Dispensed a second time.
    DoubleDispensing,
    /// Appended to after it was closed.
    AppendAfterClosing,
    /// Done by whose work it is not.
    OutOfRole,
    /// Signed by nobody certified.
    UnknownAuthor,
    /// Holds no event that can be read.
    Unreadable,
    /// About another pack.
    OtherPack,
    /// Does not follow from what was before.
    OutOfOrder,
    /// Kept too warm or too cold.
    ColdChain,
    /// Not made by a certified maker.
    NotFromMaker,
    /// The label says something else.
    OtherLabel,
    /// Dispensed after its last day.
    DispensedExpired,
    /// Past its last day.
    Expired,
    /// Called back.
    Recalled,
    /// Corrects another organisation's event.
    ForeignCorrection,
    /// Was in more cartons, or fuller ones, than are followed.
    NotFollowed,
}

impl PackView {
    pub(crate) fn new(identity: &Identity, trail: Option<Trail>) -> Self {
        let Some(trail) = trail else {
            return Self {
                identity: identity.into(),
                verdict: Verdict::Unknown,
                state: None,
                trace: None,
                steps: Vec::new(),
                alarms: Vec::new(),
            };
        };
        Self {
            identity: identity.into(),
            verdict: verdict(trail.state, trail.alarms.is_empty()),
            state: Some(trail.state.name().to_owned()),
            trace: Some(trail.trace.to_string()),
            steps: trail.steps.iter().map(StepView::from).collect(),
            alarms: trail.alarms.iter().map(AlarmView::from).collect(),
        }
    }
}

const fn verdict(state: TraceState, nothing_wrong: bool) -> Verdict {
    match state {
        TraceState::Open if nothing_wrong => Verdict::Good,
        TraceState::Dispensed if nothing_wrong => Verdict::GivenOut,
        _ => Verdict::Stop,
    }
}

impl From<&Identity> for IdentityView {
    fn from(identity: &Identity) -> Self {
        match identity {
            Identity::Gs1 {
                gtin,
                serial,
                batch,
                expiry,
            } => Self::Gs1 {
                gtin: gtin.as_str().to_owned(),
                serial: serial.as_str().to_owned(),
                batch: batch.as_str().to_owned(),
                expiry: expiry.to_string(),
            },
            Identity::National { code } => Self::National {
                code: code.as_str().to_owned(),
            },
            Identity::Container { sscc } => Self::Container {
                sscc: sscc.as_str().to_owned(),
            },
        }
    }
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        let event = step.event.as_ref();
        #[allow(clippy::cast_precision_loss, reason = "milliseconds are below 2^53")]
        let time = event.map(|event| event.time().as_millisecond() as f64);
        Self {
            time,
            block: step.admitted.into(),
            action: step.action.name().to_owned(),
            biz_step: step.biz_step().map(str::to_owned),
            author: step.author.as_ref().map(|author| AuthorView {
                name: author.name.clone(),
                member: author.member.clone(),
                role: author.role.name().to_owned(),
            }),
            unknown_author: step.unknown_author.map(|rule| rule.name().to_owned()),
            place: event.and_then(Event::read_point).map(str::to_owned),
            container: step.container.clone(),
            temperature: event.and_then(temperature),
            corrects: step.correction().is_some(),
            late: step.late,
        }
    }
}

/// Over all of the event's reports.
fn temperature(event: &Event) -> Option<(f64, f64)> {
    let celsius = |reading: &Reading| reading.measurement == "Temperature" && reading.unit == "CEL";
    let readings = event.readings().filter(celsius);
    readings.fold(None, |known: Option<(f64, f64)>, reading| {
        let (low, high) = known.unwrap_or((reading.min, reading.max));
        Some((low.min(reading.min), high.max(reading.max)))
    })
}

impl From<&Alarm> for AlarmView {
    fn from(alarm: &Alarm) -> Self {
        let of = |kind, step: Option<&usize>| Self {
            kind,
            count: None,
            step: step.copied(),
            by: None,
            what: None,
            reason: None,
            measured: None,
            allowed: None,
        };
        match alarm {
            Alarm::DoubleDispensing { step, by } => Self {
                by: Some(by.clone()),
                ..of(AlarmKind::DoubleDispensing, Some(step))
            },
            Alarm::AppendAfterClosing { step, what, by } => Self {
                what: Some(what.clone()),
                by: Some(by.clone()),
                ..of(AlarmKind::AppendAfterClosing, Some(step))
            },
            Alarm::OutOfRole { step, what, by } => Self {
                what: Some(what.clone()),
                by: Some(by.clone()),
                ..of(AlarmKind::OutOfRole, Some(step))
            },
            Alarm::UnknownAuthor { step, rule } => Self {
                reason: Some(rule.name().to_owned()),
                ..of(AlarmKind::UnknownAuthor, Some(step))
            },
            Alarm::Unreadable { step } => of(AlarmKind::Unreadable, Some(step)),
            Alarm::OtherPack { step } => of(AlarmKind::OtherPack, Some(step)),
            Alarm::OutOfOrder { step, reason } => Self {
                reason: Some(reason.clone()),
                ..of(AlarmKind::OutOfOrder, Some(step))
            },
            Alarm::ColdChain {
                step,
                measured,
                allowed,
            } => Self {
                measured: Some(*measured),
                allowed: Some(*allowed),
                ..of(AlarmKind::ColdChain, Some(step))
            },
            Alarm::NotFromMaker { step } => of(AlarmKind::NotFromMaker, Some(step)),
            Alarm::OtherLabel { what } => Self {
                what: Some((*what).to_owned()),
                ..of(AlarmKind::OtherLabel, None)
            },
            Alarm::DispensedExpired { step, reason } => Self {
                reason: reason.clone(),
                ..of(AlarmKind::DispensedExpired, Some(step))
            },
            Alarm::Expired => of(AlarmKind::Expired, None),
            Alarm::Recalled { step } => of(AlarmKind::Recalled, Some(step)),
            Alarm::ForeignCorrection { step } => of(AlarmKind::ForeignCorrection, Some(step)),
            Alarm::NotFollowed { cartons } => Self {
                count: Some(*cartons),
                ..of(AlarmKind::NotFollowed, None)
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_or_dispensed_trace_without_alarms_is_no_reason_to_stop() {
        for (state, fine, alarmed) in [
            (TraceState::Open, Verdict::Good, Verdict::Stop),
            (TraceState::Dispensed, Verdict::GivenOut, Verdict::Stop),
            (TraceState::Destroyed, Verdict::Stop, Verdict::Stop),
            (TraceState::Recalled, Verdict::Stop, Verdict::Stop),
        ] {
            assert_eq!(verdict(state, true), fine);
            assert_eq!(verdict(state, false), alarmed);
        }
    }

    #[test]
    fn alarms_are_called_as_in_the_clients_json() {
        let alarms = [
            Alarm::Expired,
            Alarm::Recalled { step: 1 },
            Alarm::NotFromMaker { step: 1 },
            Alarm::Unreadable { step: 1 },
            Alarm::OtherPack { step: 1 },
            Alarm::ForeignCorrection { step: 1 },
            Alarm::NotFollowed { cartons: 1 },
            Alarm::OtherLabel { what: "batch" },
            Alarm::DoubleDispensing {
                step: 2,
                by: "A".into(),
            },
        ];
        for alarm in &alarms {
            let name = serde_json::to_value(alarm).unwrap()["alarm"].clone();
            let kind = serde_json::to_value(AlarmView::from(alarm).kind).unwrap();
            assert_eq!(name, kind);
        }
    }
}
