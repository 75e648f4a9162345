//! Draws how searching grows: `cargo xtask bench search --json > rows.json`, then `cargo xtask plot
//! rows.json docs/search.svg`.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

#[derive(Args)]
pub struct Options {
    /// Rows of `cargo xtask bench search --json`
    rows: PathBuf,
    /// Where the drawing goes
    out: PathBuf,
}

/// Rows drawn, with their colours; times in µs.
const LINES: [(&str, &str, &str); 4] = [
    ("search.query.", "p50", "#1f6f8b"),
    ("search.query.", "p99", "#99c1d1"),
    ("search.and.", "p50", "#b5532a"),
    ("search.query-first.", "p50", "#8a8a8a"),
];
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 56.0;

pub fn run(options: &Options) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&options.rows)
        .with_context(|| format!("cannot read {}", options.rows.display()))?;
    let rows = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Value>, _>>()?;
    std::fs::write(&options.out, draw(&rows)?)
        .with_context(|| format!("cannot write {}", options.out.display()))
}

/// Points of one line: records -> µs.
fn points(rows: &[Value], prefix: &str, quantile: &str) -> BTreeMap<u64, f64> {
    let point = |row: &Value| {
        let records = row["row"].as_str()?.strip_prefix(prefix)?.parse().ok()?;
        Some((records, row[quantile].as_f64()?))
    };
    rows.iter().filter_map(point).collect()
}

/// The drawing up to its title.
fn head() -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"14\">Search on disk, µs, by number of records (10 keywords each)</text>\n"
    )
}

fn draw(rows: &[Value]) -> anyhow::Result<String> {
    let lines: Vec<_> = LINES
        .iter()
        .map(|(prefix, quantile, colour)| {
            let name = format!("{} {quantile}", prefix.trim_end_matches('.'));
            (name, *colour, points(rows, prefix, quantile))
        })
        .collect();
    let all = || lines.iter().flat_map(|(_, _, points)| points);
    let top = all().map(|(_, us)| *us).fold(0.0, f64::max);
    let (first, last) = (all().map(|(n, _)| *n).min(), all().map(|(n, _)| *n).max());
    let (first, last) = first
        .zip(last)
        .context("there are no rows search.query.N")?;
    let top = (top / 50.0).ceil() * 50.0;
    let across = ((last as f64).log10() - (first as f64).log10()).max(1.0);
    let x = |n: u64| {
        MARGIN + (WIDTH - 2.0 * MARGIN) * ((n as f64).log10() - (first as f64).log10()) / across
    };
    let y = |us: f64| HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * us / top;

    let mut svg = head();
    for step in 0..=4 {
        let us = top * f64::from(step) / 4.0;
        let (at, right) = (y(us), WIDTH - MARGIN);
        writeln!(
            svg,
            "<line x1=\"{MARGIN}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>"
        )?;
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{us:.0}</text>",
            MARGIN - 6.0,
            at + 4.0
        )?;
    }
    for n in all()
        .map(|(n, _)| *n)
        .collect::<std::collections::BTreeSet<_>>()
    {
        let bottom = HEIGHT - MARGIN + 18.0;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{bottom}\" text-anchor=\"middle\">{n}</text>",
            x(n)
        )?;
    }
    for (place, (name, colour, points)) in lines.iter().enumerate() {
        let path: Vec<String> = points
            .iter()
            .map(|(n, us)| format!("{:.1},{:.1}", x(*n), y(*us)))
            .collect();
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        )?;
        let left = MARGIN + 145.0 * place as f64;
        writeln!(
            svg,
            "<text x=\"{left}\" y=\"{}\" fill=\"{colour}\">{name}</text>",
            HEIGHT - 12.0
        )?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_become_lines_and_their_lack_an_error() {
        let rows = [1_000_u64, 10_000].map(|n| {
            json!({ "row": format!("search.query.{n}"), "p50": 30.0, "p99": 90.0, "unit": "us", "n": 5 })
        });
        let svg = draw(&rows).unwrap();
        assert_eq!(svg.matches("<polyline").count(), LINES.len());
        assert!(svg.contains(">10000<"));
        assert!(draw(&[]).is_err());
    }
}
