//! FHIR R4 (4.0.1) in JSON: strict reading, and checking against the definitions of the standard.
//!
//! From HL7 FHIR R4, <https://hl7.org/fhir/R4/> (CC0): sections *Resource Formats / JSON* for the
//! text, *Data Types* for formats, the StructureDefinitions of all resources and types for the
//! rest. They are embedded as a table (`r4.table`) which `cargo xtask fhir` makes from the
//! published definitions; nothing of it is typed by hand.
//!
//! The way of a record: bytes -> [`Bundle::parse`] (limits, JSON, resource types) ->
//! [`Bundle::validate`] (everything below).
//!
//! # What is an error, what is a warning
//! | fault | |
//! |---|---|
//! | unknown field, missing or too many values, wrong JSON type, two variants of a choice, a type the choice does not offer | error |
//! | primitive against its format (calendar days must exist), empty values | error |
//! | code outside a *required* value set which the standard lists in full | error |
//! | `ele-1`, `ext-1`, `dom-2`, `bdl-3`, `bdl-7` (a resource twice) | error |
//! | `#id` without such a contained resource; `urn:uuid:` and `urn:oid:` found neither in the bundle nor among the known | error |
//! | a reference which is no reference, or to a type that is not allowed there | error |
//! | `Patient/1`, `Patient?identifier=..` or a URL found neither in the bundle nor among the known: it may exist on its server | warning |
//! | a modifier extension (it can turn the meaning round; we know none), a Bundle inside a Bundle (its references are not followed) | warning |
//!
//! # Not promised
//! Profiles, FHIRPath invariants other than those named, extensible and preferred bindings, value
//! sets whose codes the standard does not list (UCUM, MIME types, currencies, one of LOINC),
//! targets of `canonical`, and well-formedness of narrative XHTML are not checked.

mod bulk;
mod bundle;
mod definitions;
mod directory;
mod issue;
pub(crate) mod json;
mod primitive;
mod reference;
mod resource;
mod validate;

pub use bulk::{Bulk, BulkReader};
pub use bundle::{Bundle, Entry};
pub use definitions::TableFault;
pub use directory::{Directory, Listed};
pub use issue::{Issue, IssueKind, Report, Severity};
pub use resource::{Resource, ResourceType};

/// Largest JSON text, in bytes: some ten times the largest patient bundle seen.
pub const BYTES_MAX: u64 = 64 << 20;

/// Deepest nesting of objects and arrays. R4 itself needs about 20; questionnaires nest further.
pub const DEPTH_MAX: u32 = 64;

/// Most JSON values (numbers, strings, objects, ..) in one text: they cost more memory than their
/// text.
pub const VALUES_MAX: usize = 4_000_000;

/// Most entries of a bundle.
pub const ENTRIES_MAX: usize = 100_000;

/// Most faults, and most warnings, that are told one by one.
pub const ISSUES_MAX: usize = 100;
