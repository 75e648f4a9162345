//! The transport over HTTP: of a program by sockets, of a page by the browser's `fetch`. The node's
//! `/openapi.json` describes it.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response};
use yilian_protocol::call::{
    Answered, Call, CallError, Method, Transport,
    http::{Answer, Request},
};

/// How long a request may take: an upload of the largest visit over a slow line.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Speaks to the node at one base URL.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    base: String,
    client: Client,
}

impl HttpTransport {
    /// Speaks to the node at `base`, as `http://127.0.0.1:8420`.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] when no client can be made on this machine.
    pub fn new(base: &str) -> Result<Self, CallError> {
        Self::with(base, Client::builder())
    }

    /// Speaks HTTPS to the node at `base`, and trusts the consortium's root certificate only (PEM).
    /// `shown` is a certificate of one's own organisation with its chain and key (PEM), for what is
    /// for members only. A page cannot: its browser trusts whom it trusts.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] when the certificates cannot be used.
    #[cfg(not(target_family = "wasm"))]
    pub fn trusting(base: &str, root: &[u8], shown: Option<&[u8]>) -> Result<Self, CallError> {
        let root = reqwest::Certificate::from_pem(root).map_err(|error| unreachable(&error))?;
        let mut builder = Client::builder().tls_certs_only([root]).https_only(true);
        if let Some(shown) = shown {
            let identity =
                reqwest::Identity::from_pem(shown).map_err(|error| unreachable(&error))?;
            builder = builder.identity(identity);
        }
        Self::with(base, builder)
    }

    fn with(base: &str, builder: ClientBuilder) -> Result<Self, CallError> {
        let client = builder.build().map_err(|error| unreachable(&error))?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            client,
        })
    }
}

impl Transport for HttpTransport {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let Request {
            method,
            target,
            body,
        } = Request::of(&call);
        let url = format!("{}{target}", self.base);
        let mut request = match method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
        };
        if let Some(body) = body {
            request = request
                .header("content-type", "application/octet-stream")
                .body(body);
        }
        let sent = request.timeout(TIMEOUT).send().await;
        let response = sent.map_err(|error| unreachable(&error))?;
        let (status, mut answer) = (response.status(), Answer::to::<C>());
        fill(&mut answer, response).await?;
        answer.read::<C>(status.as_u16())
    }
}

/// Reads a body piece by piece, so that a hostile node cannot fill the memory.
#[cfg(not(target_family = "wasm"))]
async fn fill(answer: &mut Answer, mut response: Response) -> Result<(), CallError> {
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| unreachable(&error))?
    {
        answer.push(&piece)?;
    }
    Ok(())
}

/// The same, from the stream that a browser has.
#[cfg(target_family = "wasm")]
async fn fill(answer: &mut Answer, response: Response) -> Result<(), CallError> {
    use futures::StreamExt as _;
    let mut pieces = std::pin::pin!(response.bytes_stream());
    while let Some(piece) = pieces.next().await {
        answer.push(&piece.map_err(|error| unreachable(&error))?)?;
    }
    Ok(())
}

fn unreachable(error: &reqwest::Error) -> CallError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    CallError::Unreachable {
        message: format!("{error}{}", cause.unwrap_or_default()),
    }
}
