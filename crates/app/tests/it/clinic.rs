//! A chain of one node, with one hospital and a doctor of it.

use std::sync::Arc;

use yilian_client::{
    CheckIn, ConsortiumCa, Doctor, Keyword, MemberCa, Patient, SearchRequest, Session, Wallet,
};
use yilian_crypto::{seed::Seed, sign::SigningKey};
use yilian_node::{
    order::ValidatorKey,
    service::{HostedMembers, InProcess, Node, NodeOptions},
};
use yilian_protocol::{
    MemberId, Quarter,
    call::Transport,
    codec::Text,
    registry::{Certificate, NodeKeys, Role},
};

use crate::lying_node::{genesis, now};

#[derive(Debug)]
pub struct OneHospital(pub MemberId);

impl HostedMembers for OneHospital {
    fn members(&self) -> Vec<MemberId> {
        vec![self.0]
    }

    fn key(&self, member: MemberId) -> Option<SigningKey> {
        (member == self.0).then(|| SigningKey::from_seed(&[4; 32]))
    }
}

/// A hospital, the node that serves it, and a doctor of it. Calls to the node go over `T`.
pub struct Clinic<T> {
    pub session: Session<T>,
    pub hospital: MemberCa,
    seed: Seed,
    certificate: Certificate,
    _directory: tempfile::TempDir,
}

impl<T: Transport> Clinic<T> {
    /// Its session speaks over what `transport` makes of the node.
    pub async fn new(transport: impl FnOnce(InProcess) -> T) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let validator = ValidatorKey::generate();
        let consortium = SigningKey::from_seed(&[1; 32]);
        let hospital = MemberCa::new(
            SigningKey::from_seed(&[3; 32]),
            Text::new("North").unwrap(),
            NodeKeys::of(&SigningKey::from_seed(&[4; 32])),
        );
        let genesis = genesis(&validator, &consortium);
        let node = Node::start(NodeOptions::alone(
            directory.path().to_owned(),
            genesis.clone(),
            validator,
            Arc::new(OneHospital(hospital.id())),
        ));
        let transport = transport(InProcess::new(Arc::new(node.unwrap())));
        let session = Session::open(transport, genesis).await.unwrap();
        let member = hospital.member().clone();
        let ca = ConsortiumCa::new(consortium);
        ca.admit(&session, member).await.unwrap();
        let seed = Seed::random(&mut rand::rng());
        let name = Text::new("Dr. Who").unwrap();
        let until = now().plus_ms(1_000_000);
        let certificate = hospital.certificate(name, Role::Doctor, &seed, now(), until);
        let certified = certificate.clone();
        hospital.certify(&session, certified).await.unwrap();
        Self {
            session,
            hospital,
            seed,
            certificate,
            _directory: directory,
        }
    }

    /// A device of the doctor, which knows of no other.
    pub fn doctor(&self) -> Doctor {
        Doctor::new(&self.seed, &self.certificate).unwrap()
    }

    pub fn patient(&self) -> Patient {
        let wallet = Wallet::new(self.session.chain());
        Patient::new(&Seed::random(&mut rand::rng()), wallet)
    }

    pub fn visit(&self) -> CheckIn {
        CheckIn {
            hospital: self.hospital.id(),
            period: Quarter::new(2026, 4).unwrap(),
            private: false,
            expires: now().plus_ms(1_000_000),
        }
    }
}

/// What is sought in all hospitals and quarters.
pub fn everywhere(words: Vec<Keyword>) -> SearchRequest {
    SearchRequest {
        words,
        hospital: None,
        from: None,
        until: None,
    }
}
