//! A patient, a hospital, a reader and their keys, the same in every run.

use std::convert::Infallible;

use rand::{TryCryptoRng, TryRng};
use yilian_crypto::{
    pre::{
        Capsule, Context, DelegateeSecret, DelegatorSecret, KnowledgeProof, ProvenCapsule,
        RecordKey, ScopeKey, ScopeSecret,
    },
    pseudonym::Nym,
    psk::RecordPsk,
    scope::{Confidentiality, Quarter, Scope},
    seed::{PatientKeys, Seed},
};

pub const CHAIN: [u8; 32] = [4; 32];
/// Digest of what is sealed.
pub const BODY: [u8; 32] = [6; 32];
pub const HOSPITAL: [u8; 32] = [1; 32];
pub const AUTHOR: [u8; 32] = [2; 32];
pub const BOB_SEED: [u8; 32] = [3; 32];

type Fill = dyn FnMut(&mut [u8]);

/// Random bytes that a test knows beforehand: given ones, or BLAKE3's output for a name.
pub struct Draws(Box<Fill>);

impl Draws {
    pub fn named(name: &str) -> Self {
        let mut reader = blake3::Hasher::new().update(name.as_bytes()).finalize_xof();
        Self(Box::new(move |out| reader.fill(out)))
    }

    /// Gives `bytes` and then panics.
    pub fn given(bytes: Vec<u8>) -> Self {
        let mut bytes = bytes.into_iter();
        Self(Box::new(move |out| {
            out.fill_with(|| bytes.next().expect("no more draws"))
        }))
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(out);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

pub fn scope(confidentiality: Confidentiality) -> Scope {
    Scope {
        confidentiality,
        period: Quarter::new(2026, 4).unwrap(),
        tag: None,
    }
}

/// One scope of one patient, and a reader.
pub struct Setting {
    pub rng: Draws,
    pub patient: PatientKeys,
    pub delegator: DelegatorSecret,
    pub secret: ScopeSecret,
    pub key: ScopeKey,
    pub nym: Nym,
    pub bob: DelegateeSecret,
}

/// One record.
pub struct Record {
    pub context: Context,
    pub capsule: Capsule,
    pub proof: KnowledgeProof,
    pub psk: RecordPsk,
    pub key: RecordKey,
}

impl Setting {
    pub fn new() -> Self {
        let patient = PatientKeys::from_seed(&Seed::from_bytes([9; 32]), &CHAIN);
        let delegator = patient.hospital(&HOSPITAL).delegator;
        let secret = delegator.scope(&scope(Confidentiality::Clinical));
        let nym = patient.visit(&HOSPITAL, 0).nym;
        let bob = DelegateeSecret::from_seed(&BOB_SEED);
        let rng = Draws::named("setting");
        Self {
            rng,
            delegator,
            key: secret.key(),
            secret,
            nym,
            patient,
            bob,
        }
    }

    pub fn record(&mut self) -> Record {
        record(&self.secret, &self.nym, &mut self.rng)
    }
}

pub fn record(secret: &ScopeSecret, nym: &Nym, rng: &mut Draws) -> Record {
    let (key, psk) = (secret.key(), secret.psk().clone());
    let context = Context::new(&CHAIN, &key, nym, &AUTHOR);
    let (capsule, prover, record_key) = key.encapsulate(&context, &psk, b"message", rng);
    let proof = prover.prove(&BODY, rng);
    let psk = psk.record(&capsule);
    Record {
        context,
        capsule,
        proof,
        psk,
        key: record_key,
    }
}

impl Record {
    pub fn prove(&self, key: &ScopeKey) -> ProvenCapsule {
        self.capsule
            .verify(key, &self.context, &BODY, &self.proof)
            .unwrap()
    }
}
