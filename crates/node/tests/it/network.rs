//! Many nodes on loopback: agreement, losses, followers, strangers and hostile peers.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::Notify;
use yilian_node::order::{
    CeremonyError, CeremonyOptions, Chain, ChainOptions, History, NodeIdentity, OrderError, Peer,
    PeerId, Peering, StateMachine, SubmitError, ValidatorKey, founded_by, hold,
};
use yilian_node::vault::Vault;
use yilian_protocol::{
    BlockId, Height, TransactionId,
    codec::List,
    finality,
    governance::{Delegate, EpochBlocks, Seats},
    refusal::Refusal,
    registry::Genesis,
};

use crate::{
    hostile,
    toy::{Chosen, Toy, genesis, key, transaction},
};

/// How long anything may take that must happen: much longer than it does.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short, so that every test that orders some blocks sees validators follow each other.
const EPOCH: u32 = 32;

fn genesis_of(keys: &[ValidatorKey], addresses: &[SocketAddr]) -> Genesis {
    let mut genesis = genesis(&keys[0]);
    let pairs = keys.iter().zip(addresses);
    let validators: Vec<Peer> = pairs
        .map(|(key, address)| Peer {
            id: key.peer().unwrap(),
            address: *address,
        })
        .collect();
    genesis.governance = founded_by(EpochBlocks::new(EPOCH).unwrap(), &validators).unwrap();
    genesis
}

/// The validators of one chain; some of them may be down.
pub struct Committee {
    pub genesis: Genesis,
    pub keys: Vec<ValidatorKey>,
    pub addresses: Vec<SocketAddr>,
    accept: Vec<PeerId>,
    folders: Vec<TempDir>,
    chains: Vec<Option<Chain>>,
    machine: Arc<dyn StateMachine>,
}

impl Committee {
    /// `count` validators that run, and let `accept` in.
    pub fn start(count: u32, accept: impl FnOnce(&ValidatorKey) -> Vec<PeerId>) -> Self {
        let keys = ValidatorKey::deal(NonZeroU32::new(count).unwrap());
        Self::of(keys, accept)
    }

    fn of(keys: Vec<ValidatorKey>, accept: impl FnOnce(&ValidatorKey) -> Vec<PeerId>) -> Self {
        let mut committee = Self::planned(keys, accept);
        for place in 0..committee.keys.len() {
            committee.up(place);
        }
        committee
    }

    /// None of them runs yet.
    fn planned(keys: Vec<ValidatorKey>, accept: impl FnOnce(&ValidatorKey) -> Vec<PeerId>) -> Self {
        let addresses = free_addresses(keys.len());
        Self {
            genesis: genesis_of(&keys, &addresses),
            addresses,
            accept: accept(&keys[0]),
            folders: keys.iter().map(|_| tempfile::tempdir().unwrap()).collect(),
            chains: keys.iter().map(|_| None).collect(),
            keys,
            machine: Arc::new(Toy),
        }
    }

    fn peering(&self, place: usize) -> Peering {
        Peering {
            listen: self.addresses[place],
            dial: self.peers().collect(),
            accept: self.accept.clone(),
        }
    }

    pub fn peers(&self) -> impl Iterator<Item = Peer> {
        let pairs = self.keys.iter().zip(&self.addresses);
        pairs.map(|(key, address)| Peer {
            id: key.peer().unwrap(),
            address: *address,
        })
    }

    fn up(&mut self, place: usize) {
        self.up_with(place, |options| options);
    }

    fn up_with(&mut self, place: usize, more: impl FnOnce(ChainOptions) -> ChainOptions) {
        let options = ChainOptions::new(
            self.folders[place].path().to_owned(),
            self.genesis.clone(),
            self.keys[place].clone(),
        );
        let options = more(options.peering(Some(self.peering(place))));
        let chain = Chain::start(options, Arc::clone(&self.machine)).unwrap();
        self.chains[place] = Some(chain);
    }

    fn down(&mut self, place: usize) {
        self.chains[place].take().unwrap().shutdown();
    }

    pub fn at(&self, place: usize) -> &Chain {
        self.chains[place].as_ref().unwrap()
    }

    fn running(&self) -> impl Iterator<Item = &Chain> {
        self.chains.iter().flatten()
    }

