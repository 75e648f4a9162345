//! Every field case of the repository belongs to a test that reads all files of its folder, or the
//! files that it names.

use std::{collections::BTreeMap, fs, path::Path};

const RECORD: &str = include_str!("field_cases.rs");
const KEYWORDS: &str = include_str!("keywords.rs");
const LABELS: &str = include_str!("labels.rs");
const CODES: &str = include_str!("gs1_field_cases.rs");
const EVENTS: &str = include_str!("epcis_field_cases.rs");
const CAPTURE: &str = include_str!("../../../app/tests/it/trace_capture.rs");

/// Folder, inputs in it, and the tests of it with their files.
type Row = (&'static str, usize, &'static [(&'static str, &'static str)]);

const CASES: [Row; 24] = [
    (
        "01-decimals",
        1,
        &[(RECORD, "c01_decimals_keep_their_digits")],
    ),
    (
        "02-primitive-extensions",
        1,
        &[(RECORD, "c02_primitive_extensions_are_values_of_their_own")],
    ),
    (
        "03-bom-crlf",
        3,
        &[(
            RECORD,
            "c03_a_mark_and_line_ends_are_no_content_and_utf16_is_named",
        )],
    ),
    (
        "04-duplicate-keys",
        2,
        &[(RECORD, "c04_a_member_twice_is_refused_with_its_path")],
    ),
    (
        "05-two-patients",
        2,
        &[(
            RECORD,
            "c05_what_is_about_another_patient_is_accepted_by_name_or_not_at_all",
        )],
    ),
    (
        "06-no-encounter",
        1,
        &[(
            RECORD,
            "c06_care_without_an_encounter_is_one_visit_of_its_date",
        )],
    ),
    (
        "07-encounter-without-period",
        3,
        &[(RECORD, "c07_an_encounter_needs_no_period")],
    ),
    (
        "10-text-only-concepts",
        1,
        &[
            (RECORD, "c10_texts_without_codes_come_back_whole"),
            (
                KEYWORDS,
                "field_case_10_text_without_code_and_code_without_system",
            ),
        ],
    ),
    (
        "11-words-with-digits",
        1,
        &[(KEYWORDS, "field_case_11_words_with_digits")],
    ),
    (
        "12-chinese-terms",
        2,
        &[(
            KEYWORDS,
            "field_case_12_chinese_terms_whole_and_by_their_core",
        )],
    ),
    (
        "13-labels-elsewhere",
        12,
        &[(LABELS, "field_cases_labels_count_wherever_fhir_puts_them")],
    ),
    (
        "14-sensitive-codes",
        5,
        &[
            (LABELS, "field_cases_codes_under_every_name_of_their_system"),
            (
                LABELS,
                "field_cases_texts_contained_medicines_and_logical_references",
            ),
        ],
    ),
    (
        "15-bundle-envelopes",
        5,
        &[(RECORD, "c15_what_the_envelope_says_is_sealed_too")],
    ),
    (
        "17-deep-nesting",
        1,
        &[(RECORD, "c17_questionnaires_nest_deep")],
    ),
    (
        "18-unicode",
        7,
        &[(RECORD, "c18_any_character_is_text_but_half_a_character")],
    ),
    (
        "19-invalid-must-name-path",
        19,
        &[
            (RECORD, "c19_each_fault_is_told_with_its_path"),
            (RECORD, "c19_a_patient_alone_is_a_resource"),
        ],
    ),
    (
        "20-accept-odd-but-valid",
        14,
        &[(RECORD, "c20_odd_but_valid_is_accepted")],
    ),
    (
        "22-many-visits",
        1,
        &[(
            RECORD,
            "c22_several_visits_are_told_apart_and_go_under_one_token_when_accepted",
        )],
    ),
    (
        "23-element-ids",
        2,
        &[(RECORD, "c23_an_id_is_enough_beside_a_value_alone")],
    ),
    (
        "24-quarter-mismatch",
        1,
        &[(
            RECORD,
            "c24_another_quarter_than_the_tokens_is_told_before_anything_is_sealed",
        )],
    ),
    (
        "30-gs1-vectors",
        1,
        &[(CODES, "every_vector_has_its_outcome")],
    ),
    (
        "31-own-codes",
        0,
        &[(CAPTURE, "codes_are_made_once_and_read_again")],
    ),
    ("40-epcis", 64, &[(EVENTS, "every_case_has_its_outcome")]),
    (
        "41-capture",
        16,
        &[
            (EVENTS, "events_of_the_capture_cases_are_read_whole"),
            (
                CAPTURE,
                "an_event_that_does_not_fit_the_packs_is_refused_before_the_append",
            ),
        ],
    ),
];

#[test]
fn every_field_case_is_listed_and_has_its_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/field-cases");
    let names = |path: &Path| -> Vec<String> {
        let entries = fs::read_dir(path).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    };
    let inputs = |case: &String| {
        let about = ["EXPECT", "SOURCE", "RUN"];
        let files = names(&folder.join(case)).into_iter();
        files.filter(|name| !about.contains(&name.as_str())).count()
    };
    let found: BTreeMap<String, usize> = names(&folder)
        .into_iter()
        .map(|case| (case.clone(), inputs(&case)))
        .collect();
    let listed = CASES
        .iter()
        .map(|(case, inputs, _)| ((*case).to_owned(), *inputs));
    assert_eq!(found, listed.collect());
    for (case, _, tests) in CASES {
        for (source, test) in tests {
            assert!(
                source.contains(&format!("#[test]\nfn {test}()")),
                "{test} of {case}"
            );
            assert!(
                source.contains(case) || source == &EVENTS || source == &CAPTURE,
                "{test} of {case}"
            );
        }
    }
}
