//! Notes: written, looked at, signed, and sent. A draft is kept sealed. What is sent is kept
//! before, and the very same is sent again after a break: `yilian_client::sealing`.
//!
//! ```text
//! draft --sign--> sending --final--> sealed, without its text
//!   ^                |
//!   '--- refused ----'
//! ```

use rand::{Rng as _, rng};
use serde::{Deserialize, Serialize};
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    Draft, Keyword,
    note::Note,
    sealing::{KeepRequest, SealNotes},
};
use yilian_protocol::{
    Cid, Height, RecordId, TimeMs, call::SealRequest, media::MediaType, visit::CheckedVisit,
};

use super::{
    ClinicianClient,
    kept::{NOTES, WORK},
};
use crate::{
    device::{self, id, moment},
    shared::{from_json, json, told},
    trouble::Trouble,
    written::{PartView, ToSplit},
};

/// A note, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Work {
    visit: String,
    /// What the note is called.
    title: String,
    /// Its text, until it is final.
    note: Option<Note>,
    /// What the patient is called in it.
    patient: String,
    /// When it was written, by the author's clock.
    at: TimeMs,
    ahead: i32,
    seals: SealNotes,
    /// What became of it.
    sealed: Option<Final>,
}

/// A note on the chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Final {
    records: Vec<(RecordId, String)>,
    height: Height,
}

/// Notes, the latest first.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct WorksView {
    /// The notes.
    pub works: Vec<WorkView>,
}

/// A note.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct WorkView {
    /// Its number.
    pub work: String,
    /// The visit of which it is.
    pub visit: String,
    /// What it is called.
    pub title: String,
    /// How far it is: `draft`, `sending` or `final`.
    #[tsify(type = "\"draft\" | \"sending\" | \"final\"")]
    pub state: String,
    /// When it was written.
    pub at: u64,
    /// The note, as JSON; none when it is final.
    pub note: Option<String>,
    /// The block that holds it.
    pub height: Option<u64>,
    /// Its records.
    pub records: Vec<SealedPartView>,
}

/// A part of a note on the chain.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct SealedPartView {
    /// The record.
    pub record: String,
    /// How sensitive it is.
    pub level: String,
}

#[wasm_bindgen]
impl ClinicianClient {
    /// Keeps a draft for `visit`: a new one, or over what was kept as `work`. `ahead` are the
    /// minutes by which the clock on the wall is ahead of UTC. Its number is told.
    ///
    /// # Errors
    /// [`crate::trouble::Fault::Invalid`] when it was sent already.
    #[wasm_bindgen(js_name = keepDraft)]
    pub async fn keep_draft(
        &self,
        work: Option<String>,
        visit: String,
        note: String,
        patient: String,
        ahead: i32,
        now: f64,
    ) -> Result<String, Trouble> {
        let (note, at): (Note, _) = (from_json(&note)?, moment(now)?);
        self.visit(&visit).await?;
        let (work, seals) = match work {
            Some(text) => {
                let number: Cid = id(&text)?;
                let before = self.work(number).await?;
                if before.seals.is_open() || before.sealed.is_some() {
                    return Err(Trouble::invalid("the note was sent"));
                }
                (number, before.seals)
            }
            None => {
                let mut bytes = [0; 32];
                rng().fill_bytes(&mut bytes);
                (Cid::from_bytes(bytes), SealNotes::default())
            }
        };
        let kept = Work {
            visit,
            title: note.title.trim().to_owned(),
            note: Some(note),
            patient,
            at,
            ahead,
            seals,
            sealed: None,
        };
        self.keep(&name(work), &kept).await?;
        Ok(work.to_string())
    }

    /// All notes, the latest first.
    ///
    /// # Errors
    /// When the browser does not let it look.
    pub async fn works(&self) -> Result<Ts<WorksView>, Trouble> {
        let mut works: Vec<(String, Work)> = self.all(WORK).await?;
        works.sort_by_key(|(_, work)| std::cmp::Reverse(work.at));
        let views = works.into_iter();
        let works = views.map(|(id, work)| view(id, &work));
        told(&WorksView {
            works: works.collect::<Result<_, _>>()?,
        })
    }

