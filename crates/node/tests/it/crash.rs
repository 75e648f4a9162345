//! The chain when its process is killed, and when its disk is damaged. A child process runs it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio, exit},
    sync::Arc,
    time::{Duration, Instant},
};

use yilian_node::order::{Chain, ChainOptions, SubmitError, ValidatorKey};
use yilian_protocol::{Height, TransactionId, finality};

use crate::toy::{Broken, genesis, key, start, transaction, try_start};

/// Names the directory a child works in.
const DIRECTORY: &str = "YILIAN_TEST_CHAIN_CHILD";
/// What a child that reads ends with.
const RIGHT: i32 = 40;
const REFUSED: i32 = 41;
const WRONG: i32 = 42;
/// What a chain ends its process with when its storage fails.
const FAULT: i32 = 70;

fn child(test: &str, directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--ignored", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Where this process is to work, when it is a child.
fn directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

fn new_validator(directory: &Path) -> ValidatorKey {
    let validator = ValidatorKey::generate();
    let text = serde_json::to_string(&validator).unwrap();
    fs::write(directory.join("validator.json"), text).unwrap();
    validator
}

fn validator(directory: &Path) -> ValidatorKey {
    let text = fs::read_to_string(directory.join("validator.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Not a test of its own: what the next one runs and kills. Submits for ever and prints what was
/// acknowledged.
#[test]
#[ignore = "a child of `killed_at_any_moment_nothing_acknowledged_is_lost`"]
fn child_that_submits_until_killed() {
    let Some(directory) = directory() else { return };
    let chain = start(&directory.join("chain"), &validator(&directory));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for number in 0_u64.. {
            let text = format!("{}-{number} x", std::process::id());
            let place = chain.submit(transaction(&text)).await.unwrap();
            let line = format!("{} {text}\n", place.height);
            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        }
    });
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let validator = new_validator(directory.path());
    let mut acknowledged: Vec<(u64, String)> = Vec::new();
    for round in 0_u64..8 {
        let mut child = child("crash::child_that_submits_until_killed", directory.path());
        let output = BufReader::new(child.stdout.take().unwrap());
        let enough = acknowledged.len() + 5 + usize::try_from(round * 7).unwrap();
        for line in output.lines().map_while(Result::ok) {
            let mut words = line.splitn(2, ' ');
            let height = words.next().and_then(|word| word.parse().ok());
            if let (Some(height), Some(text)) = (height, words.next()) {
                acknowledged.push((height, text.to_owned()));
            }
            if acknowledged.len() == enough {
                // Somewhere in the making of the next block, elsewhere each time.
                std::thread::sleep(Duration::from_micros(round * 1_300));
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
    }
    assert!(
        acknowledged.len() > 100,
        "{} came through",
        acknowledged.len()
    );

    let chain = start(&directory.path().join("chain"), &validator);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for (height, text) in &acknowledged {
            let found = read(&chain, &validator, text).await;
            assert_eq!(
                found,
                Ok(Some(*height)),
                "`{text}` was acknowledged and is lost"
            );
        }
        every_block_is_proven(&chain, &validator).await;
    });
    chain.shutdown();
}

/// Where `text` stands by its receipt, if it is in the state and the receipt verifies.
async fn read(
    chain: &Chain,
    validator: &ValidatorKey,
    text: &str,
) -> Result<Option<u64>, SubmitError> {
    let bytes = transaction(text);
    let value = chain.state(&[key(&bytes)]).await?;
    let receipt = chain.receipt(TransactionId::of(&bytes)).await?;
    let (id, group) = (genesis(validator).chain(), validator.group_key().unwrap());
    let good = receipt
        .filter(|receipt| value == [Some(bytes.to_vec())] && receipt.verify(id, &group).is_ok());
    Ok(good.map(|receipt| receipt.header.height.get()))
}

/// Also those whose votes were lost with the process, which a block above them made final.
async fn every_block_is_proven(chain: &Chain, validator: &ValidatorKey) {
    let group = validator.group_key().unwrap();
    let mut below = chain.block(Height::new(0)).await.unwrap().unwrap().header;
    for height in 1..=chain.latest().height.get() {
        let block = chain.block(Height::new(height)).await.unwrap().unwrap();
        assert_eq!(block.header.parent, below.id());
        finality::verify(block.finality.as_slice(), &group, &block.header).unwrap();
        below = block.header;
    }
}

/// Not a test of its own: its chain cannot go on.
#[test]
#[ignore = "a child of `a_node_that_cannot_know_its_state_ends_and_votes_for_nothing`"]
fn child_with_a_broken_machine() {
    let Some(directory) = directory() else { return };
    let validator = validator(&directory);
    let (place, genesis) = (directory.join("chain"), genesis(&validator));
    let chain = Chain::start(
        ChainOptions::new(place, genesis, validator),
        Arc::new(Broken),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(chain.unwrap().submit(transaction("a x")));
    // The process ends whatever its other threads do; this one must not be quicker.
    std::thread::sleep(Duration::from_secs(30));
    panic!("{answer:?}");
}

#[test]
fn a_node_that_cannot_know_its_state_ends_and_votes_for_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let validator = new_validator(directory.path());
    let ending = verdict("crash::child_with_a_broken_machine", directory.path());
    assert_eq!(ending, FAULT);

    let chain = start(&directory.path().join("chain"), &validator);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        assert_eq!(read(&chain, &validator, "a x").await, Ok(None));
        chain.submit(transaction("a x")).await.unwrap();
        every_block_is_proven(&chain, &validator).await;
    });
    chain.shutdown();
}

