//! Secrets of a folder on disk: sealed under its keystore, or, where somebody insisted, plain.
//!
//! ```text
//! keystore         the folder's key under a passphrase      yilian_crypto::keystore
//! insecure-plain   says that its secrets are not sealed
//! ```
//! A folder with neither is undecided: nobody's secrets are written there by accident. One with
//! both is being sealed, and was interrupted. Where secrets are sealed, one that is not is refused,
//! and where they are not, one that is.
//!
//! A secret is called by its path in the folder, with `/`. The name is bound to it.

use std::{
    fs, io,
    io::Read as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Uid, geteuid};
use yilian_crypto::keystore::{self, Cost, HomeKey, KeystoreError, Passphrase};
use zeroize::Zeroizing;

use crate::private_file;

/// The file of a folder's keystore.
pub const KEYSTORE: &str = "keystore";
/// The file that says that a folder's secrets are not sealed.
pub(crate) const PLAIN: &str = "insecure-plain";
/// The environment variable that names a file with the passphrase.
pub const PASSPHRASE_FILE: &str = "YILIAN_PASSPHRASE_FILE";

const PLAIN_TEXT: &[u8] = b"The secrets of this folder are not sealed: whoever can read its files \
has them.\n`yilian keystore seal` seals them.\n";

/// How a folder keeps its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// Nobody said yet.
    Undecided,
    /// Plain, as somebody insisted.
    Plain,
    /// Under a keystore.
    Sealed,
    /// Some are sealed and some are not: sealing was interrupted.
    HalfSealed,
}

impl Keeping {
    /// Of `folder`, which need not exist.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let is_there = |name| fs::symlink_metadata(folder.join(name)).is_ok();
        match (is_there(KEYSTORE), is_there(PLAIN)) {
            (false, false) => Self::Undecided,
            (false, true) => Self::Plain,
            (true, false) => Self::Sealed,
            (true, true) => Self::HalfSealed,
        }
    }
}

/// What somebody says of a folder's secrets.
#[derive(Debug, Clone, Default)]
pub enum Said {
    /// Nothing.
    #[default]
    Nothing,
    /// That they are not to be sealed.
    Plain,
    /// The passphrase that they are sealed under, or are to be.
    Passphrase(Passphrase),
}

impl Said {
    /// What the arguments of a program say: `--insecure-plain`, or a file with the passphrase. When
    /// they say nothing, the service manager may: systemd's credential `yilian-passphrase`.
    ///
    /// # Errors
    /// [`VaultError`] when the file cannot be read, or others can.
    pub fn by(plain: bool, file: Option<&Path>) -> Result<Self, VaultError> {
        if plain {
            return Ok(Self::Plain);
        }
        let credential = || {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
            let path = PathBuf::from(folder).join("yilian-passphrase");
            path.exists().then_some(path)
        };
        let file = file.map(Path::to_owned).or_else(credential);
        file.map_or(Ok(Self::Nothing), |file| {
            read_passphrase(&file).map(Self::Passphrase)
        })
    }
}

