//! The commands that README.md and docs/commands.md show are run, and answer what they show.
//!
//! A block of ```` ```sh ```` is run line by line in one shell, from the top of its page to the
//! end. `# refused: RULE` behind a command says that it must fail, and how.
//!
//! A block of ```` ```sh not-run: REASON ```` is not run. Its reason is `builds`, or the file of a
//! test that runs the same subcommands.
//!
//! A block of ```` ```text ```` right behind one that is run is its output: but for digits and
//! blanks it must be what the program prints.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// One command of a page, and how it must end.
struct Line {
    number: usize,
    command: String,
    refused: Option<String>,
}

/// A block of commands.
struct Block {
    lines: Vec<Line>,
    not_run: Option<String>,
    output: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The blocks of a page, in order.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = page.lines().zip(1..);
    // Whether nothing but empty lines stands behind a block that is run.
    let mut behind = false;
    while let Some((line, number)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            behind &= line.is_empty();
            continue;
        };
        // Takes the closing line with it.
        let inside = lines.by_ref().map(|(line, _)| line);
        let inside: Vec<&str> = inside.take_while(|line| !line.starts_with("```")).collect();
        match kind.split_once(' ').unwrap_or((kind, "")) {
            ("sh", why) => {
                let not_run = why.strip_prefix("not-run: ").map(str::to_owned);
                assert!(why.is_empty() || not_run.is_some(), "line {number}: {why}");
                behind = not_run.is_none();
                blocks.push(Block {
                    lines: commands(&inside, number + 1),
                    not_run,
                    output: None,
                });
            }
            ("text", _) if behind => {
                blocks.last_mut().unwrap().output = Some(inside.join("\n"));
                behind = false;
            }
            _ => behind = false,
        }
    }
    blocks
}

fn commands(inside: &[&str], first: usize) -> Vec<Line> {
    let mut commands: Vec<Line> = Vec::new();
    let mut continued = false;
    for (line, number) in inside.iter().zip(first..) {
        if continued {
            let command = &mut commands.last_mut().unwrap().command;
            write!(command, "\n{line}").unwrap();
        } else if !line.trim().is_empty() {
            let refused = line
                .split_once("# refused: ")
                .map(|(_, rule)| rule.trim().to_owned());
            commands.push(Line {
                number,
                command: (*line).to_owned(),
                refused,
            });
        }
        continued = line.ends_with('\\');
    }
    commands
}

/// A folder in which `yilian` is the program, and the examples are where the pages say.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_yilian"), bin.join("yilian")).unwrap();
        let examples = folder.path().join("work/examples");
        std::fs::create_dir_all(&examples).unwrap();
        for name in ["visit.json", "letter.hl7"] {
            let given = root().join("examples").join(name);
            std::fs::copy(given, examples.join(name)).unwrap();
        }
        Self(folder)
    }

    /// Runs the blocks in one shell; what each of them printed.
    fn run(&self, blocks: &[&Block]) -> Vec<String> {
        let script = script(blocks);
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(self.0.path().join("work"))
            .env(
                "PATH",
                format!("{}:{path}", self.0.path().join("bin").display()),
            )
            .env_remove("YILIAN_HOME")
            .env_remove("YILIAN_NODE")
            .env_remove("YILIAN_PASSPHRASE_FILE")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "the last command shown failed:\n{told}"
        );
        let outputs = told.split(BLOCK).skip(1);
        outputs.map(|output| output.trim().to_owned()).collect()
    }
}

/// Stands before what a block prints.
const BLOCK: &str = "@@ block\n";

/// Each command, and behind it whether it ended as it must.
fn script(blocks: &[&Block]) -> String {
    let mut script = String::new();
    for block in blocks {
        script.push_str("printf '@@ block\\n'\n");
        for line in &block.lines {
            let Line {
                number, command, ..
            } = line;
            match &line.refused {
                None => writeln!(
                    script,
                    "{command}\nended=$?; [ $ended = 0 ] || {{ echo \"line {number} failed\"; exit 1; }}"
                ),
                Some(rule) => writeln!(
                    script,
                    "told=$( ({command}\n) 2>&1) && {{ echo \"line {number} succeeded\"; exit 1; }}\n\
                     case \"$told\" in *{rule}*) ;; *) echo \"line {number}: $told\"; exit 1;; esac"
                ),
            }
            .unwrap();
        }
    }
    script
}

