//! Who is elected: one member one vote, counted at one height, and what cannot be done about it.

use yilian_protocol::{
    Height,
    codec::Decode as _,
    governance::{Ballot, BallotChoice, Candidacy, CandidateEntry, Candidates, NodeAddress, Seats},
    refusal::Refusal,
    registry::{Motion, Vote},
    state::tables::{CANDIDATES, SEATS},
    tx::Body,
};

use crate::world::{FIVE, World, delegate, governance, key, member_id};

pub fn candidacy(world: &World, hospital: u8, node: u8, port: Option<u16>) -> Body {
    let address = port.map(|port| NodeAddress(([10, 0, 0, node], port).into()));
    Body::Stand(Candidacy::sign(
        world.ledger.chain(),
        member_id(hospital),
        address,
        world.cast(hospital),
        &key(node),
    ))
}

pub fn stand(world: &mut World, hospital: u8, node: u8) {
    let body = candidacy(world, hospital, node, Some(9_000));
    world.applied(hospital, body);
}

pub fn ballot(world: &World, voter: u8, node: Option<u8>) -> Body {
    Body::Elect(Ballot {
        voter: member_id(voter),
        candidate: node.map(|node| BallotChoice(key(node).verifying_key())),
        sequence: world.cast(voter),
    })
}

pub fn elect(world: &mut World, voter: u8, node: Option<u8>) {
    let body = ballot(world, voter, node);
    world.applied(voter, body);
}

/// The refusal of a vote that another signs, or that cannot be.
fn refuse(world: &mut World, signer: u8, (voter, node): (u8, Option<u8>)) -> Refusal {
    let body = ballot(world, voter, node);
    world.refused(signer, body)
}

pub fn votes(world: &World) -> Vec<(u8, u32, bool)> {
    let known = world.state.get(&CANDIDATES.key(&[]));
    let known = known.map(|bytes| Candidates::from_slice(bytes).unwrap().into_vec());
    let known = known.unwrap_or_else(|| governance().candidates());
    let row = |entry: &CandidateEntry| {
        let node = (0..=u8::MAX).find(|n| key(*n).verifying_key() == entry.delegate.peer);
        (node.unwrap(), entry.votes, entry.stands)
    };
    known.iter().map(row).collect()
}

/// Executes the next block that counts votes, and returns who is elected.
pub fn count(world: &mut World) -> Vec<u8> {
    let blocks = governance().epoch_blocks;
    let epoch = blocks.epoch_of(Height::new(world.height)) + 2;
    let epoch = [epoch, epoch + 1]
        .into_iter()
        .find(|epoch| blocks.elected_at(*epoch) > Some(Height::new(world.height)));
    let epoch = epoch.unwrap();
    world.height = blocks.elected_at(epoch).unwrap().get() - 1;
    world.block(&[]);
    let seats = &world.state[&SEATS.key(&epoch.to_be_bytes())];
    let seats = Seats::from_slice(seats).unwrap();
    let node = |delegate: &yilian_protocol::governance::Delegate| {
        (0..=u8::MAX).find(|n| key(*n).verifying_key() == delegate.peer)
    };
    seats.delegates.iter().filter_map(node).collect()
}

#[test]
fn where_nobody_votes_the_validators_stay() {
    let mut world = World::with_five();
    let mut first = count(&mut world);
    first.sort_unstable();
    assert_eq!(first, [1, 2]);
    // Standing alone elects nobody, nor do two votes of five.
    stand(&mut world, 10, 11);
    for voters in [&[][..], &[10, 20]] {
        for voter in voters {
            elect(&mut world, *voter, Some(11));
        }
        let mut elected = count(&mut world);
        elected.sort_unstable();
        assert_eq!(elected, [1, 2]);
    }
    elect(&mut world, 30, Some(11));
    assert_eq!(count(&mut world)[0], 11);
}

#[test]
fn the_most_voted_get_the_seats_and_a_vote_can_be_moved() {
    let mut world = World::with_five();
    for hospital in FIVE {
        stand(&mut world, hospital, hospital + 1);
        elect(&mut world, hospital, Some(hospital + 1));
    }
    // Two of the genesis and five with a vote each: seven are 3 * 2 + 1.
    assert_eq!(count(&mut world).len(), 7);
    // Two votes for the first: it leads. The node without a vote is none of the validators' any
    // more once it withdrew.
    elect(&mut world, 20, Some(11));
    let body = candidacy(&world, 20, 21, None);
    world.applied(20, body);
    let elected = count(&mut world);
    assert_eq!(elected[0], 11);
    assert_eq!(elected.len(), 4, "six are eligible, four get a seat");
    assert!(!elected.contains(&21));
    // A vote comes before a seat of before.
    assert!(
        !elected.contains(&1) && !elected.contains(&2),
        "{elected:?}"
    );
}

