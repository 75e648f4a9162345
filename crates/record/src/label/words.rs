//! Which words are sensitive: `words.tsv`, English and Chinese, found in one pass over a text
//! however many they are.
//!
//! Rules:
//! 1. Text is folded: NFKC (full and half width are one), lower case, no marks on Latin letters,
//!    traditional characters as simplified ones (`han.tsv`), each run of other signs one blank, no
//!    blank between Chinese characters.
//! 2. A Latin term counts as whole words; its last word may go on where the table has `*`. A
//!    Chinese term counts anywhere.
//! 3. What lies inside a harmless phrase of the table (`st depression`, 酒精棉) does not count
//!    there.
//! 4. Nothing else lowers: "no history of HIV" and 否认吸毒史 are sensitive, since a reader learns
//!    that it was asked and why.

use std::{collections::HashMap, sync::OnceLock};

use aho_corasick::AhoCorasick;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use super::Sensitivity;
use crate::terminology::rows;

/// The first sensitive word of a text tells; `None` when there is none.
pub(super) fn sensitivity(text: &str) -> Option<Sensitivity> {
    // Dates, numbers and amounts hold no words.
    if !text.chars().any(char::is_alphabetic) {
        return None;
    }
    let folded = fold(text);
    let words = table();
    let mut sensitive = Vec::new();
    let mut harmless = Vec::new();
    for found in words.automaton.find_overlapping_iter(folded.as_bytes()) {
        let Some(term) = words.terms.get(found.pattern().as_usize()) else {
            continue;
        };
        let Some(end) = term.ends(folded.as_bytes(), found.start(), found.end()) else {
            continue;
        };
        match term.sensitivity {
            Some(sensitivity) => sensitive.push((found.start()..end, sensitivity)),
            None => harmless.push(found.start()..end),
        }
    }
    let counts = |(span, _): &&(std::ops::Range<usize>, Sensitivity)| {
        let within =
            |over: &std::ops::Range<usize>| over.start <= span.start && span.end <= over.end;
        !harmless.iter().any(within)
    };
    sensitive.iter().find(counts).map(|(_, found)| *found)
}

/// Rule 1, with a blank at both ends.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return fold_ascii(text);
    }
    let mut folded = Folding::new(text.len());
    let plain = text.nfkd().filter(|c| !is_combining_mark(*c));
    plain
        .flat_map(char::to_lowercase)
        .for_each(|c| folded.push(c));
    folded.finish()
}

/// The same, for most texts and without the tables of Unicode.
fn fold_ascii(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 2);
    folded.push(' ');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            folded.push(char::from(byte.to_ascii_lowercase()));
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    if !folded.ends_with(' ') || folded.len() == 1 {
        folded.push(' ');
    }
    folded
}

struct Folding {
    text: String,
    /// What stands between the last letter and the next.
    gap: Gap,
    last_is_han: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    Blank,
    Sign,
}

impl Folding {
    fn new(length: usize) -> Self {
        let mut text = String::with_capacity(length + 2);
        text.push(' ');
        Self {
            text,
            gap: Gap::None,
            last_is_han: false,
        }
    }

    fn push(&mut self, c: char) {
        if !c.is_alphanumeric() {
            self.gap = match self.gap {
                Gap::Sign => Gap::Sign,
                _ if c.is_whitespace() => Gap::Blank,
                _ => Gap::Sign,
            };
            return;
        }
        let han = is_han(c);
        let c = if han { simplified(c) } else { c };
        let joined = self.gap == Gap::Blank && han && self.last_is_han;
        if self.gap != Gap::None && !joined && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
        self.text.push(c);
        self.gap = Gap::None;
        self.last_is_han = han;
    }

    fn finish(mut self) -> String {
        self.text.push(' ');
        self.text
    }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// The simplified character, of those that the table uses.
fn simplified(c: char) -> char {
    static PAIRS: OnceLock<HashMap<char, char>> = OnceLock::new();
    let pairs = PAIRS.get_or_init(|| {
        let lines = include_str!("han.tsv").lines();
        let pairs = lines
            .filter(|line| !line.starts_with('#'))
            .flat_map(str::split_whitespace);
        pairs
            .filter_map(|pair| {
                let mut chars = pair.chars();
                chars.next().zip(chars.next())
            })
            .collect()
    });
    pairs.get(&c).copied().unwrap_or(c)
}

struct Words {
    automaton: AhoCorasick,
    terms: Vec<Term>,
}

struct Term {
    /// `None` for a harmless phrase.
    sensitivity: Option<Sensitivity>,
    begins_word: bool,
    ends: Ends,
}

enum Ends {
    /// Anywhere: Chinese.
    Anywhere,
    /// Where its word does.
    Word,
    /// The word may go on, and is taken whole.
    Open,
}

impl Term {
    /// Where the term ends that was found at `start..end`; `None` when it is a piece of other
    /// words.
    fn ends(&self, text: &[u8], start: usize, end: usize) -> Option<usize> {
        let before = start.checked_sub(1).and_then(|at| text.get(at));
        if self.begins_word && before.is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let goes_on = text.get(end..).unwrap_or_default().iter();
        let more = goes_on
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        match self.ends {
            Ends::Anywhere => Some(end),
            Ends::Word => (more == 0).then_some(end),
            Ends::Open => Some(end + more),
        }
    }
}

fn table() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| {
        let mut patterns = Vec::new();
        let mut terms = Vec::new();
        for row in rows(include_str!("words.tsv")) {
            let [sensitivity, _language, listed] = row[..] else {
                continue;
            };
            let sensitivity = Sensitivity::named(sensitivity);
            for term in listed.split('|') {
                let pattern = pattern(term);
                let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
                terms.push(Term {
                    sensitivity,
                    begins_word: latin(pattern.chars().next()),
                    ends: match latin(pattern.chars().last()) {
                        _ if term.ends_with('*') => Ends::Open,
                        true => Ends::Word,
                        false => Ends::Anywhere,
                    },
                });
                patterns.push(pattern);
            }
        }
        // The table is part of the program; `the_table_is_whole` checks that it gives an automaton.
        let automaton = AhoCorasick::new(&patterns).or_else(|_| AhoCorasick::new([""; 0]));
        Words {
            automaton: automaton.unwrap_or_else(|_| unreachable!("no patterns are no fault")),
            terms,
        }
    })
}

