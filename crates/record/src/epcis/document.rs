//! Captures, answers and single events.

use serde_json::{Value, json};

use super::{
    BYTES_MAX, EVENTS_MAX, Error, Event,
    check::{FaultKind, Walk, names_epcis},
    shape,
};
use crate::fhir::json::Json;

/// Events that are as the standard says.
#[derive(Debug, Clone)]
pub struct Document {
    events: Vec<Event>,
    context: Value,
}

impl Document {
    /// Reads a capture, an answer or a single event.
    ///
    /// # Errors
    /// [`Error`]: not JSON, too large, or with faults, all of which are told.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BYTES_MAX {
            return Err(crate::Error::TooLarge {
                max: BYTES_MAX as u64,
            }
            .into());
        }
        Self::from_value(Json::parse(bytes)?.into_value())
    }

    /// The same from JSON that was read.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn from_value(value: Value) -> Result<Self, Error> {
        let mut walk = Walk::new();
        let context = value.get("@context").cloned().unwrap_or_default();
        if !names_epcis(&context) {
            walk.fault(FaultKind::Context);
        }
        walk.learn(&value);
        let list = match value.get("type").and_then(Value::as_str) {
            Some("EPCISDocument") => {
                walk.object(&shape::CAPTURE, &value);
                value.pointer("/epcisBody/eventList")
            }
            Some("EPCISQueryDocument") => {
                walk.object(&shape::ANSWER, &value);
                value.pointer("/epcisBody/queryResults/resultsBody/eventList")
            }
            Some(name) if shape::of(name).is_some() => Some(&value),
            _ => {
                walk.fault(FaultKind::Kind);
                None
            }
        };
        let list = match list {
            Some(Value::Array(events)) => events.as_slice(),
            Some(event @ Value::Object(_)) => std::slice::from_ref(event),
            Some(_) => {
                walk.fault(FaultKind::Type("a list of events"));
                &[]
            }
            None => &[],
        };
        if list.len() > EVENTS_MAX {
            walk.fault(FaultKind::TooMany(EVENTS_MAX));
            return Err(Error::Faults(walk.faults));
        }
        let events = list.iter().enumerate();
        let events = events.map(|(index, event)| {
            walk.within(format!(".eventList[{index}]"), |walk| {
                Event::check(event, walk)
            })
        });
        let events: Vec<Option<Event>> = events.collect();
        if !walk.faults.is_empty() {
            return Err(Error::Faults(walk.faults));
        }
        Ok(Self {
            events: events.into_iter().flatten().collect(),
            context,
        })
    }

    /// A document of events.
    #[must_use]
    pub fn of(events: Vec<Event>) -> Self {
        Self {
            events,
            context: json!(["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"]),
        }
    }

    /// The events, in their order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The events themselves.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// As an answer to a query, made at `created` (RFC 3339).
    #[must_use]
    pub fn to_answer(&self, created: &str) -> Value {
        let events: Vec<&Value> = self.events.iter().map(Event::as_value).collect();
        json!({
            "@context": self.context,
            "type": "EPCISQueryDocument",
            "schemaVersion": "2.0",
            "creationDate": created,
            "epcisBody": {"queryResults": {
                "queryName": "SimpleEventQuery",
                "resultsBody": {"eventList": events},
            }},
        })
    }
}