#[test]
fn a_vote_counts_once_whatever_is_sent() {
    let mut world = World::with_five();
    stand(&mut world, 10, 11);
    stand(&mut world, 20, 21);
    elect(&mut world, 30, Some(11));
    assert_eq!(
        refuse(&mut world, 30, (30, Some(11))),
        Refusal::AlreadyVoted
    );
    elect(&mut world, 30, Some(21));
    assert_eq!(
        votes(&world),
        [(1, 0, true), (2, 0, true), (11, 0, true), (21, 1, true)]
    );
    elect(&mut world, 30, None);
    assert_eq!(refuse(&mut world, 30, (30, None)), Refusal::AlreadyVoted);
    assert!(votes(&world).iter().all(|(_, votes, _)| *votes == 0));
    // Cast again as it was at first: it counts again. Held back until the voter has voted
    // otherwise, it does not.
    elect(&mut world, 30, Some(11));
    let held_back = ballot(&world, 30, Some(21));
    elect(&mut world, 30, None);
    assert_eq!(world.refused(30, held_back), Refusal::StaleChange);
    // Only its own CA casts a member's vote.
    assert_eq!(refuse(&mut world, 20, (30, Some(11))), Refusal::WrongSigner);
    assert_eq!(refuse(&mut world, 30, (30, Some(99))), Refusal::NotStanding);
    let body = candidacy(&world, 10, 11, None);
    world.applied(10, body);
    assert_eq!(refuse(&mut world, 30, (30, Some(11))), Refusal::NotStanding);
}

#[test]
fn nobody_stands_anothers_node() {
    let mut world = World::with_five();
    stand(&mut world, 10, 11);
    let taken = candidacy(&world, 20, 11, Some(1));
    assert_eq!(world.refused(20, taken), Refusal::ForeignNode);
    // Without the node's key there is no consent, nor with one for another place.
    let Body::Stand(mut forged) = candidacy(&world, 20, 21, Some(1)) else {
        unreachable!()
    };
    forged.peer = key(31).verifying_key();
    assert_eq!(
        world.refused(20, Body::Stand(forged.clone())),
        Refusal::NoConsent
    );
    forged.peer = key(21).verifying_key();
    forged.address = Some(delegate(9, 9).address);
    assert_eq!(world.refused(20, Body::Stand(forged)), Refusal::NoConsent);
    let foreign = candidacy(&world, 20, 21, Some(1));
    assert_eq!(world.refused(30, foreign), Refusal::WrongSigner);
    let unknown = candidacy(&world, 20, 21, None);
    assert_eq!(world.refused(20, unknown), Refusal::NotStanding);
}

#[test]
fn a_node_of_the_genesis_belongs_to_whom_it_consents() {
    let mut world = World::with_five();
    stand(&mut world, 10, 1);
    let taken = candidacy(&world, 20, 1, Some(1));
    assert_eq!(world.refused(20, taken), Refusal::ForeignNode);
    assert_eq!(votes(&world), [(1, 0, true), (2, 0, true)]);
}

#[test]
fn who_is_suspended_neither_stands_nor_votes() {
    let mut world = World::with_five();
    stand(&mut world, 10, 11);
    elect(&mut world, 10, Some(11));
    elect(&mut world, 20, Some(11));
    for voter in [20, 30, 40] {
        let body = Body::Vote(Vote {
            subject: member_id(10),
            motion: Motion::Suspend,
            round: 0,
            voter: member_id(voter),
            favour: true,
            sequence: world.cast(voter),
        });
        world.applied(voter, body);
    }
    assert_eq!(
        votes(&world)[2],
        (11, 1, false),
        "its own vote is gone, and its node"
    );
    assert!(!count(&mut world).contains(&11));
    assert_eq!(
        refuse(&mut world, 10, (10, Some(11))),
        Refusal::MemberSuspended
    );
    let again = candidacy(&world, 10, 11, Some(9_000));
    assert_eq!(world.refused(10, again), Refusal::MemberSuspended);
}

#[test]
fn when_all_withdraw_the_last_validators_stay() {
    let mut world = World::with_five();
    for (hospital, node) in [(10, 1), (20, 2)] {
        stand(&mut world, hospital, node);
        let body = candidacy(&world, hospital, node, None);
        world.applied(hospital, body);
    }
    assert_eq!(count(&mut world), [1, 2]);
}

/// Else a withdrawal or an address of before could be brought again.
#[test]
fn a_candidacy_counts_once_and_the_last_address_holds() {
    let mut world = World::with_five();
    let first = candidacy(&world, 10, 11, Some(9_000));
    world.applied(10, first.clone());
    assert_eq!(world.refused(10, first), Refusal::StaleChange);
    let moved = candidacy(&world, 10, 11, Some(9_001));
    world.applied(10, moved);
    let known = &world.state[&CANDIDATES.key(&[])];
    let known = Candidates::from_slice(known).unwrap().into_vec();
    let entry = known.last().unwrap();
    assert_eq!(entry.delegate, delegate(11, 9_001));
}

/// Who was elected keeps the seat when its votes are taken back, as long as it stands.
#[test]
fn who_has_a_seat_of_the_epoch_before_is_eligible_without_a_vote() {
    let mut world = World::with_five();
    stand(&mut world, 10, 11);
    for voter in [20, 30, 40] {
        elect(&mut world, voter, Some(11));
    }
    assert_eq!(count(&mut world)[0], 11);
    for voter in [20, 30, 40] {
        elect(&mut world, voter, None);
    }
    assert!(count(&mut world).contains(&11));
}

#[test]
fn who_is_reinstated_votes_as_if_for_the_first_time() {
    let mut world = World::with_five();
    stand(&mut world, 20, 21);
    elect(&mut world, 10, Some(21));
    for motion in [Motion::Suspend, Motion::Reinstate] {
        let round = u32::from(motion == Motion::Reinstate);
        for voter in [20, 30, 40] {
            let body = Body::Vote(Vote {
                subject: member_id(10),
                motion,
                round,
                voter: member_id(voter),
                favour: true,
                sequence: world.cast(voter),
            });
            world.applied(voter, body);
        }
    }
    assert_eq!(votes(&world)[2], (21, 0, true));
    elect(&mut world, 10, Some(21));
    assert_eq!(votes(&world)[2], (21, 1, true));
}
