//! The formats of R4's primitive types (section *Data Types*), matched by hand.
//!
//! Each matcher accepts what the standard's regular expression accepts, with these differences, all
//! from the standard's prose: days must exist in the calendar; integers have 32 bits; strings hold
//! at most 2^20 characters; addresses and codes hold no control characters; base64 may be padded
//! only at its end. White space is that of the expressions' own language, XML Schema: blank, tab,
//! line feed and carriage return, so that U+00A0 and U+3000 are text like any other. The tests
//! compare matchers and expressions.

use serde_json::Value;

use super::narrative;

/// A primitive type of R4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Primitive {
    Base64Binary,
    Boolean,
    Canonical,
    Code,
    Date,
    DateTime,
    Decimal,
    Id,
    Instant,
    Integer,
    Markdown,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Url,
    Uuid,
    Xhtml,
}

/// Why a value is not of a primitive type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Another JSON type was expected.
    Type(&'static str),
    Format,
    Empty,
}

impl Primitive {
    /// The type called `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        ALL.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, primitive)| *primitive)
    }

    /// The name in the standard.
    pub(super) fn name(self) -> &'static str {
        ALL.iter()
            .find(|(_, primitive)| *primitive == self)
            .map_or("", |(name, _)| name)
    }

    /// Whether `value` is one.
    pub(super) fn check(self, value: &Value) -> Result<(), Fault> {
        match self {
            Self::Boolean if value.is_boolean() => Ok(()),
            Self::Boolean => Err(Fault::Type("boolean")),
            Self::Decimal if value.is_number() => Ok(()),
            Self::Decimal => Err(Fault::Type("number")),
            Self::Integer => whole(value, i64::from(i32::MIN)),
            Self::UnsignedInt => whole(value, 0),
            Self::PositiveInt => whole(value, 1),
            _ => match value.as_str() {
                None => Err(Fault::Type("string")),
                Some("") => Err(Fault::Empty),
                Some(text) if self.matches(text) => Ok(()),
                Some(_) => Err(Fault::Format),
            },
        }
    }

    /// Whether a text that is not empty has the format. Only for types that JSON spells as strings.
    fn matches(self, text: &str) -> bool {
        match self {
            Self::Base64Binary => is_base64(text),
            Self::Canonical | Self::Uri | Self::Url => {
                is_printable(text) && !text.contains(is_space)
            }
            Self::Code => is_printable(text) && is_code(text),
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Id => text.len() <= 64 && text.bytes().all(is_id_byte),
            Self::Instant => is_instant(text),
            Self::Markdown | Self::String => is_string(text),
            Self::Oid => text.strip_prefix("urn:oid:").is_some_and(is_oid),
            Self::Time => is_time(text),
            Self::Uuid => text.strip_prefix("urn:uuid:").is_some_and(is_uuid),
            Self::Xhtml => narrative::fault(text).is_none(),
            Self::Boolean
            | Self::Decimal
            | Self::Integer
            | Self::PositiveInt
            | Self::UnsignedInt => false,
        }
    }
}

/// Whether `text` is a logical id.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && Primitive::Id.matches(text)
}

fn whole(value: &Value, least: i64) -> Result<(), Fault> {
    let number = value.as_number().ok_or(Fault::Type("number"))?;
    let fits = number
        .as_i64()
        .is_some_and(|whole| (least..=i64::from(i32::MAX)).contains(&whole));
    if fits { Ok(()) } else { Err(Fault::Format) }
}

/// `\s` of XML Schema (part 2, section F.1.1).
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

fn is_printable(text: &str) -> bool {
    (text.len() <= STRING_CHARACTERS_MAX || text.chars().count() <= STRING_CHARACTERS_MAX)
        && !has_control(text)
}

/// `[ \r\n\t\S]+`: any text. Control characters are discouraged only ("SHOULD not contain Unicode
/// character points below 32"), see [`has_control`]. A text of white space alone carries nothing,
/// yet the standard allows it.
fn is_string(text: &str) -> bool {
    text.len() <= STRING_CHARACTERS_MAX || text.chars().count() <= STRING_CHARACTERS_MAX
}

/// Whether a character is below 32 and none of tab, line feed and carriage return.
pub(super) fn has_control(text: &str) -> bool {
    let control = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    text.bytes().any(control)
}

/// `[^\s]+(\s[^\s]+)*`
fn is_code(text: &str) -> bool {
    text.split(is_space).all(|word| !word.is_empty())
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')
}

