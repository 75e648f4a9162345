//! `vectors/v1/*.json`: inputs, every intermediate value and outputs, in hex.
//!
//! The second implementation ([`crate::oracle`]) computes every case whole from its inputs; the
//! crate computes what it gives out. Both must equal the file. `cargo test -p yilian-crypto --
//! --ignored regenerate_vectors` writes the files anew: to approve a change of format, for a new
//! `v2`.

use std::{fs, path::PathBuf};

use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr as _;
use serde_json::{Map, Value, json};
use yilian_crypto::{
    hash,
    keystore::{Cost, HomeKey, Passphrase},
    label,
    pre::{self, Context, DelegateeSecret, KnowledgeProof},
    pseudonym::{Escrow, EscrowPart, NymSignature, RegulatorSecret, combine},
    psk::{ScopePsk, SearchPsk},
    scope::{Confidentiality, Quarter, Scope, VisitTag},
    seal, search,
    seed::{Language, MemberKeys, PatientKeys, Seed},
    shamir,
    sign::SigningKey,
};

use crate::{oracle, setting::Draws};

type Case = Map<String, Value>;

/// A file: how to compute all of a case from its inputs, and what the crate says of it.
struct Vector {
    name: &'static str,
    inputs: fn() -> Vec<Case>,
    oracle: fn(&Case) -> Case,
    product: fn(&Case) -> Case,
}

const VECTORS: &[Vector] = &[
    Vector {
        name: "hash",
        inputs: hash_inputs,
        oracle: hash_oracle,
        product: hash_product,
    },
    Vector {
        name: "seed",
        inputs: story_inputs,
        oracle: seed_oracle,
        product: seed_product,
    },
    Vector {
        name: "scope_key",
        inputs: story_inputs,
        oracle: scope_oracle,
        product: scope_product,
    },
    Vector {
        name: "pre_encapsulate",
        inputs: story_inputs,
        oracle: encapsulate_oracle,
        product: encapsulate_product,
    },
    Vector {
        name: "rekey",
        inputs: story_inputs,
        oracle: rekey_oracle,
        product: rekey_product,
    },
    Vector {
        name: "pre_reencapsulate",
        inputs: story_inputs,
        oracle: reencapsulate_oracle,
        product: reencapsulate_product,
    },
    Vector {
        name: "seal",
        inputs: seal_inputs,
        oracle: seal_oracle,
        product: seal_product,
    },
    Vector {
        name: "nym_escrow",
        inputs: story_inputs,
        oracle: nym_oracle,
        product: nym_product,
    },
    Vector {
        name: "escrow_opening",
        inputs: opening_inputs,
        oracle: opening_oracle,
        product: opening_product,
    },
    Vector {
        name: "sign",
        inputs: sign_inputs,
        oracle: sign_oracle,
        product: sign_product,
    },
    Vector {
        name: "shamir",
        inputs: shamir_inputs,
        oracle: shamir_oracle,
        product: shamir_product,
    },
    Vector {
        name: "keystore",
        inputs: keystore_inputs,
        oracle: keystore_oracle,
        product: keystore_product,
    },
    Vector {
        name: "search",
        inputs: search_inputs,
        oracle: search_oracle,
        product: search_product,
    },
];

fn path(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/v1");
    root.join(name).with_extension("json")
}

#[test]
fn both_implementations_give_the_vectors() {
    for vector in VECTORS {
        let text = fs::read_to_string(path(vector.name)).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        let cases = file["cases"].as_array().unwrap();
        assert!(!cases.is_empty(), "{}", vector.name);
        for (place, case) in cases.iter().enumerate() {
            let inputs = case["inputs"].as_object().unwrap();
            let values = case["values"].as_object().unwrap();
            let oracle = (vector.oracle)(inputs);
            assert_eq!(
                &oracle, values,
                "{} case {place}, second implementation",
                vector.name
            );
            let product = (vector.product)(inputs);
            assert!(!product.is_empty());
            for (name, value) in product {
                assert_eq!(
                    Some(&value),
                    values.get(&name),
                    "{} case {place}, {name}",
                    vector.name
                );
            }
        }
    }
}

#[test]
fn the_files_hold_the_inputs_that_the_generator_writes() {
    for vector in VECTORS {
        let text = fs::read_to_string(path(vector.name)).unwrap();
        assert_eq!(text, generate(vector), "{}", vector.name);
    }
}

#[test]
#[ignore = "writes vectors/v1 anew"]
fn regenerate_vectors() {
    fs::create_dir_all(path("x").parent().unwrap()).unwrap();
    for vector in VECTORS {
        fs::write(path(vector.name), generate(vector)).unwrap();
    }
}

fn generate(vector: &Vector) -> String {
    let cases: Vec<Value> = (vector.inputs)()
        .into_iter()
        .map(|inputs| json!({ "values": (vector.oracle)(&inputs), "inputs": inputs }))
        .collect();
    let file = json!({
        "made": "by the second implementation (ark-bls12-381; HKDF, STREAM and BIP-39 written out) \
                 in crates/crypto/tests/it; checked against both",
        "cases": cases,
    });
    serde_json::to_string_pretty(&file).unwrap() + "\n"
}

// - reading and writing cases

fn case<const N: usize>(entries: [(&str, Value); N]) -> Case {
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn hex(bytes: impl AsRef<[u8]>) -> Value {
    Value::String(hex::encode(bytes))
}

fn bytes(case: &Case, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap()).unwrap()
}

fn array<const N: usize>(case: &Case, name: &str) -> [u8; N] {
    bytes(case, name).try_into().unwrap()
}

fn named(name: &str, size: usize) -> Vec<u8> {
    let mut out = vec![0; size];
    blake3::Hasher::new()
        .update(name.as_bytes())
        .finalize_xof()
        .fill(&mut out);
    out
}

// - hash

fn hash_inputs() -> Vec<Case> {
    let lists: [&[&[u8]]; 5] = [&[], &[b""], &[b"", b""], &[b"abc"], &[b"a", b"", b"bc"]];
    let inputs = lists.iter().map(|parts| {
        let parts: Vec<Value> = parts.iter().map(hex).collect();
        case([("parts", parts.into()), ("secret", hex(named("hash", 32)))])
    });
    inputs.collect()
}

fn hash_parts(inputs: &Case) -> Vec<Vec<u8>> {
    let parts = inputs["parts"].as_array().unwrap().iter();
    parts
        .map(|part| hex::decode(part.as_str().unwrap()).unwrap())
        .collect()
}

