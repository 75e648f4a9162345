//! Runs the program in a folder of its own.

use std::{
    fs::Permissions,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;
use yilian_node::vault::PASSPHRASE_FILE;

/// A home, and where its files are.
pub struct Yilian {
    folder: TempDir,
    /// The file with the passphrase; none where secrets are plain, as in most tests: Argon2id takes
    /// its time.
    passphrase: Option<PathBuf>,
}

impl Yilian {
    /// An empty folder.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            passphrase: None,
        }
    }

    /// An empty folder, where secrets are sealed.
    pub fn sealed(passphrase: &str) -> Self {
        let mut yilian = Self::new();
        yilian.passphrase = Some(yilian.passphrase_file("passphrase", passphrase));
        yilian
    }

    /// A file with a passphrase, its owner's alone.
    pub fn passphrase_file(&self, name: &str, passphrase: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, format!("{passphrase}\n")).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// From now on commands get this file with a passphrase.
    pub fn unlock_with(&mut self, file: PathBuf) {
        self.passphrase = Some(file);
    }

    /// A folder with a network, a hospital, a doctor, a second doctor and a patient. Returns the
    /// two doctors' certificates too.
    pub fn with_people() -> (Self, [String; 2]) {
        let yilian = Self::new();
        yilian.ok(&["init", "--name", "Test"]);
        yilian.ok(&["ca", "admit", "North"]);
        yilian.ok(&["ca", "admit", "South"]);
        let first = yilian.ok(&["ca", "certify", "North", "Dr First"]);
        let second = yilian.ok(&["ca", "certify", "South", "Dr Second"]);
        yilian.ok(&["patient", "new", "ann"]);
        (
            yilian,
            [text(&first, "certificate"), text(&second, "certificate")],
        )
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.file(name)
    }

    pub fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The same, and nothing is there: commands write over no file.
    pub fn fresh(&self, name: &str) -> String {
        drop(std::fs::remove_file(self.path(name)));
        self.file(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yilian"));
        command
            .args(arguments)
            .arg("--json")
            .env("YILIAN_HOME", self.path("home"));
        match &self.passphrase {
            Some(file) => command.env(PASSPHRASE_FILE, file),
            None => command.arg("--insecure-plain").env_remove(PASSPHRASE_FILE),
        };
        command
            .env_remove("YILIAN_NODE")
            .current_dir(self.folder.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a command that must succeed, and returns its answer.
    pub fn ok(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}{failed}");
        // A reading of several records answers with a line for each; the last one will do.
        serde_json::from_str(told.lines().last().unwrap_or("null")).unwrap()
    }

    /// Runs a command that must fail in good order, and returns its error.
    pub fn fails(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        serde_json::from_str(told.lines().last().unwrap()).unwrap()
    }

    /// Whether a command succeeds.
    pub fn succeeds(&self, arguments: &[&str]) -> bool {
        self.run(arguments).status.success()
    }

    /// The rule by which a command is refused.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let error = self.fails(arguments);
        assert!(error["remedy"].is_string(), "no remedy: {error}");
        text(&error, "rule")
    }

    /// Starts the node; commands speak to it over HTTP from then on.
    pub fn serve(&self) -> Served {
        self.serve_at("127.0.0.1:0")
    }

    /// The same at an address of one's own.
    pub fn serve_at(&self, listen: &str) -> Served {
        let mut child = self
            .command(&["serve", "--listen", listen])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.starts_with("serving http://"), "{line}");
        let url = line.split_whitespace().nth(1).unwrap().to_owned();
        Served { child, url }
    }

    /// The file of a token with which `patient` checks in at `hospital`.
    pub fn token(&self, patient: &str, hospital: &str, more: &[&str]) -> String {
        let token = self.fresh("token.json");
        let check_in = [
            "patient",
            "check-in",
            patient,
            "--hospital",
            hospital,
            "--out",
            &token,
        ];
        self.ok(&[&check_in, more].concat());
        token
    }

    /// Checks `ann` in at `hospital` and seals a visit for `code` by `doctor`; returns the records.
    pub fn seal(&self, doctor: &str, hospital: &str, code: &str) -> Vec<String> {
        let token = self.token("ann", hospital, &[]);
        let bundle = self.write("visit.json", &visit(code));
        let sealed = self.ok(&[
            "doctor", "seal", doctor, "--token", &token, "--bundle", &bundle, "--accept", "again",
        ]);
        let records = sealed["records"].as_array().unwrap();
        records
            .iter()
            .map(|record| text(record, "record"))
            .collect()
    }
}

/// A node that serves; killed when dropped.
pub struct Served {
    child: Child,
    pub url: String,
}

impl Served {
    /// As a power failure would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
        .to_owned()
}

/// The example's bundle of one visit, for another diagnosis.
pub fn visit(code: &str) -> String {
    let display = match code {
        "I10" => "原发性高血压",
        "E11.9" => "2型糖尿病",
        _ => "其他疾病",
    };
    include_str!("../../../../examples/visit.json")
        .replace("I10", code)
        .replace("原发性高血压", display)
}