    /// Throws a draft away that was not sent.
    ///
    /// # Errors
    /// [`crate::trouble::Fault::Invalid`] when it was.
    #[wasm_bindgen(js_name = dropDraft)]
    pub async fn drop_draft(&self, work: String) -> Result<(), Trouble> {
        let number: Cid = id(&work)?;
        let work = self.work(number).await?;
        if work.seals.is_open() || work.sealed.is_some() {
            return Err(Trouble::invalid("the note was sent"));
        }
        self.shelf.change(&[], &[name(number)]).await
    }

    /// What the module that makes FHIR has to know of a draft, as JSON.
    ///
    /// # Errors
    /// [`crate::trouble::Fault::Invalid`] when the note is final; when the code of the visit is
    /// over.
    #[wasm_bindgen(js_name = toSplit)]
    pub async fn to_split(&self, work: String, now: f64) -> Result<String, Trouble> {
        let number: Cid = id(&work)?;
        let work = self.work(number).await?;
        let visit = self.checked(&work, moment(now)?).await?;
        let opened = self.opened()?;
        let member = self.session.member(opened.certificate.member).await?;
        let is_final = || Trouble::invalid("the note is final");
        json(&ToSplit {
            note: work.note.ok_or_else(is_final)?,
            number,
            author: opened.certificate.subject.to_string(),
            hospital: member.member.name.to_string(),
            patient: work.patient,
            at: work.at,
            ahead: work.ahead,
            quarter: visit.visit().period.to_string(),
        })
    }

    /// Has what was sent before a break sent again as it was, when there is something. Whether the
    /// note is final then.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn finish(&self, work: String) -> Result<bool, Trouble> {
        let number: Cid = id(&work)?;
        let mut work = self.work(number).await?;
        if work.seals.is_open() {
            let finished = work.seals.finish(&self.session).await;
            self.settled(number, &mut work).await?;
            finished?;
        }
        Ok(work.sealed.is_some())
    }

    /// Signs and seals the parts of a draft, JSON of [`PartView`]s, and has them put onto the
    /// chain. Final when it returns.
    ///
    /// # Errors
    /// [`crate::trouble::Fault::Invalid`] when something was sent before: see
    /// [`ClinicianClient::finish`]. When the code of the visit is over; the rule that refuses it;
    /// [`crate::trouble::Fault::NotKept`], and then nothing was sent.
    pub async fn sign(&self, work: String, parts: String, now: f64) -> Result<(), Trouble> {
        let (number, now): (Cid, _) = (id(&work)?, moment(now)?);
        let parts: Vec<PartView> = from_json(&parts)?;
        let mut work = self.work(number).await?;
        if work.seals.is_open() || work.sealed.is_some() {
            return Err(Trouble::invalid("the note was sent"));
        }
        let parts = parts.into_iter().map(draft);
        let drafts = parts.collect::<Result<Vec<_>, _>>()?;
        self.seal(number, &mut work, drafts, now).await
    }
}

impl ClinicianClient {
    async fn work(&self, number: Cid) -> Result<Work, Trouble> {
        let kept = self.kept(&name(number)).await?;
        kept.ok_or_else(|| Trouble::invalid("there is no such note"))
    }

    /// The visit of a note, if something can still be written of it.
    async fn checked(&self, work: &Work, now: TimeMs) -> Result<CheckedVisit, Trouble> {
        let (opened, visit) = (self.opened()?, self.visit(&work.visit).await?);
        Ok(opened.doctor.check_in(&self.session, &visit.token, now)?)
    }

