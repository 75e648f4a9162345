//! GS1 element strings: application identifiers and values in a row (General Specifications,
//! sections 3 and 7.8).

use super::{
    CodeError, Gtin,
    table::{self, Identifier},
};

/// An application identifier and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The identifier's digits.
    pub ai: &'static str,
    /// The value.
    pub value: String,
}

impl Element {
    /// An element whose value is as the table has it.
    pub(super) fn new(
        ai: &'static str,
        identifier: &Identifier,
        value: &str,
    ) -> Result<Self, CodeError> {
        identifier.check(value)?;
        Ok(Self {
            ai,
            value: value.to_owned(),
        })
    }
}

/// The separator that ends a value of variable length: FNC1, which scanners send as GS.
const SEPARATOR: char = '\u{1d}';

/// Symbology identifiers (ISO/IEC 15424) of symbols that hold element strings: GS1-128, `DataBar`
/// and its composites, Data Matrix, QR and `DotCode` with FNC1 first.
const OF_ELEMENTS: &[&str] = &["]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1"];

/// The same of symbols that hold a GTIN and nothing else: EAN-13 and UPC, EAN-8, ITF-14.
const OF_GTIN: &[&str] = &["]E0", "]E4", "]I1"];

/// Reads an element string as a scanner sends it, with a symbology identifier in front or not and
/// GS as the separator, or as people write it, with identifiers in parentheses. There `\(` and
/// `\)` are parentheses of a value.
///
/// Where two elements have the same identifier their values must be the same, and one is kept.
///
/// # Errors
/// [`CodeError`] at the first element that is not right, or that may not stand with the others.
pub fn elements(text: &str) -> Result<Vec<Element>, CodeError> {
    if let Some(gtin) = OF_GTIN.iter().find_map(|mark| text.strip_prefix(mark)) {
        let gtin = Gtin::parse_any(gtin)?;
        return collect(vec![Element {
            ai: "01",
            value: gtin.as_str().to_owned(),
        }]);
    }
    let plain = OF_ELEMENTS.iter().find_map(|mark| text.strip_prefix(mark));
    let text = plain.unwrap_or(text);
    if text.starts_with(']') {
        return Err(CodeError::Symbology);
    }
    collect(if text.starts_with('(') {
        bracketed(text)?
    } else {
        scanned(text.trim_start_matches(SEPARATOR))?
    })
}

/// Keeps one of those that say the same, and checks that all may stand together.
pub(super) fn collect(found: Vec<Element>) -> Result<Vec<Element>, CodeError> {
    let mut elements: Vec<Element> = Vec::with_capacity(found.len());
    for element in found {
        match elements.iter().find(|other| other.ai == element.ai) {
            None => elements.push(element),
            Some(other) if other.value == element.value => {}
            Some(_) => {
                return Err(CodeError::Twice {
                    ai: element.ai.to_owned(),
                });
            }
        }
    }
    let identifiers: Vec<&str> = elements.iter().map(|element| element.ai).collect();
    table::together(&identifiers)?;
    Ok(elements)
}

fn scanned(mut rest: &str) -> Result<Vec<Element>, CodeError> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (ai, identifier) = table::starts(rest).ok_or_else(|| CodeError::beginning(rest))?;
        rest = rest.get(ai.len()..).unwrap_or_default();
        let end = rest.find(SEPARATOR).unwrap_or(rest.len());
        let length = identifier.predefined.map_or(end, |length| length.min(end));
        let (value, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        found.push(Element::new(ai, identifier, value)?);
        rest = after.trim_start_matches(SEPARATOR);
    }
    Ok(found)
}

/// A parenthesis with digits in it begins an element; another is of the value.
fn bracketed(text: &str) -> Result<Vec<Element>, CodeError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((digits, after)) = opening(rest) {
        let (ai, identifier) = table::find(digits).ok_or_else(|| CodeError::identifier(digits))?;
        let mut value = String::new();
        rest = after;
        while let Some(c) = rest.chars().next().filter(|_| opening(rest).is_none()) {
            let escaped = rest.strip_prefix('\\').and_then(|rest| rest.chars().next());
            let c = escaped.filter(|c| "()".contains(*c)).map_or(c, |escaped| {
                rest = rest.get(1..).unwrap_or_default();
                escaped
            });
            value.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        found.push(Element::new(ai, identifier, &value)?);
    }
    if rest.is_empty() {
        Ok(found)
    } else {
        Err(CodeError::Form)
    }
}

/// The digits in the parentheses with which `text` begins, and what follows.
fn opening(text: &str) -> Option<(&str, &str)> {
    let (digits, after) = text.strip_prefix('(')?.split_once(')')?;
    let is_one = (2..=4).contains(&digits.len()) && super::is_digits(digits);
    is_one.then_some((digits, after))
}

/// Writes elements in a row, a separator after each of variable length but the last.
pub(super) fn write(elements: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (index, (ai, value)) in elements.iter().enumerate() {
        text.push_str(ai);
        text.push_str(value);
        let is_open = table::find(ai).is_some_and(|(_, known)| known.predefined.is_none());
        if is_open && index + 1 < elements.len() {
            text.push(SEPARATOR);
        }
    }
    text
}
