//! The consent contract: standing grants as data, and the one check before a key holder serves.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | create-grant | the grant's controller | the grant exists, a key holder is no member, its time is over |
//! | set-grant | the grant's controller | the grant is unknown, revoked already, or the change is not the next one |
//! | open | the second of two clinicians | the grant is not in force or not for emergencies; the two are not two doctors in good standing |
//! | erase | a key holder's node | the grant is not revoked, the signer is not a holder's node, or said so before |
//!
//! [`check`] is the only way to a [`ConsentChecked`], and a key holder serves nothing without one.

use yilian_crypto::{
    pre::{DelegateePublic, HolderIndex, ScopeKey},
    sign::VerifyingKey,
};
use yilian_protocol::{
    ChainId, GrantId, MemberId, StateKey, TimeMs,
    grant::{
        Deposit, Erasure, Grant, GrantChange, GrantEntry, GrantState, Opening, OpeningEntry,
        SignedAsk, Terms, UsesRequest,
    },
    limits::{CLOCK_SKEW_MS, OPENING_MS},
    refusal::Refusal,
    registry::{Admitted, CertificateEntry, Role},
    transport::RecordEntry,
};

use crate::{
    execute::{Verdict, present, require},
    state::{
        Overlay, StateError, View,
        tables::{CERTIFICATE, ERASURE, GRANT, MEMBER, OPENED, OPENINGS, RECORD, erasure_name},
    },
};

pub(crate) fn create_reads(grant: &Grant) -> Vec<StateKey> {
    let holders = grant
        .holders
        .iter()
        .map(|holder| MEMBER.key(holder.as_bytes()));
    std::iter::once(GRANT.key(grant.id().as_bytes()))
        .chain(holders)
        .collect()
}

pub(crate) fn create<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    signer: &VerifyingKey,
    grant: &Grant,
) -> Verdict {
    let id = grant.id();
    require!(*signer == grant.controller, WrongSigner);
    require!(state.read(GRANT, id.as_bytes())?.is_none(), GrantExists);
    require!(grant.until > admitted.time, GrantExpired);
    require!(grant.holders_are_sound(), BadHolders);
    for holder in grant.holders.iter() {
        require!(
            state.read(MEMBER, holder.as_bytes())?.is_some(),
            MemberUnknown
        );
    }
    let entry = GrantEntry {
        grant: grant.clone(),
        state: GrantState::Active,
        admitted,
        changed: admitted,
        changes: 0,
    };
    state.write(GRANT, id.as_bytes(), &entry);
    Ok(Ok(()))
}

pub(crate) fn set_reads(change: &GrantChange) -> Vec<StateKey> {
    vec![GRANT.key(change.grant.as_bytes())]
}

pub(crate) fn set<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    signer: &VerifyingKey,
    change: &GrantChange,
) -> Verdict {
    let mut entry = present!(state.read(GRANT, change.grant.as_bytes())?, GrantUnknown);
    require!(*signer == entry.grant.controller, WrongSigner);
    require!(entry.state != GrantState::Revoked, GrantRevoked);
    require!(
        change.sequence == entry.changes.saturating_add(1),
        StaleChange
    );
    entry.state = change.state;
    entry.changed = admitted;
    entry.changes = change.sequence;
    state.write(GRANT, change.grant.as_bytes(), &entry);
    Ok(Ok(()))
}

pub(crate) fn open_reads(opening: &Opening) -> Vec<StateKey> {
    vec![
        GRANT.key(opening.grant.as_bytes()),
        CERTIFICATE.key(opening.first.as_bytes()),
        CERTIFICATE.key(opening.second.as_bytes()),
        OPENINGS.counts().key(opening.grant.as_bytes()),
    ]
}

pub(crate) fn open<V: View>(
    state: &mut Overlay<'_, V>,
    chain: ChainId,
    admitted: Admitted,
    signer: &VerifyingKey,
    opening: &Opening,
) -> Verdict {
    let name = opening.grant.as_bytes();
    let entry = present!(state.read(GRANT, name)?, GrantUnknown);
    require!(entry.grant.emergency, NotForEmergencies);
    if let Err(refusal) = in_force(&entry, admitted.time) {
        return Ok(Err(refusal));
    }
    let first = present!(
        state.read(CERTIFICATE, opening.first.as_bytes())?,
        CertificateUnknown
    );
    let second = present!(
        state.read(CERTIFICATE, opening.second.as_bytes())?,
        CertificateUnknown
    );
    for clinician in [&first, &second] {
        require!(clinician.certificate.role == Role::Doctor, RoleNotAllowed);
        if let Err(refusal) = clinician.standing(admitted.time) {
            return Ok(Err(refusal));
        }
    }
    let (one, other) = (&first.certificate, &second.certificate);
    require!(one.signing != other.signing, TwoClinicians);
    require!(*signer == other.signing, WrongSigner);
    require!(opening.verify(chain, &one.signing).is_ok(), BadSignature);
    let late = opening.at.distance_ms(admitted.time) > OPENING_MS;
    require!(!late, StaleRequest);
    let entry = OpeningEntry {
        opening: opening.clone(),
        admitted,
    };
    state.append(&OPENINGS, name, &entry)?;
    state.write(OPENED, name, &admitted);
    Ok(Ok(()))
}

