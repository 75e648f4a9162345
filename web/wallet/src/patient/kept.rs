//! What a browser keeps of a patient. All of it is sealed under the passphrase, in the format of
//! every home: `yilian_crypto::keystore`, docs/PROTOCOL.md 13.
//!
//! | name | content |
//! |---|---|
//! | `keystore` | the keystore |
//! | `seed` | the seed, 32 bytes |
//! | `wallet` | [`Wallet`], JSON |
//! | `seen` | the latest block of which there was a proof, JSON |
//! | `answers` | how letters were answered, JSON |
//! | `gone` | letters that are not kept any more, JSON |
//! | `letters/ID` | a letter, sealed once more than it came, and what came of checking it, JSON |

use std::collections::BTreeMap;

use rand::CryptoRng;
use serde::Serialize;
use yilian_client::Wallet;
use yilian_crypto::{
    keystore::{Cost, HomeKey, Passphrase},
    seed::Seed,
};
use yilian_protocol::{MailId, registry::Admitted};

use super::letters::Letters;
use crate::{
    device::{self, Entry, KEYSTORE, damaged, perhaps, sealed, unsealed},
    trouble::Trouble,
};

/// Where the seed lies.
pub(super) const SEED: &str = "seed";
/// Where the wallet lies.
pub(super) const WALLET: &str = "wallet";
/// Where it lies which letters are not kept any more.
pub(super) const GONE: &str = "gone";
/// Where the answers lie.
pub(super) const ANSWERS: &str = "answers";

/// How letters were answered, by their ids.
pub(super) type Answers = BTreeMap<MailId, Answered>;

/// How a letter was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answered {
    /// With access.
    Granted,
    /// With none.
    Denied,
}

/// What is kept, opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) home: HomeKey,
    pub(super) seed: Seed,
    pub(super) wallet: Wallet,
    /// A node that shows an older state than this is behind.
    pub(super) seen: Option<Admitted>,
    pub(super) answers: Answers,
    /// Letters that are not kept any more, those of late last.
    pub(super) gone: Vec<MailId>,
    /// The letters that are kept, once they were read.
    pub(super) letters: Option<Letters>,
}

impl Opened {
    /// A new home for `seed`, and what is to be kept of it.
    pub(super) fn new(
        seed: Seed,
        wallet: Wallet,
        passphrase: &str,
        cost: Cost,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<Entry>), Trouble> {
        let passphrase = Passphrase::chosen(passphrase)?;
        let home = HomeKey::random(rng);
        let entries = vec![
            (KEYSTORE.to_owned(), home.keystore(&passphrase, cost, rng)?),
            (SEED.to_owned(), home.seal(SEED, seed.expose(), rng)?),
            sealed(&home, WALLET, &wallet, rng)?,
        ];
        let opened = Self {
            home,
            seed,
            wallet,
            seen: None,
            answers: Answers::new(),
            gone: Vec::new(),
            letters: None,
        };
        Ok((opened, entries))
    }

    /// Opens what was kept.
    pub(super) fn open(kept: &Kept, passphrase: &str) -> Result<Self, Trouble> {
        let passphrase = Passphrase::new(passphrase)?;
        let home = HomeKey::open(&kept.keystore, &passphrase)?;
        let bytes = home.open_secret(SEED, &kept.seed)?;
        let bytes: &[u8; Seed::SIZE] = bytes.as_slice().try_into().map_err(|_| damaged())?;
        Ok(Self {
            seed: Seed::from_bytes(*bytes),
            wallet: unsealed(&home, WALLET, &kept.wallet)?,
            seen: perhaps(&home, device::SEEN, kept.seen.as_deref())?,
            answers: perhaps(&home, ANSWERS, kept.answers.as_deref())?,
            gone: perhaps(&home, GONE, kept.gone.as_deref())?,
            letters: None,
            home,
        })
    }

    /// What is to be kept of the latest block of which there was a proof; `None` when it is.
    pub(super) fn newly_seen(
        &self,
        seen: Option<Admitted>,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<(Admitted, Entry)>, Trouble> {
        device::newly_seen(&self.home, self.seen, seen, rng)
    }

    /// A keystore of the same home under another passphrase.
    pub(super) fn rekeyed(
        &self,
        passphrase: &str,
        cost: Cost,
        rng: &mut impl CryptoRng,
    ) -> Result<Entry, Trouble> {
        let passphrase = Passphrase::chosen(passphrase)?;
        let keystore = self.home.keystore(&passphrase, cost, rng)?;
        Ok((KEYSTORE.to_owned(), keystore))
    }
}

/// What is kept, sealed.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) keystore: Vec<u8>,
    pub(super) seed: Vec<u8>,
    pub(super) wallet: Vec<u8>,
    pub(super) seen: Option<Vec<u8>>,
    pub(super) answers: Option<Vec<u8>>,
    pub(super) gone: Option<Vec<u8>>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use yilian_protocol::{ChainId, Height, TimeMs};

    use super::*;
    use crate::{device::SEEN, trouble::Fault};

    const PASSPHRASE: &str = "jade and paper";

