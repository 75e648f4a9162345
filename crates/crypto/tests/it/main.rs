//! What a hostile reviewer would try, vectors checked by second implementations, and published test
//! vectors.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod attacks;
mod escrow;
mod hostile;
mod keystore;
mod oracle;
mod people;
mod properties;
mod search;
mod secrets;
mod setting;
mod stamp;
mod threshold;
mod trace;
mod vectors;
mod wycheproof;
