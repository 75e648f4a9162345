//! A consortium's network as processes on this machine: each node its own folder, keys and program.

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command as Process},
    sync::watch,
    task::JoinSet,
};
use yilian_client::{HttpTransport, Session};
use yilian_node::{
    config::{
        self, CEREMONY, CeremonyConfig, GENESIS, IDENTITIES, IDENTITY, IdentityFile, NodeConfig,
        SETTINGS, VALIDATOR,
    },
    connections::ConnectionOptions,
    health::StorageOptions,
    neighbours::{MailPlaces, NeighbourUrl, NeighbourUrls},
    order::{Committee, History, NodeIdentity, Peer, PeerId, Peering, ValidatorKey, founded_by},
    tls::TlsFiles,
    vault::{PASSPHRASE_FILE, Vault},
};
use yilian_protocol::{
    BlockId, Height, MemberId, call::Status, codec::Text, governance::EpochBlocks,
    registry::Genesis,
};
use zeroize::Zeroizing;

use super::{Context, ca, delegate, network};
use crate::{
    home::{Home, NET_FILE},
    link::{UrlFile, http, http_as_anybody},
    output::{note, trouble},
    pki,
};

/// How long a node may take from its start until it serves.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the validators may take to make the group key.
const CEREMONY_TIMEOUT: Duration = Duration::from_secs(180);
/// How long a node may take to stop in good order.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Between the end of a node and its next start.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// How long a node may take to answer the doctor.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Blocks by which a node may be behind the first.
const LAG_MAX: u64 = 20;

/// What is done with a network of many nodes.
#[derive(Debug, Subcommand)]
pub enum NetCommand {
    /// Write configuration, genesis, keys and committee of a new network; a hospital for each node
    Create(CreateOptions),
    /// Run all nodes of a network until interrupted; a node that fails is started again
    Up {
        /// Where the network is
        dir: PathBuf,
    },
    /// Ask every node of a running network how it is; fails if one does not answer, lags, or tells
    /// another chain
    Doctor {
        /// Where the network is
        dir: PathBuf,
    },
}

/// A network of many nodes to be made.
#[derive(Debug, Args)]
pub struct CreateOptions {
    /// Where; serves as --home afterwards
    dir: PathBuf,
    /// Nodes that vote: of 3f + 1, f may fail in any way
    #[arg(long, default_value = "4")]
    validators: NonZeroU32,
    /// Nodes that dial their hubs only, receive every block and verify it
    #[arg(long, default_value_t = 0)]
    followers: u32,
    /// Hubs of each follower: the first, and those to go on with when it fails
    #[arg(long, default_value = "2")]
    hubs: NonZeroU32,
    /// First of the ports that are taken: two for each node
    #[arg(long, default_value_t = 8500)]
    port: u16,
    /// Deal the group key instead of having the validators make it together: quicker, but whoever
    /// deals knows it
    #[arg(long)]
    dealt: bool,
    /// Blocks of an epoch: votes for delegates take effect in the epoch after the next
    #[arg(long, default_value_t = EpochBlocks::DEFAULT.get())]
    epoch_blocks: u32,
    /// How many of the latest blocks each node keeps, two epochs at least; all of them if left out
    #[arg(long)]
    keep_blocks: Option<u64>,
    /// Speak plain HTTP instead of TLS, for a proxy in front of each node
    #[arg(long)]
    plain: bool,
    /// The consortium's name
    #[arg(long, default_value = "Yilian consortium")]
    name: String,
    #[command(flatten)]
    regulators: network::RegulatorOptions,
}

pub async fn run(context: &Context, command: NetCommand) -> anyhow::Result<()> {
    match command {
        NetCommand::Create(options) => {
            let made = create(&context.home.at(options.dir.clone()), &options).await?;
            context.output.tell(&made)
        }
        NetCommand::Up { dir } => up(context, &context.home.at(dir)).await,
        NetCommand::Doctor { dir } => doctor(context, &context.home.at(dir)).await,
    }
}

/// The nodes of a network, as `net.json` tells them.
#[derive(Debug, Serialize, Deserialize)]
struct Net {
    nodes: Vec<NetNode>,
}

/// One node.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct NetNode {
    /// Its name, and its folder's.
    name: String,
    /// The hospital it acts for.
    member: String,
    /// Whether it votes.
    votes: bool,
    /// Where its API is.
    url: String,
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            let NetNode {
                name, member, url, ..
            } = node;
            writeln!(f, "{name:<14}{member:<14}{url}")?;
        }
        Ok(())
    }
}

