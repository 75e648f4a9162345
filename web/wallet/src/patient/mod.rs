//! A patient's device in a browser.
//!
//! ```text
//! nothing --draw_words, confirm_words--> words --protect--> open
//!         --recover_words--------------> words --'            |
//! sealed  --unlock-----------------------------------------> open
//! ```
//! Locking is the page's: it ends the worker, and the memory with it. What changes the wallet is
//! kept in the browser before anything happens that cannot be undone, as `yilian_client` asks for
//! it. One such change runs at a time; the worker puts them in a row.

mod access;
mod kept;
mod letters;
mod records;
mod visits;
mod words;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use tsify::Ts;
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    ClientError, HttpTransport, KeepWallet, Patient, Session, Wallet,
    people::{self, Organisation},
};

use self::{
    kept::{ANSWERS, GONE, Kept, Opened, SEED, WALLET},
    words::Fresh,
};
use crate::{
    device::{COST, KEYSTORE, SEEN, Shelf, damaged, sealed},
    shared::{ChainView, json, session, told},
    trouble::{Fault, Trouble},
};

pub use self::{
    access::{
        AccessView, CoveredView, DisclosureView, GivenView, GrantView, OpeningView, UseView,
        UsesView,
    },
    letters::{AskedView, LetterView, LettersView, SenderView},
    records::{RecordLine, TimelineView, VisitView},
    visits::TokenView,
    words::RecoveredView,
};

/// A conversation with one node, and a patient's wallet.
#[wasm_bindgen]
#[derive(Debug)]
pub struct PatientClient {
    session: Session<HttpTransport>,
    shelf: Shelf,
    held: RefCell<Held>,
    changing: Cell<bool>,
    /// All people, as they were read last, and when that was.
    people: RefCell<Option<(f64, Rc<Vec<Organisation>>)>>,
}

/// What of a wallet is in memory.
#[derive(Debug)]
enum Held {
    /// Nothing.
    Nothing,
    /// Words whose wallet is not kept yet.
    Words(Box<Fresh>),
    /// A wallet.
    Open(Rc<RefCell<Opened>>),
}

#[wasm_bindgen]
impl PatientClient {
    /// Speaks to the node at the URL `node`, and keeps on `shelf`. `genesis` is what
    /// [`PatientClient::genesis`] gave before; without it the node's own word is taken, once.
    ///
    /// # Errors
    /// [`Trouble`] when the node does not answer, or is of another chain.
    pub async fn open(
        node: String,
        genesis: Option<String>,
        shelf: Shelf,
    ) -> Result<PatientClient, Trouble> {
        let session = session(&node, genesis.as_deref()).await?;
        Ok(Self {
            session,
            shelf,
            held: RefCell::new(Held::Nothing),
            changing: Cell::new(false),
            people: RefCell::default(),
        })
    }

    /// The genesis as JSON: to be kept, and pinned from then on.
    ///
    /// # Errors
    /// Never, but for a bug.
    pub fn genesis(&self) -> Result<String, Trouble> {
        json(self.session.genesis())
    }

    /// The chain.
    ///
    /// # Errors
    /// Never, but for a bug.
    pub fn chain(&self) -> Result<Ts<ChainView>, Trouble> {
        told(&ChainView::from(self.session.genesis()))
    }

    /// Whether this browser keeps a wallet, locked or not.
    ///
    /// # Errors
    /// When the browser does not let it look.
    #[wasm_bindgen(js_name = hasWallet)]
    pub async fn has_wallet(&self) -> Result<bool, Trouble> {
        Ok(self.shelf.read(KEYSTORE).await?.is_some())
    }

    /// Opens the wallet that this browser keeps. From now on the node may show no state that is
    /// older than what the wallet saw.
    ///
    /// # Errors
    /// [`Fault::WrongPassphrase`]; [`Fault::Damaged`] when a part is missing or changed;
    /// [`Fault::OtherChain`] when it is a wallet of another chain.
    pub async fn unlock(&self, passphrase: String) -> Result<(), Trouble> {
        let passphrase = zeroize::Zeroizing::new(passphrase);
        let opened = Opened::open(&self.kept().await?, &passphrase)?;
        let (pinned, found) = (opened.wallet.chain, self.session.chain());
        if pinned != found {
            return Err(ClientError::OtherChain { pinned, found }.into());
        }
        if let Some(seen) = opened.seen {
            self.session.go_on_from(seen);
        }
        *self.held.borrow_mut() = Held::Open(Rc::new(RefCell::new(opened)));
        Ok(())
    }

    /// Seals the wallet of the words that were confirmed or typed, keeps it, and opens it.
    ///
    /// # Errors
    /// [`Fault::WeakPassphrase`]; [`Fault::Locked`] when there are no such words;
    /// [`Fault::Invalid`] when this browser keeps a wallet already; [`Fault::NotKept`].
    pub async fn protect(&self, passphrase: String) -> Result<(), Trouble> {
        let passphrase = zeroize::Zeroizing::new(passphrase);
        if self.has_wallet().await? {
            return Err(Trouble::invalid("this browser keeps a wallet already"));
        }
        let (seed, wallet) = match &*self.held.borrow() {
            Held::Words(fresh) => fresh.proven(self.session.chain())?,
            Held::Nothing | Held::Open(_) => return Err(locked()),
        };
        let (opened, entries) = Opened::new(seed, wallet, &passphrase, COST, &mut rand::rng())?;
        self.shelf.write(&entries).await?;
        *self.held.borrow_mut() = Held::Open(Rc::new(RefCell::new(opened)));
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
        let newly = opened
            .borrow()
            .newly_seen(self.session.seen(), &mut rand::rng())?;
        if let Some((seen, entry)) = newly {
            self.shelf.write(&[entry]).await?;
            opened.borrow_mut().seen = Some(seen);
        }
        Ok(())
    }