fn hash_oracle(inputs: &Case) -> Case {
    let parts = hash_parts(inputs);
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let secret = bytes(inputs, "secret");
    case([
        ("label", label::CID.as_str().into()),
        ("message", hex(oracle::parts(&parts))),
        ("hash", hex(oracle::hash("record/cid", &parts))),
        (
            "scalar",
            hex(oracle::scalar_bytes(&oracle::hash_scalar(
                "record/cid",
                &parts,
            ))),
        ),
        (
            "kdf_32",
            hex(oracle::kdf("record/cid", &secret, &parts, 32)),
        ),
        (
            "kdf_100",
            hex(oracle::kdf("record/cid", &secret, &parts, 100)),
        ),
    ])
}

fn hash_product(inputs: &Case) -> Case {
    let parts = hash_parts(inputs);
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let secret = bytes(inputs, "secret");
    case([
        ("hash", hex(hash::hash(label::CID, &parts))),
        (
            "scalar",
            hex(yilian_crypto::bls::hash_to_scalar(label::CID, &parts).to_bytes()),
        ),
        (
            "kdf_32",
            hex(hash::kdf::<32>(label::CID, &secret, &parts).as_slice()),
        ),
        (
            "kdf_100",
            hex(hash::kdf::<100>(label::CID, &secret, &parts).as_slice()),
        ),
    ])
}

// - one story, told to all that concern patients and readers

fn story_inputs() -> Vec<Case> {
    let scopes = [
        Scope {
            confidentiality: Confidentiality::Clinical,
            period: Quarter::new(2026, 4).unwrap(),
            tag: None,
        },
        Scope {
            confidentiality: Confidentiality::Identity,
            period: Quarter::new(1987, 3).unwrap(),
            tag: Some(VisitTag::from_bytes(&[0xa5; 16]).unwrap()),
        },
    ];
    let story = |(place, scope): (u32, &Scope)| {
        let draw = |name: &str, size| hex(named(&format!("{name} {place}"), size));
        case([
            ("seed", draw("seed", 32)),
            ("chain", draw("chain", 32)),
            ("hospital", draw("hospital", 32)),
            ("counter", place.into()),
            ("scope", hex(scope.to_bytes())),
            ("author", draw("author", 32)),
            ("encapsulation_draws", draw("encapsulation", 64)),
            ("delegatee_seed", draw("delegatee", 32)),
            ("lv_draws", draw("lv", 32)),
            ("regulator_seed", draw("regulator", 32)),
            ("escrow_draws", draw("escrow", 96)),
            ("escrow_context", draw("escrow context", 32)),
            ("nym_signature_draws", draw("nym signature", 32)),
            ("message", draw("message", 50)),
            ("body", draw("body", 32)),
        ])
    };
    (0..).zip(&scopes).map(story).collect()
}

/// The story's secrets, by the second implementation.
struct Story {
    patient: PatientStory,
    scope: ScopeStory,
    record: RecordStory,
    reader: ReaderStory,
}

impl Story {
    fn new(inputs: &Case) -> Self {
        let patient = PatientStory::new(inputs);
        let scope = ScopeStory::new(inputs, &patient);
        let record = RecordStory::new(inputs, &patient, &scope);
        let reader = ReaderStory::new(inputs, &scope);
        Self {
            patient,
            scope,
            record,
            reader,
        }
    }
}

/// What the patient has of his seed for the chain, the hospital and the visit.
struct PatientStory {
    of_chain: Vec<u8>,
    periods: Vec<u8>,
    searches: Vec<u8>,
    a: Fr,
    k_h: Vec<u8>,
    a_h: Fr,
    pk_h: G1Affine,
    k_v: Vec<u8>,
    d: Fr,
    nym: G1Affine,
}

impl PatientStory {
    fn new(inputs: &Case) -> Self {
        let (words, hospital) = (bytes(inputs, "seed"), bytes(inputs, "hospital"));
        let seed = oracle::kdf("seed/of-chain", &words, &[&bytes(inputs, "chain")], 32);
        let periods = oracle::kdf("seed/periods-of-hospital", &seed, &[&hospital], 32);
        let searches = oracle::kdf("seed/searches-of-hospital", &seed, &[&hospital], 32);
        let a = oracle::kdf_scalar("seed/root", &seed, &[]);
        let k_h = oracle::kdf("seed/key-of-hospital", &seed, &[&hospital], 32);
        let a_h = a + oracle::hash_scalar("seed/offset-of-hospital", &[&k_h]);
        let counter = counter(inputs).to_be_bytes();
        let k_v = oracle::kdf("seed/key-of-visit", &seed, &[&hospital, &counter], 32);
        let d = oracle::hash_scalar("seed/offset-of-visit", &[&k_v]);
        Self {
            of_chain: seed,
            periods,
            searches,
            a,
            k_h,
            a_h,
            pk_h: oracle::g(&a_h),
            k_v,
            d,
            nym: oracle::g(&(a + d)),
        }
    }
}

/// The scope's keys.
struct ScopeStory {
    period: Vec<u8>,
    psk: Vec<u8>,
    offset: Fr,
    a_w: Fr,
    pk_w: G1Affine,
}

impl ScopeStory {
    fn new(inputs: &Case, patient: &PatientStory) -> Self {
        // Level, quarter, whether there is a tag, tag.
        let scope = bytes(inputs, "scope");
        let tag = if scope[3] == 1 { &scope[4..] } else { &[] };
        let period = oracle::kdf("psk/period", &patient.periods, &[&scope[1..3], tag], 32);
        let psk = oracle::kdf("psk/scope", &period, &[&scope[..1]], 32);
        let parts = [oracle::g1_bytes(&patient.pk_h), scope];
        let offset = oracle::hash_scalar("pre/scope-offset", &[&parts[0], &parts[1]]);
        Self {
            period,
            psk,
            offset,
            a_w: patient.a_h + offset,
            pk_w: oracle::add1(&patient.pk_h, &oracle::g(&offset)),
        }
    }
}

/// A record's capsule, and the key in it.
struct RecordStory {
    context: [u8; 32],
    r: Fr,
    c: G1Affine,
    psk: Vec<u8>,
    key: Vec<u8>,
}

impl RecordStory {
    fn new(inputs: &Case, patient: &PatientStory, scope: &ScopeStory) -> Self {
        let (scope_key, nym) = (
            oracle::g1_bytes(&scope.pk_w),
            oracle::g1_bytes(&patient.nym),
        );
        let (chain, author) = (bytes(inputs, "chain"), bytes(inputs, "author"));
        let context = oracle::hash("pre/context", &[&[2], &chain, &scope_key, &nym, &author]);
        let message = oracle::hash("pre/encapsulation", &[&bytes(inputs, "message")]);
        let r = oracle::hedged(
            "pre/encapsulation",
            &bytes(inputs, "encapsulation_draws")[..32],
            &scope.psk,
            &[&context, &message],
        );
        let c = oracle::mul1(&scope.pk_w, &r);
        let psk = oracle::kdf("psk/record", &scope.psk, &[&oracle::g1_bytes(&c)], 32);
        let shared = oracle::pairing(&oracle::g(&r), &G2Affine::generator());
        let key = oracle::kdf(
            "pre/record-key",
            &[oracle::gt_plain(&shared), psk.clone()].concat(),
            &[&context],
            32,
        );
        Self {
            context,
            r,
            c,
            psk,
            key,
        }
    }
}

