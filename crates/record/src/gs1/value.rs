//! Tests of values, as the table of application identifiers names them.

use super::{CodeError, check_digit, is_digits};

/// A test that a part of a value must pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    /// The last digit is the check digit of the others.
    CheckDigit,
    /// The last two characters are the check characters of the others.
    CheckPair,
    /// A GS1 company prefix, of at least four digits, begins so many characters in.
    Prefix(usize),
    /// `YYMMDD`.
    Day,
    /// `YYMMDD`, with day 00 for the last of the month.
    DayOrMonth,
    /// `YYYYMMDD`.
    LongDay,
    /// At most this number, in two digits.
    AtMost(u32),
    /// `HHMM`.
    Clock,
    NonZero,
    Zero,
    NoZeroInFront,
    YesNo,
    Hyphens,
    /// 0, 1 or 9.
    Winding,
    /// `ISO/IEC 5218`: 0, 1, 2 or 9.
    Sex,
    /// A piece and how many there are.
    PieceOfTotal,
    /// `1/3`.
    PlaceOfTotal,
    /// Ten-millionths of a degree, at most that many.
    Degrees(u64),
    Percent,
    ImporterIndex,
    Iban,
    MediaType,
    HasNonDigit,
}

/// Tests whose lists of codes this crate does not hold: countries, currencies, kinds of packages,
/// and the inside of North American coupons. There the form alone is checked.
#[cfg(test)]
pub(super) const NOT_TESTED: &[&str] = &[
    "country",
    "country-or-999",
    "country-letters",
    "currency",
    "package-type",
    "coupon",
    "coupon-offer",
];

impl Test {
    /// The test that the table calls `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "check-digit" => Self::CheckDigit,
            "check-pair" => Self::CheckPair,
            "prefix-first" => Self::Prefix(0),
            "prefix-second" => Self::Prefix(1),
            "day" => Self::Day,
            "day-or-month" => Self::DayOrMonth,
            "long-day" => Self::LongDay,
            "hour" => Self::AtMost(23),
            "minute" | "second" => Self::AtMost(59),
            "clock" => Self::Clock,
            "not-zero" => Self::NonZero,
            "zero" => Self::Zero,
            "no-zero-in-front" => Self::NoZeroInFront,
            "yes-no" => Self::YesNo,
            "hyphen" => Self::Hyphens,
            "winding" => Self::Winding,
            "sex" => Self::Sex,
            "piece-of-total" => Self::PieceOfTotal,
            "place-of-total" => Self::PlaceOfTotal,
            "latitude" => Self::Degrees(1_800_000_000),
            "longitude" => Self::Degrees(3_600_000_000),
            "percent" => Self::Percent,
            "importer-index" => Self::ImporterIndex,
            "iban" => Self::Iban,
            "media-type" => Self::MediaType,
            "has-non-digit" => Self::HasNonDigit,
            _ => return None,
        })
    }

    /// Runs it; `what` names the value in the error.
    pub(super) fn run(self, text: &str, what: &'static str) -> Result<(), CodeError> {
        let rule = |rule: &'static str| CodeError::Value { what, rule };
        let (ok, error) = match self {
            Self::CheckDigit => {
                let (body, last) = text.split_at(text.len().saturating_sub(1));
                let fits = last.as_bytes() == [check_digit(body)];
                (fits, CodeError::CheckDigit { what })
            }
            Self::CheckPair => (has_check_pair(text), CodeError::CheckDigit { what }),
            Self::Prefix(at) => {
                let prefix = text.get(at..at + 4).is_some_and(is_digits);
                (prefix, rule("has no GS1 company prefix"))
            }
            Self::Day => (is_day(text, 2, 1), CodeError::Date { what }),
            Self::DayOrMonth => (is_day(text, 2, 0), CodeError::Date { what }),
            Self::LongDay => (is_day(text, 4, 1), CodeError::Date { what }),
            Self::AtMost(most) => (number(text) <= most, rule("is no time of day")),
            Self::Clock => {
                let fits = text.get(..2).is_some_and(|hours| number(hours) < 24)
                    && text.get(2..).is_some_and(|minutes| number(minutes) < 60);
                (fits, rule("is no time of day"))
            }
            Self::NonZero => (text.bytes().any(|b| b != b'0'), rule("must not be zero")),
            Self::Zero => (text.bytes().all(|b| b == b'0'), rule("must be zero")),
            Self::NoZeroInFront => {
                let fits = text == "0" || !text.starts_with('0');
                (fits, rule("must not begin with 0"))
            }
            Self::YesNo => (["0", "1"].contains(&text), rule("must be 0 or 1")),
            Self::Hyphens => (
                text.bytes().all(|b| b == b'-'),
                rule("may end with a hyphen only"),
            ),
            Self::Winding => (["0", "1", "9"].contains(&text), rule("must be 0, 1 or 9")),
            Self::Sex => (
                ["0", "1", "2", "9"].contains(&text),
                rule("must be 0, 1, 2 or 9"),
            ),
            Self::PieceOfTotal => {
                let (piece, total) = text.split_at_checked(text.len() / 2).unwrap_or_default();
                (is_place(piece, total), rule("has no such piece"))
            }
            Self::PlaceOfTotal => {
                let (place, total) = text.split_once('/').unwrap_or_default();
                (is_place(place, total), rule("is no place such as 1/3"))
            }
            Self::Degrees(most) => {
                let fits = text.parse::<u64>().is_ok_and(|degrees| degrees <= most);
                (fits, rule("is no place on earth"))
            }
            Self::Percent => (
                is_percent_encoded(text),
                rule("has a % without two hex digits"),
            ),
            Self::ImporterIndex => {
                let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
                (text.bytes().all(fits), rule("has no importer index"))
            }
            Self::Iban => (is_iban(text), CodeError::CheckDigit { what }),
            Self::MediaType => {
                let fits = matches!(number(text), 1..=10 | 80..=99);
                (fits, rule("is no media type"))
            }
            Self::HasNonDigit => (!is_digits(text), rule("must not be digits only")),
        };
        if ok { Ok(()) } else { Err(error) }
    }
}

