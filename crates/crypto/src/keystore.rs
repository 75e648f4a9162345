//! Keystores: secrets at rest, sealed under a passphrase. One format for the command line, nodes
//! and pages; whoever uses it keeps the bytes, as files or otherwise.
//!
//! docs/PROTOCOL.md 13. A home has one random key. Its *keystore* is that key, sealed under the
//! passphrase; every other secret is sealed under a key derived from it. So another passphrase
//! means another keystore, and nothing else changes.
//! ```text
//! keystore  head | seal(P, head, home key) | check
//! head      "YLKS" | suite 1 | memory 4 (KiB) | passes 4 | lanes 1 | salt 32
//! P         = KDF("keystore/passphrase-key", Argon2id(passphrase, salt, cost), head)
//! secret    head | seal(F, head | name, content) | check
//! head      "YLKF" | suite 1 | salt 32
//! F         = KDF("keystore/file-key", home key, head, name)
//! check     the first 16 bytes of H("keystore/check", all before)
//! ```
//! Seals are those of [`crate::seal`], so keys are committed to. The name is bound: bytes that were
//! kept under one name do not open under another. Argon2id is RFC 9106's; the keystore says what it
//! costs, within a floor and a ceiling: [`Cost`].
//!
//! The check needs no key. It tells damage from a wrong passphrase, and stops nobody who changes
//! bytes on purpose: he only makes them look sealed under another passphrase.
//!
//! # Not promised
//! Who can write where secrets are kept can put back what stood there before, or all of another
//! home. Whoever has an old keystore and its passphrase has the home's key, also after a change.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use rand_core::CryptoRng;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    encoding::debug_secret,
    hash::{hash, kdf},
    label,
    pre::RecordKey,
    seal,
    suite::SUITE,
};

const KEYSTORE: &[u8; 4] = b"YLKS";
const SECRET: &[u8; 4] = b"YLKF";
const SALT: usize = 32;
const CHECK: usize = 16;
/// Magic, suite, memory, passes, lanes, salt.
const KEYSTORE_HEAD: usize = 4 + 1 + 4 + 4 + 1 + SALT;
/// Magic, suite, salt.
const SECRET_HEAD: usize = 4 + 1 + SALT;
const KEY: usize = 32;

/// Bytes of a keystore.
pub const KEYSTORE_SIZE: usize = KEYSTORE_HEAD + seal::sealed_len(KEY) + CHECK;

/// Bytes of a secret that can be sealed: 64 MiB, since all of it is held in memory.
pub const CONTENT_MAX: usize = 64 << 20;

/// Bytes of `content` bytes, sealed.
#[must_use]
pub const fn secret_len(content: usize) -> usize {
    SECRET_HEAD + seal::sealed_len(content) + CHECK
}

/// Whether bytes say that they are a secret of a keystore. What is sealed is never taken for what
/// is not.
#[must_use]
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(SECRET)
}

/// Why a keystore, or a secret of one, was refused. No variant carries secret bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// The bytes are something else.
    #[error("this is no {what}")]
    Other {
        /// What was expected.
        what: &'static str,
    },
    /// Sealed by a suite of algorithms that this program does not know.
    #[error("sealed by suite {found}; this program knows suite {SUITE} only")]
    Suite {
        /// Its number.
        found: u8,
    },
    /// Bytes were changed, lost or added since they were written.
    #[error("the bytes are damaged")]
    Damaged,
    /// The passphrase is another; or somebody changed the bytes on purpose.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The secret was sealed under another name, or by another home.
    #[error("sealed under another name, or by another home")]
    OtherName,
    /// What the keystore asks of the machine is below the floor or above the ceiling.
    #[error(
        "a keystore asks for {} to {} MiB, {} to {} passes, 1 to {} lanes, and {} MiB over all passes \
         at most",
        Cost::LEAST.memory_kib >> 10, Cost::MEMORY_MAX >> 10, Cost::LEAST.passes,
        Cost::PASSES_MAX, Cost::LANES_MAX, Cost::WORK_MAX >> 10
    )]
    Cost,
    /// The machine has not as much memory as the keystore asks for.
    #[error("there is not enough memory to open the keystore")]
    Memory,
    /// A passphrase that is empty, over [`Passphrase::MAX`] bytes, or holds control characters.
    #[error(
        "a passphrase has 1 to {} bytes and no control characters",
        Passphrase::MAX
    )]
    Passphrase,
    /// A new passphrase is too short to withstand guessing.
    #[error("a new passphrase has {} characters at least", Passphrase::LEAST)]
    Short,
    /// A secret is over [`CONTENT_MAX`].
    #[error("a secret has {CONTENT_MAX} bytes at most")]
    TooLarge,
}

