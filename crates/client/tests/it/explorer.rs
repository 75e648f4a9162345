//! Looking things up at a node that tells the truth, and at one that bends it.

use std::sync::{Arc, Mutex};

use yilian_client::{
    ClientError, Session,
    explorer::{self, Found},
};
use yilian_node::service::InProcess;
use yilian_protocol::{
    BlockId, Height, TransactionId,
    call::{Answered, Block, Call, CallError, GetBlock, GetReceipt, Transport},
    codec::{Blob, Text},
    receipt::ReceiptError,
    refusal::{Outcome, Refusal},
    tx::Body,
};

use crate::{
    crooked::{said, seen},
    world::{World, hospital},
};

type Bend = fn(&mut Block);

/// A node that bends every block that it tells, and denies transactions.
#[derive(Clone)]
struct Liar {
    honest: InProcess,
    bend: Arc<Mutex<Bend>>,
}

impl Transport for Liar {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        if let Some(GetBlock { height }) = seen(&call) {
            let mut block = self.honest.call(GetBlock { height: *height }).await?;
            let bend = *self.bend.lock().unwrap();
            bend(&mut block);
            return Ok(said::<C>(block));
        }
        if seen::<GetReceipt>(&call).is_some() {
            return Err(CallError::not_found("transaction"));
        }
        self.honest.call(call).await
    }
}

async fn liar(world: &World) -> (Session<Liar>, Arc<Mutex<Bend>>) {
    let honest: Bend = |_| {};
    let bend = Arc::new(Mutex::new(honest));
    let liar = Liar {
        honest: world.transport.clone(),
        bend: Arc::clone(&bend),
    };
    let genesis = world.session.genesis().clone();
    (Session::open(liar, genesis).await.unwrap(), bend)
}

/// The first block with a transaction.
async fn admission(world: &World) -> Block {
    let latest = world.session.latest().await.unwrap().height.get();
    for height in 1..=latest {
        let block = explorer::block(&world.session, Height::new(height));
        let block = block.await.unwrap();
        if !block.transactions.is_empty() {
            return block;
        }
    }
    panic!("no transaction came onto the chain");
}

#[tokio::test]
async fn every_block_is_verified_down_to_the_first() {
    let world = World::with(2).await;
    let block = admission(&world).await;
    assert!(matches!(block.transactions[0].body, Body::Admit(_)));
    let first = explorer::block(&world.session, Height::new(0));
    let first = first.await.unwrap();
    assert_eq!(first.header.count, 0);
    let above = world.session.latest().await.unwrap().height.get() + 1_000;
    let error = explorer::block(&world.session, Height::new(above));
    let error = error.await.unwrap_err();
    assert!(matches!(
        error,
        ClientError::Call(CallError::NotFound { .. })
    ));
}

/// A lie about a block with one transaction, and how it is found out.
const LIES: [(&str, Bend, ReceiptError); 9] = [
    (
        "another name was admitted",
        |block| {
            if let Some(Body::Admit(member)) = body(block) {
                member.name = Text::new("Elsewhere").unwrap();
            }
        },
        ReceiptError::OtherTransaction,
    ),
    (
        "it was refused",
        |block| block.transactions[0].outcome = Outcome::Refused(Refusal::MemberExists),
        ReceiptError::Inclusion,
    ),
    (
        "it never was",
        |block| drop(block.transactions.pop()),
        ReceiptError::Inclusion,
    ),
    (
        "it never was, and the header agrees",
        |block| {
            drop(block.transactions.pop());
            block.header.count -= 1;
            block.id = block.header.id();
        },
        ReceiptError::Inclusion,
    ),
    (
        "it has another id",
        |block| block.transactions[0].id = TransactionId::from_bytes([7; 32]),
        ReceiptError::OtherTransaction,
    ),
    (
        "it was later",
        |block| {
            block.header.time = block.header.time.plus_ms(1);
            block.id = block.header.id();
        },
        ReceiptError::Finality,
    ),
    (
        "the block has another name",
        |block| block.id = BlockId::from_bytes([7; 32]),
        ReceiptError::Finality,
    ),
    (
        "nobody certified it",
        |block| block.finality = Blob::new(Vec::new()).unwrap(),
        ReceiptError::Finality,
    ),
    (
        "it is higher",
        |block| {
            block.header.height = block.header.height.next();
            block.id = block.header.id();
        },
        ReceiptError::Finality,
    ),
];

#[tokio::test]
async fn no_lie_about_a_block_is_believed() {
    let world = World::with(1).await;
    let height = admission(&world).await.header.height;
    let (session, bend) = liar(&world).await;
    assert!(explorer::block(&session, height).await.is_ok());
    for (name, lie, error) in LIES {
        *bend.lock().unwrap() = lie;
        let found = explorer::block(&session, height).await;
        assert_eq!(found.unwrap_err(), ClientError::Receipt(error), "{name}");
    }
    // The one block without a certificate is bound by the one above it.
    *bend.lock().unwrap() = |block| {
        if block.header.height == Height::new(0) {
            block.header.time = block.header.time.plus_ms(1);
            block.id = block.header.id();
        }
    };
    let found = explorer::block(&session, Height::new(0)).await;
    let error = ClientError::Receipt(ReceiptError::Finality);
    assert_eq!(found.unwrap_err(), error);
}

fn body(block: &mut Block) -> Option<&mut Body> {
    block.transactions.first_mut().map(|first| &mut first.body)
}

#[tokio::test]
async fn whatever_a_hash_names_is_found() {
    let world = World::with(1).await;
    let doctor = world.doctor(0, "Dr Li").await;
    let mut patient = world.patient();
    let member = hospital(0).id();
    let record = world.visit(&mut patient, member, &doctor, "a cough").await;
    let find = async |hash: &[u8; 32]| explorer::find(&world.session, *hash).await.unwrap();
    assert!(matches!(
        find(member.as_bytes()).await,
        Some(Found::Member(_))
    ));
    assert!(matches!(
        find(record.as_bytes()).await,
        Some(Found::Record(_))
    ));
    let certificate = world.session.certificates(member).await.unwrap()[0]
        .certificate
        .id();
    assert!(matches!(
        find(certificate.as_bytes()).await,
        Some(Found::Certificate(_))
    ));
    let transaction = admission(&world).await.transactions[0].id;
    assert!(matches!(
        find(transaction.as_bytes()).await,
        Some(Found::Transaction(_))
    ));
    assert_eq!(find(&[9; 32]).await, None);
    // A node can deny a transaction, and nothing else.
    let (session, _) = liar(&world).await;
    let denied = explorer::find(&session, *transaction.as_bytes()).await;
    assert_eq!(denied.unwrap(), None);
    let kept = explorer::find(&session, *member.as_bytes()).await;
    assert!(matches!(kept.unwrap(), Some(Found::Member(_))));
}
