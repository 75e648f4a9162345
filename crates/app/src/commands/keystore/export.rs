//! Keys that are handed to whom they belong: a file with a keystore of its own, which opens without
//! the home's passphrase, and from which another home takes them: `yilian_client::keys_file`.
//!
//! Nothing of it is ever on disk in the clear. What a home has already is never written over.

mod removal;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use yilian_client::keys_file::{GENESIS, KeysFile, Secrets};
use yilian_crypto::keystore::{Cost, Passphrase};
use yilian_node::vault::{self, Vault};

use super::Context;
use crate::{
    home::{Home, json_bytes, write_private},
    intake,
    naming::Named,
    output::trouble,
    secrecy,
};

/// Which keys are handed out, and where.
#[derive(Debug, Args)]
pub struct ExportOptions {
    /// A person's: keys, letters, passes, and what the device remembers
    #[arg(long = "person", value_name = "NAME")]
    people: Vec<String>,
    /// A member's: those of its CA and of its node
    #[arg(long = "member", value_name = "NAME")]
    members: Vec<String>,
    /// A share of the regulators' key, by its number
    #[arg(long = "share", value_name = "NUMBER")]
    shares: Vec<u8>,
    /// Write them there, sealed under a passphrase of their own
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Read that passphrase from this file; if left out, it is asked for
    #[arg(long, value_name = "FILE")]
    export_passphrase_file: Option<PathBuf>,
    /// Keep none of them here, once the file is on disk. Killed before it is done, it is repeated
    /// with the same file and passphrase
    #[arg(long)]
    remove: bool,
}

/// Keys that were handed over.
#[derive(Debug, Args)]
pub struct ImportOptions {
    /// The file
    file: PathBuf,
    /// Read its passphrase from this file; if left out, it is asked for
    #[arg(long, value_name = "FILE")]
    export_passphrase_file: Option<PathBuf>,
}

/// What is exported: secrets and public files, by their names in the home.
#[derive(Default)]
struct Chosen {
    secrets: Vec<String>,
    public: Vec<String>,
}

pub fn export(context: &Context, options: &ExportOptions) -> anyhow::Result<()> {
    let home = &context.home;
    home.genesis()?;
    if options.remove
        && let Some(exported) = removal::begun(home, options)?
    {
        return removal::go_on(context, options, &exported);
    }
    let out = context.target(&options.out)?;
    let alone = options.people.iter().map(|name| {
        // Of a mistyped one nothing is made.
        home.person(name)?;
        home.lock_person(name)
    });
    let _alone = alone.collect::<anyhow::Result<Vec<_>>>()?;
    let chosen = chosen(home, options)?;
    let vault = home.vault()?;
    let file = options.export_passphrase_file.as_deref();
    let passphrase = secrecy::chosen(file, "new passphrase of the file: ")?;
    out.write_json(&sealed(home, &vault, &chosen, &passphrase)?)?;
    if options.remove {
        removal::remove(&vault, chosen.public.iter(), chosen.secrets.iter())?;
    }
    context.output.tell(&Handed {
        done: if options.remove {
            "moved to"
        } else {
            "written to"
        },
        secrets: chosen.secrets,
        file: options.out.clone(),
    })
}

fn chosen(home: &Home, options: &ExportOptions) -> anyhow::Result<Chosen> {
    let all = vault::secrets(home.root())?;
    let mut chosen = Chosen::default();
    let people = options.people.iter().map(|name| (Named::Person, name));
    let members = options.members.iter().map(|name| (Named::Member, name));
    for (kind, name) in people.chain(members) {
        let (public, stems) = home.files_of(kind, name)?;
        let own = |secret: &&String| {
            let mut stems = stems.iter();
            stems.any(|stem| removal::of_stem(stem, secret))
        };
        chosen.secrets.extend(all.iter().filter(own).cloned());
        chosen.public.push(public);
    }
    for number in &options.shares {
        home.regulator_share(*number)?;
        chosen.secrets.push(share_file(*number));
    }
    if chosen.secrets.is_empty() {
        return Err(trouble(
            "nothing to export was named",
            "name keys with --person, --member or --share",
        ));
    }
    chosen.public.push(GENESIS.to_owned());
    for names in [&mut chosen.secrets, &mut chosen.public] {
        names.sort();
        names.dedup();
    }
    Ok(chosen)
}

fn share_file(number: u8) -> String {
    format!("keys/regulator-{number}.key")
}

fn sealed(
    home: &Home,
    vault: &Vault,
    chosen: &Chosen,
    passphrase: &Passphrase,
) -> anyhow::Result<KeysFile> {
    let mut secrets = Secrets::new();
    for name in &chosen.secrets {
        secrets.insert(name.clone(), vault.read(name)?);
    }
    let mut public = BTreeMap::new();
    for name in &chosen.public {
        public.insert(name.clone(), home.read_public(name)?);
    }
    let rng = &mut rand::rng();
    Ok(KeysFile::seal(
        &secrets,
        public,
        passphrase,
        Cost::STANDARD,
        rng,
    )?)
}

