//! Documents: tables that render as tables, and links that lead somewhere.

use super::{Fault, File};

/// Rows that stand in no table, and rows with more or fewer cells than their table's head.
pub fn tables(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut table: Option<Table> = None;
    for (line, number) in prose_lines(&file.text) {
        if !line.starts_with('|') {
            let short = table.take().is_some_and(|table| table.rows < 2);
            if short {
                faults.push(format!("{}:{}: a table of one row", file.path, number - 1));
            }
            continue;
        }
        let cells = cells(line);
        let table = table.get_or_insert(Table { rows: 0, cells });
        table.rows += 1;
        if table.rows == 2 && !is_delimiter(line) {
            faults.push(format!(
                "{}:{number}: this row is in no table: a head and a line of |---| must precede it",
                file.path
            ));
        } else if cells != table.cells {
            faults.push(format!(
                "{}:{number}: {cells} cells under a head of {}",
                file.path, table.cells
            ));
        }
    }
    faults
}

struct Table {
    rows: usize,
    /// Of its head.
    cells: usize,
}

fn cells(line: &str) -> usize {
    let bars = line.replace("\\|", "").matches('|').count();
    bars.saturating_sub(1)
}

fn is_delimiter(line: &str) -> bool {
    line.contains("---") && line.chars().all(|c| "|-: ".contains(c))
}

/// The lines outside code blocks, with their numbers; after the last an empty one.
fn prose_lines(text: &str) -> Vec<(&str, usize)> {
    let mut inside = false;
    let mut lines = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let fence = line.trim_start().starts_with("```");
        if !fence && !inside {
            lines.push((line, number));
        } else if fence && !inside {
            // A block ends a table.
            lines.push(("", number));
        }
        inside ^= fence;
    }
    lines.push(("", text.lines().count() + 1));
    lines
}

/// Relative links to files that are not there, and to headings that are not.
pub fn links(file: &File, files: &[File]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (line, number) in prose_lines(&file.text) {
        for target in targets(line) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (name, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if name.is_empty() {
                file.path.clone()
            } else {
                beside(&file.path, name)
            };
            let found = files.iter().find(|file| file.path == path);
            let there = match found {
                Some(found) => heading.is_empty() || headings(found).any(|slug| slug == heading),
                None => heading.is_empty() && crate::run::root().join(&path).exists(),
            };
            if !there {
                faults.push(format!("{}:{number}: {target} leads nowhere", file.path));
            }
        }
    }
    faults
}

/// What follows `](` up to `)`, in each link of a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let code = |at: usize| line[..at].matches('`').count() % 2 == 1;
    line.match_indices("](").filter_map(move |(at, _)| {
        let (target, _) = line[at + 2..].split_once(')')?;
        (!code(at)).then_some(target)
    })
}

/// `name`, seen from the folder of `path`.
fn beside(path: &str, name: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The names by which a document's headings are linked to.
fn headings(file: &File) -> impl Iterator<Item = String> {
    let lines = prose_lines(&file.text).into_iter();
    lines.filter_map(|(line, _)| {
        let text = line.strip_prefix('#')?.trim_start_matches('#').trim();
        let kept = text
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_table_cut_by_an_empty_line_is_broken() {
        let good = "| a | b |\n|---|---|\n| c | d |\n";
        assert!(tables(&file("f", good)).is_empty());
        let cut = format!("{good}\n| e | f |\n| g | h |\n");
        assert_eq!(tables(&file("f", &cut)).len(), 1);
        assert_eq!(tables(&file("f", "| a | b |\n")).len(), 1);
        let short = format!("{good}| e |\n");
        assert_eq!(
            tables(&file("f", &short)),
            ["f:4: 1 cells under a head of 2"]
        );
        let fenced = "```\n| a | b |\n```\n";
        assert!(tables(&file("f", fenced)).is_empty());
    }

    #[test]
    fn a_link_leads_to_a_file_and_a_heading() {
        let files = [
            file(
                "README.md",
                "[a](docs/A.md) [b](docs/A.md#two-words) [c](#here)\n# Here",
            ),
            file(
                "docs/A.md",
                "## Two words\n[back](../README.md) `[no](link)`",
            ),
            file(
                "docs/B.md",
                "[x](C.md) [y](A.md#three) [z](https://example.org)",
            ),
        ];
        assert_eq!(links(&files[0], &files), Vec::<Fault>::new());
        assert_eq!(links(&files[1], &files), Vec::<Fault>::new());
        assert_eq!(links(&files[2], &files).len(), 2);
    }
}
