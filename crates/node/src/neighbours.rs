//! Other nodes: what this one does not keep itself, it gets from the node that does; and what
//! nobody could get from it, because it only dials out, it leaves with its hub.
//!
//! Nothing is believed: an object is the one that the chain names, or it is not taken.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use yilian_protocol::{
    MemberId, RecordId,
    call::{
        Answered, Call, CallError, GetStored, Method, RelayRecords, Transport,
        http::{Answer, Request},
    },
    refusal::Refusal,
    sealed::SealedObject,
};

use crate::{
    service::Neighbour,
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
    pub ask: Vec<NeighbourUrl>,
    /// For a node that others cannot reach: given its members' ciphertext, one after the other
    /// until one of them took it.
    #[serde(default)]
    pub hubs: Vec<NeighbourUrl>,
    /// Whose letters are kept where.
    #[serde(default, skip_serializing_if = "MailPlaces::is_usual")]
    pub mail: MailPlaces,
}

/// Where letters of a node's members are kept, when it cannot be reached by those who bring and
/// fetch them: by its hub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailPlaces {
    /// For a hub: members of other nodes whose mailboxes it keeps.
    #[serde(default)]
    pub keeps_for: Vec<MemberId>,
    /// For a node that others cannot reach: its members' mailboxes are kept by the hub that names
    /// them, and whoever asks this node is passed on.
    #[serde(default)]
    pub at_hub: bool,
}

impl MailPlaces {
    /// Whether each node keeps its own members' letters, and no others.
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this node keeps a member's mailboxes, who is one of its own or not.
    fn keeps(&self, member: MemberId, is_own: bool) -> bool {
        (is_own && !self.at_hub) || self.keeps_for.contains(&member)
    }
}

/// Where a neighbour is, and whose it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NeighbourUrl {
    /// Of any member.
    Any(String),
    /// Of this member: its certificate has to say so.
    Of {
        /// The base URL of its API.
        url: String,
        /// The member.
        member: MemberId,
    },
}

impl NeighbourUrl {
    fn url(&self) -> &str {
        match self {
            Self::Any(url) | Self::Of { url, .. } => url,
        }
    }

    const fn member(&self) -> Option<MemberId> {
        match self {
            Self::Any(_) => None,
            Self::Of { member, .. } => Some(*member),
        }
    }
}

/// The nodes that are asked, or told.
#[derive(Debug)]
pub struct Neighbours<N> {
    ask: Vec<N>,
    hubs: Vec<N>,
    mail: MailPlaces,
}

impl Neighbours<HttpNeighbour> {
    /// Those with APIs at `urls`.
    ///
    /// # Errors
    /// When a URL cannot be one, the certificates cannot be used, or no HTTP client can be made.
    pub fn over_http(urls: &NeighbourUrls, tls: Option<&Tls>) -> Result<Self, NeighboursError> {
        let reached = |urls: &[NeighbourUrl]| {
            let reached = urls.iter().map(|url| HttpNeighbour::new(url, tls));
            reached.collect::<Result<_, _>>()
        };
        Ok(Self {
            mail: urls.mail.clone(),
            ..Self::new(reached(&urls.ask)?, reached(&urls.hubs)?)
        })
    }

    /// Shows them these certificates from now on.
    ///
    /// # Errors
    /// As [`Self::over_http`]: then those of before are shown.
    pub fn renew(&self, tls: &Tls) -> Result<(), NeighboursError> {
        let all = self.ask.iter().chain(&self.hubs);
        let renewed = all.map(|neighbour| Ok((neighbour, client(Some(tls), neighbour.member)?)));
        for (neighbour, renewed) in renewed.collect::<Result<Vec<_>, NeighboursError>>()? {
            let client = neighbour.client.write();
            *client.unwrap_or_else(PoisonError::into_inner) = renewed;
        }
        Ok(())
    }
}

fn client(tls: Option<&Tls>, member: Option<MemberId>) -> Result<Client, NeighboursError> {
    let builder = match tls {
        Some(tls) => tls.client(member)?,
        None => Client::builder(),
    };
    let client = builder
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        // A neighbour answers itself: nobody is led elsewhere with this node's certificate.
        .redirect(reqwest::redirect::Policy::none())
        .build();
    client.map_err(|error| NeighboursError::Client(error.to_string()))
}

