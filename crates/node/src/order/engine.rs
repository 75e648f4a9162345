//! Puts commonware's parts together: archive of final blocks, authenticated state, consensus.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use commonware_broadcast::buffered;
use commonware_consensus::{
    Reporters,
    marshal::{
        self, Identifier,
        core::{Actor as Marshal, Mailbox as MarshalMailbox},
        resolver::p2p as marshal_resolver,
        standard::{Deferred, Standard},
    },
    simplex::{
        SkipBudget,
        config::{ForwardPolicy, SkipPolicy},
        elector::RoundRobin,
    },
    types::{Epoch, FixedEpocher, Height as ConsensusHeight, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, Signer as _,
    blake3::{Blake3, Digest},
    bls12381::{
        dkg::feldman_desmedt::Reveal,
        primitives::{
            sharing::{Mode, ModeVersion},
            variant::MinSig,
        },
    },
    certificate::ConstantProvider,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_glue::{
    dkg::{
        SecretStore,
        fence::Fence,
        network::Addresses,
        orchestrator, probe, reshare,
        state_sync::{Config as EpochPlanConfig, Plan as EpochPlan, StateSync},
    },
    stateful::{
        Config as StatefulConfig, PruneConfig, Stateful, SyncPlan,
        db::{DatabaseSet as _, SyncEngineConfig},
    },
};
use commonware_p2p::{Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::{Handle, buffer::paged::CacheRef};
use commonware_storage::{archive::prunable, translator::EightCap};
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize, ordered::Set};
use tokio::sync::watch;
use yilian_crypto::label;
use yilian_protocol::registry::{Admitted, Genesis};

use super::{
    StateMachine,
    application::{Application, fault},
    block::{Block, EpochInfo, StateTarget, VALIDATORS_MAX},
    chain::OrderError,
    epochs::{Delegates, Schemes, votes_prefix},
    gossip::{Door, Gossip},
    mempool::Mempool,
    network::{Network, Peers},
    once,
    pace::{CERTIFICATION_TIMEOUT, LEADER_TIMEOUT, Load, Paced},
    row_index::RowIndex,
    runtime::Runtime,
    state::{self, States},
    sync::{self, StateSource},
    validator::Scheme,
};

pub(super) type Archive = MarshalMailbox<Scheme, Standard<Block>>;

/// The running parts that queries go to.
pub(super) struct Engine<E: Runtime> {
    pub archive: Archive,
    pub states: States<E>,
    pub rows: Arc<RowIndex>,
}

impl<E: Runtime> Clone for Engine<E> {
    fn clone(&self) -> Self {
        Self {
            archive: self.archive.clone(),
            states: self.states.clone(),
            rows: Arc::clone(&self.rows),
        }
    }
}

/// What the engine needs.
pub(super) struct Parts<S> {
    pub genesis: Genesis,
    pub identity: PrivateKey,
    /// What the genesis block says of the first epoch.
    pub first_epoch: EpochInfo,
    /// Keeps the validator's secrets; it has the share of the first epoch already.
    pub secrets: S,
    pub machine: Arc<dyn StateMachine>,
    pub mempool: Arc<Mempool>,
    pub latest: watch::Sender<Admitted>,
    pub idle: Duration,
    /// Whether there are peers, of whom blocks can be had.
    pub has_peers: bool,
    /// Whether a node without a chain takes the state from peers, and no block of before.
    pub joins: bool,
    /// Blocks to keep; all of them, if not said.
    pub keep_blocks: Option<u64>,
    /// Blocks in one file of the archive.
    pub section: NonZeroU64,
    /// Where the rows of the state stand.
    pub rows: Arc<RowIndex>,
    /// Names every partition on disk.
    pub prefix: String,
}

/// Keeps ceremonies apart from all else that validators sign. The group key's own history keeps
/// them apart from those of other chains.
const RESHARE_NAMESPACE: &[u8] = label::RESHARE.as_bytes();
const BUFFER: usize = 1 << 18;
/// Pages of 4 KiB of archive and state kept in memory: 32 MiB. What is not among them is read from
/// the disk, past the system's cache.
const PAGES: usize = 1 << 13;
/// Blocks in one file of an archive that keeps all. Every file stays open: 10 million blocks are
/// 600 files.
const SECTION: u64 = 1 << 16;
/// The same at least, where old blocks are removed, a file at a time.
const SECTION_MIN: u64 = 16;
/// A leader that was not heard of for so long is passed over.
const SKIP_TIMEOUT: Duration = Duration::from_secs(10);
/// When no block was executed for so long at the start, none will be.
const STANDSTILL: Duration = Duration::from_secs(30);
/// The same for a node with peers, which goes on and gets the blocks from them when it can.
const PEERS_PATIENCE: Duration = Duration::from_secs(2);
/// How long a joining node waits for somebody to say how far the chain is.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);
/// Final blocks that are executed and not synced yet, at most. Each is in memory with all it
/// changes.
const PENDING_MAX: usize = 6;
/// Blocks between two prunings.
const PRUNE_INTERVAL: NonZeroUsize = NZUsize!(256);
/// Blocks whose part of the state's logs is kept for nodes that are joining.
const STATE_KEPT: usize = 1_024;
/// Until it is done.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);
/// How long the state may take to open: the index of the provable part, or a block that a peer has
/// to give.
const OPENING_MAX: Duration = Duration::from_mins(10);

/// Starts everything. Panics when the storage cannot be read, as the parts themselves do.
#[allow(
    clippy::too_many_lines,
    reason = "one list of parts; cut up, each would need all others"
)]
pub(super) async fn start<E, P, S, R, K>(
    context: E,
    parts: Parts<K>,
    network: Network<P, S, R>,
) -> Result<Engine<E>, OrderError>
where
    E: Runtime,
    P: Peers,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    K: SecretStore,
{
    let Parts {
        genesis,
        identity,
        first_epoch,
        secrets,
        machine,
        mempool,
        latest,
        idle,
        has_peers,
        joins,
        keep_blocks,
        section,
        rows,
        prefix,
    } = parts;
    let chain = genesis.chain();
    let me = identity.public_key();
    let epoch_blocks = NZU64!(u64::from(genesis.governance.epoch_blocks.get()));
    let Network {
        peers,
        channels:
            [
                votes,
                notices,
                fetches,
                backfill,
                proposals,
                transactions,
                dealings,
                probes,
                state_logs,
                once_logs,
            ],
    } = network;
    let pages = CacheRef::new(NZU16!(4096), NZUsize!(PAGES));
    let buffer = NZUsize!(BUFFER);

    // Nothing is proven of the genesis, so the root of its empty log does.
    let (operations, once) = States::<E>::initial_sync_targets();
    let state = StateTarget {
        root: operations.root,
        operations,
        once,
    };
    // The group key stays, so it verifies the certificates of every epoch.
    let verifier = Scheme::certificate_verifier(
        &yilian_protocol::finality::namespace(chain),
        *first_epoch.output.public().public(),
    );
    let leader = first_epoch.players.iter().next().unwrap_or(&me).clone();
    let first = Block::genesis(chain, genesis.created, leader, state, first_epoch.clone());

    let resolver = marshal_resolver::init(
        context.child("marshal_resolver"),
        backfill_config(&me, &peers),
        backfill,
    );
    let (broadcast, broadcast_mailbox) = buffered::Engine::new(
        context.child("broadcast"),
        buffered::Config {
            public_key: me.clone(),
            mailbox_size: NZUsize!(1000),
            // Blocks of each peer that are kept for whoever asks; the archive has the final ones.
            deque_size: 4,
            priority: false,
            codec_config: (),
            peer_provider: peers.clone(),
            strategy: Sequential,
        },
    );
    broadcast.start(proposals);

    let certificates = prunable::Archive::init(
        context.child("finalizations"),
        archive_config(&prefix, "finalizations", section, pages.clone()),
    )
    .await
    .unwrap_or_else(|error| fault(&error));
    let blocks = prunable::Archive::init(
        context.child("blocks"),
        archive_config(&prefix, "blocks", section, pages.clone()),
    )
    .await
    .unwrap_or_else(|error| fault(&error));

    let plan = SyncPlan::init(context.child("plan"), prefix.clone()).await;
    let bootstrap = bootstrap(&peers, &first_epoch);
    let (probe, prober) = probe::Actor::new(probe::Config {
        context: context.child("probe"),
        manager: peers.clone(),
        bootstrap,
        floor: plan.floor().cloned(),
        verifier: verifier.clone(),
        genesis: first_epoch,
        strategy: Sequential,
        blocker: peers.clone(),
        blocks_per_epoch: epoch_blocks,
        retry_timeout: NZDuration!(Duration::from_millis(500)),
        mailbox_size: NZUsize!(100),
        block_codec_config: (),
    });
    probe.start(probes);
    let (plan, joining) = if has_peers && plan.should_sync(joins) {
        join(&context, plan, &prober).await
    } else {
        (plan, None)
    };
    let syncs = joining.is_some();
    let epoch_plan = EpochPlan::init(
        context.child("epoch_plan"),
        EpochPlanConfig {
            partition_prefix: prefix.clone(),
            max_participants: VALIDATORS_MAX,
            max_supported_mode: ModeVersion::v0(),
        },
        joining,
    )
    .await;
    let (marshal, archive, floor) = Marshal::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        certificates,
        blocks,
        marshal::Config {
            provider: ConstantProvider::new(verifier),
            epocher: FixedEpocher::new(epoch_blocks),
            start: plan.marshal_start(Digested::precomputed(first.clone(), first.digest())),
            partition_prefix: prefix.clone(),
            mailbox_size: NZUsize!(1000),
            view_retention: ViewDelta::new(10),
            prunable_items_per_section: NZU64!(1024),
            page_cache: pages.clone(),
            replay_buffer: buffer,
            key_write_buffer: buffer,
            value_write_buffer: buffer,
            block_codec_config: (),
            max_repair: NZUsize!(20),
            max_pending_acks: NZUsize!(PENDING_MAX),
            strategy: Sequential,
        },
    )
    .await;

    if !syncs {
        let log = state::once_log(&prefix, &pages);
        Box::pin(once::index_disk(&rows, context.child("rows"), log)).await;
    }
    let application = Application {
        chain,
        genesis: first.clone(),
        machine: Arc::clone(&machine),
        mempool: Arc::clone(&mempool),
        latest: latest.clone(),
        load: Load::default(),
        rows: Arc::clone(&rows),
    };
    let (stateful, states) = Stateful::new(
        context.child("stateful"),
        StatefulConfig {
            application,
            db_config: state::config::<E>(&prefix, &pages),
            provider: (),
            marshal: (archive.clone(), floor),
            mailbox_size: NZUsize!(100),
            plan,
            resolvers: (
                StateSource::start(
                    context.child("state_sync"),
                    me.clone(),
                    peers.clone(),
                    (state::op_config(), sync::BATCH),
                    state_logs,
                ),
                StateSource::start(
                    context.child("once_sync"),
                    me.clone(),
                    peers.clone(),
                    (once::op_config(), sync::PAGES_AT_ONCE),
                    once_logs,
                ),
            ),
            sync_config: SyncEngineConfig {
                fetch_batch_size: sync::BATCH,
                apply_batch_size: sync::BATCH,
                max_outstanding_requests: NZUsize!(4),
            },
            prune_config: keep_blocks.map(|blocks| pruning(blocks, epoch_blocks)),
            strategy: Sequential,
        },
    );
    let votes_prefix = votes_prefix(&prefix);
    let schemes = Schemes::new(chain, context.child("schemes"), &votes_prefix);
    let (fence, gate) = Fence::new();
    let opened = states.clone();
    let (resharing, handovers) = reshare::Actor::new(
        context.child("reshare"),
        reshare::Config {
            signer: identity,
            manager: peers.clone(),
            blocker: peers.clone(),
            participants_provider: Delegates {
                context: context.child("delegates"),
                machine: Arc::clone(&machine),
                governance: genesis.governance.clone(),
                states: move || {
                    let opened = opened.clone();
                    async move { opened.subscribe_databases().await }
                },
            },
            secret_store: secrets,
            strategy: Sequential,
            registrar: schemes.clone(),
            marshal: archive.clone(),
            state_sync: epoch_plan.clone(),
            fence,
            namespace: RESHARE_NAMESPACE,
            sharing_mode: Mode::NonZeroCounter,
            reveal: Reveal::V1,
            mailbox_size: NZUsize!(100),
            partition_prefix: format!("{prefix}-reshare"),
            page_cache: pages.clone(),
            write_buffer: buffer,
            replay_buffer: buffer,
            max_participants: VALIDATORS_MAX,
            blocks_per_epoch: epoch_blocks,
        },
    );
    watch(&context, "the ceremony", resharing.start(dealings));
    let application = reshare::Application::new(states.clone(), handovers.clone(), epoch_blocks);
    let paced = Paced::new(application, Arc::clone(&mempool), idle);
    let deferred = Deferred::new(
        context.child("deferred"),
        paced,
        archive.clone(),
        FixedEpocher::new(epoch_blocks),
    );
    let (orchestrator, epochs) = orchestrator::Actor::new(
        context.child("orchestrator"),
        orchestrator::Config {
            oracle: peers.clone(),
            manager: peers.clone(),
            provider: schemes,
            marshal: archive.clone(),
            application: deferred,
            strategy: Sequential,
            simplex: consensus_config(&pages),
            gate,
            state_sync: epoch_plan,
            blocks_per_epoch: epoch_blocks,
            mailbox_size: NZUsize!(100),
            partition_prefix: votes_prefix,
        },
    );
    watch(
        &context,
        "the votes",
        orchestrator.start(votes, notices, fetches),
    );
    let reporters = Reporters::from((states.clone(), Reporters::from((epochs, handovers))));
    watch(
        &context,
        "the archive",
        marshal.start(reporters, broadcast_mailbox, resolver),
    );
    prober.attach(archive.clone());
    watch(&context, "the state", stateful.start());
    let opened = states.clone();
    let gossip = Gossip {
        peers,
        me,
        door: Door {
            mempool,
            machine,
            latest: latest.clone(),
            rows: Arc::clone(&rows),
            states: move || {
                let opened = opened.clone();
                async move { opened.subscribe_databases().await }
            },
        },
    };
    gossip.start(&context, transactions);
    let opening = async move { states.subscribe_databases().await };
    // How long it takes to get the state from others is a matter of its size and their distance.
    let patience = if syncs { FOR_EVER } else { OPENING_MAX };
    let opened = context.timeout(patience, opening).await;
    let states = opened.map_err(|_| OrderError::Start {
        cause: "the state does not open; it may lack a block that no peer gives".to_owned(),
    })?;
    // After state sync nobody may have asked yet: the first who does shall not wait for it.
    once::index_latest(&rows, &states.1).await;
    // Nobody is answered before the state is that of the latest final block.
    latest.send_replace(caught_up(&context, &archive, &first, has_peers).await?);
    Ok(Engine {
        archive,
        states,
        rows,
    })
}

