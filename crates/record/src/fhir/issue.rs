//! What a validation says: where, what, how bad. Never the values themselves, so that an issue may
//! be logged.

use std::fmt;

use serde_json::{Value, json};

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
    /// Narrative that `txt-1` does not allow.
    BadNarrative {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Warning: a reference to something that is not here.
    UnresolvedReference,
    /// Warning: an extension that may change the meaning of its element.
    ModifierExtension,
    /// Warning: rules of somebody else under which the resource must be read (`implicitRules`).
    ImplicitRules,
    /// Warning: a character below 32 that is no tab, line feed or carriage return.
    ControlCharacter,
    /// Warning: references inside a bundle in a bundle are not followed.
    NestedBundle,
}

impl IssueKind {
    /// How bad issues of this kind are.
    pub fn severity(&self) -> Severity {
        match self {
            Self::UnresolvedReference
            | Self::ModifierExtension
            | Self::ImplicitRules
            | Self::ControlCharacter
            | Self::NestedBundle => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// What its author can do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownField => "remove it, correct its name, or put it into an extension",
            Self::Missing => "add it, or say why it is absent by an extension",
            Self::TooMany { .. } => "keep as many as the element takes",
            Self::WrongType { .. } => "write it as that JSON type",
            Self::TypeNotAllowed => "use a type that the element offers",
            Self::ChoiceTwice => "keep one of the two",
            Self::BadFormat { .. } => "write it as the type's format says",
            Self::NotInValueSet { .. } => "use a code of that value set",
            Self::Empty => "leave it out, or give it a value",
            Self::Misaligned => "fill the shorter list with null",
            Self::NotAResource => "put an object with a resourceType there",
            Self::UnknownResourceType => "use a resource type of R4 (4.0.1)",
            Self::Invariant { key } => rule(key),
            Self::DanglingReference => "add what it refers to, or give it with --known",
            Self::WrongTarget => "refer to a type that the element allows",
            Self::BadReference => "write Type/id, #id, urn:uuid:.. or a URL",
            Self::BadNarrative { .. } => "leave it out of the narrative",
            Self::UnresolvedReference => "give what it refers to with --known, if it is at hand",
            Self::ModifierExtension => "read what the extension says before relying on the element",
            Self::ImplicitRules => "read the resource under those rules",
            Self::ControlCharacter => "remove the character",
            Self::NestedBundle => "give the inner bundle as a file of its own",
        }
    }

    /// The code of OperationOutcome.issue (value set issue-type).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "required",
            Self::BadFormat { .. } | Self::ControlCharacter | Self::Empty => "value",
            Self::NotInValueSet { .. } => "code-invalid",
            Self::Invariant { .. } | Self::BadNarrative { .. } => "invariant",
            Self::DanglingReference | Self::UnresolvedReference => "not-found",
            Self::ModifierExtension | Self::ImplicitRules => "extension",
            Self::UnknownResourceType | Self::NestedBundle => "not-supported",
            Self::WrongTarget | Self::BadReference => "invalid",
            _ => "structure",
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
            Self::Empty => formatter.write_str("empty (ele-1)"),
            Self::Misaligned => formatter.write_str("differs in length from its other half"),
            Self::NotAResource => formatter.write_str("not a resource"),
            Self::UnknownResourceType => formatter.write_str("not a resource type of R4"),
            Self::Invariant { key } => write!(formatter, "breaks {key}"),
            Self::DanglingReference => formatter.write_str("reference to nothing"),
            Self::WrongTarget => formatter.write_str("reference to a type not allowed here"),
            Self::BadReference => formatter.write_str("not a reference"),
            Self::BadNarrative { reason } => write!(formatter, "breaks txt-1: {reason}"),
            Self::UnresolvedReference => formatter.write_str("reference to something not here"),
            Self::ModifierExtension => formatter.write_str("has a modifier extension"),
            Self::ImplicitRules => formatter.write_str("has rules of its own (implicitRules)"),
            Self::ControlCharacter => formatter.write_str("has a control character"),
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

impl Issue {
    /// As OperationOutcome.issue.
    fn outcome(&self) -> Value {
        let severity = match self.severity() {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let details = format!("{}; {}", self.kind, self.kind.remedy());
        json!({
            "severity": severity,
            "code": self.kind.code(),
            "details": { "text": details },
            "diagnostics": self.to_string(),
            "expression": [self.path],
        })
    }
}

/// What an invariant of the standard asks for.
fn rule(key: &str) -> &'static str {
    match key {
        "ext-1" => "give the extension a value or extensions, and not both",
        "dom-2" => "contain it in the outer resource",
        "bdl-1" => "leave out total, but in a searchset or history",
        "bdl-2" => "leave out search, but in a searchset",
        "bdl-3" => "give each entry of a batch, transaction or history a request, and no other",
        "bdl-4" => "give each entry of a response or history a response, and no other",
        "bdl-5" => "give the entry a resource, a request or a response",
        "bdl-7" => "give each entry a fullUrl of its own, or another meta.versionId",
        "bdl-8" => "leave the version out of fullUrl",
        "bdl-9" => "give the document an identifier with system and value",
        "bdl-10" => "give the document a timestamp",
        "bdl-11" => "put a Composition first",
        "bdl-12" => "put a MessageHeader first",
        _ => "follow that rule of the standard",
    }
}

/// Issues as a FHIR OperationOutcome: severity, code, what and remedy, path.
#[must_use]
pub fn operation_outcome(issues: &[Issue]) -> Value {
    let listed: Vec<Value> = issues.iter().map(Issue::outcome).collect();
    let all_well = || vec![json!({ "severity": "information", "code": "informational" })];
    let listed = if listed.is_empty() {
        all_well()
    } else {
        listed
    };
    json!({ "resourceType": "OperationOutcome", "issue": listed })
}

/// At most [`NAME_MAX`] characters of a name that somebody else chose.
pub(super) fn cut(name: &str) -> &str {
    name.char_indices()
        .nth(NAME_MAX)
        .and_then(|(end, _)| name.get(..end))
        .unwrap_or(name)
}

const NAME_MAX: usize = 64;

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

    /// Adds what another check found.
    pub(super) fn join(&mut self, other: Self) {
        for (list, found) in [
            (&mut self.errors, other.errors),
            (&mut self.warnings, other.warnings),
        ] {
            list.total += found.total;
            let room = ISSUES_MAX.saturating_sub(list.warnings.len());
            list.warnings.extend(found.warnings.into_iter().take(room));
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
