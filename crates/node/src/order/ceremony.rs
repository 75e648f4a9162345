//! The key ceremony: validators make the group key together, so that nobody ever knows it.
//!
//! Feldman-Desmedt distributed key generation on a short chain of its own, by commonware's
//! `dkg::bootstrap`. Every validator deals to every other, and learns its own share only; what it
//! keeps on the way is on disk, so a validator that is restarted goes on where it was. A validator
//! that misses what it was dealt gets it in public, which would give its share away: such an
//! outcome is refused, and the ceremony has to be held again in a fresh directory.

use std::{io, net::SocketAddr, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use super::{
    chain::STACK,
    network::lookup_network,
    peering::{Peer, try_listen},
    secrets::FileStore,
    validator::{NodeIdentity, ValidatorKey, ValidatorKeyError},
};
use crate::{private_file, vault::Vault};
use commonware_consensus::types::Epoch;
use commonware_cryptography::{
    Signer as _,
    bls12381::{
        dkg::feldman_desmedt::Reveal,
        primitives::{
            sharing::{Mode, ModeVersion},
            variant::MinSig,
        },
    },
    ed25519::{self, PublicKey},
};
use commonware_glue::dkg::{
    SecretStore, bootstrap,
    network::{AddressableManager, Addresses},
};
use commonware_p2p::{Address, Channel};
use commonware_parallel::Sequential;
use commonware_runtime::{
    Quota, Runner as _, Supervisor as _, buffer::paged::CacheRef, tokio as runtime,
};
use commonware_utils::{NZDuration, NZU16, NZU32, NZU64, NZUsize, ordered::Set};
use tokio::sync::{Notify, oneshot};
use yilian_crypto::label;

/// Keeps ceremonies apart from chains.
const NAMESPACE: &[u8] = label::CEREMONY.as_bytes();
/// Blocks of the ceremony's chain: some seconds on one machine, a minute across a country. Time
/// enough for everybody to be there when it is dealt, in the first half.
const BLOCKS: u64 = 512;
/// Messages a second from each peer, on each channel.
const QUOTA: u32 = 256;
const BUFFER: usize = 1 << 16;

/// What a validator needs to take part.
#[derive(Debug)]
pub struct CeremonyOptions {
    /// Where its chain is. To be deleted when the ceremony is over.
    pub directory: PathBuf,
    /// Where it keeps what it was dealt. To be deleted likewise.
    pub secrets: Vault,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who it is.
    pub identity: NodeIdentity,
    /// All validators, itself included; the same for each of them.
    pub validators: Vec<Peer>,
}

/// Takes part. `done` is told of this validator's key, once; then others are helped to finish,
/// until `stop` is notified. Generic, so that this engine is compiled where a program holds
/// ceremonies, and in no other.
///
/// # Errors
/// [`CeremonyError`] when it cannot begin, or ended without a key.
pub fn hold(
    options: CeremonyOptions,
    done: impl FnOnce(ValidatorKey) + Send + 'static,
    stop: Arc<Notify>,
) -> Result<(), CeremonyError> {
    let signer = options.identity.signer()?;
    let participants = options.validators.iter().map(|peer| peer.id.0.clone());
    let participants = Set::from_iter_dedup(participants);
    if participants.len() != options.validators.len()
        || participants.position(&signer.public_key()).is_none()
    {
        return Err(CeremonyError::Validators);
    }
    let listen = options.listen;
    try_listen(listen).map_err(|source| CeremonyError::Listen { listen, source })?;
    private_file::make_folder(&options.directory).map_err(CeremonyError::Storage)?;
    // The start is one deep future, as that of a chain.
    let thread = std::thread::Builder::new()
        .name("ceremony".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let settings = runtime::Config::default()
                .with_storage_directory(options.directory.join("chain"))
                .with_worker_threads(2)
                .with_catch_panics(false);
            runtime::Runner::new(settings).start(async |context| {
                Box::pin(run(&context, &options, signer, participants, done, &stop)).await
            })
        })
        .map_err(CeremonyError::Storage)?;
    thread.join().unwrap_or(Err(CeremonyError::Stopped))
}

