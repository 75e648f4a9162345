//! The chain's state on disk: two authenticated databases, read and written as one map.
//!
//! The provable part is qmdb's `current`, ordered: it proves what stands at a key now, or that nothing does. The write-once part is
//! qmdb's `immutable`: one append for each value, no proofs for clients, for what comes in bulk. A [`StateKey`] tells
//! its part; see [`yilian_protocol::state`].

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
        immutable,
        sync::Target,
    },
    translator::{EightCap, FourCap, Hashed},
};
use commonware_utils::{NZU64, NZUsize, non_empty_range};
use yilian_protocol::{
    StateKey, TreeHash,
    codec::{Blob, List},
    ids::Chunk,
    limits::STATE_VALUE_MAX,
    state::{
        StateMap,
        proof::{LogPlace, Operation, StateProof, Update},
    },
};

use super::{application::fault, block::StateTarget, runtime::Runtime};

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
/// The part that is written once. Its index in memory has 4 bytes of a seeded hash of each key: nobody can choose what collides.
pub(super) type Once<E> =
    immutable::variable::Db<mmr::Family, E, Digest, Vec<u8>, Blake3, Hashed<FourCap>, Sequential>;
pub(super) type States<E> = (Shared<Provable<E>>, Shared<Once<E>>);
pub(super) type Batch<E> = <States<E> as DatabaseSet<E>>::Unmerkleized;
pub(super) type Sealed<E> = <States<E> as DatabaseSet<E>>::Merkleized;
pub(super) type StateConfig<E> = <States<E> as DatabaseSet<E>>::Config;
type Values = StateMap<Option<Vec<u8>>>;
/// What belongs to the provable part, and to the write-once part.
type Parts<T> = (Vec<T>, Vec<T>);

pub(super) fn digest(key: &StateKey) -> Digest {
    Digest::from(key.to_bytes())
}

/// Splits keys by part.
fn split(keys: &[StateKey]) -> Parts<Digest> {
    let (once, provable): Parts<&StateKey> = keys.iter().partition(|key| key.is_once());
    (
        provable.into_iter().map(digest).collect(),
        once.into_iter().map(digest).collect(),
    )
}

/// Joins what was read of both parts.
fn join((provable, once): Parts<Digest>, (values, once_values): Parts<Option<Vec<u8>>>) -> Values {
    let keys = provable.into_iter().chain(once);
    keys.map(|key| StateKey::from_bytes(key.0))
        .zip(values.into_iter().chain(once_values))
        .collect()
}

/// Reads `keys` of the state under `batch`.
pub(super) async fn read<E: Runtime>(batch: &Batch<E>, keys: &[StateKey]) -> Values {
    let split = split(keys);
    let (provable, once): Parts<&Digest> = (split.0.iter().collect(), split.1.iter().collect());
    let values = batch.0.get_many(&provable).await;
    let values = values.unwrap_or_else(|error| fault(&error));
    let once_values = batch.1.get_many(&once).await;
    let once_values = once_values.unwrap_or_else(|error| fault(&error));
    join(split, (values, once_values))
}

/// Reads `keys` of the state after the latest block applied, in their order.
pub(super) async fn read_latest<E: Runtime>(
    states: &States<E>,
    keys: &[StateKey],
) -> Vec<Option<Vec<u8>>> {
    let split = split(keys);
    let (provable, once): Parts<&Digest> = (split.0.iter().collect(), split.1.iter().collect());
    // Both guards at once, in the set's order: a block is applied to both parts or to none of them.
    let (changing, written) = (states.0.read().await, states.1.read().await);
    let values = changing.get_many(&provable).await;
    let values = values.unwrap_or_else(|error| fault(&error));
    let once_values = written.get_many(&once).await;
    let once_values = once_values.unwrap_or_else(|error| fault(&error));
    drop((changing, written));
    let mut found = join(split, (values, once_values));
    keys.iter()
        .map(|key| found.get_mut(key).and_then(Option::take))
        .collect()
}

/// Writes `values` over `batch`, and seals it.
pub(super) async fn write<E: Runtime>(
    (mut provable, mut once): Batch<E>,
    values: impl IntoIterator<Item = (StateKey, Vec<u8>)>,
) -> Sealed<E> {
    // The parts keep what is written in order, and take it fastest so.
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in values {
        let place = digest(&key);
        if key.is_once() {
            once = once.set(place, value);
        } else {
            provable = provable.write(place, Some(value));
        }
    }
    let provable = provable.merkleize().await;
    let once = once.merkleize().await;
    (
        provable.unwrap_or_else(|error| fault(&error)),
        once.unwrap_or_else(|error| fault(&error)),
    )
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

fn place_of(proof: OperationProof<mmr::Family, Digest, [u8; CHUNK]>) -> LogPlace {
    let range = proof.range_proof;
    let path = range.proof.digests.iter();
    let path = path.map(|hash| TreeHash::from_bytes(hash.0)).collect();
    LogPlace {
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
    let log = |part: &str| LogConfig {
        partition: format!("{prefix}-{part}-log"),
        items_per_section: NZU64!(1 << 18),
        compression: None,
        codec_config: ((), (RangeCfg::new(0..=STATE_VALUE_MAX), ())),
        page_cache: pages.clone(),
        write_buffer: NZUsize!(BUFFER),
        replay_buffer: NZUsize!(BUFFER),
    };
    let provable = current::VariableConfig {
        merkle_config: merkle("state"),
        journal_config: log("state"),
        grafted_metadata_partition: format!("{prefix}-state-bitmap"),
        translator: EightCap,
        init_cache: Some(NZUsize!(1 << 16)),
        init_buffer: NZUsize!(1 << 21),
        init_concurrency: (),
    };
    let once = immutable::Config {
        merkle_config: merkle("once"),
        log: log("once"),
        translator: Hashed::default(),
        init_buffer: NZUsize!(1 << 21),
    };
    (provable, once)
}
