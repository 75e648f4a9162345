//! A call as a route: the same for all of them, by what their rows say.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{BodyDataStream, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures::StreamExt as _;
use tokio::sync::Semaphore;
use yilian_protocol::{
    MemberId,
    call::{CallError, Caller, Encoding as _, Method, Registry, Row, ServedBy, Work, http},
    refusal::Refusal,
};

use super::Failure;
use crate::{
    connections::{Allowance, Held},
    serving, tls,
};

/// How long a body that is refused is read on.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// When to come again, where there is no room.
const RETRY_MS: u64 = 100;

/// Says which members are let in to what is for members only.
pub trait Gate: Send + Sync + 'static {
    /// Whether a member may act now.
    ///
    /// # Errors
    /// The rule by which it may not.
    fn lets_in(&self, member: MemberId) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// Routes for the calls of contracts that a service serves.
pub struct Routes<S>(Router<Arc<S>>);

impl<S> std::fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Routes")
    }
}

impl<S: Gate> Default for Routes<S> {
    fn default() -> Self {
        Self(Router::new())
    }
}

impl<S: Gate> Routes<S> {
    /// The routes; the service is still to be given to them.
    pub fn into_router(self) -> Router<Arc<S>> {
        self.0
    }
}

impl<S: Gate> Registry<S> for Routes<S> {
    fn register<C: ServedBy<S>>(&mut self) {
        let room = Arc::new(Semaphore::new(C::ROW.at_once));
        let handler = move |State(service): State<Arc<S>>, request: Request| {
            let room = Arc::clone(&room);
            async move { answer::<S, C>(&service, &room, request).await }
        };
        let handlers = match C::ROW.method {
            Method::Get => get(handler),
            Method::Post => post(handler),
        };
        let path = format!("{}{}", http::PREFIX, C::ROW.path);
        self.0 = std::mem::take(&mut self.0).route(&path, handlers);
    }
}

async fn answer<S: Gate, C: ServedBy<S>>(
    service: &S,
    room: &Arc<Semaphore>,
    request: Request,
) -> Result<Response, Failure> {
    if let Err(error) = let_in(service, C::ROW.caller, caller(&request)).await {
        drain(request.into_body().into_data_stream()).await;
        return Err(error.into());
    }
    let given = http::parameters::<C>(request.uri().path(), request.uri().query());
    let allowance = Allowance::of(request.extensions());
    let (body, held) = bounded(&C::ROW, &allowance, request).await?;
    // Only now: who sends slowly shall not hold the place of others.
    let retry = CallError::Busy { retry_ms: RETRY_MS };
    let place = Arc::clone(room).try_acquire_owned().map_err(|_| retry)?;
    let (call, place, _held) = match C::ROW.work {
        Work::Light => (C::read(&given, &body), place, held),
        // Reading goes on when the caller hangs up. He keeps his place until then, and his bytes.
        Work::Heavy => apart(move || (C::read(&given, &body), place, held)).await?,
    };
    let served = call?.serve(service);
    let answer = serving::serve(place, allowance.clone(), served).await?;
    let answer = allowance.answer(C::Encoding::write(answer)?)?;
    Ok(written(C::Encoding::MEDIA_TYPE, answer))
}

/// No browser keeps an answer, or takes it for something else: what a patient looked at is nobody's
/// to find afterwards.
fn written(media_type: Option<&'static str>, bytes: Bytes) -> Response {
    let guards = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    match media_type {
        Some(media_type) => {
            let kind = [(header::CONTENT_TYPE, media_type)];
            (kind, guards, bytes).into_response()
        }
        None => (StatusCode::NO_CONTENT, guards).into_response(),
    }
}

async fn apart<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, CallError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| CallError::Unavailable {
        message: "the node stops".to_owned(),
    })
}

/// Who is at the other end, if anybody told the router.
pub(super) fn caller(request: &Request) -> Option<tls::Caller> {
    let caller = request.extensions().get::<ConnectInfo<tls::Caller>>();
    caller.map(|ConnectInfo(caller)| *caller)
}

/// Refuses who may not make a call. Under TLS callers can be told; a proxy in front of plain HTTP
/// has to tell them itself.
pub(super) async fn let_in(
    gate: &impl Gate,
    asked: Caller,
    caller: Option<tls::Caller>,
) -> Result<(), CallError> {
    if asked == Caller::Anybody {
        return Ok(());
    }
    match caller {
        Some(tls::Caller::Unknown) => Ok(()),
        Some(tls::Caller::Member(member)) => gate.lets_in(member).await,
        Some(tls::Caller::Anybody) | None => Err(Refusal::NotAMember.into()),
    }
}

/// Reads the body: no more than the row and `allowance` allow, and for no longer than that says.
/// What says that it is larger is not kept.
async fn bounded(
    row: &Row,
    allowance: &Allowance,
    request: Request,
) -> Result<(Vec<u8>, Held), CallError> {
    let (parts, body) = request.into_parts();
    let mut held = allowance.upload();
    if row.method == Method::Get {
        return Ok((Vec::new(), held));
    }
    let limit = row.body_max;
    let said = parts.headers.get(header::CONTENT_LENGTH);
    let said = said.and_then(|text| text.to_str().ok()?.parse::<usize>().ok());
    let mut pieces = body.into_data_stream();
    if said.is_some_and(|said| said > limit) {
        drain(pieces).await;
        return Err(CallError::TooLarge { limit });
    }
    let times = allowance.times();
    let most = said.unwrap_or(limit);
    allowance.reads_body(true);
    let read = read_pieces(&mut pieces, (limit, most), allowance, &mut held);
    let read = tokio::time::timeout(times.body, read).await;
    allowance.reads_body(false);
    let read = read.unwrap_or_else(|_| Err(too_slow(times.body)));
    if let Err(CallError::Busy { .. }) = read {
        drain(pieces).await;
    }
    Ok((read?, held))
}

/// Holds what it has room for, which grows with what came, and not with what was announced: who
/// announces much and sends nothing holds nothing. It is `most` bytes if nobody lies.
async fn read_pieces(
    pieces: &mut BodyDataStream,
    (limit, most): (usize, usize),
    allowance: &Allowance,
    held: &mut Held,
) -> Result<Vec<u8>, CallError> {
    let (mut bytes, pause) = (Vec::new(), allowance.times().body_pause);
    loop {
        let next = tokio::time::timeout(pause, pieces.next()).await;
        let piece = match next.map_err(|_| too_slow(pause))? {
            None => return Ok(bytes),
            Some(Ok(piece)) => piece,
            // Nobody is left to be told.
            Some(Err(_)) => {
                return Err(CallError::Invalid {
                    message: "the body breaks off".to_owned(),
                });
            }
        };
        allowance.came(piece.len());
        let length = bytes.len() + piece.len();
        if length > limit {
            return Err(CallError::TooLarge { limit });
        }
        if length > bytes.capacity() {
            let room = length.max((2 * bytes.capacity()).min(most));
            held.grow(room - bytes.capacity())?;
            bytes.reserve_exact(room - bytes.len());
        }
        bytes.extend_from_slice(&piece);
    }
}

fn too_slow(time: Duration) -> CallError {
    CallError::Invalid {
        message: format!("nothing more of the body came within {} s", time.as_secs()),
    }
}

/// Who is still sending hears an answer only when he is listened to for a while. Nothing of it is
/// kept.
async fn drain(mut rest: BodyDataStream) {
    let drained = async { while let Some(Ok(_)) = rest.next().await {} };
    drop(tokio::time::timeout(DRAIN_TIMEOUT, drained).await);
}
