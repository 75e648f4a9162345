//! The search contract: put if absent. An entry stands for ever where it was put first; a hospital cannot take another's place.

use std::collections::BTreeSet;

use yilian_crypto::search::IndexEntry;
use yilian_protocol::{
    StateKey,
    search::RecordIndex,
    state::tables::{CROSS, INDEX, index_name},
    tx::SealVisit,
};

use crate::{
    execute::{Verdict, require},
    state::{Overlay, View},
};

/// One index for each record, and every place free.
pub(crate) fn check<V: View>(
    state: &Overlay<'_, V>,
    visit: &SealVisit,
    places: &[StateKey],
) -> Verdict {
    require!(visit.index.len() == visit.records.len(), IndexMissing);
    let distinct: BTreeSet<&StateKey> = places.iter().collect();
    require!(distinct.len() == places.len(), IndexTaken);
    for place in places {
        require!(state.get(place)?.is_none(), IndexTaken);
    }
    Ok(Ok(()))
}

/// Puts a visit's entries to their places, and its records' cross tags beside.
pub(crate) fn write<V: View>(state: &mut Overlay<'_, V>, visit: &SealVisit, places: &[StateKey]) {
    for (entry, place) in entries(visit).zip(places) {
        state.put(INDEX, *place, &entry.pointer);
    }
    for (sealed, index) in visit.records.iter().zip(visit.index.iter()) {
        state.write(CROSS, sealed.record.as_bytes(), &index.tags());
    }
}

/// Where the entries go, in their order.
pub(crate) fn places(visit: &SealVisit) -> impl Iterator<Item = StateKey> {
    entries(visit).map(|entry| INDEX.key(&index_name(&visit.hospital, &entry.address)))
}

fn entries(visit: &SealVisit) -> impl Iterator<Item = &IndexEntry> {
    visit.index.iter().flat_map(RecordIndex::entries)
}
