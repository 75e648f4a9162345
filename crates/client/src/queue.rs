//! Captures that wait for a connection, brought onto the chain in their order, each once.
//!
//! A [`Queue`] is a value; its owner keeps it, and the book of passes, after every step and before
//! the next one. An append is signed in a step of its own, so what is kept holds the very
//! transaction before anybody else sees it. A device that dies at any moment goes on with what it
//! kept last: it sends the same transaction again, which takes effect once however often it is
//! sent. Only a *receipt* of a refusal makes it sign anew, or take the capture out. Before it
//! signs, it looks whether the capture stands on the chain already: then it is not appended again,
//! though what was kept got lost or the same document is taken twice.
//!
//! ```text
//! waiting --sign--> kept with its transaction --submit--> applied: out
//!  | ^                                           |------> refused for good: out, and told
//!  | '------- stale, or its window is over ------'
//!  '----> stands on the chain: out
//! ```

use rand_core::CryptoRng;
use serde_json::{Value, json};
use yilian_protocol::{
    Height, TimeMs, TreeHash,
    call::{CallError, Transport},
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
    trace::{Capture, CaptureError, Handler, Pack, PassBook, Standing},
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
            // As text: numbers stay as they were written.
            event: Value::String(String::from_utf8_lossy(&capture.event.to_json()).into_owned()),
            prescription: capture.prescription,
            signed: None,
            retries: 0,
        }
    }

    fn capture(&self, now: TimeMs) -> Result<Capture, ClientError> {
        let packs = self.codes.iter().map(|code| Pack::scan(code, now));
        Ok(Capture {
            packs: packs.collect::<Result<_, _>>()?,
            action: self.action,
            event: Event::parse(event_text(self.event.clone()).as_bytes())?,
            prescription: self.prescription,
        })
    }

    /// Whether both are of one capture, however far each came.
    fn is_same(&self, other: &Self) -> bool {
        self.codes == other.codes
            && self.action == other.action
            && self.event == other.event
            && self.prescription == other.prescription
    }
}

/// The event as it was written. Queues that were kept before have it as JSON, without a context.
fn event_text(event: Value) -> String {
    match event {
        Value::String(text) => text,
        mut event => {
            let epcis = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld";
            if let Some(members) = event.as_object_mut() {
                members.entry("@context").or_insert_with(|| json!([epcis]));
            }
            event.to_string()
        }
    }
}

/// What a step did. The queue and the book are to be kept before the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The first capture's append is signed; the next step sends it.
    Signed,
    /// The first capture is on the chain, and out of the queue.
    Appended(Appended),
    /// A rule refuses the first capture, now and always, as a receipt proves; it is out of the
    /// queue.
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
    fn of(capture: &Capture, height: Height) -> Self {
        Self {
            step: step_of(capture),
            event: event_of(capture),
            packs: capture.packs.len(),
            height,
        }
    }
}

/// A capture that a rule refuses.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// The step of business.
    pub step: String,
    /// The event's id.
    pub event: Option<String>,
    /// The rule.
    pub rule: Refusal,
}

impl Refused {
    fn of(capture: &Capture, rule: Refusal) -> Self {
        Self {
            step: step_of(capture),
            event: event_of(capture),
            rule,
        }
    }
}

fn step_of(capture: &Capture) -> String {
    capture.event.biz_step().unwrap_or_default().to_owned()
}

