//! Secrets that travel from hand to hand only, and that records and keywords are closed with beside
//! what curves do: docs/PROTOCOL.md 11.
//!
//! ```text
//! s_h      = KDF("seed/periods-of-hospital", seed of the chain, hospital)      never leaves
//! s_q      = KDF("psk/period", s_h, quarter, tag)               in the visit token
//! s_w      = KDF("psk/scope", s_q, confidentiality)             in letters of grants
//! s_c      = KDF("psk/record", s_w, capsule)                    in shares of one record
//! x_s      = KDF("seed/searches-of-hospital", seed of the chain, hospital)     never leaves
//! x_q      = KDF("psk/search", x_s, quarter)                    in the visit token
//! ```
//! They are pre-shared keys in the sense of RFC 8784 and RFC 9180, 5.1.2: whoever solves discrete
//! logarithms, and has all that was ever sent to a chain, node or key holder, opens nothing without
//! them. `tag` is of no byte or of 16.

use zeroize::Zeroizing;

use crate::{
    encoding::{debug_secret, secret_bytes},
    hash::kdf,
    label,
    pre::Capsule,
    scope::{Confidentiality, Quarter, Scope, VisitTag},
};

secret_bytes! {
    /// `s_q`: what a hospital needs beside the patient's key to seal records of one quarter, or of
    /// one private visit.
    PeriodPsk;
    /// `s_w`, a scope's secret: what the secrets of its records come from.
    ScopePsk;
    /// `s_c`, a record's secret: what opens it beside what is turned to a reader. Who was shared
    /// one record has no more, and opens no other of its scope, whatever he can compute.
    RecordPsk;
    /// One key holder's share of a [`ScopePsk`], see [`crate::shamir`].
    SecretShare;
    /// `x_q`: what keywords of one quarter at one hospital are closed with, beside the agreement of
    /// writer and patient.
    SearchPsk;
}

/// `s_h`: from which all scope secrets of a patient at one hospital come.
pub(crate) struct HospitalPsk(Zeroizing<[u8; 32]>);

impl HospitalPsk {
    pub(crate) const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub(crate) fn period(&self, period: Quarter, tag: Option<&VisitTag>) -> PeriodPsk {
        let tag = tag.map(VisitTag::to_bytes);
        let tag = tag.as_ref().map_or::<&[u8], _>(&[], |tag| tag);
        let parts: [&[u8]; 2] = [&period.to_bytes(), tag];
        PeriodPsk(kdf(label::PSK_PERIOD, self.0.as_slice(), &parts))
    }

    pub(crate) fn scope(&self, scope: &Scope) -> ScopePsk {
        self.period(scope.period, scope.tag.as_ref())
            .scope(scope.confidentiality)
    }
}

impl PeriodPsk {
    /// The secret of one level.
    #[must_use]
    pub fn scope(&self, confidentiality: Confidentiality) -> ScopePsk {
        let parts: [&[u8]; 1] = [&[confidentiality as u8]];
        ScopePsk(kdf(label::PSK_SCOPE, self.0.as_slice(), &parts))
    }
}

impl ScopePsk {
    /// The secret of the record with this capsule.
    #[must_use]
    pub fn record(&self, capsule: &Capsule) -> RecordPsk {
        let parts: [&[u8]; 1] = [&capsule.to_bytes()];
        RecordPsk(kdf(label::PSK_RECORD, self.0.as_slice(), &parts))
    }
}

/// From which the search secrets of a patient at one hospital come; not handed out.
pub struct SearchPsks(Zeroizing<[u8; 32]>);

impl SearchPsks {
    pub(crate) const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The secret of one quarter.
    #[must_use]
    pub fn quarter(&self, quarter: Quarter) -> SearchPsk {
        let parts: [&[u8]; 1] = [&quarter.to_bytes()];
        SearchPsk(kdf(label::PSK_SEARCH, self.0.as_slice(), &parts))
    }
}

impl std::fmt::Debug for SearchPsks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "SearchPsks", 32)
    }
}
