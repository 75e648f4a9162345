//! What can be wrong with the input of this crate.

use crate::fhir::Issue;

/// A refusal. No variant carries values of the record, only where the fault is and of what kind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input exceeds [`crate::fhir::BYTES_MAX`] (or a bulk limit). Split it and retry.
    #[error("input is larger than {max} bytes")]
    TooLarge {
        /// Largest accepted size, in bytes.
        max: u64,
    },
    /// The input ends inside a value. Its sender or a copy cut it off; fetch it again.
    #[error("the JSON text is cut off at line {line}, column {column}")]
    Truncated {
        /// Line of the end, from 1.
        line: u64,
        /// Column of the end in characters, from 1.
        column: u64,
    },
    /// The input is not JSON (RFC 8259). Its sender is at fault.
    #[error("not JSON at line {line}, column {column}: {reason}")]
    Syntax {
        /// Line, from 1.
        line: u64,
        /// Column in characters, from 1.
        column: u64,
        /// The grammar's rule that is broken.
        reason: String,
    },
    /// An object has a member twice: two readers could see two records. Its sender is at fault.
    #[error("an object has the same member twice at line {line}, column {column}")]
    DuplicateKey {
        /// Line behind the second name, from 1.
        line: u64,
        /// Column behind the second name in characters, from 1.
        column: u64,
    },
    /// Objects and arrays are nested deeper than [`crate::fhir::DEPTH_MAX`].
    #[error("nested deeper than {max} levels at line {line}, column {column}")]
    TooDeep {
        /// Deepest accepted level.
        max: u32,
        /// Line, from 1; 0 for a value that was never text.
        line: u64,
        /// Column in characters, from 1.
        column: u64,
    },
    /// More JSON values than [`crate::fhir::VALUES_MAX`]. Split the input and retry.
    #[error("more than {max} JSON values")]
    TooManyValues {
        /// Largest accepted count.
        max: usize,
    },
    /// A number is outside what readers can be expected to hold (more than 100 digits, or 1e99).
    #[error("a number at line {line}, column {column} is too long or too large")]
    Number {
        /// Line, from 1.
        line: u64,
        /// Column in characters, from 1.
        column: u64,
    },
    /// The JSON value is not an object with a string `resourceType`.
    #[error("not a FHIR resource: no object with a resourceType")]
    NotAResource,
    /// The resource type is not one of FHIR R4.
    #[error("not a resource type of FHIR R4")]
    UnknownResourceType,
    /// A Bundle was expected and another resource came.
    #[error("a Bundle was expected, a {found} was found")]
    NotABundle {
        /// The resource's type.
        found: crate::fhir::ResourceType,
    },
    /// The bundle or file holds more than [`crate::fhir::ENTRIES_MAX`] resources. Split it and
    /// retry.
    #[error("more than {max} resources")]
    TooManyEntries {
        /// Largest accepted count.
        max: usize,
    },
    /// The resources break FHIR R4. Their sender is at fault; `issues` says where.
    #[error("{total} faults against FHIR R4, the first: {}", first(issues))]
    Invalid {
        /// The first faults, at most [`crate::fhir::ISSUES_MAX`]; never empty.
        issues: Vec<Issue>,
        /// How many there are in all.
        total: usize,
    },
    /// A line of a bulk file is refused.
    #[error("line {line}: {source}")]
    Line {
        /// Line of the file, from 1.
        line: u64,
        /// Why.
        source: Box<Error>,
    },
    /// A bulk file could not be read or decompressed.
    #[error("reading failed")]
    Io(#[from] std::io::Error),
    /// The table of definitions inside this program is damaged: a fault of the build.
    #[error("the embedded FHIR definitions are damaged: {0}")]
    Definitions(#[from] crate::fhir::TableFault),
}

fn first(issues: &[Issue]) -> String {
    issues.first().map(Issue::to_string).unwrap_or_default()
}
