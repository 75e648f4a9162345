//! Asks that a node answered as a key holder, so that each is answered once: whoever caught one and
//! sends it again within the minutes for which it is fresh gets the same answer, and no second use
//! is noted. So a reader whose answer was lost may send it again, too.
//!
//! Kept in memory: after a restart an ask that is still fresh is answered once more, and its use is
//! not noted again ([`crate::keyholder`]).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use yilian_protocol::{
    CertificateId, MemberId, TimeMs, call::CallError, grant::SealedPartial, limits::CLOCK_SKEW_MS,
    refusal::Refusal,
};

/// Asks that are remembered at most, about 2 kB each; each was signed by a reader in good
/// standing under a grant in force.
const ASKS_MAX: usize = 16_384;
/// Asks of one reader that are remembered at most: one who floods leaves room for the others.
const ASKS_OF_READER_MAX: usize = 512;
/// An ask may be at most this far ahead of the node's clock: 10 s. One that is further ahead would
/// be remembered for twice the time.
const AHEAD_MAX_MS: u64 = 10_000;
/// After this time there may be room again.
const RETRY_MS: u64 = 1_000;

/// What was asked, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// When, by the reader's clock.
    pub at: TimeMs,
    /// The digest of the ask.
    pub digest: [u8; 32],
    /// Whom.
    pub holder: MemberId,
    /// By whom.
    pub reader: CertificateId,
}

/// An answer, once it is made; locked while it is being made.
type Answer<T> = Arc<Mutex<Option<T>>>;

/// Asks that were answered, or are.
#[derive(Debug)]
pub struct AnsweredAsks<T = SealedPartial>(Mutex<Known<T>>);

#[derive(Debug)]
struct Known<T> {
    answers: BTreeMap<Asked, Answer<T>>,
    /// How many are each reader's.
    readers: BTreeMap<CertificateId, usize>,
}

impl<T> Default for AnsweredAsks<T> {
    fn default() -> Self {
        Self(Mutex::new(Known {
            answers: BTreeMap::new(),
            readers: BTreeMap::new(),
        }))
    }
}

impl<T: Clone> AnsweredAsks<T> {
    /// The answer, if it was made before.
    ///
    /// # Errors
    /// [`Refusal::StaleRequest`] when it was asked in the future, [`CallError::Busy`] when too many
    /// were answered within the minutes for which they are fresh.
    pub fn made(&self, now: TimeMs, asked: &Asked) -> Result<Option<T>, CallError> {
        let mut known = self.known();
        if let Some(answer) = known.answers.get(asked) {
            // One that is being made is waited for in `once`.
            let made = answer.try_lock().ok();
            return Ok(made.and_then(|made| made.clone()));
        }
        known.make_room(now, asked)?;
        Ok(None)
    }

    /// The answer; `make` makes it unless it was made before. Waits while another makes it, so it
    /// is to be called apart from the threads that serve the network; and there it goes on when
    /// the caller has hung up. What fails is forgotten.
    ///
    /// # Errors
    /// As [`Self::made`], and those of `make`.
    pub fn once(
        &self,
        now: TimeMs,
        asked: Asked,
        make: impl FnOnce() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let answer = self.known().answer(now, asked)?;
        let done = {
            let mut made = lock(&answer);
            match &*made {
                Some(made) => Ok(made.clone()),
                None => make().inspect(|new| *made = Some(new.clone())),
            }
        };
        if done.is_err() {
            self.known().forget(asked, &answer);
        }
        done
    }

    fn known(&self) -> MutexGuard<'_, Known<T>> {
        lock(&self.0)
    }
}

impl<T> Known<T> {
    /// Where the answer stands, or shall.
    fn answer(&mut self, now: TimeMs, asked: Asked) -> Result<Answer<T>, CallError> {
        if let Some(answer) = self.answers.get(&asked) {
            return Ok(Arc::clone(answer));
        }
        self.make_room(now, &asked)?;
        let answer = Answer::default();
        self.answers.insert(asked, Arc::clone(&answer));
        *self.readers.entry(asked.reader).or_default() += 1;
        Ok(answer)
    }

    fn make_room(&mut self, now: TimeMs, asked: &Asked) -> Result<(), CallError> {
        if asked.at > now.plus_ms(AHEAD_MAX_MS) {
            return Err(Refusal::StaleRequest.into());
        }
        while let Some((oldest, _)) = self.answers.first_key_value()
            && oldest.at.plus_ms(CLOCK_SKEW_MS) < now
        {
            let oldest = *oldest;
            self.remove(&oldest);
        }
        let own = self.readers.get(&asked.reader);
        if self.answers.len() >= ASKS_MAX || own.is_some_and(|own| *own >= ASKS_OF_READER_MAX) {
            return Err(CallError::Busy { retry_ms: RETRY_MS });
        }
        Ok(())
    }

    /// Forgets an answer that could not be made, unless another is making it.
    fn forget(&mut self, asked: Asked, answer: &Answer<T>) {
        let kept = self.answers.get(&asked);
        // Two hold it: the map, and who could not make it. Nobody gets hold of it meanwhile.
        let alone = Arc::strong_count(answer) <= 2;
        if alone && kept.is_some_and(|kept| Arc::ptr_eq(kept, answer)) && lock(answer).is_none() {
            self.remove(&asked);
        }
    }

    fn remove(&mut self, asked: &Asked) {
        if self.answers.remove(asked).is_none() {
            return;
        }
        if let Some(own) = self.readers.get_mut(&asked.reader) {
            *own -= 1;
            if *own == 0 {
                self.readers.remove(&asked.reader);
            }
        }
    }
}

