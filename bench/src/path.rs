//! A 20 kB record's way from a doctor to a second doctor, on a network of one embedded validator:
//! real consensus, real files, every check on.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use yilian_client::{
    CheckIn, ConsortiumCa, Doctor, Draft, GrantRequest, Keyword, MemberCa, Patient, Session, Wallet,
};
use yilian_crypto::{pseudonym::RegulatorSecret, seed::Seed, sign::SigningKey};
use yilian_node::{
    order::ValidatorKey,
    service::{HostedMembers, InProcess, Node, NodeOptions},
};
use yilian_protocol::{
    Confidentiality, MemberId, Quarter, TimeMs,
    call::Form,
    codec::{Blob, Text},
    governance::EpochBlocks,
    grant::Purpose,
    media::MediaType,
    registry::{Genesis, NodeKeys, Role},
};

use crate::row::{Row, Unit};

const ROUNDS: usize = 200;
const WARM_UP: usize = 10;
const RECORD: usize = 20_000;
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// Measures every step.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let directory = tempfile::tempdir()?;
    let mut cast = Cast::new(directory.path()).await?;
    let mut times = Times::default();
    for round in 0..WARM_UP + ROUNDS {
        if round == WARM_UP {
            times = Times::default();
        }
        cast.round(&mut times).await?;
    }
    cast.grants(&mut times).await?;
    Ok(times.rows())
}

#[derive(Default)]
struct Times {
    check_in: Vec<Duration>,
    seal: Vec<Duration>,
    open: Vec<Duration>,
    share: Vec<Duration>,
    read: Vec<Duration>,
    all: Vec<Duration>,
    grant_read: Vec<Duration>,
    bytes: usize,
}

impl Times {
    fn rows(self) -> Vec<Row> {
        let row = |name, times| Row::new(name, Unit::Ms, times);
        vec![
            row("path.check-in", self.check_in),
            row("path.seal", self.seal).bytes(self.bytes),
            row("path.open-own", self.open).bytes(RECORD),
            row("path.share", self.share),
            row("path.read", self.read).bytes(RECORD),
            row("path.seal-to-read", self.all).bytes(RECORD),
            row("path.grant-read", self.grant_read).bytes(RECORD),
        ]
    }
}

/// The people, and a node in this process.
struct Cast {
    session: Session<InProcess>,
    hospital: MemberId,
    doctor: Doctor,
    reader: Doctor,
    patient: Patient,
}

/// One hospital, and the seed of its node's key.
#[derive(Debug)]
pub struct OneHospital(pub MemberId, pub [u8; 32]);

impl HostedMembers for OneHospital {
    fn members(&self) -> Vec<MemberId> {
        vec![self.0]
    }

    fn key(&self, member: MemberId) -> Option<SigningKey> {
        (member == self.0).then(|| SigningKey::from_seed(&self.1))
    }
}

/// What a network of this CA begins with.
pub fn genesis(consortium: &SigningKey, validator: &ValidatorKey) -> anyhow::Result<Genesis> {
    Ok(Genesis {
        name: Text::new("Benchmark")?,
        created: now(),
        ca: consortium.verifying_key(),
        regulators: RegulatorSecret::random(&mut rand::rng()).public().into(),
        group_key: Blob::new(validator.group_key()?.to_vec())?,
        governance: validator.alone(EpochBlocks::DEFAULT)?,
    })
}

/// Starts a node of a network of its own.
pub fn start(
    directory: &std::path::Path,
    consortium: &SigningKey,
    identities: Arc<dyn HostedMembers>,
) -> anyhow::Result<(Arc<Node>, Genesis)> {
    let validator = ValidatorKey::generate();
    let genesis = genesis(consortium, &validator)?;
    let node = Node::start(NodeOptions::alone(
        directory.to_owned(),
        genesis.clone(),
        validator,
        identities,
    ))?;
    Ok((Arc::new(node), genesis))
}

