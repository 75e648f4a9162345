//! Taking its share of the group key from a validator that has lost its secrets.
//!
//! A validator that votes or deals again without what it remembered contradicts itself. So all that
//! is left of the share goes, and with it the votes that it cast: the engine does not begin over
//! votes of a share that is not there. Blocks and state stay. Killed at any moment, it is repeated:
//! what is left until then cannot vote, since shares go first and seeds last.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{
    chain::{OrderError, PREFIX},
    directory,
    epochs::{votes_of_epochs, votes_prefix},
    secrets::BEGUN,
};
use crate::{
    private_file,
    vault::{Vault, VaultError},
};

/// A chain's directory in which no chain runs, and none begins until this is dropped.
#[derive(Debug)]
pub(crate) struct IdleChain {
    directory: PathBuf,
    _lock: File,
}

/// What was removed with a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Shares, seeds and dealings that were left.
    pub secrets: usize,
    /// Epochs in which votes had been cast, or followed.
    pub epochs: usize,
}

impl IdleChain {
    /// Holds the chain in `directory`, which need not be there.
    ///
    /// # Errors
    /// [`OrderError::InUse`] while a node runs it.
    pub fn hold(directory: &Path) -> Result<Self, OrderError> {
        let made = private_file::make_folder(directory);
        made.map_err(|source| fault(directory, source))?;
        Ok(Self {
            directory: directory.to_owned(),
            _lock: directory::hold(directory)?,
        })
    }

    /// Removes what is left in `secrets`, and the votes. The share of the first epoch does not come
    /// back, also not to a node that read it before and waits for the directory.
    ///
    /// # Errors
    /// [`ForgetError`] names the file.
    pub fn forget_share(&self, secrets: &Vault) -> Result<Forgotten, ForgetError> {
        secrets.write(BEGUN, &[])?;
        let folder = secrets.folder();
        let mut left = entries(folder, |name| name != BEGUN)?;
        left.retain(|path| path.is_file());
        sort_for_removal(&mut left);
        for path in &left {
            private_file::remove(path).map_err(|source| fault(path, source))?;
        }
        let votes = votes_of_epochs(&votes_prefix(PREFIX));
        let votes = entries(&self.directory, |name| name.starts_with(&votes))?;
        for path in &votes {
            private_file::remove_folder(path).map_err(|source| fault(path, source))?;
        }
        Ok(Forgotten {
            secrets: left.len(),
            epochs: votes.len(),
        })
    }
}

/// Why a share is not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// A node runs, or a file of the chain or of its secrets cannot be removed.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// What is to be kept among the secrets.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// What is called as `wanted` says in a folder, which need not be there.
fn entries(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, OrderError> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if wanted(&entry.file_name().to_string_lossy()) {
                found.push(entry.path());
            }
        }
        Ok(found)
    };
    match read() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| fault(folder, source)),
    }
}

/// Shares first, seeds last: a share never outlives the seed that it voted with.
fn sort_for_removal(secrets: &mut [PathBuf]) {
    secrets.sort_by_cached_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let turn = match &*name {
            name if name.starts_with("share-") => 0,
            name if name.starts_with("seed-") => 2,
            _ => 1,
        };
        (turn, path.clone())
    });
}

fn fault(directory: &Path, source: io::Error) -> OrderError {
    OrderError::Directory {
        directory: directory.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_share_goes_with_its_votes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, secrets) = (folder.path().join("chain"), folder.path().join("secrets"));
        let vault = Vault::plain(&secrets);
        for name in [BEGUN, "share-0", "seed-0", ".share-1.7-0.new"] {
            vault.write(name, b"00").unwrap();
        }
        for partition in [
            "chain-simplex_consensus_0",
            "chain-simplex_consensus_1",
            "chain-blocks",
        ] {
            fs::create_dir_all(chain.join(partition)).unwrap();
            fs::write(chain.join(partition).join("00"), "a").unwrap();
        }
        let idle = IdleChain::hold(&chain).unwrap();
        let error = IdleChain::hold(&chain).unwrap_err();
        assert!(matches!(error, OrderError::InUse { .. }), "{error}");
        let (secrets_left, epochs) = (3, 2);
        let forgotten = idle.forget_share(&vault).unwrap();
        assert_eq!(
            forgotten,
            Forgotten {
                secrets: secrets_left,
                epochs
            }
        );
        let names = |folder: &Path| {
            let mut names: Vec<_> = entries(folder, |_| true).unwrap();
            names.sort();
            let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            names.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(names(&secrets), [BEGUN]);
        assert_eq!(names(&chain), ["chain-blocks", "chain.lock"]);
        // Repeated, there is nothing left to do.
        let again = idle.forget_share(&vault).unwrap();
        assert_eq!((again.secrets, again.epochs), (0, 0));
    }

    #[test]
    fn no_share_is_left_when_a_seed_goes() {
        let names = [
            "seed-1",
            "dealing-1",
            "share-1",
            "seed-0",
            "share-0",
            ".share-1.7-0.new",
        ];
        let mut secrets: Vec<_> = names.map(|name| Path::new("secrets").join(name)).into();
        sort_for_removal(&mut secrets);
        let names: Vec<_> = secrets
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names[..2], ["share-0", "share-1"]);
        assert_eq!(names[4..], ["seed-0", "seed-1"]);
    }

    #[test]
    fn a_node_that_lost_all_its_data_forgets_too() {
        let folder = tempfile::tempdir().unwrap();
        let idle = IdleChain::hold(&folder.path().join("data/chain")).unwrap();
        let vault = Vault::plain(folder.path().join("data/secrets"));
        let forgotten = idle.forget_share(&vault).unwrap();
        assert_eq!((forgotten.secrets, forgotten.epochs), (0, 0));
        assert!(vault.path(BEGUN).exists());
    }
}
