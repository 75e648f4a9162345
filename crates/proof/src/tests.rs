//! Tests that need the inside of the proof: a prover who cheats in the table, a verifier who looks
//! at what it is shown.

mod hiding;
mod soundness;

use p3_goldilocks::Goldilocks;
use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    Context, KEY_SEED_SIZE, ParameterSet, TraceKey,
    parameters::{Extension, Parameters},
};

/// Small and quick. A wrong cell is a quotient that is no polynomial, which any number of queries
/// finds.
fn quick() -> Parameters {
    Parameters {
        extension: Extension::Quadratic,
        slots: 8,
        log_blowup: 3,
        queries: 28,
        grinding: 1,
        proof_max: usize::MAX,
    }
}

fn key() -> TraceKey {
    let seed = std::array::from_fn::<u8, KEY_SEED_SIZE, _>(|_| rand::random());
    TraceKey::from_uniform_bytes(&seed)
}

fn context(byte: u8) -> Context {
    Context::new([byte; 32])
}

fn seeded(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn add_one(cell: &mut Goldilocks) {
    use p3_field::PrimeCharacteristicRing;
    *cell += Goldilocks::ONE;
}

#[test]
fn securities_are_as_documented() {
    for set in ParameterSet::ALL {
        for packs in [1, 2, 16, 17, 64, 256, 257, 1024, 4096] {
            let security = set.security(packs);
            println!(
                "{:<11} {packs:>5} packs: {security:?} {:?}",
                set.name(),
                set.parameters(packs)
            );
            match set {
                ParameterSet::Compact | ParameterSet::Balanced => {
                    assert!(security.conjectured >= 100, "{security:?}");
                }
                ParameterSet::Proven128 => assert!(security.proven >= 128, "{security:?}"),
            }
        }
    }
}
