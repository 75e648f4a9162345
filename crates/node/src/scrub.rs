//! Reads every stored object again and again, so that damage is found while a neighbour still has
//! the object, and mends it from there.
//!
//! A round reads all objects in the order of their ids, slowly. How far it is stands in a file
//! beside them: a start goes on from there.

use std::{
    fs, io,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use tracing::warn;
use yilian_ledger::state::tables::RECORD;
use yilian_protocol::{RecordId, TimeMs, call::RecordEntry};

use crate::{
    consortium::ConsortiumChain,
    health::Health,
    neighbours::Neighbours,
    order::SubmitError,
    private_file,
    service::Neighbour,
    store::{Store, StoreError},
};

/// Where a round is, in the folder of the store.
const PLACE: &str = "scrub.json";
/// Bytes that are read in a second at most: a terabyte in three days.
const BYTES_A_SECOND: u64 = 4 * 1024 * 1024;
/// Objects between two times that the place is noted.
const STEP: usize = 256;
/// How often a round begins at most: every week.
const ROUND_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// How often known damage is looked at, and whether there is something to do where there was
/// nothing.
const PAUSE_MS: u64 = 60_000;
const PAUSE: Duration = Duration::from_millis(PAUSE_MS);
/// How long mending one object may take.
const MENDING: Duration = Duration::from_secs(90);

/// Where a round is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// When it began.
    began: TimeMs,
    /// The last object that was read; none when none was.
    after: Option<RecordId>,
    /// Whether all were.
    done: bool,
}

impl Place {
    const fn start(began: TimeMs) -> Self {
        Self {
            began,
            after: None,
            done: false,
        }
    }

    /// How much of the round is done. Ids are hashes, so they lie evenly.
    fn progress(&self) -> f64 {
        match (self.done, self.after) {
            (true, _) => 1.0,
            (false, None) => 0.0,
            (false, Some(record)) => {
                let [first, second, ..] = record.to_bytes();
                f64::from(u16::from_be_bytes([first, second])) / f64::from(u16::MAX)
            }
        }
    }
}

/// What scrubbing takes.
#[derive(Debug)]
pub struct Scrubber<C, N> {
    pub(crate) chain: C,
    pub(crate) store: Arc<Store>,
    pub(crate) neighbours: Arc<Neighbours<N>>,
    pub(crate) health: Arc<Health>,
}

impl<C: ConsortiumChain, N: Neighbour> Scrubber<C, N> {
    /// Goes on until the chain has stopped.
    pub async fn run(self) {
        let path = self.store.directory().join(PLACE);
        let mut place = read(&path).unwrap_or_else(|| Place::start(self.chain.now()));
        let mut mended: Option<TimeMs> = None;
        loop {
            let now = self.chain.now();
            if mended.is_none_or(|at| now >= at.plus_ms(PAUSE_MS)) {
                mended = Some(now);
                if self.mend_known().await.is_err() {
                    return;
                }
            }
            let went_on = match self.step(&path, place).await {
                Ok(now) => now,
                Err(Trouble::Chain(SubmitError::Stopped)) => return,
                Err(error) => {
                    warn!(%error, "stored objects are not looked at");
                    place
                }
            };
            // Nothing is left to be done, or it cannot be.
            if went_on == place {
                self.chain.sleep(PAUSE).await;
            }
            place = went_on;
        }
    }

    /// Tries to mend what is known to be damaged.
    async fn mend_known(&self) -> Result<(), Trouble> {
        for record in self.health.damage() {
            unless_stopped(record, self.mend(record).await)?;
        }
        Ok(())
    }

    /// Looks at some objects more, and mends what is damaged. Where the round is then.
    async fn step(&self, path: &Path, place: Place) -> Result<Place, Trouble> {
        let now = self.chain.now();
        if place.done {
            let is_over = now >= place.began.plus_ms(ROUND_MS);
            return Ok(if is_over { Place::start(now) } else { place });
        }
        let store = Arc::clone(&self.store);
        let next = self.chain.apart(move || store.next(place.after, STEP));
        let next = next.await??;
        for record in &next {
            match self.look(*record).await {
                Err(Trouble::Chain(error @ SubmitError::Failed)) => {
                    warn!(%record, %error, "a stored object is not looked at");
                }
                looked => looked?,
            }
        }
        let place = Place {
            after: next.last().copied().or(place.after),
            done: next.len() < STEP,
            ..place
        };
        let path = path.to_owned();
        let noted = self.chain.apart(move || note(&path, place));
        // A start begins a little earlier then.
        if let Err(error) = noted.await? {
            warn!(%error, "how far stored objects were looked at is not noted");
        }
        self.health.scrubbed(next.len() as u64, place.progress());
        if place.done {
            self.health.round_done();
        }
        Ok(place)
    }

    /// Reads an object, and mends it if it is damaged.
    async fn look(&self, record: RecordId) -> Result<(), Trouble> {
        let store = Arc::clone(&self.store);
        let read = self.chain.apart(move || {
            let length = store.length(record)?.unwrap_or_default();
            Ok::<_, StoreError>((length, store.is_whole(record)?))
        });
        let (length, is_whole) = read.await??;
        if !is_whole {
            self.health.damaged(record);
            unless_stopped(record, self.mend(record).await)?;
        }
        let micros = length.saturating_mul(1_000_000) / BYTES_A_SECOND;
        self.chain.sleep(Duration::from_micros(micros)).await;
        Ok(())
    }

    /// Gets an object from a neighbour, and keeps it in place of the damaged one.
    async fn mend(&self, record: RecordId) -> Result<(), Trouble> {
        let keys = vec![RECORD.key(record.as_bytes())];
        let found = self.chain.state(keys).await?.into_iter().next().flatten();
        let entry: Option<RecordEntry> = found.and_then(|bytes| RECORD.read(&bytes).ok());
        // What never came onto the chain is nobody's.
        let Some(entry) = entry else { return Ok(()) };
        // Nothing is fetched that is not kept then.
        if self.health.takes_more(0).is_err() {
            return Ok(());
        }
        let sleep = |time| self.chain.sleep(time);
        let fetch = pin!(self.neighbours.fetch(record, entry.hospital, sleep));
        let object = match select(fetch, pin!(sleep(MENDING))).await {
            Either::Left((Ok(object), _)) => object,
            Either::Left((Err(error), _)) => {
                warn!(%record, %error, "a damaged object is not mended: no neighbour gives it");
                return Ok(());
            }
            Either::Right(_) => return Ok(()),
        };
        if self
            .health
            .takes_more(object.as_bytes().len() as u64)
            .is_err()
        {
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        let kept = self.chain.apart(move || store.put(object.into_bytes()));
        kept.await??;
        self.health.mended(record);
        Ok(())
    }
}

/// Why nothing is looked at.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Chain(#[from] SubmitError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An object that cannot be put back holds up no other: none but a chain that has stopped ends it.
fn unless_stopped(record: RecordId, mended: Result<(), Trouble>) -> Result<(), Trouble> {
    match mended {
        Err(Trouble::Chain(SubmitError::Stopped)) => Err(SubmitError::Stopped.into()),
        Err(error) => {
            warn!(%record, %error, "a damaged object is not mended");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Where the round was; none when nobody can tell: then it begins anew.
fn read(path: &PathBuf) -> Option<Place> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn note(path: &Path, place: Place) -> io::Result<()> {
    private_file::write(path, &serde_json::to_vec(&place)?)
}
