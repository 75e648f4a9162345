//! One value of each type that a node answers, and of each of its choices.

use yilian_crypto::pre::{self, Rekey};
use yilian_protocol::{
    Height, MemberId, StateKey, TimeMs, TransactionId, TreeHash,
    block::Header,
    call::{
        Block, BlockTransaction, CallError, Page, PrivateHead, RecordEntry, Reencapsulated,
        SealReceipt, Status,
    },
    codec::{Blob, List},
    grant::{Grant, GrantEntry, GrantState},
    ids::Chunk,
    inclusion::InclusionProof,
    limits::{CROSSINGS_MAX, SEARCHES_MAX},
    private_chain::{OpenEntries, PrivateInclusion},
    receipt::Receipt,
    refusal::{Outcome, Refusal},
    registry::{CertificateEntry, MemberEntry, Revoked, Role, Standing},
    sealed::SealedRecord,
    search::{Found, Pointer, Pointers},
    state::proof::{Operation, PrivatePlace, ProvenState, StateProof, Update},
    trace::{TraceEntry, TraceItem},
    tx::Body,
};

use crate::values;

fn tree_hash(byte: u8) -> TreeHash {
    TreeHash::from_bytes([byte; 32])
}

fn header() -> Header {
    Header {
        chain: values::chain(),
        height: Height::new(5),
        parent: yilian_protocol::BlockId::from_bytes([1; 32]),
        time: TimeMs::new(values::NOW),
        count: 2,
        size: 900,
        transactions: tree_hash(2),
        state: tree_hash(3),
        consensus: Blob::new(vec![4; 10]).unwrap(),
    }
}

pub fn receipt(outcome: Outcome) -> Receipt {
    Receipt {
        transaction: TransactionId::from_bytes([5; 32]),
        outcome,
        header: header(),
        finality: Blob::new(vec![6; 87]).unwrap(),
        inclusion: InclusionProof::new(&[tree_hash(7), tree_hash(8)], 1).unwrap(),
    }
}

pub fn seal_receipt() -> SealReceipt {
    SealReceipt {
        transaction: Blob::new(vec![9; 300]).unwrap(),
        receipt: receipt(Outcome::Applied),
    }
}

pub fn status() -> Status {
    Status {
        version: "0.1.0".into(),
        chain: values::chain(),
        genesis: values::genesis(),
        latest: values::admitted(values::NOW),
        clock: TimeMs::new(values::NOW),
        waiting: 3,
        objects: 4,
        object_bytes: 5_000_000_000,
    }
}

/// A block with a transaction of every kind.
pub fn block() -> Block {
    let transaction = |body: Body| BlockTransaction {
        id: TransactionId::from_bytes([5; 32]),
        body,
        signer: values::key(2).verifying_key(),
        signature: values::key(2).sign(yilian_crypto::label::TRANSACTION_SIGNATURE, &[b"block"]),
        outcome: Outcome::Refused(Refusal::WrongSigner),
    };
    Block {
        id: header().id(),
        header: header(),
        finality: Blob::new(Vec::new()).unwrap(),
        transactions: values::bodies().into_iter().map(transaction).collect(),
    }
}

fn state_proof(operation: Operation, last_chunk: Option<TreeHash>) -> StateProof {
    StateProof {
        operation,
        place: PrivatePlace {
            location: 3,
            leaves: 1 << 40,
            inactive: 1,
            path: List::new(vec![tree_hash(1), tree_hash(2)]).unwrap(),
            chunk: Chunk::from_bytes([0xff; 32]),
            last_chunk,
            operations: tree_hash(3),
        },
    }
}

pub fn proven_state() -> ProvenState {
    let update = Operation::Update(Update {
        key: StateKey::from_bytes([1; 32]),
        value: Blob::new(vec![2; 40]).unwrap(),
        next: StateKey::from_bytes([3; 32]),
    });
    let proofs = vec![
        state_proof(update, Some(tree_hash(4))),
        state_proof(Operation::Commit, None),
    ];
    ProvenState {
        header: header(),
        finality: Blob::new(vec![6; 87]).unwrap(),
        proofs: List::new(proofs).unwrap(),
    }
}

