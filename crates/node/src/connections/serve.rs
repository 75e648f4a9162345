//! The one way in: from a socket to a request, in the clear and under TLS.

use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
};
use futures::future::BoxFuture;
use hyper::{
    Request,
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::timeout,
};
use tower::ServiceExt as _;

use yilian_protocol::MemberId;

use super::{
    counted::Closed,
    flight::Allowance,
    limits::{FIELDS_MAX, HEAD_MAX},
    line::{Line, Phase},
    room::{Place, Room},
    watched::{Io, Watched},
};
use crate::tls::{Acceptor, Caller};

/// How long nothing is accepted when the system gives no more sockets.
const BREATH: Duration = Duration::from_millis(200);

/// When a server ends.
pub struct Stop {
    /// It takes no more connections, and finishes what it is at: for a while.
    pub drain: BoxFuture<'static, ()>,
    /// It does not wait.
    pub at_once: BoxFuture<'static, ()>,
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stop")
    }
}

impl From<BoxFuture<'static, ()>> for Stop {
    fn from(drain: BoxFuture<'static, ()>) -> Self {
        Self {
            drain,
            at_once: Box::pin(std::future::pending()),
        }
    }
}

/// Says which members may act now.
pub(crate) trait Standing: Send + Sync + 'static {
    /// Whether this one may.
    fn may_act(&self, member: MemberId) -> BoxFuture<'_, bool>;
}

/// Serves `router` to whoever gets a place in `room`, until it is told to stop. Members have their
/// places as long as `standing` says that they may act.
pub(crate) async fn serve(
    Listening { listener, tls }: Listening,
    router: Router,
    room: Arc<Room>,
    standing: Arc<dyn Standing>,
    stop: Stop,
) {
    let Stop { mut drain, at_once } = stop;
    let (drains, draining) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut drain => break,
            Some(ended) = connections.join_next() => tell_panic(ended),
            accepted = accept(&listener) => {
                let Some((stream, address)) = accepted else { continue };
                // Without a place it is closed here: nothing was read of it, nothing is said.
                let Ok(place) = room.admit(address.ip(), tls.is_some()) else { continue };
                let connection = Connection {
                    place,
                    address,
                    room: Arc::clone(&room),
                    standing: Arc::clone(&standing),
                    draining: draining.clone(),
                };
                connections.spawn(connection.run(stream, tls.clone(), router.clone()));
            }
        }
    }
    drop(listener);
    drains.send_replace(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    let drained = timeout(room.limits.times.drain, drained);
    tokio::select! {
        drained = drained => if drained.is_err() {
            tracing::warn!("some callers waited for an answer when the node stopped");
        },
        () = at_once => {}
    }
    connections.shutdown().await;
}

fn tell_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended by a bug");
    }
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            let is_theirs = matches!(
                error.kind(),
                ErrorKind::ConnectionAborted
                    | ErrorKind::ConnectionRefused
                    | ErrorKind::ConnectionReset
            );
            if !is_theirs {
                tracing::error!(%error, "the system gives no more connections");
                tokio::time::sleep(BREATH).await;
            }
            None
        }
    }
}

/// A connection that has a place.
struct Connection {
    place: Place,
    address: SocketAddr,
    room: Arc<Room>,
    standing: Arc<dyn Standing>,
    draining: watch::Receiver<bool>,
}

/// Who speaks over a connection.
#[derive(Clone)]
struct Speaker {
    caller: Caller,
    /// The member that it showed a certificate of, if that might act then.
    member: Option<MemberId>,
    since: Instant,
    standing: Arc<dyn Standing>,
    line: Arc<Line>,
    room: Arc<Room>,
}

impl Speaker {
    /// Has the connection closed after the next answer, if it is to be made anew: its member may
    /// not act any more, or its certificate was looked at long ago.
    async fn look(&self) {
        let is_old = self.since.elapsed() > self.room.limits.times.age;
        let may_go_on = match self.member {
            Some(member) => self.standing.may_act(member).await,
            None => true,
        };
        if is_old || !may_go_on {
            self.line.end();
        }
    }
}

