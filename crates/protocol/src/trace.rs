//! The trail of medicines: appends to traces, what the chain keeps of them, and the passes of those
//! who append.
//!
//! # What an append says
//! `terms | proof`. The terms hold everything that is meant: pass, action, window of heights, the
//! packs' traces with their lengths and masked keys, and the sealed event. The proof shows, in zero
//! knowledge, that the appender knows the key of every pack, bound to chain and terms
//! ([`TraceTerms::context`]); the pass, that the consortium's CA knows the appender. Neither tells
//! who he is: that stands inside the event, under his certificate ([`AuthoredEvent`]).
//!
//! # What the chain keeps
//! For each trace a [`TraceHead`] in the provable state: its length, whether it is closed, and a
//! link over all of its [`TraceItem`]s. What the packs of one append share is kept once
//! ([`TraceShared`]).

use schemars::JsonSchema;
use yilian_crypto::{
    hash::hash,
    label,
    sign::{Signature, SigningKey, VerifyingKey},
    trace::{EventDigest, MaskedKey},
};
use zeroize::Zeroizing;

use crate::{
    codec::{Blob, Decode, DecodeError, Encode, List, Reader, canonical, named_codes},
    fixed,
    ids::{CertificateId, ChainId, Height, TimeMs, TraceId, TreeHash},
    limits::{
        CLOCK_SKEW_MS, PASS_DAYS_MAX, TRACE_EVENT_MAX, TRACE_PROOF_MAX, TRACE_PUSHES_MAX,
        TRACE_WINDOW_MAX,
    },
    refusal::Refusal,
    registry::{Admitted, Role},
    standing::CertifiedPerson,
};

named_codes! {
    /// What an append does to its traces. All that the chain learns of the event.
    pub enum TraceAction {
        /// Begins traces: packs are made, or a carton is put together.
        Commission = 1 "commission",
        /// Adds an event on the way: packing, shipping, receiving, a sensor's report ...
        Observe = 2 "observe",
        /// A pack goes to a patient. Closes the trace.
        Dispense = 3 "dispense",
        /// A pack is destroyed. Closes the trace.
        Destroy = 4 "destroy",
        /// A pack is called back, wherever it is. Closes the trace.
        Recall = 5 "recall",
        /// Says that an earlier event was wrong. Never changes it; possible on a closed trace.
        Correct = 6 "correct",
        /// Part of a split pack goes to a patient; the rest stays open.
        DispensePart = 7 "dispense-part",
    }
}

impl TraceAction {
    /// Whether the role may do this: the one table of rights.
    ///
    /// | | maker | courier | pharmacist | regulator |
    /// |---|---|---|---|---|
    /// | commission | packs, cartons | cartons | cartons | |
    /// | observe | yes | yes | yes | yes |
    /// | dispense, dispense-part | | | yes | |
    /// | destroy | yes | yes | yes | |
    /// | recall | yes | | | yes |
    /// | correct | yes | yes | yes | |
    ///
    /// The chain does not know a pack from a carton; that a pack was commissioned by a maker is for
    /// whoever reads its trace.
    #[must_use]
    pub const fn is_open_to(self, role: Role) -> bool {
        let handles = matches!(role, Role::Maker | Role::Courier | Role::Pharmacist);
        match self {
            Self::Commission | Self::Destroy | Self::Correct => handles,
            Self::Observe => handles || matches!(role, Role::Regulator),
            Self::Dispense | Self::DispensePart => matches!(role, Role::Pharmacist),
            Self::Recall => matches!(role, Role::Maker | Role::Regulator),
        }
    }

    /// Whether it may use up a prescription.
    #[must_use]
    pub const fn uses_prescription(self) -> bool {
        matches!(self, Self::Dispense | Self::DispensePart)
    }
}

named_codes! {
    /// Where a trace stands.
    pub enum TraceState {
        /// The pack is on its way.
        Open = 1 "open",
        /// With a patient.
        Dispensed = 2 "dispensed",
        /// No more.
        Destroyed = 3 "destroyed",
        /// Called back.
        Recalled = 4 "recalled",
    }
}