    fn made() -> (Seed, Wallet, Kept) {
        let rng = &mut rand::rng();
        let seed = Seed::random(rng);
        let wallet = Wallet::new(ChainId::from_bytes([7; 32]));
        let made = Opened::new(seed.clone(), wallet.clone(), PASSPHRASE, Cost::LEAST, rng);
        let (_, entries) = made.unwrap();
        let [(_, keystore), (_, of_seed), (_, of_wallet)] = &entries[..] else {
            panic!("{} entries", entries.len());
        };
        let kept = Kept {
            keystore: keystore.clone(),
            seed: of_seed.clone(),
            wallet: of_wallet.clone(),
            seen: None,
            answers: None,
            gone: None,
        };
        (seed, wallet, kept)
    }

    fn fault(kept: &Kept, passphrase: &str) -> Fault {
        Opened::open(kept, passphrase).unwrap_err().fault
    }

    #[test]
    fn what_was_kept_opens_under_its_passphrase_and_no_other() {
        let (seed, wallet, kept) = made();
        let opened = Opened::open(&kept, PASSPHRASE).unwrap();
        assert!(opened.seed == seed && opened.wallet == wallet);
        assert!(opened.answers.is_empty());
        assert_eq!(fault(&kept, "jade and Paper"), Fault::WrongPassphrase);
        assert_eq!(fault(&kept, ""), Fault::WeakPassphrase);
        let short = Opened::new(seed, wallet, "jade", Cost::LEAST, &mut rand::rng());
        assert_eq!(short.unwrap_err().fault, Fault::WeakPassphrase);
    }

    #[test]
    fn nothing_that_is_kept_shows_the_seed_or_the_words() {
        let (seed, _, kept) = made();
        let all = [&kept.keystore[..], &kept.seed, &kept.wallet].concat();
        let holds = |part: &[u8]| all.windows(part.len()).any(|window| window == part);
        assert!(!holds(seed.expose()) && !holds(&seed.expose()[..8]));
        assert!(!holds(b"visits") && !holds(PASSPHRASE.as_bytes()));
    }

    #[test]
    fn parts_of_two_wallets_and_damage_are_told() {
        let (_, _, kept) = made();
        let (_, _, other) = made();
        let mixed = Kept {
            seed: other.seed,
            ..kept
        };
        assert_eq!(fault(&mixed, PASSPHRASE), Fault::Damaged);
        let (_, _, mut kept) = made();
        std::mem::swap(&mut kept.seed, &mut kept.wallet);
        assert_eq!(fault(&kept, PASSPHRASE), Fault::Damaged);
        let (_, _, mut kept) = made();
        kept.keystore[20] ^= 1;
        assert_eq!(fault(&kept, PASSPHRASE), Fault::Damaged);
    }

    #[test]
    fn another_passphrase_opens_the_same_home_and_the_old_one_no_more() {
        let (seed, _, mut kept) = made();
        let rng = &mut rand::rng();
        let opened = Opened::open(&kept, PASSPHRASE).unwrap();
        let (name, keystore) = opened.rekeyed("jade and silk", Cost::LEAST, rng).unwrap();
        assert_eq!(name, KEYSTORE);
        kept.keystore = keystore;
        assert!(Opened::open(&kept, "jade and silk").unwrap().seed == seed);
        assert_eq!(fault(&kept, PASSPHRASE), Fault::WrongPassphrase);
    }

    #[test]
    fn the_latest_block_that_was_seen_outlives_the_page_and_never_gets_older() {
        let (_, _, mut kept) = made();
        let rng = &mut rand::rng();
        let at = |height: u64| Admitted {
            height: Height::new(height),
            time: TimeMs::new(height),
        };
        let opened = Opened::open(&kept, PASSPHRASE).unwrap();
        assert!(opened.seen.is_none() && opened.newly_seen(None, rng).unwrap().is_none());
        let (seen, (name, bytes)) = opened.newly_seen(Some(at(7)), rng).unwrap().unwrap();
        assert_eq!((seen, name.as_str()), (at(7), SEEN));
        kept.seen = Some(bytes);
        let again = Opened::open(&kept, PASSPHRASE).unwrap();
        assert_eq!(again.seen, Some(at(7)));
        for old in [6, 7] {
            assert!(again.newly_seen(Some(at(old)), rng).unwrap().is_none());
        }
        assert!(again.newly_seen(Some(at(8)), rng).unwrap().is_some());
        // Put in its place by whoever has the storage: it is told, and not taken for none.
        kept.seen = kept.seen.map(|bytes| bytes[1..].to_vec());
        assert_eq!(fault(&kept, PASSPHRASE), Fault::Damaged);
    }

    #[test]
    fn answers_are_kept_sealed() {
        let (_, _, mut kept) = made();
        let home = Opened::open(&kept, PASSPHRASE).unwrap().home;
        let answers = Answers::from([(MailId::from_bytes([3; 32]), Answered::Denied)]);
        let (_, bytes) = sealed(&home, ANSWERS, &answers, &mut rand::rng()).unwrap();
        kept.answers = Some(bytes);
        assert_eq!(Opened::open(&kept, PASSPHRASE).unwrap().answers, answers);
    }
}
