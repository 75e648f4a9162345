//! Codes on packs and cartons: GS1 element strings, GS1 Digital Links, the national 20-digit code,
//! and the symbols that carry them.
//!
//! From the GS1 General Specifications (their table of application identifiers stands in
//! `identifiers.tsv`), the GS1 Digital Link standard 1.4 and NMPAB/T 1002-2019 (drug traceability
//! code).
//!
//! A [`PackCode`] is what the product prints: an identity that everybody may read, and a
//! [`PackSecret`] of 128 random bits. Whoever scans the whole of it can read the pack's trace; the
//! identity alone opens nothing.

mod element;
mod link;
mod national;
mod pack;
#[cfg(feature = "symbols")]
mod symbol;
mod table;
mod value;

pub use element::{Element, elements};
pub use link::Link;
pub(crate) use link::decode;
pub use national::NationalCode;
pub use pack::{Identity, PackCode, PackSecret};
#[cfg(feature = "symbols")]
pub use symbol::Symbol;

use std::fmt;

use jiff::civil::Date;

/// Why a text is no code. Never holds the text, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// Something other than digits, or too few or many of them.
    #[error("{what} must have {digits} digits")]
    Digits {
        /// Which part.
        what: &'static str,
        /// How many it has.
        digits: usize,
    },
    /// The last digit is not the one that the others ask for: a misread.
    #[error("the check digit of the {what} is wrong: scan it again")]
    CheckDigit {
        /// Which part.
        what: &'static str,
    },
    /// Empty, too long, or with characters outside GS1's set 82.
    #[error("the {what} must have 1 to {max} characters of GS1's character set")]
    Characters {
        /// Which part.
        what: &'static str,
        /// Most characters.
        max: usize,
    },
    /// No such day.
    #[error("the {what} is no date")]
    Date {
        /// Which part.
        what: &'static str,
    },
    /// A value that breaks another rule of its identifier.
    #[error("the {what} {rule}")]
    Value {
        /// Which part.
        what: &'static str,
        /// What is wrong, said of the part.
        rule: &'static str,
    },
    /// An application identifier that GS1 has not assigned.
    #[error("there is no application identifier {ai}")]
    Identifier {
        /// The identifier's digits, or `?`.
        ai: String,
    },
    /// An application identifier twice, with two values.
    #[error("application identifier {ai} stands twice, with two values")]
    Twice {
        /// The identifier's digits.
        ai: String,
    },
    /// An application identifier without another that it needs.
    #[error("application identifier {ai} may stand only with {with}")]
    Requires {
        /// The identifier's digits.
        ai: String,
        /// The others, `n` for any digit.
        with: String,
    },
    /// Two application identifiers that exclude each other.
    #[error("application identifiers {ai} and {with} may not stand together")]
    Excludes {
        /// The one's digits.
        ai: String,
        /// The other's.
        with: String,
    },
    /// A symbol that holds no code of ours.
    #[error("the scanner read a symbol that holds neither GS1 elements nor a national code")]
    Symbology,
    /// The scanner wrote the separator out.
    #[error("the scanner sends <GS> as text: have it send the separator as character 29")]
    Separator,
    /// An address without a key in its path.
    #[error(
        "the link has no GS1 key in its path, or a part without a value; expand a compressed \
         link first"
    )]
    NoKey,
    /// A link of another form.
    #[error("the link {0}")]
    Link(&'static str),
    /// A part that a pack's code needs is not there.
    #[error("the code has no {what}")]
    Missing {
        /// Which part.
        what: &'static str,
    },
    /// None of the forms.
    #[error(
        "not a pack code: neither an element string, a GS1 Digital Link nor a national code with its secret"
    )]
    Form,
    /// The symbol cannot hold it.
    #[error("the symbol cannot hold the code")]
    Symbol,
}

/// Checks a value of an application identifier.
pub(crate) fn check_value(ai: &str, value: &str) -> Result<&'static str, CodeError> {
    let (ai, identifier) = table::find(ai).ok_or_else(|| CodeError::identifier(ai))?;
    identifier.check(value)?;
    Ok(ai)
}

impl CodeError {
    /// No identifier has these digits.
    fn identifier(ai: &str) -> Self {
        let ai = if is_digits(ai) { ai } else { "?" };
        Self::Identifier { ai: ai.to_owned() }
    }

    /// No identifier begins as `text` does.
    fn beginning(text: &str) -> Self {
        Self::identifier(text.get(..2).unwrap_or(text))
    }
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// GS1's check digit over the digits before it (General Specifications, 7.9.1).
pub(crate) fn check_digit(digits: &str) -> u8 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([3, 1].into_iter().cycle())
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    b'0' + u8::try_from((10 - sum % 10) % 10).unwrap_or_default()
}

