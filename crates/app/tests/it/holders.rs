//! Standing grants with shares at several key holders: some lie, some are silent, all erase.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use yilian_client::{
    CheckIn, ClientError, ConsortiumCa, Doctor, Draft, GrantRequest, Granted, MemberCa, Patient,
    Session, Sharing, Wallet,
};
use yilian_crypto::{
    pseudonym::RegulatorSecret,
    seed::{MemberKeys, Seed},
    sign::SigningKey,
};
use yilian_node::{
    order::ValidatorKey,
    service::{HostedMembers, InProcess, Node, NodeOptions},
};
use yilian_protocol::{
    CertificateId, ChainId, Confidentiality, GrantId, MemberId, Quarter, RecordId, TimeMs,
    call::{
        Answered, AskHolder, Call, CallError, Form, LeaveDeposit, OneShot, Reencapsulate, Transport,
    },
    codec::{Blob, Encode as _, Text},
    governance::EpochBlocks,
    grant::{GrantState, HolderAsk, Purpose, SealedPartial, SignedPartial},
    media::MediaType,
    refusal::Refusal,
    registry::{Genesis, NodeKeys, Role},
    state::tables,
};

use crate::lying_node::{said, seen};

const HOLDERS: u8 = 5;

/// A node that acts for five hospitals.
#[derive(Debug)]
struct Hospitals;

fn hospital(number: u8) -> MemberCa {
    let ca = SigningKey::from_seed(&[10 + number; 32]);
    let name = Text::new(format!("Hospital {number}")).unwrap();
    MemberCa::new(ca, name, NodeKeys::of(&node_key(number)))
}

fn node_key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[50 + number; 32])
}

impl HostedMembers for Hospitals {
    fn members(&self) -> Vec<MemberId> {
        (0..HOLDERS).map(|number| hospital(number).id()).collect()
    }

    fn key(&self, member: MemberId) -> Option<SigningKey> {
        let number = (0..HOLDERS).find(|number| hospital(*number).id() == member)?;
        Some(node_key(number))
    }
}

/// What a key holder does with a request.
#[derive(Clone, Copy, PartialEq)]
enum Conduct {
    /// Gives nothing.
    Silent,
    /// Answers with the part of the holder before it.
    Other,
    /// Answers with its own part for another record.
    Stale,
    /// Answers honestly; who passes it on puts the part of the holder before it in its place.
    Swapped,
    /// Takes no share.
    Unwilling,
}

/// The way to the holders, some of whom misbehave.
#[derive(Clone)]
struct Way {
    node: InProcess,
    chain: ChainId,
    conduct: Arc<Mutex<BTreeMap<MemberId, Conduct>>>,
    told: Arc<Mutex<BTreeMap<MemberId, SignedPartial>>>,
    /// The latest one-shot sharing that a node was asked for.
    sharing: Arc<Mutex<Option<OneShot>>>,
    /// Every call: its name, and all that the node is told.
    seen: Arc<Mutex<View>>,
    /// The answers to asks, as who passes them on sees them.
    answers: Arc<Mutex<Vec<Vec<u8>>>>,
    /// The readers' seeds: liars in league need one to open each other's answers.
    readers: Arc<Mutex<BTreeMap<CertificateId, Seed>>>,
}

/// Calls as a node sees them.
type View = Vec<(&'static str, Vec<u8>)>;

impl Way {
    fn behaves(&self, number: u8, conduct: Conduct) {
        self.conduct
            .lock()
            .unwrap()
            .insert(hospital(number).id(), conduct);
    }

    fn all_behave(&self) {
        self.conduct.lock().unwrap().clear();
    }
}

impl Transport for Way {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let told = call.body().unwrap_or_default();
        let told = [call.parameters().concat().into_bytes(), told].concat();
        self.seen.lock().unwrap().push((C::ROW.name, told));
        if let Some(LeaveDeposit(deposit)) = seen(&call)
            && self.conduct_of(deposit.holder) == Some(Conduct::Unwilling)
        {
            return Err(silent());
        }
        if let Some(Reencapsulate(sharing)) = seen(&call) {
            *self.sharing.lock().unwrap() = Some(sharing.clone());
        }
        match seen::<AskHolder>(&call) {
            Some(AskHolder(ask)) => {
                let answer = self.ask(ask).await?;
                self.answers.lock().unwrap().push(answer.to_vec());
                Ok(said::<C>(answer))
            }
            None => self.node.call(call).await,
        }
    }
}

fn silent() -> CallError {
    CallError::Unreachable {
        message: "no answer".to_owned(),
    }
}

