//! Tables that are not a hash of the ids must not be proven.

use p3_field::{Field, PrimeCharacteristicRing};
use p3_goldilocks::Goldilocks;

use super::{add_one, context, key, quick, seeded};
use crate::{
    TraceId, VerifyError,
    air::{SLOT, WIDTH, table},
    rescue::{self, ROUNDS, STATE, State},
    stark::{self, Quadratic},
};

fn accepted(ids: &[TraceId], table: p3_matrix::dense::RowMajorMatrix<Goldilocks>) -> bool {
    let parameters = quick();
    let proof =
        stark::prove_table::<Quadratic>(&parameters, ids, table, &context(1), seeded(3)).unwrap();
    match stark::verify::<Quadratic>(&parameters, ids, &context(1), &proof) {
        Ok(()) => true,
        Err(VerifyError::Invalid) => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_cell_of_the_table_is_constrained() {
    let key = key();
    let ids = [key.id()];
    let good = table(&[rescue::start(&key)], quick().slots);
    assert!(accepted(&ids, good.clone()));
    let mut free = Vec::new();
    for cell in 0..2 * SLOT * WIDTH {
        let mut tampered = good.clone();
        add_one(&mut tampered.values[cell]);
        if accepted(&ids, tampered) {
            free.push((cell / WIDTH, cell % WIDTH));
        }
    }
    // The middle of a round that does not follow means nothing, and nothing else is free.
    let last_rows = [ROUNDS, SLOT + ROUNDS];
    let meaningless = last_rows.map(|row| (2 * STATE..WIDTH).map(move |column| (row, column)));
    assert_eq!(free, meaningless.into_iter().flatten().collect::<Vec<_>>());
}

/// The classic forgery where a statement forgets the capacity: run the permutation backwards from
/// the id.
#[test]
fn running_the_permutation_backwards_forges_nothing() {
    let id = key().id();
    let start = backwards(&id);
    let end = rescue::states(&start)[ROUNDS];
    let found: Vec<_> = end[4..8].to_vec();
    let wanted: Vec<_> = id.elements().map(Goldilocks::from_u64).to_vec();
    assert_eq!(found, wanted, "the backwards run does end at the id");
    assert!(!accepted(&[id], table(&[start], quick().slots)));
}

/// The same with one lane of capacity or domain right and the rest as a forger likes: each lane
/// alone is constrained.
#[test]
fn each_lane_of_capacity_and_domain_is_constrained() {
    let key = key();
    for lane in (0..4).chain(8..STATE) {
        let mut start = rescue::start(&key);
        add_one(&mut start[lane]);
        let states = rescue::states(&start);
        let elements: [Goldilocks; 4] = states[ROUNDS][4..8].try_into().unwrap();
        let mut bytes = [0; 32];
        for (chunk, element) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(elements) {
            use p3_field::PrimeField64;
            *chunk = element.as_canonical_u64().to_be_bytes();
        }
        let id = TraceId::from_bytes(&bytes).unwrap();
        assert!(
            !accepted(&[id], table(&[start], quick().slots)),
            "lane {lane}"
        );
    }
}

fn backwards(id: &TraceId) -> State {
    /// x^(1/7): 7 times this is 1 modulo the order of the field's group.
    const SEVENTH_ROOT: u64 = 10_540_996_611_094_048_183;
    let mut state = [Goldilocks::ZERO; STATE];
    for (element, value) in state[4..8].iter_mut().zip(id.elements()) {
        *element = Goldilocks::from_u64(*value);
    }
    let inverse = rescue::inverse_mds();
    let unmix = |state: State| -> State {
        inverse.map(|row| {
            row.iter()
                .zip(state)
                .map(|(&factor, value)| factor * value)
                .sum()
        })
    };
    let minus = |state: State, constants: State| -> State {
        std::array::from_fn(|element| state[element] - constants[element])
    };
    for round in (0..ROUNDS).rev() {
        state = unmix(minus(state, rescue::end_constants()[round])).map(|x| x.exp_u64(7));
        state =
            unmix(minus(state, rescue::middle_constants()[round])).map(|x| x.exp_u64(SEVENTH_ROOT));
    }
    assert!(!state[0].inverse().is_zero());
    state
}
