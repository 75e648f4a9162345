//! A patient's letters: fetched, kept sealed, shown with every claim checked, and answered.

use rand::rng;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    Patient, Unanswered,
    mail::{Asked, KeptLetter, Sender, Shown},
};
use yilian_protocol::{MailId, RequestId, TimeMs};

use super::{
    GivenView, PatientClient,
    kept::{ANSWERS, Answered},
};
use crate::{
    device::{self, Entry, LETTERS, id, moment, sealed, unsealed},
    shared::told,
    trouble::{Fault, Trouble},
};

/// The letters that this browser keeps, newest first.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct LettersView {
    /// The letters.
    pub letters: Vec<LetterView>,
    /// Members whose nodes do not tell all.
    pub silent: Vec<String>,
}

/// A letter.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct LetterView {
    /// Its id.
    pub letter: String,
    /// When it came to the mailbox.
    pub arrived: u64,
    /// The member whose node kept it.
    pub keeper: String,
    /// What it is: `request`, `notice`, or the name of what is meant for others.
    pub kind: String,
    /// The request, when it is one.
    pub request: Option<AskedView>,
    /// Who wrote it, when that is checked.
    pub by: Option<SenderView>,
    /// What it says.
    pub text: Option<String>,
    /// How it was answered.
    #[tsify(type = "\"granted\" | \"denied\"")]
    pub answered: Option<String>,
    /// Why it is not what it says, when it is not.
    pub fault: Option<String>,
}

/// A certified person.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct SenderView {
    /// The certificate.
    pub certificate: String,
    /// The name.
    pub name: String,
    /// The role.
    pub role: String,
    /// The name of the member that certified.
    pub member: String,
}

/// A request to read.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct AskedView {
    /// Its id.
    pub request: String,
    /// Who asks.
    pub reader: SenderView,
    /// Which levels.
    pub levels: Vec<String>,
    /// What for, by its code.
    pub purpose: String,
    /// Until when.
    pub until: u64,
    /// The record on account of which it is asked, when it is one.
    pub record: Option<String>,
    /// When it was asked.
    pub asked_at: u64,
}

#[wasm_bindgen]
impl PatientClient {
    /// Fetches letters, keeps them, has them deleted where they lay, and tells of all that are
    /// kept.
    ///
    /// # Errors
    /// When the browser does not keep them: then they stay where they were.
    pub async fn letters(&self, now: f64) -> Result<Ts<LettersView>, Trouble> {
        let (patient, now) = (self.patient()?, moment(now)?);
        let (session, rng) = (&self.session, &mut rng());
        let inbox = patient.inbox(session, now, rng).await;
        // What does not open is no letter, and takes no room: anybody can make it.
        let opens = |letter: &&KeptLetter| patient.open_letter(session, letter).is_ok();
        let letters = inbox.letters.iter().filter(opens);
        let entries = letters.map(|letter| self.sealed_letter(letter));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        if !entries.is_empty() {
            self.shelf.write(&entries).await?;
        }
        if !inbox.letters.is_empty() {
            // Where that does not come through, they come again, and are the same.
            drop(patient.discard(session, &inbox.letters, now, rng).await);
        }
        let mut letters = Vec::new();
        for letter in self.kept_letters().await? {
            letters.push(self.letter_view(&patient, &letter, now).await?);
        }
        let silent = inbox.silent.iter().map(|(member, _)| member.to_string());
        told(&LettersView {
            letters,
            silent: silent.collect(),
        })
    }

    /// Gets stamps ahead, so that the next letter that is written follows none at once. That there
    /// are none today is told to who writes.
    ///
    /// # Errors
    /// When the browser does not keep the wallet.
    pub async fn refill(&self, now: f64) -> Result<(), Trouble> {
        let now = moment(now)?;
        let change = self.change()?;
        let mut patient = self.patient()?;
        let (session, rng) = (&self.session, &mut rng());
        let refilled = patient.refill_kept(session, now, rng, change.keeper());
        let refilled = match refilled.await {
            Err(trouble) if trouble.fault == Fault::NotKept => Err(trouble),
            _ => Ok(()),
        };
        change.end(&patient, refilled).await
    }

