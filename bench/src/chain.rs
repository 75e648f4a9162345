//! A chain of four validators, each a process of its own on loopback: every signature and access
//! check on, records batched by their hospital.

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    num::NonZeroU32,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use rand::RngExt as _;
use tokio::sync::Semaphore;
use yilian_client::{ConsortiumCa, HttpTransport, MemberCa, Session};
use yilian_crypto::{
    pre::{Context as PreContext, DelegatorSecret, ScopeKey},
    psk::ScopePsk,
    scope::{Confidentiality, Quarter, Scope},
    search::{IndexEntry, padded},
    seed::{PatientKeys, Seed},
    sign::SigningKey,
};
use yilian_node::{
    config::{GENESIS, IDENTITIES, IdentityFile, NodeConfig, SETTINGS, VALIDATOR},
    connections::ConnectionOptions,
    health::StorageOptions,
    neighbours::NeighbourUrls,
    order::{History, Peer, Peering, ValidatorKey, founded_by},
};
use yilian_protocol::{
    ChainId, Height, RecordId,
    call::{Answered, CallError, Submit, TransactionBytes, Transport as _},
    codec::{List, Text},
    evidence::Binding,
    governance::EpochBlocks,
    ids::VisitDigest,
    refusal::Outcome,
    registry::{Genesis, NodeKeys},
    sealed::SealedRecord,
    search::RecordIndex,
    tx::{Body, SealVisit, Transaction},
};

use crate::{
    path::genesis,
    row::{Row, Unit},
};

const VALIDATORS: u32 = 4;
/// Records of one transaction: what a busy hospital seals in a moment.
const BATCH: usize = 64;
/// How long each load lasts.
const LOAD: Duration = Duration::from_secs(20);
/// Before figures are taken.
const WARM_UP: Duration = Duration::from_secs(4);
/// How long a submission is tried.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Times that a node is killed.
const KILLS: usize = 8;

/// Measures everything.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let mut net = Net::create(folder.path(), ConnectionOptions::default())?;
    let starts = net.begin().await?;
    let mut rows = vec![Row::new("chain.start", Unit::Ms, starts)];
    let nodes = net.nodes.len();
    let memory = |net: &Net, name: &str| {
        let largest = net.memory()?;
        eprintln!("memory of a node, at its highest: {largest:.0} MB");
        anyhow::Ok(Row::value(
            &format!("chain.memory.{name}"),
            "MB",
            largest,
            nodes,
        ))
    };
    rows.push(memory(&net, "empty")?);

    let peak = net
        .load("records, as many as it takes", BATCH, None)
        .await?;
    rows.extend(peak.rows("records"));
    rows.push(memory(&net, "records")?);
    let half = net
        .load("half of that", BATCH, Some(peak.rate() / 2.0))
        .await?;
    rows.extend(half.rows("records.half"));
    rows.push(memory(&net, "records.half")?);
    let single = net.load("single records", 1, None).await?;
    rows.extend(single.rows("single"));
    let half = net
        .load("half of that", 1, Some(single.rate() / 2.0))
        .await?;
    rows.extend(half.rows("single.half"));
    rows.push(memory(&net, "end")?);
    rows.extend(net.kills().await?);
    Ok(rows)
}

/// A node, and what it takes to start it.
struct Node {
    settings: PathBuf,
    url: String,
    /// Seed of its node key.
    seed: [u8; 32],
    ca: MemberCa,
    process: Option<(Child, ChildStdin)>,
}

/// Validators as processes.
pub struct Net {
    genesis: Genesis,
    consortium: ConsortiumCa,
    nodes: Vec<Node>,
}

impl Drop for Net {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            if let Some((child, _)) = &mut node.process {
                drop(child.kill());
                drop(child.wait());
            }
        }
    }
}

