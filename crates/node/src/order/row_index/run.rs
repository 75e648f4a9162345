//! A file of slots in order.
//!
//! Blocks of 4,096 bytes: 341 slots of 12 bytes, and a CRC-32C of them, the file's number and the
//! block's. The last block is filled up with slots that say nothing. Tags are spread evenly, so
//! where one stands is computed from it, and one block is read, seldom two: there is no index over
//! the file, and nothing of it in memory.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crc_fast::CrcAlgorithm;

use super::slot::{BITS, SLOT, Slot};

const BLOCK: usize = 4_096;
const CHECKSUM: usize = 4;
/// Slots in a block.
const SLOTS: usize = (BLOCK - CHECKSUM) / SLOT;
/// Says nothing: no page has this number.
const EMPTY: Slot = Slot {
    tag: (1 << BITS) - 1,
    page: (1 << BITS) - 1,
};
/// Looks that are computed from the tag. Then the rest is halved, whatever stands in the file.
const COMPUTED: u32 = 8;

/// An open file.
#[derive(Debug)]
pub(super) struct Run {
    pub about: About,
    file: File,
    blocks: u64,
}

/// Which file it is. So it stands in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    /// Its name. Each has another.
    pub number: u64,
    /// How often what stands in it was merged.
    pub tier: u32,
    pub slots: u64,
}

impl About {
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:012}.run", self.number))
    }

    const fn blocks(&self) -> u64 {
        self.slots.div_ceil(SLOTS as u64)
    }
}

impl Run {
    /// Opens a file that was written. What is in it is checked when it is read.
    ///
    /// # Errors
    /// Of the kind `InvalidData` when it has another size than it was written with.
    pub fn open(folder: &Path, about: About) -> io::Result<Self> {
        let file = File::open(about.path(folder))?;
        let blocks = about.blocks();
        if file.metadata()?.len() != blocks * BLOCK as u64 {
            return Err(damaged(&about, "has another size than it had"));
        }
        Ok(Self {
            about,
            file,
            blocks,
        })
    }

    /// Writes a file of `slots`, which rise, and has it on disk. `None` when `goes_on` says so.
    pub fn write(
        folder: &Path,
        (number, tier): (u64, u32),
        slots: impl Iterator<Item = io::Result<Slot>>,
        goes_on: impl Fn() -> bool,
    ) -> io::Result<Option<Self>> {
        let mut about = About {
            number,
            tier,
            slots: 0,
        };
        let path = about.path(folder);
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = BufWriter::with_capacity(1 << 20, file.open(&path)?);
        let mut block = Vec::with_capacity(BLOCK);
        for slot in slots {
            block.extend_from_slice(&slot?.to_bytes());
            about.slots += 1;
            if block.len() == SLOTS * SLOT {
                if !goes_on() {
                    drop(file);
                    fs::remove_file(&path)?;
                    return Ok(None);
                }
                finish(&mut file, &mut block, &about)?;
            }
        }
        if !block.is_empty() {
            block.resize(SLOTS * SLOT, u8::MAX);
            finish(&mut file, &mut block, &about)?;
        }
        file.into_inner()?.sync_all()?;
        File::open(folder)?.sync_all()?;
        Self::open(folder, about).map(Some)
    }

