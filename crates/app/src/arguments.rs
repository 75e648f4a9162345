//! The command line as a whole. What a command takes stands beside the function that carries it
//! out.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use clap::{
    Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};

use crate::{
    commands::{
        ca::CaCommand,
        chain::{BlockCommand, ReceiptOptions, RecordCommand, VerifyOptions},
        delegate::DelegateCommand,
        doctor::{DoctorCommand, ValidateOptions},
        keystore::KeystoreCommand,
        log::LogCommand,
        net::NetCommand,
        network::{InitOptions, ServeOptions},
        patient::PatientCommand,
        regulator::RegulatorCommand,
        trace::TraceCommand,
    },
    demo::DemoOptions,
    secrecy::SecrecyOptions,
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
    /// How its secrets are kept
    #[command(flatten)]
    pub secrecy: SecrecyOptions,
    /// Speak to the node at this URL instead of the network in --home
    #[arg(long, global = true, env = "YILIAN_NODE", value_name = "URL")]
    pub node: Option<String>,
    /// Answer with one JSON object instead of text; with FILE, which must not exist, as text and
    /// in that file. A FILE that does not end in `.json` stands behind `=`
    #[arg(
        long,
        global = true,
        num_args = 0..=1,
        require_equals = true,
        value_name = "FILE"
    )]
    pub json: Option<Option<PathBuf>>,
    #[command(subcommand)]
    pub command: Command,
}

/// `--json FILE` as `--json=FILE`. Only a name that ends in `.json` is taken for the file: in
/// `yilian --json status` and `yilian block show --json 5` no file is meant.
pub fn joined(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter().peekable();
    let mut joined = Vec::new();
    while let Some(mut argument) = arguments.next() {
        if argument == "--" {
            joined.push(argument);
            break;
        }
        if argument == "--json"
            && let Some(file) = arguments.next_if(|next| is_json(next))
        {
            argument.push("=");
            argument.push(file);
        }
        joined.push(argument);
    }
    joined.extend(arguments);
    joined
}

fn is_json(name: &OsStr) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
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
    /// Say how secrets are kept: seal them, change the passphrase
    #[command(subcommand)]
    Keystore(KeystoreCommand),
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
    /// Act as a regulator: open the identity behind a pseudonym, with others
    #[command(subcommand)]
    Regulator(RegulatorCommand),
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

/// Reads one of `all` by its name; `--help` and errors list the names.
pub fn one_of<T>(all: &'static [T], name: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync,
{
    let names: Vec<_> = all.iter().map(|value| name(*value)).collect();
    PossibleValuesParser::new(names).try_map(move |text| {
        let mut all = all.iter().copied();
        all.find(|value| name(*value) == text).ok_or("unknown")
    })
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

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    fn parsed(line: &str) -> Arguments {
        let words = line.split(' ').map(OsString::from);
        Arguments::try_parse_from(joined(words)).unwrap()
    }

    #[test]
    fn json_stands_anywhere_and_takes_no_word_that_is_not_meant() {
        for (line, file) in [
            ("yilian --json status", None),
            ("yilian status --json", None),
            ("yilian block --json show 5", None),
            ("yilian block show --json 5", None),
            ("yilian --json out.json status", Some("out.json")),
            ("yilian status --json OUT.JSON", Some("OUT.JSON")),
            ("yilian --json=answer status", Some("answer")),
            ("yilian status --json=a=b", Some("a=b")),
        ] {
            let json = parsed(line).json;
            assert_eq!(json, Some(file.map(PathBuf::from)), "{line}");
        }
        let Command::Block(BlockCommand::Show { height }) =
            parsed("yilian block show --json 5").command
        else {
            panic!("another command");
        };
        assert_eq!(height.unwrap().get(), 5);
        assert_eq!(parsed("yilian status").json, None);
        // What stands behind `--` is no option.
        let words = ["yilian", "validate", "--", "--json", "a.json"];
        assert_eq!(joined(words.map(OsString::from)).len(), 5);
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
