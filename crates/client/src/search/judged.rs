//! What a node told of a search, sorted; and who is to blame for an entry that leads nowhere.
//!
//! An entry of the index is the node's word. But each record commits to its own entries under the
//! state root, so a patient can prove those of her records, and tells an author's fault from the
//! node's. Whoever searches by a letter cannot.

use std::collections::{BTreeMap, BTreeSet};

use yilian_crypto::search::{Address, Lookup, MaskedPointer};
use yilian_protocol::{
    CertificateId, MemberId, RecordId,
    call::{RecordEntry, Transport},
    search::{CrossTags, RecordIndex},
};

use super::{Blame, FalseEntry, FalsePointer, Hit, Hits, SearchLetter, SearchPart, Told};
use crate::{ClientError, Session};

/// The index entries of the patient's records, as the chain commits to them.
#[derive(Default)]
pub(crate) struct ProvenIndex {
    pointers: BTreeMap<(MemberId, Address), MaskedPointer>,
    records: BTreeMap<RecordId, Tagged>,
}

/// The cross tags of a record's index, and where it was made.
pub(super) struct Tagged {
    pub hospital: MemberId,
    pub tags: CrossTags,
}

impl ProvenIndex {
    /// Adds the index of the record of `entry`, which commits to it.
    pub(crate) fn add(&mut self, entry: &RecordEntry, index: &RecordIndex) {
        let hospital = entry.hospital;
        for one in index.entries() {
            self.pointers.insert((hospital, one.address), one.pointer);
        }
        let tags = index.tags();
        let record = entry.sealed.record;
        self.records.insert(record, Tagged { hospital, tags });
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.pointers.len()
    }

    pub(super) fn holds(&self, hospital: MemberId, address: Address) -> bool {
        self.pointers.contains_key(&(hospital, address))
    }

    pub(super) fn records(&self) -> impl Iterator<Item = (RecordId, &Tagged)> {
        self.records
            .iter()
            .map(|(record, tagged)| (*record, tagged))
    }

    /// What is proven to stand where `lookup` looks; `None` when nothing is proven of it.
    fn leads(&self, hospital: MemberId, lookup: &Lookup) -> Option<Option<RecordId>> {
        let pointer = self.pointers.get(&(hospital, lookup.address()))?;
        Some(lookup.open(pointer).map(RecordId::from_bytes))
    }

    /// Whether the node told what is proven to stand there; `None` when nothing is proven of it.
    ///
    /// # Errors
    /// [`ClientError::Withheld`] when it is proven to lead to a record of which the node told
    /// nothing, [`ClientError::WrongAnswer`] when it leads to none.
    fn compare(
        &self,
        hospital: MemberId,
        lookup: &Lookup,
        told: Option<RecordId>,
    ) -> Result<Option<Option<RecordId>>, ClientError> {
        match self.leads(hospital, lookup) {
            Some(Some(record)) if told != Some(record) => Err(ClientError::Withheld { hospital }),
            Some(None) if told.is_some() => Err(ClientError::WrongAnswer { request: "search" }),
            truth => Ok(truth),
        }
    }

    /// Compares all that the node told of `letter`, and returns the records that are proven to be
    /// led to.
    ///
    /// # Errors
    /// As for one entry, when the node told of any what it is not.
    pub(crate) fn check(
        &self,
        letter: &SearchLetter,
        told: &Told,
    ) -> Result<BTreeSet<RecordId>, ClientError> {
        let mut led_to = BTreeSet::new();
        for (place, (part, found)) in letter.parts.iter().zip(&told.found).enumerate() {
            for (lookup, record) in part.trapdoor.lookups().zip(found) {
                let truth = self.compare(part.hospital, &lookup, *record)?;
                led_to.extend(truth.flatten());
            }
            self.check_crossings(part, |record| told.lacks(place, record))?;
        }
        Ok(led_to)
    }

