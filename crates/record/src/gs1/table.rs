//! The table of application identifiers (General Specifications, section 3): `identifiers.tsv`.

use std::{collections::HashMap, sync::LazyLock};

use super::{
    CodeError,
    value::{self, Test},
};

/// An application identifier: what its value is, and with what others it stands.
pub(super) struct Identifier {
    /// What people call the value.
    pub(super) what: &'static str,
    /// The characters of a value whose length is predefined, so that no separator follows.
    pub(super) predefined: Option<usize>,
    /// Whether it may be an attribute in a Digital Link.
    pub(super) is_attribute: bool,
    /// The qualifiers that may follow it in a Digital Link, in this order, in one of these rows.
    /// `None` when it is no key.
    pub(super) qualifiers: Option<Vec<Vec<&'static str>>>,
    parts: Vec<Part>,
    /// Rows of which one must be there, unless there is none.
    required: Vec<Vec<&'static str>>,
    excluded: Vec<&'static str>,
}

/// A part of a value.
struct Part {
    set: Set,
    min: usize,
    max: usize,
    optional: bool,
    tests: Vec<Test>,
}

/// Which characters a part may have.
#[derive(Clone, Copy)]
enum Set {
    Digits,
    Set82,
    Set39,
    Base64Url,
}

static TABLE: LazyLock<HashMap<String, Identifier>> =
    LazyLock::new(|| lines().filter_map(read_line).flatten().collect());

/// The table's lines behind the one that names the columns.
fn lines() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("identifiers.tsv").lines();
    lines.filter(|line| !line.starts_with('#')).skip(1)
}

/// The identifier called `digits`.
pub(super) fn find(digits: &str) -> Option<(&'static str, &'static Identifier)> {
    let (ai, identifier) = TABLE.get_key_value(digits)?;
    Some((ai.as_str(), identifier))
}

/// The identifier with which `text` begins. None is the beginning of another.
pub(super) fn starts(text: &str) -> Option<(&'static str, &'static Identifier)> {
    (2..=4).find_map(|length| find(text.get(..length)?))
}

/// Checks that those stand together which must, and those do not which must not (General
/// Specifications, section 4.13).
pub(super) fn together<'a>(identifiers: &[&'a str]) -> Result<(), CodeError> {
    for ai in identifiers {
        let Some((_, identifier)) = find(ai) else {
            return Err(CodeError::identifier(ai));
        };
        let other = |pattern: &str| {
            let others = identifiers.iter().filter(|other| *other != ai);
            others.copied().find(|other| matches(pattern, other))
        };
        let excluded: Option<&'a str> = identifier.excluded.iter().find_map(|with| other(with));
        if let Some(with) = excluded {
            return Err(CodeError::Excludes {
                ai: (*ai).to_owned(),
                with: with.to_owned(),
            });
        }
        let is_there = |row: &Vec<&str>| row.iter().all(|with| other(with).is_some());
        if !identifier.required.is_empty() && !identifier.required.iter().any(is_there) {
            let rows = identifier.required.iter().map(|row| row.join(" and "));
            return Err(CodeError::Requires {
                ai: (*ai).to_owned(),
                with: rows.collect::<Vec<_>>().join(" or "),
            });
        }
    }
    Ok(())
}

/// Whether an identifier is as a pattern has it, in which `n` stands for any digit.
fn matches(pattern: &str, ai: &str) -> bool {
    let is = |(pattern, digit): (u8, u8)| pattern == b'n' || pattern == digit;
    pattern.len() == ai.len() && pattern.bytes().zip(ai.bytes()).all(is)
}

impl Identifier {
    /// Checks a value: length, characters, check digits, dates and what else the table asks.
    pub(super) fn check(&self, value: &str) -> Result<(), CodeError> {
        let what = self.what;
        let max = self.parts.iter().map(|part| part.max).sum();
        let mut rest = value;
        for part in &self.parts {
            if rest.is_empty() && part.optional {
                break;
            }
            let wrong = || match (part.set, self.parts.len()) {
                (Set::Digits, _) if part.min == part.max => CodeError::Digits {
                    what,
                    digits: part.max,
                },
                _ => CodeError::Characters { what, max },
            };
            // What is not ASCII is in no set, and has no place where it may be cut.
            let length = part.max.min(rest.len());
            let (here, after) = rest.split_at_checked(length).ok_or_else(wrong)?;
            if here.len() < part.min || !here.bytes().all(|byte| part.set.has(byte)) {
                return Err(wrong());
            }
            for test in &part.tests {
                test.run(here, what)?;
            }
            rest = after;
        }
        match (rest.is_empty(), self.predefined) {
            (true, _) => Ok(()),
            (false, Some(digits)) => Err(CodeError::Digits { what, digits }),
            (false, None) => Err(CodeError::Characters { what, max }),
        }
    }
}

