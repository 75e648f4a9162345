//! Identifiers of EPCIS: EPC URIs (Tag Data Standard 1.13, section 6), GS1 Digital Links, and other
//! absolute addresses.

use crate::gs1::{self, Link};

/// What an identifier may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// One object.
    Instance,
    /// A class or batch of objects.
    Class,
    /// Anything.
    Any,
}

/// Schemes of `urn:epc:id:` and how many parts follow them.
const SCHEMES: &[(&str, usize)] = &[
    ("sgtin", 3),
    ("sscc", 2),
    ("sgln", 3),
    ("grai", 3),
    ("giai", 2),
    ("gsrn", 2),
    ("gsrnp", 2),
    ("gdti", 3),
    ("cpi", 3),
    ("sgcn", 3),
    ("ginc", 2),
    ("gsin", 2),
    ("itip", 5),
    ("upui", 3),
    ("pgln", 2),
    ("gid", 3),
];

/// Whether `text` is an identifier of that kind. Identifiers of GS1's own forms are checked to the
/// last digit; addresses of others only for being absolute, as the standard lets everybody make
/// them.
pub(super) fn is_valid(text: &str, names: Names) -> bool {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return false;
    }
    if let Some(rest) = text.strip_prefix("urn:epc:") {
        return epc(rest, names);
    }
    match Link::parse_instance_or_class(text) {
        Ok(Some(link)) => match names {
            Names::Instance => link.is_instance,
            Names::Class => !link.is_instance,
            Names::Any => true,
        },
        Ok(None) => is_absolute(text),
        Err(_) => false,
    }
}

fn epc(rest: &str, names: Names) -> bool {
    let Some((kind, rest)) = rest.split_once(':') else {
        return false;
    };
    let Some((scheme, value)) = rest.split_once(':') else {
        return false;
    };
    let parts: Vec<&str> = value.split('.').collect();
    let company = parts.first().copied().unwrap_or_default();
    let known = |scheme: &str, count: usize| {
        SCHEMES.iter().any(|(name, parts)| {
            *name == scheme && (*parts == count || (scheme == "gid" || *parts < count))
        })
    };
    let company_ok =
        scheme == "gid" || ((6..=12).contains(&company.len()) && gs1::is_digits(company));
    let filled = value
        .split('.')
        .enumerate()
        .all(|(index, part)| (index > 0 || !part.is_empty()) && part.bytes().all(is_urn_byte));
    if !company_ok || !filled {
        return false;
    }
    match kind {
        "id" => names != Names::Class && known(scheme, parts.len()) && !value.contains('*'),
        "class" => names != Names::Instance && scheme == "lgtin" && parts.len() == 3,
        "idpat" => names != Names::Instance && known(scheme, parts.len()) && value.ends_with('*'),
        _ => false,
    }
}

/// RFC 8141 and the characters that EPC URIs escape with `%`.
fn is_urn_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!'()*+,-.:;=_%&".contains(&byte)
}

/// A scheme and something behind it (RFC 3986, section 4.3).
pub(super) fn is_absolute(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let first = scheme
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic());
    let others = scheme
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let filled = !rest.trim_start_matches('/').is_empty();
    first && others && filled && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}