    fn check_crossings(
        &self,
        part: &SearchPart,
        told: impl Fn(RecordId) -> bool,
    ) -> Result<(), ClientError> {
        let mut lacks: BTreeMap<RecordId, bool> = BTreeMap::new();
        for crossing in &part.crossings {
            if let Some(known) = self.records.get(&crossing.record) {
                let lacking = !known.tags.contains(&crossing.tag);
                *lacks.entry(crossing.record).or_default() |= lacking;
            }
        }
        for (record, lacking) in lacks {
            match (lacking, told(record)) {
                (false, true) => {
                    let hospital = part.hospital;
                    return Err(ClientError::Withheld { hospital });
                }
                (true, false) => return Err(ClientError::WrongAnswer { request: "cross" }),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What a node told of a search: records that are there, and entries that lead nowhere.
pub(crate) struct Sorted {
    hits: BTreeMap<RecordId, Hit>,
    doubts: Vec<Doubt>,
}

/// An entry that leads nowhere, as the node says.
struct Doubt {
    lookup: Lookup,
    writer: CertificateId,
    hospital: MemberId,
    cause: FalsePointer,
}

/// Looks up what the node told of `letter`: whether a record is there, and whose, is proven.
pub(crate) async fn sort<T: Transport>(
    session: &Session<T>,
    letter: &SearchLetter,
    told: &Told,
) -> Result<Sorted, ClientError> {
    let mut sorted = Sorted {
        hits: BTreeMap::new(),
        doubts: Vec::new(),
    };
    for (place, (part, records)) in letter.parts.iter().zip(&told.found).enumerate() {
        let (writer, hospital) = (part.writer, part.hospital);
        for (lookup, record) in part.trapdoor.lookups().zip(records) {
            let entry = match record {
                Some(record) if sorted.hits.contains_key(record) => continue,
                Some(record) => session.find_record(*record).await?,
                None => None,
            };
            let cause = match (*record, entry) {
                (None, _) => FalsePointer::Unreadable,
                (Some(record), None) => FalsePointer::NoRecord(record),
                (Some(record), Some(entry)) if entry.hospital != hospital => {
                    FalsePointer::ForeignRecord(record)
                }
                (Some(record), Some(_)) if told.lacks(place, record) => continue,
                (Some(record), Some(entry)) => {
                    sorted.hits.insert(record, Hit { entry, writer });
                    continue;
                }
            };
            sorted.doubts.push(Doubt {
                lookup,
                writer,
                hospital,
                cause,
            });
        }
    }
    Ok(sorted)
}

impl Sorted {
    /// Whether every entry leads to a record.
    pub(crate) fn is_clear(&self) -> bool {
        self.doubts.is_empty()
    }

    /// For whoever can prove nothing of the index: a false entry is its author's fault, or the
    /// node's.
    pub(crate) fn unjudged(self) -> Hits {
        let doubts = self.doubts.into_iter();
        let entries = doubts.map(|doubt| doubt.blamed(Blame::AuthorOrNode));
        hits(self.hits, entries.collect())
    }

    /// For the patient: an author is blamed for what `index` proves.
    ///
    /// # Errors
    /// [`ClientError::Withheld`] or [`ClientError::WrongAnswer`] when it proves that the node did
    /// not tell the truth of an entry.
    pub(crate) fn judged(self, index: &ProvenIndex) -> Result<Hits, ClientError> {
        let mut entries = BTreeSet::new();
        for doubt in self.doubts {
            let truth = index.compare(doubt.hospital, &doubt.lookup, doubt.cause.record())?;
            let blame = truth.map_or(Blame::AuthorOrNode, |_| Blame::Author);
            entries.insert(doubt.blamed(blame));
        }
        Ok(hits(self.hits, entries))
    }
}

impl Doubt {
    fn blamed(self, blame: Blame) -> FalseEntry {
        FalseEntry {
            writer: self.writer,
            hospital: self.hospital,
            cause: self.cause,
            blame,
        }
    }
}

impl Hits {
    /// Leaves only the records that are proven to be led to; for the others no author is blamed,
    /// and no node.
    pub(super) fn within(mut self, proven: &BTreeSet<RecordId>) -> Self {
        let is_proven = |hit: &Hit| proven.contains(&hit.entry.sealed.record);
        let (hits, others): (Vec<Hit>, Vec<Hit>) = self.hits.into_iter().partition(is_proven);
        self.false_entries
            .extend(others.iter().map(|hit| FalseEntry {
                writer: hit.writer,
                hospital: hit.entry.hospital,
                cause: FalsePointer::Uncommitted(hit.entry.sealed.record),
                blame: Blame::AuthorOrNode,
            }));
        self.false_entries.sort_unstable();
        Self { hits, ..self }
    }
}

fn hits(hits: BTreeMap<RecordId, Hit>, false_entries: BTreeSet<FalseEntry>) -> Hits {
    let mut hits: Vec<Hit> = hits.into_values().collect();
    hits.sort_by_key(|hit| (hit.entry.admitted.height, hit.entry.sealed.record));
    Hits {
        hits,
        false_entries: false_entries.into_iter().collect(),
    }
}
