//! Keywords of a record's resources: what an owner may later search for.
//!
//! # What becomes a keyword
//! - Codes, of every coding at any depth, without their system: `code:38341003`, `code:i10`,
//!   `code:4548-4`.
//! - The words of displays and texts of codeable concepts: `word:hypertension`. Chinese is cut by
//!   jieba, the parts of compound words besides.
//! - Everyday words for common codes, in Chinese and English (`synonyms.tsv`): who seeks 高血压
//!   finds what was coded 38341003.
//!
//! Text is NFKC, lower case, without marks on Latin letters. See docs/keywords.md.
//!
//! # What never does
//! Identifiers, names, addresses, narrative, notes, references, dates, numbers; words of one
//! letter, of more than [`WORD_MAX`] bytes, or on the stop list. The resources of people and places
//! (Patient, RelatedPerson, Person, Practitioner, PractitionerRole, Organization, Location) give
//! none at all, nor do those of bills (Claim, ExplanationOfBenefit), which repeat what they charge
//! for.
//!
//! # When there are too many
//! [`KEYWORDS_MAX`] are kept: first of diagnoses, then of what was done and given, then the rest;
//! within these, codes before words.

mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use text::words;

use crate::fhir::Resource;

/// Bytes of the longest word.
pub const WORD_MAX: usize = 64;
/// Keywords of one record at most: the largest padding of an index.
pub const KEYWORDS_MAX: usize = 64;

/// What a record can be found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keyword {
    /// A code, lower case, whatever its system.
    Code(String),
    /// A normalised word.
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

/// The keywords of `resources`: each once, at most [`KEYWORDS_MAX`], the weightiest first.
pub fn keywords<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Vec<Keyword> {
    let mut found: BTreeMap<Keyword, u8> = BTreeMap::new();
    for resource in resources {
        let Some(weight) = weight(resource.resource_type().as_str()) else {
            continue;
        };
        let mut here = BTreeSet::new();
        collect(resource.value(), &mut here);
        for keyword in here {
            let before = found.entry(keyword).or_insert(weight);
            *before = weight.min(*before);
        }
    }
    let mut sorted: Vec<(u8, Keyword)> = found
        .into_iter()
        .map(|(keyword, weight)| (weight, keyword))
        .collect();
    sorted.sort();
    let keywords = sorted.into_iter().map(|(_, keyword)| keyword);
    keywords.take(KEYWORDS_MAX).collect()
}

/// What a person's query means: each piece between spaces is a code when it holds a digit and no
/// Chinese, else words; all of them are sought together.
#[must_use]
pub fn query(text: &str) -> Vec<Keyword> {
    let mut keywords = BTreeSet::new();
    for piece in text.split_whitespace() {
        let folded = text::fold(piece);
        let code = folded.chars().any(|c| c.is_ascii_digit()) && !folded.chars().any(text::is_han);
        if code {
            // `http://snomed.info/sct|38341003` is the code alone, too.
            let bare = folded.rsplit('|').next().unwrap_or_default();
            keywords.insert(Keyword::Code(bare.to_owned()));
        } else {
            keywords.extend(sought(piece).into_iter().map(Keyword::Word));
        }
    }
    keywords.into_iter().collect()
}

/// The words of a piece; of a compound word, the whole alone, since its parts say less.
fn sought(piece: &str) -> BTreeSet<String> {
    let words = words(piece);
    let part_of_another = |word: &String| {
        words
            .iter()
            .any(|other| other != word && other.contains(word.as_str()))
    };
    words
        .iter()
        .filter(|word| !part_of_another(word))
        .cloned()
        .collect()
}

/// How soon a resource's keywords are kept; `None` when it gives none.
fn weight(resource_type: &str) -> Option<u8> {
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
        "Condition" | "AllergyIntolerance" => Some(0),
        "Procedure" | "MedicationRequest" | "Medication" | "Immunization" | "DiagnosticReport" => {
            Some(1)
        }
        _ => Some(2),
    }
}

fn collect(value: &Value, found: &mut BTreeSet<Keyword>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            if let (Some(system), Some(code)) = (text("system"), text("code")) {
                add_code(system, code, found);
                add_words(text("display"), found);
            } else if members.get("coding").is_some_and(Value::is_array) {
                add_words(text("text"), found);
            }
            // Names, identifiers and contacts are of the same shapes anywhere; they are not
            // descended into.
            let closed = [
                "identifier",
                "name",
                "telecom",
                "address",
                "contact",
                "text",
                "note",
                "meta",
            ];
            let open = members
                .iter()
                .filter(|(name, _)| !closed.contains(&name.as_str()));
            open.for_each(|(_, member)| collect(member, found));
        }
        _ => {}
    }
}