    /// Has a transaction ordered through one of them.
    pub async fn order(&self, place: usize, text: &str) -> Height {
        let submitted = self.at(place).submit(transaction(text));
        let place = tokio::time::timeout(PATIENCE, submitted).await;
        place.expect("nothing becomes final").unwrap().height
    }

    /// Waits until all that run have the block, and compares every block of each.
    pub async fn agree_on(&self, height: Height) {
        for chain in self.running() {
            reaches(chain, height).await;
        }
        let group = self.keys[0].group_key().unwrap();
        for height in 1..=height.get() {
            let mut agreed: Option<BlockId> = None;
            for chain in self.running() {
                let block = chain.block(Height::new(height)).await.unwrap().unwrap();
                finality::verify(block.finality.as_slice(), &group, &block.header).unwrap();
                let id = block.header.id();
                assert_eq!(*agreed.get_or_insert(id), id, "a fork at height {height}");
            }
        }
    }
}

impl Drop for Committee {
    fn drop(&mut self) {
        self.running().for_each(Chain::shutdown);
    }
}

/// A follower of `hubs`, in a folder of its own.
fn follow(committee: &Committee, key: &ValidatorKey, hubs: &[usize]) -> (Chain, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let peers: Vec<Peer> = committee.peers().collect();
    let peering = Peering {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        dial: hubs.iter().map(|hub| peers[*hub].clone()).collect(),
        accept: Vec::new(),
    };
    let path = folder.path().to_owned();
    let options = ChainOptions::new(path, committee.genesis.clone(), key.clone());
    let chain = Chain::start(options.peering(Some(peering)), Arc::new(Toy)).unwrap();
    (chain, folder)
}

async fn reaches(chain: &Chain, height: Height) {
    let mut latest = chain.subscribe();
    let reached = latest.wait_for(|latest| latest.height >= height);
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    reached.expect("the chain does not get there").unwrap();
}

