//! A network with people and medicines in it, served with its pages: for whoever wants to look, and
//! for the tests in a browser.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::{
    pages,
    run::{self, root},
};

/// How long a node may take until it serves.
const START: Duration = Duration::from_secs(60);

/// Where a node says that it serves a home.
const NOTE: &str = "home/node.url";

#[derive(Args)]
pub struct Options {
    /// The port of the node and its pages
    #[arg(long, default_value_t = 8420)]
    port: u16,
    /// Begin a new network, and forget the one of before
    #[arg(long)]
    fresh: bool,
}

/// What happens in the story, one command a line, as in docs/commands.md. A line that ends in
/// `# refused` has to fail.
const STORY: &[(&str, &[&str])] = &[
    (
        "hospitals, and doctors whom they certify",
        &[
            "ca admit 'North Hospital'",
            "ca certify 'North Hospital' 'Dr Li'",
            "ca admit 'South Hospital'",
            "ca certify 'South Hospital' 'Dr Wang' --json wang.json",
        ],
    ),
    (
        "a patient, a visit, and access for a second doctor",
        &[
            "patient new ann --json ann.json",
            "patient check-in ann --hospital 'North Hospital' --out token.json",
            "doctor seal 'Dr Li' --token token.json --bundle VISIT",
            "doctor request 'Dr Li' --token token.json --levels clinical,sensitive --days 30",
            "patient grant ann --reader WANG --levels clinical --out letter.json --json grant.json",
            "patient pause ann GRANT",
            "patient resume ann GRANT",
        ],
    ),
    (
        "an identity that two regulators open",
        &[
            "ca admit Authority",
            "ca certify Authority Guan --role regulator",
            "ca certify Authority Shen --role regulator",
            "patient list ann --json records.json",
            "regulator ask Guan RECORD --case 2026-17 --reason 'forged papers' --out case.json",
            "regulator approve Shen case.json --out approval.json",
            "regulator announce Guan case.json --approval approval.json",
        ],
    ),
    (
        "medicines, from the factory to the bedside",
        &[
            "ca admit 'Jade Pharma'",
            "ca certify 'Jade Pharma' Mai --role maker",
            "ca passes Mai",
            "ca admit 'Kuai Carriers'",
            "ca certify 'Kuai Carriers' Kuai --role courier",
            "ca passes Kuai",
            "ca admit 'Corner Pharmacy'",
            "ca certify 'Corner Pharmacy' Yao --role pharmacist",
            "ca passes Yao",
            "trace codes gs1 --gtin 09521141012345 --batch L7 --expiry 2028-02-29 --count 3 --out packs.txt",
            "trace codes carton --company 34012345 --out carton.txt",
            "trace commission Mai --codes packs.txt --storage 2..8",
            "trace pack Mai --codes packs.txt --into carton.txt",
            "trace ship Kuai --codes carton.txt --temperature 3..7",
            "trace receive Yao --codes carton.txt",
            "trace unpack Yao --codes packs.txt --from carton.txt",
            "trace dispense Yao --codes given.txt",
            "trace dispense Yao --codes copied.txt",
            "trace dispense Yao --codes copied.txt # refused",
        ],
    ),
];

pub fn run(options: &Options) -> anyhow::Result<()> {
    pages::build()?;
    run::run(
        "cargo",
        &["build", "--release", "--locked", "--package", "yilian-app"],
    )?;
    let program = run::target_directory()?.join("release/yilian");
    let folder = root().join(".cache/up");
    if options.fresh && folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let network = Network::start(&program, &folder, options.port)?;
    network.tell()?;
    network.wait()
}

/// A node that serves a network in a folder; it ends with this value.
pub struct Network {
    program: PathBuf,
    folder: PathBuf,
    node: Child,
    url: String,
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.node.kill());
        drop(self.node.wait());
    }
}

