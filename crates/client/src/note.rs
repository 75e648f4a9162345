//! A note that a clinician writes by hand, as FHIR R4: what `doctor seal` takes, made of a form.
//!
//! ```text
//! Note --resources--> a collection: Composition, its Conditions and Observations
//!      --written----> one visit of yilian_record --> drafts, split by confidentiality
//! ```
//! A number is signed digit by digit as it was typed. The same note written at the same moment
//! under the same number is the same bytes.
//!
//! The level of each part is what the labeller finds: [`Note::sensitive`] raises all of it, and
//! nothing lowers it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use yilian_protocol::{Cid, Quarter, TimeMs};
use yilian_record::{
    encounter::{GroupingError, Visit},
    fhir::Directory,
    submission::{Concern, Submission},
};

/// Characters of a title, a name or a unit at most.
const LINE_MAX: usize = 200;
/// Characters of a section at most.
const TEXT_MAX: usize = 20_000;
/// Diagnoses, and results, at most.
const LIST_MAX: usize = 50;
/// Digits and signs of a number at most.
const NUMBER_MAX: usize = 30;

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What it is called.
    pub title: String,
    /// Its text, by sections.
    pub sections: Vec<Section>,
    /// What the patient has.
    pub diagnoses: Vec<Diagnosis>,
    /// What was measured.
    pub results: Vec<Measured>,
    /// What the lists of both are called.
    pub lists: Lists,
    /// Whether its author has all of it sealed as sensitive.
    pub sensitive: bool,
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// What it is about.
    pub about: About,
    /// What it is called, in the language of its author.
    pub title: String,
    /// What it says.
    pub text: String,
}

/// What lists are called, in the language of their author.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lists {
    /// Diagnoses.
    pub diagnoses: String,
    /// Results.
    pub results: String,
}

/// What a section is about: a LOINC code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// What the patient complains of.
    Complaint,
    /// What was found.
    Findings,
    /// What that means.
    Assessment,
    /// What is to be done.
    Plan,
}

impl About {
    const fn loinc(self) -> &'static str {
        match self {
            Self::Complaint => "10154-3",
            Self::Findings => "29545-1",
            Self::Assessment => "51848-0",
            Self::Plan => "18776-5",
        }
    }
}

/// A diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnosis {
    /// Its name.
    pub name: String,
    /// Its code of ICD-10; empty when it has none.
    pub code: String,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// What was measured.
    pub name: String,
    /// A decimal number, as 5.60.
    pub value: String,
    /// Its unit; empty when it has none.
    pub unit: String,
}

/// Who wrote a note, where, when, and about whom.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// Tells the note from all others: names of its resources come from it.
    pub number: Cid,
    /// The author's name.
    pub author: &'a str,
    /// The hospital's name.
    pub hospital: &'a str,
    /// What the patient is called in it, who is known by a token only.
    pub patient: &'a str,
    /// When.
    pub at: TimeMs,
    /// Minutes by which the author's clock is ahead of UTC.
    pub ahead: i32,
}

/// Why a note cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It has no title.
    #[error("the note has no title")]
    Untitled,
    /// It says nothing.
    #[error("the note says nothing")]
    Empty,
    /// A part of it is longer than it may be, or there are too many of them.
    #[error("{what}: too long, or too many")]
    TooLong {
        /// Which.
        what: &'static str,
    },
    /// A result is no decimal number.
    #[error("`{value}` is no decimal number")]
    NoNumber {
        /// What stands there.
        value: String,
    },
    /// A result or diagnosis has no name.
    #[error("a {what} has no name")]
    Nameless {
        /// Which.
        what: &'static str,
    },
    /// The time is beyond what FHIR has.
    #[error("the time is none")]
    Time,
    /// What it became does not hold as FHIR.
    #[error("{0}")]
    Fhir(String),
    /// It cannot be grouped.
    #[error(transparent)]
    Grouping(#[from] GroupingError),
}