    /// Lets who asked with `letter` read records of `levels`, which he asked for, and answers him.
    ///
    /// # Errors
    /// [`Fault::MayStand`] when it did not come to an answer, and access may stand.
    pub async fn approve(
        &self,
        letter: String,
        levels: Vec<String>,
        now: f64,
    ) -> Result<Ts<GivenView>, Trouble> {
        let (letter, now) = (id(&letter)?, moment(now)?);
        let levels = device::levels(&levels)?;
        let change = self.change()?;
        let mut patient = self.patient()?;
        let asked = self.asked(&patient, letter, now).await?;
        // A grant covers no visit of which the wallet does not know the quarter.
        patient.complete(&self.session).await?;
        let mut request = patient.grant_asked(&self.session, &asked, now).await?;
        request
            .confidentialities
            .retain(|level| levels.contains(level));
        if request.confidentialities.is_empty() {
            return Err(Trouble::invalid("nothing of what was asked for is allowed"));
        }
        let (session, rng, keeper) = (&self.session, &mut rng(), change.keeper());
        let answered = patient.answer_granted(session, &asked, request, now, rng, keeper);
        let answered = answered.await.map_err(unanswered);
        let answered = answered.map(|(granted, _)| GivenView::from(&granted));
        let given = change.end(&patient, answered).await?;
        self.note_answer(letter, Answered::Granted).await?;
        told(&given)
    }

    /// Answers who asked with `letter` that he is not let, and ends what was given for it.
    ///
    /// # Errors
    /// As [`PatientClient::approve`].
    pub async fn deny(&self, letter: String, now: f64) -> Result<(), Trouble> {
        let (letter, now) = (id(&letter)?, moment(now)?);
        let change = self.change()?;
        let mut patient = self.patient()?;
        let asked = self.asked(&patient, letter, now).await?;
        let (session, rng, keeper) = (&self.session, &mut rng(), change.keeper());
        let answered = patient.answer_denied(session, &asked, None, now, rng, keeper);
        let answered = answered.await.map(drop).map_err(unanswered);
        change.end(&patient, answered).await?;
        self.note_answer(letter, Answered::Denied).await
    }
}

impl PatientClient {
    fn sealed_letter(&self, letter: &KeptLetter) -> Result<Entry, Trouble> {
        let opened = self.opened()?;
        let opened = opened.borrow();
        let name = format!("{LETTERS}{}", letter.id());
        sealed(&opened.home, &name, letter, &mut rng())
    }

    /// The letters that are kept, newest first. One that is damaged, or of another wallet, hides
    /// none of the others.
    async fn kept_letters(&self) -> Result<Vec<KeptLetter>, Trouble> {
        let mut letters = Vec::new();
        for name in self.shelf.names(LETTERS).await? {
            match self.kept_letter(&name).await {
                Ok(letter) => letters.extend(letter),
                Err(trouble) if trouble.fault == Fault::Damaged => {}
                Err(trouble) => return Err(trouble),
            }
        }
        letters.sort_by_key(|letter| (std::cmp::Reverse(letter.arrived), letter.id()));
        Ok(letters)
    }

    async fn kept_letter(&self, name: &str) -> Result<Option<KeptLetter>, Trouble> {
        let Some(bytes) = self.shelf.read(name).await? else {
            return Ok(None);
        };
        let opened = self.opened()?;
        let letter = unsealed(&opened.borrow().home, name, &bytes)?;
        Ok(Some(letter))
    }

    /// A letter with what comes of checking it: a false one hides none of the others. Only a node
    /// that does not answer stops.
    async fn letter_view(
        &self,
        patient: &Patient,
        letter: &KeptLetter,
        now: TimeMs,
    ) -> Result<LetterView, Trouble> {
        let shown = match patient.open_letter(&self.session, letter) {
            Ok(mail) => Shown::check(&self.session, letter, &mail, &[], now).await,
            Err(error) => Err(error),
        };
        let mut view = LetterView {
            letter: letter.id().to_string(),
            arrived: letter.arrived.get(),
            keeper: letter.keeper.to_string(),
            kind: "false".to_owned(),
            request: None,
            by: None,
            text: None,
            answered: None,
            fault: None,
        };
        match shown {
            Ok(shown) => {
                let request = fill(&mut view, shown);
                view.answered = self.answered(patient, letter.id(), request)?;
            }
            Err(error) => {
                let trouble = Trouble::from(error);
                if matches!(
                    trouble.fault,
                    Fault::Unreachable | Fault::Busy | Fault::NodeLies
                ) {
                    return Err(trouble);
                }
                view.fault = Some(trouble.message);
            }
        }
        Ok(view)
    }

