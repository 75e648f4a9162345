//! Links of any host: nothing panics, what a link names does not depend on its host, and a pack's
//! link comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yilian_record::{
    epcis::Epc,
    gs1::{Link, PackCode},
};

fuzz_target!(|text: &str| {
    let address = format!("https://example.com/{text}");
    for text in [text, &address] {
        if let Ok(Some(link)) = Link::parse_instance_or_class(text) {
            assert!(!link.elements().is_empty());
            let host_again = text.split_once("://").and_then(|(_, rest)| {
                let at = rest.find('/')?;
                rest.get(at..)
            });
            let moved = host_again.map(|path| format!("http://[::1]:8080{path}"));
            if let Some(moved) = moved {
                let other = Link::parse_instance_or_class(&moved);
                let same = other.is_ok_and(|other| {
                    other.is_some_and(|other| other.elements() == link.elements())
                });
                assert!(same, "{text:?} and {moved:?}");
            }
        }
        let _ = Epc::parse(text);
        if let Ok(code) = PackCode::parse(text, 2026)
            && let Some(link) = code.to_link()
        {
            assert!(PackCode::parse(&link, 2026).as_ref() == Ok(&code), "{link:?}");
        }
    }
});
