//! An event, and how one is made.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Document, Error,
    check::{FaultKind, Walk, parse_time},
    epc::Epc,
    rules, shape,
    vocabulary::List,
};
use crate::fhir::json::Json;

/// An event that is as the standard says.
#[derive(Debug, Clone)]
pub struct Event {
    value: Value,
    /// The same with every number as it was written, when it was read from a text.
    written: Option<String>,
    kind: EventType,
    time: Timestamp,
}

/// Two events are equal when they say the same, however their numbers are written.
impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// Members that name classes of objects.
const QUANTITY_LISTS: [&str; 4] = [
    "quantityList",
    "childQuantityList",
    "inputQuantityList",
    "outputQuantityList",
];

/// The five types of EPCIS 2.0 (7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// Something happened to objects.
    Object,
    /// Objects were put into or taken out of another.
    Aggregation,
    /// Objects were joined to a business transaction.
    Transaction,
    /// Objects were made of others.
    Transformation,
    /// Objects were fixed to another.
    Association,
}

impl EventType {
    /// Its name in the standard.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "ObjectEvent",
            Self::Aggregation => "AggregationEvent",
            Self::Transaction => "TransactionEvent",
            Self::Transformation => "TransformationEvent",
            Self::Association => "AssociationEvent",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [
            Self::Object,
            Self::Aggregation,
            Self::Transaction,
            Self::Transformation,
            Self::Association,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }
}

/// How an event relates to the life of its objects (7.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// They begin, or are put in.
    Add,
    /// They were seen.
    Observe,
    /// They end, or are taken out.
    Delete,
}

impl Action {
    /// Its name in the standard.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Observe => "OBSERVE",
            Self::Delete => "DELETE",
        }
    }
}

/// A sensor's measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What was measured: a word of the GS1 Web Vocabulary, such as `Temperature`.
    pub measurement: String,
    /// Lowest value of the report.
    pub min: f64,
    /// Highest value of the report.
    pub max: f64,
    /// The unit, by UN/CEFACT Recommendation 20 (`CEL` is degrees Celsius).
    pub unit: String,
}

/// A declaration that earlier events were wrong (7.3.4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The word for why, when one is given.
    pub reason: Option<String>,
    /// The events that hold instead.
    pub corrective: Vec<String>,
}

impl Event {
    /// Checks one event within a walk.
    pub(super) fn check(value: &Value, walk: &mut Walk) -> Option<Self> {
        let outer = walk.prefixes();
        walk.learn(value);
        let name = value
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let found = EventType::parse(name).zip(shape::of(name));
        let Some((kind, shape)) = found else {
            walk.within(".type".to_owned(), |walk| {
                walk.fault(FaultKind::Format("type of events"));
            });
            return None;
        };
        walk.object(shape, value);
        rules::check(kind, value, walk);
        walk.set_prefixes(outer);
        let time = value.get("eventTime").and_then(Value::as_str);
        Some(Self {
            value: value.clone(),
            written: None,
            kind,
            time: time.and_then(parse_time)?,
        })
    }

    /// Gives it the context of the document that it stood in, in front of its own: by itself it
    /// says what it said there.
    pub(super) fn in_context(mut self, outer: &Value) -> Self {
        let Some(members) = self.value.as_object_mut() else {
            return self;
        };
        let items = |context: Value| match context {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            other => vec![other],
        };
        let own = members.remove("@context").unwrap_or_default();
        let mut context = items(outer.clone());
        for item in items(own) {
            if !context.contains(&item) {
                context.push(item);
            }
        }
        members.insert("@context".to_owned(), Value::Array(context));
        self
    }

