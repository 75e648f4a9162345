//! A patient's letters: fetched, kept sealed, shown with every claim checked, and answered.
//!
//! A letter is checked once, when it came, and what came of it is kept beside it; again only when
//! it is answered. How many are kept is bounded for each mailbox, so that no hospital's letters
//! push out another's.

use std::{cmp::Reverse, collections::BTreeMap};

use rand::rng;
use serde::{Deserialize, Serialize};
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    ClientError, Patient, Unanswered, Wallet,
    mail::{Asked, KeptLetter, Sender, Shown},
};
use yilian_protocol::{
    GrantId, MailId, MemberId, RequestId, TimeMs, limits::DAY_MS, refusal::Refusal,
};

use super::{
    GivenView, PatientClient, access,
    kept::{ANSWERS, Answered, Answers, GONE, Opened},
};
use crate::{
    device::{self, Entry, LETTERS, id, moment, sealed, unsealed},
    shared::told,
    trouble::{Fault, Trouble},
};

/// Letters that are kept of one mailbox. A node holds 256 at most until they are fetched.
const KEPT_MAX: usize = 100;
/// How long a letter is in doubt before it is checked again.
const DOUBT_MS: u64 = 5 * 60_000;
/// How long a letter is kept: two years.
const KEPT_MS: u64 = 2 * 366 * DAY_MS;
/// Letters that are known to be kept no more. One of them that its node did not delete, and hands
/// out again, stays away.
const GONE_MAX: usize = 2_000;

/// The letters that are kept, by their ids.
pub(super) type Letters = BTreeMap<MailId, Filed>;

/// A letter, and what came of checking it, when it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filed {
    letter: KeptLetter,
    shown: Option<LetterView>,
    /// What is shown of a letter whose fault may pass, and when that was found. It is not kept.
    #[serde(skip)]
    doubt: Option<(TimeMs, LetterView)>,
}

impl Filed {
    /// What goes first: what says what is not so, and then what may not be so.
    fn rank(&self) -> u8 {
        let fault = self.shown.as_ref().map(|shown| &shown.fault);
        match (fault.is_some_and(Option::is_some), &self.doubt) {
            (true, _) => 2,
            (false, Some(_)) => 1,
            (false, None) => 0,
        }
    }

    /// Whether it is to be checked at `now`: it was not, or a fault of a while ago may have passed.
    fn is_due(&self, now: TimeMs) -> bool {
        let doubt = self.doubt.as_ref();
        let is_old = doubt.is_none_or(|(at, _)| at.distance_ms(now) >= DOUBT_MS);
        self.shown.is_none() && is_old
    }

    /// What is shown of it.
    fn view(&self) -> Option<&LetterView> {
        let doubt = self.doubt.as_ref().map(|(_, view)| view);
        self.shown.as_ref().or(doubt)
    }
}

/// Which letters there is no room for at `now`, by the chain's clock: of each mailbox those behind
/// the first [`KEPT_MAX`], false ones last and then the oldest, and all that are too old.
fn surplus(letters: &Letters, now: TimeMs) -> Vec<MailId> {
    let mut mailboxes: BTreeMap<MemberId, Vec<(MailId, &Filed)>> = BTreeMap::new();
    for (id, filed) in letters {
        let mailbox = mailboxes.entry(filed.letter.keeper).or_default();
        mailbox.push((*id, filed));
    }
    let mut gone = Vec::new();
    for mut letters in mailboxes.into_values() {
        letters.sort_by_key(|(id, filed)| (filed.rank(), Reverse(filed.letter.arrived), *id));
        let is_over = |(place, (_, filed)): &(usize, (MailId, &Filed))| {
            let age = now.get().saturating_sub(filed.letter.arrived.get());
            *place >= KEPT_MAX || age > KEPT_MS
        };
        let over = letters.into_iter().enumerate().filter(is_over);
        gone.extend(over.map(|(_, (id, _))| id));
    }
    gone
}

/// The letters that this browser keeps, newest first.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct LettersView {
    /// The letters.
    pub letters: Vec<LetterView>,
    /// Members whose nodes do not tell all.
    pub silent: Vec<String>,
}

