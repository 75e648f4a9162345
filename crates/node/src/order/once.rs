//! The write-once part of the state: an authenticated log of pages, and where in it each row
//! stands.
//!
//! What comes in bulk (a record brings 17 rows) costs by the page, not by the row: a page is
//! hashed, framed and proven as one. A block's rows are put into pages in the order of their keys,
//! so all nodes have the same log.

use std::{future::Future, ops::Range, pin::pin};

use bytes::Bytes;
use commonware_codec::RangeCfg;
use commonware_cryptography::blake3::Blake3;
use commonware_glue::stateful::db::{Shared, keyless::standard::KeylessUnmerkleized};
use commonware_parallel::Sequential;
use commonware_runtime::ReadOptions;
use commonware_storage::{
    journal::contiguous::{
        Contiguous as _,
        variable::{Config as LogConfig, Journal},
    },
    mmr::{self, Location},
    qmdb::{self, any::value::VariableEncoding, keyless},
};
use futures::StreamExt as _;
use yilian_protocol::StateKey;

use super::{
    application::fault,
    row_index::RowIndex,
    row_page::{self, PAGE_MAX, RowPage},
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

/// Pages read at a time: a megabyte of full ones.
pub(super) const READ_MAX: usize = 256;
/// Pages of which a start looks whether the index knows their rows.
const SPOTS: u64 = 64;
/// How many pages from each of them on.
const NEAR: u64 = 4;

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

/// Fills `index` from the log on disk before the state is opened: in order and in large pieces,
/// which an open log does not offer. What stands in the index's files is not read again.
pub(super) async fn index_disk<E: Runtime>(
    index: &RowIndex,
    context: E,
    config: LogConfig<OnceOpConfig>,
) {
    index.filled(replay(index, context, config)).await;
}

async fn replay<E: Runtime>(index: &RowIndex, context: E, config: LogConfig<OnceOpConfig>) {
    let buffer = config.replay_buffer;
    let log = Journal::<E, Operation>::init(context, config).await;
    let log = log.unwrap_or_else(|error| fault(&error));
    let bounds = log.bounds();
    index.cut(bounds.end);
    let from = index.covered().max(bounds.start);
    spot_check(index, &log, bounds.start..from).await;
    let pages = bounds.end - from;
    let stream = log.replay(from..bounds.end, buffer, ReadOptions::default());
    let mut stream = pin!(stream.await.unwrap_or_else(|error| fault(&error)));
    while let Some(batch) = stream.next().await {
        for (place, operation) in batch.unwrap_or_else(|error| fault(&error)) {
            note(index, place, operation.into_value().as_ref());
            index.filled_to(place + 1);
        }
    }
    if pages > READ_MAX as u64 {
        tracing::info!(pages, "the state's rows are indexed");
    }
}

/// Looks whether the files of the index are of this log: of some pages that they cover, the last
/// among them, every row is found. They may be another's, brought here by whoever restored half of
/// a folder.
async fn spot_check<E: Runtime>(
    index: &RowIndex,
    log: &Journal<E, Operation>,
    covered: Range<u64>,
) {
    let step = (covered.end.saturating_sub(covered.start) / SPOTS).max(1);
    let mut spots: Vec<u64> = (0..SPOTS).map(|spot| covered.start + spot * step).collect();
    spots.push(covered.end.saturating_sub(NEAR));
    for spot in spots {
        // Where a block was committed there are no rows: the next page has some.
        for place in (spot..covered.end).take(usize::try_from(NEAR).unwrap_or(usize::MAX)) {
            let operation = log.read(place).await;
            let page = operation.unwrap_or_else(|error| fault(&error)).into_value();
            let rows = rows(page.as_ref());
            let found = index.pages(rows.iter().map(|(key, _)| key));
            if (0..rows.len()).any(|row| found.binary_search(&(place, row)).is_err()) {
                index.forget();
                fault(&"the index of rows is another log's; the next start fills it anew");
            }
        }
    }
}

/// Sees to it that `index` is filled, if need be with what is under `batch`: after the state was
/// taken from peers.
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
    index.cut(log.end());
    let (mut next, end) = (index.covered(), log.end());
    while next < end {
        let after = end.min(next + READ_MAX as u64);
        let places: Vec<u64> = (next..after).collect();
        for (place, page) in places.iter().zip(read(log, &places).await) {
            note(index, *place, page.as_ref());
        }
        next = after;
    }
}

fn note(index: &RowIndex, place: u64, page: Option<&Bytes>) {
    let rows = rows(page);
    index.note(place, rows.iter().map(|(key, _)| key));
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
    hints.retain(|(page, _)| *page < end);
    let named = hints.chunk_by(|(page, _), (next, _)| page == next);
    let named: Vec<&[(u64, usize)]> = named.collect();
    for some in named.chunks(READ_MAX) {
        let places = some.iter().filter_map(|hints| hints.first());
        let places: Vec<u64> = places.map(|(page, _)| *page).collect();
        let pages = read(log, &places).await;
        for (page, hints) in pages.iter().zip(some) {
            take(&rows(page.as_ref()), hints, keys, &mut values);
        }
    }
    values
}

