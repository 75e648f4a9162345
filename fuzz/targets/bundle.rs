//! A bundle or a resource, from its bytes to the parts that are sealed: nothing panics, no
//! resource is lost, and the parts joined are the document again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use yilian_protocol::{Confidentiality, Quarter};
use yilian_record::{
    document::joined,
    fhir::{Bundle, Directory},
    label,
    submission::Submission,
};

fuzz_target!(|bytes: &[u8]| {
    let known = Directory::default();
    let Ok(submission) = Submission::read(&[bytes], &known) else {
        return;
    };
    let resources = submission.bundle.resources().count();
    let Ok((visits, _)) = submission.visits(Quarter::FIRST) else {
        return;
    };
    let submitted: Option<Value> = serde_json::from_slice(bytes).ok();
    let submitted = submitted.filter(|value| value["resourceType"] == "Bundle");
    let grouped: usize = visits.iter().map(|visit| visit.resources.len()).sum();
    assert_eq!(grouped, resources, "every resource is in one visit");
    for visit in &visits {
        let mut parts = label::parts(visit);
        // They are made of the others, and no bundle.
        parts.retain(|part| part.confidentiality != Confidentiality::Statistics);
        for part in &parts {
            let read = Bundle::parse(&part.content);
            assert!(read.is_ok(), "a part is no bundle: {:?}", read.err());
        }
        let parts = parts.iter();
        let parts: Vec<_> = parts.map(|part| (part.confidentiality, &part.content[..])).collect();
        let joined = joined(&parts);
        assert!(joined.is_some(), "the parts are not joined");
        if let (1, Some(submitted), Some(joined)) = (visits.len(), &submitted, joined) {
            let joined: Option<Value> = serde_json::from_str(&joined).ok();
            assert_eq!(joined.as_ref(), Some(submitted), "the parts are another document");
        }
    }
});
