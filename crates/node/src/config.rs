//! A node's file of settings, `node.json`, and the files that it names.
//!
//! ```text
//! node.json        settings                                     names are relative to its folder
//! genesis.json     what the chain began with
//! validator.json   the node's place in the committee            secret
//! identities.json  the members it acts for, with their node keys  secret
//! tls/             certificates, and their key                    secret
//! data/            chain, objects, deposits
//! data/secrets/    its shares of the group key                    secret
//! keystore         what secrets are sealed under, see `vault`
//! ```

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tracing_subscriber::EnvFilter;
use yilian_crypto::sign::SigningKey;
use yilian_protocol::{ChainId, MemberId, governance::Candidacy, registry::Genesis};
use zeroize::Zeroizing;

use crate::{
    connections::ConnectionOptions,
    health::StorageOptions,
    neighbours::NeighbourUrls,
    order::{
        CeremonyOptions, ForgetError, Forgotten, History, IdleChain, NodeIdentity, Peer, Peering,
        ValidatorKey, ValidatorKeyError,
    },
    service::{HostedMembers, NodeOptions},
    tls::{Tls, TlsError, TlsFiles},
    vault::{Said, Vault, VaultError},
};

/// What a node is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Its name, for people and logs.
    pub name: String,
    /// Where its HTTP API listens.
    pub listen: SocketAddr,
    /// Certificates for HTTPS, and for other nodes; without them the API speaks plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFiles>,
    /// Whom it speaks to about blocks.
    #[serde(default)]
    pub peering: Option<Peering>,
    /// Whose ciphertext it may get, and who keeps its own for others.
    #[serde(default)]
    pub neighbours: NeighbourUrls,
    /// Whether a block of its hospital's private chain is closed only when another workstation
    /// checked its entries (`yilian log check`).
    #[serde(default)]
    pub checked_log: bool,
    /// How much of the chain's past it keeps.
    #[serde(default)]
    pub history: History,
    /// How many connections its API has.
    #[serde(default)]
    pub connections: ConnectionOptions,
    /// How much of the disk stays free.
    #[serde(default)]
    pub storage: StorageOptions,
    /// Whether the API speaks plain HTTP where other machines reach it, for a proxy on another
    /// machine: whoever reaches it may do all that is for members only.
    #[serde(default)]
    pub insecure_http: bool,
    /// What it logs, where the environment (`RUST_LOG`) does not say: `info`, or levels by part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogFilter>,
}

/// What is logged, in the form of `RUST_LOG`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogFilter(String);

impl TryFrom<String> for LogFilter {
    type Error = tracing_subscriber::filter::ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        EnvFilter::try_new(&text)?;
        Ok(Self(text))
    }
}

impl From<LogFilter> for String {
    fn from(filter: LogFilter) -> Self {
        filter.0
    }
}

impl From<&LogFilter> for EnvFilter {
    fn from(LogFilter(text): &LogFilter) -> Self {
        Self::new(text)
    }
}

/// What a validator is told of a key ceremony, in `ceremony.json`; its `identity.json` stands
/// beside it, and its `validator.json` is written there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeremonyConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// All validators, this one included.
    pub validators: Vec<Peer>,
}

/// A member that a node acts for.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityFile {
    /// The member.
    pub member: MemberId,
    /// The seed of its node key, 64 hex digits.
    pub node: Zeroizing<String>,
}

impl std::fmt::Debug for IdentityFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdentityFile({})", self.member)
    }
}

/// Files of a node's folder.
pub const SETTINGS: &str = "node.json";
/// What the chain began with.
pub const GENESIS: &str = "genesis.json";
/// The node's place in the committee.
pub const VALIDATOR: &str = "validator.json";
/// What a validator is told of a key ceremony.
pub const CEREMONY: &str = "ceremony.json";
/// Who a node is, before it is of a committee.
pub const IDENTITY: &str = "identity.json";
/// The members it acts for.
pub const IDENTITIES: &str = "identities.json";

/// Where it keeps everything else.
const DATA: &str = "data";
/// The shares of the group key, and what is remembered of dealing.
const SHARES: &str = "data/secrets";

