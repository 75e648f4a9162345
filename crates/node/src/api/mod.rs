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

use std::{fmt::Debug, sync::Arc};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State, connect_info::Connected},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
    serve::{IncomingStream, Listener},
};
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use yilian_protocol::{MemberId, call::CallError};

use crate::{
    consortium::ConsortiumChain,
    service::Node,
    tls::{Caller, TlsListener},
};

pub use route::{Gate, Routes};

/// Where an API is served.
#[derive(Debug)]
pub enum Listening {
    /// Under TLS.
    Tls(TlsListener),
    /// In the clear: who calls is not known.
    Plain(TcpListener),
}

/// Serves `node` until `stop` ends. Boxed, so that it is compiled once, and not in each program.
///
/// # Errors
/// When the listener fails.
pub fn serve(
    listening: Listening,
    node: Arc<Node>,
    stop: BoxFuture<'static, ()>,
) -> BoxFuture<'static, std::io::Result<()>> {
    match listening {
        Listening::Tls(listener) => Box::pin(serve_on(listener, node, stop)),
        Listening::Plain(listener) => Box::pin(serve_on(listener, node, stop)),
    }
}

async fn serve_on<L: Listener<Addr: Debug>>(
    listener: L,
    node: Arc<Node>,
    stop: BoxFuture<'static, ()>,
) -> std::io::Result<()>
where
    Caller: for<'a> Connected<IncomingStream<'a, L>>,
{
    let service = router(node).into_make_service_with_connect_info::<Caller>();
    axum::serve(listener, service)
        .with_graceful_shutdown(stop)
        .await
}

/// The routes of a node.
pub fn router(node: Arc<Node>) -> Router {
    let mut routes = Routes::default();
    yilian_protocol::call::register::<Node>(&mut routes);
    routes
        .into_router()
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(|| async { Json(openapi::document()) }))
        .fallback(pages::serve)
        .layer(DefaultBodyLimit::disable())
        .with_state(node)
}

impl<C: ConsortiumChain, N: Send + Sync + 'static> Gate for Node<C, N> {
    async fn lets_in(&self, member: MemberId) -> Result<(), CallError> {
        self.may_act(member).await
    }
}

/// For Prometheus; for members, as what is counted tells how busy a hospital is.
async fn metrics(State(node): State<Arc<Node>>, request: Request) -> Result<Response, Failure> {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let members = yilian_protocol::call::Caller::Member;
    route::let_in(&*node, members, route::caller(&request)).await?;
    let text = node.metrics().await?;
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
