//! What a node asks of the consent contract outside of blocks, before it keeps or serves anything.
//!
//! Each question has two functions: `*_reads` names the keys, to be fetched; `check*` decides on
//! what was fetched. Both declare by the same function (`of`), so that they cannot differ.

use yilian_crypto::{
    kem::KemPublic,
    pre::{DelegateePublic, HolderIndex, ScopeKey},
    sign::VerifyingKey,
};
use yilian_protocol::{
    ChainId, GrantId, MemberId, StateKey, TimeMs,
    call::RecordEntry,
    grant::{
        Deposit, Grant, GrantEntry, GrantState, GrantedScope, Opened, SecretOf, SignedAsk,
        SignedSecret, Terms, UsesRequest,
    },
    limits::CLOCK_SKEW_MS,
    refusal::Refusal,
    registry::{CertificateEntry, MemberEntry},
    standing::CertifiedPerson,
    state::tables::{CERTIFICATE, GRANT, MEMBER, OPENED, RECORD, VOUCHED},
    voucher::Vouched,
};

use super::{in_force, is_sound};
use crate::{
    rule::{Declaration, Overlay, Slot},
    state::{StateError, View},
    verdict::{Stop, require, verdict},
};

/// Evidence that the consent contract allows this reading. Made by [`check`] only; not `Clone`.
#[derive(Debug)]
pub struct ConsentChecked {
    grant: GrantId,
    holder: HolderIndex,
    reader: DelegateePublic,
    kem: KemPublic,
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

    /// The key to which a share of the scope's secret may be sealed.
    #[must_use]
    pub const fn sealed_to(&self) -> &KemPublic {
        &self.kem
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

/// A reading that is asked for.
struct Asked<'a> {
    signed: &'a SignedAsk,
    grant: Slot<GrantEntry>,
    opened: Slot<Opened>,
    reader: Slot<CertificateEntry>,
    record: Slot<RecordEntry>,
}

impl<'a> Asked<'a> {
    fn of(signed: &'a SignedAsk, declare: &mut Declaration) -> Self {
        let ask = &signed.ask;
        Self {
            signed,
            grant: declare.slot(GRANT, ask.grant.as_bytes()),
            opened: declare.slot(OPENED, ask.grant.as_bytes()),
            reader: declare.slot(CERTIFICATE, ask.reader.as_bytes()),
            record: declare.slot(RECORD, ask.record.as_bytes()),
        }
    }

    /// What can be said without the grant's terms, so before a holder looks for them: who proves
    /// nothing learns nothing of them.
    fn asker(
        &self,
        state: &Overlay<'_>,
        chain: ChainId,
        holder: MemberId,
        now: TimeMs,
    ) -> Result<(GrantEntry, HolderIndex, CertifiedPerson), Stop> {
        let entry = self.grant.need(state, Refusal::GrantUnknown)?;
        in_force(&entry, now)?;
        let index = entry.grant.holder_index(holder);
        let index = index.ok_or(Refusal::NotKeyHolder)?;
        if entry.grant.emergency {
            let opened = self.opened.need(state, Refusal::GrantNotOpened)?;
            require(now < opened.until, Refusal::GrantNotOpened)?;
        }
        let reader = self.reader.need(state, Refusal::CertificateUnknown)?;
        let certifier = reader.certificate.member;
        let (member, _) = Declaration::collect(|declare| certified_by(certifier, declare));
        let member = member.need(state, Refusal::MemberUnknown)?;
        let reader = CertifiedPerson::new(reader, member)?;
        reader_may_ask(&reader, chain, self.signed, now)?;
        Ok((entry, index, reader))
    }

