//! Rescue-Prime over Goldilocks with 12 elements of state and 7 rounds (Szepieniec, Ashur and
//! Dhooghe, eprint 2020/1143), at 128 bits.
//!
//! The state starts as `length tag, 0, 0, 0 | key | domain`; the id is the part where the key
//! stood.

use p3_field::PrimeCharacteristicRing;
use p3_goldilocks::Goldilocks;
use winter_crypto::hashers::Rp64_256;
use winter_math::fields::f64::BaseElement;

use crate::key::TraceKey;

/// Elements of the state.
pub(crate) const STATE: usize = 12;
/// Rounds of the permutation.
pub(crate) const ROUNDS: usize = 7;
/// First element of the key and of the id.
pub(crate) const RATE: usize = 4;
/// Elements of a key and of an id.
pub(crate) const DIGEST: usize = 4;

/// The number of elements absorbed, as `Rp64_256` tags its inputs.
const LENGTH_TAG: u64 = 8;
/// Separates these hashes from any other use of the permutation: "yi-trace", version 1.
const DOMAIN: [u64; 4] = [0x7969_2d74_7261_6365, 1, 0, 0];

pub(crate) type State = [Goldilocks; STATE];
pub(crate) type Matrix = [[Goldilocks; STATE]; STATE];

/// What a state's element is at the start; `None` where the key stands.
pub(crate) fn fixed_start(element: usize) -> Option<u64> {
    match element {
        0 => Some(LENGTH_TAG),
        1..4 => Some(0),
        4..8 => None,
        _ => DOMAIN.get(element - 8).copied(),
    }
}

/// The permutation's states: the start, and after each round.
pub(crate) fn states(start: &State) -> [State; ROUNDS + 1] {
    let mut inner = start.map(to_winter);
    let mut states = [*start; ROUNDS + 1];
    for (round, state) in states.iter_mut().skip(1).enumerate() {
        Rp64_256::apply_round(&mut inner, round);
        *state = inner.map(from_winter);
    }
    states
}

/// Where the permutation starts for `key`.
pub(crate) fn start(key: &TraceKey) -> State {
    let mut key = key.elements().iter();
    std::array::from_fn(|element| {
        let value = fixed_start(element).or_else(|| key.next().copied());
        Goldilocks::from_u64(value.unwrap_or_default())
    })
}

pub(crate) fn hash(key: &TraceKey) -> [u64; DIGEST] {
    let mut inner = start(key).map(to_winter);
    Rp64_256::apply_permutation(&mut inner);
    let mut rate = inner.iter().skip(RATE);
    std::array::from_fn(|_| rate.next().map_or(0, BaseElement::as_int))
}

pub(crate) fn mds() -> Matrix {
    Rp64_256::MDS.map(|row| row.map(from_winter))
}

pub(crate) fn inverse_mds() -> Matrix {
    Rp64_256::INV_MDS.map(|row| row.map(from_winter))
}

/// Constants added in the middle of each round.
pub(crate) fn middle_constants() -> [State; ROUNDS] {
    Rp64_256::ARK1.map(|row| row.map(from_winter))
}

/// Constants added at the end of each round.
pub(crate) fn end_constants() -> [State; ROUNDS] {
    Rp64_256::ARK2.map(|row| row.map(from_winter))
}

fn from_winter(element: BaseElement) -> Goldilocks {
    Goldilocks::from_u64(element.as_int())
}

fn to_winter(element: Goldilocks) -> BaseElement {
    use p3_field::PrimeField64;
    BaseElement::new(element.as_canonical_u64())
}
