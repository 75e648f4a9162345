//! The node's parts, together.

mod chain;
