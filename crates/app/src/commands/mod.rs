//! One function a command: reads files, calls the people's side, tells the answer.

pub mod ca;
mod chain;
mod delegate;
mod doctor;
mod log;
mod net;
pub mod network;
mod patient;
mod search;
mod trace;

use clap::CommandFactory as _;
use std::time::{SystemTime, UNIX_EPOCH};
use yilian_protocol::TimeMs;

use crate::{
    arguments::{Arguments, Command},
    demo,
    home::Home,
    link::Opened,
    output::Output,
};

/// What every command needs.
#[derive(Debug)]
pub struct Context {
    home: Home,
    node: Option<String>,
    output: Output,
}

impl Context {
    async fn open(&self) -> anyhow::Result<Opened> {
        Opened::open(&self.home, self.node.as_deref()).await
    }
}

/// Carries out the command line.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        home,
        node,
        json,
        command,
    } = arguments;
    let context = Context {
        home: Home::new(home),
        node,
        output: Output::new(json),
    };
    match command {
        Command::Init { name } => network::init(&context, &name),
        Command::Serve { listen } => network::serve(&context, listen).await,
        Command::Net(command) => net::run(&context, command).await,
        Command::Status => chain::status(&context).await,
        Command::Ca(command) => ca::run(&context, command).await,
        Command::Delegate(command) => delegate::run(&context, command).await,
        Command::Doctor(command) => doctor::run(&context, command).await,
        Command::Patient(command) => patient::run(&context, command).await,
        Command::Block(command) => chain::block(&context, command).await,
        Command::Record(command) => chain::record(&context, command).await,
        Command::Trace(command) => trace::run(&context, command).await,
        Command::Receipt { transaction } => chain::receipt(&context, transaction).await,
        Command::Log(command) => log::run(&context, command).await,
        Command::Verify { receipt, genesis } => {
            chain::verify(&context, &receipt, genesis.as_deref())
        }
        Command::Validate { file, known } => doctor::validate(&context, &file, &known),
        Command::Demo(options) => demo::run(&context.home, &context.output, options).await,
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "yilian",
                &mut std::io::stdout(),
            );
            Ok(())
        }
    }
}

/// This machine's clock.
pub fn now() -> TimeMs {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    TimeMs::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds of an hour.
pub const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// Key holders of a grant, unless somebody says otherwise.
pub const GRANT_HOLDERS: usize = 5;

/// More than half of `count`.
pub const fn majority(count: usize) -> usize {
    count / 2 + 1
}