impl Connection {
    async fn run(mut self, stream: TcpStream, tls: Option<Acceptor>, router: Router) {
        // Answers are written whole: there is nothing to wait for.
        let _refused = stream.set_nodelay(true);
        let Some((io, caller, member)) = self.begin(stream, tls).await else {
            return;
        };
        let (line, room) = (Arc::clone(&self.place.line), Arc::clone(&self.room));
        line.enter(Phase::Head);
        // Who may not act has the bytes of a stranger.
        let holder = match (caller, member) {
            (Caller::Member(_), None) => Caller::Anybody,
            (caller, _) => caller,
        };
        let address = self.address.ip();
        let allowance = Allowance::new(Arc::clone(&room), Arc::clone(&line), address, holder);
        let io = Watched::new(io, Arc::clone(&line), Arc::clone(&room));
        let speaker = Speaker {
            caller,
            member,
            since: Instant::now(),
            standing: Arc::clone(&self.standing),
            line,
            room,
        };
        let service = service_fn(move |request| {
            serve_request(request, router.clone(), speaker.clone(), allowance.clone())
        });
        let served = http1::Builder::new()
            .max_buf_size(HEAD_MAX)
            .max_headers(FIELDS_MAX)
            .serve_connection(TokioIo::new(io), service);
        let mut served = pin!(served);
        let mut ends = false;
        loop {
            tokio::select! {
                // However it ended: nobody is left to be told.
                _ended = served.as_mut() => return,
                () = self.place.line.closed() => return,
                () = self.place.line.ended(), if !ends => {
                    ends = true;
                    served.as_mut().graceful_shutdown();
                }
                () = drains(&mut self.draining), if !ends => {
                    ends = true;
                    if self.place.line.rests() {
                        return;
                    }
                    served.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// The handshake, if there is one, who is there, and of which member that may act.
    async fn begin(
        &mut self,
        stream: TcpStream,
        tls: Option<Acceptor>,
    ) -> Option<(Box<dyn Io>, Caller, Option<MemberId>)> {
        let Some(tls) = tls else {
            return Some((Box::new(stream), Caller::Unknown, None));
        };
        let standing = Arc::clone(&self.standing);
        let shaken = timeout(self.room.limits.times.handshake, async {
            let stream = tls.accept(stream).await.ok()?;
            let caller = Caller::of(&stream);
            let member = match caller {
                Caller::Member(member) if standing.may_act(member).await => Some(member),
                _ => None,
            };
            Some((stream, caller, member))
        });
        let shaken = tokio::select! {
            shaken = shaken => shaken,
            () = self.place.line.closed() => return None,
            () = drains(&mut self.draining) => return None,
        };
        let Ok(Some((stream, caller, member))) = shaken else {
            self.room.counted.closed(Closed::Handshake);
            return None;
        };
        self.place.arrived(member).ok()?;
        Some((Box::new(stream), caller, member))
    }
}

async fn drains(draining: &mut watch::Receiver<bool>) {
    // Who told of it is gone only when the server is.
    drop(draining.wait_for(|drains| *drains).await);
}

async fn serve_request(
    mut request: Request<Incoming>,
    router: Router,
    speaker: Speaker,
    allowance: Allowance,
) -> Result<hyper::Response<Answer>, Infallible> {
    let line = Arc::clone(&speaker.line);
    line.enter(Phase::Serving);
    speaker.look().await;
    let extensions = request.extensions_mut();
    extensions.insert(ConnectInfo(speaker.caller));
    extensions.insert(allowance);
    let answer = router.oneshot(request).await?;
    Ok(answer.map(|body| Answer { body, line }))
}

/// The body of an answer. When it is dropped, all of it is handed over.
struct Answer {
    body: Body,
    line: Arc<Line>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.line.enter(Phase::Ending);
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An address to listen at.
#[derive(Debug)]
pub struct Listening {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Acceptor>,
}

impl Listening {
    /// Under TLS.
    #[must_use]
    pub const fn tls(listener: TcpListener, acceptor: Acceptor) -> Self {
        Self {
            listener,
            tls: Some(acceptor),
        }
    }

    /// In the clear, where nobody knows who calls: on this machine only.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] when others reach the address.
    pub fn plain(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        if !address.ip().to_canonical().is_loopback() {
            return Err(io::Error::new(
                ErrorKind::PermissionDenied,
                format!("{address} is reached by others, and plain HTTP lets everybody do all"),
            ));
        }
        Ok(Self::insecure(listener))
    }

    /// Where that is.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// In the clear at any address: whoever reaches it may do what is for members only.
    #[must_use]
    pub const fn insecure(listener: TcpListener) -> Self {
        Self {
            listener,
            tls: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::connections::Limits;

    /// Says of every member whether it may act.
    struct All(bool);

    impl Standing for All {
        fn may_act(&self, _: MemberId) -> BoxFuture<'_, bool> {
            Box::pin(std::future::ready(self.0))
        }
    }

    /// Its connections end when it is suspended, and not only those that it makes then.
    #[tokio::test]
    async fn a_members_connection_ends_when_it_may_not_act_any_more() {
        let ends = async |member: Option<u8>, may_act: bool| {
            let speaker = Speaker {
                caller: Caller::Anybody,
                member: member.map(|number| MemberId::from_bytes([number; 32])),
                since: Instant::now(),
                standing: Arc::new(All(may_act)),
                line: Arc::default(),
                room: Room::new(Limits::default()),
            };
            speaker.look().await;
            speaker.line.ended().now_or_never().is_some()
        };
        assert!(ends(Some(1), false).await);
        assert!(!ends(Some(1), true).await && !ends(None, false).await);
    }
}