/// A node that is being made.
struct Draft {
    name: String,
    member: String,
    id: PeerId,
    votes: bool,
    /// What is to be written; a validator of a ceremony has written its own.
    key: Option<ValidatorKey>,
    api: SocketAddr,
    /// Whether the API speaks plain HTTP.
    plain: bool,
    peers: SocketAddr,
}

impl Draft {
    fn url(&self) -> String {
        let scheme = if self.plain { "http" } else { "https" };
        format!("{scheme}://{}", self.api)
    }

    fn peer(&self) -> Peer {
        Peer {
            id: self.id.clone(),
            address: self.peers,
        }
    }
}

/// Writes everything; the genesis last, so that a network that was made half is none.
async fn create(home: &Home, plan: &CreateOptions) -> anyhow::Result<Net> {
    let epoch_blocks = EpochBlocks::new(plan.epoch_blocks)?;
    network::is_free(home)?;
    home.begin()?;
    let (committee, drafts) = drafts(home, plan).await?;
    let voting = drafts.iter().filter(|draft| draft.votes);
    let validators: Vec<Peer> = voting.map(Draft::peer).collect();
    let governance = founded_by(epoch_blocks, &validators)?;
    let genesis = network::begin(home, &plan.name, (&committee, governance), plan.regulators)?;
    let members = drafts.iter().map(|draft| {
        let name = Text::new(draft.member.as_str())?;
        Ok(home.make_member(&name)?.id())
    });
    let members = members.collect::<anyhow::Result<Vec<MemberId>>>()?;
    for (place, draft) in drafts.iter().enumerate() {
        let config = settings(home, plan, (&drafts, &members), place)?;
        write_node(home, &genesis, draft, &config)?;
    }
    if let Some(first) = drafts.first().filter(|_| !plan.plain) {
        pki::show(home, &first.member)?;
    }
    let nodes = drafts.iter().map(|draft| NetNode {
        name: draft.name.clone(),
        member: draft.member.clone(),
        votes: draft.votes,
        url: draft.url(),
    });
    let net = Net {
        nodes: nodes.collect(),
    };
    home.write_public(NET_FILE, &net)?;
    home.keep_genesis(&genesis)?;
    Ok(net)
}

async fn drafts(home: &Home, plan: &CreateOptions) -> anyhow::Result<(Committee, Vec<Draft>)> {
    let named = |kind: &'static str, count: u32| (1..=count).map(move |i| format!("{kind}-{i}"));
    let names = named("validator", plan.validators.get()).chain(named("follower", plan.followers));
    let mut port = u32::from(plan.port);
    let mut address = || {
        let free = u16::try_from(port).context("there are too few ports above --port")?;
        port += 1;
        anyhow::Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, free)))
    };
    let seats = names.map(|name| Ok((name, address()?, address()?)));
    let seats: Vec<Seat> = seats.collect::<anyhow::Result<_>>()?;
    let voting = plan.validators.get() as usize;
    let (committee, mut keys) = if plan.dealt || voting == 1 {
        let dealt = ValidatorKey::deal(plan.validators);
        let committee = dealt.first().context("no validator")?.public_part();
        let keys = dealt.into_iter().map(|key| Ok((key.peer()?, Some(key))));
        (committee, keys.collect::<anyhow::Result<Vec<_>>>()?)
    } else {
        let (committee, ids) =
            ceremony(home, seats.get(..voting).context("too few seats")?).await?;
        (committee, ids.into_iter().map(|id| (id, None)).collect())
    };
    for _ in 0..plan.followers {
        let key = committee.follower();
        keys.push((key.peer()?, Some(key)));
    }
    let numbered = seats.into_iter().zip(keys).zip(1..);
    let drafts = numbered.map(|(((name, api, peers), (id, key)), number)| Draft {
        name,
        member: format!("Hospital {number}"),
        id,
        votes: number <= voting,
        key,
        api,
        plain: plan.plain,
        peers,
    });
    Ok((committee, drafts.collect()))
}

/// A node's name, where its API is, and where it listens to peers.
type Seat = (String, SocketAddr, SocketAddr);