/// The folder of a node's settings, or of another file of its own.
#[must_use]
pub fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Reads a node's settings, and what a node of these settings needs to start. Its secrets are
/// opened by what was said of them, and stay open.
///
/// # Errors
/// [`ConfigError`] names the file at fault.
pub fn read(settings: &Path, said: &Said) -> Result<(NodeConfig, NodeOptions, Vault), ConfigError> {
    let folder = folder_of(settings);
    let vault = Vault::open(folder, said)?;
    let (config, tls) = read_again(settings, &vault)?;
    let genesis: Genesis = json(&folder.join(GENESIS))?;
    let identities: Vec<IdentityFile> = secret(&vault, IDENTITIES)?;
    let options = NodeOptions {
        directory: folder.join(DATA),
        secrets: vault.within(SHARES),
        genesis,
        validator: secret::<ValidatorKey>(&vault, VALIDATOR)?,
        peering: config.peering.clone(),
        neighbours: config.neighbours.clone(),
        tls,
        checked_log: config.checked_log,
        history: config.history,
        storage: config.storage,
        identities: std::sync::Arc::new(Members::of(&identities, folder)?),
    };
    Ok((config, options, vault))
}

/// Reads the settings of a node that runs, and its certificates.
///
/// # Errors
/// [`ConfigError`] names the file at fault.
pub fn read_again(
    settings: &Path,
    vault: &Vault,
) -> Result<(NodeConfig, Option<Tls>), ConfigError> {
    let config: NodeConfig = json(settings)?;
    let is_local = config.listen.ip().to_canonical().is_loopback();
    if config.tls.is_none() && !config.insecure_http && !is_local {
        return Err(ConfigError::PlainHttp {
            path: settings.to_owned(),
            listen: config.listen,
        });
    }
    let tls = config.tls.as_ref();
    let tls = tls.map(|files| Tls::read(files, vault)).transpose()?;
    Ok((config, tls))
}

/// Takes its share of the group key from the node of these settings, which does not run: it follows
/// from then on, until it is elected again. Killed at any moment, this is repeated.
///
/// # Errors
/// [`ConfigError`] names the file at fault, or that the node runs.
pub fn forget_share(settings: &Path, said: &Said) -> Result<Forgotten, ConfigError> {
    let folder = folder_of(settings);
    // Whoever mistyped the folder is told before anything is made in it.
    let _: NodeConfig = json(settings)?;
    let vault = Vault::open(folder, said)?;
    let key: ValidatorKey = secret(&vault, VALIDATOR)?;
    let idle = NodeOptions::chain_in(&folder.join(DATA));
    let idle = IdleChain::hold(&idle).map_err(ForgetError::from)?;
    write_secret(&vault, VALIDATOR, &key.without_share())?;
    Ok(idle.forget_share(&vault.within(SHARES))?)
}

/// The consent of the node of these settings, whose secrets are in `vault`, to stand for election
/// as `member`'s, where it listens for peers; or to be withdrawn.
///
/// # Errors
/// [`ConfigError`] names the file at fault, or that the node listens nowhere.
pub fn candidacy(
    settings: &Path,
    vault: &Vault,
    chain: ChainId,
    member: MemberId,
    sequence: u32,
    stands: bool,
) -> Result<Candidacy, ConfigError> {
    let path = vault.path(VALIDATOR);
    let config: NodeConfig = json(settings)?;
    let key: ValidatorKey = secret(vault, VALIDATOR)?;
    let address = match config.peering {
        _ if !stands => None,
        Some(peering) if peering.listen.port() != 0 => Some(peering.listen),
        _ => {
            return Err(ConfigError::NotReachable {
                path: settings.to_owned(),
            });
        }
    };
    let candidacy = key.candidacy(chain, member, address, sequence);
    candidacy.map_err(|source| ConfigError::Key { path, source })
}

