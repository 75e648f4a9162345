//! What a copy of the whole chain tells of medicines. See docs/trace.md.

use std::collections::BTreeSet;

use yilian_client::trace::EventMaker;
use yilian_protocol::{
    Height,
    codec::Encode as _,
    trace::{TraceAction, TraceAppend},
    tx::Body,
};

use crate::trace_world::{World, append, carton, commission, pack};

/// Every append on the chain, in order, as somebody with a copy of it sees them.
async fn appends(world: &World) -> Vec<TraceAppend> {
    let latest = world.session.latest().await.unwrap();
    let mut found = Vec::new();
    for height in 1..=latest.height.get() {
        let block = world.session.block(Height::new(height)).await.unwrap();
        found.extend(block.transactions.into_iter().filter_map(
            |transaction| match transaction.body {
                Body::AppendTrace(append) => Some(append),
                _ => None,
            },
        ));
    }
    found
}

/// Runs of eight bytes.
fn runs(bytes: &[u8]) -> BTreeSet<&[u8]> {
    bytes.windows(8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_chain_tells_neither_product_nor_owner_nor_what_travels_together() {
    let mut world = World::new().await;
    let (first, second, third, carton) = (pack("1"), pack("2"), pack("3"), carton());
    let observe = TraceAction::Observe;
    // Two packs travel together, appended one by one; a third travels alone.
    for pack in [&first, &second, &third] {
        commission(&mut world, &[pack]).await;
    }
    for pack in [&first, &second, &third] {
        append(
            &world.session,
            &mut world.courier,
            observe,
            &[pack],
            |maker, packs| {
                let place = Some("urn:epc:id:sgln:0614141.07346.0");
                EventMaker {
                    place,
                    ..maker.clone()
                }
                .shipping(packs, &mut rand::rng())
                .unwrap()
            },
        )
        .await
        .unwrap();
    }
    commission(&mut world, &[&carton]).await;
    append(
        &world.session,
        &mut world.maker,
        observe,
        &[&first],
        |maker, packs| maker.packing(&carton, packs, &mut rand::rng()).unwrap(),
    )
    .await
    .unwrap();

    let chain = world.session.chain();
    let appends = appends(&world).await;
    assert_eq!(appends.len(), 8);
    let encoded: Vec<Vec<u8>> = appends.iter().map(TraceAppend::to_vec).collect();

    // Neither product nor place nor person nor organisation stands anywhere in them, nor a carton's
    // trace in its pack's.
    let people = [&world.maker, &world.courier, &world.pharmacist];
    let mut secrets: Vec<Vec<u8>> = [
        "09521141012345",
        "L7",
        "0614141",
        "shipping",
        "https://",
        "Pharma",
        "Carriers",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .filter(|text| text.len() > 2)
    .collect();
    for person in people {
        secrets.push(person.certificate.id().to_vec());
        secrets.push(person.ca.id().to_vec());
        secrets.push(person.certificate.signing.to_bytes().to_vec());
    }
    for bytes in &encoded {
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
    let packing = &encoded[7];
    assert!(
        !packing
            .windows(32)
            .any(|window| window == carton.trace().as_bytes())
    );

    // Between any two appends of different packs, by one author or by two, nothing is alike but
    // what is public: the same role has the same days on its passes.
    let (ship_first, ship_second, ship_third) = (&appends[3], &appends[4], &appends[5]);
    let days = |append: &TraceAppend| {
        let mut bytes = append.terms.pass.valid_from.to_vec();
        append.terms.pass.valid_until.encode(&mut bytes);
        bytes
    };
    let alike = |one: &TraceAppend, other: &TraceAppend| {
        let strip = |append: &TraceAppend| {
            let mut terms = append.terms.clone();
            // The heights differ by which block came when, the proofs are random.
            terms.window.from = Height::new(0);
            terms.window.until = Height::new(0);
            terms.to_vec()
        };
        let (one_bytes, other_bytes) = (strip(one), strip(other));
        let public = [days(one), vec![0; 40]].concat();
        let public: BTreeSet<&[u8]> = public.windows(4).collect();
        runs(&one_bytes)
            .intersection(&runs(&other_bytes))
            .filter(|run| !run.windows(4).any(|part| public.contains(part)))
            .count()
    };
    assert_eq!(days(ship_first), days(ship_third));
    assert_eq!(alike(ship_first, ship_second), 0);
    assert_eq!(alike(ship_first, ship_third), 0);
    // No key signs twice.
    let keys: BTreeSet<[u8; 32]> = appends
        .iter()
        .map(|append| append.terms.pass.key.to_bytes())
        .collect();
    assert_eq!(keys.len(), appends.len());
    // Nor do lengths tell one event from another, within a step of 1 kB.
    let lengths: BTreeSet<usize> = appends
        .iter()
        .map(|append| append.terms.event.as_slice().len())
        .collect();
    assert_eq!(lengths.len(), 1, "{lengths:?}");

    // Appended together, two packs are together for everybody to see.
    append(
        &world.session,
        &mut world.courier,
        observe,
        &[&second, &third],
        |maker, packs| maker.receiving(packs, &mut rand::rng()).unwrap(),
    )
    .await
    .unwrap();
    let (_, entries) = world.session.trace(second.trace()).await.unwrap().unwrap();
    let (_, others) = world.session.trace(third.trace()).await.unwrap().unwrap();
    assert_eq!(entries[2].item.shared, others[2].item.shared);
    assert_ne!(entries[1].item.shared, others[1].item.shared);
    assert_ne!(chain.to_bytes(), [0; 32]);
}
