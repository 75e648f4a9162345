//! What a verifier sees of the table, and what it can make of it.
//!
//! The attack: a proof opens the columns' polynomials at the query points. From as many points as a
//! polynomial has coefficients Lagrange's formula gives all of it, the row with the key included.
//! It succeeds against the same statement proven without hiding, and against masks that repeat.

use std::{cell::RefCell, collections::BTreeMap};

use p3_challenger::{CanObserve, CanSample, CanSampleBits, FieldChallenger, GrindingChallenger};
use p3_commit::ExtensionMmcs;
use p3_dft::Radix2DitParallel;
use p3_field::{BasedVectorSpace, ExtensionField, Field, PrimeCharacteristicRing, TwoAdicField};
use p3_fri::TwoAdicFriPcs;
use p3_goldilocks::Goldilocks;
use p3_merkle_tree::MerkleTreeMmcs;
use p3_symmetric::SerializingHasher;
use p3_uni_stark::{Proof, StarkConfig};
use rand::rngs::StdRng;

use super::{context, key, quick, seeded};
use crate::{
    Context, ProveError, TraceId, TraceKey,
    air::{PreimageAir, table},
    hash::Blake3,
    parameters::Parameters,
    rescue,
    stark::{self, Challenger, LeafHash, NodeHash, Quadratic},
};

thread_local! {
    /// (bits, index) of every position the verifier drew.
    static DRAWN: RefCell<Vec<(usize, usize)>> = const { RefCell::new(Vec::new()) };
}

/// The transcript of a verifier who notes which positions it asks for.
#[derive(Clone)]
struct Noting(Challenger);

impl<T> CanObserve<T> for Noting
where
    Challenger: CanObserve<T>,
{
    fn observe(&mut self, value: T) {
        self.0.observe(value);
    }

    fn observe_slice(&mut self, values: &[T])
    where
        T: Clone,
    {
        self.0.observe_slice(values);
    }
}

impl<T> CanSample<T> for Noting
where
    Challenger: CanSample<T>,
{
    fn sample(&mut self) -> T {
        self.0.sample()
    }
}

impl CanSampleBits<usize> for Noting {
    fn sample_bits(&mut self, bits: usize) -> usize {
        let index = self.0.sample_bits(bits);
        DRAWN.with_borrow_mut(|drawn| drawn.push((bits, index)));
        index
    }
}

impl FieldChallenger<Goldilocks> for Noting {}

impl GrindingChallenger for Noting {
    type Witness = Goldilocks;

    fn grind(&mut self, bits: usize) -> Goldilocks {
        self.0.grind(bits)
    }

    fn check_witness(&mut self, bits: usize, witness: Goldilocks) -> bool {
        self.0.check_witness(bits, witness)
    }
}

type PlainMmcs = MerkleTreeMmcs<Goldilocks, u8, LeafHash, NodeHash, 2, 32>;
type PlainPcs = TwoAdicFriPcs<
    Goldilocks,
    Radix2DitParallel<Goldilocks>,
    PlainMmcs,
    ExtensionMmcs<Goldilocks, Quadratic, PlainMmcs>,
>;
type Plain<C> = StarkConfig<PlainPcs, Quadratic, C>;

/// The same statement without hiding.
fn plain<C: Clone>(parameters: &Parameters, challenger: C) -> Plain<C> {
    let mmcs = PlainMmcs::new(SerializingHasher::new(Blake3), NodeHash::new(Blake3), 0);
    let fri = parameters.fri(ExtensionMmcs::new(mmcs.clone()));
    StarkConfig::new(
        PlainPcs::new(Radix2DitParallel::default(), mmcs, fri),
        challenger,
    )
}

/// Points of the state's polynomials: x -> the state's columns at x.
type Points = BTreeMap<u64, Vec<Goldilocks>>;

/// What a verifier notes of the table while it verifies: positions from the transcript, rows from
/// the openings.
fn note(log_height: usize, openings: &[Vec<Vec<Goldilocks>>], points: &mut Points) {
    let positions: Vec<usize> = DRAWN
        .take()
        .into_iter()
        .filter(|(bits, _)| *bits == log_height)
        .map(|(_, index)| index)
        .collect();
    assert_eq!(
        positions.len(),
        openings.len(),
        "one position for each opened row"
    );
    let generator = Goldilocks::two_adic_generator(log_height);
    for (position, matrices) in positions.iter().zip(openings) {
        let exponent = position.reverse_bits() >> (usize::BITS as usize - log_height);
        let x = Goldilocks::GENERATOR * generator.exp_u64(exponent as u64);
        use p3_field::PrimeField64;
        points.insert(x.as_canonical_u64(), matrices[0][..12].to_vec());
    }
}

