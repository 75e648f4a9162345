//! The wire: one spelling, limits, and what a check must catch.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod answers;
mod canonical;
mod golden;
mod letter;
mod mail;
mod quantum;
mod schema;
mod sealed;
mod sizes;
mod token;
mod trace;
mod types;
mod values;
