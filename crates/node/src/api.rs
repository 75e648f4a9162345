//! The HTTP API: a route for each request of [`yilian_protocol::transport`].
//!
//! Bodies are the protocol's canonical octets, so that what is signed is what is sent; answers are JSON, or octets for a sealed object. Every error is JSON: a
//! stable `code`, the `message`, and for a refusal its `rule` and `remedy`. `GET /openapi.json` describes it all.

mod openapi;

use std::{fmt::Debug, future::Future, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{
        ConnectInfo, DefaultBodyLimit, Path, Query, Request as HttpRequest, State,
        connect_info::Connected,
    },
    http::{StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response as HttpResponse},
    routing::{get, post},
    serve::{IncomingStream, Listener},
};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use yilian_crypto::pseudonym::Nym;
use yilian_protocol::{
    GrantId,
    codec::Decode,
    fixed,
    grant::{HolderAsk, SealedDeposit},
    limits::{DEPOSIT_MAX, REQUEST_MAX, TRANSACTION_MAX},
    refusal::Refusal,
    transport::{CallError, OneShot, Request, Response, SealRequest},
};

use crate::{service::Node, tls::Caller};

/// How long a body that is refused is read on.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A sealed deposit, and whose it is.
const DEPOSIT_BODY_MAX: usize = DEPOSIT_MAX + 128;

/// How long a body may take: the largest over a slow line.
const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// Bodies that hold no sealed object.
const SMALL_BODY_MAX: usize = 256 * 1024;

type Shared = State<Arc<Node>>;
type Answer = Result<HttpResponse, Failure>;

/// Serves `node` on `listener`, under TLS when it is a [`TlsListener`](crate::tls::TlsListener), until `stop` ends.
///
/// # Errors
/// When the listener fails.
pub async fn serve<L: Listener<Addr: Debug>>(
    listener: L,
    node: Arc<Node>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()>
where
    Caller: for<'a> Connected<IncomingStream<'a, L>>,
{
    let service = router(node).into_make_service_with_connect_info::<Caller>();
    axum::serve(listener, service)
        .with_graceful_shutdown(stop)
        .await
}

/// What is for members only, of callers who can be told: those under TLS. A proxy in front of plain HTTP has to tell them itself.
async fn members_only(
    State(node): Shared,
    ConnectInfo(caller): ConnectInfo<Caller>,
    request: HttpRequest,
    next: Next,
) -> Answer {
    match caller {
        Caller::Unknown => {}
        Caller::Anybody => return Err(CallError::from(Refusal::NotAMember).into()),
        Caller::Member(member) => node.may_act(member).await?,
    }
    Ok(next.run(request).await)
}

/// The routes.
pub fn router(node: Arc<Node>) -> Router {
    let guard = from_fn_with_state(Arc::clone(&node), members_only);
    let large = Router::new()
        .route("/visits", post(seal))
        .route("/relays", post(relayed).layer(guard.clone()))
        .layer(from_fn_with_state(REQUEST_MAX, bounded));
    let deposits = Router::new()
        .route("/deposits", post(deposit))
        .layer(from_fn_with_state(DEPOSIT_BODY_MAX, bounded));
    let transactions = Router::new()
        .route("/transactions", post(submit))
        .layer(from_fn_with_state(TRANSACTION_MAX, bounded));
    let small = Router::new()
        .route("/status", get(status))
        .route("/visits/{nym}", get(visit))
        .route("/receipts/{id}", get(receipt))
        .route("/proofs", post(prove))
        .route("/blocks/{height}", get(block))
        .route("/members", get(members))
        .route("/members/{id}/certificates", get(certificates))
        .route("/certificates/{id}", get(certificate))
        .route("/records/{id}", get(record))
        .route("/records/{id}/object", get(object))
        .route("/records/{id}/index", get(index))
        .route("/objects/{id}", get(stored))
        .route("/lookups", post(lookup))
        .route("/searches", post(search))
        .route("/crossings", post(cross))
        .route("/traces/{id}", get(trace))
        .route("/reencapsulations", post(reencapsulate))
        .route("/uses", post(uses))
        .route("/grants/{id}", get(grant))
        .route("/asks", post(ask))
        .layer(from_fn_with_state(SMALL_BODY_MAX, bounded));
    // A hospital's private chain names who wrote what.
    let logs = Router::new()
        .route("/logs/{hospital}", get(log_head))
        .route("/logs/{hospital}/blocks/{height}", get(log_block))
        .route("/logs/{hospital}/open", get(log_open))
        .route("/log-checks", post(log_check))
        .route("/logs/{hospital}/entries/{index}/proof", get(log_inclusion))
        .layer(from_fn_with_state(SMALL_BODY_MAX, bounded))
        .layer(guard.clone());
    let all = large.merge(deposits).merge(transactions).merge(small);
    Router::new()
        .nest("/v1", all.merge(logs))
        .route("/metrics", get(metrics).layer(guard))
        .route("/openapi.json", get(|| async { Json(openapi::document()) }))
        .fallback(|| async { Failure(CallError::not_found("route")) })
        .layer(DefaultBodyLimit::disable())
        .with_state(node)
}

/// Reads a request's body before anything else: no more than `limit` bytes, and for no longer than [`BODY_TIMEOUT`]. What says that
/// it is larger is not kept.
async fn bounded(State(limit): State<usize>, request: HttpRequest, next: Next) -> Answer {
    let (parts, body) = request.into_parts();
    let said = parts.headers.get(header::CONTENT_LENGTH);
    let said = said.and_then(|text| text.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|said| said > limit) {
        // Who is still sending hears an answer only when he is listened to for a while. Nothing of it is kept.
        let mut rest = body.into_data_stream();
        let drained = async { while let Some(Ok(_)) = rest.next().await {} };
        drop(tokio::time::timeout(DRAIN_TIMEOUT, drained).await);
        return Err(CallError::TooLarge { limit }.into());
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit)).await;
    let read = read.map_err(|_| CallError::Invalid {
        message: format!("the body did not come within {} s", BODY_TIMEOUT.as_secs()),
    })?;
    // Whatever else breaks off a body, nobody is left to be told.
    let bytes = read.map_err(|_| CallError::TooLarge { limit })?;
    Ok(next
        .run(HttpRequest::from_parts(parts, Body::from(bytes)))
        .await)
}

