//! The ciphertext store against crashes, damage, and a model.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use yilian_node::store::{Options, Recovery, Store, StoreError};
use yilian_protocol::{Cid, RecordId, limits::OBJECT_MAX};

type Stored = BTreeMap<RecordId, Vec<u8>>;

/// Bytes that are never those of another number or size.
fn object(number: u64, size: usize) -> Vec<u8> {
    let seed = [number.to_be_bytes(), (size as u64).to_be_bytes()].concat();
    let block = Cid::of(&seed).to_bytes();
    (0..size)
        .map(|at| block[at % 32] ^ (at / 32) as u8)
        .collect()
}

fn put(store: &Store, stored: &mut Stored, object: Vec<u8>) -> RecordId {
    let id = store.put(object.clone()).unwrap();
    assert_eq!(id, Cid::of(&object).record());
    stored.insert(id, object);
    id
}

fn assert_all(store: &Store, stored: &Stored) {
    for (id, object) in stored {
        let found = store.get(*id).unwrap();
        assert!(
            found.as_ref() == Some(object),
            "{id} was acknowledged and is lost"
        );
        assert!(store.contains(*id).unwrap());
    }
    let ids: Vec<_> = store.iter().map(Result::unwrap).collect();
    assert_eq!(ids, stored.keys().copied().collect::<Vec<_>>());
    let stats = store.stats().unwrap();
    assert_eq!(stats.objects, stored.len() as u64);
    assert_eq!(
        stats.bytes,
        stored
            .values()
            .map(|object| object.len() as u64)
            .sum::<u64>()
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn pack(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("packs/{number:08}.pack"))
}

fn flip(path: &Path, offset: u64) {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Put(u64, usize),
    PutMany(Vec<(u64, usize)>),
    Absent(u64),
    Reopen,
    Crash,
    LoseIndex,
}

fn size() -> impl Strategy<Value = usize> {
    const MEBIBYTE: usize = 1024 * 1024;
    prop_oneof![
        40 => 0_usize..4,
        40 => 4_usize..3000,
        1 => MEBIBYTE - 1..MEBIBYTE + 2,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0_u64..20, size()).prop_map(|(number, size)| Step::Put(number, size)),
        4 => prop::collection::vec((0_u64..20, size()), 0..6).prop_map(Step::PutMany),
        1 => any::<u64>().prop_map(Step::Absent),
        2 => Just(Step::Reopen),
        1 => Just(Step::Crash),
        1 => Just(Step::LoseIndex),
    ]
}

/// Opens a store that nobody else has open. Other tests start programs, and between its fork and
/// its exec a child holds the locks that any thread held. So one that is given up is free a moment
/// later.
fn open_with(directory: &Path, options: &Options) -> Store {
    let begun = Instant::now();
    loop {
        match Store::open_with(directory, options) {
            Err(StoreError::Locked { .. }) if begun.elapsed() < Duration::from_secs(10) => {
                thread::sleep(Duration::from_millis(5));
            }
            opened => return opened.unwrap(),
        }
    }
}

