//! A client against a node that lies about the state: it is found out, whatever the lie.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use yilian_client::{ClientError, ConsortiumCa, Draft, Keyword, MemberCa, Session};
use yilian_crypto::{pseudonym::RegulatorSecret, seed::Seed, sign::SigningKey};
use yilian_node::{
    order::ValidatorKey,
    service::{HostedMembers, InProcess, Node, NodeOptions},
};
use yilian_protocol::{
    CertificateId, Confidentiality, MemberId, TimeMs,
    call::{Answered, Call, CallError, LookUp, Prove, Transport},
    codec::{Blob, List, Text},
    governance::EpochBlocks,
    media::MediaType,
    receipt::ReceiptError,
    registry::{Genesis, NodeKeys, Role},
    search::{Found, Pointers, RecordIndex},
    state::proof::{Operation, ProvenState},
};

use crate::clinic::{Clinic, everywhere};

/// An honest node's answers, bent on the way.
#[derive(Clone)]
struct Liar {
    honest: InProcess,
    lie: Arc<Mutex<Lie>>,
    kept: Arc<Mutex<BTreeMap<Vec<u8>, ProvenState>>>,
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
    /// Nothing stands there, by its word alone.
    Word,
}

impl Liar {
    fn lies(&self, lie: Lie) {
        *self.lie.lock().unwrap() = lie;
    }
}

impl Transport for Liar {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let Some(asked) = seen::<Prove>(&call) else {
            return self.honest.call(call).await;
        };
        let proven = self.prove(asked.clone()).await?;
        Ok(said::<C>(proven))
    }
}

/// The call, if it is of the type `X`.
pub fn seen<X: Call>(call: &dyn Any) -> Option<&X> {
    call.downcast_ref()
}

/// A bent answer in place of the honest one.
pub fn said<C: Call>(answer: impl Any) -> C::Answer {
    let answer: Box<dyn Any> = Box::new(answer);
    *answer.downcast().unwrap()
}

impl Liar {
    async fn prove(&self, Prove(keys): Prove) -> Result<ProvenState, CallError> {
        let asked: Vec<u8> = keys.iter().flat_map(|key| key.to_bytes()).collect();
        let lie = *self.lie.lock().unwrap();
        if lie == Lie::Outdated
            && let Some(kept) = self.kept.lock().unwrap().get(&asked)
        {
            return Ok(kept.clone());
        }
        if lie == Lie::Word {
            return Err(CallError::not_found("grant"));
        }
        let absent = yilian_protocol::StateKey::of("no such table", b"");
        let denial = self.honest.call(Prove(List::new(vec![absent]).unwrap()));
        let denial = denial.await?;
        let mut proven = self.honest.call(Prove(keys)).await?;
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
        if lie == Lie::None {
            let mut kept = self.kept.lock().unwrap();
            kept.entry(asked).or_insert_with(|| proven.clone());
        }
        Ok(proven)
    }
}

#[derive(Debug)]
struct NoIdentities;

impl HostedMembers for NoIdentities {
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
    let genesis = genesis(&validator, &consortium);
    let node = Node::start(NodeOptions::alone(
        directory.path().to_owned(),
        genesis.clone(),
        validator,
        Arc::new(NoIdentities),
    ))
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
        NodeKeys::of(&SigningKey::from_seed(&[4; 32])),
    );
    ConsortiumCa::new(consortium)
        .admit(&session, hospital.member().clone())
        .await
        .unwrap();
    let seed = Seed::random(&mut rand::rng());
    let certificate = hospital.certificate(
        Text::new("Dr. Who").unwrap(),
        Role::Doctor,
        &seed,
        now(),
        now().plus_ms(1_000_000),
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

    // What is not there is proven not to be there; the node's word is not enough.
    let nothing = yilian_protocol::GrantId::from_bytes([7; 32]);
    liar.lies(Lie::None);
    assert_eq!(session.find_grant(nothing).await.unwrap(), None);
    liar.lies(Lie::Word);
    let told = session.find_grant(nothing).await;
    let word = ClientError::Call(CallError::not_found("grant"));
    assert_eq!(told.unwrap_err(), word);

    // The certificate is taken back, and the node goes on proving that it stands.
    liar.lies(Lie::None);
    hospital
        .revoke(&session, id, Text::new("left").unwrap())
        .await
        .unwrap();
    liar.lies(Lie::Outdated);
    let told = session.certificate(id).await.unwrap_err();
    assert_eq!(told, ClientError::Receipt(ReceiptError::Outdated));
    goes_on(&liar, &session, id).await;
    liar.lies(Lie::None);
    assert!(session.certificate(id).await.unwrap().revoked.is_some());
    assert_eq!(session.members().await.unwrap().len(), 1);
}