/// Has the validators make the group key together, each in a process of its own: none of them, and
/// not this one, ever knows it.
async fn ceremony(home: &Home, seats: &[Seat]) -> anyhow::Result<(Committee, Vec<PeerId>)> {
    let program = node_program()?;
    let mut validators = Vec::new();
    for (name, _, address) in seats {
        let identity = NodeIdentity::generate();
        config::write_secret(&node_vault(home, name)?, IDENTITY, &identity)?;
        validators.push(Peer {
            id: identity.peer()?,
            address: *address,
        });
    }
    note(format_args!(
        "{} validators make the group key together",
        seats.len()
    ));
    let mut running = Vec::new();
    for (name, _, listen) in seats {
        let config = CeremonyConfig {
            listen: *listen,
            validators: validators.clone(),
        };
        let file = format!("nodes/{name}/{CEREMONY}");
        home.write_public(&file, &config)?;
        let mut process = Process::new(&program);
        process.arg("ceremony").arg(home.root().join(&file));
        running.push((name, launch(process, &program, home).await?));
    }
    let mut made: Option<Committee> = None;
    for (name, process) in &mut running {
        let line = tokio::time::timeout(CEREMONY_TIMEOUT, process.output.next_line()).await;
        let line = line.with_context(|| format!("{name} does not finish the ceremony"))??;
        let line =
            line.with_context(|| format!("{name} left the ceremony; its message stands above"))?;
        let committee: Committee = serde_json::from_str(&line)?;
        let same = *made.get_or_insert_with(|| committee.clone()) == committee;
        anyhow::ensure!(same, "{name} made another group key than the others");
    }
    // All are done: nobody needs them any more.
    for (_, process) in running {
        end(process.running).await;
    }
    for (name, ..) in seats {
        let folder = home.root().join("nodes").join(name);
        // What it was dealt is of no more use to it, and would be to others.
        let removed = std::fs::remove_dir_all(folder.join("ceremony"))
            .and_then(|()| std::fs::remove_file(folder.join(IDENTITY)))
            .and_then(|()| std::fs::remove_file(folder.join(CEREMONY)));
        removed.with_context(|| format!("cannot clean up {}", folder.display()))?;
    }
    let ids = validators.into_iter().map(|validator| validator.id);
    Ok((made.context("nobody took part")?, ids.collect()))
}

/// Validators dial each other; a follower dials its hubs, and nobody but they knows of it. The
/// first of them keeps its members' letters.
fn settings(
    home: &Home,
    plan: &CreateOptions,
    (drafts, members): (&[Draft], &[MemberId]),
    place: usize,
) -> anyhow::Result<NodeConfig> {
    let validators = plan.validators.get() as usize;
    let (voting, following) = drafts.split_at(validators.min(drafts.len()));
    let hubs = |follower: usize| {
        let count = (plan.hubs.get() as usize).min(validators);
        (0..count).filter_map(move |step| (follower + step).checked_rem(validators))
    };
    let draft = drafts.get(place).context("no such node")?;
    let own_hubs: Vec<&Draft> = place
        .checked_sub(validators)
        .map(|follower| hubs(follower).filter_map(|hub| voting.get(hub)).collect())
        .unwrap_or_default();
    let dial: Vec<&Draft> = if draft.votes {
        voting
            .iter()
            .filter(|other| other.name != draft.name)
            .collect()
    } else {
        own_hubs.clone()
    };
    let accept = following
        .iter()
        .enumerate()
        .filter(|(follower, _)| hubs(*follower).any(|hub| hub == place));
    // The first hub of a follower keeps its members' letters, and answers for them.
    let kept_by = |hub: usize| -> Vec<MemberId> {
        let followers = members.iter().skip(validators).enumerate();
        let kept = followers.filter(|(follower, _)| hubs(*follower).next() == Some(hub));
        kept.map(|(_, member)| *member).collect()
    };
    let answers_for = |node: &Draft| -> Vec<MemberId> {
        let place = voting.iter().position(|other| other.name == node.name);
        place.map(kept_by).unwrap_or_default()
    };
    Ok(NodeConfig {
        name: draft.name.clone(),
        listen: draft.api,
        tls: (!plan.plain).then(tls_files),
        peering: Some(Peering {
            // A follower lets nobody in, until it is elected.
            listen: draft.peers,
            accept: accept.map(|(_, follower)| follower.id.clone()).collect(),
            dial: dial.iter().map(|peer| peer.peer()).collect(),
        }),
        neighbours: NeighbourUrls {
            ask: neighbours(home, &dial, answers_for)?,
            hubs: neighbours(home, &own_hubs, |_| Vec::new())?,
            mail: MailPlaces {
                keeps_for: answers_for(draft),
                at_hub: !draft.votes,
            },
        },
        checked_log: false,
        history: History {
            keep_blocks: plan.keep_blocks,
            ..History::default()
        },
        connections: ConnectionOptions::default(),
        storage: StorageOptions::default(),
        insecure_http: false,
        log: None,
    })
}

