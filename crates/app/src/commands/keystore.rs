//! How a home keeps its secrets.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde::Serialize;
use yilian_crypto::keystore::{Cost, is_sealed};
use yilian_node::vault::{self, Change, Fault, Keeping};

use self::export::{ExportOptions, ImportOptions};
use super::{Context, net};
use crate::{output::trouble, secrecy};

mod export;

/// What is done with a home's keystore.
#[derive(Debug, Subcommand)]
pub enum KeystoreCommand {
    /// Say how the secrets of --home are kept, and which are not sealed; no passphrase is needed
    Status,
    /// Seal the secrets of --home that lie plain, under a passphrase; or the named files that
    /// somebody put among sealed ones. Nothing else may use the home meanwhile
    Seal {
        /// Secrets that are to be sealed in a home that is, by their names in it: `tls/key.pem`, or
        /// `nodes/NAME/tls/key.pem`
        files: Vec<String>,
    },
    /// Put the keystore of --home under another passphrase. The old one is asked for, or read from
    /// --passphrase-file
    Change {
        /// Read the new passphrase from this file; if left out, it is asked for
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
    /// Write keys that are to be handed to whom they belong into a file, sealed under a passphrase
    /// of its own: a person's, a member's, shares of the regulators' key
    Export(ExportOptions),
    /// Take keys that were handed over into --home, which is made for them if there is none
    Import(ImportOptions),
}

pub fn run(context: &Context, command: KeystoreCommand) -> anyhow::Result<()> {
    match command {
        KeystoreCommand::Status => {}
        KeystoreCommand::Seal { files } if files.is_empty() => seal(context)?,
        KeystoreCommand::Seal { files } => {
            for file in files {
                seal_file(context, &file)?;
            }
        }
        KeystoreCommand::Change {
            new_passphrase_file,
        } => change(context, new_passphrase_file.as_deref())?,
        KeystoreCommand::Export(options) => return export::export(context, &options),
        KeystoreCommand::Import(options) => return export::import(context, &options),
    }
    tell(context)
}

/// The home, and the nodes' folders in it.
fn folders(context: &Context) -> anyhow::Result<Vec<PathBuf>> {
    let home = &context.home;
    let mut folders = vec![home.root().to_owned()];
    folders.extend(net::folders(home)?);
    Ok(folders)
}

/// Seals a secret of the home, or of a node's folder in it: under the keystore of the folder that
/// reads it.
fn seal_file(context: &Context, file: &str) -> anyhow::Result<()> {
    let home = &context.home;
    for folder in net::folders(home)? {
        let place = folder.strip_prefix(home.root()).ok().and_then(Path::to_str);
        let name = place.and_then(|place| file.strip_prefix(place)?.strip_prefix('/'));
        if let Some(name) = name {
            return Ok(home.vaults().of(&folder)?.take_in(name)?);
        }
    }
    Ok(home.vault()?.take_in(file)?)
}

fn seal(context: &Context) -> anyhow::Result<()> {
    let home = &context.home;
    if home.url_file().exists() {
        let cause = format!("a node runs: {} says where", home.url_file().display());
        return Err(trouble(cause, "stop it; if none runs, remove that file"));
    }
    let folders = folders(context)?;
    let is_open = |folder: &&PathBuf| Keeping::of(folder) != Keeping::Sealed;
    if !folders.iter().any(|folder| is_open(&folder)) {
        let cause = format!("the secrets of {} are sealed", home.root().display());
        let remedy = "change the passphrase with `yilian keystore change`, or name files to seal";
        return Err(trouble(cause, remedy));
    }
    let passphrase = home.vaults().passphrase(Keeping::Undecided)?;
    for folder in folders.iter().filter(is_open) {
        vault::seal_folder(folder, &passphrase, Cost::STANDARD)?;
    }
    Ok(())
}

fn change(context: &Context, new: Option<&Path>) -> anyhow::Result<()> {
    let folders = folders(context)?;
    // Passed over, it would stay under the old passphrase, and nobody would be told.
    let is_half = |folder: &&PathBuf| Keeping::of(folder) == Keeping::HalfSealed;
    if let Some(folder) = folders.iter().find(is_half) {
        let cause = format!("{}: {}", folder.display(), Fault::HalfSealed);
        let remedy =
            "repeat `yilian keystore seal` with the passphrase of then, and change it then";
        return Err(trouble(cause, remedy));
    }
    let sealed = folders
        .iter()
        .filter(|folder| Keeping::of(folder) == Keeping::Sealed);
    let sealed: Vec<&PathBuf> = sealed.collect();
    if sealed.is_empty() {
        let cause = format!(
            "the secrets of {} are not sealed",
            context.home.root().display()
        );
        return Err(trouble(cause, "seal them with `yilian keystore seal`"));
    }
    let old = context.home.vaults().passphrase(Keeping::Sealed)?;
    let new = secrecy::chosen(new, secrecy::NEW)?;
    // All of them are opened before one is changed: none is left behind under a third passphrase.
    let mut changes = Vec::with_capacity(sealed.len());
    for folder in sealed {
        match Change::open(folder, &old, &new, Cost::STANDARD) {
            Ok(change) => changes.push(change),
            Err(error) if error.is_wrong_passphrase() && !changes.is_empty() => {
                let cause = format!(
                    "{} opens neither with the old passphrase nor with the new one, as others do; \
                     nothing was changed",
                    folder.display()
                );
                let remedy = "put this folder under the passphrase of the others first: \
                              `yilian keystore change --home FOLDER`";
                return Err(trouble(cause, remedy));
            }
            Err(error) => return Err(error.into()),
        }
    }
    for change in changes {
        change.write()?;
    }
    Ok(())
}

fn tell(context: &Context) -> anyhow::Result<()> {
    let folders = folders(context)?;
    let folders = folders.iter().map(|folder| Kept::look(folder));
    context.output.tell(&Status {
        folders: folders.collect::<anyhow::Result<_>>()?,
    })
}

#[derive(Serialize)]
struct Status {
    folders: Vec<Kept>,
}

/// How a folder keeps its secrets.
#[derive(Serialize)]
struct Kept {
    folder: String,
    keeping: &'static str,
    /// What opening the keystore costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<KeystoreCost>,
    secrets: usize,
    /// Those that lie plain.
    unsealed: Vec<String>,
}

#[derive(Serialize)]
struct KeystoreCost {
    memory_kib: u32,
    passes: u32,
    lanes: u8,
}

impl Kept {
    fn look(folder: &Path) -> anyhow::Result<Self> {
        let keeping = Keeping::of(folder);
        let cost = match keeping {
            Keeping::Sealed | Keeping::HalfSealed => Some(vault::cost(folder)?),
            Keeping::Plain | Keeping::Undecided => None,
        };
        let names = vault::secrets(folder)?;
        let secrets = names.len();
        let is_plain = |name: &String| {
            let bytes = fs::read(folder.join(name)).map(zeroize::Zeroizing::new);
            bytes.is_ok_and(|bytes| !is_sealed(&bytes))
        };
        Ok(Self {
            folder: folder.display().to_string(),
            keeping: match keeping {
                Keeping::Sealed => "sealed",
                Keeping::Plain => "plain",
                Keeping::HalfSealed => "half-sealed",
                Keeping::Undecided => "undecided",
            },
            cost: cost.map(|cost| KeystoreCost {
                memory_kib: cost.memory_kib(),
                passes: cost.passes(),
                lanes: cost.lanes(),
            }),
            secrets,
            unsealed: names.into_iter().filter(is_plain).collect(),
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Kept {
            folder,
            keeping,
            cost,
            secrets,
            unsealed,
        } in &self.folders
        {
            write!(f, "{folder}  {keeping}, {secrets} secrets")?;
            if let Some(cost) = cost {
                let mib = cost.memory_kib >> 10;
                write!(
                    f,
                    "; Argon2id {mib} MiB, {} passes, {} lanes",
                    cost.passes, cost.lanes
                )?;
            }
            writeln!(f)?;
            for name in unsealed {
                writeln!(f, "  not sealed: {name}")?;
            }
        }
        Ok(())
    }
}
