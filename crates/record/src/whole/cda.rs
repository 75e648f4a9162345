//! HL7 CDA R2, also in the templates of C-CDA and of WS/T 500: an XML document whose root is
//! `ClinicalDocument` in `urn:hl7-org:v3`, with the header that CDA R2 asks for.
//!
//! It is found by the codes of its body and by the type of the document. Titles and narrative may
//! name people, and so may whatever stands in a part about people.

use super::{About, Concept, Fault, Read, quarter, xml};
use crate::label;

/// What the header has at least (POCD_MT000040).
const HEADER: [(&str, &str); 6] = [
    ("typeId", "has no typeId"),
    ("id", "has no id"),
    ("code", "has no code"),
    ("effectiveTime", "has no effectiveTime"),
    ("recordTarget", "has no recordTarget"),
    ("component", "has no body"),
];

/// Parts about people and organisations: their codes are roles.
const PEOPLE: [&str; 12] = [
    "recordTarget",
    "author",
    "informant",
    "custodian",
    "authenticator",
    "legalAuthenticator",
    "informationRecipient",
    "dataEnterer",
    "performer",
    "responsibleParty",
    "assignedEntity",
    "representedOrganization",
];

/// Elements whose attributes are a code of what is told.
const CODED: [&str; 4] = ["code", "value", "translation", "targetSiteCode"];

/// How deep the dates of the header stand.
const VISIT: [&str; 3] = ["componentOf", "encompassingEncounter", "effectiveTime"];

pub(super) fn read(bytes: &[u8]) -> Result<Read, Fault> {
    let mut document = Document::default();
    xml::read(bytes, &mut |event| document.take(event))?;
    if !document.is_cda {
        return Err(Fault::whole(
            "is XML, and not a ClinicalDocument of urn:hl7-org:v3",
        ));
    }
    let missing = HEADER
        .iter()
        .find(|(name, _)| !document.header.contains(name));
    if let Some((_, what)) = missing {
        return Err(Fault::whole(what));
    }
    let dates = [document.visited, document.written];
    Ok(Read {
        quarter: dates.iter().flatten().find_map(|date| quarter(date)),
        ..document.read
    })
}

#[derive(Default)]
struct Document<'a> {
    is_cda: bool,
    open: Vec<&'a str>,
    /// Children of the root that were met.
    header: Vec<&'a str>,
    visited: Option<String>,
    written: Option<String>,
    read: Read,
}

impl<'a> Document<'a> {
    fn take(&mut self, event: xml::Event<'a>) {
        match event {
            xml::Event::Open(tag) => {
                match self.open.len() {
                    0 => {
                        let cda = tag.declared_space() == Some("urn:hl7-org:v3");
                        self.is_cda = cda && tag.name() == "ClinicalDocument";
                    }
                    1 => self.header.push(tag.name()),
                    _ => {}
                }
                let label = tag.name() == "confidentialityCode";
                let code = tag.attribute("code").filter(|_| label);
                self.read.sensitive |= code.is_some_and(label::restricts);
                self.date(&tag);
                self.concept(&tag);
                self.open.push(tag.name());
            }
            xml::Event::Close => {
                self.open.pop();
            }
            // Names of people are no matters of theirs.
            xml::Event::Text(text) => {
                let of_people = self.open.iter().any(|name| PEOPLE.contains(name));
                self.read.sensitive |= !of_people && label::text_is_sensitive(&text);
            }
        }
    }

    /// When the visit began, or the document was written.
    fn date(&mut self, tag: &xml::Tag<'_>) {
        let Some(value) = tag.attribute("value") else {
            return;
        };
        let path = self.open.get(1..).unwrap_or_default();
        if path.is_empty() && tag.name() == "effectiveTime" {
            self.written = Some(value.to_owned());
        }
        let (visit, begun) = (path.get(..2), path.get(2));
        let of_visit = visit == VISIT.get(..2)
            && (begun.is_none() && tag.name() == "effectiveTime"
                || begun == Some(&"effectiveTime") && tag.name() == "low");
        if of_visit && self.visited.is_none() {
            self.visited = Some(value.to_owned());
        }
    }

    fn concept(&mut self, tag: &xml::Tag<'_>) {
        let of_document = self.open.len() == 1 && tag.name() == "code";
        let told = ["component", "documentationOf", "componentOf"];
        let in_body = self.open.get(1).is_some_and(|part| told.contains(part));
        let of_people = self.open.iter().any(|name| PEOPLE.contains(name));
        if !CODED.contains(&tag.name()) || of_people || !(of_document || in_body) {
            return;
        }
        let attribute = |name: &str| tag.attribute(name).unwrap_or_default().to_owned();
        let about = match tag.name() {
            "value" => About::Diagnosis,
            _ if self
                .open
                .iter()
                .any(|name| ["procedure", "manufacturedMaterial"].contains(name)) =>
            {
                About::Act
            }
            _ => About::Rest,
        };
        let concept = Concept {
            about,
            system: attribute("codeSystem"),
            code: attribute("code"),
            display: attribute("displayName"),
        };
        self.read.add(concept);
    }
}
