//! A record that was opened, as pages show it.

use serde::Serialize;
use tsify::Tsify;
use yilian_protocol::{
    CertificateId, Scope, TimeMs, authored::AuthoredError, call::RecordEntry, media::MediaType,
};

use crate::shared::Place;

/// A record, opened.
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
    /// Why the author's word does not stand, when it does not: a rule or a word of this list.
    pub fault: Option<String>,
}

/// A record and its content.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct ContentView {
    /// The record.
    pub opened: OpenedView,
    /// The content, when it is text, and not over what was asked for.
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
