//! The people of the demonstration and what they do with one patient's visits.

use std::{collections::BTreeMap, time::Instant};

use anyhow::Context as _;
use yilian_client::{
    CERTIFICATE_DAYS, CheckIn, Doctor, Draft, Patient, Session, Wallet,
    calendar::{days_after, hours_after},
    drafts,
    grants::Wish,
};
use yilian_crypto::seed::Seed;
use yilian_protocol::{
    Confidentiality, MemberId, RecordId, call::Form, grant::GrantState, refusal::Refusal,
    registry::Role,
};
use yilian_record::{
    encounter::{Visit, visits},
    fhir::{Bundle, Directory},
};

use super::figures::Figures;
use crate::{
    commands::{ca, now},
    home::Home,
    link::Link,
};

/// Everybody, and the network they share.
pub(super) struct Stage<'a> {
    pub figures: Figures,
    home: &'a Home,
    session: &'a Session<Link>,
    known: &'a Directory,
    hospitals: BTreeMap<String, MemberId>,
    doctors: BTreeMap<(String, String), Doctor>,
    reader: Option<Doctor>,
}

/// A sealed visit and what was in it.
struct SealedVisit {
    records: Vec<(RecordId, Draft)>,
}

impl<'a> Stage<'a> {
    pub fn new(home: &'a Home, session: &'a Session<Link>, known: &'a Directory) -> Self {
        Self {
            figures: Figures::default(),
            home,
            session,
            known,
            hospitals: BTreeMap::new(),
            doctors: BTreeMap::new(),
            reader: None,
        }
    }

    /// Plays all visits of one patient.
    pub async fn patient(&mut self, bundle: Bundle) -> anyhow::Result<()> {
        let visits = visits(bundle)?;
        let mut patient = Patient::new(
            &Seed::random(&mut rand::rng()),
            Wallet::new(self.session.chain()),
        );
        let mut sealed = Vec::new();
        for visit in &visits {
            sealed.push(self.seal(&mut patient, visit).await?);
        }
        self.cast_reader().await?;
        let mut equal = vec![true; sealed.len()];
        for (visit, equal) in sealed.iter().zip(&mut equal) {
            *equal &= self.open(&patient, visit).await?;
            *equal &= self.share(&patient, visit).await?;
        }
        self.grant(&mut patient, &sealed, &mut equal).await?;
        self.figures.encounters += sealed.len();
        self.figures.equal += equal.into_iter().filter(|equal| *equal).count();
        Ok(())
    }

    /// Check-in at the hospital, and the doctor seals the visit.
    async fn seal(&mut self, patient: &mut Patient, visit: &Visit) -> anyhow::Result<SealedVisit> {
        let hospital = visit
            .hospital
            .clone()
            .unwrap_or_else(|| "unnamed hospital".to_owned());
        let practitioner = visit.practitioners.first().cloned();
        let practitioner = practitioner.unwrap_or_else(|| "unnamed practitioner".to_owned());
        let member = self.cast_doctor(&hospital, &practitioner).await?;
        let doctor = self
            .doctors
            .get(&(hospital, practitioner))
            .context("the doctor was just cast")?;

        let start = Instant::now();
        let request = CheckIn {
            hospital: member,
            period: visit
                .quarter
                .context("a visit without any date cannot be played")?,
            private: false,
            expires: hours_after(now(), 1),
        };
        let token = patient.check_in(self.session, request, &mut rand::rng());
        let checked = doctor.check_in(self.session, &token, now())?;
        self.figures.note("check-in", start, 0);

        let drafts = drafts::of_visit(visit);
        let start = Instant::now();
        let sealed = doctor
            .seal(
                self.session,
                &checked,
                drafts.clone(),
                now(),
                &mut rand::rng(),
            )
            .await?;
        self.figures.note("seal", start, sealed.bytes);
        Ok(SealedVisit {
            records: sealed.records.into_iter().zip(drafts).collect(),
        })
    }

    /// The patient opens the visit's records. Whether all came back as they went.
    async fn open(&mut self, patient: &Patient, visit: &SealedVisit) -> anyhow::Result<bool> {
        let mut equal = true;
        for (record, draft) in &visit.records {
            let start = Instant::now();
            let opened = patient.open(self.session, *record).await?;
            self.figures
                .note("open", start, opened.verified.content().len());
            equal &= opened.verified.content() == draft.content;
        }
        Ok(equal)
    }

