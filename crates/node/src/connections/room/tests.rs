use std::time::Duration;

use super::*;
use crate::connections::{limits::ConnectionOptions, line::Phase};

fn room(change: impl FnOnce(&mut Limits)) -> Arc<Room> {
    let mut limits = Limits::of(ConnectionOptions::default());
    change(&mut limits);
    Room::new(limits)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A stranger's place, on which something is being served.
fn busy(room: &Arc<Room>, from: &str) -> Place {
    let place = room.admit(address(from), false).unwrap();
    place.line.enter(Phase::Serving);
    place
}

fn is_open(place: &Place) -> bool {
    place.room.places().open.contains_key(&place.number)
}

/// Told to close, and nothing else: the task that waits for it is woken.
async fn is_told(place: &Place) {
    let told = tokio::time::timeout(Duration::from_secs(60), place.line.closed());
    told.await.expect("nobody closes it");
}

#[test]
fn a_network_of_ipv6_is_one_address() {
    let same = ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"].map(address);
    assert_eq!(Origin::from(same[0]), Origin::from(same[1]));
    assert_ne!(
        Origin::from(same[0]),
        Origin::from(address("2001:db8:1:3::1"))
    );
    let mapped = address("::ffff:192.0.2.1");
    assert_eq!(Origin::from(mapped), Origin::from(address("192.0.2.1")));
    assert_ne!(Origin::from(mapped), Origin::from(address("192.0.2.2")));
}

#[tokio::test]
async fn one_address_takes_its_own_places_only() {
    let room = room(|limits| (limits.strangers, limits.per_address) = (100, 3));
    let other = room.admit(address("192.0.2.9"), false).unwrap();
    let own: Vec<Place> = (0..3).map(|_| busy(&room, "192.0.2.1")).collect();
    let refused = room.admit(address("192.0.2.1"), false);
    assert_eq!(refused.err(), Some(Refused::Address));
    // One that rests gives way to the next of the same address, and to nobody else's.
    own[1].line.enter(Phase::Idle);
    let next = room.admit(address("192.0.2.1"), false).unwrap();
    is_told(&own[1]).await;
    assert!(!is_open(&own[1]) && is_open(&next) && is_open(&other));
    assert!(is_open(&own[0]) && is_open(&own[2]));
    drop(own);
    let own = address("192.0.2.1").into();
    assert_eq!(room.places().of_address(Kind::Stranger, own), 1);
    drop((next, other));
    let places = room.places();
    assert!(places.open.is_empty() && places.kinds.is_empty());
    assert!(places.addresses.is_empty() && places.networks.is_empty());
}

#[tokio::test]
async fn the_fullest_address_makes_room_and_its_oldest_first() {
    let room = room(|limits| (limits.strangers, limits.per_address) = (4, 3));
    let honest = room.admit(address("192.0.2.9"), false).unwrap();
    let flood: Vec<Place> = (0..3)
        .map(|_| room.admit(address("192.0.2.1"), false).unwrap())
        .collect();
    // It rests for longer than any of the flood, and stays.
    let newcomer = room.admit(address("192.0.2.7"), false).unwrap();
    is_told(&flood[0]).await;
    assert!(is_open(&honest) && is_open(&newcomer));
    assert!(!is_open(&flood[0]) && is_open(&flood[1]) && is_open(&flood[2]));
    // Of what is being served nothing is taken.
    let places = [&honest, &newcomer, &flood[1], &flood[2]];
    for place in places {
        place.line.enter(Phase::Serving);
    }
    let refused = room.admit(address("192.0.2.8"), false);
    assert_eq!(refused.err(), Some(Refused::Full));
    // Half a head is nothing that is being served.
    newcomer.line.enter(Phase::Head);
    assert!(room.admit(address("192.0.2.8"), false).is_ok());
    assert!(!is_open(&newcomer));
}

/// Slow bodies are being served, and not for ever at the cost of all others.
#[tokio::test]
async fn who_has_many_times_as_many_gives_way_whatever_is_being_served() {
    let room = room(|limits| (limits.strangers, limits.per_address) = (10, 9));
    let flood: Vec<Place> = (0..9).map(|_| busy(&room, "192.0.2.1")).collect();
    let honest = busy(&room, "192.0.2.9");
    let newcomer = busy(&room, "192.0.2.7");
    is_told(&flood[0]).await;
    // Eight are no more than four times as many as two.
    let refused = room.admit(address("192.0.2.7"), false);
    assert_eq!(refused.err(), Some(Refused::Full));
    assert!(is_open(&honest) && is_open(&newcomer));
    // What rests goes first, of whomever it is.
    honest.line.enter(Phase::Idle);
    let _other = busy(&room, "192.0.2.8");
    assert!(!is_open(&honest));
    assert_eq!(flood.iter().filter(|place| is_open(place)).count(), 8);
}

/// A site has 65,536 networks of IPv6, and each of them is another address.
#[tokio::test]
async fn a_site_with_many_addresses_keeps_nobody_out() {
    let room = room(|limits| limits.strangers = 96);
    let flood: Vec<Place> = (0..96)
        .map(|number| busy(&room, &format!("2001:db8:1:{number:x}::1")))
        .collect();
    let newcomer = busy(&room, "2001:db8:2:1::1");
    assert!(is_open(&newcomer) && !is_open(&flood[0]));
    let _another = busy(&room, "192.0.2.1");
    assert_eq!(flood.iter().filter(|place| is_open(place)).count(), 94);
}

/// However many addresses they come from.
#[tokio::test]
async fn who_sends_or_takes_slowly_gives_way_and_who_does_not_does_not() {
    let room = room(|limits| limits.strangers = 3);
    let all = ["192.0.2.1", "198.51.100.1", "203.0.113.1"].map(|from| busy(&room, from));
    let long = Duration::from_secs(20);
    // This node is what takes its time; and what comes fast enough may take long.
    all[0].line.was(Phase::Serving, long);
    all[1].line.was(Phase::Body, long);
    all[1].line.moved(1 << 20);
    all[2].line.was(Phase::Body, Duration::from_secs(5));
    let refused = room.admit(address("192.0.2.9"), false);
    assert_eq!(refused.err(), Some(Refused::Full));
    all[2].line.was(Phase::Ending, long);
    let newcomer = busy(&room, "192.0.2.9");
    assert!(is_open(&newcomer) && !is_open(&all[2]));
    assert!(is_open(&all[0]) && is_open(&all[1]));
}

#[tokio::test]
async fn strangers_behind_one_address_take_no_place_of_a_member_there() {
    let room = room(|limits| limits.per_address = 2);
    let here = address("192.0.2.1");
    let strangers: Vec<Place> = (0..2)
        .map(|_| {
            let place = room.admit(here, true).unwrap();
            assert_eq!(place.arrived(None), Ok(None));
            place.line.enter(Phase::Serving);
            place
        })
        .collect();
    let stranger = room.admit(here, true).unwrap();
    assert_eq!(stranger.arrived(None), Err(Refused::Address));
    let _silent: Vec<Place> = (0..9).map(|_| room.admit(here, true).unwrap()).collect();
    let (member, hospital) = (
        room.admit(here, true).unwrap(),
        MemberId::from_bytes([1; 32]),
    );
    assert_eq!(member.arrived(Some(hospital)), Ok(Some(hospital)));
    assert!(strangers.iter().all(is_open));
}

#[tokio::test]
async fn members_with_many_connections_give_way_to_one_with_few() {
    let room = room(|limits| (limits.members, limits.per_member) = (8, 4));
    let joins = |number| {
        let place = room.admit(address("192.0.2.1"), true).unwrap();
        let hospital = MemberId::from_bytes([number; 32]);
        let joined = place.arrived(Some(hospital));
        (joined == Ok(Some(hospital))).then_some(place)
    };
    let of = |number| -> Vec<Place> { (0..4).filter_map(|_| joins(number)).collect() };
    let (first, second) = (of(1), of(2));
    let open = |places: &[Place]| places.iter().filter(|place| is_open(place)).count();
    let third = of(3);
    assert_eq!(open(&first) + open(&second) + open(&third), 8);
    assert!(open(&third) >= 2, "{}", open(&third));
    assert!(open(&first).abs_diff(open(&second)) <= 1);
    // What is being served stays, unless somebody has several times as many.
    for place in first.iter().chain(&second).chain(&third) {
        place.line.enter(Phase::Serving);
    }
    assert!(joins(4).is_none(), "he is a stranger");
}

#[tokio::test]
async fn strangers_keep_no_member_out() {
    let room = room(|limits| {
        (limits.strangers, limits.arriving, limits.per_address) = (2, 2, 100);
        (limits.members, limits.per_member) = (2, 1);
    });
    let hospital = |number| MemberId::from_bytes([number; 32]);
    let strangers = ["192.0.2.1", "192.0.2.2"].map(|from| busy(&room, from));
    let arriving = |from| room.admit(address(from), true).unwrap();
    let silent = ["192.0.2.3", "192.0.2.3", "192.0.2.4"].map(arriving);
    assert!(!is_open(&silent[0]), "the oldest of those who arrive goes");
    let member = arriving("192.0.2.3");
    member.arrived(Some(hospital(1))).unwrap();
    member.line.enter(Phase::Serving);
    // However many come after it.
    let more: Vec<Place> = (0..10).map(|_| arriving("192.0.2.5")).collect();
    assert!(is_open(&member) && strangers.iter().all(is_open));
    // A stranger finds no place, nor does a member more than its own.
    assert_eq!(more[9].arrived(None), Err(Refused::Full));
    let second = arriving("192.0.2.3");
    assert_eq!(second.arrived(Some(hospital(1))), Err(Refused::Full));
    // Among strangers there is one again: it is taken, and another member keeps its own.
    drop(strangers);
    second.arrived(Some(hospital(1))).unwrap();
    let other = arriving("192.0.2.3");
    other.arrived(Some(hospital(2))).unwrap();
    assert!(is_open(&second) && is_open(&other) && is_open(&member));
    // One whose place was taken meanwhile is told so.
    assert_eq!(silent[0].arrived(Some(hospital(3))), Err(Refused::Full));
    assert_eq!(room.places().members, 2);
    drop((silent, member, more, second, other));
    let places = room.places();
    assert!(places.kinds.is_empty() && places.members == 0);
}

#[test]
fn this_machine_has_places_of_its_own_unless_somebody_says_otherwise() {
    let full = |limits: &mut Limits| (limits.strangers, limits.loopback) = (1, 2);
    let apart = room(full);
    let _stranger = busy(&apart, "192.0.2.1");
    let _local = ["127.0.0.1", "::1"].map(|from| busy(&apart, from));
    let refused = apart.admit(address("::ffff:127.0.0.1"), true);
    assert_eq!(refused.err(), Some(Refused::Full));

    let anybodys = room(|limits| {
        full(limits);
        limits.loopback_apart = false;
    });
    let _stranger = busy(&anybodys, "192.0.2.1");
    assert!(anybodys.admit(address("127.0.0.1"), false).is_err());
}

#[test]
fn what_happens_is_counted() {
    let room = room(|limits| (limits.strangers, limits.per_address) = (1, 1));
    let first = busy(&room, "192.0.2.1");
    assert!(room.admit(address("192.0.2.1"), false).is_err());
    assert!(room.admit(address("192.0.2.2"), false).is_err());
    first.line.enter(Phase::Idle);
    let _second = room.admit(address("192.0.2.2"), false).unwrap();
    let text = room.metrics();
    for line in [
        r#"yilian_connections{kind="stranger"} 1"#,
        r#"yilian_connections_refused_total{reason="address"} 1"#,
        r#"yilian_connections_refused_total{reason="full"} 1"#,
        r#"yilian_connections_closed_total{reason="room"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(!text.contains("EOF"));
}
