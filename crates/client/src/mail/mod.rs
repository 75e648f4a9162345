//! Letters: stamps are got, letters are sent, fetched, opened, and deleted where they were kept.
//! docs/PROTOCOL.md 12. No files: a device keeps what it is given.
//!
//! ```text
//! stamps    draw, blind --> a member's node --> unblind, verify --> StampBook
//! send      Mail --> sealed and padded to an Address --> stamped --> the keeper's node
//! inbox     Mailbox::letters --> KeptLetter, sealed --> kept --> Mailbox::discard
//! open      KeptLetter --> Mail --> Shown, every claim in it checked
//! ```
//! A letter stays sealed on the device as it was in the mailbox: who has the seed opens it.

mod shown;

use yilian_crypto::{
    kem::KemSecret,
    sign::{SigningKey, VerifyingKey},
};
use yilian_protocol::{
    ChainId, MailId, MemberId, RequestId, TimeMs,
    call::{CallError, Transport},
    codec::List,
    fixed,
    limits::MAILBOX_LETTERS_MAX,
    mail::{Address, MailboxCard, SealedMail},
    mailbox::{Delivery, DiscardRequest, FetchRequest},
    refusal::Refusal,
    stamp::{AskerKey, Stamp, StampDay, StampsDrawn, StampsRequest},
};

use crate::{ClientError, Session};

pub use shown::{Asked, Sender, Shown};
pub use yilian_protocol::mail::{About, Answer, Content, Correction, Decision, Mail, Notice};

/// Stamps that are got at once.
pub const STAMPS_AT_ONCE: usize = 4;
/// With fewer in stock some are got when letters are fetched, and not only when one is written: a
/// letter that follows its stamp at once is known by it.
pub(crate) const STAMPS_LOW: usize = 2;

/// Stamps in stock.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct StampBook(Vec<Stamp>);

impl StampBook {
    /// Puts stamps in.
    pub fn put(&mut self, stamps: impl IntoIterator<Item = Stamp>) {
        self.0.extend(stamps);
    }

    /// Forgets the stamps that are not good at `now`. How many there are then.
    pub(crate) fn sift(&mut self, now: TimeMs) -> usize {
        self.0.retain(|stamp| stamp.day.is_good(now).is_ok());
        self.0.len()
    }

    /// Takes out the stamp that is over first, of those that are good at `now`.
    pub fn take(&mut self, now: TimeMs) -> Option<Stamp> {
        self.sift(now);
        let stamps = self.0.iter().enumerate();
        let (place, _) = stamps.min_by_key(|(_, stamp)| stamp.day)?;
        Some(self.0.swap_remove(place))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the device of a certified person remembers of letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailNotes {
    /// Stamps in stock.
    pub stamps: StampBook,
    /// The requests that were sent: what does not answer one of them answers nothing.
    pub requests: Vec<RequestId>,
}

/// Has the node of `issuer` make stamps of today. What it signed is verified under the key of the
/// registry, which all see.
///
/// # Errors
/// [`Refusal::StampsUsed`] when whoever asks had today's, [`Refusal::StampInvalid`] when the node
/// signed something else; else the rule by which it refuses.
pub(crate) async fn get_stamps<T: Transport>(
    session: &Session<T>,
    issuer: MemberId,
    asker: AskerKey<'_>,
    count: usize,
    now: TimeMs,
    rng: &mut impl rand_core::CryptoRng,
) -> Result<Vec<Stamp>, ClientError> {
    let (chain, day) = (
        session.chain(),
        StampDay::of(session.time_to_sign(now).await?),
    );
    let public = session.member(issuer).await?.member.stamp.decode();
    let public = public.map_err(|_| Refusal::StampInvalid)?;
    let (drawn, blinded) = StampsDrawn::draw(chain, (issuer, &public), day, count, rng);
    let request = StampsRequest::sign(chain, issuer, day, List::new(blinded)?, asker, rng);
    let answer = match session.stamps(request.clone()).await {
        // They may be made and counted: the same question gets the same stamps.
        Err(ClientError::Call(CallError::Unreachable { .. })) => session.stamps(request).await?,
        answer => answer?,
    };
    Ok(drawn.stamps(chain, &public, &answer)?)
}

/// Seals `mail`, and leaves it in the mailbox for `stamp`. The stamp is spent as soon as this is
/// called: keep the book without it before.
///
/// # Errors
/// [`Refusal::NoRoomForMail`] when the node takes none now; else the rule by which it refuses.
pub async fn send<T: Transport>(
    session: &Session<T>,
    to: &Address,
    mail: &Mail,
    stamp: &Stamp,
    rng: &mut impl rand_core::CryptoRng,
) -> Result<MailId, ClientError> {
    let chain = session.chain();
    let sealed = to.seal(chain, mail, rng)?;
    let delivery = Delivery::stamped(chain, to, sealed, stamp);
    let id = delivery.id();
    session.deliver(delivery).await?;
    Ok(id)
}

/// A letter as a device keeps it: sealed, as it lay in the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptLetter {
    /// The member whose node kept it.
    pub keeper: MemberId,
    /// The mailbox in which it lay.
    #[serde(with = "fixed")]
    pub mailbox: VerifyingKey,
    /// When it came there.
    pub arrived: TimeMs,
    /// The letter.
    pub sealed: SealedMail,
}

impl KeptLetter {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> MailId {
        self.sealed.id(self.keeper, &self.mailbox)
    }
}

/// What came of asking for letters.
#[derive(Debug, Default)]
pub struct Fetched {
    /// The letters that were handed out, oldest first.
    pub letters: Vec<KeptLetter>,
    /// Why they are not all, or may not be: the node does not answer, lists more than a mailbox
    /// holds, or keeps back what it counts.
    pub fault: Option<ClientError>,
}

/// A mailbox, for who has it.
#[derive(Debug, Clone, Copy)]
pub struct Mailbox<'a> {
    keeper: MemberId,
    signing: &'a SigningKey,
    kem: &'a KemSecret,
}

