//! Documents that are sealed as a whole: what is one, what is refused, what it is found by, and
//! what raises its level.

use std::collections::BTreeSet;

use serde_json::json;
use yilian_protocol::{Confidentiality, media::MediaType};
use yilian_record::{Error, media::extension, submission::Concern, whole::Whole};

use crate::field_cases::quarter;

const CLINICAL: Option<Confidentiality> = Some(Confidentiality::Clinical);

fn read(text: &str) -> Whole {
    Whole::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn refusal(bytes: &[u8]) -> String {
    match Whole::read(bytes) {
        Ok(read) => panic!("{} was read", read.media()),
        Err(error) => error.to_string(),
    }
}

fn found_by(document: &Whole) -> BTreeSet<String> {
    document.part(CLINICAL).keywords.texts().collect()
}

fn cda(header: &str, body: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<id root="1.2.3" extension="7"/>
<code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summary of episode note"/>
<title>Summary for Petra Quirke</title>
<effectiveTime value="20261015"/>
{header}
<recordTarget><patientRole><id root="1"/><patient><name><given>Petra</given><family>Quirke</family></name>
<maritalStatusCode code="M" displayName="Married"/></patient></patientRole></recordTarget>
<author><assignedAuthor><code code="207R00000X" displayName="Internist"/></assignedAuthor></author>
<component><structuredBody><component><section>
<title>Petra's problems</title><text>Petra Quirke is better.</text>
<entry><observation classCode="OBS" moodCode="EVN">{body}
<participant typeCode="CSM"><participantRole><playingEntity>
<code code="7980" codeSystem="2.16.840.1.113883.6.88" displayName="Penicillin"/>
</playingEntity></participantRole></participant></observation></entry>
</section></component></structuredBody></component>
</ClinicalDocument>"#
    )
}

const PNEUMONIA: &str =
    r#"<value code="233604007" codeSystem="2.16.840.1.113883.6.96" displayName="Pneumonia"/>"#;
const NORMAL: &str = r#"<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>"#;

const MESSAGE: &str = "MSH|^~\\&|LAB|N|EHR|S|20261015080000||ORU^R01|17|P|2.5.1\r\
    PID|1||4711^^^N||Quirke^Petra||19800304|F\r\
    PV1|1|I||||||||||||||||||||||||||||||||||||||||||20260930\r\
    DG1|1||J18.9^Pneumonia\\T\\ fever^I10|Pneumonia\r\
    OBR|1|||4548-4^Hemoglobin A1c^LN\r\
    OBX|1|CWE|600-7^Bacteria^LN||9861002^Streptococcus pneumoniae^SCT~112283007^E. coli^SCT\r";

fn dicom() -> serde_json::Value {
    json!({
        "00080018": { "vr": "UI", "Value": ["1.2.3"] },
        "00080020": { "vr": "DA", "Value": ["20260701"] },
        "00081030": { "vr": "LO", "Value": ["CT Chest"] },
        "00100010": { "vr": "PN", "Value": [{ "Alphabetic": "Quirke^Petra" }] },
        "00080060": { "vr": "CS", "Value": ["CT"] },
        "00081032": { "vr": "SQ", "Value": [{
            "00080100": { "vr": "SH", "Value": ["169069000"] },
            "00080102": { "vr": "SH", "Value": ["SCT"] },
            "00080104": { "vr": "LO", "Value": ["Computed tomography of thorax"] }
        }] },
        "7FE00010": { "vr": "OW", "BulkDataURI": "https://pacs.example/1" },
        "00080005": { "vr": "CS" }
    })
}

fn pdf(trailer: &str) -> String {
    let body = "%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n";
    let place = body.len();
    format!(
        "{body}xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 {trailer} >>\nstartxref\n{place}\n%%EOF\n"
    )
}

#[test]
fn each_kind_is_read_and_kept_byte_for_byte() {
    let documents = [
        (cda(NORMAL, PNEUMONIA), MediaType::Cda, "xml"),
        (MESSAGE.to_owned(), MediaType::Hl7V2, "hl7"),
        (format!("\u{b}{MESSAGE}\u{1c}\r"), MediaType::Hl7V2, "hl7"),
        (MESSAGE.replace('\r', "\r\n"), MediaType::Hl7V2, "hl7"),
        (dicom().to_string(), MediaType::DicomJson, "dcm.json"),
        (
            json!([dicom()]).to_string(),
            MediaType::DicomJson,
            "dcm.json",
        ),
        (pdf(""), MediaType::Pdf, "pdf"),
    ];
    for (text, media, ending) in documents {
        let document = read(&text);
        assert_eq!(document.media(), media);
        assert_eq!(document.content(), text.as_bytes());
        assert_eq!(extension(media), ending);
        for stated in [None, CLINICAL, Some(Confidentiality::Identity)] {
            assert_eq!(document.part(stated).content, text.as_bytes());
        }
    }
}

