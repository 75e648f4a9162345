//! Which codes are sensitive: `rules.tsv` (codes, ranges and prefixes), each row with a source that
//! `sources.tsv` names.
//!
//! A code of an unknown system, or of none, is compared by its shape: what looks like a code of
//! ICD-10, SNOMED CT, LOINC, ATC or a Chinese insurance drug is taken for one. In doubt it is
//! sensitive.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use super::Sensitivity;
use crate::terminology::{Classification, CodeSystem, fold, rows};

const RULES: &str = include_str!("rules.tsv");

/// The sensitivity that the tables give to a code of a system; `None` when it is not sensitive.
#[must_use]
pub fn sensitivity(system: &str, code: &str) -> Option<Sensitivity> {
    match CodeSystem::of(system) {
        Some(system) => rules().of(system.classification(), code),
        None => rules().by_shape(code),
    }
}

#[derive(Default)]
struct Rules {
    exact: HashMap<(Classification, &'static str), Sensitivity>,
    prefixes: HashMap<(Classification, &'static str), Sensitivity>,
    ranges: BTreeMap<Classification, Vec<Range>>,
}

struct Range {
    first: &'static str,
    last: &'static str,
    sensitivity: Sensitivity,
}

impl Rules {
    fn of(&self, classification: Classification, code: &str) -> Option<Sensitivity> {
        if classification == Classification::Snomed {
            return self.snomed(code);
        }
        let (actual, folded) = fold(classification, code);
        let found = self.folded(actual, &folded);
        // Without a dot, `6951` is of either volume.
        let either = classification == Classification::Icd9 && !code.contains('.');
        found.or_else(|| {
            let third = either && folded.len() == 4;
            third.then(|| self.folded(Classification::Icd9Procedure, &folded))?
        })
    }

    /// A concept, or any concept of a post-coordinated expression.
    fn snomed(&self, code: &str) -> Option<Sensitivity> {
        let mut concepts = code.split(|c: char| !c.is_ascii_digit());
        concepts.find_map(|concept| self.exact.get(&(Classification::Snomed, concept)).copied())
    }

    fn folded(&self, classification: Classification, code: &str) -> Option<Sensitivity> {
        let exact = self.exact.get(&(classification, code)).copied();
        exact
            .or_else(|| self.prefixed(classification, code))
            .or_else(|| self.ranged(classification, code))
            .or_else(|| (classification == Classification::Icd10).then(|| intent(code))?)
    }

    fn prefixed(&self, classification: Classification, code: &str) -> Option<Sensitivity> {
        let prefixes = (1..=code.len())
            .rev()
            .filter_map(|length| code.get(..length));
        prefixes
            .map(|prefix| self.prefixes.get(&(classification, prefix)))
            .find_map(|found| found.copied())
    }

    fn ranged(&self, classification: Classification, code: &str) -> Option<Sensitivity> {
        let mut ranges = self.ranges.get(&classification)?.iter();
        let inside = |range: &&Range| {
            let head = if classification.is_hierarchical() {
                code.get(..range.first.len())
            } else {
                (code.len() == range.first.len()).then_some(code)
            };
            head.is_some_and(|head| range.first <= head && head <= range.last)
        };
        ranges.find(inside).map(|range| range.sensitivity)
    }

    fn by_shape(&self, code: &str) -> Option<Sensitivity> {
        let code = code.trim();
        let shape: String = code.chars().map(shape).collect();
        let icd = |shape: &str| shape.starts_with("A00") || shape.starts_with("A0A");
        match shape.as_str() {
            "A00AA00" => self.of(Classification::Atc, code),
            shape if shape.starts_with("AA00AA") && code.len() == 23 => self.insurance_drug(code),
            shape if icd(shape) && code.len() <= 12 => self.of(Classification::Icd10, code),
            shape if shape.len() >= 6 && shape.bytes().all(|byte| byte == b'0') => {
                self.snomed(code)
            }
            shape if shape.ends_with("-0") && shape.starts_with('0') => {
                self.of(Classification::Loinc, code)
            }
            _ => None,
        }
    }

    /// The drug codes of China's health insurance: 23 characters, `X` for western medicine, then
    /// the class of WHO ATC, fourth level. (That the class is ATC's was not looked up.)
    fn insurance_drug(&self, code: &str) -> Option<Sensitivity> {
        let class = code
            .strip_prefix(['X', 'x'])?
            .get(..5)?
            .to_ascii_uppercase();
        let below = self.of(Classification::Atc, &class);
        below.or_else(|| {
            // A rule for one substance of the class is taken for all of it.
            let mut of_class = self.prefixes.iter().filter(|((system, prefix), _)| {
                *system == Classification::Atc && prefix.starts_with(&class)
            });
            let ranges = self.ranges.get(&Classification::Atc)?;
            let range = ranges.iter().find(|range| range.first.starts_with(&class));
            let found = of_class.next().map(|(_, found)| *found);
            found.or_else(|| range.map(|range| range.sensitivity))
        })
    }
}

/// ICD-10-CM tells the intent of a poisoning (T36-T65, T71) by the sixth character, or by the fifth
/// before a placeholder: 2 done on purpose to oneself, 3 by another, 4 undetermined and so in doubt
/// the first.
fn intent(code: &str) -> Option<Sensitivity> {
    let category = code.get(..3)?;
    let poisoning = ("T36"..="T65").contains(&category) || category == "T71";
    let intent = match code.as_bytes().get(4..6)? {
        [fifth, b'X'] => *fifth,
        [_, sixth] => *sixth,
        _ => return None,
    };
    match intent {
        b'2' | b'4' if poisoning => Some(Sensitivity::Psychiatry),
        b'3' if poisoning => Some(Sensitivity::Violence),
        _ => None,
    }
}

fn shape(c: char) -> char {
    match c {
        _ if c.is_ascii_digit() => '0',
        _ if c.is_ascii_alphabetic() => 'A',
        _ => c,
    }
}

fn rules() -> &'static Rules {
    static TABLE: OnceLock<Rules> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rules = Rules::default();
        for row in rows(RULES) {
            let [system, codes, sensitivity, _source, _why] = row[..] else {
                continue;
            };
            add(&mut rules, system, sensitivity, codes);
        }
        rules
    })
}