/// `[0-2](\.(0|[1-9][0-9]*))+`
fn is_oid(text: &str) -> bool {
    let mut arcs = text.split('.');
    let root = arcs
        .next()
        .is_some_and(|first| matches!(first, "0" | "1" | "2"));
    let arc = |arc: &str| is_digits(arc) && (arc == "0" || !arc.starts_with('0'));
    root && text.contains('.') && arcs.all(arc)
}

/// Lower case, as the standard has it.
fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    groups.len() == lengths.len()
        && groups
            .iter()
            .zip(lengths)
            .all(|(group, length)| group.len() == length && group.bytes().all(hex))
}

fn is_base64(text: &str) -> bool {
    let mut length = 0_usize;
    let mut padding = 0_usize;
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let letter = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        match byte {
            b'=' => padding += 1,
            _ if letter && padding == 0 => {}
            _ => return false,
        }
        length += 1;
    }
    length > 0 && length.is_multiple_of(4) && padding <= 2
}

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, of a year above 0 and a day that exists.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let Some(year) = parts
        .next()
        .and_then(|part| digits(part, 4))
        .filter(|year| *year > 0)
    else {
        return false;
    };
    let Some(month) = parts.next() else {
        return true;
    };
    let Some(month) = digits(month, 2).filter(|month| (1..=12).contains(month)) else {
        return false;
    };
    let Some(day) = parts.next() else { return true };
    digits(day, 2).is_some_and(|day| (1..=days(year, month)).contains(&day))
}

fn is_date_time(text: &str) -> bool {
    if text.contains('T') {
        is_instant(text)
    } else {
        is_date(text)
    }
}

fn is_instant(text: &str) -> bool {
    let Some((date, rest)) = text.split_once('T') else {
        return false;
    };
    let Some(at) = rest.find(['Z', '+', '-']) else {
        return false;
    };
    let (time, zone) = rest.split_at(at);
    date.len() == 10 && is_date(date) && is_time(time) && is_zone(zone)
}

/// `hh:mm:ss` with a fraction; second 60 is a leap second.
fn is_time(text: &str) -> bool {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let mut part = |max| {
        parts
            .next()
            .and_then(|part| digits(part, 2))
            .is_some_and(|n| n <= max)
    };
    part(23) && part(59) && part(60) && parts.next().is_none() && fraction.is_none_or(is_digits)
}