/// A picture of a page tells nothing, so the author says; without him it is sensitive.
#[test]
fn the_author_states_the_level_and_the_document_raises_it() {
    let levels = |text: &str| {
        let document = read(text);
        let stated = [
            None,
            CLINICAL,
            Some(Confidentiality::Sensitive),
            Some(Confidentiality::Identity),
        ];
        stated.map(|stated| document.level(stated))
    };
    use Confidentiality::{Clinical, Identity, Sensitive};
    let ordinary = [Sensitive, Clinical, Sensitive, Identity];
    let raised = [Sensitive, Sensitive, Sensitive, Identity];
    for text in [
        cda(NORMAL, PNEUMONIA),
        MESSAGE.to_owned(),
        dicom().to_string(),
        pdf(""),
    ] {
        assert_eq!(levels(&text), ordinary, "{text}");
    }
    let restricted = NORMAL.replace("\"N\"", "\"R\"");
    let hiv = PNEUMONIA
        .replace("233604007", "86406008")
        .replace("Pneumonia", "x");
    let order = |more: &str| format!("{MESSAGE}{more}\r");
    let mut study = dicom();
    study["00081030"]["Value"][0] = "HIV encephalopathy".into();
    let mut coded = dicom();
    coded["00081032"]["Value"][0]["00080100"]["Value"][0] = "86406008".into();
    for text in [
        cda(&restricted, PNEUMONIA),
        cda(NORMAL, &hiv),
        cda(
            NORMAL,
            &PNEUMONIA.replace("Pneumonia", "&#x827e;&#x6ecb;&#x75c5;"),
        ),
        MESSAGE.replace("J18.9", "F32.1"),
        order("NTE|1||HIV positive"),
        order(&format!("ORC|NW{}R", "|".repeat(27))),
        order(&format!("TXA|1{}V", "|".repeat(17))),
        study.to_string(),
        coded.to_string(),
    ] {
        assert_eq!(levels(&text), raised, "{text}");
    }
    // A name is none of its matters.
    let named = MESSAGE.replace("Quirke^Petra", "Gay^Hiv");
    assert_eq!(levels(&named), ordinary);
    let named = dicom().to_string().replace("Quirke^Petra", "Gay^Hiv");
    assert_eq!(levels(&named), ordinary);
}

#[test]
fn a_document_is_found_by_its_codes_and_by_no_name() {
    let found = found_by(&read(&cda(NORMAL, PNEUMONIA)));
    for word in ["code:233604007", "code:34133-9", "code:7980", "word:青霉素"] {
        assert!(found.contains(word), "{word}: {found:?}");
    }
    let message = found_by(&read(MESSAGE));
    for word in [
        "word:j189",
        "code:4548-4",
        "code:9861002",
        "code:112283007",
        "word:streptococcu",
    ] {
        let stem = word.trim_end_matches("streptococcu");
        let known =
            message.contains(word) || stem == "word:" && message.contains("word:streptococcus");
        assert!(known, "{word}: {message:?}");
    }
    let image = found_by(&read(&dicom().to_string()));
    assert!(image.contains("code:169069000"), "{image:?}");
    for found in [&found, &message, &image] {
        let names = ["quirke", "petra", "internist", "married", "summary", "4711"];
        let named = |text: &&String| names.iter().any(|name| text.contains(name));
        let wrong: Vec<&String> = found.iter().filter(named).collect();
        // The document's type is "Summary of episode note".
        assert!(
            wrong.iter().all(|word| *word == "word:summary"),
            "{wrong:?}"
        );
    }
    assert_eq!(found_by(&read(&pdf(""))), BTreeSet::new());
    let identity = read(MESSAGE).part(Some(Confidentiality::Identity));
    assert_eq!(identity.keywords.texts().count(), 0);
}

#[test]
fn the_quarter_of_the_care_is_compared_with_the_tokens() {
    let care = |text: &str, token: &str| {
        let concerns = read(text).concerns(quarter(token));
        let care = concerns.into_iter().map(|concern| match concern {
            Concern::OtherQuarter { care, .. } => care.to_string(),
            other => panic!("{other}"),
        });
        care.collect::<Vec<_>>()
    };
    let written = cda(NORMAL, PNEUMONIA);
    assert_eq!(care(&written, "2026-Q4"), [""; 0]);
    assert_eq!(care(&written, "2026-Q3"), ["2026-Q4"]);
    let visit = "<componentOf><encompassingEncounter><id/><effectiveTime><low value=\"202604010800+0800\"/>\
        <high value=\"20260701\"/></effectiveTime></encompassingEncounter></componentOf>";
    let visited = cda(&format!("{NORMAL}{visit}"), PNEUMONIA);
    assert_eq!(care(&visited, "2026-Q4"), ["2026-Q2"]);
    // Admitted in September, written in October.
    assert_eq!(care(MESSAGE, "2026-Q4"), ["2026-Q3"]);
    assert_eq!(care(&dicom().to_string(), "2026-Q4"), ["2026-Q3"]);
    assert_eq!(care(&pdf(""), "1999-Q1"), [""; 0]);
}