/// The keys of the one whom the scope is turned to.
struct ReaderStory {
    b: Fr,
    pk_b: G2Affine,
    rekey: G2Affine,
}

impl ReaderStory {
    fn new(inputs: &Case, scope: &ScopeStory) -> Self {
        let b = oracle::kdf_scalar("pre/delegatee", &bytes(inputs, "delegatee_seed"), &[]);
        let pk_b = oracle::mul2(&G2Affine::generator(), &b);
        let rekey = oracle::mul2(&pk_b, &oracle::invert(&scope.a_w));
        Self { b, pk_b, rekey }
    }
}

/// The number of the story's visit, and of its grant.
fn counter(inputs: &Case) -> u32 {
    inputs["counter"].as_u64().unwrap() as u32
}

/// The story's keys, by the crate.
struct Keys {
    patient: PatientKeys,
    hospital: [u8; 32],
    counter: u32,
    scope: Scope,
    delegatee: DelegateeSecret,
}

impl Keys {
    fn new(inputs: &Case) -> Self {
        Self {
            patient: PatientKeys::from_seed(
                &Seed::from_bytes(array(inputs, "seed")),
                &array(inputs, "chain"),
            ),
            hospital: array(inputs, "hospital"),
            counter: counter(inputs),
            scope: Scope::from_bytes(&array(inputs, "scope")).unwrap(),
            delegatee: DelegateeSecret::from_seed(&array(inputs, "delegatee_seed")),
        }
    }

    fn secret(&self) -> pre::ScopeSecret {
        self.patient
            .hospital(&self.hospital)
            .delegator
            .scope(&self.scope)
    }

    fn encapsulate(
        &self,
        inputs: &Case,
    ) -> (Context, pre::Capsule, KnowledgeProof, pre::RecordKey) {
        let delegator = self.patient.hospital(&self.hospital).delegator;
        let key = delegator.public().scope(&self.scope);
        // As the hospital has it from the token.
        let handed = delegator.period(self.scope.period, self.scope.tag.as_ref());
        let psk = handed.scope(self.scope.confidentiality);
        let nym = self.patient.visit(&self.hospital, self.counter).nym;
        let chain = array(inputs, "chain");
        let context = Context::new(&chain, &key, &nym, &array(inputs, "author"));
        let mut draws = Draws::given(bytes(inputs, "encapsulation_draws"));
        let message = bytes(inputs, "message");
        let (capsule, prover, record_key) = key.encapsulate(&context, &psk, &message, &mut draws);
        let proof = prover.prove(&array(inputs, "body"), &mut draws);
        (context, capsule, proof, record_key)
    }
}

fn seed_oracle(inputs: &Case) -> Case {
    let (story, seed) = (Story::new(inputs), bytes(inputs, "seed"));
    let parts = [
        words_of_seed(&seed),
        psks_of_hospital(inputs, &story),
        keys_of_patient(inputs, &story.patient),
        signing_keys_of_patient(inputs, &story.patient),
        keys_of_member(&seed),
    ];
    parts.into_iter().flatten().collect()
}

fn words_of_seed(seed: &[u8]) -> Case {
    let words = |language: bip39::Language| oracle::words(seed, language.word_list()).into();
    case([
        ("words_english", words(bip39::Language::English)),
        ("words_chinese", words(bip39::Language::SimplifiedChinese)),
    ])
}

fn psks_of_hospital(inputs: &Case, Story { patient, scope, .. }: &Story) -> Case {
    let quarter = &bytes(inputs, "scope")[1..3];
    let search_psk = oracle::kdf("psk/search", &patient.searches, &[quarter], 32);
    case([
        ("periods_of_hospital", hex(&patient.periods)),
        ("period_psk", hex(&scope.period)),
        ("scope_psk", hex(&scope.psk)),
        ("searches_of_hospital", hex(&patient.searches)),
        ("search_psk", hex(&search_psk)),
    ])
}

/// The patient's keys but for those he signs with.
fn keys_of_patient(inputs: &Case, patient: &PatientStory) -> Case {
    let hospital = bytes(inputs, "hospital");
    let of_chain = &patient.of_chain;
    let search = oracle::kdf("seed/search-of-hospital", of_chain, &[&hospital], 32);
    let search_public = x25519_dalek::x25519(
        search.clone().try_into().unwrap(),
        x25519_dalek::X25519_BASEPOINT_BYTES,
    );
    let visit_tag = oracle::kdf("seed/tag-of-visit", &patient.k_v, &[], 16);
    case([
        ("seed_of_chain", hex(of_chain)),
        ("a", hex(oracle::scalar_bytes(&patient.a))),
        ("PK_a", hex(oracle::g1_bytes(&oracle::g(&patient.a)))),
        ("k_h", hex(&patient.k_h)),
        ("a_h", hex(oracle::scalar_bytes(&patient.a_h))),
        ("PK_h", hex(oracle::g1_bytes(&patient.pk_h))),
        ("search_seed", hex(&search)),
        ("search_public", hex(search_public)),
        ("k_v", hex(&patient.k_v)),
        ("d", hex(oracle::scalar_bytes(&patient.d))),
        ("nym", hex(oracle::g1_bytes(&patient.nym))),
        ("visit_tag", hex(visit_tag)),
    ])
}

fn signing_keys_of_patient(inputs: &Case, patient: &PatientStory) -> Case {
    let (hospital, counter) = (bytes(inputs, "hospital"), counter(inputs).to_be_bytes());
    let master = oracle::kdf("seed/signing-master", &patient.of_chain, &[], 32);
    let visit = oracle::kdf(
        "seed/signing-key-of-visit",
        &master,
        &[&hospital, &counter],
        32,
    );
    let grant = oracle::kdf("seed/signing-key-of-grant", &master, &[&counter], 32);
    case([
        ("signing_master", hex(&master)),
        ("visit_signing_seed", hex(&visit)),
        ("visit_verifying_key", verifying_key(&visit)),
        ("grant_signing_seed", hex(&grant)),
        ("grant_verifying_key", verifying_key(&grant)),
    ])
}

