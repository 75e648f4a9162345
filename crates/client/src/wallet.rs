//! What a patient's device remembers beside the seed. All of it can be found again from the seed
//! and the chain ([`crate::Patient::recover`]), except the terms of grants, which only their
//! readers and key holders know besides.

use std::collections::BTreeSet;

use crate::mail::StampBook;
use yilian_crypto::scope::Quarter;
use yilian_protocol::{ChainId, GrantId, MemberId, RequestId, fixed, grant::Terms};

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
    /// Where the numbers of visits go on after a recovery, see [`Wallet::go_on`].
    #[serde(default)]
    pub recovered: Vec<Recovered>,
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
            recovered: Vec::new(),
        }
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
