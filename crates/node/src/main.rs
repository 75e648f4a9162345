//! The program `yilian-node`: one node of a consortium's network. It links no record parser and no
//! wallet.

#![forbid(unsafe_code)]

mod reload;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand};
use reload::{Log, Reload};
use rustix::fs::Mode;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::Notify,
};
use yilian_node::{
    api,
    config::{self, ConfigError, VALIDATOR},
    connections::{FilesError, Limits, Listening, OpenFiles, Stop},
    order::{self, CeremonyError, ForgetError, Forgotten, NodeIdentity, OrderError, ValidatorKey},
    service::{Node, NodeError},
    tls::{Acceptor, Tls, TlsError},
    vault::{PASSPHRASE_FILE, Said, Vault, VaultError},
};

/// What the process ends with when its storage failed while it ran.
const STORAGE_FAILED: u8 = 70;
/// Threads for files, signatures and proofs. Each keeps memory of its own.
const BLOCKING_MAX: usize = 4;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs one node until it is told to stop (Ctrl-C, SIGTERM). Writes the URL of its API to standard
/// output once it is ready.
///
/// Told to stop, it finishes what it is at, for 8 s at most; told again, it does not. SIGHUP has it
/// read its certificates and what it logs again.
///
/// Ends with code 0 when it was told to stop, 1 when it does not start, and 70 when its storage
/// failed while it ran: then a supervisor may start it again.
#[derive(Debug, Parser)]
#[command(name = "yilian-node", version, max_term_width = 100)]
struct Arguments {
    /// The node's settings; files it needs stand beside it
    #[arg(
        long,
        global = true,
        env = "YILIAN_NODE_CONFIG",
        default_value = config::SETTINGS,
        value_name = "FILE"
    )]
    config: PathBuf,
    /// Read the settings and the files they name, and stop
    #[arg(long)]
    check: bool,
    /// Read the passphrase of the node's secrets from this file: its first line. A device or a pipe
    /// will do. If left out, systemd's credential `yilian-passphrase` is taken, where there is one
    #[arg(long, global = true, env = PASSPHRASE_FILE, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Keep new secrets unsealed: whoever can read the files has them
    #[arg(long, global = true, conflicts_with = "passphrase_file")]
    insecure_plain: bool,
    /// Stop when standard input ends, so that the node does not outlive who started it
    #[arg(long, global = true)]
    until_eof: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What comes before a node can run.
#[derive(Debug, Subcommand)]
enum Command {
    /// Make an identity, and write the public key that its peers need to standard output
    Identity {
        /// The file to write
        #[arg(default_value = config::IDENTITY)]
        file: PathBuf,
    },
    /// Forget the share of the group key, when `data/secrets` is lost: without its seeds a
    /// validator would deal twice. Takes it out of `validator.json`, and removes what is left of
    /// `data/secrets` and the votes that were cast with it. The node, which must not run meanwhile,
    /// follows until it is elected again
    ForgetShare,
    /// Make the validators' group key together with the others, so that nobody ever knows it.
    /// Writes this validator's share to `validator.json`, and what everybody may know to standard
    /// output; then helps the others to finish, until it is stopped
    Ceremony {
        /// What this validator is told of it; its `identity.json` stands beside
        #[arg(default_value = config::CEREMONY)]
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    // What it writes is its user's only, whichever library writes it.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // Huge pages, which the allocator asks for, hold little in most of its many small arenas.
    // Without the system's leave there is only more memory in use.
    let _asked = rustix::thread::disable_transparent_huge_pages(true);
    let log = Log::begin();
    match run(&Arguments::parse(), log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(remedy) = error.remedy() {
                eprintln!("  try: {remedy}");
            }
            match error {
                Failure::Storage => ExitCode::from(STORAGE_FAILED),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run(arguments: &Arguments, log: Log) -> Result<(), Failure> {
    let said = Said::by(
        arguments.insecure_plain,
        arguments.passphrase_file.as_deref(),
    )?;
    match &arguments.command {
        Some(Command::Identity { file }) => return identity(file, &said),
        Some(Command::Ceremony { file }) => return ceremony(file, &said, arguments.until_eof),
        Some(Command::ForgetShare) => return forget_share(&arguments.config, &said),
        None => {}
    }
    let (config, options, vault) = config::read(&arguments.config, &said)?;
    drop(said);
    log.set(config.log.as_ref());
    if !options.secrets.is_sealed() {
        eprintln!(
            "WARNING: the secrets of {} are NOT SEALED: whoever can read its files has its keys; \
             `yilian keystore seal --home {}` seals them",
            config.name,
            config::folder_of(&arguments.config).display()
        );
    }
    if config.tls.is_none() && config.insecure_http {
        eprintln!(
            "WARNING: INSECURE: whoever reaches {} may do all that is for members only, and read \
             along",
            config.listen
        );
    }
    let files = OpenFiles::raise()?;
    if arguments.check {
        println!("{}: settings are sound", config.name);
        return Ok(());
    }
    tracing::info!("{files}");
    let limits = files.limits(config.connections);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_MAX)
        .build()
        .map_err(Failure::Serve)?;
    let tls = options.tls.clone();
    // A start may take minutes. Told to read its files again meanwhile, it does not end: it just
    // read them.
    let _heard = {
        let _runtime = runtime.enter();
        signal(SignalKind::hangup()).map_err(Failure::Serve)?
    };
    let node = Arc::new(Node::start(options)?);
    let reload = Reload {
        settings: arguments.config.clone(),
        vault,
        config,
        log,
    };
    let served = serve(reload, tls, Arc::clone(&node), limits, arguments.until_eof);
    runtime.block_on(served)?;
    // A thread may still wait for standard input.
    runtime.shutdown_background();
    if let Some(node) = Arc::into_inner(node) {
        node.shutdown();
    }
    Ok(())
}

fn identity(file: &Path, said: &Said) -> Result<(), Failure> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::Name(file.to_owned()))?;
    is_free(file)?;
    let vault = Vault::begin(config::folder_of(file), said)?;
    let identity = NodeIdentity::generate();
    config::write_secret(&vault, name, &identity)?;
    println!("{}", identity.peer().map_err(CeremonyError::from)?);
    Ok(())
}

/// Whether nothing stands there, also no link that leads nowhere.
fn is_free(file: &Path) -> Result<(), Failure> {
    match file.symlink_metadata() {
        Ok(_) => Err(Failure::Exists(file.to_owned())),
        Err(_) => Ok(()),
    }
}

fn forget_share(settings: &Path, said: &Said) -> Result<(), Failure> {
    let Forgotten { secrets, epochs } = config::forget_share(settings, said)?;
    println!(
        "the share is forgotten, with {secrets} more secrets and the votes of {epochs} epochs; the \
         node follows until it is elected again"
    );
    Ok(())
}

fn ceremony(file: &Path, said: &Said, until_eof: bool) -> Result<(), Failure> {
    let (options, vault) = config::read_ceremony(file, said)?;
    is_free(&vault.path(VALIDATOR))?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::Serve)?;
    let stop = Arc::new(Notify::new());
    let told = Arc::clone(&stop);
    runtime.spawn(async move {
        if let Err(error) = told_to_stop(until_eof).await {
            eprintln!("signals cannot be heard: {error}");
        }
        told.notify_one();
    });
    let (sender, written) = std::sync::mpsc::channel();
    let keep = move |key: ValidatorKey| {
        let kept = config::write_secret(&vault, VALIDATOR, &key);
        let told = kept.and_then(|()| config::to_line(&key.public_part()));
        if let Ok(committee) = &told {
            println!("{committee}");
        }
        // Looked at when the ceremony is over.
        drop(sender.send(told.map(drop).map_err(Failure::from)));
    };
    order::hold(options, keep, stop)?;
    runtime.shutdown_background();
    written.recv().unwrap_or(Ok(()))
}

