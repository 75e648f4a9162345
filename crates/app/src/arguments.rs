//! The command line.

pub mod trace;

use std::{num::NonZeroU32, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use yilian_protocol::{
    CertificateId, Confidentiality, GrantId, Height, RecordId, TransactionId,
    governance::EpochBlocks,
    grant::Purpose,
    registry::{Motion, Role},
    transport::Form,
};

use self::trace::TraceCommand;

/// Patient-owned medical records on one machine: a network, its people, and every step between them.
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
    /// Answer with one JSON object instead of text, on standard output or in FILE; stands after the command
    #[arg(long, global = true, num_args = 0..=1, value_name = "FILE")]
    pub json: Option<Option<PathBuf>>,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a network: genesis, validator, consortium CA and regulators
    Init {
        /// The consortium's name
        #[arg(long, default_value = "Yilian consortium")]
        name: String,
    },
    /// Run the network's node and its HTTP API until interrupted
    Serve {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:8420")]
        listen: std::net::SocketAddr,
    },
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
    Receipt {
        /// The transaction
        transaction: TransactionId,
    },
    /// Look at a hospital's private chain, and audit it against the consortium chain
    #[command(subcommand)]
    Log(LogCommand),
    /// Verify a receipt without any node, from the genesis alone
    Verify {
        /// What `yilian receipt ... --json FILE` wrote
        receipt: PathBuf,
        /// The genesis of the chain; that of --home if left out
        #[arg(long, value_name = "FILE")]
        genesis: Option<PathBuf>,
    },
    /// Check a FHIR bundle without importing it
    Validate {
        /// The bundle's file, or those of its resources
        #[arg(required = true)]
        file: Vec<PathBuf>,
        /// Bundles of hospitals and practitioners that it may refer to
        #[arg(long, value_name = "FILE")]
        known: Vec<PathBuf>,
    },
    /// Play the whole story, on imported bundles or on synthetic patients, and print what each step costs
    Demo(DemoOptions),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What is done about elections. Votes count in the ceremony of the epoch after the next; who gets a share there votes from the epoch behind it.
#[derive(Debug, Subcommand)]
pub enum DelegateCommand {
    /// List the candidates with their votes, and the delegates of this epoch and the next two
    List,
    /// Stand a member's node for election, by the member's CA
    Stand {
        /// The node's settings, `node.json`: beside it stands the key with which the node consents
        settings: PathBuf,
        /// Whose node it is, by name
        #[arg(long)]
        member: String,
        /// Withdraw it
        #[arg(long)]
        withdraw: bool,
    },
    /// Vote for a candidate, by a member's CA; replaces the member's vote of before
    Vote {
        /// The candidate's key, as `list` shows it, or the first digits; nobody to take the vote back
        candidate: Option<String>,
        /// Whose vote, by name
        #[arg(long)]
        by: String,
    },
}

/// What is done with a network of many nodes.
#[derive(Debug, Subcommand)]
pub enum NetCommand {
    /// Write configuration, genesis, keys and committee of a new network; a hospital for each node
    Create {
        /// Where; serves as --home afterwards
        dir: PathBuf,
        /// Nodes that vote: of 3f + 1, f may fail in any way
        #[arg(long, default_value = "4")]
        validators: NonZeroU32,
        /// Nodes that dial their hubs only, receive every block and verify it
        #[arg(long, default_value_t = 0)]
        followers: u32,
        /// Hubs of each follower: the first, and those to go on with when it fails
        #[arg(long, default_value = "2")]
        hubs: NonZeroU32,
        /// First of the ports that are taken: two for each node
        #[arg(long, default_value_t = 8500)]
        port: u16,
        /// Deal the group key instead of having the validators make it together: quicker, but whoever deals knows it
        #[arg(long)]
        dealt: bool,
        /// Blocks of an epoch: votes for delegates take effect in the epoch after the next
        #[arg(long, default_value_t = EpochBlocks::DEFAULT.get())]
        epoch_blocks: u32,
        /// How many of the latest blocks each node keeps, two epochs at least; all of them if left out
        #[arg(long)]
        keep_blocks: Option<u64>,
        /// Speak plain HTTP instead of TLS, for a proxy in front of each node
        #[arg(long)]
        plain: bool,
        /// The consortium's name
        #[arg(long, default_value = "Yilian consortium")]
        name: String,
    },
    /// Run all nodes of a network until interrupted; a node that fails is started again
    Up {
        /// Where the network is
        dir: PathBuf,
    },
    /// Ask every node of a running network how it is; fails if one does not answer, lags, or tells another chain
    Doctor {
        /// Where the network is
        dir: PathBuf,
    },
}

/// What is done with a hospital's private chain.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Show a block, or how far the chain is
    Show {
        /// The hospital's name
        hospital: String,
        /// The block's height
        height: Option<Height>,
    },
    /// Check every block and entry: against each other, against the anchors, and against the records on the consortium chain. What was rewritten is placed; fails if
    /// anything was
    Verify {
        /// The hospital's name
        hospital: String,
    },
    /// Check the entries that wait, as a person of the hospital who wrote none of them, and close a block over those that are right
    Check {
        /// The person's name
        name: String,
        /// Go on checking until interrupted
        #[arg(long)]
        watch: bool,
    },
    /// Prove that an entry stands under the latest anchor
    Prove {
        /// The hospital's name
        hospital: String,
        /// The entry's number, from 0
        entry: u64,
    },
}

