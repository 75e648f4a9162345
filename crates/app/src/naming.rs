//! Names in the folder: which are there, which may be given, and which was meant.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use yilian_client::{
    keys_file::PersonFile,
    names::{look_alike, meant, new_name, question},
};
use yilian_protocol::{codec::Text, limits::NAME_MAX};

use crate::{
    home::{Home, MemberFile, json_files, read_json},
    output::trouble,
};

/// What is called by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A member of the consortium.
    Member,
    /// A certified person.
    Person,
    /// A patient's wallet.
    Wallet,
}

impl Named {
    const fn noun(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Person => "person",
            Self::Wallet => "wallet",
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Member => "members",
            Self::Person => "people",
            Self::Wallet => "patients",
        }
    }

    const fn made_by(self) -> &'static str {
        match self {
            Self::Member => "admit it with `yilian ca admit`",
            Self::Person => "certify the person with `yilian ca certify`",
            Self::Wallet => "make one with `yilian patient new`",
        }
    }
}

impl Home {
    /// The names of all that are kept here.
    pub fn names(&self, kind: Named) -> Vec<String> {
        let files = json_files(&self.root().join(kind.folder())).unwrap_or_default();
        let name = |file: &PathBuf| match kind {
            Named::Member => Some(read_json::<MemberFile>(file).ok()?.name.to_string()),
            Named::Person => {
                let person = read_json::<PersonFile>(file).ok()?;
                Some(person.certificate.subject.to_string())
            }
            // The chain never learns a wallet's name, nor does the wallet.
            Named::Wallet => {
                let stem = || Some(file.file_stem()?.to_string_lossy().into_owned());
                let told = fs::read_to_string(file.with_extension("name")).ok();
                told.or_else(stem)
            }
        };
        files.iter().filter_map(name).collect()
    }

    /// `name` for somebody new, if it can be told from all others here.
    pub fn free_name(&self, kind: Named, name: &str) -> anyhow::Result<Text<NAME_MAX>> {
        let names = self.names(kind);
        free_among(kind, name, names.iter().map(String::as_str))
    }

    /// Why nobody called `name` is found here.
    pub fn unknown(&self, kind: Named, name: &str) -> anyhow::Error {
        let names = self.names(kind);
        let meant = meant(name, names.iter().map(String::as_str));
        let cause = format!("no {} called `{name}` is kept here", kind.noun());
        if meant.is_empty() && (1..=5).contains(&names.len()) {
            let cause = format!("{cause}, but {}", names.join(", "));
            return trouble(cause, kind.made_by());
        }
        trouble(cause + &question(&meant), kind.made_by())
    }
}

/// `name` for somebody new, if it can be told from `known`.
pub fn free_among<'a>(
    kind: Named,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> anyhow::Result<Text<NAME_MAX>> {
    let noun = kind.noun();
    let new = new_name(name).with_context(|| format!("the name of a {noun}"))?;
    if known.clone().any(|other| other == name) {
        let cause = format!("there is a {noun} called `{name}` already");
        let remedy = match kind {
            Named::Person => "renew the certificate with `yilian ca renew`, or choose another name",
            Named::Member | Named::Wallet => "choose another name",
        };
        return Err(trouble(cause, remedy));
    }
    if let Some(other) = look_alike(name, known) {
        let cause = format!("there is a {noun} called `{other}`; `{name}` would be taken for it");
        return Err(trouble(
            cause,
            "use that name, or choose one that differs in more",
        ));
    }
    Ok(new)
}
