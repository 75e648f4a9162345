//! What a validator keeps of the group key: its shares, what it was dealt, and the seeds from which
//! it deals.

use std::{fs, io, path::Path};

use bytes::Bytes;
use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_consensus::types::Epoch;
use commonware_cryptography::{
    PublicKey,
    bls12381::{dkg::feldman_desmedt::DealerPrivMsg, primitives::group::Share},
    transcript::Summary,
};
use commonware_glue::dkg::SecretStore;
use zeroize::Zeroizing;

use super::epochs::votes_of_epochs;
use crate::{private_file::UNFINISHED, vault::Vault};

/// A file for each secret, `KIND-EPOCH[-DEALER]`, hex digits, sealed as the node's secrets are.
#[derive(Debug, Clone)]
pub(super) struct FileStore {
    vault: Vault,
}

/// Tells that the first share was put here once: it is not put back when its epoch is over.
pub(super) const BEGUN: &str = "begun";

impl FileStore {
    pub const fn new(vault: Vault) -> Self {
        Self { vault }
    }

    /// Whether the secrets are gone of a node that has voted, or followed, by what lies in its
    /// chain's `directory`: of its votes, whose partitions begin with `votes`. It may have voted
    /// and dealt with what it does not know any more.
    ///
    /// # Errors
    /// When that cannot be told: what cannot be read is not taken for what is not there.
    pub fn are_lost(&self, directory: &Path, votes: &str) -> io::Result<bool> {
        if self.vault.path(BEGUN).try_exists()? {
            return Ok(false);
        }
        let votes = votes_of_epochs(votes);
        for entry in fs::read_dir(directory)? {
            if entry?.file_name().to_string_lossy().starts_with(&votes) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts the share of the first epoch, unless that was done before.
    #[allow(clippy::panic, reason = "ends this validator, see the module `order`")]
    pub async fn begin(&mut self, share: Option<Share>) {
        match self.vault.path(BEGUN).try_exists() {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => panic!("cannot read the validator's secrets: {error}"),
        }
        if let Some(share) = share {
            self.put_share(Epoch::zero(), share).await;
        }
        self.put(BEGUN, &[]);
    }

    /// A validator that cannot keep its secrets must not go on: it could deal twice.
    #[allow(clippy::panic, reason = "ends this validator, see the module `order`")]
    fn put(&self, name: &str, bytes: &[u8]) {
        let text = Zeroizing::new(hex::encode(bytes));
        if let Err(error) = self.vault.write(name, text.as_bytes()) {
            panic!("cannot keep the validator's secrets: {error}");
        }
    }

    /// One that does not open, or holds what it should not, is not taken for one that is not there:
    /// a validator would draw another seed, and deal twice.
    #[allow(clippy::panic, reason = "ends this validator, see the module `order`")]
    fn get<T: commonware_codec::Read<Cfg = ()>>(&self, name: &str) -> Option<T> {
        let text = match self.vault.read(name) {
            Ok(text) => text,
            Err(error) if error.is_missing() => return None,
            Err(error) => panic!("cannot read the validator's secrets: {error}"),
        };
        let bytes = hex::decode(text.trim_ascii()).ok();
        let secret = bytes.and_then(|bytes| {
            let bytes = Zeroizing::new(bytes);
            T::decode(Bytes::from_owner(bytes)).ok()
        });
        match secret {
            Some(secret) => Some(secret),
            None => panic!("the validator's secret {name} is damaged"),
        }
    }
}

impl SecretStore for FileStore {
    async fn put_share(&mut self, epoch: Epoch, share: Share) {
        self.put(&format!("share-{epoch}"), &share.encode());
    }

    async fn get_share(&mut self, epoch: Epoch) -> Option<Share> {
        self.get(&format!("share-{epoch}"))
    }

    async fn put_seed(&mut self, epoch: Epoch, seed: Summary) {
        self.put(&format!("seed-{epoch}"), &seed.encode());
    }

    async fn get_seed(&mut self, epoch: Epoch) -> Option<Summary> {
        self.get(&format!("seed-{epoch}"))
    }

    async fn put_dealing<P: PublicKey>(&mut self, epoch: Epoch, dealer: P, private: DealerPrivMsg) {
        let dealer = hex::encode(dealer.encode());
        self.put(&format!("dealing-{epoch}-{dealer}"), &private.encode());
    }

    async fn get_dealing<P: PublicKey>(
        &mut self,
        epoch: Epoch,
        dealer: &P,
    ) -> Option<DealerPrivMsg> {
        let dealer = hex::encode(dealer.encode());
        self.get(&format!("dealing-{epoch}-{dealer}"))
    }

    /// A share of the past, and enough others of the same time, would still make the group key.
    async fn prune(&mut self, min: Epoch) {
        let Ok(entries) = fs::read_dir(self.vault.folder()) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let epoch = name.split('-').nth(1).and_then(|epoch| epoch.parse().ok());
            let past = epoch.is_some_and(|epoch: u64| epoch < min.get());
            // A kill may have left one half written.
            if (past || name.ends_with(UNFINISHED))
                && let Err(error) = fs::remove_file(entry.path())
            {
                tracing::warn!(%name, %error, "a secret of the past is still there");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use commonware_cryptography::transcript::{Transcript, Version};

    use super::*;
    use crate::order::ValidatorKey;

    #[tokio::test]
    async fn secrets_of_the_past_are_removed_and_the_first_share_does_not_come_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = FileStore::new(Vault::plain(directory.path().join("secrets")));
        let share = ValidatorKey::generate().share().unwrap().unwrap();
        store.begin(Some(share.clone())).await;
        assert_eq!(store.get_share(Epoch::zero()).await, Some(share.clone()));
        let seed = Transcript::new(b"test", Version::V1).summarize();
        store.put_seed(Epoch::new(3), seed).await;
        store.prune(Epoch::new(3)).await;
        assert_eq!(store.get_share(Epoch::zero()).await, None);
        assert!(store.get_seed(Epoch::new(3)).await.is_some());
        store.begin(Some(share)).await;
        assert_eq!(store.get_share(Epoch::zero()).await, None, "begun before");
    }

    /// What was cut short, by a disk or by hand, ends the validator: a new seed would deal twice.
    #[test]
    fn a_secret_that_is_damaged_is_not_taken_for_none() {
        let directory = tempfile::tempdir().unwrap();
        let vault = Vault::plain(directory.path().join("secrets"));
        let store = FileStore::new(vault.clone());
        assert!(store.get::<Summary>("seed-3").is_none(), "there is none");
        for damaged in ["", "00", "no digits"] {
            vault.write("seed-3", damaged.as_bytes()).unwrap();
            let read = std::panic::AssertUnwindSafe(|| store.get::<Summary>("seed-3"));
            assert!(std::panic::catch_unwind(read).is_err(), "{damaged:?}");
        }
    }

    #[test]
    fn secrets_of_a_node_that_voted_are_known_to_be_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, secrets) = (folder.path().join("chain"), folder.path().join("secrets"));
        fs::create_dir(&chain).unwrap();
        let store = FileStore::new(Vault::plain(&secrets));
        let lost = || store.are_lost(&chain, "chain-simplex").unwrap();
        assert!(!lost(), "a new node");
        fs::create_dir(chain.join("chain-simplex_consensus_0")).unwrap();
        assert!(lost());
        store.put(BEGUN, &[]);
        assert!(!lost(), "they are there");
        // What cannot be looked at is not said to be missing.
        fs::remove_dir_all(&secrets).unwrap();
        fs::write(&secrets, "").unwrap();
        store.are_lost(&chain, "chain-simplex").unwrap_err();
    }
}
