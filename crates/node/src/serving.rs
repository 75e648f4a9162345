//! What the caller of a call holds while it is served: a place of the call's, and bytes. Whoever
//! serves it may give the place back, when it is passed on and costs this node nothing more.
//!
//! It goes along with the task that serves the call. Where nobody holds anything, as inside a
//! process, there is nothing to give back or to count.

use std::cell::RefCell;

use tokio::{sync::OwnedSemaphorePermit, task_local};
use yilian_protocol::call::CallError;

use crate::connections::{Allowance, Held};

task_local! {
    static SERVED: Served;
}

struct Served {
    place: RefCell<Option<OwnedSemaphorePermit>>,
    allowance: Allowance,
}

/// Serves a call, whose caller has this place and this allowance.
pub(crate) async fn serve<R>(
    place: OwnedSemaphorePermit,
    allowance: Allowance,
    served: impl Future<Output = R>,
) -> R {
    let held = Served {
        place: RefCell::new(Some(place)),
        allowance,
    };
    SERVED.scope(held, served).await
}

/// Gives the call's place back: what it still takes is counted elsewhere.
pub(crate) fn leave_place() {
    // Outside of a call there is none.
    drop(SERVED.try_with(|served| served.place.borrow_mut().take()));
}

/// Bytes of an answer that is still being got together, as the caller's; nothing of it came yet.
pub(crate) fn answer() -> Option<Held> {
    SERVED.try_with(|served| served.allowance.awaited()).ok()
}

/// Holds that many of them.
///
/// # Errors
/// [`CallError::Busy`] when the caller has no room for them.
pub(crate) fn answer_of(bytes: u64) -> Result<Option<Held>, CallError> {
    let mut held = answer();
    if let Some(held) = &mut held {
        held.grow(usize::try_from(bytes).unwrap_or(usize::MAX))?;
    }
    Ok(held)
}
