//! The chain's state on disk: two authenticated databases, read and written as one map.
//!
//! The provable part is qmdb's `current`, ordered: it proves what stands at a key now, or that
//! nothing does. The write-once part ([`once`]) is a log of pages, no proofs for clients, for what
//! comes in bulk. A [`StateKey`] tells its part; see [`yilian_protocol::state`].

use commonware_codec::RangeCfg;
use commonware_cryptography::blake3::{Blake3, Digest};
use commonware_glue::stateful::db::{DatabaseSet, Merkleized as _, Shared, Unmerkleized as _};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::{
    journal::contiguous::variable::Config as LogConfig,
    merkle::full::Config as MerkleConfig,
    mmr,
    qmdb::{
        current::{
            self,
            ordered::proof::constant::{ExclusionProof, KeyValueProof},
            proof::operation::Proof as OperationProof,
        },
        keyless,
        sync::Target,
    },
    translator::EightCap,
};
use commonware_utils::{NZU64, NZUsize, non_empty_range};
use yilian_protocol::{
    StateKey, TreeHash,
    codec::{Blob, List},
    ids::Chunk,
    limits::STATE_VALUE_MAX,
    state::{
        StateMap,
        proof::{Operation, PrivatePlace, StateProof, Update},
    },
};

use super::{
    application::fault,
    block::StateTarget,
    once::{self, Once, OnceOpConfig, Written},
    row_index::RowIndex,
    runtime::Runtime,
};

/// Bytes of the provable part's bitmap that share a node, see [`yilian_protocol::state::proof`].
const CHUNK: usize = Chunk::SIZE;

/// The part that changes and is proven.
pub(super) type Provable<E> = current::ordered::variable::Db<
    mmr::Family,
    E,
    Digest,
    Vec<u8>,
    Blake3,
    EightCap,
    CHUNK,
    Sequential,
>;
pub(super) type States<E> = (Shared<Provable<E>>, Shared<Once<E>>);
pub(super) type Batch<E> = <States<E> as DatabaseSet<E>>::Unmerkleized;
pub(super) type Sealed<E> = <States<E> as DatabaseSet<E>>::Merkleized;
pub(super) type StateConfig<E> = <States<E> as DatabaseSet<E>>::Config;
type Values = StateMap<Option<Vec<u8>>>;
/// What belongs to the provable part, and to the write-once part.
type Parts<T> = (Vec<T>, Vec<T>);

fn digest(key: &StateKey) -> Digest {
    Digest::from(key.to_bytes())
}

/// Splits keys by part.
fn split(keys: &[StateKey]) -> Parts<StateKey> {
    keys.iter().partition(|key| !key.is_once())
}

/// Reads `keys` of the state under `batch`.
pub(super) async fn read<E: Runtime>(
    batch: &Batch<E>,
    index: &RowIndex,
    keys: &[StateKey],
) -> Values {
    let (provable, once) = split(keys);
    let places: Vec<Digest> = provable.iter().map(digest).collect();
    let places: Vec<&Digest> = places.iter().collect();
    let values = batch.0.get_many(&places).await;
    let values = values.unwrap_or_else(|error| fault(&error));
    once::index_batch(index, &batch.1).await;
    let rows = once::find(index, &batch.1, &once).await;
    let found = provable.into_iter().zip(values);
    found.chain(once.into_iter().zip(rows)).collect()
}

/// Reads `keys` of the state after the latest block applied, in their order.
pub(super) async fn read_latest<E: Runtime>(
    states: &States<E>,
    index: &RowIndex,
    keys: &[StateKey],
) -> Vec<Option<Vec<u8>>> {
    let (provable, once) = split(keys);
    let places: Vec<Digest> = provable.iter().map(digest).collect();
    let places: Vec<&Digest> = places.iter().collect();
    once::index_latest(index, &states.1).await;
    // Both guards at once, in the set's order: a block is applied to each part by itself, so they
    // may be one block apart, and no more.
    let (changing, written) = (states.0.read().await, states.1.read().await);
    let values = changing.get_many(&places).await;
    let values = values.unwrap_or_else(|error| fault(&error));
    let rows = once::find(index, &*written, &once).await;
    drop((changing, written));
    let (mut values, mut rows) = (values.into_iter(), rows.into_iter());
    let next = |key: &StateKey| {
        if key.is_once() {
            rows.next()
        } else {
            values.next()
        }
    };
    keys.iter().map(next).map(Option::flatten).collect()
}

