//! A clinician's device in a browser.
//!
//! ```text
//! nothing --bring, a file of `yilian keystore export`--> open
//! sealed  --unlock-------------------------------------> open
//! ```
//! Locking is the page's: it ends the worker, and the memory with it. What is about to be sent, and
//! what spends a stamp, is kept in the browser before. One such change runs at a time; the worker
//! puts them in a row.

mod ask;
mod kept;
mod letters;
mod read;
mod visits;
mod write;

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use rand::rng;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    ClientError, HttpTransport, Session,
    keys_file::{KeysFile, KeysFileError},
    people,
};
use yilian_crypto::keystore::Passphrase;
use yilian_protocol::{RecordId, refusal::Refusal};
use zeroize::Zeroizing;

use self::kept::{CERTIFICATE, Opened, SEED};
use crate::{
    device::{self, KEYSTORE, SEEN, Shelf, damaged, moment},
    people::PeopleView,
    shared::{json, session, told},
    trouble::{Fault, Trouble},
};

pub use self::{
    ask::{AskedNoteView, AskedNotesView},
    letters::{ClinicLetterView, ClinicLettersView, LineView},
    read::ReadView,
    visits::{CheckedInView, CheckedInsView},
    write::{SealedPartView, WorkView, WorksView},
};

/// A conversation with one node, and a clinician's keys.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ClinicianClient {
    session: Session<HttpTransport>,
    shelf: Shelf,
    held: RefCell<Option<Rc<Opened>>>,
    /// Records that letters name and the chain does not have: they are not asked for again.
    unknown: RefCell<BTreeSet<RecordId>>,
}

/// Whose keys these are, as the chain has it.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct WhoView {
    /// The certificate.
    pub certificate: String,
    /// The name.
    pub name: String,
    /// The role.
    pub role: String,
    /// The member that certified.
    pub member: String,
    /// What it is called; none when the register does not have it.
    pub member_name: Option<String>,
    /// When the certificate ends.
    pub until: u64,
    /// The rule by which he may not act now, if he may not.
    pub refused: Option<String>,
}

#[wasm_bindgen]
impl ClinicianClient {
    /// Speaks to the node at the URL `node`, and keeps on `shelf`. `genesis` is what
    /// [`ClinicianClient::genesis`] gave before; without it the node's own word is taken, once.
    ///
    /// # Errors
    /// [`Trouble`] when the node does not answer, or is of another chain.
    pub async fn open(
        node: String,
        genesis: Option<String>,
        shelf: Shelf,
    ) -> Result<ClinicianClient, Trouble> {
        let session = session(&node, genesis.as_deref()).await?;
        let held = RefCell::new(None);
        Ok(Self {
            session,
            shelf,
            held,
            unknown: RefCell::default(),
        })
    }

    /// The genesis as JSON: to be kept, and pinned from then on.
    ///
    /// # Errors
    /// Never, but for a bug.
    pub fn genesis(&self) -> Result<String, Trouble> {
        json(self.session.genesis())
    }

    /// Takes the keys of one person out of a file that `yilian keystore export` wrote, keeps them
    /// sealed under the same passphrase, and opens them. Of what comes with them, the notes of what
    /// was indexed, the letters and the requests are taken; stamps stay with whoever exported them.
    ///
    /// # Errors
    /// [`Fault::NotKeys`]; [`Fault::WrongPassphrase`]; [`Fault::OtherChain`];
    /// [`Fault::Invalid`] when this browser keeps keys already; [`Fault::NotKept`].
    pub async fn bring(&self, file: Vec<u8>, passphrase: String) -> Result<(), Trouble> {
        let passphrase = Zeroizing::new(passphrase);
        if self.shelf.read(KEYSTORE).await?.is_some() {
            return Err(Trouble::invalid("this browser keeps keys already"));
        }
        let file = KeysFile::read(&file)?;
        let passphrase = Passphrase::new(&passphrase)?;
        let secrets = file.open(&passphrase)?;
        let (pinned, found) = (file.genesis()?.chain(), self.session.chain());
        if pinned != found {
            return Err(ClientError::OtherChain { pinned, found }.into());
        }
        let (stem, handed) = file.person(&secrets)?;
        let brought = Opened::bring(handed, &stem, &secrets, &passphrase, &mut rng());
        let (opened, entries) = brought?;
        self.shelf.write(&entries).await?;
        *self.held.borrow_mut() = Some(Rc::new(opened));
        Ok(())
    }

