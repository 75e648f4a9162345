//! The contract of medicines' traces.

use yilian_protocol::{
    call::{Answered, GetTrace, Offset, Page, TraceContract},
    limits::TRACE_PAGE_MAX,
    state::tables::{TRACE, TRACE_ITEM, TRACE_SHARED, trace_item_name},
    trace::TraceEntry,
};

use super::{Neighbour, Node};
use crate::consortium::ConsortiumChain;

impl<C: ConsortiumChain, N: Neighbour> TraceContract for Node<C, N> {
    async fn trace(&self, call: GetTrace) -> Answered<GetTrace> {
        let GetTrace {
            id,
            from: Offset(from),
        } = call;
        let head = self.read(TRACE, id.as_bytes()).await?;
        let total = head.map_or(0, |head| head.length);
        let until = total.min(from.saturating_add(TRACE_PAGE_MAX));
        let places = (from..until).map(|place| trace_item_name(&id, place));
        let items = self.read_all(TRACE_ITEM, places.collect()).await?;
        let shared = items.iter().map(|item| item.shared.as_bytes().to_vec());
        let shared = self.read_all(TRACE_SHARED, shared.collect()).await?;
        let entries = items.into_iter().zip(shared);
        Ok(Page {
            entries: entries
                .map(|(item, shared)| TraceEntry { item, shared })
                .collect(),
            total,
        })
    }
}
