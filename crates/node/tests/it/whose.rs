//! Whose a node is, to those who call it: members that share a host, or a name, are told apart.

use std::{net::Ipv4Addr, sync::Arc};

use tokio::net::TcpListener;
use yilian_node::{
    api,
    connections::{Limits, Listening, Stop},
    neighbours::{NeighbourUrl, NeighbourUrls, Neighbours, NeighboursError},
    tls::{Acceptor, member_name},
};
use yilian_protocol::{
    MemberId,
    call::{CallError, GetStatus},
    refusal::Refusal,
};

use crate::{calls::World, siege::Keys};

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_is_another_members_is_not_believed() {
    let [own, other] = [1, 2].map(|number| MemberId::from_bytes([number; 32]));
    let keys = Keys::new();
    let host = "127.0.0.1".to_owned();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let acceptor = Acceptor::new(&keys.node()).unwrap();
    let world = World::new().await;
    let stop = Stop::from(Box::pin(std::future::pending()) as futures::future::BoxFuture<_>);
    let listening = Listening::tls(listener, acceptor.clone());
    let limits = Limits::default();
    tokio::spawn(api::serve(listening, Arc::clone(&world.node), limits, stop));

    let ask = async |neighbour: NeighbourUrl| {
        let urls = NeighbourUrls {
            ask: vec![neighbour],
            ..NeighbourUrls::default()
        };
        let neighbours = Neighbours::over_http(&urls, Some(&keys.node())).unwrap();
        let nobody = Refusal::NotKeeper;
        neighbours.pass_on(GetStatus {}, own, nobody).await
    };
    let any = || NeighbourUrl::Any(url.clone());
    let of = |member| NeighbourUrl::Of {
        url: url.clone(),
        member,
        keeps_for: Vec::new(),
    };
    // A certificate for the address that names nobody.
    ask(any()).await.unwrap();
    let refused = ask(of(own)).await;
    assert!(
        matches!(refused, Err(CallError::Unavailable { .. })),
        "{refused:?}"
    );
    // One that names its member.
    keys.keep(&[host.clone(), member_name(own)]);
    acceptor.renew(&keys.node()).unwrap();
    ask(any()).await.unwrap();
    ask(of(own)).await.unwrap();
    let refused = ask(of(other)).await;
    assert!(
        matches!(refused, Err(CallError::Unavailable { .. })),
        "{refused:?}"
    );
    // The member alone is not enough: it has to be the address, too.
    keys.keep(&["127.0.0.9".to_owned(), member_name(own)]);
    acceptor.renew(&keys.node()).unwrap();
    let refused = ask(of(own)).await;
    assert!(
        matches!(refused, Err(CallError::Unavailable { .. })),
        "{refused:?}"
    );

    // Whoever shows none cannot say whose it is.
    let urls = NeighbourUrls {
        ask: vec![of(own)],
        ..NeighbourUrls::default()
    };
    let untold = Neighbours::over_http(&urls, None);
    assert!(matches!(untold, Err(NeighboursError::Unproven(_))));
}

#[test]
fn a_neighbour_is_written_as_a_url_or_with_its_member() {
    let member = "01".repeat(32);
    let text = format!(r#"{{"ask":["https://a:1",{{"url":"https://b:2","member":"{member}"}}]}}"#);
    let urls: NeighbourUrls = serde_json::from_str(&text).unwrap();
    let of = NeighbourUrl::Of {
        url: "https://b:2".to_owned(),
        member: MemberId::from_bytes([1; 32]),
        keeps_for: Vec::new(),
    };
    assert_eq!(urls.ask, [NeighbourUrl::Any("https://a:1".to_owned()), of]);
    let again = serde_json::to_string(&urls).unwrap();
    assert_eq!(serde_json::from_str::<NeighbourUrls>(&again).unwrap(), urls);
    for wrong in [
        r#"{"url":"https://b:2"}"#,
        r#"{"url":"https://b:2","member":"x"}"#,
        "7",
    ] {
        let text = format!(r#"{{"ask":[{wrong}]}}"#);
        assert!(
            serde_json::from_str::<NeighbourUrls>(&text).is_err(),
            "{wrong}"
        );
    }
}