fn tls_files() -> TlsFiles {
    TlsFiles {
        root: "tls/root.pem".into(),
        chain: "tls/chain.pem".into(),
        key: "tls/key.pem".into(),
    }
}

/// Where they are, and whose, where a certificate can say so: they may share a host. `answers_for`
/// says whose hub each is.
fn neighbours(
    home: &Home,
    nodes: &[&Draft],
    answers_for: impl Fn(&Draft) -> Vec<MemberId>,
) -> anyhow::Result<Vec<NeighbourUrl>> {
    let neighbour = |node: &&Draft| match node.plain {
        true => Ok(NeighbourUrl::Any(node.url())),
        false => Ok(NeighbourUrl::Of {
            url: node.url(),
            member: home.member_ca(&node.member)?.id(),
            keeps_for: answers_for(node),
        }),
    };
    nodes.iter().map(neighbour).collect()
}

fn write_node(
    home: &Home,
    genesis: &Genesis,
    draft: &Draft,
    config: &NodeConfig,
) -> anyhow::Result<()> {
    let member = home.member_ca(&draft.member)?;
    let identity = IdentityFile {
        member: member.id(),
        node: Zeroizing::new(hex::encode(*home.member_node(&draft.member)?)),
    };
    let file = |name: &str| format!("nodes/{}/{name}", draft.name);
    let vault = node_vault(home, &draft.name)?;
    home.write_public(&file(GENESIS), genesis)?;
    if let Some(key) = &draft.key {
        config::write_secret(&vault, VALIDATOR, key)?;
    }
    config::write_secret(&vault, IDENTITIES, &[identity])?;
    if !draft.plain {
        let hosts = [draft.api.ip().to_string()];
        let certified = pki::certify(home, &draft.member, &hosts, pki::LEAF_DAYS)?;
        pki::keep(&certified, &vault)?;
    }
    home.write_public(&file(SETTINGS), config)
}

/// The secrets of a node: a folder that can be moved to another machine, with a keystore of its
/// own under the same passphrase.
fn node_vault(home: &Home, name: &str) -> anyhow::Result<Vault> {
    home.vaults().begin(&home.root().join("nodes").join(name))
}

/// The nodes' folders in a home; none where no network of many was made.
pub fn folders(home: &Home) -> anyhow::Result<Vec<PathBuf>> {
    if !home.root().join(NET_FILE).exists() {
        return Ok(Vec::new());
    }
    let folder = |node: NetNode| home.root().join("nodes").join(node.name);
    Ok(read_net(home)?.nodes.into_iter().map(folder).collect())
}

fn read_net(home: &Home) -> anyhow::Result<Net> {
    if !home.root().join(NET_FILE).exists() {
        let cause = format!(
            "there is no network of many nodes in {}",
            home.root().display()
        );
        return Err(trouble(cause, "make one with `yilian net create`"));
    }
    home.read_public(NET_FILE)
}

/// Runs all nodes until Ctrl-C or a terminate signal.
async fn up(context: &Context, home: &Home) -> anyhow::Result<()> {
    let net = read_net(home)?;
    // The nodes open their own folders: what opens this one is handed to them.
    home.vault()?;
    let program = node_program()?;
    let (stop, stopped) = watch::channel(false);
    let mut running = JoinSet::new();
    let mut started = Vec::with_capacity(net.nodes.len());
    for node in &net.nodes {
        let settings = home.root().join("nodes").join(&node.name).join(SETTINGS);
        let process = match spawn(&program, &settings, node, home).await {
            Ok(process) => Some(process),
            // The others run without it.
            Err(error) => {
                note(format_args!("{error:#}; it is tried again"));
                None
            }
        };
        started.extend(process.is_some().then_some(node));
        running.spawn(supervise(
            program.clone(),
            settings,
            node.clone(),
            home.clone(),
            process,
            stopped.clone(),
        ));
    }
    let Some(first) = started.first().copied() else {
        return Err(trouble(
            "none of the nodes starts",
            "their messages stand above",
        ));
    };
    admit_members(home, &net, first).await?;
    let _told = UrlFile::write(home, &first.url)?;
    context.output.tell(&net)?;
    let (run, all) = (started.len(), net.nodes.len());
    note(match run == all {
        true => format!("{all} nodes run; stop them with Ctrl-C"),
        false => format!("{run} of {all} nodes run; stop them with Ctrl-C"),
    });
    network::interrupted().await;
    stop.send_replace(true);
    while running.join_next().await.is_some() {}
    Ok(())
}

