//! The walk over a document, shape in hand.

use std::{collections::BTreeSet, fmt};

use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value};

use super::{
    FAULTS_MAX,
    epc::{self, Names},
    shape::{Kind, Shape},
    vocabulary::List,
};

/// What is wrong, and where. Never the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Member names and positions from the root, such as `epcisBody.eventList[0].bizStep`.
    pub path: String,
    /// What is wrong there.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "document"
        } else {
            &self.path
        };
        write!(f, "{path}: {}", self.kind)
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// A member that must be there is not.
    #[error("{0} is missing")]
    Missing(String),
    /// A member that the standard does not know and that has no prefix.
    #[error("the standard has no such member; extensions need a prefix")]
    Unknown,
    /// A prefix that `@context` does not declare.
    #[error("the prefix is not declared in @context")]
    Undeclared,
    /// Another JSON type.
    #[error("must be {0}")]
    Type(&'static str),
    /// A text of another form.
    #[error("is no {0}")]
    Format(&'static str),
    /// A word that the Core Business Vocabulary does not have.
    #[error("is no word of the vocabulary's {0}")]
    Vocabulary(&'static str),
    /// Neither a document nor an event of the standard.
    #[error("type is neither an EPCIS document, an answer nor an event")]
    Kind,
    /// A list that names one object twice.
    #[error("names one object twice")]
    Twice,
    /// `@context` has none of EPCIS's addresses.
    #[error("@context does not name EPCIS")]
    Context,
    /// More events than are read at once.
    #[error("has more than {0} events")]
    TooMany(usize),
    /// Two members that exclude each other, or a pair in the wrong order.
    #[error("{0}")]
    Rule(&'static str),
}

/// Prefixes that everybody may use: those of the EPCIS context.
const PREFIXES: &[&str] = &[
    "cbv", "cbvmda", "gs1", "epcis", "xsd", "dcterms", "rdfs", "owl",
];

/// Where the walk is, and what it found.
pub(super) struct Walk {
    path: Vec<String>,
    prefixes: BTreeSet<String>,
    pub(super) faults: Vec<Fault>,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self {
            path: Vec::new(),
            prefixes: PREFIXES.iter().map(|prefix| (*prefix).to_owned()).collect(),
            faults: Vec::new(),
        }
    }

    /// The prefixes known now.
    pub(super) fn prefixes(&self) -> BTreeSet<String> {
        self.prefixes.clone()
    }

    /// Goes back to other prefixes.
    pub(super) fn set_prefixes(&mut self, prefixes: BTreeSet<String>) {
        self.prefixes = prefixes;
    }

    pub(super) fn fault(&mut self, kind: FaultKind) {
        if self.faults.len() < FAULTS_MAX {
            let path = self.path.concat();
            let path = path.strip_prefix('.').unwrap_or(&path).to_owned();
            self.faults.push(Fault { path, kind });
        }
    }

    /// Does something one step further down.
    pub(super) fn within<T>(&mut self, step: String, f: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = f(self);
        self.path.pop();
        result
    }

    pub(super) fn object(&mut self, shape: &Shape, value: &Value) {
        let Some(members) = value.as_object() else {
            return self.fault(FaultKind::Type("an object"));
        };
        for field in shape.fields() {
            // A shape's own field stands before the shared one of the same name.
            if field.required && !members.contains_key(field.name) {
                self.fault(FaultKind::Missing(field.name.to_owned()));
            }
        }
        for group in shape.one_of {
            // A list with nothing in it says nothing.
            let says = |name: &&str| {
                let value = members.get(*name);
                value.is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()))
            };
            if !group.iter().any(says) {
                self.fault(FaultKind::Missing(group.join(" or ")));
            }
        }
        for (name, value) in members {
            self.within(format!(".{name}"), |walk| {
                match shape.fields().find(|field| field.name == name) {
                    Some(field) => walk.value(field.kind, value),
                    None if shape.open || name.contains(':') => walk.extension(name, value),
                    None => walk.fault(FaultKind::Unknown),
                }
            });
        }
    }

    /// A member of somebody's own: it needs a prefix, and what is in it may have one.
    fn extension(&mut self, name: &str, value: &Value) {
        if name.contains(':') {
            self.prefixed(name);
            self.inside_extension(value);
        } else {
            self.fault(FaultKind::Unknown);
        }
    }

    fn prefixed(&mut self, name: &str) {
        let known = |(prefix, _): (&str, &str)| self.prefixes.contains(prefix);
        if !name.split_once(':').is_none_or(known) {
            self.fault(FaultKind::Undeclared);
        }
    }

    fn inside_extension(&mut self, value: &Value) {
        match value {
            Value::Array(items) => {
                for item in items {
                    self.inside_extension(item);
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.within(format!(".{name}"), |walk| {
                        walk.prefixed(name);
                        walk.inside_extension(value);
                    });
                }
            }
            _ => {}
        }
    }

    fn value(&mut self, kind: Kind, value: &Value) {
        match kind {
            Kind::Any => {}
            Kind::Object(shape) => self.object(shape, value),
            Kind::List(kind) => self.list(*kind, value),
            Kind::Extensions => self.extensions(value),
            Kind::Certification => self.certification(value),
            Kind::Context => self.context(value),
            Kind::Number if value.is_number() => {}
            Kind::Quantity if value.as_f64().is_some_and(|number| number > 0.0) => {}
            Kind::Quantity => self.fault(FaultKind::Type("a number above 0")),
            Kind::Number => self.fault(FaultKind::Type("a number")),
            Kind::Bool if value.is_boolean() => {}
            Kind::Bool => self.fault(FaultKind::Type("true or false")),
            _ => match value.as_str() {
                Some(text) => self.text(kind, text),
                None => self.fault(FaultKind::Type("a text")),
            },
        }
    }

    fn list(&mut self, kind: Kind, value: &Value) {
        match value.as_array() {
            None => self.fault(FaultKind::Type("a list")),
            Some(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.within(format!("[{index}]"), |walk| walk.value(kind, item));
                }
                // In two spellings it may: GS1's own examples do so.
                let mut seen = BTreeSet::new();
                let names = items.iter().filter_map(Value::as_str);
                if matches!(kind, Kind::Instance) && !names.into_iter().all(|n| seen.insert(n)) {
                    self.fault(FaultKind::Twice);
                }
            }
        }
    }

    fn extensions(&mut self, value: &Value) {
        let Some(members) = value.as_object() else {
            return self.fault(FaultKind::Type("an object"));
        };
        for (name, value) in members {
            self.within(format!(".{name}"), |walk| walk.extension(name, value));
        }
    }

    fn text(&mut self, kind: Kind, text: &str) {
        let format = |ok: bool, name: &'static str| (!ok).then_some(FaultKind::Format(name));
        let fault = match kind {
            Kind::Text => format(!text.is_empty(), "text"),
            Kind::Time => format(parse_time(text).is_some(), "time with an offset (RFC 3339)"),
            Kind::Offset => format(is_offset(text), "offset of a time zone"),
            Kind::Uri => format(
                epc::is_valid(text, Names::Any),
                "identifier or absolute address",
            ),
            Kind::Instance => format(
                epc::is_valid(text, Names::Instance),
                "identifier of one object",
            ),
            Kind::Class => format(
                epc::is_valid(text, Names::Class),
                "identifier of a class of objects",
            ),
            Kind::Action => format(
                ["ADD", "OBSERVE", "DELETE"].contains(&text),
                "action: ADD, OBSERVE or DELETE",
            ),
            Kind::Unit => format(
                (2..=3).contains(&text.len())
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()),
                "unit of UN/CEFACT Recommendation 20",
            ),
            Kind::Hex => format(
                text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit()),
                "string of hex digits",
            ),
            Kind::Version => format(text == "2.0" || text.starts_with("2.0."), "version 2.0"),
            Kind::Node => format(
                epc::is_absolute(text) || text.strip_prefix("_:").is_some_and(|t| !t.is_empty()),
                "address or blank node",
            ),
            Kind::Word(list) => word_fault(list, text),
            _ => None,
        };
        if let Some(fault) = fault {
            self.fault(fault);
        }
    }

    /// 7.3.5.4: addresses, or details whose dates must be dates.
    fn certification(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(Kind::Uri, text),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.within(format!("[{index}]"), |walk| walk.certification(item));
                }
            }
            Value::Object(members) => self.certification_details(members),
            _ => self.fault(FaultKind::Type("an address or details of a certification")),
        }
    }

    fn certification_details(&mut self, members: &Map<String, Value>) {
        for (name, value) in members {
            self.within(format!(".{name}"), |walk| match value {
                Value::Object(members) => walk.certification_details(members),
                Value::String(text) if name.ends_with("Date") && !is_date(text) => {
                    walk.fault(FaultKind::Format("date"));
                }
                Value::String(_) if ["type", "@type", "id", "@id"].contains(&name.as_str()) => {}
                _ => walk.extension(name, value),
            });
        }
    }

    /// Reads the prefixes that a context declares.
    fn context(&mut self, value: &Value) {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        for item in items {
            match item {
                Value::String(text) if epc::is_absolute(text) => {}
                Value::Object(members) => {
                    for (name, target) in members {
                        self.declaration(name, target);
                    }
                }
                _ => self.fault(FaultKind::Type("an address or declarations of prefixes")),
            }
        }
    }

    /// A prefix, a term with a definition of its own, or a keyword (JSON-LD 1.1, sections 4.1 and
    /// 9.15).
    fn declaration(&mut self, name: &str, target: &Value) {
        let id = target.as_str().or_else(|| target.get("@id")?.as_str());
        match (target, id) {
            _ if name.starts_with('@') => {}
            (Value::String(_) | Value::Object(_), Some(id)) if epc::is_absolute(id) => {
                if !name.contains(':') {
                    self.prefixes.insert(name.to_owned());
                }
            }
            // A definition may leave the address to its name's own prefix.
            (Value::Object(_), None) | (Value::Null, _) if name.contains(':') => {}
            _ => self.fault(FaultKind::Format("declaration of a prefix")),
        }
    }

    /// Learns a context's prefixes before anything else is looked at, as JSON has no order.
    pub(super) fn learn(&mut self, value: &Value) {
        if let Some(context) = value.get("@context") {
            let faults = self.faults.len();
            self.context(context);
            self.faults.truncate(faults);
        }
    }
}

