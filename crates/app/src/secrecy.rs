//! How secrets are opened: by a passphrase from a file or from the terminal, never from the command
//! line, where other users of the machine can read it. Nothing is asked before a secret is needed,
//! and then once.

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use clap::Args;
use yilian_crypto::keystore::Passphrase;
use yilian_node::vault::{self, Keeping, PASSPHRASE_FILE, Said, Vault};
use zeroize::Zeroizing;

use crate::{interrupt, output::trouble};

/// How a new passphrase is asked for.
pub const NEW: &str = "new passphrase: ";

/// What the command line says of secrets.
#[derive(Debug, Clone, Default, Args)]
pub struct SecrecyOptions {
    /// Read the passphrase of the keystore from this file: its first line. A device or a pipe will
    /// do. If left out, it is asked for
    #[arg(
        long,
        global = true,
        env = PASSPHRASE_FILE,
        hide_env_values = true,
        value_name = "FILE"
    )]
    passphrase_file: Option<PathBuf>,
    /// Keep the secrets of a new home unsealed: whoever can read its files has them
    #[arg(long, global = true, conflicts_with = "passphrase_file")]
    insecure_plain: bool,
}

impl SecrecyOptions {
    /// Whether nothing is said.
    pub const fn says_nothing(&self) -> bool {
        !self.insecure_plain && self.passphrase_file.is_none()
    }

    /// Plain secrets.
    pub const fn plain() -> Self {
        Self {
            passphrase_file: None,
            insecure_plain: true,
        }
    }
}

/// The secrets of a home, and of the nodes' folders in it, each opened when first needed.
#[derive(Debug)]
pub struct Vaults {
    options: SecrecyOptions,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    said: Said,
    open: BTreeMap<PathBuf, Vault>,
}

impl Vaults {
    /// By what the command line says.
    pub fn new(options: SecrecyOptions) -> Self {
        Self {
            options,
            known: Mutex::default(),
        }
    }

    /// The secrets of a folder that has some.
    pub fn of(&self, folder: &Path) -> anyhow::Result<Vault> {
        self.get(folder, Vault::open)
    }

    /// The secrets of a folder, which need not be there yet.
    pub fn begin(&self, folder: &Path) -> anyhow::Result<Vault> {
        self.get(folder, Vault::begin)
    }

    fn get(
        &self,
        folder: &Path,
        open: fn(&Path, &Said) -> Result<Vault, vault::VaultError>,
    ) -> anyhow::Result<Vault> {
        let mut known = self.known();
        if let Some(vault) = known.open.get(folder) {
            return Ok(vault.clone());
        }
        self.hear(&mut known, Keeping::of(folder))?;
        let vault = open(folder, &known.said)?;
        known.open.insert(folder.to_owned(), vault.clone());
        Ok(vault)
    }

    /// Asks for the passphrase where one is needed and nobody gave it.
    fn hear(&self, known: &mut Known, keeping: Keeping) -> anyhow::Result<()> {
        if !matches!(known.said, Said::Nothing) {
            return Ok(());
        }
        let options = &self.options;
        known.said = Said::by(options.insecure_plain, options.passphrase_file.as_deref())?;
        if matches!(known.said, Said::Nothing) && is_terminal() {
            match keeping {
                Keeping::Sealed => known.said = Said::Passphrase(ask("passphrase: ")?),
                Keeping::Undecided => known.said = Said::Passphrase(chosen(None, NEW)?),
                Keeping::Plain | Keeping::HalfSealed => {}
            }
        }
        Ok(())
    }

    /// The passphrase that opens a folder, or shall.
    pub fn passphrase(&self, keeping: Keeping) -> anyhow::Result<Passphrase> {
        let mut known = self.known();
        self.hear(&mut known, keeping)?;
        match &known.said {
            Said::Passphrase(passphrase) => Ok(passphrase.clone()),
            Said::Plain | Said::Nothing => Err(trouble(
                "no passphrase was given",
                "name a file with --passphrase-file or YILIAN_PASSPHRASE_FILE, or use a terminal",
            )),
        }
    }

    /// The passphrase, where secrets are sealed: for a process that opens folders of this home.
    pub fn to_hand_on(&self) -> Option<Zeroizing<String>> {
        match &self.known().said {
            Said::Passphrase(passphrase) => Some(Zeroizing::new(passphrase.expose().to_owned())),
            Said::Plain | Said::Nothing => None,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody can be asked.
fn is_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stderr().is_terminal()
}

/// Asks on the terminal itself, without an echo.
pub fn ask(prompt: &str) -> anyhow::Result<Passphrase> {
    let typed = interrupt::at_prompt(|| rpassword::prompt_password(prompt));
    let typed = Zeroizing::new(typed.context("the passphrase cannot be asked for")?);
    Ok(Passphrase::new(&typed)?)
}

/// The passphrase in a file, or the answer to a prompt.
pub fn given(file: Option<&Path>, prompt: &str) -> anyhow::Result<Passphrase> {
    match file {
        Some(file) => Ok(vault::read_passphrase(file)?),
        None if is_terminal() => ask(prompt),
        None => Err(unasked("no passphrase was given")),
    }
}

/// A new passphrase: the one in a file, or one that is asked for, twice.
pub fn chosen(file: Option<&Path>, prompt: &str) -> anyhow::Result<Passphrase> {
    let chosen = match file {
        Some(file) => vault::read_passphrase(file)?,
        None if is_terminal() => twice(prompt)?,
        None => return Err(unasked("no new passphrase was given")),
    };
    Ok(Passphrase::chosen(chosen.expose())?)
}

fn unasked(cause: &str) -> anyhow::Error {
    trouble(cause, "name a file with it, or use a terminal")
}

fn twice(prompt: &str) -> anyhow::Result<Passphrase> {
    let (first, second) = (ask(prompt)?, ask("the same again: ")?);
    if !first.is(&second) {
        return Err(trouble(
            "the two passphrases differ",
            "repeat the command, and type the same twice",
        ));
    }
    Ok(first)
}
