//! GS1 Digital Link URIs (standard 1.4, section 4): the same identifiers as a web address.
//!
//! A pack's secret stands in the fragment, which a browser does not send: a resolver learns which
//! product was scanned, and nothing that opens its trace.

use std::fmt::Write as _;

use super::{CodeError, Expiry, charset82, checked, element, is_digits};

/// A GS1 Digital Link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whether it names one object (a serial number, an SSCC ...) and not a class of them.
    pub is_instance: bool,
    elements: Vec<(String, String)>,
    fragment: Option<String>,
}

/// Primary keys (section 4.2): identifier, digits with a check digit, and what may follow the
/// digits.
const KEYS: &[(&str, Key)] = &[
    ("00", Key::Number(18)),
    ("01", Key::Number(14)),
    ("253", Key::Numbered(13, 17)),
    ("255", Key::Numbered(13, 12)),
    ("401", Key::Text),
    ("402", Key::Number(17)),
    ("414", Key::Number(13)),
    ("417", Key::Number(13)),
    ("8003", Key::Asset),
    ("8004", Key::Text),
    ("8006", Key::Piece),
    ("8010", Key::Text),
    ("8013", Key::Text),
    ("8017", Key::Number(18)),
    ("8018", Key::Number(18)),
];

#[derive(Clone, Copy)]
enum Key {
    /// Digits, the last a check digit.
    Number(usize),
    /// The same, then a serial number of at most that many characters.
    Numbered(usize, usize),
    /// 14 digits, then a serial number. The digits' own check is not made: examples of GS1's break
    /// it.
    Asset,
    /// A trade item's piece: 14 digits as above, then piece and total.
    Piece,
    /// Up to 30 characters.
    Text,
}

/// Qualifiers behind a key, and attributes in the query, that are read.
const QUALIFIERS: &[&str] = &["22", "10", "21", "235", "254", "7040", "8011", "8019"];

impl Link {
    /// Reads a link. `None` when the address has no primary key in its path, and so is none.
    ///
    /// # Errors
    /// [`CodeError`] when it has one that is not right.
    pub fn parse_instance_or_class(text: &str) -> Result<Option<Self>, CodeError> {
        let Some(rest) = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
        else {
            return Ok(None);
        };
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(decode(fragment)?)),
            None => (rest, None),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let start = segments.iter().enumerate().rev().find(|(index, segment)| {
            let is_key = KEYS.iter().any(|(ai, _)| ai == *segment);
            is_key && (segments.len() - index).is_multiple_of(2)
        });
        let Some((start, _)) = start else {
            return Ok(None);
        };
        let mut elements = Vec::new();
        for pair in segments.get(start..).unwrap_or_default().chunks(2) {
            let [ai, value] = pair else {
                return Err(CodeError::Form);
            };
            let value = decode(value)?;
            let known = elements.is_empty() || QUALIFIERS.contains(ai);
            if !known {
                return Err(CodeError::Identifier {
                    ai: (*ai).to_owned(),
                });
            }
            check(ai, &value)?;
            elements.push(((*ai).to_owned(), value));
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (ai, value) = pair.split_once('=').unwrap_or((pair, ""));
            if is_digits(ai) {
                let value = decode(value)?;
                check(ai, &value)?;
                elements.push((ai.to_owned(), value));
            }
        }
        Ok(Some(Self {
            is_instance: is_instance(&elements),
            elements,
            fragment,
        }))
    }

    /// The value of an application identifier.
    #[must_use]
    pub fn get(&self, ai: &str) -> Option<&str> {
        let found = self.elements.iter().find(|(name, _)| name == ai);
        found.map(|(_, value)| value.as_str())
    }

    /// What stands behind `#`.
    #[must_use]
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// Every element, in order.
    pub(super) fn elements(&self) -> impl Iterator<Item = (&str, &str)> {
        self.elements
            .iter()
            .map(|(ai, value)| (ai.as_str(), value.as_str()))
    }
}

fn is_instance(elements: &[(String, String)]) -> bool {
    let has = |ai: &str| elements.iter().any(|(name, _)| name == ai);
    let serial = |digits: usize| elements.first().is_some_and(|(_, key)| key.len() > digits);
    match elements.first().map(|(ai, _)| ai.as_str()) {
        Some("01" | "8006") => has("21") || has("235"),
        Some("253" | "255") => serial(13),
        Some("8003") => serial(14),
        Some("8010") => has("8011"),
        _ => true,
    }
}

fn check(ai: &str, value: &str) -> Result<(), CodeError> {
    let what = "key of the link";
    let head = |count: usize| value.get(..count).unwrap_or(value);
    let Some((_, key)) = KEYS.iter().find(|(name, _)| *name == ai) else {
        return match ai {
            "17" => Expiry::parse(value).map(drop),
            _ => charset82(value, 90, "value of the link"),
        };
    };
    match *key {
        Key::Number(count) => checked(value, count, what),
        Key::Numbered(count, serial) => {
            checked(head(count), count, what)?;
            match value.get(count..) {
                None | Some("") => Ok(()),
                Some(rest) => charset82(rest, serial, what),
            }
        }
        Key::Asset => {
            if head(14).len() != 14 || !is_digits(head(14)) {
                return Err(CodeError::Digits { what, digits: 14 });
            }
            match value.get(14..) {
                None | Some("") => Ok(()),
                Some(rest) => charset82(rest, 16, what),
            }
        }
        Key::Piece => {
            checked(head(14), 14, what)?;
            let rest = value.get(14..).unwrap_or_default();
            if rest.len() != 4 || !is_digits(rest) {
                return Err(CodeError::Digits { what, digits: 18 });
            }
            Ok(())
        }
        Key::Text => charset82(value, 30, what),
    }
}

/// Writes a link of `id.gs1.org`, GS1's own resolver.
pub(super) fn write(path: &[(&str, &str)], query: &[(&str, &str)], fragment: &str) -> String {
    let mut text = String::from("https://id.gs1.org");
    for (ai, value) in path {
        let _ = write!(text, "/{ai}/{}", encode(value));
    }
    for (index, (ai, value)) in query.iter().enumerate() {
        let mark = if index == 0 { '?' } else { '&' };
        let _ = write!(text, "{mark}{ai}={}", encode(value));
    }
    if !fragment.is_empty() {
        let _ = write!(text, "#{fragment}");
    }
    text
}

/// Percent-encodes what is not unreserved (RFC 3986, section 2.3).
fn encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn decode(text: &str) -> Result<String, CodeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = rest.next().map(char::from).and_then(|c| c.to_digit(16));
            digit.and_then(|digit| u8::try_from(digit).ok())
        };
        let (high, low) = (digit(), digit());
        let (Some(high), Some(low)) = (high, low) else {
            return Err(CodeError::Form);
        };
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| CodeError::Form)
}

/// The elements of a link as an element string would hold them.
pub(super) fn as_elements(link: &Link) -> Result<Vec<element::Element>, CodeError> {
    let mut text = String::new();
    for (ai, value) in link.elements() {
        let _ = write!(text, "({ai}){value}");
    }
    element::elements(&text)
}