async fn run(
    context: &runtime::Context,
    options: &CeremonyOptions,
    signer: ed25519::PrivateKey,
    participants: Set<PublicKey>,
    done: impl FnOnce(ValidatorKey),
    stop: &Notify,
) -> Result<(), CeremonyError> {
    let count = NonZeroUsize::MIN.saturating_add(participants.len());
    let (mut network, oracle) =
        lookup_network(context, NAMESPACE, signer.clone(), options.listen, count);
    let quota = Quota::per_second(NZU32!(QUOTA));
    let [votes, certificates, resolver, backfill, broadcast, dealings] =
        [0, 1, 2, 3, 4, 5].map(|channel: Channel| network.register(channel, quota));
    network.start();
    let addresses = options.validators.iter();
    let directory: Addresses<PublicKey> = addresses
        .map(|peer| (peer.id.0.clone(), Address::from(peer.address)))
        .collect();
    let store = FileStore::new(options.secrets.clone());
    let buffer = NZUsize!(BUFFER);
    let engine = bootstrap::Engine::<_, MinSig, _, _, _, _, _>::new(
        context.child("ceremony"),
        bootstrap::Config {
            signer,
            manager: AddressableManager::new(oracle.clone()),
            blocker: oracle,
            secret_store: store.clone(),
            strategy: Sequential,
            namespace: NAMESPACE,
            sharing_mode: Mode::NonZeroCounter,
            reveal: Reveal::V1,
            max_supported_mode: ModeVersion::v0(),
            partition_prefix: "ceremony".to_owned(),
            page_cache: CacheRef::new(NZU16!(4096), NZUsize!(1024)),
            write_buffer: buffer,
            replay_buffer: buffer,
            mailbox_size: NZUsize!(1024),
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(100),
            items_per_section: NZU64!(1024),
            participants: participants.clone(),
            directory,
            blocks_per_epoch: NZU64!(BLOCKS),
        },
    );
    let (_engine, completion): (_, oneshot::Receiver<_>) =
        engine.start(votes, certificates, resolver, backfill, broadcast, dealings);
    let completion = tokio::select! {
        completion = completion => completion.map_err(|_| CeremonyError::Stopped)?,
        () = stop.notified() => return Err(CeremonyError::Stopped),
    };
    let output = completion.info.ok_or(CeremonyError::Failed)?.output;
    if !output.revealed().is_empty() || *output.players() != participants {
        return Err(CeremonyError::Revealed);
    }
    let share = store.clone().get_share(Epoch::zero()).await;
    let share = share.ok_or(CeremonyError::Failed)?;
    let identity = options.identity.clone();
    done(ValidatorKey::of_ceremony(identity, &output, &share));
    // Others may still be catching up from this one.
    stop.notified().await;
    Ok(())
}

/// Why a ceremony gives no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// The identity is damaged.
    #[error(transparent)]
    Key(#[from] ValidatorKeyError),
    /// The list of validators names one twice, or leaves this one out.
    #[error("the validators are not distinct, or this node is none of them")]
    Validators,
    /// The others would not reach it: something else listens there, or it is not this machine's.
    #[error("cannot listen for the other validators at {listen}: {source}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The disk, or no thread is left.
    #[error("the ceremony's directory cannot be used: {0}")]
    Storage(io::Error),
    /// It was stopped before there was a key.
    #[error("the ceremony was stopped before there was a key")]
    Stopped,
    /// Too few dealt.
    #[error("the ceremony failed: too few validators dealt; hold it again, in fresh directories")]
    Failed,
    /// Shares were given away.
    #[error(
        "a validator missed what it was dealt, and its share became public; hold the ceremony again, in fresh directories"
    )]
    Revealed,
}
