//! Reading a trail: every entry linked to the proven head, opened, and its author checked against
//! the registry at that time.
//!
//! Cartons are followed on the word of authors who check out, each entry once, and within limits:
//! whoever appends to a pack shall not have its readers read for ever. What is beyond the limits is
//! told.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use yilian_crypto::trace::ReadingKey;
use yilian_protocol::{
    CertificateId, MemberId, TimeMs, TraceId,
    call::Transport,
    codec::Decode as _,
    refusal::Refusal,
    registry::{Admitted, Role},
    trace::{AuthoredEvent, TraceAction, TraceEntry, TraceState, associated},
};
use yilian_record::{
    epcis::{Action, Correction, Event},
    gs1::Identity,
};

use super::{
    Pack,
    alarm::{self, Alarm},
    events,
};
use crate::{ClientError, Session};

/// How deep cartons may stand in cartons.
const DEPTH_MAX: usize = 6;
/// Stays in cartons that are followed at most, of a pack and of the cartons that it was in.
const STAYS_MAX: usize = 64;
/// Entries of cartons' traces that are read at most.
const ENTRIES_MAX: usize = 4_096;

/// What happened to a pack, in order, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trail {
    /// The pack's own name.
    pub identity: Identity,
    /// Its trace.
    pub trace: TraceId,
    /// Where the trace stands.
    pub state: TraceState,
    /// What happened.
    pub steps: Vec<Step>,
    /// What is wrong. Without an alarm the pack is what it says it is, as far as the chain knows.
    pub alarms: Vec<Alarm>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The block that holds it.
    pub admitted: Admitted,
    /// What it did to the trace.
    pub action: TraceAction,
    /// Whether the trace was closed to it.
    pub late: bool,
    /// Who says so, when he is certified and signed it.
    pub author: Option<Author>,
    /// The rule by which his word does not stand.
    pub unknown_author: Option<Refusal>,
    /// When he signed.
    pub signed_at: Option<TimeMs>,
    /// The event, when it could be read.
    #[serde(serialize_with = "as_json")]
    pub event: Option<Event>,
    /// The carton or pallet to which it happened, when not to the pack alone.
    pub container: Option<String>,
    /// Its trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_trace: Option<TraceId>,
}

/// Who says what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// The certificate, which tells the person from others of the name.
    pub certificate: CertificateId,
    /// The person's name.
    pub name: String,
    /// The organisation, which may have the name of another.
    pub member_id: MemberId,
    /// Its name.
    pub member: String,
    /// What the person may do.
    pub role: Role,
}

impl Step {
    /// The correction that it is, if it is one.
    #[must_use]
    pub fn correction(&self) -> Option<Correction> {
        self.event.as_ref()?.correction()
    }

    /// Its step of business.
    #[must_use]
    pub fn biz_step(&self) -> Option<&str> {
        self.event.as_ref()?.biz_step()
    }
}

fn as_json<S: serde::Serializer>(event: &Option<Event>, serializer: S) -> Result<S::Ok, S::Error> {
    event.as_ref().map(Event::as_value).serialize(serializer)
}

/// Reads the trail of a pack, with that of the cartons it was in as long as it was in them. `None`
/// when nobody ever made such a pack, as far as the chain knows.
///
/// # Errors
/// When the node does not answer, or keeps entries back.
pub async fn inspect<T: Transport>(
    session: &Session<T>,
    pack: &Pack,
    now: TimeMs,
) -> Result<Option<Trail>, ClientError> {
    let Some((head, entries)) = session.trace(pack.trace()).await? else {
        return Ok(None);
    };
    let mut steps = Vec::new();
    for entry in &entries {
        steps.push(open(session, pack.reading(), entry, None).await?);
    }
    let mut walk = Walk::default();
    let mut followed = steps.clone();
    for _ in 0..DEPTH_MAX {
        let mut found = Vec::new();
        for stay in walk.take(stays(&followed)) {
            found.extend(stay_steps(session, &mut walk, &stay).await?);
        }
        steps.extend(found.iter().cloned());
        followed = found;
    }
    walk.left_out += stays(&followed).len();
    steps.extend(std::mem::take(&mut walk.unread).into_values());
    steps.sort_by_key(|step| (step.admitted.height, step.container.is_none()));
    let mut alarms = alarm::find(pack.identity(), &steps, now);
    if walk.left_out > 0 {
        alarms.push(Alarm::NotFollowed {
            cartons: walk.left_out,
        });
    }
    Ok(Some(Trail {
        identity: pack.identity().clone(),
        trace: pack.trace(),
        state: head.state,
        alarms,
        steps,
    }))
}