fn open(directory: &Path) -> Store {
    open_with(directory, &Options::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_store_is_a_map_that_outlives_its_process(
        pack_max in 30_u64..6000,
        checkpoint_every in 1_u64..20_000,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let options = Options { pack_max, checkpoint_every };
        let mut directory = tempfile::tempdir().unwrap();
        let mut store = open_with(directory.path(), &options);
        let mut stored = Stored::new();
        for step in steps {
            match step {
                Step::Put(number, size) => {
                    put(&store, &mut stored, object(number, size));
                }
                Step::PutMany(many) => {
                    let objects: Vec<_> = many.iter().map(|(n, size)| object(*n, *size)).collect();
                    let ids = store.put_many(objects.clone()).unwrap();
                    stored.extend(ids.into_iter().zip(objects));
                }
                Step::Absent(number) => {
                    let id = Cid::of(&object(number, 3001)).record();
                    prop_assert_eq!(store.get(id).unwrap(), None);
                    prop_assert!(!store.contains(id).unwrap());
                }
                Step::Reopen => {
                    drop(store);
                    store = open_with(directory.path(), &options);
                    prop_assert_eq!(store.recovery(), Recovery::default());
                }
                Step::Crash => {
                    // The files as they are while the store is open.
                    let left = tempfile::tempdir().unwrap();
                    copy(directory.path(), left.path());
                    drop(store);
                    directory = left;
                    store = open_with(directory.path(), &options);
                    prop_assert_eq!(store.recovery().cut_bytes, 0);
                    prop_assert_eq!(store.recovery().damaged_bytes, 0);
                }
                Step::LoseIndex => {
                    drop(store);
                    fs::remove_file(directory.path().join("index.redb")).unwrap();
                    store = open_with(directory.path(), &options);
                    prop_assert_eq!(store.recovery().reindexed, stored.len() as u64);
                    prop_assert_eq!(store.recovery().rebuilt, !stored.is_empty());
                    prop_assert_eq!(store.recovery().damaged_bytes, 0);
                }
            }
        }
        assert_all(&store, &stored);
        prop_assert_eq!(store.verify(|| ()).unwrap(), []);
    }
}

/// A store closed in order, one as a killed process left it, and one without index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Closed,
    Killed,
    WithoutIndex,
}

#[test]
fn the_last_pack_cut_at_every_byte_keeps_all_earlier_objects() {
    for left in [Left::Killed, Left::Closed, Left::WithoutIndex] {
        let directory = tempfile::tempdir().unwrap();
        let mut stored = Stored::new();
        let store = open(directory.path());
        put(&store, &mut stored, object(1, 300));
        put(&store, &mut stored, object(2, 0));
        let mut begins = vec![fs::metadata(pack(directory.path(), 1)).unwrap().len()];
        let image = tempfile::tempdir().unwrap();
        let mut later = Vec::new();
        for size in [30, 7] {
            let mut one = Stored::new();
            put(&store, &mut one, object(3, size));
            begins.push(fs::metadata(pack(directory.path(), 1)).unwrap().len());
            later.extend(one);
        }
        if left == Left::Killed {
            copy(directory.path(), image.path());
            drop(store);
        } else {
            drop(store);
            copy(directory.path(), image.path());
        }
        if left == Left::WithoutIndex {
            fs::remove_file(image.path().join("index.redb")).unwrap();
        }
        for size in begins[0]..begins[2] {
            cut_at(image.path(), size, left, &begins, &stored, &later);
        }
    }
}

fn cut_at(
    image: &Path,
    size: u64,
    left: Left,
    begins: &[u64],
    stored: &Stored,
    later: &[(RecordId, Vec<u8>)],
) {
    let directory = tempfile::tempdir().unwrap();
    copy(image, directory.path());
    let file = fs::File::options()
        .write(true)
        .open(pack(directory.path(), 1))
        .unwrap();
    file.set_len(size).unwrap();
    let store = open(directory.path());
    for (id, object) in stored {
        assert_eq!(
            store.get(*id).unwrap().as_ref(),
            Some(object),
            "cut at {size}"
        );
    }
    let whole = begins[1..].iter().filter(|end| **end <= size).count();
    for (number, (id, object)) in later.iter().enumerate() {
        let found = store.get(*id);
        match left {
            _ if number < whole => assert_eq!(found.unwrap().as_ref(), Some(object)),
            // The index knows of them; they are gone, and that is said.
            Left::Closed => {
                assert!(matches!(found, Err(StoreError::Damaged { record }) if record == *id));
            }
            Left::Killed | Left::WithoutIndex => assert_eq!(found.unwrap(), None),
        }
    }
    let recovery = store.recovery();
    if left == Left::Closed {
        assert_eq!(recovery.damaged_bytes, begins[2] - size);
    } else {
        assert_eq!(recovery.cut_bytes, size - begins[whole]);
        assert_eq!(recovery.damaged_bytes, 0);
        let entries = whole + stored.len();
        assert_eq!(recovery.reindexed, entries as u64);
    }
    // It serves on, and what is stored again is there after the next start, too.
    for (id, object) in later {
        assert_eq!(store.put(object.clone()).unwrap(), *id);
    }
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.recovery(), Recovery::default());
    let mut all = stored.clone();
    all.extend(later.iter().cloned());
    assert_all(&store, &all);
    assert_eq!(store.verify(|| ()).unwrap(), []);
}

