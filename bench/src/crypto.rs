//! Cryptographic operations, each beside the same job in mcl, turn by turn in one loop so that
//! noise meets both.
//!
//! mcl's rows are the textbook AFGH (Ateniese et al. 2006, section 3.2): without scope keys, proofs
//! or key derivation, and with exponentiations that are not constant-time. Ours have all of these;
//! a slower row may therefore be the price of what the textbook lacks.

use std::time::Duration;

use mcl_rust::{CurveType, Fr, G1, G2, GT};
use yilian_crypto::{
    kem::{KemPublic, KemSecret},
    label,
    pre::{
        Context, DelegateeSecret, DelegatorSecret, HolderIndex, Reencapsulation, reencapsulate,
        reencapsulate_lv,
    },
    pseudonym::{Escrow, RegulatorSecret},
    psk::ScopePsk,
    scope::{Confidentiality, Quarter, Scope},
    seal,
    seed::{PatientKeys, Seed},
    shamir,
    sign::SigningKey,
};

use crate::row::{Row, Unit, time};

const PEER: &str = "mcl_rust 1.2";
const ROUNDS: usize = 1_000;
const WARM_UP: usize = 50;
/// The size of an ordinary record.
const RECORD: usize = 20_000;
/// The chain.
const CHAIN: [u8; 32] = [4; 32];
/// Digest of what is sealed.
const BODY: [u8; 32] = [6; 32];

/// Measures every operation.
pub fn measure() -> anyhow::Result<Vec<Row>> {
    anyhow::ensure!(mcl_rust::init(CurveType::BLS12_381), "mcl does not start");
    let mut rows = proxy_re_encryption()?;
    rows.extend(pseudonyms());
    rows.extend(sealing()?);
    rows.extend(messages()?);
    Ok(rows)
}

/// Ours alone.
fn row<R>(name: &'static str, mut work: impl FnMut() -> R) -> Row {
    for _ in 0..WARM_UP {
        time(&mut work);
    }
    Row::new(
        name,
        Unit::Us,
        (0..ROUNDS).map(|_| time(&mut work)).collect(),
    )
}

/// Ours and the peer's, turn by turn.
fn versus<R, P>(
    name: &'static str,
    mut ours: impl FnMut() -> R,
    mut theirs: impl FnMut() -> P,
) -> Row {
    let mut turn = || (time(&mut ours), time(&mut theirs));
    for _ in 0..WARM_UP {
        turn();
    }
    let (ours, theirs): (Vec<Duration>, Vec<Duration>) = (0..ROUNDS).map(|_| turn()).unzip();
    Row::new(name, Unit::Us, ours).peer(PEER, Unit::Us, theirs)
}

fn proxy_re_encryption() -> anyhow::Result<Vec<Row>> {
    let rng = &mut rand::rng();
    let delegator = DelegatorSecret::random(rng);
    let scope = Scope {
        confidentiality: Confidentiality::Clinical,
        period: Quarter::new(2026, 4)?,
        tag: None,
    };
    let (secret, key) = (delegator.scope(&scope), delegator.public().scope(&scope));
    let (delegatee, public) = (DelegateeSecret::random(rng), delegator.public());
    let reader = delegatee.public();
    let patient = PatientKeys::from_seed(&Seed::random(rng), &CHAIN);
    let nym = patient.visit(&[1; 32], 0).nym;
    let context = Context::new(&CHAIN, &key, &nym, &[2; 32]);
    let psk = secret.psk();
    let (capsule, prover, _) = key.encapsulate(&context, psk, b"", rng);
    let proof = prover.prove(&BODY, rng);
    let (proven, of_record) = (
        capsule.verify(&key, &context, &BODY, &proof)?,
        psk.record(&capsule),
    );
    let rekey = secret.rekey(&reader);
    let gt = Reencapsulation::from(reencapsulate(&proven, &rekey));
    let lv = Reencapsulation::from(reencapsulate_lv(&proven, &rekey, rng));

    let peer = Textbook::new();
    let mut random = rand::rng();
    let mut random_lv = rand::rng();
    Ok(vec![
        versus(
            "pre.encapsulate",
            || {
                let key = public.scope(&scope);
                let context = Context::new(&CHAIN, &key, &nym, &[2; 32]);
                let made = key.encapsulate(&context, psk, b"", &mut random);
                (made.0, made.1.prove(&BODY, &mut random), made.2)
            },
            || peer.encapsulate(),
        )
        .bytes(48 + 64),
        row("pre.verify-capsule", || {
            capsule.verify(&key, &context, &BODY, &proof)
        }),
        versus("pre.rekey", || secret.rekey(&reader), || peer.rekey()).bytes(96),
        row("pre.verify-rekey", || rekey.verify(&key, &reader)),
        versus(
            "pre.reencapsulate-gt",
            || reencapsulate(&proven, &rekey),
            || peer.reencapsulate(),
        )
        .bytes(288),
        row("pre.reencapsulate-lv", || {
            reencapsulate_lv(&proven, &rekey, &mut random_lv)
        })
        .bytes(144),
        versus(
            "pre.open-own",
            || secret.decapsulate(&proven),
            || peer.open_own(),
        ),
        versus(
            "pre.open-delegated-gt",
            || delegatee.decapsulate(&gt, &of_record, &context),
            || peer.open_delegated(),
        ),
        row("pre.open-delegated-lv", || {
            delegatee.decapsulate(&lv, &of_record, &context)
        }),
    ])
}

