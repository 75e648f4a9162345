//! The consent contract: standing grants as data, and the one check before a key holder serves.
//!
//! - `create-grant`, signed by the grant's controller: refused when the grant exists, a key holder
//!   is no member, or its time is over.
//! - `set-grant`, signed by the grant's controller: refused when the grant is unknown, revoked
//!   already, or the change is not the next one.
//! - `open`, signed by the second of two clinicians: refused when the grant is not in force or not
//!   for emergencies, or the two are not two doctors in good standing.
//! - `erase`, signed by a key holder's node: refused when the grant is not revoked, the signer is
//!   not a holder's node, or said so before.
//!
//! [`check`] is the only way to a [`ConsentChecked`], and a key holder serves nothing without one.

mod check;

use yilian_protocol::{
    TimeMs,
    grant::{Erasure, Grant, GrantChange, GrantEntry, GrantState, Opening, OpeningEntry},
    limits::OPENING_MS,
    refusal::Refusal,
    registry::{Admitted, CertificateEntry, MemberEntry, Role},
    state::tables::{CERTIFICATE, ERASURE, GRANT, MEMBER, OPENED, OPENINGS, erasure_name},
};

pub use self::check::{
    ConsentChecked, check, check_deposit, check_reads, check_uses, deposit_reads, uses_reads,
};
use crate::{
    rule::{Context, Declaration, Overlay, Rule, Slot, Slots, Tail},
    verdict::{Stop, require},
};

#[derive(Debug)]
pub(crate) struct CreateReads {
    grant: Slot<GrantEntry>,
    holders: Slots<MemberEntry>,
}

impl Rule for Grant {
    type Reads = CreateReads;

    fn reads(&self, declare: &mut Declaration) -> CreateReads {
        let holders = self.holders.iter().map(|holder| holder.as_bytes());
        CreateReads {
            grant: declare.slot(GRANT, self.id().as_bytes()),
            holders: declare.slots(MEMBER, holders),
        }
    }

    fn apply(
        &self,
        reads: &CreateReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let admitted = context.admitted;
        context.signed_by(&self.controller)?;
        require(reads.grant.get(state)?.is_none(), Refusal::GrantExists)?;
        require(self.until > admitted.time, Refusal::GrantExpired)?;
        require(self.holders_are_sound(), Refusal::BadHolders)?;
        for holder in reads.holders.iter() {
            require(holder.get(state)?.is_some(), Refusal::MemberUnknown)?;
        }
        let entry = GrantEntry {
            grant: self.clone(),
            state: GrantState::Active,
            admitted,
            changed: admitted,
            changes: 0,
        };
        reads.grant.set(state, &entry);
        Ok(())
    }
}

impl Rule for GrantChange {
    type Reads = Slot<GrantEntry>;

    fn reads(&self, declare: &mut Declaration) -> Slot<GrantEntry> {
        declare.slot(GRANT, self.grant.as_bytes())
    }

    fn apply(
        &self,
        grant: &Slot<GrantEntry>,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let mut entry = grant.need(state, Refusal::GrantUnknown)?;
        context.signed_by(&entry.grant.controller)?;
        require(entry.state != GrantState::Revoked, Refusal::GrantRevoked)?;
        let next = entry.changes.saturating_add(1);
        require(self.sequence == next, Refusal::StaleChange)?;
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
    first: Slot<CertificateEntry>,
    second: Slot<CertificateEntry>,
    openings: Tail<OpeningEntry>,
}

impl Rule for Opening {
    type Reads = OpenReads;

    fn reads(&self, declare: &mut Declaration) -> OpenReads {
        OpenReads {
            grant: declare.slot(GRANT, self.grant.as_bytes()),
            first: declare.slot(CERTIFICATE, self.first.as_bytes()),
            second: declare.slot(CERTIFICATE, self.second.as_bytes()),
            openings: declare.tail(&OPENINGS, self.grant.as_bytes()),
        }
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
        let first = reads.first.need(state, Refusal::CertificateUnknown)?;
        let second = reads.second.need(state, Refusal::CertificateUnknown)?;
        for clinician in [&first, &second] {
            require(
                clinician.certificate.role == Role::Doctor,
                Refusal::RoleNotAllowed,
            )?;
            clinician.standing(admitted.time)?;
        }
        let (one, other) = (&first.certificate, &second.certificate);
        require(one.signing != other.signing, Refusal::TwoClinicians)?;
        context.signed_by(&other.signing)?;
        let signed = self.verify(context.chain, &one.signing);
        require(signed.is_ok(), Refusal::BadSignature)?;
        let late = self.at.distance_ms(admitted.time) > OPENING_MS;
        require(!late, Refusal::StaleRequest)?;
        let entry = OpeningEntry {
            opening: self.clone(),
            admitted,
        };
        reads.openings.push(state, &entry)?;
        state.write(OPENED, self.grant.as_bytes(), &admitted);
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

    fn apply(
        &self,
        reads: &EraseReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let entry = reads.grant.need(state, Refusal::GrantUnknown)?;
        let index = entry.grant.holder_index(self.holder);
        require(index.is_some(), Refusal::NotKeyHolder)?;
        let holder = reads.holder.need(state, Refusal::MemberUnknown)?;
        context.signed_by(&holder.member.node)?;
        require(entry.state == GrantState::Revoked, Refusal::GrantNotRevoked)?;
        require(reads.erasure.get(state)?.is_none(), Refusal::AlreadyErased)?;
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
