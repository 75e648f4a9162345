//! Auditing a hospital's private chain: everything in it is checked against itself, against its
//! anchors, and against the records that stand on the consortium chain. What was rewritten is found
//! and placed.

use std::collections::BTreeMap;

use yilian_crypto::sign::SigningKey;
use yilian_protocol::{
    CertificateId, Height, MemberId, TransactionId, TreeHash,
    call::{CallError, SealRequest, Transport},
    evidence::VisitEntry,
    inclusion,
    private_chain::{AnchorEntry, PrivateBlock, PrivateCheck, PrivateEntry},
    receipt::Receipt,
    refusal::Outcome,
    tx::{Body, SealVisit},
    visit::TokenError,
};

use crate::{ClientError, Session};

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PrivateChainAudit {
    /// Blocks read.
    pub blocks: u64,
    /// Entries in them.
    pub entries: u64,
    /// Entries up to the latest anchor.
    pub anchored: u64,
    /// Entries whose transaction is not on the consortium chain: it was refused, or is still on
    /// its way.
    pub unconfirmed: u64,
    /// What is wrong, in order.
    pub faults: Vec<PrivateChainFault>,
}

/// Something that was rewritten, and where.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PrivateChainFault {
    /// An entry is not what the consortium chain, or its author's signature, says.
    #[error("entry {entry} in block {block} was rewritten: {cause}")]
    Entry {
        /// The block.
        block: Height,
        /// The entry's number.
        entry: u64,
        /// What it contradicts.
        cause: &'static str,
    },
    /// A block does not follow from the one below, or not from its own entries.
    #[error("block {block} was rewritten: {cause}")]
    Block {
        /// The block.
        block: Height,
        /// What it contradicts.
        cause: &'static str,
    },
    /// A block is not the one that was anchored.
    #[error(
        "block {block} is not the one that was anchored in block {anchored_at} of the consortium chain"
    )]
    Anchor {
        /// The block.
        block: Height,
        /// The consortium block that holds the anchor.
        anchored_at: Height,
    },
    /// Blocks that were anchored are gone.
    #[error("the chain ends at block {block}, and {anchored} was anchored")]
    Truncated {
        /// The last block there is.
        block: Height,
        /// The latest block that was anchored.
        anchored: Height,
    },
}

/// Reads a hospital's whole private chain from the node of `session`, and checks it. `progress` is
/// told of every block.
///
/// What stands in the chain is checked. That a visit of the hospital's is missing from it does not
/// show: all seals of the consortium chain are not read for it.
///
/// # Errors
/// When the node does not answer; faults of the chain itself are in the answer.
pub async fn audit<T: Transport>(
    session: &Session<T>,
    hospital: MemberId,
    mut progress: impl FnMut(u64, u64),
) -> Result<PrivateChainAudit, ClientError> {
    let node = session.member(hospital).await?.member.node;
    let anchors = session.anchors(hospital).await?;
    let total = session.log_head(hospital).await?.latest;
    let total = total.map_or(Height::new(0), |header| header.height);
    let mut auditor = Auditor::new(session, &anchors);
    for height in 1..=total.get() {
        let block = session.log_block(hospital, Height::new(height)).await?;
        if block.verify(session.chain(), &node).is_err() {
            auditor.block_fault(Height::new(height), "the hospital did not sign it");
        }
        if let Some(check) = &block.check {
            let signing = auditor.author(check.checker).await?;
            let good = signing
                .is_some_and(|signing| check.verify(session.chain(), &signing).is_ok())
                && check.is_of(&block.header);
            if !good {
                auditor.block_fault(
                    Height::new(height),
                    "its check is of other entries, or not signed",
                );
            }
        }
        auditor.block(hospital, Height::new(height), &block).await?;
        progress(height, total.get());
    }
    let latest = anchors.last().map(|entry| entry.header.height);
    if let Some(anchored) = latest.filter(|anchored| *anchored > total) {
        auditor.audit.faults.push(PrivateChainFault::Truncated {
            block: total,
            anchored,
        });
    }
    Ok(auditor.audit)
}

