//! The folder of a network on one machine.
//!
//! ```text
//! genesis.json              what the chain began with
//! keystore                  what the secrets are sealed under, or `insecure-plain`: `node::vault`
//! keys/consortium.key       seed of the consortium CA            keys are 64 hex digits
//! keys/regulator-<i>.key    the share of regulator i
//! keys/validator.json       the validator's share
//! members/<name>.json       name, id;  members/<name>.key: CA seed, node seed
//! people/<name>.json        name, certificate
//! people/<name>.key         seed
//! people/<name>.notes       index entries written
//! people/<name>.passes      passes for appending to traces, with their keys
//! people/<name>.queue       captures that wait
//! people/<name>.sealed/     what was sealed of each visit, and what was sent and is not final yet
//! people/<name>.mail         stamps in stock, and the requests that were sent
//! people/<name>.letters/     letters, sealed as they came; patients/<name>.letters/ likewise
//! people/<name>.sealing     is locked while the person seals, or queue or passes are in use
//! patients/<name>.json      wallet;  patients/<name>.key: seed
//! patients/<name>.name      the wallet's name, where the file's is another
//! patients/<name>.sealing   is locked while a command has the wallet in hand, to write it back
//! issued/<product>          numbers of packs and cartons that were made, one a line, so that none
//!                           is made twice
//! node/                     chain, objects, deposits
//! node.url                  where `yilian serve` listens, or the first node of `yilian net up`,
//!                           while it runs
//! net.json, nodes/<name>/   a network of many nodes: who they are, and each one's folder
//! ```
//! Sealed are all keys, wallets, notes, passes, queues and `people/*.sealed/`. What everybody may
//! know is not: certificates, ids, the genesis. All of it is its owner's only.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use rand::RngExt as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use yilian_client::{
    Doctor, MemberCa, Patient, Wallet, WriterNotes,
    keys_file::PersonFile,
    people::Person,
    queue::Queue,
    sealing::SealNotes,
    trace::{Handler, PassBook},
};
use yilian_crypto::{pre::HolderIndex, pseudonym::RegulatorShare, seed::Seed, sign::SigningKey};
use yilian_node::{order::ValidatorKey, service::HostedMembers, vault::Vault};
use yilian_protocol::{
    Cid, MemberId,
    codec::Text,
    limits::NAME_MAX,
    registry::{Certificate, Genesis, NodeKeys},
};
use zeroize::Zeroizing;

use crate::{
    intake,
    naming::Named,
    output::trouble,
    secrecy::{SecrecyOptions, Vaults},
    target::folder,
};

/// Tells the nodes of a network of many.
pub const NET_FILE: &str = "net.json";
/// Behind a member's name: its node's key.
const NODE: &str = "-node";

/// The folder.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
    vaults: Arc<Vaults>,
}

/// A member whose CA and node keys are kept here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberFile {
    /// Its name.
    pub name: Text<NAME_MAX>,
    /// Its id.
    pub id: MemberId,
}

/// The right to write a wallet back. Until it is dropped, no other command has it: none writes over
/// what was written after it had read.
#[derive(Debug)]
pub struct WalletLock {
    name: String,
    _file: fs::File,
}

impl Home {
    /// The folder `root`, which need not exist yet, with secrets as `secrecy` says.
    pub fn new(root: PathBuf, secrecy: SecrecyOptions) -> Self {
        let vaults = Arc::new(Vaults::new(secrecy));
        Self { root, vaults }
    }

    /// Another folder, whose secrets open as this one's.
    pub fn at(&self, root: PathBuf) -> Self {
        let vaults = Arc::clone(&self.vaults);
        Self { root, vaults }
    }

    /// The secrets of this folder and of those in it.
    pub fn vaults(&self) -> &Vaults {
        &self.vaults
    }

    /// The secrets of this folder, which has some.
    pub fn vault(&self) -> anyhow::Result<Vault> {
        self.vaults.of(&self.root)
    }