fn is_zone(text: &str) -> bool {
    if text == "Z" {
        return true;
    }
    let Some((hours, minutes)) = text
        .strip_prefix(['+', '-'])
        .and_then(|rest| rest.split_once(':'))
    else {
        return false;
    };
    match (digits(hours, 2), digits(minutes, 2)) {
        (Some(14), Some(minutes)) => minutes == 0,
        (Some(hours), Some(minutes)) => hours <= 13 && minutes <= 59,
        _ => false,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits(text: &str, length: usize) -> Option<u32> {
    if text.len() == length && is_digits(text) {
        text.parse().ok()
    } else {
        None
    }
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// *Data Types*: "Note that strings SHALL NOT exceed 1MB (1024*1024 characters) in size".
const STRING_CHARACTERS_MAX: usize = 1 << 20;

const ALL: [(&str, Primitive); 20] = [
    ("base64Binary", Primitive::Base64Binary),
    ("boolean", Primitive::Boolean),
    ("canonical", Primitive::Canonical),
    ("code", Primitive::Code),
    ("date", Primitive::Date),
    ("dateTime", Primitive::DateTime),
    ("decimal", Primitive::Decimal),
    ("id", Primitive::Id),
    ("instant", Primitive::Instant),
    ("integer", Primitive::Integer),
    ("markdown", Primitive::Markdown),
    ("oid", Primitive::Oid),
    ("positiveInt", Primitive::PositiveInt),
    ("string", Primitive::String),
    ("time", Primitive::Time),
    ("unsignedInt", Primitive::UnsignedInt),
    ("uri", Primitive::Uri),
    ("url", Primitive::Url),
    ("uuid", Primitive::Uuid),
    ("xhtml", Primitive::Xhtml),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// The standard's own expressions, from the table.
    fn expressions() -> Vec<(Primitive, Regex)> {
        let table = include_str!("r4.table");
        let rows = table
            .lines()
            .filter_map(|line| line.strip_prefix("P\t")?.split_once('\t'));
        let compiled = rows.map(|(name, expression)| {
            let anchored = format!("^(?:{expression})$");
            // `\s` and `\S` as XML Schema has them, not as Unicode does.
            let anchored = anchored
                .replace(r"[ \r\n\t\S]", "(?s:.)")
                .replace(r"[^\s]", r"[^ \t\n\r]")
                .replace(r"\S", r"[^ \t\n\r]")
                .replace(r"\s", r"[ \t\n\r]");
            (
                Primitive::named(name).unwrap(),
                Regex::new(&anchored).unwrap(),
            )
        });
        compiled.collect()
    }

    fn is_spelt_as_string(primitive: Primitive) -> bool {
        use Primitive::*;
        !matches!(
            primitive,
            Boolean | Decimal | Integer | PositiveInt | UnsignedInt | Xhtml
        )
    }

    /// The differences that the head of this module admits.
    fn is_stricter(primitive: Primitive, text: &str) -> bool {
        use Primitive::*;
        let unprintable = text
            .chars()
            .any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r'));
        match primitive {
            Date | DateTime | Instant => {
                let day = text.get(8..10).and_then(|day| day.parse::<u32>().ok());
                day.is_some_and(|day| day > 28)
            }
            Base64Binary => text.contains('=') || text.split_ascii_whitespace().count() > 1,
            Canonical | Code | Uri | Url => unprintable,
            _ => false,
        }
    }

    fn compare(text: &str) {
        for (primitive, expression) in expressions() {
            if text.is_empty() || !is_spelt_as_string(primitive) {
                continue;
            }
            let ours = primitive.matches(text);
            let theirs = expression.is_match(text);
            let agreed = ours == theirs || !ours && theirs && is_stricter(primitive, text);
            // Base64 groups of four may be broken anywhere by white space: the same bytes.
            let spaced = primitive == Primitive::Base64Binary && text.contains(char::is_whitespace);
            assert!(
                agreed || spaced,
                "{primitive:?} {text:?}: ours {ours}, theirs {theirs}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn agrees_with_the_standard_on_anything(text in any::<String>()) {
            compare(&text);
        }

        #[test]
        fn agrees_with_the_standard_on_times(
            text in "[0-2][0-9]{3}(-[01][0-9](-[0-3][0-9](T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,4})?(Z|[+-][01][0-9]:[0-6][0-9])?)?)?)?",
        ) {
            compare(&text);
            if let Some((_, time)) = text.split_once('T') {
                compare(time);
            }
        }

        #[test]
        fn agrees_with_the_standard_on_names(
            text in "(urn:oid:)?[0-3](\\.[0-9]{1,3}){0,4}|(urn:uuid:)?[0-9a-fA-F]{8}(-[0-9a-f]{4}){2,4}-[0-9a-f]{12}|[A-Za-z0-9.\\-]{1,70}|[a-z ]{1,9}|[a-zA-Z0-9+/]{0,9}={0,3}",
        ) {
            compare(&text);
        }
    }

    #[test]
    fn numbers() {
        let ok = |primitive: Primitive, text: &str| {
            primitive
                .check(&serde_json::from_str(text).unwrap())
                .is_ok()
        };
        for (primitive, good, bad) in [
            (
                Primitive::Integer,
                ["0", "-2147483648", "2147483647"],
                ["2147483648", "1.0", "1e1"],
            ),
            (
                Primitive::UnsignedInt,
                ["0", "1", "2147483647"],
                ["-1", "2147483648", "\"1\""],
            ),
            (
                Primitive::PositiveInt,
                ["1", "2", "2147483647"],
                ["0", "-1", "true"],
            ),
            (
                Primitive::Decimal,
                ["0.10", "-1e3", "7"],
                ["\"7\"", "null", "[7]"],
            ),
        ] {
            for text in good {
                assert!(ok(primitive, text), "{primitive:?} {text}");
            }
            for text in bad {
                assert!(!ok(primitive, text), "{primitive:?} {text}");
            }
        }
    }

    #[test]
    fn days_must_exist() {
        for good in [
            "2024-02-29",
            "2000-02-29",
            "2023-12-31",
            "1900-02-28",
            "2023-11",
            "0001",
        ] {
            assert!(Primitive::Date.matches(good), "{good}");
        }
        for bad in [
            "2023-02-29",
            "1900-02-29",
            "2023-04-31",
            "2023-13",
            "0000",
            "2023-1-1",
            "23",
        ] {
            assert!(!Primitive::Date.matches(bad), "{bad}");
        }
        assert!(Primitive::Instant.matches("2016-12-31T23:59:60Z"));
        assert!(!Primitive::Instant.matches("2016-12-31T23:59Z"));
        assert!(!Primitive::DateTime.matches("2016-12-31T23:59:59"));
        assert!(!Primitive::DateTime.matches("2016-12T23:59:59Z"));
    }
}
