//! What kind of content a file holds, told by its first bytes: names lie, and a wrong guess would
//! be signed.
//!
//! [`MediaType`] is the closed list of what a record can be made of. [`Unread`] names what is not
//! on it, or is not in an encoding that we read, so that a refusal says more than "not JSON".

use std::fmt;

pub use yilian_protocol::media::MediaType;

/// The kind of `bytes`, by their beginning. That the rest is sound is for its reader to say.
///
/// # Errors
/// [`Unread`] names what it is instead.
pub fn detect(bytes: &[u8]) -> Result<MediaType, Unread> {
    match Kind::of(bytes) {
        Kind::Known(kind) => Ok(kind),
        Kind::Unread(unread) => Err(unread),
    }
}

/// How a file's name ends that holds such content.
#[must_use]
pub const fn extension(media: MediaType) -> &'static str {
    match media {
        MediaType::FhirJson => "json",
        MediaType::FhirNdjson => "ndjson",
        MediaType::Cda => "xml",
        MediaType::Pdf => "pdf",
        MediaType::DicomJson => "dcm.json",
        MediaType::Hl7V2 => "hl7",
    }
}

/// What content is that no record can be made of as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unread {
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// UTF-32.
    Utf32,
    /// FHIR in XML.
    FhirXml,
    /// Other XML or HTML.
    Xml,
    /// A DICOM file (PS3.10): pixels and all.
    Dicom,
    /// A SMART Health Card or Link in its wrapping.
    HealthCard,
    /// Compressed by gzip.
    Gzip,
    /// A ZIP archive.
    Zip,
    /// None of these.
    Unknown,
}

impl Unread {
    /// What its owner can do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Utf16Le | Self::Utf16Be | Self::Utf32 => "save it as UTF-8",
            Self::FhirXml => "have it exported as FHIR JSON",
            Self::Dicom => "have its metadata exported in the DICOM JSON model",
            Self::HealthCard => "take the FHIR bundle out of it",
            Self::Gzip | Self::Zip => "unpack it first",
            Self::Xml | Self::Unknown => "give a FHIR resource or bundle in JSON",
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf16Le => "UTF-16 (little-endian), not UTF-8",
            Self::Utf16Be => "UTF-16 (big-endian), not UTF-8",
            Self::Utf32 => "UTF-32, not UTF-8",
            Self::FhirXml => "FHIR in XML",
            Self::Xml => "XML or HTML",
            Self::Dicom => "a DICOM file",
            Self::HealthCard => "a SMART Health Card in its wrapping",
            Self::Gzip => "compressed by gzip",
            Self::Zip => "a ZIP archive",
            Self::Unknown => "of no known kind",
        })
    }
}

/// UTF-8 without its byte order mark, which a reader may leave aside (RFC 8259, section 8.1).
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes)
}

enum Kind {
    Known(MediaType),
    Unread(Unread),
}

impl Kind {
    fn of(bytes: &[u8]) -> Self {
        if bytes.get(128..132) == Some(b"DICM") {
            return Self::Unread(Unread::Dicom);
        }
        if let Some(encoding) = wide(bytes) {
            return Self::Unread(encoding);
        }
        let text = without_mark(bytes).trim_ascii_start();
        match text {
            [b'{', ..] => Self::Known(json(text)),
            [b'[', items @ ..] if is_dicom(items.trim_ascii_start()) => {
                Self::Known(MediaType::DicomJson)
            }
            [b'<', ..] => xml(text),
            [b'%', b'P', b'D', b'F', b'-', ..] => Self::Known(MediaType::Pdf),
            [0x1f, 0x8b, ..] => Self::Unread(Unread::Gzip),
            [b'P', b'K', 3, 4, ..] => Self::Unread(Unread::Zip),
            _ if is_hl7_v2(text) => Self::Known(MediaType::Hl7V2),
            _ if [&b"shc:/"[..], b"shlink:/", b"eyJ"]
                .iter()
                .any(|s| text.starts_with(s)) =>
            {
                Self::Unread(Unread::HealthCard)
            }
            _ => Self::Unread(Unread::Unknown),
        }
    }
}

/// UTF-16 and UTF-32, with a mark or told by the zeros beside the first character (RFC 4627,
/// section 3).
fn wide(bytes: &[u8]) -> Option<Unread> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..]
        | [0, 0, 0xfe, 0xff, ..]
        | [0, 0, 0, b'{', ..]
        | [b'{', 0, 0, 0, ..] => Some(Unread::Utf32),
        [0xff, 0xfe, ..] | [b'{' | b'[' | b'<' | b' ', 0, ..] => Some(Unread::Utf16Le),
        [0xfe, 0xff, ..] | [0, b'{' | b'[' | b'<' | b' ', ..] => Some(Unread::Utf16Be),
        _ => None,
    }
}

