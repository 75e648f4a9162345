//! Members decide about members: one vote each, changeable until it is carried.

use yilian_protocol::{
    StateKey,
    codec::Decode as _,
    refusal::Refusal,
    registry::{MemberEntry, Motion, Role, Roll, Standing, Vote},
    state::tables::{MEMBER, ROLL},
    tx::Body,
};

use crate::world::{CONSORTIUM, World, certificate, member, member_id, seal};

pub fn entry(world: &World, hospital: u8) -> MemberEntry {
    let key: StateKey = MEMBER.key(member_id(hospital).as_bytes());
    MemberEntry::from_slice(&world.state[&key]).unwrap()
}

fn active(world: &World) -> usize {
    Roll::from_slice(&world.state[&ROLL.key(&[])])
        .unwrap()
        .active()
}

/// A vote in the subject's current round.
pub fn vote(world: &World, voter: u8, motion: Motion, subject: u8, favour: bool) -> Body {
    Body::Vote(Vote {
        subject: member_id(subject),
        motion,
        round: entry(world, subject).decisions,
        voter: member_id(voter),
        favour,
        sequence: world.cast(voter),
    })
}

pub fn votes(world: &mut World, voters: &[u8], motion: Motion, subject: u8) {
    for voter in voters {
        let body = vote(world, *voter, motion, subject, true);
        world.applied(*voter, body);
    }
}

#[test]
fn more_than_half_of_the_others_suspend_and_reinstate() {
    let mut world = World::with_five();
    votes(&mut world, &[20, 30], Motion::Suspend, 10);
    assert_eq!(
        entry(&world, 10).standing,
        Standing::Active,
        "two of four are not more than half"
    );
    votes(&mut world, &[40], Motion::Suspend, 10);
    let suspended = entry(&world, 10);
    assert_eq!(
        (suspended.standing, suspended.decisions),
        (Standing::Suspended, 1)
    );
    assert_eq!(suspended.since.height.get(), world.height);
    assert_eq!(active(&world), 4);

    // It seals nothing, certifies nobody, and has no vote.
    assert_eq!(
        world.refused(11, seal(10, 0, &[1])),
        Refusal::MemberSuspended
    );
    let person = Body::Certify(certificate(60, 10, Role::Doctor));
    assert_eq!(world.refused(10, person.clone()), Refusal::MemberSuspended);
    let own = vote(&world, 10, Motion::Suspend, 20, true);
    assert_eq!(world.refused(10, own), Refusal::MemberSuspended);

    votes(&mut world, &[20, 30, 40], Motion::Reinstate, 10);
    assert_eq!(entry(&world, 10).standing, Standing::Active);
    assert_eq!(active(&world), 5);
    world.applied(11, seal(10, 0, &[1]));
    world.applied(10, person);
}

#[test]
fn a_vote_counts_once_and_may_be_taken_back() {
    let mut world = World::with_five();
    votes(&mut world, &[20, 30], Motion::Expel, 10);
    let again = vote(&world, 20, Motion::Expel, 10, true);
    assert_eq!(world.refused(20, again), Refusal::AlreadyVoted);
    let back = vote(&world, 20, Motion::Expel, 10, false);
    world.applied(20, back.clone());
    assert_eq!(world.refused(20, back), Refusal::StaleChange);
    let twice = vote(&world, 20, Motion::Expel, 10, false);
    assert_eq!(world.refused(20, twice), Refusal::AlreadyVoted);
    // Cast again, and taken back again.
    votes(&mut world, &[20], Motion::Expel, 10);
    let back = vote(&world, 20, Motion::Expel, 10, false);
    world.applied(20, back);
    votes(&mut world, &[40], Motion::Expel, 10);
    assert_eq!(
        entry(&world, 10).standing,
        Standing::Active,
        "30 and 40 are two of four"
    );
    votes(&mut world, &[50], Motion::Expel, 10);
    assert_eq!(entry(&world, 10).standing, Standing::Expelled);
}

#[test]
fn nobody_votes_for_another_about_itself_or_on_what_is_decided() {
    let mut world = World::with_five();
    let motion = Motion::Suspend;
    let forged = vote(&world, 20, motion, 10, true);
    // By the node of 20, by another CA, by the consortium's.
    for signer in [21, 30, CONSORTIUM] {
        assert_eq!(world.refused(signer, forged.clone()), Refusal::WrongSigner);
    }
    let own = vote(&world, 10, motion, 10, true);
    assert_eq!(world.refused(10, own), Refusal::OwnMotion);
    let void = vote(&world, 20, Motion::Reinstate, 10, true);
    assert_eq!(world.refused(20, void), Refusal::StaleMotion);
    let late = vote(&world, 50, motion, 10, true);
    votes(&mut world, &[20, 30, 40], motion, 10);
    assert_eq!(world.refused(50, late), Refusal::StaleMotion);
    // Votes of the first suspension do not count for the next one.
    votes(&mut world, &[20, 30, 40], Motion::Reinstate, 10);
    votes(&mut world, &[50], motion, 10);
    assert_eq!(entry(&world, 10).standing, Standing::Active);
    // What was expelled stays so.
    votes(&mut world, &[20, 30, 40], Motion::Expel, 10);
    for motion in [Motion::Suspend, Motion::Reinstate, Motion::Expel] {
        let after = vote(&world, 20, motion, 10, true);
        assert_eq!(world.refused(20, after), Refusal::StaleMotion);
    }
    assert_eq!(
        world.refused(CONSORTIUM, Body::Admit(member(10))),
        Refusal::MemberExists
    );
    let unknown = Body::Vote(Vote {
        subject: member_id(70),
        motion,
        round: 0,
        voter: member_id(20),
        favour: true,
        sequence: world.cast(20),
    });
    assert_eq!(world.refused(20, unknown), Refusal::MemberUnknown);
}

#[test]
fn of_two_members_neither_decides_about_the_other() {
    let mut world = World::with_hospitals();
    votes(&mut world, &[20], Motion::Expel, 10);
    assert_eq!(entry(&world, 10).standing, Standing::Active);
    assert_eq!(active(&world), 2);
}

#[test]
fn suspended_members_leave_the_electorate() {
    let mut world = World::with_five();
    votes(&mut world, &[20, 30, 40], Motion::Suspend, 10);
    votes(&mut world, &[30, 40], Motion::Suspend, 20);
    // Of three others, two are more than half; with 10 they would not have been.
    assert_eq!(entry(&world, 20).standing, Standing::Suspended);
    assert_eq!(active(&world), 3);
}

#[test]
fn three_of_five_others_are_more_than_half() {
    let mut world = World::with_five();
    world.applied(CONSORTIUM, Body::Admit(member(60)));
    votes(&mut world, &[20, 30], Motion::Suspend, 10);
    assert_eq!(entry(&world, 10).standing, Standing::Active);
    votes(&mut world, &[40], Motion::Suspend, 10);
    assert_eq!(entry(&world, 10).standing, Standing::Suspended);
}
