//! Documents of other kinds than FHIR: sealed as a whole, found by what can be read of them, and
//! written back byte for byte under a name that fits.

use serde_json::Value;

use crate::yilian::{Yilian, text};

const PDF: &str =
    "%PDF-1.4\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 >>\nstartxref\n9\n%%EOF\n";
const MESSAGE: &str = "MSH|^~\\&|LAB|N|EHR|S|||ORU^R01|17|P|2.5.1\rPID|1||4711||Quirke^Petra\r\
    DG1|1||J18.9^Pneumonia^I10\r";

fn seal(yilian: &Yilian, file: &str, more: &[&str]) -> Value {
    let token = yilian.token("ann", "North", &[]);
    let seal = [
        "doctor",
        "seal",
        "Dr First",
        "--token",
        &token,
        "--document",
        file,
    ];
    let answer = yilian.ok(&[&seal[..], more].concat());
    let again = yilian.ok(&[&seal[..], more].concat());
    assert_eq!(again["before"], 1, "the same is not sealed twice");
    answer["records"][0].clone()
}

#[test]
fn a_document_is_sealed_found_and_written_back_as_it_was() {
    let (yilian, _) = Yilian::with_people();
    let pdf = yilian.write("letter.pdf", PDF);
    let sealed = seal(&yilian, &pdf, &[]);
    assert_eq!(text(&sealed, "level"), "sensitive");
    assert_eq!(sealed["document"]["media"], "application/pdf");
    assert_eq!(sealed["document"]["found_by"], 0);
    // The ending is that of the kind, and nobody is shown the content as text.
    let record = text(&sealed, "record");
    let opened = yilian.ok(&["patient", "open", "ann", &record, "--out", "mine"]);
    assert_eq!(opened["text"], "");
    assert!(opened["hex"].is_null(), "it is in the file");
    let shown = yilian.ok(&["patient", "open", "ann", &record]);
    assert_eq!(text(&shown, "hex"), hex::encode(PDF));
    assert!(text(&opened, "file").ends_with("mine.pdf"), "{opened}");
    assert_eq!(
        std::fs::read(yilian.path("mine.pdf")).unwrap(),
        PDF.as_bytes()
    );
    assert!(!yilian.path("mine").exists());
    // Nor is anything written over: here the name that it would get is taken.
    let error = yilian.fails(&["patient", "open", "ann", &record, "--out", "mine"]);
    assert!(
        error["error"].to_string().contains("mine.pdf exists"),
        "{error}"
    );
    assert_eq!(
        std::fs::read(yilian.path("mine.pdf")).unwrap(),
        PDF.as_bytes()
    );
    let hidden = std::fs::read_dir(yilian.path(".")).unwrap();
    let mut hidden = hidden.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert_eq!(
        hidden.find(|name| name.starts_with('.')),
        None,
        "a draft is left"
    );

    let message = yilian.write("message.hl7", MESSAGE);
    let sealed = seal(
        &yilian,
        &message,
        &["--level", "clinical", "--media", "hl7v2"],
    );
    assert_eq!(text(&sealed, "level"), "clinical");
    let found = yilian.ok(&["patient", "search", "ann", "pneumonia"]);
    assert_eq!(found["records"][0]["record"], sealed["record"], "{found}");
    // What the message says itself raises what its author states.
    let said = yilian.write("said.hl7", &format!("{MESSAGE}NTE|1||HIV\r"));
    let raised = seal(&yilian, &said, &["--level", "clinical"]);
    assert_eq!(text(&raised, "level"), "sensitive");
}

#[test]
fn a_document_at_another_level_is_not_told_to_be_sealed_at_it() {
    let (yilian, _) = Yilian::with_people();
    let pdf = yilian.write("letter.pdf", PDF);
    let sealed = seal(&yilian, &pdf, &["--level", "clinical"]);
    let record = text(&sealed, "record");
    let token = yilian.file("token.json");
    let again = ["doctor", "seal", "Dr First", "--document", &pdf, "--token"];
    let error = yilian.fails(&[&again[..], &[&token]].concat()).to_string();
    for told in [&record[..], "(clinical)", "sensitive now", "--accept again"] {
        assert!(error.contains(told), "{told}: {error}");
    }
    // Under a new token the difference is told too, and the author may insist.
    let token = yilian.token("ann", "North", &[]);
    let error = yilian.fails(&[&again[..], &[&token]].concat()).to_string();
    assert!(error.contains("(clinical)"), "{error}");
    let both = yilian.ok(&[&again[..], &[&token, "--accept", "again"]].concat());
    assert_eq!(both["records"][0]["level"], "sensitive");
}

#[test]
fn a_file_in_the_wrong_place_is_told_where_it_belongs() {
    let (yilian, _) = Yilian::with_people();
    let token = yilian.token("ann", "North", &[]);
    let pdf = yilian.write("letter.pdf", PDF);
    let fhir = yilian.write("patient.json", r#"{"resourceType":"Patient"}"#);
    let html = yilian.write("page.html", "<html><body>report</body></html>");
    let cut = yilian.write("cut.pdf", "%PDF-1.4\n");
    let seal = ["doctor", "seal", "Dr First", "--token", &token];
    let error = |more: &[&str]| {
        let answer = yilian.fails(&[&seal[..], more].concat());
        format!("{} {}", answer["error"], answer["remedy"])
    };
    for (more, told) in [
        (["--bundle", &pdf], "hand it over as a document"),
        (["--document", &fhir], "hand it over as a bundle"),
        (["--document", &html], "XML or HTML"),
        (["--document", &cut], "cut off"),
    ] {
        let error = error(&more);
        assert!(error.contains(told), "{more:?}: {error}");
    }
    let error = error(&["--document", &pdf, "--media", "cda"]);
    assert!(
        error.contains("application/pdf, not application/hl7-cda+xml"),
        "{error}"
    );
    assert_eq!(
        yilian.ok(&["patient", "list", "ann"])["records"],
        serde_json::json!([])
    );
}