/// A letter.
#[derive(Debug, Clone, Serialize, Deserialize, Tsify)]
pub struct LetterView {
    /// Its id.
    pub letter: String,
    /// When it came to the mailbox.
    pub arrived: u64,
    /// The member whose node kept it.
    pub keeper: String,
    /// What it is: `request`, `notice`, or the name of what is meant for others. `false` when it
    /// is not what it says, `doubtful` when that may turn out otherwise.
    pub kind: String,
    /// The request, when it is one.
    pub request: Option<AskedView>,
    /// Who wrote it, when that is checked.
    pub by: Option<SenderView>,
    /// What it says.
    pub text: Option<String>,
    /// How it was answered. `ordered` and `refused`: access was ordered for it, and did not come
    /// to an answer yet, or was refused.
    #[tsify(type = "\"granted\" | \"denied\" | \"ordered\" | \"refused\"")]
    pub answered: Option<String>,
    /// The grant that was ordered for it.
    pub grant: Option<String>,
    /// Why it is not what it says, when it is not.
    pub fault: Option<String>,
}

/// A certified person.
#[derive(Debug, Clone, Serialize, Deserialize, Tsify)]
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
#[derive(Debug, Clone, Serialize, Deserialize, Tsify)]
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
    /// kept. Those that came are checked.
    ///
    /// # Errors
    /// When the browser does not keep them: then they stay where they were.
    pub async fn letters(&self, now: f64) -> Result<Ts<LettersView>, Trouble> {
        let (patient, now) = (self.patient()?, moment(now)?);
        let (session, rng) = (&self.session, &mut rng());
        self.read_letters().await?;
        let inbox = patient.inbox(session, now, rng).await;
        self.file(&patient, &inbox.letters).await?;
        if !inbox.letters.is_empty() {
            // Where that does not come through, they come again, and are the same.
            drop(patient.discard(session, &inbox.letters, now, rng).await);
        }
        self.check_letters(&patient, now).await?;
        self.clear_surplus().await?;
        let silent = inbox.silent.iter().map(|(member, _)| member.to_string());
        told(&LettersView {
            letters: self.letter_views(patient.wallet())?,
            silent: silent.collect(),
        })
    }

    /// Deletes a letter, and what is known of its answer.
    ///
    /// # Errors
    /// When the browser does not keep that: then it is there as it was.
    #[wasm_bindgen(js_name = deleteLetter)]
    pub async fn delete_letter(&self, letter: String) -> Result<(), Trouble> {
        self.read_letters().await?;
        self.take_away(&[id(&letter)?]).await
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
        if let Some((_, "ordered")) = on_its_way(patient.wallet(), asked.id) {
            return Err(Trouble::invalid(
                "access is ordered: that is to be finished",
            ));
        }
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
        // It was ordered, and whether it stands is not known: it is to be finished.
        let answered = answered.map_err(|trouble| match on_its_way(patient.wallet(), asked.id) {
            Some((_, "ordered")) => Trouble {
                fault: Fault::MayStand,
                ..trouble
            },
            _ => trouble,
        });
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
    /// Reads the letters that are kept, once. One that is damaged, or of another wallet, hides none
    /// of the others.
    async fn read_letters(&self) -> Result<(), Trouble> {
        let opened = self.opened()?;
        if opened.borrow().letters.is_some() {
            return Ok(());
        }
        let mut letters = Letters::new();
        for name in self.shelf.names(LETTERS).await? {
            let Some(bytes) = self.shelf.read(&name).await? else {
                continue;
            };
            match unsealed::<Filed>(&opened.borrow().home, &name, &bytes) {
                Ok(filed) => {
                    letters.insert(filed.letter.id(), filed);
                }
                Err(trouble) if trouble.fault == Fault::Damaged => {}
                Err(trouble) => return Err(trouble),
            }
        }
        // Whoever read them meanwhile has filed what came since.
        opened.borrow_mut().letters.get_or_insert(letters);
        Ok(())
    }

    /// Keeps letters that came, those that are new. What does not open is no letter, and takes no
    /// room: anybody can make it.
    async fn file(&self, patient: &Patient, came: &[KeptLetter]) -> Result<(), Trouble> {
        let opened = self.opened()?;
        let filed = {
            let opened = opened.borrow();
            let is_new = |letter: &&KeptLetter| {
                let id = letter.id();
                !opened.filed().any(|(known, _)| *known == id) && !opened.gone.contains(&id)
            };
            let opens = |letter: &&KeptLetter| patient.open_letter(&self.session, letter).is_ok();
            let new = came.iter().filter(is_new).filter(opens).cloned();
            let filed = new.map(|letter| Filed {
                letter,
                shown: None,
                doubt: None,
            });
            filed.collect::<Vec<_>>()
        };
        self.keep_filed(filed).await
    }

    async fn keep_filed(&self, filed: Vec<Filed>) -> Result<(), Trouble> {
        if filed.is_empty() {
            return Ok(());
        }
        let opened = self.opened()?;
        let sealed = |filed: &Filed| -> Result<Entry, Trouble> {
            let name = name(filed.letter.id());
            sealed(&opened.borrow().home, &name, filed, &mut rng())
        };
        let entries = filed.iter().map(sealed).collect::<Result<Vec<_>, _>>()?;
        self.shelf.write(&entries).await?;
        let mut opened = opened.borrow_mut();
        let letters = opened.letters.get_or_insert_default();
        letters.extend(filed.into_iter().map(|filed| (filed.letter.id(), filed)));
        Ok(())
    }

    /// Checks the letters that were not: a false one hides none of the others. Only a node that
    /// does not answer, or falsely, stops. A fault that may pass is not kept: a node that is behind
    /// or a clock that is wrong makes no letter false for ever.
    async fn check_letters(&self, patient: &Patient, now: TimeMs) -> Result<(), Trouble> {
        let opened = self.opened()?;
        let unchecked: Vec<Filed> = {
            let opened = opened.borrow();
            let unchecked = opened.filed().filter(|(_, filed)| filed.is_due(now));
            unchecked.map(|(_, filed)| filed.clone()).collect()
        };
        if unchecked.is_empty() {
            return Ok(());
        }
        let registry = self.registry().await?;
        let (mut checked, mut doubts) = (Vec::with_capacity(unchecked.len()), Vec::new());
        for Filed { letter, .. } in unchecked {
            let shown = match patient.open_letter(&self.session, &letter) {
                Ok(mail) => {
                    let parts = (&letter, &mail);
                    Shown::check_among(&self.session, &registry, parts, &[], now).await
                }
                Err(error) => Err(error),
            };
            let is_doubt = shown.as_ref().is_err_and(may_pass);
            let view = letter_view(&letter, shown.map_err(Trouble::from))?;
            match is_doubt {
                true => doubts.push((letter.id(), doubtful(view))),
                false => checked.push(Filed {
                    letter,
                    shown: Some(view),
                    doubt: None,
                }),
            }
        }
        self.keep_filed(checked).await?;
        let mut opened = opened.borrow_mut();
        let letters = opened.letters.get_or_insert_default();
        for (id, view) in doubts {
            if let Some(filed) = letters.get_mut(&id) {
                filed.doubt = Some((now, view));
            }
        }
        Ok(())
    }

    async fn clear_surplus(&self) -> Result<(), Trouble> {
        let opened = self.opened()?;
        let now = self.session.seen().map_or(0, |seen| seen.time.get());
        let gone = match &opened.borrow().letters {
            Some(letters) => surplus(letters, TimeMs::new(now)),
            None => Vec::new(),
        };
        match gone.is_empty() {
            true => Ok(()),
            false => self.take_away(&gone).await,
        }
    }

    /// Takes letters away, for good.
    async fn take_away(&self, letters: &[MailId]) -> Result<(), Trouble> {
        let opened = self.opened()?;
        let entries = {
            let (opened, rng) = (opened.borrow(), &mut rng());
            let (gone, answers) = opened.without(letters);
            [
                sealed(&opened.home, GONE, &gone, rng)?,
                sealed(&opened.home, ANSWERS, &answers, rng)?,
            ]
        };
        let names: Vec<String> = letters.iter().copied().map(name).collect();
        self.shelf.change(&entries, &names).await?;
        let mut opened = opened.borrow_mut();
        // What was noted meanwhile stays noted.
        (opened.gone, opened.answers) = opened.without(letters);
        if let Some(kept) = &mut opened.letters {
            kept.retain(|id, _| !letters.contains(id));
        }
        Ok(())
    }

    /// The letters that are kept, newest first.
    fn letter_views(&self, wallet: &Wallet) -> Result<Vec<LetterView>, Trouble> {
        let opened = self.opened()?;
        let opened = opened.borrow();
        let views = opened.filed().filter_map(|(id, filed)| {
            let mut view = filed.view()?.clone();
            let request = view.request.as_ref();
            let request = request.and_then(|asked| asked.request.parse().ok());
            let noted = opened.answers.get(id).copied();
            let (answered, grant) = answered(noted, wallet, request);
            view.answered = answered.map(str::to_owned);
            view.grant = grant.map(|grant| grant.to_string());
            Some(view)
        });
        let mut views: Vec<LetterView> = views.collect();
        views.sort_by(|one, other| {
            let newer = other.arrived.cmp(&one.arrived);
            newer.then_with(|| one.letter.cmp(&other.letter))
        });
        Ok(views)
    }

    /// The request that a letter is, checked as of now.
    pub(super) async fn asked(
        &self,
        patient: &Patient,
        letter: MailId,
        now: TimeMs,
    ) -> Result<Box<Asked>, Trouble> {
        self.read_letters().await?;
        let kept = {
            let opened = self.opened()?;
            let opened = opened.borrow();
            let mut filed = opened.filed();
            filed
                .find(|(id, _)| **id == letter)
                .map(|(_, filed)| filed.letter.clone())
        };
        let kept = kept.ok_or_else(|| Trouble::invalid("there is no such letter"))?;
        let mail = patient.open_letter(&self.session, &kept)?;
        let registry = self.registry().await?;
        let parts = (&kept, &mail);
        match Shown::check_among(&self.session, &registry, parts, &[], now).await? {
            Shown::Request(asked) => Ok(asked),
            _ => Err(Trouble::invalid("the letter is no request")),
        }
    }

    /// The letter with a request, when it is kept.
    pub(super) async fn letter_of(&self, request: RequestId) -> Result<Option<MailId>, Trouble> {
        self.read_letters().await?;
        let opened = self.opened()?;
        let opened = opened.borrow();
        let request = request.to_string();
        let is_of = |filed: &Filed| {
            let asked = filed
                .shown
                .as_ref()
                .and_then(|shown| shown.request.as_ref());
            asked.is_some_and(|asked| asked.request == request)
        };
        let mut filed = opened.filed();
        Ok(filed.find(|(_, filed)| is_of(filed)).map(|(id, _)| *id))
    }

    pub(super) async fn note_answer(
        &self,
        letter: MailId,
        answered: Answered,
    ) -> Result<(), Trouble> {
        let opened = self.opened()?;
        let entry = {
            let mut opened = opened.borrow_mut();
            opened.answers.insert(letter, answered);
            sealed(&opened.home, ANSWERS, &opened.answers, &mut rng())?
        };
        self.shelf.write(&[entry]).await
    }
}

