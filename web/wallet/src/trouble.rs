//! What went wrong, as pages tell it.

use serde::Serialize;
use tsify::Tsify;
use wasm_bindgen::JsValue;
use yilian_client::ClientError;
use yilian_protocol::{call::CallError, receipt::ReceiptError, visit::TokenError};

/// Whose fault it is: pages have a sentence and a remedy for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// What the node answered contradicts what the validators certified, or itself.
    NodeLies,
    /// The node shows an older state than this wallet has seen before: what came since is not in
    /// it, and what it says is absent may be there.
    Behind,
    /// The node is of another chain than the one pinned.
    OtherChain,
    /// No answer, or one that is none.
    Unreachable,
    /// The node has too much to do.
    Busy,
    /// There is no such thing.
    NotFound,
    /// A rule refuses it.
    Refused,
    /// What was typed or scanned is no pack's code.
    NotACode,
    /// What was given is not what it should be.
    Invalid,
    /// The passphrase is another.
    WrongPassphrase,
    /// A new passphrase is too short, or has what cannot be typed again.
    WeakPassphrase,
    /// These are no 24 words of a patient.
    NotTheWords,
    /// What this browser kept was damaged, or put together from several wallets.
    Damaged,
    /// This browser does not keep what it must: nothing was done.
    NotKept,
    /// The wallet is locked, or another step is not done yet.
    Locked,
    /// These are no keys of one certified person, as `yilian keystore export` writes them.
    NotKeys,
    /// What was scanned or pasted is no code of a visit, or not signed by who made it.
    NotAToken,
    /// The code of a visit is over: the patient makes a new one.
    TokenExpired,
    /// The code is for another hospital.
    OtherHospital,
    /// The code was scanned, and does not say where letters for the patient go.
    NoMailbox,
    /// A record does not open as it should, or its author's word does not stand.
    FaultyRecord,
    /// It did not come to an end, and access that was made for it may stand.
    MayStand,
    /// It did not come to an end: access of an earlier answer has ended, and none is in its place.
    Ended,
    /// Everything else.
    Other,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
pub struct Trouble {
    /// Whose fault it is.
    pub fault: Fault,
    /// The rule, when one refused.
    pub rule: Option<String>,
    /// For a support call: what happened, in English.
    pub message: String,
}

impl Trouble {
    pub(crate) fn invalid(message: &str) -> Self {
        Self::new(Fault::Invalid, message)
    }

    pub(crate) fn new(fault: Fault, message: impl ToString) -> Self {
        Self {
            fault,
            rule: None,
            message: message.to_string(),
        }
    }
}

impl From<Trouble> for JsValue {
    fn from(trouble: Trouble) -> Self {
        match trouble.into_js() {
            Ok(value) => value.into(),
            Err(_) => Self::from_str(&trouble.message),
        }
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        ClientError::from(error).into()
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self {
            fault: fault(&error),
            rule: error.refusal().map(|rule| rule.name().to_owned()),
            message: error.to_string(),
        }
    }
}

fn fault(error: &ClientError) -> Fault {
    match error {
        ClientError::Receipt(ReceiptError::Outdated) => Fault::Behind,
        // A value whose proof verifies is canonical, so what cannot be read is no value of ours.
        ClientError::Receipt(_)
        | ClientError::FalseObject { .. }
        | ClientError::WrongAnswer { .. }
        | ClientError::Withheld { .. }
        | ClientError::FalsePartial { .. }
        | ClientError::Format(_) => Fault::NodeLies,
        ClientError::OtherChain { .. } | ClientError::ForeignChain { .. } => Fault::OtherChain,
        ClientError::Call(CallError::Busy { .. }) => Fault::Busy,
        ClientError::Call(CallError::NotFound { .. }) => Fault::NotFound,
        ClientError::Call(CallError::Refused { .. }) | ClientError::Refused(_) => Fault::Refused,
        ClientError::Call(CallError::Unavailable { .. } | CallError::Unreachable { .. }) => {
            Fault::Unreachable
        }
        ClientError::Call(CallError::Invalid { .. } | CallError::TooLarge { .. }) => Fault::Invalid,
        ClientError::Code(_) => Fault::NotACode,
        ClientError::Token(error) => token_fault(error),
        ClientError::Sealed { .. } | ClientError::Author { .. } => Fault::FaultyRecord,
        ClientError::TooFewHolders {
            stands: Some(_), ..
        } => Fault::MayStand,
        ClientError::TooFewHolders { cause, .. } => fault(cause),
        _ => Fault::Other,
    }
}

const fn token_fault(error: &TokenError) -> Fault {
    match error {
        TokenError::Expired { .. } => Fault::TokenExpired,
        TokenError::OtherHospital { .. } => Fault::OtherHospital,
        TokenError::NoMailbox => Fault::NoMailbox,
        TokenError::OtherChain => Fault::OtherChain,
        _ => Fault::NotAToken,
    }
}

#[cfg(test)]
mod tests {
    use yilian_protocol::refusal::Refusal;

    use super::*;

    #[test]
    fn a_lie_is_told_from_a_silence_and_from_a_rule() {
        let of = |error: ClientError| Trouble::from(error).fault;
        assert_eq!(of(ReceiptError::Finality.into()), Fault::NodeLies);
        assert_eq!(of(ReceiptError::Outdated.into()), Fault::Behind);
        let silent = CallError::Unreachable {
            message: "no route".to_owned(),
        };
        assert_eq!(of(silent.into()), Fault::Unreachable);
        let refused = Trouble::from(ClientError::from(Refusal::GrantRevoked));
        assert_eq!(refused.fault, Fault::Refused);
        assert_eq!(refused.rule.as_deref(), Some("grant-revoked"));
    }
}
