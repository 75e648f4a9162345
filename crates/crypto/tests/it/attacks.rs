//! Attacks on the capsules, each of which must fail.

use yilian_crypto::{
    Error,
    bls::{G1, G2, Gt, PreparedG2, Scalar, pairing},
    label,
    pre::{
        self, Capsule, Context, DelegateeSecret, GtReencapsulation, KnowledgeProof,
        LvReencapsulation, Reencapsulation, Rekey, ScopeKey,
    },
    psk::{RecordPsk, ScopePsk},
    scope::Confidentiality,
    seed::{PatientKeys, Seed},
};

use crate::setting::{
    AUTHOR, BOB_SEED, BODY, CHAIN, Draws, HOSPITAL, Record, Setting, record, scope,
};

fn bob_scalar() -> Scalar {
    Scalar::derive(label::PRE_DELEGATEE, &BOB_SEED, &[])
}

fn g1(bytes: &[u8; 48]) -> G1 {
    G1::from_bytes(bytes).unwrap()
}

fn g2(bytes: &[u8; 96]) -> G2 {
    G2::from_bytes(bytes).unwrap()
}

/// Bob may read one record; he has the proxy re-encapsulate a multiple of another record's capsule
/// and divides the factor out. On bare AFGH that works.
#[test]
fn mauling_another_records_capsule_through_ones_rekey_is_stopped_by_the_proof() {
    let mut setting = Setting::new();
    let (victim, own) = (setting.record(), setting.record());
    let d = Scalar::random(&mut setting.rng);
    let shift = g1(&setting.key.to_bytes()).mul(&d);
    let mauled = g1(&victim.capsule.to_bytes()).add(&shift);

    // The algebra of the attack holds: without the proof it would give Z^r of the victim's record.
    let rekey = setting.secret.rekey(&setting.bob.public());
    let turned = pairing(&mauled, &g2(&rekey.to_bytes())).pow(&bob_scalar().invert().unwrap());
    let stolen = turned.mul(&Gt::power_of_generator(&d).invert());
    let honest = pre::reencapsulate(&victim.prove(&setting.key), &rekey);
    let honest = Gt::from_bytes(&honest.to_bytes()).unwrap();
    assert_eq!(stolen, honest.pow(&bob_scalar().invert().unwrap()));

    // But no proof that Bob has or can make lets a proxy take the mauled capsule.
    let mauled = Capsule::from_bytes(&mauled.to_bytes()).unwrap();
    for proof in [&victim.proof, &own.proof] {
        for context in [&victim.context, &own.context] {
            assert_eq!(
                mauled.verify(&setting.key, context, &BODY, proof).err(),
                Some(Error::Proof)
            );
        }
    }
    // He knows d but not r: a proof shifted by d fails as well, for its challenge depends on the
    // capsule.
    let bytes = victim.proof.to_bytes();
    let challenge = Scalar::from_bytes(bytes[..32].try_into().unwrap()).unwrap();
    let response = Scalar::from_bytes(bytes[32..].try_into().unwrap()).unwrap();
    let shifted = response.add(&challenge.mul(&d));
    let mut proof = bytes;
    proof[32..].copy_from_slice(&shifted.to_bytes());
    let proof = KnowledgeProof::from_bytes(&proof).unwrap();
    assert_eq!(
        mauled
            .verify(&setting.key, &victim.context, &BODY, &proof)
            .err(),
        Some(Error::Proof)
    );
}