/// The first line of a file, a device or a pipe, without a byte order mark. No byte behind it is
/// read.
///
/// # Errors
/// [`VaultError`] when it cannot be read, or other users of the machine can read it.
pub fn read_passphrase(path: &Path) -> Result<Passphrase, VaultError> {
    let at = |fault| VaultError::new(path, fault);
    let mut file = fs::File::open(path).map_err(|error| at(Fault::Read(error)))?;
    let metadata = file.metadata().map_err(|error| at(Fault::Read(error)))?;
    if metadata.is_file() && metadata.permissions().mode() & 0o007 != 0 {
        return Err(at(Fault::OthersRead));
    }
    let mut line = Zeroizing::new(Vec::with_capacity(Passphrase::MAX + 2));
    let mut byte = Zeroizing::new([0]);
    while line.len() <= Passphrase::MAX {
        match file.read(byte.as_mut_slice()) {
            Ok(0) => break,
            Ok(_) if *byte == [b'\n'] => break,
            Ok(_) => line.extend_from_slice(byte.as_slice()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(at(Fault::Read(error))),
        }
    }
    let text = std::str::from_utf8(&line).map_err(|_| at(KeystoreError::Passphrase.into()))?;
    let text = text.strip_suffix('\r').unwrap_or(text);
    // Some editors put one before all text. Nobody can type it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Passphrase::new(text).map_err(|error| at(error.into()))
}

/// The secrets of a folder. Clones are the same; what opens them is zeroised with the last.
#[derive(Debug, Clone)]
pub struct Vault {
    folder: PathBuf,
    /// Stands before each name, when the folder is inside of the one with the keystore.
    prefix: String,
    /// None where they are plain.
    key: Option<HomeKey>,
}

impl Vault {
    /// Plain secrets, whatever the folder says: for a folder that belongs to a test, or to another
    /// program.
    #[must_use]
    pub fn plain(folder: impl Into<PathBuf>) -> Self {
        Self::with(folder.into(), None)
    }

    const fn with(folder: PathBuf, key: Option<HomeKey>) -> Self {
        Self {
            folder,
            prefix: String::new(),
            key,
        }
    }

    /// The secrets of a folder, by what somebody said of them. An undecided folder is plain from
    /// now on where he insists.
    ///
    /// # Errors
    /// [`VaultError`] when they do not open, or are not kept as he said.
    pub fn open(folder: &Path, said: &Said) -> Result<Self, VaultError> {
        let at = |fault| VaultError::new(&folder.join(KEYSTORE), fault);
        match (Keeping::of(folder), said) {
            (Keeping::Sealed, Said::Passphrase(passphrase)) => Ok(Self::with(
                folder.to_owned(),
                Some(key(folder, passphrase)?),
            )),
            (Keeping::Plain, Said::Plain | Said::Nothing) => Ok(Self::plain(folder)),
            (Keeping::Sealed, Said::Plain) => Err(at(Fault::IsSealed)),
            (Keeping::Sealed, Said::Nothing) => Err(at(Fault::NoPassphrase)),
            (Keeping::Plain, Said::Passphrase(_)) => Err(at(Fault::IsPlain)),
            (Keeping::HalfSealed, _) => Err(at(Fault::HalfSealed)),
            (Keeping::Undecided, Said::Plain) => {
                make_plain(folder)?;
                Ok(Self::plain(folder))
            }
            (Keeping::Undecided, _) => Err(at(Fault::Undecided)),
        }
    }

    /// The same; an undecided folder is kept from now on as was said.
    ///
    /// # Errors
    /// As [`Vault::open`]. [`Fault::Unsealed`] for a folder that has secrets and is to be sealed:
    /// that is [`seal_folder`]'s.
    pub fn begin(folder: &Path, said: &Said) -> Result<Self, VaultError> {
        if let (Keeping::Undecided, Said::Passphrase(passphrase)) = (Keeping::of(folder), said) {
            if let Some(name) = secrets(folder)?.first() {
                return Err(VaultError::new(&folder.join(name), Fault::Unsealed));
            }
            make(folder, passphrase, Cost::STANDARD)?;
        }
        Self::open(folder, said)
    }

    /// Whether secrets are sealed.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        self.key.is_some()
    }

    /// The secrets of a folder inside of this one.
    #[must_use]
    pub fn within(&self, folder: &str) -> Self {
        Self {
            folder: self.folder.join(folder),
            prefix: format!("{}{folder}/", self.prefix),
            key: self.key.clone(),
        }
    }

    /// The file of a secret.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A secret.
    ///
    /// # Errors
    /// [`VaultError`] when it is not there, damaged, another's, or not sealed as it should be.
    pub fn read(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let path = self.path(name);
        let at = |fault| VaultError::new(&path, fault);
        let bytes = fs::read(&path).map_err(|error| at(Fault::Read(error)))?;
        let bytes = Zeroizing::new(bytes);
        match (&self.key, keystore::is_sealed(&bytes)) {
            (None, false) => Ok(bytes),
            (None, true) => Err(at(Fault::NoKeystore)),
            (Some(_), false) => Err(at(Fault::Unsealed)),
            (Some(key), true) => key
                .open_secret(&self.name(name), &bytes)
                .map_err(|error| at(error.into())),
        }
    }

    /// Keeps a secret, in place of the one that stands there: whole or not at all, and on disk when
    /// it returns.
    ///
    /// # Errors
    /// [`VaultError`] when it cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), VaultError> {
        let path = self.path(name);
        let at = |fault| VaultError::new(&path, fault);
        let sealed = match &self.key {
            None => None,
            Some(key) => Some(
                key.seal(&self.name(name), content, &mut rand::rng())
                    .map_err(|error| at(error.into()))?,
            ),
        };
        let bytes = sealed.as_deref().unwrap_or(content);
        private_file::write(&path, bytes).map_err(|error| at(Fault::Write(error)))
    }

    /// Removes a file of the folder, if it is there; the removal is on disk when it returns.
    ///
    /// # Errors
    /// [`VaultError`] when it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), VaultError> {
        let path = self.path(name);
        match private_file::remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(VaultError::new(&path, Fault::Write(error)))
            }
            _ => Ok(()),
        }
    }

    /// Seals a plain file that somebody put among sealed secrets. One that is sealed stays.
    ///
    /// The name is bound to the file, so it is one of [`secrets`], to the letter. Under any other
    /// that leads there, as `./tls/key.pem`, it would be sealed for nobody.
    ///
    /// # Errors
    /// [`Fault::NotSealed`] where secrets are plain, [`Fault::NoSecret`] when it is none, or
    /// [`VaultError`] when it cannot be read or written, or is sealed and does not open.
    pub fn take_in(&self, name: &str) -> Result<(), VaultError> {
        let at = |fault| VaultError::new(&self.path(name), fault);
        if !self.is_sealed() {
            return Err(at(Fault::NotSealed));
        }
        if !secrets(&self.folder)?.iter().any(|secret| secret == name) {
            return Err(at(Fault::NoSecret));
        }
        self.seal(name)
    }

    fn seal(&self, name: &str) -> Result<(), VaultError> {
        let path = self.path(name);
        let read = fs::read(&path).map_err(|error| VaultError::new(&path, Fault::Read(error)));
        let bytes = Zeroizing::new(read?);
        if keystore::is_sealed(&bytes) {
            return self.read(name).map(drop);
        }
        self.write(name, &bytes)
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Says that a folder's secrets are not sealed, where none is.
fn make_plain(folder: &Path) -> Result<(), VaultError> {
    for name in secrets(folder)? {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(|error| VaultError::new(&path, Fault::Read(error)))?;
        if keystore::is_sealed(&bytes) {
            return Err(VaultError::new(&path, Fault::NoKeystore));
        }
    }
    close(folder)?;
    let path = folder.join(PLAIN);
    let made = private_file::write(&path, PLAIN_TEXT);
    made.map_err(|error| VaultError::new(&path, Fault::Write(error)))
}

/// Makes a folder its owner's only. One that is open to others, and neither empty nor a home or a
/// node's, stays as it is: it may be the system's.
fn close(folder: &Path) -> Result<(), VaultError> {
    let at = |fault| VaultError::new(folder, fault);
    if is_foreign(folder, geteuid()).map_err(|error| at(Fault::Read(error)))? {
        return Err(at(Fault::Foreign));
    }
    private_file::own_folder(folder).map_err(|error| at(Fault::Write(error)))
}

/// Whether a folder is open to others, and nothing says that it belongs to `me`. Where others can
/// write, what is in it says nothing.
fn is_foreign(folder: &Path, me: Uid) -> io::Result<bool> {
    let mode = match fs::metadata(folder) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if mode & 0o077 == 0 {
        return Ok(false);
    }
    if mode & 0o022 != 0 {
        return Ok(true);
    }
    let is_mine = |name| {
        let file = fs::symlink_metadata(folder.join(name));
        file.is_ok_and(|file| file.is_file() && file.uid() == me.as_raw())
    };
    Ok(fs::read_dir(folder)?.next().is_some() && !KNOWN.into_iter().any(is_mine))
}

fn read_keystore(folder: &Path) -> Result<Vec<u8>, VaultError> {
    let path = folder.join(KEYSTORE);
    fs::read(&path).map_err(|error| VaultError::new(&path, Fault::Read(error)))
}

fn key(folder: &Path, passphrase: &Passphrase) -> Result<HomeKey, VaultError> {
    let opened = HomeKey::open(&read_keystore(folder)?, passphrase);
    opened.map_err(|error| VaultError::new(&folder.join(KEYSTORE), error.into()))
}

/// What opening a folder's keystore costs.
///
/// # Errors
/// [`VaultError`] when there is none, or it is damaged.
pub fn cost(folder: &Path) -> Result<Cost, VaultError> {
    let cost = keystore::cost(&read_keystore(folder)?);
    cost.map_err(|error| VaultError::new(&folder.join(KEYSTORE), error.into()))
}

/// Makes a folder's keystore, with a key of its own.
///
/// # Errors
/// [`VaultError`] when there is one, the passphrase is too short, or it cannot be written.
pub fn make(folder: &Path, passphrase: &Passphrase, cost: Cost) -> Result<(), VaultError> {
    let path = folder.join(KEYSTORE);
    let at = |fault| VaultError::new(&path, fault);
    let key = HomeKey::random(&mut rand::rng());
    let bytes = keystore_of(&key, passphrase, cost).map_err(|error| at(error.into()))?;
    close(folder)?;
    // Of two at once the second one is refused: what it seals would be lost.
    private_file::write_new(&path, &bytes).map_err(|error| at(Fault::Write(error)))
}

fn keystore_of(
    key: &HomeKey,
    passphrase: &Passphrase,
    cost: Cost,
) -> Result<Vec<u8>, KeystoreError> {
    let chosen = Passphrase::chosen(passphrase.expose())?;
    key.keystore(&chosen, cost, &mut rand::rng())
}

/// Keeps others from changing how the secrets of a folder are kept, until it is dropped. The system
/// lets go of it when the process ends, however it ends.
fn hold(folder: &Path) -> Result<fs::File, VaultError> {
    let at = |fault| VaultError::new(folder, fault);
    let opened = fs::File::open(folder).map_err(|error| at(Fault::Read(error)))?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(fs::TryLockError::WouldBlock) => Err(at(Fault::InHand)),
        Err(fs::TryLockError::Error(error)) => Err(at(Fault::Read(error))),
    }
}