/// A name under which an import may keep something in a home: what is exported, and no other file.
fn may_come(name: &str) -> bool {
    let inside = |folder: &str| name.strip_prefix(folder);
    let plain = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0', ':'])
    };
    if !name.split('/').all(plain) {
        return false;
    }
    let number = inside("keys/regulator-").and_then(|file| file.strip_suffix(".key"));
    number.is_some_and(|number| number.parse::<u8>().is_ok())
        || inside("people/").is_some()
        || inside("members/").is_some_and(|file| !file.contains('/'))
}

pub fn import(context: &Context, options: &ImportOptions) -> anyhow::Result<()> {
    let home = &context.home;
    let exported = read(&options.file)?;
    let file = options.export_passphrase_file.as_deref();
    let passphrase = secrecy::given(file, "passphrase of the file: ")?;
    let opened = exported.open(&passphrase)?;
    exported.people(&opened)?;
    let genesis = exported
        .public
        .get(GENESIS)
        .context("no genesis is in it")?;
    let known = match home.exists() {
        true => Some(home.read_public::<Value>(GENESIS)?),
        false => None,
    };
    if known.as_ref().is_some_and(|known| known != genesis) {
        let cause = format!(
            "the keys in {} are of another chain",
            options.file.display()
        );
        return Err(trouble(cause, "import them into a --home of their own"));
    }
    let vault = home.begin()?;
    let missing = missing(home, &vault, &exported, &opened)?;
    for name in &missing {
        if let Some(content) = opened.get(*name) {
            vault.write(name, content)?;
        }
    }
    // What tells of somebody comes behind his keys, and the genesis of a new home last.
    for (name, content) in exported.public.iter().filter(|(name, _)| *name != GENESIS) {
        write_private(&home.root().join(name), &json_bytes(content)?)?;
    }
    if known.is_none() {
        home.write_public(GENESIS, genesis)?;
    }
    context.output.tell(&Handed {
        done: "taken from",
        secrets: missing.into_iter().cloned().collect(),
        file: options.file.clone(),
    })
}

fn read(file: &Path) -> anyhow::Result<KeysFile> {
    let shown = file.display();
    let bytes = intake::read(file)?;
    let exported = KeysFile::read(&bytes).map_err(|error| {
        let cause = format!("{shown} holds {error}");
        trouble(cause, "`yilian keystore export` writes such a file")
    })?;
    let mut names = exported.secrets.keys().chain(exported.public.keys());
    match names.find(|name| *name != GENESIS && !may_come(name)) {
        None => Ok(exported),
        Some(name) => Err(trouble(
            format!("{shown} holds `{name}`, which no export has"),
            "have the keys exported again by who keeps them",
        )),
    }
}

/// The secrets that the home does not have yet. One that it has otherwise is never written over;
/// that is told before anything is written.
fn missing<'a>(
    home: &Home,
    vault: &Vault,
    exported: &'a KeysFile,
    opened: &Secrets,
) -> anyhow::Result<Vec<&'a String>> {
    let differs = |name: &str| {
        let cause = format!("{}/{name} exists, and is another", home.root().display());
        trouble(cause, "import the keys into a --home of their own")
    };
    for (name, content) in exported.public.iter().filter(|(name, _)| *name != GENESIS) {
        let path = home.root().join(name);
        if path.exists() && home.read_public::<Value>(name)? != *content {
            return Err(differs(name));
        }
    }
    let mut missing = Vec::new();
    for name in exported.secrets.keys() {
        if !vault.path(name).exists() {
            missing.push(name);
        } else if opened
            .get(name)
            .is_none_or(|content| vault.read(name).map_or(true, |kept| *kept != **content))
        {
            return Err(differs(name));
        }
    }
    Ok(missing)
}

#[derive(Serialize)]
struct Handed {
    #[serde(skip)]
    done: &'static str,
    secrets: Vec<String>,
    file: PathBuf,
}

impl fmt::Display for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            done,
            secrets,
            file,
        } = self;
        for name in secrets {
            writeln!(f, "{name}")?;
        }
        writeln!(f, "{} secrets {done} {}", secrets.len(), file.display())
    }
}

#[cfg(test)]
mod tests {
    use super::may_come;

    #[test]
    fn nothing_comes_into_a_home_but_what_is_exported() {
        for name in [
            "people/Li.key",
            "people/Li.letters/00ff.json",
            "members/North.key",
            "members/North-node.key",
            "members/North.json",
            "keys/regulator-1.key",
        ] {
            assert!(may_come(name), "{name}");
        }
        for name in [
            "",
            "/etc/passwd",
            "../people/Li.key",
            "people/../keys/consortium.key",
            "people/./Li.key",
            "people//Li.key",
            "people/.Li.key.1-0.new",
            "people/",
            "people",
            "members/a/b.key",
            "keys/consortium.key",
            "keys/validator.json",
            "keys/regulator-1/a.key",
            "keys/regulator-x.key",
            "patients/ann.key",
            "tls/root.key",
            "keystore",
            "insecure-plain",
        ] {
            assert!(!may_come(name), "{name}");
        }
    }
}
