//! Small inputs in the shapes that people's systems export (`tests/data/field-cases`): what each
//! must give is told in its EXPECT, what suggested it in its SOURCE.

use std::fs;
use std::path::{Path, PathBuf};

use yilian_protocol::{Confidentiality, Quarter};
use yilian_record::document::joined;
use yilian_record::encounter::Visit;
use yilian_record::fhir::{Bundle, Directory, Issue, IssueKind, Report, pretty};
use yilian_record::label::parts;
use yilian_record::media::Unread;
use yilian_record::submission::{Accepted, Concern, Submission};
use yilian_record::{Error, fhir};

fn folder(case: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/field-cases");
    data.join(case)
}

fn bytes(case: &str, file: &str) -> Vec<u8> {
    let path = folder(case).join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(case: &str) -> Vec<String> {
    let entries = fs::read_dir(folder(case)).expect("the case's folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
    names.sort();
    assert!(!names.is_empty(), "{case}");
    names
}

fn read(case: &str, file: &str) -> Result<Submission, Error> {
    Submission::read(&[bytes(case, file)], &Directory::default())
}

fn accepted(case: &str, file: &str) -> Submission {
    read(case, file).unwrap_or_else(|error| panic!("{case}/{file}: {error}"))
}

fn issues(case: &str, file: &str) -> Vec<Issue> {
    match read(case, file) {
        Err(Error::Invalid { issues, total }) => {
            assert_eq!(issues.len(), total, "all are told");
            issues
        }
        other => panic!("{case}/{file}: {:?}", other.map(|found| found.report)),
    }
}

pub fn quarter(text: &str) -> Quarter {
    text.parse().expect("a quarter")
}

fn grouped(case: &str, file: &str, token: &str) -> (Vec<Visit>, Vec<Concern>) {
    let visits = accepted(case, file).visits(quarter(token));
    visits.unwrap_or_else(|error| panic!("{case}/{file}: {error}"))
}

/// The parts of one visit that hold resources.
fn sealed(visit: &Visit) -> Vec<(Confidentiality, Vec<u8>)> {
    let parts = parts(visit)
        .into_iter()
        .map(|part| (part.confidentiality, part.content));
    parts
        .filter(|(level, _)| *level != Confidentiality::Statistics)
        .collect()
}

/// `text` without the white space outside of strings, by a loop of its own.
fn without_blanks(text: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = inside || !matches!(*c, ' ' | '\t' | '\r' | '\n');
        inside = match (*c, escaped) {
            ('"', false) => !inside,
            _ => inside,
        };
        escaped = inside && *c == '\\' && !escaped;
        kept
    };
    text.trim_start_matches('\u{feff}')
        .chars()
        .filter(keep)
        .collect()
}

/// What is sealed of a file and put together again is the file.
fn comes_back_whole(case: &str, file: &str) {
    let text = String::from_utf8(bytes(case, file)).expect("UTF-8");
    let (visits, _) = grouped(case, file, "2026-Q2");
    let [visit] = visits.as_slice() else {
        panic!("{case}/{file}: {} visits", visits.len())
    };
    let sealed = sealed(visit);
    for (level, content) in &sealed {
        Bundle::parse(content).unwrap_or_else(|error| panic!("{level}: {error}"));
    }
    let parts: Vec<_> = sealed
        .iter()
        .map(|(level, content)| (*level, content.as_slice()))
        .collect();
    assert_eq!(
        joined(&parts).as_deref(),
        Some(without_blanks(&text).as_str()),
        "{case}/{file}"
    );
}

#[test]
fn c01_decimals_keep_their_digits() {
    comes_back_whole("01-decimals", "bundle.json");
    let (visits, _) = grouped("01-decimals", "bundle.json", "2026-Q2");
    let sealed = sealed(&visits[0]);
    let shown: String = sealed
        .iter()
        .map(|(_, content)| pretty(std::str::from_utf8(content).expect("UTF-8")))
        .collect();
    for number in [
        "1.2E+2",
        "0.700",
        "1.10",
        "-0.0",
        "100.00e-2",
        "12345678901234567890.123456789",
        "1e-7",
    ] {
        assert!(shown.contains(&format!("\"value\": {number},")), "{number}");
    }
}

#[test]
fn c02_primitive_extensions_are_values_of_their_own() {
    assert_eq!(
        accepted("02-primitive-extensions", "bundle.json").report,
        Report::default()
    );
    comes_back_whole("02-primitive-extensions", "bundle.json");
}

#[test]
fn c03_a_mark_and_line_ends_are_no_content_and_utf16_is_named() {
    comes_back_whole("03-bom-crlf", "bom.json");
    comes_back_whole("03-bom-crlf", "crlf.json");
    let error = read("03-bom-crlf", "utf16.json").expect_err("UTF-16");
    assert!(
        matches!(
            error,
            Error::Unread {
                found: Unread::Utf16Le
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("UTF-16"), "{error}");
}

#[test]
fn c04_a_member_twice_is_refused_with_its_path() {
    for (file, path) in [
        ("bundle.json", "entry[2].resource.subject"),
        ("given.json", "entry[0].resource.name[0].given"),
    ] {
        let error = read("04-duplicate-keys", file).expect_err(file);
        let Error::DuplicateKey { at } = &error else {
            panic!("{error}")
        };
        assert_eq!((at.line, at.path.as_str()), (1, path));
        assert!(error.to_string().contains(path), "{error}");
    }
}

#[test]
fn c05_what_is_about_another_patient_is_accepted_by_name_or_not_at_all() {
    for (file, count) in [("two.json", 3), ("subject-differs-in-visit.json", 2)] {
        let (_, concerns) = grouped("05-two-patients", file, "2026-Q2");
        let foreign = concerns
            .iter()
            .find(|concern| matches!(concern, Concern::OtherPatient { .. }));
        let Some(Concern::OtherPatient {
            other,
            patient,
            count: found,
            ..
        }) = foreign
        else {
            panic!("{file}: {concerns:?}")
        };
        assert_eq!(
            (other.as_str(), patient.as_str(), *found),
            ("Patient/q", "Patient/p", count)
        );
        let refused = Accepted::default().pass(concerns.clone()).expect_err(file);
        assert!(refused.to_string().contains("Patient/q"), "{refused}");
        let wrong = Accepted::from_iter(["Patient/p"]).pass(concerns.clone());
        assert!(wrong.is_err(), "another name accepts nothing");
        let warned = Accepted::from_iter(["Patient/q", "history"]).pass(concerns.clone());
        assert_eq!(warned, Ok(concerns));
    }
    let one = accepted("05-two-patients", "two.json")
        .of_patient("Patient/p")
        .expect("she is there");
    assert_eq!(one.bundle.entries().len(), 3);
    assert_eq!(one.visits(quarter("2026-Q2")).expect("a visit").1, []);
    assert!(
        accepted("05-two-patients", "two.json")
            .of_patient("Patient/x")
            .is_none()
    );
}

#[test]
fn c06_care_without_an_encounter_is_one_visit_of_its_date() {
    comes_back_whole("06-no-encounter", "vaccine.json");
    let (visits, concerns) = grouped("06-no-encounter", "vaccine.json", "2021-Q1");
    assert_eq!((visits[0].encounter.as_deref(), concerns), (None, vec![]));
    assert_eq!(visits[0].start.as_deref(), Some("2021-01-01"));
}

#[test]
fn c07_an_encounter_needs_no_period() {
    for (file, start) in [
        ("dar.json", None),
        ("none.json", None),
        ("end-only.json", Some("2026-05-18")),
    ] {
        comes_back_whole("07-encounter-without-period", file);
        let (visits, concerns) = grouped("07-encounter-without-period", file, "2026-Q2");
        assert_eq!(visits[0].start.as_deref(), start, "{file}");
        assert_eq!(concerns, [], "{file}");
    }
}

#[test]
fn c10_texts_without_codes_come_back_whole() {
    comes_back_whole("10-text-only-concepts", "bundle.json");
}

#[test]
fn c15_what_the_envelope_says_is_sealed_too() {
    for file in files("15-bundle-envelopes") {
        comes_back_whole("15-bundle-envelopes", &file);
    }
    let part = |file: &str, level: Confidentiality| {
        let (visits, _) = grouped("15-bundle-envelopes", file, "2026-Q2");
        let found = sealed(&visits[0])
            .into_iter()
            .find(|(found, _)| *found == level);
        String::from_utf8(found.expect("the part").1).expect("UTF-8")
    };
    // The signature of a document goes with what is signed most confidentially, and there alone.
    let sensitive = part("document.json", Confidentiality::Sensitive);
    assert!(sensitive.contains("\"data\":\"QUJD\"") && sensitive.contains("B20"));
    let identity = part("document.json", Confidentiality::Identity);
    for told in ["QUJD", "0c3151bd", "urn:uuid:c", "timestamp", "document"] {
        assert!(!identity.contains(told), "{told}: {identity}");
    }
    let requests = part("transaction.json", Confidentiality::Identity);
    assert!(requests.contains(r#""ifMatch":"W/\"1\""#), "{requests}");
    let clinical = part("history-delete.json", Confidentiality::Clinical);
    assert!(
        clinical.contains(r#""request":{"method":"DELETE","url":"Condition/9"}"#),
        "{clinical}"
    );
    let found = part("searchset.json", Confidentiality::Clinical);
    assert!(
        found.contains("suppressed") && !found.contains("page=2"),
        "{found}"
    );
    let queried = part("searchset.json", Confidentiality::Sensitive);
    assert!(
        queried.contains("page=2") && queried.contains("\"total\":7"),
        "{queried}"
    );
}

#[test]
fn c15_an_extension_that_would_be_lost_is_named() {
    let text = String::from_utf8(bytes("15-bundle-envelopes", "transaction.json")).expect("UTF-8");
    let extended = r#""_type": {"extension":[{"url":"http://x","valueString":"y"}]}, "type""#;
    let text = text.replacen("\"type\"", extended, 1);
    let submission = Submission::read(&[text], &Directory::default()).expect("valid");
    let error = submission
        .visits(quarter("2026-Q2"))
        .expect_err("no room for it");
    assert!(error.to_string().contains("Bundle.type"), "{error}");
}

#[test]
fn c17_questionnaires_nest_deep() {
    comes_back_whole("17-deep-nesting", "q18.json");
}

#[test]
fn c18_any_character_is_text_but_half_a_character() {
    for file in files("18-unicode") {
        if file == "lone-surrogate.json" {
            let error = read("18-unicode", &file).expect_err("half a character");
            let Error::Syntax { at, .. } = &error else {
                panic!("{error}")
            };
            assert_eq!(at.path, "entry[2].resource.code.text");
            continue;
        }
        let warnings = accepted("18-unicode", &file).report.warnings;
        let kinds: Vec<_> = warnings.iter().map(|issue| issue.kind.clone()).collect();
        let expected = if file == "nul.json" {
            vec![IssueKind::ControlCharacter]
        } else {
            vec![]
        };
        assert_eq!(kinds, expected, "{file}");
        comes_back_whole("18-unicode", &file);
    }
}

#[test]
fn c19_each_fault_is_told_with_its_path() {
    for (file, path) in [
        ("bad-code.json", "Patient.gender"),
        ("bad-date.json", "Patient.birthDate"),
        ("dangling-contained.json", "Observation.performer[0]"),
        ("empty-array.json", "Patient.name"),
        ("id-65.json", "Patient.id"),
        ("int-overflow.json", "Observation.valueInteger"),
        ("missing-status.json", "Observation.status"),
        ("narrative-script.json", "Patient.text.div"),
        ("null-value.json", "Patient.gender"),
        ("object-for-array.json", "Patient.name"),
        ("r5-type.json", "Bundle.entry[2].resource"),
        ("string-number.json", "Observation.valueQuantity.value"),
        ("time-without-zone.json", "Observation.effectiveDateTime"),
        ("two-choices.json", "Patient.deceasedBoolean"),
        ("unknown-field.json", "Observation.valeuQuantity"),
        ("wrong-target.json", "Observation.encounter"),
    ] {
        let found = issues("19-invalid-must-name-path", file);
        let paths: Vec<&str> = found.iter().map(|issue| issue.path.as_str()).collect();
        let expected = [path, "Patient.deceasedDateTime"];
        assert!(
            paths.iter().all(|found| expected.contains(found)),
            "{file}: {paths:?}"
        );
        let error = read("19-invalid-must-name-path", file)
            .expect_err(file)
            .to_string();
        assert!(
            found.iter().all(|issue| error.contains(&issue.path)),
            "{error}"
        );
    }
    for (file, path) in [("trailing-comma.json", "entry"), ("trailing-text.json", "")] {
        let error = read("19-invalid-must-name-path", file).expect_err(file);
        let Error::Syntax { at, .. } = error else {
            panic!("{file}: {error}")
        };
        assert_eq!((at.line, at.path.as_str()), (1, path), "{file}");
        assert!(at.column > 400, "{file}: {at}");
    }
}

/// R4 lets a resource stand alone: the issue's way in for single resources, against EXPECT.
#[test]
fn c19_a_patient_alone_is_a_resource() {
    let submission = accepted("19-invalid-must-name-path", "patient-not-bundle.json");
    assert_eq!(submission.bundle.entries().len(), 1);
}

#[test]
fn c19_all_faults_are_told_at_once_in_the_form_of_an_outcome() {
    let text =
        String::from_utf8(bytes("19-invalid-must-name-path", "r5-type.json")).expect("UTF-8");
    let text = text
        .replace("\"female\"", "\"F\"")
        .replace("\"finished\"", "\"done\"");
    let Err(Error::Invalid { issues, .. }) = Submission::read(&[text], &Directory::default())
    else {
        panic!("three faults")
    };
    let outcome = fhir::operation_outcome(&issues);
    let found: Vec<_> = outcome["issue"]
        .as_array()
        .expect("issues")
        .iter()
        .map(|issue| (issue["code"].as_str(), issue["expression"][0].as_str()))
        .collect();
    let told = |code: &'static str, path: &'static str| (Some(code), Some(path));
    assert_eq!(
        found,
        [
            told("not-supported", "Bundle.entry[2].resource"),
            told("code-invalid", "Patient.gender"),
            told("code-invalid", "Encounter.status"),
        ]
    );
    let resource = fhir::Resource::from_value(outcome).expect("an OperationOutcome");
    resource
        .validate(&Directory::default())
        .expect("valid by the standard itself");
}

#[test]
fn c20_odd_but_valid_is_accepted() {
    for file in files("20-accept-odd-but-valid") {
        let report = accepted("20-accept-odd-but-valid", &file).report;
        let kinds: Vec<_> = report
            .warnings
            .iter()
            .map(|issue| issue.kind.clone())
            .collect();
        let unresolved = vec![IssueKind::UnresolvedReference; 2];
        let expected = match file.as_str() {
            "conditional.json" => unresolved,
            "modifier.json" => vec![IssueKind::ImplicitRules, IssueKind::ModifierExtension],
            _ => vec![],
        };
        assert_eq!(kinds, expected, "{file}");
        match file.as_str() {
            "empty-bundle.json" => {
                let nothing = accepted("20-accept-odd-but-valid", &file).visits(quarter("2026-Q2"));
                assert!(nothing.is_err(), "there is nothing to seal");
            }
            "shared-obs-two-enc.json" | "two-tz-visits.json" => {
                let (visits, _) = grouped("20-accept-odd-but-valid", &file, "2026-Q2");
                assert_eq!(visits.len(), 2, "{file}");
            }
            _ => comes_back_whole("20-accept-odd-but-valid", &file),
        }
    }
    let (visits, _) = grouped(
        "20-accept-odd-but-valid",
        "shared-obs-two-enc.json",
        "2026-Q2",
    );
    let of = |visit: &Visit| {
        visit
            .resources
            .iter()
            .any(|r| r.resource_type() == "Observation")
    };
    assert_eq!(visits.iter().map(of).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn c22_several_visits_are_told_apart_and_go_under_one_token_when_accepted() {
    let (visits, concerns) = grouped("22-many-visits", "two-visits.json", "2026-Q4");
    let quarters: Vec<_> = visits.iter().filter_map(|visit| visit.quarter).collect();
    assert_eq!(quarters, [quarter("2025-Q1"), quarter("2026-Q2")]);
    let told = quarters.first().copied().zip(quarters.last().copied());
    let history = Concern::History {
        count: 2,
        quarters: told,
        token: quarter("2026-Q4"),
    };
    assert_eq!(concerns, [history]);
    assert!(Accepted::default().pass(concerns.clone()).is_err());
    assert!(Accepted::from_iter(["history"]).pass(concerns).is_ok());
    let count: usize = visits.iter().map(|visit| visit.resources.len()).sum();
    assert_eq!(count, 4);
}

#[test]
fn c23_an_id_is_enough_beside_a_value_alone() {
    comes_back_whole("23-element-ids", "id-beside-value.json");
    // ele-1: `hasValue() or (children().count() > id.count())`.
    let found = issues("23-element-ids", "id-alone.json");
    let told: Vec<_> = found
        .iter()
        .map(|issue| (issue.path.as_str(), issue.kind.clone()))
        .collect();
    assert_eq!(told, [("Patient.birthDate", IssueKind::Empty)]);
}

#[test]
fn c24_another_quarter_than_the_tokens_is_told_before_anything_is_sealed() {
    let (_, concerns) = grouped("24-quarter-mismatch", "old.json", "2026-Q4");
    let (care, token) = (quarter("2019-Q1"), quarter("2026-Q4"));
    assert_eq!(concerns, [Concern::OtherQuarter { care, token }]);
    let refused = Accepted::default()
        .pass(concerns.clone())
        .expect_err("not accepted");
    assert!(refused.to_string().contains("2019-Q1"), "{refused}");
    assert!(Accepted::from_iter(["2019-Q1"]).pass(concerns).is_ok());
    assert_eq!(grouped("24-quarter-mismatch", "old.json", "2019-Q1").1, []);
}

#[test]
fn lines_of_an_export_and_single_resources_have_a_way_in() {
    let lines = [
        r#"{"resourceType":"Patient","id":"a"}"#,
        r#"{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/a"},"recordedDate":"2024-02-01"}"#,
        r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10},"subject":{"reference":"Patient/b"}}"#,
    ];
    let file = lines.join("\r\n");
    let known = Directory::default();
    let together = Submission::read(&[&file], &known).expect("three lines");
    assert_eq!(together.bundle.entries().len(), 3);
    let apart = Submission::read(&lines, &known).expect("three files");
    assert_eq!(apart.bundle.resources().count(), 3);
    let (_, concerns) = together.visits(quarter("2024-Q1")).expect("visits");
    let names: Vec<String> = concerns.iter().map(Concern::name).collect();
    assert_eq!(names, ["Patient/b"]);
    let other = apart.of_patient("Patient/b").expect("named");
    let (visits, _) = other.visits(quarter("2024-Q1")).expect("one resource");
    assert!(visits[0].resources[0].written().contains("1.10"));
    let bundle = r#"{"resourceType":"Bundle","type":"collection"}"#;
    let error = Submission::read(&[lines[0], bundle], &known).expect_err("a bundle among files");
    assert!(matches!(error, Error::SeveralBundles));
}

#[test]
fn other_kinds_are_named_for_what_they_are() {
    let read =
        |bytes: &[u8]| Submission::read(&[bytes], &Directory::default()).expect_err("no FHIR");
    for (bytes, told) in [
        (
            &b"<Bundle xmlns=\"http://hl7.org/fhir\"/>"[..],
            "FHIR in XML",
        ),
        (b"%PDF-1.4\n", "application/pdf"),
        (b"MSH|^~\\&|A|B", "hl7-v2"),
        (b"<ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>", "cda"),
        (b"PK\x03\x04", "ZIP"),
        (b"\xfe\xff\0{\0}", "big-endian"),
    ] {
        let error = read(bytes).to_string();
        assert!(error.contains(told), "{error}");
    }
    assert!(matches!(read(b"hello"), Error::Syntax { .. }));
}

/// R4, bundle.html#references, one case for each form.
#[test]
fn references_lead_where_the_standard_says() {
    let text = r##"{"resourceType":"Bundle","type":"collection","entry":[
        {"fullUrl":"http://a.example/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1","identifier":[{"system":"urn:ids","value":"7"}]}},
        {"fullUrl":"http://b.example/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1"}},
        {"fullUrl":"urn:uuid:04121321-4AF5-424c-a0e1-ed3aab1c349d","resource":{"resourceType":"Patient","id":"2"}},
        {"fullUrl":"http://a.example/fhir/Observation/1","resource":{"resourceType":"Observation","id":"1","meta":{"versionId":"1"},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"}}},
        {"fullUrl":"http://a.example/fhir/Observation/1","resource":{"resourceType":"Observation","id":"1","meta":{"versionId":"2"},"status":"final","code":{"text":"x"},"subject":{"reference":"http://b.example/fhir/Patient/1"}}},
        {"fullUrl":"http://a.example/fhir/Observation/3","resource":{"resourceType":"Observation","id":"3","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:04121321-4af5-424c-a0e1-ed3aab1c349d"},"hasMember":[{"reference":"Observation/1/_history/2"}]}},
        {"fullUrl":"http://a.example/fhir/Observation/4","resource":{"resourceType":"Observation","id":"4","status":"final","code":{"text":"x"},"subject":{"type":"Patient","identifier":{"system":"urn:ids","value":"7"}},"focus":[{"reference":"Patient?identifier=urn:ids|7"}]}},
        {"fullUrl":"urn:uuid:14121321-4af5-424c-a0e1-ed3aab1c349d","resource":{"resourceType":"Observation","id":"5","contained":[{"resourceType":"Patient","id":"p"}],"status":"final","code":{"text":"x"},"subject":{"reference":"#p"},"hasMember":[{"reference":"http://a.example/fhir/Observation/1"}],"focus":[{"reference":"Patient/2"}]}},
        {"resource":{"resourceType":"Observation","id":"6","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/9"}}},
        {"fullUrl":"http://c.example/fhir/Observation/7","resource":{"resourceType":"Observation","id":"7","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"}}}]}"##;
    let bundle = Bundle::parse(text.as_bytes()).expect("a bundle");
    let resolver = fhir::Resolver::new(bundle.resources());
    let expected: [&[usize]; 10] = [
        &[],
        &[],
        &[],
        &[0],
        &[1],
        &[4, 2],
        &[0],
        &[2, 3, 4],
        &[],
        &[],
    ];
    for (from, targets) in expected.iter().enumerate() {
        assert_eq!(resolver.leads(from), *targets, "entry {from}");
    }
}

/// A `urn:` must lead somewhere inside a bundle (bundle.html, resolving references). A resource
/// that came without its bundle cannot tell.
#[test]
fn a_urn_of_a_single_resource_may_lead_out_of_it() {
    let urn = "urn:uuid:6555b7a7-380d-46ff-a1c5-7abc4e68f8bc";
    let single = format!(
        r##"{{"resourceType":"Observation","id":"o","status":"final","code":{{"text":"x"}},"subject":{{"reference":"{urn}"}}}}"##
    );
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"fullUrl":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0","resource":{single}}}]}}"#
    );
    let known = Directory::default();
    let read = Submission::read(&[&single], &known).expect("a resource");
    let kinds: Vec<_> = read
        .report
        .warnings
        .iter()
        .map(|issue| &issue.kind)
        .collect();
    assert_eq!(kinds, [&IssueKind::UnresolvedReference]);
    assert!(matches!(
        Submission::read(&[&bundle], &known),
        Err(Error::Invalid { total: 1, .. })
    ));
    // What it contains is in it.
    let contained = single.replace(urn, "#p");
    assert!(matches!(
        Submission::read(&[&contained], &known),
        Err(Error::Invalid { total: 1, .. })
    ));
}

