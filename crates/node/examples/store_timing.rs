//! How fast the ciphertext store takes objects: puts of 20 kB and 1 MB by one thread and by
//! sixteen, each on disk before the next; reads of the same; and the time to open, with and without
//! an index.
//!
//! `cargo run --release -p yilian-node --example store_timing [DIRECTORY]`; the directory chooses
//! the disk, and is left as it was.

#![allow(clippy::unwrap_used, reason = "a failure ends the measurement")]

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use yilian_node::store::Store;

/// Bytes, objects, threads.
const ROWS: [(usize, usize, usize); 6] = [
    (20_000, 400, 1),
    (20_000, 6_400, 16),
    (1_000_000, 100, 1),
    (1_000_000, 480, 16),
    (4_000_000, 40, 1),
    (4_000_000, 80, 16),
];

fn main() {
    let base = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    println!("  bytes  threads  objects    puts/s   put MB/s    gets/s   get MB/s");
    for (size, count, threads) in ROWS {
        let directory = base.join(format!("store-timing-{}", std::process::id()));
        let (put, get) = measure(&directory, size, count, threads);
        let rate = |time: Duration| count as f64 / time.as_secs_f64();
        let megabytes = size as f64 / 1e6;
        println!(
            "{size:>7} {threads:>8} {count:>8} {:>9.0} {:>10.1} {:>9.0} {:>10.1}",
            rate(put),
            rate(put) * megabytes,
            rate(get),
            rate(get) * megabytes,
        );
        std::fs::remove_dir_all(directory).unwrap();
    }
    let directory = base.join(format!("store-timing-{}", std::process::id()));
    opening(&directory, 200_000);
    std::fs::remove_dir_all(directory).unwrap();
}

fn measure(directory: &Path, size: usize, count: usize, threads: usize) -> (Duration, Duration) {
    let store = Store::open(directory).unwrap();
    let objects: Vec<Vec<u8>> = (0..count).map(|number| object(number, size)).collect();
    let shares = objects.chunks(count.div_ceil(threads));
    let begun = Instant::now();
    let ids: Vec<_> = thread::scope(|scope| {
        let store = &store;
        let put = |share: &[Vec<u8>]| -> Vec<_> {
            let each = share
                .iter()
                .map(|object| store.put(object.clone()).unwrap());
            each.collect()
        };
        let workers: Vec<_> = shares
            .map(|share| scope.spawn(move || put(share)))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    let put = begun.elapsed();
    let begun = Instant::now();
    for id in ids {
        store.get(id).unwrap().unwrap();
    }
    (put, begun.elapsed())
}

fn opening(directory: &Path, count: usize) {
    let store = Store::open(directory).unwrap();
    for first in (0..count).step_by(10_000) {
        let objects = (first..first + 10_000).map(|number| object(number, 200));
        store.put_many(objects.collect()).unwrap();
    }
    drop(store);
    for what in ["its index", "none"] {
        let begun = Instant::now();
        let recovery = Store::open(directory).unwrap().recovery();
        println!(
            "opened {count} objects with {what} in {} ms, {} indexed again",
            begun.elapsed().as_millis(),
            recovery.reindexed,
        );
        std::fs::remove_file(directory.join("index.redb")).unwrap();
    }
}

fn object(number: usize, size: usize) -> Vec<u8> {
    let mut bytes = vec![0x5a; size];
    let number = number.to_be_bytes();
    bytes
        .iter_mut()
        .zip(number)
        .for_each(|(byte, digit)| *byte = digit);
    bytes
}