impl Network {
    /// Starts the node of the network in `folder`. A network that is not there is made, and the
    /// story told in it.
    pub fn start(program: &Path, folder: &Path, port: u16) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let told = folder.join("told");
        if !told.exists() && folder.join("home").exists() {
            // It was cut short in the middle of the story.
            fs::remove_dir_all(folder)?;
            fs::create_dir_all(folder)?;
        }
        if !folder.join("home").exists() {
            // Its people are made up: nobody shall type a passphrase for their secrets.
            let name = ["init", "--name", "Yilian consortium", "--insecure-plain"];
            succeed(&mut command(program, folder, &name))?;
        }
        // A node that was killed could not take its note away.
        let note = folder.join(NOTE);
        if note.exists() {
            fs::remove_file(&note)?;
        }
        let listen = format!("127.0.0.1:{port}");
        let mut serve = command(program, folder, &["serve", "--listen", &listen]);
        let node = serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut network = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            node,
            url: format!("http://{listen}"),
        };
        network.ready()?;
        if !told.exists() {
            network.story()?;
            fs::write(&told, "")?;
        }
        Ok(network)
    }

    /// Where the node is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the node answers, and other commands are told that it does: until then each
    /// would begin a node of its own.
    fn ready(&mut self) -> anyhow::Result<()> {
        let address = self.url.trim_start_matches("http://").parse()?;
        let note = self.folder.join(NOTE);
        let answers = || TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        let begin = Instant::now();
        while !(note.exists() && answers()) {
            if let Some(status) = self.node.try_wait()? {
                bail!("the node ended ({status}); is another one on {address}?");
            }
            ensure!(
                begin.elapsed() < START,
                "the node does not answer at {address}"
            );
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn story(&self) -> anyhow::Result<()> {
        for (what, lines) in STORY {
            eprintln!("{what} ...");
            for line in *lines {
                self.line(line)
                    .with_context(|| format!("`yilian {line}`"))?;
            }
        }
        Ok(())
    }

    fn line(&self, line: &str) -> anyhow::Result<()> {
        let (line, refused) = match line.strip_suffix(" # refused") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let mut words = words(line);
        for word in &mut words {
            match word.as_str() {
                "VISIT" => *word = root().join("examples/visit.json").display().to_string(),
                "WANG" => *word = self.field("wang.json", "certificate")?,
                "GRANT" => *word = self.field("grant.json", "grant")?,
                "RECORD" => *word = self.field("records.json", "record")?,
                "given.txt" => self.copy_code(1, word)?,
                "copied.txt" => self.copy_code(0, word)?,
                _ => {}
            }
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = command(&self.program, &self.folder, &words);
        if refused {
            ensure!(!command.output()?.status.success(), "it was not refused");
            return Ok(());
        }
        succeed(&mut command)
    }

    /// The first text called `name` in an answer, as `field` of docs/commands.md reads it.
    fn field(&self, file: &str, name: &str) -> anyhow::Result<String> {
        let answer = fs::read(self.folder.join(file))?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let found = first(&answer, name);
        Ok(found
            .with_context(|| format!("{file}: no {name}"))?
            .to_owned())
    }

    /// One of the packs' codes in a file of its own.
    fn copy_code(&self, place: usize, file: &str) -> anyhow::Result<()> {
        let code = self.code(place)?;
        Ok(fs::write(self.folder.join(file), code + "\n")?)
    }

    fn code(&self, place: usize) -> anyhow::Result<String> {
        let codes = fs::read_to_string(self.folder.join("packs.txt"))?;
        Ok(codes
            .lines()
            .nth(place)
            .context("too few codes")?
            .to_owned())
    }

    /// Tells where to look.
    fn tell(&self) -> anyhow::Result<()> {
        let url = &self.url;
        println!("\nYilian 医链 is up: {url}/");
        println!("  {url}/check      is a pack genuine? Try these codes:");
        for (place, what) in [(2, "on its way"), (1, "given out"), (0, "copied")] {
            println!("      {what:<12} {}", self.code(place)?);
        }
        println!("  {url}/me         a patient's records; or be ann, with her words:");
        // A network of before did not keep them.
        if let Ok(words) = self.field("ann.json", "words") {
            println!("      {words}");
        }
        println!(
            "  {url}/clinic     a clinician's pages; or be Dr Li, with the file that this writes:"
        );
        println!(
            "      {} --home {} keystore export --person 'Dr Li' --out keys.json",
            self.program.display(),
            self.folder.join("home").display()
        );
        println!("  {url}/explorer   what happened on the chain");
        println!("  {url}/network    who keeps the ledger, and is it well");
        println!(
            "\nIn it: North Hospital with Dr Li, South Hospital with Dr Wang, the patient ann; the \
             Authority\nwith Guan and Shen; Jade Pharma with Mai, Kuai Carriers with Kuai, Corner \
             Pharmacy with Yao.\nAct for them:\n  \
             {} --home {} patient list ann\nStop with Ctrl-C.",
            self.program.display(),
            self.folder.join("home").display()
        );
        Ok(())
    }

    fn wait(mut self) -> anyhow::Result<()> {
        let status = self.node.wait()?;
        ensure!(status.success(), "the node ended: {status}");
        Ok(())
    }
}

fn command(program: &Path, folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command
        .env("YILIAN_HOME", folder.join("home"))
        .env_remove("YILIAN_NODE");
    command
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().context("cannot start the program")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "failed: {said}");
    Ok(())
}

fn first<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    match answer {
        Value::Object(members) => {
            let own = members.get(name).and_then(Value::as_str);
            own.or_else(|| members.values().find_map(|value| first(value, name)))
        }
        Value::Array(values) => values.iter().find_map(|value| first(value, name)),
        _ => None,
    }
}

/// The words of a line; what stands in single quotes is one.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(place, part)| match place % 2 {
        1 => vec![part.to_owned()],
        _ => part.split_whitespace().map(str::to_owned).collect(),
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_wherever_it_stands() {
        let answer = serde_json::json!({ "records": [{ "number": 1 }, { "record": "a1" }] });
        assert_eq!(first(&answer, "record"), Some("a1"));
        assert_eq!(first(&answer, "number"), None);
    }

    #[test]
    fn quoted_words_are_one() {
        assert_eq!(
            words("ca admit 'North Hospital' --x"),
            ["ca", "admit", "North Hospital", "--x"]
        );
    }
}
