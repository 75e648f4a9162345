//! The command line of the trail of medicines.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What happens to medicines.
#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    /// Make codes for packs and cartons, and the symbols to print
    #[command(subcommand)]
    Codes(CodesCommand),
    /// Bring packs into being, as their maker
    Commission {
        #[command(flatten)]
        step: StepOptions,
        /// Lowest and highest temperature at which they are kept, in degrees Celsius, as 2..8
        #[arg(long, value_name = "MIN..MAX", allow_hyphen_values = true)]
        storage: Option<Range>,
    },
    /// Put packs into a carton, or cartons onto a pallet
    Pack {
        #[command(flatten)]
        step: StepOptions,
        /// The carton's code
        #[arg(long, value_name = "FILE")]
        into: PathBuf,
    },
    /// Take packs out of a carton
    Unpack {
        #[command(flatten)]
        step: StepOptions,
        /// The carton's code
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Send packs or cartons on their way
    Ship(StepOptions),
    /// Receive packs or cartons
    Receive(StepOptions),
    /// Look packs over, as a regulator, or report a thermometer's record
    Inspect(StepOptions),
    /// Give a pack to a patient, which closes its trace
    Dispense {
        #[command(flatten)]
        step: StepOptions,
        /// The record with the prescription, shared by the patient with this pharmacist
        #[arg(long, value_name = "FILE")]
        share: Option<PathBuf>,
        /// The MedicationRequest's id, when the record holds several
        #[arg(long, requires = "share")]
        item: Option<String>,
        /// A part of a split pack: the trace stays open for the rest
        #[arg(long)]
        part: bool,
    },
    /// Destroy packs, which closes their traces
    Destroy(StepOptions),
    /// Call packs back, which closes their traces
    Recall(StepOptions),
    /// Declare an event of one's own organisation wrong
    Correct {
        #[command(flatten)]
        step: StepOptions,
        /// The event's id, as `show` tells it
        #[arg(long)]
        event: String,
        /// It did not happen at all; else its data are wrong
        #[arg(long)]
        did_not_occur: bool,
        /// The id of the event that holds instead
        #[arg(long)]
        right: Option<String>,
    },
    /// Append an EPCIS 2.0 event from a file, JSON-LD
    Capture {
        #[command(flatten)]
        step: StepOptions,
        /// The event, or a document with one
        #[arg(long, value_name = "FILE")]
        event: PathBuf,
    },
    /// Bring onto the chain what was captured with --offline
    Sync {
        /// The person's name
        name: String,
    },
    /// Show a pack's trail: every signature checked, every alarm told
    Show {
        #[command(flatten)]
        codes: CodeOptions,
        /// Tell only the events that this EPCIS query selects (SimpleEventQuery, JSON)
        #[arg(long, value_name = "FILE")]
        query: Option<PathBuf>,
        /// Write the events as an EPCIS 2.0 document
        #[arg(long, value_name = "FILE")]
        epcis: Option<PathBuf>,
    },
    /// Check an EPCIS 2.0 document (JSON-LD) without appending it
    Validate {
        /// The document
        file: PathBuf,
    },
}

/// What codes to make.
#[derive(Debug, Subcommand)]
pub enum CodesCommand {
    /// Packs under GS1 numbers
    Gs1 {
        /// The product: GTIN of 8, 12, 13 or 14 digits
        #[arg(long)]
        gtin: String,
        /// The batch
        #[arg(long)]
        batch: String,
        /// The last day of use, as 2028-02-29
        #[arg(long)]
        expiry: String,
        /// What serial numbers begin with; the rest is random
        #[arg(long, default_value = "")]
        prefix: String,
        #[command(flatten)]
        made: MadeOptions,
    },
    /// Packs under national 20-digit codes
    National {
        /// The first 7 digits, which name the medicine
        #[arg(long)]
        product: String,
        #[command(flatten)]
        made: MadeOptions,
    },
    /// Cartons and pallets
    Carton {
        /// Extension digit and company prefix: 8 to 13 digits
        #[arg(long)]
        company: String,
        #[command(flatten)]
        made: MadeOptions,
    },
}

/// How many codes, and where to.
#[derive(Debug, Args)]
pub struct MadeOptions {
    /// How many
    #[arg(long, default_value_t = 1)]
    pub count: usize,
    /// Write the codes there, one a line: whoever has the file can append to their traces
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Draw the symbols into this folder: SVG and PNG
    #[arg(long, value_name = "DIR")]
    pub symbols: Option<PathBuf>,
}

/// Codes that were scanned.
#[derive(Debug, Args)]
pub struct CodeOptions {
    /// Codes, one a line, as a scanner sends them or as links
    #[arg(long, value_name = "FILE")]
    pub codes: Vec<PathBuf>,
    /// A code, as a scanner sends it or as a link
    #[arg(long = "code", value_name = "CODE")]
    pub texts: Vec<String>,
}

/// Who does it to what, where and when.
#[derive(Debug, Args)]
pub struct StepOptions {
    /// The person's name
    pub name: String,
    #[command(flatten)]
    pub codes: CodeOptions,
    /// Where: an identifier, such as urn:epc:id:sgln:0614141.07346.0
    #[arg(long)]
    pub place: Option<String>,
    /// When, RFC 3339; now if left out
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// What a thermometer showed: lowest and highest, in degrees Celsius, as 3.5..7
    #[arg(long, value_name = "MIN..MAX", allow_hyphen_values = true)]
    pub temperature: Option<Range>,
    /// Keep it here; `yilian trace sync` brings it onto the chain
    #[arg(long)]
    pub offline: bool,
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
