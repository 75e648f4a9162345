//! Takes out of a home what was exported from it: once the file is on disk, and killed at any
//! moment, by the same command again.

use std::fs;

use serde_json::Value;
use yilian_node::vault::{self, Vault};

use super::{Context, ExportOptions, GENESIS, Handed, KeysFile, read};
use crate::{
    home::{Home, file_name},
    naming::Named,
    output::trouble,
    secrecy,
};

/// Removes files of a home, those first that everybody may know: without them nobody is found here
/// whose keys are half gone.
pub(super) fn remove<'a>(
    vault: &Vault,
    public: impl Iterator<Item = &'a String>,
    secrets: impl Iterator<Item = &'a String>,
) -> anyhow::Result<()> {
    for name in public.filter(|name| *name != GENESIS).chain(secrets) {
        vault.remove(name)?;
    }
    Ok(())
}

/// What an earlier command exported into the same file, and did not live to remove: exactly the
/// keys that are named again, of this home's chain.
pub(super) fn begun(home: &Home, options: &ExportOptions) -> anyhow::Result<Option<KeysFile>> {
    let file = fs::symlink_metadata(&options.out);
    if !file.is_ok_and(|file| file.is_file()) {
        return Ok(None);
    }
    let Ok(exported) = read(&options.out) else {
        return Ok(None);
    };
    let genesis: Value = home.read_public(GENESIS)?;
    let same = exported.public.get(GENESIS) == Some(&genesis);
    let named = Names::of(options);
    Ok((same && named.are_those_of(&exported)).then_some(exported))
}

/// Removes from the home what is in the file, and nothing that is not.
pub(super) fn go_on(
    context: &Context,
    options: &ExportOptions,
    exported: &KeysFile,
) -> anyhow::Result<()> {
    let home = &context.home;
    let people = options.people.iter().map(|name| home.lock_person(name));
    let _alone = people.collect::<anyhow::Result<Vec<_>>>()?;
    let file = options.export_passphrase_file.as_deref();
    let passphrase = secrecy::given(file, "passphrase of the file: ")?;
    let opened = exported.open(&passphrase)?;
    let vault = home.vault()?;
    let other = |name: &str| {
        let cause = format!(
            "{name} is not in {} as it is here; nothing was removed",
            options.out.display()
        );
        trouble(cause, "export the keys into another file")
    };
    let named = Names::of(options);
    for name in vault::secrets(home.root())? {
        let kept = opened.get(&name);
        if named.has(&name) && kept.is_none_or(|kept| vault.read(&name).ok().as_ref() != Some(kept))
        {
            return Err(other(&name));
        }
    }
    for (name, content) in &exported.public {
        let is_here = vault.path(name).exists();
        if is_here && home.read_public::<Value>(name)? != *content {
            return Err(other(name));
        }
    }
    remove(&vault, exported.public.keys(), exported.secrets.keys())?;
    context.output.tell(&Handed {
        done: "moved to",
        secrets: exported.secrets.keys().cloned().collect(),
        file: options.out.clone(),
    })
}

/// The names of what is exported, whether it is still there or not.
struct Names {
    public: Vec<String>,
    stems: Vec<String>,
    shares: Vec<String>,
}

impl Names {
    fn of(options: &ExportOptions) -> Self {
        let people = options.people.iter().map(|name| (Named::Person, name));
        let members = options.members.iter().map(|name| (Named::Member, name));
        let (mut public, mut stems) = (Vec::new(), Vec::new());
        for (kind, name) in people.chain(members) {
            let (own, begin) = Home::names_of(kind, &file_name(name));
            public.push(own);
            stems.extend(begin);
        }
        let shares = options.shares.iter();
        Self {
            public,
            stems,
            shares: shares.map(|number| super::share_file(*number)).collect(),
        }
    }

    fn has(&self, secret: &str) -> bool {
        let mut stems = self.stems.iter();
        self.shares.iter().any(|share| share == secret) || stems.any(|stem| of_stem(stem, secret))
    }

    fn are_those_of(&self, exported: &KeysFile) -> bool {
        let mut public = exported.public.keys().filter(|name| *name != GENESIS);
        let mut own = self.public.iter();
        let mut shares = self.shares.iter();
        exported.secrets.keys().all(|name| self.has(name))
            && public.all(|name| self.public.contains(name))
            && own.all(|name| exported.public.contains_key(name))
            && shares.all(|name| exported.secrets.contains_key(name))
    }
}

/// Whether a secret is one of those whose names begin with `stem`, up to a full stop.
pub(super) fn of_stem(stem: &str, secret: &str) -> bool {
    let end = secret.strip_prefix(stem);
    end.is_some_and(|end| end.starts_with('.'))
}
