//! Medians of the capsule operations, in microseconds: `cargo run --release -p yilian-crypto
//! --example timing`.

use std::{hint::black_box, time::Instant};

use rand::rng;
use yilian_crypto::{
    pre::{self, Capsule, Context, DelegateePublic, DelegateeSecret, Reencapsulation, Rekey},
    pseudonym::{Escrow, RegulatorSecret},
    scope::{Confidentiality, Quarter, Scope},
    seed::{PatientKeys, Seed},
};

const ROUNDS: usize = 400;

fn main() -> Result<(), yilian_crypto::Error> {
    let patient = PatientKeys::from_seed(&Seed::random(&mut rng()), &[4; 32]);
    records(&patient)?;
    visits(&patient);
    Ok(())
}

/// What is done for one record, from its scope's key to the reader who opens it.
fn records(patient: &PatientKeys) -> Result<(), yilian_crypto::Error> {
    let mut rng = rng();
    let delegator = patient.hospital(&[1; 32]).delegator;
    let visit = patient.visit(&[1; 32], 0);
    let scope = Scope {
        confidentiality: Confidentiality::Clinical,
        period: Quarter::new(2026, 4)?,
        tag: None,
    };
    let public = delegator.public();
    let secret = delegator.scope(&scope);
    let key = secret.key();
    let bob = DelegateeSecret::random(&mut rng);
    let bob_public = bob.public();
    let context = Context::new(&[4; 32], &key, &visit.nym, &[2; 32]);
    let psk = secret.psk();
    let (capsule, prover, record_key) = key.encapsulate(&context, psk, b"", &mut rng);
    let proof = prover.prove(&[6; 32], &mut rng);
    let one = psk.record(&capsule);
    let proven = capsule.verify(&key, &context, &[6; 32], &proof)?;
    let rekey = secret.rekey(&bob_public);
    let gt = Reencapsulation::from(pre::reencapsulate(&proven, &rekey));
    let lv = Reencapsulation::from(pre::reencapsulate_lv(&proven, &rekey, &mut rng));
    assert!(bob.decapsulate(&gt, &one, &context) == record_key);
    assert!(bob.decapsulate(&lv, &one, &context) == record_key);

    median("scope key", || public.scope(&scope));
    median("encapsulate", || {
        key.encapsulate(&context, psk, b"", &mut rng)
    });
    median("encapsulate with scope key", || {
        public
            .scope(&scope)
            .encapsulate(&context, psk, b"", &mut rng)
    });
    median("verify capsule", || {
        capsule.verify(&key, &context, &[6; 32], &proof)
    });
    median("rekey", || secret.rekey(&bob_public));
    median("verify rekey", || rekey.verify(&key, &bob_public));
    median("re-encapsulate GT", || pre::reencapsulate(&proven, &rekey));
    median("re-encapsulate GT to bytes", || {
        pre::reencapsulate(&proven, &rekey).to_bytes()
    });
    median("re-encapsulate LV", || {
        pre::reencapsulate_lv(&proven, &rekey, &mut rng)
    });
    median("open own", || secret.decapsulate(&proven));
    median("open delegated GT", || bob.decapsulate(&gt, &one, &context));
    median("open delegated LV", || bob.decapsulate(&lv, &one, &context));
    decoding(&gt, &capsule, &rekey, &bob_public);
    Ok(())
}

/// Reading from bytes, with its checks.
fn decoding(gt: &Reencapsulation, capsule: &Capsule, rekey: &Rekey, delegatee: &DelegateePublic) {
    let gt_bytes = gt.to_bytes();
    median("decode re-encapsulation GT", || {
        Reencapsulation::from_bytes(&gt_bytes)
    });
    median("decode capsule", || {
        Capsule::from_bytes(&capsule.to_bytes())
    });
    median("decode rekey", || Rekey::from_bytes(&rekey.to_bytes()));
    median("decode delegatee key", || {
        DelegateePublic::from_bytes(&delegatee.to_bytes())
    });
}

/// The keys of a visit, and the escrow of the patient's identity.
fn visits(patient: &PatientKeys) {
    let mut rng = rng();
    let visit = patient.visit(&[1; 32], 0);
    let regulators = RegulatorSecret::random(&mut rng).public();
    median("visit keys", || patient.visit(&[1; 32], 7));
    let escrow = Escrow::make(patient, &visit.nym_secret, &regulators, b"", &mut rng);
    median("escrow", || {
        Escrow::make(patient, &visit.nym_secret, &regulators, b"", &mut rng)
    });
    median("verify escrow", || {
        escrow.verify(&visit.nym, &regulators, b"")
    });
}

fn median<T>(name: &str, mut operation: impl FnMut() -> T) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(operation());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
    println!("{name:30} {median:8.1} us");
}
