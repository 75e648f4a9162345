//! The statement as constraints on a table (an algebraic intermediate representation).
//!
//! A *slot* of 8 rows is one hash: row `r` holds the state before round `r`, row 7 the last. A row
//! is
//! ```text
//! s (12)         the state
//! s^3 (12)
//! t^3 (12)       t = MDS^-1 (s_next - end constants): the state between the round's two halves
//! ```
//! A round says `MDS s^7 + middle constants = t^7`; the cubes keep every constraint at degree 4.
//! Slots that are left over repeat the last key.

use std::borrow::Cow;

use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_goldilocks::Goldilocks;
use p3_matrix::dense::RowMajorMatrix;

use crate::{
    key::TraceId,
    rescue::{self, DIGEST, Matrix, RATE, ROUNDS, STATE, State},
};

/// Rows of one hash.
pub(crate) const SLOT: usize = ROUNDS + 1;
/// Columns.
pub(crate) const WIDTH: usize = 3 * STATE;

/// Columns that everybody knows and that repeat.
mod periodic {
    use super::{DIGEST, STATE};

    /// 1 on the rows of a slot that a round follows.
    pub(super) const ROUND: usize = 0;
    /// 1 on a slot's first row.
    pub(super) const FIRST: usize = 1;
    /// 1 on a slot's last row.
    pub(super) const LAST: usize = 2;
    pub(super) const MIDDLE: usize = 3;
    pub(super) const END: usize = MIDDLE + STATE;
    pub(super) const ID: usize = END + STATE;
    pub(super) const COUNT: usize = ID + DIGEST;
}

/// "The slots' hashes are these ids." The ids shape the constraints; that they are public values as
/// well puts them into the transcript.
#[derive(Debug)]
pub(crate) struct PreimageAir {
    periodic: Vec<Vec<Goldilocks>>,
    public_values: usize,
    mds: Matrix,
    inverse_mds: Matrix,
}

impl PreimageAir {
    pub(crate) fn new(ids: &[TraceId], slots: usize) -> Self {
        let on = |rows: std::ops::Range<usize>| {
            (0..SLOT).map(move |row| Goldilocks::from_bool(rows.contains(&row)))
        };
        let mut columns = vec![
            on(0..ROUNDS).collect(),
            on(0..1).collect(),
            on(ROUNDS..SLOT).collect(),
        ];
        columns.extend(constant_columns(&rescue::middle_constants()));
        columns.extend(constant_columns(&rescue::end_constants()));
        columns.extend((0..DIGEST).map(|element| id_column(ids, slots, element)));
        debug_assert_eq!(columns.len(), periodic::COUNT);
        Self {
            periodic: columns,
            public_values: DIGEST * ids.len(),
            mds: rescue::mds(),
            inverse_mds: rescue::inverse_mds(),
        }
    }
}

/// One column for each element of the state: a round's constant on its row, 0 on the last.
fn constant_columns(
    constants: &[State; ROUNDS],
) -> impl Iterator<Item = Vec<Goldilocks>> + use<'_> {
    (0..STATE).map(|element| {
        let rows = constants
            .iter()
            .map(move |row| row.get(element).copied().unwrap_or_default());
        rows.chain([Goldilocks::ZERO]).collect()
    })
}

/// An element of the ids on the slots' last rows. One id's column repeats slot by slot, so a
/// verifier's work for it does not grow with the height.
fn id_column(ids: &[TraceId], slots: usize, element: usize) -> Vec<Goldilocks> {
    let period = if ids.len() == 1 { 1 } else { slots };
    let mut column = Vec::with_capacity(period * SLOT);
    for id in (0..period).filter_map(|slot| ids.get(slot).or(ids.last())) {
        column.extend([Goldilocks::ZERO; ROUNDS]);
        let value = id.elements().get(element).copied().unwrap_or_default();
        column.push(Goldilocks::from_u64(value));
    }
    column
}

impl BaseAir<Goldilocks> for PreimageAir {
    fn width(&self) -> usize {
        WIDTH
    }

    fn num_public_values(&self) -> usize {
        self.public_values
    }

    fn num_periodic_columns(&self) -> usize {
        self.periodic.len()
    }

