//! The rules, each broken on purpose.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod anchors;
mod consent;
mod disclosure;
mod faults;
mod governance;
mod membership;
mod purity;
mod random;
mod registry_and_record;
mod search;
mod trace;
mod world;