/// Interpolates the key's columns through `degree` of the points, or all there are, and reads the
/// first row.
fn interpolate_key(points: &Points, degree: usize) -> [u64; 4] {
    let points: Vec<(Goldilocks, &Vec<Goldilocks>)> = points
        .iter()
        .take(degree)
        .map(|(&x, row)| (Goldilocks::from_u64(x), row))
        .collect();
    std::array::from_fn(|element| {
        let at_one: Goldilocks = points
            .iter()
            .enumerate()
            .map(|(i, (x, row))| {
                let others = points.iter().enumerate().filter(|(j, _)| *j != i);
                let weight: Goldilocks = others
                    .map(|(_, (other, _))| (Goldilocks::ONE - *other) * (*x - *other).inverse())
                    .product();
                row[4 + element] * weight
            })
            .sum();
        use p3_field::PrimeField64;
        at_one.as_canonical_u64()
    })
}

fn prove_plainly(parameters: &Parameters, key: &TraceKey, context: &Context) -> Vec<u8> {
    let ids = [key.id()];
    let air = PreimageAir::new(&ids, parameters.slots);
    let table = table(&[rescue::start(key)], parameters.slots);
    let config = plain(parameters, stark::challenger(context));
    let proof = p3_uni_stark::prove(&config, &air, table, &stark::public_values(&ids)).unwrap();
    postcard::to_allocvec(&proof).unwrap()
}

/// Verifies a plain proof and notes its points.
fn watch_plain(parameters: &Parameters, id: TraceId, context: &Context, proof: &[u8]) -> Points {
    let config = plain(parameters, Noting(stark::challenger(context)));
    let proof: Proof<Plain<Noting>> = postcard::from_bytes(proof).unwrap();
    let air = PreimageAir::new(&[id], parameters.slots);
    DRAWN.take();
    p3_uni_stark::verify(&config, &air, &proof, &stark::public_values(&[id])).unwrap();
    let mut points = Points::new();
    let openings = &proof.opening_proof.input_openings[0].opened_values;
    note(
        parameters.log_height() - 1 + parameters.log_blowup,
        openings,
        &mut points,
    );
    points
}

/// Verifies a proof of ours and adds its points.
fn watch(parameters: &Parameters, id: TraceId, context: &Context, proof: &[u8], into: &mut Points) {
    let noting = Noting(stark::challenger(context));
    let config = stark::config::<Quadratic, _>(parameters, noting, seeded(0));
    let proof: Proof<stark::Config<Quadratic, Noting>> = postcard::from_bytes(proof).unwrap();
    let air = PreimageAir::new(&[id], parameters.slots);
    DRAWN.take();
    p3_uni_stark::verify(&config, &air, &proof, &stark::public_values(&[id])).unwrap();
    // First the masking polynomial's opening, then the table's.
    let rounds = &proof.opening_proof.1.input_openings;
    let table = rounds
        .iter()
        .find(|round| round.opened_values[0][0].len() >= 36)
        .unwrap();
    note(
        parameters.log_height() + parameters.log_blowup,
        &table.opened_values,
        into,
    );
}

fn prove_hiding(
    parameters: &Parameters,
    key: &TraceKey,
    context: &Context,
    masks: StdRng,
) -> Vec<u8> {
    stark::prove::<Quadratic>(parameters, &[key], context, masks).unwrap()
}

#[test]
fn a_proof_without_hiding_gives_the_key_away() {
    // Fewer rows than queries.
    let parameters = Parameters {
        slots: 4,
        queries: 64,
        ..quick()
    };
    let key = key();
    let proof = prove_plainly(&parameters, &key, &context(1));
    let points = watch_plain(&parameters, key.id(), &context(1), &proof);
    assert!(points.len() >= parameters.rows());
    assert_eq!(interpolate_key(&points, parameters.rows()), *key.elements());
}

#[test]
fn a_proof_of_ours_does_not_however_many_are_watched() {
    let parameters = quick();
    let key = key();
    let mut points = Points::new();
    for byte in 0..12 {
        let context = context(byte);
        let masks = stark::masks(&[&key], &context, &mut rand::rng()).unwrap();
        let proof = prove_hiding(&parameters, &key, &context, masks);
        watch(&parameters, key.id(), &context, &proof, &mut points);
    }
    assert!(points.len() > 2 * parameters.rows());
    assert_ne!(
        interpolate_key(&points, 2 * parameters.rows()),
        *key.elements()
    );
    assert_ne!(interpolate_key(&points, parameters.rows()), *key.elements());
}