/// A folder whose key is to be put under another passphrase: nothing is written yet. No other
/// change of it begins meanwhile, or the passphrase of one of them would open nothing.
#[derive(Debug)]
pub struct Change {
    folder: PathBuf,
    _held: fs::File,
    /// None where the key is under the new passphrase already.
    keystore: Option<Vec<u8>>,
}

impl Change {
    /// Opens a folder with the old passphrase. One that opens with the new one already is left as
    /// it is, so that a change of several folders can be repeated, from either passphrase to the
    /// other.
    ///
    /// # Errors
    /// [`Fault::HalfSealed`], [`Fault::InHand`], and [`VaultError`] when neither opens it, or the
    /// new one is too short.
    pub fn open(
        folder: &Path,
        old: &Passphrase,
        new: &Passphrase,
        cost: Cost,
    ) -> Result<Self, VaultError> {
        let path = folder.join(KEYSTORE);
        let at = |fault| VaultError::new(&path, fault);
        let held = hold(folder)?;
        if Keeping::of(folder) == Keeping::HalfSealed {
            return Err(at(Fault::HalfSealed));
        }
        let keystore = match key(folder, old) {
            Ok(key) => Some(keystore_of(&key, new, cost).map_err(|error| at(error.into()))?),
            Err(error) if error.is_wrong_passphrase() && self::key(folder, new).is_ok() => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            folder: folder.to_owned(),
            _held: held,
            keystore,
        })
    }

    /// Puts the key under the new passphrase. One file is written: killed at any moment, the folder
    /// opens with the old passphrase or with the new one.
    ///
    /// What a kill left of writing is removed: a keystore among it would open with its own
    /// passphrase for ever. The folder may be in use.
    ///
    /// # Errors
    /// [`VaultError`] when it cannot be written.
    pub fn write(self) -> Result<(), VaultError> {
        if let Some(bytes) = &self.keystore {
            let path = self.folder.join(KEYSTORE);
            let at = |error| VaultError::new(&path, Fault::Write(error));
            private_file::write(&path, bytes).map_err(at)?;
        }
        let of_keystore = format!(".{KEYSTORE}.");
        remove_drafts(&self.folder, |name, path| {
            name.starts_with(&of_keystore) || private_file::is_older(path, WRITTEN)
        })
    }
}

