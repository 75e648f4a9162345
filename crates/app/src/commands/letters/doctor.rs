//! A doctor's letters.

use std::path::PathBuf;

use clap::Args;
use yilian_client::{
    ClientError, Doctor, ReadWish, Session,
    calendar::days_after,
    mail::{Content, Decision, Fetched, KeptLetter, Mail, MailNotes, send},
};
use yilian_protocol::{call::Transport, mail::Address, refusal::Refusal, stamp::Stamp};

use super::{Owner, Sent, Subject, checked, letter, list, said, warn_silent, warn_unstamped};
use crate::{
    commands::{Context, now, patient::Leave},
    home::Home,
    intake,
    output::trouble,
    target::Target,
};

/// To whom: a patient tells where letters go with a visit token, and with letters.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct To {
    /// To the patient of this visit token, which may be over
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// To the patient who sent this letter
    #[arg(long = "reply-to", value_name = "LETTER")]
    letter: Option<String>,
}

impl To {
    async fn address<T: Transport>(
        &self,
        home: &Home,
        (name, doctor): (&str, &Doctor),
        session: &Session<T>,
    ) -> anyhow::Result<Address> {
        if let Some(token) = &self.token {
            let token = intake::read_token(token)?;
            let address = token.address(session.chain());
            return Ok(address.map_err(ClientError::from)?);
        }
        let id = self.letter.as_deref().unwrap_or_default();
        let mail = usable(home, (name, doctor), session, id).await?;
        mail.reply.ok_or_else(|| {
            trouble(
                format!("letter {id} tells no address for an answer"),
                "name a visit token of the patient with --token",
            )
        })
    }
}

/// A letter of a doctor's, opened. What it claims is checked, and what it shares: it is taken or
/// answered.
async fn usable<T: Transport>(
    home: &Home,
    (name, doctor): (&str, &Doctor),
    session: &Session<T>,
    id: &str,
) -> anyhow::Result<Mail> {
    let kept = letter(home, Owner::Person(name), id)?;
    let mail = doctor.mailbox().open(session.chain(), &kept)?;
    let requests = home.mail_notes(name)?.requests;
    doctor
        .check_mail(session, &kept, &mail, &requests, now())
        .await?;
    Ok(mail)
}

/// A request to read.
#[derive(Debug, Args)]
pub struct RequestOptions {
    /// The doctor's name
    name: String,
    #[command(flatten)]
    to: To,
    #[command(flatten)]
    leave: Leave,
    #[command(flatten)]
    subject: Subject,
}

pub async fn request(context: &Context, options: RequestOptions) -> anyhow::Result<()> {
    let RequestOptions {
        name,
        to,
        leave,
        subject,
    } = options;
    let (now, rng) = (now(), &mut rand::rng());
    let doctor = context.home.doctor(&name)?;
    let opened = context.open().await?;
    let session = &opened.session;
    let to = to.address(&context.home, (&name, &doctor), session).await?;
    let wish = ReadWish {
        levels: leave.levels(),
        purpose: leave.purpose,
        until: days_after(now, leave.days),
        about: subject.about(),
    };
    let _lock = context.home.lock_person(&name)?;
    let mut notes = context.home.mail_notes(&name)?;
    // One is for the answer: the patient may have none.
    let [stamp, enclosed] = stamps(context, (&name, &doctor), session, &mut notes).await?;
    let enclosed = vec![enclosed];
    let (id, mail) = doctor.request(session, &to, wish, enclosed, now, rng)?;
    notes.requests.push(id);
    context.home.keep_mail_notes(&name, &notes)?;
    let letter = send(session, &to, &mail, &stamp, rng).await?;
    context.output.tell(&Sent {
        request: Some(id),
        ..Sent::new("request", letter)
    })?;
    opened.close();
    Ok(())
}

/// A notice to a patient.
#[derive(Debug, Args)]
pub struct NotifyOptions {
    /// The doctor's name
    name: String,
    #[command(flatten)]
    to: To,
    /// What the patient shall know
    #[arg(long)]
    text: String,
    #[command(flatten)]
    subject: Subject,
}

pub async fn notify(context: &Context, options: NotifyOptions) -> anyhow::Result<()> {
    let NotifyOptions {
        name,
        to,
        text,
        subject,
    } = options;
    let now = now();
    let text = said(&text)?;
    let doctor = context.home.doctor(&name)?;
    let opened = context.open().await?;
    let session = &opened.session;
    let to = to.address(&context.home, (&name, &doctor), session).await?;
    let _lock = context.home.lock_person(&name)?;
    let mut notes = context.home.mail_notes(&name)?;
    let [stamp] = stamps(context, (&name, &doctor), session, &mut notes).await?;
    let mail = doctor.notice(session, &to, subject.about(), (text, now));
    let letter = send(session, &to, &mail, &stamp, &mut rand::rng()).await?;
    context.output.tell(&Sent::new("notice", letter))?;
    opened.close();
    Ok(())
}

