//! The proof as its users meet it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod hostile;
mod statement;

use yilian_proof::{Context, KEY_SEED_SIZE, TraceId, TraceKey};

fn keys(count: usize) -> Vec<TraceKey> {
    let seed = || std::array::from_fn::<u8, KEY_SEED_SIZE, _>(|_| rand::random());
    (0..count)
        .map(|_| TraceKey::from_uniform_bytes(&seed()))
        .collect()
}

fn ids(keys: &[TraceKey]) -> Vec<TraceId> {
    keys.iter().map(TraceKey::id).collect()
}

fn context(byte: u8) -> Context {
    Context::new([byte; 32])
}