/// An object whose first member is a tag of eight hexadecimal digits.
fn is_dicom(text: &[u8]) -> bool {
    let [b'{', head @ ..] = text else {
        return false;
    };
    let [b'"', name @ ..] = head.trim_ascii_start() else {
        return false;
    };
    let tag = name.get(..8).unwrap_or_default();
    tag.len() == 8 && tag.iter().all(u8::is_ascii_hexdigit) && name.get(8) == Some(&b'"')
}

/// NDJSON has a second object on a line of its own behind the first.
fn json(text: &[u8]) -> MediaType {
    if is_dicom(text) {
        return MediaType::DicomJson;
    }
    let behind = object_end(text).and_then(|end| text.get(end..));
    let next = behind.and_then(|rest| {
        let line = rest.iter().position(|byte| *byte == b'\n')?;
        rest.get(..line)?
            .trim_ascii()
            .is_empty()
            .then(|| rest.get(line..))?
    });
    match next.map(<[u8]>::trim_ascii_start) {
        Some([b'{', ..]) => MediaType::FhirNdjson,
        _ => MediaType::FhirJson,
    }
}

fn object_end(text: &[u8]) -> Option<usize> {
    let (mut level, mut inside, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => level += 1,
            b'}' | b']' if !inside => {
                level = level.checked_sub(1)?;
                if level == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// By the name space or name of the root element, which stands near the beginning.
fn xml(text: &[u8]) -> Kind {
    let head = text.get(..HEAD_MAX).unwrap_or(text);
    let has = |name: &str| {
        head.windows(name.len())
            .any(|window| window == name.as_bytes())
    };
    match (
        has("http://hl7.org/fhir"),
        has("urn:hl7-org:v3") && has("ClinicalDocument"),
    ) {
        (_, true) => Kind::Known(MediaType::Cda),
        (true, _) => Kind::Unread(Unread::FhirXml),
        _ => Kind::Unread(Unread::Xml),
    }
}

/// HL7 v2, 2.14: a message, batch or file header and the five encoding characters; MLLP puts a
/// vertical tab in front.
fn is_hl7_v2(text: &[u8]) -> bool {
    let text = text.strip_prefix(&[0x0b]).unwrap_or(text);
    [&b"MSH|"[..], b"BHS|", b"FHS|"]
        .iter()
        .any(|segment| text.starts_with(segment))
}

const UTF8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// How far the root element of XML is sought.
const HEAD_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_told_by_its_bytes() {
        let known: [(&[u8], MediaType); 10] = [
            (b"[ {\"00080005\":{}}]", MediaType::DicomJson),
            (
                b"\xef\xbb\xbf\r\n{\"resourceType\":\"Bundle\"}\n",
                MediaType::FhirJson,
            ),
            (b"{\"a\":\"}\\\"\"} {}", MediaType::FhirJson),
            (b"{\"a\":{}}\r\n\r\n{\"b\":1}\n", MediaType::FhirNdjson),
            (b"{\"00080005\":{\"vr\":\"CS\"}}", MediaType::DicomJson),
            (b"%PDF-1.7\n", MediaType::Pdf),
            (b"MSH|^~\\&|A", MediaType::Hl7V2),
            (b"\x0bMSH|^~\\&|A", MediaType::Hl7V2),
            (
                b"<?xml version=\"1.0\"?><ClinicalDocument xmlns=\"urn:hl7-org:v3\">",
                MediaType::Cda,
            ),
            (b"{", MediaType::FhirJson),
        ];
        for (bytes, kind) in known {
            assert_eq!(detect(bytes), Ok(kind), "{bytes:?}");
        }
        let dicom = [&[0; 128][..], b"DICM"].concat();
        let unread: [(&[u8], Unread); 13] = [
            (b"[{\"resourceType\":1}]", Unread::Unknown),
            (b"\xff\xfe{\0", Unread::Utf16Le),
            (b"\xfe\xff\0{", Unread::Utf16Be),
            (b"{\0\n\0", Unread::Utf16Le),
            (b"\0{\0\n", Unread::Utf16Be),
            (b"\xff\xfe\0\0{\0\0\0", Unread::Utf32),
            (b"<Bundle xmlns=\"http://hl7.org/fhir\"/>", Unread::FhirXml),
            (b" <html>", Unread::Xml),
            (b"\x1f\x8b\x08", Unread::Gzip),
            (b"PK\x03\x04", Unread::Zip),
            (b"shc:/567629095243206034602924374044", Unread::HealthCard),
            (&dicom, Unread::Dicom),
            (b"", Unread::Unknown),
        ];
        for (bytes, what) in unread {
            assert_eq!(detect(bytes), Err(what), "{bytes:?}");
        }
    }
}