    /// The patient shares the visit's records once, and the second doctor opens them.
    async fn share(&mut self, patient: &Patient, visit: &SealedVisit) -> anyhow::Result<bool> {
        let reader = self.reader.as_ref().context("the reader was cast")?;
        let mut equal = true;
        for (place, (record, draft)) in visit.records.iter().enumerate() {
            let form = if place % 2 == 0 { Form::Gt } else { Form::Lv };
            let start = Instant::now();
            let share = patient
                .share(
                    self.session,
                    *record,
                    reader.certificate(),
                    form,
                    &mut rand::rng(),
                )
                .await?;
            self.figures.note("share", start, 0);
            let start = Instant::now();
            let (_, verified) = reader.open_share(self.session, &share).await?;
            self.figures
                .note("re-open", start, verified.content().len());
            equal &= verified.content() == draft.content;
        }
        Ok(equal)
    }

    /// A standing grant for everything: read, revoke, and the refusal that must follow.
    async fn grant(
        &mut self,
        patient: &mut Patient,
        visits: &[SealedVisit],
        equal: &mut [bool],
    ) -> anyhow::Result<()> {
        let reader = self.reader.as_ref().context("the reader was cast")?;
        let start = Instant::now();
        let wish = Wish {
            levels: Confidentiality::ALL.to_vec(),
            days: 1,
            ..Wish::for_reader(reader.certificate())
        };
        // The hospitals visited suffice; nobody else is looked up.
        let request = wish.request(patient.wallet(), &[], now())?;
        let letter = patient
            .grant(self.session, request, &mut rand::rng())
            .await?
            .letter;
        self.figures.note("grant", start, 0);

        for (visit, equal) in visits.iter().zip(equal) {
            for (record, draft) in &visit.records {
                let start = Instant::now();
                let reading = reader
                    .read(self.session, &letter, *record, now(), &mut rand::rng())
                    .await?;
                let verified = reading.verified;
                self.figures.note("read", start, verified.content().len());
                *equal &= verified.content() == draft.content;
            }
        }
        let start = Instant::now();
        patient
            .set_grant(self.session, letter.grant, GrantState::Revoked)
            .await?;
        self.figures.note("revoke", start, 0);

        let Some((record, _)) = visits.iter().flat_map(|visit| &visit.records).next() else {
            return Ok(());
        };
        let start = Instant::now();
        let refused = reader
            .read(self.session, &letter, *record, now(), &mut rand::rng())
            .await;
        self.figures.note("refuse", start, 0);
        let rule = refused.err().and_then(|error| error.refusal());
        anyhow::ensure!(
            rule == Some(Refusal::GrantRevoked),
            "a revoked grant was served"
        );
        Ok(())
    }

    /// Makes the hospital a member and certifies the doctor, when they first appear.
    async fn cast_doctor(&mut self, hospital: &str, person: &str) -> anyhow::Result<MemberId> {
        let name = self.name(hospital);
        let member = match self.hospitals.get(hospital) {
            Some(member) => *member,
            None => {
                let member = ca::admit(self.home, self.session, &name).await?;
                self.hospitals.insert(hospital.to_owned(), member);
                member
            }
        };
        let key = (hospital.to_owned(), person.to_owned());
        if !self.doctors.contains_key(&key) {
            let doctor = self
                .certify(&name, &format!("{} ({name})", self.name(person)))
                .await?;
            self.doctors.insert(key, doctor);
        }
        Ok(member)
    }

    /// The second doctor, at a hospital of his own, who treats everybody later.
    async fn cast_reader(&mut self) -> anyhow::Result<()> {
        if self.reader.is_none() {
            let hospital = "Second Opinion Hospital";
            ca::admit(self.home, self.session, hospital).await?;
            self.reader = Some(self.certify(hospital, "Dr Second Opinion").await?);
        }
        Ok(())
    }

    async fn certify(&self, member: &str, person: &str) -> anyhow::Result<Doctor> {
        let person: String = person.chars().take(40).collect();
        let validity = (now(), days_after(now(), CERTIFICATE_DAYS));
        ca::certify(
            self.home,
            self.session,
            member,
            (&person, None),
            Role::Doctor,
            validity,
        )
        .await?;
        self.home.doctor(&person)
    }

    /// What a hospital or practitioner is called; names may repeat, so the reference's end goes
    /// with it.
    fn name(&self, reference: &str) -> String {
        let display = self
            .known
            .get(reference)
            .and_then(|listed| listed.display());
        let display: String = display.unwrap_or("unnamed").chars().take(24).collect();
        let tail: String = reference
            .chars()
            .rev()
            .take(6)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        format!("{display} {tail}")
    }
}