/// Addresses that nobody listens at. Below the range from which the system gives ports: else some
/// connection may be given the one of a node that is down, which cannot come back then.
fn free_addresses(count: usize) -> Vec<SocketAddr> {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % 50).unwrap();
    let begin = 20_000 + process * 200 + CALLS.fetch_add(1, Ordering::Relaxed) * 8;
    let addresses = (begin..).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let free = addresses.filter(|address| TcpListener::bind(address).is_ok());
    free.take(count).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_validators_order_what_any_of_them_is_given() {
    let committee = Committee::start(4, |_| Vec::new());
    let mut highest = Height::new(0);
    for round in 0..5 {
        let orders = (0..4).map(|place| {
            let committee = &committee;
            async move { committee.order(place, &format!("{round}-{place} x")).await }
        });
        let heights = futures::future::join_all(orders).await;
        highest = heights.into_iter().max().unwrap().max(highest);
    }
    committee.agree_on(highest).await;
    // Given to two of them at once, it takes effect once.
    let [first, second] = [0, 1].map(|place| committee.at(place).submit(transaction("once x")));
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap(), second.unwrap());
    for chain in committee.running() {
        let values = chain.state(&[key(b"3-2 x"), key(b"none x")]).await.unwrap();
        assert_eq!(values[0].as_deref(), Some(b"3-2 x".as_slice()));
        assert_eq!(values[1], None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_of_four_go_on_and_the_fourth_catches_up() {
    let mut committee = Committee::start(4, |_| Vec::new());
    committee.order(0, "before x").await;
    committee.down(3);
    let mut highest = Height::new(0);
    for number in 0..12 {
        highest = committee.order(number % 3, &format!("{number} x")).await;
    }
    committee.up(3);
    committee.agree_on(highest).await;
    let after = committee.order(3, "after x").await;
    committee.agree_on(after).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_four_decide_nothing_and_nothing_is_lost_when_a_third_returns() {
    let mut committee = Committee::start(4, |_| Vec::new());
    let before = committee.order(0, "before x").await;
    committee.agree_on(before).await;
    committee.down(3);
    committee.down(2);
    let height = committee.at(0).latest().height;
    let submitted = committee.at(0).submit(transaction("waits x"));
    let waited = tokio::time::timeout(Duration::from_secs(8), submitted).await;
    assert!(
        waited.is_err(),
        "two of four made a block final: {waited:?}"
    );
    // What was on its way when they went may have become final, nothing that came later.
    assert!(committee.at(0).latest().height.get() <= height.get() + 1);
    committee.up(2);
    let after = committee.order(1, "after x").await;
    committee.agree_on(after).await;
    // Told again after the loss: nobody waits for it any more, and it becomes final all the same.
    let since = Instant::now();
    while committee.at(2).state(&[key(b"waits x")]).await.unwrap() == [None] {
        assert!(
            since.elapsed() < PATIENCE,
            "a submitted transaction is lost"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_receives_verifies_and_submits_through_its_hub_and_goes_on_with_another() {
    let mut follower = None;
    let mut committee = Committee::start(4, |key| {
        let key = follower.insert(key.follower());
        vec![key.peer().unwrap()]
    });
    let key = follower.unwrap();
    assert!(!key.votes());
    for number in 0..5 {
        committee.order(number % 4, &format!("{number} x")).await;
    }
    let (chain, _folder) = follow(&committee, &key, &[1, 2]);
    // All from the genesis on, and its own way back.
    let submitted = chain.submit(transaction("mine x"));
    let place = tokio::time::timeout(PATIENCE, submitted).await;
    let place = place.expect("the hub passes nothing on").unwrap();
    reaches(committee.at(3), place.height).await;
    let bad = chain.submit(bytes::Bytes::new()).await;
    assert_eq!(bad, Err(SubmitError::Refused(Refusal::Malformed)));

    committee.down(1);
    let submitted = chain.submit(transaction("again x"));
    let place = tokio::time::timeout(PATIENCE, submitted).await;
    let place = place.expect("the second hub passes nothing on").unwrap();
    committee.agree_on(place.height).await;
    for height in 1..=place.height.get() {
        let at = Height::new(height);
        let (ours, theirs) = (chain.block(at).await, committee.at(0).block(at).await);
        let (ours, theirs) = (ours.unwrap().unwrap(), theirs.unwrap().unwrap());
        assert_eq!(ours.header.id(), theirs.header.id());
    }
    chain.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_let_in_by_nobody() {
    let committee = Committee::start(4, |_| Vec::new());
    let (stranger, _folder) = follow(&committee, &committee.keys[0].follower(), &[0, 1, 2, 3]);
    for number in 0..5 {
        committee.order(number % 4, &format!("{number} x")).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stranger.latest().height, Height::new(0));
    stranger.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_floods_every_channel_stops_nothing() {
    let mut follower = None;
    let committee = Committee::start(4, |key| {
        let key = follower.insert(key.follower());
        vec![key.peer().unwrap()]
    });
    let before = committee.order(0, "before x").await;
    committee.agree_on(before).await;
    let attack = hostile::flood(&committee, &follower.unwrap());
    let mut highest = before;
    for number in 0..10 {
        highest = committee.order(number % 4, &format!("{number} x")).await;
    }
    let sent = attack.join().unwrap();
    assert!(sent > 0, "nothing was sent: the test attacked nobody");
    highest = committee.order(2, "after x").await.max(highest);
    committee.agree_on(highest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_that_turns_against_the_others_stops_nothing() {
    let mut committee = Committee::start(4, |_| Vec::new());
    let before = committee.order(3, "before x").await;
    committee.agree_on(before).await;
    // From now on somebody else speaks with its keys.
    committee.down(3);
    let attack = hostile::flood(&committee, &committee.keys[3]);
    let mut highest = before;
    for number in 0..10 {
        highest = committee.order(number % 3, &format!("{number} x")).await;
    }
    let sent = attack.join().unwrap();
    assert!(sent > 0, "nothing was sent: the test attacked nobody");
    highest = committee.order(2, "after x").await.max(highest);
    committee.agree_on(highest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_that_are_no_greeting_stop_nothing() {
    use tokio::io::AsyncWriteExt as _;
    let committee = Committee::start(4, |_| Vec::new());
    committee.order(0, "before x").await;
    let mut open = Vec::new();
    for address in committee.addresses.iter().cycle().take(64) {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        // Some say too much, some claim a frame of 4 GB, some say nothing and stay.
        match open.len() % 3 {
            0 => drop(stream.write_all(&[0xa5; 100_000]).await),
            1 => drop(stream.write_all(&u32::MAX.to_be_bytes()).await),
            _ => {}
        }
        open.push(stream);
    }
    let highest = committee.order(3, "after x").await;
    committee.agree_on(highest).await;
}

/// Holds a ceremony among `count` validators, the last of whom begins `late`.
fn ceremony(count: usize, late: Duration) -> Vec<Result<ValidatorKey, String>> {
    let identities: Vec<NodeIdentity> = (0..count).map(|_| NodeIdentity::generate()).collect();
    let pairs = identities.iter().zip(free_addresses(count));
    let validators: Vec<Peer> = pairs
        .map(|(identity, address)| Peer {
            id: identity.peer().unwrap(),
            address,
        })
        .collect();
    let stop: Vec<Arc<Notify>> = identities.iter().map(|_| Arc::default()).collect();
    let (sender, made) = std::sync::mpsc::channel();
    let running: Vec<_> = identities
        .into_iter()
        .enumerate()
        .map(|(place, identity)| {
            let folder = tempfile::tempdir().unwrap();
            let options = CeremonyOptions {
                directory: folder.path().to_owned(),
                secrets: Vault::plain(folder.path().join("secrets")),
                listen: validators[place].address,
                identity,
                validators: validators.clone(),
            };
            let (told, stop) = (sender.clone(), Arc::clone(&stop[place]));
            std::thread::spawn(move || {
                let _kept = folder;
                if place + 1 == count {
                    std::thread::sleep(late);
                }
                let done = told.clone();
                let done = move |key| done.send((place, Ok(key))).unwrap();
                if let Err(error) = hold(options, done, stop) {
                    told.send((place, Err(error.to_string()))).unwrap();
                }
            })
        })
        .collect();
    let mut keys: Vec<(usize, Result<ValidatorKey, String>)> = (0..count)
        .map(|_| {
            made.recv_timeout(PATIENCE * 2)
                .expect("no end of the ceremony")
        })
        .collect();
    keys.sort_by_key(|(place, _)| *place);
    stop.iter().for_each(|stop| stop.notify_one());
    running
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    keys.into_iter().map(|(_, key)| key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn validators_make_a_group_key_that_none_of_them_knows_and_order_with_it() {
    let keys = tokio::task::spawn_blocking(|| ceremony(4, Duration::from_millis(700)));
    let keys: Vec<ValidatorKey> = keys
        .await
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let public = keys[0].public_part();
    assert!(keys.iter().all(|key| key.public_part() == public));
    let shares: std::collections::BTreeSet<String> = keys
        .iter()
        .map(|key| serde_json::to_value(key).unwrap()["share"].to_string())
        .collect();
    assert_eq!(shares.len(), 4, "each has a share of its own");
    let committee = Committee::of(keys, |_| Vec::new());
    let height = committee.order(2, "a x").await;
    committee.agree_on(height).await;
}

#[test]
fn who_is_not_among_the_validators_takes_no_part() {
    let folder = tempfile::tempdir().unwrap();
    let other = NodeIdentity::generate();
    let address = free_addresses(1)[0];
    let options = CeremonyOptions {
        directory: folder.path().to_owned(),
        secrets: Vault::plain(folder.path().join("secrets")),
        listen: address,
        identity: NodeIdentity::generate(),
        validators: vec![Peer {
            id: other.peer().unwrap(),
            address,
        }],
    };
    let held = hold(options, |_| panic!("a key"), Arc::default());
    assert!(matches!(held, Err(CeremonyError::Validators)));
}

/// Told before anything begins: later it would end the process.
#[test]
fn an_address_that_is_taken_is_told() {
    let address = free_addresses(1)[0];
    let _held = TcpListener::bind(address).unwrap();
    let keys = ValidatorKey::deal(NonZeroU32::MIN);
    let folder = tempfile::tempdir().unwrap();
    let peering = Peering {
        listen: address,
        dial: Vec::new(),
        accept: Vec::new(),
    };
    let path = folder.path().join("chain");
    let options = ChainOptions::new(path, genesis_of(&keys, &[address]), keys[0].clone());
    let started = Chain::start(options.peering(Some(peering)), Arc::new(Toy));
    let error = started.unwrap_err();
    assert!(matches!(error, OrderError::Listen { listen, .. } if listen == address));
    let identity = NodeIdentity::generate();
    let options = CeremonyOptions {
        directory: folder.path().join("ceremony"),
        secrets: Vault::plain(folder.path().join("secrets")),
        listen: address,
        validators: vec![Peer {
            id: identity.peer().unwrap(),
            address,
        }],
        identity,
    };
    let held = hold(options, |_| panic!("a key"), Arc::default());
    assert!(matches!(held, Err(CeremonyError::Listen { listen, .. }) if listen == address));
    assert!(!folder.path().join("ceremony").exists());
}

#[test]
fn a_share_of_another_place_does_not_vote() {
    let keys = ValidatorKey::deal(NonZeroU32::new(4).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<serde_json::Value> = keys
        .iter()
        .map(|key| serde_json::to_value(key).unwrap())
        .collect();
    let error = |genesis: Genesis, key: ValidatorKey| {
        let options = ChainOptions::new(folder.path().to_owned(), genesis, key);
        Chain::start(options, Arc::new(Toy))
            .unwrap_err()
            .to_string()
    };
    let whole = genesis_of(&keys, &free_addresses(4));
    let with = |name: &str, value: serde_json::Value| {
        let mut changed = texts[0].clone();
        changed[name] = value;
        error(whole.clone(), serde_json::from_value(changed).unwrap())
    };
    let text = with("share", texts[1]["share"].clone());
    assert!(text.contains("share is not one"), "{text}");
    let text = with("identity", texts[1]["identity"].clone());
    assert!(text.contains("share is not one"), "{text}");
    let mut output = texts[0]["output"].as_str().unwrap().to_owned();
    output.truncate(output.len() - 2);
    let text = with("output", output.into());
    assert!(text.contains("public part"), "{text}");
    // Whole, but the genesis begins with one of them alone.
    let text = error(genesis(&keys[0]), keys[0].clone());
    assert!(text.contains("not those of the genesis"), "{text}");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}

/// The state of a late block.
const STATE_SYNC: History = History {
    state_sync: true,
    keep_blocks: None,
};
/// No more blocks than must be kept.
const TWO_EPOCHS: History = History {
    state_sync: false,
    keep_blocks: Some(1),
};

impl Committee {
    /// One validator, and three more nodes that are elected for the epochs of `seats`.
    fn growing(seats: &[&[usize]]) -> Self {
        let first = ValidatorKey::generate();
        let others = [(); 3].map(|()| first.follower());
        let keys: Vec<ValidatorKey> = [first].into_iter().chain(others).collect();
        let addresses = free_addresses(keys.len());
        let genesis = genesis_of(&keys[..1], &addresses);
        let mut committee = Self {
            accept: Vec::new(),
            folders: keys.iter().map(|_| tempfile::tempdir().unwrap()).collect(),
            chains: keys.iter().map(|_| None).collect(),
            machine: Arc::new(Toy),
            genesis,
            addresses,
            keys,
        };
        let delegates: Vec<Delegate> = committee
            .peers()
            .map(|peer| peer.delegate().unwrap())
            .collect();
        let seats = seats.iter().map(|places| Seats {
            delegates: List::new(
                places
                    .iter()
                    .map(|place| delegates[*place].clone())
                    .collect(),
            )
            .unwrap(),
            addresses: List::new(delegates.clone()).unwrap(),
        });
        committee.machine = Arc::new(Chosen {
            epoch_blocks: committee.genesis.governance.epoch_blocks,
            seats: seats.collect(),
        });
        for place in 0..committee.keys.len() {
            committee.up(place);
        }
        committee
    }

    /// Has blocks ordered until `epoch` has begun, no faster than all that run can follow: who lags
    /// behind half an epoch gets no share.
    async fn reach_epoch(&self, place: usize, epoch: u64) {
        let goal = epoch * u64::from(EPOCH);
        for number in 0.. {
            let text = format!("epoch-{epoch}-{place}-{number} x");
            let height = self.order(place, &text).await;
            for chain in self.running() {
                reaches(chain, height).await;
            }
            if height.get() >= goal {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_chain_of_one_grows_to_four_and_any_of_them_may_go() {
    let mut committee = Committee::growing(&[&[0, 1, 2, 3]]);
    committee.reach_epoch(0, 3).await;
    // Three of four make the quorum: the first is not needed any more.
    committee.down(0);
    let height = committee.order(1, "without-the-first x").await;
    committee.agree_on(height).await;
    // It has missed an epoch change.
    committee.reach_epoch(2, 4).await;
    committee.up(0);
    let height = committee.order(0, "again x").await;
    committee.agree_on(height).await;
    committee.down(3);
    let height = committee.order(0, "without-the-last x").await;
    committee.agree_on(height).await;
}

#[tokio::test]
async fn the_first_validator_hands_over_and_leaves() {
    let mut committee = Committee::growing(&[&[0, 1, 2, 3], &[1, 2, 3]]);
    committee.reach_epoch(0, 4).await;
    committee.down(0);
    let height = committee.order(1, "without-the-first x").await;
    committee.agree_on(height).await;
    // Three of three: none may fail.
    committee.down(3);
    let submitted = committee.at(1).submit(transaction("never x"));
    let waited = tokio::time::timeout(Duration::from_secs(5), submitted).await;
    assert!(waited.is_err(), "two of three made a block final");
    committee.up(3);
    let height = committee.order(2, "again x").await;
    committee.agree_on(height).await;
}

#[tokio::test]
async fn who_joins_late_takes_the_state_and_not_the_blocks() {
    let mut committee = Committee::growing(&[&[0, 1, 2, 3]]);
    committee.down(3);
    let large = |number| format!("large-{number} {}", "v".repeat(50_000));
    let mut heights = Vec::new();
    for number in 0..10 {
        heights.push(committee.order(0, &large(number)).await);
    }
    committee.reach_epoch(0, 2).await;
    // It had begun with the others: begin it anew.
    committee.folders[3] = tempfile::tempdir().unwrap();
    committee.up_with(3, |options| options.history(STATE_SYNC));
    let height = committee.order(3, "joined x").await;
    committee.order(0, "and-goes-on x").await;
    let joined = committee.at(3);
    for key_of in ["large-0", "large-9", "epoch-2-0-5", "joined"] {
        let keys = [key(format!("{key_of} x").as_bytes())];
        assert_eq!(
            joined.state(&keys).await.unwrap(),
            committee.at(0).state(&keys).await.unwrap(),
            "{key_of}"
        );
    }
    // What was final before it joined is not ordered again.
    for (number, height) in (0..).zip(heights) {
        let place = joined.submit(transaction(&large(number))).await.unwrap();
        assert_eq!(place.height, height);
    }
    // It proves what it has, and says what it has not.
    let receipt = joined.receipt(TransactionId::of(&transaction("joined x")));
    assert!(receipt.await.unwrap().is_some());
    let early = joined.block(Height::new(3)).await;
    assert!(matches!(early, Err(SubmitError::Lost { .. })), "{early:?}");
    assert!(joined.block(height).await.unwrap().is_some());
    // Restarted, it goes on where it was; and it gets a share with the next epoch in which it is a
    // player.
    committee.down(3);
    committee.up(3);
    committee.reach_epoch(3, 4).await;
    committee.down(0);
    let height = committee.order(3, "without-the-first x").await;
    for place in [1, 2, 3] {
        reaches(committee.at(place), height).await;
    }
}

#[tokio::test]
async fn old_blocks_are_removed_and_a_node_that_was_away_comes_back() {
    let keys = ValidatorKey::deal(NonZeroU32::new(4).unwrap());
    let mut committee = Committee::planned(keys, |_| Vec::new());
    for place in 0..4 {
        committee.up_with(place, |options| options.history(TWO_EPOCHS));
    }
    committee.reach_epoch(0, 9).await;
    committee.down(3);
    committee.reach_epoch(0, 10).await;
    let pruned = committee.at(0).block(Height::new(1)).await;
    assert!(
        matches!(pruned, Err(SubmitError::Lost { .. })),
        "{pruned:?}"
    );
    let votes = |epoch: u64| {
        let folder = committee.folders[0].path();
        folder.join(format!("chain-simplex_consensus_{epoch}"))
    };
    assert!(votes(10).exists());
    assert!(!votes(7).exists(), "votes of the past are kept");
    let kept = Height::new(9 * u64::from(EPOCH));
    assert!(committee.at(0).block(kept).await.unwrap().is_some());
    committee.up(3);
    let height = committee.order(3, "back x").await;
    for place in 0..4 {
        reaches(committee.at(place), height).await;
    }
}