/// What was read of cartons, so that nothing is read twice and not too much at all.
#[derive(Default)]
struct Walk {
    /// Stays that were followed.
    stays: usize,
    /// Entries that are known, by trace.
    entries: BTreeMap<TraceId, Vec<TraceEntry>>,
    /// Entries that are part of the trail: of which trace, and which.
    told: BTreeSet<(TraceId, usize)>,
    /// Entries that no stay has opened so far. The key is what a packing says, so another stay's
    /// may open them.
    unread: BTreeMap<(TraceId, usize), Step>,
    /// Stays that are not followed.
    left_out: usize,
}

impl Walk {
    /// As many of the stays as are followed.
    fn take(&mut self, mut stays: Vec<Stay>) -> Vec<Stay> {
        let room = STAYS_MAX.saturating_sub(self.stays);
        self.left_out += stays.len().saturating_sub(room);
        stays.truncate(room);
        self.stays += stays.len();
        stays
    }

    /// How many entries may still be read.
    fn room(&self) -> usize {
        let read: usize = self.entries.values().map(Vec::len).sum();
        ENTRIES_MAX.saturating_sub(read)
    }

    /// The entries of a carton; none when there are too many.
    async fn entries<T: Transport>(
        &mut self,
        session: &Session<T>,
        trace: TraceId,
    ) -> Result<Vec<TraceEntry>, ClientError> {
        if let Some(known) = self.entries.get(&trace) {
            return Ok(known.clone());
        }
        let length = session
            .trace_head(trace)
            .await?
            .map_or(0, |head| head.length);
        if length as usize > self.room() {
            self.left_out += 1;
            return Ok(Vec::new());
        }
        let entries = session.trace(trace).await?;
        let entries = entries.map_or(Vec::new(), |(_, entries)| entries);
        self.entries.insert(trace, entries.clone());
        Ok(entries)
    }
}

/// A time that something spent in a carton.
struct Stay {
    trace: TraceId,
    reading: ReadingKey,
    name: String,
    from: Admitted,
    until: Option<Admitted>,
}

/// From each packing to the next unpacking out of the same carton, or to what closed the trace.
/// Only authors who check out pack and unpack; what closes a trace, the ledger says.
fn stays(steps: &[Step]) -> Vec<Stay> {
    let said = |step: &Step| !step.late && step.author.is_some();
    let mut stays = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let Some(event) = step.event.as_ref().filter(|_| said(step)) else {
            continue;
        };
        let Some((trace, reading)) = events::parent(event) else {
            continue;
        };
        let name = event.parent().unwrap_or_default().to_owned();
        let ends = |later: &&Step| {
            let event = later.event.as_ref().filter(|_| said(later));
            let out = event.is_some_and(|event| {
                let parent = event.parent();
                let takes_out = event.action() == Some(Action::Delete);
                takes_out && parent.is_some_and(|parent| events::is_same(parent, &name))
            });
            let same = later.container_trace == step.container_trace;
            same && !later.late && (out || closes(later.action))
        };
        let until = steps.iter().skip(place + 1).find(ends);
        stays.push(Stay {
            trace,
            reading,
            from: step.admitted,
            until: until.map(|step| step.admitted),
            name,
        });
    }
    stays
}

/// A recall does not take a pack out of its carton.
const fn closes(action: TraceAction) -> bool {
    matches!(action, TraceAction::Dispense | TraceAction::Destroy)
}

