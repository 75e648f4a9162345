//! The search contract: put if absent. An entry stands for ever where it was put first; a hospital cannot take another's place.

use yilian_crypto::search::IndexEntry;
use yilian_protocol::{
    StateKey,
    search::RecordIndex,
    state::tables::{CROSS, INDEX, index_name},
    tx::SealVisit,
};

use crate::{
    execute::{Verdict, require},
    state::{Overlay, Places, View},
};

/// Where the index of a visit's records goes.
#[derive(Debug)]
pub(crate) struct PreparedIndex {
    /// The entries, in their order.
    entries: Places,
    /// The records' cross tags, in the records' order.
    tags: Vec<StateKey>,
}

impl PreparedIndex {
    pub fn of(visit: &SealVisit) -> Self {
        let entries = entries(visit);
        let records = visit.records.iter();
        Self {
            entries: Places::of(
                entries.map(|entry| INDEX.key(&index_name(&visit.hospital, &entry.address))),
            ),
            tags: records
                .map(|sealed| CROSS.key(sealed.record.as_bytes()))
                .collect(),
        }
    }

    /// Where nothing may stand yet.
    pub fn places(&self) -> &[StateKey] {
        self.entries.keys()
    }
}

/// One index for each record, and every place free.
pub(crate) fn check(state: &impl View, visit: &SealVisit, index: &PreparedIndex) -> Verdict {
    require!(visit.index.len() == visit.records.len(), IndexMissing);
    require!(index.entries.are_free(state)?, IndexTaken);
    Ok(Ok(()))
}

/// Puts a visit's entries to their places, and its records' cross tags to theirs.
pub(crate) fn write<V: View>(
    state: &mut Overlay<'_, V>,
    visit: &SealVisit,
    prepared: &PreparedIndex,
) {
    for (entry, place) in entries(visit).zip(prepared.places()) {
        state.put(INDEX, *place, &entry.pointer);
    }
    for (index, place) in visit.index.iter().zip(&prepared.tags) {
        state.put(CROSS, *place, &index.tags());
    }
}

fn entries(visit: &SealVisit) -> impl Iterator<Item = &IndexEntry> {
    visit.index.iter().flat_map(RecordIndex::entries)
}
