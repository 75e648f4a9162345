//! The program `yilian`: a network on one machine, every step of a record's way as a command.
//!
//! Assembly only: what a step *is* stands in `client`, `node` and `record`; here are arguments,
//! files and output.

#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod demo;
mod home;
mod intake;
mod interrupt;
mod letters;
mod link;
mod naming;
mod output;
mod pki;
mod secrecy;
mod target;

use std::process::ExitCode;

use clap::Parser;
use rustix::fs::Mode;

use crate::arguments::{Arguments, joined};

/// What is logged unless `RUST_LOG` says otherwise. What ends the chain is told by its panic. What
/// its parts say of each other's end, when it is being stopped, is no line for people.
const QUIET: &str = "error,commonware=off";

fn main() -> ExitCode {
    // What it writes is its user's only, whichever library writes it.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(QUIET)),
        )
        .with_writer(std::io::stderr)
        // Of a standard error that nobody reads, nobody wants to hear.
        .log_internal_errors(false)
        .init();
    yilian_node::tls::prefer_hybrid_keys();
    link::tell_panics();
    let arguments = Arguments::parse_from(joined(std::env::args_os()));
    // Who wants a file reads the screen himself.
    let json = matches!(arguments.json, Some(None));
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&error.into(), json),
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(&error, json),
    }
}
