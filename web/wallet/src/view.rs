//! What pages show of the chain and of the consortium.

use serde::Serialize;
use tsify::Tsify;
use yilian_client::people::Organisation;
use yilian_protocol::{
    TimeMs,
    call::{Block, BlockTransaction, Status},
    governance::{CandidateEntry, Seats},
    refusal::Outcome,
};

use crate::{act::Act, shared::Place};

/// How far a node says that it is.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// Its version.
    pub version: String,
    /// Its latest block.
    pub latest: Place,
    /// Transactions that wait.
    pub waiting: u64,
    /// Sealed objects that it keeps.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        Self {
            version: status.version,
            latest: status.latest.into(),
            waiting: status.waiting,
            objects: status.objects,
            object_bytes: status.object_bytes,
        }
    }
}

/// A block that was verified.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
    /// Its id.
    pub id: String,
    /// Its height.
    pub height: u64,
    /// When it was proposed.
    pub time: u64,
    /// The block below it.
    pub parent: String,
    /// Bytes of its transactions.
    pub size: u32,
    /// Merkle root over its transactions.
    pub merkle_root: String,
    /// Root of the state behind it.
    pub state_root: String,
    /// The validators' certificate, in hex digits; none for the genesis.
    pub certificate: String,
    /// Its transactions, in order.
    pub transactions: Vec<TransactionView>,
}

impl From<Block> for BlockView {
    fn from(block: Block) -> Self {
        let Block {
            id,
            header,
            finality,
            transactions,
        } = block;
        Self {
            id: id.to_string(),
            height: header.height.get(),
            time: header.time.get(),
            parent: header.parent.to_string(),
            size: header.size,
            merkle_root: header.transactions.to_string(),
            state_root: header.state.to_string(),
            certificate: hex::encode(finality.as_slice()),
            transactions: transactions.into_iter().map(Into::into).collect(),
        }
    }
}

/// A transaction of a block.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct TransactionView {
    /// Its id.
    pub id: String,
    /// What it does.
    pub act: Act,
    /// The key that signed it.
    pub signer: String,
    /// The rule that refused it; none when it took effect.
    pub refused: Option<String>,
}

impl From<BlockTransaction> for TransactionView {
    fn from(transaction: BlockTransaction) -> Self {
        Self {
            id: transaction.id.to_string(),
            act: Act::from(&transaction.body),
            signer: hex::encode(transaction.signer.to_bytes()),
            refused: refused(transaction.outcome),
        }
    }
}

pub(crate) fn refused(outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Applied => None,
        Outcome::Refused(rule) => Some(rule.name().to_owned()),
    }
}

/// Who the consortium is.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ConsortiumView {
    /// The members, in the order in which they were admitted.
    pub members: Vec<MemberView>,
    /// The epoch of the latest block.
    pub epoch: u64,
    /// Those who order blocks in it, by the keys of their nodes.
    pub validators: Vec<ValidatorView>,
    /// Those who stand, or stood, for election.
    pub candidates: Vec<CandidateView>,
}

/// A member.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct MemberView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it may act: `active`, `suspended` or `expelled`.
    #[tsify(type = "\"active\" | \"suspended\" | \"expelled\"")]
    pub standing: String,
    /// When it was admitted.
    pub admitted: Place,
    /// People whose certificates hold now.
    pub people: u32,
    /// The next of those certificates to end, and whose it is.
    pub next_end: Option<CertificateEnd>,
}

/// When a certificate ends.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct CertificateEnd {
    /// The person's name.
    pub subject: String,
    /// When.
    pub until: u64,
}

/// Who orders blocks.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct ValidatorView {
    /// The node's key.
    pub peer: String,
    /// The member that stood it, when it did.
    pub member: Option<String>,
}

/// A candidate.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct CandidateView {
    /// The node's key.
    pub peer: String,
    /// The member whose node it is; none for a founder's that nobody stood.
    pub member: Option<String>,
    /// Whether it stands now.
    pub stands: bool,
    /// The votes for it now.
    pub votes: u32,
}

impl ConsortiumView {
    pub(crate) fn new(
        registry: &[Organisation],
        epoch: u64,
        seats: Option<Seats>,
        candidates: Vec<CandidateEntry>,
        now: TimeMs,
    ) -> Self {
        let candidates: Vec<CandidateView> = candidates.into_iter().map(Into::into).collect();
        let delegates = seats.map(|seats| seats.delegates.into_vec());
        let validators = delegates.into_iter().flatten().map(|delegate| {
            let peer = hex::encode(delegate.peer.to_bytes());
            let known = candidates.iter().find(|known| known.peer == peer);
            ValidatorView {
                member: known.and_then(|known| known.member.clone()),
                peer,
            }
        });
        Self {
            members: registry.iter().map(|one| member(one, now)).collect(),
            epoch,
            validators: validators.collect(),
            candidates,
        }
    }
}

impl From<CandidateEntry> for CandidateView {
    fn from(entry: CandidateEntry) -> Self {
        Self {
            peer: hex::encode(entry.delegate.peer.to_bytes()),
            member: entry.member.map(|member| member.to_string()),
            stands: entry.stands,
            votes: entry.votes,
        }
    }
}

fn member(organisation: &Organisation, now: TimeMs) -> MemberView {
    let entry = &organisation.member;
    let certificates = organisation.certificates.iter();
    let valid: Vec<_> = certificates
        .filter(|certificate| organisation.standing(certificate, now).is_ok())
        .map(|entry| &entry.certificate)
        .collect();
    let next = valid.iter().min_by_key(|known| known.valid_until);
    MemberView {
        id: organisation.id.to_string(),
        name: entry.member.name.to_string(),
        standing: entry.standing.name().to_owned(),
        admitted: entry.admitted.into(),
        people: u32::try_from(valid.len()).unwrap_or(u32::MAX),
        next_end: next.map(|certificate| CertificateEnd {
            subject: certificate.subject.to_string(),
            until: certificate.valid_until.get(),
        }),
    }
}
