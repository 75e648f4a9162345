//! The people's side of Yilian in a browser.
//!
//! A page never imports this: a Web Worker does (`web/pages/src/wallet/worker.ts`, and those of
//! `me` and `clinic` beside it), for hooks of the page that ask it. A panic ends the module for
//! good, as there is nothing to unwind, so whoever made the worker makes it again. Every answer was
//! verified here; the page shows it and believes no node.
//!
//! It is built four times, with a feature each, so that nobody loads what he does not need, and so
//! that keys and what strangers wrote on packs are not read in one memory:
//!
//! | feature | exports | for |
//! |---|---|---|
//! | `chain` | [`chain::LightClient`] | what everybody may ask: blocks, members, packs |
//! | `patient` | [`patient::PatientClient`] | a patient's device: keys and plaintext |
//! | `clinician` | [`clinician::ClinicianClient`] | a clinician's device: the same |
//! | `author` | [`author::split_note`] | what a clinician writes, as FHIR: no keys |
//!
//! What crosses to JavaScript are views and [`trouble`]; TypeScript gets their types from these
//! declarations. Numbers are whole and below 2^53: heights, counts, milliseconds since 1970.

#[cfg(feature = "chain")]
pub mod act;
#[cfg(feature = "author")]
pub mod author;
#[cfg(feature = "chain")]
pub mod chain;
#[cfg(feature = "clinician")]
pub mod clinician;
#[cfg(any(feature = "patient", feature = "clinician"))]
pub mod device;
#[cfg(feature = "chain")]
pub mod find;
#[cfg(any(feature = "patient", feature = "clinician"))]
pub mod opened;
#[cfg(feature = "patient")]
pub mod patient;
#[cfg(any(feature = "patient", feature = "clinician"))]
pub mod people;
pub mod shared;
#[cfg(feature = "chain")]
pub mod trail;
pub mod trouble;
#[cfg(feature = "chain")]
pub mod view;
#[cfg(any(feature = "author", feature = "clinician"))]
pub mod written;
