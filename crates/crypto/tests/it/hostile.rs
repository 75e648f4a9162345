//! `vectors/hostile/*.hex`: one faulty encoding each, named `<value>__<fault>.hex`; all are
//! refused.
//!
//! Faulty points are made with ark-bls12-381. `cargo test -p yilian-crypto -- --ignored
//! regenerate_hostile` writes the files anew.

use std::{collections::BTreeMap, fs, path::PathBuf};

use ark_bls12_381::{Fq, Fq2, Fq12, Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::{AffineRepr as _, CurveConfig as _, CurveGroup as _};
use ark_ff::{BigInteger as _, Field as _, PrimeField as _};
use yilian_crypto::{
    Error,
    bls::{G1, G2, Gt, Scalar},
    pre::{
        Capsule, DelegateePublic, DelegatorPublic, GtReencapsulation, KnowledgeProof,
        LvReencapsulation, Reencapsulation, Rekey, ScopeKey,
    },
    pseudonym::{Escrow, EscrowPart, Nym, NymSignature, RegulatorPublic, RegulatorSecret},
    scope::{Confidentiality, Quarter, Scope},
    seal,
    search::SearchPublic,
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{
    oracle,
    setting::{HOSPITAL, Setting, scope},
};

/// Who refused bytes.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// The type: a value of one size takes no other, so its decoder is not even asked.
    Size,
    /// The decoder.
    Decoder(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Decoder(error)
    }
}

/// Reads bytes that must fill a value exactly.
fn read<const N: usize, T>(
    bytes: &[u8],
    from_bytes: impl Fn(&[u8; N]) -> Result<T, Error>,
) -> Result<(), Refused> {
    let bytes = bytes.try_into().map_err(|_| Refused::Size)?;
    Ok(from_bytes(bytes).map(drop)?)
}

fn decode(value: &str, bytes: &[u8]) -> Result<(), Refused> {
    match value {
        "scalar" => read(bytes, Scalar::from_bytes),
        "g1" => read(bytes, G1::from_bytes),
        "g2" => read(bytes, G2::from_bytes),
        "gt" => read(bytes, Gt::from_bytes),
        "capsule" => read(bytes, Capsule::from_bytes),
        "scope_key" => read(bytes, ScopeKey::from_bytes),
        "delegator_key" => read(bytes, DelegatorPublic::from_bytes),
        "delegatee_key" => read(bytes, DelegateePublic::from_bytes),
        "rekey" => read(bytes, Rekey::from_bytes),
        "proof" => read(bytes, KnowledgeProof::from_bytes),
        "gt_reencapsulation" => read(bytes, GtReencapsulation::from_bytes),
        "lv_reencapsulation" => read(bytes, LvReencapsulation::from_bytes),
        "reencapsulation" => Ok(Reencapsulation::from_bytes(bytes).map(drop)?),
        "nym" => read(bytes, Nym::from_bytes),
        "nym_signature" => read(bytes, NymSignature::from_bytes),
        "regulator_key" => read(bytes, RegulatorPublic::from_bytes),
        "escrow" => read(bytes, Escrow::from_bytes),
        "escrow_part" => read(bytes, EscrowPart::from_bytes),
        "scope" => read(bytes, Scope::from_bytes),
        "quarter" => read(bytes, Quarter::from_bytes),
        "search_key" => read(bytes, SearchPublic::from_bytes),
        "verifying_key" => read(bytes, VerifyingKey::from_bytes),
        "signature" => read(bytes, Signature::from_bytes),
        "sealed" => {
            let record = Setting::new().record();
            Ok(seal::open(&record.key, b"header", bytes).map(drop)?)
        }
        other => panic!("no value is called {other}"),
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/hostile")
}

/// Whether a file is refused by whom its fault concerns, and for its fault.
fn is_for(refused: &Refused, value: &str, fault: &str) -> bool {
    let of_size = ["trailing_byte", "truncated", "empty"].contains(&fault);
    match (value, refused) {
        // The commitment is compared before anything is decrypted; then each chunk has its tag.
        ("sealed", Refused::Decoder(error)) => match fault {
            "empty" => *error == Error::Truncated,
            "zeros" | "ones" => *error == Error::WrongKey,
            _ => *error == Error::Corrupt { chunk: 0 },
        },
        ("quarter", Refused::Decoder(error)) => !of_size && *error == Error::Quarter,
        ("scope", Refused::Decoder(error)) => match fault {
            "unknown_confidentiality" | "zeros" => *error == Error::Confidentiality,
            "year_zero" => *error == Error::Quarter,
            _ => !of_size && matches!(error, Error::Encoding { .. }),
        },
        ("reencapsulation", Refused::Decoder(error)) => matches!(error, Error::Encoding { .. }),
        (_, Refused::Decoder(error)) => !of_size && matches!(error, Error::Encoding { .. }),
        (_, Refused::Size) => of_size,
    }
}

#[test]
fn every_hostile_file_is_refused_for_its_fault() {
    let mut made = files();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let bytes = hex::decode(fs::read_to_string(&path).unwrap().trim()).unwrap();
        // A file of before a change of keys or formats would be refused whatever its fault.
        assert_eq!(made.remove(&name).as_ref(), Some(&bytes), "{name} is stale");
        let (value, fault) = name.split_once("__").unwrap();
        let refused = decode(value, &bytes).expect_err(&name);
        assert!(is_for(&refused, value, fault), "{name}: {refused:?}");
    }
    assert_eq!(made.into_keys().next(), None, "a file is missing");
}

/// Else a file might be refused for another reason than its fault.
#[test]
fn what_the_hostile_files_were_made_from_is_accepted() {
    for (value, bytes) in good() {
        assert_eq!(decode(value, &bytes), Ok(()), "{value}");
    }
}

#[test]
#[ignore = "writes vectors/hostile anew"]
fn regenerate_hostile() {
    fs::create_dir_all(folder()).unwrap();
    for (name, bytes) in files() {
        fs::write(
            folder().join(name).with_extension("hex"),
            hex::encode(bytes) + "\n",
        )
        .unwrap();
    }
}

/// One good encoding of each value.
fn good() -> Vec<(&'static str, Vec<u8>)> {
    let mut setting = Setting::new();
    let record = setting.record();
    let bob = setting.bob.public();
    let rekey = setting.secret.rekey(&bob);
    let proven = record.prove(&setting.key);
    let gt = yilian_crypto::pre::reencapsulate(&proven, &rekey);
    let lv = yilian_crypto::pre::reencapsulate_lv(&proven, &rekey, &mut setting.rng);
    let visit = setting.patient.visit(&HOSPITAL, 0);
    let regulator = RegulatorSecret::from_seed(&[6; 32]).public();
    let escrow = Escrow::make(
        &setting.patient,
        &visit.nym_secret,
        &regulator,
        b"",
        &mut setting.rng,
    );
    let label = yilian_crypto::label::CID;
    let signing = SigningKey::from_seed(&[8; 32]);
    let sealed = seal::seal(Setting::new().record().key, b"header", b"text");
    vec![
        ("scalar", [vec![0; 31], vec![1]].concat()),
        ("g1", G1::generator().to_bytes().to_vec()),
        ("g2", G2::generator().to_bytes().to_vec()),
        ("gt", gt.to_bytes().to_vec()),
        ("capsule", record.capsule.to_bytes().to_vec()),
        ("scope_key", setting.key.to_bytes().to_vec()),
        (
            "delegator_key",
            setting.delegator.public().to_bytes().to_vec(),
        ),
        ("delegatee_key", bob.to_bytes().to_vec()),
        ("rekey", rekey.to_bytes().to_vec()),
        ("proof", record.proof.to_bytes().to_vec()),
        ("gt_reencapsulation", gt.to_bytes().to_vec()),
        ("lv_reencapsulation", lv.to_bytes().to_vec()),
        ("reencapsulation", Reencapsulation::from(gt).to_bytes()),
        ("nym", setting.nym.to_bytes().to_vec()),
        ("nym_signature", {
            let signature = visit.nym_secret.sign(label, &[], &mut setting.rng);
            signature.to_bytes().to_vec()
        }),
        ("regulator_key", regulator.to_bytes().to_vec()),
        ("escrow", escrow.to_bytes().to_vec()),
        (
            "escrow_part",
            crate::escrow::part(&escrow, &visit.nym).to_bytes().to_vec(),
        ),
        (
            "scope",
            scope(Confidentiality::Clinical).to_bytes().to_vec(),
        ),
        ("quarter", Quarter::FIRST.to_bytes().to_vec()),
        (
            "search_key",
            setting
                .patient
                .hospital(&HOSPITAL)
                .search
                .public()
                .to_bytes()
                .to_vec(),
        ),
        ("verifying_key", signing.verifying_key().to_bytes().to_vec()),
        ("signature", signing.sign(label, &[]).to_bytes().to_vec()),
        ("sealed", sealed),
    ]
}

/// Every hostile file: name and bytes.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut add = |value: &str, fault: &str, bytes: Vec<u8>| {
        files.insert(format!("{value}__{fault}"), bytes);
    };
    for (value, bytes) in good() {
        add(value, "trailing_byte", [bytes.as_slice(), &[0]].concat());
        add(value, "truncated", bytes[..bytes.len() - 1].to_vec());
        add(value, "empty", Vec::new());
        // A signature of zeros is canonical; verification refuses its commitment of small order.
        if value != "signature" {
            add(value, "zeros", vec![0; bytes.len()]);
        }
        add(value, "ones", vec![0xff; bytes.len()]);
        faults(value, &bytes)
            .into_iter()
            .for_each(|(fault, bytes)| add(value, &fault, bytes));
    }
    faulty_others()
        .into_iter()
        .for_each(|(value, fault, bytes)| add(value, fault, bytes));
    files
}