/// Reads what a validator is told of a ceremony, and what it needs to take part; and where its key
/// is to be written, as [`VALIDATOR`].
///
/// # Errors
/// [`ConfigError`] names the file at fault.
pub fn read_ceremony(
    settings: &Path,
    said: &Said,
) -> Result<(CeremonyOptions, Vault), ConfigError> {
    let folder = folder_of(settings);
    let config: CeremonyConfig = json(settings)?;
    let vault = Vault::open(folder, said)?;
    let identity: NodeIdentity = secret(&vault, IDENTITY)?;
    let options = CeremonyOptions {
        directory: folder.join("ceremony"),
        secrets: vault.within("ceremony/secrets"),
        listen: config.listen,
        identity,
        validators: config.validators,
    };
    Ok((options, vault))
}

/// Keeps a secret as JSON, whole or not at all.
///
/// # Errors
/// [`ConfigError::Vault`] names the file.
pub fn write_secret<V: Serialize>(vault: &Vault, name: &str, value: &V) -> Result<(), ConfigError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|source| ConfigError::Content {
        path: vault.path(name),
        source,
    })?;
    Ok(vault.write(name, &Zeroizing::new(bytes))?)
}

/// A secret that is kept as JSON.
///
/// # Errors
/// [`ConfigError`] names the file.
pub fn secret<V: DeserializeOwned>(vault: &Vault, name: &str) -> Result<V, ConfigError> {
    let bytes = vault.read(name)?;
    serde_json::from_slice(&bytes).map_err(|source| ConfigError::Content {
        path: vault.path(name),
        source,
    })
}

/// A value as one line of JSON.
///
/// # Errors
/// [`ConfigError::Content`] when it has no such form.
pub fn to_line<V: Serialize>(value: &V) -> Result<String, ConfigError> {
    serde_json::to_string(value).map_err(|source| ConfigError::Content {
        path: PathBuf::from("standard output"),
        source,
    })
}

fn json<V: DeserializeOwned>(path: &Path) -> Result<V, ConfigError> {
    let bytes = fs::read(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|source| ConfigError::Content {
        path: path.to_owned(),
        source,
    })
}

/// The members of a file.
#[derive(Debug)]
struct Members(Vec<(MemberId, [u8; 32])>);

impl Members {
    fn of(files: &[IdentityFile], folder: &Path) -> Result<Self, ConfigError> {
        let member = |file: &IdentityFile| {
            let mut seed = [0; 32];
            hex::decode_to_slice(&*file.node, &mut seed).map_err(|_| ConfigError::NodeKey {
                path: folder.join(IDENTITIES),
                member: file.member,
            })?;
            Ok((file.member, seed))
        };
        files.iter().map(member).collect::<Result<_, _>>().map(Self)
    }
}

impl HostedMembers for Members {
    fn members(&self) -> Vec<MemberId> {
        self.0.iter().map(|(member, _)| *member).collect()
    }

    fn key(&self, member: MemberId) -> Option<SigningKey> {
        let (_, seed) = self.0.iter().find(|(id, _)| *id == member)?;
        Some(SigningKey::from_seed(seed))
    }
}

/// What is wrong with a node's files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// One cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A secret does not open, or cannot be kept.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// One holds something else.
    #[error("{} does not hold what it should: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Its certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Others reach it, and it tells nobody from anybody.
    #[error("{}: plain HTTP at {listen}, where other machines reach it, lets everybody do all", path.display())]
    PlainHttp {
        /// The settings.
        path: PathBuf,
        /// Where it would listen.
        listen: SocketAddr,
    },
    /// Other nodes cannot dial this one.
    #[error("{}: other nodes cannot dial a node without `peering.listen` and a fixed port in it", path.display())]
    NotReachable {
        /// The settings.
        path: PathBuf,
    },
    /// Its share of the group key is not taken from it.
    #[error("the share is not forgotten: {0}")]
    Forget(#[from] ForgetError),
    /// The node's own key is damaged.
    #[error("{}: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ValidatorKeyError,
    },
    /// A node key is none.
    #[error("{}: the node key of member {member} is not 64 hex digits", path.display())]
    NodeKey {
        /// The file.
        path: PathBuf,
        /// Whose key.
        member: MemberId,
    },
}
