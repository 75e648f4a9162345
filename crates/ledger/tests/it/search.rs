//! The search contract: put if absent.

use yilian_crypto::search::{Address, IndexEntry};
use yilian_protocol::{
    call::RecordEntry,
    codec::{Decode as _, List},
    refusal::Refusal,
    sealed::SealedRecord,
    search::RecordIndex,
    state::tables::{CROSS, INDEX, RECORD, index_name},
    tx::Body,
};

use crate::world::{NORTH, SOUTH, World, index, member_id, record_id, seal};

/// A sealed visit whose records have these indexes.
fn seal_with(hospital: u8, visit: u32, numbers: &[u8], index: Vec<RecordIndex>) -> Body {
    let Body::Seal(mut sealed) = seal(hospital, visit, numbers) else {
        panic!("a seal");
    };
    sealed.index = List::new(index).unwrap();
    Body::Seal(sealed)
}

/// The entries of `number`, with the last one's place that of `address`.
fn index_at(number: u8, address: Address) -> RecordIndex {
    let mut entries = index(number).entries().to_vec();
    entries.last_mut().unwrap().address = address;
    RecordIndex::new(entries).unwrap()
}

#[test]
fn entries_stand_where_they_were_put_and_the_record_commits_to_them() {
    let mut world = World::with_hospitals();
    world.applied(NORTH + 1, seal(NORTH, 0, &[1, 2]));
    for number in [1, 2] {
        let index = index(number);
        for IndexEntry {
            address, pointer, ..
        } in index.entries()
        {
            let key = INDEX.key(&index_name(&member_id(NORTH), address));
            assert_eq!(world.state[&key], pointer.to_bytes());
            assert!(key.is_once());
        }
        let record = record_id(number);
        let tags = tags_of(&world, number);
        assert!(
            index
                .entries()
                .iter()
                .all(|entry| tags.contains(&entry.cross))
        );
        let entry = RecordEntry::from_slice(&world.state[&RECORD.key(record.as_bytes())]).unwrap();
        assert_eq!(entry.index, index.digest());
    }
}

fn tags_of(world: &World, number: u8) -> yilian_protocol::search::CrossTags {
    let record = record_id(number);
    let entry = RecordEntry::from_slice(&world.state[&RECORD.key(record.as_bytes())]).unwrap();
    let key = CROSS.key(&entry.sealed.capsule.to_bytes());
    CROSS.read(&world.state[&key]).unwrap()
}

#[test]
fn a_place_that_is_taken_refuses_the_whole_visit() {
    let mut world = World::with_hospitals();
    world.applied(NORTH + 1, seal(NORTH, 0, &[1]));
    let taken = index(1).entries()[7].address;
    let again = seal_with(NORTH, 1, &[2], vec![index_at(2, taken)]);
    assert_eq!(world.refused(NORTH + 1, again), Refusal::IndexTaken);

    // Twice in one transaction, in one record or in two.
    let first = index(3).entries()[0].address;
    let twice = seal_with(NORTH, 1, &[3], vec![index_at(3, first)]);
    assert_eq!(world.refused(NORTH + 1, twice), Refusal::IndexTaken);
    let across = seal_with(NORTH, 1, &[3, 4], vec![index(3), index_at(4, first)]);
    assert_eq!(world.refused(NORTH + 1, across), Refusal::IndexTaken);

    // Another hospital's places are its own: nobody can take them away, or be refused because of
    // them.
    let elsewhere = seal_with(SOUTH, 1, &[5], vec![index_at(5, taken)]);
    world.applied(SOUTH + 1, elsewhere);

    // In one block the first wins.
    let one = world.sign(NORTH + 1, seal_with(NORTH, 2, &[6], vec![index(9)]));
    let other = world.sign(NORTH + 1, seal_with(NORTH, 2, &[7], vec![index(9)]));
    let outcomes = world.block(&[one, other]);
    assert!(outcomes[0].ok().is_ok());
    assert_eq!(outcomes[1].ok(), Err(Refusal::IndexTaken));
}

/// Somebody puts a capsule that he read on the chain before a record of his own, to have it turned
/// in another's name: the ledger does not take it.
#[test]
fn a_capsule_stands_on_the_chain_once() {
    let mut world = World::with_hospitals();
    let first = seal(NORTH, 0, &[1]);
    let Body::Seal(original) = &first else {
        panic!("a seal");
    };
    let capsule = original.records[0].capsule;
    let with_capsule = |hospital: u8, visit: u32, numbers: &[u8]| {
        let Body::Seal(mut copied) = seal(hospital, visit, numbers) else {
            panic!("a seal");
        };
        copied.records = copied.records.map(|sealed| SealedRecord {
            capsule,
            ..sealed.clone()
        });
        Body::Seal(copied)
    };
    // Twice in one visit, then once more by anybody.
    let twice = with_capsule(NORTH, 0, &[2, 3]);
    assert_eq!(world.refused(NORTH + 1, twice), Refusal::CapsuleExists);
    world.applied(NORTH + 1, first);
    for (hospital, visit) in [(NORTH, 0), (NORTH, 1), (SOUTH, 2)] {
        let copied = with_capsule(hospital, visit, &[4]);
        assert_eq!(world.refused(hospital + 1, copied), Refusal::CapsuleExists);
    }
    // The same record again is told as such.
    let again = seal(NORTH, 0, &[1]);
    assert_eq!(world.refused(NORTH + 1, again), Refusal::RecordExists);
    // In one block the first wins.
    let one = world.sign(SOUTH + 1, seal(SOUTH, 3, &[5]));
    let Body::Seal(body) = seal(SOUTH, 3, &[5]) else {
        panic!("a seal");
    };
    let mut other = body;
    other.records = other.records.map(|sealed| SealedRecord {
        record: record_id(6),
        ..sealed.clone()
    });
    other.index = List::new(vec![index(6)]).unwrap();
    let other = world.sign(SOUTH + 1, Body::Seal(other));
    let outcomes = world.block(&[one, other]);
    assert!(outcomes[0].ok().is_ok());
    assert_eq!(outcomes[1].ok(), Err(Refusal::CapsuleExists));
}

#[test]
fn each_record_has_one_index() {
    let mut world = World::with_hospitals();
    for indexes in [vec![], vec![index(1)], vec![index(1), index(2), index(3)]] {
        let body = seal_with(NORTH, 0, &[1, 2], indexes);
        assert_eq!(world.refused(NORTH + 1, body), Refusal::IndexMissing);
    }
}
