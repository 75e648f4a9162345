//! The store on a disk that fails, fills up, or loses what was not synced.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{collections::BTreeMap, os::unix::fs::FileExt as _, sync::Mutex};

use super::*;

/// A disk that takes so many operations and bytes, and then fails.
#[derive(Debug)]
struct Faulty(Mutex<Plan>);

#[derive(Debug, Clone)]
struct Plan {
    /// Bytes that still fit.
    space: usize,
    /// Bytes that one call takes at most.
    piece: usize,
    syncs: usize,
    renames: usize,
    /// What was done, in order.
    log: Vec<Operation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    Write { offset: u64, length: usize },
    Sync,
    Rename,
}

const HEALTHY: Plan = Plan {
    space: usize::MAX,
    piece: usize::MAX,
    syncs: usize::MAX,
    renames: usize::MAX,
    log: Vec::new(),
};

impl Faulty {
    fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self(Mutex::new(plan)))
    }

    fn set(&self, plan: Plan) {
        *self.0.lock().unwrap() = plan;
    }

    fn log(&self) -> Vec<Operation> {
        self.0.lock().unwrap().log.clone()
    }
}

impl Disk for Faulty {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut plan = self.0.lock().unwrap();
        let length = bytes.len().min(plan.piece).min(plan.space);
        if length == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        plan.space -= length;
        plan.log.push(Operation::Write { offset, length });
        file.write_all_at(&bytes[..length], offset)?;
        Ok(length)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut plan = self.0.lock().unwrap();
        plan.log.push(Operation::Sync);
        plan.syncs = plan.syncs.checked_sub(1).ok_or_else(failure)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut plan = self.0.lock().unwrap();
        plan.log.push(Operation::Rename);
        plan.renames = plan.renames.checked_sub(1).ok_or_else(failure)?;
        fs::rename(from, to)
    }
}

fn failure() -> io::Error {
    io::Error::other("the disk failed")
}

const SMALL: Options = Options {
    pack_max: 400,
    checkpoint_every: 1500,
};

fn object(number: usize, size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| u8::try_from((at * 31 + number * 7 + at / 251) % 251).unwrap())
        .chain(number.to_be_bytes())
        .collect()
}

/// Packed objects, some of which begin a pack, and now and then a large one.
fn objects() -> Vec<Vec<u8>> {
    (0..14)
        .map(|number| {
            object(
                number,
                if number % 9 == 4 {
                    pack::PACKED_MAX
                } else {
                    number * 9
                },
            )
        })
        .collect()
}

fn all_there(store: &Store, stored: &BTreeMap<RecordId, Vec<u8>>) {
    for (id, bytes) in stored {
        let found = store.get(*id).unwrap();
        assert!(found.as_ref() == Some(bytes), "{id} is lost");
    }
}

