//! What Yilian's parties say to each other: ids, transactions, tokens, sealed objects, proofs,
//! limits, and the one canonical encoding of all.
//!
//! Nothing here does I/O or keeps state; it compiles to WebAssembly. Read [`codec`] for the
//! encoding, [`tx`] for what can happen on the chain, [`sealed`] and [`authored`] for what a record
//! looks like on its way, [`call`] for what can be asked of a node.

#![forbid(unsafe_code)]

pub mod authored;
pub mod block;
pub mod call;
pub mod codec;
pub mod disclosure;
pub mod evidence;
pub mod finality;
pub mod fixed;
pub mod governance;
pub mod grant;
pub mod ids;
pub mod inclusion;
pub mod letter;
pub mod limits;
pub mod mail;
pub mod mailbox;
pub mod media;
pub mod private_chain;
pub mod receipt;
pub mod refusal;
pub mod registry;
pub mod schema;
pub mod sealed;
pub mod search;
pub mod stamp;
pub mod standing;
pub mod state;
pub mod trace;
pub mod tx;
pub mod visit;
pub mod voucher;

pub use ids::{
    BlockId, CertificateId, ChainId, Cid, DisclosureId, GrantId, Height, MailId, MemberId,
    PersonId, RecordId, RequestId, StateKey, TimeMs, TraceId, TransactionId, TreeHash,
};
pub use yilian_crypto::scope::{Confidentiality, Quarter, Scope};
