//! The contract of the search index: entries by address, records by trapdoor.

use yilian_crypto::search::Lookup;
use yilian_protocol::{
    RecordId,
    call::{Answered, CallError, Cross, GetIndex, LookUp, RecordEntry, Search, SearchContract},
    limits::RESULTS_MAX,
    refusal::Outcome,
    search::{Found, Pointer, Pointers, RecordIndex},
    state::tables::{CROSS, INDEX, RECORD, index_name},
    tx::Body,
};

use super::{Neighbour, Node};
use crate::consortium::ConsortiumChain;

impl<C: ConsortiumChain, N: Neighbour> SearchContract for Node<C, N> {
    /// Out of the transaction that sealed the record.
    async fn index(&self, GetIndex { id }: GetIndex) -> Answered<GetIndex> {
        self.index_of(id).await
    }

    async fn lookup(&self, LookUp(request): LookUp) -> Answered<LookUp> {
        let addresses = request.addresses.iter();
        let names = addresses.map(|address| index_name(&request.hospital, address));
        let pointers = self.read_each(INDEX, names.collect()).await?;
        let pointers = pointers.into_iter().map(|found| found.map(Pointer));
        Ok(Pointers(pointers.collect()))
    }

    /// Costs a look-up for each entry that the trapdoors cover, however large the index is.
    async fn search(&self, Search(finds): Search) -> Answered<Search> {
        let covered = finds
            .iter()
            .fold(0_u32, |sum, find| sum.saturating_add(find.trapdoor.count()));
        if covered > RESULTS_MAX {
            return Err(CallError::Invalid {
                message: format!("the trapdoors cover {covered} entries, over {RESULTS_MAX}"),
            });
        }
        let mut found = Vec::with_capacity(finds.len());
        for find in finds.iter() {
            let lookups: Vec<Lookup> = find.trapdoor.lookups().collect();
            let names = lookups
                .iter()
                .map(|lookup| index_name(&find.hospital, &lookup.address()));
            let pointers = self.read_each(INDEX, names.collect()).await?;
            let records = lookups.iter().zip(pointers).map(|(lookup, pointer)| {
                pointer
                    .and_then(|pointer| lookup.open(&pointer))
                    .map(RecordId::from_bytes)
            });
            found.push(Found {
                records: records.collect(),
            });
        }
        Ok(found)
    }

    async fn cross(&self, Cross(crossings): Cross) -> Answered<Cross> {
        let names = crossings
            .iter()
            .map(|crossing| crossing.record.as_bytes().to_vec());
        let records: Vec<Option<RecordEntry>> = self.read_each(RECORD, names.collect()).await?;
        // A record that is not there has the tags of no capsule, which are not there either.
        let capsules = records.iter().map(|entry| {
            let capsule = entry.as_ref().map(|entry| entry.sealed.capsule.to_bytes());
            capsule.map_or_else(Vec::new, |capsule| capsule.to_vec())
        });
        let tags = self.read_each(CROSS, capsules.collect()).await?;
        let pairs = crossings.iter().zip(tags);
        Ok(pairs
            .map(|(crossing, tags)| tags.is_some_and(|tags| tags.contains(&crossing.tag)))
            .collect())
    }
}

impl<C: ConsortiumChain, N: Neighbour> Node<C, N> {
    async fn index_of(&self, id: RecordId) -> Result<RecordIndex, CallError> {
        let entry = self.record_entry(id).await?;
        let block = self.block_at(entry.admitted.height).await?;
        let index = block.transactions.iter().find_map(|transaction| {
            let Body::Seal(visit) = &transaction.body else {
                return None;
            };
            let mut pairs = visit.records.iter().zip(visit.index.iter());
            let (_, index) = pairs.find(|(sealed, _)| sealed.record == id)?;
            (transaction.outcome == Outcome::Applied).then(|| index.clone())
        });
        index.ok_or_else(|| CallError::not_found("index"))
    }
}
