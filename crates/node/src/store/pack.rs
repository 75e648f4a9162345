//! Packs: files to which entries are appended.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Seek as _, SeekFrom, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use yilian_protocol::RecordId;

use super::{
    PACKED_MAX, Recovery, StoreError, id_of,
    index::{End, Index, Place},
    io_error,
};

const MAGIC: [u8; 4] = *b"YLP1";
/// Magic, length, record id.
const HEAD: u64 = 4 + 4 + 32;
/// A pack is closed when it has grown to this.
const PACK_MAX: u64 = 256 * 1024 * 1024;
/// Entries indexed in one step of a recovery.
const STEP: usize = 10_000;

/// The packs of a store; the last one is open.
#[derive(Debug)]
pub(super) struct Packs {
    directory: PathBuf,
    file: File,
    end: End,
    dirty: bool,
}

impl Packs {
    /// Opens the packs, and indexes what `index` does not know yet.
    pub fn open(directory: &Path, index: &Index) -> Result<(Self, Recovery), StoreError> {
        fs::create_dir_all(directory).map_err(io_error(directory))?;
        let mut recovery = Recovery::default();
        let mut end = index.end()?;
        end.pack = end.pack.max(1);
        while path(directory, end.pack).exists() {
            let last = !path(directory, end.pack + 1).exists();
            end.offset = read_on(directory, end, last, index, &mut recovery)?;
            if last {
                break;
            }
            end = End {
                pack: end.pack + 1,
                offset: 0,
            };
        }
        let file = open_last(directory, end)?;
        Ok((
            Self {
                directory: directory.to_owned(),
                file,
                end,
                dirty: false,
            },
            recovery,
        ))
    }

    /// Appends an entry; on disk after [`Packs::sync`].
    pub fn append(&mut self, record: RecordId, object: &[u8]) -> Result<Place, StoreError> {
        if self.end.offset >= PACK_MAX {
            self.sync()?;
            self.end = End {
                pack: self.end.pack + 1,
                offset: 0,
            };
            self.file = open_last(&self.directory, self.end)?;
        }
        // Packed objects are at most a mebibyte long.
        let length = u32::try_from(object.len()).unwrap_or(u32::MAX);
        let mut entry = Vec::with_capacity(HEAD as usize + object.len());
        entry.extend_from_slice(&MAGIC);
        entry.extend_from_slice(&length.to_be_bytes());
        entry.extend_from_slice(record.as_bytes());
        entry.extend_from_slice(object);
        self.dirty = true;
        let path = path(&self.directory, self.end.pack);
        self.file.write_all(&entry).map_err(io_error(&path))?;
        let place = Place::Packed {
            pack: self.end.pack,
            offset: self.end.offset + HEAD,
            length,
        };
        self.end.offset += entry.len() as u64;
        Ok(place)
    }

    /// Syncs what was appended.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if self.dirty {
            let path = path(&self.directory, self.end.pack);
            self.file.sync_data().map_err(io_error(&path))?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Where the next entry will stand.
    pub const fn end(&self) -> End {
        self.end
    }
}

/// Reads the bytes of a packed object.
pub(super) fn read(
    directory: &Path,
    pack: u32,
    offset: u64,
    length: u32,
) -> Result<Vec<u8>, StoreError> {
    let path = path(directory, pack);
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        File::open(&path)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    };
    read().map_err(io_error(&path))
}

/// Indexes the entries of a pack from `from` on and returns where they end. The last pack's torn tail is cut off.
fn read_on(
    directory: &Path,
    from: End,
    last: bool,
    index: &Index,
    recovery: &mut Recovery,
) -> Result<u64, StoreError> {
    let path = path(directory, from.pack);
    let file = File::open(&path).map_err(io_error(&path))?;
    let size = file.metadata().map_err(io_error(&path))?.len();
    let mut reader = BufReader::new(file);
    reader
        .seek(SeekFrom::Start(from.offset))
        .map_err(io_error(&path))?;

    let mut end = from;
    let mut places = Vec::new();
    while let Some((record, length)) = entry(&mut reader, size - end.offset.min(size)) {
        let offset = end.offset + HEAD;
        places.push((
            record,
            Place::Packed {
                pack: from.pack,
                offset,
                length,
            },
        ));
        end.offset = offset + u64::from(length);
        recovery.reindexed += 1;
        if places.len() == STEP {
            index.insert(&places, end)?;
            places.clear();
        }
    }
    if end.offset < size {
        recovery.cut_bytes += size - end.offset;
        if last {
            let file = OpenOptions::new()
                .write(true)
                .open(&path)
                .map_err(io_error(&path))?;
            file.set_len(end.offset).map_err(io_error(&path))?;
            file.sync_all().map_err(io_error(&path))?;
        }
    }
    index.insert(&places, end)?;
    Ok(end.offset)
}

/// The next entry, if all `left` bytes of the file hold it whole and unharmed.
fn entry(reader: &mut impl io::Read, left: u64) -> Option<(RecordId, u32)> {
    let mut head = [0; HEAD as usize];
    reader.read_exact(&mut head).ok()?;
    let (magic, rest) = head.split_first_chunk::<4>()?;
    let (length, record) = rest.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length);
    let fits = length as usize <= PACKED_MAX && HEAD + u64::from(length) <= left;
    if *magic != MAGIC || !fits {
        return None;
    }
    let mut object = vec![0; length as usize];
    reader.read_exact(&mut object).ok()?;
    let record = RecordId::from_bytes(*record.first_chunk::<32>()?);
    (id_of(&object) == record).then_some((record, length))
}

/// Opens the pack that is appended to, at its end.
fn open_last(directory: &Path, end: End) -> Result<File, StoreError> {
    let path = path(directory, end.pack);
    let open = || -> io::Result<File> {
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&path)?;
        file.set_len(end.offset)?;
        file.seek(SeekFrom::End(0))?;
        File::open(directory)?.sync_all()?;
        Ok(file)
    };
    open().map_err(io_error(&path))
}

fn path(directory: &Path, pack: u32) -> PathBuf {
    directory.join(format!("{pack:08}.pack"))
}
