//! What a patient's device remembers beside the seed. All of it can be found again from the seed
//! and the chain ([`crate::Patient::recover`]), except the terms of grants, which only their
//! readers and key holders know besides.

use std::{
    collections::BTreeSet,
    future::{Future, ready},
};

use crate::mail::StampBook;
use yilian_crypto::scope::Quarter;
use yilian_protocol::{
    ChainId, GrantId, MemberId, RequestId,
    codec::Blob,
    fixed,
    grant::{Grant, Terms},
    limits::{DEPOSIT_MAX, LETTER_MAX, TRANSACTION_MAX},
    refusal::Refusal,
    stamp::StampDay,
    tx::{Body, Transaction},
};

/// Grants on their way that are remembered, the latest: of an older one only its note stays.
const PENDING_MAX: usize = 16;

/// A patient's memory: no secrets but stamps, but private.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wallet {
    /// The chain it is about.
    pub chain: ChainId,
    /// Visits, in the order in which the tokens were made.
    pub visits: Vec<VisitNote>,
    /// Grants, in the order in which they were made.
    pub grants: Vec<GrantNote>,
    /// How many grant keys were used.
    pub grant_counter: u32,
    /// Stamps in stock: who has one sends a letter with it.
    #[serde(default)]
    pub stamps: StampBook,
    /// With which visits hospitals were asked for stamps.
    #[serde(default)]
    pub asked: Vec<StampAsks>,
    /// Where the numbers of visits go on after a recovery, see [`Wallet::go_on`].
    #[serde(default)]
    pub recovered: Vec<Recovered>,
    /// Grants that were ordered, and whose letters are not sent yet.
    #[serde(default)]
    pub pending: Vec<PendingGrant>,
}

/// A grant on its way: what was ordered, byte by byte, and what follows it. Its holders' shares and
/// its letter are as secret as the seed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PendingGrant {
    /// Its id.
    pub grant: GrantId,
    /// The rule by which it was refused, when it was. Another try may have it taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// The signed transaction.
    pub(crate) transaction: Blob<TRANSACTION_MAX>,
    /// What each key holder is given.
    pub(crate) deposits: Vec<Blob<DEPOSIT_MAX>>,
    /// The letter to its reader, in the clear.
    pub(crate) letter: Blob<LETTER_MAX>,
}

impl PendingGrant {
    /// The grant as it was ordered; `None` when the wallet is damaged.
    #[must_use]
    pub fn ordered(&self) -> Option<Grant> {
        let transaction = Transaction::parse(self.transaction.as_slice()).ok()?;
        match transaction.body() {
            Body::CreateGrant(new) => Some(new.grant.clone()),
            _ => None,
        }
    }
}

/// With which visits a hospital was asked for stamps, on the last day on which it was.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StampAsks {
    /// The hospital.
    pub hospital: MemberId,
    /// The day.
    pub day: StampDay,
    /// The numbers of the visits, in the order in which they were used.
    pub visits: Vec<u32>,
    /// Whether it made none for any of them, when it was asked last.
    pub refused: bool,
}

/// Numbers of visits that a recovery passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recovered {
    /// The hospital.
    pub hospital: MemberId,
    /// The least number of a visit from now on.
    pub from: u32,
}

/// A visit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VisitNote {
    /// The hospital.
    pub hospital: MemberId,
    /// Which visit there it is, from 0.
    pub counter: u32,
    /// The quarter of its scopes; unknown after a recovery, when the records themselves tell.
    pub period: Option<Period>,
    /// Whether its scopes are of this visit alone.
    pub private: bool,
}

/// A quarter, as text in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Period(#[serde(with = "fixed")] pub Quarter);

/// A standing grant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GrantNote {
    /// Its id on the chain.
    pub grant: GrantId,
    /// Which grant key controls it.
    pub counter: u32,
    /// What it allows; unknown after a recovery.
    pub terms: Option<Terms>,
    /// The doctor's request for which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<RequestId>,
    /// That its order was given up: it was refused and made anew, or nothing shall come of it. A
    /// refusal may be a node's word alone, so it is revoked with the next answer, should it stand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
}

