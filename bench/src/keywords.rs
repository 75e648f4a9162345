//! Keywords: recall and precision of the kept queries, apart for the third that is held out, what
//! an index costs, and other ways to cut Chinese beside ours.

use std::{collections::BTreeSet, time::Duration};

use jieba_rs::Jieba;
use yilian_crypto::search::{IndexEntry, PADDINGS};
use yilian_record::keyword::{self, Keyword};

#[path = "../../crates/record/tests/it/keyword_rows.rs"]
#[allow(
    clippy::panic,
    reason = "a row of the repository that cannot be read is a fault of the repository"
)]
mod keyword_rows;

use keyword_rows::{Query, Record, answers, given, last, later, own, queries};

use crate::row::{Row, time};

/// Measures everything. What is wrong among the queries that may be looked at is printed to
/// standard error; nothing of the others is.
pub fn measure() -> anyhow::Result<Vec<Row>> {
    let queries = queries();
    let (own, given) = (own(), given());
    if given.is_empty() {
        eprintln!("skipped: the given patients, ../shared/data is missing");
    }
    let mut rows = Vec::new();
    let is_own = |query: &Query| !query.is_given() && !query.is_later();
    for (name, records, is_of) in [
        ("own", &own, &is_own as &dyn Fn(&Query) -> bool),
        ("given", &given, &Query::is_given),
        ("later", &later(), &|query: &Query| query.kind == "later"),
        ("last", &last(), &|query: &Query| query.kind == "last"),
    ] {
        let of = queries.iter().filter(|query| is_of(query));
        let of: Vec<&Query> = of.collect();
        if records.is_empty() || of.is_empty() {
            continue;
        }
        of.iter()
            .filter(|query| !query.held_out)
            .for_each(|query| tell(query, records));
        for (side, held_out, fresh) in [
            ("tuned", false, false),
            ("held out", true, false),
            ("fresh", true, true),
        ] {
            let side_of = of
                .iter()
                .filter(|query| query.held_out == held_out && query.is_fresh() == fresh);
            let some: Vec<&Query> = side_of.copied().collect();
            if some.is_empty() {
                continue;
            }
            let matches = |record: &Record, query: &str| answers(&record.index, query);
            rows.extend(found(&format!("{name} {side}"), &some, records, matches));
        }
        rows.extend(sizes(name, records.iter().map(|record| record.index.len())));
        let old: Vec<&Query> = of.into_iter().filter(|query| !query.is_fresh()).collect();
        rows.extend(others(name, &old, records));
    }
    rows.extend(times(&own));
    Ok(rows)
}

fn tell(query: &Query, records: &[Record]) {
    let outcome = query.run(records, |record| answers(&record.index, query.text));
    if outcome.recall() < 1.0 || outcome.wrong > 0 {
        let (found, wanted, wrong) = (outcome.found, outcome.wanted, outcome.wrong);
        eprintln!(
            "{} `{}`: {found} of {wanted} found, {wrong} wrong",
            query.kind, query.text
        );
    }
}

