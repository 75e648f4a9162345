//! Objects that are on their way from neighbours: each is fetched once, however many ask for it at
//! the same time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OnceCell;
use yilian_protocol::{RecordId, call::CallError, sealed::SealedObject};

/// What comes of it, for all who wait.
type Fetched = OnceCell<Result<Arc<SealedObject>, CallError>>;

/// Those that are on their way.
#[derive(Debug, Default)]
pub(crate) struct Fetching(Mutex<BTreeMap<RecordId, Weak<Fetched>>>);

impl Fetching {
    /// The object of a record: what `fetch` gets, or what somebody is getting already. When he
    /// hangs up, or has no room for it, the next who waits fetches it.
    ///
    /// # Errors
    /// Those of the one who fetches.
    pub async fn once(
        &self,
        id: RecordId,
        fetch: impl Future<Output = Result<SealedObject, CallError>>,
    ) -> Result<Arc<SealedObject>, CallError> {
        let cell = self.cell(id);
        let fetched = cell.get_or_try_init(async || match fetch.await {
            // That is the caller's own affair.
            Err(busy @ CallError::Busy { .. }) => Err(busy),
            fetched => Ok(fetched.map(Arc::new)),
        });
        fetched.await?.clone()
    }

    fn cell(&self, id: RecordId) -> Arc<Fetched> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = known.get(&id).and_then(Weak::upgrade) {
            return cell;
        }
        // There are no more than the places of the calls that fetch.
        known.retain(|_, cell| cell.strong_count() > 0);
        let cell = Arc::new(Fetched::new());
        known.insert(id, Arc::downgrade(&cell));
        cell
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::pending};

    use futures::poll;

    use super::*;

    const BUSY: CallError = CallError::Busy { retry_ms: 1 };

    #[tokio::test]
    async fn one_object_is_fetched_once_however_many_ask() {
        let (fetching, count) = (Fetching::default(), Cell::new(0));
        let id = RecordId::from_bytes([1; 32]);
        let fetch = async |hangs: bool, error: CallError| {
            count.set(count.get() + 1);
            if hangs {
                pending::<()>().await;
            }
            Err(error)
        };
        let none = CallError::not_found("object");
        let mut first = Box::pin(fetching.once(id, fetch(true, none.clone())));
        assert!(poll!(&mut first).is_pending());
        let mut others: Vec<_> = (0..32)
            .map(|_| Box::pin(fetching.once(id, fetch(false, none.clone()))))
            .collect();
        for other in &mut others {
            assert!(poll!(other).is_pending());
        }
        assert_eq!(count.get(), 1);
        // He hangs up: one of the others fetches it, and all of them have it.
        drop(first);
        for other in others {
            assert_eq!(other.await.unwrap_err(), none);
        }
        assert_eq!(count.get(), 2);
        // Who has no room spoils nobody's answer; and later it is fetched anew.
        let busy = fetching.once(id, fetch(false, BUSY)).await;
        assert_eq!(busy.unwrap_err(), BUSY);
        let again = fetching.once(id, fetch(false, none.clone())).await;
        assert_eq!((again.unwrap_err(), count.get()), (none, 4));
        assert!(fetching.0.lock().unwrap().len() <= 1);
    }
}
