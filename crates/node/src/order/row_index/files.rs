//! The slots on disk: files in order ([`Run`]), and a catalogue of them.
//!
//! What is frozen in memory becomes a file, and four files of a tier become one of the next, on two
//! threads. The catalogue is written anew whenever the set of files changes: a kill leaves files
//! that it does not name, which the next start removes.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use crc_fast::CrcAlgorithm;

use super::{
    run::{About, Run, merged},
    slot::{Slot, Tagger},
};
use crate::private_file;

/// Files of one tier that become one of the next.
const MERGED: usize = 4;
/// Parts that wait to be written. Whoever freezes another waits: memory stays bounded on a slow
/// disk.
const WAITING_MAX: usize = 8;
const CATALOGUE: &str = "catalogue.json";
const RUN: &str = "run";
/// The form of the catalogue and its files.
const FORMAT: u32 = 1;

/// What is kept about the files.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    format: u32,
    /// Hex digits of the secret by which keys have their tags.
    secret: String,
    /// All rows of the pages before this one stand in the files.
    covered: u64,
    /// No file has this number or a higher one.
    next: u64,
    runs: Vec<About>,
    /// CRC-32C of all else that stands here.
    sum: u32,
    /// Never written again: the next start makes another.
    #[serde(skip)]
    is_forgotten: bool,
}

impl Catalogue {
    fn new(tagger: &Tagger) -> Self {
        Self {
            format: FORMAT,
            secret: hex::encode(tagger.secret()),
            covered: 0,
            next: 0,
            runs: Vec::new(),
            sum: 0,
            is_forgotten: false,
        }
    }

