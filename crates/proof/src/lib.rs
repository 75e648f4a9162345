//! Proof that a prover knows the keys behind trace ids, which tells a verifier nothing else about
//! them.
//!
//! Statement, for 1 to [`PACKS_MAX`] packs: *I know `key_i` with `id_i = Rescue-Prime(key_i)`*,
//! bound to a [`Context`] and to the ids' number and order. It is a STARK over Goldilocks in
//! Plonky3's hiding mode (masked columns, salted leaves, masked FRI): no set-up, no assumption but
//! the hash functions'.
//!
//! ```
//! use yilian_proof::{Context, ParameterSet, TraceKey, prove, verify};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = TraceKey::from_uniform_bytes(&[7; 64]);
//! let context = Context::new([1; 32]);
//! let proof = prove(ParameterSet::Compact, &[&key], &context, &mut rand::rng())?;
//! verify(ParameterSet::Compact, &[key.id()], &context, &proof)?;
//! # Ok(()) }
//! ```
//!
//! # What it does not give
//! Knowledge is not possession: whoever ever read a pack's code knows its key. Who may append, and
//! what closes a trace, are the ledger's rules.
//!
//! # Against hostile proofs
//! [`verify`] takes every parameter from the [`ParameterSet`] and the number of ids, refuses by
//! length before it decodes, accepts one spelling of a proof only, and catches a panic of the
//! library below (where panics unwind: not in a browser, where provers run).

#![forbid(unsafe_code)]

mod air;
mod hash;
mod key;
mod parameters;
mod rescue;
mod stark;
#[cfg(test)]
mod tests;

pub use key::{ID_SIZE, IdError, KEY_SEED_SIZE, TraceId, TraceKey};
pub use parameters::{ParameterSet, Security};

use parameters::Extension;
use rand_core::CryptoRng;

/// Packs that one proof covers, at most.
pub const PACKS_MAX: usize = 4096;

/// What a proof is bound to: a digest of everything the append says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context([u8; 32]);

impl Context {
    /// A context from a digest that the caller separated by domain.
    #[must_use]
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Proves knowledge of `keys`, in their order, bound to `context`.
///
/// The masks come from `rng` *and* from keys and context, so a generator that repeats itself (a
/// machine's snapshot run twice) does not give one set of masks to two statements.
///
/// # Errors
/// [`ProveError`].
pub fn prove(
    set: ParameterSet,
    keys: &[&TraceKey],
    context: &Context,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, ProveError> {
    if !(1..=PACKS_MAX).contains(&keys.len()) {
        return Err(ProveError::Packs { found: keys.len() });
    }
    let masks = stark::masks(keys, context, rng)?;
    let parameters = set.parameters(keys.len());
    match parameters.extension {
        Extension::Quadratic => stark::prove::<stark::Quadratic>(&parameters, keys, context, masks),
        Extension::Cubic => stark::prove::<stark::Cubic>(&parameters, keys, context, masks),
    }
}

/// Checks that `proof` shows knowledge of the keys of `ids`, in this order and with nothing before,
/// between or after, bound to `context`.
///
/// # Errors
/// [`VerifyError`].
pub fn verify(
    set: ParameterSet,
    ids: &[TraceId],
    context: &Context,
    proof: &[u8],
) -> Result<(), VerifyError> {
    if !(1..=PACKS_MAX).contains(&ids.len()) {
        return Err(VerifyError::Packs { found: ids.len() });
    }
    let parameters = set.parameters(ids.len());
    if proof.len() > parameters.proof_max {
        return Err(VerifyError::TooLong {
            found: proof.len(),
            limit: parameters.proof_max,
        });
    }
    let check = || match parameters.extension {
        Extension::Quadratic => stark::verify::<stark::Quadratic>(&parameters, ids, context, proof),
        Extension::Cubic => stark::verify::<stark::Cubic>(&parameters, ids, context, proof),
    };
    std::panic::catch_unwind(check).unwrap_or(Err(VerifyError::Malformed))
}

/// Why no proof was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// None, or more than [`PACKS_MAX`].
    #[error("a proof covers 1 to {PACKS_MAX} packs, not {found}")]
    Packs {
        /// The number given.
        found: usize,
    },
    /// The random generator gave the same bytes twice in a row: it is broken, and hiding rests on
    /// it.
    #[error("the random generator repeats itself")]
    Randomness,
    /// The parameters open more values than the masks hide. No parameter set does; this guards the
    /// sets themselves.
    #[error("the trace is too short to hide what the queries open: {0}")]
    Hiding(String),
}

/// Why a proof was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// None, or more than [`PACKS_MAX`].
    #[error("a proof covers 1 to {PACKS_MAX} packs, not {found}")]
    Packs {
        /// The number given.
        found: usize,
    },
    /// Longer than any proof of that many packs.
    #[error("a proof of {found} bytes is over the limit of {limit}")]
    TooLong {
        /// Bytes given.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not the one encoding of a proof.
    #[error("the bytes are no proof")]
    Malformed,
    /// It is a proof, but not of this statement.
    #[error("the proof does not hold for these ids and this context")]
    Invalid,
}
