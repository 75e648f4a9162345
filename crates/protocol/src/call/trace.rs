//! A medicine's trail. See [`crate::trace`].

use super::{ANSWER_LARGE, Offset, Page};
use crate::{ids::TraceId, trace::TraceEntry};

crate::calls! {
    /// Traces of packs.
    contract TraceContract "trace" {
        /// The entries of a pack's trace, its events sealed, from the place `from` on.
        trace: GetTrace { id: TraceId, from: Offset } -> Page<TraceEntry> as Json, get "traces/{id}"
            { body: 0, answer: ANSWER_LARGE, caller: Anybody, work: Light, at_once: 256 };
    }
}
