//! Strangers with sockets: what they can hold, and that honest callers are served beside them.
//! Every socket here comes from this machine, so its places are not apart from strangers'.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use reqwest::{Client, StatusCode};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use yilian_node::{
    api,
    connections::{Limits, Listening, Stop},
    tls::{Acceptor, Tls, TlsFiles, member_name},
    vault::Vault,
};
use yilian_protocol::MemberId;

use crate::calls::World;

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than any test waits.
const NEVER: Duration = Duration::from_secs(3_600);
/// The strangers' addresses; honest callers come from 127.0.0.1.
const HOSTILE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// A node that is served.
struct Besieged {
    world: World,
    address: SocketAddr,
    drain: Arc<Notify>,
    at_once: Arc<Notify>,
    served: JoinHandle<()>,
    keys: Option<Keys>,
}

impl Besieged {
    async fn plain(change: impl FnOnce(&mut Limits)) -> Self {
        Self::start(change, false).await
    }

    async fn tls(change: impl FnOnce(&mut Limits)) -> Self {
        Self::start(change, true).await
    }

    async fn start(change: impl FnOnce(&mut Limits), tls: bool) -> Self {
        let world = World::new().await;
        let mut limits = Limits {
            loopback_apart: false,
            ..Limits::default()
        };
        change(&mut limits);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let keys = tls.then(Keys::new);
        let listening = match &keys {
            Some(keys) => Listening::tls(listener, Acceptor::new(&keys.node()).unwrap()),
            None => Listening::plain(listener).unwrap(),
        };
        let (drain, at_once) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let told = |told: &Arc<Notify>| {
            let told = Arc::clone(told);
            Box::pin(async move { told.notified().await })
        };
        let stop = Stop {
            drain: told(&drain),
            at_once: told(&at_once),
        };
        let served = api::serve(listening, Arc::clone(&world.node), limits, stop);
        Self {
            world,
            address,
            drain,
            at_once,
            served: tokio::spawn(served),
            keys,
        }
    }