    fn read(folder: &Path) -> io::Result<Option<Self>> {
        let bytes = match fs::read(folder.join(CATALOGUE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let catalogue: Self = serde_json::from_slice(&bytes)?;
        let sound = catalogue.format == FORMAT
            && catalogue.sum == catalogue.summed()
            && catalogue.runs.iter().all(|run| run.number < catalogue.next);
        let damaged = io::Error::new(ErrorKind::InvalidData, "the catalogue is damaged");
        sound.then_some(Some(catalogue)).ok_or(damaged)
    }

    fn tagger(&self) -> io::Result<Tagger> {
        let mut secret = [0; Tagger::SIZE];
        let decoded = hex::decode_to_slice(&self.secret, &mut secret);
        decoded.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        Ok(Tagger::new(secret))
    }

    fn summed(&self) -> u32 {
        let mut digest = crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(self.secret.as_bytes());
        let runs = self.runs.iter();
        let runs = runs.flat_map(|run| [run.number, u64::from(run.tier), run.slots]);
        for number in [u64::from(self.format), self.covered, self.next]
            .into_iter()
            .chain(runs)
        {
            digest.update(&number.to_be_bytes());
        }
        // The algorithm gives 32 bits.
        u32::try_from(digest.finalize()).unwrap_or_default()
    }

    fn write(&mut self, folder: &Path) -> io::Result<()> {
        self.sum = self.summed();
        private_file::write(&folder.join(CATALOGUE), &serde_json::to_vec_pretty(self)?)
    }
}

/// Slots in order that a file is made of.
pub(super) type Frozen = Arc<Vec<Slot>>;

/// What is looked through beside the fresh slots.
#[derive(Debug, Clone, Default)]
pub(super) struct Layers {
    /// Not on disk yet.
    pub frozen: Vec<Frozen>,
    pub runs: Vec<Arc<Run>>,
}

/// What both threads and whoever looks share.
#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    layers: RwLock<Layers>,
    catalogue: Mutex<Catalogue>,
    /// Why nothing can be written any more.
    failed: Mutex<Option<String>>,
    /// Signalled when a part was written, or writing failed.
    written: Condvar,
    goes_on: AtomicBool,
}

/// The files of an index, and the threads that write them. Dropping it waits for what is being
/// written; a merge is given up.
#[derive(Debug)]
pub(super) struct Files {
    shared: Arc<Shared>,
    freeze: Option<mpsc::Sender<(Frozen, u64)>>,
    threads: Vec<JoinHandle<()>>,
}

impl Files {
    /// Opens those in `folder`, which is made when it is missing. What is damaged, or of another
    /// form, is removed: the index is filled again then.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn open(folder: &Path) -> io::Result<(Self, Tagger)> {
        private_file::own_folder(folder)?;
        let (catalogue, runs, tagger) = match opened(folder) {
            Ok(Some(opened)) => opened,
            Ok(None) => anew(folder)?,
            Err(error) => {
                tracing::warn!(%error, "the index of rows is made anew");
                anew(folder)?
            }
        };
        remove_others(folder, &catalogue.runs)?;
        let layers = Layers {
            frozen: Vec::new(),
            runs,
        };
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            layers: RwLock::new(layers),
            catalogue: Mutex::new(catalogue),
            failed: Mutex::new(None),
            written: Condvar::new(),
            goes_on: AtomicBool::new(true),
        });
        let (freeze, frozen) = mpsc::channel();
        let (wake, woken) = mpsc::channel();
        let (writes, merges) = (Arc::clone(&shared), Arc::clone(&shared));
        let write = move || writes.run(|shared| shared.write_all(&frozen, &wake));
        let merge = move || merges.run(|shared| shared.merge_all(&woken));
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let threads = vec![
            thread("row-write").spawn(write)?,
            thread("row-merge").spawn(merge)?,
        ];
        let files = Self {
            shared,
            freeze: Some(freeze),
            threads,
        };
        Ok((files, tagger))
    }

    /// All rows of the pages before this one stand in the files.
    pub fn covered(&self) -> u64 {
        self.shared.catalogue().covered
    }

    /// Has a part written. With it, and what was frozen before, the files hold all rows of the
    /// pages before `covered`.
    pub fn freeze(&self, part: Vec<Slot>, covered: u64) {
        let part = Arc::new(part);
        let layers = self.shared.layers.write();
        let mut layers = layers.unwrap_or_else(PoisonError::into_inner);
        layers.frozen.push(Arc::clone(&part));
        // Nobody receives it any more when writing failed, which is told to whoever waits.
        self.freeze
            .as_ref()
            .map(|freeze| freeze.send((part, covered)));
    }

    /// Waits while many parts wait.
    ///
    /// # Errors
    /// When a part could not be written.
    pub fn wait(&self) -> io::Result<()> {
        let mut failed = lock(&self.shared.failed);
        loop {
            if let Some(cause) = &*failed {
                return Err(io::Error::other(cause.clone()));
            }
            if self.layers().frozen.len() <= WAITING_MAX {
                return Ok(());
            }
            let waited = self.shared.written.wait(failed);
            failed = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What to look through now.
    pub fn layers(&self) -> Layers {
        let layers = self.shared.layers.read();
        layers.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Covers nothing from `page` on: the log ends there.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn cut(&self, page: u64) -> io::Result<()> {
        let mut catalogue = self.shared.catalogue();
        if catalogue.covered <= page {
            return Ok(());
        }
        catalogue.covered = page;
        catalogue.write(&self.shared.folder)
    }

    /// Sees to it that the next start makes the index anew.
    pub fn forget(&self) {
        self.shared.forget();
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.shared.goes_on.store(false, Ordering::Relaxed);
        self.freeze = None;
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        lock(&self.catalogue)
    }

    fn forget(&self) {
        let mut catalogue = self.catalogue();
        catalogue.is_forgotten = true;
        drop(fs::remove_file(self.folder.join(CATALOGUE)));
    }

    fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::Relaxed)
    }

    /// Does a thread's work, and notes why it failed.
    fn run(&self, work: impl FnOnce(&Self) -> io::Result<()>) {
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(self)));
        let cause = match worked {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                // A file is damaged, which a merge finds before anybody looks.
                if matches!(
                    error.kind(),
                    ErrorKind::InvalidData | ErrorKind::UnexpectedEof
                ) {
                    self.forget();
                }
                error.to_string()
            }
            Err(_) => "a thread of the index panicked".to_owned(),
        };
        tracing::error!(%cause, "the index of rows cannot be written");
        *lock(&self.failed) = Some(cause);
        self.written.notify_all();
    }

    /// Writes parts in the order in which they were frozen, until nobody freezes any more.
    fn write_all(
        &self,
        parts: &mpsc::Receiver<(Frozen, u64)>,
        wake: &mpsc::Sender<()>,
    ) -> io::Result<()> {
        while let Ok((part, covered)) = parts.recv() {
            let number = self.number();
            let slots = part.iter().copied().map(Ok);
            // It is short, so it is not given up.
            let Some(run) = Run::write(&self.folder, (number, 0), slots, || true)? else {
                continue;
            };
            self.replace(&[], run, |catalogue| catalogue.covered = covered)?;
            {
                let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
                layers.frozen.retain(|frozen| !Arc::ptr_eq(frozen, &part));
            }
            drop(lock(&self.failed));
            self.written.notify_all();
            // Nobody merges any more when the index is dropped.
            wake.send(()).ok();
        }
        Ok(())
    }

    /// Merges files until nobody writes any more.
    fn merge_all(&self, woken: &mpsc::Receiver<()>) -> io::Result<()> {
        loop {
            while let Some(tier) = self.full_tier().filter(|_| self.goes_on()) {
                self.merge(&tier)?;
            }
            if woken.recv().is_err() {
                return Ok(());
            }
        }
    }

    /// The oldest files of a tier that has enough.
    fn full_tier(&self) -> Option<Vec<Arc<Run>>> {
        let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        let tiers = layers.runs.iter().map(|run| run.about.tier).max()?;
        (0..=tiers).find_map(|tier| {
            let runs = layers.runs.iter().filter(|run| run.about.tier == tier);
            let runs: Vec<_> = runs.take(MERGED).cloned().collect();
            (runs.len() == MERGED).then_some(runs)
        })
    }

    fn merge(&self, runs: &[Arc<Run>]) -> io::Result<()> {
        let tier = runs.first().map_or(0, |run| run.about.tier) + 1;
        let name = (self.number(), tier);
        let written = Run::write(&self.folder, name, merged(runs), || self.goes_on())?;
        let Some(run) = written else {
            return Ok(());
        };
        self.replace(runs, run, |_| ())?;
        for run in runs {
            // Who looks through it has it open.
            fs::remove_file(run.about.path(&self.folder))?;
        }
        Ok(())
    }

    fn number(&self) -> u64 {
        let mut catalogue = self.catalogue();
        catalogue.next += 1;
        catalogue.next - 1
    }

    /// Puts a file in the place of others.
    fn replace(
        &self,
        old: &[Arc<Run>],
        new: Run,
        note: impl FnOnce(&mut Catalogue),
    ) -> io::Result<()> {
        let mut catalogue = self.catalogue();
        let is_old = |about: &About| old.iter().any(|run| run.about == *about);
        catalogue.runs.retain(|about| !is_old(about));
        catalogue.runs.push(new.about);
        note(&mut catalogue);
        if !catalogue.is_forgotten {
            catalogue.write(&self.folder)?;
        }
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        layers.runs.retain(|run| !is_old(&run.about));
        layers.runs.push(Arc::new(new));
        Ok(())
    }
}

type Opened = (Catalogue, Vec<Arc<Run>>, Tagger);

fn opened(folder: &Path) -> io::Result<Option<Opened>> {
    let Some(catalogue) = Catalogue::read(folder)? else {
        return Ok(None);
    };
    let runs = catalogue.runs.iter();
    let runs = runs.map(|about| Run::open(folder, *about).map(Arc::new));
    let runs: io::Result<Vec<_>> = runs.collect();
    let tagger = catalogue.tagger()?;
    Ok(Some((catalogue, runs?, tagger)))
}

fn anew(folder: &Path) -> io::Result<Opened> {
    let tagger = Tagger::random();
    let mut catalogue = Catalogue::new(&tagger);
    catalogue.write(folder)?;
    Ok((catalogue, Vec::new(), tagger))
}

/// Removes files that the catalogue does not name.
fn remove_others(folder: &Path, runs: &[About]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_run = path.extension().is_some_and(|ending| ending == RUN);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_named = runs.iter().any(|about| about.path(folder) == path);
        if (is_run && !is_named) || private_file::is_draft(&name) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
