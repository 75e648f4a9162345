//! What a record's content is: signed with it, so that a reader shows it as its author meant it.

use crate::codec::named_codes;

named_codes! {
    /// What content can be. The list is closed: a reader must know how to show each. Names are
    /// IANA's where there is one, else those of the standard's own text. Numbers are never used
    /// twice; there is room for 249 more.
    pub enum MediaType {
        /// One FHIR resource in JSON.
        FhirJson = 1 "application/fhir+json",
        /// FHIR resources, one a line.
        FhirNdjson = 2 "application/fhir+ndjson",
        /// An HL7 CDA document: XML.
        Cda = 3 "application/hl7-cda+xml",
        /// PDF (ISO 32000).
        Pdf = 4 "application/pdf",
        /// The metadata of a DICOM instance in the DICOM JSON model (PS3.18, annex F).
        DicomJson = 5 "application/dicom+json",
        /// An HL7 v2 message in its pipes and hats (ER7).
        Hl7V2 = 6 "x-application/hl7-v2+er7",
    }
}

impl MediaType {
    /// Whether the content is JSON of one value.
    #[must_use]
    pub const fn is_json(self) -> bool {
        matches!(self, Self::FhirJson | Self::DicomJson)
    }

    /// Whether the content is text that a person can be shown as it is.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Pdf)
    }
}
