//! The command line as a whole. What a command takes stands beside the function that carries it
//! out.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{
    commands::{
        ca::CaCommand,
        chain::{BlockCommand, ReceiptOptions, RecordCommand, VerifyOptions},
        delegate::DelegateCommand,
        doctor::{DoctorCommand, ValidateOptions},
        log::LogCommand,
        net::NetCommand,
        network::{InitOptions, ServeOptions},
        patient::PatientCommand,
        trace::TraceCommand,
    },
    demo::DemoOptions,
};

/// Patient-owned medical records on one machine: a network, its people, and every step between
/// them.
#[derive(Debug, Parser)]
#[command(name = "yilian", version, max_term_width = 100)]
pub struct Arguments {
    /// Where the network, its keys and its people's files are kept
    #[arg(
        long,
        global = true,
        env = "YILIAN_HOME",
        default_value = "yilian-home"
    )]
    pub home: PathBuf,
    /// Speak to the node at this URL instead of the network in --home
    #[arg(long, global = true, env = "YILIAN_NODE", value_name = "URL")]
    pub node: Option<String>,
    /// Answer with one JSON object instead of text, on standard output or in FILE; stands after
    /// the command
    #[arg(long, global = true, num_args = 0..=1, value_name = "FILE")]
    pub json: Option<Option<PathBuf>>,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a network: genesis, validator, consortium CA and regulators
    Init(InitOptions),
    /// Run the network's node and its HTTP API until interrupted
    Serve(ServeOptions),
    /// Make, run and examine a network of many nodes, each a process of its own
    #[command(subcommand)]
    Net(NetCommand),
    /// Say how far the chain is
    Status,
    /// Say who is who: admit hospitals, certify people, revoke certificates
    #[command(subcommand)]
    Ca(CaCommand),
    /// Say who orders blocks: stand nodes for election, and vote for one
    #[command(subcommand)]
    Delegate(DelegateCommand),
    /// Act as a doctor: seal a patient's visits, open what patients share
    #[command(subcommand)]
    Doctor(DoctorCommand),
    /// Act as a patient: check in, list, open, share, grant, revoke
    #[command(subcommand)]
    Patient(PatientCommand),
    /// Look at blocks
    #[command(subcommand)]
    Block(BlockCommand),
    /// Look at records as the chain sees them
    #[command(subcommand)]
    Record(RecordCommand),
    /// Follow medicines from factory to bedside: commission, ship, receive, dispense, show, recall
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Fetch and verify the proof that a transaction is final
    Receipt(ReceiptOptions),
    /// Look at a hospital's private chain, and audit it against the consortium chain
    #[command(subcommand)]
    Log(LogCommand),
    /// Verify a receipt without any node, from the genesis alone
    Verify(VerifyOptions),
    /// Check a FHIR bundle without importing it
    Validate(ValidateOptions),
    /// Play the whole story, on imported bundles or on synthetic patients, and print what each step
    /// costs
    Demo(DemoOptions),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// A range of numbers, as `2..8`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

impl std::str::FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no range, such as 2..8");
        let (min, max) = text.split_once("..").ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let (min, max) = number(min).zip(number(max)).ok_or_else(wrong)?;
        if min > max {
            return Err(wrong());
        }
        Ok(Self { min, max })
    }
}