impl Net {
    /// Of nodes that are not started yet.
    pub fn create(folder: &Path, connections: ConnectionOptions) -> anyhow::Result<Self> {
        let count = NonZeroU32::new(VALIDATORS).context("no validator")?;
        let keys = ValidatorKey::deal(count);
        let consortium = SigningKey::random(&mut rand::rng());
        let first = keys.first().context("no validator")?;
        let mut genesis = genesis(&consortium, first)?;
        let addresses = free_addresses(2 * keys.len())?;
        let (apis, listens) = addresses.split_at(keys.len());
        let peers: anyhow::Result<Vec<Peer>> = keys
            .iter()
            .zip(listens)
            .map(|(key, address)| {
                Ok(Peer {
                    id: key.peer()?,
                    address: *address,
                })
            })
            .collect();
        let peers = peers?;
        genesis.governance = founded_by(EpochBlocks::DEFAULT, &peers)?;
        let mut nodes = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let seed: [u8; 32] = rand::rng().random();
            let node_key = SigningKey::from_seed(&seed);
            let name = Text::new(format!("Hospital {place}"))?;
            let ca = MemberCa::new(
                SigningKey::random(&mut rand::rng()),
                name,
                NodeKeys::of(&node_key),
            );
            let config = NodeConfig {
                name: format!("validator-{place}"),
                listen: *apis.get(place).context("no address")?,
                peering: Some(Peering {
                    listen: *listens.get(place).context("no address")?,
                    dial: peers.clone(),
                    accept: Vec::new(),
                }),
                neighbours: NeighbourUrls::default(),
                tls: None,
                checked_log: false,
                history: History::default(),
                connections,
                storage: StorageOptions::default(),
                insecure_http: false,
                log: None,
            };
            let identity = IdentityFile {
                member: ca.id(),
                node: hex::encode(seed).into(),
            };
            let home = folder.join(&config.name);
            write_node(&home, &config, &genesis, key, identity)?;
            nodes.push(Node {
                settings: home.join(SETTINGS),
                url: format!("http://{}", config.listen),
                seed,
                ca,
                process: None,
            });
        }
        Ok(Self {
            genesis,
            consortium: ConsortiumCa::new(consortium),
            nodes,
        })
    }

    /// Starts a node; returns how long it took until it served.
    fn start(&mut self, place: usize) -> anyhow::Result<Duration> {
        let node = self.nodes.get_mut(place).context("no such node")?;
        let program = std::env::current_exe()?.with_file_name("yilian-node");
        let begun = Instant::now();
        let mut child = Command::new(&program)
            .arg("--config")
            .arg(&node.settings)
            .args(["--until-eof", "--insecure-plain"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let input = child.stdin.take().context("no input")?;
        let output = child.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(!line.is_empty(), "a node does not start");
        node.process = Some((child, input));
        Ok(begun.elapsed())
    }

    async fn session(&self, place: usize) -> anyhow::Result<Session<HttpTransport>> {
        let node = self.nodes.get(place).context("no such node")?;
        Ok(Session::open(HttpTransport::new(&node.url)?, self.genesis.clone()).await?)
    }

    /// Where their APIs are.
    pub fn addresses(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let addresses = self.nodes.iter();
        let addresses = addresses.map(|node| node.url.trim_start_matches("http://").parse());
        Ok(addresses.collect::<Result<_, _>>()?)
    }

    /// Starts all of them, whose hospitals are members then.
    pub async fn begin(&mut self) -> anyhow::Result<Vec<Duration>> {
        let places = 0..self.nodes.len();
        let starts = places.map(|place| self.start(place));
        let starts = starts.collect::<anyhow::Result<_>>()?;
        self.admit().await?;
        Ok(starts)
    }

    /// Fails when one of them has ended.
    pub fn all_run(&mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            let (child, _) = node.process.as_mut().context("not running")?;
            ensure!(child.try_wait()?.is_none(), "a node has ended");
        }
        Ok(())
    }

    async fn admit(&self) -> anyhow::Result<()> {
        let session = self.session(0).await?;
        for node in &self.nodes {
            self.consortium
                .admit(&session, node.ca.member().clone())
                .await?;
        }
        Ok(())
    }

    /// Sends batches to all nodes in turn: at `rate` records a second, or as many as are taken.
    pub async fn load(&self, what: &str, batch: usize, rate: Option<f64>) -> anyhow::Result<Load> {
        let writers = self.writers(batch)?;
        let links = self.nodes.iter().map(|node| HttpTransport::new(&node.url));
        let links: Vec<HttpTransport> = links.collect::<Result<_, _>>()?;
        // With a rate, what waits is bounded by the rate; without one, by these.
        let permits = if rate.is_some() {
            4_096
        } else {
            (2_048 / batch).clamp(48, 512)
        };
        let permits = Arc::new(Semaphore::new(permits));
        let (before, begun) = (self.processor_time()?, Instant::now());
        let mut tasks = tokio::task::JoinSet::new();
        let (mut sent, mut done) = (0_usize, Vec::new());
        while begun.elapsed() < WARM_UP + LOAD {
            if let Some(rate) = rate {
                let due = Duration::from_secs_f64((sent * batch) as f64 / rate);
                tokio::time::sleep_until((begun + due).into()).await;
            }
            let permit = Arc::clone(&permits).acquire_owned().await?;
            let place = sent % self.nodes.len();
            let transaction = writers.get(place).context("no writer")?.batch()?;
            let link = links.get(place).context("no link")?.clone();
            let since = begun.elapsed();
            tasks.spawn(async move {
                let submitted = Instant::now();
                let answer = submit(&link, &transaction).await;
                drop(permit);
                let outcome = match answer {
                    Ok(receipt) => Ok(receipt.outcome),
                    Err(error) => Err(error.to_string()),
                };
                (since, submitted.elapsed(), outcome)
            });
            sent += 1;
            while let Some(ended) = tasks.try_join_next() {
                done.push(ended?);
            }
        }
        while let Some(ended) = tasks.join_next().await {
            done.push(ended?);
        }
        let spent = (self.processor_time()? - before).as_secs_f64();
        let mut load = Load {
            cores: spent / begun.elapsed().as_secs_f64(),
            ..Load::default()
        };
        for (since, took, outcome) in done {
            ensure!(
                matches!(outcome, Ok(Outcome::Applied)),
                "not applied: {outcome:?}"
            );
            let ended = since + took;
            if since >= WARM_UP && ended <= WARM_UP + LOAD {
                load.times.push(took);
            }
            if (WARM_UP..WARM_UP + LOAD).contains(&ended) {
                load.records += batch;
            }
        }
        eprintln!("{what}: {:.0} records/s", load.rate());
        Ok(load)
    }

    fn writers(&self, batch: usize) -> anyhow::Result<Vec<Writer>> {
        let chain = self.genesis.chain();
        let nodes = self.nodes.iter();
        nodes.map(|node| Writer::new(chain, node, batch)).collect()
    }

    /// Processor time that all nodes spent since they were started.
    fn processor_time(&self) -> anyhow::Result<Duration> {
        /// The kernel counts in hundredths of a second.
        const TICK: Duration = Duration::from_millis(10);
        let mut ticks = 0_u32;
        for node in &self.nodes {
            let (child, _) = node.process.as_ref().context("not running")?;
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
            // Behind the name, which may hold blanks: user and system time are the 12th and 13th
            // field.
            let (_, fields) = stat.rsplit_once(')').context("no such process")?;
            let times = fields.split_whitespace().skip(11).take(2);
            ticks += times
                .filter_map(|time| time.parse::<u32>().ok())
                .sum::<u32>();
        }
        Ok(TICK * ticks)
    }

    /// Megabytes of the largest node, at its highest.
    pub fn memory(&self) -> anyhow::Result<f64> {
        let mut largest = 0.0_f64;
        for node in &self.nodes {
            let (child, _) = node.process.as_ref().context("not running")?;
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes =
                line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            largest = largest.max(kilobytes.context("no VmHWM")? / 1024.0);
        }
        Ok(largest)
    }

    /// Kills the last node again and again; what the others do meanwhile.
    async fn kills(&mut self) -> anyhow::Result<Vec<Row>> {
        let (mut gaps, mut stalls) = (Vec::new(), Vec::new());
        let (mut starts, mut catch_ups) = (Vec::new(), Vec::new());
        let last = self.nodes.len() - 1;
        for _ in 0..KILLS {
            let writer = self.writers(BATCH)?.swap_remove(0);
            let session = self.session(0).await?;
            if let Some((mut child, _input)) = self
                .nodes
                .get_mut(last)
                .and_then(|node| node.process.take())
            {
                child.kill()?;
                child.wait()?;
            }
            gaps.push(longest(&session, &writer, Duration::from_secs(12)).await?);
            starts.push(self.start(last)?);
            let started = Instant::now();
            let (back, others) = (self.session(last).await?, session.clone());
            let caught_up = async {
                let goal = others.status().await?.latest.height;
                while back.status().await?.latest.height < goal {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                anyhow::Ok(started.elapsed())
            };
            let stalled = longest(&session, &writer, Duration::from_secs(8));
            let (caught_up, stalled) = tokio::join!(caught_up, stalled);
            catch_ups.push(caught_up?);
            stalls.push(stalled?);
        }
        let heights: Height = self.session(0).await?.status().await?.latest.height;
        eprintln!("{KILLS} kills; the chain is at height {heights}");
        Ok(vec![
            Row::new("chain.kill.standstill", Unit::Ms, gaps),
            Row::new("chain.return.start", Unit::Ms, starts),
            Row::new("chain.return.catch-up", Unit::Ms, catch_ups),
            Row::new("chain.return.standstill", Unit::Ms, stalls),
        ])
    }
}

/// Submits a transaction, again where the node had no room for the connection: it takes effect
/// once. The receipt is not verified: that is the client's millisecond, on another machine than
/// the node's.
async fn submit(link: &HttpTransport, transaction: &Transaction) -> Answered<Submit> {
    let begun = Instant::now();
    loop {
        let call = Submit(TransactionBytes::from(transaction));
        match link.call(call).await {
            Err(CallError::Unreachable { .. } | CallError::Busy { .. })
                if begun.elapsed() < SUBMIT_TIMEOUT => {}
            answer => return answer,
        }
    }
}

/// The longest that a batch takes to become final, of those sent one after the other within `span`.
async fn longest(
    session: &Session<HttpTransport>,
    writer: &Writer,
    span: Duration,
) -> anyhow::Result<Duration> {
    let (begun, mut longest) = (Instant::now(), Duration::ZERO);
    while begun.elapsed() < span {
        let submitted = Instant::now();
        session.submit(writer.batch()?).await?;
        longest = longest.max(submitted.elapsed());
    }
    Ok(longest)
}

/// Signs batches of records for one hospital. A record's capsule and index entries are made as for
/// real: a capsule stands on the chain once.
struct Writer {
    chain: ChainId,
    visit: SealVisit,
    key: SigningKey,
    scope_key: ScopeKey,
    context: PreContext,
    psk: ScopePsk,
}

impl Writer {
    fn new(chain: ChainId, node: &Node, batch: usize) -> anyhow::Result<Self> {
        let rng = &mut rand::rng();
        let scope = Scope {
            confidentiality: Confidentiality::Clinical,
            period: Quarter::new(2026, 4)?,
            tag: None,
        };
        let patient = DelegatorSecret::random(rng);
        let scope_key = patient.scope(&scope).key();
        // Any does: nobody opens these records.
        let keys = PatientKeys::from_seed(&Seed::random(rng), chain.as_bytes());
        let visited = keys.visit(node.ca.id().as_bytes(), 0);
        let nym = visited.nym;
        let digest = VisitDigest::from_bytes([0; 32]);
        let binding = Binding::sign(chain, node.ca.id(), digest, &visited.nym_secret, rng);
        let context = PreContext::new(&[4; 32], &scope_key, &nym, &[0; 32]);
        let psk = patient
            .period(scope.period, None)
            .scope(scope.confidentiality);
        let (capsule, _, _) = scope_key.encapsulate(&context, &psk, b"", rng);
        let record = || SealedRecord {
            record: RecordId::from_bytes([0; 32]),
            capsule: (&capsule).into(),
        };
        let index = RecordIndex::new(padded(vec![IndexEntry::dummy(rng)], rng)?)?;
        let visit = SealVisit {
            hospital: node.ca.id(),
            nym,
            binding: Some(binding),
            records: List::new((0..batch).map(|_| record()).collect())?,
            index: List::new((0..batch).map(|_| index.clone()).collect())?,
        };
        Ok(Self {
            chain,
            visit,
            key: SigningKey::from_seed(&node.seed),
            scope_key,
            context,
            psk,
        })
    }

    /// A batch of records that are on no chain yet.
    fn batch(&self) -> anyhow::Result<Transaction> {
        let rng = &mut rand::rng();
        let mut visit = self.visit.clone();
        let records = visit.records.iter().map(|_| {
            let sealed = self
                .scope_key
                .encapsulate(&self.context, &self.psk, b"", rng);
            SealedRecord {
                record: RecordId::from_bytes(rng.random()),
                capsule: (&sealed.0).into(),
            }
        });
        visit.records = List::new(records.collect())?;
        let index = visit.index.iter().map(|_| {
            let dummy = IndexEntry::dummy(&mut rand::rng());
            Ok(RecordIndex::new(padded(vec![dummy], &mut rand::rng())?)?)
        });
        visit.index = List::new(index.collect::<anyhow::Result<_>>()?)?;
        Ok(Transaction::sign(self.chain, Body::Seal(visit), &self.key))
    }
}

/// What a load gave.
#[derive(Debug, Default)]
pub struct Load {
    /// Of the machine, that all nodes together kept busy; the rest made the load.
    cores: f64,
    records: usize,
    /// How long each submission took until it was final.
    pub times: Vec<Duration>,
}

impl Load {
    /// Records a second.
    fn rate(&self) -> f64 {
        self.records as f64 / LOAD.as_secs_f64()
    }

    fn rows(&self, name: &str) -> [Row; 3] {
        [
            Row::value(
                format!("chain.{name}"),
                "records/s",
                self.rate(),
                self.records,
            ),
            Row::new(
                format!("chain.{name}.finality"),
                Unit::Ms,
                self.times.clone(),
            ),
            Row::value(
                format!("chain.{name}.busy"),
                "cores",
                self.cores,
                VALIDATORS as usize,
            ),
        ]
    }
}

fn write_node(
    home: &Path,
    config: &NodeConfig,
    genesis: &Genesis,
    key: &ValidatorKey,
    identity: IdentityFile,
) -> anyhow::Result<()> {
    std::fs::create_dir(home)?;
    let write = |name: &str, json: serde_json::Result<Vec<u8>>| -> anyhow::Result<()> {
        Ok(std::fs::write(home.join(name), json?)?)
    };
    write(SETTINGS, serde_json::to_vec(config))?;
    write(GENESIS, serde_json::to_vec(genesis))?;
    write(VALIDATOR, serde_json::to_vec(key))?;
    write(IDENTITIES, serde_json::to_vec(&[identity]))
}

fn free_addresses(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    let held: std::io::Result<Vec<TcpListener>> = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect();
    let held = held?;
    let addresses = held.iter().map(TcpListener::local_addr);
    Ok(addresses.collect::<std::io::Result<_>>()?)
}