/// Checks the entries that wait for a block, for a person of the hospital who wrote none of them,
/// and has the block closed over those that are right. An entry whose transaction is not final yet
/// waits, with all behind it. `None` when there is nothing to close.
///
/// # Errors
/// [`ClientError::WrongEntry`] names the first entry that is wrong: the block is not closed. Else
/// when the node refuses.
pub async fn check<T: Transport>(
    session: &Session<T>,
    hospital: MemberId,
    (checker, key): (CertificateId, &SigningKey),
) -> Result<Option<PrivateBlock>, ClientError> {
    let open = session.log_open(hospital).await?;
    let mut auditor = Auditor::new(session, &[]);
    let mut right = Vec::new();
    for (entry, number) in open.entries.iter().zip(open.first..) {
        if entry.author == checker {
            break;
        }
        match auditor.entry(entry).await? {
            Verdict::Right => right.push(entry.clone()),
            Verdict::Unconfirmed => break,
            Verdict::Wrong(cause) => return Err(ClientError::WrongEntry { number, cause }),
        }
    }
    if right.is_empty() {
        return Ok(None);
    }
    let below = (hospital, open.previous);
    let check = PrivateCheck::sign(session.chain(), below, &right, checker, key);
    session.log_check(check).await.map(Some)
}

struct Auditor<'a, T> {
    session: &'a Session<T>,
    anchors: BTreeMap<Height, &'a AnchorEntry>,
    /// What sealing transactions say; `None` for those that were refused.
    visits: BTreeMap<TransactionId, Option<(SealVisit, VisitEntry)>>,
    /// Roots of the perfect subtrees of all entries so far, the largest first, with their levels.
    leaves: Vec<(u32, TreeHash)>,
    below: TreeHash,
    audit: PrivateChainAudit,
}

impl<'a, T: Transport> Auditor<'a, T> {
    fn new(session: &'a Session<T>, anchors: &'a [AnchorEntry]) -> Self {
        Self {
            session,
            anchors: anchors
                .iter()
                .map(|entry| (entry.header.height, entry))
                .collect(),
            visits: BTreeMap::new(),
            leaves: Vec::new(),
            below: TreeHash::from_bytes([0; 32]),
            audit: PrivateChainAudit {
                blocks: 0,
                entries: 0,
                anchored: anchors.last().map_or(0, |entry| entry.header.size()),
                unconfirmed: 0,
                faults: Vec::new(),
            },
        }
    }

    fn block_fault(&mut self, block: Height, cause: &'static str) {
        self.audit
            .faults
            .push(PrivateChainFault::Block { block, cause });
    }

    async fn block(
        &mut self,
        hospital: MemberId,
        height: Height,
        block: &PrivateBlock,
    ) -> Result<(), ClientError> {
        let header = &block.header;
        let first = self.audit.entries;
        if header.hospital != hospital || header.height != height {
            self.block_fault(height, "its header is of another block");
        }
        if header.previous != self.below {
            self.block_fault(height, "it does not name the block below");
        }
        if header.first != first || header.count as usize != block.entries.len() {
            self.block_fault(height, "its entries are not those that follow");
        }
        let hashes: Vec<TreeHash> = block.entries.iter().map(PrivateEntry::leaf).collect();
        if inclusion::root(&hashes) != header.root {
            self.block_fault(height, "its entries are not those of its Merkle root");
        }
        hashes.into_iter().for_each(|leaf| self.push(leaf));
        if self.root() != header.tree {
            self.block_fault(height, "its tree is not that of all entries so far");
        }
        if let Some(anchor) = self.anchors.get(&height)
            && anchor.header != *header
        {
            let anchored_at = anchor.admitted.height;
            let fault = PrivateChainFault::Anchor {
                block: height,
                anchored_at,
            };
            self.audit.faults.push(fault);
        }
        for (entry, number) in block.entries.iter().zip(first..) {
            match self.entry(entry).await? {
                Verdict::Right => {}
                Verdict::Unconfirmed => self.audit.unconfirmed += 1,
                Verdict::Wrong(cause) => self.audit.faults.push(PrivateChainFault::Entry {
                    block: height,
                    entry: number,
                    cause,
                }),
            }
        }
        self.below = header.id();
        self.audit.blocks += 1;
        self.audit.entries += block.entries.len() as u64;
        Ok(())
    }

