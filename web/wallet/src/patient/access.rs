//! Who may read, who has read, and how that is given and ended.

use std::{collections::BTreeMap, str::FromStr as _};

use rand::rng;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    ClientError, GrantNote, GrantRequest, Granted, Letter, Patient, PendingGrant,
    grants::{self, Wish},
};
use yilian_protocol::{
    Confidentiality, GrantId, MemberId, Quarter, Scope, TimeMs,
    disclosure::DisclosureEntry,
    grant::{GrantEntry, GrantState, OpeningEntry, Terms},
};

use super::{Change, PatientClient, kept::Answered};
use crate::{
    device::{self, id, moment},
    shared::told,
    trouble::{Fault, Trouble},
};

/// Who may read now, and who was told who the patient is.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct AccessView {
    /// All grants, in the order in which they were made.
    pub grants: Vec<GrantView>,
    /// Every time an identity was opened.
    pub disclosures: Vec<DisclosureView>,
}

/// A grant. What it allows is not known after a recovery from words: only its reader and its
/// guards have the terms then.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct GrantView {
    /// Its id.
    pub grant: String,
    /// How far it is. `given`: it is on the chain, and its reader has the letter. `ordered`: that
    /// is not so yet, as far as is known. `refused`: the ledger did not take it.
    #[tsify(type = "\"given\" | \"ordered\" | \"refused\"")]
    pub stage: String,
    /// The rule by which it was refused.
    pub rule: Option<String>,
    /// `active`, `paused` or `revoked`; `absent` while it is not on the chain.
    #[tsify(type = "\"active\" | \"paused\" | \"revoked\" | \"absent\"")]
    pub state: String,
    /// When its state was last set.
    pub changed: Option<u64>,
    /// When it came onto the chain.
    pub since: Option<u64>,
    /// When it ends.
    pub until: u64,
    /// Whether it is served in emergencies only.
    pub emergency: bool,
    /// The reader's certificate.
    pub reader: Option<String>,
    /// What for, by its code.
    pub purpose: Option<String>,
    /// What it covers, when its terms are known.
    pub covers: Option<Vec<CoveredView>>,
    /// How many members guard it.
    pub holders: usize,
    /// How many of them said that they erased what they held.
    pub erased: usize,
    /// Every time two clinicians opened it.
    pub openings: Vec<OpeningView>,
}

/// A hospital's records of a level, of some quarters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
pub struct CoveredView {
    /// The hospital.
    pub hospital: String,
    /// The level.
    pub level: String,
    /// The first quarter, as 2026-Q4.
    pub first: String,
    /// The last.
    pub last: String,
}

/// An opening of an emergency grant.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct OpeningView {
    /// When.
    pub at: u64,
    /// Why, as they said.
    pub reason: String,
    /// The certificates of both.
    pub by: Vec<String>,
}

/// That an identity was opened.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct DisclosureView {
    /// When.
    pub at: u64,
    /// Whose case it is.
    pub member: String,
    /// The case.
    pub case: String,
    /// Why.
    pub reason: String,
    /// The certificates of who asked and approved.
    pub by: Vec<String>,
}

/// Who has read with a grant, as its guards tell.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct UsesView {
    /// Each use, oldest first.
    pub told: Vec<UseView>,
    /// Guards that did not tell.
    pub silent: Vec<String>,
}

/// A use of a grant.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct UseView {
    /// The record that was read.
    pub record: String,
    /// The reader's certificate.
    pub reader: String,
    /// When the first guard noted it.
    pub at: u64,
    /// How many guards noted it.
    pub holders: usize,
}

/// A grant that was made, and sent to its reader.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct GivenView {
    /// Its id.
    pub grant: String,
    /// How many records its letter names.
    pub records: usize,
    /// Records that it does not name, since they do not open.
    pub passed_over: Vec<String>,
}

impl From<&Letter> for GivenView {
    fn from(letter: &Letter) -> Self {
        Self {
            grant: letter.grant.to_string(),
            records: letter.records.len(),
            passed_over: Vec::new(),
        }
    }
}

/// How far a grant on its way is.
pub(super) const fn stage(pending: &PendingGrant) -> &'static str {
    match pending.refused {
        Some(_) => "refused",
        None => "ordered",
    }
}

impl From<&Granted> for GivenView {
    fn from(granted: &Granted) -> Self {
        let passed = granted.passed_over.iter();
        Self {
            grant: granted.letter.grant.to_string(),
            records: granted.letter.records.len(),
            passed_over: passed.map(|passed| passed.record.to_string()).collect(),
        }
    }
}