impl TraceState {
    /// The state after `action`; `None` when the trace is closed to it, and who tries holds a
    /// copied code or comes too late.
    #[must_use]
    pub const fn after(self, action: TraceAction) -> Option<Self> {
        match (self, action) {
            (state, TraceAction::Correct) => Some(state),
            (
                Self::Open,
                TraceAction::Commission | TraceAction::Observe | TraceAction::DispensePart,
            ) => Some(Self::Open),
            (Self::Open, TraceAction::Dispense) => Some(Self::Dispensed),
            (Self::Open | Self::Dispensed | Self::Recalled, TraceAction::Destroy) => {
                Some(Self::Destroyed)
            }
            (Self::Open | Self::Dispensed, TraceAction::Recall) => Some(Self::Recalled),
            _ => None,
        }
    }
}

/// The heights at which an append may be executed, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct HeightWindow {
    /// The first.
    pub from: Height,
    /// The last.
    pub until: Height,
}
canonical!(HeightWindow { from, until });

impl HeightWindow {
    /// The window that opens behind `latest`, as wide as is allowed.
    #[must_use]
    pub const fn after(latest: Height) -> Self {
        Self {
            from: latest,
            until: Height::new(latest.get().saturating_add(TRACE_WINDOW_MAX)),
        }
    }

    /// Whether it holds `height` and is no wider than allowed.
    #[must_use]
    pub fn holds(&self, height: Height) -> bool {
        let width = self.until.get().checked_sub(self.from.get());
        width.is_some_and(|width| width <= TRACE_WINDOW_MAX)
            && (self.from..=self.until).contains(&height)
    }
}

/// The consortium CA's word that whoever holds a key is certified with a role. Names nobody: an
/// author gets many, and uses each once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct AuthorPass {
    /// The author's key for one append.
    #[serde(with = "fixed::Hex::<VerifyingKey>")]
    pub key: VerifyingKey,
    /// The author's role.
    pub role: Role,
    /// First moment of validity.
    pub valid_from: TimeMs,
    /// First moment after validity.
    pub valid_until: TimeMs,
    /// By the consortium's CA, over chain and all above.
    #[serde(with = "fixed::Hex::<Signature>")]
    pub signature: Signature,
}
canonical!(AuthorPass {
    key,
    role,
    valid_from,
    valid_until,
    signature
});

impl AuthorPass {
    /// Issues a pass, by the consortium's CA.
    #[must_use]
    pub fn issue(
        chain: ChainId,
        key: VerifyingKey,
        role: Role,
        valid_from: TimeMs,
        valid_until: TimeMs,
        ca: &SigningKey,
    ) -> Self {
        let message = Self::message(chain, &key, role, valid_from, valid_until);
        Self {
            key,
            role,
            valid_from,
            valid_until,
            signature: ca.sign(label::PASS_SIGNATURE, &[&message]),
        }
    }

    fn message(
        chain: ChainId,
        key: &VerifyingKey,
        role: Role,
        valid_from: TimeMs,
        valid_until: TimeMs,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        key.encode(&mut message);
        role.encode(&mut message);
        valid_from.encode(&mut message);
        valid_until.encode(&mut message);
        message
    }

    /// Whether `ca` issued it for this chain, for no longer than allowed.
    ///
    /// # Errors
    /// [`Refusal::PassInvalid`].
    pub fn verify(&self, chain: ChainId, ca: &VerifyingKey) -> Result<(), Refusal> {
        const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
        let span = self.valid_until.get().checked_sub(self.valid_from.get());
        if span.is_none_or(|span| span > PASS_DAYS_MAX * DAY_MS) {
            return Err(Refusal::PassInvalid);
        }
        let Self {
            key,
            role,
            valid_from,
            valid_until,
            signature,
        } = self;
        let message = Self::message(chain, key, *role, *valid_from, *valid_until);
        ca.verify(label::PASS_SIGNATURE, &[&message], signature)
            .map_err(|_| Refusal::PassInvalid)
    }

    /// Whether it is valid at `moment`.
    ///
    /// # Errors
    /// [`Refusal::PassExpired`].
    pub fn check_time(&self, moment: TimeMs) -> Result<(), Refusal> {
        if (self.valid_from..self.valid_until).contains(&moment) {
            Ok(())
        } else {
            Err(Refusal::PassExpired)
        }
    }
}