impl Opened {
    fn filed(&self) -> impl Iterator<Item = (&MailId, &Filed)> {
        self.letters.iter().flatten()
    }

    /// Which letters are gone, and which answers are left, when `letters` are taken away.
    fn without(&self, letters: &[MailId]) -> (Vec<MailId>, Answers) {
        let mut gone = self.gone.clone();
        gone.retain(|id| !letters.contains(id));
        gone.extend_from_slice(letters);
        let over = gone.len().saturating_sub(GONE_MAX);
        gone.drain(..over);
        let mut answers = self.answers.clone();
        answers.retain(|id, _| !letters.contains(id));
        (gone, answers)
    }
}

/// Where a letter lies.
fn name(letter: MailId) -> String {
    format!("{LETTERS}{letter}")
}

/// The grant on its way that was made for a request, and how far it is.
fn on_its_way(wallet: &Wallet, request: RequestId) -> Option<(GrantId, &'static str)> {
    let notes = wallet.grants.iter().rev();
    let mut pending = notes
        .filter(|note| note.answers == Some(request))
        .filter_map(|note| {
            let pending = wallet.pending(note.grant)?;
            Some((note.grant, access::stage(pending)))
        });
    pending.next()
}

/// How a request was answered, and the grant that is on its way. The wallet knows what was granted,
/// also of a browser that ended before it noted the answer.
fn answered(
    noted: Option<Answered>,
    wallet: &Wallet,
    request: Option<RequestId>,
) -> (Option<&'static str>, Option<GrantId>) {
    match (noted, request) {
        (Some(Answered::Granted), _) => return (Some("granted"), None),
        (Some(Answered::Denied), _) => return (Some("denied"), None),
        (None, None) => return (None, None),
        (None, Some(_)) => {}
    }
    let on_its_way = request.and_then(|request| on_its_way(wallet, request));
    if let Some((grant, stage)) = on_its_way {
        return (Some(stage), Some(grant));
    }
    let mut notes = wallet.grants.iter();
    let granted = notes.any(|note| note.answers == request && !note.given_up);
    (granted.then_some("granted"), None)
}

