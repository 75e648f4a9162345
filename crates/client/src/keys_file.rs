//! Keys that are handed to whom they belong: a file with a keystore of its own, which a home and a
//! browser take them from. docs/PROTOCOL.md 13.
//!
//! ```text
//! kind      "yilian-keys"
//! keystore  a fresh key under the file's own passphrase        hex digits
//! secrets   by their names in a home, each sealed under it     hex digits
//! public    certificates and ids by theirs, and the genesis    as they stand in a home
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use yilian_crypto::{
    keystore::{Cost, HomeKey, KeystoreError, Passphrase},
    seed::Seed,
};
use yilian_protocol::registry::{Certificate, Genesis};
use zeroize::Zeroizing;

use crate::{ClientError, people::Person};

/// What the genesis is called among what everybody may know.
pub const GENESIS: &str = "genesis.json";
/// What the names of people begin with.
const PEOPLE: &str = "people/";

/// The file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysFile {
    kind: Kind,
    keystore: String,
    /// Secrets by their names, each sealed.
    pub secrets: BTreeMap<String, String>,
    /// What everybody may know, by its name.
    pub public: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Kind {
    #[serde(rename = "yilian-keys")]
    Keys,
}

/// The secrets of a file, by their names.
pub type Secrets = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// What everybody may know of a certified person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PersonFile {
    /// The person's certificate.
    pub certificate: Certificate,
}

/// Why a file of keys was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysFileError {
    /// It is something else.
    #[error("no exported keys: {0}")]
    Other(String),
    /// Its keystore does not open.
    #[error("the exported keys: {0}")]
    Keystore(KeystoreError),
    /// A secret of it does not open.
    #[error("{name}: {source}")]
    Secret {
        /// Its name.
        name: String,
        /// What is wrong.
        source: KeystoreError,
    },
    /// A part of it is no hex digits, or has not the form that it should.
    #[error("{name} does not hold what it should")]
    Malformed {
        /// Its name.
        name: String,
    },
    /// A certificate came without its key.
    #[error("no key of {stem} is in it")]
    NoKey {
        /// Whose.
        stem: String,
    },
    /// A certificate is for other keys.
    #[error("{name}: {source}")]
    Foreign {
        /// Its name.
        name: String,
        /// What is wrong.
        source: ClientError,
    },
    /// It holds the keys of nobody, or of several people.
    #[error("it holds the keys of {found} people, not of one")]
    NotOnePerson {
        /// How many.
        found: usize,
    },
    /// It does not say of which chain its keys are.
    #[error("no genesis is in it")]
    NoGenesis,
}

impl KeysFile {
    /// Seals `secrets` under a fresh key, and that under `passphrase`.
    ///
    /// # Errors
    /// When there is not enough memory, or a secret is too large.
    pub fn seal(
        secrets: &Secrets,
        public: BTreeMap<String, Value>,
        passphrase: &Passphrase,
        cost: Cost,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Self, KeystoreError> {
        let key = HomeKey::random(rng);
        let keystore = hex::encode(key.keystore(passphrase, cost, rng)?);
        let mut sealed = BTreeMap::new();
        for (name, content) in secrets {
            sealed.insert(name.clone(), hex::encode(key.seal(name, content, rng)?));
        }
        Ok(Self {
            kind: Kind::Keys,
            keystore,
            secrets: sealed,
            public,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`KeysFileError::Other`].
    pub fn read(bytes: &[u8]) -> Result<Self, KeysFileError> {
        serde_json::from_slice(bytes).map_err(|error| KeysFileError::Other(error.to_string()))
    }

    /// Opens all secrets.
    ///
    /// # Errors
    /// [`KeysFileError::Keystore`] when the passphrase is another; what does not open.
    pub fn open(&self, passphrase: &Passphrase) -> Result<Secrets, KeysFileError> {
        let malformed = |name: &str| KeysFileError::Malformed {
            name: name.to_owned(),
        };
        let keystore = hex::decode(&self.keystore).map_err(|_| malformed("keystore"))?;
        let key = HomeKey::open(&keystore, passphrase).map_err(KeysFileError::Keystore)?;
        let mut opened = Secrets::new();
        for (name, sealed) in &self.secrets {
            let sealed = hex::decode(sealed).map_err(|_| malformed(name))?;
            let content = key.open_secret(name, &sealed);
            let content = content.map_err(|source| KeysFileError::Secret {
                name: name.clone(),
                source,
            })?;
            opened.insert(name.clone(), content);
        }
        Ok(opened)
    }

    /// The people whose keys are in it, by the stems of their names; each certificate is of the
    /// keys that come with it.
    ///
    /// # Errors
    /// [`KeysFileError::NoKey`], [`KeysFileError::Foreign`], [`KeysFileError::Malformed`].
    pub fn people(&self, opened: &Secrets) -> Result<Vec<(String, Handed)>, KeysFileError> {
        let mut people = Vec::new();
        for (name, content) in &self.public {
            let stem = name.strip_suffix(".json");
            let Some(stem) = stem.filter(|stem| stem.starts_with(PEOPLE)) else {
                continue;
            };
            let malformed = || KeysFileError::Malformed { name: name.clone() };
            let file = PersonFile::deserialize(content).map_err(|_| malformed())?;
            let key = opened.get(&format!("{stem}.key"));
            let key = key.ok_or_else(|| KeysFileError::NoKey {
                stem: stem.to_owned(),
            })?;
            let mut bytes = Zeroizing::new([0; Seed::SIZE]);
            hex::decode_to_slice(key.trim_ascii(), bytes.as_mut_slice())
                .map_err(|_| malformed())?;
            let handed = Handed {
                seed: Seed::from_bytes(*bytes),
                certificate: file.certificate,
            };
            handed.person().map_err(|source| KeysFileError::Foreign {
                name: name.clone(),
                source,
            })?;
            people.push((stem.to_owned(), handed));
        }
        Ok(people)
    }

    /// The one person whose keys are in it, and what the names of his secrets begin with.
    ///
    /// # Errors
    /// As [`KeysFile::people`]; [`KeysFileError::NotOnePerson`].
    pub fn person(&self, opened: &Secrets) -> Result<(String, Handed), KeysFileError> {
        let mut people = self.people(opened)?;
        match (people.len(), people.pop()) {
            (1, Some(one)) => Ok(one),
            (found, _) => Err(KeysFileError::NotOnePerson { found }),
        }
    }

    /// The genesis of the chain that the keys are of.
    ///
    /// # Errors
    /// [`KeysFileError::NoGenesis`], [`KeysFileError::Malformed`].
    pub fn genesis(&self) -> Result<Genesis, KeysFileError> {
        let genesis = self.public.get(GENESIS).ok_or(KeysFileError::NoGenesis)?;
        Genesis::deserialize(genesis).map_err(|_| KeysFileError::Malformed {
            name: GENESIS.to_owned(),
        })
    }
}

/// A person's keys and certificate, as they were handed over.
#[derive(Debug)]
pub struct Handed {
    /// Where the keys come from.
    pub seed: Seed,
    /// What they are certified as.
    pub certificate: Certificate,
}

impl Handed {
    /// The person.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when the certificate is for other keys.
    pub fn person(&self) -> Result<Person, ClientError> {
        Person::new(self.seed.clone(), self.certificate.clone())
    }
}
