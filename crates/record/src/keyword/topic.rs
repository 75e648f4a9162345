//! Topics: what has several names is one keyword, in records and in queries.
//!
//! `topics.tsv` lists them: 心梗, 心肌梗死, *heart attack* and *STEMI* are `心肌梗死`. A name counts
//! wherever its words stand, Chinese ones inside longer terms too. A name with `…` is two pieces in
//! that order, little between: `肺…癌` is in 右肺上叶腺癌. So abbreviations, brands and other
//! languages cost a record no further entry.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::OnceLock,
};

use super::cut::Cut;
use crate::{
    terminology::rows,
    text::{Terms, is_han},
};

/// Between two pieces of Chinese: eight characters.
const HAN_BETWEEN_MAX: usize = 24;
/// Between two pieces of others: some four words.
const BETWEEN_MAX: usize = 32;

/// A topic in a text.
#[derive(Debug)]
pub(super) struct Match {
    pub name: &'static str,
    /// What of the text says so.
    pub spans: Vec<Range<usize>>,
}

impl Match {
    fn start(&self) -> usize {
        self.spans.first().map_or(0, |span| span.start)
    }

    fn bytes(&self) -> usize {
        self.spans.iter().map(ExactSizeIterator::len).sum()
    }

    /// The topic, and all that it is a kind of.
    pub(super) fn implied(&self) -> impl Iterator<Item = &'static str> {
        let mut names = vec![self.name];
        let mut place = 0;
        while let Some(name) = names.get(place) {
            let wider = table().wider.get(name).into_iter().flatten();
            let new: Vec<&str> = wider
                .copied()
                .filter(|name| !names.contains(name))
                .collect();
            names.extend(new);
            place += 1;
        }
        names.into_iter()
    }
}

/// The topics of a cut text; `signs` are the blanks that part what it says.
pub(super) fn find(text: &str, signs: &[usize]) -> Vec<Match> {
    let table = table();
    let mut places: BTreeMap<usize, Vec<Range<usize>>> = BTreeMap::new();
    for (term, span) in table.terms.find(text) {
        places.entry(term).or_default().push(span);
    }
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for name in places
        .keys()
        .filter_map(|term| table.names_of.get(*term))
        .flatten()
    {
        let Some(name) = table.names.get(*name) else {
            continue;
        };
        let of = |term: &usize| places.get(term).map(Vec::as_slice).unwrap_or_default();
        match name.pieces.as_slice() {
            [only] => found.extend(of(only).iter().map(|span| Match {
                name: name.topic,
                spans: vec![span.clone()],
            })),
            [first, last] => {
                for span in of(first) {
                    if let Some(other) = after(text, signs, span, of(last)) {
                        found.push(Match {
                            name: name.topic,
                            spans: vec![span.clone(), other.clone()],
                        });
                    }
                }
            }
            _ => {}
        }
    }
    found.retain(|one| seen.insert((one.name, one.start(), one.bytes())));
    found
}

/// Of the places of a second piece, in their order, the first so little after `first` that both are
/// of one thing.
fn after<'a>(
    text: &str,
    signs: &[usize],
    first: &Range<usize>,
    places: &'a [Range<usize>],
) -> Option<&'a Range<usize>> {
    let next = places.partition_point(|place| place.start < first.end);
    let place = places.get(next)?;
    let between = text.get(first.end..place.start)?;
    let han = [first, place].into_iter().all(|span| {
        let piece = text.get(span.clone()).unwrap_or_default();
        piece.chars().any(is_han)
    });
    let sign = signs.partition_point(|sign| *sign < first.end);
    let parted = signs.get(sign).is_some_and(|sign| *sign < place.start);
    let most = if han { HAN_BETWEEN_MAX } else { BETWEEN_MAX };
    let near = between.len() <= most && !parted && !(han && between.contains(' '));
    near.then_some(place)
}

/// Of topics that overlap, the first and then the longest.
pub(super) fn apart(mut topics: Vec<Match>) -> Vec<Match> {
    topics.sort_by_key(|topic| (topic.start(), Reverse(topic.bytes())));
    let mut apart: Vec<Match> = Vec::new();
    for topic in topics {
        let taken = apart.iter().flat_map(|other| &other.spans);
        let overlaps = |other: &Range<usize>| {
            let meets = |span: &Range<usize>| span.start < other.end && other.start < span.end;
            topic.spans.iter().any(meets)
        };
        if !taken.into_iter().any(overlaps) {
            apart.push(topic);
        }
    }
    apart
}