/// Reads `key` of the provable part after the latest block applied.
pub(super) async fn read_provable<E: Runtime>(
    states: &States<E>,
    key: &StateKey,
) -> Option<Vec<u8>> {
    let state = states.0.read().await;
    let value = state.get(&digest(key)).await;
    value.unwrap_or_else(|error| fault(&error))
}

/// Writes `values` over `batch`, and seals it. Whoever keeps what was sealed notes what was
/// [`Written`].
pub(super) async fn write<E: Runtime>(
    (mut provable, once): Batch<E>,
    values: impl IntoIterator<Item = (StateKey, Vec<u8>)>,
) -> (Sealed<E>, Written) {
    let (mut rows, mut changes): Parts<(StateKey, Vec<u8>)> =
        values.into_iter().partition(|(key, _)| key.is_once());
    // Pages are made in this order; the provable part takes what comes in order fastest.
    rows.sort_unstable_by_key(|(key, _)| *key);
    changes.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in changes {
        provable = provable.write(digest(&key), Some(value));
    }
    let provable = provable.merkleize().await;
    let (once, written) = once::append(once, rows);
    let once = once.merkleize().await;
    let sealed = (
        provable.unwrap_or_else(|error| fault(&error)),
        once.unwrap_or_else(|error| fault(&error)),
    );
    (sealed, written)
}

/// What a block commits a sealed state to.
pub(super) fn target<E: Runtime>((provable, once): &Sealed<E>) -> StateTarget {
    let (changing, written) = (provable.bounds(), once.bounds());
    StateTarget {
        root: provable.root(),
        operations: Target::new(
            provable.ops_root(),
            non_empty_range!(provable.sync_boundary(), changing.tip.size),
        ),
        once: Target::new(
            once.root(),
            non_empty_range!(written.inactivity_floor, written.tip.size),
        ),
    }
}

/// The root of the provable part after the latest block applied, and what stands at each of `keys`
/// under it.
pub(super) async fn prove<E: Runtime>(
    states: &States<E>,
    keys: &[StateKey],
) -> (TreeHash, Vec<StateProof>) {
    let state = states.0.read().await;
    let mut proofs = Vec::with_capacity(keys.len());
    for key in keys {
        proofs.push(prove_one(&state, digest(key)).await);
    }
    (TreeHash::from_bytes(state.root().0), proofs)
}

async fn prove_one<E: Runtime>(state: &Provable<E>, key: Digest) -> StateProof {
    let value = state.get(&key).await.unwrap_or_else(|error| fault(&error));
    let (operation, place) = if let Some(value) = value {
        let KeyValueProof { proof, next_key } = state
            .key_value_proof(key)
            .await
            .unwrap_or_else(|error| fault(&error));
        (update(key, value, next_key), proof)
    } else {
        let proof = state.exclusion_proof(&key).await;
        match proof.unwrap_or_else(|error| fault(&error)) {
            ExclusionProof::KeyValue(proof, neighbour) => (
                update(neighbour.key, neighbour.value, neighbour.next_key),
                proof,
            ),
            ExclusionProof::Commit(proof, _) => (Operation::Commit, proof),
        }
    };
    StateProof {
        operation,
        place: place_of(place),
    }
}

fn update(key: Digest, value: Vec<u8>, next: Digest) -> Operation {
    Operation::Update(Update {
        key: StateKey::from_bytes(key.0),
        value: Blob::new(value).unwrap_or_else(|error| fault(&error)),
        next: StateKey::from_bytes(next.0),
    })
}

