//! The index over files that fill up, are merged, damaged, and left by a kill.

use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;

use super::{
    run::{About, Run, merged},
    *,
};

/// Slots in memory: few, so that tests write many files.
const ROOM: usize = 150;
const TAG_MAX: u64 = (1 << slot::BITS) - 1;

fn key(number: u64) -> StateKey {
    StateKey::once("test", &number.to_be_bytes())
}

/// In which page a row of these tests stands.
const fn page(number: u64) -> u64 {
    number / 50
}

/// Notes rows as a chain does: page by page, each final at once.
fn note(index: &RowIndex, rows: std::ops::Range<u64>) {
    for number in rows {
        index.note(page(number), &[key(number)]);
        index.settle(page(number));
    }
}

fn finds(index: &RowIndex, rows: std::ops::Range<u64>) {
    let keys: Vec<StateKey> = rows.clone().map(key).collect();
    let found = index.pages(&keys);
    for (number, place) in rows.zip(0..) {
        let row = (page(number), place);
        assert!(found.binary_search(&row).is_ok(), "row {number}");
    }
    assert!(found.len() < keys.len() + 10, "{} hints", found.len());
}

async fn filled(folder: &Path) -> RowIndex {
    let index = RowIndex::with_room(folder, ROOM).unwrap();
    index.filled(async {}).await;
    index
}

/// Waits until nothing is to be written or merged.
fn settled(index: &RowIndex) {
    let files = index.files.as_ref().unwrap();
    while !files.layers().frozen.is_empty() || files.layers().runs.len() > 3 * 6 {
        std::thread::yield_now();
    }
}

fn runs_in(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "run"))
        .count()
}

#[test]
fn in_memory_no_row_is_left_out_and_none_is_noted_twice() {
    let index = RowIndex::default();
    for _ in 0..2 {
        note(&index, 0..30_000);
    }
    finds(&index, 0..30_000);
    assert_eq!(index.fresh.read().unwrap().len(), 30_000);
    let strangers: Vec<StateKey> = (30_000..60_000).map(key).collect();
    assert!(index.pages(&strangers).is_empty());
}

#[test]
fn a_row_may_stand_in_pages_of_several_forks() {
    let index = RowIndex::default();
    index.note(7, &[key(1), key(2)]);
    index.note(9, &[key(2)]);
    index.note(8, &[key(1)]);
    let found = index.pages(&[key(2), key(1)]);
    assert_eq!(found, [(7, 0), (7, 1), (8, 1), (9, 0)]);
}

#[tokio::test]
async fn rows_are_found_while_files_are_written_and_merged_and_after_a_restart() {
    const ROWS: u64 = 12_000;
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path()).await;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| note(&index, 0..ROWS));
        let mut known = 0;
        while !writer.is_finished() {
            let until = index.settled.load(Ordering::SeqCst) * 50;
            finds(&index, known.max(until.saturating_sub(500))..until);
            finds(&index, 0..until.min(500));
            known = until;
        }
    });
    finds(&index, 0..ROWS);
    settled(&index);
    finds(&index, 0..ROWS);
    assert!(
        runs_in(folder.path()) < 24,
        "{} files",
        runs_in(folder.path())
    );
    let covered = index.covered();
    assert!(covered * 50 > ROWS - 2 * ROOM as u64, "{covered} pages");

    drop(index);
    let index = filled(folder.path()).await;
    assert_eq!(index.covered(), covered);
    finds(&index, 0..covered * 50);
    note(&index, covered * 50..ROWS);
    finds(&index, 0..ROWS);
}

/// Whatever a kill leaves: what the catalogue says is covered is found, and the index goes on.
#[tokio::test]
async fn what_a_kill_leaves_holds_all_that_is_covered() {
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path()).await;
    let mut rows = 0;
    for round in 0..16_u64 {
        let more = rows + 100 + 31 * round;
        note(&index, rows..more);
        rows = more;
        // As the files stand at this moment: the catalogue first, which names no file that is not
        // there, and may name one that a merge removes meanwhile.
        let left = tempfile::tempdir().unwrap();
        let catalogue = left.path().join("catalogue.json");
        fs::copy(folder.path().join("catalogue.json"), &catalogue).unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            if path.extension().is_some_and(|end| end == "run") {
                fs::copy(&path, left.path().join(name)).ok();
            }
        }
        let killed = filled(left.path()).await;
        let covered = killed.covered() * 50;
        finds(&killed, 0..covered);
        note(&killed, covered..rows);
        finds(&killed, 0..rows);
    }
    // A thread that still merges names no files again.
    index.forget();
    note(&index, rows..rows + 3_000);
    drop(index);
    assert_eq!(filled(folder.path()).await.covered(), 0);
}