/// A passphrase, in Unicode's form NFC and with plain blanks (RFC 8265, OpaqueString): however a
/// keyboard composes its characters, it is the same.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Bytes at most.
    pub const MAX: usize = 1024;
    /// Characters of a new one at least (NIST SP 800-63B-4, 3.1.1.2, asks for 8 beside a second
    /// factor, which the file is).
    pub const LEAST: usize = 8;

    /// What somebody gives to open a keystore.
    ///
    /// # Errors
    /// [`KeystoreError::Passphrase`].
    pub fn new(text: &str) -> Result<Self, KeystoreError> {
        if text.len() > Self::MAX || text.chars().any(char::is_control) {
            return Err(KeystoreError::Passphrase);
        }
        // Made as long as it can get, so that growing leaves no copy behind: NFC triples at most.
        let mut normal = Zeroizing::new(String::with_capacity(3 * text.len()));
        let plain = |c: char| if c.is_whitespace() { ' ' } else { c };
        normal.extend(text.chars().map(plain).nfc());
        if normal.is_empty() || normal.len() > Self::MAX {
            return Err(KeystoreError::Passphrase);
        }
        Ok(Self(normal))
    }

    /// What somebody chooses for a keystore.
    ///
    /// # Errors
    /// [`KeystoreError::Passphrase`], [`KeystoreError::Short`].
    pub fn chosen(text: &str) -> Result<Self, KeystoreError> {
        let chosen = Self::new(text)?;
        if chosen.0.chars().count() < Self::LEAST {
            return Err(KeystoreError::Short);
        }
        Ok(chosen)
    }

    /// Whether somebody who typed it twice typed the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// The text itself, to be handed to a process that opens the same keystore.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(secret)")
    }
}

/// What opening a keystore costs: memory in KiB, passes over it, lanes. It stands in the keystore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u8,
}

impl Cost {
    /// RFC 9106's second recommendation: 64 MiB, 3 passes, 4 lanes. A phone can still do it.
    pub const STANDARD: Self = Self {
        memory_kib: 64 << 10,
        passes: 3,
        lanes: 4,
    };
    /// The floor: 19 MiB, 2 passes, 1 lane, the least that OWASP's Password Storage Cheat Sheet
    /// has. For tests, and for devices that cannot do more.
    pub const LEAST: Self = Self {
        memory_kib: 19 << 10,
        passes: 2,
        lanes: 1,
    };
    /// KiB at most: 512 MiB.
    const MEMORY_MAX: u32 = 512 << 10;
    /// Passes at most.
    const PASSES_MAX: u32 = 16;
    /// Lanes at most.
    const LANES_MAX: u8 = 16;
    /// KiB over all passes at most: some seconds.
    const WORK_MAX: u32 = 2 << 20;

    /// A cost within floor and ceiling.
    ///
    /// # Errors
    /// [`KeystoreError::Cost`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u8) -> Result<Self, KeystoreError> {
        let memory = (Self::LEAST.memory_kib..=Self::MEMORY_MAX).contains(&memory_kib);
        let passes_good = (Self::LEAST.passes..=Self::PASSES_MAX).contains(&passes);
        let lanes_good = (Self::LEAST.lanes..=Self::LANES_MAX).contains(&lanes);
        let work = memory_kib.saturating_mul(passes) <= Self::WORK_MAX;
        if memory && passes_good && lanes_good && work {
            Ok(Self {
                memory_kib,
                passes,
                lanes,
            })
        } else {
            Err(KeystoreError::Cost)
        }
    }

    /// Memory, in KiB.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Passes over it.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub const fn lanes(&self) -> u8 {
        self.lanes
    }

    /// Argon2id, version 0x13, 32 bytes.
    fn stretch(
        self,
        passphrase: &Passphrase,
        salt: &[u8; SALT],
    ) -> Result<Zeroizing<[u8; KEY]>, KeystoreError> {
        let lanes = u32::from(self.lanes);
        let params = Params::new(self.memory_kib, self.passes, lanes, Some(KEY));
        let params = params.map_err(|_| KeystoreError::Cost)?;
        let mut blocks = Vec::new();
        let count = params.block_count();
        let room = blocks.try_reserve_exact(count);
        room.map_err(|_| KeystoreError::Memory)?;
        blocks.resize(count, Block::new());
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut out = Zeroizing::new([0; KEY]);
        let (secret, memory) = (passphrase.0.as_bytes(), blocks.as_mut_slice());
        let done = argon.hash_password_into_with_memory(secret, salt, out.as_mut_slice(), memory);
        // It holds what the passphrase was stretched to.
        blocks.zeroize();
        done.map_err(|_| KeystoreError::Cost)?;
        Ok(out)
    }
}

