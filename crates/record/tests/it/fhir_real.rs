//! The real input of ../shared/data, when it is there: what is accepted, what is not, and that
//! nothing is lost.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use yilian_record::Error;
use yilian_record::fhir::{Bulk, BulkReader, Bundle, Directory, IssueKind, Resource};

/// The files of a folder of the data with an ending; none, said aloud, without the data.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(folder);
    let Ok(entries) = fs::read_dir(&path) else {
        eprintln!("skipped: no real input at {}", path.display());
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("a folder that can be read").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no {ending}", path.display());
    files
}

pub fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn bundle(path: &Path) -> Bundle {
    Bundle::parse(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Hospitals and clinicians of all patients' bundles.
pub fn directory() -> Directory {
    let mut directory = Directory::default();
    for path in files("fhir-synthea-r4", ".json") {
        if path.to_string_lossy().contains("Information") {
            directory.extend(bundle(&path).resources());
        }
    }
    directory
}

#[test]
fn every_synthea_bundle_is_accepted_without_a_warning() {
    let directory = directory();
    for (folder, count) in [("fhir-synthea-r4", 42), ("fhir-synthea-r4-heavy", 4)] {
        let files = files(folder, ".json");
        assert!(files.is_empty() || files.len() == count);
        for path in files {
            let report = bundle(&path).validate(&directory);
            let report = report.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(report.warnings, [], "{}", path.display());
        }
    }
}

/// The patients' bundles carry copies of their hospitals. Without them the directory must know what
/// they refer to.
#[test]
fn a_patient_before_the_hospitals_is_refused() {
    let directory = directory();
    for path in files("fhir-synthea-r4", ".json").iter().take(5) {
        let mut bundle: Value = serde_json::from_slice(&read(path)).expect("JSON");
        let entries = bundle["entry"].as_array_mut().expect("entries");
        let shared = |kind: &Value| kind == "Organization" || kind == "Practitioner";
        entries.retain(|entry| !shared(&entry["resource"]["resourceType"]));
        let bundle = Bundle::parse(bundle.to_string().as_bytes()).expect("a bundle");
        assert_eq!(
            bundle.validate(&directory).expect("known hospitals").total,
            0
        );
        let Err(Error::Invalid { issues, total }) = bundle.validate(&Directory::default()) else {
            panic!("references to unknown hospitals were accepted");
        };
        assert!(total >= issues.len());
        for issue in issues {
            assert_eq!(issue.kind, IssueKind::DanglingReference, "{issue}");
        }
    }
}

#[test]
fn the_directory_names_hospitals_and_clinicians() {
    let directory = directory();
    if directory.is_empty() {
        return;
    }
    assert_eq!(directory.len(), 204);
    for listed in directory.iter() {
        assert!(listed.display().is_some_and(|name| !name.is_empty()));
        let (url, id) = (
            listed.full_url().expect("a URL"),
            listed.id().expect("an id"),
        );
        assert_eq!(directory.get(url), Some(listed));
        assert_eq!(
            directory.get(&format!("{}/{id}", listed.resource_type())),
            Some(listed)
        );
        for (system, value) in listed.identifiers() {
            let query = format!("{}?identifier={system}|{value}", listed.resource_type());
            assert_eq!(directory.get(&query), Some(listed));
        }
    }
    assert_eq!(
        directory.get("urn:uuid:00000000-0000-0000-0000-000000000000"),
        None
    );
}

/// Three of the four published examples follow R4. The laboratory example has no Patient: its
/// subjects name `resource:0`, which is the DiagnosticReport itself.
#[test]
fn health_cards() {
    for path in files("health-cards/examples", "fhirBundle.json") {
        let outcome = bundle(&path).validate(&Directory::default());
        if !path.ends_with("example-02-a-fhirBundle.json") {
            let report = outcome.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(report.total, 0);
            continue;
        }
        let Err(Error::Invalid { issues, total: 52 }) = outcome else {
            panic!("{outcome:?}")
        };
        for issue in issues {
            assert_eq!(issue.kind, IssueKind::WrongTarget, "{issue}");
            assert!(issue.path.ends_with(".subject"), "{issue}");
        }
    }
}

fn bulk() -> Option<Bulk> {
    let mut reader = BulkReader::default();
    let files = files("fhir-bulk-10", ".ndjson.gz");
    for path in &files {
        reader
            .read_file(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    (!files.is_empty()).then(|| reader.finish())
}

#[test]
fn bulk_files_are_accepted_patient_by_patient() {
    let Some(bulk) = bulk() else { return };
    let mut directory = Directory::default();
    directory.extend(&bulk.shared);
    assert_eq!(bulk.patients.len(), 13);
    assert_eq!(bulk.unassigned, []);
    for (id, bundle) in &bulk.patients {
        let report = bundle
            .validate(&directory)
            .unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(report.warnings, [], "{id}");
        let patients = bundle
            .resources()
            .filter(|resource| resource.resource_type() == "Patient");
        assert_eq!(
            patients.map(Resource::id).collect::<Vec<_>>(),
            [Some(id.as_str())]
        );
        let own = format!("Patient/{id}");
        for resource in bundle.resources() {
            for (path, reference) in resource.references() {
                let other = reference.starts_with("Patient/") && reference != own;
                assert!(!other, "{path} of {id} refers to another patient");
            }
        }
    }
}

#[test]
fn bulk_files_lose_nothing() {
    let Some(bulk) = bulk() else { return };
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for path in files("fhir-bulk-10", ".ndjson.gz") {
        let mut text = String::new();
        let file = fs::File::open(&path).expect("a file");
        flate2::read::MultiGzDecoder::new(file)
            .read_to_string(&mut text)
            .expect("gzip");
        for line in text.lines().filter(|line| !line.is_empty()) {
            let value: Value = serde_json::from_str(line).expect("JSON");
            *lines.entry(value.to_string()).or_default() += 1;
        }
    }
    let spelt = |resource: &Resource| {
        let value: Value = serde_json::from_slice(resource.canonical_bytes()).expect("JSON");
        value.to_string()
    };
    let patients = bulk.patients.values().flat_map(Bundle::resources);
    for resource in patients.chain(&bulk.shared).chain(&bulk.unassigned) {
        let left = lines
            .get_mut(&spelt(resource))
            .expect("a resource of no line");
        *left = left.checked_sub(1).expect("a resource twice");
    }
    assert!(lines.values().all(|left| *left == 0));
}

/// Numbers of a JSON text as they are spelt, by a reader of its own.
pub fn numbers(text: &str) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    let (mut in_string, mut escaped, mut start) = (false, false, None);
    for (at, byte) in text.bytes().enumerate() {
        let in_number = byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        in_string = byte == b'"';
        match start {
            None if byte.is_ascii_digit() || byte == b'-' => start = Some(at),
            Some(from) if !in_number => {
                *found.entry(&text[from..at]).or_default() += 1;
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// Equal up to the last bit of decimals, in which serde_json's own reading may be wrong.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) if left.is_f64() && right.is_f64() => {
            let (left, right) = (left.as_f64().unwrap_or(0.0), right.as_f64().unwrap_or(1.0));
            (left - right).abs() <= left.abs() * f64::EPSILON
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}

/// Against an independent reader: the same values by serde_json, the same spelling of numbers by
/// the scan above.
#[test]
fn canonical_bytes_keep_every_value_and_every_digit() {
    let mut paths = files("fhir-synthea-r4", ".json");
    paths.extend(files("fhir-synthea-r4-heavy", ".json"));
    for path in paths {
        let text = String::from_utf8(read(&path)).expect("UTF-8");
        let whole: Value = serde_json::from_str(&text).expect("JSON");
        let bundle = bundle(&path);
        assert_eq!(
            bundle.entries().len(),
            whole["entry"].as_array().map_or(0, Vec::len)
        );
        let mut spelt: BTreeMap<String, usize> = BTreeMap::new();
        for entry in bundle.entries() {
            let resource = entry.resource().expect("every entry has one");
            let original = &whole["entry"][entry.index()]["resource"];
            let canonical = resource.canonical_bytes();
            let again: Value = serde_json::from_slice(canonical).expect("JSON");
            assert_eq!(&again, original);
            assert!(same(resource.value(), original));
            assert_eq!(&Resource::parse(canonical).expect("canonical"), resource);
            for (number, count) in numbers(std::str::from_utf8(canonical).expect("UTF-8")) {
                *spelt.entry(number.to_owned()).or_default() += count;
            }
        }
        let written: BTreeMap<String, usize> = numbers(&text)
            .into_iter()
            .map(|(number, count)| (number.to_owned(), count))
            .collect();
        assert_eq!(spelt, written, "{}", path.display());
    }
}