#[wasm_bindgen]
impl PatientClient {
    /// Who may read, and who was told who the patient is. Proven.
    ///
    /// # Errors
    /// When the node does not answer, or its proofs do not verify.
    pub async fn access(&self) -> Result<Ts<AccessView>, Trouble> {
        let patient = self.patient()?;
        let mut grants = Vec::new();
        for note in &patient.wallet().grants {
            let pending = patient.wallet().pending(note.grant);
            match (self.session.find_grant(note.grant).await?, pending) {
                (Some(entry), _) => grants.push(self.grant_view(&patient, note, &entry).await?),
                (None, Some(pending)) => grants.extend(absent(&patient, note, pending)),
                // One that never came onto the chain is proven to be absent.
                (None, None) => {}
            }
        }
        let disclosures = patient.disclosures(&self.session).await?;
        told(&AccessView {
            grants,
            disclosures: disclosures.iter().map(DisclosureView::from).collect(),
        })
    }

    /// Who has read with a grant. Its guards are asked, and one that does not answer keeps nobody
    /// else's word back.
    ///
    /// # Errors
    /// When there is no such grant.
    pub async fn uses(&self, grant: String, now: f64) -> Result<Ts<UsesView>, Trouble> {
        let (patient, grant) = (self.patient()?, id(&grant)?);
        let uses = grants::uses(&self.session, &patient, grant, moment(now)?).await?;
        let silent = uses.silent.iter().map(|(holder, _)| holder.to_string());
        told(&UsesView {
            silent: silent.collect(),
            told: each_once(&uses.told),
        })
    }

    /// Pauses, resumes or ends access; final when it returns.
    ///
    /// # Errors
    /// The rule by which the ledger refuses.
    #[wasm_bindgen(js_name = setGrant)]
    pub async fn set_grant(&self, grant: String, state: String) -> Result<(), Trouble> {
        let state = GrantState::from_str(&state);
        let state = state.map_err(|error| Trouble::new(Fault::Invalid, error))?;
        let patient = self.patient()?;
        let set = patient.set_grant(&self.session, id(&grant)?, state);
        set.await?;
        Ok(())
    }

    /// Goes on with a grant that was ordered and did not come to its end, as it was ordered. When
    /// it was made for a request whose letter is kept, it is the answer to that.
    ///
    /// # Errors
    /// [`Fault::MayStand`] when it still did not; the rule by which it is refused.
    pub async fn finish(&self, grant: String, now: f64) -> Result<Ts<GivenView>, Trouble> {
        let (grant, now) = (id::<GrantId>(&grant)?, moment(now)?);
        let change = self.change()?;
        let mut patient = self.patient()?;
        let mut notes = patient.wallet().grants.iter();
        let request = notes
            .find(|note| note.grant == grant)
            .and_then(|note| note.answers);
        let letter = match request {
            Some(request) => self.letter_of(request).await?,
            None => None,
        };
        let asked = match letter {
            Some(letter) => Some(self.asked(&patient, letter, now).await?),
            None => None,
        };
        let made_for = (grant, asked.as_deref());
        let (session, rng, keeper) = (&self.session, &mut rng(), change.keeper());
        let finished = patient.finish_grant(session, made_for, now, rng, keeper);
        let finished = finished.await.map(|(letter, _)| GivenView::from(&letter));
        let finished = finished.map_err(|trouble| unfinished(&patient, grant, trouble));
        let given = change.end(&patient, finished).await?;
        if let Some(letter) = letter {
            self.note_answer(letter, Answered::Granted).await?;
        }
        told(&given)
    }

    /// Gives up a grant on its way that is not on the chain, or ended: nothing of it is sent again,
    /// and it answers nothing. One that comes onto the chain after all is told, and can be ended.
    ///
    /// # Errors
    /// [`Fault::NotKept`].
    pub async fn dismiss(&self, grant: String) -> Result<(), Trouble> {
        let grant = id(&grant)?;
        let change = self.change()?;
        let mut patient = self.patient()?;
        patient.withdrawn(grant);
        change.end(&patient, Ok(())).await
    }

    /// Lets a certified person read records of `levels` for so many days, and sends the letter.
    ///
    /// # Errors
    /// Whoever does not let it; [`Fault::MayStand`] when it was ordered and did not come to its
    /// end: [`PatientClient::finish`] goes on with it.
    pub async fn give(
        &self,
        reader: String,
        levels: Vec<String>,
        days: u32,
        now: f64,
    ) -> Result<Ts<GivenView>, Trouble> {
        let now = moment(now)?;
        let wish = Wish {
            levels: device::levels(&levels)?,
            days: days.into(),
            ..Wish::for_reader(id(&reader)?)
        };
        let person = self.session.person(wish.reader).await?;
        person.standing(now).map_err(ClientError::from)?;
        let members = self.session.members().await?;
        let change = self.change()?;
        let mut patient = self.patient()?;
        // A grant covers no visit of which the wallet does not know the quarter.
        patient.complete(&self.session).await?;
        let made = match wish.request(patient.wallet(), &members, now) {
            Ok(request) => self.given(&change, &mut patient, request, now).await,
            Err(error) => Err(error.into()),
        };
        told(&change.end(&patient, made).await?)
    }
}