    /// Reads a single event from JSON.
    ///
    /// # Errors
    /// As [`Document::parse`], and when there is not exactly one.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let document = Document::parse(bytes)?;
        match <[Self; 1]>::try_from(document.into_events()) {
            Ok([event]) => Ok(event),
            Err(_) => {
                let mut walk = Walk::new();
                walk.fault(FaultKind::Rule("one event is asked for"));
                Err(Error::Faults(walk.faults))
            }
        }
    }

    /// Keeps its numbers as they were written: what is signed and shown is what was captured.
    pub(super) fn keep_as_written(&mut self, mut written: Json) -> Result<(), crate::Error> {
        written.take_member("@context");
        let context = self
            .value
            .get("@context")
            .map(Json::from_value)
            .transpose()?;
        if let (Json::Object(members), Some(context)) = (&mut written, context) {
            members.push(("@context".to_owned(), context));
        }
        let mut text = String::new();
        written.canonical(&mut text);
        self.written = Some(text);
        Ok(())
    }

    /// The event as JSON-LD, with its context.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        if let Some(written) = &self.written {
            return written.clone().into_bytes();
        }
        let mut value = self.value.clone();
        if let Some(members) = value.as_object_mut() {
            let context = json!(["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"]);
            members.entry("@context").or_insert(context);
        }
        value.to_string().into_bytes()
    }

    /// The JSON.
    #[must_use]
    pub const fn as_value(&self) -> &Value {
        &self.value
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> EventType {
        self.kind
    }

    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.text("/eventID")
    }

    /// What it says of its objects' life. A transformation says nothing.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        let name = self.text("/action")?;
        [Action::Add, Action::Observe, Action::Delete]
            .into_iter()
            .find(|action| action.name() == name)
    }

    /// The step of business, as the bare word for those of the vocabulary.
    #[must_use]
    pub fn biz_step(&self) -> Option<&str> {
        let text = self.text("/bizStep")?;
        Some(List::BizStep.word(text).unwrap_or(text))
    }

    /// The state afterwards, as the bare word for those of the vocabulary.
    #[must_use]
    pub fn disposition(&self) -> Option<&str> {
        let text = self.text("/disposition")?;
        Some(List::Disposition.word(text).unwrap_or(text))
    }

    /// Where it was seen.
    #[must_use]
    pub fn read_point(&self) -> Option<&str> {
        self.text("/readPoint/id")
    }

    /// Where its objects are afterwards.
    #[must_use]
    pub fn biz_location(&self) -> Option<&str> {
        self.text("/bizLocation/id")
    }

    /// The carton, pallet or transaction that holds the objects.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.text("/parentID")
    }

    /// Every single object that it names, the parent not counted.
    pub fn epcs(&self) -> impl Iterator<Item = &str> {
        ["epcList", "childEPCs", "inputEPCList", "outputEPCList"]
            .into_iter()
            .flat_map(|list| self.value.get(list).and_then(Value::as_array))
            .flatten()
            .filter_map(Value::as_str)
    }

    /// The same as what they name.
    pub fn objects(&self) -> impl Iterator<Item = Epc> {
        self.epcs().filter_map(Epc::parse)
    }

    /// Classes of objects that it names, with how many of each when it says so.
    pub fn classes(&self) -> impl Iterator<Item = (Epc, Option<f64>)> {
        QUANTITY_LISTS
            .into_iter()
            .flat_map(|list| self.list(list))
            .filter_map(|item| {
                let class = Epc::parse(item.get("epcClass")?.as_str()?)?;
                Some((class, item.get("quantity").and_then(Value::as_f64)))
            })
    }

    /// The same classes as they are written.
    pub fn class_names(&self) -> impl Iterator<Item = &str> {
        QUANTITY_LISTS
            .into_iter()
            .flat_map(|list| self.list(list))
            .filter_map(|item| item.get("epcClass")?.as_str())
    }

    /// The transactions it belongs to, by kind.
    pub fn biz_transactions(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.list("bizTransactionList").filter_map(|item| {
            let kind = item.get("type").and_then(Value::as_str);
            let id = item.get("bizTransaction").and_then(Value::as_str)?;
            Some((kind, id))
        })
    }

    /// An item of the instance or lot master data, such as `cbvmda:lotNumber`.
    #[must_use]
    pub fn master_data(&self, name: &str) -> Option<&str> {
        self.value.get("ilmd")?.get(name)?.as_str()
    }

    /// What sensors measured with a unit.
    pub fn readings(&self) -> impl Iterator<Item = Reading> {
        self.list("sensorElementList")
            .filter_map(|element| element.get("sensorReport")?.as_array())
            .flatten()
            .filter_map(reading)
    }

    /// Whether it declares earlier events wrong.
    #[must_use]
    pub fn correction(&self) -> Option<Correction> {
        let declaration = self.value.get("errorDeclaration")?;
        let ids = declaration
            .get("correctiveEventIDs")
            .and_then(Value::as_array);
        let ids = ids.into_iter().flatten().filter_map(Value::as_str);
        Some(Correction {
            reason: declaration
                .get("reason")
                .and_then(Value::as_str)
                .map(str::to_owned),
            corrective: ids.map(str::to_owned).collect(),
        })
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &Value> {
        let items = self.value.get(name).and_then(Value::as_array);
        items.into_iter().flatten()
    }
}

fn reading(report: &Value) -> Option<Reading> {
    let number = |name: &str| report.get(name).and_then(Value::as_f64);
    let value = number("value").or_else(|| number("meanValue"));
    let measurement = report.get("type")?.as_str()?;
    Some(Reading {
        measurement: List::Measurement
            .word(measurement)
            .unwrap_or(measurement)
            .to_owned(),
        min: number("minValue").or(value)?,
        max: number("maxValue").or(value)?,
        unit: report.get("uom")?.as_str()?.to_owned(),
    })
}

/// Puts an event together; [`EventBuilder::build`] checks it as if it had been received.
#[derive(Debug, Clone)]
pub struct EventBuilder {
    members: Map<String, Value>,
}

impl EventBuilder {
    /// An event of that type at that time, in UTC.
    #[must_use]
    pub fn new(kind: EventType, time: Timestamp, id: &str) -> Self {
        let mut builder = Self {
            members: Map::new(),
        };
        builder.insert("type", json!(kind.name()));
        builder.insert("eventID", json!(id));
        builder.insert("eventTime", json!(format!("{time:.3}")));
        builder.insert("eventTimeZoneOffset", json!("+00:00"));
        builder
    }

    fn insert(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    /// Sets a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.insert(name, value);
        self
    }

    /// Sets what it says of its objects' life.
    #[must_use]
    pub fn action(self, action: Action) -> Self {
        self.with("action", json!(action.name()))
    }

    /// Sets step and state.
    #[must_use]
    pub fn step(self, biz_step: &str, disposition: &str) -> Self {
        self.with("bizStep", json!(biz_step))
            .with("disposition", json!(disposition))
    }

    /// Sets the place, when there is one.
    #[must_use]
    pub fn read_point(self, place: Option<&str>) -> Self {
        match place {
            Some(place) => self.with("readPoint", json!({"id": place})),
            None => self,
        }
    }

    /// The event.
    ///
    /// # Errors
    /// [`Error::Faults`] when it is not as the standard says.
    pub fn build(self) -> Result<Event, Error> {
        let mut walk = Walk::new();
        let event = Event::check(&Value::Object(self.members), &mut walk);
        match event {
            Some(event) if walk.faults.is_empty() => Ok(event),
            _ => Err(Error::Faults(walk.faults)),
        }
    }
}