impl Way {
    fn conduct_of(&self, holder: MemberId) -> Option<Conduct> {
        self.conduct.lock().unwrap().get(&holder).copied()
    }

    async fn ask(&self, ask: &HolderAsk) -> Result<SealedPartial, CallError> {
        let (holder, mut asked) = (ask.holder, ask.clone());
        let key = Hospitals.key(holder).unwrap();
        let plain = ask.open(self.chain, &key).unwrap();
        let conduct = self.conduct_of(holder);
        match conduct {
            Some(Conduct::Silent) => return Err(silent()),
            Some(Conduct::Other | Conduct::Swapped) => {
                let members = Hospitals.members();
                let place = members.iter().position(|member| *member == holder).unwrap();
                let other = members[(place + members.len() - 1) % members.len()];
                let kem = NodeKeys::of(&Hospitals.key(other).unwrap()).kem;
                let to = (other, &kem);
                asked = HolderAsk::seal(self.chain, &plain, to, &mut rand::rng()).unwrap();
            }
            _ => {}
        }
        let mut answer = self.node.call(AskHolder(asked)).await?;
        if conduct == Some(Conduct::Swapped) {
            answer.holder = holder;
            return Ok(answer);
        }
        let reader = {
            let readers = self.readers.lock().unwrap();
            MemberKeys::from_seed(&readers[&plain.ask.reader]).kem
        };
        let signed = answer.open(self.chain, &plain, &reader).unwrap();
        let mut partial = signed.partial.clone();
        let mut told = self.told.lock().unwrap();
        match (conduct, told.get(&holder)) {
            (Some(Conduct::Stale), Some(before)) => partial = before.partial.clone(),
            _ => drop(told.insert(holder, signed.clone())),
        }
        if matches!(conduct, Some(Conduct::Other | Conduct::Stale)) {
            // A holder signs its lies.
            let parts = (partial, signed.secret);
            let lie = SignedPartial::sign(self.chain, &plain, holder, parts, &key);
            let (to, rng) = (reader.public(), &mut rand::rng());
            answer = SealedPartial::seal(self.chain, &plain, &lie, to, rng).unwrap();
        }
        Ok(answer)
    }
}

/// A patient with two records, a reader, and five key holders.
struct World {
    node: Arc<Node>,
    way: Way,
    session: Session<Way>,
    patient: Patient,
    reader: Doctor,
    records: Vec<RecordId>,
    folder: tempfile::TempDir,
}

fn now() -> TimeMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    TimeMs::new(u64::try_from(since.unwrap().as_millis()).unwrap())
}

