//! Bulk exports, plain and gzipped: nothing panics, and every resource is read again from what is
//! kept of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yilian_record::fhir::{BulkReader, Resource};

fuzz_target!(|bytes: &[u8]| {
    let mut reader = BulkReader::default();
    if reader.read(bytes).is_err() {
        return;
    }
    for resource in reader.into_resources() {
        let again = Resource::parse(resource.written().as_bytes());
        let same = again.is_ok_and(|again| {
            again.canonical_bytes() == resource.canonical_bytes()
                && again.written() == resource.written()
        });
        assert!(same, "{}", resource.written());
    }
});
