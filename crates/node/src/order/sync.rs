//! State sync: a node that joins late takes the state's logs from peers, operation by operation,
//! instead of executing all blocks.
//!
//! Whatever a peer says is verified against the root in a final block, and who answers falsely is
//! blocked. commonware's own resolver wants operations of fixed size; the ones here have values of
//! any size up to a limit, so an answer holds as many as fit a message.

use std::{
    collections::HashMap,
    num::NonZeroU64,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use commonware_codec::{Codec, Decode as _, Encode as _, Read};
use commonware_cryptography::{blake3::Digest, ed25519::PublicKey};
use commonware_glue::stateful::db::{AttachableResolver, Shared};
use commonware_p2p::{Receiver, Sender};
use commonware_resolver::{
    Consumer, Delivery, Fetch, Resolver as _,
    p2p::{Config, Engine, Mailbox, Producer},
};
use commonware_storage::{
    mmr,
    qmdb::sync::{Feedback, Request, Response, Source, source},
};
use commonware_utils::{
    NZDuration, NZU64, NZUsize,
    channel::{mpsc, oneshot},
};
use tokio::sync::Semaphore;

use super::{
    network::{MESSAGE_MAX, Peers},
    runtime::Runtime,
};

/// Operations asked for at a time.
pub(super) const BATCH: NonZeroU64 = NZU64!(4096);
/// Pages of the write-once part that fill an answer.
pub(super) const PAGES_AT_ONCE: NonZeroU64 = NZU64!(256);
/// Bytes of an answer, without what frames it.
const ANSWER_MAX: usize = MESSAGE_MAX as usize - 64 * 1024;
/// Answers that are put together at a time; who asks more is asked to come again by silence.
const SERVING_MAX: usize = 4;
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

type Op<D> = <Shared<D> as Source>::Op;
/// How an operation is read.
type OpConfig<D> = <Op<D> as Read>::Cfg;
type Answer<D> = Response<mmr::Family, Op<D>, Digest>;
/// Where an answer goes, with the place for the verdict on it.
type Reply<D> = mpsc::Sender<(Answer<D>, oneshot::Sender<bool>)>;

/// A database whose operations are read as the state's are.
pub(super) trait Readable:
    Source<
        Family = mmr::Family,
        Digest = Digest,
        Op: Codec<Cfg: Clone + Send + Sync> + Clone + Send + Sync + 'static,
    >
{
}

impl<S> Readable for S
where
    S: Source<Family = mmr::Family, Digest = Digest>,
    S::Op: Codec<Cfg: Clone + Send + Sync> + Clone + Send + Sync + 'static,
{
}

/// Asks peers for one database of the state, and answers them once this node has it.
pub(super) struct StateSource<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    desk: Handler<E, D>,
    resolver: Mailbox<Request<mmr::Family>, PublicKey, u64>,
}

/// What questions of peers and answers to this node's questions go over.
struct Desk<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    context: E,
    operations: OpConfig<D>,
    at_once: NonZeroU64,
    database: Mutex<Option<Shared<D>>>,
    waiting: Mutex<HashMap<u64, Reply<D>>>,
    next: AtomicU64,
    serving: Arc<Semaphore>,
}

/// The desk as the resolver sees it.
struct Handler<E, D>(Arc<Desk<E, D>>)
where
    D: Send + Sync + 'static,
    Shared<D>: Readable;

impl<E, D> Clone for Handler<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E, D> Desk<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Reply<D>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn database(&self) -> MutexGuard<'_, Option<Shared<D>>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E, D> Clone for StateSource<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    fn clone(&self) -> Self {
        Self {
            desk: self.desk.clone(),
            resolver: self.resolver.clone(),
        }
    }
}

impl<E: Runtime, D> StateSource<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    /// Asks and answers on this channel; `at_once` operations are tried first for an answer.
    pub fn start<P: Peers>(
        context: E,
        me: PublicKey,
        peers: P,
        (operations, at_once): (OpConfig<D>, NonZeroU64),
        channel: (
            impl Sender<PublicKey = PublicKey>,
            impl Receiver<PublicKey = PublicKey>,
        ),
    ) -> Self {
        let desk = Handler(Arc::new(Desk {
            context: context.child("serve"),
            operations,
            at_once,
            database: Mutex::default(),
            waiting: Mutex::default(),
            next: AtomicU64::default(),
            serving: Arc::new(Semaphore::new(SERVING_MAX)),
        }));
        let config = Config {
            peer_provider: peers.clone(),
            blocker: peers,
            consumer: desk.clone(),
            producer: desk.clone(),
            mailbox_size: NZUsize!(1024),
            me: Some(me),
            fetch_timeout: NZDuration!(FETCH_TIMEOUT),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        };
        let (engine, resolver) = Engine::new(context, config);
        engine.start(channel);
        Self { desk, resolver }
    }
}