    /// How a letter was answered. The wallet knows what was granted, also of a browser that ended
    /// before it noted the answer.
    fn answered(
        &self,
        patient: &Patient,
        letter: MailId,
        request: Option<RequestId>,
    ) -> Result<Option<String>, Trouble> {
        let opened = self.opened()?;
        let noted = opened.borrow().answers.get(&letter).copied();
        let granted = patient.wallet().grants.iter();
        let granted = request.is_some() && granted.clone().any(|note| note.answers == request);
        let answered = noted.or(granted.then_some(Answered::Granted));
        Ok(answered.map(|answered| answered.name().to_owned()))
    }

    /// The request that a letter is.
    async fn asked(
        &self,
        patient: &Patient,
        letter: MailId,
        now: TimeMs,
    ) -> Result<Box<Asked>, Trouble> {
        let kept = self.kept_letter(&format!("{LETTERS}{letter}")).await?;
        let kept = kept.ok_or_else(|| Trouble::invalid("there is no such letter"))?;
        let mail = patient.open_letter(&self.session, &kept)?;
        match Shown::check(&self.session, &kept, &mail, &[], now).await? {
            Shown::Request(asked) => Ok(asked),
            _ => Err(Trouble::invalid("the letter is no request")),
        }
    }

    async fn note_answer(&self, letter: MailId, answered: Answered) -> Result<(), Trouble> {
        let opened = self.opened()?;
        let entry = {
            let mut opened = opened.borrow_mut();
            opened.answers.insert(letter, answered);
            sealed(&opened.home, ANSWERS, &opened.answers, &mut rng())?
        };
        self.shelf.write(&[entry]).await
    }
}

/// Tells what a letter says. The request's id, when it is one.
fn fill(view: &mut LetterView, shown: Shown) -> Option<RequestId> {
    let kind = match shown {
        Shown::Request(asked) => {
            view.kind = "request".to_owned();
            view.request = Some(AskedView::from(&*asked));
            return Some(asked.id);
        }
        Shown::Notice { by, text, .. } => {
            view.by = Some(SenderView::from(&by));
            view.text = Some(text);
            "notice"
        }
        Shown::Correction { text, .. } => {
            view.text = Some(text);
            "correction"
        }
        Shown::Share { .. } => "share",
        Shown::StandingLetter { .. } => "standing-letter",
        Shown::Granted { .. } => "granted",
        Shown::Denied { .. } => "denied",
    };
    kind.clone_into(&mut view.kind);
    None
}

fn unanswered(unanswered: Unanswered<Trouble>) -> Trouble {
    let (cause, standing) = (unanswered.cause, unanswered.standing);
    match (standing.is_empty(), unanswered.revoked.is_empty()) {
        (false, _) => Trouble::new(Fault::MayStand, cause.message),
        (true, false) => Trouble::new(Fault::Ended, cause.message),
        // Nothing was done, or there was nothing to do.
        (true, true) => cause,
    }
}

impl From<&Sender> for SenderView {
    fn from(sender: &Sender) -> Self {
        Self {
            certificate: sender.certificate.to_string(),
            name: sender.name.clone(),
            role: sender.role.name().to_owned(),
            member: sender.member.clone(),
        }
    }
}

impl From<&Asked> for AskedView {
    fn from(asked: &Asked) -> Self {
        let levels = asked.levels.iter().map(ToString::to_string);
        Self {
            request: asked.id.to_string(),
            reader: SenderView::from(&asked.reader),
            levels: levels.collect(),
            purpose: asked.purpose.name().to_owned(),
            until: asked.until.get(),
            record: asked.record().map(|record| record.to_string()),
            asked_at: asked.asked_at.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_that_may_stand_is_told_before_its_cause() {
        let cause = || Trouble::new(Fault::Unreachable, "no route");
        let grant = || vec![yilian_protocol::GrantId::from_bytes([1; 32])];
        let told = |standing, kept, revoked| {
            unanswered(Unanswered {
                cause: cause(),
                standing,
                kept,
                revoked,
            })
        };
        assert_eq!(told(Vec::new(), Vec::new(), Vec::new()), cause());
        assert_eq!(told(Vec::new(), grant(), Vec::new()), cause());
        for revoked in [Vec::new(), grant()] {
            let stands = told(grant(), Vec::new(), revoked);
            assert_eq!(stands.fault, Fault::MayStand);
            assert_eq!(stands.message, "no route");
        }
        let ended = told(Vec::new(), Vec::new(), grant());
        assert_eq!(ended.fault, Fault::Ended);
    }
}
