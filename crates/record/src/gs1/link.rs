//! GS1 Digital Link URIs (standard 1.4, section 4): the same identifiers as a web address.
//!
//! A pack's secret stands in the fragment, which a browser does not send: a resolver learns which
//! product was scanned, and nothing that opens its trace.

use std::fmt::Write as _;

use super::{
    CodeError, Gtin,
    element::{self, Element},
    table,
};

/// A GS1 Digital Link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whether it names one object (a serial number, an SSCC ...) and not a class of them.
    pub is_instance: bool,
    elements: Vec<Element>,
    /// How many of them stand in the path.
    in_path: usize,
    fragment: Option<String>,
}

/// The resolver of GS1 itself, under which every address is a link.
const GS1: &str = "id.gs1.org";

impl Link {
    /// Reads a link of any host. `None` when the address has no primary key in its path, and so is
    /// none; a compressed link is such an address.
    ///
    /// Attributes that are no application identifiers are left out, such as `linkType`. A GTIN of
    /// 8, 12 or 13 digits counts as one of 14.
    ///
    /// # Errors
    /// [`CodeError`] when it has a key and is not right.
    pub fn parse_instance_or_class(text: &str) -> Result<Option<Self>, CodeError> {
        let schemes = ["https://", "http://", "HTTPS://", "HTTP://"];
        let Some(rest) = schemes.iter().find_map(|scheme| text.strip_prefix(scheme)) else {
            let scheme = text
                .split_once("://")
                .map(|(scheme, _)| scheme.to_ascii_lowercase());
            return match scheme.as_deref() {
                Some("http" | "https") => Err(CodeError::Link("mixes cases in its scheme")),
                _ => Ok(None),
            };
        };
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment.to_owned())),
            None => (rest, None),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = path.split_once('/').unwrap_or((path, ""));
        let segments: Vec<&str> = path.split('/').collect();
        let Some(start) = key_place(&segments) else {
            let is_gs1 = host.eq_ignore_ascii_case(GS1) && !path.is_empty();
            return if is_gs1 {
                Err(CodeError::NoKey)
            } else {
                Ok(None)
            };
        };
        if !is_host(host) {
            return Err(CodeError::Link("names no host"));
        }
        let mut elements = path_elements(segments.get(start..).unwrap_or_default())?;
        let in_path = elements.len();
        elements.extend(query_elements(query)?);
        let elements = element::collect(elements)?;
        Ok(Some(Self {
            is_instance: is_instance(&elements),
            elements,
            in_path,
            fragment,
        }))
    }

    /// The value of an application identifier.
    #[must_use]
    pub fn get(&self, ai: &str) -> Option<&str> {
        let found = self.elements.iter().find(|element| element.ai == ai);
        found.map(|element| element.value.as_str())
    }

    /// A value of the fragment, which stands there as in a query: `#99=...`.
    pub(super) fn in_fragment(&self, name: &str) -> Result<Option<String>, CodeError> {
        let pairs = self.fragment.iter().flat_map(|text| text.split('&'));
        let mut values = pairs.filter_map(|pair| {
            let (found, value) = pair.split_once('=')?;
            (found == name).then_some(value)
        });
        let value = values.next().map(decode).transpose()?;
        match values.next() {
            None => Ok(value),
            Some(_) => Err(CodeError::Link("names one thing twice")),
        }
    }

    /// The key and its qualifiers.
    pub(crate) fn path(&self) -> impl Iterator<Item = &Element> {
        self.elements.iter().take(self.in_path)
    }

    /// Every element: the key first, then qualifiers, then attributes.
    #[must_use]
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }
}

/// Where the primary key stands: the last that has a value for itself and for each behind it.
fn key_place(segments: &[&str]) -> Option<usize> {
    let is_key =
        |segment: &str| table::find(segment).is_some_and(|(_, ai)| ai.qualifiers.is_some());
    (0..segments.len())
        .rev()
        .filter(|at| (segments.len() - at).is_multiple_of(2))
        .find(|at| segments.get(*at).is_some_and(|segment| is_key(segment)))
}