struct Table {
    terms: Terms,
    /// For each term the names that it is a piece of.
    names_of: Vec<Vec<usize>>,
    names: Vec<Name>,
    /// What a topic is a kind of.
    wider: BTreeMap<&'static str, Vec<&'static str>>,
}

struct Name {
    topic: &'static str,
    /// Terms: one, or two in this order.
    pieces: Vec<usize>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut sets: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut terms: Vec<&str> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut names_of: Vec<Vec<usize>> = Vec::new();
        let mut names = Vec::new();
        let mut wider = BTreeMap::new();
        for row in rows(include_str!("topics.tsv")) {
            let [topic, listed, kinds] = row[..] else {
                continue;
            };
            if topic.starts_with('@') {
                sets.insert(topic, listed.split('|').collect());
                continue;
            }
            wider.insert(
                topic,
                kinds.split('|').filter(|kind| *kind != "-").collect(),
            );
            let listed = listed.split('|').filter(|name| *name != "-");
            for name in std::iter::once(topic).chain(listed) {
                for pieces in spelt_out(name, &sets) {
                    let place = names.len();
                    let pieces = pieces.into_iter().map(|piece| {
                        let term = *places.entry(piece).or_insert_with(|| {
                            terms.push(piece);
                            names_of.push(Vec::new());
                            terms.len() - 1
                        });
                        if let Some(of) = names_of.get_mut(term) {
                            of.push(place);
                        }
                        term
                    });
                    let pieces = pieces.collect();
                    names.push(Name { topic, pieces });
                }
            }
        }
        Table {
            terms: Terms::new(terms, |term| Cut::of(term).text),
            names_of,
            names,
            wider,
        }
    })
}

/// A name's pieces, once for each word of the sets that it refers to.
fn spelt_out<'a>(name: &'a str, sets: &BTreeMap<&str, Vec<&'a str>>) -> Vec<Vec<&'a str>> {
    let mut all: Vec<Vec<&str>> = vec![Vec::new()];
    for piece in name.split('…') {
        let own = [piece];
        let words = sets.get(piece).map_or(own.as_slice(), Vec::as_slice);
        all = all
            .iter()
            .flat_map(|before| {
                words.iter().map(|word| {
                    let mut pieces = before.clone();
                    pieces.push(*word);
                    pieces
                })
            })
            .collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let table = table();
        assert_eq!(table.terms.len(), table.names_of.len());
        let mut topics = BTreeSet::new();
        let mut of_name: BTreeMap<String, &str> = BTreeMap::new();
        for row in rows(include_str!("topics.tsv")) {
            assert_eq!(row.len(), 3, "{row:?}");
            if !row[0].starts_with('@') {
                assert!(topics.insert(row[0]), "{} stands twice", row[0]);
            }
        }
        for name in &table.names {
            assert!((1..=2).contains(&name.pieces.len()), "{}", name.topic);
        }
        for row in rows(include_str!("topics.tsv")) {
            let kinds = row[2].split('|').filter(|kind| *kind != "-");
            kinds.for_each(|kind| assert!(topics.contains(kind), "{kind} of {}", row[0]));
            for name in row[1].split('|') {
                if row[0].starts_with('@') || name == "-" {
                    continue;
                }
                for piece in name.split('…') {
                    let empty = Cut::of(piece).text.trim().is_empty();
                    assert!(!empty, "{name} of {} would stand everywhere", row[0]);
                }
                // One name, one topic: else a query would seek what it does not mean.
                let spelt = Cut::of(name).text + &"…".repeat(name.matches('…').count());
                let before = of_name.insert(spelt, row[0]);
                assert!(
                    before.is_none_or(|topic| topic == row[0]),
                    "{name}: {before:?}"
                );
            }
        }
    }

    #[test]
    fn pieces_of_a_name_stand_near_each_other_in_their_order() {
        let topics = |text: &str| -> BTreeSet<&str> {
            let cut = Cut::of(text);
            cut.topics().iter().map(|topic| topic.name).collect()
        };
        for text in [
            "右肺上叶腺癌",
            "肺癌",
            "肺部恶性肿瘤",
            "carcinoma of the lung",
            "NSCLC",
        ] {
            let found: BTreeSet<&str> = {
                let cut = Cut::of(text);
                cut.topics().iter().flat_map(Match::implied).collect()
            };
            assert!(found.contains("肺癌"), "{text}: {found:?}");
        }
        for text in [
            "肺部感染，胃癌",
            "癌症患者，肺部感染",
            "lung disease; cancer of colon",
        ] {
            assert!(!topics(text).contains("肺癌"), "{text}");
        }
    }
}
