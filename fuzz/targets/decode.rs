//! Everything on the wire and on the chain: nothing panics, and there is one spelling of each value.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/protocol/tests/it/types.rs"]
mod types;

fuzz_target!(|bytes: &[u8]| types::read(bytes));
