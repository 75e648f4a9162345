//! Those who would pass a false pack for a true one: what their tricks leave in its trail.

use yilian_client::{
    ClientError,
    trace::{Alarm, CaptureError, Pack},
};
use yilian_crypto::{
    seed::MemberKeys,
    trace::{EventDigest, EventKey},
};
use yilian_proof::{Context, ParameterSet, TraceKey, prove};
use yilian_protocol::{
    CertificateId, TimeMs,
    codec::{Blob, Encode as _, List, Text},
    receipt::ReceiptError,
    refusal::Refusal,
    trace::{
        AuthoredEvent, HeightWindow, TraceAction, TraceAppend, TracePush, TraceTerms, associated,
    },
    tx::{Body, Transaction},
};
use yilian_record::gs1::{Code20, Expiry, Identity, PackCode};

use crate::{
    lying_node::now,
    trace_world::{Bend, Person, World, append, carton, commission, maker, pack},
};

/// How an attacker with a pass bends his append.
pub struct Forged {
    pub author: CertificateId,
    pub signing: yilian_crypto::sign::SigningKey,
    pub signed_at: TimeMs,
    pub event: Vec<u8>,
}

/// Appends a forged entry to a pack's trace with everything that the ledger checks in order.
pub async fn forge(
    world: &World,
    attacker: &mut Person,
    pack: &Pack,
    action: TraceAction,
    forged: Forged,
) {
    let (pass, pass_key) = attacker.book.next(now()).unwrap();
    let chain = world.session.chain();
    let Forged {
        author,
        signing,
        signed_at,
        event,
    } = forged;
    let authored =
        AuthoredEvent::sign(author, &signing, chain, &pass.key, action, signed_at, event);
    let sealed_for = associated(chain, &pass.key, action);
    let (key, sealed) = EventKey::seal(&sealed_for, &authored.to_vec(), &mut rand::rng());
    let digest = EventDigest::of(&sealed);
    push(
        world,
        pack,
        pass,
        &pass_key,
        action,
        sealed,
        pack.reading().mask(&key, &digest),
    )
    .await;
}

async fn push(
    world: &World,
    pack: &Pack,
    pass: yilian_protocol::trace::AuthorPass,
    pass_key: &yilian_crypto::sign::SigningKey,
    action: TraceAction,
    sealed: Vec<u8>,
    key: yilian_crypto::trace::MaskedKey,
) {
    let chain = world.session.chain();
    let head = world.session.trace_head(pack.trace()).await.unwrap();
    let push = TracePush {
        trace: pack.trace(),
        length: head.map_or(0, |head| head.length),
        key,
    };
    let terms = TraceTerms {
        pass,
        action,
        window: HeightWindow::after(world.session.latest().await.unwrap().height),
        pushes: List::new(vec![push]).unwrap(),
        event: Blob::new(sealed).unwrap(),
        prescription: None,
    };
    let keys = yilian_crypto::trace::PackKeys::derive(
        pack.code().secret().as_bytes(),
        pack.identity().epc().as_bytes(),
    );
    let trace_key = TraceKey::from_uniform_bytes(&keys.seed);
    let context = Context::new(terms.context(chain));
    let proof = prove(
        ParameterSet::ON_CHAIN,
        &[&trace_key],
        &context,
        &mut rand::rng(),
    )
    .unwrap();
    let append = TraceAppend {
        terms,
        proof: Blob::new(proof).unwrap(),
    };
    let transaction = Transaction::sign(chain, Body::AppendTrace(append), pass_key);
    world.session.submit(transaction).await.unwrap();
}

pub fn signing(person: &Person) -> yilian_crypto::sign::SigningKey {
    MemberKeys::from_seed(&person.seed).signing
}

fn shipping(pack: &Pack) -> Vec<u8> {
    let packs = [Pack::new(pack.code().clone())];
    maker()
        .shipping(&packs, &mut rand::rng())
        .unwrap()
        .to_json()
}