/// Puts a folder's key under another passphrase: [`Change::open`], and [`Change::write`].
///
/// # Errors
/// As there.
pub fn change(
    folder: &Path,
    old: &Passphrase,
    new: &Passphrase,
    cost: Cost,
) -> Result<(), VaultError> {
    Change::open(folder, old, new, cost)?.write()
}

/// Seals the secrets of a folder that are plain; how many there are now. Killed at any moment, it
/// is repeated with the same passphrase, and goes on. Nobody else may use the folder meanwhile:
/// what a kill left of writing is removed, for it may be a secret.
///
/// # Errors
/// [`Fault::IsSealed`] when all are sealed already, [`Fault::NoHome`] where none can be, and as
/// [`Vault::open`] and [`Vault::write`].
pub fn seal_folder(
    folder: &Path,
    passphrase: &Passphrase,
    cost: Cost,
) -> Result<usize, VaultError> {
    let _held = folder.exists().then(|| hold(folder)).transpose()?;
    let marker = folder.join(PLAIN);
    let at_marker = |error| VaultError::new(&marker, Fault::Write(error));
    match Keeping::of(folder) {
        Keeping::Sealed => {
            return Err(VaultError::new(&folder.join(KEYSTORE), Fault::IsSealed));
        }
        Keeping::HalfSealed => {}
        Keeping::Plain => make(folder, passphrase, cost)?,
        Keeping::Undecided => {
            if !is_home(folder)? {
                return Err(VaultError::new(folder, Fault::NoHome));
            }
            make_plain(folder)?;
            make(folder, passphrase, cost)?;
        }
    }
    let vault = Vault::with(folder.to_owned(), Some(key(folder, passphrase)?));
    let names = secrets(folder)?;
    for name in &names {
        vault.seal(name)?;
    }
    remove_drafts(folder, |_, _| true)?;
    private_file::remove(&marker).map_err(at_marker)?;
    Ok(names.len())
}

