//! Documents of other kinds than FHIR: nothing panics, what is kept is what was handed over, and no
//! statement of its author lowers what a document says of itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yilian_protocol::{Confidentiality, Quarter};
use yilian_record::whole::Whole;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Whole::read(bytes) else {
        return;
    };
    assert_eq!(document.content(), bytes);
    let _ = document.concerns(Quarter::FIRST);
    let part = document.part(Some(Confidentiality::Clinical));
    assert_eq!(part.content, bytes);
    let again = Whole::read(&part.content);
    assert!(again.is_ok_and(|again| again.level(None) == Confidentiality::Sensitive));
    let identity = document.part(Some(Confidentiality::Identity));
    assert_eq!(identity.keywords.texts().count(), 0);
});