/// Opens what is left on a healthy disk, checks that it holds and still takes objects.
fn reopens(directory: &Path, stored: &BTreeMap<RecordId, Vec<u8>>) -> Recovery {
    let store = Store::open_with(directory, &SMALL).unwrap();
    all_there(&store, stored);
    assert_eq!(store.verify(|| ()).unwrap(), []);
    for number in 0..3 {
        let object = object(number + 5000, number * 200);
        let id = store.put(object.clone()).unwrap();
        assert!(store.get(id).unwrap() == Some(object));
    }
    store.recovery()
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

#[test]
fn a_full_disk_refuses_what_does_not_fit_and_serves_on() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Faulty::new(HEALTHY);
    let store = Store::open_on(directory.path(), &SMALL, disk.clone()).unwrap();
    let mut stored = BTreeMap::new();
    for space in 0..110 {
        let (first, second) = (object(space, 10), object(space + 1000, 3));
        disk.set(Plan {
            space,
            piece: 7,
            ..HEALTHY
        });
        // Two entries of 52 + 18 and 52 + 11 bytes, and the head of a new pack now and then.
        let error = store
            .put_many(vec![first.clone(), second.clone()])
            .unwrap_err();
        let StoreError::Io { source, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        for bytes in [&first, &second] {
            assert_eq!(
                store.get(id_of(bytes)).unwrap(),
                None,
                "nothing is acknowledged"
            );
        }
        disk.set(Plan {
            piece: 7,
            ..HEALTHY
        });
        if space % 3 == 0 {
            stored.insert(store.put(first.clone()).unwrap(), first);
        }
        all_there(&store, &stored);
    }
    let large = object(7, pack::PACKED_MAX);
    disk.set(Plan {
        space: 1000,
        ..HEALTHY
    });
    store.put(large.clone()).unwrap_err();
    assert_eq!(store.get(id_of(&large)).unwrap(), None);
    assert_eq!(
        fs::read_dir(directory.path().join("incoming"))
            .unwrap()
            .count(),
        0
    );
    disk.set(HEALTHY);
    stored.insert(store.put(large.clone()).unwrap(), large);
    drop(store);
    let recovery = reopens(directory.path(), &stored);
    assert_eq!(
        recovery,
        Recovery::default(),
        "what did not fit was taken back"
    );
}

#[test]
fn after_a_failed_sync_nothing_is_taken_until_it_is_open_again() {
    let mut failed_at = 0;
    for syncs in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let disk = Faulty::new(HEALTHY);
        let store = Store::open_on(directory.path(), &SMALL, disk.clone()).unwrap();
        disk.set(Plan { syncs, ..HEALTHY });
        let mut stored = BTreeMap::new();
        let mut failed = false;
        for bytes in objects() {
            match store.put(bytes.clone()) {
                Ok(id) => {
                    assert!(!failed, "a put after a failed sync was acknowledged");
                    stored.insert(id, bytes);
                }
                Err(StoreError::Broken) => assert!(failed),
                Err(error) => {
                    assert!(!failed, "{error}");
                    failed = true;
                    disk.set(HEALTHY);
                }
            }
            all_there(&store, &stored);
        }
        // On the same disk that fails it stays shut, and what is stored is read; on one that holds
        // again it goes on.
        disk.set(Plan {
            space: 0,
            syncs: 0,
            renames: 0,
            ..HEALTHY
        });
        assert_eq!(store.probe().is_err(), failed);
        disk.set(HEALTHY);
        store.probe().unwrap();
        for bytes in objects() {
            stored.insert(store.put(bytes.clone()).unwrap(), bytes);
        }
        all_there(&store, &stored);
        drop(store);
        reopens(directory.path(), &stored);
        if !failed {
            break;
        }
        failed_at += 1;
    }
    assert!(failed_at > 20, "only {failed_at} syncs were made to fail");
}

#[test]
fn whichever_operation_is_the_last_one_what_was_acknowledged_is_there() {
    // The disk dies at its nth write, rename or sync; whatever was written half stays so.
    let plans = (0..30)
        .map(|step| Plan {
            space: step * 53,
            piece: 40,
            ..HEALTHY
        })
        .chain((0..4).map(|renames| Plan { renames, ..HEALTHY }));
    for plan in plans {
        let directory = tempfile::tempdir().unwrap();
        let disk = Faulty::new(HEALTHY);
        let store = Store::open_on(directory.path(), &SMALL, disk.clone()).unwrap();
        disk.set(plan.clone());
        let mut stored = BTreeMap::new();
        for bytes in objects() {
            if let Ok(id) = store.put(bytes.clone()) {
                stored.insert(id, bytes);
            } else {
                disk.set(Plan {
                    space: 0,
                    syncs: 0,
                    renames: 0,
                    ..plan.clone()
                });
            }
        }
        assert!(stored.len() < objects().len(), "{plan:?} never failed");
        // Not dropped in order: the state a killed process leaves.
        let left = tempfile::tempdir().unwrap();
        copy(directory.path(), left.path());
        reopens(left.path(), &stored);
    }
}

#[test]
fn a_power_cut_takes_only_what_was_not_synced() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::default();
    let disk = Faulty::new(HEALTHY);
    let store = Store::open_on(directory.path(), &options, disk.clone()).unwrap();
    let mut stored = BTreeMap::new();
    for number in 0..5 {
        let bytes = object(number, number * 11);
        stored.insert(store.put(bytes.clone()).unwrap(), bytes);
    }
    let pack = Path::new("packs/00000001.pack");
    let synced = fs::metadata(directory.path().join(pack)).unwrap().len();
    // Written, not synced, so not acknowledged; the state in the middle of it is what the cut
    // leaves.
    let entry = [object(9, 30), object(8, 40)].concat();
    for written in 0..entry.len() {
        for lost_index in [false, true] {
            if written % if lost_index { 23 } else { 3 } != 0 {
                continue;
            }
            let left = tempfile::tempdir().unwrap();
            copy(directory.path(), left.path());
            let file = File::options()
                .write(true)
                .open(left.path().join(pack))
                .unwrap();
            file.write_all_at(&entry[..written], synced).unwrap();
            if lost_index {
                fs::remove_file(left.path().join("index.redb")).unwrap();
            }
            let recovery = reopens(left.path(), &stored);
            assert_eq!(recovery.cut_bytes, written as u64);
            assert_eq!(recovery.damaged_bytes, 0);
        }
    }
}