/// Whether the fault of a letter may pass: the register does not have its writer yet, does not let
/// him act now, or a clock is wrong. What it lacks in itself stays.
fn may_pass(error: &ClientError) -> bool {
    use Refusal::{BadSignature, Malformed, RoleNotAllowed, StaleRequest, WrongSigner};
    match error {
        ClientError::Refused(rule) => !matches!(
            rule,
            BadSignature | Malformed | RoleNotAllowed | StaleRequest | WrongSigner
        ),
        ClientError::Letter(_) | ClientError::Crypto(_) | ClientError::NotAsked { .. } => false,
        _ => true,
    }
}

fn doubtful(view: LetterView) -> LetterView {
    LetterView {
        kind: "doubtful".to_owned(),
        ..view
    }
}

/// A letter with what came of checking it.
///
/// # Errors
/// When that was not to be told: a node did not answer, or falsely.
fn letter_view(letter: &KeptLetter, shown: Result<Shown, Trouble>) -> Result<LetterView, Trouble> {
    let mut view = LetterView {
        letter: letter.id().to_string(),
        arrived: letter.arrived.get(),
        keeper: letter.keeper.to_string(),
        kind: "false".to_owned(),
        request: None,
        by: None,
        text: None,
        answered: None,
        grant: None,
        fault: None,
    };
    match shown {
        Ok(shown) => fill(&mut view, shown),
        Err(trouble) => match trouble.fault {
            Fault::Unreachable | Fault::Busy | Fault::NodeLies | Fault::Behind => {
                return Err(trouble);
            }
            _ => view.fault = Some(trouble.message),
        },
    }
    Ok(view)
}

