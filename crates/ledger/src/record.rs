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
    search::{self, PreparedIndex},
    state::{
        Overlay, Places, View,
        tables::{MEMBER, RECORD, VISIT, VISIT_RECORDS},
    },
};

/// What a seal's execution needs, and which takes hashing: made once, used at every node's every meeting with the transaction.
#[derive(Debug)]
pub(crate) struct PreparedSeal {
    /// Where the records go, in their order.
    records: Places,
    /// Of each record's index.
    digests: Vec<TreeHash>,
    index: PreparedIndex,
}

impl PreparedSeal {
    pub fn of(visit: &SealVisit) -> Self {
        let records = visit.records.iter();
        Self {
            records: Places::of(records.map(|sealed| RECORD.key(sealed.record.as_bytes()))),
            digests: visit.index.iter().map(RecordIndex::digest).collect(),
            index: PreparedIndex::of(visit),
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
    let records = fixed.iter().chain(seal.records.keys());
    records.chain(seal.index.places()).copied().collect()
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
    require!(seal.records.are_free(state)?, RecordExists);
    if let Err(refusal) = search::check(state, visit, &seal.index)? {
        return Ok(Err(refusal));
    }

    if first.is_none() {
        state.write(VISIT, &nym, &visit.hospital);
    }
    let places = seal.records.keys().iter().zip(&seal.digests);
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
    search::write(state, visit, &seal.index);
    Ok(Ok(()))
}
