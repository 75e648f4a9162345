//! What a validation says: where, what, how bad. Never the values themselves, so that an issue may
//! be logged.

use std::fmt;

use super::ISSUES_MAX;
use crate::Error;

/// How bad an issue is; the table is in the head of [`crate::fhir`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The record can be used; a person should know.
    Warning,
    /// The record is refused.
    Error,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueKind {
    /// The type has no such element.
    UnknownField,
    /// An element that must be there is not.
    Missing,
    /// More values than the element takes.
    TooMany {
        /// Most values.
        max: u32,
    },
    /// Another JSON type than the element takes.
    WrongType {
        /// What it takes: `object`, `array`, `string`, `number` or `boolean`.
        expected: &'static str,
    },
    /// The choice (`value[x]`) does not offer this type.
    TypeNotAllowed,
    /// Two variants of one choice.
    ChoiceTwice,
    /// A primitive that breaks the format of its type.
    BadFormat {
        /// The FHIR type, such as `dateTime`.
        format: &'static str,
    },
    /// A code that the required value set does not contain.
    NotInValueSet {
        /// The value set's URL.
        value_set: &'static str,
    },
    /// An empty string, array or object, or `null` where nothing stands for it.
    Empty,
    /// A list of primitives and its `_` list differ in length.
    Misaligned,
    /// No object with a `resourceType`.
    NotAResource,
    /// A `resourceType` that R4 does not have.
    UnknownResourceType,
    /// An invariant of the standard is broken.
    Invariant {
        /// Its key in the standard, such as `ext-1`.
        key: &'static str,
    },
    /// A reference that must resolve here and does not.
    DanglingReference,
    /// A reference to a type which the element does not allow.
    WrongTarget,
    /// A reference of no known form.
    BadReference,
    /// Warning: a reference to something that is not here.
    UnresolvedReference,
    /// Warning: an extension that may change the meaning of its element.
    ModifierExtension,
    /// Warning: references inside a bundle in a bundle are not followed.
    NestedBundle,
}

impl IssueKind {
    /// How bad issues of this kind are.
    pub fn severity(&self) -> Severity {
        match self {
            Self::UnresolvedReference | Self::ModifierExtension | Self::NestedBundle => {
                Severity::Warning
            }
            _ => Severity::Error,
        }
    }
}

impl fmt::Display for IssueKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField => formatter.write_str("unknown field"),
            Self::Missing => formatter.write_str("missing"),
            Self::TooMany { max } => write!(formatter, "more than {max}"),
            Self::WrongType { expected } => write!(formatter, "not of JSON type {expected}"),
            Self::TypeNotAllowed => formatter.write_str("type not allowed for this choice"),
            Self::ChoiceTwice => formatter.write_str("two variants of one choice"),
            Self::BadFormat { format } => write!(formatter, "not a valid {format}"),
            Self::NotInValueSet { value_set } => write!(formatter, "code not in {value_set}"),
            Self::Empty => formatter.write_str("empty"),
            Self::Misaligned => formatter.write_str("differs in length from its other half"),
            Self::NotAResource => formatter.write_str("not a resource"),
            Self::UnknownResourceType => formatter.write_str("not a resource type of R4"),
            Self::Invariant { key } => write!(formatter, "breaks {key}"),
            Self::DanglingReference => formatter.write_str("reference to nothing"),
            Self::WrongTarget => formatter.write_str("reference to a type not allowed here"),
            Self::BadReference => formatter.write_str("not a reference"),
            Self::UnresolvedReference => formatter.write_str("reference to something not here"),
            Self::ModifierExtension => formatter.write_str("has a modifier extension"),
            Self::NestedBundle => formatter.write_str("references inside are not followed"),
        }
    }
}

/// One fault or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// What is wrong.
    pub kind: IssueKind,
    /// `Bundle.entry` in which it is, from 0; `None` for the bundle itself or a resource alone.
    pub entry: Option<usize>,
    /// `Patient/1` where there is an id, else the full URL, else the type.
    pub resource: String,
    /// Where in the resource, like FHIRPath: `Patient.name[0].given[1]`. Names of unknown fields
    /// are cut at 64 characters.
    pub path: String,
}

impl Issue {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entry) = self.entry {
            write!(formatter, "entry {entry}, ")?;
        }
        write!(formatter, "{}: {}: {}", self.resource, self.path, self.kind)
    }
}

/// What is worth knowing about records that were accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The first warnings, at most [`ISSUES_MAX`].
    pub warnings: Vec<Issue>,
    /// How many there are in all.
    pub total: usize,
}

/// Collects issues, and remembers only the first of each severity.
#[derive(Debug, Default)]
pub(super) struct Issues {
    errors: Report,
    warnings: Report,
}

impl Issues {
    /// Counts an issue. `place` tells the rest of it and is asked only while there is room.
    pub(super) fn push(&mut self, kind: IssueKind, place: impl FnOnce(IssueKind) -> Issue) {
        let list = match kind.severity() {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        list.total += 1;
        if list.warnings.len() < ISSUES_MAX {
            list.warnings.push(place(kind));
        }
    }

    pub(super) fn finish(self) -> Result<Report, Error> {
        if self.errors.total == 0 {
            return Ok(self.warnings);
        }
        Err(Error::Invalid {
            issues: self.errors.warnings,
            total: self.errors.total,
        })
    }
}