fn place_of(proof: OperationProof<mmr::Family, Digest, [u8; CHUNK]>) -> PrivatePlace {
    let range = proof.range_proof;
    let path = range.proof.digests.iter();
    let path = path.map(|hash| TreeHash::from_bytes(hash.0)).collect();
    PrivatePlace {
        location: *proof.loc,
        leaves: *range.proof.leaves,
        inactive: u32::try_from(range.proof.inactive_peaks).unwrap_or(u32::MAX),
        path: List::new(path).unwrap_or_else(|error| fault(&error)),
        chunk: Chunk::from_bytes(proof.chunk),
        last_chunk: range
            .partial_chunk_digest
            .map(|hash| TreeHash::from_bytes(hash.0)),
        operations: TreeHash::from_bytes(range.ops_root.0),
    }
}

const BUFFER: usize = 1 << 20;

/// Where both parts stand on disk: partitions that begin with `prefix`.
pub(super) fn config<E: Runtime>(prefix: &str, pages: &CacheRef) -> StateConfig<E> {
    let merkle = |part: &str| MerkleConfig {
        journal_partition: format!("{prefix}-{part}-merkle-journal"),
        metadata_partition: format!("{prefix}-{part}-merkle-metadata"),
        items_per_blob: NZU64!(1 << 20),
        write_buffer: NZUsize!(BUFFER),
        replay_buffer: NZUsize!(BUFFER),
        strategy: Sequential,
        page_cache: pages.clone(),
    };
    let provable = current::VariableConfig {
        merkle_config: merkle("state"),
        journal_config: log(prefix, "state", op_config(), pages),
        grafted_metadata_partition: format!("{prefix}-state-bitmap"),
        translator: EightCap,
        init_cache: Some(NZUsize!(1 << 16)),
        init_buffer: NZUsize!(1 << 21),
        init_concurrency: (),
    };
    let once = keyless::Config {
        merkle: merkle("once"),
        log: once_log(prefix, pages),
    };
    (provable, once)
}

/// Where the log of the write-once part stands.
pub(super) fn once_log(prefix: &str, pages: &CacheRef) -> LogConfig<OnceOpConfig> {
    log(prefix, "once", once::op_config(), pages)
}

fn log<C>(prefix: &str, part: &str, operations: C, pages: &CacheRef) -> LogConfig<C> {
    LogConfig {
        partition: format!("{prefix}-{part}-log"),
        items_per_section: NZU64!(1 << 18),
        compression: None,
        codec_config: operations,
        page_cache: pages.clone(),
        write_buffer: NZUsize!(BUFFER),
        replay_buffer: NZUsize!(BUFFER),
    }
}

/// How an operation of the provable part is read: keys are digests, values have a limit.
pub(super) type OpConfig = ((), (RangeCfg<usize>, ()));

