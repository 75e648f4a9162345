//! Puts commonware's parts together: archive of final blocks, authenticated state, consensus.

use std::{
    num::NonZeroU64,
    sync::Arc,
    time::{Duration, Instant},
};

use commonware_broadcast::buffered;
use commonware_consensus::{
    marshal::{
        self, Identifier,
        core::{Actor as Marshal, Mailbox as MarshalMailbox},
        resolver::p2p as marshal_resolver,
        standard::{Deferred, Standard},
    },
    simplex::{
        self, SkipBudget,
        config::{Floor, ForwardPolicy, SkipPolicy},
        elector::RoundRobin,
    },
    types::{Epoch, FixedEpocher, Height as ConsensusHeight, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, Signer as _,
    blake3::{Blake3, Digest},
    certificate::ConstantProvider,
};
use commonware_glue::stateful::{
    Config as StatefulConfig, Stateful, SyncPlan,
    db::{DatabaseSet as _, SyncEngineConfig},
};
use commonware_parallel::Sequential;
use commonware_runtime::{Supervisor as _, buffer::paged::CacheRef, tokio::Context as Runtime};
use commonware_storage::{archive::prunable, translator::EightCap};
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize};
use tokio::sync::watch;
use yilian_protocol::registry::{Admitted, Genesis};

use super::{
    StateMachine,
    application::Application,
    block::{Block, StateTarget},
    chain::OrderError,
    gossip::Gossip,
    mempool::Mempool,
    network::{Network, NoSync, Topic},
    pace::{CERTIFICATION_TIMEOUT, LEADER_TIMEOUT, Load, Paced},
    peering::Peering,
    state::{self, States},
    validator::{ValidatorKey, ValidatorKeyError},
};

pub(super) type Archive = MarshalMailbox<super::validator::Scheme, Standard<Block>>;

/// The running parts that queries go to.
#[derive(Clone)]
pub(super) struct Engine {
    pub archive: Archive,
    pub states: States,
}

/// What the engine needs.
pub(super) struct Parts {
    pub genesis: Genesis,
    pub validator: ValidatorKey,
    pub peering: Option<Peering>,
    pub machine: Arc<dyn StateMachine>,
    pub mempool: Arc<Mempool>,
    pub latest: watch::Sender<Admitted>,
    pub idle: Duration,
}

/// Names every partition on disk.
const PREFIX: &str = "chain";
const BUFFER: usize = 1 << 20;
/// Pages of 4 KiB of archive and state kept in memory: 64 MiB.
const PAGES: usize = 1 << 14;
/// Blocks in one file of the archive. Every file stays open: 10 million blocks are 600 files.
const SECTION: NonZeroU64 = NZU64!(1 << 16);
/// A leader that was not heard of for so long is passed over.
const SKIP_TIMEOUT: Duration = Duration::from_secs(10);
/// When no block was executed for so long at the start, none will be.
const STANDSTILL: Duration = Duration::from_secs(30);
/// The same for a node with peers, which goes on and gets the blocks from them when it can.
const PEERS_PATIENCE: Duration = Duration::from_secs(2);
/// How long the state may take to open: the index of 10^8 entries, or a block that a peer has to give.
const OPENING_MAX: Duration = Duration::from_mins(10);

