//! The layout of the ledger's state: tables of canonical values over one flat map.
//!
//! Nodes keep the state, clients verify it ([`proof`]), so where a value stands is part of the
//! wire.
//!
//! # Two kinds of places
//! Values that may change, and everything a client verifies, stand in the *provable* part, whose
//! root is in every header. What is written once and looked up in bulk (index entries, places of
//! transactions) stands in the *write-once* part; the header binds it through the consensus
//! engine's field. The first bit of a [`StateKey`] tells which.

pub mod proof;

use std::{collections::HashMap, marker::PhantomData};

use crate::{
    codec::{Decode, DecodeError, Encode},
    ids::StateKey,
};

/// Something for each of some places of the state, to be looked up. Its order differs between
/// nodes: whoever goes through it sorts.
pub type StateMap<V> = HashMap<StateKey, V, foldhash::fast::RandomState>;

/// A table: values of type `T` by name.
#[derive(Debug)]
pub struct Table<T> {
    name: &'static str,
    once: bool,
    values: PhantomData<fn() -> T>,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Table<T> {}

impl<T> Table<T> {
    /// A table of the provable part.
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            once: false,
            values: PhantomData,
        }
    }

    /// A table of the write-once part.
    const fn once(name: &'static str) -> Self {
        Self {
            name,
            once: true,
            values: PhantomData,
        }
    }

    /// What the table is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where the value called `name` stands.
    #[must_use]
    pub fn key(&self, name: &[u8]) -> StateKey {
        if self.once {
            StateKey::once(self.name, name)
        } else {
            StateKey::of(self.name, name)
        }
    }
}

impl<T: Decode> Table<T> {
    /// Reads the bytes of one of the table's values.
    ///
    /// # Errors
    /// When they are no such value.
    pub fn read(&self, bytes: &[u8]) -> Result<T, DecodeError> {
        T::from_slice(bytes)
    }
}

/// Values in the order in which they came, one sequence for each name.
#[derive(Debug)]
pub struct Sequence<T> {
    counts: Table<u32>,
    items: Table<T>,
}

impl<T> Sequence<T> {
    const fn new(counts: &'static str, items: &'static str) -> Self {
        Self {
            counts: Table::new(counts),
            items: Table::new(items),
        }
    }

    /// The table of the sequences' lengths, by the sequences' names.
    #[must_use]
    pub const fn counts(&self) -> Table<u32> {
        self.counts
    }

    /// The table of their items, by [`Sequence::item_name`].
    #[must_use]
    pub const fn items(&self) -> Table<T> {
        self.items
    }

    /// What the item at `index` of the sequence called `name` is called.
    #[must_use]
    pub fn item_name(&self, name: &[u8], index: u32) -> Vec<u8> {
        let mut item = name.to_vec();
        index.encode(&mut item);
        item
    }

    /// Where the item at `index` of the sequence called `name` stands.
    #[must_use]
    pub fn item_key(&self, name: &[u8], index: u32) -> StateKey {
        self.items.key(&self.item_name(name, index))
    }
}

/// Every table.
pub mod tables {
    use yilian_crypto::search::{Address, MaskedPointer};

    use super::{Sequence, Table};
    use crate::{
        call::RecordEntry,
        codec::List,
        disclosure::DisclosureEntry,
        evidence::VisitEntry,
        governance::{BallotEntry, Candidates, Seats},
        grant::{GrantEntry, Opened, OpeningEntry},
        ids::{CertificateId, DisclosureId, GrantId, Height, MemberId, RecordId, TraceId},
        limits::RECORDS_MAX,
        private_chain::AnchorEntry,
        registry::{Admitted, CertificateEntry, MemberEntry, Motion, Roll, Votes},
        search::CrossTags,
        trace::{TraceHead, TraceItem, TraceShared},
        voucher::Vouched,
    };

    /// Member id -> entry.
    pub const MEMBER: Table<MemberEntry> = Table::new("member");
    /// All members, under the empty name.
    pub const MEMBERS: Sequence<MemberId> = Sequence::new("members", "members-item");
    /// Which members may act, under the empty name.
    pub const ROLL: Table<Roll> = Table::new("roll");
    /// Motion ([`motion_name`]) -> who is in favour of it.
    pub const VOTES: Table<Votes> = Table::new("votes");
    /// Member -> how often it voted or stood a node.
    pub const CAST: Table<u32> = Table::new("cast");
    /// All candidates, under the empty name; those of the genesis while there is no such value.
    pub const CANDIDATES: Table<Candidates> = Table::new("candidates");
    /// Member -> its vote for a candidate.
    pub const BALLOT: Table<BallotEntry> = Table::new("ballot");
    /// Epoch (8 bytes, big endian) -> its delegates; nothing for the first two, see
    /// [`Governance`](crate::governance::Governance).
    pub const SEATS: Table<Seats> = Table::new("seats");