impl<N> Neighbours<N> {
    /// Those to `ask`, and the `hubs` that take what others cannot get here.
    #[must_use]
    pub const fn new(ask: Vec<N>, hubs: Vec<N>) -> Self {
        let mail = MailPlaces {
            keeps_for: Vec::new(),
            at_hub: false,
        };
        Self { ask, hubs, mail }
    }

    /// Whether this node keeps the mailboxes of `member`, who is one of its own or not.
    pub(crate) fn keeps_mail(&self, member: MemberId, is_own: bool) -> bool {
        self.mail.keeps(member, is_own)
    }

    /// Whether this node leaves its ciphertext with a hub.
    pub(crate) const fn has_hubs(&self) -> bool {
        !self.hubs.is_empty()
    }

    /// Whether there are any to ask.
    pub(crate) const fn exist(&self) -> bool {
        !self.ask.is_empty()
    }
}

impl<N: Neighbour> Neighbours<N> {
    /// Leaves objects and their transaction with the first hub that takes them.
    ///
    /// # Errors
    /// A hub's refusal, which others would repeat; else the trouble with the last of them.
    pub async fn relay(&self, relay: RelayRecords) -> Result<(), CallError> {
        let mut trouble = CallError::not_found("hub");
        for hub in &self.hubs {
            match hub.call(relay.clone()).await {
                Ok(_) => return Ok(()),
                Err(refused @ CallError::Refused { .. }) => return Err(refused),
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }

    /// Passes a call on until the node that it is for answers; that node's refusal counts, not
    /// those of others.
    ///
    /// # Errors
    /// The rule `nobody` when no neighbour is that node or reaches it.
    pub async fn pass_on<C: Call>(&self, call: C, nobody: Refusal) -> Answered<C> {
        let unreached = CallError::from(nobody);
        let mut trouble = unreached.clone();
        for neighbour in &self.ask {
            match neighbour.call(call.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error @ CallError::Refused { .. }) => {
                    if error != unreached {
                        return Err(error);
                    }
                }
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }

    /// Asks all for the object of a record; the first right answer counts.
    ///
    /// # Errors
    /// [`CallError::NotFound`] when every neighbour answered that it has none,
    /// [`CallError::Unavailable`] with the last trouble when one of them may still have it.
    pub async fn fetch(&self, id: RecordId) -> Result<SealedObject, CallError> {
        let asked = self.ask.iter().map(|neighbour| async move {
            let bytes = neighbour.call(GetStored { id }).await?;
            sealed_object(id, bytes)
        });
        let mut asked: FuturesUnordered<_> = asked.collect();
        let mut trouble = CallError::not_found("object");
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(object) => return Ok(object),
                Err(CallError::NotFound { .. }) => {}
                // Its refusal is not this node's.
                Err(error) => {
                    trouble = CallError::Unavailable {
                        message: format!("a neighbour: {error}"),
                    };
                }
            }
        }
        Err(trouble)
    }
}

/// Ciphertext as the object of the record `id`.
///
/// # Errors
/// [`CallError::Unavailable`] when it is not the one that the chain names.
pub(crate) fn sealed_object(id: RecordId, bytes: Vec<u8>) -> Result<SealedObject, CallError> {
    let object = SealedObject::parse(bytes).map_err(|error| CallError::Unavailable {
        message: error.to_string(),
    })?;
    if object.cid().record() != id {
        let message = format!("the ciphertext of record {id} is not the one the chain names");
        return Err(CallError::Unavailable { message });
    }
    Ok(object)
}

/// Another node, reached by HTTP.
#[derive(Debug, Clone)]
pub struct HttpNeighbour {
    base: String,
    member: Option<MemberId>,
    client: Arc<RwLock<Client>>,
}

impl Transport for HttpNeighbour {
    /// To whoever asked this node, one that it cannot reach is not a node that he cannot reach:
    /// that is [`CallError::Unavailable`].
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        self.send(call).await.map_err(|error| match error {
            CallError::Unreachable { message } => self.unavailable(&message),
            error => error,
        })
    }
}

impl HttpNeighbour {
    fn new(url: &NeighbourUrl, tls: Option<&Tls>) -> Result<Self, NeighboursError> {
        let (url, member) = (url.url(), url.member());
        if reqwest::Url::parse(url).is_err() {
            return Err(NeighboursError::Url(url.to_owned()));
        }
        if member.is_some() && tls.is_none() {
            return Err(NeighboursError::Unproven(url.to_owned()));
        }
        Ok(Self {
            base: url.trim_end_matches('/').to_owned(),
            member,
            client: Arc::new(RwLock::new(client(tls, member)?)),
        })
    }