/// AFGH as the paper has it, in mcl.
struct Textbook {
    inverse_a: Fr,
    inverse_b: Fr,
    h: G2,
    public_a: G1,
    public_b: G2,
    z: GT,
    capsule: G1,
    rekey: G2,
    turned: GT,
}

impl Textbook {
    fn new() -> Self {
        let (g, h) = (G1::hashed(b"g"), G2::hashed(b"h"));
        let (a, b, r) = (random(), random(), random());
        let (inverse_a, inverse_b) = (inverse(&a), inverse(&b));
        let (public_a, public_b) = (g.times(&a), h.times(&b));
        let capsule = public_a.times(&r);
        let rekey = public_b.times(&inverse_a);
        let (z, turned) = (pairing(&g, &h), pairing(&capsule, &rekey));
        Self {
            inverse_a,
            inverse_b,
            h,
            public_a,
            public_b,
            z,
            capsule,
            rekey,
            turned,
        }
    }

    /// `g^(ar)`, `Z^r`.
    fn encapsulate(&self) -> (G1, GT) {
        let r = random();
        (self.public_a.times(&r), power(&self.z, &r))
    }

    fn rekey(&self) -> G2 {
        self.public_b.times(&self.inverse_a)
    }

    fn reencapsulate(&self) -> GT {
        pairing(&self.capsule, &self.rekey)
    }

    fn open_own(&self) -> GT {
        pairing(&self.capsule.times(&self.inverse_a), &self.h)
    }

    fn open_delegated(&self) -> GT {
        power(&self.turned, &self.inverse_b)
    }
}

/// Points of mcl by hashing and multiplication.
trait Point: Sized {
    fn hashed(text: &[u8]) -> Self;
    fn times(&self, scalar: &Fr) -> Self;
}

macro_rules! point {
    ($($group:ident),*) => {$(
        impl Point for $group {
            fn hashed(text: &[u8]) -> Self {
                let mut point = Self::zero();
                point.set_hash_of(text);
                point
            }

            fn times(&self, scalar: &Fr) -> Self {
                let mut out = Self::zero();
                Self::mul(&mut out, self, scalar);
                out
            }
        }
    )*};
}
point!(G1, G2);

fn random() -> Fr {
    let mut scalar = Fr::zero();
    scalar.set_by_csprng();
    scalar
}

fn inverse(scalar: &Fr) -> Fr {
    let mut out = Fr::zero();
    Fr::inv(&mut out, scalar);
    out
}

fn pairing(p: &G1, q: &G2) -> GT {
    let mut out = GT::zero();
    mcl_rust::pairing(&mut out, p, q);
    out
}

fn power(base: &GT, scalar: &Fr) -> GT {
    let mut out = GT::zero();
    GT::pow(&mut out, base, scalar);
    out
}