fn add(rules: &mut Rules, system: &str, sensitivity: &str, codes: &'static str) {
    let (Some(system), Some(sensitivity)) = (
        Classification::named(system),
        Sensitivity::named(sensitivity),
    ) else {
        return;
    };
    for code in codes.split(' ') {
        let range = match code.split_once('-') {
            Some((first, last)) if first.len() == last.len() => Some((first, last)),
            _ => None,
        };
        if let (Some((first, last)), false) = (range, system == Classification::Loinc) {
            let ranges = rules.ranges.entry(system).or_default();
            ranges.push(Range {
                first,
                last,
                sensitivity,
            });
        } else if let Some(prefix) = code.strip_suffix('*') {
            rules.prefixes.insert((system, prefix), sensitivity);
        } else if system.is_hierarchical() {
            rules.prefixes.insert((system, code), sensitivity);
        } else {
            rules.exact.entry((system, code)).or_insert(sensitivity);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn sources() -> BTreeSet<&'static str> {
        rows(include_str!("sources.tsv"))
            .inspect(|row| {
                let [_, what, date, read] = row[..] else {
                    panic!("columns of {row:?}")
                };
                let year = date.get(..4).and_then(|year| year.parse::<u16>().ok());
                assert!(year.is_some_and(|year| year >= 1990), "{row:?} has no date");
                assert!(!what.is_empty() && !read.is_empty(), "{row:?}");
            })
            .map(|row| row[0])
            .collect()
    }

    #[test]
    fn a_race_of_cdc_is_no_pregnancy_test() {
        let sex = Some(Sensitivity::Sexuality);
        for system in ["http://loinc.org", "", "http://lab.example/tests"] {
            assert_eq!(sensitivity(system, "2106-3"), sex, "{system}");
        }
        for system in [
            "urn:oid:2.16.840.1.113883.6.238",
            "2.16.840.1.113883.6.238",
            "http://terminology.hl7.org/CodeSystem/CDCREC",
        ] {
            assert_eq!(sensitivity(system, "2106-3"), None, "{system}");
        }
    }

    #[test]
    fn every_rule_is_of_a_system_and_has_a_sensitivity_and_a_source() {
        let mut used = BTreeSet::new();
        for row in rows(RULES) {
            assert_eq!(row.len(), 5, "{row:?}");
            assert!(Classification::named(row[0]).is_some(), "{row:?}");
            assert!(Sensitivity::named(row[2]).is_some(), "{row:?}");
            assert!(!row[4].is_empty(), "{row:?} does not say why");
            used.insert(row[3]);
        }
        assert_eq!(used, sources(), "a source without rules, or a rule without");
    }

    #[test]
    fn rules_are_written_as_they_are_compared() {
        for row in rows(RULES) {
            let system = Classification::named(row[0]).unwrap();
            for code in row[1].split(' ') {
                let bare = code.trim_end_matches('*');
                for end in bare.split('-').filter(|_| system != Classification::Loinc) {
                    assert_eq!(fold(system, end), (system, end.to_owned()), "{row:?}");
                }
            }
        }
    }

    #[test]
    fn the_intent_of_a_poisoning_is_told_by_the_sixth_character() {
        let cm = "http://hl7.org/fhir/sid/icd-10-cm";
        for (code, expected) in [
            ("T39.1X2A", true),
            ("T36.92XA", true),
            ("T39.1X1A", false),
            ("T36.91XA", false),
            ("T20.012A", false),
            ("T71.162A", true),
            ("T39.1X3A", true),
            ("T39.1X4A", true),
            ("T39.1X5A", false),
            ("T39.1X6A", false),
        ] {
            assert_eq!(sensitivity(cm, code).is_some(), expected, "{code}");
        }
    }

    #[test]
    fn a_code_without_a_known_system_is_taken_for_what_it_looks_like() {
        for code in [
            "F32.1",
            "b20",
            "86406008",
            "7917-8",
            "J05AR03",
            "XN06ABS068A001010100001",
        ] {
            for system in ["", "http://example.org/ours"] {
                assert!(sensitivity(system, code).is_some(), "{code}");
            }
        }
        for code in [
            "I10",
            "38341003",
            "4548-4",
            "C09AA02",
            "F",
            "M",
            "WARD-7",
            "XC09AAY053A001010100001",
        ] {
            assert_eq!(sensitivity("", code), None, "{code}");
        }
        // A known system keeps its own meaning, whatever the code looks like.
        assert_eq!(sensitivity("http://unitsofmeasure.org", "F32"), None);
        assert_eq!(
            sensitivity("http://terminology.hl7.org/CodeSystem/v3-ActCode", "B20"),
            None
        );
    }

    #[test]
    fn ranges_end_where_they_say() {
        let icd = |code| sensitivity("http://hl7.org/fhir/sid/icd-10", code);
        for (inside, outside) in [
            ("A50.0", "A49.9"),
            ("A64", "A65"),
            ("B24", "B25.9"),
            ("X60", "X59"),
            ("X84.9", "W19"),
        ] {
            assert!(icd(inside).is_some(), "{inside}");
            assert_eq!(icd(outside), None, "{outside}");
        }
        assert!(sensitivity("http://www.ama-assn.org/go/cpt", "59840").is_some());
        assert_eq!(
            sensitivity("http://www.ama-assn.org/go/cpt", "598401"),
            None
        );
    }

    #[test]
    fn any_concept_of_an_expression_counts() {
        let expression = "281647001 |Adverse reaction| : 246075003 = 86406008";
        assert_eq!(
            sensitivity("http://snomed.info/sct", expression),
            Some(Sensitivity::Hiv)
        );
    }
}
