//! Documents of other kinds than FHIR: HL7 CDA, PDF, metadata of DICOM, messages of HL7 v2. Each is
//! sealed as a whole and byte for byte as it was handed over: nobody here can part what in it is
//! more confidential from what is less, and nothing in it is ever shown by running it.
//!
//! | kind | what is checked | what it is found by |
//! |---|---|---|
//! | CDA | XML without a DTD, root and header of CDA R2 | codes and displays of the body |
//! | HL7 v2 | one message, MSH, segments | coded fields of diagnoses, orders, results |
//! | DICOM JSON | tags, value representations, one instance | code sequences, descriptions |
//! | PDF | header, trailer, no password | nothing |
//!
//! # Its level
//! The author states it ([`Whole::part`]). Where he does not, it is sensitive: no program can read
//! a picture of a page. What the document says itself by labels, codes and words raises what he
//! states, and nothing lowers it. A PDF says nothing.
//!
//! # Not promised
//! That a document is valid by the rules of its standard. It is of the kind that is signed with it,
//! and whole.

mod cda;
mod dicom;
mod hl7v2;
mod pdf;
mod xml;

use serde_json::{Value, json};
use yilian_protocol::{Confidentiality, Quarter, media::MediaType};

use crate::{
    Error,
    fhir::{BYTES_MAX, Resource},
    keyword::{Keywords, keywords},
    label::{self, Part},
    media,
    submission::Concern,
};

/// Codes of one document at most: some ten times those of the largest seen.
const CONCEPTS_MAX: usize = 100_000;

/// A document, sound by the rules of its kind as far as they are checked.
#[derive(Debug, Clone)]
pub struct Whole {
    media: MediaType,
    content: Vec<u8>,
    read: Read,
}

/// What could be read of a document.
#[derive(Debug, Clone, Default)]
struct Read {
    /// Codes and displays, none of which names a person.
    concepts: Vec<Concept>,
    /// When the care was given, or the document was written.
    quarter: Option<Quarter>,
    /// Whether labels or words say that it is sensitive; codes are looked at apart.
    sensitive: bool,
}

/// A code of a document, or a text that stands for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Concept {
    about: About,
    system: String,
    code: String,
    display: String,
}

/// What a concept says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum About {
    Diagnosis,
    Act,
    #[default]
    Rest,
}

/// What in a document breaks the rules of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault {
    /// From 1; 0 where the kind has no lines, or the whole is meant.
    line: u64,
    what: &'static str,
}

impl Read {
    /// Keeps a concept that says something; of too many one more than there may be.
    fn add(&mut self, concept: Concept) {
        let says = !concept.code.is_empty() || !concept.display.is_empty();
        if says && self.concepts.len() <= CONCEPTS_MAX {
            self.concepts.push(concept);
        }
    }

    fn checked(self) -> Result<Self, Fault> {
        if self.concepts.len() > CONCEPTS_MAX {
            return Err(Fault::whole("has more than 100000 codes"));
        }
        Ok(self)
    }
}

impl Fault {
    const fn whole(what: &'static str) -> Self {
        Self { line: 0, what }
    }
}

impl Whole {
    /// Reads a document, whose kind is told by its first bytes.
    ///
    /// # Errors
    /// [`Error::Unread`] for a kind that is not on the list, [`Error::IsFhir`] for FHIR,
    /// [`Error::Unsound`] for what breaks the rules of its kind, [`Error::TooLarge`].
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        if u64::try_from(bytes.len()).map_or(true, |length| length > BYTES_MAX) {
            return Err(Error::TooLarge { max: BYTES_MAX });
        }
        let media = media::detect(bytes).map_err(|found| Error::Unread { found })?;
        let read = match media {
            MediaType::FhirJson | MediaType::FhirNdjson => {
                return Err(Error::IsFhir { found: media });
            }
            MediaType::Cda => cda::read(bytes),
            MediaType::Pdf => pdf::read(bytes),
            MediaType::DicomJson => dicom::read(bytes)?,
            MediaType::Hl7V2 => hl7v2::read(bytes),
        };
        let read = read
            .and_then(Read::checked)
            .map_err(|Fault { line, what }| Error::Unsound { media, line, what })?;
        Ok(Self {
            media,
            content: bytes.to_vec(),
            read,
        })
    }

    /// Its kind.
    #[must_use]
    pub const fn media(&self) -> MediaType {
        self.media
    }

    /// The document, as it was handed over.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// What the author should know before it is sealed under a token of the quarter `token`.
    #[must_use]
    pub fn concerns(&self, token: Quarter) -> Vec<Concern> {
        let other = self.read.quarter.filter(|care| *care != token);
        let concern = other.map(|care| Concern::OtherQuarter { care, token });
        concern.into_iter().collect()
    }

    /// Its level: what the author states, sensitive where he states nothing, and sensitive where he
    /// states less than the document says of itself. What identifies a person stays so.
    #[must_use]
    pub fn level(&self, stated: Option<Confidentiality>) -> Confidentiality {
        match stated {
            Some(Confidentiality::Identity) => Confidentiality::Identity,
            Some(Confidentiality::Clinical) if !self.is_sensitive() => Confidentiality::Clinical,
            _ => Confidentiality::Sensitive,
        }
    }

    /// The part that is sealed, at [`Whole::level`]. A document that identifies a person is found
    /// by nothing, as other identities.
    #[must_use]
    pub fn part(&self, stated: Option<Confidentiality>) -> Part {
        let confidentiality = self.level(stated);
        let keywords = match confidentiality {
            Confidentiality::Identity => Keywords::default(),
            _ => self.keywords(),
        };
        Part {
            confidentiality,
            content: self.content.clone(),
            keywords,
        }
    }

    fn is_sensitive(&self) -> bool {
        let concepts = self.read.concepts.iter();
        self.read.sensitive
            || concepts
                .map(Concept::as_fhir)
                .any(|value| label::is_sensitive(&value))
    }

    /// As those of FHIR resources that say the same.
    fn keywords(&self) -> Keywords {
        let concepts = self.read.concepts.iter();
        let resources = concepts.filter_map(|concept| Resource::from_value(concept.as_fhir()).ok());
        keywords(&resources.collect::<Vec<_>>())
    }
}

impl Concept {
    /// A resource that says it and nothing else.
    fn as_fhir(&self) -> Value {
        let kind = match self.about {
            About::Diagnosis => "Condition",
            About::Act => "Procedure",
            About::Rest => "Observation",
        };
        let members = [
            ("system", &self.system),
            ("code", &self.code),
            ("display", &self.display),
        ];
        let said = members.into_iter().filter(|(_, text)| !text.is_empty());
        let coding: serde_json::Map<String, Value> = said
            .map(|(name, text)| (name.to_owned(), text.as_str().into()))
            .collect();
        json!({ "resourceType": kind, "code": { "coding": [coding] } })
    }
}

/// The quarter of a date as HL7 and DICOM write it: `YYYYMM` begins it.
fn quarter(date: &str) -> Option<Quarter> {
    let digits = |from: usize, to: usize| {
        let text = date.trim().get(from..to)?;
        let all = text.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| text.parse::<u16>().ok()).flatten()
    };
    let month = u8::try_from(digits(4, 6)?).ok()?;
    Quarter::from_date(digits(0, 4)?, month).ok()
}
