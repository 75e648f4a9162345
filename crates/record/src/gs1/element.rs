//! GS1 element strings: application identifiers and values in a row (General Specifications,
//! section 3 and 7.8).

use super::{CodeError, Expiry, charset82, checked, is_digits};

/// An application identifier and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The identifier's digits.
    pub ai: &'static str,
    /// The value.
    pub value: String,
}

/// What a value is.
#[derive(Clone, Copy)]
enum Value {
    /// That many digits, the last a check digit.
    Checked(usize),
    /// `YYMMDD`.
    Date,
    /// That many digits.
    Digits(usize),
    /// Up to that many characters; a separator follows unless it is the last.
    Text(usize),
    /// Up to that many digits; a separator follows unless it is the last.
    Number(usize),
}

/// The identifiers that packs, cartons and pallets of medicines carry.
const IDENTIFIERS: &[(&str, &str, Value)] = &[
    ("00", "SSCC", Value::Checked(18)),
    ("01", "GTIN", Value::Checked(14)),
    ("02", "content GTIN", Value::Checked(14)),
    ("10", "batch", Value::Text(20)),
    ("11", "production date", Value::Date),
    ("13", "packaging date", Value::Date),
    ("15", "best-before date", Value::Date),
    ("17", "expiry date", Value::Date),
    ("20", "variant", Value::Digits(2)),
    ("21", "serial number", Value::Text(20)),
    ("37", "count", Value::Number(8)),
    ("99", "secret", Value::Text(90)),
];

/// The separator that ends a value of variable length: FNC1, which scanners send as GS.
const SEPARATOR: char = '\u{1d}';

/// Reads an element string as a scanner sends it (`]d2` in front or not, GS as separator), or as
/// people write it, with identifiers in parentheses.
///
/// # Errors
/// [`CodeError`] at the first element that is not right.
pub fn elements(text: &str) -> Result<Vec<Element>, CodeError> {
    let text = ["]d2", "]C1", "]Q3", "]e0"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    let found = if text.starts_with('(') {
        bracketed(text)?
    } else {
        scanned(text.trim_start_matches(SEPARATOR))?
    };
    for (index, element) in found.iter().enumerate() {
        if found.iter().take(index).any(|other| other.ai == element.ai) {
            return Err(unknown(element.ai));
        }
    }
    Ok(found)
}

fn scanned(mut rest: &str) -> Result<Vec<Element>, CodeError> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (ai, what, kind) = identify(rest)?;
        rest = rest.get(ai.len()..).unwrap_or_default();
        let length = match kind {
            Value::Checked(count) | Value::Digits(count) => count,
            Value::Date => 6,
            Value::Text(_) | Value::Number(_) => rest.find(SEPARATOR).unwrap_or(rest.len()),
        };
        let value = rest.get(..length).unwrap_or(rest);
        rest = rest.get(value.len()..).unwrap_or_default();
        rest = rest.strip_prefix(SEPARATOR).unwrap_or(rest);
        found.push(element(ai, what, kind, value)?);
    }
    Ok(found)
}

fn bracketed(text: &str) -> Result<Vec<Element>, CodeError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('(') {
        let (digits, after) = after.split_once(')').ok_or(CodeError::Form)?;
        let (ai, what, kind) = identify(digits)?;
        if ai.len() != digits.len() {
            return Err(unknown(digits));
        }
        // A value may hold parentheses; only one that encloses a known identifier ends it.
        let end = after
            .match_indices('(')
            .map(|(at, _)| at)
            .find(|&at| {
                let inner = after.get(at + 1..).and_then(|text| text.split_once(')'));
                inner.is_some_and(|(digits, _)| IDENTIFIERS.iter().any(|(ai, ..)| *ai == digits))
            })
            .unwrap_or(after.len());
        let (value, next) = after.split_at(end);
        found.push(element(ai, what, kind, value)?);
        rest = next;
    }
    Ok(found)
}

fn identify(text: &str) -> Result<(&'static str, &'static str, Value), CodeError> {
    let found = IDENTIFIERS.iter().find(|(ai, ..)| text.starts_with(ai));
    found
        .copied()
        .ok_or_else(|| unknown(&text.chars().take(2).collect::<String>()))
}

fn unknown(ai: &str) -> CodeError {
    let ai = if is_digits(ai) { ai } else { "?" };
    CodeError::Identifier { ai: ai.to_owned() }
}

fn element(
    ai: &'static str,
    what: &'static str,
    kind: Value,
    value: &str,
) -> Result<Element, CodeError> {
    let digits = |count: usize| CodeError::Digits {
        what,
        digits: count,
    };
    match kind {
        Value::Checked(count) => checked(value, count, what)?,
        Value::Date => drop(Expiry::parse(value).map_err(|_| CodeError::Date { what })?),
        Value::Digits(count) if value.len() != count || !is_digits(value) => {
            return Err(digits(count));
        }
        Value::Number(max) if value.len() > max || !is_digits(value) => return Err(digits(max)),
        Value::Text(max) => charset82(value, max, what)?,
        Value::Digits(_) | Value::Number(_) => {}
    }
    Ok(Element {
        ai,
        value: value.to_owned(),
    })
}

/// Writes elements in a row, a separator after each of variable length but the last.
pub(super) fn write(elements: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (index, (ai, value)) in elements.iter().enumerate() {
        text.push_str(ai);
        text.push_str(value);
        let variable = IDENTIFIERS.iter().any(|(known, _, kind)| {
            known == ai && matches!(kind, Value::Text(_) | Value::Number(_))
        });
        if variable && index + 1 < elements.len() {
            text.push(SEPARATOR);
        }
    }
    text
}