/// Ends the process when one of the parts has come to its end, which none does before the chain is
/// stopped: the others would wait for it for ever. A part that fails ends the process by itself.
#[allow(clippy::panic, reason = "ends the process; see the module `order`")]
fn watch<E: Runtime>(context: &E, part: &'static str, running: Handle<()>) {
    let ended = async move |_| {
        if running.await.is_ok() {
            panic!("{part} came to an end");
        }
    };
    context.child("watch").spawn(ended);
}

/// Whom a joining node asks how far the chain is: those it is told to dial, and where there are
/// none, the first validators.
fn bootstrap<P: Peers>(
    peers: &P,
    first_epoch: &EpochInfo,
) -> probe::Bootstrap<PublicKey, Addresses<PublicKey>> {
    let mut participants = first_epoch.participants();
    let told = Set::from_iter_dedup(peers.told());
    if !told.is_empty() {
        participants.dealers = told;
    }
    probe::Bootstrap {
        epoch: Epoch::zero(),
        participants,
        directory: first_epoch.directory.clone(),
    }
}

type Plan<E> = SyncPlan<E, Scheme, Standard<Block>>;
type Joining = StateSync<Scheme, Digest, MinSig, Addresses<PublicKey>>;

/// Asks peers for a final block whose state to begin with. Where nobody has one, the chain is as
/// new as the node, which then begins with the genesis; unless it was at it before, and knows that
/// there is one.
async fn join<E: Runtime>(
    context: &E,
    plan: Plan<E>,
    prober: &probe::Mailbox<Scheme, Standard<Block>>,
) -> (Plan<E>, Option<Joining>) {
    let patience = if plan.floor().is_some() {
        FOR_EVER
    } else {
        PROBE_PATIENCE
    };
    let found = context.timeout(patience, prober.subscribe()).await;
    let Ok(Ok(found)) = found else {
        return (plan, None);
    };
    let plan = plan.set_floor(found.floor).await;
    let joining = plan.floor().cloned().map(|floor| StateSync {
        info: found.info,
        floor,
    });
    tracing::info!("taking the state from peers");
    (plan, joining)
}