/// Proxy and delegatee together know `h^{1/a_w}`. It opens its own scope, which is granted to Bob
/// anyway, and no other.
#[test]
fn proxy_and_delegatee_together_open_no_other_scope() {
    let mut setting = Setting::new();
    let granted = setting.record();
    let other_secret = setting.delegator.scope(&scope(Confidentiality::Sensitive));
    let other = record(&other_secret, &setting.nym, &mut setting.rng);

    let rekey = setting.secret.rekey(&setting.bob.public());
    let b = bob_scalar();
    let colluded = g2(&rekey.to_bytes()).mul(&b.invert().unwrap());
    let open = |record: &Record, context: &Context| {
        // e((c^b)^{1/b}, h^{1/a_w}), by the ordinary opening.
        let mut form = [0; LvReencapsulation::SIZE];
        form[..48].copy_from_slice(&g1(&record.capsule.to_bytes()).mul(&b).to_bytes());
        form[48..].copy_from_slice(&colluded.to_bytes());
        let form = LvReencapsulation::from_bytes(&form).unwrap();
        setting.bob.decapsulate(&form.into(), &record.psk, context)
    };
    assert!(open(&granted, &granted.context) == granted.key);
    assert!(open(&other, &other.context) != other.key);
    assert!(open(&other, &granted.context) != other.key);
}

/// What `h^{1/a_w}` opens in one scope stays closed in every other, also in the same scope at
/// another hospital.
#[test]
fn a_rekey_of_one_scope_opens_no_other_scope() {
    let mut setting = Setting::new();
    let rekey = setting.secret.rekey(&setting.bob.public());
    let elsewhere = setting.patient.hospital(&[4; 32]).delegator;
    let mut other_period = scope(Confidentiality::Clinical);
    other_period.period = other_period.period.next();
    let others = [
        setting.delegator.scope(&scope(Confidentiality::Sensitive)),
        setting.delegator.scope(&other_period),
        elsewhere.scope(&scope(Confidentiality::Clinical)),
    ];
    for secret in others {
        let record = record(&secret, &setting.nym, &mut setting.rng);
        let turned = pre::reencapsulate(&record.prove(&secret.key()), &rekey);
        assert!(
            setting
                .bob
                .decapsulate(&turned.into(), &record.psk, &record.context)
                != record.key
        );
        assert!(setting.secret.decapsulate(&record.prove(&secret.key())) != record.key);
    }
}

#[test]
fn every_field_of_the_context_is_bound_to_proof_and_key() {
    let mut setting = Setting::new();
    let record = setting.record();
    let other_key = setting
        .delegator
        .scope(&scope(Confidentiality::Identity))
        .key();
    let other_nym = setting.patient.visit(&HOSPITAL, 1).nym;
    let mut other_author = AUTHOR;
    other_author[31] ^= 1;
    let wrong = [
        Context::new(&[5; 32], &setting.key, &setting.nym, &AUTHOR),
        Context::new(&CHAIN, &other_key, &setting.nym, &AUTHOR),
        Context::new(&CHAIN, &setting.key, &other_nym, &AUTHOR),
        Context::new(&CHAIN, &setting.key, &setting.nym, &other_author),
    ];
    let rekey = setting.secret.rekey(&setting.bob.public());
    let gt = Reencapsulation::from(pre::reencapsulate(&record.prove(&setting.key), &rekey));
    assert!(setting.bob.decapsulate(&gt, &record.psk, &record.context) == record.key);
    for context in wrong {
        let refused = record
            .capsule
            .verify(&setting.key, &context, &BODY, &record.proof);
        assert_eq!(refused.err(), Some(Error::Proof));
        assert!(setting.bob.decapsulate(&gt, &record.psk, &context) != record.key);
    }
}

#[test]
fn a_proof_is_bound_to_its_scope_key() {
    let mut setting = Setting::new();
    let record = setting.record();
    let other: ScopeKey = setting
        .delegator
        .scope(&scope(Confidentiality::Identity))
        .key();
    assert_eq!(
        record
            .capsule
            .verify(&other, &record.context, &BODY, &record.proof)
            .err(),
        Some(Error::Proof)
    );
}

/// A copied header before other bytes is refused: section 2, item 3 of the review.
#[test]
fn a_proof_is_bound_to_the_sealed_body() {
    let mut setting = Setting::new();
    let record = setting.record();
    let mut junk = BODY;
    junk[0] ^= 1;
    let refused = record
        .capsule
        .verify(&setting.key, &record.context, &junk, &record.proof);
    assert_eq!(refused.err(), Some(Error::Proof));
}