    async fn seal(
        &self,
        number: Cid,
        work: &mut Work,
        drafts: Vec<Draft>,
        now: TimeMs,
    ) -> Result<(), Trouble> {
        let opened = self.opened()?;
        let visit = self.checked(work, now).await?;
        let levels = drafts.iter();
        let levels = levels.map(|draft| draft.confidentiality.code().to_owned());
        let keeper = Keeper {
            client: self,
            number,
            levels: levels.collect(),
            at: now,
            work,
        };
        let (session, rng) = (&self.session, &mut rng());
        let doctor = &opened.doctor;
        let sealed = doctor.seal_kept(session, &visit, drafts, now, rng, keeper);
        match sealed.await {
            Ok(sealed) => {
                let nym = visit.visit().nym;
                work.seals.settle(&nym, sealed.receipt.header.height);
                self.settled(number, work).await?;
                self.keep(NOTES, &doctor.notes()).await
            }
            Err(trouble) if trouble.rule.is_some() => {
                // It has no effect, unless it was under way: the chain tells.
                let finished = work.seals.finish(&self.session).await;
                self.settled(number, work).await?;
                finished?;
                match work.sealed {
                    Some(_) => Ok(()),
                    None => Err(trouble),
                }
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Keeps a note as it stands. Of one that is final the text is kept no more.
    async fn settled(&self, number: Cid, work: &mut Work) -> Result<(), Trouble> {
        if let Some((records, height)) = work.seals.latest() {
            let records = records.to_vec();
            work.sealed = Some(Final { records, height });
            work.note = None;
        }
        self.keep(&name(number), work).await
    }
}

/// Keeps a request before it is sent.
struct Keeper<'a> {
    client: &'a ClinicianClient,
    number: Cid,
    levels: Vec<String>,
    at: TimeMs,
    work: &'a mut Work,
}

impl KeepRequest<Trouble> for Keeper<'_> {
    async fn keep(&mut self, request: &SealRequest) -> Result<(), Trouble> {
        self.work.seals.begin(request, &self.levels, self.at);
        self.client.keep(&name(self.number), &*self.work).await
    }
}

fn name(number: Cid) -> String {
    format!("{WORK}{number}")
}

fn view(id: String, work: &Work) -> Result<WorkView, Trouble> {
    let state = match (&work.sealed, work.seals.is_open()) {
        (Some(_), _) => "final",
        (None, true) => "sending",
        (None, false) => "draft",
    };
    let records = work.sealed.iter().flat_map(|sealed| &sealed.records);
    Ok(WorkView {
        work: id,
        visit: work.visit.clone(),
        title: work.title.clone(),
        state: state.to_owned(),
        at: work.at.get(),
        note: work.note.as_ref().map(json).transpose()?,
        height: work.sealed.as_ref().map(|sealed| sealed.height.get()),
        records: records
            .map(|(record, level)| SealedPartView {
                record: record.to_string(),
                level: level.clone(),
            })
            .collect(),
    })
}

/// A part of a note, to be signed.
fn draft(part: PartView) -> Result<Draft, Trouble> {
    let PartView {
        level, text, words, ..
    } = part;
    let wrong = || Trouble::invalid("this is no part of a note");
    let levels = device::levels(&[level])?;
    let words = words.into_iter().map(Keyword::new);
    Ok(Draft {
        confidentiality: *levels.first().ok_or_else(wrong)?,
        media: MediaType::FhirJson,
        content: text.into_bytes(),
        keywords: words.collect::<Result<_, _>>().map_err(|_| wrong())?,
    })
}

#[cfg(test)]
mod tests {
    use yilian_protocol::Confidentiality;

    use super::*;

    fn part(level: &str, word: &str) -> PartView {
        PartView {
            level: level.to_owned(),
            media: "application/fhir+json".to_owned(),
            text: "{}".to_owned(),
            words: vec![word.to_owned()],
        }
    }

    #[test]
    fn a_part_is_sealed_at_its_level_or_not_at_all() {
        let made = draft(part("sensitive", "i10")).map(|draft| draft.confidentiality);
        assert_eq!(made, Ok(Confidentiality::Sensitive));
        for wrong in [part("public", "i10"), part("", "i10"), part("clinical", "")] {
            assert!(draft(wrong).is_err());
        }
    }
}
