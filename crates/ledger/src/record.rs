//! The record contract: create and read only. A record that exists is never changed; a correction is a new record.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | seal | the hospital's node | the hospital is unknown or may not act, the visit is another hospital's, any of its records exists, an index entry's place is taken |

use std::collections::BTreeSet;

use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{StateKey, registry::Admitted, transport::RecordEntry, tx::SealVisit};

use crate::{
    execute::{Verdict, present, require},
    search,
    state::{
        Overlay, View,
        tables::{MEMBER, RECORD, VISIT, VISIT_RECORDS},
    },
};

pub(crate) fn seal_reads(visit: &SealVisit) -> Vec<StateKey> {
    let nym = visit.nym.to_bytes();
    let fixed = [
        MEMBER.key(visit.hospital.as_bytes()),
        VISIT.key(&nym),
        VISIT_RECORDS.counts().key(&nym),
    ];
    let records = visit
        .records
        .iter()
        .map(|sealed| RECORD.key(sealed.record.as_bytes()));
    let records = fixed.into_iter().chain(records);
    records.chain(search::reads(visit)).collect()
}

pub(crate) fn seal<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    signer: &VerifyingKey,
    visit: &SealVisit,
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
    for sealed in visit.records.iter() {
        require!(seen.insert(sealed.record), RecordExists);
        require!(
            state.read(RECORD, sealed.record.as_bytes())?.is_none(),
            RecordExists
        );
    }
    let places = match search::check(state, visit)? {
        Ok(places) => places,
        Err(refusal) => return Ok(Err(refusal)),
    };

    state.write(VISIT, &nym, &visit.hospital);
    for (sealed, index) in visit.records.iter().zip(visit.index.iter()) {
        let entry = RecordEntry {
            sealed: sealed.clone(),
            nym: visit.nym,
            hospital: visit.hospital,
            index: index.digest(),
            admitted,
        };
        state.write(RECORD, sealed.record.as_bytes(), &entry);
        state.append(&VISIT_RECORDS, &nym, &sealed.record)?;
    }
    search::write(state, visit, places);
    Ok(Ok(()))
}
