//! Identifiers of EPCIS as what they name: an EPC URI (Tag Data Standard 1.13, section 6) and a GS1
//! Digital Link of any host are the same when their keys are (EPCIS 2.0, section 6.4; CBV 2.0,
//! section 8).

use crate::gs1::{self, Link, check_digit, is_digits};

/// What an identifier names. Two that name one thing are equal, however they are spelt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epc(Named);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Named {
    /// A key of GS1, and what tells one object or batch of it from another.
    Gs1 {
        is_instance: bool,
        elements: Vec<(&'static str, String)>,
    },
    /// Something under another name, as it is written.
    Other(String),
}

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

impl Epc {
    /// Reads an identifier. `None` when it is none: neither an EPC URI that is right to the last
    /// digit, nor such a link, nor another absolute address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        if let Some(rest) = text.strip_prefix("urn:epc:") {
            return urn(rest).map(Self);
        }
        match Link::parse_instance_or_class(text) {
            Ok(Some(link)) => Some(Self(of_link(&link))),
            Ok(None) => is_absolute(text).then(|| Self(Named::Other(text.to_owned()))),
            Err(_) => None,
        }
    }

    /// Whether it names one object; `None` when its form does not tell.
    #[must_use]
    pub fn is_instance(&self) -> Option<bool> {
        match &self.0 {
            Named::Gs1 { is_instance, .. } => Some(*is_instance),
            Named::Other(_) => None,
        }
    }

    /// Whether an object with this name, of batch `batch`, is one of `class`.
    #[must_use]
    pub fn is_of(&self, class: &Self, batch: Option<&str>) -> bool {
        let (
            Named::Gs1 { elements, .. },
            Named::Gs1 {
                elements: wanted, ..
            },
        ) = (&self.0, &class.0)
        else {
            return false;
        };
        class.is_instance() == Some(false)
            && wanted.iter().all(|(ai, value)| match *ai {
                "10" => batch == Some(value),
                // A variant of the product, which no code of a pack tells.
                "22" => true,
                _ => elements
                    .iter()
                    .any(|(other, found)| other == ai && found == value),
            })
    }
}

/// Whether `text` is an identifier of that kind. Identifiers of GS1's own forms are checked to the
/// last digit; addresses of others only for being absolute, as everybody may make them.
pub(super) fn is_valid(text: &str, names: Names) -> bool {
    let found = Epc::parse(text);
    match names {
        Names::Instance => found.is_some_and(|epc| epc.is_instance() != Some(false)),
        Names::Class => found.is_some_and(|epc| epc.is_instance() != Some(true)),
        // An address may look like a link by chance.
        Names::Any => {
            let is_gs1 = text.starts_with("urn:epc:") || text.contains("//id.gs1.org/");
            found.is_some() || !is_gs1 && is_absolute(text)
        }
    }
}

/// The key and what makes it one object or batch; not what is told besides.
fn of_link(link: &Link) -> Named {
    let kept = link.path().filter(|element| match element.ai {
        // A batch or a variant tells nothing more of one object.
        "10" | "22" => !link.is_instance,
        // Nor do a protocol or a place in a row of services.
        ai => !["7040", "8019"].contains(&ai),
    });
    Named::Gs1 {
        is_instance: link.is_instance,
        elements: kept
            .map(|element| (element.ai, element.value.clone()))
            .collect(),
    }
}

fn urn(rest: &str) -> Option<Named> {
    let (kind, rest) = rest.split_once(':')?;
    let (scheme, value) = rest.split_once(':')?;
    if !value.bytes().all(is_urn_byte) {
        return None;
    }
    match (kind, scheme) {
        ("id", "gid" | "usdod" | "adi" | "bic" | "imovn") if !value.contains('*') => {
            Some(Named::Other(format!("urn:epc:id:{rest}")))
        }
        ("id", _) => gs1_key(scheme, value, true),
        ("class", "lgtin") => {
            let [company, item, lot] = parts(value)?;
            let batch = ("10", gs1::decode(lot).ok()?);
            named(false, [("01", gtin(company, item)?), batch])
        }
        ("idpat", _) => gs1_key(scheme, value.strip_suffix(".*")?, false),
        _ => None,
    }
}

