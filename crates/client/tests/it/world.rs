//! A chain with one node, which acts for every hospital, and the people of it.

use std::sync::Arc;

use yilian_client::{
    CheckIn, ConsortiumCa, Doctor, Draft, MemberCa, Patient, Session, Wallet, calendar::days_after,
    people::Person,
};
use yilian_crypto::{
    pseudonym::{RegulatorSecret, RegulatorShare},
    seed::Seed,
    sign::SigningKey,
};
use yilian_node::{
    order::ValidatorKey,
    service::{HostedMembers, InProcess, Node, NodeOptions},
};
use yilian_protocol::{
    Confidentiality, MemberId, RecordId, TimeMs,
    codec::{Blob, Text},
    governance::EpochBlocks,
    media::MediaType,
    registry::{Genesis, NodeKeys, Role},
};

/// Hospitals that the node acts for, whether or not they are admitted.
const HOSPITALS: u8 = 7;

#[derive(Debug)]
struct Hospitals;

/// The CA of hospital `number`; they have names of their own.
pub fn hospital(number: u8) -> MemberCa {
    called(number, &format!("Hospital {number}"))
}

/// The CA of hospital `number` under another name.
pub fn called(number: u8, name: &str) -> MemberCa {
    let ca = SigningKey::from_seed(&[10 + number; 32]);
    let node = NodeKeys::of(&node_key(number));
    MemberCa::new(ca, Text::new(name).unwrap(), node)
}

fn node_key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[50 + number; 32])
}

impl HostedMembers for Hospitals {
    fn members(&self) -> Vec<MemberId> {
        (0..HOSPITALS).map(|number| hospital(number).id()).collect()
    }

    fn key(&self, member: MemberId) -> Option<SigningKey> {
        let number = (0..HOSPITALS).find(|number| hospital(*number).id() == member)?;
        Some(node_key(number))
    }
}

pub fn now() -> TimeMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    TimeMs::new(u64::try_from(since.unwrap().as_millis()).unwrap())
}

pub struct World {
    pub session: Session<InProcess>,
    pub transport: InProcess,
    pub consortium: ConsortiumCa,
    /// Three shares of the regulators' key, of which it takes two.
    pub regulators: Vec<RegulatorShare>,
    _folder: tempfile::TempDir,
}

impl World {
    /// A chain with the first `members` hospitals.
    pub async fn with(members: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (validator, consortium) = (ValidatorKey::generate(), SigningKey::from_seed(&[1; 32]));
        let dealt = RegulatorSecret::from_seed(&[2; 32]).deal(2, 3, &mut rand::rng());
        let (keys, regulators) = dealt.unwrap();
        let genesis = Genesis {
            name: Text::new("people").unwrap(),
            created: now(),
            ca: consortium.verifying_key(),
            regulators: keys.into(),
            group_key: Blob::new(validator.group_key().unwrap().to_vec()).unwrap(),
            governance: validator.alone(EpochBlocks::DEFAULT).unwrap(),
        };
        let node = Node::start(NodeOptions::alone(
            folder.path().to_owned(),
            genesis.clone(),
            validator,
            Arc::new(Hospitals),
        ));
        let node = InProcess::new(Arc::new(node.unwrap()));
        let world = Self {
            transport: node.clone(),
            session: Session::open(node, genesis).await.unwrap(),
            consortium: ConsortiumCa::new(consortium),
            regulators,
            _folder: folder,
        };
        for number in 0..members {
            world.admit(&hospital(number)).await;
        }
        world
    }

    pub async fn admit(&self, ca: &MemberCa) {
        let member = ca.member().clone();
        self.consortium.admit(&self.session, member).await.unwrap();
    }

    /// Certifies a person with fresh keys.
    pub async fn certify(&self, ca: &MemberCa, name: &str, role: Role, days: u64) -> Person {
        let seed = Seed::random(&mut rand::rng());
        let name = Text::new(name).unwrap();
        let until = days_after(now(), days);
        let certificate = ca.certificate(name, role, &seed, now(), until);
        ca.certify(&self.session, certificate.clone())
            .await
            .unwrap();
        Person::new(seed, certificate).unwrap()
    }

    pub async fn doctor(&self, number: u8, name: &str) -> Doctor {
        let ca = hospital(number);
        let person = self.certify(&ca, name, Role::Doctor, 1).await;
        person.doctor().unwrap()
    }

    pub fn patient(&self) -> Patient {
        let wallet = Wallet::new(self.session.chain());
        Patient::new(&Seed::random(&mut rand::rng()), wallet)
    }

    /// A visit now, of one clinical record.
    pub async fn visit(
        &self,
        patient: &mut Patient,
        hospital: MemberId,
        doctor: &Doctor,
        text: &str,
    ) -> RecordId {
        let request = CheckIn::at(hospital, now());
        let drafts = vec![clinical(text)];
        self.seal(patient, request, doctor, drafts).await[0]
    }

    pub async fn seal(
        &self,
        patient: &mut Patient,
        request: CheckIn,
        doctor: &Doctor,
        drafts: Vec<Draft>,
    ) -> Vec<RecordId> {
        let token = patient.check_in(&self.session, request, &mut rand::rng());
        let visit = doctor.check_in(&self.session, &token, now()).unwrap();
        let rng = &mut rand::rng();
        let sealed = doctor.seal(&self.session, &visit, drafts, now(), rng);
        sealed.await.unwrap().records
    }
}

pub fn clinical(text: &str) -> Draft {
    Draft {
        confidentiality: Confidentiality::Clinical,
        media: MediaType::FhirJson,
        content: text.as_bytes().to_vec(),
        keywords: Vec::new(),
    }
}
