//! Letters as people are shown them: in a sentence each, with every claim checked.

use std::fmt;

use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{
    CertificateId, ChainId, Confidentiality, GrantId, RecordId, RequestId, TimeMs,
    call::Transport,
    grant::Purpose,
    limits::DAY_MS,
    mail::{
        About, Answer, Content, Correction, Decision, Mail, Notice, ReadRequest, SignedRequest,
    },
    refusal::Refusal,
    registry::Role,
    stamp::Stamp,
    standing::CertifiedPerson,
};

use super::KeptLetter;
use crate::{
    ClientError, Session,
    people::{self, Organisation},
};

/// How far the time that a notice names may be from when it came: a day, for clocks that are wrong.
const NOTICE_AGE_MS: u64 = DAY_MS;

/// A letter, checked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Shown {
    /// A record was shared.
    Share {
        /// The record.
        record: RecordId,
    },
    /// A standing grant was made.
    StandingLetter {
        /// The grant.
        grant: GrantId,
        /// How many records it names.
        records: usize,
    },
    /// A doctor asks to be let read.
    Request(Box<Asked>),
    /// A patient granted what was asked.
    Granted {
        /// The request.
        request: RequestId,
        /// The grant.
        grant: GrantId,
        /// How many records it names.
        records: usize,
    },
    /// A patient did not.
    Denied {
        /// The request.
        request: RequestId,
        /// Why, if the patient said so.
        reason: Option<String>,
    },
    /// The patient of a record finds it wrong.
    Correction {
        /// The record.
        record: RecordId,
        /// What is wrong.
        text: String,
        /// When that was written.
        at: TimeMs,
    },
    /// A certified person lets a patient know something.
    Notice {
        /// Who.
        by: Sender,
        /// What.
        text: String,
        /// What it is about.
        about: Option<String>,
        /// When that was written.
        at: TimeMs,
    },
}

/// A certified person, as people are told him.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Sender {
    /// His certificate.
    pub certificate: CertificateId,
    /// His name.
    pub name: String,
    /// His role.
    pub role: Role,
    /// The member that certified him.
    pub member: String,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} of {}", self.name, self.role, self.member)
    }
}

/// A doctor's request, whose signature and standing were checked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Asked {
    /// What an answer names.
    pub id: RequestId,
    /// Who asks.
    pub reader: Sender,
    /// Which levels he wants to read.
    pub levels: Vec<&'static str>,
    /// What for.
    pub purpose: Purpose,
    /// Until when.
    pub until: TimeMs,
    /// On account of what.
    pub about: Option<String>,
    /// When he asked.
    pub asked_at: TimeMs,
    #[serde(skip)]
    request: ReadRequest,
    /// For the answer.
    #[serde(skip)]
    pub(crate) stamps: Vec<Stamp>,
}

impl Asked {
    /// Checks a request that came to the mailbox `mailbox` with `stamps` for the answer: its
    /// signature, and that the reader stood well when he asked and stands well now.
    async fn check<T: Transport>(
        session: &Session<T>,
        registry: &[Organisation],
        mailbox: &VerifyingKey,
        (signed, stamps): (&SignedRequest, &[Stamp]),
        now: TimeMs,
    ) -> Result<Self, ClientError> {
        let chain = session.chain();
        let request = &signed.request;
        let person = people::certified(registry, request.reader)?;
        signed.verify(chain, mailbox, &person)?;
        person.standing(session.time_to_sign(now).await?)?;
        let levels = request.levels.iter().copied();
        Ok(Self {
            id: signed.id(chain, mailbox),
            reader: Sender::from(&person),
            levels: levels.map(level).collect(),
            purpose: request.purpose,
            until: request.until,
            about: request.about.map(about),
            asked_at: request.asked_at,
            request: request.clone(),
            stamps: stamps.to_vec(),
        })
    }

    /// The record on account of which he asks, when it is one.
    #[must_use]
    pub const fn record(&self) -> Option<RecordId> {
        match self.request.about {
            Some(About::Record(record)) => Some(record),
            _ => None,
        }
    }

    /// Which levels, as a grant names them.
    #[must_use]
    pub fn confidentialities(&self) -> Vec<Confidentiality> {
        self.request.levels.to_vec()
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels = match &self.levels[..] {
            [] => "no".to_owned(),
            [one] => (*one).to_owned(),
            [first @ .., last] => format!("{} and {last}", first.join(", ")),
        };
        write!(
            f,
            "{} asks to read your {levels} records for {} until {}",
            self.reader,
            purpose(self.purpose),
            self.until.to_text()
        )?;
        match &self.about {
            Some(about) => write!(f, ", on account of {about}"),
            None => Ok(()),
        }
    }
}

const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Treatment => "treatment",
        Purpose::EmergencyTreatment => "treatment in an emergency",
        Purpose::Payment => "payment",
        Purpose::Research => "research",
        Purpose::PublicHealth => "public health",
        Purpose::PatientRequest => "what you asked for",
    }
}

const fn level(confidentiality: Confidentiality) -> &'static str {
    match confidentiality {
        Confidentiality::Statistics => "statistics",
        Confidentiality::Clinical => "clinical",
        Confidentiality::Sensitive => "sensitive",
        Confidentiality::Identity => "identity",
    }
}

fn about(about: About) -> String {
    match about {
        About::Record(record) => format!("record {record}"),
        About::Visit(nym) => format!("visit {}", hex::encode(nym.to_bytes())),
        About::Grant(grant) => format!("grant {grant}"),
    }
}