impl Note {
    /// Whether it can be signed.
    ///
    /// # Errors
    /// The first thing that is missing or too long.
    pub fn check(&self) -> Result<(), NoteError> {
        let long = |text: &str, most: usize, what| match text.chars().count() > most {
            true => Err(NoteError::TooLong { what }),
            false => Ok(()),
        };
        if self.title.trim().is_empty() {
            return Err(NoteError::Untitled);
        }
        long(&self.title, LINE_MAX, "title")?;
        for section in &self.sections {
            long(&section.title, LINE_MAX, "title of a section")?;
            long(&section.text, TEXT_MAX, "section")?;
        }
        for title in [&self.lists.diagnoses, &self.lists.results] {
            long(title, LINE_MAX, "title of a list")?;
        }
        if self.diagnoses.len() > LIST_MAX || self.results.len() > LIST_MAX {
            return Err(NoteError::TooLong { what: "list" });
        }
        for diagnosis in &self.diagnoses {
            named(&diagnosis.name, "diagnosis")?;
            long(&diagnosis.name, LINE_MAX, "diagnosis")?;
            long(&diagnosis.code, LINE_MAX, "code")?;
        }
        for measured in &self.results {
            named(&measured.name, "result")?;
            long(&measured.name, LINE_MAX, "result")?;
            long(&measured.unit, LINE_MAX, "unit")?;
            if !is_decimal(measured.value.trim()) {
                let value = measured.value.clone();
                return Err(NoteError::NoNumber { value });
            }
        }
        let says = self.said().next().is_some();
        match says || !self.diagnoses.is_empty() || !self.results.is_empty() {
            true => Ok(()),
            false => Err(NoteError::Empty),
        }
    }