fn only_unknown_author(alarms: &[Alarm], step: usize, rule: Refusal) {
    assert_eq!(alarms, [Alarm::UnknownAuthor { step, rule }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_author_is_told_and_his_word_counts_nothing() {
    let mut world = World::new().await;
    let mut attacker = crate::trace_world::person(
        &world.session,
        &world.consortium,
        "Shady",
        yilian_protocol::registry::Role::Courier,
        90,
    )
    .await;

    // In another's name, without his key.
    let first = pack("1");
    commission(&mut world, &[&first]).await;
    let forged = Forged {
        author: world.courier.certificate.id(),
        signing: signing(&attacker),
        signed_at: now(),
        event: shipping(&first),
    };
    forge(&world, &mut attacker, &first, TraceAction::Observe, forged).await;
    only_unknown_author(
        &world.inspect(&first).await.alarms,
        2,
        Refusal::BadSignature,
    );

    // In nobody's name.
    let second = pack("2");
    commission(&mut world, &[&second]).await;
    let forged = Forged {
        author: CertificateId::from_bytes([9; 32]),
        signing: signing(&attacker),
        signed_at: now(),
        event: shipping(&second),
    };
    forge(&world, &mut attacker, &second, TraceAction::Observe, forged).await;
    only_unknown_author(
        &world.inspect(&second).await.alarms,
        2,
        Refusal::CertificateUnknown,
    );

    // Dated ahead.
    let third = pack("3");
    commission(&mut world, &[&third]).await;
    let forged = Forged {
        author: attacker.certificate.id(),
        signing: signing(&attacker),
        signed_at: now().plus_ms(3_600_000),
        event: shipping(&third),
    };
    forge(&world, &mut attacker, &third, TraceAction::Observe, forged).await;
    only_unknown_author(
        &world.inspect(&third).await.alarms,
        2,
        Refusal::StaleRequest,
    );

    // With a pass that is left over, after the certificate was taken back; dated back into its
    // time.
    let fourth = pack("4");
    commission(&mut world, &[&fourth]).await;
    let before = now();
    let reason = Text::new("left").unwrap();
    attacker
        .ca
        .revoke(&world.session, attacker.certificate.id(), reason)
        .await
        .unwrap();
    let forged = Forged {
        author: attacker.certificate.id(),
        signing: signing(&attacker),
        signed_at: before,
        event: shipping(&fourth),
    };
    forge(&world, &mut attacker, &fourth, TraceAction::Observe, forged).await;
    only_unknown_author(
        &world.inspect(&fourth).await.alarms,
        2,
        Refusal::CertificateRevoked,
    );
    // And he gets no more.
    let request =
        attacker
            .handler
            .ask_passes(&world.session, &mut attacker.book, 1, &mut rand::rng());
    let refused = world
        .consortium
        .issue_passes(&world.session, &request, now(), now().plus_ms(1))
        .await;
    assert_eq!(
        refused.unwrap_err().refusal(),
        Some(Refusal::CertificateRevoked)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_event_moved_to_another_pack_is_found() {
    let mut world = World::new().await;
    let (mut attacker, honest) = (
        crate::trace_world::person(
            &world.session,
            &world.consortium,
            "Shady",
            yilian_protocol::registry::Role::Maker,
            90,
        )
        .await,
        pack("true"),
    );
    commission(&mut world, &[&honest]).await;

    // He read the honest pack: signature and all. He puts the same bytes under a pack of his own.
    let (_, entries) = world.session.trace(honest.trace()).await.unwrap().unwrap();
    let shared = &entries[0].shared;
    let chain = world.session.chain();
    let sealed_for = associated(chain, &shared.pass.key, shared.action);
    let opened = honest
        .reading()
        .open(&entries[0].item.key, &sealed_for, shared.event.as_slice())
        .unwrap();

    let false_pack = pack("false");
    let (pass, pass_key) = attacker.book.next(now()).unwrap();
    let moved_for = associated(chain, &pass.key, TraceAction::Commission);
    let (key, sealed) = EventKey::seal(&moved_for, &opened, &mut rand::rng());
    let masked = false_pack.reading().mask(&key, &EventDigest::of(&sealed));
    push(
        &world,
        &false_pack,
        pass,
        &pass_key,
        TraceAction::Commission,
        sealed,
        masked,
    )
    .await;
    let alarms = world.inspect(&false_pack).await.alarms;
    only_unknown_author(&alarms, 1, Refusal::BadSignature);

    // His own event, truly signed, about the other pack.
    let other = pack("other");
    let forged = Forged {
        author: attacker.certificate.id(),
        signing: signing(&attacker),
        signed_at: now(),
        event: {
            let packs = [Pack::new(honest.code().clone())];
            maker()
                .commissioning(&packs, None, &mut rand::rng())
                .unwrap()
                .to_json()
        },
    };
    forge(
        &world,
        &mut attacker,
        &other,
        TraceAction::Commission,
        forged,
    )
    .await;
    let alarms = world.inspect(&other).await.alarms;
    assert!(alarms.contains(&Alarm::OtherPack { step: 1 }), "{alarms:?}");

    // Rubbish that no reader can open.
    let rubbish = pack("rubbish");
    let (pass, pass_key) = attacker.book.next(now()).unwrap();
    let masked = yilian_crypto::trace::MaskedKey::from_bytes([0; 32]);
    push(
        &world,
        &rubbish,
        pass,
        &pass_key,
        TraceAction::Commission,
        vec![1; 100],
        masked,
    )
    .await;
    let alarms = world.inspect(&rubbish).await.alarms;
    assert_eq!(alarms, [Alarm::Unreadable { step: 1 }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_follow_is_out_of_order() {
    let mut world = World::new().await;
    let reasons = |alarms: &[Alarm]| -> Vec<(usize, String)> {
        let reasons = alarms.iter().map(|alarm| match alarm {
            Alarm::OutOfOrder { step, reason } => (*step, reason.clone()),
            other => panic!("{other:?}"),
        });
        reasons.collect()
    };
    let observe = TraceAction::Observe;
    let pack = pack("1");
    commission(&mut world, &[&pack]).await;
    for _ in 0..2 {
        append(
            &world.session,
            &mut world.courier,
            observe,
            &[&pack],
            |maker, packs| maker.shipping(packs, &mut rand::rng()).unwrap(),
        )
        .await
        .unwrap();
    }
    append(
        &world.session,
        &mut world.pharmacist,
        TraceAction::Dispense,
        &[&pack],
        |maker, packs| maker.dispensing(packs, None, &mut rand::rng()).unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(
        reasons(&world.inspect(&pack).await.alarms),
        [
            (3, "it was shipped and has not arrived".to_owned()),
            (4, "it was dispensed before it arrived".to_owned())
        ]
    );

    // Time runs backwards, and something arrives that never left.
    let second = crate::trace_world::pack("2");
    commission(&mut world, &[&second]).await;
    append(
        &world.session,
        &mut world.courier,
        observe,
        &[&second],
        |maker, packs| {
            let time = maker.time - jiff::SignedDuration::from_hours(5);
            let maker = yilian_client::trace::EventMaker {
                time,
                ..maker.clone()
            };
            maker.receiving(packs, &mut rand::rng()).unwrap()
        },
    )
    .await
    .unwrap();
    assert_eq!(
        reasons(&world.inspect(&second).await.alarms),
        [
            (2, "it happened before the step before it".to_owned()),
            (2, "it was not on the way".to_owned())
        ]
    );

    // A closing that is none: the trace closes as dispensed, the event says it was shipped.
    let third = crate::trace_world::pack("3");
    commission(&mut world, &[&third]).await;
    let refused = append(
        &world.session,
        &mut world.pharmacist,
        TraceAction::Dispense,
        &[&third],
        |maker, packs| maker.shipping(packs, &mut rand::rng()).unwrap(),
    )
    .await;
    assert!(matches!(
        refused,
        Err(ClientError::Capture(CaptureError::OtherAction { .. }))
    ));
    assert_eq!(
        world.inspect(&third).await.steps.len(),
        1,
        "nothing was appended"
    );
    let mut attacker = crate::trace_world::person(
        &world.session,
        &world.consortium,
        "Shady",
        yilian_protocol::registry::Role::Pharmacist,
        90,
    )
    .await;
    let forged = Forged {
        author: attacker.certificate.id(),
        signing: signing(&attacker),
        signed_at: now(),
        event: shipping(&third),
    };
    forge(&world, &mut attacker, &third, TraceAction::Dispense, forged).await;
    assert_eq!(reasons(&world.inspect(&third).await.alarms).len(), 1);

    // A step that is not its author's work: the ledger does not see it, the reader names it.
    let fourth = crate::trace_world::pack("4");
    commission(&mut world, &[&fourth]).await;
    let forged = Forged {
        author: world.courier.certificate.id(),
        signing: signing(&world.courier),
        signed_at: now(),
        event: {
            let packs = [Pack::new(fourth.code().clone())];
            let event = maker().dispensing(&packs, None, &mut rand::rng());
            event.unwrap().to_json()
        },
    };
    let mut courier = std::mem::replace(&mut world.courier, attacker);
    forge(&world, &mut courier, &fourth, observe, forged).await;
    let alarms = world.inspect(&fourth).await.alarms;
    let out_of_role = alarms.iter().find_map(|alarm| match alarm {
        Alarm::OutOfRole { step, what, by } => Some((*step, what.as_str(), by.as_str())),
        _ => None,
    });
    let by = "courier of Carriers, Carriers (courier)";
    assert_eq!(out_of_role, Some((2, "dispensing", by)), "{alarms:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_was_changed_is_found() {
    let mut world = World::new().await;
    let honest = pack("1");
    commission(&mut world, &[&honest]).await;
    let relabel = |change: &dyn Fn(&mut Identity)| {
        let mut identity = honest.identity().clone();
        change(&mut identity);
        Pack::new(PackCode::new(identity, honest.code().secret().clone()))
    };
    let later = relabel(&|identity| {
        if let Identity::Gs1 { expiry, .. } = identity {
            *expiry = Expiry::parse("751230", 2026).unwrap();
        }
    });
    let alarms = world.inspect(&later).await.alarms;
    assert_eq!(
        alarms,
        [Alarm::OtherLabel {
            what: "expiry date"
        }]
    );
    let batch = relabel(&|identity| {
        if let Identity::Gs1 { batch, .. } = identity {
            *batch = Code20::parse("L8", "batch").unwrap();
        }
    });
    let alarms = world.inspect(&batch).await.alarms;
    assert!(
        alarms.contains(&Alarm::OtherLabel { what: "batch" }),
        "{alarms:?}"
    );
    // The secret on another product's label opens nothing.
    let product = relabel(&|identity| {
        if let Identity::Gs1 { serial, .. } = identity {
            *serial = Code20::parse("2", "serial number").unwrap();
        }
    });
    let found = yilian_client::trace::inspect(&world.session, &product, now())
        .await
        .unwrap();
    assert_eq!(found, None);
    // A pack that is long past its day.
    let far = now().plus_ms(100 * 366 * 24 * 3_600_000);
    let trail = yilian_client::trace::inspect(&world.session, &honest, far)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(trail.alarms, [Alarm::Expired]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_a_courier_made_is_no_makers() {
    let mut world = World::new().await;
    let pack = pack("1");
    append(
        &world.session,
        &mut world.courier,
        TraceAction::Commission,
        &[&pack],
        |maker, packs| maker.commissioning(packs, None, &mut rand::rng()).unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(
        world.inspect(&pack).await.alarms,
        [Alarm::NotFromMaker { step: 1 }]
    );
    let carton = carton();
    append(
        &world.session,
        &mut world.courier,
        TraceAction::Commission,
        &[&carton],
        |maker, packs| maker.commissioning(packs, None, &mut rand::rng()).unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(world.inspect(&carton).await.alarms, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hides_or_changes_an_entry_is_found_out() {
    let mut world = World::new().await;
    let pack = pack("1");
    commission(&mut world, &[&pack]).await;
    append(
        &world.session,
        &mut world.courier,
        TraceAction::Observe,
        &[&pack],
        |maker, packs| maker.shipping(packs, &mut rand::rng()).unwrap(),
    )
    .await
    .unwrap();
    let bends: [Bend; 5] = [
        |page| drop(page.entries.pop()),
        |page| page.entries.reverse(),
        |page| page.entries[1].item.late = true,
        |page| page.entries[1].shared = page.entries[0].shared.clone(),
        |page| page.entries[0].shared.admitted.time = TimeMs::new(1),
    ];
    for bend in bends {
        *world.node.bend.lock().unwrap() = Some(bend);
        let found = yilian_client::trace::inspect(&world.session, &pack, now()).await;
        assert_eq!(
            found.unwrap_err(),
            ClientError::Receipt(ReceiptError::State)
        );
    }
    *world.node.bend.lock().unwrap() = None;
    assert_eq!(world.inspect(&pack).await.steps.len(), 2);
}

/// What the holder of a pack is given of its carton lets him read, and not append.
#[tokio::test(flavor = "multi_thread")]
async fn the_cartons_reading_key_is_not_its_trace_key() {
    let mut world = World::new().await;
    let (pack, carton) = (pack("1"), carton());
    commission(&mut world, &[&pack]).await;
    commission(&mut world, &[&carton]).await;
    append(
        &world.session,
        &mut world.maker,
        TraceAction::Observe,
        &[&pack],
        |maker, packs| maker.packing(&carton, packs, &mut rand::rng()).unwrap(),
    )
    .await
    .unwrap();
    append(
        &world.session,
        &mut world.courier,
        TraceAction::Observe,
        &[&carton],
        |maker, packs| maker.shipping(packs, &mut rand::rng()).unwrap(),
    )
    .await
    .unwrap();
    let trail = world.inspect(&pack).await;
    assert_eq!(trail.alarms, []);
    assert_eq!(trail.steps.len(), 3);
    let event = trail.steps[1]
        .event
        .as_ref()
        .unwrap()
        .as_value()
        .to_string();
    let reading = hex::encode(carton.reading().to_bytes());
    let secret = hex::encode(carton.code().secret().as_bytes());
    assert!(event.contains(&reading) && !event.contains(&secret));
    let mut seed = [0; 64];
    seed[..32].copy_from_slice(&*carton.reading().to_bytes());
    assert_ne!(
        TraceKey::from_uniform_bytes(&seed).id().to_bytes(),
        carton.trace().to_bytes()
    );
}