/// Whoever solves discrete logarithms has r, a_w and b, and with each of them Z^r. The record's key
/// takes the record's secret besides.
#[test]
fn every_secret_of_the_curves_opens_nothing_without_the_scopes_secret() {
    let mut setting = Setting::new();
    let (record, other) = (setting.record(), setting.record());
    let rekey = setting.secret.rekey(&setting.bob.public());
    let turned = Reencapsulation::from(pre::reencapsulate(&record.prove(&setting.key), &rekey));
    let open = |psk: &RecordPsk| setting.bob.decapsulate(&turned, psk, &record.context);
    let of_record = |psk: &ScopePsk| psk.record(&record.capsule);
    assert!(open(&record.psk) == record.key);
    let sensitive = setting.delegator.scope(&scope(Confidentiality::Sensitive));
    let elsewhere = setting.patient.hospital(&[4; 32]).delegator;
    let elsewhere = elsewhere.scope(&scope(Confidentiality::Clinical));
    let other_chain = PatientKeys::from_seed(&Seed::from_bytes([9; 32]), &[5; 32]);
    let other_chain = other_chain.hospital(&HOSPITAL).delegator;
    let other_chain = other_chain.scope(&scope(Confidentiality::Clinical));
    let mut near = *record.psk.expose();
    near[31] ^= 1;
    // That of another record of the scope is another: who was shared one opens one.
    for psk in [
        RecordPsk::from_bytes([0; 32]),
        RecordPsk::from_bytes(near),
        other.psk,
        of_record(sensitive.psk()),
        of_record(elsewhere.psk()),
        of_record(other_chain.psk()),
    ] {
        assert!(open(&psk) != record.key);
    }
    // The hospital derives it from what it was handed for the quarter.
    let clinical = scope(Confidentiality::Clinical);
    let handed = setting.delegator.period(clinical.period, None);
    assert!(of_record(&handed.scope(Confidentiality::Clinical)) == record.psk);
    assert!(handed.scope(Confidentiality::Sensitive) == *sensitive.psk());
    let next = setting.delegator.period(clinical.period.next(), None);
    let private = setting.patient.visit(&HOSPITAL, 0).tag;
    let private = setting.delegator.period(clinical.period, Some(&private));
    for other in [next, private] {
        assert!(of_record(&other.scope(Confidentiality::Clinical)) != record.psk);
    }
}

/// A generator that repeats itself (a machine that was restored from a snapshot) gives no nonce
/// twice for two messages: two Schnorr proofs with one nonce would give the secret away.
#[test]
fn a_generator_that_repeats_itself_repeats_no_nonce() {
    let setting = Setting::new();
    let stuck = || Draws::given(vec![7; 32]);
    let context = Context::new(&CHAIN, &setting.key, &setting.nym, &AUTHOR);
    let psk = setting.secret.psk();
    let seal = |message: &[u8], body: &[u8; 32]| {
        let made = setting
            .key
            .encapsulate(&context, psk, message, &mut stuck());
        let (capsule, prover, key) = made;
        (capsule, prover.prove(body, &mut stuck()), key)
    };
    let (first, again) = (seal(b"one", &BODY), seal(b"one", &BODY));
    assert!(first.0 == again.0 && first.1 == again.1);
    let (second, third) = (seal(b"two", &BODY), seal(b"one", &[7; 32]));
    assert!(first.0 != second.0 && first.2 != second.2);
    // The same r and another body: with the same k, r = (s - s') / (e - e').
    let half = |proof: &KnowledgeProof, at: usize| {
        Scalar::from_bytes(&proof.to_bytes()[at..at + 32].try_into().unwrap()).unwrap()
    };
    let difference = |at| half(&first.1, at).sub(&half(&third.1, at));
    let r = difference(32).mul(&difference(0).invert().unwrap());
    assert!(g1(&setting.key.to_bytes()).mul(&r).to_bytes() != first.0.to_bytes());

    let visit = setting.patient.visit(&HOSPITAL, 0);
    let sign = |message: &[u8]| {
        visit
            .nym_secret
            .sign(label::VISIT_TOKEN, &[message], &mut stuck())
    };
    let (one, two) = (sign(b"one").to_bytes(), sign(b"two").to_bytes());
    let part = |bytes: &[u8; 64], at: usize| {
        Scalar::from_bytes(&bytes[at..at + 32].try_into().unwrap()).unwrap()
    };
    let difference = |at| part(&one, at).sub(&part(&two, at));
    let secret = difference(32).mul(&difference(0).invert().unwrap());
    assert!(G1::power_of_generator(&secret).to_bytes() != setting.nym.to_bytes());
}