pub fn page<T>(entries: Vec<T>) -> Page<T> {
    Page { entries, total: 7 }
}

pub fn member_entry() -> MemberEntry {
    MemberEntry {
        standing: Standing::Suspended,
        ..MemberEntry::new(values::member(), values::admitted(values::NOW))
    }
}

/// A certificate that stands, and one that was revoked.
pub fn certificate_entries() -> Vec<CertificateEntry> {
    let revoked = Revoked {
        admitted: values::admitted(values::NOW),
        reason: yilian_protocol::codec::Text::new("离职").unwrap(),
    };
    vec![
        values::entry(Role::Doctor),
        CertificateEntry {
            revoked: Some(revoked),
            ..values::entry(Role::Regulator)
        },
    ]
}

pub fn record_entry() -> RecordEntry {
    RecordEntry {
        sealed: SealedRecord::from(&values::object()),
        nym: values::visit_keys(0).nym,
        hospital: values::hospital(),
        index: values::index().digest(),
        admitted: values::admitted(values::NOW),
    }
}

pub fn trace_entry() -> TraceEntry {
    let shared = values::shared(values::NOW);
    TraceEntry {
        item: TraceItem {
            shared: shared.id(),
            key: yilian_crypto::trace::MaskedKey::from_bytes([0xab; 32]),
            late: true,
        },
        shared,
    }
}

pub fn pointers() -> Pointers {
    let pointer = values::index().entries()[0].pointer;
    Pointers(vec![Some(Pointer(pointer)), None])
}

pub fn found() -> List<Found, SEARCHES_MAX> {
    let found = Found {
        records: vec![Some(values::object().cid().record()), None],
    };
    List::new(vec![found]).unwrap()
}

pub fn crossed() -> List<bool, CROSSINGS_MAX> {
    List::new(vec![true, false]).unwrap()
}

/// In both forms.
pub fn reencapsulated() -> Vec<Reencapsulated> {
    let proven = values::object().verify(values::chain(), &values::terms().scopes[0].key);
    let (proven, rekey): (_, Rekey) = (proven.unwrap(), values::deposit().shares[0]);
    let lv = pre::reencapsulate_lv(&proven, &rekey, &mut values::rng());
    vec![
        Reencapsulated::Gt(pre::reencapsulate(&proven, &rekey)),
        Reencapsulated::Lv(lv),
    ]
}

/// Of a private chain with blocks, and of one without.
pub fn log_heads() -> Vec<PrivateHead> {
    let latest = Some(values::log_block().header);
    vec![
        PrivateHead { size: 3, latest },
        PrivateHead {
            size: 0,
            latest: None,
        },
    ]
}

pub fn open_entries() -> OpenEntries {
    OpenEntries {
        previous: tree_hash(1),
        first: 9,
        entries: values::log_block().entries,
    }
}

pub fn log_inclusion() -> PrivateInclusion {
    PrivateInclusion {
        index: 1,
        size: 2,
        path: List::new(vec![tree_hash(0xcd)]).unwrap(),
    }
}

pub fn grant_entry() -> GrantEntry {
    let admitted = values::admitted(values::NOW);
    let holders = vec![values::hospital(), MemberId::from_bytes([0xef; 32])];
    GrantEntry {
        grant: Grant {
            controller: values::key(9).verifying_key(),
            terms: values::terms().commitment(),
            until: TimeMs::MAX,
            holders: List::new(holders).unwrap(),
            threshold: 2,
            emergency: true,
        },
        state: GrantState::Revoked,
        admitted,
        changed: admitted,
        changes: 1,
    }
}

/// Every error, and every rule.
pub fn errors() -> Vec<CallError> {
    let message = || "what happened".to_owned();
    let rules = Refusal::ALL.iter().map(|rule| CallError::from(*rule));
    let others = [
        CallError::Invalid { message: message() },
        CallError::TooLarge { limit: 1 << 20 },
        CallError::not_found("record"),
        CallError::Busy { retry_ms: 500 },
        CallError::Unavailable { message: message() },
        CallError::Unreachable { message: message() },
    ];
    rules.chain(others).collect()
}