/// A name or an address of a host, with a port or not (RFC 3986, section 3.2).
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
        Some(_) => return false,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let port_ok = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.is_empty() || digits.parse::<u16>().is_ok());
    !host.is_empty() && host.bytes().all(named) && port_ok
}

/// Key and qualifiers, which stand in the order of the table.
fn path_elements(segments: &[&str]) -> Result<Vec<Element>, CodeError> {
    let mut elements: Vec<Element> = Vec::new();
    for pair in segments.chunks(2) {
        let [ai, value] = pair else {
            return Err(CodeError::NoKey);
        };
        let (ai, identifier) = table::find(ai).ok_or_else(|| CodeError::identifier(ai))?;
        let value = padded(ai, decode(value)?);
        elements.push(match Element::new(ai, identifier, &value) {
            // GS1's own examples of returnable assets have wrong check digits and leading digits.
            Err(CodeError::CheckDigit { .. } | CodeError::Value { .. }) if ai == "8003" => {
                Element { ai, value }
            }
            found => found?,
        });
    }
    let mut names = elements.iter().map(|element| element.ai);
    let key = names.next().and_then(table::find);
    let rows = key.and_then(|(_, key)| key.qualifiers.as_deref());
    let qualifiers: Vec<&str> = names.collect();
    let in_order = |row: &Vec<&str>| {
        let mut row = row.iter();
        qualifiers.iter().all(|ai| row.any(|other| other == ai))
    };
    if qualifiers.is_empty() || rows.unwrap_or_default().iter().any(in_order) {
        return Ok(elements);
    }
    Err(CodeError::Link(
        "has qualifiers that its key has not, or in another order",
    ))
}

fn query_elements(query: &str) -> Result<Vec<Element>, CodeError> {
    let mut elements = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (ai, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !super::is_digits(ai) {
            continue;
        }
        let (ai, identifier) = table::find(ai).ok_or_else(|| CodeError::identifier(ai))?;
        if ai == "99" {
            return Err(CodeError::Link(
                "shows its secret to the resolver; it belongs behind #",
            ));
        }
        if !identifier.is_attribute {
            return Err(CodeError::Link(
                "has an attribute that belongs into its path",
            ));
        }
        // In a query `+` is a blank, which no value has.
        let value = padded(ai, decode(&value.replace('+', " "))?);
        elements.push(Element::new(ai, identifier, &value)?);
    }
    Ok(elements)
}

/// A GTIN with all of its 14 digits.
fn padded(ai: &str, value: String) -> String {
    let is_short = ai == "01" && [8, 12, 13].contains(&value.len());
    let gtin = is_short.then(|| Gtin::parse_any(&value).ok()).flatten();
    gtin.map_or(value, |gtin| gtin.as_str().to_owned())
}

fn is_instance(elements: &[Element]) -> bool {
    let has = |ai: &str| elements.iter().any(|element| element.ai == ai);
    let Some(key) = elements.first() else {
        return false;
    };
    match key.ai {
        "01" => has("21") || has("235"),
        "8006" => has("21"),
        "253" | "255" => key.value.len() > 13,
        "8003" => key.value.len() > 14,
        "8010" => has("8011"),
        _ => true,
    }
}

/// Writes a link of `id.gs1.org`, GS1's own resolver.
pub(super) fn write(path: &[(&str, &str)], query: &[(&str, &str)], fragment: &str) -> String {
    let mut text = format!("https://{GS1}");
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

/// Undoes percent-encoding; a `%` without two hex digits behind it is a fault.
pub(crate) fn decode(text: &str) -> Result<String, CodeError> {
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
            return Err(CodeError::Link("has a % without two hex digits"));
        };
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| CodeError::Link("is no UTF-8"))
}
