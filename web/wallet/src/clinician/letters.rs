//! A clinician's letters: fetched, kept sealed, shown with every claim checked.

use rand::rng;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    ClientError, Doctor, Letter,
    mail::{Answer, Content, Decision, Fetched, KeptLetter, Mail, Shown},
};
use yilian_protocol::{RecordId, call::RecordEntry, grant::GrantEntry, refusal::Refusal};

use super::{
    ClinicianClient,
    kept::{KNOWN, Known, KnownRecord, ReadNote, TITLES, Titles},
};
use crate::{
    device::{LETTERS, moment, sealed},
    shared::{Place, told},
    trouble::{Fault, Trouble},
};

/// Records that the chain is asked for at most when letters are looked at: others the next time.
const ASKED_MAX: usize = 256;

/// The letters that this browser keeps, newest first.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct ClinicLettersView {
    /// The letters.
    pub letters: Vec<ClinicLetterView>,
    /// Why the mailbox does not tell all, when it does not.
    pub silent: Option<String>,
}

/// A letter.
#[derive(Debug, Clone, Default, Serialize, Tsify)]
pub struct ClinicLetterView {
    /// Its id.
    pub letter: String,
    /// When it came to the mailbox.
    pub arrived: u64,
    /// What it is: `share`, `standing-letter`, `granted`, `denied`, `correction`, `notice`,
    /// `false`, or the name of what is meant for others.
    pub kind: String,
    /// The request that it answers.
    pub request: Option<String>,
    /// The record that it is about.
    pub about: Option<String>,
    /// What it says.
    pub text: Option<String>,
    /// What for, by its code.
    pub purpose: Option<String>,
    /// When what it allows ends.
    pub until: Option<u64>,
    /// How what it allows stands on the chain: `active`, `paused` or `revoked`.
    #[tsify(type = "\"active\" | \"paused\" | \"revoked\" | undefined")]
    pub state: Option<String>,
    /// The records that it lets read.
    pub records: Vec<LineView>,
    /// Whether it tells where an answer goes.
    pub reply: bool,
    /// Why it is not what it says, when it is not.
    pub fault: Option<String>,
}

/// A record that may be read.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct LineView {
    /// Its id.
    pub record: String,
    /// The hospital.
    pub hospital: String,
    /// The block that holds it.
    pub admitted: Place,
    /// What it is called, when it was read here.
    pub title: Option<String>,
    /// By which words it is found here, when it was read.
    pub words: Option<String>,
    /// How sensitive it is, when it was read.
    pub level: Option<String>,
}

