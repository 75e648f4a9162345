//! Those who handle medicines: a maker, courier, pharmacist or regulator with a certificate.

use rand_core::CryptoRng;
use yilian_crypto::{
    seed::{MemberKeys, Seed},
    trace::{EventDigest, EventKey},
};
use yilian_proof::{Context, ParameterSet, TraceKey};
use yilian_protocol::{
    CertificateId, Height, MemberId, TimeMs, TraceId,
    call::Transport,
    codec::{Blob, Decode as _, Encode as _, List},
    receipt::Receipt,
    registry::{Certificate, Role},
    trace::{
        AuthoredEvent, HeightWindow, TraceAppend, TraceEntry, TracePush, TraceTerms, associated,
    },
    tx::{Body, Transaction},
};

use super::{Capture, Pack, PassBook, PassRequest};
use crate::{ClientError, Session, people::own_keys};

/// Sealed events show their length, so they come in steps of this many bytes.
const STEP: usize = 1024;

/// JSON with blanks behind it, up to the next step.
fn padded(mut json: Vec<u8>) -> Vec<u8> {
    json.resize(json.len().next_multiple_of(STEP), b' ');
    json
}

/// One who handles medicines.
#[derive(Debug)]
pub struct Handler {
    keys: MemberKeys,
    certificate: CertificateId,
    member: MemberId,
    role: Role,
}

impl Handler {
    /// The one whose keys come from `seed` and were certified as `certificate`.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when the certificate is for other keys.
    pub fn new(seed: &Seed, certificate: &Certificate) -> Result<Self, ClientError> {
        Ok(Self {
            keys: own_keys(seed, certificate)?,
            certificate: certificate.id(),
            member: certificate.member,
            role: certificate.role,
        })
    }

    /// The organisation it acts for.
    #[must_use]
    pub const fn member(&self) -> MemberId {
        self.member
    }

    /// Its role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Asks for `count` passes; the answer goes into the book.
    pub fn ask_passes<T: Transport>(
        &self,
        session: &Session<T>,
        book: &mut PassBook,
        count: usize,
        rng: &mut impl CryptoRng,
    ) -> PassRequest {
        let (chain, signing) = (session.chain(), &self.keys.signing);
        book.ask(chain, self.certificate, signing, count, rng)
    }

    /// Brings what was captured onto the chain, when the event fits the packs. Takes a pass out of
    /// the book, whether or not it succeeds: a pass that was seen names what it was seen with.
    ///
    /// # Errors
    /// [`ClientError::Capture`] when it does not fit; nothing was sent.
    /// [`ClientError::Refused`] names the rule. After
    /// [`TraceClosed`](yilian_protocol::refusal::Refusal::TraceClosed) the attempt stands in the
    /// packs' traces as an alarm.
    pub async fn append<T: Transport>(
        &self,
        session: &Session<T>,
        book: &mut PassBook,
        capture: &Capture,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<Receipt, ClientError> {
        let append = self.sign(session, book, capture, now, rng).await?;
        session.submit(append).await
    }

    /// Signs the append of what was captured, when the event fits the packs. It is good for the
    /// next [`HeightWindow`] alone and takes effect once. Takes a pass out of the book.
    ///
    /// # Errors
    /// [`ClientError::Capture`] when it does not fit; [`ClientError::NoPass`]; else when the node
    /// does not answer, or no proof can be made.
    pub async fn sign<T: Transport>(
        &self,
        session: &Session<T>,
        book: &mut PassBook,
        capture: &Capture,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<Transaction, ClientError> {
        capture.check()?;
        let (pass, pass_key) = book.next(now)?;
        let traces: Vec<TraceId> = capture.packs.iter().map(Pack::trace).collect();
        let heads = session.trace_heads(&traces).await?;
        let lengths = heads.iter().map(|head| head.map_or(0, |head| head.length));
        let latest = session.latest().await?;

        let chain = session.chain();
        let action = capture.action;
        let authored = AuthoredEvent::sign(
            self.certificate,
            &self.keys.signing,
            chain,
            &pass.key,
            action,
            // Not before what is on the chain, as the registration of the certificate is.
            now.max(latest.time),
            padded(capture.event.to_json()),
        );
        let sealed_for = associated(chain, &pass.key, action);
        let (key, sealed) = EventKey::seal(&sealed_for, &authored.to_vec(), rng);
        let digest = EventDigest::of(&sealed);
        let pushes = capture
            .packs
            .iter()
            .zip(lengths)
            .map(|(pack, length)| TracePush {
                trace: pack.trace(),
                length,
                key: pack.reading().mask(&key, &digest),
            });
        let terms = TraceTerms {
            pushes: List::new(pushes.collect())?,
            pass,
            action,
            window: HeightWindow::after(latest.height),
            event: Blob::new(sealed)?,
            prescription: capture.prescription,
        };
        let keys: Vec<&TraceKey> = capture.packs.iter().map(Pack::key).collect();
        let context = Context::new(terms.context(chain));
        let proof = yilian_proof::prove(ParameterSet::ON_CHAIN, &keys, &context, rng)?;
        let append = TraceAppend {
            terms,
            proof: Blob::new(proof)?,
        };
        let body = Body::AppendTrace(append);
        Ok(Transaction::sign(chain, body, &pass_key))
    }

    /// Whether what was captured stands in the packs' traces already, by this author. A program
    /// that was killed after an append and before it noted that asks, and appends nothing twice.
    ///
    /// # Errors
    /// When the node does not answer, or keeps entries back.
    pub async fn standing<T: Transport>(
        &self,
        session: &Session<T>,
        capture: &Capture,
    ) -> Result<Option<Standing>, ClientError> {
        let Some(pack) = capture.packs.first() else {
            return Ok(None);
        };
        let Some((_, entries)) = session.trace(pack.trace()).await? else {
            return Ok(None);
        };
        let event = padded(capture.event.to_json());
        let is_this = |entry: &&TraceEntry| {
            let shared = &entry.shared;
            let sealed_for = associated(session.chain(), &shared.pass.key, shared.action);
            let opened = pack
                .reading()
                .open(&entry.item.key, &sealed_for, shared.event.as_slice());
            let authored = opened
                .ok()
                .and_then(|bytes| AuthoredEvent::from_slice(&bytes).ok());
            authored.is_some_and(|authored| {
                authored.author() == self.certificate && authored.event() == event
            })
        };
        let found = entries.iter().find(is_this);
        Ok(found.map(|entry| Standing {
            height: entry.shared.admitted.height,
            late: entry.item.late,
        }))
    }
}

/// Where a capture stands on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The block.
    pub height: Height,
    /// Whether the trace was closed to it: it is there as an alarm only.
    pub late: bool,
}