/// Keeps a wallet before something happens that cannot be undone. A closure does where files are
/// written; a browser keeps in its own time.
pub trait KeepWallet<E> {
    /// Keeps `wallet`: whatever ends the program after this returned, it is there.
    ///
    /// # Errors
    /// When it cannot be kept; then nothing happens.
    fn keep(&mut self, wallet: &Wallet) -> impl Future<Output = Result<(), E>>;
}

impl<E, F: FnMut(&Wallet) -> Result<(), E>> KeepWallet<E> for F {
    fn keep(&mut self, wallet: &Wallet) -> impl Future<Output = Result<(), E>> {
        ready(self(wallet))
    }
}

impl Wallet {
    /// An empty wallet about `chain`.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self {
            chain,
            visits: Vec::new(),
            grants: Vec::new(),
            grant_counter: 0,
            stamps: StampBook::default(),
            asked: Vec::new(),
            recovered: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// The grant on its way with this id.
    #[must_use]
    pub fn pending(&self, grant: GrantId) -> Option<&PendingGrant> {
        self.pending.iter().find(|pending| pending.grant == grant)
    }

    /// Notes a grant that is about to be ordered, in place of what was noted of it.
    pub(crate) fn pend(&mut self, pending: PendingGrant) {
        self.settle(pending.grant);
        self.pending.push(pending);
        let over = self.pending.len().saturating_sub(PENDING_MAX);
        self.pending.drain(..over);
    }

    /// A grant has come to its end: nothing of it is sent again.
    pub(crate) fn settle(&mut self, grant: GrantId) {
        self.pending.retain(|pending| pending.grant != grant);
    }

    /// The hospitals visited, each once, in the order of their ids.
    #[must_use]
    pub fn hospitals(&self) -> Vec<MemberId> {
        let visited = self.visits.iter().map(|visit| visit.hospital);
        let each_once: BTreeSet<MemberId> = visited.collect();
        each_once.into_iter().collect()
    }

    /// The number of the next visit to `hospital`.
    #[must_use]
    pub fn next_visit(&self, hospital: MemberId) -> u32 {
        let there = self
            .visits
            .iter()
            .filter(|visit| visit.hospital == hospital);
        let noted = there.map(|visit| visit.counter.saturating_add(1));
        let recovered = self.recovered.iter();
        let recovered = recovered.filter(|recovered| recovered.hospital == hospital);
        let from = recovered.map(|recovered| recovered.from);
        noted.chain(from).max().unwrap_or(0)
    }

    /// With which visits `hospital` was asked for stamps on `day`.
    pub(crate) fn stamp_asks(&self, hospital: MemberId, day: StampDay) -> Option<&StampAsks> {
        let mut asked = self.asked.iter();
        asked.find(|asks| asks.hospital == hospital && asks.day == day)
    }

    /// The same, to note more.
    pub(crate) fn stamp_asks_mut(&mut self, hospital: MemberId, day: StampDay) -> &mut StampAsks {
        let known = self.stamp_asks(hospital, day).cloned();
        self.asked.retain(|asks| asks.hospital != hospital);
        self.asked.push_mut(known.unwrap_or(StampAsks {
            hospital,
            day,
            visits: Vec::new(),
            refused: false,
        }))
    }

    /// Gives no visit to `hospital` a number below `from` any more: tokens with such numbers may be
    /// on their way, of which a recovered wallet knows nothing.
    pub fn go_on(&mut self, hospital: MemberId, from: u32) {
        let known = self.recovered.iter_mut();
        match known.into_iter().find(|known| known.hospital == hospital) {
            Some(known) => known.from = known.from.max(from),
            None => self.recovered.push(Recovered { hospital, from }),
        }
    }
}