/// A code that names nothing of the world (a status, a category, a unit) is none.
fn add_code(system: &str, code: &str, found: &mut BTreeSet<Keyword>) {
    if system.starts_with("http://terminology.hl7.org/") || system.contains("unitsofmeasure") {
        return;
    }
    let code = text::fold(code);
    found.extend(text::synonyms(&code).map(|word| Keyword::Word(word.to_owned())));
    if !code.is_empty() && code.len() <= WORD_MAX {
        found.insert(Keyword::Code(code));
    }
}

fn add_words(text: Option<&str>, found: &mut BTreeSet<Keyword>) {
    found.extend(text.into_iter().flat_map(words).map(Keyword::Word));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(resource: &str) -> Vec<String> {
        let resource = Resource::parse(resource.as_bytes()).unwrap();
        keywords([&resource]).iter().map(Keyword::to_text).collect()
    }

    #[test]
    fn codes_and_the_words_of_their_displays() {
        let found = texts(
            r#"{"resourceType":"Condition","subject":{"display":"Jane Quirke"},"note":[{"text":"secret"}],
            "identifier":[{"system":"urn:x","value":"007"}],
            "code":{"text":"２型 糖尿病","coding":[{"system":"http://snomed.info/sct","code":"44054006","display":"Diabetes mellitus type 2 (disorder)"}]}}"#,
        );
        assert_eq!(
            found,
            [
                "code:44054006",
                "word:2型糖尿病",
                "word:diabetes",
                "word:mellitus",
                "word:type",
                "word:糖尿",
                "word:糖尿病"
            ]
        );
    }

    #[test]
    fn people_give_none() {
        let patient = r#"{"resourceType":"Patient","name":[{"family":"Quirke"}],"maritalStatus":
            {"coding":[{"system":"http://x","code":"M","display":"Married"}]}}"#;
        assert_eq!(texts(patient), Vec::<String>::new());
    }

    #[test]
    fn what_is_sought_is_folded_as_what_is_stored() {
        assert_eq!(words("ＤＩＡＢＥＴＥＳ"), words("diabetes"));
        assert!(words(&"x".repeat(WORD_MAX + 1)).is_empty());
        assert!(words("a of the").is_empty());
    }

    #[test]
    fn chinese_is_cut_into_words_that_are_found_again() {
        let found = words("原发性高血压，伴２型糖尿病；急性阑尾炎术后");
        for word in ["高血压", "2型糖尿病", "糖尿病", "阑尾炎"] {
            assert!(found.contains(word), "{word} of {found:?}");
        }
        for sought in ["高血压", "糖尿病", "2型糖尿病"] {
            let keywords = query(sought);
            assert_eq!(keywords, [Keyword::Word(sought.to_owned())]);
        }
    }

    #[test]
    fn a_code_is_found_by_its_everyday_names_in_both_languages() {
        let found = texts(
            r#"{"resourceType":"Condition","code":{"coding":[
                {"system":"http://snomed.info/sct","code":"38341003","display":"HTN"}]}}"#,
        );
        for sought in [
            "高血压",
            "Hypertension",
            "38341003",
            "http://snomed.info/sct|38341003",
            "HTN",
        ] {
            for keyword in query(sought) {
                assert!(found.contains(&keyword.to_text()), "{sought}: {found:?}");
            }
        }
    }

    #[test]
    fn diagnoses_are_kept_before_measurements() {
        let condition = Resource::parse(
            br#"{"resourceType":"Condition","code":{"coding":[{"system":"http://snomed.info/sct","code":"zzz","display":"zebra"}]}}"#,
        )
        .unwrap();
        let observations: Vec<Resource> = (0..100)
            .map(|number| {
                let json = format!(
                    r#"{{"resourceType":"Observation","code":{{"coding":[{{"system":"http://loinc.org","code":"{number}-1"}}]}}}}"#
                );
                Resource::parse(json.as_bytes()).unwrap()
            })
            .collect();
        let found = keywords(observations.iter().chain([&condition]));
        assert_eq!(found.len(), KEYWORDS_MAX);
        assert_eq!(found[0], Keyword::Code("zzz".to_owned()));
        assert_eq!(found[1], Keyword::Word("zebra".to_owned()));
    }

    #[test]
    fn a_query_is_several_words_or_codes() {
        let texts: Vec<String> = query("I10  Acute bronchitis 4548-4")
            .iter()
            .map(Keyword::to_text)
            .collect();
        assert_eq!(
            texts,
            ["code:4548-4", "code:i10", "word:acute", "word:bronchitis"]
        );
        assert_eq!(query("  the of "), []);
        assert_eq!(words("Sjögren"), words("SJOGREN"));
    }
}