/// Starts everything. Panics when the storage cannot be read, as the parts themselves do.
#[allow(
    clippy::too_many_lines,
    reason = "one list of parts; cut up, each would need all others"
)]
pub(super) async fn start(context: Runtime, parts: Parts) -> Result<Engine, OrderError> {
    let Parts {
        genesis,
        validator,
        peering,
        machine,
        mempool,
        latest,
        idle,
    } = parts;
    let chain = genesis.chain();
    if genesis.group_key.as_slice() != validator.group_key()? {
        return Err(ValidatorKeyError::OtherGroup.into());
    }
    let identity = validator.identity()?;
    let me = identity.public_key();
    let scheme = validator.scheme(chain)?;
    let committee = validator.committee()?;
    let mut network = Network::new(&context, chain, identity, peering.as_ref());
    let peers = network.peers.clone();
    let [backfill, proposals, votes, notices, fetches, transactions] = [
        Topic::Backfill,
        Topic::Blocks,
        Topic::Votes,
        Topic::Certificates,
        Topic::Resolver,
        Topic::Transactions,
    ]
    .map(|topic| network.channel(topic));
    // Before anything waits for blocks that only peers have.
    network.start();
    let pages = CacheRef::new(NZU16!(4096), NZUsize!(PAGES));
    let buffer = NZUsize!(BUFFER);

    // Nothing is proven of the genesis, so the root of its empty log does.
    let (operations, once) = States::initial_sync_targets();
    let state = StateTarget {
        root: operations.root,
        operations,
        once,
    };
    let leader = committee.iter().next().unwrap_or(&me).clone();
    let first = Block::genesis(chain, genesis.created, leader, state);

    let resolver = marshal_resolver::init(
        context.child("marshal_resolver"),
        marshal_resolver::Config {
            public_key: me.clone(),
            peer_provider: peers.clone(),
            blocker: peers.clone(),
            mailbox_size: NZUsize!(1000),
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
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
        archive_config("finalizations", pages.clone(), ()),
    )
    .await
    .unwrap_or_else(|error| super::application::fault(&error));
    let blocks = prunable::Archive::init(
        context.child("blocks"),
        archive_config("blocks", pages.clone(), ()),
    )
    .await
    .unwrap_or_else(|error| super::application::fault(&error));

    let plan = SyncPlan::init(context.child("plan"), PREFIX.to_owned()).await;
    let provider = ConstantProvider::new(scheme.clone());
    let (marshal, archive, floor) = Marshal::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        certificates,
        blocks,
        marshal::Config {
            provider,
            epocher: FixedEpocher::new(NZU64!(u64::MAX)),
            start: plan.marshal_start(Digested::precomputed(first.clone(), first.digest())),
            partition_prefix: PREFIX.to_owned(),
            mailbox_size: NZUsize!(1000),
            view_retention: ViewDelta::new(10),
            prunable_items_per_section: NZU64!(1024),
            page_cache: pages.clone(),
            replay_buffer: buffer,
            key_write_buffer: buffer,
            value_write_buffer: buffer,
            block_codec_config: (),
            max_repair: NZUsize!(20),
            max_pending_acks: NZUsize!(16),
            strategy: Sequential,
        },
    )
    .await;

    let application = Application {
        chain,
        genesis: first.clone(),
        machine: Arc::clone(&machine),
        mempool: Arc::clone(&mempool),
        latest: latest.clone(),
        load: Load::default(),
    };
    let (stateful, states) = Stateful::new(
        context.child("stateful"),
        StatefulConfig {
            application,
            db_config: state::config(PREFIX, &pages),
            provider: (),
            marshal: (archive.clone(), floor),
            mailbox_size: NZUsize!(100),
            plan,
            resolvers: (NoSync::default(), NoSync::default()),
            sync_config: SyncEngineConfig {
                fetch_batch_size: NZU64!(4096),
                apply_batch_size: NZU64!(4096),
                max_outstanding_requests: NZUsize!(8),
            },
            prune_config: None,
            strategy: Sequential,
        },
    );
    let paced = Paced::new(states.clone(), Arc::clone(&mempool), idle);
    let deferred = Deferred::new(
        context.child("deferred"),
        paced,
        archive.clone(),
        FixedEpocher::new(NZU64!(u64::MAX)),
    );
    marshal.start(states.clone(), broadcast_mailbox, resolver);
    stateful.start();
    let opened = tokio::time::timeout(OPENING_MAX, states.subscribe_databases()).await;
    let states = opened.map_err(|_| OrderError::Start {
        cause: "the state does not open; it may lack a block that no peer gives".to_owned(),
    })?;
    // Nothing is voted for, and nobody is answered, before the state is that of the latest final
    // block.
    latest.send_replace(caught_up(&archive, &first, peering.is_some()).await?);
    let floor = voting_floor(&archive, &first).await;

    let engine = simplex::Engine::new(
        context.child("simplex"),
        simplex::Config {
            scheme,
            elector: RoundRobin::<Blake3>::default(),
            blocker: peers.clone(),
            automaton: deferred.clone(),
            relay: deferred.clone(),
            reporter: deferred,
            strategy: Sequential,
            partition: format!("{PREFIX}-simplex"),
            mailbox_size: NZUsize!(1000),
            epoch: Epoch::zero(),
            floor,
            replay_buffer: buffer,
            write_buffer: buffer,
            page_cache: pages,
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
            forward: if committee.len() > 1 {
                ForwardPolicy::SilentVoters
            } else {
                ForwardPolicy::Disabled
            },
            track_historical_votes: false,
        },
    );
    if let Some(peering) = &peering {
        let gossip = Gossip::new(mempool, machine, peers, peering, validator.votes());
        gossip.start(&context, transactions);
    }
    engine.start(votes, notices, fetches);
    Ok(Engine { archive, states })
}

/// Where voting goes on: above the latest block known to be final, even if the votes' own journal
/// was lost.
async fn voting_floor(
    archive: &Archive,
    genesis: &Block,
) -> Floor<super::validator::Scheme, Digest> {
    if let Some((height, _)) = archive.get_info(Identifier::Latest).await
        && let Some(certificate) = archive.get_finalization(height).await
    {
        return Floor::Finalized(certificate);
    }
    Floor::Genesis(genesis.digest())
}

/// Waits until all blocks of the archive are executed, and returns the latest. A crash may have left a block out, which
/// only peers have: without them that is an error, with them it comes when one of them answers.
async fn caught_up(
    archive: &Archive,
    genesis: &Block,
    has_peers: bool,
) -> Result<Admitted, OrderError> {
    let Some((target, _)) = archive.get_info(Identifier::Latest).await else {
        return Ok(genesis.admitted());
    };
    let (mut reached, mut since) = (None, Instant::now());
    let standstill = if has_peers {
        PEERS_PATIENCE
    } else {
        STANDSTILL
    };
    while since.elapsed() < standstill {
        let height = archive.get_processed().await.map(|at| at.height());
        if height >= Some(target) {
            return Ok(admitted(archive, genesis, target).await);
        }
        if height > reached {
            (reached, since) = (height, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
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

fn archive_config<C>(name: &str, pages: CacheRef, codec: C) -> prunable::Config<EightCap, C> {
    let buffer = NZUsize!(BUFFER);
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{PREFIX}-{name}-metadata"),
        key_partition: format!("{PREFIX}-{name}-key"),
        key_page_cache: pages,
        value_partition: format!("{PREFIX}-{name}-value"),
        compression: None,
        codec_config: codec,
        items_per_section: SECTION,
        key_write_buffer: buffer,
        value_write_buffer: buffer,
        replay_buffer: buffer,
    }
}
