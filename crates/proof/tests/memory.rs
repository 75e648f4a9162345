//! What a hostile proof makes the verifier allocate. Alone in its program: the allocator counts for
//! all threads, so other tests would count too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use yilian_proof::{Context, KEY_SEED_SIZE, ParameterSet, TraceKey, prove, verify};

const SET: ParameterSet = ParameterSet::Compact;

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Lengths that lie must not reserve memory.
#[test]
fn no_message_makes_the_verifier_allocate_much() {
    let seed = std::array::from_fn::<u8, KEY_SEED_SIZE, _>(|_| rand::random());
    let key = TraceKey::from_uniform_bytes(&seed);
    let (id, context) = (key.id(), Context::new([1; 32]));
    let proof = prove(SET, &[&key], &context, &mut rand::rng()).unwrap();
    verify(SET, &[id], &context, &proof).unwrap();
    let mut rng = StdRng::seed_from_u64(9);
    let mut worst = 0;
    for _ in 0..3_000 {
        let mut bytes = proof.clone();
        let at = rng.random_range(0..bytes.len());
        let end = (at + 10).min(bytes.len());
        // The largest number a length can claim.
        bytes[at..end].copy_from_slice(&[0xff; 10][..end - at]);
        if let Some(last) = bytes.get_mut(end - 1) {
            *last = 1;
        }
        HEAP.reset_peak_usage();
        let before = HEAP.current_usage();
        assert!(verify(SET, &[id], &context, &bytes).is_err());
        worst = worst.max(HEAP.peak_usage().saturating_sub(before));
    }
    println!("worst: {worst} bytes");
    assert!(worst < 8 << 20, "{worst} bytes");
}
