//! Codes as packs and scanners have them, each with its right outcome: `tests/data/field-cases`,
//! folder 30-gs1-vectors.

use std::{collections::BTreeMap, fs, path::Path};

use yilian_record::gs1::{CodeError, Identity, PackCode};

/// The year in which the vectors were made.
const YEAR: i16 = 2026;

/// Cases that the vectors leave open (`?`), with what is right and why.
const OPEN: &[(&str, bool)] = &[
    // Which of the two traces is meant nobody can tell.
    ("00-and-01", false),
    // No scanner sends wide digits; set 82 has none.
    ("fullwidth", false),
    // GS1 DL 1.4 asks for 14 digits; who prints 13 means the same product.
    ("dl-gtin13", true),
    // The fragment is the code's own, so other names may stand in it.
    ("dl-fragment-more", true),
    // NMPAB/T 1002-2019 knows no hyphen.
    ("national-hyphen", false),
    // Its last digit is not that of ISO/IEC 7064, MOD 11,10.
    ("national-public-example", false),
];

fn vectors() -> Vec<[String; 4]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/field-cases");
    let text = fs::read(folder.join("30-gs1-vectors/vectors.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// What a code shows: serial number, SSCC, national code, or the last day.
fn shown(code: &PackCode) -> Vec<String> {
    match code.identity() {
        Identity::Gs1 { serial, expiry, .. } => {
            vec![serial.as_str().to_owned(), expiry.to_string()]
        }
        Identity::Container { sscc } => vec![sscc.as_str().to_owned()],
        Identity::National { code } => vec![code.as_str().to_owned()],
    }
}

#[test]
fn every_vector_has_its_outcome() {
    let open: BTreeMap<_, _> = OPEN.iter().copied().collect();
    let mut left: Vec<&str> = open.keys().copied().collect();
    let vectors = vectors();
    assert!(vectors.len() > 80, "{}", vectors.len());
    for [name, text, verdict, expected] in &vectors {
        let found = PackCode::parse(text, YEAR);
        let accept = match verdict.as_str() {
            "A" => true,
            "R" => false,
            _ => {
                left.retain(|other| other != name);
                *open
                    .get(name.as_str())
                    .unwrap_or_else(|| panic!("{name} is new"))
            }
        };
        match found {
            Ok(code) => {
                assert!(accept, "{name} was accepted");
                let shown = shown(&code);
                assert!(
                    expected.is_empty() || shown.contains(expected),
                    "{name}: {shown:?}"
                );
            }
            Err(error) => {
                assert!(!accept, "{name}: {error}");
                let message = error.to_string();
                assert!(message.contains(expected), "{name}: {message}");
                assert!(
                    !message.contains("AAAAAAAA"),
                    "{name} tells its secret: {message}"
                );
            }
        }
    }
    assert_eq!(left, [""; 0]);
}

/// What the reasons say where two refusals look alike.
#[test]
fn refusals_name_their_reason() {
    let of = |name: &str| {
        let vectors = vectors();
        let found = vectors.iter().find(|vector| vector[0] == name).unwrap();
        PackCode::parse(&found[1], YEAR).unwrap_err()
    };
    let two = |ai: &str, with: &str| (ai.to_owned(), with.to_owned());
    assert_eq!(
        of("invalid-ai-07"),
        CodeError::Identifier { ai: "07".into() }
    );
    assert_eq!(of("dup-different"), CodeError::Twice { ai: "10".into() });
    let (ai, with) = two("37", "00 and 02 or 00 and 8026");
    assert_eq!(of("37-without-02"), CodeError::Requires { ai, with });
    let (ai, with) = two("01", "37");
    assert_eq!(of("01-and-02"), CodeError::Excludes { ai, with });
    assert_eq!(of("gs-as-text"), CodeError::Separator);
    assert_eq!(of("dl-compressed"), CodeError::NoKey);
    for name in [
        "dl-order-21-10",
        "dl-secret-in-query",
        "dl-no-domain",
        "dl-bad-host",
    ] {
        assert!(
            matches!(of(name), CodeError::Link(_)),
            "{name}: {}",
            of(name)
        );
    }
}