    /// The secrets of this folder; from now on it has some.
    pub fn begin(&self) -> anyhow::Result<Vault> {
        self.vaults.begin(&self.root)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the node keeps its data.
    pub fn node_directory(&self) -> PathBuf {
        self.root.join("node")
    }

    /// The file that tells where the node listens.
    pub fn url_file(&self) -> PathBuf {
        self.root.join("node.url")
    }

    /// Whether a network was made here.
    pub fn exists(&self) -> bool {
        self.root.join("genesis.json").exists()
    }

    /// What the chain began with.
    pub fn genesis(&self) -> anyhow::Result<Genesis> {
        if !self.exists() {
            let cause = format!("there is no network in {}", self.root.display());
            return Err(trouble(
                cause,
                "make one with `yilian init`, or name another --home",
            ));
        }
        self.read_public("genesis.json")
    }

    /// The validator's share, made with the network.
    pub fn validator(&self) -> anyhow::Result<ValidatorKey> {
        if self.root.join(NET_FILE).exists() {
            let cause = format!("the network in {} is not running", self.root.display());
            let remedy = "run it with `yilian net up`, or name a node of it with --node";
            return Err(trouble(cause, remedy));
        }
        self.read("keys/validator.json")
    }

    /// Keeps the genesis; the last step of making a network.
    pub fn keep_genesis(&self, genesis: &Genesis) -> anyhow::Result<()> {
        self.write_public("genesis.json", genesis)
    }

    /// The secret 32 bytes called `name`.
    pub fn key(&self, name: &str) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        let name = format!("{name}.key");
        let text = self.vault()?.read(&name).context("cannot read a key")?;
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_ascii(), bytes.as_mut_slice())
            .with_context(|| format!("{name} is not a key of 64 hex digits"))?;
        Ok(bytes)
    }

    /// Makes the secret 32 bytes called `name`.
    fn make_key(&self, name: &str) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        let bytes = Zeroizing::new(rand::rng().random());
        self.keep_key(name, &bytes)?;
        Ok(bytes)
    }

    /// The secret 32 bytes called `name`, made if they are not there yet: a command that was cut
    /// short is repeated.
    pub fn key_or_new(&self, name: &str) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        if self.has_key(name) {
            return self.key(name);
        }
        self.make_key(name)
    }

    fn has_key(&self, name: &str) -> bool {
        self.root.join(format!("{name}.key")).exists()
    }

    /// Keeps the secret `bytes` as `name`; an existing key is never overwritten.
    pub fn keep_key(&self, name: &str, bytes: &[u8; 32]) -> anyhow::Result<()> {
        if self.has_key(name) {
            if self.key(name).is_ok_and(|kept| *kept == *bytes) {
                return Ok(());
            }
            let cause = format!("{}/{name}.key exists", self.root.display());
            return Err(trouble(cause, "choose another name, or move the key away"));
        }
        let text = hex_line(bytes);
        Ok(self
            .begin()?
            .write(&format!("{name}.key"), text.as_bytes())?)
    }

    /// Keeps the regulators' shares of a network that is being made, in the place of those of one
    /// that was made half.
    pub fn keep_regulator_shares(&self, shares: &[RegulatorShare]) -> anyhow::Result<()> {
        let vault = self.begin()?;
        for share in shares {
            let name = format!("{}.key", regulator_file(share.index().get()));
            vault.write(&name, hex_line(&share.expose()).as_bytes())?;
        }
        Ok(())
    }

    /// The share of the regulator of this number.
    pub fn regulator_share(&self, number: u8) -> anyhow::Result<RegulatorShare> {
        let index = number.checked_sub(1).map(usize::from);
        let index = index.and_then(HolderIndex::at);
        let index = index.context("regulators' shares have numbers from 1 to 32")?;
        let bytes = self.key(&regulator_file(number))?;
        let share = RegulatorShare::from_bytes(index, &bytes);
        share.context("the file holds no share of the regulators' key")
    }

    /// The seed of the node key of the member called `name`.
    pub fn member_node(&self, name: &str) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        self.key(&format!("members/{}{NODE}", file_name(name)))
    }

    /// The member called `name`, as its CA.
    pub fn member_ca(&self, name: &str) -> anyhow::Result<MemberCa> {
        let stem = format!("members/{}", file_name(name));
        if !self.root.join(&stem).with_extension("json").exists() {
            return Err(self.unknown(Named::Member, name));
        }
        let file: MemberFile = self.read_public(&format!("{stem}.json"))?;
        let ca = SigningKey::from_seed(&*self.key(&stem)?);
        let node = SigningKey::from_seed(&*self.key(&format!("{stem}{NODE}"))?);
        Ok(MemberCa::new(ca, file.name, NodeKeys::of(&node)))
    }

    /// Makes the keys of a new member, or goes on with one that was made and not admitted.
    pub fn make_member(&self, name: &Text<NAME_MAX>) -> anyhow::Result<MemberCa> {
        let stem = format!("members/{}", file_name(name.as_str()));
        let ca = SigningKey::from_seed(&*self.key_or_new(&stem)?);
        let node = SigningKey::from_seed(&*self.key_or_new(&format!("{stem}{NODE}"))?);
        let ca = MemberCa::new(ca, name.clone(), NodeKeys::of(&node));
        self.write_public(
            &format!("{stem}.json"),
            &MemberFile {
                name: name.clone(),
                id: ca.id(),
            },
        )?;
        Ok(ca)
    }

    /// Keeps a certified person's certificate beside the seed made before.
    pub fn keep_person(&self, name: &str, certificate: Certificate) -> anyhow::Result<()> {
        self.write_public(
            &format!("people/{}.json", file_name(name)),
            &PersonFile { certificate },
        )
    }

    /// Makes the seed of a person about to be certified, or goes on with that of one who was not.
    pub fn make_person_seed(&self, name: &str) -> anyhow::Result<Seed> {
        let bytes = self.key_or_new(&format!("people/{}", file_name(name)))?;
        Ok(Seed::from_bytes(*bytes))
    }

    /// The person called `name`.
    pub fn person(&self, name: &str) -> anyhow::Result<Person> {
        let stem = format!("people/{}", file_name(name));
        if !self.root.join(&stem).with_extension("json").exists() {
            return Err(self.unknown(Named::Person, name));
        }
        let file: PersonFile = self.read_public(&format!("{stem}.json"))?;
        let seed = Seed::from_bytes(*self.key(&stem)?);
        Ok(Person::new(seed, file.certificate)?)
    }

    /// The files of a person or member that is called `name`, and whole: the one that everybody may
    /// know, and what the names of the others begin with, up to a full stop.
    pub fn files_of(&self, kind: Named, name: &str) -> anyhow::Result<(String, Vec<String>)> {
        match kind {
            Named::Member => drop(self.member_ca(name)?),
            Named::Person => drop(self.person(name)?),
            Named::Wallet => anyhow::bail!("a wallet is handed on by its words"),
        }
        Ok(Self::names_of(kind, &file_name(name)))
    }

    /// The same of who need not be there, by the name of his files.
    pub fn names_of(kind: Named, file: &str) -> (String, Vec<String>) {
        let stem = match kind {
            Named::Member => format!("members/{file}"),
            Named::Person => format!("people/{file}"),
            Named::Wallet => format!("patients/{file}"),
        };
        let node = (kind == Named::Member).then(|| format!("{stem}{NODE}"));
        let stems = std::iter::once(stem.clone()).chain(node).collect();
        (format!("{stem}.json"), stems)
    }

    /// The maker, courier, pharmacist or regulator called `name`.
    pub fn handler(&self, name: &str) -> anyhow::Result<Handler> {
        Ok(self.person(name)?.handler()?)
    }

    /// The passes of the person called `name`.
    pub fn passes(&self, name: &str) -> anyhow::Result<PassBook> {
        self.read_or_default(&format!("people/{}.passes", file_name(name)))
    }

    /// Keeps the passes of the person called `name`.
    pub fn keep_passes(&self, name: &str, book: &PassBook) -> anyhow::Result<()> {
        self.write(&format!("people/{}.passes", file_name(name)), book)
    }

    /// What waits to be brought onto the chain by the person called `name`.
    pub fn queue(&self, name: &str) -> anyhow::Result<Queue> {
        self.person(name)?;
        self.read_or_default(&format!("people/{}.queue", file_name(name)))
    }

    /// Keeps what waits.
    pub fn keep_queue(&self, name: &str, queue: &Queue) -> anyhow::Result<()> {
        self.write(&format!("people/{}.queue", file_name(name)), queue)
    }

    /// Reads a JSON file of this folder, or makes up what it would hold.
    pub fn read_or_default<V: DeserializeOwned + Default>(&self, name: &str) -> anyhow::Result<V> {
        if self.root.join(name).exists() {
            self.read(name)
        } else {
            Ok(V::default())
        }
    }

    /// The doctor called `name`, or another who reads records.
    pub fn doctor(&self, name: &str) -> anyhow::Result<Doctor> {
        let doctor = self.person(name)?.doctor()?;
        let notes = format!("people/{}.notes", file_name(name));
        Ok(if self.root.join(&notes).exists() {
            doctor.with_notes(self.read(&notes)?)
        } else {
            doctor
        })
    }

    /// Keeps what the doctor's device shall remember.
    pub fn keep_notes(&self, name: &str, notes: &WriterNotes) -> anyhow::Result<()> {
        self.write(&format!("people/{}.notes", file_name(name)), notes)
    }

    /// The patient of the wallet `name`, to look at. What is to be written back is read by
    /// [`Home::hold_patient`].
    pub fn patient(&self, name: &str) -> anyhow::Result<Patient> {
        if !self.has_wallet(name) {
            return Err(self.unknown(Named::Wallet, name));
        }
        let stem = wallet_stem(name);
        let wallet: Wallet = self.read(&format!("{stem}.json"))?;
        Ok(Patient::new(&Seed::from_bytes(*self.key(&stem)?), wallet))
    }

    /// The patient of the wallet `name`, and the right to write the wallet back.
    pub fn hold_patient(&self, name: &str) -> anyhow::Result<(WalletLock, Patient)> {
        if !self.has_wallet(name) {
            return Err(self.unknown(Named::Wallet, name));
        }
        let lock = self.lock_wallet(name)?;
        Ok((lock, self.patient(name)?))
    }

    fn has_wallet(&self, name: &str) -> bool {
        let file = format!("{}.json", wallet_stem(name));
        self.root.join(file).exists()
    }

    /// Keeps a new patient's seed and wallet, over none that another command has made meanwhile.
    pub fn make_patient(&self, name: &str, seed: &[u8; 32], wallet: &Wallet) -> anyhow::Result<()> {
        let lock = self.lock_wallet(name)?;
        if self.has_wallet(name) {
            let cause = format!("there is a wallet called `{name}` by now");
            return Err(trouble(cause, "choose another name"));
        }
        let stem = file_name(name);
        self.keep_key(&format!("patients/{stem}"), seed)?;
        if stem != name {
            let file = self.root.join(format!("patients/{stem}.name"));
            write_private(&file, name.as_bytes())?;
        }
        self.keep_wallet(&lock, wallet)
    }

    /// What the person called `name` noted of sealing the visit `id`.
    pub fn seal_notes(&self, name: &str, id: Cid) -> anyhow::Result<SealNotes> {
        self.read_or_default(&seal_file(name, id))
    }

    /// Keeps what the person noted of sealing a visit.
    pub fn keep_seal_notes(&self, name: &str, id: Cid, notes: &SealNotes) -> anyhow::Result<()> {
        self.write(&seal_file(name, id), notes)
    }

    /// Keeps others out while the person called `name` seals, or has a hand in the queue and the
    /// passes: what is read there is written back later.
    pub fn lock_person(&self, name: &str) -> anyhow::Result<fs::File> {
        let busy = || format!("another command seals or appends in the name of `{name}`");
        self.lock(&format!("people/{}", file_name(name)), busy)
    }

    /// Keeps others out while a wallet is read, changed and written back.
    pub fn lock_wallet(&self, name: &str) -> anyhow::Result<WalletLock> {
        let stem = wallet_stem(name);
        let path = self.root.join(&stem);
        let made = fs::create_dir_all(folder(&path));
        made.with_context(|| format!("cannot write {}", path.display()))?;
        let busy = || format!("another command has the wallet `{name}` in hand");
        Ok(WalletLock {
            name: name.to_owned(),
            _file: self.lock(&stem, busy)?,
        })
    }

    /// Locks the file that is there for it, until what is returned is dropped.
    fn lock(&self, stem: &str, busy: impl FnOnce() -> String) -> anyhow::Result<fs::File> {
        let path = self.root.join(format!("{stem}.sealing"));
        let open = fs::OpenOptions::new().create(true).append(true).open(&path);
        let file = open.with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(_) => Err(trouble(busy(), "wait until it is done")),
        }
    }

    /// Keeps what the patient's device shall remember.
    pub fn keep_wallet(&self, lock: &WalletLock, wallet: &Wallet) -> anyhow::Result<()> {
        self.write(&format!("{}.json", wallet_stem(&lock.name)), wallet)
    }

    /// Reads a secret that is kept as JSON.
    pub fn read<V: DeserializeOwned>(&self, name: &str) -> anyhow::Result<V> {
        let bytes = self.vault()?.read(name)?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{name} does not hold what it should"))
    }

    /// Keeps a secret as JSON, whole or not at all.
    pub fn write<V: Serialize>(&self, name: &str, value: &V) -> anyhow::Result<()> {
        let bytes = Zeroizing::new(json_bytes(value)?);
        Ok(self.begin()?.write(name, &bytes)?)
    }

    /// Reads a JSON file that everybody may know.
    pub fn read_public<V: DeserializeOwned>(&self, name: &str) -> anyhow::Result<V> {
        read_json(&self.root.join(name))
    }

    /// Writes a JSON file that everybody may know, whole or not at all.
    pub fn write_public<V: Serialize>(&self, name: &str, value: &V) -> anyhow::Result<()> {
        write_private(&self.root.join(name), &json_bytes(value)?)
    }
}