    /// The pages of all slots with `tag`.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn find(&self, tag: u64, found: &mut Vec<u64>) -> io::Result<()> {
        let Some((mut at, mut block)) = self.block_of(tag)? else {
            return Ok(());
        };
        let wanted = Slot::first(tag).to_bytes();
        loop {
            let from = block.slots().partition_point(|slot| *slot < wanted);
            let slots = block.slots().iter().skip(from).copied();
            let slots = slots.map(Slot::from_bytes);
            let same = slots.take_while(|slot| slot.tag == tag);
            found.extend(same.filter(|slot| *slot != EMPTY).map(|slot| slot.page));
            at += 1;
            if block.last().tag != tag || at == self.blocks {
                return Ok(());
            }
            block = self.read(at)?;
        }
    }

    /// The first block in which `tag` may stand.
    fn block_of(&self, tag: u64) -> io::Result<Option<(u64, Block)>> {
        // Blocks below `low` end before it. The one at `high`, if any, begins at it or behind it.
        let (mut low, mut high) = (0, self.blocks);
        let mut behind = None;
        let mut guess = self.blocks_in(tag);
        let mut looks = 0;
        while low < high {
            looks += 1;
            if looks > COMPUTED {
                guess = low + (high - low) / 2;
            }
            let at = guess.clamp(low, high - 1);
            let block = self.read(at)?;
            let (first, last) = (block.first(), block.last());
            if Slot::first(tag) <= first {
                guess = at.saturating_sub(1 + self.blocks_in(first.tag - tag));
                high = at;
                behind = Some((at, block));
            } else if tag > last.tag {
                guess = at + 1 + self.blocks_in(tag - last.tag);
                low = at + 1;
            } else {
                return Ok(Some((at, block)));
            }
        }
        Ok(behind)
    }

    /// How many blocks lie between two tags, at so many tags of distance.
    fn blocks_in(&self, distance: u64) -> u64 {
        let blocks = (u128::from(distance) * u128::from(self.blocks)) >> BITS;
        u64::try_from(blocks).unwrap_or(u64::MAX)
    }

    /// All slots, in order.
    pub fn slots(&self) -> impl Iterator<Item = io::Result<Slot>> {
        (0..self.blocks).flat_map(|at| {
            let (slots, error) = match self.read(at) {
                Ok(block) => (block.slots().to_vec(), None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            let slots = slots.into_iter().map(Slot::from_bytes);
            slots.filter(|slot| *slot != EMPTY).map(Ok).chain(error)
        })
    }

    fn read(&self, at: u64) -> io::Result<Block> {
        let mut block = Block([0; BLOCK]);
        self.file.read_exact_at(&mut block.0, at * BLOCK as u64)?;
        let (slots, sum) = block.0.split_at(BLOCK - CHECKSUM);
        if sum != checksum(slots, &self.about, at) {
            return Err(damaged(&self.about, "is damaged"));
        }
        Ok(block)
    }
}

/// What was read, and is as it was written.
struct Block([u8; BLOCK]);

impl Block {
    fn slots(&self) -> &[[u8; SLOT]] {
        // What is left over is the checksum.
        self.0.as_chunks().0
    }

    fn first(&self) -> Slot {
        self.slots()
            .first()
            .map_or(EMPTY, |slot| Slot::from_bytes(*slot))
    }

    fn last(&self) -> Slot {
        self.slots()
            .last()
            .map_or(EMPTY, |slot| Slot::from_bytes(*slot))
    }
}

/// Writes a full block.
fn finish(file: &mut impl io::Write, block: &mut Vec<u8>, about: &About) -> io::Result<()> {
    let at = about.blocks() - 1;
    let sum = checksum(block, about, at);
    file.write_all(block)?;
    file.write_all(&sum)?;
    block.clear();
    Ok(())
}

/// Of the slots of one block of one file.
fn checksum(slots: &[u8], about: &About, at: u64) -> [u8; CHECKSUM] {
    let mut digest = crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(slots);
    digest.update(&about.number.to_be_bytes());
    digest.update(&at.to_be_bytes());
    // The algorithm gives 32 bits.
    u32::try_from(digest.finalize())
        .unwrap_or_default()
        .to_be_bytes()
}

fn damaged(about: &About, how: &str) -> io::Error {
    let cause = format!("file {:012}.run of the row index {how}", about.number);
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

/// All slots of several files, in order, each once.
pub(super) fn merged(runs: &[impl AsRef<Run>]) -> impl Iterator<Item = io::Result<Slot>> {
    let mut sources: Vec<_> = runs
        .iter()
        .map(|run| run.as_ref().slots().peekable())
        .collect();
    let mut before = None;
    std::iter::from_fn(move || {
        loop {
            // There are few files: whoever is the least is found by looking at each.
            let heads = sources.iter_mut().enumerate();
            let heads = heads.filter_map(|(place, source)| {
                // What failed comes first.
                let head = source.peek()?.as_ref().ok().copied();
                Some((head, place))
            });
            let (head, place) = heads.min()?;
            let slot = sources.get_mut(place)?.next();
            if head.is_none() || head != before {
                before = head;
                return slot;
            }
        }
    })
}