    /// In the order: grant, reader, terms, purpose, scope, record. What stands on the chain is told
    /// to anybody. The terms are hidden: nothing depends on them, nor on whether they are here,
    /// before the caller has proven to be a reader in good standing, and then whether they name him
    /// is asked first.
    fn decide(
        &self,
        state: &Overlay<'_>,
        chain: ChainId,
        holder: MemberId,
        now: TimeMs,
        terms: Option<&Terms>,
    ) -> Result<ConsentChecked, Stop> {
        let ask = &self.signed.ask;
        let (entry, index, reader) = self.asker(state, chain, holder, now)?;
        let terms = terms.ok_or(Refusal::NotKeyHolder)?;
        require(ask.reader == terms.reader, Refusal::ReaderNotNamed)?;
        let committed = terms.commitment() == entry.grant.terms;
        require(committed, Refusal::TermsMismatch)?;
        require(now >= terms.from, Refusal::GrantNotYetValid)?;
        require(ask.purpose == terms.purpose, Refusal::PurposeNotGranted)?;
        let scope = terms.scope(&ask.scope);
        require(scope.is_some(), Refusal::ScopeNotGranted)?;
        let record = self.record.need(state, Refusal::RecordUnknown)?;
        Ok(ConsentChecked {
            grant: ask.grant,
            holder: index,
            reader: reader.certificate().delegatee,
            kem: reader.certificate().kem.clone(),
            record,
            scope: ask.scope,
            _sealed: (),
        })
    }
}

/// The member that certified the reader; which one it is stands in the certificate.
fn certified_by(member: MemberId, declare: &mut Declaration) -> Slot<MemberEntry> {
    declare.slot(MEMBER, member.as_bytes())
}

/// The keys that [`check`] reads, for a reader certified by `member`.
#[must_use]
pub fn check_reads(ask: &SignedAsk, member: MemberId) -> Vec<StateKey> {
    let reads = |declare: &mut Declaration| {
        let asked = Asked::of(ask, declare);
        (asked, certified_by(member, declare))
    };
    Declaration::collect(reads).1
}

/// Decides whether the key holder `holder` may serve `ask` at the time `now`, given the grant's
/// opened `terms`, if it has them.
///
/// # Errors
/// Outer: the state is at fault. Inner: the first rule that refuses, in the order: grant, reader,
/// terms, purpose, scope, record.
pub fn check<V: View>(
    state: &V,
    chain: ChainId,
    holder: MemberId,
    now: TimeMs,
    terms: Option<&Terms>,
    ask: &SignedAsk,
) -> Result<Result<ConsentChecked, Refusal>, StateError> {
    let (asked, _) = Declaration::collect(|declare| Asked::of(ask, declare));
    verdict(asked.decide(&Overlay::new(state), chain, holder, now, terms))
}

/// The part of [`check`] that takes no terms: whether the grant is in force, and the one who asks
/// is who he says. It costs two signatures' time, so it comes before anything is read for him.
///
/// # Errors
/// As [`check`].
pub fn check_asker<V: View>(
    state: &V,
    chain: ChainId,
    holder: MemberId,
    now: TimeMs,
    ask: &SignedAsk,
) -> Result<Result<(), Refusal>, StateError> {
    let (asked, _) = Declaration::collect(|declare| Asked::of(ask, declare));
    let asker = asked.asker(&Overlay::new(state), chain, holder, now);
    verdict(asker.map(drop))
}

/// A holder's word for a grant that is not on the chain yet.
struct Wanted<'a> {
    grant: &'a Grant,
    holder: MemberId,
    known: Slot<GrantEntry>,
    member: Slot<MemberEntry>,
    vouched: Slot<Vouched>,
}

