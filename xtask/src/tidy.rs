//! Tidiness as a check: what a reader stumbles over, found by a machine instead of by him.
//!
//! | check | exceptions |
//! |---|---|
//! | no line over 100 columns, in code, settings and documents | addresses; strings |
//! | no broken table, no link that leads nowhere, in documents | - |
//! | no `pub` item that nobody else names | [`items::KEPT`], each with its reason |
//! | no `todo!`, `unimplemented!`, `dbg!` | - |
//! | no function over 70 lines | [`LONG_FUNCTIONS`], which may only shrink |
//! | every `"yilian/v1/.."` stands in the table of labels | - |

mod functions;
mod items;
mod prose;
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::run;
use source::Source;

/// Columns of a line.
const COLUMNS: usize = 100;
/// Lines of a function: what a screen shows.
const FUNCTION_LINES: usize = 70;

/// Functions that were over the limit when it was set, and their lines. A number goes down or the
/// entry goes; neither is ever added to.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[
    ("bench/src/search.rs", "beside", 134),
    (
        "crates/app/tests/it/trace_attacks.rs",
        "a_false_author_is_told_and_his_word_counts_nothing",
        96,
    ),
    (
        "crates/app/tests/it/trace_attacks.rs",
        "a_true_event_moved_to_another_pack_is_found",
        85,
    ),
    (
        "crates/app/tests/it/trace_attacks.rs",
        "what_does_not_follow_is_out_of_order",
        127,
    ),
    (
        "crates/app/tests/it/trace_privacy.rs",
        "a_copy_of_the_chain_tells_neither_product_nor_owner_nor_what_travels_together",
        132,
    ),
    (
        "crates/app/tests/it/trace_story.rs",
        "a_pack_goes_from_factory_to_bedside_and_every_holder_can_check_it",
        111,
    ),
    (
        "crates/app/tests/it/lying_node.rs",
        "a_node_can_neither_invent_nor_change_nor_hide_nor_take_back_an_entry",
        77,
    ),
    ("crates/record/src/epcis/epc.rs", "gs1_key", 77),
    (
        "crates/record/tests/it/epcis_field_cases.rs",
        "identifiers_are_compared_as_what_they_name",
        96,
    ),
    ("crates/node/src/order/engine.rs", "start", 311),
    ("crates/node/src/order/simulation.rs", "init", 88),
    ("crates/protocol/src/refusal.rs", "remedy", 94),
    ("crates/record/src/fhir/definitions.rs", "known_answers", 71),
    (
        "crates/record/tests/it/codes.rs",
        "bad_codes_are_refused_with_their_reason",
        79,
    ),
    (
        "crates/record/tests/it/epcis_events.rs",
        "invalid_captures_and_answers_are_refused_where_they_are_wrong",
        86,
    ),
    ("crates/record/tests/it/fhir_faults.rs", "faults", 89),
];

/// Where all of it is looked for.
const FOLDERS: [&str; 12] = [
    "crates",
    "bench",
    "xtask",
    "docs",
    "vectors",
    ".cargo",
    "web/assets/src",
    "web/wallet",
    "web/pages/src",
    "web/pages/scripts",
    "web/pages/tests",
    "web/pages/public",
];

/// A file of the project.
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
}

/// A fault, and where it is.
pub type Fault = String;

pub fn run() -> anyhow::Result<()> {
    let files = files()?;
    let faults = faults(&files);
    if faults.is_empty() {
        eprintln!("tidy: {} files are", files.len());
        return Ok(());
    }
    bail!(
        "{} faults of form:\n  {}",
        faults.len(),
        faults.join("\n  ")
    )
}

fn faults(files: &[File]) -> Vec<Fault> {
    let of = |extension: &str| {
        let end = format!(".{extension}");
        files.iter().filter(move |file| file.path.ends_with(&end))
    };
    let sources: Vec<(&File, Source)> = of("rs")
        .map(|file| (file, Source::new(&file.text)))
        .collect();
    let mut faults = Vec::new();
    for (file, source) in &sources {
        faults.extend(wide_lines(&file.path, &source.without_text()));
        faults.extend(leftovers(file, source));
    }
    let quoted = ["toml", "py", "ts", "tsx", "css"];
    for file in quoted.into_iter().flat_map(&of) {
        faults.extend(wide_lines(&file.path, &without_quoted(&file.text)));
    }
    for file in of("md") {
        faults.extend(wide_lines(&file.path, &file.text));
        faults.extend(prose::tables(file));
        faults.extend(prose::links(file, files));
    }
    faults.extend(functions::over(FUNCTION_LINES, &sources, LONG_FUNCTIONS));
    faults.extend(items::unnamed(&sources));
    faults.extend(labels(&sources));
    faults
}

