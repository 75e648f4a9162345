//! Stamps, against the second implementation: key, day, blind signature and stamp are computed from
//! the seeds alone. The hash to the curve is blst's, as RFC 9380 has it.

use ark_bls12_381::{G1Affine, G2Affine};
use ark_ec::{AffineRepr as _, CurveGroup as _};
use ark_serialize::CanonicalDeserialize as _;
use yilian_crypto::{
    bls::G1,
    sign::SigningKey,
    stamp::{Blinding, StampSecret},
};

use crate::{oracle, setting::Draws};

const NODE: [u8; 32] = [7; 32];
const CHAIN: [u8; 32] = [8; 32];
const DAY: [u8; 4] = 20_786_u32.to_be_bytes();

#[test]
fn a_stamp_is_what_the_formula_says() {
    let x = oracle::kdf_scalar("seed/node-stamp", &NODE, &[]);
    let public = oracle::mul2(&oracle::h(), &x);
    let secret = StampSecret::of_node(&SigningKey::from_seed(&NODE));
    let key = oracle::g2_bytes(&public);
    assert_eq!(secret.public().to_bytes().as_slice(), key);

    let t = oracle::hash_scalar("stamp/day", &[&key, &CHAIN, &DAY]);
    let of_day: G2Affine = (public.into_group() + oracle::mul2(&oracle::h(), &t)).into_affine();
    let (seed, drawn) = ([9; 32], [10; 32]);
    let serial = SigningKey::from_seed(&seed).verifying_key();
    let day_bytes = oracle::g2_bytes(&of_day);
    let message = [day_bytes.as_slice(), &serial.to_bytes()].concat();
    let hashed = G1::hash_to_curve(&message, b"yilian/v1/stamp/serial").to_bytes();
    let hashed = G1Affine::deserialize_compressed(hashed.as_slice()).unwrap();
    let r = oracle::hedged("stamp/blinding", &drawn, &seed, &[&day_bytes]);

    let day: &[&[u8]] = &[&CHAIN, &DAY];
    let mut draws = Draws::given([seed, drawn].concat());
    let (blinding, blinded) = Blinding::draw(secret.public(), day, &mut draws);
    let expected = oracle::mul1(&hashed, &r);
    assert_eq!(blinded.to_bytes().as_slice(), oracle::g1_bytes(&expected));

    let inverse = oracle::invert(&(x + t));
    let signed = secret.sign(day, &blinded).unwrap();
    let expected = oracle::mul1(&expected, &inverse);
    assert_eq!(signed.to_bytes().as_slice(), oracle::g1_bytes(&expected));

    let (kept, stamp) = blinding.unblind(secret.public(), day, &signed).unwrap();
    assert_eq!(kept.expose(), &seed);
    let expected = oracle::mul1(&hashed, &inverse);
    assert_eq!(stamp.to_bytes().as_slice(), oracle::g1_bytes(&expected));
    assert_eq!(
        oracle::pairing(&expected, &of_day),
        oracle::pairing(&hashed, &oracle::h())
    );
}
