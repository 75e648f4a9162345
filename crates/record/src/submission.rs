//! The ways in: what an author hands over is read, checked, grouped, and compared with the token.
//!
//! Accepted are a Bundle of any type, a single resource, NDJSON of a bulk export (gzipped too), and
//! several files of the last two together. What is odd but may be right is a [`Concern`]: it is
//! told before anything is sealed, and goes on only when the author accepts it by its name.

use std::{collections::BTreeSet, fmt};

use yilian_protocol::Quarter;

use crate::{
    Error,
    encounter::{GroupingError, Visit, name, visits},
    fhir::{BulkReader, Bundle, Directory, Report, Resource},
    media::{self, MediaType},
    subject::{foreign_to, people},
};

/// What was handed over, sound by the standard.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The bundle, or a collection of the resources.
    pub bundle: Bundle,
    /// What is worth knowing about it.
    pub report: Report,
}

impl Submission {
    /// Reads and checks the contents of one or more files, which may refer to each other and to
    /// `known`.
    ///
    /// # Errors
    /// [`Error`]: all faults of the resources at once; `SeveralBundles` when a bundle is among
    /// several files.
    pub fn read(files: &[impl AsRef<[u8]>], known: &Directory) -> Result<Self, Error> {
        if let [only] = files {
            match Bundle::check(only.as_ref(), known) {
                Ok((bundle, report)) => return Ok(Self { bundle, report }),
                Err(Error::NotABundle { .. }) => {}
                Err(error) if !is_lines(only.as_ref()) => return Err(error),
                Err(_) => {}
            }
        }
        let mut resources = Vec::new();
        for file in files {
            resources.append(&mut loose(file.as_ref())?);
        }
        let bundle = Bundle::collection(resources);
        let report = bundle.validate_loose(known)?;
        Ok(Self { bundle, report })
    }

    /// Only what is about the patient called `patient`, and what is about nobody: of an export of
    /// many. What names another patient, or is reached only from what does, is left out; the labels
    /// of the bundle stay. `None` when nobody is called so.
    #[must_use]
    pub fn of_patient(self, patient: &str) -> Option<Self> {
        let resources: Vec<Resource> = self.bundle.resources().cloned().collect();
        let foreign = foreign_to(patient, &resources)?;
        let kept = resources.into_iter().zip(foreign);
        let kept = kept.filter_map(|(resource, foreign)| (!foreign).then_some(resource));
        Some(Self {
            bundle: self.bundle.excerpt(kept),
            report: self.report,
        })
    }

    /// The visits, and what the author should know of them before they are sealed under a token of
    /// the quarter `token`.
    ///
    /// # Errors
    /// [`GroupingError`].
    pub fn visits(self, token: Quarter) -> Result<(Vec<Visit>, Vec<Concern>), GroupingError> {
        let resources: Vec<Resource> = self.bundle.resources().cloned().collect();
        let mut concerns = foreign(&resources);
        let visits = visits(self.bundle)?;
        concerns.extend(out_of_time(&visits, token));
        Ok((visits, concerns))
    }
}

/// NDJSON, plain or gzipped.
fn is_lines(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b]) || media::detect(bytes) == Ok(MediaType::FhirNdjson)
}

/// The resources of a file that is no bundle.
fn loose(bytes: &[u8]) -> Result<Vec<Resource>, Error> {
    if is_lines(bytes) {
        let mut reader = BulkReader::default();
        reader.read(bytes)?;
        return Ok(reader.into_resources());
    }
    let resource = Resource::parse(bytes)?;
    match resource.resource_type().as_str() {
        "Bundle" => Err(Error::SeveralBundles),
        _ => Ok(vec![resource]),
    }
}

