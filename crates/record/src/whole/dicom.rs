//! The metadata of one instance in the DICOM JSON model (PS3.18, annex F): an object of tags, or an
//! array of one.
//!
//! It is found by its code sequences (PS3.3, 8: code value, scheme, meaning) and by what study,
//! series and procedure are called. Names of people (value representation PN) are not looked at.

use serde_json::{Map, Value};

use super::{About, Concept, Fault, Read, quarter};
use crate::{error::Error, fhir::json::Json, label};

/// Value representations (PS3.5, 6.2).
const REPRESENTATIONS: [&str; 34] = [
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL",
    "OV", "OW", "PN", "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US",
    "UT", "UV",
];

/// Descriptions: of study, series, procedure step; body part, protocol.
const DESCRIPTIONS: [&str; 6] = [
    "00081030", "0008103E", "00321060", "00400254", "00180015", "00181030",
];

/// Moments of the study, the series and the instance, the first that is told.
const DATES: [&str; 3] = ["00080020", "00080021", "00080012"];

const SCHEME: &str = "00080102";
const VALUE: &str = "00080100";
const LONG_VALUE: &str = "00080119";
const MEANING: &str = "00080104";
/// Instance of the object, or its study at least.
const IDENTIFIERS: [&str; 2] = ["00080018", "0020000D"];

/// The outer error is of JSON, the inner one of DICOM.
pub(super) fn read(bytes: &[u8]) -> Result<Result<Read, Fault>, Error> {
    let value = Json::parse(bytes)?.into_value();
    Ok(instance(&value))
}

fn instance(value: &Value) -> Result<Read, Fault> {
    let value = match value {
        Value::Array(several) => match several.as_slice() {
            [only] => only,
            _ => return Err(Fault::whole("holds several instances: give each alone")),
        },
        one => one,
    };
    let Value::Object(tags) = value else {
        return Err(Fault::whole("is no object of tags"));
    };
    let mut read = Read::default();
    tags_of(tags, &mut read)?;
    if !IDENTIFIERS.iter().any(|tag| text(tags, tag).is_some()) {
        return Err(Fault::whole("names neither its instance nor its study"));
    }
    read.quarter = DATES.iter().find_map(|tag| quarter(text(tags, tag)?));
    Ok(read)
}

fn tags_of(tags: &Map<String, Value>, read: &mut Read) -> Result<(), Fault> {
    for (tag, attribute) in tags {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        if tag.len() != 8 || !tag.bytes().all(hex) {
            return Err(Fault::whole(
                "has a member that is no tag of eight hexadecimal digits",
            ));
        }
        let Value::Object(attribute) = attribute else {
            return Err(Fault::whole("has a tag without a value representation"));
        };
        attribute_of(tag, attribute, read)?;
    }
    let described = DESCRIPTIONS.iter().filter_map(|tag| text(tags, tag));
    for display in described {
        read.add(Concept {
            about: About::Act,
            display: display.to_owned(),
            ..Concept::default()
        });
    }
    let said = |tag: &str| text(tags, tag).unwrap_or_default().to_owned();
    if tags.contains_key(MEANING) {
        let code = text(tags, VALUE).or_else(|| text(tags, LONG_VALUE));
        read.add(Concept {
            about: About::Rest,
            system: said(SCHEME),
            code: code.unwrap_or_default().to_owned(),
            display: said(MEANING),
        });
    }
    Ok(())
}

/// `vr`, and at most one of a value, bytes, and where the bytes are (F.2.2).
fn attribute_of(tag: &str, attribute: &Map<String, Value>, read: &mut Read) -> Result<(), Fault> {
    let representation = attribute
        .get("vr")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !REPRESENTATIONS.contains(&representation) {
        return Err(Fault::whole("has a tag without a value representation"));
    }
    let mut others = attribute.iter().filter(|(name, _)| *name != "vr");
    let (value, more) = (others.next(), others.next());
    if more.is_some() {
        return Err(Fault::whole(
            "has a tag with several values where one may be",
        ));
    }
    match value {
        None => Ok(()),
        Some((name, Value::String(_))) if name == "InlineBinary" || name == "BulkDataURI" => Ok(()),
        Some((name, Value::Array(items))) if name == "Value" => items
            .iter()
            .try_for_each(|item| item_of(tag, representation, item, read)),
        Some(_) => Err(Fault::whole("has a tag whose value is of another form")),
    }
}

fn item_of(tag: &str, representation: &str, item: &Value, read: &mut Read) -> Result<(), Fault> {
    match (representation, item) {
        ("SQ", Value::Object(tags)) => tags_of(tags, read),
        ("SQ", Value::Null) | ("PN", Value::Object(_) | Value::Null) => Ok(()),
        ("SQ" | "PN", _) | (_, Value::Object(_) | Value::Array(_)) => {
            Err(Fault::whole("has a tag whose value is of another form"))
        }
        (_, Value::String(text)) => {
            // Patients' addresses and the like: group 0010, but for their history.
            let of_person = tag.starts_with("0010") && tag != "001021B0" && tag != "00104000";
            read.sensitive |= !of_person && label::text_is_sensitive(text);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The first value of a tag, if it is text.
fn text<'a>(tags: &'a Map<String, Value>, tag: &str) -> Option<&'a str> {
    let value = tags.get(tag)?.get("Value")?.get(0)?.as_str()?;
    let value = value.trim();
    (!value.is_empty()).then_some(value)
}
