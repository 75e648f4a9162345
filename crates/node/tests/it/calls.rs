//! Every route of the table, as a stranger, a member and a suspended member meet it.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use futures::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use yilian_crypto::sign::SigningKey;
use yilian_node::{
    api,
    order::ValidatorKey,
    service::{HostedMembers, Node, NodeOptions},
    tls,
};
use yilian_protocol::{
    ChainId, MemberId,
    call::{
        self, Caller, ChainContract as _, Method, ParameterKind, Registry, Row, ServedBy, Submit,
        TransactionBytes, http::PREFIX,
    },
    codec::Text,
    refusal::Outcome,
    registry::{Member, Motion, NodeKeys, Vote},
    tx::{Body as TransactionBody, Transaction},
};

use crate::toy;

/// The table, row by row.
struct Rows(Vec<Row>);

impl<S> Registry<S> for Rows {
    fn register<C: ServedBy<S>>(&mut self) {
        self.0.push(C::ROW);
    }
}

fn rows() -> Vec<Row> {
    let mut rows = Rows(Vec::new());
    call::register::<Node>(&mut rows);
    assert!(rows.0.len() > 20, "the table is not read");
    rows.0
}

#[derive(Debug)]
struct Nobody;

impl HostedMembers for Nobody {
    fn members(&self) -> Vec<MemberId> {
        Vec::new()
    }

    fn key(&self, _: MemberId) -> Option<SigningKey> {
        None
    }
}

/// A node whose chain knows three members, of which the first two suspended the third.
pub struct World {
    pub node: Arc<Node>,
    pub members: [MemberId; 3],
    _folder: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        let (folder, validator) = (tempfile::tempdir().unwrap(), ValidatorKey::generate());
        let consortium = SigningKey::from_seed(&[1; 32]);
        let genesis = toy::genesis(&validator);
        let chain = genesis.chain();
        let directory = folder.path().to_owned();
        let options = NodeOptions::alone(directory, genesis, validator, Arc::new(Nobody));
        let node = tokio::task::spawn_blocking(|| Node::start(options).unwrap());
        let node = Arc::new(node.await.unwrap());
        let ca = |number: u8| SigningKey::from_seed(&[number; 32]);
        let member = |number: u8| Member {
            name: Text::new(format!("Hospital {number}")).unwrap(),
            ca: ca(number).verifying_key(),
            node: ca(number + 10).verifying_key(),
            kem: NodeKeys::of(&ca(number + 10)).kem,
            stamp: NodeKeys::of(&ca(number + 10)).stamp,
        };
        for number in [2, 3, 4] {
            let admit = TransactionBody::Admit(member(number));
            order(&node, chain, admit, &consortium).await;
        }
        let members = [2, 3, 4].map(|number| member(number).id());
        for (voter, number) in [(members[0], 2), (members[1], 3)] {
            let vote = TransactionBody::Vote(Vote {
                subject: members[2],
                motion: Motion::Suspend,
                round: 0,
                voter,
                favour: true,
                sequence: 0,
            });
            order(&node, chain, vote, &ca(number)).await;
        }
        Self {
            node,
            members,
            _folder: folder,
        }
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, String) {
        let answer = api::router(Arc::clone(&self.node)).oneshot(request);
        let answer = answer.await.unwrap();
        let status = answer.status();
        let said = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&said).into_owned())
    }
}

async fn order(node: &Node, chain: ChainId, body: TransactionBody, key: &SigningKey) {
    let transaction = Transaction::sign(chain, body, key);
    let receipt = node
        .submit(Submit(TransactionBytes::from(&transaction)))
        .await;
    assert_eq!(receipt.unwrap().outcome, Outcome::Applied);
}

/// A request for the row, by `caller`; what it asks for does not exist.
fn request(row: &Row, caller: Option<tls::Caller>, body: Body) -> Request<Body> {
    let (mut path, mut query) = (row.path.to_owned(), String::from("?"));
    for parameter in row.parameters {
        let value = match parameter.kind {
            ParameterKind::Hex { digits } => "0".repeat(digits),
            ParameterKind::Integer { .. } => "7".to_owned(),
        };
        if row.is_in_path(parameter.name) {
            path = path.replace(&format!("{{{}}}", parameter.name), &value);
        } else {
            query += &format!("{}={value}&", parameter.name);
        }
    }
    let method = row.method.name();
    let request = Request::builder()
        .method(method)
        .uri(format!("{PREFIX}{path}{query}"));
    let mut request = request.body(body).unwrap();
    if let Some(caller) = caller {
        request.extensions_mut().insert(ConnectInfo(caller));
    }
    request
}