    async fn entry(&mut self, entry: &PrivateEntry) -> Result<Verdict, ClientError> {
        if entry.object.record() != entry.record {
            return Ok(Verdict::Wrong("its ciphertext is not the record's"));
        }
        if !self.visits.contains_key(&entry.transaction) {
            // First, since that a record is not there is proven, and that a receipt is not there is
            // the node's word.
            if self.session.find_record(entry.record).await?.is_none() {
                return Ok(Verdict::Unconfirmed);
            }
            let receipt = match self.session.receipt(entry.transaction).await {
                Ok(receipt) => receipt,
                Err(ClientError::Call(CallError::NotFound { .. })) => {
                    let cause = "its record was sealed, and not by the transaction it names";
                    return Ok(Verdict::Wrong(cause));
                }
                Err(error) => return Err(error),
            };
            let visit = self.sealed(entry.transaction, &receipt).await?;
            self.visits.insert(entry.transaction, visit);
        }
        let Some(Some((visit, known))) = self.visits.get(&entry.transaction) else {
            return Ok(Verdict::Unconfirmed);
        };
        if !entry.matches(visit) {
            return Ok(Verdict::Wrong("the consortium chain says otherwise"));
        }
        if let Some(cause) = self.evidence(entry, known) {
            return Ok(Verdict::Wrong(cause));
        }
        let certificate = self.author(entry.author).await?;
        let chain = self.session.chain();
        let signed = certificate.is_some_and(|signing| {
            SealRequest::verify_parts(chain, visit, entry.author, &entry.signature, &signing)
                .is_ok()
        });
        Ok(if signed {
            Verdict::Right
        } else {
            Verdict::Wrong("the author did not sign it")
        })
    }

    /// What is wrong with the evidence that the visit took place, if anything is.
    fn evidence(&self, entry: &PrivateEntry, known: &VisitEntry) -> Option<&'static str> {
        if entry.evidence.binding().visit != known.visit {
            return Some("the patient signed another visit");
        }
        let (chain, key) = (self.session.chain(), self.session.genesis().regulators.key);
        let verified = entry
            .evidence
            .verify(chain, known.hospital, &entry.nym, &key);
        match verified {
            Ok(_) => None,
            Err(TokenError::Escrow) => Some("no regulator can read who the patient was"),
            Err(_) => Some("the patient did not sign it"),
        }
    }

    async fn author(
        &self,
        id: CertificateId,
    ) -> Result<Option<yilian_crypto::sign::VerifyingKey>, ClientError> {
        match self.session.certificate(id).await {
            Ok(entry) => Ok(Some(entry.certificate.signing)),
            Err(ClientError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a transaction sealed, proven to be final; `None` when it was refused.
    async fn sealed(
        &self,
        id: TransactionId,
        receipt: &Receipt,
    ) -> Result<Option<(SealVisit, VisitEntry)>, ClientError> {
        if receipt.outcome != Outcome::Applied {
            return Ok(None);
        }
        // The node's word, but one that the records' proven entries have to bear out.
        let block = self.session.block(receipt.header.height).await?;
        let found = block.transactions.into_iter().find(|found| found.id == id);
        let Some(Body::Seal(visit)) = found.map(|found| found.body) else {
            return Err(ClientError::WrongAnswer { request: "block" });
        };
        for (sealed, index) in visit.records.iter().zip(visit.index.iter()) {
            let entry = self.session.record(sealed.record).await?;
            if entry.nym != visit.nym || entry.index != index.digest() {
                return Err(ClientError::WrongAnswer { request: "block" });
            }
        }
        let known = self.session.find_visit(&visit.nym).await?;
        let known = known.ok_or(ClientError::WrongAnswer { request: "block" })?;
        Ok(Some((visit, known)))
    }

    /// Adds a leaf to the tree.
    fn push(&mut self, leaf: TreeHash) {
        let (mut level, mut hash) = (0, leaf);
        while let Some((_, left)) = self.leaves.pop_if(|(top, _)| *top == level) {
            hash = inclusion::root(&[left, hash]);
            level += 1;
        }
        self.leaves.push((level, hash));
    }

    /// The root over all leaves so far.
    fn root(&self) -> TreeHash {
        let mut peaks = self.leaves.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = peaks.next() else {
            return inclusion::root(&[]);
        };
        peaks.fold(last, |right, left| inclusion::root(&[left, right]))
    }
}

enum Verdict {
    Right,
    Unconfirmed,
    Wrong(&'static str),
}