/// What happened to a carton during a stay. Its own beginning is none of the pack's history.
async fn stay_steps<T: Transport>(
    session: &Session<T>,
    walk: &mut Walk,
    stay: &Stay,
) -> Result<Vec<Step>, ClientError> {
    let entries = walk.entries(session, stay.trace).await?;
    let during = |entry: &TraceEntry| {
        let height = entry.shared.admitted.height;
        let after = height >= stay.from.height;
        let before = stay.until.is_none_or(|until| height < until.height);
        after && before && entry.shared.action != TraceAction::Commission
    };
    let mut steps = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        // Two stays may overlap, and cartons stand in each other: each entry is told once.
        let of = (stay.trace, place);
        if !during(entry) || walk.told.contains(&of) {
            continue;
        }
        let step = open(session, &stay.reading, entry, Some(stay)).await?;
        if step.signed_at.is_some() {
            walk.unread.remove(&of);
            walk.told.insert(of);
            steps.push(step);
        } else {
            walk.unread.entry(of).or_insert(step);
        }
    }
    Ok(steps)
}

/// Opens an entry and checks its author. What is wrong with it is part of the answer, not an error:
/// a trail with a forged entry is still to be read.
async fn open<T: Transport>(
    session: &Session<T>,
    reading: &ReadingKey,
    entry: &TraceEntry,
    stay: Option<&Stay>,
) -> Result<Step, ClientError> {
    let TraceEntry { item, shared } = entry;
    let mut step = Step {
        admitted: shared.admitted,
        action: shared.action,
        late: item.late,
        author: None,
        unknown_author: None,
        signed_at: None,
        event: None,
        container: stay.map(|stay| stay.name.clone()),
        container_trace: stay.map(|stay| stay.trace),
    };
    let sealed_for = associated(session.chain(), &shared.pass.key, shared.action);
    let opened = reading.open(&item.key, &sealed_for, shared.event.as_slice());
    let authored = opened
        .ok()
        .and_then(|bytes| AuthoredEvent::from_slice(&bytes).ok());
    let Some(authored) = authored else {
        return Ok(step);
    };
    step.signed_at = Some(authored.signed_at());
    step.event = Event::parse(authored.event()).ok();
    let verdict = match session.person(authored.author()).await {
        Ok(author) => authored
            .verify(&author, session.chain(), shared)
            .map(|()| author),
        Err(error) => match error.refusal() {
            Some(refusal) => Err(refusal),
            None => return Err(error),
        },
    };
    match verdict {
        Err(refusal) => step.unknown_author = Some(refusal),
        Ok(author) => {
            let (certificate, member) = (author.certificate(), &author.member().member);
            step.author = Some(Author {
                certificate: certificate.id(),
                member_id: certificate.member,
                name: certificate.subject.as_str().to_owned(),
                member: member.name.as_str().to_owned(),
                role: certificate.role,
            });
        }
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use yilian_protocol::Height;

    use super::*;

    fn stay(number: u8) -> Stay {
        let from = Admitted {
            height: Height::new(1),
            time: TimeMs::new(1),
        };
        Stay {
            trace: TraceId::from_bytes([0; 32]),
            reading: ReadingKey::from_bytes([number; 32]),
            name: number.to_string(),
            from,
            until: None,
        }
    }

    #[test]
    fn fault_13_a_trail_goes_on_as_long_as_somebody_packs() {
        let mut walk = Walk::default();
        let many = |count: usize| (0..count).map(|_| stay(0)).collect::<Vec<_>>();
        assert_eq!(walk.take(many(STAYS_MAX - 1)).len(), STAYS_MAX - 1);
        assert_eq!(walk.left_out, 0);
        assert_eq!(walk.take(many(3)).len(), 1);
        assert_eq!(walk.left_out, 2);
        assert!(walk.take(many(1_000)).is_empty());
        assert_eq!(walk.left_out, 1_002);
    }
}
