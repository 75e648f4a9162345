//! Other nodes: what this one does not keep itself, it gets from the node that does; and what
//! nobody could get from it, because it only dials out, it leaves with its hub.
//!
//! Nothing is believed: an object is the one that the chain names, or it is not taken.

use std::{
    pin::pin,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{
    StreamExt as _,
    future::{Either, select},
    stream::FuturesUnordered,
};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use yilian_protocol::{
    MemberId, RecordId,
    call::{
        Answered, Call, CallError, GetObject, GetStored, Method, RelayRecords, Transport,
        http::{Answer, Request},
    },
    refusal::Refusal,
    sealed::SealedObject,
};

use crate::{
    service::Neighbour,
    serving,
    tls::{Tls, TlsError},
};

/// How long one neighbour may take for the largest object.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a neighbour may take to answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Calls that are passed on to one neighbour at a time: as many as one of them serves. While it is
/// down these wait for it, and no others.
const PASSED_ON_MAX: usize = 64;
/// Objects that are fetched from one neighbour at a time.
const FETCHED_MAX: usize = 8;
/// After this time without an answer the next neighbour is asked for an object, too.
const IMPATIENCE: Duration = Duration::from_secs(5);
/// When to come again, where a neighbour has no place.
const RETRY_MS: u64 = 1_000;

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
        /// Members whose calls it answers, too: whose hub it is, as it says itself in
        /// [`MailPlaces::keeps_for`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keeps_for: Vec<MemberId>,
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
    ask: Vec<Asked<N>>,
    hubs: Vec<N>,
    mail: MailPlaces,
}

/// One that is asked.
#[derive(Debug)]
struct Asked<N> {
    way: N,
    /// Whose it is, where that is known, and whose hub.
    member: Option<MemberId>,
    keeps_for: Vec<MemberId>,
    passed_on: Semaphore,
    fetched: Semaphore,
    /// Whether it gave no answer the last time.
    failed: AtomicBool,
    /// How often it answered with something else than it was asked for.
    wrong: AtomicU64,
}

impl<N> Asked<N> {
    fn new(way: N, member: Option<MemberId>, keeps_for: Vec<MemberId>) -> Self {
        Self {
            way,
            member,
            keeps_for,
            passed_on: Semaphore::new(PASSED_ON_MAX),
            fetched: Semaphore::new(FETCHED_MAX),
            failed: AtomicBool::new(false),
            wrong: AtomicU64::new(0),
        }
    }

    /// Whether it is named as who answers for a member.
    fn is_for(&self, member: MemberId) -> bool {
        self.member == Some(member) || self.keeps_for.contains(&member)
    }
}

/// Notes of a neighbour whether it answered. A caller who hangs up at once says nothing of it; that
/// he, or this node, waited for long and in vain does.
struct Noted<'a> {
    failed: &'a AtomicBool,
    begun: Instant,
    answered: Option<bool>,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        match self.answered {
            Some(answered) => self.failed.store(!answered, Ordering::Relaxed),
            None if self.begun.elapsed() >= IMPATIENCE => {
                self.failed.store(true, Ordering::Relaxed);
            }
            None => {}
        }
    }
}

impl<N: Neighbour> Asked<N> {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let mut noted = Noted {
            failed: &self.failed,
            begun: Instant::now(),
            answered: None,
        };
        let answer = self.way.call(call).await;
        let is_down = matches!(
            answer,
            Err(CallError::Unavailable { .. } | CallError::Unreachable { .. })
        );
        noted.answered = Some(!is_down);
        answer
    }

    async fn passed_on<C: Call>(&self, call: C) -> Answered<C> {
        let place = self.passed_on.try_acquire();
        let _place = place.map_err(|_| CallError::Busy { retry_ms: RETRY_MS })?;
        self.call(call).await
    }

    /// The object of a record: what it keeps itself, or, of a hub, what it gets from others, too.
    /// What is not that object blames whose node it is.
    async fn object(&self, id: RecordId, as_hub: bool) -> Result<SealedObject, CallError> {
        let place = self.fetched.try_acquire();
        let _place = place.map_err(|_| CallError::Busy { retry_ms: RETRY_MS })?;
        let bytes = match as_hub {
            true => self.call(GetObject { id }).await?,
            false => self.call(GetStored { id }).await?,
        };
        sealed_object(id, bytes).inspect_err(|error| {
            self.wrong.fetch_add(1, Ordering::Relaxed);
            let member = self.member.map(|member| member.to_string());
            tracing::warn!(neighbour = ?self.way, ?member, %error, "a neighbour answered falsely");
        })
    }
}

