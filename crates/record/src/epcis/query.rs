//! `SimpleEventQuery` (EPCIS 2.0, section 8.2.7.1) over events that one can read.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Epc, Error, Event,
    check::{FaultKind, Walk, parse_time},
    shape,
    vocabulary::List,
};
use crate::fhir::json::Json;

/// A query. Parameters that are not understood are refused, never ignored: an answer would claim
/// too much.
#[derive(Debug, Clone, Default)]
pub struct Query {
    tests: Vec<Test>,
    descending: bool,
    limit: Option<usize>,
}

#[derive(Debug, Clone)]
enum Test {
    Type(Vec<String>),
    From(Timestamp),
    Until(Timestamp),
    Action(Vec<String>),
    BizStep(Vec<String>),
    Disposition(Vec<String>),
    ReadPoint(Vec<String>),
    BizLocation(Vec<String>),
    Epc(Vec<Epc>),
    AnyEpc(Vec<Epc>),
    EventId(Vec<String>),
    QuantityFrom(f64),
    QuantityBelow(f64),
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// [`Error`]: not JSON, an unknown parameter, or a value that is none of its.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let value = Json::parse(bytes)?.into_value();
        let mut walk = Walk::new();
        let mut query = Self::default();
        match value.as_object() {
            None => walk.fault(FaultKind::Type("an object")),
            Some(members) => {
                for (name, value) in members {
                    walk.within(format!(".{name}"), |walk| {
                        if let Err(fault) = query.parameter(name, value) {
                            walk.fault(fault);
                        }
                    });
                }
            }
        }
        if walk.faults.is_empty() {
            Ok(query)
        } else {
            Err(Error::Faults(walk.faults))
        }
    }

    fn parameter(&mut self, name: &str, value: &Value) -> Result<(), FaultKind> {
        let test = match name {
            "@context" | "queryName" => return Ok(()),
            "orderBy" => return one_of(value, &["eventTime"]).map(drop),
            "orderDirection" => {
                self.descending = one_of(value, &["ASC", "DESC"])? == "DESC";
                return Ok(());
            }
            "eventCountLimit" | "maxEventCount" | "perPage" => {
                let number = value.as_u64().filter(|number| *number > 0);
                let number = number.and_then(|number| usize::try_from(number).ok());
                self.limit = Some(number.ok_or(FaultKind::Format("count of one or more"))?);
                return Ok(());
            }
            "eventType" => {
                let names = texts(value)?;
                if names.iter().any(|name| shape::of(name).is_none()) {
                    return Err(FaultKind::Format("type of events"));
                }
                Test::Type(names)
            }
            "GE_eventTime" => Test::From(time(value)?),
            "LT_eventTime" => Test::Until(time(value)?),
            "EQ_action" => {
                let names = texts(value)?;
                let known = |name: &String| ["ADD", "OBSERVE", "DELETE"].contains(&name.as_str());
                if !names.iter().all(known) {
                    return Err(FaultKind::Format("action: ADD, OBSERVE or DELETE"));
                }
                Test::Action(names)
            }
            "EQ_bizStep" => Test::BizStep(words(value, List::BizStep)?),
            "EQ_disposition" => Test::Disposition(words(value, List::Disposition)?),
            "EQ_readPoint" => Test::ReadPoint(texts(value)?),
            "EQ_bizLocation" => Test::BizLocation(texts(value)?),
            "MATCH_epc" => Test::Epc(epcs(value)?),
            "MATCH_anyEPC" => Test::AnyEpc(epcs(value)?),
            "EQ_eventID" => Test::EventId(texts(value)?),
            "GE_quantity" => Test::QuantityFrom(number(value)?),
            "LT_quantity" => Test::QuantityBelow(number(value)?),
            _ => return Err(FaultKind::Unknown),
        };
        self.tests.push(test);
        Ok(())
    }

    /// The events that pass every test, by time, at most as many as asked for.
    #[must_use]
    pub fn select<'a>(&self, events: impl IntoIterator<Item = &'a Event>) -> Vec<&'a Event> {
        let passes = |event: &&Event| self.tests.iter().all(|test| test.passes(event));
        let mut found: Vec<&Event> = events.into_iter().filter(passes).collect();
        found.sort_by_key(|event| event.time());
        if self.descending {
            found.reverse();
        }
        found.truncate(self.limit.unwrap_or(usize::MAX));
        found
    }
}

impl Test {
    fn passes(&self, event: &Event) -> bool {
        let among = |names: &[String], text: Option<&str>| {
            text.is_some_and(|text| names.iter().any(|name| name == text))
        };
        match self {
            Self::Type(names) => among(names, Some(event.kind().name())),
            Self::From(time) => event.time() >= *time,
            Self::Until(time) => event.time() < *time,
            Self::Action(names) => among(names, event.action().map(super::Action::name)),
            Self::BizStep(names) => among(names, event.biz_step()),
            Self::Disposition(names) => among(names, event.disposition()),
            Self::ReadPoint(names) => among(names, event.read_point()),
            Self::BizLocation(names) => among(names, event.biz_location()),
            Self::Epc(names) => event.objects().any(|epc| names.contains(&epc)),
            Self::AnyEpc(names) => {
                let parent = event.parent().and_then(Epc::parse);
                event
                    .objects()
                    .chain(parent)
                    .any(|epc| names.contains(&epc))
            }
            Self::EventId(names) => among(names, event.id()),
            Self::QuantityFrom(least) => quantities(event).any(|quantity| quantity >= *least),
            Self::QuantityBelow(bound) => quantities(event).any(|quantity| quantity < *bound),
        }
    }
}

fn quantities(event: &Event) -> impl Iterator<Item = f64> {
    event.classes().filter_map(|(_, quantity)| quantity)
}

fn texts(value: &Value) -> Result<Vec<String>, FaultKind> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
    texts
        .collect::<Option<Vec<_>>>()
        .filter(|texts| !texts.is_empty())
        .ok_or(FaultKind::Type("a list of texts"))
}

/// Names of objects, in whichever spelling.
fn epcs(value: &Value) -> Result<Vec<Epc>, FaultKind> {
    let names = texts(value)?;
    let names = names.iter().map(|name| Epc::parse(name));
    names
        .collect::<Option<_>>()
        .ok_or(FaultKind::Format("list of identifiers"))
}

fn words(value: &Value, list: List) -> Result<Vec<String>, FaultKind> {
    let texts = texts(value)?;
    let texts = texts.into_iter();
    Ok(texts
        .map(|text| list.word(&text).unwrap_or(&text).to_owned())
        .collect())
}

fn time(value: &Value) -> Result<Timestamp, FaultKind> {
    let text = value.as_str().unwrap_or_default();
    parse_time(text).ok_or(FaultKind::Format("time with an offset (RFC 3339)"))
}

fn number(value: &Value) -> Result<f64, FaultKind> {
    value.as_f64().ok_or(FaultKind::Type("a number"))
}

fn one_of<'a>(value: &'a Value, known: &[&str]) -> Result<&'a str, FaultKind> {
    let text = value.as_str().filter(|text| known.contains(text));
    text.ok_or(FaultKind::Format("known value of the parameter"))
}