    /// A socket of somebody at `from`.
    async fn socket(&self, from: IpAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// The same, whose handshake is done, without a certificate.
    async fn tls_socket(&self, from: IpAddr) -> TlsStream<TcpStream> {
        let keys = self.keys.as_ref().unwrap();
        let socket = self.socket(from).await;
        let name = ServerName::from(self.address.ip());
        keys.connector().connect(name, socket).await.unwrap()
    }

    async fn sockets(&self, from: IpAddr, count: usize, said: &[u8]) -> Vec<TcpStream> {
        let mut sockets = Vec::new();
        for _ in 0..count {
            let mut socket = self.socket(from).await;
            // The node may have closed it already.
            drop(socket.write_all(said).await);
            sockets.push(socket);
        }
        sockets
    }

    fn client(&self, member: Option<MemberId>) -> Client {
        let client = match &self.keys {
            Some(keys) => keys.client(member),
            None => Client::builder(),
        };
        client.timeout(PATIENCE).build().unwrap()
    }

    fn url(&self, path: &str) -> String {
        let scheme = if self.keys.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    async fn get(&self, client: &Client, path: &str) -> (StatusCode, String) {
        let answer = client.get(self.url(path)).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// An honest caller, who begins anew, is answered.
    async fn serves(&self, member: Option<MemberId>) {
        let (status, said) = self.get(&self.client(member), "/v1/status").await;
        assert_eq!(status, StatusCode::OK, "{said}");
    }

    /// Waits until a line of the metrics says so.
    async fn counts(&self, line: &str) {
        let counted = async {
            let client = self.client(Some(self.world.members[0]));
            loop {
                let (status, text) = self.get(&client, "/metrics").await;
                assert_eq!(status, StatusCode::OK, "{text}");
                assert!(text.trim_end().ends_with("# EOF"), "{text}");
                if text.lines().any(|told| told == line) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let counted = timeout(PATIENCE, counted).await;
        counted.unwrap_or_else(|_| panic!("never counted: {line}"));
    }

    async fn ends(self) {
        let ended = timeout(PATIENCE, self.served).await;
        ended.expect("something holds it up").unwrap();
    }
}

/// Waits until the node closes the socket; returns what it said.
async fn closed(socket: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let closed = timeout(PATIENCE, socket.read_to_end(&mut said)).await;
    match closed.expect("the node keeps it open") {
        Ok(_) => said,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => said,
        Err(error) => panic!("{error}"),
    }
}

/// What is there to be read, without waiting: nothing, or that it is closed.
fn is_closed(socket: &TcpStream) -> bool {
    let mut byte = [0; 1];
    match socket.try_read(&mut byte) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// How many of them the node has closed, as soon as it is `count`.
async fn are_closed(sockets: &[TcpStream], count: usize) {
    let waits = async {
        while sockets.iter().filter(|socket| is_closed(socket)).count() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(PATIENCE, waits).await;
    let now = sockets.iter().filter(|socket| is_closed(socket)).count();
    waited.unwrap_or_else(|_| panic!("{now} are closed, and not {count}"));
}

/// The head of a POST whose body has `length` bytes.
fn post(path: &str, length: usize) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: node\r\ncontent-length: {length}\r\n\r\n").into_bytes()
}

/// Sends ten bytes of a body of a hundred, to somebody who has begun to read it.
async fn begins(socket: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let head = "POST /v1/visits HTTP/1.1\r\nhost: node\r\ncontent-length: 100\r\n";
    let head = format!("{head}expect: 100-continue\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut said = [0; 25];
    let read = timeout(PATIENCE, socket.read_exact(&mut said)).await;
    read.expect("the body is not read").unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(&[7; 10]).await.unwrap();
}

const STATUS: &[u8] = b"GET /v1/status HTTP/1.1\r\nhost: node\r\n\r\n";

/// Reads one answer with a stated length; returns its head.
async fn answer(socket: &mut TcpStream) -> String {
    let read = async {
        let (mut said, mut piece) = (Vec::new(), [0; 4_096]);
        loop {
            let text = String::from_utf8_lossy(&said).to_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let mut lengths = head
                    .lines()
                    .filter_map(|line| line.strip_prefix("content-length: "));
                let length: usize = lengths.next_back().unwrap_or("0").parse().unwrap();
                if body.len() >= length {
                    return head.to_owned();
                }
            }
            let count = socket.read(&mut piece).await.unwrap();
            assert!(count > 0, "closed before the answer: {text}");
            said.extend_from_slice(&piece[..count]);
        }
    };
    timeout(PATIENCE, read).await.expect("no answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_hundred_idle_sockets_of_one_address_are_as_many_as_it_may_have() {
    let node = Besieged::plain(|limits| {
        (limits.strangers, limits.per_address) = (24, 16);
        limits.times.head = NEVER;
    })
    .await;
    let idle = node.sockets(HOSTILE, 930, b"").await;
    are_closed(&idle, 930 - 16).await;
    node.serves(None).await;
    node.counts(r#"yilian_connections_closed_total{reason="room"} 914"#)
        .await;
    // From a second address too: now all places are taken, and the fullest give way.
    let more = node.sockets(ELSEWHERE, 30, b"").await;
    node.serves(None).await;
    let fewer = async {
        while idle
            .iter()
            .chain(&more)
            .filter(|socket| !is_closed(socket))
            .count()
            > 24
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, fewer)
        .await
        .expect("there are more than places");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_in_a_row_leave_nothing() {
    let node = Besieged::plain(|limits| limits.per_address = 16).await;
    for round in 0..10 {
        for _ in 0..1_000 {
            drop(node.socket(HOSTILE).await);
        }
        node.serves(None).await;
        println!("{} connections", (round + 1) * 1_000);
    }
    // This one, which asks.
    node.counts(r#"yilian_connections{kind="stranger"} 1"#)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_tls_sockets_keep_nobody_out() {
    let node = Besieged::tls(|limits| {
        (limits.arriving, limits.per_address) = (32, 20);
        limits.times.handshake = NEVER;
    })
    .await;
    let member = node.world.members[0];
    let mut silent = node.sockets(HOSTILE, 300, b"").await;
    // The first bytes of a handshake, and no more.
    silent.extend(node.sockets(ELSEWHERE, 300, &[22, 3, 1, 2, 0, 1]).await);
    for caller in [None, Some(member), None, Some(member)] {
        node.serves(caller).await;
    }
    let open = silent.iter().filter(|socket| !is_closed(socket)).count();
    assert!(open <= 32, "{open} of them stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_end_is_ended() {
    let node = Besieged::tls(|limits| limits.times.handshake = Duration::from_millis(200)).await;
    let mut silent = node.socket(HOSTILE).await;
    assert_eq!(closed(&mut silent).await, b"");
    // What is no handshake at all is not waited for.
    let mut junk = node.socket(HOSTILE).await;
    junk.write_all(STATUS).await.unwrap();
    closed(&mut junk).await;
    node.counts(r#"yilian_connections_closed_total{reason="handshake"} 2"#)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_do_not_end_and_pauses_that_do_not_either_are_ended() {
    let node = Besieged::plain(|limits| {
        limits.times.head = Duration::from_millis(200);
        limits.times.idle = Duration::from_millis(300);
    })
    .await;
    for said in [b"".as_slice(), b"GET /v1/status HTTP/1.1\r\nhos"] {
        let mut slow = node.socket(HOSTILE).await;
        slow.write_all(said).await.unwrap();
        assert_eq!(closed(&mut slow).await, b"");
    }
    // One byte at a time is no request either.
    let (mut drips, mut drops) = node.socket(HOSTILE).await.into_split();
    let dripping = tokio::spawn(async move {
        let mut piece: &[u8] = b"GET /v1/status HTTP/1.1\r\na: ";
        while drops.write_all(piece).await.is_ok() {
            piece = b"a";
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut said = Vec::new();
    let ended = timeout(PATIENCE, drips.read_to_end(&mut said)).await;
    drop(ended.expect("it drips on"));
    timeout(PATIENCE, dripping).await.unwrap().unwrap();
    // After an answer: the next request is waited for, and not for ever.
    let mut kept = node.socket(HOSTILE).await;
    for _ in 0..3 {
        kept.write_all(STATUS).await.unwrap();
        let head = answer(&mut kept).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
    }
    assert_eq!(closed(&mut kept).await, b"");
    node.counts(r#"yilian_connections_closed_total{reason="silence"} 4"#)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_refused_at_its_bound() {
    let node = Besieged::plain(|limits| limits.times.head = NEVER).await;
    let mut endless = node.socket(HOSTILE).await;
    let line = format!("a: {}\r\n", "a".repeat(1_000));
    drop(endless.write_all(b"GET / HTTP/1.1\r\n").await);
    for _ in 0..100 {
        if endless.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let said = String::from_utf8(closed(&mut endless).await).unwrap();
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 431"),
        "{said}"
    );
    node.serves(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_uploads_hold_what_one_address_may_and_no_more() {
    const MB: usize = 1_000_000;
    let node = Besieged::plain(|limits| {
        limits.per_address = 100;
        (limits.uploads.strangers, limits.uploads.per_address) = (6 * MB, 4 * MB);
        (limits.times.body, limits.times.body_pause) = (NEVER, NEVER);
    })
    .await;
    // Each announces forty, sends one, and waits.
    let half = [post("/v1/visits", 40 * MB), vec![7; MB]].concat();
    let mut sockets = Vec::new();
    for _ in 0..40 {
        let mut socket = node.socket(HOSTILE).await;
        drop(socket.write_all(&half).await);
        sockets.push(socket);
    }
    // Three of them have a buffer of a megabyte and more; the others hear that there is no room.
    let mut told: FuturesUnordered<_> = sockets.iter_mut().map(closed).collect();
    for _ in 0..37 {
        let said = String::from_utf8(told.next().await.unwrap()).unwrap();
        // Who still sends when it is closed may not hear why.
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 503"),
            "{said}"
        );
    }
    drop(told);
    // An honest caller's body is read: it is refused for what it is.
    let client = node.client(None);
    let honest = client.post(node.url("/v1/visits")).body(vec![7; MB]);
    let status = honest.send().await.unwrap().status();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    // Who hangs up gives his bytes back.
    drop(sockets);
    let freed = async {
        loop {
            let mut again = node.socket(HOSTILE).await;
            let whole = [post("/v1/visits", 3 * MB), vec![7; 3 * MB]].concat();
            drop(again.write_all(&whole).await);
            if answer(&mut again).await.starts_with("http/1.1 400") {
                return;
            }
        }
    };
    timeout(PATIENCE, freed).await.expect("they are held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_is_ended() {
    let node = Besieged::plain(|limits| limits.times.body_pause = Duration::from_millis(200)).await;
    let mut half = node.socket(HOSTILE).await;
    half.write_all(&[post("/v1/visits", 1_000), vec![7; 10]].concat())
        .await
        .unwrap();
    let said = String::from_utf8(closed(&mut half).await).unwrap();
    assert!(said.starts_with("HTTP/1.1 400"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_for_members_only_is_not_kept_of_a_stranger() {
    const MB: usize = 1_000_000;
    // No stranger may hold a byte: whoever is refused as a stranger was refused before.
    let node = Besieged::tls(|limits| {
        (limits.uploads.strangers, limits.uploads.per_address) = (0, 0);
    })
    .await;
    let client = node.client(None);
    let sent = (0..20).map(|_| {
        let body = client.post(node.url("/v1/relays")).body(vec![7; MB]);
        body.send()
    });
    for answer in futures::future::join_all(sent).await {
        let answer = answer.unwrap();
        let status = answer.status();
        let said = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN, "{said}");
        assert!(said.contains("not-a-member"), "{said}");
    }
    let stranger = client.post(node.url("/v1/visits")).body(vec![7; MB]);
    let status = stranger.send().await.unwrap().status();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    // A member has bytes of its own.
    let member = node.client(Some(node.world.members[0]));
    let sent = member.post(node.url("/v1/relays")).body(vec![7; MB]);
    assert_eq!(sent.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_does_not_read_is_cut_off() {
    let node = Besieged::plain(|limits| {
        limits.times.answer_pause = Duration::from_millis(300);
    })
    .await;
    let mut greedy = node.socket(HOSTILE).await;
    // More answers than the system's buffers hold, asked for at once.
    let ask = b"GET /openapi.json HTTP/1.1\r\nhost: node\r\n\r\n".repeat(1_000);
    let asking = tokio::spawn(async move {
        drop(greedy.write_all(&ask).await);
        greedy
    });
    node.counts(r#"yilian_connections_closed_total{reason="unread"} 1"#)
        .await;
    node.serves(None).await;
    drop(timeout(PATIENCE, asking).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_are_served_keep_no_member_out() {
    let node = Besieged::tls(|limits| {
        (limits.strangers, limits.per_address) = (3, 100);
        (limits.times.body, limits.times.body_pause) = (NEVER, NEVER);
    })
    .await;
    // Each holds a place of the strangers', and more would.
    let mut uploads = Vec::new();
    for _ in 0..3 {
        let mut upload = node.tls_socket(HOSTILE).await;
        begins(&mut upload).await;
        uploads.push(upload);
    }
    let refused = node.client(None).get(node.url("/v1/status")).send().await;
    assert!(refused.is_err(), "there is room for a fourth");
    let member = Some(node.world.members[1]);
    for _ in 0..5 {
        node.serves(member).await;
    }
    node.counts(r#"yilian_connections_refused_total{reason="full"} 1"#)
        .await;
    // When one of them goes, there is room again.
    drop(uploads.pop());
    let again = async {
        let url = node.url("/v1/status");
        while node.client(None).get(&url).send().await.is_err() {}
    };
    timeout(PATIENCE, again).await.expect("there is no room");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_member_has_no_place_of_a_members() {
    let node = Besieged::tls(|_| {}).await;
    let [.., suspended] = node.world.members;
    let client = node.client(Some(suspended));
    let (status, _) = node.get(&client, "/v1/status").await;
    assert_eq!(status, StatusCode::OK, "what is for anybody");
    node.counts(r#"yilian_connections{kind="stranger"} 1"#)
        .await;
    let (status, said) = node.get(&client, "/metrics").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(said.contains("member-suspended"), "{said}");
}

/// So that certificates are looked at again.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_old_is_made_anew() {
    let node = Besieged::plain(|limits| limits.times.age = Duration::ZERO).await;
    let mut socket = node.socket(ELSEWHERE).await;
    let get = b"GET /v1/live HTTP/1.1\r\nhost: a\r\n\r\n";
    socket.write_all(get).await.unwrap();
    let said = closed(&mut socket).await;
    assert!(said.starts_with(b"HTTP/1.1 204"), "it is answered first");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_heads_and_idle_connections_hold_up_no_stop() {
    let node = Besieged::plain(|limits| {
        limits.times.head = NEVER;
        limits.times.idle = NEVER;
        limits.times.drain = NEVER;
    })
    .await;
    let mut idle = node.socket(HOSTILE).await;
    idle.write_all(STATUS).await.unwrap();
    answer(&mut idle).await;
    let mut half = node.socket(HOSTILE).await;
    half.write_all(b"GET /v1/status HT").await.unwrap();
    let mut silent = node.socket(HOSTILE).await;
    // All three are known to the node.
    node.counts(r#"yilian_connections{kind="stranger"} 4"#)
        .await;
    node.drain.notify_one();
    for socket in [&mut idle, &mut half, &mut silent] {
        assert_eq!(closed(socket).await, b"");
    }
    node.ends().await;
}

/// A node that is told to stop, while somebody is in the middle of a body.
async fn stopping(drain: Duration) -> (Besieged, TcpStream) {
    let node = Besieged::plain(|limits| {
        (limits.times.body, limits.times.body_pause) = (NEVER, NEVER);
        limits.times.drain = drain;
    })
    .await;
    let mut idle = node.socket(ELSEWHERE).await;
    idle.write_all(STATUS).await.unwrap();
    answer(&mut idle).await;
    let mut half = node.socket(HOSTILE).await;
    begins(&mut half).await;
    node.drain.notify_one();
    closed(&mut idle).await;
    (node, half)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_served_is_finished_before_a_stop() {
    let (node, mut half) = stopping(NEVER).await;
    assert!(!node.served.is_finished());
    half.write_all(&[7; 90]).await.unwrap();
    let head = answer(&mut half).await;
    assert!(head.starts_with("http/1.1 400"), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    node.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_a_stop_may_is_cut_off() {
    let (node, mut half) = stopping(Duration::from_millis(200)).await;
    assert_eq!(closed(&mut half).await, b"");
    node.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_word_ends_it_at_once() {
    let (node, mut half) = stopping(NEVER).await;
    node.at_once.notify_one();
    assert_eq!(closed(&mut half).await, b"");
    node.ends().await;
}

#[tokio::test]
async fn plain_http_is_for_this_machine_only() {
    let anywhere = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    let refused = Listening::plain(anywhere).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    for here in ["127.0.0.1:0", "127.9.9.9:0"] {
        let here = TcpListener::bind(here).await.unwrap();
        Listening::plain(here).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_while_it_serves_and_a_broken_one_is_not_taken() {
    let (old, new) = (Keys::new(), Keys::new());
    let acceptor = Acceptor::new(&old.node()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = World::new().await;
    let stop = Stop {
        drain: Box::pin(std::future::pending()),
        at_once: Box::pin(std::future::pending()),
    };
    let listening = Listening::tls(listener, acceptor.clone());
    let limits = Limits::default();
    tokio::spawn(api::serve(listening, Arc::clone(&world.node), limits, stop));
    let ask = async |keys: &Keys| {
        let client = keys.client(None).timeout(PATIENCE).build().unwrap();
        let asked = client.get(format!("https://{address}/v1/status")).send();
        asked.await.is_ok()
    };
    assert!(ask(&old).await && !ask(&new).await);
    acceptor.renew(&new.node()).unwrap();
    assert!(!ask(&old).await && ask(&new).await);
    // A key of another certificate.
    let folder = tempfile::tempdir().unwrap();
    for (name, from) in [("root.pem", &old), ("chain.pem", &old), ("key.pem", &new)] {
        std::fs::copy(from.folder.path().join(name), folder.path().join(name)).unwrap();
    }
    let broken = Tls::read(&Keys::files(), &Vault::plain(folder.path()));
    assert!(broken.is_err(), "taken");
}

/// A consortium's root, and a node's certificate by it.
pub struct Keys {
    folder: tempfile::TempDir,
    root: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Keys {
    /// Of a node of no member.
    pub fn new() -> Self {
        let keys = Self::root();
        keys.keep(&["127.0.0.1".to_owned()]);
        keys
    }

    /// Those of another node, under the same root.
    pub fn keep(&self, names: &[String]) {
        let (chain, key) = self.certify(names);
        for (name, text) in [("chain.pem", chain), ("key.pem", key)] {
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }
    }

    fn root() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().pem();
        std::fs::write(folder.path().join("root.pem"), root).unwrap();
        Self {
            folder,
            root: rcgen::Issuer::new(params, key),
        }
    }

    fn certify(&self, names: &[String]) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.root).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn files() -> TlsFiles {
        TlsFiles {
            root: "root.pem".into(),
            chain: "chain.pem".into(),
            key: "key.pem".into(),
        }
    }

    pub fn node(&self) -> Tls {
        Tls::read(&Self::files(), &Vault::plain(self.folder.path())).unwrap()
    }

    fn connector(&self) -> TlsConnector {
        let root = CertificateDer::from_pem_file(self.folder.path().join("root.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    fn client(&self, member: Option<MemberId>) -> reqwest::ClientBuilder {
        let root = std::fs::read(self.folder.path().join("root.pem")).unwrap();
        let root = reqwest::Certificate::from_pem(&root).unwrap();
        let client = Client::builder().tls_certs_only([root]);
        let Some(member) = member else {
            return client;
        };
        let (chain, key) = self.certify(&[member_name(member)]);
        let shown = reqwest::Identity::from_pem((chain + &key).as_bytes());
        client.identity(shown.unwrap())
    }
}
