//! Epochs: which scheme verifies the votes of each, and who is elected for it.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use commonware_consensus::types::Epoch;
use commonware_cryptography::{
    bls12381::primitives::variant::MinSig,
    certificate::{Provider, Scoped},
    ed25519::PublicKey,
};
use commonware_glue::dkg::{
    ParticipantsProvider, Registrar,
    network::Addresses,
    types::{EpochOutcome, SchemeInfo},
};
use commonware_p2p::Address;
use commonware_utils::ordered::Set;
use yilian_protocol::{
    ChainId,
    codec::Decode as _,
    governance::{Delegate, Governance, Seats},
    registry::Genesis,
};

use super::{
    StateMachine,
    application::fault,
    block::EpochInfo,
    peering::peer_key,
    runtime::Runtime,
    state::{self, States},
    validator::{Scheme, ValidatorKey, ValidatorKeyError, scheme},
};

/// What the partitions begin with in which consensus keeps its votes, of a chain whose partitions
/// begin with `prefix`.
pub(super) fn votes_prefix(prefix: &str) -> String {
    format!("{prefix}-simplex")
}

/// The same of the partitions themselves, which end with the number of an epoch: the library's name
/// for them.
pub(super) fn votes_of_epochs(votes: &str) -> String {
    format!("{votes}_consensus_")
}

/// The schemes of the latest epochs.
pub(super) struct Schemes<E> {
    chain: ChainId,
    known: Arc<Mutex<BTreeMap<Epoch, Arc<Scheme>>>>,
    storage: Arc<E>,
    /// What the partitions begin with in which the engine of each epoch keeps its votes.
    votes: Arc<str>,
}

/// Epochs whose schemes are kept: votes of the one before may still arrive.
const SCHEMES_KEPT: usize = 4;

impl<E> Clone for Schemes<E> {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain,
            known: Arc::clone(&self.known),
            storage: Arc::clone(&self.storage),
            votes: Arc::clone(&self.votes),
        }
    }
}

impl<E: Runtime> Schemes<E> {
    pub fn new(chain: ChainId, storage: E, votes: &str) -> Self {
        Self {
            chain,
            known: Arc::default(),
            storage: Arc::new(storage),
            votes: votes.into(),
        }
    }

    /// Removes the votes of an epoch that nobody votes in any more.
    async fn forget_votes(&self, epoch: Epoch) {
        let partition = format!("{}{epoch}", votes_of_epochs(&self.votes));
        match self.storage.remove(&partition, None).await {
            // A node that joined later has none.
            Ok(()) | Err(commonware_runtime::Error::PartitionMissing(_)) => {}
            Err(error) => tracing::warn!(%partition, %error, "votes of the past are still there"),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Epoch, Arc<Scheme>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Runtime> Provider for Schemes<E> {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        self.scheme(epoch).map(Scoped::scheme)
    }

    fn scheme(&self, epoch: Epoch) -> Option<Arc<Scheme>> {
        self.known().get(&epoch).cloned()
    }
}

impl<E: Runtime> Registrar for Schemes<E> {
    type Variant = MinSig;
    type PublicKey = PublicKey;

    async fn register(&self, epoch: Epoch, info: SchemeInfo<MinSig, PublicKey>) {
        let scheme = scheme(self.chain, info)
            .unwrap_or_else(|| fault(&"a share is not one of its epoch's group key"));
        {
            let mut known = self.known();
            known.insert(epoch, Arc::new(scheme));
            while known.len() > SCHEMES_KEPT {
                known.pop_first();
            }
        }
        let past = epoch.previous().and_then(Epoch::previous);
        if let Some(past) = past {
            self.forget_votes(past).await;
        }
    }
}

/// What the genesis block says of the first epoch.
///
/// # Errors
/// [`ValidatorKeyError`] when the ceremony was not the one whose group key and validators the
/// genesis names, or the node's share is not of it.
pub(super) fn first_epoch(
    genesis: &Genesis,
    validator: &ValidatorKey,
) -> Result<EpochInfo, ValidatorKeyError> {
    if genesis.group_key.as_slice() != validator.group_key()? {
        return Err(ValidatorKeyError::OtherGroup);
    }
    let (output, governance) = (validator.output()?, &genesis.governance);
    let players = peers(&governance.delegates);
    if *output.players() != players {
        return Err(ValidatorKeyError::Committee);
    }
    Ok(EpochInfo {
        outcome: EpochOutcome::Success,
        epoch: Epoch::zero(),
        output,
        next_players: players.clone(),
        directory: directory(&players, &governance.delegates),
        players,
    })
}

fn peers(delegates: &[Delegate]) -> Set<PublicKey> {
    let keys = delegates.iter();
    Set::from_iter_dedup(keys.filter_map(|delegate| peer_key(&delegate.peer)))
}

/// Where `peers` are. One that never stood has no address, and is never dialled.
fn directory(peers: &Set<PublicKey>, known: &[Delegate]) -> Addresses<PublicKey> {
    let address = |peer: &PublicKey| {
        let found = known
            .iter()
            .find(|delegate| peer_key(&delegate.peer).as_ref() == Some(peer));
        let socket = found.map_or_else(
            || std::net::SocketAddr::from(([0, 0, 0, 0], 0)),
            |delegate| delegate.address.0,
        );
        (peer.clone(), Address::from(socket))
    };
    peers.iter().map(address).collect()
}

/// Who is elected, out of the state.
pub(super) struct Delegates<E: Runtime, F> {
    pub context: E,
    pub machine: Arc<dyn StateMachine>,
    pub governance: Governance,
    /// Gives the state once it is open.
    pub states: F,
}

/// Between two looks for an election that was not executed yet.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl<E, F, Opened> Delegates<E, F>
where
    E: Runtime,
    F: Fn() -> Opened + Send + Sync + 'static,
    Opened: Future<Output = States<E>> + Send,
{
    /// The seats of `epoch`. They were elected half an epoch and more before anybody asks, but this
    /// node may be behind in executing.
    async fn seats(&self, epoch: Epoch) -> Seats {
        let elected = self.governance.epoch_blocks.elected_at(epoch.get());
        let place = elected.and_then(|_| self.machine.seats_key(epoch.get()));
        let Some(place) = place else {
            return self.governance.seats();
        };
        let states = (self.states)().await;
        loop {
            if let Some(value) = state::read_provable(&states, &place).await {
                return Seats::from_slice(&value)
                    .unwrap_or_else(|error| fault(&format!("damaged seats: {error}")));
            }
            self.context.sleep(LOOK_AGAIN).await;
        }
    }
}

impl<E, F, Opened> ParticipantsProvider for Delegates<E, F>
where
    E: Runtime,
    F: Fn() -> Opened + Send + Sync + 'static,
    Opened: Future<Output = States<E>> + Send,
{
    type PublicKey = PublicKey;
    type Directory = Addresses<PublicKey>;

    async fn participants(&mut self, epoch: Epoch) -> Set<PublicKey> {
        peers(&self.seats(epoch).await.delegates)
    }

    /// Out of the latest election that is executed everywhere when the final block of the epoch
    /// before is made.
    async fn directory(&mut self, epoch: Epoch, peers: Set<PublicKey>) -> Addresses<PublicKey> {
        let latest = self.seats(epoch.next()).await;
        directory(&peers, &latest.addresses)
    }
}