#[derive(Deserialize)]
struct From {
    #[serde(default)]
    from: u32,
}

async fn status(State(node): Shared) -> Answer {
    answer(&node, Request::Status).await
}

async fn submit(State(node): Shared, body: Bytes) -> Answer {
    Ok(json(&node.submit_bytes(body).await?))
}

async fn seal(State(node): Shared, body: Bytes) -> Answer {
    let request: SealRequest = decode(&body)?;
    answer(&node, Request::Seal(request)).await
}

async fn relayed(State(node): Shared, body: Bytes) -> Answer {
    Ok(json(&node.relayed(decode(&body)?).await?))
}

async fn visit(State(node): Shared, Path(nym): Path<String>, Query(page): Query<From>) -> Answer {
    let nym: Nym = fixed::from_hex(&nym).map_err(CallError::from)?;
    answer(&node, Request::Visit(nym, page.from)).await
}

async fn receipt(State(node): Shared, Path(id): Path<String>) -> Answer {
    answer(&node, Request::Receipt(parse(&id)?)).await
}

async fn prove(State(node): Shared, body: Bytes) -> Answer {
    answer(&node, Request::Prove(decode(&body)?)).await
}

async fn block(State(node): Shared, Path(height): Path<String>) -> Answer {
    answer(&node, Request::Block(parse(&height)?)).await
}

async fn members(State(node): Shared, Query(page): Query<From>) -> Answer {
    answer(&node, Request::Members(page.from)).await
}

async fn certificates(
    State(node): Shared,
    Path(id): Path<String>,
    Query(page): Query<From>,
) -> Answer {
    answer(&node, Request::Certificates(parse(&id)?, page.from)).await
}

async fn certificate(State(node): Shared, Path(id): Path<String>) -> Answer {
    answer(&node, Request::Certificate(parse(&id)?)).await
}

async fn record(State(node): Shared, Path(id): Path<String>) -> Answer {
    answer(&node, Request::Record(parse(&id)?)).await
}

async fn object(State(node): Shared, Path(id): Path<String>) -> Answer {
    answer(&node, Request::Object(parse(&id)?)).await
}

/// For neighbours: this node's own copy, so that nobody asks in a circle.
async fn stored(State(node): Shared, Path(id): Path<String>) -> Answer {
    Ok(octets(node.stored(parse(&id)?).await?.into_bytes()))
}

async fn index(State(node): Shared, Path(id): Path<String>) -> Answer {
    answer(&node, Request::Index(parse(&id)?)).await
}

async fn lookup(State(node): Shared, body: Bytes) -> Answer {
    answer(&node, Request::Lookup(decode(&body)?)).await
}

async fn search(State(node): Shared, body: Bytes) -> Answer {
    answer(&node, Request::Search(decode(&body)?)).await
}

