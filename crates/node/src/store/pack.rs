//! Packs: files to which objects of up to a mebibyte are appended.
//!
//! ```text
//! pack     0  magic "YLPACK1\n"   8
//!          8  marker             16   random, this pack's own
//!         24  entries
//! entry    0  the pack's marker  16
//!         16  length of object    4   big-endian, at most 1 MiB
//!         20  record id          32   which the object must hash to
//!         52  object
//! ```
//! An entry is whole when its marker and hash are right. After a damaged stretch the next marker
//! tells where to read on; since nobody outside the node knows it, no object can pretend to hold
//! entries.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use yilian_protocol::RecordId;

use super::{
    Options, Recovery, StoreError,
    disk::Guarded,
    id_of,
    index::{End, Index, Place},
    io_error,
};

/// Objects up to this size go into packs, in bytes.
pub(super) const PACKED_MAX: usize = 1024 * 1024;

const MAGIC: [u8; 8] = *b"YLPACK1\n";
const MARKER: usize = 16;
/// Magic, marker.
const PACK_HEAD: u64 = 8 + MARKER as u64;
/// Marker, length, record id.
const ENTRY_HEAD: usize = MARKER + 4 + 32;
/// Entries indexed in one step of a recovery.
const STEP: usize = 10_000;
/// Bytes read, or written again, in one step of a recovery.
const CHUNK: usize = 1024 * 1024;

/// The packs of a store; the last one is open.
#[derive(Debug)]
pub(super) struct Packs {
    directory: PathBuf,
    disk: Guarded,
    pack_max: u64,
    open: Pack,
    end: End,
    dirty: bool,
}

impl Packs {
    /// Opens the packs, and indexes what `index` does not know yet.
    pub fn open(
        store: &Path,
        options: &Options,
        disk: &Guarded,
        index: &Index,
        recovery: &mut Recovery,
    ) -> Result<Self, StoreError> {
        let directory = directory(store);
        fs::create_dir_all(&directory).map_err(io_error(&directory))?;
        let indexed = index.end()?;
        let numbers = numbers(&directory)?;
        let newest = numbers.last().copied().unwrap_or(0);
        let mut open = None;
        for number in numbers {
            if number >= indexed.pack {
                let last = number == newest;
                open = read_on(&directory, number, last, index, disk, recovery)?;
            }
        }
        // A pack that lost its end or its marker is never written to again.
        let next = newest.max(indexed.pack) + 1;
        let (open, end) = match open {
            Some((pack, offset)) => (
                pack,
                End {
                    pack: newest,
                    offset,
                },
            ),
            None => Pack::create(&directory, next, disk)?,
        };
        Ok(Self {
            directory,
            disk: disk.clone(),
            pack_max: options.pack_max,
            open,
            end,
            dirty: false,
        })
    }

    /// Appends an entry; on disk after [`Packs::sync`].
    pub fn append(&mut self, record: RecordId, object: &[u8]) -> Result<Place, StoreError> {
        if self.end.offset >= self.pack_max {
            self.sync()?;
            (self.open, self.end) = Pack::create(&self.directory, self.end.pack + 1, &self.disk)?;
        }
        // Packed objects are at most a mebibyte long.
        let length = u32::try_from(object.len()).unwrap_or(u32::MAX);
        let head = [
            self.open.marker.as_slice(),
            &length.to_be_bytes(),
            record.as_bytes(),
        ]
        .concat();
        let begin = self.end.offset + ENTRY_HEAD as u64;
        let target = (&self.open.file, self.open.path.as_path());
        self.dirty = true;
        self.disk.write_all(target, &head, self.end.offset)?;
        self.disk.write_all(target, object, begin)?;
        let place = Place::Packed {
            pack: self.end.pack,
            offset: begin,
            length,
        };
        self.end.offset = begin + u64::from(length);
        Ok(place)
    }

    /// Syncs what was appended.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if self.dirty {
            self.disk.sync((&self.open.file, &self.open.path))?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Takes back what was appended to the open pack since it ended at `end`, so that a full disk
    /// gets its space back. What stays in an earlier pack was never acknowledged and is in no
    /// index.
    pub fn roll_back(&mut self, end: End) {
        let offset = if end.pack == self.end.pack {
            end.offset
        } else {
            PACK_HEAD
        };
        self.end.offset = offset;
        // Bytes that stay are written over by the next entry, or cut off at the next start.
        drop(self.open.file.set_len(offset));
    }