impl Set {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Set82 => value::in_set_82(byte),
            Self::Set39 => {
                byte.is_ascii_digit() || byte.is_ascii_uppercase() || b"#-/".contains(&byte)
            }
            Self::Base64Url => byte.is_ascii_alphanumeric() || b"-_=".contains(&byte),
        }
    }
}

/// One line of the table: an identifier, or a range of them that are alike.
fn read_line(line: &'static str) -> Option<Vec<(String, Identifier)>> {
    let columns: Vec<&'static str> = line.split('\t').collect();
    let [range, title, length, parts, required, excluded, link] = columns[..] else {
        return None;
    };
    let (first, last) = range.split_once("..").unwrap_or((range, range));
    let numbers = first.parse::<u16>().ok()?..=last.parse::<u16>().ok()?;
    let identifier = |number: u16| {
        let ai = format!("{number:0width$}", width = first.len());
        let identifier = Identifier {
            what: named(&ai).unwrap_or(title),
            predefined: length.parse().ok(),
            is_attribute: link != "-",
            qualifiers: link.strip_prefix("key").map(rows),
            parts: parts.split(' ').map(read_part).collect::<Option<_>>()?,
            required: rows(required),
            excluded: rows(excluded).concat(),
        };
        Some((ai, identifier))
    };
    numbers.map(identifier).collect()
}

/// Rows such as `22 10 21 | 235` or `01 & 21 | 03`.
fn rows(text: &'static str) -> Vec<Vec<&'static str>> {
    let rows = text.split('|').map(|row| {
        let items = row.split([' ', '&']);
        items
            .filter(|item| !item.is_empty() && *item != "-")
            .collect()
    });
    rows.filter(|row: &Vec<_>| !row.is_empty()).collect()
}

/// A part such as `digits:13..13:check-digit` or `?set82:1..17`.
fn read_part(word: &'static str) -> Option<Part> {
    let (optional, word) = match word.strip_prefix('?') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let mut fields = word.split(':');
    let set = match fields.next()? {
        "digits" => Set::Digits,
        "set82" => Set::Set82,
        "set39" => Set::Set39,
        "base64url" => Set::Base64Url,
        _ => return None,
    };
    let (min, max) = fields.next()?.split_once("..")?;
    let tests = fields.next().into_iter().flat_map(|names| names.split('+'));
    Some(Part {
        set,
        min: min.parse().ok()?,
        max: max.parse().ok()?,
        optional,
        tests: tests.filter_map(Test::named).collect(),
    })
}

/// The names that our messages use, where the table's titles are not for everybody.
fn named(ai: &str) -> Option<&'static str> {
    Some(match ai {
        "01" => "GTIN",
        "02" => "content GTIN",
        "10" => "batch",
        "11" => "production date",
        "17" => "expiry date",
        "20" => "variant",
        "21" => "serial number",
        "37" => "count",
        "99" => "secret",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line is understood to its last word: no form, role or test that nobody reads.
    #[test]
    fn the_whole_table_is_read() {
        let mut identifiers = 0;
        for line in lines() {
            let read = read_line(line).unwrap_or_else(|| panic!("{line}"));
            identifiers += read.len();
            let columns: Vec<&str> = line.split('\t').collect();
            let parts = columns[3].split(' ');
            let tests = parts.filter_map(|part| part.split(':').nth(2));
            for name in tests.flat_map(|names| names.split('+')) {
                let skipped = value::NOT_TESTED.contains(&name);
                assert!(Test::named(name).is_some() || skipped, "{name} in {line}");
            }
            let (_, identifier) = &read[0];
            let max: usize = identifier.parts.iter().map(|part| part.max).sum();
            assert!(
                identifier.predefined.is_none_or(|length| length == max),
                "{line}"
            );
            assert!(
                columns[2] == "-" || identifier.predefined.is_some(),
                "{line}"
            );
            let role = columns[6].split(' ').next().unwrap();
            assert!(["-", "attribute", "key"].contains(&role), "{line}");
            let others = identifier
                .required
                .iter()
                .chain(identifier.qualifiers.iter().flatten());
            for other in others.flatten().chain(&identifier.excluded) {
                let known = TABLE.keys().any(|ai| matches(other, ai));
                assert!(known, "{other} in {line}");
            }
        }
        assert_eq!(TABLE.len(), identifiers);
        assert!(identifiers > 500, "{identifiers}");
    }

    /// A scanned text has no mark behind an identifier, so none may begin another.
    #[test]
    fn no_identifier_begins_another() {
        for ai in TABLE.keys() {
            let others = TABLE.keys().filter(|other| *other != ai);
            assert!(
                others.clone().all(|other| !other.starts_with(ai.as_str())),
                "{ai}"
            );
        }
    }
}
