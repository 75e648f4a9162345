//! The program `yilian-node`: one node of a consortium's network. It links no record parser and no wallet.

#![forbid(unsafe_code)]

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Parser;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;
use yilian_node::{
    api,
    config::{self, ConfigError, NodeConfig},
    service::{Node, NodeError},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs one node until it is told to stop (Ctrl-C, SIGTERM). Writes the URL of its API to standard output once it is ready.
///
/// Ends with code 0 when it was told to stop, 1 when it does not start, and 70 when its storage failed while it ran: then a
/// supervisor may start it again.
#[derive(Debug, Parser)]
#[command(name = "yilian-node", version, max_term_width = 100)]
struct Arguments {
    /// The node's settings; files it needs stand beside it
    #[arg(long, env = "YILIAN_NODE_CONFIG", default_value = "node.json")]
    config: PathBuf,
    /// Read the settings and the files they name, and stop
    #[arg(long)]
    check: bool,
    /// Stop when standard input ends, so that the node does not outlive who started it
    #[arg(long)]
    until_eof: bool,
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("warn,commonware_resolver=off,commonware_storage=error")
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (config, options) = config::read(&arguments.config)?;
    if arguments.check {
        println!("{}: settings are sound", config.name);
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::Serve)?;
    let node = Arc::new(Node::start(options)?);
    runtime
        .block_on(serve(&config, Arc::clone(&node), arguments.until_eof))
        .map_err(Failure::Serve)?;
    // A thread may still wait for standard input.
    runtime.shutdown_background();
    if let Some(node) = Arc::into_inner(node) {
        node.shutdown();
    }
    Ok(())
}

async fn serve(config: &NodeConfig, node: Arc<Node>, until_eof: bool) -> std::io::Result<()> {
    let listener = TcpListener::bind(config.listen).await?;
    println!("http://{}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            () = input_ends(), if until_eof => {}
        }
    };
    api::serve(listener, node, stop).await
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
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the node does not start: {0}")]
    Start(#[from] NodeError),
    #[error("the API cannot be served: {0}")]
    Serve(std::io::Error),
}
