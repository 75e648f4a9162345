//! Places for what a node computes before it knows whether a caller is anybody: pairings over a
//! stamp that may be none, signatures under the pseudonym of a visit. Each takes a millisecond, and
//! costs the caller nothing.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use yilian_protocol::call::CallError;

/// At once: whoever floods a node takes no more than this of its processors. Others wait for their
/// turn behind him, as many as the call has places.
const PLACES: usize = 2;

/// The places.
#[derive(Debug)]
pub(crate) struct Unproven(Arc<Semaphore>);

/// One of them. Whoever computes holds it, and not who asked: he may hang up, and ask again, while
/// it is computed.
pub(crate) type Place = OwnedSemaphorePermit;

impl Default for Unproven {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Unproven {
    /// A place, in the order in which they were asked for.
    ///
    /// # Errors
    /// [`CallError::Unavailable`] when the node stops.
    pub(crate) async fn place(&self) -> Result<Place, CallError> {
        let place = Arc::clone(&self.0).acquire_owned().await;
        place.map_err(|_| CallError::Unavailable {
            message: "the node stops".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    /// How many compute now, and how many did at most.
    #[derive(Debug, Default)]
    struct Computing {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Computing {
        /// Computes, apart from the threads that serve the network, until it may end.
        async fn ask(self: Arc<Self>, places: Arc<Unproven>, ends: Arc<Semaphore>) {
            let place = places.place().await.unwrap();
            let computed = tokio::task::spawn_blocking(move || {
                let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(now, Ordering::SeqCst);
                while ends.try_acquire().map(|end| end.forget()).is_err() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                self.now.fetch_sub(1, Ordering::SeqCst);
                drop(place);
            });
            computed.await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_floods_and_hangs_up_computes_no_more_than_there_are_places() {
        let (computing, places) = (Arc::new(Computing::default()), Arc::default());
        let ends = Arc::new(Semaphore::new(0));
        let ask = || Arc::clone(&computing).ask(Arc::clone(&places), Arc::clone(&ends));
        // He hangs up when his question is computed, and asks again.
        let flood: Vec<_> = (0..PLACES).map(|_| tokio::spawn(ask())).collect();
        while computing.now.load(Ordering::SeqCst) < PLACES {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        flood.iter().for_each(tokio::task::JoinHandle::abort);
        for _ in 0..32 {
            let asked = tokio::spawn(ask());
            tokio::time::sleep(Duration::from_millis(2)).await;
            asked.abort();
        }
        assert_eq!(computing.most.load(Ordering::SeqCst), PLACES);
        assert_eq!(computing.now.load(Ordering::SeqCst), PLACES);
        // Who waits behind what is left of the flood is served.
        let honest = tokio::spawn(ask());
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!honest.is_finished());
        ends.add_permits(PLACES + 1);
        let served = tokio::time::timeout(Duration::from_secs(60), honest).await;
        served.unwrap().unwrap();
        assert_eq!(computing.most.load(Ordering::SeqCst), PLACES);
    }
}