    /// The note as a bundle of FHIR.
    ///
    /// # Errors
    /// As [`Note::check`]; [`NoteError::Time`].
    pub fn bundle(&self, written: &Written<'_>) -> Result<Vec<u8>, NoteError> {
        self.check()?;
        let when = moment(written.at, written.ahead)?;
        let name = |kind: &str, number: usize| uuid(written.number, kind, number);
        let mut entries = vec![(
            name("note", 0),
            self.composition(written, &when).to_string(),
        )];
        for (number, diagnosis) in self.diagnoses.iter().enumerate() {
            let condition = self.condition(diagnosis, written, &when);
            entries.push((name("diagnosis", number), condition.to_string()));
        }
        for (number, measured) in self.results.iter().enumerate() {
            entries.push((
                name("result", number),
                self.observation(measured, written, &when),
            ));
        }
        let entries = entries
            .iter()
            .map(|(name, resource)| format!(r#"{{"fullUrl":"{name}","resource":{resource}}}"#));
        let entries = entries.collect::<Vec<_>>().join(",");
        let bundle =
            format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}"#);
        Ok(bundle.into_bytes())
    }

    /// The visit that the note is, checked as any bundle is, and what its author should know before
    /// it is sealed under a token of the quarter `token`.
    ///
    /// # Errors
    /// As [`Note::bundle`]; [`NoteError::Fhir`].
    pub fn visit(
        &self,
        written: &Written<'_>,
        token: Quarter,
    ) -> Result<(Visit, Vec<Concern>), NoteError> {
        let bundle = self.bundle(written)?;
        let submission = Submission::read(&[bundle], &Directory::default());
        let submission = submission.map_err(|error| NoteError::Fhir(error.to_string()))?;
        let (visits, concerns) = submission.visits(token)?;
        let one = visits.into_iter().next();
        let one = one.ok_or(GroupingError::NoResource)?;
        Ok((one, concerns))
    }

    /// The sections that say something.
    fn said(&self) -> impl Iterator<Item = &Section> {
        let sections = self.sections.iter();
        sections.filter(|section| !section.text.trim().is_empty())
    }

    /// What stands on each resource.
    fn meta(&self) -> Value {
        match self.sensitive {
            true => json!({ "security": [{
                "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
                "code": "R",
            }] }),
            false => Value::Null,
        }
    }

    fn composition(&self, written: &Written<'_>, when: &str) -> Value {
        let refer = |kind: &str, number| json!({ "reference": uuid(written.number, kind, number) });
        let mut sections: Vec<Value> = self.said().map(section).collect();
        let mut list = |(code, title): (&str, &str), kind: &str, count: usize| {
            if count > 0 {
                let entries: Vec<Value> = (0..count).map(|number| refer(kind, number)).collect();
                // FHIR has no empty text.
                let title = Some(title.trim()).filter(|title| !title.is_empty());
                let list = json!({ "code": loinc(code), "title": title, "entry": entries });
                sections.push(without_nulls(list));
            }
        };
        let Lists { diagnoses, results } = &self.lists;
        list(("29548-5", diagnoses), "diagnosis", self.diagnoses.len());
        list(("30954-2", results), "result", self.results.len());
        without_nulls(json!({
            "resourceType": "Composition",
            "meta": self.meta(),
            "status": "final",
            "type": loinc("34109-9"),
            "subject": { "display": written.patient },
            "date": when,
            "author": [{ "display": written.author }],
            "title": self.title.trim(),
            "custodian": { "display": written.hospital },
            "section": sections,
        }))
    }

    fn condition(&self, diagnosis: &Diagnosis, written: &Written<'_>, when: &str) -> Value {
        let (name, code) = (diagnosis.name.trim(), diagnosis.code.trim());
        let coding = match code.is_empty() {
            true => Value::Null,
            false => json!([{
                "system": "http://hl7.org/fhir/sid/icd-10",
                "code": code,
            }]),
        };
        without_nulls(json!({
            "resourceType": "Condition",
            "meta": self.meta(),
            "clinicalStatus": { "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                "code": "active",
            }] },
            "code": without_nulls(json!({ "coding": coding, "text": name })),
            "subject": { "display": written.patient },
            "recordedDate": when,
        }))
    }

    /// As text: a number that goes through a float may come out as another.
    fn observation(&self, measured: &Measured, written: &Written<'_>, when: &str) -> String {
        let head = without_nulls(json!({
            "resourceType": "Observation",
            "meta": self.meta(),
            "status": "final",
            "code": { "text": measured.name.trim() },
            "subject": { "display": written.patient },
            "effectiveDateTime": when,
        }));
        let (value, unit) = (measured.value.trim(), measured.unit.trim());
        let unit = match unit.is_empty() {
            true => String::new(),
            false => format!(r#","unit":{}"#, Value::from(unit)),
        };
        let head = head.to_string();
        let head = head.strip_suffix('}').unwrap_or_default();
        format!(r#"{head},"valueQuantity":{{"value":{value}{unit}}}}}"#)
    }
}

fn named(name: &str, what: &'static str) -> Result<(), NoteError> {
    match name.trim().is_empty() {
        true => Err(NoteError::Nameless { what }),
        false => Ok(()),
    }
}

fn loinc(code: &str) -> Value {
    json!({ "coding": [{ "system": "http://loinc.org", "code": code }] })
}

/// A section, with its text as the narrative that people read.
fn section(section: &Section) -> Value {
    let mut escaped = String::with_capacity(section.text.len());
    for character in section.text.trim().chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' => escaped.push_str("<br/>"),
            // XML has no other control characters.
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    json!({
        "title": section.title.trim(),
        "code": loinc(section.about.loinc()),
        "text": {
            "status": "generated",
            "div": format!(r#"<div xmlns="http://www.w3.org/1999/xhtml">{escaped}</div>"#),
        },
    })
}

/// FHIR has no null of its own.
fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null() && *member != json!([]));
    }
    value
}

/// A decimal number as JSON has it: no sign but a minus, no zero before other digits.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = match digits.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (digits, None),
    };
    let all = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let plain = all(whole) && (whole == "0" || !whole.starts_with('0'));
    text.len() <= NUMBER_MAX && plain && part.is_none_or(all)
}

/// A time as FHIR has it, by the author's clock.
fn moment(at: TimeMs, ahead: i32) -> Result<String, NoteError> {
    // To the second, as people write.
    let seconds = i64::try_from(at.get() / 1_000).map_err(|_| NoteError::Time)?;
    let time = jiff::Timestamp::from_second(seconds).map_err(|_| NoteError::Time)?;
    let offset = ahead.checked_mul(60).ok_or(NoteError::Time)?;
    let offset = jiff::tz::Offset::from_seconds(offset).map_err(|_| NoteError::Time)?;
    Ok(time.display_with_offset(offset).to_string())
}

/// A name of a resource of the note `number`: a UUID of RFC 9562, version 8.
fn uuid(number: Cid, kind: &str, place: usize) -> String {
    let named = Cid::of(&[number.as_bytes(), kind.as_bytes(), &place.to_be_bytes()].concat());
    let digits = named.to_string();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}