/// Whether a folder that says nothing of its secrets is a home or a node's, or has some.
fn is_home(folder: &Path) -> Result<bool, VaultError> {
    let known = KNOWN.iter().any(|name| folder.join(name).is_file());
    Ok(known || !secrets(folder)?.is_empty())
}

/// By then a file is written, unless its writer was killed.
const WRITTEN: Duration = Duration::from_secs(60);

/// Removes what a kill left of writing among secrets, and beside the keystore: those drafts that
/// `is_left` says, by name and path.
fn remove_drafts(folder: &Path, is_left: impl Fn(&str, &Path) -> bool) -> Result<(), VaultError> {
    let mut names = files(folder, "")?;
    names.extend(secret_files(folder)?);
    for name in names {
        let path = folder.join(&name);
        if !is_draft(&name) || !is_left(&name, &path) {
            continue;
        }
        match private_file::remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(VaultError::new(&path, Fault::Write(error)));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_draft(name: &str) -> bool {
    private_file::is_draft(name.rsplit('/').next().unwrap_or(name))
}

/// Where secrets are, in a home or in a node's folder.
const FOLDERS: [&str; 8] = [
    "keys",
    "members",
    "people",
    "patients",
    "tls",
    "node/secrets",
    "data/secrets",
    "ceremony/secrets",
];
/// Secrets in a node's folder itself.
const FILES: [&str; 3] = ["validator.json", "identity.json", "identities.json"];

/// Files of a home or a node's folder that hardly any other has.
const KNOWN: [&str; 4] = ["ceremony.json", "genesis.json", "net.json", "node.json"];

/// Whether a file in one of [`FOLDERS`] holds what everybody may know, or nothing.
fn is_public(name: &str) -> bool {
    let certificate = |folder: &str| {
        let file = name.strip_prefix(folder);
        file.is_some_and(|file| file.ends_with(".json") && !file.contains('/'))
    };
    certificate("members/")
        || certificate("people/")
        || name.ends_with(".pem") && !matches!(name, "tls/client.pem" | "tls/key.pem")
        || name.ends_with(".name")
        || name.ends_with(".sealing")
        || is_draft(name)
}

/// The names of all secrets of a folder, sealed or not.
///
/// # Errors
/// [`VaultError`] when a folder cannot be listed.
pub fn secrets(folder: &Path) -> Result<Vec<String>, VaultError> {
    let mut names = secret_files(folder)?;
    names.retain(|name| !is_public(name));
    let beside = FILES.into_iter().filter(|name| folder.join(name).is_file());
    names.extend(beside.map(str::to_owned));
    names.sort();
    Ok(names)
}

/// The names of all files in [`FOLDERS`].
fn secret_files(folder: &Path) -> Result<Vec<String>, VaultError> {
    let mut names = Vec::new();
    for inner in FOLDERS {
        names.extend(files(folder, inner)?);
    }
    Ok(names)
}

/// The names of the files in `inner` of a folder and in all folders of it; in the folder itself, of
/// those alone. A link is none.
fn files(folder: &Path, inner: &str) -> Result<Vec<String>, VaultError> {
    let mut names = Vec::new();
    let mut open = vec![inner.to_owned()];
    while let Some(inner) = open.pop() {
        let path = folder.join(&inner);
        let at = |error| VaultError::new(&path, Fault::Read(error));
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at(error)),
        };
        for entry in entries {
            let entry = entry.map_err(at)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(at)?;
            if kind.is_file() {
                names.push(match inner.as_str() {
                    "" => name,
                    inner => format!("{inner}/{name}"),
                });
            } else if kind.is_dir() && !inner.is_empty() {
                open.push(format!("{inner}/{name}"));
            }
        }
    }
    Ok(names)
}

