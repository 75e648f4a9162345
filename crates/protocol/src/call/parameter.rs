//! Parameters of calls: what stands in a path or a query.

use super::CallError;
use crate::ids::{Height, MemberId, RecordId, TraceId, TransactionId};

/// A value that can be a parameter.
pub trait Parameter: Sized {
    /// How it is written.
    const KIND: ParameterKind;
    /// What is meant when it is left out; `None` when it must be there.
    const DEFAULT: Option<&'static str> = None;

    /// The text of it.
    fn to_text(&self) -> String;

    /// Reads it.
    ///
    /// # Errors
    /// [`CallError::Invalid`] when the text is no such value.
    fn parse(text: &str) -> Result<Self, CallError>;
}

/// How a parameter is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// So many hex digits, in lower case.
    Hex {
        /// How many.
        digits: usize,
    },
    /// Decimal digits.
    Integer {
        /// The largest number there is.
        max: u64,
    },
}

/// Where a listing begins; at its first entry, when it is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset(pub u32);

macro_rules! parameter {
    ($($kind:ty: $form:expr),* $(,)?) => {$(
        impl Parameter for $kind {
            const KIND: ParameterKind = $form;

            fn to_text(&self) -> String {
                self.to_string()
            }

            fn parse(text: &str) -> Result<Self, CallError> {
                let parsed: Result<Self, <Self as std::str::FromStr>::Err> = text.parse();
                parsed.map_err(|error| CallError::Invalid {
                    message: error.to_string(),
                })
            }
        }
    )*};
}
parameter! {
    MemberId: ParameterKind::Hex { digits: 64 },
    RecordId: ParameterKind::Hex { digits: 64 },
    TraceId: ParameterKind::Hex { digits: 64 },
    TransactionId: ParameterKind::Hex { digits: 64 },
    Height: ParameterKind::Integer { max: u64::MAX },
    u32: ParameterKind::Integer { max: u32::MAX as u64 },
    u64: ParameterKind::Integer { max: u64::MAX },
}

impl Parameter for Offset {
    const KIND: ParameterKind = <u32 as Parameter>::KIND;
    const DEFAULT: Option<&'static str> = Some("0");

    fn to_text(&self) -> String {
        self.0.to_string()
    }

    fn parse(text: &str) -> Result<Self, CallError> {
        u32::parse(text).map(Self)
    }
}

/// The parameters of a call that arrived, by name.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those with these names.
    #[must_use]
    pub const fn new(named: Vec<(String, String)>) -> Self {
        Self(named)
    }

    /// Reads the one that is called `name`.
    ///
    /// # Errors
    /// [`CallError::Invalid`] when it is missing, or is not what it should be.
    pub fn read<P: Parameter>(&self, name: &str) -> Result<P, CallError> {
        let given = self.0.iter().find(|(given, _)| given == name);
        let text = given.map(|(_, text)| text.as_str()).or(P::DEFAULT);
        let text = text.ok_or_else(|| CallError::Invalid {
            message: format!("the parameter `{name}` is missing"),
        })?;
        P::parse(text)
    }
}
