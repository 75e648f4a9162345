//! The program, as its users run it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures
)]

mod bad_input;
mod clinic;
mod commands_doc;
mod demo;
mod documents;
mod first_hour;
mod handed;
mod history;
mod holders;
mod keystore;
mod leakage;
mod letters;
mod lying_node;
mod net;
mod operated;
mod private_chain;
mod story;
mod tls;
mod trace_attacks;
mod trace_capture;
mod trace_privacy;
mod trace_story;
mod trace_trails;
mod trace_world;
mod yilian;
