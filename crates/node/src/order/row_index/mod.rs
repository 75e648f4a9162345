//! Which pages of the write-once log may hold a row.
//!
//! Of each row it keeps 12 bytes: part of its key's hash, and the number of the page ([`slot`]).
//! The latest rows are in memory, all others in files in order ([`run`], [`files`]), so that
//! neither memory nor start grow with the log. A look goes through some three files for each four
//! times as many rows.
//!
//! The index only hints: whoever looks a key up reads the pages named and sees whether it is there.
//! So it may name pages of blocks that were sound and never became final, and different keys may
//! share a tag; what it must not do is leave a row out. A file that is lost or damaged ends the
//! process, and the next start fills the index from the log.

mod files;
mod run;
mod slot;

use std::{
    io,
    path::Path,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use hashbrown::HashTable;
use tokio::sync::OnceCell;
use yilian_protocol::StateKey;

use self::{
    files::{Files, Layers},
    slot::{Slot, Tagger},
};
use super::application::fault;

/// Slots in memory before they become a file of 3 MB.
const FRESH: usize = 1 << 18;

/// The index. It is filled from the log before anybody asks ([`RowIndex::filled`]).
#[derive(Debug)]
pub(super) struct RowIndex {
    tagger: Tagger,
    /// Locked before the files' layers: what is frozen is in one of them at any time.
    fresh: RwLock<HashTable<Slot>>,
    room: usize,
    /// The rows of final blocks in pages before this one were all noted.
    settled: AtomicU64,
    files: Option<Files>,
    filled: OnceCell<()>,
}

/// In memory alone, for a node that leaves nothing behind.
impl Default for RowIndex {
    fn default() -> Self {
        Self::new(Tagger::random(), None, usize::MAX)
    }
}

impl RowIndex {
    fn new(tagger: Tagger, files: Option<Files>, room: usize) -> Self {
        let covered = files.as_ref().map_or(0, Files::covered);
        Self {
            tagger,
            fresh: RwLock::default(),
            room,
            settled: AtomicU64::new(covered),
            files,
            filled: OnceCell::new(),
        }
    }

    /// Opens the index that lies in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::with_room(folder, FRESH)
    }

    /// The same with so many slots in memory.
    pub fn with_room(folder: &Path, room: usize) -> io::Result<Self> {
        let (files, tagger) = Files::open(folder)?;
        Ok(Self::new(tagger, Some(files), room))
    }

    /// Returns once the index was filled: by `fill`, or by whoever came first. Nobody may wait for
    /// this with the log locked, since `fill` reads it.
    pub async fn filled(&self, fill: impl Future<Output = ()>) {
        self.filled.get_or_init(|| fill).await;
    }

    /// Where filling begins: all rows of the pages before stand in files.
    pub fn covered(&self) -> u64 {
        self.files.as_ref().map_or(0, Files::covered)
    }

    /// Tells that the log ends at `page`. It may lack what the files have: a power cut took its
    /// end, or an older copy was put back, and it goes on in another way.
    pub fn cut(&self, page: u64) {
        if let Some(files) = &self.files {
            files.cut(page).unwrap_or_else(|error| fault(&error));
        }
        self.settled.fetch_min(page, Ordering::SeqCst);
    }

    /// Tells that what is before `page` is final, and was noted by whoever fills the index.
    pub fn filled_to(&self, page: u64) {
        self.settled.fetch_max(page, Ordering::SeqCst);
    }

    /// Tells that the log of the latest final block ends at `page`. Before the index was filled it
    /// says nothing of what was noted.
    pub fn settle(&self, page: u64) {
        if self.filled.initialized() {
            self.filled_to(page);
        }
    }

    /// Notes that the rows of `keys` stand in `page`. It may have been noted before.
    pub fn note<'a>(&self, page: u64, keys: impl IntoIterator<Item = &'a StateKey>) {
        if page >= 1 << slot::BITS {
            fault(&"the log has 2^48 pages");
        }
        let tags: Vec<u64> = keys.into_iter().map(|key| self.tagger.tag(key)).collect();
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        for tag in tags {
            let slot = Slot { tag, page };
            let is_same = |other: &Slot| *other == slot;
            let entry = fresh.entry(spread(tag), is_same, |other| spread(other.tag));
            entry.or_insert(slot);
        }
        let Some(files) = self.files.as_ref().filter(|_| fresh.len() >= self.room) else {
            return;
        };
        let mut part: Vec<Slot> = std::mem::take(&mut *fresh).into_iter().collect();
        part.sort_unstable();
        files.freeze(part, self.settled.load(Ordering::SeqCst));
        drop(fresh);
        files.wait().unwrap_or_else(|error| fault(&error));
    }

    /// The pages that may hold a row of `keys`, each with the place of the key among them; by
    /// pages.
    pub fn pages<'a>(&self, keys: impl IntoIterator<Item = &'a StateKey>) -> Vec<(u64, usize)> {
        let keys = keys.into_iter().zip(0..);
        let tags: Vec<(u64, usize)> = keys
            .map(|(key, place)| (self.tagger.tag(key), place))
            .collect();
        let mut found = Vec::new();
        let layers = {
            let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner);
            for (tag, place) in &tags {
                let slots = fresh.iter_hash(spread(*tag));
                let slots = slots.filter(|slot| slot.tag == *tag);
                found.extend(slots.map(|slot| (slot.page, *place)));
            }
            self.files.as_ref().map(Files::layers).unwrap_or_default()
        };
        if let Err(error) = look(&layers, &tags, &mut found) {
            self.forget();
            fault(&error);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Sees to it that the next start fills the index anew.
    pub fn forget(&self) {
        if let Some(files) = &self.files {
            files.forget();
        }
    }
}

/// Looks for tags in what is not fresh any more.
fn look(layers: &Layers, tags: &[(u64, usize)], found: &mut Vec<(u64, usize)>) -> io::Result<()> {
    for part in &layers.frozen {
        for (tag, place) in tags {
            let from = part.partition_point(|slot| slot.tag < *tag);
            let slots = part.iter().skip(from).take_while(|slot| slot.tag == *tag);
            found.extend(slots.map(|slot| (slot.page, *place)));
        }
    }
    let mut pages = Vec::new();
    for run in &layers.runs {
        for (tag, place) in tags {
            run.find(*tag, &mut pages)?;
            found.extend(pages.drain(..).map(|page| (page, *place)));
        }
    }
    Ok(())
}

/// What a table takes for the hash of a tag.
const fn spread(tag: u64) -> u64 {
    tag.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests;