/// Mean recall and precision, and queries that find all that they must.
fn found(
    name: &str,
    queries: &[&Query],
    records: &[Record],
    matches: impl Fn(&Record, &str) -> bool,
) -> [Row; 3] {
    let outcomes: Vec<_> = queries
        .iter()
        .map(|query| query.run(records, |record| matches(record, query.text)))
        .collect();
    let mean = |of: &dyn Fn(usize) -> f64| {
        100.0 * (0..outcomes.len()).map(of).sum::<f64>() / count(outcomes.len().max(1))
    };
    let at = |place: usize| outcomes.get(place);
    let recall = mean(&|place| at(place).map_or(0.0, |one| one.recall()));
    let precision = mean(&|place| at(place).map_or(0.0, |one| one.precision()));
    let whole = mean(&|place| at(place).map_or(0.0, |one| f64::from(one.found == one.wanted)));
    let n = outcomes.len();
    [
        Row::value(format!("{name} recall"), "%", recall, n),
        Row::value(format!("{name} found whole"), "%", whole, n),
        Row::value(format!("{name} precision"), "%", precision, n),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
fn count(number: usize) -> f64 {
    number as f64
}

/// Entries of an index, and the bytes on the chain that they are padded to.
fn sizes(name: &str, entries: impl Iterator<Item = usize>) -> [Row; 4] {
    let mut entries: Vec<usize> = entries.collect();
    entries.sort_unstable();
    let padded = |entries: &usize| PADDINGS.into_iter().find(|size| entries <= size);
    let bytes: usize = entries.iter().filter_map(padded).sum::<usize>() * IndexEntry::SIZE;
    let n = entries.len();
    let at = |percent: usize| {
        let place = (n * percent).div_ceil(100).saturating_sub(1);
        count(entries.get(place).copied().unwrap_or(0))
    };
    let row = |what: &str, value| Row::value(format!("{name} {what}"), "entries", value, n);
    [
        row("index p50", at(50)),
        row("index p99", at(99)),
        row("index max", at(100)),
        Row::value(
            format!("{name} bytes a record"),
            "B",
            count(bytes) / count(n.max(1)),
            n,
        ),
    ]
}

/// A way to cut a text into words, for records or for queries.
type Cutter<'a> = &'a dyn Fn(&str) -> BTreeSet<String>;

/// Other ways: dictionary words, single characters, pairs without topics. Codes and synonyms of
/// codes are as ours, so that what differs is how text is cut.
fn others(name: &str, queries: &[&Query], records: &[Record]) -> Vec<Row> {
    let jieba = Jieba::new();
    let dictionary = |text: &str| -> BTreeSet<String> {
        let text = text.to_lowercase();
        let tokens = jieba.cut_for_search(&text, true).into_iter();
        let words = tokens.map(|token| token.word.trim().to_owned());
        words.filter(|word| word.chars().nth(1).is_some()).collect()
    };
    let characters = |text: &str| grams(text, 1);
    let pairs = |text: &str| grams(text, 2);
    let ways: [(&str, Cutter<'_>); 3] = [
        ("jieba", &dictionary),
        ("characters", &characters),
        ("pairs alone", &pairs),
    ];
    let mut rows = Vec::new();
    for (way, cut) in ways {
        let indexes = records.iter().map(|record| {
            let codes = record.index.iter().filter(|text| text.starts_with("code:"));
            let words = record.texts.iter().flat_map(|text| cut(text));
            let mut record = record.clone();
            record.index = codes.cloned().chain(words).collect();
            record
        });
        let indexes: Vec<Record> = indexes.collect();
        let matches = |record: &Record, query: &str| {
            let sought = cut(query);
            let code = keyword::query(query)
                .iter()
                .any(|word| matches!(word, Keyword::Code(_)));
            if code {
                return answers(&record.index, query);
            }
            !sought.is_empty() && sought.is_subset(&record.index)
        };
        let [recall, _, precision] = found(&format!("{name} {way}"), queries, &indexes, matches);
        let [p50, p99, ..] = sizes(
            &format!("{name} {way}"),
            indexes.iter().map(|record| record.index.len()),
        );
        rows.extend([recall, precision, p50, p99]);
    }
    let ours = |record: &Record, query: &str| answers(&record.index, query);
    let [recall, _, precision] = found(&format!("{name} ours"), queries, records, ours);
    rows.extend([recall, precision]);
    rows
}

/// Latin words, and of Chinese each `length` characters that stand together.
fn grams(text: &str, length: usize) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let mut found = BTreeSet::new();
    for run in lower.split(|c: char| !c.is_alphanumeric()) {
        for word in run.split(han).filter(|word| word.len() > 1) {
            found.insert(word.to_owned());
        }
        for piece in run.split(|c: char| !han(c)) {
            let characters: Vec<char> = piece.chars().collect();
            found.extend(
                characters
                    .windows(length)
                    .map(|gram| gram.iter().collect::<String>()),
            );
        }
    }
    found
}

/// What a text of a record and a query take.
fn times(records: &[Record]) -> [Row; 2] {
    let texts: Vec<&String> = records.iter().flat_map(|record| &record.texts).collect();
    let queries = queries();
    // The tables are read before.
    std::hint::black_box(keyword::query("高血压 hypertension"));
    let of_texts: Vec<Duration> = texts
        .iter()
        .map(|text| time(|| keyword::words(text)))
        .collect();
    let of_queries = queries
        .iter()
        .map(|query| time(|| keyword::query(query.text)));
    [
        Row::new("words of a display", crate::row::Unit::Us, of_texts),
        Row::new(
            "words of a query",
            crate::row::Unit::Us,
            of_queries.collect(),
        ),
    ]
}
