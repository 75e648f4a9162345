//! What every device with keys has: a shelf in the browser on which all is sealed, in the format of
//! every home: `yilian_crypto::keystore`, docs/PROTOCOL.md 13.

mod shelf;

use std::str::FromStr;

use rand::CryptoRng;
use serde::{Serialize, de::DeserializeOwned};
use yilian_crypto::keystore::{Cost, HomeKey, KeystoreError};
use yilian_protocol::{Confidentiality, TimeMs, registry::Admitted};
use zeroize::Zeroizing;

use crate::{
    shared::whole,
    trouble::{Fault, Trouble},
};

pub(crate) use self::shelf::Entry;
pub use self::shelf::Shelf;

/// Where the keystore lies.
pub(crate) const KEYSTORE: &str = "keystore";
/// Where the latest block lies of which there was a proof.
pub(crate) const SEEN: &str = "seen";
/// What the names of letters begin with.
pub(crate) const LETTERS: &str = "letters/";
/// What a new keystore costs to open: about a second on a phone.
pub(crate) const COST: Cost = Cost::STANDARD;

/// An id as the page has it.
pub(crate) fn id<V: FromStr>(text: &str) -> Result<V, Trouble> {
    text.trim()
        .parse()
        .map_err(|_| Trouble::invalid("these are no 64 hex digits of an id"))
}

/// The page's clock.
pub(crate) fn moment(now: f64) -> Result<TimeMs, Trouble> {
    Ok(TimeMs::new(whole(now)?))
}

/// Levels by their names, each once.
pub(crate) fn levels(names: &[String]) -> Result<Vec<Confidentiality>, Trouble> {
    let known = |name: &String| {
        let mut all = Confidentiality::ALL.into_iter();
        let found = all.find(|level| level.code() == name);
        found.ok_or_else(|| Trouble::invalid("no level of this name"))
    };
    let mut levels = names.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    levels.sort();
    levels.dedup();
    match levels.is_empty() {
        true => Err(Trouble::invalid("no level is named")),
        false => Ok(levels),
    }
}

/// A value as JSON, sealed under its name.
pub(crate) fn sealed<V: Serialize>(
    home: &HomeKey,
    name: &str,
    value: &V,
    rng: &mut impl CryptoRng,
) -> Result<Entry, Trouble> {
    let json = serde_json::to_vec(value).map_err(|error| Trouble::new(Fault::Other, error))?;
    let json = Zeroizing::new(json);
    Ok((name.to_owned(), home.seal(name, &json, rng)?))
}

/// The value that was sealed under `name`.
pub(crate) fn unsealed<V: DeserializeOwned>(
    home: &HomeKey,
    name: &str,
    bytes: &[u8],
) -> Result<V, Trouble> {
    let json = home.open_secret(name, bytes)?;
    serde_json::from_slice(&json).map_err(|error| Trouble::new(Fault::Damaged, error))
}

/// The same of what may not be there yet.
pub(crate) fn perhaps<V: DeserializeOwned + Default>(
    home: &HomeKey,
    name: &str,
    bytes: Option<&[u8]>,
) -> Result<V, Trouble> {
    bytes.map_or_else(|| Ok(V::default()), |bytes| unsealed(home, name, bytes))
}

/// What is to be kept of the latest block of which there was a proof, so that the next session
/// begins there; `None` when the one that is `known` is as late.
pub(crate) fn newly_seen(
    home: &HomeKey,
    known: Option<Admitted>,
    seen: Option<Admitted>,
    rng: &mut impl CryptoRng,
) -> Result<Option<(Admitted, Entry)>, Trouble> {
    let newer = |seen: &Admitted| known.is_none_or(|known| known.height < seen.height);
    let Some(seen) = seen.filter(newer) else {
        return Ok(None);
    };
    Ok(Some((seen, sealed(home, SEEN, &seen, rng)?)))
}

pub(crate) fn damaged() -> Trouble {
    Trouble::new(Fault::Damaged, "a part of what this browser kept is gone")
}

impl From<KeystoreError> for Trouble {
    fn from(error: KeystoreError) -> Self {
        let fault = match error {
            KeystoreError::WrongPassphrase => Fault::WrongPassphrase,
            KeystoreError::Passphrase | KeystoreError::Short => Fault::WeakPassphrase,
            KeystoreError::Other { .. }
            | KeystoreError::Suite { .. }
            | KeystoreError::Damaged
            | KeystoreError::OtherName
            | KeystoreError::Cost => Fault::Damaged,
            _ => Fault::Other,
        };
        Self::new(fault, error)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_by_name_and_never_none() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let both = levels(&names(&["sensitive", "clinical", "clinical"])).unwrap();
        assert_eq!(
            both,
            [Confidentiality::Clinical, Confidentiality::Sensitive]
        );
        for wrong in [&[][..], &["all"], &["clinical", ""]] {
            assert_eq!(levels(&names(wrong)).unwrap_err().fault, Fault::Invalid);
        }
    }
}
