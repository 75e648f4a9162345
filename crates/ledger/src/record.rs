//! The record contract: create and read only. A record that exists is never changed; a correction
//! is a new record.
//!
//! - `seal`, signed by the hospital's node: refused when the hospital is unknown or may not act,
//!   the visit is another hospital's, its pseudonym did not sign for this one, any of its records
//!   exists, a capsule stands on the chain already, or an index entry's place is taken.

use yilian_protocol::{
    ChainId, RecordId, TreeHash,
    call::RecordEntry,
    codec::List,
    evidence::VisitEntry,
    limits::RECORDS_MAX,
    refusal::Refusal,
    registry::MemberEntry,
    search::RecordIndex,
    state::tables::{MEMBER, RECORD, VISIT, VISIT_RECORDS},
    tx::SealVisit,
};

use crate::{
    rule::{Context, Declaration, Overlay, Rule, Slot, Tail},
    search::{IndexReads, Places},
    verdict::{Stop, require},
};

/// What a seal reads, and the digests that it writes.
#[derive(Debug)]
pub(crate) struct SealReads {
    hospital: Slot<MemberEntry>,
    visit: Slot<VisitEntry>,
    visit_records: Tail<List<RecordId, RECORDS_MAX>>,
    /// Where the records go, in their order.
    records: Places<RecordEntry>,
    index: IndexReads,
    /// Of each record's index.
    digests: Vec<TreeHash>,
}

/// What can be said of a seal without looking at the state: done once at the border and once in the
/// block.
///
/// # Errors
/// [`Refusal::VisitUnbound`] when the pseudonym did not sign for the hospital.
pub(crate) fn check(chain: ChainId, seal: &SealVisit) -> Result<(), Refusal> {
    let Some(binding) = &seal.binding else {
        return Ok(());
    };
    let signed = binding.verify(chain, seal.hospital, &seal.nym);
    require(signed.is_ok(), Refusal::VisitUnbound)
}

/// The visit that is sealed, when `known` is what the chain knows of it: the first seal shows that
/// its pseudonym signed, and later ones contradict it in nothing.
fn bound(seal: &SealVisit, known: Option<VisitEntry>) -> Result<VisitEntry, Refusal> {
    let said = seal.binding.as_ref().map(|binding| VisitEntry {
        hospital: seal.hospital,
        visit: binding.visit,
    });
    let entry = known.or(said).ok_or(Refusal::VisitUnbound)?;
    require(entry.hospital == seal.hospital, Refusal::ForeignVisit)?;
    require(said.is_none_or(|said| said == entry), Refusal::VisitUnbound)?;
    Ok(entry)
}

impl Rule for SealVisit {
    type Reads = SealReads;

    fn reads(&self, declare: &mut Declaration) -> SealReads {
        let nym = self.nym.to_bytes();
        let records = self.records.iter().map(|sealed| sealed.record.as_bytes());
        let hospital = declare.slot(MEMBER, self.hospital.as_bytes());
        declare.authorising_ends();
        SealReads {
            hospital,
            visit: declare.slot(VISIT, &nym),
            visit_records: declare.tail(&VISIT_RECORDS, &nym),
            records: Places::of(declare.slots(RECORD, records)),
            index: IndexReads::of(self, declare),
            digests: self.index.iter().map(RecordIndex::digest).collect(),
        }
    }

    fn authorise(
        &self,
        reads: &SealReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let hospital = reads.hospital.need(state, Refusal::MemberUnknown)?;
        Ok(context.signed_by_node(&hospital)?)
    }

    fn apply(
        &self,
        reads: &SealReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let known = reads.visit.get(state)?;
        let bound = bound(self, known)?;
        require(reads.records.are_free(state)?, Refusal::RecordExists)?;
        reads.index.check(state, self)?;

        if known.is_none() {
            reads.visit.set(state, &bound);
        }
        let sealed = self.records.iter().zip(&reads.digests);
        let entries = sealed.map(|(sealed, digest)| RecordEntry {
            sealed: sealed.clone(),
            nym: self.nym,
            hospital: self.hospital,
            index: *digest,
            admitted: context.admitted,
        });
        reads.records.put(state, entries);
        if !self.records.is_empty() {
            let records = self.records.map(|sealed| sealed.record);
            reads.visit_records.push(state, &records)?;
        }
        reads.index.put(state, self);
        Ok(())
    }
}