#[test]
fn a_byte_flipped_anywhere_in_a_pack_harms_at_most_its_object_and_never_quietly() {
    let directory = tempfile::tempdir().unwrap();
    let mut stored = Stored::new();
    let store = open(directory.path());
    for number in 0..4 {
        put(&store, &mut stored, object(number, 20));
    }
    let path = pack(directory.path(), 1);
    let size = fs::metadata(&path).unwrap().len();
    assert_eq!(size, 24 + 4 * (52 + 20));
    for offset in 0..size {
        flip(&path, offset);
        let mut damaged = Vec::new();
        for (id, object) in &stored {
            match store.get(*id) {
                Ok(found) => assert_eq!(found.as_ref(), Some(object), "flipped at {offset}"),
                Err(StoreError::Damaged { record }) => damaged.push(record),
                Err(error) => panic!("flipped at {offset}: {error}"),
            }
        }
        let in_object = offset >= 24 && (offset - 24) % 72 >= 52;
        assert_eq!(damaged.len(), usize::from(in_object), "flipped at {offset}");
        assert_eq!(store.verify(|| ()).unwrap(), damaged);
        flip(&path, offset);
    }
    drop(store);

    // Without an index, all that the flip did not hit is found, and nothing after it is cut off.
    fs::remove_file(directory.path().join("index.redb")).unwrap();
    for offset in 0..size {
        let left = tempfile::tempdir().unwrap();
        copy(directory.path(), left.path());
        flip(&pack(left.path(), 1), offset);
        let store = open(left.path());
        let found = stored.iter().filter(|(id, object)| {
            let found = store.get(**id).unwrap();
            assert!(found.is_none() || found.as_ref() == Some(object));
            found.is_some()
        });
        let hit = usize::from(offset >= 24);
        assert_eq!(found.count(), 4 - hit, "flipped at {offset}");
        let recovery = store.recovery();
        assert_eq!(recovery.damaged_bytes + recovery.cut_bytes, 72 * hit as u64);
        for object in stored.values() {
            store.put(object.clone()).unwrap();
        }
        assert_all(&store, &stored);
    }
}

#[test]
fn damage_is_mended_by_storing_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut stored = Stored::new();
    let store = open(directory.path());
    let packed = put(&store, &mut stored, object(1, 5000));
    let large = put(&store, &mut stored, object(2, 1_100_000));
    let name = large.to_string();
    let file = directory.path().join("large").join(&name[..2]).join(&name);
    flip(&pack(directory.path(), 1), 24 + 52 + 4000);
    flip(&file, 700_000);
    assert_eq!(store.verify(|| ()).unwrap().len(), 2);
    for harm in ["flipped", "shortened", "removed"] {
        match harm {
            "shortened" => {
                let file = fs::File::options().write(true).open(&file).unwrap();
                file.set_len(1000).unwrap();
            }
            "removed" => fs::remove_file(&file).unwrap(),
            _ => {}
        }
        for id in [packed, large] {
            if harm == "flipped" || id == large {
                let error = store.get(id).unwrap_err();
                assert!(
                    matches!(error, StoreError::Damaged { record } if record == id),
                    "{harm}"
                );
            }
            store.put(stored[&id].clone()).unwrap();
        }
        assert_all(&store, &stored);
    }
    drop(store);
    assert_all(&open(directory.path()), &stored);
    fs::remove_file(directory.path().join("index.redb")).unwrap();
    let store = open(directory.path());
    assert_all(&store, &stored);
    assert_eq!(store.recovery().damaged_bytes, 52 + 5000, "the harmed copy");
}