/// Set 82 (General Specifications, figure 7.11-1).
pub(super) fn in_set_82(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!\"%&'()*+,-./:;<=>?_".contains(&byte)
}

fn number(digits: &str) -> u32 {
    digits.parse().unwrap_or(u32::MAX)
}

/// Whether the month is one and the day is in it. Of two digits of a year, 00 is a leap year, as
/// 2000 was.
fn is_day(text: &str, year: usize, first: i8) -> bool {
    let part = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse().ok());
    let parts = || {
        let years: i16 = text.get(..year)?.parse().ok()?;
        Some((years, part(year, year + 2)?, part(year + 2, year + 4)?))
    };
    parts().is_some_and(|(years, month, day): (i16, i8, i8)| {
        let years = if year == 2 { 2000 + years } else { years };
        day >= first && jiff::civil::Date::new(years, month, day.max(1)).is_ok()
    })
}

fn is_place(place: &str, total: &str) -> bool {
    let (place, total) = (place.parse::<u32>(), total.parse::<u32>());
    matches!((place, total), (Ok(place), Ok(total)) if place > 0 && place <= total)
}

fn is_percent_encoded(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.all(|part| part.len() >= 2 && part.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
}

/// ISO 13616-1: country, check digits, account; modulo 97 of all, the first four behind, is 1.
fn is_iban(text: &str) -> bool {
    let Some((head, account)) = text.split_at_checked(4) else {
        return false;
    };
    let country = head.bytes().take(2).all(|b| b.is_ascii_uppercase());
    let digits = head.bytes().skip(2).all(|b| b.is_ascii_digit());
    let remainder = account
        .chars()
        .chain(head.chars())
        .try_fold(0, |rest: u32, c| {
            let value = c.to_digit(36).filter(|_| !c.is_ascii_lowercase())?;
            let shift = if value < 10 { 10 } else { 100 };
            Some((rest * shift + value) % 97)
        });
    country && digits && !account.is_empty() && remainder == Some(1)
}

/// The check characters of a model number (General Specifications, section 7.9.5): each character's
/// place in set 82 times a prime, the last one's is 2; the sum modulo 1021 in two characters.
fn has_check_pair(text: &str) -> bool {
    const SET_82: &[u8] =
        b"!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    const SET_32: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    const PRIMES: &[usize] = &[
        2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
    ];
    let Some((body, pair)) = text
        .len()
        .checked_sub(2)
        .and_then(|at| text.split_at_checked(at))
    else {
        return false;
    };
    let places = body.bytes().rev().zip(PRIMES).map(|(byte, prime)| {
        let place = SET_82.iter().position(|other| *other == byte)?;
        Some(place * prime)
    });
    let Some(sum) = places.sum::<Option<usize>>() else {
        return false;
    };
    let check = [sum % 1021 / 32, sum % 1021 % 32].map(|place| SET_32.get(place).copied());
    let pair: Vec<Option<u8>> = pair.bytes().map(Some).collect();
    body.len() <= PRIMES.len() && pair == check
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(test: &str, text: &str) -> bool {
        Test::named(test).unwrap().run(text, "value").is_ok()
    }

    /// What each test accepts, and the nearest that it does not.
    #[test]
    fn tests_accept_and_refuse_at_their_edges() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "check-digit",
                &["09521141012345", "24"],
                &["09521141012346", "1"],
            ),
            // The General Specifications' own example of a model number.
            (
                "check-pair",
                &["1987654Ad4X4bL5ttr2310c2K"],
                &["1987654Ad4X4bL5ttr2310c2L", "2"],
            ),
            ("prefix-first", &["9521X"], &["952X", "952"]),
            ("prefix-second", &["X9521"], &["9521"]),
            (
                "day",
                &["280229", "000229"],
                &["280200", "270229", "281301", "280001"],
            ),
            ("day-or-month", &["280200"], &["280230", "280000"]),
            ("long-day", &["20280229"], &["20270229", "20280200"]),
            ("hour", &["23"], &["24"]),
            ("minute", &["59"], &["60"]),
            ("clock", &["2359", "0000"], &["2400", "2360"]),
            ("not-zero", &["0001"], &["0000"]),
            ("zero", &["0"], &["1"]),
            ("no-zero-in-front", &["0", "10"], &["01"]),
            ("yes-no", &["0", "1"], &["2"]),
            ("hyphen", &["-"], &["+"]),
            ("winding", &["9"], &["2"]),
            ("sex", &["9"], &["3"]),
            ("piece-of-total", &["0102", "0202"], &["0302", "0002"]),
            ("place-of-total", &["1/3"], &["4/3", "0/3", "13"]),
            ("latitude", &["1800000000"], &["1800000001"]),
            ("longitude", &["3600000000"], &["3600000001"]),
            ("percent", &["A%2fB", "AB"], &["A%2", "%", "%GG"]),
            ("importer-index", &["_"], &["%"]),
            (
                "iban",
                &["GB82WEST12345698765432"],
                &["GB82WEST12345698765433", "GB", "GB82"],
            ),
            ("media-type", &["01", "10", "80"], &["00", "11", "79"]),
            ("has-non-digit", &["1A"], &["11"]),
        ];
        for (test, accepted, refused) in cases {
            for text in *accepted {
                assert!(passes(test, text), "{test}: {text} was refused");
            }
            for text in *refused {
                assert!(!passes(test, text), "{test}: {text} was accepted");
            }
        }
    }
}