/// Lines that are too wide, addresses left aside: nobody can break those.
fn wide_lines(path: &str, text: &str) -> Vec<Fault> {
    let wide = text.lines().zip(1..).filter_map(|(line, number)| {
        let columns = without_addresses(line).chars().count();
        (columns > COLUMNS).then(|| format!("{path}:{number}: {columns} columns"))
    });
    wide.collect()
}

fn without_addresses(line: &str) -> String {
    let is_address = |word: &str| word.contains("://");
    let ends = |character: char| character.is_whitespace() || "()<>`\"".contains(character);
    line.split_inclusive(ends)
        .filter(|word| !is_address(word))
        .collect()
}

/// Settings without what stands in double quotes.
fn without_quoted(text: &str) -> String {
    let line = |line: &str| {
        let pieces: Vec<&str> = line.split('"').step_by(2).collect();
        pieces.concat()
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    lines.join("\n")
}

fn leftovers(file: &File, source: &Source) -> Vec<Fault> {
    let code = source.code();
    let left = code.lines().zip(1..).filter_map(|(line, number)| {
        let left = ["todo!", "unimplemented!", "dbg!"]
            .into_iter()
            .find(|left| line.contains(left))?;
        Some(format!("{}:{number}: {left}", file.path))
    });
    left.collect()
}

/// Domain separation is one table: a label that stands elsewhere may be another one's beginning.
fn labels(sources: &[(&File, Source)]) -> Vec<Fault> {
    const TABLE: &str = "crates/crypto/src/label.rs";
    const PREFIX: &str = "yilian/v1/";
    let table = sources.iter().find(|(file, _)| file.path == TABLE);
    let table: Vec<String> = table.map(|(_, table)| table.texts()).unwrap_or_default();
    let own = |path: &str| path.starts_with("crates/") && path.contains("/src/");
    let mut faults = Vec::new();
    for (file, source) in sources.iter().filter(|(file, _)| own(&file.path)) {
        for text in source.texts() {
            let Some(label) = text.trim_matches('"').strip_prefix(PREFIX) else {
                continue;
            };
            // The table has them without what all begin with.
            if file.path != TABLE && !table.contains(&format!("\"{label}\"")) {
                faults.push(format!("{}: {text} is not in {TABLE}", file.path));
            }
        }
    }
    faults
}

/// What is checked: the documents at the root, and everything written in the folders.
fn files() -> anyhow::Result<Vec<File>> {
    let root = run::root();
    let mut paths = Vec::new();
    for entry in fs::read_dir(&root)? {
        let path = entry?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    for folder in FOLDERS {
        walk(&root.join(folder), &mut paths)?;
    }
    paths.sort();
    let written = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(
            extension,
            Some("rs" | "md" | "toml" | "py" | "svg" | "ts" | "tsx" | "css")
        )
    };
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        let path = path.strip_prefix(&root).unwrap_or(&path);
        let path = path.to_string_lossy().replace('\\', "/");
        Ok(File { path, text })
    };
    paths.into_iter().filter(written).map(read).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            // What tools write is theirs.
            if !path.ends_with("generated") {
                walk(&path, paths)?;
            }
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_line_is_found_and_an_address_or_string_is_not_its_fault() {
        let long = "a ".repeat(60);
        let address = format!("see https://example.org/{}", "a".repeat(90));
        let string = Source::new(&format!("    call(\"{long}\", 1);")).without_text();
        assert_eq!(wide_lines("f", &format!("x\n{long}")), ["f:2: 120 columns"]);
        assert!(wide_lines("f", &address).is_empty());
        assert!(wide_lines("f", &string).is_empty());
        let comment = Source::new(&format!("// {long}")).without_text();
        assert_eq!(wide_lines("f", &comment).len(), 1);
        assert!(wide_lines("f", &without_quoted(&format!("a = \"{long}\""))).is_empty());
    }

    #[test]
    fn a_leftover_is_found_in_code_only() {
        let file = File {
            path: "f".into(),
            text: "// todo!\nlet a = \"dbg!\";\ntodo!()".into(),
        };
        let source = Source::new(&file.text);
        assert_eq!(leftovers(&file, &source), ["f:3: todo!"]);
    }

    #[test]
    fn a_label_outside_the_table_is_found() {
        let file = |path: &str, text: &str| File {
            path: path.into(),
            text: text.into(),
        };
        let files = [
            file("crates/crypto/src/label.rs", "A = \"a/b\";"),
            file(
                "crates/node/src/x.rs",
                "a(\"yilian/v1/a/b\", b\"yilian/v1/c\")",
            ),
        ];
        let sources: Vec<_> = files
            .iter()
            .map(|file| (file, Source::new(&file.text)))
            .collect();
        let faults = labels(&sources);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("yilian/v1/c"));
    }
}