/// Takes the values of a page's rows that are asked for.
fn take(
    rows: &[(StateKey, &[u8])],
    hints: &[(u64, usize)],
    keys: &[StateKey],
    values: &mut [Option<Vec<u8>>],
) {
    for (_, place) in hints {
        let row = rows.iter().find(|(key, _)| keys.get(*place) == Some(key));
        if let (Some((_, value)), Some(slot)) = (row, values.get_mut(*place)) {
            *slot = Some(value.to_vec());
        }
    }
}

/// Which rows stand in which page.
pub(super) type Written = Vec<(u64, Vec<StateKey>)>;

/// Adds rows, which stand in the order of their keys. What is written has to be noted before
/// anybody reads it.
pub(super) fn append<E: Runtime>(
    mut batch: OnceBatch<E>,
    rows: impl IntoIterator<Item = (StateKey, Vec<u8>)>,
) -> (OnceBatch<E>, Written) {
    let mut written = Vec::new();
    for RowPage { keys, bytes } in RowPage::fill(rows) {
        written.push((batch.end(), keys));
        batch = batch.append(bytes.into());
    }
    (batch, written)
}

/// Notes what a sound block wrote: it can be found from now on.
pub(super) fn note_written(index: &RowIndex, written: &Written) {
    for (page, keys) in written {
        index.note(*page, keys);
    }
}

/// The rows of a page; none where a block was committed.
fn rows(page: Option<&Bytes>) -> Vec<(StateKey, &[u8])> {
    let rows = page.map(|page| row_page::rows(page).unwrap_or_else(|| fault(&"a page is damaged")));
    rows.unwrap_or_default()
}

async fn read(log: &impl Pages, places: &[u64]) -> Found {
    let places: Vec<Location> = places.iter().copied().map(Location::new).collect();
    let pages = log.read(&places).await;
    pages.unwrap_or_else(|error| fault(&error))
}

/// How an operation is read: pages have a limit.
pub(super) fn op_config() -> OnceOpConfig {
    RangeCfg::new(0..=PAGE_MAX)
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    /// A log in memory, where every read is waited for.
    struct Slow(Vec<Option<Bytes>>);

    impl Pages for Slow {
        fn end(&self) -> u64 {
            self.0.len() as u64
        }

        async fn read(&self, places: &[Location]) -> Result<Found, ReadError> {
            tokio::task::yield_now().await;
            let places = places.iter().map(|place| usize::try_from(**place).unwrap());
            Ok(places.map(|place| self.0[place].clone()).collect())
        }
    }

    fn key(number: u32) -> StateKey {
        StateKey::once("test", &number.to_be_bytes())
    }

    /// Blocks of one row each, every one with a commit behind it.
    fn log(rows: u32) -> Slow {
        let page = |number| {
            let row = (key(number), number.to_be_bytes().to_vec());
            RowPage::fill([row]).remove(0).bytes
        };
        let pages = (0..rows).flat_map(|number| [Some(page(number).into()), None]);
        Slow(pages.collect())
    }

    async fn finds_all(index: &RowIndex, log: &Slow, rows: u32) {
        let keys: Vec<StateKey> = (0..rows + 10).chain([3]).map(key).collect();
        let found = find(index, log, &keys).await;
        for (number, value) in (0..rows + 10).chain([3]).zip(found) {
            let expected = (number < rows).then(|| number.to_be_bytes().to_vec());
            assert_eq!(value, expected, "{number}");
        }
    }

    #[tokio::test]
    async fn whoever_finds_a_filling_given_up_begins_again() {
        const ROWS: u32 = 5_000;
        let (index, log) = (RowIndex::default(), log(ROWS));
        for polls in [1, 2, 5] {
            let mut filling = Box::pin(index.filled(fill(&index, &log)));
            for _ in 0..polls {
                assert!(futures::poll!(&mut filling).is_pending());
            }
        }
        let mut first = Box::pin(index.filled(fill(&index, &log)));
        let mut second = Box::pin(index.filled(fill(&index, &log)));
        assert_eq!(futures::poll!(&mut first), Poll::Pending);
        assert_eq!(futures::poll!(&mut second), Poll::Pending);
        drop(first);
        second.await;
        finds_all(&index, &log, ROWS).await;
        // It is not read again.
        let empty = Slow(Vec::new());
        index.filled(fill(&index, &empty)).await;
        finds_all(&index, &log, ROWS).await;
    }

    #[tokio::test]
    async fn hints_past_the_end_and_at_commits_are_passed_over() {
        let (index, log) = (RowIndex::default(), log(3));
        index.filled(fill(&index, &log)).await;
        let keys: Vec<StateKey> = (0..20).map(key).collect();
        for page in 0..100 {
            index.note(page, &keys);
        }
        finds_all(&index, &log, 3).await;
    }
}