async fn certified((way, session): (&Way, &Session<Way>), number: u8, name: &str) -> Doctor {
    let (ca, seed) = (hospital(number), Seed::random(&mut rand::rng()));
    let until = now().plus_ms(1_000_000);
    let certificate = ca.certificate(Text::new(name).unwrap(), Role::Doctor, &seed, now(), until);
    ca.certify(session, certificate.clone()).await.unwrap();
    let doctor = Doctor::new(&seed, &certificate).unwrap();
    let mut readers = way.readers.lock().unwrap();
    readers.insert(doctor.certificate(), seed);
    doctor
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (validator, consortium) = (ValidatorKey::generate(), SigningKey::from_seed(&[1; 32]));
        let genesis = Genesis {
            name: Text::new("holders").unwrap(),
            created: now(),
            ca: consortium.verifying_key(),
            regulators: RegulatorSecret::from_seed(&[2; 32]).public().into(),
            group_key: Blob::new(validator.group_key().unwrap().to_vec()).unwrap(),
            governance: validator.alone(EpochBlocks::DEFAULT).unwrap(),
        };
        let node = Node::start(NodeOptions::alone(
            folder.path().to_owned(),
            genesis.clone(),
            validator,
            Arc::new(Hospitals),
        ));
        let node = Arc::new(node.unwrap());
        let way = Way {
            node: InProcess::new(Arc::clone(&node)),
            chain: genesis.chain(),
            conduct: Arc::default(),
            told: Arc::default(),
            sharing: Arc::default(),
            seen: Arc::default(),
            answers: Arc::default(),
            readers: Arc::default(),
        };
        let session = Session::open(way.clone(), genesis).await.unwrap();
        let consortium = ConsortiumCa::new(consortium);
        for number in 0..HOLDERS {
            let member = hospital(number).member().clone();
            consortium.admit(&session, member).await.unwrap();
        }
        let doctor = certified((&way, &session), 0, "Dr First").await;
        let reader = certified((&way, &session), 1, "Dr Second").await;
        let wallet = Wallet::new(session.chain());
        let mut patient = Patient::new(&Seed::random(&mut rand::rng()), wallet);
        let check_in = CheckIn {
            hospital: hospital(0).id(),
            period: Quarter::new(2026, 4).unwrap(),
            private: false,
            expires: now().plus_ms(1_000_000),
        };
        let token = patient.check_in(&session, check_in, &mut rand::rng());
        let checked = doctor.check_in(&session, &token, now()).unwrap();
        let drafts = ["one", "two"].map(|text| Draft {
            confidentiality: Confidentiality::Clinical,
            media: MediaType::FhirJson,
            content: text.as_bytes().to_vec(),
            keywords: Vec::new(),
        });
        let sealed = doctor
            .seal(&session, &checked, drafts.to_vec(), now(), &mut rand::rng())
            .await
            .unwrap();
        Self {
            node,
            way,
            session,
            patient,
            reader,
            records: sealed.records.clone(),
            folder,
        }
    }

    async fn grant(&mut self, threshold: usize) -> Result<Granted, ClientError> {
        let request = GrantRequest {
            reader: self.reader.certificate(),
            purpose: Purpose::Treatment,
            confidentialities: vec![Confidentiality::Clinical],
            from: TimeMs::new(0),
            until: now().plus_ms(1_000_000),
            future: Vec::new(),
            holders: Hospitals.members(),
            threshold,
            emergency: false,
        };
        self.patient
            .grant(&self.session, request, &mut rand::rng())
            .await
    }

    /// Reads both records; their content, and who was found to lie.
    async fn read(&self, made: &Granted) -> Result<Vec<MemberId>, ClientError> {
        let mut wrong = Vec::new();
        for (record, text) in self.records.iter().zip(["one", "two"]) {
            let reading = self
                .reader
                .read(
                    &self.session,
                    &made.letter,
                    *record,
                    now(),
                    &mut rand::rng(),
                )
                .await?;
            assert_eq!(reading.verified.content(), text.as_bytes());
            wrong.extend(reading.wrong);
        }
        Ok(wrong)
    }

    async fn erased(&self, grant: GrantId) -> usize {
        let holders = Hospitals.members();
        let receipts = self.session.erasures(grant, &holders).await.unwrap();
        receipts.iter().flatten().count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn liars_are_named_and_left_aside_as_long_as_enough_are_honest() {
    let mut world = World::new().await;
    let made = world.grant(3).await.unwrap();
    assert_eq!(made.without, []);
    assert_eq!(world.read(&made).await.unwrap(), []);

    world.way.behaves(0, Conduct::Other);
    let named = world.read(&made).await.unwrap();
    assert_eq!(named, [hospital(0).id(), hospital(0).id()]);
    world.way.behaves(1, Conduct::Stale);
    let named = world.read(&made).await.unwrap();
    assert!(named.contains(&hospital(0).id()) && named.contains(&hospital(1).id()));
    assert!(named.iter().all(|holder| *holder != hospital(2).id()));
    // Three liars of five: the record stays closed, and one of them is named.
    world.way.behaves(2, Conduct::Other);
    let error = world.read(&made).await.unwrap_err();
    assert!(matches!(error, ClientError::FalsePartial { .. }), "{error}");

    world.way.all_behave();
    world.way.behaves(3, Conduct::Silent);
    world.way.behaves(0, Conduct::Silent);
    assert_eq!(world.read(&made).await.unwrap(), []);
    world.way.behaves(4, Conduct::Silent);
    let error = world.read(&made).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Call(CallError::Unreachable { .. })),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_swaps_a_part_on_its_way_accuses_no_holder() {
    let mut world = World::new().await;
    let made = world.grant(3).await.unwrap();
    for number in 0..2 {
        world.way.behaves(number, Conduct::Swapped);
    }
    assert_eq!(world.read(&made).await.unwrap(), []);
    // With too few left the record stays closed, and still no holder is named.
    world.way.behaves(2, Conduct::Swapped);
    let error = world.read(&made).await.unwrap_err();
    assert_eq!(error, ClientError::WrongAnswer { request: "ask" });
}

/// Asks and their answers tell whoever passes them on no reader, no record and no grant. The
/// reader's own node sees what else he looks up: grant and record, and never who he is.
#[tokio::test(flavor = "multi_thread")]
async fn fault_11_who_passes_an_ask_or_its_answer_on_reads_it() {
    let mut world = World::new().await;
    let made = world.grant(3).await.unwrap();
    world.way.seen.lock().unwrap().clear();
    world.way.answers.lock().unwrap().clear();
    world.read(&made).await.unwrap();
    let seen = world.way.seen.lock().unwrap().clone();
    let answers = world.way.answers.lock().unwrap().clone();
    let (asks, others): (Vec<_>, Vec<_>) = seen.iter().partition(|(name, _)| *name == "ask");
    assert!(asks.len() >= 6, "three holders for each of two records");
    assert_eq!(asks.len(), answers.len());
    let holds = |told: &[u8], name: &[u8]| told.windows(name.len()).any(|part| part == name);
    let (reader, grant) = (world.reader.certificate(), made.letter.grant);
    let mut named = vec![
        reader.to_bytes().to_vec(),
        world.records[0].to_bytes().to_vec(),
        world.records[1].to_bytes().to_vec(),
        grant.to_bytes().to_vec(),
        made.letter.terms.scopes[0].key.to_bytes().to_vec(),
    ];
    // Nor by what readers could be tested: whoever knows the scope's key would check the proof of a
    // part against every certified reader.
    for signed in world.way.told.lock().unwrap().values() {
        let bytes = signed.partial.to_bytes();
        named.extend(bytes.chunks(32).map(<[u8]>::to_vec));
    }
    let told = asks.iter().map(|(_, told)| told).chain(&answers);
    for told in told {
        for name in &named {
            assert!(!holds(told, name), "{}", hex::encode(name));
        }
    }
    // All answers look alike, whoever gave them.
    assert!(
        answers
            .iter()
            .all(|answer| answer.len() == answers[0].len())
    );
    // The whole view of the reader's own node. THREATS says so.
    let anywhere = |name: &[u8]| others.iter().any(|(_, told)| holds(told, name));
    assert!(anywhere(tables::GRANT.key(grant.as_bytes()).as_bytes()));
    assert!(anywhere(
        tables::RECORD.key(world.records[0].as_bytes()).as_bytes()
    ));
    let looked_up = tables::CERTIFICATE.key(reader.as_bytes());
    assert!(!anywhere(reader.as_bytes()) && !anywhere(looked_up.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_too_few_hold_is_taken_back() {
    let mut world = World::new().await;
    for number in 0..2 {
        world.way.behaves(number, Conduct::Unwilling);
    }
    let made = world.grant(3).await.unwrap();
    assert_eq!(made.without, [hospital(0).id(), hospital(1).id()]);
    assert_eq!(world.read(&made).await.unwrap(), []);
    world.way.behaves(2, Conduct::Unwilling);
    let error = world.grant(3).await.unwrap_err();
    let few = matches!(
        error,
        ClientError::TooFewHolders {
            took: 2,
            threshold: 3,
            ..
        }
    );
    assert!(few, "{error}");
    let note = world.patient.wallet().grants.last().unwrap().grant;
    let entry = world.session.grant(note).await.unwrap();
    assert_eq!(entry.state, GrantState::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_holder_notes_uses_and_erases_with_a_receipt() {
    let mut world = World::new().await;
    let made = world.grant(2).await.unwrap();
    let (grant, holder) = (made.letter.grant, hospital(1).id());
    world.read(&made).await.unwrap();
    world.read(&made).await.unwrap();
    let uses = world
        .patient
        .uses(&world.session, grant, holder, now())
        .await
        .unwrap();
    let used: Vec<_> = uses.iter().map(|usage| usage.record).collect();
    let [one, two] = [world.records[0], world.records[1]];
    assert_eq!(used, [one, two, one, two]);
    assert!(
        uses.iter()
            .all(|usage| usage.reader == world.reader.certificate())
    );
    // Two suffice, so the others were not asked.
    let idle = world
        .patient
        .uses(&world.session, grant, hospital(4).id(), now());
    assert_eq!(idle.await.unwrap(), []);

    assert_eq!(world.erased(grant).await, 0);
    world
        .patient
        .set_grant(&world.session, grant, GrantState::Revoked)
        .await
        .unwrap();
    let error = world.read(&made).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::GrantRevoked));
    for _ in 0..600 {
        if world.erased(grant).await == usize::from(HOLDERS) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(world.erased(grant).await, usize::from(HOLDERS));
    // What was noted stays; what was kept is gone.
    let after = world
        .patient
        .uses(&world.session, grant, holder, now())
        .await
        .unwrap();
    assert_eq!(after, uses);
    drop(world.node);
}

/// Every file below a folder, with its content.
fn files(folder: &std::path::Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            found.insert(path, content);
        }
    }
    found
}

fn holds(files: &BTreeMap<std::path::PathBuf, Vec<u8>>, needle: &[u8]) -> bool {
    files
        .values()
        .any(|content| content.windows(needle.len()).any(|part| part == needle))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_shot_sharing_changes_no_byte_of_any_file_of_the_node() {
    let world = World::new().await;
    for by_node in [false, true] {
        leaves_nothing(&world, by_node).await;
    }
}

async fn leaves_nothing(world: &World, by_node: bool) {
    // What is written at all can be found this way.
    let record = world.records[0];
    assert!(holds(&files(world.folder.path()), record.as_bytes()));
    for attempt in 0.. {
        // Empty blocks and anchors come of themselves: a quiet moment is waited for.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let height = world.session.latest().await.unwrap().height;
        let before = files(world.folder.path());
        let share = world
            .patient
            .share(
                &world.session,
                record,
                world.reader.certificate(),
                Sharing {
                    form: Form::Gt,
                    by_node,
                },
                &mut rand::rng(),
            )
            .await
            .unwrap();
        let (_, opened) = world
            .reader
            .open_share(&world.session, &share)
            .await
            .unwrap();
        assert_eq!(opened.content(), b"one");
        let after = files(world.folder.path());
        let grown = world.session.latest().await.unwrap().height != height;
        let changed: Vec<_> = after
            .iter()
            .filter(|(path, content)| before.get(*path) != Some(*content))
            .map(|(path, _)| path)
            .collect();
        // A view of consensus may end in that moment too. What a sharing leaves, each leaves.
        if (grown || !changed.is_empty()) && attempt < 40 {
            continue;
        }
        assert!(
            changed.is_empty(),
            "changed by a one-shot sharing: {changed:?}"
        );
        assert_eq!(before.len(), after.len());
        let sharing = world.way.sharing.lock().unwrap().take();
        assert_eq!(sharing.is_some(), by_node);
        if let Some(sharing) = sharing {
            let rekey = sharing.rekey.to_bytes();
            assert!(!holds(&after, &rekey) && !holds(&after, hex::encode(rekey).as_bytes()));
        }
        return;
    }
}

/// What nodes of this process log.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Section 2, item 4 of the review: the node was asked for the reader's certificate, and could test
/// the rekey against all of them. Now what it sees of sharings to two readers is the same.
#[tokio::test(flavor = "multi_thread")]
async fn fault_4_a_node_learns_for_whom_a_record_is_shared() {
    let log = tracing_subscriber::fmt().with_ansi(false);
    let log = log.with_env_filter("info,yilian_node=trace");
    log.with_writer(|| Log).init();
    let world = World::new().await;
    let other = certified((&world.way, &world.session), 2, "Dr Third").await;
    let record = world.records[0];
    let registry = yilian_client::people::registry(&world.session).await;
    let registry = registry.unwrap();
    for (by_node, form) in [
        (false, Form::Gt),
        (false, Form::Lv),
        (true, Form::Gt),
        (true, Form::Lv),
    ] {
        let (mut sharings, mut readings) = (Vec::new(), Vec::new());
        for reader in [&world.reader, &other] {
            let how = Sharing { form, by_node };
            let seen = || std::mem::take(&mut *world.way.seen.lock().unwrap());
            drop(seen());
            let to = reader.certificate();
            let share = world
                .patient
                .share(&world.session, record, to, how, &mut rand::rng())
                .await
                .unwrap();
            sharings.push(seen());
            let opened = reader.open_share(&world.session, &share).await;
            assert_eq!(opened.unwrap().1.content(), b"one");
            readings.push(seen());
            let Some(sharing) = world.way.sharing.lock().unwrap().take() else {
                assert!(!by_node);
                continue;
            };
            assert!(by_node);
            // It leads to nobody whom the node knows, nor is it the same twice.
            let certified = registry.iter().flat_map(|member| &member.certificates);
            for entry in certified {
                let delegatee = &entry.certificate.delegatee;
                let leads = sharing.rekey.verify(&sharing.scope, delegatee);
                assert!(leads.is_err(), "{}", entry.certificate.subject);
            }
        }
        // Byte for byte, but for the blinded rekey.
        let [one, two] = [&sharings[0], &sharings[1]];
        assert_eq!(one.len(), two.len());
        for ((name, told), (other, also)) in one.iter().zip(two) {
            assert_eq!(name, other);
            match *name {
                "reencapsulate" => assert_ne!(told, also),
                _ => assert_eq!(told, also, "{name}"),
            }
        }
        let asked = one.iter().any(|(name, _)| *name == "reencapsulate");
        assert_eq!(asked, by_node);
        assert_eq!(readings[0], readings[1]);
    }
    let log = String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned();
    assert!(!log.is_empty(), "the log is not kept");
    for id in [
        world.reader.certificate().to_string(),
        other.certificate().to_string(),
        record.to_string(),
    ] {
        let short: String = id.chars().take(16).collect();
        assert!(!log.contains(&short), "{short}");
    }
}