    /// Opens the keys that this browser keeps.
    ///
    /// # Errors
    /// [`Fault::WrongPassphrase`]; [`Fault::Damaged`] when a part is missing or changed.
    pub async fn unlock(&self, passphrase: String) -> Result<(), Trouble> {
        let passphrase = Zeroizing::new(passphrase);
        let part = async |name| self.shelf.read(name).await?.ok_or_else(damaged);
        let keystore = self.shelf.read(KEYSTORE).await?.ok_or_else(locked)?;
        let passphrase = Passphrase::new(&passphrase)?;
        let (seed, certificate) = (part(SEED).await?, part(CERTIFICATE).await?);
        let notes = self.shelf.read(kept::NOTES).await?;
        let opened = Opened::open(&keystore, &passphrase, (&seed, &certificate, notes))?;
        let seen = self.shelf.read(SEEN).await?;
        if let Some(seen) = opened.known(seen.as_deref())? {
            self.session.go_on_from(seen);
        }
        *self.held.borrow_mut() = Some(Rc::new(opened));
        Ok(())
    }

    /// Keeps how far the chain was when something of it was proven last, for the next session to
    /// begin there. Whoever asks does so when something was answered.
    ///
    /// # Errors
    /// [`Fault::NotKept`].
    #[wasm_bindgen(js_name = keepSeen)]
    pub async fn keep_seen(&self) -> Result<(), Trouble> {
        let Ok(opened) = self.opened() else {
            return Ok(());
        };
        let (known, seen) = (opened.seen.get(), self.session.seen());
        if let Some((seen, entry)) = device::newly_seen(&opened.home, known, seen, &mut rng())? {
            self.shelf.write(&[entry]).await?;
            opened.seen.set(Some(seen));
        }
        Ok(())
    }

    /// Whose keys these are, as the chain has it at `now`. Proven.
    ///
    /// # Errors
    /// When the node does not answer, or its proofs do not verify.
    pub async fn who(&self, now: f64) -> Result<Ts<WhoView>, Trouble> {
        let (opened, now) = (self.opened()?, moment(now)?);
        let certificate = &opened.certificate;
        let registry = people::registry(&self.session).await?;
        let member = registry.iter().find(|one| one.id == certificate.member);
        let known = people::certified(&registry, certificate.id());
        let refused = match known {
            Err(rule) => Some(rule),
            Ok(person) if person.certificate().role.reads_records() => person.standing(now).err(),
            Ok(_) => Some(Refusal::RoleNotAllowed),
        };
        told(&WhoView {
            certificate: certificate.id().to_string(),
            name: certificate.subject.to_string(),
            role: certificate.role.name().to_owned(),
            member: certificate.member.to_string(),
            member_name: member.map(|one| one.member.member.name.to_string()),
            until: certificate.valid_until.get(),
            refused: refused.map(|rule| rule.name().to_owned()),
        })
    }

    /// Who there is.
    ///
    /// # Errors
    /// When the node does not answer, or its proofs do not verify.
    pub async fn people(&self, now: f64) -> Result<Ts<PeopleView>, Trouble> {
        told(&PeopleView::of(&self.session, moment(now)?).await?)
    }
}

impl ClinicianClient {
    fn opened(&self) -> Result<Rc<Opened>, Trouble> {
        self.held.borrow().clone().ok_or_else(locked)
    }
}

fn locked() -> Trouble {
    Trouble::new(Fault::Locked, "there are no keys, or they are locked")
}

impl From<KeysFileError> for Trouble {
    fn from(error: KeysFileError) -> Self {
        match error {
            KeysFileError::Keystore(error) => error.into(),
            other => Self::new(Fault::NotKeys, other),
        }
    }
}
