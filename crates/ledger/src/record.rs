//! The record contract: create and read only. A record that exists is never changed; a correction is a new record.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | seal | the hospital's node | the hospital is unknown or may not act, the visit is another hospital's, any of its records exists, an index entry's place is taken |

use std::collections::BTreeSet;

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
}

impl PreparedSeal {
    pub fn of(visit: &SealVisit) -> Self {
        let records = visit.records.iter();
        Self {
            records: records
                .map(|sealed| RECORD.key(sealed.record.as_bytes()))
                .collect(),
            digests: visit.index.iter().map(RecordIndex::digest).collect(),
            places: search::places(visit).collect(),
        }
    }
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
    let mut seen = BTreeSet::new();
    for (sealed, place) in visit.records.iter().zip(&seal.records) {
        require!(seen.insert(sealed.record), RecordExists);
        require!(state.get(place)?.is_none(), RecordExists);
    }
    if let Err(refusal) = search::check(state, visit, &seal.places)? {
        return Ok(Err(refusal));
    }

    state.write(VISIT, &nym, &visit.hospital);
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
        state.append(&VISIT_RECORDS, &nym, &sealed.record)?;
    }
    search::write(state, visit, &seal.places);
    Ok(Ok(()))
}