async fn cross(State(node): Shared, body: Bytes) -> Answer {
    answer(&node, Request::Cross(decode(&body)?)).await
}

async fn trace(State(node): Shared, Path(id): Path<String>, Query(page): Query<From>) -> Answer {
    answer(&node, Request::Trace(parse(&id)?, page.from)).await
}

async fn reencapsulate(State(node): Shared, body: Bytes) -> Answer {
    let request: OneShot = decode(&body)?;
    answer(&node, Request::Reencapsulate(request)).await
}

async fn deposit(State(node): Shared, body: Bytes) -> Answer {
    let deposit: SealedDeposit = decode(&body)?;
    answer(&node, Request::Deposit(deposit)).await
}

async fn grant(State(node): Shared, Path(id): Path<String>) -> Answer {
    let id: GrantId = parse(&id)?;
    answer(&node, Request::Grant(id)).await
}

async fn ask(State(node): Shared, body: Bytes) -> Answer {
    let ask: HolderAsk = decode(&body)?;
    answer(&node, Request::Ask(ask)).await
}

async fn uses(State(node): Shared, body: Bytes) -> Answer {
    answer(&node, Request::Uses(decode(&body)?)).await
}

/// For Prometheus.
async fn metrics(State(node): Shared) -> Answer {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = node.metrics().await?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

async fn log_head(State(node): Shared, Path(hospital): Path<String>) -> Answer {
    answer(&node, Request::LogHead(parse(&hospital)?)).await
}

async fn log_block(State(node): Shared, Path(at): Path<(String, String)>) -> Answer {
    let request = Request::LogBlock(parse(&at.0)?, parse(&at.1)?);
    answer(&node, request).await
}

async fn log_open(State(node): Shared, Path(hospital): Path<String>) -> Answer {
    answer(&node, Request::LogOpen(parse(&hospital)?)).await
}

async fn log_check(State(node): Shared, body: Bytes) -> Answer {
    answer(&node, Request::LogCheck(decode(&body)?)).await
}

#[derive(Deserialize)]
struct Size {
    size: u64,
}

async fn log_inclusion(
    State(node): Shared,
    Path((hospital, index)): Path<(String, u64)>,
    Query(Size { size }): Query<Size>,
) -> Answer {
    answer(&node, Request::LogInclusion(parse(&hospital)?, index, size)).await
}

async fn answer(node: &Node, request: Request) -> Answer {
    Ok(match node.handle(request).await? {
        Response::Status(value) => json(&value),
        Response::Receipt(value) => json(&value),
        Response::Sealed(value) => json(&value),
        Response::Proven(value) => json(&value),
        Response::Block(value) => json(&value),
        Response::Members(value) => json(&value),
        Response::Certificates(value) => json(&value),
        Response::Certificate(value) => json(&value),
        Response::Visit(value) => json(&value),
        Response::Record(value) => json(&value),
        Response::Index(value) => json(&value),
        Response::Pointers(value) => json(&value),
        Response::Found(value) => json(&value),
        Response::Crossed(value) => json(&value),
        Response::Trace(value) => json(&value),
        Response::Reencapsulated(value) => json(&value),
        Response::Partial(value) => json(&value),
        Response::Uses(value) => json(&value),
        Response::Grant(value) => json(&value),
        Response::LogHead(value) => json(&value),
        Response::LogBlock(value) => json(&value),
        Response::LogOpen(value) => json(&value),
        Response::LogInclusion(value) => json(&value),
        Response::Object(bytes) => octets(bytes),
        Response::Deposited => StatusCode::NO_CONTENT.into_response(),
        _ => return Err(CallError::not_found("route").into()),
    })
}

fn octets(bytes: Vec<u8>) -> HttpResponse {
    ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}

fn json<T: Serialize>(value: &T) -> HttpResponse {
    Json(value).into_response()
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: T::Err| {
        Failure(CallError::Invalid {
            message: error.to_string(),
        })
    })
}

fn decode<T: Decode>(body: &[u8]) -> Result<T, Failure> {
    Ok(T::from_slice(body).map_err(CallError::from)?)
}

/// A failed call as an HTTP answer.
struct Failure(CallError);

impl std::convert::From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> HttpResponse {
        let status = match &self.0 {
            CallError::Refused { .. } => StatusCode::FORBIDDEN,
            CallError::Invalid { .. } => StatusCode::BAD_REQUEST,
            CallError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            CallError::NotFound { .. } => StatusCode::NOT_FOUND,
            CallError::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(self.0)).into_response()
    }
}
