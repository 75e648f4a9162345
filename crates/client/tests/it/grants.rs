use std::sync::Mutex;

use yilian_client::{
    CheckIn, ClientError, Doctor, GrantNote, GrantRequest, KeepWallet, Patient, Wallet,
    calendar::{days_after, quarter},
    grants::{self, HOLDERS, Wish, majority},
    listing,
};
use yilian_crypto::seed::{Language, Seed};
use yilian_protocol::{
    CertificateId, Confidentiality, GrantId, MemberId, Quarter, TimeMs,
    codec::List,
    grant::{GrantState, Purpose},
    refusal::Refusal,
    registry::{Admitted, MemberEntry, Standing},
};

use crate::world::{World, called, clinical, hospital, now};

fn reader() -> CertificateId {
    CertificateId::from_bytes([9; 32])
}

fn entry(ca: &yilian_client::MemberCa) -> MemberEntry {
    let admitted = Admitted {
        height: yilian_protocol::Height::new(1),
        time: TimeMs::new(1),
    };
    MemberEntry::new(ca.member().clone(), admitted)
}

fn members(count: u8) -> Vec<MemberEntry> {
    (0..count).map(|number| entry(&hospital(number))).collect()
}

/// A wallet that visited these hospitals, in this order.
fn visited(numbers: &[u8]) -> Wallet {
    let mut wallet = Wallet::new(yilian_protocol::ChainId::from_bytes([0; 32]));
    for number in numbers {
        let hospital = hospital(*number).id();
        wallet.visits.push(yilian_client::VisitNote {
            hospital,
            counter: wallet.next_visit(hospital),
            period: None,
            private: false,
        });
    }
    wallet
}

#[test]
fn key_holders_are_the_hospitals_visited_and_others_behind_them() {
    let ids = |numbers: &[u8]| -> Vec<MemberId> {
        let ids = numbers.iter().map(|number| hospital(*number).id());
        ids.collect()
    };
    let sorted = |numbers: &[u8]| {
        let mut ids = ids(numbers);
        ids.sort();
        ids
    };
    let holders = |numbers: &[u8], count| grants::holders(&visited(numbers), &members(count));
    // Nobody visited: the members as they were admitted.
    assert_eq!(holders(&[], 3), ids(&[0, 1, 2]));
    assert_eq!(holders(&[], 7), ids(&[0, 1, 2, 3, 4]));
    // Visited twice counts once; visited comes first.
    let mixed = holders(&[6, 5, 6], 7);
    assert_eq!(mixed[..2], sorted(&[5, 6]));
    assert_eq!(mixed[2..], ids(&[0, 1, 2]));
    // More visited than there is room for.
    let full = holders(&[6, 5, 4, 3, 2, 1], 7);
    assert_eq!(full, sorted(&[1, 2, 3, 4, 5, 6])[..HOLDERS]);
    assert_eq!(holders(&[], 0), []);
    // Who may not act now serves nobody, visited or not.
    let mut some = members(4);
    some[1].standing = Standing::Suspended;
    some[2].standing = Standing::Expelled;
    let left = grants::holders(&visited(&[1]), &some);
    assert_eq!(left, ids(&[0, 3]));
}

#[test]
fn more_than_half_have_to_help() {
    let table: Vec<usize> = (1..=6).map(majority).collect();
    assert_eq!(table, [1, 2, 2, 3, 3, 4]);
    for count in 1..=4 {
        let wish = Wish::for_reader(reader());
        let request = wish.request(&visited(&[]), &members(count), now()).unwrap();
        assert_eq!(request.holders.len(), usize::from(count));
        assert_eq!(request.threshold, majority(usize::from(count)));
    }
    let said = Wish {
        threshold: Some(1),
        ..Wish::for_reader(reader())
    };
    let request = said.request(&visited(&[]), &members(4), now()).unwrap();
    assert_eq!(request.threshold, 1);
}

