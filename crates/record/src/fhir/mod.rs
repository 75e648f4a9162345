//! FHIR R4 (4.0.1) in JSON: strict reading, and checking against the definitions of the standard.
//!
//! From HL7 FHIR R4, <https://hl7.org/fhir/R4/> (CC0): sections *Resource Formats / JSON* for the
//! text, *Data Types* for formats, the StructureDefinitions of all resources and types for the
//! rest. They are embedded as a table (`r4.table`) which `cargo xtask fhir` makes from the
//! published definitions; nothing of it is typed by hand.
//!
//! The way of a record: bytes -> [`Bundle::check`] (limits, JSON, resource types, everything
//! below); [`crate::submission`] takes what is no bundle, too.
//!
//! # What is an error, what is a warning
//! An error is:
//! - an unknown field, missing or too many values, a wrong JSON type, two variants of a choice, a
//!   type that the choice does not offer;
//! - a primitive against its format (calendar days must exist), an empty value;
//! - a code outside a *required* value set which the standard lists in full;
//! - `ele-1`, `ext-1`, `dom-2`, `bdl-1` to `bdl-5`, `bdl-7` to `bdl-12`;
//! - narrative that is no XHTML or holds more than `txt-1` and `txt-2` allow;
//! - `#id` without such a contained resource; in a bundle `urn:uuid:` and `urn:oid:` found neither
//!   there nor among the known;
//! - a reference which is no reference, or to a type that is not allowed there.
//!
//! A warning is:
//! - `Patient/1`, `Patient?identifier=..` or a URL, of single resources a `urn:` too, found neither
//!   in the bundle nor among the known: it may exist on its server;
//! - a modifier extension or `implicitRules` (they can turn the meaning round; we know none), a
//!   control character in a text;
//! - a Bundle inside a Bundle: its references are not followed.
//!
//! # Not promised
//! Profiles, FHIRPath invariants other than those named, extensible and preferred bindings, value
//! sets whose codes the standard does not list (UCUM, MIME types, currencies, one of LOINC), and
//! targets of `canonical` are not checked.

mod bulk;
mod bundle;
mod definitions;
mod directory;
mod envelope;
mod issue;
pub(crate) mod json;
mod narrative;
mod primitive;
mod reference;
mod resource;
mod validate;
mod written;

pub use bulk::{Bulk, BulkReader};
pub use bundle::{Bundle, Entry};
pub use definitions::TableFault;
pub use directory::{Directory, Listed};
pub use envelope::Envelope;
pub use issue::{Issue, IssueKind, Report, Severity, operation_outcome};
pub use reference::{Reference, Resolver};
pub use resource::{Resource, ResourceType};
pub use written::pretty;

pub(crate) use envelope::{Bare, SUBMITTED};
pub(crate) use reference::{identifiers, urls};
pub(crate) use written::{items, members, minify};

/// Largest JSON text, in bytes: some ten times the largest patient bundle seen.
pub const BYTES_MAX: u64 = 64 << 20;

/// Deepest nesting of objects and arrays. R4 itself needs about 20; questionnaires nest further.
pub const DEPTH_MAX: u32 = 64;

/// Deepest nesting of a resource alone: in a bundle it stands three levels deeper.
pub const RESOURCE_DEPTH_MAX: u32 = DEPTH_MAX - 3;

/// Most JSON values (numbers, strings, objects, ..) in one text: they cost more memory than their
/// text.
pub const VALUES_MAX: usize = 4_000_000;

/// Most entries of a bundle.
pub const ENTRIES_MAX: usize = 100_000;

/// Most faults, and most warnings, that are told one by one.
pub const ISSUES_MAX: usize = 10_000;
