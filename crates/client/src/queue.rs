//! Captures that wait for a connection, brought onto the chain in their order, each once.
//!
//! A [`Queue`] is a value; its owner keeps it, and the book of passes, after every step and before the next one. An append is signed in a step
//! of its own, so what is kept holds the very transaction before anybody else sees it. A device that dies at any moment goes on with what it
//! kept last: it sends the same transaction again, which takes effect once however often it is sent. Only a *receipt* of a refusal makes it sign
//! anew, or take the capture out.
//!
//! ```text
//! waiting --sign--> kept with its transaction --submit--> applied: out
//!    ^                                           |------> refused for good: out, and told
//!    '------- stale, or its window is over ------'
//! ```

use rand_core::CryptoRng;
use serde_json::{Value, json};
use yilian_protocol::{
    Height, TimeMs, TreeHash,
    call::Transport,
    codec::{Blob, DecodeError},
    limits::{TRACE_PUSHES_MAX, TRANSACTION_MAX},
    receipt::Receipt,
    refusal::Refusal,
    trace::TraceAction,
    tx::Transaction,
};
use yilian_record::epcis::Event;

use crate::{
    ClientError, Session,
    trace::{Capture, Handler, Pack, PassBook},
};

/// How often an append is made anew when others were faster.
const RETRIES: u8 = 2;

/// Captures that wait, in their order. Holds the packs' codes: secret.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Queue(Vec<Waiting>);

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Queue({} captures)", self.0.len())
    }
}

/// A capture as it is kept.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Waiting {
    codes: Vec<String>,
    action: TraceAction,
    event: Value,
    prescription: Option<TreeHash>,
    /// Its append, from the moment it was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<Blob<TRANSACTION_MAX>>,
    #[serde(skip)]
    retries: u8,
}

impl Waiting {
    fn of(capture: &Capture) -> Self {
        let codes = capture.packs.iter().map(|pack| pack.code().to_text());
        Self {
            codes: codes.map(|code| code.as_str().to_owned()).collect(),
            action: capture.action,
            event: capture.event.as_value().clone(),
            prescription: capture.prescription,
            signed: None,
            retries: 0,
        }
    }

    fn capture(&self) -> Result<Capture, ClientError> {
        let packs = self.codes.iter().map(|code| Pack::scan(code));
        let mut event = self.event.clone();
        if let Some(members) = event.as_object_mut() {
            let epcis = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld";
            members.entry("@context").or_insert_with(|| json!([epcis]));
        }
        Ok(Capture {
            packs: packs.collect::<Result<_, _>>()?,
            action: self.action,
            event: Event::parse(event.to_string().as_bytes())?,
            prescription: self.prescription,
        })
    }
}

/// What a step did. The queue and the book are to be kept before the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The first capture's append is signed; the next step sends it.
    Signed,
    /// The first capture is on the chain, and out of the queue.
    Appended(Appended),
    /// A rule refuses the first capture, now and always; it is out of the queue.
    Refused(Refused),
    /// Somebody else was faster, or the window of heights is over: the next step signs it anew.
    Stale,
}

/// A capture that is on the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Appended {
    /// The step of business.
    pub step: String,
    /// The event's id.
    pub event: Option<String>,
    /// How many packs.
    pub packs: usize,
    /// The block.
    pub height: Height,
}

impl Appended {
    fn of(capture: &Capture, receipt: &Receipt) -> Self {
        Self {
            step: step_of(capture),
            event: capture.event.id().map(str::to_owned),
            packs: capture.packs.len(),
            height: receipt.header.height,
        }
    }
}

/// A capture that a rule refuses.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// The step of business.
    pub step: String,
    /// The rule.
    pub rule: Refusal,
}

fn step_of(capture: &Capture) -> String {
    capture.event.biz_step().unwrap_or_default().to_owned()
}

impl Queue {
    /// How many captures wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts captures behind those that wait.
    pub fn add(&mut self, captures: &[Capture]) {
        self.0.extend(captures.iter().map(Waiting::of));
    }

    /// Does one step with the first capture: signs its append, or sends the one that is signed. `None` when nothing waits.
    ///
    /// # Errors
    /// What may pass, as a node that does not answer or a book without passes; the capture stays first. Queue and book are to be kept all the same.
    pub async fn advance<T: Transport>(
        &mut self,
        session: &Session<T>,
        handler: &Handler,
        book: &mut PassBook,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Step>, ClientError> {
        let Some(first) = self.0.first_mut() else {
            return Ok(None);
        };
        let capture = first.capture()?;
        let Some(signed) = &first.signed else {
            let append = handler.sign(session, book, &capture, now, rng).await?;
            first.signed = Some(Blob::new(append.as_bytes().to_vec())?);
            return Ok(Some(Step::Signed));
        };
        let append = Transaction::parse(signed.as_slice());
        let append = append.map_err(|_| DecodeError::Invalid {
            what: "kept append",
        })?;
        let done = match session.submit(append).await {
            Ok(receipt) => Step::Appended(Appended::of(&capture, &receipt)),
            Err(ClientError::Refused(rule)) if may_pass(rule) => {
                return first.sign_anew(rule).map(Some);
            }
            Err(error) => match error.refusal().filter(|rule| !may_pass(*rule)) {
                Some(rule) => Step::Refused(Refused {
                    step: step_of(&capture),
                    rule,
                }),
                None => return Err(error),
            },
        };
        self.0.remove(0);
        Ok(Some(done))
    }
}

impl Waiting {
    /// The receipt says that what was signed takes no effect, ever.
    fn sign_anew(&mut self, rule: Refusal) -> Result<Step, ClientError> {
        self.signed = None;
        if self.retries >= RETRIES {
            self.retries = 0;
            return Err(rule.into());
        }
        self.retries += 1;
        Ok(Step::Stale)
    }
}

/// Refusals that another append may not meet.
const fn may_pass(rule: Refusal) -> bool {
    matches!(
        rule,
        Refusal::StaleTrace | Refusal::OutsideWindow | Refusal::PassExpired
    )
}

/// Appends a capture at once, without keeping it: again when somebody else appended between reading and writing.
///
/// # Errors
/// As [`Handler::append`]. The book is to be kept whatever becomes of it.
pub async fn append<T: Transport>(
    session: &Session<T>,
    handler: &Handler,
    book: &mut PassBook,
    capture: &Capture,
    now: TimeMs,
    rng: &mut impl CryptoRng,
) -> Result<Appended, ClientError> {
    let mut retries = 0;
    loop {
        match handler.append(session, book, capture, now, rng).await {
            Err(error) if error.refusal() == Some(Refusal::StaleTrace) && retries < RETRIES => {
                retries += 1;
            }
            appended => return Ok(Appended::of(capture, &appended?)),
        }
    }
}

/// Packs in the lots that one append takes.
#[must_use]
pub fn lots(packs: Vec<Pack>) -> Vec<Vec<Pack>> {
    let mut lots = Vec::new();
    let mut rest = packs.into_iter().peekable();
    while rest.peek().is_some() {
        lots.push(rest.by_ref().take(TRACE_PUSHES_MAX).collect());
    }
    lots
}
