//! Keywords of a record's resources: what an owner may later search for.
//!
//! # What becomes a keyword
//! - Codes, of every coding at any depth, with a system or without: those of digits as
//!   `code:38341003`, `code:4548-4`, others as words, `word:i10`. Of ICD-10 also the category and
//!   subcategory.
//! - The words of displays and of texts of concepts: `word:bronchitis`, `word:hba1c`. Of Chinese
//!   each two characters that stand together, and topics, which have one keyword for all their
//!   names (`topics.tsv`).
//! - Topics of common codes (`synonyms.tsv`): who seeks 高血压 finds what was coded 38341003.
//!
//! A query goes through the same steps ([`query`]) and seeks less: what it makes of a text that
//! stands in a record, the record has. docs/keywords.md says why it is so.
//!
//! # What never does
//! Identifiers, names, addresses, narrative, notes, references to people, dates, amounts; words on
//! the stop list. The resources of people and places (Patient, RelatedPerson, Person, Practitioner,
//! PractitionerRole, Organization, Location) give none at all, nor do those of bills (Claim,
//! ExplanationOfBenefit), which repeat what they charge for.
//!
//! # When there are too many
//! [`KEYWORDS_MAX`] are kept: first of diagnoses, then of what was done and given, then the rest;
//! within these, codes before words. How many were left out is told to the author, and stands in
//! the index itself as keywords of [`LeftOut`], so that the owner learns it.

mod cut;
mod left_out;
mod said;
mod topic;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

pub use left_out::LeftOut;
pub use said::{Said, said};

use crate::{
    fhir::Resource,
    terminology::{self, Classification, CodeSystem, rows},
};

/// Bytes of the longest word or code; the rest of a longer one is cut off, in queries too.
pub const WORD_MAX: usize = 64;
/// Keywords of one record at most: the largest padding of an index.
pub const KEYWORDS_MAX: usize = 512;

/// What a record can be found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keyword {
    /// A code of digits, whatever its system.
    Code(String),
    /// A normalised word, pair of characters, topic, or code that has letters.
    Word(String),
}

impl Keyword {
    /// The text that stands for it in an index: `code:` or `word:` and the keyword.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Code(code) => format!("code:{code}"),
            Self::Word(word) => format!("word:{word}"),
        }
    }
}

/// What a record's resources are found by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keywords {
    /// Each once, the weightiest first; with those that tell of what was left out, at most
    /// [`KEYWORDS_MAX`].
    pub kept: Vec<Keyword>,
    /// How many there would be besides.
    pub left_out: LeftOut,
}

impl Keywords {
    /// All that stands in the index, as text: the keywords, and what tells of those left out.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let kept = self.kept.iter().map(Keyword::to_text);
        kept.chain(self.left_out.marks())
    }
}

/// The keywords of `resources`.
pub fn keywords<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Keywords {
    let mut found: BTreeMap<Keyword, Weight> = BTreeMap::new();
    for resource in resources {
        let Some(weight) = weight(resource.resource_type().as_str()) else {
            continue;
        };
        for keyword in said(resource.value()).into_iter().flat_map(of_said) {
            let before = found.entry(keyword).or_insert(weight);
            *before = weight.min(*before);
        }
    }
    let mut sorted: Vec<(Weight, Keyword)> = found
        .into_iter()
        .map(|(keyword, weight)| (weight, keyword))
        .collect();
    sorted.sort();
    let mut left_out = LeftOut::default();
    if sorted.len() > KEYWORDS_MAX {
        let over = sorted.split_off(KEYWORDS_MAX - LeftOut::MARKS_MAX);
        over.iter().for_each(|(weight, _)| left_out.count(*weight));
    }
    Keywords {
        kept: sorted.into_iter().map(|(_, keyword)| keyword).collect(),
        left_out,
    }
}

