//! Medical records in the clear: reading and checking FHIR R4, and what is made of it before it is
//! sealed.
//!
//! Start at [`fhir`]: bytes become a checked [`fhir::Bundle`] of [`fhir::Resource`]s or a clear
//! error.
//!
//! This crate sees plaintext. The room of the hospital node and the ledger may not link it
//! (docs/ARCHITECTURE.md); nothing here does network I/O or keeps keys.

#![forbid(unsafe_code)]

pub mod document;
pub mod encounter;
pub mod epcis;
pub mod error;
pub mod fhir;
pub mod gs1;
pub mod keyword;
pub mod label;
pub mod media;
pub mod subject;
pub mod submission;
pub mod synthetic;
pub mod terminology;
mod text;
pub mod whole;

pub use error::Error;
