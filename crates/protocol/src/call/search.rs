//! Search by keyword: entries of an index, found by trapdoors. See [`crate::search`].

use super::{ANSWER_LARGE, BODY_SMALL};
use crate::{
    codec::List,
    ids::RecordId,
    limits::{CROSSINGS_MAX, OBJECT_MAX},
    search::{Crossing, Found, LookupRequest, Pointers, RecordIndex, Searches},
};

crate::calls! {
    /// The search index.
    contract SearchContract "search" {
        /// The record's index entries.
        index: GetIndex { id: RecordId } -> RecordIndex as Json, get "records/{id}/index"
            { body: 0, answer: OBJECT_MAX, caller: Anybody, work: Light, at_once: 64 };

        /// What stands at some addresses of an index.
        lookup: LookUp(LookupRequest) -> Pointers as Json, post "lookups"
            { body: BODY_SMALL, answer: ANSWER_LARGE, caller: Anybody,
              work: Light, at_once: 256 };

        /// The records that some trapdoors find.
        search: Search(Searches) -> Vec<Found> as Json, post "searches"
            { body: BODY_SMALL, answer: ANSWER_LARGE, caller: Anybody,
              work: Light, at_once: 256 };

        /// Whether records have the keywords of some cross tags.
        cross: Cross(List<Crossing, CROSSINGS_MAX>) -> Vec<bool> as Json, post "crossings"
            { body: BODY_SMALL, answer: ANSWER_LARGE, caller: Anybody,
              work: Light, at_once: 256 };
    }
}
