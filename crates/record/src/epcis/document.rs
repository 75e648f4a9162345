//! Captures, answers and single events.

use serde_json::{Value, json};

use super::{
    BYTES_MAX, CONTEXT_BYTES_MAX, EVENTS_MAX, Error, Event,
    check::{FaultKind, Walk, names_epcis},
    rules, shape,
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
        if bytes.trim_ascii_start().starts_with(b"<") {
            return Err(Error::Xml);
        }
        let json = Json::parse(bytes)?;
        let mut document = Self::from_value(json.clone().into_value())?;
        for (event, written) in document.events.iter_mut().zip(written_events(json)) {
            event.keep_as_written(written)?;
        }
        Ok(document)
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
        if context.to_string().len() > CONTEXT_BYTES_MAX {
            walk.fault(FaultKind::Rule("@context is longer than 16 kB"));
            return Err(Error::Faults(walk.faults));
        }
        walk.learn(&value);
        let kind = value.get("type").and_then(Value::as_str);
        let is_answer = kind == Some("EPCISQueryDocument");
        let list = match kind {
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
                if is_answer {
                    rules::recorded(event, walk);
                }
                Event::check(event, walk)
            })
        });
        let events: Vec<Option<Event>> = events.collect();
        if !walk.faults.is_empty() {
            return Err(Error::Faults(walk.faults));
        }
        let events = events.into_iter().flatten();
        Ok(Self {
            events: events.map(|event| event.in_context(&context)).collect(),
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
        let events: Vec<Value> = self.events.iter().map(|event| self.inside(event)).collect();
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

    /// An event without a context that the document has already.
    fn inside(&self, event: &Event) -> Value {
        let mut value = event.as_value().clone();
        if let Some(members) = value.as_object_mut()
            && members.get("@context") == Some(&self.context)
        {
            members.remove("@context");
        }
        value
    }
}

/// The events of a document that was read, as they were written.
fn written_events(mut document: Json) -> Vec<Json> {
    let mut body = document.take_member("epcisBody");
    if let Some(results) = body
        .as_mut()
        .and_then(|body| body.take_member("queryResults"))
    {
        body = Some(results);
        body = body.and_then(|mut results| results.take_member("resultsBody"));
    }
    match body.map(|mut body| body.take_member("eventList")) {
        None => vec![document],
        Some(Some(Json::Array(events))) => events,
        Some(event) => event.into_iter().collect(),
    }
}
