//! Reading a trail: every entry linked to the proven head, opened, and its author checked against
//! the registry at that time.

use serde::Serialize;
use yilian_crypto::trace::ReadingKey;
use yilian_protocol::{
    TimeMs, TraceId,
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
}

/// Who says what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// The person's name.
    pub name: String,
    /// The organisation's.
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
    let mut followed = steps.clone();
    let mut rounds = 0;
    while !followed.is_empty() && rounds < DEPTH_MAX {
        let mut found = Vec::new();
        for stay in stays(&followed) {
            found.extend(stay_steps(session, &stay).await?);
        }
        steps.extend(found.iter().cloned());
        followed = found;
        rounds += 1;
    }
    steps.sort_by_key(|step| (step.admitted.height, step.container.is_none()));
    Ok(Some(Trail {
        identity: pack.identity().clone(),
        trace: pack.trace(),
        state: head.state,
        alarms: alarm::find(pack.identity(), &steps, now),
        steps,
    }))
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
fn stays(steps: &[Step]) -> Vec<Stay> {
    let mut stays = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let Some(event) = step.event.as_ref().filter(|_| !step.late) else {
            continue;
        };
        let Some((trace, reading)) = events::parent(event) else {
            continue;
        };
        let name = event.parent().unwrap_or_default().to_owned();
        let ends = |later: &&Step| {
            let event = later.event.as_ref();
            let out = event.is_some_and(|event| {
                let parent = event.parent();
                let takes_out = event.action() == Some(Action::Delete);
                takes_out && parent.is_some_and(|parent| events::is_same(parent, &name))
            });
            let same = later.container == step.container;
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
    stay: &Stay,
) -> Result<Vec<Step>, ClientError> {
    let Some((_, entries)) = session.trace(stay.trace).await? else {
        return Ok(Vec::new());
    };
    let during = |entry: &&TraceEntry| {
        let height = entry.shared.admitted.height;
        let after = height >= stay.from.height;
        let before = stay.until.is_none_or(|until| height < until.height);
        after && before && entry.shared.action != TraceAction::Commission
    };
    let mut steps = Vec::new();
    for entry in entries.iter().filter(during) {
        steps.push(open(session, &stay.reading, entry, Some(&stay.name)).await?);
    }
    Ok(steps)
}

/// Opens an entry and checks its author. What is wrong with it is part of the answer, not an error:
/// a trail with a forged entry is still to be read.
async fn open<T: Transport>(
    session: &Session<T>,
    reading: &ReadingKey,
    entry: &TraceEntry,
    container: Option<&str>,
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
        container: container.map(str::to_owned),
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
                name: certificate.subject.as_str().to_owned(),
                member: member.name.as_str().to_owned(),
                role: certificate.role,
            });
        }
    }
    Ok(step)
}
