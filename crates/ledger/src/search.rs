//! The search contract: put if absent. An entry stands for ever where it was put first; a hospital
//! cannot take another's place.

use std::borrow::Borrow;

use yilian_crypto::search::{IndexEntry, MaskedPointer};
use yilian_protocol::{
    codec::Encode,
    refusal::Refusal,
    search::{CrossTags, RecordIndex},
    state::tables::{CROSS, INDEX, index_name},
    tx::SealVisit,
};

use crate::{
    rule::{Declaration, Overlay, Slots},
    state::StateError,
    verdict::{Stop, require},
};

/// Where values are put that stand nowhere yet.
#[derive(Debug)]
pub(crate) struct Places<T> {
    slots: Slots<T>,
    distinct: bool,
}

impl<T: Encode> Places<T> {
    pub fn of(slots: Slots<T>) -> Self {
        let mut sorted = slots.keys().to_vec();
        sorted.sort_unstable();
        Self {
            distinct: sorted.is_sorted_by(|before, after| before < after),
            slots,
        }
    }

    /// Whether each is another, and nothing stands at any.
    pub fn are_free(&self, state: &Overlay<'_>) -> Result<bool, StateError> {
        for slot in self.slots.iter() {
            if !slot.is_free(state)? {
                return Ok(false);
            }
        }
        Ok(self.distinct)
    }

    /// Puts values there, in the order of the places.
    pub fn put(&self, state: &mut Overlay<'_>, values: impl IntoIterator<Item = impl Borrow<T>>) {
        for (slot, value) in self.slots.iter().zip(values) {
            slot.set(state, value.borrow());
        }
    }
}

/// Where the index of a visit's records goes.
#[derive(Debug)]
pub(crate) struct IndexReads {
    /// The entries, in their order.
    entries: Places<MaskedPointer>,
    /// The records' cross tags, in the records' order.
    tags: Places<CrossTags>,
}

impl IndexReads {
    pub fn of(visit: &SealVisit, declare: &mut Declaration) -> Self {
        let names = entries(visit).map(|entry| index_name(&visit.hospital, &entry.address));
        let entries = Places::of(declare.slots(INDEX, names));
        let capsules = visit.records.iter();
        let capsules = capsules.map(|sealed| sealed.capsule.to_bytes());
        Self {
            entries,
            tags: Places::of(declare.slots(CROSS, capsules)),
        }
    }

    /// One index for each record, every capsule new, and every place free.
    pub fn check(&self, state: &Overlay<'_>, visit: &SealVisit) -> Result<(), Stop> {
        require(
            visit.index.len() == visit.records.len(),
            Refusal::IndexMissing,
        )?;
        require(self.tags.are_free(state)?, Refusal::CapsuleExists)?;
        require(self.entries.are_free(state)?, Refusal::IndexTaken)?;
        Ok(())
    }

    /// Puts a visit's entries to their places, and its records' cross tags to theirs.
    pub fn put(&self, state: &mut Overlay<'_>, visit: &SealVisit) {
        let pointers = entries(visit).map(|entry| &entry.pointer);
        self.entries.put(state, pointers);
        self.tags
            .put(state, visit.index.iter().map(RecordIndex::tags));
    }
}

fn entries(visit: &SealVisit) -> impl Iterator<Item = &IndexEntry> {
    visit.index.iter().flat_map(RecordIndex::entries)
}