/// What is wrong with a folder's secrets, and with which file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct VaultError {
    path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

impl VaultError {
    fn new(path: &Path, fault: Fault) -> Self {
        Self {
            path: path.to_owned(),
            fault,
        }
    }

    /// Whether the file is not there.
    #[must_use]
    pub(crate) fn is_missing(&self) -> bool {
        matches!(&self.fault, Fault::Read(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the passphrase is wrong.
    #[must_use]
    pub const fn is_wrong_passphrase(&self) -> bool {
        matches!(self.fault, Fault::Keystore(KeystoreError::WrongPassphrase))
    }
}

/// What is wrong with a file among secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// It cannot be written.
    #[error("cannot be written: {0}")]
    Write(io::Error),
    /// It does not open.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// It is not sealed, among secrets that are.
    #[error("is not sealed, as the secrets of this folder are")]
    Unsealed,
    /// It is sealed, and there is no keystore.
    #[error("is sealed, and its folder has no keystore")]
    NoKeystore,
    /// The folder is sealed, and nobody gave the passphrase.
    #[error("the secrets of this folder are sealed, and no passphrase was given")]
    NoPassphrase,
    /// The folder is sealed, and was said to be plain.
    #[error("the secrets of this folder are sealed")]
    IsSealed,
    /// The folder is plain, and a passphrase was given.
    #[error("a passphrase was given, and the secrets of this folder are not sealed")]
    IsPlain,
    /// The folder is plain, and one of its secrets was to be sealed.
    #[error("the secrets of its folder are not sealed")]
    NotSealed,
    /// Something else than a secret of the folder was to be sealed.
    #[error("is not the name of a secret of its folder")]
    NoSecret,
    /// A folder is open to others, and may be the system's. Secrets were to be kept there.
    #[error("is open to others, and neither empty nor a home or a node's that you alone write to")]
    Foreign,
    /// A folder is to be sealed that is no home, and no node's.
    #[error("is no home and no node's folder: it has neither a network nor a secret")]
    NoHome,
    /// Sealing was interrupted.
    #[error("sealing the secrets of this folder was interrupted")]
    HalfSealed,
    /// Nobody said how secrets are to be kept.
    #[error("there is no keystore, and nobody said that secrets may lie plain")]
    Undecided,
    /// Another command changes how the secrets of the folder are kept.
    #[error("another command seals it, or changes its passphrase")]
    InHand,
    /// Other users of the machine can read a file with a passphrase.
    #[error("other users of this machine can read the passphrase")]
    OthersRead,
}

impl Fault {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Keystore(KeystoreError::WrongPassphrase) => "give the passphrase again",
            Self::Keystore(KeystoreError::Damaged | KeystoreError::OtherName) => {
                "put a copy of the file back that was kept elsewhere"
            }
            Self::Unsealed => {
                "if it is yours, `yilian keystore seal` seals it; name the file where the others \
                 are sealed"
            }
            Self::NoKeystore => "put the file `keystore` back where it was",
            Self::NoPassphrase => {
                "name a file with --passphrase-file or YILIAN_PASSPHRASE_FILE, or use a terminal"
            }
            Self::IsSealed => "leave --insecure-plain away",
            Self::IsPlain => "seal them with `yilian keystore seal`, or give no passphrase",
            Self::NotSealed => "seal all of them: `yilian keystore seal`, without a file",
            Self::NoSecret => {
                "name it as `yilian keystore status` does, from the folder on: `tls/key.pem`, or \
                 `nodes/NAME/tls/key.pem` for a node's"
            }
            Self::Foreign => "name a new folder, or make one of your own yours alone: chmod 700",
            Self::NoHome => "name the right one with --home",
            Self::HalfSealed => "repeat `yilian keystore seal` with the same passphrase",
            Self::Undecided => {
                "name a file with a passphrase (--passphrase-file), use a terminal, or insist on \
                 --insecure-plain"
            }
            Self::InHand => "wait until that is done",
            Self::OthersRead => "make it yours alone: chmod 600",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
