//! The one state of a node's storage: what readiness, metrics, the log and the exit code say comes
//! from here.
//!
//! ```text
//! well      everything can be written
//! full      less is free than is kept in reserve: nothing is taken to be kept, all else goes on
//! failing   a part cannot be written; it is opened again every few seconds
//! ```
//! Each part is tried every five seconds, and opened again where a write of it has failed. So a
//! node goes on by itself when a full disk has room again. A part that does not open for five
//! minutes, with room enough, ends the process with code 70: another start may do what this one
//! cannot.
//!
//! The reserve is for what cannot wait: blocks of the chain, changes of grants, erasures. A fault
//! of the chain's own storage ends the process at once ([`crate::order`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::text::encode_registry,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tracing::{error, info, warn};
use yilian_protocol::{RecordId, call::CallError};

use crate::{
    consortium::ConsortiumChain, keyholder::KeyHolder, mailbox::MailStore, order::SubmitError,
    private_chain::PrivateChain, store::Store,
};

/// How often storage is looked at.
const PERIOD: Duration = Duration::from_secs(5);
/// How often in a row a part may fail, with room enough, until the process ends: for five minutes.
const FAILURES_MAX: u32 = 60;
/// Damaged objects that are remembered at most, until they are mended.
const DAMAGED_MAX: usize = 4_096;
/// Bytes that are kept in reserve, unless an operator says otherwise: 256 MiB. The largest block
/// takes some MiB.
const RESERVE: u64 = 256 * 1024 * 1024;
/// More than the reserve that has to be free until something is taken again, as a part of it.
const MARGIN: u64 = 8;

/// What an operator says of storage, `storage` in `node.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageOptions {
    /// Bytes that stay free: with less, the node takes nothing to be kept.
    pub reserve: u64,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self { reserve: RESERVE }
    }
}

/// A part of the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Objects,
    Shares,
    Mailboxes,
    PrivateChains,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Shares => "shares",
            Self::Mailboxes => "mailboxes",
            Self::PrivateChains => "private-chains",
        }
    }
}

/// How the storage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Condition {
    /// Everything can be written.
    Well,
    /// Too little is free.
    Full,
    /// A part cannot be written.
    Failing,
}

/// One label, and its value.
type Label = [(&'static str, &'static str); 1];

/// The state.
#[derive(Debug)]
pub struct Health {
    reserve: AtomicU64,
    is_full: AtomicBool,
    /// Bytes that were free at the last look, less what was taken since.
    room: AtomicU64,
    /// How often in a row each part failed.
    failing: Mutex<BTreeMap<Part, u32>>,
    damaged: Mutex<BTreeSet<RecordId>>,
    given_up: Notify,
    counted: Counted,
}

#[derive(Debug, Default)]
struct Counted {
    registry: Registry,
    well: Family<Label, Gauge>,
    free: Gauge<u64, AtomicU64>,
    reserve: Gauge<u64, AtomicU64>,
    full: Gauge,
    damaged: Gauge,
    mended: Counter,
    scrubbed: Counter,
    rounds: Counter,
    progress: Gauge<f64, AtomicU64>,
}

impl Counted {
    fn new() -> Self {
        let (mut counted, mut registry) = (Self::default(), Registry::with_prefix("yilian"));
        let mut add = |name: &str, help: &str, gauge: Gauge| registry.register(name, help, gauge);
        add(
            "storage_full",
            "Whether less is free than the reserve",
            counted.full.clone(),
        );
        add(
            "objects_damaged",
            "Objects that are damaged, and not mended yet",
            counted.damaged.clone(),
        );
        let mut add =
            |name: &str, help: &str, counter: Counter| registry.register(name, help, counter);
        add(
            "objects_mended",
            "Objects that were damaged or lost, and are whole again",
            counted.mended.clone(),
        );
        add(
            "scrub_objects",
            "Objects whose bytes were read and compared",
            counted.scrubbed.clone(),
        );
        add(
            "scrub_rounds",
            "How often all of them were",
            counted.rounds.clone(),
        );
        let well = counted.well.clone();
        registry.register(
            "storage_well",
            "Whether a part of the storage can be written",
            well,
        );
        registry.register(
            "disk_free_bytes",
            "Bytes free where data lies",
            counted.free.clone(),
        );
        registry.register(
            "disk_reserve_bytes",
            "Bytes that stay free",
            counted.reserve.clone(),
        );
        let progress = counted.progress.clone();
        registry.register(
            "scrub_progress",
            "How much of this round is done, of 1",
            progress,
        );
        counted.registry = registry;
        counted
    }
}

impl Default for Health {
    fn default() -> Self {
        let health = Self {
            reserve: AtomicU64::default(),
            is_full: AtomicBool::default(),
            // Not looked at yet.
            room: AtomicU64::new(u64::MAX),
            failing: Mutex::default(),
            damaged: Mutex::default(),
            given_up: Notify::new(),
            counted: Counted::new(),
        };
        health.keep_free(StorageOptions::default());
        health
    }
}

