//! The ledger as a function: total, deterministic, reading only what it declares.

use proptest::prelude::*;
use yilian_ledger::{BlockContext, StateError, state::Fetched};
use yilian_protocol::{
    Height,
    refusal::Outcome,
    registry::{Admitted, Role},
    tx::Body,
};

use crate::world::{CONSORTIUM, NORTH, SOUTH, World, certificate, member, seal};

/// A transaction out of a few that get in each other's way.
fn transaction(world: &World, choice: u8) -> Vec<u8> {
    let hospital = if choice & 1 == 0 { NORTH } else { SOUTH };
    let number = choice >> 4;
    match (choice >> 1) % 4 {
        0 => world.sign(CONSORTIUM, Body::Admit(member(hospital))),
        1 => {
            let person = certificate(30 + number, hospital, Role::Doctor);
            world.sign(hospital, Body::Certify(person))
        }
        _ => world.sign(
            hospital + 1,
            seal(hospital, u32::from(number % 3), &[number, 100 + number]),
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_block_or_many_lead_to_the_same_state(choices: Vec<u8>, cut: usize) {
        let mut whole = World::new();
        let choices = &choices[..choices.len().min(12)];
        let transactions: Vec<_> = choices.iter().map(|c| transaction(&whole, *c)).collect();
        let outcomes = whole.block(&transactions);

        let mut parts = World::new();
        let (first, second) = transactions.split_at(cut % (transactions.len() + 1));
        let mut in_parts = parts.block(first);
        in_parts.extend(parts.block(second));
        prop_assert_eq!(&outcomes, &in_parts);
        // Entries note their block, so only the places and sizes must agree.
        let shape = |world: &World| -> Vec<_> {
            world.state.iter().map(|(key, value)| (*key, value.len())).collect()
        };
        prop_assert_eq!(shape(&whole), shape(&parts));

        let mut again = World::new();
        prop_assert_eq!(again.block(&transactions), outcomes);
        prop_assert_eq!(again.state, whole.state);
    }

    #[test]
    fn arbitrary_bytes_are_refused_and_change_nothing(bytes: Vec<u8>) {
        let mut world = World::with_hospitals();
        world.refused_bytes(bytes);
    }
}

#[test]
fn an_undeclared_read_ends_the_execution() {
    let world = World::with_hospitals();
    let admit = world.sign(CONSORTIUM, Body::Admit(member(40)));
    let admitted = Admitted {
        height: Height::new(9),
        time: world.now,
    };
    let context = BlockContext { admitted };
    let nothing = Fetched::default();
    let result = world
        .ledger
        .execute(context, std::slice::from_ref(&admit), &nothing);
    assert!(matches!(result, Err(StateError::Undeclared { .. })));
    let declared = world.fetched(world.ledger.reads(&admit));
    let result = world.ledger.execute(context, &[admit], &declared).unwrap();
    assert_eq!(result.outcomes, [Outcome::Applied]);
}
