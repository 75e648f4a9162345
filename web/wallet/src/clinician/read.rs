//! Records that patients let read: opened, their authors judged then and now.

use rand::rng;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::mail::{Answer, Content, Decision, KeptLetter, Shown};
use yilian_protocol::{RecordId, TimeMs, authored::Verified};

use super::{
    ClinicianClient,
    kept::{ReadNote, TITLES, Titles},
};
use crate::{
    device::{LETTERS, id, moment},
    opened::{OpenedView, Signed},
    shared::told,
    trouble::Trouble,
};

/// Characters of a title, and of what a record is found by, at most.
const TITLE_MAX: usize = 200;
const WORDS_MAX: usize = 2_000;

/// A record that was opened. Its author stood well when he signed it, or it had not opened.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct ReadView {
    /// The record.
    pub opened: OpenedView,
    /// The content, when it is text.
    pub text: Option<String>,
    /// The rule by which its author may not act today, if he may not.
    pub today: Option<String>,
    /// Guards that answered falsely; others sufficed.
    pub wrong: Vec<String>,
}

#[wasm_bindgen]
impl ClinicianClient {
    /// Opens a record that `letter` lets read. Of a standing grant its guards note it.
    ///
    /// # Errors
    /// The rule by which they refuse; [`crate::trouble::Fault::FaultyRecord`].
    pub async fn read(
        &self,
        letter: String,
        record: String,
        now: f64,
    ) -> Result<Ts<ReadView>, Trouble> {
        let (record, now): (RecordId, _) = (id(&record)?, moment(now)?);
        let (verified, wrong) = self.verified(&letter, record, now).await?;
        let entry = self.session.record(record).await?;
        let author = self.session.person(verified.author()).await?;
        let signed = Signed {
            author: verified.author(),
            at: verified.signed_at(),
            scope: verified.scope(),
            media: verified.media(),
            content: verified.content(),
        };
        let name = author.certificate().subject.to_string();
        let text = std::str::from_utf8(verified.content()).ok();
        told(&ReadView {
            opened: OpenedView::new(&entry, &signed, Some(name), None),
            text: text.map(str::to_owned),
            today: author
                .standing(now)
                .err()
                .map(|rule| rule.name().to_owned()),
            wrong,
        })
    }

    /// The bytes of a record's content: to be saved as a file.
    ///
    /// # Errors
    /// As [`ClinicianClient::read`].
    pub async fn bytes(
        &self,
        letter: String,
        record: String,
        now: f64,
    ) -> Result<Vec<u8>, Trouble> {
        let (verified, _) = self.verified(&letter, id(&record)?, moment(now)?).await?;
        Ok(verified.content().to_vec())
    }

    /// Notes what a record that was read is called, and the words by which it is found here.
    ///
    /// # Errors
    /// When the browser does not keep it.
    pub async fn remember(
        &self,
        record: String,
        level: String,
        title: String,
        words: String,
    ) -> Result<(), Trouble> {
        let record: RecordId = id(&record)?;
        let mut titles: Titles = self.kept(TITLES).await?.unwrap_or_default();
        let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
        let note = ReadNote {
            title: cut(&title, TITLE_MAX),
            words: cut(&words, WORDS_MAX),
            level: cut(&level, TITLE_MAX),
        };
        if titles.get(&record) == Some(&note) {
            return Ok(());
        }
        titles.insert(record, note);
        self.keep(TITLES, &titles).await
    }
}

impl ClinicianClient {
    async fn verified(
        &self,
        letter: &str,
        record: RecordId,
        now: TimeMs,
    ) -> Result<(Verified, Vec<String>), Trouble> {
        let opened = self.opened()?;
        let (session, doctor, rng) = (&self.session, &opened.doctor, &mut rng());
        let kept: Option<KeptLetter> = self.kept(&format!("{LETTERS}{letter}")).await?;
        let kept = kept.ok_or_else(|| Trouble::invalid("there is no such letter"))?;
        let mail = doctor.mailbox().open(session.chain(), &kept)?;
        let requests = self.post().await?.requests();
        Shown::check(session, &kept, &mail, &requests, now).await?;
        match &mail.content {
            Content::Share(share) if share.record == record => {
                let sealed = doctor.reseal(session, share, share.reader, rng).await?;
                let (_, verified) = doctor.open_share(session, &sealed).await?;
                Ok((verified, Vec::new()))
            }
            Content::StandingLetter(letter)
            | Content::Answer(Answer {
                decision: Decision::Granted(letter),
                ..
            }) => {
                let reading = doctor.read(session, letter, record, now, rng).await?;
                let wrong = reading.wrong.iter().map(ToString::to_string).collect();
                Ok((reading.verified, wrong))
            }
            _ => Err(Trouble::invalid("the letter lets nobody read this record")),
        }
    }
}