/// How many transactions the chain holds that is damaged.
const WRITTEN: usize = 60;

/// Not a test of its own: what the next one runs on each damaged copy.
#[test]
#[ignore = "a child of `a_damaged_disk_never_gives_wrong_answers`"]
fn child_that_reads_everything() {
    let Some(directory) = directory() else { return };
    let validator = validator(&directory);
    let Ok(chain) = try_start(&directory.join("chain"), &validator, genesis(&validator)) else {
        exit(REFUSED);
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ending = runtime.block_on(async {
        let mut ending = RIGHT;
        for number in 0..WRITTEN {
            match read(&chain, &validator, &format!("{number} x")).await {
                Ok(Some(_)) => (),
                Ok(None) => return WRONG,
                Err(_) => ending = REFUSED,
            }
        }
        let more = chain.submit(transaction("more x")).await;
        if more.is_ok() { ending } else { REFUSED }
    });
    exit(ending);
}

#[test]
fn a_damaged_disk_never_gives_wrong_answers() {
    let whole = tempfile::tempdir().unwrap();
    let chain = start(&whole.path().join("chain"), &new_validator(whole.path()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for number in 0..WRITTEN {
            let text = format!("{number} x");
            chain.submit(transaction(&text)).await.unwrap();
        }
    });
    chain.shutdown();
    assert_eq!(reading(whole.path()), RIGHT, "undamaged");

    let mut noticed = 0;
    for part in [
        "chain-blocks-value",
        "chain-finalizations-key",
        "chain-state-log_data",
        "chain-simplex_consensus_0",
        "chain-application-metadata",
    ] {
        for damage in [flip, cut, remove] {
            let copy = tempfile::tempdir().unwrap();
            copy_all(whole.path(), copy.path());
            damage(&newest(&copy.path().join("chain").join(part)));
            let ending = reading(copy.path());
            assert!(
                [RIGHT, REFUSED, FAULT].contains(&ending),
                "{part}: {ending}"
            );
            noticed += usize::from(ending != RIGHT);
        }
    }
    assert!(noticed > 3, "the damage is not where the data is");
}

fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(file, bytes).unwrap();
}

fn cut(file: &Path) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}

fn remove(file: &Path) {
    fs::remove_file(file).unwrap();
}

/// The last file of a part of the storage.
fn newest(part: &Path) -> PathBuf {
    let files = fs::read_dir(part).unwrap();
    files.map(|file| file.unwrap().path()).max().unwrap()
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn reading(directory: &Path) -> i32 {
    verdict("crash::child_that_reads_everything", directory)
}

/// How the child that runs `test` ends; it must end.
fn verdict(test: &str, directory: &Path) -> i32 {
    let mut child = child(test, directory);
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            // A signal is no verdict.
            return status.code().unwrap_or(-1);
        }
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the chain hangs");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
