//! What can be wrong with the input of this crate.

use std::fmt;

use crate::fhir::Issue;
use crate::media::{MediaType, Unread};

/// Where in a JSON text a fault is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1; 0 for a value that was never text.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// The members and items that lead there, such as `entry[2].resource.subject`; empty for the
    /// whole. Names are cut at 64 characters.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        match self.path.as_str() {
            "" => Ok(()),
            path => write!(f, " ({path})"),
        }
    }
}

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
    #[error("the JSON text is cut off at {at}")]
    Truncated {
        /// Its end.
        at: Place,
    },
    /// The input is not JSON (RFC 8259). Its sender is at fault.
    #[error("not JSON at {at}: {reason}")]
    Syntax {
        /// Where.
        at: Place,
        /// The grammar's rule that is broken.
        reason: String,
    },
    /// An object has a member twice: two readers could see two records (R4, section *JSON*:
    /// "property names SHALL be unique"). Its sender is at fault.
    #[error("an object has the same member twice at {at}")]
    DuplicateKey {
        /// Behind the second name.
        at: Place,
    },
    /// Objects and arrays are nested deeper than [`crate::fhir::DEPTH_MAX`].
    #[error("nested deeper than {max} levels at {at}")]
    TooDeep {
        /// Deepest accepted level.
        max: u32,
        /// Where.
        at: Place,
    },
    /// More JSON values than [`crate::fhir::VALUES_MAX`]. Split the input and retry.
    #[error("more than {max} JSON values")]
    TooManyValues {
        /// Largest accepted count.
        max: usize,
    },
    /// FHIR in JSON was expected. The input is of another kind that records can be of: see
    /// [`crate::whole`].
    #[error("this is {found}, not FHIR in JSON: hand it over as a document of its own")]
    OtherMedia {
        /// What it is.
        found: MediaType,
    },
    /// A document of another kind was expected. FHIR is read, checked and split, see
    /// [`crate::submission`].
    #[error("this is {found}: hand it over as a bundle or resources, which are split by level")]
    IsFhir {
        /// What it is.
        found: MediaType,
    },
    /// The input is of its kind by its first bytes, and breaks the rules of that kind. Its sender
    /// or a copy is at fault.
    #[error("this is {media}, and {what}{}", in_line(*line))]
    Unsound {
        /// What it is.
        media: MediaType,
        /// Where, from 1; 0 for the whole.
        line: u64,
        /// The rule that is broken, as what the document does against it.
        what: &'static str,
    },
    /// The input is of another kind or encoding. Its owner can convert it; see
    /// [`Unread::remedy`].
    #[error("this is {found}: {}", found.remedy())]
    Unread {
        /// What it is.
        found: Unread,
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
    /// A bundle came together with other files. Give it alone.
    #[error("a bundle is given alone, not together with other files")]
    SeveralBundles,
    /// The bundle or file holds more than [`crate::fhir::ENTRIES_MAX`] resources. Split it and
    /// retry.
    #[error("more than {max} resources")]
    TooManyEntries {
        /// Largest accepted count.
        max: usize,
    },
    /// The resources break FHIR R4. Their sender is at fault; `issues` says where.
    #[error("{}", list(issues, *total))]
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

fn in_line(line: u64) -> String {
    match line {
        0 => String::new(),
        line => format!(" (line {line})"),
    }
}

/// Every fault on a line of its own, with its remedy.
fn list(issues: &[Issue], total: usize) -> String {
    let count = match total {
        1 => "1 fault".to_owned(),
        more => format!("{more} faults"),
    };
    let mut text = format!("{count} against FHIR R4:");
    for issue in issues {
        text.push_str(&format!("\n  {issue} ({})", issue.kind.remedy()));
    }
    if total > issues.len() {
        text.push_str(&format!("\n  and {} more", total - issues.len()));
    }
    text
}
