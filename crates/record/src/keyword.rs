//! Keywords of a record's resources: what an owner may later search for.
//!
//! # What becomes a keyword
//! Codes, as `system|code`, of every coding at any depth; and the words of displays and texts of codeable concepts, normalised: NFKC (so full and half width are
//! one), lower case, split where neither letters nor digits stand. A run of Chinese characters is one word here.
//!
//! # What never does
//! Identifiers, names, addresses, narrative, notes, references, dates, numbers of results; words of one letter, of more than [`WORD_MAX`] bytes, or on the stop list. The
//! resources of people and places (Patient, RelatedPerson, Person, Practitioner, Organization, Location) give none at all.

use std::collections::BTreeSet;

use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use crate::fhir::Resource;

/// Bytes of the longest word.
pub const WORD_MAX: usize = 64;
/// Keywords of one record at most; codes come first.
pub const KEYWORDS_MAX: usize = 256;

/// Words that say nothing.
const STOP: &[&str] = &[
    "and",
    "at",
    "by",
    "due",
    "for",
    "from",
    "in",
    "of",
    "on",
    "or",
    "other",
    "the",
    "to",
    "unspecified",
    "with",
    "without",
    "disorder",
    "finding",
    "procedure",
    "situation",
    "的",
    "和",
    "及",
    "其他",
];

/// What a record can be found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keyword {
    /// A code in its system.
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

/// The keywords of `resources`: sorted, each once, at most [`KEYWORDS_MAX`].
pub fn keywords<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Vec<Keyword> {
    let mut found = BTreeSet::new();
    for resource in resources {
        if !is_of_people_or_places(resource) {
            collect(resource.value(), &mut found);
        }
    }
    found.into_iter().take(KEYWORDS_MAX).collect()
}

/// The words of a text, as they are indexed: what is sought must go through here too.
pub fn words(text: &str) -> BTreeSet<String> {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
    let words = folded.split(|c: char| !c.is_alphanumeric());
    let worthy = |word: &&str| {
        word.chars().nth(1).is_some() && word.len() <= WORD_MAX && !STOP.contains(word)
    };
    words.filter(worthy).map(str::to_owned).collect()
}

fn is_of_people_or_places(resource: &Resource) -> bool {
    matches!(
        resource.resource_type().as_str(),
        "Patient"
            | "RelatedPerson"
            | "Person"
            | "Practitioner"
            | "PractitionerRole"
            | "Organization"
            | "Location"
    )
}

fn collect(value: &Value, found: &mut BTreeSet<Keyword>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            if let (Some(system), Some(code)) = (text("system"), text("code")) {
                found.insert(Keyword::Code(format!("{system}|{code}")));
                add_words(text("display"), found);
            } else if members.get("coding").is_some_and(Value::is_array) {
                add_words(text("text"), found);
            }
            // Names, identifiers and contacts are of the same shapes anywhere; they are not descended into.
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
                "code:http://snomed.info/sct|44054006",
                "word:2型",
                "word:diabetes",
                "word:mellitus",
                "word:type",
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
}