impl PatientClient {
    async fn grant_view(
        &self,
        patient: &Patient,
        note: &GrantNote,
        entry: &GrantEntry,
    ) -> Result<GrantView, Trouble> {
        let session = &self.session;
        let holders = &entry.grant.holders;
        let receipts = session.erasures(note.grant, holders).await?;
        let openings = session.openings(note.grant).await?;
        // Of another grant under the same number the wallet's terms tell nothing.
        let terms = note.terms.as_ref();
        let terms = terms.filter(|terms| terms.commitment() == entry.grant.terms);
        let pending = patient.wallet().pending(note.grant);
        // It is on the chain, whatever was said of it.
        let stage = pending.map_or("given", |_| "ordered");
        Ok(GrantView {
            grant: note.grant.to_string(),
            stage: stage.to_owned(),
            rule: None,
            state: entry.state.name().to_owned(),
            changed: Some(entry.changed.time.get()),
            since: Some(entry.admitted.time.get()),
            until: entry.grant.until.get(),
            emergency: entry.grant.emergency,
            reader: terms.map(|terms| terms.reader.to_string()),
            purpose: terms.map(|terms| terms.purpose.name().to_owned()),
            covers: terms.map(|terms| covers(patient, terms)),
            holders: holders.len(),
            erased: receipts.iter().flatten().count(),
            openings: openings.iter().map(OpeningView::from).collect(),
        })
    }

    /// Makes a grant and sends its letter. A stamp is got before anything stands on the chain. What
    /// was ordered and did not come to its end is kept, to be finished.
    async fn given(
        &self,
        change: &Change<'_>,
        patient: &mut Patient,
        request: GrantRequest,
        now: TimeMs,
    ) -> Result<GivenView, Trouble> {
        let (session, rng) = (&self.session, &mut rng());
        let stamp = patient
            .stamp_kept(session, now, rng, change.keeper())
            .await?;
        change.keep(patient.wallet()).await?;
        let before = patient.wallet().grants.len();
        let made = patient.grant_kept(session, request, rng, change.keeper());
        let sent = match made.await {
            Ok(granted) => {
                let sent = patient.mail_letter(session, &granted.letter, &stamp, rng);
                sent.await.map(|_| granted).map_err(Trouble::from)
            }
            Err(trouble) => Err(trouble),
        };
        let noted = patient.wallet().grants.get(before..).unwrap_or_default();
        let last = noted.last().map(|note| note.grant);
        match (sent, last) {
            (Ok(granted), _) => {
                patient.settle(granted.letter.grant);
                Ok(GivenView::from(&granted))
            }
            (Err(trouble), Some(grant)) => Err(unfinished(patient, grant, trouble)),
            (Err(trouble), None) => Err(trouble),
        }
    }
}

/// Why a grant did not come to its end. As long as it is on its way and not refused, it may stand.
fn unfinished(patient: &Patient, grant: GrantId, trouble: Trouble) -> Trouble {
    match patient.wallet().pending(grant) {
        Some(pending) if pending.refused.is_none() => Trouble {
            fault: Fault::MayStand,
            ..trouble
        },
        _ => trouble,
    }
}

/// A grant that was ordered and is proven not to be on the chain.
fn absent(patient: &Patient, note: &GrantNote, pending: &PendingGrant) -> Option<GrantView> {
    let grant = pending.ordered()?;
    let terms = note.terms.as_ref();
    Some(GrantView {
        grant: note.grant.to_string(),
        stage: stage(pending).to_owned(),
        rule: pending.refused.map(|rule| rule.name().to_owned()),
        state: "absent".to_owned(),
        changed: None,
        since: None,
        until: grant.until.get(),
        emergency: grant.emergency,
        reader: terms.map(|terms| terms.reader.to_string()),
        purpose: terms.map(|terms| terms.purpose.name().to_owned()),
        covers: terms.map(|terms| covers(patient, terms)),
        holders: grant.holders.len(),
        erased: 0,
        openings: Vec::new(),
    })
}

/// What terms cover, by hospital and level.
fn covers(patient: &Patient, terms: &Terms) -> Vec<CoveredView> {
    by_level(&patient.covered(terms))
}

