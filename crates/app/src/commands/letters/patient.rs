//! A patient's letters.

use anyhow::Context as _;
use clap::Args;
use yilian_client::{
    Patient, Session, Unanswered, Wallet,
    mail::{Asked, KeptLetter, Mail, Shown},
    people,
};
use yilian_protocol::{RecordId, call::Transport, codec::Text, stamp::Stamp};

use super::{Owner, Sent, checked, letter, list, said, warn_silent, warn_standing, warn_unstamped};
use crate::{
    commands::{Context, now},
    home::WalletLock,
    output::{trouble, warn},
};

/// Fetches letters and lists those that are kept.
pub async fn inbox(context: &Context, name: &str) -> anyhow::Result<()> {
    let (now, owner, rng) = (now(), Owner::Wallet(name), &mut rand::rng());
    let patient = context.home.patient(name)?;
    let opened = context.open().await?;
    let session = &opened.session;
    let inbox = patient.inbox(session, now, rng).await;
    context.home.keep_letters(owner, &inbox.letters)?;
    let undeleted = patient.discard(session, &inbox.letters, now, rng).await;
    for (hospital, error) in inbox.silent.iter().chain(&undeleted) {
        warn_silent(hospital, error);
    }
    let letters = context.home.letters(owner)?;
    // Read whole and once: nobody is told who wrote.
    let registry = match letters.is_empty() {
        true => Vec::new(),
        false => people::registry(session).await?,
    };
    let open = |letter: &_| patient.open_letter(session, letter);
    let check = async |letter: KeptLetter, mail: Mail| {
        Shown::check_among(session, &registry, (&letter, &mail), &[], now).await
    };
    let listed = list(letters, open, check).await;
    context.output.tell(&listed)?;
    refill(context, name, session).await?;
    opened.close();
    Ok(())
}

/// Gets stamps ahead, unless another command has the wallet in hand. It is read again: others may
/// have written it while letters were fetched.
async fn refill<T: Transport>(
    context: &Context,
    name: &str,
    session: &Session<T>,
) -> anyhow::Result<()> {
    let Ok(lock) = context.home.lock_wallet(name) else {
        return Ok(());
    };
    let mut patient = context.home.patient(name)?;
    let before = patient.wallet().clone();
    let (now, rng) = (now(), &mut rand::rng());
    let keep = |wallet: &Wallet| context.home.keep_wallet(&lock, wallet);
    let refilled = patient.refill_kept(session, now, rng, keep).await;
    if *patient.wallet() != before {
        keep(patient.wallet())?;
    }
    warn_unstamped(refilled)
}

/// An answer to a doctor's request.
#[derive(Debug, Args)]
pub struct AnswerOptions {
    /// The wallet
    name: String,
    /// The letter in which he asks
    letter: String,
    #[command(flatten)]
    decision: Choice,
    /// Why not; the doctor will read it
    #[arg(long, conflicts_with = "grant")]
    reason: Option<String>,
}

/// What is decided.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Choice {
    /// Grant what he asks for, until when he asks for it, in place of what was granted for it
    #[arg(long)]
    grant: bool,
    /// Grant nothing, and revoke what was granted for it
    #[arg(long)]
    deny: bool,
}

pub async fn answer(context: &Context, options: &AnswerOptions) -> anyhow::Result<()> {
    let AnswerOptions { name, reason, .. } = options;
    let reason = reason.as_deref().map(Text::new).transpose();
    let reason = reason.context("the reason")?;
    let opened = context.open().await?;
    let (lock, mut patient) = context.home.hold_patient(name)?;
    let kept = letter(&context.home, Owner::Wallet(name), &options.letter)?;
    let (session, now, rng) = (&opened.session, now(), &mut rand::rng());
    let mail = patient.open_letter(session, &kept)?;
    let Shown::Request(asked) = checked(session, kept, mail, &[], now).await? else {
        let cause = format!("letter {} is no request", options.letter);
        return Err(trouble(cause, "list letters with `yilian patient inbox`"));
    };
    let keep = |wallet: &Wallet| context.home.keep_wallet(&lock, wallet);
    let sent = if options.decision.grant {
        grant(&mut patient, session, &asked, keep).await
    } else {
        let denied = patient.answer_denied(session, &asked, reason, now, rng, keep);
        denied.await.map(|letter| Sent::new("answer", letter))
    };
    let sent = sent.map_err(|unanswered| told(name, unanswered));
    // And as it is afterwards, though it failed half-way.
    keep(patient.wallet())?;
    context.output.tell(&Sent {
        request: Some(asked.id),
        ..sent?
    })?;
    opened.close();
    Ok(())
}