impl<'a> Wanted<'a> {
    fn of((grant, holder): (&'a Grant, MemberId), declare: &mut Declaration) -> Self {
        Self {
            grant,
            holder,
            known: declare.slot(GRANT, grant.id().as_bytes()),
            member: declare.slot(MEMBER, holder.as_bytes()),
            vouched: declare.slot(VOUCHED, holder.as_bytes()),
        }
    }

    fn decide(&self, state: &Overlay<'_>, now: TimeMs, epoch: u64) -> Result<(), Stop> {
        is_sound(self.grant, now)?;
        let index = self.grant.holder_index(self.holder);
        require(index.is_some(), Refusal::NotKeyHolder)?;
        self.member.need(state, Refusal::MemberUnknown)?.may_act()?;
        require(self.known.is_free(state)?, Refusal::GrantExists)?;
        let before = self.vouched.get(state)?.unwrap_or_default();
        before.with_one_more(epoch)?;
        Ok(())
    }
}

/// The keys that [`check_vouch`] reads.
#[must_use]
pub fn vouch_reads(grant: &Grant, holder: MemberId) -> Vec<StateKey> {
    Declaration::collect(|declare| Wanted::of((grant, holder), declare)).1
}

/// Decides whether the node of `holder` shall vouch for `grant` in `epoch`: the ledger would take
/// it.
///
/// # Errors
/// Outer: the state is at fault. Inner: the rule that refuses.
pub fn check_vouch<V: View>(
    state: &V,
    now: TimeMs,
    epoch: u64,
    (grant, holder): (&Grant, MemberId),
) -> Result<Result<(), Refusal>, StateError> {
    let (wanted, _) = Declaration::collect(|declare| Wanted::of((grant, holder), declare));
    verdict(wanted.decide(&Overlay::new(state), now, epoch))
}

/// A grant of which a deposit may be kept. A paused one may: it is served when it is resumed.
fn may_keep(entry: &GrantEntry, holder: MemberId, now: TimeMs) -> Result<HolderIndex, Refusal> {
    let revoked = entry.state == GrantState::Revoked;
    require(!revoked, Refusal::GrantRevoked)?;
    require(now < entry.grant.until, Refusal::GrantExpired)?;
    let index = entry.grant.holder_index(holder);
    index.ok_or(Refusal::NotKeyHolder)
}

fn offered(grant: GrantId, declare: &mut Declaration) -> Slot<GrantEntry> {
    declare.slot(GRANT, grant.as_bytes())
}

/// The keys that [`check_offer`] reads.
#[must_use]
pub fn offer_reads(grant: GrantId) -> Vec<StateKey> {
    Declaration::collect(|declare| offered(grant, declare)).1
}

/// Decides whether a deposit that is sealed still may be for `holder`, and who must have signed it:
/// thousands of points are decoded for no unknown grant.
///
/// # Errors
/// Outer: the state is at fault. Inner: the rule that refuses.
pub fn check_offer<V: View>(
    state: &V,
    now: TimeMs,
    (grant, holder): (GrantId, MemberId),
) -> Result<Result<VerifyingKey, Refusal>, StateError> {
    let (slot, _) = Declaration::collect(|declare| offered(grant, declare));
    let decide = || {
        let entry = slot.need(&Overlay::new(state), Refusal::GrantUnknown)?;
        may_keep(&entry, holder, now)?;
        Ok(entry.grant.controller)
    };
    verdict(decide())
}

/// A deposit that is offered.
struct Offered<'a> {
    deposit: &'a Deposit,
    grant: Slot<GrantEntry>,
    reader: Slot<CertificateEntry>,
}

impl<'a> Offered<'a> {
    fn of(deposit: &'a Deposit, declare: &mut Declaration) -> Self {
        Self {
            deposit,
            grant: declare.slot(GRANT, deposit.grant.as_bytes()),
            reader: declare.slot(CERTIFICATE, deposit.terms.reader.as_bytes()),
        }
    }

    fn decide(&self, state: &Overlay<'_>, chain: ChainId, now: TimeMs) -> Result<(), Stop> {
        let deposit = self.deposit;
        let entry = self.grant.need(state, Refusal::GrantUnknown)?;
        let index = may_keep(&entry, deposit.holder, now)?;
        let grant = &entry.grant;
        let signed = deposit.verify(chain, &grant.controller);
        require(signed.is_ok(), Refusal::BadSignature)?;
        let committed = deposit.terms.commitment() == grant.terms;
        require(committed, Refusal::TermsMismatch)?;
        let reader = self.reader.need(state, Refusal::CertificateUnknown)?;
        let (scopes, shares) = (&deposit.terms.scopes, &deposit.shares);
        require(scopes.len() == shares.len(), Refusal::WrongRekey)?;
        let delegatee = &reader.certificate.delegatee;
        let threshold = usize::from(grant.threshold);
        let all_right = scopes.iter().zip(shares.iter()).all(|(scope, share)| {
            let commitment = &scope.commitment.0;
            commitment.threshold() == threshold
                && share
                    .verify_share(index, commitment, &scope.key, delegatee)
                    .is_ok()
        });
        require(all_right, Refusal::WrongRekey)?;
        let secrets = secrets_are_right(deposit, grant, chain);
        Ok(require(secrets, Refusal::WrongSecrets)?)
    }
}

