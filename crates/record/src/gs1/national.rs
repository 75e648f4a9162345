//! The national drug traceability code of China (NMPAB/T 1002-2019): 20 digits.

use std::fmt;

use super::{CodeError, is_digits};

/// 7 digits that name medicine, strength and packaging, 12 that name the pack, and a check digit by
/// GB/T 17710 (ISO/IEC 7064, MOD 11,10).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct NationalCode(String);

impl NationalCode {
    /// Digits of a code.
    pub const DIGITS: usize = 20;

    /// Reads a code.
    ///
    /// # Errors
    /// [`CodeError::Digits`] or [`CodeError::CheckDigit`].
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let what = "national code";
        if text.len() != Self::DIGITS || !is_digits(text) {
            return Err(CodeError::Digits {
                what,
                digits: Self::DIGITS,
            });
        }
        let (body, last) = text.split_at(Self::DIGITS - 1);
        if last.as_bytes() != [check_digit(body)] {
            return Err(CodeError::CheckDigit { what });
        }
        Ok(Self(text.to_owned()))
    }

    /// Completes 19 digits with their check digit.
    ///
    /// # Errors
    /// [`CodeError::Digits`].
    pub fn complete(body: &str) -> Result<Self, CodeError> {
        if body.len() != Self::DIGITS - 1 || !is_digits(body) {
            return Err(CodeError::Digits {
                what: "national code without its check digit",
                digits: Self::DIGITS - 1,
            });
        }
        Ok(Self(format!("{body}{}", char::from(check_digit(body)))))
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 7 digits that name the medicine.
    #[must_use]
    pub fn product(&self) -> &str {
        self.0.get(..7).unwrap_or_default()
    }
}

impl fmt::Debug for NationalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// ISO/IEC 7064, MOD 11,10.
pub(super) fn check_digit(digits: &str) -> u8 {
    let product = digits.bytes().fold(10, |product: u32, byte| {
        let sum = (product + u32::from(byte - b'0')) % 10;
        let sum = if sum == 0 { 10 } else { sum };
        sum * 2 % 11
    });
    b'0' + u8::try_from((11 - product) % 10).unwrap_or_default()
}
