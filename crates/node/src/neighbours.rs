//! Other nodes' ciphertext: what this node does not keep itself, it gets from the node that does; and what nobody could get
//! from it, because it only dials out, it leaves with its hub.
//!
//! Nothing is believed: an object is the one that the chain names, or it is not taken.

use std::time::Duration;

use futures::{StreamExt as _, stream::FuturesUnordered};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use yilian_protocol::{
    RecordId,
    codec::Encode as _,
    limits::OBJECT_MAX,
    refusal::Refusal,
    sealed::SealedObject,
    transport::{CallError, Relay},
};

use crate::{
    service::sealed_object,
    tls::{Tls, TlsError},
};

/// How long one neighbour may take for the largest object.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a neighbour may take to answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Base URLs of other nodes' APIs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeighbourUrls {
    /// Asked for ciphertext that this node does not keep.
    #[serde(default)]
    pub ask: Vec<String>,
    /// For a node that others cannot reach: given its members' ciphertext, one after the other until one of them took it.
    #[serde(default)]
    pub hubs: Vec<String>,
}

/// Bytes of the largest answer to a call that was passed on.
const ANSWER_MAX: usize = 1024 * 1024;

/// The nodes that are asked, or told.
#[derive(Debug)]
pub struct Neighbours {
    client: Client,
    urls: NeighbourUrls,
}

impl Neighbours {
    /// Those with APIs at `urls`.
    ///
    /// # Errors
    /// When a URL cannot be one, the certificates cannot be used, or no HTTP client can be made.
    pub fn new(urls: NeighbourUrls, tls: Option<&Tls>) -> Result<Self, NeighboursError> {
        let mut all = urls.ask.iter().chain(&urls.hubs);
        if let Some(url) = all.find(|url| reqwest::Url::parse(url).is_err()) {
            return Err(NeighboursError::Url(url.clone()));
        }
        let builder = match tls {
            Some(tls) => tls.client()?,
            None => Client::builder(),
        };
        let client = builder
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| NeighboursError::Client(error.to_string()))?;
        Ok(Self { client, urls })
    }

    /// Whether this node leaves its ciphertext with a hub.
    pub const fn has_hubs(&self) -> bool {
        !self.urls.hubs.is_empty()
    }

    /// Leaves objects and their transaction with the first hub that takes them.
    ///
    /// # Errors
    /// A hub's refusal, which others would repeat; else the trouble with the last of them.
    pub async fn relay(&self, relay: &Relay) -> Result<(), CallError> {
        let body = relay.to_vec();
        let mut trouble = CallError::not_found("hub");
        for hub in &self.urls.hubs {
            match self.post(hub, "relays", body.clone()).await {
                Ok(_) => return Ok(()),
                Err(refused @ CallError::Refused { .. }) => return Err(refused),
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }

    /// Passes a call on until the node that it is for answers; that node's refusal counts, not those of others.
    ///
    /// # Errors
    /// [`Refusal::NotKeyHolder`] when no neighbour is that node or reaches it.
    pub async fn pass_on(&self, route: &str, body: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let mut nobody = CallError::from(Refusal::NotKeyHolder);
        for url in &self.urls.ask {
            match self.post(url, route, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error @ CallError::Refused { .. }) => {
                    if error != CallError::from(Refusal::NotKeyHolder) {
                        return Err(error);
                    }
                }
                Err(error) => nobody = error,
            }
        }
        Err(nobody)
    }

    async fn post(&self, base: &str, route: &str, body: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let url = format!("{}/v1/{route}", base.trim_end_matches('/'));
        let unavailable = |cause: &dyn std::fmt::Display| CallError::Unavailable {
            message: format!("{base}: {cause}"),
        };
        let sent = self.client.post(url).body(body).send().await;
        let mut answer = sent.map_err(|error| unavailable(&error))?;
        let (status, mut said) = (answer.status(), Vec::new());
        while let Some(piece) = answer.chunk().await.map_err(|error| unavailable(&error))? {
            if said.len() + piece.len() > ANSWER_MAX {
                return Err(unavailable(&"the answer is too large"));
            }
            said.extend_from_slice(&piece);
        }
        if status.is_success() {
            return Ok(said);
        }
        Err(serde_json::from_slice(&said).unwrap_or_else(|_| unavailable(&status)))
    }

    /// Whether there are any to ask.
    pub const fn exist(&self) -> bool {
        !self.urls.ask.is_empty()
    }

    /// Asks all for the object of a record; the first right answer counts.
    ///
    /// # Errors
    /// [`CallError::NotFound`] when every neighbour answered that it has none, [`CallError::Unavailable`] with the last
    /// trouble when one of them may still have it.
    pub async fn fetch(&self, id: RecordId) -> Result<SealedObject, CallError> {
        let asked = self.urls.ask.iter().map(|url| self.ask(url, id));
        let mut asked: FuturesUnordered<_> = asked.collect();
        let mut trouble = CallError::not_found("object");
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(object) => return Ok(object),
                Err(CallError::NotFound { .. }) => {}
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }

    async fn ask(&self, url: &str, id: RecordId) -> Result<SealedObject, CallError> {
        let trouble = |cause: &dyn std::fmt::Display| CallError::Unavailable {
            message: format!("{url}: {cause}"),
        };
        let url = format!("{}/v1/objects/{id}", url.trim_end_matches('/'));
        let response = self.client.get(&url).send().await;
        let mut response = response.map_err(|error| trouble(&error))?;
        match response.status() {
            reqwest::StatusCode::OK => {}
            reqwest::StatusCode::NOT_FOUND => return Err(CallError::not_found("object")),
            status => return Err(trouble(&status)),
        }
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| trouble(&error))? {
            if bytes.len() + piece.len() > OBJECT_MAX {
                return Err(trouble(&"the object is too large"));
            }
            bytes.extend_from_slice(&piece);
        }
        sealed_object(id, bytes)
    }
}

/// Why neighbours cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NeighboursError {
    /// A neighbour's URL is none.
    #[error("`{0}` is not the URL of a neighbour")]
    Url(String),
    /// This node's certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No HTTP client.
    #[error("no HTTP client: {0}")]
    Client(String),
}
