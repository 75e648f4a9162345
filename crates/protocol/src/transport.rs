//! The one joint between clients and nodes: requests, responses, and whoever carries them.
//!
//! A [`Transport`] inside the process hands a request to the node's service; the one over HTTP maps each request to a route. Both answer with the same
//! values and the same errors, so one machine and many nodes run the same path.

use yilian_crypto::{
    pre::{GtReencapsulation, LvReencapsulation, Reencapsulation, Rekey, ScopeKey},
    pseudonym::Nym,
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{
    block::Header,
    codec::{Blob, DecodeError, Encode, List, canonical},
    fixed,
    grant::{GrantEntry, HolderAsk, SealedDeposit, SignedPartial, Use, UsesRequest},
    ids::{
        CertificateId, ChainId, GrantId, Height, MemberId, RecordId, StateKey, TraceId,
        TransactionId, TreeHash,
    },
    limits::{CROSSINGS_MAX, FINALITY_MAX, OBJECT_MAX, PROOFS_MAX, RECORDS_MAX, TRANSACTION_MAX},
    log::{LogBlock, LogCheck, LogHeader, LogInclusion, OpenEntries},
    receipt::Receipt,
    refusal::{Outcome, Refusal},
    registry::{Admitted, CertificateEntry, Genesis, MemberEntry},
    sealed::{SealedObject, SealedRecord},
    search::{Crossing, Found, LookupRequest, Pointers, RecordIndex, Searches},
    state::proof::ProvenState,
    trace::TraceEntry,
    tx::{Body, SealVisit, Transaction},
};

/// Carries a request to a node and its answer back.
#[allow(
    async_fn_in_trait,
    reason = "clients await it in place; a browser's futures are not Send"
)]
pub trait Transport {
    /// Sends `request` and waits for the answer.
    ///
    /// # Errors
    /// [`CallError`]: the node's refusal, or why it could not be reached.
    async fn call(&self, request: Request) -> Result<Response, CallError>;
}

impl<T: Transport> Transport for &T {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        (**self).call(request).await
    }
}

/// What can be asked of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "made once for each call and taken apart at once"
)]
pub enum Request {
    /// The node's chain and how far it is.
    Status,
    /// Puts a transaction onto the chain and waits until it is final.
    Submit(Transaction),
    /// Stores a visit's sealed objects and puts their records onto the chain in the hospital's name.
    Seal(SealRequest),
    /// The receipt of a final transaction.
    Receipt(TransactionId),
    /// What stands at some keys of the state, with the proof of it.
    Prove(List<StateKey, PROOFS_MAX>),
    /// A block.
    Block(Height),
    /// The members, from the given place on.
    Members(u32),
    /// The certificates of a member, from the given place on.
    Certificates(MemberId, u32),
    /// A certificate's entry in the registry.
    Certificate(CertificateId),
    /// The records of a visit, from the given place on.
    Visit(Nym, u32),
    /// A record's entry on the chain.
    Record(RecordId),
    /// A record's sealed object.
    Object(RecordId),
    /// A record's index entries.
    Index(RecordId),
    /// What stands at some addresses of an index.
    Lookup(LookupRequest),
    /// The records that some trapdoors find.
    Search(Searches),
    /// Whether records have the keywords of some cross tags.
    Cross(List<Crossing, CROSSINGS_MAX>),
    /// The entries of a trace, from the given place on.
    Trace(TraceId, u32),
    /// Re-encapsulates a record for a reader, once; the node keeps nothing of it.
    Reencapsulate(OneShot),
    /// Gives a key holder its shares of a grant's rekeys; passed on to it if need be.
    Deposit(SealedDeposit),
    /// A grant's entry on the chain.
    Grant(GrantId),
    /// Asks a key holder for a record under a standing grant; passed on to it if need be.
    Ask(HolderAsk),
    /// Asks a key holder how a grant was used; by the patient, passed on if need be.
    Uses(UsesRequest),
    /// How far a hospital's private chain is.
    LogHead(MemberId),
    /// A block of a hospital's private chain.
    LogBlock(MemberId, Height),
    /// The entries of a hospital's private chain that are in no block yet.
    LogOpen(MemberId),
    /// Closes a block over entries that another workstation checked.
    LogCheck(LogCheck),
    /// The proof that an entry stands in a hospital's private chain of a size: hospital, entry, size.
    LogInclusion(MemberId, u64, u64),
}