/// A term of the table as it is sought.
fn pattern(term: &str) -> String {
    let folded = fold(term.trim_end_matches('*'));
    let bare = folded.trim();
    if term.starts_with('_') {
        format!(" {bare}")
    } else {
        bare.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_whole() {
        let words = table();
        assert_eq!(words.automaton.patterns_len(), words.terms.len());
        assert!(words.terms.len() > 1_500, "{}", words.terms.len());
        let mut seen = BTreeSet::new();
        for row in rows(include_str!("words.tsv")) {
            assert_eq!(row.len(), 3, "{row:?}");
            let known = row[0] == "-" || Sensitivity::named(row[0]).is_some();
            assert!(known && ["en", "zh"].contains(&row[1]), "{row:?}");
            for term in row[2].split('|') {
                let pattern = pattern(term);
                assert!(
                    !pattern.trim().is_empty(),
                    "an empty term would be everywhere"
                );
                assert!(!term.trim_end_matches('*').contains('*'), "{term}");
                // A term is in its language's row, so that the rules of its ends are meant.
                let han = pattern.chars().any(is_han);
                assert_eq!(han, row[1] == "zh", "{term}");
                assert!(seen.insert(pattern), "{term} stands twice");
            }
        }
    }

    #[test]
    fn words_are_whole_and_chinese_is_anywhere() {
        for text in [
            "HIV positive",
            "anti-HIV",
            "HIV-1",
            "HIV抗体阳性",
            "ＨＩＶ",
            "H.I.V.",
            "hIv",
            "schizophrenia",
            "患者有抑 郁 症 史",
            "憂鬱症",
            "愛滋病",
            "人工流產",
            "既往抑郁症史",
            "Pt. denies depression",
            "no history of HIV",
            "否认吸毒史",
            "Klinefelter's",
            "sickle-cell trait",
        ] {
            assert!(sensitivity(text).is_some(), "{text}");
        }
        for text in [
            "hives",
            "archive",
            "shivering",
            "grapes",
            "",
            " ",
            "...",
            "慢性病",
            "缺血性病变",
        ] {
            assert_eq!(sensitivity(text), None, "{text}");
        }
    }

    #[test]
    fn a_harmless_phrase_covers_only_itself() {
        assert_eq!(sensitivity("1 mm ST depression in V5"), None);
        assert_eq!(sensitivity("酒精棉球消毒"), None);
        assert_eq!(
            sensitivity("ST depression in V5; long-standing depression"),
            Some(Sensitivity::Psychiatry)
        );
        assert_eq!(
            sensitivity("酒精棉球消毒，酒精依赖"),
            Some(Sensitivity::Substance)
        );
    }

    #[test]
    fn a_harmless_phrase_is_no_beginning_of_a_diagnosis() {
        for text in ["AIDS with wasting", "AIDS in remission", "AIDS with PML"] {
            assert_eq!(sensitivity(text), Some(Sensitivity::Hiv), "{text}");
        }
        for text in ["Dependence on opioids", "dependence on alcohol"] {
            assert_eq!(sensitivity(text), Some(Sensitivity::Substance), "{text}");
        }
        for text in [
            "Hearing aids with new batteries",
            "walking aids in the house",
            "Dependence on supplemental oxygen",
            "Dependence on renal dialysis",
        ] {
            assert_eq!(sensitivity(text), None, "{text}");
        }
    }

    #[test]
    fn folding_keeps_words_apart_and_chinese_together() {
        assert_eq!(
            fold("Self-harm,  ST–depression"),
            " self harm st depression "
        );
        assert_eq!(fold("抑 郁\n症。否认"), " 抑郁症 否认 ");
        assert_eq!(fold("Sjögren"), " sjogren ");
        assert_eq!(fold(""), "  ");
    }
}