#[test]
fn a_proof_is_bound_to_its_capsule() {
    let mut setting = Setting::new();
    let (one, other) = (setting.record(), setting.record());
    let refused = one
        .capsule
        .verify(&setting.key, &one.context, &BODY, &other.proof);
    assert_eq!(refused.err(), Some(Error::Proof));
}

#[test]
fn any_changed_bit_of_a_proof_is_refused() {
    let mut setting = Setting::new();
    let record = setting.record();
    for place in 0..KnowledgeProof::SIZE {
        let mut bytes = record.proof.to_bytes();
        bytes[place] ^= 1;
        if let Ok(proof) = KnowledgeProof::from_bytes(&bytes) {
            let refused = record
                .capsule
                .verify(&setting.key, &record.context, &BODY, &proof);
            assert_eq!(refused.err(), Some(Error::Proof), "byte {place}");
        }
    }
}

#[test]
fn a_rekey_for_another_delegatee_opens_nothing() {
    let mut setting = Setting::new();
    let record = setting.record();
    let carol = DelegateeSecret::from_seed(&[5; 32]);
    let rekey = setting.secret.rekey(&carol.public());
    let proven = record.prove(&setting.key);
    let gt = Reencapsulation::from(pre::reencapsulate(&proven, &rekey));
    let lv = Reencapsulation::from(pre::reencapsulate_lv(&proven, &rekey, &mut setting.rng));
    for form in [&gt, &lv] {
        assert!(carol.decapsulate(form, &record.psk, &record.context) == record.key);
        assert!(setting.bob.decapsulate(form, &record.psk, &record.context) != record.key);
    }
}

#[test]
fn a_wrong_rekey_is_caught_by_its_verification() {
    let mut setting = Setting::new();
    let bob = setting.bob.public();
    let carol = DelegateeSecret::from_seed(&[5; 32]).public();
    let other = setting.delegator.scope(&scope(Confidentiality::Identity));
    let random = G2::power_of_generator(&Scalar::random(&mut setting.rng));
    let good = setting.secret.rekey(&bob);
    assert_eq!(good.verify(&setting.key, &bob), Ok(()));
    assert_eq!(good.verify(&other.key(), &bob), Err(Error::Rekey));
    assert_eq!(good.verify(&setting.key, &carol), Err(Error::Rekey));
    for bad in [
        setting.secret.rekey(&carol),
        other.rekey(&bob),
        Rekey::from_bytes(&random.to_bytes()).unwrap(),
        Rekey::from_bytes(&bob.to_bytes()).unwrap(),
    ] {
        assert_eq!(bad.verify(&setting.key, &bob), Err(Error::Rekey));
    }
}

/// A cheating proxy's answer gives a key, but not the record's.
#[test]
fn a_cheating_proxy_changes_the_key() {
    let mut setting = Setting::new();
    let (record, other) = (setting.record(), setting.record());
    let rekey = setting.secret.rekey(&setting.bob.public());
    let swapped = pre::reencapsulate(&other.prove(&setting.key), &rekey);
    assert!(
        setting
            .bob
            .decapsulate(&swapped.into(), &record.psk, &record.context)
            != record.key
    );
    let forged = Gt::power_of_generator(&Scalar::random(&mut setting.rng));
    let forged = GtReencapsulation::from_bytes(&forged.to_bytes()).unwrap();
    assert!(
        setting
            .bob
            .decapsulate(&forged.into(), &record.psk, &record.context)
            != record.key
    );
}

