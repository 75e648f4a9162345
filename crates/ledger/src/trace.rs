//! The trace contract: push only. What happened to a pack is added to, never changed; the first
//! dispensing, destruction or recall closes its trace.
//!
//! - `append`, signed by the key of a pass of the consortium's CA: refused when pass, window or
//!   proof do not hold; the role may not; a pack is unknown, begun before, or its trace has grown
//!   since; or the prescription was used. One whose pass ran out, or whose window is over, enters
//!   no block.
//!
//! An append to a closed trace is refused too, and *leaves an alarm* in it when it names the
//! trace's length: whoever made it knows the code of a pack that is gone, and saw that it is gone.
//! That is how a copied code shows. One that names another length was made before: it is stale, and
//! no alarm, since whoever lost the answer to his own append may send another. The proof keeps
//! strangers from making alarms.

use std::collections::BTreeSet;

use yilian_crypto::sign::VerifyingKey;
use yilian_proof::{Context, ParameterSet};
use yilian_protocol::{
    ChainId, Height, TreeHash,
    limits::TRACE_LATE_MAX,
    refusal::Refusal,
    registry::{Admitted, Genesis},
    state::tables::{PRESCRIPTION, TRACE, TRACE_ITEM, TRACE_SHARED, trace_item_name},
    trace::{
        TraceAction, TraceAppend, TraceHead, TraceItem, TracePush, TraceShared, TraceState,
        TraceTerms,
    },
};

use crate::{
    rule::{self, Declaration, Overlay, Rule, Slot, Slots},
    state::StateError,
    verdict::{Stop, require},
};

/// What can be said of an append without looking at the state: the dear part, so it is done once at
/// the border and once in the block.
///
/// # Errors
/// The rule it breaks.
pub(crate) fn check(
    genesis: &Genesis,
    chain: ChainId,
    signer: &VerifyingKey,
    append: &TraceAppend,
) -> Result<(), Refusal> {
    let TraceTerms {
        pass,
        action,
        pushes,
        prescription,
        ..
    } = &append.terms;
    require(*signer == pass.key, Refusal::WrongSigner)?;
    pass.verify(chain, &genesis.ca)?;
    require(action.is_open_to(pass.role), Refusal::RoleNotAllowed)?;
    let useless = prescription.is_some() && !action.uses_prescription();
    require(!useless, Refusal::Malformed)?;
    let distinct: BTreeSet<_> = pushes.iter().map(|push| push.trace).collect();
    let once = !pushes.is_empty() && distinct.len() == pushes.len();
    require(once, Refusal::TracePacks)?;
    let ids = pushes
        .iter()
        .map(|push| yilian_proof::TraceId::from_bytes(push.trace.as_bytes()));
    let ids: Vec<_> = ids
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::Malformed)?;
    let context = Context::new(append.terms.context(chain));
    yilian_proof::verify(
        ParameterSet::ON_CHAIN,
        &ids,
        &context,
        append.proof.as_slice(),
    )
    .map_err(|_| Refusal::ProofInvalid)
}

#[derive(Debug)]
pub(crate) struct AppendReads {
    /// In the order of the pushes.
    heads: Slots<TraceHead>,
    prescription: Option<Slot<Height>>,
}

/// An append that [`check`] let pass.
impl Rule for TraceAppend {
    type Reads = AppendReads;

    fn reads(&self, declare: &mut Declaration) -> AppendReads {
        let traces = self.terms.pushes.iter().map(|push| push.trace.as_bytes());
        let tag = self.terms.prescription.as_ref();
        declare.authorising_ends();
        AppendReads {
            heads: declare.slots(TRACE, traces),
            prescription: tag.map(|tag| declare.slot(PRESCRIPTION, tag.as_bytes())),
        }
    }

    fn authorise(
        &self,
        _reads: &AppendReads,
        context: &rule::Context<'_>,
        _state: &Overlay<'_>,
    ) -> Result<(), Stop> {
        // `check` verified the pass already, and that its key signed. Who held one once fills no
        // blocks with it; nor does what came too late. A window that is not open yet may be by
        // then: the node may be behind.
        let (terms, admitted) = (&self.terms, context.admitted);
        terms.pass.check_time(admitted.time)?;
        let over = terms.window.until < admitted.height;
        Ok(require(!over, Refusal::OutsideWindow)?)
    }

