//! Who may read, who has read, and how that is given and ended.

use std::{collections::BTreeMap, str::FromStr as _};

use rand::rng;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{
    ClientError, GrantNote, GrantRequest, Granted, Patient,
    grants::{self, Wish},
};
use yilian_protocol::{
    Confidentiality, MemberId, Quarter, Scope, TimeMs,
    disclosure::DisclosureEntry,
    grant::{GrantEntry, GrantState, OpeningEntry, Terms},
};

use super::{Change, PatientClient};
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
    /// `active`, `paused` or `revoked`.
    #[tsify(type = "\"active\" | \"paused\" | \"revoked\"")]
    pub state: String,
    /// When its state was last set.
    pub changed: u64,
    /// When it came onto the chain.
    pub since: u64,
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
            // One that never came onto the chain is proven to be absent.
            if let Some(entry) = self.session.find_grant(note.grant).await? {
                grants.push(self.grant_view(&patient, note, &entry).await?);
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

    /// Lets a certified person read records of `levels` for so many days, and sends the letter.
    ///
    /// # Errors
    /// Whoever does not let it; [`Fault::MayStand`] when it stands and the letter was not sent.
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
        Ok(GrantView {
            grant: note.grant.to_string(),
            state: entry.state.name().to_owned(),
            changed: entry.changed.time.get(),
            since: entry.admitted.time.get(),
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

    /// Makes a grant and sends its letter. A stamp is got before anything stands on the chain; a
    /// grant whose letter cannot be sent is for nobody, and ended again.
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
        let made = patient.grant_kept(session, request, rng, change.keeper());
        let granted = made.await?;
        let sent = patient.mail_letter(session, &granted, &stamp, rng).await;
        let Err(error) = sent else {
            return Ok(GivenView::from(&granted));
        };
        let grant = granted.letter.grant;
        let revoked = patient.set_grant(session, grant, GrantState::Revoked);
        match revoked.await {
            Ok(_) => Err(error.into()),
            Err(_) => Err(Trouble::new(Fault::MayStand, error)),
        }
    }
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
