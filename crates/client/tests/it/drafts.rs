use yilian_client::{CheckIn, ClientError, Draft, Keyword, SearchRequest, drafts};
use yilian_protocol::Confidentiality;
use yilian_record::{
    encounter::GroupingError,
    fhir::{Bundle, Directory},
};

use crate::world::{World, clinical, hospital, now};

/// A visit for a code, as files have it.
fn visit(code: &str) -> String {
    include_str!("../../../../examples/visit.json").replace("I10", code)
}

fn search(query: &str) -> SearchRequest {
    SearchRequest {
        words: drafts::sought(query),
        hospital: None,
        from: None,
        until: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_becomes_records_that_are_found_by_word_and_code() {
    let world = World::with(1).await;
    let doctor = world.doctor(0, "Dr First").await;
    let mut patient = world.patient();
    let bundle = drafts::checked(visit("I10").as_bytes(), &Directory::default()).unwrap();
    let drafts = drafts::of_visit(&drafts::one_visit(bundle).unwrap());
    let levels: Vec<_> = drafts.iter().map(|draft| draft.confidentiality).collect();
    let clinical = levels
        .iter()
        .position(|level| *level == Confidentiality::Clinical)
        .unwrap();
    assert_eq!(levels.len(), 3);
    let request = CheckIn::at(hospital(0).id(), now());
    let records = world
        .seal(&mut patient, request, &doctor, drafts.clone())
        .await;
    for query in ["高血压", "I10", "原发性高血压 I10"] {
        let hits = patient.search(&world.session, &search(query)).await;
        let hits: Vec<_> = hits
            .unwrap()
            .iter()
            .map(|hit| hit.entry.sealed.record)
            .collect();
        assert_eq!(hits, [records[clinical]], "{query}");
    }
    let hits = patient.search(&world.session, &search("糖尿病")).await;
    assert_eq!(hits.unwrap(), []);
    // Who the patient is, nobody finds by it.
    assert_eq!(drafts::sought("of the"), []);
    let own = patient
        .open(&world.session, records[clinical])
        .await
        .unwrap();
    assert_eq!(own.verified.content(), drafts[clinical].content);
}

#[test]
fn a_token_is_for_one_visit() {
    let (first, second) = (visit("I10"), visit("E11.9").replace("-4d64-", "-4d65-"));
    let entries = |text: &str| -> Vec<serde_json::Value> {
        let bundle: serde_json::Value = serde_json::from_str(text).unwrap();
        bundle["entry"].as_array().unwrap().clone()
    };
    let bundle = |entries: Vec<serde_json::Value>| {
        let bundle =
            serde_json::json!({"resourceType": "Bundle", "type": "collection", "entry": entries});
        Bundle::parse(bundle.to_string().as_bytes()).unwrap()
    };
    let mut both = entries(&first);
    // The same patient, another encounter and condition.
    let mut others = entries(&second).split_off(1);
    for (entry, id) in others.iter_mut().zip(["e2", "c2"]) {
        entry["resource"]["id"] = id.into();
    }
    both.extend(others);
    let error = drafts::one_visit(bundle(both)).unwrap_err();
    assert_eq!(error, ClientError::NotOneVisit { found: 2 });

    let mut none = entries(&first);
    none.remove(1);
    let error = drafts::one_visit(bundle(none)).unwrap_err();
    assert_eq!(error, ClientError::Visits(GroupingError::NoEncounter));
    assert!(drafts::one_visit(bundle(entries(&first))).is_ok());

    let broken = first.replace("finished", "perhaps");
    assert!(drafts::checked(broken.as_bytes(), &Directory::default()).is_err());
    assert!(drafts::checked(first.as_bytes(), &Directory::default()).is_ok());
}

#[test]
fn text_that_an_index_cannot_hold_is_no_keyword_and_keeps_no_record_back() {
    let of = |code: &str| {
        let bundle = Bundle::parse(visit(code).as_bytes()).unwrap();
        let drafts = drafts::of_visit(&drafts::one_visit(bundle).unwrap());
        let clinical = |draft: &Draft| draft.confidentiality == Confidentiality::Clinical;
        drafts.into_iter().find(clinical).unwrap()
    };
    let texts = |draft: &Draft| -> Vec<String> {
        let texts = draft.keywords.iter().map(|word| word.as_str().to_owned());
        texts.collect()
    };
    let (right, odd) = (of("I10"), of(r"I\t10"));
    assert!(texts(&right).contains(&"code:i10".to_owned()));
    assert!(texts(&odd).iter().all(|text| !text.starts_with("code:i")));
    // What it says besides is found as ever, and nothing of it is lost.
    assert!(texts(&odd).contains(&"word:高血压".to_owned()));
    let content = String::from_utf8(odd.content).unwrap();
    assert!(content.contains(r"I\t10"), "{content}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_with_more_keywords_than_an_index_holds_is_refused_whole() {
    let world = World::with(1).await;
    let doctor = world.doctor(0, "Dr First").await;
    let mut patient = world.patient();
    let session = &world.session;
    let with = |count: usize| Draft {
        keywords: (0..count)
            .map(|number| Keyword::new(format!("word:{number}")).unwrap())
            .collect(),
        ..clinical("many")
    };
    let request = CheckIn::at(hospital(0).id(), now());
    let token = patient.check_in(session, request, &mut rand::rng());
    let visit = doctor.check_in(session, &token, now()).unwrap();
    let notes = doctor.notes();
    // The other draft does not go without it.
    let drafts = vec![clinical("few"), with(65)];
    let sealed = doctor.seal(session, &visit, drafts, now(), &mut rand::rng());
    let error = sealed.await.unwrap_err();
    assert!(matches!(error, ClientError::Crypto(_)), "{error}");
    assert_eq!(patient.records(session).await.unwrap(), []);
    assert_eq!(doctor.notes(), notes);

    let sealed = doctor.seal(session, &visit, vec![with(64)], now(), &mut rand::rng());
    let record = sealed.await.unwrap().records[0];
    let word = |number: usize| SearchRequest {
        words: vec![Keyword::new(format!("word:{number}")).unwrap()],
        ..search("")
    };
    for number in [0, 63] {
        let hits = patient.search(session, &word(number)).await.unwrap();
        assert_eq!(hits[0].entry.sealed.record, record);
        assert_eq!(hits.len(), 1);
    }
    assert_eq!(patient.search(session, &word(64)).await.unwrap(), []);
}
