//! Attacks that a hostile reader of this code found, each by its number in the review. All must
//! fail.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use yilian_crypto::sign::{SigningKey, VerifyingKey};
use yilian_ledger::Prepared;
use yilian_protocol::{
    Height, MemberId, PersonId,
    codec::{Decode as _, Encode as _, List, Text},
    governance::{Ballot, BallotChoice, Candidacy, CandidateEntry, Candidates, NodeAddress, Seats},
    grant::{Clinician, Grant, GrantState, Opening},
    limits::{
        CANDIDATES_MAX, CANDIDATES_OF_MEMBER_MAX, DAY_MS, GRANT_CHANGES_MAX, GRANT_DAYS_MAX,
        MEMBERS_MAX, OPENING_MS, STATE_VALUE_MAX, VOUCHERS_MAX,
    },
    refusal::{Outcome, Refusal},
    registry::{Motion, Role, Roll, Standing, Voter},
    state::tables::{CANDIDATES, ROLL, SEATS, VOUCHED},
    tx::{Body, Transaction},
    voucher::{NewGrant, Vouched, Voucher},
};

use crate::{
    anchors::{Log, anchor},
    consent::{CONTROLLER, ask, change, emergency, grant, opening, refusal},
    membership::{entry, vote, votes},
    purity::told,
    world::{
        CONSORTIUM, FIVE, NORTH, SOUTH, World, certificate, clinician, governance, key, member,
        member_id, vouched,
    },
};

/// The bytes of a node's public key.
type Peer = [u8; 32];

fn peer(node: &SigningKey) -> Peer {
    node.verifying_key().to_bytes()
}