#[test]
fn a_tail_is_written_again_before_it_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::default();
    let disk = Faulty::new(HEALTHY);
    let store = Store::open_on(directory.path(), &options, disk.clone()).unwrap();
    store.put(object(1, 100)).unwrap();
    disk.set(Plan {
        syncs: 0,
        ..HEALTHY
    });
    store.put(object(2, 200)).unwrap_err();
    let pack = directory.path().join("packs/00000001.pack");
    drop(store);

    // As if the failing process had been killed before it could take the entry back.
    let whole = 24 + 2 * 52 + 2 * 8 + 100 + 200;
    let other = tempfile::tempdir().unwrap();
    let writer = Store::open_with(other.path(), &options).unwrap();
    writer.put(object(2, 200)).unwrap();
    let mut entry = fs::read(other.path().join("packs/00000001.pack")).unwrap()[24..].to_vec();
    let bytes = fs::read(&pack).unwrap();
    entry[..16].copy_from_slice(&bytes[8..24]);
    let end = bytes.len() as u64;
    let file = File::options().write(true).open(&pack).unwrap();
    file.write_all_at(&entry, end).unwrap();
    assert_eq!(fs::metadata(&pack).unwrap().len(), whole);

    let disk = Faulty::new(HEALTHY);
    let store = Store::open_on(directory.path(), &options, disk.clone()).unwrap();
    assert_eq!(store.recovery().reindexed, 1);
    let length = entry.len();
    let again = [
        Operation::Write {
            offset: end,
            length,
        },
        Operation::Sync,
    ];
    assert_eq!(disk.log()[..2], again);
    drop(store);

    // When that fails too, the store does not open.
    file.write_all_at(&entry, whole).unwrap();
    let disk = Faulty::new(Plan {
        syncs: 0,
        ..HEALTHY
    });
    let error = Store::open_on(directory.path(), &options, disk).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn a_rebuild_that_was_cut_short_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_with(directory.path(), &SMALL).unwrap();
    let mut stored = BTreeMap::new();
    for bytes in objects() {
        stored.insert(store.put(bytes.clone()).unwrap(), bytes);
    }
    drop(store);
    let index = directory.path().join("index.redb");
    fs::remove_file(&index).unwrap();
    // The packs are indexed, and the process ends before the files are.
    let Opened {
        index: half,
        is_new,
    } = Index::open(&index).unwrap();
    assert!(is_new);
    let mut recovery = Recovery::default();
    let disk = Guarded::new(Arc::new(Machine));
    Packs::open(directory.path(), &SMALL, &disk, &half, &mut recovery).unwrap();
    drop(half);
    let recovery = reopens(directory.path(), &stored);
    assert!(recovery.rebuilt);
}

#[test]
fn the_index_is_synced_now_and_then() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_with(directory.path(), &SMALL).unwrap();
    let mut stored = BTreeMap::new();
    for number in 0..40 {
        let bytes = object(number, 50);
        stored.insert(store.put(bytes.clone()).unwrap(), bytes);
    }
    // What a killed process leaves; 1,500 bytes are three entries.
    let left = tempfile::tempdir().unwrap();
    copy(directory.path(), left.path());
    let recovery = reopens(left.path(), &stored);
    assert!(recovery.reindexed <= 3, "{recovery:?}");
    assert!(!recovery.rebuilt);
}

#[test]
fn a_directory_that_takes_no_file_is_found_by_trying() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_with(directory.path(), &SMALL).unwrap();
    let files = || fs::read_dir(directory.path()).unwrap().count();
    let before = files();
    store.probe().unwrap();
    assert_eq!(files(), before, "something stays");
    let probe = directory.path().join(PROBE);
    fs::create_dir(&probe).unwrap();
    let error = store.probe().unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    // It is no failure of what is stored: all else goes on.
    store.put(object(1, 50)).unwrap();
    fs::remove_dir(&probe).unwrap();
    store.probe().unwrap();
}