impl Health {
    /// Keeps so much in reserve from now on.
    pub(crate) fn keep_free(&self, StorageOptions { reserve }: StorageOptions) {
        self.reserve.store(reserve, Ordering::Relaxed);
        self.counted.reserve.set(reserve);
    }

    /// How the storage is.
    pub(crate) fn condition(&self) -> Condition {
        if !self.failing().is_empty() {
            Condition::Failing
        } else if self.is_full.load(Ordering::Relaxed) {
            Condition::Full
        } else {
            Condition::Well
        }
    }

    /// Whether so many bytes may be taken that are to be kept. They count as taken from now until
    /// the next look at what is free, so they are the bytes of who may bring them; with none, it
    /// is only asked. Letters and shares are too small to be counted.
    ///
    /// # Errors
    /// [`CallError::Unavailable`] when too little is free.
    pub(crate) fn takes_more(&self, bytes: u64) -> Result<(), CallError> {
        let reserve = self.reserve.load(Ordering::Relaxed);
        let without = |room: u64| room.checked_sub(bytes).filter(|left| *left >= reserve);
        let has_room = || {
            let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
            self.room.fetch_update(set, get, without).is_ok()
        };
        if !self.is_full.load(Ordering::Relaxed) && has_room() {
            return Ok(());
        }
        Err(CallError::Unavailable {
            message: "its disk is full, so it takes nothing to be kept".to_owned(),
        })
    }

    /// Returns when a part has failed for so long that the process should end.
    pub async fn given_up(&self) {
        self.given_up.notified().await;
    }

    /// So many bytes are free.
    fn free(&self, free: io::Result<u64>) {
        let free = match free {
            Ok(free) => free,
            Err(error) => return warn!(%error, "what is free on the disk is not known"),
        };
        self.counted.free.set(free);
        self.room.store(free, Ordering::Relaxed);
        let reserve = self.reserve.load(Ordering::Relaxed);
        let was_full = self.is_full.load(Ordering::Relaxed);
        // Else it would change its mind with every object.
        let needed = if was_full {
            reserve + reserve / MARGIN
        } else {
            reserve
        };
        let is_full = free < needed;
        self.is_full.store(is_full, Ordering::Relaxed);
        self.counted.full.set(is_full.into());
        match (was_full, is_full) {
            (false, true) => error!(
                free,
                reserve, "the disk is full: nothing is taken to be kept"
            ),
            (true, false) => info!(free, "the disk has room again"),
            _ => {}
        }
    }

    /// A part was tried.
    fn tried(&self, part: Part, result: Result<(), impl fmt::Display>) {
        let well = self
            .counted
            .well
            .get_or_create(&[("part", part.name())])
            .clone();
        well.set(result.is_ok().into());
        let mut failing = self.failing();
        let before = failing.get(&part).copied();
        let part_is = part.name();
        match (result, before) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => {
                failing.remove(&part);
                info!(part = part_is, "a part of the storage is well again");
            }
            (Err(cause), before) => {
                if before.is_none() {
                    error!(part = part_is, %cause, "a part of the storage fails");
                }
                let is_full = self.is_full.load(Ordering::Relaxed);
                // With a full disk no other start would do better.
                let times = before.unwrap_or(0) + u32::from(!is_full || before.is_none());
                failing.insert(part, times);
                if times >= FAILURES_MAX {
                    error!(part = part_is, %cause, "it does not open again: the process ends");
                    self.given_up.notify_one();
                }
            }
        }
    }

    /// An object is damaged here.
    pub(crate) fn damaged(&self, record: RecordId) {
        let mut damaged = self.known_damage();
        if damaged.len() < DAMAGED_MAX && damaged.insert(record) {
            error!(%record, "a stored object is damaged");
        }
        self.note_damage(&damaged);
    }

    /// An object is whole again.
    pub(crate) fn mended(&self, record: RecordId) {
        let mut damaged = self.known_damage();
        damaged.remove(&record);
        self.note_damage(&damaged);
        self.counted.mended.inc();
        info!(%record, "an object that was damaged or lost is mended");
    }

    /// The damaged objects that are known.
    pub(crate) fn damage(&self) -> Vec<RecordId> {
        self.known_damage().iter().copied().collect()
    }

    fn note_damage(&self, damaged: &BTreeSet<RecordId>) {
        self.counted
            .damaged
            .set(i64::try_from(damaged.len()).unwrap_or(i64::MAX));
    }

    /// So many objects more were looked at, and so much of this round is done.
    pub(crate) fn scrubbed(&self, objects: u64, progress: f64) {
        self.counted.scrubbed.inc_by(objects);
        self.counted.progress.set(progress);
    }

    /// All were looked at once more.
    pub(crate) fn round_done(&self) {
        self.counted.rounds.inc();
        self.counted.progress.set(1.0);
    }

    /// Without an end, so that others' can follow.
    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        // A string takes all that is written to it.
        let written = encode_registry(&mut text, &self.counted.registry);
        debug_assert!(written.is_ok(), "{written:?}");
        text
    }

    /// No panic can leave it half-changed.
    fn failing(&self) -> MutexGuard<'_, BTreeMap<Part, u32>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_damage(&self) -> MutexGuard<'_, BTreeSet<RecordId>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after the storage.