impl Neighbours<HttpNeighbour> {
    /// Those with APIs at `urls`.
    ///
    /// # Errors
    /// When a URL cannot be one, the certificates cannot be used, or no HTTP client can be made.
    pub fn over_http(urls: &NeighbourUrls, tls: Option<&Tls>) -> Result<Self, NeighboursError> {
        let reached = |url| HttpNeighbour::new(url, tls);
        let ask = urls.ask.iter().map(|url| {
            let keeps_for = match url {
                NeighbourUrl::Any(_) => Vec::new(),
                NeighbourUrl::Of { keeps_for, .. } => keeps_for.clone(),
            };
            Ok(Asked::new(reached(url)?, url.member(), keeps_for))
        });
        let hubs = urls.hubs.iter().map(reached);
        Ok(Self {
            mail: urls.mail.clone(),
            ask: ask.collect::<Result<_, NeighboursError>>()?,
            hubs: hubs.collect::<Result<_, _>>()?,
        })
    }

    /// Shows them these certificates from now on.
    ///
    /// # Errors
    /// As [`Self::over_http`]: then those of before are shown.
    pub fn renew(&self, tls: &Tls) -> Result<(), NeighboursError> {
        let asked = self.ask.iter().map(|asked| &asked.way);
        let all = asked.chain(&self.hubs);
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
    /// Those to `ask`, of whom nobody knows whose they are, and the `hubs` that take what others
    /// cannot get here.
    #[must_use]
    pub fn new(ask: Vec<N>, hubs: Vec<N>) -> Self {
        let unnamed = |way| Asked::new(way, None, Vec::new());
        Self {
            ask: ask.into_iter().map(unnamed).collect(),
            hubs,
            mail: MailPlaces::default(),
        }
    }

    /// Whom to ask for what a member's node has, the likeliest first: who is named for it; then
    /// whoever else may have it, and last who gave no answer before.
    fn likely(&self, member: MemberId) -> Vec<&Asked<N>> {
        let mut all: Vec<_> = self.ask.iter().collect();
        let unlikely = |asked: &&Asked<N>| {
            let failed = asked.failed.load(Ordering::Relaxed);
            (failed, !asked.is_for(member))
        };
        all.sort_by_key(unlikely);
        all
    }

    /// Who answers for a member: none but those who are named for it, if there are any. Who is none
    /// of them could say that it did what it was told.
    fn answering_for(&self, member: MemberId) -> Vec<&Asked<N>> {
        let mut all = self.likely(member);
        if all.iter().any(|asked| asked.is_for(member)) {
            all.retain(|asked| asked.is_for(member));
        }
        all
    }

    /// How often each neighbour that is known answered falsely.
    pub(crate) fn wrong_answers(&self) -> impl Iterator<Item = (MemberId, u64)> {
        let named = self.ask.iter();
        named.filter_map(|asked| Some((asked.member?, asked.wrong.load(Ordering::Relaxed))))
    }

    /// Whether this node is the hub of `member`, whose ciphertext it keeps.
    pub(crate) fn is_hub_of(&self, member: MemberId) -> bool {
        self.mail.keeps_for.contains(&member)
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

    /// Passes a call on until the node of `member` answers, which it is for; that node's refusal
    /// counts, not those of others. Where neighbours are named for that member, no other is asked.
    ///
    /// # Errors
    /// The rule `nobody` when no neighbour is that node or reaches it, and [`CallError::Busy`] when
    /// it has as many calls of this node as it may.
    pub async fn pass_on<C: Call>(
        &self,
        call: C,
        member: MemberId,
        nobody: Refusal,
    ) -> Answered<C> {
        let unreached = CallError::from(nobody);
        let mut trouble = unreached.clone();
        for neighbour in self.answering_for(member) {
            match neighbour.passed_on(call.clone()).await {
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

    /// Asks for the object of a record that `hospital` sealed: first who is named for that, the
    /// others one after the other. The first right answer counts. `sleep` lets time pass.
    ///
    /// A node with hubs knows none but them, so they ask others for it; those are not asked in
    /// their turn, and nobody asks in a circle.
    ///
    /// # Errors
    /// [`CallError::NotFound`] when every neighbour answered that it has none,
    /// [`CallError::Busy`] when the caller, or the last neighbour, has no room for it, and
    /// [`CallError::Unavailable`] with the last trouble when one of them may still have it.
    pub async fn fetch<S: Future<Output = ()>>(
        &self,
        id: RecordId,
        hospital: MemberId,
        sleep: impl Fn(Duration) -> S,
    ) -> Result<SealedObject, CallError> {
        let mut rest = self.likely(hospital).into_iter();
        let mut asked = FuturesUnordered::new();
        let mut trouble = CallError::not_found("object");
        loop {
            asked.extend(
                rest.next()
                    .map(|neighbour| neighbour.object(id, self.has_hubs())),
            );
            let impatience = pin!(sleep(IMPATIENCE));
            match select(asked.next(), impatience).await {
                Either::Left((Some(Ok(object)), _)) => return Ok(object),
                Either::Left((None, _)) => return Err(trouble),
                Either::Left((Some(Err(CallError::NotFound { .. })), _)) | Either::Right(_) => {}
                Either::Left((Some(Err(busy @ CallError::Busy { .. })), _)) => trouble = busy,
                // Its refusal is not this node's.
                Either::Left((Some(Err(error)), _)) => {
                    trouble = CallError::Unavailable {
                        message: format!("a neighbour: {error}"),
                    };
                }
            }
        }
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
#[derive(Clone)]
pub struct HttpNeighbour {
    base: String,
    member: Option<MemberId>,
    client: Arc<RwLock<Client>>,
}

impl std::fmt::Debug for HttpNeighbour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.base)
    }
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
        // It is held for whoever this is asked for, and counts as his.
        let mut held = serving::answer();
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| self.unavailable(&error))?
        {
            if let Some(held) = &mut held {
                held.grow(piece.len())?;
            }
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
    use std::future::pending;

    use yilian_protocol::call::GetStatus;

    use super::*;

    fn member(number: u8) -> MemberId {
        MemberId::from_bytes([number; 32])
    }

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
            let (record, hospital) = (RecordId::from_bytes([1; 32]), member(1));
            neighbours.fetch(record, hospital, |_| pending()).await
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
            let passed_on = neighbours.pass_on(GetStatus {}, member(1), nobody);
            passed_on.await.unwrap_err()
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

    /// Those to ask, with whose they are.
    fn of_members<N>(ask: Vec<(MemberId, N)>) -> Neighbours<N> {
        let named = |(member, way)| Asked::new(way, Some(member), Vec::new());
        Neighbours {
            ask: ask.into_iter().map(named).collect(),
            ..Neighbours::new(Vec::new(), Vec::new())
        }
    }

    /// Says that it did what it was told, counts who asked, and has an object that is another; or
    /// never answers.
    #[derive(Debug, Clone)]
    struct Willing {
        asked: Arc<AtomicU64>,
        hangs: bool,
    }

    impl Willing {
        fn new(hangs: bool) -> Self {
            Self {
                asked: Arc::default(),
                hangs,
            }
        }

        fn asked(&self) -> u64 {
            self.asked.load(Ordering::Relaxed)
        }
    }

    impl Transport for Willing {
        async fn call<C: Call>(&self, _: C) -> Answered<C> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if self.hangs {
                pending::<()>().await;
            }
            let answer: Box<dyn std::any::Any> = Box::new(vec![7_u8; 300]);
            answer
                .downcast()
                .map(|answer| *answer)
                .map_err(|_| CallError::not_found("answer"))
        }
    }

    #[tokio::test]
    async fn nobody_answers_for_a_keeper_but_who_is_named_for_it() {
        let (liar, keeper) = (Willing::new(false), Willing::new(false));
        let ask = vec![(member(1), liar.clone()), (member(2), keeper.clone())];
        let mut neighbours = of_members(ask);
        let nobody = Refusal::NotKeeper;
        drop(neighbours.pass_on(GetStatus {}, member(2), nobody).await);
        assert_eq!((liar.asked(), keeper.asked()), (0, 1));
        // Nor for a member whose hub is named.
        neighbours.ask[1].keeps_for = vec![member(3)];
        drop(neighbours.pass_on(GetStatus {}, member(3), nobody).await);
        assert_eq!((liar.asked(), keeper.asked()), (0, 2));
    }

    #[tokio::test]
    async fn a_neighbour_that_hangs_holds_its_own_places_alone() {
        let (hangs, answers) = (Willing::new(true), Willing::new(false));
        let ask = vec![(member(1), hangs), (member(2), answers)];
        let neighbours = Arc::new(of_members(ask));
        let nobody = Refusal::NotKeeper;
        let to = async |number| {
            let passed_on = neighbours.pass_on(GetStatus {}, member(number), nobody);
            futures::poll!(Box::pin(passed_on))
        };
        let mut hanging: Vec<_> = (0..PASSED_ON_MAX)
            .map(|_| Box::pin(neighbours.pass_on(GetStatus {}, member(1), nobody)))
            .collect();
        for one in &mut hanging {
            assert!(futures::poll!(one).is_pending());
        }
        let refused = to(1).await;
        assert!(
            matches!(refused, std::task::Poll::Ready(Err(CallError::Busy { .. }))),
            "{refused:?}"
        );
        assert!(to(2).await.is_ready());
        drop(hanging);
        assert!(to(1).await.is_pending(), "its places are free again");
    }

    /// The hospital's own node is asked first; the next one when that has nothing, gave something
    /// else or says nothing; and all of them at once never.
    #[tokio::test]
    async fn an_object_is_asked_for_of_one_neighbour_after_the_other() {
        let ways = [Willing::new(false), Willing::new(true), Willing::new(false)];
        let ask = ways
            .iter()
            .zip(1..)
            .map(|(way, number)| (member(number), way.clone()));
        let neighbours = of_members(ask.collect());
        let asked = || ways.each_ref().map(Willing::asked);
        let record = RecordId::from_bytes([1; 32]);
        let mut fetch = Box::pin(neighbours.fetch(record, member(2), |_| pending()));
        assert!(futures::poll!(&mut fetch).is_pending());
        assert_eq!(asked(), [0, 1, 0]);
        drop(fetch);
        // Who hangs up at once says nothing of it; that it let somebody wait does.
        let named = &neighbours.ask[1].failed;
        assert!(!named.load(Ordering::Relaxed));
        drop(Noted {
            failed: named,
            begun: Instant::now().checked_sub(IMPATIENCE).unwrap(),
            answered: None,
        });
        // It gave no answer: it is asked last.
        let mut fetch = Box::pin(neighbours.fetch(record, member(2), |_| pending()));
        assert!(futures::poll!(&mut fetch).is_pending());
        assert_eq!(asked(), [1, 2, 1]);
        drop(fetch);
        // Whoever is impatient does not wait for it.
        let time = std::cell::Cell::new(3);
        let sleep = |_| {
            time.set(time.get() - 1);
            let over = time.get() > 0;
            async move {
                if !over {
                    pending().await
                }
            }
        };
        neighbours.ask[1].failed.store(false, Ordering::Relaxed);
        let mut fetch = Box::pin(neighbours.fetch(record, member(2), sleep));
        assert!(futures::poll!(&mut fetch).is_pending());
        assert_eq!(asked(), [2, 3, 2]);
        drop(fetch);
        let wrong: Vec<_> = neighbours.wrong_answers().collect();
        assert_eq!(wrong, [(member(1), 2), (member(2), 0), (member(3), 2)]);
    }
}
