//! EPCIS documents: nothing panics, and an accepted event is accepted from what is kept of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yilian_record::epcis::{Document, Event, Query};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = Document::parse(bytes) {
        for event in document.events() {
            let kept = event.to_json();
            let again = Event::parse(&kept);
            assert!(again.is_ok(), "{:?}", again.err());
            assert!(again.is_ok_and(|again| again.to_json() == kept));
            // What people and the ledger are told.
            let _ = (event.time(), event.id(), event.parent(), event.biz_step());
            let _ = (event.objects().count(), event.classes().count());
        }
    }
    let _ = Query::parse(bytes);
});