/// What a node answers; the variant follows from the request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "made once for each call and taken apart at once"
)]
pub enum Response {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Submit`] and [`Request::Receipt`].
    Receipt(Receipt),
    /// To [`Request::Seal`].
    Sealed(SealReceipt),
    /// To [`Request::Prove`].
    Proven(ProvenState),
    /// To [`Request::Block`].
    Block(Block),
    /// To [`Request::Members`].
    Members(Page<MemberEntry>),
    /// To [`Request::Certificates`].
    Certificates(Page<CertificateEntry>),
    /// To [`Request::Certificate`].
    Certificate(CertificateEntry),
    /// To [`Request::Visit`].
    Visit(Page<RecordEntry>),
    /// To [`Request::Record`].
    Record(RecordEntry),
    /// To [`Request::Object`]: the bytes of a sealed object.
    Object(Vec<u8>),
    /// To [`Request::Index`].
    Index(RecordIndex),
    /// To [`Request::Lookup`].
    Pointers(Pointers),
    /// To [`Request::Search`]: one for each trapdoor.
    Found(Vec<Found>),
    /// To [`Request::Cross`]: one for each tag.
    Crossed(Vec<bool>),
    /// To [`Request::Trace`].
    Trace(Page<TraceEntry>),
    /// To [`Request::Reencapsulate`].
    Reencapsulated(Reencapsulated),
    /// To [`Request::Ask`].
    Partial(SignedPartial),
    /// To [`Request::Uses`].
    Uses(Page<Use>),
    /// To [`Request::LogHead`].
    LogHead(LogHead),
    /// To [`Request::LogBlock`] and [`Request::LogCheck`].
    LogBlock(LogBlock),
    /// To [`Request::LogOpen`].
    LogOpen(OpenEntries),
    /// To [`Request::LogInclusion`].
    LogInclusion(LogInclusion),
    /// To [`Request::Deposit`].
    Deposited,
    /// To [`Request::Grant`].
    Grant(GrantEntry),
}

/// How far a hospital's private chain is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogHead {
    /// How many entries it has, those of no block yet included.
    pub size: u64,
    /// The latest block's header.
    pub latest: Option<LogHeader>,
}

/// A node's chain and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Status {
    /// The node's version.
    pub version: String,
    /// The chain.
    pub chain: ChainId,
    /// What the chain began with. Clients pin it, and do not take it from a node twice.
    pub genesis: Genesis,
    /// The latest final block.
    pub latest: Admitted,
    /// Transactions waiting to be put into a block.
    pub waiting: u64,
    /// Sealed objects stored here.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
}

/// A block, with its transactions taken apart.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Block {
    /// Its id.
    pub id: crate::ids::BlockId,
    /// Its header.
    pub header: Header,
    /// The validators' certificate; none for the genesis.
    pub finality: Blob<FINALITY_MAX>,
    /// Its transactions, in order.
    pub transactions: Vec<BlockTransaction>,
}

/// A transaction in a block.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BlockTransaction {
    /// Its id.
    pub id: TransactionId,
    /// What it does.
    pub body: Body,
    /// Who signed it.
    #[serde(with = "fixed")]
    pub signer: VerifyingKey,
    /// What became of it.
    pub outcome: Outcome,
}

/// Part of a listing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Page<T> {
    /// The entries, in the order in which they came onto the chain.
    pub entries: Vec<T>,
    /// How many there are in all.
    pub total: u32,
}

/// What the chain knows of a record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordEntry {
    /// The record and its capsule.
    pub sealed: SealedRecord,
    /// The visit's pseudonym.
    #[serde(with = "fixed")]
    pub nym: Nym,
    /// The hospital that sealed it.
    pub hospital: MemberId,
    /// The digest of its index entries, see [`RecordIndex::digest`].
    pub index: TreeHash,
    /// The block that holds it.
    pub admitted: Admitted,
}
canonical!(RecordEntry {
    sealed,
    nym,
    hospital,
    index,
    admitted
});

/// A visit's records on the way from a doctor to the hospital's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealRequest {
    /// What shall stand on the chain.
    pub visit: SealVisit,
    /// The doctor who asks.
    pub author: CertificateId,
    /// By the doctor's certified key, over visit and author.
    pub signature: Signature,
    /// The sealed objects, in the order of the visit's records.
    pub objects: List<Blob<OBJECT_MAX>, RECORDS_MAX>,
}
canonical!(SealRequest {
    visit,
    author,
    signature,
    objects
});

/// A member's records on the way from its node to a hub: the node has signed already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// The signed transaction that seals the records.
    pub transaction: Blob<TRANSACTION_MAX>,
    /// The sealed objects, in the order of the transaction's records.
    pub objects: List<Blob<OBJECT_MAX>, RECORDS_MAX>,
}
canonical!(Relay {
    transaction,
    objects
});

impl SealRequest {
    /// Signs a request to put `objects`, with the index of each, of the visit `nym` onto `chain`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] when there are more than [`RECORDS_MAX`].
    pub fn sign(
        chain: ChainId,
        hospital: MemberId,
        nym: Nym,
        objects: Vec<SealedObject>,
        index: Vec<RecordIndex>,
        author: CertificateId,
        key: &SigningKey,
    ) -> Result<Self, DecodeError> {
        let records = List::new(objects.iter().map(SealedRecord::from).collect())?;
        let visit = SealVisit {
            hospital,
            nym,
            records,
            index: List::new(index)?,
        };
        let signature = key.sign(
            yilian_crypto::label::CALL_SIGNATURE,
            &[
                b"seal",
                chain.as_bytes(),
                &visit.to_vec(),
                author.as_bytes(),
            ],
        );
        let objects: Result<Vec<_>, _> = objects
            .into_iter()
            .map(|object| Blob::new(object.into_bytes()))
            .collect();
        Ok(Self {
            visit,
            author,
            signature,
            objects: List::new(objects?)?,
        })
    }

    /// Whether `author` signed it for this chain.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        author: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        Self::verify_parts(chain, &self.visit, self.author, &self.signature, author)
    }

    /// The same, of a request whose parts were kept: what a private chain has as evidence.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify_parts(
        chain: ChainId,
        visit: &SealVisit,
        author: CertificateId,
        signature: &Signature,
        key: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let parts: [&[u8]; 4] = [
            b"seal",
            chain.as_bytes(),
            &visit.to_vec(),
            author.as_bytes(),
        ];
        key.verify(yilian_crypto::label::CALL_SIGNATURE, &parts, signature)
    }
}

/// The hospital's transaction for a [`SealRequest`], and the proof that it is final.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SealReceipt {
    /// The transaction's bytes, signed by the hospital's node.
    pub transaction: Blob<TRANSACTION_MAX>,
    /// Its receipt.
    pub receipt: Receipt,
}

/// One sharing of one record. Names neither patient nor reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneShot {
    /// The record.
    pub record: RecordId,
    /// The scope it is in.
    pub scope: ScopeKey,
    /// From that scope to the reader.
    pub rekey: Rekey,
    /// Which form the answer shall have.
    pub form: Form,
}
canonical!(OneShot {
    record,
    scope,
    rekey,
    form
});

crate::codec::named_codes! {
    /// The form of a re-encapsulation.
    pub enum Form {
        /// In GT, 288 bytes: the reader needs one exponentiation.
        Gt = 1 "gt",
        /// Libert-Vergnaud, 144 bytes: the node needs no pairing.
        Lv = 2 "lv",
    }
}

/// A record's capsule turned towards a reader.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "form", content = "value", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "short-lived, and sent as bytes")]
pub enum Reencapsulated {
    /// In GT.
    #[serde(with = "fixed")]
    Gt(GtReencapsulation),
    /// In G1 and G2.
    #[serde(with = "fixed")]
    Lv(LvReencapsulation),
}
crate::codec::canonical_choice!(Reencapsulated { 1 => Gt, 2 => Lv });

impl From<Reencapsulated> for Reencapsulation {
    fn from(value: Reencapsulated) -> Self {
        match value {
            Reencapsulated::Gt(gt) => Self::Gt(gt),
            Reencapsulated::Lv(lv) => Self::Lv(lv),
        }
    }
}

/// Why a call gave no answer. In JSON: `{"code": .., "message": .., "remedy": ..}` and the fields below.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CallError {
    /// A rule refuses it; see [`Refusal::remedy`].
    #[error("refused: {rule}")]
    Refused {
        /// The rule.
        rule: Refusal,
    },
    /// The request is not well-formed; the caller's fault.
    #[error("invalid request: {message}")]
    Invalid {
        /// What is wrong with it.
        message: String,
    },
    /// The request is over a limit of the wire.
    #[error("the request is over the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Nothing is there under that name.
    #[error("no such {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The node has all the work it takes; try again.
    #[error("the node is busy; try again in {retry_ms} ms")]
    Busy {
        /// When to try again.
        retry_ms: u64,
    },
    /// The node cannot answer; its operator must look.
    #[error("the node cannot answer: {message}")]
    Unavailable {
        /// What happened.
        message: String,
    },
    /// The node could not be reached, or answered what is no answer.
    #[error("no answer from the node: {message}")]
    Unreachable {
        /// What happened.
        message: String,
    },
}

impl CallError {
    /// That no `what` is there.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::NotFound {
            what: what.to_owned(),
        }
    }
}

impl From<Refusal> for CallError {
    fn from(rule: Refusal) -> Self {
        Self::Refused { rule }
    }
}

impl From<DecodeError> for CallError {
    fn from(error: DecodeError) -> Self {
        Self::Invalid {
            message: error.to_string(),
        }
    }
}