/// Checks a number of exactly `count` digits whose last is a check digit.
fn checked(text: &str, count: usize, what: &'static str) -> Result<(), CodeError> {
    if text.len() != count || !is_digits(text) {
        return Err(CodeError::Digits {
            what,
            digits: count,
        });
    }
    let (body, last) = text.split_at(count - 1);
    if last.as_bytes() != [check_digit(body)] {
        return Err(CodeError::CheckDigit { what });
    }
    Ok(())
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $digits:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Reads it.
            ///
            /// # Errors
            /// [`CodeError::Digits`] or [`CodeError::CheckDigit`].
            pub fn parse(text: &str) -> Result<Self, CodeError> {
                checked(text, $digits, $what)?;
                Ok(Self(text.to_owned()))
            }

            /// Its digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

number! {
    /// Global Trade Item Number, 14 digits: the product (GS1 AI 01).
    Gtin, 14, "GTIN"
}
number! {
    /// Serial Shipping Container Code, 18 digits: a carton or pallet (GS1 AI 00).
    Sscc, 18, "SSCC"
}

impl Gtin {
    /// Reads a GTIN of 8, 12, 13 or 14 digits.
    ///
    /// # Errors
    /// As [`Gtin::parse`].
    pub fn parse_any(text: &str) -> Result<Self, CodeError> {
        match text.len() {
            8 | 12 | 13 if is_digits(text) => Self::parse(&format!("{text:0>14}")),
            _ => Self::parse(text),
        }
    }
}

/// Text of 1 to 20 characters of GS1's set 82: a serial number (AI 21) or batch (AI 10).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Code20(String);

impl Code20 {
    /// Checks `text`; `what` names it in the error.
    ///
    /// # Errors
    /// [`CodeError::Characters`].
    pub fn parse(text: &str, what: &'static str) -> Result<Self, CodeError> {
        charset82(text, 20, what)?;
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code20 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 1 to `max` characters of set 82.
fn charset82(text: &str, max: usize, what: &'static str) -> Result<(), CodeError> {
    if text.is_empty() || text.len() > max || !text.bytes().all(value::in_set_82) {
        return Err(CodeError::Characters { what, max });
    }
    Ok(())
}

/// The last day a medicine may be used (AI 17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expiry(Date);

impl serde::Serialize for Expiry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Expiry {
    /// Reads `YYMMDD` in the year `reading`. Day 00 is the last of the month (General
    /// Specifications, section 3.4.7); the century is the one that brings the year nearest, at most
    /// 49 back or 50 ahead (section 7.12).
    ///
    /// # Errors
    /// [`CodeError`] when it is no date.
    pub fn parse(text: &str, reading: i16) -> Result<Self, CodeError> {
        let what = "expiry date";
        if text.len() != 6 || !is_digits(text) {
            return Err(CodeError::Digits { what, digits: 6 });
        }
        let part = |from: usize| -> i8 {
            text.get(from..from + 2)
                .and_then(|two| two.parse().ok())
                .unwrap_or_default()
        };
        let (month, day) = (part(2), part(4));
        let date = Date::new(full_year(part(0), reading), month, day.max(1))
            .map_err(|_| CodeError::Date { what })?;
        Ok(Self(if day == 0 { date.last_of_month() } else { date }))
    }

    /// From a date, to be printed in the year `printing`.
    ///
    /// # Errors
    /// [`CodeError::Value`] when its two digits of a year would be read as another year.
    pub fn new(date: Date, printing: i16) -> Result<Self, CodeError> {
        let two = i8::try_from(date.year().rem_euclid(100)).unwrap_or_default();
        if full_year(two, printing) == date.year() {
            return Ok(Self(date));
        }
        Err(CodeError::Value {
            what: "expiry date",
            rule: "is read as another century: it is over 50 years ahead or 49 back",
        })
    }

    /// The date.
    #[must_use]
    pub const fn date(self) -> Date {
        self.0
    }

    fn to_yymmdd(self) -> String {
        let date = self.0;
        format!(
            "{:02}{:02}{:02}",
            date.year() % 100,
            date.month(),
            date.day()
        )
    }
}

/// The year with these last two digits that is meant in the year `reading` (General
/// Specifications, section 7.12).
fn full_year(two: i8, reading: i16) -> i16 {
    let century = reading - reading.rem_euclid(100);
    let year = century + i16::from(two);
    match year - reading {
        51.. => year - 100,
        ..=-50 => year + 100,
        _ => year,
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
