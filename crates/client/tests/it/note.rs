use yilian_client::{
    CheckIn, ClientError, drafts,
    note::{About, Diagnosis, Lists, Measured, Note, NoteError, Section, Written},
    sealing::{KeepRequest, SealNotes},
};
use yilian_protocol::{Cid, Confidentiality, Quarter, TimeMs, call::SealRequest, refusal::Refusal};

use crate::world::{World, hospital, now};

fn written() -> Written<'static> {
    Written {
        number: Cid::of(b"a note"),
        author: "李医生",
        hospital: "North Hospital",
        patient: "出示就诊码的患者",
        // 2026-11-30T08:00:00.5Z
        at: TimeMs::new(1_796_025_600_500),
        ahead: 480,
    }
}

fn quarter() -> Quarter {
    Quarter::new(2026, 4).unwrap()
}

fn note(text: &str) -> Note {
    Note {
        title: "门诊病历".to_owned(),
        sections: vec![Section {
            about: About::Complaint,
            title: "主诉".to_owned(),
            text: text.to_owned(),
        }],
        diagnoses: vec![Diagnosis {
            name: "原发性高血压".to_owned(),
            code: "I10".to_owned(),
        }],
        results: vec![Measured {
            name: "血糖".to_owned(),
            value: "5.60".to_owned(),
            unit: "mmol/L".to_owned(),
        }],
        lists: Lists {
            diagnoses: "诊断".to_owned(),
            results: String::new(),
        },
        sensitive: false,
    }
}

/// The levels of its parts, without the extract for statistics.
fn levels(note: &Note) -> Vec<Confidentiality> {
    let (visit, _) = note.visit(&written(), quarter()).unwrap();
    let drafts = drafts::of_visit(&visit);
    let levels = drafts.iter().map(|draft| draft.confidentiality);
    levels
        .filter(|level| *level != Confidentiality::Statistics)
        .collect()
}