/// Returns at Ctrl-C, a terminate signal, or the end of standard input.
async fn told_to_stop(until_eof: bool) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        () = input_ends(), if until_eof => {}
    }
    Ok(())
}

async fn serve(
    mut reload: Reload,
    tls: Option<Tls>,
    node: Arc<Node>,
    limits: Limits,
    until_eof: bool,
) -> Result<(), Failure> {
    let listener = TcpListener::bind(reload.config.listen).await;
    let listener = listener.map_err(Failure::Serve)?;
    let acceptor = tls.as_ref().map(Acceptor::new).transpose()?;
    let (listening, scheme) = match &acceptor {
        Some(acceptor) => (Listening::tls(listener, acceptor.clone()), "https"),
        None if reload.config.insecure_http => (Listening::insecure(listener), "http"),
        None => (Listening::plain(listener).map_err(Failure::Serve)?, "http"),
    };
    println!(
        "{scheme}://{}",
        listening.address().map_err(Failure::Serve)?
    );
    let told = async |until_eof| {
        if let Err(error) = told_to_stop(until_eof).await {
            eprintln!("signals cannot be heard: {error}");
        }
    };
    let stop = Stop {
        drain: Box::pin(told(until_eof)),
        // That standard input has ended says nothing twice.
        at_once: Box::pin(told(false)),
    };
    let reloads = reload.whenever_told(acceptor.as_ref(), &node);
    let health = Arc::clone(node.health());
    tokio::select! {
        () = health.given_up() => Err(Failure::Storage),
        () = api::serve(listening, Arc::clone(&node), limits, stop) => Ok(()),
        failed = reloads => failed.map_err(Failure::Serve),
    }
}

/// Returns when nobody can write to standard input any more.
async fn input_ends() {
    let copied = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
    if let Err(error) = copied {
        eprintln!("standard input failed: {error}");
    }
}

/// Why the program ends.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{} names no file", .0.display())]
    Name(PathBuf),
    #[error("{} exists; a key is never overwritten", .0.display())]
    Exists(PathBuf),
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the node does not start: {0}")]
    Start(#[from] NodeError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error("a part of the storage has failed, and does not open again")]
    Storage,
    #[error("the API cannot be served: {0}")]
    Serve(std::io::Error),
}

impl Failure {
    fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Vault(error) | Self::Config(ConfigError::Vault(error)) => error.fault.remedy(),
            Self::Config(
                ConfigError::Tls(TlsError::Vault(error))
                | ConfigError::Forget(ForgetError::Vault(error)),
            ) => error.fault.remedy(),
            Self::Config(ConfigError::Forget(ForgetError::Order(OrderError::InUse { .. }))) => {
                Some("stop the node, and whatever starts it again")
            }
            Self::Start(NodeError::Order(OrderError::SecretsLost { .. })) => Some(
                "put them back if they can be mounted again; else `yilian-node forget-share`, and \
                 the node follows until it is elected again",
            ),
            Self::Config(ConfigError::Read { .. }) => {
                Some("name the node's settings with --config")
            }
            Self::Config(ConfigError::PlainHttp { .. }) => Some(
                "name certificates (`tls`), listen on 127.0.0.1 behind a proxy, or insist with \
                 `\"insecure_http\": true`",
            ),
            Self::Files(error) => Some(error.remedy()),
            Self::Storage => Some("look at the disk; the log says which part, and why"),
            _ => None,
        }
    }
}
