//! Trails that others would bend or lengthen: whose word counts in them, and how far they are
//! followed.

use yilian_client::trace::{Alarm, Pack, Step};
use yilian_protocol::{CertificateId, registry::Role, trace::TraceAction};
use yilian_record::{
    epcis::Event,
    gs1::{Identity, PackCode, PackSecret, Sscc},
};

use crate::{
    lying_node::now,
    trace_attacks::{Forged, forge, signing},
    trace_world::{Person, World, append, carton, commission, maker, pack, person},
};

/// What is appended to a pack by one who names an author who does not exist.
async fn forge_of_nobody(world: &World, attacker: &mut Person, pack: &Pack, event: Event) {
    let forged = Forged {
        author: CertificateId::from_bytes([9; 32]),
        signing: signing(attacker),
        signed_at: now(),
        event: event.to_json(),
    };
    forge(world, attacker, pack, TraceAction::Observe, forged).await;
}

async fn pack_into(world: &mut World, outer: &Pack, inner: &Pack) {
    let (session, maker, inner) = (&world.session, &mut world.maker, [inner]);
    let packing = append(
        session,
        maker,
        TraceAction::Observe,
        &inner,
        |maker, packs| maker.packing(outer, packs, &mut rand::rng()).unwrap(),
    );
    packing.await.unwrap();
}

async fn ship(world: &mut World, what: &Pack) {
    let (session, courier, what) = (&world.session, &mut world.courier, [what]);
    let shipping = append(
        session,
        courier,
        TraceAction::Observe,
        &what,
        |maker, packs| maker.shipping(packs, &mut rand::rng()).unwrap(),
    );
    shipping.await.unwrap();
}

fn same(pack: &Pack) -> Pack {
    Pack::new(pack.code().clone())
}

fn shipped(steps: &[Step]) -> usize {
    let is_shipping = |step: &&Step| step.biz_step() == Some("shipping");
    steps.iter().filter(is_shipping).count()
}

