//! Scanned and typed codes: nothing panics, and a pack's code comes back from what is printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yilian_record::gs1::{PackCode, elements};

fuzz_target!(|text: &str| {
    if let Ok(found) = elements(text) {
        // Typed, the same is found.
        let escaped = |value: &str| value.replace('(', "\\(").replace(')', "\\)");
        let found_again = found.iter();
        let typed: String = found_again
            .map(|element| format!("({}){}", element.ai, escaped(&element.value)))
            .collect();
        assert_eq!(elements(&typed).as_ref(), Ok(&found), "{typed:?}");
    }
    if let Ok(code) = PackCode::parse(text, 2026) {
        let printed = code.to_text();
        assert!(PackCode::parse(&printed, 2026).as_ref() == Ok(&code), "{printed:?}");
    }
});
