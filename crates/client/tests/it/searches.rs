//! A node that lies about a patient's index: it is found out, and blames no author.

use yilian_client::{Blame, ClientError, FalsePointer};
use yilian_protocol::RecordId;

use crate::{
    crooked::{Crooked, SearchLie},
    owners::{sought, with_words},
    world::{World, hospital},
};

#[tokio::test(flavor = "multi_thread")]
async fn fault_6_a_node_blames_an_author_for_what_it_keeps_back() {
    let world = World::with(1).await;
    let mut patient = world.patient();
    let good = with_words(&world, &mut patient, &["word:gout"]).await;
    let other = with_words(&world, &mut patient, &["word:flu"]).await;
    let (crooked, session) = Crooked::session(&world).await;
    let request = sought(&["word:gout"]);
    let letter = patient.search_letter(&session, &request).await.unwrap();
    let doctor = world.doctor(0, "Dr Reader").await;
    let withheld = ClientError::Withheld {
        hospital: hospital(0).id(),
    };
    let nowhere = RecordId::from_bytes([9; 32]);
    for (lie, cause) in [
        (SearchLie::Leads(nowhere), FalsePointer::NoRecord(nowhere)),
        (SearchLie::Junk, FalsePointer::Unreadable),
    ] {
        crooked.bends().search = Some(lie);
        let found = patient.search(&session, &request).await;
        assert_eq!(found.unwrap_err(), withheld, "{lie:?}");
        let checked = patient.check_search(&session, &request).await;
        assert_eq!(checked.unwrap_err(), withheld, "{lie:?}");
        // Whoever has but a letter cannot tell which of the two lies, and is told so.
        let found = doctor.search(&session, &letter).await.unwrap();
        assert!(found.hits.is_empty() && found.may_lack());
        let [entry] = found.false_entries[..] else {
            panic!("{:?}", found.false_entries);
        };
        assert_eq!((entry.cause, entry.blame), (cause, Blame::AuthorOrNode));
    }
    // Another record of the hospital in its place: a search believes it, the check does not.
    crooked.bends().search = Some(SearchLie::Leads(other));
    let found = patient.search(&session, &request).await.unwrap();
    assert_eq!(found.hits[0].entry.sealed.record, other);
    let checked = patient.check_search(&session, &request).await;
    assert_eq!(checked.unwrap_err(), withheld);

    crooked.bends().search = None;
    let checked = patient.check_search(&session, &request).await.unwrap();
    assert_eq!(checked.hits.hits[0].entry.sealed.record, good);
    assert_eq!(checked.letter, letter);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_6_a_node_invents_a_false_entry_of_an_author() {
    let world = World::with(1).await;
    let mut patient = world.patient();
    let good = with_words(&world, &mut patient, &["word:gout"]).await;
    let (crooked, session) = Crooked::session(&world).await;
    crooked.bends().search = Some(SearchLie::Invented);
    let request = sought(&["word:gout"]);
    let searched = patient.search(&session, &request).await.unwrap();
    let checked = patient.check_search(&session, &request).await.unwrap();
    assert!(crooked.bends().invented.is_some());
    assert_eq!(checked.hits, searched);
    assert_eq!(searched.hits.len(), 1);
    assert_eq!(searched.hits[0].entry.sealed.record, good);
    assert!(searched.may_lack());
    assert_eq!(searched.false_entries[0].blame, Blame::AuthorOrNode);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_6_a_node_says_that_a_record_lacks_a_word() {
    let world = World::with(1).await;
    let mut patient = world.patient();
    let words = ["word:gout", "word:pain"];
    let good = with_words(&world, &mut patient, &words).await;
    let (crooked, session) = Crooked::session(&world).await;
    let request = sought(&words);
    let checked = patient.check_search(&session, &request).await.unwrap();
    assert_eq!(checked.hits.hits[0].entry.sealed.record, good);
    crooked.bends().search = Some(SearchLie::Lacking);
    let found = patient.search(&session, &request).await.unwrap();
    assert!(found.hits.is_empty(), "a search alone believes it");
    let checked = patient.check_search(&session, &request).await;
    let withheld = ClientError::Withheld {
        hospital: hospital(0).id(),
    };
    assert_eq!(checked.unwrap_err(), withheld);
}