    fn periodic_columns(&self) -> Cow<'_, [Vec<Goldilocks>]> {
        Cow::Borrowed(&self.periodic)
    }
}

#[allow(
    clippy::indexing_slicing,
    reason = "every index is below the constant width of its row"
)]
impl<AB: AirBuilder<F = Goldilocks>> Air<AB> for PreimageAir {
    fn eval(&self, builder: &mut AB) {
        let main = builder.main();
        let row: Vec<AB::Expr> = exprs::<AB, _>(main.current_slice());
        let next: Vec<AB::Expr> = exprs::<AB, _>(&main.next_slice()[..STATE]);
        let known: Vec<AB::Expr> = exprs::<AB, _>(builder.periodic_values());
        let (state, cubes) = row.split_at(STATE);
        let (state_cubed, middle_cubed) = cubes.split_at(STATE);

        // Every slot starts from the length tag and the domain: else a forger inverts the
        // permutation.
        for (element, value) in state.iter().enumerate() {
            if let Some(start) = rescue::fixed_start(element) {
                let difference = value.clone() - Goldilocks::from_u64(start);
                builder.assert_zero(known[periodic::FIRST].clone() * difference);
            }
        }
        for element in 0..DIGEST {
            let difference = state[RATE + element].clone() - known[periodic::ID + element].clone();
            builder.assert_zero(known[periodic::LAST].clone() * difference);
        }

        let sevenths: Vec<AB::Expr> = state
            .iter()
            .zip(state_cubed)
            .map(|(value, cubed)| cubed.square() * value.clone())
            .collect();
        let unshifted: Vec<AB::Expr> = next
            .iter()
            .zip(&known[periodic::END..])
            .map(|(value, constant)| value.clone() - constant.clone())
            .collect();
        let round = || known[periodic::ROUND].clone();
        for element in 0..STATE {
            builder.assert_zero(state[element].cube() - state_cubed[element].clone());
            let middle = product::<AB>(&self.inverse_mds[element], &unshifted);
            let cubed = &middle_cubed[element];
            builder.assert_zero(round() * (middle.cube() - cubed.clone()));
            let forward = product::<AB>(&self.mds[element], &sevenths)
                + known[periodic::MIDDLE + element].clone();
            builder.assert_zero(round() * (forward - cubed.square() * middle));
        }
    }
}

fn exprs<AB: AirBuilder<F = Goldilocks>, T: Copy + Into<AB::Expr>>(values: &[T]) -> Vec<AB::Expr> {
    values.iter().map(|&value| value.into()).collect()
}

/// A row of a matrix times a vector.
fn product<AB: AirBuilder<F = Goldilocks>>(
    row: &[Goldilocks; STATE],
    vector: &[AB::Expr],
) -> AB::Expr {
    row.iter()
        .zip(vector)
        .fold(AB::Expr::ZERO, |sum, (&factor, value)| {
            sum + value.clone() * factor
        })
}

/// The table for hashes that start at `starts`; the last of them fills the slots that are left.
pub(crate) fn table(starts: &[State], slots: usize) -> RowMajorMatrix<Goldilocks> {
    let inverse = rescue::inverse_mds();
    let ends = rescue::end_constants();
    let mut cells = Vec::with_capacity(slots * SLOT * WIDTH);
    for slot in 0..slots {
        let Some(start) = starts.get(slot).or(starts.last()) else {
            break;
        };
        let states = rescue::states(start);
        for (row, state) in states.iter().enumerate() {
            cells.extend(state);
            cells.extend(state.map(|element| element.cube()));
            let after = states.get(row + 1).zip(ends.get(row));
            cells.extend(after.map_or([Goldilocks::ZERO; STATE], |(next, end)| {
                middle(&inverse, next, end).map(|element| element.cube())
            }));
        }
    }
    RowMajorMatrix::new(cells, WIDTH)
}

/// The state between the halves of a round, from the state after it.
fn middle(inverse: &Matrix, next: &State, end: &State) -> State {
    let mut unshifted = *next;
    for (value, constant) in unshifted.iter_mut().zip(end) {
        *value -= *constant;
    }
    inverse.map(|row| {
        let terms = row.iter().zip(unshifted);
        terms.map(|(&factor, value)| factor * value).sum()
    })
}
