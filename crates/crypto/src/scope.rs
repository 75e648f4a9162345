//! Scopes: the unit of a grant. `w` = confidentiality | calendar quarter | optional visit tag, within one hospital.

use std::{fmt, str::FromStr};

use crate::Error;

/// How sensitive a part of a record is (HL7 security labels; protocols section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Confidentiality {
    /// De-identified, coded; authorities may read it.
    Statistics = 1,
    /// Diagnoses, medication, results.
    Clinical = 2,
    /// Psychiatric, sexual health, genetic, substance use and the like.
    Sensitive = 3,
    /// Name, contact, identifiers.
    Identity = 4,
}

impl Confidentiality {
    /// All levels, in order.
    pub const ALL: [Self; 4] = [
        Self::Statistics,
        Self::Clinical,
        Self::Sensitive,
        Self::Identity,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Statistics => "statistics",
            Self::Clinical => "clinical",
            Self::Sensitive => "sensitive",
            Self::Identity => "identity",
        }
    }

    /// The level called `code`.
    ///
    /// # Errors
    /// [`Error::Encoding`] when none is.
    pub fn from_code(code: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|level| level.code() == code);
        found.ok_or(Error::Encoding {
            what: "confidentiality",
        })
    }

    /// The level with the number `value`.
    ///
    /// # Errors
    /// [`Error::Encoding`] when there is none.
    pub fn from_u8(value: u8) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|level| *level as u8 == value);
        found.ok_or(Error::Encoding {
            what: "confidentiality",
        })
    }
}

impl fmt::Display for Confidentiality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A calendar quarter, years 1 to 9999. Two bytes, big-endian: `year * 4 + quarter - 1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(u16);

impl Quarter {
    /// Bytes of the encoding.
    pub const SIZE: usize = 2;
    /// The first one there is.
    pub const FIRST: Self = Self(4);
    const LAST: Self = Self(9_999 * 4 + 3);

    /// Quarter `quarter` (1 to 4) of `year` (1 to 9999).
    ///
    /// # Errors
    /// [`Error::Encoding`] when there is no such quarter.
    pub fn new(year: u16, quarter: u8) -> Result<Self, Error> {
        if !(1..=9_999).contains(&year) || !(1..=4).contains(&quarter) {
            return Err(Error::Encoding { what: "quarter" });
        }
        Ok(Self(year * 4 + u16::from(quarter) - 1))
    }

    /// The quarter of a month (1 to 12).
    ///
    /// # Errors
    /// [`Error::Encoding`] when there is no such month or year.
    pub fn from_date(year: u16, month: u8) -> Result<Self, Error> {
        if !(1..=12).contains(&month) {
            return Err(Error::Encoding { what: "month" });
        }
        Self::new(year, (month - 1) / 3 + 1)
    }

    /// Its year.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.0 / 4
    }

    /// Which quarter of the year, from 1.
    #[must_use]
    pub const fn quarter(self) -> u8 {
        (self.0 % 4) as u8 + 1
    }

    /// The quarter after this one; the last stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1).min(Self::LAST)
    }

    /// Its two bytes.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 2] {
        self.0.to_be_bytes()
    }

    /// Reads two bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] when they are no quarter.
    pub fn from_bytes(bytes: &[u8; 2]) -> Result<Self, Error> {
        let quarter = Self(u16::from_be_bytes(*bytes));
        let known = (Self::FIRST..=Self::LAST).contains(&quarter);
        known
            .then_some(quarter)
            .ok_or(Error::Encoding { what: "quarter" })
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-Q{}", self.year(), self.quarter())
    }
}

impl fmt::Debug for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Quarter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (year, quarter) = text.split_once("-Q")?;
            let digits = year.len() == 4 && quarter.len() == 1;
            let digits = digits
                && year
                    .bytes()
                    .chain(quarter.bytes())
                    .all(|b| b.is_ascii_digit());
            digits.then(|| Some((year.parse().ok()?, quarter.parse().ok()?)))?
        };
        let (year, quarter) = parse().ok_or(Error::Encoding {
            what: "quarter, as 2026-Q4",
        })?;
        Self::new(year, quarter)
    }
}

/// Makes a visit's scopes its own. 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitTag([u8; 16]);

impl VisitTag {
    /// Bytes of the encoding.
    pub const SIZE: usize = 16;
    /// Stands in where a derivation gives the all-zero tag, which never happens.
    pub(crate) const FALLBACK: Self = Self([1; 16]);

    /// Its bytes.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 16] {
        self.0
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] for all zeros, which stand for no tag.
    pub fn from_bytes(bytes: &[u8; 16]) -> Result<Self, Error> {
        if *bytes == [0; 16] {
            return Err(Error::Encoding { what: "visit tag" });
        }
        Ok(Self(*bytes))
    }
}

impl fmt::Display for VisitTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl fmt::Debug for VisitTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisitTag({self}…)")
    }
}

/// What a scope key opens. 20 bytes: confidentiality 1 | quarter 2 | 1 if tagged, else 0 | tag 16, or zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The level.
    pub confidentiality: Confidentiality,
    /// The quarter of the care.
    pub period: Quarter,
    /// Set when the scope is of one visit alone.
    pub tag: Option<VisitTag>,
}

impl Scope {
    /// Bytes of the encoding.
    pub const SIZE: usize = 20;

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let [q0, q1] = self.period.to_bytes();
        let head = [
            self.confidentiality as u8,
            q0,
            q1,
            u8::from(self.tag.is_some()),
        ];
        let tag = self.tag.map_or([0; 16], |tag| tag.0);
        for (byte, value) in bytes.iter_mut().zip(head.into_iter().chain(tag)) {
            *byte = value;
        }
        bytes
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] when they are not canonical.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let [level, q0, q1, tagged, tag @ ..] = bytes;
        let tag = match tagged {
            0 if *tag == [0; 16] => None,
            1 => Some(VisitTag::from_bytes(tag)?),
            _ => return Err(Error::Encoding { what: "scope" }),
        };
        Ok(Self {
            confidentiality: Confidentiality::from_u8(*level)?,
            period: Quarter::from_bytes(&[*q0, *q1])?,
            tag,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.confidentiality, self.period)?;
        self.tag.map_or(Ok(()), |tag| write!(f, "/tag:{tag}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quarters_have_one_spelling() {
        assert_eq!("2026-Q4".parse::<Quarter>().unwrap().to_string(), "2026-Q4");
        for wrong in [
            "2026-Q5", "2026-Q0", "2026Q1", "+226-Q1", "26-Q1", "2026-Q01", "0000-Q1",
        ] {
            assert!(wrong.parse::<Quarter>().is_err(), "{wrong}");
        }
        assert_eq!(
            Quarter::from_date(2026, 12).unwrap().next().to_string(),
            "2027-Q1"
        );
        assert_eq!(Quarter::LAST.next(), Quarter::LAST);
    }

    proptest! {
        #[test]
        fn a_scope_that_decodes_encodes_to_the_same_bytes(bytes: [u8; 20]) {
            let mut bytes = bytes;
            bytes[0] %= 6;
            bytes[3] %= 3;
            if let Ok(scope) = Scope::from_bytes(&bytes) {
                prop_assert_eq!(scope.to_bytes(), bytes);
            }
        }
    }
}
