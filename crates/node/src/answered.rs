//! Asks that a node answered as a key holder, so that each is answered once: whoever caught one and
//! sends it again within the minutes for which it is fresh gets the same answer, and no second use
//! is noted. So a reader whose answer was lost may send it again, too.
//!
//! Kept in memory: after a restart an ask that is still fresh is answered once more.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;
use yilian_protocol::{
    MemberId, TimeMs, call::CallError, grant::SignedPartial, limits::CLOCK_SKEW_MS,
};

/// Asks that are remembered at most, about 600 bytes each; each was signed by a reader in good
/// standing under a grant in force.
const ASKS_MAX: usize = 16_384;
/// After this time there may be room again.
const RETRY_MS: u64 = 1_000;

/// When it was asked, what (the digest of the ask), and of which holder.
type Name = (TimeMs, [u8; 32], MemberId);

/// An answer, once it is made.
pub type Answer = Arc<OnceCell<SignedPartial>>;

/// Asks that were answered, or are.
#[derive(Debug, Default)]
pub struct AnsweredAsks(Mutex<BTreeMap<Name, Answer>>);

impl AnsweredAsks {
    /// Where the answer stands, or shall, to what was asked at `asked_at` with this digest.
    ///
    /// # Errors
    /// [`CallError::Busy`] when too many were answered within the minutes for which they are fresh.
    pub fn answer(
        &self,
        now: TimeMs,
        asked_at: TimeMs,
        digest: [u8; 32],
        holder: MemberId,
    ) -> Result<Answer, CallError> {
        let mut known = self.known();
        let name = (asked_at, digest, holder);
        if let Some(answer) = known.get(&name) {
            return Ok(Arc::clone(answer));
        }
        while let Some(oldest) = known.first_entry()
            && oldest.key().0.plus_ms(CLOCK_SKEW_MS) < now
        {
            oldest.remove();
        }
        if known.len() >= ASKS_MAX {
            return Err(CallError::Busy { retry_ms: RETRY_MS });
        }
        Ok(Arc::clone(known.entry(name).or_default()))
    }

    /// Every change is one call, so a panic elsewhere leaves nothing half-made.
    fn known(&self) -> MutexGuard<'_, BTreeMap<Name, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_13_an_ask_is_remembered_as_long_as_it_is_fresh_and_no_longer() {
        let asks = AnsweredAsks::default();
        let holder = MemberId::from_bytes([1; 32]);
        let start = TimeMs::new(1_000_000);
        let at = |now: u64, digest: u64, asked: u64| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&digest.to_be_bytes());
            let (now, asked) = (start.plus_ms(now), start.plus_ms(asked));
            asks.answer(now, asked, name, holder)
        };
        let first = at(0, 1, 0).unwrap();
        assert!(Arc::ptr_eq(&first, &at(CLOCK_SKEW_MS, 1, 0).unwrap()));
        let other = asks.answer(start, start, [1; 32], MemberId::from_bytes([2; 32]));
        assert!(!Arc::ptr_eq(&first, &other.unwrap()), "another holder");
        // Another comes when it is stale: it is forgotten, and `check` refuses it.
        at(CLOCK_SKEW_MS + 1, 2, CLOCK_SKEW_MS + 1).unwrap();
        assert_eq!(asks.known().len(), 1);
        for digest in 3..=ASKS_MAX as u64 + 1 {
            at(CLOCK_SKEW_MS + 1, digest, CLOCK_SKEW_MS + 1).unwrap();
        }
        let full = at(CLOCK_SKEW_MS + 1, 1 << 40, CLOCK_SKEW_MS + 1);
        assert_eq!(full.unwrap_err(), CallError::Busy { retry_ms: RETRY_MS });
        let later = 2 * CLOCK_SKEW_MS + 2;
        at(later, 1 << 40, later).unwrap();
        assert_eq!(asks.known().len(), 1);
    }
}
