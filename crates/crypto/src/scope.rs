//! Scopes: what a grant is about. From docs/PROTOCOL.md 2.1: confidentiality, period, and for a
//! private visit its tag, within one hospital.
//!
//! Confidentiality grades follow the idea of HL7 security labels: a record is split by them before
//! sealing. The period is a calendar quarter.

use std::{fmt, str::FromStr};

use crate::{Error, encoding::debug_public};

/// How sensitive a part of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Confidentiality {
    /// De-identified and coded; for statistics.
    Statistics = 1,
    /// Diagnoses, medication, results.
    Clinical = 2,
    /// Psychiatric, sexual health, genetic, substance use and the like.
    Sensitive = 3,
    /// Names, contacts, identifiers.
    Identity = 4,
}

impl Confidentiality {
    /// All grades, in order.
    pub const ALL: [Self; 4] = [
        Self::Statistics,
        Self::Clinical,
        Self::Sensitive,
        Self::Identity,
    ];

    /// The grade's name in texts and JSON.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Statistics => "statistics",
            Self::Clinical => "clinical",
            Self::Sensitive => "sensitive",
            Self::Identity => "identity",
        }
    }

    /// The grade of that number, 1 to 4.
    ///
    /// # Errors
    /// [`Error::Confidentiality`] when there is none.
    pub fn from_u8(number: u8) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|grade| *grade as u8 == number)
            .ok_or(Error::Confidentiality)
    }
}

impl fmt::Display for Confidentiality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A calendar quarter of the years 1 to 9999. Encoded as `year * 4 + quarter - 1`, 2 bytes,
/// big-endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(u16);

impl Quarter {
    /// Bytes of the encoding.
    pub const SIZE: usize = 2;
    /// The first quarter of the year 1.
    pub const FIRST: Self = Self(4);
    /// The last quarter of the year 9999.
    pub const LAST: Self = Self(9999 * 4 + 3);

    /// Quarter 1 to 4 of a year.
    ///
    /// # Errors
    /// [`Error::Quarter`] when there is none such.
    pub fn new(year: u16, quarter: u8) -> Result<Self, Error> {
        if !(1..=9999).contains(&year) || !(1..=4).contains(&quarter) {
            return Err(Error::Quarter);
        }
        Ok(Self(year * 4 + u16::from(quarter) - 1))
    }

    /// The quarter of a month, 1 to 12.
    ///
    /// # Errors
    /// [`Error::Quarter`] when there is no such month or year.
    pub fn from_date(year: u16, month: u8) -> Result<Self, Error> {
        if !(1..=12).contains(&month) {
            return Err(Error::Quarter);
        }
        Self::new(year, (month - 1) / 3 + 1)
    }

    /// The year, 1 to 9999.
    #[must_use]
    pub const fn year(&self) -> u16 {
        self.0 / 4
    }

    /// The quarter within the year, 1 to 4.
    #[must_use]
    pub const fn quarter(&self) -> u8 {
        (self.0 % 4) as u8 + 1
    }

    /// The quarter that follows; the last one follows itself.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1).min(Self::LAST)
    }

    /// The canonical encoding.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; Self::SIZE] {
        self.0.to_be_bytes()
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Quarter`] when the year is out of range.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let quarter = Self(u16::from_be_bytes(*bytes));
        if quarter < Self::FIRST || quarter > Self::LAST {
            return Err(Error::Quarter);
        }
        Ok(quarter)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-Q{}", self.year(), self.quarter())
    }
}

impl fmt::Debug for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quarter({self})")
    }
}

impl FromStr for Quarter {
    type Err = Error;

    /// Reads `1987-Q3`, exactly.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (year, quarter) = text.split_once("-Q").ok_or(Error::Quarter)?;
        let digits =
            |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(quarter, 1) {
            return Err(Error::Quarter);
        }
        let year = year.parse().map_err(|_| Error::Quarter)?;
        Self::new(year, quarter.parse().map_err(|_| Error::Quarter)?)
    }
}

/// What makes the scopes of a private visit its own, 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitTag([u8; 16]);

impl VisitTag {
    /// Bytes of the encoding.
    pub const SIZE: usize = 16;

    /// The tag of these bytes.
    pub(crate) const fn new(bytes: [u8; Self::SIZE]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; Self::SIZE] {
        self.0
    }

    /// Any 16 bytes are a tag.
    ///
    /// # Errors
    /// None; the form is that of every fixed-size value.
    pub const fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        Ok(Self(*bytes))
    }
}

impl fmt::Debug for VisitTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_public(f, "VisitTag", &self.0)
    }
}

/// The unit of a grant, within one hospital.
///
/// ```text
/// offset  bytes
///      0      1  confidentiality, 1 to 4
///      1      2  period, big-endian
///      3      1  1 when there is a tag, else 0
///      4     16  the tag, or zeros
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// How sensitive.
    pub confidentiality: Confidentiality,
    /// In which quarter.
    pub period: Quarter,
    /// Of which private visit, if of one.
    pub tag: Option<VisitTag>,
}

