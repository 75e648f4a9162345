//! Seeds: 32 bytes, or 24 words for people, from which every key of a person is derived by label.
//!
//! Protocols section 1. A patient: root `a`; for each hospital `a_h = a + H(k_h)` and a search key; for each visit a pseudonym; under a separate master,
//! signing keys. Nothing but the seed needs a backup. `PK_a = g^a` is shown to nobody (but, encrypted, to the regulators): a hospital that knew it could recognise the patient's
//! capsules of every other hospital.

use std::fmt;

use bip39::{Language as List, Mnemonic};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    Error,
    bls::Scalar,
    hash::kdf,
    label::{self, Label},
    pre::{DelegateeSecret, DelegatorSecret},
    pseudonym::{Nym, NymSecret},
    scope::VisitTag,
    search::SearchSecret,
    sign::SigningKey,
};

/// 32 secret bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

/// In which language seed words are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// The English list of BIP-39.
    English,
    /// The simplified Chinese list of BIP-39.
    SimplifiedChinese,
}

impl Language {
    const fn list(self) -> List {
        match self {
            Self::English => List::English,
            Self::SimplifiedChinese => List::SimplifiedChinese,
        }
    }
}

/// Words in a phrase of 32 bytes.
const WORDS: usize = 24;

impl Seed {
    /// A random seed.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Self([0; 32]);
        rng.fill_bytes(&mut seed.0);
        seed
    }

    /// The seed of `bytes`, which should be uniform.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes: whoever has them is the person.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0)
    }

    /// Its 24 words (BIP-39).
    #[must_use]
    pub fn to_words(&self, language: Language) -> Zeroizing<String> {
        // 32 bytes are one of the lengths that the standard allows, so there is always a phrase.
        let phrase = Mnemonic::from_entropy_in(language.list(), &self.0);
        Zeroizing::new(phrase.map(|phrase| phrase.to_string()).unwrap_or_default())
    }

    /// Reads 24 words, English or simplified Chinese, however spaced. No error repeats a word.
    ///
    /// # Errors
    /// [`Error::WordCount`], [`Error::UnknownWord`] or [`Error::WordChecksum`].
    pub fn from_words(text: &str) -> Result<Self, Error> {
        let text = Zeroizing::new(text.to_lowercase());
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() != WORDS {
            return Err(Error::WordCount { found: words.len() });
        }
        let chinese = words.first().is_some_and(|word| !word.is_ascii());
        let list = if chinese {
            Language::SimplifiedChinese
        } else {
            Language::English
        }
        .list();
        if let Some(place) = words.iter().position(|word| list.find_word(word).is_none()) {
            return Err(Error::UnknownWord {
                position: place + 1,
            });
        }
        let phrase = Zeroizing::new(words.join(" "));
        let phrase =
            Mnemonic::parse_in_normalized(list, &phrase).map_err(|_| Error::WordChecksum)?;
        let (mut entropy, size) = phrase.to_entropy_array();
        let seed = entropy.first_chunk::<32>().map(|bytes| Self(*bytes));
        entropy.zeroize();
        seed.filter(|_| size == 32)
            .ok_or(Error::WordCount { found: words.len() })
    }

    fn derive(&self, label: Label, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        kdf(label, &self.0, parts)
    }

    fn scalar(&self, label: Label, parts: &[&[u8]]) -> Scalar {
        Scalar::hash(label, &[self.derive(label, parts).as_slice()])
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(32 bytes)")
    }
}

/// Every key of a patient.
#[derive(Debug, Clone)]
pub struct PatientKeys {
    seed: Seed,
    root: Scalar,
    signing_master: Seed,
}

/// A patient's keys at one hospital, which is named by its 32-byte id.
#[derive(Debug, Clone)]
pub struct HospitalKeys {
    /// `a_h`.
    pub delegator: DelegatorSecret,
    /// The search key.
    pub search: SearchSecret,
}

/// A patient's keys for one visit.
#[derive(Debug, Clone)]
pub struct VisitKeys {
    /// What is behind the pseudonym.
    pub nym_secret: NymSecret,
    /// The pseudonym.
    pub nym: Nym,
    /// Signs what is said about the visit later.
    pub signing: SigningKey,
    /// Makes the visit's scopes its own, if the patient wishes.
    pub tag: VisitTag,
}

impl PatientKeys {
    /// The keys of `seed`.
    #[must_use]
    pub fn from_seed(seed: &Seed) -> Self {
        Self {
            root: seed.scalar(label::PATIENT_ROOT, &[]),
            signing_master: Seed(*seed.derive(label::SIGNING_MASTER, &[])),
            seed: seed.clone(),
        }
    }

    /// The keys at the hospital `hospital`.
    #[must_use]
    pub fn hospital(&self, hospital: &[u8; 32]) -> HospitalKeys {
        let shift = self.seed.scalar(label::PATIENT_HOSPITAL, &[hospital]);
        // Zero with probability 2^-255 over the hash.
        let scalar = self.root.add(&shift).unwrap_or(shift);
        let search = self.seed.derive(label::PATIENT_SEARCH, &[hospital]);
        HospitalKeys {
            delegator: DelegatorSecret::new(scalar),
            search: SearchSecret::from_seed(*search),
        }
    }

    /// The keys for visit number `counter` at the hospital `hospital`.
    #[must_use]
    pub fn visit(&self, hospital: &[u8; 32], counter: u32) -> VisitKeys {
        let parts: [&[u8]; 2] = [hospital, &counter.to_be_bytes()];
        let scalar = self.seed.scalar(label::VISIT_SCALAR, &parts);
        let nym_secret = NymSecret::new(self.root.clone(), scalar);
        let tag = kdf::<16>(label::VISIT_TAG, &self.seed.0, &parts);
        VisitKeys {
            nym: nym_secret.nym(),
            nym_secret,
            signing: self.signing(label::VISIT_SIGNING, &parts),
            // All zeros, which stand for no tag, come out with probability 2^-128.
            tag: VisitTag::from_bytes(&tag).unwrap_or(VisitTag::FALLBACK),
        }
    }

    /// The key that controls grant number `counter`; no two grants of a patient can be joined by it.
    #[must_use]
    pub fn grant(&self, counter: u32) -> SigningKey {
        self.signing(label::GRANT_SIGNING, &[&counter.to_be_bytes()])
    }

    fn signing(&self, label: Label, parts: &[&[u8]]) -> SigningKey {
        SigningKey::from_seed(&self.signing_master.derive(label, parts))
    }
}

/// The keys of a member's person: doctor, pharmacist, researcher ...
#[derive(Debug, Clone)]
pub struct MemberKeys {
    /// Signs records and requests.
    pub signing: SigningKey,
    /// Opens what patients turn towards the person.
    pub delegatee: DelegateeSecret,
}

impl MemberKeys {
    /// The keys of `seed`.
    #[must_use]
    pub fn from_seed(seed: &Seed) -> Self {
        Self {
            signing: SigningKey::from_seed(&seed.derive(label::MEMBER_SIGNING, &[])),
            delegatee: DelegateeSecret::from_seed(&seed.derive(label::MEMBER_DELEGATEE, &[])),
        }
    }
}