/// One pack's part of an append: 68 bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct TracePush {
    /// The pack's trace.
    pub trace: TraceId,
    /// How long the trace is before this.
    pub length: u32,
    /// The event's key under the trace's mask.
    #[serde(with = "fixed::Hex::<MaskedKey>")]
    pub key: MaskedKey,
}
canonical!(TracePush { trace, length, key });

/// Everything that an append means.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct TraceTerms {
    /// Who appends. The transaction is signed with its key.
    pub pass: AuthorPass,
    /// What it does to the traces.
    pub action: TraceAction,
    /// When it may be executed.
    pub window: HeightWindow,
    /// The packs.
    pub pushes: List<TracePush, TRACE_PUSHES_MAX>,
    /// The sealed event, the same for all of them.
    pub event: Blob<TRACE_EVENT_MAX>,
    /// The prescription that a dispensing uses up, see [`prescription_tag`].
    pub prescription: Option<TreeHash>,
}
canonical!(TraceTerms {
    pass,
    action,
    window,
    pushes,
    event,
    prescription
});

impl TraceTerms {
    /// What the proof of knowledge is bound to.
    #[must_use]
    pub fn context(&self, chain: ChainId) -> [u8; 32] {
        hash(label::TRACE_CONTEXT, &[chain.as_bytes(), &self.to_vec()])
    }
}

/// An append: terms and proof.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct TraceAppend {
    /// What is meant.
    pub terms: TraceTerms,
    /// Knowledge of the key of every pack, in the order of the pushes.
    pub proof: Blob<TRACE_PROOF_MAX>,
}
canonical!(TraceAppend { terms, proof });

/// What an event is sealed with: it opens in the append it was made for only.
#[must_use]
pub fn associated(chain: ChainId, pass: &VerifyingKey, action: TraceAction) -> Vec<u8> {
    let mut associated = chain.to_vec();
    pass.encode(&mut associated);
    action.encode(&mut associated);
    associated
}

/// Where a trace stands; in the provable state, under its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TraceHead {
    /// Its items.
    pub length: u32,
    /// Those of them that came after it was closed.
    pub late: u32,
    /// Whether it is closed, and how.
    pub state: TraceState,
    /// Links all of its items, see [`TraceHead::link`].
    pub link: TreeHash,
}
canonical!(TraceHead {
    length,
    late,
    state,
    link
});

impl TraceHead {
    /// The link of an empty trace.
    pub const EMPTY: TreeHash = TreeHash::from_bytes([0; 32]);

    /// The link after `item`.
    #[must_use]
    pub fn link(before: TreeHash, item: &TraceItem) -> TreeHash {
        let parts: [&[u8]; 2] = [before.as_bytes(), &item.to_vec()];
        TreeHash::from_bytes(hash(label::TRACE_LINK, &parts))
    }
}

/// One pack's part of an append, as the chain keeps it: 65 bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct TraceItem {
    /// What it shares with the other packs of its append, see [`TraceShared::id`].
    pub shared: TreeHash,
    /// The event's key under the trace's mask.
    #[serde(with = "fixed::Hex::<MaskedKey>")]
    pub key: MaskedKey,
    /// Whether the trace was closed to it: an alarm, not an entry.
    pub late: bool,
}

impl Encode for TraceItem {
    fn encode(&self, out: &mut Vec<u8>) {
        self.shared.encode(out);
        self.key.encode(out);
        out.push(u8::from(self.late));
    }
}

impl Decode for TraceItem {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            shared: Decode::decode(input)?,
            key: Decode::decode(input)?,
            late: match u8::decode(input)? {
                0 => false,
                1 => true,
                tag => return Err(DecodeError::UnknownTag { what: "late", tag }),
            },
        })
    }
}

/// What the packs of one append share.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct TraceShared {
    /// Who appended.
    pub pass: AuthorPass,
    /// What it did.
    pub action: TraceAction,
    /// The sealed event.
    pub event: Blob<TRACE_EVENT_MAX>,
    /// The block that holds it.
    pub admitted: Admitted,
}
canonical!(TraceShared {
    pass,
    action,
    event,
    admitted
});

impl TraceShared {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> TreeHash {
        TreeHash::from_bytes(hash(label::TRACE_SHARED, &[&self.to_vec()]))
    }

    /// The digest of the sealed event.
    #[must_use]
    pub fn digest(&self) -> EventDigest {
        EventDigest::of(self.event.as_slice())
    }
}

