//! What a note becomes: FHIR is made of it, checked, labelled and split, as `yilian doctor seal`
//! does it. It has no keys, and comes when somebody first looks at a note of his.

use tsify::Ts;
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    drafts,
    note::{NoteError, Written},
};
use yilian_protocol::Quarter;

use crate::{
    shared::{from_json, told},
    trouble::Trouble,
    written::{PartView, SplitView, ToSplit},
};

/// Splits a note that `ClinicianClient.toSplit` told.
///
/// # Errors
/// [`crate::trouble::Fault::Invalid`] when something is missing.
#[wasm_bindgen(js_name = splitNote)]
pub fn split_note(note: &str) -> Result<Ts<SplitView>, Trouble> {
    told(&split(&from_json(note)?)?)
}

fn split(to_split: &ToSplit) -> Result<SplitView, Trouble> {
    let token: Quarter = to_split
        .quarter
        .parse()
        .map_err(|_| Trouble::invalid("no quarter"))?;
    let written = Written {
        number: to_split.number,
        author: &to_split.author,
        hospital: &to_split.hospital,
        patient: &to_split.patient,
        at: to_split.at,
        ahead: to_split.ahead,
    };
    let (visit, _) = to_split.note.visit(&written, token)?;
    let care = visit.quarter.filter(|care| *care != token);
    let parts = drafts::of_visit(&visit).into_iter().map(|draft| {
        let text = String::from_utf8(draft.content);
        let words = draft.keywords.iter();
        Ok(PartView {
            level: draft.confidentiality.code().to_owned(),
            media: draft.media.name().to_owned(),
            text: text.map_err(|_| Trouble::invalid("no text"))?,
            words: words.map(|word| word.as_str().to_owned()).collect(),
        })
    });
    Ok(SplitView {
        parts: parts.collect::<Result<_, Trouble>>()?,
        other_quarter: care.map(|care| care.to_string()),
    })
}

impl From<NoteError> for Trouble {
    fn from(error: NoteError) -> Self {
        Self::invalid(&error.to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use yilian_client::note::{About, Note, Section};
    use yilian_protocol::{Cid, TimeMs};

    use super::*;
    use crate::trouble::Fault;

    fn to_split(text: &str, quarter: &str) -> ToSplit {
        ToSplit {
            note: Note {
                title: "门诊病历".to_owned(),
                sections: vec![Section {
                    about: About::Complaint,
                    title: "主诉".to_owned(),
                    text: text.to_owned(),
                }],
                ..Note::default()
            },
            number: Cid::of(b"a note"),
            author: "Dr Li".to_owned(),
            hospital: "North Hospital".to_owned(),
            patient: "患者".to_owned(),
            // 2026-11-30T08:00:00Z
            at: TimeMs::new(1_796_025_600_000),
            ahead: 480,
            quarter: quarter.to_owned(),
        }
    }

    #[test]
    fn a_note_is_told_by_its_parts_and_its_quarter() {
        let split_now = split(&to_split("头痛三天", "2026-Q4")).unwrap();
        let levels: Vec<_> = split_now.parts.iter().map(|part| &part.level).collect();
        assert_eq!(levels, ["clinical", "statistics"]);
        assert_eq!(split_now.other_quarter, None);
        let late = split(&to_split("头痛三天", "2026-Q3")).unwrap();
        assert_eq!(late.other_quarter.as_deref(), Some("2026-Q4"));
    }

    #[test]
    fn what_cannot_be_signed_is_told() {
        for (text, quarter) in [("", "2026-Q4"), ("头痛", ""), ("头痛", "2026")] {
            let fault = split(&to_split(text, quarter)).unwrap_err().fault;
            assert_eq!(fault, Fault::Invalid, "{text} {quarter}");
        }
    }
}