/// How blocks and certificates that are missing are had from peers.
fn backfill_config<P: Peers>(
    me: &PublicKey,
    peers: &P,
) -> marshal_resolver::Config<PublicKey, P, P> {
    marshal_resolver::Config {
        public_key: me.clone(),
        peer_provider: peers.clone(),
        blocker: peers.clone(),
        mailbox_size: NZUsize!(1000),
        fetch_timeout: NZDuration!(Duration::from_secs(2)),
        fetch_retry_delay: Duration::from_millis(100),
        priority_requests: false,
        priority_responses: false,
    }
}

/// Blocks in one file of the archive of a node that keeps so many.
pub(super) fn section(keep_blocks: Option<u64>) -> NonZeroU64 {
    let blocks = keep_blocks.map_or(SECTION, |keep| {
        (keep / 4).clamp(SECTION_MIN, SECTION).next_power_of_two()
    });
    NonZeroU64::new(blocks).unwrap_or(NonZeroU64::MIN)
}

/// Removes blocks but for the latest, of which two epochs stay in any case: a node that was away
/// for an epoch needs them.
fn pruning(keep: u64, epoch_blocks: NonZeroU64) -> PruneConfig {
    let least = epoch_blocks.get().saturating_mul(2);
    let kept = usize::try_from(keep.max(least)).unwrap_or(usize::MAX);
    PruneConfig {
        maintenance_interval: NonZeroUsize::new(kept / 4)
            .map_or(PRUNE_INTERVAL, |often| often.min(PRUNE_INTERVAL)),
        retained_marshal_blocks: kept,
        retained_qmdb_blocks: STATE_KEPT.min(kept),
    }
}