fn regulator_file(number: u8) -> String {
    format!("keys/regulator-{number}")
}

fn wallet_stem(name: &str) -> String {
    format!("patients/{}", file_name(name))
}

fn seal_file(name: &str, id: Cid) -> String {
    format!("people/{}.sealed/{id}.json", file_name(name))
}

impl HostedMembers for Home {
    fn members(&self) -> Vec<MemberId> {
        let files = json_files(&self.root.join("members")).unwrap_or_default();
        let member = |path: &PathBuf| read_json::<MemberFile>(path).ok();
        files
            .iter()
            .filter_map(member)
            .map(|file| file.id)
            .collect()
    }

    fn key(&self, member: MemberId) -> Option<SigningKey> {
        let files = json_files(&self.root.join("members")).ok()?;
        let path = files
            .into_iter()
            .find(|path| read_json::<MemberFile>(path).is_ok_and(|file| file.id == member))?;
        let stem = path.file_stem()?.to_string_lossy().into_owned();
        Some(SigningKey::from_seed(
            &*Self::key(self, &format!("members/{stem}{NODE}")).ok()?,
        ))
    }
}

/// A secret as a line of text.
fn hex_line(bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut line = Zeroizing::new(hex::encode(bytes));
    line.push('\n');
    line
}

/// Reads a JSON file.
pub fn read_json<V: DeserializeOwned>(path: &Path) -> anyhow::Result<V> {
    let bytes = intake::read(path)?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} does not hold what it should", path.display()))
}

pub fn json_bytes<V: Serialize>(value: &V) -> anyhow::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Writes beside the target, syncs, renames: a crash leaves the old file or the new one. Readable
/// by the owner only.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = folder(path);
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        // The temporary file is made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        fs::File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

pub fn json_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<_> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    paths.sort();
    Ok(paths)
}

/// A name as a file name: letters, digits and CJK stay, the rest becomes `_`; a short hash keeps
/// names apart that would meet.
pub fn file_name(name: &str) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let text: String = name.chars().take(40).map(safe).collect();
    // What ends like the name of a member's node key is none.
    if text == name && !name.ends_with(NODE) {
        return text;
    }
    let hash = yilian_protocol::Cid::of(name.as_bytes()).short();
    format!("{text}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_that_of_a_members_node() {
        assert_eq!(file_name("North"), "North");
        for name in ["North-node", "-node", "Dr-node"] {
            assert!(!file_name(name).ends_with(NODE), "{name}");
        }
        assert_ne!(file_name("North-node"), file_name("North_node"));
    }
}
