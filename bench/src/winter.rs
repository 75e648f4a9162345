//! The same statement in winterfell, for comparison: one Rescue round a row, 12 columns, 8 rows for
//! each id. It is not zero-knowledge: its proofs open the columns themselves, at more points than a
//! column of one id has rows, so the key follows from a proof by interpolation.

use winterfell::{
    AcceptableOptions, Air, AirContext, Assertion, AuxRandElements, BatchingMethod,
    CompositionPoly, CompositionPolyTrace, ConstraintCompositionCoefficients,
    DefaultConstraintCommitment, DefaultConstraintEvaluator, DefaultTraceLde, EvaluationFrame,
    FieldExtension, PartitionOptions, Proof, ProofOptions, Prover, StarkDomain, TraceInfo,
    TracePolyTable, TraceTable, TransitionConstraintDegree,
    crypto::{
        DefaultRandomCoin, MerkleTree,
        hashers::{Blake3_256, Rp64_256},
    },
    math::{FieldElement, ToElements, fields::f64::BaseElement},
    matrix::ColMatrix,
};

type Hash = Blake3_256<BaseElement>;
type Tree = MerkleTree<Hash>;
type Coin = DefaultRandomCoin<Hash>;
type Digest = [BaseElement; 4];

const STATE: usize = 12;
const SLOT: usize = 8;
const DOMAIN: [u64; 4] = [0x7969_2d74_7261_6365, 1, 0, 0];

/// What is proven: the ids, and a context that no constraint mentions.
#[derive(Clone)]
pub struct Statement {
    ids: Vec<Digest>,
    context: Digest,
}

impl ToElements<BaseElement> for Statement {
    fn to_elements(&self) -> Vec<BaseElement> {
        let ids = self.ids.iter().flatten().copied();
        self.context.into_iter().chain(ids).collect()
    }
}

/// 28 queries at blow-up 8 and 16 bits of grinding: 100 bits conjectured, as the balanced set.
fn options() -> ProofOptions {
    let linear = BatchingMethod::Linear;
    ProofOptions::new(28, 8, 16, FieldExtension::Quadratic, 8, 31, linear, linear)
}

fn start(key: &Digest) -> [BaseElement; STATE] {
    let mut state = [BaseElement::ZERO; STATE];
    state[0] = BaseElement::new(8);
    state[4..8].copy_from_slice(key);
    for (element, value) in state[8..].iter_mut().zip(DOMAIN) {
        *element = BaseElement::new(value);
    }
    state
}

fn hash(key: &Digest) -> Digest {
    let mut state = start(key);
    Rp64_256::apply_permutation(&mut state);
    std::array::from_fn(|at| state[4 + at])
}

/// Random keys; their number must be a power of two.
pub fn keys(count: usize) -> Vec<Digest> {
    let element = |_| BaseElement::new(rand::random::<u64>() >> 1);
    (0..count).map(|_| std::array::from_fn(element)).collect()
}

/// Proves knowledge of the keys.
pub fn prove(keys: &[Digest], context: u64) -> anyhow::Result<(Statement, Vec<u8>)> {
    let statement = Statement {
        ids: keys.iter().map(hash).collect(),
        context: [BaseElement::new(context); 4],
    };
    let mut table = TraceTable::new(STATE, keys.len() * SLOT);
    for (slot, key) in keys.iter().enumerate() {
        let mut state = start(key);
        for row in 0..SLOT {
            table.update_row(slot * SLOT + row, &state);
            if row + 1 < SLOT {
                Rp64_256::apply_round(&mut state, row);
            }
        }
    }
    let prover = Knower {
        options: options(),
        statement: statement.clone(),
    };
    let proof = prover
        .prove(table)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok((statement, proof.to_bytes()))
}

/// Verifies a proof.
pub fn verify(statement: &Statement, proof: &[u8]) -> anyhow::Result<()> {
    let proof = Proof::from_bytes(proof).map_err(|error| anyhow::anyhow!("{error}"))?;
    let acceptable = AcceptableOptions::OptionSet(vec![options()]);
    winterfell::verify::<Preimages, Hash, Coin, Tree>(proof, statement.clone(), &acceptable)
        .map_err(|error| anyhow::anyhow!("{error}"))
}

struct Preimages {
    context: AirContext<BaseElement>,
    statement: Statement,
    periodic: Vec<Vec<BaseElement>>,
}

impl Air for Preimages {
    type BaseField = BaseElement;
    type PublicInputs = Statement;

