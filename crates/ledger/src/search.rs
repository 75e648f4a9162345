//! The search contract: put if absent. An entry stands for ever where it was put first; a hospital cannot take another's place.

use std::collections::BTreeSet;

use yilian_crypto::search::IndexEntry;
use yilian_protocol::{
    StateKey,
    sealed::SealedRecord,
    search::RecordIndex,
    state::tables::{CROSS, INDEX, index_name},
    tx::SealVisit,
};

use crate::{
    execute::{Verdict, require},
    state::{Overlay, View},
};

pub(crate) fn reads(visit: &SealVisit) -> impl Iterator<Item = StateKey> {
    entries(visit).map(|entry| INDEX.key(&index_name(&visit.hospital, &entry.address)))
}

/// One index for each record, and every place free.
pub(crate) fn check<V: View>(state: &Overlay<'_, V>, visit: &SealVisit) -> Verdict {
    require!(visit.index.len() == visit.records.len(), IndexMissing);
    let mut seen = BTreeSet::new();
    for entry in entries(visit) {
        let name = index_name(&visit.hospital, &entry.address);
        require!(seen.insert(entry.address), IndexTaken);
        require!(state.read(INDEX, &name)?.is_none(), IndexTaken);
    }
    Ok(Ok(()))
}

pub(crate) fn write<V: View>(
    state: &mut Overlay<'_, V>,
    visit: &SealVisit,
    sealed: &SealedRecord,
    index: &RecordIndex,
) {
    for entry in index.entries() {
        let name = index_name(&visit.hospital, &entry.address);
        state.write(INDEX, &name, &entry.pointer);
    }
    state.write(CROSS, sealed.record.as_bytes(), &index.tags());
}

fn entries(visit: &SealVisit) -> impl Iterator<Item = &IndexEntry> {
    visit.index.iter().flat_map(RecordIndex::entries)
}