    /// Where the next entry will stand.
    pub const fn end(&self) -> End {
        self.end
    }
}

/// Where the packs of a store stand.
pub(super) fn directory(store: &Path) -> PathBuf {
    store.join("packs")
}

/// Reads an object; `None` when its pack no longer holds what was stored.
pub(super) fn read(
    directory: &Path,
    record: RecordId,
    (number, offset, length): (u32, u64, u32),
) -> Result<Option<Vec<u8>>, StoreError> {
    let path = path(directory, number);
    if length as usize > PACKED_MAX {
        return Ok(None);
    }
    let mut bytes = vec![0; length as usize];
    match File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, offset)) {
        Ok(()) => Ok((id_of(&bytes) == record).then_some(bytes)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(io_error(&path)(error)),
    }
}

/// The numbers of the packs that are there, ascending.
pub(super) fn numbers(directory: &Path) -> Result<Vec<u32>, StoreError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory).map_err(io_error(directory))? {
        let name = entry.map_err(io_error(directory))?.file_name();
        let name = name.to_string_lossy();
        let number = name
            .strip_suffix(".pack")
            .and_then(|number| number.parse().ok());
        numbers.extend(number.filter(|number| *name == file_name(*number)));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Indexes the entries of a pack from where the index ends, and returns the pack and where they end
/// if more can be appended there. The last pack's torn tail is cut off.
fn read_on(
    directory: &Path,
    number: u32,
    last: bool,
    index: &Index,
    disk: &Guarded,
    recovery: &mut Recovery,
) -> Result<Option<(Pack, u64)>, StoreError> {
    let path = path(directory, number);
    let failed = |error| io_error(&path)(error);
    let from = match index.end()? {
        End { pack, offset } if pack == number => offset,
        _ => PACK_HEAD,
    };
    let Some((pack, size)) = Pack::open(&path).map_err(failed)? else {
        recovery.damaged_bytes += path.metadata().map_err(failed)?.len();
        return Ok(None);
    };
    if from > size {
        recovery.damaged_bytes += from - size;
        return Ok(None);
    }
    if last {
        pack.write_again(from, size, disk)?;
    }
    let mut end = from;
    let mut places = Vec::new();
    while let Some((offset, entry)) = pack.next_entry(end, size).map_err(failed)? {
        recovery.damaged_bytes += offset - end;
        recovery.reindexed += 1;
        places.push(entry.place(number, offset));
        end = offset + ENTRY_HEAD as u64 + u64::from(entry.length);
        if places.len() == STEP {
            index.insert(
                &places,
                End {
                    pack: number,
                    offset: end,
                },
            )?;
            places.clear();
        }
    }
    if last && end < size {
        recovery.cut_bytes += size - end;
        pack.file.set_len(end).map_err(failed)?;
        disk.sync((&pack.file, &path))?;
    } else {
        recovery.damaged_bytes += size - end;
    }
    index.insert(
        &places,
        End {
            pack: number,
            offset: end,
        },
    )?;
    Ok(Some((pack, end)))
}

/// A pack's file.
#[derive(Debug)]
struct Pack {
    path: PathBuf,
    file: File,
    marker: [u8; MARKER],
}

struct Entry {
    record: RecordId,
    length: u32,
}

impl Entry {
    const fn place(&self, pack: u32, offset: u64) -> (RecordId, Place) {
        let place = Place::Packed {
            pack,
            offset: offset + ENTRY_HEAD as u64,
            length: self.length,
        };
        (self.record, place)
    }
}

impl Pack {
    /// Makes an empty pack, whole or not at all, and returns where its first entry will stand.
    fn create(directory: &Path, number: u32, disk: &Guarded) -> Result<(Self, End), StoreError> {
        let path = path(directory, number);
        let incoming = path.with_extension("new");
        let marker: [u8; MARKER] = rand::random();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&incoming)
            .map_err(io_error(&incoming))?;
        let head = [MAGIC.as_slice(), &marker].concat();
        disk.write_all((&file, &incoming), &head, 0)?;
        disk.sync((&file, &incoming))?;
        disk.rename(&incoming, &path)?;
        disk.sync_directory(directory)?;
        let end = End {
            pack: number,
            offset: PACK_HEAD,
        };
        Ok((Self { path, file, marker }, end))
    }

    /// Opens a pack and tells its size; `None` when its marker cannot be made out.
    fn open(path: &Path) -> io::Result<Option<(Self, u64)>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let size = file.metadata()?.len();
        let mut pack = Self {
            path: path.to_owned(),
            file,
            marker: [0; MARKER],
        };
        // The marker stands in the pack's head and in its first entry; one of them may be damaged.
        let mut heads = Vec::new();
        for offset in [PACK_HEAD - MARKER as u64, PACK_HEAD] {
            match pack.file.read_exact_at(&mut pack.marker, offset) {
                Ok(()) => heads.push(pack.marker),
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let found = match *heads.as_slice() {
            [] => None,
            [only] => Some(only),
            [head, first, ..] if head == first => Some(head),
            [head, first, ..] => {
                let mut found = None;
                for marker in [head, first] {
                    pack.marker = marker;
                    if found.is_none() && pack.next_entry(PACK_HEAD, size)?.is_some() {
                        found = Some(marker);
                    }
                }
                found
            }
        };
        Ok(found.map(|marker| (Self { marker, ..pack }, size)))
    }

    /// The first whole entry from `from` on, and where it begins.
    fn next_entry(&self, from: u64, size: u64) -> io::Result<Option<(u64, Entry)>> {
        let mut offset = from;
        loop {
            if let Some(entry) = self.entry_at(offset, size)? {
                return Ok(Some((offset, entry)));
            }
            match self.find_marker(offset + 1, size)? {
                Some(next) => offset = next,
                None => return Ok(None),
            }
        }
    }

    fn entry_at(&self, offset: u64, size: u64) -> io::Result<Option<Entry>> {
        let mut head = [0; ENTRY_HEAD];
        if offset + ENTRY_HEAD as u64 > size {
            return Ok(None);
        }
        self.file.read_exact_at(&mut head, offset)?;
        let Some((entry, length)) = self.parse(&head) else {
            return Ok(None);
        };
        let begin = offset + ENTRY_HEAD as u64;
        if length > PACKED_MAX || begin + length as u64 > size {
            return Ok(None);
        }
        let mut object = vec![0; length];
        self.file.read_exact_at(&mut object, begin)?;
        Ok((id_of(&object) == entry.record).then_some(entry))
    }

    fn parse(&self, head: &[u8; ENTRY_HEAD]) -> Option<(Entry, usize)> {
        let (marker, rest) = head.split_first_chunk::<MARKER>()?;
        let (length, record) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length);
        let record = RecordId::from_bytes(*record.first_chunk::<32>()?);
        (*marker == self.marker).then_some((Entry { record, length }, length as usize))
    }

    /// Where the marker next stands, from `from` on.
    fn find_marker(&self, from: u64, size: u64) -> io::Result<Option<u64>> {
        let mut buffer = vec![0; CHUNK];
        let mut offset = from;
        while offset + MARKER as u64 <= size {
            let length = usize::try_from(size - offset).map_or(CHUNK, |left| left.min(CHUNK));
            let chunk = buffer.get_mut(..length).unwrap_or_default();
            self.file.read_exact_at(chunk, offset)?;
            if let Some(place) = chunk.windows(MARKER).position(|at| at == self.marker) {
                return Ok(Some(offset + place as u64));
            }
            offset += (length - (MARKER - 1)) as u64;
        }
        Ok(None)
    }

    /// Writes the bytes of a tail once more and syncs them. What a process left whose sync failed
    /// can be read, yet not be on disk, and a further sync would not change that.
    fn write_again(&self, from: u64, size: u64, disk: &Guarded) -> Result<(), StoreError> {
        let target = (&self.file, self.path.as_path());
        let mut buffer = vec![0; CHUNK];
        let mut offset = from;
        while offset < size {
            let length = usize::try_from(size - offset).map_or(CHUNK, |left| left.min(CHUNK));
            let chunk = buffer.get_mut(..length).unwrap_or_default();
            self.file
                .read_exact_at(chunk, offset)
                .map_err(io_error(&self.path))?;
            disk.write_all(target, chunk, offset)?;
            offset += length as u64;
        }
        if from < size {
            disk.sync(target)?;
        }
        Ok(())
    }
}

fn path(directory: &Path, number: u32) -> PathBuf {
    directory.join(file_name(number))
}

fn file_name(number: u32) -> String {
    format!("{number:08}.pack")
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
    )
}