fn by_level(scopes: &[(MemberId, Scope)]) -> Vec<CoveredView> {
    let mut spans = BTreeMap::new();
    for (hospital, scope) in scopes {
        let span = spans.entry((*hospital, scope.confidentiality));
        let (first, last) = span.or_insert((scope.period, scope.period));
        *first = scope.period.min(*first);
        *last = scope.period.max(*last);
    }
    let spans = spans.into_iter();
    let view = |((hospital, level), (first, last)): ((MemberId, Confidentiality), (_, _))| {
        let quarter = |quarter: Quarter| quarter.to_string();
        CoveredView {
            hospital: hospital.to_string(),
            level: level.code().to_owned(),
            first: quarter(first),
            last: quarter(last),
        }
    };
    spans.map(view).collect()
}

/// Each guard tells of a use by its own clock: what one reader read of one record within minutes is
/// one use.
fn each_once(told: &[grants::ToldUse]) -> Vec<UseView> {
    const SAME_MS: u64 = 5 * 60 * 1_000;
    let mut uses: Vec<(UseView, Vec<MemberId>)> = Vec::new();
    for one in told {
        let usage = &one.usage;
        let (record, reader) = (usage.record.to_string(), usage.reader.to_string());
        let same = uses.iter_mut().rev().find(|(known, by)| {
            known.record == record
                && known.reader == reader
                && usage.at.get().abs_diff(known.at) < SAME_MS
                && !by.contains(&one.holder)
        });
        match same {
            Some((known, by)) => {
                by.push(one.holder);
                known.holders = by.len();
            }
            None => {
                let at = usage.at.get();
                let holders = 1;
                let used = UseView {
                    record,
                    reader,
                    at,
                    holders,
                };
                uses.push((used, vec![one.holder]));
            }
        }
    }
    uses.into_iter().map(|(used, _)| used).collect()
}

impl From<&OpeningEntry> for OpeningView {
    fn from(entry: &OpeningEntry) -> Self {
        let opening = &entry.opening;
        let both = [&opening.first, &opening.second];
        Self {
            at: entry.admitted.time.get(),
            reason: opening.reason.to_string(),
            by: both.map(|one| one.certificate.to_string()).to_vec(),
        }
    }
}

impl From<&DisclosureEntry> for DisclosureView {
    fn from(entry: &DisclosureEntry) -> Self {
        let request = &entry.disclosure.request;
        let approvals = entry.disclosure.approvals.iter();
        let approved = approvals.map(|approval| approval.regulator.to_string());
        Self {
            at: entry.admitted.time.get(),
            member: request.member.to_string(),
            case: request.case.to_string(),
            reason: request.reason.to_string(),
            by: std::iter::once(request.by.to_string())
                .chain(approved)
                .collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use yilian_protocol::{
        CertificateId, RecordId,
        grant::{Purpose, Use},
    };

    use super::*;

    #[test]
    fn quarters_of_a_hospital_and_level_are_one_line() {
        let (here, there) = (MemberId::from_bytes([1; 32]), MemberId::from_bytes([2; 32]));
        let scope = |confidentiality, quarter| Scope {
            confidentiality,
            period: Quarter::new(2026, quarter).unwrap(),
            tag: None,
        };
        let (clinical, sensitive) = (Confidentiality::Clinical, Confidentiality::Sensitive);
        let scopes = [
            (here, scope(clinical, 4)),
            (there, scope(clinical, 2)),
            (here, scope(clinical, 2)),
            (here, scope(sensitive, 3)),
        ];
        let lines = by_level(&scopes);
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (line.level.as_str(), line.first.as_str(), line.last.as_str()))
            .collect();
        let expected = [
            ("clinical", "2026-Q2", "2026-Q4"),
            ("sensitive", "2026-Q3", "2026-Q3"),
            ("clinical", "2026-Q2", "2026-Q2"),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_several_guards_tell_of_one_use_is_one_use() {
        let told = |holder: u8, record: u8, at: u64| grants::ToldUse {
            holder: MemberId::from_bytes([holder; 32]),
            usage: Use {
                record: RecordId::from_bytes([record; 32]),
                reader: CertificateId::from_bytes([9; 32]),
                purpose: Purpose::Treatment,
                at: TimeMs::new(at),
            },
        };
        let minute = 60_000;
        let uses = each_once(&[
            told(1, 1, 0),
            told(2, 1, minute),
            told(1, 1, 2 * minute),
            told(1, 2, 2 * minute),
            told(2, 1, 60 * minute),
        ]);
        let uses: Vec<_> = uses.iter().map(|used| (used.at, used.holders)).collect();
        let expected = [(0, 2), (2 * minute, 1), (2 * minute, 1), (60 * minute, 1)];
        assert_eq!(uses, expected);
    }
}