/// Every change is one call, so a panic elsewhere leaves nothing half-made.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    };

    use super::*;

    const START: TimeMs = TimeMs::new(1_000_000);

    fn ask(reader: u8, digest: u64, at: TimeMs) -> Asked {
        let mut name = [0; 32];
        name[..8].copy_from_slice(&digest.to_be_bytes());
        Asked {
            at,
            digest: name,
            holder: MemberId::from_bytes([1; 32]),
            reader: CertificateId::from_bytes([reader; 32]),
        }
    }

    fn count<T>(asks: &AnsweredAsks<T>) -> (usize, usize) {
        let known = lock(&asks.0);
        (known.answers.len(), known.readers.values().sum())
    }

    const BUSY: CallError = CallError::Busy { retry_ms: RETRY_MS };

    #[test]
    fn fault_13_an_ask_is_remembered_as_long_as_it_is_fresh_and_no_longer() {
        let asks = AnsweredAsks::default();
        let first = ask(1, 1, START);
        let late = START.plus_ms(CLOCK_SKEW_MS);
        assert_eq!(asks.once(START, first, || Ok(1)), Ok(1));
        assert_eq!(asks.once(late, first, || Ok(2)), Ok(1));
        assert_eq!(asks.made(late, &first), Ok(Some(1)));
        let holder = MemberId::from_bytes([2; 32]);
        let other = Asked { holder, ..first };
        assert_eq!(asks.once(START, other, || Ok(3)), Ok(3), "another holder");
        // Another comes when it is stale: it is forgotten, and `check` refuses it.
        let stale = late.plus_ms(1);
        assert_eq!(asks.once(stale, ask(1, 2, stale), || Ok(4)), Ok(4));
        assert_eq!(count(&asks), (1, 1));
    }

    #[test]
    fn one_reader_who_floods_leaves_room_for_the_others() {
        let asks = AnsweredAsks::default();
        for digest in 0..ASKS_OF_READER_MAX as u64 {
            asks.once(START, ask(1, digest, START), || Ok(0)).unwrap();
        }
        let further = ask(1, 1 << 40, START);
        assert_eq!(asks.made(START, &further), Err(BUSY));
        assert_eq!(asks.once(START, further, || Ok(0)), Err(BUSY));
        assert_eq!(asks.made(START, &ask(1, 0, START)), Ok(Some(0)), "a repeat");
        for (reader, digest) in (2..=u8::MAX).zip(0..) {
            asks.once(START, ask(reader, digest, START), || Ok(0))
                .unwrap();
        }
        let later = START.plus_ms(CLOCK_SKEW_MS + 1);
        asks.once(later, ask(1, 1 << 40, later), || Ok(0)).unwrap();
        assert_eq!(count(&asks), (1, 1));
        // All readers together have a bound, too.
        let asks = AnsweredAsks::default();
        for number in 0..ASKS_MAX {
            let reader = u8::try_from(number / ASKS_OF_READER_MAX).unwrap();
            asks.once(START, ask(reader, number as u64, START), || Ok(0))
                .unwrap();
        }
        assert_eq!(asks.made(START, &ask(u8::MAX, 0, START)), Err(BUSY));
    }

    #[test]
    fn an_answer_that_fails_takes_no_room_and_an_ask_of_the_future_none_either() {
        let asks = AnsweredAsks::<u32>::default();
        for digest in 0..2 * ASKS_MAX as u64 {
            let failed = asks.once(START, ask(1, digest, START), || {
                Err(Refusal::CapsuleNotProven.into())
            });
            assert_eq!(failed, Err(Refusal::CapsuleNotProven.into()));
        }
        let ahead = ask(1, 1, START.plus_ms(AHEAD_MAX_MS + 1));
        let made = asks.once(START, ahead, || Ok(1));
        assert_eq!(made, Err(Refusal::StaleRequest.into()));
        assert_eq!(count(&asks), (0, 0));
        let just = ask(1, 1, START.plus_ms(AHEAD_MAX_MS));
        assert_eq!(asks.once(START, just, || Ok(1)), Ok(1));
    }

    #[tokio::test]
    async fn who_hangs_up_and_asks_again_makes_no_second_use() {
        let (asks, uses) = (
            Arc::new(AnsweredAsks::default()),
            Arc::new(AtomicU32::new(0)),
        );
        let first = ask(1, 1, START);
        let (begun, begins) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel();
        let (shared, counted) = (Arc::clone(&asks), Arc::clone(&uses));
        let making = move || {
            shared.once(START, first, || {
                begun.send(()).unwrap();
                goes_on.recv().unwrap();
                Ok(counted.fetch_add(1, Ordering::SeqCst))
            })
        };
        let caller = tokio::spawn(async { tokio::task::spawn_blocking(making).await });
        tokio::task::spawn_blocking(move || begins.recv().unwrap())
            .await
            .unwrap();
        caller.abort();
        assert!(caller.await.is_err(), "hung up");
        assert_eq!(asks.made(START, &first), Ok(None), "still being made");
        let (shared, counted) = (Arc::clone(&asks), Arc::clone(&uses));
        let again = tokio::task::spawn_blocking(move || {
            shared.once(START, first, || Ok(counted.fetch_add(1, Ordering::SeqCst)))
        });
        go_on.send(()).unwrap();
        assert_eq!(again.await.unwrap(), Ok(0));
        assert_eq!(uses.load(Ordering::SeqCst), 1);
    }
}
