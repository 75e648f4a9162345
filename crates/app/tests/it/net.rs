//! A network of processes: `yilian net create`, `up` and `doctor`, and a record's way across its
//! nodes.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::yilian::{Yilian, text, visit};

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running network; its nodes end with it.
pub struct Net {
    pub yilian: Yilian,
    up: Option<Child>,
    pub nodes: Vec<Value>,
}

impl Net {
    /// A network whose keys are dealt, which is quicker.
    pub fn dealt(validators: &str, followers: &str) -> Self {
        Self::create(validators, followers, &["--dealt"])
    }

    /// One node, whose secrets are sealed.
    pub fn sealed(passphrase: &str) -> Self {
        Self::create_in(Yilian::sealed(passphrase), "1", "0", &[])
    }

    /// One of these options.
    pub fn create(validators: &str, followers: &str, more: &[&str]) -> Self {
        Self::create_in(Yilian::new(), validators, followers, more)
    }

    fn create_in(yilian: Yilian, validators: &str, followers: &str, more: &[&str]) -> Self {
        let home = yilian.file("home");
        let count = 2 * (validators.parse::<u16>().unwrap() + followers.parse::<u16>().unwrap());
        let port = free_ports(count).to_string();
        let arguments = ["net", "create", &home, "--port", &port];
        let size = ["--validators", validators, "--followers", followers];
        let created = yilian.ok(&[&arguments[..], &size, more].concat());
        Self {
            yilian,
            up: None,
            nodes: created["nodes"].as_array().unwrap().clone(),
        }
    }

