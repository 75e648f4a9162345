//! Why a rule stops: it refuses, or the state is at fault.

use yilian_protocol::refusal::Refusal;

use crate::state::StateError;

/// What ends a rule before it is done. `?` makes one of either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The transaction, or the request, breaks a rule.
    Refused(Refusal),
    /// The state is at fault: there is no verdict.
    Fault(StateError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StateError> for Stop {
    fn from(error: StateError) -> Self {
        Self::Fault(error)
    }
}

/// Refuses unless the condition holds.
pub(crate) const fn require(condition: bool, refusal: Refusal) -> Result<(), Refusal> {
    if condition { Ok(()) } else { Err(refusal) }
}

/// Parts the two ways in which a rule stops: the state is at fault outside, the refusal inside.
pub(crate) fn verdict<T>(decided: Result<T, Stop>) -> Result<Result<T, Refusal>, StateError> {
    match decided {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Fault(error)) => Err(error),
    }
}
