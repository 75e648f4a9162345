//! People's side against a node in a temporary folder, as the programs use it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures
)]

mod actors;
mod attacks;
mod author;
mod calendar;
mod crooked;
mod drafts;
mod explorer;
mod faults;
mod granting;
mod grants;
mod keys_file;
mod mail;
mod note;
mod owners;
mod people;
mod queue;
mod recovery;
mod regulators;
mod renewal;
mod searches;
mod world;
