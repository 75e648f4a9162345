//! The record contract: create and read only. A record that exists is never changed; a correction is a new record.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | seal | the hospital's node | the hospital is unknown or may not act, the visit is another hospital's, any of its records exists, an index entry's place is taken |

use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{
    StateKey, TreeHash, registry::Admitted, search::RecordIndex, transport::RecordEntry,
    tx::SealVisit,
};

use crate::{
    execute::{Verdict, present, require},
    search,
    state::{
        Overlay, View,
        tables::{MEMBER, RECORD, VISIT, VISIT_RECORDS},
    },
};

/// What a seal's execution needs, and which takes hashing: made once, used at every node's every meeting with the transaction.
#[derive(Debug)]
pub(crate) struct PreparedSeal {
    /// Where the records go, in their order.
    records: Vec<StateKey>,
    /// Of each record's index.
    digests: Vec<TreeHash>,
    /// Where the index entries go, in their order.
    places: Vec<StateKey>,
    /// Where the records' cross tags go, in the records' order.
    tags: Vec<StateKey>,
    /// Whether no two records are one.
    records_distinct: bool,
    /// Whether no two index entries go to one place.
    places_distinct: bool,
}

impl PreparedSeal {
    pub fn of(visit: &SealVisit) -> Self {
        let records = visit.records.iter();
        let records: Vec<StateKey> = records
            .map(|sealed| RECORD.key(sealed.record.as_bytes()))
            .collect();
        let places: Vec<StateKey> = search::places(visit).collect();
        Self {
            digests: visit.index.iter().map(RecordIndex::digest).collect(),
            tags: search::tag_places(visit).collect(),
            records_distinct: are_distinct(&records),
            places_distinct: are_distinct(&places),
            records,
            places,
        }
    }
}

fn are_distinct(keys: &[StateKey]) -> bool {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    sorted.is_sorted_by(|before, after| before < after)
}

pub(crate) fn seal_reads(visit: &SealVisit, seal: &PreparedSeal) -> Vec<StateKey> {
    let nym = visit.nym.to_bytes();
    let fixed = [
        MEMBER.key(visit.hospital.as_bytes()),
        VISIT.key(&nym),
        VISIT_RECORDS.counts().key(&nym),
    ];
    let records = fixed.iter().chain(&seal.records);
    records.chain(&seal.places).copied().collect()
}

pub(crate) fn seal<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    signer: &VerifyingKey,
    visit: &SealVisit,
    seal: &PreparedSeal,
) -> Verdict {
    let nym = visit.nym.to_bytes();
    let hospital = present!(
        state.read(MEMBER, visit.hospital.as_bytes())?,
        MemberUnknown
    );
    require!(*signer == hospital.member.node, WrongSigner);
    require!(hospital.may_act().is_ok(), MemberSuspended);
    let first = state.read(VISIT, &nym)?;
    require!(
        first.is_none_or(|first| first == visit.hospital),
        ForeignVisit
    );
    require!(seal.records_distinct, RecordExists);
    for place in &seal.records {
        require!(state.get(place)?.is_none(), RecordExists);
    }
    require!(visit.index.len() == visit.records.len(), IndexMissing);
    require!(seal.places_distinct, IndexTaken);
    for place in &seal.places {
        require!(state.get(place)?.is_none(), IndexTaken);
    }

    if first.is_none() {
        state.write(VISIT, &nym, &visit.hospital);
    }
    let places = seal.records.iter().zip(&seal.digests);
    for (sealed, (place, digest)) in visit.records.iter().zip(places) {
        let entry = RecordEntry {
            sealed: sealed.clone(),
            nym: visit.nym,
            hospital: visit.hospital,
            index: *digest,
            admitted,
        };
        state.put(RECORD, *place, &entry);
    }
    if !visit.records.is_empty() {
        let records = visit.records.map(|sealed| sealed.record);
        state.append(&VISIT_RECORDS, &nym, &records)?;
    }
    search::write(state, visit, &seal.places, &seal.tags);
    Ok(Ok(()))
}
