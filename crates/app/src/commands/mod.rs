//! One function a command: reads files, calls the people's side, tells the answer.

pub mod ca;
pub mod chain;
pub mod delegate;
pub mod doctor;
pub mod keystore;
pub mod letters;
pub mod log;
pub mod net;
pub mod network;
pub mod patient;
pub mod regulator;
mod seal;
mod search;
pub mod trace;

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::CommandFactory as _;
use yilian_protocol::{TimeMs, media::MediaType};
use yilian_record::media::extension;

use crate::{
    arguments::{Arguments, Command},
    demo,
    home::Home,
    link::Opened,
    output::{Form, Output},
    secrecy::SecrecyOptions,
    target::{Target, Targets},
};

/// What every command needs.
#[derive(Debug)]
pub struct Context {
    home: Home,
    node: Option<String>,
    output: Output,
    targets: Targets,
}

impl Context {
    async fn open(&self) -> anyhow::Result<Opened> {
        Opened::open(&self.home, self.node.as_deref()).await
    }

    /// A file that the command will write; looked at before anything else is done.
    fn target(&self, path: &Path) -> anyhow::Result<Target> {
        self.targets.add(path)
    }

    /// A file that a record will be written to. A name without an ending gets that of the record's
    /// kind, which nobody knows before it is opened: none of the names that it may get is taken.
    fn record_target(&self, path: &Path) -> anyhow::Result<Target> {
        let target = self.target(path)?;
        target.takes(MediaType::ALL.iter().map(|media| extension(*media)))?;
        Ok(target)
    }
}

/// Carries out the command line.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        home,
        secrecy,
        node,
        json,
        command,
    } = arguments;
    let targets = Targets::default();
    let form = match json {
        None => Form::Text,
        Some(None) => Form::Json,
        Some(Some(file)) => Form::File(targets.add(&file)?),
    };
    let keep_plain = secrecy.says_nothing();
    let context = Context {
        home: Home::new(home, secrecy),
        node,
        output: Output::new(form),
        targets,
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
        Command::Regulator(command) => regulator::run(&context, command).await,
        Command::Block(command) => chain::block(&context, command).await,
        Command::Record(command) => chain::record(&context, command).await,
        Command::Trace(command) => trace::run(&context, command).await,
        Command::Receipt(options) => chain::receipt(&context, options).await,
        Command::Log(command) => log::run(&context, command).await,
        Command::Verify(options) => chain::verify(&context, &options),
        Command::Validate(options) => doctor::validate(&context, options),
        Command::Keystore(command) => keystore::run(&context, command),
        Command::Demo(options) => {
            let home = &context.home;
            // Nobody's secrets: the people are made up.
            let home = if keep_plain {
                &Home::new(home.root().to_owned(), SecrecyOptions::plain())
            } else {
                home
            };
            demo::run(home, &context.output, options).await
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "yilian", &mut script);
            context.output.print(&String::from_utf8(script)?)
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