/// The program of a node, which stands beside this one.
fn node_program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("this program's own place")?;
    let program = own.with_file_name("yilian-node");
    if program.exists() {
        return Ok(program);
    }
    let cause = format!("there is no program {}", program.display());
    let remedy = "build it with `cargo build --release -p yilian-node`, and start `yilian` from the same folder";
    Err(trouble(cause, remedy))
}

/// A node's process. It ends when `input` is closed.
struct Running {
    child: Child,
    input: ChildStdin,
}

/// A process of a node, and what it says.
struct Launched {
    running: Running,
    output: Lines<BufReader<ChildStdout>>,
}

/// Starts a process that ends with this one. It reads the passphrase of its folder from its
/// standard input: no other user sees it there, and no file holds it.
async fn launch(mut process: Process, program: &Path, home: &Home) -> anyhow::Result<Launched> {
    let passphrase = home.vaults().to_hand_on();
    if passphrase.is_some() {
        process.args(["--passphrase-file", "/dev/stdin"]);
    }
    let mut child = process
        // Held open by this process: however it ends, its nodes do not outlive it.
        .arg("--until-eof")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .env_remove(PASSPHRASE_FILE)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let output = child.stdout.take().context("a node without output")?;
    let mut input = child.stdin.take().context("a node without input")?;
    if let Some(passphrase) = passphrase {
        let line = Zeroizing::new(format!("{}\n", *passphrase));
        let told = input.write_all(line.as_bytes()).await;
        told.context("a node does not take its passphrase")?;
    }
    Ok(Launched {
        running: Running { child, input },
        output: BufReader::new(output).lines(),
    })
}

/// Starts a node and waits until it serves.
async fn spawn(
    program: &Path,
    settings: &Path,
    node: &NetNode,
    home: &Home,
) -> anyhow::Result<Running> {
    let mut process = Process::new(program);
    process.arg("--config").arg(settings);
    let mut launched = launch(process, program, home).await?;
    let line = tokio::time::timeout(START_TIMEOUT, launched.output.next_line()).await;
    let line = line.with_context(|| format!("{} does not get ready", node.name))??;
    match line {
        Some(_) => Ok(launched.running),
        None => bail!("{} does not start; its message stands above", node.name),
    }
}

/// Starts a node again whenever it ends, until it shall stop.
async fn supervise(
    program: PathBuf,
    settings: PathBuf,
    node: NetNode,
    home: Home,
    mut running: Option<Running>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        if let Some(mut process) = running.take() {
            tokio::select! {
                ended = process.child.wait() => {
                    let code = match ended {
                        Ok(status) => status.to_string(),
                        Err(error) => error.to_string(),
                    };
                    note(format_args!("{} ended ({code}); starting it again", node.name));
                }
                () = told(&mut stopped) => return end(process).await,
            }
        }
        tokio::time::sleep(RESTART_PAUSE).await;
        if *stopped.borrow() {
            return;
        }
        match spawn(&program, &settings, &node, &home).await {
            Ok(process) => running = Some(process),
            Err(error) => note(format_args!("{error:#}")),
        }
    }
}

/// Returns when the nodes shall stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    // Without a sender there is nobody left to run for.
    drop(stopped.wait_for(|stop| *stop).await);
}

/// Has a node stop in good order, and makes it when it does not.
async fn end(Running { mut child, input }: Running) {
    drop(input);
    if tokio::time::timeout(STOP_TIMEOUT, child.wait())
        .await
        .is_ok()
    {
        return;
    }
    if let Err(error) = child.kill().await {
        note(format_args!("a node cannot be stopped: {error}"));
    }
}

