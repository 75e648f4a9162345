//! Labels: precision and recall on the rows of the repository, apart for the third that is held
//! out, and the time that a large bundle takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use yilian_record::{encounter::visits, fhir::Bundle, label::levels, synthetic::Population};

#[path = "../../crates/record/tests/it/label_rows.rs"]
#[allow(
    clippy::indexing_slicing,
    reason = "a member of a JSON object is set, not sought"
)]
mod label_rows;

use crate::row::{Row, Unit, time};
use label_rows::Side;

/// Bytes of the bundle that is timed, at least.
const LARGE: usize = 4_000_000;
const ROUNDS: usize = 20;

/// Measures everything. What was missed among the rows that may be looked at is printed to standard
/// error.
pub fn measure() -> anyhow::Result<Vec<Row>> {
    let mut counts: BTreeMap<(Side, &str), Counts> = BTreeMap::new();
    for row in label_rows::rows() {
        let found = row.found();
        for topic in BTreeSet::from(["all", row.topic]) {
            let counts = counts.entry((row.side, topic)).or_default();
            counts.add(row.sensitive, found);
        }
        if found != row.sensitive && row.side == Side::Tuned {
            eprintln!("wrong: {}", row.text);
        }
    }
    let mut rows: Vec<Row> = counts
        .into_iter()
        .flat_map(|((side, topic), counts)| counts.rows(side, topic))
        .collect();
    rows.push(large()?);
    Ok(rows)
}

#[derive(Default)]
struct Counts {
    right: usize,
    missed: usize,
    taken: usize,
    left: usize,
}

impl Counts {
    fn add(&mut self, sensitive: bool, found: bool) {
        let count = match (sensitive, found) {
            (true, true) => &mut self.right,
            (true, false) => &mut self.missed,
            (false, true) => &mut self.taken,
            (false, false) => &mut self.left,
        };
        *count += 1;
    }

    /// Recall of what is sensitive, precision of what was taken for it, and for the harmless the
    /// share that was left alone.
    fn rows(&self, side: Side, topic: &str) -> Vec<Row> {
        let side = match side {
            Side::Tuned => "tuned",
            Side::HeldOut => "held out",
            Side::Later => "later",
        };
        let share = |what: &str, part: usize, whole: usize| {
            let name = format!("{topic} {side} {what}");
            (whole > 0).then(|| Row::value(name, "%", percent(part, whole), whole))
        };
        let sensitive = self.right + self.missed;
        let precision = (sensitive > 0)
            .then(|| share("precision", self.right, self.right + self.taken))
            .flatten();
        let recall = share("recall", self.right, sensitive);
        let harmless = self.left + self.taken;
        let left = share("left alone", self.left, harmless);
        [precision, recall, left].into_iter().flatten().collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of some hundreds")]
fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole as f64
}

/// The levels of a bundle of about four megabytes: one of `../shared/data` where it is there, else
/// synthetic ones.
fn large() -> anyhow::Result<Row> {
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/fhir-synthea-r4-heavy");
    let mut bundles = Vec::new();
    for entry in std::fs::read_dir(data).into_iter().flatten() {
        bundles.push(std::fs::read(entry?.path())?);
    }
    bundles.sort_by_key(Vec::len);
    let mut large: Vec<Vec<u8>> = bundles.pop().into_iter().collect();
    let mut more = Population::new(4).patients(10_000);
    while large.iter().map(Vec::len).sum::<usize>() < LARGE - LARGE / 10 {
        large.extend(more.next());
    }
    let bytes = large.iter().map(Vec::len).sum();
    let mut all = Vec::new();
    for bundle in large {
        all.extend(visits(Bundle::parse(&bundle)?)?);
    }
    let once = |_| time(|| all.iter().map(levels).collect::<Vec<_>>());
    let times: Vec<Duration> = (0..ROUNDS).map(once).collect();
    Ok(Row::new("levels of a large bundle", Unit::Ms, times).bytes(bytes))
}