/// What a keystore costs to open, without its passphrase.
///
/// # Errors
/// As [`HomeKey::open`], but for the passphrase.
pub fn cost(keystore: &[u8]) -> Result<Cost, KeystoreError> {
    Keystore::read(keystore).map(|keystore| keystore.cost)
}

/// The key of a home: what all of its secrets are sealed under. Zeroised when dropped.
#[derive(Clone)]
pub struct HomeKey(Zeroizing<[u8; KEY]>);

impl HomeKey {
    /// A fresh one.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; KEY]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// A keystore of it, under `passphrase`.
    ///
    /// # Errors
    /// [`KeystoreError::Memory`].
    pub fn keystore(
        &self,
        passphrase: &Passphrase,
        cost: Cost,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, KeystoreError> {
        let salt = self.salt(KEYSTORE, &[passphrase.0.as_bytes()], rng);
        let mut sealed = Vec::with_capacity(KEYSTORE_SIZE);
        sealed.extend_from_slice(KEYSTORE);
        sealed.push(SUITE);
        sealed.extend_from_slice(&cost.memory_kib.to_be_bytes());
        sealed.extend_from_slice(&cost.passes.to_be_bytes());
        sealed.push(cost.lanes);
        sealed.extend_from_slice(&salt);
        let key = passphrase_key(passphrase, cost, &salt, &sealed)?;
        let seal = seal::seal(key, &sealed, self.0.as_slice());
        sealed.extend_from_slice(&seal);
        Ok(checked(sealed))
    }

    /// The key of a keystore.
    ///
    /// # Errors
    /// [`KeystoreError::WrongPassphrase`]; before anything is computed [`KeystoreError::Other`],
    /// [`KeystoreError::Suite`], [`KeystoreError::Damaged`] and [`KeystoreError::Cost`].
    pub fn open(keystore: &[u8], passphrase: &Passphrase) -> Result<Self, KeystoreError> {
        let Keystore {
            cost,
            salt,
            head,
            seal,
        } = Keystore::read(keystore)?;
        let key = passphrase_key(passphrase, cost, salt, head)?;
        let opened = seal::open(&key, head, seal).map_err(|error| match error {
            crate::Error::WrongKey => KeystoreError::WrongPassphrase,
            _ => KeystoreError::Damaged,
        })?;
        let mut bytes = Zeroizing::new([0; KEY]);
        if opened.len() != KEY {
            return Err(KeystoreError::Damaged);
        }
        bytes.copy_from_slice(&opened);
        Ok(Self(bytes))
    }

    /// Seals a secret under its name, such as its path in the home. The same content is sealed
    /// differently each time.
    ///
    /// # Errors
    /// [`KeystoreError::TooLarge`].
    pub fn seal(
        &self,
        name: &str,
        content: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, KeystoreError> {
        if content.len() > CONTENT_MAX {
            return Err(KeystoreError::TooLarge);
        }
        let digest = Zeroizing::new(hash(label::KEYSTORE_FILE, &[name.as_bytes(), content]));
        let salt = self.salt(SECRET, &[digest.as_slice()], rng);
        let mut sealed = Vec::with_capacity(secret_len(content.len()));
        sealed.extend_from_slice(SECRET);
        sealed.push(SUITE);
        sealed.extend_from_slice(&salt);
        let seal = seal::seal(self.file_key(&sealed, name), &bound(&sealed, name), content);
        sealed.extend_from_slice(&seal);
        Ok(checked(sealed))
    }

    /// Opens a secret that was sealed under `name`.
    ///
    /// # Errors
    /// [`KeystoreError::OtherName`], [`KeystoreError::Damaged`], [`KeystoreError::Other`],
    /// [`KeystoreError::Suite`] or [`KeystoreError::TooLarge`].
    pub fn open_secret(
        &self,
        name: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
        if sealed.len() > secret_len(CONTENT_MAX) {
            return Err(KeystoreError::TooLarge);
        }
        let body = body(sealed, SECRET, "secret of a keystore")?;
        let (head, seal) = body
            .split_at_checked(SECRET_HEAD)
            .ok_or(KeystoreError::Damaged)?;
        let key = self.file_key(head, name);
        seal::open(&key, &bound(head, name), seal).map_err(|error| match error {
            crate::Error::WrongKey => KeystoreError::OtherName,
            _ => KeystoreError::Damaged,
        })
    }

    fn file_key(&self, head: &[u8], name: &str) -> RecordKey {
        let parts: [&[u8]; 2] = [head, name.as_bytes()];
        RecordKey::from_bytes(kdf(label::KEYSTORE_FILE, self.0.as_slice(), &parts))
    }

    /// Randomness, of this key and of what is sealed besides: a machine that repeats its randomness
    /// seals no two contents under one key.
    fn salt(&self, kind: &[u8; 4], of: &[&[u8]], rng: &mut impl CryptoRng) -> [u8; SALT] {
        let mut drawn = Zeroizing::new([0; 32]);
        rng.fill_bytes(drawn.as_mut_slice());
        let secret = Zeroizing::new([drawn.as_slice(), self.0.as_slice()].concat());
        let mut parts: Vec<&[u8]> = vec![label::KEYSTORE_FILE.as_str().as_bytes(), kind];
        parts.extend_from_slice(of);
        *kdf(label::NONCE, &secret, &parts)
    }
}

impl std::fmt::Debug for HomeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "HomeKey", KEY)
    }
}

