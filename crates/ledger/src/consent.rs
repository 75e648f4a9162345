//! The consent contract: standing grants as data, and the one check before a key holder serves.
//!
//! - `create-grant`, signed by the grant's controller: refused when the grant exists, a key holder
//!   is no member, its time is over or too long, or none of its key holders vouches for it.
//! - `set-grant`, signed by the grant's controller: refused when the grant is unknown, revoked
//!   already, or the change is not the next one, or one too many. A revocation never is: it needs
//!   no member's leave, and the grant was vouched for.
//! - `open`, signed by the second of two clinicians: refused when the grant is not in force or not
//!   for emergencies, the two are not two doctors in good standing, or the first did not sign later
//!   than the last time. The grant is open for a day from when the *first* signed.
//! - `erase`, signed by a key holder's node: refused when the grant is not revoked, the signer is
//!   not a holder's node, or said so before.
//!
//! [`check`] is the only way to a [`ConsentChecked`], and a key holder serves nothing without one.

mod check;

use yilian_protocol::{
    TimeMs,
    grant::{Erasure, Grant, GrantChange, GrantEntry, GrantState, Opened, Opening, OpeningEntry},
    limits::{DAY_MS, GRANT_CHANGES_MAX, GRANT_DAYS_MAX},
    refusal::Refusal,
    registry::{Admitted, MemberEntry, Role},
    state::tables::{ERASURE, GRANT, MEMBER, OPENED, OPENINGS, VOUCHED, erasure_name},
    voucher::{NewGrant, Vouched},
};

pub use self::check::{
    ConsentChecked, check, check_asker, check_deposit, check_offer, check_reads, check_uses,
    check_vouch, deposit_reads, offer_reads, uses_reads, vouch_reads,
};
use crate::{
    registry::Certified,
    rule::{Context, Declaration, Overlay, Rule, Slot, Slots, Tail},
    verdict::{Stop, require},
};

#[derive(Debug)]
pub(crate) struct CreateReads {
    grant: Slot<GrantEntry>,
    holders: Slots<MemberEntry>,
    voucher: Slot<MemberEntry>,
    vouched: Slot<Vouched>,
}

impl Rule for NewGrant {
    type Reads = CreateReads;

    fn reads(&self, declare: &mut Declaration) -> CreateReads {
        let holders = self.grant.holders.iter().map(|holder| holder.as_bytes());
        let member = self.voucher.member;
        CreateReads {
            grant: declare.slot(GRANT, self.grant.id().as_bytes()),
            holders: declare.slots(MEMBER, holders),
            voucher: declare.slot(MEMBER, member.as_bytes()),
            vouched: declare.slot(VOUCHED, member.as_bytes()),
        }
    }

    fn authorise(
        &self,
        reads: &CreateReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let Self { grant, voucher } = self;
        context.signed_by(&grant.controller)?;
        is_sound(grant, context.admitted.time)?;
        require(reads.grant.is_free(state)?, Refusal::GrantExists)?;
        reads.count(context, state)?;
        for holder in reads.holders.iter() {
            require(!holder.is_free(state)?, Refusal::MemberUnknown)?;
        }
        let member = reads.voucher.need(state, Refusal::NotVouched)?;
        member.may_act()?;
        Ok(voucher.verify(context.chain, &member.member.node, grant, context.epoch())?)
    }

    fn apply(
        &self,
        reads: &CreateReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let admitted = context.admitted;
        let vouched = reads.count(context, state)?;
        let entry = GrantEntry {
            grant: self.grant.clone(),
            state: GrantState::Active,
            admitted,
            changed: admitted,
            changes: 0,
        };
        reads.grant.set(state, &entry);
        reads.vouched.set(state, &vouched);
        Ok(())
    }
}

/// What can be said of a new grant without looking at the state.
fn is_sound(grant: &Grant, now: TimeMs) -> Result<(), Refusal> {
    require(grant.until > now, Refusal::GrantExpired)?;
    let latest = now.plus_ms(GRANT_DAYS_MAX * DAY_MS);
    require(grant.until <= latest, Refusal::GrantTooLong)?;
    require(grant.holders_are_sound(), Refusal::BadHolders)
}

impl CreateReads {
    /// The member's count with this grant in it.
    fn count(&self, context: &Context<'_>, state: &Overlay<'_>) -> Result<Vouched, Stop> {
        let before = self.vouched.get(state)?.unwrap_or_default();
        Ok(before.with_one_more(context.epoch())?)
    }
}

impl Rule for GrantChange {
    type Reads = Slot<GrantEntry>;

    fn reads(&self, declare: &mut Declaration) -> Slot<GrantEntry> {
        declare.slot(GRANT, self.grant.as_bytes())
    }