/// `good` with each of its fields replaced by each faulty one.
fn faults(value: &str, good: &[u8]) -> Vec<(String, Vec<u8>)> {
    let fields: &[(&str, usize, Faulty)] = match value {
        "scalar" => &[("", 0, faulty_scalars)],
        "g1" | "capsule" | "scope_key" | "delegator_key" | "nym" | "regulator_key" => {
            &[("", 0, faulty_g1)]
        }
        "g2" | "delegatee_key" | "rekey" => &[("", 0, faulty_g2)],
        "gt" | "gt_reencapsulation" => &[("", 0, faulty_gt)],
        "reencapsulation" => &[("gt_", 1, faulty_gt), ("", 0, faulty_tags)],
        "lv_reencapsulation" => &[("first_", 0, faulty_g1), ("second_", 48, faulty_g2)],
        "proof" | "nym_signature" => &[
            ("challenge_", 0, faulty_scalars),
            ("response_", 32, faulty_scalars),
        ],
        "escrow" => &[
            ("first_", 0, faulty_g1),
            ("second_", 48, faulty_g1),
            ("challenge_", 96, faulty_scalars),
            ("first_response_", 128, faulty_scalars),
            ("second_response_", 160, faulty_scalars),
        ],
        _ => &[],
    };
    let replace = |(name, at, faulty): &(&str, usize, Faulty)| {
        let replaced = faulty().into_iter().map(|(fault, field)| {
            let bytes = [&good[..*at], &field, &good[at + field.len()..]].concat();
            (format!("{name}{fault}"), bytes)
        });
        replaced.collect::<Vec<_>>()
    };
    fields.iter().flat_map(replace).collect()
}

