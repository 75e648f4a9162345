//! One function a command: reads files, calls the people's side, tells the answer.

pub mod ca;
pub mod chain;
pub mod delegate;
pub mod doctor;
pub mod log;
pub mod net;
pub mod network;
pub mod patient;
mod search;
pub mod trace;

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
        Command::Init(options) => network::init(&context, &options),
        Command::Serve(options) => network::serve(&context, options).await,
        Command::Net(command) => net::run(&context, command).await,
        Command::Status => chain::status(&context).await,
        Command::Ca(command) => ca::run(&context, command).await,
        Command::Delegate(command) => delegate::run(&context, command).await,
        Command::Doctor(command) => doctor::run(&context, command).await,
        Command::Patient(command) => patient::run(&context, command).await,
        Command::Block(command) => chain::block(&context, command).await,
        Command::Record(command) => chain::record(&context, command).await,
        Command::Trace(command) => trace::run(&context, command).await,
        Command::Receipt(options) => chain::receipt(&context, options).await,
        Command::Log(command) => log::run(&context, command).await,
        Command::Verify(options) => chain::verify(&context, &options),
        Command::Validate(options) => doctor::validate(&context, options),
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