/// A new session saw nothing yet, and believes an old state; one that goes on from where `session`
/// was does not, nor that what it asks for is not there.
async fn goes_on(liar: &Liar, session: &Session<Liar>, certificate: CertificateId) {
    let again = Session::open(liar.clone(), session.genesis().clone()).await;
    let again = again.unwrap();
    let believed = again.certificate(certificate).await.unwrap();
    assert!(believed.revoked.is_none());
    again.go_on_from(session.seen().unwrap());
    let nothing = yilian_protocol::GrantId::from_bytes([7; 32]);
    for told in [
        again.certificate(certificate).await.map(drop),
        again.find_grant(nothing).await.map(drop),
    ] {
        let fault = told.unwrap_err();
        assert_eq!(fault, ClientError::Receipt(ReceiptError::Outdated));
    }
}

/// Keeps the last entry of everything back, or gives another record's index.
struct Keeper {
    honest: InProcess,
    keep: Arc<Mutex<Keep>>,
    /// The address whose entry is denied.
    hidden: Arc<Mutex<Option<yilian_crypto::search::Address>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Nothing,
    /// Denies the entry that was looked up last and found.
    Entry,
    /// Finds one record less than the trapdoor covers.
    Result,
    /// Says that a record's index is another.
    Index,
}

impl Transport for Keeper {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let keep = *self.keep.lock().unwrap();
        let mut answer = self.honest.call(call.clone()).await?;
        let bent: &mut dyn Any = &mut answer;
        if let Some(LookUp(lookup)) = seen(&call) {
            let pointers: &mut Pointers = bent.downcast_mut().unwrap();
            let mut hidden = self.hidden.lock().unwrap();
            for (address, pointer) in lookup.addresses.iter().zip(&mut pointers.0) {
                if keep == Keep::Nothing && pointer.is_some() {
                    *hidden = Some(*address);
                } else if keep == Keep::Entry && *hidden == Some(*address) {
                    *pointer = None;
                }
            }
        } else if let Some(found) = bent.downcast_mut::<Vec<Found>>()
            && keep == Keep::Result
        {
            for found in found {
                *found.records.last_mut().unwrap() = None;
            }
        } else if let Some(index) = bent.downcast_mut::<RecordIndex>()
            && keep == Keep::Index
        {
            let mut entries = index.entries().to_vec();
            entries.reverse();
            *index = RecordIndex::new(entries).unwrap();
        }
        Ok(answer)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_keeps_index_entries_back_is_found_out() {
    let (keep, hidden) = (Arc::new(Mutex::new(Keep::Nothing)), Arc::default());
    let clinic = Clinic::new(|honest| Keeper {
        honest,
        keep: Arc::clone(&keep),
        hidden,
    })
    .await;
    let (session, doctor) = (&clinic.session, clinic.doctor());
    let (mut patient, mut rng) = (clinic.patient(), rand::rng());
    let word = Keyword::new("word:gout").unwrap();
    for visit in 0..3 {
        let token = patient.check_in(session, clinic.visit(), &mut rng);
        let checked = doctor.check_in(session, &token, now()).unwrap();
        let draft = Draft {
            confidentiality: Confidentiality::Clinical,
            media: MediaType::FhirJson,
            content: format!("{{\"visit\":{visit}}}").into_bytes(),
            keywords: vec![word.clone(), Keyword::new(format!("word:{visit}")).unwrap()],
        };
        doctor
            .seal(session, &checked, vec![draft], now(), &mut rng)
            .await
            .unwrap();
    }

    let request = everywhere(vec![word]);
    assert_eq!(
        patient.search(session, &request).await.unwrap().hits.len(),
        3
    );
    let check = || patient.check_search(session, &request);
    assert_eq!(check().await.unwrap().entries, 48);

    let withheld = ClientError::Withheld {
        hospital: clinic.hospital.id(),
    };
    *keep.lock().unwrap() = Keep::Result;
    let found = patient.search(session, &request).await;
    assert_eq!(found.unwrap_err(), withheld);

    // A search alone believes the count; the check does not.
    *keep.lock().unwrap() = Keep::Entry;
    assert!(patient.search(session, &request).await.unwrap().hits.len() < 3);
    assert_eq!(check().await.unwrap_err(), withheld);

    *keep.lock().unwrap() = Keep::Index;
    assert_eq!(
        check().await.unwrap_err(),
        ClientError::Receipt(ReceiptError::State)
    );
}

pub fn genesis(validator: &ValidatorKey, consortium: &SigningKey) -> Genesis {
    Genesis {
        name: Text::new("test").unwrap(),
        created: TimeMs::new(1),
        ca: consortium.verifying_key(),
        regulators: RegulatorSecret::from_seed(&[2; 32]).public().into(),
        group_key: Blob::new(validator.group_key().unwrap().to_vec()).unwrap(),
        governance: validator.alone(EpochBlocks::DEFAULT).unwrap(),
    }
}

pub fn now() -> TimeMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    TimeMs::new(u64::try_from(since.unwrap().as_millis()).unwrap())
}