    fn authorise(
        &self,
        grant: &Slot<GrantEntry>,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let entry = grant.need(state, Refusal::GrantUnknown)?;
        context.signed_by(&entry.grant.controller)?;
        require(entry.state != GrantState::Revoked, Refusal::GrantRevoked)?;
        let next = entry.changes.saturating_add(1);
        require(self.sequence == next, Refusal::StaleChange)?;
        // A grant can be revoked at any time, and as the last of its changes.
        if self.state != GrantState::Revoked {
            let over = context.admitted.time >= entry.grant.until;
            require(!over, Refusal::GrantExpired)?;
            require(next < GRANT_CHANGES_MAX, Refusal::TooManyChanges)?;
        }
        Ok(())
    }

    fn apply(
        &self,
        grant: &Slot<GrantEntry>,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let mut entry = grant.need(state, Refusal::GrantUnknown)?;
        entry.state = self.state;
        entry.changed = context.admitted;
        entry.changes = self.sequence;
        grant.set(state, &entry);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct OpenReads {
    grant: Slot<GrantEntry>,
    first: Certified,
    second: Certified,
    openings: Tail<OpeningEntry>,
    opened: Slot<Opened>,
}

impl Rule for Opening {
    type Reads = OpenReads;

    fn reads(&self, declare: &mut Declaration) -> OpenReads {
        OpenReads {
            grant: declare.slot(GRANT, self.grant.as_bytes()),
            first: Certified::of(self.first, declare),
            second: Certified::of(self.second, declare),
            openings: declare.tail(&OPENINGS, self.grant.as_bytes()),
            opened: declare.slot(OPENED, self.grant.as_bytes()),
        }
    }

    fn authorise(
        &self,
        reads: &OpenReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let second = reads.second.person(state)?;
        context.signed_by(&second.certificate().signing)?;
        Ok(second.standing(context.admitted.time)?)
    }

    fn apply(
        &self,
        reads: &OpenReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let admitted = context.admitted;
        let entry = reads.grant.need(state, Refusal::GrantUnknown)?;
        require(entry.grant.emergency, Refusal::NotForEmergencies)?;
        in_force(&entry, admitted.time)?;
        let first = reads.first.person(state)?;
        let second = reads.second.person(state)?;
        for clinician in [&first, &second] {
            let role = clinician.certificate().role;
            require(role == Role::Doctor, Refusal::RoleNotAllowed)?;
            clinician.standing(admitted.time)?;
        }
        require(!first.is_one_with(&second), Refusal::TwoClinicians)?;
        let signed = self.verify(context.chain, &first.certificate().signing);
        require(signed.is_ok(), Refusal::BadSignature)?;
        let opened = self.opens(admitted.time)?;
        let before = reads.opened.get(state)?;
        let later = before.is_none_or(|before| opened.at > before.at);
        require(later, Refusal::OpeningStale)?;
        let entry = OpeningEntry {
            opening: self.clone(),
            admitted,
        };
        reads.openings.push(state, &entry)?;
        reads.opened.set(state, &opened);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct EraseReads {
    grant: Slot<GrantEntry>,
    holder: Slot<MemberEntry>,
    erasure: Slot<Admitted>,
}

impl Rule for Erasure {
    type Reads = EraseReads;

    fn reads(&self, declare: &mut Declaration) -> EraseReads {
        EraseReads {
            grant: declare.slot(GRANT, self.grant.as_bytes()),
            holder: declare.slot(MEMBER, self.holder.as_bytes()),
            erasure: declare.slot(ERASURE, &erasure_name(&self.grant, &self.holder)),
        }
    }

    fn authorise(
        &self,
        reads: &EraseReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        // Whole, since a member that may not act any more can say this, too.
        let entry = reads.grant.need(state, Refusal::GrantUnknown)?;
        let index = entry.grant.holder_index(self.holder);
        require(index.is_some(), Refusal::NotKeyHolder)?;
        let holder = reads.holder.need(state, Refusal::MemberUnknown)?;
        context.signed_by(&holder.member.node)?;
        require(entry.state == GrantState::Revoked, Refusal::GrantNotRevoked)?;
        Ok(require(
            reads.erasure.is_free(state)?,
            Refusal::AlreadyErased,
        )?)
    }

    fn apply(
        &self,
        reads: &EraseReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        reads.erasure.set(state, &context.admitted);
        Ok(())
    }
}

fn in_force(entry: &GrantEntry, now: TimeMs) -> Result<(), Refusal> {
    match entry.state {
        GrantState::Paused => Err(Refusal::GrantPaused),
        GrantState::Revoked => Err(Refusal::GrantRevoked),
        GrantState::Active if now >= entry.grant.until => Err(Refusal::GrantExpired),
        GrantState::Active => Ok(()),
    }
}
