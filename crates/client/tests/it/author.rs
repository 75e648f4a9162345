//! An author whose program is his own.

use yilian_client::{CheckIn, ClientError, Doctor, Keyword, Patient, Session};
use yilian_crypto::{
    search::{Counter, IndexContext, IndexEntry, IndexKey, padded},
    seed::{MemberKeys, Seed},
};
use yilian_node::service::InProcess;
use yilian_protocol::{
    CertificateId, Confidentiality, RecordId,
    authored::Authored,
    call::SealRequest,
    codec::Text,
    media::MediaType,
    registry::{Certificate, Role},
    sealed::SealedObject,
    search::RecordIndex,
    visit::CheckedVisit,
};

use crate::world::{World, clinical, hospital, now};

/// An author who seals with a program of his own.
pub struct Author {
    pub keys: MemberKeys,
    pub certificate: Certificate,
    pub doctor: Doctor,
}

impl Author {
    pub async fn certified(world: &World, number: u8) -> Self {
        let seed = Seed::random(&mut rand::rng());
        let (ca, name) = (hospital(number), Text::new("Dr Evil").unwrap());
        let until = now().plus_ms(100_000_000);
        let certificate = ca.certificate(name, Role::Doctor, &seed, now(), until);
        ca.certify(&world.session, certificate.clone())
            .await
            .unwrap();
        Self {
            keys: MemberKeys::from_seed(&seed),
            doctor: Doctor::new(&seed, &certificate).unwrap(),
            certificate,
        }
    }

    pub fn id(&self) -> CertificateId {
        self.certificate.id()
    }

    pub fn check_in(&self, world: &World, patient: &mut Patient) -> CheckedVisit {
        let request = CheckIn::at(self.certificate.member, now());
        let token = patient.check_in(&world.session, request, &mut rand::rng());
        self.doctor.check_in(&world.session, &token, now()).unwrap()
    }

    /// Seals a record whose statement is signed with `key`, and an index with `entries`.
    pub async fn seal(
        &self,
        world: &World,
        visit: &CheckedVisit,
        key: &yilian_crypto::sign::SigningKey,
        entries: Vec<IndexEntry>,
    ) -> RecordId {
        let rng = &mut rand::rng();
        let authored = Authored::sign(
            self.id(),
            key,
            world.session.chain(),
            visit.visit().nym,
            visit.scope(Confidentiality::Clinical),
            now(),
            (MediaType::FhirJson, b"{}".to_vec()),
            rng,
        );
        let object = SealedObject::seal(&authored, visit, rng).unwrap();
        let record = object.cid().record();
        let index = RecordIndex::new(padded(entries, rng).unwrap()).unwrap();
        let author = (self.id(), &self.keys.signing);
        let request = SealRequest::sign(visit, false, vec![object], vec![index], author);
        world.session.seal(request.unwrap()).await.unwrap();
        record
    }

    /// An entry of `word`, the first of its quarter and patient, that points to `record`; or one
    /// whose pointer opens to nothing.
    pub fn entry(&self, visit: &CheckedVisit, word: &str, record: Option<RecordId>) -> IndexEntry {
        let told = visit.visit();
        let context = IndexContext {
            psk: &told.search_secret,
            chain: told.chain.as_bytes(),
            hospital: told.hospital.as_bytes(),
            quarter: told.period,
        };
        let key = IndexKey::of_writer(&self.keys.writer, &told.search, &context);
        let key = key.keyword(&Keyword::new(word).unwrap());
        let first = Counter::after(0).unwrap();
        let target = record.unwrap_or(RecordId::from_bytes([7; 32]));
        let mut entry = IndexEntry::seal(&key, first, target.as_bytes());
        if record.is_none() {
            let mut pointer = entry.pointer.to_bytes();
            pointer[39] ^= 1;
            entry.pointer = yilian_crypto::search::MaskedPointer::from_bytes(pointer);
        }
        entry
    }

    /// What an honest device would send for a record of the visit; nothing is sent.
    pub async fn request(&self, session: &Session<InProcess>, visit: &CheckedVisit) -> SealRequest {
        let mut kept = None;
        let keep = |request: &SealRequest| {
            kept = Some(request.clone());
            Err(ClientError::NoPass)
        };
        let (drafts, rng) = (vec![clinical("one")], &mut rand::rng());
        let sealed = self
            .doctor
            .seal_kept(session, visit, drafts, now(), rng, keep);
        assert_eq!(sealed.await.unwrap_err(), ClientError::NoPass);
        kept.unwrap()
    }

    /// The same record of another visit, or of one that the chain shall know already.
    pub fn again(&self, visit: &CheckedVisit, bound: bool, honest: &SealRequest) -> SealRequest {
        let objects = honest.objects.iter();
        let objects = objects.map(|object| SealedObject::parse(object.as_slice().to_vec()));
        let objects = objects.map(Result::unwrap).collect();
        let index = honest.visit.index.iter().cloned().collect();
        let author = (self.id(), &self.keys.signing);
        SealRequest::sign(visit, bound, objects, index, author).unwrap()
    }
}