/// Output without what differs from run to run: ids (which a page may cut short with `…`), numbers,
/// times, widths.
fn shape(output: &str) -> Vec<String> {
    let lines = output.lines().map(|line| {
        let words: Vec<String> = line.split_whitespace().map(word_shape).collect();
        words.join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect()
}

fn word_shape(word: &str) -> String {
    let digits = word.trim_end_matches('…');
    if digits.len() >= 8 && digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return "ID".to_owned();
    }
    let mut shape: Vec<char> = word
        .chars()
        .map(|character| {
            if character.is_ascii_digit() {
                '0'
            } else {
                character
            }
        })
        .collect();
    shape.dedup_by(|after, before| *after == '0' && *before == '0');
    // A time that falls on a whole second has no fraction.
    shape.into_iter().collect::<String>().replace(".0Z", "Z")
}

fn play(name: &str) {
    let page = page(name);
    let blocks = blocks(&page);
    assert!(
        blocks.iter().any(|block| block.not_run.is_none()),
        "{name} shows nothing"
    );
    blocks.iter().for_each(check_reason);
    let run: Vec<&Block> = blocks
        .iter()
        .filter(|block| block.not_run.is_none())
        .collect();
    let outputs = Folder::new().run(&run);
    for (block, output) in run.iter().zip(&outputs) {
        if let Some(expected) = &block.output {
            assert_eq!(shape(output), shape(expected), "{name} prints\n{output}");
        }
    }
}

/// What is not run builds something, or its subcommands are run by the test that is named.
fn check_reason(block: &Block) {
    let Some(reason) = &block.not_run else {
        return;
    };
    for line in &block.lines {
        let program = line.command.split_whitespace().next().unwrap();
        if reason == "builds" {
            let builds = ["cargo", "apt-get", "alias"].contains(&program);
            assert!(builds, "line {} builds nothing", line.number);
            continue;
        }
        assert_eq!(program, "yilian", "line {}", line.number);
        let test = Path::new(env!("CARGO_MANIFEST_DIR")).join(reason);
        let test = std::fs::read_to_string(&test).unwrap_or_default();
        let subcommands = subcommands(&line.command);
        let spelled: Vec<String> = subcommands
            .iter()
            .map(|word| format!("\"{word}\""))
            .collect();
        let number = line.number;
        assert!(
            test.contains(&spelled.join(", ")),
            "line {number}: {reason} does not run {subcommands:?}"
        );
        check_options(line, &subcommands);
    }
}

/// The words that choose what is done.
fn subcommands(command: &str) -> Vec<&str> {
    let mut words = command.split_whitespace().skip(1).peekable();
    if words.next_if_eq(&"--home").is_some() {
        words.next();
    }
    // Only groups have commands within them.
    let first = words.next().unwrap();
    let within = subcommands_of(&[first]);
    let second = words
        .next()
        .filter(|word| within.iter().any(|name| name == word));
    [first].into_iter().chain(second).collect()
}

/// The program knows every option of the line.
fn check_options(line: &Line, subcommands: &[&str]) {
    let help = help(subcommands);
    let words = line.command.split(" #").next().unwrap().split_whitespace();
    for option in words.filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "line {}: no {option}", line.number);
    }
}

fn help(words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yilian"));
    let output = command.args(words).arg("--help").output().unwrap();
    assert!(output.status.success(), "yilian {words:?} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands within a command, as the help lists them.
fn subcommands_of(words: &[&str]) -> Vec<String> {
    let help = help(words);
    let Some((_, list)) = help.split_once("Commands:\n") else {
        return Vec::new();
    };
    let lines = list.lines().take_while(|line| !line.is_empty());
    // Those of one column; the rest are the lines in which a description goes on.
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn the_commands_of_the_readme_run() {
    play("README.md");
}

#[test]
fn the_commands_of_the_page_of_commands_run() {
    play("docs/commands.md");
}

#[test]
fn an_output_that_differs_in_more_than_numbers_is_told_apart() {
    let shown = "a6c9bec3…  clinical/2026-Q4  2026-11-29T14:24:18.184Z  247 B\n\n3 records";
    let id = "0b".repeat(32);
    let printed = format!("{id} clinical/2027-Q1 2027-01-01T00:00:00Z 1234 B\n12 records\n");
    assert_eq!(shape(shown), shape(&printed));
    for other in ["clinical", "records", "B"] {
        assert_ne!(shape(shown), shape(&printed.replace(other, "else")));
    }
}

#[test]
fn what_must_be_refused_and_what_is_not_run_are_read_from_the_page() {
    let page = "```sh\na # refused: rule\nb \\\n  c\n```\n\n```text\nout\n```\n```sh not-run: builds\n\
                cargo d\n```\n```text\nnot its output\n```\n";
    let blocks = blocks(page);
    assert_eq!(blocks.len(), 2);
    assert_eq!(blocks[0].lines[0].refused.as_deref(), Some("rule"));
    assert_eq!(blocks[0].lines[1].command, "b \\\n  c");
    assert_eq!(blocks[0].output.as_deref(), Some("out"));
    assert_eq!(blocks[1].not_run.as_deref(), Some("builds"));
    assert_eq!(blocks[1].output, None);
}

/// Every subcommand that the program has is on the page.
#[test]
fn no_command_is_left_out() {
    let blocks = blocks(&page("docs/commands.md"));
    let lines = blocks.iter().flat_map(|block| &block.lines);
    let shown: BTreeSet<String> = lines
        .filter(|line| line.command.starts_with("yilian "))
        .map(|line| subcommands(&line.command).join(" "))
        .collect();
    for first in subcommands_of(&[]) {
        let within = subcommands_of(&[&first]);
        for second in &within {
            // `trace codes` has a third level.
            let words = format!("{first} {second}");
            assert!(shown.contains(&words), "yilian {words} is not on the page");
        }
        let is_shown = !within.is_empty() || shown.contains(&first);
        assert!(is_shown, "yilian {first} is not on the page");
    }
}