/// An item of a trace with what it shares.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct TraceEntry {
    /// The item.
    pub item: TraceItem,
    /// What it shares.
    pub shared: TraceShared,
}

/// An event under its author's certified signature: what is sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthoredEvent {
    author: CertificateId,
    signed_at: TimeMs,
    signature: Signature,
    event: Zeroizing<Vec<u8>>,
}

impl AuthoredEvent {
    /// Signs an EPCIS `event` for the append that is made with `pass`.
    #[must_use]
    pub fn sign(
        author: CertificateId,
        key: &SigningKey,
        chain: ChainId,
        pass: &VerifyingKey,
        action: TraceAction,
        signed_at: TimeMs,
        event: Vec<u8>,
    ) -> Self {
        let statement = Self::statement(author, chain, pass, action, signed_at);
        Self {
            author,
            signed_at,
            signature: key.sign(label::TRACE_SIGNATURE, &[&statement, &event]),
            event: Zeroizing::new(event),
        }
    }

    fn statement(
        author: CertificateId,
        chain: ChainId,
        pass: &VerifyingKey,
        action: TraceAction,
        signed_at: TimeMs,
    ) -> Vec<u8> {
        let mut statement = associated(chain, pass, action);
        author.encode(&mut statement);
        signed_at.encode(&mut statement);
        statement
    }

    /// The certificate of the one who signed.
    #[must_use]
    pub const fn author(&self) -> CertificateId {
        self.author
    }

    /// When, by the author's clock.
    #[must_use]
    pub const fn signed_at(&self) -> TimeMs {
        self.signed_at
    }

    /// The event as it was signed, whoever signed it: what [`AuthoredEvent::verify`] says is what
    /// counts.
    #[must_use]
    pub fn event(&self) -> &[u8] {
        &self.event
    }

    /// Whether `author` signed it, for the append `shared`, with the role of its pass,
    /// in good standing when it was signed and when it came onto the chain.
    ///
    /// # Errors
    /// [`Refusal`] names the first rule that is broken.
    pub fn verify(
        &self,
        author: &CertifiedPerson,
        chain: ChainId,
        shared: &TraceShared,
    ) -> Result<(), Refusal> {
        let TraceShared { pass, action, .. } = shared;
        let certificate = author.certificate();
        if certificate.id() != self.author {
            return Err(Refusal::CertificateUnknown);
        }
        let statement = Self::statement(self.author, chain, &pass.key, *action, self.signed_at);
        certificate
            .signing
            .verify(
                label::TRACE_SIGNATURE,
                &[&statement, &self.event],
                &self.signature,
            )
            .map_err(|_| Refusal::BadSignature)?;
        if certificate.role != pass.role || !action.is_open_to(certificate.role) {
            return Err(Refusal::RoleNotAllowed);
        }
        // A date ahead of the block that holds it is a lie about the time.
        if self.signed_at > shared.admitted.time.plus_ms(CLOCK_SKEW_MS) {
            return Err(Refusal::StaleRequest);
        }
        for moment in [self.signed_at, shared.admitted.time] {
            author.standing(moment)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for AuthoredEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuthoredEvent({} bytes)", self.event.len())
    }
}

impl Encode for AuthoredEvent {
    fn encode(&self, out: &mut Vec<u8>) {
        self.author.encode(out);
        self.signed_at.encode(out);
        self.signature.encode(out);
        (self.event.len() as u32).encode(out);
        out.extend_from_slice(&self.event);
    }
}

impl Decode for AuthoredEvent {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            author: Decode::decode(input)?,
            signed_at: Decode::decode(input)?,
            signature: Decode::decode(input)?,
            event: Zeroizing::new(Blob::<TRACE_EVENT_MAX>::decode(input)?.into_vec()),
        })
    }
}

/// The tag under which the `item` of a prescription is used up. `salt` is known to the record's
/// readers only, so the tag tells nobody else which record or patient it is of.
#[must_use]
pub fn prescription_tag(salt: &[u8; 32], item: &str) -> TreeHash {
    let parts: [&[u8]; 2] = [salt, item.as_bytes()];
    TreeHash::from_bytes(hash(label::PRESCRIPTION_USE, &parts))
}