/// The official examples of R4, when their folder is given: how many pass, and why the others do
/// not. `YILIAN_FHIR_EXAMPLES=/path cargo test -p yilian-record official -- --nocapture`
#[test]
fn official_examples() {
    let Some(folder) = std::env::var_os("YILIAN_FHIR_EXAMPLES") else {
        eprintln!("skipped: YILIAN_FHIR_EXAMPLES names no folder");
        return;
    };
    let (mut passed, mut refused) = (0, Vec::new());
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        if !text.contains("\"resourceType\"") {
            continue;
        }
        match Submission::read(&[&text], &Directory::default()) {
            Ok(submission) => {
                passed += 1;
                whole_if_one_visit(&path, &text, submission);
            }
            Err(error) => refused.push((path, error.to_string())),
        }
    }
    for (path, error) in &refused {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        println!(
            "{name}\t{}",
            error.lines().take(3).collect::<Vec<_>>().join(" | ")
        );
    }
    println!("{passed} passed, {} refused", refused.len());
    assert!(passed > 0);
}

fn whole_if_one_visit(path: &Path, text: &str, submission: Submission) {
    let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let was_bundle = value["resourceType"] == "Bundle";
    let Ok((visits, _)) = submission.visits(quarter("2026-Q2")) else {
        return;
    };
    let [visit] = visits.as_slice() else { return };
    let sealed = sealed(visit);
    let parts: Vec<_> = sealed
        .iter()
        .map(|(level, content)| (*level, content.as_slice()))
        .collect();
    let joined = joined(&parts).unwrap_or_else(|| panic!("{}", path.display()));
    let expected = without_blanks(text);
    let same = if was_bundle {
        joined == expected
    } else {
        joined.contains(&expected)
    };
    assert!(same, "{}", path.display());
}
