//! The search contract: put if absent. An entry stands for ever where it was put first; a hospital cannot take another's place.

use yilian_crypto::search::IndexEntry;
use yilian_protocol::{
    StateKey,
    search::RecordIndex,
    state::tables::{CROSS, INDEX, index_name},
    tx::SealVisit,
};

use crate::state::{Overlay, View};

/// Puts a visit's entries to their places, and its records' cross tags to theirs.
pub(crate) fn write<V: View>(
    state: &mut Overlay<'_, V>,
    visit: &SealVisit,
    places: &[StateKey],
    tag_places: &[StateKey],
) {
    for (entry, place) in entries(visit).zip(places) {
        state.put(INDEX, *place, &entry.pointer);
    }
    for (index, place) in visit.index.iter().zip(tag_places) {
        state.put(CROSS, *place, &index.tags());
    }
}

/// Where the entries go, in their order.
pub(crate) fn places(visit: &SealVisit) -> impl Iterator<Item = StateKey> {
    entries(visit).map(|entry| INDEX.key(&index_name(&visit.hospital, &entry.address)))
}

/// Where the records' cross tags go, in the records' order.
pub(crate) fn tag_places(visit: &SealVisit) -> impl Iterator<Item = StateKey> {
    let records = visit.records.iter();
    records.map(|sealed| CROSS.key(sealed.record.as_bytes()))
}

fn entries(visit: &SealVisit) -> impl Iterator<Item = &IndexEntry> {
    visit.index.iter().flat_map(RecordIndex::entries)
}