/// Makes the faulty encodings of one kind of field.
type Faulty = fn() -> Vec<(&'static str, Vec<u8>)>;

fn faulty_tags() -> Vec<(&'static str, Vec<u8>)> {
    vec![("unknown_tag", vec![3]), ("tag_of_the_other_form", vec![2])]
}

fn faulty_scalars() -> Vec<(&'static str, Vec<u8>)> {
    let order = Fr::MODULUS.to_bytes_be();
    let mut above = order.clone();
    above[31] += 1;
    vec![
        ("zero", vec![0; 32]),
        ("order", order),
        ("order_plus_one", above),
    ]
}

/// A point on the curve but, as all but one in 2^125 are, outside the subgroup.
fn g1_outside() -> G1Affine {
    let mut points = (5u64..)
        .map(Fq::from)
        .filter_map(|x| G1Affine::get_point_from_x_unchecked(x, false));
    points
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap()
}

fn g2_outside() -> G2Affine {
    let xs = (5u64..).map(|x| Fq2::new(Fq::from(x), Fq::from(1)));
    let mut points = xs.filter_map(|x| G2Affine::get_point_from_x_unchecked(x, false));
    points
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap()
}

fn faulty_g1() -> Vec<(&'static str, Vec<u8>)> {
    let good = oracle::g1_bytes(&G1Affine::generator());
    let with = |at: usize, change: &dyn Fn(u8) -> u8| {
        let mut bytes = good.clone();
        bytes[at] = change(bytes[at]);
        bytes
    };
    let outside = g1_outside();
    let small = outside.mul_bigint(Fr::MODULUS).into_affine();
    // (0, 2) has order 3 on y^2 = x^3 + 4.
    let order_three = G1Affine::new_unchecked(Fq::from(0), Fq::from(2));
    // In the subgroup up to a component of small order.
    let shifted = oracle::add1(&G1Affine::generator(), &order_three);
    assert!(!small.is_zero() && order_three.is_on_curve());
    assert!(order_three.mul_bigint([3u64]).into_affine().is_zero());
    assert!(!shifted.is_in_correct_subgroup_assuming_on_curve());
    vec![
        ("point_not_in_subgroup", oracle::g1_bytes(&outside)),
        ("point_of_cofactor_order", oracle::g1_bytes(&small)),
        ("point_of_order_3", oracle::g1_bytes(&order_three)),
        ("point_shifted_by_order_3", oracle::g1_bytes(&shifted)),
        ("point_identity", [vec![0xc0], vec![0; 47]].concat()),
        (
            "point_identity_with_sign",
            [vec![0xe0], vec![0; 47]].concat(),
        ),
        (
            "point_identity_with_coordinate",
            [vec![0xc0], vec![0; 46], vec![1]].concat(),
        ),
        ("point_off_curve", off_curve_g1()),
        (
            "point_without_compression_flag",
            with(0, &|byte| byte & 0x7f),
        ),
        ("point_with_infinity_flag", with(0, &|byte| byte | 0x40)),
        ("point_coordinate_not_reduced", unreduced(48)),
    ]
}

fn off_curve_g1() -> Vec<u8> {
    let mut xs = (1u64..).map(Fq::from);
    let x = xs
        .find(|x| G1Affine::get_point_from_x_unchecked(*x, false).is_none())
        .unwrap();
    let mut bytes = x.into_bigint().to_bytes_be();
    bytes[0] |= 0x80;
    bytes
}

/// Zero written as p: compressed, and over the curve's point (0, 2) for G1.
fn unreduced(size: usize) -> Vec<u8> {
    let mut bytes = Fq::MODULUS.to_bytes_be();
    bytes.extend(vec![0; size - 48]);
    bytes[0] |= 0x80;
    bytes
}

fn faulty_g2() -> Vec<(&'static str, Vec<u8>)> {
    let good = oracle::g2_bytes(&G2Affine::generator());
    let mut uncompressed = good.clone();
    uncompressed[0] &= 0x7f;
    let mut infinity = good.clone();
    infinity[0] |= 0x40;
    let outside = g2_outside();
    let small = outside.mul_bigint(Fr::MODULUS).into_affine();
    let mut off = good;
    while G2Affine::get_point_from_x_unchecked(g2_x(&off), false).is_some() {
        off[95] = off[95].wrapping_add(1);
    }
    assert!(!small.is_zero());
    assert!(g1::Config::COFACTOR.len() == 2 && g2::Config::COFACTOR.len() == 8);
    vec![
        ("point_not_in_subgroup", oracle::g2_bytes(&outside)),
        ("point_of_cofactor_order", oracle::g2_bytes(&small)),
        ("point_identity", [vec![0xc0], vec![0; 95]].concat()),
        (
            "point_identity_with_sign",
            [vec![0xe0], vec![0; 95]].concat(),
        ),
        ("point_off_curve", off),
        ("point_without_compression_flag", uncompressed),
        ("point_with_infinity_flag", infinity),
        ("point_coordinate_not_reduced", unreduced(96)),
    ]
}

/// The coordinate of a compressed point: its second part comes first.
fn g2_x(bytes: &[u8]) -> Fq2 {
    let mut second = bytes[..48].to_vec();
    second[0] &= 0x1f;
    let number = |bytes: &[u8]| Fq::from_be_bytes_mod_order(bytes);
    Fq2::new(number(&bytes[48..]), number(&second))
}

fn faulty_gt() -> Vec<(&'static str, Vec<u8>)> {
    let z = oracle::pairing(&G1Affine::generator(), &G2Affine::generator());
    let good = oracle::gt_torus(&z);
    // q and q + p are one coordinate in two spellings; q00 of some multiple is small enough for 48
    // bytes.
    let mut respelled = good.clone();
    let sum = add_modulus(&respelled[..48]);
    respelled[..48].copy_from_slice(&sum);

    // An element of the cyclotomic subgroup, whose order q divides; then without its part of order
    // q.
    let mut any = z;
    any.c0.c0.c0 += Fq::from(7u64);
    let mut conjugate = any;
    conjugate.conjugate_in_place();
    let easy = conjugate * any.inverse().unwrap();
    let mut frobenius = easy;
    frobenius.frobenius_map_in_place(2);
    let cyclotomic = frobenius * easy;
    let cofactor = cyclotomic.pow(Fr::MODULUS);
    assert!(cofactor != Fq12::ONE && cyclotomic.pow(Fr::MODULUS) != Fq12::ONE);
    let mut one = vec![0; 288];
    one[47] = 1;
    vec![
        ("element_minus_one", vec![0; 288]),
        ("element_of_torus_only", one),
        ("element_of_torus_after_easy_half", oracle::gt_torus(&easy)),
        (
            "element_cyclotomic_not_of_order_q",
            oracle::gt_torus(&cyclotomic),
        ),
        ("element_of_cofactor_order", oracle::gt_torus(&cofactor)),
        (
            "element_shifted_by_cofactor",
            oracle::gt_torus(&(z * cofactor)),
        ),
        ("coordinate_not_reduced", respelled),
    ]
}

/// A big-endian number plus p, in 48 bytes; p has 381 bits, so there is room.
fn add_modulus(bytes: &[u8]) -> Vec<u8> {
    let modulus = Fq::MODULUS.to_bytes_be();
    let mut carry = 0;
    let mut sum: Vec<u8> = bytes
        .iter()
        .zip(&modulus)
        .rev()
        .map(|(a, b)| {
            let total = u16::from(*a) + u16::from(*b) + carry;
            carry = total >> 8;
            total as u8
        })
        .collect();
    assert_eq!(carry, 0);
    sum.reverse();
    sum
}

fn point(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn faulty_verifying_keys() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let small_orders = [
        (
            "point_identity",
            "0100000000000000000000000000000000000000000000000000000000000000",
        ),
        (
            "point_of_order_2",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
        (
            "point_of_order_4",
            "0000000000000000000000000000000000000000000000000000000000000000",
        ),
        (
            "point_of_order_8",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        ),
        (
            "point_not_reduced",
            "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
        (
            "point_off_curve",
            "0200000000000000000000000000000000000000000000000000000000000000",
        ),
    ];
    small_orders
        .iter()
        .map(|(fault, text)| ("verifying_key", *fault, point(text)))
        .collect()
}

fn faulty_others() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut no_tag = scope(Confidentiality::Clinical).to_bytes().to_vec();
    no_tag[19] = 1;
    let mut flag = no_tag.clone();
    (flag[3], flag[19]) = (2, 0);
    let mut grade = flag.clone();
    (grade[0], grade[3]) = (5, 0);
    let mut year = grade.clone();
    (year[0], year[1], year[2]) = (1, 0, 3);

    let mut files = faulty_verifying_keys();

    // S + L in the place of S: the malleability that RFC 8032 forbids.
    let signature = SigningKey::from_seed(&[8; 32]).sign(yilian_crypto::label::CID, &[]);
    let mut malleable = signature.to_bytes().to_vec();
    let order = point("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    for (byte, order) in malleable[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    files.extend([
        ("signature", "s_plus_group_order", malleable),
        ("scope", "tag_without_flag", no_tag),
        ("scope", "unknown_flag", flag),
        ("scope", "unknown_confidentiality", grade),
        ("scope", "year_zero", year),
        ("quarter", "year_zero", vec![0, 3]),
        ("quarter", "year_10000", 40_000u16.to_be_bytes().to_vec()),
        (
            "search_key",
            "point_of_order_8",
            point("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        ),
        (
            "search_key",
            "point_of_order_2",
            point("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ),
        (
            "search_key",
            "not_reduced",
            [vec![0xee], vec![0xff; 30], vec![0x7f]].concat(),
        ),
        (
            "search_key",
            "high_bit",
            [vec![9], vec![0; 30], vec![0x80]].concat(),
        ),
    ]);
    files
}