    fn new(info: TraceInfo, statement: Statement, options: ProofOptions) -> Self {
        let many = statement.ids.len() > 1;
        let column = |value: &dyn Fn(usize) -> BaseElement| (0..SLOT).map(value).collect();
        let constant = |rounds: &[[BaseElement; STATE]; 7], element: usize, row: usize| {
            rounds
                .get(row)
                .map_or(BaseElement::ZERO, |round| round[element])
        };
        let mut periodic = Vec::new();
        if many {
            periodic.push(column(&|row| BaseElement::new(u64::from(row + 1 < SLOT))));
        }
        for element in 0..STATE {
            periodic.push(column(&|row| constant(&Rp64_256::ARK1, element, row)));
        }
        for element in 0..STATE {
            periodic.push(column(&|row| constant(&Rp64_256::ARK2, element, row)));
        }
        let degree = if many {
            TransitionConstraintDegree::with_cycles(7, vec![SLOT])
        } else {
            TransitionConstraintDegree::with_cycles(7, vec![])
        };
        Self {
            context: AirContext::new(info, vec![degree; STATE], STATE, options),
            statement,
            periodic,
        }
    }

    fn context(&self) -> &AirContext<BaseElement> {
        &self.context
    }

    fn get_periodic_column_values(&self) -> Vec<Vec<BaseElement>> {
        self.periodic.clone()
    }

    fn evaluate_transition<E: FieldElement<BaseField = BaseElement>>(
        &self,
        frame: &EvaluationFrame<E>,
        periodic: &[E],
        result: &mut [E],
    ) {
        let (flag, constants) = match self.statement.ids.len() {
            1 => (E::ONE, periodic),
            _ => (periodic[0], &periodic[1..]),
        };
        let (middle, end) = constants.split_at(STATE);
        let seventh = |x: E| {
            let cube = x.square() * x;
            cube.square() * x
        };
        let forward: [E; STATE] = std::array::from_fn(|at| seventh(frame.current()[at]));
        let backward: [E; STATE] = std::array::from_fn(|at| frame.next()[at] - end[at]);
        for (at, slot) in result.iter_mut().enumerate() {
            let (mut left, mut right) = (middle[at], E::ZERO);
            for other in 0..STATE {
                left += forward[other] * E::from(Rp64_256::MDS[at][other]);
                right += backward[other] * E::from(Rp64_256::INV_MDS[at][other]);
            }
            *slot = flag * (left - seventh(right));
        }
    }

    fn get_assertions(&self) -> Vec<Assertion<BaseElement>> {
        let ids = &self.statement.ids;
        let fixed = start(&[BaseElement::ZERO; 4]);
        let mut assertions = Vec::new();
        for column in (0..4).chain(8..STATE) {
            assertions.push(match ids.len() {
                1 => Assertion::single(column, 0, fixed[column]),
                _ => Assertion::periodic(column, 0, SLOT, fixed[column]),
            });
        }
        for element in 0..4 {
            assertions.push(match ids.as_slice() {
                [id] => Assertion::single(4 + element, SLOT - 1, id[element]),
                ids => {
                    let values = ids.iter().map(|id| id[element]).collect();
                    Assertion::sequence(4 + element, SLOT - 1, SLOT, values)
                }
            });
        }
        assertions
    }
}

struct Knower {
    options: ProofOptions,
    statement: Statement,
}

impl Prover for Knower {
    type BaseField = BaseElement;
    type Air = Preimages;
    type Trace = TraceTable<BaseElement>;
    type HashFn = Hash;
    type VC = Tree;
    type RandomCoin = Coin;
    type TraceLde<E: FieldElement<BaseField = BaseElement>> = DefaultTraceLde<E, Hash, Tree>;
    type ConstraintCommitment<E: FieldElement<BaseField = BaseElement>> =
        DefaultConstraintCommitment<E, Hash, Tree>;
    type ConstraintEvaluator<'a, E: FieldElement<BaseField = BaseElement>> =
        DefaultConstraintEvaluator<'a, Preimages, E>;

    fn get_pub_inputs(&self, _: &Self::Trace) -> Statement {
        self.statement.clone()
    }

    fn options(&self) -> &ProofOptions {
        &self.options
    }

    fn new_trace_lde<E: FieldElement<BaseField = BaseElement>>(
        &self,
        info: &TraceInfo,
        main: &ColMatrix<BaseElement>,
        domain: &StarkDomain<BaseElement>,
        partitions: PartitionOptions,
    ) -> (Self::TraceLde<E>, TracePolyTable<E>) {
        DefaultTraceLde::new(info, main, domain, partitions)
    }

    fn build_constraint_commitment<E: FieldElement<BaseField = BaseElement>>(
        &self,
        trace: CompositionPolyTrace<E>,
        columns: usize,
        domain: &StarkDomain<BaseElement>,
        partitions: PartitionOptions,
    ) -> (Self::ConstraintCommitment<E>, CompositionPoly<E>) {
        DefaultConstraintCommitment::new(trace, columns, domain, partitions)
    }

    fn new_evaluator<'a, E: FieldElement<BaseField = BaseElement>>(
        &self,
        air: &'a Preimages,
        aux: Option<AuxRandElements<E>>,
        coefficients: ConstraintCompositionCoefficients<E>,
    ) -> Self::ConstraintEvaluator<'a, E> {
        DefaultConstraintEvaluator::new(air, aux, coefficients)
    }
}