    fn unavailable(&self, cause: &dyn std::fmt::Display) -> CallError {
        CallError::Unavailable {
            message: format!("{}: {cause}", self.base),
        }
    }

    async fn send<C: Call>(&self, call: C) -> Answered<C> {
        let Request {
            method,
            target,
            body,
        } = Request::of(&call);
        let url = format!("{}{target}", self.base);
        let client = self
            .client
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let request = match method {
            Method::Get => client.get(url),
            Method::Post => client.post(url),
        };
        let sent = request.body(body.unwrap_or_default()).send().await;
        let mut response = sent.map_err(|error| self.unavailable(&error))?;
        let (status, mut answer) = (response.status(), Answer::to::<C>());
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| self.unavailable(&error))?
        {
            answer.push(&piece)?;
        }
        answer.read::<C>(status.as_u16())
    }
}

/// Why neighbours cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NeighboursError {
    /// A neighbour's URL is none.
    #[error("`{0}` is not the URL of a neighbour")]
    Url(String),
    /// Without certificates nobody shows whose a neighbour is.
    #[error("`{0}` has to be a certain member's, and this node has no certificates to tell by")]
    Unproven(String),
    /// This node's certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No HTTP client.
    #[error("no HTTP client: {0}")]
    Client(String),
}

#[cfg(test)]
mod tests {
    use yilian_protocol::call::GetStatus;

    use super::*;

    /// Answers every call so.
    #[derive(Debug)]
    struct Says(CallError);

    impl Transport for Says {
        async fn call<C: Call>(&self, _: C) -> Answered<C> {
            Err(self.0.clone())
        }
    }

    #[test]
    fn letters_of_one_who_cannot_be_reached_lie_with_its_hub_alone() {
        let [own, other] = [[1; 32], [2; 32]].map(MemberId::from_bytes);
        let usual = MailPlaces::default();
        assert!(usual.keeps(own, true) && !usual.keeps(other, false));
        let hub = MailPlaces {
            keeps_for: vec![other],
            ..usual.clone()
        };
        assert!(hub.keeps(own, true) && hub.keeps(other, false));
        let follower = MailPlaces {
            at_hub: true,
            ..usual.clone()
        };
        assert!(!follower.keeps(other, true) && !follower.keeps(own, false));
        // Settings of before say nothing of it.
        let urls: NeighbourUrls = serde_json::from_str(r#"{"ask":[],"hubs":[]}"#).unwrap();
        assert_eq!(urls.mail, usual);
        assert!(!serde_json::to_string(&urls).unwrap().contains("mail"));
    }

    #[tokio::test]
    async fn a_neighbours_refusal_is_not_this_nodes_own() {
        let fetch = async |said: CallError| {
            let neighbours = Neighbours::new(vec![Says(said)], Vec::new());
            neighbours.fetch(RecordId::from_bytes([1; 32])).await
        };
        let refused = fetch(Refusal::GrantRevoked.into()).await;
        assert!(
            matches!(refused, Err(CallError::Unavailable { .. })),
            "{refused:?}"
        );
        let missing = fetch(CallError::not_found("object")).await;
        assert!(
            matches!(missing, Err(CallError::NotFound { .. })),
            "{missing:?}"
        );
    }

    /// Of a call that is passed on, the refusal of the node that it is for counts, and not that of
    /// one which it is not for.
    #[tokio::test]
    async fn who_a_call_is_for_refuses_it_and_nobody_else() {
        let nobody = Refusal::NotKeeper;
        let pass_on = async |said: Vec<CallError>| {
            let ask = said.into_iter().map(Says).collect();
            let neighbours = Neighbours::new(ask, Vec::new());
            neighbours.pass_on(GetStatus {}, nobody).await.unwrap_err()
        };
        let (none, spent) = (
            CallError::from(nobody),
            CallError::from(Refusal::StampSpent),
        );
        assert_eq!(pass_on(Vec::new()).await, none);
        assert_eq!(pass_on(vec![none.clone()]).await, none);
        assert_eq!(pass_on(vec![none.clone(), spent.clone()]).await, spent);
        // One that is down may be the one.
        let down = CallError::Unavailable {
            message: "down".to_owned(),
        };
        assert_eq!(pass_on(vec![none.clone(), down.clone(), none]).await, down);
    }
}