fn event_of(capture: &Capture) -> Option<String> {
    capture.event.id().map(str::to_owned)
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

    /// Puts captures behind those that wait, each once: what waits already is not kept a second
    /// time.
    ///
    /// # Errors
    /// For the first that does not fit its packs, now, while somebody who can mend it is there.
    /// Then none is added.
    pub fn add(&mut self, captures: &[Capture]) -> Result<(), CaptureError> {
        captures.iter().try_for_each(Capture::check)?;
        for new in captures.iter().map(Waiting::of) {
            if !self.0.iter().any(|waiting| waiting.is_same(&new)) {
                self.0.push(new);
            }
        }
        Ok(())
    }

    /// Does one step with the first capture: signs its append unless it stands on the chain, or
    /// sends the one that is signed. `None` when nothing waits.
    ///
    /// # Errors
    /// What may pass, as a node that does not answer, one that refuses by its word alone, or a book
    /// without passes; the capture stays first. Queue and book are to be kept all the same.
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
        let capture = first.capture(now)?;
        let done = match &first.signed {
            None => match handler.standing(session, &capture).await? {
                Some(standing) => stands(&capture, standing),
                None => {
                    let append = handler.sign(session, book, &capture, now, rng).await?;
                    first.signed = Some(Blob::new(append.as_bytes().to_vec())?);
                    return Ok(Some(Step::Signed));
                }
            },
            Some(signed) => match send(session, signed, &capture).await {
                Err(ClientError::Refused(rule)) if may_pass(rule) => {
                    return first.sign_anew(rule).map(Some);
                }
                sent => sent?,
            },
        };
        self.0.remove(0);
        Ok(Some(done))
    }
}

impl Waiting {
    /// What was signed takes no effect: by a receipt, or because no block takes it any more. Should
    /// a block have taken it at the last moment, the next step finds it on the chain, and a second
    /// append of the same length would be stale.
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

/// What is told of a capture that was on the chain before anything was signed.
fn stands(capture: &Capture, Standing { height, late }: Standing) -> Step {
    match late {
        true => Step::Refused(Refused::of(capture, Refusal::TraceClosed)),
        false => Step::Appended(Appended::of(capture, height)),
    }
}

/// Sends a kept append.
async fn send<T: Transport>(
    session: &Session<T>,
    signed: &Blob<TRANSACTION_MAX>,
    capture: &Capture,
) -> Result<Step, ClientError> {
    let append = Transaction::parse(signed.as_slice());
    let append = append.map_err(|_| DecodeError::Invalid {
        what: "kept append",
    })?;
    match session.submit(append).await {
        Ok(receipt) => Ok(Step::Appended(Appended::of(capture, receipt.header.height))),
        // By a receipt. What a node only says may pass, and takes no capture out.
        Err(ClientError::Refused(rule)) if !may_pass(rule) => {
            Ok(Step::Refused(Refused::of(capture, rule)))
        }
        Err(error) => Err(error),
    }
}

/// Refusals that another append may not meet.
const fn may_pass(rule: Refusal) -> bool {
    matches!(
        rule,
        Refusal::StaleTrace | Refusal::OutsideWindow | Refusal::PassExpired
    )
}

/// Appends a capture at once, without keeping it: again when somebody else appended between reading
/// and writing. When the answer is lost, the same bytes are sent again, which take effect once.
/// What stands on the chain already is not appended a second time: that would raise an alarm.
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
        if let Some(standing) = handler.standing(session, capture).await? {
            return match stands(capture, standing) {
                Step::Appended(appended) => Ok(appended),
                _ => Err(Refusal::TraceClosed.into()),
            };
        }
        let append = handler.sign(session, book, capture, now, rng).await?;
        match send_again(session, &append).await {
            Err(error) if error.refusal() == Some(Refusal::StaleTrace) && retries < RETRIES => {
                retries += 1;
            }
            appended => return Ok(Appended::of(capture, appended?.header.height)),
        }
    }
}

/// Sends a transaction, and the same bytes again as long as nothing is answered.
async fn send_again<T: Transport>(
    session: &Session<T>,
    append: &Transaction,
) -> Result<Receipt, ClientError> {
    let mut retries = 0;
    loop {
        match session.submit(append.clone()).await {
            Err(ClientError::Call(
                CallError::Unreachable { .. }
                | CallError::Unavailable { .. }
                | CallError::Busy { .. },
            )) if retries < RETRIES => {
                retries += 1;
            }
            sent => return sent,
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