#[derive(Debug)]
pub struct StorageWatch<C> {
    pub(crate) chain: C,
    pub(crate) health: Arc<Health>,
    pub(crate) store: Arc<Store>,
    pub(crate) holder: Arc<KeyHolder>,
    pub(crate) mail: Arc<MailStore>,
    pub(crate) log: Arc<PrivateChain>,
}

impl<C: ConsortiumChain> StorageWatch<C> {
    /// Goes on until the chain has stopped; looks for the first time at once.
    pub async fn run(self) {
        loop {
            match self.look().await {
                Err(SubmitError::Stopped) => return,
                Err(error) => error!(%error, "the storage is not looked at"),
                Ok(()) => {}
            }
            self.chain.sleep(PERIOD).await;
        }
    }

    pub(crate) async fn look(&self) -> Result<(), SubmitError> {
        let health = Arc::clone(&self.health);
        let (store, holder) = (Arc::clone(&self.store), Arc::clone(&self.holder));
        let (mail, log) = (Arc::clone(&self.mail), Arc::clone(&self.log));
        let looked = self.chain.apart(move || {
            health.free(store.free());
            health.tried(Part::Objects, caught(|| store.probe()));
            health.tried(Part::Shares, caught(|| holder.probe()));
            health.tried(Part::Mailboxes, caught(|| mail.probe()));
            health.tried(Part::PrivateChains, caught(|| log.probe()));
        });
        looked.await
    }
}

/// A database checks what it reads by assertions, too: a part that panics is one that fails.
fn caught<E: fmt::Display>(probe: impl FnOnce() -> Result<(), E>) -> Result<(), String> {
    let probed = panic::catch_unwind(AssertUnwindSafe(probe));
    let probed = probed.map_err(|_| "it panicked".to_owned())?;
    probed.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const FAILS: Result<(), &str> = Err("input/output error");

    #[test]
    fn a_disk_that_fills_takes_nothing_before_it_is_too_late_and_something_again_with_room() {
        let health = Health::default();
        health.keep_free(StorageOptions { reserve: 800 });
        for (free, takes) in [
            (900, true),
            (799, false),
            (850, false),
            (900, true),
            (800, true),
        ] {
            health.free(Ok(free));
            assert_eq!(health.takes_more(0).is_ok(), takes, "{free}");
            let condition = if takes {
                Condition::Well
            } else {
                Condition::Full
            };
            assert_eq!(health.condition(), condition);
        }
        // What is not known changes nothing.
        health.free(Err(io::ErrorKind::Other.into()));
        assert_eq!(health.condition(), Condition::Well);
        let text = health.metrics();
        for line in ["yilian_disk_free_bytes 800", "yilian_storage_full 0"] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn what_is_taken_between_two_looks_counts_and_leaves_the_reserve() {
        let health = Health::default();
        health.keep_free(StorageOptions { reserve: 800 });
        health.free(Ok(1_000));
        for (bytes, takes) in [(150, true), (51, false), (50, true), (1, false), (0, true)] {
            assert_eq!(health.takes_more(bytes).is_ok(), takes, "{bytes}");
        }
        health.takes_more(u64::MAX).unwrap_err();
        health.free(Ok(1_000));
        health.takes_more(200).unwrap();
    }

    #[test]
    fn a_part_that_fails_is_told_and_ends_the_process_when_it_stays_so() {
        let health = Health::default();
        health.tried(Part::Shares, FAILS);
        assert_eq!(health.condition(), Condition::Failing);
        let line = "yilian_storage_well{part=\"shares\"} ";
        assert!(health.metrics().contains(&format!("{line}0")));
        health.tried(Part::Shares, Ok::<_, &str>(()));
        assert_eq!(health.condition(), Condition::Well);
        assert!(health.metrics().contains(&format!("{line}1")));
        // With a full disk another start would not help.
        health.free(Ok(0));
        for _ in 0..2 * FAILURES_MAX {
            health.tried(Part::Objects, FAILS);
        }
        assert_eq!(health.given_up().now_or_never(), None);
        health.free(Ok(u64::MAX));
        for _ in 1..FAILURES_MAX {
            health.tried(Part::Objects, FAILS);
        }
        assert_eq!(health.given_up().now_or_never(), Some(()));
    }

    #[test]
    fn a_part_that_panics_fails() {
        let health = Health::default();
        let panics = || -> Result<(), String> { panic!("assertion failed") };
        health.tried(Part::Mailboxes, caught(panics));
        assert_eq!(health.condition(), Condition::Failing);
        health.tried(Part::Mailboxes, caught(|| Ok::<_, String>(())));
        assert_eq!(health.condition(), Condition::Well);
    }

    #[test]
    fn damage_is_known_until_it_is_mended() {
        let health = Health::default();
        let record = RecordId::from_bytes([1; 32]);
        health.damaged(record);
        health.damaged(record);
        assert_eq!(health.damage(), [record]);
        assert!(health.metrics().contains("yilian_objects_damaged 1"));
        health.mended(record);
        assert!(health.damage().is_empty());
        assert!(health.metrics().contains("yilian_objects_damaged 0"));
    }
}
