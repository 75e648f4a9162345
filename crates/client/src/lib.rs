//! The people's side of Yilian: whoever holds a key or reads plaintext acts through here.
//!
//! [`Patient`] owns the records: checks in, lists, opens, shares once, grants, revokes. [`Doctor`] writes them and reads what patients open.
//! [`ConsortiumCa`] and [`MemberCa`] say who is who. [`trace::Handler`] makes, carries and dispenses medicines; [`trace::inspect`] reads their trail. All speak to a node through a [`Session`], which pins the chain and verifies every receipt.

#![forbid(unsafe_code)]

mod authority;
mod doctor;
mod error;
#[cfg(feature = "http")]
mod http;
pub mod log;
mod patient;
mod search;
mod session;
mod share;
pub mod trace;
mod wallet;

pub use authority::{ConsortiumCa, MemberCa};
pub use doctor::{Doctor, Draft, Reading, SealedVisit, WriterNotes};
pub use error::ClientError;
#[cfg(feature = "http")]
pub use http::HttpTransport;
pub use patient::{CheckIn, GrantRequest, Granted, OpenedRecord, Patient};
pub use search::{Hit, SearchLetter, SearchPart, SearchRequest};
pub use session::Session;
pub use share::{Letter, LetterRecord, Share};
pub use wallet::{GrantNote, VisitNote, Wallet};
pub use yilian_crypto::search::Keyword;
