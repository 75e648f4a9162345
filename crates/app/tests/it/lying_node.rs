//! A client against a node that lies about the state: it is found out, whatever the lie.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use yilian_client::{ClientError, ConsortiumCa, MemberCa, Session};
use yilian_crypto::{pseudonym::RegulatorSecret, seed::Seed, sign::SigningKey};
use yilian_node::{
    order::ValidatorKey,
    service::{Identities, InProcess, Node, NodeOptions},
};
use yilian_protocol::{
    MemberId, TimeMs,
    codec::{Blob, List, Text},
    receipt::ReceiptError,
    registry::{Genesis, Role},
    state::proof::Operation,
    transport::{CallError, Request, Response, Transport},
};

/// An honest node's answers, bent on the way.
#[derive(Clone)]
struct Liar {
    honest: InProcess,
    lie: Arc<Mutex<Lie>>,
    kept: Arc<Mutex<BTreeMap<Vec<u8>, Response>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Lie {
    None,
    /// What was proven first is proven for ever.
    Outdated,
    /// Another value.
    Value,
    /// Nothing stands there, by the proof of another key's absence.
    Denial,
    /// The state of a block that nobody certified.
    Header,
}

impl Liar {
    fn lies(&self, lie: Lie) {
        *self.lie.lock().unwrap() = lie;
    }
}

impl Transport for Liar {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        let Request::Prove(keys) = &request else {
            return self.honest.call(request).await;
        };
        let asked: Vec<u8> = keys.iter().flat_map(|key| key.to_bytes()).collect();
        let lie = *self.lie.lock().unwrap();
        if lie == Lie::Outdated
            && let Some(kept) = self.kept.lock().unwrap().get(&asked)
        {
            return Ok(kept.clone());
        }
        let absent = yilian_protocol::StateKey::of("no such table", b"");
        let denial = self
            .honest
            .call(Request::Prove(List::new(vec![absent]).unwrap()));
        let denial = denial.await?;
        let mut answer = self.honest.call(request.clone()).await?;
        if let (Response::Proven(proven), Response::Proven(denial)) = (&mut answer, denial) {
            let mut proofs = proven.proofs.to_vec();
            match (lie, &mut proofs[0].operation) {
                (Lie::Value, Operation::Update(update)) => {
                    let mut bytes = update.value.as_slice().to_vec();
                    *bytes.last_mut().unwrap() ^= 1;
                    update.value = Blob::new(bytes).unwrap();
                }
                (Lie::Denial, _) => proofs[0] = denial.proofs[0].clone(),
                (Lie::Header, _) => proven.header.time = proven.header.time.plus_ms(1),
                _ => {}
            }
            proven.proofs = List::new(proofs).unwrap();
        }
        if lie == Lie::None {
            self.kept
                .lock()
                .unwrap()
                .entry(asked)
                .or_insert_with(|| answer.clone());
        }
        Ok(answer)
    }
}

#[derive(Debug)]
struct NoIdentities;

impl Identities for NoIdentities {
    fn members(&self) -> Vec<MemberId> {
        Vec::new()
    }

    fn key(&self, _member: MemberId) -> Option<SigningKey> {
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_can_neither_invent_nor_change_nor_hide_nor_take_back_an_entry() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::generate();
    let consortium = SigningKey::from_seed(&[1; 32]);
    let genesis = Genesis {
        name: Text::new("test").unwrap(),
        created: TimeMs::new(1),
        ca: consortium.verifying_key(),
        regulators: RegulatorSecret::from_seed(&[2; 32]).public(),
        group_key: Blob::new(validator.group_key().unwrap().to_vec()).unwrap(),
    };
    let node = Node::start(NodeOptions {
        directory: directory.path().to_owned(),
        genesis: genesis.clone(),
        validator,
        identities: Arc::new(NoIdentities),
    })
    .unwrap();
    let node = Arc::new(node);
    let liar = Liar {
        honest: InProcess::new(Arc::clone(&node)),
        lie: Arc::new(Mutex::new(Lie::None)),
        kept: Arc::default(),
    };
    let session = Session::open(liar.clone(), genesis).await.unwrap();
    assert_eq!(session.members().await.unwrap(), []);

    let hospital = MemberCa::new(
        SigningKey::from_seed(&[3; 32]),
        Text::new("North").unwrap(),
        SigningKey::from_seed(&[4; 32]).verifying_key(),
    );
    ConsortiumCa::new(consortium)
        .admit(&session, hospital.member().clone())
        .await
        .unwrap();
    let now = TimeMs::new(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis() as u64,
    );
    let seed = Seed::random(&mut rand::rng());
    let certificate = hospital.certificate(
        Text::new("Dr. Who").unwrap(),
        Role::Doctor,
        &seed,
        now,
        now.plus_ms(1_000_000),
    );
    let id = certificate.id();
    hospital.certify(&session, certificate).await.unwrap();
    assert!(session.certificate(id).await.unwrap().revoked.is_none());

    for (lie, fault) in [
        (Lie::Value, ReceiptError::State),
        (Lie::Denial, ReceiptError::State),
        (Lie::Header, ReceiptError::Finality),
    ] {
        liar.lies(lie);
        let told = session.certificate(id).await;
        assert_eq!(told.unwrap_err(), ClientError::Receipt(fault));
    }

    // The certificate is taken back, and the node goes on proving that it stands.
    liar.lies(Lie::None);
    hospital
        .revoke(&session, id, Text::new("left").unwrap())
        .await
        .unwrap();
    liar.lies(Lie::Outdated);
    let told = session.certificate(id).await;
    assert_eq!(
        told.unwrap_err(),
        ClientError::Receipt(ReceiptError::Outdated)
    );
    liar.lies(Lie::None);
    assert!(session.certificate(id).await.unwrap().revoked.is_some());
    assert_eq!(session.members().await.unwrap().len(), 1);
}