/// A keystore whose form is good.
struct Keystore<'a> {
    cost: Cost,
    salt: &'a [u8; SALT],
    head: &'a [u8],
    seal: &'a [u8],
}

impl<'a> Keystore<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, KeystoreError> {
        let body = body(bytes, KEYSTORE, "keystore")?;
        if bytes.len() != KEYSTORE_SIZE {
            return Err(KeystoreError::Damaged);
        }
        let damaged = KeystoreError::Damaged;
        let (head, seal) = body.split_at_checked(KEYSTORE_HEAD).ok_or(damaged)?;
        let rest = head.get(5..).ok_or(damaged)?;
        let (memory, rest) = rest.split_first_chunk::<4>().ok_or(damaged)?;
        let (passes, rest) = rest.split_first_chunk::<4>().ok_or(damaged)?;
        let (lanes, rest) = rest.split_first().ok_or(damaged)?;
        let salt = rest.first_chunk::<SALT>().ok_or(damaged)?;
        let (memory, passes) = (u32::from_be_bytes(*memory), u32::from_be_bytes(*passes));
        Ok(Self {
            cost: Cost::new(memory, passes, *lanes)?,
            salt,
            head,
            seal,
        })
    }
}

fn passphrase_key(
    passphrase: &Passphrase,
    cost: Cost,
    salt: &[u8; SALT],
    head: &[u8],
) -> Result<RecordKey, KeystoreError> {
    let stretched = cost.stretch(passphrase, salt)?;
    let key = kdf(label::KEYSTORE_PASSPHRASE, stretched.as_slice(), &[head]);
    Ok(RecordKey::from_bytes(key))
}

/// What a secret's seal is bound to.
fn bound(head: &[u8], name: &str) -> Vec<u8> {
    [head, name.as_bytes()].concat()
}

/// Appends the check.
fn checked(mut bytes: Vec<u8>) -> Vec<u8> {
    let check = check(&bytes);
    bytes.extend_from_slice(&check);
    bytes
}

fn check(bytes: &[u8]) -> [u8; CHECK] {
    crate::encoding::field::<0, CHECK, 32>(&hash(label::KEYSTORE_CHECK, &[bytes]))
}

/// The bytes before the check, when it is good and they begin as `what` does.
fn body<'a>(
    bytes: &'a [u8],
    magic: &[u8; 4],
    what: &'static str,
) -> Result<&'a [u8], KeystoreError> {
    if !bytes.starts_with(magic) {
        return Err(KeystoreError::Other { what });
    }
    let (body, found) = bytes
        .split_last_chunk::<CHECK>()
        .ok_or(KeystoreError::Damaged)?;
    if check(body) != *found {
        return Err(KeystoreError::Damaged);
    }
    match body.get(4) {
        Some(&SUITE) => Ok(body),
        Some(&found) => Err(KeystoreError::Suite { found }),
        None => Err(KeystoreError::Damaged),
    }
}