    /// What a motion about a member in a round is called.
    #[must_use]
    pub fn motion_name(subject: &MemberId, motion: Motion, round: u32) -> Vec<u8> {
        let round = round.to_be_bytes();
        [subject.as_bytes().as_slice(), &[motion as u8], &round].concat()
    }

    /// Certificate id -> entry.
    pub const CERTIFICATE: Table<CertificateEntry> = Table::new("certificate");
    /// Certificates of each member.
    pub const CERTIFICATES: Sequence<CertificateId> =
        Sequence::new("certificates", "certificates-item");
    /// Pseudonym -> hospital that sealed its first record, and what the pseudonym signed.
    pub const VISIT: Table<VisitEntry> = Table::new("visit");
    /// Records of each visit, those of one transaction together.
    pub const VISIT_RECORDS: Sequence<List<RecordId, RECORDS_MAX>> =
        Sequence::new("visit-records", "visit-records-item");
    /// Record id -> entry.
    pub const RECORD: Table<RecordEntry> = Table::new("record");
    /// Hospital and address ([`index_name`]) -> masked pointer of an index entry.
    pub const INDEX: Table<MaskedPointer> = Table::once("index");
    /// Capsule of a record, as it stands on the chain -> the record's cross tags. Each record has
    /// one of these rows anyway; called by the capsule, it refuses the capsule a second time.
    pub const CROSS: Table<CrossTags> = Table::once("cross");

    /// What the entry at `address` of a hospital's index is called. With the hospital in it, nobody
    /// takes another's place.
    #[must_use]
    pub fn index_name(hospital: &MemberId, address: &Address) -> Vec<u8> {
        [hospital.as_bytes().as_slice(), &address.to_bytes()].concat()
    }

    /// Trace id -> where the trace stands.
    pub const TRACE: Table<TraceHead> = Table::new("trace");
    /// Trace id and place ([`trace_item_name`]) -> item.
    pub const TRACE_ITEM: Table<TraceItem> = Table::once("trace-item");
    /// Id of what an append's packs share -> that.
    pub const TRACE_SHARED: Table<TraceShared> = Table::once("trace-shared");
    /// Tag of a prescription -> height at which it was used up.
    pub const PRESCRIPTION: Table<Height> = Table::new("prescription");

    /// What the item at `place` of a trace is called.
    #[must_use]
    pub fn trace_item_name(trace: &TraceId, place: u32) -> Vec<u8> {
        [trace.as_bytes().as_slice(), &place.to_be_bytes()].concat()
    }

    /// Request to open an identity -> what became of it.
    pub const DISCLOSURE: Table<DisclosureEntry> = Table::new("disclosure");
    /// Those of each pseudonym, in order.
    pub const DISCLOSURES: Sequence<DisclosureId> =
        Sequence::new("disclosures", "disclosures-item");

    /// Grant id -> entry.
    pub const GRANT: Table<GrantEntry> = Table::new("grant");
    /// Member -> how many grants it vouched for.
    pub const VOUCHED: Table<Vouched> = Table::new("vouched");
    /// Hospital -> the latest anchor of its private chain.
    pub const ANCHOR: Table<AnchorEntry> = Table::new("anchor");
    /// Anchors of each hospital's private chain, in order.
    pub const ANCHORS: Sequence<AnchorEntry> = Sequence::new("anchors", "anchors-item");

    /// Openings of each emergency grant, in order.
    pub const OPENINGS: Sequence<OpeningEntry> = Sequence::new("openings", "openings-item");
    /// Emergency grant -> how it was opened last.
    pub const OPENED: Table<Opened> = Table::new("opened");
    /// Grant and key holder ([`erasure_name`]) -> when the holder said that it erased its shares.
    pub const ERASURE: Table<Admitted> = Table::new("erasure");

    /// What the erasure of a holder's shares is called.
    #[must_use]
    pub fn erasure_name(grant: &GrantId, holder: &MemberId) -> Vec<u8> {
        [grant.as_bytes().as_slice(), holder.as_bytes()].concat()
    }
}
