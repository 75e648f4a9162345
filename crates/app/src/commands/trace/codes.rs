//! Making codes.

use std::{
    collections::HashSet,
    fmt, fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;
use yilian_client::trace::{Numbering, year};
use yilian_record::gs1::{
    Code20, Expiry, Gtin, Identity, NationalCode, PackCode, PackSecret, Sscc,
};

use super::Context;
use crate::{
    commands::now,
    output::trouble,
    target::{Target, folder, standing},
};

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
    let year = year(now());
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
            let expiry = Expiry::new(date, year)?;
            let numbering = Numbering {
                prefix: &prefix,
                room: 20_usize.saturating_sub(prefix.len()).min(12),
                set: READABLE,
            };
            let file = format!("01-{}", gtin.as_str());
            let codes = codes(context, &made, &file, &numbering, |serial| {
                Ok(Identity::Gs1 {
                    gtin: gtin.clone(),
                    serial: Code20::parse(serial, "serial number")?,
                    batch: batch.clone(),
                    expiry,
                })
            });
            codes?.tell(context, &made)
        }
        CodesCommand::National { product, made } => {
            // The product's seven digits are looked at before they name a file.
            NationalCode::complete(&format!("{product}000000000000"))?;
            let numbering = Numbering {
                prefix: &product,
                room: 12,
                set: DIGITS,
            };
            let file = format!("nmpa-{product}");
            let codes = codes(context, &made, &file, &numbering, |body| {
                let code = NationalCode::complete(body)?;
                Ok(Identity::National { code })
            });
            codes?.tell(context, &made)
        }
        CodesCommand::Carton { company, made } => {
            if !(8..=13).contains(&company.len()) || !company.bytes().all(|b| b.is_ascii_digit()) {
                return Err(trouble(
                    "an SSCC begins with an extension digit and a company prefix, 8 to 13 digits",
                    "give the digits that your GS1 organisation assigned",
                ));
            }
            let numbering = Numbering {
                prefix: &company,
                room: 17 - company.len(),
                set: DIGITS,
            };
            let file = format!("00-{company}");
            let codes = codes(context, &made, &file, &numbering, |body| {
                let sscc = sscc(body)?;
                Ok(Identity::Container { sscc })
            });
            codes?.tell(context, &made)
        }
    }
}

/// Without 0, O, 1, I and l, which people confuse.
const READABLE: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";

/// 17 digits and their check digit, the one of ten that fits.
fn sscc(body: &str) -> anyhow::Result<Sscc> {
    let found = ('0'..='9').find_map(|digit| Sscc::parse(&format!("{body}{digit}")).ok());
    found.context("no check digit fits")
}

struct Codes {
    codes: Vec<PackCode>,
    out: Target,
}

/// Codes with numbers that were never made here before. Everything that can be wrong is found
/// before the numbers are noted as used, and they are noted before the codes are written: a number
/// may be lost, and is never made twice.
fn codes(
    context: &Context,
    made: &MadeOptions,
    register: &str,
    numbering: &Numbering<'_>,
    identity: impl Fn(&str) -> anyhow::Result<Identity>,
) -> anyhow::Result<Codes> {
    if made.count == 0 || made.count > 1_000_000 {
        return Err(trouble(
            "one file holds 1 to 1,000,000 codes",
            "choose another --count",
        ));
    }
    let out = made.target(context)?;
    let mut issued = Issued::open(context.home.root(), register)?;
    let numbers = numbering
        .fresh(made.count, &issued.numbers, &mut rand::rng())
        .map_err(|error| {
            trouble(
                error.to_string(),
                "ask for fewer, or leave more characters free",
            )
        })?;
    let code = |number: &String| {
        let secret = PackSecret::random(&mut rand::rng());
        let code = PackCode::new(identity(number)?, secret);
        check_readable(&code)?;
        Ok(code)
    };
    let codes: Vec<PackCode> = numbers.iter().map(code).collect::<anyhow::Result<_>>()?;
    issued.note(&numbers)?;
    Ok(Codes { codes, out })
}