impl<'a> Mailbox<'a> {
    /// The mailbox at the node of `keeper` that these keys are of.
    #[must_use]
    pub const fn new(keeper: MemberId, signing: &'a SigningKey, kem: &'a KemSecret) -> Self {
        Self {
            keeper,
            signing,
            kem,
        }
    }

    /// Where letters for it go.
    #[must_use]
    pub fn address(&self) -> Address {
        Address {
            keeper: self.keeper,
            card: MailboxCard {
                mailbox: self.signing.verifying_key(),
                kem: self.kem.public().clone(),
            },
        }
    }

    /// All letters that lie in it. What was handed out before something failed is kept: one false
    /// count hides no letter.
    pub async fn letters<T: Transport>(
        &self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Fetched {
        let mut letters = Vec::new();
        let fetched = self.fetch(session, &mut letters, now, rng).await;
        let fault = fetched.err();
        Fetched { letters, fault }
    }

    async fn fetch<T: Transport>(
        &self,
        session: &Session<T>,
        letters: &mut Vec<KeptLetter>,
        now: TimeMs,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(), ClientError> {
        let (chain, keeper) = (session.chain(), self.keeper);
        let mailbox = self.signing.verifying_key();
        let now = session.time_to_ask(now, rng).await?;
        let mut after = 0;
        loop {
            // Each question is answered once: the next is of another moment, or for another page.
            let request = FetchRequest::sign(chain, keeper, after, now, self.signing);
            let page = session.fetch_mail(request).await?;
            let none = page.entries.is_empty();
            for letter in page.entries {
                if letter.number <= after || letters.len() >= MAILBOX_LETTERS_MAX as usize {
                    return Err(ClientError::WrongAnswer { request: "fetch" });
                }
                after = letter.number;
                letters.push(KeptLetter {
                    keeper,
                    mailbox,
                    arrived: letter.arrived,
                    sealed: letter.sealed,
                });
            }
            if letters.len() >= page.total as usize {
                return Ok(());
            }
            if none {
                return Err(ClientError::WrongAnswer { request: "fetch" });
            }
        }
    }

    /// Has letters deleted that the device keeps by now.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn discard<T: Transport>(
        &self,
        session: &Session<T>,
        letters: Vec<MailId>,
        now: TimeMs,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(), ClientError> {
        if letters.is_empty() {
            return Ok(());
        }
        let letters = List::new(letters)?;
        let now = session.time_to_ask(now, rng).await?;
        let (chain, keeper) = (session.chain(), self.keeper);
        let request = DiscardRequest::sign(chain, keeper, letters, now, self.signing);
        session.discard_mail(request).await
    }

    /// Opens a letter that lay in it.
    ///
    /// # Errors
    /// [`ClientError::Letter`] when it is for another, or no letter.
    pub fn open(&self, chain: ChainId, letter: &KeptLetter) -> Result<Mail, ClientError> {
        let mailbox = self.signing.verifying_key();
        Ok(letter.sealed.open(chain, self.keeper, &mailbox, self.kem)?)
    }
}