/// The same for the engine of each epoch.
fn consensus_config(pages: &CacheRef) -> orchestrator::SimplexConfig<RoundRobin<Blake3>> {
    orchestrator::SimplexConfig {
        elector: RoundRobin::default(),
        mailbox_size: NZUsize!(1000),
        replay_buffer: NZUsize!(BUFFER),
        write_buffer: NZUsize!(BUFFER),
        page_cache: pages.clone(),
        leader_timeout: LEADER_TIMEOUT,
        certification_timeout: CERTIFICATION_TIMEOUT,
        timeout_retry: Duration::from_millis(500),
        view_retention: ViewDelta::new(10),
        // A leader that declines gives its view up at once, however often: it is idle, not
        // stalling.
        skip: SkipPolicy::Enabled {
            timeout: SKIP_TIMEOUT,
            budget: SkipBudget::Fixed(NZU64!(u64::MAX)),
        },
        fetch_timeout: NZDuration!(Duration::from_secs(2)),
        fetch_retry_delay: Duration::from_secs(2),
        forward: ForwardPolicy::SilentVoters,
        track_historical_votes: false,
    }
}

/// Waits until all blocks of the archive are executed, and returns the latest. A crash may have
/// left a block out, which only peers have: without them that is an error, with them it comes when
/// one of them answers.
async fn caught_up<E: Runtime>(
    context: &E,
    archive: &Archive,
    genesis: &Block,
    has_peers: bool,
) -> Result<Admitted, OrderError> {
    let Some((target, _)) = archive.get_info(Identifier::Latest).await else {
        return Ok(genesis.admitted());
    };
    let (mut reached, mut since) = (None, context.current());
    let standstill = if has_peers {
        PEERS_PATIENCE
    } else {
        STANDSTILL
    };
    while context.current().duration_since(since).unwrap_or_default() < standstill {
        let height = archive.get_processed().await.map(|at| at.height());
        if height >= Some(target) {
            return Ok(admitted(archive, genesis, target).await);
        }
        if height > reached {
            (reached, since) = (height, context.current());
        }
        context.sleep(Duration::from_millis(2)).await;
    }
    match reached {
        Some(height) if has_peers => Ok(admitted(archive, genesis, height).await),
        None if has_peers => Ok(genesis.admitted()),
        _ => Err(OrderError::Start {
            cause: format!("the archive lacks final blocks below height {target}"),
        }),
    }
}

async fn admitted(archive: &Archive, genesis: &Block, height: ConsensusHeight) -> Admitted {
    let block = archive.get_block(Identifier::Height(height)).await;
    block.map_or_else(|| genesis.admitted(), |block| block.inner().admitted())
}

fn archive_config(
    prefix: &str,
    name: &str,
    section: NonZeroU64,
    pages: CacheRef,
) -> prunable::Config<EightCap, ()> {
    let buffer = NZUsize!(BUFFER);
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{prefix}-{name}-metadata"),
        key_partition: format!("{prefix}-{name}-key"),
        key_page_cache: pages,
        value_partition: format!("{prefix}-{name}-value"),
        compression: None,
        codec_config: (),
        items_per_section: section,
        key_write_buffer: buffer,
        value_write_buffer: buffer,
        replay_buffer: buffer,
    }
}