/// The keys of a person of a member organisation, when the seed is his.
fn keys_of_member(seed: &[u8]) -> Case {
    let signing = oracle::kdf("seed/member-signing", seed, &[], 32);
    let delegatee = oracle::kdf("seed/member-delegatee", seed, &[], 32);
    let b = oracle::kdf_scalar("pre/delegatee", &delegatee, &[]);
    let pk_b = oracle::mul2(&G2Affine::generator(), &b);
    let kem = oracle::kdf("seed/member-kem", seed, &[], 32);
    case([
        ("member_signing_seed", hex(&signing)),
        ("member_verifying_key", verifying_key(&signing)),
        ("member_delegatee_seed", hex(&delegatee)),
        ("member_kem_seed", hex(kem)),
        ("member_delegatee_public", hex(oracle::g2_bytes(&pk_b))),
    ])
}

fn verifying_key(seed: &[u8]) -> Value {
    let key = ed25519_dalek::SigningKey::from_bytes(seed.try_into().unwrap());
    hex(key.verifying_key().to_bytes())
}

fn seed_product(inputs: &Case) -> Case {
    let seed = Seed::from_bytes(array(inputs, "seed"));
    let keys = Keys::new(inputs);
    let hospital = keys.patient.hospital(&keys.hospital);
    let visit = keys.patient.visit(&keys.hospital, keys.counter);
    let member = MemberKeys::from_seed(&seed);
    case([
        (
            "words_english",
            seed.to_words(Language::English).as_str().into(),
        ),
        (
            "words_chinese",
            seed.to_words(Language::SimplifiedChinese).as_str().into(),
        ),
        ("PK_h", hex(hospital.delegator.public().to_bytes())),
        ("period_psk", {
            let handed = hospital
                .delegator
                .period(keys.scope.period, keys.scope.tag.as_ref());
            hex(handed.expose())
        }),
        ("scope_psk", hex(keys.secret().psk().expose())),
        (
            "search_psk",
            hex(hospital.searches.quarter(keys.scope.period).expose()),
        ),
        ("search_public", hex(hospital.search.public().to_bytes())),
        ("nym", hex(visit.nym.to_bytes())),
        ("visit_tag", hex(visit.tag.to_bytes())),
        (
            "visit_verifying_key",
            hex(visit.signing.verifying_key().to_bytes()),
        ),
        (
            "grant_verifying_key",
            hex(keys.patient.grant(keys.counter).verifying_key().to_bytes()),
        ),
        (
            "member_verifying_key",
            hex(member.signing.verifying_key().to_bytes()),
        ),
        (
            "member_delegatee_public",
            hex(member.delegatee.public().to_bytes()),
        ),
    ])
}

fn scope_oracle(inputs: &Case) -> Case {
    let Story { patient, scope, .. } = Story::new(inputs);
    case([
        ("a_h", hex(oracle::scalar_bytes(&patient.a_h))),
        ("PK_h", hex(oracle::g1_bytes(&patient.pk_h))),
        ("H1", hex(oracle::scalar_bytes(&scope.offset))),
        ("a_w", hex(oracle::scalar_bytes(&scope.a_w))),
        ("PK_w", hex(oracle::g1_bytes(&scope.pk_w))),
    ])
}

fn scope_product(inputs: &Case) -> Case {
    let keys = Keys::new(inputs);
    let delegator = keys.patient.hospital(&keys.hospital).delegator;
    let public = delegator.public().scope(&keys.scope);
    assert_eq!(public, delegator.scope(&keys.scope).key());
    case([("PK_w", hex(public.to_bytes()))])
}

fn encapsulate_oracle(inputs: &Case) -> Case {
    let Story {
        patient,
        scope,
        record,
        ..
    } = Story::new(inputs);
    let [pk_w, c] = &[scope.pk_w, record.c].map(|point| oracle::g1_bytes(&point));
    let body = bytes(inputs, "body");
    let k = oracle::hedged(
        "pre/knowledge-proof",
        &bytes(inputs, "encapsulation_draws")[32..],
        &oracle::scalar_bytes(&record.r),
        &[pk_w, c, &record.context, &body],
    );
    let commitment = &oracle::g1_bytes(&oracle::mul1(&scope.pk_w, &k));
    let e = oracle::hash_scalar(
        "pre/knowledge-proof",
        &[pk_w, c, commitment, &record.context, &body],
    );
    let s = k + e * record.r;
    let shared = oracle::pairing(&oracle::g(&record.r), &G2Affine::generator());
    case([
        ("PK_w", hex(pk_w)),
        ("nym", hex(oracle::g1_bytes(&patient.nym))),
        ("context", hex(record.context)),
        ("r", hex(oracle::scalar_bytes(&record.r))),
        ("capsule", hex(c)),
        ("k", hex(oracle::scalar_bytes(&k))),
        ("A", hex(commitment)),
        ("e", hex(oracle::scalar_bytes(&e))),
        ("s", hex(oracle::scalar_bytes(&s))),
        (
            "proof",
            hex([oracle::scalar_bytes(&e), oracle::scalar_bytes(&s)].concat()),
        ),
        ("Z_r", hex(oracle::gt_plain(&shared))),
        ("scope_psk", hex(&scope.psk)),
        ("record_psk", hex(&record.psk)),
        ("record_key", hex(&record.key)),
        (
            "sealed_message",
            hex(oracle::seal(&record.key, b"", &bytes(inputs, "message")).sealed),
        ),
    ])
}

fn encapsulate_product(inputs: &Case) -> Case {
    let keys = Keys::new(inputs);
    let (context, capsule, proof, record_key) = keys.encapsulate(inputs);
    let secret = keys.secret();
    let proven = capsule
        .verify(&secret.key(), &context, &array(inputs, "body"), &proof)
        .unwrap();
    assert!(secret.decapsulate(&proven) == record_key);
    case([
        ("context", hex(context.digest())),
        ("capsule", hex(capsule.to_bytes())),
        ("proof", hex(proof.to_bytes())),
        (
            "sealed_message",
            hex(seal::seal(record_key, b"", &bytes(inputs, "message"))),
        ),
    ])
}

fn rekey_oracle(inputs: &Case) -> Case {
    let Story { scope, reader, .. } = Story::new(inputs);
    case([
        ("a_w", hex(oracle::scalar_bytes(&scope.a_w))),
        (
            "a_w_inverse",
            hex(oracle::scalar_bytes(&oracle::invert(&scope.a_w))),
        ),
        ("b", hex(oracle::scalar_bytes(&reader.b))),
        ("PK_b", hex(oracle::g2_bytes(&reader.pk_b))),
        ("rekey", hex(oracle::g2_bytes(&reader.rekey))),
    ])
}

fn rekey_product(inputs: &Case) -> Case {
    let keys = Keys::new(inputs);
    let rekey = keys.secret().rekey(&keys.delegatee.public());
    rekey
        .verify(&keys.secret().key(), &keys.delegatee.public())
        .unwrap();
    case([
        ("PK_b", hex(keys.delegatee.public().to_bytes())),
        ("rekey", hex(rekey.to_bytes())),
    ])
}

