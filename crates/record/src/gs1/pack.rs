//! The code of a pack, carton or pallet: who it is, and a secret.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

#[cfg(feature = "symbols")]
use super::Symbol;
use super::{
    Code20, CodeError, Element, Expiry, Gtin, NationalCode, Sscc, check_digit, element, is_digits,
    link,
};

/// 128 random bits on a pack: what its trace is opened and continued with.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PackSecret([u8; Self::SIZE]);

impl PackSecret {
    /// Bytes of a secret.
    pub const SIZE: usize = 16;
    /// Digits of a secret beside a national code: 39 hold 128 bits, and a check digit.
    const DIGITS: usize = 40;

    /// A fresh secret.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; Self::SIZE];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.0
    }

    /// 22 characters of base64url, which are all of GS1's character set.
    fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    fn from_text(text: &str) -> Result<Self, CodeError> {
        let missing = CodeError::Missing { what: "secret" };
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| missing.clone())?);
        let bytes = bytes.as_slice().try_into().map_err(|_| missing)?;
        Ok(Self(bytes))
    }

    fn to_digits(&self) -> Zeroizing<String> {
        let body = Zeroizing::new(format!("{:039}", u128::from_be_bytes(self.0)));
        Zeroizing::new(format!("{}{}", *body, char::from(check_digit(&body))))
    }

    fn from_digits(text: &str) -> Result<Self, CodeError> {
        let what = "secret";
        super::checked(text, Self::DIGITS, what)?;
        let number = text.get(..Self::DIGITS - 1).unwrap_or_default();
        let number: u128 = number.parse().map_err(|_| CodeError::CheckDigit { what })?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Debug for PackSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PackSecret(..)")
    }
}

/// What a code names, for everybody to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "form")]
pub enum Identity {
    /// A pack under GS1 numbers.
    Gs1 {
        /// The product.
        gtin: Gtin,
        /// The pack.
        serial: Code20,
        /// The batch.
        batch: Code20,
        /// The last day of use.
        expiry: Expiry,
    },
    /// A pack under a national code.
    National {
        /// The code.
        code: NationalCode,
    },
    /// A carton or pallet.
    Container {
        /// Its number.
        sscc: Sscc,
    },
}

impl Identity {
    /// The identity as an EPC: a Digital Link with product and serial, or SSCC; a name of its own
    /// (`urn:x-nmpa:`) for a national code.
    #[must_use]
    pub fn epc(&self) -> String {
        match self {
            Self::Gs1 { gtin, serial, .. } => {
                link::write(&[("01", gtin.as_str()), ("21", serial.as_str())], &[], "")
            }
            Self::National { code } => format!("urn:x-nmpa:{}", code.as_str()),
            Self::Container { sscc } => link::write(&[("00", sscc.as_str())], &[], ""),
        }
    }

    /// Whether it is a carton or pallet.
    #[must_use]
    pub const fn is_container(&self) -> bool {
        matches!(self, Self::Container { .. })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gs1 {
                gtin,
                serial,
                batch,
                expiry,
            } => {
                write!(
                    f,
                    "GTIN {gtin:?}, serial {serial:?}, batch {batch:?}, expires {expiry}"
                )
            }
            Self::National { code } => write!(f, "code {code:?}"),
            Self::Container { sscc } => write!(f, "SSCC {sscc:?}"),
        }
    }
}

/// The whole code of a pack, carton or pallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackCode {
    identity: Identity,
    secret: PackSecret,
}

impl PackCode {
    /// A code.
    #[must_use]
    pub const fn new(identity: Identity, secret: PackSecret) -> Self {
        Self { identity, secret }
    }

    /// Reads a code in any of its forms: element string, Digital Link, or national code followed by
    /// its secret. `reading` is the year of today, which tells the century of the expiry date.
    ///
    /// # Errors
    /// [`CodeError`]; none holds any of the text.
    pub fn parse(text: &str, reading: i16) -> Result<Self, CodeError> {
        let text = text.trim();
        let plain = OF_PLAIN_TEXT
            .iter()
            .find_map(|mark| text.strip_prefix(mark));
        if let Some(national) = national(plain.unwrap_or(text))? {
            return Ok(national);
        }
        let text = match plain {
            Some(link) if is_address(link) => link,
            _ => text,
        };
        if is_address(text) {
            return Self::from_link(text, reading);
        }
        let elements = element::elements(text).map_err(|error| {
            if text.contains("<GS>") {
                CodeError::Separator
            } else {
                error
            }
        })?;
        let secret = value(&elements, "99", "secret")?;
        Ok(Self {
            identity: identity(&elements, reading)?,
            secret: PackSecret::from_text(secret)?,
        })
    }

    fn from_link(text: &str, reading: i16) -> Result<Self, CodeError> {
        let link = link::Link::parse_instance_or_class(text)?.ok_or(CodeError::NoKey)?;
        let secret = link.in_fragment("99")?.map(Zeroizing::new);
        let secret = secret.ok_or(CodeError::Missing { what: "secret" })?;
        Ok(Self {
            identity: identity(link.elements(), reading)?,
            secret: PackSecret::from_text(&secret)?,
        })
    }

