//! Making codes.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use rand::RngExt as _;
use serde::Serialize;
use yilian_record::gs1::{
    Code20, Expiry, Gtin, Identity, NationalCode, PackCode, PackSecret, Sscc,
};

use super::Context;
use crate::{home::write_private, output::trouble};

/// Pixels of a module in PNG.
const SCALE: usize = 6;

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

pub fn make(context: &Context, command: CodesCommand) -> anyhow::Result<()> {
    match command {
        CodesCommand::Gs1 {
            gtin,
            batch,
            expiry,
            prefix,
            made,
        } => {
            let gtin = Gtin::parse_any(&gtin)?;
            let batch = Code20::parse(&batch, "batch")?;
            let date = expiry.parse().context("the expiry date, as 2028-02-29")?;
            let expiry = Expiry::new(date)?;
            let serial = || {
                // As many random characters as fit, so that serial numbers do not tell how many
                // packs there are.
                let room = 20_usize.saturating_sub(prefix.len()).min(12);
                let digits: String = (0..room).map(|_| random_character()).collect();
                Code20::parse(&format!("{prefix}{digits}"), "serial number")
            };
            let identity = || {
                Ok(Identity::Gs1 {
                    gtin: gtin.clone(),
                    serial: serial()?,
                    batch: batch.clone(),
                    expiry,
                })
            };
            codes(&made, identity)?.tell(context, &made)
        }
        CodesCommand::National { product, made } => {
            let identity = || {
                let pack = rand::rng().random_range(0..1_000_000_000_000_u64);
                let code = NationalCode::complete(&format!("{product}{pack:012}"))?;
                Ok(Identity::National { code })
            };
            codes(&made, identity)?.tell(context, &made)
        }
        CodesCommand::Carton { company, made } => {
            let identity = || {
                Ok(Identity::Container {
                    sscc: sscc(&company)?,
                })
            };
            codes(&made, identity)?.tell(context, &made)
        }
    }
}

/// Without 0, O, 1, I and l, which people confuse.
fn random_character() -> char {
    const SET: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let place = rand::rng().random_range(0..SET.len());
    SET.get(place).copied().map_or('2', char::from)
}

/// The company's digits, random ones behind them, and the check digit.
fn sscc(company: &str) -> anyhow::Result<Sscc> {
    if !(8..=13).contains(&company.len()) || !company.bytes().all(|b| b.is_ascii_digit()) {
        return Err(trouble(
            "an SSCC begins with an extension digit and a company prefix, 8 to 13 digits",
            "give the digits that your GS1 organisation assigned",
        ));
    }
    let room = 17 - company.len();
    let rest: String = (0..room)
        .map(|_| char::from(b'0' + rand::rng().random_range(0..10_u8)))
        .collect();
    let body = format!("{company}{rest}");
    // The check digit is the one of ten that fits.
    let found = ('0'..='9').find_map(|digit| Sscc::parse(&format!("{body}{digit}")).ok());
    found.context("no check digit fits")
}

struct Codes(Vec<PackCode>);

fn codes(
    made: &MadeOptions,
    identity: impl Fn() -> anyhow::Result<Identity>,
) -> anyhow::Result<Codes> {
    if made.count == 0 || made.count > 1_000_000 {
        return Err(trouble(
            "one file holds 1 to 1,000,000 codes",
            "choose another --count",
        ));
    }
    let code = || {
        Ok(PackCode::new(
            identity()?,
            PackSecret::random(&mut rand::rng()),
        ))
    };
    let codes: anyhow::Result<Vec<_>> = (0..made.count).map(|_| code()).collect();
    Ok(Codes(codes?))
}

impl Codes {
    fn tell(&self, context: &Context, made: &MadeOptions) -> anyhow::Result<()> {
        let mut text = zeroize::Zeroizing::new(String::new());
        for code in &self.0 {
            text.push_str(&code.to_link().unwrap_or_else(|| code.to_text()));
            text.push('\n');
        }
        write_private(&made.out, text.as_bytes())?;
        if let Some(folder) = &made.symbols {
            self.draw(folder)?;
        }
        context.output.tell(&Made {
            codes: self.0.len(),
            file: made.out.display().to_string(),
            first: self.0.first().map(|code| code.identity().to_string()),
        })
    }

    fn draw(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for (code, number) in self.0.iter().zip(1..) {
            for (kind, symbol) in code.symbols()? {
                let stem = folder.join(format!("{number:06}-{kind}"));
                write_private(&stem.with_extension("svg"), symbol.to_svg().as_bytes())?;
                write_private(&stem.with_extension("png"), &symbol.to_png(SCALE)?)?;
            }
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Made {
    codes: usize,
    file: String,
    first: Option<String>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} code(s) in {}", self.codes, self.file)?;
        if let Some(first) = &self.first {
            writeln!(f, "  first: {first}")?;
        }
        Ok(())
    }
}
