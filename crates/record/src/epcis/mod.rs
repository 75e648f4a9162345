//! EPCIS 2.0 events in JSON-LD: what happened to medicines, when, where and why.
//!
//! From GS1 EPCIS 2.0 (section 7, and 10 for the JSON-LD binding), CBV 2.0 (section 7) and the GS1
//! Web Vocabulary for sensors.
//!
//! [`Document::parse`] reads captures (`EPCISDocument`), answers (`EPCISQueryDocument`) and single
//! events. It holds them to the standard's schema *and* to what the schema does not say: words of
//! the Core Business Vocabulary, identifiers to the check digit, dates that exist, prefixes that
//! are declared.
//!
//! # Not promised
//! `@context` is not fetched: its declarations are read for prefixes, and one of EPCIS's own
//! addresses must stand in it. Master data in the header is kept and not looked at. XML and
//! subscriptions are not read.

mod check;
mod document;
mod epc;
mod event;
mod query;
mod rules;
mod shape;
mod vocabulary;

pub use check::{Fault, FaultKind};
pub use document::Document;
pub use epc::Epc;
pub use event::{Action, Correction, Event, EventBuilder, EventType, Reading};
pub use query::Query;
pub use vocabulary::List;

/// Largest document, in bytes.
pub const BYTES_MAX: usize = 16 << 20;
/// Most events of a document.
pub const EVENTS_MAX: usize = 10_000;
/// Longest `@context`, in bytes of JSON: it goes with each event.
pub const CONTEXT_BYTES_MAX: usize = 16 << 10;
/// Most faults that are told one by one.
pub const FAULTS_MAX: usize = 100;

/// Why a text is no EPCIS document or query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not JSON, or too large.
    #[error(transparent)]
    Json(#[from] crate::Error),
    /// XML, the standard's other form.
    #[error("the document is XML; EPCIS 2.0 is read as JSON-LD: have it exported so")]
    Xml,
    /// JSON, but not as the standard says.
    #[error("{} fault(s), first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Faults(Vec<Fault>),
}