/// The scope key's offset is public, its secret is not: shifting one scope's rekey by the
/// difference of offsets gives no rekey of another.
#[test]
fn a_rekey_cannot_be_shifted_to_another_scope() {
    let setting = Setting::new();
    let bob = setting.bob.public();
    let rekey = g2(&setting.secret.rekey(&bob).to_bytes());
    let other = setting
        .delegator
        .scope(&scope(Confidentiality::Identity))
        .key();
    let public = setting.delegator.public().to_bytes();
    let offset = |grade| {
        yilian_crypto::bls::hash_to_scalar(label::PRE_SCOPE, &[&public, &scope(grade).to_bytes()])
    };
    let difference = offset(Confidentiality::Identity).sub(&offset(Confidentiality::Clinical));
    for factor in [difference.clone(), difference.invert().unwrap()] {
        for shifted in [
            rekey.mul(&factor),
            rekey.add(&g2(&bob.to_bytes()).mul(&factor)),
        ] {
            let shifted = Rekey::from_bytes(&shifted.to_bytes()).unwrap();
            assert_eq!(shifted.verify(&other, &bob), Err(Error::Rekey));
        }
    }
}

#[test]
fn two_encapsulations_share_nothing() {
    let mut setting = Setting::new();
    let (one, other) = (setting.record(), setting.record());
    assert!(one.capsule != other.capsule && one.key != other.key && one.proof != other.proof);
}

#[test]
fn a_prepared_point_pairs_as_the_point_does() {
    let p = G1::power_of_generator(&bob_scalar());
    assert_eq!(
        PreparedG2::generator().pairing(&p),
        pairing(&p, &G2::generator())
    );
}

/// A proxy that holds a rekey tests it against every registered key, and knows whom it turns for.
/// A blinded one leads to nobody, and to the same reader differently each time.
#[test]
fn fault_4_a_rekey_names_its_reader_to_who_turns_with_it() {
    let mut setting = Setting::new();
    let record = setting.record();
    let proven = record.prove(&setting.key);
    let bob = setting.bob.public();
    let plain = setting.secret.rekey(&bob);
    assert_eq!(plain.verify(&setting.key, &bob), Ok(()));

    let rng = &mut setting.rng;
    let (rekey, blind) = setting.secret.blinded_rekey(&bob, &proven, rng);
    let (again, other) = setting.secret.blinded_rekey(&bob, &proven, rng);
    assert_eq!(rekey.verify(&setting.key, &bob), Err(Error::Rekey));
    assert!(rekey.to_bytes() != again.to_bytes() && blind != other);
    for turned in [
        Reencapsulation::from(pre::reencapsulate(&proven, &rekey)),
        Reencapsulation::from(pre::reencapsulate_lv(&proven, &rekey, rng)),
    ] {
        let open = |reader: &DelegateeSecret, blind| {
            reader.decapsulate_blinded((&turned, blind), &record.psk, &record.context)
        };
        assert_eq!(open(&setting.bob, &blind), record.key);
        // Without the blind, with another, and for another reader it opens nothing.
        let bare = setting
            .bob
            .decapsulate(&turned, &record.psk, &record.context);
        assert_ne!(bare, record.key);
        assert_ne!(open(&setting.bob, &other), record.key);
        let stranger = DelegateeSecret::from_seed(&[77; 32]);
        assert_ne!(open(&stranger, &blind), record.key);
    }
    let bytes = blind.expose();
    assert_eq!(yilian_crypto::pre::Blind::from_bytes(&bytes), Ok(blind));
    let zero = yilian_crypto::pre::Blind::from_bytes(&[0; 32]);
    assert!(zero.is_err());
}
