//! Starting a node of this machine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use yilian_ledger::Ledger;
use yilian_protocol::registry::Genesis;

use super::{HostedMembers, Node, Parts, Upkeep};
use crate::{
    background::Background,
    health::StorageOptions,
    keyholder::{KeyHolder, KeyHolderError},
    machine::LedgerMachine,
    mailbox::{MailStore, MailStoreError},
    neighbours::{NeighbourUrls, Neighbours, NeighboursError},
    order::{Chain, ChainOptions, History, OrderError, Peering, ValidatorKey},
    private_chain::{PrivateChain, PrivateChainError},
    private_file,
    store::{Recovery, Store, StoreError},
    tls::Tls,
    vault::Vault,
};

/// What a node needs to start.
#[derive(Debug)]
pub struct NodeOptions {
    /// Where it keeps everything: `chain/`, `secrets/`, `objects/`, `deposits.redb`, `mail.redb`,
    /// `private-chain.redb`.
    pub directory: PathBuf,
    /// How the shares of the group key in `secrets/` are kept.
    pub secrets: Vault,
    /// What its chain began with.
    pub genesis: Genesis,
    /// Its place in the committee.
    pub validator: ValidatorKey,
    /// Whom it speaks to about blocks; nobody, when it is alone.
    pub peering: Option<Peering>,
    /// Whose ciphertext it may get, and who keeps its own for others.
    pub neighbours: NeighbourUrls,
    /// By what other nodes know it, and it them; nothing for plain HTTP.
    pub tls: Option<Tls>,
    /// Whether a block of a private chain is closed only when another workstation checked its
    /// entries.
    pub checked_log: bool,
    /// How much of the chain's past it keeps.
    pub history: History,
    /// How much of the disk stays free.
    pub storage: StorageOptions,
    /// The members it acts for.
    pub identities: Arc<dyn HostedMembers>,
}

impl NodeOptions {
    /// Where a node that keeps everything in `directory` has its chain.
    pub(crate) fn chain_in(directory: &Path) -> PathBuf {
        directory.join("chain")
    }

    /// A node without peers and neighbours: the embedded one.
    #[must_use]
    pub fn alone(
        directory: PathBuf,
        genesis: Genesis,
        validator: ValidatorKey,
        identities: Arc<dyn HostedMembers>,
    ) -> Self {
        Self {
            secrets: Vault::plain(directory.join("secrets")),
            directory,
            genesis,
            validator,
            peering: None,
            neighbours: NeighbourUrls::default(),
            tls: None,
            checked_log: false,
            history: History::default(),
            storage: StorageOptions::default(),
            identities,
        }
    }
}

impl Node {
    /// Starts a node, which first recovers what a crash may have left behind.
    ///
    /// # Errors
    /// [`NodeError`] names the part that does not start.
    pub fn start(options: NodeOptions) -> Result<Self, NodeError> {
        let NodeOptions {
            directory,
            secrets,
            genesis,
            validator,
            peering,
            neighbours,
            tls,
            checked_log,
            history,
            storage: kept_free,
            identities,
        } = options;
        let neighbours = Neighbours::over_http(&neighbours, tls.as_ref())?;
        let ledger = Arc::new(Ledger::new(genesis));
        // Whatever is put into it, no other user gets there.
        private_file::make_folder(&directory).map_err(NodeError::Directory)?;
        let store = Store::open(&directory.join("objects"))?;
        tell_mended(&store);
        let holder = KeyHolder::open(&directory.join("deposits.redb"))?;
        let mail = MailStore::open(&directory.join("mail.redb"))?;
        let log = PrivateChain::open(&directory.join("private-chain.redb"))?;
        let (machine, revoked) = LedgerMachine::new(Arc::clone(&ledger));
        let chain = NodeOptions::chain_in(&directory);
        let options = ChainOptions::new(chain, ledger.genesis().clone(), validator)
            .secrets(secrets)
            .peering(peering)
            .history(history);
        let chain = Chain::start(options, Arc::new(machine))?;
        let (mut node, upkeep) = Self::of(Parts {
            chain,
            ledger,
            store: Arc::new(store),
            holder: Arc::new(holder),
            mail: Arc::new(mail),
            log: Arc::new(log),
            checked_log,
            identities,
            neighbours,
        });
        node.health.keep_free(kept_free);
        let Upkeep {
            eraser,
            log,
            mail,
            storage,
            scrub,
        } = upkeep;
        let background = [
            Background::start("private-chain", log.run()),
            Background::start("erasure", eraser.run(revoked)),
            Background::start("mailboxes", mail.run()),
            Background::start("storage", storage.run()),
            Background::start("scrub", scrub.run()),
        ];
        let background = background.into_iter().collect::<Result<_, _>>();
        node.background = background.map_err(NodeError::Thread)?;
        Ok(node)
    }

    /// Shows other nodes these certificates from now on.
    ///
    /// # Errors
    /// When they cannot be used: then those of before are shown.
    pub fn renew(&self, tls: &Tls) -> Result<(), NeighboursError> {
        self.neighbours.renew(tls)
    }
}

fn tell_mended(store: &Store) {
    let mended = store.recovery();
    if mended.damaged_bytes > 0 {
        tracing::warn!(
            ?mended,
            "stored ciphertext is damaged; neighbours may have it, or a copy"
        );
    } else if mended != Recovery::default() {
        tracing::info!(?mended, "the ciphertext store was mended after a crash");
    }
}

impl NodeError {
    /// Whether another process runs the node, or is about to.
    #[must_use]
    pub const fn is_in_use(&self) -> bool {
        matches!(
            self,
            Self::Order(OrderError::InUse { .. }) | Self::Store(StoreError::Locked { .. })
        )
    }
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The chain.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The ciphertext store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key holder.
    #[error(transparent)]
    KeyHolder(#[from] KeyHolderError),
    /// The mailboxes.
    #[error(transparent)]
    Mail(#[from] MailStoreError),
    /// The private chains.
    #[error(transparent)]
    Log(#[from] PrivateChainError),
    /// Its directory cannot be made.
    #[error("the node's directory cannot be made: {0}")]
    Directory(std::io::Error),
    /// The system has no thread left.
    #[error("no thread: {0}")]
    Thread(std::io::Error),
    /// The way to other nodes' ciphertext.
    #[error(transparent)]
    Neighbours(#[from] NeighboursError),
}
