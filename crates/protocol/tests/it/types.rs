//! Every type that a stranger's bytes may be read as. The fuzz target `decode` reads this file too.

use yilian_protocol::{
    ChainId,
    authored::Authored,
    block::Header,
    call::{OneShot, Relay, SealRequest},
    codec::{Decode, Encode, List, Text},
    disclosure::{Approval, Disclosure, DisclosureEntry, DisclosureRequest},
    evidence::{Binding, VisitEvidence},
    governance::{Ballot, BallotEntry, Candidacy, CandidateEntry, Delegate, Governance, Seats},
    grant::{
        Ask, Clinician, Deposit, Erasure, Grant, GrantChange, GrantEntry, HolderAsk, Opened,
        Opening, OpeningEntry, SealedDeposit, SealedPartial, SignedAsk, SignedPartial,
        SignedSecret, Terms, Use, UsesRequest,
    },
    inclusion::InclusionProof,
    letter::{Letter, Share},
    private_chain::{
        Anchor, AnchorEntry, ConsistencyProof, PrivateBlock, PrivateCheck, PrivateEntry,
        PrivateHeader, PrivateInclusion,
    },
    receipt::Receipt,
    registry::{
        Certificate, CertificateEntry, Genesis, Member, MemberEntry, Revocation, Roll, Vote, Voter,
    },
    sealed::{SealedObject, SealedRecord},
    search::{Crossing, Find, LookupRequest, RecordIndex},
    state::proof::StateProof,
    trace::{
        AuthorPass, AuthoredEvent, TraceAppend, TraceHead, TraceItem, TraceShared, TraceTerms,
    },
    tx::{Body, SealVisit, Transaction},
    visit::{Visit, VisitToken},
    voucher::{NewGrant, VouchRequest, Vouched, Voucher},
};

/// A type's name, and what reads bytes as it.
type Reader = (&'static str, fn(&[u8]));

/// What decodes encodes to the same bytes: there is no second spelling.
fn one_spelling<T: Encode + Decode>(bytes: &[u8]) {
    if let Ok(value) = T::from_slice(bytes) {
        assert_eq!(value.to_vec(), bytes, "a second spelling");
    }
}

macro_rules! readers {
    ($($kind:ty),* $(,)?) => { &[$((stringify!($kind), one_spelling::<$kind>)),*] };
}

/// In an order that only grows at its end: seeds name a type by its place.
pub const READERS: &[Reader] = readers![
    Genesis,
    Member,
    MemberEntry,
    Certificate,
    CertificateEntry,
    Revocation,
    Vote,
    Voter,
    Roll,
    VisitToken,
    Visit,
    Authored,
    Grant,
    GrantChange,
    GrantEntry,
    NewGrant,
    Voucher,
    VouchRequest,
    Vouched,
    Terms,
    Deposit,
    SealedDeposit,
    SignedSecret,
    Clinician,
    Opening,
    OpeningEntry,
    Opened,
    Erasure,
    Ask,
    SignedAsk,
    HolderAsk,
    SignedPartial,
    SealedPartial,
    UsesRequest,
    Use,
    Share,
    Letter,
    SealRequest,
    Relay,
    OneShot,
    SealedRecord,
    RecordIndex,
    LookupRequest,
    Find,
    Crossing,
    AuthorPass,
    AuthoredEvent,
    TraceTerms,
    TraceAppend,
    TraceHead,
    TraceItem,
    TraceShared,
    Header,
    Receipt,
    InclusionProof,
    StateProof,
    Anchor,
    AnchorEntry,
    PrivateBlock,
    PrivateCheck,
    PrivateEntry,
    PrivateHeader,
    PrivateInclusion,
    ConsistencyProof,
    Ballot,
    BallotEntry,
    Candidacy,
    CandidateEntry,
    Delegate,
    Governance,
    Seats,
    SealVisit,
    Body,
    Text<64>,
    List<Text<64>, 16>,
    Approval,
    Disclosure,
    DisclosureEntry,
    DisclosureRequest,
    Binding,
    VisitEvidence,
];

/// Whose bytes are signed: read without its signature, which no fuzzer guesses.
fn transaction(bytes: &[u8]) {
    if let Ok(transaction) = Transaction::decode_unverified(bytes) {
        let body = transaction.body().to_vec();
        assert_eq!(
            Some(body.as_slice()),
            bytes.get(ChainId::SIZE..ChainId::SIZE + body.len())
        );
    }
}

/// Reads bytes as the type that the first of them chooses.
pub fn read(bytes: &[u8]) {
    let Some((place, bytes)) = bytes.split_first() else {
        return;
    };
    match READERS.get(usize::from(*place)) {
        Some((_, read)) => read(bytes),
        None if *place == u8::MAX => {
            let _ = SealedObject::parse(bytes.to_vec());
        }
        None => transaction(bytes),
    }
}

/// The byte that chooses a type.
#[must_use]
pub fn place(name: &str) -> u8 {
    let place = READERS.iter().position(|(known, _)| *known == name);
    u8::try_from(place.expect(name)).expect("fewer than 256 types")
}