/// Has the consortium's CA admit the hospitals that are not members yet.
async fn admit_members(home: &Home, net: &Net, first: &NetNode) -> anyhow::Result<()> {
    let session = Session::open(http(home, &first.url)?, home.genesis()?).await?;
    let known = session.members().await?;
    for node in &net.nodes {
        let ca = home.member_ca(&node.member)?;
        if !known.iter().any(|entry| entry.member.id() == ca.id()) {
            ca::admit_member(home, &session, &ca).await?;
        }
    }
    // The validators of the genesis become their members'; who is suspended loses its seat with the
    // next election.
    let candidates = session.candidates().await?;
    for node in net.nodes.iter().filter(|node| node.votes) {
        let member = home.member_ca(&node.member)?.id();
        if !candidates.iter().any(|entry| entry.member == Some(member)) {
            let settings = home.root().join("nodes").join(&node.name).join(SETTINGS);
            delegate::stand(home, &session, &settings, &node.member, false).await?;
        }
    }
    Ok(())
}

/// What the doctor found of a network.
#[derive(Debug, Serialize)]
struct Health {
    sound: bool,
    nodes: Vec<NodeHealth>,
}

/// What the doctor found of a node.
#[derive(Debug, Serialize)]
struct NodeHealth {
    name: String,
    url: String,
    #[serde(flatten)]
    found: Found,
}

/// How a node is.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum Found {
    /// As the others.
    Well { height: Height, waiting: u64 },
    /// Behind the highest by too many blocks.
    Lagging { height: Height, behind: u64 },
    /// Of another chain, or with another block at a height that all have.
    Forked { height: Height },
    /// No answer.
    Unreachable { cause: String },
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for NodeHealth { name, url, found } in &self.nodes {
            let text = match found {
                Found::Well { height, waiting } => {
                    format!("well         height {height}, {waiting} waiting")
                }
                Found::Lagging { height, behind } => {
                    format!("lagging      height {height}, {behind} behind")
                }
                Found::Forked { height } => format!("forked       height {height}"),
                Found::Unreachable { cause } => format!("unreachable  {cause}"),
            };
            writeln!(f, "{name:<14}{url:<24}{text}")?;
        }
        Ok(())
    }
}

/// Asks every node, and compares what they say.
async fn doctor(context: &Context, home: &Home) -> anyhow::Result<()> {
    let net = read_net(home)?;
    let genesis = home.genesis()?;
    let mut answers = BTreeMap::new();
    for node in &net.nodes {
        answers.insert(node.name.clone(), ask(home, node, &genesis).await);
    }
    let heights = answers
        .values()
        .flatten()
        .map(|(_, status)| status.latest.height);
    let (lowest, highest) = (heights.clone().min(), heights.max());
    let common = lowest.unwrap_or(Height::new(0));
    let mut nodes = Vec::new();
    let mut agreed: Option<BlockId> = None;
    for node in &net.nodes {
        let found = match answers.remove(&node.name) {
            Some(Ok((session, status))) => {
                let block = session.block(common).await?.id;
                let same = *agreed.get_or_insert(block) == block;
                judge(same, &status, highest.unwrap_or(common))
            }
            Some(Err(cause)) => Found::Unreachable { cause },
            None => continue,
        };
        nodes.push(NodeHealth {
            name: node.name.clone(),
            url: node.url.clone(),
            found,
        });
    }
    let sound = nodes
        .iter()
        .all(|node| matches!(node.found, Found::Well { .. }));
    context.output.tell(&Health { sound, nodes })?;
    if sound {
        return Ok(());
    }
    let remedy =
        "look at the node's messages on standard error of `yilian net up`, and at its folder";
    Err(trouble("not every node is well".to_owned(), remedy))
}

async fn ask(
    home: &Home,
    node: &NetNode,
    genesis: &Genesis,
) -> Result<(Session<HttpTransport>, Status), String> {
    let asked = async {
        let transport = http_as_anybody(home, &node.url).map_err(|error| format!("{error:#}"))?;
        let session = Session::open(transport, genesis.clone()).await;
        let session = session.map_err(|error| error.to_string())?;
        let status = session.status().await.map_err(|error| error.to_string())?;
        Ok((session, status))
    };
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, asked).await;
    answer.unwrap_or_else(|_| Err(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())))
}

fn judge(same: bool, status: &Status, highest: Height) -> Found {
    let height = status.latest.height;
    let behind = highest.get().saturating_sub(height.get());
    if !same {
        return Found::Forked { height };
    }
    if behind > LAG_MAX {
        return Found::Lagging { height, behind };
    }
    Found::Well {
        height,
        waiting: status.waiting,
    }
}
