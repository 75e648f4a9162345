//! The transport over HTTP. The node's `/openapi.json` describes it.

use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Identity};
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
    /// for members only.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] when the certificates cannot be used.
    pub fn trusting(base: &str, root: &[u8], shown: Option<&[u8]>) -> Result<Self, CallError> {
        let root = Certificate::from_pem(root).map_err(|error| unreachable(&error))?;
        let mut builder = Client::builder().tls_certs_only([root]).https_only(true);
        if let Some(shown) = shown {
            let identity = Identity::from_pem(shown).map_err(|error| unreachable(&error))?;
            builder = builder.identity(identity);
        }
        Self::with(base, builder)
    }

    fn with(base: &str, builder: ClientBuilder) -> Result<Self, CallError> {
        let client = builder
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| unreachable(&error))?;
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
        let sent = request.send().await;
        let mut response = sent.map_err(|error| unreachable(&error))?;
        let (status, mut answer) = (response.status(), Answer::to::<C>());
        // Read piece by piece, so that a hostile node cannot fill the memory.
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| unreachable(&error))?
        {
            answer.push(&piece)?;
        }
        answer.read::<C>(status.as_u16())
    }
}

fn unreachable(error: &reqwest::Error) -> CallError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    CallError::Unreachable {
        message: format!("{error}{}", cause.unwrap_or_default()),
    }
}
