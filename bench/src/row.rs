//! One measured operation: the form of every row of every benchmark.

use std::time::{Duration, Instant};

use serde::Serialize;

/// A row; fields that do not apply are left out.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    row: String,
    p50: f64,
    p99: f64,
    unit: &'static str,
    n: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lacks: Option<&'static str>,
}

/// In what a row counts.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Ms => "ms",
        }
    }

    fn of(self, time: Duration) -> f64 {
        let factor = match self {
            Self::Us => 1e6,
            Self::Ms => 1e3,
        };
        time.as_secs_f64() * factor
    }
}

impl Row {
    /// The row of the times measured.
    pub fn new(row: impl Into<String>, unit: Unit, times: Vec<Duration>) -> Self {
        let sorted = sorted(unit, times);
        let (p50, p99) = (quantile(&sorted, 50), quantile(&sorted, 99));
        let n = sorted.len();
        Self {
            row: row.into(),
            p50,
            p99,
            unit: unit.name(),
            n,
            bytes: None,
            peer: None,
            peer_p50: None,
            lacks: None,
        }
    }

    /// A row of one figure that is no time, over `n` of something.
    pub fn value(row: impl Into<String>, unit: &'static str, value: f64, n: usize) -> Self {
        let value = (value * 10.0).round() / 10.0;
        Self {
            row: row.into(),
            p50: value,
            p99: value,
            unit,
            n,
            bytes: None,
            peer: None,
            peer_p50: None,
            lacks: None,
        }
    }

    /// Notes what the operation does not give.
    #[must_use]
    pub const fn lacks(mut self, lacks: &'static str) -> Self {
        self.lacks = Some(lacks);
        self
    }

    /// Notes how many bytes the operation gives.
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// Notes what a peer takes for the same job.
    #[must_use]
    pub fn peer(mut self, name: &'static str, unit: Unit, times: Vec<Duration>) -> Self {
        self.peer = Some(name);
        self.peer_p50 = Some(quantile(&sorted(unit, times), 50));
        self
    }
}

/// How long `work` takes; what it gives cannot be optimised away.
pub fn time<R>(work: impl FnOnce() -> R) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

fn sorted(unit: Unit, times: Vec<Duration>) -> Vec<f64> {
    let mut sorted: Vec<f64> = times.into_iter().map(|time| unit.of(time)).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The nearest-rank quantile, to a tenth.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted
        .get(place)
        .map_or(0.0, |value| (value * 10.0).round() / 10.0)
}

/// Prints rows.
pub fn print(rows: &[Row], json: bool) -> anyhow::Result<()> {
    if json {
        for row in rows {
            println!("{}", serde_json::to_string(row)?);
        }
        return Ok(());
    }
    println!(
        "{:<28} {:>10} {:>10}     {:>6} {:>9}  peer p50",
        "row", "p50", "p99", "n", "bytes"
    );
    for Row {
        row,
        p50,
        p99,
        unit,
        n,
        bytes,
        peer,
        peer_p50,
        lacks,
    } in rows
    {
        let bytes = bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        let peer = peer
            .zip(*peer_p50)
            .map(|(name, p50)| format!("{p50:.1} {name}"));
        let notes = [peer, lacks.map(|lacks| format!("does not give: {lacks}"))];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        let notes = notes.join("; ");
        println!("{row:<28} {p50:>10.1} {p99:>10.1} {unit}  {n:>6} {bytes:>9}  {notes}");
    }
    Ok(())
}
