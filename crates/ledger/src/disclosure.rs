//! Opening identities: what is said on the chain before any regulator gives a part.
//!
//! - `disclose`, signed by the regulator who asks: refused when nothing was sealed under the
//!   pseudonym, the request stands on the chain already or is a month old, one of those who ask and
//!   approve is no regulator in good standing or did not sign, two of them are one person, or they
//!   are fewer than it takes.

use yilian_protocol::{
    DisclosureId,
    disclosure::{Disclosure, DisclosureEntry},
    evidence::VisitEntry,
    grant::Clinician,
    refusal::Refusal,
    registry::Role,
    standing::CertifiedPerson,
    state::tables::{DISCLOSURE, DISCLOSURES, VISIT},
};

use crate::{
    registry::Certified,
    rule::{Context, Declaration, Overlay, Rule, Slot, Tail},
    verdict::{Stop, require},
};

#[derive(Debug)]
pub(crate) struct DisclosureReads {
    asks: Certified,
    approve: Vec<Certified>,
    visit: Slot<VisitEntry>,
    disclosure: Slot<DisclosureEntry>,
    all: Tail<DisclosureId>,
}

impl Rule for Disclosure {
    type Reads = DisclosureReads;

    fn reads(&self, declare: &mut Declaration) -> DisclosureReads {
        let request = &self.request;
        let of = |certificate, member| Clinician {
            certificate,
            member,
        };
        let asks = Certified::of(of(request.by, request.member), declare);
        declare.authorising_ends();
        let nym = request.nym.to_bytes();
        let id = request.id();
        DisclosureReads {
            asks,
            approve: self
                .approvals
                .iter()
                .map(|approval| Certified::of(of(approval.regulator, approval.member), declare))
                .collect(),
            visit: declare.slot(VISIT, &nym),
            disclosure: declare.slot(DISCLOSURE, id.as_bytes()),
            all: declare.tail(&DISCLOSURES, &nym),
        }
    }

    fn authorise(
        &self,
        reads: &DisclosureReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let asks = reads.asks.person(state)?;
        context.signed_by(&asks.certificate().signing)?;
        is_regulator(&asks)?;
        Ok(asks.standing(context.admitted.time)?)
    }

    fn apply(
        &self,
        reads: &DisclosureReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let (request, now) = (&self.request, context.admitted.time);
        request.is_fresh(now)?;
        require(reads.disclosure.is_free(state)?, Refusal::DisclosureExists)?;
        require(!reads.visit.is_free(state)?, Refusal::VisitUnknown)?;
        let needed = context.genesis.regulators.threshold();
        let enough = 1 + self.approvals.len() >= needed;
        require(enough, Refusal::TooFewRegulators)?;
        let mut regulators: Vec<CertifiedPerson> = vec![reads.asks.person(state)?];
        for certified in &reads.approve {
            let person = certified.person(state)?;
            is_regulator(&person)?;
            person.standing(now)?;
            let another = regulators.iter().all(|other| !other.is_one_with(&person));
            require(another, Refusal::TooFewRegulators)?;
            regulators.push(person);
        }
        // Signatures last: they are what costs.
        let approve = regulators.iter().skip(1);
        for (approval, person) in self.approvals.iter().zip(approve) {
            let signed = approval.verify(context.chain, request, &person.certificate().signing);
            require(signed.is_ok(), Refusal::BadSignature)?;
        }
        let entry = DisclosureEntry {
            disclosure: self.clone(),
            admitted: context.admitted,
        };
        reads.disclosure.set(state, &entry);
        reads.all.push(state, &request.id())?;
        Ok(())
    }
}

fn is_regulator(person: &CertifiedPerson) -> Result<(), Refusal> {
    let role = person.certificate().role;
    require(role == Role::Regulator, Refusal::RoleNotAllowed)
}
