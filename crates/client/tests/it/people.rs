use yilian_client::{
    ClientError,
    calendar::days_after,
    passes_end,
    people::{self, Person},
};
use yilian_crypto::seed::Seed;
use yilian_protocol::{
    codec::Text,
    refusal::Refusal,
    registry::{Certificate, Role},
};

use crate::world::{World, called, hospital, now};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_found_by_its_whole_name_and_two_of_one_name_are_told_apart() {
    let world = World::with(0).await;
    let nobody = |name: &str, meant: &[&str]| ClientError::NoMember {
        name: name.to_owned(),
        meant: meant.iter().map(|name| (*name).to_owned()).collect(),
    };
    let found = people::member(&world.session, "North").await;
    assert_eq!(found.unwrap_err(), nobody("North", &[]));

    let [north, south, other] = [called(0, "North"), called(1, "South"), called(2, "North")];
    world.admit(&north).await;
    world.admit(&south).await;
    let found = people::member(&world.session, "North").await;
    assert_eq!(found.unwrap(), north.id());
    for name in ["north", "Nort", "North "] {
        let found = people::member(&world.session, name).await;
        assert_eq!(found.unwrap_err(), nobody(name, &["North"]));
    }
    let found = people::member(&world.session, "").await;
    assert_eq!(found.unwrap_err(), nobody("", &[]));

    world.admit(&other).await;
    let error = people::member(&world.session, "North").await.unwrap_err();
    let both = [north.id(), other.id()];
    let name = "North".to_owned();
    assert_eq!(error, ClientError::SeveralMembers { name, both });
    for id in both {
        assert!(error.to_string().contains(&id.to_string()), "{error}");
    }
    // Others are found as before.
    let found = people::member(&world.session, "South").await;
    assert_eq!(found.unwrap(), south.id());
    let names = people::names(&world.session).await.unwrap();
    assert_eq!(names.len(), 3);
    assert_eq!(names[&other.id()], "North");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_of_one_name_are_told_apart_and_a_renewed_certificate_is_no_second_person() {
    let world = World::with(2).await;
    let (north, south) = (hospital(0), hospital(1));
    let find = async |name: &str| {
        let registry = people::registry(&world.session).await.unwrap();
        let found = people::person(&registry, name, now());
        found.map(|entry| entry.certificate.id())
    };
    let name = || "Dr Li".to_owned();
    let nobody = |name: String, meant: Vec<String>| ClientError::NoPerson { name, meant };
    assert_eq!(find("Dr Li").await.unwrap_err(), nobody(name(), vec![]));

    let li = world.certify(&north, "Dr Li", Role::Doctor, 10).await;
    world.certify(&south, "Dr Lin", Role::Doctor, 10).await;
    assert_eq!(find("Dr Li").await.unwrap(), li.certificate().id());

    // Renewed for longer, and for shorter: the one that ends last counts.
    let renew = async |days| {
        let renewed = li.renewed(&north, now(), days_after(now(), days));
        assert_eq!(renewed.signing, li.certificate().signing);
        north.certify(&world.session, renewed).await.unwrap()
    };
    let longest = renew(20).await;
    renew(5).await;
    assert_eq!(find("Dr Li").await.unwrap(), longest);

    let namesake = world.certify(&south, "Dr Li", Role::Pharmacist, 1).await;
    let error = find("Dr Li").await.unwrap_err();
    let both = [longest, namesake.certificate().id()];
    assert_eq!(error, ClientError::SeveralPeople { name: name(), both });
    for id in both {
        assert!(error.to_string().contains(&id.to_string()), "{error}");
    }

    // Who left is nobody's namesake.
    let left = || Text::new("left").unwrap();
    let id = namesake.certificate().id();
    south.revoke(&world.session, id, left()).await.unwrap();
    assert_eq!(find("Dr Li").await.unwrap(), longest);
    let registry = people::registry(&world.session).await.unwrap();
    let ids = registry[0].certificates.iter();
    let ids: Vec<_> = ids.map(|entry| entry.certificate.id()).collect();
    for id in ids {
        north.revoke(&world.session, id, left()).await.unwrap();
    }
    assert_eq!(
        find("Dr Li").await.unwrap_err(),
        ClientError::Refused(Refusal::CertificateRevoked)
    );
}

#[test]
fn nobody_acts_with_a_certificate_for_other_keys() {
    let ca = hospital(0);
    let [seed, other] = [1, 2].map(|byte| Seed::from_bytes([byte; 32]));
    let of = |seed: &Seed| {
        let name = Text::new("Dr Li").unwrap();
        ca.certificate(name, Role::Doctor, seed, now(), days_after(now(), 1))
    };
    let (own, foreign) = (of(&seed), of(&other));
    assert!(Person::new(seed.clone(), own.clone()).is_ok());
    let mixed = [
        Certificate {
            signing: foreign.signing,
            ..own.clone()
        },
        Certificate {
            delegatee: foreign.delegatee,
            ..own.clone()
        },
        Certificate {
            writer: foreign.writer,
            ..own.clone()
        },
        Certificate {
            kem: foreign.kem.clone(),
            ..own
        },
        foreign,
    ];
    for certificate in mixed {
        let reader = certificate.id();
        let error = Person::new(seed.clone(), certificate).unwrap_err();
        assert_eq!(error, ClientError::NotForMe { reader });
    }
}

#[test]
fn passes_end_with_a_whole_day_within_their_limit() {
    let noon = yilian_protocol::TimeMs::from_text("2026-12-30T12:00:00Z").unwrap();
    let end = |days| passes_end(noon, days);
    // The rest of the day they begin with is not counted.
    assert_eq!(end(1), days_after(noon, 2));
    assert_eq!(end(7), days_after(noon, 8));
    assert_eq!(end(0), end(1));
    assert_eq!(end(u64::MAX), end(30));
    assert!(end(29) < end(30));
}