async fn shady(world: &World) -> Person {
    let (session, consortium) = (&world.session, &world.consortium);
    person(session, consortium, "Shady", Role::Courier, 90).await
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_13_unverified_events_are_followed_into_cartons() {
    let mut world = World::new().await;
    let mut attacker = shady(&world).await;
    let (victim, trap) = (pack("1"), carton());
    commission(&mut world, &[&victim]).await;
    commission(&mut world, &[&trap]).await;
    let packing = maker().packing(&trap, &[same(&victim)], &mut rand::rng());
    forge_of_nobody(&world, &mut attacker, &victim, packing.unwrap()).await;
    ship(&mut world, &trap).await;
    let trail = world.inspect(&victim).await;
    assert_eq!(shipped(&trail.steps), 0, "the trap's way is not the pack's");
    assert!(trail.steps.iter().all(|step| step.container.is_none()));
    assert!(matches!(
        trail.alarms[..],
        [Alarm::UnknownAuthor { step: 2, .. }]
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_13_an_unverified_unpacking_hides_where_a_pack_went() {
    let mut world = World::new().await;
    let mut attacker = shady(&world).await;
    let (victim, carton) = (pack("1"), carton());
    commission(&mut world, &[&victim]).await;
    commission(&mut world, &[&carton]).await;
    pack_into(&mut world, &carton, &victim).await;
    let unpacking = maker().unpacking(&carton, &[same(&victim)], &mut rand::rng());
    forge_of_nobody(&world, &mut attacker, &victim, unpacking.unwrap()).await;
    ship(&mut world, &carton).await;
    let trail = world.inspect(&victim).await;
    assert_eq!(shipped(&trail.steps), 1);
}

/// Who is certified, and knows the carton's number, says that the pack is in it, with a key that
/// opens nothing. What the honest key opens is told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn fault_13_a_wrong_key_hides_the_way_of_a_carton() {
    let mut world = World::new().await;
    let mut attacker = shady(&world).await;
    let (victim, carton) = (pack("1"), carton());
    commission(&mut world, &[&victim]).await;
    commission(&mut world, &[&carton]).await;
    let packing = maker().packing(&carton, &[same(&victim)], &mut rand::rng());
    let mut packing = packing.unwrap().as_value().clone();
    packing["yilian:parentKey"] = "07".repeat(32).into();
    let forged = Forged {
        author: attacker.certificate.id(),
        signing: signing(&attacker),
        signed_at: now(),
        event: packing.to_string().into_bytes(),
    };
    forge(&world, &mut attacker, &victim, TraceAction::Observe, forged).await;
    pack_into(&mut world, &carton, &victim).await;
    ship(&mut world, &carton).await;
    let trail = world.inspect(&victim).await;
    assert_eq!(shipped(&trail.steps), 1);
    let unread = |alarm: &Alarm| matches!(alarm, Alarm::Unreadable { .. });
    assert!(!trail.alarms.iter().any(unread), "{:?}", trail.alarms);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_13_cartons_in_each_other_are_read_without_end() {
    let mut world = World::new().await;
    let sscc = Sscc::parse("106141411234567903").unwrap();
    let secret = PackSecret::random(&mut rand::rng());
    let outer = Pack::new(PackCode::new(Identity::Container { sscc }, secret));
    let (inner, carton) = (pack("1"), carton());
    for made in [&inner, &carton, &outer] {
        commission(&mut world, &[made]).await;
    }
    pack_into(&mut world, &carton, &inner).await;
    pack_into(&mut world, &outer, &carton).await;
    pack_into(&mut world, &carton, &outer).await;
    // A second time, without having been taken out.
    pack_into(&mut world, &carton, &inner).await;
    ship(&mut world, &carton).await;
    let trail = world.inspect(&inner).await;
    assert_eq!(shipped(&trail.steps), 1, "told once");
    // Its own three, the carton's two, the outer one's.
    assert_eq!(trail.steps.len(), 6);
    let cut = |alarm: &Alarm| matches!(alarm, Alarm::NotFollowed { .. });
    assert!(!trail.alarms.iter().any(cut), "{:?}", trail.alarms);
}

/// Declares the pack's first event wrong, in the name of `by`.
async fn correct(world: &World, by: &mut Person, pack: &Pack, wrong: &Event) {
    let event = maker().correction(wrong, true, None).unwrap();
    let forged = Forged {
        author: by.certificate.id(),
        signing: signing(by),
        signed_at: now(),
        event: event.to_json(),
    };
    forge(world, by, pack, TraceAction::Correct, forged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_13_another_organisation_of_the_same_name_corrects() {
    let mut world = World::new().await;
    let (session, consortium) = (&world.session, &world.consortium);
    let mut impostor = person(session, consortium, "Pharma", Role::Maker, 90).await;
    let (one, other) = (pack("1"), pack("2"));
    commission(&mut world, &[&one]).await;
    commission(&mut world, &[&other]).await;
    let made = world.inspect(&one).await.steps[0].event.clone().unwrap();
    correct(&world, &mut impostor, &one, &made).await;
    let trail = world.inspect(&one).await;
    assert_eq!(trail.alarms, [Alarm::ForeignCorrection { step: 2 }]);
    let [first, second] = &trail.steps[..] else {
        panic!("{} steps", trail.steps.len());
    };
    let (first, second) = (
        first.author.clone().unwrap(),
        second.author.clone().unwrap(),
    );
    assert_eq!(first.member, second.member);
    assert_ne!(first.member_id, second.member_id);
    // The maker itself may.
    let made = world.inspect(&other).await.steps[0].event.clone().unwrap();
    let mut maker = std::mem::replace(&mut world.maker, impostor);
    correct(&world, &mut maker, &other, &made).await;
    let alarms = world.inspect(&other).await.alarms;
    let foreign = |alarm: &Alarm| matches!(alarm, Alarm::ForeignCorrection { .. });
    assert!(!alarms.iter().any(foreign), "{alarms:?}");
}

/// Whoever gives his own event another's id, and takes it back, takes back his own only.
#[tokio::test(flavor = "multi_thread")]
async fn fault_13_an_event_is_taken_back_by_a_copy_of_its_id() {
    let mut world = World::new().await;
    let mut attacker = shady(&world).await;
    let victim = pack("1");
    commission(&mut world, &[&victim]).await;
    let made = world.inspect(&victim).await.steps[0].event.clone().unwrap();
    let own = maker()
        .inspecting(&[same(&victim)], &mut rand::rng())
        .unwrap();
    let copied = own.to_json();
    let copied = String::from_utf8(copied).unwrap();
    let copied = copied.replace(own.id().unwrap(), made.id().unwrap());
    let copied = Event::parse(copied.as_bytes()).unwrap();
    let forged = Forged {
        author: attacker.certificate.id(),
        signing: signing(&attacker),
        signed_at: now(),
        event: copied.to_json(),
    };
    forge(&world, &mut attacker, &victim, TraceAction::Observe, forged).await;
    correct(&world, &mut attacker, &victim, &copied).await;
    let alarms = world.inspect(&victim).await.alarms;
    let unborn =
        |alarm: &Alarm| matches!(alarm, Alarm::OutOfOrder { .. } | Alarm::NotFromMaker { .. });
    assert!(!alarms.iter().any(unborn), "{alarms:?}");
}
