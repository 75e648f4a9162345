//! Why a call gave no answer.

use schemars::JsonSchema;

use crate::{codec::DecodeError, refusal::Refusal};

/// Why a call gave no answer. In JSON `code` says which, beside the fields below.
#[derive(
    Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize, JsonSchema,
)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CallError {
    /// A rule refuses it; see [`Refusal::remedy`].
    #[error("refused: {rule}")]
    Refused {
        /// The rule.
        rule: Refusal,
    },
    /// The request is not well-formed; the caller's fault.
    #[error("invalid request: {message}")]
    Invalid {
        /// What is wrong with it.
        message: String,
    },
    /// The request is over a limit of the wire.
    #[error("the request is over the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        #[schemars(with = "u64")]
        limit: usize,
    },
    /// Nothing is there under that name.
    #[error("no such {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The node has all the work it takes; try again.
    #[error("the node is busy; try again in {retry_ms} ms")]
    Busy {
        /// When to try again.
        retry_ms: u64,
    },
    /// The node cannot answer; its operator must look.
    #[error("the node cannot answer: {message}")]
    Unavailable {
        /// What happened.
        message: String,
    },
    /// The node could not be reached, or answered what is no answer.
    #[error("no answer from the node: {message}")]
    Unreachable {
        /// What happened.
        message: String,
    },
}

impl CallError {
    /// That no `what` is there.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::NotFound {
            what: what.to_owned(),
        }
    }
}

impl From<Refusal> for CallError {
    fn from(rule: Refusal) -> Self {
        Self::Refused { rule }
    }
}

impl From<DecodeError> for CallError {
    fn from(error: DecodeError) -> Self {
        Self::Invalid {
            message: error.to_string(),
        }
    }
}