    pub fn up(&mut self) {
        let home = self.yilian.file("home");
        let mut child = self
            .yilian
            .command(&["net", "up", &home])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("nodes run"));
        assert!(ready, "the network does not start");
        // Read on, so that nobody who writes there has to wait; and shown when the test fails.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("{line}");
            }
        });
        self.up = Some(child);
    }

    /// As a power failure would: nobody is told.
    pub fn kill(&mut self) {
        let mut up = self.up.take().unwrap();
        up.kill().unwrap();
        up.wait().unwrap();
        let since = Instant::now();
        for node in 0..self.nodes.len() {
            while self.process(node).is_some() {
                assert!(since.elapsed() < PATIENCE, "a node outlives its network");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    pub fn url(&self, node: usize) -> String {
        text(&self.nodes[node], "url")
    }

    /// The process id of a node.
    fn process(&self, node: usize) -> Option<String> {
        let name = text(&self.nodes[node], "name");
        let settings = format!("{}/nodes/{name}/node.json", self.yilian.file("home"));
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter(|process| {
                let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).into_owned();
                line.contains(&settings) && line.contains("yilian-node")
            })
            .map(|process| process.file_name().to_string_lossy().into_owned())
            .next()
    }

    pub fn at(&self, node: usize, arguments: &[&str]) -> Value {
        let url = self.url(node);
        self.yilian.ok(&[arguments, &["--node", &url]].concat())
    }

    /// Waits until every node is well.
    pub fn well(&self) {
        let (home, since) = (self.yilian.file("home"), Instant::now());
        loop {
            let output = self
                .yilian
                .command(&["net", "doctor", &home])
                .output()
                .unwrap();
            if output.status.success() {
                return;
            }
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                since.elapsed() < PATIENCE,
                "the network does not get well: {told}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        if let Some(up) = &mut self.up {
            drop(up.kill());
            drop(up.wait());
        }
    }
}

/// The first of `count` ports in a row that nobody uses.
fn free_ports(count: u16) -> u16 {
    let held = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
    static CALLS: AtomicU16 = AtomicU16::new(0);
    // Below the range from which the system gives ports to others; tests run side by side.
    let process = u16::try_from(std::process::id() % 200).unwrap();
    let mut port = 10_000 + process * 100 + CALLS.fetch_add(1, Ordering::Relaxed) * 20;
    while !(port..port + count).all(|port| held(port).is_some()) {
        port += count;
    }
    port
}

#[test]
fn a_record_sealed_behind_a_firewall_is_read_at_another_hospital() {
    let mut net = Net::create("4", "2", &[]);
    net.up();
    net.well();
    // Hospital 5 is a follower's: its node is dialled by nobody.
    net.at(4, &["ca", "certify", "Hospital 5", "Dr First"]);
    let second = net.at(1, &["ca", "certify", "Hospital 2", "Dr Second"]);
    let (token, share) = (net.yilian.file("token.json"), net.yilian.file("share.json"));
    let bundle = net.yilian.write("visit.json", &visit("I10"));
    net.yilian.ok(&["patient", "new", "ann"]);
    net.at(
        4,
        &[
            "patient",
            "check-in",
            "ann",
            "--hospital",
            "Hospital 5",
            "--out",
            &token,
        ],
    );
    let seal = [
        "doctor", "seal", "Dr First", "--token", &token, "--bundle", &bundle,
    ];
    // A node seals for the hospital whose key it has, for no other.
    let other = net.url(0);
    let refused = [&seal[..], &["--node", &other]].concat();
    assert_eq!(net.yilian.refused(&refused), "foreign-member");
    net.at(4, &seal);

    // The follower that sealed goes away; its hub has what it sealed.
    let sealer = net.process(4).unwrap();
    let listed = net.at(3, &["patient", "list", "ann"]);
    let records = listed["records"].as_array().unwrap();
    let clinical = records
        .iter()
        .find(|record| text(record, "scope").starts_with("clinical"))
        .unwrap();
    let reader = text(&second, "certificate");
    let arguments = ["patient", "share", "ann", &text(clinical, "record")];
    net.at(
        2,
        &[&arguments[..], &["--reader", &reader, "--out", &share]].concat(),
    );
    stop(&sealer);
    let opened = net.at(5, &["doctor", "open", "Dr Second", &share]);
    assert!(opened["content"].to_string().contains("I10"));
    net.well();
    assert_ne!(net.process(4).unwrap(), sealer, "it was started again");
    let record = text(clinical, "record");
    letters_reach_a_hospital_behind_a_firewall(&net, &token, &record);
    a_grant_is_served_by_several_hospitals(&net, &reader, &record);
}

/// Its letters lie with its hub, and go through any node: to its patient, and to its doctor.
fn letters_reach_a_hospital_behind_a_firewall(net: &Net, token: &str, record: &str) {
    let notify = ["doctor", "notify", "Dr Second", "--token", token, "--text"];
    net.at(1, &[&notify[..], &["come again"]].concat());
    let inbox = net.at(2, &["patient", "inbox", "ann"]);
    assert_eq!(inbox["letters"][0]["kind"], "notice", "{inbox}");
    let correct = ["patient", "correct", "ann", record, "--text", "not me"];
    net.at(4, &correct);
    let inbox = net.at(5, &["doctor", "inbox", "Dr First"]);
    assert_eq!(inbox["letters"][0]["kind"], "correction", "{inbox}");
    // What is fetched is deleted there, through the hospital's own node as well.
    let again = net.at(4, &["doctor", "inbox", "Dr First"]);
    assert_eq!(again["letters"].as_array().unwrap().len(), 1);
}

/// Shares go to hospitals whose nodes the patient's own node does not know, and readers are served
/// through nodes that hold none.
fn a_grant_is_served_by_several_hospitals(net: &Net, reader: &str, record: &str) {
    let letter = net.yilian.file("letter.json");
    let arguments = [
        "patient", "grant", "ann", "--reader", reader, "--out", &letter,
    ];
    let made = net.at(4, &arguments);
    assert_eq!(
        (made["threshold"].as_u64(), made["holders"].as_u64()),
        (Some(3), Some(5))
    );
    let read = ["doctor", "read", "Dr Second", &letter, "--record", record];
    let opened = net.at(5, &read);
    assert!(opened["content"].to_string().contains("I10"));
    let grant = text(&made, "grant");
    let told = net.at(4, &["patient", "uses", "ann", &grant]);
    let uses = told["uses"].as_array().unwrap();
    assert!(uses.len() >= 3, "each holder that served notes it: {told}");
    assert!(uses.iter().all(|usage| text(usage, "record") == record));

    net.at(4, &["patient", "revoke", "ann", &grant]);
    let (other, since) = (net.url(5), Instant::now());
    let refused = [&read[..], &["--node", &other]].concat();
    assert_eq!(net.yilian.refused(&refused), "grant-revoked");
    loop {
        let listed = net.at(1, &["patient", "grants", "ann"]);
        if listed["grants"][0]["erased"].as_u64() == Some(5) {
            return;
        }
        assert!(
            since.elapsed() < PATIENCE,
            "no receipt of an erasure: {listed}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_killed_node_and_a_killed_network_come_back_with_everything() {
    let mut net = Net::dealt("4", "1");
    net.up();
    net.at(0, &["ca", "admit", "Before"]);
    stop(&net.process(1).unwrap());
    let after = net.at(2, &["ca", "admit", "After"]);
    net.well();
    let known_everywhere = |net: &Net| {
        let since = Instant::now();
        let known = |node| {
            let listed = net.at(node, &["ca", "list"]);
            let members = listed["members"].as_array().unwrap().clone();
            members.iter().any(|member| member["id"] == after["member"])
        };
        // A node that answers may be a few blocks behind.
        while !(0..5).all(known) {
            assert!(since.elapsed() < PATIENCE, "a node does not know a member");
        }
    };
    known_everywhere(&net);
    net.kill();
    assert!(
        !net.yilian
            .succeeds(&["net", "doctor", &net.yilian.file("home")])
    );
    let error = net.yilian.fails(&["ca", "admit", "Never"]);
    assert!(error["remedy"].to_string().contains("net up"), "{error}");
    // One of them has lost its chain altogether: the others give it back.
    let lost = net.yilian.path("home/nodes/validator-3/data/chain");
    std::fs::remove_dir_all(lost).unwrap();
    net.up();
    net.well();
    known_everywhere(&net);
    net.at(4, &["ca", "admit", "Later"]);
}

#[test]
fn a_validator_that_lost_its_secrets_forgets_its_share_and_follows() {
    let mut net = Net::dealt("4", "0");
    let folder = net.yilian.path("home/nodes/validator-3");
    let forget = || {
        let settings = folder.join("node.json");
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_yilian"));
        std::process::Command::new(program.with_file_name("yilian-node"))
            .arg("forget-share")
            .arg("--config")
            .arg(settings)
            .output()
            .unwrap()
    };
    let share = || {
        let key = std::fs::read(folder.join("validator.json")).unwrap();
        let key: Value = serde_json::from_slice(&key).unwrap();
        key["share"].as_str().map(str::to_owned)
    };
    net.up();
    net.at(0, &["ca", "admit", "Before"]);
    net.well();
    let refused = forget();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(
        told.contains("in use") && told.contains("stop the node"),
        "{told}"
    );
    assert!(share().is_some(), "it is as it was");
    net.kill();
    std::fs::remove_dir_all(folder.join("data/secrets")).unwrap();
    let forgotten = forget();
    let told = String::from_utf8_lossy(&forgotten.stderr);
    assert!(forgotten.status.success(), "{told}");
    assert_eq!(share(), None);
    net.up();
    net.well();
    net.at(2, &["ca", "admit", "After"]);
    net.well();
    let secrets = std::fs::read_dir(folder.join("data/secrets")).unwrap();
    let mut names = secrets.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
    assert!(names.all(|name| !name.starts_with("share-")));
    // Blocks stayed: it had nothing to get again.
    let listed = net.at(2, &["ca", "list"]).to_string();
    assert!(listed.contains("Before") && listed.contains("After"));
}

#[test]
fn hospitals_elect_the_nodes_that_order_blocks() {
    let mut net = Net::create("1", "3", &["--epoch-blocks", "32"]);
    net.up();
    let listed = net.at(0, &["delegate", "list"]);
    assert_eq!(listed["candidates"][0]["member"], net.nodes[0]["member"]);
    for node in &net.nodes[1..] {
        let (name, member) = (text(node, "name"), text(node, "member"));
        let settings = net.yilian.file(&format!("home/nodes/{name}/node.json"));
        net.at(0, &["delegate", "stand", &settings, "--member", &member]);
    }
    let listed = net.at(1, &["delegate", "list"]);
    let peers: Vec<String> = listed["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|candidate| text(candidate, "peer"))
        .collect();
    // One vote is moved, one is taken back and cast again.
    let vote = |voter: usize, candidate: &[&str]| {
        let by = text(&net.nodes[voter], "member");
        net.at(
            2,
            &[&["delegate", "vote"], candidate, &["--by", &by]].concat(),
        );
    };
    vote(1, &[&peers[2]]);
    vote(1, &[&peers[1]]);
    vote(2, &[&peers[2][..10]]);
    vote(2, &[]);
    vote(2, &[&peers[2]]);
    vote(3, &[&peers[3]]);
    let mut elected = 0;
    for number in 0.. {
        let listed = net.at(3, &["delegate", "list"]);
        let last = listed["epochs"].as_array().unwrap().last().unwrap();
        if last["epoch"] == 2 || listed["epoch"] != 0 {
            elected = last["delegates"].as_array().unwrap().len();
            let votes = listed["candidates"].as_array().unwrap().iter();
            let votes: Vec<u64> = votes.map(|one| one["votes"].as_u64().unwrap()).collect();
            assert_eq!(votes, [0, 1, 1, 1]);
            break;
        }
        net.at(0, &["ca", "admit", &format!("Member {number}")]);
    }
    // More may have been seen of the count than stood at it: the count itself is the ledger's test.
    assert!(elected >= 1, "nobody is elected");
    let error = net
        .yilian
        .fails(&["delegate", "vote", "ffff", "--by", "Nobody"]);
    assert!(!error["error"].is_null(), "{error}");
}

#[test]
fn the_keys_of_a_ceremony_are_each_validators_own() {
    let net = Net::create("4", "1", &[]);
    let read = |node: &str, file: &str| {
        let path = net.yilian.path(&format!("home/nodes/{node}/{file}"));
        std::fs::read_to_string(path)
    };
    let mut shares = std::collections::BTreeSet::new();
    for number in 1..=4 {
        let node = format!("validator-{number}");
        let key: Value = serde_json::from_str(&read(&node, "validator.json").unwrap()).unwrap();
        shares.insert(text(&key, "share"));
        for gone in ["identity.json", "ceremony.json", "ceremony/secrets"] {
            assert!(read(&node, gone).is_err(), "{gone} is left");
        }
    }
    assert_eq!(shares.len(), 4);
    let follower: Value =
        serde_json::from_str(&read("follower-1", "validator.json").unwrap()).unwrap();
    assert!(follower["share"].is_null());
    // Everybody knows whose hub keeps the follower's letters, and nobody else answers for it.
    let settings = |name: &str| -> Value {
        let path = net.yilian.path(&format!("home/nodes/{name}/node.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let (hub, other) = (settings("validator-1"), settings("validator-2"));
    let kept = &hub["neighbours"]["mail"]["keeps_for"];
    assert_eq!(kept.as_array().unwrap().len(), 1);
    let named = other["neighbours"]["ask"].as_array().unwrap().iter();
    let hubs: Vec<_> = named
        .filter(|other| !other["keeps_for"].is_null())
        .collect();
    assert_eq!((hubs.len(), &hubs[0]["keeps_for"]), (1, kept));
}

#[test]
fn a_hospital_that_asks_for_it_closes_blocks_over_checked_entries_only() {
    let mut net = Net::dealt("1", "0");
    let settings = net.yilian.path("home/nodes/validator-1/node.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&settings).unwrap()).unwrap();
    config["checked_log"] = true.into();
    std::fs::write(&settings, config.to_string()).unwrap();
    net.up();
    for name in ["Dr First", "Dr Second"] {
        net.yilian.ok(&["ca", "certify", "Hospital 1", name]);
    }
    net.yilian.ok(&["patient", "new", "ann"]);
    let sealed = net.yilian.seal("Dr First", "Hospital 1", "I10");
    // Several times the period at which blocks are closed elsewhere.
    std::thread::sleep(Duration::from_secs(5));
    let head = net.yilian.ok(&["log", "show", "Hospital 1"]);
    assert_eq!(head["size"].as_u64(), Some(sealed.len() as u64));
    assert!(head["latest"].is_null(), "closed without a check: {head}");
    // Nobody checks his own.
    let own = net.yilian.ok(&["log", "check", "Dr First"]);
    assert_eq!(own["entries"].as_u64(), Some(0));
    let checked = net.yilian.ok(&["log", "check", "Dr Second"]);
    assert_eq!(checked["entries"].as_u64(), Some(sealed.len() as u64));
    let block = net.yilian.ok(&["log", "show", "Hospital 1", "1"]);
    assert_eq!(block["check"]["count"].as_u64(), Some(sealed.len() as u64));
    let audited = net.yilian.ok(&["log", "verify", "Hospital 1"]);
    assert_eq!(audited["blocks"].as_u64(), Some(1));
    let since = Instant::now();
    while net.yilian.ok(&["log", "show", "Hospital 1"])["anchor"].is_null() {
        assert!(
            since.elapsed() < PATIENCE,
            "a checked block is not anchored"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn bodies_that_are_too_large_or_never_end_are_refused() {
    let mut net = Net::create("1", "0", &["--dealt", "--plain"]);
    net.up();
    let address = net.url(0).replace("http://", "");
    let answer = |head: &str, body: &[u8]| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        // The node may have hung up already.
        drop(stream.write_all(body));
        let mut told = [0; 32];
        let read = stream.read(&mut told).unwrap_or(0);
        String::from_utf8_lossy(&told[..read]).into_owned()
    };
    let post = |route: &str, length: usize| {
        format!("POST /v1/{route} HTTP/1.1\r\nhost: node\r\ncontent-length: {length}\r\n\r\n")
    };
    let told = answer(&post("transactions", 10_000_000_000), &[]);
    assert!(told.starts_with("HTTP/1.1 413"), "{told}");
    let told = answer(&post("relays", 60_000_000), &[]);
    assert!(told.starts_with("HTTP/1.1 413"), "{told}");
    let chunked =
        "POST /v1/transactions HTTP/1.1\r\nhost: node\r\ntransfer-encoding: chunked\r\n\r\n";
    let piece = [b"100000\r\n".as_slice(), &[7; 0x10_0000], b"\r\n"].concat();
    let told = answer(chunked, &piece);
    assert!(told.starts_with("HTTP/1.1 413"), "{told}");
    let told = answer(&post("transactions", 1000), &[7; 1000]);
    assert!(told.starts_with("HTTP/1.1 400"), "{told}");
    let told = answer(&post("relays", 1000), &[7; 1000]);
    assert!(told.starts_with("HTTP/1.1 400"), "{told}");
    let metrics = metrics(&address);
    for line in ["\nyilian_height ", "# TYPE yilian_objects gauge", "\n# EOF"] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
    net.well();
}

#[test]
fn a_node_that_does_not_start_takes_none_of_the_others_down() {
    let mut net = Net::dealt("4", "0");
    let held = TcpListener::bind(net.url(3).replace("https://", "")).unwrap();
    net.up();
    net.at(0, &["ca", "admit", "Other"]);
    drop(held);
    net.well();
}

#[test]
fn a_network_is_made_once_and_described_when_it_is_not() {
    let net = Net::dealt("1", "0");
    let home = net.yilian.file("home");
    let error = net.yilian.fails(&["net", "create", &home]);
    assert!(error["error"].to_string().contains("already"), "{error}");
    let error = net
        .yilian
        .fails(&["net", "up", &net.yilian.file("nowhere")]);
    assert!(
        error["remedy"].to_string().contains("net create"),
        "{error}"
    );
    let error = net.yilian.fails(&[
        "net",
        "create",
        &net.yilian.file("other"),
        "--port",
        "65535",
    ]);
    assert!(
        error["error"].to_string().contains("too few ports"),
        "{error}"
    );
}

fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    told
}

/// Ends a process at once.
fn stop(process: &str) {
    let ended = std::process::Command::new("kill")
        .args(["-9", process])
        .status();
    assert!(ended.unwrap().success());
}