/// Whether an answer is about who calls.
fn is_about_caller(said: &str) -> bool {
    let rules = ["not-a-member", "member-suspended", "member-unknown"];
    rules.iter().any(|rule| said.contains(rule))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_those_whom_its_row_lets_in() {
    let world = World::new().await;
    let [member, _, suspended] = world.members;
    for row in rows() {
        let body = || match row.method {
            Method::Get => Body::empty(),
            Method::Post => Body::from(vec![7; 100]),
        };
        let for_members = row.caller == Caller::Member;
        let callers = [
            (Some(tls::Caller::Anybody), "not-a-member"),
            // A router that nobody tells who calls lets nobody in.
            (None, "not-a-member"),
            (Some(tls::Caller::Member(suspended)), "member-suspended"),
            (
                Some(tls::Caller::Member(MemberId::from_bytes([9; 32]))),
                "member-unknown",
            ),
        ];
        for (caller, rule) in callers {
            let (status, said) = world.ask(request(&row, caller, body())).await;
            if for_members {
                let refused = status == StatusCode::FORBIDDEN && said.contains(rule);
                assert!(refused, "{} for {caller:?}: {status} {said}", row.name);
            } else {
                assert!(!is_about_caller(&said), "{}: {said}", row.name);
            }
        }
        for caller in [tls::Caller::Member(member), tls::Caller::Unknown] {
            let (status, said) = world.ask(request(&row, Some(caller), body())).await;
            assert!(!is_about_caller(&said), "{}: {said}", row.name);
            assert_ne!(status, StatusCode::NOT_IMPLEMENTED, "{}", row.name);
            // There is such a route: what is not found is what it asks for.
            assert!(!said.contains(r#""what":"route""#), "{}: {said}", row.name);
            assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{}", row.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_not_read_before_its_sender_is_known_to_be_let_in() {
    let world = World::new().await;
    for row in rows() {
        if row.method == Method::Get || row.caller == Caller::Anybody {
            continue;
        }
        // It never ends. Whoever waited for it would wait for two minutes.
        let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(&[7; 64])) });
        let body = Body::from_stream(first.chain(stream::pending()));
        let asked = world.ask(request(&row, Some(tls::Caller::Anybody), body));
        let patience = std::time::Duration::from_secs(30);
        let (status, said) = tokio::time::timeout(patience, asked).await.unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN, "{}: {said}", row.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_of_its_row_is_refused_before_it_is_kept() {
    let world = World::new().await;
    for row in rows() {
        if row.method == Method::Get {
            continue;
        }
        let mut over = request(&row, Some(tls::Caller::Unknown), Body::empty());
        let length = (row.body_max + 1).to_string();
        over.headers_mut()
            .insert("content-length", length.parse().unwrap());
        let (status, said) = world.ask(over).await;
        assert_eq!(
            status,
            StatusCode::PAYLOAD_TOO_LARGE,
            "{}: {said}",
            row.name
        );
        // Not said, but sent.
        let pieces = row.body_max / 65_536 + 2;
        let piece = || Ok::<_, std::io::Error>(Bytes::from(vec![7; 65_536]));
        let body = Body::from_stream(stream::iter((0..pieces).map(move |_| piece())));
        let sent = request(&row, Some(tls::Caller::Unknown), body);
        let (status, said) = world.ask(sent).await;
        assert_eq!(
            status,
            StatusCode::PAYLOAD_TOO_LARGE,
            "{}: {said}",
            row.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_is_told_so() {
    let world = World::new().await;
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let mut request = request.body(Body::empty()).unwrap();
        request
            .extensions_mut()
            .insert(ConnectInfo(tls::Caller::Anybody));
        world.ask(request).await
    };
    let (status, said) = ask("GET", "/v1/nothing").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(said.contains("route"), "{said}");
    let (status, _) = ask("POST", "/v1/status").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let (status, said) = ask("GET", "/v1/receipts/not-hex").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(said.contains("transaction id"), "{said}");
    // A place in a listing may be left out, but not be a word.
    let trace = format!("/v1/traces/{}", "0".repeat(64));
    let (status, said) = ask("GET", &trace).await;
    assert_eq!(
        (status, said.as_str()),
        (StatusCode::OK, r#"{"entries":[],"total":0}"#)
    );
    let (status, _) = ask("GET", &format!("{trace}?from=one")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, said) = ask("GET", "/v1/ready").await;
    assert_eq!(
        (status, said.as_str()),
        (StatusCode::OK, r#"{"storage":"well"}"#)
    );
    let (status, said) = ask("GET", "/metrics").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(said.contains("not-a-member"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_is_a_page_or_nothing() {
    let world = World::new().await;
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request
            .header("accept", "text/html, */*")
            .body(Body::empty());
        world.ask(request.unwrap()).await
    };
    for path in ["/v1/nothing", "/v1/../index.html"] {
        let (status, said) = ask("GET", path).await;
        assert_eq!(
            (status, said.contains(r#""what":"route""#)),
            (StatusCode::NOT_FOUND, true)
        );
    }
    let (status, said) = ask("POST", "/explorer").await;
    assert_eq!(
        (status, said.contains(r#""what":"route""#)),
        (StatusCode::NOT_FOUND, true)
    );
    // No way out of the folder, and no file of it that is not a page's.
    for path in [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/..%2fCargo.toml",
        "//etc/passwd.txt",
        "/.gitignore",
        "/index.html.br",
    ] {
        let (status, said) = ask("GET", path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {said}");
    }
    // The pages, or how to have them: this program may be built without.
    let (status, said) = ask("GET", "/explorer").await;
    match status {
        StatusCode::OK => assert!(said.contains(r#"id="root""#), "{said}"),
        _ => assert!(said.contains("cargo xtask pages"), "{said}"),
    }
}