impl Scope {
    /// Bytes of the encoding.
    pub const SIZE: usize = 20;

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let [high, low] = self.period.to_bytes();
        let head = [
            self.confidentiality as u8,
            high,
            low,
            u8::from(self.tag.is_some()),
        ];
        crate::encoding::join(&head, &self.tag.map_or([0; VisitTag::SIZE], |tag| tag.0))
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Confidentiality`], [`Error::Quarter`], or [`Error::Encoding`] for the tag.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let [confidentiality, high, low, has_tag] = crate::encoding::field::<0, 4, 20>(bytes);
        let tag = crate::encoding::field::<4, { VisitTag::SIZE }, 20>(bytes);
        let tag = match has_tag {
            0 if tag == [0; VisitTag::SIZE] => None,
            1 => Some(VisitTag(tag)),
            _ => {
                return Err(Error::Encoding {
                    what: "scope (20 bytes)",
                });
            }
        };
        Ok(Self {
            confidentiality: Confidentiality::from_u8(confidentiality)?,
            period: Quarter::from_bytes(&[high, low])?,
            tag,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.confidentiality, self.period)?;
        let Some(VisitTag([a, b, c, d, ..])) = self.tag else {
            return Ok(());
        };
        write!(f, "/tag:{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes() -> impl Strategy<Value = Scope> {
        (0usize..4, 1u16..=9999, 1u8..=4, any::<Option<[u8; 16]>>()).prop_map(
            |(grade, year, quarter, tag)| Scope {
                confidentiality: Confidentiality::ALL[grade],
                period: Quarter::new(year, quarter).unwrap(),
                tag: tag.map(VisitTag),
            },
        )
    }

    proptest! {
        #[test]
        fn a_scope_has_one_encoding(scope in scopes()) {
            prop_assert_eq!(Scope::from_bytes(&scope.to_bytes()), Ok(scope));
        }

        #[test]
        fn what_decodes_encodes_to_itself(bytes in any::<[u8; 20]>(), tag in 0u8..3) {
            let mut bytes = bytes;
            (bytes[0], bytes[3]) = (bytes[0] % 6, tag);
            if let Ok(scope) = Scope::from_bytes(&bytes) {
                prop_assert_eq!(scope.to_bytes(), bytes);
            }
        }

        #[test]
        fn a_quarter_reads_what_it_writes(year in 1u16..=9999, number in 1u8..=4) {
            let quarter = Quarter::new(year, number).unwrap();
            prop_assert_eq!(quarter.to_string().parse(), Ok(quarter));
            prop_assert_eq!((quarter.year(), quarter.quarter()), (year, number));
        }
    }

    #[test]
    fn a_scope_without_tag_has_zeros_and_no_other_flag() {
        let scope = Scope {
            confidentiality: Confidentiality::Clinical,
            period: Quarter::new(2024, 1).unwrap(),
            tag: None,
        };
        for (place, value) in [(3, 2), (3, 255), (4, 1), (19, 1)] {
            let mut bytes = scope.to_bytes();
            bytes[place] = value;
            assert!(Scope::from_bytes(&bytes).is_err(), "{place} {value}");
        }
    }

    #[test]
    fn quarters_out_of_range_are_refused() {
        for (year, quarter) in [(0, 1), (10_000, 1), (2024, 0), (2024, 5)] {
            assert_eq!(Quarter::new(year, quarter), Err(Error::Quarter));
        }
        for number in [0u16, 3, 40_000, u16::MAX] {
            assert_eq!(
                Quarter::from_bytes(&number.to_be_bytes()),
                Err(Error::Quarter)
            );
        }
        for text in [
            "2024-Q5", "2024-Q0", "24-Q1", "+024-Q1", "2024-Q01", "2024Q1", "0000-Q1", "",
        ] {
            assert_eq!(text.parse::<Quarter>(), Err(Error::Quarter), "{text}");
        }
        assert_eq!(Quarter::from_date(2024, 0), Err(Error::Quarter));
        assert_eq!(Quarter::from_date(2024, 13), Err(Error::Quarter));
    }

    #[test]
    fn quarters_follow_each_other() {
        let quarter = |year, number| Quarter::new(year, number).unwrap();
        assert_eq!(quarter(1987, 4).next(), quarter(1988, 1));
        assert_eq!(Quarter::LAST.next(), Quarter::LAST);
        assert_eq!(Quarter::from_date(1987, 7), Ok(quarter(1987, 3)));
        assert_eq!((Quarter::FIRST.year(), Quarter::FIRST.quarter()), (1, 1));
    }

    #[test]
    fn display_is_for_people() {
        let mut scope = Scope {
            confidentiality: Confidentiality::Sensitive,
            period: Quarter::new(987, 3).unwrap(),
            tag: None,
        };
        assert_eq!(scope.to_string(), "sensitive/0987-Q3");
        scope.tag = Some(VisitTag([0xab; 16]));
        assert_eq!(scope.to_string(), "sensitive/0987-Q3/tag:abababab");
    }

    #[test]
    fn numbers_lead_back_to_their_confidentiality() {
        for grade in Confidentiality::ALL {
            assert_eq!(Confidentiality::from_u8(grade as u8), Ok(grade));
        }
        assert!(Confidentiality::from_u8(0).is_err() && Confidentiality::from_u8(5).is_err());
    }
}
