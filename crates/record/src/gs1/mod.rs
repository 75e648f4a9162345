//! Codes on packs and cartons: GS1 element strings, GS1 Digital Links, the national 20-digit code,
//! and the symbols that carry them.
//!
//! From the GS1 General Specifications (release 24), the GS1 Digital Link standard 1.4 and NMPAB/T
//! 1002-2019 (drug traceability code).
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

pub use element::{Element, elements};
pub use link::Link;
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
    /// An application identifier that is not known, or twice.
    #[error("application identifier {ai} is unknown here or stands twice")]
    Identifier {
        /// The identifier's digits, or `?`.
        ai: String,
    },
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

/// GS1 General Specifications, figure 7.11-1.
fn charset82(text: &str, max: usize, what: &'static str) -> Result<(), CodeError> {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!\"%&'()*+,-./:;<=>?_".contains(&byte);
    if text.is_empty() || text.len() > max || !text.bytes().all(allowed) {
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
    /// Reads `YYMMDD`. Day 00 is the last of the month (General Specifications, 3.4.7); the century
    /// is this one.
    ///
    /// # Errors
    /// [`CodeError`] when it is no date.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
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
        let date = Date::new(2000 + i16::from(part(0)), month, day.max(1))
            .map_err(|_| CodeError::Date { what })?;
        Ok(Self(if day == 0 { date.last_of_month() } else { date }))
    }

    /// From a date of this century.
    ///
    /// # Errors
    /// [`CodeError::Date`] outside the years 2000 to 2099.
    pub fn new(date: Date) -> Result<Self, CodeError> {
        if (2000..2100).contains(&date.year()) {
            return Ok(Self(date));
        }
        Err(CodeError::Date {
            what: "expiry date",
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

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
