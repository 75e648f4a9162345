//! Seeds: 32 bytes, or 24 words on paper (BIP-39), from which every key of a patient or member
//! comes.
//!
//! docs/PROTOCOL.md 1.4. All derivations are [`kdf`] under a label of their own; scalars are of 64
//! derived bytes.
//! ```text
//! patient  seed of a chain = KDF(the words' seed, "of-chain", chain); from here on `seed` is that
//!          a   = scalar(seed, "root")                 never leaves; PK_a = g^a only in escrows
//!          k_h = KDF(seed, "key-of-hospital", hospital)
//!          a_h = a + H(k_h)                           the delegator's secret at that hospital
//!          x_h = KDF(seed, "search-of-hospital", hospital)
//!          s_h = KDF(seed, "periods-of-hospital", hospital), for scope secrets: `crate::psk`
//!          x_s = KDF(seed, "searches-of-hospital", hospital), for search secrets
//!          k_v = KDF(seed, "key-of-visit", hospital, counter)
//!          nym secret = a + H(k_v), tag = KDF(k_v, "tag-of-visit")
//!          m   = KDF(seed, "signing-master")
//!          visits sign with KDF(m, "signing-key-of-visit", hospital, counter),
//!          grants with KDF(m, "signing-key-of-grant", counter)
//!          mailboxes with KDF(m, "mailbox-signing", hospital), and open what is sealed to the key
//!          of KDF(seed, "mailbox-kem", hospital)
//! member   KDF(seed, "member-signing"), KDF(seed, "member-delegatee"), KDF(seed, "member-kem")
//! ```
//! Counters are 4 bytes, big-endian. Two chains see nothing that links one's keys to the other's. A
//! member's keys are the same on every chain: certificates name them openly. A hospital sees `PK_h
//! = PK_a g^{H(k_h)}` and nyms, which nothing links to those of another hospital.
//!
//! # Deviation
//! The words are an encoding of the seed's 32 bytes; BIP-39's own stretching with a passphrase is
//! not used, as the seed is uniform already.

use bip39::Mnemonic;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    Error,
    bls::{G1, Scalar, hash_to_scalar},
    encoding::{debug_secret, secret_bytes},
    hash::kdf,
    kem::KemSecret,
    label::{self, Label},
    pre::{DelegateeSecret, DelegatorSecret},
    pseudonym::{Nym, NymSecret},
    psk::{HospitalPsk, SearchPsks},
    scope::VisitTag,
    search::{SearchSecret, WriterSecret},
    sign::SigningKey,
};

/// The language of a seed's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// 24 English words.
    English,
    /// 24 simplified Chinese characters.
    SimplifiedChinese,
}

impl Language {
    const fn list(self) -> bip39::Language {
        match self {
            Self::English => bip39::Language::English,
            Self::SimplifiedChinese => bip39::Language::SimplifiedChinese,
        }
    }
}

secret_bytes! {
    /// The seed of a patient or member: 32 uniform secret bytes.
    Seed;
}

impl Seed {
    /// Words of a seed.
    pub const WORDS: usize = 24;

    /// A fresh seed.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; Self::SIZE]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The seed as 24 words with a checksum of 8 bits, a space between two.
    #[must_use]
    pub fn to_words(&self, language: Language) -> Zeroizing<String> {
        let words = Mnemonic::from_entropy_in(language.list(), self.0.as_slice())
            .expect("BIP-39 has words for every 32 bytes");
        // Made as long as it can get, so that growing leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(Self::WORDS * 12));
        for word in words.words() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }

    /// The seed of 24 words, English in any case or Chinese with or without spaces.
    ///
    /// # Errors
    /// [`Error::WordCount`], [`Error::UnknownWord`] for the first that is in no list, or
    /// [`Error::WordChecksum`].
    pub fn from_words(text: &str) -> Result<Self, Error> {
        let (language, words) = split_words(text);
        let count = words.split(' ').filter(|word| !word.is_empty()).count();
        if count != Self::WORDS {
            return Err(Error::WordCount { count });
        }
        let parsed = Mnemonic::parse_in_normalized(language.list(), &words);
        let words = parsed.map_err(|error| match error {
            bip39::Error::UnknownWord(place) => Error::UnknownWord {
                position: place + 1,
            },
            _ => Error::WordChecksum,
        })?;
        let (entropy, _) = words.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let mut seed = Zeroizing::new([0; Self::SIZE]);
        seed.iter_mut()
            .zip(entropy.iter())
            .for_each(|(out, byte)| *out = *byte);
        Ok(Self(seed))
    }
}

/// The words in lower case with one space between two. Text with any character beyond ASCII is
/// Chinese, where each character is a word.
fn split_words(text: &str) -> (Language, Zeroizing<String>) {
    let mut words = Zeroizing::new(String::with_capacity(2 * text.len() + 1));
    let letters = text.chars().filter(|c| !c.is_whitespace());
    if letters.clone().all(|c| c.is_ascii()) {
        for word in text.split_whitespace() {
            words.extend(word.chars().map(|c| c.to_ascii_lowercase()));
            words.push(' ');
        }
        return (Language::English, words);
    }
    for character in letters {
        words.push(character);
        words.push(' ');
    }
    (Language::SimplifiedChinese, words)
}

/// All keys of a patient on one chain. Zeroised when dropped.
pub struct PatientKeys {
    seed: Seed,
    root: Scalar,
    signing_master: Zeroizing<[u8; 32]>,
}

