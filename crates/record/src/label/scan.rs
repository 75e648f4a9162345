//! What in a resource makes it sensitive by itself: labels, codes and words, wherever they stand.
//!
//! - Labels: `meta.security` of the resource and of what it contains, `securityLabel`,
//!   `Composition.confidentiality`, inline labels of DS4P on any element, a section included. Below
//!   `provision` (of a Consent) a label names what the rule is about; there only a sensitivity
//!   counts, not R or V.
//! - Codes: every `code`, with its `system` or by its shape.
//! - Words: every text but addresses and names of people; narrative without its tags; attachments
//!   and Binaries of text kinds, decoded.

use std::ops::ControlFlow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{Reason, policy, rules, words};

/// Texts that are none of the record: links, technical codes, moments.
const TECHNICAL: &[&str] = &[
    "contentType",
    "fullUrl",
    "hash",
    "id",
    "language",
    "lastUpdated",
    "linkId",
    "reference",
    "resourceType",
    "status",
    "system",
    "versionId",
];

/// References to persons, whose displays are names.
const PERSONS: &[&str] = &["subject", "patient", "beneficiary", "subscriber"];

/// The extension of HL7's *FHIR Data Segmentation for Privacy* 1.0.0 ends so, under whatever host
/// it was published.
const INLINE_LABEL: &str = "extension-inline-sec-label";

/// Tells `found` each reason in `value`, until it breaks.
pub(super) fn scan(value: &Value, found: &mut dyn FnMut(Reason) -> ControlFlow<()>) {
    let mut scanner = Scanner {
        found,
        below_provision: false,
    };
    // Whether it was broken off is known to whoever broke it off.
    let _ = scanner.value(value);
}

struct Scanner<'a> {
    found: &'a mut dyn FnMut(Reason) -> ControlFlow<()>,
    below_provision: bool,
}

