//! What a node that runs reads again when it is told to (SIGHUP): its certificates, and what it
//! logs. It says what else was changed: that takes effect at its next start.

use std::{io, path::PathBuf, sync::Arc};

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{
    EnvFilter, Registry, fmt, layer::SubscriberExt as _, reload::Handle,
    util::SubscriberInitExt as _,
};
use yilian_node::{
    config::{self, ConfigError, LogFilter, NodeConfig},
    neighbours::NeighboursError,
    service::Node,
    tls::{Acceptor, Tls},
    vault::Vault,
};

/// What is logged, unless somebody says otherwise.
const USUAL: &str = "warn,commonware_resolver=off,commonware_storage=error";

/// The log, whose levels can be set.
pub struct Log {
    filter: Handle<EnvFilter, Registry>,
    /// Whether the environment says what is logged.
    is_given: bool,
}

impl Log {
    /// Logs to standard error from now on.
    pub fn begin() -> Self {
        let given = EnvFilter::try_from_default_env();
        let is_given = given.is_ok();
        let filter = given.unwrap_or_else(|_| EnvFilter::new(USUAL));
        let (layer, filter) = tracing_subscriber::reload::Layer::new(filter);
        let lines = fmt::layer().with_writer(io::stderr);
        tracing_subscriber::registry()
            .with(layer)
            .with(lines)
            .init();
        Self { filter, is_given }
    }

    /// Logs that, where the environment does not say what.
    pub fn set(&self, log: Option<&LogFilter>) {
        if self.is_given {
            return;
        }
        let filter = log.map_or_else(|| EnvFilter::new(USUAL), EnvFilter::from);
        if let Err(error) = self.filter.reload(filter) {
            eprintln!("what is logged cannot be set: {error}");
        }
    }
}

/// What is read again, and what was read.
pub struct Reload {
    /// The file of settings.
    pub settings: PathBuf,
    /// What opens the node's secrets.
    pub vault: Vault,
    /// What was read.
    pub config: NodeConfig,
    /// The log.
    pub log: Log,
}

impl Reload {
    /// Reads everything again at each SIGHUP. Whatever is wrong then, all stays as it was.
    pub async fn whenever_told(
        &mut self,
        acceptor: Option<&Acceptor>,
        node: &Arc<Node>,
    ) -> io::Result<()> {
        let mut told = signal(SignalKind::hangup())?;
        while told.recv().await.is_some() {
            match self.again(acceptor, node) {
                Ok(()) => {}
                Err(error) => eprintln!("error: {error}\n  all stays as it was"),
            }
        }
        std::future::pending().await
    }

    fn again(&mut self, acceptor: Option<&Acceptor>, node: &Node) -> Result<(), ReloadError> {
        let (config, tls) = config::read_again(&self.settings, &self.vault)?;
        let renewed = match (acceptor, &tls) {
            (Some(acceptor), Some(tls)) => {
                renew(acceptor, tls, node)?;
                "certificates"
            }
            _ => "no certificates",
        };
        self.log.set(config.log.as_ref());
        let logged = match self.log.is_given {
            true => "; what is logged, RUST_LOG says",
            false => ", and what is logged",
        };
        eprintln!("{}: read again: {renewed}{logged}", config.name);
        let later = self.later(&config);
        if !later.is_empty() {
            let later = later.join("`, `");
            eprintln!("  at the next start: `{later}`");
        }
        Ok(())
    }

    /// The settings that are other than at the start, and do not change while the node runs.
    fn later(&self, config: &NodeConfig) -> Vec<String> {
        let fields = |config: &NodeConfig| match serde_json::to_value(config) {
            Ok(Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (mut before, mut now) = (fields(&self.config), fields(config));
        for fields in [&mut before, &mut now] {
            fields.remove("log");
            // Names of files that are read again. That there are some is another matter.
            if self.config.tls.is_some() == config.tls.is_some() {
                fields.remove("tls");
            }
        }
        let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        let changed = names
            .into_iter()
            .filter(|name| before.get(*name) != now.get(*name));
        changed.cloned().collect()
    }
}

/// For whoever calls, and for those who are called.
fn renew(acceptor: &Acceptor, tls: &Tls, node: &Node) -> Result<(), ReloadError> {
    node.renew(tls)?;
    acceptor.renew(tls).map_err(ConfigError::from)?;
    Ok(())
}

/// Why nothing is read again.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Neighbours(#[from] NeighboursError),
}