#[wasm_bindgen]
impl ClinicianClient {
    /// Fetches letters, keeps them, has them deleted where they lay, and tells of all that are
    /// kept.
    ///
    /// # Errors
    /// When the browser does not keep them: then they stay where they were.
    pub async fn letters(&self, now: f64) -> Result<Ts<ClinicLettersView>, Trouble> {
        let (opened, now) = (self.opened()?, moment(now)?);
        let (session, rng) = (&self.session, &mut rng());
        let mailbox = opened.doctor.mailbox();
        let Fetched { letters, fault } = mailbox.letters(session, now, rng).await;
        // What does not open is no letter, and takes no room: anybody can make it.
        let opens = |letter: &&KeptLetter| mailbox.open(session.chain(), letter).is_ok();
        let entries = letters.iter().filter(opens).map(|letter| {
            let name = format!("{LETTERS}{}", letter.id());
            sealed(&opened.home, &name, letter, &mut rand::rng())
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        if !entries.is_empty() {
            self.shelf.write(&entries).await?;
        }
        let ids = letters.iter().map(KeptLetter::id).collect();
        // Where that does not come through, they come again, and are the same.
        drop(mailbox.discard(session, ids, now, rng).await);
        let mut kept: Vec<(String, KeptLetter)> = self.all(LETTERS).await?;
        kept.sort_by_key(|(_, letter)| (std::cmp::Reverse(letter.arrived), letter.id()));
        let mut known = Records {
            known: self.kept(KNOWN).await?.unwrap_or_default(),
            titles: self.kept(TITLES).await?.unwrap_or_default(),
            left: ASKED_MAX,
        };
        let (before, requests) = (known.known.len(), self.post().await?.requests());
        let mut letters = Vec::new();
        for (_, letter) in &kept {
            let mail = mailbox.open(session.chain(), letter);
            let shown = match &mail {
                Ok(mail) => Shown::check(session, letter, mail, &requests, now).await,
                Err(error) => Err(error.clone()),
            };
            letters.push(match (shown, mail) {
                (Ok(shown), Ok(mail)) => match self.allowed(&opened.doctor, &mail).await {
                    Ok(allowed) => {
                        let told = (&shown, &mail, allowed);
                        self.view(letter, told, &mut known).await?
                    }
                    Err(error) => false_letter(letter, error.into())?,
                },
                (Err(error), _) | (_, Err(error)) => false_letter(letter, error.into())?,
            });
        }
        if known.known.len() > before {
            self.keep(KNOWN, &known.known).await?;
        }
        told(&ClinicLettersView {
            letters,
            silent: fault.map(|error| error.to_string()),
        })
    }
}

impl ClinicianClient {
    async fn view(
        &self,
        letter: &KeptLetter,
        (shown, mail, allowed): (&Shown, &Mail, Option<(&Letter, GrantEntry)>),
        known: &mut Records,
    ) -> Result<ClinicLetterView, Trouble> {
        let mut view = ClinicLetterView {
            letter: letter.id().to_string(),
            arrived: letter.arrived.get(),
            kind: mail.content.kind().to_owned(),
            reply: mail.reply.is_some(),
            ..ClinicLetterView::default()
        };
        match &mail.content {
            Content::Share(share) => view.records = self.lines([share.record], known).await?,
            Content::Answer(Answer { decision, .. }) => match decision {
                Decision::Granted(_) => view.kind = "granted".to_owned(),
                Decision::Denied(reason) => {
                    view.kind = "denied".to_owned();
                    view.text = reason.as_ref().map(ToString::to_string);
                }
            },
            Content::Correction(wrong) => {
                view.about = Some(wrong.record.to_string());
                view.text = Some(wrong.text.to_string());
            }
            Content::Notice(notice) => view.text = Some(notice.text.to_string()),
            Content::Request(_) | Content::StandingLetter(_) => {}
        }
        if let Some((letter, entry)) = allowed {
            view.purpose = Some(letter.terms.purpose.name().to_owned());
            view.until = Some(entry.grant.until.get());
            view.state = Some(entry.state.name().to_owned());
            let records = letter.records.iter().map(|named| named.record);
            view.records = self.lines(records, known).await?;
        }
        if let Shown::Granted { request, .. } | Shown::Denied { request, .. } = shown {
            view.request = Some(request.to_string());
        }
        Ok(view)
    }

    /// The letter of a grant, when this is one, and the grant as the chain has it.
    ///
    /// # Errors
    /// [`Refusal::GrantUnknown`] when it is proven that there is none; what is wrong with a letter
    /// of other terms than the grant has, or for another reader.
    async fn allowed<'a>(
        &self,
        doctor: &Doctor,
        mail: &'a Mail,
    ) -> Result<Option<(&'a Letter, GrantEntry)>, ClientError> {
        let (Content::StandingLetter(letter)
        | Content::Answer(Answer {
            decision: Decision::Granted(letter),
            ..
        })) = &mail.content
        else {
            return Ok(None);
        };
        let entry = self.session.find_grant(letter.grant).await?;
        let entry = entry.ok_or(Refusal::GrantUnknown)?;
        let checked = doctor.check_letter(&self.session, letter, &entry.grant);
        checked.await?;
        Ok(Some((letter, entry)))
    }

    /// Records with what is known of them. The chain is asked once for each, and for some at a
    /// time; of what it does not have nothing is told.
    async fn lines(
        &self,
        records: impl IntoIterator<Item = RecordId>,
        known: &mut Records,
    ) -> Result<Vec<LineView>, Trouble> {
        let mut lines = Vec::new();
        for record in records {
            let is_told = known.known.contains_key(&record);
            if !is_told && known.left > 0 && !self.unknown.borrow().contains(&record) {
                known.left = known.left.saturating_sub(1);
                match self.session.find_record(record).await? {
                    Some(entry) => {
                        known.known.insert(record, KnownRecord::from(&entry));
                    }
                    None => {
                        self.unknown.borrow_mut().insert(record);
                    }
                }
            }
            let found = known.known.get(&record);
            let read = known.titles.get(&record);
            lines.extend(found.map(|found| line(record, found, read)));
        }
        Ok(lines)
    }
}

/// What is known of records.
struct Records {
    known: Known,
    titles: Titles,
    /// For how many more the chain is asked.
    left: usize,
}

impl From<&RecordEntry> for KnownRecord {
    fn from(entry: &RecordEntry) -> Self {
        Self {
            hospital: entry.hospital,
            admitted: entry.admitted,
        }
    }
}

fn line(record: RecordId, known: &KnownRecord, read: Option<&ReadNote>) -> LineView {
    LineView {
        record: record.to_string(),
        hospital: known.hospital.to_string(),
        admitted: known.admitted.into(),
        title: read.map(|read| read.title.clone()),
        words: read.map(|read| read.words.clone()),
        level: read.map(|read| read.level.clone()),
    }
}

/// A letter that is not what it says. Only a node that does not answer stops.
fn false_letter(letter: &KeptLetter, trouble: Trouble) -> Result<ClinicLetterView, Trouble> {
    match trouble.fault {
        Fault::Unreachable | Fault::Busy | Fault::NodeLies | Fault::Behind => Err(trouble),
        _ => Ok(ClinicLetterView {
            letter: letter.id().to_string(),
            arrived: letter.arrived.get(),
            kind: "false".to_owned(),
            fault: Some(trouble.message),
            ..ClinicLetterView::default()
        }),
    }
}
