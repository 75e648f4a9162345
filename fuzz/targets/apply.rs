//! Games of random bodies on the ledger: no rule panics, or breaks what it promises.
#![no_main]
#![allow(dead_code, reason = "the modules are the tests of the ledger, with more than a game needs")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/ledger/tests/it/anchors.rs"]
mod anchors;
#[path = "../../crates/ledger/tests/it/random.rs"]
mod random;
#[path = "../../crates/ledger/tests/it/trace.rs"]
mod trace;
#[path = "../../crates/ledger/tests/it/world.rs"]
mod world;

fuzz_target!(|bytes: &[u8]| random::play(bytes));
