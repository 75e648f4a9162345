//! The program, as its users run it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod bad_input;
mod demo;
mod leakage;
mod lying_node;
mod story;
mod yilian;
