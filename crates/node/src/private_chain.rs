//! The private chains of the hospitals that a node acts for: what it sealed, entry by entry, on
//! disk, in signed blocks that are anchored on the consortium chain. See
//! [`yilian_protocol::private_chain`].
//!
//! An entry is on disk before its transaction is ordered. Every [`PERIOD`] a block is closed over
//! what came since, and its header is anchored with the proof that the chain extends what was
//! anchored before; after a restart, that is made up for.

use std::{path::Path, sync::Arc, time::Duration};

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;
use yilian_crypto::sign::{Signature, SigningKey};
use yilian_ledger::state::tables::ANCHOR;
use yilian_protocol::{
    ChainId, Height, MemberId, TimeMs, TreeHash,
    call::{CallError, PrivateHead},
    codec::{Decode, DecodeError, Encode, List, Reader},
    inclusion::{self, leaf},
    limits::PRIVATE_BLOCK_MAX,
    private_chain::{
        Anchor, AnchorEntry, ConsistencyProof, OpenEntries, PrivateBlock, PrivateCheck,
        PrivateEntry, PrivateHeader, PrivateInclusion, Subtrees, tree_root,
    },
    refusal::{Outcome, Refusal},
    tx::{Body, Transaction},
};

use crate::{
    consortium::ConsortiumChain,
    database::Reopened,
    hosted_members::HostedMembers,
    order::{EncodedTransaction, SubmitError},
};

/// How often a block is closed and anchored, when there is something new.
pub const PERIOD: Duration = Duration::from_secs(2);
/// Appends that wait at most, and that share one sync.
const QUEUE: usize = 1024;

/// Hospital, number -> entry.
const ENTRIES: TableDefinition<'_, ([u8; 32], u64), &[u8]> = TableDefinition::new("log-entries-v1");
/// Hospital, height -> header and signature.
const BLOCKS: TableDefinition<'_, ([u8; 32], u64), &[u8]> = TableDefinition::new("log-blocks-v1");
/// Hospital, level, index -> hash of a perfect subtree.
const NODES: TableDefinition<'_, ([u8; 32], u32, u64), [u8; 32]> =
    TableDefinition::new("log-nodes-v1");

/// Private chains on disk.
#[derive(Debug)]
pub struct PrivateChain {
    database: Reopened,
}

impl PrivateChain {
    /// Opens those kept in the file `path`, which is made when it is missing.
    ///
    /// # Errors
    /// [`PrivateChainError::Storage`] when the file cannot be read, or another process has it open.
    pub fn open(path: &Path) -> Result<Self, PrivateChainError> {
        let database = Reopened::open(path)?;
        let transaction = database.begin_write()?;
        transaction.open_table(ENTRIES)?;
        transaction.open_table(BLOCKS)?;
        transaction.open_table(NODES)?;
        transaction.commit()?;
        Ok(Self { database })
    }

    /// Finds out whether entries could be kept, after a failure too.
    ///
    /// # Errors
    /// [`PrivateChainError::Storage`] says why not.
    pub(crate) fn probe(&self) -> Result<(), PrivateChainError> {
        Ok(self.database.probe()?)
    }

