//! What each step cost.

use std::{collections::BTreeMap, fmt, time::Instant};

use serde::{Serialize, ser::SerializeStruct as _};

/// The steps, in the order of the story.
const STEPS: &[&str] = &[
    "import", "check-in", "seal", "open", "share", "re-open", "grant", "read", "revoke", "refuse",
];

/// Figures of a demonstration.
#[derive(Debug, Default)]
pub struct Figures {
    /// Patients played.
    pub patients: usize,
    /// Visits sealed.
    pub encounters: usize,
    /// Visits every part of which came back byte for byte, through the patient, the share and the
    /// grant.
    pub equal: usize,
    steps: BTreeMap<&'static str, Step>,
}

#[derive(Debug, Default)]
struct Step {
    ms: Vec<f64>,
    bytes: u64,
}

/// One row of the table.
#[derive(Debug, Serialize)]
struct Row {
    step: &'static str,
    count: usize,
    p50_ms: f64,
    p99_ms: f64,
    bytes: u64,
}

impl Figures {
    /// Times a step.
    pub fn time<R>(&mut self, step: &'static str, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = work();
        self.note(step, start, 0);
        result
    }

    /// Notes a step that began at `start` and moved `bytes`.
    pub fn note(&mut self, step: &'static str, start: Instant, bytes: usize) {
        let entry = self.steps.entry(step).or_default();
        entry.ms.push(start.elapsed().as_secs_f64() * 1_000.0);
        entry.bytes += bytes as u64;
    }

    /// Fails when anything came back changed.
    pub fn check(&self) -> anyhow::Result<()> {
        let (equal, all) = (self.equal, self.encounters);
        anyhow::ensure!(
            equal == all,
            "only {equal} of {all} encounters came back byte for byte"
        );
        Ok(())
    }

    fn rows(&self) -> Vec<Row> {
        let row = |step: &&'static str| {
            let Step { ms, bytes } = self.steps.get(step)?;
            let mut ms = ms.clone();
            ms.sort_by(f64::total_cmp);
            let (p50_ms, p99_ms) = (quantile(&ms, 50), quantile(&ms, 99));
            Some(Row {
                step,
                count: ms.len(),
                p50_ms,
                p99_ms,
                bytes: *bytes,
            })
        };
        STEPS.iter().filter_map(row).collect()
    }
}

/// The nearest-rank quantile of sorted values, rounded to a microsecond.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted
        .get(place)
        .map_or(0.0, |ms| (ms * 1_000.0).round() / 1_000.0)
}

impl Serialize for Figures {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Figures", 4)?;
        object.serialize_field("patients", &self.patients)?;
        object.serialize_field("encounters", &self.encounters)?;
        object.serialize_field("equal", &self.equal)?;
        object.serialize_field("steps", &self.rows())?;
        object.end()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            patients,
            encounters,
            equal,
            ..
        } = self;
        writeln!(
            f,
            "{:<9} {:>7} {:>10} {:>10} {:>12}",
            "step", "count", "p50 ms", "p99 ms", "bytes"
        )?;
        for Row {
            step,
            count,
            p50_ms,
            p99_ms,
            bytes,
        } in self.rows()
        {
            writeln!(
                f,
                "{step:<9} {count:>7} {p50_ms:>10.3} {p99_ms:>10.3} {bytes:>12}"
            )?;
        }
        writeln!(
            f,
            "{patients} patients, {encounters} encounters, {equal} equal byte for byte"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            (quantile(&hundred, 50), quantile(&hundred, 99)),
            (50.0, 99.0)
        );
        assert_eq!(quantile(&[3.0], 99), 3.0);
        assert_eq!(quantile(&[], 50), 0.0);
    }

    #[test]
    fn a_change_on_the_way_fails_the_demonstration() {
        let figures = Figures {
            encounters: 2,
            equal: 1,
            ..Figures::default()
        };
        assert!(figures.check().is_err());
    }
}
