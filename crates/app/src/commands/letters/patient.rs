//! A patient's letters.

use anyhow::Context as _;
use clap::Args;
use yilian_client::{
    Patient, Session, Wallet,
    mail::{Asked, Shown},
};
use yilian_protocol::{RecordId, call::Transport, codec::Text, stamp::Stamp};

use super::{Owner, Sent, checked, letter, list, said, warn_silent, warn_unstamped};
use crate::{
    commands::{Context, now},
    output::trouble,
};

/// Fetches letters and lists those that are kept.
pub async fn inbox(context: &Context, name: &str) -> anyhow::Result<()> {
    let (now, owner, rng) = (now(), Owner::Wallet(name), &mut rand::rng());
    let mut patient = context.home.patient(name)?;
    let opened = context.open().await?;
    let session = &opened.session;
    let inbox = patient.inbox(session, now, rng).await;
    context.home.keep_letters(owner, &inbox.letters)?;
    let undeleted = patient.discard(session, &inbox.letters, now, rng).await;
    for (hospital, error) in inbox.silent.iter().chain(&undeleted) {
        warn_silent(hospital, error);
    }
    let open = |letter: &_| patient.open_letter(session, letter);
    let check = |letter, mail| checked(session, letter, mail, &[], now);
    let listed = list(context.home.letters(owner)?, open, check).await;
    context.output.tell(&listed)?;
    let before = patient.wallet().stamps.clone();
    let refilled = patient.refill(session, now, rng).await;
    if patient.wallet().stamps != before {
        context.home.keep_wallet(name, patient.wallet())?;
    }
    warn_unstamped(refilled);
    opened.close();
    Ok(())
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
    let mut patient = context.home.patient(name)?;
    let kept = letter(&context.home, Owner::Wallet(name), &options.letter)?;
    let opened = context.open().await?;
    let (session, now, rng) = (&opened.session, now(), &mut rand::rng());
    let mail = patient.open_letter(session, &kept)?;
    let Shown::Request(asked) = checked(session, kept, mail, &[], now).await? else {
        let cause = format!("letter {} is no request", options.letter);
        return Err(trouble(cause, "list letters with `yilian patient inbox`"));
    };
    let keep = |wallet: &Wallet| context.home.keep_wallet(name, wallet);
    let sent = if options.decision.grant {
        grant(&mut patient, session, &asked, keep).await
    } else {
        let denied = patient.answer_denied(session, &asked, reason, now, rng, keep);
        denied.await.map(|letter| Sent::new("answer", letter))
    };
    // And as it is afterwards, though it failed half-way.
    keep(patient.wallet())?;
    context.output.tell(&Sent {
        request: Some(asked.id),
        ..sent?
    })?;
    opened.close();
    Ok(())
}

async fn grant<T: Transport>(
    patient: &mut Patient,
    session: &Session<T>,
    asked: &Asked,
    keep: impl FnMut(&Wallet) -> anyhow::Result<()>,
) -> anyhow::Result<Sent> {
    let (now, rng) = (now(), &mut rand::rng());
    let request = patient.grant_asked(session, asked, now).await?;
    let made = patient.answer_granted(session, asked, request, now, rng, keep);
    let (granted, letter) = made.await?;
    for passed in &granted.passed_over {
        crate::output::warn(format_args!(
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
    let mut patient = context.home.patient(&options.name)?;
    let opened = context.open().await?;
    let (session, now, rng) = (&opened.session, now(), &mut rand::rng());
    let stamp = stamp(context, &options.name, &mut patient, session).await?;
    let written = patient.correct(session, options.record, (text, now), &stamp, rng);
    let letter = written.await?;
    context.output.tell(&Sent::new("correction", letter))?;
    opened.close();
    Ok(())
}

/// A stamp of the wallet's, or of some that are got. The wallet is kept without it.
pub async fn stamp<T: Transport>(
    context: &Context,
    name: &str,
    patient: &mut Patient,
    session: &Session<T>,
) -> anyhow::Result<Stamp> {
    let stamp = patient.stamp(session, now(), &mut rand::rng()).await;
    context.home.keep_wallet(name, patient.wallet())?;
    Ok(stamp?)
}
