//! Places for what a node computes before it knows whether a caller is anybody: pairings over a
//! stamp that may be none, signatures under the pseudonym of a visit, records that anybody may have
//! turned, sealed asks. Each takes up to some milliseconds, and costs the caller nothing.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use yilian_protocol::call::CallError;

/// At once, of each kind: whoever floods a node takes no more than this of its processors. Others
/// wait for their turn behind him, as many as the call has places.
const PLACES: usize = 2;

/// The places. Each kind has its own: who floods one of them holds up none of the others.
#[derive(Debug, Default)]
pub(crate) struct Unproven {
    /// For letters, and for who asks for stamps.
    pub(crate) mail: Places,
    /// For records that are turned once.
    pub(crate) turning: Places,
    /// For sealed asks.
    pub(crate) asks: Places,
}

/// Those of one kind.
#[derive(Debug)]
pub(crate) struct Places(Arc<Semaphore>);

/// One of them. Whoever computes holds it, and not who asked: he may hang up, and ask again, while
/// it is computed.
pub(crate) type Place = OwnedSemaphorePermit;

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Places {
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
pub(crate) mod tests;
