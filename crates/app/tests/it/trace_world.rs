//! A node inside the process and the people who handle medicines.

use std::{
    any::Any,
    sync::{Arc, Mutex},
};

use yilian_client::{
    ConsortiumCa, MemberCa, Session,
    trace::{Capture, EventMaker, Handler, Pack, PassBook, Trail, inspect},
};
use yilian_crypto::{seed::Seed, sign::SigningKey};
use yilian_node::{
    order::ValidatorKey,
    service::{InProcess, Node, NodeOptions},
};
use yilian_protocol::{
    call::{Answered, Call, Page, Transport},
    codec::Text,
    registry::{Certificate, NodeKeys, Role},
    trace::{TraceAction, TraceEntry},
};
use yilian_record::{
    epcis::Event,
    gs1::{Code20, Expiry, Gtin, Identity, PackCode, PackSecret, Sscc},
};

use crate::{
    clinic::OneHospital,
    lying_node::{genesis, now},
};

/// What a dishonest node makes of an answer.
pub type Bend = fn(&mut Page<TraceEntry>);

/// An honest node whose answers a test may bend.
#[derive(Clone)]
pub struct Bent {
    pub honest: InProcess,
    pub bend: Arc<Mutex<Option<Bend>>>,
}

impl Transport for Bent {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let mut answer = self.honest.call(call).await?;
        let page = (&mut answer as &mut dyn Any).downcast_mut();
        if let (Some(bend), Some(page)) = (*self.bend.lock().unwrap(), page) {
            bend(page);
        }
        Ok(answer)
    }
}

/// A person with everything he acts with.
pub struct Person {
    pub seed: Seed,
    pub certificate: Certificate,
    pub handler: Handler,
    pub book: PassBook,
    pub ca: MemberCa,
}

pub struct World {
    pub session: Session<Bent>,
    pub node: Bent,
    pub consortium: ConsortiumCa,
    pub maker: Person,
    pub courier: Person,
    pub pharmacist: Person,
    _directory: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let validator = ValidatorKey::generate();
        let key = SigningKey::from_seed(&[1; 32]);
        let genesis = genesis(&validator, &key);
        let member = Text::new("none").unwrap();
        let nobody = MemberCa::new(SigningKey::from_seed(&[3; 32]), member, NodeKeys::of(&key));
        let node = Node::start(NodeOptions::alone(
            directory.path().to_owned(),
            genesis.clone(),
            validator,
            Arc::new(OneHospital(nobody.id())),
        ));
        let node = Bent {
            honest: InProcess::new(Arc::new(node.unwrap())),
            bend: Arc::default(),
        };
        let session = Session::open(node.clone(), genesis).await.unwrap();
        let consortium = ConsortiumCa::new(key);
        let maker = person(&session, &consortium, "Pharma", Role::Maker, 50).await;
        let courier = person(&session, &consortium, "Carriers", Role::Courier, 60).await;
        let pharmacist = person(&session, &consortium, "Pharmacy", Role::Pharmacist, 70).await;
        Self {
            session,
            node,
            consortium,
            maker,
            courier,
            pharmacist,
            _directory: directory,
        }
    }

    pub async fn inspect(&self, pack: &Pack) -> Trail {
        inspect(&self.session, pack, now()).await.unwrap().unwrap()
    }
}

/// Admits a member and certifies one person of it.
pub async fn person(
    session: &Session<Bent>,
    consortium: &ConsortiumCa,
    member: &str,
    role: Role,
    number: u8,
) -> Person {
    let key = |number: u8| SigningKey::from_seed(&[number; 32]);
    let ca = MemberCa::new(
        key(number),
        Text::new(member).unwrap(),
        NodeKeys::of(&key(number + 1)),
    );
    consortium
        .admit(session, ca.member().clone())
        .await
        .unwrap();
    let seed = Seed::random(&mut rand::rng());
    let name = Text::new(format!("{role} of {member}")).unwrap();
    let until = now().plus_ms(40 * 24 * 3_600_000);
    let certificate = ca.certificate(name, role, &seed, now(), until);
    ca.certify(session, certificate.clone()).await.unwrap();
    let handler = Handler::new(&seed, &certificate).unwrap();
    let mut book = PassBook::default();
    let request = handler.ask_passes(session, &mut book, 40, &mut rand::rng());
    let until = now().plus_ms(7 * 24 * 3_600_000);
    let passes = consortium
        .issue_passes(session, &request, now(), until)
        .await
        .unwrap();
    assert_eq!(book.take_in(passes), 40);
    Person {
        seed,
        certificate,
        handler,
        book,
        ca,
    }
}

/// Appends what a person says happened; the outcome is the caller's to judge.
pub async fn append(
    session: &Session<Bent>,
    person: &mut Person,
    action: TraceAction,
    codes: &[&Pack],
    make: impl FnOnce(&EventMaker<'_>, &[Pack]) -> Event,
) -> Result<(), yilian_client::ClientError> {
    let packs: Vec<Pack> = codes
        .iter()
        .map(|pack| Pack::new(pack.code().clone()))
        .collect();
    let event = make(&maker(), &packs);
    let capture = Capture {
        packs,
        action,
        event,
        prescription: None,
    };
    let (handler, book) = (&person.handler, &mut person.book);
    handler
        .append(session, book, &capture, now(), &mut rand::rng())
        .await
        .map(drop)
}

pub fn maker() -> EventMaker<'static> {
    EventMaker {
        time: jiff::Timestamp::now(),
        place: None,
        temperature: None,
        expired: None,
    }
}

/// A pack of batch `L7` with a fresh secret.
pub fn pack(serial: &str) -> Pack {
    let identity = Identity::Gs1 {
        gtin: Gtin::parse("09521141012345").unwrap(),
        serial: Code20::parse(serial, "serial number").unwrap(),
        batch: Code20::parse("L7", "batch").unwrap(),
        expiry: Expiry::parse("751231", 2026).unwrap(),
    };
    Pack::new(PackCode::new(
        identity,
        PackSecret::random(&mut rand::rng()),
    ))
}

pub fn carton() -> Pack {
    let sscc = Sscc::parse("106141411234567897").unwrap();
    Pack::new(PackCode::new(
        Identity::Container { sscc },
        PackSecret::random(&mut rand::rng()),
    ))
}

pub async fn commission(world: &mut World, packs: &[&Pack]) {
    append(
        &world.session,
        &mut world.maker,
        TraceAction::Commission,
        packs,
        |maker, packs| maker.commissioning(packs, None, &mut rand::rng()).unwrap(),
    )
    .await
    .unwrap();
}