/// A scheme of `urn:epc:id:`, or of a pattern without its serial number, as its application
/// identifiers (Tag Data Standard, section 7).
fn gs1_key(scheme: &str, value: &str, is_instance: bool) -> Option<Named> {
    let serial = |text: &str| gs1::decode(text).ok();
    let mut elements = Vec::new();
    match (scheme, is_instance) {
        ("sgtin" | "upui", _) => {
            let (company, item, rest) = three(value, is_instance)?;
            elements.push(("01", gtin(company, item)?));
            let ai = if scheme == "sgtin" { "21" } else { "235" };
            if let Some(rest) = rest {
                elements.push((ai, serial(rest)?));
            }
        }
        ("itip", _) => {
            let count = if is_instance { 5 } else { 4 };
            let all: Vec<&str> = value.splitn(count, '.').collect();
            let [company, item, piece, total, rest @ ..] = all.as_slice() else {
                return None;
            };
            let gtin = gtin(company, item)?;
            elements.push(("8006", format!("{gtin}{piece}{total}")));
            match rest {
                [text] => elements.push(("21", serial(text)?)),
                _ if is_instance => return None,
                _ => {}
            }
        }
        ("grai" | "gdti" | "sgcn", _) => {
            let (company, kind, rest) = three(value, is_instance)?;
            let (ai, zero) = match scheme {
                "grai" => ("8003", "0"),
                "gdti" => ("253", ""),
                _ => ("255", ""),
            };
            let key = checked(company, kind, 12)?;
            let rest = rest.map_or(Some(String::new()), serial)?;
            elements.push((ai, format!("{zero}{key}{rest}")));
        }
        ("cpi", _) => {
            let (company, part, rest) = three(value, is_instance)?;
            elements.push(("8010", format!("{}{}", prefix(company)?, serial(part)?)));
            elements.extend(rest.map(|rest| ("8011", rest.to_owned())));
        }
        ("sgln", true) => {
            let (company, place, extension) = three(value, true)?;
            elements.push(("414", checked(company, place, 12)?));
            // 0 stands for no extension.
            let extension = extension.filter(|extension| *extension != "0");
            if let Some(extension) = extension {
                elements.push(("254", serial(extension)?));
            }
        }
        ("sscc", true) => {
            let [company, number] = parts(value)?;
            elements.push(("00", leading(company, number, 17)?));
        }
        ("pgln", true) => {
            let [company, party] = parts(value)?;
            elements.push(("417", checked(company, party, 12)?));
        }
        ("gsrn" | "gsrnp" | "gsin", true) => {
            let [company, number] = parts(value)?;
            let (ai, length) = match scheme {
                "gsrn" => ("8018", 17),
                "gsrnp" => ("8017", 17),
                _ => ("402", 16),
            };
            elements.push((ai, checked(company, number, length)?));
        }
        ("giai" | "ginc", true) => {
            let [company, number] = parts(value)?;
            let ai = if scheme == "giai" { "8004" } else { "401" };
            elements.push((ai, format!("{}{}", prefix(company)?, serial(number)?)));
        }
        _ => return None,
    }
    named(is_instance, elements)
}

/// Elements whose values are as the General Specifications have them.
fn named(
    is_instance: bool,
    elements: impl IntoIterator<Item = (&'static str, String)>,
) -> Option<Named> {
    let elements: Vec<(&'static str, String)> = elements.into_iter().collect();
    let right = |(ai, value): &(&str, String)| gs1::check_value(ai, value).is_ok();
    elements.iter().all(right).then_some(Named::Gs1 {
        is_instance,
        elements,
    })
}

/// Exactly `N` parts, the last of which may hold dots.
fn parts<const N: usize>(value: &str) -> Option<[&str; N]> {
    value.splitn(N, '.').collect::<Vec<_>>().try_into().ok()
}

/// Company prefix, reference and, of an instance, what tells it from others.
fn three(value: &str, is_instance: bool) -> Option<(&str, &str, Option<&str>)> {
    if is_instance {
        let [company, reference, rest] = parts(value)?;
        return Some((company, reference, Some(rest)));
    }
    let [company, reference] = parts(value)?;
    Some((company, reference, None))
}

/// A GS1 company prefix: 6 to 12 digits.
fn prefix(company: &str) -> Option<&str> {
    ((6..=12).contains(&company.len()) && is_digits(company)).then_some(company)
}

/// Company prefix and reference, together `length` digits, with their check digit.
fn checked(company: &str, reference: &str, length: usize) -> Option<String> {
    let body = format!("{}{reference}", prefix(company)?);
    let right = body.len() == length && is_digits(&body);
    right.then(|| format!("{body}{}", char::from(check_digit(&body))))
}

/// The same with the reference's first digit in front of the prefix.
fn leading(company: &str, reference: &str, length: usize) -> Option<String> {
    let (first, rest) = reference.split_at_checked(1)?;
    let body = format!("{first}{}{rest}", prefix(company)?);
    let right = body.len() == length && is_digits(&body);
    right.then(|| format!("{body}{}", char::from(check_digit(&body))))
}

fn gtin(company: &str, item: &str) -> Option<String> {
    leading(company, item, 13)
}

/// What may stand in an EPC URI as it is; the rest is escaped with `%` (Tag Data Standard, 6.3).
fn is_urn_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!'()*+,-.:;=_%".contains(&byte)
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