#[test]
fn what_is_left_out_is_decided_here() {
    let now = TimeMs::from_text("2026-11-29T08:00:00Z").unwrap();
    let request = Wish::for_reader(reader())
        .request(&visited(&[0, 1]), &members(2), now)
        .unwrap();
    let expected = GrantRequest {
        reader: reader(),
        purpose: Purpose::Treatment,
        confidentialities: vec![Confidentiality::Clinical],
        from: now,
        until: TimeMs::from_text("2027-02-27T08:00:00Z").unwrap(),
        future: Vec::new(),
        holders: grants::holders(&visited(&[0, 1]), &members(2)),
        threshold: 2,
        emergency: false,
    };
    assert_eq!(request, expected);

    // Levels are named once each, whatever was said; an emergency grant has one purpose.
    let wish = Wish {
        purpose: Purpose::Research,
        levels: [Confidentiality::ALL, Confidentiality::ALL].concat(),
        emergency: true,
        days: u64::MAX,
        ..Wish::for_reader(reader())
    };
    let request = wish.request(&visited(&[0]), &members(7), now).unwrap();
    assert_eq!(request.purpose, Purpose::EmergencyTreatment);
    assert_eq!(request.confidentialities.len(), Confidentiality::ALL.len());
    assert!(request.confidentialities.is_sorted());
    assert_eq!(request.until, TimeMs::MAX);
}

#[test]
fn quarters_to_come_are_granted_at_each_hospital_visited_over_the_end_of_the_year() {
    let now = TimeMs::from_text("2026-11-29T08:00:00Z").unwrap();
    let wish = Wish {
        quarters: 2,
        ..Wish::for_reader(reader())
    };
    let request = wish
        .request(&visited(&[1, 0, 1]), &members(3), now)
        .unwrap();
    let mut expected = Vec::new();
    for part in [1, 2] {
        for hospital in visited(&[0, 1]).hospitals() {
            expected.push((hospital, Quarter::new(2027, part).unwrap()));
        }
    }
    assert_eq!(request.future, expected);
}

#[test]
fn a_holder_is_found_by_name_or_not_at_all() {
    let mut members = members(3);
    let named = |names: &[&str], members: &[MemberEntry]| {
        let wish = Wish {
            holders: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Wish::for_reader(reader())
        };
        wish.request(&visited(&[0]), members, now())
    };
    let request = named(&["Hospital 2", "Hospital 1"], &members).unwrap();
    assert_eq!(request.holders, [hospital(2).id(), hospital(1).id()]);
    assert_eq!(request.threshold, 2);
    let error = named(&["Hospital 2", "Hospital 9"], &members).unwrap_err();
    let name = "Hospital 9".to_owned();
    let meant = Vec::new();
    assert_eq!(error, ClientError::NoMember { name, meant });
    members.push(entry(&called(4, "Hospital 1")));
    let error = named(&["Hospital 1"], &members).unwrap_err();
    let name = "Hospital 1".to_owned();
    let both = [hospital(1).id(), called(4, "Hospital 1").id()];
    assert_eq!(error, ClientError::SeveralMembers { name, both });
}

/// A patient with a record at the first of some hospitals, and a reader at the last.
pub async fn cast(count: u8) -> (World, Patient, Doctor) {
    let world = World::with(count).await;
    let doctor = world.doctor(0, "Dr First").await;
    let reader = world.doctor(count - 1, "Dr Second").await;
    let mut patient = world.patient();
    world
        .visit(&mut patient, hospital(0).id(), &doctor, "one")
        .await;
    (world, patient, reader)
}

