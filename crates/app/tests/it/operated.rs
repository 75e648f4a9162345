//! What an operator does to a node's program: signals, limits of the system, addresses.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use reqwest::{Certificate, Client, tls::TlsInfo};
use serde_json::{Value, json};

use crate::{
    net::Net,
    yilian::{Yilian, text},
};

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// One node of a network, whose others are down.
struct Alone {
    net: Net,
    process: Child,
    /// What it says.
    said: Receiver<String>,
}

fn node_program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_yilian")).with_file_name("yilian-node")
}

fn settings(net: &Net) -> PathBuf {
    net.yilian.path("home/nodes/validator-1/node.json")
}

/// Changes the settings of the first node.
fn set(net: &Net, name: &str, value: Value) {
    let path = settings(net);
    let text = std::fs::read(&path).unwrap();
    let mut config: Value = serde_json::from_slice(&text).unwrap();
    config[name] = value;
    std::fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
}

impl Alone {
    fn start(net: Net) -> Self {
        let mut command = Command::new(node_program());
        command.arg("--config").arg(settings(&net));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.env_remove("RUST_LOG").spawn().unwrap();
        let (tells, said) = channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                eprintln!("{line}");
                drop(tells.send(line));
            }
        });
        let mut url = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut url).unwrap();
        assert_eq!(url.trim(), net.url(0));
        Self { net, process, said }
    }

    fn told(&self, signal: &str) {
        let process = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it says so.
    fn says(&self, what: &str) {
        let since = Instant::now();
        while let Some(left) = PATIENCE.checked_sub(since.elapsed()) {
            match self.said.recv_timeout(left) {
                Ok(line) if line.contains(what) => return,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        panic!("it never says: {what}");
    }

    fn ends_well(mut self) {
        let since = Instant::now();
        loop {
            if let Some(ended) = self.process.try_wait().unwrap() {
                assert!(ended.success(), "{ended}");
                return;
            }
            assert!(since.elapsed() < PATIENCE, "something holds it up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A program that is ended with whoever started it.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// How many connections a node has.
fn connections(address: &str) -> usize {
    let mut asked = TcpStream::connect(address).unwrap();
    let ask = b"GET /metrics HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n";
    asked.write_all(ask).unwrap();
    let mut told = String::new();
    asked.read_to_string(&mut told).unwrap();
    let open = told
        .lines()
        .find_map(|line| line.strip_prefix(r#"yilian_connections{kind="loopback"} "#));
    open.unwrap().parse().unwrap()
}

#[test]
fn neither_half_a_head_nor_a_call_that_waits_holds_up_a_stop() {
    let net = Net::create("4", "0", &["--dealt", "--plain"]);
    let node = Alone::start(net);
    let url = node.net.url(0);
    let address = url.strip_prefix("http://").unwrap();
    // Three of four are down, so no block comes: who asks for one waits.
    let mut command = node.net.yilian.command(&["ca", "admit", "Never"]);
    let command = command.args(["--node", &url]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut waiting = Waiting(command.spawn().unwrap());
    let since = Instant::now();
    // This question, and one of his.
    while connections(address) < 2 {
        assert!(since.elapsed() < PATIENCE, "nobody waits");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(waiting.0.try_wait().unwrap().is_none());
    let mut half = TcpStream::connect(address).unwrap();
    half.write_all(b"GET /v1/status HTTP/1.1\r\nho").unwrap();
    let _silent = TcpStream::connect(address).unwrap();
    // The rest of a body is waited for.
    let mut upload = TcpStream::connect(address).unwrap();
    let head = "POST /v1/visits HTTP/1.1\r\nhost: node\r\ncontent-length: 100\r\n";
    let head = format!("{head}expect: 100-continue\r\n\r\n");
    upload.write_all(head.as_bytes()).unwrap();
    let mut said = [0; 12];
    upload.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 100");
    node.told("-TERM");
    node.ends_well();
}

impl Net {
    /// The certificate that a node shows.
    fn shown(&self) -> Vec<u8> {
        let root = std::fs::read(self.yilian.path("home/tls/root.pem")).unwrap();
        let root = Certificate::from_pem(&root).unwrap();
        let client = Client::builder().tls_certs_only([root]).tls_info(true);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let asked = client.build().unwrap().get(self.url(0) + "/v1/status");
            let answer = asked.send().await.unwrap();
            assert!(answer.status().is_success());
            let shown = answer.extensions().get::<TlsInfo>().unwrap();
            shown.peer_certificate().unwrap().to_vec()
        })
    }
}

#[test]
fn certificates_and_logs_are_read_again_while_it_runs() {
    let net = Net::dealt("1", "0");
    let member = text(&net.nodes[0], "member");
    let tls = net.yilian.file("home/nodes/validator-1/tls");
    let node = Alone::start(net);
    let net = &node.net;
    let before = net.shown();
    let host = ["--host", "127.0.0.1", "--out", &tls];
    net.yilian
        .ok(&[&["ca", "tls", &member], &host[..]].concat());
    assert_eq!(net.shown(), before, "before it is told");
    set(net, "log", json!("info"));
    set(net, "checked_log", json!(true));
    node.told("-HUP");
    node.says("read again: certificates, and what is logged");
    node.says("at the next start: `checked_log`");
    let after = net.shown();
    assert_ne!(after, before);

    // Whatever is wrong then, all stays as it was.
    for (file, name) in [
        ("key.pem", "certificates or key"),
        ("chain.pem", "certificates or key"),
    ] {
        let path = format!("{tls}/{file}");
        let sound = std::fs::read(&path).unwrap();
        std::fs::write(&path, "nothing of the kind").unwrap();
        node.told("-HUP");
        node.says(name);
        node.says("all stays as it was");
        assert_eq!(net.shown(), after);
        std::fs::write(&path, sound).unwrap();
    }
    set(net, "log", json!("a=no-level"));
    node.told("-HUP");
    node.says("does not hold what it should");
    node.says("all stays as it was");
    assert_eq!(net.shown(), after);
    node.told("-TERM");
    node.ends_well();
}

/// What a program that checks the first node's settings answers, and says.
fn checked(net: &Net, before: &[&str]) -> (bool, String) {
    let (program, arguments) = match before {
        [] => (node_program(), before),
        [first, rest @ ..] => (PathBuf::from(first), rest),
    };
    let mut command = Command::new(program);
    command.args(arguments);
    if !before.is_empty() {
        command.arg(node_program());
    }
    let output = command
        .arg("--check")
        .arg("--config")
        .arg(settings(net))
        .output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), told)
}

#[test]
fn too_few_open_files_are_refused_with_what_to_do() {
    let net = Net::dealt("1", "0");
    let (sound, told) = checked(&net, &["prlimit", "--nofile=256:800"]);
    assert!(
        !sound && told.contains("800 open files, and a node needs 832"),
        "{told}"
    );
    assert!(told.contains("LimitNOFILE"), "{told}");
    // What may be raised is raised.
    let (sound, told) = checked(&net, &["prlimit", "--nofile=256:4096"]);
    assert!(sound, "{told}");
}

#[test]
fn plain_http_that_others_reach_is_refused_unless_somebody_insists() {
    let net = Net::create("1", "0", &["--dealt", "--plain"]);
    assert!(checked(&net, &[]).0);
    for listen in ["0.0.0.0:8500", "[::]:8500", "192.0.2.1:8500"] {
        set(&net, "listen", json!(listen));
        set(&net, "insecure_http", json!(false));
        let (sound, told) = checked(&net, &[]);
        assert!(!sound && told.contains("lets everybody do all"), "{told}");
        assert!(told.contains("insecure_http"), "no remedy: {told}");
        set(&net, "insecure_http", json!(true));
        let (sound, told) = checked(&net, &[]);
        assert!(sound && told.contains("INSECURE"), "{told}");
    }
    let yilian = Yilian::new();
    yilian.ok(&["init", "--name", "Test"]);
    let error = yilian.fails(&["serve", "--listen", "0.0.0.0:0"]);
    assert!(error["error"].to_string().contains("plain HTTP"), "{error}");
    assert!(
        error["remedy"].to_string().contains("--insecure-http"),
        "{error}"
    );
}