fn reencapsulate_oracle(inputs: &Case) -> Case {
    let Story { record, reader, .. } = Story::new(inputs);
    let turned = oracle::pairing(&record.c, &reader.rekey);
    let t = oracle::hedged(
        "pre/lv-blinding",
        &bytes(inputs, "lv_draws"),
        &oracle::g2_bytes(&reader.rekey),
        &[&oracle::g1_bytes(&record.c)],
    );
    let (x, y) = (
        oracle::mul1(&record.c, &t),
        oracle::mul2(&reader.rekey, &oracle::invert(&t)),
    );
    let b_inverse = oracle::invert(&reader.b);
    let shared = oracle::gt_pow(&turned, &b_inverse);
    assert_eq!(shared, oracle::pairing(&oracle::mul1(&x, &b_inverse), &y));
    let key = oracle::kdf(
        "pre/record-key",
        &[oracle::gt_plain(&shared), record.psk.clone()].concat(),
        &[&record.context],
        32,
    );
    assert_eq!(key, record.key);
    case([
        ("capsule", hex(oracle::g1_bytes(&record.c))),
        ("rekey", hex(oracle::g2_bytes(&reader.rekey))),
        ("z_plain", hex(oracle::gt_plain(&turned))),
        ("gt", hex(oracle::gt_torus(&turned))),
        ("t", hex(oracle::scalar_bytes(&t))),
        (
            "lv",
            hex([oracle::g1_bytes(&x), oracle::g2_bytes(&y)].concat()),
        ),
        ("b_inverse", hex(oracle::scalar_bytes(&b_inverse))),
        ("Z_r", hex(oracle::gt_plain(&shared))),
        ("record_key", hex(&key)),
        (
            "sealed_message",
            hex(oracle::seal(&key, b"", &bytes(inputs, "message")).sealed),
        ),
    ])
}

fn reencapsulate_product(inputs: &Case) -> Case {
    let keys = Keys::new(inputs);
    let (context, capsule, proof, _) = keys.encapsulate(inputs);
    let secret = keys.secret();
    let psk = secret.psk().record(&capsule);
    let proven = capsule
        .verify(&secret.key(), &context, &array(inputs, "body"), &proof)
        .unwrap();
    let rekey = secret.rekey(&keys.delegatee.public());
    let gt = pre::reencapsulate(&proven, &rekey);
    let mut draws = Draws::given(bytes(inputs, "lv_draws"));
    let lv = pre::reencapsulate_lv(&proven, &rekey, &mut draws);
    let by_gt = keys
        .delegatee
        .decapsulate(&gt.clone().into(), &psk, &context);
    let by_lv = keys.delegatee.decapsulate(&lv.into(), &psk, &context);
    assert!(by_gt == by_lv);
    case([
        ("gt", hex(gt.to_bytes())),
        ("lv", hex(lv.to_bytes())),
        (
            "sealed_message",
            hex(seal::seal(by_gt, b"", &bytes(inputs, "message"))),
        ),
    ])
}

// - seal

fn seal_inputs() -> Vec<Case> {
    let story = story_inputs().remove(0);
    let sizes = [0, 1, 100, 65_536, 65_541];
    let inputs = sizes.map(|size: u32| {
        let mut inputs = story.clone();
        inputs.insert("plaintext_size".into(), size.into());
        inputs.insert("associated".into(), hex(named("associated", 217)));
        inputs
    });
    inputs.into()
}

/// Byte i is 31 i mod 251.
fn plaintext(inputs: &Case) -> Vec<u8> {
    let size = inputs["plaintext_size"].as_u64().unwrap();
    (0..size).map(|place| (place * 31 % 251) as u8).collect()
}