    fn apply(
        &self,
        reads: &AppendReads,
        context: &rule::Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop> {
        let (terms, admitted) = (&self.terms, context.admitted);
        require(terms.window.holds(admitted.height), Refusal::OutsideWindow)?;
        let places = heads(state, reads, terms)?;
        fits(terms, &places)?;
        let after = |head: &TraceHead| head.state.after(terms.action);
        let late: Vec<_> = places
            .iter()
            .filter_map(|(place, head)| {
                head.filter(|head| after(head).is_none())
                    .map(|head| (*place, head))
            })
            .collect();
        if !late.is_empty() {
            raise(state, admitted, terms, &late);
            return Err(Refusal::TraceClosed.into());
        }
        if let Some(prescription) = &reads.prescription {
            let used = prescription.get(state)?;
            require(used.is_none(), Refusal::PrescriptionUsed)?;
            prescription.set(state, &admitted.height);
        }
        let shared = keep_shared(state, admitted, terms);
        for (place, head) in places {
            let head = head.unwrap_or(NEW);
            let next = head.state.after(terms.action).unwrap_or(head.state);
            keep_item(state, place, head, shared, Some(next));
        }
        Ok(())
    }
}

/// A trace before its first item.
const NEW: TraceHead = TraceHead {
    length: 0,
    late: 0,
    state: TraceState::Open,
    link: TraceHead::EMPTY,
};

/// A pack's part of an append, and where its trace's head stands.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    push: &'a TracePush,
    head: Slot<TraceHead>,
}

type Heads<'a> = Vec<(Place<'a>, Option<TraceHead>)>;

fn heads<'a>(
    state: &Overlay<'_>,
    reads: &AppendReads,
    terms: &'a TraceTerms,
) -> Result<Heads<'a>, StateError> {
    let places = terms.pushes.iter().zip(reads.heads.iter());
    places
        .map(|(push, head)| Ok((Place { push, head }, head.get(state)?)))
        .collect()
}

/// Only a commissioning begins a trace, and only at length 0.
fn fits(terms: &TraceTerms, heads: &Heads<'_>) -> Result<(), Refusal> {
    for (Place { push, .. }, head) in heads {
        match (head, terms.action) {
            (None, TraceAction::Commission) if push.length == 0 => {}
            (None, TraceAction::Commission) => return Err(Refusal::StaleTrace),
            (None, _) => return Err(Refusal::TraceUnknown),
            (Some(_), TraceAction::Commission) => return Err(Refusal::TraceExists),
            (Some(head), _) if push.length == head.length => {}
            (Some(_), _) => return Err(Refusal::StaleTrace),
        }
    }
    Ok(())
}

/// Leaves an alarm in each trace that was closed, as many as a trace keeps.
fn raise(
    state: &mut Overlay<'_>,
    admitted: Admitted,
    terms: &TraceTerms,
    late: &[(Place<'_>, TraceHead)],
) {
    let kept = late.iter().filter(|(_, head)| head.late < TRACE_LATE_MAX);
    let mut shared = None;
    for (place, head) in kept {
        let shared = *shared.get_or_insert_with(|| keep_shared(state, admitted, terms));
        keep_item(state, *place, *head, shared, None);
    }
}

fn keep_shared(state: &mut Overlay<'_>, admitted: Admitted, terms: &TraceTerms) -> TreeHash {
    let shared = TraceShared {
        pass: terms.pass.clone(),
        action: terms.action,
        event: terms.event.clone(),
        admitted,
    };
    let id = shared.id();
    state.write(TRACE_SHARED, id.as_bytes(), &shared);
    id
}

/// Adds an item; `next` is the state afterwards, `None` for an alarm, which changes none.
fn keep_item(
    state: &mut Overlay<'_>,
    place: Place<'_>,
    head: TraceHead,
    shared: TreeHash,
    next: Option<TraceState>,
) {
    let item = TraceItem {
        shared,
        key: place.push.key,
        late: next.is_none(),
    };
    let name = trace_item_name(&place.push.trace, head.length);
    state.write(TRACE_ITEM, &name, &item);
    let after = TraceHead {
        length: head.length.saturating_add(1),
        late: head.late + u32::from(item.late),
        state: next.unwrap_or(head.state),
        link: TraceHead::link(head.link, &item),
    };
    place.head.set(state, &after);
}
