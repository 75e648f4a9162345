use yilian_client::{CheckIn, ClientError, Draft, Keyword, SearchRequest, drafts};
use yilian_protocol::Confidentiality;
use yilian_record::{
    encounter::{Visit, visits},
    fhir::{Bundle, Directory},
};

use crate::world::{World, clinical, hospital, now};

/// A visit for a code, as files have it.
fn visit(code: &str) -> String {
    include_str!("../../../../examples/visit.json").replace("I10", code)
}

fn only(bundle: Bundle) -> Visit {
    visits(bundle).unwrap().remove(0)
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
    let drafts = drafts::of_visit(&only(bundle));
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
            .hits
            .iter()
            .map(|hit| hit.entry.sealed.record)
            .collect();
        assert_eq!(hits, [records[clinical]], "{query}");
    }
    let hits = patient.search(&world.session, &search("糖尿病")).await;
    assert_eq!(hits.unwrap().hits, []);
    // Who the patient is, nobody finds by it.
    assert_eq!(drafts::sought("of the"), []);
    let own = patient
        .open(&world.session, records[clinical])
        .await
        .unwrap();
    assert_eq!(own.verified.content(), drafts[clinical].content);
}

#[test]
fn a_bundle_that_breaks_the_standard_is_no_draft() {
    let sound = visit("I10");
    let broken = sound.replace("finished", "perhaps");
    assert!(drafts::checked(broken.as_bytes(), &Directory::default()).is_err());
    assert!(drafts::checked(sound.as_bytes(), &Directory::default()).is_ok());
}

#[test]
fn a_code_with_control_characters_is_found_and_keeps_no_record_back() {
    let of = |code: &str| {
        let bundle = Bundle::parse(visit(code).as_bytes()).unwrap();
        let drafts = drafts::of_visit(&only(bundle));
        let clinical = |draft: &Draft| draft.confidentiality == Confidentiality::Clinical;
        drafts.into_iter().find(clinical).unwrap()
    };
    let texts = |draft: &Draft| -> Vec<String> {
        let texts = draft.keywords.iter().map(|word| word.as_str().to_owned());
        texts.collect()
    };
    let (right, odd) = (of("I10"), of(r"I\t10"));
    for draft in [&right, &odd] {
        for text in ["word:i10", "word:高血压"] {
            assert!(texts(draft).contains(&text.to_owned()), "{draft:?}");
        }
    }
    let content = String::from_utf8(odd.content).unwrap();
    assert!(content.contains(r"I\t10"), "{content}");
}

#[test]
fn a_record_has_room_for_as_many_keywords_as_the_largest_index() {
    use yilian_record::keyword::KEYWORDS_MAX;
    let largest = yilian_crypto::search::PADDINGS.into_iter().max();
    assert_eq!(largest, Some(KEYWORDS_MAX));
}

/// The visit with so many more results, each with a code of its own.
fn with_results(count: u32) -> Vec<u8> {
    let mut bundle: serde_json::Value = serde_json::from_str(&visit("I10")).unwrap();
    let reference = |place: usize| bundle["entry"][place]["fullUrl"].clone();
    let (subject, encounter) = (reference(0), reference(1));
    let results = (0..count).map(|number| {
        serde_json::json!({
            "fullUrl": format!("urn:uuid:{number:08x}-1cbf-4d64-b04d-cd9187a4c6e1"),
            "resource": {
                "resourceType": "Observation",
                "id": format!("o{number}"),
                "status": "final",
                "subject": { "reference": subject },
                "encounter": { "reference": encounter },
                "code": { "coding": [{ "system": "http://loinc.org", "code": format!("{number}-0") }] },
            }
        })
    });
    let results: Vec<_> = results.collect();
    let entries = bundle["entry"].as_array_mut().unwrap();
    entries.extend(results);
    bundle.to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_index_cannot_hold_is_told_to_the_author_and_to_the_owner() {
    let world = World::with(1).await;
    let doctor = world.doctor(0, "Dr First").await;
    let other = world.doctor(0, "Dr Second").await;
    let mut patient = world.patient();
    let session = &world.session;
    let drafts_of = |count| {
        let bundle = drafts::checked(&with_results(count), &Directory::default()).unwrap();
        drafts::of_visit(&only(bundle))
    };
    let (small, large) = (drafts_of(3), drafts_of(900));
    let told = |drafts: &[Draft]| -> Vec<u32> {
        let told = drafts.iter().map(|draft| drafts::left_out(draft).total());
        told.collect()
    };
    assert_eq!(told(&small), [0, 0, 0]);
    let clinical = large
        .iter()
        .position(|draft| draft.confidentiality == Confidentiality::Clinical)
        .unwrap();
    let left_out = drafts::left_out(&large[clinical]);
    assert_eq!((left_out.diagnoses, left_out.acts), (0, 0));
    assert!(left_out.rest > 400, "{left_out}");

    let check_in = CheckIn::at(hospital(0).id(), now());
    world.seal(&mut patient, check_in, &other, small).await;
    let check_in = CheckIn::at(hospital(0).id(), now());
    let records = world.seal(&mut patient, check_in, &doctor, large).await;
    let request = search("高血压");
    assert_eq!(
        patient.search(session, &request).await.unwrap().hits.len(),
        2
    );
    let checked = patient.check_search(session, &request).await.unwrap();
    assert_eq!(checked.left_out, [(records[clinical], left_out)]);
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
    let drafts = vec![clinical("few"), with(513)];
    let rng = &mut rand::rng();
    let sealed = doctor.seal(session, &visit, drafts, now(), rng);
    let error = sealed.await.unwrap_err();
    assert!(matches!(error, ClientError::Crypto(_)), "{error}");
    assert_eq!(patient.records(session).await.unwrap(), []);
    assert_eq!(doctor.notes(), notes);

    let sealed = doctor.seal(session, &visit, vec![with(512)], now(), rng);
    let record = sealed.await.unwrap().records[0];
    let word = |number: usize| SearchRequest {
        words: vec![Keyword::new(format!("word:{number}")).unwrap()],
        ..search("")
    };
    for number in [0, 511] {
        let hits = patient.search(session, &word(number)).await.unwrap().hits;
        assert_eq!(hits[0].entry.sealed.record, record);
        assert_eq!(hits.len(), 1);
    }
    assert_eq!(patient.search(session, &word(512)).await.unwrap().hits, []);
}
