//! The HTTP API: a route for each call of [`yilian_protocol::call`].
//!
//! Bodies are the protocol's canonical octets, so that what is signed is what is sent; answers are
//! JSON, or octets for a sealed object. Every error is JSON: a stable `code`, the `message`, and
//! for a refusal its `rule` and `remedy`. `GET /openapi.json` describes it all.
//!
//! Whatever is no call may be a file of the pages.
//!
//! A call meets its checks in this order, which its row names: who calls, the size of the body,
//! whether there is room, its form, and then the contract's own rules.

mod openapi;
mod pages;
mod route;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::future::BoxFuture;
use yilian_protocol::{MemberId, call::CallError};

use crate::{
    connections::{self, Limits, Listening, Room, Standing, Stop},
    consortium::ConsortiumChain,
    health::Condition,
    service::Node,
};

pub use route::{Gate, Routes};

/// Serves `node` to whoever gets a place within `limits`, until it is told to stop. Boxed, so that
/// it is compiled once, and not in each program.
pub fn serve(
    listening: Listening,
    node: Arc<Node>,
    limits: Limits,
    stop: Stop,
) -> BoxFuture<'static, ()> {
    let room = Room::new(limits);
    let router = router(Arc::clone(&node)).layer(Extension(Arc::clone(&room)));
    Box::pin(connections::serve(listening, router, room, node, stop))
}

/// The routes of a node.
pub fn router(node: Arc<Node>) -> Router {
    let mut routes = Routes::default();
    yilian_protocol::call::register::<Node>(&mut routes);
    routes
        .into_router()
        .route("/metrics", get(metrics))
        .route("/v1/live", get(live))
        .route("/v1/ready", get(ready))
        .route("/openapi.json", get(description))
        .fallback(pages::serve)
        .layer(DefaultBodyLimit::disable())
        .with_state(node)
}

impl<C: ConsortiumChain, N: Send + Sync + 'static> Gate for Node<C, N> {
    async fn lets_in(&self, member: MemberId) -> Result<(), CallError> {
        self.may_act(member).await
    }
}

impl<C: ConsortiumChain, N: Send + Sync + 'static> Standing for Node<C, N> {
    fn may_act(&self, member: MemberId) -> BoxFuture<'_, bool> {
        Box::pin(async move { Self::may_act(self, member).await.is_ok() })
    }
}

/// Whether the process answers at all.
async fn live() -> impl IntoResponse {
    (ALWAYS_ASKED, StatusCode::NO_CONTENT)
}

/// Whether the node takes everything that it is asked for: for whoever sends it callers. It says
/// how the storage is, and nothing of what lies there.
async fn ready(State(node): State<Arc<Node>>) -> impl IntoResponse {
    let storage = node.health().condition();
    let status = match storage {
        Condition::Well => StatusCode::OK,
        Condition::Full | Condition::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, ALWAYS_ASKED, Json(Readiness { storage }))
}

/// Nobody keeps it for later.
const ALWAYS_ASKED: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

#[derive(serde::Serialize)]
struct Readiness {
    storage: Condition,
}

async fn description() -> impl IntoResponse {
    const JSON: &str = "application/json";
    ([(header::CONTENT_TYPE, JSON)], openapi::document())
}

/// For Prometheus; for members, as what is counted tells how busy a hospital is.
async fn metrics(
    State(node): State<Arc<Node>>,
    room: Option<Extension<Arc<Room>>>,
    request: Request,
) -> Result<Response, Failure> {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let members = yilian_protocol::call::Caller::Member;
    route::let_in(&*node, members, route::caller(&request)).await?;
    let own = room.map(|Extension(room)| room.metrics());
    // The chain's come last: they have the end.
    let text = own.unwrap_or_default() + &node.metrics().await?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

/// A failed call as an HTTP answer.
#[derive(Debug)]
struct Failure(CallError);

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = axum::http::StatusCode::from_u16(self.0.status());
        let status = status.unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0)).into_response()
    }
}
