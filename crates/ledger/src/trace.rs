//! The trace contract: push only. What happened to a pack is added to, never changed; the first dispensing, destruction or recall closes its trace.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | append | the key of a pass of the consortium's CA | pass, window or proof do not hold; the role may not; a pack is unknown, begun before, or its trace has grown since; the prescription was used |
//!
//! An append to a closed trace is refused too, and *leaves an alarm* in it: whoever made it knows the code of a pack that is gone. That is how a copied code
//! shows. The proof keeps strangers from making alarms.

use std::collections::BTreeSet;

use yilian_crypto::sign::VerifyingKey;
use yilian_proof::{Context, ParameterSet};
use yilian_protocol::{
    ChainId, StateKey, TreeHash,
    limits::TRACE_LATE_MAX,
    refusal::Refusal,
    registry::{Admitted, Genesis},
    trace::{
        TraceAction, TraceAppend, TraceHead, TraceItem, TracePush, TraceShared, TraceState,
        TraceTerms,
    },
};

use crate::{
    execute::{Verdict, require},
    state::{
        Overlay, StateError, View,
        tables::{PRESCRIPTION, TRACE, TRACE_ITEM, TRACE_SHARED, trace_item_name},
    },
};

/// What can be said of an append without looking at the state: the dear part, so it is done once at the border and once in the block.
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
    if *signer != pass.key {
        return Err(Refusal::WrongSigner);
    }
    pass.verify(chain, &genesis.ca)?;
    if !action.is_open_to(pass.role) {
        return Err(Refusal::RoleNotAllowed);
    }
    if prescription.is_some() && !action.uses_prescription() {
        return Err(Refusal::Malformed);
    }
    let distinct: BTreeSet<_> = pushes.iter().map(|push| push.trace).collect();
    if pushes.is_empty() || distinct.len() != pushes.len() {
        return Err(Refusal::TracePacks);
    }
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

pub(crate) fn append_reads(append: &TraceAppend) -> Vec<StateKey> {
    let heads = append.terms.pushes.iter();
    let heads = heads.map(|push| TRACE.key(push.trace.as_bytes()));
    let tag = append.terms.prescription.iter();
    heads
        .chain(tag.map(|tag| PRESCRIPTION.key(tag.as_bytes())))
        .collect()
}

/// Executes an append that [`check`] let pass.
pub(crate) fn append<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    append: &TraceAppend,
) -> Verdict {
    let terms = &append.terms;
    if let Err(refusal) = terms.pass.check_time(admitted.time) {
        return Ok(Err(refusal));
    }
    require!(terms.window.holds(admitted.height), OutsideWindow);
    let heads = heads(state, &terms.pushes)?;
    let after = |head: &TraceHead| head.state.after(terms.action);
    let late: Vec<_> = heads
        .iter()
        .filter_map(|(push, head)| {
            head.filter(|head| after(head).is_none())
                .map(|head| (*push, head))
        })
        .collect();
    if !late.is_empty() {
        raise(state, admitted, terms, &late);
        return Ok(Err(Refusal::TraceClosed));
    }
    if let Err(refusal) = fits(terms, &heads) {
        return Ok(Err(refusal));
    }
    if let Some(tag) = &terms.prescription {
        let used = state.read(PRESCRIPTION, tag.as_bytes())?;
        require!(used.is_none(), PrescriptionUsed);
        state.write(PRESCRIPTION, tag.as_bytes(), &admitted.height);
    }
    let shared = keep_shared(state, admitted, terms);
    for (push, head) in heads {
        let head = head.unwrap_or(NEW);
        let next = head.state.after(terms.action).unwrap_or(head.state);
        keep_item(state, push, head, shared, Some(next));
    }
    Ok(Ok(()))
}

/// A trace before its first item.
const NEW: TraceHead = TraceHead {
    length: 0,
    late: 0,
    state: TraceState::Open,
    link: TraceHead::EMPTY,
};

type Heads<'a> = Vec<(&'a TracePush, Option<TraceHead>)>;

fn heads<'a, V: View>(
    state: &Overlay<'_, V>,
    pushes: &'a [TracePush],
) -> Result<Heads<'a>, StateError> {
    let heads = pushes.iter();
    heads
        .map(|push| Ok((push, state.read(TRACE, push.trace.as_bytes())?)))
        .collect()
}

/// Only a commissioning begins a trace, and only at length 0.
fn fits(terms: &TraceTerms, heads: &Heads<'_>) -> Result<(), Refusal> {
    for (push, head) in heads {
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
fn raise<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    terms: &TraceTerms,
    late: &[(&TracePush, TraceHead)],
) {
    let kept = late.iter().filter(|(_, head)| head.late < TRACE_LATE_MAX);
    let mut shared = None;
    for (push, head) in kept {
        let shared = *shared.get_or_insert_with(|| keep_shared(state, admitted, terms));
        keep_item(state, push, *head, shared, None);
    }
}

fn keep_shared<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    terms: &TraceTerms,
) -> TreeHash {
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
fn keep_item<V: View>(
    state: &mut Overlay<'_, V>,
    push: &TracePush,
    head: TraceHead,
    shared: TreeHash,
    next: Option<TraceState>,
) {
    let item = TraceItem {
        shared,
        key: push.key,
        late: next.is_none(),
    };
    let name = trace_item_name(&push.trace, head.length);
    state.write(TRACE_ITEM, &name, &item);
    let after = TraceHead {
        length: head.length.saturating_add(1),
        late: head.late + u32::from(item.late),
        state: next.unwrap_or(head.state),
        link: TraceHead::link(head.link, &item),
    };
    state.write(TRACE, push.trace.as_bytes(), &after);
}