/// A node's key, of as many as anybody likes to make.
fn node(number: u32) -> SigningKey {
    let mut seed = [0xA0; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    SigningKey::from_seed(&seed)
}

fn stand(world: &World, hospital: u8, node: &SigningKey, stands: bool) -> Body {
    let address = stands.then(|| NodeAddress(([10, 0, 0, hospital], 9_000).into()));
    let (chain, member) = (world.ledger.chain(), member_id(hospital));
    let sequence = world.cast(hospital);
    Body::Stand(Candidacy::sign(chain, member, address, sequence, node))
}

fn elect(world: &World, voter: u8, node: Option<VerifyingKey>) -> Body {
    Body::Elect(Ballot {
        voter: member_id(voter),
        candidate: node.map(BallotChoice),
        sequence: world.cast(voter),
    })
}

fn candidates(world: &World) -> Vec<CandidateEntry> {
    let known = world.state.get(&CANDIDATES.key(&[]));
    known.map_or_else(
        || governance().candidates(),
        |bytes| Candidates::from_slice(bytes).unwrap().into_vec(),
    )
}

/// Executes the next block that counts votes.
fn count(world: &mut World) -> Vec<Peer> {
    let blocks = governance().epoch_blocks;
    let epoch = (2..)
        .find(|epoch| blocks.elected_at(*epoch) > Some(Height::new(world.height)))
        .unwrap();
    world.height = blocks.elected_at(epoch).unwrap().get() - 1;
    world.block(&[]);
    let seats = Seats::from_slice(&world.state[&SEATS.key(&epoch.to_be_bytes())]).unwrap();
    seats
        .delegates
        .iter()
        .map(|seat| seat.peer.to_bytes())
        .collect()
}

/// Node keys that come first in the order of their bytes.
fn ground(count: usize) -> Vec<SigningKey> {
    let mut keys: Vec<_> = (0..20 * count as u32).map(node).collect();
    keys.sort_by_key(|key| key.verifying_key().to_bytes());
    keys.truncate(count);
    keys
}

/// Four members with a node each, all of which have a seat, and a fifth.
fn seated() -> (World, BTreeMap<Peer, u8>) {
    let mut world = World::with_five();
    let mut owners = BTreeMap::new();
    for (number, hospital) in [10, 20, 30, 40].into_iter().enumerate() {
        let node = node(50_000 + number as u32);
        owners.insert(peer(&node), hospital);
        let body = stand(&world, hospital, &node, true);
        world.applied(hospital, body);
        let body = elect(&world, hospital, Some(node.verifying_key()));
        world.applied(hospital, body);
    }
    let elected = count(&mut world);
    assert!(owners.keys().all(|node| elected.contains(node)));
    (world, owners)
}

/// A member with one vote elects a node in each epoch, and counts on those of before to stay, since
/// they sit already and their keys come first.
#[test]
fn fault_1_one_member_takes_every_seat_with_one_vote() {
    let (mut world, owners) = seated();
    // Nobody else votes any more.
    for hospital in [10, 20, 30, 40] {
        let body = elect(&world, hospital, None);
        world.applied(hospital, body);
    }
    let mine = ground(4);
    for node in &mine {
        let body = stand(&world, 50, node, true);
        world.applied(50, body);
        let body = elect(&world, 50, Some(node.verifying_key()));
        world.applied(50, body);
        let elected = count(&mut world);
        let honest = elected.iter().filter(|node| owners.contains_key(*node));
        assert_eq!(honest.count(), 4, "an incumbent fell to one vote");
        let taken = elected
            .iter()
            .filter(|node| mine.iter().any(|mine| peer(mine) == **node));
        assert!(taken.count() <= 1);
    }
}

/// More than half of the votes take seats, and still one for each member.
#[test]
fn fault_1_votes_for_many_nodes_of_one_member_take_one_seat() {
    let (mut world, _) = seated();
    let mine = ground(4);
    for (node, voter) in mine.iter().zip([10, 20, 30, 40]) {
        let body = stand(&world, 50, node, true);
        world.applied(50, body);
        let body = elect(&world, voter, Some(node.verifying_key()));
        world.applied(voter, body);
    }
    let elected = count(&mut world);
    let taken = elected
        .iter()
        .filter(|node| mine.iter().any(|mine| peer(mine) == **node));
    assert_eq!(taken.count(), 1);
}

/// Five have a vote each and four get a seat: which, is the beacon's to say and not the keys'.
#[test]
fn fault_1_ground_keys_win_no_ties() {
    let mine = &ground(1)[0];
    let (mut won, mut lost) = (0, 0);
    for beacon in 0..40 {
        let mut world = World {
            beacon,
            ..World::with_five()
        };
        for (number, hospital) in FIVE.into_iter().enumerate() {
            let fresh = node(60_000 + number as u32);
            let node = if hospital == 50 { mine } else { &fresh };
            let body = stand(&world, hospital, node, true);
            world.applied(hospital, body);
            let body = elect(&world, hospital, Some(node.verifying_key()));
            world.applied(hospital, body);
        }
        // The founders are in no member's name: they withdraw by whoever they consent to.
        for (hospital, number) in [(10, 1), (20, 2)] {
            let body = stand(&world, hospital, &key(number), true);
            world.applied(hospital, body);
        }
        let elected = count(&mut world);
        assert_eq!(elected.len(), 4);
        match elected.contains(&peer(mine)) {
            true => won += 1,
            false => lost += 1,
        }
    }
    assert!(won > lost && lost >= 2, "won {won}, lost {lost}");
}

/// How many of the elected are whose.
fn seats_of(elected: &[Peer], owners: &BTreeMap<Peer, u8>) -> BTreeMap<u8, usize> {
    let mut seats = BTreeMap::new();
    for owner in elected.iter().filter_map(|node| owners.get(node)) {
        *seats.entry(*owner).or_default() += 1;
    }
    seats
}

/// Members that stand, vote, withdraw and move as they like, in league, over a hundred epochs.
#[test]
fn fault_1_greedy_members_never_get_more_than_their_share() {
    const GREEDY: [u8; 3] = [50, 60, 70];
    const HONEST: [u8; 4] = [10, 20, 30, 40];
    let mut rng = StdRng::seed_from_u64(1);
    let (mut world, mut owners) = seated();
    for hospital in &GREEDY[1..] {
        world.applied(CONSORTIUM, Body::Admit(member(*hospital)));
    }
    let keys = ground(60);
    for (place, node) in keys.iter().enumerate() {
        owners.insert(peer(node), GREEDY[place % GREEDY.len()]);
    }
    let mut before = BTreeSet::new();
    for epoch in 0..100 {
        if epoch == 50 {
            // The honest fall silent: three of seven votes are left.
            for hospital in HONEST {
                let body = elect(&world, hospital, None);
                world.applied(hospital, body);
            }
        }
        for _ in 0..12 {
            let place = rng.random_range(0..keys.len());
            let (hospital, node) = (GREEDY[place % GREEDY.len()], &keys[place]);
            let standing: Vec<_> = candidates(&world)
                .into_iter()
                .filter(|entry| {
                    owners
                        .get(&entry.delegate.peer.to_bytes())
                        .is_some_and(|of| *of > 40)
                })
                .collect();
            let body = match rng.random_range(0..4) {
                0 => stand(&world, hospital, node, false),
                1 => stand(&world, hospital, node, true),
                _ if standing.is_empty() => continue,
                _ => {
                    let entry = &standing[rng.random_range(0..standing.len())];
                    elect(&world, hospital, Some(entry.delegate.peer))
                }
            };
            // Many of these are refused: what counts is what comes of all.
            let bytes = world.sign(hospital, body);
            world.block(&[bytes]);
        }
        let seats = seats_of(&count(&mut world), &owners);
        assert!(
            seats.values().all(|seats| *seats == 1),
            "{epoch}: {seats:?}"
        );
        let honest: BTreeSet<u8> = seats
            .keys()
            .copied()
            .filter(|of| HONEST.contains(of))
            .collect();
        let all = seats.len() - honest.len();
        let half = seats.len() / 2;
        assert!(all <= half, "three of seven voters: {epoch}: {seats:?}");
        if epoch >= 50 {
            assert!(
                honest.is_superset(&before),
                "{epoch}: an incumbent fell without a quorum"
            );
        }
        before = honest;
    }
}

fn outcome(world: &mut World, signer: u8, body: Body) -> Outcome {
    let bytes = world.sign(signer, body);
    world.block(&[bytes])[0]
}

/// Whoever stands nodes without end fills the list for everybody.
#[test]
fn fault_9_one_member_uses_up_the_candidacies() {
    let mut world = World::with_five();
    let refused = (0..CANDIDATES_MAX as u32).filter(|number| {
        let body = stand(&world, 10, &node(*number), true);
        outcome(&mut world, 10, body) == Outcome::Refused(Refusal::TooManyCandidates)
    });
    assert_eq!(refused.count(), CANDIDATES_MAX - CANDIDATES_OF_MEMBER_MAX);
    let other = stand(&world, 20, &node(70_000), true);
    world.applied(20, other);
    // What withdrew frees its place with the next count, so that nothing is left for ever either.
    for epoch in 1..4 {
        for number in 0..CANDIDATES_OF_MEMBER_MAX as u32 {
            let former = number + 1_000 * (epoch - 1);
            let body = stand(&world, 10, &node(former), false);
            world.applied(10, body);
        }
        count(&mut world);
        for number in 0..CANDIDATES_OF_MEMBER_MAX as u32 {
            let body = stand(&world, 10, &node(number + 1_000 * epoch), true);
            world.applied(10, body);
        }
        let founders_and_other = 3;
        let all = founders_and_other + CANDIDATES_OF_MEMBER_MAX;
        assert_eq!(candidates(&world).len(), all);
    }
}

/// A node that may hold a share stays known after it withdrew; then its place is free.
#[test]
fn fault_9_a_withdrawn_validator_frees_its_place_when_its_share_is_void() {
    let (mut world, owners) = seated();
    let (gone, hospital) = owners.iter().next().unwrap();
    let key = (50_000..50_004).map(node).find(|key| peer(key) == *gone);
    let body = stand(&world, *hospital, &key.unwrap(), false);
    world.applied(*hospital, body);
    let listed = |world: &World| {
        candidates(world)
            .iter()
            .any(|entry| entry.delegate.peer.to_bytes() == *gone)
    };
    let mut epochs = 0;
    while listed(&world) {
        epochs += 1;
        assert!(!count(&mut world).contains(gone));
        assert!(epochs < 10, "it never leaves");
    }
    assert!(epochs >= 3, "its share may be needed still");
}

/// A ballot for a node that withdrew, and came back, is not taken from the new candidacy.
#[test]
fn fault_9_a_ballot_of_a_former_candidacy_takes_no_vote() {
    let mut world = World::with_five();
    let peer = node(1).verifying_key();
    let stands = |world: &World, stands| stand(world, 10, &node(1), stands);
    let body = stands(&world, true);
    world.applied(10, body);
    let body = elect(&world, 20, Some(peer));
    world.applied(20, body);
    let body = stands(&world, false);
    world.applied(10, body);
    count(&mut world);
    let body = stands(&world, true);
    world.applied(10, body);
    let body = elect(&world, 30, Some(peer));
    world.applied(30, body);
    // The former vote counts for nothing, and goes nowhere.
    let body = elect(&world, 20, None);
    assert_eq!(world.refused(20, body), Refusal::AlreadyVoted);
    let entry = candidates(&world).pop().unwrap();
    assert_eq!((entry.delegate.peer, entry.votes), (peer, 1));
}

#[test]
fn fault_9_votes_of_expelled_members_count() {
    let mut world = World::with_five();
    // Two are for it; then they are expelled themselves.
    votes(&mut world, &[20, 30], Motion::Expel, 10);
    votes(&mut world, &[10, 40, 50], Motion::Expel, 20);
    votes(&mut world, &[10, 40], Motion::Expel, 30);
    assert_eq!(entry(&world, 30).standing, Standing::Expelled);
    // Two are left beside it. One of them and two that are gone are one.
    votes(&mut world, &[40], Motion::Expel, 10);
    assert_eq!(entry(&world, 10).standing, Standing::Active);
    votes(&mut world, &[50], Motion::Expel, 10);
    assert_eq!(entry(&world, 10).standing, Standing::Expelled);
}

/// Whoever was decided about votes anew.
#[test]
fn fault_9_votes_from_before_a_suspension_count_afterwards() {
    let mut world = World::with_five();
    votes(&mut world, &[20], Motion::Expel, 10);
    votes(&mut world, &[30, 40, 50], Motion::Suspend, 20);
    votes(&mut world, &[30, 40, 50], Motion::Reinstate, 20);
    votes(&mut world, &[30, 40], Motion::Expel, 10);
    assert_eq!(entry(&world, 10).standing, Standing::Active);
    let again = vote(&world, 20, Motion::Expel, 10, true);
    world.applied(20, again);
    assert_eq!(entry(&world, 10).standing, Standing::Expelled);
}

#[test]
fn fault_9_expelled_members_use_up_the_consortium() {
    let mut world = World::with_five();
    let mut roll = Roll::from_slice(&world.state[&ROLL.key(&[])]).unwrap();
    roll.suspended = (MEMBERS_MAX - roll.active()) as u32;
    world.state.insert(ROLL.key(&[]), roll.to_vec());
    let next = Body::Admit(member(60));
    assert_eq!(
        world.refused(CONSORTIUM, next.clone()),
        Refusal::TooManyMembers
    );
    votes(&mut world, &[20, 30, 40], Motion::Expel, 10);
    world.applied(CONSORTIUM, next);
    // A roll of as many as there can be fits into one value.
    let voter = |number: usize| Voter {
        member: MemberId::from_bytes([number as u8; 32]),
        decisions: 0,
    };
    let voters = (0..MEMBERS_MAX).map(voter).collect();
    let full = Roll {
        voters: List::new(voters).unwrap(),
        suspended: 0,
    };
    assert!(full.to_vec().len() <= STATE_VALUE_MAX);
    assert!(!full.has_room());
}

/// Expels `SOUTH` by the votes of three more members.
fn expel_south(world: &mut World) {
    for hospital in [70, 80, 90] {
        world.applied(CONSORTIUM, Body::Admit(member(hospital)));
    }
    votes(world, &[70, 80, 90], Motion::Expel, SOUTH);
}

#[test]
fn fault_8_doctors_of_an_expelled_member_open_emergency_grants() {
    for (first, second) in [((31, SOUTH), (32, NORTH)), ((32, NORTH), (31, SOUTH))] {
        let mut world = emergency();
        expel_south(&mut world);
        let open = opening(&world, first, second);
        assert_eq!(world.refused(second.0, open), Refusal::MemberSuspended);
        // Nor in the name of a member that is not theirs.
        let of = |(person, hospital)| Clinician {
            member: member_id(70),
            ..clinician(person, hospital)
        };
        let (chain, reason) = (world.ledger.chain(), Text::new("unconscious").unwrap());
        let both = (of(first), of(second));
        let forged = Opening::sign(chain, grant().id(), both, reason, world.now, &key(first.0));
        assert_eq!(
            world.refused(second.0, Body::Open(forged)),
            Refusal::ForeignMember
        );
    }
}

#[test]
fn fault_8_readers_of_an_expelled_member_are_served() {
    let mut world = emergency();
    let open = opening(&world, (31, SOUTH), (32, NORTH));
    world.applied(32, open);
    assert_eq!(refusal(&world, ask()), None);
    expel_south(&mut world);
    assert_eq!(refusal(&world, ask()), Some(Refusal::MemberSuspended));
}

/// The second clinician keeps what the first signed, and brings it when the day is nearly over, or
/// once more.
#[test]
fn fault_8_the_second_clinician_prolongs_an_opening_alone() {
    let mut world = emergency();
    let signed = world.now;
    let open = opening(&world, (31, SOUTH), (32, NORTH));
    world.applied(32, open.clone());
    world.now = signed.plus_ms(OPENING_MS / 2);
    assert_eq!(world.refused(32, open), Refusal::OpeningStale);

    let mut late = emergency();
    let open = opening(&late, (31, SOUTH), (32, NORTH));
    late.now = signed.plus_ms(OPENING_MS - 1);
    late.applied(32, open);
    late.now = signed.plus_ms(OPENING_MS);
    let mut after = ask();
    after.asked_at = late.now;
    assert_eq!(refusal(&late, after), Some(Refusal::GrantNotOpened));
    // An opening signed before the last one counts no more, whatever came of it.
    let mut world = emergency();
    let held_back = opening(&world, (31, SOUTH), (32, NORTH));
    world.now = world.now.plus_ms(1);
    let open = opening(&world, (31, SOUTH), (32, NORTH));
    world.applied(32, open);
    assert_eq!(world.refused(32, held_back), Refusal::OpeningStale);
}

#[test]
fn fault_8_one_person_with_two_certificates_is_two_clinicians() {
    let mut world = emergency();
    // Certified by another member, under another name, with other keys.
    let mut second = certificate(34, NORTH, Role::Doctor);
    second.person = PersonId::of("licence 31");
    // Certified with one of another's keys.
    let first = certificate(31, SOUTH, Role::Doctor);
    let [mut delegatee, mut writer, mut kem] =
        [35, 36, 37].map(|number| certificate(number, NORTH, Role::Doctor));
    delegatee.delegatee = first.delegatee;
    writer.writer = first.writer;
    kem.kem = first.kem;
    for (number, certificate) in [(34, second), (35, delegatee), (36, writer), (37, kem)] {
        let other = Clinician {
            certificate: certificate.id(),
            member: member_id(NORTH),
        };
        world.applied(NORTH, Body::Certify(certificate));
        let both = (clinician(31, SOUTH), other);
        let (chain, reason) = (world.ledger.chain(), Text::new("curious").unwrap());
        let open = Opening::sign(chain, grant().id(), both, reason, world.now, &key(31));
        let refused = world.refused(number, Body::Open(open));
        assert_eq!(refused, Refusal::TwoClinicians);
    }
}

/// Every kind of body, signed by a key of nobody: it is refused before it is ordered, and no block
/// holds it.
#[test]
fn fault_5_strangers_fill_blocks() {
    for (bytes, before) in told() {
        let known = Transaction::decode_unverified(bytes).unwrap();
        let junk = Transaction::sign(before.ledger.chain(), known.body().clone(), &key(200));
        let (junk, kind) = (junk.as_bytes().to_vec(), known.body().name());
        let context = before.context(before.height + 1);
        let whole = |bytes: &Vec<u8>| {
            let state = before.fetched(before.ledger.reads(bytes));
            before
                .ledger
                .execute(context, std::slice::from_ref(bytes), &state)
        };
        assert_eq!(whole(&junk).unwrap().strangers, [0], "{kind}");
        assert!(whole(bytes).unwrap().strangers.is_empty(), "{kind}");
        let vetted = |bytes: &[u8]| {
            let prepared = Prepared::from(before.ledger.admit(bytes)?);
            let state = before.fetched(prepared.vet_reads().iter().copied());
            before
                .ledger
                .vet(context.admitted, &prepared, &state)
                .unwrap()
        };
        assert!(vetted(&junk).is_err(), "{kind}");
        assert_eq!(vetted(bytes), Ok(()), "{kind}");
    }
}

/// A grant of a new key, as anybody makes them.
fn fresh(number: u8) -> Grant {
    Grant {
        controller: key(number).verifying_key(),
        ..grant()
    }
}

#[test]
fn fault_5_unknown_keys_make_grants_without_end() {
    let mut world = World::with_hospitals();
    let (chain, mine) = (world.ledger.chain(), key(200));
    let forge = |member: MemberId, epoch: u64, node: &SigningKey, grant: &Grant| {
        Body::CreateGrant(NewGrant {
            grant: grant.clone(),
            voucher: Voucher::sign(chain, (member, node), epoch, grant),
        })
    };
    let (north, node) = (member_id(NORTH), key(NORTH + 1));
    let third = member_id(30);
    for forged in [
        // By nobody, by a member's CA, by a member that holds no share, for another grant, too
        // early, and too late.
        forge(north, 0, &mine, &fresh(201)),
        forge(north, 0, &key(NORTH), &fresh(201)),
        forge(third, 0, &key(31), &fresh(201)),
        Body::CreateGrant(NewGrant {
            grant: fresh(201),
            voucher: Voucher::sign(chain, (north, &node), 0, &fresh(202)),
        }),
        forge(north, 1, &node, &fresh(201)),
    ] {
        assert_eq!(world.refused(201, forged), Refusal::NotVouched);
    }
    let blocks = u64::from(governance().epoch_blocks.get());
    let early = forge(north, 0, &node, &fresh(201));
    world.height = 2 * blocks;
    assert_eq!(world.refused(201, early), Refusal::NotVouched);
    world.height = blocks;
    let early = forge(north, 0, &node, &fresh(202));
    world.applied(202, early);
    // The last of a member's quota, and one more; in the next epoch it has one again.
    let used = Vouched {
        epoch: 1,
        count: VOUCHERS_MAX - 1,
    };
    world
        .state
        .insert(VOUCHED.key(north.as_bytes()), used.to_vec());
    let body = vouched(&world, fresh(203), NORTH);
    world.applied(203, body);
    let body = vouched(&world, fresh(204), NORTH);
    assert_eq!(world.refused(204, body), Refusal::VouchersUsed);
    // Another's is untouched.
    let body = vouched(&world, fresh(205), SOUTH);
    world.applied(205, body);
    world.height = 2 * blocks;
    let body = vouched(&world, fresh(204), NORTH);
    world.applied(204, body);
    // And a member that was expelled vouches for nobody.
    expel_south(&mut world);
    let body = vouched(&world, fresh(206), SOUTH);
    assert_eq!(world.refused(206, body), Refusal::MemberSuspended);
}

/// What an unknown key makes ends, and takes a bounded number of changes.
#[test]
fn fault_5_what_unknown_keys_make_never_ends() {
    let mut world = World::with_hospitals();
    let endless = Grant {
        until: world.now.plus_ms(GRANT_DAYS_MAX * DAY_MS + 1),
        ..grant()
    };
    let body = vouched(&world, endless, NORTH);
    assert_eq!(world.refused(CONTROLLER, body), Refusal::GrantTooLong);
    let body = vouched(&world, grant(), NORTH);
    world.applied(CONTROLLER, body);
    for sequence in 1..GRANT_CHANGES_MAX {
        let state = match sequence % 2 {
            0 => GrantState::Active,
            _ => GrantState::Paused,
        };
        world.applied(CONTROLLER, change(state, sequence));
    }
    let more = change(GrantState::Active, GRANT_CHANGES_MAX);
    assert_eq!(world.refused(CONTROLLER, more), Refusal::TooManyChanges);
    world.now = grant().until;
    let mut over = world.clone();
    over.applied(CONTROLLER, change(GrantState::Revoked, GRANT_CHANGES_MAX));
    let again = change(GrantState::Revoked, GRANT_CHANGES_MAX + 1);
    assert_eq!(over.refused(CONTROLLER, again), Refusal::GrantRevoked);
}

/// The node of an expelled member goes on anchoring.
#[test]
fn fault_8_an_expelled_member_anchors_its_private_chain() {
    let mut world = World::with_five();
    votes(&mut world, &[20, 30, 40], Motion::Expel, 10);
    let log = Log::new(9);
    let body = anchor(10, 1, &log, 0, 0, 4);
    assert_eq!(world.refused(11, body), Refusal::MemberSuspended);
}
