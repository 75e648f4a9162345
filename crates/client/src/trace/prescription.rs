//! A doctor's prescription, as a pharmacist dispenses it: a MedicationRequest in a record that the
//! patient opened to him.

use serde_json::Value;
use yilian_protocol::{
    RecordId, TreeHash, authored::Verified, call::Transport, media::MediaType, registry::Role,
};

use crate::{ClientError, Session};

/// A prescription that can be dispensed, under its doctor's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prescription {
    /// What it is called in an event.
    pub name: String,
    /// The tag under which it is used up: the chain refuses it twice.
    pub tag: TreeHash,
    /// The medication, in the doctor's words.
    pub medication: String,
    /// The doctor.
    pub doctor: String,
}

impl Prescription {
    /// The MedicationRequest with the id `item` in an opened record; the only one there when left
    /// out.
    ///
    /// # Errors
    /// [`ClientError::Prescription`] when there is none, several, or one that is not active, or
    /// when no doctor wrote it.
    pub async fn find<T: Transport>(
        session: &Session<T>,
        record: RecordId,
        opened: &Verified,
        item: Option<&str>,
    ) -> Result<Self, ClientError> {
        let trouble = |text: &str| ClientError::Prescription(text.to_owned());
        if opened.media() != MediaType::FhirJson {
            let found = opened.media();
            return Err(trouble(&format!("the record is {found}, not FHIR in JSON")));
        }
        let content: Value = serde_json::from_slice(opened.content())
            .map_err(|_| trouble("the record holds no FHIR resources"))?;
        let entries = content.get("entry").and_then(Value::as_array);
        let text = |resource: &Value, name: &str| {
            resource
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let mut found = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get("resource"))
            .filter(|resource| {
                text(resource, "resourceType").as_deref() == Some("MedicationRequest")
            })
            .filter(|resource| item.is_none() || text(resource, "id").as_deref() == item);
        let request = found
            .next()
            .ok_or_else(|| trouble("the record has none of that id"))?;
        if found.next().is_some() {
            return Err(trouble("the record has several; name one"));
        }
        if text(request, "status").as_deref() != Some("active") {
            return Err(trouble("it is not active"));
        }
        let id = text(request, "id").ok_or_else(|| trouble("it has no id"))?;
        let author = session.certificate(opened.author()).await?.certificate;
        if author.role != Role::Doctor {
            return Err(trouble("no doctor wrote it"));
        }
        Ok(Self {
            name: format!("urn:x-yilian:record:{record}:MedicationRequest:{id}"),
            tag: opened.prescription_tag(&id),
            medication: medication(request).unwrap_or_else(|| "unnamed medication".to_owned()),
            doctor: author.subject.as_str().to_owned(),
        })
    }
}

/// The text or first display of the medication's concept.
fn medication(request: &Value) -> Option<String> {
    let concept = request.get("medicationCodeableConcept")?;
    let text = concept.get("text").or_else(|| {
        let codings = concept.get("coding")?.as_array()?;
        codings.iter().find_map(|coding| coding.get("display"))
    });
    text?.as_str().map(str::to_owned)
}
