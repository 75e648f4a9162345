//! The demonstration, on synthetic and on real input.

use std::path::Path;

use crate::yilian::Yilian;

#[test]
fn synthetic_patients_come_back_byte_for_byte() {
    let yilian = Yilian::new();
    let file = yilian.file("figures.json");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_yilian"))
        .args(["demo", "--patients", "3", "--json", &file])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("p99 ms"));
    let figures: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(figures["patients"], 3);
    assert_eq!(figures["equal"], figures["encounters"]);
    assert!(figures["encounters"].as_u64().unwrap() >= 6);
    let steps: Vec<_> = figures["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["step"].as_str().unwrap())
        .collect();
    assert!(
        ["seal", "open", "share", "re-open"]
            .iter()
            .all(|step| steps.contains(step))
    );
}

#[test]
fn real_patients_come_back_byte_for_byte() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fhir-synthea-r4");
    if !data.exists() {
        eprintln!("skipped: {} is missing", data.display());
        return;
    }
    let yilian = Yilian::new();
    let figures = yilian.ok(&["demo", "--fhir", data.to_str().unwrap(), "--patients", "4"]);
    assert_eq!(figures["patients"], 4);
    assert_eq!(figures["equal"], figures["encounters"]);
}
