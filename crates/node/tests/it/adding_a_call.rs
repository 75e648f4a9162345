//! What adding a call takes: a row of a table, what serves it, and its use. Routes, the client's
//! side of HTTP, the way inside a process and the limits follow.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use futures::stream;
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use tower::ServiceExt as _;
use yilian_node::{
    api::{Gate, Routes},
    tls,
};
use yilian_protocol::{
    Height, MemberId,
    call::{Answered, Call, CallError, Local, Transport, http},
    codec::Text,
    refusal::Refusal,
};

// 1. The row.
yilian_protocol::calls! {
    /// Greetings.
    contract GreetingContract "greeting" {
        /// Greet somebody by name, once for each block of a height.
        greet: Greet { height: Height, times: u32 } -> String as Json, get "greetings/{height}"
            { body: 0, answer: 1024, caller: Anybody, work: Light, at_once: 1 };

        /// Take a name.
        name: TakeName(Text<16>) -> () as Nothing, post "names"
            { body: 64, answer: 64, caller: Member, work: Heavy, at_once: 1 };
    }
}

// 2. What serves it.
struct Greeter;

impl GreetingContract for Greeter {
    async fn greet(&self, Greet { height, times }: Greet) -> Answered<Greet> {
        // Long enough that another one meets it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok("hello ".repeat(times as usize) + &height.to_string())
    }

    async fn name(&self, TakeName(name): TakeName) -> Answered<TakeName> {
        match name.as_str() {
            "nobody" => Err(CallError::not_found("name")),
            _ => Ok(()),
        }
    }
}

impl Gate for Greeter {
    async fn lets_in(&self, member: MemberId) -> Result<(), CallError> {
        let known = member == MemberId::from_bytes([1; 32]);
        known.then_some(()).ok_or(Refusal::MemberUnknown.into())
    }
}

fn router() -> Router {
    let mut routes = Routes::default();
    register::<Greeter>(&mut routes);
    routes.into_router().with_state(Arc::new(Greeter))
}

async fn over_http<C: Call>(router: Router, call: &C, caller: tls::Caller) -> Answered<C> {
    let http::Request {
        method,
        target,
        body,
    } = http::Request::of(call);
    let request = Request::builder().method(method.name()).uri(target);
    let mut request = request.body(Body::from(body.unwrap_or_default())).unwrap();
    request.extensions_mut().insert(ConnectInfo(caller));
    let response = router.oneshot(request).await.unwrap();
    let (status, mut answer) = (response.status(), http::Answer::to::<C>());
    answer.push(&response.into_body().collect().await.unwrap().to_bytes())?;
    answer.read::<C>(status.as_u16())
}

// 3. Its use.
#[tokio::test]
async fn a_new_row_is_served_in_the_process_and_over_http() {
    let local = Local::serving(Arc::new(Greeter), register);
    let greet = Greet {
        height: Height::new(7),
        times: 2,
    };
    assert_eq!(local.call(greet.clone()).await.unwrap(), "hello hello 7");
    let answer = over_http(router(), &greet, tls::Caller::Anybody).await;
    assert_eq!(answer.unwrap(), "hello hello 7");

    let name = |name: &str| TakeName(Text::new(name).unwrap());
    let member = tls::Caller::Member(MemberId::from_bytes([1; 32]));
    local.call(name("ann")).await.unwrap();
    over_http(router(), &name("ann"), member).await.unwrap();
    let missing = CallError::not_found("name");
    assert_eq!(local.call(name("nobody")).await, Err(missing.clone()));
    assert_eq!(
        over_http(router(), &name("nobody"), member).await,
        Err(missing)
    );
}

#[tokio::test]
async fn the_limits_of_the_row_hold() {
    let name = TakeName(Text::new("ann").unwrap());
    let refused = over_http(router(), &name, tls::Caller::Anybody).await;
    assert_eq!(refused, Err(Refusal::NotAMember.into()));
    let other = tls::Caller::Member(MemberId::from_bytes([2; 32]));
    let refused = over_http(router(), &name, other).await;
    assert_eq!(refused, Err(Refusal::MemberUnknown.into()));

    // One at once: of two, the second is told to come again.
    let greet = |height| Greet {
        height: Height::new(height),
        times: 1,
    };
    let routes = router();
    let (first, second) = (greet(1), greet(2));
    let (first, second) = tokio::join!(
        over_http(routes.clone(), &first, tls::Caller::Unknown),
        over_http(routes.clone(), &second, tls::Caller::Unknown),
    );
    assert_eq!(first.unwrap(), "hello 1");
    assert!(matches!(second, Err(CallError::Busy { .. })), "{second:?}");
    let third = over_http(routes, &greet(3), tls::Caller::Unknown).await;
    assert_eq!(third.unwrap(), "hello 3", "room is given back");

    // An answer over the row's limit is not read, whoever sends it.
    let long = Greet {
        height: Height::new(1),
        times: 1_000,
    };
    let answer = over_http(router(), &long, tls::Caller::Unknown).await;
    assert!(
        matches!(answer, Err(CallError::Unreachable { .. })),
        "{answer:?}"
    );

    // What stands in the path is not looked for in the query.
    let request = Request::get("/v1/greetings/1?height=9&times=1").body(Body::empty());
    let response = router().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let said = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&said[..], br#""hello 1""#);
}

#[tokio::test]
async fn who_sends_slowly_holds_nobodys_place() {
    let (routes, member) = (router(), MemberId::from_bytes([1; 32]));
    let unending = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let mut slow = Request::post("/v1/names").body(unending).unwrap();
    slow.extensions_mut()
        .insert(ConnectInfo(tls::Caller::Member(member)));
    let waits = tokio::spawn(routes.clone().oneshot(slow));
    tokio::task::yield_now().await;
    let name = TakeName(Text::new("ann").unwrap());
    let served = over_http(routes, &name, tls::Caller::Member(member)).await;
    assert_eq!(served, Ok(()));
    assert!(!waits.is_finished());
    waits.abort();
}

/// A body is read on a thread apart, which goes on when its sender hangs up: he has his place as
/// long as that takes, and no more of them.
#[test]
fn who_hangs_up_keeps_his_place_until_what_he_sent_is_read() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (goes_on, waits) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || waits.recv());
        let routes = router();
        let name = async |given: Duration| {
            let name = TakeName(Text::new("ann").unwrap());
            let member = tls::Caller::Member(MemberId::from_bytes([1; 32]));
            timeout(given, over_http(routes.clone(), &name, member)).await
        };
        let hung_up = name(Duration::from_millis(20)).await;
        assert!(hung_up.is_err(), "it was read");
        let second = name(Duration::from_secs(10)).await.unwrap();
        assert!(matches!(second, Err(CallError::Busy { .. })), "{second:?}");
        drop(goes_on);
        assert!(busy.await.unwrap().is_err());
        while let Err(error) = name(Duration::from_secs(60)).await.unwrap() {
            assert!(matches!(error, CallError::Busy { .. }), "{error}");
            tokio::task::yield_now().await;
        }
    });
}

#[tokio::test]
async fn what_is_not_registered_is_not_served() {
    let local = Local::serving(Arc::new(Greeter), |_| {});
    let greet = Greet {
        height: Height::new(1),
        times: 1,
    };
    let answer = local.call(greet).await;
    assert_eq!(answer, Err(CallError::not_found("route")));
}