    /// Who it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its secret.
    #[must_use]
    pub const fn secret(&self) -> &PackSecret {
        &self.secret
    }

    /// The code as a Data Matrix holds it, or the two rows of digits of a national code.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = self.secret.to_text();
        let text = match &self.identity {
            Identity::Gs1 {
                gtin,
                serial,
                batch,
                expiry,
            } => element::write(&[
                ("01", gtin.as_str()),
                ("17", &expiry.to_yymmdd()),
                ("10", batch.as_str()),
                ("21", serial.as_str()),
                ("99", &secret),
            ]),
            Identity::Container { sscc } => {
                element::write(&[("00", sscc.as_str()), ("99", &secret)])
            }
            Identity::National { code } => {
                format!("{} {}", code.as_str(), *self.secret.to_digits())
            }
        };
        Zeroizing::new(text)
    }

    /// The code as a GS1 Digital Link, its secret in the fragment. A national code has none.
    #[must_use]
    pub fn to_link(&self) -> Option<Zeroizing<String>> {
        let fragment = Zeroizing::new(format!("99={}", *self.secret.to_text()));
        let text = match &self.identity {
            Identity::Gs1 {
                gtin,
                serial,
                batch,
                expiry,
            } => link::write(
                &[
                    ("01", gtin.as_str()),
                    ("10", batch.as_str()),
                    ("21", serial.as_str()),
                ],
                &[("17", &expiry.to_yymmdd())],
                &fragment,
            ),
            Identity::Container { sscc } => link::write(&[("00", sscc.as_str())], &[], &fragment),
            Identity::National { .. } => return None,
        };
        Some(Zeroizing::new(text))
    }

    /// The symbols to print, with a name for each: GS1 Data Matrix and QR, or two rows of Code
    /// 128-C.
    ///
    /// # Errors
    /// [`CodeError::Symbol`] when a symbol cannot hold the code.
    #[cfg(feature = "symbols")]
    pub fn symbols(&self) -> Result<Vec<(&'static str, Symbol)>, CodeError> {
        if let Identity::National { code } = &self.identity {
            return Ok(vec![
                ("code128", Symbol::code_128_c(code.as_str())?),
                (
                    "secret-code128",
                    Symbol::code_128_c(&self.secret.to_digits())?,
                ),
            ]);
        }
        let mut symbols = vec![("datamatrix", Symbol::gs1_data_matrix(&self.to_text())?)];
        if let Some(link) = self.to_link() {
            symbols.push(("qr", Symbol::qr(&link)?));
        }
        Ok(symbols)
    }
}

/// Symbology identifiers of symbols that hold any text: Code 128, Data Matrix, QR and `DotCode`.
const OF_PLAIN_TEXT: &[&str] = &["]C0", "]d1", "]Q1", "]J0"];

fn is_address(text: &str) -> bool {
    text.get(..4)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
}

/// A national code and its secret, when the text is nothing but digits, as many as they have.
fn national(text: &str) -> Result<Option<PackCode>, CodeError> {
    let compact: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
    if !is_digits(&compact) {
        return Ok(None);
    }
    // 20 digits alone begin as no element string that is whole does.
    if compact.len() == NationalCode::DIGITS && NationalCode::parse(&compact).is_ok() {
        return Err(CodeError::Missing { what: "secret" });
    }
    if compact.len() != NationalCode::DIGITS + PackSecret::DIGITS {
        return Ok(None);
    }
    let (code, secret) = compact.split_at(NationalCode::DIGITS);
    Ok(Some(PackCode {
        identity: Identity::National {
            code: NationalCode::parse(code)?,
        },
        secret: PackSecret::from_digits(secret)?,
    }))
}

fn identity(elements: &[Element], reading: i16) -> Result<Identity, CodeError> {
    let sscc = elements.iter().find(|element| element.ai == "00");
    let gtin = elements.iter().find(|element| element.ai == "01");
    match (sscc, gtin) {
        // A carton that is sold as it stands has both; which of the two traces is meant is unclear.
        (Some(_), Some(_)) => Err(CodeError::Excludes {
            ai: "00".to_owned(),
            with: "01".to_owned(),
        }),
        (Some(sscc), None) => Ok(Identity::Container {
            sscc: Sscc::parse(&sscc.value)?,
        }),
        (None, _) => Ok(Identity::Gs1 {
            gtin: Gtin::parse(value(elements, "01", "GTIN")?)?,
            serial: Code20::parse(value(elements, "21", "serial number")?, "serial number")?,
            batch: Code20::parse(value(elements, "10", "batch")?, "batch")?,
            expiry: Expiry::parse(value(elements, "17", "expiry date")?, reading)?,
        }),
    }
}

fn value<'a>(elements: &'a [Element], ai: &str, what: &'static str) -> Result<&'a str, CodeError> {
    let found = elements.iter().find(|element| element.ai == ai);
    found
        .map(|element| element.value.as_str())
        .ok_or(CodeError::Missing { what })
}
