//! The people's side of Yilian: whoever holds a key or reads plaintext acts through here.
//!
//! [`Patient`] owns the records: checks in, lists, opens, shares once, grants, revokes. [`Doctor`]
//! writes them and reads what patients open. [`note`] makes FHIR of what they write by hand,
//! [`drafts`] of FHIR what they seal, and [`sealing`] remembers what was. [`keys_file`] hands them
//! their keys. [`ConsortiumCa`] and [`MemberCa`] say who is who; [`people`]
//! finds them by name, and [`names`] says what a name is. [`grants`] decides what patients leave
//! open, [`listing`] tells what they are shown, [`mail`] what they write to each other.
//! [`trace::Handler`] makes, carries and dispenses medicines; [`trace::inspect`] reads their trail,
//! [`queue`] brings in what was captured offline. [`regulator::Regulator`] opens identities, with
//! others. [`explorer`] looks things up on the chain, for whoever asks.
//! All speak to a node through a [`Session`], which pins the chain and verifies every receipt.

#![forbid(unsafe_code)]

mod authority;
pub mod calendar;
mod doctor;
pub mod drafts;
mod error;
pub mod explorer;
pub mod grants;
#[cfg(feature = "http")]
mod http;
pub mod keys_file;
pub mod listing;
pub mod mail;
pub mod names;
pub mod note;
mod patient;
pub mod people;
pub mod private_chain;
pub mod queue;
pub mod regulator;
pub mod sealing;
mod search;
mod session;
mod share;
pub mod trace;
mod wallet;

pub use authority::{CERTIFICATE_DAYS, ConsortiumCa, MemberCa, PASS_DAYS, PASSES, passes_end};
pub use doctor::{Doctor, Draft, ReadWish, Reading, SealedVisit, WriterNotes};
pub use error::ClientError;
#[cfg(feature = "http")]
pub use http::HttpTransport;
#[cfg(all(feature = "http", not(target_family = "wasm")))]
pub use http::node_url;
pub use patient::{
    CheckIn, GrantRequest, Granted, Inbox, JudgedRecord, OpenedRecord, PassedOver, Patient,
    Sharing, Unanswered,
};
pub use search::{
    Blame, Checked, FalseEntry, FalsePointer, Hit, Hits, SearchLetter, SearchPart, SearchRequest,
};
pub use session::Session;
pub use share::{Letter, LetterRecord, SealedLetter, Share};
pub use wallet::{GrantNote, KeepWallet, PendingGrant, Recovered, StampAsks, VisitNote, Wallet};
pub use yilian_crypto::search::Keyword;
pub use yilian_record::keyword::LeftOut;
