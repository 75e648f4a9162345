//! The anchors of hospitals' private chains.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | anchor | the hospital's node | the chain has not grown, or is not the one anchored before |

use yilian_protocol::{
    private_chain::{Anchor, AnchorEntry},
    refusal::Refusal,
    registry::MemberEntry,
    state::tables::{ANCHOR, ANCHORS, MEMBER},
};

use crate::{
    rule::{Context, Declaration, Overlay, Rule, Slot, Tail},
    verdict::{Stop, require},
};

#[derive(Debug)]
pub(crate) struct AnchorReads {
    hospital: Slot<MemberEntry>,
    latest: Slot<AnchorEntry>,
    all: Tail<AnchorEntry>,
}

impl Rule for Anchor {
    type Reads = AnchorReads;

    fn reads(&self, declare: &mut Declaration) -> AnchorReads {
        let hospital = self.header.hospital;
        AnchorReads {
            hospital: declare.slot(MEMBER, hospital.as_bytes()),
            latest: declare.slot(ANCHOR, hospital.as_bytes()),
            all: declare.tail(&ANCHORS, hospital.as_bytes()),
        }
    }

    fn authorise(
        &self,
        reads: &AnchorReads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        let hospital = reads.hospital.need(state, Refusal::MemberUnknown)?;
        Ok(context.signed_by_node(&hospital)?)
    }

    fn apply(
        &self,
        reads: &AnchorReads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let header = &self.header;
        let (new, before) = (header.size(), reads.latest.get(state)?);
        let old = before.map(|entry| entry.header);
        if let Some(old) = &old {
            let grown = header.height > old.height && new > old.size();
            require(grown, Refusal::AnchorStale)?;
        }
        let (old, old_root) = old.map_or((0, header.tree), |old| (old.size(), old.tree));
        let extends = self
            .consistency
            .verify((old, &old_root), (new, &header.tree))
            .is_ok();
        require(extends && header.count > 0, Refusal::AnchorInconsistent)?;
        let entry = AnchorEntry {
            header: header.clone(),
            admitted: context.admitted,
        };
        reads.latest.set(state, &entry);
        reads.all.push(state, &entry)?;
        Ok(())
    }
}