impl Cast {
    async fn new(directory: &std::path::Path) -> anyhow::Result<Self> {
        let rng = &mut rand::rng();
        let (consortium, ca) = (SigningKey::random(rng), SigningKey::random(rng));
        let node_seed: [u8; 32] = rand::RngExt::random(rng);
        let node_key = SigningKey::from_seed(&node_seed);
        let ca = MemberCa::new(ca, Text::new("Hospital")?, NodeKeys::of(&node_key));
        let identities = Arc::new(OneHospital(ca.id(), node_seed));
        let (node, genesis) = start(directory, &consortium, identities)?;
        let session = Session::open(InProcess::new(node), genesis).await?;
        ConsortiumCa::new(consortium)
            .admit(&session, ca.member().clone())
            .await?;
        let doctor = certified(&session, &ca, "Dr First").await?;
        let reader = certified(&session, &ca, "Dr Second").await?;
        let patient = Patient::new(&Seed::random(rng), Wallet::new(session.chain()));
        Ok(Self {
            hospital: ca.id(),
            session,
            doctor,
            reader,
            patient,
        })
    }

    /// One visit: sealed by the first doctor, shared, and read by the second.
    async fn round(&mut self, times: &mut Times) -> anyhow::Result<()> {
        let rng = &mut rand::rng();
        let start = Instant::now();
        let request = CheckIn {
            hospital: self.hospital,
            period: Quarter::new(2026, 4)?,
            private: false,
            expires: now().plus_ms(HOUR_MS),
        };
        let token = self.patient.check_in(&self.session, request, rng);
        let visit = self.doctor.check_in(&self.session, &token, now())?;
        times.check_in.push(start.elapsed());

        let draft = Draft {
            confidentiality: Confidentiality::Clinical,
            media: MediaType::FhirJson,
            content: vec![b'x'; RECORD],
            keywords: (0..10)
                .filter_map(|number| Keyword::new(format!("word:{number}")).ok())
                .collect(),
        };
        let whole = Instant::now();
        let sealed = self
            .doctor
            .seal(&self.session, &visit, vec![draft], now(), rng)
            .await?;
        times.seal.push(whole.elapsed());
        times.bytes = sealed.bytes;
        let [record] = sealed.records.as_slice() else {
            anyhow::bail!("one draft, one record")
        };

        let start = Instant::now();
        let reader = self.reader.certificate();
        let share = self
            .patient
            .share(&self.session, *record, reader, Form::Gt, rng)
            .await?;
        times.share.push(start.elapsed());
        let start = Instant::now();
        let (_, read) = self.reader.open_share(&self.session, &share).await?;
        times.read.push(start.elapsed());
        times.all.push(whole.elapsed());
        anyhow::ensure!(
            read.content().len() == RECORD,
            "the record came back changed"
        );

        let start = Instant::now();
        self.patient.open(&self.session, *record).await?;
        times.open.push(start.elapsed());
        Ok(())
    }

    /// Every record once more, under a standing grant.
    async fn grants(&mut self, times: &mut Times) -> anyhow::Result<()> {
        let request = GrantRequest {
            reader: self.reader.certificate(),
            purpose: Purpose::Treatment,
            confidentialities: vec![Confidentiality::Clinical],
            from: now(),
            until: now().plus_ms(HOUR_MS),
            future: Vec::new(),
            holders: vec![self.hospital],
            threshold: 1,
            emergency: false,
        };
        let letter = self
            .patient
            .grant(&self.session, request, &mut rand::rng())
            .await?
            .letter;
        for named in letter.records.iter() {
            let start = Instant::now();
            self.reader
                .read(
                    &self.session,
                    &letter,
                    named.record,
                    now(),
                    &mut rand::rng(),
                )
                .await?;
            times.grant_read.push(start.elapsed());
        }
        Ok(())
    }
}

async fn certified(
    session: &Session<InProcess>,
    ca: &MemberCa,
    name: &str,
) -> anyhow::Result<Doctor> {
    let seed = Seed::random(&mut rand::rng());
    let until = now().plus_ms(24 * HOUR_MS);
    let certificate = ca.certificate(Text::new(name)?, Role::Doctor, &seed, now(), until);
    ca.certify(session, certificate.clone()).await?;
    Ok(Doctor::new(&seed, &certificate)?)
}

pub fn now() -> TimeMs {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    TimeMs::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
