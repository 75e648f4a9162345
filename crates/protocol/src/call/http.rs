//! How calls look over HTTP: the same for the client, the node's routes and a browser's `fetch`.
//!
//! Bodies are canonical octets, so that what is signed is what is sent. Answers are JSON, or octets
//! for a sealed object. Every error is JSON: a stable `code`, and for a refusal its `rule`.

use super::{Answered, Call, CallError, Encoding as _, Method, ParameterRow, Parameters, named};

/// Under which every path stands.
pub const PREFIX: &str = "/v1/";

/// A call as it is sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The body, if the call has one.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// How `call` is sent.
    pub fn of<C: Call>(call: &C) -> Self {
        let (mut path, mut query) = (C::ROW.path.to_owned(), Vec::new());
        for (ParameterRow { name, .. }, value) in C::ROW.parameters.iter().zip(call.parameters()) {
            // Ids and numbers: nothing in them has to be escaped.
            if C::ROW.is_in_path(name) {
                path = path.replace(&format!("{{{name}}}"), &value);
            } else {
                query.push(format!("{name}={value}"));
            }
        }
        let mark = if query.is_empty() { "" } else { "?" };
        Self {
            method: C::ROW.method,
            target: format!("{PREFIX}{path}{mark}{}", query.join("&")),
            body: call.body(),
        }
    }
}

/// An answer on its way, which a hostile node cannot make larger than the row of its call says.
#[derive(Debug)]
pub struct Answer {
    bytes: Vec<u8>,
    max: usize,
}

impl Answer {
    /// Of a call of the type `C`.
    #[must_use]
    pub const fn to<C: Call>() -> Self {
        Self {
            bytes: Vec::new(),
            max: C::ROW.answer_max,
        }
    }

    /// Takes what came.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] when it is too much.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), CallError> {
        if self.bytes.len() + piece.len() > self.max {
            return Err(CallError::Unreachable {
                message: format!("the answer is over {} bytes", self.max),
            });
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// The answer, or the node's refusal, as the `status` says.
    ///
    /// # Errors
    /// The node's error, or [`CallError::Unreachable`] when it sent what is no answer.
    pub fn read<C: Call>(self, status: u16) -> Answered<C> {
        if (200..300).contains(&status) {
            return C::Encoding::read(self.bytes);
        }
        let error = serde_json::from_slice(&self.bytes);
        Err(error.unwrap_or_else(|_| CallError::Unreachable {
            message: format!("HTTP status {status} without an explanation"),
        }))
    }
}

/// The parameters of a call of the type `C` in a path and a query that arrived.
#[must_use]
pub fn parameters<C: Call>(path: &str, query: Option<&str>) -> Parameters {
    let given = path.strip_prefix(PREFIX).unwrap_or(path);
    let places = C::ROW.path.split('/').zip(given.split('/'));
    let in_path = places.filter_map(|(place, given)| Some((named(place)?, given)));
    let in_query = query.unwrap_or_default().split('&');
    let in_query = in_query.filter_map(|pair| pair.split_once('='));
    let in_query = in_query.filter(|(name, _)| !C::ROW.is_in_path(name));
    let all = in_path.chain(in_query);
    Parameters::new(
        all.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

impl CallError {
    /// The HTTP status that it is sent with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Refused { .. } => 403,
            Self::Invalid { .. } => 400,
            Self::TooLarge { .. } => 413,
            Self::NotFound { .. } => 404,
            Self::Busy { .. } => 503,
            Self::Unavailable { .. } | Self::Unreachable { .. } => 500,
        }
    }
}