    /// Appends entries of several hospitals; on disk when it returns.
    ///
    /// # Errors
    /// [`PrivateChainError`] when they cannot be written.
    pub fn append(
        &self,
        appends: &[(MemberId, Vec<PrivateEntry>)],
    ) -> Result<(), PrivateChainError> {
        let transaction = self.database.begin_write()?;
        for (hospital, entries) in appends {
            append(&transaction, *hospital.as_bytes(), entries)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Closes a block over the entries that came since the last one; `None` when there are none.
    ///
    /// # Errors
    /// [`PrivateChainError`] when it cannot be written.
    pub fn close(
        &self,
        chain: ChainId,
        hospital: MemberId,
        key: &SigningKey,
        time: TimeMs,
    ) -> Result<Option<PrivateHeader>, PrivateChainError> {
        let open = self.open_entries(hospital)?;
        if open.entries.is_empty() {
            return Ok(None);
        }
        self.write_block(chain, hospital, (key, time), &open, None)
            .map(Some)
    }

    /// Closes a block over the entries that `check` is about; `None` when those that wait are not
    /// these.
    ///
    /// # Errors
    /// [`PrivateChainError`] when it cannot be written.
    pub fn close_checked(
        &self,
        chain: ChainId,
        key: &SigningKey,
        time: TimeMs,
        check: &PrivateCheck,
    ) -> Result<Option<PrivateHeader>, PrivateChainError> {
        let mut open = self.open_entries(check.hospital)?;
        let mut entries = std::mem::take(&mut open.entries).into_vec();
        if check.count == 0 || check.count as usize > entries.len() {
            return Ok(None);
        }
        entries.truncate(check.count as usize);
        let leaves: Vec<TreeHash> = entries.iter().map(PrivateEntry::leaf).collect();
        let written_by_checker = entries.iter().any(|entry| entry.author == check.checker);
        if inclusion::root(&leaves) != check.root
            || open.previous != check.previous
            || written_by_checker
        {
            return Ok(None);
        }
        open.entries = List::new(entries).map_err(|_| PrivateChainError::Corrupt)?;
        self.write_block(chain, check.hospital, (key, time), &open, Some(check))
            .map(Some)
    }

    /// The entries of no block yet.
    ///
    /// # Errors
    /// [`PrivateChainError`] when they cannot be read.
    pub fn open_entries(&self, hospital: MemberId) -> Result<OpenEntries, PrivateChainError> {
        let below = self.latest(hospital)?.map(|(header, ..)| header);
        let first = below.as_ref().map_or(0, PrivateHeader::size);
        let entries = self.entries(hospital, first, PRIVATE_BLOCK_MAX as u64)?;
        Ok(OpenEntries {
            previous: below.map_or(TreeHash::from_bytes([0; 32]), |header| header.id()),
            first,
            entries: List::new(entries).map_err(|_| PrivateChainError::Corrupt)?,
        })
    }

    fn write_block(
        &self,
        chain: ChainId,
        hospital: MemberId,
        (key, time): (&SigningKey, TimeMs),
        open: &OpenEntries,
        check: Option<&PrivateCheck>,
    ) -> Result<PrivateHeader, PrivateChainError> {
        let below = self.latest(hospital)?.map(|(header, ..)| header);
        let leaves: Vec<TreeHash> = open.entries.iter().map(PrivateEntry::leaf).collect();
        let size = open.first + leaves.len() as u64;
        let header = PrivateHeader {
            hospital,
            height: below
                .as_ref()
                .map_or(Height::new(1), |header| header.height.next()),
            previous: open.previous,
            first: open.first,
            count: u32::try_from(leaves.len()).unwrap_or(u32::MAX),
            root: inclusion::root(&leaves),
            tree: self.read(hospital, |tree| tree_root(tree, size))?,
            time: below.map_or(time, |header| time.max(header.time)),
        };
        let mut bytes = header.to_vec();
        header.sign(chain, key).encode(&mut bytes);
        check.copied().encode(&mut bytes);
        let transaction = self.database.begin_write()?;
        transaction.open_table(BLOCKS)?.insert(
            (*hospital.as_bytes(), header.height.get()),
            bytes.as_slice(),
        )?;
        transaction.commit()?;
        Ok(header)
    }

    /// How far a hospital's chain is.
    ///
    /// # Errors
    /// [`PrivateChainError`] when it cannot be read.
    pub fn head(&self, hospital: MemberId) -> Result<PrivateHead, PrivateChainError> {
        Ok(PrivateHead {
            size: self.size(hospital)?,
            latest: self.latest(hospital)?.map(|(header, ..)| header),
        })
    }

    /// The block at `height`.
    ///
    /// # Errors
    /// [`PrivateChainError`] when it cannot be read.
    pub fn block(
        &self,
        hospital: MemberId,
        height: Height,
    ) -> Result<Option<PrivateBlock>, PrivateChainError> {
        let Some((header, signature, check)) = self.header(hospital, height)? else {
            return Ok(None);
        };
        let entries = self.entries(hospital, header.first, header.count.into())?;
        let entries = List::new(entries).map_err(|_| PrivateChainError::Corrupt)?;
        Ok(Some(PrivateBlock {
            header,
            signature,
            check,
            entries,
        }))
    }

    /// That the entry `index` stands among the first `size`.
    ///
    /// # Errors
    /// [`PrivateChainError`] when the chain cannot be read, or is not that long.
    pub fn inclusion(
        &self,
        hospital: MemberId,
        index: u64,
        size: u64,
    ) -> Result<Option<PrivateInclusion>, PrivateChainError> {
        if size > self.size(hospital)? {
            return Ok(None);
        }
        self.read(hospital, |tree| PrivateInclusion::new(tree, index, size))
    }

    /// That the first `new` entries begin with the first `old`.
    ///
    /// # Errors
    /// [`PrivateChainError`] when the chain cannot be read.
    pub fn consistency(
        &self,
        hospital: MemberId,
        old: u64,
        new: u64,
    ) -> Result<Option<ConsistencyProof>, PrivateChainError> {
        if old > new || new > self.size(hospital)? {
            return Ok(None);
        }
        self.read(hospital, |tree| ConsistencyProof::new(tree, old, new))
            .map(Some)
    }

    fn size(&self, hospital: MemberId) -> Result<u64, PrivateChainError> {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        size(&table, *hospital.as_bytes())
    }

    fn latest(&self, hospital: MemberId) -> Result<Option<Closed>, PrivateChainError> {
        let table = self.database.begin_read()?.open_table(BLOCKS)?;
        let name = *hospital.as_bytes();
        let last = table.range((name, 0)..=(name, u64::MAX))?.next_back();
        last.map(|found| closed(found?.1.value())).transpose()
    }

    fn header(
        &self,
        hospital: MemberId,
        height: Height,
    ) -> Result<Option<Closed>, PrivateChainError> {
        let table = self.database.begin_read()?.open_table(BLOCKS)?;
        let found = table.get((*hospital.as_bytes(), height.get()))?;
        found.map(|bytes| closed(bytes.value())).transpose()
    }

    fn entries(
        &self,
        hospital: MemberId,
        first: u64,
        count: u64,
    ) -> Result<Vec<PrivateEntry>, PrivateChainError> {
        let (table, name) = (
            self.database.begin_read()?.open_table(ENTRIES)?,
            *hospital.as_bytes(),
        );
        let range = table.range((name, first)..(name, first.saturating_add(count)))?;
        range
            .map(|found| {
                PrivateEntry::from_slice(found?.1.value()).map_err(|_| PrivateChainError::Corrupt)
            })
            .collect()
    }

    fn read<R>(
        &self,
        hospital: MemberId,
        look: impl FnOnce(&Nodes) -> Result<R, PrivateChainError>,
    ) -> Result<R, PrivateChainError> {
        let table = self.database.begin_read()?.open_table(NODES)?;
        look(&Nodes {
            table,
            hospital: *hospital.as_bytes(),
        })
    }
}

/// The perfect subtrees of one hospital.
struct Nodes {
    table: redb::ReadOnlyTable<([u8; 32], u32, u64), [u8; 32]>,
    hospital: [u8; 32],
}

impl Subtrees for Nodes {
    type Error = PrivateChainError;

    fn perfect(&self, level: u32, index: u64) -> Result<TreeHash, PrivateChainError> {
        let found = self.table.get((self.hospital, level, index))?;
        let found = found.ok_or(PrivateChainError::Corrupt)?;
        Ok(TreeHash::from_bytes(found.value()))
    }
}

fn size(
    table: &impl ReadableTable<([u8; 32], u64), &'static [u8]>,
    name: [u8; 32],
) -> Result<u64, PrivateChainError> {
    match table.range((name, 0)..=(name, u64::MAX))?.next_back() {
        Some(last) => Ok(last?.0.value().1.saturating_add(1)),
        None => Ok(0),
    }
}

/// A block without its entries.
type Closed = (PrivateHeader, Signature, Option<PrivateCheck>);

fn closed(bytes: &[u8]) -> Result<Closed, PrivateChainError> {
    let mut input = Reader::new(bytes);
    let mut read = || {
        let header = PrivateHeader::decode(&mut input)?;
        let signature = Signature::decode(&mut input)?;
        Ok((header, signature, Option::decode(&mut input)?))
    };
    read().map_err(|_: DecodeError| PrivateChainError::Corrupt)
}

/// Writes entries, and every perfect subtree that they complete.
fn append(
    transaction: &WriteTransaction,
    name: [u8; 32],
    entries: &[PrivateEntry],
) -> Result<(), PrivateChainError> {
    let mut table = transaction.open_table(ENTRIES)?;
    let mut nodes = transaction.open_table(NODES)?;
    let first = size(&table, name)?;
    for (entry, number) in entries.iter().zip(first..) {
        let bytes = entry.to_vec();
        table.insert((name, number), bytes.as_slice())?;
        let (mut level, mut index, mut hash) = (0, number, leaf(&[&bytes]));
        nodes.insert((name, level, index), hash.to_bytes())?;
        while index & 1 == 1 {
            let left = nodes.get((name, level, index - 1))?;
            let left = TreeHash::from_bytes(left.ok_or(PrivateChainError::Corrupt)?.value());
            hash = inclusion::root(&[left, hash]);
            (level, index) = (level + 1, index >> 1);
            nodes.insert((name, level, index), hash.to_bytes())?;
        }
    }
    Ok(())
}

/// Entries on their way, and who waits for them.
type Append = (
    MemberId,
    Vec<PrivateEntry>,
    oneshot::Sender<Result<(), CallError>>,
);

/// Private chains that grow.
#[derive(Debug)]
pub struct PrivateChainKeeper {
    log: Arc<PrivateChain>,
    appends: mpsc::Sender<Append>,
}

/// What has to be done meanwhile: entries are taken, blocks closed and anchored.
#[derive(Debug)]
pub struct PrivateChainTask<C> {
    log: Arc<PrivateChain>,
    incoming: mpsc::Receiver<Append>,
    anchoring: Anchoring<C>,
}

/// What anchoring takes.
#[derive(Debug)]
pub struct Anchoring<C> {
    /// The consortium chain.
    pub chain: C,
    /// Its id.
    pub id: ChainId,
    /// For whom, and with whose keys.
    pub identities: Arc<dyn HostedMembers>,
    /// Whether a block is closed only when another workstation checked its entries.
    pub checked: bool,
}

impl<C: ConsortiumChain> PrivateChainTask<C> {
    /// Goes on until the keeper is gone, or the chain has stopped.
    pub async fn run(self) {
        let Self {
            log,
            incoming,
            anchoring,
        } = self;
        tokio::select! {
            () = take(&log, incoming) => {}
            () = anchor_periodically(&log, &anchoring) => {}
        }
    }
}

impl PrivateChainKeeper {
    /// Keeps `log`, as long as the task goes on.
    pub fn new<C>(log: Arc<PrivateChain>, anchoring: Anchoring<C>) -> (Self, PrivateChainTask<C>) {
        let (appends, incoming) = mpsc::channel(QUEUE);
        let task = PrivateChainTask {
            log: Arc::clone(&log),
            incoming,
            anchoring,
        };
        (Self { log, appends }, task)
    }

    /// The chains.
    pub const fn log(&self) -> &Arc<PrivateChain> {
        &self.log
    }

    /// Appends entries to a hospital's chain; on disk when it returns.
    ///
    /// # Errors
    /// [`CallError::Unavailable`] when they cannot be written.
    pub async fn append(
        &self,
        hospital: MemberId,
        entries: Vec<PrivateEntry>,
    ) -> Result<(), CallError> {
        let stopped = || CallError::Unavailable {
            message: "the private chain has stopped".to_owned(),
        };
        let (done, waits) = oneshot::channel();
        let sent = self.appends.send((hospital, entries, done)).await;
        sent.map_err(|_| stopped())?;
        waits.await.map_err(|_| stopped())?
    }
}

/// Writes what waits, with one sync for all of it.
async fn take(log: &PrivateChain, mut incoming: mpsc::Receiver<Append>) {
    while let Some(first) = incoming.recv().await {
        let (mut batch, mut waiting) = (vec![(first.0, first.1)], vec![first.2]);
        while batch.len() < QUEUE
            && let Ok((hospital, entries, done)) = incoming.try_recv()
        {
            batch.push((hospital, entries));
            waiting.push(done);
        }
        let written = log.append(&batch).map_err(CallError::from);
        for done in waiting {
            // Whoever asked may have gone away.
            drop(done.send(written.clone()));
        }
    }
}

async fn anchor_periodically<C: ConsortiumChain>(log: &PrivateChain, anchoring: &Anchoring<C>) {
    loop {
        anchoring.chain.sleep(PERIOD).await;
        for hospital in anchoring.identities.members() {
            match anchoring.anchor(log, hospital).await {
                Ok(()) => {}
                Err(AnchorError::Chain(SubmitError::Stopped)) => return,
                Err(error) => warn!(%hospital, "the private chain is not anchored: {error}"),
            }
        }
    }
}

impl<C: ConsortiumChain> Anchoring<C> {
    /// Closes a block, and anchors the latest one unless it is.
    async fn anchor(&self, log: &PrivateChain, hospital: MemberId) -> Result<(), AnchorError> {
        let Some(key) = self.identities.key(hospital) else {
            return Ok(());
        };
        let time = self.chain.now();
        if !self.checked {
            log.close(self.id, hospital, &key, time)?;
        }
        let Some(latest) = log.head(hospital)?.latest else {
            return Ok(());
        };
        let keys = vec![ANCHOR.key(hospital.as_bytes())];
        let state = self.chain.state(keys).await?;
        let anchored = state.into_iter().next().flatten();
        let anchored: Option<AnchorEntry> = anchored.and_then(|bytes| ANCHOR.read(&bytes).ok());
        let old = anchored.map_or(0, |entry| entry.header.size());
        if latest.size() == old {
            return Ok(());
        }
        // Longer on the chain than on disk: the file was lost, or an old copy put back.
        let consistency = log
            .consistency(hospital, old, latest.size())?
            .ok_or(AnchorError::Shorter { anchored: old })?;
        let body = Body::Anchor(Anchor {
            header: latest,
            consistency,
        });
        let anchor = Transaction::sign(self.id, body, &key);
        let place = self.chain.submit(EncodedTransaction::from(&anchor)).await?;
        match place.outcome {
            Outcome::Applied => Ok(()),
            Outcome::Refused(rule) => Err(AnchorError::Refused(rule)),
        }
    }
}

/// Why a private chain is not anchored.
#[derive(Debug, thiserror::Error)]
enum AnchorError {
    #[error(transparent)]
    Chain(#[from] SubmitError),
    #[error(transparent)]
    Log(#[from] PrivateChainError),
    #[error("{0}")]
    Refused(Refusal),
    #[error("{anchored} entries are anchored, which is more than are here")]
    Shorter { anchored: u64 },
}

/// A fault of the private chains' storage; its operator must look.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateChainError {
    /// The file cannot be read or written.
    #[error("the private chain's storage failed: {0}")]
    Storage(redb::Error),
    /// Something in it is damaged or missing.
    #[error("the private chain is damaged")]
    Corrupt,
}

impl<E: Into<redb::Error>> From<E> for PrivateChainError {
    fn from(error: E) -> Self {
        Self::Storage(error.into())
    }
}

impl From<PrivateChainError> for CallError {
    fn from(error: PrivateChainError) -> Self {
        Self::Unavailable {
            message: error.to_string(),
        }
    }
}