pub async fn make(
    world: &World,
    patient: &mut Patient,
    wish: &Wish,
) -> Result<yilian_client::Letter, ClientError> {
    let members = world.session.members().await?;
    let request = wish.request(patient.wallet(), &members, now())?;
    let rng = &mut rand::rng();
    let made = patient.grant(&world.session, request, rng).await?;
    Ok(made.letter)
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_counts_of_holders_leave_nothing_behind() {
    let (world, mut patient, reader) = cast(3).await;
    let wish = Wish::for_reader(reader.certificate());
    let wrong = |holders: &[&str], threshold| Wish {
        holders: holders.iter().map(|name| (*name).to_owned()).collect(),
        threshold,
        ..wish.clone()
    };
    let twice = ["Hospital 1", "Hospital 1", "Hospital 2"];
    let before = patient.wallet().clone();
    for wish in [
        wrong(&[], Some(0)),
        wrong(&[], Some(4)),
        wrong(&["Hospital 1"], Some(2)),
        wrong(&twice, None),
    ] {
        let error = make(&world, &mut patient, &wish).await.unwrap_err();
        let refused = matches!(error, ClientError::Crypto(_))
            || error == ClientError::Refused(Refusal::BadHolders);
        assert!(refused, "{error}");
        assert_eq!(*patient.wallet(), before);
    }
    // Without any member there is nobody to hold a share.
    let request = wish.request(&visited(&[]), &[], now()).unwrap();
    assert_eq!(request.holders, []);
    let rng = &mut rand::rng();
    let made = patient.grant(&world.session, request, rng).await;
    made.unwrap_err();
    assert_eq!(*patient.wallet(), before);

    // As it should be, it is made, and is the wallet's first.
    let letter = make(&world, &mut patient, &wish).await.unwrap();
    let entry = world.session.grant(letter.grant).await.unwrap();
    assert_eq!((entry.grant.threshold, entry.grant.holders.len()), (2, 3));
    assert_eq!(patient.wallet().grants[0].counter, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_listed_with_its_end_its_uses_and_its_erasures() {
    let (world, mut patient, reader) = cast(3).await;
    let session = &world.session;
    let wish = Wish::for_reader(reader.certificate());
    let letter = make(&world, &mut patient, &wish).await.unwrap();
    let record = letter.records[0].record;
    reader
        .read(session, &letter, record, now(), &mut rand::rng())
        .await
        .unwrap();

    // Two of three served, and both tell. Asked with a wallet that did not make it, none does.
    let uses = grants::uses(session, &patient, letter.grant, now()).await;
    let uses = uses.unwrap();
    assert_eq!(uses.told.len(), 2);
    assert_ne!(uses.told[0].holder, uses.told[1].holder);
    assert!(uses.told.iter().all(|told| told.usage.record == record));
    assert!(uses.silent.is_empty());
    let stranger = world.patient();
    let uses = grants::uses(session, &stranger, letter.grant, now()).await;
    let uses = uses.unwrap();
    assert_eq!((uses.told.len(), uses.silent.len()), (0, 3));

    // A note of a grant that never came onto the chain hides none of the others.
    let mut wallet = patient.wallet().clone();
    wallet.grants.insert(
        0,
        GrantNote {
            grant: GrantId::from_bytes([7; 32]),
            counter: 7,
            terms: None,
            answers: None,
            given_up: false,
        },
    );
    let [listed] = &grants::list(session, &wallet, now()).await.unwrap()[..] else {
        panic!("another grant is listed");
    };
    assert_eq!(listed.grant, letter.grant);
    assert_eq!(listed.state, GrantState::Active);
    assert_eq!(listed.reader, Some(reader.certificate()));
    assert_eq!((listed.holders, listed.erased), (3, 0));

    patient
        .set_grant(session, letter.grant, GrantState::Revoked)
        .await
        .unwrap();
    let refused = reader
        .read(session, &letter, record, now(), &mut rand::rng())
        .await;
    let rule = refused.unwrap_err().refusal();
    assert_eq!(rule, Some(Refusal::GrantRevoked));
    let mut listed = grants::list(session, patient.wallet(), now())
        .await
        .unwrap();
    for _ in 0..600 {
        if listed[0].erased == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        listed = grants::list(session, patient.wallet(), now())
            .await
            .unwrap();
    }
    assert_eq!(listed[0].state, GrantState::Revoked);
    assert_eq!(listed[0].erased, 3);
    // What was revoked cannot be taken up again.
    let again = patient.set_grant(session, letter.grant, GrantState::Active);
    assert!(again.await.unwrap_err().refusal().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_alone_find_visits_and_grants_again() {
    let world = World::with(2).await;
    let session = &world.session;
    let doctors = [
        world.doctor(0, "Dr First").await,
        world.doctor(1, "Dr Second").await,
    ];
    let seed = Seed::random(&mut rand::rng());
    let words = seed.to_words(Language::SimplifiedChinese);
    let mut patient = Patient::new(&seed, Wallet::new(session.chain()));
    for (number, text) in [(0, "one"), (1, "two"), (0, "three")] {
        let doctor = &doctors[usize::from(number)];
        world
            .visit(&mut patient, hospital(number).id(), doctor, text)
            .await;
    }
    // A visit without a record leaves nothing to be found, and hides nothing behind it.
    let unused = CheckIn::at(hospital(1).id(), now());
    patient.check_in(session, unused, &mut rand::rng());
    let private = CheckIn {
        private: true,
        ..unused
    };
    let drafts = vec![clinical("four")];
    world.seal(&mut patient, private, &doctors[1], drafts).await;
    let wish = Wish::for_reader(doctors[1].certificate());
    let letter = make(&world, &mut patient, &wish).await.unwrap();
    let texts = async |patient: &Patient| {
        let records = listing::records(session, patient).await.unwrap();
        assert!(records.passed_over.is_empty());
        let texts = records.opened.into_iter().map(|record| record.content);
        let mut texts: Vec<_> = texts
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect();
        texts.sort();
        texts
    };
    // The grant covers the quarter, but not the private visit in it.
    assert_eq!(letter.records.len(), 3);
    assert_eq!(texts(&patient).await, ["four", "one", "three", "two"]);
    drop(patient);

    let seed = Seed::from_words(&words).unwrap();
    let mut again = Patient::new(&seed, Wallet::new(session.chain()));
    assert_eq!(again.recover(session).await.unwrap(), (4, 1));
    assert_eq!(texts(&again).await, ["four", "one", "three", "two"]);
    let [listed] = &grants::list(session, again.wallet(), now()).await.unwrap()[..] else {
        panic!("another grant is listed");
    };
    // Its terms are not on the chain.
    assert_eq!((listed.grant, listed.reader), (letter.grant, None));
    assert_eq!(again.recover(session).await.unwrap(), (0, 0));
    // The next visit and the next grant use fresh keys.
    let fresh = world.visit(&mut again, hospital(0).id(), &doctors[0], "five");
    fresh.await;
    assert!(again.wallet().visits.last().unwrap().counter >= 2);
    let second = make(&world, &mut again, &wish).await.unwrap();
    assert_ne!(second.grant, letter.grant);
    again
        .set_grant(session, letter.grant, GrantState::Revoked)
        .await
        .unwrap();
    let states = grants::list(session, again.wallet(), now()).await.unwrap();
    let states: Vec<_> = states.iter().map(|listed| listed.state).collect();
    assert_eq!(states, [GrantState::Revoked, GrantState::Active]);
    // Other words find nothing.
    assert_eq!(world.patient().recover(session).await.unwrap(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_for_quarters_to_come_reads_what_is_sealed_then() {
    let (world, mut patient, reader) = cast(2).await;
    let session = &world.session;
    let doctor = world.doctor(0, "Dr Third").await;
    let wish = Wish {
        quarters: 2,
        ..Wish::for_reader(reader.certificate())
    };
    let letter = make(&world, &mut patient, &wish).await.unwrap();
    // This quarter and two more at the hospital visited.
    assert_eq!(letter.terms.scopes.len(), 3);
    let beyond = Wish {
        quarters: 0,
        ..wish.clone()
    };
    let period = quarter(now()).next().next();
    let visit = CheckIn {
        period,
        ..CheckIn::at(hospital(0).id(), now())
    };
    let drafts = vec![clinical("later")];
    let record = world.seal(&mut patient, visit, &doctor, drafts).await[0];
    // A later letter of the same terms names it; the first one could not.
    assert!(letter.records.iter().all(|named| named.record != record));
    let later = make(&world, &mut patient, &beyond).await.unwrap();
    let named = later.records.iter().find(|named| named.record == record);
    let mut letter = letter;
    let records = letter.records.iter().copied().chain([*named.unwrap()]);
    letter.records = List::new(records.collect()).unwrap();
    let reading = reader
        .read(session, &letter, record, now(), &mut rand::rng())
        .await
        .unwrap();
    assert_eq!(reading.verified.content(), b"later");
    // It ends when it was said to.
    let ended = days_after(now(), grants::DAYS + 1);
    assert!(letter.terms.from < ended);
    let entry = session.grant(letter.grant).await.unwrap();
    assert!(entry.grant.until < ended);
}

/// A wallet of words alone knows of no quarter, and a grant of it would cover nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_found_again_grants_what_its_records_tell_but_no_private_visit() {
    let world = World::with(2).await;
    let session = &world.session;
    let doctors = [
        world.doctor(0, "Dr First").await,
        world.doctor(1, "Dr Second").await,
    ];
    let seed = Seed::random(&mut rand::rng());
    let mut patient = Patient::new(&seed, Wallet::new(session.chain()));
    for number in [0, 1] {
        let here = hospital(number).id();
        let doctor = &doctors[usize::from(number)];
        world.visit(&mut patient, here, doctor, "open").await;
    }
    let private = CheckIn {
        private: true,
        ..CheckIn::at(hospital(0).id(), now())
    };
    let drafts = vec![clinical("private")];
    world.seal(&mut patient, private, &doctors[0], drafts).await;
    let wish = Wish::for_reader(doctors[1].certificate());
    let first = make(&world, &mut patient, &wish).await.unwrap();
    let before = patient.covered(&first.terms);

    let mut again = Patient::new(&seed, Wallet::new(session.chain()));
    again.recover(session).await.unwrap();
    let empty = make(&world, &mut again, &wish).await.unwrap();
    assert_eq!((empty.terms.scopes.len(), empty.records.len()), (0, 0));
    assert_eq!(again.complete(session).await.unwrap(), 0);
    let private: Vec<_> = again
        .wallet()
        .visits
        .iter()
        .map(|note| note.private)
        .collect();
    assert_eq!(private.iter().filter(|private| **private).count(), 1);
    let full = make(&world, &mut again, &wish).await.unwrap();
    assert_eq!((full.terms.scopes.len(), full.records.len()), (2, 2));

    // What terms cover is told in hospitals and levels, by the wallet of before and by this one.
    let covered = again.covered(&full.terms);
    assert_eq!(covered, before);
    let mut hospitals: Vec<_> = covered.iter().map(|(hospital, _)| *hospital).collect();
    hospitals.sort_unstable();
    assert_eq!(hospitals, again.wallet().hospitals());
    let told = covered
        .iter()
        .map(|(_, scope)| (scope.confidentiality, scope.period));
    let expected = (Confidentiality::Clinical, quarter(now()));
    assert_eq!(told.collect::<Vec<_>>(), [expected; 2]);
    // Somebody else's terms tell this patient nothing.
    assert!(world.patient().covered(&full.terms).is_empty());
}

/// Keeping may take its time, as in a browser; and nothing is ordered that was not kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_takes_its_time_is_waited_for() {
    struct Slow<'a>(&'a Mutex<Vec<GrantId>>, bool);
    impl KeepWallet<ClientError> for Slow<'_> {
        async fn keep(&mut self, wallet: &Wallet) -> Result<(), ClientError> {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let last = wallet.grants.last().unwrap().grant;
            self.0.lock().unwrap().push(last);
            match self.1 {
                true => Ok(()),
                false => Err(Refusal::StaleRequest.into()),
            }
        }
    }
    let (world, mut patient, reader) = cast(2).await;
    let session = &world.session;
    let wish = Wish::for_reader(reader.certificate());
    let members = session.members().await.unwrap();
    let wanted = wish.request(patient.wallet(), &members, now()).unwrap();
    let (rng, kept) = (&mut rand::rng(), Mutex::default());
    let failed = patient.grant_kept(session, wanted.clone(), rng, Slow(&kept, false));
    assert!(failed.await.is_err());
    let unmade = *kept.lock().unwrap().last().unwrap();
    assert!(session.find_grant(unmade).await.unwrap().is_none());
    let made = patient.grant_kept(session, wanted, rng, Slow(&kept, true));
    let made = made.await.unwrap().letter.grant;
    assert_eq!(made, *kept.lock().unwrap().last().unwrap());
}