#[test]
fn a_lost_or_damaged_index_is_rebuilt() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        pack_max: 3000,
        ..Options::default()
    };
    let mut stored = Stored::new();
    let store = open_with(directory.path(), &options);
    for number in 0..40 {
        put(&store, &mut stored, object(number, 400));
    }
    put(&store, &mut stored, object(99, 1_048_577));
    assert!(store.stats().unwrap().packs > 3);
    drop(store);
    let index = directory.path().join("index.redb");
    let image = fs::read(&index).unwrap();
    let mut damaged: Vec<Vec<u8>> = vec![Vec::new(), b"not a database".to_vec(), vec![0; 40_000]];
    damaged.extend([1, 64, 500, 4096, 5000, image.len() / 2].map(|size| image[..size].to_vec()));
    damaged.extend((0..120).map(|number| {
        let mut bytes = image.clone();
        // The head, and places all over the file.
        let place = if number < 40 {
            number * 8
        } else {
            number * 7919 * 13 % image.len()
        };
        bytes[place] ^= 0xa5;
        bytes
    }));
    let mut rebuilt = 0;
    for bytes in damaged {
        fs::write(&index, bytes).unwrap();
        let store = open_with(directory.path(), &options);
        assert_all(&store, &stored);
        rebuilt += u32::from(store.recovery().rebuilt);
    }
    assert!(rebuilt > 10, "only {rebuilt} were rebuilt");
    fs::remove_file(&index).unwrap();
    let store = open_with(directory.path(), &options);
    assert!(store.recovery().rebuilt);
    assert_eq!(store.recovery().reindexed, 41);
    assert_all(&store, &stored);
}

#[test]
fn a_lost_pack_is_reported_and_its_number_not_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        pack_max: 100,
        ..Options::default()
    };
    let mut stored = Stored::new();
    let store = open_with(directory.path(), &options);
    for number in 0..5 {
        put(&store, &mut stored, object(number, 100));
    }
    drop(store);
    for number in [2, 5] {
        fs::remove_file(pack(directory.path(), number)).unwrap();
    }
    let store = open_with(directory.path(), &options);
    let damaged = store.verify(|| ()).unwrap();
    assert_eq!(damaged.len(), 2);
    for object in stored.values() {
        store.put(object.clone()).unwrap();
    }
    assert_all(&store, &stored);
    assert!(!pack(directory.path(), 2).exists() && !pack(directory.path(), 5).exists());
    drop(store);
    fs::remove_file(directory.path().join("index.redb")).unwrap();
    assert_all(&open_with(directory.path(), &options), &stored);
}

#[test]
fn an_object_that_looks_like_a_pack_is_an_object() {
    let directory = tempfile::tempdir().unwrap();
    let mut stored = Stored::new();
    let store = open(directory.path());
    put(&store, &mut stored, object(1, 50));
    drop(store);
    let copied = fs::read(pack(directory.path(), 1)).unwrap();
    let other = tempfile::tempdir().unwrap();
    let store = open(other.path());
    let hidden = stored.keys().copied().next().unwrap();
    put(&store, &mut stored, copied);
    stored.remove(&hidden);
    drop(store);
    // The object around it is damaged, and the index is lost.
    flip(&pack(other.path(), 1), 24 + 52);
    fs::remove_file(other.path().join("index.redb")).unwrap();
    let store = open(other.path());
    assert!(!store.contains(hidden).unwrap());
}

#[test]
fn two_may_not_open_one_directory() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(&error, StoreError::Locked { directory: at } if at == directory.path()));
    assert!(
        error
            .to_string()
            .contains(&directory.path().display().to_string())
    );
    store.put(object(1, 10)).unwrap();
    drop(store);
    open(directory.path());
}

#[test]
fn what_is_no_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("objects");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file).unwrap_err();
    assert!(
        matches!(&error, StoreError::Io { path, .. } if *path == file),
        "{error}"
    );
}