#[test]
fn what_breaks_the_rules_of_its_kind_is_named() {
    let whole = cda(NORMAL, PNEUMONIA);
    let mut tags = dicom();
    tags["00080060"] = json!({ "vr": "XX" });
    let mut both = dicom();
    both["7FE00010"]["InlineBinary"] = "AA==".into();
    let mut form = dicom();
    form["00080060"]["Value"] = "CT".into();
    let mut name = dicom();
    name["zz"] = json!({});
    let cut = pdf("").replace("%%EOF", "");
    let lost = pdf("").replace("startxref\n", "startxref\n9");
    let cases: [(String, &str); 24] = [
        (whole.replace("urn:hl7-org:v3", "urn:other"), "XML or HTML"),
        (
            whole
                .replace("<ClinicalDocument ", "<Other ")
                .replace("</ClinicalDocument>", "<!--ClinicalDocument--></Other>"),
            "not a ClinicalDocument",
        ),
        (whole.replace("<typeId root", "<x root"), "no typeId"),
        (whole.replace("recordTarget>", "target>"), "no recordTarget"),
        (
            whole.replace("</section>", "</other>"),
            "tags that do not match (line",
        ),
        (
            whole.replace(
                "<ClinicalDocument",
                "<!DOCTYPE x SYSTEM \"http://x.example/\"><ClinicalDocument",
            ),
            "DTD",
        ),
        (whole.replace("Petra's", "Petra&nbsp;"), "DTD could declare"),
        (
            whole.replace("\"UTF-8\"", "\"GB18030\""),
            "another encoding",
        ),
        (MESSAGE.replace("MSH|^~\\&|", "MSH|^~"), "separators"),
        (MESSAGE.replace("|ORU^R01|17|", "||17|"), "message type"),
        (MESSAGE.replace("|17|", "||"), "control id"),
        (MESSAGE.replace("2.5.1", "3.0"), "version 2"),
        (
            MESSAGE.replace("DG1|", "dg1|"),
            "segment without a name (line 4)",
        ),
        (format!("{MESSAGE}{MESSAGE}"), "second message"),
        (format!("BHS|^~\\&|\r{MESSAGE}"), "batch"),
        (
            MESSAGE.replace("fever", "fe\u{1b}[2Jver"),
            "control character (line 4)",
        ),
        (tags.to_string(), "value representation"),
        (both.to_string(), "several values"),
        (form.to_string(), "another form"),
        (name.to_string(), "eight hexadecimal digits"),
        (json!([dicom(), dicom()]).to_string(), "several instances"),
        (
            json!({ "00080060": { "vr": "CS" } }).to_string(),
            "neither its instance nor its study",
        ),
        (cut, "no end"),
        (lost, "cross-reference"),
    ];
    for (text, fault) in cases {
        let told = refusal(text.as_bytes());
        assert!(told.contains(fault), "{told}, not {fault}: {text}");
    }
}

#[test]
fn what_a_reader_could_take_for_another_document_is_named() {
    assert!(refusal(pdf("/Encrypt 5 0 R").as_bytes()).contains("encrypted"));
    assert!(refusal(b"%PDF-x").contains("version"));
    assert!(refusal(&[MESSAGE.as_bytes(), b"NTE|1||\xc4\xe3"].concat()).contains("UTF-8"));
    // A member twice: two readers could see two documents.
    let twice = r#"{"00080018":{"vr":"UI","Value":["1"]},"00080018":{"vr":"UI"}}"#;
    assert!(matches!(
        Whole::read(twice.as_bytes()),
        Err(Error::DuplicateKey { .. })
    ));
    let fhir = r#"{"resourceType":"Patient"}"#;
    assert!(matches!(
        Whole::read(fhir.as_bytes()),
        Err(Error::IsFhir { .. })
    ));
}

/// The files of DICOM themselves hold pixels, and are told so.
#[test]
fn files_with_pixels_are_told_what_to_do() {
    for path in crate::fhir_real::files("dicom", ".dcm") {
        let told = refusal(&crate::fhir_real::read(&path));
        assert!(
            told.contains("DICOM JSON model"),
            "{}: {told}",
            path.display()
        );
    }
}