#[test]
fn a_note_is_fhir_that_says_what_was_typed_digit_by_digit() {
    let (visit, concerns) = note("头痛 <3 天 & \"恶心\"\n加重")
        .visit(&written(), quarter())
        .unwrap();
    assert_eq!(concerns, []);
    assert_eq!(visit.start.as_deref(), Some("2026-11-30T16:00:00+08:00"));
    let drafts = drafts::of_visit(&visit);
    let clinical = drafts
        .iter()
        .find(|draft| draft.confidentiality == Confidentiality::Clinical)
        .unwrap();
    let text = std::str::from_utf8(&clinical.content).unwrap();
    for said in [
        r#""value":5.60"#,
        "头痛 &lt;3 天 &amp; \\\"恶心\\\"<br/>加重",
        r#""code":"I10""#,
        r#""title":"诊断""#,
        "李医生",
        "North Hospital",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
    // It is found by what it says, and by nobody's name.
    let found = |query: &str| {
        let words = drafts::sought(query);
        !words.is_empty() && words.iter().all(|word| clinical.keywords.contains(word))
    };
    assert!(found("高血压") && found("I10"));
    assert!(!found("李医生") && !found("North"));
}

#[test]
fn what_is_written_again_is_the_same_and_another_note_another() {
    let one = note("头痛").bundle(&written()).unwrap();
    assert_eq!(one, note("头痛").bundle(&written()).unwrap());
    let other = Written {
        number: Cid::of(b"another"),
        ..written()
    };
    assert_ne!(one, note("头痛").bundle(&other).unwrap());
}

#[test]
fn a_level_is_raised_by_its_author_and_by_what_is_said_and_lowered_by_nobody() {
    let plain = note("头痛三天");
    assert_eq!(levels(&plain), [Confidentiality::Clinical]);
    let raised = Note {
        sensitive: true,
        ..plain
    };
    assert_eq!(levels(&raised), [Confidentiality::Sensitive]);
    // What is said makes the note sensitive, whatever its author chose.
    let said = Note {
        diagnoses: vec![Diagnosis {
            name: "HIV 感染".to_owned(),
            code: "B20".to_owned(),
        }],
        ..note("复诊")
    };
    assert!(levels(&said).contains(&Confidentiality::Sensitive));
}

#[test]
fn a_note_of_another_quarter_than_the_token_is_told() {
    let (_, concerns) = note("头痛")
        .visit(&written(), Quarter::new(2026, 3).unwrap())
        .unwrap();
    assert_eq!(concerns.len(), 1);
}

#[test]
fn what_cannot_be_signed_says_why() {
    let with = |change: fn(&mut Note)| {
        let mut note = note("头痛");
        change(&mut note);
        note.check().unwrap_err()
    };
    assert_eq!(
        with(|note| note.title = " ".to_owned()),
        NoteError::Untitled
    );
    assert_eq!(
        Note {
            title: "门诊病历".to_owned(),
            ..Note::default()
        }
        .check()
        .unwrap_err(),
        NoteError::Empty
    );
    assert!(matches!(
        with(|note| note.diagnoses[0].name = String::new()),
        NoteError::Nameless { .. }
    ));
    assert!(matches!(
        with(|note| note.sections[0].text = "长".repeat(20_001)),
        NoteError::TooLong { .. }
    ));
    for wrong in [
        "",
        "5,6",
        "05",
        "1e3",
        "+1",
        "5.",
        ".5",
        "--1",
        "1}",
        "NaN",
        &"1".repeat(31),
    ] {
        let mut note = note("头痛");
        note.results[0].value = wrong.to_owned();
        let error = note.check().unwrap_err();
        assert!(matches!(error, NoteError::NoNumber { .. }), "{wrong}");
    }
    for right in ["0", "-0.5", "120", "1.50", " 7 "] {
        let mut note = note("头痛");
        note.results[0].value = right.to_owned();
        note.visit(&written(), quarter()).unwrap();
    }
    let late = Written {
        at: TimeMs::new(u64::MAX),
        ..written()
    };
    assert_eq!(note("头痛").bundle(&late).unwrap_err(), NoteError::Time);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_sealed_and_its_patient_reads_it() {
    let world = World::with(1).await;
    let doctor = world.doctor(0, "Dr First").await;
    let mut patient = world.patient();
    let (visit, _) = note("头痛").visit(&written(), quarter()).unwrap();
    let request = CheckIn::at(hospital(0).id(), now());
    let drafts = drafts::of_visit(&visit);
    let sealed = world.seal(&mut patient, request, &doctor, drafts).await;
    let mut said = Vec::new();
    for record in sealed {
        let opened = patient.look(&world.session, record).await.unwrap();
        assert!(opened.verdict.is_ok());
        said.extend_from_slice(opened.authored.unchecked_content());
    }
    assert!(String::from_utf8(said).unwrap().contains("原发性高血压"));
}

/// Takes its time to keep, and may fail to.
struct Slow<'a> {
    world: &'a World,
    notes: &'a mut SealNotes,
    fails: bool,
}

impl KeepRequest<ClientError> for Slow<'_> {
    async fn keep(&mut self, request: &SealRequest) -> Result<(), ClientError> {
        tokio::task::yield_now().await;
        for sealed in request.visit.records.iter() {
            let found = self.world.session.find_record(sealed.record).await?;
            assert_eq!(found, None, "it was sent before it was kept");
        }
        self.notes.begin(request, &["clinical".to_owned()], now());
        match self.fails {
            true => Err(Refusal::RecordUnknown.into()),
            false => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_takes_its_time_is_waited_for_and_what_it_kept_is_sent_again_as_it_was() {
    let world = World::with(1).await;
    let doctor = world.doctor(0, "Dr First").await;
    let mut patient = world.patient();
    let request = CheckIn::at(hospital(0).id(), now());
    let token = patient.check_in(&world.session, request, &mut rand::rng());
    let visit = doctor.check_in(&world.session, &token, now()).unwrap();
    let drafts = drafts::of_visit(&note("头痛").visit(&written(), quarter()).unwrap().0);
    let mut notes = SealNotes::default();
    let seal = async |notes: &mut SealNotes, fails| {
        let (world, rng) = (&world, &mut rand::rng());
        let keeper = Slow {
            world,
            notes,
            fails,
        };
        let sealed = doctor.seal_kept(&world.session, &visit, drafts.clone(), now(), rng, keeper);
        sealed.await
    };
    // It was not kept for good, so it was not sent; what there is of it is sent by who goes on.
    let failed = seal(&mut notes, true).await;
    assert_eq!(failed.unwrap_err().refusal(), Some(Refusal::RecordUnknown));
    assert!(notes.is_open() && notes.latest().is_none());
    notes.finish(&world.session).await.unwrap();
    let (parts, height) = notes.latest().unwrap();
    let record = parts.first().unwrap().0;
    let found = world.session.find_record(record).await.unwrap().unwrap();
    assert_eq!(found.admitted.height, height);
    let mut again = SealNotes::default();
    let sealed = seal(&mut again, false).await.unwrap();
    again.settle(&visit.visit().nym, sealed.receipt.header.height);
    assert!(!again.is_open());
    assert_eq!(again.latest().unwrap().1, sealed.receipt.header.height);
}