/// Stamps of the stock, or of some that are got. The notes are kept without them, and as they are
/// when none are got.
async fn stamps<T: Transport, const COUNT: usize>(
    context: &Context,
    (name, doctor): (&str, &Doctor),
    session: &Session<T>,
    notes: &mut MailNotes,
) -> anyhow::Result<[Stamp; COUNT]> {
    let (now, rng) = (now(), &mut rand::rng());
    let taken = doctor.take_stamps(session, &mut notes.stamps, COUNT, now, rng);
    let taken = taken.await;
    context.home.keep_mail_notes(name, notes)?;
    let taken = <[Stamp; COUNT]>::try_from(taken?);
    Ok(taken.map_err(|_| ClientError::from(Refusal::StampExpired))?)
}

/// A doctor's letters.
#[derive(Debug, Args)]
pub struct InboxOptions {
    /// The doctor's name
    name: String,
    /// Write the share or grant's letter that this letter holds to a file
    #[arg(long, value_name = "LETTER", requires = "out")]
    take: Option<String>,
    /// That file, for `doctor open` and `doctor read`
    #[arg(long, value_name = "FILE", requires = "take")]
    out: Option<PathBuf>,
}

pub async fn inbox(context: &Context, options: InboxOptions) -> anyhow::Result<()> {
    let InboxOptions { name, take, out } = options;
    let out = out.map(|file| context.target(&file)).transpose()?;
    let (now, owner, rng) = (now(), Owner::Person(&name), &mut rand::rng());
    let doctor = context.home.doctor(&name)?;
    let opened = context.open().await?;
    let session = &opened.session;
    let mailbox = doctor.mailbox();
    let Fetched { letters, fault } = mailbox.letters(session, now, rng).await;
    if let Some(fault) = &fault {
        warn_silent(mailbox.address().keeper, fault);
    }
    context.home.keep_letters(owner, &letters)?;
    let ids = letters.iter().map(KeptLetter::id);
    if let Err(error) = mailbox.discard(session, ids.collect(), now, rng).await {
        warn_silent(mailbox.address().keeper, &error);
    }
    if let (Some(id), Some(out)) = (&take, &out) {
        let mail = usable(&context.home, (&name, &doctor), session, id).await?;
        write(session, &doctor, &mail.content, out).await?;
    }
    let requests = context.home.mail_notes(&name)?.requests;
    let open = |letter: &_| mailbox.open(session.chain(), letter);
    let check = |letter, mail| checked(session, letter, mail, &requests, now);
    let inbox = list(context.home.letters(owner)?, open, check).await;
    context.output.tell(&inbox)?;
    refill(context, (&name, &doctor), session).await?;
    opened.close();
    Ok(())
}

/// Gets stamps ahead, unless another command is at work in his name.
async fn refill<T: Transport>(
    context: &Context,
    (name, doctor): (&str, &Doctor),
    session: &Session<T>,
) -> anyhow::Result<()> {
    let Ok(_lock) = context.home.lock_person(name) else {
        return Ok(());
    };
    let mut notes = context.home.mail_notes(name)?;
    let (stock, rng) = (&mut notes.stamps, &mut rand::rng());
    let refilled = doctor.refill(session, stock, now(), rng).await;
    context.home.keep_mail_notes(name, &notes)?;
    warn_unstamped(refilled.map_err(anyhow::Error::from))
}

/// Writes what a letter holds, sealed to the doctor as a file from the patient is.
async fn write<T: Transport>(
    session: &Session<T>,
    doctor: &Doctor,
    content: &Content,
    out: &Target,
) -> anyhow::Result<()> {
    let rng = &mut rand::rng();
    match content {
        Content::Share(share) => {
            let sealed = doctor.reseal(session, share, share.reader, rng);
            out.write_json(&sealed.await?)
        }
        Content::StandingLetter(letter)
        | Content::Answer(yilian_client::mail::Answer {
            decision: Decision::Granted(letter),
            ..
        }) => {
            let sealed = doctor.reseal(session, letter, letter.terms.reader, rng);
            out.write_json(&sealed.await?)
        }
        other => Err(trouble(
            format!("the letter is a {}, which opens nothing", other.kind()),
            "take a share, or the letter of a grant",
        )),
    }
}
