//! The node's parts, together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod chain;
mod crash;
mod store;
mod toy;
