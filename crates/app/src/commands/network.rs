//! Making and serving a network.

use std::{fmt, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use yilian_client::names::new_name;
use yilian_crypto::{pseudonym::RegulatorSecret, sign::SigningKey};
use yilian_node::{
    api,
    connections::{ConnectionOptions, Listening, OpenFiles, Stop},
    order::{Committee, ValidatorKey},
};
use yilian_protocol::{
    ChainId,
    codec::Blob,
    governance::{EpochBlocks, Governance},
    registry::{Genesis, RegulatorKeys},
};

use super::{Context, now};
use crate::{
    home::Home,
    interrupt,
    link::{UrlFile, start_node},
    output::{note, trouble, warn},
};

/// A network to be made.
#[derive(Debug, Args)]
pub struct InitOptions {
    /// The consortium's name
    #[arg(long, default_value = "Yilian consortium")]
    name: String,
    #[command(flatten)]
    regulators: RegulatorOptions,
}

/// Among whom the regulators' key is shared.
#[derive(Debug, Clone, Copy, Args)]
pub struct RegulatorOptions {
    /// Regulators, each with a share of the key that opens identities
    #[arg(long, default_value_t = Self::DEFAULT.regulators)]
    regulators: u8,
    /// How many of them it takes to open one
    #[arg(long, value_name = "COUNT", default_value_t = Self::DEFAULT.regulators_needed)]
    regulators_needed: u8,
}

impl RegulatorOptions {
    /// Two of three.
    pub const DEFAULT: Self = Self {
        regulators: 3,
        regulators_needed: 2,
    };

    /// Deals the key, keeps the shares and forgets the whole.
    fn deal(self, home: &Home) -> anyhow::Result<RegulatorKeys> {
        let rng = &mut rand::rng();
        let (needed, count) = (self.regulators_needed.into(), self.regulators.into());
        let dealt = RegulatorSecret::random(rng).deal(needed, count, rng);
        let (regulators, shares) = dealt.map_err(|_| {
            let cause = format!("{needed} of {count} regulators cannot be");
            trouble(
                cause,
                "name 1 to 32 regulators, and of them 1 or more that it takes",
            )
        })?;
        home.keep_regulator_shares(&shares)?;
        Ok(regulators.into())
    }
}

#[derive(Serialize)]
struct Made {
    home: String,
    chain: ChainId,
    genesis: Genesis,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "network  {}", self.genesis.name)?;
        writeln!(f, "chain    {}", self.chain)?;
        writeln!(f, "home     {}", self.home)
    }
}

pub fn init(context: &Context, options: &InitOptions) -> anyhow::Result<()> {
    let genesis = make_network(&context.home, &options.name, options.regulators)?;
    context.output.tell(&Made {
        home: context.home.root().display().to_string(),
        chain: genesis.chain(),
        genesis,
    })
}

/// Makes a network's keys and genesis. The genesis is written last: a network that was made half is
/// none.
pub fn make_network(
    home: &Home,
    name: &str,
    regulators: RegulatorOptions,
) -> anyhow::Result<Genesis> {
    let validator = ValidatorKey::generate();
    let governance = validator.alone(EpochBlocks::DEFAULT)?;
    let genesis = begin(
        home,
        name,
        (&validator.public_part(), governance),
        regulators,
    )?;
    home.write("keys/validator.json", &validator)?;
    home.keep_genesis(&genesis)?;
    Ok(genesis)
}

/// Refuses a folder that has a network.
pub fn is_free(home: &Home) -> anyhow::Result<()> {
    if home.exists() {
        let cause = format!("there is a network in {} already", home.root().display());
        return Err(trouble(cause, "use it, or name another directory"));
    }
    Ok(())
}

/// Makes the consortium's keys, and the genesis of the chain that `committee` orders, which is not
/// kept yet.
pub fn begin(
    home: &Home,
    name: &str,
    (committee, governance): (&Committee, Governance),
    regulators: RegulatorOptions,
) -> anyhow::Result<Genesis> {
    is_free(home)?;
    let name = new_name(name).context("the network's name")?;
    home.begin()?;
    let ca = SigningKey::from_seed(&*home.key_or_new("keys/consortium")?);
    let regulators = regulators.deal(home)?;
    Ok(Genesis {
        name,
        created: now(),
        ca: ca.verifying_key(),
        regulators,
        group_key: Blob::new(committee.group_key()?.to_vec())?,
        governance,
    })
}

/// A node to be served.
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// Where to listen: an address and port, as 127.0.0.1:8420, localhost:8420 or [::1]:8420
    #[arg(long, default_value = "127.0.0.1:8420")]
    listen: String,
    /// Listen where other machines reach it, in the clear: whoever does may do all that is for
    /// members only, and read along
    #[arg(long)]
    insecure_http: bool,
}

/// What is said where others reach plain HTTP.
const OPEN: &str = "INSECURE: whoever reaches this address may do all that is for members only, and \
                    read along";

pub async fn serve(context: &Context, options: ServeOptions) -> anyhow::Result<()> {
    let ServeOptions {
        listen,
        insecure_http,
    } = options;
    let home = &context.home;
    let files = OpenFiles::raise().map_err(|error| trouble(error.to_string(), error.remedy()))?;
    let limits = files.limits(ConnectionOptions::default());
    // Nothing is started where nobody could reach it.
    let listener = tokio::net::TcpListener::bind(&listen)
        .await
        .with_context(|| format!("cannot listen on {listen}; name an address and port"))?;
    let listening = match insecure_http {
        true => {
            warn(OPEN);
            Listening::insecure(listener)
        }
        false => Listening::plain(listener).map_err(|error| {
            trouble(
                error.to_string(),
                "listen on 127.0.0.1 behind a proxy, make a network with TLS (`yilian net \
                 create`), or insist with --insecure-http",
            )
        })?,
    };
    let node = Arc::new(start_node(home, Arc::new(home.clone()))?);
    let url = format!("http://{}", listening.address()?);
    let _told = UrlFile::write(home, &url)?;
    note(format_args!(
        "serving {url}  (API: {url}/openapi.json; stop with Ctrl-C)"
    ));
    if !home.vault()?.is_sealed() {
        warn(
            "the secrets of this home are NOT SEALED: whoever can read its files has its keys; \
             `yilian keystore seal` seals them",
        );
    }
    let stop = Stop {
        drain: Box::pin(interrupted()),
        at_once: Box::pin(interrupted()),
    };
    api::serve(listening, Arc::clone(&node), limits, stop).await;
    if let Some(node) = Arc::into_inner(node) {
        node.shutdown();
    }
    Ok(())
}

/// Ends at Ctrl-C or a terminate signal.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    interrupt::is_awaited();
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