impl Scanner<'_> {
    fn value(&mut self, value: &Value) -> ControlFlow<()> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item)),
            Value::Object(members) => self.object(members),
            Value::String(text) => self.words(text),
            _ => ControlFlow::Continue(()),
        }
    }

    fn object(&mut self, members: &Map<String, Value>) -> ControlFlow<()> {
        self.code(members)?;
        self.attachment(members)?;
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if text("url").is_some_and(|url| url.ends_with(INLINE_LABEL)) {
            let values = members.iter().filter(|(name, _)| name.starts_with("value"));
            values
                .map(|(_, value)| value)
                .try_for_each(|value| self.labels(value))?;
        }
        if text("resourceType") == Some("Composition")
            && text("confidentiality").is_some_and(policy::restricts)
        {
            (self.found)(Reason::Label)?;
        }
        members
            .iter()
            .try_for_each(|(name, member)| self.member(name, member))
    }

    fn member(&mut self, name: &str, member: &Value) -> ControlFlow<()> {
        match (name, member) {
            ("address" | "telecom" | "photo", _) => ControlFlow::Continue(()),
            // The name of a person; that of a place is a text.
            ("name", Value::Object(_) | Value::Array(_)) => ControlFlow::Continue(()),
            // What they hold is looked at with the members beside them.
            ("code" | "data", Value::String(_)) => ControlFlow::Continue(()),
            ("div", Value::String(markup)) => self.markup(markup),
            (_, Value::String(_)) if TECHNICAL.contains(&name) => ControlFlow::Continue(()),
            ("security" | "securityLabel", _) => {
                self.labels(member)?;
                self.value(member)
            }
            ("provision", _) => {
                let outer = std::mem::replace(&mut self.below_provision, true);
                let flow = self.value(member);
                self.below_provision = outer;
                flow
            }
            _ if PERSONS.contains(&name) => self.person(member),
            _ => self.value(member),
        }
    }

    /// A reference to a person, but for the name.
    fn person(&mut self, reference: &Value) -> ControlFlow<()> {
        match reference {
            Value::Object(members) => {
                let mut open = members.iter().filter(|(name, _)| *name != "display");
                open.try_for_each(|(name, member)| self.member(name, member))
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.person(item)),
            other => self.value(other),
        }
    }

    /// Codings and codeable concepts that are labels.
    fn labels(&mut self, labels: &Value) -> ControlFlow<()> {
        match labels {
            Value::Array(items) => items.iter().try_for_each(|item| self.labels(item)),
            Value::Object(members) => {
                let code = members.get("code").and_then(Value::as_str);
                let raises = if self.below_provision {
                    code.is_some_and(policy::is_sensitivity)
                } else {
                    policy::raises(labels)
                };
                if raises {
                    (self.found)(Reason::Label)?;
                }
                members
                    .get("coding")
                    .map_or(ControlFlow::Continue(()), |inner| self.labels(inner))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn code(&mut self, members: &Map<String, Value>) -> ControlFlow<()> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let code = text("code");
        let system = text("system").unwrap_or_default();
        match code.and_then(|code| rules::sensitivity(system, code)) {
            Some(sensitivity) => (self.found)(Reason::Code(sensitivity)),
            None => ControlFlow::Continue(()),
        }
    }

    fn attachment(&mut self, members: &Map<String, Value>) -> ControlFlow<()> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let (Some(kind), Some(data)) = (text("contentType"), text("data")) else {
            return ControlFlow::Continue(());
        };
        let data: String = data.split_whitespace().collect();
        let (Some(kind), Ok(bytes)) = (TextKind::of(kind), STANDARD.decode(data)) else {
            return ControlFlow::Continue(());
        };
        let text = decoded(&bytes);
        match kind {
            TextKind::Plain => self.words(&text),
            TextKind::Markup => self.markup(&text),
            TextKind::Json => match serde_json::from_str(&text) {
                Ok(value) => self.value(&value),
                Err(_) => self.words(&text),
            },
        }
    }

    /// Words between tags and in them, and the codes of CDA, which stand in attributes.
    fn markup(&mut self, markup: &str) -> ControlFlow<()> {
        self.words(markup)?;
        self.words(&without_tags(markup))?;
        let tags = markup.split('<').skip(1);
        for tag in tags.filter_map(|tag| Some(tag.split_once('>')?.0)) {
            let system = attribute(tag, "codeSystem").unwrap_or_default();
            let code = attribute(tag, "code");
            if let Some(sensitivity) = code.and_then(|code| rules::sensitivity(system, code)) {
                (self.found)(Reason::Code(sensitivity))?;
            }
            let confidential = tag.starts_with("confidentialityCode");
            if confidential && code.is_some_and(policy::restricts) {
                (self.found)(Reason::Label)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn words(&mut self, text: &str) -> ControlFlow<()> {
        match words::sensitivity(text) {
            Some(sensitivity) => (self.found)(Reason::Word(sensitivity)),
            None => ControlFlow::Continue(()),
        }
    }
}

/// How the words of a media type are read.
enum TextKind {
    Plain,
    Markup,
    Json,
}

impl TextKind {
    /// `None` for what is no text.
    fn of(kind: &str) -> Option<Self> {
        let kind = kind.to_ascii_lowercase();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        let is = |ends: &[&str]| ends.iter().any(|end| essence.ends_with(end));
        match essence {
            _ if is(&["html", "xml", "xhtml"]) => Some(Self::Markup),
            _ if is(&["json"]) => Some(Self::Json),
            _ if essence.starts_with("text/") || is(&["ndjson", "rtf", "hl7-v2", "csv"]) => {
                Some(Self::Plain)
            }
            _ => None,
        }
    }
}

/// The value of an attribute in the text of a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once(name) {
        let begins = before.ends_with(|c: char| c.is_ascii_whitespace());
        let value = after.trim_start().strip_prefix('=').map(str::trim_start);
        if let (true, Some(value)) = (begins, value) {
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            return value.get(1..)?.split(quote).next();
        }
        rest = after;
    }
    None
}

/// UTF-8, or UTF-16 by its mark. Of another encoding the ASCII part is left.
fn decoded(bytes: &[u8]) -> String {
    let units = |from: fn([u8; 2]) -> u16| {
        let pairs = bytes.as_chunks::<2>().0.iter();
        let units: Vec<u16> = pairs.map(|pair| from(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The text of markup: each tag a blank, character references resolved.
fn without_tags(markup: &str) -> String {
    let mut text = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        rest = match opened(from) {
            Some((c, after)) => {
                text.push(c);
                after
            }
            // A sign that opens nothing.
            None => {
                text.push(' ');
                from.get(1..).unwrap_or_default()
            }
        };
    }
    text.push_str(rest);
    text
}

/// What a tag or a character reference stands for, and what is behind it.
fn opened(from: &str) -> Option<(char, &str)> {
    if let Some(tag) = from.strip_prefix('<') {
        let opens = tag.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        let (_, after) = tag.split_once('>').filter(|_| opens)?;
        return Some((' ', after));
    }
    let (name, after) = from.split_once(';').filter(|(name, _)| name.len() <= 10)?;
    Some((reference(name).unwrap_or(' '), after))
}

/// The character of `&#x6ee5`, `&#28389`, `&lt`.
fn reference(name: &str) -> Option<char> {
    let name = name.strip_prefix('&')?;
    match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hex) => char::from_u32(u32::from_str_radix(hex, 16).ok()?),
            None => char::from_u32(number.parse().ok()?),
        },
        None => Some(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::label::Sensitivity;

    fn reasons(value: &Value) -> Vec<Reason> {
        let mut found = Vec::new();
        scan(value, &mut |reason| {
            found.push(reason);
            ControlFlow::Continue(())
        });
        // Markup is read with its tags and without.
        found.dedup();
        found
    }

    #[test]
    fn words_are_seen_wherever_a_text_may_stand() {
        let word = [Reason::Word(Sensitivity::Hiv)];
        let data = STANDARD.encode("Seropositive.");
        for value in [
            json!({ "code": { "text": "HIV" } }),
            json!({ "note": [{ "text": "HIV" }] }),
            json!({ "valueString": "HIV" }),
            json!({ "code": { "coding": [{ "system": "http://x.example", "code": "q", "display": "HIV" }] } }),
            json!({ "text": { "div": "<div>a&#x62;c <b>&#33406;&#28363;</b></div>" } }),
            json!({ "content": [{ "attachment": { "contentType": "text/plain; charset=utf-8", "data": data } }] }),
            json!({ "resourceType": "Binary", "contentType": "application/hl7-cda+xml", "data": data }),
            json!({ "serviceProvider": { "reference": "Organization/1", "display": "HIV clinic" } }),
            json!({ "_status": { "extension": [{ "url": "http://x.example/why", "valueString": "HIV" }] } }),
            json!({ "identifier": [{ "type": { "text": "HIV programme" }, "value": "1" }] }),
            json!({ "contained": [{ "resourceType": "Observation", "valueString": "HIV" }] }),
        ] {
            assert_eq!(reasons(&value), word, "{value}");
        }
    }

    #[test]
    fn what_is_no_text_of_the_record_is_left_alone() {
        let data = STANDARD.encode("HIV");
        for value in [
            json!({ "subject": { "reference": "Patient/hiv", "display": "Gay Depress" } }),
            json!({ "name": [{ "family": "Condom" }], "address": [{ "text": "Rape Lane" }] }),
            json!({ "id": "hiv", "system": "http://example.org/hiv", "status": "hiv" }),
            json!({ "contentType": "image/png", "data": data }),
            json!({ "contentType": "text/plain", "data": "no base64" }),
        ] {
            assert_eq!(reasons(&value), [], "{value}");
        }
    }

    #[test]
    fn labels_are_seen_wherever_fhir_puts_them() {
        let r = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" });
        let url = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label";
        let inline = json!([{ "url": url, "valueCoding": r }]);
        for value in [
            json!({ "meta": { "security": [r] } }),
            json!({ "contained": [{ "resourceType": "Condition", "meta": { "security": [r] } }] }),
            json!({ "securityLabel": [{ "coding": [r] }] }),
            json!({ "entity": [{ "securityLabel": [r] }] }),
            json!({ "resourceType": "Composition", "confidentiality": "V" }),
            json!({ "section": [{ "title": "Plan", "extension": inline }] }),
            json!({ "_birthDate": { "extension": inline } }),
            json!({ "subject": { "reference": "Patient/1", "extension": inline } }),
        ] {
            assert_eq!(reasons(&value), [Reason::Label], "{value}");
        }
        assert_eq!(
            reasons(&json!({ "resourceType": "Composition", "confidentiality": "N" })),
            []
        );
    }

    #[test]
    fn a_consent_is_not_what_its_rule_is_about() {
        let system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
        let about = |code: &str| json!({ "provision": { "provision": [{ "securityLabel": [{ "system": system, "code": code }] }] } });
        assert_eq!(reasons(&about("R")), []);
        assert_eq!(reasons(&about("HIV")), [Reason::Label]);
        let own =
            json!({ "meta": { "security": [{ "system": system, "code": "R" }] }, "provision": {} });
        assert_eq!(reasons(&own), [Reason::Label]);
    }

    #[test]
    fn markup_is_read_as_text() {
        assert_eq!(without_tags("<p>a&lt;b&#x6ee5;</p>").trim(), "a<b滥");
        assert_eq!(without_tags("1 < 2, 4 > 3 & 5"), "1   2, 4 > 3   5");
        assert_eq!(
            decoded(&[0xff, 0xfe, 0x7e, 0x82]).trim_start_matches('\u{feff}'),
            "艾"
        );
        assert_eq!(
            decoded(&[0xfe, 0xff, 0x82, 0x7e]).trim_start_matches('\u{feff}'),
            "艾"
        );
        assert_eq!(decoded("\u{feff}艾".as_bytes()), "艾");
    }

    #[test]
    fn a_clinical_document_in_xml_or_json_is_read_for_codes_and_labels_too() {
        let document = |kind: &str, text: &str| {
            reasons(&json!({ "contentType": kind, "data": STANDARD.encode(text) }))
        };
        let hiv = [Reason::Code(Sensitivity::Hiv)];
        let cda = r#"<value xsi:type="CD" code="86406008" codeSystem="2.16.840.1.113883.6.96"/>"#;
        assert_eq!(document("text/xml", cda), hiv);
        let json = r#"{"coding":[{"system":"http://snomed.info/sct","code":"86406008"}]}"#;
        assert_eq!(document("application/fhir+json", json), hiv);
        let label = r#"<confidentialityCode code="R" codeSystem="2.16.840.1.113883.5.25"/>"#;
        assert_eq!(document("application/hl7-cda+xml", label), [Reason::Label]);
        let ordinary =
            r#"<code code="38341003" codeSystem='2.16.840.1.113883.6.96' displayName="HTN"/>"#;
        assert_eq!(document("text/xml", ordinary), []);
        assert_eq!(
            document("text/plain", "CD < 200, HIV, age > 40"),
            [Reason::Word(Sensitivity::Hiv)]
        );
    }
}