/// A fork's pages are final for nobody: what comes instead is noted later, and read again.
#[tokio::test]
async fn no_page_is_covered_before_it_is_final() {
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path()).await;
    note(&index, 0..2_000);
    let until = index.settled.load(Ordering::SeqCst);
    for number in 0..3 * ROOM as u64 {
        index.note(until + number, &[key(1_000_000 + number)]);
    }
    settled(&index);
    assert!(index.covered() <= until);
    assert!(index.covered() > 0);
}

#[tokio::test]
async fn before_it_is_filled_nothing_is_covered_but_what_was_filled() {
    let folder = tempfile::tempdir().unwrap();
    let index = RowIndex::with_room(folder.path(), ROOM).unwrap();
    note(&index, 100_000..101_000);
    assert_eq!(index.covered(), 0);
    index.filled_to(7);
    note(&index, 105_000..106_000);
    settled(&index);
    assert_eq!(index.covered(), 7);
}

#[tokio::test]
async fn what_is_lost_or_damaged_is_made_anew_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let fill = async || {
        let index = filled(path).await;
        note(&index, index.covered() * 50..3_000);
        settled(&index);
        index
    };
    let first = |ending: &str| {
        let entries = fs::read_dir(path).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        paths
            .find(|path| path.extension().is_some_and(|end| end == ending))
            .unwrap()
    };
    let spoil: [&dyn Fn(); 6] = [
        &|| fs::remove_file(first("run")).unwrap(),
        &|| fs::write(first("run"), b"short").unwrap(),
        &|| fs::remove_file(path.join("catalogue.json")).unwrap(),
        &|| fs::write(path.join("catalogue.json"), b"{").unwrap(),
        &|| {
            let catalogue = fs::read_to_string(path.join("catalogue.json")).unwrap();
            let other = catalogue.replace("\"covered\": ", "\"covered\": 1");
            fs::write(path.join("catalogue.json"), other).unwrap();
        },
        &|| {
            let catalogue = fs::read_to_string(path.join("catalogue.json")).unwrap();
            let other = catalogue.replace("\"format\": 1", "\"format\": 2");
            fs::write(path.join("catalogue.json"), other).unwrap();
        },
    ];
    for spoil in spoil {
        let index = fill().await;
        assert!(index.covered() > 0);
        drop(index);
        spoil();
        let index = filled(path).await;
        assert_eq!((index.covered(), runs_in(path)), (0, 0));
        drop(index);
        finds(&fill().await, 0..3_000);
    }

    // Of a block that is another than was written nothing is believed.
    let index = fill().await;
    let run = first("run");
    let mut bytes = fs::read(&run).unwrap();
    bytes[100] ^= 1;
    fs::write(&run, bytes).unwrap();
    let keys: Vec<StateKey> = (0..3_000).map(key).collect();
    let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| index.pages(&keys)));
    assert!(looked.is_err());
    drop(index);
    assert_eq!(filled(path).await.covered(), 0);
}

/// A merge reads what nobody looks for.
#[tokio::test]
async fn damage_that_a_merge_finds_is_made_anew_too() {
    let folder = tempfile::tempdir().unwrap();
    let slots = |tier: u64| (0..400).map(move |tag| Ok(Slot { tag, page: tier }));
    let index = filled(folder.path()).await;
    note(&index, 0..ROOM as u64);
    settled(&index);
    let files = index.files.as_ref().unwrap();
    let first = files.layers().runs[0].about;
    let path = first.path(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[5] ^= 1;
    fs::write(&path, bytes).unwrap();
    // Three more, and the tier is full.
    for part in 0..3 {
        let slots: io::Result<Vec<Slot>> = slots(part).collect();
        files.freeze(slots.unwrap(), 0);
    }
    while files.wait().is_ok() {
        std::thread::yield_now();
    }
    drop(index);
    assert_eq!(filled(folder.path()).await.covered(), 0);
    assert_eq!(runs_in(folder.path()), 0);
}

/// An older copy of the log was put back, and the chain goes on in another way.
#[tokio::test]
async fn what_comes_after_the_end_of_a_shorter_log_is_covered_anew() {
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path()).await;
    note(&index, 0..3_000);
    settled(&index);
    assert!(index.covered() > 20);
    drop(index);
    let index = filled(folder.path()).await;
    index.cut(20);
    assert_eq!(index.covered(), 20);
    // Other rows in the same pages. They are lost with the process, and come again.
    index.note(25, &[key(77_777)]);
    index.settle(26);
    drop(index);
    let index = filled(folder.path()).await;
    assert_eq!(index.covered(), 20);
    finds(&index, 0..1_000);
    index.cut(30);
    assert_eq!(index.covered(), 20, "a longer log covers nothing");
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_told_to_whoever_notes() {
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path()).await;
    // A folder in the place of the first file.
    fs::create_dir(
        About {
            number: 0,
            tier: 0,
            slots: 0,
        }
        .path(folder.path()),
    )
    .unwrap();
    let noted = || {
        for round in 0.. {
            note(&index, round * 1_000..(round + 1) * 1_000);
        }
    };
    let noted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(noted));
    assert!(noted.is_err());
}