/// What is odd, and may be right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Concern {
    /// Resources are about somebody else than the patient of the rest.
    OtherPatient {
        /// Whom they are about.
        other: String,
        /// Whom the rest is about.
        patient: String,
        /// How many they are.
        count: usize,
        /// One of them.
        example: String,
    },
    /// The care was given in another quarter than the token is for.
    OtherQuarter {
        /// Of the care.
        care: Quarter,
        /// Of the token.
        token: Quarter,
    },
    /// Several visits would be sealed under one token.
    History {
        /// How many.
        count: usize,
        /// The first and the last quarter; `None` when none of them is dated.
        quarters: Option<(Quarter, Quarter)>,
        /// Of the token.
        token: Quarter,
    },
}

impl Concern {
    /// What the author names to accept it: the other patient, the quarter of the care, `history`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::OtherPatient { other, .. } => other.clone(),
            Self::OtherQuarter { care, .. } => care.to_string(),
            Self::History { .. } => "history".to_owned(),
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherPatient {
                other,
                patient,
                count,
                example,
            } => write!(
                f,
                "{count} resources, such as {example}, are about {other}, not about {patient}"
            ),
            Self::OtherQuarter { care, token } => {
                write!(f, "the care was given in {care}, the token is for {token}")
            }
            Self::History {
                count,
                quarters: Some((first, last)),
                token,
            } => write!(
                f,
                "{count} visits from {first} to {last}, under one token for {token}"
            ),
            Self::History { count, token, .. } => {
                write!(
                    f,
                    "{count} visits without a date, under one token for {token}"
                )
            }
        }
    }
}

/// The names of concerns that the author accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted(BTreeSet<String>);

impl<S: Into<String>> FromIterator<S> for Accepted {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl Accepted {
    /// Those of `concerns` that were accepted, to be told as warnings.
    ///
    /// # Errors
    /// [`NotAccepted`] with all the others.
    pub fn pass(&self, concerns: Vec<Concern>) -> Result<Vec<Concern>, NotAccepted> {
        let (accepted, open): (Vec<_>, Vec<_>) = concerns
            .into_iter()
            .partition(|concern| self.0.contains(&concern.name()));
        if open.is_empty() {
            Ok(accepted)
        } else {
            Err(NotAccepted(open))
        }
    }
}

/// What the author has not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAccepted(pub Vec<Concern>);

impl std::error::Error for NotAccepted {}

impl fmt::Display for NotAccepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not sealed before it is accepted by name:")?;
        for concern in &self.0 {
            write!(f, "\n  {concern} (accepted as {:?})", concern.name())?;
        }
        Ok(())
    }
}

/// Resources about others than the patient whom the document, or most of it, is about.
fn foreign(resources: &[Resource]) -> Vec<Concern> {
    let mut people = people(resources).into_iter();
    let Some(patient) = people.next() else {
        return Vec::new();
    };
    let concern = |other: crate::subject::Person| {
        let example = other.resources.iter().find_map(|at| resources.get(*at));
        Concern::OtherPatient {
            patient: patient.name.clone(),
            count: other.resources.len(),
            example: example.map(short_name).unwrap_or_default(),
            other: other.name,
        }
    };
    people.map(concern).collect()
}

/// Type and id, else the full URL, else the type.
fn short_name(resource: &Resource) -> String {
    let kind = resource.resource_type();
    match (resource.id(), resource.full_url()) {
        (Some(id), _) => format!("{kind}/{id}"),
        (None, Some(_)) => name(resource),
        (None, None) => format!("a {kind}"),
    }
}

/// Visits of another quarter than the token's, or several under one token.
fn out_of_time(visits: &[Visit], token: Quarter) -> Option<Concern> {
    let quarters = visits.iter().filter_map(|visit| visit.quarter);
    if visits.len() > 1 {
        return Some(Concern::History {
            count: visits.len(),
            quarters: quarters.clone().min().zip(quarters.max()),
            token,
        });
    }
    let mut others = quarters.filter(|care| *care != token);
    others
        .next()
        .map(|care| Concern::OtherQuarter { care, token })
}
