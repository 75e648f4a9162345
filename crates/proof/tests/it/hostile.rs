//! Proofs by somebody who means harm.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};
use yilian_proof::{ParameterSet, TraceId, VerifyError, prove, verify};

use crate::{context, keys};

const SET: ParameterSet = ParameterSet::Compact;

fn proof() -> (TraceId, Vec<u8>) {
    let key = &keys(1)[0];
    let proof = prove(SET, &[key], &context(1), &mut rand::rng()).unwrap();
    (key.id(), proof)
}

/// One change of a proof: a bit, a byte, a cut, bytes put in or taken out, a run overwritten, two
/// runs exchanged.
fn mutate(proof: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = proof.to_vec();
    let at = rng.random_range(0..bytes.len());
    let end = (at + rng.random_range(1..40)).min(bytes.len());
    match rng.random_range(0..8) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes[at] = rng.random(),
        2 => bytes.truncate(at),
        3 => bytes.insert(at, rng.random()),
        4 => drop(bytes.drain(at..end)),
        5 => bytes[at..end].fill(0xff),
        6 => bytes.push(rng.random()),
        _ => {
            let to = rng.random_range(0..bytes.len() - (end - at));
            bytes.copy_within(at..end, to);
        }
    }
    bytes
}

#[test]
fn a_hundred_thousand_mutated_proofs_are_refused() {
    const MUTATIONS: u64 = 100_000;
    let (id, proof) = proof();
    verify(SET, &[id], &context(1), &proof).unwrap();
    let panics = AtomicUsize::new(0);
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (proof, panics) = (&proof, &panics);
            scope.spawn(move || {
                let mut rng = StdRng::seed_from_u64(part);
                for _ in 0..MUTATIONS / 4 {
                    let mutated = mutate(proof, &mut rng);
                    if mutated == *proof {
                        continue;
                    }
                    let verdict =
                        std::panic::catch_unwind(|| verify(SET, &[id], &context(1), &mutated));
                    match verdict {
                        Ok(Err(_)) => {}
                        Ok(Ok(())) => panic!("a mutated proof was accepted"),
                        Err(_) => drop(panics.fetch_add(1, Ordering::Relaxed)),
                    }
                }
            });
        }
    });
    drop(std::panic::take_hook());
    assert_eq!(panics.into_inner(), 0);
}

#[test]
fn trailing_bytes_and_long_forms_of_numbers_are_refused() {
    let (id, proof) = proof();
    let mut longer = proof.clone();
    longer.push(0);
    assert_eq!(
        verify(SET, &[id], &context(1), &longer),
        Err(VerifyError::Malformed)
    );
    assert_eq!(
        verify(SET, &[id], &context(1), &[]),
        Err(VerifyError::Malformed)
    );
    let mut respelled = 0;
    for at in 0..proof.len().min(4_000) {
        // 0x05 as 0x85 0x00: the same number to a lenient reader.
        let mut bytes = proof.clone();
        bytes[at] |= 0x80;
        bytes.insert(at + 1, 0);
        respelled += usize::from(verify(SET, &[id], &context(1), &bytes).is_err());
    }
    assert_eq!(respelled, proof.len().min(4_000));
}

#[test]
fn an_overlong_message_is_refused_before_it_is_read() {
    let (id, _) = proof();
    let verdict = verify(SET, &[id], &context(1), &vec![0xff; 10 << 20]);
    assert!(matches!(verdict, Err(VerifyError::TooLong { found, limit })
        if found == 10 << 20 && limit < 200 << 10));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_are_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..4096),
        packs in 1usize..20,
    ) {
        let id = TraceId::from_bytes(&[1; 32]).unwrap();
        for set in ParameterSet::ALL {
            prop_assert!(verify(set, &vec![id; packs], &context(1), &bytes).is_err());
        }
    }
}
