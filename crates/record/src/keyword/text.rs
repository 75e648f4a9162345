//! Text as keywords see it: folded, cut into words, without the words that say nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use jieba_rs::Jieba;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use super::WORD_MAX;

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
    "mg",
    "ml",
    "的",
    "和",
    "及",
    "其他",
];

const SYNONYMS: &str = include_str!("synonyms.tsv");

/// The words of a text, as they are indexed: what is sought must go through here too.
pub fn words(text: &str) -> BTreeSet<String> {
    let folded = fold(text);
    let runs = folded.split(|c: char| !c.is_alphanumeric());
    let mut words = BTreeSet::new();
    for run in runs {
        if run.chars().any(is_han) {
            let cut = jieba().cut_for_search(run, true);
            words.extend(cut.into_iter().map(|token| token.word.to_owned()));
        } else {
            words.insert(run.to_owned());
        }
    }
    words.retain(|word| worthy(word));
    words
}

/// NFKC (full and half width are one), lower case, Latin letters without their marks (`Sjögren` is
/// `sjogren`). Simplified and traditional characters stay apart: turning one into the other needs
/// the context.
pub(super) fn fold(text: &str) -> String {
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    lower
        .nfd()
        .filter(|c| !is_combining_mark(*c))
        .nfc()
        .collect()
}

/// Everyday words for a code, folded and cut.
pub(super) fn synonyms(code: &str) -> impl Iterator<Item = &'static str> {
    static TABLE: OnceLock<BTreeMap<String, Vec<String>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let rows = SYNONYMS.lines().filter(|line| !line.starts_with('#'));
        let rows = rows.filter_map(|line| line.split_once('\t'));
        rows.map(|(code, names)| {
            // Each name is a term of the dictionary too, so it stays whole where it is sought.
            let words: BTreeSet<String> = names.split(',').flat_map(words).collect();
            (fold(code), words.into_iter().collect())
        })
        .collect()
    });
    table.get(code).into_iter().flatten().map(String::as_str)
}

pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// No single letters, numbers, very long words or stop words.
fn worthy(word: &str) -> bool {
    word.chars().nth(1).is_some()
        && word.len() <= WORD_MAX
        && !word.chars().all(char::is_numeric)
        && !STOP.contains(&word)
}

/// The dictionary, loaded when the first Chinese text is met (some 100 ms, 60 MB), with the terms
/// of the synonyms.
fn jieba() -> &'static Jieba {
    static JIEBA: OnceLock<Jieba> = OnceLock::new();
    JIEBA.get_or_init(|| {
        let mut jieba = Jieba::new();
        let rows = SYNONYMS.lines().filter(|line| !line.starts_with('#'));
        let names = rows.filter_map(|line| Some(line.split_once('\t')?.1));
        for name in names.flat_map(|names| names.split(',')) {
            if name.chars().any(is_han) {
                jieba.add_word(&fold(name), Some(1_000_000), None);
            }
        }
        jieba
    })
}
