//! The write-once part of the state: an authenticated log of pages, and where in it each row stands.
//!
//! What comes in bulk (a record brings 17 rows) costs by the page, not by the row: a page is hashed, framed and proven as one. A
//! block's rows are put into pages in the order of their keys, so all nodes have the same log.

use std::future::Future;

use bytes::Bytes;
use commonware_codec::RangeCfg;
use commonware_cryptography::blake3::Blake3;
use commonware_glue::stateful::db::{Shared, keyless::standard::KeylessUnmerkleized};
use commonware_parallel::Sequential;
use commonware_storage::{
    journal::contiguous::variable::Journal,
    mmr::{self, Location},
    qmdb::{self, any::value::VariableEncoding, keyless},
};
use yilian_protocol::StateKey;

use super::{
    application::fault,
    page::{self, PAGE_MAX, Page},
    row_index::RowIndex,
    runtime::Runtime,
};

/// The log. Each of its values is a page.
pub(super) type Once<E> = keyless::variable::Db<mmr::Family, E, Bytes, Blake3, Sequential>;
type Operation = keyless::variable::Operation<mmr::Family, Bytes>;
/// A batch of further pages.
pub(super) type OnceBatch<E> = KeylessUnmerkleized<
    mmr::Family,
    E,
    VariableEncoding<Bytes>,
    Journal<E, Operation>,
    Blake3,
    Sequential,
>;
/// How an operation of the log is read.
pub(super) type OnceOpConfig = RangeCfg<usize>;
type Found = Vec<Option<Bytes>>;
type ReadError = qmdb::Error<mmr::Family>;

/// Pages read at a time: 4 MiB of full ones.
pub(super) const READ_MAX: u64 = 1_024;

/// A log of pages that can be read.
pub(super) trait Pages: Sync {
    /// Where it ends.
    fn end(&self) -> u64;

    /// The pages at `places`, which rise. Nothing stands where a block was committed.
    fn read(&self, places: &[Location]) -> impl Future<Output = Result<Found, ReadError>> + Send;
}

impl<E: Runtime> Pages for Once<E> {
    fn end(&self) -> u64 {
        *self.bounds().end
    }

    async fn read(&self, places: &[Location]) -> Result<Found, ReadError> {
        self.get_many(places).await
    }
}

impl<E: Runtime> Pages for OnceBatch<E> {
    fn end(&self) -> u64 {
        *self.size()
    }

    async fn read(&self, places: &[Location]) -> Result<Found, ReadError> {
        self.get_many(places).await
    }
}

/// Sees to it that `index` has the rows of the blocks of before this start.
pub(super) async fn index_batch<E: Runtime>(index: &RowIndex, batch: &OnceBatch<E>) {
    index.filled(fill(index, batch)).await;
}

/// The same with the state after the latest block applied.
pub(super) async fn index_latest<E: Runtime>(index: &RowIndex, log: &Shared<Once<E>>) {
    index
        .filled(async { fill(index, &*log.read().await).await })
        .await;
}

async fn fill(index: &RowIndex, log: &impl Pages) {
    let mut next = 0;
    while next < log.end() {
        let places: Vec<u64> = (next..log.end().min(next + READ_MAX)).collect();
        for (place, page) in places.iter().zip(read(log, &places).await) {
            let rows = page.iter().flat_map(|page| page::rows(page));
            index.note(number(*place), rows.map(|(key, _)| key));
        }
        next += READ_MAX;
    }
    if next > READ_MAX {
        tracing::info!(pages = log.end(), "the state's rows are indexed");
    }
}

/// The values at `keys`, in their order. The index must have been filled.
pub(super) async fn find(
    index: &RowIndex,
    log: &impl Pages,
    keys: &[StateKey],
) -> Vec<Option<Vec<u8>>> {
    let mut values = vec![None; keys.len()];
    let end = log.end();
    let mut hints = index.pages(keys);
    // Pages of other forks, and of blocks that this log does not have yet.
    hints.retain(|(page, _)| u64::from(*page) < end);
    let named = hints.chunk_by(|(page, _), (next, _)| page == next);
    let named: Vec<&[(u32, usize)]> = named.collect();
    for some in named.chunks(usize::try_from(READ_MAX).unwrap_or(usize::MAX)) {
        let places = some.iter().filter_map(|hints| hints.first());
        let places: Vec<u64> = places.map(|(page, _)| u64::from(*page)).collect();
        let pages = read(log, &places).await;
        for (page, hints) in pages.iter().zip(some) {
            let rows = page.iter().flat_map(|page| page::rows(page));
            for (key, value) in rows {
                let asked = hints
                    .iter()
                    .filter(|(_, place)| keys.get(*place) == Some(&key));
                for (_, place) in asked {
                    if let Some(slot) = values.get_mut(*place) {
                        *slot = Some(value.to_vec());
                    }
                }
            }
        }
    }
    values
}

/// Adds rows, which stand in the order of their keys.
pub(super) fn append<E: Runtime>(
    index: &RowIndex,
    mut batch: OnceBatch<E>,
    rows: impl IntoIterator<Item = (StateKey, Vec<u8>)>,
) -> OnceBatch<E> {
    for Page { keys, bytes } in Page::fill(rows) {
        index.note(number(batch.end()), keys);
        batch = batch.append(bytes.into());
    }
    batch
}

async fn read(log: &impl Pages, places: &[u64]) -> Found {
    let places: Vec<Location> = places.iter().copied().map(Location::new).collect();
    let pages = log.read(&places).await;
    pages.unwrap_or_else(|error| fault(&error))
}

fn number(place: u64) -> u32 {
    u32::try_from(place).unwrap_or_else(|_| fault(&"the log has 2^32 pages"))
}

/// How an operation is read: pages have a limit.
pub(super) fn op_config() -> OnceOpConfig {
    RangeCfg::new(0..=PAGE_MAX)
}
