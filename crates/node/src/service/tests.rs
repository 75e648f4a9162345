//! What a node does with neighbours that hang, lie or have what it lacks, and with a disk that is
//! full or flips bytes.

use std::{
    any::Any,
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use tower::ServiceExt as _;
use yilian_crypto::sign::SigningKey;
use yilian_ledger::Ledger;
use yilian_protocol::{
    RecordId,
    call::{self, Deliver, GetObject, GetStatus, GetStored},
    mailbox::Delivery,
};

use super::*;
use crate::{
    api::Routes,
    health::StorageOptions,
    unproven::tests::{OneMember, Slow, genesis, letter, object},
};

/// A neighbour that has an object, or hangs.
#[derive(Debug, Clone, Default)]
struct Other {
    object: Option<Vec<u8>>,
    asked: Arc<AtomicUsize>,
    hangs: bool,
}

impl Other {
    fn with(object: Vec<u8>) -> Self {
        Self {
            object: Some(object),
            ..Self::default()
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Transport for Other {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs {
            pending::<()>().await;
        }
        let call: &dyn Any = &call;
        let found = call.downcast_ref::<GetStored>().and(self.object.clone());
        let found: Box<dyn Any> = Box::new(found.ok_or_else(|| CallError::not_found("object"))?);
        found
            .downcast()
            .map(|found| *found)
            .map_err(|_| CallError::not_found("call"))
    }
}

#[derive(Debug)]
struct NoMember;

impl HostedMembers for NoMember {
    fn members(&self) -> Vec<MemberId> {
        Vec::new()
    }

    fn key(&self, _: MemberId) -> Option<SigningKey> {
        None
    }
}

struct World {
    node: Arc<Node<Slow, Other>>,
    upkeep: Upkeep<Slow, Other>,
    folder: tempfile::TempDir,
}

impl World {
    fn new(identities: Arc<dyn HostedMembers>, others: Vec<Other>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        let (node, upkeep) = Node::of(Parts {
            chain: Slow::quick(),
            ledger: Arc::new(Ledger::new(genesis())),
            store: Arc::new(Store::open(&path("objects")).unwrap()),
            holder: Arc::new(KeyHolder::open(&path("deposits.redb")).unwrap()),
            mail: Arc::new(MailStore::open(&path("mail.redb")).unwrap()),
            log: Arc::new(PrivateChain::open(&path("private-chain.redb")).unwrap()),
            checked_log: false,
            identities,
            neighbours: Neighbours::new(others, Vec::new()),
        });
        Self {
            node: Arc::new(node),
            upkeep,
            folder,
        }
    }

    async fn object(&self) -> Result<Vec<u8>, CallError> {
        let way = Local::new(Arc::clone(&self.node));
        way.call(GetObject { id: id() }).await
    }

    /// Stores the object, and flips a byte of it on disk.
    fn damage(&self) {
        self.node.store.put(object().into_bytes()).unwrap();
        let pack = self.folder.path().join("objects/packs/00000001.pack");
        let mut bytes = std::fs::read(&pack).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&pack, bytes).unwrap();
        self.node.store.get(id()).unwrap_err();
    }

    fn has_it(&self) -> bool {
        self.node.store.get(id()).is_ok_and(|found| found.is_some())
    }
}

fn id() -> RecordId {
    object().cid().record()
}

#[tokio::test]
async fn what_a_node_is_not_to_keep_it_hands_on_and_nothing_stays() {
    let other = Other::with(object().into_bytes());
    let world = World::new(Arc::new(NoMember), vec![other.clone()]);
    for times in 1..=2 {
        assert_eq!(world.object().await.unwrap(), object().into_bytes());
        assert_eq!(other.asked(), times);
    }
    assert!(!world.has_it());
    // What its own hospital lost is kept again.
    let own = World::new(Arc::new(OneMember), vec![other.clone()]);
    for _ in 0..2 {
        own.object().await.unwrap();
    }
    assert!(own.has_it());
    assert_eq!(other.asked(), 3);
}

#[tokio::test]
async fn a_flipped_byte_is_answered_from_a_neighbour_and_mended() {
    let other = Other::with(object().into_bytes());
    let world = World::new(Arc::new(NoMember), vec![other.clone()]);
    world.damage();
    assert_eq!(world.object().await.unwrap(), object().into_bytes());
    assert!(world.has_it(), "it is not mended");
    world.object().await.unwrap();
    assert_eq!(other.asked(), 1);
    let metrics = world.node.health.metrics();
    for line in ["yilian_objects_mended_total 1", "yilian_objects_damaged 0"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    // What is another object mends nothing.
    let other = Other::with(b"another".to_vec());
    let world = World::new(Arc::new(NoMember), vec![other]);
    world.damage();
    world.object().await.unwrap_err();
    assert_eq!(world.node.health.damage(), [id()]);
}

/// Nobody asks for it: it is found, and mended as long as a neighbour has it.
#[tokio::test]
async fn a_flipped_byte_is_found_by_looking_and_mended() {
    let other = Other::with(object().into_bytes());
    let world = World::new(Arc::new(NoMember), vec![other.clone()]);
    world.damage();
    let looks = || {
        let node = &world.node;
        let scrub = Scrubber {
            chain: Slow::quick(),
            store: Arc::clone(&node.store),
            neighbours: Arc::clone(&node.neighbours),
            health: Arc::clone(&node.health),
        };
        scrub.run()
    };
    let round = "yilian_scrub_rounds_total 1";
    let done = async {
        while !world.node.health.metrics().contains(round) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = looks() => unreachable!("the chain goes on"),
        () = done => {}
    }
    assert!(world.has_it() && other.asked() == 1);
    // A start does not begin anew.
    world.damage();
    let while_it_starts = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = looks() => unreachable!("the chain goes on"),
        () = while_it_starts => {}
    }
    assert!(!world.has_it());
}

#[tokio::test]
async fn a_full_disk_takes_nothing_to_be_kept_and_everything_else_goes_on() {
    let world = World::new(Arc::new(OneMember), Vec::new());
    world.node.store.put(object().into_bytes()).unwrap();
    let way = Local::new(Arc::clone(&world.node));
    let full = async || {
        let left = way.call(letter(1)).await.unwrap_err();
        matches!(left, CallError::Unavailable { .. })
    };
    assert!(!full().await);
    let StorageWatch { health, .. } = &world.upkeep.storage;
    health.keep_free(StorageOptions {
        reserve: u64::MAX / 2,
    });
    world.upkeep.storage.look().await.unwrap();
    assert!(full().await);
    world.object().await.unwrap();
    health.keep_free(StorageOptions { reserve: 0 });
    world.upkeep.storage.look().await.unwrap();
    assert!(!full().await);
}

/// How far the chain is, and which part fails, is told all the same; and the next look at the
/// storage opens the index again.
#[tokio::test]
async fn a_lost_index_of_objects_hides_nothing_else_and_is_opened_again() {
    let world = World::new(Arc::new(OneMember), Vec::new());
    world.node.store.put(object().into_bytes()).unwrap();
    let way = Local::new(Arc::clone(&world.node));
    let objects = async || way.call(GetStatus {}).await.unwrap().objects;
    assert_eq!(objects().await, 1);
    world.node.store.lose_index();
    assert_eq!(objects().await, 0);
    let metrics = world.node.metrics().await.unwrap();
    assert!(!metrics.contains("yilian_objects "), "{metrics}");
    assert!(metrics.contains("yilian_height "), "{metrics}");
    world.object().await.unwrap_err();
    world.upkeep.storage.look().await.unwrap();
    assert_eq!(objects().await, 1);
    world.object().await.unwrap();
    let metrics = world.node.metrics().await.unwrap();
    assert!(metrics.contains("yilian_objects 1"), "{metrics}");
}

/// As many letters as a node takes at a time wait for another node, which hangs: its own callers
/// are served.
#[tokio::test]
async fn a_call_that_is_passed_on_holds_no_place_of_the_call() {
    let hangs = Other {
        hangs: true,
        ..Other::default()
    };
    let world = World::new(Arc::new(OneMember), vec![hangs.clone()]);
    let mut routes = Routes::<Node<Slow, Other>>::default();
    call::register(&mut routes);
    let router = routes.into_router().with_state(Arc::clone(&world.node));
    let send = |call: Deliver| {
        let request = Request::post("/v1/letters");
        let request = request.body(Body::from(call.body().unwrap())).unwrap();
        router.clone().oneshot(request)
    };
    let Deliver(own) = letter(1);
    let foreign = Delivery {
        keeper: MemberId::from_bytes([9; 32]),
        hops: 2,
        ..own.clone()
    };
    let places = Deliver::ROW.at_once;
    let mut waiting = Vec::new();
    for _ in 0..places {
        waiting.push(tokio::spawn(send(Deliver(foreign.clone()))));
    }
    while hangs.asked() < places {
        tokio::task::yield_now().await;
    }
    // The next one for the same neighbour finds no place of that one's; its own caller is answered.
    let busy = send(Deliver(foreign)).await.unwrap().status();
    assert_eq!(busy, StatusCode::SERVICE_UNAVAILABLE);
    let answered = send(Deliver(own)).await.unwrap().status();
    assert_eq!(answered, StatusCode::FORBIDDEN, "no good stamp");
    for waits in waiting {
        assert!(!waits.is_finished());
        waits.abort();
    }
}