impl From<&CertifiedPerson> for Sender {
    fn from(person: &CertifiedPerson) -> Self {
        let known = person.certificate();
        Self {
            certificate: known.id(),
            name: known.subject.to_string(),
            role: known.role,
            member: person.member().member.name.to_string(),
        }
    }
}

/// Whether it takes the registry to check what a letter says: it names who wrote it.
const fn names_a_person(mail: &Mail) -> bool {
    matches!(mail.content, Content::Request(_) | Content::Notice(_))
}

impl Shown {
    /// Checks what a letter says that came as `letter`. An answer must be to one of `requests`.
    ///
    /// Who wrote it is looked up in the whole of the registry: no node learns from whom somebody
    /// gets letters. Who checks several reads it once, for [`Shown::check_among`].
    ///
    /// # Errors
    /// The rule by which its claim is none: whoever sent it is not who he says, or not allowed.
    pub async fn check<T: Transport>(
        session: &Session<T>,
        letter: &KeptLetter,
        mail: &Mail,
        requests: &[RequestId],
        now: TimeMs,
    ) -> Result<Self, ClientError> {
        let registry = match names_a_person(mail) {
            true => people::registry(session).await?,
            false => Vec::new(),
        };
        Self::check_among(session, &registry, (letter, mail), requests, now).await
    }

    /// The same, among the people of `registry`.
    ///
    /// # Errors
    /// As [`Shown::check`].
    pub async fn check_among<T: Transport>(
        session: &Session<T>,
        registry: &[Organisation],
        (letter, mail): (&KeptLetter, &Mail),
        requests: &[RequestId],
        now: TimeMs,
    ) -> Result<Self, ClientError> {
        let mailbox = &letter.mailbox;
        match &mail.content {
            Content::Share(share) => Ok(Self::Share {
                record: share.record,
            }),
            Content::StandingLetter(letter) => Ok(Self::StandingLetter {
                grant: letter.grant,
                records: letter.records.len(),
            }),
            Content::Request(signed) => {
                let signed = (signed, &mail.stamps[..]);
                let asked = Asked::check(session, registry, mailbox, signed, now);
                Ok(Self::Request(Box::new(asked.await?)))
            }
            Content::Answer(answer) => answered(answer, requests),
            Content::Correction(wrong) => correction(session, mailbox, wrong).await,
            Content::Notice(notice) => told(session.chain(), registry, letter, notice),
        }
    }
}

fn answered(answer: &Answer, requests: &[RequestId]) -> Result<Shown, ClientError> {
    let request = answer.request;
    if !requests.contains(&request) {
        return Err(ClientError::NotAsked { request });
    }
    Ok(match &answer.decision {
        Decision::Granted(letter) => Shown::Granted {
            request,
            grant: letter.grant,
            records: letter.records.len(),
        },
        Decision::Denied(reason) => Shown::Denied {
            request,
            reason: reason.as_ref().map(ToString::to_string),
        },
    })
}

/// A correction is the patient's word: it is signed under the pseudonym under which the chain has
/// the record.
async fn correction<T: Transport>(
    session: &Session<T>,
    mailbox: &VerifyingKey,
    wrong: &Correction,
) -> Result<Shown, ClientError> {
    let entry = session.find_record(wrong.record).await?;
    let entry = entry.ok_or(Refusal::RecordUnknown)?;
    wrong.verify(session.chain(), mailbox, &entry.nym)?;
    Ok(Shown::Correction {
        record: wrong.record,
        text: wrong.text.to_string(),
        at: wrong.at,
    })
}

/// A notice is his who stood well when he wrote it, and when it came: its own time is what its
/// writer says.
fn told(
    chain: ChainId,
    registry: &[Organisation],
    letter: &KeptLetter,
    notice: &Notice,
) -> Result<Shown, ClientError> {
    let person = people::certified(registry, notice.by)?;
    notice.verify(chain, &letter.mailbox, &person)?;
    person.standing(letter.arrived)?;
    if notice.at.distance_ms(letter.arrived) > NOTICE_AGE_MS {
        return Err(Refusal::StaleRequest.into());
    }
    Ok(Shown::Notice {
        by: Sender::from(&person),
        text: notice.text.to_string(),
        about: notice.about.map(about),
        at: notice.at,
    })
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share { record } => write!(f, "a patient shares record {record}"),
            Self::StandingLetter { grant, records } => write!(
                f,
                "a patient grants reading: grant {grant}, {records} records so far"
            ),
            Self::Request(asked) => asked.fmt(f),
            Self::Granted {
                request,
                grant,
                records,
            } => write!(
                f,
                "granted, what was asked with {}: grant {grant}, {records} records so far",
                request.short()
            ),
            Self::Denied { request, reason } => {
                write!(f, "not granted, what was asked with {}", request.short())?;
                match reason {
                    Some(reason) => write!(f, ": {reason}"),
                    None => Ok(()),
                }
            }
            Self::Correction { record, text, .. } => {
                write!(f, "the patient of record {record} finds it wrong: {text}")
            }
            Self::Notice {
                by, text, about, ..
            } => {
                write!(f, "{by} lets you know: {text}")?;
                match about {
                    Some(about) => write!(f, " (about {about})"),
                    None => Ok(()),
                }
            }
        }
    }
}