/// A code that a scanner or `trace show` would read otherwise is not made.
fn check_readable(code: &PackCode) -> anyhow::Result<()> {
    let link = code.to_link();
    for text in std::iter::once(code.to_text()).chain(link) {
        if PackCode::parse(&text, year(now())).as_ref() != Ok(code) {
            return Err(trouble(
                format!("{} would not be read back", code.identity()),
                "choose another batch, prefix or date",
            ));
        }
    }
    Ok(())
}

/// The numbers made in this folder under one product or company: `issued/<name>`, one a line.
struct Issued {
    file: fs::File,
    numbers: HashSet<String>,
}

impl Issued {
    /// Reads them, and keeps other programs out until the new ones are noted.
    fn open(home: &Path, name: &str) -> anyhow::Result<Self> {
        let folder = home.join("issued");
        let path = folder.join(name);
        let read = || -> std::io::Result<Self> {
            fs::create_dir_all(&folder)?;
            let mut options = fs::OpenOptions::new();
            let mut file = options.create(true).read(true).append(true).open(&path)?;
            file.lock()?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            let numbers = text.lines().map(str::to_owned).collect();
            Ok(Self { file, numbers })
        };
        read().with_context(|| format!("cannot read {}", path.display()))
    }

    fn note(&mut self, numbers: &[String]) -> anyhow::Result<()> {
        // A kill may have left half a line.
        let text = format!("\n{}\n", numbers.join("\n"));
        let mut write = || {
            self.file.write_all(text.as_bytes())?;
            self.file.sync_all()
        };
        write().context("cannot note the numbers as used")
    }
}

impl MadeOptions {
    /// Where the codes go. Secrets that are overwritten are lost, and with them the traces of their
    /// packs: neither file nor symbols take the place of others.
    fn target(&self, context: &Context) -> anyhow::Result<Target> {
        if let Some(path) = self.symbols.as_ref().filter(|path| !is_free(path)) {
            return Err(trouble(
                format!("{} is no place for a new folder of symbols", path.display()),
                "name one that is not there yet, in a folder that is",
            ));
        }
        context.target(&self.out)
    }
}

/// Whether there is nothing, in a folder that is, or an empty folder. A link to one is none.
fn is_free(path: &Path) -> bool {
    match standing(path) {
        Ok(Some(found)) if found.is_dir() => {
            fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
        }
        Ok(found) => found.is_none() && folder(path).is_dir(),
        Err(_) => false,
    }
}

impl Codes {
    fn tell(&self, context: &Context, made: &MadeOptions) -> anyhow::Result<()> {
        let mut text = zeroize::Zeroizing::new(String::new());
        for code in &self.codes {
            text.push_str(&code.to_link().unwrap_or_else(|| code.to_text()));
            text.push('\n');
        }
        self.out.write(text.as_bytes())?;
        if let Some(folder) = &made.symbols {
            self.draw(folder)?;
        }
        context.output.tell(&Made {
            codes: self.codes.len(),
            file: self.out.path().display().to_string(),
            first: self.codes.first().map(|code| code.identity().to_string()),
        })
    }

    fn draw(&self, folder: &Path) -> anyhow::Result<()> {
        let made = fs::create_dir(folder);
        // It may be an empty one, as it was when it was looked at.
        if made.is_err() && !is_free(folder) {
            made.with_context(|| format!("cannot make {}", folder.display()))?;
        }
        for (code, number) in self.codes.iter().zip(1..) {
            for (kind, symbol) in code.symbols()? {
                let stem = folder.join(format!("{number:06}-{kind}"));
                let place = |ending| Target::new(&stem.with_extension(ending));
                place("svg")?.write(symbol.to_svg().as_bytes())?;
                place("png")?.write(&symbol.to_png(SCALE)?)?;
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
