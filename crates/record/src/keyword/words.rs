//! Text as keywords see it: cut into words, pairs of Chinese characters, and topics.
//!
//! # Latin script
//! - Words of two letters on, without plural (Harman's S-stemmer, 1991) and in American spelling
//!   (`anaemia`, `oesophageal`, `tumour`); Roman numbers are numbers.
//! - A number or single letter is glued to the word before it, else to the one after:
//!   `covid19`, `hepatitisb`, `5fu`, `xray`. A hyphen tells which. In a record both stand.
//! - Amounts (a number and its unit) are none.
//!
//! # Chinese
//! Each two characters that stand together, so that any piece of two characters on is found. A
//! number or single letter counts as a character: `3级`, `素d`.
//!
//! # Topics
//! See [`super::topic`]. What a query says by a topic it does not seek by its words.

use std::{collections::BTreeSet, ops::Range};

use super::{
    Keyword, WORD_MAX,
    cut::{Cut, Item, Kind},
    topic,
};

/// Letters before digits that are a word by themselves: `covid` of `covid19`.
const STEM_MIN: usize = 4;

/// What a text that stands in a record is found by.
pub(super) fn of_record(text: &str) -> BTreeSet<Keyword> {
    let cut = Cut::of(text);
    let mut found = BTreeSet::new();
    let mut whole = BTreeSet::new();
    for topic in cut.topics() {
        // A word that is all of a topic is found by the topic.
        if let [span] = topic.spans.as_slice() {
            whole.insert((span.start, span.end));
        }
        found.extend(topic.implied().map(word));
    }
    for (place, item) in cut.items.iter().enumerate() {
        match item.kind {
            Kind::Word => {
                if !whole.contains(&(item.range.start, item.range.end)) {
                    found.insert(word(&item.text));
                }
                found.extend(stem(&item.text).map(word));
            }
            Kind::Code => {
                found.insert(Keyword::Code(item.text.clone()));
            }
            Kind::Letter | Kind::Number => {
                let glued = cut.glued(place).into_iter().flatten();
                found.extend(glued.map(|glued| word(&glued.text)));
            }
            Kind::Han | Kind::Stop => {}
        }
    }
    for chain in cut.chains() {
        found.extend(pairs(&chain));
    }
    found.extend(cut.alone());
    found
}

/// What a query seeks: less than what a record with this text has.
pub(super) fn of_query(text: &str) -> BTreeSet<Keyword> {
    let mut cut = Cut::of(text);
    let mut found = BTreeSet::new();
    for topic in topic::apart(cut.topics()) {
        for item in &mut cut.items {
            let within =
                |span: &Range<usize>| span.start <= item.range.start && item.range.end <= span.end;
            item.covered |= topic.spans.iter().any(within);
        }
        found.insert(word(topic.name));
    }
    let mut absorbed = BTreeSet::new();
    for (place, item) in cut.items.iter().enumerate() {
        if item.covered {
            continue;
        }
        if let Some(glued) = cut.glued(place).into_iter().flatten().next() {
            found.insert(word(&glued.text));
            absorbed.insert(glued.word);
        }
    }
    for (place, item) in cut.items.iter().enumerate() {
        if item.covered || absorbed.contains(&place) {
            continue;
        }
        match item.kind {
            Kind::Word => {
                found.insert(word(&item.text));
            }
            Kind::Code => {
                found.insert(Keyword::Code(item.text.clone()));
            }
            Kind::Letter | Kind::Number | Kind::Han | Kind::Stop => {}
        }
    }
    for chain in cut.chains() {
        for piece in chain.split(|item| item.covered) {
            found.extend(pairs(piece));
        }
    }
    if found.is_empty() {
        found.extend(cut.alone());
    }
    found
}

/// A keyword of a text that is normal already.
fn word(text: &str) -> Keyword {
    Keyword::Word(cut_off(text).to_owned())
}

/// At most [`WORD_MAX`] bytes.
pub(super) fn cut_off(text: &str) -> &str {
    let mut end = text.len().min(WORD_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

fn pairs<'a>(chain: &'a [&Item]) -> impl Iterator<Item = Keyword> + 'a {
    chain.windows(2).filter_map(|pair| {
        let [first, second] = pair else { return None };
        Some(word(&format!("{}{}", first.text, second.text)))
    })
}

/// The letters before the digits of `covid19`.
fn stem(text: &str) -> Option<&str> {
    let letters = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let (stem, digits) = text.split_at_checked(letters)?;
    let numbered = digits.bytes().all(|byte| byte.is_ascii_digit());
    (letters >= STEM_MIN && numbered).then_some(stem)
}
