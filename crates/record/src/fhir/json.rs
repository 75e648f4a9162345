//! A strict JSON reader (RFC 8259) which keeps what serde_json's own reading loses, and tells what
//! is no JSON by its name.
//!
//! `serde_json` keeps the last of two equal members and turns `1.10` into `1.1`. Its feature
//! `arbitrary_precision` would keep numbers, but features are shared by all crates of a build, and
//! that one breaks numbers in tagged enums of others. So the text is read once into [`Json`], from
//! which both the [`Value`] to look at and the canonical bytes to keep are made.

use std::collections::HashSet;

use serde_json::{Map, Number, Value};
use struson::reader::{
    JsonReader, JsonReaderPosition, JsonStreamReader, ReaderError, ReaderSettings, SyntaxErrorKind,
    ValueType, json_path::JsonPathPiece,
};

use super::{DEPTH_MAX, VALUES_MAX};
use crate::error::{Error, Place};
use crate::media::{self, MediaType, Unread, without_mark};

/// A JSON value with numbers as they were written and members as they were ordered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads exactly one value of UTF-8 text, with or without a byte order mark.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = without_mark(bytes);
        // Keeping the path costs time; only a fault needs it.
        Self::read(text, false).or_else(|plain| match media::detect(bytes) {
            Ok(MediaType::FhirJson | MediaType::FhirNdjson | MediaType::DicomJson) => {
                Self::read(text, true).and(Err(plain))
            }
            Ok(found) => Err(Error::OtherMedia { found }),
            Err(found) if found != Unread::Unknown => Err(Error::Unread { found }),
            Err(_) => Self::read(text, true).and(Err(plain)),
        })
    }

    fn read(text: &[u8], track_path: bool) -> Result<Self, Error> {
        let settings = ReaderSettings {
            max_nesting_depth: Some(DEPTH_MAX),
            // R4 gives decimals no largest exponent (section *Data Types*, decimal).
            restrict_number_values: false,
            track_path,
            ..ReaderSettings::default()
        };
        let mut reader = JsonStreamReader::new_custom(text, settings);
        let mut left = VALUES_MAX;
        let value = read(&mut reader, &mut left)?;
        reader.consume_trailing_whitespace().map_err(refusal)?;
        Ok(value)
    }

    /// A copy of `value`; numbers are spelt as serde_json spells them.
    pub(crate) fn from_value(value: &Value) -> Result<Self, Error> {
        Self::copy(value, DEPTH_MAX)
    }

    fn copy(value: &Value, levels: u32) -> Result<Self, Error> {
        let too_deep = Error::TooDeep {
            max: DEPTH_MAX,
            at: Place::default(),
        };
        let inside = || levels.checked_sub(1).ok_or(too_deep);
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(number.to_string()),
            Value::String(text) => Self::String(text.clone()),
            Value::Array(items) => {
                let levels = inside()?;
                let items = items.iter().map(|item| Self::copy(item, levels));
                Self::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let levels = inside()?;
                let copy = |(name, value): (&String, &Value)| {
                    Ok::<_, Error>((name.clone(), Self::copy(value, levels)?))
                };
                Self::Object(members.iter().map(copy).collect::<Result<_, _>>()?)
            }
        })
    }

    /// The value to look at. Decimals become the nearest `f64`; only [`Json::canonical`] is exact.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Number(text) => number(&text),
            Self::String(text) => Value::String(text),
            Self::Array(items) => items.into_iter().map(Self::into_value).collect(),
            Self::Object(members) => {
                let members = members
                    .into_iter()
                    .map(|(name, value)| (name, value.into_value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Appends the canonical form: no white space, members sorted by their names' bytes, strings
    /// with the fewest escapes, numbers as written.
    pub(crate) fn canonical(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(text) => out.push_str(text),
            Self::String(text) => quote(text, out),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.canonical(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_unstable_by(|left, right| left.0.cmp(&right.0));
                out.push('{');
                for (index, (name, value)) in sorted.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    quote(name, out);
                    out.push(':');
                    value.canonical(out);
                }
                out.push('}');
            }
        }
    }

    /// Whether objects and arrays are nested over more than `levels`.
    pub(super) fn is_deeper_than(&self, levels: u32) -> bool {
        let Some(left) = levels.checked_sub(1) else {
            return matches!(self, Self::Array(_) | Self::Object(_));
        };
        match self {
            Self::Array(items) => items.iter().any(|item| item.is_deeper_than(left)),
            Self::Object(members) => members.iter().any(|(_, item)| item.is_deeper_than(left)),
            _ => false,
        }
    }

    /// The member `name` of an object.
    pub(super) fn member_mut(&mut self, name: &str) -> Option<&mut Json> {
        match self {
            Self::Object(members) => members
                .iter_mut()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Removes the member `name` of an object.
    pub(crate) fn take_member(&mut self, name: &str) -> Option<Json> {
        match self {
            Self::Object(members) => {
                let at = members.iter().position(|(found, _)| found == name)?;
                Some(members.remove(at).1)
            }
            _ => None,
        }
    }
}

/// Recursion is bounded by the reader's nesting limit. `left` is how many values may still come.
fn read(reader: &mut JsonStreamReader<&[u8]>, left: &mut usize) -> Result<Json, Error> {
    *left = left
        .checked_sub(1)
        .ok_or(Error::TooManyValues { max: VALUES_MAX })?;
    match reader.peek().map_err(refusal)? {
        ValueType::Null => reader.next_null().map(|()| Json::Null).map_err(refusal),
        ValueType::Boolean => reader.next_bool().map(Json::Bool).map_err(refusal),
        ValueType::Number => reader
            .next_number_as_string()
            .map(Json::Number)
            .map_err(refusal),
        ValueType::String => reader.next_string().map(Json::String).map_err(refusal),
        ValueType::Array => read_array(reader, left),
        ValueType::Object => read_object(reader, left),
    }
}

fn read_array(reader: &mut JsonStreamReader<&[u8]>, left: &mut usize) -> Result<Json, Error> {
    reader.begin_array().map_err(refusal)?;
    let mut items = Vec::new();
    while reader.has_next().map_err(refusal)? {
        items.push(read(reader, left)?);
    }
    reader.end_array().map_err(refusal)?;
    Ok(Json::Array(items))
}

fn read_object(reader: &mut JsonStreamReader<&[u8]>, left: &mut usize) -> Result<Json, Error> {
    reader.begin_object().map_err(refusal)?;
    let mut members = Vec::new();
    let mut names = HashSet::new();
    while reader.has_next().map_err(refusal)? {
        let name = reader.next_name_owned().map_err(refusal)?;
        if !names.insert(name.clone()) {
            let at = place(&reader.current_position(true));
            return Err(Error::DuplicateKey { at });
        }
        members.push((name, read(reader, left)?));
    }
    reader.end_object().map_err(refusal)?;
    Ok(Json::Object(members))
}

fn refusal(error: ReaderError) -> Error {
    let syntax = |location: &JsonReaderPosition, reason: &str| Error::Syntax {
        at: place(location),
        reason: reason.to_owned(),
    };
    match error {
        ReaderError::SyntaxError(fault) => match fault.kind {
            SyntaxErrorKind::IncompleteDocument => Error::Truncated {
                at: place(&fault.location),
            },
            kind => syntax(&fault.location, &kind.to_string()),
        },
        ReaderError::MaxNestingDepthExceeded {
            max_nesting_depth,
            location,
        } => Error::TooDeep {
            max: max_nesting_depth,
            at: place(&location),
        },
        ReaderError::IoError { location, .. } => syntax(&location, "not UTF-8"),
        ReaderError::UnexpectedValueType { location, .. }
        | ReaderError::UnexpectedStructure { location, .. }
        | ReaderError::UnsupportedNumberValue { location, .. } => {
            syntax(&location, "unexpected structure")
        }
        _ => Error::Syntax {
            at: Place::default(),
            reason: "unreadable".to_owned(),
        },
    }
}

/// Line and column as editors count them, from 1, and the path if it was kept.
fn place(location: &JsonReaderPosition) -> Place {
    let (line, column) = location
        .line_pos
        .map_or((0, 0), |at| (at.line + 1, at.column + 1));
    let mut path = String::new();
    for piece in location.path.iter().flatten() {
        match piece {
            JsonPathPiece::ArrayItem(index) => path.push_str(&format!("[{index}]")),
            JsonPathPiece::ObjectMember(name) => {
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(super::issue::cut(name));
            }
        }
    }
    Place { line, column, path }
}

fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return Value::Number(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Value::Number(whole.into());
    }
    // What is beyond all `f64` is the largest of them: it is to look at, not to keep.
    let nearest = text.parse::<f64>().ok();
    let finite = nearest.map(|nearest| nearest.clamp(f64::MIN, f64::MAX));
    finite
        .and_then(Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}