fn pseudonyms() -> Vec<Row> {
    let rng = &mut rand::rng();
    let patient = PatientKeys::from_seed(&Seed::random(rng), &CHAIN);
    let visit = patient.visit(&[1; 32], 0);
    let regulators = RegulatorSecret::random(rng).public();
    let signature = visit.nym_secret.sign(label::VISIT_TOKEN, &[b"token"], rng);
    let escrow = Escrow::make(&patient, &visit.nym_secret, &regulators, b"hospital", rng);
    let (mut r1, mut r2) = (rand::rng(), rand::rng());
    vec![
        row("nym.sign", || {
            visit
                .nym_secret
                .sign(label::VISIT_TOKEN, &[b"token"], &mut r1)
        })
        .bytes(64),
        row("nym.verify", || {
            visit
                .nym
                .verify(label::VISIT_TOKEN, &[b"token"], &signature)
        }),
        row("escrow.make", || {
            Escrow::make(
                &patient,
                &visit.nym_secret,
                &regulators,
                b"hospital",
                &mut r2,
            )
        })
        .bytes(Escrow::SIZE),
        row("escrow.verify", || {
            escrow.verify(&visit.nym, &regulators, b"hospital")
        }),
    ]
}

/// What is safe from who copies today and computes later: messages to certified keys, and shares of
/// scope secrets.
fn messages() -> anyhow::Result<Vec<Row>> {
    let rng = &mut rand::rng();
    let secret = KemSecret::from_seed(&[7; 32]);
    let public = secret.public();
    // As large as a share of one record.
    let share = vec![7; 465];
    let sealed = public.seal(b"share", &share, rng)?;
    let encoded = public.to_bytes();
    let scope_secret = ScopePsk::from_bytes([8; 32]);
    let parts = shamir::split(&scope_secret, 3, 5, rng)?;
    let three: Vec<_> = (0..3)
        .filter_map(|place| Some((HolderIndex::at(place)?, parts.get(place)?)))
        .collect();
    let (mut r1, mut r2) = (rand::rng(), rand::rng());
    Ok(vec![
        row("message.key-from-seed", || KemSecret::from_seed(&[7; 32])).bytes(KemPublic::SIZE),
        row("message.decode-key", || KemPublic::from_bytes(&encoded)),
        row("message.seal-share", || {
            public.seal(b"share", &share, &mut r1)
        })
        .bytes(sealed.len()),
        row("message.open-share", || secret.open(b"share", &sealed)).bytes(share.len()),
        row("secret.split-3-of-5", || {
            shamir::split(&scope_secret, 3, 5, &mut r2)
        })
        .bytes(5 * 32),
        row("secret.join-3-of-5", || shamir::join(&three)),
    ])
}

fn sealing() -> anyhow::Result<Vec<Row>> {
    let rng = &mut rand::rng();
    let delegator = DelegatorSecret::random(rng);
    let scope = Scope {
        confidentiality: Confidentiality::Clinical,
        period: Quarter::new(2026, 4)?,
        tag: None,
    };
    let key = delegator.public().scope(&scope);
    let nym = PatientKeys::from_seed(&Seed::random(rng), &CHAIN)
        .visit(&[1; 32], 0)
        .nym;
    let context = Context::new(&CHAIN, &key, &nym, &[2; 32]);
    let secret = delegator.scope(&scope);
    let record = vec![7; RECORD];
    // A record key is used once, so the keys are made before the clock starts.
    let keys: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let made = key.encapsulate(&context, secret.psk(), &record, rng);
            let (capsule, prover, record_key) = made;
            (capsule, prover.prove(&BODY, rng), record_key)
        })
        .collect();
    let mut sealed = Vec::new();
    let (mut seal_times, mut open_times) = (Vec::new(), Vec::new());
    for (capsule, proof, record_key) in keys {
        let proven = capsule.verify(&key, &context, &BODY, &proof)?;
        let again = secret.decapsulate(&proven);
        seal_times.push(time(|| sealed = seal::seal(record_key, b"header", &record)));
        open_times.push(time(|| seal::open(&again, b"header", &sealed)));
    }
    let signing = SigningKey::random(rng);
    let signature = signing.sign(label::RECORD_SIGNATURE, &[&record]);
    let verifying = signing.verifying_key();
    Ok(vec![
        Row::new("seal.seal-20kB", Unit::Us, seal_times).bytes(sealed.len()),
        Row::new("seal.open-20kB", Unit::Us, open_times).bytes(RECORD),
        row("sign.sign-20kB", || {
            signing.sign(label::RECORD_SIGNATURE, &[&record])
        })
        .bytes(64),
        row("sign.verify-20kB", || {
            verifying.verify(label::RECORD_SIGNATURE, &[&record], &signature)
        }),
    ])
}
