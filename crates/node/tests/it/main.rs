//! The node's parts, together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod adding_a_call;
mod calls;
mod chain;
mod crash;
mod hostile;
mod network;
mod proof;
mod siege;
mod store;
mod toy;
mod whose;