pub(crate) fn erase_reads(erasure: &Erasure) -> Vec<StateKey> {
    vec![
        GRANT.key(erasure.grant.as_bytes()),
        MEMBER.key(erasure.holder.as_bytes()),
        ERASURE.key(&erasure_name(&erasure.grant, &erasure.holder)),
    ]
}

pub(crate) fn erase<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    signer: &VerifyingKey,
    erasure: &Erasure,
) -> Verdict {
    let entry = present!(state.read(GRANT, erasure.grant.as_bytes())?, GrantUnknown);
    let holder = erasure.holder;
    require!(entry.grant.holder_index(holder).is_some(), NotKeyHolder);
    let member = present!(state.read(MEMBER, holder.as_bytes())?, MemberUnknown);
    require!(*signer == member.member.node, WrongSigner);
    require!(entry.state == GrantState::Revoked, GrantNotRevoked);
    let name = erasure_name(&erasure.grant, &holder);
    require!(state.read(ERASURE, &name)?.is_none(), AlreadyErased);
    state.write(ERASURE, &name, &admitted);
    Ok(Ok(()))
}

/// Evidence that the consent contract allows this reading. Made by [`check`] only; not `Clone`.
#[derive(Debug)]
pub struct ConsentChecked {
    grant: GrantId,
    holder: HolderIndex,
    reader: DelegateePublic,
    record: RecordEntry,
    scope: ScopeKey,
    _sealed: (),
}

impl ConsentChecked {
    /// The grant relied on.
    #[must_use]
    pub const fn grant(&self) -> GrantId {
        self.grant
    }

    /// The number of the key holder who may serve.
    #[must_use]
    pub const fn holder(&self) -> HolderIndex {
        self.holder
    }

    /// The key to which the record may be turned.
    #[must_use]
    pub const fn reader(&self) -> &DelegateePublic {
        &self.reader
    }

    /// The record that may be read.
    #[must_use]
    pub const fn record(&self) -> &RecordEntry {
        &self.record
    }

    /// The scope under which it may be read.
    #[must_use]
    pub const fn scope(&self) -> &ScopeKey {
        &self.scope
    }
}

/// The keys that [`check`] reads, for a reader certified by `member`.
#[must_use]
pub fn check_reads(ask: &SignedAsk, member: MemberId) -> Vec<StateKey> {
    vec![
        GRANT.key(ask.ask.grant.as_bytes()),
        OPENED.key(ask.ask.grant.as_bytes()),
        CERTIFICATE.key(ask.ask.reader.as_bytes()),
        MEMBER.key(member.as_bytes()),
        RECORD.key(ask.ask.record.as_bytes()),
    ]
}

/// Decides whether the key holder `holder` may serve `ask` at the time `now`, given the grant's opened `terms`,
/// if it has them.
///
/// # Errors
/// Outer: the state is at fault. Inner: the first rule that refuses, in the order: grant, terms, reader, purpose, scope, record.
pub fn check<V: View>(
    state: &V,
    chain: ChainId,
    holder: MemberId,
    now: TimeMs,
    terms: Option<&Terms>,
    signed: &SignedAsk,
) -> Result<Result<ConsentChecked, Refusal>, StateError> {
    let ask = &signed.ask;
    let entry = present!(state.read(GRANT, ask.grant.as_bytes())?, GrantUnknown);
    if let Err(refusal) = in_force(&entry, now) {
        return Ok(Err(refusal));
    }
    let index = present!(entry.grant.holder_index(holder), NotKeyHolder);
    if entry.grant.emergency {
        let opened = present!(state.read(OPENED, ask.grant.as_bytes())?, GrantNotOpened);
        require!(now < opened.time.plus_ms(OPENING_MS), GrantNotOpened);
    }
    let terms = present!(terms, NotKeyHolder);
    require!(terms.commitment() == entry.grant.terms, TermsMismatch);
    require!(now >= terms.from, GrantNotYetValid);

    require!(ask.reader == terms.reader, ReaderNotNamed);
    let reader = present!(
        state.read(CERTIFICATE, ask.reader.as_bytes())?,
        CertificateUnknown
    );
    if let Err(refusal) = reader_may_ask(&reader, chain, signed, now) {
        return Ok(Err(refusal));
    }
    let member = reader.certificate.member;
    let member = present!(state.read(MEMBER, member.as_bytes())?, MemberUnknown);
    require!(member.may_act().is_ok(), MemberSuspended);
    require!(ask.purpose == terms.purpose, PurposeNotGranted);
    require!(terms.scope(&ask.scope).is_some(), ScopeNotGranted);
    let record = present!(state.read(RECORD, ask.record.as_bytes())?, RecordUnknown);
    Ok(Ok(ConsentChecked {
        grant: ask.grant,
        holder: index,
        reader: reader.certificate.delegatee,
        record,
        scope: ask.scope,
        _sealed: (),
    }))
}

