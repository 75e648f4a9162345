//! Asking patients to be let read.

use rand::rng;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{ReadWish, calendar::days_after, mail::send};
use yilian_protocol::{grant::Purpose, mail::Address, refusal::Refusal};

use super::{
    ClinicianClient,
    kept::{AskedNote, MAIL, Post},
};
use crate::{
    device::{self, moment},
    shared::told,
    trouble::{Fault, Trouble},
};

/// Days for which may be asked at most: two years, as grants last.
const DAYS_MAX: u32 = 730;

/// Requests that were sent, the latest first.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct AskedNotesView {
    /// The requests.
    pub asked: Vec<AskedNoteView>,
}

/// A request that was sent.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct AskedNoteView {
    /// Its id, which an answer names.
    pub request: String,
    /// What the patient is called here.
    pub label: String,
    /// Which levels.
    pub levels: Vec<String>,
    /// What for, by its code.
    pub purpose: String,
    /// Until when.
    pub until: u64,
    /// When it was sent.
    pub at: u64,
}

impl From<&AskedNote> for AskedNoteView {
    fn from(note: &AskedNote) -> Self {
        Self {
            request: note.request.to_string(),
            label: note.label.clone(),
            levels: note.levels.clone(),
            purpose: note.purpose.name().to_owned(),
            until: note.until.get(),
            at: note.at.get(),
        }
    }
}

#[wasm_bindgen]
impl ClinicianClient {
    /// Asks the patient of `visit` to be let read records of `levels` for so many days. The request
    /// is kept before it is sent, and so is that its stamps are spent.
    ///
    /// # Errors
    /// [`Fault::NoMailbox`] when the code was scanned; the rule by which there is no stamp, or no
    /// room.
    pub async fn ask(
        &self,
        visit: String,
        levels: Vec<String>,
        purpose: String,
        days: u32,
        now: f64,
    ) -> Result<Ts<AskedNoteView>, Trouble> {
        let (opened, now) = (self.opened()?, moment(now)?);
        let levels = device::levels(&levels)?;
        let purpose: Purpose = purpose
            .parse()
            .map_err(|error| Trouble::new(Fault::Invalid, error))?;
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(Trouble::invalid(
                "not a number of days that may be asked for",
            ));
        }
        let visit = self.visit(&visit).await?;
        let to = visit.token.address(self.session.chain());
        let to: Address = to.map_err(yilian_client::ClientError::from)?;
        let wish = ReadWish {
            levels: levels.clone(),
            purpose,
            until: days_after(now, days.into()),
            about: None,
        };
        let (session, doctor, rng) = (&self.session, &opened.doctor, &mut rng());
        let mut post = self.post().await?;
        // One is for the answer: the patient may have none.
        let taken = doctor.take_stamps(session, &mut post.stamps, 2, now, rng);
        let taken = taken.await;
        self.keep(MAIL, &post).await?;
        let mut taken = taken?.into_iter();
        let (Some(stamp), Some(enclosed)) = (taken.next(), taken.next()) else {
            return Err(yilian_client::ClientError::from(Refusal::StampExpired).into());
        };
        let until = wish.until;
        let (request, mail) = doctor.request(session, &to, wish, vec![enclosed], now, rng)?;
        let asked = AskedNote {
            request,
            label: visit.label,
            levels: levels.iter().map(|level| level.code().to_owned()).collect(),
            purpose,
            until,
            at: now,
        };
        post.asked.push(asked.clone());
        self.keep(MAIL, &post).await?;
        if let Err(error) = send(session, &to, &mail, &stamp, rng).await {
            let trouble = Trouble::from(error);
            // What was refused is not shown as sent. That it did not arrive is the node's word
            // alone: an answer that comes all the same is taken.
            if trouble.rule.is_some() {
                post.set_aside(request);
                self.keep(MAIL, &post).await?;
            }
            return Err(trouble);
        }
        told(&AskedNoteView::from(&asked))
    }

    /// Requests that were sent from this browser, the latest first.
    ///
    /// # Errors
    /// When the browser does not let it look.
    pub async fn asked(&self) -> Result<Ts<AskedNotesView>, Trouble> {
        let post = self.post().await?;
        let asked = post.asked.iter().rev();
        told(&AskedNotesView {
            asked: asked.map(AskedNoteView::from).collect(),
        })
    }
}

impl ClinicianClient {
    pub(super) async fn post(&self) -> Result<Post, Trouble> {
        Ok(self.kept(MAIL).await?.unwrap_or_default())
    }
}