    /// Puts another passphrase in place of the one of before, which is asked for again.
    ///
    /// # Errors
    /// As [`PatientClient::unlock`] and [`PatientClient::protect`].
    pub async fn rekey(&self, before: String, passphrase: String) -> Result<(), Trouble> {
        let before = zeroize::Zeroizing::new(before);
        let passphrase = zeroize::Zeroizing::new(passphrase);
        let opened = Opened::open(&self.kept().await?, &before)?;
        let keystore = opened.rekeyed(&passphrase, COST, &mut rand::rng())?;
        self.shelf.write(&[keystore]).await
    }
}

impl PatientClient {
    /// What this browser keeps, all of it sealed.
    async fn kept(&self) -> Result<Kept, Trouble> {
        let keystore = self.shelf.read(KEYSTORE).await?.ok_or_else(locked)?;
        let part = async |name| self.shelf.read(name).await?.ok_or_else(damaged);
        Ok(Kept {
            keystore,
            seed: part(SEED).await?,
            wallet: part(WALLET).await?,
            seen: self.shelf.read(SEEN).await?,
            answers: self.shelf.read(ANSWERS).await?,
            gone: self.shelf.read(GONE).await?,
        })
    }

    /// All people. They are read as a whole, so that no node learns who of them writes to the
    /// patient or about her; and not again within a minute.
    async fn registry(&self) -> Result<Rc<Vec<Organisation>>, Trouble> {
        const FRESH_MS: f64 = 60_000.0;
        let now = js_sys::Date::now();
        let known = self.people.borrow().clone();
        if let Some((read, people)) = known
            && (0.0..FRESH_MS).contains(&(now - read))
        {
            return Ok(people);
        }
        let read = Rc::new(people::registry(&self.session).await?);
        *self.people.borrow_mut() = Some((now, Rc::clone(&read)));
        Ok(read)
    }

    fn opened(&self) -> Result<Rc<RefCell<Opened>>, Trouble> {
        match &*self.held.borrow() {
            Held::Open(opened) => Ok(Rc::clone(opened)),
            Held::Nothing | Held::Words(_) => Err(locked()),
        }
    }

    /// The patient with the wallet as it is now: to read with.
    fn patient(&self) -> Result<Patient, Trouble> {
        let opened = self.opened()?;
        let opened = opened.borrow();
        Ok(Patient::new(&opened.seed, opened.wallet.clone()))
    }

    /// Begins a change of the wallet. It is kept as often as what is done asks for it, and has to
    /// be ended.
    fn change(&self) -> Result<Change<'_>, Trouble> {
        if self.changing.replace(true) {
            return Err(Trouble::new(Fault::Busy, "the wallet is being changed"));
        }
        let change = Change {
            shelf: &self.shelf,
            opened: self.opened(),
            changing: &self.changing,
        };
        change.opened()?;
        Ok(change)
    }
}

/// A change of the wallet: whoever has it is alone with it.
struct Change<'a> {
    shelf: &'a Shelf,
    opened: Result<Rc<RefCell<Opened>>, Trouble>,
    changing: &'a Cell<bool>,
}

impl Change<'_> {
    fn opened(&self) -> Result<&Rc<RefCell<Opened>>, Trouble> {
        self.opened.as_ref().map_err(Clone::clone)
    }

    /// What keeps the wallet, for the client.
    fn keeper(&self) -> Keeper<'_> {
        Keeper(self)
    }

    async fn keep(&self, wallet: &Wallet) -> Result<(), Trouble> {
        let opened = self.opened()?;
        if opened.borrow().wallet == *wallet {
            return Ok(());
        }
        let entry = sealed(&opened.borrow().home, WALLET, wallet, &mut rand::rng())?;
        self.shelf.write(&[entry]).await?;
        opened.borrow_mut().wallet = wallet.clone();
        Ok(())
    }

    /// Keeps the wallet as it is afterwards, though what was done failed half-way.
    async fn end<V>(self, patient: &Patient, done: Result<V, Trouble>) -> Result<V, Trouble> {
        let kept = self.keep(patient.wallet()).await;
        let value = done?;
        kept?;
        Ok(value)
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.changing.set(false);
    }
}

struct Keeper<'a>(&'a Change<'a>);

impl KeepWallet<Trouble> for Keeper<'_> {
    async fn keep(&mut self, wallet: &Wallet) -> Result<(), Trouble> {
        self.0.keep(wallet).await
    }
}

fn locked() -> Trouble {
    Trouble::new(Fault::Locked, "there is no wallet, or it is locked")
}
