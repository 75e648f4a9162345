//! Letters: what a mailbox holds is fetched, kept beside the keys that open it, and deleted there.

pub mod doctor;
pub mod patient;

use std::fmt;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use yilian_client::{
    ClientError, Session,
    mail::{KeptLetter, Mail, Shown},
};
use yilian_protocol::{
    GrantId, MailId, RecordId, RequestId, TimeMs, codec::Text, limits::MAIL_TEXT_MAX, mail::About,
    refusal::Refusal,
};

use crate::{
    home::Home,
    link::Link,
    output::{trouble, warn},
};

/// Whose letters they are.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// A certified person.
    Person(&'a str),
    /// A patient's wallet.
    Wallet(&'a str),
}

/// As many digits as `inbox` lists of a letter's number.
const DIGITS_MIN: usize = 8;

/// The letter of `id`, or of what it begins with: of fewer digits than are listed it is nobody's
/// word which one is meant.
pub fn letter(home: &Home, owner: Owner<'_>, id: &str) -> anyhow::Result<KeptLetter> {
    // As it is listed, with what stands for the rest.
    let digits = id.trim_end_matches('…').to_ascii_lowercase();
    if digits.len() < DIGITS_MIN {
        return Err(trouble(
            format!("`{id}` is too short for a letter's number"),
            "give at least 8 of its digits, as `inbox` lists them",
        ));
    }
    let letters = home.letters(owner)?;
    let mut found = letters
        .into_iter()
        .filter(|letter| letter.id().to_string().starts_with(&digits));
    match (found.next(), found.next()) {
        (Some(letter), None) => Ok(letter),
        (None, _) => Err(trouble(
            format!("no letter {id} is kept here"),
            "list letters with `inbox`",
        )),
        (Some(_), Some(_)) => Err(trouble(
            format!("several letters begin with {id}"),
            "give more of it",
        )),
    }
}

/// What a person writes.
fn said(text: &str) -> anyhow::Result<Text<MAIL_TEXT_MAX>> {
    Text::new(text).context("the text")
}

/// What a letter is about.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct Subject {
    /// The record that it is about
    #[arg(long)]
    record: Option<RecordId>,
    /// The grant that it is about
    #[arg(long)]
    grant: Option<GrantId>,
}

impl Subject {
    fn about(&self) -> Option<About> {
        let record = self.record.map(About::Record);
        record.or_else(|| self.grant.map(About::Grant))
    }
}

/// Lists letters, each with what comes of checking it: a false one hides none of the others.
async fn list(
    letters: Vec<KeptLetter>,
    open: impl Fn(&KeptLetter) -> Result<Mail, ClientError>,
    check: impl AsyncFn(KeptLetter, Mail) -> Result<Shown, ClientError>,
) -> Inbox {
    let mut listed = Vec::with_capacity(letters.len());
    for letter in letters {
        let (id, arrived) = (letter.id(), letter.arrived);
        let shown = match open(&letter) {
            Ok(mail) => check(letter, mail).await,
            Err(error) => Err(error),
        };
        let fault = shown.as_ref().err().map(ToString::to_string);
        listed.push(Listed {
            letter: id,
            arrived,
            shown: shown.ok(),
            fault,
        });
    }
    Inbox { letters: listed }
}

/// Checks what a letter says to whoever has the mailbox in which it lay.
async fn checked(
    session: &Session<Link>,
    letter: KeptLetter,
    mail: Mail,
    requests: &[RequestId],
    now: TimeMs,
) -> Result<Shown, ClientError> {
    Shown::check(session, &letter, &mail, requests, now).await
}

/// Letters that are kept.
#[derive(Serialize)]
struct Inbox {
    letters: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    letter: MailId,
    arrived: TimeMs,
    #[serde(flatten)]
    shown: Option<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

impl fmt::Display for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Listed {
            letter,
            arrived,
            shown,
            fault,
        } in &self.letters
        {
            let arrived = arrived.to_text();
            write!(f, "{}  {arrived}  ", letter.short())?;
            match (shown, fault) {
                (Some(shown), _) => writeln!(f, "{shown}")?,
                (None, Some(fault)) => writeln!(f, "is not what it says: {fault}")?,
                (None, None) => writeln!(f)?,
            }
        }
        writeln!(f, "{} letters", self.letters.len())
    }
}

/// A letter that was sent.
#[derive(Serialize)]
pub struct Sent {
    sent: &'static str,
    letter: MailId,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantId>,
}

impl Sent {
    /// What was sent, and as which letter.
    pub const fn new(sent: &'static str, letter: MailId) -> Self {
        Self {
            sent,
            letter,
            request: None,
            grant: None,
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} sent as letter {}", self.sent, self.letter.short())
    }
}

/// Tells why no stamps were got ahead: unless it is only that there are none today, of which who
/// writes is told.
///
/// # Errors
/// What went wrong on this side.
fn warn_unstamped(got: anyhow::Result<()>) -> anyhow::Result<()> {
    let Err(error) = got else { return Ok(()) };
    let error: ClientError = error.downcast()?;
    if !matches!(
        error.refusal(),
        Some(Refusal::ForeignVisit | Refusal::StampsUsed)
    ) {
        warn(format_args!("no stamps were got ahead: {error}"));
    }
    Ok(())
}

/// Tells of a mailbox that was not looked into to the end, or of which nothing was deleted.
fn warn_silent(member: impl fmt::Display, error: &ClientError) {
    warn(format_args!(
        "the mailbox at member {member} does not answer as it should: {error}"
    ));
}

/// Tells of grants that were to be revoked, and were not.
pub fn warn_standing(wallet: &str, grants: &[GrantId]) {
    for grant in grants {
        warn(format_args!(
            "grant {grant} could not be revoked and may stand: try again with \
             `yilian patient revoke \"{wallet}\" {grant}`"
        ));
    }
}
