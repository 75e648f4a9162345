//! Proofs by which mailboxes were asked for, so that each is good once: whoever caught one learns
//! nothing from sending it again.
//!
//! Kept in memory, for the minutes in which a proof is fresh: after a restart one that is still
//! fresh is good once more. Anybody can make keys and ask for their empty mailboxes; when there are
//! too many of them, the oldest proofs are forgotten first.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use yilian_crypto::sign::Signature;
use yilian_protocol::{TimeMs, limits::CLOCK_SKEW_MS, refusal::Refusal};

/// Proofs that are remembered at most, about 100 bytes each.
const PROOFS_MAX: usize = 65_536;
/// A proof may be at most this far ahead of the node's clock: 10 s.
const AHEAD_MAX_MS: u64 = 10_000;

/// The proofs that were used.
#[derive(Debug, Default)]
pub struct Proofs(Mutex<BTreeSet<(TimeMs, [u8; Signature::SIZE])>>);

impl Proofs {
    /// Uses a proof of the time `at`, whose signature was verified.
    ///
    /// # Errors
    /// [`Refusal::StaleRequest`] when it is not fresh, or was used before.
    pub(crate) fn spend(
        &self,
        now: TimeMs,
        at: TimeMs,
        signature: &Signature,
    ) -> Result<(), Refusal> {
        if at > now.plus_ms(AHEAD_MAX_MS) || at.plus_ms(CLOCK_SKEW_MS) < now {
            return Err(Refusal::StaleRequest);
        }
        // Every change is one call, so a panic elsewhere leaves nothing half-made.
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((oldest, _)) = used.first()
            && (oldest.plus_ms(CLOCK_SKEW_MS) < now || used.len() >= PROOFS_MAX)
        {
            used.pop_first();
        }
        match used.insert((at, signature.to_bytes())) {
            true => Ok(()),
            false => Err(Refusal::StaleRequest),
        }
    }
}

#[cfg(test)]
mod tests {
    use yilian_crypto::{label, sign::SigningKey};

    use super::*;

    const START: TimeMs = TimeMs::new(1_000_000);

    fn proof(number: u64) -> Signature {
        let key = SigningKey::from_seed(&[1; 32]);
        key.sign(label::CALL_SIGNATURE, &[&number.to_be_bytes()])
    }

    #[test]
    fn a_proof_is_good_once_and_for_as_long_as_clocks_may_differ() {
        let proofs = Proofs::default();
        let stale = Err(Refusal::StaleRequest);
        assert_eq!(proofs.spend(START, START, &proof(1)), Ok(()));
        let last = START.plus_ms(CLOCK_SKEW_MS);
        assert_eq!(proofs.spend(last, START, &proof(1)), stale);
        assert_eq!(proofs.spend(last, START, &proof(2)), Ok(()));
        assert_eq!(proofs.spend(last.plus_ms(1), START, &proof(3)), stale);
        let ahead = START.plus_ms(AHEAD_MAX_MS);
        assert_eq!(proofs.spend(START, ahead, &proof(4)), Ok(()));
        assert_eq!(proofs.spend(START, ahead.plus_ms(1), &proof(5)), stale);
        // What is over is forgotten, and what comes again is stale anyway.
        let later = ahead.plus_ms(CLOCK_SKEW_MS + 1);
        assert_eq!(proofs.spend(later, later, &proof(6)), Ok(()));
        assert_eq!(proofs.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn who_floods_takes_no_more_than_there_is() {
        let proofs = Proofs::default();
        let one = proof(1);
        for number in 0..PROOFS_MAX as u64 + 10 {
            let now = START.plus_ms(number / 1_000);
            proofs
                .spend(now, TimeMs::new(START.get() + number), &one)
                .ok();
            assert!(proofs.0.lock().unwrap().len() <= PROOFS_MAX);
        }
    }
}