/// Whether there is a signed share of each scope's secret when the grant is for emergencies, and
/// none when it is not: then the reader has a letter, and the holder has no business with secrets.
fn secrets_are_right(deposit: &Deposit, grant: &Grant, chain: ChainId) -> bool {
    let (scopes, secrets) = (&deposit.terms.scopes, &deposit.secrets);
    let wanted = if grant.emergency { scopes.len() } else { 0 };
    let signed = |(scope, secret): (&GrantedScope, &SignedSecret)| {
        let of = SecretOf {
            chain,
            grant: deposit.grant,
            holder: deposit.holder,
            scope: &scope.key,
        };
        secret.verify(&of, &grant.controller).is_ok()
    };
    secrets.len() == wanted && scopes.iter().zip(secrets.iter()).all(signed)
}

/// The keys that [`check_deposit`] reads.
#[must_use]
pub fn deposit_reads(deposit: &Deposit) -> Vec<StateKey> {
    Declaration::collect(|declare| Offered::of(deposit, declare)).1
}

/// Decides whether the deposit's holder shall keep it: every share is verified for its scope, the
/// holder's number and the reader's key.
///
/// # Errors
/// Outer: the state is at fault. Inner: the first rule that refuses.
pub fn check_deposit<V: View>(
    state: &V,
    chain: ChainId,
    now: TimeMs,
    deposit: &Deposit,
) -> Result<Result<(), Refusal>, StateError> {
    let (offered, _) = Declaration::collect(|declare| Offered::of(deposit, declare));
    verdict(offered.decide(&Overlay::new(state), chain, now))
}

/// A patient's question how a grant was used.
struct UsesAsked<'a> {
    request: &'a UsesRequest,
    grant: Slot<GrantEntry>,
}

impl<'a> UsesAsked<'a> {
    fn of(request: &'a UsesRequest, declare: &mut Declaration) -> Self {
        Self {
            request,
            grant: declare.slot(GRANT, request.grant.as_bytes()),
        }
    }

    fn decide(&self, state: &Overlay<'_>, chain: ChainId, now: TimeMs) -> Result<(), Stop> {
        let entry = self.grant.need(state, Refusal::GrantUnknown)?;
        let signed = self.request.verify(chain, &entry.grant.controller);
        require(signed.is_ok(), Refusal::BadSignature)?;
        let late = self.request.asked_at.distance_ms(now) > CLOCK_SKEW_MS;
        Ok(require(!late, Refusal::StaleRequest)?)
    }
}

/// The keys that [`check_uses`] reads.
#[must_use]
pub fn uses_reads(request: &UsesRequest) -> Vec<StateKey> {
    Declaration::collect(|declare| UsesAsked::of(request, declare)).1
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
) -> Result<Result<(), Refusal>, StateError> {
    let (asked, _) = Declaration::collect(|declare| UsesAsked::of(request, declare));
    verdict(asked.decide(&Overlay::new(state), chain, now))
}

fn reader_may_ask(
    reader: &CertifiedPerson,
    chain: ChainId,
    signed: &SignedAsk,
    now: TimeMs,
) -> Result<(), Refusal> {
    let verified = signed.verify(chain, &reader.certificate().signing);
    require(verified.is_ok(), Refusal::BadSignature)?;
    let late = signed.ask.asked_at.distance_ms(now) > CLOCK_SKEW_MS;
    require(!late, Refusal::StaleRequest)?;
    let role = reader.certificate().role;
    require(role.reads_records(), Refusal::RoleNotAllowed)?;
    reader.standing(now)
}