/// The same attack with the same tools succeeds where the masks repeat: so it is not blind, and so
/// a repeated seed is what must not happen.
#[test]
fn repeated_masks_give_the_key_away_and_a_repeated_generator_does_not_repeat_them() {
    let parameters = quick();
    let key = key();
    let watched = |masks: &dyn Fn(&Context) -> StdRng| {
        let mut points = Points::new();
        for byte in 0..12 {
            let context = context(byte);
            let proof = prove_hiding(&parameters, &key, &context, masks(&context));
            watch(&parameters, key.id(), &context, &proof, &mut points);
        }
        interpolate_key(&points, 2 * parameters.rows())
    };
    assert_eq!(watched(&|_| seeded(5)), *key.elements());
    let hedged = |context: &Context| stark::masks(&[&key], context, &mut seeded(5)).unwrap();
    assert_ne!(watched(&hedged), *key.elements());
}

/// A generator that is stuck is found at once.
#[test]
fn a_stuck_generator_is_refused() {
    struct Stuck;
    impl rand_core::TryRng for Stuck {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(7)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(7)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(7);
            Ok(())
        }
    }
    impl rand_core::TryCryptoRng for Stuck {}
    let masks = stark::masks(&[&key()], &context(1), &mut Stuck);
    assert!(matches!(masks, Err(ProveError::Randomness)));
}

/// As many values opened as there are masks would leave nothing hidden.
#[test]
fn a_table_too_short_for_its_queries_is_refused() {
    let short = Parameters {
        slots: 4,
        ..quick()
    };
    let refused = stark::prove::<Quadratic>(&short, &[&key()], &context(1), seeded(1));
    assert!(matches!(refused, Err(ProveError::Hiding(_))), "{refused:?}");
    assert!(stark::prove::<Quadratic>(&quick(), &[&key()], &context(1), seeded(1)).is_ok());
}

/// Perfect hiding of the opened rows. A column is the polynomial through N values of the table and
/// N uniform masks. What a proof shows of it is linear in the masks: one value for each query, two
/// base-field values for each of two points outside. Where that map has full row rank, the
/// opened values are uniform whatever the table is, so a simulator can draw them.
#[test]
fn opened_values_are_uniform() {
    let parameters = quick();
    let masked = 2 * parameters.rows();
    let domain = Goldilocks::two_adic_generator(parameters.log_height());
    let masks: Vec<_> = (0..parameters.rows() as u64)
        .map(|row| domain.exp_u64(2 * row + 1))
        .collect();
    let log_points = parameters.log_height() + parameters.log_blowup;
    let generator = Goldilocks::two_adic_generator(log_points);
    for seed in 0..20 {
        use rand::RngExt as _;
        let mut rng = seeded(seed);
        let mut queries = std::collections::BTreeSet::new();
        while queries.len() < parameters.queries {
            queries.insert(rng.random_range(0..1u64 << log_points));
        }
        let mut map: Vec<Vec<Goldilocks>> = queries
            .iter()
            .map(|&query| {
                let x = Goldilocks::GENERATOR * generator.exp_u64(query);
                masks.iter().map(|&mask| basis(x, mask, masked)).collect()
            })
            .collect();
        let outside: Quadratic = Quadratic::from_basis_coefficients_fn(|_| {
            Goldilocks::from_u64(rng.random::<u64>() >> 1)
        });
        for point in [outside, outside * Quadratic::from(domain.square())] {
            let values: Vec<Quadratic> = masks
                .iter()
                .map(|&mask| basis(point, mask, masked))
                .collect();
            for coefficient in 0..2 {
                let column = values.iter().map(|value| {
                    BasedVectorSpace::<Goldilocks>::as_basis_coefficients_slice(value)[coefficient]
                });
                map.push(column.collect());
            }
        }
        assert_eq!(rank(map), parameters.queries + 4);
    }
}

/// The Lagrange polynomial of `point` among the `count`-th roots of unity, at `x`.
fn basis<E: ExtensionField<Goldilocks>>(x: E, point: Goldilocks, count: usize) -> E {
    let count = count as u64;
    let vanishing = x.exp_u64(count) - E::ONE;
    let scale = point * Goldilocks::from_u64(count).inverse();
    vanishing * E::from(scale) * (x - E::from(point)).inverse()
}

fn rank(mut rows: Vec<Vec<Goldilocks>>) -> usize {
    let columns = rows.first().map_or(0, Vec::len);
    let mut rank = 0;
    for column in 0..columns {
        let pivot = (rank..rows.len()).find(|&row| !rows[row][column].is_zero());
        let Some(pivot) = pivot else { continue };
        rows.swap(rank, pivot);
        let (above, below) = rows.split_at_mut(rank + 1);
        let pivot = &above[rank];
        let inverse = pivot[column].inverse();
        for row in below.iter_mut() {
            let factor = row[column] * inverse;
            for (cell, value) in row.iter_mut().zip(pivot).skip(column) {
                *cell -= factor * *value;
            }
        }
        rank += 1;
        if rank == rows.len() {
            break;
        }
    }
    rank
}
