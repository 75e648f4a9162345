//! The node's parts, together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod chain;
mod crash;
mod proof;
mod store;
mod toy;