/// Whether a context names EPCIS.
pub(super) fn names_epcis(context: &Value) -> bool {
    let is = |value: &Value| {
        value.as_str().is_some_and(|text| {
            // The second is where drafts of the standard had it.
            [
                "https://ref.gs1.org/standards/epcis/",
                "https://gs1.github.io/EPCIS/",
            ]
            .iter()
            .any(|base| text.starts_with(base))
                && text.ends_with("epcis-context.jsonld")
        })
    };
    match context {
        Value::Array(items) => items.iter().any(is),
        other => is(other),
    }
}

/// A word of the list, or a name of somebody's own: any absolute address, which `prefix:name` is
/// too, outside the standard's lists. Measurements grow faster than lists of them, and the
/// standard's own examples use others: there any single word is one.
fn word_fault(list: List, text: &str) -> Option<FaultKind> {
    let of_the_standard = list.standard(text).is_some();
    let own = !of_the_standard && epc::is_absolute(text);
    let is_word = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !text.is_empty();
    if list.word(text).is_some() || own || (list == List::Measurement && is_word) {
        return None;
    }
    Some(FaultKind::Vocabulary(match list {
        List::BizStep => "business steps",
        List::Disposition => "dispositions",
        List::BizTransaction => "kinds of business transactions",
        List::SourceDestination => "kinds of sources and destinations",
        List::ErrorReason => "reasons of errors",
        List::Component => "components",
        List::Measurement => "measurements",
        List::Alert => "alerts",
    }))
}

/// RFC 3339 with an offset; the day must exist.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    let offset = text.ends_with('Z') || {
        let tail = text.len().checked_sub(6).and_then(|at| text.get(at..));
        tail.is_some_and(is_offset)
    };
    let separated = text.as_bytes().get(10) == Some(&b'T');
    (offset && separated && text.len() >= 20).then(|| text.parse().ok())?
}

/// At most 14 hours (7.3.4.1).
fn is_offset(text: &str) -> bool {
    let [sign, h1, h2, b':', m1, m2] = text.as_bytes() else {
        return false;
    };
    let digits = [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit());
    let number = |tens: u8, ones: u8| u32::from(tens & 15) * 10 + u32::from(ones & 15);
    let (hours, minutes) = (number(*h1, *h2), number(*m1, *m2));
    b"+-".contains(sign) && digits && minutes < 60 && (hours < 14 || (hours == 14 && minutes == 0))
}

fn is_date(text: &str) -> bool {
    text.parse::<Date>().is_ok() && text.len() == 10
}
