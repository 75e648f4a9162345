//! What an event says of business: what it does to a trace, whose work it is, and until when a pack
//! may be given out.

use jiff::Timestamp;
use yilian_protocol::{registry::Role, trace::TraceAction};
use yilian_record::{
    epcis::{Action, Event, EventType},
    gs1::Identity,
};

use super::events::PART;

/// What a pack is after an event, as far as its trail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Business {
    /// It comes into being.
    Begin,
    /// It leaves.
    Ship,
    /// It did not leave after all.
    VoidShipping,
    /// It arrives.
    Receive,
    /// It goes to a patient.
    Dispense,
    /// A part of it does.
    DispensePart,
    /// It is no more, or no longer under its name.
    End,
    /// It stays where it is.
    Stay,
}

impl Business {
    /// What an event says. Without a step its action tells: an object that is added begins, one
    /// that is deleted does not appear again (EPCIS 2.0, section 7.4.2).
    pub(super) fn of(event: &Event) -> Self {
        let part = event.disposition() == Some(PART);
        match event.biz_step() {
            Some("commissioning") => Self::Begin,
            Some("shipping") => Self::Ship,
            Some("void_shipping") => Self::VoidShipping,
            Some("receiving") => Self::Receive,
            Some("dispensing") if part => Self::DispensePart,
            Some("dispensing") => Self::Dispense,
            Some("destroying" | "decommissioning") => Self::End,
            Some(_) => Self::Stay,
            None if event.kind() != EventType::Object => Self::Stay,
            None => match event.action() {
                Some(Action::Add) => Self::Begin,
                Some(Action::Delete) => Self::End,
                _ => Self::Stay,
            },
        }
    }
}

/// What an event does to the traces of the packs that it names.
#[must_use]
pub fn action_of(event: &Event) -> TraceAction {
    if event.correction().is_some() {
        return TraceAction::Correct;
    }
    if event.disposition() == Some("recalled") {
        return TraceAction::Recall;
    }
    match Business::of(event) {
        Business::Begin => TraceAction::Commission,
        Business::Dispense => TraceAction::Dispense,
        Business::DispensePart => TraceAction::DispensePart,
        Business::End => TraceAction::Destroy,
        Business::Ship | Business::VoidShipping | Business::Receive | Business::Stay => {
            TraceAction::Observe
        }
    }
}

/// Whether a step of business is that role's work. Who may bring a *pack* into being is told by
/// another alarm, as the chain does not know a pack from a carton.
pub(super) fn is_work_of(event: &Event, role: Role) -> bool {
    let handles = matches!(role, Role::Maker | Role::Courier | Role::Pharmacist);
    if event.correction().is_some() {
        return handles;
    }
    if event.disposition() == Some("recalled") {
        return matches!(role, Role::Maker | Role::Regulator);
    }
    match event.biz_step() {
        Some("dispensing" | "retail_selling") => role == Role::Pharmacist,
        Some("inspecting" | "sampling" | "holding" | "cycle_counting") | None => {
            handles || role == Role::Regulator
        }
        Some(_) => handles,
    }
}

/// Whether a pack is past its last day: that ends everywhere on earth half a day after it ends in
/// UTC. A national code and a carton name no day.
#[must_use]
pub fn is_expired(identity: &Identity, time: Timestamp) -> bool {
    let Identity::Gs1 { expiry, .. } = identity else {
        return false;
    };
    let end = expiry
        .date()
        .tomorrow()
        .and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC))
        .map(|day| day.timestamp().as_second() + 12 * 60 * 60);
    end.is_ok_and(|end| time.as_second() >= end)
}