impl<E: Runtime, D> Source for StateSource<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    type Family = mmr::Family;
    type Digest = Digest;
    type Op = Op<D>;
    type Error = Unanswered;

    async fn serve(&self, request: Request<mmr::Family>) -> source::Result<Self> {
        let desk = Arc::clone(&self.desk.0);
        let id = desk.next.fetch_add(1, Ordering::Relaxed);
        let (reply, mut answers) = mpsc::channel(1);
        desk.waiting().insert(id, reply.clone());
        let mut resolver = self.resolver.clone();
        resolver.fetch(Fetch {
            key: request,
            subscriber: id,
            span: tracing::Span::none(),
        });
        // The asker keeps the other end for as long as it may want another answer.
        let asking = desk.context.child("ask");
        asking.spawn(async move |_| {
            reply.closed().await;
            desk.waiting().remove(&id);
            resolver.retain(move |_, subscriber| *subscriber != id);
        });
        let (answer, verdict) = answers.recv().await.ok_or(Unanswered)?;
        Ok((answer, Some(Feedback::new(verdict, answers))))
    }
}

impl<E: Runtime, D> AttachableResolver<D> for StateSource<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    async fn attach_database(&self, database: Shared<D>) {
        *self.desk.0.database() = Some(database);
    }
}

/// The node is stopping.
#[derive(Debug, thiserror::Error)]
#[error("nobody answers any more")]
pub(super) struct Unanswered;

impl<E: Runtime, D> Consumer for Handler<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    type Key = Request<mmr::Family>;
    type Value = Bytes;
    type Subscriber = u64;
    type Outcome = bool;

    /// All who ask the same ask it of one history, so the verdict of the first holds for the
    /// others.
    fn deliver(
        &mut self,
        delivery: Delivery<Self::Key, u64>,
        value: Bytes,
    ) -> oneshot::Receiver<bool> {
        let (mut verdict, judged) = oneshot::channel();
        let count = usize::try_from(delivery.key.max_ops().get()).unwrap_or(usize::MAX);
        let config = (count, self.0.operations.clone());
        let answer = Answer::<D>::decode_cfg(value, &config);
        let answer = answer.ok().filter(|answer| {
            matches!(
                (&delivery.key, answer),
                (Request::Operations { .. }, Response::Operations { .. })
                    | (Request::Boundary { .. }, Response::Boundary { .. })
            )
        });
        let Some(answer) = answer else {
            let told = verdict.send(false);
            debug_assert!(told.is_ok(), "the receiver is at hand");
            return judged;
        };
        let waiting = self.0.waiting();
        for (id, _) in delivery.subscribers.into_vec() {
            let Some(reply) = waiting.get(&id) else {
                continue;
            };
            // Without its own verdict, a further asker's is not heard.
            let (spare, _) = oneshot::channel();
            let own = std::mem::replace(&mut verdict, spare);
            drop(reply.try_send((answer.clone(), own)));
        }
        judged
    }
}

impl<E: Runtime, D> Producer for Handler<E, D>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    type Key = Request<mmr::Family>;

    fn produce(&mut self, key: Request<mmr::Family>) -> oneshot::Receiver<Bytes> {
        let (answer, told) = oneshot::channel();
        let database = self.0.database().clone();
        let permit = Arc::clone(&self.0.serving).try_acquire_owned();
        let at_once = self.0.at_once;
        if let (Some(database), Ok(permit)) = (database, permit)
            && key.max_ops() <= BATCH
        {
            self.0.context.child("answer").spawn(async move |_| {
                if let Some(bytes) = put_together(&database, key, at_once).await {
                    // Who asked may have gone away.
                    drop(answer.send(bytes));
                }
                drop(permit);
            });
        }
        told
    }
}

/// As many of the operations asked for as fit an answer.
async fn put_together<D>(
    database: &Shared<D>,
    mut request: Request<mmr::Family>,
    at_once: NonZeroU64,
) -> Option<Bytes>
where
    D: Send + Sync + 'static,
    Shared<D>: Readable,
{
    if let Request::Operations { max_ops, .. } = &mut request {
        *max_ops = at_once.min(*max_ops);
    }
    loop {
        let (answer, _) = database.serve(request).await.ok()?;
        let bytes = answer.encode();
        if bytes.len() <= ANSWER_MAX {
            return Some(bytes);
        }
        let Request::Operations { max_ops, .. } = &mut request else {
            return None;
        };
        let share = ANSWER_MAX as u64 * max_ops.get() / bytes.len() as u64;
        *max_ops = NonZeroU64::new(share.min(max_ops.get() / 2))?;
    }
}