/// What a person's query means; all of it is sought together.
#[must_use]
pub fn query(text: &str) -> Vec<Keyword> {
    let number = |c: char| c.is_ascii_digit() || "-.".contains(c);
    // `http://snomed.info/sct|38341003` is the code alone, too.
    let pieces = text.split_whitespace();
    let bare = pieces.map(|piece| piece.rsplit('|').next().unwrap_or_default());
    let text = bare.collect::<Vec<_>>().join(" ");
    if !text.is_empty() && text.chars().all(number) {
        return of_number(&text).into_iter().collect();
    }
    words::of_query(&text).into_iter().collect()
}

/// The keywords of a text that stands in a record.
#[must_use]
pub fn words(text: &str) -> BTreeSet<Keyword> {
    words::of_record(text)
}

/// How soon a resource's keywords are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Diagnosis,
    Act,
    Rest,
}

/// `None` when a resource gives no keywords.
fn weight(resource_type: &str) -> Option<Weight> {
    match resource_type {
        "Patient"
        | "RelatedPerson"
        | "Person"
        | "Practitioner"
        | "PractitionerRole"
        | "Organization"
        | "Location"
        | "Claim"
        | "ExplanationOfBenefit" => None,
        "Condition" | "AllergyIntolerance" => Some(Weight::Diagnosis),
        "Procedure" | "MedicationRequest" | "Medication" | "Immunization" | "DiagnosticReport" => {
            Some(Weight::Act)
        }
        _ => Some(Weight::Rest),
    }
}

fn of_said(said: Said<'_>) -> BTreeSet<Keyword> {
    match said {
        Said::Text(text) => words::of_record(text),
        Said::Code { system, code } => of_code(system, code),
    }
}

/// A code as it is, as queries write it, and the topics that have it.
fn of_code(system: Option<&str>, code: &str) -> BTreeSet<Keyword> {
    let code = code.trim();
    let number = |c: char| c.is_ascii_digit() || "-.".contains(c);
    let mut found = if code.chars().all(number) {
        of_number(code).into_iter().collect()
    } else {
        words::of_record(code)
    };
    let known = system.and_then(CodeSystem::of);
    let (_, plain) = terminology::fold(Classification::Icd10, code);
    let is_icd = match known.map(CodeSystem::classification) {
        Some(classification) => classification == Classification::Icd10,
        None => looks_like_icd(&plain),
    };
    if is_icd && plain.is_ascii() {
        let lower = plain.to_ascii_lowercase();
        let wider = [3, 4, lower.len()];
        let wider = wider.iter().filter_map(|digits| lower.get(..*digits));
        found.extend(wider.map(|code| Keyword::Word(words::cut_off(code).to_owned())));
    }
    found.extend(synonyms(code).cloned());
    found
}

/// A letter and two digits begin it (`U07`, `E11.9`, `K35.80`), four signs at most follow.
fn looks_like_icd(code: &str) -> bool {
    let bytes = code.as_bytes();
    let [letter, rest @ ..] = bytes else {
        return false;
    };
    letter.is_ascii_alphabetic()
        && (2..=6).contains(&rest.len())
        && rest.iter().take(2).all(u8::is_ascii_digit)
}

/// A code of digits, hyphens and dots.
fn of_number(code: &str) -> Option<Keyword> {
    let bare = code.trim_matches(['-', '.']);
    (!bare.is_empty()).then(|| Keyword::Code(words::cut_off(bare).to_owned()))
}

/// Topics and words for a code.
fn synonyms(code: &str) -> impl Iterator<Item = &'static Keyword> {
    static TABLE: OnceLock<BTreeMap<String, Vec<Keyword>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let rows = rows(include_str!("synonyms.tsv"));
        let rows = rows.filter_map(|row| Some((*row.first()?, *row.get(1)?)));
        rows.map(|(code, names)| {
            let words: BTreeSet<Keyword> = names.split(',').flat_map(words::of_query).collect();
            (code.to_ascii_lowercase(), words.into_iter().collect())
        })
        .collect()
    });
    table.get(&code.to_ascii_lowercase()).into_iter().flatten()
}

#[cfg(test)]
mod tests;