/// What a certificate authority does.
#[derive(Debug, Subcommand)]
pub enum CaCommand {
    /// Admit an organisation as a member, by the consortium's CA
    Admit {
        /// Its name
        name: String,
    },
    /// Certify a person of a member, by the member's CA
    Certify {
        /// The member's name
        member: String,
        /// The person's name
        name: String,
        /// What the person may do
        #[arg(long, default_value = "doctor")]
        role: Role,
        /// First moment of validity, RFC 3339; now if left out
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Days of validity
        #[arg(long, default_value_t = 365)]
        days: u64,
    },
    /// Give a certified person a new certificate for the same keys, by the member's CA
    Renew {
        /// The person's name
        name: String,
        /// Days of validity from now on
        #[arg(long, default_value_t = 365)]
        days: u64,
    },
    /// Revoke a certificate, by the member's CA
    Revoke {
        /// The certificate
        certificate: CertificateId,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Vote to suspend, reinstate or expel a member, by another member's CA; carried by more than half of the others
    Vote {
        /// What: suspend, reinstate or expel
        motion: Motion,
        /// About which member, by name
        subject: String,
        /// Whose vote, by name
        #[arg(long)]
        by: String,
        /// Take the vote back
        #[arg(long)]
        withdraw: bool,
    },
    /// Certify a member's node or desk for TLS, by the member's CA (X.509); or renew that
    Tls {
        /// The member's name
        member: String,
        /// DNS names and IP addresses at which it is reached
        #[arg(long, required = true)]
        host: Vec<String>,
        /// The folder to write root.pem, chain.pem and key.pem to, as `node.json` names them
        #[arg(long)]
        out: PathBuf,
        /// Days of validity
        #[arg(long, default_value_t = crate::pki::LEAF_DAYS)]
        days: i64,
    },
    /// Give a maker, courier, pharmacist or regulator passes for appending to traces, by the consortium's CA
    Passes {
        /// The person's name
        name: String,
        /// How many: each append uses one
        #[arg(long, default_value_t = 50)]
        count: usize,
        /// Whole days of validity behind the current one, 1 to 30
        #[arg(long, default_value_t = 7)]
        days: u64,
    },
    /// List members and certificates
    List,
}

/// What a doctor does.
#[derive(Debug, Subcommand)]
pub enum DoctorCommand {
    /// Seal the visits of a FHIR bundle to the patient of a visit token
    Seal {
        /// The doctor's name
        name: String,
        /// The patient's visit token
        #[arg(long, value_name = "FILE")]
        token: PathBuf,
        /// The visit's resources: a FHIR R4 bundle of any type, or resources and NDJSON in one or more files
        #[arg(long, value_name = "FILE", required = true)]
        bundle: Vec<PathBuf>,
        /// Of an export of many patients: whose resources, such as Patient/1
        #[arg(long)]
        patient: Option<String>,
        /// What was told and is right so: another patient, another quarter, or `history` for several visits under one token
        #[arg(long, value_name = "NAME")]
        accept: Vec<String>,
        /// Bundles of hospitals and practitioners that it refers to
        #[arg(long, value_name = "FILE")]
        known: Vec<PathBuf>,
    },
    /// Open a record that a patient shared once
    Open {
        /// The doctor's name
        name: String,
        /// The share
        #[arg(value_name = "FILE")]
        share: PathBuf,
        /// Write the record there instead of to the terminal
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List the records that a patient's search letter finds
    Search {
        /// The doctor's name
        name: String,
        /// The letter
        #[arg(value_name = "FILE")]
        letter: PathBuf,
    },
    /// Sign that a patient's emergency grant has to be opened, for a second clinician to countersign
    Emergency {
        /// The first clinician's name
        name: String,
        /// The grant
        grant: GrantId,
        /// The second clinician's certificate
        #[arg(long)]
        second: CertificateId,
        /// Why; the patient will read it
        #[arg(long)]
        reason: String,
        /// Write what is to be countersigned there
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Countersign, and open the grant for a day; it stays on the chain for the patient to see
    Countersign {
        /// The second clinician's name
        name: String,
        /// What the first one signed
        #[arg(value_name = "FILE")]
        opening: PathBuf,
    },
    /// Read a record under a standing grant
    Read {
        /// The doctor's name
        name: String,
        /// The grant's letter
        #[arg(value_name = "FILE")]
        letter: PathBuf,
        /// The record; all of the letter's if left out
        #[arg(long)]
        record: Option<RecordId>,
        /// Write a record there instead of to the terminal
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// What a patient does.
#[derive(Debug, Subcommand)]
pub enum PatientCommand {
    /// Make a wallet and print its 24 words, once
    New {
        /// A name for the wallet on this machine; the chain never learns it
        name: String,
        /// Print the words in Chinese
        #[arg(long)]
        chinese: bool,
    },
    /// Make a wallet again from its 24 words, and find visits and grants on the chain
    Recover {
        /// A name for the wallet on this machine
        name: String,
        /// Read the words from this file; from standard input if left out
        #[arg(long, value_name = "FILE")]
        words: Option<PathBuf>,
    },
    /// Make the token for a visit to a hospital
    CheckIn {
        /// The wallet
        name: String,
        /// The hospital's name
        #[arg(long)]
        hospital: String,
        /// The quarter of the care, as 2026-Q4; the current one if left out
        #[arg(long)]
        period: Option<yilian_protocol::Quarter>,
        /// Keep the visit out of every grant for the quarter
        #[arg(long)]
        private: bool,
        /// Hours until the token ends
        #[arg(long, default_value_t = 24)]
        hours: u64,
        /// Write the token there
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Find records by code or word, or write a letter that lets a doctor find them
    Search(SearchOptions),
    /// List all records
    List {
        /// The wallet
        name: String,
    },
    /// Open a record and check its author
    Open {
        /// The wallet
        name: String,
        /// The record
        record: RecordId,
        /// Write the record there instead of to the terminal
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Share one record with one reader, once and without a trace
    Share {
        /// The wallet
        name: String,
        /// The record
        record: RecordId,
        /// The reader's certificate
        #[arg(long)]
        reader: CertificateId,
        /// The form of the re-encapsulation
        #[arg(long, default_value = "gt")]
        form: Form,
        /// Write the share there
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make a standing grant
    Grant(GrantOptions),
    /// Pause a grant
    Pause(GrantName),
    /// Resume a paused grant
    Resume(GrantName),
    /// Revoke a grant for good; its key holders erase their shares and say so on the chain
    Revoke(GrantName),
    /// List every use of a grant, as its key holders noted them
    Uses(GrantName),
    /// List all grants and whether they are served
    Grants {
        /// The wallet
        name: String,
    },
}

/// A standing grant to be made.
#[derive(Debug, Args)]
pub struct GrantOptions {
    /// The wallet
    pub name: String,
    /// The reader's certificate
    #[arg(long)]
    pub reader: CertificateId,
    /// Which levels
    #[arg(long, value_enum, value_delimiter = ',', default_value = "clinical")]
    pub levels: Vec<Level>,
    /// What for
    #[arg(long, default_value = "TREAT")]
    pub purpose: Purpose,
    /// Days until the grant ends
    #[arg(long, default_value_t = 90)]
    pub days: u64,
    /// Quarters to come that it covers too, at the hospitals visited so far
    #[arg(long, default_value_t = 0)]
    pub quarters: u8,
    /// Served in emergencies only, for a day after two clinicians opened it; you see every opening
    #[arg(long)]
    pub emergency: bool,
    /// Members whose nodes hold the keys, by name; the hospitals visited and others up to five, if left out
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub holders: Vec<String>,
    /// How many of them it takes to read; more than half, if left out
    #[arg(long, value_name = "COUNT")]
    pub threshold: Option<usize>,
    /// Write the letter there
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// A level of sensitivity on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// De-identified, coded
    Statistics,
    /// Diagnoses, medication, results
    Clinical,
    /// Psychiatric, sexual health, genetic, substance use ...
    Sensitive,
    /// Name, contact, identifiers
    Identity,
}

impl From<Level> for Confidentiality {
    fn from(level: Level) -> Self {
        match level {
            Level::Statistics => Self::Statistics,
            Level::Clinical => Self::Clinical,
            Level::Sensitive => Self::Sensitive,
            Level::Identity => Self::Identity,
        }
    }
}

/// A grant of a wallet.
#[derive(Debug, Args)]
pub struct GrantName {
    /// The wallet
    pub name: String,
    /// The grant
    pub grant: GrantId,
}

/// What to see of blocks.
#[derive(Debug, Subcommand)]
pub enum BlockCommand {
    /// Show a block and its transactions
    Show {
        /// Its height; the latest if left out
        height: Option<Height>,
    },
    /// List blocks, latest first
    List {
        /// How many
        #[arg(long, default_value_t = 20)]
        count: u64,
    },
}

/// What to see of records.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Show what the chain knows of a record
    Show {
        /// The record
        record: RecordId,
    },
}

/// What the demonstration plays on.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// A folder of FHIR R4 bundles: hospital and practitioner bundles first, then patients. Synthetic patients if left out
    #[arg(long, value_name = "DIR")]
    pub fhir: Option<PathBuf>,
    /// How many patients: all of the folder, or 12 synthetic ones, if left out
    #[arg(long)]
    pub patients: Option<usize>,
    /// Seed of the synthetic patients
    #[arg(long, default_value_t = 2026)]
    pub seed: u64,
    /// Keep the network in --home instead of a temporary folder
    #[arg(long)]
    pub keep: bool,
}

/// What is sought, and where.
#[derive(Debug, clap::Args)]
pub struct SearchOptions {
    /// The wallet
    pub name: String,
    /// Codes (I10, 38341003, 4548-4) or words (高血压, bronchitis); a record must have all of them
    #[arg(required = true)]
    pub words: Vec<String>,
    /// At this hospital only
    #[arg(long)]
    pub hospital: Option<String>,
    /// Not before this quarter, as 2026-Q1
    #[arg(long)]
    pub from: Option<yilian_protocol::Quarter>,
    /// Not after this quarter
    #[arg(long)]
    pub until: Option<yilian_protocol::Quarter>,
    /// Make sure that the node kept nothing back: reads the index of every record
    #[arg(long)]
    pub check: bool,
    /// Write a letter by which a doctor finds the same records, instead of listing them
    #[arg(long, value_name = "FILE")]
    pub letter: Option<PathBuf>,
}
