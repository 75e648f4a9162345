//! Floods of a node by who is nobody, one call of each kind. They hang up, and ask again.

use std::{
    any::TypeId,
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use rand::{SeedableRng as _, rngs::StdRng};
use yilian_crypto::{
    pre::{Context, DelegateeSecret, DelegatorSecret, Rekey, ScopeKey},
    pseudonym::{NymSecret, RegulatorSecret},
    scope::{Confidentiality, Quarter, Scope},
    seed::{PatientKeys, Seed},
    sign::SigningKey,
    stamp::{EncodedPoint, StampSeed},
    suite::SUITE,
};
use yilian_ledger::Ledger;
use yilian_protocol::{
    ChainId, Height, MemberId, StateKey, TimeMs, TransactionId, TreeHash,
    call::{
        Answered, AskHolder, Call, Deliver, Form, GetStamps, Local, OneShot, RecordEntry,
        Reencapsulate, Transport,
    },
    codec::{Blob, Encode as _, List, Text},
    evidence::VisitEntry,
    governance::{Delegate, EpochBlocks, Governance, NodeAddress},
    grant::HolderAsk,
    ids::VisitDigest,
    limits::{DAY_MS, MAIL_SIZES, SEALED_ASK_MAX},
    mail::SealedMail,
    mailbox::Delivery,
    receipt::Receipt,
    refusal::Refusal,
    registry::{Admitted, Genesis, Member, MemberEntry, NodeKeys},
    sealed::{SealedObject, SealedRecord},
    stamp::{AskerKey, Stamp, StampAsker, StampDay, StampsRequest},
    state::{
        proof::ProvenState,
        tables::{MEMBER, RECORD, VISIT},
    },
};

use super::*;
use crate::{
    consortium::ConsortiumChain,
    keyholder::KeyHolder,
    mailbox::MailStore,
    neighbours::Neighbours,
    order::{EncodedTransaction, FinalBlock, Place as PlaceInChain, SubmitError},
    private_chain::PrivateChain,
    service::{HostedMembers, Node, Parts, record::ReadObject},
    store::Store,
};

const ADMITTED: Admitted = Admitted {
    height: Height::new(1),
    time: TimeMs::new(20_000 * DAY_MS),
};

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

fn member() -> Member {
    let NodeKeys { kem, stamp, .. } = NodeKeys::of(&key(2));
    Member {
        name: Text::new("North").unwrap(),
        ca: key(1).verifying_key(),
        node: key(2).verifying_key(),
        kem,
        stamp,
    }
}

pub(crate) fn genesis() -> Genesis {
    let delegate = Delegate {
        peer: key(3).verifying_key(),
        address: NodeAddress("10.0.0.1:9000".parse().unwrap()),
    };
    Genesis {
        name: Text::new("flooded").unwrap(),
        created: TimeMs::new(1),
        ca: key(4).verifying_key(),
        regulators: RegulatorSecret::from_seed(&[5; 32]).public().into(),
        group_key: Blob::new(vec![6; 96]).unwrap(),
        governance: Governance::new(EpochBlocks::DEFAULT, vec![delegate]).unwrap(),
    }
}

fn chain() -> ChainId {
    genesis().chain()
}

/// The pseudonym of a visit, by its number.
fn nym(counter: u32) -> NymSecret {
    let patient = PatientKeys::from_seed(&Seed::from_bytes([8; 32]), chain().as_bytes());
    patient.visit(member().id().as_bytes(), counter).nym_secret
}

fn delegator() -> DelegatorSecret {
    let patient = PatientKeys::from_seed(&Seed::from_bytes([8; 32]), chain().as_bytes());
    patient.hospital(member().id().as_bytes()).delegator
}

fn scope() -> Scope {
    Scope {
        confidentiality: Confidentiality::Clinical,
        period: Quarter::new(2026, 4).unwrap(),
        tag: None,
    }
}

fn scope_key() -> ScopeKey {
    delegator().public().scope(&scope())
}

fn rekey() -> Rekey {
    let reader = DelegateeSecret::from_seed(&[9; 32]).public();
    delegator().scope(&scope()).rekey(&reader)
}

/// What a node takes for a record: its header is one, and nobody looks into its body.
pub(crate) fn object() -> SealedObject {
    let (nym, author, key) = (nym(0).nym(), [9; 32], scope_key());
    let context = Context::new(chain().as_bytes(), &key, &nym, &author);
    let psk = delegator().scope(&scope()).psk().clone();
    let (capsule, prover, _) = key.encapsulate(&context, &psk, b"record", &mut rng());
    let mut bytes = b"YLSR".to_vec();
    bytes.push(SUITE);
    nym.encode(&mut bytes);
    author.encode(&mut bytes);
    capsule.encode(&mut bytes);
    [0_u8; Scope::SIZE].encode(&mut bytes);
    prover.prove(&[0; 32], &mut rng()).encode(&mut bytes);
    bytes.extend_from_slice(b"sealed");
    SealedObject::parse(bytes).unwrap()
}

/// A chain with a member, a visit and a record, whose node computes until it is let on.
#[derive(Debug, Clone)]
pub(crate) struct Slow {
    state: Arc<BTreeMap<StateKey, Vec<u8>>>,
    computing: Arc<Computing>,
}

#[derive(Debug)]
struct Computing {
    /// How many compute now.
    now: AtomicUsize,
    /// How many did at most.
    most: AtomicUsize,
    /// As many may end.
    ends: Semaphore,
}

impl Slow {
    /// One whose node computes as it comes.
    pub(crate) fn quick() -> Self {
        let quick = Self::new();
        quick.computing.ends.add_permits(Semaphore::MAX_PERMITS / 2);
        quick
    }

    fn new() -> Self {
        let (entry, hospital) = (MemberEntry::new(member(), ADMITTED), member().id());
        let visit = VisitEntry {
            hospital,
            visit: VisitDigest::from_bytes([1; 32]),
        };
        let record = RecordEntry {
            sealed: SealedRecord::from(&object()),
            nym: nym(0).nym(),
            hospital,
            index: TreeHash::from_bytes([2; 32]),
            admitted: ADMITTED,
        };
        let state = [
            (MEMBER.key(hospital.as_bytes()), entry.to_vec()),
            (VISIT.key(&nym(0).nym().to_bytes()), visit.to_vec()),
            (
                RECORD.key(object().cid().record().as_bytes()),
                record.to_vec(),
            ),
        ];
        let computing = Computing {
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            ends: Semaphore::new(0),
        };
        Self {
            state: Arc::new(BTreeMap::from(state)),
            computing: Arc::new(computing),
        }
    }
}

impl ConsortiumChain for Slow {
    fn latest(&self) -> Admitted {
        ADMITTED
    }

    fn now(&self) -> TimeMs {
        ADMITTED.time
    }

    fn waiting(&self) -> u64 {
        0
    }

    fn check(&self, _: &EncodedTransaction) -> Result<(), Refusal> {
        Ok(())
    }

    async fn submit(&self, _: EncodedTransaction) -> Result<PlaceInChain, SubmitError> {
        Err(SubmitError::Full)
    }

    async fn receipt(&self, _: TransactionId) -> Result<Option<Receipt>, SubmitError> {
        Ok(None)
    }

    async fn state(&self, keys: Vec<StateKey>) -> Result<Vec<Option<Vec<u8>>>, SubmitError> {
        Ok(keys
            .iter()
            .map(|key| self.state.get(key).cloned())
            .collect())
    }

    async fn prove(&self, _: Vec<StateKey>) -> Result<ProvenState, SubmitError> {
        Err(SubmitError::Full)
    }

    async fn block(&self, _: Height) -> Result<Option<FinalBlock>, SubmitError> {
        Ok(None)
    }

    async fn metrics(&self) -> Result<String, SubmitError> {
        Ok(String::new())
    }

    async fn apart<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        // To read an object is not to compute.
        if TypeId::of::<R>() == TypeId::of::<Result<ReadObject, CallError>>() {
            return Ok(work());
        }
        let computing = Arc::clone(&self.computing);
        let now = computing.now.fetch_add(1, Ordering::SeqCst) + 1;
        computing.most.fetch_max(now, Ordering::SeqCst);
        // As on a thread of its own: it goes on when the caller hangs up.
        let done = tokio::spawn(async move {
            computing.ends.acquire().await.unwrap().forget();
            let done = work();
            computing.now.fetch_sub(1, Ordering::SeqCst);
            done
        });
        done.await.map_err(|_| SubmitError::Stopped)
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn rng(&self) -> StdRng {
        rng()
    }

    fn shutdown(&self) {}
}

#[derive(Debug)]
pub(crate) struct OneMember;

impl HostedMembers for OneMember {
    fn members(&self) -> Vec<MemberId> {
        vec![member().id()]
    }

    fn key(&self, of: MemberId) -> Option<SigningKey> {
        (of == member().id()).then(|| key(2))
    }
}

/// There are no others.
#[derive(Debug)]
struct Nobody;

impl Transport for Nobody {
    async fn call<C: Call>(&self, _: C) -> Answered<C> {
        Err(CallError::not_found("node"))
    }
}

struct Flooded {
    way: Local<Node<Slow, Nobody>>,
    computing: Arc<Computing>,
    _folder: tempfile::TempDir,
}

impl Flooded {
    fn new() -> Self {
        let (folder, chain) = (tempfile::tempdir().unwrap(), Slow::new());
        let path = |name| folder.path().join(name);
        let store = Store::open(&path("objects")).unwrap();
        store.put(object().into_bytes()).unwrap();
        let computing = Arc::clone(&chain.computing);
        let (node, _) = Node::of(Parts {
            chain,
            ledger: Arc::new(Ledger::new(genesis())),
            store: Arc::new(store),
            holder: Arc::new(KeyHolder::open(&path("deposits.redb")).unwrap()),
            mail: Arc::new(MailStore::open(&path("mail.redb")).unwrap()),
            log: Arc::new(PrivateChain::open(&path("private-chain.redb")).unwrap()),
            checked_log: false,
            identities: Arc::new(OneMember),
            neighbours: Neighbours::new(Vec::new(), Vec::new()),
        });
        Self {
            way: Local::new(Arc::new(node)),
            computing,
            _folder: folder,
        }
    }

    fn computing(&self) -> usize {
        self.computing.now.load(Ordering::SeqCst)
    }

    /// Somebody asks, and waits for the answer.
    async fn ask<C: Call>(&self, call: C) -> tokio::task::JoinHandle<Answered<C>> {
        let way = self.way.clone();
        let asked = tokio::spawn(async move { way.call(call).await });
        settle().await;
        asked
    }
}

/// Everybody goes on for as long as he can: there is one thread.
async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// Floods a node with calls, of which `made_up` makes a new one each time. An honest caller is one
/// of those that wait: he gets his answer, whatever it is.
async fn flood<C: Call>(made_up: impl Fn(u8) -> C) {
    let flooded = Flooded::new();
    for number in 0..32 {
        let asked = flooded.ask(made_up(number)).await;
        assert!(!asked.is_finished(), "{number}: nothing was computed");
        // He hangs up while it is computed, and asks again.
        asked.abort();
    }
    settle().await;
    assert_eq!(flooded.computing(), PLACES);
    let honest = flooded.ask(made_up(32)).await;
    assert!(!honest.is_finished());
    let computing = &flooded.computing;
    computing.ends.add_permits(PLACES + 1);
    let answered = tokio::time::timeout(Duration::from_secs(60), honest).await;
    assert!(answered.unwrap().is_ok());
    assert_eq!(computing.most.load(Ordering::SeqCst), PLACES);
    assert_eq!(flooded.computing(), 0);
}

/// A letter with a stamp of which the serial is made up.
pub(crate) fn letter(number: u8) -> Deliver {
    let (keeper, mailbox) = (member().id(), key(10).verifying_key());
    let sealed = SealedMail::new(vec![number; MAIL_SIZES[0]]).unwrap();
    let stamp = Stamp {
        issuer: keeper,
        day: StampDay::of(ADMITTED.time),
        seed: StampSeed::random(&mut StdRng::seed_from_u64(number.into())),
        signature: EncodedPoint::from_bytes([number; 48]),
    };
    let stamp = stamp.used(chain(), keeper, sealed.id(keeper, &mailbox));
    Deliver(Delivery {
        keeper,
        hops: 0,
        mailbox,
        stamp,
        sealed,
    })
}

/// A question for stamps in the name of a visit, signed under another pseudonym.
fn stamps(number: u8) -> GetStamps {
    let day = StampDay::of(ADMITTED.time);
    let blinded = List::new(vec![EncodedPoint::from_bytes([number; 48])]).unwrap();
    let (chain, other) = (chain(), nym(1));
    let other = AskerKey::Visit(&other);
    let request = StampsRequest::sign(chain, member().id(), day, blinded, other, &mut rng());
    let asker = StampAsker::Visit(nym(0).nym());
    GetStamps(StampsRequest { asker, ..request })
}

/// A record that is on the chain, turned to whomever.
fn turning(_: u8) -> Reencapsulate {
    Reencapsulate(OneShot {
        record: object().cid().record(),
        scope: scope_key(),
        rekey: rekey(),
        form: Form::Gt,
    })
}

/// What is no ask, as its holder finds out.
fn ask(number: u8) -> AskHolder {
    AskHolder(HolderAsk {
        holder: member().id(),
        hops: 0,
        sealed: Blob::new(vec![number; SEALED_ASK_MAX]).unwrap(),
    })
}

#[tokio::test]
async fn who_floods_and_hangs_up_computes_no_more_than_there_are_places() {
    flood(letter).await;
    flood(stamps).await;
    flood(turning).await;
    flood(ask).await;
}

#[tokio::test]
async fn a_flood_of_one_kind_holds_up_none_of_another() {
    let flooded = Flooded::new();
    for number in 0..8 {
        let _letter = flooded.ask(letter(number)).await;
        let _turned = flooded.ask(turning(number)).await;
    }
    assert_eq!(flooded.computing(), 2 * PLACES);
    let asked = flooded.ask(ask(0)).await;
    assert_eq!(flooded.computing(), 2 * PLACES + 1);
    flooded.computing.ends.add_permits(17);
    let asked = tokio::time::timeout(Duration::from_secs(60), asked).await;
    assert!(asked.unwrap().unwrap().is_err(), "it was none");
}