/// Tags as they come, close together, many the same, at both ends.
fn tags() -> impl Strategy<Value = Vec<u64>> {
    let any = prop::collection::vec(0..=TAG_MAX, 0..3_000);
    let near = prop::collection::vec(0..5_000_u64, 0..3_000);
    let same = (0..=TAG_MAX, 1..2_000_usize).prop_map(|(tag, count)| vec![tag; count]);
    let ends = prop::collection::vec(prop_oneof![0..3_u64, TAG_MAX - 2..=TAG_MAX], 0..900);
    (any, near, same, ends).prop_map(|(any, near, same, ends)| [any, near, same, ends].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_file_says_what_was_written_to_it(tags in tags(), strangers in tags()) {
        let folder = tempfile::tempdir().unwrap();
        let slots: BTreeSet<Slot> =
            tags.iter().zip(0..).map(|(tag, page)| Slot { tag: *tag, page }).collect();
        let all: Vec<Slot> = slots.into_iter().collect();
        let lines = all.iter().copied().map(Ok);
        let run = Run::write(folder.path(), (3, 0), lines, || true).unwrap().unwrap();
        prop_assert_eq!(run.about.slots, all.len() as u64);
        let read: Vec<Slot> = run.slots().map(Result::unwrap).collect();
        prop_assert_eq!(&read, &all);
        let asked = tags.iter().step_by(37).chain(strangers.iter().step_by(37));
        for tag in asked.chain(&[0, TAG_MAX]) {
            let mut found = Vec::new();
            run.find(*tag, &mut found).unwrap();
            let from = all.partition_point(|slot| slot.tag < *tag);
            let same = all[from..].iter().take_while(|slot| slot.tag == *tag);
            let expected: Vec<u64> = same.map(|slot| slot.page).collect();
            prop_assert_eq!(found, expected, "tag {}", tag);
        }
    }

    #[test]
    fn merged_files_have_each_slot_once(parts in prop::collection::vec(tags(), 1..5)) {
        let folder = tempfile::tempdir().unwrap();
        let mut all = BTreeSet::new();
        let mut runs = Vec::new();
        for (tags, number) in parts.iter().zip(0..) {
            let slots = tags.iter().zip(0..).map(|(tag, page)| Slot { tag: *tag, page });
            let slots: BTreeSet<Slot> = slots.collect();
            let lines = slots.iter().copied().map(Ok);
            let run = Run::write(folder.path(), (number, 0), lines, || true).unwrap().unwrap();
            runs.push(std::sync::Arc::new(run));
            all.extend(slots);
        }
        let read: Vec<Slot> = merged(&runs).map(Result::unwrap).collect();
        prop_assert!(read.iter().eq(&all));
    }
}

#[test]
fn a_merge_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let slots = (0..3_000).map(|tag| Ok(Slot { tag, page: 1 }));
    let written = Run::write(folder.path(), (0, 0), slots, || false).unwrap();
    assert!(written.is_none());
    assert_eq!(runs_in(folder.path()), 0);
}

#[test]
fn a_flipped_bit_is_an_error_and_so_is_a_block_of_another_place() {
    let folder = tempfile::tempdir().unwrap();
    let slots = (0..1_000).map(|tag| {
        Ok(Slot {
            tag: tag << 20,
            page: tag,
        })
    });
    let run = Run::write(folder.path(), (0, 0), slots, || true)
        .unwrap()
        .unwrap();
    let path = run.about.path(folder.path());
    let whole = fs::read(&path).unwrap();
    let is_refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let run = Run::open(folder.path(), run.about).unwrap();
        run.slots().any(|slot| slot.is_err())
    };
    assert!(!is_refused(&whole));
    for bit in (0..whole.len() * 8).step_by(97) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(is_refused(&bytes), "bit {bit}");
    }
    let mut swapped = whole.clone();
    swapped.copy_within(0..4_096, 4_096);
    assert!(is_refused(&swapped));
}
