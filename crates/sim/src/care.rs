//! Patients and doctors of a simulation: a record is sealed, its scope granted to a reader, read
//! with the parts of several key holders, and the grant revoked. The clients are the product's own,
//! and verify all that they are told.

use std::sync::Arc;

use yilian_client::{
    CheckIn, ClientError, Doctor, Draft, GrantRequest, Granted, Patient, Session, Wallet,
};
use yilian_crypto::seed::Seed;
use yilian_protocol::{
    Confidentiality, Quarter, RecordId, TimeMs,
    codec::Text,
    grant::{GrantState, Purpose},
    media::MediaType,
    registry::Role,
};

use crate::{
    World,
    hospitals::{Hospitals, Way},
};

/// Parts that make a whole: one liar has not as many.
const THRESHOLD: usize = 2;
/// For as long as any simulation lasts.
const LIFE_MS: u64 = 1_000_000_000;

/// A doctor of one hospital, and the way to its node.
pub(crate) struct Practice {
    world: World,
    hospitals: Arc<Hospitals>,
    place: usize,
    session: Session<Way>,
    doctor: Doctor,
}

impl Practice {
    /// Has a doctor certified.
    pub async fn open(
        world: World,
        hospitals: Arc<Hospitals>,
        place: usize,
    ) -> Result<Self, ClientError> {
        let session = Session::open(hospitals.way(place), world.genesis.clone()).await?;
        let (seed, ca) = (Seed::random(&mut hospitals.rng()), hospitals.ca(place));
        let from = session.latest().await?.time;
        let until = from.plus_ms(LIFE_MS);
        let certificate = ca.certificate(Text::new("Doctor")?, Role::Doctor, &seed, from, until);
        ca.certify(&session, certificate.clone()).await?;
        let doctor = Doctor::new(&seed, &certificate)?;
        hospitals.note_reader(certificate.id(), seed);
        Ok(Self {
            world,
            hospitals,
            place,
            session,
            doctor,
        })
    }

    async fn now(&self) -> Result<TimeMs, ClientError> {
        Ok(self.session.latest().await?.time)
    }

    /// Treats a patient. Notes what must not be.
    ///
    /// # Errors
    /// What kept it from its end: a hospital that is behind refuses.
    pub async fn treat(&self) -> Result<(), ClientError> {
        let seed = Seed::random(&mut self.hospitals.rng());
        let mut patient = Patient::new(&seed, Wallet::new(self.session.chain()));
        let content = self.now().await?.get().to_be_bytes();
        let record = self.seal(&mut patient, &content).await?;
        let granted = self.grant(&mut patient).await?;
        self.read(&granted, record, &content).await?;

        let grant = granted.letter.grant;
        let (session, revoked) = (&self.session, GrantState::Revoked);
        let receipt = patient.set_grant(session, grant, revoked).await?;
        self.hospitals.all_reach(receipt.header.height).await?;
        // No hospital but liars serves any more, and these are too few.
        let now = self.now().await?;
        let rng = &mut self.hospitals.rng();
        let reading = self.doctor.read(session, &granted.letter, record, now, rng);
        if reading.await.is_ok() {
            let place = self.place;
            self.world
                .violated(format!("revoked grant {grant} was served at {place}"));
        }
        self.world.happened().read_in_vain += 1;
        Ok(())
    }

    async fn seal(&self, patient: &mut Patient, content: &[u8]) -> Result<RecordId, ClientError> {
        let (session, now) = (&self.session, self.now().await?);
        let check_in = CheckIn {
            hospital: self.hospitals.ca(self.place).id(),
            period: Quarter::new(2026, 4)?,
            private: false,
            expires: now.plus_ms(LIFE_MS),
        };
        let token = patient.check_in(session, check_in, &mut self.hospitals.rng());
        let visit = self.doctor.check_in(session, &token, now)?;
        let draft = Draft {
            confidentiality: Confidentiality::Clinical,
            media: MediaType::FhirJson,
            content: content.to_vec(),
            keywords: Vec::new(),
        };
        let rng = &mut self.hospitals.rng();
        let sealed = self.doctor.seal(session, &visit, vec![draft], now, rng);
        let records = sealed.await?.records;
        Ok(records[0])
    }

    async fn grant(&self, patient: &mut Patient) -> Result<Granted, ClientError> {
        let request = GrantRequest {
            reader: self.doctor.certificate(),
            purpose: Purpose::Treatment,
            confidentialities: vec![Confidentiality::Clinical],
            from: TimeMs::new(0),
            until: self.now().await?.plus_ms(LIFE_MS),
            future: Vec::new(),
            holders: self.hospitals.holders(),
            threshold: THRESHOLD,
            emergency: false,
        };
        let rng = &mut self.hospitals.rng();
        patient.grant(&self.session, request, rng).await
    }

    /// Reads, and looks who was found to have lied.
    async fn read(
        &self,
        granted: &Granted,
        record: RecordId,
        content: &[u8],
    ) -> Result<(), ClientError> {
        let (session, now) = (&self.session, self.now().await?);
        let rng = &mut self.hospitals.rng();
        let reading = self.doctor.read(session, &granted.letter, record, now, rng);
        let reading = reading.await?;
        let (named, place) = (reading.wrong.as_slice(), self.place);
        if reading.verified.content() != content {
            self.world
                .violated(format!("another record was read at {place}"));
        }
        // Each grant is read once: who lied about it lied here.
        let lied = self.hospitals.lied(granted.letter.grant);
        if named != lied {
            self.world
                .violated(format!("{named:?} were named for {lied:?} at {place}"));
        }
        self.world.happened().readings += 1;
        self.world.happened().liars_named += usize::from(!named.is_empty());
        Ok(())
    }
}