#[test]
fn threads_share_and_an_object_is_stored_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let (threads, each) = (8, 40);
    let barrier = Barrier::new(threads);
    let many: Vec<Stored> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads as u64)
            .map(|thread| {
                let (store, barrier) = (&store, &barrier);
                scope.spawn(move || {
                    let mut stored = Stored::new();
                    barrier.wait();
                    for number in 0..each {
                        // Half of them are everybody's.
                        let own = if number % 2 == 0 {
                            0
                        } else {
                            1000 * (thread + 1)
                        };
                        let id = put(store, &mut stored, object(own + number, 700));
                        assert_eq!(store.get(id).unwrap().as_ref(), stored.get(&id));
                    }
                    stored
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect()
    });
    let stored: Stored = many.into_iter().flatten().collect();
    assert_eq!(stored.len(), 20 + threads * 20);
    assert_all(&store, &stored);
    let size = fs::metadata(pack(directory.path(), 1)).unwrap().len();
    assert_eq!(
        size,
        24 + stored.len() as u64 * (52 + 700),
        "each is stored once"
    );
    let same = store.put_many(vec![object(5, 9); 10]).unwrap();
    assert_eq!(same.iter().collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(store.stats().unwrap().objects, stored.len() as u64 + 1);
}

#[test]
fn the_largest_object_is_taken_and_one_byte_more_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let mut stored = Stored::new();
    let error = store
        .put_many(vec![object(1, 10), vec![7; OBJECT_MAX + 1]])
        .unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { size } if size == OBJECT_MAX + 1));
    assert_all(&store, &stored);
    put(&store, &mut stored, vec![7; OBJECT_MAX]);
    assert_all(&store, &stored);
    assert_eq!(store.put_many(Vec::new()).unwrap(), []);
}

#[test]
fn a_large_object_that_cannot_be_written_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let mut stored = Stored::new();
    put(&store, &mut stored, object(1, 10));
    fs::remove_dir(directory.path().join("large")).unwrap();
    fs::write(directory.path().join("large"), "in the way").unwrap();
    let error = store
        .put_many(vec![object(2, 10), object(3, 1_100_000)])
        .unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert_all(&store, &stored);
    put(&store, &mut stored, object(4, 10));
    fs::remove_file(directory.path().join("large")).unwrap();
    fs::create_dir(directory.path().join("large")).unwrap();
    put(&store, &mut stored, object(3, 1_100_000));
    drop(store);
    assert_all(&open(directory.path()), &stored);
}

#[test]
fn what_a_crash_left_of_a_large_object_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let left = directory.path().join("incoming").join("half");
    fs::write(&left, "half").unwrap();
    let store = open(directory.path());
    assert!(!left.exists());
    assert_all(&store, &Stored::new());
}

const CHILD: &str = "YILIAN_TEST_STORE_CHILD";

/// Not a test of its own: what the next test runs and kills. Stores for ever and prints what was
/// acknowledged, from four threads.
#[test]
#[ignore = "run by `killed_at_any_moment_nothing_acknowledged_is_lost`"]
fn child_that_stores_until_killed() {
    let Ok(directory) = std::env::var(CHILD) else {
        return;
    };
    let options = Options {
        pack_max: 200_000,
        checkpoint_every: 100_000,
    };
    let store = open_with(Path::new(&directory), &options);
    let own = u64::from(std::process::id()) << 32;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for round in 0.. {
                    let number = own + thread * 1_000_000 + round;
                    let size = if round % 37 == 20 {
                        1_050_000
                    } else {
                        (round * 97 % 5000) as usize
                    };
                    let id = store.put(object(number, size)).unwrap();
                    let line = format!("{number} {size} {id}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut stored = Stored::new();
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "store::child_that_stores_until_killed",
                "--ignored",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let enough = stored.len() + 10 + round * 29;
        // What was printed before the kill was acknowledged, so the rest of the pipe is read as
        // well.
        for line in output.lines().map_while(Result::ok) {
            let words: Vec<_> = line.split(' ').collect();
            if let [number, size, id] = *words
                && let (Ok(number), Ok(size), Ok(id)) = (number.parse(), size.parse(), id.parse())
            {
                stored.insert(id, object(number, size));
            }
            if stored.len() >= enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
    }
    assert!(
        stored.len() > 200,
        "only {} were acknowledged",
        stored.len()
    );
    let store = open(directory.path());
    for (id, object) in &stored {
        assert!(
            store.get(*id).unwrap().as_ref() == Some(object),
            "{id} is lost"
        );
    }
    assert_eq!(store.verify(|| ()).unwrap(), []);
}
