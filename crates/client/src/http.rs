//! The transport over HTTP: each request has its route; answers are JSON, or octets for a sealed object. The routes are described by the node's
//! `/openapi.json`.

use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Identity, Method, StatusCode};
use serde::de::DeserializeOwned;
use yilian_protocol::{
    codec::Encode,
    limits::OBJECT_MAX,
    transport::{CallError, Request, Response, Transport},
};

/// How long a request may take: an upload of the largest visit over a slow line.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of the largest JSON answer: a full page of certificates or a full block.
const JSON_MAX: usize = 64 * 1024 * 1024;

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

    /// Speaks HTTPS to the node at `base`, and trusts the consortium's root certificate only (PEM). `shown` is a certificate of one's own
    /// organisation with its chain and key (PEM), for what is for members only.
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

    async fn send(&self, route: Route) -> Result<Vec<u8>, CallError> {
        let url = format!("{}/v1/{}", self.base, route.path);
        let mut request = self.client.request(route.method, url);
        if let Some(body) = route.body {
            request = request
                .header("content-type", "application/octet-stream")
                .body(body);
        }
        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let mut bytes = Vec::new();
        // Read piece by piece, so that a hostile node cannot fill the memory.
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| unreachable(&error))?
        {
            if bytes.len() + piece.len() > route.limit {
                let message = format!("the answer is over {} bytes", route.limit);
                return Err(CallError::Unreachable { message });
            }
            bytes.extend_from_slice(&piece);
        }
        if status.is_success() {
            Ok(bytes)
        } else {
            Err(refused(status, &bytes))
        }
    }
}

impl Transport for HttpTransport {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        let route = Route::of(&request);
        let bytes = self.send(route).await?;
        Ok(match request {
            Request::Status => Response::Status(json(&bytes)?),
            Request::Submit(_) | Request::Receipt(_) => Response::Receipt(json(&bytes)?),
            Request::Seal(_) => Response::Sealed(json(&bytes)?),
            Request::Prove(_) => Response::Proven(json(&bytes)?),
            Request::Block(_) => Response::Block(json(&bytes)?),
            Request::Members(_) => Response::Members(json(&bytes)?),
            Request::Certificates(..) => Response::Certificates(json(&bytes)?),
            Request::Certificate(_) => Response::Certificate(json(&bytes)?),
            Request::Visit(..) => Response::Visit(json(&bytes)?),
            Request::Record(_) => Response::Record(json(&bytes)?),
            Request::Object(_) => Response::Object(bytes),
            Request::Index(_) => Response::Index(json(&bytes)?),
            Request::Lookup(_) => Response::Pointers(json(&bytes)?),
            Request::Search(_) => Response::Found(json(&bytes)?),
            Request::Cross(_) => Response::Crossed(json(&bytes)?),
            Request::Trace(..) => Response::Trace(json(&bytes)?),
            Request::Reencapsulate(_) => Response::Reencapsulated(json(&bytes)?),
            Request::Ask(_) => Response::Partial(json(&bytes)?),
            Request::Uses(_) => Response::Uses(json(&bytes)?),
            Request::LogHead(_) => Response::LogHead(json(&bytes)?),
            Request::LogBlock(..) | Request::LogCheck(_) => Response::LogBlock(json(&bytes)?),
            Request::LogOpen(_) => Response::LogOpen(json(&bytes)?),
            Request::LogInclusion(..) => Response::LogInclusion(json(&bytes)?),
            Request::Deposit(_) => Response::Deposited,
            Request::Grant(_) => Response::Grant(json(&bytes)?),
            _ => {
                return Err(CallError::Invalid {
                    message: "no route for it".to_owned(),
                });
            }
        })
    }
}

struct Route {
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
    limit: usize,
}

impl Route {
    fn of(request: &Request) -> Self {
        match request {
            Request::Status => Self::get("status"),
            Request::Submit(transaction) => {
                Self::post("transactions", transaction.as_bytes().to_vec())
            }
            Request::Seal(request) => Self::post("visits", request.to_vec()),
            Request::Receipt(id) => Self::get(format!("receipts/{id}")),
            Request::Prove(keys) => Self::post("proofs", keys.to_vec()),
            Request::Block(height) => Self::get(format!("blocks/{height}")),
            Request::Members(from) => Self::get(format!("members?from={from}")),
            Request::Certificates(member, from) => {
                Self::get(format!("members/{member}/certificates?from={from}"))
            }
            Request::Certificate(id) => Self::get(format!("certificates/{id}")),
            Request::Visit(nym, from) => {
                let nym = hex::encode(nym.to_bytes());
                Self::get(format!("visits/{nym}?from={from}"))
            }
            Request::Record(id) => Self::get(format!("records/{id}")),
            Request::Object(id) => Self {
                limit: OBJECT_MAX,
                ..Self::get(format!("records/{id}/object"))
            },
            Request::Index(id) => Self::get(format!("records/{id}/index")),
            Request::Lookup(request) => Self::post("lookups", request.to_vec()),
            Request::Search(finds) => Self::post("searches", finds.to_vec()),
            Request::Cross(crossings) => Self::post("crossings", crossings.to_vec()),
            Request::Trace(id, from) => Self::get(format!("traces/{id}?from={from}")),
            Request::Reencapsulate(request) => Self::post("reencapsulations", request.to_vec()),
            Request::Deposit(deposit) => Self::post("deposits", deposit.to_vec()),
            Request::Grant(id) => Self::get(format!("grants/{id}")),
            Request::Ask(ask) => Self::post("asks", ask.to_vec()),
            Request::Uses(request) => Self::post("uses", request.to_vec()),
            Request::LogHead(hospital) => Self::get(format!("logs/{hospital}")),
            Request::LogBlock(hospital, height) => {
                Self::get(format!("logs/{hospital}/blocks/{height}"))
            }
            Request::LogOpen(hospital) => Self::get(format!("logs/{hospital}/open")),
            Request::LogCheck(check) => Self::post("log-checks", check.to_vec()),
            Request::LogInclusion(hospital, index, size) => {
                Self::get(format!("logs/{hospital}/entries/{index}/proof?size={size}"))
            }
            // The enum is open to later requests; those a node does not know it refuses by their route.
            _ => Self::get("unknown"),
        }
    }

    fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
            limit: JSON_MAX,
        }
    }

    fn post(path: impl Into<String>, body: Vec<u8>) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Some(body),
            limit: JSON_MAX,
        }
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(bytes).map_err(|error| CallError::Unreachable {
        message: format!("the answer is not what the route promises: {error}"),
    })
}

fn refused(status: StatusCode, bytes: &[u8]) -> CallError {
    serde_json::from_slice(bytes).unwrap_or_else(|_| CallError::Unreachable {
        message: format!("HTTP status {status} without an explanation"),
    })
}

fn unreachable(error: &reqwest::Error) -> CallError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    CallError::Unreachable {
        message: format!("{error}{}", cause.unwrap_or_default()),
    }
}
