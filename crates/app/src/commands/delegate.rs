//! Elections: who stands, who votes for whom, who is elected.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde::Serialize;
use yilian_client::{Session, people};
use yilian_crypto::sign::VerifyingKey;
use yilian_node::config;
use yilian_protocol::{
    MemberId,
    call::Transport,
    governance::{CandidateEntry, Seats},
};

use super::Context;
use crate::{home::Home, output::trouble};

/// What is done about elections. Votes count in the ceremony of the epoch after the next; who gets
/// a share there votes from the epoch behind it.
#[derive(Debug, Subcommand)]
pub enum DelegateCommand {
    /// List the candidates with their votes, and the delegates of this epoch and the next two
    List,
    /// Stand a member's node for election, by the member's CA
    Stand {
        /// The node's settings, `node.json`: beside it stands the key with which the node consents
        settings: PathBuf,
        /// Whose node it is, by name
        #[arg(long)]
        member: String,
        /// Withdraw it
        #[arg(long)]
        withdraw: bool,
    },
    /// Vote for a candidate, by a member's CA; replaces the member's vote of before
    Vote {
        /// The candidate's key, as `list` shows it, or the first digits; nobody to take the vote
        /// back
        candidate: Option<String>,
        /// Whose vote, by name
        #[arg(long)]
        by: String,
    },
}

pub async fn run(context: &Context, command: DelegateCommand) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let session = &opened.session;
    match command {
        DelegateCommand::List => {}
        DelegateCommand::Stand {
            settings,
            member,
            withdraw,
        } => stand(&context.home, session, &settings, &member, withdraw).await?,
        DelegateCommand::Vote { candidate, by } => {
            let candidates = session.candidates().await?;
            let chosen = candidate
                .map(|digits| find(&candidates, &digits))
                .transpose()?;
            context.home.member_ca(&by)?.elect(session, chosen).await?;
        }
    }
    context.output.tell(&elections(session).await?)?;
    opened.close();
    Ok(())
}

/// Stands the node of `settings` for election where its settings say that it listens.
pub async fn stand<T: Transport>(
    home: &Home,
    session: &Session<T>,
    settings: &Path,
    member: &str,
    withdraw: bool,
) -> anyhow::Result<()> {
    let ca = home.member_ca(member)?;
    let sequence = session.cast(ca.id()).await?;
    let vault = home.vaults().of(config::folder_of(settings))?;
    let (chain, member) = (session.chain(), ca.id());
    let candidacy = config::candidacy(settings, &vault, chain, member, sequence, !withdraw)?;
    ca.stand(session, candidacy).await?;
    Ok(())
}

/// Fewer digits of a candidate's key are nobody's word which one is meant.
const DIGITS_MIN: usize = 4;

fn find(candidates: &[CandidateEntry], digits: &str) -> anyhow::Result<VerifyingKey> {
    if digits.len() < DIGITS_MIN {
        return Err(trouble(
            format!("`{digits}` is too short for a candidate's key"),
            "give at least 4 of its digits, as `yilian delegate list` tells them",
        ));
    }
    let mut found = candidates
        .iter()
        .filter(|entry| name(&entry.delegate.peer).starts_with(digits));
    match (found.next(), found.next()) {
        (Some(entry), None) => Ok(entry.delegate.peer),
        (None, _) => Err(trouble(
            format!("no candidate `{digits}`"),
            "list them with `yilian delegate list`",
        )),
        _ => Err(trouble(
            format!("several candidates begin with `{digits}`"),
            "give more digits",
        )),
    }
}

fn name(peer: &VerifyingKey) -> String {
    hex::encode(peer.to_bytes())
}

async fn elections<T: Transport>(session: &Session<T>) -> anyhow::Result<Elections> {
    let blocks = session.genesis().governance.epoch_blocks;
    let epoch = blocks.epoch_of(session.status().await?.latest.height);
    let mut epochs = Vec::new();
    for epoch in epoch..=epoch + 2 {
        if let Some(seats) = session.seats(epoch).await? {
            epochs.push(Ceremony { epoch, seats });
        }
    }
    let names = people::names(session).await?;
    let candidate = |entry: CandidateEntry| {
        let member = entry.member.as_ref().and_then(|member| names.get(member));
        Candidate {
            peer: name(&entry.delegate.peer),
            address: entry.delegate.address.0.to_string(),
            owner: entry.member,
            member: member.cloned(),
            stands: entry.stands,
            votes: entry.votes,
        }
    };
    let candidates = session.candidates().await?;
    Ok(Elections {
        epoch,
        epoch_blocks: blocks.get(),
        candidates: candidates.into_iter().map(candidate).collect(),
        epochs,
    })
}

#[derive(Serialize)]
struct Elections {
    epoch: u64,
    epoch_blocks: u32,
    candidates: Vec<Candidate>,
    /// Who gets a share of the group key in which epoch.
    epochs: Vec<Ceremony>,
}

#[derive(Serialize)]
struct Candidate {
    peer: String,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<MemberId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    stands: bool,
    votes: u32,
}

#[derive(Serialize)]
struct Ceremony {
    epoch: u64,
    #[serde(flatten)]
    seats: Seats,
}

impl fmt::Display for Elections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "epoch {} ({} blocks each)",
            self.epoch, self.epoch_blocks
        )?;
        for candidate in &self.candidates {
            let Candidate {
                peer,
                address,
                member,
                stands,
                votes,
                ..
            } = candidate;
            let short: String = peer.chars().take(8).collect();
            let member = member.as_deref().unwrap_or("(genesis)");
            let standing = if *stands { "stands" } else { "withdrawn" };
            writeln!(
                f,
                "{short}  {votes:>3} votes  {standing:<9}  {address:<21}  {member}"
            )?;
        }
        for Ceremony { epoch, seats } in &self.epochs {
            let elected = seats.delegates.iter();
            let elected = elected.map(|delegate| name(&delegate.peer).chars().take(8).collect());
            let elected: Vec<String> = elected.collect();
            writeln!(
                f,
                "shares made in epoch {epoch} go to {}",
                elected.join(" ")
            )?;
        }
        Ok(())
    }
}