/// Tells what stands of a request that was not answered, and gives the cause.
fn told(wallet: &str, unanswered: Unanswered<anyhow::Error>) -> anyhow::Error {
    let Unanswered {
        cause,
        standing,
        kept,
        revoked,
    } = unanswered;
    warn_standing(wallet, &standing);
    for grant in kept {
        warn(format_args!(
            "nothing was changed: grant {grant}, of an earlier answer to this request, stands"
        ));
    }
    for grant in revoked {
        warn(format_args!(
            "grant {grant}, of an earlier answer to this request, is revoked, and the doctor was \
             not told"
        ));
    }
    cause.context("the request is not answered")
}

async fn grant<T: Transport>(
    patient: &mut Patient,
    session: &Session<T>,
    asked: &Asked,
    keep: impl FnMut(&Wallet) -> anyhow::Result<()>,
) -> Result<Sent, Unanswered<anyhow::Error>> {
    let (now, rng) = (now(), &mut rand::rng());
    let request = patient.grant_asked(session, asked, now).await;
    let request = request.map_err(anyhow::Error::from)?;
    let made = patient.answer_granted(session, asked, request, now, rng, keep);
    let (granted, letter) = made.await?;
    for passed in &granted.passed_over {
        warn(format_args!(
            "the letter does not name record {}, which does not open: {}",
            passed.record, passed.cause
        ));
    }
    Ok(Sent {
        grant: Some(granted.letter.grant),
        ..Sent::new("answer", letter)
    })
}

/// What is wrong with a record.
#[derive(Debug, Args)]
pub struct CorrectOptions {
    /// The wallet
    name: String,
    /// The record
    record: RecordId,
    /// What is wrong; its author will read it
    #[arg(long)]
    text: String,
}

pub async fn correct(context: &Context, options: &CorrectOptions) -> anyhow::Result<()> {
    let text = said(&options.text)?;
    let opened = context.open().await?;
    let (session, now, rng) = (&opened.session, now(), &mut rand::rng());
    let (patient, stamp) = with_stamp(context, &options.name, session).await?;
    let written = patient.correct(session, options.record, (text, now), &stamp, rng);
    let letter = written.await?;
    context.output.tell(&Sent::new("correction", letter))?;
    opened.close();
    Ok(())
}

/// A stamp of the wallet's, or of some that are got. The wallet is kept without it.
pub async fn stamp<T: Transport>(
    context: &Context,
    lock: &WalletLock,
    patient: &mut Patient,
    session: &Session<T>,
) -> anyhow::Result<Stamp> {
    let (now, rng) = (now(), &mut rand::rng());
    let keep = |wallet: &Wallet| context.home.keep_wallet(lock, wallet);
    let stamp = patient.stamp_kept(session, now, rng, keep).await;
    keep(patient.wallet())?;
    stamp
}

/// The patient of a wallet that is not changed any more, and a stamp of it.
pub async fn with_stamp<T: Transport>(
    context: &Context,
    name: &str,
    session: &Session<T>,
) -> anyhow::Result<(Patient, Stamp)> {
    let (lock, mut patient) = context.home.hold_patient(name)?;
    let stamp = stamp(context, &lock, &mut patient, session).await?;
    Ok((patient, stamp))
}
