//! A record that was opened, as pages show it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tsify::Tsify;
use yilian_protocol::{
    CertificateId, Scope, TimeMs, authored::AuthoredError, call::RecordEntry, media::MediaType,
};

use crate::shared::Place;

/// A record, opened; its content is asked for apart.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct OpenedView {
    /// Its id.
    pub record: String,
    /// The hospital.
    pub hospital: String,
    /// The block that holds it.
    pub admitted: Place,
    /// How sensitive it is: `statistics`, `clinical`, `sensitive` or `identity`.
    pub level: String,
    /// The quarter of its scope, as 2026-Q4.
    pub quarter: String,
    /// Whether it lies outside every grant.
    pub private: bool,
    /// The author's certificate.
    pub author: String,
    /// The author's name, when he is registered.
    pub name: Option<String>,
    /// When he signed it, as he says.
    pub signed: u64,
    /// What the content is, as he signed it.
    pub media: String,
    /// Bytes of the content.
    pub size: usize,
    /// Which resources of FHIR are in it, and how many of each.
    pub kinds: Vec<KindView>,
    /// Why the author's word does not stand, when it does not: a rule or a word of this list.
    pub fault: Option<String>,
}

/// A kind of FHIR resource in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
pub struct KindView {
    /// Such as `Condition`.
    pub kind: String,
    /// How many.
    pub count: usize,
}

/// A record and its content.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct ContentView {
    /// The record.
    pub opened: OpenedView,
    /// The content, when it is text.
    pub text: Option<String>,
}

/// What an author signed.
pub(crate) struct Signed<'a> {
    pub(crate) author: CertificateId,
    pub(crate) at: TimeMs,
    pub(crate) scope: &'a Scope,
    pub(crate) media: MediaType,
    pub(crate) content: &'a [u8],
}

impl OpenedView {
    /// The record of `entry`, by the author called `name`; `fault` is why his word does not stand.
    pub(crate) fn new(
        entry: &RecordEntry,
        signed: &Signed<'_>,
        name: Option<String>,
        fault: Option<&AuthoredError>,
    ) -> Self {
        let Signed { scope, content, .. } = signed;
        Self {
            record: entry.sealed.record.to_string(),
            hospital: entry.hospital.to_string(),
            admitted: entry.admitted.into(),
            level: scope.confidentiality.code().to_owned(),
            quarter: scope.period.to_string(),
            private: scope.tag.is_some(),
            author: signed.author.to_string(),
            name,
            signed: signed.at.get(),
            media: signed.media.name().to_owned(),
            size: content.len(),
            kinds: kinds(signed.media, content),
            fault: fault.map(verdict_name),
        }
    }
}

/// The stable name of what is wrong with an author's word.
fn verdict_name(error: &AuthoredError) -> String {
    match error {
        AuthoredError::Standing(rule) => rule.name(),
        AuthoredError::Malformed(_) => "malformed",
        AuthoredError::OtherCertificate => "other-certificate",
        AuthoredError::OtherVisit => "other-visit",
        AuthoredError::Signature => "signature",
        AuthoredError::PostDated => "post-dated",
        _ => "other",
    }
    .to_owned()
}

/// Which resources are in FHIR, in the order of their names.
fn kinds(media: MediaType, content: &[u8]) -> Vec<KindView> {
    let mut counts = BTreeMap::new();
    match media {
        MediaType::FhirJson => {
            if let Ok(value) = serde_json::from_slice::<Value>(content) {
                count(&value, &mut counts);
            }
        }
        MediaType::FhirNdjson => {
            for line in content.split(|byte| *byte == b'\n') {
                if let Ok(value) = serde_json::from_slice::<Value>(line) {
                    count(&value, &mut counts);
                }
            }
        }
        MediaType::Cda | MediaType::Pdf | MediaType::DicomJson | MediaType::Hl7V2 => {}
    }
    let counts = counts.into_iter();
    counts
        .map(|(kind, count)| KindView { kind, count })
        .collect()
}

/// Counts a resource; of a bundle what is in it.
fn count(value: &Value, counts: &mut BTreeMap<String, usize>) {
    let Some(kind) = value.get("resourceType").and_then(Value::as_str) else {
        return;
    };
    match value.get("entry").and_then(Value::as_array) {
        Some(entries) if kind == "Bundle" => {
            let inner = entries.iter().filter_map(|entry| entry.get("resource"));
            inner.for_each(|resource| count(resource, counts));
        }
        _ => *counts.entry(kind.to_owned()).or_default() += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(media: MediaType, content: &str) -> Vec<(String, usize)> {
        let kinds = kinds(media, content.as_bytes()).into_iter();
        kinds.map(|kind| (kind.kind, kind.count)).collect()
    }

    #[test]
    fn resources_are_counted_in_bundles_alone_and_in_lines() {
        let bundle = r#"{"resourceType":"Bundle","entry":[
            {"resource":{"resourceType":"Observation"}},{"resource":{"resourceType":"Condition"}},
            {"resource":{"resourceType":"Observation"}},{"fullUrl":"x"}]}"#;
        let both = [("Condition".to_owned(), 1), ("Observation".to_owned(), 2)];
        assert_eq!(told(MediaType::FhirJson, bundle), both);
        let one = r#"{"resourceType":"Patient","entry":7}"#;
        assert_eq!(told(MediaType::FhirJson, one), [("Patient".to_owned(), 1)]);
        let lines = format!("{one}\n{one}\n\n");
        assert_eq!(
            told(MediaType::FhirNdjson, &lines),
            [("Patient".to_owned(), 2)]
        );
        for none in ["", "[]", "{}", "\u{0}", r#"{"resourceType":1}"#] {
            assert!(told(MediaType::FhirJson, none).is_empty(), "{none}");
        }
        assert!(told(MediaType::Pdf, one).is_empty());
    }
}