/// See [`OpConfig`].
pub(super) fn op_config() -> OpConfig {
    ((), (RangeCfg::new(0..=STATE_VALUE_MAX), ()))
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
    use commonware_utils::NZU16;
    use futures::FutureExt as _;

    use super::*;

    type Context = deterministic::Context;

    async fn open(context: &Context) -> States<Context> {
        let pages = CacheRef::new(NZU16!(4096), NZUsize!(64));
        States::<Context>::init(
            context.child("open"),
            config::<Context>("test", &pages),
            None,
        )
        .await
    }

    /// A sound block: its rows can be found.
    async fn keep(
        batch: Batch<Context>,
        index: &RowIndex,
        values: Vec<(StateKey, Vec<u8>)>,
    ) -> Sealed<Context> {
        let (sealed, written) = write(batch, values).await;
        once::note_written(index, &written);
        sealed
    }

    async fn apply(states: &States<Context>, sealed: Sealed<Context>) {
        Box::pin(states.apply(sealed)).await;
        assert!(Box::pin(states.finalize()).await.durable().await);
    }

    /// Places of both parts, in turn.
    fn key(number: u32) -> StateKey {
        let name = number.to_be_bytes();
        if number.is_multiple_of(2) {
            StateKey::once("test", &name)
        } else {
            StateKey::of("test", &name)
        }
    }

    fn value(number: u32, what: u8) -> Vec<u8> {
        // Some have a page for themselves.
        let length = match number % 1_000 {
            998 => STATE_VALUE_MAX - 4,
            short => usize::try_from(short % 300).unwrap(),
        };
        [vec![what; length], number.to_be_bytes().to_vec()].concat()
    }

    fn rows(numbers: impl IntoIterator<Item = u32>, what: u8) -> Vec<(StateKey, Vec<u8>)> {
        let numbers = numbers.into_iter();
        numbers
            .map(|number| (key(number), value(number, what)))
            .collect()
    }

    async fn under(batch: &Batch<Context>, index: &RowIndex, number: u32) -> Option<Vec<u8>> {
        read(batch, index, &[key(number)])
            .await
            .remove(&key(number))
            .flatten()
    }

    /// Blocks of two forks at the same height put other values to the same places, and to other
    /// places too.
    #[test]
    fn each_fork_sees_its_own_values_and_those_below() {
        deterministic::Runner::default().start(|context| async move {
            let (states, index) = (open(&context).await, RowIndex::default());
            let keys: Vec<StateKey> = (0..700).map(key).collect();
            assert_eq!(read_latest(&states, &index, &keys).await, vec![None; 700]);

            let base = keep(states.new_batches().await, &index, rows(0..10, 1)).await;
            let left = keep(States::fork_batches(&base), &index, rows(10..200, 2)).await;
            let right = keep(States::fork_batches(&base), &index, rows(10..600, 3)).await;
            assert_ne!(target(&left).once.root, target(&right).once.root);
            assert!(target(&left).once.range.end() < target(&right).once.range.end());
            for (fork, what, end) in [(&left, 2, 200), (&right, 3, 600)] {
                let batch = States::fork_batches(fork);
                for number in 0..700 {
                    let expected = match number {
                        0..10 => Some(value(number, 1)),
                        _ if number < end => Some(value(number, what)),
                        _ => None,
                    };
                    assert_eq!(under(&batch, &index, number).await, expected, "{number}");
                }
            }

            apply(&states, base).await;
            let seen = read_latest(&states, &index, &keys).await;
            assert!(seen[10..].iter().all(Option::is_none), "not applied yet");
            apply(&states, right).await;
            let seen = read_latest(&states, &index, &keys).await;
            for (number, seen) in (0..700).zip(seen) {
                let what = if number < 10 { 1 } else { 3 };
                assert_eq!(
                    seen,
                    (number < 600).then(|| value(number, what)),
                    "{number}"
                );
            }
        });
    }

    /// More pages than are read at a time.
    #[test]
    fn all_rows_are_found_after_a_restart_and_the_state_goes_on() {
        const BLOCKS: u32 = 8;
        const ROWS: u32 = 5_000;
        deterministic::Runner::default().start(|context| async move {
            let (states, index) = (open(&context).await, RowIndex::default());
            let none = read(&states.new_batches().await, &index, &[key(0)]).await;
            assert_eq!(none.get(&key(0)), Some(&None));
            for block in 0..BLOCKS {
                let numbers = block * ROWS..(block + 1) * ROWS;
                let batch = states.new_batches().await;
                apply(&states, keep(batch, &index, rows(numbers, 7)).await).await;
            }
            let pages = states.1.read().await.bounds().end;
            assert!(*pages > 3 * once::READ_MAX as u64, "{pages} pages");
            let before = states.committed_targets().await;
            drop(states);

            // With the index filled out of a batch, of what is applied, and of the disk.
            let of_disk = RowIndex::default();
            let log = once_log("test", &CacheRef::new(NZU16!(4096), NZUsize!(64)));
            once::index_disk(&of_disk, context.child("replay"), log).await;
            let states = open(&context).await;
            assert!(states.committed_targets().await == before);
            for (way, index) in [RowIndex::default(), RowIndex::default(), of_disk]
                .into_iter()
                .enumerate()
            {
                if way == 0 {
                    let batch = states.new_batches().await;
                    assert_eq!(under(&batch, &index, 4).await, Some(value(4, 7)));
                }
                let keys: Vec<StateKey> = (0..=BLOCKS * ROWS).map(key).collect();
                let seen = read_latest(&states, &index, &keys).await;
                for (number, seen) in (0..=BLOCKS * ROWS).zip(seen) {
                    let expected = (number < BLOCKS * ROWS).then(|| value(number, 7));
                    assert!(seen == expected, "{number}");
                }
            }
        });
    }

    /// Only what the files lack is read again. Those of another log, which may be there after half
    /// of a folder was restored, are refused, and made anew at the next start.
    #[test]
    fn an_index_in_files_goes_on_and_is_of_its_log_alone() {
        const BLOCKS: u32 = 8;
        const ROWS: u32 = 3_000;
        const ROOM: usize = 1_000;
        let (own, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let other = RowIndex::with_room(foreign.path(), ROOM).unwrap();
        for page in 0..4_000_u64 {
            let row = StateKey::once("another", &page.to_be_bytes());
            other.note(page, [&row]);
            other.filled_to(page + 1);
        }
        drop(other);
        deterministic::Runner::default().start(|context| async move {
            let states = open(&context).await;
            let index = RowIndex::with_room(own.path(), ROOM).unwrap();
            for block in 0..BLOCKS {
                let batch = states.new_batches().await;
                let numbers = block * ROWS..(block + 1) * ROWS;
                once::index_batch(&index, &batch.1).await;
                apply(&states, keep(batch, &index, rows(numbers, 7)).await).await;
                index.settle(*states.1.read().await.bounds().end);
            }
            let end = *states.1.read().await.bounds().end;
            drop((states, index));

            let log = || once_log("test", &CacheRef::new(NZU16!(4096), NZUsize!(64)));
            for (folder, is_own) in [(&own, true), (&foreign, false), (&foreign, true)] {
                let index = RowIndex::with_room(folder.path(), ROOM).unwrap();
                let covered = index.covered();
                let filling = once::index_disk(&index, context.child("replay"), log());
                let filled = AssertUnwindSafe(filling).catch_unwind().await;
                assert_eq!(filled.is_ok(), is_own);
                if is_own {
                    let states = open(&context).await;
                    let keys: Vec<StateKey> = (0..=BLOCKS * ROWS).map(key).collect();
                    let seen = read_latest(&states, &index, &keys).await;
                    for (number, seen) in (0..=BLOCKS * ROWS).zip(seen) {
                        let expected = (number < BLOCKS * ROWS).then(|| value(number, 7));
                        assert!(seen == expected, "{number}");
                    }
                }
                match (folder.path() == own.path(), is_own) {
                    (true, _) => assert!((end / 2..=end).contains(&covered), "{covered} of {end}"),
                    (false, false) => assert!(covered > 0),
                    (false, true) => assert_eq!(covered, 0),
                }
            }
        });
    }

    #[test]
    fn rows_in_another_order_make_the_same_state() {
        deterministic::Runner::default().start(|context| async move {
            let states = open(&context).await;
            let seal = async |rows| target(&write(states.new_batches().await, rows).await.0);
            let mut turned = rows(0..500, 1);
            turned.reverse();
            assert_eq!(seal(rows(0..500, 1)).await, seal(turned).await);
            assert_ne!(seal(rows(0..500, 1)).await, seal(rows(0..500, 2)).await);
            // Whoever changes what stands here changes the roots of every chain.
            let once = seal(rows(0..500, 1)).await.once;
            let root = "a12c4634e7755a04f4486e4bf43ec239a9e117f1721dc2cab2ba32bb2cece7c3";
            assert_eq!(
                (once.root.to_string().as_str(), *once.range.end()),
                (root, 13)
            );
        });
    }
}