impl PatientKeys {
    /// The keys of a seed on one chain, by its id.
    #[must_use]
    pub fn from_seed(seed: &Seed, chain: &[u8; 32]) -> Self {
        let seed = Seed(kdf(label::SEED_CHAIN, seed.expose(), &[chain]));
        Self {
            root: Scalar::derive(label::SEED_ROOT, seed.expose(), &[]),
            signing_master: kdf(label::SEED_SIGNING, seed.expose(), &[]),
            seed,
        }
    }

    /// PK_a. For the escrow only: who knows it recognises the patient at every hospital.
    pub(crate) fn root_public(&self) -> G1 {
        G1::power_of_generator(&self.root)
    }

    /// The keys for one hospital, by its id.
    #[must_use]
    pub fn hospital(&self, hospital: &[u8; 32]) -> HospitalKeys {
        let k_h = self.key(label::SEED_HOSPITAL, &[hospital]);
        let offset = hash_to_scalar(label::SEED_HOSPITAL_OFFSET, &[k_h.as_slice()]);
        let search = self.key(label::SEED_SEARCH, &[hospital]);
        HospitalKeys {
            delegator: DelegatorSecret::new(
                self.root.add(&offset),
                HospitalPsk::new(self.key(label::SEED_PERIODS, &[hospital])),
            ),
            search: SearchSecret::from_seed(&search),
            searches: SearchPsks::new(self.key(label::SEED_SEARCH_SECRETS, &[hospital])),
        }
    }

    /// The keys of one visit, by the hospital's id and the number of the visit there.
    #[must_use]
    pub fn visit(&self, hospital: &[u8; 32], counter: u32) -> VisitKeys {
        let counter = counter.to_be_bytes();
        let k_v = self.key(label::SEED_VISIT, &[hospital, &counter]);
        let offset = hash_to_scalar(label::SEED_VISIT_OFFSET, &[k_v.as_slice()]);
        let nym_secret = NymSecret::new(&self.root, offset);
        let tag = kdf(label::SEED_VISIT_TAG, k_v.as_slice(), &[]);
        VisitKeys {
            nym: nym_secret.nym(),
            nym_secret,
            signing: self.signing_key(label::SEED_VISIT_SIGNING, &[hospital, &counter]),
            tag: VisitTag::new(*tag),
        }
    }

    /// A signing key of its own for each standing grant, which nothing links to the patient's other
    /// keys.
    #[must_use]
    pub fn grant(&self, counter: u32) -> SigningKey {
        self.signing_key(label::SEED_GRANT_SIGNING, &[&counter.to_be_bytes()])
    }

    /// The keys of the mailbox at one hospital, by its id.
    #[must_use]
    pub fn mailbox(&self, hospital: &[u8; 32]) -> MailboxKeys {
        MailboxKeys {
            signing: self.signing_key(label::SEED_MAILBOX_SIGNING, &[hospital]),
            kem: KemSecret::from_seed(&self.key(label::SEED_MAILBOX_KEM, &[hospital])),
        }
    }

    fn key(&self, label: Label, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        kdf(label, self.seed.expose(), parts)
    }

    fn signing_key(&self, label: Label, parts: &[&[u8]]) -> SigningKey {
        SigningKey::from_seed(&kdf(label, self.signing_master.as_slice(), parts))
    }
}

impl std::fmt::Debug for PatientKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "PatientKeys", Seed::SIZE)
    }
}

/// A patient's keys for one hospital.
#[derive(Debug)]
pub struct HospitalKeys {
    /// a_h.
    pub delegator: DelegatorSecret,
    /// x_h.
    pub search: SearchSecret,
    /// x_s, the search secrets of its quarters.
    pub searches: SearchPsks,
}

/// A patient's keys of one visit.
#[derive(Debug)]
pub struct VisitKeys {
    /// The pseudonym.
    pub nym: Nym,
    /// The pseudonym's secret.
    pub nym_secret: NymSecret,
    /// A signing key of the visit's own.
    pub signing: SigningKey,
    /// The tag of the visit's own scopes, should it be private.
    pub tag: VisitTag,
}

/// A patient's keys for letters at one hospital: who has them has what is sent there.
#[derive(Debug)]
pub struct MailboxKeys {
    /// Proves whose the mailbox is.
    pub signing: SigningKey,
    /// Opens its letters.
    pub kem: KemSecret,
}

/// All keys of an organisation's member.
#[derive(Debug)]
pub struct MemberKeys {
    /// Signs what the member writes; its public key is certified.
    pub signing: SigningKey,
    /// Opens what patients turn to the member; its public key is certified too.
    pub delegatee: DelegateeSecret,
    /// Writes index entries that the patient finds again; its public key is certified too.
    pub writer: WriterSecret,
    /// Opens what is sealed to the member: shares and letters; its public key is certified too.
    pub kem: KemSecret,
}

impl MemberKeys {
    /// The keys of a seed.
    #[must_use]
    pub fn from_seed(seed: &Seed) -> Self {
        let key = |label| kdf::<32>(label, seed.expose(), &[]);
        Self {
            signing: SigningKey::from_seed(&key(label::SEED_MEMBER_SIGNING)),
            delegatee: DelegateeSecret::from_seed(&key(label::SEED_MEMBER_DELEGATEE)),
            writer: WriterSecret::from_seed(&key(label::SEED_MEMBER_WRITER)),
            kem: KemSecret::from_seed(&key(label::SEED_MEMBER_KEM)),
        }
    }
}