/// Tells what a letter says.
fn fill(view: &mut LetterView, shown: Shown) {
    let kind = match shown {
        Shown::Request(asked) => {
            view.kind = "request".to_owned();
            view.request = Some(AskedView::from(&*asked));
            return;
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
}

pub(super) fn unanswered(unanswered: Unanswered<Trouble>) -> Trouble {
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
#[allow(clippy::unwrap_used)]
mod tests {
    use yilian_crypto::{keystore::Cost, seed::Seed, sign::SigningKey};
    use yilian_protocol::{ChainId, mail::SealedMail};

    use super::*;

    /// A letter to the mailbox at `keeper` that came at `arrived`, and says what is so, or not.
    fn filed(keeper: u8, arrived: u64, is_false: bool) -> (MailId, Filed) {
        let mut bytes = vec![0; 4_096];
        bytes[..8].copy_from_slice(&arrived.to_be_bytes());
        let letter = KeptLetter {
            keeper: MemberId::from_bytes([keeper; 32]),
            mailbox: SigningKey::from_seed(&[1; 32]).verifying_key(),
            arrived: TimeMs::new(arrived),
            sealed: SealedMail::new(bytes).unwrap(),
        };
        let fault = is_false.then(|| Trouble::invalid("nobody's"));
        let record = yilian_protocol::RecordId::from_bytes([1; 32]);
        let shown = fault.map_or(Ok(Shown::Share { record }), Err);
        let shown = Some(letter_view(&letter, shown).unwrap());
        let filed = Filed {
            letter,
            shown,
            doubt: None,
        };
        (filed.letter.id(), filed)
    }

    #[test]
    fn a_fault_that_may_pass_is_looked_at_again() {
        let (_, mut filed) = filed(1, 5, true);
        let now = TimeMs::new(DOUBT_MS);
        assert!(!filed.is_due(now), "it is false for ever");
        assert_eq!(filed.rank(), 2);
        let view = doubtful(filed.shown.take().unwrap());
        assert!(filed.is_due(now));
        filed.doubt = Some((now, view));
        assert!(!filed.is_due(now.plus_ms(DOUBT_MS - 1)));
        assert!(filed.is_due(now.plus_ms(DOUBT_MS)));
        // A clock that was ahead and is set right.
        assert!(filed.is_due(TimeMs::new(0)));
        assert_eq!(
            (filed.rank(), filed.view().unwrap().kind.as_str()),
            (1, "doubtful")
        );
        // What is kept of it is that it is to be checked.
        let kept = serde_json::to_string(&filed).unwrap();
        let kept: Filed = serde_json::from_str(&kept).unwrap();
        assert!(kept.shown.is_none() && kept.is_due(now));

        for rule in [
            Refusal::CertificateUnknown,
            Refusal::CertificateNotYetValid,
            Refusal::CertificateExpired,
            Refusal::CertificateRevoked,
            Refusal::MemberSuspended,
        ] {
            assert!(may_pass(&rule.into()), "{rule:?}");
        }
        assert!(may_pass(&ClientError::ClockAhead { ms: 1 }));
        for rule in [
            Refusal::BadSignature,
            Refusal::Malformed,
            Refusal::StaleRequest,
        ] {
            assert!(!may_pass(&rule.into()), "{rule:?}");
        }
    }

    #[test]
    fn no_flood_pushes_out_another_mailboxs_letters_and_false_ones_go_first() {
        let most = KEPT_MAX as u64;
        let mut letters: Letters = (1..=most).map(|at| filed(1, at, false)).collect();
        letters.extend((0..most).map(|at| filed(2, at, false)));
        assert_eq!(surplus(&letters, TimeMs::new(most)), []);
        let flood: Vec<_> = (0..50).map(|at| filed(1, 1_000 + at, true)).collect();
        let (oldest, _) = filed(1, 1, false);
        letters.extend(flood.iter().cloned());
        let mut gone = surplus(&letters, TimeMs::new(2_000));
        gone.sort();
        let mut expected: Vec<_> = flood.into_iter().map(|(id, _)| id).collect();
        expected.sort();
        assert_eq!(gone, expected);
        // What comes is kept, and the oldest goes for it.
        letters.retain(|id, _| !gone.contains(id));
        letters.extend([filed(1, 2_000, false)]);
        assert_eq!(surplus(&letters, TimeMs::new(2_000)), [oldest]);
        let late = TimeMs::new(KEPT_MS + 2_000);
        assert_eq!(surplus(&letters, late).len(), letters.len() - 1);
    }

    #[test]
    fn letters_that_went_stay_away_and_take_their_answers_along() {
        let wallet = Wallet::new(ChainId::from_bytes([7; 32]));
        let (seed, rng) = (Seed::random(&mut rng()), &mut rng());
        let made = Opened::new(seed, wallet, "jade and paper", Cost::LEAST, rng);
        let (mut opened, _) = made.unwrap();
        let id = |number: u32| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            MailId::from_bytes(bytes)
        };
        opened.answers = [(id(1), Answered::Denied), (id(2), Answered::Granted)].into();
        let (gone, answers) = opened.without(&[id(1)]);
        assert_eq!(gone, [id(1)]);
        assert_eq!(answers.into_keys().collect::<Vec<_>>(), [id(2)]);
        // They are bounded, and those of late are known.
        opened.gone = (0..GONE_MAX as u32).map(id).collect();
        let (gone, _) = opened.without(&[id(5), id(1_000_000)]);
        assert_eq!(gone.len(), GONE_MAX);
        assert_eq!(gone[GONE_MAX - 2..], [id(5), id(1_000_000)]);
    }

    #[test]
    fn what_was_ordered_is_not_told_as_granted() {
        let request = RequestId::from_bytes([3; 32]);
        let grant = GrantId::from_bytes([4; 32]);
        let mut wallet = Wallet::new(ChainId::from_bytes([7; 32]));
        let told = |wallet: &Wallet, noted| answered(noted, wallet, Some(request));
        assert_eq!(told(&wallet, None), (None, None));
        let ordered = |refused: serde_json::Value| {
            let json = serde_json::json!({
                "grant": grant, "refused": refused,
                "transaction": "00", "deposits": [], "letter": "00",
            });
            vec![serde_json::from_value(json).unwrap()]
        };
        wallet.grants.push(yilian_client::GrantNote {
            grant,
            counter: 0,
            terms: None,
            answers: Some(request),
            given_up: false,
        });
        wallet.pending = ordered(serde_json::Value::Null);
        assert_eq!(told(&wallet, None), (Some("ordered"), Some(grant)));
        wallet.pending = ordered("vouchers-used".into());
        assert_eq!(told(&wallet, None), (Some("refused"), Some(grant)));
        wallet.pending.clear();
        assert_eq!(told(&wallet, None), (Some("granted"), None));
        wallet.grants[0].given_up = true;
        assert_eq!(told(&wallet, None), (None, None));
        let denied = Some(Answered::Denied);
        assert_eq!(told(&wallet, denied), (Some("denied"), None));
        assert_eq!(answered(None, &wallet, None), (None, None));
    }

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