/// The keys that [`check_deposit`] reads.
#[must_use]
pub fn deposit_reads(deposit: &Deposit) -> Vec<StateKey> {
    vec![
        GRANT.key(deposit.grant.as_bytes()),
        CERTIFICATE.key(deposit.terms.reader.as_bytes()),
    ]
}

/// Decides whether the deposit's holder shall keep it: every share is verified for its scope, the holder's number and the reader's
/// key.
///
/// # Errors
/// Outer: the state is at fault. Inner: the first rule that refuses.
pub fn check_deposit<V: View>(
    state: &V,
    chain: ChainId,
    now: TimeMs,
    deposit: &Deposit,
) -> Verdict {
    let entry = present!(state.read(GRANT, deposit.grant.as_bytes())?, GrantUnknown);
    // A paused grant may be deposited: it is served when it is resumed.
    require!(entry.state != GrantState::Revoked, GrantRevoked);
    require!(now < entry.grant.until, GrantExpired);
    let index = present!(entry.grant.holder_index(deposit.holder), NotKeyHolder);
    require!(
        deposit.verify(chain, &entry.grant.controller).is_ok(),
        BadSignature
    );
    require!(
        deposit.terms.commitment() == entry.grant.terms,
        TermsMismatch
    );
    let name = deposit.terms.reader.as_bytes();
    let reader = present!(state.read(CERTIFICATE, name)?, CertificateUnknown);
    let (scopes, shares) = (&deposit.terms.scopes, &deposit.shares);
    require!(scopes.len() == shares.len(), WrongRekey);
    let delegatee = &reader.certificate.delegatee;
    let threshold = usize::from(entry.grant.threshold);
    let all_right = scopes.iter().zip(shares.iter()).all(|(scope, share)| {
        let commitment = &scope.commitment.0;
        commitment.threshold() == threshold
            && share
                .verify_share(index, commitment, &scope.key, delegatee)
                .is_ok()
    });
    require!(all_right, WrongRekey);
    Ok(Ok(()))
}

/// The keys that [`check_uses`] reads.
#[must_use]
pub fn uses_reads(request: &UsesRequest) -> Vec<StateKey> {
    vec![GRANT.key(request.grant.as_bytes())]
}

/// Decides whether a key holder shall tell how a grant was used: to its controller only.
///
/// # Errors
/// Outer: the state is at fault. Inner: the rule that refuses.
pub fn check_uses<V: View>(
    state: &V,
    chain: ChainId,
    now: TimeMs,
    request: &UsesRequest,
) -> Verdict {
    let entry = present!(state.read(GRANT, request.grant.as_bytes())?, GrantUnknown);
    let controller = &entry.grant.controller;
    require!(request.verify(chain, controller).is_ok(), BadSignature);
    let late = request.asked_at.distance_ms(now) > CLOCK_SKEW_MS;
    require!(!late, StaleRequest);
    Ok(Ok(()))
}

fn in_force(entry: &GrantEntry, now: TimeMs) -> Result<(), Refusal> {
    match entry.state {
        GrantState::Paused => Err(Refusal::GrantPaused),
        GrantState::Revoked => Err(Refusal::GrantRevoked),
        GrantState::Active if now >= entry.grant.until => Err(Refusal::GrantExpired),
        GrantState::Active => Ok(()),
    }
}

fn reader_may_ask(
    reader: &CertificateEntry,
    chain: ChainId,
    signed: &SignedAsk,
    now: TimeMs,
) -> Result<(), Refusal> {
    signed
        .verify(chain, &reader.certificate.signing)
        .map_err(|_| Refusal::BadSignature)?;
    if signed.ask.asked_at.distance_ms(now) > CLOCK_SKEW_MS {
        return Err(Refusal::StaleRequest);
    }
    if !reader.certificate.role.reads_records() {
        return Err(Refusal::RoleNotAllowed);
    }
    reader.standing(now)
}