/// The sealed bytes, or beyond 1000 their first 64, last 32 and BLAKE3.
fn sealed_values(sealed: &[u8]) -> [(&'static str, Value); 3] {
    let shown = if sealed.len() > 1000 {
        [&sealed[..64], &sealed[sealed.len() - 32..]].concat()
    } else {
        sealed.to_vec()
    };
    [
        ("sealed_size", sealed.len().into()),
        ("sealed_or_its_ends", hex(shown)),
        ("sealed_blake3", hex(blake3::hash(sealed).as_bytes())),
    ]
}

fn seal_oracle(inputs: &Case) -> Case {
    let record = Story::new(inputs).record;
    let plaintext = plaintext(inputs);
    let sealed = oracle::seal(&record.key, &bytes(inputs, "associated"), &plaintext);
    let mut values = case(sealed_values(&sealed.sealed));
    values.insert("record_key".into(), hex(&record.key));
    values.insert("commitment".into(), hex(&sealed.commitment));
    values.insert("payload_key".into(), hex(&sealed.payload));
    values
}

fn seal_product(inputs: &Case) -> Case {
    let keys = Keys::new(inputs);
    let (_, _, _, key) = keys.encapsulate(inputs);
    let (_, _, _, same_key) = keys.encapsulate(inputs);
    let (associated, plaintext) = (bytes(inputs, "associated"), plaintext(inputs));
    let sealed = seal::seal(key, &associated, &plaintext);
    assert_eq!(
        *seal::open(&same_key, &associated, &sealed).unwrap(),
        plaintext
    );
    case(sealed_values(&sealed))
}

// - pseudonyms

fn nym_oracle(inputs: &Case) -> Case {
    let patient = PatientStory::new(inputs);
    let nym = oracle::g1_bytes(&patient.nym);
    let message = oracle::hash("visit/token", &[&bytes(inputs, "message")]);
    let k = oracle::hedged(
        "pseudonym/sign",
        &bytes(inputs, "nym_signature_draws"),
        &oracle::scalar_bytes(&(patient.a + patient.d)),
        &[&nym, &message],
    );
    let commitment = oracle::g1_bytes(&oracle::g(&k));
    let e = oracle::hash_scalar("pseudonym/sign", &[&nym, &commitment, &message]);
    let s = k + e * (patient.a + patient.d);

    let y = oracle::kdf_scalar("pseudonym/regulator", &bytes(inputs, "regulator_seed"), &[]);
    let y_public = oracle::g(&y);
    let draws = bytes(inputs, "escrow_draws");
    let context = bytes(inputs, "escrow_context");
    let [u, k1, m] = [1_u8, 2, 3].map(|number| {
        oracle::hedged(
            "pseudonym/escrow-proof",
            &draws[usize::from(number - 1) * 32..][..32],
            &oracle::scalar_bytes(&patient.d),
            &[&nym, &oracle::g1_bytes(&y_public), &context, &[number]],
        )
    });
    let e1 = oracle::g(&u);
    let root = oracle::g(&patient.a);
    let e2 = oracle::add1(&root, &oracle::mul1(&y_public, &u));
    let a1 = oracle::g(&k1);
    let a2 = oracle::sub1(&oracle::mul1(&y_public, &k1), &oracle::g(&m));
    let points = [patient.nym, y_public, e1, e2, a1, a2].map(|point| oracle::g1_bytes(&point));
    let mut parts: Vec<&[u8]> = points.iter().map(Vec::as_slice).collect();
    parts.push(&context);
    let challenge = oracle::hash_scalar("pseudonym/escrow-proof", &parts);
    let (s1, s2) = (k1 + challenge * u, m + challenge * patient.d);
    let scalars = [challenge, s1, s2]
        .map(|scalar| oracle::scalar_bytes(&scalar))
        .concat();
    case([
        ("nym", hex(&nym)),
        ("message_hash", hex(message)),
        ("R", hex(&commitment)),
        (
            "signature",
            hex([oracle::scalar_bytes(&e), oracle::scalar_bytes(&s)].concat()),
        ),
        ("y", hex(oracle::scalar_bytes(&y))),
        ("Y", hex(&points[1])),
        ("u", hex(oracle::scalar_bytes(&u))),
        ("A1", hex(&points[4])),
        ("A2", hex(&points[5])),
        (
            "escrow",
            hex([points[2].as_slice(), &points[3], &scalars].concat()),
        ),
        ("PK_a", hex(oracle::g1_bytes(&root))),
    ])
}

fn nym_product(inputs: &Case) -> Case {
    let keys = Keys::new(inputs);
    let visit = keys.patient.visit(&keys.hospital, keys.counter);
    let message = bytes(inputs, "message");
    let mut draws = Draws::given(bytes(inputs, "nym_signature_draws"));
    let signature = visit
        .nym_secret
        .sign(label::VISIT_TOKEN, &[&message], &mut draws);
    visit
        .nym
        .verify(label::VISIT_TOKEN, &[&message], &signature)
        .unwrap();
    assert_eq!(
        NymSignature::from_bytes(&signature.to_bytes()).unwrap(),
        signature
    );

    let regulator = RegulatorSecret::from_seed(&array(inputs, "regulator_seed"));
    let context = bytes(inputs, "escrow_context");
    let mut draws = Draws::given(bytes(inputs, "escrow_draws"));
    let public = regulator.public();
    let escrow = Escrow::make(
        &keys.patient,
        &visit.nym_secret,
        &public,
        &context,
        &mut draws,
    );
    escrow.verify(&visit.nym, &public, &context).unwrap();
    case([
        ("nym", hex(visit.nym.to_bytes())),
        ("signature", hex(signature.to_bytes())),
        ("Y", hex(public.to_bytes())),
        ("escrow", hex(escrow.to_bytes())),
        (
            "PK_a",
            hex(crate::escrow::opened_alone(
                &regulator, &escrow, &visit.nym, &context,
            )),
        ),
    ])
}

// - identities that two of three regulators open

fn opening_inputs() -> Vec<Case> {
    let mut inputs = story_inputs();
    for (place, story) in inputs.iter_mut().enumerate() {
        for (name, size) in [("deal_draws", 32), ("part_draws", 32), ("line", 64)] {
            let drawn = hex(named(&format!("{name} {place}"), size));
            story.insert(name.to_owned(), drawn);
        }
    }
    inputs
}

fn opening_oracle(inputs: &Case) -> Case {
    let patient = PatientStory::new(inputs);
    let nym = oracle::g1_bytes(&patient.nym);
    let y = oracle::kdf_scalar("pseudonym/regulator", &bytes(inputs, "regulator_seed"), &[]);
    let y_public = oracle::g(&y);
    let u = oracle::hedged(
        "pseudonym/escrow-proof",
        &bytes(inputs, "escrow_draws")[..32],
        &oracle::scalar_bytes(&patient.d),
        &[
            &nym,
            &oracle::g1_bytes(&y_public),
            &bytes(inputs, "escrow_context"),
            &[1],
        ],
    );
    let (e1, mask) = (oracle::g(&u), oracle::mul1(&y_public, &u));
    let root = oracle::g(&patient.a);
    let e2 = oracle::add1(&root, &mask);

    // The second regulator's share: y + 2 c.
    let c = oracle::hedged(
        "pseudonym/deal-of-regulators",
        &bytes(inputs, "deal_draws"),
        &oracle::scalar_bytes(&y),
        &[&1_usize.to_be_bytes()],
    );
    let share = y + c + c;
    let part = oracle::mul1(&e1, &share);
    let line = bytes(inputs, "line");
    // The escrow's bytes, whose proof is the product's and pinned by another vector.
    let escrow = match nym_oracle(inputs).get("escrow") {
        Some(Value::String(escrow)) => hex::decode(escrow).unwrap(),
        _ => panic!("no escrow"),
    };
    let k = oracle::hedged(
        "pseudonym/opening-proof",
        &bytes(inputs, "part_draws"),
        &oracle::scalar_bytes(&share),
        &[&escrow, &oracle::g1_bytes(&part), &line],
    );
    let points = [
        oracle::g(&share),
        e1,
        e2,
        patient.nym,
        part,
        oracle::g(&k),
        oracle::mul1(&e1, &k),
    ];
    let points = points.map(|point| oracle::g1_bytes(&point));
    let index: &[u8] = &[2];
    let mut parts = vec![index];
    parts.extend(points.iter().map(Vec::as_slice));
    parts.push(&line);
    let e = oracle::hash_scalar("pseudonym/opening-proof", &parts);
    let s = k + e * share;
    let proof = [oracle::scalar_bytes(&e), oracle::scalar_bytes(&s)].concat();
    case([
        ("F_1", hex(oracle::g1_bytes(&oracle::g(&c)))),
        ("share", hex(oracle::scalar_bytes(&share))),
        ("part", hex([points[4].clone(), proof].concat())),
        ("PK_a", hex(oracle::g1_bytes(&root))),
    ])
}

fn opening_product(inputs: &Case) -> Case {
    let keys = Keys::new(inputs);
    let visit = keys.patient.visit(&keys.hospital, keys.counter);
    let secret = RegulatorSecret::from_seed(&array(inputs, "regulator_seed"));
    let context = bytes(inputs, "escrow_context");
    let mut draws = Draws::given(bytes(inputs, "escrow_draws"));
    let escrow = Escrow::make(
        &keys.patient,
        &visit.nym_secret,
        &secret.public(),
        &context,
        &mut draws,
    );
    let proven = escrow.prove(&visit.nym, &secret.public(), &context);
    let proven = proven.unwrap();
    let mut draws = Draws::given(bytes(inputs, "deal_draws"));
    let (regulators, shares) = secret.deal(2, 3, &mut draws).unwrap();
    let line = bytes(inputs, "line");
    let mut draws = Draws::given(bytes(inputs, "part_draws"));
    let second = EscrowPart::make(&proven, &shares[1], &line, &mut draws);
    let of = (&regulators, shares[1].index());
    second.verify(&proven, of, &line).unwrap();
    let third = EscrowPart::make(&proven, &shares[2], &line, &mut Draws::named("third"));
    let parts = [(shares[1].index(), &second), (shares[2].index(), &third)];
    let first = regulators.commitment.to_points().next().unwrap();
    case([
        ("F_1", hex(first)),
        ("share", hex(shares[1].expose().as_slice())),
        ("part", hex(second.to_bytes())),
        ("PK_a", hex(combine(&proven, &parts).unwrap())),
    ])
}

// - sign

fn sign_inputs() -> Vec<Case> {
    let inputs = [0, 1, 100].map(|size| {
        case([
            ("seed", hex(named("sign", 32))),
            ("message", hex(named("message", size))),
        ])
    });
    inputs.into()
}

fn sign_oracle(inputs: &Case) -> Case {
    use ed25519_dalek::Signer as _;
    let key = ed25519_dalek::SigningKey::from_bytes(&array(inputs, "seed"));
    let hashed = oracle::hash("record/sign", &[&bytes(inputs, "message")]);
    case([
        ("label", label::RECORD_SIGNATURE.as_str().into()),
        ("verifying_key", hex(key.verifying_key().to_bytes())),
        ("hash", hex(hashed)),
        ("signature", hex(key.sign(&hashed).to_bytes())),
    ])
}

fn sign_product(inputs: &Case) -> Case {
    let key = SigningKey::from_seed(&array(inputs, "seed"));
    let message = bytes(inputs, "message");
    let signature = key.sign(label::RECORD_SIGNATURE, &[&message]);
    key.verifying_key()
        .verify(label::RECORD_SIGNATURE, &[&message], &signature)
        .unwrap();
    case([
        ("verifying_key", hex(key.verifying_key().to_bytes())),
        ("signature", hex(signature.to_bytes())),
    ])
}

// - shares of a scope's secret

fn shamir_inputs() -> Vec<Case> {
    let inputs = [(1, 1), (2, 3), (3, 5)].map(|(threshold, count): (u32, u32)| {
        case([
            ("secret", hex(named("shamir secret", 32))),
            ("threshold", threshold.into()),
            ("count", count.into()),
            (
                "draws",
                hex(named("shamir draws", 32 * (threshold as usize - 1))),
            ),
        ])
    });
    inputs.into()
}

/// By tables of logarithms to the base 3, which generates GF(2^8).
fn shamir_oracle(inputs: &Case) -> Case {
    let (mut powers, mut logarithms) = ([0_u8; 255], [0_usize; 256]);
    let mut power = 1_u16;
    for (place, entry) in powers.iter_mut().enumerate() {
        *entry = power as u8;
        logarithms[power as usize] = place;
        power ^= power << 1;
        if power > 255 {
            power ^= 0x11b;
        }
    }
    let multiply = |a: u8, b: u8| match (a, b) {
        (0, _) | (_, 0) => 0,
        (a, b) => powers[(logarithms[a as usize] + logarithms[b as usize]) % 255],
    };
    let (secret, draws) = (bytes(inputs, "secret"), bytes(inputs, "draws"));
    let count = inputs["count"].as_u64().unwrap() as u8;
    let share = |index: u8| {
        let byte = |place: usize| {
            let (mut power, mut sum) = (1, secret[place]);
            for coefficient in draws.chunks(32) {
                power = multiply(power, index);
                sum ^= multiply(power, coefficient[place]);
            }
            sum
        };
        hex((0..32).map(byte).collect::<Vec<u8>>())
    };
    let shares: Vec<Value> = (1..=count).map(share).collect();
    case([("shares", shares.into())])
}

fn shamir_product(inputs: &Case) -> Case {
    let secret = ScopePsk::from_bytes(array(inputs, "secret"));
    let number = |name: &str| inputs[name].as_u64().unwrap() as usize;
    let mut draws = Draws::given(bytes(inputs, "draws"));
    let shares = shamir::split(&secret, number("threshold"), number("count"), &mut draws);
    let shares = shares.unwrap().into_iter();
    let shares: Vec<Value> = shares.map(|share| hex(share.expose())).collect();
    case([("shares", shares.into())])
}

// - keystores

/// The stretched passphrases are of the reference implementation of Argon2 (argon2-cffi 25.1).
fn keystore_inputs() -> Vec<Case> {
    let cases = [
        (
            "correct horse battery staple",
            (19 << 10, 2, 1),
            "c7d6b934e4bcfb6c0edacb31b843b6ab33a15e0fd903a58f15f5a4d65dfd38ae",
        ),
        (
            "山高月小，水落石出",
            (64 << 10, 3, 4),
            "dccd2e0b789001b0a3b0b114a01050b56cb1efdd8ec0d97efb011a74ad7f74bc",
        ),
    ];
    let inputs = cases.map(|(passphrase, (memory, passes, lanes), stretched)| {
        case([
            ("passphrase", passphrase.into()),
            ("memory_kib", memory.into()),
            ("passes", passes.into()),
            ("lanes", lanes.into()),
            ("stretched", stretched.into()),
            ("home_key", hex(named("home key", 32))),
            ("keystore_draws", hex(named("keystore draws", 32))),
            ("secret_draws", hex(named("secret draws", 32))),
            ("name", "patients/安.json".into()),
            ("content", hex(named("content", 100))),
        ])
    });
    inputs.into()
}

fn number(inputs: &Case, name: &str) -> u32 {
    u32::try_from(inputs[name].as_u64().unwrap()).unwrap()
}

fn salt_oracle(inputs: &Case, draws: &str, kind: &[u8], of: &[u8]) -> Vec<u8> {
    let secret = [bytes(inputs, draws), bytes(inputs, "home_key")].concat();
    let label = b"yilian/v1/keystore/file-key";
    oracle::kdf("nonce/hedged", &secret, &[label, kind, of], 32)
}

fn with_check(bytes: Vec<u8>) -> Vec<u8> {
    let check = oracle::hash("keystore/check", &[&bytes]);
    [bytes, check[..16].to_vec()].concat()
}

fn keystore_oracle(inputs: &Case) -> Case {
    let passphrase = inputs["passphrase"].as_str().unwrap().as_bytes();
    let (home, content) = (bytes(inputs, "home_key"), bytes(inputs, "content"));
    let salt = salt_oracle(inputs, "keystore_draws", b"YLKS", passphrase);
    let head = [
        b"YLKS".as_slice(),
        &[2],
        &number(inputs, "memory_kib").to_be_bytes(),
        &number(inputs, "passes").to_be_bytes(),
        &[number(inputs, "lanes") as u8],
        &salt,
    ]
    .concat();
    let stretched = bytes(inputs, "stretched");
    let passphrase_key = oracle::kdf("keystore/passphrase-key", &stretched, &[&head], 32);
    let sealed = oracle::seal(&passphrase_key, &head, &home).sealed;
    let keystore = with_check([head, sealed].concat());

    let name = inputs["name"].as_str().unwrap().as_bytes();
    let digest = oracle::hash("keystore/file-key", &[name, &content]);
    let secret_salt = salt_oracle(inputs, "secret_draws", b"YLKF", &digest);
    let head = [b"YLKF".as_slice(), &[2], &secret_salt].concat();
    let file_key = oracle::kdf("keystore/file-key", &home, &[&head, name], 32);
    let sealed = oracle::seal(&file_key, &[&head, name].concat(), &content).sealed;
    let secret = with_check([head, sealed].concat());
    case([
        ("salt", hex(salt)),
        ("passphrase_key", hex(passphrase_key)),
        ("keystore", hex(keystore)),
        ("file_key", hex(file_key)),
        ("secret", hex(secret)),
    ])
}

fn keystore_product(inputs: &Case) -> Case {
    let passphrase = Passphrase::new(inputs["passphrase"].as_str().unwrap()).unwrap();
    let lanes = u8::try_from(number(inputs, "lanes")).unwrap();
    let cost = Cost::new(
        number(inputs, "memory_kib"),
        number(inputs, "passes"),
        lanes,
    );
    let home = HomeKey::random(&mut Draws::given(bytes(inputs, "home_key")));
    let mut draws = Draws::given(bytes(inputs, "keystore_draws"));
    let keystore = home
        .keystore(&passphrase, cost.unwrap(), &mut draws)
        .unwrap();
    let again = HomeKey::open(&keystore, &passphrase).unwrap();
    let (name, content) = (inputs["name"].as_str().unwrap(), bytes(inputs, "content"));
    let mut draws = Draws::given(bytes(inputs, "secret_draws"));
    let secret = home.seal(name, &content, &mut draws).unwrap();
    assert_eq!(*again.open_secret(name, &secret).unwrap(), content);
    case([("keystore", hex(keystore)), ("secret", hex(secret))])
}

// - search

fn search_inputs() -> Vec<Case> {
    let cases = [("38341003", 0_u16), ("高血压", 80), ("i10", u16::MAX)];
    let inputs = cases.iter().map(|(word, counter)| {
        case([
            ("writer", hex(named("writer", 32))),
            ("patient", hex(named("patient", 32))),
            ("search_psk", hex(named("search psk", 32))),
            ("chain", hex(named("chain", 32))),
            ("hospital", hex(named("hospital", 32))),
            ("quarter", "2026-Q4".into()),
            ("keyword", (*word).into()),
            ("counter", hex(counter.to_be_bytes())),
            ("record", hex(named(word, 32))),
        ])
    });
    inputs.collect()
}

fn search_oracle(inputs: &Case) -> Case {
    let secret = |name| x25519_dalek::StaticSecret::from(array::<32>(inputs, name));
    let (writer, patient) = (secret("writer"), secret("patient"));
    let points = [&writer, &patient].map(|secret| x25519_dalek::PublicKey::from(secret).to_bytes());
    let shared = writer
        .diffie_hellman(&x25519_dalek::PublicKey::from(points[1]))
        .to_bytes();
    // Quarters are counted from year 0.
    let quarter = (2026_u16 * 4 + 3).to_be_bytes();
    let (hospital, record) = (bytes(inputs, "hospital"), bytes(inputs, "record"));
    let chain = bytes(inputs, "chain");
    let parts: [&[u8]; 5] = [&points[0], &points[1], &chain, &hospital, &quarter];
    let both = [shared.to_vec(), bytes(inputs, "search_psk")].concat();
    let index_key = oracle::kdf("search/index-key", &both, &parts, 32);
    let word = inputs["keyword"].as_str().unwrap().as_bytes();
    let keyword_key = oracle::hash("search/keyword-key", &[&index_key, word]);
    let root = oracle::hash("search/tree-root", &[&keyword_key]);
    let counter = u16::from_be_bytes(array(inputs, "counter"));
    let leaf = (0..16).rev().fold(root, |node, bit| {
        let right = (counter >> bit & 1) as u8;
        oracle::hash("search/tree-child", &[&node, &[right]])
    });
    let mask = oracle::hash("search/pointer-mask", &[&leaf]);
    let masked: Vec<u8> = mask.iter().zip(&record).map(|(a, b)| a ^ b).collect();
    let tag = oracle::hash("search/pointer-tag", &[&leaf, &record]);
    let cross_key = oracle::hash("search/cross-key", &[&keyword_key]);
    let cross = oracle::hash("search/cross-tag", &[&cross_key, &record]);
    case([
        ("writer_public", hex(points[0])),
        ("patient_public", hex(points[1])),
        ("shared", hex(shared)),
        ("index_key", hex(&index_key)),
        ("keyword_key", hex(keyword_key)),
        ("root", hex(root)),
        ("leaf", hex(leaf)),
        (
            "address",
            hex(&oracle::hash("search/address", &[&leaf])[..16]),
        ),
        ("pointer", hex([&masked[..], &tag[..8]].concat())),
        ("cross", hex(&cross[..16])),
        (
            "note",
            hex(&oracle::hash("search/writer-note", &[&keyword_key])[..16]),
        ),
    ])
}

fn search_product(inputs: &Case) -> Case {
    let writer = search::WriterSecret::from_seed(&array(inputs, "writer"));
    let patient = search::SearchSecret::from_seed(&array(inputs, "patient"));
    let quarter: Quarter = inputs["quarter"].as_str().unwrap().parse().unwrap();
    let context = search::IndexContext {
        psk: &SearchPsk::from_bytes(array(inputs, "search_psk")),
        chain: &array(inputs, "chain"),
        hospital: &array(inputs, "hospital"),
        quarter,
    };
    let key = search::IndexKey::of_patient(&patient, &writer.public(), &context);
    let word = inputs["keyword"].as_str().unwrap();
    let key = key.keyword(&search::Keyword::new(word).unwrap());
    let counter = u32::from(u16::from_be_bytes(array(inputs, "counter")));
    let counter = search::Counter::after(counter).unwrap();
    let entry = search::IndexEntry::seal(&key, counter, &array(inputs, "record"));
    case([
        ("writer_public", hex(writer.public().to_bytes())),
        ("patient_public", hex(patient.public().to_bytes())),
        ("address", hex(entry.address.to_bytes())),
        ("pointer", hex(entry.pointer.to_bytes())),
        ("cross", hex(entry.cross.to_bytes())),
        ("note", hex(key.note())),
    ])
}
